//! The version behind a qualifier: `$LATEST`, a number, or what an alias points to.

use lambda_model::{
    LambdaError,
    function::{Alias, FunctionKey, FunctionRecord, LATEST, version},
};
use store::{DocumentKey, Transaction};

use super::{LambdaApi, target::Target};

impl LambdaApi {
    /// The version that a request names; of an alias with two versions, the one that gets what the other does not.
    ///
    /// # Errors
    /// 404 for what does not exist.
    pub(super) async fn locate(&self, target: &Target) -> Result<FunctionRecord, LambdaError> {
        let qualifier = target.qualifier.as_deref().unwrap_or(LATEST);
        let version = if is_version(qualifier) {
            qualifier.to_owned()
        } else {
            let alias =
                self.store.document::<Alias>(&DocumentKey::of_function(&target.key, qualifier)).await?;
            alias.ok_or_else(|| target.not_found())?.function_version
        };
        let record = self.store.function(&target.key, &version).await?;
        record.ok_or_else(|| target.not_found())
    }
}

/// Whether a qualifier names a version itself.
pub(super) fn is_version(qualifier: &str) -> bool {
    qualifier == LATEST || version::is_number(qualifier)
}

/// A version that must be there.
///
/// # Errors
/// 404 with its qualified ARN.
pub(super) fn version_in(
    transaction: &Transaction<'_>,
    key: &FunctionKey,
    version: &str,
) -> Result<FunctionRecord, LambdaError> {
    let found = transaction.function(key, version)?;
    found.ok_or_else(|| LambdaError::function_not_found(&key.qualified_arn(version)))
}
