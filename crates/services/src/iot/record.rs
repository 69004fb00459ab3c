//! Rules as they are kept.

use std::collections::BTreeMap;

use aws_api::generated::iot::types;
use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey};

use crate::service::{ServiceContext, partition_of};

/// The version of the SQL where nobody says.
pub(super) const SQL_VERSION_DEFAULT: &str = "2015-10-08";

/// A rule.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RuleRecord {
    pub sql: String,
    pub description: Option<String>,
    pub actions: Vec<types::Action>,
    pub is_disabled: bool,
    pub sql_version: String,
    pub error_action: Option<types::Action>,
    pub created_ms: i64,
    pub tags: BTreeMap<String, String>,
}

impl Document for RuleRecord {
    const KIND: &'static str = "iot/rule";
}

/// The name under which the broker keeps what comes while nobody reads.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SessionRecord {
    pub name: String,
}

impl Document for SessionRecord {
    const KIND: &'static str = "iot/session";
}

/// Where the rule of a request is kept.
pub(super) fn rule_key(context: &ServiceContext, name: &str) -> DocumentKey {
    DocumentKey {
        account_id: context.account_id().to_owned(),
        region: context.region.clone(),
        parent: String::new(),
        name: name.to_owned(),
    }
}

pub(super) fn rule_arn(DocumentKey { account_id, region, name, .. }: &DocumentKey) -> String {
    format!("arn:{}:iot:{region}:{account_id}:rule/{name}", partition_of(region))
}

/// The rule that an ARN names.
pub(super) fn key_of_arn(arn: &str) -> Option<DocumentKey> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "iot", region, account_id, resource] = parts[..] else { return None };
    Some(DocumentKey {
        account_id: account_id.into(),
        region: region.into(),
        parent: String::new(),
        name: resource.strip_prefix("rule/")?.to_owned(),
    })
}
