//! The search through the small world: every request of it is decided by both policies.

use std::collections::{BTreeMap, BTreeSet};

use authz::{Decision, Likeness, Policy, Resource, Subject};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::axes::{self, Asker, Axes, Extent, Thing};
use super::cases::Cases;
use super::line::{Change, Line, Who};
use super::relations::{self, World};
use super::request::{self, Answer, Example};
use super::roles::{Class, Classes};
use super::{Diff, Limits, Side};
use crate::pools::Reads;

/// One action of both policies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) old: Side<'a>,
    pub(super) new: Side<'a>,
    pub(super) likeness: &'a Likeness<'a>,
    pub(super) type_name: &'a str,
    pub(super) action: &'a str,
    pub(super) now: Timestamp,
}

impl<'a> Asked<'a> {
    pub(super) fn policies(&self) -> [&'a Policy; 2] {
        [self.old.policy, self.new.policy]
    }

    pub(super) fn name(&self) -> (&'a str, &'a str) {
        (self.type_name, self.action)
    }

    /// Somebody as both policies take them.
    pub(super) fn subjects(&self, asker: &Asker) -> [Option<Subject>; 2] {
        let subject = |policy| request::subject(policy, asker.facts.clone());
        self.policies().map(subject)
    }

    /// Something as both policies take it.
    pub(super) fn resources(&self, thing: &Thing) -> [Option<Resource>; 2] {
        let id = thing.id.as_deref();
        let resource = |policy| request::resource(policy, self.type_name, id, &thing.attributes);
        self.policies().map(resource)
    }

    /// The classes of roles for this action.
    pub(super) fn classes(&self) -> Classes {
        let flags = Reads::of(self.policies(), self.name()).flags;
        let flags: Vec<String> = flags.into_iter().collect();
        Classes::of(self.policies(), self.name(), &flags)
    }

    /// The types of the subjects whom given facts know.
    pub(super) fn subject_types(&self) -> BTreeSet<String> {
        let known = [self.old, self.new].into_iter();
        let known = known.flat_map(|it| it.facts.subjects());
        let types: BTreeSet<&str> = known.map(|it| it.type_name()).collect();
        types.into_iter().map(str::to_owned).collect()
    }

    /// Whether both look up the same relation, which follows from the same.
    pub(super) fn looks_up_alike(&self) -> bool {
        self.likeness.looks_up_alike(self.type_name, self.action)
    }

    /// Whether both policies say the same of this action in so many words.
    pub(super) fn is_alike(&self) -> bool {
        self.likeness.is_alike(self.type_name, self.action)
    }
}

/// Whom and what a difference is about: the answers, and the class of who asks (none for a visitor).
type Key = (Answer, Answer, Option<usize>);

/// What was found of one kind of difference.
struct Found {
    /// Whose resources it is about.
    of: BTreeSet<&'static str>,
    /// The first request.
    example: Example,
    decisions: [Option<Decision>; 2],
}

/// The differences of one action.
pub(super) fn lines(
    asked: &Asked<'_>,
    classes: &Classes,
    limits: Limits,
    diff: &mut Diff,
) -> Vec<Line> {
    let axes = |extent| axes::axes(asked, classes, extent);
    let outline = axes(Extent::Outline);
    let cases = (outline.size() > limits.enumerated_max)
        .then(|| Cases::new(asked, &outline.open))
        .flatten();
    let axes = match cases {
        Some(_) => outline,
        None => axes(Extent::Whole),
    };
    let mut bounds = axes.bounds.clone();
    let worlds = relations::worlds(asked, &axes, &mut bounds);
    let search = Search {
        asked,
        subjects: axes.askers.iter().map(|it| asked.subjects(it)).collect(),
        resources: axes.things.iter().map(|it| asked.resources(it)).collect(),
        axes: &axes,
        worlds: &worlds,
        cases,
    };
    let found = search.run(limits, diff);
    if classes.is_cut {
        diff.bound("there are more classes of roles than are told apart".to_owned());
    }
    let (type_name, action) = asked.name();
    for why in &bounds {
        diff.bound(format!("{action} {type_name}: {why}"));
    }
    merged(asked, classes, found)
}

/// Somebody or something as both policies take it.
type OfBoth<T> = [Option<T>; 2];

struct Search<'a> {
    asked: &'a Asked<'a>,
    axes: &'a Axes,
    worlds: &'a [World],
    subjects: Vec<OfBoth<Subject>>,
    resources: Vec<OfBoth<Resource>>,
    /// What the conditions can come to, where not every request is tried.
    cases: Option<Cases<'a>>,
}

