//! `GetAccountSettings`.

use aws_api::generated::lambda::types as api;
use lambda_model::{LambdaError, limits};

use super::{LambdaApi, RequestContext};

impl LambdaApi {
    /// Limits and use of the caller's account in its Region.
    pub(super) async fn get_account_settings(
        &self,
        _: api::GetAccountSettingsRequest,
        context: &RequestContext,
    ) -> Result<api::GetAccountSettingsResponse, LambdaError> {
        let caller = &context.caller;
        let taken = self.catalog.taken(&caller.account_id, &caller.region);
        let code_bytes = self.store.code_bytes(&caller.account_id, &caller.region).await?;
        let function_count = self.store.count_functions(&caller.account_id, &caller.region).await?;
        Ok(api::GetAccountSettingsResponse {
            account_limit: Some(api::AccountLimit {
                total_code_size: Some(limits::TOTAL_CODE_BYTES_MAX),
                code_size_unzipped: i64::try_from(limits::UNZIPPED_PACKAGE_BYTES_MAX).ok(),
                code_size_zipped: i64::try_from(limits::ZIPPED_PACKAGE_BYTES_MAX).ok(),
                concurrent_executions: Some(i64::from(self.account_concurrency_max)),
                unreserved_concurrent_executions: Some(i64::from(
                    self.account_concurrency_max.saturating_sub(taken),
                )),
            }),
            account_usage: Some(api::AccountUsage {
                total_code_size: i64::try_from(code_bytes).ok(),
                function_count: Some(function_count),
            }),
        })
    }
}
