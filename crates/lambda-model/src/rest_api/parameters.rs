//! Mappings of parameters: `integration.request.header.X` from `method.request.querystring.x`, and back (API Gateway guide, "Amazon API
//! Gateway API request and response data mapping reference").

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::vtl::{self, JsonPath};

/// Where a parameter goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A variable of the integration's URI.
    Path(String),
    /// Its query.
    Query(String),
    /// A header.
    Header(String),
}

impl Place {
    /// Where `integration.request.<kind>.<name>` is.
    pub fn of_request(text: &str) -> Option<Self> {
        Self::of(text.strip_prefix("integration.request.")?)
    }

    fn of(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('.')?;
        let name = Some(name).filter(|name| !name.is_empty())?.to_owned();
        match kind {
            "path" => Some(Self::Path(name)),
            "querystring" | "multivaluequerystring" => Some(Self::Query(name)),
            "header" | "multivalueheader" => Some(Self::Header(name)),
            _ => None,
        }
    }
}

/// Where a parameter comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A parameter of the request, or a header of the integration's answer.
    Parameter {
        /// Where it is.
        place: Place,
        /// Whether all of its values are meant, and not the last.
        is_all: bool,
    },
    /// The body, or what of it is at a path.
    Body(Option<JsonPath>),
    /// A variable of the stage.
    StageVariable(String),
    /// What is known of the request: `context.member`.
    Context(String),
    /// Always the same.
    Text(String),
}

impl Source {
    /// Whether a text names a parameter of a method: `method.request.path.x`.
    pub fn is_method_parameter(text: &str) -> bool {
        let rest = text.strip_prefix("method.request.");
        rest.is_some_and(|rest| !rest.starts_with("multivalue") && Place::of(rest).is_some())
    }

    /// What a mapping of requests names.
    pub fn of_request(text: &str) -> Option<Self> {
        Self::of(text, "method.request.")
    }

    /// What a mapping of answers names.
    pub fn of_response(text: &str) -> Option<Self> {
        Self::of(text, "integration.response.")
    }

    fn of(text: &str, start: &str) -> Option<Self> {
        if let Some(fixed) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return Some(Self::Text(fixed.to_owned()));
        }
        if let Some(name) = text.strip_prefix("stageVariables.") {
            return Some(Self::StageVariable(name.to_owned()));
        }
        if let Some(name) = text.strip_prefix("context.") {
            return Some(Self::Context(name.to_owned()));
        }
        let rest = text.strip_prefix(start)?;
        if rest == "body" {
            return Some(Self::Body(None));
        }
        if let Some(path) =
            rest.strip_prefix("body.").or_else(|| rest.strip_prefix("body").filter(|it| it.starts_with('[')))
        {
            return JsonPath::parse(path).ok().map(|path| Self::Body(Some(path)));
        }
        Some(Self::Parameter { place: Place::of(rest)?, is_all: rest.starts_with("multivalue") })
    }

    /// Whether it is a parameter that the method does not have.
    pub fn is_undeclared(&self, declared: Option<&Map<String, Value>>) -> bool {
        let Self::Parameter { place, .. } = self else { return false };
        let name = match place {
            Place::Path(name) => format!("method.request.path.{name}"),
            Place::Query(name) => format!("method.request.querystring.{name}"),
            Place::Header(name) => format!("method.request.header.{name}"),
        };
        !declared.is_some_and(|declared| declared.keys().any(|known| known.eq_ignore_ascii_case(&name)))
    }

    /// What it is: texts, of which there may be several, or none.
    pub fn values(&self, given: &Given<'_>) -> Vec<String> {
        let one = |value: Option<String>| value.into_iter().collect();
        match self {
            Self::Parameter { place, is_all } => {
                let mut all = given.parameters(place);
                match is_all {
                    true => all,
                    false => one(all.pop()),
                }
            }
            Self::Body(None) => one(String::from_utf8(given.body.to_vec()).ok().filter(|it| !it.is_empty())),
            Self::Body(Some(path)) => {
                let document: Option<vtl::Value> = serde_json::from_slice(given.body).ok();
                one(document.and_then(|document| path.of(&document)).and_then(|value| value.as_parameter()))
            }
            Self::StageVariable(name) => one(given.stage_variables.get(name).cloned()),
            Self::Context(name) => one((given.context)(name)),
            Self::Text(text) => vec![text.clone()],
        }
    }
}

/// What parameters come from.
pub struct Given<'a> {
    /// Variables of the path.
    pub path: &'a BTreeMap<String, String>,
    /// The query, decoded, in its order.
    pub query: &'a [(String, String)],
    /// Headers, in their order.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
    /// Variables of the stage.
    pub stage_variables: &'a BTreeMap<String, String>,
    /// What is known of the request, by the path of its name.
    pub context: &'a dyn Fn(&str) -> Option<String>,
}

impl Given<'_> {
    fn parameters(&self, place: &Place) -> Vec<String> {
        let (all, name) = match place {
            Place::Path(name) => return self.path.get(name).cloned().into_iter().collect(),
            Place::Query(name) => (self.query, name),
            Place::Header(name) => (self.headers, name),
        };
        let is_header = matches!(place, Place::Header(_));
        let is_it = |known: &str| if is_header { known.eq_ignore_ascii_case(name) } else { known == name };
        all.iter().filter(|(known, _)| is_it(known)).map(|(_, value)| value.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[&str]) {
        let path = BTreeMap::from([("id".to_owned(), "7".to_owned())]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let given = Given {
            path: &path,
            query: &[pair("q", "1"), pair("q", "2")],
            headers: &[pair("x-a", "h1"), pair("x-a", "h2")],
            body: br#"{"a": {"b": [1, "x"]}, "n": null}"#,
            stage_variables: &path,
            context: &|name| (name == "stage").then(|| "prod".to_owned()),
        };
        assert_eq!(Source::of_request(source).unwrap().values(&given), expected, "{source}");
    }

    #[test]
    fn parameters_come_from_where_they_say() {
        check("method.request.path.id", &["7"]);
        check("method.request.querystring.q", &["2"]);
        check("method.request.multivaluequerystring.q", &["1", "2"]);
        check("method.request.header.X-A", &["h2"]);
        check("method.request.multivalueheader.X-A", &["h1", "h2"]);
        check("method.request.header.none", &[]);
        check("method.request.body", &[r#"{"a": {"b": [1, "x"]}, "n": null}"#]);
        check("method.request.body.a.b[1]", &["x"]);
        check("method.request.body.a", &[r#"{"b":[1,"x"]}"#]);
        check("method.request.body.none", &[]);
        check("stageVariables.id", &["7"]);
        check("context.stage", &["prod"]);
        check("'fixed'", &["fixed"]);
    }

    #[test]
    fn what_is_no_mapping_is_none() {
        for wrong in [
            "",
            "x",
            "method.request.",
            "method.request.header.",
            "method.request.cookie.x",
            "integration.response.header.x",
        ] {
            assert_eq!(Source::of_request(wrong), None, "{wrong}");
        }
        assert!(Source::of_response("integration.response.header.x").is_some());
        assert_eq!(Place::of_request("integration.request.header.x"), Some(Place::Header("x".into())));
        for wrong in ["integration.request.body.x", "integration.request.path.", "method.request.path.x"] {
            assert_eq!(Place::of_request(wrong), None, "{wrong}");
        }
    }
}
