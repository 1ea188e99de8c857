//! Obstacles: what denies a request whatever facts are added, or cannot be evaluated.

use authz::resolution::{Circumstances, Tree};
use authz::{Says, SubjectReference};

use super::case::Case;
use super::derivation;
use super::search::Search;
use super::{Obstacle, relation_of};

/// Gates that are closed, rules that deny, what cannot be evaluated, and exclusions that take the
/// subject out of the relation.
pub(super) fn of(case: &Case<'_>) -> Vec<Obstacle> {
    let steps = case.account().map(|account| account.steps);
    let steps = steps.unwrap_or_default().into_iter();
    let stops = steps.filter(|step| matches!(step.says, Says::Closed | Says::Deny | Says::Unknown));
    let told = stops.map(|step| Obstacle {
        text: step.text,
        place: step.place,
    });
    let mut obstacles: Vec<Obstacle> = told.collect();
    obstacles.extend(exclusions(case));
    obstacles
}

/// The relationships by which the subject is excluded from what the relation follows from.
fn exclusions(case: &Case<'_>) -> Vec<Obstacle> {
    let target = relation_of(case);
    let Some(((target, subject), engine)) = target.zip(case.policy.relations_with(&case.facts))
    else {
        return Vec::new();
    };
    let circumstances = Circumstances {
        context: case.context,
        now: case.now,
    };
    let mut search = Search::new(engine, subject, circumstances, 1);
    let mut open = vec![target];
    let mut seen: Vec<SubjectReference> = Vec::new();
    let mut found = Vec::new();
    while let Some(node) = open.pop() {
        if seen.contains(&node) || seen.len() >= NODES_MAX || search.stands_in(&node) {
            continue;
        }
        let tree = search.tree(&node);
        seen.push(node.clone());
        below(&tree, &mut open, &mut |excluded| {
            for way in search.ways(excluded, 0) {
                let facts = derivation::present(&way);
                let place = facts.iter().find_map(|fact| case.given.place_of(fact));
                let facts: Vec<String> = facts.iter().map(|fact| format!("`{fact}`")).collect();
                found.push(Obstacle {
                    text: format!(
                        "`{excluded}` is left out of `{node}`, by {}",
                        facts.join(", ")
                    ),
                    place: place.cloned(),
                });
            }
        });
    }
    found
}

/// How many relations of objects are looked at.
const NODES_MAX: usize = 1_000;

/// What a relation follows from goes into `open`; relations that are taken away are told.
fn below(tree: &Tree, open: &mut Vec<SubjectReference>, tell: &mut dyn FnMut(&SubjectReference)) {
    match tree {
        Tree::Relation(of) => open.push(of.clone()),
        Tree::Subjects(members) | Tree::Arrow { to: members, .. } => {
            let usersets = members.iter().map(|it| &it.subject);
            open.extend(usersets.filter(|it| it.relation.is_some()).cloned());
        }
        Tree::Union(parts) | Tree::Intersection(parts) => {
            parts.iter().for_each(|part| below(part, open, tell));
        }
        Tree::Exclusion(parts) => {
            let [base, excluded] = &**parts;
            below(base, open, tell);
            if let Tree::Relation(excluded) = excluded {
                tell(excluded);
            }
        }
        Tree::Itself(_) | Tree::Nobody => {}
    }
}
