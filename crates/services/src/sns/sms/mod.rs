//! Text messages: settings of the account, and numbers. What is sent is kept to be read; no telephone ever rings.

mod attributes;
mod numbers;
mod sandbox;

pub(super) use numbers::is_phone_number;
