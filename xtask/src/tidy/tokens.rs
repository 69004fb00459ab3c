//! Reading token trees: which paths a file names, and which words it uses.
//!
//! Tokens rather than syntax, because the inside of a macro call (`println!("{}", std::env::var(..))`) is
//! tokens only, and a rule that a macro can evade is no rule.

use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};

/// A name or path as written, with `use` trees multiplied out, and the line where it begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    /// Segments joined by `::`.
    pub(crate) path: String,
    pub(crate) line: usize,
}

/// Every path in the tokens: `a::b::c` once, `use a::{b, c::d}` as `a::b` and `a::c::d`. Single words are
/// paths of one segment.
pub(crate) fn paths(tokens: &TokenStream) -> Vec<NamedPath> {
    let mut found = Vec::new();
    collect(tokens.clone(), "", &mut found);
    found
}

fn collect(tokens: TokenStream, prefix: &str, found: &mut Vec<NamedPath>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while index < trees.len() {
        match &trees[index] {
            TokenTree::Ident(first) => index = path_from(&trees, index, first, prefix, found),
            TokenTree::Group(group) => {
                collect(group.stream(), "", found);
                index += 1;
            }
            _ => index += 1,
        }
    }
}

/// Reads one path that starts with `first` at `index`; returns the index behind it.
fn path_from(
    trees: &[TokenTree],
    index: usize,
    first: &Ident,
    prefix: &str,
    found: &mut Vec<NamedPath>,
) -> usize {
    let line = first.span().start().line;
    let mut path = format!("{prefix}{}", plain(first));
    let mut next = index + 1;
    while is_path_separator(trees, next) {
        match trees.get(next + 2) {
            Some(TokenTree::Ident(segment)) => {
                path = format!("{path}::{}", plain(segment));
                next += 3;
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                collect(group.stream(), &format!("{path}::"), found);
                return next + 3;
            }
            _ => break,
        }
    }
    found.push(NamedPath { path, line });
    next
}

fn plain(word: &Ident) -> String {
    word.to_string().trim_start_matches("r#").to_owned()
}

fn is_path_separator(trees: &[TokenTree], index: usize) -> bool {
    let joint = matches!(trees.get(index), Some(TokenTree::Punct(p)) if p.as_char() == ':' && p.spacing() == Spacing::Joint);
    joint && matches!(trees.get(index + 1), Some(TokenTree::Punct(p)) if p.as_char() == ':')
}

/// Lines where the macro `name!` is called.
pub(crate) fn macro_calls(tokens: &TokenStream, name: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (index, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Ident(word) if *word == name => {
                let follows = matches!(trees.get(index + 1), Some(TokenTree::Punct(p)) if p.as_char() == '!');
                let called = matches!(trees.get(index + 2), Some(TokenTree::Group(_)));
                if follows && called {
                    lines.push(word.span().start().line);
                }
            }
            TokenTree::Group(group) => lines.extend(macro_calls(&group.stream(), name)),
            _ => {}
        }
    }
    lines
}

/// Lines where an attribute starts with `name`: `#[ignore]`, `#[ignore = ".."]`, `#[cfg_attr(x, ignore)]`.
pub(crate) fn attributes(tokens: &TokenStream, name: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (index, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else { continue };
        let before = |back: usize| index.checked_sub(back).and_then(|i| trees.get(i));
        let hash = |tree: Option<&TokenTree>| matches!(tree, Some(TokenTree::Punct(p)) if p.as_char() == '#');
        let bang = matches!(before(1), Some(TokenTree::Punct(p)) if p.as_char() == '!');
        if group.delimiter() == Delimiter::Bracket && (hash(before(1)) || bang && hash(before(2))) {
            lines.extend(
                paths(&group.stream()).into_iter().filter(|named| named.path == name).map(|named| named.line),
            );
        } else {
            lines.extend(attributes(&group.stream(), name));
        }
    }
    lines
}
