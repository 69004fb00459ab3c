//! What IAM keeps: a document per entity, under its name in small letters, because names differ not by case alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey};

use super::error::IamError;

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tag {
    pub key: String,
    pub value: String,
}

/// What roles, users and groups have: policies.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct HeldPolicies {
    /// Documents by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs, in the order of their attachment.
    pub attached: Vec<String>,
}

/// A role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Role {
    pub name: String,
    /// `AROA...`.
    pub id: String,
    pub path: String,
    pub arn: String,
    pub created_ms: i64,
    /// The trust policy, as given.
    pub trust: String,
    pub description: Option<String>,
    pub session_seconds_max: i64,
    pub boundary: Option<String>,
    pub tags: Vec<Tag>,
    pub policies: HeldPolicies,
}

/// A user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct User {
    pub name: String,
    /// `AIDA...`.
    pub id: String,
    pub path: String,
    pub arn: String,
    pub created_ms: i64,
    pub boundary: Option<String>,
    pub tags: Vec<Tag>,
    pub policies: HeldPolicies,
    /// Names of groups.
    pub groups: Vec<String>,
    /// With a password, if it is there.
    #[serde(default)]
    pub login_profile: Option<LoginProfile>,
    #[serde(default)]
    pub certificates: Vec<SigningCertificate>,
}

/// That a user has a password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LoginProfile {
    pub created_ms: i64,
    /// Before anything else.
    pub must_be_changed: bool,
}

/// A user's X.509 certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SigningCertificate {
    pub id: String,
    /// In PEM, as given.
    pub body: String,
    pub active: bool,
    pub uploaded_ms: i64,
}

/// A group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub name: String,
    /// `AGPA...`.
    pub id: String,
    pub path: String,
    pub arn: String,
    pub created_ms: i64,
    pub policies: HeldPolicies,
}

/// A managed policy of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ManagedPolicy {
    pub name: String,
    /// `ANPA...`.
    pub id: String,
    pub path: String,
    pub arn: String,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub description: Option<String>,
    pub tags: Vec<Tag>,
    /// Number of the default version.
    pub default_version: u32,
    /// Number of the next version.
    pub next_version: u32,
    pub versions: BTreeMap<u32, PolicyVersion>,
}

/// One of at most five versions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PolicyVersion {
    pub document: String,
    pub created_ms: i64,
}

/// An instance profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InstanceProfile {
    pub name: String,
    /// `AIPA...`.
    pub id: String,
    pub path: String,
    pub arn: String,
    pub created_ms: i64,
    pub tags: Vec<Tag>,
    /// Name of its role.
    pub role: Option<String>,
}

/// A user's access key; the key of the document is its id.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AccessKey {
    pub id: String,
    pub secret: String,
    /// Whose it is.
    pub user_name: String,
    pub active: bool,
    pub created_ms: i64,
}

/// An account's other name; the key of the document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccountAlias {
    pub name: String,
}

/// An OpenID Connect provider; its name is its ARN.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OidcProvider {
    pub name: String,
    /// Without its scheme.
    pub url: String,
    pub client_ids: Vec<String>,
    pub thumbprints: Vec<String>,
    pub created_ms: i64,
    pub tags: Vec<Tag>,
}

/// An account's rules for passwords; its name is the account's id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct PasswordPolicy {
    pub name: String,
    /// Characters.
    pub length_min: i64,
    pub symbols: bool,
    pub numbers: bool,
    pub uppercase: bool,
    pub lowercase: bool,
    pub users_may_change: bool,
    /// How long a password is good; 0 for ever.
    pub days_max: i64,
    pub reuse_prevention: Option<i64>,
    pub hard_expiry: bool,
}

/// Who has which credentials, as it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CredentialReport {
    pub name: String,
    /// CSV.
    pub content: String,
    pub generated_ms: i64,
}

/// What is found by name in an account.
pub(crate) trait Record: Document + Clone {
    /// The name, written as at creation.
    fn name(&self) -> &str;

    /// The error for a name that nobody has.
    fn missing(name: &str) -> IamError;
}

macro_rules! records {
    ($($record:ty: $kind:literal, $missing:literal, $end:literal;)*) => {
        $(impl Document for $record {
            const KIND: &'static str = $kind;
        }

        impl Record for $record {
            fn name(&self) -> &str {
                &self.name
            }

            fn missing(name: &str) -> IamError {
                IamError::NoSuchEntity(format!(concat!($missing, "{}", $end), name))
            }
        })*
    };
}

records! {
    Role: "iam/role", "The role with name ", " cannot be found.";
    User: "iam/user", "The user with name ", " cannot be found.";
    Group: "iam/group", "The group with name ", " cannot be found.";
    ManagedPolicy: "iam/policy", "Policy ", " was not found.";
    InstanceProfile: "iam/instance-profile", "Instance Profile ", " cannot be found.";
    OidcProvider: "iam/oidc-provider", "OpenIDConnect Provider not found for arn ", "";
    PasswordPolicy: "iam/password-policy", "The Password Policy with domain name ", " cannot be found.";
    CredentialReport: "iam/credential-report", "No credential ", " is there. Please generate one.";
    AccountAlias: "iam/account-alias", "The account alias with name ", " cannot be found.";
}

impl Document for AccessKey {
    const KIND: &'static str = "iam/access-key";
}

/// Where an entity of an account is kept. IAM knows no Regions.
pub(crate) fn key(account_id: &str, name: &str) -> DocumentKey {
    DocumentKey {
        account_id: account_id.to_owned(),
        region: String::new(),
        parent: String::new(),
        name: name.to_lowercase(),
    }
}

/// Where an access key is kept.
pub(crate) fn access_key_key(account_id: &str, id: &str) -> DocumentKey {
    DocumentKey { name: id.to_owned(), ..key(account_id, "") }
}
