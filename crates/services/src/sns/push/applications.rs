//! Applications: they are made, found, changed and deleted.

use std::collections::BTreeMap;

use aws_api::{error_response::ApiError, generated::sns::types};
use store::{DocumentRange, Transaction};

use super::record::{ApplicationKey, ApplicationRecord, EndpointRecord};
use crate::{
    change::{ChangeError, of_store},
    service::{ServiceContext, not_implemented},
    sns::{Handled, Sns, error::invalid, topics::page},
};

/// Platforms whose applications have a principal beside their credential.
const WITH_PRINCIPAL: &[&str] = &[
    "ADM",
    "APNS",
    "APNS_SANDBOX",
    "APNS_VOIP",
    "APNS_VOIP_SANDBOX",
    "BAIDU",
    "MACOS",
    "MACOS_SANDBOX",
    "MPNS",
    "WNS",
];
/// Those without.
const WITHOUT_PRINCIPAL: &[&str] = &["GCM"];
/// Attributes that are never shown again.
const SECRET: &[&str] = &["PlatformCredential", "PlatformPrincipal"];
/// Characters of a name at most.
const NAME_MAX: usize = 256;

impl Sns {
    pub(in crate::sns) async fn create_platform_application(
        &self,
        context: &ServiceContext,
        input: types::CreatePlatformApplicationInput,
    ) -> Handled<types::CreatePlatformApplicationResponse> {
        let key = ApplicationKey {
            account_id: context.account_id().to_owned(),
            region: context.region.clone(),
            platform: input.platform.unwrap_or_default(),
            name: input.name.unwrap_or_default(),
        };
        let attributes = input.attributes.unwrap_or_default();
        check_name(&key)?;
        check_credentials(&key, &attributes)?;
        check_attributes(&attributes)?;
        let document = key.document();
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let existing = transaction.document::<ApplicationRecord>(&document)?;
            let mut record = existing.unwrap_or(ApplicationRecord { attributes: BTreeMap::new() });
            record.attributes.extend(attributes);
            Ok(transaction.put_document(&document, &record)?)
        };
        self.store.transact(change).await?;
        Ok(types::CreatePlatformApplicationResponse { platform_application_arn: Some(key.arn()) })
    }

    pub(in crate::sns) async fn get_platform_application_attributes(
        &self,
        _: &ServiceContext,
        input: types::GetPlatformApplicationAttributesInput,
    ) -> Handled<types::GetPlatformApplicationAttributesResponse> {
        let key = key_of(input.platform_application_arn.as_deref())?;
        let record = self.application_record(&key).await?;
        Ok(types::GetPlatformApplicationAttributesResponse { attributes: Some(shown(record)) })
    }

    pub(in crate::sns) async fn set_platform_application_attributes(
        &self,
        _: &ServiceContext,
        input: types::SetPlatformApplicationAttributesInput,
    ) -> Handled<()> {
        let key = key_of(input.platform_application_arn.as_deref())?;
        let attributes = input.attributes.unwrap_or_default();
        check_attributes(&attributes)?;
        let document = key.document();
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let mut record =
                transaction.document::<ApplicationRecord>(&document)?.ok_or_else(no_application)?;
            record.attributes.extend(attributes);
            Ok(transaction.put_document(&document, &record)?)
        };
        Ok(self.store.transact(change).await?)
    }

    pub(in crate::sns) async fn list_platform_applications(
        &self,
        context: &ServiceContext,
        input: types::ListPlatformApplicationsInput,
    ) -> Handled<types::ListPlatformApplicationsResponse> {
        let range = DocumentRange {
            account_id: context.account_id().to_owned(),
            region: context.region.clone(),
            ..Default::default()
        };
        let found = self.store.documents::<ApplicationRecord>(range).await.map_err(of_store)?;
        let mut all: BTreeMap<String, ApplicationRecord> = found
            .into_iter()
            .filter_map(|(key, record)| Some((ApplicationKey::of_document(&key)?.arn(), record)))
            .collect();
        let (arns, next_token) = page(all.keys().cloned().collect(), input.next_token.as_deref())?;
        let shown = arns.into_iter().filter_map(|arn| {
            let attributes = Some(shown(all.remove(&arn)?));
            Some(types::PlatformApplication { platform_application_arn: Some(arn), attributes })
        });
        Ok(types::ListPlatformApplicationsResponse {
            platform_applications: Some(shown.collect()),
            next_token,
        })
    }

    /// Its endpoints go with it. Deleting what is not there is nothing.
    pub(in crate::sns) async fn delete_platform_application(
        &self,
        _: &ServiceContext,
        input: types::DeletePlatformApplicationInput,
    ) -> Handled<()> {
        let key = key_of(input.platform_application_arn.as_deref())?;
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            for (place, _) in transaction.documents::<EndpointRecord>(&endpoints_of(&key))? {
                transaction.delete_document::<EndpointRecord>(&place)?;
            }
            transaction.delete_document::<ApplicationRecord>(&key.document())?;
            Ok(())
        };
        Ok(self.store.transact(change).await?)
    }

    pub(super) async fn application_record(&self, key: &ApplicationKey) -> Handled<ApplicationRecord> {
        self.store.document(&key.document()).await.map_err(of_store)?.ok_or_else(no_application)
    }
}

