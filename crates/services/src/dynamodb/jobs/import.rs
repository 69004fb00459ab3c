//! ImportTable, and what is told of imports.

use aws_api::{error_response::ApiError, generated::dynamodb::types};
use store::TableTransaction;

use super::{
    super::{
        DynamoDb, Handled,
        error::{in_use, invalid},
        record::{table_arn, table_key},
        tables,
    },
    IN_PROGRESS, Job, all, new_arn, seconds,
};
use crate::{
    change::ChangeError,
    paging,
    service::{ServiceContext, not_implemented},
};

/// Imports of a page, where the request says nothing.
const PAGE: i64 = 25;

impl DynamoDb {
    pub(in super::super) async fn import_table(
        &self,
        context: &ServiceContext,
        input: types::ImportTableInput,
    ) -> Handled<types::ImportTableOutput> {
        let format = input.input_format.as_deref().unwrap_or_default();
        if format == "ION" {
            return Err(not_implemented("DynamoDB", "imports of Amazon Ion"));
        }
        if input.input_compression_type.as_deref() == Some("ZSTD") {
            return Err(not_implemented("DynamoDB", "imports of what is compressed with zstd"));
        }
        if format != "CSV" && input.input_format_options.is_some() {
            return Err(invalid("InputFormatOptions are for CSV only"));
        }
        let asked = input.table_creation_parameters.clone().unwrap_or_default();
        let key = table_key(context, asked.table_name.as_deref());
        let now_ms = context.now_ms;
        let mut record = tables::read(creation(asked), now_ms)?;
        record.is_importing = true;
        let arn = new_arn(&key, "import", now_ms);
        let description = types::ImportTableDescription {
            import_arn: Some(arn.clone()),
            import_status: Some(IN_PROGRESS.to_owned()),
            table_arn: Some(table_arn(&key)),
            table_id: Some(record.id.clone()),
            client_token: input.client_token,
            s3_bucket_source: input.s3_bucket_source,
            input_format: input.input_format,
            input_format_options: input.input_format_options,
            input_compression_type: Some(input.input_compression_type.unwrap_or_else(|| "NONE".to_owned())),
            table_creation_parameters: input.table_creation_parameters,
            start_time: Some(seconds(now_ms)),
            error_count: Some(0),
            processed_size_bytes: Some(0),
            processed_item_count: Some(0),
            imported_item_count: Some(0),
            ..types::ImportTableDescription::default()
        };
        let change = move |transaction: &mut TableTransaction<'_>| -> Result<_, ChangeError> {
            if let Some(known) = repeated(transaction, &description)? {
                return Ok(known);
            }
            tables::make(transaction, &key, &mut record)?;
            Job::Import(description.clone()).keep(transaction, &arn)?;
            Ok(description)
        };
        let description = self.tables.transact(change, |_| {}).await?;
        Ok(types::ImportTableOutput { import_table_description: Some(description) })
    }

    pub(in super::super) async fn describe_import(
        &self,
        context: &ServiceContext,
        input: types::DescribeImportInput,
    ) -> Handled<types::DescribeImportOutput> {
        let arn = input.import_arn.unwrap_or_default();
        match self.job(context, &arn, "/import/").await? {
            Some(Job::Import(description)) => {
                Ok(types::DescribeImportOutput { import_table_description: Some(description) })
            }
            _ => Err(ApiError::user("ImportNotFoundException", 400, format!("Import not found: {arn}"))),
        }
    }

    pub(in super::super) async fn list_imports(
        &self,
        context: &ServiceContext,
        input: types::ListImportsInput,
    ) -> Handled<types::ListImportsOutput> {
        let jobs = self.jobs(context, "/import/", input.table_arn.as_ref()).await?;
        let imports = jobs.into_iter().filter_map(|(arn, job)| match job {
            Job::Import(import) => Some((arn, summary(import))),
            _ => None,
        });
        let page =
            paging::page(imports.collect(), input.page_size.unwrap_or(PAGE), input.next_token.as_deref());
        let (summaries, next_token) = page.map_err(|_| invalid("The parameter NextToken is not valid."))?;
        Ok(types::ListImportsOutput { import_summary_list: Some(summaries), next_token })
    }
}

/// The import that a token is known for.
fn repeated(
    transaction: &TableTransaction<'_>,
    asked: &types::ImportTableDescription,
) -> Result<Option<types::ImportTableDescription>, ChangeError> {
    let Some(token) = &asked.client_token else { return Ok(None) };
    for (_, job) in all(transaction)? {
        let Job::Import(known) = job else { continue };
        if known.client_token.as_ref() == Some(token) && known.table_arn == asked.table_arn {
            let is_same = known.s3_bucket_source == asked.s3_bucket_source
                && known.input_format == asked.input_format
                && known.table_creation_parameters == asked.table_creation_parameters;
            return match is_same {
                true => Ok(Some(known)),
                false => Err(in_use("The client token is known for an import with other parameters").into()),
            };
        }
    }
    Ok(None)
}

fn creation(asked: types::TableCreationParameters) -> types::CreateTableInput {
    types::CreateTableInput {
        table_name: asked.table_name,
        attribute_definitions: asked.attribute_definitions,
        key_schema: asked.key_schema,
        billing_mode: asked.billing_mode,
        provisioned_throughput: asked.provisioned_throughput,
        on_demand_throughput: asked.on_demand_throughput,
        sse_specification: asked.sse_specification,
        global_secondary_indexes: asked.global_secondary_indexes,
        vector_indexes: asked.vector_indexes,
        ..types::CreateTableInput::default()
    }
}

fn summary(import: types::ImportTableDescription) -> types::ImportSummary {
    types::ImportSummary {
        import_arn: import.import_arn,
        import_status: import.import_status,
        table_arn: import.table_arn,
        s3_bucket_source: import.s3_bucket_source,
        cloud_watch_log_group_arn: import.cloud_watch_log_group_arn,
        input_format: import.input_format,
        start_time: import.start_time,
        end_time: import.end_time,
    }
}
