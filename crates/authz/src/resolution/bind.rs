//! The numbers of a model and those of a snapshot, side by side.

use crate::model::relation::RelationModel;
use crate::relationships::{Edge, NO_RELATION, Snapshot, Symbol};

use super::plan::{Allowed, AllowedKind, Plan, RelationId};

#[derive(Debug, Clone)]
pub(super) struct Binding {
    /// By symbol: the index of the type of this name.
    types: Vec<Option<usize>>,
    /// By symbol: the index of the condition of this name.
    conditions: Vec<Option<usize>>,
    /// By relation: the symbol of its name, if some fact has it.
    relation_symbols: Vec<Option<Symbol>>,
    /// By the index of the type: its relations by their symbols, sorted.
    relations: Vec<Vec<(Symbol, RelationId)>>,
    /// By the index of the type: the object that stands for all of them, if some fact has it.
    wildcards: Vec<Option<u32>>,
}

impl Binding {
    pub(super) fn new(model: &RelationModel, plan: &Plan, snapshot: &Snapshot) -> Self {
        let mut binding = Self {
            types: vec![None; snapshot.symbol_count()],
            conditions: vec![None; snapshot.symbol_count()],
            relation_symbols: vec![None; plan.relations.len()],
            relations: vec![Vec::new(); model.types.len()],
            wildcards: vec![None; model.types.len()],
        };
        for (index, (name, found)) in model.types.iter().enumerate() {
            if let Some(symbol) = snapshot.symbol(name) {
                put(&mut binding.types, symbol, index);
                if let Some(slot) = binding.wildcards.get_mut(index) {
                    *slot = snapshot.wildcard(symbol);
                }
            }
            for name in found.relations.keys() {
                if let (Some(symbol), Some(relation)) =
                    (snapshot.symbol(name), plan.find(index, name))
                {
                    put(&mut binding.relation_symbols, relation, symbol);
                    if let Some(relations) = binding.relations.get_mut(index) {
                        relations.push((symbol, relation));
                    }
                }
            }
        }
        binding
            .relations
            .iter_mut()
            .for_each(|it| it.sort_unstable());
        for (index, name) in model.conditions.keys().enumerate() {
            if let Some(symbol) = snapshot.symbol(name) {
                put(&mut binding.conditions, symbol, index);
            }
        }
        binding
    }

    pub(super) fn type_of(&self, symbol: Symbol) -> Option<usize> {
        get(&self.types, symbol)
    }

    pub(super) fn condition(&self, symbol: Symbol) -> Option<usize> {
        get(&self.conditions, symbol)
    }

    pub(super) fn symbol_of(&self, relation: RelationId) -> Option<Symbol> {
        get(&self.relation_symbols, relation)
    }

    pub(super) fn wildcard(&self, type_index: usize) -> Option<u32> {
        self.wildcards.get(type_index).copied().flatten()
    }

    /// The relation of this name that a type has.
    pub(super) fn relation(&self, type_index: usize, symbol: Symbol) -> Option<RelationId> {
        let relations = self.relations.get(type_index)?;
        let at = relations.binary_search_by_key(&symbol, |it| it.0).ok()?;
        relations.get(at).map(|it| it.1)
    }

    /// Whether the fact that is an edge of an object is one that the model allows. What an earlier
    /// model allowed and this one does not is left out.
    pub(super) fn allows(&self, allowed: &[Allowed], edge: &Edge, snapshot: &Snapshot) -> bool {
        let type_index = snapshot.type_of(edge.other).and_then(|it| self.type_of(it));
        let Some(type_index) = type_index else {
            return false;
        };
        let kind = match edge.second {
            NO_RELATION if self.wildcard(type_index) == Some(edge.other) => AllowedKind::Wildcard,
            NO_RELATION => AllowedKind::Object,
            symbol => match self.relation(type_index, symbol) {
                Some(relation) => AllowedKind::Userset(relation),
                None => return false,
            },
        };
        let detail = snapshot.detail(edge.detail);
        let named = detail
            .map(|it| it.condition)
            .filter(|it| *it != NO_RELATION);
        let condition = match named.map(|symbol| self.condition(symbol)) {
            Some(None) => return false,
            Some(found) => found,
            None => None,
        };
        let expires = detail.is_some_and(|it| it.valid_until.is_some());
        allowed.iter().any(|it| {
            it.type_index == type_index
                && it.kind == kind
                && it.condition == condition
                && it.expires.is_none_or(|wanted| wanted == expires)
        })
    }
}

fn put<T>(slots: &mut [Option<T>], at: u32, value: T) {
    let slot = usize::try_from(at).ok().and_then(|at| slots.get_mut(at));
    if let Some(slot) = slot {
        *slot = Some(value);
    }
}

fn get<T: Copy>(slots: &[Option<T>], at: u32) -> Option<T> {
    slots.get(usize::try_from(at).ok()?).copied().flatten()
}
