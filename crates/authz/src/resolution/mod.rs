//! Questions about relations, answered from a model and a snapshot of facts: does a subject stand
//! in a relation, to which objects, and which subjects do (the Check, Expand and List calls of
//! "Zanzibar: Google's Consistent, Global Authorization System", section 2.4, and of its heirs).
//!
//! One evaluator serves both languages. Where they differ, [`Rules`] says so; what an outcome is
//! called in their interfaces is no matter of this crate. Everything is bounded: hops along
//! facts, nesting, and the facts that one question looks at.

mod answer;
mod bind;
mod check;
mod conditions;
mod exercise;
mod expand;
mod list;
mod memo;
mod path;
mod plan;
mod walk;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::facts::Reference;
use crate::model::relation::RelationModel;
use crate::relationships::{HashedName, Snapshot, SubjectReference};
use crate::source::nearest;

pub(crate) use exercise::{Exercised, Spot, spots};

pub use answer::{Answer, FailedCondition, QuestionError, ResolutionError};
pub use check::Checker;
pub use expand::{Member, Tree};
pub use list::{Listed, ListedSubject, Listing, SubjectFilter};
pub use path::{Change, Link, Missing};

use bind::Binding;
use plan::Plan;
pub(crate) use plan::RelationId;
use walk::Trail;

/// What the languages decide differently, and the bounds of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How many hops along facts a way may have.
    pub hops_max: u32,
    /// How many facts one question may look at.
    pub facts_max: u32,
    /// Whether a relation that depends on itself through facts alone is false (OpenFGA); else it
    /// is an error unless something else makes it true (SpiceDB).
    pub cycle_is_false: bool,
    /// Whether every declared parameter of a condition has to have a value (OpenFGA), or only
    /// those that the result depends on (SpiceDB).
    pub needs_all_parameters: bool,
    /// Whether arrows follow facts whose subject is a userset, leaving out its relation (SpiceDB).
    pub arrows_follow_usersets: bool,
    /// Whether one may ask for every object of a type at once, `user:*` (OpenFGA).
    pub wildcard_may_ask: bool,
    /// Whether a listing looks at every way to what it lists, so that a condition whose context is
    /// missing on one of them is noticed though another suffices (OpenFGA).
    pub lists_are_exhaustive: bool,
}

impl Rules {
    /// Those of OpenFGA.
    pub const OPENFGA: Self = Self {
        hops_max: 25,
        facts_max: 1_000_000,
        cycle_is_false: true,
        needs_all_parameters: true,
        arrows_follow_usersets: false,
        wildcard_may_ask: true,
        lists_are_exhaustive: true,
    };
    /// Those of SpiceDB.
    pub const SPICEDB: Self = Self {
        hops_max: 49,
        facts_max: 1_000_000,
        cycle_is_false: false,
        needs_all_parameters: false,
        arrows_follow_usersets: true,
        wildcard_may_ask: false,
        lists_are_exhaustive: false,
    };

    /// Those of the language that a model is written in.
    pub fn of(model: &RelationModel) -> Self {
        if model.language.is_openfga() {
            Self::OPENFGA
        } else {
            Self::SPICEDB
        }
    }
}

/// A model and facts, ready to be asked.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) model: Arc<RelationModel>,
    plan: Arc<Plan>,
    snapshot: Snapshot,
    binding: Arc<Binding>,
    rules: Rules,
}

/// What a question is asked with.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Values for the parameters of conditions.
    pub context: &'a Map<String, Json>,
    /// When.
    pub now: Timestamp,
}

/// Whether a subject stands in a relation to an object, with every name looked up.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    engine: &'a Engine,
    object: u32,
    relation: RelationId,
    asker: Asker,
    /// The type and the relation of who asks, see [`walk::asking`].
    asking: u64,
    /// How the relation is walked, if it can be.
    trail: Option<&'a Trail>,
}

/// The subject of a question, looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asker {
    object: u32,
    type_index: usize,
    /// The relation, where a userset asks.
    userset: Option<RelationId>,
}

impl Engine {
    /// A model and the facts of a snapshot, under the rules of the model's language.
    pub fn new(model: Arc<RelationModel>, snapshot: Snapshot) -> Self {
        let rules = Rules::of(&model);
        Self::with_rules(model, snapshot, rules)
    }

    /// The same under rules of one's own.
    pub fn with_rules(model: Arc<RelationModel>, snapshot: Snapshot, rules: Rules) -> Self {
        let plan = Arc::new(Plan::new(&model));
        Self::bind(model, plan, snapshot, rules)
    }

