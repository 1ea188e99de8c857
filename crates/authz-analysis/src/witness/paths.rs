//! The independent paths of a permit: roles, ways along relationships, and rules, each with the
//! facts without which it is none.

use authz::resolution::Circumstances;
use authz::{Says, Step, StepKind};
use serde_json::Value as Json;

use super::case::Case;
use super::derivation;
use super::fact::{Fact, Side};
use super::search::Search;
use super::{PATHS_MAX, Path, relation_of};

/// The paths that suffice alone, and whether these are all.
pub(super) fn of(case: &Case<'_>) -> (Vec<Path>, bool) {
    let mut paths = by_roles(case);
    let (ways, is_complete) = by_relation(case);
    paths.extend(ways);
    paths.extend(by_rules(case));
    let alone = (0..paths.len()).map(|index| suffices_alone(case, &paths, index));
    let mut alone = alone.collect::<Vec<_>>().into_iter();
    paths.retain(|_| alone.next().unwrap_or(false));
    (paths, is_complete)
}

/// Whether it is permitted where the other paths are none, because all of their facts are gone or
/// one of each is.
fn suffices_alone(case: &Case<'_>, paths: &[Path], index: usize) -> bool {
    let Some(path) = paths.get(index) else {
        return false;
    };
    let others: Vec<Vec<&Fact>> = paths
        .iter()
        .map(|other| other.facts.iter().filter(|fact| !path.facts.contains(fact)))
        .map(Iterator::collect)
        .collect();
    let longest = others.iter().map(Vec::len).max().unwrap_or(0);
    let without = |facts: &mut dyn Iterator<Item = &Fact>| case.without(facts).is_permitted();
    without(&mut others.iter().flatten().copied())
        || (0..longest).any(|nth| {
            let one_of_each = others
                .iter()
                .filter_map(|facts| facts.get(nth.min(facts.len().saturating_sub(1))));
            without(&mut one_of_each.copied())
        })
}

/// What the part at this place says, if it permits.
fn permit(case: &Case<'_>, wanted: impl Fn(&Step) -> bool) -> Option<Step> {
    let steps = case.account()?.steps.into_iter();
    let mut permits = steps.filter(|step| step.says == Says::Permit);
    permits.find(|step| wanted(step))
}

fn by_roles(case: &Case<'_>) -> Vec<Path> {
    let of_roles = |step: &Step| step.kind == StepKind::Roles;
    let with_roles = |roles: &[String]| {
        let mut case = case.clone();
        case.subject.roles = roles.to_vec();
        case
    };
    let without = with_roles(&[]);
    let reserved = permit(&without, of_roles);
    let mut paths: Vec<Path> = Vec::new();
    for role in &case.subject.roles {
        let alone = with_roles(std::slice::from_ref(role));
        let Some(step) = permit(&alone, of_roles) else {
            continue;
        };
        let is_reserved = reserved.as_ref().is_some_and(|it| it.text == step.text);
        if is_reserved
            || paths
                .iter()
                .any(|path| path.facts.contains(&fact(case, role)))
        {
            continue;
        }
        let mut facts = vec![fact(case, role)];
        facts.extend(needed_share(&alone, of_roles));
        paths.push(path(step, facts));
    }
    paths.extend(reserved.map(|step| {
        let share = needed_share(&without, of_roles);
        path(step, share.into_iter().collect())
    }));
    paths
}

fn fact(case: &Case<'_>, role: &str) -> Fact {
    Fact::Role {
        subject: case.subject.reference.clone().unwrap_or_default(),
        role: role.to_owned(),
        tenant: case.subject.tenant.clone(),
    }
}

fn path(step: Step, facts: Vec<Fact>) -> Path {
    Path {
        text: step.text,
        place: step.place,
        facts,
        way: Vec::new(),
    }
}

/// The share without which the part permits no more, if there is one.
fn needed_share(case: &Case<'_>, wanted: impl Fn(&Step) -> bool) -> Option<Fact> {
    let share = Fact::Share {
        resource: case.resource_reference()?,
        with: case.subject.tenant.clone()?,
        action: case.action.to_owned(),
    };
    let without = case.without([&share]);
    permit(&without, wanted).is_none().then_some(share)
}

/// A path for each way along relationships.
fn by_relation(case: &Case<'_>) -> (Vec<Path>, bool) {
    let of_relation = |step: &Step| step.kind == StepKind::Relation;
    let found = permit(case, of_relation);
    let engine = case.policy.relations_with(&case.facts);
    let (Some(step), Some((target, subject)), Some(engine)) = (found, relation_of(case), engine)
    else {
        return (Vec::new(), true);
    };
    let circumstances = Circumstances {
        context: case.context,
        now: case.now,
    };
    let share = needed_share(case, of_relation);
    let mut search = Search::new(engine, subject, circumstances, PATHS_MAX);
    let mut paths: Vec<Path> = Vec::new();
    for way in search.every_way(&target) {
        let facts = derivation::present(&way).into_iter().cloned();
        let facts = facts.map(Fact::Relationship).chain(share.clone());
        let facts: Vec<Fact> = facts.collect();
        // Of two ways over the same relationships one is told, and none that has a detour.
        let rests_on = |path: &Path| path.facts.iter().all(|fact| facts.contains(fact));
        if paths.iter().any(rests_on) {
            continue;
        }
        paths.retain(|path| !facts.iter().all(|fact| path.facts.contains(fact)));
        paths.push(Path {
            text: step.text.clone(),
            place: step.place.clone(),
            facts,
            way,
        });
    }
    (paths, search.is_complete)
}

fn by_rules(case: &Case<'_>) -> Vec<Path> {
    let steps = case.account().map(|account| account.steps);
    let rules = steps.unwrap_or_default().into_iter();
    let rules = rules.filter(|step| step.kind == StepKind::Rule && step.says == Says::Permit);
    let paths = rules.map(|step| {
        let same = |other: &Step| other.kind == StepKind::Rule && other.place == step.place;
        let still = |fact: &Fact| permit(&case.without([fact]), same).is_some();
        let held = held(case).into_iter();
        let mut facts: Vec<Fact> = held.filter(|fact| !still(fact)).collect();
        facts.extend(needed_share(case, same));
        path(step, facts)
    });
    paths.collect()
}

/// The facts that a condition could rest on: roles, for flags, and attributes. To whom a resource
/// belongs is none: no part of the policy is asked where that is not known.
fn held(case: &Case<'_>) -> Vec<Fact> {
    let roles = case.subject.roles.iter().map(|role| fact(case, role));
    let attribute = |side: Side, of: Option<String>| {
        move |(name, value): (&String, &Json)| Fact::Attribute {
            side,
            of: of.clone().unwrap_or_default(),
            name: name.clone(),
            value: value.clone(),
        }
    };
    let own = attribute(Side::Subject, case.subject.reference.clone());
    let resource = case.resource_reference().map(|it| it.to_string());
    let others = attribute(Side::Resource, resource);
    let attributes = case.subject.attributes.iter().map(own);
    let tenant = case.policy.tenant_attribute(case.type_name);
    let of_resource = case.attributes.iter();
    let of_resource = of_resource.filter(|(name, _)| tenant != Some(name.as_str()));
    let attributes = attributes.chain(of_resource.map(others));
    roles.chain(attributes).collect()
}
