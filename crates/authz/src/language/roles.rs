//! The role hierarchy: cycles told once each with the whole path, and what every role grants in
//! the end worked out.

use std::collections::BTreeSet;

use crate::model::Role;
use crate::source::{Diagnostic, Diagnostics};

use super::structure::Word;

/// What a role says itself, names resolved.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) role: Role,
    pub(super) across_tenants: bool,
    /// The roles that it includes, and where it says so.
    pub(super) includes: Vec<(usize, Word)>,
    /// The numbers of the actions in its `can`.
    pub(super) can: Vec<usize>,
}

/// The roles with what they grant in the end. Includes that close a cycle are reported and
/// ignored.
pub(super) fn inherit(
    mut declared: Vec<Declared>,
    actions: usize,
    diagnostics: &mut Diagnostics,
) -> Vec<Role> {
    let order = Walk::over(&mut declared, diagnostics);
    let mut roles: Vec<Role> = declared.iter().map(|it| it.role.clone()).collect();
    for index in order {
        if let (Some(own), Some(slot)) = (declared.get(index), roles.get(index).cloned()) {
            let role = grants(index, own, slot, &roles, actions);
            if let Some(place) = roles.get_mut(index) {
                *place = role;
            }
        }
    }
    roles
}

/// Its own grants first, then those of included roles in the order of the file.
fn grants(index: usize, own: &Declared, mut role: Role, roles: &[Role], actions: usize) -> Role {
    role.grants = vec![None; actions];
    role.grants_across = vec![None; actions];
    for &action in &own.can {
        set(&mut role.grants, action, Some(index));
    }
    for (number, _) in &own.includes {
        let Some(included) = roles.get(*number) else {
            continue;
        };
        role.includes.push(*number);
        for action in 0..actions {
            set(&mut role.grants, action, included.grant(action, false));
            set(
                &mut role.grants_across,
                action,
                included.grant(action, true),
            );
        }
    }
    role.across_tenants = own.across_tenants;
    if own.across_tenants {
        role.grants_across.clone_from(&role.grants);
    }
    role
}

fn set(grants: &mut [Option<usize>], action: usize, granted_by: Option<usize>) {
    if let Some(slot) = grants.get_mut(action) {
        *slot = slot.or(granted_by);
    }
}

/// A depth-first walk along the includes, with its own stack: a chain may be as long as the file.
struct Walk {
    state: Vec<State>,
    path: Vec<(usize, usize)>,
    order: Vec<usize>,
    cycles: BTreeSet<Vec<usize>>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

impl Walk {
    /// The roles so that each comes after all that it includes; includes that close a cycle are
    /// reported and taken out.
    fn over(declared: &mut [Declared], diagnostics: &mut Diagnostics) -> Vec<usize> {
        let mut walk = Self {
            state: vec![State::New; declared.len()],
            path: Vec::new(),
            order: Vec::new(),
            cycles: BTreeSet::new(),
        };
        for start in 0..declared.len() {
            walk.open(start);
            while let Some((index, next)) = walk.path.pop() {
                walk.step(index, next, declared, diagnostics);
            }
        }
        walk.order
    }

    fn open(&mut self, index: usize) {
        if self.state.get(index) == Some(&State::New) {
            self.mark(index, State::Open);
            self.path.push((index, 0));
        }
    }

    fn mark(&mut self, index: usize, state: State) {
        if let Some(slot) = self.state.get_mut(index) {
            *slot = state;
        }
    }

    /// Looks at the include number `next` of the role `index`.
    fn step(
        &mut self,
        index: usize,
        next: usize,
        declared: &mut [Declared],
        diagnostics: &mut Diagnostics,
    ) {
        let included = declared.get(index).and_then(|it| it.includes.get(next));
        let Some((included, word)) = included.cloned() else {
            self.mark(index, State::Done);
            self.order.push(index);
            return;
        };
        if self.state.get(included) != Some(&State::Open) {
            self.path.push((index, next + 1));
            self.open(included);
            return;
        }
        self.path.push((index, next));
        self.report(included, &word, declared, diagnostics);
        if let Some(role) = declared.get_mut(index) {
            role.includes.remove(next);
        }
    }

    /// Tells the cycle that ends at `to`, once however it is entered.
    fn report(
        &mut self,
        to: usize,
        word: &Word,
        declared: &[Declared],
        diagnostics: &mut Diagnostics,
    ) {
        let path = self.path.iter().map(|&(index, _)| index);
        let cycle: Vec<usize> = path.skip_while(|&index| index != to).collect();
        let mut members = cycle.clone();
        members.sort_unstable();
        if !self.cycles.insert(members) {
            return;
        }
        let names = cycle.iter().chain([&to]);
        let names = names.filter_map(|&index| declared.get(index));
        let names: Vec<&str> = names.map(|it| &*it.role.name).collect();
        let message = format!("roles include each other: {}", names.join(" -> "));
        let mistake = Diagnostic::new(word.place.clone(), message);
        diagnostics.push(mistake.label("this closes the circle"));
    }
}
