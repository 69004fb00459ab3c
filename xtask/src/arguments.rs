//! The one argument that some commands take: `--option NUMBER`.

use std::str::FromStr;

use crate::failure::Failure;

/// The number behind `option`, or `default` where nothing is given.
///
/// # Errors
/// For anything else, with the usage of `command`.
pub(crate) fn number<T: FromStr>(
    arguments: &[String],
    (command, option): (&str, &str),
    default: T,
) -> Result<T, Failure> {
    let wrong = || Failure::new(format!("usage: cargo xtask {command} [{option} NUMBER]"));
    match arguments {
        [] => Ok(default),
        [name, number] if name == option => number.parse().map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}
