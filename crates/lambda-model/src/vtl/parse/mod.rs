//! From text to syntax: text, references and directives here, what has a value in [`expression`], names and paths in [`reference`].

mod cursor;
mod directive;
mod expression;
mod reference;

use super::{
    SyntaxError,
    syntax::{Block, Node},
};

use cursor::Cursor;

/// How deep things may be in each other.
const DEPTH_MAX: usize = 64;

/// What a part of the parser gives.
type Parsed<T> = Result<T, SyntaxError>;

/// Reads a whole template.
pub(super) fn template(text: &str) -> Parsed<Block> {
    let mut cursor = Cursor::new(text);
    let block = block(&mut cursor)?;
    match directive::word(&cursor) {
        Some(word) => Err(cursor.error(format!("#{word} without what it belongs to"))),
        None => Ok(block),
    }
}

/// Reads until the text ends, or a directive comes that ends a block.
fn block(cursor: &mut Cursor<'_>) -> Parsed<Block> {
    cursor.deepen(|cursor| {
        let mut nodes = Block::new();
        while !cursor.is_at_end() && !directive::ends_block(cursor) {
            node(cursor, &mut nodes)?;
        }
        Ok(nodes)
    })
}

fn node(cursor: &mut Cursor<'_>, nodes: &mut Block) -> Parsed<()> {
    match cursor.peek() {
        Some('\\') => escaped(cursor, nodes),
        Some('$') => match reference::reference(cursor)? {
            Some(path) => nodes.push(Node::Reference(path)),
            None => text(nodes, cursor.next().as_slice()),
        },
        Some('#') => directive::directive(cursor, nodes)?,
        _ => {
            let plain = cursor.take_until(['\\', '$', '#']);
            match nodes.last_mut() {
                Some(Node::Text(before)) => before.push_str(plain),
                _ => nodes.push(Node::Text(plain.to_owned())),
            }
        }
    }
    Ok(())
}

/// Backslashes before a reference or a directive: each pair is one, and a single one keeps what follows as it is written.
fn escaped(cursor: &mut Cursor<'_>, nodes: &mut Block) {
    let count = cursor.take_while(|character| character == '\\').len();
    let behind = cursor.clone();
    let written = match cursor.peek() {
        Some('$') => match reference::reference(cursor) {
            Ok(Some(_)) => behind.until(cursor),
            _ => "",
        },
        Some('#') => directive::written_word(cursor),
        _ => "",
    };
    if written.is_empty() || count.is_multiple_of(2) {
        *cursor = behind;
    }
    let shown = if written.is_empty() { count } else { count / 2 };
    text(nodes, &vec!['\\'; shown]);
    if !written.is_empty() && !count.is_multiple_of(2) {
        let characters: Vec<char> = written.chars().collect();
        text(nodes, &characters);
    }
}

fn text(nodes: &mut Block, characters: &[char]) {
    if characters.is_empty() {
        return;
    }
    if !matches!(nodes.last(), Some(Node::Text(_))) {
        nodes.push(Node::Text(String::new()));
    }
    if let Some(Node::Text(before)) = nodes.last_mut() {
        before.extend(characters);
    }
}
