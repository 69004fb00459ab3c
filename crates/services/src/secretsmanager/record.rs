//! Secrets as they are kept, and how requests name them.

use std::collections::{BTreeMap, BTreeSet};

use aws_api::blob::Blob;
use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey};

use crate::service::{ServiceContext, partition_of};

/// The label of the version that is in use.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The label of the one before it.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
/// Versions of a secret at most, those without a label counted (Secrets Manager quotas).
pub(super) const VERSIONS_MAX: usize = 100;
/// Characters of the end of an ARN, with its hyphen.
const SUFFIX: usize = 7;

/// A secret.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SecretRecord {
    pub arn: String,
    pub description: Option<String>,
    pub kms_key_id: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub policy: Option<String>,
    /// In the order in which they were made.
    pub versions: Vec<Version>,
    pub created_ms: i64,
    pub changed_ms: i64,
    /// The day on which it was last read, Unix time, milliseconds.
    pub accessed_ms: Option<i64>,
    /// When it is gone, if it is to be deleted.
    pub deletion_ms: Option<i64>,
}

/// A version of a secret.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Version {
    pub id: String,
    pub stages: BTreeSet<String>,
    pub created_ms: i64,
    pub text: Option<String>,
    pub binary: Option<Blob>,
}

impl Document for SecretRecord {
    const KIND: &'static str = "secretsmanager/secret";
}

impl SecretRecord {
    pub(super) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    pub(super) fn version_at(&self, stage: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.stages.contains(stage))
    }

    /// Whether the time is over after which it could still have been restored.
    pub(super) fn is_gone(&self, now_ms: i64) -> bool {
        self.deletion_ms.is_some_and(|deletion_ms| deletion_ms <= now_ms)
    }

    /// Gives a version a label, which no other keeps; the one that was current is the previous one then.
    pub(super) fn label(&mut self, id: &str, stage: &str) {
        let before = self.version_at(stage).map(|version| version.id.clone());
        if before.as_deref() == Some(id) {
            return;
        }
        for version in &mut self.versions {
            version.stages.remove(stage);
            if version.id == id {
                version.stages.insert(stage.to_owned());
            }
        }
        if stage == CURRENT {
            self.unlabel(PREVIOUS);
            let before = self.versions.iter_mut().find(|version| Some(&version.id) == before.as_ref());
            if let Some(version) = before {
                version.stages.insert(PREVIOUS.to_owned());
            }
        }
    }

    /// Takes a label from whichever has it.
    pub(super) fn unlabel(&mut self, stage: &str) {
        for version in &mut self.versions {
            version.stages.remove(stage);
        }
    }

    /// Forgets the oldest versions without a label, as far as there are too many.
    pub(super) fn forget_versions(&mut self) {
        while self.versions.len() > VERSIONS_MAX {
            let Some(oldest) = self.versions.iter().position(|version| version.stages.is_empty()) else {
                return;
            };
            self.versions.remove(oldest);
        }
    }
}

/// How a request names a secret: by its name, or by its ARN, whose end may be missing.
#[derive(Debug)]
pub(super) struct SecretId {
    account_id: String,
    region: String,
    name: String,
    /// As it was given.
    arn: Option<String>,
}

impl SecretId {
    pub(super) fn of(context: &ServiceContext, id: &str) -> Self {
        let by_name = || Self {
            account_id: context.account_id().to_owned(),
            region: context.region.clone(),
            name: id.to_owned(),
            arn: None,
        };
        match Self::of_arn(id) {
            // The secrets of others are not there.
            Some(named) if named.account_id == context.account_id() && named.region == context.region => {
                named
            }
            _ => by_name(),
        }
    }

    pub(super) fn of_arn(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(7, ':').collect();
        let ["arn", _, "secretsmanager", region, account_id, "secret", name] = parts[..] else { return None };
        Some(Self {
            account_id: account_id.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
            arn: Some(arn.to_owned()),
        })
    }

