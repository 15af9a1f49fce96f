//! The settings of a unit's `[Service]` section.

use super::words::{Letter, Letters};
use crate::model::facts::TextFile;

/// One `Name=value` line, continuation lines joined.
#[derive(Debug)]
pub(super) struct Setting<'t> {
    pub(super) file: &'t TextFile,
    pub(super) name: String,
    /// Without white space at its ends.
    pub(super) value: Letters,
}

/// The settings of the `[Service]` section, in order.
///
/// A backslash at the end of a line is a space and the line goes on; comment lines in between are
/// skipped (`config_parse` in systemd's `src/shared/conf-parser.c`).
pub(super) fn service(file: &TextFile) -> Vec<Setting<'_>> {
    let mut settings = Vec::new();
    let mut section = String::new();
    let mut line: Letters = Vec::new();
    let mut at = 0;
    for raw in file.text.split_inclusive('\n') {
        let start = at;
        at += raw.len();
        let body = raw.trim_end_matches(['\n', '\r']);
        if body.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let letters = |text: &str| -> Letters {
            text.char_indices()
                .map(|(i, letter)| Letter { letter, at: start + i..start + i + letter.len_utf8() })
                .collect()
        };
        if let Some(body) = body.strip_suffix('\\') {
            line.extend(letters(body));
            line.push(Letter { letter: ' ', at: start + body.len()..at });
            continue;
        }
        line.extend(letters(body));
        take(&std::mem::take(&mut line), file, &mut section, &mut settings);
    }
    take(&line, file, &mut section, &mut settings);
    settings
}

fn take<'t>(
    line: &[Letter],
    file: &'t TextFile,
    section: &mut String,
    settings: &mut Vec<Setting<'t>>,
) {
    let line = trimmed(line);
    let text = super::words::text(line);
    if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        name.clone_into(section);
        return;
    }
    let Some(equals) = line.iter().position(|letter| letter.letter == '=') else { return };
    let Some((name, value)) = line.split_at_checked(equals) else { return };
    if section == "Service" {
        let name = super::words::text(trimmed(name));
        let value = trimmed(value.get(1..).unwrap_or_default()).to_vec();
        settings.push(Setting { file, name, value });
    }
}

fn trimmed(mut letters: &[Letter]) -> &[Letter] {
    while let [first, rest @ ..] = letters
        && first.letter.is_ascii_whitespace()
    {
        letters = rest;
    }
    while let [rest @ .., last] = letters
        && last.letter.is_ascii_whitespace()
    {
        letters = rest;
    }
    letters
}
