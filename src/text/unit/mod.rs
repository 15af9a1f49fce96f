//! systemd units: what a service would be started with.
//!
//! Follows `systemd.service(5)`, "Command lines", and `systemd.exec(5)`, "Environment". Must not
//! read files: unit, drop-ins and environment files are given, in the order systemd applies them.

pub mod glob;
mod read;
mod specifiers;
pub(crate) mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::{EditRefused, env_file};
use crate::model::facts::{Arg, KubeletFacts, TextFile};
use read::{Setting, service};
use specifiers::filled;
pub use specifiers::{Specifiers, specifiers};
use words::{Letter, Letters, Word, line_of};

/// `EnvironmentFile=` lines in order: path or pattern ([`glob`]), and whether a missing file is fine (`-`). A
/// specifier that cannot be told stays.
pub fn environment_files(units: &[TextFile], known: &Specifiers) -> Vec<(String, bool)> {
    let mut files = Vec::new();
    for setting in settings(units, "EnvironmentFile") {
        let value = filled(&setting.value, known).unwrap_or(setting.value);
        let value = words::text(&value);
        let value = value.trim();
        match value.strip_prefix('-') {
            _ if value.is_empty() => files.clear(),
            Some(path) => files.push((path.to_owned(), true)),
            None => files.push((value.to_owned(), false)),
        }
    }
    files
}

/// Arguments of the last `ExecStart=`, variables expanded from `Environment=` and the environment files, the program itself first.
///
/// `None` when no unit has one. Each argument names the place its text is written: the variable's for
/// `$VAR`, the `ExecStart=` line's for everything else.
///
/// # Errors
/// A specifier or a variable that only the running system could tell; half a sentence.
pub fn start_args(
    units: &[TextFile],
    env_files: &[TextFile],
    known: &Specifiers,
) -> Result<Option<Vec<Arg>>, String> {
    let mut command = None;
    for setting in settings(units, "ExecStart") {
        command = if setting.value.is_empty() { None } else { Some(setting) };
    }
    let Some(command) = command else { return Ok(None) };
    let variables = variables(units, env_files, known)?;
    let passed = passed(units, known);
    let lookup = |name: &str| match variables.get(name) {
        Some(variable) => Ok(Some(variable)),
        None if passed.contains(name) => Err(format!(
            "${name} in its ExecStart= is the service manager's own (PassEnvironment=), which no file tells"
        )),
        None => Ok(None),
    };
    let mut words = words::split(&command.value).into_iter();
    let Some(mut program) = words.next() else { return Ok(None) };
    let prefix: String = program
        .letters
        .iter()
        .map(|letter| letter.letter)
        .take_while(|c| matches!(c, '@' | '-' | ':' | '+' | '!' | '|'))
        .collect();
    program.letters.drain(..prefix.len());
    if prefix.contains('@') {
        // The word after the path is the name the program sees of itself.
        words.next();
    }
    let fill = |letters: &[Letter]| {
        filled(letters, known).map_err(|which| format!("{which} in its ExecStart= is not known"))
    };
    let mut args = vec![command.arg(&fill(&program.letters)?)];
    for mut word in words {
        word.letters = fill(&word.letters)?;
        if prefix.contains(':') {
            args.push(command.arg(&word.letters));
        } else {
            args.extend(expand(&command, &word, &lookup)?);
        }
    }
    Ok(Some(args))
}

/// Why its files do not tell what the kubelet would be started with; `None` when they do.
pub fn untold(kubelet: &KubeletFacts) -> Option<String> {
    start_args(&kubelet.unit_files, &kubelet.env_files, &kubelet.specifiers).err()
}

/// Variables that a unit takes from the environment of the service manager (`PassEnvironment=`). Where the unit or
/// its files set one of them too, that counts (`accum_env` in systemd's `src/core/exec-invoke.c`).
pub fn passed(units: &[TextFile], known: &Specifiers) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for setting in settings(units, "PassEnvironment") {
        if setting.value.is_empty() {
            names.clear();
        }
        let value = filled(&setting.value, known).unwrap_or(setting.value);
        names.extend(words::split(&value).iter().map(Word::text));
    }
    names
}

/// What a unit sets in the environment of its program: values by name, each with its place.
///
/// # Errors
/// As [`start_args`].
pub fn environment(
    units: &[TextFile],
    env_files: &[TextFile],
    known: &Specifiers,
) -> Result<BTreeMap<String, Arg>, String> {
    let variables = variables(units, env_files, known)?.into_iter();
    let found = variables
        .map(|(name, Variable { file, value })| {
            let start = value.first().map_or(0, |letter| letter.at.start);
            (name, arg(file, words::text(&value), start))
        })
        .collect();
    Ok(found)
}

/// Where a variable's value is written.
struct Variable<'t> {
    file: &'t TextFile,
    value: Letters,
}

