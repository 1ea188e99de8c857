//! How the tables of roles are called: the usual names, and a file that says otherwise.

use std::collections::BTreeMap;

use authz::source::yaml::{self, Fields, Node};
use authz::source::{Diagnostic, Diagnostics, Place, Source};

/// The version of the file's form.
const VERSION: u64 = 1;

/// A table as it usually is.
struct Usual {
    key: &'static str,
    table: &'static str,
    /// Whether there need not be one of that name.
    optional: bool,
    columns: &'static [UsualColumn],
}

struct UsualColumn {
    key: &'static str,
    /// The usual name; where it is empty, there is no such column unless one is named.
    name: &'static str,
    /// Whether there need not be one of that name.
    optional: bool,
}

const fn column(key: &'static str, name: &'static str) -> UsualColumn {
    UsualColumn {
        key,
        name,
        optional: false,
    }
}

const fn optional(key: &'static str, name: &'static str) -> UsualColumn {
    UsualColumn {
        key,
        name,
        optional: true,
    }
}

/// The five tables of role-based access control as applications keep them.
const USUAL: [Usual; 5] = [
    Usual {
        key: "roles",
        table: "roles",
        optional: false,
        columns: &[column("id", "id"), column("name", "name")],
    },
    Usual {
        key: "permissions",
        table: "permissions",
        optional: false,
        columns: &[
            column("id", "id"),
            column("resource", "resource"),
            column("action", "action"),
        ],
    },
    Usual {
        key: "grants",
        table: "role_permissions",
        optional: false,
        columns: &[
            column("role", "role_id"),
            column("permission", "permission_id"),
        ],
    },
    Usual {
        key: "hierarchy",
        table: "role_hierarchy",
        optional: true,
        columns: &[
            column("parent", "parent_role_id"),
            column("child", "child_role_id"),
        ],
    },
    Usual {
        key: "assignments",
        table: "user_roles",
        optional: true,
        columns: &[
            column("user", "user_id"),
            column("role", "role_id"),
            optional("tenant", ""),
            optional("granted_by", "granted_by"),
            optional("granted_at", "granted_at"),
        ],
    },
];

/// How the tables of roles are called.
#[derive(Debug, Clone)]
pub struct RoleTables {
    /// The type of whoever has roles.
    pub(super) subject_type: String,
    /// By key.
    pub(super) tables: BTreeMap<&'static str, Table>,
}

/// A table by its name.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: Name,
    /// By key, in the order in which rows are told.
    pub(super) columns: Vec<(&'static str, Name)>,
}

/// A name, and where it was given.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) text: String,
    /// Where the file says so; `None` for a usual name.
    pub(super) place: Option<Place>,
    /// Whether there need not be anything of that name.
    pub(super) optional: bool,
}

impl Default for RoleTables {
    fn default() -> Self {
        let tables = USUAL.iter().map(|usual| (usual.key, Table::usual(usual)));
        Self {
            subject_type: "user".to_owned(),
            tables: tables.collect(),
        }
    }
}

impl RoleTables {
    /// Reads the file that names them; what it leaves out is called as usual.
    ///
    /// # Errors
    /// All mistakes in it.
    pub fn from_source(source: &Source) -> Result<Self, Vec<Diagnostic>> {
        let mut diagnostics = Diagnostics::default();
        let read = yaml::read(source, &mut diagnostics);
        let read = read.and_then(|node| Self::from_node(&node, &mut diagnostics));
        diagnostics.into_result(read)
    }

    fn from_node(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut fields = node.fields(diagnostics)?;
        let version = fields.required("version", diagnostics);
        if let Some(version) = version {
            version.integer(VERSION, VERSION, diagnostics);
        }
        let mut read = Self::default();
        if let Some(subjects) = fields.optional("subjects") {
            read.subject_type = subjects.text(diagnostics)?.to_owned();
        }
        for usual in &USUAL {
            if let Some(node) = fields.optional(usual.key) {
                let table = Table::from_node(node, usual, diagnostics);
                read.tables.extend(table.map(|table| (usual.key, table)));
            }
        }
        fields.finish(diagnostics);
        Some(read)
    }
}

impl Table {
    fn usual(usual: &Usual) -> Self {
        let columns = usual.columns.iter().filter(|it| !it.name.is_empty());
        Self {
            name: Name::usual(usual.table, usual.optional),
            columns: columns
                .map(|it| (it.key, Name::usual(it.name, it.optional)))
                .collect(),
        }
    }

    /// `{ table: app.roles, id: role_id }`
    fn from_node(node: &Node, usual: &Usual, diagnostics: &mut Diagnostics) -> Option<Self> {
        let mut fields = node.fields(diagnostics)?;
        let mut table = Self::usual(usual);
        if let Some(name) = named(&mut fields, "table", diagnostics) {
            table.name = name;
        }
        for column in usual.columns {
            let Some(name) = named(&mut fields, column.key, diagnostics) else {
                continue;
            };
            table.columns.retain(|(key, _)| *key != column.key);
            table.columns.push((column.key, name));
        }
        fields.finish(diagnostics);
        Some(table)
    }
}

fn named(
    fields: &mut Fields<'_>,
    key: &'static str,
    diagnostics: &mut Diagnostics,
) -> Option<Name> {
    let node = fields.optional(key)?;
    let text = node.text(diagnostics)?.to_owned();
    Some(Name {
        text,
        place: Some(node.place.clone()),
        optional: false,
    })
}

impl Name {
    fn usual(text: &str, optional: bool) -> Self {
        Self {
            text: text.to_owned(),
            place: None,
            optional,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_all_at_once() {
        let text = "version: 2\nroles: { tabel: app.roles }\ngrant: {}\nhierarchy: [1]\n";
        let source = Source::new("role-tables.yaml", text);
        let mistakes = RoleTables::from_source(&source).unwrap_err();
        let told: Vec<&str> = mistakes.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told.iter().any(|it| it.contains("unknown key `tabel`")));
        assert!(told.iter().any(|it| it.contains("unknown key `grant`")));
    }

    #[test]
    fn what_is_not_named_is_called_as_usual() {
        let text = "version: 1\nsubjects: member\nassignments: { tenant: org_id }\n";
        let source = Source::new("role-tables.yaml", text);
        let read = RoleTables::from_source(&source).unwrap();
        assert_eq!(read.subject_type, "member");
        let assignments = &read.tables["assignments"];
        assert_eq!(assignments.name.text, "user_roles");
        let columns: Vec<&str> = assignments.columns.iter().map(|(key, _)| *key).collect();
        assert_eq!(
            columns,
            ["user", "role", "granted_by", "granted_at", "tenant"]
        );
    }
}
