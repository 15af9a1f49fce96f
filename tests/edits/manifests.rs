//! Generated manifests.

use kube_temper::{
    model::{Component, Edit},
    text::{flags, manifest},
};
use proptest::prelude::*;

use super::{asked, remove_flag, set_flag};

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    Block,
    Line,
    Lines,
}

#[derive(Debug, Clone, Copy)]
enum Quotes {
    Plain,
    Single,
    Double,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Remark {
    None,
    Above,
    Behind,
}

#[derive(Debug, Clone)]
struct Item {
    text: String,
    quotes: Quotes,
    remark: Remark,
}

#[derive(Debug, Clone)]
struct List {
    layout: Layout,
    indent: usize,
    items: Vec<Item>,
}

#[derive(Debug, Clone)]
pub(super) struct Manifest {
    windows: bool,
    final_newline: bool,
    step: usize,
    command: List,
    args: Option<List>,
    args_first: bool,
    before: bool,
    after: bool,
    /// `None` for YAML, else the indentation of JSON; empty for dense JSON.
    json: Option<&'static str>,
}

const NAMES: [&str; 7] = [
    "profiling",
    "anonymous-auth",
    "enable-admission-plugins",
    "authorization-mode",
    "bind-address",
    "tls-cipher-suites",
    "v",
];
const VALUES: [&str; 10] = [
    "true",
    "false",
    "a",
    "a,b",
    "b,c,a",
    "/etc/x.crt",
    "0.0.0.0",
    "https://[::1]:2379",
    "a b",
    "x#y: z",
];
const ELEMENTS: [&str; 4] = ["a", "b", "c", "NodeRestriction"];
const NEW: [&str; 3] = ["audit-log-path", "request-timeout", "zzz-last"];

fn arguments() -> impl Strategy<Value = Vec<String>> {
    let name = proptest::sample::select(&NAMES[..]);
    let value = proptest::sample::select(&VALUES[..]);
    let boolean = |name: &str| ["profiling", "anonymous-auth"].contains(&name);
    let flag = (name, value, 0..8u8).prop_map(move |(name, value, form)| match form {
        0 | 1 if boolean(name) => vec![format!("--{name}")],
        0 => vec![format!("--{name}"), value.to_owned()],
        1 => vec![format!("--{name}"), "--profiling=b".to_owned()],
        3 => vec![format!("--{}={value}", name.replace('-', "_"))],
        _ => vec![format!("--{name}={value}")],
    });
    let program = proptest::sample::select(vec!["kube-apiserver", "/usr/local/bin/kube-apiserver"]);
    (program, proptest::collection::vec(flag, 0..8), any::<bool>()).prop_map(
        |(program, mut flags, sorted)| {
            if sorted {
                flags.sort();
            }
            let mut args = vec![program.to_owned()];
            args.extend(flags.into_iter().flatten());
            args
        },
    )
}

fn item(text: String, quotes: u8, remark: u8) -> Item {
    let quotes = match quotes {
        0 => Quotes::Single,
        1 => Quotes::Double,
        _ if text.contains([' ', '#'])
            || text.contains("[:")
            || matches!(text.as_str(), "true" | "false") =>
        {
            Quotes::Double
        }
        _ => Quotes::Plain,
    };
    let remark = match remark {
        0 => Remark::Above,
        1 => Remark::Behind,
        _ => Remark::None,
    };
    Item { text, quotes, remark }
}

pub(super) fn manifests() -> impl Strategy<Value = Manifest> {
    let layout = || {
        proptest::sample::select(vec![Layout::Block, Layout::Block, Layout::Line, Layout::Lines])
    };
    let style = (0..4u8, 0..6u8);
    let remarks = proptest::collection::vec((0..6u8, 0..8u8), 40);
    let switches = proptest::collection::vec(any::<bool>(), 6);
    let json = proptest::sample::select(vec![None, None, None, Some(""), Some("  "), Some("\t")]);
    (arguments(), 0..20usize, (layout(), layout()), style, remarks, switches, json).prop_map(
        |(texts, split, (one, two), (indent, quotes), remarks, switches, json)| {
            let mut items = texts.into_iter().zip(remarks).map(|(text, (own, remark))| {
                item(text, if quotes < 3 { quotes } else { own }, remark)
            });
            let count = items.len();
            let first = items.by_ref().take(1 + split % count.max(1)).collect();
            let rest: Vec<Item> = items.collect();
            let list = |layout, items| List { layout, indent: usize::from(indent) % 3, items };
            Manifest {
                windows: switches[0],
                final_newline: switches[1],
                step: if switches[2] { 2 } else { 4 },
                command: list(one, first),
                args: (!rest.is_empty()).then(|| list(two, rest)),
                args_first: switches[3],
                before: switches[4],
                after: switches[5],
                json,
            }
        },
    )
}

impl Manifest {
    fn args(&self) -> Vec<String> {
        let lists = [Some(&self.command), self.args.as_ref()];
        lists.into_iter().flatten().flat_map(|list| &list.items).map(|i| i.text.clone()).collect()
    }

