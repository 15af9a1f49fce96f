//! Command line flags as Kubernetes (pflag) and etcd (Go's `flag`) read them.
//!
//! Owns the reading of argument vectors. It does not know what a flag means, and it edits nothing.

pub mod names;
pub mod variables;

use names::Kind;

/// One occurrence of a flag in an argument vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Index of the argument that holds its name.
    pub index: usize,
    /// How many arguments it takes: 1 for `--flag` and `--flag=value`, 2 for `--flag value`.
    pub width: usize,
    /// Its value; `true` for a bare boolean, empty where it is missing.
    pub value: String,
}

/// An argument vector as its program reads it.
///
/// pflag (`flag.go`, `parseLongArg`, `parseShortArg`) and Go's `flag` (`parseOne`) agree on this: a boolean flag
/// never takes the next argument, any other flag without `=` always does, whatever it looks like, and `--` ends the
/// flags. They differ in single dashes: pflag reads shorthands there (all our programs have is `-v`), Go's `flag`,
/// which etcd has, reads the same flags.
///
/// A bare flag whose name is not known here may be of either kind. Before a word it can only take that word: no
/// program of ours accepts words that are not flags. Before an argument that could be a flag it is read as boolean,
/// and said to be unclear.
#[derive(Debug, Default)]
struct Reading<'a> {
    found: Vec<(&'a str, Occurrence)>,
    unclear: Vec<usize>,
    refused: Option<String>,
}

/// How an argument begins.
enum Shape<'a> {
    /// `--name` or, for Go's `flag`, `-name`; without its dashes.
    Long(&'a str),
    /// `-v…`, without its dash.
    Short(&'a str),
    /// `--`.
    End,
    /// A word that is not a flag.
    Word,
    /// What no program accepts where it expects a flag.
    Wrong,
}

fn shape(argument: &str, go: bool) -> Shape<'_> {
    let is_name = |name: &str| !name.is_empty() && !name.starts_with(['-', '=']);
    if argument == "--" {
        Shape::End
    } else if let Some(name) = argument.strip_prefix("--") {
        if is_name(name) { Shape::Long(name) } else { Shape::Wrong }
    } else if let Some(name) = argument.strip_prefix('-').filter(|name| !name.is_empty()) {
        match (go, name.strip_prefix('v')) {
            (true, _) if is_name(name) => Shape::Long(name),
            (false, Some(level)) if is_level(level) => Shape::Short(name),
            _ => Shape::Wrong,
        }
    } else {
        Shape::Word
    }
}

/// What may follow `-v`: nothing, a number, or `=` and a number.
fn is_level(text: &str) -> bool {
    text.is_empty() || text.strip_prefix('=').unwrap_or(text).parse::<i32>().is_ok()
}

/// Whether a program reads its arguments with Go's `flag` instead of pflag.
fn reads_as_go<S: AsRef<str>>(args: &[S]) -> bool {
    args.first().is_some_and(|program| program.as_ref().rsplit('/').next() == Some("etcd"))
}

impl<'a> Reading<'a> {
    /// Reads a vector; the first argument is the program when it is no flag.
    fn of<S: AsRef<str>>(args: &'a [S]) -> Self {
        let go = reads_as_go(args);
        let mut reading = Self::default();
        let mut rest = args.iter().map(AsRef::as_ref).enumerate().peekable();
        rest.next_if(|(_, program)| !program.starts_with('-'));
        while let Some((index, argument)) = rest.next() {
            let (name, level) = match shape(argument, go) {
                Shape::Long(name) => (name, None),
                Shape::Short(name) => ("v", Some(name.trim_start_matches(['v', '=']))),
                Shape::End => {
                    if let Some((_, word)) = rest.next() {
                        reading.refuse(format!("{word} after -- is no flag"));
                    }
                    break;
                }
                Shape::Word => {
                    reading.refuse(format!(
                        "{argument} is no flag, and no flag takes it as its value"
                    ));
                    // Go's `flag` stops at the first word, pflag reads on.
                    if go {
                        break;
                    }
                    continue;
                }
                Shape::Wrong => {
                    let hint = if argument.starts_with("--") {
                        ""
                    } else {
                        ": long flags take two dashes"
                    };
                    reading.refuse(format!("{argument} is no flag{hint}"));
                    continue;
                }
            };
            let written = level.filter(|level| !level.is_empty()).map(|level| (name, level));
            if let Some((name, value)) = written.or_else(|| name.split_once('=')) {
                reading.push(name, index, 1, value);
                continue;
            }
            let kind = names::kind(name);
            let next_is_flag = rest.peek().is_some_and(|(_, next)| {
                matches!(shape(next, go), Shape::Long(_) | Shape::Short(_))
            });
            if kind == Kind::Boolean
                || (kind == Kind::Unknown && (next_is_flag || rest.peek().is_none()))
            {
                if kind == Kind::Unknown && next_is_flag {
                    reading.unclear.push(index);
                }
                reading.push(name, index, 1, "true");
            } else if let Some((_, value)) = rest.next() {
                reading.push(name, index, 2, value);
            } else {
                reading.refuse(format!("{argument} needs a value"));
                reading.push(name, index, 1, "");
            }
        }
        reading
    }

