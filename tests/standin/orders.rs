//! What a test tells a component to do wrong: a file of lines `deed[=value] [if TEXT]`, where the text is
//! looked for in its arguments (and, for a kubelet, its configuration).

use std::{collections::BTreeMap, fs};

/// The orders in force for one process.
pub(crate) struct Orders(BTreeMap<String, String>);

impl Orders {
    pub(crate) fn of(name: &str, context: &str) -> Self {
        let text = fs::read_to_string(format!("/standin/orders/{name}")).unwrap_or_default();
        let lines = text.lines().filter_map(|line| match line.split_once(" if ") {
            Some((order, wanted)) => context.contains(wanted).then_some(order),
            None => Some(line),
        });
        let orders = lines.map(|order| {
            let (deed, value) = order.split_once('=').unwrap_or((order, ""));
            (deed.to_owned(), value.to_owned())
        });
        Self(orders.collect())
    }

    pub(crate) fn get(&self, deed: &str) -> Option<&str> {
        self.0.get(deed).map(String::as_str)
    }

    /// A time in seconds.
    pub(crate) fn seconds(&self, deed: &str) -> Option<f64> {
        self.get(deed).map(|value| value.parse().unwrap())
    }
}
