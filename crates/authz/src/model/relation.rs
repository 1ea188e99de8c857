//! The typed form of a relation model: which relations objects of a type have, who may stand in
//! them, and which follow from others. OpenFGA's and SpiceDB's languages are both read into it.
//!
//! A model is made by [`crate::language::openfga`] and [`crate::language::spicedb`] only: whoever
//! holds one knows that every name in it is declared.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::condition::{Condition, Parameters};
use crate::source::Place;

/// Which relations objects have, as one text or several modules declare it.
#[derive(Debug, Clone, PartialEq)]
pub struct RelationModel {
    pub(crate) language: Language,
    pub(crate) types: IndexMap<Arc<str>, ObjectType>,
    pub(crate) conditions: IndexMap<Arc<str>, DeclaredCondition>,
}

/// The language that a model is written in, which decides about some meanings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Language {
    /// OpenFGA's, with its schema version, `1.1` or `1.2`.
    OpenFga {
        /// The version.
        version: Arc<str>,
    },
    /// SpiceDB's, with what `use` switches on, such as `expiration`.
    SpiceDb {
        /// The names behind `use`, in the order of the file.
        uses: Vec<Arc<str>>,
    },
}

/// What a model says of the objects of one type.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectType {
    /// Its relations by their names.
    pub relations: IndexMap<Arc<str>, Relation>,
    /// The module that declares the type (OpenFGA 1.2).
    pub module: Option<Arc<str>>,
    /// Where it is declared.
    pub at: At,
}

/// One relation, or one permission of SpiceDB, which is a relation that cannot be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// Who may be written into it; empty for what only follows from others.
    pub subjects: Vec<SubjectType>,
    /// How it follows from what is written and from other relations.
    pub rewrite: Rewrite,
    /// Whether it is a SpiceDB `permission`.
    pub is_permission: bool,
    /// The types that a SpiceDB `permission` is annotated with.
    pub annotations: Vec<SubjectType>,
    /// The module that declares it, where it extends a type (OpenFGA 1.2).
    pub module: Option<Arc<str>>,
    /// Where it is declared.
    pub at: At,
}

/// Subjects that may be written into a relation.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectType {
    /// The type of the objects.
    pub type_name: Arc<str>,
    /// Which of them.
    pub kind: SubjectKind,
    /// The condition that has to come with it.
    pub condition: Option<Arc<str>>,
    /// Whether it is to come with an expiration (SpiceDB).
    pub expires: bool,
    /// Where it stands.
    pub at: At,
}

/// Which subjects of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectKind {
    /// One object: `user`.
    Object,
    /// Whoever stands in a relation to an object: `group#member`.
    Userset(Arc<str>),
    /// Every object of the type: `user:*`.
    Wildcard,
}

/// A kind of subjects that may be written into a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writable<'a> {
    /// The type of the objects.
    pub type_name: &'a str,
    /// Whoever stands in this relation to one of them; none for the objects themselves.
    pub relation: Option<&'a str>,
    /// Whether every object of the type at once.
    pub is_wildcard: bool,
    /// The condition that has to come with it.
    pub condition: Option<&'a str>,
    /// Whether it is to come with an expiration (SpiceDB).
    pub expires: bool,
}

/// How a relation follows from facts and other relations (the userset rewrites of "Zanzibar:
/// Google's Consistent, Global Authorization System", section 2.3.1).
#[derive(Debug, Clone, PartialEq)]
pub enum Rewrite {
    /// What is written: `[user]`, or a SpiceDB `relation`.
    Direct,
    /// Another relation of the same object.
    Computed(Arc<str>, At),
    /// A relation of the objects that a relation of this object leads to.
    Arrow {
        /// The relation that leads to them.
        tupleset: Arc<str>,
        /// Their relation.
        computed: Arc<str>,
        /// Whether all of those objects have to have it, and there has to be one (`.all()`).
        all: bool,
        /// Where it stands.
        at: At,
    },
    /// Any of these.
    Union(Vec<Rewrite>),
    /// All of these.
    Intersection(Vec<Rewrite>),
    /// The first without the second.
    Exclusion(Box<Rewrite>, Box<Rewrite>),
    /// The object itself (`self`).
    Itself,
    /// Nobody (`nil`).
    Nobody,
}

