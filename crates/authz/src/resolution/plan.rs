//! A model as the evaluator reads it: every name a number.

use std::sync::Arc;

use crate::model::relation::{RelationModel, Rewrite, SubjectKind, SubjectType};

/// The number of a relation, counted over the relations of all types.
pub(crate) type RelationId = u32;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) relations: Vec<Planned>,
    /// By relation: what follows from it.
    uses: Vec<Uses>,
    /// By the index of the type: its relations, sorted by [`order`].
    names: Vec<Vec<(Arc<str>, RelationId)>>,
    /// The types, sorted by [`order`], with their indices.
    types: Vec<(Arc<str>, usize)>,
}

/// What follows from a relation, but for what only excludes by it.
#[derive(Debug, Default, Clone)]
pub(super) struct Uses {
    /// Relations of the same object.
    pub(super) computed: Vec<Use>,
    /// Relations of the objects that a tupleset leads here from: the tupleset, and the relation.
    pub(super) arrows: Vec<(RelationId, Use)>,
}

/// A relation that follows from another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    pub(super) relation: RelationId,
    /// Whether it holds wherever the other one does, and not only if something else is so too.
    pub(super) suffices: bool,
}

#[derive(Debug)]
pub(super) struct Planned {
    pub(super) type_index: usize,
    pub(super) id: RelationId,
    pub(super) allowed: Vec<Allowed>,
    pub(super) step: Step,
    /// Whether it holds for whoever is written into it.
    pub(super) facts_suffice: bool,
}

/// Subjects that may be written into a relation.
#[derive(Debug)]
pub(super) struct Allowed {
    pub(super) type_index: usize,
    pub(super) kind: AllowedKind,
    /// The index of the condition.
    pub(super) condition: Option<usize>,
    /// Whether an expiration has to come with it; none if that does not matter.
    pub(super) expires: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AllowedKind {
    Object,
    Wildcard,
    Userset(RelationId),
}

#[derive(Debug)]
pub(super) enum Step {
    Direct,
    Itself,
    Nobody,
    Computed(RelationId),
    Arrow {
        tupleset: RelationId,
        all: bool,
        /// By the index of the type that the tupleset leads to: the relation there.
        targets: Vec<Option<RelationId>>,
    },
    Union(Vec<Step>),
    Intersection(Vec<Step>),
    Exclusion(Box<(Step, Step)>),
}

impl Plan {
    pub(super) fn new(model: &RelationModel) -> Self {
        let mut plan = Self {
            relations: Vec::new(),
            uses: Vec::new(),
            names: Vec::new(),
            types: model.types.keys().cloned().zip(0..).collect(),
        };
        plan.types
            .sort_unstable_by(|a, b| order(&a.0).cmp(&order(&b.0)));
        let mut numbers = 0..;
        for found in model.types.values() {
            let names = found.relations.keys().cloned();
            let mut names: Vec<_> = names.zip(&mut numbers).collect();
            names.sort_unstable_by(|a: &(Arc<str>, _), b| order(&a.0).cmp(&order(&b.0)));
            plan.names.push(names);
        }
        for (type_index, found) in model.types.values().enumerate() {
            for relation in found.relations.values() {
                let id = u32::try_from(plan.relations.len()).unwrap_or(u32::MAX);
                let subjects = relation.subjects.iter();
                let allowed: Vec<Allowed> =
                    subjects.filter_map(|it| plan.allowed(it, model)).collect();
                let step = plan.step(&relation.rewrite, type_index);
                let planned = Planned {
                    type_index,
                    id,
                    allowed,
                    facts_suffice: step.follows_from_any(|it| matches!(it, Step::Direct)),
                    step,
                };
                plan.relations.push(planned);
            }
        }
        plan.uses = uses(&plan.relations);
        plan
    }

    /// What follows from a relation.
    pub(super) fn uses(&self, relation: RelationId) -> Option<&Uses> {
        self.uses.get(usize::try_from(relation).ok()?)
    }

    /// The relation of this name that a type has.
    pub(super) fn find(&self, type_index: usize, name: &str) -> Option<RelationId> {
        find(self.names.get(type_index)?, name)
    }

    /// The index of the type of this name.
    pub(super) fn find_type(&self, name: &str) -> Option<usize> {
        find(&self.types, name)
    }

    pub(super) fn get(&self, relation: RelationId) -> Option<&Planned> {
        self.relations.get(usize::try_from(relation).ok()?)
    }

