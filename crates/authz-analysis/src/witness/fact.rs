//! Facts that a decision can rest on, and that it may want.

use std::fmt;

use authz::{Reference, Relationship};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

/// A fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A relationship.
    Relationship(Relationship),
    /// The subject has a role.
    Role {
        /// Who.
        subject: String,
        /// The role.
        role: String,
        /// Where; none for a subject without a tenant.
        tenant: Option<String>,
    },
    /// A resource is shared with a tenant.
    Share {
        /// Which one.
        resource: Reference,
        /// With whom.
        with: String,
        /// The action that it opens.
        action: String,
    },
    /// An attribute has a value.
    Attribute {
        /// Whose.
        side: Side,
        /// The name of the subject or the resource.
        of: String,
        /// Its name.
        name: String,
        /// Its value.
        value: Json,
    },
}

/// One of the two whose attributes conditions read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Who asks.
    Subject,
    /// What is acted on.
    Resource,
}

impl Side {
    /// Both of them.
    pub(super) const BOTH: [Self; 2] = [Self::Subject, Self::Resource];
}

impl Fact {
    /// What kind of fact it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Relationship(_) => "relationship",
            Self::Role { .. } => "role",
            Self::Share { .. } => "share",
            Self::Attribute { .. } => "attribute",
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relationship(fact) => fact.fmt(f),
            Self::Role {
                subject,
                role,
                tenant: None,
            } => write!(f, "role `{role}` of {subject}"),
            Self::Role {
                subject,
                role,
                tenant: Some(tenant),
            } => write!(f, "role `{role}` of {subject} in `{tenant}`"),
            Self::Share {
                resource,
                with,
                action,
            } => write!(f, "{resource} shared with `{with}` for `{action}`"),
            Self::Attribute {
                of, name, value, ..
            } => write!(f, "`{name}` of {of} is {value}"),
        }
    }
}

impl Serialize for Fact {
    /// Its kind, its text and its parts.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind())?;
        map.serialize_entry("text", &self.to_string())?;
        match self {
            Self::Relationship(_) => {}
            Self::Role { role, tenant, .. } => {
                map.serialize_entry("role", role)?;
                map.serialize_entry("tenant", tenant)?;
            }
            Self::Share {
                resource,
                with,
                action,
            } => {
                map.serialize_entry("resource", resource)?;
                map.serialize_entry("with", with)?;
                map.serialize_entry("action", action)?;
            }
            Self::Attribute {
                side, name, value, ..
            } => {
                map.serialize_entry("of", side)?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("value", value)?;
            }
        }
        map.end()
    }
}