    /// The same model with other facts.
    #[must_use]
    pub fn with_snapshot(&self, snapshot: Snapshot) -> Self {
        if snapshot.has_kinds_of(&self.snapshot) {
            return Self {
                snapshot,
                ..self.clone()
            };
        }
        let (model, plan) = (Arc::clone(&self.model), Arc::clone(&self.plan));
        Self::bind(model, plan, snapshot, self.rules)
    }

    fn bind(model: Arc<RelationModel>, plan: Arc<Plan>, snapshot: Snapshot, rules: Rules) -> Self {
        Self {
            binding: Arc::new(Binding::new(&model, &plan, &snapshot, rules)),
            model,
            plan,
            snapshot,
            rules,
        }
    }

    /// The model.
    pub fn model(&self) -> &RelationModel {
        &self.model
    }

    /// The facts.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Whether the subject stands in the relation to the object.
    ///
    /// # Errors
    /// A question that the model has no words for.
    pub fn check(
        &self,
        object: &Reference,
        relation: &str,
        subject: &SubjectReference,
        circumstances: Circumstances<'_>,
    ) -> Result<Answer, QuestionError> {
        Checker::new(self).check(object, relation, subject, circumstances)
    }

    /// A question with every name looked up, to be asked of this engine.
    ///
    /// # Errors
    /// A question that the model has no words for.
    pub fn question(
        &self,
        object: &Reference,
        relation: &str,
        subject: &SubjectReference,
    ) -> Result<Question<'_>, QuestionError> {
        let type_name = object.type_name();
        let type_index = self.type_index(type_name)?;
        let relation = self.relation_of_type(type_index, type_name, relation)?;
        // Looked up only after both are hashed: so the processor waits for both at once.
        let wanted = self.name(object, type_index);
        let asker = self.asker(subject)?;
        let object = match object == &subject.object {
            true => asker.object,
            false => self.number(wanted, 0),
        };
        Ok(self.asked(object, relation, asker))
    }

    /// What a walk needs to know of a question is looked up once, and not for each answer.
    #[inline]
    fn asked(&self, object: u32, relation: RelationId, asker: Asker) -> Question<'_> {
        Question {
            engine: self,
            object,
            relation,
            asker,
            asking: walk::asking(asker.type_index, asker.userset),
            trail: self.binding.trail(relation),
        }
    }

    fn relation_id(&self, type_name: &str, relation: &str) -> Result<RelationId, QuestionError> {
        let type_index = self.type_index(type_name)?;
        self.relation_of_type(type_index, type_name, relation)
    }

    fn relation_of_type(
        &self,
        type_index: usize,
        type_name: &str,
        relation: &str,
    ) -> Result<RelationId, QuestionError> {
        self.plan.find(type_index, relation).ok_or_else(|| {
            let known = self.model.relation_names(type_name);
            QuestionError {
                message: format!("`{type_name}` has no relation `{relation}`"),
                help: nearest(relation, known).map(|it| format!("did you mean `{it}`?")),
            }
        })
    }

    fn type_index(&self, type_name: &str) -> Result<usize, QuestionError> {
        let found = self.plan.find_type(type_name);
        found.ok_or_else(|| QuestionError {
            message: format!("unknown type `{type_name}`"),
            help: nearest(type_name, self.model.type_names())
                .map(|it| format!("did you mean `{it}`?")),
        })
    }

    fn asker(&self, subject: &SubjectReference) -> Result<Asker, QuestionError> {
        let type_name = subject.object.type_name();
        if subject.is_wildcard() && !self.rules.wildcard_may_ask {
            return Err(QuestionError {
                message: format!("`{subject}` is not one subject"),
                help: None,
            });
        }
        let userset = match &subject.relation {
            None => None,
            Some(relation) => Some(self.relation_id(type_name, relation)?),
        };
        let type_index = self.type_index(type_name)?;
        Ok(Asker {
            object: self.number(self.name(&subject.object, type_index), 1),
            type_index,
            userset,
        })
    }

    /// The number of an object. One that no fact names gets a number beyond those of the snapshot.
    fn object_id(&self, object: &Reference, type_index: usize, beyond: usize) -> u32 {
        self.number(self.name(object, type_index), beyond)
    }

    /// What an object is looked up by, if its type has a name in the snapshot.
    fn name<'n>(&self, object: &'n Reference, type_index: usize) -> Option<HashedName<'n>> {
        let symbol = self.binding.symbol_of_type(type_index)?;
        Some(HashedName::new(symbol, object.id()))
    }

    fn number(&self, name: Option<HashedName<'_>>, beyond: usize) -> u32 {
        let found = name.and_then(|it| self.snapshot.find_name(it));
        let beyond = self.snapshot.object_count() + beyond;
        found.unwrap_or_else(|| u32::try_from(beyond).unwrap_or(u32::MAX))
    }
}
