//! Floor 0: pure data. What a control, a fact, a finding, a change and a journal record *are*.
//!
//! Nothing here does I/O, reads a clock or knows how a value was obtained; serde only.

pub mod benchmark;
pub mod change;
pub mod cluster;
pub mod component;
pub mod control;
pub mod facts;
pub mod finding;
pub mod id;
pub mod journal;
pub mod order;
pub mod section;

pub use benchmark::{Benchmark, BenchmarkId, Minor};
pub use change::{
    AttributedEdit, Change, ChangeKind, Digest, Edit, FieldValue, FileImage, FileMeta, Item,
    LeftOut, Plan, Step, StepTarget,
};
pub use component::{Component, Distribution, Role, Target};
pub use control::{
    Assessment, Check, Conflict, Control, Expect, Fix, FixAction, Level, Needs, Owner, PathVar,
    Reversibility, Slug, Tier,
};
pub use facts::{FileFact, FileKind, NodeFacts, NodeProfile, Process, ProcessFact};
pub use finding::{
    Danger, Evidence, Finding, FixOffer, FoundObject, Mark, Report, Score, Source, Status,
};
pub use id::{ControlId, TransactionId};
pub use journal::{Left, Observation, Outcome, Phase, Reason, Record, RecordKind};
pub use order::{Keep, Order};
