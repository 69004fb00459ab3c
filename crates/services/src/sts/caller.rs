//! Who asks.

use aws_api::generated::sts::types;

use super::{Handled, Sts, validation_error};
use crate::{
    random,
    service::{NoInput, ServiceContext},
};

impl Sts {
    pub(super) async fn get_caller_identity(
        &self,
        context: &ServiceContext,
        _: NoInput,
    ) -> Handled<types::GetCallerIdentityResponse> {
        Ok(types::GetCallerIdentityResponse {
            user_id: Some(context.principal.user_id.clone()),
            account: Some(context.principal.account_id.clone()),
            arn: Some(context.principal.arn.clone()),
        })
    }

    /// The account is in the access key id itself; twelve digits name themselves, as everywhere on this server.
    pub(super) async fn get_access_key_info(
        &self,
        _: &ServiceContext,
        input: types::GetAccessKeyInfoRequest,
    ) -> Handled<types::GetAccessKeyInfoResponse> {
        let id = input.access_key_id.unwrap_or_default();
        let account =
            random::account_of(&id).ok_or_else(|| validation_error(format!("Invalid accessKeyId: {id}")))?;
        Ok(types::GetAccessKeyInfoResponse { account: Some(account) })
    }
}
