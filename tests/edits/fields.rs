//! Generated configuration files.

use kube_temper::{
    model::{Edit, FieldValue},
    text::{kubelet, yaml},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::asked;

const KEYS: [&str; 7] =
    ["anonymous", "authentication", "enabled", "kind", "mode", "readOnlyPort", "x509"];
const TEXTS: [&str; 12] = [
    "Webhook",
    "yes",
    "off",
    "0600",
    "0s",
    "a b",
    "x: y",
    "# c",
    "it's",
    "say \"hi\"",
    "",
    "/etc/é.crt",
];

fn leaf() -> impl Strategy<Value = Value> {
    let text = || proptest::sample::select(&TEXTS[..]);
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-1..20_000_i64).prop_map(Value::from),
        text().prop_map(Value::from),
        text().prop_map(Value::from),
        proptest::collection::vec(text(), 0..4).prop_map(Value::from),
        Just(json!({})),
        Just(Value::Null),
    ]
}

fn fields() -> impl Strategy<Value = Value> {
    let value = leaf().prop_recursive(3, 24, 4, |inner| {
        proptest::collection::vec((proptest::sample::select(&KEYS[..]), inner), 1..4)
            .prop_map(|entries| map(entries))
    });
    let entry = (proptest::sample::select(&KEYS[..]), value);
    (proptest::collection::vec(entry, 1..6), any::<bool>()).prop_map(|(mut entries, sorted)| {
        if sorted {
            entries.sort_by_key(|(key, _)| *key);
        }
        map(entries)
    })
}

fn map(entries: Vec<(&str, Value)>) -> Value {
    let mut map = Map::new();
    for (key, value) in entries {
        map.insert(key.to_owned(), value);
    }
    Value::Object(map)
}

/// Writes a value, taking each choice of style from a list.
struct Writer {
    choices: Vec<u8>,
    next: usize,
    step: usize,
    lines: Vec<String>,
}

impl Writer {
    fn choose(&mut self, of: u8) -> u8 {
        self.next += 1;
        self.choices[self.next % self.choices.len()] % of
    }

