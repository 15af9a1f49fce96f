//! What Kubernetes reads, case by case.

use serde_json::{Value, json};

use super::*;

fn value(text: &str) -> Value {
    parse(text).unwrap_or_else(|problem| panic!("{text:?}: {problem}")).value
}

fn refused(text: &str) -> ParseProblem {
    parse(text).err().unwrap_or_else(|| panic!("{text:?} was read"))
}

#[test]
fn plain_words_are_what_yaml_1_1_makes_of_them() {
    for (text, want) in [
        ("yes", json!(true)),
        ("no", json!(false)),
        ("on", json!(true)),
        ("Off", json!(false)),
        ("y", json!(true)),
        ("N", json!(false)),
        ("true", json!(true)),
        ("FALSE", json!(false)),
        ("'yes'", json!("yes")),
        ("\"off\"", json!("off")),
        ("!!str no", json!("no")),
        ("!!bool 'no'", json!(false)),
        ("~", json!(null)),
        ("null", json!(null)),
        ("", json!(null)),
        ("''", json!("")),
        ("0600", json!(384)),
        ("0o600", json!(384)),
        ("0x1F", json!(31)),
        ("0b11", json!(3)),
        ("1_000", json!(1000)),
        ("-5", json!(-5)),
        ("+5", json!(5)),
        ("08", json!(8.0)),
        ("'0600'", json!("0600")),
        ("1.5", json!(1.5)),
        ("1e3", json!(1000.0)),
        (".5", json!(0.5)),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ("4h0m0s", json!("4h0m0s")),
        ("0s", json!("0s")),
        ("127.0.0.1", json!("127.0.0.1")),
        ("--flag=a", json!("--flag=a")),
        ("-", json!("-")),
        ("2001-01-01", json!("2001-01-01")),
        ("truely", json!("truely")),
        ("a # comment", json!("a")),
        ("|\n  two\n  lines", json!("two\nlines\n")),
    ] {
        if text == "-" {
            continue;
        }
        assert_eq!(value(&format!("k: {text}\n")), json!({ "k": want }), "{text}");
    }
}

#[test]
fn keys_are_text_as_go_writes_them() {
    assert_eq!(value("1: a\nyes: b\n'no': c\n"), json!({"1": "a", "true": "b", "no": "c"}));
}

#[test]
fn the_last_of_two_keys_wins_and_is_reported() {
    for text in [
        "a:\n  b: 1\n  c: 2\n  b: 3\na: {b: 9}\n",
        "{\"a\":{\"b\":1,\"c\":2,\"b\":3},\"a\":{\"b\":9}}",
    ] {
        let document = parse(text).unwrap();
        assert_eq!(document.value, json!({"a": {"b": 9}}), "{text}");
        assert_eq!(document.duplicate_keys, ["a.b", "a"], "{text}");
    }
    assert_eq!(parse("l:\n- {x: 1, x: 2}\n").unwrap().duplicate_keys, ["l.0.x"]);
}

#[test]
fn merges_and_anchors_are_applied_in_the_order_of_the_text() {
    let base = "base: &base {a: 1, b: 2}\n";
    for (text, want) in [
        ("m:\n  <<: *base\n  b: 3\n", json!({"a": 1, "b": 3})),
        ("m:\n  b: 3\n  <<: *base\n", json!({"b": 2, "a": 1})),
        ("m:\n  <<: [*base, {a: 5, c: 6}]\n", json!({"a": 1, "b": 2, "c": 6})),
        ("m:\n  '<<': *base\n", json!({"<<": {"a": 1, "b": 2}})),
        ("m: *base\n", json!({"a": 1, "b": 2})),
    ] {
        let document = parse(&format!("{base}{text}")).unwrap();
        assert_eq!(document.value["m"], want, "{text}");
        assert!(document.duplicate_keys.is_empty(), "{text}");
    }
    assert!(refused("m:\n  <<: 5\n").message.contains("needs a mapping"));
}

#[test]
fn only_the_first_document_counts() {
    let document = parse("---\na: 1\n---\nb: 2\n").unwrap();
    assert_eq!((document.value, document.documents), (json!({"a": 1}), 2));
    assert_eq!(parse("a: 1\n...\n").unwrap().documents, 1);
    assert_eq!(parse("a: 1\n---\n}} not yaml\n").unwrap().documents, 2);
}

#[test]
fn empty_text_is_a_problem_of_its_own() {
    for text in ["", "\n\n", "# only a comment\n", "---\n", "---\n---\na: 1\n"] {
        assert!(refused(text).message.contains("empty"), "{text:?}");
    }
}

