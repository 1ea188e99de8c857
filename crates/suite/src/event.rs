//! What a run tells while it goes on. Reports know nothing else of it.
//!
//! Every text in an event is masked already: a report may write it anywhere.

use authz::source::Place;
use serde::{Deserialize, Serialize};

use crate::plan::Shard;
use crate::verdict::{Access, Verdict};

/// The version of the event and report form. It changes when a reader of the old one would be
/// misled by the new one.
pub const FORMAT_VERSION: u32 = 1;

/// Something that happened in a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run begins.
    RunStarted(RunStarted),
    /// A cell was judged.
    CellJudged(Box<CellRecord>),
    /// Something that the user should know that belongs to no single cell.
    Note(Note),
    /// An operation of a target's OpenAPI document is not tried as it should be. Told when all
    /// cells are judged, before the end.
    Surface(SurfaceRecord),
    /// Something that the system allows is not in the baseline, or the other way round. Told when
    /// all cells are judged, before the end.
    Drift(Drift),
    /// Layers of one action disagree. Told when all cells are judged, before the end.
    Disagreement(Box<Disagreement>),
    /// The run is over.
    RunFinished(Summary),
}

/// The head of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunStarted {
    /// The run's own name: sortable, unique on one machine.
    pub run: String,
    /// The file of the suite.
    pub suite: String,
    /// A hash of the suite's files; another one, another suite.
    #[serde(default)]
    pub digest: String,
    /// The environment of the suite, if one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Whether no call was sent that changes something.
    #[serde(default)]
    pub read_only: bool,
    /// When it began (RFC 3339).
    pub started: String,
    /// How many cells it will judge.
    pub cells: usize,
    /// The patterns that name the cells that are tried; none where all are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    /// Which part of several this is, such as `2/8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// How many cells the whole of a part judges, each counted once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells_of_all: Option<usize>,
    /// The targets: name and address.
    pub targets: Vec<(String, String)>,
    /// The actors that are tried, in the order of the file.
    pub actors: Vec<String>,
}

impl RunStarted {
    /// Whether the whole suite is tried, and not only what somebody chose.
    pub fn is_of_all(&self) -> bool {
        self.patterns.is_empty() && self.shard.is_none() && !self.read_only
    }
}

/// Something that the user should know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Note {
    /// The sentence.
    pub text: String,
}

/// A judged cell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CellRecord {
    /// `actor/type.action/owner[/situation=value][/layer]`.
    pub cell: String,
    /// The actor.
    pub actor: String,
    /// Who makes the call, where that is somebody else, as in a step of a flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// `type.action`.
    pub action: String,
    /// The owner of the resource, where the action has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What else is particular: `body=malformed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub situation: Option<String>,
    /// The target.
    pub target: String,
    /// What it means.
    pub verdict: Verdict,
    /// What the system did, whatever was expected.
    pub access: Access,
    /// What was expected.
    pub expected: ExpectedRecord,
    /// What was observed, in words.
    pub observed: String,
    /// Why the verdict is what it is, where `observed` does not say it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Where the action is declared.
    pub place: Place,
    /// The cell beside which a denial counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlRecord>,
    /// Whether the effect could be looked at: `None` for a cell that changes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect_seen: Option<bool>,
    /// The probe as a `curl` command; the credential is a call of `lockstep token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curl: Option<String>,
    /// For a statement that is decided on row by row: what it did with the rows that calls of the same action are tried
    /// on too, or with the one that it adds. None where that is not established.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowRecord>,
    /// Every request of the cell with its answer; left out where the cell held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// From the first request to the verdict, in milliseconds.
    pub duration_ms: u64,
}

/// What a statement did with one row that calls are tried on too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRecord {
    /// The owner of the resource that the row is; none for a row that is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its key.
    pub key: String,
    /// Whether the policy permits it on this row.
    pub permitted: bool,
    /// What the database did.
    pub access: Access,
}

/// What was expected of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedRecord {
    /// `allow`, `deny`, `absent`, `reject`, `rows` (of each row what the policy says) or `?`.
    pub what: String,
    /// The kind of denial: `unauthenticated`, `forbidden` or `concealed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial: Option<String>,
    /// Why: the role, rule, default or line of `expect` that says so.
    pub reason: String,
    /// Where that stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// An operation that is not tried, or an exception that is out of date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurfaceRecord {
    /// What is wrong.
    pub gap: Gap,
    /// The target that has the operation.
    pub target: String,
    /// Its `operationId`, or `GET /path`.
    pub operation: String,
    /// `GET /path`; none for an operation that is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// The exception, or else where the document has the operation.
    pub place: Place,
    /// What tries it, ready to be pasted into the suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paste: Option<String>,
}

