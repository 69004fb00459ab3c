//! `StartLiveTail`: new events as they come, for as long as the client listens.
//!
//! ```text
//! initial-response ─► sessionStart ─► sessionUpdate, each second ─► SessionTimeoutException after three hours
//!                                                              └──► SessionStreamingException when a group cannot be read
//! ```
//! The client pulls: while it does not, nothing is read. What has come meanwhile is read when it goes on; beyond as many events as
//! CloudWatch Logs would have kept for it, it gets a sample.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_api::{generated::logs::types as api, protocol::event_stream, request_id};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use store::{LogGroupKey, Logs, StreamSelection};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::{
    CloudWatchLogs, Handled,
    context::name_in,
    error::{invalid, limit_exceeded, no_group},
    filter_events::parsed,
    pattern::FilterPattern,
    sample::Sample,
};
use crate::service::{EventStream, ServiceContext};

/// The time between two updates (API reference, StartLiveTail; so are the others).
const INTERVAL: Duration = Duration::from_secs(1);
/// A session's longest life.
const SESSION_MAX: Duration = Duration::from_secs(3 * 60 * 60);
/// Events of an update, and of a second.
const EVENTS_MAX: usize = 500;
/// Events kept for a client that is slow.
const WAITING_MAX: usize = 5000;
/// Sessions of an account at a time (CloudWatch Logs quotas).
const SESSIONS_MAX: usize = 15;
/// Read at a time, bytes.
const READ_BYTES_MAX: usize = 1024 * 1024;
/// Reads for an update: who prints more than this many mebibytes a second is sampled without being read.
const READS_MAX: usize = 32;

/// How many sessions each account has.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions(Arc<Mutex<HashMap<String, usize>>>);

/// A place in that number, given back with it.
struct Place {
    sessions: Sessions,
    account_id: String,
}

impl Sessions {
    fn enter(&self, account_id: &str) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(account_id.to_owned()).or_default();
        if *count >= SESSIONS_MAX {
            return None;
        }
        *count += 1;
        Some(Place { sessions: self.clone(), account_id: account_id.to_owned() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.sessions.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.account_id) {
            *count -= 1;
        }
        counts.retain(|_, count| *count > 0);
    }
}

/// A group that a session follows.
#[derive(Clone)]
struct Followed {
    key: LogGroupKey,
    identifier: String,
    /// The event that comes next.
    from: u64,
}

/// One session.
struct Session {
    logs: Logs,
    groups: Vec<Followed>,
    streams: StreamSelection,
    pattern: Arc<FilterPattern>,
    /// Read, and not yet sent.
    waiting: VecDeque<api::LiveTailSessionLogEvent>,
    /// Whether something was left out of what is waiting.
    is_sampled: bool,
    ticks: Interval,
    looked_at: Instant,
    ends_at: Instant,
    _place: Place,
}

impl CloudWatchLogs {
    pub(super) async fn start_live_tail(
        &self,
        context: &ServiceContext,
        input: api::StartLiveTailRequest,
    ) -> Handled<EventStream> {
        let streams = streams_of(&input)?;
        let pattern = parsed(input.log_event_filter_pattern.as_deref())?;
        let identifiers = input.log_group_identifiers.clone().unwrap_or_default();
        let keys: Vec<(LogGroupKey, String)> = identifiers
            .iter()
            .map(|identifier| Ok((key_of(context, identifier)?, identifier.clone())))
            .collect::<Handled<_>>()?;
        let groups = self.blocking(move |logs| followed(logs, keys)).await?;
        let place = self.live_tails.enter(context.account_id()).ok_or_else(|| {
            limit_exceeded(format!("An account can have {SESSIONS_MAX} Live Tail sessions at a time."))
        })?;
        let start = api::LiveTailSessionStart {
            request_id: Some(request_id::new()),
            session_id: Some(request_id::new()),
            log_group_identifiers: input.log_group_identifiers,
            log_stream_names: input.log_stream_names,
            log_stream_name_prefixes: input.log_stream_name_prefixes,
            log_event_filter_pattern: input.log_event_filter_pattern,
        };
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = Instant::now();
        let session = Session {
            logs: self.logs.clone(),
            groups,
            streams,
            pattern: Arc::new(pattern),
            waiting: VecDeque::new(),
            is_sampled: false,
            ticks,
            looked_at: now,
            ends_at: now + SESSION_MAX,
            _place: place,
        };
        let beginning = stream::iter([event_stream::initial_response(), event("sessionStart", &start)]);
        let updates = stream::unfold(Some(session), async |session| Some(session?.update().await));
        Ok(Box::pin(beginning.chain(updates)))
    }
}

