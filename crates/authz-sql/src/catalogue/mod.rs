//! What the catalogues of a database say of who may do what: read in a few queries, in one
//! transaction that changes nothing, into plain data.

mod expression;
mod queries;
mod read;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use expression::FIRST_OF_USERS;
pub use expression::{Arm, Column, ColumnOf, Expression};
pub use read::read;

/// The number of an object (`oid`). 0 as a role is PUBLIC, which is everybody.
pub type Id = u32;

/// Everybody.
pub const PUBLIC: Id = 0;

/// What the catalogues of a database say. Nothing of the system itself and of extensions is in it,
/// but for their roles.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// The name of the database.
    pub database: String,
    /// The version of the server, as `server_version_num` has it: 150018.
    pub version: u32,
    /// As whom it was read.
    pub reader: Reader,
    /// All roles of the cluster.
    pub roles: BTreeMap<Id, Role>,
    /// Who is a member of which role.
    pub memberships: Vec<Membership>,
    /// The schemas.
    pub schemas: BTreeMap<Id, Schema>,
    /// Tables, views, materialised views and sequences.
    pub relations: BTreeMap<Id, Relation>,
    /// Policies of row security, in the order of their tables and names.
    pub policies: Vec<Policy>,
    /// Functions and procedures.
    pub functions: BTreeMap<Id, Function>,
    /// What was granted, on what.
    pub grants: Vec<Grant>,
    /// What is granted on objects to come.
    pub default_privileges: Vec<DefaultPrivilege>,
    /// What views read, directly.
    pub view_reads: BTreeMap<Id, BTreeSet<Id>>,
    /// The tables and views that functions read whose names were looked up when they were made, and
    /// that call nothing of a user's. What others read stands in their bodies alone.
    pub function_reads: BTreeMap<Id, BTreeSet<Id>>,
    /// The columns that some index begins with.
    pub indexed: BTreeSet<(Id, Column)>,
    /// Settings that have a value before anybody sets them.
    pub settings: BTreeSet<String>,
    /// Since when the statistics of use count, if they were ever reset.
    pub counted_since: Option<String>,
}

/// As whom a catalogue was read.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    /// The role.
    pub id: Id,
    /// The name of the role, quoted where it must be.
    pub name: String,
    /// Whether it is a superuser.
    pub superuser: bool,
}

/// A role.
#[derive(Debug, Clone, Default)]
pub struct Role {
    /// The name as it is.
    pub bare: String,
    /// The name, quoted where it must be.
    pub name: String,
    /// Whether it may log in.
    pub login: bool,
    /// Whether it may connect to this database.
    pub connects: bool,
    /// Whether it is a superuser.
    pub superuser: bool,
    /// Whether no policy binds it.
    pub bypasses: bool,
    /// Whether it may make roles, and before PostgreSQL 16 grant nearly all.
    pub creates_roles: bool,
    /// Whether it has what the roles have that it is a member of, without `SET ROLE`.
    pub inherits: bool,
    /// Whether the server brought it along.
    pub built_in: bool,
    /// What is remarked on it.
    pub comment: String,
}

/// That somebody is a member of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The role.
    pub role: Id,
    /// The member.
    pub member: Id,
    /// Whether the member may make others members.
    pub admin: bool,
    /// Whether the member has what the role has, without `SET ROLE`.
    pub inherits: bool,
    /// Whether the member may `SET ROLE` to it.
    pub sets: bool,
}

/// A schema.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The name as it is.
    pub bare: String,
    /// The name, quoted where it must be.
    pub name: String,
    /// Who owns it.
    pub owner: Id,
    /// What is remarked on it.
    pub comment: String,
}

/// What kind of relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RelationKind {
    /// A table, with or without partitions.
    #[default]
    Table,
    /// A view.
    View,
    /// A materialised view.
    MaterialisedView,
    /// A sequence.
    Sequence,
    /// A table of another server.
    ForeignTable,
}

