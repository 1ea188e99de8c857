//! Derivations: the ways on which a subject stands in a relation, or would with a few more
//! relationships. Found backwards from the relation over what it follows from; a budget says how
//! many relationships may be added on the way.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use authz::model::relation::Writable;
use authz::relationships::StoredCondition;
use authz::resolution::{Answer, Circumstances, Engine, Tree};
use authz::{Reference, Relationship, SubjectReference};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Map;

/// How many relations of objects one search looks at.
const WORK_MAX: usize = 100_000;
/// How many hops a way may have.
const HOPS_MAX: usize = 25;
/// How long a relationship is to count that has to end.
const TERM: SignedDuration = SignedDuration::from_hours(24);
/// The id of an object that is made up where no fact names one of its type.
const MADE_UP: &str = "new";

/// A part of a way, from a relation of an object towards the subject.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hop {
    /// The relation of the object that the hop is made from.
    #[serde(serialize_with = "as_text")]
    pub from: SubjectReference,
    /// Where it leads: to the relation of an object, or to the subject.
    #[serde(serialize_with = "as_text")]
    pub to: SubjectReference,
    /// By what.
    pub via: Via,
}

/// By what a hop is made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", content = "fact", rename_all = "snake_case")]
pub enum Via {
    /// By a relationship.
    Fact(#[serde(serialize_with = "as_text")] Relationship),
    /// By a relationship that is missing.
    Missing(#[serde(serialize_with = "as_text")] Relationship),
    /// The one relation follows from the other.
    Follows,
}

fn as_text<T: ToString, S: serde::Serializer>(it: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&it.to_string())
}

/// A way, from the relation that is asked for to the subject. Where a relation follows from several
/// together, their ways stand one behind the other.
pub(super) type Way = Vec<Hop>;

/// The relationships of a way that are missing, each once.
pub(super) fn missing(way: &[Hop]) -> Vec<&Relationship> {
    let facts = way.iter().filter_map(|hop| match &hop.via {
        Via::Missing(fact) => Some(fact),
        Via::Fact(_) | Via::Follows => None,
    });
    once(facts)
}

/// The relationships of a way that are there, each once.
pub(super) fn present(way: &[Hop]) -> Vec<&Relationship> {
    let facts = way.iter().filter_map(|hop| match &hop.via {
        Via::Fact(fact) => Some(fact),
        Via::Missing(_) | Via::Follows => None,
    });
    once(facts)
}

fn once<'a>(facts: impl Iterator<Item = &'a Relationship>) -> Vec<&'a Relationship> {
    let mut found: Vec<&Relationship> = Vec::new();
    for fact in facts {
        if !found.contains(&fact) {
            found.push(fact);
        }
    }
    found
}

