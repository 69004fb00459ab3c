//! ExportTableToPointInTime, and what is told of exports.

use aws_api::{error_response::ApiError, generated::dynamodb::types};
use store::TableTransaction;

use super::{
    super::{
        DynamoDb, Handled,
        error::invalid,
        point_in_time::{known_at, milliseconds, unavailable},
        record::{found_in, table_arn, table_key},
    },
    IN_PROGRESS, Job, all, new_arn, seconds,
};
use crate::{
    change::ChangeError,
    paging,
    service::{ServiceContext, not_implemented},
};

/// Exports of a page, where the request says nothing.
const PAGE: i64 = 25;

impl DynamoDb {
    pub(in super::super) async fn export_table_to_point_in_time(
        &self,
        context: &ServiceContext,
        input: types::ExportTableToPointInTimeInput,
    ) -> Handled<types::ExportTableToPointInTimeOutput> {
        refuse_others(&input)?;
        let asked = input.table_arn.unwrap_or_default();
        let key = table_key(context, Some(&asked));
        let now_ms = context.now_ms;
        let is_incremental = input.export_type.as_deref() == Some("INCREMENTAL_EXPORT");
        let (span, specification) = match (is_incremental, input.incremental_export_specification) {
            (false, None) => (None, None),
            (true, Some(asked)) => {
                let (span, asked) = increment(asked, now_ms)?;
                (Some(span), Some(asked))
            }
            _ => {
                return Err(invalid(
                    "IncrementalExportSpecification goes with ExportType INCREMENTAL_EXPORT",
                ));
            }
        };
        let at_ms = input.export_time.map_or(now_ms, milliseconds);
        let arn = new_arn(&key, "export", now_ms);
        let mut description = types::ExportDescription {
            export_arn: Some(arn.clone()),
            export_status: Some(IN_PROGRESS.to_owned()),
            start_time: Some(seconds(now_ms)),
            table_arn: Some(table_arn(&key)),
            export_time: (!is_incremental).then(|| seconds(at_ms)),
            client_token: input.client_token,
            s3_bucket: input.s3_bucket,
            s3_bucket_owner: input.s3_bucket_owner.or_else(|| Some(context.account_id().to_owned())),
            s3_prefix: input.s3_prefix,
            s3_sse_algorithm: Some(input.s3_sse_algorithm.unwrap_or_else(|| "AES256".to_owned())),
            export_format: Some("DYNAMODB_JSON".to_owned()),
            export_type: Some(input.export_type.unwrap_or_else(|| "FULL_EXPORT".to_owned())),
            incremental_export_specification: specification,
            ..types::ExportDescription::default()
        };
        let account_id = context.account_id().to_owned();
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<_, ChangeError> {
            let table = found_in(transaction, &key)?.filter(|_| key.account_id == account_id);
            let table = table.ok_or_else(|| not_found(&asked))?;
            if let Some(known) = repeated(transaction, &description)? {
                return Ok(known);
            }
            if table.history.is_none() {
                return Err(unavailable(&key.name).into());
            }
            let (from_ms, until_ms) = span.unwrap_or((at_ms, at_ms));
            let is_known = |ms| known_at(&table, &key, (ms, now_ms)).is_ok();
            if !is_known(from_ms) || !is_known(until_ms) {
                return Err(ApiError::user(
                    "InvalidExportTimeException",
                    400,
                    "The specified ExportTime is outside of the point in time recovery window.",
                )
                .into());
            }
            description.table_id = Some(table.id);
            Job::Export(description.clone()).keep(transaction, &arn)?;
            Ok(description)
        };
        let description = self.tables.transact(change, |_| {}).await?;
        Ok(types::ExportTableToPointInTimeOutput { export_description: Some(description) })
    }

    pub(in super::super) async fn describe_export(
        &self,
        context: &ServiceContext,
        input: types::DescribeExportInput,
    ) -> Handled<types::DescribeExportOutput> {
        let arn = input.export_arn.unwrap_or_default();
        match self.job(context, &arn, "/export/").await? {
            Some(Job::Export(description)) => {
                Ok(types::DescribeExportOutput { export_description: Some(description) })
            }
            _ => Err(ApiError::user("ExportNotFoundException", 400, format!("Export not found: {arn}"))),
        }
    }

    pub(in super::super) async fn list_exports(
        &self,
        context: &ServiceContext,
        input: types::ListExportsInput,
    ) -> Handled<types::ListExportsOutput> {
        let jobs = self.jobs(context, "/export/", input.table_arn.as_ref()).await?;
        let exports = jobs.into_iter().filter_map(|(arn, job)| match job {
            Job::Export(export) => {
                let summary = types::ExportSummary {
                    export_arn: export.export_arn,
                    export_status: export.export_status,
                    export_type: export.export_type,
                };
                Some((arn, summary))
            }
            _ => None,
        });
        let page =
            paging::page(exports.collect(), input.max_results.unwrap_or(PAGE), input.next_token.as_deref());
        let (summaries, next_token) = page.map_err(|_| invalid("The parameter NextToken is not valid."))?;
        Ok(types::ListExportsOutput { export_summaries: Some(summaries), next_token })
    }
}

fn refuse_others(input: &types::ExportTableToPointInTimeInput) -> Handled<()> {
    if input.export_format.as_deref() == Some("ION") {
        return Err(not_implemented("DynamoDB", "exports as Amazon Ion"));
    }
    if input.s3_sse_algorithm.as_deref() == Some("KMS") {
        return Err(not_implemented("DynamoDB", "exports that KMS encrypts"));
    }
    if input.filter_specification.is_some() {
        return Err(not_implemented("DynamoDB", "FilterSpecification"));
    }
    Ok(())
}

/// From when until when, Unix time in milliseconds, and the same as it is shown.
fn increment(
    asked: types::IncrementalExportSpecification,
    now_ms: i64,
) -> Handled<((i64, i64), types::IncrementalExportSpecification)> {
    let Some(from) = asked.export_from_time else {
        return Err(invalid("ExportFromTime must be given"));
    };
    let until_ms = asked.export_to_time.map_or(now_ms, milliseconds);
    if milliseconds(from) >= until_ms {
        return Err(invalid("ExportFromTime must be before ExportToTime"));
    }
    let view_type = asked.export_view_type.unwrap_or_else(|| "NEW_AND_OLD_IMAGES".to_owned());
    let shown = types::IncrementalExportSpecification {
        export_from_time: Some(from),
        export_to_time: Some(seconds(until_ms)),
        export_view_type: Some(view_type),
    };
    Ok(((milliseconds(from), until_ms), shown))
}

/// The export that a token is known for.
fn repeated(
    transaction: &TableTransaction<'_>,
    asked: &types::ExportDescription,
) -> Result<Option<types::ExportDescription>, ChangeError> {
    let Some(token) = &asked.client_token else { return Ok(None) };
    for (_, job) in all(transaction)? {
        let Job::Export(known) = job else { continue };
        if known.client_token.as_ref() == Some(token) && known.table_arn == asked.table_arn {
            let is_same = (&known.s3_bucket, &known.s3_prefix, &known.export_type)
                == (&asked.s3_bucket, &asked.s3_prefix, &asked.export_type);
            return match is_same {
                true => Ok(Some(known)),
                false => Err(ApiError::user(
                    "ExportConflictException",
                    400,
                    "The client token is known for an export with other parameters",
                )
                .into()),
            };
        }
    }
    Ok(None)
}

fn not_found(arn: &str) -> ApiError {
    ApiError::user("TableNotFoundException", 400, format!("Table not found: {arn}"))
}
