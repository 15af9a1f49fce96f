use super::*;

/// The cluster CA of the recorded node, as kubeadm wrote it; the digests are openssl's.
const CA: &str = "\
-----BEGIN CERTIFICATE-----
MIIDBTCCAe2gAwIBAgIIWcrWIuP7JiEwDQYJKoZIhvcNAQELBQAwFTETMBEGA1UE
AxMKa3ViZXJuZXRlczAeFw0yNjExMjMyMDM0NDJaFw0zNjExMjAyMDM5NDJaMBUx
EzARBgNVBAMTCmt1YmVybmV0ZXMwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEK
AoIBAQC73fO7JrgSxubSrgQolVGUwQztueUPifN571F8ZdR/RPCZ2O2aDvdGww3g
W2a3M/Nr5kbxLgw9DP27oYEkufj+Q++j/rZBMIzoR+cvLvzxxSAFTQJ9JgKSEUaZ
PZ4yquehEfE4hBwa0sF0KjAXl2WRu9KaeaOn1lzIZYbtLNbXywFmYEWJbEul52XN
bz0rN8Imss6C2PP1+iau+yhC6NiDTSzGbZRF3GulG+MHKfI2Nu24FfvLU7d6bgOa
93q+sBkvGvvB0YR/uu0eK/+CsCmVkzmv+QWv/N+YE9xeKaqJm1G5Au5BJ6AXkLys
a4zT4R6F1BWMgxZ5ydNPzHEvflqZAgMBAAGjWTBXMA4GA1UdDwEB/wQEAwICpDAP
BgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBQdpcdUBxBXs94OSX5S9TgSZzFvPTAV
BgNVHREEDjAMggprdWJlcm5ldGVzMA0GCSqGSIb3DQEBCwUAA4IBAQCKVd4pY0eZ
DFLrcJunlQr2IWz9biIqthvSn1WN++971ak4iLIEWDOMA82RdClwFfaaQvnpWKC6
vQR5hw6uSoUQXGSuWBa4OPwGFtobSeh6qX32qMqWzYDI78Oo0Xf6YoCqsSZkH13s
7JnqEV7XOP8vdpWLBW4zZ7jzNN/eIiUoU59iLSCLpvrnsPykozDxpXrhchEsX2IF
bjDq+41pUBlyD4AiPHP/XQxndlofBj34nNABonXV2oFMDjg2Q3Qsg/jkfVYyEFCt
h0jdYO2KhX5u0U1ZA0/PEqQKf5TTKQUGQfQydQkHSLzDx8e2mG3DBG9JZn1DDzvU
1mPEmM19VwtZ
-----END CERTIFICATE-----
";
const CA_KEY: &str = "99f1e22cdc9c985a7f271c521657d743967d391eac9f42551bba8d9d7625db58";

/// The etcd CA of the same node.
const ETCD_CA: &str = "\
-----BEGIN CERTIFICATE-----
MIIC/DCCAeSgAwIBAgIIVXyRYob44xEwDQYJKoZIhvcNAQELBQAwEjEQMA4GA1UE
AxMHZXRjZC1jYTAeFw0yNjExMjMyMDM0NDJaFw0zNjExMjAyMDM5NDJaMBIxEDAO
BgNVBAMTB2V0Y2QtY2EwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQDM
OpYR00i8D+hsPZSkfDiR3Wx+0Ez2ZvRT1lqVSBrUTxAWD7FAaq64fsjXcq+S6060
TAMSnkb5Adk6VEOLK/+PwWN18kuKW2gbqtyEb9e4A5d60bgpgUm6Jl6C2TbwtNTn
s/AEuey2nu0ZGJaBEJ4sTPnCzudajx4mFJZSUnae0ocEcNU/lq+RsbBBZow2Lj39
9OG9/8M135pRdpAaQ4ofUI7Ak0XEEQ9Lg/Jq9NrfHcIN8RC3rOjuI2OmcbxzUo6q
A1ruP5+OlroPdOTQhMfCr6RUfzLabiUWjGR4Pt+ohHIraMmQTMFLsgPhqQccL8GX
/re5bKJDywFsP+yvmRq7AgMBAAGjVjBUMA4GA1UdDwEB/wQEAwICpDAPBgNVHRMB
Af8EBTADAQH/MB0GA1UdDgQWBBQj1rlOzv52KcDWvcQtql7voL3zETASBgNVHREE
CzAJggdldGNkLWNhMA0GCSqGSIb3DQEBCwUAA4IBAQCSW7wBdNe/NVIe69/xIe8c
pUT7IM9EpoF57iLLwOqsIVxuhcUB5vheeAHDMLXzY+f4QWlCB34L6WWjy1ZLTwg4
teitJGk/1fIrzNBBrtK5OTSFPskwvYQSuDhi5at9d6L/2Ye83Jh8X89atGzVSyA+
1TwrPjONs0OuWDVLmNRgv/mrGNxvmcLuBEhkSjOtwf9nFacyJGDzaFGJLryqLP9W
I/o8DXRFsnczs1qVb6tRpy22SfjkpNBA8eY/NKsCr/D8df/3Gn0vo1g6OGt0jBn1
8kVhJfKRFqJHIumeTKNVNpiXXVn0W/wMl1MBW7//dnpnxK9V/gXEPy0aUt+e4fuV
-----END CERTIFICATE-----
";
const ETCD_CA_KEY: &str = "94161f41e7bda57953d07cf457faefd84f07b085573143d411b6272f86c33ce9";

