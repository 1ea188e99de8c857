//! What is known of a request: who asks, about what, and the facts beside it. Checked against a
//! policy before it is decided on, so that a misspelt attribute is a mistake and not a silent
//! denial.

mod known;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

use crate::condition::Value;
use crate::model::{ANYONE_INDEX, SIGNED_IN_INDEX};

pub use known::Facts;
pub(crate) use known::{KnownSubject, Share};

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
    pub attributes: Map<String, Json>,
    /// What is known of the credential that the session was opened with.
    pub credential: Credential,
}

/// What is known of a token, a key or any other credential. It limits what its holder may do.
#[derive(Debug, Clone, Default)]
pub struct Credential {
    /// Whether it was taken back.
    pub revoked: bool,
    /// The first instant at which it is valid; none for always.
    pub valid_from: Option<Timestamp>,
    /// The first instant at which it is valid no more; none for never.
    pub valid_until: Option<Timestamp>,
    /// The scopes of a token, or the permissions of an API key; none for a session that has no
    /// such limit. An unknown one covers nothing.
    pub scopes: Option<Vec<Arc<str>>>,
    /// The claims of a token.
    pub claims: Map<String, Json>,
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
    /// All roles that it has: assigned, of the session's state, and included in those.
    pub(crate) held: BTreeSet<usize>,
    /// By the slot of the attribute in its type.
    pub(crate) attributes: Vec<Option<Value>>,
    pub(crate) credential: Credential,
    /// The claims of the credential, as conditions read them.
    pub(crate) claims: Value,
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

    /// The roles that count: those assigned, and then those of the session's state.
    pub(crate) fn all_roles(&self) -> impl Iterator<Item = usize> {
        roles_that_count(self.signed_in, &self.roles)
    }
}

/// The roles of a subject with these assigned ones: without a session they do not count.
pub(crate) fn roles_that_count(signed_in: bool, assigned: &[usize]) -> impl Iterator<Item = usize> {
    let (assigned, reserved): (&[usize], &[usize]) = if signed_in {
        (assigned, &[SIGNED_IN_INDEX, ANYONE_INDEX])
    } else {
        (&[], &[ANYONE_INDEX])
    };
    assigned.iter().chain(reserved).copied()
}

/// What is acted on. Made by [`Policy::resource`](crate::Policy::resource), and good for that
/// policy only.
#[derive(Debug, Clone)]
pub struct Resource {
    pub(crate) policy: Arc<()>,
    pub(crate) type_index: usize,
    pub(crate) type_name: Arc<str>,
    pub(crate) reference: Option<Reference>,
    /// The name under which facts know it while its own is not known.
    pub(crate) stand_in: Option<Reference>,
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

    /// The same resource before its id is known: relationships and shares know it as `id`, and
    /// for conditions it has none.
    #[must_use]
    pub fn known_to_facts_as(mut self, id: &str) -> Self {
        self.stand_in = Some(Reference::new(&self.type_name, id));
        self
    }

    /// The name under which facts know it.
    pub(crate) fn named_by_facts(&self) -> Option<&Reference> {
        self.reference.as_ref().or(self.stand_in.as_ref())
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
    pub now: Timestamp,
    /// Relationships and shares; see [`Facts::none`].
    pub facts: &'a Facts,
    /// Values for the parameters of the conditions of relationships; see [`no_context`].
    pub context: &'a Map<String, Json>,
}

/// The context of a request that has none.
pub fn no_context() -> &'static Map<String, Json> {
    static NONE: LazyLock<Map<String, Json>> = LazyLock::new(Map::new);
    &NONE
}
