//! Which front door a request is for: by the first labels of its host name, or by a path for clients that cannot resolve such names.
//!
//! ```text
//! abc.lambda-url.us-east-1.localhost:4566/path      any domain behind the Region
//! 127.0.0.1:4566/_lambent/lambda-url/abc/path
//! ```

use crate::http::HttpRequest;

const URLS_PATH: &str = "/_lambent/lambda-url/";
const URLS_LABEL: &str = "lambda-url";

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
}

impl Place {
    /// `None` for what is for AWS's API, or for this server's own pages.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        Self::at(request.header("host").unwrap_or_default(), &request.path)
    }

    fn at(host: &str, path: &str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix(URLS_PATH) {
            let (url_id, _) = rest.split_once('/').unwrap_or((rest, ""));
            let path = if rest.len() == url_id.len() { "/" } else { &rest[url_id.len()..] };
            return Some(Self::FunctionUrl { url_id: url_id.to_owned(), path: path.to_owned() });
        }
        let mut labels = host.split('.');
        let (id, kind, region) = (labels.next()?, labels.next()?, labels.next()?);
        // A name that ends with the Region has no domain, and is nobody's.
        let is_url = kind.eq_ignore_ascii_case(URLS_LABEL) && !region.is_empty() && labels.next().is_some();
        is_url.then(|| Self::FunctionUrl { url_id: id.to_ascii_lowercase(), path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, path: &str, expected: Option<(&str, &str)>) {
        let place = Place::at(host, path);
        let found =
            place.as_ref().map(|Place::FunctionUrl { url_id, path }| (url_id.as_str(), path.as_str()));
        assert_eq!(found, expected, "{host} {path}");
    }

    #[test]
    fn urls_are_known_by_their_hosts_and_by_their_paths() {
        check("abc.lambda-url.us-east-1.localhost:4566", "/a%2Fb", Some(("abc", "/a%2Fb")));
        check("ABC.Lambda-URL.us-east-1.on.aws", "/", Some(("abc", "/")));
        check("abc.lambda-url.eu-west-1.example.com", "//x/../y", Some(("abc", "//x/../y")));
        check("127.0.0.1:4566", "/_lambent/lambda-url/abc", Some(("abc", "/")));
        check("127.0.0.1:4566", "/_lambent/lambda-url/abc/", Some(("abc", "/")));
        check("127.0.0.1:4566", "/_lambent/lambda-url/abc//x", Some(("abc", "//x")));
        check("localhost:4566", "/2015-03-31/functions/", None);
        check("lambda.us-east-1.amazonaws.com", "/", None);
        check("lambda-url.us-east-1.on.aws", "/", None);
        check("abc.lambda-url.us-east-1", "/", None);
        check("", "/", None);
    }
}
