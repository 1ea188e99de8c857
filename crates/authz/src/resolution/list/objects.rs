//! The objects that a subject stands in a relation to: from the subject outwards along the facts,
//! and along the model from relations to those that follow from them.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use crate::facts::Reference;
use crate::relationships::{Edge, NO_DETAIL, SubjectReference, WILDCARD};

use crate::resolution::bind::Bound;
use crate::resolution::memo::{KeyHasher, NodeKey};
use crate::resolution::plan::{AllowedKind, RelationId, Step, Use};
use crate::resolution::{Answer, Asker, Checker, Circumstances, Engine, QuestionError};

use super::{Listed, Listing, Verdict};

impl Engine {
    /// The objects of a type that the subject stands in the relation to, in the order of their
    /// ids, from behind `after` and at most `limit` of them.
    ///
    /// # Errors
    /// A question that the model has no words for.
    pub fn list_objects(
        &self,
        type_name: &str,
        relation: &str,
        subject: &SubjectReference,
        circumstances: Circumstances<'_>,
        (after, limit): (Option<&str>, usize),
    ) -> Result<Listing<Listed>, QuestionError> {
        let relation = self.relation_id(type_name, relation)?;
        let asker = self.asker(subject)?;
        let mut checker = Checker::new(self);
        checker.begin(circumstances);
        if self.rules.lists_are_exhaustive {
            checker.look_at_every_way();
        }
        let mut listing = Listing {
            items: Vec::new(),
            failed: Vec::new(),
            next: None,
        };
        let mut last: Option<&str> = None;
        for found in self.reachable(asker, subject, relation, after) {
            if listing.items.len() + listing.failed.len() >= limit {
                listing.next = last.map(str::to_owned);
                break;
            }
            let answer = match found.is_certain {
                true => Answer::Yes,
                false => checker.ask(found.number, relation, asker),
            };
            let object = Reference::new(type_name, found.id);
            match Verdict::from(answer) {
                Verdict::Listed(missing) => listing.items.push(Listed { object, missing }),
                Verdict::Failed(error) => {
                    let missing = BTreeSet::new();
                    listing.failed.push((Listed { object, missing }, error));
                }
                Verdict::LeftOut => continue,
            }
            last = Some(found.id);
        }
        Ok(listing)
    }

    /// The ids of the objects of a type that the subject stands in the relation to, and of those of
    /// which nothing can be said: exactly what a check says of each.
    ///
    /// # Errors
    /// A question that the model has no words for.
    pub(crate) fn settled_objects(
        &self,
        type_name: &str,
        relation: &str,
        subject: &SubjectReference,
        circumstances: Circumstances<'_>,
    ) -> Result<[BTreeSet<Arc<str>>; 2], QuestionError> {
        let relation = self.relation_id(type_name, relation)?;
        let asker = self.asker(subject)?;
        let mut checker = Checker::new(self);
        checker.begin(circumstances);
        let (mut held, mut open) = (BTreeSet::new(), BTreeSet::new());
        for found in self.reachable(asker, subject, relation, None) {
            let answer = match found.is_certain {
                true => Answer::Yes,
                false => checker.ask(found.number, relation, asker),
            };
            match answer {
                Answer::Yes => drop(held.insert(found.id.into())),
                Answer::No => {}
                Answer::Conditional(_) | Answer::Failed(_) => drop(open.insert(found.id.into())),
            }
        }
        Ok([held, open])
    }

    /// The objects behind `after` for which the relation could hold, whatever conditions and
    /// exclusions say, sorted by their ids.
    fn reachable<'a>(
        &'a self,
        asker: Asker,
        subject: &'a SubjectReference,
        wanted: RelationId,
        after: Option<&str>,
    ) -> Vec<Found<'a>> {
        let mut search = Search {
            engine: self,
            seen: HashMap::default(),
            open: Vec::new(),
            may_be_certain: true,
        };
        search.start(asker);
        let mut next = 0;
        while let Some(node) = search.open.get(next).copied() {
            search.leave(node);
            next += 1;
        }
        let may_be_certain = search.may_be_certain || !self.rules.lists_are_exhaustive;
        let nodes = search.seen.into_iter();
        let of_relation = nodes.filter(|((_, relation), _)| *relation == wanted);
        let named = of_relation.map(|((number, _), way)| Found {
            // An object that no fact names has no name in the snapshot, but for the subject itself.
            id: self.snapshot.id_of(number).unwrap_or(subject.object.id()),
            number,
            is_certain: may_be_certain && way.is_certain,
        });
        let is_listed = |id: &str| id != WILDCARD && after.is_none_or(|after| id > after);
        let mut found: Vec<Found<'a>> = named.filter(|it| is_listed(it.id)).collect();
        found.sort_unstable_by(Found::order);
        found
    }
}

