//! The quick way to an answer: a walk along facts, without any memory of where it has been.
//!
//! Most relations are unions of what is written and of what other objects lead to, most facts
//! count unconditionally, and most ways are short. Then whether a subject stands in a relation is
//! whether there is a way from the object to it, and nothing else has to be kept. As soon as
//! something is met of which that is not true, the walk gives up and [`super::check`] starts from
//! the beginning; so a walk only ever says what a check would have said.

use crate::relationships::{Edges, KindId, NO_DETAIL, Row, other, with_detail};

use super::bind::Binding;
use super::check::Checker;
use super::plan::{AllowedKind, Plan, RelationId, Step};
use super::{Question, Rules};

/// The facts that a walk looks at before it gives up: a walk comes to a place that several ways
/// lead to several times.
const FACTS_MAX: u32 = 4_096;
/// The hops that a walk takes before it gives up.
const HOPS_MAX: u32 = 100;
/// A relation that follows from more parts is not walked.
const PARTS_MAX: usize = 64;

/// How one relation of one object is walked; the relations of the same object that it follows from
/// are part of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail {
    /// The relation, and those of the same object that it follows from.
    relations: Vec<RelationId>,
    ends: Vec<End>,
    hops: Vec<Hop>,
    /// The last of the kinds of facts that lead on.
    last_hop: KindId,
    parts: usize,
}

/// Facts that make the relation hold for their subject.
#[derive(Debug, Clone, Copy)]
struct End {
    kind: KindId,
    /// Who has to ask, see [`asking`].
    asker: u64,
    /// Whether the subject stands for every object of its type.
    is_wildcard: bool,
    is_plain: bool,
}

/// Facts that lead to a relation of their subject.
#[derive(Debug, Clone, Copy)]
struct Hop {
    kind: KindId,
    relation: RelationId,
    is_plain: bool,
}

/// What a walk has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Yes,
    No,
    /// Something that a walk does not know about.
    GaveUp,
}

impl Trail {
    /// By relation: its trail, if it has one.
    pub(super) fn of_all(plan: &Plan, binding: &Binding, rules: Rules) -> Vec<Option<Self>> {
        let relations = plan.relations.iter();
        let trails = relations.map(|planned| {
            let mut trail = Self::default();
            let is_trail = trail.add(planned.id, plan, binding, rules);
            let kinds = trail.hops.iter().map(|hop| hop.kind);
            trail.last_hop = kinds.max().unwrap_or_default();
            is_trail.then_some(trail)
        });
        trails.collect()
    }

    /// Whether the relation is one of the object itself on this trail. Nearly never asked.
    #[inline(never)]
    fn has(&self, relation: RelationId) -> bool {
        self.relations.contains(&relation)
    }

    /// Adds what a relation of the same object follows from. Whether all of it can be walked.
    fn add(&mut self, relation: RelationId, plan: &Plan, binding: &Binding, rules: Rules) -> bool {
        if self.has(relation) {
            return true;
        }
        self.relations.push(relation);
        let planned = plan.get(relation);
        planned.is_some_and(|it| self.add_step(it.id, &it.step, plan, binding, rules))
    }

    fn add_step(
        &mut self,
        relation: RelationId,
        step: &Step,
        plan: &Plan,
        binding: &Binding,
        rules: Rules,
    ) -> bool {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return false;
        }
        match step {
            Step::Direct => self.add_direct(relation, binding),
            Step::Computed(other) => return self.add(*other, plan, binding, rules),
            Step::Arrow {
                tupleset,
                all: false,
                targets,
            } => self.add_arrow(*tupleset, targets, binding, rules),
            Step::Union(parts) => {
                let mut parts = parts.iter();
                return parts.all(|it| self.add_step(relation, it, plan, binding, rules));
            }
            Step::Nobody => {}
            Step::Itself
            | Step::Arrow { all: true, .. }
            | Step::Intersection(_)
            | Step::Exclusion(_) => return false,
        }
        true
    }

    fn add_direct(&mut self, relation: RelationId, binding: &Binding) {
        for bound in binding.kinds_of(relation) {
            let (kind, is_plain) = (bound.kind, bound.plain);
            let userset = match bound.subject {
                AllowedKind::Userset(relation) => Some(relation),
                AllowedKind::Object | AllowedKind::Wildcard => None,
            };
            self.ends.push(End {
                kind,
                asker: asking(bound.type_index, userset),
                is_wildcard: bound.subject == AllowedKind::Wildcard,
                is_plain,
            });
            if let AllowedKind::Userset(relation) = bound.subject {
                self.hops.push(Hop {
                    kind,
                    relation,
                    is_plain,
                });
            }
        }
    }

    fn add_arrow(
        &mut self,
        tupleset: RelationId,
        targets: &[Option<RelationId>],
        binding: &Binding,
        rules: Rules,
    ) {
        for bound in binding.kinds_of(tupleset) {
            let target = targets.get(bound.type_index).copied().flatten();
            if let Some(relation) = target.filter(|_| bound.leads_on(rules)) {
                self.hops.push(Hop {
                    kind: bound.kind,
                    relation,
                    is_plain: bound.plain,
                });
            }
        }
    }
}

impl Checker<'_> {
    /// Walks a relation of an object, if it can be walked.
    #[inline]
    pub(super) fn walk(&mut self, object: u32, relation: RelationId, hops: u32) -> Found {
        let question = self.engine.asked(object, relation, self.asker);
        let (found, facts) = question.walk(hops, self.facts_left);
        if found != Found::GaveUp {
            self.facts_left -= facts;
        }
        found
    }
}

