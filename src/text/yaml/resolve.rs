//! What a scalar means: the rules of `sigs.k8s.io/yaml/goyaml.v2/resolve.go`.

use serde_json::Value;

/// Words that are not text when they are written without quotes.
const WORDS: [(&[&str], Word); 4] = [
    (&["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], Word::Bool(true)),
    (
        &["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"],
        Word::Bool(false),
    ),
    (&["", "~", "null", "Null", "NULL"], Word::Null),
    (
        &[
            ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
            "-.Inf", "-.INF",
        ],
        Word::NoJson,
    ),
];

#[derive(Clone, Copy)]
enum Word {
    Bool(bool),
    Null,
    NoJson,
}

/// The value of a plain scalar; `None` for a number that JSON cannot hold (`.inf`), which Kubernetes refuses.
pub(crate) fn plain(text: &str) -> Option<Value> {
    if let Some((_, word)) = WORDS.iter().find(|(words, _)| words.contains(&text)) {
        return match word {
            Word::Bool(value) => Some(Value::Bool(*value)),
            Word::Null => Some(Value::Null),
            Word::NoJson => None,
        };
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let digits = text.replace('_', "");
    if numeric
        && !text.starts_with('.')
        && let Some(number) = integer(&digits)
    {
        return Some(number);
    }
    let float = if text.starts_with('.') { text } else { &digits };
    if numeric && is_float(float) {
        return Some(float.parse::<f64>().map_or_else(|_| text.into(), Value::from));
    }
    Some(Value::from(text))
}

/// Go's `strconv.ParseInt(text, 0, 64)`, else `ParseUint`.
fn integer(text: &str) -> Option<Value> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = rest.to_ascii_lowercase();
    let (radix, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.get(1..).unwrap_or(""))
    } else {
        (10, lower.as_str())
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let size = i128::from_str_radix(digits, radix).ok()?;
    let number = if negative { -size } else { size };
    i64::try_from(number).map(Value::from).or_else(|_| u64::try_from(number).map(Value::from)).ok()
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(n, e)| (n, Some(e)));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let some_digits = |s: &str| !s.is_empty() && all_digits(s);
    let number = match number.split_once('.') {
        Some(("", fraction)) => some_digits(fraction),
        Some((whole, fraction)) => some_digits(whole) && all_digits(fraction),
        None => some_digits(number),
    };
    number && exponent.is_none_or(|e| some_digits(e.strip_prefix(['-', '+']).unwrap_or(e)))
}
