//! Which parts of a model an answer exercises. Every answer is the checker's; only the order is said
//! here: the parts of a relation are gone through as the model writes them, up to the one that
//! decides.

use std::collections::{BTreeSet, HashMap};

use crate::condition;
use crate::facts::Reference;
use crate::model::relation::{Relation, RelationModel, Rewrite, SubjectKind, SubjectType};
use crate::relationships::{Edge, NO_RELATION, SubjectReference};
use crate::source::Place;

use super::bind::Bound;
use super::check::Value;
use super::memo::NodeKey;
use super::plan::{AllowedKind, Planned, RelationId, Step};
use super::{Answer, Asker, Checker, Circumstances, Engine, QuestionError};

/// How many relations of objects one question goes through.
const NODES_MAX: usize = 1_000;
/// How deep relations are gone into: deeper than either language lets a way along facts be.
const DEPTH_MAX: usize = 100;

/// Something of a relation that a question can exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Spot {
    /// That somebody asks for it.
    Asked,
    /// That subjects written as the one of this number may be are found.
    Subject(usize),
    /// That a part, counted from the outside in the order of the text, holds, or does not.
    Part(usize, bool),
}

/// A spot of a model, told.
#[derive(Debug)]
pub(crate) struct ToldSpot {
    pub(crate) relation: RelationId,
    pub(crate) spot: Spot,
    /// A sentence: "`viewer` of document holds by `editor`".
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// All spots of a model, in its order.
pub(crate) fn spots(model: &RelationModel) -> Vec<ToldSpot> {
    let relations = model.types.iter();
    let relations = relations.flat_map(|(type_name, found)| {
        let relations = found.relations.iter();
        relations.map(move |(name, relation)| (type_name, name, relation))
    });
    let mut told = Vec::new();
    for (number, (type_name, name, relation)) in (0..).zip(relations) {
        let mut tell = |spot, text: String, place: &Place| {
            told.push(ToldSpot {
                relation: number,
                spot,
                text,
                place: place.clone(),
            });
        };
        let whole = &relation.at.0;
        let of = format!("`{name}` of {type_name}");
        tell(Spot::Asked, format!("{of} is asked for"), whole);
        let mut parts = Vec::new();
        list(&relation.rewrite, &mut 0, Use::Grants, &mut parts);
        for part in &parts {
            for (spot, happens) in happenings(relation, part, model) {
                let place = place_of(relation, part, spot);
                tell(spot, format!("{of} {happens}"), place);
            }
        }
    }
    told
}

/// What can happen at a part, each with the words for it.
fn happenings(
    relation: &Relation,
    &(position, part, used): &Listed<'_>,
    model: &RelationModel,
) -> Vec<(Spot, String)> {
    let by = shown(part, model);
    let holds = Spot::Part(position, true);
    let fails = Spot::Part(position, false);
    if used == Use::Excludes {
        return vec![
            (holds, format!("is taken away by {by}")),
            (fails, format!("is not taken away by {by}")),
        ];
    }
    let mut found = match part {
        Rewrite::Direct => {
            let subjects = relation.subjects.iter().enumerate();
            let told = subjects.map(|(subject, it)| {
                let text = format!("holds by a written `{}`", written(it));
                (Spot::Subject(subject), text)
            });
            told.collect()
        }
        _ => vec![(holds, format!("holds by {by}"))],
    };
    if used == Use::Needed {
        found.push((fails, format!("fails for want of {by}")));
    }
    found
}

/// What a part is good for in the one around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It suffices: only that it holds decides anything.
    Grants,
    /// It is one of an intersection: that it does not hold decides, too.
    Needed,
    /// It is what an exclusion takes away.
    Excludes,
}

/// A part with its position and what it is good for.
type Listed<'a> = (usize, &'a Rewrite, Use);

/// The parts that can decide.
fn list<'a>(rewrite: &'a Rewrite, position: &mut usize, used: Use, parts: &mut Vec<Listed<'a>>) {
    let own = *position;
    *position += 1;
    let is_joined = matches!(
        rewrite,
        Rewrite::Union(_) | Rewrite::Intersection(_) | Rewrite::Exclusion(..)
    );
    if !matches!(rewrite, Rewrite::Nobody) && (used != Use::Grants || !is_joined) {
        parts.push((own, rewrite, used));
    }
    match rewrite {
        Rewrite::Union(inner) => inner
            .iter()
            .for_each(|it| list(it, position, Use::Grants, parts)),
        Rewrite::Intersection(inner) => inner
            .iter()
            .for_each(|it| list(it, position, Use::Needed, parts)),
        Rewrite::Exclusion(base, subtracted) => {
            list(base, position, Use::Grants, parts);
            list(subtracted, position, Use::Excludes, parts);
        }
        _ => {}
    }
}

/// Where the part stands, or else the relation.
fn place_of<'a>(relation: &'a Relation, part: &Listed<'a>, spot: Spot) -> &'a Place {
    let written = match spot {
        Spot::Subject(subject) => relation.subjects.get(subject).map(|it| &it.at),
        _ => None,
    };
    match part.1 {
        Rewrite::Computed(_, at) | Rewrite::Arrow { at, .. } => &at.0,
        _ => &written.unwrap_or(&relation.at).0,
    }
}

