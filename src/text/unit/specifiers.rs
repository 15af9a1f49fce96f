//! Specifiers: what `%n`, `%i`, `%H` and the like stand for in a unit (`systemd.unit(5)`, "Specifiers").

use std::collections::BTreeMap;

use super::words::{Letter, Letters};

/// Letters and what they stand for.
pub type Specifiers = BTreeMap<char, String>;

/// The specifiers of a system unit that its name and the host's name tell.
pub fn specifiers(unit: &str, host: &str) -> Specifiers {
    let name = unit.rsplit_once('.').map_or(unit, |(name, _)| name);
    let (prefix, instance) = name.split_once('@').unwrap_or((name, ""));
    let last = prefix.rsplit('-').next().unwrap_or(prefix);
    let short = host.split('.').next().unwrap_or(host);
    let fixed = [
        ('n', unit),
        ('N', name),
        ('p', prefix),
        ('i', instance),
        ('j', last),
        ('t', "/run"),
        ('S', "/var/lib"),
        ('C', "/var/cache"),
        ('L', "/var/log"),
        ('E', "/etc"),
        ('T', "/tmp"),
        ('V', "/var/tmp"),
        ('h', "/root"),
        ('u', "root"),
        ('U', "0"),
        ('g', "root"),
        ('G', "0"),
        ('%', "%"),
    ];
    let mut known: Specifiers =
        fixed.into_iter().map(|(letter, value)| (letter, value.to_owned())).collect();
    for (letter, escaped) in [('P', prefix), ('I', instance), ('J', last)] {
        known.insert(letter, unescaped(escaped));
    }
    for (letter, name) in [('H', host), ('l', short)] {
        if !name.is_empty() {
            known.insert(letter, name.to_owned());
        }
    }
    known
}

/// `-` is `/`, and `\x2d` a byte (`unit_name_unescape`).
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hex = rest.strip_prefix("\\x").and_then(|rest| rest.get(..2));
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = rest.get(4..).unwrap_or_default();
            continue;
        }
        let letter = if first == '-' { '/' } else { first };
        bytes.extend(letter.to_string().bytes());
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Letters with their specifiers filled in; `Err` is one that only the running system could tell.
///
/// What is no letter after `%` stays as it is (`specifier_printf`).
pub(super) fn filled(letters: &[Letter], known: &Specifiers) -> Result<Letters, String> {
    let mut out = Vec::with_capacity(letters.len());
    let mut rest = letters.iter();
    while let Some(letter) = rest.next() {
        let next = rest.as_slice().first().filter(|_| letter.letter == '%');
        let Some(next) = next else {
            out.push(letter.clone());
            continue;
        };
        let at = letter.at.start..next.at.end;
        match known.get(&next.letter) {
            Some(value) => {
                out.extend(value.chars().map(|letter| Letter { letter, at: at.clone() }));
                rest.next();
            }
            None if next.letter.is_ascii_alphabetic() => return Err(format!("%{}", next.letter)),
            None => out.push(letter.clone()),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_they_can() {
        let known = specifiers("kube-let@a-b\\x2dc.service", "cp1.example.org");
        for (letter, value) in [
            ('n', "kube-let@a-b\\x2dc.service"),
            ('N', "kube-let@a-b\\x2dc"),
            ('p', "kube-let"),
            ('P', "kube/let"),
            ('i', "a-b\\x2dc"),
            ('I', "a/b-c"),
            ('j', "let"),
            ('H', "cp1.example.org"),
            ('l', "cp1"),
        ] {
            assert_eq!(known[&letter], value, "%{letter}");
        }
        assert!(!specifiers("a.service", "").contains_key(&'H'));
    }
}
