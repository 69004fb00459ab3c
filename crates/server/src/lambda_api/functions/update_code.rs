//! `UpdateFunctionCode`.

use aws_api::generated::lambda::types as api;
use lambda_model::{
    LambdaError,
    function::{FunctionRecord, LATEST, state},
};

use super::code_source::{self, CodeSource};
use crate::{
    clock,
    lambda_api::{LambdaApi, RequestContext, target::Target, versions},
};

impl LambdaApi {
    /// Puts new code under `$LATEST`: in progress until it is prepared; invocations run the old code until then.
    pub(in crate::lambda_api) async fn update_function_code(
        &self,
        mut input: api::UpdateFunctionCodeRequest,
        context: &RequestContext,
    ) -> Result<api::FunctionConfiguration, LambdaError> {
        let target = Target::of(input.function_name.as_deref(), None, context)?;
        let key = target.require_latest()?.clone();
        let current = self.store.function(&key, LATEST).await?.ok_or_else(|| target.not_found())?;
        check_revision(input.revision_id.as_deref(), &current.revision_id)?;
        if input.publish_to.is_some() {
            return Err(LambdaError::NotImplemented(
                "The setting PublishTo is not implemented by this server: leave it out.".into(),
            ));
        }
        let architecture = match input.architectures.as_deref() {
            Some(requested) => self.architecture(Some(requested))?,
            None => current.configuration.architecture.clone(),
        };
        let source = source(&mut input);
        check_package_type(&current, &source)?;
        if let (CodeSource::Image(uri), true) = (&source, self.accept_inert_settings) {
            return self.update_image(&target, uri.clone(), input.revision_id).await;
        }
        let (code, _lease) = self.take_in(source, context).await?;
        self.check_unpacked_bytes(&code, &current.configuration.layers).await?;
        if input.dry_run.unwrap_or(false) {
            let mut shown = current;
            (shown.code, shown.configuration.architecture) = (code, architecture);
            return Ok(self.render(&shown, None));
        }
        let (expected, publish) = (input.revision_id, input.publish.unwrap_or(false));
        let shown = self
            .store
            .transact(move |transaction| {
                let latest = transaction.function(&key, LATEST)?;
                let mut latest = latest.ok_or_else(|| LambdaError::function_not_found(&key.arn()))?;
                begin_update(&mut latest, expected.as_deref())?;
                latest.code = code;
                latest.configuration.architecture = architecture;
                transaction.put_function(&latest)?;
                if publish { versions::publish(transaction, latest, None) } else { Ok(latest) }
            })
            .await?;
        // Recorded: qualified when a version was published.
        let qualifier = publish.then(|| shown.version.clone());
        Ok(self.render(&shown, qualifier.as_deref()))
    }

    async fn update_image(
        &self,
        target: &Target,
        uri: String,
        expected: Option<String>,
    ) -> Result<api::FunctionConfiguration, LambdaError> {
        let record = self
            .change(target, move |record| {
                begin_update(record, expected.as_deref())?;
                if let Some(image) = &mut record.configuration.image {
                    image.uri = uri;
                }
                Ok(())
            })
            .await?;
        Ok(self.render(&record, None))
    }
}

fn source(input: &mut api::UpdateFunctionCodeRequest) -> CodeSource {
    match input.image_uri.take() {
        Some(uri) => CodeSource::Image(uri),
        None => code_source::package(
            input.zip_file.take(),
            input.s3_bucket.take(),
            input.s3_key.take(),
            input.s3_object_version.take(),
        ),
    }
}

/// A function stays what it was created as.
fn check_package_type(current: &FunctionRecord, source: &CodeSource) -> Result<(), LambdaError> {
    let refusal = match (current.configuration.image.is_some(), source) {
        (true, CodeSource::Zip(_) | CodeSource::Object(_)) => {
            "Please provide ImageUri when updating a function with packageType Image."
        }
        (false, CodeSource::Image(_)) => {
            "Please don't provide ImageUri when updating a function with packageType Zip."
        }
        _ => return Ok(()),
    };
    Err(LambdaError::InvalidParameterValue(refusal.into()))
}

/// What every update of `$LATEST` begins with.
///
/// # Errors
/// 409 while another is in progress, 412 for a stale revision id.
pub(super) fn begin_update(record: &mut FunctionRecord, expected: Option<&str>) -> Result<(), LambdaError> {
    check_revision(expected, &record.revision_id)?;
    state::check_updatable(&record.key.arn(), record.state, record.last_update_status)?;
    record.begin_update(aws_api::request_id::new(), clock::unix_ms());
    Ok(())
}

/// The precondition of a revision id (S-05).
pub(in crate::lambda_api) fn check_revision(expected: Option<&str>, latest: &str) -> Result<(), LambdaError> {
    match expected {
        Some(expected) if expected != latest => Err(LambdaError::stale_function_revision()),
        _ => Ok(()),
    }
}
