//! The undo under construction: transactions are taken out of today's files one after the other, latest
//! first; what is left in the end is compared with the disk and becomes a plan.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use super::{RollbackPlan, Undone, force, separate};
use crate::{
    apply::{Refusal, refuse::CONTENT_HASHES},
    model::{
        AttributedEdit, Change, ChangeKind, Component, FileImage, FileKind, FileMeta, Item,
        LeftOut, Plan, Reversibility, Step, StepTarget, Tier,
        change::{PlanSchema, PlannedControl},
        facts::second_name,
    },
    node::Node,
    store::{Damage, Loaded, StoreError, backup},
    text::{diff, kubelet, manifest},
};

/// Text of a file as it is on disk, and as it will be.
#[derive(Debug)]
struct Texts {
    before: String,
    after: String,
}

/// A file or folder as it is on disk, and as it will be.
#[derive(Debug)]
struct Target {
    named: Option<String>,
    /// It is there, and it will be.
    there: (bool, bool),
    folder: bool,
    /// `None` while only mode and owner are undone.
    text: Option<Texts>,
    before: FileMeta,
    after: FileMeta,
    step: StepTarget,
    tier: Tier,
    /// The edits that are undone.
    edits: Vec<AttributedEdit>,
    /// Why its content cannot be replaced.
    shared: Option<String>,
    /// Extended attributes that others set since, in words.
    notes: Vec<String>,
}

/// The undo under construction.
#[derive(Debug, Default)]
pub(super) struct Work {
    files: BTreeMap<String, Target>,
    conflicts: Vec<String>,
    left: Vec<LeftOut>,
    notes: Vec<String>,
    controls: BTreeMap<crate::model::ControlId, PlannedControl>,
}

impl Work {
    /// Takes one transaction (or some of its controls) out.
    pub(super) fn undo(&mut self, node: &dyn Node, undo: &Undone<'_>) -> Result<(), Refusal> {
        for planned in undo.plan.controls.iter().filter(|p| undo.controls.contains(&p.control)) {
            let id = &planned.control;
            self.controls.entry(id.clone()).or_insert_with(|| planned.clone());
            if planned.reversible != Reversibility::Bytes {
                self.conflicts.push(format!(
                    "{id} cannot be undone by putting old bytes back: 'kube-temper explain {id}' says how it is undone"
                ));
            }
        }
        for step in undo.plan.steps.iter().rev() {
            for change in step.changes.iter().rev() {
                if change.controls().iter().any(|control| undo.controls.contains(control)) {
                    intact(node, undo.loaded, change)?;
                    self.undo_change(node, undo, step, change)?;
                }
            }
        }
        Ok(())
    }

    fn undo_change(
        &mut self,
        node: &dyn Node,
        undo: &Undone<'_>,
        step: &Step,
        change: &Change,
    ) -> Result<(), Refusal> {
        let Self { files, conflicts, left, notes, .. } = self;
        let path = &change.path;
        let undone = |edit: &&AttributedEdit| undo.controls.contains(&edit.control);
        let target = match files.entry(path.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => match open(node, change)? {
                Opened::File(mut target) => {
                    target.notes = attributes(node, undo.loaded, path)?;
                    new.insert(*target)
                }
                Opened::Gone if matches!(change.kind, ChangeKind::Content { .. }) => {
                    conflicts.push(format!(
                        "{}: {path} no longer exists, and where it comes back so does what we changed in it: put it back first",
                        named(change, undone)
                    ));
                    return Ok(());
                }
                Opened::Gone if matches!(change.kind, ChangeKind::Remove { .. }) => {
                    new.insert(Target::new(
                        change,
                        false,
                        FileMeta { mode: 0, uid: 0, gid: 0, xattrs: BTreeMap::new() },
                    ))
                }
                // No file, no mode: nothing of it is left.
                Opened::Gone => {
                    left.extend(change.edits.iter().filter(undone).map(|edit| LeftOut {
                        control: edit.control.clone(),
                        reason: format!("{path} no longer exists: there is nothing to put back"),
                    }));
                    return Ok(());
                }
                Opened::Moved(what) => {
                    conflicts.push(what);
                    return Ok(());
                }
            },
        };
        if step.target != StepTarget::Metadata {
            target.step = step.target;
        }
        target.tier = target.tier.max(step.tier);
        for edit in change.edits.iter().filter(undone) {
            if !target.edits.contains(edit) {
                target.edits.push(edit.clone());
            }
        }
        match &change.kind {
            ChangeKind::Create { after } => {
                // Others that stand need it too.
                let shared = |id| undo.standing.contains(id) && !undo.controls.contains(id);
                if !change.controls().iter().any(shared) {
                    notes.extend(target.take_away(node, path, after)?);
                }
                return Ok(());
            }
            ChangeKind::Remove { before } => {
                if let Err(why) = target.bring_back(path, before) {
                    conflicts.push(why);
                }
                return Ok(());
            }
            ChangeKind::Content { .. } | ChangeKind::Metadata { .. } => {}
        }
        let sides = match separate::sides(step.target, change, &undo.standing, &undo.controls) {
            Ok(sides) => sides,
            Err(why) => {
                conflicts.push(format!("{path}: {why}"));
                return Ok(());
            }
        };
        if let Some((before, after)) = &sides.text {
            let Some(texts) = target.texts(node, path)? else {
                conflicts.push(format!("{path} is not text any more"));
                return Ok(());
            };
            match diff::undo(before, after, &texts.after) {
                Ok(text) => {
                    let edits: Vec<&AttributedEdit> = change.edits.iter().filter(undone).collect();
                    let component = step.target.restarts();
                    let still = force::still(component, &edits, [before, after, &text]);
                    conflicts.extend(still.into_iter().map(|what| format!("{path}: {what}")));
                    if !component.is_none_or(|c| force::spares_others(c, &texts.after, &text)) {
                        conflicts.push(format!(
                            "{path}: a line like ours stands in another container now: take it out by hand"
                        ));
                    }
                    texts.after = text;
                }
                Err(places) => {
                    conflicts.extend(places.into_iter().map(|place| format!("{path}: {place}")));
                }
            }
        }
        for what in target.undo_meta(path, &sides.meta) {
            conflicts.push(format!("{}: {what}", named(change, undone)));
        }
        Ok(())
    }

