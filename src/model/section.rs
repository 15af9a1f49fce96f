//! Titles of the benchmark's sections, in our own words.

/// Number and title of every section, and of our own findings.
pub const SECTIONS: [(&str, &str); 17] = [
    ("1.1", "Control plane files"),
    ("1.2", "API server"),
    ("1.3", "Controller manager"),
    ("1.4", "Scheduler"),
    ("2", "etcd"),
    ("3.1", "Authentication and authorization of people"),
    ("3.2", "Audit logging"),
    ("4.1", "Worker node files"),
    ("4.2", "Kubelet"),
    ("4.3", "kube-proxy"),
    ("5.1", "RBAC and service accounts"),
    ("5.2", "Pod security"),
    ("5.3", "Network policies"),
    ("5.4", "Secrets"),
    ("5.5", "Admission of images"),
    ("5.6", "General policies"),
    ("KT", "Found by kube-temper, outside the benchmark"),
];

/// The title of a section (`1.2`, `2`, `KT`); sections older benchmarks number differently keep only their number.
pub fn title(section: &str) -> &'static str {
    match section {
        "5.7" => title("5.6"),
        _ => SECTIONS.iter().find(|(number, _)| *number == section).map_or("", |(_, title)| title),
    }
}
