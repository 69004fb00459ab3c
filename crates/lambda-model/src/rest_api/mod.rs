//! Rules of API Gateway's REST APIs, as pure functions: which resource a request takes, which parameters go where, which template is used,
//! what is answered where an integration is not asked. Requests as events of functions are in [`crate::http_event`], templates in
//! [`crate::vtl`].

pub mod media;
pub mod parameters;
pub mod resources;
pub mod responses;
