//! How servers of Kafka are spoken to: in the clear only where nobody logs in and no authority is named.

use krafka::auth::{AuthConfig, TlsConfig};
use lambda_model::event_source_mapping::broker::AccessKind;

use super::{super::secrets::Secret, KafkaPoller};

impl KafkaPoller {
    /// Reads the secrets that the mapping names. What is wrong is said as a last result says it.
    pub(super) async fn access(&self) -> Result<AuthConfig, String> {
        let mut tls = None;
        if let Some(secret) = self.secret(AccessKind::ServerRootCa).await? {
            tls = Some(TlsConfig::new().with_ca_cert_pem(secret.text("certificate")?));
        }
        if let Some(secret) = self.secret(AccessKind::ClientCertificate).await? {
            if secret.has("privateKeyPassword") {
                return Err("PROBLEM: Private keys with a password are not supported by this server.".into());
            }
            let key = secret.text("privateKey")?.as_bytes().to_vec();
            let own = tls.unwrap_or_else(TlsConfig::new);
            tls = Some(own.with_client_cert_pem(secret.text("certificate")?, key));
        }
        let login = self.login().await?;
        Ok(match (login, tls) {
            // What is secret never goes in the clear.
            (Some(login), tls) => login.with_tls(tls.unwrap_or_else(TlsConfig::new)),
            (None, Some(tls)) => AuthConfig::ssl(tls),
            (None, None) => AuthConfig::plaintext(),
        })
    }

    async fn login(&self) -> Result<Option<AuthConfig>, String> {
        for kind in [AccessKind::BasicAuth, AccessKind::ScramSha256, AccessKind::ScramSha512] {
            let Some(secret) = self.secret(kind).await? else { continue };
            let (name, password) = (secret.text("username")?, secret.text("password")?);
            return Ok(Some(match kind {
                AccessKind::ScramSha256 => AuthConfig::sasl_scram_sha256(name, password),
                AccessKind::ScramSha512 => AuthConfig::sasl_scram_sha512(name, password),
                _ => AuthConfig::sasl_plain(name, password),
            }));
        }
        Ok(None)
    }

    async fn secret(&self, kind: AccessKind) -> Result<Option<Secret>, String> {
        match self.broker.access_of(kind) {
            Some(arn) => Secret::read(&self.parts, arn).await.map(Some),
            None => Ok(None),
        }
    }
}
