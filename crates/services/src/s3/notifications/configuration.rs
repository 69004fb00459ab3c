//! PutBucketNotificationConfiguration and GetBucketNotificationConfiguration.

use aws_api::timestamp;
use s3s::{
    S3Request, S3Response, S3Result,
    dto::{
        Event, EventBridgeConfiguration, FilterRule, FilterRuleName, GetBucketNotificationConfigurationInput,
        GetBucketNotificationConfigurationOutput, LambdaFunctionConfiguration, NotificationConfiguration,
        NotificationConfigurationFilter, PutBucketNotificationConfigurationInput,
        PutBucketNotificationConfigurationOutput, QueueConfiguration, S3KeyFilter, TopicConfiguration,
    },
};
use serde_json::json;
use store::s3::BucketRecord;
use uuid::Uuid;

use super::{
    bus_event, checks,
    event::{self, Message, ObjectEvent, Told},
    rule::{self, KeyFilter, Rule, SETTING},
    sender,
};
use crate::s3::{
    S3, buckets,
    context::S3Context,
    error::{Refusal, malformed_xml, refuse},
};

pub(in crate::s3) async fn put_bucket_notification_configuration(
    s3: &S3,
    request: S3Request<PutBucketNotificationConfigurationInput>,
) -> S3Result<S3Response<PutBucketNotificationConfigurationOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let (name, owner) = (input.bucket, input.expected_bucket_owner);
    let tells_bus = input.notification_configuration.event_bridge_configuration.is_some();
    let rules = rules(input.notification_configuration)?;
    let bucket = buckets::find(s3, context.clone(), name.clone(), owner.clone()).await?;
    checks::check(&rules, &bucket.region)?;
    let is_validated = input.skip_destination_validation != Some(true);
    if is_validated {
        checks::check_targets(&s3.targets, &rules, &bucket).await?;
    }
    let stored = s3.store.change_s3(move |transaction| {
        let mut bucket = context.bucket(transaction, &name, owner.as_deref())?;
        if is_validated {
            tell_new_targets(transaction, &bucket, &context, &rules)?;
        }
        match rules.is_empty() {
            true => bucket.settings.remove(SETTING),
            false => bucket.settings.insert(SETTING.to_owned(), json!(rules)),
        };
        match tells_bus {
            true => bucket.settings.insert(bus_event::SETTING.to_owned(), json!(true)),
            false => bucket.settings.remove(bus_event::SETTING),
        };
        Ok::<_, Refusal>(transaction.put_bucket(&bucket)?)
    });
    stored.await?;
    Ok(S3Response::new(PutBucketNotificationConfigurationOutput::default()))
}

/// Queues and topics get a test message, each one; functions get none.
fn tell_new_targets(
    transaction: &mut store::s3::S3Transaction<'_>,
    bucket: &BucketRecord,
    context: &S3Context,
    rules: &[Rule],
) -> Result<(), Refusal> {
    let mut targets: Vec<&String> = rules.iter().map(|rule| &rule.target).collect();
    targets.retain(|target| !is_function(target));
    targets.sort_unstable();
    targets.dedup();
    if targets.is_empty() {
        return Ok(());
    }
    let message = Message::Test(json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": timestamp::iso_milliseconds(context.now_ms),
        "Bucket": bucket.name,
        "RequestId": context.requester.request_id,
        "HostId": context.requester.request_id,
    }));
    let told = targets.into_iter().map(|target| Told { target: target.clone(), configuration_id: None });
    let told = told.collect();
    let event = ObjectEvent { sender: sender(bucket), message, told, trace_header: None, bus: None };
    event::put(transaction, &event)
}

fn is_function(arn: &str) -> bool {
    service_of(arn) == "lambda"
}

fn service_of(arn: &str) -> &str {
    arn.split(':').nth(2).unwrap_or_default()
}

