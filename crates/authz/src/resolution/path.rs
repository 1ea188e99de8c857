//! Ways and missing links: by which facts a subject stands in a relation, and which single fact, or
//! which word of the model, would let it.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::facts::Reference;
use crate::model::relation::{At, RelationModel, Rewrite};
use crate::relationships::{Edge, NO_RELATION, Relationship, Store, SubjectReference};

use super::bind::Bound;
use super::memo::NodeKey;
use super::plan::{AllowedKind, Planned, RelationId, Step};
use super::{Answer, Asker, Checker, Circumstances, Engine, QuestionError};

/// The longest way that is told.
const LINKS_MAX: usize = 200;
/// How many relations of objects are looked at for a missing link.
const NODES_MAX: usize = 1_000;
/// How many changes are tried.
const CHANGES_MAX: usize = 50;

/// A part of a way from an object to a subject.
#[derive(Debug, Clone, PartialEq)]
pub enum Link {
    /// A relationship.
    Fact(Relationship),
    /// One relation of the object follows from another.
    Follows {
        /// The object.
        object: Reference,
        /// The relation that follows.
        relation: Arc<str>,
        /// The relation that it follows from.
        from: Arc<str>,
    },
}

/// A change that would let a subject stand in a relation, tried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What is missing.
    pub missing: Missing,
    /// What leads there from the subject already; empty if nothing does.
    pub near: Vec<Relationship>,
}

/// What is missing.
#[derive(Debug, Clone, PartialEq)]
pub enum Missing {
    /// A relationship.
    Fact(Relationship),
    /// A word of the model: the relation does not follow from another one of related objects.
    Rule {
        /// The type.
        type_name: Arc<str>,
        /// Its relation.
        relation: Arc<str>,
        /// The relation of the related objects.
        computed: Arc<str>,
        /// The relation that leads to them.
        tupleset: Arc<str>,
    },
}

impl Engine {
    /// A way on which the subject stands in the relation to the object, from the object on; none
    /// if it does not, or by a way that is too long to tell.
    ///
    /// # Errors
    /// A question that the model has no words for.
    pub fn way(
        &self,
        object: &Reference,
        relation: &str,
        subject: &SubjectReference,
        circumstances: Circumstances<'_>,
    ) -> Result<Option<Vec<Link>>, QuestionError> {
        let relation = self.relation_id(object.type_name(), relation)?;
        let asker = self.asker(subject)?;
        let mut walk = Walk::new(self, asker, circumstances);
        let start = (self.number_of(object)?, relation);
        let found = walk.enter(start, object);
        Ok(found.map(|()| walk.links))
    }

    /// The relationships that are written into a relation of an object, as far as the model allows
    /// them, sorted; each with whether it counts in these circumstances.
    ///
    /// # Errors
    /// A question that the model has no words for.
    pub fn written_into(
        &self,
        object: &Reference,
        relation: &str,
        circumstances: Circumstances<'_>,
    ) -> Result<Vec<(Relationship, bool)>, QuestionError> {
        let relation = self.relation_id(object.type_name(), relation)?;
        let number = self.number_of(object)?;
        let allowed = self.plan.get(relation).map(|planned| &planned.allowed);
        let mut checker = Checker::new(self);
        checker.begin(circumstances);
        let facts = self.facts_in(number, relation);
        let facts = facts.filter_map(|(bound, edge)| {
            let allowed = self.binding.allows(allowed?, bound, &edge, &self.snapshot);
            let fact = self.snapshot.relationship(number, &edge);
            Some((fact.filter(|_| allowed)?, checker.counts_now(&edge)))
        });
        let mut facts: Vec<_> = facts.collect();
        facts.sort_by_cached_key(|(fact, _)| fact.ends());
        Ok(facts)
    }

    /// The smallest changes that would let the subject stand in the relation to the object, the
    /// nearest first: one relationship by which the subject's own ones would lead there, one word of
    /// the model that would do the same, and the nearest relationship of the subject itself.
    ///
    /// # Errors
    /// A question that the model has no words for.
    pub fn changes(
        &self,
        object: &Reference,
        relation: &str,
        subject: &SubjectReference,
        circumstances: Circumstances<'_>,
    ) -> Result<Vec<Change>, QuestionError> {
        let start = (
            self.number_of(object)?,
            self.relation_id(object.type_name(), relation)?,
        );
        let asker = self.asker(subject)?;
        let mut walk = Walk::new(self, asker, circumstances);
        let found = walk.candidates(start, object, subject);
        let question = (object, relation, subject, circumstances);
        let suffices = |change: &Change| self.suffices(&change.missing, question);
        let mut kinds = HashSet::new();
        let tried = found.into_iter().take(CHANGES_MAX);
        let good = tried.filter(|change| suffices(change));
        Ok(good.filter(|change| kinds.insert(change.kind())).collect())
    }

