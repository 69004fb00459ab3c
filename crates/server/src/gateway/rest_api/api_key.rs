//! API keys: sent in a header, or told by an authorizer; for the stages that they name.

use serde_json::Value;

use super::{
    Visit,
    refusal::{Kind, Refusal},
    text,
};
use crate::gateway::Gateway;

const HEADER: &str = "x-api-key";

impl Gateway {
    /// Where the method wants a key: whether the caller has one that is good here.
    pub(super) fn check_key(&self, visit: &mut Visit<'_>) -> Result<(), Refusal> {
        if visit.method.shape.get("apiKeyRequired") != Some(&Value::Bool(true)) {
            return Ok(());
        }
        let is_of_authorizer = text(&visit.stage.deployed.snapshot.api, "apiKeySource") == "AUTHORIZER";
        let sent = match is_of_authorizer {
            true => visit.known.key_of_authorizer.clone(),
            false => visit.web.header(HEADER).map(str::to_owned),
        };
        let value = sent.ok_or_else(|| Refusal::of(Kind::InvalidApiKey))?;
        let stage = format!("{}/{}", visit.api.api_id, visit.stage.name);
        let known = self.rest_apis.key_of(visit.api.account_id, &value);
        let known = known.filter(|key| key.is_enabled && key.stages.contains(&stage));
        let key = known.ok_or_else(|| Refusal::of(Kind::InvalidApiKey))?;
        visit.known.api_key = Some((key.id, value));
        Ok(())
    }
}
