//! The one typed form of a suite file, every name resolved and every template parsed.
//!
//! Things refer to one another by index into the lists of [`Suite`], which are in the order of
//! the file.

use std::sync::Arc;

use authz::source::Place;
use authz::{Denial, Facts, Policy};
use indexmap::IndexMap;
use jiff::civil::Date;
use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::openapi::Document;
use crate::template::{JsonTemplate, Name, Template};

/// A whole suite.
#[derive(Debug)]
pub struct Suite {
    /// The running systems.
    pub targets: Vec<Target>,
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

/// A way to open a session.
#[derive(Debug)]
pub struct Session {
    /// Its name in the suite.
    pub name: Name,
    /// Where it is declared.
    pub place: Place,
    /// The calls that open it, in order; none where the credential itself is sent with each call.
    pub login: Vec<Step>,
    /// What is sent with each call beside cookies; none for a session of cookies alone.
    pub credential: Option<Credential>,
    /// What shows that a changing call comes from the system's own pages.
    pub csrf: Option<Csrf>,
    /// The call that gets a new token for one that expires.
    pub refresh: Option<Step>,
    /// The host by which its calls name the system, where that is not the target's own (a tenant
    /// by subdomain). The connection still goes to the target's address.
    pub host: Option<Template>,
    /// How the system says who the session is.
    pub who: Option<Who>,
}

/// A call that opens a session or goes on with opening it.
#[derive(Debug)]
pub struct Step {
    /// The call; its `caller` is always [`Caller::Nobody`].
    pub call: Call,
    /// The statuses of success; empty: any 2xx.
    pub status: Vec<u16>,
    /// Where the token stands in the answer; remembered as `token`.
    pub token: Option<Capture>,
    /// What else to remember of the answer, as `actor.NAME`.
    pub captures: Vec<Capture>,
}

/// A value to remember of an answer.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The name under which it is remembered.
    pub name: String,
    /// Where it stands in the answer.
    pub source: CaptureSource,
    /// Where it is written.
    pub place: Place,
}

/// Where a value stands in an answer.
#[derive(Debug, Clone)]
pub enum CaptureSource {
    /// In its JSON (RFC 9535).
    Json(JsonPath),
    /// In a header, by lowercase name.
    Header(String),
    /// In a cookie that it sets.
    Cookie(String),
    /// In its text: the first group of the first match. For the CSRF token of a form, say.
    Text(Regex),
}

/// A value that a browser would send only from the system's own pages.
#[derive(Debug)]
pub struct Csrf {
    /// Where the value comes from.
    pub source: CsrfSource,
    /// How it is sent with every call whose method is not safe.
    pub place: CsrfPlace,
}

/// Where a CSRF token comes from.
#[derive(Debug)]
pub enum CsrfSource {
    /// A cookie, as it is when the call is made; percent-decoded.
    Cookie(String),
    /// What the login has captured under this name.
    Capture(String),
}

/// How a CSRF token is sent.
#[derive(Debug)]
pub enum CsrfPlace {
    /// In a header.
    Header(String),
    /// In a field of the form.
    Field(String),
}

/// What is sent with each call of a session.
#[derive(Debug)]
pub enum Credential {
    /// HTTP basic (RFC 7617).
    Basic {
        /// The user name.
        user: Template,
        /// The password.
        password: Template,
    },
    /// `Authorization: Bearer ...` (RFC 6750). After a login: `{{ token }}`.
    Bearer(Template),
    /// A header of its own.
    Header {
        /// The name of the header.
        name: String,
        /// Its value.
        value: Template,
    },
    /// A query parameter of its own.
    Query {
        /// The name of the parameter.
        name: String,
        /// Its value.
        value: Template,
    },
    /// The token is a cookie of this name.
    Cookie(String),
}

/// How the system says who a session is.
#[derive(Debug)]
pub struct Who {
    /// The call, made by the actor.
    pub call: Call,
    /// Where the answer says it; remembered as `actor.id`.
    pub subject: JsonPath,
}

