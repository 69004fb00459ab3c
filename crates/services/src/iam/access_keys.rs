//! Access keys of users.

use aws_api::generated::iam::types;
use store::Transaction;

use super::{
    Handled, Iam,
    error::IamError,
    get, paging, range,
    records::{self, AccessKey, User},
    seconds, users,
};
use crate::{random, service::ServiceContext};

/// Access keys of a user at most.
const KEYS_MAX: usize = 2;

impl Iam {
    pub(super) async fn create_access_key(
        &self,
        context: &ServiceContext,
        input: types::CreateAccessKeyRequest,
    ) -> Handled<types::CreateAccessKeyResponse> {
        let account_id = context.account_id().to_owned();
        let key = AccessKey {
            id: random::access_key_id("AKIA", &account_id),
            secret: random::secret_access_key(),
            user_name: users::user_or_caller(input.user_name, context)?,
            active: true,
            created_ms: context.now_ms,
        };
        let key = self
            .store
            .transact(move |tx| {
                get::<User>(tx, &account_id, &key.user_name)?;
                if keys_of(tx, &account_id, &key.user_name)?.len() >= KEYS_MAX {
                    return Err(IamError::LimitExceeded(format!(
                        "Cannot exceed quota for AccessKeysPerUser: {KEYS_MAX}"
                    )));
                }
                tx.put_document(&records::access_key_key(&account_id, &key.id), &key)?;
                Ok(key)
            })
            .await?;
        Ok(types::CreateAccessKeyResponse {
            access_key: Some(types::AccessKey {
                user_name: Some(key.user_name),
                access_key_id: Some(key.id),
                status: Some("Active".into()),
                secret_access_key: Some(key.secret),
                create_date: seconds(key.created_ms),
            }),
        })
    }

    pub(super) async fn list_access_keys(
        &self,
        context: &ServiceContext,
        input: types::ListAccessKeysRequest,
    ) -> Handled<types::ListAccessKeysResponse> {
        let name = users::user_or_caller(input.user_name, context)?;
        self.read::<User>(context.account_id(), &name).await?;
        let keys = self.store.documents::<AccessKey>(range(context.account_id())).await?;
        let keys: Vec<AccessKey> =
            keys.into_iter().map(|(_, key)| key).filter(|key| key.user_name == name).collect();
        let page = paging::page(keys, input.marker.as_deref(), input.max_items, |key| key.id.clone())?;
        let shown = page.items.into_iter().map(|key| types::AccessKeyMetadata {
            user_name: Some(key.user_name),
            access_key_id: Some(key.id),
            status: Some(if key.active { "Active" } else { "Inactive" }.into()),
            create_date: seconds(key.created_ms),
        });
        Ok(types::ListAccessKeysResponse {
            access_key_metadata: Some(shown.collect()),
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    }

    pub(super) async fn update_access_key(
        &self,
        context: &ServiceContext,
        input: types::UpdateAccessKeyRequest,
    ) -> Handled<()> {
        let (account_id, user) =
            (context.account_id().to_owned(), users::user_or_caller(input.user_name, context)?);
        let (id, status) = (input.access_key_id.unwrap_or_default(), input.status.unwrap_or_default());
        self.store
            .transact(move |tx| {
                let key = own_key(tx, &account_id, &user, &id)?;
                let changed = AccessKey { active: status == "Active", ..key };
                Ok(tx.put_document(&records::access_key_key(&account_id, &id), &changed)?)
            })
            .await
    }

    pub(super) async fn delete_access_key(
        &self,
        context: &ServiceContext,
        input: types::DeleteAccessKeyRequest,
    ) -> Handled<()> {
        let (account_id, user) =
            (context.account_id().to_owned(), users::user_or_caller(input.user_name, context)?);
        let id = input.access_key_id.unwrap_or_default();
        self.store
            .transact(move |tx| {
                own_key(tx, &account_id, &user, &id)?;
                tx.delete_document::<AccessKey>(&records::access_key_key(&account_id, &id))?;
                Ok(())
            })
            .await
    }

    /// Uses are not recorded: AWS answers so for a key that was never used.
    pub(super) async fn get_access_key_last_used(
        &self,
        context: &ServiceContext,
        input: types::GetAccessKeyLastUsedRequest,
    ) -> Handled<types::GetAccessKeyLastUsedResponse> {
        let id = input.access_key_id.unwrap_or_default();
        let key = records::access_key_key(context.account_id(), &id);
        let key = self.store.document::<AccessKey>(&key).await?.ok_or_else(|| missing(&id))?;
        Ok(types::GetAccessKeyLastUsedResponse {
            user_name: Some(key.user_name),
            access_key_last_used: Some(types::AccessKeyLastUsed {
                last_used_date: None,
                service_name: Some("N/A".into()),
                region: Some("N/A".into()),
            }),
        })
    }
}

fn keys_of(tx: &Transaction<'_>, account_id: &str, user: &str) -> Handled<Vec<AccessKey>> {
    let keys = tx.documents::<AccessKey>(&range(account_id))?.into_iter().map(|(_, key)| key);
    Ok(keys.filter(|key| key.user_name == user).collect())
}

fn own_key(tx: &Transaction<'_>, account_id: &str, user: &str, id: &str) -> Handled<AccessKey> {
    get::<User>(tx, account_id, user)?;
    let key = tx.document::<AccessKey>(&records::access_key_key(account_id, id))?;
    key.filter(|key| key.user_name == user).ok_or_else(|| missing(id))
}

fn missing(id: &str) -> IamError {
    IamError::NoSuchEntity(format!("The Access Key with id {id} cannot be found."))
}
