//! Check: from the object towards the subject, depth first.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::facts::Reference;
use crate::relationships::{EVERY, Edge, Edges, NO_RELATION, SubjectReference};

use super::bind::Bound;
use super::memo::{Known, Memo, NONE};
use super::plan::{AllowedKind, Planned, RelationId, Step};
use super::walk::Found;
use super::{Answer, Asker, Circumstances, Engine, Question, QuestionError, ResolutionError};

/// How deep relations and operators may be nested in each other, hops or not.
const NESTING_MAX: u32 = 600;

/// What is known of one relation of one object. Cloning one is cheap.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Yes,
    No,
    /// It depends on these parameters.
    Unknown(Arc<BTreeSet<Arc<str>>>),
    /// It depends on itself.
    Cycle,
    /// The way is too long.
    Depth,
    Failed(Arc<ResolutionError>),
}

/// An object with what is written into its relations.
#[derive(Clone, Copy)]
struct Node<'a> {
    object: u32,
    edges: Edges<'a>,
}

/// Answers questions one after the other, and keeps its memory in between.
#[derive(Debug)]
pub struct Checker<'a> {
    pub(super) engine: &'a Engine,
    pub(super) context: &'a Map<String, Json>,
    pub(super) now: Timestamp,
    pub(super) asker: Asker,
    /// Whether every way is looked at, though one suffices.
    exhaustive: bool,
    memo: Memo,
    /// The outermost open relation that the last value depends on.
    depends_on: usize,
    open: usize,
    nesting: u32,
    pub(super) facts_left: u32,
    /// Whether no walk has given up yet: another one would be likely to as well.
    may_walk: bool,
    /// Whether a limit of time of a fact was looked at: without one, the answer is the same at any
    /// other instant.
    pub(super) read_now: bool,
}

impl<'a> Checker<'a> {
    /// A checker of what the engine knows.
    pub fn new(engine: &'a Engine) -> Self {
        Self {
            engine,
            context: empty(),
            now: Timestamp::UNIX_EPOCH,
            asker: Asker {
                object: 0,
                type_index: 0,
                userset: None,
            },
            exhaustive: false,
            memo: Memo::default(),
            depends_on: NONE,
            open: 0,
            nesting: 0,
            facts_left: 0,
            may_walk: true,
            read_now: false,
        }
    }

    /// Whether the subject stands in the relation to the object.
    ///
    /// # Errors
    /// A question that the model has no words for.
    pub fn check(
        &mut self,
        object: &Reference,
        relation: &str,
        subject: &SubjectReference,
        circumstances: Circumstances<'a>,
    ) -> Result<Answer, QuestionError> {
        // The question is answered where it stands: a copy of it would wait until both of its names
        // are found, and the walk needs one of them first.
        match self.engine.question(object, relation, subject) {
            Ok(ref question) => Ok(self.answer(question, circumstances)),
            Err(error) => Err(error),
        }
    }

    /// The answer to a question whose names the engine has looked up.
    /// One that another engine has looked them up for fails.
    #[inline]
    pub fn answer(&mut self, question: &Question<'_>, circumstances: Circumstances<'a>) -> Answer {
        if !std::ptr::eq(question.engine, self.engine) {
            return Answer::Failed(ResolutionError::Foreign);
        }
        // A walk depends on no circumstances, and most questions end with it.
        match question.walk(0, self.engine.rules.facts_max).0 {
            Found::Yes => Answer::Yes,
            Found::No => Answer::No,
            Found::GaveUp => {
                self.begin(circumstances);
                self.asker = question.asker;
                self.facts_left = self.engine.rules.facts_max;
                self.ask_at_length(question.object, question.relation)
            }
        }
    }

    /// Whether the answers so far may be others at another time.
    pub fn depends_on_time(&self) -> bool {
        self.read_now
    }

    /// Sets what the next questions are asked with.
    #[inline]
    pub(super) fn begin(&mut self, circumstances: Circumstances<'a>) {
        self.context = circumstances.context;
        self.now = circumstances.now;
        self.exhaustive = false;
    }

    /// From here on every way is looked at.
    pub(super) fn look_at_every_way(&mut self) {
        self.exhaustive = true;
    }

