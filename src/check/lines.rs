//! The line on which a field is written, for evidence.

/// One-based line of a dotted path in YAML or JSON text; `None` when it is not written there.
///
/// Follows the path key by key down the text, each deeper than the one before; enough for the block style that
/// people and kubeadm write. A flow mapping gives the line of its outer key.
pub(super) fn of_field(text: &str, field: &str) -> Option<usize> {
    let mut from = 0;
    let mut least = 0;
    let mut found = None;
    for key in field.split('.') {
        let next = text.lines().enumerate().skip(from).find_map(|(index, line)| {
            let indent = line.len() - line.trim_start().len();
            (indent >= least && is_key(line.trim_start(), key)).then_some((index, indent))
        });
        let Some((index, indent)) = next else { break };
        found = Some(index + 1);
        from = index + 1;
        least = indent + 1;
    }
    found
}

fn is_key(line: &str, key: &str) -> bool {
    let line = line.trim_start_matches(['{', ' ']);
    ["", "\"", "'"].iter().any(|quote| {
        line.strip_prefix(quote)
            .and_then(|rest| rest.strip_prefix(key))
            .and_then(|rest| rest.strip_prefix(quote))
            .is_some_and(|rest| rest.trim_start().starts_with(':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_below_their_parents() {
        let text = "authentication:\n  webhook:\n    enabled: true\n  anonymous:\n    enabled: off\nenabled: 1\n";
        assert_eq!(of_field(text, "authentication.anonymous.enabled"), Some(5));
        assert_eq!(of_field(text, "authentication.webhook.enabled"), Some(3));
        assert_eq!(of_field(text, "authentication"), Some(1));
        assert_eq!(of_field(text, "readOnlyPort"), None);
        assert_eq!(of_field("{\n  \"readOnlyPort\": 0\n}", "readOnlyPort"), Some(2));
        assert_eq!(of_field("a: {b: 1}\n", "a.b"), Some(1));
    }
}
