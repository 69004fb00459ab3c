//! Secrets are deleted: at once, or after a time in which they can be restored.

use std::time::Duration;

use aws_api::generated::secretsmanager::types;
use lambda_model::ports::Clock;
use std::sync::Arc;
use store::Transaction;
use tokio::time::sleep;

use super::{
    Handled, SecretsManager,
    error::{invalid_parameter, marked, no_secret},
    record::{SecretId, SecretRecord},
    secrets::seconds,
};
use crate::{
    change::{ChangeError, goes_on},
    service::ServiceContext,
};

/// Days in which a secret can be restored (DeleteSecret).
const WINDOW_DAYS: std::ops::RangeInclusive<i64> = 7..=30;
/// The same where the request says nothing.
const WINDOW_DAYS_DEFAULT: i64 = 30;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How often it is seen whose time is over.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

impl SecretsManager {
    pub(super) async fn delete_secret(
        &self,
        context: &ServiceContext,
        input: types::DeleteSecretRequest,
    ) -> Handled<types::DeleteSecretResponse> {
        let is_forced = input.force_delete_without_recovery == Some(true);
        if is_forced && input.recovery_window_in_days.is_some() {
            return Err(invalid_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            ));
        }
        let days = input.recovery_window_in_days.unwrap_or(WINDOW_DAYS_DEFAULT);
        if !WINDOW_DAYS.contains(&days) {
            return Err(invalid_parameter(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ));
        }
        let now_ms = context.now_ms;
        let deletion_ms = if is_forced { now_ms } else { now_ms + days * DAY_MS };
        let id = SecretId::of(context, &input.secret_id.unwrap_or_default());
        let deletion_date = Some(seconds(deletion_ms));
        let Some((key, found)) = self.find(&id, now_ms).await? else {
            // Deleting at once what is not there is no error (DeleteSecret).
            let name = Some(id.name().to_owned());
            return if is_forced {
                Ok(types::DeleteSecretResponse { arn: None, name, deletion_date })
            } else {
                Err(no_secret())
            };
        };
        let name = Some(key.name.clone());
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let mut secret = transaction.document::<SecretRecord>(&key)?.ok_or_else(no_secret)?;
            if is_forced {
                transaction.delete_document::<SecretRecord>(&key)?;
                return Ok(());
            }
            if secret.deletion_ms.is_some() {
                return Err(marked().into());
            }
            secret.deletion_ms = Some(deletion_ms);
            Ok(transaction.put_document(&key, &secret)?)
        };
        self.store.transact(change).await?;
        Ok(types::DeleteSecretResponse { arn: Some(found.arn), name, deletion_date })
    }

    pub(super) async fn restore_secret(
        &self,
        context: &ServiceContext,
        input: types::RestoreSecretRequest,
    ) -> Handled<types::RestoreSecretResponse> {
        let (key, found) = self.existing(context, input.secret_id).await?;
        let name = Some(key.name.clone());
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let mut secret = transaction.document::<SecretRecord>(&key)?.ok_or_else(no_secret)?;
            secret.deletion_ms = None;
            Ok(transaction.put_document(&key, &secret)?)
        };
        self.store.transact(change).await?;
        Ok(types::RestoreSecretResponse { arn: Some(found.arn), name })
    }

    /// Has those forgotten whose time is over, until the store is closed.
    pub async fn sweep(self, clock: Arc<dyn Clock>) {
        loop {
            let swept = self.sweep_once(clock.now_ms()).await;
            if !goes_on(swept, "secrets whose time is over could not be deleted") {
                return;
            }
            sleep(SWEEP_EVERY).await;
        }
    }

    async fn sweep_once(&self, now_ms: i64) -> Result<(), ChangeError> {
        let all = self.store.all_documents::<SecretRecord>().await?;
        for (key, _) in all.into_iter().filter(|(_, secret)| secret.is_gone(now_ms)) {
            let delete = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
                let secret = transaction.document::<SecretRecord>(&key)?;
                if secret.is_some_and(|secret| secret.is_gone(now_ms)) {
                    transaction.delete_document::<SecretRecord>(&key)?;
                }
                Ok(())
            };
            self.store.transact(delete).await?;
        }
        Ok(())
    }
}