    #[inline]
    pub(super) fn ask(&mut self, object: u32, relation: RelationId, asker: Asker) -> Answer {
        self.asker = asker;
        self.facts_left = self.engine.rules.facts_max;
        let found = match self.exhaustive {
            false => self.walk(object, relation, 0),
            true => Found::GaveUp,
        };
        match found {
            Found::Yes => Answer::Yes,
            Found::No => Answer::No,
            Found::GaveUp => self.ask_at_length(object, relation),
        }
    }

    /// The answer to a question that no walk has one to.
    #[inline(never)]
    fn ask_at_length(&mut self, object: u32, relation: RelationId) -> Answer {
        self.memo.clear();
        self.depends_on = NONE;
        self.open = 0;
        self.nesting = 0;
        // Another walk from here would give up again.
        self.may_walk = self.engine.binding.trail(relation).is_none();
        match self.relation(object, None, relation, 0) {
            Value::Yes => Answer::Yes,
            Value::No => Answer::No,
            _ if self.engine.rules.cycle_is_false && self.is_in_no_fact() => Answer::No,
            Value::Cycle if self.engine.rules.cycle_is_false => Answer::No,
            Value::Cycle => Answer::Failed(ResolutionError::Cycle),
            Value::Depth => Answer::Failed(ResolutionError::Depth),
            Value::Unknown(names) => Answer::Conditional(names),
            Value::Failed(error) => Answer::Failed((*error).clone()),
        }
    }

    /// Whether no fact is about the subject. Then every way ends with a no, however long it is.
    /// (OpenFGA's language has no `self`, which would need no fact.)
    fn is_in_no_fact(&self) -> bool {
        let Asker {
            object,
            type_index,
            userset: None,
        } = self.asker
        else {
            return false;
        };
        let is_written = |subject: u32| {
            let edges = self.engine.snapshot.objects_of(subject);
            let mut kinds = edges.all().map(|edge| self.engine.snapshot.kind(edge.kind));
            kinds.any(|kind| kind.is_some_and(|it| matches!(it.subject, NO_RELATION | EVERY)))
        };
        let wildcard = self.engine.binding.wildcard(type_index);
        !is_written(object) && !wildcard.is_some_and(is_written)
    }