/// The endpoints of an application.
pub(super) fn endpoints_of(key: &ApplicationKey) -> DocumentRange {
    DocumentRange {
        account_id: key.account_id.clone(),
        region: key.region.clone(),
        parent: Some(key.path()),
        ..Default::default()
    }
}

pub(super) fn key_of(arn: Option<&str>) -> Handled<ApplicationKey> {
    ApplicationKey::of_arn(arn.unwrap_or_default()).ok_or_else(|| invalid("PlatformApplicationArn"))
}

pub(super) fn no_application() -> ApiError {
    ApiError::user("NotFound", 404, "PlatformApplication does not exist")
}

fn shown(record: ApplicationRecord) -> BTreeMap<String, String> {
    let mut shown = record.attributes;
    shown.retain(|name, _| !SECRET.contains(&name.as_str()));
    shown.entry("Enabled".into()).or_insert_with(|| "true".into());
    shown
}

fn check_name(key: &ApplicationKey) -> Handled<()> {
    let is_named = (1..=NAME_MAX).contains(&key.name.len())
        && key.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if !is_named {
        return Err(invalid(
            "Name Reason: must be made up of only uppercase and lowercase ASCII letters, numbers, underscores, hyphens, and periods, and must be between 1 and 256 characters long",
        ));
    }
    match [WITH_PRINCIPAL, WITHOUT_PRINCIPAL].concat().contains(&key.platform.as_str()) {
        true => Ok(()),
        false => Err(invalid(format!("Platform Reason: {} is not supported", key.platform))),
    }
}

fn check_credentials(key: &ApplicationKey, attributes: &BTreeMap<String, String>) -> Handled<()> {
    let has = |name: &str| attributes.get(name).is_some_and(|value| !value.is_empty());
    if !has("PlatformCredential") {
        return Err(invalid("Attributes Reason: Platform credentials are invalid"));
    }
    match WITH_PRINCIPAL.contains(&key.platform.as_str()) && !has("PlatformPrincipal") {
        true => Err(invalid("Attributes Reason: Platform principal is required")),
        false => Ok(()),
    }
}

fn check_attributes(attributes: &BTreeMap<String, String>) -> Handled<()> {
    attributes.iter().try_for_each(|(name, value)| match name.as_str() {
        "PlatformCredential" | "PlatformPrincipal" | "ApplePlatformTeamID" | "ApplePlatformBundleID" => {
            Ok(())
        }
        "Enabled" if matches!(value.as_str(), "true" | "false") => Ok(()),
        "EventEndpointCreated" | "EventEndpointDeleted" | "EventEndpointUpdated" | "EventDeliveryFailure"
            if !value.is_empty() =>
        {
            Err(not_implemented("SNS", "events of platform applications"))
        }
        "SuccessFeedbackRoleArn" | "FailureFeedbackRoleArn" | "SuccessFeedbackSampleRate"
            if !value.is_empty() =>
        {
            Err(not_implemented("SNS", "delivery status logs"))
        }
        name if name.starts_with("Event") || name.contains("Feedback") => Ok(()),
        _ => Err(invalid(format!("Attributes Reason: Invalid attribute name: {name}"))),
    })
}
