//! One line of a difference.

use std::fmt;

use serde::Serialize;

use super::request::{Answer, Example, Told};

/// Which way a difference goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is allowed now, and was not.
    Widening,
    /// It was allowed, and is no longer.
    Narrowing,
    /// It is denied in another way, or could be decided before or now only.
    Other,
}

impl Change {
    pub(super) fn of(old: Answer, new: Answer) -> Self {
        match (old, new) {
            (_, Answer::Allow) => Self::Widening,
            (Answer::Allow, _) => Self::Narrowing,
            _ => Self::Other,
        }
    }
}

/// Whom a line is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Whoever has no session.
    Visitor,
    /// Whoever is signed in and has no role.
    NoRole,
    /// Whoever has this role.
    Role(String),
    /// Whoever has all of these roles.
    Roles(Vec<String>),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Visitor => f.write_str("a visitor"),
            Self::NoRole => f.write_str("no role"),
            Self::Role(role) => f.write_str(role),
            Self::Roles(roles) => f.write_str(&roles.join(" + ")),
        }
    }
}

/// How many of the given facts a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// Subjects, in any of their tenants.
    pub subjects: usize,
    /// Resources; none for an action on the collection.
    pub resources: usize,
    /// Whether there may be more, because not all could be looked at.
    pub at_least: bool,
}

/// Something that is decided otherwise.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// Which way.
    pub change: Change,
    /// For whom.
    pub who: Vec<Who>,
    /// To do what.
    pub actions: Vec<String>,
    /// Of which type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whose resources it is about, where that matters: `own tenant`, `another tenant`, ...
    pub of: Vec<&'static str>,
    /// One such request.
    pub example: Example,
    /// What the old policy says of it.
    pub old: Told,
    /// What the new one says.
    pub new: Told,
    /// Whether one of them looked at the clock.
    pub depends_on_time: bool,
    /// How many of the given facts it is about; none where no facts are given.
    pub reach: Option<Reach>,
}

impl Line {
    /// "a visitor, no role, viewer".
    pub fn whom(&self) -> String {
        let names: Vec<String> = self.who.iter().map(Who::to_string).collect();
        names.join(", ")
    }

    /// Whether another line says the same of another action.
    fn is_like(&self, other: &Self) -> bool {
        let key = |line: &Self| {
            let answers = (line.old.answer, line.new.answer);
            (line.change, answers, line.depends_on_time, line.reach)
        };
        let about = |line: &Self| (line.who.clone(), line.type_name.clone(), line.of.clone());
        key(self) == key(other) && about(self) == about(other)
    }
}

/// The lines in their order, those that differ in the action alone as one.
pub(super) fn joined(lines: Vec<Line>) -> Vec<Line> {
    let mut joined: Vec<Line> = Vec::new();
    for line in lines {
        match joined.iter_mut().find(|it| it.is_like(&line)) {
            Some(like) => like.actions.extend(line.actions),
            None => joined.push(line),
        }
    }
    joined.sort_by_key(|line| line.change);
    joined
}