impl Search<'_> {
    fn run(&self, limits: Limits, diff: &mut Diff) -> BTreeMap<Key, Found> {
        let parts = [
            self.axes.askers.len(),
            self.axes.things.len(),
            self.axes.times.len(),
            self.worlds.len(),
        ];
        let total = parts.into_iter().fold(1_usize, usize::saturating_mul);
        let tried = total.min(limits.requests_max);
        let (type_name, action) = self.asked.name();
        if tried < total {
            diff.bound(format!(
                "{action} {type_name}: of {total} requests, {tried} were tried"
            ));
        }
        // A stride without a common factor reaches every part of the world before it is through.
        let stride = if tried < total { coprime(total) } else { 1 };
        let mut found = BTreeMap::new();
        let mut at = 0_usize;
        for _ in 0..tried {
            self.try_one(at, &mut found, diff);
            at = (at + stride) % total;
        }
        found
    }

    /// Decides the request of this number, or one for each case of it. Who asks changes slowest,
    /// so that the first request of a kind is the plainest.
    fn try_one(
        &self,
        number: usize,
        found: &mut BTreeMap<Key, Found>,
        diff: &mut Diff,
    ) -> Option<()> {
        let (rest, resource) = split(number, self.axes.things.len());
        let (rest, time) = split(rest, self.axes.times.len());
        let (subject, world) = split(rest, self.worlds.len());
        let (asker, thing) = (
            self.axes.askers.get(subject)?,
            self.axes.things.get(resource)?,
        );
        let (now, world) = (*self.axes.times.get(time)?, self.worlds.get(world)?);
        let Some(cases) = &self.cases else {
            diff.requests += 1;
            let (who, what) = (self.subjects.get(subject)?, self.resources.get(resource)?);
            self.decide((asker, thing, now), (who, what), world, found);
            return Some(());
        };
        let Some(requests) = cases.requests(&(asker.clone(), thing.clone(), now)) else {
            let (type_name, action) = self.asked.name();
            diff.bound(format!(
                "{action} {type_name}: the conditions are too large"
            ));
            return None;
        };
        for (asker, thing, now) in &requests {
            diff.requests += 1;
            let of_both = (self.asked.subjects(asker), self.asked.resources(thing));
            let (who, what) = (&of_both.0, &of_both.1);
            self.decide((asker, thing, *now), (who, what), world, found);
        }
        Some(())
    }

    /// Lets both policies decide a request, and keeps it where they differ.
    fn decide(
        &self,
        (asker, thing, now): (&Asker, &Thing, Timestamp),
        (who, what): (&OfBoth<Subject>, &OfBoth<Resource>),
        world: &World,
        found: &mut BTreeMap<Key, Found>,
    ) {
        let sides = self.asked.policies().into_iter().zip(who).zip(what);
        let mut decisions = sides
            .zip(&world.facts)
            .map(|(((policy, who), what), facts)| {
                let (who, what) = (who.as_ref(), what.as_ref());
                request::decide(policy, who, self.asked.action, what, now, facts)
            });
        let decisions = [decisions.next().flatten(), decisions.next().flatten()];
        let [old, new] = [&decisions[0], &decisions[1]].map(|it| request::answer(it.as_ref()));
        if !old.differs(new) {
            return;
        }
        let entry = found
            .entry((old, new, asker.class))
            .or_insert_with(|| Found {
                of: BTreeSet::new(),
                example: self.example(asker, thing, now, world),
                decisions,
            });
        entry.of.extend(self.whose(asker, thing, world));
    }

    fn example(&self, asker: &Asker, thing: &Thing, now: Timestamp, world: &World) -> Example {
        let facts = &asker.facts;
        let scopes = facts.credential.scopes.as_ref();
        Example {
            subject: facts.reference.clone(),
            signed_in: facts.signed_in,
            tenant: facts.tenant.clone(),
            roles: facts.roles.clone(),
            subject_attributes: facts.attributes.clone(),
            scopes: scopes.map(|it| it.iter().map(ToString::to_string).collect()),
            claims: facts.credential.claims.clone(),
            action: self.asked.action.to_owned(),
            type_name: self.asked.type_name.to_owned(),
            id: thing.id.clone(),
            attributes: thing.attributes.clone(),
            at: now,
            relationships: world.relationships.clone(),
            shared_with: world.shared_with.clone(),
        }
    }

    /// Whose the resource is to whoever asks.
    fn whose(&self, asker: &Asker, thing: &Thing, world: &World) -> Option<&'static str> {
        let attribute = self.axes.tenant_attributes.first()?;
        if !asker.facts.signed_in {
            return None;
        }
        let tenant = thing.attributes.get(attribute).and_then(Json::as_str);
        Some(match tenant {
            None => "no known tenant",
            Some(tenant) if Some(tenant) == asker.facts.tenant.as_deref() => "own tenant",
            Some(_) if world.shared_with.is_some() => "another tenant, shared",
            Some(_) => "another tenant",
        })
    }
}