    fn remark(&mut self) -> &'static str {
        match self.choose(6) {
            0 => " # why",
            1 => "   ",
            _ => "",
        }
    }

    fn scalar(&mut self, value: &Value) -> String {
        let Value::String(text) = value else {
            return match (value, self.choose(3)) {
                (Value::Bool(true), 0) => "yes".into(),
                (Value::Bool(false), 0) => "Off".into(),
                (Value::Null, 0) => "~".into(),
                (value, _) => value.to_string(),
            };
        };
        let plain = matches!(text.as_str(), "Webhook" | "0s" | "a b" | "it's" | "/etc/é.crt");
        match self.choose(3) {
            0 if plain => text.clone(),
            1 => format!("'{}'", text.replace('\'', "''")),
            _ => Value::from(text.as_str()).to_string(),
        }
    }

    fn flow(&mut self, value: &Value) -> String {
        let space = if self.choose(2) == 0 { " " } else { "" };
        match value {
            Value::Object(map) => {
                let members: Vec<String> =
                    map.iter().map(|(key, value)| format!("{key}: {}", self.flow(value))).collect();
                format!("{{{space}{}{space}}}", members.join(", "))
            }
            Value::Array(items) => {
                let members: Vec<String> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{space}{}{space}]", members.join(","))
            }
            value => self.scalar(value),
        }
    }

    fn map(&mut self, map: &Map<String, Value>, indent: usize) {
        let spaces = " ".repeat(indent);
        for (key, value) in map {
            match self.choose(8) {
                0 => self.lines.push(format!("{spaces}# about {key}: x")),
                1 => self.lines.push(String::new()),
                _ => {}
            }
            let flow = self.choose(4) == 0;
            let remark = self.remark();
            match value {
                Value::Object(inner) if !inner.is_empty() && !flow => {
                    self.lines.push(format!("{spaces}{key}:{remark}"));
                    self.map(inner, indent + self.step);
                }
                Value::Array(items) if !items.is_empty() && !flow => {
                    self.lines.push(format!("{spaces}{key}:{remark}"));
                    let more = if self.choose(2) == 0 { "" } else { "  " };
                    for item in items {
                        let (item, remark) = (self.scalar(item), self.remark());
                        self.lines.push(format!("{spaces}{more}- {item}{remark}"));
                    }
                }
                Value::Null if flow => self.lines.push(format!("{spaces}{key}:{remark}")),
                value => {
                    let value = self.flow(value);
                    self.lines.push(format!("{spaces}{key}: {value}{remark}"));
                }
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Config {
    fields: Value,
    text: String,
}

fn configs() -> impl Strategy<Value = Config> {
    let choices = proptest::collection::vec(any::<u8>(), 31);
    let form = proptest::sample::select(vec![None, None, None, Some(""), Some("  "), Some("\t")]);
    let switches = (any::<bool>(), any::<bool>(), any::<bool>());
    (fields(), choices, form, switches).prop_map(
        |(fields, choices, form, (windows, newline, wide))| {
            let mut lines = match form {
                None => {
                    let step = if wide { 4 } else { 2 };
                    let mut writer = Writer { choices, next: 0, step, lines: Vec::new() };
                    writer.map(fields.as_object().unwrap(), 0);
                    writer.lines
                }
                Some("") => vec![fields.to_string()],
                Some(indent) => super::pretty(&fields, indent),
            };
            if newline {
                lines.push(String::new());
            }
            Config { fields, text: lines.join(if windows { "\r\n" } else { "\n" }) }
        },
    )
}

fn edits() -> impl Strategy<Value = Edit> {
    let keys = proptest::sample::select([&KEYS[..], &["zeta", "0600", "on"]].concat());
    let field = proptest::collection::vec(keys, 1..4).prop_map(|keys| keys.join("."));
    let text = || proptest::sample::select(&TEXTS[..]).prop_map(str::to_owned);
    let value = prop_oneof![
        any::<bool>().prop_map(FieldValue::Bool),
        (-1..20_000_i64).prop_map(FieldValue::Int),
        text().prop_map(FieldValue::Text),
        proptest::collection::vec(text(), 0..4).prop_map(FieldValue::List),
    ];
    (field, proptest::option::of(value)).prop_map(|(field, value)| match value {
        Some(value) => Edit::SetField { field, value },
        None => Edit::RemoveField { field },
    })
}

/// The edit made on the value; `None` where it makes no sense.
fn wanted(fields: &Value, edit: &Edit) -> Option<Value> {
    let mut fields = fields.clone();
    match edit {
        Edit::SetField { field, value } => {
            let mut at = &mut fields;
            for key in field.split('.') {
                if at.is_null() {
                    *at = json!({});
                }
                at = at.as_object_mut()?.entry(key).or_insert(Value::Null);
            }
            let new = serde_json::to_value(value).unwrap();
            // A mapping, or a list that is no list of texts, in place of one value is not ours to drop.
            let many = |value: &Value| value.as_object().is_some_and(|map| !map.is_empty());
            if many(at) || (at.is_array() && !new.is_array()) {
                return None;
            }
            *at = new;
        }
        Edit::RemoveField { field } => {
            let pointer = |depth: usize| -> String {
                let keys: Vec<&str> = field.split('.').take(depth).collect();
                if keys.is_empty() { String::new() } else { format!("/{}", keys.join("/")) }
            };
            let depth = field.split('.').count();
            if fields.pointer(&pointer(depth)).is_none() {
                return Some(fields);
            }
            for depth in (1..=depth).rev() {
                let parent = fields.pointer_mut(&pointer(depth - 1))?.as_object_mut()?;
                parent.shift_remove(field.split('.').nth(depth - 1)?);
                if !parent.is_empty() || depth == 1 {
                    return Some(fields);
                }
            }
            return None;
        }
        _ => panic!("{edit:?} is not about a field"),
    }
    Some(fields)
}

fn edited(text: &str, edit: &Edit) -> Result<String, String> {
    kubelet::edit(text, &asked(std::slice::from_ref(edit))).map_err(|refused| refused.reason)
}

proptest! {
    #![proptest_config(super::cases(10_000))]

    #[test]
    fn an_edit_does_what_it_says_and_nothing_else(config in configs(), edit in edits()) {
        let Config { fields, text } = &config;
        let read = yaml::parse(text).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
        prop_assert_eq!(&read.value, fields, "{}", text);
        let after = match (edited(text, &edit), wanted(fields, &edit)) {
            (Ok(after), Some(wanted)) => {
                prop_assert_eq!(yaml::parse(&after).unwrap().value, wanted, "{}\n{}", text, after);
                after
            }
            // What the value allows may still be refused, for a reason in the text; never the reverse.
            (Ok(after), None) => {
                let Edit::SetField { field, value } = &edit else { panic!("{text}\n{after}") };
                let read = yaml::parse(&after).unwrap().value;
                let value = serde_json::to_value(value).unwrap();
                prop_assert_eq!(yaml::at(&read, field), Some(&value), "{}\n{}", text, after);
                after
            }
            // The last field of a block has no neighbour to take its place.
            (Err(reason), Some(wanted)) if wanted == json!({}) => {
                prop_assert!(reason.contains("the only one"), "{}", reason);
                return Ok(());
            }
            (Err(reason), Some(_)) => panic!("{reason}\n{text}\n{edit:?}"),
            (Err(_), None) => return Ok(()),
        };
        prop_assert_eq!(text.ends_with('\n'), after.ends_with('\n'));
        if text.contains('\n') && after.contains('\n') {
            prop_assert_eq!(text.contains("\r\n"), after.contains("\r\n"), "{}\n{}", text, after);
        }
        let remarks = |text: &str| text.matches("# why").count() + text.matches("# about").count();
        if matches!(&edit, Edit::SetField { value, .. } if !matches!(value, FieldValue::List(_))) {
            prop_assert_eq!(remarks(text), remarks(&after), "{}\n{}", text, after);
        }
        let again = edited(&after, &edit);
        prop_assert_eq!(again.as_ref(), Ok(&after), "twice");
    }
}

proptest! {
    #![proptest_config(super::cases(2_000))]

    #[test]
    fn a_new_field_can_be_removed_and_every_byte_is_back(config in configs(), edit in edits()) {
        let Config { fields, text } = &config;
        let Edit::SetField { field, .. } = &edit else { return Ok(()) };
        let first = field.split('.').next().unwrap();
        if fields.get(first).is_some() {
            return Ok(());
        }
        let with = edited(text, &edit).unwrap();
        let back = edited(&with, &Edit::RemoveField { field: field.clone() }).unwrap();
        prop_assert_eq!(&back, text);
    }

    #[test]
    fn a_value_can_be_changed_and_changed_back(config in configs(), edit in edits()) {
        let Config { fields, text } = &config;
        let Edit::SetField { field, value } = &edit else { return Ok(()) };
        let old = match yaml::at(fields, field) {
            Some(Value::Bool(old)) => FieldValue::Bool(*old),
            Some(Value::Number(old)) => FieldValue::Int(old.as_i64().unwrap()),
            Some(Value::String(old)) => FieldValue::Text(old.clone()),
            _ => return Ok(()),
        };
        let changed = edited(text, &edit).unwrap();
        let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        let differing = lines(text).iter().zip(lines(&changed)).filter(|(a, b)| *a != b).count();
        prop_assert!(differing <= 1, "{}\n{}", text, changed);
        prop_assert_eq!(lines(text).len(), lines(&changed).len());
        let back = edited(&changed, &Edit::SetField { field: field.clone(), value: old }).unwrap();
        prop_assert_eq!(&yaml::parse(&back).unwrap().value, fields, "{:?}", value);
    }
}
