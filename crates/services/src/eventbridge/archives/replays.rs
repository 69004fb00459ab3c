//! Operations on replays.

use aws_api::{error_response::ApiError, generated::events::types};
use store::{DocumentKey, Transaction};

use super::{
    super::{
        EventBridge, Handled,
        bus::{BusKey, BusRecord, DEFAULT},
        buses::page,
        error::{exists, invalid, no_bus, not_found},
        named::{document, range, seconds},
    },
    ArchiveRecord, ReplayRecord, arn, of_arn,
};
use crate::{
    change::{ChangeError, of_store},
    service::ServiceContext,
};

impl EventBridge {
    pub(in super::super) async fn start_replay(
        &self,
        context: &ServiceContext,
        input: types::StartReplayRequest,
    ) -> Handled<types::StartReplayResponse> {
        let destination = input.destination.unwrap_or_default();
        let bus = BusKey::of_arn(destination.arn.as_deref().unwrap_or_default());
        let bus = bus.ok_or_else(|| of_parameter("Destination.Arn", "Must contain an event bus ARN."))?;
        let archive_arn = input.event_source_arn.unwrap_or_default();
        let archive = of_arn(&archive_arn).filter(|key| key.account_id == context.account_id());
        let archive =
            archive.ok_or_else(|| of_parameter("EventSourceArn", "Must contain an archive ARN."))?;
        let (from, to) =
            (input.event_start_time.unwrap_or_default(), input.event_end_time.unwrap_or_default());
        let (key, now_ms) = (document(context, &input.replay_name.unwrap_or_default()), context.now_ms);
        let mut record = ReplayRecord {
            archive_arn,
            description: input.description,
            destination,
            from,
            to,
            state: "STARTING".to_owned(),
            reason: None,
            started_ms: now_ms,
            ended_ms: None,
            position: None,
            space: 0,
        };
        let replay_arn = arn("replay", &key);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            if bus.name != DEFAULT && transaction.document::<BusRecord>(&bus.document())?.is_none() {
                return Err(no_bus(&bus.name).into());
            }
            let Some(found) = transaction.document::<ArchiveRecord>(&archive)? else {
                let reason = format!("Archive {} does not exist.", archive.name);
                return Err(of_parameter("EventSourceArn", &reason).into());
            };
            if found.source_arn != bus.arn() {
                let reason = "Cross event bus replay is not permitted.";
                return Err(of_parameter("Destination.Arn", reason).into());
            }
            if from >= to {
                let reason = "EventStartTime must be before EventEndTime.";
                return Err(of_parameter("EventEndTime", reason).into());
            }
            if transaction.document::<ReplayRecord>(&key)?.is_some() {
                return Err(exists(format!("Replay {} already exists.", key.name)).into());
            }
            record.space = found.space;
            Ok(transaction.put_document(&key, &record)?)
        };
        self.store.transact(change).await?;
        self.replays_changed.notify_one();
        Ok(types::StartReplayResponse {
            replay_arn: Some(replay_arn),
            state: Some("STARTING".to_owned()),
            state_reason: None,
            replay_start_time: Some(seconds(now_ms)),
        })
    }

    pub(in super::super) async fn describe_replay(
        &self,
        context: &ServiceContext,
        input: types::DescribeReplayRequest,
    ) -> Handled<types::DescribeReplayResponse> {
        let key = document(context, &input.replay_name.unwrap_or_default());
        let found = self.store.document::<ReplayRecord>(&key).await.map_err(of_store)?;
        let record = found.ok_or_else(|| no_replay(&key.name))?;
        let shown = shown(&key, record.clone());
        Ok(types::DescribeReplayResponse {
            replay_arn: Some(arn("replay", &key)),
            description: record.description,
            destination: Some(record.destination),
            replay_name: shown.replay_name,
            state: shown.state,
            state_reason: shown.state_reason,
            event_source_arn: shown.event_source_arn,
            event_start_time: shown.event_start_time,
            event_end_time: shown.event_end_time,
            event_last_replayed_time: shown.event_last_replayed_time,
            replay_start_time: shown.replay_start_time,
            replay_end_time: shown.replay_end_time,
        })
    }

    pub(in super::super) async fn list_replays(
        &self,
        context: &ServiceContext,
        input: types::ListReplaysRequest,
    ) -> Handled<types::ListReplaysResponse> {
        let filters = [input.name_prefix.is_some(), input.event_source_arn.is_some(), input.state.is_some()];
        if filters.into_iter().filter(|is_there| *is_there).count() > 1 {
            return Err(invalid(
                "At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or NamePrefix.",
            ));
        }
        let all = self.store.documents::<ReplayRecord>(range(context)).await.map_err(of_store)?;
        let is_wanted = |(key, record): &(DocumentKey, ReplayRecord)| {
            input.name_prefix.as_ref().is_none_or(|prefix| key.name.starts_with(prefix))
                && input.event_source_arn.as_ref().is_none_or(|source| *source == record.archive_arn)
                && input.state.as_ref().is_none_or(|state| *state == record.state)
        };
        let wanted = all.into_iter().filter(is_wanted);
        let named = wanted.map(|(key, record)| (key.name.clone(), shown(&key, record))).collect();
        let (replays, next_token) = page(named, input.limit, input.next_token.as_deref())?;
        Ok(types::ListReplaysResponse { replays: Some(replays), next_token })
    }

    pub(in super::super) async fn cancel_replay(
        &self,
        context: &ServiceContext,
        input: types::CancelReplayRequest,
    ) -> Handled<types::CancelReplayResponse> {
        let key = document(context, &input.replay_name.unwrap_or_default());
        let replay_arn = arn("replay", &key);
        let change = move |transaction: &mut Transaction<'_>| -> Result<(), ChangeError> {
            let found = transaction.document::<ReplayRecord>(&key)?;
            let mut record = found.ok_or_else(|| no_replay(&key.name))?;
            if !matches!(record.state.as_str(), "STARTING" | "RUNNING") {
                let message = format!("Replay {} is not in a valid state for this operation.", key.name);
                return Err(ApiError::user("IllegalStatusException", 400, message).into());
            }
            record.state = "CANCELLING".to_owned();
            Ok(transaction.put_document(&key, &record)?)
        };
        self.store.transact(change).await?;
        self.replays_changed.notify_one();
        Ok(types::CancelReplayResponse {
            replay_arn: Some(replay_arn),
            state: Some("CANCELLING".to_owned()),
            state_reason: None,
        })
    }
}

fn shown(key: &DocumentKey, record: ReplayRecord) -> types::Replay {
    let last = record.position.as_deref().and_then(|place| place.first_chunk::<8>());
    types::Replay {
        replay_name: Some(key.name.clone()),
        event_source_arn: Some(record.archive_arn),
        state: Some(record.state),
        state_reason: record.reason,
        event_start_time: Some(record.from),
        event_end_time: Some(record.to),
        event_last_replayed_time: last.map(|seconds| u64::from_be_bytes(*seconds) as f64),
        replay_start_time: Some(seconds(record.started_ms)),
        replay_end_time: record.ended_ms.map(seconds),
    }
}

fn of_parameter(name: &str, reason: &str) -> ApiError {
    invalid(format!("Parameter {name} is not valid. Reason: {reason}"))
}

fn no_replay(name: &str) -> ApiError {
    not_found(format!("Replay {name} does not exist."))
}
