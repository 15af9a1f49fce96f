//! Patterns of file names, as `glob(3)` reads them: `*`, `?`, `[a-z]`, `[!a-z]`, `\` before any of them.

/// Whether a text holds anything a pattern is made of.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether one name in a folder matches; a leading dot must be written out.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    (name.first() != Some(&'.') || pattern.first() == Some(&'.')) && here(&pattern, &name)
}

fn here(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => {
            (0..=name.len()).any(|skip| here(rest, name.get(skip..).unwrap_or_default()))
        }
        (['?', rest @ ..], [_, name @ ..]) => here(rest, name),
        (['[', rest @ ..], [c, after @ ..]) => match set(rest, *c) {
            Some((within, rest)) => within && here(rest, after),
            // Without its end it is a bracket like any other letter.
            None => *c == '[' && here(rest, after),
        },
        (['\\', literal, rest @ ..] | [literal, rest @ ..], [c, after @ ..]) => {
            literal == c && here(rest, after)
        }
        _ => false,
    }
}

/// Whether a letter is in the set that begins here, and what follows the set.
fn set(pattern: &[char], c: char) -> Option<(bool, &[char])> {
    let (negated, members) = match pattern {
        ['!' | '^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // A bracket right at the beginning is a member.
    let end = members.iter().skip(1).position(|c| *c == ']')? + 1;
    let (mut members, rest) = members.split_at_checked(end)?;
    let mut within = false;
    while let [first, ..] = members {
        if let [low, '-', high, more @ ..] = members {
            within |= (*low..=*high).contains(&c);
            members = more;
        } else {
            within |= *first == c;
            members = members.get(1..)?;
        }
    }
    Some((within != negated, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_as_glob_matches_them() {
        for (pattern, name, expected) in [
            ("*.env", "a.env", true),
            ("*.env", ".env", false),
            (".*", ".env", true),
            ("*.env", "a.envx", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[0-9][!0-9]*", "1a", true),
            ("[0-9][!0-9]*", "11", false),
            ("[]a]", "]", true),
            ("[a", "[a", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("kubelet", "kubelet", true),
            ("*a*b*", "xxaxxbxx", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        assert!(is_pattern("/etc/*.env") && !is_pattern("/etc/a.env"));
    }
}