    fn push(&mut self, name: &'a str, index: usize, width: usize, value: &str) {
        self.found.push((name, Occurrence { index, width, value: value.to_owned() }));
    }

    fn refuse(&mut self, why: String) {
        self.refused.get_or_insert(why);
    }
}

/// A name as the program compares it: all but etcd read `_` as `-`.
fn same_name(written: &str, wanted: &str, go: bool) -> bool {
    written.len() == wanted.len()
        && written
            .bytes()
            .zip(wanted.bytes())
            .all(|(a, b)| a == b || (!go && a == b'_' && b == b'-'))
}

/// Every occurrence of a flag, in order.
pub fn occurrences<S: AsRef<str>>(args: &[S], name: &str) -> Vec<Occurrence> {
    let go = reads_as_go(args);
    let found = Reading::of(args).found.into_iter();
    found
        .filter(|(written, _)| same_name(written, name, go))
        .map(|(_, occurrence)| occurrence)
        .collect()
}

/// The arguments without the flags whose name (with `-` for `_`) this picks. What is [`unclear`] stays unclear.
pub fn without<S: AsRef<str>>(args: &[S], picks: impl Fn(&str) -> bool) -> Vec<String> {
    let gone: Vec<Occurrence> = Reading::of(args)
        .found
        .into_iter()
        .filter(|(written, _)| picks(&written.replace('_', "-")))
        .map(|(_, occurrence)| occurrence)
        .collect();
    let is_gone = |index| gone.iter().any(|o| (o.index..o.index + o.width).contains(&index));
    let kept = args.iter().enumerate().filter(|(index, _)| !is_gone(*index));
    kept.map(|(_, arg)| arg.as_ref().to_owned()).collect()
}

/// Why a program would end at once with these arguments, the program first; `None` where nothing shows.
pub fn refused<S: AsRef<str>>(args: &[S]) -> Option<String> {
    Reading::of(args).refused
}

/// Indices of bare flags of unknown kind: each may take the flag after it as its value.
pub fn unclear<S: AsRef<str>>(args: &[S]) -> Vec<usize> {
    Reading::of(args).unclear
}

/// The value in force: the last occurrence wins.
pub fn value<S: AsRef<str>>(args: &[S], name: &str) -> Option<String> {
    occurrences(args, name).pop().map(|o| o.value)
}

