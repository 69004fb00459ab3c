//! Signatures of messages, as the published verifiers of SNS check them: RSA, over the members that are listed with the name of each.
//!
//! The key is made when it is first needed, and kept with its certificate; both are this server's own.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use aws_api::{error_response::ApiError, timestamp};
use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_model::error::with_causes;
use rsa::{
    PrivateKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey},
    sha2::Sha256,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Digest;
use store::{Document, DocumentKey, Store, Transaction};
use tokio::{sync::OnceCell, task::spawn_blocking};

use super::links::Links;
use crate::change::{ChangeError, failed};

/// Bits of the key, as AWS's own.
const KEY_BITS: usize = 2_048;
/// What the certificate is for.
const COMMON_NAME: &str = "sns.amazonaws.com";

/// The key as it is stored.
#[derive(Serialize, Deserialize)]
struct SigningKeyRecord {
    /// PKCS #8, base64.
    private_key: String,
    /// PEM.
    certificate: String,
}

impl Document for SigningKeyRecord {
    const KIND: &'static str = "sns/signing_key";
}

/// The key of this server.
pub(super) struct SigningKey {
    private: PrivateKey,
    certificate: String,
    /// Names the certificate.
    name: String,
}

/// The key, once somebody has needed it.
#[derive(Default)]
pub(super) struct SigningKeys(OnceCell<Arc<SigningKey>>);

impl SigningKeys {
    /// The key, made if there is none.
    ///
    /// # Errors
    /// When it cannot be made, read or kept.
    pub(super) async fn get(&self, store: &Store) -> Result<Arc<SigningKey>, ApiError> {
        let key = self.0.get_or_try_init(|| async {
            let record = match store.document(&place()).await.map_err(ChangeError::from)? {
                Some(record) => record,
                None => made(store).await?,
            };
            Ok::<_, ApiError>(Arc::new(SigningKey::of(record)?))
        });
        key.await.cloned()
    }

    /// The certificate of that name.
    pub(super) async fn certificate(&self, name: &str, store: &Store) -> Option<String> {
        // Whoever asks must not have a key made.
        if self.0.get().is_none()
            && !matches!(store.document::<SigningKeyRecord>(&place()).await, Ok(Some(_)))
        {
            return None;
        }
        let key = self.get(store).await.ok()?;
        (key.name == name).then(|| key.certificate.clone())
    }
}

/// Where the key is kept: it is of no account.
fn place() -> DocumentKey {
    DocumentKey {
        account_id: String::new(),
        region: String::new(),
        parent: String::new(),
        name: "key".into(),
    }
}

/// Makes a key and keeps it, unless somebody else was faster.
async fn made(store: &Store) -> Result<SigningKeyRecord, ApiError> {
    let record =
        spawn_blocking(SigningKeyRecord::make).await.map_err(|error| failed(error.to_string()))??;
    let keep = move |transaction: &mut Transaction<'_>| -> Result<_, ChangeError> {
        if let Some(first) = transaction.document::<SigningKeyRecord>(&place())? {
            return Ok(first);
        }
        transaction.put_document(&place(), &record)?;
        Ok(record)
    };
    Ok(store.transact(keep).await?)
}

impl SigningKeyRecord {
    fn make() -> Result<Self, ApiError> {
        let wrong =
            |error: &dyn std::error::Error| failed(format!("no key for signatures: {}", with_causes(error)));
        let private = PrivateKey::new(&mut getrandom::SysRng, KEY_BITS).map_err(|error| wrong(&error))?;
        let der = private.to_pkcs8_der().map_err(|error| wrong(&error))?;
        let pair =
            rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der.as_bytes().into(), &rcgen::PKCS_RSA_SHA256)
                .map_err(|error| wrong(&error))?;
        let mut parameters =
            rcgen::CertificateParams::new([COMMON_NAME.to_owned()]).map_err(|error| wrong(&error))?;
        parameters.distinguished_name.push(rcgen::DnType::CommonName, COMMON_NAME);
        let certificate = parameters.self_signed(&pair).map_err(|error| wrong(&error))?;
        Ok(Self { private_key: BASE64_STANDARD.encode(der.as_bytes()), certificate: certificate.pem() })
    }
}

