//! The table of operations: which handler answers which.

use aws_api::{
    error_response::ApiError,
    generated::scheduler::operations::{MODEL, Operation},
    protocol::Decoded,
    schema::ServiceModel,
};

use super::Scheduler;
use crate::service::{Answer, AwsService, ServiceContext, service_operations};

service_operations! {
    Scheduler, "EventBridge Scheduler";
    CreateSchedule => create_schedule,
    CreateScheduleGroup => create_schedule_group,
    DeleteSchedule => delete_schedule,
    DeleteScheduleGroup => delete_schedule_group,
    GetSchedule => get_schedule,
    GetScheduleGroup => get_schedule_group,
    ListScheduleGroups => list_schedule_groups,
    ListSchedules => list_schedules,
    ListTagsForResource => list_tags_for_resource,
    TagResource => tag_resource,
    UntagResource => untag_resource,
    UpdateSchedule => update_schedule,
}
