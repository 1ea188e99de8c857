//! The subjects that stand in a relation to an object: from the object inwards along the facts.

use std::collections::{BTreeSet, HashSet};

use crate::facts::Reference;
use crate::relationships::{SubjectReference, WILDCARD};

use crate::resolution::memo::NodeKey;
use crate::resolution::plan::{AllowedKind, RelationId, Step};
use crate::resolution::{Asker, Checker, Circumstances, Engine, QuestionError};

use super::{ListedSubject, Listing, Verdict};

/// Which subjects are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectFilter<'a> {
    /// Their type.
    pub type_name: &'a str,
    /// Their relation, for usersets; none for objects.
    pub relation: Option<&'a str>,
}

impl Engine {
    /// The subjects that stand in the relation to the object, in the order of their ids, from
    /// behind `after` and at most `limit` of them.
    ///
    /// # Errors
    /// A question that the model has no words for.
    pub fn list_subjects(
        &self,
        object: &Reference,
        relation: &str,
        filter: SubjectFilter<'_>,
        circumstances: Circumstances<'_>,
        (after, limit): (Option<&str>, usize),
    ) -> Result<Listing<ListedSubject>, QuestionError> {
        let relation = self.relation_id(object.type_name(), relation)?;
        let type_index = self.type_index(filter.type_name)?;
        let userset = match filter.relation {
            None => None,
            Some(name) => Some(self.relation_id(filter.type_name, name)?),
        };
        let of_object = self.type_index(object.type_name())?;
        let number = self.object_id(object, of_object, 0);
        let wanted = (type_index, userset);
        let mut found = self.gather((number, relation), object, wanted, false);
        if found.iter().any(|(id, _)| id == WILDCARD) {
            // Where everybody could be meant, who is taken out may be let in again.
            found = self.gather((number, relation), object, wanted, true);
        }
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
        let mut last: Option<String> = None;
        for (id, candidate) in found {
            if after.is_some_and(|after| *id <= *after) {
                continue;
            }
            if listing.items.len() + listing.failed.len() >= limit {
                listing.next = last;
                break;
            }
            let asker = Asker {
                object: candidate,
                type_index,
                userset,
            };
            let mut listed = ListedSubject {
                subject: SubjectReference {
                    object: Reference::new(filter.type_name, &id),
                    relation: filter.relation.map(Into::into),
                },
                missing: BTreeSet::new(),
                excluded: Vec::new(),
            };
            match Verdict::from(checker.ask(number, relation, asker)) {
                Verdict::Listed(missing) => {
                    listed.missing = missing;
                    if id == WILDCARD {
                        let all = self.gather((number, relation), object, wanted, true);
                        listed.excluded = excluded(
                            &mut checker,
                            (number, relation),
                            asker,
                            all,
                            filter.type_name,
                        );
                    }
                    listing.items.push(listed);
                }
                Verdict::Failed(error) => listing.failed.push((listed, error)),
                Verdict::LeftOut => continue,
            }
            last = Some(id);
        }
        Ok(listing)
    }

    /// The subjects of the wanted type that any fact on the way names, whatever conditions and
    /// exclusions say; those in the subtrahends of exclusions only if `subtracted`.
    fn gather(
        &self,
        start: NodeKey,
        object: &Reference,
        (type_index, userset): (usize, Option<RelationId>),
        subtracted: bool,
    ) -> BTreeSet<(String, u32)> {
        let mut search = Search {
            engine: self,
            subtracted,
            seen: HashSet::from([start]),
            open: vec![start],
            subjects: HashSet::new(),
        };
        while let Some(node) = search.open.pop() {
            search.enter(node);
        }
        let name = |number: u32| match self.snapshot.id_of(number) {
            Some(id) => id.to_string(),
            None => object.id().to_owned(),
        };
        let is_wanted_type = |number: &u32| match self.snapshot.type_of(*number) {
            Some(symbol) => self.binding.type_of(symbol) == Some(type_index),
            None => self.model.types.get_index_of(object.type_name()) == Some(type_index),
        };
        let numbers: HashSet<u32> = match userset {
            None => search.subjects,
            Some(relation) => {
                let nodes = search.seen.into_iter();
                nodes.filter(|it| it.1 == relation).map(|it| it.0).collect()
            }
        };
        let numbers = numbers.into_iter().filter(is_wanted_type);
        numbers.map(|number| (name(number), number)).collect()
    }
}

/// Those for which the relation does not hold though it holds for every object of their type.
fn excluded(
    checker: &mut Checker<'_>,
    (object, relation): NodeKey,
    every: Asker,
    all: BTreeSet<(String, u32)>,
    type_name: &str,
) -> Vec<SubjectReference> {
    let mut excluded = Vec::new();
    for (id, number) in all {
        let asker = Asker {
            object: number,
            ..every
        };
        let answer = checker.ask(object, relation, asker);
        if id != WILDCARD && matches!(Verdict::from(answer), Verdict::LeftOut) {
            let object = Reference::new(type_name, &id);
            excluded.push(SubjectReference::object(object));
        }
    }
    excluded
}

struct Search<'a> {
    engine: &'a Engine,
    subtracted: bool,
    seen: HashSet<NodeKey>,
    open: Vec<NodeKey>,
    subjects: HashSet<u32>,
}

impl Search<'_> {
    fn reach(&mut self, object: u32, relation: RelationId) {
        if self.seen.insert((object, relation)) {
            self.open.push((object, relation));
        }
    }

    fn enter(&mut self, (object, relation): NodeKey) {
        let engine = self.engine;
        let Some(planned) = engine.plan.get(relation) else {
            return;
        };
        let mut steps = Vec::new();
        planned
            .step
            .walk(self.subtracted, &mut |step| steps.push(step));
        for step in steps {
            match step {
                Step::Direct => self.direct(object, relation),
                Step::Itself => {
                    self.subjects.insert(object);
                }
                Step::Computed(of) => self.reach(object, *of),
                Step::Arrow {
                    tupleset, targets, ..
                } => self.arrow(object, *tupleset, targets),
                _ => {}
            }
        }
    }

    fn direct(&mut self, object: u32, relation: RelationId) {
        let engine = self.engine;
        let edges = engine.snapshot.subjects_of(object);
        for bound in engine.binding.kinds_of(relation) {
            for edge in edges.of_kind(bound.kind) {
                match bound.subject {
                    AllowedKind::Userset(relation) => self.reach(edge.other, relation),
                    AllowedKind::Object | AllowedKind::Wildcard => {
                        self.subjects.insert(edge.other);
                    }
                }
            }
        }
    }

    fn arrow(&mut self, object: u32, tupleset: RelationId, targets: &[Option<RelationId>]) {
        let engine = self.engine;
        let edges = engine.snapshot.subjects_of(object);
        for bound in engine.binding.kinds_of(tupleset) {
            let target = targets.get(bound.type_index).copied().flatten();
            let Some(relation) = target else {
                continue;
            };
            for edge in edges.of_kind(bound.kind) {
                self.reach(edge.other, relation);
            }
        }
    }
}
