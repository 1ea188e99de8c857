//! What is written down of who removed what, and of who tried to.

use rusqlite::params;

use crate::caller::User;
use crate::database::Database;

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Success,
    Denied,
}

/// Somebody who does something to a thing.
pub(crate) struct Event<'a> {
    actor: &'a User,
    action: &'static str,
    resource: &'a str,
}

impl<'a> Event<'a> {
    /// `action` is `type.verb`, `resource` the identifier of the thing.
    pub(crate) fn new(actor: &'a User, action: &'static str, resource: &'a str) -> Event<'a> {
        Event {
            actor,
            action,
            resource,
        }
    }

    /// Writes it down, under the tenant of whoever did it.
    pub(crate) fn write(&self, database: &Database, outcome: Outcome) -> rusqlite::Result<()> {
        let outcome = match outcome {
            Outcome::Success => "success",
            Outcome::Denied => "denied",
        };
        let Event {
            actor,
            action,
            resource,
        } = self;
        database.change(
            "INSERT INTO audit (actor, action, resource, tenant, outcome) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![actor.id, action, resource, actor.tenant, outcome],
        )
    }
}
