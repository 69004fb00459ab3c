//! Tidy over the checkout itself, so that `cargo test` finds what `cargo xtask tidy` finds.

use super::*;

#[test]
fn the_checkout_is_tidy() {
    let found = violations(&shell::repository_root()).expect("the checkout can be read");
    let list: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "\n{}\n", list.join("\n\n"));
}
