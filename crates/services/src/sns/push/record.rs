//! Applications and their endpoints, as they are stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::{Document, DocumentKey};

use crate::service::partition_of;

/// An application of a platform.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ApplicationRecord {
    /// What was set, its credentials with it.
    pub attributes: BTreeMap<String, String>,
}

impl Document for ApplicationRecord {
    const KIND: &'static str = "sns/platform_application";
}

/// The application on one device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sns) struct EndpointRecord {
    /// `Token`, `Enabled`, `CustomUserData`.
    pub attributes: BTreeMap<String, String>,
}

impl Document for EndpointRecord {
    const KIND: &'static str = "sns/platform_endpoint";
}

impl EndpointRecord {
    /// Whether it gets anything.
    pub(in crate::sns) fn is_enabled(&self) -> bool {
        self.attributes.get("Enabled").is_none_or(|value| value == "true")
    }
}

/// Identifies an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApplicationKey {
    pub account_id: String,
    pub region: String,
    /// `GCM` and so on.
    pub platform: String,
    pub name: String,
}

/// Identifies an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sns) struct EndpointKey {
    pub(super) application: ApplicationKey,
    pub(super) uuid: String,
}

impl ApplicationKey {
    pub(super) fn of_arn(arn: &str) -> Option<Self> {
        let (account_id, region, resource) = parts(arn)?;
        let ["app", platform, name] = resource.split('/').collect::<Vec<_>>()[..] else { return None };
        Some(Self { account_id, region, platform: platform.into(), name: name.into() })
    }

    pub(super) fn arn(&self) -> String {
        self.arn_of("app", "")
    }

    fn arn_of(&self, kind: &str, rest: &str) -> String {
        let Self { account_id, region, platform, name } = self;
        format!("arn:{}:sns:{region}:{account_id}:{kind}/{platform}/{name}{rest}", partition_of(region))
    }

    pub(super) fn document(&self) -> DocumentKey {
        let Self { account_id, region, .. } = self.clone();
        DocumentKey { account_id, region, parent: String::new(), name: self.path() }
    }

    pub(super) fn of_document(key: &DocumentKey) -> Option<Self> {
        let (platform, name) = key.name.split_once('/')?;
        Some(Self {
            account_id: key.account_id.clone(),
            region: key.region.clone(),
            platform: platform.into(),
            name: name.into(),
        })
    }

    /// What its endpoints have for their parent.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.platform, self.name)
    }
}

impl EndpointKey {
    pub(in crate::sns) fn of_arn(arn: &str) -> Option<Self> {
        let (account_id, region, resource) = parts(arn)?;
        let ["endpoint", platform, name, uuid] = resource.split('/').collect::<Vec<_>>()[..] else {
            return None;
        };
        let application = ApplicationKey { account_id, region, platform: platform.into(), name: name.into() };
        Some(Self { application, uuid: uuid.into() })
    }

    pub(super) fn arn(&self) -> String {
        self.application.arn_of("endpoint", &format!("/{}", self.uuid))
    }

    /// The platform's name, under which a message may have a text of its own.
    pub(in crate::sns) fn platform(&self) -> &str {
        &self.application.platform
    }

    pub(in crate::sns) fn owner(&self) -> (String, String) {
        (self.application.account_id.clone(), self.application.region.clone())
    }

    pub(in crate::sns) fn document(&self) -> DocumentKey {
        DocumentKey {
            parent: self.application.path(),
            name: self.uuid.clone(),
            ..self.application.document()
        }
    }
}

/// Account, Region and resource of an ARN of SNS.
fn parts(arn: &str) -> Option<(String, String, &str)> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", _, "sns", region, account_id, resource] = parts[..] else { return None };
    Some((account_id.into(), region.into(), resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_applications_and_endpoints() {
        let application = "arn:aws:sns:us-east-1:000000000000:app/GCM/shop";
        let key = ApplicationKey::of_arn(application).unwrap();
        assert_eq!(key.arn(), application);
        assert_eq!(ApplicationKey::of_document(&key.document()), Some(key));
        let endpoint = "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/shop/u";
        let key = EndpointKey::of_arn(endpoint).unwrap();
        assert_eq!((key.arn().as_str(), key.platform()), (endpoint, "GCM"));
        assert!(ApplicationKey::of_arn(endpoint).is_none() && EndpointKey::of_arn(application).is_none());
    }
}
