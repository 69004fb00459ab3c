//! ARNs and paths.

use super::{Handled, error::IamError};
use crate::service::ServiceContext;

/// `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
pub(crate) fn arn(context: &ServiceContext, kind: &str, path: &str, name: &str) -> String {
    format!("arn:{}:iam::{}:{kind}{path}{name}", context.partition(), context.account_id())
}

/// The ARN of what has another path or name now.
pub(crate) fn renamed(arn: &str, kind: &str, path: &str, name: &str) -> String {
    format!("arn:{}:iam::{}:{kind}{path}{name}", partition_in(arn), account_in(arn))
}

/// The partition in an ARN.
pub(crate) fn partition_in(arn: &str) -> &str {
    arn.split(':').nth(1).unwrap_or("aws")
}

/// A path as given, or `/`. The model's pattern lets through what IAM refuses: a path begins and ends with a slash.
pub(crate) fn path(given: Option<String>) -> Handled<String> {
    let path = given.unwrap_or_else(|| "/".into());
    let is_whole = path.starts_with('/') && path.ends_with('/');
    if is_whole && path.len() <= 512 {
        return Ok(path);
    }
    Err(IamError::Validation(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.".into(),
    ))
}

/// Whether an entity with this path is listed for a prefix.
pub(crate) fn is_below(path: &str, prefix: Option<&str>) -> bool {
    prefix.is_none_or(|prefix| path.starts_with(prefix))
}

/// The name at the end of an ARN.
pub(crate) fn name_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The account in an ARN.
pub(crate) fn account_in(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}
