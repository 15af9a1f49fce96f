//! Takes an old change out of today's text.
//!
//! The base is what we wrote (`after`); one side is what was before it, the other what is there now.
//! Lines are compared without their endings, so a file that somebody converted to CRLF is still ours
//! to undo. Changes that only touch ours (the image line below our flag) are no conflict: a
//! `kubeadm upgrade` must survive an undo.

use std::ops::Range;

use similar::{Algorithm, DiffTag, capture_diff_slices};

/// Removes the change `before` → `after` from the text `now`, keeping what others changed since.
///
/// Where our lines are gone already there is nothing to do. Where somebody changed the very lines we
/// wrote, the places are returned in words and nothing is merged.
pub fn undo(before: &str, after: &str, now: &str) -> Result<String, Vec<String>> {
    if now == after || now == before {
        return Ok(before.to_owned());
    }
    let [was, wrote, is] = [lines(before), lines(after), lines(now)];
    let theirs = edits(&wrote, &is);
    let mut splices = Vec::new();
    let mut conflicts = Vec::new();
    for ours in edits(&wrote, &was).iter().flat_map(|edit| split(edit, &wrote, &was)) {
        match place(&ours, &theirs, &wrote, &was, &is) {
            Place::At(range) => splices.push((range, ours.side)),
            Place::Nothing => {}
            Place::Conflict => conflicts.push(describe(&ours, &wrote, &was)),
        }
    }
    // Lines that somebody moved come out of order.
    splices.sort_by_key(|(range, _): &(Range<usize>, _)| (range.start, range.end));
    let overlap = splices.windows(2).any(|pair| match pair {
        [(one, _), (next, _)] => next.start < one.end,
        _ => false,
    });
    if overlap {
        conflicts.push("our lines were moved onto each other".to_owned());
    }
    if !conflicts.is_empty() {
        return Err(conflicts);
    }
    Ok(join(&splices, &was, now, final_newline(before, after, now)))
}

/// A run of base lines that one side replaced by a run of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    base: Range<usize>,
    side: Range<usize>,
}

/// Where one of our edits is undone in today's text.
enum Place {
    /// These lines of today's text are replaced.
    At(Range<usize>),
    /// It is undone already.
    Nothing,
    /// Somebody changed the same lines.
    Conflict,
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

fn edits(base: &[&str], side: &[&str]) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, base, side) {
        if op.tag() == DiffTag::Equal {
            continue;
        }
        let (old, new) = (op.old_range(), op.new_range());
        match edits.last_mut() {
            Some(last) if last.base.end == old.start && last.side.end == new.start => {
                last.base.end = old.end;
                last.side.end = new.end;
            }
            _ => edits.push(Edit { base: old, side: new }),
        }
    }
    edits
}

/// Cuts one of our edits into single lines where they stand for each other: lines we only added, and
/// lines whose settings we changed one by one.
fn split(edit: &Edit, wrote: &[&str], was: &[&str]) -> Vec<Edit> {
    if edit.side.is_empty() {
        return edit
            .base
            .clone()
            .map(|at| Edit { base: at..at + 1, side: edit.side.clone() })
            .collect();
    }
    let [new, old] = [slice(wrote, &edit.base), slice(was, &edit.side)];
    let pairs =
        new.len() == old.len() && new.iter().zip(old).all(|(a, b)| setting(a) == setting(b));
    if !pairs {
        return vec![edit.clone()];
    }
    edit.base
        .clone()
        .zip(edit.side.clone())
        .map(|(base, side)| Edit { base: base..base + 1, side: side..side + 1 })
        .collect()
}

fn place(ours: &Edit, theirs: &[Edit], wrote: &[&str], was: &[&str], is: &[&str]) -> Place {
    let restored = slice(was, &ours.side);
    if ours.base.is_empty() {
        return place_insertion(ours.base.start, theirs, restored, is);
    }
    let over: Vec<&Edit> = theirs
        .iter()
        .filter(|edit| edit.base.start < ours.base.end && ours.base.start < edit.base.end)
        .collect();
    // An insertion strictly inside our lines splits them.
    let inside = theirs.iter().any(|edit| {
        edit.base.is_empty() && ours.base.start < edit.base.start && edit.base.start < ours.base.end
    });
    if over.is_empty() && !inside {
        let start = position(theirs, ours.base.start, true);
        return Place::At(start..start + ours.base.len());
    }
    let written = slice(wrote, &ours.base);
    let replaced: Vec<&str> = over.iter().flat_map(|edit| slice(is, &edit.side)).copied().collect();
    if !restored.is_empty() && contains(&replaced, restored) {
        return Place::Nothing;
    }
    let all_gone = ours.base.clone().all(|at| over.iter().any(|edit| edit.base.contains(&at)));
    let changed =
        written.iter().any(|line| replaced.iter().any(|theirs| setting(theirs) == setting(line)));
    if all_gone && !changed && !inside {
        elsewhere(ours, theirs, wrote, restored, is)
    } else {
        Place::Conflict
    }
}

