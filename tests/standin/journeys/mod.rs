//! What a person lives through on a node that runs.

mod apiserver;
mod guard;
mod kubelet;
mod safe;
mod scheduler;
mod true_pace;

use kube_temper::model::{Outcome, Reason};

use super::Test;

/// Whether the program under test can be told how fast the node's time runs.
const HURRIED: bool = cfg!(feature = "failpoints");

pub(crate) const TESTS: &[&[Test]] = if HURRIED {
    // The longest first.
    &[safe::TESTS, apiserver::TESTS, guard::TESTS, kubelet::TESTS, scheduler::TESTS]
} else {
    &[true_pace::TESTS]
};

const SCHEDULER: &str = "etc/kubernetes/manifests/kube-scheduler.yaml";
const API_SERVER: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";
const CONTROLLER_MANAGER: &str = "etc/kubernetes/manifests/kube-controller-manager.yaml";

/// Why a change was put back, and what was said of it.
#[track_caller]
fn rolled_back(outcome: Outcome) -> (Reason, String) {
    let Outcome::RolledBack { reason, cause } = outcome else { panic!("{outcome:?}") };
    (reason, cause)
}
