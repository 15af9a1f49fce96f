//! Values as Go reads them: booleans, durations, addresses.
//!
//! Owns the reading of single values. What a value means for a control is not decided here.

use std::net::IpAddr;

/// `strconv.ParseBool`: `1 t T TRUE true True 0 f F FALSE false False`.
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Units of `time.ParseDuration`.
const UNITS: [&str; 8] = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];

/// Whether a Go duration is zero (`0`, `0s`, `0h0m`); `None` when it is not a duration.
///
/// Follows `time.ParseDuration`: a sign, then `0` alone or numbers each with a unit, fractions allowed.
pub fn is_zero_duration(text: &str) -> Option<bool> {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return Some(true);
    }
    if rest.is_empty() {
        return None;
    }
    let mut zero = true;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let has_digit = number.bytes().any(|b| b.is_ascii_digit());
        if !has_digit || number.matches('.').count() > 1 {
            return None;
        }
        zero &= number.bytes().all(|b| matches!(b, b'0' | b'.'));
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, next) = tail.split_at(end);
        if !UNITS.contains(&unit) {
            return None;
        }
        rest = next;
    }
    Some(zero)
}

/// Whether an address (`127.0.0.1`, `[::1]:10249`, `localhost:1`, `::1`) is on the loopback interface; `None` when it is not an address.
pub fn is_loopback(text: &str) -> Option<bool> {
    let host = if let Some(bracketed) = text.strip_prefix('[') {
        let (host, port) = bracketed.split_once(']')?;
        if !port.is_empty() && !is_port(port.strip_prefix(':')?) {
            return None;
        }
        host
    } else {
        match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => {
                if !is_port(port) {
                    return None;
                }
                host
            }
            _ => text,
        }
    };
    match host {
        "localhost" => Some(true),
        // `:10249` listens on every interface, as Go reads an empty host.
        "" if text.starts_with(':') => Some(false),
        _ => host.parse::<IpAddr>().ok().map(|address| address.to_canonical().is_loopback()),
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn booleans() {
        for yes in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(go_bool(yes), Some(true), "{yes}");
        }
        for no in ["0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(go_bool(no), Some(false), "{no}");
        }
        for neither in ["", "yes", "off", "tRUE", " true", "01", "2"] {
            assert_eq!(go_bool(neither), None, "{neither}");
        }
    }

    #[test]
    fn durations() {
        for zero in ["0", "0s", "0h0m", "0m0s", "-0", "+0s", "0.0h", ".0s", "0.s", "0ms", "0µs"] {
            assert_eq!(is_zero_duration(zero), Some(true), "{zero}");
        }
        for more in ["4h", "4h0m0s", "1ns", "0h0m1s", "1.5h", "-1s", "0.001ms"] {
            assert_eq!(is_zero_duration(more), Some(false), "{more}");
        }
        for none in ["", "00", "5", "s", ".s", "1 s", "1d", "1s2", "--1s", "never", "1..0s", "+"] {
            assert_eq!(is_zero_duration(none), None, "{none}");
        }
    }

    #[test]
    fn addresses() {
        let loopback = [
            "127.0.0.1",
            "127.0.0.1:10249",
            "127.1.2.3",
            "::1",
            "[::1]",
            "[::1]:10249",
            "localhost",
            "localhost:10249",
            "::ffff:127.0.0.1",
        ];
        for address in loopback {
            assert_eq!(is_loopback(address), Some(true), "{address}");
        }
        for address in
            ["0.0.0.0", "0.0.0.0:10249", "::", "[::]:10249", ":10249", "10.0.0.1", "fe80::1"]
        {
            assert_eq!(is_loopback(address), Some(false), "{address}");
        }
        for text in ["", "example.org", "127.0.0.1:", "127.0.0.1:http", "[::1", "[::1]x", "1.2.3"] {
            assert_eq!(is_loopback(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "\\PC{0,20}") {
            let _ = (go_bool(&text), is_zero_duration(&text), is_loopback(&text));
        }

        #[test]
        fn a_duration_is_zero_exactly_when_all_its_numbers_are(
            parts in proptest::collection::vec((0u32..3, 0usize..UNITS.len()), 1..4),
        ) {
            let written: Vec<String> = parts.iter().map(|(n, unit)| format!("{n}{}", UNITS[*unit])).collect();
            let text = written.concat();
            prop_assert_eq!(is_zero_duration(&text), Some(parts.iter().all(|(n, _)| *n == 0)));
        }
    }
}
