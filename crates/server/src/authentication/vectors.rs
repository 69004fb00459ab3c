//! The official vectors of Signature Version 4, each judged right and, with one thing changed, wrong. They ship inside the library
//! `aws-sigv4`; they are read from there, which is why they are not judged where the signatures are.

use std::{fs, path::PathBuf, process::Command};

use aws_api::sigv4::{PathRule, Request, SignatureError, SignedRequest, SigningKeys, payload_hash, verify};
use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};

/// The folder of the vectors inside the crate that ships them.
fn vectors() -> PathBuf {
    // What other platforms would need was never fetched.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &platform])
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let signer = packages.iter().find(|package| package["name"] == "aws-sigv4").unwrap();
    let manifest = PathBuf::from(signer["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().join("aws-signing-test-suite/v4")
}

struct Vector {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Vector {
    fn parse(text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let first = lines.next().unwrap();
        let first = first.strip_suffix(" HTTP/1.1").unwrap_or(first);
        let (method, target) = first.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with(' ') {
                // A folded line goes on with the header before it.
                headers.last_mut().unwrap().1.push_str(line);
            } else if let Some((name, value)) = line.split_once(':') {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::try_from(name).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        Self {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: map,
            body: body.trim_end_matches('\n').as_bytes().to_vec(),
        }
    }

    fn request(&self) -> Request<'_> {
        Request { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers }
    }

    fn judge(&self, context: &serde_json::Value) -> Result<(), SignatureError> {
        let signed = SignedRequest::read(&self.request())?;
        let rule = PathRule { encodes_twice: true, normalizes: context["normalize"] == true };
        let secret = context["credentials"]["secret_access_key"].as_str().unwrap();
        let now: jiff::Timestamp = context["timestamp"].as_str().unwrap().parse().unwrap();
        let payload = payload_hash(&self.body);
        let keys = SigningKeys::default();
        verify(&self.request(), &signed, secret, &payload, (rule, now.as_second()), &keys)
    }
}

#[test]
fn every_official_vector_is_right_and_wrong_when_one_thing_is_changed() {
    let mut judged = 0;
    for folder in fs::read_dir(vectors()).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(context) = fs::read_to_string(folder.join("context.json")) else {
            // Two come without keys, and are for the canonical path alone.
            assert!(name.starts_with("double-"), "{name}");
            continue;
        };
        let context: serde_json::Value = serde_json::from_str(&context).unwrap();
        for kind in ["header", "query"] {
            let text = fs::read_to_string(folder.join(format!("{kind}-signed-request.txt"))).unwrap();
            let vector = Vector::parse(&text);
            assert_eq!(vector.judge(&context), Ok(()), "{name}, {kind}");
            for (what, changed) in changes(vector) {
                assert!(changed.judge(&context).is_err(), "{name}, {kind}: {what} was changed");
            }
            judged += 1;
        }
    }
    assert!(judged >= 70, "{judged} vectors");
}

/// The same with one thing changed.
fn changes(vector: Vector) -> Vec<(&'static str, Vector)> {
    let copy = || Vector {
        method: vector.method.clone(),
        path: vector.path.clone(),
        query: vector.query.clone(),
        headers: vector.headers.clone(),
        body: vector.body.clone(),
    };
    let mut host = copy();
    host.headers.insert("host", HeaderValue::from_static("example.org"));
    let mut unsigned = copy();
    unsigned.headers.insert("x-amz-target", HeaderValue::from_static("Other"));
    vec![
        ("the method", Vector { method: "DELETE".into(), ..copy() }),
        ("the path", Vector { path: format!("{}x", vector.path), ..copy() }),
        ("the query", Vector { query: format!("{}&more=1", vector.query), ..copy() }),
        ("the body", Vector { body: b"other".to_vec(), ..copy() }),
        ("the host", host),
        ("an unsigned header", unsigned),
    ]
}
