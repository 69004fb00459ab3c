//! Credentials of brokers, from Secrets Manager: JSON objects, as AWS wants them.

use std::collections::BTreeMap;

use super::supervisor::Parts;
use crate::clock;

/// The members of a secret that are text.
pub(super) struct Secret(BTreeMap<String, String>);

impl Secret {
    /// Reads one. What is wrong with it is said as a mapping's last result says it, without what is in it.
    pub(super) async fn read(parts: &Parts, arn: &str) -> Result<Self, String> {
        let text = parts.secrets.text_of(arn, clock::unix_ms()).await;
        let text = text
            .map_err(|error| error.message)?
            .ok_or_else(|| format!("PROBLEM: The secret {arn} can't be read."))?;
        let members: Option<BTreeMap<String, serde_json::Value>> = serde_json::from_str(&text).ok();
        let members = members.ok_or_else(|| format!("PROBLEM: The secret {arn} is no JSON object."))?;
        let texts = members.into_iter().filter_map(|(name, value)| match value {
            serde_json::Value::String(text) => Some((name, text)),
            _ => None,
        });
        Ok(Self(texts.collect()))
    }

    /// A member that must be there.
    pub(super) fn text(&self, name: &str) -> Result<&str, String> {
        let text = self.0.get(name).map(String::as_str);
        text.ok_or_else(|| format!("PROBLEM: The secret of the event source has no {name}."))
    }

    /// The same of one that need not be.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
