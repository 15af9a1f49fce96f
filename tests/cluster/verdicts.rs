//! The recorded cluster judged: every planted fault is found, nothing of kubeadm's own is, all is approved.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use kube_temper::{
    catalog::Catalog,
    check::{check_with, cluster::Cluster},
    model::{
        BenchmarkId, Danger, Finding, NodeFacts, Report, Status,
        cluster::{ClusterFacts, ClusterReading, Resource, Unread},
        facts::{Login, Parsed},
    },
    node::{NodeKind, collect::collect, memory::FixedNode, recording::KUBEADM_1_36_2},
};

use serde_json::{Value, json};

use super::RECORDED;

pub fn facts() -> ClusterFacts {
    RECORDED.read(&Resource::ALL.into()).unwrap()
}

/// The recorded node and this cluster under the newest benchmark.
pub fn judged(reading: &ClusterReading) -> Report {
    judged_with(reading, |_| {})
}

fn judged_with(reading: &ClusterReading, change: impl FnOnce(&mut NodeFacts)) -> Report {
    let catalog = Catalog::embedded().unwrap();
    let files = Arc::new(KUBEADM_1_36_2.files().unwrap());
    let node = FixedNode::new(files).of_kind(NodeKind::Simulated);
    let mut node = collect(&node, catalog.path_candidates()).unwrap();
    change(&mut node);
    let cluster = Cluster { reading, known: catalog.known_cluster() };
    let benchmark = BenchmarkId::Cis2_1;
    check_with(benchmark, Vec::new(), &catalog.controls(benchmark), &node, Some(cluster))
}

fn of(facts: ClusterFacts) -> Report {
    judged(&ClusterReading::Read(Box::new(facts)))
}

fn finding<'r>(report: &'r Report, id: &str) -> &'r Finding {
    report.finding(&id.parse().unwrap()).unwrap()
}

/// Controls that the cluster decides or has something to show for.
fn of_cluster(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| {
        let id = finding.control.as_str();
        id.starts_with(['5']) || id.starts_with("3.1") || id.starts_with("4.3") || id == "1.2.3"
    })
}

#[test]
fn the_verdicts_on_the_recorded_cluster_are_the_approved_ones() {
    let mut text = String::new();
    for finding in of_cluster(&of(facts())) {
        writeln!(text, "{:<8} {:<6} {}", finding.control, finding.status, finding.reason).unwrap();
        for object in &finding.objects {
            let (danger, wrong) =
                (format!("{:?}", object.danger), if object.wrong { "wrong" } else { "look" });
            let path = if object.path.is_empty() { "" } else { " " };
            writeln!(
                text,
                "         {danger:<6} {wrong:<5} {}{path}{}: {}",
                object.object, object.path, object.value
            )
            .unwrap();
            if !object.who.is_empty() {
                writeln!(text, "                      {}", object.who.join(" → ")).unwrap();
            }
        }
    }
    insta::with_settings!({
        snapshot_path => "../../snapshots/reports",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("cluster-1.36.2", text);
    });
}