fn keys(text: &str) -> Vec<String> {
    certificates(text).unwrap().public_keys.into_iter().map(|key| key.0).collect()
}

#[test]
fn certificates_are_known_by_their_public_key() {
    assert_eq!(keys(CA), [CA_KEY]);
    assert_eq!(keys(&format!("# the CAs\n{ETCD_CA}\nnote\n{CA}")), [ETCD_CA_KEY, CA_KEY]);
    assert_eq!(keys(&CA.replace('\n', "\r\n")), [CA_KEY]);
    let one_line = CA.lines().collect::<Vec<_>>().join("\n").replace("-----\n", "-----\0");
    let one_line = one_line.replace("\n-----END", "\0-----END").replace('\n', "");
    assert_eq!(keys(&one_line.replace('\0', "\n")), [CA_KEY], "lines of any length");
    let with_key = format!("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n{CA}");
    assert_eq!(keys(&with_key), [CA_KEY], "other blocks are skipped");
}

#[test]
fn a_bundle_that_cannot_be_compared_is_a_problem() {
    let cut: String =
        CA.lines().filter(|line| !line.starts_with("1mPEm")).collect::<Vec<_>>().join("\n");
    let cases = [
        (String::new(), None, "it holds no certificate"),
        ("not PEM at all\n".to_owned(), None, "it holds no certificate"),
        (format!("{CA}{BEGIN}\nMIID"), Some(CA.lines().count() + 1), "a certificate has no end"),
        (cut, Some(1), "a certificate cannot be read: "),
        (format!("{BEGIN}\nAAAA\n{END}\n"), Some(1), "a certificate cannot be read: "),
        (format!("{BEGIN}\n\u{e9}\u{e9}\n{END}\n"), Some(1), "a certificate cannot be read: "),
    ];
    for (text, line, message) in cases {
        let problem = certificates(&text).unwrap_err();
        assert_eq!(problem.line, line, "{text}");
        assert!(problem.message.starts_with(message), "{text}: {}", problem.message);
    }
}

const KEY: &str = "c2VjcmV0IGtleSBvZiAzMiBieXRlcyBsb25nISEhISE=";

fn rule(resources: &[&str], providers: &[&str]) -> EncryptionRule {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    EncryptionRule { resources: own(resources), providers: own(providers) }
}

#[test]
fn encryption_rules_keep_kinds_and_no_keys() {
    let text = format!(
        "apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets, configmaps]
  providers:
  - secretbox:
      keys: [{{name: key1, secret: {KEY}}}]
  - identity: {{}}
- resources: ['*.*']
  providers:
  - kms: {{apiVersion: v2, name: vault, endpoint: unix:///run/kms.sock}}
"
    );
    let rules = encryption(&text).unwrap();
    assert_eq!(
        rules,
        [rule(&["secrets", "configmaps"], &["secretbox", "identity"]), rule(&["*.*"], &["kms"]),]
    );
    assert!(!format!("{rules:?}").contains(KEY));
    let json = r#"{"kind":"EncryptionConfiguration","resources":[{"resources":["secrets"],"providers":[{"identity":null}]}]}"#;
    assert_eq!(encryption(json).unwrap(), [rule(&["secrets"], &["identity"])]);
}

#[test]
fn a_broken_encryption_configuration_says_why_and_never_what() {
    let head = "kind: EncryptionConfiguration\nresources:\n";
    let cases = [
        (String::new(), "it is not YAML"),
        (format!("{head}- resources: [secrets\n  secret: {KEY}\n"), "it is not YAML"),
        (format!("kind: Secret\ndata: {{key: {KEY}}}\n"), "its kind is not"),
        ("kind: EncryptionConfiguration\n".to_owned(), "it has no list of resources"),
        (format!("{head}- providers: []\n"), "each rule needs"),
        (format!("{head}- resources: [[{KEY}]]\n  providers: []\n"), "a resource in it"),
        (format!("{head}- resources: [secrets]\n  providers: [{KEY}]\n"), "each provider needs"),
        (
            format!(
                "{head}- resources: [secrets]\n  providers: [{{aescbc: {KEY}, identity: 1}}]\n"
            ),
            "each provider needs",
        ),
    ];
    for (text, message) in cases {
        let problem = encryption(&text).unwrap_err().to_string();
        assert!(problem.starts_with(message), "{text}: {problem}");
        assert!(!problem.contains("c2Vj"), "{problem}");
    }
}
