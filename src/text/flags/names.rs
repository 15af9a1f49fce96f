//! Names of the flags the components have (Kubernetes 1.32 to 1.36, etcd 3.5 and 3.6), and which of them
//! are boolean. Names are separated by white space.

use crate::model::Component;

/// What a flag without `=` does with the argument after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It leaves it alone.
    Boolean,
    /// It takes it as its value, whatever it looks like.
    Valued,
    /// A name that is not in these lists: of a newer or much older version, or a mistake.
    Unknown,
}

/// The kind of a flag. A name is of one kind in all components that have it.
pub(super) fn kind(name: &str) -> Kind {
    let name = name.replace('_', "-");
    let in_list = |list: &str| list.split_ascii_whitespace().any(|known| known == name);
    if in_list(BOOLEANS) {
        Kind::Boolean
    } else if in_list(COMMON)
        || in_list(OLDER)
        || Component::ALL.into_iter().any(|c| in_list(own(c)))
    {
        Kind::Valued
    } else {
        Kind::Unknown
    }
}

/// Every flag of a component of a current version.
pub fn of(component: Component) -> impl Iterator<Item = &'static str> {
    own(component).split_ascii_whitespace().chain(COMMON.split_ascii_whitespace())
}

const fn own(component: Component) -> &'static str {
    match component {
        Component::KubeApiserver => APISERVER,
        Component::KubeControllerManager => CONTROLLER_MANAGER,
        Component::KubeScheduler => SCHEDULER,
        Component::Etcd => ETCD,
        Component::Kubelet => KUBELET,
        Component::KubeProxy => KUBE_PROXY,
    }
}

/// Boolean flags of all components and of the versions since 1.25, sorted; `--version` is one too.
const BOOLEANS: &str = "
add-dir-header aggregator-reject-forwarding-redirects allocate-node-cidrs allow-privileged
allow-untagged-cloud alsologtostderr anonymous-auth audit-log-batch-throttle-enable
audit-log-compress audit-log-truncate-enabled audit-webhook-batch-throttle-enable
audit-webhook-truncate-enabled authentication-skip-lookup authentication-token-webhook
authentication-tolerate-lookup-failure auto-tls bind-address-hard-fail cgroups-per-qos cleanup
cleanup-ipvs client-cert-auth compact-hash-check-enabled configure-cloud-routes
conntrack-tcp-be-liberal contention-profiling cpu-cfs-quota debug
disable-attach-detach-reconcile-sync disable-force-detach-on-timeout disable-http2-serving
discovery-insecure-skip-tls-verify discovery-insecure-transport emulation-forward-compatible
enable-aggregator-routing enable-bootstrap-token-auth enable-controller-attach-detach
enable-debugging-handlers enable-distributed-tracing enable-dynamic-provisioning
enable-garbage-collector enable-grpc-gateway enable-hostpath-provisioner enable-leader-migration
enable-load-reader enable-log-rotation enable-logs-handler enable-pprof
enable-priority-and-fairness enable-server enable-taint-manager enable-v2
encryption-provider-config-automatic-reload exit-on-lock-contention
experimental-allocatable-ignore-eviction experimental-compact-hash-check-enabled
experimental-enable-distributed-tracing experimental-enable-lease-checkpoint
experimental-enable-lease-checkpoint-persist experimental-initial-corrupt-check
experimental-memory-mlock experimental-peer-skip-client-san-verification
experimental-stop-grpc-service-on-defrag experimental-txn-mode-write-with-shared-buffer
fail-cgroupv1 fail-swap-on force-new-cluster help init-only initial-election-tick-advance
insecure-skip-tls-verify iptables-localhost-nodeports ipvs-strict-arp keep-terminated-pod-volumes
kernel-memcg-notification kubelet-https leader-elect local-storage-capacity-isolation
log-cadvisor-usage log-flush-on-exit log-json-split-stream log-text-split-stream logtostderr
make-iptables-util-chains masquerade-all memory-mlock one-output peer-auto-tls
peer-client-cert-auth peer-skip-client-san-verification permit-address-sharing permit-port-sharing
pre-vote profiling protect-kernel-defaults really-crash-for-testing register-node
register-schedulable rotate-certificates rotate-server-certificates runonce
runtime-config-emulation-forward-compatible seccomp-default serialize-image-pulls
service-account-extend-token-expiration service-account-lookup shutdown-send-retry-after
skip-headers skip-log-headers socket-reuse-address socket-reuse-port storage-driver-secure
strict-reconfig-check unsafe-no-fsync use-service-account-credentials version watch-cache
";

