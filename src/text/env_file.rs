//! systemd environment files (`kubeadm-flags.env`, `/etc/default/kubelet`).
//!
//! Owns the reading rules of systemd's `src/basic/env-file.c` and the removal of flags. Must not
//! know which variable the unit uses.

use super::{
    EditRefused,
    unit::words::{self, Letter, Letters, line_of},
};

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Variable name.
    pub name: String,
    /// Value, quotes removed.
    pub value: String,
    /// One-based line.
    pub line: usize,
}

/// An assignment whose letters know where they are written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) value: Letters,
    pub(super) line: usize,
}

/// Every assignment, in order; comments and malformed lines are skipped as systemd skips them.
pub fn parse(text: &str) -> Vec<Assignment> {
    written(text)
        .into_iter()
        .map(|Written { name, value, line }| Assignment { name, value: words::text(&value), line })
        .collect()
}

/// Where the reader is; the states of `parse_env_file_internal`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeKey,
    Key,
    BeforeValue,
    Value,
    ValueEscape,
    Single,
    Double,
    DoubleEscape,
    Comment,
    CommentEscape,
}

/// Every assignment with the bytes of its value.
pub(super) fn written(text: &str) -> Vec<Written> {
    let mut reader = Reader {
        text,
        state: State::BeforeKey,
        key: String::new(),
        key_at: 0,
        value: Vec::new(),
        solid: 0,
        escape_at: 0,
        found: Vec::new(),
    };
    for (at, letter) in text.char_indices() {
        reader.take(Letter { letter, at: at..at + letter.len_utf8() });
    }
    match reader.state {
        State::BeforeKey | State::Key | State::Comment | State::CommentEscape => {}
        State::Value => reader.finish_trimmed(),
        _ => reader.finish(),
    }
    reader.found
}

struct Reader<'t> {
    text: &'t str,
    state: State,
    key: String,
    key_at: usize,
    value: Letters,
    /// Length of the value up to its last letter that is no trailing white space.
    solid: usize,
    escape_at: usize,
    found: Vec<Written>,
}

impl Reader<'_> {
    fn take(&mut self, here: Letter) {
        let c = here.letter;
        let newline = matches!(c, '\n' | '\r');
        let space = matches!(c, ' ' | '\t') || newline;
        match self.state {
            State::BeforeKey => {
                if matches!(c, '#' | ';') {
                    self.state = State::Comment;
                } else if !space {
                    self.state = State::Key;
                    self.key_at = here.at.start;
                    self.key.push(c);
                }
            }
            State::Key => match c {
                _ if newline => {
                    self.state = State::BeforeKey;
                    self.key.clear();
                }
                '=' => {
                    self.state = State::BeforeValue;
                    self.solid = 0;
                }
                _ => self.key.push(c),
            },
            State::BeforeValue => match c {
                _ if newline => self.finish(),
                '\'' => self.state = State::Single,
                '"' => self.state = State::Double,
                '\\' => self.escape(State::ValueEscape, &here),
                _ if space => {}
                _ => {
                    self.state = State::Value;
                    self.push_solid(here);
                }
            },
            State::Value => match c {
                _ if newline => self.finish_trimmed(),
                '\\' => {
                    self.escape(State::ValueEscape, &here);
                    self.solid = self.value.len();
                }
                _ if space => self.value.push(here),
                _ => self.push_solid(here),
            },
            State::ValueEscape => {
                self.state = State::Value;
                if !newline {
                    self.push_solid(Letter { letter: c, at: self.escape_at..here.at.end });
                }
            }
            State::Single => match c {
                '\'' => self.state = State::BeforeValue,
                _ => self.value.push(here),
            },
            State::Double => match c {
                '"' => self.state = State::BeforeValue,
                '\\' => self.escape(State::DoubleEscape, &here),
                _ => self.value.push(here),
            },
            State::DoubleEscape => {
                self.state = State::Double;
                let escape = self.escape_at;
                if matches!(c, '"' | '\\' | '`' | '$') {
                    self.value.push(Letter { letter: c, at: escape..here.at.end });
                } else if c != '\n' {
                    self.value.extend([Letter { letter: '\\', at: escape..escape + 1 }, here]);
                }
            }
            State::Comment => match c {
                '\\' => self.state = State::CommentEscape,
                _ if newline => self.state = State::BeforeKey,
                _ => {}
            },
            State::CommentEscape => self.state = State::Comment,
        }
    }

    fn escape(&mut self, state: State, here: &Letter) {
        self.state = state;
        self.escape_at = here.at.start;
    }

    fn push_solid(&mut self, letter: Letter) {
        self.value.push(letter);
        self.solid = self.value.len();
    }

    fn finish_trimmed(&mut self) {
        self.value.truncate(self.solid);
        self.finish();
    }

    fn finish(&mut self) {
        self.state = State::BeforeKey;
        let name = std::mem::take(&mut self.key).trim_end().to_owned();
        let value = std::mem::take(&mut self.value);
        if is_name(&name) {
            self.found.push(Written { name, value, line: line_of(self.text, self.key_at) });
        }
    }
}

