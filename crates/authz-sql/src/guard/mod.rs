//! Whether what a session sees of a database says anything about those for whom it stands.
//!
//! Row security and grants do not hold for everybody: a test that runs as a superuser, as the
//! owner of the tables, or as somebody who can become one of these is green whatever the policies
//! are. This is judged from the session itself, after it has taken its role.

mod look;

use std::collections::BTreeSet;

pub use look::{look, table};

/// What a session is, for one table or for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// As whom it was opened.
    pub session: Role,
    /// As whom it acts (after `SET ROLE`).
    pub current: Role,
    /// Where row security is off, as what that was set; a query then fails, and hides nothing.
    pub row_security_off: Option<Switch>,
    /// Other roles that the session can take, and for which row security or grants do not hold.
    pub reach: Vec<Reach>,
    /// Roles of the session, as SQL writes them, that can give themselves every role but superusers.
    pub givers: Vec<String>,
    /// The table.
    pub table: Option<TableStanding>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The name as SQL writes it.
    pub quoted: String,
    /// Whether it is a superuser.
    pub superuser: bool,
    /// Whether row security does not hold for it (`BYPASSRLS`).
    pub bypasses: bool,
}

/// A role that a session can take by `SET ROLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The role.
    pub role: Role,
    /// The member of that role through whom it can be taken, as SQL writes it.
    pub member: String,
}

/// What a session is to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStanding {
    /// The table.
    pub table: Table,
    /// Whether the session owns it: it acts as the owner, inherits from it or can become it.
    pub owned: bool,
    /// What the role in force may do with its columns.
    pub rights: Rights,
}

/// What grants let a role do with a table, by the names of columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// Which it may read.
    pub reads: BTreeSet<String>,
    /// Which it may write to in a new row.
    pub adds: BTreeSet<String>,
    /// Which it may change.
    pub changes: BTreeSet<String>,
}

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its object identifier in the catalogue.
    pub oid: u32,
    /// Schema and name as SQL writes them.
    pub quoted: String,
    /// Whether it can have row security at all: views cannot.
    pub can_have_policies: bool,
    /// Whether row security is enabled.
    pub enabled: bool,
    /// Whether it holds for the owner too.
    pub forced: bool,
    /// Its columns.
    pub columns: Vec<Column>,
    /// What may do something else than a statement says.
    pub diversions: Vec<Diversion>,
}

/// A trigger or rule that may put something else in the place of what a statement does, so that
/// the number of rows that the server tells means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diversion {
    /// What it is and its name, for people.
    pub what: String,
    /// Whether it is a rule: what that puts in the place of a statement may be anything.
    pub is_rule: bool,
    /// At which command.
    pub command: Command,
}

/// A command that changes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `INSERT`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The name as SQL writes it.
    pub quoted: String,
    /// Whether its type pads what is written with blanks (`char(n)`).
    pub padded: bool,
    /// Whether it is computed from other columns.
    pub generated: bool,
    /// Whether it has a value where none is written; generated columns have.
    pub has_default: bool,
}

/// Where `row_security` was switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// The statement that switches it on again.
    pub fix: String,
}

/// Why a session proves nothing, and the statement that mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// Of which kind it is.
    pub kind: DoubtKind,
    /// Why, in one sentence.
    pub why: String,
    /// The statement.
    pub fix: String,
}

/// Why a session proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoubtKind {
    /// It is a superuser, or can become one.
    Superuser,
    /// Row security does not hold for it, or for a role that it can take.
    Bypass,
    /// It can give itself other roles.
    GivesRoles,
    /// It owns the table, and row security does not hold for owners.
    Owner,
    /// Row security is switched off in the session.
    SwitchedOff,
    /// The table has no row security.
    NotEnabled,
}

impl DoubtKind {
    /// Whether it is about policies, or about whom a table belongs to, and not about the session as a whole.
    pub fn is_of_table(self) -> bool {
        matches!(self, Self::Bypass | Self::Owner | Self::NotEnabled)
    }
}