    pub(super) fn text(&self) -> String {
        let mut lines = if let Some(indent) = self.json { self.json(indent) } else { self.yaml() };
        if self.final_newline {
            lines.push(String::new());
        }
        lines.join(if self.windows { "\r\n" } else { "\n" })
    }

    fn json(&self, indent: &str) -> Vec<String> {
        let texts =
            |list: &List| -> Vec<String> { list.items.iter().map(|i| i.text.clone()).collect() };
        let mut container = serde_json::Map::new();
        container.insert("name".into(), "c".into());
        if let Some(args) = self.args.as_ref().filter(|_| self.args_first) {
            container.insert("args".into(), texts(args).into());
        }
        container.insert("command".into(), texts(&self.command).into());
        if let Some(args) = self.args.as_ref().filter(|_| !self.args_first) {
            container.insert("args".into(), texts(args).into());
        }
        let mut containers = vec![serde_json::Value::Object(container)];
        let other = serde_json::json!({"name": "other", "command": ["sleep", "--profiling=true"]});
        if self.before {
            containers.insert(0, other.clone());
        }
        if self.after {
            containers.push(other);
        }
        let pod = serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers}});
        if indent.is_empty() {
            return vec![pod.to_string()];
        }
        super::pretty(&pod, indent)
    }

    fn yaml(&self) -> Vec<String> {
        let step = " ".repeat(self.step);
        let mut lines: Vec<String> = ["# a manifest", "apiVersion: v1", "kind: Pod", "metadata:"]
            .iter()
            .map(|line| (*line).to_owned())
            .collect();
        lines.push(format!("{step}name: p # the pod"));
        lines.push("spec:".into());
        lines.push(format!("{step}containers:"));
        let other = |lines: &mut Vec<String>| {
            lines.push(format!("{step}- name: other"));
            lines.push(format!("{step}  command: [sleep, --profiling=true]"));
        };
        if self.before {
            other(&mut lines);
        }
        lines.push(format!("{step}- image: 'x' # the image"));
        let inner = format!("{step}  ");
        let args = |lines: &mut Vec<String>| {
            if let Some(args) = &self.args {
                write_list(lines, &inner, "args", args);
            }
        };
        if self.args_first {
            args(&mut lines);
        }
        write_list(&mut lines, &inner, "command", &self.command);
        lines.push(String::new());
        if !self.args_first {
            args(&mut lines);
        }
        if self.after {
            lines.push(format!("{inner}name: c"));
            other(&mut lines);
            lines.push("status: {}".into());
        } else if !self.args_first {
            // The list is the last thing in the file.
        } else {
            lines.push(format!("{inner}name: c"));
        }
        lines
    }
}

fn quoted(item: &Item, flow: bool) -> String {
    match item.quotes {
        Quotes::Plain if !(flow && item.text.contains([',', '[', ']'])) => item.text.clone(),
        Quotes::Single => format!("'{}'", item.text.replace('\'', "''")),
        _ => format!("\"{}\"", item.text),
    }
}

