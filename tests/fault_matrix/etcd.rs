//! No change of etcd without a snapshot: where it comes from, where it stays, and what is left of half of one.

use std::collections::BTreeMap;

use kube_temper::{
    apply::{
        self, Site,
        recover::recover,
        rollback::{self, Which},
    },
    model::{
        Change, ChangeKind, Component, FileMeta, Order, Outcome, Plan, RecordKind, StepTarget, Tier,
    },
    node::{
        Node,
        etcd::bolt,
        fault::Fault,
        recording::KUBEADM_1_36_2,
        sim::{EtcdFault, SimNode},
    },
    report::history::describe,
    store::{Store, snapshot},
};
use sha2::{Digest as _, Sha256};

use crate::{
    deeds::{deed, manifest},
    lab::{Done, Lab, When},
    machine::{edit, plan, purpose, sim::flag, step},
};

/// Where an administrator saved one.
const GIVEN: &str = "/root/etcd.db";

fn lab() -> std::sync::Arc<Lab> {
    Lab::new(&KUBEADM_1_36_2, 7, Vec::new())
}

fn planned(lab: &Lab) -> Plan {
    flag(&lab.node, Component::Etcd, "snapshot-count", "20000")
}

/// A database as `etcdctl snapshot save` leaves it.
fn saved() -> Vec<u8> {
    let mut bytes = bolt::empty(4096, 6);
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

fn put(node: &SimNode, bytes: &[u8], mode: u32) {
    let meta = FileMeta { mode, uid: 0, gid: 0, xattrs: BTreeMap::new() };
    if node.files().stat("/root").unwrap().is_none() {
        node.files().make_dir("/root", 0o700).unwrap();
    }
    node.files().create(GIVEN, bytes, &meta).unwrap();
}

fn relying_on(path: &str, plan: &Plan) -> Option<Order> {
    let etcd_snapshot = Some(path.to_owned());
    Some(Order { etcd_snapshot, allow_single: true, ..Order::from(purpose(plan)) })
}

/// Where the journal says the snapshot is.
fn place(done: &Done) -> Option<(String, u64, String)> {
    done.records.iter().find_map(|record| match &record.kind {
        RecordKind::EtcdSnapshot { path, size, digest, .. } => {
            Some((path.clone(), *size, digest.to_string()))
        }
        _ => None,
    })
}

/// Names in the folder of the latest transaction that have to do with a snapshot.
fn left(node: &dyn Node) -> Vec<String> {
    let Some(id) = Store::new(node).list().unwrap().pop() else { return Vec::new() };
    let names = node.state().list(&format!("/transactions/{id}")).unwrap().into_iter();
    names.map(|entry| entry.name).filter(|name| name.contains("etcd")).collect()
}

#[test]
fn the_journal_says_where_the_snapshot_is_and_never_what_is_in_it() {
    let lab = lab();
    let done = lab.run(&planned(&lab), None).unwrap();
    assert_eq!(done.outcome, Outcome::Committed, "{}", done.told());
    let (path, size, digest) = place(&done).unwrap();
    let inside = format!("/transactions/{}/etcd-snapshot.db", lab.id());
    assert_eq!(path, format!("/var/lib/kube-temper{inside}"));
    let bytes = lab.node.state().read(&inside, 1 << 20).unwrap();
    assert_eq!((size, bytes), (saved().len() as u64, saved()));
    assert_eq!(digest, kube_temper::model::Digest::of(&saved()).0);
    let told = done.records.iter().map(|record| describe(&record.kind));
    let shown = format!("etcd is saved in {path} ({size} bytes, sha256 {digest})");
    assert!(told.collect::<Vec<_>>().contains(&shown), "{shown}");
    let order: Vec<String> = done
        .records
        .iter()
        .map(|record| serde_json::to_value(record).unwrap()["record"].as_str().unwrap().to_owned())
        .collect();
    let at = |name: &str| order.iter().position(|found| found == name).unwrap();
    assert!(at("etcd-snapshot") < at("intent"), "{order:?}");
}

#[test]
fn a_process_that_dies_leaves_nothing_that_looks_like_a_snapshot() {
    let healthy = lab();
    healthy.run(&planned(&healthy), None).unwrap();
    let log = healthy.faults.log();
    let numbers: Vec<u64> = (1..)
        .zip(&log)
        .filter(|(_, operation)| operation.path.contains("etcd-snapshot"))
        .map(|(number, _)| number)
        .collect();
    let names: Vec<&str> = numbers.iter().map(|at| log[*at as usize - 1].name).collect();
    assert_eq!(names, ["append", "sync_file", "rename"]);
    let (first, last) = (numbers[0], numbers[numbers.len() - 1] + 1);
    for at in first..=last {
        for fault in [Fault::DiesBefore { at }, Fault::DiesAfter { at }, Fault::Torn { at }] {
            let lab = Lab::faulty(&KUBEADM_1_36_2, 7, Vec::new(), fault.clone());
            lab.run(&planned(&lab), None).unwrap();
            assert!(lab.faults.dead(), "{fault:?}");
            let next = lab.node.another_process();
            let whole = format!("/transactions/{}/etcd-snapshot.db", lab.id());
            if next.state().stat(&whole).unwrap().is_some() {
                snapshot::check(next.state(), &whole).unwrap();
            }
            let recovered = recover(&next).unwrap();
            assert!(matches!(&recovered[..], [(_, Outcome::RolledBack { .. })]), "{recovered:?}");
            assert_eq!(left(&next), Vec::<String>::new(), "{fault:?}");
        }
    }
}

#[test]
fn a_disk_that_does_not_take_it_is_a_refusal() {
    let healthy = lab();
    healthy.run(&planned(&healthy), None).unwrap();
    let log = healthy.faults.log();
    let at = 1 + log.iter().position(|o| o.path.contains("etcd-snapshot")).unwrap() as u64;
    for at in at..at + 4 {
        let kind = kube_temper::node::NodeErrorKind::NoSpace;
        let lab = Lab::faulty(&KUBEADM_1_36_2, 7, Vec::new(), Fault::Fails { at, kind });
        let before = lab.node.snapshot();
        let done = lab.run(&planned(&lab), None).unwrap();
        let Outcome::Refused { cause } = &done.outcome else { panic!("{}", done.told()) };
        assert!(cause.contains("no space left on device"), "{cause}");
        assert_eq!(left(lab.node.as_ref()), Vec::<String>::new());
        assert_eq!(before.differences(&lab.node.snapshot()), Vec::<String>::new());
    }
}

#[test]
fn a_snapshot_of_somebody_else_is_the_way_out_and_stays_where_it_is() {
    let lab = lab();
    lab.node.set_etcd_fault(Some(EtcdFault::NoGateway));
    let plan = planned(&lab);
    put(&lab.node, &saved(), 0o644);
    lab.pass(600);
    let done = lab.run(&plan, relying_on(GIVEN, &plan)).unwrap();
    assert_eq!(done.outcome, Outcome::Committed, "{}", done.told());
    assert_eq!(place(&done).unwrap().0, GIVEN);
    assert!(done.told().contains("others may read /root/etcd.db"), "{}", done.told());
    assert_eq!(lab.node.files().read(GIVEN, 1 << 20).unwrap(), saved());
    assert_eq!(left(lab.node.as_ref()), Vec::<String>::new(), "it is not copied");
}

#[test]
fn a_snapshot_that_is_old_or_none_is_refused() {
    let spoilt = |at: usize| {
        let mut bytes = saved();
        bytes[at] ^= 1;
        bytes
    };
    let short = saved()[..saved().len() - 512].to_vec();
    let bare = bolt::empty(4096, 6);
    for (bytes, minutes, why) in [
        (saved(), 16, "must not be older than 15 minutes"),
        (spoilt(20_000), 0, "the digest at its end"),
        (spoilt(24_580), 0, "the digest at its end"),
        (spoilt(20), 0, "its first page"),
        (short, 0, "24064 bytes are there, its pages are 24576"),
        (bare, 0, "no pages with a digest behind them"),
        (Vec::new(), 0, "no pages with a digest behind them"),
    ] {
        let lab = lab();
        let plan = planned(&lab);
        put(&lab.node, &bytes, 0o600);
        lab.pass(minutes * 60);
        let order = relying_on(GIVEN, &plan).unwrap();
        let site = Site { node: lab.node.as_ref(), cluster: Some(lab.cluster.as_ref()) };
        let dry = apply::check(site, &plan, order.clone()).unwrap_err().to_string();
        assert!(dry.contains(why), "{dry}");
        let done = lab.run(&plan, Some(order)).unwrap();
        let Outcome::Refused { cause } = &done.outcome else { panic!("{}", done.told()) };
        assert!(cause.contains(why) && cause.contains(GIVEN), "{cause}");
    }
    let lab = lab();
    let plan = planned(&lab);
    let done = lab.run(&plan, relying_on("/root/nothing.db", &plan)).unwrap();
    assert!(done.told().contains("no such file"), "{}", done.told());
    // Past the simulation: nobody knows when.
    lab.node.tree().put_file(GIVEN, 0o600, saved());
    let done = lab.run(&plan, relying_on(GIVEN, &plan)).unwrap();
    assert!(done.told().contains("when it was made is not known"), "{}", done.told());
}

#[test]
fn a_dry_run_refuses_what_could_not_be_saved() {
    for (fault, why) in [
        (EtcdFault::NoGateway, "--enable-grpc-gateway=true"),
        (EtcdFault::Alarm, "NOSPACE"),
        (EtcdFault::Huge, "are to stay free"),
    ] {
        let lab = lab();
        lab.node.set_etcd_fault(Some(fault));
        let plan = planned(&lab);
        let order = Order { allow_single: true, ..Order::from(purpose(&plan)) };
        let site = Site { node: lab.node.as_ref(), cluster: Some(lab.cluster.as_ref()) };
        let refusal = apply::check(site, &plan, order).unwrap_err().to_string();
        assert!(refusal.contains(why), "{refusal}");
    }
}

/// R4 that restarts nothing: the owner of the data.
#[test]
fn whatever_touches_data_or_quorum_needs_one() {
    let lab = lab();
    let meta = |uid| FileMeta { mode: 0o700, uid, gid: 0, xattrs: BTreeMap::new() };
    let owner = Change {
        path: "/var/lib/etcd".to_owned(),
        named: None,
        edits: vec![edit("1.1.12", kube_temper::model::Edit::Owner { uid: 997, gid: 0 })],
        kind: ChangeKind::Metadata { before: meta(0), after: meta(997) },
    };
    let mut touching = step(StepTarget::Metadata, vec![owner]);
    touching.tier = Tier::R4;
    let plan = plan(vec![touching]);
    let done = lab.run(&plan, None).unwrap();
    assert_eq!(done.outcome, Outcome::Committed, "{}", done.told());
    assert!(place(&done).is_some(), "{}", done.told());
}

#[test]
fn what_touches_data_or_quorum_is_done_alone() {
    let lab = lab();
    let mut both = flag(&lab.node, Component::KubeScheduler, "profiling", "false");
    let etcd = planned(&lab);
    both.steps.extend(etcd.steps);
    both.steps[1].tier = Tier::R4;
    both.controls.push(kube_temper::model::change::PlannedControl {
        control: "2.3".parse().unwrap(),
        tier: Tier::R4,
        ..both.controls[0].clone()
    });
    let refusal = lab.run(&both, None).err().unwrap().to_string();
    assert!(refusal.contains("2.3 (R4) touches data or quorum: that is done alone"), "{refusal}");
}

#[test]
fn a_roll_back_of_etcd_takes_one_too() {
    let lab = lab();
    lab.run(&planned(&lab), None).unwrap();
    lab.pass(700);
    let undo = rollback::plan(lab.node.as_ref(), &Which::Last).unwrap();
    let done = lab.run(&undo.plan, None).unwrap();
    assert_eq!(done.outcome, Outcome::Committed, "{}", done.told());
    assert!(place(&done).is_some(), "{}", done.told());
}

#[test]
fn whoever_is_stuck_with_etcd_reads_how_the_data_comes_back() {
    let breaks = vec![(When::Applied(70), deed("breaks etcd"))];
    let lab = Lab::new(&KUBEADM_1_36_2, 7, breaks);
    let done = lab.run(&planned(&lab), None).unwrap();
    let Outcome::Stuck { by_hand, .. } = &done.outcome else { panic!("{}", done.told()) };
    let file = format!("/var/lib/kube-temper/transactions/{}/etcd-snapshot.db", lab.id());
    let peer = "https://10.77.0.10:2380";
    let [restart, only, stop, _, aside, restore, members, start, _] = &by_hand[..] else {
        panic!("{by_hand:#?}")
    };
    assert_eq!(restart, "systemctl restart kubelet");
    assert!(only.starts_with("# ONLY when etcd's data is damaged"), "{only}");
    let [api, etcd] = [manifest(Component::KubeApiserver), manifest(Component::Etcd)];
    assert_eq!(stop, &format!("# mv {api} {etcd} /etc/kubernetes/"));
    assert_eq!(aside, "# mv /var/lib/etcd /var/lib/etcd.damaged");
    let command = format!(
        "# etcdutl snapshot restore {file} --data-dir /var/lib/etcd --name cp1 --initial-cluster cp1={peer} --initial-advertise-peer-urls {peer}"
    );
    assert_eq!(restore, &command);
    assert!(members.contains("with more members"), "{members}");
    assert_eq!(
        start,
        "# mv /etc/kubernetes/kube-apiserver.yaml /etc/kubernetes/etcd.yaml /etc/kubernetes/manifests/"
    );
    let runs: Vec<&String> = by_hand.iter().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(runs, [restart], "a paste of all lines does not take the cluster back");
    // A later recovery reads it from the journal.
    lab.pass(20);
    let again = recover(&lab.node.another_process()).unwrap();
    let [(_, Outcome::Stuck { by_hand: again, .. })] = &again[..] else { panic!("{again:?}") };
    assert!(again.contains(&command), "{again:#?}");
}
