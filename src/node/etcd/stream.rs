//! The stream a snapshot comes in: one JSON object per line, each with a piece in base64.
//!
//! `{"result":{"remaining_bytes":"…","blob":"…"}}`; the last piece is the SHA-256 of all before it. Numbers that
//! are zero are left out. Every line is bounded, and the whole by what the first one announces: a stream that
//! never ends is found out by its length, or by whoever gives the reader its time.

use std::io::{self, BufRead, Read as _};

use base64ct::{Base64, Encoding as _};
use serde::Deserialize;

use super::{EtcdError, Keep};

/// Longest line that is read; etcd sends pieces of 32 KiB.
const LINE: u64 = 16 << 20;

/// A SHA-256.
const DIGEST: u64 = 32;

#[derive(Debug, Deserialize)]
struct Line {
    result: Option<Piece>,
    error: Option<Complaint>,
}

#[derive(Debug, Deserialize)]
struct Piece {
    remaining_bytes: Option<Number>,
    #[serde(default)]
    blob: String,
}

/// Proto's JSON writes 64-bit numbers as text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(in crate::node) enum Number {
    Text(String),
    Number(u64),
}

impl Number {
    pub(in crate::node) fn value(&self) -> Option<u64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Number(number) => Some(*number),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Complaint {
    #[serde(default)]
    message: String,
}

/// Hands every piece to `keep` and answers how many bytes they were, when all that was announced has come.
pub(in crate::node) fn read(
    mut body: impl BufRead,
    largest: u64,
    keep: &mut Keep<'_>,
) -> Result<u64, EtcdError> {
    let broken = |why: String| EtcdError::Broken(why);
    let (mut announced, mut came, mut remaining) = (None, 0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        // What follows the last newline is no line: the connection was cut.
        let length =
            (&mut body).take(LINE).read_until(b'\n', &mut line).map_err(|error| cut(&error))?;
        if length == 0 {
            break;
        }
        if line.last() != Some(&b'\n') {
            return Err(broken(format!("it breaks off after {came} bytes")));
        }
        let Line { result, error } = serde_json::from_slice(&line)
            .map_err(|error| broken(format!("after {came} bytes: {error}")))?;
        if let Some(Complaint { message }) = error {
            return Err(EtcdError::Refused(message));
        }
        let Some(Piece { remaining_bytes, blob }) = result else {
            return Err(broken(format!("there is no piece in a line after {came} bytes")));
        };
        let blob = Base64::decode_vec(&blob)
            .map_err(|_| broken(format!("a piece after {came} bytes is not base64")))?;
        remaining = match &remaining_bytes {
            None => 0,
            Some(number) => number
                .value()
                .ok_or_else(|| broken(format!("a number after {came} bytes is none")))?,
        };
        came += blob.len() as u64;
        let whole = *announced.get_or_insert(came.saturating_add(remaining));
        if whole > largest {
            return Err(broken(format!(
                "it would be {whole} bytes, and {largest} at most have room"
            )));
        }
        if came > whole.saturating_add(DIGEST) {
            return Err(broken(format!("it goes on after the {whole} bytes it announced")));
        }
        keep(&blob)?;
    }
    // Whether the digest is counted depends on the version (etcd-io/etcd#19116).
    match announced {
        None => Err(broken("nothing came".to_owned())),
        Some(whole) if remaining == 0 && (came == whole + DIGEST || came == whole) => Ok(came),
        Some(whole) => Err(broken(format!("{came} of {} bytes came", whole + DIGEST))),
    }
}

fn cut(error: &io::Error) -> EtcdError {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => late(),
        _ => EtcdError::Broken(error.to_string()),
    }
}

/// It takes longer than it may.
pub(in crate::node) fn late() -> EtcdError {
    EtcdError::Silent("the snapshot did not come to an end in time".to_owned())
}

/// One line of a stream, for the simulated node and for tests.
pub(in crate::node) fn line(remaining: u64, blob: &[u8]) -> String {
    let remaining = match remaining {
        0 => String::new(),
        some => format!(r#""remaining_bytes":"{some}","#),
    };
    format!("{{\"result\":{{{remaining}\"blob\":\"{}\"}}}}\n", Base64::encode_string(blob))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str, largest: u64) -> (Result<u64, EtcdError>, Vec<u8>) {
        let mut kept = Vec::new();
        let answer = read(text.as_bytes(), largest, &mut |piece| {
            kept.extend_from_slice(piece);
            Ok(())
        });
        (answer, kept)
    }

    #[test]
    fn a_whole_stream_is_handed_on() {
        let digest = [7; 32];
        // As 3.5 and 3.6 write it, and with the digest counted.
        for last in [0, 32] {
            let text = line(3 + last, b"data") + &line(last, b"end") + &line(0, &digest);
            let (answer, kept) = read_all(&text, 1000);
            assert_eq!(answer, Ok(39), "{text}");
            assert_eq!(kept, [&b"dataend"[..], &digest].concat());
        }
        let number = r#"{"result":{"remaining_bytes":0,"blob":"ZGF0YQ==","version":"3.6.0"}}"#;
        assert_eq!(read_all(&format!("{number}\n{}", line(0, &digest)), 1000).0, Ok(36));
    }

    #[test]
    fn what_is_not_whole_is_said() {
        let [one, two, digest] = [line(3, b"data"), line(0, b"end"), line(0, &[7; 32])];
        let endless = format!("{one}{two}{digest}{}", two.repeat(20));
        for (text, why) in [
            (String::new(), "nothing came"),
            (one.clone(), "4 of 39 bytes came"),
            (format!("{one}{}", &two[..20]), "breaks off after 4 bytes"),
            (endless, "goes on after the 7 bytes"),
            (format!("{one}{digest}{digest}"), "goes on after the 7 bytes"),
            ("{}\n".to_owned(), "no piece"),
            ("<html>\n".to_owned(), "after 0 bytes"),
            (r#"{"result":{"blob":"!"}}"#.to_owned() + "\n", "not base64"),
            (r#"{"result":{"remaining_bytes":"x","blob":""}}"#.to_owned() + "\n", "is none"),
            (line(2000, b"data"), "2004 bytes, and 1000 at most"),
        ] {
            let error = read_all(&text, 1000).0.unwrap_err();
            assert!(matches!(error, EtcdError::Broken(_)), "{error:?}");
            assert!(error.to_string().contains(why), "{error}: {why}");
        }
        let refusal = r#"{"error":{"grpc_code":7,"message":"etcdserver: permission denied"}}"#;
        let error = read_all(&format!("{one}{refusal}\n"), 1000).0.unwrap_err();
        assert_eq!(error, EtcdError::Refused("etcdserver: permission denied".to_owned()));
    }

    #[test]
    fn a_line_without_an_end_is_not_kept_in_memory() {
        let endless = io::BufReader::new(io::repeat(b'x'));
        let error = read(endless, 1000, &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("breaks off"), "{error}");
    }

    #[test]
    fn a_disk_that_does_not_take_it_ends_it() {
        let kind = crate::node::NodeErrorKind::NoSpace;
        let full = crate::node::NodeError { operation: "append", path: "/x".to_owned(), kind };
        let text = line(0, b"data") + &line(0, &[7; 32]);
        let error = read(text.as_bytes(), 1000, &mut |_| Err(full.clone())).unwrap_err();
        assert_eq!(error, EtcdError::NotKept(full));
    }
}
