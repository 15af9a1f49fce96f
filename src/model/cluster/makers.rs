//! What makes pods: its template says what they will be, also while there is none.

use serde::{Deserialize, Serialize};

use super::{Metadata, Pod};

/// A `Deployment`, `StatefulSet` or `DaemonSet`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct PodMaker {
    pub metadata: Metadata,
    pub spec: PodMakerSpec,
}

/// What it makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct PodMakerSpec {
    pub template: Pod,
}

/// A `CronJob`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct CronJob {
    pub metadata: Metadata,
    pub spec: CronJobSpec,
}

/// What it makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct CronJobSpec {
    pub job_template: JobTemplate,
}

/// The jobs of a `CronJob`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct JobTemplate {
    pub spec: PodMakerSpec,
}
