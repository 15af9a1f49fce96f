//! `/etc/passwd` and `/etc/group`, as text: the C library's name service crashes in static programs
//! and knows only the running system.

use std::collections::BTreeMap;

/// Name to numeric id, from passwd or group text; malformed lines are skipped, the first entry of a name wins.
pub fn parse(text: &str) -> BTreeMap<String, u32> {
    let mut ids = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.trim_end().split(':');
        let (Some(name), Some(_password), Some(id)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        // `+` and `-` begin entries that another name service fills in.
        if name.is_empty() || name.starts_with(['+', '-', '#']) {
            continue;
        }
        if let Ok(id) = id.parse() {
            ids.entry(name.to_owned()).or_insert(id);
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwd_and_group_are_read_alike() {
        let cases: &[(&str, &[(&str, u32)])] = &[
            ("root:x:0:0:root:/root:/bin/bash\n", &[("root", 0)]),
            ("root:x:0:\netcd:x:989:root,admin\n", &[("etcd", 989), ("root", 0)]),
            ("etcd:x:1:\netcd:x:2:\n", &[("etcd", 1)]),
            ("# note\n\nbroken\nhalf:x\nword:x:abc:\nneg:x:-1:\n:x:3:\n", &[]),
            ("+::::::\n-evil:x:4:\n+nis:x:5:\n", &[]),
            ("big:x:4294967295:\ntoo:x:4294967296:\n", &[("big", u32::MAX)]),
            ("crlf:x:7:7::/:/bin/sh\r\n", &[("crlf", 7)]),
        ];
        for (text, expected) in cases {
            let expected: BTreeMap<String, u32> =
                expected.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect();
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
