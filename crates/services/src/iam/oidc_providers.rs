//! OpenID Connect providers, whose tokens role policies may trust: what deployments from GitHub and others are set up with. No token
//! is exchanged here yet.

use aws_api::generated::iam::types;
use store::Transaction;

use super::{
    Handled, Iam,
    error::IamError,
    naming,
    records::{self, OidcProvider},
    seconds, tags,
};
use crate::service::{NoInput, ServiceContext};

/// Thumbprints of a provider at most.
const THUMBPRINTS_MAX: usize = 5;
/// Client ids of a provider at most.
const CLIENT_IDS_MAX: usize = 100;

impl Iam {
    pub(super) async fn create_open_id_connect_provider(
        &self,
        context: &ServiceContext,
        input: types::CreateOpenIDConnectProviderRequest,
    ) -> Handled<types::CreateOpenIDConnectProviderResponse> {
        let account_id = context.account_id();
        let given = input.url.unwrap_or_default();
        let url = url_without_scheme(&given)?;
        let provider = OidcProvider {
            name: naming::arn(context, "oidc-provider", "/", &url),
            url,
            client_ids: within_quota(input.client_id_list.unwrap_or_default())?,
            thumbprints: thumbprints(input.thumbprint_list)?,
            created_ms: context.now_ms,
            tags: tags::given(input.tags)?,
        };
        let exists = IamError::EntityAlreadyExists(format!("Provider with url {given} already exists."));
        let provider = self.create(account_id, provider, exists).await?;
        Ok(types::CreateOpenIDConnectProviderResponse {
            tags: tags::shown_if_any(&provider.tags),
            open_id_connect_provider_arn: Some(provider.name),
        })
    }

    pub(super) async fn get_open_id_connect_provider(
        &self,
        context: &ServiceContext,
        input: types::GetOpenIDConnectProviderRequest,
    ) -> Handled<types::GetOpenIDConnectProviderResponse> {
        let arn = input.open_id_connect_provider_arn.unwrap_or_default();
        let provider: OidcProvider = self.read(context.account_id(), &arn).await?;
        Ok(types::GetOpenIDConnectProviderResponse {
            url: Some(provider.url),
            client_id_list: Some(provider.client_ids),
            thumbprint_list: Some(provider.thumbprints),
            create_date: seconds(provider.created_ms),
            tags: Some(tags::shown(&provider.tags)),
        })
    }

    pub(super) async fn list_open_id_connect_providers(
        &self,
        context: &ServiceContext,
        _: NoInput,
    ) -> Handled<types::ListOpenIDConnectProvidersResponse> {
        let providers: Vec<OidcProvider> = self.all(context.account_id()).await?;
        let entries =
            providers.into_iter().map(|one| types::OpenIDConnectProviderListEntry { arn: Some(one.name) });
        Ok(types::ListOpenIDConnectProvidersResponse {
            open_id_connect_provider_list: Some(entries.collect()),
        })
    }

    /// One that is not there is no error.
    pub(super) async fn delete_open_id_connect_provider(
        &self,
        context: &ServiceContext,
        input: types::DeleteOpenIDConnectProviderRequest,
    ) -> Handled<()> {
        let arn = input.open_id_connect_provider_arn.unwrap_or_default();
        let key = records::key(context.account_id(), &arn);
        Ok(self.store.transact(move |tx| tx.delete_document::<OidcProvider>(&key).map(drop)).await?)
    }

    pub(super) async fn update_open_id_connect_provider_thumbprint(
        &self,
        context: &ServiceContext,
        input: types::UpdateOpenIDConnectProviderThumbprintRequest,
    ) -> Handled<()> {
        let thumbprints = thumbprints(input.thumbprint_list)?;
        self.change_provider(context, input.open_id_connect_provider_arn, |provider| {
            provider.thumbprints = thumbprints;
            Ok(())
        })
        .await
    }

    /// One that is there already is no error.
    pub(super) async fn add_client_id_to_open_id_connect_provider(
        &self,
        context: &ServiceContext,
        input: types::AddClientIDToOpenIDConnectProviderRequest,
    ) -> Handled<()> {
        let id = input.client_id.unwrap_or_default();
        self.change_provider(context, input.open_id_connect_provider_arn, |provider| {
            if !provider.client_ids.contains(&id) {
                provider.client_ids.push(id);
            }
            provider.client_ids = within_quota(std::mem::take(&mut provider.client_ids))?;
            Ok(())
        })
        .await
    }

    /// One that is not there is no error.
    pub(super) async fn remove_client_id_from_open_id_connect_provider(
        &self,
        context: &ServiceContext,
        input: types::RemoveClientIDFromOpenIDConnectProviderRequest,
    ) -> Handled<()> {
        let id = input.client_id.unwrap_or_default();
        self.change_provider(context, input.open_id_connect_provider_arn, move |provider| {
            provider.client_ids.retain(|known| *known != id);
            Ok(())
        })
        .await
    }

    pub(super) async fn tag_open_id_connect_provider(
        &self,
        context: &ServiceContext,
        input: types::TagOpenIDConnectProviderRequest,
    ) -> Handled<()> {
        self.change_provider(context, input.open_id_connect_provider_arn, |provider| {
            tags::add(&mut provider.tags, input.tags)
        })
        .await
    }

    pub(super) async fn untag_open_id_connect_provider(
        &self,
        context: &ServiceContext,
        input: types::UntagOpenIDConnectProviderRequest,
    ) -> Handled<()> {
        self.change_provider(context, input.open_id_connect_provider_arn, |provider| {
            tags::remove(&mut provider.tags, input.tag_keys);
            Ok(())
        })
        .await
    }

    pub(super) async fn list_open_id_connect_provider_tags(
        &self,
        context: &ServiceContext,
        input: types::ListOpenIDConnectProviderTagsRequest,
    ) -> Handled<types::ListOpenIDConnectProviderTagsResponse> {
        let arn = input.open_id_connect_provider_arn.unwrap_or_default();
        let provider: OidcProvider = self.read(context.account_id(), &arn).await?;
        let page = tags::page(&provider.tags, input.marker.as_deref(), input.max_items)?;
        Ok(types::ListOpenIDConnectProviderTagsResponse {
            tags: Some(page.items),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    async fn change_provider(
        &self,
        context: &ServiceContext,
        arn: Option<String>,
        change: impl FnOnce(&mut OidcProvider) -> Handled<()> + Send + 'static,
    ) -> Handled<()> {
        self.change(context.account_id(), arn, |provider: &mut OidcProvider, _: &Transaction<'_>| {
            change(provider)
        })
        .await
    }
}

/// Host and path, which name the provider: neither scheme nor query.
fn url_without_scheme(url: &str) -> Handled<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let rest = rest.map(|rest| rest.split('?').next().unwrap_or_default().trim_end_matches('/'));
    match rest.filter(|rest| !rest.is_empty()) {
        Some(rest) => Ok(rest.to_owned()),
        None => Err(IamError::Validation("Invalid Open ID Connect Provider URL".into())),
    }
}

fn thumbprints(given: Option<Vec<String>>) -> Handled<Vec<String>> {
    let given = given.unwrap_or_default();
    if given.len() > THUMBPRINTS_MAX {
        return Err(IamError::InvalidInput("Thumbprint list must contain fewer than 5 entries.".into()));
    }
    Ok(given)
}

fn within_quota(client_ids: Vec<String>) -> Handled<Vec<String>> {
    if client_ids.len() > CLIENT_IDS_MAX {
        return Err(IamError::LimitExceeded(format!(
            "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS_MAX}"
        )));
    }
    Ok(client_ids)
}