fn write_list(lines: &mut Vec<String>, indent: &str, key: &str, list: &List) {
    let flow = list.layout != Layout::Block;
    let texts: Vec<String> = list.items.iter().map(|item| quoted(item, flow)).collect();
    match list.layout {
        Layout::Line => lines.push(format!("{indent}{key}: [{}]  # {key}", texts.join(", "))),
        Layout::Lines => {
            lines.push(format!("{indent}{key}: ["));
            let inner = format!("{indent}{}", " ".repeat(list.indent + 1));
            for (index, text) in texts.iter().enumerate() {
                let comma = if index + 1 < texts.len() { "," } else { "" };
                lines.push(format!("{inner}{text}{comma}"));
            }
            lines.push(format!("{indent}]"));
        }
        Layout::Block => {
            lines.push(format!("{indent}{key}: # {key}"));
            let inner = format!("{indent}{}", " ".repeat(list.indent));
            for (item, text) in list.items.iter().zip(texts) {
                match item.remark {
                    Remark::None => lines.push(format!("{inner}- {text}")),
                    Remark::Behind => lines.push(format!("{inner}- {text} # é")),
                    Remark::Above => {
                        lines.push(format!("{inner}# - --profiling=maybe"));
                        lines.push(format!("{inner}- {text}"));
                    }
                }
            }
        }
    }
}

fn edits() -> impl Strategy<Value = Edit> {
    let name = proptest::sample::select([&NAMES[..], &NEW[..]].concat());
    let value = proptest::sample::select(
        [&VALUES[..], &["", "yes", "1", "'q'", "\"d\"", "\u{e9}, \\"]].concat(),
    );
    let element = proptest::sample::select(&ELEMENTS[..]);
    (name, value, element, 0..5u8, any::<bool>()).prop_map(
        |(name, value, element, kind, switch)| {
            let (flag, element) = (name.to_owned(), element.to_owned());
            match kind {
                0 | 1 => Edit::SetFlag { flag, value: value.to_owned() },
                2 => Edit::RemoveFlag { flag },
                3 => Edit::AddToList { flag, value: element, first: switch },
                _ => Edit::RemoveFromList {
                    flag,
                    value: element,
                    otherwise: switch.then(|| "b".to_owned()),
                },
            }
        },
    )
}

fn flag_of(edit: &Edit) -> &str {
    match edit {
        Edit::SetFlag { flag, .. }
        | Edit::RemoveFlag { flag }
        | Edit::AddToList { flag, .. }
        | Edit::RemoveFromList { flag, .. } => flag,
        _ => panic!("{edit:?} is not about a flag"),
    }
}

fn edited(text: &str, edit: &Edit) -> Result<String, String> {
    manifest::edit(text, Component::KubeApiserver, &asked(std::slice::from_ref(edit)))
        .map_err(|refused| refused.reason)
}

pub(super) fn args_of(text: &str) -> Vec<String> {
    let pod = manifest::parse("/m", text).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
    let container = pod.container(Component::KubeApiserver).unwrap();
    container.args.iter().map(|arg| arg.text.clone()).collect()
}

/// The arguments without a flag and its values.
fn without(args: &[String], flag: &str) -> Vec<String> {
    let mut rest = args.to_vec();
    for found in flags::occurrences(args, flag).iter().rev() {
        rest.drain(found.index..found.index + found.width);
    }
    rest
}

/// What the flag must be: its values for `SetFlag` and `RemoveFlag`, its elements for lists.
fn wanted(args: &[String], edit: &Edit) -> (Vec<String>, bool) {
    let mut elements = flags::list(args, flag_of(edit)).unwrap_or_default();
    match edit {
        Edit::SetFlag { value, .. } => (vec![value.clone()], false),
        Edit::RemoveFlag { .. } => (Vec::new(), false),
        Edit::AddToList { value, first, .. } => {
            if !elements.contains(value) {
                elements.insert(if *first { 0 } else { elements.len() }, value.clone());
            }
            (elements, true)
        }
        Edit::RemoveFromList { value, otherwise, .. } => {
            let had = elements.contains(value);
            elements.retain(|element| element != value);
            if had && elements.is_empty() {
                elements.extend(otherwise.iter().flat_map(|o| o.split(',')).map(str::to_owned));
            }
            (elements, true)
        }
        _ => panic!("{edit:?} is not about a flag"),
    }
}