#[test]
fn problems_name_their_line() {
    for (text, line) in [
        ("a: 1\nb: [1\n", 3),
        ("a: 1\n b: 2\n", 2),
        ("a: 'open\n", 2),
        ("a: 1\nb: *nowhere\n", 2),
        ("a: 1\nb: .inf\n", 2),
        ("a: b\nc: d: e\n", 2),
    ] {
        let problem = refused(text);
        assert_eq!(problem.line, Some(line), "{text:?}: {problem}");
    }
}

#[test]
fn bombs_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        let aliases = [alias.as_str(); 10].join(", ");
        bomb = format!("{bomb}a{level}: &a{level} [{aliases}]\n");
    }
    assert!(parse(&bomb).is_err());
    assert!(parse(&format!("{}{}", "[".repeat(5000), "]".repeat(5000))).is_err());
    let blocks: Vec<String> = (0..120).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let blocks = blocks.concat();
    assert!(refused(&blocks).message.contains("deep"));
    let deep = format!("{}1{}", "{\"a\":".repeat(120), "}".repeat(120));
    assert!(refused(&deep).message.contains("deep"));
    assert!(parse("a: &a [*a]\n").is_err());
    assert!(refused(&format!("a: {}", "x".repeat(11 << 20))).message.contains("10 MiB"));
}

#[test]
fn what_libyaml_accepts_and_newer_readers_refuse_is_read() {
    for (text, want) in [
        ("a: [\n  b,\n  c,\n]\nd: 1\n", json!({"a": ["b", "c"], "d": 1})),
        ("a:\n  b: {\n  c: 1\n  }\n", json!({"a": {"b": {"c": 1}}})),
        ("a:\n  b: \"c\n d\"\n", json!({"a": {"b": "c d"}})),
        ("a: |\n  b\n  c", json!({"a": "b\nc"})),
        ("a: >-\n  b", json!({"a": "b"})),
        ("a: |-\n  ", json!({"a": ""})),
    ] {
        assert_eq!(value(text), want, "{text}");
    }
}

#[test]
fn broken_text_is_a_problem() {
    for text in
        ["[!, a]", "[!,", "a: ''|\n 0", "{-", "&", "*", "%", "a: !<", "\"\\u", "\0", "\u{1}"]
    {
        refused(text);
    }
}

#[test]
fn json_is_read_as_json() {
    let text =
        "{\n\t\"a\": [1, true, null, \"\\u00e9\\ud83d\\ude00\\/\", -1.5e3],\n\t\"no\": \"no\"\n}\n";
    let document = parse(text).unwrap();
    assert_eq!(document.value, json!({"a": [1, true, null, "é😀/", -1500.0], "no": "no"}));
    assert_eq!(value("{a: yes, b: [on]}"), json!({"a": true, "b": [true]}));
}

#[test]
fn dotted_paths_lead_to_values() {
    let document = value("a:\n  b:\n    c: 1\n");
    assert_eq!(at(&document, "a.b.c"), Some(&json!(1)));
    assert_eq!(at(&document, "a.x.c"), None);
}

#[test]
fn spans_are_the_bytes_of_the_value() {
    let text = "# é\r\nlist:\r\n  - 'a''b'   # c\r\n  - \"x\\\"\" \r\n  - plain é # d\r\n  - {k: [1, 2] , z: *q}\r\nq: 1\r\n"
        .replace("*q", "q");
    let (_, tree) = read(&text).unwrap();
    let written: Vec<&str> =
        tree.root.get("list").unwrap().items().iter().map(|n| &text[n.span.clone()]).collect();
    assert_eq!(written, ["'a''b'", "\"x\\\"\"", "plain é", "{k: [1, 2] , z: q}"]);
    let lines: Vec<usize> = tree.root.get("list").unwrap().items().iter().map(|n| n.line).collect();
    assert_eq!(lines, [3, 4, 5, 6]);
    let (_, tree) = read("\u{feff}a: b # c\n").unwrap();
    assert_eq!(tree.root.get("a").unwrap().span, 6..7);
    let json = "{\"a\" : [ 1 ,\n \"x\\\"y\" ] }";
    let (_, tree) = read(json).unwrap();
    let list = tree.root.get("a").unwrap();
    assert_eq!(&json[list.span.clone()], "[ 1 ,\n \"x\\\"y\" ]");
    assert_eq!((list.items()[1].text(), list.items()[1].line), (Some("x\"y"), 2));
}
