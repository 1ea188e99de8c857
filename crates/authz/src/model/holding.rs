//! What roles hold, for those who compare a policy with what another place says of the same roles.

use super::Policy;
use crate::source::Place;

impl Policy {
    /// Where a role is declared.
    pub fn role_place(&self, role: &str) -> Option<&Place> {
        self.roles.get(role)?.place.as_ref()
    }

    /// The roles that a role includes itself.
    pub fn roles_included(&self, role: &str) -> impl Iterator<Item = &str> {
        let included = self.roles.get(role).map(|role| role.includes.as_slice());
        let included = included.unwrap_or_default().iter();
        included.filter_map(|index| Some(&**self.roles.get_index(*index)?.0))
    }

    /// The role in whose `can` an action stands that a role grants: the role itself, or one that it
    /// includes.
    pub fn role_that_grants(&self, role: &str, type_name: &str, action: &str) -> Option<&str> {
        let number = self.types.get(type_name)?.actions.get(action)?.number;
        let granting = self.roles.get(role)?.grant(number, false)?;
        Some(self.roles.get_index(granting)?.0)
    }
}
