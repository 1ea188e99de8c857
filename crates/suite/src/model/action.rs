//! What is tried: actions on their layers, flows, and what is expected of them.

use authz::Denial;
use authz::source::Place;
use serde_json_path::JsonPath;

use super::{
    ActionIndex, ActorIndex, Assertion, Call, Capture, CaptureSource, ResourceIndex, Statement,
    View,
};
use crate::template::Name;

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
    /// The ways in which it is tried: with `statements`, at least one.
    pub layers: Vec<Layer>,
    /// The statements by which it is tried on databases.
    pub statements: Vec<Statement>,
}

impl Action {
    /// `type.name`, as users write it.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.type_name, self.name)
    }

    /// Whether it is tried in several ways, so that names of cells say in which.
    pub fn has_several_layers(&self) -> bool {
        self.layers.len() + self.statements.len() > 1
    }
}

/// An action on one target.
#[derive(Debug)]
pub struct Layer {
    /// The call; its caller is [`Caller::Actor`](super::Caller::Actor).
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

/// A body that must be refused: to whoever may it is bad input, and to everybody else it changes
/// nothing.
#[derive(Debug)]
pub enum Malformed {
    /// The JSON of the call without its last bracket.
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
    /// The view that the answer must show (`shows: body`): index into [`Resource::views`](super::Resource::views).
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

impl Effect {
    /// Whether it says something of this view.
    pub fn names(&self, view: usize) -> bool {
        match &self.kind {
            EffectKind::Created => false,
            EffectKind::Views(views) => views.iter().any(|(named, _)| *named == view),
        }
    }
}

/// What an allowed call does.
#[derive(Debug)]
pub enum EffectKind {
    /// A new resource exists.
    Created,
    /// What the views show afterwards, each by index into [`Resource::views`](super::Resource::views).
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
    /// What views hold afterwards and did not before, each by index into [`Resource::views`](super::Resource::views).
    pub views: Vec<(usize, Vec<Assertion>)>,
}

/// How a listing is read.
#[derive(Debug)]
pub struct Items {
    /// Where the ids stand.
    pub ids: JsonPath,
    /// The action (index into [`Suite::actions`](super::Suite::actions)) that decides who may see an item.
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

/// One call of a flow. Whoever goes through the flow is [`Caller::Actor`](super::Caller::Actor); what was captured is
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
