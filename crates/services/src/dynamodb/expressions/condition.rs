//! Conditions, as they are read.

use aws_api::error_response::ApiError;

use super::{super::value::Value, Kind, Path, Placeholders, lexer::Token, parser::Parser};

/// What holds for an item, or does not.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Condition {
    Or(Box<Condition>, Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Operand, Comparator, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    /// A function of a path and, but for two of them, something else.
    Call(Function, Operand, Option<Operand>),
}

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Operand {
    Path(Path),
    Value(Value),
    /// `size(path)`
    Size(Box<Operand>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Function {
    AttributeExists,
    AttributeNotExists,
    AttributeType,
    BeginsWith,
    Contains,
}

impl Function {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "attribute_exists" => Self::AttributeExists,
            "attribute_not_exists" => Self::AttributeNotExists,
            "attribute_type" => Self::AttributeType,
            "begins_with" => Self::BeginsWith,
            "contains" => Self::Contains,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AttributeExists => "attribute_exists",
            Self::AttributeNotExists => "attribute_not_exists",
            Self::AttributeType => "attribute_type",
            Self::BeginsWith => "begins_with",
            Self::Contains => "contains",
        }
    }

    fn takes(self) -> usize {
        match self {
            Self::AttributeExists | Self::AttributeNotExists => 1,
            Self::AttributeType | Self::BeginsWith | Self::Contains => 2,
        }
    }
}

