//! `CreateFunctionUrlConfig` and the others: what a function's own address is configured to be. [`crate::gateway`] answers there.

use aws_api::{generated::lambda::types as api, timestamp};
use lambda_model::{
    LambdaError,
    function::{
        Alias, FunctionKey, LATEST,
        url::{self, Cors, FunctionUrl},
    },
};
use store::{DocumentKey, Transaction};

use super::{LambdaApi, RequestContext, aliases, paging::Page, target::Target};
use crate::clock;

/// A URL with what it belongs to.
struct Located {
    key: FunctionKey,
    qualifier: Option<String>,
    url: FunctionUrl,
}

impl LambdaApi {
    /// Gives a function or an alias an address.
    pub(super) async fn create_function_url_config(
        &self,
        input: api::CreateFunctionUrlConfigRequest,
        context: &RequestContext,
    ) -> Result<api::CreateFunctionUrlConfigResponse, LambdaError> {
        let Target { key, qualifier } =
            addressed(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let now = clock::unix_ms();
        let mut random = [0; 32];
        random[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        random[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        let url = FunctionUrl {
            url_id: url::url_id(random),
            auth_type: input.auth_type.unwrap_or_default(),
            invoke_mode: input.invoke_mode.unwrap_or_else(|| "BUFFERED".into()),
            cors: input.cors.map(cors),
            created_ms: now,
            last_modified_ms: now,
        };
        let located = self
            .store
            .transact(move |transaction| {
                check_there(transaction, &key, qualifier.as_deref())?;
                let document = DocumentKey::of_function(&key, qualifier.as_deref().unwrap_or(LATEST));
                if transaction.document::<FunctionUrl>(&document)?.is_some() {
                    // Recorded, two spaces included.
                    return Err(LambdaError::ResourceConflict(format!(
                        "Failed to create function url config for [functionArn = {}]. Error message:  FunctionUrlConfig exists for this Lambda function",
                        key.arn_of(qualifier.as_deref())
                    )));
                }
                transaction.put_document(&document, &url)?;
                Ok(Located { key, qualifier, url })
            })
            .await?;
        let shown = shown(located, context);
        Ok(api::CreateFunctionUrlConfigResponse {
            function_url: shown.function_url,
            function_arn: shown.function_arn,
            auth_type: shown.auth_type,
            cors: shown.cors,
            creation_time: shown.creation_time,
            invoke_mode: shown.invoke_mode,
        })
    }

    /// One address.
    pub(super) async fn get_function_url_config(
        &self,
        input: api::GetFunctionUrlConfigRequest,
        context: &RequestContext,
    ) -> Result<api::GetFunctionUrlConfigResponse, LambdaError> {
        let Target { key, qualifier } =
            addressed(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let document = DocumentKey::of_function(&key, qualifier.as_deref().unwrap_or(LATEST));
        let url = self.store.document::<FunctionUrl>(&document).await?.ok_or_else(not_there)?;
        let shown = shown(Located { key, qualifier, url }, context);
        Ok(api::GetFunctionUrlConfigResponse {
            function_url: shown.function_url,
            function_arn: shown.function_arn,
            auth_type: shown.auth_type,
            cors: shown.cors,
            creation_time: shown.creation_time,
            last_modified_time: shown.last_modified_time,
            invoke_mode: shown.invoke_mode,
        })
    }

    /// Changes what the request names; the address stays.
    pub(super) async fn update_function_url_config(
        &self,
        input: api::UpdateFunctionUrlConfigRequest,
        context: &RequestContext,
    ) -> Result<api::UpdateFunctionUrlConfigResponse, LambdaError> {
        let Target { key, qualifier } =
            addressed(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        let located = self
            .store
            .transact(move |transaction| {
                let document = DocumentKey::of_function(&key, qualifier.as_deref().unwrap_or(LATEST));
                let mut url = transaction.document::<FunctionUrl>(&document)?.ok_or_else(not_there)?;
                url.auth_type = input.auth_type.unwrap_or(url.auth_type);
                url.invoke_mode = input.invoke_mode.unwrap_or(url.invoke_mode);
                url.cors = input.cors.map(cors).or(url.cors);
                url.last_modified_ms = clock::unix_ms();
                transaction.put_document(&document, &url)?;
                Ok::<_, LambdaError>(Located { key, qualifier, url })
            })
            .await?;
        let shown = shown(located, context);
        Ok(api::UpdateFunctionUrlConfigResponse {
            function_url: shown.function_url,
            function_arn: shown.function_arn,
            auth_type: shown.auth_type,
            cors: shown.cors,
            creation_time: shown.creation_time,
            last_modified_time: shown.last_modified_time,
            invoke_mode: shown.invoke_mode,
        })
    }

    /// Takes an address away.
    pub(super) async fn delete_function_url_config(
        &self,
        input: api::DeleteFunctionUrlConfigRequest,
        context: &RequestContext,
    ) -> Result<(), LambdaError> {
        let Target { key, qualifier } =
            addressed(input.function_name.as_deref(), input.qualifier.as_deref(), context)?;
        self.store
            .transact(move |transaction| {
                let document = DocumentKey::of_function(&key, qualifier.as_deref().unwrap_or(LATEST));
                let existed = transaction.delete_document::<FunctionUrl>(&document)?;
                if existed { Ok(()) } else { Err(not_there()) }
            })
            .await
    }

    /// Every address of a function and its aliases.
    pub(super) async fn list_function_url_configs(
        &self,
        input: api::ListFunctionUrlConfigsRequest,
        context: &RequestContext,
    ) -> Result<api::ListFunctionUrlConfigsResponse, LambdaError> {
        let key = Target::of(input.function_name.as_deref(), None, context)?.key;
        let page = Page::read(input.marker.as_deref(), input.max_items)?;
        if !self.catalog.contains(&key) {
            return Err(no_function());
        }
        let found = self.store.documents::<FunctionUrl>(aliases::of_function(&key)).await?;
        let mut found: Vec<(String, FunctionUrl)> =
            found.into_iter().map(|(document, url)| (document.name, url)).collect();
        if let Some(after) = &page.after {
            found.retain(|(name, _)| name > after);
        }
        let next_marker = page.cut(&mut found, |(name, _)| name.clone());
        let configs = found.into_iter().map(|(name, url)| {
            let qualifier = (name != LATEST).then_some(name);
            shown(Located { key: key.clone(), qualifier, url }, context)
        });
        Ok(api::ListFunctionUrlConfigsResponse { function_url_configs: Some(configs.collect()), next_marker })
    }
}

/// The function or alias that an address belongs to. A version has none: the API model refuses its number.
fn addressed(
    name: Option<&str>,
    qualifier: Option<&str>,
    context: &RequestContext,
) -> Result<Target, LambdaError> {
    let target = Target::of(name, qualifier, context)?;
    let qualifier = target.qualifier.filter(|qualifier| qualifier != LATEST);
    Ok(Target { qualifier, ..target })
}

fn check_there(
    transaction: &Transaction<'_>,
    key: &FunctionKey,
    qualifier: Option<&str>,
) -> Result<(), LambdaError> {
    if transaction.function(key, LATEST)?.is_none() {
        return Err(no_function());
    }
    match qualifier {
        Some(alias) if transaction.document::<Alias>(&DocumentKey::of_function(key, alias))?.is_none() => {
            Err(no_function())
        }
        _ => Ok(()),
    }
}

/// Recorded.
fn no_function() -> LambdaError {
    LambdaError::ResourceNotFound("Function does not exist".into())
}

/// Recorded.
fn not_there() -> LambdaError {
    LambdaError::ResourceNotFound("The resource you requested does not exist.".into())
}

fn cors(cors: api::Cors) -> Cors {
    Cors {
        allow_credentials: cors.allow_credentials,
        allow_headers: cors.allow_headers,
        allow_methods: cors.allow_methods,
        allow_origins: cors.allow_origins,
        expose_headers: cors.expose_headers,
        max_age_seconds: cors.max_age,
    }
}

fn shown(located: Located, context: &RequestContext) -> api::FunctionUrlConfig {
    let Located { key, qualifier, url } = located;
    api::FunctionUrlConfig {
        function_url: Some(url::address(&url.url_id, &key.region, (context.scheme(), context.port()))),
        function_arn: Some(key.arn_of(qualifier.as_deref())),
        creation_time: Some(timestamp::iso(url.created_ms)),
        last_modified_time: Some(timestamp::iso(url.last_modified_ms)),
        cors: url.cors.map(|cors| api::Cors {
            allow_credentials: cors.allow_credentials,
            allow_headers: cors.allow_headers,
            allow_methods: cors.allow_methods,
            allow_origins: cors.allow_origins,
            expose_headers: cors.expose_headers,
            max_age: cors.max_age_seconds,
        }),
        auth_type: Some(url.auth_type),
        invoke_mode: Some(url.invoke_mode),
    }
}
