//! Points in time of tables ("Point-in-time recovery"): whoever has them kept may have a table as it was at any of them, to the second.
//!
//! Other than on AWS the last one is now, and a table that is deleted takes its points in time along.

use aws_api::{error_response::ApiError, generated::dynamodb::types};
use store::{TableKey, TableTransaction, TableView};

use super::{
    DynamoDb, Handled,
    backups::{Overrides, exists, finished, new_table},
    describe::description,
    error::{invalid, table_not_found},
    history::{self, History},
    record::{Restored, TableRecord, encode, found_in, table_arn, table_key},
    updating::fill,
};
use crate::{
    change::ChangeError,
    service::{ServiceContext, not_implemented},
};

/// Days that are kept where a request does not say.
const DAYS: i64 = 35;

impl DynamoDb {
    pub(super) async fn update_continuous_backups(
        &self,
        context: &ServiceContext,
        input: types::UpdateContinuousBackupsInput,
    ) -> Handled<types::UpdateContinuousBackupsOutput> {
        let key = table_key(context, input.table_name.as_deref());
        let asked = input.point_in_time_recovery_specification.unwrap_or_default();
        let (is_on, days, now_ms) = (
            asked.point_in_time_recovery_enabled == Some(true),
            asked.recovery_period_in_days,
            context.now_ms,
        );
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<_, ChangeError> {
            let mut table = found_in(transaction, &key)?.ok_or_else(|| table_not_found(&key.name))?;
            table.history = match (is_on, table.history.take()) {
                (true, Some(known)) => Some(History { days: days.unwrap_or(known.days), ..known }),
                (true, None) => {
                    let space = transaction.new_space()?;
                    Some(History { space, since_ms: now_ms, days: days.unwrap_or(DAYS) })
                }
                (false, known) => {
                    known.map(|known| transaction.delete_space(known.space)).transpose()?;
                    None
                }
            };
            transaction.put_table(&key, &encode(&table)?)?;
            Ok(table.history)
        };
        let history = self.tables.transact(change, |_| {}).await?;
        let described = described(history.as_ref(), context.now_ms);
        Ok(types::UpdateContinuousBackupsOutput { continuous_backups_description: Some(described) })
    }

    /// Infrastructure tools ask for it of every table.
    pub(super) async fn describe_continuous_backups(
        &self,
        context: &ServiceContext,
        input: types::DescribeContinuousBackupsInput,
    ) -> Handled<types::DescribeContinuousBackupsOutput> {
        let key = table_key(context, input.table_name.as_deref());
        let read = move |view: &TableView<'_>| -> Result<Option<History>, ChangeError> {
            let table = found_in(view, &key)?.ok_or_else(|| table_not_found(&key.name))?;
            Ok(table.history)
        };
        let history = self.tables.read(read).await?;
        let described = described(history.as_ref(), context.now_ms);
        Ok(types::DescribeContinuousBackupsOutput { continuous_backups_description: Some(described) })
    }

    pub(super) async fn restore_table_to_point_in_time(
        &self,
        context: &ServiceContext,
        input: types::RestoreTableToPointInTimeInput,
    ) -> Handled<types::RestoreTableToPointInTimeOutput> {
        if input.vector_index_override.is_some() {
            return Err(not_implemented("DynamoDB", "VectorIndexOverride"));
        }
        let from =
            table_key(context, input.source_table_arn.as_deref().or(input.source_table_name.as_deref()));
        let key = table_key(context, input.target_table_name.as_deref());
        let at_ms = match (input.restore_date_time, input.use_latest_restorable_time) {
            (Some(_), Some(true)) | (None, None | Some(false)) => {
                return Err(invalid(
                    "Exactly one of RestoreDateTime and UseLatestRestorableTime must be given",
                ));
            }
            (Some(seconds), _) => milliseconds(seconds),
            (None, Some(true)) => context.now_ms,
        };
        let (named, now_ms) = (key.clone(), context.now_ms);
        let overrides = Overrides {
            billing_mode: input.billing_mode_override,
            throughput: input.provisioned_throughput_override,
            on_demand_throughput: input.on_demand_throughput_override,
            global: input.global_secondary_index_override,
            local: input.local_secondary_index_override,
        };
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<_, ChangeError> {
            let source = found_in(transaction, &from)?.ok_or_else(|| table_not_found(&from.name))?;
            if found_in(transaction, &named)?.is_some() {
                return Err(exists(&named.name).into());
            }
            let history = known_at(&source, &from, (at_ms, now_ms))?.clone();
            let mut record = new_table(source, overrides, now_ms)?;
            record.restored =
                Some(Restored { backup_arn: None, table_arn: table_arn(&from), at_ms: Some(at_ms) });
            copy_at(transaction, &mut record, (&history, at_ms))?;
            finished(transaction, &named, record)
        };
        let (record, counts) = self.tables.transact(change, |_| {}).await?;
        let table = description(&key, &record, "CREATING", &counts);
        Ok(types::RestoreTableToPointInTimeOutput { table_description: Some(table) })
    }
}

/// The history of a table that has kept a point in time.
///
/// # Errors
/// As AWS has them, when it has not.
pub(super) fn known_at<'a>(
    table: &'a TableRecord,
    key: &TableKey,
    (at_ms, now_ms): (i64, i64),
) -> Handled<&'a History> {
    let history = table.history.as_ref().ok_or_else(|| unavailable(&key.name))?;
    // What is shown as the earliest one is a whole second.
    if at_ms < whole_second(history.earliest_ms(now_ms)) || at_ms > now_ms {
        return Err(ApiError::user(
            "InvalidRestoreTimeException",
            400,
            "An invalid restore time was specified. RestoreDateTime must be between EarliestRestorableDateTime and LatestRestorableDateTime.",
        ));
    }
    Ok(history)
}

/// Gives a record spaces of its own, with what was in its table at a point in time.
fn copy_at(
    transaction: &mut TableTransaction<'_>,
    record: &mut TableRecord,
    (history, at_ms): (&History, i64),
) -> Result<(), ChangeError> {
    record.space = transaction.copy_space(record.space)?;
    history::undo(transaction, (history, record.space), at_ms)?;
    for index in record.local.iter_mut().chain(&mut record.global) {
        index.space = transaction.new_space()?;
    }
    record.indexes().try_for_each(|index| fill(transaction, record, index))
}

/// Unix time in seconds, as milliseconds.
pub(super) fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}

fn whole_second(ms: i64) -> i64 {
    ms.div_euclid(1_000) * 1_000
}

fn described(history: Option<&History>, now_ms: i64) -> types::ContinuousBackupsDescription {
    let seconds = |ms: i64| ms.div_euclid(1_000) as f64;
    let description = types::PointInTimeRecoveryDescription {
        point_in_time_recovery_status: Some(
            if history.is_some() { "ENABLED" } else { "DISABLED" }.to_owned(),
        ),
        recovery_period_in_days: history.map(|history| history.days),
        earliest_restorable_date_time: history.map(|history| seconds(history.earliest_ms(now_ms))),
        latest_restorable_date_time: history.map(|_| seconds(now_ms)),
    };
    types::ContinuousBackupsDescription {
        // So of every table; points in time are what may be disabled ("Before you begin using point-in-time recovery").
        continuous_backups_status: Some("ENABLED".to_owned()),
        point_in_time_recovery_description: Some(description),
    }
}

pub(super) fn unavailable(table: &str) -> ApiError {
    let message = format!("Point in time recovery is not enabled for table '{table}'");
    ApiError::user("PointInTimeRecoveryUnavailableException", 400, message)
}
