//! What mappings and access logs of an HTTP API put in: `$request.header.x`, `$request.querystring.x`, `$request.path.x`, `$request.body.x`,
//! `$response.header.x`, `$context.x`, `$stageVariables.x`, plain or in `${...}` within a text (API Gateway guide, "Transforming API
//! requests and responses", "Customizing HTTP API access logs").

use std::collections::BTreeMap;

use serde_json::Value;

use crate::http_event::{WebAnswer, WebRequest, query_pairs};

/// What there is to put in.
pub struct Variables<'a> {
    /// The request, as the client sent it.
    pub request: &'a WebRequest,
    /// What the route's path has variables for.
    pub path_parameters: &'a BTreeMap<String, String>,
    /// Variables of the stage.
    pub stage_variables: &'a BTreeMap<String, String>,
    /// What is known of the request: an object, whose members are `$context.member`.
    pub context: &'a Value,
    /// The integration's answer, once there is one.
    pub answer: Option<&'a WebAnswer>,
}

impl Variables<'_> {
    /// A text with what it names put in. A text that names one thing alone, which is not there, is nothing.
    pub fn resolve(&self, text: &str) -> Option<String> {
        if text.starts_with('$') && !text.starts_with("${") {
            return self.find(&text[1..]);
        }
        let (mut done, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}') else { break };
            done.push_str(before);
            done.push_str(&self.find(name).unwrap_or_default());
            rest = behind;
        }
        Some(done + rest)
    }

    fn find(&self, name: &str) -> Option<String> {
        let (kind, rest) = name.split_once('.')?;
        match kind {
            "request" => self.of_request(rest),
            "response" => self.of_answer(rest),
            "stageVariables" => self.stage_variables.get(rest).cloned(),
            "context" => member(self.context, rest),
            _ => None,
        }
    }

    fn of_request(&self, name: &str) -> Option<String> {
        let request = self.request;
        let (kind, rest) = name.split_once('.').unwrap_or((name, ""));
        let joined = |values: Vec<String>| (!values.is_empty()).then(|| values.join(","));
        match kind {
            "header" => {
                let name = rest.to_ascii_lowercase();
                let of = request.headers.iter().filter(|(known, _)| *known == name);
                joined(of.map(|(_, value)| value.clone()).collect())
            }
            "querystring" => {
                let of = query_pairs(&request.raw_query).filter(|(known, _)| known == rest);
                joined(of.map(|(_, value)| value).collect())
            }
            "path" if rest.is_empty() => Some(request.raw_path.clone()),
            "path" => self.path_parameters.get(rest).cloned(),
            "body" => of_body(&request.body, rest),
            _ => None,
        }
    }

    fn of_answer(&self, name: &str) -> Option<String> {
        let answer = self.answer?;
        let (kind, rest) = name.split_once('.').unwrap_or((name, ""));
        match kind {
            "header" => {
                let of = answer.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(rest));
                of.map(|(_, value)| value.clone())
            }
            "body" => of_body(&answer.body, rest),
            _ => None,
        }
    }
}

/// What a body of JSON has at a path of names and numbers: `pets[0].name`; all of it without a path.
fn of_body(body: &[u8], path: &str) -> Option<String> {
    if path.is_empty() {
        return String::from_utf8(body.to_vec()).ok();
    }
    member(&serde_json::from_slice(body).ok()?, path)
}

fn member(value: &Value, path: &str) -> Option<String> {
    let pointer: String =
        path.replace('[', ".").replace(']', "").split('.').map(|part| format!("/{part}")).collect();
    // A name may have dots in it.
    match value.pointer(&pointer).or_else(|| value.get(path))? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A line of an access log: `$context.x` put in, a dash where there is nothing.
pub fn access_log_line(format: &str, context: &Value) -> String {
    const START: &str = "$context.";
    let (mut line, mut rest) = (String::new(), format);
    while let Some((before, after)) = rest.split_once(START) {
        let is_part = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        let end = after.find(|character| !is_part(character)).unwrap_or(after.len());
        let name = after[..end].trim_end_matches(['.', '-']);
        line.push_str(before);
        line.push_str(&member(context, name).unwrap_or_else(|| "-".to_owned()));
        rest = &after[name.len()..];
    }
    line + rest
}
