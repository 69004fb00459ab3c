//! What the operator says of a service elsewhere: `s3=https://minio.example:9000`, and its credentials.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use http::{
    Uri,
    uri::{Authority, Scheme},
};

use super::names;

/// A service that is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceEndpoint {
    /// Its signing name, such as `s3`.
    pub service: String,
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host and port.
    pub authority: Authority,
    /// What every path begins with there; empty, or a path without a slash at its end.
    pub base_path: String,
    /// With what requests are signed there; what the caller signed goes through as it is without.
    pub credentials: Option<EndpointCredentials>,
    /// The Region that requests are signed for there; the caller's where absent.
    pub region: Option<String>,
}

/// Credentials of an endpoint.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct EndpointCredentials {
    /// The access key's id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// Of temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for EndpointCredentials {
    /// Without the secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("EndpointCredentials").field(&self.access_key_id).finish()
    }
}

impl FromStr for ServiceEndpoint {
    type Err = String;

    /// Reads `SERVICE=URL`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (service, url) =
            text.split_once('=').ok_or("expected SERVICE=URL, such as s3=https://host:9000")?;
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if service.is_empty() || !service.bytes().all(is_name) {
            return Err(format!("{service:?} is no signing name of a service, such as s3 or secretsmanager"));
        }
        if service == "lambda" {
            return Err("lambda is what this server is: it cannot be elsewhere".into());
        }
        let uri: Uri = url.parse().map_err(|_| format!("{url:?} is no URL"))?;
        let parts = uri.into_parts();
        let path =
            parts.path_and_query.filter(|path| path.query().is_none()).ok_or("an endpoint has no query")?;
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority)) if scheme == Scheme::HTTP || scheme == Scheme::HTTPS => {
                Ok(Self {
                    service: service.to_owned(),
                    scheme,
                    authority,
                    base_path: path.path().trim_end_matches('/').to_owned(),
                    credentials: None,
                    region: None,
                })
            }
            _ => Err(format!("{url:?} is no http or https URL")),
        }
    }
}

impl ServiceEndpoint {
    /// With its credentials and its Region from `variable`, which reads one of the server's environment variables: for `s3`,
    /// `LAMBENT_S3_ACCESS_KEY_ID`, `LAMBENT_S3_SECRET_ACCESS_KEY`, `LAMBENT_S3_SESSION_TOKEN`, `LAMBENT_S3_REGION`.
    ///
    /// # Errors
    /// A text when there is only a half of a key.
    pub(crate) fn with_settings(mut self, variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let prefix = format!("LAMBENT_{}", names::constant(&self.service));
        let of_service = |name: &str| variable(&format!("{prefix}_{name}")).filter(|value| !value.is_empty());
        self.credentials = match (of_service("ACCESS_KEY_ID"), of_service("SECRET_ACCESS_KEY")) {
            (Some(access_key_id), Some(secret_access_key)) => Some(EndpointCredentials {
                access_key_id,
                secret_access_key,
                session_token: of_service("SESSION_TOKEN"),
            }),
            (None, None) => None,
            _ => {
                return Err(format!(
                    "{prefix}_ACCESS_KEY_ID and {prefix}_SECRET_ACCESS_KEY are set together"
                ));
            }
        };
        self.region = of_service("REGION");
        Ok(self)
    }

    /// Whether the endpoint is a listener at this address, as far as its URL tells.
    pub(crate) fn is_at(&self, address: SocketAddr) -> bool {
        let is_local = match self.authority.host().trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) => ip == address.ip() || ip.is_loopback() && address.ip().is_unspecified(),
            Err(_) => self.authority.host() == "localhost",
        };
        is_local && self.authority.port_u16() == Some(address.port())
    }

    /// The environment variables with which SDKs find the service.
    pub(crate) fn variables(&self) -> Vec<String> {
        names::variables(&self.service)
    }
}

impl fmt::Display for ServiceEndpoint {
    /// In a sentence for the operator.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, scheme, authority, base_path, credentials, .. } = self;
        write!(formatter, "the service {service} is at {scheme}://{authority}{base_path}")?;
        match credentials {
            Some(credentials) => write!(formatter, ", signed with the key {}", credentials.access_key_id),
            None => write!(formatter, ", signed as the caller signed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_read() {
        let endpoint: ServiceEndpoint = "s3=https://minio.example:9000/base/".parse().unwrap();
        assert_eq!(endpoint.authority.as_str(), "minio.example:9000");
        assert_eq!((endpoint.scheme.as_str(), endpoint.base_path.as_str()), ("https", "/base"));
        let endpoint: ServiceEndpoint = "sqs=http://127.0.0.1:9324".parse().unwrap();
        assert_eq!(endpoint.base_path, "");
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        let wrong =
            ["s3", "=http://a", "S 3=http://a", "s3=ftp://a", "s3=/a", "s3=http://a?b", "lambda=http://a"];
        for text in wrong {
            assert!(text.parse::<ServiceEndpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_endpoint_knows_its_own_server() {
        let at = |url: &str, address: &str| {
            let endpoint: ServiceEndpoint = format!("s3={url}").parse().unwrap();
            endpoint.is_at(address.parse().unwrap())
        };
        assert!(at("http://127.0.0.1:4566", "127.0.0.1:4566"));
        assert!(at("http://localhost:4566", "127.0.0.1:4566"));
        assert!(at("http://[::1]:4566", "0.0.0.0:4566"));
        assert!(!at("http://127.0.0.1:9000", "127.0.0.1:4566"));
        assert!(!at("https://minio.example:4566", "127.0.0.1:4566"));
    }

    #[test]
    fn credentials_come_whole_and_are_not_shown() {
        let endpoint: ServiceEndpoint = "cognito-idp=http://127.0.0.1:1".parse().unwrap();
        let settings = |name: &str| match name {
            "LAMBENT_COGNITO_IDP_ACCESS_KEY_ID" => Some("AKIA".to_owned()),
            "LAMBENT_COGNITO_IDP_SECRET_ACCESS_KEY" => Some("hidden".to_owned()),
            "LAMBENT_COGNITO_IDP_REGION" => Some("eu-west-1".to_owned()),
            _ => None,
        };
        let set = endpoint.clone().with_settings(settings).unwrap();
        assert_eq!(set.region.as_deref(), Some("eu-west-1"));
        assert!(!format!("{set:?} {set}").contains("hidden"));
        let half = |name: &str| name.ends_with("_ACCESS_KEY_ID").then(|| "AKIA".to_owned());
        assert!(endpoint.with_settings(half).is_err());
    }
}
