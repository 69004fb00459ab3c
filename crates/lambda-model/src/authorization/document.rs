//! Policy documents, read strictly.

use serde_json::{Map, Value};
use thiserror::Error;

use super::{AuthorizationRequest, condition::Condition, principal::PrincipalElement, variables, wildcard};

/// Why a document is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct DocumentError(String);

impl DocumentError {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// A policy; one without statements allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyDocument {
    pub(super) statements: Vec<Statement>,
}

/// Allow or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub sid: Option<String>,
    pub effect: Effect,
    pub principal: Option<PrincipalElement>,
    action: Patterns,
    /// A trust policy has none: it is of the role that it belongs to.
    resource: Option<Patterns>,
    conditions: Vec<Condition>,
    /// Whether variables are replaced: from 2012-10-17 on.
    has_variables: bool,
}

/// An element and its opposite: `Action` and `NotAction`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Patterns {
    is_negated: bool,
    patterns: Vec<String>,
}

impl PolicyDocument {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let value: Value = serde_json::from_str(text).map_err(|_| DocumentError::new("not JSON"))?;
        Self::from_value(&value)
    }

    /// Reads a document that is JSON already.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_value(value: &Value) -> Result<Self, DocumentError> {
        let members = value.as_object().ok_or_else(|| DocumentError::new("a policy is an object"))?;
        check_members(members, &["Version", "Id", "Statement"])?;
        let has_variables = match members.get("Version").map(Value::as_str) {
            None | Some(Some("2008-10-17")) => false,
            Some(Some("2012-10-17")) => true,
            Some(_) => return Err(DocumentError::new("the version is 2012-10-17 or 2008-10-17")),
        };
        let statements = match members.get("Statement") {
            Some(Value::Array(statements)) => statements.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => return Err(DocumentError::new("there are no statements")),
        };
        let statements = statements.into_iter().map(|value| Statement::parse(value, has_variables));
        Ok(Self { statements: statements.collect::<Result<_, _>>()? })
    }
}

impl Statement {
    fn parse(value: &Value, has_variables: bool) -> Result<Self, DocumentError> {
        let members = value.as_object().ok_or_else(|| DocumentError::new("a statement is an object"))?;
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        check_members(members, &known)?;
        let effect = match members.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err(DocumentError::new("the effect is Allow or Deny")),
        };
        let principal = match one_of(members, "Principal", "NotPrincipal")? {
            None => None,
            Some((value, is_negated)) => Some(PrincipalElement::parse(value, is_negated)?),
        };
        let action = patterns(members, "Action", "NotAction")?;
        Ok(Self {
            sid: members.get("Sid").and_then(Value::as_str).map(str::to_owned),
            effect,
            principal,
            action: action.ok_or_else(|| DocumentError::new("a statement has actions"))?,
            resource: patterns(members, "Resource", "NotResource")?,
            conditions: conditions(members.get("Condition"))?,
            has_variables,
        })
    }

    /// Whether action, resource and conditions are of the request; the principal is judged apart.
    pub(super) fn applies(&self, request: &AuthorizationRequest) -> bool {
        let action = request.action.to_ascii_lowercase();
        let of_action = self.action.any(|pattern| wildcard::matches(&pattern.to_ascii_lowercase(), &action));
        let of_resource = self.resource.as_ref().is_none_or(|resource| {
            resource.any(|pattern| {
                self.text(pattern, request).is_some_and(|p| wildcard::matches(&p, &request.resource))
            })
        });
        let text = |value: &str| self.text(value, request);
        of_action && of_resource && self.conditions.iter().all(|one| one.holds(request, &text))
    }

    fn text(&self, text: &str, request: &AuthorizationRequest) -> Option<String> {
        if self.has_variables { variables::replaced(text, request) } else { Some(text.to_owned()) }
    }
}

impl Patterns {
    fn any(&self, is_of: impl Fn(&str) -> bool) -> bool {
        self.patterns.iter().any(|pattern| is_of(pattern)) != self.is_negated
    }
}

fn check_members(members: &Map<String, Value>, known: &[&str]) -> Result<(), DocumentError> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(DocumentError::new(format!("unknown element {name}"))),
        None => Ok(()),
    }
}

fn one_of<'a>(
    members: &'a Map<String, Value>,
    name: &str,
    opposite: &str,
) -> Result<Option<(&'a Value, bool)>, DocumentError> {
    match (members.get(name), members.get(opposite)) {
        (Some(_), Some(_)) => Err(DocumentError::new(format!("either {name} or {opposite}"))),
        (Some(value), None) => Ok(Some((value, false))),
        (None, Some(value)) => Ok(Some((value, true))),
        (None, None) => Ok(None),
    }
}

fn patterns(
    members: &Map<String, Value>,
    name: &str,
    opposite: &str,
) -> Result<Option<Patterns>, DocumentError> {
    let Some((value, is_negated)) = one_of(members, name, opposite)? else { return Ok(None) };
    Ok(Some(Patterns { is_negated, patterns: strings(value, name)? }))
}

/// One text or a list of them.
pub(super) fn strings(value: &Value, name: &str) -> Result<Vec<String>, DocumentError> {
    let wrong = || DocumentError::new(format!("{name} is a text or a list of texts"));
    match value {
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Array(many) => {
            many.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
}

fn conditions(value: Option<&Value>) -> Result<Vec<Condition>, DocumentError> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let operators = value.as_object().ok_or_else(|| DocumentError::new("conditions are an object"))?;
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let keys = keys.as_object().ok_or_else(|| DocumentError::new(format!("{operator} is an object")))?;
        for (key, values) in keys {
            conditions.push(Condition::parse(operator, key, values)?);
        }
    }
    Ok(conditions)
}
