//! Updates, as they are read.

use aws_api::error_response::ApiError;

use super::{
    super::value::Value, Kind, Path, Placeholders, lexer::Token, parser::Parser, projection::check_apart,
};

/// What is done to an item, all of it by what the item was before.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in super::super) struct Update {
    pub set: Vec<(Path, UpdateValue)>,
    pub remove: Vec<Path>,
    /// Numbers and sets.
    pub add: Vec<(Path, Value)>,
    /// Sets.
    pub delete: Vec<(Path, Value)>,
}

/// What something is set to.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum UpdateValue {
    Path(Path),
    Value(Value),
    /// What is there, else the other.
    IfNotExists(Path, Box<UpdateValue>),
    /// Both lists.
    ListAppend(Box<UpdateValue>, Box<UpdateValue>),
    Plus(Box<UpdateValue>, Box<UpdateValue>),
    Minus(Box<UpdateValue>, Box<UpdateValue>),
}

impl Update {
    /// Reads one.
    ///
    /// # Errors
    /// In AWS's words.
    pub(in super::super) fn parse(text: &str, placeholders: &Placeholders) -> Result<Self, ApiError> {
        let mut parser = Parser::new(text, Kind::Update, placeholders)?;
        let (mut update, mut seen) = (Self::default(), Vec::new());
        while parser.peek().is_some() {
            let clause = ["SET", "REMOVE", "ADD", "DELETE"].into_iter().find(|word| parser.takes_word(word));
            let clause = clause.ok_or_else(|| parser.unexpected())?;
            if seen.contains(&clause) {
                return Err(Kind::Update.invalid(format!(
                    "The \"{clause}\" section can only be used once in an update expression;"
                )));
            }
            seen.push(clause);
            update.read(clause, &mut parser)?;
            while parser.takes(",") {
                update.read(clause, &mut parser)?;
            }
        }
        check_apart(&update.paths().cloned().collect::<Vec<_>>(), Kind::Update)?;
        Ok(update)
    }

    fn read(&mut self, clause: &str, parser: &mut Parser<'_>) -> Result<(), ApiError> {
        let path = parser.path()?;
        match clause {
            "SET" => {
                parser.wants("=")?;
                self.set.push((path, sum(parser)?));
            }
            "REMOVE" => self.remove.push(path),
            "ADD" => {
                let value = value(parser)?;
                check_operand("ADD", &value, |value| value.is_set() || matches!(value, Value::N(_)))?;
                self.add.push((path, value));
            }
            _ => {
                let value = value(parser)?;
                check_operand("DELETE", &value, Value::is_set)?;
                self.delete.push((path, value));
            }
        }
        Ok(())
    }

    /// Every path that something is done to.
    pub(in super::super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let set = self.set.iter().map(|(path, _)| path);
        let changed = self.add.iter().chain(&self.delete).map(|(path, _)| path);
        set.chain(&self.remove).chain(changed)
    }
}

fn check_operand(clause: &str, value: &Value, is_right: impl Fn(&Value) -> bool) -> Result<(), ApiError> {
    if is_right(value) {
        return Ok(());
    }
    Err(incorrect(clause, value))
}

fn incorrect(operator: &str, value: &Value) -> ApiError {
    Kind::Update.invalid(format!(
        "Incorrect operand type for operator or function; operator: {operator}, operand type: {}",
        long_name(value)
    ))
}

/// As these errors call a type.
fn long_name(value: &Value) -> &'static str {
    match value {
        Value::S(_) => "STRING",
        Value::N(_) => "NUMBER",
        Value::B(_) => "BINARY",
        Value::Bool(_) => "BOOLEAN",
        Value::Null => "NULL",
        Value::L(_) => "LIST",
        Value::M(_) => "MAP",
        Value::Ss(_) => "STRING_SET",
        Value::Ns(_) => "NUMBER_SET",
        Value::Bs(_) => "BINARY_SET",
    }
}

fn value(parser: &mut Parser<'_>) -> Result<Value, ApiError> {
    let Some(Token::ValuePlaceholder(name)) = parser.peek() else { return Err(parser.unexpected()) };
    let value = parser.placeholders.value(name, parser.kind)?;
    parser.skip();
    Ok(value)
}

/// One operand, or two.
fn sum(parser: &mut Parser<'_>) -> Result<UpdateValue, ApiError> {
    let first = operand(parser)?;
    for (symbol, made) in [
        ("+", UpdateValue::Plus as fn(Box<UpdateValue>, Box<UpdateValue>) -> UpdateValue),
        ("-", UpdateValue::Minus),
    ] {
        if parser.takes(symbol) {
            let second = operand(parser)?;
            for operand in [&first, &second] {
                if let UpdateValue::Value(value) = operand {
                    check_operand_of_sum(symbol, value)?;
                }
            }
            return Ok(made(Box::new(first), Box::new(second)));
        }
    }
    Ok(first)
}

fn check_operand_of_sum(symbol: &str, value: &Value) -> Result<(), ApiError> {
    match value {
        Value::N(_) => Ok(()),
        _ => Err(Kind::Update.invalid(format!(
            "Incorrect operand type for operator or function; operator or function: {symbol}, operand type: {}",
            value.type_name()
        ))),
    }
}

fn operand(parser: &mut Parser<'_>) -> Result<UpdateValue, ApiError> {
    if parser.takes("(") {
        let inside = parser.deeper(sum)?;
        parser.wants(")")?;
        return Ok(inside);
    }
    if parser.peek_second() == Some("(")
        && let Some(Token::Name(name)) = parser.peek()
    {
        let name = *name;
        return function(parser, name);
    }
    match parser.peek() {
        Some(Token::ValuePlaceholder(_)) => value(parser).map(UpdateValue::Value),
        _ => parser.path().map(UpdateValue::Path),
    }
}

fn function(parser: &mut Parser<'_>, name: &str) -> Result<UpdateValue, ApiError> {
    if !matches!(name, "if_not_exists" | "list_append") {
        return Err(parser.kind.invalid(format!("Invalid function name; function: {name}")));
    }
    parser.skip();
    parser.wants("(")?;
    let (first, second) = parser.deeper(|parser| {
        let first = operand(parser)?;
        parser.wants(",")?;
        Ok((first, operand(parser)?))
    })?;
    parser.wants(")")?;
    match (name, first) {
        ("list_append", first) => {
            for operand in [&first, &second] {
                if let UpdateValue::Value(value) = operand
                    && !matches!(value, Value::L(_))
                {
                    return Err(parser.kind.invalid(format!("Incorrect operand type for operator or function; operator or function: list_append, operand type: {}", value.type_name())));
                }
            }
            Ok(UpdateValue::ListAppend(Box::new(first), Box::new(second)))
        }
        (_, UpdateValue::Path(path)) => Ok(UpdateValue::IfNotExists(path, Box::new(second))),
        _ => Err(parser
            .kind
            .invalid("Operator or function requires a document path; operator or function: if_not_exists")),
    }
}
