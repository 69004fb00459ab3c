//! The table of operations: which handler answers which. What is not in it answers `NotImplemented`.

use aws_api::{
    error_response::ApiError,
    generated::events::operations::{MODEL, Operation},
    protocol::Decoded,
    schema::ServiceModel,
};

use super::EventBridge;
use crate::service::{Answer, AwsService, ServiceContext, service_operations};

service_operations! {
    EventBridge, "EventBridge";
    CancelReplay => cancel_replay,
    CreateArchive => create_archive,
    CreateEventBus => create_event_bus,
    DeleteArchive => delete_archive,
    DeleteEventBus => delete_event_bus,
    DeleteRule => delete_rule,
    DescribeArchive => describe_archive,
    DescribeEventBus => describe_event_bus,
    DescribeReplay => describe_replay,
    DescribeRule => describe_rule,
    DisableRule => disable_rule,
    EnableRule => enable_rule,
    ListArchives => list_archives,
    ListEventBuses => list_event_buses,
    ListReplays => list_replays,
    ListRuleNamesByTarget => list_rule_names_by_target,
    ListRules => list_rules,
    ListTagsForResource => list_tags_for_resource,
    ListTargetsByRule => list_targets_by_rule,
    PutEvents => put_events,
    PutPermission => put_permission,
    PutRule => put_rule,
    PutTargets => put_targets,
    RemovePermission => remove_permission,
    RemoveTargets => remove_targets,
    StartReplay => start_replay,
    TagResource => tag_resource,
    TestEventPattern => test_event_pattern,
    UntagResource => untag_resource,
    UpdateArchive => update_archive,
    UpdateEventBus => update_event_bus,
}
