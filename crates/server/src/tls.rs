//! HTTPS on the same address as HTTP: the first byte of a connection tells which it speaks.
//!
//! ```text
//! 0x16 ──► certificate ──own files──► read again when they change
//!                      ──none──► one of the server's own: made at the first such connection, kept, given at /_lambent/certificate
//!      ──► handshake (h2 or http/1.1) ──► the same requests
//! ```

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime},
};

use lambda_model::error::with_causes;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey, Store, StoreError, Transaction};
use tokio_rustls::TlsAcceptor;

use crate::clock;

/// What a connection of TLS begins with (RFC 8446, 5.1: a handshake record).
pub(crate) const FIRST_BYTE: u8 = 0x16;
/// How often files are looked at, at most.
const LOOK: Duration = Duration::from_secs(1);
/// How long a certificate of our own is good, days: no client takes longer ones.
const OWN_DAYS: i64 = 397;
/// One that is older is made anew, milliseconds.
const OWN_AGE_MS_MAX: i64 = 300 * 24 * 60 * 60 * 1000;

/// Files of the operator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate and those that signed it, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// A certificate of our own and its key, PEM.
#[derive(Clone, Serialize, Deserialize)]
struct OwnCertificate {
    certificate: String,
    key: String,
    names: Vec<String>,
    made_ms: i64,
}

impl Document for OwnCertificate {
    const KIND: &'static str = "server/certificate";
}

/// See the module's doc.
pub(crate) struct Tls {
    store: Store,
    files: Option<TlsFiles>,
    /// Whom a certificate of our own is for.
    names: Vec<String>,
    current: RwLock<Option<Current>>,
}

struct Current {
    config: Arc<ServerConfig>,
    /// The certificate, PEM, if it is our own.
    own: Option<String>,
    looked: Instant,
    /// When the files were written.
    written: Option<(SystemTime, SystemTime)>,
}

impl Tls {
    /// With the operator's files, or with a certificate of our own for addresses of functions and APIs of a Region.
    ///
    /// # Errors
    /// When the files are not what they should be.
    pub(crate) fn new(store: Store, files: Option<TlsFiles>, region: &str) -> Result<Self, String> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into_iter();
        let names =
            names.chain(["lambda-url", "execute-api"].map(|kind| format!("*.{kind}.{region}.localhost")));
        let tls = Self { store, files, names: names.collect(), current: RwLock::default() };
        if let Some(files) = &tls.files {
            tls.looked_at(files)?;
        }
        Ok(tls)
    }

    /// Who takes connections, with the certificate as it is now.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn acceptor(&self) -> Result<TlsAcceptor, String> {
        if let Some(config) = self.known() {
            return Ok(config.into());
        }
        let config = match &self.files {
            Some(files) => self.looked_at(files)?,
            None => {
                let own = self.own().await?;
                let config = Arc::new(config(&own.certificate, &own.key)?);
                self.keep(Current {
                    config,
                    own: Some(own.certificate),
                    looked: Instant::now(),
                    written: None,
                })
            }
        };
        Ok(config.into())
    }

    /// The certificate of our own, PEM; `None` where the operator has one.
    ///
    /// # Errors
    /// When it cannot be made or kept.
    pub(crate) async fn own_certificate(&self) -> Result<Option<String>, String> {
        self.acceptor().await?;
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Ok(current.as_ref().and_then(|current| current.own.clone()))
    }

    /// What is known and was looked at a moment ago.
    fn known(&self) -> Option<Arc<ServerConfig>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let known = current.as_ref()?;
        let is_fresh = self.files.is_none() || known.looked.elapsed() < LOOK;
        is_fresh.then(|| Arc::clone(&known.config))
    }

    /// Files that have changed are read again. Where they are wrong, what was read before goes on.
    fn looked_at(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, String> {
        let now = written(files);
        let before = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            current.as_ref().map(|current| (Arc::clone(&current.config), current.written))
        };
        let config = match before {
            Some((config, written)) if written == now => config,
            Some((config, _)) => read(files).map_or_else(
                |why| {
                    tracing::error!(why, "the changed certificate cannot be used; the one before is");
                    config
                },
                Arc::new,
            ),
            None => Arc::new(read(files)?),
        };
        Ok(self.keep(Current { config, own: None, looked: Instant::now(), written: now }))
    }

    fn keep(&self, current: Current) -> Arc<ServerConfig> {
        let config = Arc::clone(&current.config);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(current);
        config
    }

    /// The certificate of our own: the one that is kept, or a new one where there is none, or it is too old or for others.
    async fn own(&self) -> Result<OwnCertificate, String> {
        let (names, now_ms) = (self.names.clone(), clock::unix_ms());
        let is_good = move |own: &OwnCertificate| own.names == names && now_ms - own.made_ms < OWN_AGE_MS_MAX;
        let kept = self.store.document::<OwnCertificate>(&place()).await;
        if let Some(own) = kept.map_err(|error| with_causes(&error))?.filter(&is_good) {
            return Ok(own);
        }
        let made = made(self.names.clone(), now_ms)?;
        let keep = move |transaction: &mut Transaction<'_>| -> Result<OwnCertificate, StoreError> {
            if let Some(first) = transaction.document::<OwnCertificate>(&place())?.filter(is_good) {
                return Ok(first);
            }
            transaction.put_document(&place(), &made)?;
            Ok(made)
        };
        self.store.transact(keep).await.map_err(|error| with_causes(&error))
    }
}

/// Where the certificate is kept: it is of no account.
fn place() -> DocumentKey {
    DocumentKey { name: "own".into(), ..DocumentKey::default() }
}

fn made(names: Vec<String>, now_ms: i64) -> Result<OwnCertificate, String> {
    let make = || -> Result<(String, String), rcgen::Error> {
        let key = rcgen::KeyPair::generate()?;
        let mut parameters = rcgen::CertificateParams::new(names.clone())?;
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "lambent");
        // A day early: clocks differ.
        let [from, until] = [-1, OWN_DAYS].map(|days| day(now_ms + days * 24 * 60 * 60 * 1000));
        parameters.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        parameters.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        Ok((parameters.self_signed(&key)?.pem(), key.serialize_pem()))
    };
    let (certificate, key) = make().map_err(|error| format!("no certificate could be made: {error}"))?;
    Ok(OwnCertificate { certificate, key, names, made_ms: now_ms })
}

/// Year, month and day of a time.
fn day(unix_ms: i64) -> (i32, u8, u8) {
    let at = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    (date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
}

fn written(files: &TlsFiles) -> Option<(SystemTime, SystemTime)> {
    let of = |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    Some((of(&files.certificate)?, of(&files.key)?))
}

fn read(files: &TlsFiles) -> Result<ServerConfig, String> {
    let text = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    config(&text(&files.certificate)?, &text(&files.key)?)
}

fn config(certificate: &str, key: &str) -> Result<ServerConfig, String> {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| format!("the certificate is no PEM: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
    let key = key.map_err(|error| format!("the key of the certificate is no PEM: {error}"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
