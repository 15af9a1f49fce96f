//! How the node stands: each component with its process, the kubelet's verdict and its answers, then what the
//! API server says, then what is unfinished.

use jiff::Timestamp;
use ratatui::{Frame, text::Line};

use super::{Framed, layout::Layout, text::Page, theme::Theme};
use crate::{
    engine::{Asked, ClusterHealth, ComponentHealth, Health},
    model::{Process, ProcessFact},
    tui::model::{Model, Tone},
};

pub(super) fn draw(model: &Model, theme: Theme, layout: &Layout, frame: &mut Frame<'_>) {
    let lines = lines(model, super::inside(layout.body).width);
    let right = match &model.health {
        Some(Ok(health)) => format!("as of {:.0}, R asks again", health.at),
        _ => String::new(),
    };
    Framed { title: "Health", right: &right, focused: true }.draw(
        theme,
        layout.body,
        lines,
        model.health_scroll,
        frame,
    );
}

/// Everything that is known.
pub(super) fn lines(model: &Model, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page::new(Theme(model.options), columns);
    match &model.health {
        None => page.text(Tone::Plain, "Asking the node…"),
        Some(Err(error)) => {
            page.text(Tone::Bad, "The node could not be asked.");
            page.text(Tone::Plain, error);
            page.text(Tone::Info, "R tries again.");
        }
        Some(Ok(health)) => {
            for component in &health.components {
                of_component(&mut page, component, health.at);
            }
            of_cluster(&mut page, health);
            unfinished(&mut page, health);
        }
    }
    page.into_lines()
}

fn of_component(page: &mut Page, health: &ComponentHealth, now: Timestamp) {
    let name = health.component;
    let (mark, tone, text) = match &health.process {
        ProcessFact::Running(process) => running(health, process, now),
        ProcessFact::Absent => ("x", Tone::Bad, "DOWN  no process".to_owned()),
        ProcessFact::Ambiguous { candidates } => {
            let pids: Vec<String> = candidates.iter().map(|p| p.pid.to_string()).collect();
            ("?", Tone::Warn, format!("UNCLEAR  several could be it: {}", pids.join(", ")))
        }
        ProcessFact::Unreadable { why } => ("?", Tone::Warn, format!("UNKNOWN  {why}")),
    };
    page.item(&format!("{mark} {name:<24}"), tone, &text);
    for asked in &health.probes {
        answer(page, asked);
    }
}

fn running(
    health: &ComponentHealth,
    process: &Process,
    now: Timestamp,
) -> (&'static str, Tone, String) {
    let mut parts = vec![format!("pid {}", process.pid)];
    if let Some(since) = health.since {
        parts.push(format!("for {}", age(since, now)));
    }
    let mut good = health.probes.iter().all(|asked| asked.good);
    if let Some(pod) = &health.pod {
        good &= pod.ready;
        parts.push(if pod.ready { "ready" } else { "not ready" }.to_owned());
        parts.push(restarts(pod.restarts));
    }
    if let Some(service) = &health.service {
        good &= service.active == "active";
        parts.push(format!("unit {} ({})", service.active, service.sub));
        parts.push(restarts(service.restarts));
    }
    let parts = parts.join(", ");
    if good {
        ("+", Tone::Good, format!("UP  {parts}"))
    } else {
        ("x", Tone::Bad, format!("SICK  {parts}"))
    }
}

fn restarts(number: u32) -> String {
    match number {
        1 => "1 restart".to_owned(),
        number => format!("{number} restarts"),
    }
}

fn answer(page: &mut Page, asked: &Asked) {
    let (mark, tone) = if asked.good { ("+", Tone::Plain) } else { ("x", Tone::Bad) };
    page.item(&format!("    {mark}"), tone, &format!("{} answers {}", asked.what, asked.answer));
}

fn of_cluster(page: &mut Page, health: &Health) {
    let Some(cluster) = &health.cluster else { return };
    page.heading("What its API server says");
    let ClusterHealth { node, servers } = match cluster {
        Ok(cluster) => cluster,
        Err(error) => {
            page.item("x", Tone::Bad, error);
            return;
        }
    };
    let renewed = match node.renewed {
        Some(at) => format!("lease renewed {} ago", age(at, health.at)),
        None => "no lease".to_owned(),
    };
    if node.ready {
        page.item("+", Tone::Good, &format!("the node is Ready, {renewed}"));
    } else {
        page.item("x", Tone::Bad, &format!("the node is NOT Ready, {renewed}"));
    }
    for server in servers {
        let whose = if server.own { "this node's own" } else { "another" };
        let (mark, tone, word) =
            if server.ready { ("+", Tone::Plain, "ready") } else { ("x", Tone::Bad, "NOT ready") };
        let text = format!("API server {} ({whose}): {word}", server.address);
        page.item(mark, tone, &text);
    }
}

fn unfinished(page: &mut Page, health: &Health) {
    page.heading("Transactions");
    if health.open.is_empty() {
        page.item("+", Tone::Plain, "none is unfinished");
    }
    for open in &health.open {
        let id = &open.id;
        match (open.waits_until, &health.holder) {
            (Some(until), _) => page.item(
                "~",
                Tone::Warn,
                &format!(
                    "{id} waits until {until:.0} to be kept: kube-temper confirm {id}, or revert {id}"
                ),
            ),
            (None, Some(_)) => page.item("~", Tone::Warn, &format!("{id} is under way")),
            (None, None) => page.item(
                "!",
                Tone::Bad,
                &format!("{id} was interrupted: X puts it back or finishes it, asks first"),
            ),
        }
    }
    if let Some(holder) = &health.holder {
        page.item("~", Tone::Plain, &format!("the lock is held: {holder}"));
    }
}

/// `23h 59m`, `4m 05s`, `7s`.
fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m {rest:02}s"),
        (0, ..) => format!("{hours}h {minutes:02}m"),
        _ => format!("{days}d {hours:02}h"),
    }
}
