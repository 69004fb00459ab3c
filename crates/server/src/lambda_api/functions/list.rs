//! `ListFunctions`.

use aws_api::generated::lambda::types as api;
use lambda_model::LambdaError;

use super::super::{LambdaApi, RequestContext, paging::Page, render};

impl LambdaApi {
    /// The functions of the caller's account and Region, by name; with `FunctionVersion=ALL` every version of them.
    pub(in crate::lambda_api) async fn list_functions(
        &self,
        input: api::ListFunctionsRequest,
        context: &RequestContext,
    ) -> Result<api::ListFunctionsResponse, LambdaError> {
        let page = Page::read(input.marker.as_deref(), input.max_items)?;
        let elsewhere = input
            .master_region
            .as_deref()
            .is_some_and(|region| region != "ALL" && region != context.caller.region);
        if elsewhere {
            // Lambda@Edge replicas of functions of another Region: there are none here.
            return Ok(api::ListFunctionsResponse { functions: Some(Vec::new()), next_marker: None });
        }
        if input.function_version.as_deref() == Some("ALL") {
            return self.list_all_versions(&page, context).await;
        }
        let caller = &context.caller;
        let mut records = self
            .store
            .list_functions(&caller.account_id, &caller.region, page.after.as_deref(), page.read_size())
            .await?;
        let next_marker = page.cut(&mut records, |record| record.key.name.clone());
        let functions = records.iter().map(|record| render::listed(record, None)).collect();
        Ok(api::ListFunctionsResponse { functions: Some(functions), next_marker })
    }

    async fn list_all_versions(
        &self,
        page: &Page,
        context: &RequestContext,
    ) -> Result<api::ListFunctionsResponse, LambdaError> {
        let caller = &context.caller;
        let after = page.after.as_deref().and_then(|after| after.split_once(':'));
        let mut records =
            self.store.list_versions(&caller.account_id, &caller.region, after, page.read_size()).await?;
        let next_marker = page.cut(&mut records, |record| format!("{}:{}", record.key.name, record.version));
        let functions = records.iter().map(|record| render::listed(record, Some(&record.version))).collect();
        Ok(api::ListFunctionsResponse { functions: Some(functions), next_marker })
    }
}
