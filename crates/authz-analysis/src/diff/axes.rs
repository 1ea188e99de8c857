//! The requests of the small world: everybody who may ask, everything that may be asked about, and
//! the times at which.

use std::collections::BTreeSet;

use authz::condition::{Value, Variable};
use authz::{ActionKind, AttributeKind, Policy, SubjectFacts};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::cases::Group;
use super::roles::Classes;
use super::search::Asked;
use super::subjects::Subjects;
use crate::pools::{Known, Pools, Reads, SOMETHING};

/// The most subjects, and the most resources, that are made up for an action.
const POINTS_MAX: usize = 4_000;

/// Somebody who asks.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    /// The class of its roles; none for a visitor.
    pub(super) class: Option<usize>,
    pub(super) facts: SubjectFacts,
}

/// Something that is asked about.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) id: Option<String>,
    pub(super) attributes: Map<String, Json>,
}

impl Thing {
    /// Says whose it is under the name that the attribute had, too.
    fn called_both(&mut self, attributes: &[String], renamed: Option<&String>) {
        let known = attributes.first().and_then(|it| self.attributes.get(it));
        if let Some((name, value)) = renamed.zip(known.cloned()) {
            self.attributes.insert(name.clone(), value);
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Axes {
    pub(super) askers: Vec<Asker>,
    pub(super) things: Vec<Thing>,
    pub(super) times: Vec<Timestamp>,
    pub(super) bounds: Vec<String>,
    /// The attributes that say whose the resource is, where that matters: the new policy's first.
    pub(super) tenant_attributes: Vec<String>,
    /// Who may ask.
    pub(super) subjects: Subjects,
    /// What is left open: variables that nothing but conditions reads.
    pub(super) open: Vec<Group>,
}

/// How much of the small world is made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// What not only conditions read; the rest is left open.
    Outline,
}

impl Axes {
    /// About how many requests the whole world has.
    pub(super) fn size(&self) -> usize {
        let open = self.open.iter().flatten().map(|(_, values)| values.len());
        let parts = [self.askers.len(), self.things.len(), self.times.len()];
        parts.into_iter().chain(open).fold(1, usize::saturating_mul)
    }
}

/// The requests for an action.
pub(super) fn axes(asked: &Asked<'_>, classes: &Classes, extent: Extent) -> Axes {
    let (policies, type_name, action) = (asked.policies(), asked.type_name, asked.action);
    let mut reads = Reads::of(policies, (type_name, action));
    let flags: Vec<String> = reads.flags.iter().cloned().collect();
    let tenant_attributes = tenant_attributes(policies, type_name);
    for attribute in &tenant_attributes {
        reads.compare_tenants(attribute);
    }
    for name in policies
        .into_iter()
        .flat_map(|it| tenants_of_flags(it, &flags))
    {
        reads.constant(Variable::Tenant, Value::String(name.as_str().into()));
    }
    let is_related = policies
        .iter()
        .any(|it| it.related(type_name, action).is_some());
    let subjects = Subjects::of(
        policies,
        (type_name, action),
        &reads,
        &asked.subject_types(),
    );
    for (variable, value) in defaults(policies, type_name, &subjects, &reads) {
        reads.constant(variable, value);
    }
    let groups = reads.groups();
    let mut asks = Asks {
        reads_subject: reads.has_subject() || is_related || !flags.is_empty(),
        reads_now: reads.has(&Variable::Now),
        reads_id: reads.has(&Variable::Resource) || is_related,
        claims: claims(policies, (type_name, action), &reads),
        scopes: scopes(policies, (type_name, action)),
        of_subject: names(&reads, |it| match it {
            Variable::OfSubject(name) => Some(name),
            _ => None,
        }),
        of_resource: names(&reads, |it| match it {
            Variable::OfResource(name) => Some(name),
            _ => None,
        }),
    };
    let renamed = renamed(policies, type_name, &tenant_attributes);
    asks.of_resource.retain(|it| Some(it) != renamed.as_ref());
    let known = Known {
        kind: &|variable| kind_of(policies, type_name, &subjects, variable),
        resource: format!("{type_name}:{SOMETHING}"),
        subjects: &subjects.ids,
        now: asked.now,
    };
    let mut pools = reads.pools(&known);
    pools.bounds.extend(subjects.bounds.iter().cloned());
    let open = match extent {
        Extent::Whole => Vec::new(),
        Extent::Outline => asks.left_open(&groups, &tenant_attributes, &pools),
    };
    let mut maker = Maker {
        policies,
        type_name,
        classes,
        asks: &asks,
        pools: &mut pools,
        subjects: &subjects,
    };
    let askers = maker.askers();
    let mut things = maker.things(action);
    let times = maker.times(asked.now);
    for thing in &mut things {
        thing.called_both(&tenant_attributes, renamed.as_ref());
    }
    Axes {
        askers,
        things,
        times,
        bounds: pools.bounds,
        tenant_attributes,
        subjects,
        open,
    }
}

/// What of a request matters.
#[derive(Debug)]
struct Asks {
    reads_subject: bool,
    reads_now: bool,
    reads_id: bool,
    /// Each claim with the values that actions ask for.
    claims: Vec<(String, Vec<Json>)>,
    scopes: Vec<Option<Vec<String>>>,
    of_subject: Vec<String>,
    of_resource: Vec<String>,
}

impl Asks {
    /// Leaves open what nothing but conditions reads, with the values that it may have.
    fn left_open(
        &mut self,
        groups: &[Vec<Variable>],
        tenant_attributes: &[String],
        pools: &Pools,
    ) -> Vec<Group> {
        let is_open = |variable: &Variable| match variable {
            Variable::Subject | Variable::Resource | Variable::Tenant => false,
            Variable::OfResource(name) => !tenant_attributes.contains(name),
            Variable::Claim(name) => self
                .claims
                .iter()
                .all(|(claim, asked)| claim != name || asked.is_empty()),
            Variable::OfSubject(_) | Variable::Now => true,
        };
        let open = groups.iter().map(|group| {
            let of_group = group.iter().filter(|it| is_open(it));
            let values = of_group.map(|it| (it.clone(), pools.of(it)));
            values.collect::<Group>()
        });
        let open = open.filter(|it| !it.is_empty()).collect();
        self.of_subject.clear();
        self.of_resource.retain(|it| tenant_attributes.contains(it));
        self.claims.retain(|(_, asked)| !asked.is_empty());
        self.reads_now = false;
        open
    }
}

struct Maker<'a> {
    policies: [&'a Policy; 2],
    type_name: &'a str,
    classes: &'a Classes,
    asks: &'a Asks,
    pools: &'a mut Pools,
    subjects: &'a Subjects,
}

impl Maker<'_> {
    fn askers(&mut self) -> Vec<Asker> {
        let mut all = vec![Asker {
            class: None,
            facts: SubjectFacts::default(),
        }];
        let references = self.references();
        let tenants = match self.pools.values.contains_key(&Variable::Tenant) {
            true => self.tenants(),
            false => vec![None],
        };
        for (index, class) in self.classes.all.iter().enumerate() {
            for tenant in &tenants {
                for reference in &references {
                    let facts = SubjectFacts {
                        reference: reference.clone(),
                        signed_in: true,
                        tenant: tenant.clone(),
                        roles: class.roles.clone(),
                        ..SubjectFacts::default()
                    };
                    self.with_details(index, &facts, &mut all);
                }
            }
        }
        thinned(all, "subjects", &mut self.pools.bounds)
    }

    /// The subject's own tenant is the first one: the others follow from whose the resource is.
    fn tenants(&self) -> Vec<Option<String>> {
        let values = self.pools.of(&Variable::Tenant).into_iter();
        values.map(|it| Some(it?.as_str()?.to_owned())).collect()
    }

    /// Adds everybody with these facts, whatever else is known of them.
    fn with_details(&self, class: usize, facts: &SubjectFacts, all: &mut Vec<Asker>) {
        let type_name = facts.reference.as_deref().and_then(|it| it.split_once(':'));
        let has = |name: &&String| {
            let mut policies = self.policies.into_iter();
            policies
                .any(|it| type_name.is_some_and(|(of, _)| it.attribute_kind(of, name).is_some()))
        };
        let of_subject = self.asks.of_subject.iter().filter(has);
        let of_subject = of_subject.map(|name| {
            let variable = Variable::OfSubject(name.clone());
            (name.clone(), self.pools.of(&variable))
        });
        let claims = self.asks.claims.iter().map(|(name, asked)| {
            let mut values: Vec<Option<Json>> = asked.iter().cloned().map(Some).collect();
            values.extend(self.pools.of(&Variable::Claim(name.clone())));
            if asked.is_empty() {
                values.rotate_right(1);
            }
            (name.clone(), values)
        });
        let attributes = combinations(&of_subject.collect::<Vec<_>>());
        let claims = combinations(&claims.collect::<Vec<_>>());
        for scopes in &self.asks.scopes {
            for claims in &claims {
                for attributes in &attributes {
                    if all.len() >= POINTS_MAX.saturating_mul(8) {
                        return;
                    }
                    let mut facts = facts.clone();
                    let scopes = scopes
                        .as_ref()
                        .map(|it| it.iter().map(|it| it.as_str().into()));
                    facts.credential.scopes = scopes.map(Iterator::collect);
                    facts.credential.claims = claims.clone();
                    facts.attributes = attributes.clone();
                    let class = Some(class);
                    all.push(Asker { class, facts });
                }
            }
        }
    }

    /// Who asks: one of each type, those whom flags tell apart, and somebody unknown.
    fn references(&self) -> Vec<Option<String>> {
        let of_type = |name| {
            let ids = self.subjects.of_type(name).iter();
            ids.map(move |id| Some(format!("{name}:{id}")))
        };
        let mut all: Vec<Option<String>> = self.subjects.types().flat_map(of_type).collect();
        if self.asks.reads_subject || all.is_empty() {
            all.push(None);
        }
        all
    }

    fn things(&mut self, action: &str) -> Vec<Thing> {
        let kinds = self
            .policies
            .map(|it| it.action_kind(self.type_name, action));
        let is_instance = kinds.contains(&Some(ActionKind::Instance));
        let named: Vec<Option<String>> = match (is_instance, self.asks.reads_id) {
            (false, _) => vec![None],
            (true, false) => vec![Some(SOMETHING.to_owned())],
            (true, true) => {
                let askers = self.subjects.of_type(self.type_name).iter().cloned();
                let named = [SOMETHING.to_owned()].into_iter().chain(askers);
                named.map(Some).chain([None]).collect()
            }
        };
        let of = self.asks.of_resource.iter();
        let axes: Vec<_> = of
            .map(|name| {
                let variable = Variable::OfResource(name.clone());
                (name.clone(), self.pools.of(&variable))
            })
            .collect();
        let mut all = Vec::new();
        for attributes in combinations(&axes) {
            all.extend(named.iter().map(|id| Thing {
                id: id.clone(),
                attributes: attributes.clone(),
            }));
        }
        thinned(all, "resources", &mut self.pools.bounds)
    }

    fn times(&self, now: Timestamp) -> Vec<Timestamp> {
        if !self.asks.reads_now {
            return vec![now];
        }
        let values = self.pools.values.get(&Variable::Now).into_iter().flatten();
        values.filter_map(|it| it.as_str()?.parse().ok()).collect()
    }
}

/// Every way to choose one value for each name; none leaves the name out. At most some more than
/// [`POINTS_MAX`].
fn combinations(axes: &[(String, Vec<Option<Json>>)]) -> Vec<Map<String, Json>> {
    let mut all = vec![Map::new()];
    for (name, values) in axes {
        let with = |known: &Map<String, Json>, value: &Option<Json>| {
            let mut known = known.clone();
            if let Some(value) = value {
                known.insert(name.clone(), value.clone());
            }
            known
        };
        let next = all
            .iter()
            .flat_map(|known| values.iter().map(move |it| with(known, it)));
        all = next.take(POINTS_MAX.saturating_mul(8)).collect();
    }
    all
}

/// Every so many-th, where there are too many.
fn thinned<T>(all: Vec<T>, what: &str, bounds: &mut Vec<String>) -> Vec<T> {
    if all.len() <= POINTS_MAX {
        return all;
    }
    bounds.push(format!(
        "of the {what} that conditions tell apart, {POINTS_MAX} were tried"
    ));
    let step = all.len().div_ceil(POINTS_MAX);
    all.into_iter().step_by(step).collect()
}

fn names(reads: &Reads, of: fn(&Variable) -> Option<&String>) -> Vec<String> {
    let found: BTreeSet<&String> = reads.variables().filter_map(of).collect();
    found.into_iter().cloned().collect()
}

/// The attributes by which the policies tell tenants apart, where any of them does: the new
/// policy's first.
fn tenant_attributes(policies: [&Policy; 2], type_name: &str) -> Vec<String> {
    let with_tenants = policies.into_iter().rev().filter(|it| it.has_tenants());
    let found = with_tenants.filter_map(|it| it.tenant_attribute(type_name));
    let mut found: Vec<String> = found.map(str::to_owned).collect();
    found.dedup();
    found
}

/// The old policy's attribute of the tenant if the new one knows it under another name only: what
/// was said under the one is said under the other.
fn renamed(policies: [&Policy; 2], type_name: &str, attributes: &[String]) -> Option<String> {
    let [in_new, in_old] = attributes else {
        return None;
    };
    let [old, new] = policies;
    let is_gone = new.attribute_kind(type_name, in_old).is_none();
    let is_added = old.attribute_kind(type_name, in_new).is_none();
    (is_gone && is_added).then(|| in_old.clone())
}

fn tenants_of_flags(policy: &Policy, flags: &[String]) -> Vec<String> {
    let named = flags.iter().filter_map(|it| policy.flag_names_whom(it));
    let tenants = named.flat_map(|(_, tenants, _)| tenants);
    tenants.map(str::to_owned).collect()
}

/// What attributes that are read come to where they are not given.
fn defaults(
    policies: [&Policy; 2],
    type_name: &str,
    subjects: &Subjects,
    reads: &Reads,
) -> Vec<(Variable, Value)> {
    let mut found = Vec::new();
    for policy in policies {
        for variable in reads.variables() {
            let of = |name, types: &[&str]| {
                let values = types
                    .iter()
                    .filter_map(|it| policy.attribute_default(it, name));
                values.cloned().collect::<Vec<_>>()
            };
            let values = match variable {
                Variable::OfResource(name) => of(name, &[type_name]),
                Variable::OfSubject(name) => of(name, &subjects.types().collect::<Vec<_>>()),
                _ => Vec::new(),
            };
            found.extend(values.into_iter().map(|value| (variable.clone(), value)));
        }
    }
    found
}

fn kind_of(
    policies: [&Policy; 2],
    type_name: &str,
    subjects: &Subjects,
    variable: &Variable,
) -> Option<AttributeKind> {
    match variable {
        Variable::Tenant => Some(AttributeKind::Tenant),
        Variable::Now => Some(AttributeKind::Timestamp),
        Variable::Claim(_) | Variable::Subject | Variable::Resource => None,
        Variable::OfResource(name) => {
            let mut found = policies.iter().rev();
            found.find_map(|policy| policy.attribute_kind(type_name, name))
        }
        Variable::OfSubject(name) => {
            let of = |policy: &&Policy| {
                let mut types = subjects.types();
                types.find_map(|it| policy.attribute_kind(it, name))
            };
            policies.iter().rev().find_map(of)
        }
    }
}

/// The claims that matter, each with the values that are asked for.
fn claims(
    policies: [&Policy; 2],
    (type_name, action): (&str, &str),
    reads: &Reads,
) -> Vec<(String, Vec<Json>)> {
    let mut found: Vec<(String, Vec<Json>)> = Vec::new();
    let read = names(reads, |it| match it {
        Variable::Claim(name) => Some(name),
        _ => None,
    });
    found.extend(read.into_iter().map(|name| (name, Vec::new())));
    for policy in policies {
        for (name, value) in policy.claims_asked_by(type_name, action) {
            match found.iter_mut().find(|(known, _)| known == name) {
                Some((_, values)) if values.contains(value) => {}
                Some((_, values)) => values.push(value.clone()),
                None => found.push((name.to_owned(), vec![value.clone()])),
            }
        }
    }
    found
}

/// Credentials by what their scopes cover: without a limit, with none, and with sets of them.
fn scopes(policies: [&Policy; 2], (type_name, action): (&str, &str)) -> Vec<Option<Vec<String>>> {
    let mut all: Vec<Option<Vec<String>>> = vec![None];
    let mut seen: BTreeSet<[bool; 2]> = BTreeSet::new();
    let names: BTreeSet<&str> = policies.into_iter().flat_map(Policy::scope_names).collect();
    if names.is_empty() {
        return all;
    }
    let covers = |name: &str| policies.map(|it| it.scope_covers(name, type_name, action));
    let mut singles: Vec<Vec<&str>> = names.iter().map(|it| vec![*it]).collect();
    singles.push(Vec::new());
    for scopes in singles {
        let mut covered = [false; 2];
        for scope in &scopes {
            let [old, new] = covers(scope);
            covered = [covered[0] || old, covered[1] || new];
        }
        if seen.insert(covered) {
            all.push(Some(scopes.into_iter().map(str::to_owned).collect()));
        }
    }
    all
}
