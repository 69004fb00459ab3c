//! How long files and functions are.
//!
//! A file's own lines are its lines without inline `#[cfg(test)]` modules. A function is measured from the
//! line of `fn` to its closing brace. Generated code is not measured.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::workspace::{RustFile, Workspace};

/// The longest file that still reads as one idea.
pub(crate) const FILE_LINES_MAX: usize = 500;
/// The longest function that still fits on a screen.
pub(crate) const FUNCTION_LINES_MAX: usize = 70;

/// What is measured, as written in the exceptions file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    FileLines,
    FunctionLines,
}

impl Measure {
    /// The word for it in `tidy-exceptions.txt`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::FileLines => "file-lines",
            Self::FunctionLines => "function-lines",
        }
    }

    /// The length that needs no exception.
    pub(crate) fn max(self) -> usize {
        match self {
            Self::FileLines => FILE_LINES_MAX,
            Self::FunctionLines => FUNCTION_LINES_MAX,
        }
    }
}

/// One file or function with its length.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) measure: Measure,
    /// The file, or the file, `::` and the function.
    pub(crate) place: String,
    pub(crate) lines: usize,
}

/// The length of every file and function that people write: Rust, and the bootstraps and tests in Python
/// and JavaScript (files only).
pub(crate) fn measure(workspace: &Workspace) -> Vec<Length> {
    let mut lengths = Vec::new();
    for file in workspace.rust.iter().filter(|file| !file.is_generated()) {
        lengths.extend(measure_rust(file));
    }
    let scripts = [".py", ".js", ".mjs", ".cjs", ".sh"];
    for file in workspace.texts.iter().filter(|file| scripts.iter().any(|end| file.path.ends_with(end))) {
        lengths.push(Length {
            measure: Measure::FileLines,
            place: file.path.clone(),
            lines: file.text.lines().count(),
        });
    }
    lengths
}

/// The length of one Rust file and of each function in it.
pub(crate) fn measure_rust(file: &RustFile) -> Vec<Length> {
    let Some(syntax) = &file.syntax else { return Vec::new() };
    let inline_tests: usize = syntax.items.iter().map(inline_test_lines).sum();
    let own = file.text.lines().count() - inline_tests;
    let whole = Length { measure: Measure::FileLines, place: file.path.clone(), lines: own };
    let mut functions = Functions { path: &file.path, inside: Vec::new(), lengths: vec![whole] };
    functions.visit_file(syntax);
    functions.lengths
}

fn inline_test_lines(item: &syn::Item) -> usize {
    match item {
        syn::Item::Mod(module) if module.content.is_some() && is_for_tests(&module.attrs) => {
            lines_between(module.span(), module.span())
        }
        _ => 0,
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|argument| argument.is_ident("test"))
    })
}

fn lines_between(start: Span, end: Span) -> usize {
    end.end().line + 1 - start.start().line
}

/// Walks a file and notes each function under the names of what it stands in.
struct Functions<'a> {
    path: &'a str,
    inside: Vec<String>,
    lengths: Vec<Length>,
}

impl Functions<'_> {
    fn note(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let mut names = self.inside.clone();
        names.push(signature.ident.to_string());
        self.lengths.push(Length {
            measure: Measure::FunctionLines,
            place: format!("{}::{}", self.path, names.join("::")),
            lines: lines_between(signature.span(), block.span()),
        });
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.note(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let name = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        self.inside.push(name.unwrap_or_else(|| "impl".to_owned()));
        visit::visit_item_impl(self, item);
        self.inside.pop();
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.inside.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.inside.pop();
    }
}

#[cfg(test)]
mod tests;
