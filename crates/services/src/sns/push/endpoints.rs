//! Endpoints: the application on one device.

use std::collections::BTreeMap;

use aws_api::{error_response::ApiError, generated::sns::types};
use store::Transaction;

use super::{
    applications::{endpoints_of, key_of, no_application},
    record::{ApplicationRecord, EndpointKey, EndpointRecord},
};
use crate::{
    change::{ChangeError, of_store},
    service::ServiceContext,
    sns::{Handled, Sns, error::invalid, outside::Refusal, topics::page},
};

/// Bytes of `CustomUserData` at most (API reference).
const USER_DATA_MAX: usize = 2_048;

impl Sns {
    /// The endpoint of a device that is known already is that one, if nothing else is wanted of it.
    pub(in crate::sns) async fn create_platform_endpoint(
        &self,
        _: &ServiceContext,
        input: types::CreatePlatformEndpointInput,
    ) -> Handled<types::CreateEndpointResponse> {
        let application = key_of(input.platform_application_arn.as_deref())?;
        let mut attributes = input.attributes.unwrap_or_default();
        attributes.extend(input.custom_user_data.map(|data| ("CustomUserData".to_owned(), data)));
        attributes.insert("Token".into(), input.token.unwrap_or_default());
        attributes.entry("Enabled".into()).or_insert_with(|| "true".into());
        check_attributes(&attributes)?;
        let change = move |transaction: &mut Transaction<'_>| -> Result<String, ChangeError> {
            transaction.document::<ApplicationRecord>(&application.document())?.ok_or_else(no_application)?;
            let known = transaction.documents::<EndpointRecord>(&endpoints_of(&application))?;
            let known =
                known.into_iter().find(|(_, one)| one.attributes.get("Token") == attributes.get("Token"));
            if let Some((place, record)) = known {
                let key = EndpointKey { application, uuid: place.name };
                return match record.attributes == attributes {
                    true => Ok(key.arn()),
                    false => Err(invalid(format!(
                        "Token Reason: Endpoint {} already exists with the same Token, but different attributes.",
                        key.arn()
                    ))
                    .into()),
                };
            }
            let key = EndpointKey { application, uuid: uuid::Uuid::new_v4().to_string() };
            transaction.put_document(&key.document(), &EndpointRecord { attributes })?;
            Ok(key.arn())
        };
        let arn = self.store.transact(change).await?;
        Ok(types::CreateEndpointResponse { endpoint_arn: Some(arn) })
    }

    pub(in crate::sns) async fn get_endpoint_attributes(
        &self,
        _: &ServiceContext,
        input: types::GetEndpointAttributesInput,
    ) -> Handled<types::GetEndpointAttributesResponse> {
        let key = endpoint_of(input.endpoint_arn.as_deref())?;
        let record = self.endpoint_record(&key).await?.ok_or_else(no_endpoint)?;
        Ok(types::GetEndpointAttributesResponse { attributes: Some(record.attributes) })
    }

    pub(in crate::sns) async fn set_endpoint_attributes(
        &self,
        _: &ServiceContext,
        input: types::SetEndpointAttributesInput,
    ) -> Handled<()> {
        let key = endpoint_of(input.endpoint_arn.as_deref())?;
        let attributes = input.attributes.unwrap_or_default();
        check_attributes(&attributes)?;
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let mut record =
                transaction.document::<EndpointRecord>(&key.document())?.ok_or_else(no_endpoint)?;
            record.attributes.extend(attributes);
            Ok(transaction.put_document(&key.document(), &record)?)
        };
        Ok(self.store.transact(change).await?)
    }

    pub(in crate::sns) async fn list_endpoints_by_platform_application(
        &self,
        _: &ServiceContext,
        input: types::ListEndpointsByPlatformApplicationInput,
    ) -> Handled<types::ListEndpointsByPlatformApplicationResponse> {
        let application = key_of(input.platform_application_arn.as_deref())?;
        self.application_record(&application).await?;
        let found =
            self.store.documents::<EndpointRecord>(endpoints_of(&application)).await.map_err(of_store)?;
        let arn = |uuid: String| EndpointKey { application: application.clone(), uuid }.arn();
        let mut all: BTreeMap<String, _> =
            found.into_iter().map(|(place, record)| (arn(place.name), record.attributes)).collect();
        let (arns, next_token) = page(all.keys().cloned().collect(), input.next_token.as_deref())?;
        let shown = arns.into_iter().map(|arn| {
            let attributes = all.remove(&arn);
            types::Endpoint { endpoint_arn: Some(arn), attributes }
        });
        Ok(types::ListEndpointsByPlatformApplicationResponse { endpoints: Some(shown.collect()), next_token })
    }

    /// Deleting what is not there is nothing.
    pub(in crate::sns) async fn delete_endpoint(
        &self,
        _: &ServiceContext,
        input: types::DeleteEndpointInput,
    ) -> Handled<()> {
        let key = endpoint_of(input.endpoint_arn.as_deref())?;
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            transaction.delete_document::<EndpointRecord>(&key.document())?;
            Ok(())
        };
        Ok(self.store.transact(change).await?)
    }

    pub(in crate::sns) async fn endpoint_record(&self, key: &EndpointKey) -> Handled<Option<EndpointRecord>> {
        self.store.document(&key.document()).await.map_err(of_store)
    }

    /// Whether a device can be told anything.
    pub(in crate::sns) async fn check_enabled(&self, arn: &str) -> Result<(), Refusal> {
        let key = EndpointKey::of_arn(arn).ok_or_else(|| Refusal::Lasting("it is no endpoint".into()))?;
        match self.endpoint_record(&key).await {
            Ok(Some(record)) if record.is_enabled() => Ok(()),
            Ok(Some(_)) => Err(Refusal::Lasting("the endpoint is disabled".into())),
            Ok(None) => Err(Refusal::Lasting("the endpoint does not exist".into())),
            Err(error) => Err(Refusal::Passing(error.message)),
        }
    }
}

fn endpoint_of(arn: Option<&str>) -> Handled<EndpointKey> {
    EndpointKey::of_arn(arn.unwrap_or_default()).ok_or_else(|| invalid("EndpointArn"))
}

fn no_endpoint() -> ApiError {
    ApiError::user("NotFound", 404, "Endpoint does not exist")
}

fn check_attributes(attributes: &BTreeMap<String, String>) -> Handled<()> {
    attributes.iter().try_for_each(|(name, value)| match name.as_str() {
        "Enabled" if matches!(value.to_ascii_lowercase().as_str(), "true" | "false") => Ok(()),
        "Enabled" => Err(invalid("Attributes Reason: Invalid value for attribute: Enabled")),
        "Token" if value.is_empty() => Err(invalid("Token Reason: cannot be empty")),
        "Token" => Ok(()),
        "CustomUserData" if value.len() > USER_DATA_MAX => {
            Err(invalid("CustomUserData Reason: must be at most 2048 bytes long in UTF-8 encoding"))
        }
        "CustomUserData" => Ok(()),
        _ => Err(invalid(format!("Attributes Reason: Invalid attribute name: {name}"))),
    })
}
