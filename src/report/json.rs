//! JSON documents. Each names its schema and version; fields are only ever added within one version.

use std::io::{self, Write};

use serde::Serialize;

use crate::{
    engine::{Summary, Transaction},
    model::{FixOffer, Outcome, Record, Report, Score, Status, TransactionId, journal::Purpose},
};

#[derive(Serialize)]
struct ScanDocument<'r> {
    schema: &'static str,
    tool: &'static str,
    #[serde(flatten)]
    report: &'r Report,
    score: Score,
    /// `null` when no automated control was judged.
    percent: Option<usize>,
    totals: Totals,
    unfinished: &'r [TransactionId],
}

#[derive(Serialize)]
struct Totals {
    pass: usize,
    fail: usize,
    manual: usize,
    not_applicable: usize,
    error: usize,
    fixable: usize,
}

/// Writes a report: schema `kube-temper/scan/v1`.
pub fn scan(out: &mut dyn Write, report: &Report, unfinished: &[TransactionId]) -> io::Result<()> {
    let totals = report.totals();
    let count = |status: Status| totals.get(&status).copied().unwrap_or(0);
    let score = report.score();
    document(
        out,
        &ScanDocument {
            schema: "kube-temper/scan/v1",
            tool: concat!("kube-temper ", env!("CARGO_PKG_VERSION")),
            report,
            score,
            percent: score.percent(),
            totals: Totals {
                pass: count(Status::Pass),
                fail: count(Status::Fail),
                manual: count(Status::Manual),
                not_applicable: count(Status::NotApplicable),
                error: count(Status::Error),
                fixable: report
                    .findings
                    .iter()
                    .filter(|f| f.status == Status::Fail)
                    .filter(|f| matches!(f.offer, FixOffer::Offered { .. }))
                    .count(),
            },
            unfinished,
        },
    )
}

#[derive(Serialize)]
struct SummaryDocument<'s> {
    id: &'s TransactionId,
    #[serde(flatten)]
    purpose: &'s Purpose,
    #[serde(flatten)]
    outcome: Option<&'s Outcome>,
    files: &'s [String],
    undone_by: Option<&'s TransactionId>,
    partly_undone_by: Option<&'s TransactionId>,
    damage: Option<&'s str>,
}

impl<'s> From<&'s Summary> for SummaryDocument<'s> {
    fn from(summary: &'s Summary) -> Self {
        Self {
            id: &summary.id,
            purpose: &summary.purpose,
            outcome: summary.outcome.as_ref(),
            files: &summary.files,
            undone_by: summary.undone_by.as_ref(),
            partly_undone_by: summary.partly_undone_by.as_ref(),
            damage: summary.damage.as_deref(),
        }
    }
}

/// Writes the history: schema `kube-temper/history/v1`.
pub fn history(out: &mut dyn Write, history: &[Summary]) -> io::Result<()> {
    #[derive(Serialize)]
    struct HistoryDocument<'s> {
        schema: &'static str,
        transactions: Vec<SummaryDocument<'s>>,
    }
    document(
        out,
        &HistoryDocument {
            schema: "kube-temper/history/v1",
            transactions: history.iter().map(SummaryDocument::from).collect(),
        },
    )
}

/// Writes one transaction with its journal: schema `kube-temper/transaction/v1`.
pub fn transaction(out: &mut dyn Write, transaction: &Transaction) -> io::Result<()> {
    #[derive(Serialize)]
    struct TransactionDocument<'t> {
        schema: &'static str,
        #[serde(flatten)]
        summary: SummaryDocument<'t>,
        records: &'t [Record],
    }
    document(
        out,
        &TransactionDocument {
            schema: "kube-temper/transaction/v1",
            summary: (&transaction.summary).into(),
            records: &transaction.records,
        },
    )
}

/// Writes any document, indented, with a final newline.
pub fn document(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    writeln!(out)
}
