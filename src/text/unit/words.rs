//! Text with the bytes it comes from, and words of it as systemd splits them.

use std::ops::Range;

use crate::text::{EditRefused, flags};

/// A character after quotes and escapes, with the bytes it is written in.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// The character.
    pub(crate) letter: char,
    /// Where it is written.
    pub(crate) at: Range<usize>,
}

/// Text whose letters know where they are written.
pub(crate) type Letters = Vec<Letter>;

/// The text of letters.
pub(crate) fn text(letters: &[Letter]) -> String {
    letters.iter().map(|letter| letter.letter).collect()
}

/// One word, quotes removed.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    /// Its letters.
    pub(crate) letters: Letters,
    /// The bytes it is written in, quotes included.
    pub(crate) at: Range<usize>,
}

impl Word {
    /// Its text.
    pub(crate) fn text(&self) -> String {
        text(&self.letters)
    }
}

/// Splits at white space; quotes group and vanish, a backslash escapes (`extract_first_word` with
/// `EXTRACT_UNQUOTE` and `EXTRACT_CUNESCAPE`; unknown escapes stay as they are).
pub(crate) fn split(letters: &[Letter]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut rest = letters.iter();
    while let Some(letter) = rest.next() {
        let c = letter.letter;
        if quote.is_none() && c.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_with(|| Word { letters: Vec::new(), at: letter.at.clone() });
        word.at.end = letter.at.end;
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '"' | '\'') {
            quote = Some(c);
        } else if c == '\\' {
            let Some(next) = rest.next() else {
                word.letters.push(letter.clone());
                break;
            };
            word.at.end = next.at.end;
            let at = letter.at.start..next.at.end;
            match escape(next.letter) {
                Some(letter) => word.letters.push(Letter { letter, at }),
                None => word.letters.extend([letter.clone(), next.clone()]),
            }
        } else {
            word.letters.push(letter.clone());
        }
    }
    words.extend(word);
    words
}

fn escape(c: char) -> Option<char> {
    match c {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        's' => Some(' '),
        '\\' | '"' | '\'' => Some(c),
        _ => None,
    }
}

/// One-based line of a byte.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|b| *b == b'\n').count()
}

/// Words of a value with one flag taken out, as bytes to cut from the text; `None` when the flag is
/// not there. `Err` says which word stands in the way.
pub(crate) fn cuts(
    words: &[Word],
    flag: &str,
    element: Option<&str>,
) -> Result<Option<Vec<Range<usize>>>, String> {
    let texts: Vec<String> = words.iter().map(Word::text).collect();
    let mut cuts = Vec::new();
    for found in flags::occurrences(&texts, flag) {
        let Some(group) = words.get(found.index..found.index + found.width) else { continue };
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        if texts
            .get(found.index..found.index + found.width)
            .is_some_and(|t| t.concat().contains('$'))
        {
            return Err(format!("--{flag} takes its value from a variable"));
        }
        let whole =
            with_space(words, found.index, found.index + found.width, first.at.start..last.at.end);
        let Some(element) = element else {
            cuts.push(whole);
            continue;
        };
        let elements: Vec<&str> = found.value.split(',').collect();
        if !elements.contains(&element) {
            continue;
        }
        if elements.iter().all(|e| *e == element || e.is_empty()) {
            cuts.push(whole);
            continue;
        }
        let start = last.letters.len().saturating_sub(found.value.chars().count());
        cuts.extend(element_cuts(last.letters.get(start..).unwrap_or_default(), element));
    }
    Ok(if cuts.is_empty() { None } else { Some(cuts) })
}

/// A group of words with the white space that parts it from its neighbours: the one after it, else
/// the one before it.
fn with_space(words: &[Word], from: usize, to: usize, own: Range<usize>) -> Range<usize> {
    let before = from.checked_sub(1).and_then(|index| words.get(index));
    match (words.get(to), before) {
        (Some(next), _) => own.start..next.at.start,
        (None, Some(previous)) => previous.at.end..own.end,
        (None, None) => own,
    }
}

/// The bytes of one element of a comma-separated value, with one comma beside it.
fn element_cuts(value: &[Letter], element: &str) -> Vec<Range<usize>> {
    let mut cuts = Vec::new();
    let mut kept = false;
    let mut start = 0;
    for part in value.split(|letter| letter.letter == ',') {
        let end = start + part.len();
        if text(part) == element {
            let (from, to) = if kept { (start.saturating_sub(1), end) } else { (start, end + 1) };
            let letters = value.get(from..to.min(value.len())).unwrap_or_default();
            if let (Some(first), Some(last)) = (letters.first(), letters.last()) {
                cuts.push(first.at.start..last.at.end);
            }
        } else {
            kept = true;
        }
        start = end + 1;
    }
    cuts
}

/// The text without some of its bytes.
pub(crate) fn without(text: &str, cuts: &[Range<usize>]) -> Option<String> {
    let mut cuts = cuts.to_vec();
    cuts.sort_by_key(|cut| cut.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for cut in cuts {
        if cut.end <= at {
            continue;
        }
        out.push_str(text.get(at..cut.start.max(at))?);
        at = cut.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

/// What the words must be once the flag is gone: the removal made on the words themselves.
pub(crate) fn expected(words: &[String], flag: &str, element: Option<&str>) -> Vec<String> {
    let mut out = words.to_vec();
    for found in flags::occurrences(words, flag).into_iter().rev() {
        let range = found.index..found.index + found.width;
        let Some(element) = element else {
            out.drain(range);
            continue;
        };
        let kept: Vec<&str> = found.value.split(',').filter(|e| *e != element).collect();
        if kept.len() == found.value.split(',').count() {
            continue;
        }
        if kept.iter().all(|e| e.is_empty()) {
            out.drain(range);
        } else if let Some(last) = out.get_mut(range.end - 1) {
            let stem = last.strip_suffix(&found.value).unwrap_or_default().to_owned();
            *last = stem + &kept.join(",");
        }
    }
    out
}

/// The result did not read as wanted.
pub(crate) fn not_proved(flag: &str) -> EditRefused {
    EditRefused {
        reason: format!(
            "removing --{flag} would change more than this flag (quotes or line breaks inside it); edit the file by hand"
        ),
    }
}