/// The elements in force of a comma-separated list flag: occurrences append.
pub fn list<S: AsRef<str>>(args: &[S], name: &str) -> Option<Vec<String>> {
    let found = occurrences(args, name);
    if found.is_empty() {
        return None;
    }
    let elements = found.iter().flat_map(|o| o.value.split(','));
    Some(elements.filter(|element| !element.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<&str> {
        line.split(' ').collect()
    }

    #[test]
    fn flags_are_left_out_with_their_values() {
        let args =
            ["kubelet", "--port=1", "--node_ip", "2", "--runonce", "-v", "3", "--port", "--v"];
        let left = |names: &[&str]| without(&args, |name| names.contains(&name)).join(" ");
        assert_eq!(left(&[]), args.join(" "));
        assert_eq!(left(&["port"]), "kubelet --node_ip 2 --runonce -v 3");
        assert_eq!(left(&["node-ip", "runonce", "v"]), "kubelet --port=1 --port --v");
        let ended = ["kubelet", "--", "--port=1"];
        assert_eq!(without(&ended, |_| true), ended);
    }

    #[test]
    fn the_value_in_force() {
        let table: &[(&str, &str, Option<&str>)] = &[
            ("kube-apiserver --profiling=false", "profiling", Some("false")),
            ("kube-apiserver --profiling", "profiling", Some("true")),
            ("kube-apiserver --profiling false", "profiling", Some("true")),
            (
                "kube-apiserver --authorization-mode AlwaysAllow",
                "authorization-mode",
                Some("AlwaysAllow"),
            ),
            ("kube-apiserver --authorization-mode=", "authorization-mode", Some("")),
            ("kube-apiserver", "profiling", None),
            ("kube-apiserver --profiling-path=x", "profiling", None),
            ("kube-apiserver --contention-profiling=x", "profiling", None),
            ("kube-apiserver --profiling=true --profiling=false", "profiling", Some("false")),
            ("kube-apiserver --profiling=false --profiling", "profiling", Some("true")),
            ("kube-apiserver --anonymous_auth=false", "anonymous-auth", Some("false")),
            ("kubelet --pod-max-pids -1", "pod-max-pids", Some("-1")),
            ("kubelet --node-labels --profiling=false", "node-labels", Some("--profiling=false")),
            ("kubelet --node-labels --profiling=false", "profiling", None),
            ("kubelet --node-labels -- --profiling=false", "profiling", Some("false")),
            ("kubelet --unknown --profiling=false", "profiling", Some("false")),
            ("kubelet --unknown --profiling=false", "unknown", Some("true")),
            ("kubelet --unknown -1 --profiling=false", "unknown", Some("-1")),
            ("kubelet --unknown word --profiling=false", "unknown", Some("word")),
            ("kubelet --a=b=c", "a", Some("b=c")),
            ("kubelet -v 2", "v", Some("2")),
            ("kubelet -v=2 -v3", "v", Some("3")),
            ("kubelet -profiling=false", "profiling", None),
            ("kubelet --profiling false --v=3", "v", Some("3")),
            ("kubelet --v=2", "v", Some("2")),
            ("kubelet -- --profiling=false", "profiling", None),
            ("etcd -client-cert-auth -auto-tls=false", "client-cert-auth", Some("true")),
            ("etcd -client-cert-auth -auto-tls=false", "auto-tls", Some("false")),
            ("etcd -cert-file /x", "cert-file", Some("/x")),
            ("/usr/bin/etcd --cert-file -auto-tls=true", "auto-tls", None),
            ("etcd --auto_tls=true", "auto-tls", None),
            ("etcd word --auto-tls=true", "auto-tls", None),
            ("editor kube-apiserver--profiling=false", "profiling", None),
        ];
        for (line, name, expected) in table {
            assert_eq!(value(&args(line), name).as_deref(), *expected, "{name} in {line}");
        }
    }

    #[test]
    fn a_value_is_never_read_as_a_flag() {
        let line = ["kubelet", "--node-labels", "profiling=true", "profiling", "--config", "/x"];
        assert_eq!(value(&line, "profiling"), None);
        assert_eq!(value(&line, "config").as_deref(), Some("/x"));
    }

    #[test]
    fn occurrences_say_where_they_are() {
        let line = ["a", "--x", "1", "--y=2", "--profiling", "--x=3"];
        let at = |name| -> Vec<(usize, usize)> {
            occurrences(&line, name).iter().map(|o| (o.index, o.width)).collect()
        };
        assert_eq!(at("x"), [(1, 2), (5, 1)]);
        assert_eq!(at("y"), [(3, 1)]);
        assert_eq!(at("profiling"), [(4, 1)]);
    }

    #[test]
    fn list_flags_append() {
        let table: &[(&str, Option<&[&str]>)] = &[
            ("k --l=a,b", Some(&["a", "b"])),
            ("k --l=a --l b,c", Some(&["a", "b", "c"])),
            ("k --l=", Some(&[])),
            ("k --l=a, --l=", Some(&["a"])),
            ("k", None),
        ];
        for (line, expected) in table {
            let expected = expected.map(|l| l.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
            assert_eq!(list(&args(line), "l"), expected, "{line}");
        }
    }

    #[test]
    fn what_a_program_refuses() {
        let table: &[(&str, Option<&str>)] = &[
            ("kube-apiserver --profiling=false --v 2 -v=3 --node-labels -x", None),
            ("kube-apiserver", None),
            (
                "kube-apiserver -profiling=false",
                Some("-profiling=false is no flag: long flags take two"),
            ),
            ("kube-apiserver -version", Some("-version is no flag")),
            ("kube-apiserver --profiling false", Some("false is no flag")),
            ("kube-apiserver --authorization-mode", Some("--authorization-mode needs a value")),
            ("kube-apiserver -- --profiling=false", Some("--profiling=false after -- is no flag")),
            ("kube-apiserver --=x", Some("--=x is no flag")),
            ("etcd -auto-tls=false --data-dir -x", None),
            ("etcd - --auto-tls=false", Some("- is no flag")),
        ];
        for (line, expected) in table {
            let got = refused(&args(line));
            assert_eq!(got.is_some(), expected.is_some(), "{line}: {got:?}");
            let says = got.as_deref().unwrap_or_default().contains(expected.unwrap_or_default());
            assert!(says, "{line}: {got:?}");
        }
    }

    #[test]
    fn a_flag_of_unknown_kind_before_a_flag_is_unclear() {
        assert_eq!(unclear(&args("k --new --profiling=false --newer --v=2")), [1, 3]);
        assert_eq!(unclear(&args("k --new=1 --newer x --newest -1 --last")), [0; 0]);
    }
}
