//! The parts of a policy that its tests can exercise, and which of them a request does: roles,
//! grants, rules, operands of conditions, relations and what they follow from.
//!
//! What a decision looks at counts, and nothing else: a rule that a grant made superfluous is not
//! exercised. It is told by the decision itself, see `evaluation/looked.rs`.

mod inventory;

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use crate::condition::{Branches, Came, Parameters};
use crate::evaluation::Looked;
use crate::facts::{Reference, Request};
use crate::model::Policy;
use crate::model::relation::RelationModel;
use crate::relationships::SubjectReference;
use crate::resolution::{Circumstances, Engine, Exercised, RelationId, Spot};
use crate::source::{Place, Source};

/// The kinds of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// A role: exercised by a subject that has it.
    Role,
    /// An action that a role grants: exercised where this grant permits.
    Grant,
    /// An action that a rule names: exercised where the rule applies.
    Rule,
    /// An operand of a condition being true, or false.
    Condition,
    /// A relation: exercised by a question for it.
    Relation,
    /// What a relation follows from: exercised where that decides.
    Branch,
}

/// A part of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// What happens where it is exercised: "role `editor` permits to update post".
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// All parts of a policy, or of a relation model by itself; a part is known by its number.
#[derive(Debug)]
pub struct Parts {
    parts: Vec<Part>,
    numbers: HashMap<Key, usize>,
    /// By rule and number of the type among its targets.
    branches: HashMap<(usize, usize), Branches>,
    /// The conditions of a relation model, by their indices.
    declared: HashMap<usize, (Parameters, Branches)>,
}

/// By what a part is found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Role(usize),
    Grant {
        role: usize,
        action: usize,
    },
    Rule {
        rule: usize,
        action: usize,
    },
    /// An operand of a condition, by the bytes of the text that it stands in: types may have
    /// different ones.
    Operand {
        of: Conditional,
        start: usize,
        end: usize,
        value: bool,
    },
    Relation(RelationId, Spot),
}

/// What has a condition, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Conditional {
    Rule(usize),
    /// A condition of a relation model.
    Declared(usize),
}

impl Key {
    fn operand(of: Conditional, (span, value): Came) -> Self {
        let (start, end) = (span.start, span.end);
        Self::Operand {
            of,
            start,
            end,
            value,
        }
    }
}

impl Parts {
    /// The parts of a policy that was read from these sources. O(parts).
    pub fn of(policy: &Policy, sources: &[Source]) -> Self {
        inventory::of_policy(policy, sources)
    }

    /// The parts of a relation model.
    pub fn of_model(model: &RelationModel) -> Self {
        inventory::of_model(model)
    }

    /// The parts in the order of the files' sections.
    pub fn all(&self) -> &[Part] {
        &self.parts
    }

    /// The numbers of the parts that the decision of a request exercises.
    pub fn exercised(&self, policy: &Policy, request: &Request<'_>) -> BTreeSet<usize> {
        let Some(looked) = policy.looked_at(request) else {
            return BTreeSet::new();
        };
        let held = request.subject.held.iter();
        let mut keys: Vec<Key> = held.map(|&role| Key::Role(role)).collect();
        for looked in looked {
            match looked {
                Looked::Grant { role, action } => keys.push(Key::Grant { role, action }),
                Looked::Relation { action } => keys.extend(self.related(policy, action, request)),
                Looked::Rule {
                    index: rule,
                    action,
                    kind,
                    applied,
                } => {
                    if applied {
                        keys.push(Key::Rule { rule, action });
                    }
                    let branches = self.branches_at(policy, rule, action);
                    let operands = branches.map(|it| it.exercised(request, kind));
                    let operands = operands.into_iter().flatten();
                    let of = Conditional::Rule(rule);
                    keys.extend(operands.map(|came| Key::operand(of, came)));
                }
            }
        }
        self.numbers_of(keys)
    }

    /// The numbers of the parts that a question about a relation exercises; none where the model
    /// has no words for it.
    pub fn exercised_by_question(
        &self,
        engine: &Engine,
        (object, relation, subject): (&Reference, &str, &SubjectReference),
        circumstances: Circumstances<'_>,
    ) -> BTreeSet<usize> {
        let exercised = engine.exercised(object, relation, subject, circumstances);
        self.numbers_of(self.keys_of(exercised.unwrap_or_default()))
    }

    /// By what the parts that a question exercises are found.
    fn keys_of(&self, exercised: Exercised) -> Vec<Key> {
        let spots = exercised.spots.into_iter();
        let mut keys: Vec<Key> = spots.map(|(on, spot)| Key::Relation(on, spot)).collect();
        for (index, values) in exercised.conditions {
            let declared = self.declared.get(&index);
            let came = declared.map(|(parameters, it)| it.exercised_for(parameters, &values));
            let of = Conditional::Declared(index);
            let came = came.into_iter().flatten();
            keys.extend(came.map(|came| Key::operand(of, came)));
        }
        keys
    }

    fn numbers_of(&self, keys: impl IntoIterator<Item = Key>) -> BTreeSet<usize> {
        let numbers = keys.into_iter().filter_map(|key| self.numbers.get(&key));
        numbers.copied().collect()
    }

    /// The condition of a rule for the type of an action.
    fn branches_at(&self, policy: &Policy, rule: usize, action: usize) -> Option<&Branches> {
        let targets = policy.targets.get(action)?;
        let (_, target) = targets.iter().find(|(index, _)| *index == rule)?;
        self.branches.get(&(rule, *target))
    }

    /// What the question for the relation that carries the action exercises.
    fn related(&self, policy: &Policy, action: usize, request: &Request<'_>) -> Vec<Key> {
        let asked = || {
            let relations = policy.relations.as_ref()?;
            let relation = &relations.of(action)?.relation;
            let engine = policy.relations_with(request.facts)?;
            let subject = SubjectReference::object(request.subject.reference.clone()?);
            let circumstances = Circumstances {
                context: request.context,
                now: request.now,
            };
            let object = request.resource.named_by_facts()?;
            let exercised = engine.exercised(object, relation, &subject, circumstances);
            Some(self.keys_of(exercised.ok()?))
        };
        asked().unwrap_or_default()
    }
}
