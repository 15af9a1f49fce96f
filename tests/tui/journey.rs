//! What a journey is told in: what the person does, what the screen shows, what the node holds then.

use std::sync::Arc;

use kube_temper::{
    catalog::Catalog,
    cluster::simulated::SimCluster,
    engine::{Engine, Settings, Summary},
    node::{Node, memory::Snapshot, recording, sim::SimNode},
    report::history::describe,
    tui::{Action, EngineJobs, Standing},
};

use crate::{
    harness::{PLAIN, Session},
    patient::Patient,
};

pub(crate) const SCHEDULER: &str = "/etc/kubernetes/manifests/kube-scheduler.yaml";
pub(crate) const MANAGER: &str = "/etc/kubernetes/manifests/kube-controller-manager.yaml";
pub(crate) const SERVER: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

/// What a fix has done to a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// This path has this line more.
    Line(&'static str, &'static str),
    /// This path had the first mode and has the second.
    Mode(&'static str, u32, u32),
}

/// The node, and a session on it.
pub(crate) struct Journey {
    pub(crate) node: Arc<SimNode>,
    pub(crate) session: Session,
    clock: Arc<Patient>,
    /// Looks at what the session wrote, as another command would.
    engine: Engine,
    before: Snapshot,
}

fn session(engine: Engine) -> Session {
    let standing = Standing { kind: engine.kind(), read_only: engine.read_only_reason() };
    Session::start(EngineJobs::new(engine), standing, (120, 40), PLAIN)
}

/// A session on another node than the simulated one.
pub(crate) fn session_on(node: Arc<dyn Node>, settings: Settings) -> Session {
    session(Engine::new(node, Arc::new(Catalog::embedded().unwrap()), settings))
}

#[track_caller]
pub(crate) fn expect(session: &Session, texts: &[&str]) {
    for text in texts {
        assert!(session.shows(text), "no \"{text}\" on\n{}", session.text());
    }
}

impl Journey {
    pub(crate) fn begin() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let (clock, node) = Patient::on(&recording::KUBEADM_1_36_2);
        let engine = || {
            let catalog = Arc::new(Catalog::embedded().unwrap());
            let cluster = Arc::new(SimCluster::new(node.clone()));
            Engine::new(node.clone(), catalog, settings.clone()).reading(Some(cluster))
        };
        let before = node.snapshot();
        Self { session: session(engine()), engine: engine(), node, clock, before }
    }

    /// The person does this. A change it begins is watched until it ends or waits for them.
    pub(crate) fn does(&mut self, actions: &[Action]) -> &mut Self {
        self.session.watch_for(0).press(actions);
        self.watched()
    }

    pub(crate) fn types(&mut self, text: &str) -> &mut Self {
        self.session.watch_for(0).type_text(text);
        self
    }

    /// Puts the cursor on one control and marks it.
    pub(crate) fn mark(&mut self, control: &str) -> &mut Self {
        self.does(&[Action::Search]).types(control);
        self.does(&[Action::Open, Action::Mark, Action::Back])
    }

    /// So many seconds of the countdown pass, and it is not over.
    pub(crate) fn waits(&mut self, seconds: u64) -> &mut Self {
        self.clock.grant(std::time::Duration::from_secs(seconds));
        self.watched()
    }

    /// The countdown goes on until somebody's answer, or nobody's, ends it.
    pub(crate) fn goes_on(&mut self) -> &mut Self {
        self.clock.hold(false);
        self.watched();
        self.clock.hold(true);
        self
    }

    /// Looks at the change under way as the loop does, until there is nothing more to see.
    fn watched(&mut self) -> &mut Self {
        loop {
            let last = self.clock.is_held();
            if !self.session.look() || last {
                return self;
            }
        }
    }

    #[track_caller]
    pub(crate) fn shows(&mut self, texts: &[&str]) -> &mut Self {
        expect(&self.session, texts);
        self
    }

    #[track_caller]
    pub(crate) fn hides(&mut self, texts: &[&str]) -> &mut Self {
        for text in texts {
            assert!(!self.session.shows(text), "\"{text}\" on\n{}", self.session.text());
        }
        self
    }

    /// The node is byte for byte, mode for mode and owner for owner as at first, but for these changes.
    #[track_caller]
    pub(crate) fn node_has(&mut self, changes: &[Change]) -> &mut Self {
        let mut now = self.node.snapshot();
        for change in changes {
            match *change {
                Change::Line(path, line) => {
                    let entry = now.entries.get_mut(path).unwrap();
                    let text = String::from_utf8(entry.bytes.clone()).unwrap();
                    let parts: Vec<&str> = text.split(&format!("{line}\n")).collect();
                    assert_eq!(parts.len(), 2, "not once \"{line}\" in {path}:\n{text}");
                    entry.bytes = parts.concat().into_bytes();
                }
                Change::Mode(path, from, to) => {
                    let meta = &mut now.entries.get_mut(path).unwrap().meta;
                    assert_eq!(meta.mode, to, "{path} has another mode");
                    meta.mode = from;
                }
            }
        }
        let others = self.before.differences(&now);
        assert!(others.is_empty(), "besides {changes:?}: {others:#?}");
        self
    }

    /// Everything the session did, latest first.
    pub(crate) fn history(&self) -> Vec<Summary> {
        self.engine.history().unwrap()
    }

    /// The journal of the latest transaction tells this, in this order.
    #[track_caller]
    pub(crate) fn journal_tells(&mut self, wanted: &[&str]) -> &mut Self {
        let id = self.history()[0].id.0.clone();
        let records = self.engine.transaction(&id).unwrap().records;
        let told: Vec<String> = records.iter().map(|record| describe(&record.kind)).collect();
        let mut rest = told.iter();
        for text in wanted {
            assert!(rest.any(|line| line.contains(text)), "no \"{text}\" then in {told:#?}");
        }
        self
    }
}
