//! Approved screens, in `snapshots/screens/`.

use super::{
    harness::{PLAIN, Session},
    logged::logged,
    support::{
        Stage, at, id, journal_of_etcd, journal_of_scheduler, kept, summary, transaction_id,
    },
};
use crate::{
    engine::Open,
    model::{Distribution, Left, LeftOut, Outcome, ProcessFact, Reason, RecordKind, Status},
    node::NodeKind,
    tui::{Action, Msg, Options, Standing, Theme},
};

/// What is on the terminal, as it was approved.
fn approve_here(name: &str, session: &Session) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/screens");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let (columns, rows) = session.size();
    let name = format!("{name}__{columns}x{rows}");
    settings.bind(|| insta::assert_snapshot!(name, session.screen()));
}

/// The same in both sizes that are promised; the session goes on in the size it had.
fn approve(name: &str, session: &mut Session) {
    let before = session.size();
    for (columns, rows) in [(80, 24), (130, 40)] {
        if session.size() != (columns, rows) {
            session.watch_for(0).resize(columns, rows);
        }
        approve_here(name, session);
    }
    session.watch_for(0).resize(before.0, before.1);
}

const NO_COLOUR: Options = Options { color: false, ascii: false, theme: Theme::Default };
const ASCII: Options = Options { color: false, ascii: true, theme: Theme::Default };

const PLANNED: [Action; 2] = [Action::MarkSafe, Action::Plan];
const ASKED: [Action; 3] = [Action::MarkSafe, Action::Plan, Action::Apply];
const DONE: [Action; 4] = [Action::MarkSafe, Action::Plan, Action::Apply, Action::Confirm];

#[test]
fn findings() {
    for (name, options) in
        [("findings", PLAIN), ("findings-no-colour", NO_COLOUR), ("findings-ascii", ASCII)]
    {
        let mut session = Stage::default().play((80, 24), options);
        session.press(&[Action::MarkSafe, Action::Down]);
        approve(name, &mut session);
        session.resize(60, 15);
        approve_here(name, &session);
    }
    approve_here("too-small", &Stage::default().play((59, 14), PLAIN));
}

#[test]
fn findings_narrowed() {
    let mut session = Stage::default().on_80x24();
    session.press(&[Action::Filter, Action::Down]);
    approve("filter-menu", &mut session);
    session.type_text("lrrrb").press(&[Action::Back]);
    approve("findings-narrowed", &mut session);
    session.press(&[Action::Back, Action::Filter]).type_text("bb");
    session.press(&[Action::Back, Action::Search]).type_text("profil");
    approve("search", &mut session);
    session.type_text("zzz").press(&[Action::Open]);
    approve("search-nothing", &mut session);
}

#[test]
fn states_of_the_findings() {
    let mut clean = Stage::default();
    for finding in &mut clean.scan.as_mut().unwrap().report.findings {
        finding.status = Status::Pass;
        finding.mark = None;
    }
    approve("nothing-wrong", &mut clean.on_80x24());

    let broken = Stage {
        scan: Err("no Kubernetes component runs here, and no static pod directory was found: name the root of a node with --root".to_owned()),
        ..Stage::default()
    };
    approve("scan-failed", &mut broken.on_80x24());

    let standing =
        Standing { kind: NodeKind::Live, read_only: Some("not root: run it with sudo".to_owned()) };
    let mut session = Session::start(Stage::default(), standing, (80, 24), PLAIN);
    session.press(&[Action::MarkSafe, Action::Apply]);
    approve("read-only", &mut session);

    let mut interrupted = Stage::default();
    let unfinished = &mut interrupted.scan.as_mut().unwrap().unfinished;
    unfinished.push(transaction_id("20261124T052601Z-3f9a"));
    let mut session = interrupted.on_80x24();
    approve("unfinished", &mut session);
    session.press(&[Action::Recover]);
    approve("recover-question", &mut session);
    session.press(&[Action::Confirm]);
    approve("recovered", &mut session);

    let mut foreign = Stage::default();
    foreign.scan.as_mut().unwrap().report.distribution = Distribution::Rke2;
    let mut session = foreign.on_80x24();
    session.press(&[Action::Mark]);
    approve("unsupported-layout", &mut session);
}