/// A name systemd accepts: letters, digits and `_`, no digit first.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Removes a flag from every variable's value (or only `element` of its comma-separated value). Every other byte stays.
///
/// White space between the flag and its neighbour goes with it. A variable whose last flag is removed
/// stays with an empty value.
///
/// # Errors
/// The flag's value comes from a variable, or the result would not read as the text without the flag.
pub fn remove_flag(text: &str, flag: &str, element: Option<&str>) -> Result<String, EditRefused> {
    let before = written(text);
    let mut cuts = Vec::new();
    let mut wanted = Vec::new();
    for assignment in &before {
        let split = words::split(&assignment.value);
        let here = words::cuts(&split, flag, element).map_err(|why| refused(assignment, &why))?;
        cuts.extend(here.unwrap_or_default());
        let texts: Vec<String> = split.iter().map(words::Word::text).collect();
        wanted.push((assignment.name.clone(), words::expected(&texts, flag, element)));
    }
    if cuts.is_empty() {
        return Ok(text.to_owned());
    }
    let out = words::without(text, &cuts).ok_or_else(|| EditRefused {
        reason: format!("--{flag} could not be cut out of the file"),
    })?;
    let got: Vec<(String, Vec<String>)> = written(&out)
        .into_iter()
        .map(|a| (a.name, words::split(&a.value).iter().map(words::Word::text).collect()))
        .collect();
    if got == wanted { Ok(out) } else { Err(words::not_proved(flag)) }
}

fn refused(assignment: &Written, why: &str) -> EditRefused {
    EditRefused {
        reason: format!(
            "{} (line {}): {why}; edit the file by hand",
            assignment.name, assignment.line
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_systemd_reads_them() {
        for (text, want) in [
            ("A=b\n", vec![("A", "b", 1)]),
            ("# c\n; d\n\nA = b  \nB=\n", vec![("A", "b", 4), ("B", "", 5)]),
            ("A=\"b c\" \nB='d \"e\"'", vec![("A", "b c", 1), ("B", "d \"e\"", 2)]),
            ("A=\"b \\\"c\\\" \\n\"\n", vec![("A", "b \"c\" \\n", 1)]),
            ("A=b\\\n c\nB=d\n", vec![("A", "b c", 1), ("B", "d", 3)]),
            ("A=\"b\\\nc\"\n", vec![("A", "bc", 1)]),
            ("A=\"b\nc\"\nB=1\n", vec![("A", "b\nc", 1), ("B", "1", 3)]),
            ("A=\"b\"\"c\"\n", vec![("A", "bc", 1)]),
            ("A=b\"c\"\n", vec![("A", "b\"c\"", 1)]),
            ("no assignment\n1A=b\nexport B=c\nC=d\r\n", vec![("C", "d", 4)]),
            ("# comment \\\nA=1\nB=2\n", vec![("B", "2", 3)]),
            ("A='open", vec![("A", "open", 1)]),
        ] {
            let got: Vec<(String, String, usize)> =
                parse(text).into_iter().map(|a| (a.name, a.value, a.line)).collect();
            let want: Vec<(String, String, usize)> =
                want.into_iter().map(|(n, v, l)| (n.to_owned(), v.to_owned(), l)).collect();
            assert_eq!(got, want, "{text:?}");
        }
    }

    #[test]
    fn a_flag_goes_and_every_other_byte_stays() {
        for (text, flag, element, want) in [
            ("K=\"--a=1 --b=2 --c\"\n", "b", None, "K=\"--a=1 --c\"\n"),
            ("K=\"--a=1 --b=2\"", "b", None, "K=\"--a=1\""),
            ("K=\"--b=2  --a=1\"\r\n", "b", None, "K=\"--a=1\"\r\n"),
            ("K=--b=2 # no comment\n", "b", None, "K=# no comment\n"),
            ("K=\"--b 2 --a\" \nL='--b'\n#--b\n", "b", None, "K=\"--a\" \nL=''\n#--b\n"),
            ("K=--a \\\n  --b=2 \\\n  --c\n", "b", None, "K=--a \\\n  --c\n"),
            ("K=\"--b=x,y,z\"\n", "b", Some("y"), "K=\"--b=x,z\"\n"),
            ("K=\"--b=x,y\"\n", "b", Some("y"), "K=\"--b=x\"\n"),
            ("K=\"--b=y,x\"\n", "b", Some("y"), "K=\"--b=x\"\n"),
            ("K=\"--b y,x --c\"\n", "b", Some("y"), "K=\"--b x --c\"\n"),
            ("K=\"--b=y --c\"\n", "b", Some("y"), "K=\"--c\"\n"),
            ("K=\"--b=x\"\n", "b", Some("y"), "K=\"--b=x\"\n"),
            ("K=\"--bb=x\"\n", "b", None, "K=\"--bb=x\"\n"),
            ("K=\"--a='--b=1 2' --b=3\"\n", "b", None, "K=\"--a='--b=1 2'\"\n"),
        ] {
            assert_eq!(remove_flag(text, flag, element).as_deref(), Ok(want), "{text:?}");
            let again = remove_flag(want, flag, element);
            assert_eq!(again.as_deref(), Ok(want), "twice: {text:?}");
        }
    }

    #[test]
    fn a_value_from_a_variable_is_refused() {
        let reason = remove_flag("\nK=\"--b=${X}\"\n", "b", None).unwrap_err().reason;
        assert!(reason.contains("K (line 2)") && reason.contains("by hand"), "{reason}");
    }
}
