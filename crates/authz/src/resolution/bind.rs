//! The numbers of a model and those of a snapshot, side by side.

use crate::model::relation::RelationModel;
use crate::relationships::{EVERY, Edge, KindId, NO_DETAIL, NO_RELATION, Snapshot, Symbol};

use super::Rules;
use super::plan::{Allowed, AllowedKind, Plan, RelationId};
use super::walk::Trail;

#[derive(Debug, Clone)]
pub(super) struct Binding {
    /// By symbol: the index of the type of this name.
    types: Vec<Option<usize>>,
    /// By the index of the type: the symbol of its name, if some fact has it.
    type_symbols: Vec<Option<Symbol>>,
    /// By symbol: the index of the condition of this name.
    conditions: Vec<Option<usize>>,
    /// By the index of the type: the object that stands for all of them, if some fact has it.
    wildcards: Vec<Option<u32>>,
    /// The kinds of facts that the model has words for.
    kinds: Vec<Bound>,
    /// By relation: the kinds of facts in it.
    relations: Vec<Vec<Bound>>,
    /// By relation: the kinds of facts whose subject is whoever stands in it.
    usersets: Vec<Vec<Bound>>,
    /// By relation: how it is walked, if it can be.
    trails: Vec<Option<Trail>>,
}

/// Facts of one kind, in the words of the model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) kind: KindId,
    /// The relation of the object.
    pub(super) relation: RelationId,
    /// The type of the subject.
    pub(super) type_index: usize,
    pub(super) subject: AllowedKind,
    /// Whether the model allows them without condition and expiration.
    pub(super) plain: bool,
}

impl Binding {
    pub(super) fn new(
        model: &RelationModel,
        plan: &Plan,
        snapshot: &Snapshot,
        rules: Rules,
    ) -> Self {
        let mut binding = Self {
            types: vec![None; snapshot.symbol_count()],
            type_symbols: vec![None; model.types.len()],
            conditions: vec![None; snapshot.symbol_count()],
            wildcards: vec![None; model.types.len()],
            kinds: Vec::new(),
            relations: vec![Vec::new(); plan.relations.len()],
            usersets: vec![Vec::new(); plan.relations.len()],
            trails: Vec::new(),
        };
        for (index, name) in model.types.keys().enumerate() {
            if let Some(symbol) = snapshot.symbol(name) {
                put(&mut binding.types, symbol, Some(index));
                let wildcard = snapshot.wildcard(symbol);
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                put(&mut binding.type_symbols, index, Some(symbol));
                put(&mut binding.wildcards, index, wildcard);
            }
        }
        for (index, name) in model.conditions.keys().enumerate() {
            if let Some(symbol) = snapshot.symbol(name) {
                put(&mut binding.conditions, symbol, Some(index));
            }
        }
        binding.bind_kinds(plan, snapshot);
        for kinds in &mut binding.relations {
            // Who is named directly is found before any userset is looked into.
            kinds.sort_by_key(|it| matches!(it.subject, AllowedKind::Userset(_)));
        }
        binding.trails = Trail::of_all(plan, &binding, rules);
        binding
    }

    fn bind_kinds(&mut self, plan: &Plan, snapshot: &Snapshot) {
        for kind in 0.. {
            let Some(found) = snapshot.kind(kind) else {
                break;
            };
            let relation = |type_name: Symbol, name: Symbol| {
                plan.find(self.type_of(type_name)?, snapshot.symbol_name(name)?)
            };
            let bound = || {
                let type_index = self.type_of(found.subject_type)?;
                let subject = match found.subject {
                    NO_RELATION => AllowedKind::Object,
                    EVERY => AllowedKind::Wildcard,
                    name => AllowedKind::Userset(relation(found.subject_type, name)?),
                };
                let mut bound = Bound {
                    kind,
                    relation: relation(found.object_type, found.relation)?,
                    type_index,
                    subject,
                    plain: false,
                };
                let planned = plan.get(bound.relation)?;
                bound.plain = planned.allowed.iter().any(|it| bound.is(it, None, false));
                Some(bound)
            };
            if let Some(bound) = bound() {
                self.kinds.push(bound);
                add(&mut self.relations, bound.relation, bound);
                if let AllowedKind::Userset(relation) = bound.subject {
                    add(&mut self.usersets, relation, bound);
                }
            }
        }
    }