    /// Whether the answer would be yes with the change.
    fn suffices(
        &self,
        missing: &Missing,
        (object, relation, subject, circumstances): (
            &Reference,
            &str,
            &SubjectReference,
            Circumstances<'_>,
        ),
    ) -> bool {
        let changed = match missing {
            Missing::Fact(fact) => {
                let mut store = Store::from_snapshot(self.snapshot.clone());
                store.write(fact);
                self.with_snapshot(store.snapshot())
            }
            Missing::Rule {
                type_name,
                relation,
                computed,
                tupleset,
            } => {
                let model = extended(&self.model, (type_name, relation), (computed, tupleset));
                Self::with_rules(Arc::new(model), self.snapshot.clone(), self.rules)
            }
        };
        let answer = changed.check(object, relation, subject, circumstances);
        answer == Ok(Answer::Yes)
    }
}

impl Change {
    /// Of each kind the nearest is told.
    fn kind(&self) -> u8 {
        match (&self.missing, self.near.is_empty()) {
            (Missing::Fact(_), false) => 0,
            (Missing::Rule { .. }, _) => 1,
            (Missing::Fact(_), true) => 2,
        }
    }
}

/// The model in which the relation follows from `computed` of the objects that `tupleset` leads to,
/// too.
fn extended(
    model: &RelationModel,
    (type_name, relation): (&str, &str),
    (computed, tupleset): (&Arc<str>, &Arc<str>),
) -> RelationModel {
    let mut model = model.clone();
    let found = model.types.get_mut(type_name);
    if let Some(relation) = found.and_then(|found| found.relations.get_mut(relation)) {
        let at: At = relation.at.clone();
        let arrow = Rewrite::Arrow {
            tupleset: Arc::clone(tupleset),
            computed: Arc::clone(computed),
            all: false,
            at,
        };
        let before = std::mem::replace(&mut relation.rewrite, Rewrite::Nobody);
        relation.rewrite = Rewrite::Union(vec![before, arrow]);
    }
    model
}

struct Walk<'a> {
    engine: &'a Engine,
    asker: Asker,
    checker: Checker<'a>,
    links: Vec<Link>,
    /// The relations of objects on the way, which no way enters twice.
    entered: HashSet<NodeKey>,
}

impl<'a> Walk<'a> {
    fn new(engine: &'a Engine, asker: Asker, circumstances: Circumstances<'a>) -> Self {
        let mut checker = Checker::new(engine);
        checker.begin(circumstances);
        Self {
            engine,
            asker,
            checker,
            links: Vec::new(),
            entered: HashSet::new(),
        }
    }

    fn holds(&mut self, (object, relation): NodeKey) -> bool {
        self.checker.ask(object, relation, self.asker) == Answer::Yes
    }

    /// Adds the links of a way from here to the subject. The name of the object is given because
    /// one that no fact names has none in the snapshot.
    fn enter(&mut self, node: NodeKey, object: &Reference) -> Option<()> {
        let is_new = self.entered.insert(node);
        if !is_new || self.links.len() >= LINKS_MAX || !self.holds(node) {
            return None;
        }
        let planned = self.engine.plan.get(node.1)?;
        self.step(&planned.step, planned, (node.0, object))
    }

    fn step(
        &mut self,
        step: &'a Step,
        planned: &'a Planned,
        object: (u32, &Reference),
    ) -> Option<()> {
        let mark = self.links.len();
        let found = match step {
            Step::Direct => self.direct(planned, object),
            Step::Itself => (object.0 == self.asker.object).then_some(()),
            Step::Nobody => None,
            Step::Computed(from) => self.computed(planned.id, *from, object),
            Step::Arrow {
                tupleset,
                targets,
                all,
            } => self.arrow(*tupleset, targets, *all, object.0),
            Step::Union(parts) => parts
                .iter()
                .find_map(|part| self.step(part, planned, object)),
            Step::Intersection(parts) => parts
                .iter()
                .try_for_each(|part| self.step(part, planned, object)),
            // That the whole holds is known, so that what is taken away does not.
            Step::Exclusion(parts) => self.step(&parts.0, planned, object),
        };
        if found.is_none() {
            self.links.truncate(mark);
        }
        found
    }

    fn computed(
        &mut self,
        relation: RelationId,
        from: RelationId,
        (number, object): (u32, &Reference),
    ) -> Option<()> {
        self.links.push(Link::Follows {
            object: object.clone(),
            relation: self.engine.relation_name(relation)?,
            from: self.engine.relation_name(from)?,
        });
        self.enter((number, from), object)
    }

