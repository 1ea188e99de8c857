//! The one typed form of a suite file, every name resolved and every template parsed.
//!
//! Things refer to one another by index into the lists of [`Suite`], which are in the order of
//! the file.

mod action;
mod database;
mod session;

pub use action::*;
pub use database::*;
pub use session::*;

use std::sync::Arc;

use authz::source::Place;
use authz::{Denial, Facts, Policy};
use jiff::civil::Date;
use regex::Regex;
use serde_json_path::JsonPath;

use crate::openapi::Document;
use crate::template::{JsonTemplate, Name, Template, Variable};

/// A whole suite.
#[derive(Debug)]
pub struct Suite {
    /// The running systems.
    pub targets: Vec<Target>,
    /// The databases among the targets of the file.
    pub databases: Vec<Database>,
    /// The ways to open a session.
    pub sessions: Vec<Session>,
    /// Who calls.
    pub actors: Vec<Actor>,
    /// The kinds of resource on which actions are tried.
    pub resources: Vec<Resource>,
    /// What is tried.
    pub actions: Vec<Action>,
    /// Chains of calls.
    pub flows: Vec<Flow>,
    /// What the file itself expects.
    pub expect: Option<ExpectTable>,
    /// What the policy expects.
    pub policy: Option<Policy>,
    /// Operations of the targets' documents that are not tried.
    pub surface: Vec<Exception>,
    /// What the policy decides from beside actors and fixtures: the files that the suite names, and
    /// the relationships of the fixtures.
    pub facts: Facts,
    /// Values that must never be shown: all that came from the environment, but for addresses.
    pub secrets: Vec<String>,
    /// Which of its `environments` this is, if it is one.
    pub environment: Option<String>,
    /// Whether calls that change something are never sent there (`read-only: true`).
    pub read_only: bool,
}

/// Index of a [`Target`] in [`Suite::targets`].
pub type TargetIndex = usize;
/// Index of a [`Database`] in [`Suite::databases`].
pub type DatabaseIndex = usize;
/// Index of a [`Session`] in [`Suite::sessions`].
pub type SessionIndex = usize;
/// Index of an [`Actor`] in [`Suite::actors`].
pub type ActorIndex = usize;
/// Index of a [`Resource`] in [`Suite::resources`].
pub type ResourceIndex = usize;
/// Index of an [`Action`] in [`Suite::actions`].
pub type ActionIndex = usize;
/// Index of a [`Flow`] in [`Suite::flows`].
pub type FlowIndex = usize;

/// A running system.
#[derive(Debug)]
pub struct Target {
    /// Its name in the suite.
    pub name: Name,
    /// Where it is declared.
    pub place: Place,
    /// Scheme, authority and perhaps a path before every path of a call; no slash at the end.
    pub base: String,
    /// How it says no.
    pub denies: Denies,
    /// The most requests in one second, if it bears only so many.
    pub rate: Option<u32>,
    /// The operations that it says it has.
    pub openapi: Option<Arc<Document>>,
}

/// An operation that is not tried, and why.
#[derive(Debug)]
pub struct Exception {
    /// The target that has it, or had it.
    pub target: TargetIndex,
    /// Its name.
    pub operation: String,
    /// Why it is not tried.
    pub reason: String,
    /// The last day on which that counts, in UTC.
    pub until: Date,
    /// Where it is written.
    pub place: Place,
}

/// How a system says no.
#[derive(Debug, Clone)]
pub struct Denies {
    /// To somebody without a valid session. By default status 401.
    pub unauthenticated: Vec<Form>,
    /// To somebody who may not. By default status 403.
    pub forbidden: Vec<Form>,
    /// Where even the existence is a secret. By default status 404.
    pub concealed: Vec<Form>,
}

/// The kinds of no, in the order in which they are looked for.
pub const DENIALS: [Denial; 3] = [
    Denial::Unauthenticated,
    Denial::Forbidden,
    Denial::Concealed,
];

/// One form of no: all that is given must hold.
#[derive(Debug, Clone)]
pub struct Form {
    /// The status of the answer.
    pub status: u16,
    /// What its JSON must hold.
    pub json: Vec<Assertion>,
    /// What its headers must hold, by lowercase name; for a redirect to a login page, say.
    pub headers: Vec<(String, Matcher)>,
}

/// What must hold of one place in a JSON body.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// The place (RFC 9535).
    pub path: JsonPath,
    /// What must hold there. With several nodes at the path, of each; with none, only
    /// [`Matcher::Absent`] holds.
    pub matcher: Matcher,
    /// Where it is written.
    pub place: Place,
}

/// What must hold of a value.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// It equals this.
    Equals(JsonTemplate),
    /// Its text matches this anywhere.
    Matches(Regex),
    /// There is none.
    Absent,
    /// It is as it was before the call; only in effects.
    Unchanged,
    /// There are so many more of it than before the call; only in effects.
    Added(usize),
}

