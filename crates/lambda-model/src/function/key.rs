//! A function's identity: account, Region, name. Every stored key carries all three.

use serde::{Deserialize, Serialize};

/// Identifies a function; two accounts or Regions never see each other's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FunctionKey {
    /// Twelve digits.
    pub account_id: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// The bare name, at most 64 characters.
    pub name: String,
}

impl FunctionKey {
    /// `arn:aws:lambda:<region>:<account>:function:<name>`.
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{}:function:{}", self.region, self.account_id, self.name)
    }

    /// The ARN followed by `:<qualifier>`.
    pub fn qualified_arn(&self, qualifier: &str) -> String {
        format!("{}:{qualifier}", self.arn())
    }

    /// The ARN, qualified if there is a qualifier.
    pub fn arn_of(&self, qualifier: Option<&str>) -> String {
        qualifier.map_or_else(|| self.arn(), |qualifier| self.qualified_arn(qualifier))
    }

    /// `/aws/lambda/<name>`, where the function logs unless its configuration says otherwise (G-04).
    pub fn log_group(&self) -> String {
        format!("/aws/lambda/{}", self.name)
    }
}