/// Flags with a value that current versions have no more.
const OLDER: &str = "
basic-auth-file cluster-signing-experimental-duration cni-bin-dir cni-cache-dir cni-conf-dir
container-runtime deployment-controller-sync-period docker-endpoint dynamic-config-dir
experimental-bootstrap-kubeconfig experimental-encryption-provider-config image-pull-progress-deadline
insecure-bind-address insecure-port keystone-url kubelet-cluster-domain log-backtrace-at log-dir
log-file log-file-max-size network-plugin network-plugin-mtu pod-eviction-timeout policy-config-file
register-retry-count stderrthreshold target-ram-mb udp-timeout
";

/// Flags every Kubernetes component has.
const COMMON: &str = "
feature-gates help log-flush-frequency log-json-info-buffer-size log-json-split-stream
log-text-info-buffer-size log-text-split-stream logging-format v version vmodule
contention-profiling profiling emulated-version emulation-forward-compatible
min-compatibility-version runtime-config-emulation-forward-compatible
tls-cert-file tls-cipher-suites tls-min-version tls-private-key-file tls-sni-cert-key
tls-curve-preferences
";

const APISERVER: &str = "
admission-control admission-control-config-file advertise-address aggregator-reject-forwarding-redirects
allow-metric-labels allow-metric-labels-manifest allow-privileged anonymous-auth api-audiences
audit-log-batch-buffer-size audit-log-batch-max-size audit-log-batch-max-wait
audit-log-batch-throttle-burst audit-log-batch-throttle-enable audit-log-batch-throttle-qps
audit-log-compress audit-log-format audit-log-maxage audit-log-maxbackup audit-log-maxsize
audit-log-mode audit-log-path audit-log-truncate-enabled audit-log-truncate-max-batch-size
audit-log-truncate-max-event-size audit-log-version audit-policy-file audit-webhook-batch-buffer-size
audit-webhook-batch-max-size audit-webhook-batch-max-wait audit-webhook-batch-throttle-burst
audit-webhook-batch-throttle-enable audit-webhook-batch-throttle-qps audit-webhook-config-file
audit-webhook-initial-backoff audit-webhook-mode audit-webhook-truncate-enabled
audit-webhook-truncate-max-batch-size audit-webhook-truncate-max-event-size audit-webhook-version
authentication-config authentication-token-webhook-cache-ttl authentication-token-webhook-config-file
authentication-token-webhook-version authorization-config authorization-mode authorization-policy-file
authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl
authorization-webhook-config-file authorization-webhook-version bind-address cert-dir client-ca-file
coordinated-leadership-lease-duration coordinated-leadership-renew-deadline
coordinated-leadership-retry-period cors-allowed-origins debug-socket-path
default-not-ready-toleration-seconds default-unreachable-toleration-seconds default-watch-cache-size
delete-collection-workers disable-admission-plugins disable-http2-serving disabled-metrics egress-selector-config-file
enable-admission-plugins enable-aggregator-routing enable-bootstrap-token-auth enable-garbage-collector
enable-logs-handler enable-priority-and-fairness encryption-provider-config
encryption-provider-config-automatic-reload endpoint-reconciler-type etcd-cafile etcd-certfile
etcd-compaction-interval etcd-count-metric-poll-period etcd-db-metric-poll-interval
etcd-healthcheck-timeout etcd-keyfile etcd-prefix etcd-readycheck-timeout etcd-servers
etcd-servers-overrides event-ttl external-hostname goaway-chance http2-max-streams-per-connection
identity-lease-duration-seconds identity-lease-renew-interval-seconds kubelet-certificate-authority
kubelet-client-certificate kubelet-client-key kubelet-port kubelet-preferred-address-types
kubelet-read-only-port kubelet-timeout kubernetes-service-node-port lease-reuse-duration-seconds
livez-grace-period max-connection-bytes-per-sec max-mutating-requests-inflight max-requests-inflight
min-request-timeout oidc-ca-file oidc-client-id oidc-groups-claim oidc-groups-prefix oidc-issuer-url
oidc-required-claim oidc-signing-algs oidc-username-claim oidc-username-prefix
peer-advertise-ip peer-advertise-port peer-ca-file permit-address-sharing permit-port-sharing
proxy-client-cert-file proxy-client-key-file request-timeout requestheader-allowed-names
requestheader-client-ca-file requestheader-extra-headers-prefix requestheader-group-headers
requestheader-uid-headers requestheader-username-headers runtime-config secure-port
service-account-extend-token-expiration service-account-issuer service-account-jwks-uri
service-account-key-file service-account-lookup service-account-max-token-expiration
service-account-signing-endpoint service-account-signing-key-file service-cluster-ip-range
service-node-port-range show-hidden-metrics-for-version shutdown-delay-duration
shutdown-send-retry-after shutdown-watch-termination-grace-period storage-backend
storage-initialization-timeout storage-media-type strict-transport-security-directives
token-auth-file tracing-config-file watch-cache watch-cache-sizes
";