/// Why an operation is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// No cell tries it, and there is no exception. The run fails.
    Undeclared,
    /// Its exception has ended. The run fails.
    Expired,
    /// The exception is from an operation that is not there. The run fails.
    Gone,
    /// It is excepted, and tried. The run fails.
    Needless,
    /// It is excepted, and nobody has decided on it yet. The run is not green.
    Unfilled,
}

impl Gap {
    /// Whether the run fails for it.
    pub fn is_finding(self) -> bool {
        self != Self::Unfilled
    }

    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Undeclared => "not tried",
            Self::Expired => "exception ended",
            Self::Gone => "exception from nothing",
            Self::Needless => "needless exception",
            Self::Unfilled => "to be filled",
        }
    }
}

/// How much of the surface of the targets is tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurfaceCounts {
    /// The operations of all documents.
    pub operations: usize,
    /// Those that a cell tries.
    pub with_cell: usize,
    /// Those that are excepted, with those to be filled.
    pub excepted: usize,
    /// Those that are to be filled.
    pub unfilled: usize,
    /// Operations and exceptions for which the run fails.
    pub findings: usize,
}

impl ExpectedRecord {
    /// Whether the actor may.
    pub fn is_allow(&self) -> bool {
        self.what == "allow"
    }

    /// Whether nothing is expected: the cell is observed only.
    pub fn is_nothing(&self) -> bool {
        self.what == "?"
    }
}

/// A difference between the grants of a run and those of the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// What became of the grant.
    pub change: Change,
    /// The cell.
    pub cell: String,
    /// Why the system allows it, or what it does instead.
    pub reason: String,
    /// For what was added, the line that allows it, or else its action; for the others, the line
    /// of the baseline.
    pub place: Place,
}

impl Drift {
    /// As a line of a diff of the baseline: `+ allow viewer/post.read/editor`.
    pub fn line(&self) -> String {
        let sign = match self.change {
            Change::Added => '+',
            Change::Denied | Change::Vanished => '-',
        };
        format!("{sign} allow {}", self.cell)
    }
}

/// What became of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The system allows it, and it is not in the baseline. The run fails.
    Added,
    /// It is in the baseline, and the system denies it.
    Denied,
    /// It is in the baseline, and the suite has no such cell.
    Vanished,
}

/// How many grants differ from the baseline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftCounts {
    /// See [`Change::Added`].
    pub added: usize,
    /// See [`Change::Denied`].
    pub denied: usize,
    /// See [`Change::Vanished`].
    pub vanished: usize,
}

impl DriftCounts {
    /// Counts one more.
    pub fn add(&mut self, change: Change) {
        *match change {
            Change::Added => &mut self.added,
            Change::Denied => &mut self.denied,
            Change::Vanished => &mut self.vanished,
        } += 1;
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.added + self.denied + self.vanished
    }
}

/// An action that one layer allows and another denies, to the same actor and on the same resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagreement {
    /// `actor/type.action[/owner][/situation=value]`: what the cells of both layers have in common.
    pub name: String,
    /// The same in every run in which the same layers disagree in the same way, and in no other case.
    pub fingerprint: String,
    /// Which side of it the policy is on.
    pub clash: Clash,
    /// The actor.
    pub actor: String,
    /// `type.action`.
    pub action: String,
    /// The owner of the resource, where the action is on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What was expected of both.
    pub expected: ExpectedRecord,
    /// The layers that allow it, sorted: whoever comes by one of them is not held by the others.
    pub weaker: Vec<String>,
    /// The cells that it was allowed in, sorted.
    pub allows: Vec<Side>,
    /// The cells that it was denied in, sorted.
    pub denies: Vec<Side>,
    /// Where the first cell is declared that is not as expected.
    pub place: Place,
}

impl Disagreement {
    /// The gravest first, then by name.
    pub fn rank(&self) -> (Clash, &str, &str) {
        (self.clash, &self.name, &self.fingerprint)
    }

    /// The cells that are not as expected; where nothing is expected, those that it was allowed in.
    pub fn wrong(&self) -> &[Side] {
        match self.clash {
            Clash::Bypass | Clash::Undecided => &self.allows,
            Clash::Lockout => &self.denies,
        }
    }
}

/// One of the cells of layers that disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Its name.
    pub cell: String,
    /// The layer: the name of its target.
    pub target: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// What was observed, in words.
    pub observed: String,
    /// Where it is declared.
    pub place: Place,
}

