//! Operations on single objects.

mod archive;
mod attributes;
mod copying;
mod deleting;
mod putting;
mod reading;

pub(super) use archive::{check_readable, restore_object};
pub(super) use attributes::get_object_attributes;
pub(super) use copying::{copy_object, source};
pub(super) use deleting::{delete_object, delete_objects};
pub(super) use putting::put_object;
pub(super) use reading::{Found, find, get_object, head_object};

use super::error::{Refusal, refuse};

pub(super) fn no_such_key(key: &str) -> Refusal {
    refuse("NoSuchKey", "The specified key does not exist.").with("Key", key)
}
