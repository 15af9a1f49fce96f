//! Questions by risk, on a terminal only. Enter alone never says yes.

use super::console::{Console, Gone};
use crate::{
    model::{Plan, Tier},
    text::printable::one_line,
};

/// What a person must type before a plan is applied.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// `y`.
    Yes,
    /// This text exactly: the control's id (R3) or the node's name (R4).
    Exactly(String),
}

impl Question {
    /// The question a plan's risk asks for.
    pub(super) fn for_plan(plan: &Plan) -> Self {
        match plan.tier() {
            Some(Tier::R4) => Self::Exactly(plan.node.clone()),
            Some(Tier::R3) => {
                let ids: Vec<&str> = plan
                    .controls
                    .iter()
                    .filter(|control| control.tier >= Tier::R3)
                    .map(|control| control.control.as_str())
                    .collect();
                Self::Exactly(ids.join(" "))
            }
            _ => Self::Yes,
        }
    }

    /// What is shown.
    pub(super) fn text(&self, what: &str) -> String {
        match self {
            Self::Yes => format!("{what}? Type y to go on"),
            Self::Exactly(text) => format!("{what}? Type '{}' to go on", one_line(text)),
        }
    }

    /// Whether this answer says yes.
    pub(super) fn accepts(&self, answer: &str) -> bool {
        let answer = answer.trim();
        match self {
            Self::Yes => matches!(answer, "y" | "Y" | "yes"),
            Self::Exactly(text) => answer == text,
        }
    }

    /// Asks, and says whether the answer was yes.
    pub(super) fn ask(&self, what: &str, console: &mut dyn Console) -> Result<bool, Gone> {
        let answer = console.ask(&self.text(what), &|_| None)?;
        Ok(self.accepts(&answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_never_confirms() {
        assert!(!Question::Yes.accepts(""));
        assert!(!Question::Exactly("1.2.30".to_owned()).accepts("y"));
        assert!(Question::Exactly("1.2.30".to_owned()).accepts(" 1.2.30 "));
        assert!(Question::Yes.accepts("y"));
    }

    #[test]
    fn the_risk_decides_what_is_typed() {
        let text = include_str!("../../snapshots/journal/plan-v1.json");
        let mut plan: Plan = serde_json::from_str(text).unwrap();
        for (tier, want) in [
            (Tier::R2, Question::Yes),
            (Tier::R3, Question::Exactly(plan.controls[0].control.to_string())),
            (Tier::R4, Question::Exactly(plan.node.clone())),
        ] {
            plan.controls.truncate(1);
            plan.controls[0].tier = tier;
            plan.steps[0].tier = tier;
            assert_eq!(Question::for_plan(&plan), want);
        }
    }
}
