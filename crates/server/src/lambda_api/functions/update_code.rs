//! `UpdateFunctionCode`.

use crate::clock;
use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    function::{LATEST, state},
};

use super::{
    super::{
        LambdaApi, RequestContext,
        render::{self, ArnForm},
        target::Target,
    },
    code_source::CodeSource,
};

impl LambdaApi {
    /// Puts new code under `$LATEST`: in progress until it is prepared; invocations run the old code until then.
    pub(in crate::lambda_api) async fn update_function_code(
        &self,
        input: api::UpdateFunctionCodeRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionConfiguration, LambdaError> {
        let target =
            Target::resolve(input.function_name.as_deref().unwrap_or_default(), None, &context.caller)?;
        let key = target.require_latest()?.clone();
        let current = self.store.function(&key, LATEST).await?.ok_or_else(|| target.not_found())?;
        if input.publish.unwrap_or(false) {
            return Err(LambdaError::NotImplemented(
                "Publishing versions is not implemented by this server.".into(),
            ));
        }
        self.architecture(input.architectures.as_deref())?;
        let source = CodeSource {
            is_image: input.image_uri.is_some(),
            is_from_s3: input.s3_bucket.is_some() || input.s3_key.is_some(),
            zip_file: input.zip_file,
        };
        let (code, _lease) = self.take_in(source.into_zip()?).await?;
        if input.dry_run.unwrap_or(false) {
            check_revision(input.revision_id.as_deref(), &current.revision_id)?;
            let mut shown = current;
            shown.code = code;
            return Ok(render::configuration(&shown, ArnForm::Plain));
        }
        let expected = input.revision_id;
        let record = self
            .change(&target, move |record| {
                state::check_updatable(&record.key.arn(), record.state, record.last_update_status)?;
                check_revision(expected.as_deref(), &record.revision_id)?;
                record.begin_update(aws_api::request_id::new(), clock::unix_ms());
                record.code = code;
                Ok(())
            })
            .await?;
        Ok(render::configuration(&record, ArnForm::Plain))
    }
}

/// The precondition of a revision id (S-05).
pub(super) fn check_revision(expected: Option<&str>, latest: &str) -> Result<(), LambdaError> {
    match expected {
        Some(expected) if expected != latest => Err(LambdaError::stale_function_revision()),
        _ => Ok(()),
    }
}
