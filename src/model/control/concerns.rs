//! Which component a control is about, and which one its fix restarts.

use super::{Check, Control, FixAction};
use crate::model::component::Component;

impl Control {
    /// The component whose settings are judged; `None` for files and for what only a person or the API can judge.
    pub const fn component(&self) -> Option<Component> {
        match &self.check {
            Check::Flag { component, .. } | Check::FeatureGate { component, .. } => {
                Some(*component)
            }
            Check::AdmissionPlugin { .. }
            | Check::AuthorizationMode { .. }
            | Check::AnonymousRequests {} => Some(Component::KubeApiserver),
            Check::KubeletField { .. } => Some(Component::Kubelet),
            _ => None,
        }
    }

    /// The component that its fix restarts; `None` when nothing restarts.
    pub fn restarts(&self) -> Option<Component> {
        self.fix.actions.iter().find_map(|action| match action {
            FixAction::SetFlag { component, .. }
            | FixAction::RemoveFlag { component, .. }
            | FixAction::AddToList { component, .. }
            | FixAction::RemoveFromList { component, .. }
            | FixAction::ProbeHost { component, .. } => Some(*component),
            FixAction::KubeletField { .. } | FixAction::RemoveKubeletField { .. } => {
                Some(Component::Kubelet)
            }
            FixAction::Mode {} | FixAction::Owner {} | FixAction::ClusterObject { .. } => None,
        })
    }
}