#[test]
fn explanation_and_help() {
    let mut session = Stage::default().on_80x24();
    session.press(&[Action::Down, Action::Explain]);
    approve("explain", &mut session);
    session.press(&[Action::Back, Action::Help]);
    approve("help", &mut session);
}

#[test]
fn plan() {
    for (name, options) in [("plan", PLAIN), ("plan-no-colour", NO_COLOUR)] {
        let left = LeftOut {
            control: id("1.3.2"),
            reason: "kube-controller-manager.yaml is not YAML (line 7): mend it first".to_owned(),
        };
        let mut session = Stage { left: vec![left], ..Stage::default() }.play((80, 24), options);
        session.press(&PLANNED);
        approve(name, &mut session);
        session.resize(60, 15);
        approve_here(name, &session);
    }
    let mut session = Stage::default().on_80x24();
    session.press(&PLANNED).press(&[Action::Diff, Action::LessContext, Action::PageDown]);
    approve("diff", &mut session);
    session.press(&[Action::Top, Action::MoreContext, Action::MoreContext, Action::MoreContext]);
    for (jump, place) in [
        (Action::NextFile, "file 2/3, hunk 1/3"),
        (Action::NextHunk, "file 2/3, hunk 2/3"),
        (Action::PreviousFile, "file 2/3, hunk 1/3"),
        (Action::PreviousHunk, "file 1/3, hunk 1/3"),
        (Action::PreviousHunk, "that was the first one"),
    ] {
        session.press(&[jump]);
        assert!(session.shows(place), "{jump:?}: {}", session.text());
    }
    let mut session = Stage::default().on_80x24();
    session.press(&[Action::Down, Action::Diff]);
    approve("diff-of-one", &mut session);
}

#[test]
fn questions() {
    let mut session = Stage::default().on_80x24();
    session.press(&ASKED);
    approve("question-r1", &mut session);
    session.resize(60, 15);
    approve_here("question-r1", &session);

    let mut session = Stage::default().on_80x24();
    session.press(&[Action::Down, Action::Down, Action::Mark, Action::Apply, Action::Apply]);
    session.type_text("1.3");
    approve("question-r3", &mut session);

    let mut session = Stage::default().on_80x24();
    session.press(&[Action::Bottom, Action::Up, Action::Mark, Action::Apply, Action::Apply]);
    approve("question-r4", &mut session);
}

#[test]
fn what_can_be_allowed() {
    let waits = "changes of others wait for the next restart of kube-apiserver (/etc/kubernetes/manifests/kube-apiserver.yaml gives other arguments than process 8123 has): look at them, then restart it without ours, or let them take effect together with --include-pending";
    let planned = [Action::Down, Action::Mark, Action::Plan];
    let mut session = Stage { stands_in_the_way: Some(waits), ..Stage::default() }.on_80x24();
    session.press(&planned);
    approve("plan-would-be-refused", &mut session);
    session.press(&[Action::AllowPending, Action::AllowSingle]);
    approve("plan-allowed", &mut session);
    session.press(&[Action::Apply]);
    approve("question-allowed", &mut session);
    let mut stage = Stage::default();
    stage.scan.as_mut().unwrap().unfinished.push(transaction_id("20261124T052601Z-3f9a"));
    stage.scan.as_mut().unwrap().busy = true;
    approve("busy", &mut stage.on_80x24());
}

