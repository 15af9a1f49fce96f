//! etcd decides by a majority of its members: this node's one goes away only while the others are one.

use super::others::stops_etcd;
use crate::{
    model::{Plan, Step, Tier},
    node::{EtcdError, Node, etcd::EtcdMember},
};

/// Whether this plan touches this node's member.
pub(super) fn concerned(plan: &Plan) -> bool {
    let data = |step: &Step| step.tier >= Tier::R4 && step.target.restarts().is_none();
    stops_etcd(plan) || plan.steps.iter().any(data)
}

/// What stands in the way of taking this member away: one of them is not healthy, or they are two.
pub(super) fn before(members: &[EtcdMember]) -> Result<String, String> {
    let voters: Vec<&EtcdMember> = voters(members).collect();
    let sick: Vec<String> = voters.iter().filter_map(|member| sick(member, members)).collect();
    if !sick.is_empty() {
        return Err(format!("etcd is not healthy ({}): repair that first", sick.join("; ")));
    }
    match voters.len() {
        1 => Ok("etcd has one member: the cluster stands still while it is away".to_owned()),
        2 => Err(format!(
            "etcd would lose quorum: of its two members ({}) one alone decides nothing; add a third one first",
            voters.iter().map(|member| named(member)).collect::<Vec<_>>().join(", ")
        )),
        all => {
            Ok(format!("etcd has {all} members, all of them healthy: the others keep its quorum"))
        }
    }
}

/// Why the others cannot decide without this node's member now; nothing where it has no others, or nobody can
/// be asked.
pub(super) fn lost(node: &dyn Node) -> Option<String> {
    let members = node.etcd()?.members().ok()?;
    let voters: Vec<&EtcdMember> = voters(&members).collect();
    let others = voters.iter().filter(|member| !member.own);
    let (sick, healthy): (Vec<_>, Vec<_>) =
        others.map(|member| sick(member, &members)).partition(Option::is_some);
    let quorum = voters.len() / 2 + 1;
    let sick: Vec<String> = sick.into_iter().flatten().collect();
    (!sick.is_empty() && healthy.len() < quorum)
        .then(|| format!("etcd would lose quorum ({})", sick.join("; ")))
}

fn voters(members: &[EtcdMember]) -> impl Iterator<Item = &EtcdMember> {
    members.iter().filter(|member| !member.learner)
}

/// How it is not as it should be.
fn sick(member: &EtcdMember, members: &[EtcdMember]) -> Option<String> {
    let own = members.iter().find(|member| member.own).and_then(|own| own.status.as_ref().ok());
    let why = match &member.status {
        Err(EtcdError::Silent(why) | EtcdError::Refused(why)) => why.clone(),
        Err(error) => error.to_string(),
        Ok(status) if !status.complaints.is_empty() => status.complaints.join("; "),
        Ok(status) if status.leader == 0 => "it has no leader".to_owned(),
        Ok(status) if own.is_some_and(|own| own.leader != status.leader) => {
            "it follows another leader than this node's".to_owned()
        }
        Ok(_) => return None,
    };
    Some(format!("{}: {why}", named(member)))
}

fn named(member: &EtcdMember) -> &str {
    if member.name.is_empty() { "a member without a name" } else { &member.name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::etcd::MemberStatus;

    /// The members by the one each of them follows, this node's first.
    fn members(leaders: &[u64]) -> Vec<EtcdMember> {
        let member = |(at, leader): (usize, &u64)| EtcdMember {
            name: format!("cp{}", at + 1),
            own: at == 0,
            learner: false,
            status: Ok(MemberStatus {
                version: "3.6.8".to_owned(),
                size: 1,
                learner: false,
                leader: *leader,
                complaints: Vec::new(),
            }),
        };
        leaders.iter().enumerate().map(member).collect()
    }

    #[test]
    fn members_that_do_not_agree_on_a_leader_are_no_majority() {
        for (all, why) in [
            (&[1, 1, 2][..], "cp3: it follows another leader"),
            (&[1, 0, 1], "cp2: it has no leader"),
            (&[0], "cp1: it has no leader"),
        ] {
            let refused = before(&members(all)).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        assert!(before(&members(&[3, 3, 3])).is_ok());
        assert!(before(&members(&[3])).unwrap().contains("stands still"));
    }

    #[test]
    fn who_does_not_vote_is_not_counted() {
        let mut two = members(&[1, 1, 0]);
        two[2].learner = true;
        let refused = before(&two).unwrap_err();
        assert!(refused.contains("of its two members (cp1, cp2)"), "{refused}");
    }
}
