//! Callers who sign.

use lambda_model::authorization::{Caller, Policies};

use super::{
    Visit, policy,
    refusal::{Kind, Refusal},
};
use crate::{
    gateway::{Callers, Gateway},
    http::HttpRequest,
};

impl Gateway {
    /// By the caller's signature, and its policies or the API's.
    pub(super) async fn by_signature(
        &self,
        request: HttpRequest,
        visit: &mut Visit<'_>,
        callers: Callers<'_>,
    ) -> Result<HttpRequest, Refusal> {
        let caller = callers.defaults.identify(&request);
        let Some(access_key) = caller.access_key_id.clone() else {
            return Err(Refusal::of(Kind::MissingToken));
        };
        let principal = caller.principal;
        let request = match callers.authentication {
            Some(authentication) => {
                let request = authentication.prove(request).await?;
                let own = self.iam.policies_of(&principal).await;
                let own = own.map_err(|_| Refusal::of(Kind::AuthorizerFailure))?;
                let own = Policies {
                    identity: &own.identity,
                    boundary: own.boundary.as_ref(),
                    ..Policies::default()
                };
                policy::allowed(visit, Caller::Principal(principal.clone()), &own)?;
                request
            }
            None => request,
        };
        visit.known.signed = Some((principal, access_key));
        Ok(request)
    }
}
