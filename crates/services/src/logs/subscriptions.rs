//! Bringing new events to the functions that subscription filters name.
//!
//! A task looks at the groups with filters again and again and remembers how far it has come in each. Events of one stream that came
//! together go together, packed as CloudWatch Logs packs them. A delivery that fails is tried again for a while; then its events are
//! given up, and said. What had come when a filter was made is not delivered, nor what came before the server started.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use lambda_model::ports::BoxFuture;
use serde_json::json;
use store::{LogGroupKey, LogGroupSettings, Logs, StoredEvent, StreamSelection};

use super::{events::digits, pattern::FilterPattern};

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(200);
/// Events taken at a time, bytes: what they become must fit into an invocation.
const BYTES_MAX: usize = 1024 * 1024;
/// Attempts at a delivery, and the pause before the second; it doubles each time.
const ATTEMPTS_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// Invokes the functions that filters name.
pub trait SubscribedFunctions: Send + Sync {
    /// Runs the function of an ARN with an event.
    ///
    /// # Errors
    /// Why it could not be run, for the server's log.
    fn invoke<'a>(&'a self, arn: &'a str, event: String) -> BoxFuture<'a, Result<(), String>>;
}

/// Delivers until dropped.
pub async fn run(logs: Logs, functions: Arc<dyn SubscribedFunctions>) {
    let mut positions: HashMap<(LogGroupKey, String), u64> = HashMap::new();
    loop {
        tokio::time::sleep(INTERVAL).await;
        let (source, known) = (logs.clone(), std::mem::take(&mut positions));
        let looked = tokio::task::spawn_blocking(move || look(&source, known)).await;
        let Ok((then, deliveries)) = looked else { return };
        positions = then;
        for delivery in deliveries {
            tokio::spawn(deliver(delivery, Arc::clone(&functions)));
        }
    }
}

/// One invocation to make.
struct Delivery {
    destination_arn: String,
    event: String,
}

type Positions = HashMap<(LogGroupKey, String), u64>;

/// What is new in the groups with filters, and how far that is. Filters that are gone are forgotten.
fn look(logs: &Logs, known: Positions) -> (Positions, Vec<Delivery>) {
    let (mut positions, mut deliveries) = (Positions::new(), Vec::new());
    for (key, settings) in logs.groups_with_filters() {
        for name in settings.subscription_filters.keys() {
            let id = (key.clone(), name.clone());
            let Some(from) = known.get(&id).copied() else {
                positions.insert(id, logs.next_sequence(&key));
                continue;
            };
            let read = logs.read_from(&key, from, &StreamSelection::All, BYTES_MAX);
            let (events, next) = match read {
                Some(Ok(read)) => read,
                Some(Err(error)) => {
                    tracing::warn!(group = key.name, %error, "log not read for a subscription");
                    (Vec::new(), from)
                }
                None => continue,
            };
            deliveries.extend(deliveries_of(&key, &settings, name, events));
            positions.insert(id, next);
        }
    }
    (positions, deliveries)
}

/// The events that a filter wants, a delivery for each stream.
fn deliveries_of(
    key: &LogGroupKey,
    settings: &LogGroupSettings,
    name: &str,
    events: Vec<StoredEvent>,
) -> Vec<Delivery> {
    let Some(filter) = settings.subscription_filters.get(name) else { return Vec::new() };
    let Ok(pattern) = FilterPattern::parse(&filter.pattern) else { return Vec::new() };
    let mut by_stream: BTreeMap<Arc<str>, Vec<StoredEvent>> = BTreeMap::new();
    for event in events.into_iter().filter(|event| pattern.matches(&event.message)) {
        by_stream.entry(Arc::clone(&event.stream)).or_default().push(event);
    }
    let packed = by_stream.into_iter().filter_map(|(stream, events)| {
        let event = pack(key, name, &stream, &events).ok()?;
        Some(Delivery { destination_arn: filter.destination_arn.clone(), event })
    });
    packed.collect()
}

/// `{"awslogs": {"data": ...}}`: JSON, gzip, Base64.
fn pack(key: &LogGroupKey, filter: &str, stream: &str, events: &[StoredEvent]) -> io::Result<String> {
    let events: Vec<serde_json::Value> = events
        .iter()
        .map(|event| {
            json!({
                "id": digits(event.position),
                "timestamp": event.position.timestamp_ms,
                "message": event.message,
            })
        })
        .collect();
    let message = json!({
        "messageType": "DATA_MESSAGE",
        "owner": key.account_id,
        "logGroup": key.name,
        "logStream": stream,
        "subscriptionFilters": [filter],
        "logEvents": events,
    });
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(message.to_string().as_bytes())?;
    let data = BASE64_STANDARD.encode(encoder.finish()?);
    Ok(json!({ "awslogs": { "data": data } }).to_string())
}

async fn deliver(delivery: Delivery, functions: Arc<dyn SubscribedFunctions>) {
    let mut pause = PAUSE;
    for attempt in 1..=ATTEMPTS_MAX {
        match functions.invoke(&delivery.destination_arn, delivery.event.clone()).await {
            Ok(()) => return,
            Err(error) if attempt == ATTEMPTS_MAX => {
                tracing::warn!(
                    function = delivery.destination_arn,
                    error,
                    "log events of a subscription given up"
                );
            }
            Err(_) => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    }
}
