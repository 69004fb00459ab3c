//! The layers of a function: names in a request, packages in the record.

use lambda_model::{
    LambdaError,
    function::{
        CodeReference, FunctionLayer, LayerVersion,
        layer::{self, LayerPolicy, LayerVersionName},
    },
    limits,
};
use store::Transaction;

use crate::{
    identity::Caller,
    lambda_api::{LambdaApi, layers},
};

impl LambdaApi {
    /// Looks up the layers that a function of `caller` with this code is to have.
    ///
    /// # Errors
    /// The recorded answers for layers that are not there, cannot be together, are another account's and not shared, or are too large.
    pub(super) async fn layers(
        &self,
        arns: &[String],
        code: &CodeReference,
        caller: &Caller,
    ) -> Result<Vec<FunctionLayer>, LambdaError> {
        let mut found = Vec::new();
        for (arn, name) in arns.iter().zip(layer::check_layers(arns, &caller.region)?) {
            found.push(self.layer(arn, &name, caller).await?);
        }
        self.check_unpacked_bytes(code, &found).await?;
        Ok(found)
    }

    async fn layer(
        &self,
        arn: &str,
        name: &LayerVersionName,
        caller: &Caller,
    ) -> Result<FunctionLayer, LambdaError> {
        let document = layers::version_key(&name.key, name.version);
        if name.key.account_id != caller.account_id {
            let policy = self.store.document::<LayerPolicy>(&document).await?;
            let is_shared = policy.is_some_and(|policy| {
                policy.policy.allows_account(&caller.account_id, "lambda:GetLayerVersion")
            });
            if !is_shared {
                return Err(not_shared(arn, caller));
            }
        }
        let version = self.store.document::<LayerVersion>(&document).await?;
        let version = version.ok_or_else(|| layer::does_not_exist(arn))?;
        Ok(FunctionLayer { arn: arn.to_owned(), code: version.code })
    }

    /// Code and layers together, unpacked, are not more than a function may have (Y-01).
    pub(super) async fn check_unpacked_bytes(
        &self,
        code: &CodeReference,
        layers: &[FunctionLayer],
    ) -> Result<(), LambdaError> {
        if layers.is_empty() {
            return Ok(());
        }
        let mut total = 0u64;
        for package in std::iter::once(code).chain(layers.iter().map(|layer| &layer.code)) {
            total =
                total.saturating_add(self.store.code_packages().unpacked_bytes(&package.sha256_hex).await?);
        }
        if total <= limits::UNZIPPED_PACKAGE_BYTES_MAX {
            return Ok(());
        }
        Err(LambdaError::InvalidParameterValue(format!(
            "Function code combined with layers exceeds the maximum allowed size of {} bytes. The actual size is {total} bytes.",
            limits::UNZIPPED_PACKAGE_BYTES_MAX
        )))
    }
}

/// Whether the layers that were looked up are still there: a deletion meanwhile may have taken their packages.
///
/// # Errors
/// The recorded text for a layer version that does not exist.
pub(super) fn check_still_there(
    transaction: &Transaction<'_>,
    layers: &[FunctionLayer],
) -> Result<(), LambdaError> {
    for FunctionLayer { arn, .. } in layers {
        let name = LayerVersionName::parse(arn).ok_or_else(|| layer::does_not_exist(arn))?;
        let document = layers::version_key(&name.key, name.version);
        transaction.document::<LayerVersion>(&document)?.ok_or_else(|| layer::does_not_exist(arn))?;
    }
    Ok(())
}

/// Another account's layer version, whether or not it exists.
fn not_shared(arn: &str, caller: &Caller) -> LambdaError {
    LambdaError::AccessDenied(format!(
        "User: arn:aws:iam::{}:root is not authorized to perform: lambda:GetLayerVersion on resource: {arn} because no \
         resource-based policy allows the lambda:GetLayerVersion action",
        caller.account_id
    ))
}
