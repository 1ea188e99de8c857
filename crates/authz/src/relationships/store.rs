//! Where facts are written. A write costs about the same however many facts there are.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::edges::{Edge, Edges};
use super::interner::hash;
use super::snapshot::{Detail, NO_DETAIL, NO_RELATION, Object, ObjectId, Snapshot, Symbol};
use super::{Relationship, SubjectReference};

use crate::facts::Reference;

/// Facts that can be added and taken away. Readers take a [`Snapshot`] and keep it.
#[derive(Debug, Clone)]
pub struct Store {
    current: Snapshot,
    /// Details that no fact has any more.
    free: BTreeSet<u32>,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// A store without facts.
    pub fn new() -> Self {
        Self {
            current: Snapshot::empty(),
            free: BTreeSet::new(),
        }
    }

    /// A store that begins with the facts of a snapshot.
    pub fn from_snapshot(snapshot: Snapshot) -> Self {
        Self {
            current: snapshot,
            free: BTreeSet::new(),
        }
    }

    /// The facts as they are now.
    pub fn snapshot(&self) -> Snapshot {
        self.current.clone()
    }

    /// Adds a fact, or replaces the one with the same ends. Whether it is another fact than before.
    pub fn write(&mut self, fact: &Relationship) -> bool {
        let relation = self.symbol(&fact.relation);
        let subject_relation = self.relation_symbol(&fact.subject);
        let object = self.intern(&fact.object);
        let subject = self.intern(&fact.subject.object);
        let detail = self.detail(fact);
        let forward = Edge {
            first: relation,
            second: subject_relation,
            other: subject,
            detail,
        };
        let backward = Edge {
            first: subject_relation,
            second: relation,
            other: object,
            detail,
        };
        let old = self
            .object(object)
            .and_then(|it| it.subjects.insert(forward));
        if let Some(it) = self.object(subject) {
            it.objects.insert(backward);
        }
        self.current.revision += 1;
        let Some(old) = old else {
            self.current.count += 1;
            return true;
        };
        let of = |detail: u32| self.current.detail(detail);
        let changed = of(old.detail) != of(detail);
        self.release(old.detail);
        changed
    }

    /// Takes away the fact with these ends. Whether there was one.
    pub fn delete(
        &mut self,
        object: &Reference,
        relation: &str,
        subject: &SubjectReference,
    ) -> bool {
        let Some(found) = self.ends(object, relation, subject) else {
            return false;
        };
        let (object, relation, subject, subject_relation) = found;
        let forward = (relation, subject_relation, subject);
        let Some(old) = self
            .object(object)
            .and_then(|it| it.subjects.remove(forward))
        else {
            return false;
        };
        if let Some(it) = self.object(subject) {
            it.objects.remove((subject_relation, relation, object));
        }
        self.release(old.detail);
        self.current.count -= 1;
        self.current.revision += 1;
        true
    }

    /// The fact with these ends.
    pub fn find(
        &self,
        object: &Reference,
        relation: &str,
        subject: &SubjectReference,
    ) -> Option<Relationship> {
        let (object, relation, subject, subject_relation) = self.ends(object, relation, subject)?;
        let edge = self
            .current
            .edge(object, relation, (subject, subject_relation))?;
        self.current.relationship(object, edge)
    }

    fn ends(
        &self,
        object: &Reference,
        relation: &str,
        subject: &SubjectReference,
    ) -> Option<(ObjectId, Symbol, ObjectId, Symbol)> {
        let current = &self.current;
        let subject_relation = match &subject.relation {
            None => NO_RELATION,
            Some(name) => current.symbol(name)?,
        };
        Some((
            current.find(object.type_name(), object.id())?,
            current.symbol(relation)?,
            current.find(subject.object.type_name(), subject.object.id())?,
            subject_relation,
        ))
    }

    fn object(&mut self, id: ObjectId) -> Option<&mut Object> {
        let index = usize::try_from(id).ok()?;
        self.current.objects.get_mut(index).map(Arc::make_mut)
    }

    fn symbol(&mut self, name: &Arc<str>) -> Symbol {
        if let Some(symbol) = self.current.symbol(name) {
            return symbol;
        }
        let symbols = Arc::make_mut(&mut self.current.symbols);
        let (index, _) = symbols.insert_full(Arc::clone(name));
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    fn relation_symbol(&mut self, subject: &SubjectReference) -> Symbol {
        match &subject.relation {
            None => NO_RELATION,
            Some(name) => self.symbol(name),
        }
    }

    fn intern(&mut self, reference: &Reference) -> ObjectId {
        let type_name = self.symbol(&reference.type_name().into());
        if let Some(found) = self.current.find_symbol(type_name, reference.id()) {
            return found;
        }
        let number = u32::try_from(self.current.objects.len()).unwrap_or(u32::MAX);
        self.current.objects.push(Arc::new(Object {
            type_name,
            id: reference.id().into(),
            subjects: Edges::default(),
            objects: Edges::default(),
        }));
        let hash = hash(type_name, reference.id());
        self.current.ids.insert(hash, number);
        number
    }

    fn detail(&mut self, fact: &Relationship) -> u32 {
        let condition = match &fact.condition {
            None if fact.valid_from.is_none() && fact.valid_until.is_none() => return NO_DETAIL,
            None => NO_RELATION,
            Some(condition) => self.symbol(&condition.name),
        };
        let context = fact.condition.as_ref().map(|it| it.context.clone());
        let detail = Arc::new(Detail {
            condition,
            context: context.unwrap_or_default(),
            valid_from: fact.valid_from,
            valid_until: fact.valid_until,
        });
        let free = self.free.pop_first();
        let place = free.and_then(|number| usize::try_from(number).ok());
        if let (Some(number), Some(slot)) = (
            free,
            place.and_then(|place| self.current.details.get_mut(place)),
        ) {
            *slot = Some(detail);
            return number;
        }
        let number = u32::try_from(self.current.details.len()).unwrap_or(u32::MAX);
        self.current.details.push(Some(detail));
        number
    }

    fn release(&mut self, detail: u32) {
        if detail == NO_DETAIL {
            return;
        }
        let place = usize::try_from(detail).ok();
        if let Some(slot) = place.and_then(|place| self.current.details.get_mut(place)) {
            *slot = None;
            self.free.insert(detail);
        }
    }
}

impl<'a> Extend<&'a Relationship> for Store {
    fn extend<I: IntoIterator<Item = &'a Relationship>>(&mut self, facts: I) {
        for fact in facts {
            self.write(fact);
        }
    }
}
