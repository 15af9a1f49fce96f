//! What a failed component said, kept before the kubelet collects its log.
//!
//! Reads `/var/log/pods`, of the kubelet the journal of its service, keeps the end of the log in the transaction's folder. Whatever goes wrong here
//! stops no rollback: then there is no evidence.

use jiff::Timestamp;

use super::execute::Begun;
use crate::{
    model::{Component, TransactionId},
    node::{Files, Node},
    store::keep_evidence,
};

/// Where the kubelet keeps the logs of containers.
const LOGS: &str = "/var/log/pods";

/// Largest log that is read, in bytes: the kubelet rotates at 10 MiB.
const LIMIT: u64 = 32 << 20;

/// So much of its end is kept, in bytes.
const TAIL: usize = 64 << 10;

/// Longest telling line, in characters.
const LINE: usize = 400;

/// What the last words of a component begin with or hold, most telling first.
const TELLING: [&str; 9] = [
    "unknown flag",
    "invalid argument",
    "flag provided but not defined",
    "\"command failed\"",
    "Error:",
    "panic:",
    "fatal",
    "leaderelection lost",
    "err=",
];

/// The end of a log that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) component: Component,
    /// Where, as a person names it.
    pub(super) path: String,
    /// The line that tells most.
    pub(super) telling: String,
    /// It says why, and is not only the last one.
    pub(super) says_why: bool,
}

/// Keeps the end of the log of whom the cause names, else of what this step restarted; nothing when there
/// is none.
pub(super) fn keep(node: &dyn Node, id: &TransactionId, step: &Begun, cause: &str) -> Option<Kept> {
    let kubelet = node.kubelet()?;
    let target = step.target.restarts()?;
    let component = blamed(cause).filter(|_| target != Component::Kubelet).unwrap_or(target);
    let (name, text, told) = if component == Component::Kubelet {
        let text = kubelet.log(step.at).ok()??;
        let told = telling(text.lines(), &["err="])?;
        ("kubelet.log".to_owned(), text, told)
    } else {
        let (attempt, text) = newest_log(node.files(), component, step)?;
        let told = telling(messages(&text, step.at), &[])?;
        (format!("{component}-{attempt}.log"), text, told)
    };
    let (telling, says_why) = told;
    let path = keep_evidence(node, id, &name, tail(&text).as_bytes()).ok()?;
    Some(Kept { component, path, telling, says_why })
}

/// The static pod a cause speaks of first: it may have failed because of another one's change.
fn blamed(cause: &str) -> Option<Component> {
    let found = |component: Component| Some((cause.find(component.as_str())?, component));
    Component::STATIC_PODS.into_iter().filter_map(found).min().map(|(_, component)| component)
}

/// The log of the last attempt in the newest pod that is not the old one.
fn newest_log(files: &dyn Files, component: Component, step: &Begun) -> Option<(u32, String)> {
    let prefix = format!("kube-system_{component}-");
    let old = step.old_pod.as_ref().filter(|_| step.target.restarts() == Some(component));
    let old = old.map(|pod| format!("_{pod}"));
    let mut newest: Option<(Timestamp, u32, String)> = None;
    for pod in files.list(LOGS).ok()? {
        let is_old = old.as_ref().is_some_and(|old| pod.name.ends_with(old.as_str()));
        if is_old || !pod.name.starts_with(&prefix) {
            continue;
        }
        let folder = format!("{LOGS}/{}/{component}", pod.name);
        let Some((attempt, text)) = last_attempt(files, &folder) else { continue };
        let Some(at) = text.lines().rev().find_map(|line| Some(split(line)?.0)) else { continue };
        if at >= step.at && newest.as_ref().is_none_or(|(latest, ..)| at > *latest) {
            newest = Some((at, attempt, text));
        }
    }
    newest.map(|(_, attempt, text)| (attempt, text))
}

/// The highest attempt that said anything.
fn last_attempt(files: &dyn Files, folder: &str) -> Option<(u32, String)> {
    let entries = files.list(folder).ok()?;
    let mut attempts: Vec<u32> =
        entries.iter().filter_map(|e| e.name.strip_suffix(".log")?.parse().ok()).collect();
    attempts.sort_unstable();
    attempts.into_iter().rev().find_map(|attempt| {
        let bytes = files.read(&format!("{folder}/{attempt}.log"), LIMIT).ok()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (!text.trim().is_empty()).then_some((attempt, text))
    })
}

/// Time and message of one line: `2026-11-24T05:26:01.123456789Z stderr F message`.
fn split(line: &str) -> Option<(Timestamp, &str)> {
    let (at, rest) = line.split_once(' ')?;
    let (_, rest) = rest.split_once(' ')?;
    let (_, message) = rest.split_once(' ')?;
    Some((at.parse().ok()?, message))
}

/// What a container said since then.
fn messages(text: &str, since: Timestamp) -> impl Iterator<Item = &str> {
    text.lines().filter_map(split).filter(move |(at, _)| *at >= since).map(|(_, message)| message)
}

/// The line that says why, else the last one (`false`). `vague` are words that also those say who are well.
fn telling<'t>(lines: impl Iterator<Item = &'t str>, vague: &[&str]) -> Option<(String, bool)> {
    let lines: Vec<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    let by_word = |word: &&str| lines.iter().rev().find(|line| line.contains(*word));
    let why = TELLING.iter().filter(|word| !vague.contains(word)).find_map(by_word);
    let line = why.or(lines.last())?;
    Some((line.chars().filter(|c| !c.is_control()).take(LINE).collect(), why.is_some()))
}

/// The end of a text, from the beginning of a line.
fn tail(text: &str) -> &str {
    let mut from = text.len().saturating_sub(TAIL);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let end = text.get(from..).unwrap_or_default();
    match end.split_once('\n') {
        Some((_, rest)) if from > 0 => rest,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_line_is_the_one_that_says_why() {
        let log = "2026-11-24T05:26:01.1Z stdout F Error: an older life\n\
                   2026-11-24T05:26:03.1Z stderr F I1124 flags.go] FLAG: --profiling=\"false\"\n\
                   2026-11-24T05:26:03.2Z stderr F Error: unknown flag: --no-such\x1b[2J-flag\n\
                   2026-11-24T05:26:03.3Z stderr F Usage:\n";
        let said = |since: &str| messages(log, since.parse().unwrap());
        let told = telling(said("2026-11-24T05:26:02Z"), &[]).unwrap();
        assert_eq!(told, ("Error: unknown flag: --no-such[2J-flag".to_owned(), true));
        assert_eq!(telling(said("2026-11-24T05:26:04Z"), &[]), None);
        let kubelet = "E1124 pod.go] sync failed err=\"x\"\nE1124 run.go] \"command failed\" err=\"y\"\nlast\n";
        let told = telling(kubelet.lines(), &["err="]).unwrap();
        assert_eq!(told, ("E1124 run.go] \"command failed\" err=\"y\"".to_owned(), true));
        let well = telling("E1124 pod.go] sync failed err=\"x\"\nlast".lines(), &["err="]);
        assert_eq!(well, Some(("last".to_owned(), false)));
    }

    #[test]
    fn the_end_of_a_log_begins_with_a_whole_line() {
        let log = "a line of some length\n".repeat(TAIL / 20);
        let end = tail(&log);
        assert!(end.len() <= TAIL && end.starts_with("a line"));
        assert_eq!(tail("short"), "short");
    }
}