    /// What differs from the disk in the end becomes the plan.
    pub(super) fn finish(
        mut self,
        node: &dyn Node,
        chosen: &[Undone<'_>],
    ) -> Result<RollbackPlan, Refusal> {
        let Some(latest) = chosen.first() else {
            return Err(Refusal::Refused("there is nothing to undo".to_owned()));
        };
        let mut steps: BTreeMap<StepTarget, Step> = BTreeMap::new();
        for (path, mut target) in std::mem::take(&mut self.files) {
            let (notes, shared) = (std::mem::take(&mut target.notes), target.shared.take());
            let Some((target_step, tier, change)) = target.change(path) else { continue };
            if let Err(why) = parses(target_step, &change) {
                self.conflicts.push(format!("{}: {why}", change.path));
            }
            if matches!(change.kind, ChangeKind::Content { .. }) {
                self.notes.extend(notes);
                self.conflicts.extend(shared);
            }
            let step = steps.entry(target_step).or_insert_with(|| Step {
                target: target_step,
                tier,
                changes: Vec::new(),
            });
            step.tier = step.tier.max(tier);
            step.changes.push(change);
        }
        let mut steps: BTreeMap<StepTarget, Step> = apart(steps);
        steps.values_mut().for_each(Step::sort);
        Ok(RollbackPlan {
            of: chosen.iter().map(|undo| undo.loaded.id.clone()).collect(),
            plan: Plan {
                schema: PlanSchema::V1,
                created: node.clock().now(),
                node: latest.plan.node.clone(),
                benchmark: latest.plan.benchmark,
                controls: self.controls.into_values().collect(),
                steps: steps.into_values().collect(),
                left: self.left,
            },
            conflicts: self.conflicts,
            rest: Vec::new(),
            notes: self.notes,
        })
    }
}

/// Files that go while no text changes restart nothing: nobody names them any more.
fn apart(steps: BTreeMap<StepTarget, Step>) -> BTreeMap<StepTarget, Step> {
    let mut sorted: BTreeMap<StepTarget, Step> = BTreeMap::new();
    for (target, step) in steps {
        let goes = |change: &Change| matches!(change.kind, ChangeKind::Remove { .. });
        let target = if step.changes.iter().all(goes) { StepTarget::Metadata } else { target };
        let Step { tier, changes, .. } = step;
        let into =
            sorted.entry(target).or_insert_with(|| Step { target, tier, changes: Vec::new() });
        into.tier = into.tier.max(tier);
        into.changes.extend(changes);
    }
    sorted
}

/// How a file of an old change is found today.
enum Opened {
    File(Box<Target>),
    Gone,
    Moved(String),
}

fn open(node: &dyn Node, change: &Change) -> Result<Opened, Refusal> {
    let path = &change.path;
    let Some(stat) = node.files().lstat(path)? else { return Ok(Opened::Gone) };
    if node.files().resolve(path)? != *path {
        return Ok(Opened::Moved(format!(
            "{path} is a link now: look where it leads, and undo by hand"
        )));
    }
    let meta = FileMeta { mode: stat.mode, uid: stat.uid, gid: stat.gid, xattrs: BTreeMap::new() };
    let target = Target {
        shared: second_name(path, stat.kind, stat.links),
        folder: stat.kind == FileKind::Directory,
        ..Target::new(change, true, meta)
    };
    Ok(Opened::File(Box::new(target)))
}

/// Extended attributes that are not as the transaction left them: they stay as they are now.
fn attributes(node: &dyn Node, loaded: &Loaded, path: &str) -> Result<Vec<String>, Refusal> {
    let intent = loaded.intent().iter().find(|file| file.path == *path);
    let Some(left) = intent.filter(|file| file.content.is_some()) else { return Ok(Vec::new()) };
    let left = left.after.as_ref().map(|meta| meta.xattrs.clone()).unwrap_or_default();
    let now = node.files().xattrs(path)?;
    let names: BTreeSet<&String> = left.keys().chain(now.keys()).collect();
    let said = names.into_iter().filter(|name| !CONTENT_HASHES.contains(&name.as_str()));
    Ok(said
        .filter_map(|name| {
            let what = match (left.get(name), now.get(name)) {
                (None, Some(_)) => "set since; kept",
                (Some(_), None) => "removed since; not set again",
                (was, is) if was != is => "changed since; kept",
                _ => return None,
            };
            Some(format!("{path}: extended attribute {name} was {what}"))
        })
        .collect())
}

/// The controls of a change that are undone, as a person names them.
fn named(change: &Change, undone: impl Fn(&&AttributedEdit) -> bool) -> String {
    let mut ids: Vec<String> =
        change.edits.iter().filter(undone).map(|edit| edit.control.to_string()).collect();
    ids.dedup();
    ids.join(", ")
}

impl Target {
    /// Unchanged so far.
    fn new(change: &Change, there: bool, meta: FileMeta) -> Self {
        Self {
            named: change.named.clone(),
            there: (there, there),
            folder: false,
            text: None,
            before: meta.clone(),
            after: meta,
            step: StepTarget::Metadata,
            tier: Tier::R0,
            edits: Vec::new(),
            shared: None,
            notes: Vec::new(),
        }
    }

