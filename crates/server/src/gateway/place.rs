//! Which front door a request is for: by the first labels of its host name, by a custom domain name, or by a path for clients that cannot
//! resolve such names.
//!
//! ```text
//! abc.lambda-url.us-east-1.localhost:4566/path            any domain behind the Region
//! abc.execute-api.us-east-1.localhost:4566/stage/path
//! 127.0.0.1:4566/_lambent/lambda-url/abc/path
//! 127.0.0.1:4566/_lambent/execute-api/abc/stage/path
//! ```

use aws_api::sigv4::credential_scope;
use services::apigatewayv2::{Mapped, Registry};

use crate::http::HttpRequest;

const URLS: &str = "lambda-url";
const APIS: &str = "execute-api";
const PATHS: &str = "/_lambent/";
/// What requests to APIs are signed for.
const EXECUTE: &str = "execute-api";

/// See the module's doc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// The URL of a function.
    FunctionUrl {
        /// Its id.
        url_id: String,
        /// What is behind it, as it was sent.
        path: String,
    },
    /// An API.
    Api(ApiPlace),
    /// A custom domain name that has nothing at this path.
    Nothing,
}

/// Where in an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiPlace {
    /// Its id.
    pub api_id: String,
    /// The whole path, as it was sent.
    pub path: String,
    /// The stage of the custom domain name's mapping; `None` where the path names the stage.
    pub stage: Option<String>,
    /// What is behind the mapping's key, where there is a mapping.
    pub behind_mapping: String,
}

impl ApiPlace {
    /// Whether a custom domain name led here.
    pub(super) fn is_of_domain(&self) -> bool {
        !self.behind_mapping.is_empty()
    }
}

impl Place {
    /// `None` for what is for AWS's API, or for this server's own pages.
    pub(crate) fn of(request: &HttpRequest, apis: &Registry) -> Option<Self> {
        let host = request.header("host").unwrap_or_default();
        Self::at(host, &request.path).or_else(|| {
            if !apis.has_domains() || request.path.starts_with(PATHS) {
                return None;
            }
            // Whoever may make domain names must not come between callers and this server, whose name one may have.
            let scope = credential_scope::of_request(request.header("authorization"), &request.query);
            if scope.is_some_and(|scope| scope.service != EXECUTE) {
                return None;
            }
            let domain = host.rsplit_once(':').map_or(host, |(domain, _)| domain);
            Some(
                apis.mapped(domain, &request.path)?
                    .map_or(Self::Nothing, |mapped| mapped_to(mapped, &request.path)),
            )
        })
    }

    fn at(host: &str, path: &str) -> Option<Self> {
        if let Some((kind, rest)) = path.strip_prefix(PATHS).and_then(|rest| rest.split_once('/')) {
            let (id, _) = rest.split_once('/').unwrap_or((rest, ""));
            let path = if rest.len() == id.len() { "/" } else { &rest[id.len()..] };
            return Self::named(kind, id, path);
        }
        let mut labels = host.split('.');
        let (id, kind, region) = (labels.next()?, labels.next()?, labels.next()?);
        // A name that ends with the Region has no domain, and is nobody's.
        let has_domain = !region.is_empty() && labels.next().is_some();
        has_domain.then(|| Self::named(&kind.to_ascii_lowercase(), &id.to_ascii_lowercase(), path))?
    }

    fn named(kind: &str, id: &str, path: &str) -> Option<Self> {
        let (id, path) = (id.to_owned(), path.to_owned());
        match kind {
            URLS => Some(Self::FunctionUrl { url_id: id, path }),
            APIS => {
                Some(Self::Api(ApiPlace { api_id: id, path, stage: None, behind_mapping: String::new() }))
            }
            _ => None,
        }
    }
}

fn mapped_to(Mapped { api_id, stage, base_path }: Mapped, path: &str) -> Place {
    let behind = match base_path.len() {
        0 => path,
        key => path.get(1 + key..).unwrap_or_default(),
    };
    let behind_mapping = if behind.starts_with('/') { behind.to_owned() } else { format!("/{behind}") };
    // A mapping of a REST API may leave the stage to the path.
    let stage = Some(stage).filter(|stage| !stage.is_empty());
    Place::Api(ApiPlace { api_id, path: path.to_owned(), stage, behind_mapping })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, path: &str, expected: Option<(&str, &str)>) {
        let place = Place::at(host, path);
        let found = match &place {
            Some(Place::FunctionUrl { url_id, path }) => Some((url_id.as_str(), path.as_str())),
            Some(Place::Api(ApiPlace { api_id, path, .. })) => Some((api_id.as_str(), path.as_str())),
            _ => None,
        };
        assert_eq!(found, expected, "{host} {path}");
    }

    #[test]
    fn addresses_are_known_by_their_hosts_and_by_their_paths() {
        for kind in [URLS, APIS] {
            check(&format!("abc.{kind}.us-east-1.localhost:4566"), "/a%2Fb", Some(("abc", "/a%2Fb")));
            check(&format!("ABC.{}.us-east-1.on.aws", kind.to_uppercase()), "/", Some(("abc", "/")));
            check(&format!("abc.{kind}.eu-west-1.example.com"), "//x/../y", Some(("abc", "//x/../y")));
            check("127.0.0.1:4566", &format!("/_lambent/{kind}/abc"), Some(("abc", "/")));
            check("127.0.0.1:4566", &format!("/_lambent/{kind}/abc/"), Some(("abc", "/")));
            check("127.0.0.1:4566", &format!("/_lambent/{kind}/abc//x"), Some(("abc", "//x")));
            check(&format!("{kind}.us-east-1.on.aws"), "/", None);
            check(&format!("abc.{kind}.us-east-1"), "/", None);
        }
        for path in
            ["/2015-03-31/functions/", "/_lambent/health", "/_lambent/lambda-url", "/_lambent/other/abc/"]
        {
            check("localhost:4566", path, None);
        }
        check("lambda.us-east-1.amazonaws.com", "/", None);
        check("", "/", None);
    }

    #[test]
    fn what_is_behind_a_mapping_is_a_path() {
        let behind = |key: &str, path: &str| {
            let mapped = Mapped { api_id: "a".into(), stage: "s".into(), base_path: key.into() };
            match mapped_to(mapped, path) {
                Place::Api(place) => place.behind_mapping,
                _ => String::new(),
            }
        };
        for (key, path, expected) in [
            ("", "/x", "/x"),
            ("v1", "/v1/x", "/x"),
            ("v1", "/v1", "/"),
            ("v1", "/v1/", "/"),
            ("a/b", "/a/b/c%2F", "/c%2F"),
        ] {
            assert_eq!(behind(key, path), expected, "{key} {path}");
        }
    }
}
