//! Which function a caller means (I-05): a name, a partial ARN or a full ARN, with a qualifier in it or beside it.

use aws_api::arn::FunctionName;
use lambda_model::{
    LambdaError,
    function::{FunctionKey, LATEST},
};

use crate::identity::Caller;

/// A function and, perhaps, a version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The function.
    pub key: FunctionKey,
    /// As the caller gave it, in the name or beside it.
    pub qualifier: Option<String>,
}

impl Target {
    /// Resolves what the caller wrote.
    ///
    /// # Errors
    /// A name that cannot be one, a function of another account or Region, two qualifiers that differ.
    pub(super) fn resolve(name: &str, qualifier: Option<&str>, caller: &Caller) -> Result<Self, LambdaError> {
        let Some(parsed) = FunctionName::parse(name) else {
            return Err(not_found(caller, name));
        };
        if let Some(region) = parsed.region.as_deref().filter(|region| *region != caller.region) {
            return Err(LambdaError::ResourceNotFound(format!(
                "Functions from '{region}' are not reachable in this region ('{}')",
                caller.region
            )));
        }
        let elsewhere = parsed.account_id.as_ref().is_some_and(|account| *account != caller.account_id);
        if elsewhere || parsed.name.len() > NAME_CHARS_MAX {
            return Err(not_found(caller, &parsed.name));
        }
        let qualifier = match (parsed.qualifier, qualifier) {
            (Some(inside), Some(beside)) if inside != beside => {
                return Err(LambdaError::InvalidParameterValue(
                    "The derived qualifier from the function name does not match the specified qualifier."
                        .into(),
                ));
            }
            (inside, beside) => inside.or_else(|| beside.map(str::to_owned)),
        };
        let key = FunctionKey {
            account_id: caller.account_id.clone(),
            region: caller.region.clone(),
            name: parsed.name,
        };
        Ok(Self { key, qualifier })
    }

    /// The ARN as the caller named the function: qualified only if a qualifier was given.
    pub(super) fn arn(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => self.key.qualified_arn(qualifier),
            None => self.key.arn(),
        }
    }

    /// 404 for this function (E-10).
    pub(super) fn not_found(&self) -> LambdaError {
        let qualifier = self.qualifier.as_deref().unwrap_or(LATEST);
        LambdaError::function_not_found(&self.key.qualified_arn(qualifier))
    }

    /// The function as a whole; operations that change `$LATEST` take no other qualifier.
    ///
    /// # Errors
    /// 404 for a version that does not exist.
    pub(super) fn require_latest(&self) -> Result<&FunctionKey, LambdaError> {
        match self.qualifier.as_deref() {
            None | Some(LATEST) => Ok(&self.key),
            Some(_) => Err(self.not_found()),
        }
    }
}

/// Characters of a bare function name (API model).
const NAME_CHARS_MAX: usize = 64;

fn not_found(caller: &Caller, name: &str) -> LambdaError {
    LambdaError::function_not_found(&format!(
        "arn:aws:lambda:{}:{}:function:{name}:{LATEST}",
        caller.region, caller.account_id
    ))
}
