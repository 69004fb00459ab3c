//! A signer that is not ours as the oracle; clocks, pieces and what is incomplete. The official vectors are judged in `server`.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use aws_api::sigv4::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A request that can be changed.
struct Sample {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sample {
    fn request(&self) -> Request<'_> {
        Request { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers }
    }
}

#[test]
fn paths_that_hold_escapes_are_encoded_twice() {
    // The vectors double-url-encode and double-encode-path.
    for (path, canonical) in [
        (
            "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations",
            "/2015-03-31/functions/arn%253Aaws%253Alambda/invocations",
        ),
        ("/test/@connections/JBDvjfGEIAMCERw%3D", "/test/%40connections/JBDvjfGEIAMCERw%253D"),
    ] {
        let rule = PathRule::of_service("lambda");
        assert_eq!(canonical_path(path, rule), canonical);
    }
}

/// A request to sign.
fn vanilla() -> Sample {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("example.amazonaws.com"));
    headers.insert("x-amz-date", HeaderValue::from_static("20261125T120000Z"));
    Sample { method: "GET".into(), path: "/a%20b".into(), query: "x=1".into(), headers, body: Vec::new() }
}

/// Unix time of [`vanilla`].
const NOON: i64 = 1_795_608_000;

fn sign(vector: &mut Sample, service: &str) {
    use aws_sigv4::{
        http_request::{
            PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
            UriPathNormalizationMode, sign,
        },
        sign::v4,
    };
    let identity = aws_credential_types::Credentials::new("AKID", SECRET, None, None, "test").into();
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOON.unsigned_abs());
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name(service)
        .time(time)
        .settings(settings)
        .build()
        .unwrap();
    let uri = format!("http://example.amazonaws.com{}?{}", vector.path, vector.query);
    let headers: Vec<(String, String)> = vector
        .headers
        .iter()
        .filter(|(name, _)| *name != "host" && *name != "x-amz-date")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let signable = SignableRequest::new(
        &vector.method,
        uri,
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        SignableBody::Bytes(&vector.body),
    )
    .unwrap();
    let (instructions, _) = sign(signable, &parameters.into()).unwrap().into_parts();
    for (name, value) in instructions.headers() {
        let name = HeaderName::try_from(name).unwrap();
        vector.headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
}

fn judge_at(vector: &Sample, service: &str, now: i64) -> Result<(), SignatureError> {
    let signed = SignedRequest::read(&vector.request())?;
    let payload = payload_hash(&vector.body);
    let rule = PathRule::of_service(service);
    verify(&vector.request(), &signed, SECRET, &payload, (rule, now), &SigningKeys::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_another_signer_signs_is_right(
        path in "(/[a-zA-Z0-9._~-]{1,8}(%20|%2F|%C3%BC|:|@)?){1,4}/?",
        query in "([a-z]{1,4}=[A-Za-z0-9~._-]{0,6}(%20|%2B|%2F)?){0,1}(&[A-Z]{1,3}=[a-z]{0,3}){0,3}",
        value in "[ -~]{0,20}",
        body in proptest::collection::vec(any::<u8>(), 0..100),
        is_s3 in any::<bool>(),
    ) {
        let mut vector = vanilla();
        vector.path = path;
        vector.query = query;
        vector.body = body;
        vector.headers.insert("x-amz-meta-a", HeaderValue::from_str(value.trim()).unwrap());
        let service = if is_s3 { "s3" } else { "lambda" };
        sign(&mut vector, service);
        prop_assert_eq!(judge_at(&vector, service, NOON), Ok(()));
        vector.body.push(1);
        prop_assert_eq!(judge_at(&vector, service, NOON), Err(SignatureError::Mismatch));
    }
}

#[test]
fn what_we_sign_is_right() {
    let mut vector = vanilla();
    vector.body = b"body".to_vec();
    let identity = SigningIdentity {
        access_key_id: "AKID",
        secret_access_key: SECRET,
        region: "eu-west-1",
        service: "lambda",
    };
    let header = authorization(&vector.request(), &identity, &payload_hash(&vector.body));
    vector.headers.insert("authorization", HeaderValue::from_str(&header).unwrap());
    assert_eq!(judge_at(&vector, "lambda", NOON), Ok(()));
    vector.body.push(b'!');
    assert_eq!(judge_at(&vector, "lambda", NOON), Err(SignatureError::Mismatch));
}

#[test]
fn the_clocks_may_differ_by_a_quarter_of_an_hour() {
    let mut vector = vanilla();
    sign(&mut vector, "lambda");
    for now in [NOON - 900, NOON, NOON + 900] {
        assert_eq!(judge_at(&vector, "lambda", now), Ok(()));
    }
    let late = judge_at(&vector, "lambda", NOON + 901).unwrap_err();
    assert_eq!(
        late.to_string(),
        "Signature expired: 20261125T120000Z is now earlier than 20261125T120001Z (20261125T121501Z - 15 min.)"
    );
    let early = judge_at(&vector, "lambda", NOON - 901).unwrap_err();
    assert!(early.to_string().starts_with("Signature not yet current: 20261125T120000Z"), "{early}");
    assert_eq!((late.code(), late.s3_code()), ("InvalidSignatureException", "RequestTimeTooSkewed"));
}

#[test]
fn a_signature_in_pieces_is_incomplete() {
    assert_eq!(SignedRequest::read(&vanilla().request()), Err(SignatureError::Missing));
    for header in [
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request",
        "AWS4-HMAC-SHA256 Credential=a/b/aws4_request, SignedHeaders=host, Signature=0",
    ] {
        let mut vector = vanilla();
        vector.headers.insert("authorization", HeaderValue::from_static(header));
        let error = SignedRequest::read(&vector.request()).unwrap_err();
        assert_eq!(error.code(), "IncompleteSignatureException", "{header}");
    }
    let mut presigned = vanilla();
    presigned.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2Fb%2Fc%2Fd%2Faws4_request\
        &X-Amz-Date=20261125T120000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=0&X-Amz-Expires=604801"
        .into();
    let error = SignedRequest::read(&presigned.request()).unwrap_err();
    assert!(error.to_string().contains("between 1 and 604800"), "a week and a second: {error}");
}

#[test]
fn pieces_of_a_body_are_a_chain() {
    // The example of S3's documentation, "Signature calculations: transferring payload in multiple chunks".
    let signed = SignedRequest {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
        session_token: None,
        date: "20130524".into(),
        region: "us-east-1".into(),
        service: "s3".into(),
        timestamp: "20130524T000000Z".into(),
        signed_headers: Vec::new(),
        signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9".into(),
        expires_seconds: None,
    };
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let mut chain = ChunkSignatures::new(&signed, secret, &SigningKeys::default());
    let pieces = [
        (vec![b'a'; 65_536], "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (vec![b'a'; 1_024], "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (Vec::new(), "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ];
    for (bytes, signature) in pieces {
        chain.update(&bytes);
        assert_eq!(chain.end_chunk(signature), Ok(()));
    }
    let mut chain = ChunkSignatures::new(&signed, secret, &SigningKeys::default());
    chain.update(b"other");
    let first = "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648";
    assert_eq!(chain.end_chunk(first), Err(SignatureError::Mismatch));
}
