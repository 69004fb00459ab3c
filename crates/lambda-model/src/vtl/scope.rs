//! What a template can name.

use std::{
    collections::HashMap,
    mem,
    rc::{Rc, Weak},
};

use super::{JsonPath, Map, RenderError, Value, json, value::Held};

/// Names and what they stand for.
#[derive(Debug, Default)]
pub struct Scope {
    values: HashMap<String, Value>,
    /// Lists and maps that others were put into: one of them may be in itself by that, and is emptied at the end.
    holders: Vec<Holder>,
}

#[derive(Debug)]
enum Holder {
    List(Weak<Held<Vec<Value>>>),
    Map(Weak<Held<Map>>),
}

impl Drop for Scope {
    fn drop(&mut self) {
        for holder in self.holders.drain(..) {
            match holder {
                Holder::List(items) => drop(items.upgrade().map(|items| mem::take(&mut *items.borrow_mut()))),
                Holder::Map(map) => drop(map.upgrade().map(|map| mem::take(&mut *map.borrow_mut()))),
            }
        }
    }
}

impl Scope {
    /// With `$input`, and `$util`.
    pub fn new(input: Input) -> Self {
        let mut scope = Self::default();
        scope.set("input", Value::Input(Rc::new(input)));
        scope.set("util", Value::Util);
        scope
    }

    /// Gives a name to a value.
    pub fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// What a name stands for.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// Notes what may be put into what.
    pub(super) fn holds(&mut self, holder: &Value, values: &[&Value]) {
        if !values.iter().any(|value| matches!(value, Value::List { .. } | Value::Map(_))) {
            return;
        }
        match holder {
            Value::List { items, .. } => self.holders.push(Holder::List(Rc::downgrade(items))),
            Value::Map(map) => self.holders.push(Holder::Map(Rc::downgrade(map))),
            _ => {}
        }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name)
    }
}

/// `$input`: a payload, and the parameters of the request.
#[derive(Debug, Default)]
pub struct Input {
    body: String,
    /// The payload, where it is JSON.
    document: Option<Value>,
    path: Map,
    query: Map,
    headers: Map,
}

impl Input {
    /// `$input` of a payload and of parameters: of the path, the query and the headers.
    pub fn new(body: &str, [path, query, headers]: [Map; 3]) -> Self {
        // API Gateway takes no payload for `{}` (LocalStack pull request 12413, checked against AWS).
        let body = if body.is_empty() { "{}" } else { body };
        Self { body: body.to_owned(), document: json::parse(body), path, query, headers }
    }

    pub(super) fn property(&self, name: &str) -> Value {
        match name {
            "body" => Value::text(&self.body),
            _ => Value::Null,
        }
    }

    pub(super) fn call(&self, method: &str, arguments: &[Value]) -> Result<Value, RenderError> {
        match (method, arguments) {
            ("path", [Value::Text(path)]) => Ok(self.at(path)?.unwrap_or_default()),
            ("json", [Value::Text(path)]) => {
                let mut text = String::new();
                // What is not there is an empty text.
                json::write(&self.at(path)?.unwrap_or_else(|| Value::text("")), &mut text, 0)?;
                Ok(Value::text(text))
            }
            ("params", []) => Ok(self.parameters()),
            ("params", [Value::Text(name)]) => Ok(self.parameter(name)),
            _ => Ok(Value::Null),
        }
    }

    /// What the payload has at a path; a payload that is not JSON is a text.
    fn at(&self, path: &str) -> Result<Option<Value>, RenderError> {
        let path = JsonPath::parse(path).map_err(|error| RenderError(error.to_string()))?;
        match &self.document {
            Some(document) => Ok(path.of(document)),
            None => Ok(path.of(&Value::text(&self.body))),
        }
    }

    fn parameters(&self) -> Value {
        let kinds = [("path", &self.path), ("querystring", &self.query), ("header", &self.headers)];
        let copied = kinds.map(|(name, map)| (name.to_owned(), Value::map(map.clone())));
        Value::map(copied.into_iter().collect())
    }

    fn parameter(&self, name: &str) -> Value {
        [&self.path, &self.query, &self.headers]
            .into_iter()
            .find_map(|map| map.get(name).cloned())
            .unwrap_or_default()
    }
}
