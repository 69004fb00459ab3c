//! Which route of an HTTP API a request takes (API Gateway guide, "Routing API requests").
//!
//! ```text
//! the most specific path that matches: static segments before variables, these before {name+}
//!   its method before ANY ──► no route of this path for the method: the next path
//!     $default ──► nothing: Not Found
//! ```

use std::collections::BTreeMap;

use crate::http_event::decoded_path;

/// What a route answers: `GET /pets/{id}`, `ANY /{proxy+}`, `$default`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteKey {
    /// Whatever no other route takes.
    Default,
    /// A method and a path.
    Path {
        /// `None` for ANY.
        method: Option<String>,
        /// The path's segments.
        segments: Vec<Segment>,
    },
}

/// A segment of a route's path, the most specific first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// A text that is the same.
    Static(String),
    /// `{name}`: any one segment.
    Variable(String),
    /// `{name+}`: one segment or more, up to the end.
    Greedy(String),
}

const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

impl RouteKey {
    /// `None` for what is no route key of an HTTP API.
    pub fn parse(key: &str) -> Option<Self> {
        if key == "$default" {
            return Some(Self::Default);
        }
        let (method, path) = key.split_once(' ')?;
        let method = match method {
            "ANY" => None,
            known if METHODS.contains(&known) => Some(known.to_owned()),
            _ => return None,
        };
        let segments = path.strip_prefix('/')?.split('/').map(segment).collect::<Option<Vec<_>>>()?;
        let is_greedy = |segment: &Segment| matches!(segment, Segment::Greedy(_));
        let (_, before_last) = segments.split_last()?;
        (!before_last.iter().any(is_greedy)).then_some(Self::Path { method, segments })
    }
}

fn segment(text: &str) -> Option<Segment> {
    let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return (!text.contains(['{', '}', ' '])).then(|| Segment::Static(text.to_owned()));
    };
    let (name, is_greedy) = inner.strip_suffix('+').map_or((inner, false), |name| (name, true));
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:".contains(&b));
    let made = if is_greedy { Segment::Greedy } else { Segment::Variable };
    is_name.then(|| made(name.to_owned()))
}

/// The routes of a deployment, in the order in which they are tried.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    routes: Vec<Entry>,
    default: Option<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    id: String,
    key: String,
    method: Option<String>,
    segments: Vec<Segment>,
}

/// The route that a request takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its key.
    pub key: &'a str,
    /// What its variables are, decoded.
    pub parameters: BTreeMap<String, String>,
}

impl RouteTable {
    /// Of keys and ids.
    pub fn new<'a>(routes: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut table = Self::default();
        for (key, id) in routes {
            let entry = |method, segments| Entry { id: id.to_owned(), key: key.to_owned(), method, segments };
            match RouteKey::parse(key) {
                Some(RouteKey::Default) => table.default = Some(entry(None, Vec::new())),
                Some(RouteKey::Path { method, segments }) => table.routes.push(entry(method, segments)),
                None => {}
            }
        }
        // A method before none: `None` would come first.
        table.routes.sort_by(|a, b| {
            a.segments.cmp(&b.segments).then_with(|| a.method.is_none().cmp(&b.method.is_none()))
        });
        table
    }

    /// The route of a request; `path` as it was sent.
    pub fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        let path: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        let of_method = |entry: &&Entry| entry.method.as_deref().is_none_or(|known| known == method);
        let mut found = self.routes.iter().filter(of_method).filter_map(|entry| {
            let parameters = matched(&entry.segments, &path)?;
            Some(Found { id: &entry.id, key: &entry.key, parameters })
        });
        let first = found.next();
        first.or_else(|| {
            let default = self.default.as_ref()?;
            Some(Found { id: &default.id, key: &default.key, parameters: BTreeMap::new() })
        })
    }
}

/// The variables of a path that matches.
fn matched(segments: &[Segment], path: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut rest = path;
    for segment in segments {
        match segment {
            Segment::Greedy(name) => {
                let all = rest.join("/");
                if all.is_empty() {
                    return None;
                }
                parameters.insert(name.clone(), decoded_path(&all));
                return Some(parameters);
            }
            Segment::Static(text) => {
                let (first, after) = rest.split_first()?;
                if *first != text && decoded_path(first) != *text {
                    return None;
                }
                rest = after;
            }
            Segment::Variable(name) => {
                let (first, after) = rest.split_first()?;
                if first.is_empty() {
                    return None;
                }
                parameters.insert(name.clone(), decoded_path(first));
                rest = after;
            }
        }
    }
    rest.is_empty().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_a_method_and_a_path() {
        for good in ["$default", "GET /", "ANY /{proxy+}", "POST /a/{b}/c", "DELETE /a.b/~x/{c_d-e}"] {
            assert!(RouteKey::parse(good).is_some(), "{good}");
        }
        for wrong in [
            "",
            "GET",
            "/",
            "get /",
            "GET pets",
            "FETCH /",
            "GET /{a+}/b",
            "GET /{}",
            "GET /{a",
            "GET /a{b}",
            "TRACE /",
        ] {
            assert_eq!(RouteKey::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_most_specific_route_is_taken() {
        // The guide's example, and more.
        let keys = [
            "GET /pets/dog/1",
            "GET /pets/dog/{id}",
            "GET /pets/{proxy+}",
            "ANY /{proxy+}",
            "$default",
            "ANY /pets/dog/{id}",
            "POST /pets",
            "GET /",
        ];
        let table = RouteTable::new(keys.iter().map(|key| (*key, *key)));
        let check = |method: &str, path: &str, expected: &str, parameters: &[(&str, &str)]| {
            let found = table.find(method, path).unwrap();
            let parameters =
                parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            assert_eq!((found.key, found.parameters), (expected, parameters), "{method} {path}");
        };
        check("GET", "/pets/dog/1", "GET /pets/dog/1", &[]);
        check("GET", "/pets/dog/2", "GET /pets/dog/{id}", &[("id", "2")]);
        check("PUT", "/pets/dog/2", "ANY /pets/dog/{id}", &[("id", "2")]);
        check("PUT", "/pets/dog/1", "ANY /pets/dog/{id}", &[("id", "1")]);
        check("GET", "/pets/cat/1", "GET /pets/{proxy+}", &[("proxy", "cat/1")]);
        check("POST", "/pets/cat/1", "ANY /{proxy+}", &[("proxy", "pets/cat/1")]);
        check("POST", "/pets", "POST /pets", &[]);
        check("GET", "/pets", "ANY /{proxy+}", &[("proxy", "pets")]);
        check("GET", "/pets/a%2Fb%20c", "GET /pets/{proxy+}", &[("proxy", "a/b c")]);
        check("GET", "/", "GET /", &[]);
        check("POST", "/", "$default", &[]);
        check("GET", "/p%65ts/dog/1", "GET /pets/dog/1", &[]);
    }

    #[test]
    fn without_a_default_there_may_be_none() {
        let table = RouteTable::new([("GET /a/{b}", "1")].into_iter());
        for path in ["/", "/a", "/a/", "/a/b/c", "/A/b", "//a/b"] {
            assert_eq!(table.find("GET", path), None, "{path}");
        }
        assert!(table.find("GET", "/a/b").is_some());
        assert_eq!(table.find("POST", "/a/b"), None);
    }
}
