//! X.509 certificates of users. Nothing here is signed with them; they are kept as they were given.

use aws_api::generated::iam::types;
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    Handled, Iam,
    error::IamError,
    paging,
    records::{SigningCertificate, User},
    seconds, users,
};
use crate::{random, service::ServiceContext};

/// Certificates of a user at most.
const CERTIFICATES_MAX: usize = 2;
/// The tag of a DER sequence, which every certificate is.
const DER_SEQUENCE: u8 = 0x30;

impl Iam {
    pub(super) async fn upload_signing_certificate(
        &self,
        context: &ServiceContext,
        input: types::UploadSigningCertificateRequest,
    ) -> Handled<types::UploadSigningCertificateResponse> {
        let name = users::user_or_caller(input.user_name, context)?;
        let certificate = SigningCertificate {
            id: random::certificate_id(),
            body: input.certificate_body.unwrap_or_default(),
            active: true,
            uploaded_ms: context.now_ms,
        };
        let given = certificate.clone();
        self.change(context.account_id(), Some(name.clone()), move |user: &mut User, _| {
            if !is_certificate(&given.body) {
                let message = "Unable to parse certificate. Please ensure the certificate is in PEM format.";
                return Err(IamError::Other("MalformedCertificate", 400, message.into()));
            }
            if user.certificates.iter().any(|known| known.body == given.body) {
                let message = "The certificate has been uploaded before.";
                return Err(IamError::Other("DuplicateCertificate", 409, message.into()));
            }
            if user.certificates.len() >= CERTIFICATES_MAX {
                return Err(IamError::LimitExceeded(format!(
                    "Cannot exceed quota for CertificatesPerUser: {CERTIFICATES_MAX}"
                )));
            }
            user.certificates.push(given);
            Ok(())
        })
        .await?;
        Ok(types::UploadSigningCertificateResponse { certificate: Some(shown(&name, &certificate)) })
    }

    pub(super) async fn list_signing_certificates(
        &self,
        context: &ServiceContext,
        input: types::ListSigningCertificatesRequest,
    ) -> Handled<types::ListSigningCertificatesResponse> {
        let name = users::user_or_caller(input.user_name, context)?;
        let mut user: User = self.read(context.account_id(), &name).await?;
        user.certificates.sort_by(|a, b| a.id.cmp(&b.id));
        let page =
            paging::page(user.certificates, input.marker.as_deref(), input.max_items, |one| one.id.clone())?;
        Ok(types::ListSigningCertificatesResponse {
            certificates: Some(page.items.iter().map(|one| shown(&name, one)).collect()),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    pub(super) async fn update_signing_certificate(
        &self,
        context: &ServiceContext,
        input: types::UpdateSigningCertificateRequest,
    ) -> Handled<()> {
        let name = users::user_or_caller(input.user_name, context)?;
        let (id, status) = (input.certificate_id.unwrap_or_default(), input.status.unwrap_or_default());
        self.change(context.account_id(), Some(name), move |user: &mut User, _| {
            let found = user.certificates.iter_mut().find(|certificate| certificate.id == id);
            found.ok_or_else(|| missing(&id))?.active = status == "Active";
            Ok(())
        })
        .await
    }

    pub(super) async fn delete_signing_certificate(
        &self,
        context: &ServiceContext,
        input: types::DeleteSigningCertificateRequest,
    ) -> Handled<()> {
        let name = users::user_or_caller(input.user_name, context)?;
        let id = input.certificate_id.unwrap_or_default();
        self.change(context.account_id(), Some(name), move |user: &mut User, _| {
            let place = user.certificates.iter().position(|certificate| certificate.id == id);
            user.certificates.remove(place.ok_or_else(|| missing(&id))?);
            Ok(())
        })
        .await
    }
}

fn shown(user_name: &str, certificate: &SigningCertificate) -> types::SigningCertificate {
    types::SigningCertificate {
        user_name: Some(user_name.to_owned()),
        certificate_id: Some(certificate.id.clone()),
        certificate_body: Some(certificate.body.clone()),
        status: Some(if certificate.active { "Active" } else { "Inactive" }.into()),
        upload_date: seconds(certificate.uploaded_ms),
    }
}

fn missing(id: &str) -> IamError {
    IamError::NoSuchEntity(format!("The Certificate with id {id} cannot be found."))
}

/// Whether a text is a certificate in PEM, as far as its wrapping goes.
fn is_certificate(text: &str) -> bool {
    let inner = text.trim().strip_prefix("-----BEGIN CERTIFICATE-----");
    let inner = inner.and_then(|rest| rest.strip_suffix("-----END CERTIFICATE-----"));
    let base64: String = inner.unwrap_or_default().split_whitespace().collect();
    BASE64_STANDARD.decode(base64).is_ok_and(|der| der.first() == Some(&DER_SEQUENCE))
}
