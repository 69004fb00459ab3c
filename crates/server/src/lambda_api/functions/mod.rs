//! The life of a function: create, read, list, update, delete.

mod code_source;
mod create;
mod delete;
mod get;
mod layers;
mod list;
mod settings;
mod update_code;
mod update_configuration;

pub(super) use code_source::package;
pub(super) use update_code::check_revision;
