//! How asynchronous invocations of a function, a version or an alias are retried, and where their outcomes go (A-04, A-11).

use serde::{Deserialize, Serialize};

use crate::{LambdaError, function::FunctionKey};

/// What a caller configured; what is absent is Lambda's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventInvokeConfig {
    /// Attempts after the first.
    pub maximum_retry_attempts: Option<i64>,
    /// How long an event may wait, seconds.
    pub maximum_event_age_seconds: Option<i64>,
    /// ARN of where successes go.
    pub on_success: Option<String>,
    /// ARN of where failures go.
    pub on_failure: Option<String>,
    /// Unix time, milliseconds.
    pub last_modified_ms: i64,
}

impl EventInvokeConfig {
    /// Checks that the caller asked for anything at all.
    ///
    /// # Errors
    /// The recorded text. A destination without an ARN is asked for too: `has_destinations` tells whether there was a member for them.
    pub fn check_not_empty(&self, has_destinations: bool) -> Result<(), LambdaError> {
        let is_empty = self.maximum_retry_attempts.is_none()
            && self.maximum_event_age_seconds.is_none()
            && !has_destinations;
        if is_empty {
            return Err(LambdaError::InvalidParameterValue(
                "You must specify at least one of error handling or destination setting.".into(),
            ));
        }
        Ok(())
    }

    /// Checks where outcomes of `function` may go. `exists` tells whether a function that is named is there.
    ///
    /// # Errors
    /// The recorded texts.
    pub fn check_destinations(
        &self,
        function: &FunctionKey,
        exists: impl Fn(&str) -> bool,
    ) -> Result<(), LambdaError> {
        let allowed = [
            (self.on_success.as_deref(), ["sqs", "sns", "lambda", "events"].as_slice()),
            (self.on_failure.as_deref(), ["sqs", "sns", "lambda", "events", "s3"].as_slice()),
        ];
        for (arn, services) in allowed.into_iter().filter_map(|(arn, services)| Some((arn?, services))) {
            let service = arn.split(':').nth(2).unwrap_or_default();
            if !services.contains(&service) {
                return Err(LambdaError::InvalidParameterValue(format!(
                    "The provided destination config {} is invalid.",
                    self.destinations_as_text()
                )));
            }
            if service == "lambda" {
                check_function(arn, function, &exists)?;
            }
        }
        Ok(())
    }

    /// As AWS's message prints it.
    fn destinations_as_text(&self) -> String {
        let one = |name: &str, arn: &Option<String>| {
            arn.as_ref().map_or_else(|| "null".to_owned(), |arn| format!("{name}(destination={arn})"))
        };
        format!(
            "DestinationConfig(onSuccess={}, onFailure={})",
            one("OnSuccess", &self.on_success),
            one("OnFailure", &self.on_failure)
        )
    }

    /// Takes over what `requested` names; the rest stays.
    pub fn merge(&mut self, requested: Self) {
        self.maximum_retry_attempts = requested.maximum_retry_attempts.or(self.maximum_retry_attempts);
        self.maximum_event_age_seconds =
            requested.maximum_event_age_seconds.or(self.maximum_event_age_seconds);
        if requested.on_success.is_some() {
            self.on_success = requested.on_success;
        }
        if requested.on_failure.is_some() {
            self.on_failure = requested.on_failure;
        }
        self.last_modified_ms = requested.last_modified_ms;
    }
}

fn check_function(
    arn: &str,
    function: &FunctionKey,
    exists: impl Fn(&str) -> bool,
) -> Result<(), LambdaError> {
    let own = function.arn();
    if arn == own || arn.strip_prefix(&own).is_some_and(|rest| rest.starts_with(':')) {
        return Err(LambdaError::InvalidParameterValue(
            "You can't specify the function as a destination for itself.".into(),
        ));
    }
    if exists(arn) {
        return Ok(());
    }
    Err(LambdaError::InvalidParameterValue(format!("The destination ARN {arn} is invalid.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(on_success: Option<&str>, on_failure: Option<&str>) -> String {
        let function = FunctionKey { account_id: "0".into(), region: "r".into(), name: "f".into() };
        let config = EventInvokeConfig {
            on_success: on_success.map(str::to_owned),
            on_failure: on_failure.map(str::to_owned),
            ..EventInvokeConfig::default()
        };
        let checked = config.check_destinations(&function, |arn| arn == "arn:aws:lambda:r:0:function:other");
        checked.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn outcomes_go_where_aws_lets_them() {
        for service in ["sqs", "sns", "events"] {
            let arn = format!("arn:aws:{service}:r:0:x");
            assert_eq!(refusal(Some(&arn), Some(&arn)), "", "{service}");
        }
        assert_eq!(refusal(Some("arn:aws:lambda:r:0:function:other"), None), "");
        assert_eq!(refusal(None, Some("arn:aws:s3:::bucket")), "");
        assert_eq!(
            refusal(Some("arn:aws:s3:::bucket"), None),
            "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:s3:::bucket), \
             onFailure=null) is invalid."
        );
        let itself = "You can't specify the function as a destination for itself.";
        assert_eq!(refusal(Some("arn:aws:lambda:r:0:function:f"), None), itself);
        assert_eq!(refusal(None, Some("arn:aws:lambda:r:0:function:f:live")), itself);
        assert_eq!(
            refusal(None, Some("arn:aws:lambda:r:0:function:f2")),
            "The destination ARN arn:aws:lambda:r:0:function:f2 is invalid."
        );
    }
}