    pub(super) fn type_of(&self, symbol: Symbol) -> Option<usize> {
        get(&self.types, symbol)
    }

    pub(super) fn symbol_of_type(&self, type_index: usize) -> Option<Symbol> {
        self.type_symbols.get(type_index).copied().flatten()
    }

    pub(super) fn condition(&self, symbol: Symbol) -> Option<usize> {
        get(&self.conditions, symbol)
    }

    pub(super) fn wildcard(&self, type_index: usize) -> Option<u32> {
        self.wildcards.get(type_index).copied().flatten()
    }

    /// The kinds of facts that the model has words for.
    pub(super) fn kinds(&self) -> &[Bound] {
        &self.kinds
    }

    /// The kinds of facts in a relation.
    #[inline]
    pub(super) fn kinds_of(&self, relation: RelationId) -> &[Bound] {
        of(&self.relations, relation)
    }

    /// The kinds of facts whose subject is whoever stands in the relation.
    pub(super) fn usersets_of(&self, relation: RelationId) -> &[Bound] {
        of(&self.usersets, relation)
    }

    /// How the relation is walked, if it can be.
    #[inline]
    pub(super) fn trail(&self, relation: RelationId) -> Option<&Trail> {
        let found = usize::try_from(relation).ok();
        found.and_then(|it| self.trails.get(it))?.as_ref()
    }

    /// Whether the fact that is an edge of an object is one that the model allows. What an earlier
    /// model allowed and this one does not is left out.
    #[inline]
    pub(super) fn allows(
        &self,
        allowed: &[Allowed],
        bound: &Bound,
        edge: &Edge,
        snapshot: &Snapshot,
    ) -> bool {
        if edge.detail == NO_DETAIL {
            return bound.plain;
        }
        self.allowed_as(allowed, bound, edge, snapshot).is_some()
    }

    /// As which of the allowed subjects the fact may be written.
    pub(super) fn allowed_as(
        &self,
        allowed: &[Allowed],
        bound: &Bound,
        edge: &Edge,
        snapshot: &Snapshot,
    ) -> Option<usize> {
        let detail = snapshot.detail(edge.detail);
        let named = detail
            .map(|it| it.condition)
            .filter(|it| *it != NO_RELATION);
        let condition = match named {
            Some(symbol) => Some(self.condition(symbol)?),
            None => None,
        };
        let expires = detail.is_some_and(|it| it.valid_until.is_some());
        let mut allowed = allowed.iter();
        allowed.position(|it| bound.is(it, condition, expires))
    }
}

impl Bound {
    /// Whether an arrow goes on from the subjects of these facts.
    pub(super) fn leads_on(&self, rules: Rules) -> bool {
        match self.subject {
            AllowedKind::Object => true,
            AllowedKind::Wildcard => false,
            AllowedKind::Userset(_) => rules.arrows_follow_usersets,
        }
    }

    /// Whether this is what may be written, with this condition and an expiration or none.
    fn is(&self, allowed: &Allowed, condition: Option<usize>, expires: bool) -> bool {
        allowed.type_index == self.type_index
            && allowed.kind == self.subject
            && allowed.condition == condition
            && allowed.expires.is_none_or(|wanted| wanted == expires)
    }
}

#[inline]
fn of(kinds: &[Vec<Bound>], relation: RelationId) -> &[Bound] {
    let found = usize::try_from(relation).ok();
    let found = found.and_then(|it| kinds.get(it));
    found.map_or(&[], Vec::as_slice)
}

fn add(kinds: &mut [Vec<Bound>], relation: RelationId, bound: Bound) {
    let place = usize::try_from(relation).ok();
    if let Some(kinds) = place.and_then(|it| kinds.get_mut(it)) {
        kinds.push(bound);
    }
}

fn put<T>(slots: &mut [T], at: u32, value: T) {
    let slot = usize::try_from(at).ok().and_then(|at| slots.get_mut(at));
    if let Some(slot) = slot {
        *slot = value;
    }
}

fn get<T: Copy>(slots: &[Option<T>], at: u32) -> Option<T> {
    slots.get(usize::try_from(at).ok()?).copied().flatten()
}
