//! Which function a caller means (I-05): a name, a partial ARN or a full ARN, with a qualifier in it or beside it.

use aws_api::arn::FunctionName;
use lambda_model::{
    LambdaError,
    function::{FunctionKey, LATEST},
};

use super::RequestContext;
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
    /// Resolves the members `FunctionName` and `Qualifier` of a request.
    ///
    /// # Errors
    /// See [`Target::resolve`].
    pub(super) fn of(
        name: Option<&str>,
        qualifier: Option<&str>,
        context: &RequestContext,
    ) -> Result<Self, LambdaError> {
        Self::resolve(name.unwrap_or_default(), qualifier, &context.caller)
    }

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
        self.key.arn_of(self.qualifier.as_deref())
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

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_model::credentials::Principal;

    fn caller() -> Caller {
        Caller {
            account_id: "000000000000".into(),
            region: "us-east-1".into(),
            service: None,
            access_key_id: None,
            principal: Principal::root("000000000000"),
        }
    }

    fn refusal(name: &str, qualifier: Option<&str>) -> String {
        Target::resolve(name, qualifier, &caller()).unwrap_err().to_string()
    }

    #[test]
    fn every_form_names_the_same_function() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
        for name in ["f", "function:f", "000000000000:function:f", arn] {
            let target = Target::resolve(name, None, &caller()).unwrap();
            assert_eq!((target.arn().as_str(), target.qualifier), (arn, None), "{name}");
        }
        for (name, beside) in [("f:prod", None), ("f", Some("prod")), ("f:prod", Some("prod"))] {
            let target = Target::resolve(name, beside, &caller()).unwrap();
            assert_eq!(target.qualifier.as_deref(), Some("prod"), "{name} {beside:?}");
            assert!(target.require_latest().is_err());
        }
    }

    #[test]
    fn what_is_elsewhere_is_not_found() {
        assert_eq!(
            refusal("arn:aws:lambda:eu-west-1:000000000000:function:f", None),
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
        );
        let not_found = |name: &str| {
            format!("Function not found: arn:aws:lambda:us-east-1:000000000000:function:{name}:$LATEST")
        };
        assert_eq!(refusal("111122223333:function:f", None), not_found("f"));
        let long = "x".repeat(65);
        assert_eq!(refusal(&long, None), not_found(&long));
        assert_eq!(
            refusal("f:1", Some("2")),
            "The derived qualifier from the function name does not match the specified qualifier."
        );
    }
}
