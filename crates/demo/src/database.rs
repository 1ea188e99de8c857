//! The data of the system in SQLite, in memory: nothing to install, nothing left behind.
//!
//! Knows tables and rows, and nothing of who may see them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Params, Row};

/// Identifiers are 32 random hexadecimal digits unless they are given. An owner is not a foreign key: what someone
/// wrote stays when their account goes.
const SCHEMA: &str = "
    CREATE TABLE users (
        id       TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))),
        email    TEXT NOT NULL UNIQUE COLLATE NOCASE,
        name     TEXT NOT NULL,
        tenant   TEXT NOT NULL,
        role     TEXT NOT NULL CHECK (role IN ('root', 'admin', 'editor', 'viewer')),
        password TEXT NOT NULL,
        bio      TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE posts (
        id        TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))),
        title     TEXT NOT NULL,
        owner     TEXT NOT NULL,
        tenant    TEXT NOT NULL,
        views     INTEGER NOT NULL DEFAULT 0,
        published INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX posts_of_tenant ON posts (tenant);
    CREATE TABLE drafts (
        id     TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))),
        title  TEXT NOT NULL,
        owner  TEXT NOT NULL,
        tenant TEXT NOT NULL
    );
    CREATE TABLE audit (
        at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
        actor    TEXT NOT NULL,
        action   TEXT NOT NULL,
        resource TEXT NOT NULL,
        tenant   TEXT NOT NULL,
        outcome  TEXT NOT NULL CHECK (outcome IN ('success', 'denied'))
    );
    CREATE INDEX audit_of_resource ON audit (resource);
";

/// The one connection, used by one request at a time; each use takes microseconds.
pub(crate) struct Database(Mutex<Connection>);

impl Database {
    /// Empty tables.
    pub(crate) fn new() -> rusqlite::Result<Database> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(SCHEMA)?;
        Ok(Database(Mutex::new(connection)))
    }

    /// The first row of what `sql` returns, if any; `sql` may also change something and say what with `RETURNING`.
    pub(crate) fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.connection().query_row(sql, params, read).optional()
    }

    /// Every row of what `sql` returns, in its order.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let connection = self.connection();
        let mut statement = connection.prepare(sql)?;
        statement.query_map(params, read)?.collect()
    }

    /// Changes something.
    pub(crate) fn change(&self, sql: &str, params: impl Params) -> rusqlite::Result<()> {
        self.connection().execute(sql, params).map(|_| ())
    }

    /// A panic elsewhere leaves no statement half done, so a poisoned lock is as good as any.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