    fn direct(&mut self, planned: &'a Planned, (number, _): (u32, &Reference)) -> Option<()> {
        let engine = self.engine;
        for (bound, edge) in engine.facts_in(number, planned.id) {
            let allowed = &planned.allowed;
            if !engine
                .binding
                .allows(allowed, bound, &edge, &engine.snapshot)
            {
                continue;
            }
            if !self.checker.counts_now(&edge) {
                continue;
            }
            let mark = self.links.len();
            self.push(number, &edge)?;
            let leads_there = match bound.subject {
                AllowedKind::Userset(relation) => self.through(&edge, relation).is_some(),
                AllowedKind::Object | AllowedKind::Wildcard => self.is_meant(edge.other),
            };
            if leads_there {
                return Some(());
            }
            self.links.truncate(mark);
        }
        None
    }

    fn push(&mut self, object: u32, edge: &Edge) -> Option<()> {
        let fact = self.engine.snapshot.relationship(object, edge)?;
        self.links.push(Link::Fact(fact));
        Some(())
    }

    /// Whether it is the subject, or stands for every object of its type.
    fn is_meant(&self, object: u32) -> bool {
        let wildcard = self.engine.binding.wildcard(self.asker.type_index);
        self.asker.userset.is_none() && (object == self.asker.object || wildcard == Some(object))
    }

    /// On along a fact whose subject is a userset.
    fn through(&mut self, edge: &Edge, relation: RelationId) -> Option<()> {
        let engine = self.engine;
        let is_itself = (edge.other, Some(relation)) == (self.asker.object, self.asker.userset);
        if is_itself {
            return Some(());
        }
        let object = engine.snapshot.reference(edge.other)?;
        self.enter((edge.other, relation), &object)
    }

    fn arrow(
        &mut self,
        tupleset: RelationId,
        targets: &[Option<RelationId>],
        all: bool,
        number: u32,
    ) -> Option<()> {
        let engine = self.engine;
        let mut found = None;
        for (bound, edge) in engine.facts_in(number, tupleset) {
            let target = targets.get(bound.type_index).copied().flatten();
            let target = target.filter(|_| bound.leads_on(engine.rules));
            let (Some(target), true) = (target, self.checker.counts_now(&edge)) else {
                continue;
            };
            let mark = self.links.len();
            self.push(number, &edge)?;
            let object = engine.snapshot.reference(edge.other)?;
            match self.enter((edge.other, target), &object) {
                Some(()) => found = Some(()),
                None => self.links.truncate(mark),
            }
            if found.is_some() && !all {
                break;
            }
        }
        found
    }

    /// The changes that could help, those near the object first; those that lead over a fact of the
    /// subject before the others.
    fn candidates(
        &mut self,
        start: NodeKey,
        object: &Reference,
        subject: &SubjectReference,
    ) -> Vec<Change> {
        let (mut near, mut own) = (Vec::new(), Vec::new());
        let mut seen = HashSet::from([start]);
        let mut open = VecDeque::from([(start, object.clone())]);
        while let Some((node, object)) = open.pop_front() {
            let Some(planned) = self.engine.plan.get(node.1) else {
                continue;
            };
            let mut steps = Vec::new();
            planned.step.walk(false, &mut |step| steps.push(step));
            self.over_neighbours(planned, (node.0, &object), &mut near);
            for step in steps {
                if matches!(step, Step::Direct) {
                    own.extend(self.itself(planned, &object, subject));
                }
                for (next, object) in self.next(step, planned, (node.0, &object)) {
                    if seen.len() < NODES_MAX && seen.insert(next) {
                        open.push_back((next, object));
                    }
                }
            }
        }
        near.extend(own);
        near
    }

