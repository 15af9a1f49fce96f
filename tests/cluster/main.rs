//! The cluster half: read from an API server on the loopback that answers what a real one answered, and judged.

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

mod dry_run;
mod exports;
mod faults;
mod kubeconfigs;
mod large;
mod program;
mod server;
mod verdicts;

use std::sync::LazyLock;

use kube_temper::cluster::recorded::{API_1_36_2, RecordedApi};
use server::{Answer, Request, page, refused};

static RECORDED: LazyLock<RecordedApi> = LazyLock::new(|| RecordedApi::of(&API_1_36_2).unwrap());

/// What the recorded API server answers, in pages as large as they are asked for.
fn recorded(request: &Request) -> Answer {
    match RECORDED.get(&request.path) {
        Some(list) if list["items"].is_array() => Answer::Json(200, page(&list, request)),
        Some(object) => Answer::Json(200, object),
        None => refused(404, "NotFound"),
    }
}