impl Standing {
    /// Every reason why the session proves nothing about grants.
    pub fn doubts_of_grants(&self) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        let (session, current) = (&self.session, &self.current);
        if current.superuser {
            doubts.push(superuser(
                current,
                format!(
                    "`{}` is a superuser, whom no grant and no policy holds",
                    current.quoted
                ),
            ));
        } else if session.superuser {
            doubts.push(superuser(
                session,
                format!(
                    "the session was opened by the superuser `{}`, who can leave role `{}` at any time: \
                     let it be opened as the application opens its own",
                    session.quoted, current.quoted
                ),
            ));
        } else {
            let superusers = self.reach.iter().filter(|it| it.role.superuser);
            doubts.extend(superusers.map(|it| it.doubt(DoubtKind::Superuser, "a superuser")));
            doubts.extend(self.givers.iter().map(|role| Doubt {
                kind: DoubtKind::GivesRoles,
                why: format!(
                    "the session is or can become `{role}`, which has CREATEROLE and so, before PostgreSQL 16, \
                     can give itself every role that is no superuser"
                ),
                fix: format!("ALTER ROLE {role} NOCREATEROLE;"),
            }));
        }
        doubts
    }

    /// Every reason why the session proves nothing about a statement that is tried as a whole on
    /// the table. No policy holds one that `truncates` it.
    pub fn doubts_of_whole(&self, truncates: bool) -> Vec<Doubt> {
        let table = self.table.as_ref();
        if !truncates && table.is_some_and(TableStanding::is_decided_by_policies) {
            return self.doubts_of_rows();
        }
        let mut doubts = self.doubts_of_grants();
        // A superuser counts as the owner of everything.
        let owned = table.filter(|it| truncates && it.owned && doubts.is_empty());
        doubts.extend(owned.map(|it| Doubt {
            kind: DoubtKind::Owner,
            why: format!(
                "the session owns {}, or can become its owner, who may always truncate it",
                it.table.quoted
            ),
            fix: format!("ALTER TABLE {} OWNER TO ...;", it.table.quoted),
        }));
        doubts
    }

    /// Every reason why the session proves nothing about rows.
    pub fn doubts_of_rows(&self) -> Vec<Doubt> {
        let mut doubts = self.doubts_of_grants();
        if doubts.is_empty() {
            doubts.extend(self.bypasses());
        }
        doubts.extend(self.row_security_off.as_ref().map(|switch| Doubt {
            kind: DoubtKind::SwitchedOff,
            why: "`row_security` is off in the session, so that a query fails where it would be filtered"
                .to_owned(),
            fix: switch.fix.clone(),
        }));
        let of_table = self.table.as_ref().and_then(TableStanding::doubt);
        // A superuser counts as the owner of everything.
        let is_superuser = doubts.iter().any(|it| it.kind == DoubtKind::Superuser);
        doubts.extend(of_table.filter(|it| it.kind != DoubtKind::Owner || !is_superuser));
        doubts
    }

    fn bypasses(&self) -> Vec<Doubt> {
        let own = [&self.current, &self.session]
            .into_iter()
            .find(|it| it.bypasses);
        if let Some(role) = own {
            return vec![Doubt {
                kind: DoubtKind::Bypass,
                why: format!("`{}` has BYPASSRLS: no policy holds it", role.quoted),
                fix: format!("ALTER ROLE {} NOBYPASSRLS;", role.quoted),
            }];
        }
        let bypassing = self.reach.iter().filter(|it| it.role.bypasses);
        bypassing
            .map(|it| it.doubt(DoubtKind::Bypass, "a role with BYPASSRLS"))
            .collect()
    }
}

impl Reach {
    fn doubt(&self, kind: DoubtKind, what: &str) -> Doubt {
        let (role, member) = (&self.role.quoted, &self.member);
        Doubt {
            kind,
            why: format!("the session can become `{role}`, {what}, by SET ROLE"),
            fix: format!("REVOKE {role} FROM {member};"),
        }
    }
}

impl TableStanding {
    /// Whether policies decide on its rows, or on what stands behind it.
    fn is_decided_by_policies(&self) -> bool {
        self.table.enabled || !self.table.can_have_policies
    }

    fn doubt(&self) -> Option<Doubt> {
        let quoted = &self.table.quoted;
        if !self.table.can_have_policies {
            return None;
        }
        if !self.table.enabled {
            return Some(Doubt {
                kind: DoubtKind::NotEnabled,
                why: format!("row security is not enabled on {quoted}"),
                fix: format!("ALTER TABLE {quoted} ENABLE ROW LEVEL SECURITY;"),
            });
        }
        (self.owned && !self.table.forced).then(|| Doubt {
            kind: DoubtKind::Owner,
            why: format!(
                "the session owns {quoted}, or can become its owner, whom no policy holds"
            ),
            fix: format!("ALTER TABLE {quoted} FORCE ROW LEVEL SECURITY;"),
        })
    }
}

fn superuser(role: &Role, why: String) -> Doubt {
    Doubt {
        kind: DoubtKind::Superuser,
        why,
        fix: format!("ALTER ROLE {} NOSUPERUSER;", role.quoted),
    }
}
