//! Values of a template: they live as long as it is rendered, and are shared as Java's are, so that what is added to a list is in it by
//! every name.

use std::{cell::RefCell, mem, ops::Deref, rc::Rc, sync::Arc};

use indexmap::IndexMap;

use super::{json, scope::Input, syntax::Block};

/// A map, in the order in which its keys came.
pub type Map = IndexMap<String, Value>;

/// See the module's doc.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Decimal(f64),
    /// A text.
    Text(Rc<str>),
    /// A list of the template, or an array of JSON, which prints otherwise.
    List {
        /// What is in it.
        items: Rc<Held<Vec<Value>>>,
        /// Whether it is an array of JSON.
        is_json: bool,
    },
    /// A map.
    Map(Rc<Held<Map>>),
    /// `$input`.
    Input(Rc<Input>),
    /// `$util`.
    Util,
    /// What `#define` gave a name to; rendered where it is used.
    Block(Definition),
}

/// What `#define` gave a name to.
#[derive(Debug, Clone)]
pub struct Definition(pub(super) Arc<Block>);

/// What is in a list or a map. It is let go one by one: nested as deep as a template can nest it, it would not fit on the stack otherwise.
#[derive(Debug)]
pub struct Held<T: Contents>(RefCell<T>);

/// What can hold values.
pub trait Contents: Default {
    /// The values that are in it.
    fn into_values(self) -> Vec<Value>;
}

impl Contents for Vec<Value> {
    fn into_values(self) -> Vec<Value> {
        self
    }
}

impl Contents for Map {
    fn into_values(self) -> Vec<Value> {
        self.into_values().collect()
    }
}

impl<T: Contents> Held<T> {
    fn new(contents: T) -> Self {
        Self(RefCell::new(contents))
    }

    fn taken(&mut self) -> Vec<Value> {
        mem::take(self.0.get_mut()).into_values()
    }
}

impl<T: Contents> Deref for Held<T> {
    type Target = RefCell<T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T: Contents> Drop for Held<T> {
    fn drop(&mut self) {
        let mut left = self.taken();
        while let Some(value) = left.pop() {
            match value {
                Value::List { mut items, .. } => {
                    Rc::get_mut(&mut items).into_iter().for_each(|held| left.append(&mut held.taken()));
                }
                Value::Map(mut map) => {
                    Rc::get_mut(&mut map).into_iter().for_each(|held| left.append(&mut held.taken()));
                }
                _ => {}
            }
        }
    }
}

impl Value {
    /// A text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Rc::from(text.as_ref()))
    }

    /// A list of the template.
    pub fn list(items: Vec<Value>) -> Self {
        Self::List { items: Rc::new(Held::new(items)), is_json: false }
    }

    /// An array of JSON.
    pub fn array(items: Vec<Value>) -> Self {
        Self::List { items: Rc::new(Held::new(items)), is_json: true }
    }

    /// A map.
    pub fn map(map: Map) -> Self {
        Self::Map(Rc::new(Held::new(map)))
    }

    /// A member of a map; nothing of anything else.
    pub fn member(&self, name: &str) -> Value {
        match self {
            Self::Map(map) => map.borrow().get(name).cloned().unwrap_or_default(),
            _ => Self::Null,
        }
    }

    /// What is in a map; nothing in anything else.
    pub fn entries(&self) -> Vec<(String, Value)> {
        match self {
            Self::Map(map) => {
                map.borrow().iter().map(|(name, value)| (name.clone(), value.clone())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The values that a parameter has: of a list all.
    pub fn parameters(&self) -> Vec<String> {
        match self {
            Self::List { items, .. } => items.borrow().iter().filter_map(Self::as_parameter).collect(),
            other => other.as_parameter().into_iter().collect(),
        }
    }

    /// The value as a parameter of a request: texts as they are, what has more in it as JSON, nothing where there is nothing.
    pub fn as_parameter(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text.to_string()),
            other => {
                let mut text = String::new();
                json::write(other, &mut text, 0).ok()?;
                Some(text)
            }
        }
    }

    /// Whether `#if` takes it for true: everything that is there and is not `false`.
    pub(super) fn is_true(&self) -> bool {
        !matches!(self, Self::Null | Self::Boolean(false))
    }

    /// The number, where it is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Decimal(number) => Some(*number),
            _ => None,
        }
    }

    /// The whole number, where it is one.
    pub(super) fn integer(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Boolean(value),
            serde_json::Value::Number(number) => match number.as_i128() {
                Some(number) => Self::Integer(number),
                None => Self::Decimal(number.as_f64().unwrap_or_default()),
            },
            serde_json::Value::String(text) => Self::text(text),
            serde_json::Value::Array(items) => Self::array(items.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(members) => {
                Self::map(members.into_iter().map(|(key, value)| (key, Self::from(value))).collect())
            }
        }
    }
}
