//! A statement is read: each function takes what it stands for, with what binds tighter below it.

use serde_json::{Number, Value};

use super::{
    Selection, Statement,
    expression::{Expression, FUNCTIONS, Operator, Step},
    words::{Word, words},
};
use crate::iot::topics::is_filter;

/// How deep expressions may be in each other: a statement is a user's.
const DEPTH_MAX: usize = 64;
/// Words of a statement: a chain of operators is as deep as it is long.
const WORDS_MAX: usize = 1_024;

/// Reads a statement.
pub(super) fn parse(text: &str) -> Result<Statement, String> {
    let words = words(text)?;
    if words.len() > WORDS_MAX {
        return Err(format!("A statement can have up to {WORDS_MAX} words and signs."));
    }
    let mut parser = Parser { words, place: 0, depth: 0 };
    let statement = parser.statement()?;
    match parser.peek() {
        None => Ok(statement),
        Some(word) => Err(format!("Unexpected: {word:?}")),
    }
}

struct Parser {
    words: Vec<Word>,
    place: usize,
    depth: usize,
}

impl Parser {
    fn statement(&mut self) -> Result<Statement, String> {
        self.keyword("SELECT")?;
        let selection = self.selection()?;
        self.keyword("FROM")?;
        let Some(Word::Text(topic_filter)) = self.next() else {
            return Err("FROM must be followed by a topic filter in single quotes.".into());
        };
        if !is_filter(&topic_filter) {
            return Err(format!("Invalid topic filter: {topic_filter}"));
        }
        let condition = if self.takes_keyword("WHERE") { Some(self.expression()?) } else { None };
        Ok(Statement { selection, topic_filter, condition })
    }

    fn selection(&mut self) -> Result<Selection, String> {
        let mut selection = Selection { has_all: false, items: Vec::new() };
        loop {
            if self.takes_sign("*") {
                selection.has_all = true;
            } else {
                let expression = self.expression()?;
                let name = if self.takes_keyword("AS") { self.name()? } else { name_of(&expression)? };
                selection.items.push((name, expression));
            }
            if !self.takes_sign(",") {
                return Ok(selection);
            }
        }
    }