/// A table, a view, a sequence.
#[derive(Debug, Clone, Default)]
pub struct Relation {
    /// The name with its schema, quoted where it must be.
    pub name: String,
    /// The schema.
    pub schema: Id,
    /// What kind.
    pub kind: RelationKind,
    /// Who owns it.
    pub owner: Id,
    /// Whether policies are in force.
    pub row_security: bool,
    /// Whether they bind its owner too.
    pub forced: bool,
    /// Whether it is a view that reads as whoever asks.
    pub security_invoker: bool,
    /// Whether it is a view whose own conditions come before those of a query on it.
    pub security_barrier: bool,
    /// Whether it is a view that leaves out rows.
    pub filters: bool,
    /// The tables of which it is a partition or an heir.
    pub parents: Vec<Id>,
    /// The names of its columns, quoted where they must be.
    pub columns: BTreeMap<Column, String>,
    /// What is remarked on it.
    pub comment: String,
    /// What it was used for, as far as statistics know.
    pub use_counts: UseCounts,
}

/// How often a table was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UseCounts {
    /// Rows read.
    pub read: i64,
    /// Rows inserted.
    pub inserted: i64,
    /// Rows updated.
    pub updated: i64,
    /// Rows deleted.
    pub deleted: i64,
}

/// For which command a policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    /// All of them.
    All,
    /// SELECT.
    Select,
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
}

/// A policy of row security.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name, quoted where it must be.
    pub name: String,
    /// The table.
    pub relation: Id,
    /// For which command.
    pub command: Command,
    /// Whether it opens (permissive) or closes (restrictive).
    pub permissive: bool,
    /// For whom; PUBLIC is everybody.
    pub roles: BTreeSet<Id>,
    /// Which rows it is about.
    pub using: Option<Expression>,
    /// Which rows may be written.
    pub check: Option<Expression>,
    /// Whether all of it could be read.
    pub is_read: bool,
    /// What is remarked on it.
    pub comment: String,
}

/// A function or procedure.
#[derive(Debug, Clone, Default)]
pub struct Function {
    /// With its schema and the types of its parameters, as `ALTER ROUTINE` takes it.
    pub name: String,
    /// The schema.
    pub schema: Id,
    /// Who owns it.
    pub owner: Id,
    /// Whether it acts as its owner.
    pub definer: bool,
    /// The schemas that it searches, if that is fixed.
    pub search_path: Option<String>,
    /// Whether it is for triggers, which call it as whoever changes a row.
    pub trigger: bool,
    /// Whether its names were looked up when it was made (`BEGIN ATOMIC`).
    pub bound: bool,
    /// What is remarked on it.
    pub comment: String,
}

/// On what something is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// A table, a view, a sequence.
    Relation(Id),
    /// A column.
    Column(Id, Column),
    /// A schema.
    Schema(Id),
    /// A function.
    Function(Id),
    /// The database.
    Database,
}

/// That a role may do something with something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// With what.
    pub object: Object,
    /// Who; never the owner.
    pub grantee: Id,
    /// What: `SELECT`.
    pub privilege: String,
    /// Whether it may grant that to others.
    pub grantable: bool,
}

/// What is granted on objects to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultPrivilege {
    /// Whose objects.
    pub owner: Id,
    /// In which schema; `None` for all.
    pub schema: Option<Id>,
    /// Of which kind, as `ALTER DEFAULT PRIVILEGES` names it: `TABLES`.
    pub kind: &'static str,
    /// To whom.
    pub grantee: Id,
    /// What.
    pub privileges: BTreeSet<String>,
}

impl Catalogue {
    /// The name of a role; `PUBLIC` for everybody.
    pub fn role_name(&self, role: Id) -> &str {
        match self.roles.get(&role) {
            Some(role) => &role.name,
            None if role == PUBLIC => "PUBLIC",
            None => "a role that is gone",
        }
    }

    /// The policies of a table.
    pub fn policies_of(&self, table: Id) -> impl Iterator<Item = &Policy> {
        self.policies
            .iter()
            .filter(move |policy| policy.relation == table)
    }

    /// The tables that a view reads, also through other views.
    pub fn tables_under(&self, view: Id) -> BTreeSet<Id> {
        let mut seen = BTreeSet::from([view]);
        let mut open = vec![view];
        while let Some(next) = open.pop() {
            let reads = self.view_reads.get(&next).into_iter().flatten();
            open.extend(reads.filter(|it| seen.insert(**it)));
        }
        let is_table = |id: &Id| {
            let relation = self.relations.get(id);
            relation.is_some_and(|it| it.kind == RelationKind::Table)
        };
        seen.into_iter().filter(is_table).collect()
    }
}