/// A kind of resource on which actions are tried.
#[derive(Debug)]
pub struct Resource {
    /// The type.
    pub type_name: Name,
    /// Where it is declared.
    pub place: Place,
    /// For each of these actors one fixture.
    pub owners: Vec<ActorIndex>,
    /// How a fixture comes to be.
    pub origin: Origin,
    /// How a made fixture is taken away again.
    pub remove: Option<Call>,
    /// What can be looked at to see an effect, in the order of the file.
    pub views: Vec<View>,
    /// What the policy knows of a fixture. May use `owner.*` only.
    pub attributes: Vec<(String, JsonTemplate)>,
    /// The relationships of a fixture: `document:{{ document.id }}#owner@{{ owner.subject }}`.
    pub relationships: Vec<Template>,
}

/// How a fixture comes to be.
#[derive(Debug)]
pub enum Origin {
    /// Made by a call, as often as needed.
    Created(Box<Create>),
    /// It exists already, one for each owner; may use `owner.*` only. Changing cells on such resources run one at a time.
    Existing {
        /// Its id.
        id: Template,
    },
}

/// The call that makes a fixture.
#[derive(Debug)]
pub struct Create {
    /// The call.
    pub call: Call,
    /// Where the answer says the id.
    pub id: JsonPath,
    /// What else to remember of the answer, as `TYPE.NAME`.
    pub captures: Vec<Capture>,
}

/// Something to look at before and after a call.
#[derive(Debug)]
pub struct View {
    /// The name.
    pub name: Name,
    /// Where it is declared.
    pub place: Place,
    /// The call that shows it.
    pub call: Call,
    /// Places in the JSON that change by themselves.
    pub ignore: Vec<JsonPath>,
    /// Whether the call names the resource's id. If not, it shows many resources (a list, an audit log), and an
    /// effect is looked for there by the unique text of the probe.
    pub of_instance: bool,
    /// It grows with every call (`log: true`): it is looked at only where an action names it, and
    /// that it has grown is no effect.
    pub log: bool,
}

/// One request to a target.
#[derive(Debug, Clone)]
pub struct Call {
    /// The system that is called.
    pub target: TargetIndex,
    /// Who calls.
    pub caller: Caller,
    /// The method, in capitals.
    pub method: String,
    /// Path and query, sent exactly as written; values are percent-encoded.
    pub path: Template,
    /// Headers beside the credential.
    pub headers: Vec<(String, Template)>,
    /// The body.
    pub body: Body,
    /// Where it is written.
    pub place: Place,
}

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The actor of the cell.
    Actor,
    /// The owner of the resource (`as: owner`).
    Owner,
    /// A named actor (`as: root`).
    Named(ActorIndex),
    /// Nobody: no credential is sent.
    Nobody,
}

/// The body of a call.
#[derive(Debug, Clone)]
pub enum Body {
    /// None.
    Empty,
    /// JSON.
    Json(JsonTemplate),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, Template)>),
    /// Text as it is.
    Text(Template),
}

impl Denies {
    /// The forms of a kind of denial.
    pub fn forms(&self, denial: Denial) -> &[Form] {
        match denial {
            Denial::Unauthenticated => &self.unauthenticated,
            Denial::Forbidden => &self.forbidden,
            Denial::Concealed => &self.concealed,
        }
    }
}

/// Whether a method is safe (RFC 9110, section 9.2.1): it only reads.
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

impl Caller {
    /// The actor who makes the call, where somebody goes through a flow.
    pub fn in_flow_of(self, actor: ActorIndex) -> Option<ActorIndex> {
        match self {
            Self::Actor => Some(actor),
            Self::Named(named) => Some(named),
            Self::Owner | Self::Nobody => None,
        }
    }
}

impl Call {
    /// Whether the method is safe (RFC 9110, section 9.2.1): it only reads.
    pub fn is_safe(&self) -> bool {
        is_safe(&self.method)
    }

    /// Every template of the call.
    pub fn templates(&self) -> Vec<&Template> {
        let mut all = vec![&self.path];
        all.extend(self.headers.iter().map(|(_, value)| value));
        match &self.body {
            Body::Empty => {}
            Body::Json(json) => all.extend(json.templates()),
            Body::Form(fields) => all.extend(fields.iter().map(|(_, value)| value)),
            Body::Text(text) => all.push(text),
        }
        all
    }

    /// Every variable of the call, as often as it stands there.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        let templates = self.templates().into_iter();
        templates.flat_map(|template| template.variables())
    }

    /// Whether the call uses a field of the resource that it is about.
    pub fn uses_resource(&self, field: &str) -> bool {
        self.variables().any(
            |variable| matches!(variable, Variable::Resource { field: used, .. } if used == field),
        )
    }
}
