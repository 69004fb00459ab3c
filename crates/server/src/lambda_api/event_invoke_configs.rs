//! `PutFunctionEventInvokeConfig` and the others: retries and destinations of asynchronous invocations.

use aws_api::{arn::FunctionName, generated::lambda::types as api};
use lambda_model::{
    LambdaError,
    function::{Alias, FunctionKey, LATEST},
    invocation::event_invoke_config::EventInvokeConfig,
};
use store::{DocumentKey, Transaction};

use super::{LambdaApi, RequestContext, aliases, located::is_version, paging::Page, target::Target};
use crate::clock;

/// A configuration and what it is of.
type Configured = (FunctionKey, String, EventInvokeConfig);

impl LambdaApi {
    /// Replaces the configuration: what the request leaves out is the default again.
    pub(super) async fn put_function_event_invoke_config(
        &self,
        input: api::PutFunctionEventInvokeConfigRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionEventInvokeConfig, LambdaError> {
        let (key, qualifier) =
            configured(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let requested = Requested {
            retries: input.maximum_retry_attempts,
            age: input.maximum_event_age_in_seconds,
            destinations: input.destination_config,
        };
        let stored = self
            .store
            .transact(move |transaction| {
                check_there(transaction, &key, &qualifier)?;
                let config = requested.checked(transaction, &key)?;
                transaction.put_document(&DocumentKey::of_function(&key, &qualifier), &config)?;
                Ok::<_, LambdaError>((key, qualifier, config))
            })
            .await?;
        Ok(shown(stored))
    }

    /// Changes what the request names.
    pub(super) async fn update_function_event_invoke_config(
        &self,
        input: api::UpdateFunctionEventInvokeConfigRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionEventInvokeConfig, LambdaError> {
        let (key, qualifier) =
            configured(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let requested = Requested {
            retries: input.maximum_retry_attempts,
            age: input.maximum_event_age_in_seconds,
            destinations: input.destination_config,
        };
        let stored = self
            .store
            .transact(move |transaction| {
                let document = DocumentKey::of_function(&key, &qualifier);
                let found = transaction.document::<EventInvokeConfig>(&document)?;
                let mut config = found.ok_or_else(|| not_configured(&key, &qualifier))?;
                config.merge(requested.checked(transaction, &key)?);
                transaction.put_document(&document, &config)?;
                Ok::<_, LambdaError>((key, qualifier, config))
            })
            .await?;
        Ok(shown(stored))
    }

    /// One configuration.
    pub(super) async fn get_function_event_invoke_config(
        &self,
        input: api::GetFunctionEventInvokeConfigRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionEventInvokeConfig, LambdaError> {
        let (key, qualifier) =
            configured(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let found =
            self.store.document::<EventInvokeConfig>(&DocumentKey::of_function(&key, &qualifier)).await?;
        let config = found.ok_or_else(|| not_configured(&key, &qualifier))?;
        Ok(shown((key, qualifier, config)))
    }

    /// The configurations of a function, its versions and its aliases.
    pub(super) async fn list_function_event_invoke_configs(
        &self,
        input: api::ListFunctionEventInvokeConfigsRequest,
        context: &RequestContext,
    ) -> Result<api::ListFunctionEventInvokeConfigsResponse, LambdaError> {
        let (key, _) = configured(input.function_name.as_deref(), None, context)?;
        let page = Page::read(input.marker.as_deref(), input.max_items)?;
        if !self.catalog.contains(&key) {
            return Err(no_function());
        }
        let found = self.store.documents::<EventInvokeConfig>(aliases::of_function(&key)).await?;
        let mut found: Vec<Configured> =
            found.into_iter().map(|(document, config)| (key.clone(), document.name, config)).collect();
        if let Some(after) = &page.after {
            found.retain(|(_, qualifier, _)| qualifier > after);
        }
        let next_marker = page.cut(&mut found, |(_, qualifier, _)| qualifier.clone());
        let configs = found.into_iter().map(shown).collect();
        Ok(api::ListFunctionEventInvokeConfigsResponse {
            function_event_invoke_configs: Some(configs),
            next_marker,
        })
    }

    /// Takes a configuration away.
    pub(super) async fn delete_function_event_invoke_config(
        &self,
        input: api::DeleteFunctionEventInvokeConfigRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let (key, qualifier) =
            configured(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        self.store
            .transact(move |transaction| {
                let existed = transaction
                    .delete_document::<EventInvokeConfig>(&DocumentKey::of_function(&key, &qualifier))?;
                if existed { Ok(()) } else { Err(not_configured(&key, &qualifier)) }
            })
            .await
    }
}

/// The members that Put and Update share.
struct Requested {
    retries: Option<i64>,
    age: Option<i64>,
    destinations: Option<api::DestinationConfig>,
}

impl Requested {
    fn checked(
        self,
        transaction: &Transaction<'_>,
        key: &FunctionKey,
    ) -> Result<EventInvokeConfig, LambdaError> {
        let has_destinations = self.destinations.is_some();
        let destinations = self.destinations.unwrap_or_default();
        let named = |arn: Option<String>| arn.filter(|arn| !arn.is_empty());
        let config = EventInvokeConfig {
            maximum_retry_attempts: self.retries,
            maximum_event_age_seconds: self.age,
            on_success: named(destinations.on_success.and_then(|success| success.destination)),
            on_failure: named(destinations.on_failure.and_then(|failure| failure.destination)),
            last_modified_ms: clock::unix_ms(),
        };
        config.check_not_empty(has_destinations)?;
        config.check_destinations(key, |arn| function_exists(transaction, arn))?;
        Ok(config)
    }
}

fn function_exists(transaction: &Transaction<'_>, arn: &str) -> bool {
    let Some(name) = FunctionName::parse(arn) else { return false };
    let (Some(account_id), Some(region)) = (name.account_id, name.region) else { return false };
    let key = FunctionKey { account_id, region, name: name.name };
    transaction.function_exists(&key).unwrap_or(false)
}

fn configured(
    name: Option<&str>,
    qualifier: Option<&str>,
    context: &RequestContext,
) -> Result<(FunctionKey, String), LambdaError> {
    let target = Target::of(name, qualifier, context)?;
    Ok((target.key, target.qualifier.unwrap_or_else(|| LATEST.into())))
}

fn check_there(transaction: &Transaction<'_>, key: &FunctionKey, qualifier: &str) -> Result<(), LambdaError> {
    let is_there = if is_version(qualifier) {
        transaction.function(key, qualifier)?.is_some()
    } else {
        transaction.document::<Alias>(&DocumentKey::of_function(key, qualifier))?.is_some()
    };
    if is_there { Ok(()) } else { Err(no_function()) }
}

/// Recorded.
fn no_function() -> LambdaError {
    LambdaError::ResourceNotFound("The function doesn't exist.".into())
}

/// Recorded.
fn not_configured(key: &FunctionKey, qualifier: &str) -> LambdaError {
    LambdaError::ResourceNotFound(format!(
        "The function {} doesn't have an EventInvokeConfig",
        key.qualified_arn(qualifier)
    ))
}

/// Recorded: destinations are there also when there are none.
fn shown((key, qualifier, config): Configured) -> api::FunctionEventInvokeConfig {
    api::FunctionEventInvokeConfig {
        last_modified: Some(config.last_modified_ms as f64 / 1_000.0),
        function_arn: Some(key.qualified_arn(&qualifier)),
        maximum_retry_attempts: config.maximum_retry_attempts,
        maximum_event_age_in_seconds: config.maximum_event_age_seconds,
        destination_config: Some(api::DestinationConfig {
            on_success: Some(api::OnSuccess { destination: config.on_success }),
            on_failure: Some(api::OnFailure { destination: config.on_failure }),
        }),
    }
}
