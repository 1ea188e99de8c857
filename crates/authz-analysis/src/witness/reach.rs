//! What no relationship more can change: who is excluded stays so, unless the exclusion itself follows
//! from something that is excluded in turn.

use std::collections::BTreeSet;
use std::sync::Arc;

use authz::SubjectReference;
use authz::model::relation::{RelationModel, Rewrite};
use authz::resolution::Tree;

use super::search::Search;

impl Search<'_> {
    /// Whether no relationships that could be added let the relation hold. Only what follows on the
    /// same object is looked at.
    pub(super) fn is_out_of_reach(&mut self, target: &SubjectReference) -> bool {
        !self.stands_in(target) && !self.may_hold(target, &mut Vec::new())
    }

    fn may_hold(&mut self, node: &SubjectReference, trail: &mut Vec<SubjectReference>) -> bool {
        if trail.contains(node) {
            return false;
        }
        trail.push(node.clone());
        let tree = self.tree(node);
        let may = self.part_may_hold(&tree, trail);
        trail.pop();
        may
    }

    fn part_may_hold(&mut self, tree: &Tree, trail: &mut Vec<SubjectReference>) -> bool {
        match tree {
            Tree::Subjects(_) | Tree::Arrow { .. } => true,
            Tree::Relation(of) => self.stands_in(of) || self.may_hold(of, trail),
            Tree::Union(parts) => parts.iter().any(|part| self.part_may_hold(part, trail)),
            Tree::Intersection(parts) => parts.iter().all(|part| self.part_may_hold(part, trail)),
            Tree::Exclusion(parts) => {
                let [base, excluded] = &**parts;
                !self.stays_excluded(excluded) && self.part_may_hold(base, trail)
            }
            Tree::Itself(object) => *object == self.subject.object,
            Tree::Nobody => false,
        }
    }

    /// Whether the subject is excluded by this, whatever is added.
    pub(super) fn stays_excluded(&mut self, excluded: &Tree) -> bool {
        let stands = matches!(excluded, Tree::Relation(of) if self.stands_in(of));
        stands && !self.could_be_lifted(excluded)
    }

    /// Whether something more could take the subject out of what excludes it.
    pub(super) fn could_be_lifted(&mut self, excluded: &Tree) -> bool {
        match excluded {
            Tree::Relation(of) => self.stands_in(of) && self.may_be_lost(of),
            Tree::Nobody | Tree::Itself(_) => false,
            Tree::Subjects(_) | Tree::Arrow { all: false, .. } => false,
            Tree::Arrow { .. } | Tree::Exclusion(_) => true,
            Tree::Union(parts) | Tree::Intersection(parts) => {
                parts.iter().any(|part| self.could_be_lifted(part))
            }
        }
    }
}

impl Search<'_> {
    /// Whether one fact more can take somebody out of the relation.
    pub(super) fn may_be_lost(&mut self, node: &SubjectReference) -> bool {
        let relation = node.relation.clone().unwrap_or_default();
        let key = (Arc::from(node.object.type_name()), relation);
        if let Some(&known) = self.losable.get(&key) {
            return known;
        }
        let may = takes_away(self.engine.model(), &key.0, &key.1);
        self.losable.insert(key, may);
        may
    }
}

/// Whether one fact more can take somebody out of the relation. O(model).
fn takes_away(model: &RelationModel, type_name: &str, relation: &str) -> bool {
    let mut open = vec![(type_name, relation)];
    let mut seen = BTreeSet::new();
    let mut found = false;
    while let Some(of) = open.pop() {
        let (type_name, relation) = of;
        let Some(declared) = model
            .relation(type_name, relation)
            .filter(|_| seen.insert(of))
        else {
            continue;
        };
        declared.rewrite.walk(&mut |part| match part {
            Rewrite::Computed(to, _) => open.push((type_name, to)),
            Rewrite::Direct => {
                let usersets = model.writable(type_name, relation).into_iter();
                open.extend(usersets.filter_map(|it| Some((it.type_name, it.relation?))));
            }
            Rewrite::Arrow {
                tupleset,
                computed,
                all,
                ..
            } => {
                found |= all;
                let objects = model.writable(type_name, tupleset).into_iter();
                open.extend(objects.map(|it| (it.type_name, &**computed)));
            }
            Rewrite::Exclusion(..) => found = true,
            Rewrite::Union(_) | Rewrite::Intersection(_) | Rewrite::Itself | Rewrite::Nobody => {}
        });
    }
    found
}