    fn allowed(&self, subject: &SubjectType, model: &RelationModel) -> Option<Allowed> {
        let type_index = model.types.get_index_of(&subject.type_name)?;
        let condition = subject.condition.as_ref();
        Some(Allowed {
            type_index,
            kind: match &subject.kind {
                SubjectKind::Object => AllowedKind::Object,
                SubjectKind::Wildcard => AllowedKind::Wildcard,
                SubjectKind::Userset(name) => AllowedKind::Userset(self.find(type_index, name)?),
            },
            condition: condition.and_then(|name| model.conditions.get_index_of(name)),
            expires: (!model.language.is_openfga()).then_some(subject.expires),
        })
    }

    /// Names that do not exist are in no model, see [`RelationModel`].
    fn step(&self, rewrite: &Rewrite, type_index: usize) -> Step {
        let all = |parts: &[Rewrite]| parts.iter().map(|it| self.step(it, type_index)).collect();
        match rewrite {
            Rewrite::Direct => Step::Direct,
            Rewrite::Itself => Step::Itself,
            Rewrite::Nobody => Step::Nobody,
            Rewrite::Computed(name, _) => self
                .find(type_index, name)
                .map_or(Step::Nobody, Step::Computed),
            Rewrite::Arrow {
                tupleset,
                computed,
                all,
                ..
            } => {
                let types = 0..self.names.len();
                let targets = types.map(|target| self.find(target, computed)).collect();
                let tupleset = self.find(type_index, tupleset);
                tupleset.map_or(Step::Nobody, |tupleset| Step::Arrow {
                    tupleset,
                    all: *all,
                    targets,
                })
            }
            Rewrite::Union(parts) => Step::Union(all(parts)),
            Rewrite::Intersection(parts) => Step::Intersection(all(parts)),
            Rewrite::Exclusion(base, subtracted) => Step::Exclusion(Box::new((
                self.step(base, type_index),
                self.step(subtracted, type_index),
            ))),
        }
    }
}

fn find<T: Copy>(names: &[(Arc<str>, T)], name: &str) -> Option<T> {
    let at = names
        .binary_search_by(|it| order(&it.0).cmp(&order(name)))
        .ok()?;
    names.get(at).map(|it| it.1)
}

/// Names are sorted by their lengths first: most are told apart without being read.
fn order(name: &str) -> (usize, &str) {
    (name.len(), name)
}

fn uses(relations: &[Planned]) -> Vec<Uses> {
    let mut uses = vec![Uses::default(); relations.len()];
    let mut of = |relation: RelationId, add: &dyn Fn(&mut Uses)| {
        let slot = usize::try_from(relation).ok();
        if let Some(uses) = slot.and_then(|slot| uses.get_mut(slot)) {
            add(uses);
        }
    };
    for planned in relations {
        planned.step.walk(false, &mut |step| {
            let following = Use {
                relation: planned.id,
                suffices: planned.step.follows_from(step),
            };
            match step {
                Step::Computed(relation) => of(*relation, &|it| it.computed.push(following)),
                Step::Arrow {
                    tupleset,
                    targets,
                    all,
                } => {
                    let suffices = following.suffices && !all;
                    let following = Use {
                        suffices,
                        ..following
                    };
                    for target in targets.iter().flatten() {
                        of(*target, &|it| it.arrows.push((*tupleset, following)));
                    }
                }
                _ => {}
            }
        });
    }
    uses
}

impl Step {
    /// Whether this holds wherever the part does: whether it is one of a union.
    fn follows_from(&self, part: &Step) -> bool {
        match self {
            Self::Union(parts) => parts.iter().any(|it| it.follows_from(part)),
            step => std::ptr::eq(step, part),
        }
    }

    /// Whether it holds wherever a step of this form does.
    fn follows_from_any(&self, is: fn(&Step) -> bool) -> bool {
        match self {
            Self::Union(parts) => parts.iter().any(|it| it.follows_from_any(is)),
            step => is(step),
        }
    }

    /// Calls `see` with this step and with each of its parts; of exclusions only with the base,
    /// unless `subtracted` says otherwise.
    pub(super) fn walk<'a>(&'a self, subtracted: bool, see: &mut dyn FnMut(&'a Step)) {
        see(self);
        match self {
            Self::Union(parts) | Self::Intersection(parts) => {
                parts.iter().for_each(|part| part.walk(subtracted, see));
            }
            Self::Exclusion(parts) => {
                parts.0.walk(subtracted, see);
                if subtracted {
                    parts.1.walk(subtracted, see);
                }
            }
            _ => {}
        }
    }
}
