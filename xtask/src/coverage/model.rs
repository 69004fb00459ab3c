//! Operations and their errors, out of the tables that `cargo xtask codegen` wrote.

use syn::visit::{self, Visit};

use crate::failure::Failure;

/// One operation of the API model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Such as `CreateFunction`.
    pub(crate) name: String,
    /// Exceptions that it may give, in the model's order.
    pub(crate) errors: Vec<String>,
}

/// Reads `operations.rs` and `shapes.rs`.
///
/// # Errors
/// When they do not look as generated.
pub(crate) fn operations(operations: &str, shapes: &str) -> Result<Vec<Operation>, Failure> {
    let shapes: Vec<String> = entries(shapes, "Shape")?.into_iter().map(|(name, _)| name).collect();
    let found = entries(operations, "OperationSchema")?;
    let with_names = found.into_iter().map(|(name, errors)| {
        let errors = errors.iter().map(|index| shapes.get(*index).cloned()).collect::<Option<Vec<_>>>();
        errors.map(|errors| Operation { name, errors })
    });
    let operations: Option<Vec<Operation>> = with_names.collect();
    match operations {
        Some(operations) if !operations.is_empty() => Ok(operations),
        _ => Err(Failure::new("the generated tables of operations and shapes do not fit together")),
    }
}

/// `name` and `errors` of each literal of the structure `kind`, in the order of the file.
fn entries(text: &str, kind: &'static str) -> Result<Vec<(String, Vec<usize>)>, Failure> {
    let file = syn::parse_file(text).map_err(|error| Failure::during("generated code", error))?;
    let mut literals = Literals { kind, found: Vec::new() };
    literals.visit_file(&file);
    Ok(literals.found)
}

struct Literals {
    kind: &'static str,
    found: Vec<(String, Vec<usize>)>,
}

impl<'ast> Visit<'ast> for Literals {
    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        if literal.path.is_ident(self.kind) {
            let field = |name: &str| {
                let mut fields = literal.fields.iter();
                fields.find(|field| matches!(&field.member, syn::Member::Named(ident) if ident == name))
            };
            let name = field("name").and_then(|field| text_of(&field.expr)).unwrap_or_default();
            let errors = field("errors").map(|field| numbers_in(&field.expr)).unwrap_or_default();
            self.found.push((name, errors));
        }
        visit::visit_expr_struct(self, literal);
    }
}

fn text_of(expression: &syn::Expr) -> Option<String> {
    match expression {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// The numbers of `&[1, 2, 3]`.
fn numbers_in(expression: &syn::Expr) -> Vec<usize> {
    match expression {
        syn::Expr::Reference(reference) => numbers_in(&reference.expr),
        syn::Expr::Array(array) => array.elems.iter().flat_map(numbers_in).collect(),
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(number), .. }) => {
            number.base10_parse().into_iter().collect()
        }
        _ => Vec::new(),
    }
}
