//! The facts of the small world: relationships among a few objects, and a share.

use std::collections::BTreeSet;

use authz::source::Source;
use authz::{Facts, Policy, Relationship, Request, Writable, no_context, read_facts};

use super::axes::Axes;
use super::request::{self, Example};
use super::search::Asked;
use crate::pools::{SOMEONE, SOMETHING};

/// Up to so many relationships, every set of them is tried; of more, every set of a few.
const ALL_SETS_OF: usize = 10;

/// The most sets of relationships that are tried.
const WORLDS_MAX: usize = 1_500;

/// How many relationships one grant may need.
const LINKS_MAX: usize = 16;

/// What is known beside a request, as each policy takes it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) relationships: Vec<String>,
    /// The tenant with which the resource is shared.
    pub(super) shared_with: Option<String>,
    pub(super) facts: [Facts; 2],
}

/// The worlds for an action, the smallest first.
pub(super) fn worlds(asked: &Asked<'_>, axes: &Axes, bounds: &mut Vec<String>) -> Vec<World> {
    let policies = asked.policies();
    let mut sets: Vec<Vec<String>> = vec![Vec::new()];
    let related = policies.map(|it| it.related(asked.type_name, asked.action).map(str::to_owned));
    if related.iter().any(Option::is_some) {
        match asked.looks_up_alike() {
            true => sets.extend(granting(asked, axes, bounds)),
            false => {
                bounds.push(differing(asked));
                sets = subsets(candidates(asked, axes));
            }
        }
    }
    let mut worlds: Vec<World> = sets.iter().map(|set| world(policies, set, None)).collect();
    if let Some((resource, with)) = shareable(asked, axes) {
        let shared = |set: &Vec<String>| {
            let share = Some((resource.as_str(), with.as_str(), asked.action));
            world(policies, set, share)
        };
        worlds.extend(sets.iter().map(shared));
    }
    worlds
}

/// What is told of relations that differ.
fn differing(asked: &Asked<'_>) -> String {
    let (type_name, action) = asked.name();
    let relations = asked.likeness.differing_relations(type_name, action);
    let which = match relations.as_slice() {
        [] => String::new(),
        some => format!(" ({})", some.join(", ")),
    };
    format!("relations differ{which}: only small sets of relationships were tried")
}

/// The resource of the small world and the tenant with which it may be shared.
fn shareable(asked: &Asked<'_>, axes: &Axes) -> Option<(String, String)> {
    axes.tenant_attributes.first()?;
    let mut policies = asked.policies().into_iter();
    let may = policies.any(|it| it.may_share(asked.type_name, asked.action));
    let id = axes
        .things
        .iter()
        .find_map(|it| it.id.as_ref())
        .filter(|_| may)?;
    let with = axes.askers.iter().find_map(|it| it.facts.tenant.clone())?;
    Some((format!("{}:{id}", asked.type_name), with))
}

/// The facts for both policies; what one of them has no words for, it does not get.
fn world(
    policies: [&Policy; 2],
    relationships: &[String],
    share: Option<(&str, &str, &str)>,
) -> World {
    World {
        relationships: relationships.to_vec(),
        shared_with: share.map(|(_, with, _)| with.to_owned()),
        facts: policies.map(|policy| facts(policy, relationships, share)),
    }
}

/// What an example says beside the request, as a policy takes it.
pub(super) fn facts_of(policy: &Policy, example: &Example) -> Facts {
    let resource = example.resource_name();
    let with = example.shared_with.as_deref();
    let share = with.map(|with| (resource.as_str(), with, example.action.as_str()));
    facts(policy, &example.relationships, share)
}

fn facts(policy: &Policy, relationships: &[String], share: Option<(&str, &str, &str)>) -> Facts {
    let shared = share.and_then(|(resource, with, action)| {
        let text = format!(
            "shares: [{{ resource: \"{resource}\", with: \"{with}\", permission: \"{action}\" }}]"
        );
        read_facts(policy, &[Source::new("facts", &text)]).ok()
    });
    let mut facts = shared.unwrap_or_default();
    let place = Source::new("facts", "").place(0..0);
    for relationship in relationships {
        let Ok(fact) = relationship.parse::<Relationship>() else {
            continue;
        };
        if let Ok(more) = facts.with_relationships(policy, &[(fact, place.clone())]) {
            facts = more;
        }
    }
    facts
}

/// Relationships that let the relation hold, found one after the other: what a denial misses.
fn granting(asked: &Asked<'_>, axes: &Axes, bounds: &mut Vec<String>) -> Vec<Vec<String>> {
    let policy = asked.new.policy;
    let mut found = Vec::new();
    let insiders = axes.askers.iter().filter(|it| it.facts.reference.is_some());
    let mut seen = BTreeSet::new();
    for asker in insiders {
        let reference = asker.facts.reference.as_ref().filter(|it| seen.insert(*it));
        let Some(reference) = reference.filter(|it| may_be_related(asked, it)) else {
            continue;
        };
        match chain(asked, axes, policy, reference) {
            Some(chain) => found.push(chain),
            None => bounds.push(format!(
                "no relationships were found by which `{reference}` may {} {}",
                asked.action, asked.type_name
            )),
        }
    }
    found
}

