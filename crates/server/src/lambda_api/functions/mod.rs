//! The life of a function: create, read, list, update, delete.

mod code_source;
mod create;
mod delete;
mod get;
mod list;
mod settings;
mod update_code;
mod update_configuration;
