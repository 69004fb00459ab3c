//! The table of operations: which handler answers which. What is not in it answers `NotImplemented`.

use aws_api::{
    error_response::ApiError,
    generated::sns::operations::{MODEL, Operation},
    protocol::Decoded,
    schema::ServiceModel,
};

use super::Sns;
use crate::service::{Answer, AwsService, ServiceContext, service_operations};

service_operations! {
    Sns, "SNS";
    AddPermission => add_permission,
    ConfirmSubscription => confirm_subscription,
    CreateTopic => create_topic,
    DeleteTopic => delete_topic,
    GetSubscriptionAttributes => get_subscription_attributes,
    GetTopicAttributes => get_topic_attributes,
    ListSubscriptions => list_subscriptions,
    ListSubscriptionsByTopic => list_subscriptions_by_topic,
    ListTagsForResource => list_tags_for_resource,
    ListTopics => list_topics,
    Publish => publish,
    PublishBatch => publish_batch,
    RemovePermission => remove_permission,
    SetSubscriptionAttributes => set_subscription_attributes,
    SetTopicAttributes => set_topic_attributes,
    Subscribe => subscribe,
    TagResource => tag_resource,
    Unsubscribe => unsubscribe,
    UntagResource => untag_resource,
}
