//! Which operations have a handler: the arms of the dispatch, `O::CreateFunction => ...`, and the lines of a table,
//! `operations! { CreateFunction => create_function, ... }`.

use syn::visit::{self, Visit};

use crate::failure::Failure;

/// The operations that the dispatch names in a pattern of the function `run`, or in the table.
///
/// # Errors
/// When the file does not parse or there is no such function with such arms.
pub(crate) fn of_dispatch(text: &str) -> Result<Vec<String>, Failure> {
    let file = syn::parse_file(text).map_err(|error| Failure::during("the dispatch of operations", error))?;
    let mut arms = Arms { inside: false, found: Vec::new() };
    arms.visit_file(&file);
    match arms.found.is_empty() {
        true => Err(Failure::new("the dispatch of operations has no arms of the form `O::Operation =>`")),
        false => Ok(arms.found),
    }
}

struct Arms {
    inside: bool,
    found: Vec<String>,
}

impl<'ast> Visit<'ast> for Arms {
    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.inside = function.sig.ident == "run";
        visit::visit_impl_item_fn(self, function);
        self.inside = false;
    }

    fn visit_macro(&mut self, table: &'ast syn::Macro) {
        if table.path.is_ident("operations") {
            let mut tokens = Vec::new();
            flatten(table.tokens.clone(), &mut tokens);
            let named = tokens.windows(3).filter(|line| line[1] == "=" && line[2] == ">");
            self.found.extend(named.map(|line| line[0].clone()));
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if self.inside {
            self.found.extend(operations_in(&arm.pat));
        }
        visit::visit_arm(self, arm);
    }
}

/// The words and signs of a table, whatever braces they are in.
fn flatten(tokens: proc_macro2::TokenStream, into: &mut Vec<String>) {
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Group(group) => flatten(group.stream(), into),
            other => into.push(other.to_string()),
        }
    }
}

fn operations_in(pattern: &syn::Pat) -> Vec<String> {
    match pattern {
        syn::Pat::Or(or) => or.cases.iter().flat_map(operations_in).collect(),
        syn::Pat::Path(path) => {
            let segments: Vec<String> =
                path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            match segments.as_slice() {
                [kind, name] if kind == "O" || kind == "Operation" => vec![name.clone()],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}
