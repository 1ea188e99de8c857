//! The difference on given facts: how many of their subjects and resources each line is about, and
//! what differs among them that the small world does not show.

use std::collections::{BTreeMap, BTreeSet};

use authz::condition::Variable;
use authz::{
    ActionKind, Credential, Decision, Facts, Policy, Reference, Resource, Subject, SubjectFacts,
};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::line::{Change, Line, Reach};
use super::request::{self, Answer, Example};
use super::roles::Classes;
use super::search::{Asked, who};
use super::{Diff, Limits, Side};
use crate::pools::Reads;

/// The given facts of both sides.
pub(super) struct Given<'a> {
    sides: [Side<'a>; 2],
    now: Timestamp,
    /// How many requests may still be tried.
    left: usize,
    subjects: Vec<(Reference, Option<String>)>,
    resources: BTreeMap<String, Vec<Reference>>,
    are_equal: bool,
}

/// The answers, and the class of who asks.
type Key = (Answer, Answer, Option<usize>);

/// Subjects, or resources, that are alike for an action.
struct Group<T> {
    example: T,
    members: Vec<Reference>,
}

/// What differs on given facts, for one class of roles.
struct Differs {
    subjects: BTreeSet<Reference>,
    resources: BTreeSet<Reference>,
    example: Example,
    decisions: [Option<Decision>; 2],
}

impl<'a> Given<'a> {
    pub(super) fn new(old: Side<'a>, new: Side<'a>, now: Timestamp, limits: Limits) -> Self {
        let sides = [old, new];
        let mut resources: BTreeMap<String, BTreeSet<Reference>> = BTreeMap::new();
        for side in sides {
            for resource in side.facts.resources() {
                let of_type = resources.entry(resource.type_name().to_owned());
                of_type.or_default().insert(resource.clone());
            }
            for type_name in side.policy.type_names() {
                let of_type = resources.entry(type_name.to_owned()).or_default();
                of_type.extend(related(side.facts, type_name));
            }
        }
        let subjects = subjects(sides, &resources);
        let resources = resources.into_iter();
        Self {
            sides,
            now,
            left: limits.given_max,
            subjects: subjects.into_iter().collect(),
            resources: resources
                .map(|(of, all)| (of, all.into_iter().collect()))
                .collect(),
            are_equal: alike(old.facts, new.facts),
        }
    }

    /// Whether both sides are given the same facts.
    pub(super) fn has_equal_facts(&self) -> bool {
        self.are_equal
    }

    /// Adds to the lines of an action how many facts they are about, and lines for what differs on
    /// the facts alone.
    pub(super) fn add(
        &mut self,
        asked: &Asked<'_>,
        classes: &Classes,
        lines: &mut Vec<Line>,
        diff: &mut Diff,
    ) {
        if self.subjects.is_empty() || (lines.is_empty() && self.are_equal && asked.is_alike()) {
            return;
        }
        let (found, is_cut) = self.differences(asked, classes, diff);
        if is_cut {
            diff.bound(format!(
                "{} {}: not all given facts were tried",
                asked.action, asked.type_name
            ));
        }
        let mut open: BTreeSet<Key> = found.keys().copied().collect();
        for line in lines.iter_mut() {
            let answers = (line.old.answer, line.new.answer);
            let mine: Vec<_> = open
                .iter()
                .copied()
                .filter(|(old, new, class)| {
                    let names = who(class.and_then(|at| classes.all.get(at)));
                    (*old, *new) == answers && names.iter().any(|it| line.who.contains(it))
                })
                .collect();
            let all = mine.iter().filter_map(|key| found.get(key));
            line.reach = Some(reach(all, is_cut));
            open.retain(|key| !mine.contains(key));
        }
        for key in open {
            lines.extend(
                found
                    .get(&key)
                    .map(|it| self.line(asked, classes, key, it, is_cut)),
            );
        }
    }

    fn line(
        &self,
        asked: &Asked<'_>,
        classes: &Classes,
        (old, new, class): (Answer, Answer, Option<usize>),
        found: &Differs,
        is_cut: bool,
    ) -> Line {
        let told = &found.decisions;
        let depends_on_time = told.iter().flatten().any(|it| it.depends_on_time);
        let [old_told, new_told] = told.clone().map(request::told);
        Line {
            change: Change::of(old, new),
            who: who(class.and_then(|at| classes.all.get(at))),
            actions: vec![asked.action.to_owned()],
            type_name: asked.type_name.to_owned(),
            of: Vec::new(),
            example: found.example.clone(),
            old: old_told,
            new: new_told,
            depends_on_time,
            reach: Some(reach([found].into_iter(), is_cut)),
        }
    }

