//! Whether a value is what a control expects.
use crate::{
    model::{Expect, FieldValue},
    text::values,
};

/// A value that was given, as text and as list.
#[derive(Debug, Clone)]
pub(super) struct Value {
    /// As text; lists joined by commas.
    pub(super) text: String,
    /// As list.
    pub(super) list: Vec<String>,
}

impl Value {
    /// A JSON value; `None` for what the programs read as not given: null, empty text, empty list, a map.
    pub(super) fn of_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
                Some(Self { text: value.to_string(), list: vec![value.to_string()] })
            }
            serde_json::Value::String(text) if !text.is_empty() => {
                Some(Self { text: text.clone(), list: vec![text.clone()] })
            }
            serde_json::Value::Array(elements) if !elements.is_empty() => {
                let list: Vec<String> = elements
                    .iter()
                    .map(|e| e.as_str().map_or_else(|| e.to_string(), str::to_owned))
                    .collect();
                Some(Self { text: list.join(","), list })
            }
            _ => None,
        }
    }
}

/// Compares as the programs read the value: booleans and numbers by meaning, lists element by element.
pub(super) fn equals(given: &Value, wanted: &FieldValue) -> bool {
    match wanted {
        FieldValue::Bool(wanted) => values::go_bool(&given.text) == Some(*wanted),
        FieldValue::Int(wanted) => number(&given.text) == Some(*wanted),
        FieldValue::Text(wanted) => &given.text == wanted,
        FieldValue::List(wanted) => &given.list == wanted,
    }
}

/// An integer as pflag reads it: decimal, or with a `0x`, `0o`, `0b` or `0` prefix.
fn number(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.trim_start_matches('0'))
    } else {
        (10, lower.as_str())
    };
    let digits = if digits.is_empty() { "0" } else { digits };
    i64::from_str_radix(digits, radix).ok().map(|value| sign * value)
}

/// Whether a given value satisfies an expectation. [`Expect::File`] asks only for a value here.
pub(super) fn satisfied(given: &Value, expect: &Expect) -> bool {
    match expect {
        Expect::Eq { value } => equals(given, value),
        Expect::NotEq { value: FieldValue::Bool(value) } => {
            values::go_bool(&given.text).is_some_and(|given| given != *value)
        }
        Expect::NotEq { value } => !equals(given, value),
        Expect::Gt { value } => number(&given.text).is_some_and(|given| given > *value),
        Expect::Gte { value } => number(&given.text).is_some_and(|given| given >= *value),
        Expect::Present {} | Expect::File {} => !given.text.is_empty(),
        // An empty value is what these flags default to.
        Expect::Absent {} => given.text.is_empty(),
        Expect::Subset { values } => {
            !given.list.is_empty() && given.list.iter().all(|element| values.contains(element))
        }
        Expect::Loopback {} => values::is_loopback(&given.text) == Some(true),
        Expect::NonZeroDuration {} => values::is_zero_duration(&given.text) == Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value { text: text.to_owned(), list: text.split(',').map(str::to_owned).collect() }
    }

    #[test]
    fn expectations() {
        let boolean = |value| FieldValue::Bool(value);
        let text = |value: &str| FieldValue::Text(value.to_owned());
        let subset = || Expect::Subset { values: vec!["A".to_owned(), "B".to_owned()] };
        let table: Vec<(&str, Expect, bool)> = vec![
            ("false", Expect::Eq { value: boolean(false) }, true),
            ("0", Expect::Eq { value: boolean(false) }, true),
            ("F", Expect::Eq { value: boolean(false) }, true),
            ("no", Expect::Eq { value: boolean(false) }, false),
            ("true", Expect::NotEq { value: boolean(false) }, true),
            ("nonsense", Expect::NotEq { value: boolean(false) }, false),
            ("Webhook", Expect::NotEq { value: text("AlwaysAllow") }, true),
            ("AlwaysAllow", Expect::NotEq { value: text("AlwaysAllow") }, false),
            ("0", Expect::Eq { value: FieldValue::Int(0) }, true),
            ("0x0", Expect::Eq { value: FieldValue::Int(0) }, true),
            ("10", Expect::Gt { value: 0 }, true),
            ("-1", Expect::Gt { value: 0 }, false),
            ("30", Expect::Gte { value: 30 }, true),
            ("036", Expect::Gte { value: 30 }, true),
            ("29", Expect::Gte { value: 30 }, false),
            ("thirty", Expect::Gte { value: 30 }, false),
            ("", Expect::Present {}, false),
            ("/x", Expect::Present {}, true),
            ("/x", Expect::Absent {}, false),
            ("", Expect::Absent {}, true),
            ("A,B", subset(), true),
            ("A,C", subset(), false),
            ("A, B", subset(), false),
            ("[::1]:10249", Expect::Loopback {}, true),
            ("0.0.0.0", Expect::Loopback {}, false),
            ("0s", Expect::NonZeroDuration {}, false),
            ("5m", Expect::NonZeroDuration {}, true),
        ];
        for (given, expect, wanted) in table {
            assert_eq!(satisfied(&value(given), &expect), wanted, "{given} against {expect:?}");
        }
        assert!(!satisfied(&Value { text: String::new(), list: vec![] }, &subset()));
    }

    #[test]
    fn empty_fields_are_not_given() {
        for nothing in ["null", "\"\"", "[]", "{}"] {
            assert!(Value::of_json(&serde_json::from_str(nothing).unwrap()).is_none(), "{nothing}");
        }
        assert_eq!(Value::of_json(&serde_json::json!(["a", 1])).unwrap().text, "a,1");
        assert_eq!(Value::of_json(&serde_json::json!(0)).unwrap().text, "0");
    }
}