    /// Where it may be.
    pub(super) fn keys(&self) -> Vec<DocumentKey> {
        let key = |name: &str| DocumentKey {
            account_id: self.account_id.clone(),
            region: self.region.clone(),
            parent: String::new(),
            name: name.to_owned(),
        };
        let short = self.name.len().checked_sub(SUFFIX).and_then(|end| self.name.get(..end));
        let short = short.filter(|short| !short.is_empty() && self.arn.is_some());
        short.into_iter().chain([self.name.as_str()]).map(key).collect()
    }

    /// Whether it names this one.
    pub(super) fn is_of(&self, secret: &SecretRecord) -> bool {
        let is_partial = |arn: &str| secret.arn.len() == arn.len() + SUFFIX && secret.arn.starts_with(arn);
        self.arn.as_ref().is_none_or(|arn| secret.arn == *arn || is_partial(arn))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// The ARN of a new secret.
pub(super) fn new_arn(DocumentKey { account_id, region, name, .. }: &DocumentKey) -> String {
    let end = crate::random::letters_and_digits(SUFFIX - 1);
    format!("arn:{}:secretsmanager:{region}:{account_id}:secret:{name}-{end}", partition_of(region))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(id: &str) -> Version {
        Version { id: id.into(), stages: BTreeSet::new(), created_ms: 0, text: None, binary: None }
    }

    fn secret(versions: &[&str]) -> SecretRecord {
        SecretRecord {
            arn: "arn:aws:secretsmanager:us-east-1:000000000000:secret:a/b-AbCdEf".into(),
            description: None,
            kms_key_id: None,
            tags: BTreeMap::new(),
            policy: None,
            versions: versions.iter().map(|id| version(id)).collect(),
            created_ms: 0,
            changed_ms: 0,
            accessed_ms: None,
            deletion_ms: None,
        }
    }

    fn stages(secret: &SecretRecord) -> Vec<Vec<&str>> {
        secret.versions.iter().map(|version| version.stages.iter().map(String::as_str).collect()).collect()
    }

    #[test]
    fn the_version_before_the_current_one_is_the_previous_one() {
        let mut secret = secret(&["1", "2", "3"]);
        secret.label("1", CURRENT);
        assert_eq!(stages(&secret), [vec![CURRENT], vec![], vec![]]);
        secret.label("2", CURRENT);
        assert_eq!(stages(&secret), [vec![PREVIOUS], vec![CURRENT], vec![]]);
        secret.label("3", "mine");
        secret.label("3", CURRENT);
        assert_eq!(stages(&secret), [vec![], vec![PREVIOUS], vec![CURRENT, "mine"]]);
        secret.label("3", CURRENT);
        assert_eq!(stages(&secret), [vec![], vec![PREVIOUS], vec![CURRENT, "mine"]]);
        secret.label("2", CURRENT);
        assert_eq!(stages(&secret), [vec![], vec![CURRENT], vec![PREVIOUS, "mine"]]);
    }

    #[test]
    fn of_too_many_versions_the_oldest_without_a_label_go() {
        let ids: Vec<String> = (0..VERSIONS_MAX + 2).map(|id| id.to_string()).collect();
        let mut secret = secret(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        secret.label("0", "kept");
        secret.forget_versions();
        let left: Vec<&str> = secret.versions.iter().map(|version| version.id.as_str()).collect();
        assert_eq!((left.len(), left[0], left[1]), (VERSIONS_MAX, "0", "3"));
    }

    #[test]
    fn an_arn_names_a_secret_with_its_end_and_without() {
        let secret = secret(&[]);
        let whole = SecretId::of_arn(&secret.arn).unwrap();
        assert!(whole.is_of(&secret));
        assert_eq!(whole.keys()[0].name, "a/b");
        let partial = SecretId::of_arn(secret.arn.strip_suffix("-AbCdEf").unwrap()).unwrap();
        assert!(partial.is_of(&secret) && partial.keys().iter().any(|key| key.name == "a/b"));
        let other = SecretId::of_arn("arn:aws:secretsmanager:us-east-1:000000000000:secret:a/b-ABCDEF");
        assert!(!other.unwrap().is_of(&secret));
        assert!(SecretId::of_arn("a/b").is_none());
    }
}
