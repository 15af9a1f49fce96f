//! What the parts of a line of YAML (or JSON) are, for colours and for nothing else: one line by itself, as
//! a reader's eye takes it.

/// What a part of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The name of a mapping's entry, or of a flag.
    Key,
    /// From `#` to the end.
    Comment,
    /// Everything else.
    Other,
}

/// The line cut into its parts; together they are the line.
pub fn parts(line: &str) -> Vec<(Part, &str)> {
    let code_end = comment(line).unwrap_or(line.len());
    let (code, comment) = line.split_at(code_end);
    let lead = code.len() - code.trim_start_matches([' ', '-']).len();
    // `--flag` keeps its dashes, `- ` is the list's.
    let lead =
        if code.get(..lead).is_some_and(|lead| lead.ends_with("--")) { lead - 2 } else { lead };
    let (lead, rest) = code.split_at(lead);
    let (key, value) = rest.split_at(key(rest));
    [(Part::Other, lead), (Part::Key, key), (Part::Other, value), (Part::Comment, comment)]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// Where the comment begins: at a `#` outside of quotes, first or after a space.
fn comment(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '#') if before.is_whitespace() => return Some(at),
            _ => {}
        }
        before = c;
    }
    None
}

/// How long the key is that a text begins with; 0 when there is none.
fn key(text: &str) -> usize {
    if text.starts_with("--") {
        return text.find('=').unwrap_or(text.len());
    }
    let end = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => match text.get(1..).and_then(|rest| rest.find(quote)) {
            Some(close) => close + 2,
            None => return 0,
        },
        _ => text.find(':').unwrap_or(text.len()),
    };
    let ends = text.get(end..).and_then(|rest| rest.strip_prefix(':'));
    match ends {
        Some(after) if after.is_empty() || after.starts_with(' ') => end,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_comments_are_found_and_nothing_is_lost() {
        use Part::{Comment, Key, Other};
        let cases: [(&str, &[(Part, &str)]); 10] = [
            ("metadata:", &[(Key, "metadata"), (Other, ":")]),
            (
                "  name: etcd # here",
                &[(Other, "  "), (Key, "name"), (Other, ": etcd "), (Comment, "# here")],
            ),
            ("  - name: a", &[(Other, "  - "), (Key, "name"), (Other, ": a")]),
            (
                "    - --profiling=false",
                &[(Other, "    - "), (Key, "--profiling"), (Other, "=false")],
            ),
            ("    - --leader-elect", &[(Other, "    - "), (Key, "--leader-elect")]),
            ("    image: a/b:v1", &[(Other, "    "), (Key, "image"), (Other, ": a/b:v1")]),
            ("  \"a\": \"x # y\",", &[(Other, "  "), (Key, "\"a\""), (Other, ": \"x # y\",")]),
            ("https://example.org", &[(Other, "https://example.org")]),
            ("# all of it", &[(Comment, "# all of it")]),
            ("", &[]),
        ];
        for (line, expected) in cases {
            let found = parts(line);
            assert_eq!(found, expected, "{line}");
            let whole: String = found.into_iter().map(|(_, text)| text).collect();
            assert_eq!(whole, line);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_only_cut(line in "\\PC*") {
            let whole: String = parts(&line).into_iter().map(|(_, text)| text).collect();
            proptest::prop_assert_eq!(whole, line);
        }
    }
}
