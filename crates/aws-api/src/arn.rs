//! The forms in which a caller names a function (I-05).

/// A function as named by a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionName {
    /// Region, only in a full ARN.
    pub region: Option<String>,
    /// Account, in a full or a partial ARN.
    pub account_id: Option<String>,
    /// The bare name.
    pub name: String,
    /// Version or alias, in any form.
    pub qualifier: Option<String>,
}

impl FunctionName {
    /// Parses `name`, `name:qualifier`, `account:function:name[:qualifier]`, `function:name[:qualifier]` or
    /// `arn:<partition>:lambda:<region>:<account>:function:<name>[:qualifier]`.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let (region, account_id, rest) = match parts.as_slice() {
            ["arn", partition, "lambda", region, account, "function", rest @ ..]
                if partition.starts_with("aws") =>
            {
                (Some(*region), Some(*account), rest)
            }
            [account, "function", rest @ ..] if is_account_id(account) => (None, Some(*account), rest),
            ["function", rest @ ..] if !rest.is_empty() => (None, None, rest),
            rest => (None, None, rest),
        };
        let (name, qualifier) = match rest {
            [name] => (*name, None),
            [name, qualifier] => (*name, Some(*qualifier)),
            _ => return None,
        };
        if name.is_empty() || qualifier.is_some_and(str::is_empty) || !name.bytes().all(is_name_byte) {
            return None;
        }
        Some(Self {
            region: region.map(str::to_owned),
            account_id: account_id.map(str::to_owned),
            name: name.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        })
    }
}

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::FunctionName;

    fn check(
        text: &str,
        region: Option<&str>,
        account_id: Option<&str>,
        name: &str,
        qualifier: Option<&str>,
    ) {
        let expected = FunctionName {
            region: region.map(Into::into),
            account_id: account_id.map(Into::into),
            name: name.into(),
            qualifier: qualifier.map(Into::into),
        };
        assert_eq!(FunctionName::parse(text), Some(expected), "{text}");
    }

    #[test]
    fn every_form_of_a_name_is_understood() {
        let account = Some("123456789012");
        check("f", None, None, "f", None);
        check("f:$LATEST", None, None, "f", Some("$LATEST"));
        check("function:f", None, None, "f", None);
        check("123456789012:function:f", None, account, "f", None);
        check("123456789012:function:f:prod", None, account, "f", Some("prod"));
        check("arn:aws:lambda:us-east-1:123456789012:function:f", Some("us-east-1"), account, "f", None);
        check(
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:1",
            Some("cn-north-1"),
            account,
            "f",
            Some("1"),
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "a b",
            "f:",
            "f:1:2",
            "arn:aws:sqs:us-east-1:123456789012:f",
            "../f",
            "arn:aws:lambda:r:1:layer:l:1",
        ] {
            assert_eq!(FunctionName::parse(text), None, "{text}");
        }
    }
}
