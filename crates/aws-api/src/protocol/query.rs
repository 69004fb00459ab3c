//! AWS's query protocol: a form with `Action` goes in, XML comes out, both guided by the service's table.

mod decode;
mod dialect;
mod encode;
mod form;
pub use decode::decode;
pub use dialect::{Dialect, Flat};
pub use encode::{encode, encode_error};
pub use form::Form;

use crate::schema::{OperationSchema, ServiceModel};

/// The content type of every answer.
pub const CONTENT_TYPE: &str = "text/xml";

/// The operation that a form asks for with `Action`.
pub fn operation(model: &ServiceModel, form: &Form) -> Option<&'static OperationSchema> {
    let action = form.get("Action")?;
    model.operations.iter().find(|operation| operation.name == action)
}