/// Lines of ours that are gone from their place: somebody removed them, or moved them.
fn elsewhere(
    ours: &Edit,
    theirs: &[Edit],
    wrote: &[&str],
    restored: &[&str],
    is: &[&str],
) -> Place {
    let written = slice(wrote, &ours.base);
    // A line that we did not write alone tells nothing when it turns up.
    let telling = |line: &str| {
        written.contains(&line) && wrote.iter().filter(|other| **other == line).count() == 1
    };
    let found: Vec<usize> = theirs
        .iter()
        .flat_map(|edit| edit.side.clone())
        .filter(|at| is.get(*at).is_some_and(|line| telling(line)))
        .collect();
    let Some(first) = found.first().copied() else { return Place::Nothing };
    let whole = first..first + written.len();
    let fits = restored.is_empty() || restored.len() == written.len();
    if fits && found.len() == written.len() && slice(is, &whole) == written {
        Place::At(whole)
    } else {
        Place::Conflict
    }
}

/// Lines we removed come back between the lines they stood between.
fn place_insertion(at: usize, theirs: &[Edit], restored: &[&str], is: &[&str]) -> Place {
    // A flag given twice would change what the component does: the last one wins.
    let given_again = |old: &&str| {
        setting(old).starts_with("--") && is.iter().any(|line| setting(line) == setting(old))
    };
    if restored.iter().any(given_again) {
        let all_back = restored.iter().all(|old| is.contains(old));
        return if all_back { Place::Nothing } else { Place::Conflict };
    }
    for edit in theirs {
        let new = slice(is, &edit.side);
        let touches = edit.base.start <= at && at <= edit.base.end;
        if touches && contains(new, restored) {
            return Place::Nothing;
        }
        let surrounds = edit.base.start < at && at < edit.base.end;
        let same_place = edit.base.is_empty() && edit.base.start == at;
        let same_setting = touches
            && new.iter().any(|line| restored.iter().any(|old| setting(old) == setting(line)));
        if surrounds || same_place || same_setting {
            return Place::Conflict;
        }
    }
    let start = position(theirs, at, false);
    Place::At(start..start)
}

/// Index in today's text of a base line (`of_line`: insertions before it counted), or of the gap
/// before it.
fn position(theirs: &[Edit], base: usize, of_line: bool) -> usize {
    let mut position = base;
    for edit in theirs {
        let counts =
            edit.base.end < base || (edit.base.end == base && (of_line || !edit.base.is_empty()));
        if counts {
            position = position + edit.side.len() - edit.base.len();
        }
    }
    position
}

/// What a line sets: its text up to the first `=`, `:` or end, without list dash and quotes.
fn setting(line: &str) -> &str {
    let line = line.trim().trim_start_matches("- ").trim_matches(['"', '\'', ',']);
    line.split(['=', ':']).next().unwrap_or(line).trim()
}

fn contains(lines: &[&str], wanted: &[&str]) -> bool {
    !wanted.is_empty() && lines.windows(wanted.len()).any(|window| window == wanted)
}

fn slice<'l, 't>(lines: &'l [&'t str], range: &Range<usize>) -> &'l [&'t str] {
    lines.get(range.clone()).unwrap_or_default()
}

fn describe(ours: &Edit, wrote: &[&str], was: &[&str]) -> String {
    let quote = |lines: &[&str]| {
        lines.iter().map(|line| format!("'{}'", line.trim())).collect::<Vec<_>>().join(", ")
    };
    let [written, restored] = [slice(wrote, &ours.base), slice(was, &ours.side)];
    match (written.is_empty(), restored.is_empty()) {
        (false, true) => format!("{} was added by us and changed since", quote(written)),
        (true, _) => {
            format!("{} was removed by us, and its place was changed since", quote(restored))
        }
        (false, false) => format!(
            "{} was changed to {} by us and changed again since",
            quote(restored),
            quote(written)
        ),
    }
}

/// Our wish for the end of the file where we changed it, else what is there now.
fn final_newline(before: &str, after: &str, now: &str) -> bool {
    let ended = |text: &str| text.is_empty() || text.ends_with('\n');
    if ended(before) == ended(after) { ended(now) } else { ended(before) }
}

fn line_ending(text: &str) -> &'static str {
    let all = text.matches('\n').count();
    if 2 * text.matches("\r\n").count() > all { "\r\n" } else { "\n" }
}

/// Today's lines with ours taken out. Every kept line keeps its own ending.
fn join(
    splices: &[(Range<usize>, Range<usize>)],
    was: &[&str],
    now: &str,
    final_newline: bool,
) -> String {
    let ending = line_ending(now);
    let mut out = String::with_capacity(now.len());
    let end_line = |out: &mut String| {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push_str(ending);
        }
    };
    let mut kept = now.split_inclusive('\n').enumerate().peekable();
    for (range, side) in splices {
        while let Some((_, line)) = kept.next_if(|(at, _)| *at < range.start) {
            end_line(&mut out);
            out.push_str(line);
        }
        while kept.next_if(|(at, _)| *at < range.end).is_some() {}
        for line in slice(was, side) {
            end_line(&mut out);
            out.push_str(line);
            out.push_str(ending);
        }
    }
    for (_, line) in kept {
        end_line(&mut out);
        out.push_str(line);
    }
    if final_newline {
        end_line(&mut out);
    } else if let Some(shorter) = out.strip_suffix("\r\n").or_else(|| out.strip_suffix('\n')) {
        out.truncate(shorter.len());
    }
    out
}