/// `Environment=` of the units, then the environment files over them.
fn variables<'t>(
    units: &'t [TextFile],
    env_files: &'t [TextFile],
    known: &Specifiers,
) -> Result<BTreeMap<String, Variable<'t>>, String> {
    let mut variables = BTreeMap::new();
    for setting in settings(units, "Environment") {
        if setting.value.is_empty() {
            variables.clear();
        }
        for word in words::split(&setting.value) {
            let letters = filled(&word.letters, known)
                .map_err(|which| format!("{which} in its Environment= is not known"))?;
            if let Some((name, value)) = assignment(&Word { letters, ..word }) {
                variables.insert(name, Variable { file: setting.file, value });
            }
        }
    }
    for file in env_files {
        for assignment in env_file::written(&file.text) {
            variables.insert(assignment.name, Variable { file, value: assignment.value });
        }
    }
    Ok(variables)
}

/// `NAME=value` of an `Environment=` word.
fn assignment(word: &Word) -> Option<(String, Letters)> {
    let equals = word.letters.iter().position(|letter| letter.letter == '=')?;
    let (name, value) = word.letters.split_at_checked(equals)?;
    let name = words::text(name);
    env_file::is_name(&name).then(|| (name, value.get(1..).unwrap_or_default().to_vec()))
}

/// `$VAR` as a word of its own is split at white space, `${VAR}` within a word is not; unknown
/// variables are empty; `$$` is a dollar.
fn expand<'v>(
    command: &Setting<'_>,
    word: &Word,
    lookup: &impl Fn(&str) -> Result<Option<&'v Variable<'v>>, String>,
) -> Result<Vec<Arg>, String> {
    let text = word.text();
    let name = text.strip_prefix('$').filter(|name| env_file::is_name(name));
    if let Some(name) = name {
        let Some(variable) = lookup(name)? else { return Ok(Vec::new()) };
        return Ok(words::split(&variable.value)
            .iter()
            .map(|word| arg(variable.file, word.text(), word.at.start))
            .collect());
    }
    let only = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    if let Some(variable) = only.map(lookup).transpose()?.flatten() {
        let start = variable.value.first().map_or(0, |letter| letter.at.start);
        return Ok(vec![arg(variable.file, words::text(&variable.value), start)]);
    }
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(dollar) = rest.find('$') {
        let (before, after) = rest.split_at(dollar);
        out.push_str(before);
        let after = after.get(1..).unwrap_or("");
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = after.strip_prefix('{').and_then(|a| a.split_once('}'))
        {
            let value = lookup(name)?.map(|variable| words::text(&variable.value));
            out.push_str(&value.unwrap_or_default());
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(vec![arg(command.file, out, word.at.start)])
}

fn arg(file: &TextFile, text: String, byte: usize) -> Arg {
    Arg { text, path: file.path.clone(), line: line_of(&file.text, byte) }
}

impl Setting<'_> {
    fn arg(&self, letters: &[Letter]) -> Arg {
        let start = letters.first().map_or(0, |letter| letter.at.start);
        arg(self.file, words::text(letters), start)
    }
}

fn settings<'t>(units: &'t [TextFile], name: &str) -> Vec<Setting<'t>> {
    units.iter().flat_map(service).filter(|setting| setting.name == name).collect()
}

/// Removes a flag from `Environment=` and `ExecStart=` lines of a unit. Every other byte stays.
///
/// # Errors
/// The flag's value comes from a variable, or the result would not read as the unit without the flag.
pub fn remove_flag(text: &str, flag: &str, element: Option<&str>) -> Result<String, EditRefused> {
    let mut cuts = Vec::new();
    let wanted = values(text, |group| {
        let here = words::cuts(group, flag, element)?;
        cuts.extend(here.unwrap_or_default());
        let texts: Vec<String> = group.iter().map(Word::text).collect();
        Ok(words::expected(&texts, flag, element))
    });
    let wanted = wanted
        .map_err(|why: String| EditRefused { reason: format!("{why}; edit the unit by hand") })?;
    if cuts.is_empty() {
        return Ok(text.to_owned());
    }
    let out = words::without(text, &cuts).ok_or_else(|| words::not_proved(flag))?;
    let got = values(&out, |group| Ok(group.iter().map(Word::text).collect()));
    if got == Ok(wanted) { Ok(out) } else { Err(words::not_proved(flag)) }
}

/// Each setting of the service by name; flags may stand in the words of `ExecStart=` and of each
/// variable of `Environment=`, which `of` gets.
fn values(
    text: &str,
    mut of: impl FnMut(&[Word]) -> Result<Vec<String>, String>,
) -> Result<Vec<(String, Vec<String>)>, String> {
    let file = TextFile {
        path: String::new(),
        text: text.to_owned(),
        digest: crate::model::Digest(String::new()),
    };
    let mut values = Vec::new();
    for setting in service(&file) {
        let words = words::split(&setting.value);
        match setting.name.as_str() {
            "ExecStart" => values.push((setting.name, of(&words)?)),
            "Environment" => {
                for word in words {
                    let Some((name, value)) = assignment(&word) else { continue };
                    values.push((name, of(&words::split(&value))?));
                }
            }
            _ => values.push((setting.name, vec![words::text(&setting.value)])),
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