/// Someone who calls.
#[derive(Debug)]
pub struct Actor {
    /// The name in the suite.
    pub name: Name,
    /// Where it is declared.
    pub place: Place,
    /// How to open a session; none for a visitor.
    pub session: Option<SessionIndex>,
    /// Makes fixtures and reads views, is never a probe (`only: setup`).
    pub only_setup: bool,
    /// Who this is to the policy: `user:ada`.
    pub subject: Option<String>,
    /// The tenant in which the actor acts.
    pub tenant: Option<String>,
    /// The roles in that tenant.
    pub roles: Vec<String>,
    /// Attributes of the subject.
    pub attributes: serde_json::Map<String, Value>,
    /// The scopes of the credential; none if it has no such limit.
    pub scopes: Option<Vec<String>>,
    /// The claims of the credential.
    pub claims: serde_json::Map<String, Value>,
    /// Everything else that is declared, as `actor.NAME`: mail, password and the like. These hold no variables.
    pub fields: IndexMap<String, String>,
    /// Whose account and session these are (`like`).
    pub like: Option<ActorIndex>,
    /// What is wrong with the session that the actor takes from that one.
    pub variant: Option<Variant>,
    /// How the user comes to be and goes again, if it is made for the run.
    pub throw_away: Option<Box<ThrowAway>>,
}

/// A live session of another actor, spoilt in one point.
#[derive(Debug, Clone)]
pub enum Variant {
    /// Validly signed, and expired.
    Expired(Aging),
    /// Validly signed with this key, and not good yet (`nbf`, RFC 7519, section 4.1.5).
    NotYetValid {
        /// The key: a PEM, or a secret as it is or in base64.
        key: String,
    },
    /// Other claims, or another signature, than were signed.
    Forged {
        /// These claims are replaced.
        claims: serde_json::Map<String, Value>,
        /// The signature under them.
        signature: Signature,
    },
    /// The algorithm is `none` (RFC 7519, section 6).
    Unsigned {
        /// These claims are replaced.
        claims: serde_json::Map<String, Value>,
    },
    /// A text that is no token.
    Garbage,
    /// No text at all.
    Empty,
    /// The token is good, but calls lack the CSRF token.
    CsrfAbsent,
}

/// How a token comes to be expired.
#[derive(Debug, Clone)]
pub enum Aging {
    /// It is made anew with times in the past, and signed with this key: a PEM, or a secret as it
    /// is or in base64.
    Minted(String),
    /// Its end is waited for.
    WaitedOut {
        /// The longest wait, in seconds.
        seconds_max: u64,
        /// How long after its end targets may still take it, in seconds, because clocks differ.
        leeway_seconds: u64,
    },
}

/// The signature of a forged token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// That of the live token.
    Kept,
    /// That of the live token of another actor.
    Of(ActorIndex),
}