impl Comparator {
    fn of(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "=" => Self::Equal,
            "<>" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Condition {
    /// Reads one.
    ///
    /// # Errors
    /// In AWS's words.
    pub(in super::super) fn parse(
        text: &str,
        kind: Kind,
        placeholders: &Placeholders,
    ) -> Result<Self, ApiError> {
        let mut parser = Parser::new(text, kind, placeholders)?;
        let condition = or(&mut parser)?;
        parser.end()?;
        check_operands(&condition, kind)?;
        Ok(condition)
    }

    /// Every path in it.
    pub(in super::super) fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.each_operand(&mut |operand| {
            let mut operand = operand;
            while let Operand::Size(inner) = operand {
                operand = inner;
            }
            if let Operand::Path(path) = operand {
                paths.push(path);
            }
        });
        paths
    }

    fn each_operand<'a>(&'a self, see: &mut impl FnMut(&'a Operand)) {
        match self {
            Self::Or(one, other) | Self::And(one, other) => {
                one.each_operand(see);
                other.each_operand(see);
            }
            Self::Not(one) => one.each_operand(see),
            Self::Compare(one, _, other) => [one, other].into_iter().for_each(see),
            Self::Between(value, low, high) => [value, low, high].into_iter().for_each(see),
            Self::In(value, all) => std::iter::once(value).chain(all).for_each(see),
            Self::Call(_, one, other) => std::iter::once(one).chain(other).for_each(see),
        }
    }
}

fn or(parser: &mut Parser<'_>) -> Result<Condition, ApiError> {
    let mut condition = and(parser)?;
    while parser.takes_word("OR") {
        condition = Condition::Or(Box::new(condition), Box::new(and(parser)?));
    }
    Ok(condition)
}

fn and(parser: &mut Parser<'_>) -> Result<Condition, ApiError> {
    let mut condition = not(parser)?;
    while parser.takes_word("AND") {
        condition = Condition::And(Box::new(condition), Box::new(not(parser)?));
    }
    Ok(condition)
}

fn not(parser: &mut Parser<'_>) -> Result<Condition, ApiError> {
    match parser.takes_word("NOT") {
        true => parser.deeper(|parser| Ok(Condition::Not(Box::new(not(parser)?)))),
        false => comparison(parser),
    }
}

fn comparison(parser: &mut Parser<'_>) -> Result<Condition, ApiError> {
    if parser.takes("(") {
        return parser.in_parentheses(or);
    }
    if let Some(Token::Name(name)) = parser.peek()
        && parser.peek_second() == Some("(")
        && *name != "size"
    {
        let name = *name;
        return call(parser, name);
    }
    let operand = operand(parser)?;
    if let Some(comparator) = parser.peek().and_then(|token| Comparator::of(token.text())) {
        parser.skip();
        return Ok(Condition::Compare(operand, comparator, self::operand(parser)?));
    }
    if parser.takes_word("BETWEEN") {
        let low = self::operand(parser)?;
        if !parser.takes_word("AND") {
            return Err(parser.unexpected());
        }
        return Ok(Condition::Between(operand, low, self::operand(parser)?));
    }
    if parser.takes_word("IN") {
        parser.wants("(")?;
        let mut all = vec![self::operand(parser)?];
        while parser.takes(",") {
            all.push(self::operand(parser)?);
        }
        parser.wants(")")?;
        return Ok(Condition::In(operand, all));
    }
    Err(parser.unexpected())
}

fn call(parser: &mut Parser<'_>, name: &str) -> Result<Condition, ApiError> {
    let Some(function) = Function::of(name) else {
        return Err(parser.kind.invalid(format!("Invalid function name; function: {name}")));
    };
    parser.skip();
    parser.wants("(")?;
    let mut all = vec![operand(parser)?];
    while parser.takes(",") {
        all.push(operand(parser)?);
    }
    parser.wants(")")?;
    if all.len() != function.takes() {
        return Err(parser.kind.invalid(format!(
            "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {}",
            all.len()
        )));
    }
    let mut all = all.into_iter();
    let first = all.next().unwrap_or(Operand::Value(Value::Null));
    Ok(Condition::Call(function, first, all.next()))
}

fn operand(parser: &mut Parser<'_>) -> Result<Operand, ApiError> {
    match parser.peek() {
        Some(Token::ValuePlaceholder(name)) => {
            let value = parser.placeholders.value(name, parser.kind)?;
            parser.skip();
            Ok(Operand::Value(value))
        }
        Some(Token::Name("size")) if parser.peek_second() == Some("(") => {
            parser.skip();
            parser.wants("(")?;
            let inside = operand(parser)?;
            parser.wants(")")?;
            Ok(Operand::Size(Box::new(inside)))
        }
        _ => parser.path().map(Operand::Path),
    }
}

/// What can be seen to be wrong before there is an item.
fn check_operands(condition: &Condition, kind: Kind) -> Result<(), ApiError> {
    let incorrect = |operator: &str, operand_type: &str| {
        kind.invalid(format!("Incorrect operand type for operator or function; operator or function: {operator}, operand type: {operand_type}"))
    };
    match condition {
        Condition::Or(one, other) | Condition::And(one, other) => {
            check_operands(one, kind)?;
            check_operands(other, kind)
        }
        Condition::Not(one) => check_operands(one, kind),
        Condition::Compare(one, comparator, other) => {
            if one == other && matches!(one, Operand::Path(_)) {
                return Err(kind.invalid(format!("The first operand must be distinct from the remaining operands for this operator or function; operator: {}, first operand: {}", comparator.symbol(), shown(one))));
            }
            let is_ordered = !matches!(comparator, Comparator::Equal | Comparator::NotEqual);
            match [one, other].into_iter().find_map(unordered) {
                Some(operand_type) if is_ordered => Err(incorrect(comparator.symbol(), operand_type)),
                _ => Ok(()),
            }
        }
        Condition::Between(value, low, high) => {
            if let Some(operand_type) = [value, low, high].into_iter().find_map(unordered) {
                return Err(incorrect("BETWEEN", operand_type));
            }
            check_bounds(low, high, kind)
        }
        Condition::In(..) => Ok(()),
        Condition::Call(function, first, second) => match (function, first, second) {
            (Function::AttributeExists | Function::AttributeNotExists, Operand::Value(_), _) => Err(kind
                .invalid(format!(
                    "Operator or function requires a document path; operator or function: {}",
                    function.name()
                ))),
            (Function::AttributeType, _, Some(Operand::Value(Value::S(name))))
                if !TYPES.contains(&name.as_str()) =>
            {
                let valid = TYPES.join(",");
                Err(kind.invalid(format!(
                    "Invalid attribute type name found; type: {name}, valid types: {{{valid}}}"
                )))
            }
            (Function::AttributeType, _, Some(Operand::Value(value))) if !matches!(value, Value::S(_)) => {
                Err(incorrect("attribute_type", value.type_name()))
            }
            (Function::BeginsWith, _, Some(Operand::Value(value)))
                if !matches!(value, Value::S(_) | Value::B(_)) =>
            {
                Err(incorrect("begins_with", value.type_name()))
            }
            _ => Ok(()),
        },
    }
}

/// The types that `attribute_type` knows.
const TYPES: [&str; 10] = ["B", "BOOL", "BS", "L", "M", "N", "NS", "NULL", "S", "SS"];

/// The type of a value that is neither less nor greater than another.
fn unordered(operand: &Operand) -> Option<&'static str> {
    match operand {
        Operand::Value(value) if !matches!(value, Value::S(_) | Value::N(_) | Value::B(_)) => {
            Some(value.type_name())
        }
        _ => None,
    }
}

fn check_bounds(low: &Operand, high: &Operand, kind: Kind) -> Result<(), ApiError> {
    let (Operand::Value(low), Operand::Value(high)) = (low, high) else { return Ok(()) };
    if low.type_name() != high.type_name() {
        return Err(kind.invalid(format!("The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {{{}}}, upper bound operand: AttributeValue: {{{}}}", plain(low), plain(high))));
    }
    match super::compare(low, high) {
        Some(std::cmp::Ordering::Greater) => Err(kind.invalid(format!("The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {{{}}}, upper bound operand: AttributeValue: {{{}}}", plain(low), plain(high)))),
        _ => Ok(()),
    }
}

/// As errors show it: `N:5`.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::S(text) => text.clone(),
        Value::N(number) => number.to_string(),
        _ => "...".to_owned(),
    };
    format!("{}:{text}", value.type_name())
}

fn shown(operand: &Operand) -> String {
    match operand {
        Operand::Path(path) => path.to_string(),
        Operand::Value(value) => plain(value),
        Operand::Size(inside) => format!("size({})", shown(inside)),
    }
}
