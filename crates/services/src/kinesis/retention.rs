//! How long records are kept.

use std::{sync::Arc, time::Duration};

use aws_api::generated::kinesis::types;
use lambda_model::ports::Clock;
use store::{TableTransaction, TableView};
use tokio::time::sleep;

use super::{
    Handled, Kinesis, Named,
    error::invalid_argument,
    limits::{RETENTION_HOURS_MAX, RETENTION_HOURS_MIN},
    record::{StreamRecord, is_stream_arn},
};
use crate::{
    append_log,
    change::{ChangeError, goes_on},
    service::ServiceContext,
};

/// How often records whose time is over are forgotten; nobody sees them by then.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

impl Kinesis {
    pub(super) async fn increase_stream_retention_period(
        &self,
        context: &ServiceContext,
        input: types::IncreaseStreamRetentionPeriodInput,
    ) -> Handled<()> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let hours = checked(input.retention_period_hours)?;
        self.change(named, move |stream, _| {
            if hours < stream.retention_hours {
                return Err(invalid_argument(format!(
                    "Requested retention period ({hours} hours) for stream {} can not be shorter than existing retention period ({} hours). Use DecreaseRetentionPeriod API.",
                    stream.name, stream.retention_hours
                ))
                .into());
            }
            stream.retention_hours = hours;
            Ok(())
        })
        .await
    }

    pub(super) async fn decrease_stream_retention_period(
        &self,
        context: &ServiceContext,
        input: types::DecreaseStreamRetentionPeriodInput,
    ) -> Handled<()> {
        let named = Named::of(context, input.stream_name, input.stream_arn)?;
        let hours = checked(input.retention_period_hours)?;
        self.change(named, move |stream, _| {
            if hours > stream.retention_hours {
                return Err(invalid_argument(format!(
                    "Requested retention period ({hours} hours) for stream {} can not be longer than existing retention period ({} hours). Use IncreaseRetentionPeriod API.",
                    stream.name, stream.retention_hours
                ))
                .into());
            }
            stream.retention_hours = hours;
            Ok(())
        })
        .await
    }

    /// Forgets records whose time is over, and closed shards without any, until the store is closed.
    pub async fn sweep(self, clock: Arc<dyn Clock>) {
        loop {
            sleep(SWEEP_EVERY).await;
            if !goes_on(self.sweep_once(clock.now_ms()).await, "old records could not be forgotten") {
                return;
            }
        }
    }

    async fn sweep_once(&self, now_ms: i64) -> Result<(), ChangeError> {
        let all = self.tables.read(|view: &TableView<'_>| view.streams()).await?;
        let ours: Vec<String> =
            all.into_iter().map(|(arn, _)| arn).filter(|arn| is_stream_arn(arn)).collect();
        for arn in ours {
            let forget = move |transaction: &mut TableTransaction<'_>| forget(transaction, &arn, now_ms);
            self.tables.transact(forget, |()| {}).await?;
        }
        Ok(())
    }
}

fn forget(transaction: &mut TableTransaction<'_>, arn: &str, now_ms: i64) -> Result<(), ChangeError> {
    let Some(bytes) = transaction.stream(arn)? else { return Ok(()) };
    let mut stream = StreamRecord::decode(&bytes)?;
    let horizon_ms = stream.horizon_ms(now_ms);
    for shard in &stream.shards {
        append_log::forget_before(transaction, shard.space, horizon_ms)?;
    }
    let is_over = |closed_ms: i64| closed_ms < horizon_ms;
    let (over, left) =
        stream.shards.into_iter().partition(|shard| shard.closed.is_some_and(|closed| is_over(closed.at_ms)));
    stream.shards = left;
    let over: Vec<super::shards::Shard> = over;
    if over.is_empty() {
        return Ok(());
    }
    for shard in over {
        transaction.delete_space(shard.space)?;
    }
    Ok(transaction.put_stream(arn, &stream.encode()?)?)
}

fn checked(hours: Option<i64>) -> Handled<i64> {
    let hours = hours.unwrap_or_default();
    if hours < RETENTION_HOURS_MIN {
        return Err(invalid_argument(format!(
            "Minimum allowed retention period is {RETENTION_HOURS_MIN} hours. Requested retention period ({hours} hours) is too short."
        )));
    }
    if hours > RETENTION_HOURS_MAX {
        return Err(invalid_argument(format!(
            "Maximum allowed retention period is {RETENTION_HOURS_MAX} hours. Requested retention period ({hours} hours) is too long."
        )));
    }
    Ok(hours)
}
