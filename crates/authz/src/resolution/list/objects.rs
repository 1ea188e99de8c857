//! The objects that a subject stands in a relation to: from the subject outwards along the facts,
//! and along the model from relations to those that follow from them.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::facts::Reference;
use crate::relationships::{NO_RELATION, SubjectReference};

use crate::resolution::memo::NodeKey;
use crate::resolution::plan::{RelationId, Step};
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
        let mut last: Option<Arc<str>> = None;
        for (id, number) in self.reachable(asker, subject, relation) {
            if after.is_some_and(|after| *id <= *after) {
                continue;
            }
            if listing.items.len() + listing.failed.len() >= limit {
                listing.next = last.map(|last| last.to_string());
                break;
            }
            let object = Reference::new(type_name, &id);
            match Verdict::from(checker.ask(number, relation, asker)) {
                Verdict::Listed(missing) => listing.items.push(Listed { object, missing }),
                Verdict::Failed(error) => {
                    let missing = BTreeSet::new();
                    listing.failed.push((Listed { object, missing }, error));
                }
                Verdict::LeftOut => continue,
            }
            last = Some(id);
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
        for (id, number) in self.reachable(asker, subject, relation) {
            match checker.ask(number, relation, asker) {
                Answer::Yes => drop(held.insert(id)),
                Answer::No => {}
                Answer::Conditional(_) | Answer::Failed(_) => drop(open.insert(id)),
            }
        }
        Ok([held, open])
    }

    /// The objects for which the relation could hold, whatever conditions and exclusions say.
    fn reachable(
        &self,
        asker: Asker,
        subject: &SubjectReference,
        wanted: RelationId,
    ) -> BTreeSet<(Arc<str>, u32)> {
        let mut search = Search {
            engine: self,
            seen: HashSet::new(),
            open: Vec::new(),
        };
        search.start(asker);
        while let Some(node) = search.open.pop() {
            search.leave(node);
        }
        let nodes = search.seen.into_iter();
        let found = nodes.filter(|(_, relation)| *relation == wanted);
        // An object that no fact names has no name in the snapshot, but for the subject itself.
        let name = |number: u32| match self.snapshot.id_of(number) {
            Some(id) => Arc::clone(id),
            None => subject.object.id().into(),
        };
        let named = found.map(|(number, _)| (name(number), number));
        named
            .filter(|(id, _)| &**id != crate::relationships::WILDCARD)
            .collect()
    }
}

struct Search<'a> {
    engine: &'a Engine,
    seen: HashSet<NodeKey>,
    open: Vec<NodeKey>,
}

impl Search<'_> {
    fn reach(&mut self, object: u32, relation: RelationId) {
        if self.seen.insert((object, relation)) {
            self.open.push((object, relation));
        }
    }

    /// What holds for the subject by itself, and by facts.
    fn start(&mut self, asker: Asker) {
        let engine = self.engine;
        if let Some(relation) = asker.userset {
            self.reach(asker.object, relation);
            return;
        }
        for planned in &engine.plan.relations {
            let mut is_itself = false;
            let see = &mut |step: &Step| is_itself |= matches!(step, Step::Itself);
            planned.step.walk(false, see);
            if planned.type_index == asker.type_index && is_itself {
                self.reach(asker.object, planned.id);
            }
        }
        self.follow(asker.object, NO_RELATION);
        if let Some(wildcard) = engine.binding.wildcard(asker.type_index) {
            self.follow(wildcard, NO_RELATION);
        }
    }

    /// The relations into which the subject is written.
    fn follow(&mut self, subject: u32, subject_relation: u32) {
        let engine = self.engine;
        for edge in engine.snapshot.objects_of(subject, subject_relation) {
            if let Some(relation) = self.relation_of(edge.other, edge.second) {
                self.reach(edge.other, relation);
            }
        }
    }

    fn relation_of(&self, object: u32, symbol: u32) -> Option<RelationId> {
        let type_name = self.engine.snapshot.type_of(object)?;
        let type_index = self.engine.binding.type_of(type_name)?;
        self.engine.binding.relation(type_index, symbol)
    }

    /// Everything that could follow from one relation of one object.
    fn leave(&mut self, (object, relation): NodeKey) {
        let engine = self.engine;
        if let Some(symbol) = engine.binding.symbol_of(relation) {
            self.follow(object, symbol);
        }
        let Some(uses) = engine.plan.uses(relation) else {
            return;
        };
        for following in &uses.computed {
            self.reach(object, *following);
        }
        for (tupleset, following) in &uses.arrows {
            self.follow_arrow(object, *tupleset, *following);
        }
    }

    /// The objects whose relation `tupleset` leads to this one.
    fn follow_arrow(&mut self, object: u32, tupleset: RelationId, relation: RelationId) {
        let engine = self.engine;
        let Some(symbol) = engine.binding.symbol_of(tupleset) else {
            return;
        };
        for edge in engine.snapshot.all_objects_of(object) {
            let follows = edge.first == NO_RELATION || engine.rules.arrows_follow_usersets;
            if follows
                && edge.second == symbol
                && self.relation_of(edge.other, symbol) == Some(tupleset)
            {
                self.reach(edge.other, relation);
            }
        }
    }
}