/// What is asked for, in one list.
fn rules(asked: NotificationConfiguration) -> Result<Vec<Rule>, Refusal> {
    let functions = asked.lambda_function_configurations.unwrap_or_default().into_iter();
    let functions = functions.map(|one| ("lambda", one.id, one.lambda_function_arn, one.events, one.filter));
    let queues = asked.queue_configurations.unwrap_or_default().into_iter();
    let queues = queues.map(|one| ("sqs", one.id, one.queue_arn, one.events, one.filter));
    let topics = asked.topic_configurations.unwrap_or_default().into_iter();
    let topics = topics.map(|one| ("sns", one.id, one.topic_arn, one.events, one.filter));
    functions
        .chain(queues)
        .chain(topics)
        .map(|(service, id, target, events, filter)| {
            checks::check_arn(&target, service)?;
            if events.is_empty() {
                return Err(malformed_xml());
            }
            Ok(Rule {
                id: id.filter(|id| !id.is_empty()).unwrap_or_else(|| Uuid::new_v4().to_string()),
                target,
                events: events.into_iter().map(String::from).collect(),
                filter: filter.and_then(|filter| filter.key).map(key_filters).transpose()?,
            })
        })
        .collect()
}

fn key_filters(asked: S3KeyFilter) -> Result<Vec<KeyFilter>, Refusal> {
    let filters = asked.filter_rules.unwrap_or_default().into_iter();
    filters
        .map(|filter| {
            let name = filter.name.as_ref().map_or("", |name| name.as_str());
            let value = filter.value.unwrap_or_default();
            let is_prefix = name.eq_ignore_ascii_case("prefix");
            match is_prefix || name.eq_ignore_ascii_case("suffix") {
                true => Ok(KeyFilter { is_prefix, value }),
                false => Err(refuse("InvalidArgument", "filter rule name must be either prefix or suffix")
                    .with("ArgumentName", "FilterRule.Name")
                    .with("ArgumentValue", name)),
            }
        })
        .collect()
}

pub(in crate::s3) async fn get_bucket_notification_configuration(
    s3: &S3,
    request: S3Request<GetBucketNotificationConfigurationInput>,
) -> S3Result<S3Response<GetBucketNotificationConfigurationOutput>> {
    let context = S3Context::of(&request)?;
    let input = request.input;
    let bucket = buckets::find(s3, context, input.bucket, input.expected_bucket_owner).await?;
    let (mut functions, mut queues, mut topics) = (Vec::new(), Vec::new(), Vec::new());
    for rule in rule::of(&bucket)? {
        let (id, events, filter) = (Some(rule.id), events(rule.events), rule.filter.map(filter));
        match service_of(&rule.target) {
            "sqs" => queues.push(QueueConfiguration { id, events, filter, queue_arn: rule.target }),
            "sns" => topics.push(TopicConfiguration { id, events, filter, topic_arn: rule.target }),
            _ => functions.push(LambdaFunctionConfiguration {
                id,
                events,
                filter,
                lambda_function_arn: rule.target,
            }),
        }
    }
    Ok(S3Response::new(GetBucketNotificationConfigurationOutput {
        event_bridge_configuration: bus_event::is_on(&bucket).then(EventBridgeConfiguration::default),
        lambda_function_configurations: Some(functions).filter(|all| !all.is_empty()),
        queue_configurations: Some(queues).filter(|all| !all.is_empty()),
        topic_configurations: Some(topics).filter(|all| !all.is_empty()),
    }))
}

fn events(names: Vec<String>) -> Vec<Event> {
    names.into_iter().map(Event::from).collect()
}

/// S3 writes the names with a capital, however they were given.
fn filter(filters: Vec<KeyFilter>) -> NotificationConfigurationFilter {
    let filters = filters.into_iter().map(|filter| FilterRule {
        name: Some(FilterRuleName::from_static(if filter.is_prefix { "Prefix" } else { "Suffix" })),
        value: Some(filter.value),
    });
    NotificationConfigurationFilter { key: Some(S3KeyFilter { filter_rules: Some(filters.collect()) }) }
}