/// Control, object, and a word of its path or value, for every fault of `workloads.yaml`.
const PLANTED: &[(&str, &str, &str)] = &[
    ("5.1.1", "clusterrolebinding/ci-is-god", "serviceaccount legacy/ci"),
    ("5.1.1", "clusterrolebinding/ops-wildcard", "group ops"),
    ("5.1.2", "rolebinding/shop/shop-reads-secrets", "get, list, watch secrets in namespace shop"),
    ("5.1.2", "clusterrolebinding/ops-wildcard", "do everything"),
    ("5.1.2", "clusterrole/unbound-wildcard", "bound to nobody"),
    ("5.1.3", "clusterrole/wildcard-everything", "* in apiGroups, resources, verbs"),
    ("5.1.3", "clusterrole/unbound-wildcard", "bound to nobody"),
    ("5.1.4", "rolebinding/legacy/default-makes-pods", "create pods in namespace legacy"),
    ("5.1.5", "rolebinding/legacy/default-makes-pods", "serviceaccount legacy/default"),
    ("5.1.5", "serviceaccount/shop/default", "used by deployment/shop/web"),
    ("5.1.6", "deployment/shop/web", "nothing needs its token"),
    ("5.1.6", "pod/legacy/privileged", "does it call the API?"),
    ("5.1.8", "clusterrolebinding/alice-escalates", "bind, escalate clusterroles"),
    ("5.1.8", "clusterrolebinding/alice-escalates", "impersonate users, groups"),
    ("5.1.9", "clusterrolebinding/alice-escalates", "create persistentvolumes"),
    ("5.1.10", "clusterrolebinding/alice-escalates", "get nodes/proxy"),
    ("5.1.11", "clusterrolebinding/alice-escalates", "update certificatesigningrequests/approval"),
    ("5.1.12", "clusterrolebinding/alice-escalates", "create, update validatingwebhook"),
    ("5.1.13", "clusterrolebinding/alice-escalates", "create serviceaccounts/token"),
    ("5.1.14", "clusterrolebinding/alice-escalates", "get nodes/proxy"),
    ("5.2.1", "namespace/legacy", "not set; 1 pod of users"),
    ("5.2.1", "namespace/default", "not set; 1 pod of users"),
    ("5.2.2", "pod/legacy/privileged", "spec.containers[c].securityContext.privileged true"),
    ("5.2.3", "pod/legacy/privileged", "spec.hostPID true"),
    ("5.2.4", "pod/legacy/privileged", "spec.hostIPC true"),
    ("5.2.5", "pod/legacy/privileged", "spec.hostNetwork true"),
    (
        "5.2.6",
        "deployment/shop/web",
        "spec.initContainers[i].securityContext.allowPrivilegeEscalation true",
    ),
    (
        "5.2.6",
        "deployment/shop/web",
        "spec.containers[c].securityContext.allowPrivilegeEscalation not set",
    ),
    ("5.2.7", "pod/legacy/privileged", "runAsUser 0"),
    ("5.2.8", "pod/legacy/privileged", "NET_RAW is added"),
    ("5.2.9", "pod/legacy/privileged", "SYS_ADMIN, NET_RAW added"),
    ("5.2.11", "pod/legacy/privileged", "spec.volumes[h].hostPath.path /"),
    ("5.2.12", "pod/legacy/privileged", "hostPort 80"),
    ("5.3.1", "/etc/cni/net.d/10-bridge.conflist", "does not enforce"),
    ("5.3.2", "namespace/legacy", "no NetworkPolicy"),
    ("5.3.2", "namespace/shop", "no NetworkPolicy"),
    ("5.4.1", "pod/legacy/privileged", "PW from Secret db"),
    ("5.4.1", "deployment/shop/web", "everything in Secret db"),
    ("5.6.2", "pod/default/plain", "seccompProfile not set"),
    ("5.6.3", "pod/default/plain", "none at all"),
    ("5.6.4", "pod/default/plain", "default"),
    ("1.2.3", "service/shop/outside", "203.0.113.7"),
    ("3.1.3", "secret/kube-system/bootstrap-token-rz90jq", "bootstrap token"),
];

#[test]
fn every_planted_fault_is_found_in_its_place() {
    let report = of(facts());
    for (id, object, words) in PLANTED {
        let finding = finding(&report, id);
        let found = finding.objects.iter().any(|seen| {
            let seen_words = format!("{} {}", seen.path, seen.value);
            seen.object == *object && seen_words.contains(words)
        });
        assert!(found, "{id}: {object}: {words}\n{:#?}", finding.objects);
        assert_ne!(finding.status, Status::Pass, "{id}");
    }
}

#[test]
fn nothing_that_kubeadm_or_the_api_server_makes_is_reported_as_the_users() {
    let report = of(facts());
    for finding in of_cluster(&report).filter(|finding| finding.control.as_str() != "3.1.3") {
        for object in &finding.objects {
            let own = ["kube-system", "kubeadm:", "system:", "kube-public", "kube-node-lease"];
            let told = own.iter().any(|own| object.object.contains(own));
            assert!(!told, "{}: {object:#?}", finding.control);
        }
    }
}

