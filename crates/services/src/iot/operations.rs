//! The table of operations: which handler answers which.

use aws_api::{
    error_response::ApiError,
    generated::iot::operations::{MODEL, Operation},
    protocol::Decoded,
    schema::ServiceModel,
};

use super::Iot;
use crate::service::{Answer, AwsService, ServiceContext, service_operations};

service_operations! {
    Iot, "IoT";
    CreateTopicRule => create_topic_rule,
    DeleteTopicRule => delete_topic_rule,
    DisableTopicRule => disable_topic_rule,
    EnableTopicRule => enable_topic_rule,
    GetTopicRule => get_topic_rule,
    ListTagsForResource => list_tags_for_resource,
    ListTopicRules => list_topic_rules,
    ReplaceTopicRule => replace_topic_rule,
    TagResource => tag_resource,
    UntagResource => untag_resource,
}