    /// What the relation of the object depends on by this step.
    fn next(
        &self,
        step: &Step,
        planned: &Planned,
        (number, object): (u32, &Reference),
    ) -> Vec<(NodeKey, Reference)> {
        let engine = self.engine;
        let to = |edge: &Edge, relation: Option<RelationId>| {
            Some((
                (edge.other, relation?),
                engine.snapshot.reference(edge.other)?,
            ))
        };
        match step {
            Step::Computed(from) => vec![((number, *from), object.clone())],
            Step::Direct => engine
                .facts_in(number, planned.id)
                .filter_map(|(bound, edge)| match bound.subject {
                    AllowedKind::Userset(relation) => to(&edge, Some(relation)),
                    AllowedKind::Object | AllowedKind::Wildcard => None,
                })
                .collect(),
            Step::Arrow {
                tupleset, targets, ..
            } => engine
                .facts_in(number, *tupleset)
                .filter_map(|(bound, edge)| {
                    to(&edge, targets.get(bound.type_index).copied().flatten())
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The relationship of the subject itself, if the model lets it be written here.
    fn itself(
        &self,
        planned: &Planned,
        object: &Reference,
        subject: &SubjectReference,
    ) -> Option<Change> {
        let name = self.engine.relation_name(planned.id)?;
        let fact = Relationship::new(object.clone(), &name, subject.clone());
        fact.check(&self.engine.model).ok()?;
        Some(Change {
            missing: Missing::Fact(fact),
            near: Vec::new(),
        })
    }

    /// Changes that lead over an object to which this one is related in any way, and to which the
    /// subject is.
    fn over_neighbours(
        &mut self,
        planned: &Planned,
        (number, object): (u32, &Reference),
        found: &mut Vec<Change>,
    ) {
        let engine = self.engine;
        let Some(name) = engine.relation_name(planned.id) else {
            return;
        };
        for edge in engine.snapshot.subjects_of(number).all() {
            let Some(kind) = engine.snapshot.kind(edge.kind) else {
                continue;
            };
            let type_index = engine.binding.type_of(kind.subject_type);
            let Some(type_index) = type_index.filter(|_| kind.subject == NO_RELATION) else {
                continue;
            };
            let Some(neighbour) = engine.snapshot.reference(edge.other) else {
                continue;
            };
            let link = engine.snapshot.relationship(number, &edge);
            for (computed, relation) in engine.relations_of(type_index) {
                if !self.holds((edge.other, relation)) {
                    continue;
                }
                let mut near: Vec<Relationship> = link.clone().into_iter().collect();
                near.extend(self.facts_of((edge.other, relation), &neighbour));
                let takes = planned.allowed.iter().any(|it| {
                    it.type_index == type_index && it.kind == AllowedKind::Userset(relation)
                });
                if takes {
                    let subject = SubjectReference {
                        object: neighbour.clone(),
                        relation: Some(Arc::clone(&computed)),
                    };
                    found.push(Change {
                        missing: Missing::Fact(Relationship::new(object.clone(), &name, subject)),
                        near: near.clone(),
                    });
                }
                let tupleset = engine.snapshot.symbol_name(kind.relation);
                let takes = engine.model.may_follow(object.type_name(), &name);
                let tupleset = tupleset.filter(|tupleset| **tupleset != name && takes);
                if let Some(tupleset) = tupleset {
                    found.push(Change {
                        missing: Missing::Rule {
                            type_name: object.type_name().into(),
                            relation: Arc::clone(&name),
                            computed,
                            tupleset: Arc::clone(tupleset),
                        },
                        near,
                    });
                }
            }
        }
    }

    /// The facts of a way from here to the subject.
    fn facts_of(&self, node: NodeKey, object: &Reference) -> Vec<Relationship> {
        let circumstances = Circumstances {
            context: self.checker.context,
            now: self.checker.now,
        };
        let mut walk = Walk::new(self.engine, self.asker, circumstances);
        if walk.enter(node, object).is_none() {
            return Vec::new();
        }
        let facts = walk.links.into_iter().filter_map(|link| match link {
            Link::Fact(fact) => Some(fact),
            Link::Follows { .. } => None,
        });
        facts.collect()
    }
}

impl Engine {
    fn relation_name(&self, relation: RelationId) -> Option<Arc<str>> {
        let planned = self.plan.get(relation)?;
        let (_, found) = self.model.types.get_index(planned.type_index)?;
        let first = self.plan.relations.iter();
        let first = first.take_while(|it| it.type_index != planned.type_index);
        let offset = usize::try_from(relation).ok()?.checked_sub(first.count())?;
        found.relations.get_index(offset).map(|it| Arc::clone(it.0))
    }

    /// The relations of a type with their numbers.
    fn relations_of(&self, type_index: usize) -> Vec<(Arc<str>, RelationId)> {
        let found = self.model.types.get_index(type_index);
        let names = found.into_iter().flat_map(|(_, it)| it.relations.keys());
        let named = names.filter_map(|name| {
            let relation = self.plan.find(type_index, name)?;
            Some((Arc::clone(name), relation))
        });
        named.collect()
    }

    /// The facts in a relation of an object that the model has words for.
    pub(super) fn facts_in(
        &self,
        object: u32,
        relation: RelationId,
    ) -> impl Iterator<Item = (&Bound, Edge)> {
        let edges = self.snapshot.subjects_of(object);
        let kinds = self.binding.kinds_of(relation).iter();
        kinds.flat_map(move |bound| edges.of_kind(bound.kind).map(move |edge| (bound, edge)))
    }

    fn number_of(&self, object: &Reference) -> Result<u32, QuestionError> {
        let type_index = self.type_index(object.type_name())?;
        Ok(self.object_id(object, type_index, 0))
    }
}
