//! Which fixes of a plan a failure points at, and which others can be tried without them.
//!
//! By the names alone that stand in the cause: likely, and no proof.

use crate::model::{
    AttributedEdit, ControlId, Edit, FieldValue, Plan, Reason, Record, RecordKind, StepTarget,
};

/// The fixes of a plan that what a failed component said points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Culprit {
    /// What it names.
    pub controls: Vec<ControlId>,
    /// The rest of the plan.
    pub others: Vec<ControlId>,
}

impl Culprit {
    /// The fixes that a transaction's journal points at, when it was put back because it did not prove itself.
    pub fn of(plan: &Plan, records: &[Record]) -> Option<Self> {
        let (at, cause) =
            records.iter().enumerate().find_map(|(at, record)| match &record.kind {
                RecordKind::RollingBack { cause, reason: Reason::Unproved } => Some((at, cause)),
                _ => None,
            })?;
        let mut wrote = false;
        let target = records.get(..at)?.iter().rev().find_map(|record| match record.kind {
            RecordKind::StepBegun { target, .. } => Some(target),
            RecordKind::Applied { .. } => {
                wrote = true;
                None
            }
            _ => None,
        })?;
        culprit(plan, target, cause).filter(|_| wrote)
    }

    /// For a person.
    pub(super) fn told(&self) -> String {
        let names =
            |ids: &[ControlId]| ids.iter().map(ControlId::as_str).collect::<Vec<_>>().join(", ");
        let likely = format!("likely because of {}", names(&self.controls));
        if self.others.is_empty() {
            return likely;
        }
        let without = if self.controls.len() == 1 { "it" } else { "them" };
        format!("{likely}; {} can be applied without {without}", names(&self.others))
    }
}

/// Which fixes of this step the text names: by a value (a plugin, a file), else by a flag or field.
pub(super) fn culprit(plan: &Plan, target: StepTarget, text: &str) -> Option<Culprit> {
    let steps = plan.steps.iter().filter(|step| step.target == target);
    let edits: Vec<&AttributedEdit> =
        steps.flat_map(|step| &step.changes).flat_map(|change| &change.edits).collect();
    let by = |names: fn(&Edit, &str) -> bool| -> Vec<ControlId> {
        let named = edits.iter().filter(|attributed| names(&attributed.edit, text));
        let mut ids: Vec<ControlId> = named.map(|attributed| attributed.control.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    let controls = [by(names_value), by(names_setting)].into_iter().find(|ids| !ids.is_empty())?;
    let all = plan.controls.iter().map(|planned| &planned.control);
    let others = all.filter(|id| !controls.contains(id)).cloned().collect();
    Some(Culprit { controls, others })
}

fn names_value(edit: &Edit, text: &str) -> bool {
    match edit {
        Edit::SetFlag { value, .. }
        | Edit::AddToList { value, .. }
        | Edit::SetField { value: FieldValue::Text(value), .. } => names(value, text),
        Edit::SetField { value: FieldValue::List(values), .. } => {
            values.iter().any(|value| names(value, text))
        }
        _ => false,
    }
}

/// The text holds a value that is not too common to mean anything.
fn names(value: &str, text: &str) -> bool {
    let plain = value.len() < 5 || value.parse::<f64>().is_ok();
    !plain && value != "false" && holds(text, value)
}

fn names_setting(edit: &Edit, text: &str) -> bool {
    match edit {
        Edit::SetFlag { flag, .. }
        | Edit::AddToList { flag, .. }
        | Edit::RemoveFlag { flag }
        | Edit::RemoveFromList { flag, .. } => {
            // The answer 401 to a probe names no flag.
            let anonymous = text.contains("with 401")
                && matches!(
                    flag.as_str(),
                    "anonymous-auth" | "authorization-mode" | "authentication-config"
                );
            anonymous || holds(text, flag)
        }
        Edit::SetField { field, .. } | Edit::RemoveField { field } => {
            // The kubelet's own words for it begin with a capital, or are one whole.
            let last = field.rsplit('.').next().unwrap_or(field);
            holds(&text.to_ascii_lowercase(), &last.to_ascii_lowercase())
        }
        Edit::RemoveEnvFlag { flag, .. } => holds(text, flag),
        Edit::ProbeHost { .. } => text.contains("probe"),
        Edit::Mount { folder, .. } | Edit::Unmount { folder } => holds(text, folder),
        Edit::Create | Edit::Remove | Edit::Mode { .. } | Edit::Owner { .. } => false,
    }
}

/// The text holds this name as a whole word.
fn holds(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let before = before.trim_end_matches('-').chars().next_back();
        let after = text.get(at + name.len()..).and_then(|rest| rest.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_a_whole_word_only() {
        assert!(holds("unknown flag: --profiling", "profiling"));
        assert!(holds("flag provided but not defined: -profiling. See", "profiling"));
        assert!(holds("plugin \"Nope\" is unknown", "Nope"));
        assert!(!holds("unknown flag: --profiling-path", "profiling"));
        assert!(!holds("no contention-profiling here", "profiling"));
    }

    #[test]
    fn the_kubelet_names_a_field_in_its_own_words() {
        let said =
            "err=\"invalid configuration: ReadOnlyPort (--read-only-port) 99999 must be between";
        let field = |field: &str| Edit::RemoveField { field: field.to_owned() };
        assert!(names_setting(&field("readOnlyPort"), said));
        assert!(!names_setting(&field("authentication.anonymous.enabled"), said));
        let suites = FieldValue::List(vec!["TLS_NONE".to_owned(), "TLS_AES".to_owned()]);
        let set = Edit::SetField { field: "tlsCipherSuites".to_owned(), value: suites };
        assert!(names_value(&set, "Cipher suite TLS_NONE not supported or doesn't exist"));
    }

    #[test]
    fn a_401_names_what_decides_about_credentials() {
        let said = "kube-apiserver answers its own probe https://10.0.0.1:6443/livez with 401: …";
        let set = |flag: &str| Edit::SetFlag { flag: flag.to_owned(), value: "x".to_owned() };
        for flag in ["anonymous-auth", "authorization-mode", "authentication-config"] {
            assert!(names_setting(&set(flag), said), "{flag}");
        }
        assert!(!names_setting(&set("profiling"), said));
    }
}