#[test]
fn progress() {
    let under_way = Stage { journal: journal_of_scheduler(), outcome: None, ..Stage::default() };
    let mut session = under_way.on_80x24();
    session.watch_for(6).press(&DONE);
    approve("progress", &mut session);
    session.watch_for(1).press(&[Action::Quit]);
    approve("progress-quit", &mut session);
    let saved = Stage { journal: journal_of_etcd(), outcome: None, ..Stage::default() };
    let mut session = saved.on_80x24();
    session.watch_for(3).press(&DONE);
    approve("progress-etcd", &mut session);

    let mut journal = journal_of_scheduler();
    journal.push(RecordKind::Waiting { until: at(240) });
    let waits =
        || Stage { journal: journal.clone(), outcome: None, guarded: true, ..Stage::default() };
    let mut session = waits().on_80x24();
    session.watch_for(7).press(&DONE).watch_for(7);
    approve("countdown", &mut session);
    // A moment later, on another terminal size and back, it is still there to be answered.
    session.watch_for(7).resize(60, 15).watch_for(7).resize(80, 24);
    session.watch_for(7).press(&[Action::Keep]);
    approve("countdown-asked", &mut session);
    let notice = Some("the process that carried out 20261124T060000Z-aaaa is dead: it is started again, or kube-temper-recover.timer puts the change back within a minute".to_owned());
    let mut session = Stage { notice, ..waits() }.on_80x24();
    session.watch_for(7).press(&DONE).watch_for(7);
    approve("countdown-dead-guard", &mut session);
    let mut session = waits().play((80, 24), ASCII);
    session.watch_for(7).press(&DONE).watch_for(7);
    approve("countdown-ascii", &mut session);
    let mut session = waits().on_80x24();
    session.watch_for(7).press(&DONE).watch_for(7).press(&[Action::Health]);
    approve("countdown-health", &mut session);
    session.watch_for(7).press(&[Action::Back]);
    assert!(session.shows("NOT YET PERMANENT"), "{}", session.text());
}

#[test]
fn outcomes() {
    let cause = || "kube-scheduler exited 3 times within 40 s".to_owned();
    let path = "/etc/kubernetes/manifests/kube-scheduler.yaml";
    let mut committed = Stage::default().on_80x24();
    committed.press(&DONE);
    approve("committed", &mut committed);

    let mut journal = journal_of_scheduler();
    journal.extend([
        RecordKind::RollingBack { cause: cause(), reason: Reason::Unproved },
        RecordKind::Restored { path: path.to_owned() },
        RecordKind::RolledBack { cause: cause(), reason: Reason::Unproved },
    ]);
    let outcome = Some(Outcome::RolledBack { cause: cause(), reason: Reason::Unproved });
    let mut rolled_back = Stage { journal, outcome, ..Stage::default() }.on_80x24();
    rolled_back.press(&DONE);
    approve("rolled-back", &mut rolled_back);

    let by_hand = vec![
        format!("cp -p /var/lib/kube-temper/transactions/20261124T060000Z-aaaa/backup/0 {path}"),
        format!("chmod 0600 {path}"),
    ];
    let mut journal = journal_of_scheduler();
    journal.push(RecordKind::RollingBack { cause: cause(), reason: Reason::Unproved });
    let left = Left::Mixed;
    journal.push(RecordKind::Stuck { cause: cause(), by_hand: by_hand.clone(), left });
    let outcome = Some(Outcome::Stuck { cause: cause(), by_hand, left });
    let mut stuck = Stage { journal, outcome, ..Stage::default() }.on_80x24();
    stuck.press(&DONE);
    approve("stuck", &mut stuck);

    let mut journal = journal_of_etcd();
    let by_hand = vec![
        "systemctl restart kubelet".to_owned(),
        "# ONLY when etcd's data is damaged. This takes the whole cluster back to 2026-11-24T05:26:01Z, all written since is lost:".to_owned(),
        "# etcdutl snapshot restore /var/lib/kube-temper/transactions/20261124T060000Z-aaaa/etcd-snapshot.db --data-dir /var/lib/etcd --name cp1".to_owned(),
    ];
    let (cause, left) = ("etcd did not prove healthy again".to_owned(), Left::Old);
    journal.push(RecordKind::Stuck { cause: cause.clone(), by_hand: by_hand.clone(), left });
    let outcome = Some(Outcome::Stuck { cause, by_hand, left });
    let mut stuck = Stage { journal, outcome, ..Stage::default() }.on_80x24();
    stuck.press(&DONE);
    approve("stuck-etcd", &mut stuck);

    let refuses = Some(format!("{path} has changed since the plan was made"));
    let mut stale = Stage { refuses, ..Stage::default() }.on_80x24();
    stale.press(&DONE);
    approve("refused", &mut stale);

    let refuses = Some("the other control planes cannot be asked for (no answer): repair that, or give --allow-single when there is none".to_owned());
    let mut alone = Stage { refuses, ..Stage::default() }.on_80x24();
    alone.press(&[Action::Down, Action::Mark, Action::Plan, Action::Apply, Action::Confirm]);
    approve("refused-alone", &mut alone);
}

