//! The requests of the small world: everybody who may ask, everything that may be asked about, and
//! the times at which.

use std::collections::BTreeSet;

use authz::condition::{Value, Variable};
use authz::{ActionKind, AttributeKind, Policy, SubjectFacts};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::cases::Group;
use super::roles::Classes;
use crate::pools::{Pools, Reads, SOMEONE};

/// The most subjects, and the most resources, that are made up for an action.
const POINTS_MAX: usize = 4_000;

/// How many ids are tried to find one on each side of a flag's share of users.
const ROLLOUT_TRIES: usize = 2_000;

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

/// All of them.
#[derive(Debug)]
pub(super) struct Axes {
    pub(super) askers: Vec<Asker>,
    pub(super) things: Vec<Thing>,
    pub(super) times: Vec<Timestamp>,
    pub(super) bounds: Vec<String>,
    /// The attribute that says whose the resource is, where that matters.
    pub(super) tenant_attribute: Option<String>,
    /// The types of whom may ask.
    pub(super) subject_types: Vec<String>,
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
pub(super) fn axes(
    policies: [&Policy; 2],
    (type_name, action): (&str, &str),
    classes: &Classes,
    now: Timestamp,
    extent: Extent,
) -> Axes {
    let mut reads = Reads::of(policies, (type_name, action));
    let flags: Vec<String> = reads.flags.iter().cloned().collect();
    let tenant_attribute = tenant_attribute(policies, type_name);
    if let Some(attribute) = &tenant_attribute {
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
    let subject_types = subject_types(policies, type_name, action, &reads);
    for (variable, value) in defaults(policies, type_name, &subject_types, &reads) {
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
    let kind = |variable: &Variable| kind_of(policies, type_name, &subject_types, variable);
    let mut pools = reads.pools(&kind, &subject_types, now);
    let open = match extent {
        Extent::Whole => Vec::new(),
        Extent::Outline => asks.left_open(&groups, tenant_attribute.as_deref(), &pools),
    };
    let mut maker = Maker {
        policies,
        type_name,
        classes,
        asks: &asks,
        pools: &mut pools,
        flags: &flags,
    };
    let askers = maker.askers(&subject_types);
    let things = maker.things(action, &subject_types);
    let times = maker.times(now);
    Axes {
        askers,
        things,
        times,
        bounds: pools.bounds,
        tenant_attribute,
        subject_types,
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
        tenant_attribute: Option<&str>,
        pools: &Pools,
    ) -> Vec<Group> {
        let is_open = |variable: &Variable| match variable {
            Variable::Subject | Variable::Resource | Variable::Tenant => false,
            Variable::OfResource(name) => Some(&**name) != tenant_attribute,
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
        self.of_resource
            .retain(|it| Some(&**it) == tenant_attribute);
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
    flags: &'a [String],
}

impl Maker<'_> {
    fn askers(&mut self, subject_types: &[String]) -> Vec<Asker> {
        let mut all = vec![Asker {
            class: None,
            facts: SubjectFacts::default(),
        }];
        let references = self.references(subject_types);
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
        let of_subject = self
            .asks
            .of_subject
            .iter()
            .filter(|_| facts.reference.is_some());
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
    fn references(&mut self, subject_types: &[String]) -> Vec<Option<String>> {
        let mut all: Vec<Option<String>> = Vec::new();
        for type_name in subject_types {
            all.push(Some(format!("{type_name}:{SOMEONE}")));
            all.extend(self.told_apart_by_flags(type_name).into_iter().map(Some));
        }
        if self.asks.reads_subject || all.is_empty() {
            all.push(None);
        }
        all
    }

    /// One subject for every combination of flags that are on for it as this user.
    fn told_apart_by_flags(&mut self, type_name: &str) -> Vec<String> {
        if self.flags.is_empty() {
            return Vec::new();
        }
        let named = self.policies.into_iter().flat_map(|policy| {
            let named = self
                .flags
                .iter()
                .filter_map(|it| policy.flag_names_whom(it));
            named
                .flat_map(|(users, _, _)| users)
                .map(ToString::to_string)
        });
        let mut candidates = vec![format!("{type_name}:{SOMEONE}")];
        let prefix = format!("{type_name}:");
        candidates.extend(named.filter(|it| it.starts_with(&prefix)));
        let shares: BTreeSet<u8> = self.shares().into_iter().flatten().collect();
        if shares.iter().any(|share| (1..100).contains(share)) {
            candidates.extend((1..ROLLOUT_TRIES).map(|it| format!("{prefix}{it}")));
        }
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for candidate in candidates {
            if seen.insert(self.flags_of(&candidate)) {
                found.push(candidate);
            }
        }
        self.bound_flags(found.len());
        found.retain(|it| *it != format!("{prefix}{SOMEONE}"));
        found
    }

    /// For each flag, its shares of users in both policies.
    fn shares(&self) -> Vec<Vec<u8>> {
        let of = |flag: &String| {
            let of = |policy: &Policy| policy.flag_names_whom(flag).map(|it| it.2);
            self.policies.into_iter().filter_map(of).collect()
        };
        self.flags.iter().map(of).collect()
    }

    /// Whether each flag is on for a user in each policy.
    fn flags_of(&self, user: &str) -> Vec<Option<bool>> {
        let facts = SubjectFacts {
            reference: Some(user.to_owned()),
            signed_in: true,
            ..SubjectFacts::default()
        };
        let of = |policy: &Policy| {
            let subject = super::request::subject(policy, facts.clone());
            let flags = self.flags.iter();
            let on = flags.map(move |it| policy.flag_is_on(it, subject.as_ref()?));
            on.collect::<Vec<_>>()
        };
        self.policies.into_iter().flat_map(of).collect()
    }

    /// Every flag parts the users by its shares; all parts should have been met.
    fn bound_flags(&mut self, found: usize) {
        let parts = self.shares().into_iter().map(|mut shares| {
            shares.retain(|share| (1..100).contains(share));
            shares.sort_unstable();
            shares.dedup();
            shares.len() + 1
        });
        let parts = parts.fold(1_usize, usize::saturating_mul);
        if found < parts {
            let bound = "not every share of users whom flags name was met";
            self.pools.bounds.push(bound.to_owned());
        }
    }

    fn things(&mut self, action: &str, subject_types: &[String]) -> Vec<Thing> {
        let kinds = self
            .policies
            .map(|it| it.action_kind(self.type_name, action));
        let is_instance = kinds.contains(&Some(ActionKind::Instance));
        let named: Vec<Option<String>> = match (is_instance, self.asks.reads_id) {
            (false, _) => vec![None],
            (true, false) => vec![Some("1".to_owned())],
            (true, true) => {
                let is_subject = subject_types.iter().any(|it| it == self.type_name);
                let someone = is_subject.then(|| SOMEONE.to_owned());
                [Some("1".to_owned())]
                    .into_iter()
                    .chain(someone.map(Some))
                    .chain([None])
                    .collect()
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

/// The attribute by which tenants are told apart, where any of the two policies does.
fn tenant_attribute(policies: [&Policy; 2], type_name: &str) -> Option<String> {
    let with_tenants = policies.into_iter().filter(|it| it.has_tenants());
    let mut found = with_tenants.filter_map(|it| it.tenant_attribute(type_name));
    found.next().map(str::to_owned)
}

fn tenants_of_flags(policy: &Policy, flags: &[String]) -> Vec<String> {
    let named = flags.iter().filter_map(|it| policy.flag_names_whom(it));
    let tenants = named.flat_map(|(_, tenants, _)| tenants);
    tenants.map(str::to_owned).collect()
}

/// The types of those who may ask: those with what is read of a subject, those that a resource's
/// attribute may name, those that relations know; else `user`.
fn subject_types(
    policies: [&Policy; 2],
    type_name: &str,
    action: &str,
    reads: &Reads,
) -> Vec<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for policy in policies {
        for variable in reads.variables() {
            match variable {
                Variable::OfSubject(name) => {
                    let all = policy.type_names();
                    let with = all.filter(|it| policy.attribute_kind(it, name).is_some());
                    found.extend(with.map(str::to_owned));
                }
                Variable::OfResource(name) if reads.has(&Variable::Subject) => {
                    if let Some(AttributeKind::Reference(to)) =
                        policy.attribute_kind(type_name, name)
                    {
                        found.insert(to);
                    }
                }
                _ => {}
            }
        }
        if let Some((model, relation)) = policy
            .relation_model()
            .zip(policy.related(type_name, action))
        {
            let writable = model.writable_for(type_name, relation).into_iter();
            let plain = writable.filter(|it| it.subject_relation.is_none());
            let users = plain.map(|it| it.subject_type);
            let ends = users.filter(|it| model.relation_names(it).next().is_none());
            found.extend(ends.filter(|it| policy.has_type(it)));
        }
    }
    if found.is_empty() && policies.iter().any(|it| it.has_type("user")) {
        found.insert("user".to_owned());
    }
    found.into_iter().collect()
}

/// What attributes that are read come to where they are not given.
fn defaults(
    policies: [&Policy; 2],
    type_name: &str,
    subject_types: &[String],
    reads: &Reads,
) -> Vec<(Variable, Value)> {
    let mut found = Vec::new();
    for policy in policies {
        for variable in reads.variables() {
            let value = match variable {
                Variable::OfResource(name) => policy.attribute_default(type_name, name),
                Variable::OfSubject(name) => {
                    let mut types = subject_types.iter();
                    types.find_map(|it| policy.attribute_default(it, name))
                }
                _ => None,
            };
            found.extend(value.map(|value| (variable.clone(), value.clone())));
        }
    }
    found
}

fn kind_of(
    policies: [&Policy; 2],
    type_name: &str,
    subject_types: &[String],
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
                let mut types = subject_types.iter();
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
