//! What is computed.

use serde_json::Value;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    /// A value that is written.
    Literal(Value),
    /// `undefined`.
    Undefined,
    /// All of the payload: an argument of `encode`.
    All,
    /// `a.b[0]`.
    Path(Vec<Step>),
    /// `[a, b]`.
    Array(Vec<Expression>),
    /// `-a`.
    Minus(Box<Expression>),
    /// `NOT a`.
    Not(Box<Expression>),
    /// `a + b`, say.
    Operation(Operator, Box<Expression>, Box<Expression>),
    /// `topic(2)`, say.
    Call(Function, Vec<Expression>),
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// A member.
    Member(String),
    /// An element, by an expression.
    Element(Box<Expression>),
}

/// What is between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    DividedBy,
    Modulo,
    In,
}

/// A function, by its name and the arguments that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Function {
    pub name: &'static str,
    pub least: usize,
    pub most: usize,
}

/// The functions that there are; case does not matter.
pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "abs", least: 1, most: 1 },
    Function { name: "accountid", least: 0, most: 0 },
    Function { name: "ceil", least: 1, most: 1 },
    Function { name: "clientid", least: 0, most: 0 },
    Function { name: "concat", least: 1, most: 64 },
    Function { name: "encode", least: 2, most: 2 },
    Function { name: "endswith", least: 2, most: 2 },
    Function { name: "floor", least: 1, most: 1 },
    Function { name: "indexof", least: 2, most: 2 },
    Function { name: "isnull", least: 1, most: 1 },
    Function { name: "isundefined", least: 1, most: 1 },
    Function { name: "length", least: 1, most: 1 },
    Function { name: "lower", least: 1, most: 1 },
    Function { name: "mod", least: 2, most: 2 },
    Function { name: "newuuid", least: 0, most: 0 },
    Function { name: "power", least: 2, most: 2 },
    Function { name: "regexp_matches", least: 2, most: 2 },
    Function { name: "replace", least: 3, most: 3 },
    Function { name: "round", least: 1, most: 1 },
    Function { name: "sqrt", least: 1, most: 1 },
    Function { name: "startswith", least: 2, most: 2 },
    Function { name: "substring", least: 2, most: 3 },
    Function { name: "timestamp", least: 0, most: 0 },
    Function { name: "topic", least: 0, most: 1 },
    Function { name: "traceid", least: 0, most: 0 },
    Function { name: "trim", least: 1, most: 1 },
    Function { name: "upper", least: 1, most: 1 },
];
