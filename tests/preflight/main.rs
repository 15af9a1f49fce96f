//! What is refused before the first write because it could not work: names, probes, volumes, files,
//! certificates and keys. And what must not be refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::pedantic,
    unreachable_pub,
    reason = "a test stops where it cannot go on, reads its own data, and tells one story"
)]

#[path = "../machine/mod.rs"]
mod machine;

mod files;
mod kubeconfigs;
mod kubelet;
mod manifests;
mod node;
mod recorded;
mod users;
mod variables;
mod whole;

use std::{sync::Arc, time::Duration};

use kube_temper::{
    apply::{self, Refusal},
    model::{Component, Order, Plan, StepTarget},
    node::{
        Node,
        recording::{self, Recording},
        sim::{SimNode, VirtualClock},
    },
};
use machine::{plan, purpose, sim::rewritten, step};

/// A recorded node on a virtual clock.
pub(crate) struct Bench {
    pub(crate) node: Arc<SimNode>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::of(&recording::KUBEADM_1_36_2)
    }

    pub(crate) fn of(recording: &Recording) -> Self {
        Self::later(recording, 0)
    }

    /// So many days after it was recorded. The simulation begins then: nobody wants to watch a year of it.
    pub(crate) fn later(recording: &Recording, days: u64) -> Self {
        let clock = VirtualClock::default();
        clock.advance(Duration::from_secs(days * 86_400));
        let node = Arc::new(SimNode::new(recording, Arc::new(clock), 7).unwrap());
        Self { node }
    }

    pub(crate) fn put(&self, path: &str, text: &str) {
        self.node.tree().put_file(path, 0o600, text);
    }

    /// A plan that gives one file another text.
    pub(crate) fn change(
        &self,
        target: StepTarget,
        path: &str,
        edit: impl Fn(&str) -> String,
    ) -> Plan {
        let before = self.node.text(path).unwrap();
        let after = edit(&before);
        assert_ne!(before, after, "the test changes nothing in {path}");
        plan(vec![step(target, vec![rewritten(&self.node, path, "1.2.15", after)])])
    }

    /// A plan that gives a static pod another manifest.
    pub(crate) fn manifest(&self, component: Component, edit: impl Fn(&str) -> String) -> Plan {
        let path = format!("/etc/kubernetes/manifests/{component}.yaml");
        self.change(StepTarget::of(component).unwrap(), &path, edit)
    }

    /// Why a plan is refused; `None` when it is not. Nothing is written in either case.
    pub(crate) fn refusal(&self, plan: &Plan) -> Option<String> {
        self.refusal_of(plan, Order::from(purpose(plan)))
    }

    /// The same with changes of others taking effect too.
    pub(crate) fn refusal_with_pending(&self, plan: &Plan) -> Option<String> {
        self.refusal_of(plan, Order { consent_pending: true, ..Order::from(purpose(plan)) })
    }

    fn refusal_of(&self, plan: &Plan, order: Order) -> Option<String> {
        let before = self.node.snapshot();
        let answer = apply::check(self.node.as_ref() as &dyn Node, plan, order);
        assert_eq!(before.differences(&self.node.snapshot()), Vec::<String>::new());
        match answer {
            Ok(()) => None,
            Err(Refusal::Refused(why)) => Some(why),
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// A case of a table: what is wanted of the refusal, `""` when there must be none.
pub(crate) fn expect(name: &str, refusal: Option<String>, wanted: &str) {
    match (refusal, wanted) {
        (None, "") => {}
        (None, wanted) => panic!("{name}: not refused, wanted '{wanted}'"),
        (Some(why), "") => panic!("{name}: refused: {why}"),
        (Some(why), wanted) => assert!(why.contains(wanted), "{name}: wanted '{wanted}': {why}"),
    }
}

/// One more argument, the last: it wins.
pub(crate) fn argument(argument: &str) -> impl Fn(&str) -> String {
    let line = format!("    - {argument}\n    image:");
    move |text| text.replacen("    image:", &line, 1)
}