const CONTROLLER_MANAGER: &str = "
allocate-node-cidrs allow-metric-labels allow-metric-labels-manifest allow-untagged-cloud
attach-detach-reconcile-sync-period authentication-kubeconfig authentication-skip-lookup
authentication-token-webhook-cache-ttl authentication-tolerate-lookup-failure
authorization-always-allow-paths authorization-kubeconfig authorization-webhook-cache-authorized-ttl
authorization-webhook-cache-unauthorized-ttl bind-address cert-dir cidr-allocator-type client-ca-file
cloud-config cloud-provider cloud-provider-gce-lb-src-cidrs cluster-cidr cluster-name
cluster-signing-cert-file cluster-signing-duration cluster-signing-key-file
cluster-signing-kube-apiserver-client-cert-file cluster-signing-kube-apiserver-client-key-file
cluster-signing-kubelet-client-cert-file cluster-signing-kubelet-client-key-file
cluster-signing-kubelet-serving-cert-file cluster-signing-kubelet-serving-key-file
cluster-signing-legacy-unknown-cert-file cluster-signing-legacy-unknown-key-file
concurrent-cron-job-syncs concurrent-daemonset-syncs concurrent-deployment-syncs
concurrent-device-taint-eviction-syncs concurrent-endpoint-syncs concurrent-ephemeralvolume-syncs
concurrent-gc-syncs concurrent-horizontal-pod-autoscaler-syncs concurrent-job-syncs
concurrent-namespace-syncs concurrent-rc-syncs concurrent-replicaset-syncs concurrent-resource-claim-syncs
concurrent-resource-quota-syncs concurrent-service-endpoint-syncs concurrent-service-syncs
concurrent-serviceaccount-token-syncs concurrent-statefulset-syncs concurrent-ttl-after-finished-syncs
concurrent-validating-admission-policy-status-syncs configure-cloud-routes controller-start-interval
controllers disable-attach-detach-reconcile-sync disable-force-detach-on-timeout disable-http2-serving
disabled-metrics enable-dynamic-provisioning enable-garbage-collector enable-hostpath-provisioner
enable-leader-migration endpoint-updates-batch-period endpointslice-updates-batch-period
external-cloud-volume-plugin flex-volume-plugin-dir
horizontal-pod-autoscaler-cpu-initialization-period horizontal-pod-autoscaler-downscale-stabilization
horizontal-pod-autoscaler-initial-readiness-delay horizontal-pod-autoscaler-sync-period
horizontal-pod-autoscaler-tolerance http2-max-streams-per-connection kube-api-burst
kube-api-content-type kube-api-qps kubeconfig large-cluster-size-threshold leader-elect
leader-elect-lease-duration leader-elect-renew-deadline leader-elect-resource-lock
leader-elect-resource-name leader-elect-resource-namespace leader-elect-retry-period
leader-migration-config legacy-service-account-token-clean-up-period master max-endpoints-per-slice
min-resync-period mirroring-concurrent-service-endpoint-syncs mirroring-endpointslice-updates-batch-period
mirroring-max-endpoints-per-subset namespace-sync-period node-cidr-mask-size node-cidr-mask-size-ipv4
node-cidr-mask-size-ipv6 node-eviction-rate node-monitor-grace-period node-monitor-period
node-startup-grace-period node-sync-period permit-address-sharing permit-port-sharing
pv-recycler-increment-timeout-nfs pv-recycler-minimum-timeout-hostpath pv-recycler-minimum-timeout-nfs
pv-recycler-pod-template-filepath-hostpath pv-recycler-pod-template-filepath-nfs
pv-recycler-timeout-increment-hostpath pvclaimbinder-sync-period requestheader-allowed-names
requestheader-client-ca-file requestheader-extra-headers-prefix requestheader-group-headers
requestheader-uid-headers requestheader-username-headers resource-quota-sync-period root-ca-file
route-reconciliation-period secondary-node-eviction-rate secure-port service-account-private-key-file
service-cluster-ip-range show-hidden-metrics-for-version terminated-pod-gc-threshold
unhealthy-zone-threshold use-service-account-credentials
";

