//! Databases as targets, and the statements by which actions are tried there.

use authz::source::Place;

use super::DatabaseIndex;
use crate::template::{JsonTemplate, Name, Template};

/// A PostgreSQL database.
#[derive(Debug)]
pub struct Database {
    /// Its name in the suite; no target has the same.
    pub name: Name,
    /// Where it is declared.
    pub place: Place,
    /// The address, with its password: as whom the application enters.
    pub url: String,
    /// The address without its password, for people.
    pub shown: String,
    /// As whom all rows are seen, to know what is there. Its address, with its password.
    pub witness: Option<String>,
    /// The schema of names that say none.
    pub schema: String,
    /// As whom actors enter, where each is a user of the database; else all enter as the
    /// application does.
    pub login: Option<Login>,
    /// The role that a transaction of an actor takes (`SET LOCAL ROLE`).
    pub role: Option<Template>,
    /// Settings of a transaction of an actor, by name. One that needs a field that the actor does
    /// not have stays unset.
    pub settings: Vec<(String, Template)>,
    /// Tables whose rows the policy knows.
    pub rows: Vec<Rows>,
    /// Where statements that commit are tried.
    pub clones: Option<Clones>,
}

/// Databases that are made for one statement each, and dropped after it.
#[derive(Debug)]
pub struct Clones {
    /// As whom they are made and dropped. The address, with its password.
    pub by: String,
    /// The address without its password, for people.
    pub shown: String,
    /// The database that they are copies of; nobody may be connected to it.
    pub template: String,
}

/// A user of the database itself.
#[derive(Debug)]
pub struct Login {
    /// The name.
    pub user: Template,
    /// The password, if one is asked for.
    pub password: Option<Template>,
}

/// What the rows of a table are to the policy.
#[derive(Debug)]
pub struct Rows {
    /// The table.
    pub table: ObjectName,
    /// The type of resource that a row is.
    pub type_name: Name,
    /// The column that tells rows apart: the id of the resource.
    pub key: String,
    /// Attributes of the type, each with its column.
    pub attributes: Vec<(String, String)>,
    /// Where it is declared.
    pub place: Place,
}

/// The name of something in a database, exactly as it is there: nothing is folded or quoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// The schema.
    pub schema: String,
    /// The name in it.
    pub name: String,
}

/// An action on one database.
#[derive(Debug)]
pub struct Statement {
    /// The database.
    pub database: DatabaseIndex,
    /// Where it is written.
    pub place: Place,
    /// What is done.
    pub verb: Verb,
    /// To what; for [`Verb::UsageOfSchema`] the name of the schema stands in both places.
    pub object: ObjectName,
    /// Index into [`Database::rows`], if the table is one whose rows the policy knows.
    pub rows: Option<usize>,
    /// By which value of a resource its row is told, where that is not its id.
    pub key: Option<Template>,
    /// What is read beside the key, or returned (`RETURNING`).
    pub columns: Vec<String>,
    /// What is written, by column.
    pub values: Vec<(String, JsonTemplate)>,
    /// What happens to a new row of a key that is there already, if that is no error.
    pub on_conflict: Option<OnConflict>,
    /// Whether rows are read or added by `COPY`.
    pub copies: bool,
    /// Whether it is committed, in a clone ([`Database::clones`]), instead of rolled back.
    pub commits: bool,
    /// The arguments of a function, in order.
    pub arguments: Vec<JsonTemplate>,
}

/// What is done instead of adding a row of a key that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// That row is changed (`DO UPDATE`).
    Update,
    /// Nothing (`DO NOTHING`).
    Nothing,
}

impl OnConflict {
    /// The words of the suite.
    pub const WORDS: [(&'static str, Self); 2] =
        [("update", Self::Update), ("nothing", Self::Nothing)];
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Reads rows of a table or view.
    Select,
    /// Adds a row.
    Insert,
    /// Changes rows.
    Update,
    /// Takes rows away.
    Delete,
    /// Takes all rows away at once.
    Truncate,
    /// Calls a function.
    Execute,
    /// Finds what is in a schema.
    UsageOfSchema,
    /// Asks for the next number of a sequence, and takes none.
    UsageOfSequence,
}

impl Verb {
    /// The word of the suite.
    pub fn word(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::Execute => "execute",
            Self::UsageOfSchema | Self::UsageOfSequence => "usage",
        }
    }

    /// Whether it may change something before it is rolled back.
    pub fn changes(self) -> bool {
        !matches!(
            self,
            Self::Select | Self::UsageOfSchema | Self::UsageOfSequence
        )
    }

    /// Whether it writes values to rows, so that a row may be another one for the policy afterwards.
    pub fn writes(self) -> bool {
        matches!(self, Self::Insert | Self::Update)
    }

    /// Whether it is decided on row by row, where the rows are known.
    pub fn is_of_rows(self) -> bool {
        matches!(
            self,
            Self::Select | Self::Insert | Self::Update | Self::Delete
        )
    }
}

impl Statement {
    /// Whether it changes a row that is there already.
    pub fn upserts(&self) -> bool {
        self.on_conflict == Some(OnConflict::Update)
    }

    /// Whether it reaches rows that are there already, each of them known by its key.
    pub fn is_on_known_rows(&self) -> bool {
        self.rows.is_some() && matches!(self.verb, Verb::Select | Verb::Update | Verb::Delete)
    }

    /// What the rows are to the policy, where it decides on each of them.
    pub fn rows_of<'a>(&self, database: &'a Database) -> Option<&'a Rows> {
        database.rows.get(self.rows?)
    }
}