#[test]
fn log() {
    let mut session = Stage::default().on_80x24();
    session.watch_for(0).press(&[Action::Log]);
    approve("log-empty", &mut session);
    session.watch_for(0).happens(Msg::Logged(logged()));
    approve("log", &mut session);
    session.watch_for(0).resize(60, 15);
    approve_here("log", &session);
    session.watch_for(0).resize(80, 24).watch_for(0).press(&[Action::Search]);
    session.watch_for(0).type_text("sched");
    approve("log-search", &mut session);

    // It stays, also beyond the end of what is watched.
    let journal = journal_of_scheduler();
    let under_way = Stage { journal, outcome: None, guarded: true, ..Stage::default() };
    let mut session = under_way.on_80x24();
    session.watch_for(6).press(&DONE).watch_for(1).press(&[Action::Log]);
    session.watch_for(1).happens(Msg::Logged(logged()));
    approve("progress-log", &mut session);
    let mut session = Stage::default().play((130, 40), PLAIN);
    session.watch_for(6).press(&DONE).watch_for(1).press(&[Action::Log]);
    session.watch_for(30).happens(Msg::Logged(logged()));
    assert!(session.shows("COMMITTED") && session.shows("get"), "{}", session.text());
}

#[test]
fn a_change_that_stayed() {
    let name = "20261124T060000Z-aaaa";
    let mut journal = journal_of_scheduler();
    let Outcome::Stuck { cause, by_hand, left } = kept(name) else { unreachable!() };
    journal.push(RecordKind::Stuck { cause, by_hand, left });
    let history = vec![summary(name, Some(kept(name)))];
    let stage = || Stage {
        journal: journal.clone(),
        outcome: Some(kept(name)),
        history: history.clone(),
        ..Stage::default()
    };
    let mut session = stage().on_80x24();
    session.press(&DONE);
    approve("stayed", &mut session);
    let mut session = stage().on_80x24();
    session.press(&[Action::History]);
    approve("stayed-history", &mut session);
    session.press(&[Action::KeepChange]);
    approve("keep-question", &mut session);
    session.press(&[Action::Back, Action::AllowSingle, Action::Recover]);
    approve("put-back-question", &mut session);
    let refuses = Some("the API server of 10.0.0.12:6443 is not ready: repair that one first, or say --allow-single to put it back all the same".to_owned());
    let mut session = Stage { refuses, ..stage() }.on_80x24();
    session.press(&[Action::Recover, Action::Confirm]);
    approve("put-back-refused", &mut session);
}

#[test]
fn history() {
    let mut undone = summary("20261123T101500Z-77c0", Some(Outcome::Committed));
    undone.undone_by = Some(transaction_id("20261123T102000Z-0b1e"));
    let entries = vec![
        summary("20261124T052601Z-3f9a", Some(Outcome::Committed)),
        undone,
        summary(
            "20261122T220000Z-9d11",
            Some(Outcome::RolledBack {
                cause: "kube-scheduler did not become ready".to_owned(),
                reason: Reason::Unproved,
            }),
        ),
    ];
    let stage = || Stage { history: entries.clone(), ..Stage::default() };
    let mut session = stage().on_80x24();
    session.press(&[Action::History]);
    approve("history", &mut session);
    session.press(&[Action::Open]);
    approve("transaction", &mut session);
    session.press(&[Action::Undo]);
    approve("roll-back", &mut session);
    session.press(&[Action::Undo]);
    approve("roll-back-question", &mut session);

    let conflicts = vec!["/etc/kubernetes/manifests/kube-scheduler.yaml line 12".to_owned()];
    let mut session = Stage { conflicts, ..stage() }.on_80x24();
    session.press(&[Action::UndoLast]);
    approve("roll-back-conflict", &mut session);

    let mut session = Stage { nothing_left: true, ..stage() }.on_80x24();
    session.press(&[Action::UndoLast]);
    approve("roll-back-of-nothing", &mut session);
    session.press(&[Action::Undo]);
    approve("note-question", &mut session);

    let mut empty = Stage { history: Vec::new(), ..Stage::default() }.on_80x24();
    empty.press(&[Action::History]);
    approve("history-empty", &mut empty);
}

