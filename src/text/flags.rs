//! Command line flags as Go's pflag reads them.

/// One occurrence of a flag in an argument vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Index of the argument that holds its name.
    pub index: usize,
    /// How many arguments it takes: 1 for `--flag` and `--flag=value`, 2 for `--flag value`.
    pub width: usize,
    /// Its value; `true` for a bare boolean.
    pub value: String,
}

/// Every occurrence of `--name` (also `-name`, as Go's flag package of etcd accepts it), in order.
pub fn occurrences<S: AsRef<str>>(args: &[S], name: &str) -> Vec<Occurrence> {
    let _ = (args, name);
    todo!()
}

/// The value in force: the last occurrence wins.
pub fn value<S: AsRef<str>>(args: &[S], name: &str) -> Option<String> {
    occurrences(args, name).pop().map(|o| o.value)
}

/// The elements in force of a comma-separated list flag: occurrences append.
pub fn list<S: AsRef<str>>(args: &[S], name: &str) -> Option<Vec<String>> {
    let _ = (args, name);
    todo!()
}