/// A condition of OpenFGA, or a caveat of SpiceDB.
#[derive(Debug, Clone)]
pub(crate) struct DeclaredCondition {
    pub(crate) parameters: Parameters,
    /// The expression as it was written, without the white space around it.
    pub(crate) text: Arc<str>,
    pub(crate) condition: Condition,
    pub(crate) module: Option<Arc<str>>,
    pub(crate) at: At,
}

impl DeclaredCondition {
    /// What stands for a condition that could not be read, so that its name is known.
    pub(crate) fn unread(at: Place) -> Self {
        Self {
            parameters: Parameters::default(),
            text: Arc::from("false"),
            condition: Condition::never(),
            module: None,
            at: At(at),
        }
    }
}

impl PartialEq for DeclaredCondition {
    fn eq(&self, other: &Self) -> bool {
        let parts = |it: &Self| {
            (
                it.parameters.clone(),
                Arc::clone(&it.text),
                it.module.clone(),
            )
        };
        parts(self) == parts(other)
    }
}

/// Where something was written. It is no part of what was said: any two are equal.
#[derive(Debug, Clone)]
pub struct At(pub Place);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl RelationModel {
    /// The language that it was written in.
    pub fn language(&self) -> &Language {
        &self.language
    }

    /// The types by their names, in the order of the text.
    pub fn types(&self) -> impl Iterator<Item = (&str, &ObjectType)> {
        self.types.iter().map(|(name, found)| (&**name, found))
    }

    /// The declared types.
    pub fn type_names(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(|name| &**name)
    }

    /// The relations and permissions of a type; none of an unknown one.
    pub fn relation_names(&self, type_name: &str) -> impl Iterator<Item = &str> {
        let found = self.types.get(type_name).into_iter();
        found.flat_map(|found| found.relations.keys().map(|name| &**name))
    }

    /// The declared conditions.
    pub fn condition_names(&self) -> impl Iterator<Item = &str> {
        self.conditions.keys().map(|name| &**name)
    }

    /// The subjects that may be written into the relation; none where nothing may.
    pub fn writable(&self, type_name: &str, relation: &str) -> Vec<Writable<'_>> {
        let found = self.relation(type_name, relation);
        let found = found.filter(|found| found.rewrite.has_direct());
        let subjects = found.into_iter().flat_map(|found| &found.subjects);
        let writable = subjects.map(|subject| Writable {
            type_name: &subject.type_name,
            relation: match &subject.kind {
                SubjectKind::Userset(relation) => Some(relation),
                SubjectKind::Object | SubjectKind::Wildcard => None,
            },
            is_wildcard: subject.kind == SubjectKind::Wildcard,
            condition: subject.condition.as_deref(),
            expires: subject.expires,
        });
        writable.collect()
    }

    /// Whether the relation may be said to follow from others: SpiceDB's permissions alone may.
    pub(crate) fn may_follow(&self, type_name: &str, relation: &str) -> bool {
        let found = self.relation(type_name, relation);
        self.language.is_openfga() || found.is_some_and(|found| found.is_permission)
    }

    /// A relation of a type.
    pub fn relation(&self, type_name: &str, relation: &str) -> Option<&Relation> {
        self.types.get(type_name)?.relations.get(relation)
    }
}

impl Language {
    /// Whether it is OpenFGA's.
    pub fn is_openfga(&self) -> bool {
        matches!(self, Self::OpenFga { .. })
    }
}

impl Rewrite {
    /// Calls `see` with this rewrite and with each of its parts, the outer ones first.
    pub fn walk<'a>(&'a self, see: &mut dyn FnMut(&'a Rewrite)) {
        see(self);
        match self {
            Self::Union(parts) | Self::Intersection(parts) => {
                parts.iter().for_each(|part| part.walk(see));
            }
            Self::Exclusion(base, subtracted) => {
                base.walk(see);
                subtracted.walk(see);
            }
            _ => {}
        }
    }

    /// Whether facts written into the relation count.
    pub fn has_direct(&self) -> bool {
        let mut found = false;
        self.walk(&mut |part| found |= matches!(part, Self::Direct));
        found
    }
}