/// An object for which the relation could hold.
struct Found<'a> {
    id: &'a str,
    number: u32,
    /// Whether it does, whatever a check would come upon.
    is_certain: bool,
}

impl Found<'_> {
    fn order(&self, other: &Self) -> Ordering {
        self.id.cmp(other.id)
    }
}

/// How a relation of an object was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    hops: u32,
    /// Whether nothing on the way depends on a condition, on time, or on anything but this way.
    is_certain: bool,
}

/// From the subject outwards, breadth first.
struct Search<'a> {
    engine: &'a Engine,
    seen: HashMap<NodeKey, Way, BuildHasherDefault<KeyHasher>>,
    open: Vec<(NodeKey, Way)>,
    /// Whether no fact was met that has a condition, an expiration, or a form that the model does
    /// not allow. Where every way is looked at, such a fact may spoil what another way makes sure.
    may_be_certain: bool,
}

impl Search<'_> {
    fn reach(&mut self, object: u32, relation: RelationId, way: Way) {
        let key = (object, relation);
        let is_news = match self.seen.get(&key) {
            None => true,
            Some(before) => way.is_certain && !before.is_certain,
        };
        if is_news {
            self.seen.insert(key, way);
            self.open.push((key, way));
        }
    }

    /// What holds for the subject by itself, and by facts.
    fn start(&mut self, asker: Asker) {
        let engine = self.engine;
        let way = Way {
            hops: 0,
            is_certain: true,
        };
        if let Some(relation) = asker.userset {
            self.reach(asker.object, relation, way);
            return;
        }
        for planned in &engine.plan.relations {
            let mut is_itself = false;
            let see = &mut |step: &Step| is_itself |= matches!(step, Step::Itself);
            planned.step.walk(false, see);
            if planned.type_index == asker.type_index && is_itself {
                let is_certain = false;
                self.reach(asker.object, planned.id, Way { is_certain, ..way });
            }
        }
        let wildcard = engine.binding.wildcard(asker.type_index);
        for bound in engine.binding.kinds() {
            let subject = match bound.subject {
                AllowedKind::Object => Some(asker.object),
                AllowedKind::Wildcard => wildcard,
                AllowedKind::Userset(_) => None,
            };
            if let Some(subject) = subject.filter(|_| bound.type_index == asker.type_index) {
                self.follow(subject, bound, way);
            }
        }
    }

    /// The relations into which the subject is written by facts of one kind.
    fn follow(&mut self, subject: u32, bound: &Bound, way: Way) {
        let engine = self.engine;
        let planned = engine.plan.get(bound.relation);
        let suffices = planned.is_some_and(|it| it.facts_suffice);
        for edge in engine.snapshot.objects_of(subject).of_kind(bound.kind) {
            let way = self.along(&edge, bound, suffices, way);
            self.reach(edge.other, bound.relation, way);
        }
    }

    /// The way that goes on along a fact.
    fn along(&mut self, edge: &Edge, bound: &Bound, suffices: bool, way: Way) -> Way {
        let is_certain = edge.detail == NO_DETAIL && bound.plain && suffices;
        self.may_be_certain &= is_certain;
        Way {
            is_certain: way.is_certain && is_certain && way.hops <= self.engine.rules.hops_max,
            ..way
        }
    }

    /// Everything that could follow from one relation of one object.
    fn leave(&mut self, ((object, relation), way): (NodeKey, Way)) {
        let engine = self.engine;
        let farther = Way {
            hops: way.hops + 1,
            ..way
        };
        for bound in engine.binding.usersets_of(relation) {
            self.follow(object, bound, farther);
        }
        let Some(uses) = engine.plan.uses(relation) else {
            return;
        };
        for following in &uses.computed {
            self.may_be_certain &= following.suffices;
            let is_certain = way.is_certain && following.suffices;
            self.reach(object, following.relation, Way { is_certain, ..way });
        }
        for (tupleset, following) in &uses.arrows {
            self.follow_arrow(object, *tupleset, *following, farther);
        }
    }

    /// The objects whose relation `tupleset` leads to this one.
    fn follow_arrow(&mut self, object: u32, tupleset: RelationId, following: Use, way: Way) {
        let engine = self.engine;
        let edges = engine.snapshot.objects_of(object);
        for bound in engine.binding.kinds_of(tupleset) {
            if !bound.leads_on(engine.rules) {
                continue;
            }
            for edge in edges.of_kind(bound.kind) {
                let way = self.along(&edge, bound, following.suffices, way);
                self.reach(edge.other, following.relation, way);
            }
        }
    }
}