impl Question<'_> {
    /// Walks from so many hops away, if the relation can be walked, and looks at no more than so many
    /// facts. What comes of it, and at how many facts it has looked.
    #[inline]
    pub(super) fn walk(&self, hops: u32, facts_max: u32) -> (Found, u32) {
        let rules = self.engine.rules;
        let Some(trail) = self.trail.filter(|_| hops <= rules.hops_max) else {
            return (Found::GaveUp, 0);
        };
        if self.is_of(self.object, trail) {
            return (Found::Yes, 0);
        }
        let row = self.engine.snapshot.loaded_subjects_of(self.object);
        if let Some(found) = row.and_then(|row| self.ends(row, trail)) {
            return (found, 0);
        }
        let budget = FACTS_MAX.min(facts_max);
        let mut walk = Walk {
            question: self,
            facts_left: budget,
            hops_max: rules.hops_max.min(hops.saturating_add(HOPS_MAX)),
        };
        let found = match row {
            Some(row) if row.begins_by(trail.last_hop) => walk.on(row, trail, hops),
            Some(_) => Found::No,
            None => walk.newest(self.object, trail, hops),
        };
        (found, budget - walk.facts_left)
    }

    /// Whether the edges of an object name who asks; none if they do not.
    #[inline(always)]
    fn ends(&self, row: Row<'_>, trail: &Trail) -> Option<Found> {
        for end in &trail.ends {
            let subject = self.named_by(end);
            let found = subject.and_then(|subject| row.has(end.kind, subject));
            match found {
                None => {}
                Some(true) => return Some(Found::GaveUp),
                Some(false) if end.is_plain => return Some(Found::Yes),
                Some(false) => {}
            }
        }
        None
    }

    /// Whether who asks is whoever stands in a relation of this object, and the relation is on the
    /// trail.
    #[inline]
    fn is_of(&self, object: u32, trail: &Trail) -> bool {
        self.asker.object == object
            && (self.asker.userset).is_some_and(|userset| trail.has(userset))
    }

    /// The subject that such a fact has to have in order to name who asks.
    #[inline]
    fn named_by(&self, end: &End) -> Option<u32> {
        match (end.asker == self.asking, end.is_wildcard) {
            (true, false) => Some(self.asker.object),
            (true, true) => self.engine.binding.wildcard(self.asker.type_index),
            (false, _) => None,
        }
    }
}

/// The type and the relation of a subject in one number, which is quickly compared.
#[inline]
pub(super) fn asking(type_index: usize, userset: Option<RelationId>) -> u64 {
    let type_index = u64::try_from(type_index).unwrap_or(u64::MAX);
    type_index << 32 | u64::from(userset.unwrap_or(RelationId::MAX))
}

/// A walk on its way. What is the same all the way stands in the question, so that a walk that ends
/// where it began costs next to nothing to begin.
struct Walk<'a> {
    question: &'a Question<'a>,
    facts_left: u32,
    hops_max: u32,
}

impl Walk<'_> {
    #[inline(never)]
    fn relation(&mut self, object: u32, trail: &Trail, hops: u32) -> Found {
        if self.question.is_of(object, trail) {
            return Found::Yes;
        }
        if hops > self.hops_max {
            return Found::GaveUp;
        }
        match self.question.engine.snapshot.loaded_subjects_of(object) {
            Some(row) => self.few(row, trail, hops),
            None => self.newest(object, trail, hops),
        }
    }

    /// The edges of an object that has had others than those that were loaded.
    #[inline(never)]
    fn newest(&mut self, object: u32, trail: &Trail, hops: u32) -> Found {
        match self.question.engine.snapshot.subjects_of(object) {
            Edges::Few(row) => self.few(row, trail, hops),
            many @ Edges::Many(_) => self.many(many, trail, hops),
        }
    }

    /// The edges of nearly all objects.
    #[inline]
    fn few(&mut self, row: Row<'_>, trail: &Trail, hops: u32) -> Found {
        match self.question.ends(row, trail) {
            Some(found) => found,
            None if row.begins_by(trail.last_hop) => self.on(row, trail, hops),
            None => Found::No,
        }
    }

    /// On from the edges of an object.
    #[inline(never)]
    fn on(&mut self, row: Row<'_>, trail: &Trail, hops: u32) -> Found {
        for hop in &trail.hops {
            for word in row.of_kind(hop.kind) {
                match self.hop(hop, other(word), with_detail(word), hops) {
                    Found::No => {}
                    found => return found,
                }
            }
        }
        Found::No
    }

    #[inline(never)]
    fn many(&mut self, edges: Edges<'_>, trail: &Trail, hops: u32) -> Found {
        for end in &trail.ends {
            let subject = self.question.named_by(end);
            let found = subject.and_then(|subject| edges.find(end.kind, subject));
            match found {
                None => {}
                Some(edge) if edge.detail != NO_DETAIL => return Found::GaveUp,
                Some(_) if end.is_plain => return Found::Yes,
                Some(_) => {}
            }
        }
        for hop in &trail.hops {
            for edge in edges.of_kind(hop.kind) {
                match self.hop(hop, edge.other, edge.detail != NO_DETAIL, hops) {
                    Found::No => {}
                    found => return found,
                }
            }
        }
        Found::No
    }

    /// On along a fact.
    #[inline]
    fn hop(&mut self, hop: &Hop, to: u32, with_detail: bool, hops: u32) -> Found {
        if with_detail || self.facts_left <= 1 {
            return Found::GaveUp;
        }
        self.facts_left -= 1;
        if !hop.is_plain {
            return Found::No;
        }
        match self.question.engine.binding.trail(hop.relation) {
            Some(trail) => self.relation(to, trail, hops + 1),
            None => Found::GaveUp,
        }
    }
}
