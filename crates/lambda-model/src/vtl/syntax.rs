//! What a template is made of.

use std::sync::Arc;

/// Things one after the other.
pub(super) type Block = Vec<Node>;

/// A thing in a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// Printed as it is.
    Text(String),
    /// `$name`: its value is printed.
    Reference(Path),
    /// `#set($name = value)`.
    Set { target: Path, value: Expression },
    /// `#if ... #elseif ... #else ... #end`.
    If { branches: Vec<(Expression, Block)>, otherwise: Block },
    /// `#foreach($name in values) ... #end`.
    Foreach { name: String, values: Expression, body: Block },
    /// `#break`.
    Break,
    /// `#stop`.
    Stop,
    /// `#define($name) ... #end`: rendered wherever it is named.
    Define { name: String, body: Arc<Block> },
    /// `#macro(name $a $b) ... #end`.
    Macro(Arc<Macro>),
    /// `#name(a, b)`; printed as it is written where no macro has the name.
    Call { name: String, arguments: Vec<Expression>, written: String },
}

/// What may be called by its name.
#[derive(Debug, PartialEq)]
pub(super) struct Macro {
    pub name: String,
    pub parameters: Vec<String>,
    pub body: Block,
}

/// `root.property.method(arguments)[index]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    pub root: String,
    pub steps: Vec<Step>,
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Property(String),
    Method(String, Vec<Expression>),
    Index(Expression),
}

/// What has a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Boolean(bool),
    Integer(i128),
    Decimal(f64),
    /// In single quotes, or in double quotes with nothing to put in.
    Text(String),
    /// In double quotes.
    Interpolated(Block),
    List(Vec<Expression>),
    Range(Box<(Expression, Expression)>),
    Map(Vec<(Expression, Expression)>),
    Reference(Path),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    /// Operators of a strength, from the left: as long as it may be, it is no deeper for that.
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
}

/// What stands between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    Divided,
    Remainder,
}
