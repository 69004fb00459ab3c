//! Buses and rules: their keys, and what is stored of them.

use std::collections::BTreeMap;

use aws_api::generated::events::types;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Document, DocumentKey, DocumentRange};

use crate::service::{ServiceContext, partition_of};

/// The bus that every account has in every Region.
pub(super) const DEFAULT: &str = "default";

/// Identifies a bus.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BusKey {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// Its name.
    pub name: String,
}

/// A bus as it is stored. The default one is only stored once something was set of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct BusRecord {
    /// When it was made: Unix time, milliseconds.
    pub created_ms: i64,
    /// When it was changed.
    pub modified_ms: i64,
    /// What was said of it.
    pub description: Option<String>,
    /// ARN of the queue that was named for what cannot be delivered. Nothing is encrypted here, so nothing comes there.
    pub dead_letter: Option<String>,
    /// Who may put events, as a policy.
    pub policy: Option<Value>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Document for BusRecord {
    const KIND: &'static str = "events/bus";
}

/// A rule as it is stored: its parent is the name of the bus.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RuleRecord {
    /// The events that it is for.
    pub event_pattern: Option<String>,
    /// When it is due, and since when it counts: Unix time, milliseconds.
    #[serde(default)]
    pub schedule: Option<(String, i64)>,
    /// Whether it is disabled, or enabled in which way.
    pub state: String,
    /// What was said of it.
    pub description: Option<String>,
    /// The role that was named; here the targets' own policies decide.
    pub role_arn: Option<String>,
    /// Its targets, by their ids.
    pub targets: BTreeMap<String, types::Target>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The archive that it is of: then it is nobody's to change.
    #[serde(default)]
    pub archive: Option<String>,
}

impl Document for RuleRecord {
    const KIND: &'static str = "events/rule";
}

impl RuleRecord {
    pub(super) fn is_enabled(&self) -> bool {
        self.state != "DISABLED"
    }
}

impl BusKey {
    /// From the ARN of a bus.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, "events", region, account_id, resource] = parts[..] else { return None };
        let name = resource.strip_prefix("event-bus/").filter(|name| !name.is_empty())?;
        Some(Self { account_id: account_id.into(), region: region.into(), name: name.into() })
    }

    /// From a name or an ARN in a request; the default bus where nothing is said.
    pub(super) fn asked(context: &ServiceContext, name_or_arn: Option<&str>) -> Self {
        let asked = name_or_arn.unwrap_or(DEFAULT);
        Self::of_arn(asked).unwrap_or_else(|| Self {
            account_id: context.account_id().to_owned(),
            region: context.region.clone(),
            name: asked.to_owned(),
        })
    }

    /// As an ARN.
    pub(crate) fn arn(&self) -> String {
        self.arn_of(&format!("event-bus/{}", self.name))
    }

    /// The ARN of a rule. Those of the default bus do not name it.
    pub(super) fn rule_arn(&self, rule: &str) -> String {
        match self.name == DEFAULT {
            true => self.arn_of(&format!("rule/{rule}")),
            false => self.arn_of(&format!("rule/{}/{rule}", self.name)),
        }
    }

    fn arn_of(&self, resource: &str) -> String {
        let Self { account_id, region, .. } = self;
        format!("arn:{}:events:{region}:{account_id}:{resource}", partition_of(region))
    }

    pub(super) fn document(&self) -> DocumentKey {
        let Self { account_id, region, name } = self.clone();
        DocumentKey { account_id, region, parent: String::new(), name }
    }

    pub(super) fn of_document(key: &DocumentKey) -> Self {
        let DocumentKey { account_id, region, name, .. } = key.clone();
        Self { account_id, region, name }
    }

    /// Where a rule of the bus is kept.
    pub(super) fn rule_document(&self, rule: &str) -> DocumentKey {
        let Self { account_id, region, name: parent } = self.clone();
        DocumentKey { account_id, region, parent, name: rule.to_owned() }
    }

    /// All rules of the bus.
    pub(super) fn rules(&self) -> DocumentRange {
        let Self { account_id, region, name } = self.clone();
        DocumentRange { account_id, region, parent: Some(name), ..Default::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_buses_and_rules() {
        let arn = "arn:aws:events:us-east-1:000000000000:event-bus/orders";
        let bus = BusKey::of_arn(arn).unwrap();
        assert_eq!((bus.name.as_str(), bus.arn().as_str()), ("orders", arn));
        assert_eq!(bus.rule_arn("r"), "arn:aws:events:us-east-1:000000000000:rule/orders/r");
        let default = BusKey { name: DEFAULT.into(), ..bus };
        assert_eq!(default.rule_arn("r"), "arn:aws:events:us-east-1:000000000000:rule/r");
        for arn in
            ["arn:aws:events:us-east-1:000000000000:rule/r", "arn:aws:sqs:us-east-1:000000000000:q", "orders"]
        {
            assert_eq!(BusKey::of_arn(arn), None, "{arn}");
        }
    }
}
