//! What holds policies: roles, users and groups, which differ in their words and limits.

use super::{
    Handled,
    records::{Group, HeldPolicies, Record, Role, User},
    roles,
};

/// An entity with policies.
pub(super) trait Holder: Record {
    /// What messages call it.
    const NOUN: &'static str;
    /// The quota of attachments, as messages name it.
    const QUOTA: &'static str;
    /// Characters of all its inline policies together, white space left out.
    const INLINE_CHARACTERS_MAX: usize;

    /// Its policies.
    fn held(&self) -> &HeldPolicies;

    /// Its policies.
    fn held_mut(&mut self) -> &mut HeldPolicies;

    /// Whether they may be changed.
    fn is_changeable(&self) -> Handled<()> {
        Ok(())
    }
}

impl Holder for Role {
    const NOUN: &'static str = "role";
    const QUOTA: &'static str = "PoliciesPerRole";
    const INLINE_CHARACTERS_MAX: usize = 10_240;

    fn held(&self) -> &HeldPolicies {
        &self.policies
    }

    fn held_mut(&mut self) -> &mut HeldPolicies {
        &mut self.policies
    }

    fn is_changeable(&self) -> Handled<()> {
        roles::is_changeable(self)
    }
}

impl Holder for User {
    const NOUN: &'static str = "user";
    const QUOTA: &'static str = "PoliciesPerUser";
    const INLINE_CHARACTERS_MAX: usize = 2_048;

    fn held(&self) -> &HeldPolicies {
        &self.policies
    }

    fn held_mut(&mut self) -> &mut HeldPolicies {
        &mut self.policies
    }
}

impl Holder for Group {
    const NOUN: &'static str = "group";
    const QUOTA: &'static str = "PoliciesPerGroup";
    const INLINE_CHARACTERS_MAX: usize = 5_120;

    fn held(&self) -> &HeldPolicies {
        &self.policies
    }

    fn held_mut(&mut self) -> &mut HeldPolicies {
        &mut self.policies
    }
}
