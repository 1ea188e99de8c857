//! What is known at one revision: objects, and the edges between them.

use std::sync::Arc;

use indexmap::IndexSet;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::facts::Reference;

use super::edges::{Edge, Edges};
use super::interner::{Interner, hash};
use super::vector::Vector;
use super::{Relationship, StoredCondition, SubjectReference, WILDCARD};

/// The number of an object.
pub(crate) type ObjectId = u32;
/// The number of a name of a type, relation or condition.
pub(crate) type Symbol = u32;

/// The relation of a subject that is an object itself.
pub(crate) const NO_RELATION: Symbol = 0;
/// The detail of a fact that has neither condition nor limits of time.
pub(crate) const NO_DETAIL: u32 = 0;

/// Facts as they were at one revision. Cloning one is cheap, and it never changes.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) revision: u64,
    /// How many facts there are.
    pub(super) count: usize,
    pub(super) symbols: Arc<IndexSet<Arc<str>>>,
    pub(super) objects: Vector<Arc<Object>>,
    pub(super) ids: Interner,
    pub(super) details: Vector<Option<Arc<Detail>>>,
}

#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) type_name: Symbol,
    pub(super) id: Arc<str>,
    /// Who stands in which of its relations.
    pub(super) subjects: Edges,
    /// What it stands in which relation to.
    pub(super) objects: Edges,
}

/// The rest of a fact.
#[derive(Debug, PartialEq)]
pub(crate) struct Detail {
    pub(crate) condition: Symbol,
    pub(crate) context: Map<String, Json>,
    pub(crate) valid_from: Option<Timestamp>,
    pub(crate) valid_until: Option<Timestamp>,
}

impl Detail {
    /// Whether the fact begins or ends.
    pub(crate) fn has_limits(&self) -> bool {
        self.valid_from.is_some() || self.valid_until.is_some()
    }

    pub(crate) fn is_valid_at(&self, now: Timestamp) -> bool {
        self.valid_from.is_none_or(|from| from <= now)
            && self.valid_until.is_none_or(|until| now < until)
    }
}

impl Snapshot {
    pub(super) fn empty() -> Self {
        let mut details = Vector::new();
        details.push(None);
        Self {
            revision: 0,
            count: 0,
            symbols: Arc::new(IndexSet::from([Arc::from("")])),
            objects: Vector::new(),
            ids: Interner::default(),
            details,
        }
    }

    /// How many writes led to it.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many facts there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no fact.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All facts, in an order that stays the same within a snapshot.
    pub fn relationships(&self) -> impl Iterator<Item = Relationship> {
        (0..self.objects.len()).flat_map(move |index| {
            let id = u32::try_from(index).unwrap_or(u32::MAX);
            let edges = self.object(id).into_iter();
            let edges = edges.flat_map(|found| found.subjects.from((0, 0, 0)));
            edges.filter_map(move |edge| self.relationship(id, edge))
        })
    }

    pub(crate) fn relationship(&self, object: ObjectId, edge: &Edge) -> Option<Relationship> {
        let detail = self.detail(edge.detail);
        let condition = detail.filter(|detail| detail.condition != NO_RELATION);
        Some(Relationship {
            object: self.reference(object)?,
            relation: Arc::clone(self.symbol_name(edge.first)?),
            subject: self.subject(edge.other, edge.second)?,
            condition: condition.and_then(|detail| {
                Some(StoredCondition {
                    name: Arc::clone(self.symbol_name(detail.condition)?),
                    context: detail.context.clone(),
                })
            }),
            valid_from: detail.and_then(|detail| detail.valid_from),
            valid_until: detail.and_then(|detail| detail.valid_until),
        })
    }

    pub(crate) fn symbol(&self, name: &str) -> Option<Symbol> {
        let index = self.symbols.get_index_of(name)?;
        u32::try_from(index).ok()
    }

    pub(crate) fn symbol_name(&self, symbol: Symbol) -> Option<&Arc<str>> {
        self.symbols.get_index(usize::try_from(symbol).ok()?)
    }

    /// How many names there are.
    pub(crate) fn symbol_count(&self) -> usize {
        self.symbols.len()
    }

    /// How many objects there are.
    pub(crate) fn object_count(&self) -> usize {
        self.objects.len()
    }

    pub(super) fn object(&self, id: ObjectId) -> Option<&Object> {
        let found = self.objects.get(usize::try_from(id).ok()?);
        found.map(|found| &**found)
    }

