//! The host that the probes of a container ask.

use super::arguments::{Obstacle, container};
use crate::{
    model::Component,
    text::{kubelet, yaml},
};

const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

/// What has a host; the kubelet asks the pod's own address where none is given.
const ASKING: [&str; 2] = ["httpGet", "tcpSocket"];

/// Lets every probe of the component's container ask this host, or none in particular.
pub(super) fn ask(
    text: &str,
    component: Component,
    host: Option<&str>,
) -> Result<String, Obstacle> {
    let document = yaml::parse(text).map_err(|problem| problem.to_string())?;
    let index = container(&document.value, component)?;
    let host = host.map(serde_json::Value::from);
    let mut text = text.to_owned();
    for probe in PROBES {
        for asking in ASKING {
            let field = format!("spec.containers.{index}.{probe}.{asking}");
            if yaml::at(&document.value, &field).is_some_and(serde_json::Value::is_object) {
                text = kubelet::field(&text, &format!("{field}.host"), host.as_ref())?;
            }
        }
    }
    Ok(text)
}