    fn expression(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("The statement is too deep.".into());
        }
        let mut left = self.conjunction()?;
        while self.takes_keyword("OR") {
            left = operation(Operator::Or, left, self.conjunction()?);
        }
        self.depth -= 1;
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expression, String> {
        let mut left = self.negation()?;
        while self.takes_keyword("AND") {
            left = operation(Operator::And, left, self.negation()?);
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expression, String> {
        let mut negations = 0_usize;
        while self.takes_keyword("NOT") {
            negations += 1;
        }
        let negated = |of| Expression::Not(Box::new(of));
        let of = self.comparison()?;
        // Twice is not the same as not at all: of what is no Boolean it makes none.
        Ok(match negations {
            0 => of,
            odd if odd % 2 == 1 => negated(of),
            _ => negated(negated(of)),
        })
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        const SIGNS: &[(&str, Operator)] = &[
            ("=", Operator::Equal),
            ("<>", Operator::NotEqual),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let left = self.sum()?;
        if self.takes_keyword("IN") {
            return Ok(operation(Operator::In, left, self.sum()?));
        }
        match self.takes_operator(SIGNS) {
            Some(operator) => Ok(operation(operator, left, self.sum()?)),
            None => Ok(left),
        }
    }

    fn sum(&mut self) -> Result<Expression, String> {
        let mut left = self.product()?;
        while let Some(operator) = self.takes_operator(&[("+", Operator::Plus), ("-", Operator::Minus)]) {
            left = operation(operator, left, self.product()?);
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, String> {
        const SIGNS: &[(&str, Operator)] =
            &[("*", Operator::Times), ("/", Operator::DividedBy), ("%", Operator::Modulo)];
        let mut left = self.signed()?;
        while let Some(operator) = self.takes_operator(SIGNS) {
            left = operation(operator, left, self.signed()?);
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Expression, String> {
        if self.takes_sign("-") {
            return Ok(Expression::Minus(Box::new(self.single()?)));
        }
        self.single()
    }

    fn single(&mut self) -> Result<Expression, String> {
        match self.next() {
            Some(Word::Sign("(")) => {
                let inner = self.expression()?;
                self.sign(")")?;
                Ok(inner)
            }
            Some(Word::Sign("[")) => self.list("]").map(Expression::Array),
            Some(Word::Sign("*")) => Ok(Expression::All),
            Some(Word::Text(text)) => Ok(Expression::Literal(Value::String(text))),
            Some(Word::Number(number)) => {
                let number: Number = number.parse().map_err(|_| format!("Invalid number: {number}"))?;
                Ok(Expression::Literal(Value::Number(number)))
            }
            Some(Word::Quoted(name)) => self.path(name),
            Some(Word::Name(name)) => self.named(name),
            other => {
                Err(format!("Unexpected: {}", other.map_or("the end".to_owned(), |word| format!("{word:?}"))))
            }
        }
    }

    fn named(&mut self, name: String) -> Result<Expression, String> {
        if self.takes_sign("(") {
            let arguments = self.list(")")?;
            return call(&name, arguments);
        }
        match name.to_ascii_lowercase().as_str() {
            "true" => Ok(Expression::Literal(Value::Bool(true))),
            "false" => Ok(Expression::Literal(Value::Bool(false))),
            "null" => Ok(Expression::Literal(Value::Null)),
            "undefined" => Ok(Expression::Undefined),
            "select" | "from" | "where" | "as" | "and" | "or" | "not" | "in" | "case" => {
                Err(format!("Unexpected: {name}"))
            }
            _ => self.path(name),
        }
    }

    fn path(&mut self, first: String) -> Result<Expression, String> {
        let mut steps = vec![Step::Member(first)];
        loop {
            if self.takes_sign(".") {
                steps.push(Step::Member(self.name()?));
            } else if self.takes_sign("[") {
                steps.push(Step::Element(Box::new(self.expression()?)));
                self.sign("]")?;
            } else {
                return Ok(Expression::Path(steps));
            }
        }
    }

    /// Expressions up to a sign.
    fn list(&mut self, end: &'static str) -> Result<Vec<Expression>, String> {
        let mut all = Vec::new();
        if self.takes_sign(end) {
            return Ok(all);
        }
        loop {
            all.push(self.expression()?);
            if self.takes_sign(end) {
                return Ok(all);
            }
            self.sign(",")?;
        }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Word::Name(name) | Word::Quoted(name)) => Ok(name),
            _ => Err("A name is missing.".into()),
        }
    }

    fn peek(&self) -> Option<&Word> {
        self.words.get(self.place)
    }

    fn next(&mut self) -> Option<Word> {
        let word = self.peek().cloned();
        self.place += 1;
        word
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), String> {
        if self.takes_keyword(keyword) { Ok(()) } else { Err(format!("{keyword} is missing.")) }
    }

    fn takes_keyword(&mut self, keyword: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Word::Name(name)) if name.eq_ignore_ascii_case(keyword));
        self.place += usize::from(is_it);
        is_it
    }

    fn sign(&mut self, sign: &'static str) -> Result<(), String> {
        if self.takes_sign(sign) { Ok(()) } else { Err(format!("{sign} is missing.")) }
    }

    fn takes_sign(&mut self, sign: &'static str) -> bool {
        let is_it = self.peek() == Some(&Word::Sign(sign));
        self.place += usize::from(is_it);
        is_it
    }

    fn takes_operator(&mut self, signs: &[(&'static str, Operator)]) -> Option<Operator> {
        signs.iter().find(|(sign, _)| self.takes_sign(sign)).map(|(_, operator)| *operator)
    }
}

fn operation(operator: Operator, left: Expression, right: Expression) -> Expression {
    Expression::Operation(operator, Box::new(left), Box::new(right))
}

fn call(name: &str, arguments: Vec<Expression>) -> Result<Expression, String> {
    let function = FUNCTIONS.iter().find(|function| function.name.eq_ignore_ascii_case(name));
    let function =
        function.ok_or_else(|| format!("Unknown function, or one that this server does not have: {name}"))?;
    match (function.least..=function.most).contains(&arguments.len()) {
        true => Ok(Expression::Call(*function, arguments)),
        false => Err(format!("Wrong number of arguments of {name}.")),
    }
}

/// What an item is called that is given no name.
fn name_of(expression: &Expression) -> Result<String, String> {
    match expression {
        Expression::Path(steps) => steps
            .iter()
            .rev()
            .find_map(|step| if let Step::Member(name) = step { Some(name.clone()) } else { None })
            .ok_or_else(|| "A name is missing.".to_owned()),
        Expression::Call(function, _) => Ok(function.name.to_owned()),
        _ => Err("An expression must be given a name: AS name.".into()),
    }
}