    /// What differs, by the answers and the class of who asks; and whether not all was tried.
    fn differences(
        &mut self,
        asked: &Asked<'_>,
        classes: &Classes,
        diff: &mut Diff,
    ) -> (BTreeMap<Key, Differs>, bool) {
        let reads = Reads::of(asked.policies(), asked.name());
        let by_name = is_by_name(asked, &reads);
        let subjects = self.subject_groups(asked, by_name);
        let resources = self.resource_groups(asked, by_name);
        let mut found: BTreeMap<Key, Differs> = BTreeMap::new();
        for who in &subjects {
            for what in &resources {
                if self.left == 0 {
                    return (found, true);
                }
                self.left -= 1;
                diff.requests += 1;
                let answers: [Option<Decision>; 2] = [0, 1].map(|at| {
                    let (subject, resource) =
                        (who.example.subjects.get(at), what.example.resources.get(at));
                    let side = self.sides.get(at)?;
                    let (subject, resource) = (subject?.as_ref(), resource?.as_ref());
                    let now = self.now;
                    request::decide(
                        side.policy,
                        subject,
                        asked.action,
                        resource,
                        now,
                        side.facts,
                    )
                });
                let [old, new] = answers.each_ref().map(|it| request::answer(it.as_ref()));
                if !old.differs(new) {
                    continue;
                }
                let class = classes.class_of(&who.example.facts.roles);
                let entry = found.entry((old, new, class)).or_insert_with(|| Differs {
                    subjects: BTreeSet::new(),
                    resources: BTreeSet::new(),
                    example: self.example(asked, &who.example.facts, what),
                    decisions: answers,
                });
                entry.subjects.extend(who.members.iter().cloned());
                entry.resources.extend(what.members.iter().cloned());
            }
        }
        (found, false)
    }

    fn example(&self, asked: &Asked<'_>, who: &SubjectFacts, what: &Group<Something>) -> Example {
        Example {
            subject: who.reference.clone(),
            signed_in: true,
            tenant: who.tenant.clone(),
            roles: who.roles.clone(),
            subject_attributes: who.attributes.clone(),
            scopes: None,
            claims: who.credential.claims.clone(),
            action: asked.action.to_owned(),
            type_name: asked.type_name.to_owned(),
            id: what.members.first().map(|it| it.id().to_owned()),
            attributes: what.example.attributes.clone(),
            at: self.now,
            relationships: Vec::new(),
            shared_with: None,
        }
    }

    /// The subjects with what both sides know of them.
    fn subject_groups(&self, asked: &Asked<'_>, by_name: bool) -> Vec<Group<Somebody>> {
        let mut groups: BTreeMap<String, Group<Somebody>> = BTreeMap::new();
        let claims = claims(asked);
        let asking = self.subjects.iter();
        let asking = asking.flat_map(|it| claims.iter().map(move |claims| (it, claims)));
        for ((reference, tenant), claims) in asking {
            let given = SubjectFacts {
                reference: Some(reference.to_string()),
                signed_in: true,
                tenant: tenant.clone(),
                credential: Credential {
                    claims: claims.clone(),
                    ..Credential::default()
                },
                ..SubjectFacts::default()
            };
            let completed = self.sides.map(|side| side.facts.complete(given.clone()));
            let key = completed.each_ref().map(|it| (&it.roles, &it.attributes));
            let name = by_name.then_some(reference);
            let key = format!("{name:?} {tenant:?} {claims:?} {key:?}");
            let group = groups.entry(key).or_insert_with(|| {
                let [old, new] = completed;
                let facts = new.clone();
                let [in_old, in_new] = asked.policies();
                let subjects = [request::subject(in_old, old), request::subject(in_new, new)];
                Group {
                    example: Somebody { facts, subjects },
                    members: Vec::new(),
                }
            });
            group.members.push(reference.clone());
        }
        groups.into_values().collect()
    }

    /// The resources of the type with what both sides know of them; the collection, for an action
    /// on that.
    fn resource_groups(&self, asked: &Asked<'_>, by_name: bool) -> Vec<Group<Something>> {
        let kinds = asked
            .policies()
            .map(|it| it.action_kind(asked.type_name, asked.action));
        if !kinds.contains(&Some(ActionKind::Instance)) {
            let none = Map::new();
            let of = |policy: &Policy| request::resource(policy, asked.type_name, None, &none);
            return vec![Group {
                example: Something {
                    resources: asked.policies().map(of),
                    attributes: Map::new(),
                },
                members: Vec::new(),
            }];
        }
        let mut groups: BTreeMap<String, Group<Something>> = BTreeMap::new();
        for reference in self.resources.get(asked.type_name).into_iter().flatten() {
            let known = self.sides.map(|side| {
                let known = side.facts.attributes_of(reference);
                known.cloned().unwrap_or_default()
            });
            let name = by_name.then_some(reference);
            let key = format!("{name:?} {known:?}");
            let group = groups.entry(key).or_insert_with(|| {
                let id = Some(reference.id());
                let of = self.sides.iter().zip(&known).map(|(side, known)| {
                    request::resource(side.policy, asked.type_name, id, known)
                });
                let mut of = of.collect::<Vec<_>>().into_iter();
                let resources = [of.next().flatten(), of.next().flatten()];
                let [_, attributes] = known;
                Group {
                    example: Something {
                        resources,
                        attributes,
                    },
                    members: Vec::new(),
                }
            });
            group.members.push(reference.clone());
        }
        groups.into_values().collect()
    }
}

