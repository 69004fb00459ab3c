//! Names and ARNs of log groups.

use store::LogGroupKey;

use super::{Handled, error::invalid};
use crate::service::ServiceContext;

/// The group that a name means to the caller.
pub(super) fn group_key(context: &ServiceContext, name: Option<&str>) -> LogGroupKey {
    LogGroupKey {
        account_id: context.account_id().to_owned(),
        region: context.region.clone(),
        name: name.unwrap_or_default().to_owned(),
    }
}

/// The group that a request names: by its name, or by a name or ARN in another member. One of the two must be there.
pub(super) fn identified_group(
    context: &ServiceContext,
    name: Option<&str>,
    identifier: Option<&str>,
) -> Handled<LogGroupKey> {
    match (name, identifier) {
        (Some(name), None) => Ok(group_key(context, Some(name))),
        (None, Some(identifier)) => Ok(group_key(context, Some(name_in(context, identifier)?))),
        (Some(_), Some(_)) => {
            Err(invalid("LogGroup name and LogGroup identifier are mutually exclusive parameters."))
        }
        (None, None) => Err(invalid("Either LogGroup name or LogGroup identifier must be provided.")),
    }
}

/// The name of a group, from itself or from its ARN, which must be of the caller's account and Region.
pub(super) fn name_in<'a>(context: &ServiceContext, identifier: &'a str) -> Handled<&'a str> {
    if !identifier.starts_with("arn:") {
        return Ok(identifier);
    }
    let begin =
        format!("arn:{}:logs:{}:{}:log-group:", context.partition(), context.region, context.account_id());
    let name = identifier.strip_prefix(&begin).map(|rest| rest.strip_suffix(":*").unwrap_or(rest));
    name.filter(|name| !name.is_empty() && !name.contains(':'))
        .ok_or_else(|| invalid(format!("The specified resource ARN {identifier} is not valid")))
}

/// The ARN of a group, without the `:*` that stands for its streams.
pub(super) fn group_arn(context: &ServiceContext, name: &str) -> String {
    let (partition, region, account_id) = (context.partition(), &context.region, context.account_id());
    format!("arn:{partition}:logs:{region}:{account_id}:log-group:{name}")
}
