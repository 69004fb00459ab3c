//! Addresses of this server in messages of SNS: to confirm, to unsubscribe, and of the certificate.

use super::topic::TopicKey;

/// What the path of a certificate begins and ends with, as AWS's own.
const CERTIFICATE: (&str, &str) = ("/SimpleNotificationService-", ".pem");
/// Operations that a link asks for.
const ACTIONS: &[&str] = &["ConfirmSubscription", "Unsubscribe"];

/// See the module's doc. ARNs stand there as they are, as in AWS's own: they have nothing in them that means something in a query.
#[derive(Debug, Clone)]
pub struct Links {
    /// Where clients reach this server: `http://HOST:PORT`.
    base: String,
}

impl Links {
    /// Of a server that clients reach at this address, without a path.
    pub fn new(base: impl Into<String>) -> Self {
        Self { base: base.into().trim_end_matches('/').to_owned() }
    }

    /// Confirms a subscription.
    pub(super) fn confirm(&self, topic: &TopicKey, token: &str) -> String {
        format!("{}/?Action=ConfirmSubscription&TopicArn={}&Token={token}", self.base, topic.arn())
    }

    /// Ends a subscription.
    pub(super) fn unsubscribe(&self, topic: &TopicKey, uuid: &str) -> String {
        format!("{}/?Action=Unsubscribe&SubscriptionArn={}", self.base, topic.subscription_arn(uuid))
    }

    /// Gives the certificate of that name.
    pub(super) fn certificate(&self, name: &str) -> String {
        format!("{}{}{name}{}", self.base, CERTIFICATE.0, CERTIFICATE.1)
    }

    /// The name of the certificate that a path asks for.
    pub fn certificate_of_path(path: &str) -> Option<&str> {
        path.strip_prefix(CERTIFICATE.0)?.strip_suffix(CERTIFICATE.1)
    }

    /// Whether a request without a signature is such a link, by its query.
    pub fn is_one(query: &str) -> bool {
        let action = query.split('&').find_map(|pair| pair.strip_prefix("Action="));
        action.is_some_and(|action| ACTIONS.contains(&action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_back_to_this_server() {
        let links = Links::new("http://host:1/");
        let topic = TopicKey::of_arn("arn:aws:sns:us-east-1:000000000000:t").unwrap();
        let confirm = links.confirm(&topic, "abc");
        assert!(confirm.starts_with("http://host:1/?Action=ConfirmSubscription&TopicArn=arn:aws:sns"));
        let query = confirm.split_once('?').unwrap().1;
        assert!(
            Links::is_one(query) && Links::is_one(links.unsubscribe(&topic, "u").split_once('?').unwrap().1)
        );
        assert!(!Links::is_one("Action=Publish") && !Links::is_one(""));
        let path = links.certificate("ab").split_off("http://host:1".len());
        assert_eq!(Links::certificate_of_path(&path), Some("ab"));
        assert_eq!(Links::certificate_of_path("/bucket/SimpleNotificationService-a.pem"), None);
    }
}
