//! Messages as receivers see them: with the attributes that they ask for.

use std::collections::BTreeMap;

use aws_api::generated::sqs::types;

use super::{
    Handled,
    error::unknown_attribute,
    message::{md5_of, md5_of_attributes, sequence_number},
    receiving::Received,
    settings,
};

/// Every system attribute.
const SYSTEM: &[&str] = &[
    "All",
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
];

/// Checks the names of the system attributes that are asked for. The older of the two lists was also for attributes of queues.
pub(super) fn check_names(asked: &types::ReceiveMessageRequest) -> Handled<()> {
    let mut names = asked.message_system_attribute_names.iter().flatten();
    if let Some(name) = names.find(|name| !SYSTEM.contains(&name.as_str())) {
        return Err(unknown_attribute(name));
    }
    let mut names = asked.attribute_names.iter().flatten();
    let unknown = names.find(|name| !SYSTEM.contains(&name.as_str()) && !settings::is_known(name));
    unknown.map_or(Ok(()), |name| Err(unknown_attribute(name)))
}

/// A message, with what the request asks for.
pub(super) fn message(message: Received, asked: &types::ReceiveMessageRequest) -> types::Message {
    let names = asked.message_attribute_names.iter().flatten();
    let wanted: Vec<&str> = names.map(String::as_str).collect();
    let attributes = message.header.attributes.iter().filter(|(name, _)| is_wanted(name, &wanted));
    let attributes: BTreeMap<_, _> = attributes.collect();
    let md5_of_message_attributes = md5_of_attributes(attributes.iter().map(|(name, value)| (*name, *value)));
    let shown: BTreeMap<_, _> =
        attributes.into_iter().map(|(name, attribute)| (name.clone(), attribute.shown())).collect();
    let system = system_attributes(&message, asked);
    types::Message {
        message_id: Some(message.header.message_id),
        receipt_handle: Some(message.receipt.handle()),
        md5_of_body: Some(md5_of(&message.body)),
        body: Some(String::from_utf8_lossy(&message.body).into_owned()),
        attributes: (!system.is_empty()).then_some(system),
        md5_of_message_attributes,
        message_attributes: (!shown.is_empty()).then_some(shown),
    }
}

/// `All` and `.*` are every attribute, `foo.*` those that begin with `foo`.
fn is_wanted(name: &str, wanted: &[&str]) -> bool {
    wanted.iter().any(|wanted| match wanted.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => *wanted == name || *wanted == "All",
    })
}

fn system_attributes(message: &Received, asked: &types::ReceiveMessageRequest) -> BTreeMap<String, String> {
    let older = asked.attribute_names.iter().flatten();
    let asked: Vec<&str> =
        older.chain(asked.message_system_attribute_names.iter().flatten()).map(String::as_str).collect();
    let mut all = all_system_attributes(message);
    all.retain(|name, _| asked.contains(&"All") || asked.contains(&name.as_str()));
    all
}

/// Every system attribute that a message has.
pub(super) fn all_system_attributes(message: &Received) -> BTreeMap<String, String> {
    let Received { header, state, .. } = message;
    let sequence = header.deduplication_id.as_ref().map(|_| sequence_number(message.receipt.place.id));
    let attributes = [
        ("SenderId", Some(header.sender_id.clone())),
        ("SentTimestamp", Some(state.sent_ms.to_string())),
        ("ApproximateReceiveCount", Some(state.receives.to_string())),
        ("ApproximateFirstReceiveTimestamp", Some(state.first_received_ms.to_string())),
        ("SequenceNumber", sequence),
        ("MessageDeduplicationId", header.deduplication_id.clone()),
        ("MessageGroupId", header.group.clone()),
        ("AWSTraceHeader", header.trace_header.clone()),
        ("DeadLetterQueueSourceArn", header.dead_letter_source.clone()),
    ];
    let known = attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::is_wanted;

    #[test]
    fn attributes_are_asked_for_by_name_and_by_prefix() {
        for (name, wanted, right) in [
            ("foo", &["foo"][..], true),
            ("foo.bar", &["foo.*"], true),
            ("bar", &["foo.*"], false),
            ("bar", &["All"], true),
            ("bar", &[".*"], true),
            ("bar", &["foo", "ba"], false),
            ("bar", &[], false),
        ] {
            assert_eq!(is_wanted(name, wanted), right, "{name} {wanted:?}");
        }
    }
}
