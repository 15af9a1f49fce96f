//! Floor 4: (controls, facts) → findings. Pure: no I/O, no clock.
use crate::{
    catalog::Numbered,
    model::{BenchmarkId, NodeFacts, Report},
};

/// Judges every given control, and adds our own findings (`KT-…`).
pub fn check(
    benchmark: BenchmarkId,
    notices: Vec<String>,
    controls: &[Numbered],
    facts: &NodeFacts,
) -> Report {
    let _ = (benchmark, notices, controls, facts);
    todo!()
}
