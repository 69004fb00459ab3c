//! The Velocity Template Language of mapping templates, as API Gateway runs it.
//!
//! ```text
//! text ──parse──► Template (syntax) ──render(Scope: $input, $context, ...)──► text
//! ```
//! The language is that of Apache Velocity 1.7 (its user guide); where API Gateway is known to differ, it goes by API Gateway:
//! - whatever is not there is an empty text, which counts as true (serverless-offline issue 50, LocalStack pull request 11886), where
//!   Velocity prints the reference as it is written;
//! - an array of JSON prints as JSON, a map as Java's maps do: `{a=1, b=[{"c":2}]}` (LocalStack pull request 12379).
//!
//! There is no `#include`, `#parse` or `#evaluate`, and nothing of Java beyond the methods in [`methods`].

mod evaluate;
mod json;
mod json_path;
mod meter;
mod methods;
mod numbers;
mod parse;
mod print;
mod scope;
mod syntax;
mod util;
mod value;

#[cfg(test)]
mod tests;

pub use json_path::JsonPath;
pub use scope::{Input, Scope};
pub use value::{Map, Value};

use self::syntax::Block;

/// A template that is ready to be rendered, as often as wanted.
#[derive(Debug, Clone)]
pub struct Template {
    block: Block,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct SyntaxError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// Why a template cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(pub String);

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When a directive is not closed, or an expression is none.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        parse::template(text).map(|block| Self { block })
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.block.is_empty()
    }

    /// What the template gives. What it sets stays in the scope.
    ///
    /// # Errors
    /// When it does more than a template may, or a method is called with what it cannot take.
    pub fn render(&self, scope: &mut Scope) -> Result<String, RenderError> {
        evaluate::render(&self.block, scope)
    }
}