/// A search for ways.
pub(super) struct Search<'a> {
    engine: &'a Engine,
    subject: SubjectReference,
    circumstances: Circumstances<'a>,
    /// Whether every way is wanted where a relation holds already, or one.
    every: bool,
    /// The most ways that are kept of one relation of an object.
    ways_max: usize,
    /// By type: the objects that facts name, and those of the question.
    objects: BTreeMap<Arc<str>, Vec<Reference>>,
    trees: HashMap<SubjectReference, Tree>,
    holds: HashMap<SubjectReference, bool>,
    /// The relations that are being looked at, which no way enters twice.
    trail: Vec<SubjectReference>,
    work: usize,
    /// Whether no bound has ended anything.
    pub(super) is_complete: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        subject: SubjectReference,
        circumstances: Circumstances<'a>,
        ways_max: usize,
    ) -> Self {
        Self {
            engine,
            subject,
            circumstances,
            every: false,
            ways_max,
            objects: objects(engine),
            trees: HashMap::new(),
            holds: HashMap::new(),
            trail: Vec::new(),
            work: WORK_MAX,
            is_complete: true,
        }
    }

    /// The ways by which the subject stands in the relation.
    pub(super) fn every_way(&mut self, target: &SubjectReference) -> Vec<Way> {
        self.every = true;
        self.enter(target, 0)
    }

    /// The ways by which it would with at most `budget` more relationships, so far as these take
    /// nothing away.
    pub(super) fn ways(&mut self, target: &SubjectReference, budget: usize) -> Vec<Way> {
        self.every = false;
        self.enter(target, budget)
    }

    /// Whether the subject stands in the relation.
    pub(super) fn stands_in(&mut self, node: &SubjectReference) -> bool {
        if let Some(&known) = self.holds.get(node) {
            return known;
        }
        let relation = node.relation.as_deref().unwrap_or_default();
        let answer = self
            .engine
            .check(&node.object, relation, &self.subject, self.circumstances);
        let holds = answer == Ok(Answer::Yes);
        self.holds.insert(node.clone(), holds);
        holds
    }

    pub(super) fn tree(&mut self, node: &SubjectReference) -> Tree {
        if let Some(known) = self.trees.get(node) {
            return known.clone();
        }
        let relation = node.relation.as_deref().unwrap_or_default();
        let tree = self.engine.expand(&node.object, relation);
        let tree = tree.unwrap_or(Tree::Nobody);
        self.trees.insert(node.clone(), tree.clone());
        tree
    }

    fn enter(&mut self, node: &SubjectReference, budget: usize) -> Vec<Way> {
        if *node == self.subject {
            return vec![Way::new()];
        }
        let holds = self.stands_in(node);
        if self.trail.contains(node) || (!holds && budget == 0) {
            return Vec::new();
        }
        if self.work == 0 || self.trail.len() >= HOPS_MAX {
            self.is_complete = false;
            return Vec::new();
        }
        self.work -= 1;
        let tree = self.tree(node);
        self.trail.push(node.clone());
        let (budget, most) = match holds {
            true if self.every => (0, self.ways_max),
            true => (0, 1),
            false => (budget, self.ways_max),
        };
        let ways = self.part(&tree, node, budget, most);
        self.trail.pop();
        ways
    }

    /// The ways of a part of a relation, at most `most` of them.
    fn part(
        &mut self,
        tree: &Tree,
        node: &SubjectReference,
        budget: usize,
        most: usize,
    ) -> Vec<Way> {
        let mut found = match tree {
            Tree::Subjects(_) => self.direct(node, budget, most),
            Tree::Relation(from) => self.onward(node, from, Via::Follows, budget),
            Tree::Arrow {
                through,
                computed,
                all,
                ..
            } => self.arrow((node, through, computed), *all, budget, most),
            Tree::Union(parts) => {
                let mut found = Vec::new();
                for part in parts {
                    if found.len() < most {
                        found.extend(self.part(part, node, budget, most));
                    }
                }
                found
            }
            Tree::Intersection(parts) => {
                let mut joined = vec![Way::new()];
                for part in parts {
                    let ways = self.part(part, node, budget, most);
                    joined = self.together(joined, &ways, budget);
                }
                joined
            }
            // Whether the second stays away, the evaluator says of the whole.
            Tree::Exclusion(parts) => {
                let [base, _] = &**parts;
                self.part(base, node, budget, most)
            }
            Tree::Itself(object) if *object == self.subject.object => vec![Way::new()],
            Tree::Itself(_) | Tree::Nobody => Vec::new(),
        };
        if found.len() > most {
            self.is_complete &= most == 1;
            found.truncate(most);
        }
        found
    }

    /// The ways on from a relation to another one.
    fn onward(
        &mut self,
        from: &SubjectReference,
        to: &SubjectReference,
        via: Via,
        budget: usize,
    ) -> Vec<Way> {
        let ways = self.enter(to, budget).into_iter();
        let with_hop = |way: Way| {
            let hop = Hop {
                from: from.clone(),
                to: to.clone(),
                via: via.clone(),
            };
            std::iter::once(hop).chain(way).collect()
        };
        ways.map(with_hop).collect()
    }

    /// The facts that are written into a relation and count.
    fn written(&self, node: &SubjectReference) -> Vec<Relationship> {
        let relation = node.relation.as_deref().unwrap_or_default();
        let engine = self.engine;
        let found = engine.written_into(&node.object, relation, self.circumstances);
        let found = found.unwrap_or_default().into_iter();
        found
            .filter_map(|(fact, counts)| counts.then_some(fact))
            .collect()
    }

    fn direct(&mut self, node: &SubjectReference, budget: usize, most: usize) -> Vec<Way> {
        let mut found = Vec::new();
        let written = self.written(node);
        for fact in &written {
            if found.len() >= most {
                return found;
            }
            let to = match self.is_meant(&fact.subject) {
                true => self.subject.clone(),
                false if fact.subject.relation.is_some() => fact.subject.clone(),
                false => continue,
            };
            found.extend(self.onward(node, &to, Via::Fact(fact.clone()), budget));
        }
        let Some(budget) = budget.checked_sub(1) else {
            return found;
        };
        for fact in self.writable(node) {
            if found.len() > most {
                break;
            }
            if written.contains(&fact) {
                continue;
            }
            let to = match self.is_meant(&fact.subject) {
                true => self.subject.clone(),
                false => fact.subject.clone(),
            };
            found.extend(self.onward(node, &to, Via::Missing(fact), budget));
        }
        found
    }

    /// Whether it is the subject, or stands for every object of its type.
    fn is_meant(&self, found: &SubjectReference) -> bool {
        let wildcard =
            found.is_wildcard() && found.object.type_name() == self.subject.object.type_name();
        *found == self.subject || wildcard
    }

    /// What could be written into a relation that leads to the subject: itself, whoever stands in
    /// a relation to a known object, and last everybody.
    fn writable(&self, node: &SubjectReference) -> Vec<Relationship> {
        let relation = node.relation.as_deref().unwrap_or_default();
        let model = self.engine.model();
        let mut kinds = model.writable(node.object.type_name(), relation);
        kinds.sort_by_key(|it| {
            (
                it.is_wildcard,
                it.relation.is_some(),
                it.condition.is_some(),
            )
        });
        let own = self.subject.object.type_name();
        let mut facts = Vec::new();
        for kind in kinds {
            let objects = match (kind.relation, kind.type_name == own) {
                (Some(_), _) => self.objects_of(kind.type_name),
                (None, true) if kind.is_wildcard => {
                    vec![Reference::new(own, authz::relationships::WILDCARD)]
                }
                (None, true) => vec![self.subject.object.clone()],
                (None, false) => continue,
            };
            facts.extend(self.facts_of(node, kind, objects));
        }
        facts
    }

    /// The facts that lead from the node to these objects.
    fn facts_of(
        &self,
        node: &SubjectReference,
        kind: Writable<'_>,
        objects: Vec<Reference>,
    ) -> Vec<Relationship> {
        let relation = node.relation.as_deref().unwrap_or_default();
        let until = |now: Timestamp| now.checked_add(TERM).ok();
        let facts = objects.into_iter().map(|object| Relationship {
            condition: kind.condition.map(|name| StoredCondition {
                name: name.into(),
                context: Map::new(),
            }),
            valid_until: until(self.circumstances.now).filter(|_| kind.expires),
            ..Relationship::new(
                node.object.clone(),
                relation,
                SubjectReference {
                    object,
                    relation: kind.relation.map(Into::into),
                },
            )
        });
        let model = self.engine.model();
        facts.filter(|fact| fact.check(model).is_ok()).collect()
    }

    /// The known objects of a type; one is made up where there is none.
    fn objects_of(&self, type_name: &str) -> Vec<Reference> {
        match self.objects.get(type_name) {
            Some(known) => known.clone(),
            None => vec![Reference::new(type_name, MADE_UP)],
        }
    }

    fn arrow(
        &mut self,
        (node, through, computed): (&SubjectReference, &SubjectReference, &Arc<str>),
        all: bool,
        budget: usize,
        most: usize,
    ) -> Vec<Way> {
        let target = |fact: &Relationship| SubjectReference {
            object: fact.subject.object.clone(),
            relation: Some(Arc::clone(computed)),
        };
        let written = self.written(through);
        let leads_on = |it: &&Relationship| self.leads_on(it, computed);
        let leading: Vec<Relationship> = written.iter().filter(leads_on).cloned().collect();
        if all && !leading.is_empty() {
            let mut joined = vec![Way::new()];
            for fact in leading {
                let ways = self.onward(node, &target(&fact), Via::Fact(fact.clone()), budget);
                joined = self.together(joined, &ways, budget);
            }
            return joined;
        }
        let mut found = Vec::new();
        for fact in leading {
            if found.len() < most {
                found.extend(self.onward(node, &target(&fact), Via::Fact(fact.clone()), budget));
            }
        }
        let Some(budget) = budget.checked_sub(1) else {
            return found;
        };
        for fact in self.leading(through) {
            if found.len() > most {
                break;
            }
            if !written.contains(&fact) && self.leads_on(&fact, computed) {
                let to = target(&fact);
                found.extend(self.onward(node, &to, Via::Missing(fact), budget));
            }
        }
        found
    }

    /// Whether the object that a fact leads to has the relation.
    fn leads_on(&self, fact: &Relationship, computed: &str) -> bool {
        let is_followed =
            fact.subject.relation.is_none() || !self.engine.model().language().is_openfga();
        let mut names = self
            .engine
            .model()
            .relation_names(fact.subject.object.type_name());
        is_followed && !fact.subject.is_wildcard() && names.any(|name| name == computed)
    }

    /// What could be written into a relation to lead on from it.
    fn leading(&self, through: &SubjectReference) -> Vec<Relationship> {
        let relation = through.relation.as_deref().unwrap_or_default();
        let model = self.engine.model();
        let kinds = model.writable(through.object.type_name(), relation);
        let kinds = kinds
            .into_iter()
            .filter(|it| it.relation.is_none() && !it.is_wildcard);
        kinds
            .flat_map(|kind| self.facts_of(through, kind, self.objects_of(kind.type_name)))
            .collect()
    }

    /// Each way of the one with each of the other, as far as the budget allows both.
    fn together(&mut self, some: Vec<Way>, others: &[Way], budget: usize) -> Vec<Way> {
        let mut joined = Vec::new();
        for way in &some {
            for other in others {
                if joined.len() > self.ways_max {
                    self.is_complete = false;
                    return joined;
                }
                let both: Way = way.iter().chain(other).cloned().collect();
                if missing(&both).len() <= budget {
                    joined.push(both);
                }
            }
        }
        joined
    }
}

/// By type: the objects that facts name, sorted. O(facts).
fn objects(engine: &Engine) -> BTreeMap<Arc<str>, Vec<Reference>> {
    let mut objects: BTreeMap<Arc<str>, Vec<Reference>> = BTreeMap::new();
    for fact in engine.snapshot().relationships() {
        for object in [fact.object, fact.subject.object] {
            if object.id() != authz::relationships::WILDCARD {
                let of_type = objects.entry(object.type_name().into()).or_default();
                of_type.push(object);
            }
        }
    }
    for of_type in objects.values_mut() {
        of_type.sort();
        of_type.dedup();
    }
    objects
}
