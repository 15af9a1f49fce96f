//! kube-temper: find what is soft on a Kubernetes node, show the exact diff of a fix, apply it
//! with a backup, prove it, and put it back.
//!
//! The folders are floors; a floor uses only floors with a smaller number (`tests/floors.rs`):
//!
//! | floor | module | owns |
//! |---|---|---|
//! | 0 | [`model`] | pure data |
//! | 1 | [`text`] | pure text engines: `&str` in, `String` out |
//! | 2 | [`node`] | the only door to the host |
//! | 3 | [`cluster`] | the API server |
//! | 3 | [`catalog`] | `remediations/*.yaml` → controls |
//! | 4 | [`check`], [`plan`], [`store`] | verdicts and plans (pure); backups and journal |
//! | 5 | [`apply`] | a transaction |
//! | 6 | [`engine`] | use cases, the only thing the faces call |
//! | 7 | [`report`] | renderers |
//! | 8 | [`cli`], [`tui`] | the faces |

pub mod apply;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod engine;
pub mod model;
pub mod node;
pub mod plan;
pub mod report;
pub mod store;
pub mod text;
pub mod tui;