/// How layers disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clash {
    /// The policy denies it, and a layer lets it pass that another one holds.
    Bypass,
    /// The policy permits it, and what one layer grants ends at another.
    Lockout,
    /// Nothing is expected of it: one of them is wrong, and nobody has said which.
    Undecided,
}

impl Clash {
    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Lockout => "lockout",
            Self::Undecided => "undecided",
        }
    }
}

/// How many rules were seen at several layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerCounts {
    /// Those of which it is established what at least two layers do.
    pub compared: usize,
    /// Those in which they disagree. More than none: the run fails.
    pub disagreements: usize,
}

/// The control of a denial.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ControlRecord {
    /// Its name.
    pub cell: String,
    /// Whether it succeeded in this run.
    pub succeeded: bool,
    /// The one thing in which it differs.
    pub differs_in: String,
}

/// A request and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Exchange {
    /// What it was for: `probe`, `create post`, `view body before`, ...
    pub purpose: String,
    /// Who made it; none for a call without credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The method.
    pub method: String,
    /// The address, exactly as sent.
    pub url: String,
    /// The headers that were sent, in order.
    pub headers: Vec<(String, String)>,
    /// The body that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What came back.
    pub answer: AnswerRecord,
}

/// What came back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerRecord {
    /// An answer.
    Answered {
        /// The status.
        status: u16,
        /// The headers.
        headers: Vec<(String, String)>,
        /// The body as text, cut after [`BODY_CHARS_MAX`] characters.
        body: String,
    },
    /// What a database answered to a statement, in words.
    Returned(String),
    /// None: why.
    Failed(String),
}

/// The longest body that an event carries, in characters.
pub const BODY_CHARS_MAX: usize = 2_000;

/// The end of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// How many cells had each verdict.
    pub counts: Counts,
    /// Denials that rest on the answer alone, because no view could show an effect.
    pub effects_unseen: usize,
    /// How many requests were sent.
    pub requests: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// How much of the targets' OpenAPI documents is tried; none where there is no document, or
    /// where only a part of the suite was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface: Option<SurfaceCounts>,
    /// How far it is from the baseline; none where there is no baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftCounts>,
    /// How the layers compare; none where no rule was seen at two of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<LayerCounts>,
}

impl Summary {
    /// The rules in which layers disagree.
    pub fn disagreements(&self) -> usize {
        self.layers.map_or(0, |layers| layers.disagreements)
    }

    /// The findings about operations that are not tried.
    pub fn surface_findings(&self) -> usize {
        self.surface.map_or(0, |surface| surface.findings)
    }

    /// The grants that are not in the baseline.
    pub fn grants_added(&self) -> usize {
        self.drift.map_or(0, |drift| drift.added)
    }

    /// Whether something was found that must not be: the run fails, whatever else happened.
    pub fn fails(&self) -> bool {
        self.counts.findings()
            + self.grants_added()
            + self.surface_findings()
            + self.disagreements()
            > 0
    }
}

impl Summary {
    /// Counts one more cell.
    pub fn add(&mut self, record: &CellRecord) {
        self.counts.add(record.verdict);
        if record.effect_seen == Some(false)
            && record.verdict == Verdict::Held
            && matches!(record.expected.what.as_str(), "deny" | "reject")
        {
            self.effects_unseen += 1;
        }
    }
}

/// How many cells had each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// See [`Verdict::Held`].
    pub held: usize,
    /// See [`Verdict::Escalation`].
    pub escalation: usize,
    /// See [`Verdict::Lockout`].
    pub lockout: usize,
    /// See [`Verdict::Leak`].
    pub leak: usize,
    /// See [`Verdict::SideEffect`].
    pub side_effect: usize,
    /// See [`Verdict::WrongDenial`].
    pub wrong_denial: usize,
    /// See [`Verdict::Inconclusive`].
    pub inconclusive: usize,
    /// See [`Verdict::NotApplicable`].
    pub not_applicable: usize,
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Held => &mut self.held,
            Verdict::Escalation => &mut self.escalation,
            Verdict::Lockout => &mut self.lockout,
            Verdict::Leak => &mut self.leak,
            Verdict::SideEffect => &mut self.side_effect,
            Verdict::WrongDenial => &mut self.wrong_denial,
            Verdict::Inconclusive => &mut self.inconclusive,
            Verdict::NotApplicable => &mut self.not_applicable,
        } += 1;
    }

    /// All cells.
    pub fn total(&self) -> usize {
        self.held + self.findings() + self.inconclusive + self.not_applicable
    }

    /// The cells that are findings.
    pub fn findings(&self) -> usize {
        self.escalation + self.lockout + self.leak + self.side_effect + self.wrong_denial
    }
}