#[test]
fn a_pod_that_does_everything_right_is_found_nowhere_but_in_lists_for_a_person() {
    let report = of(facts());
    for finding in of_cluster(&report) {
        let wrong = finding.objects.iter().filter(|object| object.object == "pod/locked/good");
        let wrong: Vec<_> = wrong.filter(|object| object.wrong).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[test]
fn a_bare_cluster_of_kubeadm_has_nothing_of_the_users() {
    let mut bare = facts();
    let users = ["default", "legacy", "locked", "shop"];
    bare.pods.retain(|pod| !users.contains(&pod.metadata.namespace.as_str()));
    bare.deployments.retain(|it| !users.contains(&it.metadata.namespace.as_str()));
    bare.namespaces.retain(|namespace| !users[1..].contains(&namespace.metadata.name.as_str()));
    bare.cluster_role_bindings.retain(|it| {
        !["alice-escalates", "ci-is-god", "ops-wildcard"].contains(&it.metadata.name.as_str())
    });
    bare.cluster_roles.retain(|role| {
        let planted = ["escalator", "secret-reader", "unbound-wildcard", "wildcard-everything"];
        !planted.contains(&role.metadata.name.as_str())
    });
    bare.role_bindings.retain(|it| !users.contains(&it.metadata.namespace.as_str()));
    bare.roles.retain(|it| !users.contains(&it.metadata.namespace.as_str()));
    let report = of(bare);
    let passing: Vec<&str> = of_cluster(&report)
        .filter(|finding| finding.status == Status::Pass)
        .map(|finding| finding.control.as_str())
        .collect();
    // Of kubeadm's own these two leave something to a person: default accounts, and super-admin.conf.
    for id in (1..=14)
        .filter(|it| ![5, 7].contains(it))
        .map(|it| format!("5.1.{it}"))
        .chain((1..=13).map(|it| format!("5.2.{it}")))
    {
        assert!(passing.contains(&id.as_str()), "{id}: {:#?}", finding(&report, &id));
    }
}

#[test]
fn what_has_no_pods_now_is_judged_by_its_template() {
    let template = json!({ "spec": {
        "serviceAccountName": "default",
        "containers": [{ "name": "c", "securityContext": { "privileged": true } }],
    } });
    let metadata = json!({ "name": "asleep", "namespace": "legacy" });
    let maker = json!({ "metadata": metadata, "spec": { "template": template } });
    let cron_job = json!({
        "metadata": metadata, "spec": { "jobTemplate": { "spec": { "template": template } } },
    });
    let makers = || vec![serde_json::from_value(maker.clone()).unwrap()];
    type Add<'a> = &'a dyn Fn(&mut ClusterFacts);
    let cases: [(&str, Add<'_>); 4] = [
        ("deployment", &|facts| facts.deployments.extend(makers())),
        ("statefulset", &|facts| facts.stateful_sets.extend(makers())),
        ("daemonset", &|facts| facts.daemon_sets.extend(makers())),
        ("cronjob", &|facts| {
            facts.cron_jobs.push(serde_json::from_value(cron_job.clone()).unwrap());
        }),
    ];
    for (kind, add) in cases {
        let mut cluster = facts();
        add(&mut cluster);
        let report = of(cluster);
        let name = format!("{kind}/legacy/asleep");
        for id in ["5.1.6", "5.2.2", "5.2.7"] {
            let found = &finding(&report, id).objects;
            assert_eq!(found.iter().filter(|it| it.object == name).count(), 1, "{id} {name}");
        }
        let open = finding(&report, "5.2.1");
        let legacy = open.objects.iter().find(|it| it.object == "namespace/legacy").unwrap();
        assert_eq!(legacy.value, "not set; 1 pod of users, 1 workload without pods");
    }
    // Whoever has pods is judged by them, and once.
    let web = |pods: bool| {
        let mut cluster = facts();
        assert!(cluster.deployments.iter().any(|it| it.metadata.name == "web"));
        cluster.pods.retain(|pod| pods || !pod.metadata.name.starts_with("web-"));
        let report = of(cluster);
        let found = finding(&report, "5.2.6").objects.iter();
        found.filter(|it| it.object == "deployment/shop/web").cloned().collect::<Vec<_>>()
    };
    assert_eq!(web(true).len(), 2);
    assert_eq!(web(true), web(false));
}

/// What 5.1.7 says of this node, with these kubeconfigs changed.
fn logins(change: impl FnOnce(&mut BTreeMap<String, Parsed<Login>>)) -> Finding {
    let reading = ClusterReading::Read(Box::new(facts()));
    let report = judged_with(&reading, |node| change(&mut node.logins));
    finding(&report, "5.1.7").clone()
}

#[test]
fn whoever_logs_in_as_system_masters_is_found_in_the_kubeconfigs_of_the_node() {
    const ADMIN: &str = "/etc/kubernetes/admin.conf";
    let fresh = logins(|_| {});
    let found: Vec<(&str, Danger, bool)> =
        fresh.objects.iter().map(|it| (it.object.as_str(), it.danger, it.wrong)).collect();
    assert_eq!(found, [("/etc/kubernetes/super-admin.conf", Danger::Medium, false)]);
    assert_eq!(fresh.status, Status::Manual);
    let value = "the certificate of CN=kubernetes-super-admin,O=system:masters, until 2027-11-";
    assert!(fresh.objects[0].value.starts_with(value), "{}", fresh.objects[0].value);

    let old = logins(|logins| {
        let emergency = logins["/etc/kubernetes/super-admin.conf"].clone();
        logins.insert(ADMIN.to_owned(), emergency);
    });
    assert_eq!((old.status, old.objects[0].object.as_str()), (Status::Fail, ADMIN));
    assert!(old.objects[0].wrong && old.objects[0].danger == Danger::High);

    let gone = logins(|logins| drop(logins.remove("/etc/kubernetes/super-admin.conf")));
    assert_eq!(gone.status, Status::Pass, "{}", gone.reason);
    assert!(gone.reason.contains("no kubeconfig of this node names system:masters"));

    let closed = logins(|logins| {
        logins.clear();
        logins.insert(ADMIN.to_owned(), Parsed::Broken { why: "permission denied".to_owned() });
    });
    assert_eq!(closed.status, Status::Manual);
    assert!(closed.reason.ends_with("admin.conf was not looked into: permission denied"));
}

/// Policy engines with their webhook, and the API group that they bring.
const ENGINES: [(&str, &str, &str); 4] = [
    ("Kyverno", "kyverno-resource-validating-webhook-cfg", "kyverno.io"),
    ("Gatekeeper", "gatekeeper-validating-webhook-configuration", "templates.gatekeeper.sh"),
    ("Kubewarden", "clusterwide-no-privileged", "policies.kubewarden.io"),
    ("jsPolicy", "jspolicy", "policy.jspolicy.com"),
];

/// A webhook or policy that sees these resources when somebody does this with them.
fn rules(resource: &str, operation: &str) -> Value {
    json!([{ "apiGroups": ["", "apps"], "resources": [resource], "operations": [operation] }])
}

#[test]
fn policy_engines_are_recognised_by_a_webhook_that_sees_pods() {
    for (engine, webhook, group) in ENGINES {
        for (name, group, resource, operation, known) in [
            (webhook, group, "pods", "CREATE", true),
            (webhook, group, "*", "*", true),
            (webhook, group, "configmaps", "CREATE", false),
            (webhook, group, "pods", "DELETE", false),
            (webhook, "example.com", "pods", "CREATE", false),
            ("somebody-elses", group, "pods", "CREATE", false),
        ] {
            let mut cluster = facts();
            cluster.api_groups.insert(group.to_owned());
            let configuration = json!({
                "metadata": { "name": name }, "webhooks": [{ "rules": rules(resource, operation) }],
            });
            cluster.validating_webhooks = vec![serde_json::from_value(configuration).unwrap()];
            let report = of(cluster);
            let found = finding(&report, "5.2.1");
            let said = found.reason.contains(&format!("{engine} may limit pods too"));
            assert_eq!(said, known, "{name} {group} {resource} {operation}: {}", found.reason);
            // What its policies say is not read: a person judges.
            assert_eq!(found.status, if known { Status::Manual } else { Status::Fail });
        }
    }
}

#[test]
fn an_admission_policy_counts_when_it_is_bound_and_denies() {
    for (resource, bound_to, action, counts) in [
        ("pods", "strict", "Deny", true),
        ("pods", "strict", "Warn", false),
        ("pods", "other", "Deny", false),
        ("services", "strict", "Deny", false),
    ] {
        let mut cluster = facts();
        let policy = json!({
            "metadata": { "name": "strict" },
            "spec": { "matchConstraints": { "resourceRules": rules(resource, "CREATE") } },
        });
        let binding = json!({
            "metadata": { "name": "b" },
            "spec": { "policyName": bound_to, "validationActions": [action] },
        });
        cluster.validating_policies = vec![serde_json::from_value(policy).unwrap()];
        cluster.validating_policy_bindings = vec![serde_json::from_value(binding).unwrap()];
        let report = of(cluster);
        let found = finding(&report, "5.2.1");
        let said = found.reason.contains("ValidatingAdmissionPolicy strict may limit pods too");
        assert_eq!(said, counts, "{resource} {bound_to} {action}: {}", found.reason);
        assert_eq!(found.status, if counts { Status::Manual } else { Status::Fail });
    }
}

#[test]
fn what_was_not_read_is_no_verdict() {
    let mut partial = facts();
    let why = "these credentials may not list pods".to_owned();
    partial.unread.insert(Resource::Pods, Unread::NoAccess { why });
    let why = "list services: the API server answers 500".to_owned();
    partial.unread.insert(Resource::Services, Unread::Broken { why });
    let report = of(partial);
    let privileged = finding(&report, "5.2.2");
    assert_eq!(privileged.status, Status::Manual);
    let begins = "needs API access (these credentials may not list pods): ";
    assert!(privileged.reason.starts_with(begins), "{}", privileged.reason);
    assert!(privileged.objects.is_empty());
    let default = finding(&report, "5.6.4");
    assert_eq!(default.status, Status::Error);
    assert_eq!(default.reason, "list services: the API server answers 500");
    assert_eq!(finding(&report, "5.1.3").status, Status::Fail, "roles were read");

    let why = "the API server does not answer: connection refused".to_owned();
    let report = judged(&ClusterReading::NoAccess { why });
    let silent = finding(&report, "5.1.1");
    assert_eq!(silent.status, Status::Manual);
    let begins = "needs API access (the API server does not answer: connection refused): ";
    assert!(silent.reason.starts_with(begins), "{}", silent.reason);
}