/// Whether anybody of the type of the subject can stand in what the action looks up.
fn may_be_related(asked: &Asked<'_>, reference: &str) -> bool {
    let (type_name, policy) = (asked.type_name, asked.new.policy);
    let relation = policy.related(type_name, asked.action);
    let writable = policy.relation_model().zip(relation);
    let writable = writable.map(|(model, relation)| model.writable_for(type_name, relation));
    let subject_type = reference.split_once(':').map(|(of, _)| of);
    let mut writable = writable.into_iter().flatten();
    writable.any(|it| it.subject_relation.is_none() && Some(&*it.subject_type) == subject_type)
}

fn chain(asked: &Asked<'_>, axes: &Axes, policy: &Policy, reference: &str) -> Option<Vec<String>> {
    let thing = axes.things.iter().find(|it| it.id.is_some())?;
    let mut attributes = thing.attributes.clone();
    for name in &axes.tenant_attributes {
        attributes.insert(name.clone(), "acme".into());
    }
    let subject = request::subject(
        policy,
        authz::SubjectFacts {
            reference: Some(reference.to_owned()),
            signed_in: true,
            tenant: Some("acme".to_owned()),
            ..authz::SubjectFacts::default()
        },
    )?;
    let resource = request::resource(policy, asked.type_name, thing.id.as_deref(), &attributes)?;
    let mut links: Vec<String> = Vec::new();
    while links.len() < LINKS_MAX {
        let facts = facts(policy, &links, None);
        let account = policy.account(&Request {
            subject: &subject,
            action: asked.action,
            resource: &resource,
            now: asked.now,
            facts: &facts,
            context: no_context(),
        });
        let mut remedies = account.remedies.into_iter();
        match remedies.find(|it| it.is_relationship && !links.contains(&it.add)) {
            Some(remedy) => links.push(remedy.add),
            None => break,
        }
    }
    (!links.is_empty()).then_some(links)
}

/// The relationships that can matter, among one object of each type and a second one where a type
/// leads to itself.
fn candidates(asked: &Asked<'_>, axes: &Axes) -> Vec<String> {
    let (type_name, action) = (asked.type_name, asked.action);
    let mut writable: BTreeSet<Writable> = BTreeSet::new();
    for policy in asked.policies() {
        let relation = policy.related(type_name, action);
        if let Some((model, relation)) = policy.relation_model().zip(relation) {
            writable.extend(model.writable_for(type_name, relation));
        }
    }
    let someone = |type_name: &str| axes.subjects.has_type(type_name);
    let id = |type_name: &str| {
        if someone(type_name) {
            SOMEONE
        } else {
            SOMETHING
        }
    };
    let mut all = Vec::new();
    for it in &writable {
        let leads_to_itself = it.type_name == it.subject_type && !it.is_wildcard;
        let subject_id = match (it.is_wildcard, leads_to_itself) {
            (true, _) => "*",
            (false, true) => "2",
            (false, false) => id(&it.subject_type),
        };
        let of = it.subject_relation.as_ref().map(|it| format!("#{it}"));
        let subject = format!("{}:{subject_id}{}", it.subject_type, of.unwrap_or_default());
        all.push(format!(
            "{}:{}#{}@{subject}",
            it.type_name,
            id(&it.type_name),
            it.relation
        ));
        let has_second = writable
            .iter()
            .any(|other| other.type_name == it.type_name && other.subject_type == it.type_name);
        if has_second && !leads_to_itself {
            all.push(format!("{}:2#{}@{subject}", it.type_name, it.relation));
        }
    }
    all
}

/// Sets of these, the smaller ones first.
fn subsets(all: Vec<String>) -> Vec<Vec<String>> {
    let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
    let mut last: Vec<Vec<usize>> = sets.clone();
    let largest = match all.len() <= ALL_SETS_OF {
        true => all.len(),
        false => 5,
    };
    for _ in 0..largest {
        let mut next = Vec::new();
        for set in &last {
            let from = set.last().map_or(0, |it| it + 1);
            for index in from..all.len() {
                let mut larger = set.clone();
                larger.push(index);
                next.push(larger);
            }
        }
        sets.extend(next.iter().cloned());
        last = next;
        if sets.len() > WORLDS_MAX {
            break;
        }
    }
    sets.truncate(WORLDS_MAX);
    let named = |set: Vec<usize>| set.into_iter().filter_map(|it| all.get(it).cloned());
    sets.into_iter().map(|set| named(set).collect()).collect()
}
