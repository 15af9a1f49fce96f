//! The JSON types of the kubelet's fields: with a value of another type it does not start.
//!
//! `staging/src/k8s.io/kubelet/config/v1beta1/types.go`. Kubernetes decodes YAML by way of JSON and converts nothing:
//! a quoted `"false"` is text, and text is no boolean. Fields that are not here are not looked at.

use serde_json::Value;

use crate::text::values;

/// What a field may hold; `null` is always the same as not there.
#[derive(Debug, Clone, Copy)]
enum Type {
    Boolean,
    Integer,
    Text,
    /// Text that Go reads as a duration.
    Duration,
    Texts,
    BooleanMap,
    TextMap,
}

const TYPES: [(Type, &str); 7] = [
    (
        Type::Boolean,
        "authentication.anonymous.enabled authentication.webhook.enabled cgroupsPerQOS cpuCFSQuota
        enableContentionProfiling enableControllerAttachDetach enableDebugFlagsHandler
        enableDebuggingHandlers enableProfilingHandler enableServer enableSystemLogHandler
        enableSystemLogQuery failCgroupV1 failSwapOn kernelMemcgNotification
        localStorageCapacityIsolation makeIPTablesUtilChains protectKernelDefaults registerNode
        rotateCertificates seccompDefault serializeImagePulls serverTLSBootstrap",
    ),
    (
        Type::Integer,
        "containerLogMaxFiles containerLogMaxWorkers eventBurst eventRecordQPS
        evictionMaxPodGracePeriod healthzPort imageGCHighThresholdPercent imageGCLowThresholdPercent
        iptablesDropBit iptablesMasqueradeBit kubeAPIBurst kubeAPIQPS maxOpenFiles
        maxParallelImagePulls maxPods nodeLeaseDurationSeconds nodeStatusMaxImages oomScoreAdj
        podPidsLimit podsPerCore port readOnlyPort registryBurst registryPullQPS",
    ),
    (
        Type::Text,
        "address authentication.x509.clientCAFile authorization.mode cgroupDriver cgroupRoot
        clusterDomain containerLogMaxSize containerRuntimeEndpoint cpuManagerPolicy hairpinMode
        healthzBindAddress imageServiceEndpoint kubeReservedCgroup kubeletCgroups
        memoryManagerPolicy podCIDR podLogsDir providerID reservedSystemCPUs resolvConf
        showHiddenMetricsForVersion staticPodPath staticPodURL systemCgroups systemReservedCgroup
        tlsCertFile tlsMinVersion tlsPrivateKeyFile topologyManagerPolicy topologyManagerScope
        volumePluginDir",
    ),
    (
        Type::Duration,
        "authentication.webhook.cacheTTL authorization.webhook.cacheAuthorizedTTL
        authorization.webhook.cacheUnauthorizedTTL containerLogMonitorInterval cpuCFSQuotaPeriod
        cpuManagerReconcilePeriod evictionPressureTransitionPeriod fileCheckFrequency
        httpCheckFrequency imageMaximumGCAge imageMinimumGCAge nodeStatusReportFrequency
        nodeStatusUpdateFrequency runtimeRequestTimeout shutdownGracePeriod
        shutdownGracePeriodCriticalPods streamingConnectionIdleTimeout syncFrequency
        volumeStatsAggPeriod",
    ),
    (Type::Texts, "allowedUnsafeSysctls clusterDNS enforceNodeAllocatable tlsCipherSuites"),
    (Type::BooleanMap, "featureGates"),
    (
        Type::TextMap,
        "evictionHard evictionMinimumReclaim evictionSoft evictionSoftGracePeriod kubeReserved
        qosReserved systemReserved",
    ),
];

impl Type {
    fn takes(self, value: &Value) -> bool {
        let each = |map: &Value, takes: fn(&Value) -> bool| {
            map.as_object().is_some_and(|map| map.values().all(|v| v.is_null() || takes(v)))
        };
        match self {
            Self::Boolean => value.is_boolean(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Text => value.is_string(),
            Self::Duration => {
                value.as_str().is_some_and(|text| values::is_zero_duration(text).is_some())
            }
            Self::Texts => value
                .as_array()
                .is_some_and(|list| list.iter().all(|v| v.is_null() || v.is_string())),
            Self::BooleanMap => each(value, Value::is_boolean),
            Self::TextMap => each(value, Value::is_string),
        }
    }

    const fn wanted(self) -> &'static str {
        match self {
            Self::Boolean => "true or false without quotes",
            Self::Integer => "a whole number without quotes",
            Self::Text => "text: put it in quotes",
            Self::Duration => "a duration as text, such as 4h0m0s",
            Self::Texts => "a list of texts",
            Self::BooleanMap => "names with true or false without quotes",
            Self::TextMap => "names with texts: put the values in quotes",
        }
    }
}

/// The first field whose value the kubelet cannot decode, in a sentence.
pub(super) fn wrong(config: &Value) -> Option<String> {
    TYPES.iter().find_map(|(wanted, fields)| {
        fields.split_ascii_whitespace().find_map(|field| wrong_field(config, field, *wanted))
    })
}

fn wrong_field(config: &Value, field: &str, wanted: Type) -> Option<String> {
    let mut value = config;
    for (at, _) in field.match_indices('.').chain([(field.len(), "")]) {
        let path = field.get(..at)?;
        value =
            value.as_object()?.get(path.rsplit('.').next()?).filter(|value| !value.is_null())?;
        let inner = at < field.len();
        if inner && !value.is_object() {
            return Some(sentence(path, value, "further fields"));
        }
    }
    (!wanted.takes(value)).then(|| sentence(field, value, wanted.wanted()))
}

fn sentence(field: &str, value: &Value, wanted: &str) -> String {
    format!("{field} is {value}, and the kubelet does not start with anything but {wanted}")
}
