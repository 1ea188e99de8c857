//! Where facts are written. A write costs about the same however many facts there are.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::edges::{Edge, KINDS_MAX, key};
use super::kinds::{EVERY, Kind, KindId, NO_RELATION};
use super::snapshot::{Detail, HashedName, NO_DETAIL, ObjectId, Snapshot, Symbol};
use super::{Relationship, StoredCondition, SubjectReference, WILDCARD};

use crate::facts::Reference;

/// Facts that can be added and taken away. Readers take a [`Snapshot`] and keep it.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) current: Snapshot,
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
        Self::from_snapshot(Snapshot::empty())
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
        let Some((object, subject, kind)) = self.intern_ends(fact.names()) else {
            return false;
        };
        let detail = self.detail(fact);
        let edge = |other| Edge {
            kind,
            other,
            detail,
        };
        let old = self.current.subjects.insert(object, edge(subject));
        self.current.objects.insert(subject, edge(object));
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
        let Some((object, subject, kind)) = self.find_ends(ends(object, relation, subject)) else {
            return false;
        };
        let old = self.current.subjects.remove(object, key(kind, subject));
        let Some(old) = old else {
            return false;
        };
        self.current.objects.remove(subject, key(kind, object));
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
        let (object, subject, kind) = self.find_ends(ends(object, relation, subject))?;
        let edge = self.current.subjects_of(object).find(kind, subject)?;
        self.current.relationship(object, &edge)
    }

    fn find_ends(&self, ends: Ends<'_>) -> Option<(ObjectId, ObjectId, KindId)> {
        let current = &self.current;
        let kind = Kind {
            object_type: current.symbol(ends.object.0)?,
            relation: current.symbol(ends.relation)?,
            subject_type: current.symbol(ends.subject.0)?,
            subject: match ends.subject_relation {
                Some(name) => current.symbol(name)?,
                None => self::subject(ends.subject.1),
            },
        };
        let number = current.kinds.get_index_of(&kind)?;
        Some((
            current.find_symbol(kind.object_type, ends.object.1)?,
            current.find_symbol(kind.subject_type, ends.subject.1)?,
            u32::try_from(number).ok()?,
        ))
    }

    /// The numbers of the ends and of the kind, new ones if need be; none if there are no more.
    fn intern_ends(&mut self, ends: Ends<'_>) -> Option<(ObjectId, ObjectId, KindId)> {
        let (kind, number) = self.intern_kind(ends)?;
        Some((
            self.intern(kind.object_type, ends.object.1)?,
            self.intern(kind.subject_type, ends.subject.1)?,
            number,
        ))
    }

    /// The kind of a fact with these ends, and its number; none if there are no more.
    pub(super) fn intern_kind(&mut self, ends: Ends<'_>) -> Option<(Kind, KindId)> {
        let kind = Kind {
            object_type: self.symbol(ends.object.0),
            relation: self.symbol(ends.relation),
            subject_type: self.symbol(ends.subject.0),
            subject: match ends.subject_relation {
                Some(name) => self.symbol(name),
                None => self::subject(ends.subject.1),
            },
        };
        Some((kind, self.kind(kind)?))
    }

    fn kind(&mut self, kind: Kind) -> Option<KindId> {
        let index = match self.current.kinds.get_index_of(&kind) {
            Some(index) => index,
            None => Arc::make_mut(&mut self.current.kinds).insert_full(kind).0,
        };
        let number = KindId::try_from(index).ok();
        number.filter(|it| *it < KINDS_MAX)
    }

    fn symbol(&mut self, name: &str) -> Symbol {
        if let Some(symbol) = self.current.symbol(name) {
            return symbol;
        }
        let symbols = Arc::make_mut(&mut self.current.symbols);
        let (index, _) = symbols.insert_full(name.into());
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// The number of an object, a new one if need be.
    pub(super) fn intern(&mut self, type_name: Symbol, id: &str) -> Option<ObjectId> {
        let name = HashedName::new(type_name, id);
        if let Some(found) = self.current.find_name(name) {
            return Some(found);
        }
        let number = self.current.names.push(type_name, id)?;
        self.current.ids.insert(name.hash, number);
        Some(number)
    }

    pub(super) fn detail(&mut self, fact: &Relationship) -> u32 {
        let condition = match &fact.condition {
            None if fact.valid_from.is_none() && fact.valid_until.is_none() => return NO_DETAIL,
            None => NO_RELATION,
            Some(StoredCondition { name, .. }) => self.symbol(name),
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

    pub(super) fn release(&mut self, detail: u32) {
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

/// The ends of a fact by their names: types and ids of the object and the subject.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends<'a> {
    pub(super) object: (&'a str, &'a str),
    pub(super) relation: &'a str,
    pub(super) subject: (&'a str, &'a str),
    pub(super) subject_relation: Option<&'a str>,
}

fn ends<'a>(object: &'a Reference, relation: &'a str, subject: &'a SubjectReference) -> Ends<'a> {
    Ends {
        object: (object.type_name(), object.id()),
        relation,
        subject: (subject.object.type_name(), subject.object.id()),
        subject_relation: subject.relation.as_deref(),
    }
}

impl Relationship {
    fn names(&self) -> Ends<'_> {
        ends(&self.object, &self.relation, &self.subject)
    }
}

/// What is meant by a subject that is no userset.
fn subject(id: &str) -> Symbol {
    if id == WILDCARD { EVERY } else { NO_RELATION }
}

impl<'a> Extend<&'a Relationship> for Store {
    fn extend<I: IntoIterator<Item = &'a Relationship>>(&mut self, facts: I) {
        for fact in facts {
            self.write(fact);
        }
    }
}
