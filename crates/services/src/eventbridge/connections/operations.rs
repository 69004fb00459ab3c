//! Operations on connections.

use aws_api::{error_response::ApiError, generated::events::types, request_id};
use store::{DocumentKey, Transaction};

use super::{
    super::{
        EventBridge, Handled,
        buses::page,
        error::{exists, invalid, not_found},
        named::{document, range, seconds},
    },
    CONNECTION, ConnectionRecord, arn,
    authorization::Authorization,
};
use crate::{
    change::{ChangeError, failed, of_store},
    secretsmanager::owned,
    service::{ServiceContext, not_implemented},
};

impl EventBridge {
    pub(in super::super) async fn create_connection(
        &self,
        context: &ServiceContext,
        input: types::CreateConnectionRequest,
    ) -> Handled<types::CreateConnectionResponse> {
        refuse_others(input.invocation_connectivity_parameters.is_some(), input.kms_key_identifier.as_ref())?;
        let (key, now_ms) = (document(context, &input.name.unwrap_or_default()), context.now_ms);
        let kind = input.authorization_type.unwrap_or_default();
        let authorization = Authorization::read(&kind, input.auth_parameters.unwrap_or_default(), None)?;
        let mut record = ConnectionRecord {
            id: request_id::new(),
            created_ms: now_ms,
            modified_ms: now_ms,
            authorized_ms: Some(now_ms),
            description: input.description,
            kind,
            state: "AUTHORIZED".to_owned(),
            secret_arn: None,
            parameters: authorization.shown(),
        };
        let text = text_of(&authorization)?;
        let change = move |transaction: &mut Transaction<'_>| -> Result<_, ChangeError> {
            if transaction.document::<ConnectionRecord>(&key)?.is_some() {
                return Err(exists(format!("Connection {} already exists.", key.name)).into());
            }
            let name = DocumentKey { name: secret_name(&key, &record), ..key.clone() };
            record.secret_arn = Some(owned::put(transaction, &name, ("events", text), now_ms)?);
            transaction.put_document(&key, &record)?;
            Ok((arn(CONNECTION, &key, &record.id), record))
        };
        let (arn, record) = self.store.transact(change).await?;
        Ok(types::CreateConnectionResponse {
            connection_arn: Some(arn),
            connection_state: Some(record.state),
            creation_time: Some(seconds(record.created_ms)),
            last_modified_time: Some(seconds(record.modified_ms)),
        })
    }

    pub(in super::super) async fn update_connection(
        &self,
        context: &ServiceContext,
        input: types::UpdateConnectionRequest,
    ) -> Handled<types::UpdateConnectionResponse> {
        refuse_others(input.invocation_connectivity_parameters.is_some(), input.kms_key_identifier.as_ref())?;
        // The same members, none of which must be there.
        let given = serde_json::to_value(input.auth_parameters.unwrap_or_default());
        let given = given.and_then(serde_json::from_value::<types::CreateConnectionAuthRequestParameters>);
        let given = given.map_err(|error| failed(format!("the parameters of a connection: {error}")))?;
        let (description, kind, now_ms) = (input.description, input.authorization_type, context.now_ms);
        let change =
            move |transaction: &mut Transaction<'_>, key: &DocumentKey, record: &mut ConnectionRecord| {
                let before = match &record.secret_arn {
                    Some(arn) => owned::text(transaction, arn)?,
                    None => None,
                };
                let before = before.and_then(|text| serde_json::from_str(&text).ok());
                record.kind = kind.unwrap_or(std::mem::take(&mut record.kind));
                let authorization = Authorization::read(&record.kind, given, before)?;
                let name = DocumentKey { name: secret_name(key, record), ..key.clone() };
                let secret = ("events", text_of(&authorization)?);
                record.secret_arn = Some(owned::put(transaction, &name, secret, now_ms)?);
                record.parameters = authorization.shown();
                record.description = description.or(record.description.take());
                record.state = "AUTHORIZED".to_owned();
                (record.modified_ms, record.authorized_ms) = (now_ms, Some(now_ms));
                Ok(())
            };
        let (arn, record) = self.change_connection(context, input.name, change).await?;
        Ok(types::UpdateConnectionResponse {
            connection_arn: Some(arn),
            connection_state: Some(record.state),
            creation_time: Some(seconds(record.created_ms)),
            last_modified_time: Some(seconds(record.modified_ms)),
            last_authorized_time: record.authorized_ms.map(seconds),
        })
    }

    /// What logs in is taken away, until it is given again.
    pub(in super::super) async fn deauthorize_connection(
        &self,
        context: &ServiceContext,
        input: types::DeauthorizeConnectionRequest,
    ) -> Handled<types::DeauthorizeConnectionResponse> {
        let now_ms = context.now_ms;
        let change =
            move |transaction: &mut Transaction<'_>, _: &DocumentKey, record: &mut ConnectionRecord| {
                if let Some(arn) = record.secret_arn.take() {
                    owned::delete(transaction, &arn)?;
                }
                record.state = "DEAUTHORIZED".to_owned();
                record.modified_ms = now_ms;
                Ok(())
            };
        let (arn, record) = self.change_connection(context, input.name, change).await?;
        Ok(types::DeauthorizeConnectionResponse {
            connection_arn: Some(arn),
            connection_state: Some(record.state),
            creation_time: Some(seconds(record.created_ms)),
            last_modified_time: Some(seconds(record.modified_ms)),
            last_authorized_time: record.authorized_ms.map(seconds),
        })
    }

    pub(in super::super) async fn delete_connection(
        &self,
        context: &ServiceContext,
        input: types::DeleteConnectionRequest,
    ) -> Handled<types::DeleteConnectionResponse> {
        let key = document(context, &input.name.unwrap_or_default());
        let change = move |transaction: &mut Transaction<'_>| -> Result<_, ChangeError> {
            let found = transaction.document::<ConnectionRecord>(&key)?;
            let record = found.ok_or_else(|| no_connection(&key.name))?;
            if let Some(arn) = &record.secret_arn {
                owned::delete(transaction, arn)?;
            }
            transaction.delete_document::<ConnectionRecord>(&key)?;
            Ok((arn(CONNECTION, &key, &record.id), record))
        };
        let (arn, record) = self.store.transact(change).await?;
        Ok(types::DeleteConnectionResponse {
            connection_arn: Some(arn),
            // As it was.
            connection_state: Some(record.state),
            creation_time: Some(seconds(record.created_ms)),
            last_modified_time: Some(seconds(record.modified_ms)),
            last_authorized_time: record.authorized_ms.map(seconds),
        })
    }

    pub(in super::super) async fn describe_connection(
        &self,
        context: &ServiceContext,
        input: types::DescribeConnectionRequest,
    ) -> Handled<types::DescribeConnectionResponse> {
        let key = document(context, &input.name.unwrap_or_default());
        let found = self.store.document::<ConnectionRecord>(&key).await.map_err(of_store)?;
        let record = found.ok_or_else(|| no_connection(&key.name))?;
        Ok(types::DescribeConnectionResponse {
            connection_arn: Some(arn(CONNECTION, &key, &record.id)),
            name: Some(key.name),
            description: record.description,
            connection_state: Some(record.state),
            authorization_type: Some(record.kind),
            secret_arn: record.secret_arn,
            auth_parameters: Some(record.parameters),
            creation_time: Some(seconds(record.created_ms)),
            last_modified_time: Some(seconds(record.modified_ms)),
            last_authorized_time: record.authorized_ms.map(seconds),
            ..Default::default()
        })
    }

    pub(in super::super) async fn list_connections(
        &self,
        context: &ServiceContext,
        input: types::ListConnectionsRequest,
    ) -> Handled<types::ListConnectionsResponse> {
        let all = self.store.documents::<ConnectionRecord>(range(context)).await.map_err(of_store)?;
        let is_wanted = |(key, record): &(DocumentKey, ConnectionRecord)| {
            input.name_prefix.as_ref().is_none_or(|prefix| key.name.starts_with(prefix))
                && input.connection_state.as_ref().is_none_or(|state| *state == record.state)
        };
        let shown = |(key, record): (DocumentKey, ConnectionRecord)| {
            let shown = types::Connection {
                connection_arn: Some(arn(CONNECTION, &key, &record.id)),
                name: Some(key.name.clone()),
                connection_state: Some(record.state),
                state_reason: None,
                authorization_type: Some(record.kind),
                creation_time: Some(seconds(record.created_ms)),
                last_modified_time: Some(seconds(record.modified_ms)),
                last_authorized_time: record.authorized_ms.map(seconds),
            };
            (key.name, shown)
        };
        let named = all.into_iter().filter(is_wanted).map(shown).collect();
        let (connections, next_token) = page(named, input.limit, input.next_token.as_deref())?;
        Ok(types::ListConnectionsResponse { connections: Some(connections), next_token })
    }

    async fn change_connection(
        &self,
        context: &ServiceContext,
        name: Option<String>,
        change: impl FnOnce(&mut Transaction<'_>, &DocumentKey, &mut ConnectionRecord) -> Result<(), ChangeError>
        + Send
        + 'static,
    ) -> Handled<(String, ConnectionRecord)> {
        let key = document(context, &name.unwrap_or_default());
        let change = move |transaction: &mut Transaction<'_>| -> Result<_, ChangeError> {
            let found = transaction.document::<ConnectionRecord>(&key)?;
            let mut record = found.ok_or_else(|| no_connection(&key.name))?;
            change(transaction, &key, &mut record)?;
            transaction.put_document(&key, &record)?;
            Ok((arn(CONNECTION, &key, &record.id), record))
        };
        Ok(self.store.transact(change).await?)
    }
}

/// Such as `events!connection/name/0a0a…`.
fn secret_name(key: &DocumentKey, record: &ConnectionRecord) -> String {
    format!("events!connection/{}/{}", key.name, record.id)
}

fn text_of(authorization: &Authorization) -> Handled<String> {
    serde_json::to_string(authorization)
        .map_err(|error| failed(format!("the secret of a connection: {error}")))
}

fn refuse_others(is_private: bool, key: Option<&String>) -> Handled<()> {
    if is_private {
        return Err(not_implemented("EventBridge", "connections to private resources"));
    }
    match key.filter(|key| !key.is_empty()) {
        Some(_) => Err(not_implemented("EventBridge", "connections that KMS encrypts")),
        None => Ok(()),
    }
}

pub(super) fn no_connection(name: &str) -> ApiError {
    not_found(format!("Connection '{name}' does not exist."))
}

/// A URL that can be called.
pub(super) fn check_endpoint(endpoint: &str) -> Handled<()> {
    match endpoint.starts_with("https://") || endpoint.starts_with("http://") {
        true => Ok(()),
        false => Err(invalid(
            "Parameter InvocationEndpoint is not valid. Reason: It must be a URL of http or https.",
        )),
    }
}
