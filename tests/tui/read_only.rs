//! Where nothing can be written everything is still shown, and each key that would lead to a write says why.

use std::sync::Arc;

use kube_temper::{
    engine::Settings,
    node::{NodeKind, memory::FixedNode, recording::KUBEADM_1_36_2},
    tui::Action::{
        Apply, Back, Diff, Explain, Health, Help, History, Mark, MarkSafe, Open, Plan, Search,
        UndoLast,
    },
};

use crate::{
    harness::Session,
    journey::{Journey, expect, session_on},
};

fn recorded() -> FixedNode {
    FixedNode::new(Arc::new(KUBEADM_1_36_2.files().unwrap()))
}

/// From the first look to a plan, with every key that would write on the way.
fn shows_everything_and_writes_nothing(session: &mut Session, why: &str) {
    expect(session, &["READ-ONLY", "[1 Findings]", "1.4.1", why]);
    session.press(&[Search]).type_text("1.4.1").press(&[Open, Mark]);
    expect(session, &["1 marked"]);
    session.press(&[Explain]);
    expect(session, &["Why it matters"]);
    session.press(&[Back, Diff]);
    expect(session, &["--profiling=false"]);
    for (way, key) in [(vec![Back], Apply), (vec![], UndoLast), (vec![Plan], Apply)] {
        session.press(&way).press(&[key]);
        expect(session, &[&format!(" read-only: {why}")]);
    }
    expect(session, &["1 fix, 1 file, 1 restart, risk R1", "--profiling=false"]);
    session.press(&[Help]);
    expect(session, &["apply the marked fixes", &format!("read-only: {why}")]);
    session.press(&[Back, History]);
    expect(session, &["Nothing was changed by kube-temper on this node yet."]);
    session.press(&[Health]);
    expect(session, &["[4 Health]"]);
}

#[test]
fn when_it_was_asked_for() {
    let settings = Settings { read_only: true, ..Settings::default() };
    let mut journey = Journey::with(settings);
    journey.does(&[MarkSafe, Plan, Apply]).shows(&["read-only: --read-only was given"]);
    journey.node_has(&[]);
    assert_eq!(journey.history(), []);
    let node = recorded().of_kind(NodeKind::Live);
    let settings = Settings { read_only: true, ..Settings::default() };
    let mut session = session_on(Arc::new(node), settings);
    shows_everything_and_writes_nothing(&mut session, "--read-only was given");
}

#[test]
fn for_another_user_than_root() {
    for kind in [NodeKind::Live, NodeKind::Offline] {
        let node = recorded().of_kind(kind).run_by(1000);
        let mut session = session_on(Arc::new(node), Settings::default());
        shows_everything_and_writes_nothing(&mut session, "changes need root: run it with sudo");
    }
}

#[test]
fn of_a_recording() {
    let node = recorded().of_kind(NodeKind::ReadOnlyRoot);
    let mut session = session_on(Arc::new(node), Settings::default());
    shows_everything_and_writes_nothing(
        &mut session,
        "another root is read only unless --offline says that it is an image or a recording",
    );
}