/// A part, as the language of the model writes it.
fn shown(rewrite: &Rewrite, model: &RelationModel) -> String {
    let is_openfga = model.language.is_openfga();
    match rewrite {
        Rewrite::Direct => "what is written".to_owned(),
        Rewrite::Computed(name, _) => format!("`{name}`"),
        Rewrite::Arrow {
            tupleset, computed, ..
        } if is_openfga => format!("`{computed} from {tupleset}`"),
        Rewrite::Arrow {
            tupleset,
            computed,
            all: true,
            ..
        } => format!("`{tupleset}.all({computed})`"),
        Rewrite::Arrow {
            tupleset, computed, ..
        } => format!("`{tupleset}->{computed}`"),
        Rewrite::Union(_) => "a union".to_owned(),
        Rewrite::Intersection(_) => "an intersection".to_owned(),
        Rewrite::Exclusion(..) => "an exclusion".to_owned(),
        Rewrite::Itself => "`self`".to_owned(),
        Rewrite::Nobody => "`nil`".to_owned(),
    }
}

fn written(subject: &SubjectType) -> String {
    let name = &subject.type_name;
    let who = match &subject.kind {
        SubjectKind::Object => name.to_string(),
        SubjectKind::Userset(relation) => format!("{name}#{relation}"),
        SubjectKind::Wildcard => format!("{name}:*"),
    };
    match &subject.condition {
        Some(condition) => format!("{who} with {condition}"),
        None => who,
    }
}

impl Engine {
    /// What of the model the question exercises.
    ///
    /// # Errors
    /// A question that the model has no words for.
    pub(crate) fn exercised(
        &self,
        object: &Reference,
        relation: &str,
        subject: &SubjectReference,
        circumstances: Circumstances<'_>,
    ) -> Result<Exercised, QuestionError> {
        let relation = self.relation_id(object.type_name(), relation)?;
        let type_index = self.type_index(object.type_name())?;
        let asker = self.asker(subject)?;
        let number = match object == &subject.object {
            true => asker.object,
            false => self.object_id(object, type_index, 0),
        };
        let mut checker = Checker::new(self);
        checker.begin(circumstances);
        let mut tour = Tour {
            engine: self,
            asker,
            checker,
            known: HashMap::new(),
            depth: 0,
            found: Exercised::default(),
        };
        tour.relation((number, relation));
        Ok(tour.found)
    }
}

/// What of a model a question exercises.
#[derive(Debug, Default)]
pub(crate) struct Exercised {
    /// Spots, each with the number of its relation.
    pub(crate) spots: BTreeSet<(RelationId, Spot)>,
    /// The indices of conditions of facts that were evaluated, with the values of their parameters.
    pub(crate) conditions: Vec<(usize, Vec<Option<condition::Value>>)>,
}

impl Engine {
    /// As which of the subjects that a relation allows a fact is written, if the model allows it.
    fn written_as(&self, planned: &Planned, bound: &Bound, edge: &Edge) -> Option<usize> {
        let (allowed, snapshot) = (&planned.allowed, &self.snapshot);
        self.binding.allowed_as(allowed, bound, edge, snapshot)
    }
}

/// Whether something holds; none where that cannot be said.
type Holds = Option<bool>;

struct Tour<'a> {
    engine: &'a Engine,
    asker: Asker,
    checker: Checker<'a>,
    known: HashMap<NodeKey, Holds>,
    depth: usize,
    found: Exercised,
}

impl<'a> Tour<'a> {
    /// Whether the relation of the object holds, its parts gone through.
    fn relation(&mut self, node: NodeKey) -> Holds {
        if let Some(known) = self.known.get(&node) {
            return *known;
        }
        let holds = match self.checker.ask(node.0, node.1, self.asker) {
            Answer::Yes => Some(true),
            Answer::No => Some(false),
            Answer::Conditional(_) | Answer::Failed(_) => None,
        };
        if self.known.len() >= NODES_MAX || self.depth >= DEPTH_MAX {
            return holds;
        }
        self.known.insert(node, holds);
        self.found.spots.insert((node.1, Spot::Asked));
        let engine = self.engine;
        if let Some(planned) = engine.plan.get(node.1) {
            self.depth += 1;
            self.part(&planned.step, planned, (node.0, 0));
            self.depth -= 1;
        }
        holds
    }

    /// Whether a part of a relation holds for the object; it stands at this position.
    fn part(
        &mut self,
        step: &'a Step,
        planned: &'a Planned,
        (object, position): (u32, usize),
    ) -> Holds {
        let holds = match step {
            Step::Direct => self.direct(planned, object),
            Step::Itself => Some(object == self.asker.object),
            Step::Nobody => Some(false),
            Step::Computed(from) => self.relation((object, *from)),
            Step::Arrow {
                tupleset,
                targets,
                all,
            } => self.arrow((*tupleset, targets, *all), object),
            Step::Union(parts) => self.joined(parts, true, planned, (object, position)),
            Step::Intersection(parts) => self.joined(parts, false, planned, (object, position)),
            Step::Exclusion(parts) => {
                let (base, subtracted) = &**parts;
                let second = position + 1 + base.size();
                match self.part(base, planned, (object, position + 1)) {
                    Some(true) => self
                        .part(subtracted, planned, (object, second))
                        .map(|it| !it),
                    other => other,
                }
            }
        };
        if let Some(holds) = holds {
            self.found
                .spots
                .insert((planned.id, Spot::Part(position, holds)));
        }
        holds
    }