    /// Takes away what we created, unless somebody made it theirs since: then it stays, which is said.
    fn take_away(
        &mut self,
        node: &dyn Node,
        path: &str,
        made: &Item,
    ) -> Result<Option<String>, Refusal> {
        let ours = match made.file() {
            None => self.folder,
            Some(image) => {
                !self.folder
                    && self.texts(node, path)?.is_some_and(|texts| texts.after == image.text)
            }
        };
        if ours {
            self.there.1 = false;
            return Ok(None);
        }
        Ok(Some(format!("{path} was changed since we created it: it stays")))
    }

    /// Creates again what we removed.
    fn bring_back(&mut self, path: &str, gone: &Item) -> Result<(), String> {
        if self.there.1 {
            return match gone {
                Item::Folder { .. } if self.folder => Ok(()),
                _ => Err(format!("{path} is there again: move it away, then roll back again")),
            };
        }
        self.there.1 = true;
        self.folder = gone.file().is_none();
        self.after = gone.meta().clone();
        let text = |image: &FileImage| Texts { before: String::new(), after: image.text.clone() };
        self.text = gone.file().map(text);
        Ok(())
    }

    /// The text, read when it is first needed; `None` when it is not text.
    fn texts(&mut self, node: &dyn Node, path: &str) -> Result<Option<&mut Texts>, Refusal> {
        if self.text.is_none() {
            let bytes = node.files().read(path, backup::LIMIT)?;
            let Ok(text) = String::from_utf8(bytes) else { return Ok(None) };
            self.text = Some(Texts { before: text.clone(), after: text });
        }
        Ok(self.text.as_mut())
    }

