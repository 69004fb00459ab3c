//! `#set`, `#if`, `#foreach`, `#define`, `#macro`, calls of macros, comments, and what is kept as it is.

use std::sync::Arc;

use super::{Parsed, block, cursor::Cursor, expression, reference, text};
use crate::vtl::syntax::{Block, Expression, Macro, Node};

/// What begins with a number sign and means something.
const WORDS: [&str; 10] =
    ["set", "if", "elseif", "else", "end", "foreach", "break", "stop", "define", "macro"];
/// Those that end a block.
const ENDS: [&str; 3] = ["end", "else", "elseif"];

/// The word of a directive that is here: `#word` or `#{word}`.
pub(super) fn word<'a>(cursor: &Cursor<'a>) -> Option<&'a str> {
    take_word(&mut cursor.clone())
}

fn take_word<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    if !cursor.take("#") {
        return None;
    }
    let is_formal = cursor.take("{");
    let letters = cursor.take_while(|character| character.is_ascii_alphanumeric() || character == '_');
    // What follows may be a text: `#elseNo`.
    let word = match is_formal {
        true => cursor.take("}").then_some(letters)?,
        false => letters,
    };
    WORDS.contains(&word).then_some(word)
}

/// Goes behind the word of a directive; what was written.
pub(super) fn written_word<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    let before = cursor.clone();
    match take_word(cursor) {
        Some(_) => before.until(cursor),
        None => "",
    }
}

/// Whether a block ends here.
pub(super) fn ends_block(cursor: &Cursor<'_>) -> bool {
    cursor.peek() == Some('#') && word(cursor).is_some_and(|word| ENDS.contains(&word))
}

/// Reads what begins with a number sign.
pub(super) fn directive(cursor: &mut Cursor<'_>, nodes: &mut Block) -> Parsed<()> {
    if cursor.take("##") {
        cursor.take_through("\n");
        return Ok(());
    }
    if cursor.take("#*") {
        cursor.take_through("*#");
        return Ok(());
    }
    if cursor.take("#[[") {
        let characters: Vec<char> = cursor.take_through("]]#").chars().collect();
        text(nodes, &characters);
        return Ok(());
    }
    let before = cursor.clone();
    let node = match take_word(cursor) {
        Some("set") => set(cursor),
        Some("if") => branches(cursor),
        Some("foreach") => foreach(cursor),
        Some("define") => define(cursor),
        Some("macro") => macro_of(cursor),
        Some("break") => Ok(alone(cursor, Node::Break)),
        Some("stop") => Ok(alone(cursor, Node::Stop)),
        _ => {
            *cursor = before;
            match call(cursor) {
                Some(call) => nodes.push(call),
                None => text(nodes, cursor.next().as_slice()),
            }
            return Ok(());
        }
    };
    nodes.push(node?);
    Ok(())
}

fn alone(cursor: &mut Cursor<'_>, node: Node) -> Node {
    cursor.skip_end_of_line();
    node
}

fn set(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.expect("(")?;
    cursor.skip_space();
    let target = reference::reference(cursor)?;
    let target = target.ok_or_else(|| cursor.error("#set needs a reference".to_owned()))?;
    cursor.expect("=")?;
    let value = expression::expression(cursor)?;
    cursor.expect(")")?;
    Ok(alone(cursor, Node::Set { target, value }))
}

fn branches(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    let mut branches = Vec::new();
    let mut otherwise = Block::new();
    branches.push(branch(cursor)?);
    loop {
        match take_word(cursor) {
            Some("elseif") => branches.push(branch(cursor)?),
            Some("else") => {
                cursor.skip_end_of_line();
                otherwise = block(cursor)?;
            }
            Some("end") => return Ok(alone(cursor, Node::If { branches, otherwise })),
            _ => return Err(cursor.error("#if without #end".to_owned())),
        }
    }
}

fn branch(cursor: &mut Cursor<'_>) -> Parsed<(Expression, Block)> {
    cursor.expect("(")?;
    let condition = expression::expression(cursor)?;
    cursor.expect(")")?;
    cursor.skip_end_of_line();
    Ok((condition, block(cursor)?))
}

fn foreach(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.expect("(")?;
    let name = variable(cursor)?;
    cursor.expect("in")?;
    let values = expression::expression(cursor)?;
    cursor.expect(")")?;
    let body = body(cursor, "foreach")?;
    Ok(Node::Foreach { name, values, body })
}

fn define(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.expect("(")?;
    let name = variable(cursor)?;
    cursor.expect(")")?;
    let body = body(cursor, "define")?;
    Ok(Node::Define { name, body: Arc::new(body) })
}

fn macro_of(cursor: &mut Cursor<'_>) -> Parsed<Node> {
    cursor.expect("(")?;
    cursor.skip_space();
    let name = cursor.name().ok_or_else(|| cursor.error("#macro needs a name".to_owned()))?.to_owned();
    let mut parameters = Vec::new();
    loop {
        cursor.skip_space();
        cursor.take(",");
        cursor.skip_space();
        if cursor.take(")") {
            break;
        }
        parameters.push(variable(cursor)?);
    }
    let body = body(cursor, "macro")?;
    Ok(Node::Macro(Arc::new(Macro { name, parameters, body })))
}

/// What is between a directive and its end.
fn body(cursor: &mut Cursor<'_>, of: &str) -> Parsed<Block> {
    cursor.skip_end_of_line();
    let body = block(cursor)?;
    match take_word(cursor) {
        Some("end") => {
            cursor.skip_end_of_line();
            Ok(body)
        }
        _ => Err(cursor.error(format!("#{of} without #end"))),
    }
}

/// A reference that is a name alone.
fn variable(cursor: &mut Cursor<'_>) -> Parsed<String> {
    cursor.skip_space();
    match reference::reference(cursor)? {
        Some(path) if path.steps.is_empty() => Ok(path.root),
        _ => Err(cursor.error("a name is missing".to_owned())),
    }
}

/// `#name(arguments)`; anything else that begins with a number sign is text.
fn call(cursor: &mut Cursor<'_>) -> Option<Node> {
    let before = cursor.clone();
    let read = |cursor: &mut Cursor<'_>| {
        cursor.take("#");
        let is_formal = cursor.take("{");
        let name = cursor.name()?.to_owned();
        (!is_formal || cursor.take("}")).then_some(())?;
        cursor.take("(").then_some(())?;
        let arguments = expression::list(cursor, ")").ok()?;
        Some((name, arguments))
    };
    match read(cursor) {
        Some((name, arguments)) => {
            let written = before.until(cursor).to_owned();
            cursor.skip_end_of_line();
            Some(Node::Call { name, arguments, written })
        }
        None => {
            *cursor = before;
            None
        }
    }
}