    /// A union is decided by a part that holds, an intersection by one that does not.
    fn joined(
        &mut self,
        parts: &'a [Step],
        decides: bool,
        planned: &'a Planned,
        (object, position): (u32, usize),
    ) -> Holds {
        let mut at = position + 1;
        let mut joined = Some(!decides);
        for part in parts {
            match self.part(part, planned, (object, at)) {
                Some(holds) if holds == decides => return Some(decides),
                Some(_) => {}
                None => joined = None,
            }
            at += part.size();
        }
        joined
    }

    fn direct(&mut self, planned: &'a Planned, object: u32) -> Holds {
        let engine = self.engine;
        let mut found = Some(false);
        for (bound, edge) in engine.facts_in(object, planned.id) {
            let Some(subject) = engine.written_as(planned, bound, &edge) else {
                continue;
            };
            if !self.is_meant(bound.subject, &edge) {
                continue;
            }
            match self.counts(&edge) {
                Some(true) if self.leads_on(bound.subject, &edge) => {
                    self.found
                        .spots
                        .insert((planned.id, Spot::Subject(subject)));
                    return Some(true);
                }
                Some(_) => {}
                None => found = None,
            }
        }
        found
    }

    /// Whether a fact counts now; its condition is noted.
    fn counts(&mut self, edge: &Edge) -> Holds {
        let noted = self.condition(edge);
        self.found.conditions.extend(noted);
        match self.checker.counts(edge) {
            Value::Yes => Some(true),
            Value::No => Some(false),
            _ => None,
        }
    }

    /// The condition of a fact that is not out of time, with the values of its parameters.
    fn condition(&self, edge: &Edge) -> Option<(usize, Vec<Option<condition::Value>>)> {
        let engine = self.engine;
        let detail = engine.snapshot.detail(edge.detail)?;
        let is_noted = detail.is_valid_at(self.checker.now)
            && detail.condition != NO_RELATION
            && self.found.conditions.len() < NODES_MAX;
        let index = engine
            .binding
            .condition(detail.condition)
            .filter(|_| is_noted)?;
        let parameters = &engine.model.conditions.get_index(index)?.1.parameters;
        let values = parameters.values(Some(&detail.context), self.checker.context);
        Some((index, values.ok()?))
    }

    /// Whether the fact is about who asks, or may lead there.
    fn is_meant(&self, kind: AllowedKind, edge: &Edge) -> bool {
        let asker = self.asker;
        let wildcard = self.engine.binding.wildcard(asker.type_index);
        let is_who_asks = edge.other == asker.object || wildcard == Some(edge.other);
        match kind {
            AllowedKind::Userset(_) => true,
            AllowedKind::Object | AllowedKind::Wildcard => asker.userset.is_none() && is_who_asks,
        }
    }

    /// Whether whoever stands in the relation of a fact's subject is who asks.
    fn leads_on(&mut self, kind: AllowedKind, edge: &Edge) -> bool {
        match kind {
            AllowedKind::Userset(relation) => {
                (edge.other, Some(relation)) == (self.asker.object, self.asker.userset)
                    || self.relation((edge.other, relation)) == Some(true)
            }
            AllowedKind::Object | AllowedKind::Wildcard => true,
        }
    }

    fn arrow(
        &mut self,
        (tupleset, targets, all): (RelationId, &[Option<RelationId>], bool),
        object: u32,
    ) -> Holds {
        let engine = self.engine;
        let mut found = Some(false);
        let planned = engine.plan.get(tupleset)?;
        self.found.spots.insert((tupleset, Spot::Asked));
        for (bound, edge) in engine.facts_in(object, tupleset) {
            let target = targets.get(bound.type_index).copied().flatten();
            let written = engine.written_as(planned, bound, &edge);
            let leads_on = bound.leads_on(engine.rules) && self.counts(&edge) == Some(true);
            let Some(subject) = written.filter(|_| leads_on) else {
                continue;
            };
            let holds = match target {
                Some(target) => self.relation((edge.other, target)),
                None => Some(false),
            };
            if holds == Some(true) {
                self.found.spots.insert((tupleset, Spot::Subject(subject)));
            }
            match holds {
                Some(holds) if holds != all => return Some(holds),
                Some(holds) => found = found.map(|_| holds),
                None => found = None,
            }
        }
        found
    }
}

impl Step {
    /// How many parts it has, itself counted.
    fn size(&self) -> usize {
        let mut size = 0;
        self.walk(true, &mut |_| size += 1);
        size
    }
}
