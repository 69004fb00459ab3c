//! What has a value: literals, references, and operators by their precedence.

use super::{Parsed, block, cursor::Cursor, reference};
use crate::vtl::syntax::{Expression, Node, Operator};

/// Operators from the weakest to the strongest; of a level the longer ones first.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("||", Operator::Or), ("or", Operator::Or)],
    &[("&&", Operator::And), ("and", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("eq", Operator::Equal),
        ("ne", Operator::NotEqual),
    ],
    &[
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("le", Operator::LessOrEqual),
        ("ge", Operator::GreaterOrEqual),
        ("lt", Operator::Less),
        ("gt", Operator::Greater),
    ],
    &[("+", Operator::Plus), ("-", Operator::Minus)],
    &[("*", Operator::Times), ("/", Operator::Divided), ("%", Operator::Remainder)],
];

/// Reads an expression.
pub(super) fn expression(cursor: &mut Cursor<'_>) -> Parsed<Expression> {
    cursor.deepen(|cursor| level(cursor, 0))
}

fn level(cursor: &mut Cursor<'_>, at: usize) -> Parsed<Expression> {
    let Some(operators) = LEVELS.get(at) else { return unary(cursor) };
    let first = level(cursor, at + 1)?;
    let mut others = Vec::new();
    while let Some(operator) = operator(cursor, operators) {
        others.push((operator, level(cursor, at + 1)?));
    }
    Ok(if others.is_empty() { first } else { Expression::Chain(Box::new(first), others) })
}

fn operator(cursor: &mut Cursor<'_>, operators: &[(&str, Operator)]) -> Option<Operator> {
    let mut ahead = cursor.clone();
    ahead.skip_space();
    let (_, operator) = operators.iter().find(|(written, _)| takes(&mut ahead, written))?;
    *cursor = ahead;
    Some(*operator)
}

/// A word is an operator only where it ends.
fn takes(cursor: &mut Cursor<'_>, written: &str) -> bool {
    let before = cursor.clone();
    let is_word = written.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_taken = if is_word { cursor.name() == Some(written) } else { cursor.take(written) };
    if !is_taken {
        *cursor = before;
    }
    is_taken
}

fn unary(cursor: &mut Cursor<'_>) -> Parsed<Expression> {
    cursor.skip_space();
    let is_not = cursor.take("!") || takes(cursor, "not");
    if is_not {
        return Ok(Expression::Not(Box::new(cursor.deepen(unary)?)));
    }
    match cursor.peek() {
        Some('-') => {
            cursor.next();
            Ok(match cursor.deepen(unary)? {
                Expression::Integer(number) => Expression::Integer(-number),
                Expression::Decimal(number) => Expression::Decimal(-number),
                other => Expression::Negative(Box::new(other)),
            })
        }
        Some('$') => match reference::reference(cursor)? {
            Some(path) => Ok(Expression::Reference(path)),
            None => Err(cursor.error("a reference is not one".to_owned())),
        },
        Some('(') => {
            cursor.next();
            let inner = expression(cursor)?;
            cursor.expect(")")?;
            Ok(inner)
        }
        Some('[') => list_or_range(cursor),
        Some('{') => map(cursor),
        Some('\'') => Ok(Expression::Text(quoted(cursor, '\'')?)),
        Some('"') => interpolated(cursor),
        Some(digit) if digit.is_ascii_digit() => number(cursor),
        _ => match cursor.name() {
            Some("true") => Ok(Expression::Boolean(true)),
            Some("false") => Ok(Expression::Boolean(false)),
            _ => Err(cursor.error("an expression is missing".to_owned())),
        },
    }
}

/// Expressions with commas between them, or only space, up to what closes them.
pub(super) fn list(cursor: &mut Cursor<'_>, close: &str) -> Parsed<Vec<Expression>> {
    more(cursor, close, Vec::new())
}

fn more(cursor: &mut Cursor<'_>, close: &str, mut items: Vec<Expression>) -> Parsed<Vec<Expression>> {
    loop {
        cursor.skip_space();
        if cursor.take(close) {
            return Ok(items);
        }
        items.push(expression(cursor)?);
        cursor.skip_space();
        cursor.take(",");
    }
}

fn list_or_range(cursor: &mut Cursor<'_>) -> Parsed<Expression> {
    cursor.expect("[")?;
    cursor.skip_space();
    if cursor.take("]") {
        return Ok(Expression::List(Vec::new()));
    }
    let first = expression(cursor)?;
    cursor.skip_space();
    if cursor.take("..") {
        let last = expression(cursor)?;
        cursor.expect("]")?;
        return Ok(Expression::Range(Box::new((first, last))));
    }
    cursor.take(",");
    more(cursor, "]", vec![first]).map(Expression::List)
}

fn map(cursor: &mut Cursor<'_>) -> Parsed<Expression> {
    cursor.expect("{")?;
    let mut entries = Vec::new();
    loop {
        cursor.skip_space();
        if cursor.take("}") {
            return Ok(Expression::Map(entries));
        }
        let key = expression(cursor)?;
        cursor.expect(":")?;
        entries.push((key, expression(cursor)?));
        cursor.skip_space();
        cursor.take(",");
    }
}

/// A quote within is written twice; a backslash is nothing special.
fn quoted(cursor: &mut Cursor<'_>, quote: char) -> Parsed<String> {
    cursor.next();
    let mut text = String::new();
    loop {
        text.push_str(cursor.take_while(|character| character != quote));
        if cursor.next().is_none() {
            return Err(cursor.error("a text is not closed".to_owned()));
        }
        if cursor.peek() != Some(quote) {
            return Ok(text);
        }
        cursor.next();
        text.push(quote);
    }
}

fn interpolated(cursor: &mut Cursor<'_>) -> Parsed<Expression> {
    let text = quoted(cursor, '"')?;
    if !text.contains(['$', '#']) {
        return Ok(Expression::Text(text));
    }
    let mut within = cursor.within(&text);
    let nodes = block(&mut within)?;
    if !within.is_at_end() {
        return Err(cursor.error("a text has the end of a block in it".to_owned()));
    }
    Ok(match &nodes[..] {
        [Node::Text(text)] => Expression::Text(text.clone()),
        _ => Expression::Interpolated(nodes),
    })
}

fn number(cursor: &mut Cursor<'_>) -> Parsed<Expression> {
    let before = cursor.clone();
    cursor.take_while(|character| character.is_ascii_digit());
    let mut ahead = cursor.clone();
    // Two points are those of a range.
    let is_decimal = ahead.take(".") && ahead.peek().is_some_and(|next| next.is_ascii_digit());
    if is_decimal {
        ahead.take_while(|character| character.is_ascii_digit());
        if ahead.take("e") || ahead.take("E") {
            let _ = ahead.take("-") || ahead.take("+");
            ahead.take_while(|character| character.is_ascii_digit());
        }
        *cursor = ahead;
    }
    let written = before.until(cursor);
    let number = match is_decimal {
        true => written.parse().ok().map(Expression::Decimal),
        false => written.parse().ok().map(Expression::Integer),
    };
    number.ok_or_else(|| cursor.error(format!("{written} is no number")))
}
