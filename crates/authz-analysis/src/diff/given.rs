//! The difference on given facts: how many of their subjects and resources each line is about, and
//! what differs among them that the small world does not show.

use std::collections::{BTreeMap, BTreeSet};

use authz::condition::Variable;
use authz::{ActionKind, Facts, Policy, Reference, Resource, Subject, SubjectFacts};
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
}

impl<'a> Given<'a> {
    pub(super) fn new(old: Side<'a>, new: Side<'a>, now: Timestamp, limits: Limits) -> Self {
        let mut subjects: BTreeSet<(Reference, Option<String>)> = BTreeSet::new();
        let mut resources: BTreeMap<String, BTreeSet<Reference>> = BTreeMap::new();
        for side in [old, new] {
            for subject in side.facts.subjects() {
                let tenants: Vec<&str> = side.facts.tenants_of(subject).collect();
                if tenants.is_empty() {
                    subjects.insert((subject.clone(), None));
                }
                let in_tenants = tenants.into_iter().map(|it| Some(it.to_owned()));
                subjects.extend(in_tenants.map(|it| (subject.clone(), it)));
            }
            for resource in side.facts.resources() {
                let of_type = resources.entry(resource.type_name().to_owned());
                of_type.or_default().insert(resource.clone());
            }
        }
        let resources = resources.into_iter();
        Self {
            sides: [old, new],
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
        let told = self.sides.map(|side| {
            let subject = request::subject(side.policy, found.example.subject_facts());
            let (id, attributes) = (found.example.id.as_deref(), &found.example.attributes);
            let resource = request::resource(side.policy, asked.type_name, id, attributes);
            let (subject, resource) = (subject.as_ref(), resource.as_ref());
            request::decide(
                side.policy,
                subject,
                asked.action,
                resource,
                self.now,
                side.facts,
            )
        });
        let depends_on_time = told.iter().flatten().any(|it| it.depends_on_time);
        let [old_told, new_told] = told.map(request::told);
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
                let answers = [0, 1].map(|at| {
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
                let [old, new] = answers.map(|it| request::answer(it.as_ref()));
                if !old.differs(new) {
                    continue;
                }
                let class = classes.class_of(&who.example.facts.roles);
                let entry = found.entry((old, new, class)).or_insert_with(|| Differs {
                    subjects: BTreeSet::new(),
                    resources: BTreeSet::new(),
                    example: self.example(asked, &who.example.facts, what),
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
            claims: Map::new(),
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
        for (reference, tenant) in &self.subjects {
            let given = SubjectFacts {
                reference: Some(reference.to_string()),
                signed_in: true,
                tenant: tenant.clone(),
                ..SubjectFacts::default()
            };
            let completed = self.sides.map(|side| side.facts.complete(given.clone()));
            let key = completed.each_ref().map(|it| (&it.roles, &it.attributes));
            let name = by_name.then_some(reference);
            let key = format!("{name:?} {tenant:?} {key:?}");
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