/// What of a type relationships name.
fn related<'f>(facts: &'f Facts, type_name: &str) -> impl Iterator<Item = Reference> + use<'f> {
    let ids: Vec<&str> = facts.related_ids(type_name).collect();
    let type_name = type_name.to_owned();
    ids.into_iter()
        .map(move |id| Reference::new(&type_name, id))
}

/// Everybody whom the facts of both sides know, each in the tenants in which it has a role; who has
/// none acts in any of them.
fn subjects(
    sides: [Side<'_>; 2],
    resources: &BTreeMap<String, BTreeSet<Reference>>,
) -> BTreeSet<(Reference, Option<String>)> {
    let mut everybody: BTreeSet<Reference> = BTreeSet::new();
    for side in sides {
        everybody.extend(side.facts.subjects().cloned());
        // Whatever has no relations of its own can only be somebody.
        if let Some(model) = side.policy.relation_model() {
            let actors = model.type_names();
            let actors = actors.filter(|it| model.relation_names(it).next().is_none());
            everybody.extend(actors.flat_map(|it| related(side.facts, it)));
        }
    }
    let of = |subject: &Reference| -> BTreeSet<String> {
        let tenants = sides.iter().flat_map(|side| side.facts.tenants_of(subject));
        tenants.map(str::to_owned).collect()
    };
    let mut tenants: BTreeSet<Option<String>> = everybody.iter().flat_map(of).map(Some).collect();
    tenants.extend(tenants_of_resources(sides, resources).map(Some));
    if tenants.is_empty() {
        tenants.insert(None);
    }
    let each = everybody.into_iter().flat_map(|subject| {
        let mut own: BTreeSet<Option<String>> = of(&subject).into_iter().map(Some).collect();
        if own.is_empty() {
            own.clone_from(&tenants);
        }
        own.into_iter().map(move |tenant| (subject.clone(), tenant))
    });
    each.collect()
}

/// The tenants that resources belong to.
fn tenants_of_resources<'f>(
    sides: [Side<'f>; 2],
    resources: &'f BTreeMap<String, BTreeSet<Reference>>,
) -> impl Iterator<Item = String> {
    sides.into_iter().flat_map(move |side| {
        let of_tenants = resources
            .iter()
            .filter_map(move |(of, all)| Some((side.policy.tenant_attribute(of)?, all)));
        of_tenants.flat_map(move |(attribute, all)| {
            let known = all
                .iter()
                .filter_map(move |it| side.facts.attributes_of(it));
            known.filter_map(|it| it.get(attribute)?.as_str().map(str::to_owned))
        })
    })
}

/// The claims that the action asks for: as the new policy has it, and as the old one does.
fn claims(asked: &Asked<'_>) -> Vec<Map<String, Json>> {
    let (type_name, action) = asked.name();
    let [old, new] = asked.policies().map(|policy| {
        let claims = policy.claims_asked_by(type_name, action);
        let claims = claims.map(|(name, value)| (name.to_owned(), value.clone()));
        claims.collect::<Map<String, Json>>()
    });
    let of_both = |first: &Map<String, Json>, second: &Map<String, Json>| {
        let mut all = first.clone();
        all.extend(second.clone());
        all
    };
    let mut all = vec![of_both(&old, &new), of_both(&new, &old)];
    all.dedup();
    all
}

/// Somebody whom the facts know, as both policies take them.
struct Somebody {
    facts: SubjectFacts,
    subjects: [Option<Subject>; 2],
}

/// Something that the facts know, as both policies take it.
struct Something {
    resources: [Option<Resource>; 2],
    attributes: Map<String, Json>,
}

/// Whether it matters who somebody is, and not only what is known of them.
fn is_by_name(asked: &Asked<'_>, reads: &Reads) -> bool {
    let (type_name, action) = asked.name();
    let mut policies = asked.policies().into_iter();
    let reads_name = reads.has(&Variable::Subject) || reads.has(&Variable::Resource);
    reads_name
        || !reads.flags.is_empty()
        || policies
            .any(|it| it.related(type_name, action).is_some() || it.may_share(type_name, action))
}

/// Whether the facts of both sides say the same.
fn alike(old: &Facts, new: &Facts) -> bool {
    std::ptr::eq(old, new) || old.said() == new.said()
}

fn reach<'d>(all: impl Iterator<Item = &'d Differs>, at_least: bool) -> Reach {
    let (mut subjects, mut resources) = (BTreeSet::new(), BTreeSet::new());
    for it in all {
        subjects.extend(&it.subjects);
        resources.extend(&it.resources);
    }
    Reach {
        subjects: subjects.len(),
        resources: resources.len(),
        at_least,
    }
}
