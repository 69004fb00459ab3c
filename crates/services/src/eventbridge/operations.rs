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
    CreateApiDestination => create_api_destination,
    CreateArchive => create_archive,
    CreateConnection => create_connection,
    CreateEventBus => create_event_bus,
    DeauthorizeConnection => deauthorize_connection,
    DeleteApiDestination => delete_api_destination,
    DeleteArchive => delete_archive,
    DeleteConnection => delete_connection,
    DeleteEventBus => delete_event_bus,
    DeleteRule => delete_rule,
    DescribeApiDestination => describe_api_destination,
    DescribeArchive => describe_archive,
    DescribeConnection => describe_connection,
    DescribeEventBus => describe_event_bus,
    DescribeReplay => describe_replay,
    DescribeRule => describe_rule,
    DisableRule => disable_rule,
    EnableRule => enable_rule,
    ListApiDestinations => list_api_destinations,
    ListArchives => list_archives,
    ListConnections => list_connections,
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
    UpdateApiDestination => update_api_destination,
    UpdateArchive => update_archive,
    UpdateConnection => update_connection,
    UpdateEventBus => update_event_bus,
}
