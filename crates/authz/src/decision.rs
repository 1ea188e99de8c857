//! What was decided, and why.

use serde::Serialize;

use crate::source::Place;

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Whether the action may happen.
    pub outcome: Outcome,
    /// What decided.
    pub reason: Reason,
    /// Whether a condition looked at `now`, so that the answer may be another at another time.
    pub depends_on_time: bool,
}

/// Whether an action may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It may.
    Permit,
    /// It may not.
    Deny(Denial),
    /// It cannot be said, because something could not be evaluated. Never a permit.
    Indeterminate,
}

/// How a denial is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// There is no session; with one, the answer might be another.
    Unauthenticated,
    /// There is a session, and it does not suffice.
    Forbidden,
    /// The resource is another tenant's, and the policy says that such resources do not exist.
    Concealed,
}

/// What decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Which part of the policy decided.
    #[serde(flatten)]
    pub kind: ReasonKind,
    /// Where that part stands.
    pub place: Option<Place>,
    /// The same for people: a sentence fragment.
    pub text: String,
}

/// Which part of the policy decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReasonKind {
    /// The grant of a role.
    Role {
        /// The role in whose `can` the grant stands.
        role: String,
        /// The subject's own role that includes it; none if the subject has `role` itself.
        via: Option<String>,
    },
    /// A relation.
    Relation {
        /// Its name.
        relation: String,
    },
    /// The credential does not do for it, whatever its holder may do.
    Credential {
        /// What is wrong with it.
        fault: CredentialFault,
    },
    /// A rule.
    Rule {
        /// Its name.
        name: String,
    },
    /// The resource is another tenant's.
    Tenant,
    /// Nothing permits it.
    Default,
    /// Something could not be evaluated.
    Indeterminate {
        /// The rule whose condition it is, if it is one.
        rule: Option<String>,
        /// The relation that could not be looked up, if it is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        relation: Option<String>,
        /// The parameters of conditions of relationships that have no value, sorted.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        missing: Vec<String>,
    },
}

/// What is wrong with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialFault {
    /// It was taken back.
    Revoked,
    /// It is not valid yet.
    NotYetValid,
    /// It is valid no more.
    Expired,
    /// None of its scopes covers the action.
    Scope,
    /// A claim that the action asks for is missing or has another value.
    Claim,
}
