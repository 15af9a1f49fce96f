//! Exit codes: the product's table, one name each.

use std::process::ExitCode;

use crate::{
    engine::EngineError,
    model::{Outcome, Reason},
    node::{NodeError, NodeErrorKind},
};

/// How a run ended, as scripts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Nothing fails; all that was asked is done.
    Success = 0,
    /// A bug or an unexpected failure.
    Internal = 1,
    /// Wrong usage, or a broken file given by the user.
    Usage = 2,
    /// Nothing here to judge, or the version is unknown.
    NothingToJudge = 3,
    /// Not enough rights.
    NotAllowed = 4,
    /// Another run holds the lock.
    Locked = 5,
    /// Findings remain.
    Findings = 10,
    /// Refused before any write.
    Refused = 20,
    /// Rolled back; the node is as before.
    RolledBack = 21,
    /// Not confirmed in time: reverted, and healthy.
    Unconfirmed = 22,
    /// A person is needed.
    Stuck = 30,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Outcome> for Exit {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Committed => Self::Success,
            Outcome::Refused { .. } => Self::Refused,
            Outcome::RolledBack { reason: Reason::Unconfirmed, .. } => Self::Unconfirmed,
            Outcome::RolledBack { .. } => Self::RolledBack,
            Outcome::Stuck { .. } => Self::Stuck,
        }
    }
}

impl From<&EngineError> for Exit {
    fn from(error: &EngineError) -> Self {
        match error {
            EngineError::Internal(_) => Self::Internal,
            EngineError::Usage(_) | EngineError::Catalog(_) => Self::Usage,
            EngineError::NothingToJudge(_) => Self::NothingToJudge,
            EngineError::NotAllowed(_) => Self::NotAllowed,
            EngineError::Locked(_) => Self::Locked,
            EngineError::Refused(_) => Self::Refused,
            EngineError::Lost(_) => Self::Stuck,
            EngineError::Node(error) => error.into(),
        }
    }
}

impl From<&NodeError> for Exit {
    fn from(error: &NodeError) -> Self {
        match error.kind {
            // Root may do everything else: then it is the node that is not as it must be.
            NodeErrorKind::Denied if nix::unistd::geteuid().is_root() => Self::Refused,
            NodeErrorKind::Denied => Self::NotAllowed,
            NodeErrorKind::Locked { .. } => Self::Locked,
            NodeErrorKind::Died => Self::Internal,
            // The node is not as it must be; nothing was written.
            _ => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::EXIT_CODES;

    #[test]
    fn every_code_stands_in_the_help() {
        for exit in [
            Exit::Success,
            Exit::Internal,
            Exit::Usage,
            Exit::NothingToJudge,
            Exit::NotAllowed,
            Exit::Locked,
            Exit::Findings,
            Exit::Refused,
            Exit::RolledBack,
            Exit::Unconfirmed,
            Exit::Stuck,
        ] {
            let line = format!("{:>4}  ", exit as u8);
            assert!(EXIT_CODES.lines().any(|l| l.starts_with(&line)), "{exit:?}");
        }
    }
}