    /// The value of a relation of an object, whose facts may have been found before.
    fn relation(
        &mut self,
        object: u32,
        edges: Option<Edges<'a>>,
        relation: RelationId,
        hops: u32,
    ) -> Value {
        if self.asker.object == object && self.asker.userset == Some(relation) {
            return Value::Yes;
        }
        let engine = self.engine;
        let Some(planned) = engine.plan.get(relation) else {
            return Value::No;
        };
        if self.may_walk && !self.exhaustive && engine.binding.trail(relation).is_some() {
            match self.walk(object, relation, hops) {
                Found::Yes => return Value::Yes,
                Found::No => return Value::No,
                Found::GaveUp => self.may_walk = false,
            }
        }
        let node = |edges: Option<Edges<'a>>| Node {
            object,
            edges: edges.unwrap_or_else(|| engine.snapshot.subjects_of(object)),
        };
        let key = (object, relation, self.exhaustive);
        match self.memo.get(key) {
            Some(Known::Open(position)) => {
                self.depends_on = self.depends_on.min(*position);
                return Value::Cycle;
            }
            Some(Known::Value {
                value,
                hops: at,
                depends_on,
            }) if !matches!(value, Value::Depth) || hops >= *at => {
                self.depends_on = self.depends_on.min(*depends_on);
                return value.clone();
            }
            _ => {}
        }
        if hops > self.engine.rules.hops_max {
            return Value::Depth;
        }
        let position = self.open;
        let mark = self.memo.open(key, position);
        self.open += 1;
        let above = std::mem::replace(&mut self.depends_on, NONE);
        let value = self.step(&planned.step, planned, node(edges), hops);
        self.open -= 1;
        // What is settled is settled, whatever becomes of the open ones.
        let settled = matches!(value, Value::Yes | Value::No);
        let own = match self.depends_on {
            below if below < position && !settled => below,
            _ => NONE,
        };
        self.memo
            .close(key, (position, mark), (value.clone(), hops, own));
        self.depends_on = above.min(own);
        value
    }

    fn step(&mut self, step: &Step, planned: &'a Planned, node: Node<'a>, hops: u32) -> Value {
        if self.nesting >= NESTING_MAX {
            return Value::Depth;
        }
        self.nesting += 1;
        let value = match step {
            Step::Direct => self.direct(planned, node, hops),
            Step::Itself => {
                let is = self.asker.object == node.object && self.asker.userset.is_none();
                if is { Value::Yes } else { Value::No }
            }
            Step::Nobody => Value::No,
            Step::Computed(relation) => {
                self.relation(node.object, Some(node.edges), *relation, hops)
            }
            Step::Arrow {
                tupleset,
                all,
                targets,
            } => self.arrow(*tupleset, *all, targets, node.edges, hops),
            Step::Union(parts) => {
                let mut union = Value::No;
                for part in parts {
                    let value = self.step(part, planned, node, hops);
                    if self.add(&mut union, value) {
                        break;
                    }
                }
                union
            }
            Step::Intersection(parts) => {
                let mut intersection = Value::Yes;
                for part in parts {
                    let value = self.step(part, planned, node, hops);
                    intersection = intersection.and(value);
                    if matches!(intersection, Value::No) {
                        break;
                    }
                }
                intersection
            }
            Step::Exclusion(parts) => {
                let base = self.step(&parts.0, planned, node, hops);
                match base {
                    Value::No => base,
                    base => {
                        // Of what is taken away one way suffices: it is checked, not listed.
                        let exhaustive = std::mem::replace(&mut self.exhaustive, false);
                        let subtracted = self.step(&parts.1, planned, node, hops);
                        self.exhaustive = exhaustive;
                        base.and(subtracted.not())
                    }
                }
            }
        };
        self.nesting -= 1;
        value
    }

    /// Adds one way to a union. Whether no other way matters.
    fn add(&self, union: &mut Value, way: Value) -> bool {
        let exhaustive = self.exhaustive;
        let so_far = std::mem::replace(union, Value::No);
        *union = so_far.or(way, self.engine.rules.cycle_is_false, exhaustive);
        matches!(union, Value::Yes) && !exhaustive
    }

    fn direct(&mut self, planned: &'a Planned, node: Node<'a>, hops: u32) -> Value {
        let engine = self.engine;
        let mut union = Value::No;
        let kinds = engine.binding.kinds_of(planned.id);
        for bound in kinds {
            let Some(end) = self.end(bound) else {
                continue;
            };
            if let Some(edge) = node.edges.find(bound.kind, end)
                && engine
                    .binding
                    .allows(&planned.allowed, bound, &edge, &engine.snapshot)
            {
                let value = self.counts(&edge);
                if self.add(&mut union, value) {
                    return union;
                }
            }
        }
        for bound in kinds {
            let AllowedKind::Userset(relation) = bound.subject else {
                continue;
            };
            for edge in node.edges.of_kind(bound.kind) {
                if !self.pay() {
                    return self.too_many(union);
                }
                let allows =
                    engine
                        .binding
                        .allows(&planned.allowed, bound, &edge, &engine.snapshot);
                if !allows || self.is_out_of_time(&edge) {
                    continue;
                }
                let member = self.relation(edge.other, None, relation, hops + 1);
                let value = self.under(&edge, member);
                if self.add(&mut union, value) {
                    return union;
                }
            }
        }
        union
    }

    /// The subject that a fact of this kind has to name in order to name who asks.
    fn end(&self, bound: &Bound) -> Option<u32> {
        let asker = self.asker;
        if bound.type_index != asker.type_index {
            return None;
        }
        match (bound.subject, asker.userset) {
            (AllowedKind::Object, None) => Some(asker.object),
            (AllowedKind::Wildcard, None) => self.engine.binding.wildcard(asker.type_index),
            (AllowedKind::Userset(written), Some(asking)) => {
                (written == asking).then_some(asker.object)
            }
            _ => None,
        }
    }

    /// The value under the condition of the fact that led to it, which is asked only if it matters.
    fn under(&mut self, edge: &Edge, value: Value) -> Value {
        match value {
            Value::No => Value::No,
            value => self.counts(edge).and(value),
        }
    }

    fn arrow(
        &mut self,
        tupleset: RelationId,
        all: bool,
        targets: &[Option<RelationId>],
        edges: Edges<'a>,
        hops: u32,
    ) -> Value {
        let engine = self.engine;
        let Some(planned) = engine.plan.get(tupleset) else {
            return Value::No;
        };
        let mut union = Value::No;
        let mut intersection: Option<Value> = None;
        for bound in engine.binding.kinds_of(tupleset) {
            let target = targets.get(bound.type_index).copied().flatten();
            let follows = bound.leads_on(engine.rules);
            for edge in edges.of_kind(bound.kind) {
                if !self.pay() {
                    return self.too_many(union);
                }
                let allows =
                    engine
                        .binding
                        .allows(&planned.allowed, bound, &edge, &engine.snapshot);
                if !follows || !allows || self.is_out_of_time(&edge) {
                    continue;
                }
                let value = match target {
                    Some(relation) => self.relation(edge.other, None, relation, hops + 1),
                    None => Value::No,
                };
                let value = self.under(&edge, value);
                if all {
                    let joined = match intersection.take() {
                        None => value,
                        Some(so_far) => so_far.and(value),
                    };
                    if matches!(joined, Value::No) {
                        return joined;
                    }
                    intersection = Some(joined);
                } else if self.add(&mut union, value) {
                    return union;
                }
            }
        }
        intersection.unwrap_or(union)
    }

    /// Whether one more fact may be looked at.
    fn pay(&mut self) -> bool {
        self.facts_left = self.facts_left.saturating_sub(1);
        self.facts_left > 0
    }

    fn too_many(&self, union: Value) -> Value {
        let breadth = Value::Failed(Arc::new(ResolutionError::Breadth));
        union.or(breadth, self.engine.rules.cycle_is_false, self.exhaustive)
    }
}

