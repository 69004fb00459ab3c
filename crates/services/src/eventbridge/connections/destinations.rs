//! Operations on API destinations.

use aws_api::{error_response::ApiError, generated::events::types, request_id};
use store::{DocumentKey, Transaction};

use super::{
    super::{
        EventBridge, Handled,
        buses::page,
        error::{exists, not_found},
        named::{document, range, seconds},
    },
    CONNECTION, ConnectionRecord, DESTINATION, DestinationRecord, arn, of_arn,
    operations::{check_endpoint, no_connection},
};
use crate::{
    change::{ChangeError, of_store},
    service::ServiceContext,
};

/// Requests a second, where nobody says (API reference, CreateApiDestination).
const RATE: i64 = 300;

impl EventBridge {
    pub(in super::super) async fn create_api_destination(
        &self,
        context: &ServiceContext,
        input: types::CreateApiDestinationRequest,
    ) -> Handled<types::CreateApiDestinationResponse> {
        let (key, now_ms) = (document(context, &input.name.unwrap_or_default()), context.now_ms);
        let endpoint = input.invocation_endpoint.unwrap_or_default();
        check_endpoint(&endpoint)?;
        let record = DestinationRecord {
            id: request_id::new(),
            created_ms: now_ms,
            modified_ms: now_ms,
            description: input.description,
            connection_arn: input.connection_arn.unwrap_or_default(),
            endpoint,
            method: input.http_method.unwrap_or_default(),
            rate: input.invocation_rate_limit_per_second.unwrap_or(RATE),
        };
        let change = move |transaction: &mut Transaction<'_>| -> Result<_, ChangeError> {
            check_connection(transaction, &record.connection_arn)?;
            if transaction.document::<DestinationRecord>(&key)?.is_some() {
                return Err(exists(format!("An api-destination '{}' already exists.", key.name)).into());
            }
            transaction.put_document(&key, &record)?;
            Ok((arn(DESTINATION, &key, &record.id), record))
        };
        let (arn, record) = self.store.transact(change).await?;
        Ok(types::CreateApiDestinationResponse {
            api_destination_arn: Some(arn),
            api_destination_state: Some("ACTIVE".to_owned()),
            creation_time: Some(seconds(record.created_ms)),
            last_modified_time: Some(seconds(record.modified_ms)),
        })
    }

    pub(in super::super) async fn update_api_destination(
        &self,
        context: &ServiceContext,
        input: types::UpdateApiDestinationRequest,
    ) -> Handled<types::UpdateApiDestinationResponse> {
        let (key, now_ms) = (document(context, &input.name.unwrap_or_default()), context.now_ms);
        input.invocation_endpoint.as_deref().map(check_endpoint).transpose()?;
        let change = move |transaction: &mut Transaction<'_>| -> Result<_, ChangeError> {
            let found = transaction.document::<DestinationRecord>(&key)?;
            let mut record = found.ok_or_else(|| no_destination(&key.name))?;
            if let Some(connection_arn) = input.connection_arn {
                check_connection(transaction, &connection_arn)?;
                record.connection_arn = connection_arn;
            }
            record.description = input.description.or(record.description.take());
            record.endpoint = input.invocation_endpoint.unwrap_or(record.endpoint);
            record.method = input.http_method.unwrap_or(record.method);
            record.rate = input.invocation_rate_limit_per_second.unwrap_or(record.rate);
            record.modified_ms = now_ms;
            transaction.put_document(&key, &record)?;
            Ok((arn(DESTINATION, &key, &record.id), record.created_ms))
        };
        let (arn, created_ms) = self.store.transact(change).await?;
        Ok(types::UpdateApiDestinationResponse {
            api_destination_arn: Some(arn),
            api_destination_state: Some("ACTIVE".to_owned()),
            creation_time: Some(seconds(created_ms)),
            last_modified_time: Some(seconds(now_ms)),
        })
    }

    pub(in super::super) async fn delete_api_destination(
        &self,
        context: &ServiceContext,
        input: types::DeleteApiDestinationRequest,
    ) -> Handled<types::DeleteApiDestinationResponse> {
        let key = document(context, &input.name.unwrap_or_default());
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            match transaction.document::<DestinationRecord>(&key)? {
                Some(_) => {
                    transaction.delete_document::<DestinationRecord>(&key)?;
                    Ok(())
                }
                None => Err(no_destination(&key.name).into()),
            }
        };
        self.store.transact(change).await?;
        Ok(types::DeleteApiDestinationResponse {})
    }

    pub(in super::super) async fn describe_api_destination(
        &self,
        context: &ServiceContext,
        input: types::DescribeApiDestinationRequest,
    ) -> Handled<types::DescribeApiDestinationResponse> {
        let key = document(context, &input.name.unwrap_or_default());
        let found = self.store.document::<DestinationRecord>(&key).await.map_err(of_store)?;
        let record = found.ok_or_else(|| no_destination(&key.name))?;
        Ok(types::DescribeApiDestinationResponse {
            api_destination_arn: Some(arn(DESTINATION, &key, &record.id)),
            name: Some(key.name),
            description: record.description,
            api_destination_state: Some("ACTIVE".to_owned()),
            connection_arn: Some(record.connection_arn),
            invocation_endpoint: Some(record.endpoint),
            http_method: Some(record.method),
            invocation_rate_limit_per_second: Some(record.rate),
            creation_time: Some(seconds(record.created_ms)),
            last_modified_time: Some(seconds(record.modified_ms)),
        })
    }

    pub(in super::super) async fn list_api_destinations(
        &self,
        context: &ServiceContext,
        input: types::ListApiDestinationsRequest,
    ) -> Handled<types::ListApiDestinationsResponse> {
        let all = self.store.documents::<DestinationRecord>(range(context)).await.map_err(of_store)?;
        let is_wanted = |(key, record): &(DocumentKey, DestinationRecord)| {
            input.name_prefix.as_ref().is_none_or(|prefix| key.name.starts_with(prefix))
                && input.connection_arn.as_ref().is_none_or(|arn| *arn == record.connection_arn)
        };
        let shown = |(key, record): (DocumentKey, DestinationRecord)| {
            let shown = types::ApiDestination {
                api_destination_arn: Some(arn(DESTINATION, &key, &record.id)),
                name: Some(key.name.clone()),
                api_destination_state: Some("ACTIVE".to_owned()),
                connection_arn: Some(record.connection_arn),
                invocation_endpoint: Some(record.endpoint),
                http_method: Some(record.method),
                invocation_rate_limit_per_second: Some(record.rate),
                creation_time: Some(seconds(record.created_ms)),
                last_modified_time: Some(seconds(record.modified_ms)),
            };
            (key.name, shown)
        };
        let named = all.into_iter().filter(is_wanted).map(shown).collect();
        let (destinations, next_token) = page(named, input.limit, input.next_token.as_deref())?;
        Ok(types::ListApiDestinationsResponse { api_destinations: Some(destinations), next_token })
    }
}

/// A connection must be there.
fn check_connection(transaction: &Transaction<'_>, arn: &str) -> Result<(), ChangeError> {
    let named = of_arn(CONNECTION, arn);
    let found = match &named {
        Some((key, id)) => transaction.document::<ConnectionRecord>(key)?.filter(|found| found.id == *id),
        None => None,
    };
    match found {
        Some(_) => Ok(()),
        None => Err(no_connection(&named.map_or_else(|| arn.to_owned(), |(key, _)| key.name)).into()),
    }
}

fn no_destination(name: &str) -> ApiError {
    not_found(format!("An api-destination '{name}' does not exist."))
}