/// Which streams; they belong to one group.
fn streams_of(input: &api::StartLiveTailRequest) -> Handled<StreamSelection> {
    let selection = match (&input.log_stream_names, &input.log_stream_name_prefixes) {
        (None, None) => return Ok(StreamSelection::All),
        (Some(_), Some(_)) => {
            return Err(invalid(
                "LogStream names and LogStream name prefixes are mutually exclusive parameters.",
            ));
        }
        (Some(names), None) => StreamSelection::Names(names.clone()),
        (None, Some(prefixes)) => StreamSelection::Prefixes(prefixes.clone()),
    };
    match input.log_group_identifiers.as_deref().unwrap_or_default() {
        [_] => Ok(selection),
        _ => Err(invalid("LogStream names and prefixes can be specified for a single log group only.")),
    }
}

/// The group of an ARN: a session takes no names.
fn key_of(context: &ServiceContext, identifier: &str) -> Handled<LogGroupKey> {
    if !identifier.starts_with("arn:") {
        return Err(invalid(format!(
            "The specified log group identifier {identifier} is not the ARN of a log group"
        )));
    }
    Ok(super::context::group_key(context, Some(name_in(context, identifier)?)))
}

fn followed(logs: &Logs, keys: Vec<(LogGroupKey, String)>) -> Handled<Vec<Followed>> {
    // What environments printed before this call is not new.
    logs.settle();
    let follow = |(key, identifier): (LogGroupKey, String)| {
        logs.group(&key).ok_or_else(no_group)?;
        let from = logs.next_sequence(&key);
        Ok(Followed { key, identifier, from })
    };
    keys.into_iter().map(follow).collect()
}

fn event(name: &str, payload: &impl serde::Serialize) -> Bytes {
    event_stream::event(name, "application/json", &serde_json::to_vec(payload).unwrap_or_default())
}

impl Session {
    /// The next message, a second after the last one, or at once when a slow client has more waiting; and who makes the one after it.
    async fn update(mut self) -> (Bytes, Option<Self>) {
        if self.waiting.is_empty() {
            self.ticks.tick().await;
            if Instant::now() >= self.ends_at {
                return (
                    failure("SessionTimeoutException", "The session has reached its longest duration."),
                    None,
                );
            }
            if let Err(error) = self.look().await {
                return (failure("SessionStreamingException", &error), None);
            }
        }
        let count = self.waiting.len().min(EVENTS_MAX);
        let update = api::LiveTailSessionUpdate {
            session_metadata: Some(api::LiveTailSessionMetadata { sampled: Some(self.is_sampled) }),
            session_results: Some(self.waiting.drain(..count).collect()),
        };
        (event("sessionUpdate", &update), Some(self))
    }

    /// Reads what is new, a sample of it where it is much.
    async fn look(&mut self) -> Result<(), String> {
        let seconds = self.looked_at.elapsed().as_secs_f64().round().max(1.0);
        self.looked_at = Instant::now();
        // A client that was away for some seconds gets as many as in these seconds would have been sent.
        let room = (seconds as usize).saturating_mul(EVENTS_MAX).min(WAITING_MAX);
        let (logs, mut groups) = (self.logs.clone(), self.groups.clone());
        let (streams, pattern) = (self.streams.clone(), Arc::clone(&self.pattern));
        let looked = tokio::task::spawn_blocking(move || {
            logs.settle();
            let mut sample = Sample::new(room);
            for group in &mut groups {
                read_new(&logs, group, &streams, &pattern, &mut sample)?;
            }
            Ok::<_, String>((groups, sample))
        });
        let (groups, sample) = looked.await.map_err(|error| error.to_string())??;
        self.groups = groups;
        self.is_sampled = sample.has_dropped();
        self.waiting.extend(sample.into_items());
        Ok(())
    }
}

fn read_new(
    logs: &Logs,
    group: &mut Followed,
    streams: &StreamSelection,
    pattern: &FilterPattern,
    sample: &mut Sample<api::LiveTailSessionLogEvent>,
) -> Result<(), String> {
    for _ in 0..READS_MAX {
        let read = logs.read_from(&group.key, group.from, streams, READ_BYTES_MAX);
        let (events, next) = read.ok_or("The log group is gone.")?.map_err(|error| error.to_string())?;
        if events.is_empty() {
            return Ok(());
        }
        group.from = next;
        for event in events.into_iter().filter(|event| pattern.matches(&event.message)) {
            sample.offer(api::LiveTailSessionLogEvent {
                log_stream_name: Some(event.stream.to_string()),
                log_group_identifier: Some(group.identifier.clone()),
                timestamp: Some(event.position.timestamp_ms),
                ingestion_time: Some(event.ingestion_ms),
                message: Some(event.message),
            });
        }
    }
    group.from = logs.next_sequence(&group.key);
    sample.leave_out();
    Ok(())
}

/// The last message.
fn failure(name: &str, message: &str) -> Bytes {
    event_stream::exception(name, serde_json::json!({ "message": message }).to_string().as_bytes())
}
