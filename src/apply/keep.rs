//! Keep or put back: after the last gate a person decides, and silence puts the change back.
//!
//! The countdown lives here, in the process that owns the transaction; whoever watches leaves requests in
//! the transaction's folder and reads the answer in the journal. While it runs the change is still watched.

use std::time::Duration;

use super::{
    Site, others,
    verify::{BYSTANDERS, CALM, POLL, Seen},
};
use crate::{
    model::{Left, Outcome, Plan, Reason, RecordKind, TransactionId},
    node::{Node, NodeError, failpoint},
    store::{
        StoreError, Writer,
        requests::{self, Request},
    },
};

/// Longest countdown there is, extensions included: nobody is watching any more after that.
pub(super) const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Why the change is not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKept {
    /// Nobody answered, or somebody said no.
    #[error("{cause}")]
    Decided { cause: String, reason: Reason },
    /// Nobody answered, and putting it back would be worse: it stays, and a person is called.
    #[error("{0}")]
    Alarm(String),
    /// It does not hold any more.
    #[error("{0}")]
    Broken(String),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is waited for, and what is looked at meanwhile.
pub(super) struct Watch<'w> {
    /// How long a person may take.
    pub(super) within: Duration,
    /// The last step, to which observations belong.
    pub(super) step: usize,
    /// What was changed.
    pub(super) plan: &'w Plan,
    /// Looks whether the change still holds.
    pub(super) still: &'w mut dyn FnMut() -> Result<Seen, String>,
}

/// What is to happen once everything is there that it takes.
enum Answer {
    Keep { by: String },
    Back { cause: String, reason: Reason },
}

/// Asks, and waits for an answer.
///
/// While the kubelet is away nothing can be put back, and what is kept would not be kept running: an answer waits for
/// it. A kubelet that stays away is a person's.
pub(super) fn ask(
    site: Site<'_>,
    id: &TransactionId,
    journal: &mut Writer,
    watch: Watch<'_>,
) -> Result<(), NotKept> {
    let Watch { within, step, plan, still } = watch;
    let clock = site.node.clock();
    let began = clock.monotonic();
    let mut allowed = within.min(LONGEST);
    let until = |allowed: Duration| {
        let left = allowed.saturating_sub(clock.monotonic().saturating_sub(began));
        clock.now().checked_add(left).unwrap_or_else(|_| clock.now())
    };
    journal.append(site.node, RecordKind::Waiting { until: until(allowed) })?;
    failpoint::reached("waiting");
    tell_everybody(
        site.node,
        &format!(
            "the change {id} waits to be kept until {:.0}: 'kube-temper confirm {id}' keeps it, 'kube-temper revert {id}' puts it back",
            until(allowed)
        ),
    );
    let mut looked: Option<Duration> = None;
    let mut answer: Option<Answer> = None;
    loop {
        let mut asked = false;
        for request in requests::take(site.node, id)? {
            match request {
                Ok(Request::Confirm { by }) => {
                    asked = true;
                    answer.get_or_insert(Answer::Keep { by });
                }
                Ok(Request::Revert { by, .. }) => {
                    asked = true;
                    let cause = format!("{by} asked for it");
                    answer = Some(Answer::Back { cause, reason: Reason::Requested });
                }
                Ok(Request::Extend { seconds, .. }) => {
                    allowed = (allowed + Duration::from_secs(seconds)).min(LONGEST);
                    journal.append(site.node, RecordKind::Extended { until: until(allowed) })?;
                }
                // A file that is no request is nobody's answer.
                Err(_) => {}
            }
        }
        let now = clock.monotonic();
        if answer.is_none() && now.saturating_sub(began) >= allowed {
            asked = true;
            let cause = format!("nobody confirmed it within {} s", allowed.as_secs());
            answer = Some(Answer::Back { cause, reason: Reason::Unconfirmed });
        }
        if asked || looked.is_none_or(|looked| now.saturating_sub(looked) >= CALM) {
            looked = Some(now);
            let Seen { told, settled, kubelet_away } = still().map_err(NotKept::Broken)?;
            for observation in told {
                journal.append(site.node, RecordKind::Observed { step, observation })?;
            }
            match (answer.take(), kubelet_away) {
                (given, Some(away)) if away > BYSTANDERS => {
                    return Err(NotKept::Alarm(no_kubelet(given.as_ref())));
                }
                // What just restarts by itself is waited for: it is kept whole, or not at all.
                (Some(Answer::Keep { by }), None) if settled => {
                    return Ok(journal.append(site.node, RecordKind::Confirmed { by })?);
                }
                (Some(Answer::Back { cause, reason }), None) => {
                    return Err(back(site, plan, cause, reason));
                }
                (given, _) => answer = given,
            }
        }
        clock.sleep(POLL);
    }
}

/// Nobody's silence puts a healthy change back while that would be worse.
fn back(site: Site<'_>, plan: &Plan, cause: String, reason: Reason) -> NotKept {
    let silent = reason == Reason::Unconfirmed;
    match silent.then(|| others::in_the_way(site, plan)).flatten() {
        Some(why) => NotKept::Alarm(format!("{cause}, and {why}")),
        None => NotKept::Decided { cause, reason },
    }
}

fn no_kubelet(answer: Option<&Answer>) -> String {
    let away = format!(
        "the kubelet has been away for more than {} s, and {}",
        BYSTANDERS.as_secs(),
        others::NO_KUBELET
    );
    match answer {
        None => away,
        Some(Answer::Keep { by }) => format!("{by} wants to keep it, and {away}"),
        Some(Answer::Back { cause, .. }) => format!("{cause}, and {away}"),
    }
}

/// A healthy change stays, because putting it back now would be worse: a person is called, and decides.
pub(super) fn stays(
    node: &dyn Node,
    id: &TransactionId,
    journal: &mut Writer,
    cause: &str,
) -> Outcome {
    let outcome = Outcome::Stuck {
        cause: format!(
            "{cause}. The change was not put back: it is healthy, and stays until a person decides"
        ),
        by_hand: ["confirm", "revert"].map(|word| format!("kube-temper {word} {id}")).into(),
        left: Left::New,
    };
    // A journal that cannot be written leaves it unconfirmed; the next recovery comes to the same.
    let _ = journal.append(node, outcome.record());
    tell_everybody(
        node,
        &format!("the change {id} needs a decision: 'kube-temper show {id}' says why"),
    );
    outcome
}

/// Whoever is logged in may be the one who is needed.
fn tell_everybody(node: &dyn Node, text: &str) {
    if let Some(programs) = node.programs() {
        programs.message(text);
    }
}