    /// The number of an object that some fact has named.
    pub(crate) fn find(&self, type_name: &str, id: &str) -> Option<ObjectId> {
        self.find_symbol(self.symbol(type_name)?, id)
    }

    pub(super) fn find_symbol(&self, type_name: Symbol, id: &str) -> Option<ObjectId> {
        self.ids.find(hash(type_name, id), |number| {
            let found = self.object(number);
            found.is_some_and(|found| found.type_name == type_name && &*found.id == id)
        })
    }

    /// The ids of the objects of a type that facts name, `*` left out, in no order. O(objects).
    pub(crate) fn ids_of_type(&self, type_name: &str) -> impl Iterator<Item = &Arc<str>> {
        let symbol = self.symbol(type_name);
        let objects = (0..self.objects.len()).filter_map(|index| self.objects.get(index));
        let wanted = objects.filter(move |it| Some(it.type_name) == symbol && &*it.id != WILDCARD);
        wanted.map(|it| &it.id)
    }

    /// The number that stands for every object of a type.
    pub(crate) fn wildcard(&self, type_name: Symbol) -> Option<ObjectId> {
        self.find_symbol(type_name, WILDCARD)
    }

    pub(crate) fn type_of(&self, id: ObjectId) -> Option<Symbol> {
        Some(self.object(id)?.type_name)
    }

    pub(crate) fn id_of(&self, id: ObjectId) -> Option<&Arc<str>> {
        Some(&self.object(id)?.id)
    }

    pub(crate) fn reference(&self, id: ObjectId) -> Option<Reference> {
        let found = self.object(id)?;
        Some(Reference::new(
            self.symbol_name(found.type_name)?,
            &found.id,
        ))
    }

    pub(crate) fn subject(&self, id: ObjectId, relation: Symbol) -> Option<SubjectReference> {
        let relation = match relation {
            NO_RELATION => None,
            relation => Some(Arc::clone(self.symbol_name(relation)?)),
        };
        Some(SubjectReference {
            object: self.reference(id)?,
            relation,
        })
    }

    pub(crate) fn detail(&self, detail: u32) -> Option<&Detail> {
        let found = self.details.get(usize::try_from(detail).ok()?)?;
        found.as_deref()
    }

    /// The fact that `subject` stands in `relation` to `object`.
    pub(crate) fn edge(
        &self,
        object: ObjectId,
        relation: Symbol,
        (subject, subject_relation): (ObjectId, Symbol),
    ) -> Option<&Edge> {
        let found = self.object(object)?;
        found.subjects.find((relation, subject_relation, subject))
    }

    /// Who is written into `relation` of `object`: objects first, then usersets by relation.
    pub(crate) fn subjects(
        &self,
        object: ObjectId,
        relation: Symbol,
    ) -> impl Iterator<Item = &Edge> {
        self.subjects_from(object, relation, NO_RELATION)
    }

    /// The usersets that are written into `relation` of `object`.
    pub(crate) fn usersets(
        &self,
        object: ObjectId,
        relation: Symbol,
    ) -> impl Iterator<Item = &Edge> {
        self.subjects_from(object, relation, NO_RELATION + 1)
    }

    fn subjects_from(
        &self,
        object: ObjectId,
        relation: Symbol,
        from: Symbol,
    ) -> impl Iterator<Item = &Edge> {
        let found = self.object(object).into_iter();
        let edges = found.flat_map(move |found| found.subjects.from((relation, from, 0)));
        edges.take_while(move |edge| edge.first == relation)
    }

    /// What the subject is written into, for `(object, NO_RELATION)` as for usersets.
    pub(crate) fn objects_of(
        &self,
        subject: ObjectId,
        subject_relation: Symbol,
    ) -> impl Iterator<Item = &Edge> {
        let found = self.object(subject).into_iter();
        let edges = found.flat_map(move |found| found.objects.from((subject_relation, 0, 0)));
        edges.take_while(move |edge| edge.first == subject_relation)
    }

    /// Everybody who is written into any relation of the object.
    pub(crate) fn all_subjects(&self, object: ObjectId) -> impl Iterator<Item = &Edge> {
        let found = self.object(object).into_iter();
        found.flat_map(|found| found.subjects.from((0, 0, 0)))
    }

    /// Everything that the object or a userset of it is written into.
    pub(crate) fn all_objects_of(&self, subject: ObjectId) -> impl Iterator<Item = &Edge> {
        let found = self.object(subject).into_iter();
        found.flat_map(|found| found.objects.from((0, 0, 0)))
    }
}
