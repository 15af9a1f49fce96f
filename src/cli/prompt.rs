//! Questions by risk, on a terminal only. Enter alone never says yes.

use super::console::{Console, Gone};
use crate::{model::Plan, text::printable::one_line};

/// What a person must type before something is done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Question<'q> {
    /// `y`.
    Yes,
    /// These, each exactly and on a line of its own.
    Words(Vec<&'q str>),
}

impl<'q> Question<'q> {
    /// The question a plan's risk asks for.
    pub(super) fn for_plan(plan: &'q Plan) -> Self {
        let words = plan.to_type();
        if words.is_empty() { Self::Yes } else { Self::Words(words) }
    }

    /// Asks, and says whether every answer was yes. The first other one ends it.
    pub(super) fn ask(&self, what: &str, console: &mut dyn Console) -> Result<bool, Gone> {
        let words = match self {
            Self::Yes => {
                let answer = console.ask(&format!("{what}? Type y to go on"), &|_| None)?;
                return Ok(matches!(answer.trim(), "y" | "Y" | "yes"));
            }
            Self::Words(words) => words,
        };
        for (number, word) in (1..).zip(words) {
            let which = match words.len() {
                1 => String::new(),
                all => format!(" ({number} of {all})"),
            };
            let text = format!("{what}? Type '{}' to go on{which}", one_line(word));
            if console.ask(&text, &|_| None)?.trim() != *word {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use super::{super::console::Wrong, *};
    use crate::model::Tier;

    /// Gives these answers, and writes down what was asked.
    #[derive(Default)]
    struct Says {
        answers: Vec<&'static str>,
        asked: Vec<String>,
    }

    impl Console for Says {
        fn out(&mut self) -> &mut dyn Write {
            unreachable!("a question is only asked")
        }

        fn verbatim(&mut self, _: &str) -> io::Result<()> {
            unreachable!("a question is only asked")
        }

        fn ask(&mut self, prompt: &str, _: Wrong<'_>) -> Result<String, Gone> {
            self.asked.push(prompt.to_owned());
            if self.answers.is_empty() {
                return Err(Gone::Ended);
            }
            Ok(self.answers.remove(0).to_owned())
        }

        fn forget(&mut self) {}

        fn heard(&mut self) -> Result<Option<String>, Gone> {
            Ok(None)
        }

        fn interrupted(&self) -> bool {
            false
        }
    }

    fn said(question: &Question<'_>, answers: &[&'static str]) -> (Option<bool>, Vec<String>) {
        let mut console = Says { answers: answers.to_vec(), ..Says::default() };
        (question.ask("Do it", &mut console).ok(), console.asked)
    }

    #[test]
    fn enter_never_confirms() {
        let word = || Question::Words(vec!["1.2.30"]);
        for (question, answer, yes) in [
            (Question::Yes, "", false),
            (Question::Yes, "n", false),
            (Question::Yes, "y", true),
            (word(), "", false),
            (word(), "y", false),
            (word(), " 1.2.30 ", true),
        ] {
            assert_eq!(said(&question, &[answer]).0, Some(yes), "{question:?} '{answer}'");
        }
    }

    #[test]
    fn each_control_is_typed_on_a_line_of_its_own() {
        let both = Question::Words(vec!["1.2.11", "1.2.30"]);
        let (yes, asked) = said(&both, &["1.2.11", "1.2.30"]);
        assert_eq!(yes, Some(true));
        assert_eq!(
            asked,
            ["Do it? Type '1.2.11' to go on (1 of 2)", "Do it? Type '1.2.30' to go on (2 of 2)"]
        );
        for (answers, asked) in
            [(&["1.2.11 1.2.30"][..], 1), (&["1.2.30"], 1), (&["1.2.11", ""], 2)]
        {
            let (yes, times) = said(&both, answers);
            assert_eq!((yes, times.len()), (Some(false), asked), "{answers:?}");
        }
    }

    #[test]
    fn the_risk_decides_what_is_typed() {
        let text = include_str!("../../snapshots/journal/plan-v1.json");
        let mut plan: Plan = serde_json::from_str(text).unwrap();
        plan.controls.truncate(1);
        let (id, node) = (plan.controls[0].control.to_string(), plan.node.clone());
        for (control, step, want) in [
            (Tier::R2, Tier::R2, Question::Yes),
            (Tier::R3, Tier::R3, Question::Words(vec![&id])),
            (Tier::R2, Tier::R3, Question::Words(vec![&node])),
            (Tier::R4, Tier::R4, Question::Words(vec![&node])),
        ] {
            plan.controls[0].tier = control;
            plan.steps[0].tier = step;
            assert_eq!(Question::for_plan(&plan), want);
        }
    }
}
