//! What is known at one revision: objects, and the edges between them.

use std::sync::Arc;

use indexmap::IndexSet;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::facts::Reference;

use super::edges::{Edge, Edges, Row};
use super::interner::{Interner, hash};
use super::kinds::{EVERY, Kind, KindId, NO_RELATION};
use super::names::Names;
use super::pages::Pages;
use super::vector::Vector;
use super::{Relationship, StoredCondition, SubjectReference, WILDCARD};

/// The number of an object.
pub(crate) type ObjectId = u32;
/// The number of a name of a type, relation or condition.
pub(crate) type Symbol = u32;

/// The detail of a fact that has neither condition nor limits of time.
pub(crate) const NO_DETAIL: u32 = 0;

/// Facts as they were at one revision. Cloning one is cheap, and it never changes.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) revision: u64,
    /// How many facts there are.
    pub(super) count: usize,
    pub(super) symbols: Arc<IndexSet<Arc<str>>>,
    pub(super) kinds: Arc<IndexSet<Kind>>,
    pub(super) names: Names,
    pub(super) ids: Interner,
    /// Who stands in which relation of an object.
    pub(super) subjects: Pages,
    /// What an object stands in which relation to.
    pub(super) objects: Pages,
    pub(super) details: Vector<Option<Arc<Detail>>>,
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

/// The type and the id of an object, with their hash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HashedName<'a> {
    type_name: Symbol,
    id: &'a str,
    pub(super) hash: u32,
}

impl<'a> HashedName<'a> {
    pub(crate) fn new(type_name: Symbol, id: &'a str) -> Self {
        Self {
            type_name,
            id,
            hash: hash(type_name, id),
        }
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
            kinds: Arc::default(),
            names: Names::new(),
            ids: Interner::new(),
            subjects: Pages::new(),
            objects: Pages::new(),
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
        (0..self.names.len()).flat_map(move |index| {
            let id = u32::try_from(index).unwrap_or(u32::MAX);
            let edges = self.subjects_of(id).all();
            edges.filter_map(move |edge| self.relationship(id, &edge))
        })
    }

    pub(crate) fn relationship(&self, object: ObjectId, edge: &Edge) -> Option<Relationship> {
        let kind = self.kind(edge.kind)?;
        let detail = self.detail(edge.detail);
        let condition = detail.filter(|detail| detail.condition != NO_RELATION);
        Some(Relationship {
            object: self.reference(object)?,
            relation: Arc::clone(self.symbol_name(kind.relation)?),
            subject: self.subject(edge.other, kind.subject)?,
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
        self.names.len()
    }

    pub(crate) fn kind(&self, kind: KindId) -> Option<&Kind> {
        self.kinds.get_index(usize::try_from(kind).ok()?)
    }

    /// Whether facts of the same kinds were written, in the words of the same names.
    pub(crate) fn has_kinds_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kinds, &other.kinds) && Arc::ptr_eq(&self.symbols, &other.symbols)
    }

    /// The number of an object that some fact has named.
    pub(crate) fn find_symbol(&self, type_name: Symbol, id: &str) -> Option<ObjectId> {
        self.find_name(HashedName::new(type_name, id))
    }

    /// The same by a name that is hashed already.
    pub(crate) fn find_name(&self, name: HashedName<'_>) -> Option<ObjectId> {
        let is = |number| self.names.is(number, name.type_name, name.id);
        self.ids.find(name.hash, is)
    }

    /// The ids of the objects of a type that facts name, `*` left out, in no order. O(objects).
    pub(crate) fn ids_of_type(&self, type_name: &str) -> impl Iterator<Item = &str> {
        let symbol = self.symbol(type_name);
        let numbers = (0..self.names.len()).filter_map(|index| u32::try_from(index).ok());
        let names = numbers.filter_map(|number| self.names.get(number));
        let wanted = names.filter(move |it| Some(it.0) == symbol && it.1 != WILDCARD);
        wanted.map(|it| it.1)
    }

    /// The number that stands for every object of a type.
    pub(crate) fn wildcard(&self, type_name: Symbol) -> Option<ObjectId> {
        self.find_symbol(type_name, WILDCARD)
    }

    pub(crate) fn type_of(&self, id: ObjectId) -> Option<Symbol> {
        Some(self.names.get(id)?.0)
    }

    pub(crate) fn id_of(&self, id: ObjectId) -> Option<&str> {
        Some(self.names.get(id)?.1)
    }

    pub(crate) fn reference(&self, id: ObjectId) -> Option<Reference> {
        let (type_name, id) = self.names.get(id)?;
        Some(Reference::new(self.symbol_name(type_name)?, id))
    }

    pub(crate) fn subject(&self, id: ObjectId, relation: Symbol) -> Option<SubjectReference> {
        let relation = match relation {
            NO_RELATION | EVERY => None,
            relation => Some(Arc::clone(self.symbol_name(relation)?)),
        };
        Some(SubjectReference {
            object: self.reference(id)?,
            relation,
        })
    }

    #[inline]
    pub(crate) fn detail(&self, detail: u32) -> Option<&Detail> {
        if detail == NO_DETAIL {
            return None;
        }
        let found = self.details.get(usize::try_from(detail).ok()?)?;
        found.as_deref()
    }

    /// Who is written into the relations of an object.
    #[inline]
    pub(crate) fn subjects_of(&self, object: ObjectId) -> Edges<'_> {
        self.subjects.get(object)
    }

    /// The same, if the facts of the object are as they were loaded, which is found most quickly.
    #[inline]
    pub(crate) fn loaded_subjects_of(&self, object: ObjectId) -> Option<Row<'_>> {
        self.subjects.loaded(object)
    }

    /// What the object and its usersets are written into.
    pub(crate) fn objects_of(&self, subject: ObjectId) -> Edges<'_> {
        self.objects.get(subject)
    }
}