#[test]
fn health() {
    let mut session = Stage::default().on_80x24();
    session.press(&[Action::Health]);
    approve("health", &mut session);

    let mut sick = super::well::health();
    sick.components[0].probes[0].answer = "nothing (connection refused)".to_owned();
    sick.components[0].probes[0].good = false;
    sick.components[1].process = ProcessFact::Absent;
    sick.components[1].pod = None;
    sick.cluster = Some(Err("the API server does not answer: connection refused".to_owned()));
    sick.open = vec![
        Open { id: transaction_id("20261124T052601Z-3f9a"), waits_until: Some(at(300)) },
        Open { id: transaction_id("20261124T053101Z-77c0"), waits_until: None },
    ];
    sick.holder = Some("pid 4711, kube-temper guard 20261124T052601Z-3f9a".to_owned());
    let mut session = Stage { health: Ok(sick), ..Stage::default() }.on_80x24();
    session.press(&[Action::Health]);
    approve("health-sick", &mut session);

    let why = "cannot read /proc: permission denied (run as root)".to_owned();
    let mut session = Stage { health: Err(why), ..Stage::default() }.on_80x24();
    session.press(&[Action::Health]);
    approve("health-unknown", &mut session);
}

#[test]
fn without_colours_no_colour_is_named_and_the_cursor_is_seen() {
    let mut session = Stage::default().play((80, 24), NO_COLOUR);
    session.press(&[Action::Down]);
    let screen = session.screen();
    let (text, looks) = screen.split_once("--- looks").unwrap();
    let colours = ["red", "green", "yellow", "blue", "cyan", "magenta", "black", "white", "gray"];
    for line in looks.lines() {
        let look = line.split_once(']').map_or("", |(look, _)| look);
        assert!(!colours.iter().any(|colour| look.contains(colour)), "{line}");
    }
    assert!(looks.contains("reversed"));
    assert!(text.contains(">  1.2.15"), "{text}");
}

#[test]
fn ascii_is_ascii_everywhere() {
    let mut session = Stage::default().play((100, 30), ASCII);
    for keys in [
        &[Action::Explain][..],
        &[Action::Back, Action::Help],
        &[Action::Back, Action::MarkSafe, Action::Plan],
        &[Action::Apply],
        &[Action::Confirm],
        &[Action::Back, Action::History],
        &[Action::Open],
    ] {
        session.press(keys);
        let text = session.text();
        assert!(text.is_ascii(), "{text}");
    }
}

#[test]
fn what_would_not_be_seen_is_written_out() {
    const HOSTILE: &str = "a\u{1b}[2J\u{202e}b\u{2066}c\u{200d}d\u{9b}1m";
    const SHOWN: &str = r"a\u{1b}[2J\u{202e}b\u{2066}c\u{200d}d\u{9b}1m";
    let shows = |session: &Session| {
        let text = session.text();
        assert!(text.contains(SHOWN), "{text}");
        let hidden = |c: char| crate::text::printable::is_hidden(c) && c != '\n';
        assert!(!text.contains(hidden), "{text:?}");
    };
    let mut stage = Stage {
        refuses: Some(HOSTILE.to_owned()),
        conflicts: vec![HOSTILE.to_owned()],
        ..Stage::default()
    };
    stage.history[0].files = vec![HOSTILE.to_owned()];
    let report = &mut stage.scan.as_mut().unwrap().report;
    report.findings[0].title = HOSTILE.to_owned();
    report.findings[0].reason = HOSTILE.to_owned();
    let wide = |stage: &Stage| stage.clone().play((120, 40), PLAIN);
    shows(&wide(&stage));
    let mut session = wide(&stage);
    session.press(&DONE);
    shows(&session);
    session.press(&[Action::Back, Action::History]);
    shows(&session);
    session.press(&[Action::UndoLast]);
    shows(&session);
    for (scan, node) in [(Err(HOSTILE.to_owned()), ""), (stage.scan.clone(), HOSTILE)] {
        let mut stage = Stage { scan, ..stage.clone() };
        if let Ok(scan) = &mut stage.scan {
            scan.report.node = node.to_owned();
        }
        shows(&wide(&stage));
    }
}
