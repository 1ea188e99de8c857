//! Roles that an application keeps in tables of its own: what they give to whom, and where that
//! differs from the policy.

mod drift;
mod kind;
mod names;
mod read;

use std::collections::{BTreeMap, BTreeSet};

pub use drift::drifts;
pub use kind::{Drift, DriftKind};
pub use names::RoleTables;
pub use read::{NotRead, read};

/// What the tables say. All ids are texts, whatever the columns are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// The type of whoever has roles: `user`.
    pub subject_type: String,
    /// The names of roles, by id.
    pub roles: BTreeMap<String, String>,
    /// The permissions, by id.
    pub permissions: BTreeMap<String, Permission>,
    /// Rows that give a permission to a role.
    pub grants: BTreeSet<Pair>,
    /// Rows by which a role has all that another one has: the parent, then the child.
    pub hierarchy: BTreeSet<Pair>,
    /// Rows that give a role to somebody.
    pub assignments: BTreeSet<Assignment>,
    /// The permissions that each role has in the end, by ids: through the whole hierarchy.
    pub effective: BTreeMap<String, BTreeSet<String>>,
    /// How the tables and columns are called, to name rows.
    pub called: Called,
}

/// What is permitted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The type of resource; `*` for all.
    pub resource: String,
    /// The action; `*` for all of the type.
    pub action: String,
}

/// A row of two ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// The role that gets something.
    pub to: String,
    /// What it gets.
    pub gets: String,
}

/// That somebody has a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// Who.
    pub user: String,
    /// Which role, by its id.
    pub role: String,
    /// In which tenant, where the tables know tenants.
    pub tenant: Option<String>,
    /// Who gave it.
    pub granted_by: Option<String>,
    /// When.
    pub granted_at: Option<String>,
}

/// How tables and columns are called, by the keys of the file that names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Called {
    tables: BTreeMap<&'static str, String>,
    columns: BTreeMap<(&'static str, &'static str), String>,
}

impl Called {
    /// "role_permissions (role_id = 3, permission_id = 9)"
    fn row(&self, table: &'static str, values: &[(&'static str, &str)]) -> String {
        let name = self.tables.get(table).map_or(table, String::as_str);
        let values: Vec<String> = values
            .iter()
            .map(|(column, value)| {
                let named = self.columns.get(&(table, *column));
                format!("{} = {value}", named.map_or(*column, String::as_str))
            })
            .collect();
        format!("{name} ({})", values.join(", "))
    }
}
