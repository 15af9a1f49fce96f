#![allow(clippy::disallowed_methods, reason = "tests write the files of a node from outside")]

use std::{fs, path::Path};

use super::{
    super::stub::{Server, Speaks, certificate, response, until_it_ends},
    *,
};
use crate::node::etcd::bolt;

/// A node in a folder, with an etcd in its `/proc` that has these arguments and sees `/pki`.
struct Fake {
    top: tempfile::TempDir,
}

const CLIENT: &str = "proc/79/root/pki/healthcheck-client";

impl Fake {
    fn new(url: &str, more: &[&str]) -> Self {
        let fake = Self { top: tempfile::tempdir().unwrap() };
        fake.write("proc/1/comm", "systemd\n");
        fake.write("proc/1/cgroup", "0::/init.scope\n");
        let listen = format!("--listen-client-urls={url}");
        let pki = ["--cert-file=/pki/server.crt", "--key-file=/pki/server.key"];
        let argv: Vec<&str> =
            ["etcd", &listen].into_iter().chain(pki).chain(more.iter().copied()).collect();
        let pod = "0::/system.slice/etcd.service\n";
        for (file, text) in [
            ("comm", "etcd\n".to_owned()),
            ("cmdline", format!("{}\0", argv.join("\0"))),
            ("stat", "79 (etcd) S 1 79 79 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 500 0 0".to_owned()),
            ("status", "Uid:\t0\t0\t0\t0\n".to_owned()),
            ("cgroup", pod.to_owned()),
        ] {
            fake.write(&format!("proc/79/{file}"), &text);
        }
        fake
    }