    /// Puts mode and owner back where they still are ours; says which are somebody else's now.
    fn undo_meta(&mut self, path: &str, (before, after): &(FileMeta, FileMeta)) -> Vec<String> {
        let now = &mut self.after;
        let mut stays = Vec::new();
        let mut stay = |what: &str, is: String, was: String, made: String| {
            stays.push(format!(
                "the {what} of {path} is {is}, somebody else changed it since: it was {was} and we made it {made}; set it to one of these, then roll back again"
            ));
        };
        if before.mode != after.mode && now.mode != before.mode {
            if now.mode == after.mode {
                now.mode = before.mode;
            } else {
                let [is, was, made] =
                    [now.mode, before.mode, after.mode].map(|mode| format!("{mode:04o}"));
                stay("mode", is, was, made);
            }
        }
        let owner = |meta: &FileMeta| (meta.uid, meta.gid);
        if owner(before) != owner(after) && owner(now) != owner(before) {
            if owner(now) == owner(after) {
                (now.uid, now.gid) = owner(before);
            } else {
                let shown = |meta: &FileMeta| format!("{}:{}", meta.uid, meta.gid);
                stay("owner", shown(now), shown(before), shown(after));
            }
        }
        stays
    }

    /// The change that is needed, if any, with the step it belongs to.
    fn change(self, path: String) -> Option<(StepTarget, Tier, Change)> {
        let same_text = self.text.as_ref().is_none_or(|texts| texts.before == texts.after);
        let stays = self.there.0 == self.there.1;
        if stays && (!self.there.0 || same_text && self.before == self.after) {
            return None;
        }
        let restored = self.text.as_ref().map(|texts| texts.after.as_str());
        let edits = separate::inverse(&self.edits, restored, self.step.restarts(), &self.after);
        let item = |text: Option<String>, meta: FileMeta| match text {
            Some(text) => Item::File(FileImage { text, meta }),
            None => Item::Folder { meta },
        };
        let (step, tier, kind) = match self.text {
            text if !stays => {
                let (old, new) = text.map(|texts| (texts.before, texts.after)).unzip();
                let kind = if self.there.1 {
                    ChangeKind::Create { after: item(new, self.after) }
                } else {
                    ChangeKind::Remove { before: item(old, self.before) }
                };
                (self.step, self.tier, kind)
            }
            Some(texts) if !same_text => (
                self.step,
                self.tier,
                ChangeKind::Content {
                    before: FileImage { text: texts.before, meta: self.before },
                    after: FileImage { text: texts.after, meta: self.after },
                },
            ),
            // Mode and owner restart nothing; a step of its own keeps them apart from what does.
            _ => {
                let tier = if self.step == StepTarget::Metadata { self.tier } else { Tier::R0 };
                let kind = ChangeKind::Metadata { before: self.before, after: self.after };
                (StepTarget::Metadata, tier, kind)
            }
        };
        Some((step, tier, Change { path, named: self.named, edits, kind }))
    }
}

/// The kubelet drops a manifest it cannot read, so what is put back must still be one.
fn parses(target: StepTarget, change: &Change) -> Result<(), String> {
    let (ChangeKind::Content { before, after }, Some(component)) =
        (&change.kind, target.restarts())
    else {
        return Ok(());
    };
    if component == Component::Kubelet {
        return match (kubelet::parse(&before.text), kubelet::parse(&after.text)) {
            (Ok(_), Err(problem)) => Err(format!("the result could not be read: {problem}")),
            _ => Ok(()),
        };
    }
    let was = manifest::parse(&change.path, &before.text);
    if !was.is_ok_and(|pod| pod.container(component).is_some()) {
        return Ok(());
    }
    match manifest::parse(&change.path, &after.text) {
        Ok(pod) if pod.container(component).is_some() => Ok(()),
        Ok(_) => Err(format!("the result would not run {component}")),
        Err(problem) => Err(format!("the result could not be read: {problem}")),
    }
}

/// What was kept must be what was written: plan, journal and backup agree.
fn intact(node: &dyn Node, loaded: &Loaded, change: &Change) -> Result<(), Refusal> {
    let digests =
        (change.kind.before().map(FileImage::digest), change.kind.after().map(FileImage::digest));
    if digests == (None, None) {
        return Ok(());
    }
    let intents = loaded.intent();
    let place = intents.iter().position(|intent| intent.path == change.path);
    let intent = place.and_then(|place| Some((place, intents.get(place)?)));
    let Some((place, intent)) = intent else {
        return Err(damaged(node, loaded, format!("the journal does not name {}", change.path)));
    };
    if intent.content.as_ref() != Some(&digests) {
        return Err(damaged(
            node,
            loaded,
            format!("it differs from the journal in {}", change.path),
        ));
    }
    if let Some(content) = backup::Content::of(place, intent) {
        backup::read(node, &loaded.id, &content)?;
    }
    Ok(())
}

fn damaged(node: &dyn Node, loaded: &Loaded, what: String) -> Refusal {
    let path = crate::store::TransactionPaths::of(&loaded.id).plan();
    StoreError::from(Damage { path: crate::store::shown(node, &path), line: None, what }).into()
}
