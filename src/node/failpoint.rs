//! Named points at which a build for tests ends itself, as a power cut or `kill -9` would, or stands still.
//!
//! Only with the cargo feature `failpoints`, which no release build accepts; without it this is nothing.
//! `KUBE_TEMPER_FAILPOINT=NAME` ends the process when it comes to that point, `NAME:3` at the third time;
//! `stop@NAME` stops it there until it is told to go on (SIGCONT), so that something else can end meanwhile;
//! `panic@NAME` only panics, on whatever thread that is.

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("the feature 'failpoints' is for tests: a release must not be able to end itself");

/// The variable that names the point.
#[cfg(feature = "failpoints")]
pub const VARIABLE: &str = "KUBE_TEMPER_FAILPOINT";

/// The process came to this point.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub const fn reached(_point: &str) {}

/// The process came to this point, and ends here when it was told to.
///
/// # Panics
/// When it was told to.
#[cfg(feature = "failpoints")]
#[allow(clippy::panic, reason = "a test asks for it")]
pub fn reached(point: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};

    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };

    static TIMES: AtomicU32 = AtomicU32::new(0);
    let Some(wanted) = wanted() else { return };
    let (signal, wanted) = match wanted.split_once('@') {
        Some(("stop", rest)) => (Some(Signal::SIGSTOP), rest),
        Some(("panic", rest)) => (None, rest),
        _ => (Some(Signal::SIGKILL), wanted.as_str()),
    };
    let (name, time) = wanted.split_once(':').unwrap_or((wanted, "1"));
    if name != point {
        return;
    }
    let times = TIMES.fetch_add(1, Ordering::SeqCst) + 1;
    if time.parse() != Ok(times) {
        return;
    }
    match signal {
        // Both signals cannot be refused, and nothing of this process runs after them.
        Some(signal) => drop(kill(Pid::this(), signal)),
        None => panic!("told to panic at {point}"),
    }
}

/// What the programs this one starts are told by a test too.
#[cfg(feature = "failpoints")]
#[allow(clippy::disallowed_methods, reason = "a test tells all of them")]
pub(crate) fn handed_on() -> impl Iterator<Item = (&'static str, String)> {
    let variables = [VARIABLE, super::host::PACE];
    variables.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?)))
}

#[cfg(feature = "failpoints")]
#[allow(clippy::disallowed_methods, reason = "a test tells the process where to end")]
fn wanted() -> Option<String> {
    std::env::var(VARIABLE).ok()
}
