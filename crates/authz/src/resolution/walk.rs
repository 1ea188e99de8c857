//! The quick way to an answer: a walk along facts, without any memory of where it has been.
//!
//! Most relations are unions of what is written and of what other objects lead to, most facts
//! count unconditionally, and most ways are short. Then whether a subject stands in a relation is
//! whether there is a way from the object to it, and nothing else has to be kept. As soon as
//! something is met of which that is not true, the walk gives up and [`super::check`] starts from
//! the beginning; so a walk only ever says what a check would have said.

use crate::relationships::{Edges, KindId, NO_DETAIL};

use super::bind::Binding;
use super::check::Checker;
use super::plan::{AllowedKind, Plan, RelationId, Step};
use super::{Asker, Engine, Rules};

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
    parts: usize,
}

/// Facts that make the relation hold for their subject.
#[derive(Debug, Clone, Copy)]
struct End {
    kind: KindId,
    type_index: usize,
    subject: AllowedKind,
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
            is_trail.then_some(trail)
        });
        trails.collect()
    }

    /// Adds what a relation of the same object follows from. Whether all of it can be walked.
    fn add(&mut self, relation: RelationId, plan: &Plan, binding: &Binding, rules: Rules) -> bool {
        if self.relations.contains(&relation) {
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
            self.ends.push(End {
                kind,
                type_index: bound.type_index,
                subject: bound.subject,
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
    pub(super) fn walk(&mut self, object: u32, relation: RelationId, hops: u32) -> Found {
        let engine = self.engine;
        let mut walk = Walk {
            engine,
            asker: self.asker,
            wildcard: engine.binding.wildcard(self.asker.type_index),
            facts_left: FACTS_MAX.min(self.facts_left),
            hops_max: engine.rules.hops_max.min(hops.saturating_add(HOPS_MAX)),
            gave_up: false,
        };
        let budget = walk.facts_left;
        let found = walk.relation(object, relation, hops);
        if !found && walk.gave_up {
            return Found::GaveUp;
        }
        self.facts_left -= budget - walk.facts_left;
        if found { Found::Yes } else { Found::No }
    }
}

struct Walk<'a> {
    engine: &'a Engine,
    asker: Asker,
    wildcard: Option<u32>,
    facts_left: u32,
    hops_max: u32,
    gave_up: bool,
}

impl<'a> Walk<'a> {
    fn relation(&mut self, object: u32, relation: RelationId, hops: u32) -> bool {
        let engine = self.engine;
        let Some(trail) = engine.binding.trail(relation) else {
            self.gave_up = true;
            return false;
        };
        if self.asker.object == object
            && let Some(userset) = self.asker.userset
            && trail.relations.contains(&userset)
        {
            return true;
        }
        if hops > self.hops_max {
            self.gave_up = true;
            return false;
        }
        let edges = engine.snapshot.subjects_of(object);
        for end in &trail.ends {
            if self.is_end(end, edges) {
                return true;
            }
        }
        for hop in &trail.hops {
            if self.hop(hop, edges, hops + 1) {
                return true;
            }
        }
        false
    }

    #[inline]
    fn is_end(&mut self, end: &End, edges: Edges<'a>) -> bool {
        if end.type_index != self.asker.type_index {
            return false;
        }
        let subject = match (end.subject, self.asker.userset) {
            (AllowedKind::Object, None) => self.asker.object,
            (AllowedKind::Userset(written), Some(asking)) if written == asking => self.asker.object,
            (AllowedKind::Wildcard, None) => match self.wildcard {
                Some(wildcard) => wildcard,
                None => return false,
            },
            _ => return false,
        };
        match edges.find(end.kind, subject) {
            None => false,
            Some(edge) if edge.detail == NO_DETAIL => end.is_plain,
            Some(_) => {
                self.gave_up = true;
                false
            }
        }
    }

    #[inline]
    fn hop(&mut self, hop: &Hop, edges: Edges<'a>, hops: u32) -> bool {
        for edge in edges.of_kind(hop.kind) {
            // Having given up, only a yes would matter, and a check will find that too.
            if self.facts_left <= 1 || self.gave_up {
                self.gave_up = true;
                return false;
            }
            self.facts_left -= 1;
            if edge.detail != NO_DETAIL {
                self.gave_up = true;
                return false;
            }
            if hop.is_plain && self.relation(edge.other, hop.relation, hops) {
                return true;
            }
        }
        false
    }
}