const SCHEDULER: &str = "
allow-metric-labels allow-metric-labels-manifest authentication-kubeconfig authentication-skip-lookup
authentication-token-webhook-cache-ttl authentication-tolerate-lookup-failure
authorization-always-allow-paths authorization-kubeconfig authorization-webhook-cache-authorized-ttl
authorization-webhook-cache-unauthorized-ttl bind-address cert-dir client-ca-file config
disable-http2-serving disabled-metrics http2-max-streams-per-connection kube-api-burst
kube-api-content-type kube-api-qps kubeconfig leader-elect leader-elect-lease-duration
leader-elect-renew-deadline leader-elect-resource-lock leader-elect-resource-name
leader-elect-resource-namespace leader-elect-retry-period master permit-address-sharing
permit-port-sharing pod-max-in-unschedulable-pods-duration requestheader-allowed-names
requestheader-client-ca-file requestheader-extra-headers-prefix requestheader-group-headers
requestheader-uid-headers requestheader-username-headers secure-port show-hidden-metrics-for-version
write-config-to
";

const ETCD: &str = "
advertise-client-urls auth-token auth-token-ttl auto-compaction-mode auto-compaction-retention
auto-tls backend-batch-interval backend-batch-limit bcrypt-cost cert-file cipher-suites
client-cert-allowed-hostname client-cert-auth client-crl-file compact-hash-check-enabled
compact-hash-check-time compaction-batch-limit compaction-sleep-interval config-file cors data-dir
discovery discovery-endpoints discovery-fallback discovery-proxy discovery-srv discovery-srv-name
discovery-token downgrade-check-time election-timeout enable-distributed-tracing
distributed-tracing-address distributed-tracing-instance-id distributed-tracing-sampling-rate
distributed-tracing-service-name enable-grpc-gateway enable-log-rotation enable-pprof enable-v2
experimental-bootstrap-defrag-threshold-megabytes experimental-compact-hash-check-enabled
experimental-compact-hash-check-time experimental-compaction-batch-limit
experimental-compaction-sleep-interval experimental-corrupt-check-time
experimental-distributed-tracing-address experimental-distributed-tracing-instance-id
experimental-distributed-tracing-sampling-rate experimental-distributed-tracing-service-name
experimental-downgrade-check-time experimental-enable-distributed-tracing
experimental-enable-lease-checkpoint experimental-enable-lease-checkpoint-persist
experimental-initial-corrupt-check experimental-max-learners experimental-memory-mlock
experimental-peer-skip-client-san-verification experimental-snapshot-catchup-entries
experimental-stop-grpc-service-on-defrag experimental-txn-mode-write-with-shared-buffer
experimental-warning-apply-duration experimental-warning-unary-request-duration
experimental-watch-progress-notify-interval bootstrap-defrag-threshold-megabytes corrupt-check-time
feature-gates force-new-cluster grpc-keepalive-interval grpc-keepalive-min-time
grpc-keepalive-timeout heartbeat-interval host-whitelist initial-advertise-peer-urls initial-cluster
initial-cluster-state initial-cluster-token initial-election-tick-advance key-file listen-client-http-urls
listen-client-urls listen-metrics-urls listen-peer-urls local-address log-format log-level log-outputs
log-rotation-config-json logger max-concurrent-streams max-learners max-request-bytes max-snapshots
max-txn-ops max-wals memory-mlock metrics name peer-auto-tls peer-cert-allowed-cn
peer-cert-allowed-hostname peer-cert-file peer-client-cert-auth peer-client-cert-file
peer-client-key-file peer-crl-file peer-key-file peer-skip-client-san-verification
peer-trusted-ca-file pre-vote quota-backend-bytes raft-read-timeout raft-write-timeout
self-signed-cert-validity snapshot-catchup-entries snapshot-count socket-reuse-address socket-reuse-port
strict-reconfig-check tls-max-version tls-min-version trusted-ca-file unsafe-no-fsync v2-deprecation
wal-dir warning-apply-duration warning-unary-request-duration watch-progress-notify-interval
";

