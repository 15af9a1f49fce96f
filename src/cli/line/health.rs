//! How the node stands, in words.

use super::{Done, Session};
use crate::{
    engine::{ComponentHealth, Health},
    model::ProcessFact,
    text::printable::one_line,
};

impl Session<'_> {
    pub(super) fn health(&mut self) -> Done {
        let health = self.engine.health()?;
        for line in told(&health) {
            self.say(&line)?;
        }
        Ok(())
    }
}

/// Every line of it.
fn told(health: &Health) -> Vec<String> {
    let mut lines: Vec<String> = health.components.iter().flat_map(of_component).collect();
    match &health.cluster {
        None => {}
        Some(Err(why)) => lines.push(format!("cluster: not known, {}", one_line(why))),
        Some(Ok(cluster)) => {
            let ready = if cluster.node.ready { "Ready" } else { "NOT Ready" };
            lines.push(format!("cluster: this node is {ready}"));
            lines.extend(cluster.servers.iter().map(|server| {
                let whose = if server.own { "of this node" } else { "of another" };
                let ready = if server.ready { "ready" } else { "NOT ready" };
                format!("  API server {whose} at {}: {ready}", one_line(&server.address))
            }));
        }
    }
    for open in &health.open {
        lines.push(match open.waits_until {
            Some(until) => format!("transaction {}: waits to be kept until {until:.0}", open.id),
            None => format!("transaction {}: did not end", open.id),
        });
    }
    if let Some(holder) = &health.holder {
        lines.push(format!("lock: held by {}", one_line(holder)));
    }
    lines
}

fn of_component(health: &ComponentHealth) -> Vec<String> {
    let mut first = match &health.process {
        ProcessFact::Absent => format!("{}: NOT running", health.component),
        ProcessFact::Running(process) => format!("{}: runs, pid {}", health.component, process.pid),
        ProcessFact::Ambiguous { candidates } => {
            format!("{}: {} processes could be it", health.component, candidates.len())
        }
        ProcessFact::Unreadable { why } => {
            format!("{}: not known, {}", health.component, one_line(why))
        }
    };
    if let Some(since) = health.since {
        first = format!("{first}, since {since:.0}");
    }
    if let Some(pod) = &health.pod {
        first += if pod.ready { ", ready" } else { ", NOT ready" };
    }
    let probes = health.probes.iter().map(|asked| {
        let word = if asked.good { "ok" } else { "NOT ok" };
        format!("  {word}: {} answers {}", one_line(&asked.what), one_line(&asked.answer))
    });
    std::iter::once(first).chain(probes).collect()
}