fn split(number: usize, by: usize) -> (usize, usize) {
    let by = by.max(1);
    (number / by, number % by)
}

/// A stride of about 0.618 of the total that has no factor in common with it.
fn coprime(total: usize) -> usize {
    let mut stride = (total / 1000).saturating_mul(618).max(1);
    while common(stride, total) > 1 {
        stride += 1;
    }
    stride
}

fn common(a: usize, b: usize) -> usize {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Differences that are alike but for the roles of who asks become one line.
fn merged(asked: &Asked<'_>, classes: &Classes, found: BTreeMap<Key, Found>) -> Vec<Line> {
    let mut lines: Vec<(Answer, Answer, Line)> = Vec::new();
    let mut keys: Vec<Key> = found.keys().copied().collect();
    keys.sort_by_key(|key| (Change::of(key.0, key.1), key.2));
    let follows: BTreeSet<Key> = keys
        .iter()
        .copied()
        .filter(|key| follows(classes, &found, *key) || is_doubt(&found, *key))
        .collect();
    let mut found = found;
    for key in keys {
        let (old, new, class) = key;
        let Some(it) = found.remove(&key).filter(|_| !follows.contains(&key)) else {
            continue;
        };
        let who = class.map_or_else(|| vec![Who::Visitor], |at| who(classes.all.get(at)));
        let of: Vec<&'static str> = it.of.into_iter().collect();
        let same = |(a, b, line): &&mut (Answer, Answer, Line)| {
            (*a, *b, &line.of) == (old, new, &of)
                && (class.is_none()) == line.who.contains(&Who::Visitor)
        };
        if let Some((_, _, line)) = lines.iter_mut().find(same) {
            line.who.extend(who);
            continue;
        }
        let depends_on_time = it.decisions.iter().flatten().any(|it| it.depends_on_time);
        let [before, after] = it.decisions.map(request::told);
        let line = Line {
            change: Change::of(old, new),
            who,
            actions: vec![asked.action.to_owned()],
            type_name: asked.type_name.to_owned(),
            of,
            example: it.example,
            old: before,
            new: after,
            depends_on_time,
            reach: None,
        };
        lines.push((old, new, line));
    }
    lines.into_iter().map(|(_, _, line)| line).collect()
}

/// Whether it is about what one of the two cannot decide, for want of an attribute say, and a line
/// about the same roles tells a plain difference.
fn is_doubt(found: &BTreeMap<Key, Found>, (old, new, class): Key) -> bool {
    let is_doubtful = |key: &Key| key.0 == Answer::Undecided || key.1 == Answer::Undecided;
    let is_plain = |key: &Key| {
        let change = Change::of(key.0, key.1);
        let is_worse = change <= Change::of(old, new) && change != Change::Other;
        key.2 == class && is_worse && !is_doubtful(key)
    };
    is_doubtful(&(old, new, class)) && found.keys().any(is_plain)
}

/// Whether several roles together make no more of a difference than one of them by itself.
fn follows(classes: &Classes, found: &BTreeMap<Key, Found>, key: Key) -> bool {
    let (old, new, Some(at)) = key else {
        return false;
    };
    let Some((class, mine)) = classes.all.get(at).zip(found.get(&key)) else {
        return false;
    };
    class.roles.len() > 1
        && class.roles.iter().any(|role| {
            let alone = classes.class_of(std::slice::from_ref(role));
            let alone = alone.and_then(|alone| found.get(&(old, new, Some(alone))));
            alone.is_some_and(|alone| alone.of.is_superset(&mine.of))
        })
}

/// The names of a class.
pub(super) fn who(class: Option<&Class>) -> Vec<Who> {
    let Some(class) = class else {
        return vec![Who::NoRole];
    };
    let none = class.is_none.then_some(Who::NoRole);
    let single = class.alike.iter().map(|role| Who::Role(role.clone()));
    let mut all: Vec<Who> = none.into_iter().chain(single).collect();
    if all.is_empty() {
        all.push(Who::Roles(class.roles.clone()));
    }
    all
}
