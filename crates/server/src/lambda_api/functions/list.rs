//! `ListFunctions`.

use aws_api::{generated::lambda::types as api, pagination};
use lambda_model::LambdaError;

use super::super::{
    LambdaApi, RequestContext,
    render::{self, ArnForm},
};

/// Functions of one page at most (API reference: 50, whatever `MaxItems` says).
const PAGE_MAX: usize = 50;

impl LambdaApi {
    /// The functions of the caller's account and Region, by name.
    pub(in crate::lambda_api) async fn list_functions(
        &self,
        input: api::ListFunctionsRequest,
        context: &RequestContext,
    ) -> Result<api::ListFunctionsResponse, LambdaError> {
        let after = match input.marker.as_deref().filter(|marker| !marker.is_empty()) {
            Some(marker) => Some(
                pagination::decode(marker)
                    .map_err(|_| LambdaError::InvalidParameterValue("Invalid pagination token.".into()))?,
            ),
            None => None,
        };
        let page_size = input
            .max_items
            .and_then(|max| usize::try_from(max).ok())
            .map_or(PAGE_MAX, |max| max.min(PAGE_MAX));
        let caller = &context.caller;
        let mut records = self
            .store
            .list_functions(&caller.account_id, &caller.region, after.as_deref(), page_size + 1)
            .await?;
        let has_more = records.len() > page_size;
        records.truncate(page_size);
        let next_marker =
            records.last().filter(|_| has_more).map(|record| pagination::encode(&record.key.name));
        let all_versions = input.function_version.as_deref() == Some("ALL");
        let form = if all_versions { ArnForm::Qualified } else { ArnForm::Plain };
        Ok(api::ListFunctionsResponse {
            functions: Some(records.iter().map(|record| render::configuration(record, form)).collect()),
            next_marker,
        })
    }
}