impl Value {
    /// Whether one of the two holds. A yes makes up for anything, unless every way is looked at:
    /// then what is missing on another way counts.
    fn or(self, other: Self, cycle_is_false: bool, exhaustive: bool) -> Self {
        use Value::{Cycle, Depth, Failed, No, Unknown, Yes};
        match (self, other) {
            (Unknown(a), Unknown(b)) => Unknown(merged(a, b)),
            (Unknown(names), Yes) | (Yes, Unknown(names)) if exhaustive => Unknown(names),
            (Failed(error), Yes) | (Yes, Failed(error)) if exhaustive => Failed(error),
            (Yes, _) | (_, Yes) => Yes,
            (Failed(error), _) | (_, Failed(error)) => Failed(error),
            (Depth, _) | (_, Depth) => Depth,
            (Unknown(names), Cycle) | (Cycle, Unknown(names)) if cycle_is_false => Unknown(names),
            (Cycle, _) | (_, Cycle) => Cycle,
            (Unknown(names), _) | (_, Unknown(names)) => Unknown(names),
            (No, No) => No,
        }
    }

    /// Whether both hold. A no settles it, whatever else.
    fn and(self, other: Self) -> Self {
        use Value::{Cycle, Depth, Failed, No, Unknown, Yes};
        match (self, other) {
            (Unknown(a), Unknown(b)) => Unknown(merged(a, b)),
            (No, _) | (_, No) => No,
            (Cycle, _) | (_, Cycle) => Cycle,
            (Failed(error), _) | (_, Failed(error)) => Failed(error),
            (Depth, _) | (_, Depth) => Depth,
            (Unknown(names), _) | (_, Unknown(names)) => Unknown(names),
            (Yes, Yes) => Yes,
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            other => other,
        }
    }
}

fn merged(mut a: Arc<BTreeSet<Arc<str>>>, b: Arc<BTreeSet<Arc<str>>>) -> Arc<BTreeSet<Arc<str>>> {
    Arc::make_mut(&mut a).extend(b.iter().cloned());
    a
}

fn empty() -> &'static Map<String, Json> {
    static EMPTY: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);
    &EMPTY
}
