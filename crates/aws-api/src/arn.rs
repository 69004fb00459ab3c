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