    /// An etcd that serves TLS here and takes this client, whose keys it has beside its own.
    fn guarded(server: &Server, (client, key): &(rcgen::Certificate, rcgen::KeyPair)) -> Self {
        let url = format!("https://127.0.0.1:{}", server.port);
        let fake = Self::new(&url, &["--trusted-ca-file=/pki/ca.crt"]);
        fake.write("proc/79/root/pki/ca.crt", &server.certificate);
        fake.write(&format!("{CLIENT}.crt"), &client.pem());
        fake.write(&format!("{CLIENT}.key"), &key.serialize_pem());
        fake
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.top.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn etcd(&self) -> HostEtcd {
        HostEtcd::new(Arc::new(DirFiles::read_only(Path::new(self.top.path())).unwrap()))
    }

    fn snapshot(&self, within: Duration) -> (Result<(), EtcdError>, Vec<u8>) {
        let mut kept = Vec::new();
        let limits = Limits { largest: 1 << 20, within };
        let answer = self.etcd().snapshot(limits, &mut |piece| {
            kept.extend_from_slice(piece);
            Ok(())
        });
        (answer, kept)
    }
}

/// Nothing here comes near it.
const LONG: Duration = Duration::from_secs(60);

/// Long enough for a handshake on a slow machine.
const SHORT: Duration = Duration::from_secs(2);

const HEAD: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";

fn trusting(client: &rcgen::Certificate) -> Speaks {
    Speaks::HttpsKnowing(client.der().clone())
}

/// The stream of an empty database, as etcd writes it.
fn whole() -> String {
    let database = bolt::empty(4096, 20);
    let mut left = database.len();
    let mut text = String::new();
    for piece in database.chunks(32 << 10) {
        left -= piece.len();
        text += &stream::line(left as u64, piece);
    }
    text + &stream::line(0, &[7; 32])
}

#[test]
fn a_member_is_asked_with_the_certificates_of_its_node() {
    let client = certificate("kube-etcd-healthcheck-client");
    let server = Server::start(trusting(&client.0), |head, known| {
        assert!(known, "{head}");
        assert!(head.starts_with("POST /v3/maintenance/status HTTP/1.1"), "{head}");
        let status = r#"{"header":{"revision":"812"},"version":"3.6.8","dbSize":"24576","leader":"1","dbSizeInUse":"20480"}"#;
        Some(response(200, status))
    });
    let status = Fake::guarded(&server, &client).etcd().status().unwrap();
    let want = MemberStatus {
        version: "3.6.8".to_owned(),
        size: 24_576,
        learner: false,
        leader: 1,
        complaints: Vec::new(),
    };
    assert_eq!(status, want);
    let sick = Server::start(Speaks::Http, |_, _| {
        let alarm = r#""errors":["memberID:1 alarm:NOSPACE "]"#;
        Some(response(200, &format!(r#"{{"dbSize":"1","isLearner":true,{alarm}}}"#)))
    });
    let status = Fake::new(&format!("http://127.0.0.1:{}", sick.port), &[]).etcd().status();
    let status = status.unwrap();
    assert!(status.learner && status.complaints[0].contains("NOSPACE"), "{status:?}");
}

/// A member that says so of the cluster and of itself.
fn member(client: &rcgen::Certificate, list: String, status: &'static str) -> Server {
    Server::start(trusting(client), move |head, known| {
        assert!(known, "{head}");
        Some(match head.split(' ').nth(1).unwrap() {
            "/v3/cluster/member/list" => response(200, &list),
            _ => response(200, status),
        })
    })
}

/// A cluster as the member `ID` knows it.
fn cluster(own: &str, members: &[(&str, &str, String)]) -> String {
    let member = |(id, name, urls): &(&str, &str, String)| {
        let learner = if *name == "cp4" { r#","isLearner":true"# } else { "" };
        format!(
            r#"{{"ID":"{id}","name":"{name}","peerURLs":["https://x:2380"],"clientURLs":[{urls}]{learner}}}"#
        )
    };
    let members: Vec<String> = members.iter().map(member).collect();
    format!(r#"{{"header":{{"member_id":"{own}"}},"members":[{}]}}"#, members.join(","))
}

const HUGE: &str = "18254432987654321099";

#[test]
fn every_member_is_asked_at_its_own_address() {
    let client = certificate("kube-etcd-healthcheck-client");
    let healthy = r#"{"dbSize":"9","leader":"18254432987654321099"}"#;
    let other = member(&client.0, String::new(), healthy);
    let alone =
        member(&client.0, String::new(), r#"{"dbSize":"9","errors":["etcdserver: no leader"]}"#);
    let at = |server: &Server| format!(r#""https://127.0.0.1:{}/""#, server.port);
    let list = cluster(
        HUGE,
        &[
            (HUGE, "cp1", r#""https://10.9.9.9:2379""#.to_owned()),
            // The first address does not answer, the second does.
            ("7", "cp2", format!(r#""https://127.0.0.1:1",{}"#, at(&other))),
            ("8", "cp3", at(&alone)),
            ("9", "", String::new()),
            ("10", "cp4", r#""http://127.0.0.1:1""#.to_owned()),
        ],
    );
    let own = member(&client.0, list, healthy);
    let fake = Fake::guarded(&own, &client);
    // One CA for all of them.
    let authorities = [&own, &other, &alone].map(|server| server.certificate.clone());
    fake.write("proc/79/root/pki/ca.crt", &authorities.concat());
    let members = fake.etcd().members().unwrap();
    let seen: Vec<(&str, bool, bool)> =
        members.iter().map(|m| (m.name.as_str(), m.own, m.learner)).collect();
    let want =
        [("cp1", true, false), ("cp2", false, false), ("cp3", false, false), ("", false, false)];
    assert_eq!(seen, [&want[..], &[("cp4", false, true)]].concat());
    let leader = |at: usize| members[at].status.as_ref().map(|status| status.leader);
    assert_eq!((leader(0), leader(1)), (Ok(18_254_432_987_654_321_099), leader(0)));
    let third = members[2].status.as_ref().unwrap();
    assert_eq!(
        (third.leader, &third.complaints[..]),
        (0, &["etcdserver: no leader".to_owned()][..])
    );
    assert!(
        matches!(&members[3].status, Err(EtcdError::Silent(why)) if why.contains("not started"))
    );
    assert!(matches!(&members[4].status, Err(EtcdError::Silent(_))));
    let asked = own.requests();
    let question = format!("content-length: {}\r\n", r#"{"linearizable":true}"#.len());
    assert!(asked[0].contains(&question), "{asked:?}");
}

#[test]
fn a_list_that_cannot_be_right_is_none() {
    let client = certificate("kube-etcd-healthcheck-client");
    let one = [("7", "cp2", String::new())];
    for (list, why) in [
        (cluster(HUGE, &one), "not among the members"),
        (cluster("many", &one), "not among the members"),
        (r#"{"header":{"member_id":"7"}}"#.to_owned(), "members"),
        ("<html>".to_owned(), "/v3/cluster/member/list"),
    ] {
        let server = member(&client.0, list, "{}");
        let error = Fake::guarded(&server, &client).etcd().members().unwrap_err();
        assert!(matches!(&error, EtcdError::Refused(said) if said.contains(why)), "{error}");
    }
}

#[test]
fn a_member_of_another_ca_is_not_believed_to_be_healthy() {
    let client = certificate("kube-etcd-healthcheck-client");
    let healthy = r#"{"dbSize":"9","leader":"7"}"#;
    let stranger = member(&client.0, String::new(), healthy);
    let url = format!(r#""https://127.0.0.1:{}""#, stranger.port);
    let list = cluster("7", &[("7", "cp1", String::new()), ("8", "cp2", url)]);
    let own = member(&client.0, list, healthy);
    let members = Fake::guarded(&own, &client).etcd().members().unwrap();
    assert!(
        matches!(&members[1].status, Err(EtcdError::Silent(why)) if why.contains("certificate"))
    );
    assert!(stranger.requests().is_empty());
}

#[test]
fn a_snapshot_comes_whole_over_tls() {
    let client = certificate("kube-etcd-healthcheck-client");
    let server = Server::streaming(trusting(&client.0), |head, known, stream| {
        assert!(known && head.starts_with("POST /v3/maintenance/snapshot "), "{head}");
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let text = whole().lines().map(|line| chunk(&format!("{line}\n"))).collect::<String>();
        stream.write_all(format!("{chunked}{text}0\r\n\r\n").as_bytes()).unwrap();
        stream.flush().unwrap();
        // Who closes with a request half read takes back what the other has not read yet.
        until_it_ends(stream);
    });
    let (answer, kept) = Fake::guarded(&server, &client).snapshot(LONG);
    assert_eq!(answer, Ok(()));
    assert_eq!(kept, [bolt::empty(4096, 20), vec![7; 32]].concat());
}

#[test]
fn a_server_of_another_ca_is_not_believed() {
    let client = certificate("kube-etcd-healthcheck-client");
    let server = Server::start(Speaks::Https, |_, _| Some(response(200, r#"{"dbSize":"1"}"#)));
    let fake = Fake::guarded(&server, &client);
    assert!(fake.etcd().status().is_ok());
    fake.write("proc/79/root/pki/ca.crt", &certificate("127.0.0.1").0.pem());
    let error = fake.etcd().status().unwrap_err();
    assert!(matches!(&error, EtcdError::Silent(why) if why.contains("certificate")), "{error}");
    assert_eq!(server.requests().len(), 1, "nothing was asked of it");
    fake.write("proc/79/root/pki/ca.crt", "no certificate");
    assert!(fake.etcd().status().unwrap_err().to_string().contains("/pki/ca.crt holds no"));
}

#[test]
fn a_stream_that_stands_still_or_crawls_ends_in_time() {
    // It says a part of it, and then nothing more until the client has gone.
    let still = Server::streaming(Speaks::Http, |_, _, stream| {
        let part = &whole()[..50_000];
        stream.write_all(format!("{HEAD}{part}").as_bytes()).unwrap();
        until_it_ends(stream);
    });
    // One byte after the other, forever: no single read takes long.
    let slow = Server::streaming(Speaks::Http, |_, _, stream| {
        let _ = stream.write_all(HEAD.as_bytes());
        while stream.write_all(b" ").and_then(|()| stream.flush()).is_ok() {}
    });
    // It does not even begin.
    let silent = Server::start(Speaks::Http, |_, _| None);
    for server in [still, slow, silent] {
        let fake = Fake::new(&format!("http://127.0.0.1:{}", server.port), &[]);
        let error = fake.snapshot(SHORT).0.unwrap_err();
        assert!(matches!(error, EtcdError::Silent(_)), "{error}");
    }
}

#[test]
fn a_stream_without_an_end_is_ended() {
    for piece in [stream::line(64, &[0; 32]), stream::line(0, &[0; 32]), "x".repeat(1 << 16)] {
        let endless = Server::streaming(Speaks::Http, move |_, _, stream| {
            let mut going = stream.write_all(HEAD.as_bytes());
            while going.is_ok() {
                going = stream.write_all(piece.as_bytes());
            }
        });
        let fake = Fake::new(&format!("http://127.0.0.1:{}", endless.port), &[]);
        let (answer, kept) = fake.snapshot(LONG);
        assert!(matches!(answer, Err(EtcdError::Broken(_))), "{answer:?}");
        assert!(kept.len() < 1 << 10, "{}", kept.len());
    }
}

#[test]
fn what_is_no_snapshot_is_told_apart() {
    let server = Server::start(Speaks::Http, |head, _| {
        Some(match head.split(' ').nth(1).unwrap() {
            "/v3/maintenance/status" => response(404, "404 page not found\n"),
            _ => response(503, r#"{"error":"etcdserver: no leader","code":14}"#),
        })
    });
    let fake = Fake::new(&format!("http://127.0.0.1:{}", server.port), &[]);
    let error = fake.etcd().status().unwrap_err();
    assert!(matches!(&error, EtcdError::NoGateway(why) if why.contains("404")), "{error}");
    let error = fake.snapshot(LONG).0.unwrap_err();
    assert!(matches!(&error, EtcdError::Refused(why) if why.contains("no leader")), "{error}");
    let off = Fake::new("http://127.0.0.1:1", &["--enable-grpc-gateway=false"]);
    assert!(matches!(off.etcd().status(), Err(EtcdError::NoGateway(_))));
    let refused = Fake::new("http://127.0.0.1:1", &[]).etcd().status();
    assert!(matches!(refused, Err(EtcdError::Silent(_))), "{refused:?}");
    fs::remove_dir_all(fake.top.path().join("proc/79")).unwrap();
    assert!(matches!(fake.etcd().status(), Err(EtcdError::Silent(_))));
}

#[test]
fn a_key_that_cannot_be_used_is_not_shown_and_the_next_is_taken() {
    let client = certificate("server");
    let server = Server::start(trusting(&client.0), |_, known| {
        Some(response(if known { 200 } else { 401 }, r#"{"dbSize":"1"}"#))
    });
    let fake = Fake::guarded(&server, &client);
    let key = client.1.serialize_pem();
    let secret = key.lines().nth(1).unwrap();
    fake.write(&format!("{CLIENT}.key"), &key.replace('M', "x"));
    let error = fake.etcd().status().unwrap_err();
    assert!(!format!("{error:?}{:?}", fake.etcd()).contains(secret), "{error}");
    fake.write("proc/79/root/pki/server.crt", &client.0.pem());
    fake.write("proc/79/root/pki/server.key", &key);
    assert!(fake.etcd().status().is_ok());
}