/// The lines that belong to none of these flags, neither as `--flag` nor as its value.
fn other_lines(text: &str, flag: &str) -> Vec<String> {
    let pod = manifest::parse("/m", text).unwrap();
    let args = pod.container(Component::KubeApiserver).unwrap().args.clone();
    let texts: Vec<&str> = args.iter().map(|arg| arg.text.as_str()).collect();
    let owned: Vec<usize> = flags::occurrences(&texts, flag)
        .iter()
        .flat_map(|found| &args[found.index..found.index + found.width])
        .map(|arg| arg.line)
        .collect();
    let lines = text.split_inclusive('\n').enumerate();
    lines
        .filter(|(index, _)| !owned.contains(&(index + 1)))
        .map(|(_, line)| line.to_owned())
        .collect()
}

proptest! {
    #![proptest_config(super::cases(10_000))]

    #[test]
    fn an_edit_does_what_it_says_and_nothing_else(manifest in manifests(), edit in edits()) {
        let text = manifest.text();
        let before = args_of(&text);
        prop_assert_eq!(&before, &manifest.args(), "{}", text);
        let after = match edited(&text, &edit) {
            Ok(after) => after,
            Err(reason) => {
                prop_assert!(reason.contains("holds quotes"), "{}\n{}", reason, text);
                return Ok(());
            }
        };
        let flag = flag_of(&edit);
        let now = args_of(&after);
        prop_assert_eq!(without(&before, flag), without(&now, flag), "{}", after);
        let (values, elements) = wanted(&before, &edit);
        let got = if elements {
            flags::list(&now, flag).unwrap_or_default()
        } else {
            flags::occurrences(&now, flag).into_iter().map(|o| o.value).collect()
        };
        prop_assert_eq!(got, values, "{}\n{}", text, after);
        prop_assert_eq!(text.ends_with('\n'), after.ends_with('\n'));
        prop_assert_eq!(after.contains("\r\n"), after.contains('\n') && manifest.windows);
        if manifest.json.is_none()
            && manifest.command.layout == Layout::Block
            && manifest.args.as_ref().is_none_or(|args| args.layout == Layout::Block)
            && !after.contains(": []")
        {
            let (mut old, mut new) = (other_lines(&text, flag), other_lines(&after, flag));
            for lines in [&mut old, &mut new] {
                if let Some(last) = lines.last_mut() {
                    *last = last.trim_end().to_owned();
                }
            }
            prop_assert_eq!(old, new);
        }
        let again = edited(&after, &edit);
        prop_assert_eq!(again.as_ref(), Ok(&after), "twice");
    }
}

proptest! {
    #![proptest_config(super::cases(2_000))]

    #[test]
    fn setting_a_new_flag_and_removing_it_restores_every_byte(
        manifest in manifests(),
        name in proptest::sample::select(&NEW[..]),
        value in proptest::sample::select(&VALUES[..]),
    ) {
        let text = manifest.text();
        let with = edited(&text, &set_flag(name, value)).unwrap();
        prop_assert_ne!(&with, &text);
        let back = edited(&with, &remove_flag(name)).unwrap();
        prop_assert_eq!(back, text);
    }

    #[test]
    fn setting_a_flag_back_gives_the_same_arguments(manifest in manifests(), edit in edits()) {
        let text = manifest.text();
        let before = args_of(&text);
        let flag = flag_of(&edit);
        let values: Vec<String> =
            flags::occurrences(&before, flag).into_iter().map(|o| o.value).collect();
        let Ok(after) = edited(&text, &edit) else { return Ok(()) };
        let inverse = match values.as_slice() {
            [] => remove_flag(flag),
            [.., last] => set_flag(flag, last),
        };
        let back = edited(&after, &inverse).unwrap();
        let now: Vec<String> =
            flags::occurrences(&args_of(&back), flag).into_iter().map(|o| o.value).collect();
        prop_assert_eq!(now.last(), values.last());
        prop_assert_eq!(without(&args_of(&back), flag), without(&before, flag));
    }
}