impl SigningKey {
    fn of(record: SigningKeyRecord) -> Result<Self, ApiError> {
        let der = BASE64_STANDARD.decode(&record.private_key);
        let der = der.map_err(|error| failed(format!("the key for signatures is damaged: {error}")))?;
        let private = PrivateKey::from_pkcs8_der(&der)
            .map_err(|error| failed(format!("the key for signatures is damaged: {error}")))?;
        let digest = aws_api::hex::encode(&sha2::Sha256::digest(&record.certificate));
        Ok(Self { private, name: digest.chars().take(32).collect(), certificate: record.certificate })
    }
}

/// How messages of a topic are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignatureVersion {
    /// SHA-1, which AWS has when nobody says.
    One,
    /// SHA-256.
    Two,
}

/// Signs for one topic, and each text once.
pub(super) struct Signer {
    key: Arc<SigningKey>,
    /// What leads back to this server.
    pub links: Links,
    version: SignatureVersion,
    made: RefCell<HashMap<String, String>>,
}

/// A message before it is signed.
pub(super) struct Unsigned<'a> {
    /// `Notification` and so on.
    pub kind: &'a str,
    pub message_id: &'a str,
    pub topic_arn: &'a str,
    pub message: &'a str,
    pub subject: Option<&'a str>,
    /// Unix time, milliseconds.
    pub made_ms: i64,
    /// Token and address that confirm.
    pub confirmation: Option<(&'a str, &'a str)>,
}

impl Signer {
    /// For a topic with these attributes.
    pub(super) fn new(key: Arc<SigningKey>, links: Links, attributes: &BTreeMap<String, String>) -> Self {
        let version = match attributes.get("SignatureVersion").map(String::as_str) {
            Some("2") => SignatureVersion::Two,
            _ => SignatureVersion::One,
        };
        Self { key, links, version, made: RefCell::default() }
    }

    /// The message as an object with its signature.
    pub(super) fn signed(&self, unsigned: &Unsigned<'_>) -> Value {
        let members = unsigned.members();
        let canonical: String = members.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect();
        let mut envelope = json!({
            "SignatureVersion": match self.version { SignatureVersion::One => "1", SignatureVersion::Two => "2" },
            "Signature": self.signature(canonical),
            "SigningCertURL": self.links.certificate(&self.key.name),
        });
        for (name, value) in members {
            envelope[name] = value.into();
        }
        envelope
    }

    fn signature(&self, canonical: String) -> String {
        let mut made = self.made.borrow_mut();
        if let Some(known) = made.get(&canonical) {
            return known.clone();
        }
        let signature = match self.version {
            SignatureVersion::One => self.key.private.pkcs1v15_sign::<Sha1>(canonical.as_bytes()),
            SignatureVersion::Two => self.key.private.pkcs1v15_sign::<Sha256>(canonical.as_bytes()),
        };
        let signature = signature.map(|bytes| BASE64_STANDARD.encode(bytes)).unwrap_or_else(|error| {
            tracing::error!(error = with_causes(&error), "a message could not be signed");
            String::new()
        });
        made.insert(canonical, signature.clone());
        signature
    }
}

impl Unsigned<'_> {
    /// What is signed, in the order in which it is (SNS developer guide, verifying signatures).
    fn members(&self) -> Vec<(&'static str, String)> {
        let (token, url) = self.confirmation.unzip();
        let all = [
            ("Message", Some(self.message.to_owned())),
            ("MessageId", Some(self.message_id.to_owned())),
            ("Subject", self.subject.map(str::to_owned)),
            ("SubscribeURL", url.map(str::to_owned)),
            ("Timestamp", Some(timestamp::iso_milliseconds(self.made_ms))),
            ("Token", token.map(str::to_owned)),
            ("TopicArn", Some(self.topic_arn.to_owned())),
            ("Type", Some(self.kind.to_owned())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}
