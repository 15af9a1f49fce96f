//! The node's time, as all of the stand-in and the program under test share it.
//!
//! It is in a hurry, and yet never leaves anybody behind: [`run`] writes what the clock shows into a file,
//! and goes on only while everyone who waits for a moment was woken by it. On a busy machine it runs slower.

use std::{
    cell::RefCell,
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// Pairs of nanoseconds since 1970: the machine's time and the node's. Without it both are the same.
pub(crate) const FILE: &str = "/standin/time";

/// Until when everybody waits: one file for each thread.
const WAITING: &str = "/standin/waiting";

/// When this is there the node grows older at once, by so many seconds.
pub(crate) const LEAP: &str = "/standin/leap";

/// How many times faster than the machine's the node's time runs at most.
const HURRY: u32 = 15;

/// Nobody is left behind by more than this, in nanoseconds.
const BEHIND: i64 = 2_000_000_000;

/// Time between two pairs, of the machine's.
const TICK: Duration = Duration::from_millis(5);

/// Wall clock.
pub(crate) fn now() -> Timestamp {
    shown().map_or_else(Timestamp::now, |shown| Timestamp::from_nanosecond(shown.into()).unwrap())
}

fn shown() -> Option<i64> {
    let file = File::open(FILE).ok()?;
    let mut last = [0; 8];
    file.read_exact_at(&mut last, file.metadata().ok()?.len().checked_sub(8)?).ok()?;
    Some(i64::from_le_bytes(last))
}

/// Lets so many seconds pass.
pub(crate) fn pause(seconds: f64) {
    let Some(began) = shown() else { return thread::sleep(Duration::from_secs_f64(seconds)) };
    let until = began + (seconds * 1e9) as i64;
    SLOT.with_borrow(|slot| slot.waits(until));
    while let Some(left) = shown().map(|shown| until - shown).filter(|left| *left > 0) {
        let left = Duration::from_nanos(left.unsigned_abs()) / HURRY;
        thread::sleep(left.clamp(Duration::from_millis(2), Duration::from_millis(20)));
    }
}

/// Time since some moment, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Since(Timestamp);

impl Since {
    pub(crate) fn now() -> Self {
        Self(now())
    }

    pub(crate) fn seconds(self) -> f64 {
        now().duration_since(self.0).as_secs_f64()
    }
}

thread_local! {
    static SLOT: RefCell<Slot> = RefCell::new(Slot::new());
}

/// Where a thread says until when it waits. It must come back soon after, or end.
struct Slot(PathBuf);

impl Slot {
    fn new() -> Self {
        let (process, thread) = (std::process::id(), nix::unistd::gettid());
        Self(Path::new(WAITING).join(format!("{process}-{thread}")))
    }

    fn waits(&self, until: i64) {
        fs::write(&self.0, until.to_le_bytes()).unwrap();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The latest the clock may show: soon after the moment the first of all waits for.
fn latest() -> i64 {
    let slots = fs::read_dir(WAITING).unwrap().flatten().map(|entry| entry.path());
    // Half written is as good as not.
    let until = |path: &Path| Some(i64::from_le_bytes(fs::read(path).ok()?.try_into().ok()?));
    let first = slots.filter_map(|path| Some((until(&path)?, path))).min();
    first.map_or(i64::MAX, |(until, path)| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let (process, thread) = name.split_once('-').unwrap();
        // Who was killed waits no more.
        if !Path::new(&format!("/proc/{process}/task/{thread}")).exists() {
            let _ = fs::remove_file(&path);
        }
        until.saturating_add(BEHIND)
    })
}

/// Tells the time for as long as the process lives.
pub(crate) fn run() {
    let file = File::create(FILE).unwrap();
    fs::create_dir_all(WAITING).unwrap();
    let real = || i64::try_from(Timestamp::now().as_nanosecond()).unwrap();
    let (mut shown, mut end) = (real(), 0);
    let mut tell = move |shown: i64| {
        let pair = [real().to_le_bytes(), shown.to_le_bytes()].concat();
        file.write_all_at(&pair, end).unwrap();
        end += 16;
    };
    tell(shown);
    thread::spawn(move || {
        let mut last = Instant::now();
        loop {
            thread::sleep(TICK);
            if let Ok(seconds) = fs::read_to_string(LEAP) {
                fs::remove_file(LEAP).unwrap();
                tell(shown);
                shown += seconds.parse::<i64>().unwrap() * 1_000_000_000;
                tell(shown);
            }
            let passed = last.elapsed().min(2 * TICK) * HURRY;
            last = Instant::now();
            shown = shown.max(latest().min(shown + i64::try_from(passed.as_nanos()).unwrap()));
            tell(shown);
        }
    });
}
