//! Expand: one relation of one object as a tree of what it follows from. Relations that it follows
//! from are named and not expanded in turn, so that a tree is bounded by the facts of one object.

use std::sync::Arc;

use crate::facts::Reference;
use crate::model::relation::Rewrite;
use crate::relationships::{Edge, NO_RELATION, SubjectReference};

use super::{Engine, QuestionError};

/// What a relation of an object follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Who is written into it.
    Subjects(
        /// The subjects, sorted.
        Vec<Member>,
    ),
    /// Whoever stands in this relation to this object.
    Relation(SubjectReference),
    /// Whoever stands in one of these relations (or, if `all`, in all of them), to which facts of
    /// another relation lead.
    Arrow {
        /// The relation whose facts lead there.
        through: SubjectReference,
        /// The relation of the objects that they lead to.
        computed: Arc<str>,
        /// Where they lead.
        to: Vec<Member>,
        /// Whether all are needed.
        all: bool,
    },
    /// One of them.
    Union(Vec<Tree>),
    /// All of them.
    Intersection(Vec<Tree>),
    /// The first and not the second.
    Exclusion(Box<[Tree; 2]>),
    /// The object itself.
    Itself(Reference),
    /// Nobody.
    Nobody,
}

/// A subject in a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The subject.
    pub subject: SubjectReference,
    /// Whether its fact has a condition.
    pub is_conditional: bool,
}

impl Engine {
    /// What the relation of the object follows from. Conditions and limits of time are left aside.
    ///
    /// # Errors
    /// A question that the model has no words for.
    pub fn expand(&self, object: &Reference, relation: &str) -> Result<Tree, QuestionError> {
        self.relation_id(object.type_name(), relation)?;
        let found = self.model.relation(object.type_name(), relation);
        Ok(found.map_or(Tree::Nobody, |found| {
            self.tree(object, relation, &found.rewrite)
        }))
    }

    fn tree(&self, object: &Reference, name: &str, part: &Rewrite) -> Tree {
        let of = |part: &Rewrite| self.tree(object, name, part);
        let of_object = |name: &str| SubjectReference {
            object: object.clone(),
            relation: Some(name.into()),
        };
        match part {
            Rewrite::Direct => Tree::Subjects(self.written(object, name)),
            Rewrite::Computed(name, _) => Tree::Relation(of_object(name)),
            Rewrite::Arrow {
                tupleset,
                computed,
                all,
                ..
            } => Tree::Arrow {
                through: of_object(tupleset),
                computed: Arc::clone(computed),
                to: self.targets(object, tupleset, computed),
                all: *all,
            },
            Rewrite::Union(parts) => Tree::Union(parts.iter().map(of).collect()),
            Rewrite::Intersection(parts) => Tree::Intersection(parts.iter().map(of).collect()),
            Rewrite::Exclusion(base, subtracted) => {
                Tree::Exclusion(Box::new([of(base), of(subtracted)]))
            }
            Rewrite::Itself => Tree::Itself(object.clone()),
            Rewrite::Nobody => Tree::Nobody,
        }
    }

    /// Who is written into the relation, as far as the model allows it.
    fn written(&self, object: &Reference, relation: &str) -> Vec<Member> {
        let Ok(planned) = self.relation_id(object.type_name(), relation) else {
            return Vec::new();
        };
        let Some(planned) = self.plan.get(planned) else {
            return Vec::new();
        };
        let number = self.object_id(object, planned.type_index, 0);
        let edges = self.snapshot.subjects_of(number);
        let member = |edge: Edge| {
            let detail = self.snapshot.detail(edge.detail);
            let kind = self.snapshot.kind(edge.kind)?;
            Some(Member {
                subject: self.snapshot.subject(edge.other, kind.subject)?,
                is_conditional: detail.is_some_and(|it| it.condition != NO_RELATION),
            })
        };
        let kinds = self.binding.kinds_of(planned.id).iter();
        let members = kinds.flat_map(|bound| {
            let edges = edges.of_kind(bound.kind);
            let allowed = edges.filter(|edge| {
                self.binding
                    .allows(&planned.allowed, bound, edge, &self.snapshot)
            });
            allowed.filter_map(member)
        });
        let mut members: Vec<Member> = members.collect();
        members.sort();
        members
    }

    fn targets(&self, object: &Reference, tupleset: &str, computed: &str) -> Vec<Member> {
        let follows = |it: &SubjectReference| {
            let is_followed = it.relation.is_none() || self.rules.arrows_follow_usersets;
            let target = self.model.relation(it.object.type_name(), computed);
            is_followed && !it.is_wildcard() && target.is_some()
        };
        let members = self.written(object, tupleset).into_iter();
        let members = members.filter(|it| follows(&it.subject));
        let targets = members.map(|it| Member {
            subject: SubjectReference {
                object: it.subject.object,
                relation: Some(computed.into()),
            },
            is_conditional: it.is_conditional,
        });
        targets.collect()
    }
}
