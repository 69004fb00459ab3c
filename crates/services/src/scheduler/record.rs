//! Schedules and groups as they are kept.

use std::collections::BTreeMap;

use aws_api::generated::scheduler::types;
use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey, DocumentRange};

use crate::service::{ServiceContext, partition_of};

/// The group that every account has in every Region.
pub(super) const DEFAULT: &str = "default";

/// A schedule. Its document's parent is its group.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ScheduleRecord {
    /// What it says.
    pub expression: String,
    /// The name of the time zone in which it says it.
    pub time_zone: String,
    /// Nothing is due before: Unix time, milliseconds.
    pub start_ms: Option<i64>,
    /// Nothing is due from then on.
    pub end_ms: Option<i64>,
    pub description: Option<String>,
    /// `ENABLED` or `DISABLED`.
    pub state: String,
    pub kms_key_arn: Option<String>,
    pub target: types::Target,
    pub window: types::FlexibleTimeWindow,
    /// `NONE` or `DELETE`.
    pub action_after_completion: String,
    /// The request that made it, where it had a token.
    pub client_token: Option<String>,
    pub created_ms: i64,
    /// Later with every change.
    pub modified_ms: i64,
}

impl Document for ScheduleRecord {
    const KIND: &'static str = "scheduler/schedule";
}

impl ScheduleRecord {
    pub(super) fn is_enabled(&self) -> bool {
        self.state == "ENABLED"
    }
}

/// A group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct GroupRecord {
    pub created_ms: i64,
    pub modified_ms: i64,
    pub client_token: Option<String>,
    pub tags: BTreeMap<String, String>,
}

impl Document for GroupRecord {
    const KIND: &'static str = "scheduler/group";
}

/// Where the schedule of a request is kept.
pub(super) fn schedule_key(context: &ServiceContext, group: Option<&str>, name: &str) -> DocumentKey {
    DocumentKey { parent: group.unwrap_or(DEFAULT).to_owned(), ..group_key(context, name) }
}

/// Where the group of a request is kept.
pub(super) fn group_key(context: &ServiceContext, name: &str) -> DocumentKey {
    DocumentKey {
        account_id: context.account_id().to_owned(),
        region: context.region.clone(),
        parent: String::new(),
        name: name.to_owned(),
    }
}

/// The group of a schedule.
pub(super) fn group_of(schedule: &DocumentKey) -> DocumentKey {
    let DocumentKey { account_id, region, parent: name, .. } = schedule.clone();
    DocumentKey { account_id, region, parent: String::new(), name }
}

/// All schedules of a group.
pub(super) fn schedules_of(group: &DocumentKey) -> DocumentRange {
    let DocumentKey { account_id, region, name, .. } = group.clone();
    DocumentRange { account_id, region, parent: Some(name), ..DocumentRange::default() }
}

pub(super) fn schedule_arn(key: &DocumentKey) -> String {
    arn(key, &format!("schedule/{}/{}", key.parent, key.name))
}

pub(super) fn group_arn(key: &DocumentKey) -> String {
    arn(key, &format!("schedule-group/{}", key.name))
}

fn arn(DocumentKey { account_id, region, .. }: &DocumentKey, resource: &str) -> String {
    format!("arn:{}:scheduler:{region}:{account_id}:{resource}", partition_of(region))
}

/// The schedule that an ARN names.
pub(super) fn key_of_schedule_arn(arn: &str) -> Option<DocumentKey> {
    let (key, resource) = of_arn(arn)?;
    let (parent, name) = resource.strip_prefix("schedule/")?.split_once('/')?;
    Some(DocumentKey { parent: parent.to_owned(), name: name.to_owned(), ..key })
}

/// The group that an ARN names.
pub(super) fn key_of_group_arn(arn: &str) -> Option<DocumentKey> {
    let (key, resource) = of_arn(arn)?;
    Some(DocumentKey { name: resource.strip_prefix("schedule-group/")?.to_owned(), ..key })
}

/// The place in an ARN, and what is there.
fn of_arn(arn: &str) -> Option<(DocumentKey, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "scheduler", region, account_id, resource] = parts[..] else { return None };
    let key = DocumentKey { account_id: account_id.into(), region: region.into(), ..DocumentKey::default() };
    Some((key, resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_schedules_and_groups() {
        let arn = "arn:aws:scheduler:us-east-1:000000000000:schedule/g/s";
        let key = key_of_schedule_arn(arn).unwrap();
        assert_eq!((key.parent.as_str(), key.name.as_str(), schedule_arn(&key).as_str()), ("g", "s", arn));
        let group = group_of(&key);
        let arn = "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g";
        assert_eq!((group_arn(&group).as_str(), key_of_group_arn(arn)), (arn, Some(group)));
        assert_eq!((key_of_schedule_arn(arn), key_of_group_arn("g")), (None, None));
    }
}
