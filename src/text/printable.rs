//! Text of the node on a terminal: nothing in it may command the terminal, hide, or turn the line around.
//!
//! Only what is shown is changed, never what is written. JSON is not for a terminal and stays as it is.

use std::borrow::Cow;

/// The text with every character that would not be seen written out, as in `\u{1b}`. Line breaks and
/// tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_hidden(c) && !matches!(c, '\n' | '\t'))
}

/// The same for a text that has one line to itself: a line break in it is written out too, so that it
/// cannot pass for a line of ours.
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_hidden(c) && c != '\t')
}

/// Whether a character acts on the terminal or on its neighbours instead of being seen: control
/// characters, line separators, and all that Unicode calls ignorable by default (signs that turn the
/// direction, take no room, or only select a variant).
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The same text for a terminal that has only ASCII: a sign with a plain likeness becomes that, any other is
/// written out.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if c.is_ascii() => shown.push(c),
            '…' => shown.push_str("..."),
            '→' => shown.push_str("->"),
            '≥' => shown.push_str(">="),
            '≤' => shown.push_str("<="),
            '–' | '—' | '−' => shown.push('-'),
            '’' | '‘' => shown.push('\''),
            '“' | '”' => shown.push('"'),
            '·' | '•' => shown.push('*'),
            '×' => shown.push('x'),
            _ => shown.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(shown)
}

fn escaped(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_be_seen_is_written_out_and_all_else_stays() {
        for (text, shown) in [
            ("--profiling=false", "--profiling=false"),
            ("größer → 日本語 🙂", "größer → 日本語 🙂"),
            ("\u{1b}[2J\u{7}\0\u{7f}\u{9b}1m", r"\u{1b}[2J\u{7}\u{0}\u{7f}\u{9b}1m"),
            ("a\u{202e}b\u{2066}c\u{2069}", r"a\u{202e}b\u{2066}c\u{2069}"),
            ("a\u{200b}\u{200d}\u{feff}\u{ad}b", r"a\u{200b}\u{200d}\u{feff}\u{ad}b"),
            ("a\u{2028}b\u{e0041}\u{fe0f}", r"a\u{2028}b\u{e0041}\u{fe0f}"),
            ("a\rb", r"a\rb"),
        ] {
            assert_eq!(printable(text), shown);
            assert_eq!(one_line(text), shown);
        }
        assert_eq!(plain("≥ 2 → “größer”…"), r#">= 2 -> "gr\u{f6}\u{df}er"..."#);
        assert_eq!(printable("a\tb\nc"), "a\tb\nc");
        assert_eq!(one_line("a\tb\nc"), "a\tb\\nc");
    }
}