/// A user that is made for the run.
#[derive(Debug)]
pub struct ThrowAway {
    /// The call that makes it. As in every call here, `actor.*` is the user itself, whoever
    /// makes the call.
    pub create: Call,
    /// What to remember of the answer, as `actor.NAME`; `id` among them.
    pub captures: Vec<Capture>,
    /// Fields of the user that hold `unique`.
    pub fields: Vec<(String, Template)>,
    /// What happens to the user between the controls of its cells and the cells themselves.
    pub then: Vec<Call>,
    /// The call that takes the user away again.
    pub remove: Option<Call>,
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

/// Something that is tried.
#[derive(Debug)]
pub struct Action {
    /// The type of resource.
    pub type_name: Name,
    /// The name.
    pub name: Name,
    /// Where it is declared.
    pub place: Place,
    /// The action that the policy is asked about; the name, unless `permission:` says another.
    pub permission: Name,
    /// The resource on whose fixtures it is tried; `None` for an action on a collection.
    pub instance_of: Option<ResourceIndex>,
    /// The declared resource of the type, also where the action is one on the collection.
    pub resource: Option<ResourceIndex>,
    /// `expect: absent`: for everyone it must answer as an unknown path does.
    pub absent: bool,
    /// The cell that `control:` names for denials that have no control of their own.
    pub control: Option<(String, Place)>,
    /// The ways in which it is tried, at least one.
    pub layers: Vec<Layer>,
}

/// An action on one target.
#[derive(Debug)]
pub struct Layer {
    /// The call; its caller is [`Caller::Actor`].
    pub call: Call,
    /// What the answer to an allowed call is.
    pub answer: AnswerAssertions,
    /// What an allowed call does.
    pub effect: Option<Effect>,
    /// What a denied call leaves behind.
    pub on_denial: Vec<Owed>,
    /// For a listing: where the ids of its items stand, and the action that decides who sees an item.
    pub items: Option<Items>,
    /// What the operation that is called takes as JSON, where the target has a document that
    /// says it.
    pub body_schema: Option<Schema>,
    /// The same with a body that must be refused, if that is tried too.
    pub malformed: Option<Malformed>,
}

/// A body that must be refused: to whoever may it is bad input, and to everybody else it changes
/// nothing.
#[derive(Debug)]
pub enum Malformed {
    /// The JSON of the call, cut off in the middle.
    CutOff,
    /// The call with another body.
    Call(Box<Call>),
}

/// What the answer to an allowed call is.
#[derive(Debug, Default)]
pub struct AnswerAssertions {
    /// The statuses; empty: any 2xx.
    pub status: Vec<u16>,
    /// What the JSON holds.
    pub json: Vec<Assertion>,
    /// The JSON Schema of the body.
    pub schema: Option<Schema>,
    /// The view that the answer must show (`shows: body`): index into [`Resource::views`].
    pub shows: Option<usize>,
}

/// A compiled JSON Schema.
#[derive(Debug)]
pub struct Schema {
    /// What checks a body.
    pub validator: jsonschema::Validator,
    /// Where it is written.
    pub place: Place,
}

/// What an allowed call does.
#[derive(Debug)]
pub struct Effect {
    /// Where it is written.
    pub place: Place,
    /// What it is.
    pub kind: EffectKind,
}

/// What an allowed call does.
#[derive(Debug)]
pub enum EffectKind {
    /// A new resource exists.
    Created,
    /// What the views show afterwards, each by index into [`Resource::views`].
    Views(Vec<(usize, ViewEffect)>),
}

/// What one view shows afterwards.
#[derive(Debug)]
pub enum ViewEffect {
    /// It answers as for something that is not there.
    Gone,
    /// What its JSON holds.
    Json(Vec<Assertion>),
}

/// What a denial of one kind leaves behind: a record in an audit log, say.
#[derive(Debug)]
pub struct Owed {
    /// The kind of denial.
    pub denial: Denial,
    /// What views hold afterwards and did not before, each by index into [`Resource::views`].
    pub views: Vec<(usize, Vec<Assertion>)>,
}

/// How a listing is read.
#[derive(Debug)]
pub struct Items {
    /// Where the ids stand.
    pub ids: JsonPath,
    /// The action (index into [`Suite::actions`]) that decides who may see an item.
    pub of: ActionIndex,
    /// Where the number of all items stands, on this page and on others.
    pub total: Option<CaptureSource>,
}

/// A chain of calls, in which later ones use what earlier ones have learnt.
#[derive(Debug)]
pub struct Flow {
    /// The name.
    pub name: Name,
    /// Where it is declared.
    pub place: Place,
    /// The actors of whom each goes through all of it.
    pub by: Vec<ActorIndex>,
    /// Its steps in order, at least one.
    pub steps: Vec<FlowStep>,
}

/// One call of a flow. Whoever goes through the flow is [`Caller::Actor`]; what was captured is
/// the resource `flow`.
#[derive(Debug)]
pub struct FlowStep {
    /// The name.
    pub name: Name,
    /// Where it is declared.
    pub place: Place,
    /// The call.
    pub call: Call,
    /// What the answer is where the call is allowed.
    pub answer: AnswerAssertions,
    /// What to remember of that answer, as `flow.NAME`.
    pub captures: Vec<Capture>,
    /// What is expected.
    pub expected: ExpectCell,
    /// What is expected where these go through the flow.
    pub expected_of: Vec<(ActorIndex, ExpectCell)>,
    /// How what the step makes is taken away again.
    pub remove: Option<Call>,
}

impl FlowStep {
    /// What is expected of the step where an actor goes through the flow.
    pub fn expected_by(&self, actor: ActorIndex) -> &ExpectCell {
        let own = self.expected_of.iter().find(|(of, _)| *of == actor);
        own.map_or(&self.expected, |(_, cell)| cell)
    }
}

/// The table of `expect:`.
#[derive(Debug)]
pub struct ExpectTable {
    /// Where it stands.
    pub place: Place,
    /// The actors of its columns.
    pub columns: Vec<ActorIndex>,
    /// Its rows.
    pub rows: Vec<ExpectRow>,
}

/// A row of the table.
#[derive(Debug)]
pub struct ExpectRow {
    /// The action.
    pub action: ActionIndex,
    /// The owner of the resource; `None` for an action on a collection.
    pub owner: Option<ActorIndex>,
    /// One for each column.
    pub cells: Vec<ExpectCell>,
}

/// One place of the table.
#[derive(Debug, Clone)]
pub struct ExpectCell {
    /// What it says.
    pub expected: Expected,
    /// The other kinds of denial that its status may be.
    pub or: Vec<Denial>,
    /// Where it stands.
    pub place: Place,
}

/// What is expected of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// The actor may.
    Allow,
    /// The actor may not, and is told so in this way.
    Deny(Denial),
    /// There is no such thing: it answers as an unknown path does.
    Absent,
    /// The actor may, but not with a malformed body: it is refused as bad input.
    Reject,
    /// Nothing is expected (`?`): it is observed only.
    Observe,
}

