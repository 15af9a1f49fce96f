//! A kubeconfig becomes a connection: TLS always verified, a time for everything, and programs started only
//! where the operator named the file.

use std::{
    fmt,
    path::Path,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use super::ClusterError;
use crate::node::Files;

/// Larger than any token.
const LIMIT: u64 = 1 << 16;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a program of the kubeconfig may take for its credentials: some wait for a person.
const PROGRAM: Duration = Duration::from_secs(60);

/// A usable kubeconfig.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) client: Client,
    /// To ask another API server with the same credentials.
    pub(super) config: Config,
}

/// Reads a kubeconfig. The parser's own message may repeat what it stumbled over, which may be a key.
pub(super) fn parse(path: &str, bytes: &[u8]) -> Result<Kubeconfig, ClusterError> {
    let text = std::str::from_utf8(bytes).map_err(|_| unusable(path, &"it is not UTF-8 text"))?;
    let mut kubeconfig =
        Kubeconfig::from_yaml(text).map_err(|_| unusable(path, &"it is not a kubeconfig"))?;
    let folder = Path::new(path).parent().unwrap_or(Path::new("/"));
    let clusters = kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut());
    let authorities = clusters.map(|cluster| &mut cluster.certificate_authority);
    let users = kubeconfig.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut());
    let files = users.flat_map(|user| {
        [&mut user.client_certificate, &mut user.client_key, &mut user.token_file]
    });
    // Its paths begin where the file is.
    for file in authorities.chain(files).flatten() {
        *file = folder.join(&*file).to_string_lossy().into_owned();
    }
    Ok(kubeconfig)
}

/// Takes tokens from their files. What follows a token there, mostly the end of a line, is no part of it.
pub(super) fn read_tokens(kubeconfig: &mut Kubeconfig, files: &dyn Files) {
    let users = kubeconfig.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut());
    for user in users.filter(|user| user.token.is_none()) {
        // A file that cannot be read is an error only for the user who is chosen.
        let bytes = user.token_file.as_ref().and_then(|path| files.read(path, LIMIT).ok());
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        user.token = text.map(|text| text.trim().to_owned().into());
    }
}

/// An error when this kubeconfig would start a program to get its credentials.
pub(super) fn starts_nothing(path: &str, kubeconfig: &Kubeconfig) -> Result<(), ClusterError> {
    let starts = kubeconfig
        .auth_infos
        .iter()
        .filter_map(|named| named.auth_info.as_ref())
        .any(|info| info.exec.is_some() || info.auth_provider.is_some());
    if starts {
        return Err(unusable(
            path,
            &"it would start a program for its credentials: name it with --kubeconfig if that is wanted",
        ));
    }
    Ok(())
}

/// Connects with the current context; within a runtime. A program of the kubeconfig is waited for.
pub(super) async fn connect(
    path: &str,
    kubeconfig: Kubeconfig,
    answer: Duration,
) -> Result<Connection, ClusterError> {
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let mut config = config.map_err(|error| unusable(path, &chain(&error)))?;
    if config.accept_invalid_certs {
        return Err(unusable(
            path,
            &"it says insecure-skip-tls-verify, and TLS is always verified here",
        ));
    }
    let host = config.cluster_url.host().unwrap_or_default();
    let loopback = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    if config.cluster_url.scheme_str() != Some("https") && !loopback {
        return Err(unusable(
            path,
            &format!("its server {} is not an https:// address", config.cluster_url),
        ));
    }
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(answer);
    config.write_timeout = Some(answer);
    // What is repeated is decided by those who ask.
    config.default_retry = false;
    let client =
        Client::try_from(config.clone()).map_err(|error| unusable(path, &chain(&error)))?;
    Ok(Connection { client, config })
}

/// Runs what may wait for a program, and gives it up after a minute.
pub(super) fn patiently<T: Send + 'static>(
    path: &str,
    work: impl FnOnce() -> Result<T, ClusterError> + Send + 'static,
) -> Result<T, ClusterError> {
    let (done, result) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    match result.recv_timeout(PROGRAM) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => {
            let seconds = PROGRAM.as_secs();
            Err(unusable(path, &format!("its program gave no credentials within {seconds} s")))
        }
        Err(RecvTimeoutError::Disconnected) => {
            Err(unusable(path, &"its credentials could not be read"))
        }
    }
}

fn unusable(path: &str, why: &dyn fmt::Display) -> ClusterError {
    ClusterError::Other(format!("{path}: {why}"))
}

/// An error with its causes, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text
}
