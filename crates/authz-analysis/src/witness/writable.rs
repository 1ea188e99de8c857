//! What is written, and what could be: the relationships by which a search goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use authz::model::relation::Writable;
use authz::relationships::{StoredCondition, WILDCARD};
use authz::resolution::Engine;
use authz::{Reference, Relationship, SubjectReference};
use jiff::{SignedDuration, Timestamp};
use serde_json::Map;

use super::search::Search;

/// How long a relationship is to count that has to end.
const TERM: SignedDuration = SignedDuration::from_hours(24);
/// The id of an object that is made up where no fact names one of its type.
const MADE_UP: &str = "new";

impl Search<'_> {
    /// The facts that are written into a relation and count.
    pub(super) fn written(&self, node: &SubjectReference) -> Vec<Relationship> {
        let relation = node.relation.as_deref().unwrap_or_default();
        let engine = self.engine;
        let found = engine.written_into(&node.object, relation, self.circumstances);
        let found = found.unwrap_or_default().into_iter();
        found
            .filter_map(|(fact, counts)| counts.then_some(fact))
            .collect()
    }

    /// Whether it is the subject, or stands for every object of its type.
    pub(super) fn is_meant(&self, found: &SubjectReference) -> bool {
        let wildcard =
            found.is_wildcard() && found.object.type_name() == self.subject.object.type_name();
        *found == self.subject || wildcard
    }

    /// What could be written into a relation that leads to the subject: itself, whoever stands in
    /// a relation to a known object, and last everybody.
    pub(super) fn writable(&mut self, node: &SubjectReference, budget: usize) -> Vec<Relationship> {
        let relation = node.relation.as_deref().unwrap_or_default();
        let engine = self.engine;
        let model = engine.model();
        let mut kinds =
            without_needless_conditions(model.writable(node.object.type_name(), relation));
        kinds.sort_by_key(|it| {
            (
                it.is_wildcard,
                it.relation.is_some(),
                it.condition.is_some(),
            )
        });
        let subject = self.subject.object.clone();
        let own = subject.type_name();
        let mut facts = Vec::new();
        for kind in kinds {
            let objects = match (kind.relation, kind.type_name == own) {
                (Some(relation), _) => self.towards(kind.type_name, relation, budget),
                (None, true) if kind.is_wildcard => {
                    vec![Reference::new(own, WILDCARD)]
                }
                (None, true) => vec![subject.clone()],
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

    /// Adds an object to those that are known.
    pub(super) fn know(&mut self, object: &Reference) {
        let of_type = self.objects.entry(object.type_name().into()).or_default();
        if !of_type.contains(object) {
            of_type.push(object.clone());
        }
    }

    /// The known objects of a type, and last one of which nothing is known.
    fn objects_of(&self, type_name: &str) -> Vec<Reference> {
        let known = self.objects.get(type_name);
        let known = known.map(Vec::as_slice).unwrap_or_default();
        let new = Reference::new(type_name, MADE_UP);
        let is_new = !known.contains(&new);
        let new = is_new.then_some(new);
        known.iter().cloned().chain(new).collect()
    }

    /// Whether a fact is about an object that is made up, though others of its type are known.
    pub(super) fn is_made_up(&self, fact: &Relationship) -> bool {
        let is_made_up = |object: &Reference| {
            let known = self.objects.get(object.type_name());
            object.id() == MADE_UP && known.is_some_and(|known| !known.contains(object))
        };
        is_made_up(&fact.object) || is_made_up(&fact.subject.object)
    }

    /// The objects of a type in a relation of which the subject stands; and behind them, where
    /// something can be added to get there, all others.
    fn towards(&mut self, type_name: &str, relation: &str, budget: usize) -> Vec<Reference> {
        let key = (type_name.to_owned(), relation.to_owned());
        if !self.standing.contains_key(&key) {
            let objects = self.objects_of(type_name).into_iter();
            let parted = objects.partition(|object| {
                self.stands_in(&SubjectReference {
                    object: object.clone(),
                    relation: Some(relation.into()),
                })
            });
            self.standing.insert(key.clone(), parted);
        }
        match (self.standing.get(&key), budget) {
            (None, _) => Vec::new(),
            (Some((standing, _)), 0) => standing.clone(),
            (Some((standing, others)), _) => standing.iter().chain(others).cloned().collect(),
        }
    }

    /// Whether the object that a fact leads to has the relation.
    pub(super) fn leads_on(&self, fact: &Relationship, computed: &str) -> bool {
        let is_followed =
            fact.subject.relation.is_none() || !self.engine.model().language().is_openfga();
        let mut names = self
            .engine
            .model()
            .relation_names(fact.subject.object.type_name());
        is_followed && !fact.subject.is_wildcard() && names.any(|name| name == computed)
    }

    /// What could be written into a relation to lead on from it.
    pub(super) fn leading(
        &mut self,
        through: &SubjectReference,
        computed: &str,
        budget: usize,
    ) -> Vec<Relationship> {
        let relation = through.relation.as_deref().unwrap_or_default();
        let engine = self.engine;
        let model = engine.model();
        let kinds =
            without_needless_conditions(model.writable(through.object.type_name(), relation));
        let kinds = kinds
            .into_iter()
            .filter(|it| it.relation.is_none() && !it.is_wildcard);
        let mut facts = Vec::new();
        for kind in kinds {
            let objects = self.towards(kind.type_name, computed, budget);
            facts.extend(self.facts_of(through, kind, objects));
        }
        facts
    }
}

/// The kinds but for those with a condition beside which there is the same without.
fn without_needless_conditions(kinds: Vec<Writable<'_>>) -> Vec<Writable<'_>> {
    let plain = |kind: &Writable<'_>| {
        let is_same = |it: &&Writable<'_>| {
            it.condition.is_none()
                && (it.type_name, it.relation, it.is_wildcard)
                    == (kind.type_name, kind.relation, kind.is_wildcard)
        };
        kinds.iter().any(|it| is_same(&it))
    };
    let needed = kinds
        .iter()
        .filter(|kind| kind.condition.is_none() || !plain(kind));
    needed.copied().collect()
}

/// By type: the objects that facts name, sorted. O(facts).
pub(super) fn objects(engine: &Engine) -> BTreeMap<Arc<str>, Vec<Reference>> {
    let mut objects: BTreeMap<Arc<str>, Vec<Reference>> = BTreeMap::new();
    for fact in engine.snapshot().relationships() {
        for object in [fact.object, fact.subject.object] {
            if object.id() != WILDCARD {
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