impl Expected {
    /// What is expected of the same call with a malformed body; `None` where that says nothing.
    pub fn with_malformed_body(self) -> Option<Self> {
        match self {
            Self::Allow => Some(Self::Reject),
            Self::Deny(denial) => Some(Self::Deny(denial)),
            Self::Reject | Self::Absent | Self::Observe => None,
        }
    }
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
}

impl Actor {
    /// Whether its calls are those of somebody without a session, because its token must not
    /// work: a spoilt one, or that of a user to whom something has happened.
    pub fn is_shut_out(&self) -> bool {
        match &self.variant {
            Some(variant) => !matches!(variant, Variant::CsrfAbsent),
            None => self.turns(),
        }
    }

    /// Whether something happens to its session in mid-run: its cells are tried before, as their
    /// own controls, and after.
    pub fn turns(&self) -> bool {
        let minted_or_waited = matches!(
            self.variant,
            Some(Variant::Expired(_) | Variant::NotYetValid { .. })
        );
        let happens = self
            .throw_away
            .as_ref()
            .is_some_and(|it| !it.then.is_empty());
        minted_or_waited || happens
    }

    /// Whether its session stays as it is, good or bad: it is neither asked who it is nor opened
    /// again.
    pub fn is_fixed(&self) -> bool {
        self.variant.is_some() || self.turns()
    }
}

impl Layer {
    /// Whether the call may change something: its method is not safe, or it declares an effect,
    /// be it one of its denial.
    pub fn changes(&self) -> bool {
        self.effect.is_some() || !self.on_denial.is_empty() || !self.call.is_safe()
    }

    /// What a denial of this kind leaves behind.
    pub fn owed(&self, denial: Denial) -> Option<&Owed> {
        self.on_denial.iter().find(|owed| owed.denial == denial)
    }

    /// Whether a view is looked at for such a call: a log only where the call names it.
    pub fn looks_at(&self, index: usize, view: &View) -> bool {
        let in_effect = |effect: &Effect| effect.names(index);
        let on_denial = |owed: &Owed| owed.views.iter().any(|(named, _)| *named == index);
        !view.log
            || self.effect.as_ref().is_some_and(in_effect)
            || self.on_denial.iter().any(on_denial)
    }
}

impl Effect {
    /// Whether it says something of this view.
    pub fn names(&self, view: usize) -> bool {
        match &self.kind {
            EffectKind::Created => false,
            EffectKind::Views(views) => views.iter().any(|(named, _)| *named == view),
        }
    }
}

impl Action {
    /// `type.name`, as users write it.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.type_name, self.name)
    }
}