const KUBELET: &str = "
address allowed-unsafe-sysctls anonymous-auth application-metrics-count-limit authentication-token-webhook
authentication-token-webhook-cache-ttl authorization-mode authorization-webhook-cache-authorized-ttl
authorization-webhook-cache-unauthorized-ttl boot-id-file bootstrap-kubeconfig cert-dir cgroup-driver
cgroup-root cgroups-per-qos client-ca-file cloud-config cloud-provider cluster-dns cluster-domain config
config-dir container-hints container-log-max-files container-log-max-size container-runtime-endpoint
containerd containerd-namespace cpu-cfs-quota cpu-cfs-quota-period cpu-manager-policy
cpu-manager-policy-options cpu-manager-reconcile-period enable-controller-attach-detach
enable-debugging-handlers enable-load-reader enable-server enforce-node-allocatable event-burst event-qps
event-storage-age-limit event-storage-event-limit eviction-hard eviction-max-pod-grace-period
eviction-minimum-reclaim eviction-pressure-transition-period eviction-soft eviction-soft-grace-period
exit-on-lock-contention experimental-allocatable-ignore-eviction experimental-mounter-path fail-cgroupv1
fail-swap-on file-check-frequency global-housekeeping-interval hairpin-mode healthz-bind-address
healthz-port hostname-override housekeeping-interval http-check-frequency image-credential-provider-bin-dir
image-credential-provider-config image-gc-high-threshold image-gc-low-threshold image-service-endpoint
kernel-memcg-notification kube-api-burst kube-api-content-type kube-api-qps kube-reserved
kube-reserved-cgroup kubeconfig kubelet-cgroups local-storage-capacity-isolation lock-file log-cadvisor-usage
machine-id-file make-iptables-util-chains manifest-url manifest-url-header max-housekeeping-interval
max-open-files max-pods maximum-dead-containers maximum-dead-containers-per-container memory-manager-policy
minimum-container-ttl-duration minimum-image-ttl-duration node-ip node-labels node-status-max-images
node-status-update-frequency non-masquerade-cidr oom-score-adj pod-cidr pod-infra-container-image
pod-manifest-path pod-max-pids pods-per-core port protect-kernel-defaults provider-id qos-reserved
read-only-port register-node register-with-taints registry-burst registry-qps reserved-cpus
reserved-memory resolv-conf root-dir rotate-certificates rotate-server-certificates runonce runtime-cgroups
runtime-request-timeout seccomp-default serialize-image-pulls storage-driver-buffer-duration
storage-driver-db storage-driver-host storage-driver-password storage-driver-secure storage-driver-table
storage-driver-user streaming-connection-idle-timeout sync-frequency system-cgroups system-reserved
system-reserved-cgroup topology-manager-policy topology-manager-policy-options topology-manager-scope
volume-plugin-dir volume-stats-agg-period
";

const KUBE_PROXY: &str = "
bind-address bind-address-hard-fail cleanup cluster-cidr config config-sync-period conntrack-max-per-core
conntrack-min conntrack-tcp-be-liberal conntrack-tcp-timeout-close-wait
conntrack-tcp-timeout-established conntrack-udp-timeout conntrack-udp-timeout-stream detect-local-mode
healthz-bind-address healthz-port hostname-override init-only iptables-localhost-nodeports
iptables-masquerade-bit iptables-min-sync-period iptables-sync-period ipvs-exclude-cidrs
ipvs-min-sync-period ipvs-scheduler ipvs-strict-arp ipvs-sync-period ipvs-tcp-timeout
ipvs-tcpfin-timeout ipvs-udp-timeout kube-api-burst kube-api-content-type kube-api-qps kubeconfig
masquerade-all master metrics-bind-address metrics-port nodeport-addresses oom-score-adj
pod-bridge-interface pod-interface-name-prefix proxy-mode proxy-port-range
show-hidden-metrics-for-version write-config-to
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_booleans_are_sorted_and_without_repetition() {
        let names: Vec<&str> = BOOLEANS.split_ascii_whitespace().collect();
        assert!(names.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn every_name_of_a_component_has_a_kind() {
        for component in Component::ALL {
            assert!(of(component).all(|name| kind(name) != Kind::Unknown), "{component}");
        }
        assert_eq!(kind("anonymous_auth"), Kind::Boolean);
        assert_eq!(kind("authorization-mode"), Kind::Valued);
        assert_eq!(kind("never-heard-of"), Kind::Unknown);
    }
}
