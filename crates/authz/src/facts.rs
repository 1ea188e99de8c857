//! What is known of a request: who asks, and about what. Checked against a policy before it is
//! decided on, so that a misspelt attribute is a mistake and not a silent denial.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::condition::Value;

/// The name of one object: `user:vera`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    type_name: Arc<str>,
    id: Arc<str>,
}

impl Reference {
    /// The reference to the object `id` of the type `type_name`.
    pub fn new(type_name: &str, id: &str) -> Self {
        Self {
            type_name: type_name.into(),
            id: id.into(),
        }
    }

    /// The type of the object.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// Its name among those of its type.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl FromStr for Reference {
    type Err = String;

    /// Reads `type:id`; whatever stands behind the first colon is the id.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((type_name, id)) if !type_name.is_empty() && !id.is_empty() => {
                Ok(Self::new(type_name, id))
            }
            _ => Err(format!("`{text}` is not a reference such as `user:vera`")),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.type_name, self.id)
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is known of who asks, before it is checked against a policy.
#[derive(Debug, Clone, Default)]
pub struct SubjectFacts {
    /// Who it is, as `type:id`.
    pub reference: Option<String>,
    /// Whether there is a valid session. Without one, nothing else here counts.
    pub signed_in: bool,
    /// The active tenant.
    pub tenant: Option<String>,
    /// The roles assigned in that tenant.
    pub roles: Vec<String>,
    /// The attributes of the subject's type.
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

/// Who asks. Made by [`Policy::subject`](crate::Policy::subject), and good for that policy only.
#[derive(Debug, Clone)]
pub struct Subject {
    pub(crate) policy: Arc<()>,
    pub(crate) reference: Option<Reference>,
    pub(crate) type_index: Option<usize>,
    pub(crate) signed_in: bool,
    pub(crate) tenant: Option<Arc<str>>,
    /// Assigned roles, as indices into the policy's roles.
    pub(crate) roles: Vec<usize>,
    /// By the slot of the attribute in its type.
    pub(crate) attributes: Vec<Option<Value>>,
}

impl Subject {
    /// Who it is.
    pub fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    /// Whether there is a valid session.
    pub fn is_signed_in(&self) -> bool {
        self.signed_in
    }

    /// The active tenant.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }
}

/// What is acted on. Made by [`Policy::resource`](crate::Policy::resource), and good for that
/// policy only.
#[derive(Debug, Clone)]
pub struct Resource {
    pub(crate) policy: Arc<()>,
    pub(crate) type_index: usize,
    pub(crate) type_name: Arc<str>,
    pub(crate) reference: Option<Reference>,
    /// By the slot of the attribute in its type.
    pub(crate) attributes: Vec<Option<Value>>,
}

impl Resource {
    /// Its type.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// Which one it is; none for a collection.
    pub fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }
}

/// One question: may `subject` do `action` to `resource` at the instant `now`?
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub subject: &'a Subject,
    /// The name of an action of the resource's type.
    pub action: &'a str,
    /// What is acted on.
    pub resource: &'a Resource,
    /// When.
    pub now: jiff::Timestamp,
}
