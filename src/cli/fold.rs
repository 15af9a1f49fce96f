//! Long lines on a terminal that is read line by line: folded at spaces, so that no word is torn.

use std::io::{self, Write};

use anstream::adapter::strip_str;
use unicode_width::UnicodeWidthChar as _;

/// Columns of every terminal.
pub(super) const COLUMNS: usize = 79;

/// Folds what is written at `columns`.
#[derive(Debug)]
pub(super) struct Folded<W> {
    out: W,
    columns: usize,
    /// A line without its end yet.
    line: String,
}

impl<W: Write> Folded<W> {
    /// Folds at so many columns.
    pub(super) const fn new(out: W, columns: usize) -> Self {
        Self { out, columns, line: String::new() }
    }

    /// Writes a line whole, because somebody will copy it.
    pub(super) fn verbatim(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    /// What was written.
    #[cfg(test)]
    pub(super) const fn inner(&self) -> &W {
        &self.out
    }
}

impl<W: Write> Write for Folded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.push_str(&String::from_utf8_lossy(bytes));
        while let Some((line, rest)) = self.line.split_once('\n') {
            let folded = fold(line, self.columns);
            self.line = rest.to_owned();
            self.out.write_all(folded.as_bytes())?;
            self.out.write_all(b"\n")?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What follows hangs below its line. A changed line of a diff says so by a sign of its own: without one what
/// follows would pass for a line that stays.
fn margin(line: &str) -> String {
    let seen = strip_str(line).to_string();
    let indent = seen.chars().take_while(|c| *c == ' ').count();
    match seen.chars().next() {
        Some('+' | '-') => "\\     ".to_owned(),
        _ => " ".repeat(indent + 4),
    }
}

/// The line, with breaks at spaces, and within a word that is longer than a line. Colours take no room.
fn fold(line: &str, columns: usize) -> String {
    let margin = margin(line);
    let mut out = String::with_capacity(line.len() + 16);
    // Columns taken, and whether a word stands on this line already.
    let (mut used, mut begun) = (0, false);
    for (index, word) in line.split(' ').enumerate() {
        let wide = width(&strip_str(word).to_string());
        // A word that has no line of its own is begun where it stands.
        let fits = margin.len() + wide <= columns;
        if begun && fits && used + 1 + wide > columns {
            out.push('\n');
            out.push_str(&margin);
            (used, begun) = (margin.len(), false);
        } else if index > 0 {
            out.push(' ');
            used += 1;
        }
        let mut sequence = false;
        for c in word.chars() {
            if c == '\u{1b}' || sequence {
                sequence = !(sequence && c.is_ascii_alphabetic());
                out.push(c);
                continue;
            }
            let wide = c.width().unwrap_or(0);
            if used + wide > columns && used > margin.len() {
                out.push('\n');
                out.push_str(&margin);
                used = margin.len();
            }
            out.push(c);
            used += wide;
        }
        begun |= wide > 0;
    }
    out
}

fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, columns: usize) -> String {
        let mut folded = Folded::new(Vec::new(), columns);
        folded.write_all(text.as_bytes()).unwrap();
        String::from_utf8(folded.inner().clone()).unwrap()
    }

    #[test]
    fn lines_are_folded_at_spaces_and_hang_below_their_beginning() {
        assert_eq!(written("short\n\n  also\n", 20), "short\n\n  also\n");
        assert_eq!(
            written("  one two three four five six\n", 20),
            "  one two three four\n      five six\n"
        );
        assert_eq!(
            written("a verylongwordthatdoesnotfit b\n", 12),
            "a verylongwo\n    rdthatdo\n    esnotfit\n    b\n"
        );
        assert_eq!(written("+  - --flag=one two\n", 14), "+  - --flag=on\n\\     e two\n");
    }

    #[test]
    fn colours_take_no_room() {
        let (bold, reset) = ("\u{1b}[1m", "\u{1b}[0m");
        assert_eq!(
            written(&format!("{bold}one{reset} {bold}two{reset} three\n"), 9),
            format!("{bold}one{reset} {bold}two{reset}\n    three\n")
        );
    }

    #[test]
    fn nothing_is_wider_than_it_may_be() {
        let text = "the quick brown fox jumps over the lazy dog ".repeat(20);
        for columns in 20..80 {
            let folded = written(&format!("    {text}\n"), columns);
            assert!(folded.lines().all(|line| line.len() <= columns), "{columns}: {folded}");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&folded), words(&text));
        }
    }
}
