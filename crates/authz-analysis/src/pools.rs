//! The values that are tried for what conditions read: enough to tell all their questions apart.
//!
//! Variables that are compared with one another share a pool. Where only equality is asked, that is
//! every constant and as many other values as may have to differ; where order is asked, as many
//! between any two constants, too. For these questions no other value could change an answer.

use std::collections::{BTreeMap, BTreeSet};

use authz::condition::{Atom, Value, Variable, atoms, clock_in_zone};
use authz::{AttributeKind, Policy};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

/// The most values beside constants that a pool has for each place between them.
const FRESH_MAX: usize = 3;

/// The id of the subject who asks in examples.
pub(super) const SOMEONE: &str = "someone";

/// What is known of everything that conditions read.
#[derive(Debug, Default)]
pub(super) struct Pools {
    /// The values of each variable, without those for "not known".
    pub(super) values: BTreeMap<Variable, Vec<Json>>,
    /// Why the values are not enough.
    pub(super) bounds: Vec<String>,
}

impl Pools {
    /// The values of a variable; the last is none, for "not known".
    pub(super) fn of(&self, variable: &Variable) -> Vec<Option<Json>> {
        let values = self.values.get(variable).into_iter().flatten();
        values.cloned().map(Some).chain([None]).collect()
    }
}

/// What the rules of both policies on one action read.
#[derive(Debug, Default)]
pub(super) struct Reads {
    groups: Vec<Group>,
    /// The flags that are asked for.
    pub(super) flags: BTreeSet<String>,
    bounds: Vec<String>,
}

/// Variables that are compared with one another.
#[derive(Debug, Default)]
struct Group {
    variables: BTreeSet<Variable>,
    /// Which is compared with which.
    pairs: Vec<[Variable; 2]>,
    constants: Vec<Value>,
    ordered: bool,
    daily: BTreeSet<[String; 3]>,
}

impl Reads {
    /// What the conditions of rules read.
    pub(super) fn of(policies: [&Policy; 2], (type_name, action): (&str, &str)) -> Self {
        let mut reads = Self::default();
        let mut seen = BTreeSet::new();
        for policy in policies {
            for rule in policy.rules_on(type_name, action) {
                let Some(when) = rule.when.filter(|when| seen.insert(*when)) else {
                    continue;
                };
                for atom in atoms(when) {
                    reads.add(atom, rule.name);
                }
            }
        }
        reads
    }

    fn add(&mut self, atom: Atom, rule: &str) {
        match atom {
            Atom::Against {
                variable,
                ordered,
                constants,
            } => {
                let group = self.group([variable]);
                group.ordered |= ordered;
                group.constants.extend(constants);
            }
            Atom::Between { variables, ordered } => self.link(variables).ordered |= ordered,
            Atom::Alone(variable) => drop(self.group([variable])),
            Atom::Daily {
                variable,
                from,
                to,
                zone,
            } => drop(self.group([variable]).daily.insert([from, to, zone])),
            Atom::Flag(name) => drop(self.flags.insert(name)),
            Atom::Beyond {
                variables,
                constants,
            } => {
                self.bounds.push(format!(
                    "the condition of rule `{rule}` asks more than values can be enumerated for"
                ));
                for variable in variables {
                    self.group([variable]).constants.extend(constants.clone());
                }
            }
        }
    }

    /// The group of two variables that are compared.
    fn link(&mut self, pair: [Variable; 2]) -> &mut Group {
        let group = self.group(pair.clone());
        group.pairs.push(pair);
        group
    }

    /// Compares the tenant of who asks with an attribute of the resource.
    pub(super) fn compare_tenants(&mut self, attribute: &str) {
        self.link([Variable::Tenant, Variable::OfResource(attribute.to_owned())]);
    }

    fn group<const N: usize>(&mut self, variables: [Variable; N]) -> &mut Group {
        let mut merged = Group::default();
        let meets = |group: &Group| variables.iter().any(|it| group.variables.contains(it));
        for group in std::mem::take(&mut self.groups) {
            if !meets(&group) {
                self.groups.push(group);
                continue;
            }
            merged.variables.extend(group.variables);
            merged.pairs.extend(group.pairs);
            merged.constants.extend(group.constants);
            merged.ordered |= group.ordered;
            merged.daily.extend(group.daily);
        }
        merged.variables.extend(variables);
        self.groups.push(merged);
        let last = self.groups.len().saturating_sub(1);
        #[expect(clippy::indexing_slicing, reason = "it was pushed just now")]
        &mut self.groups[last]
    }

    /// Whether the variable is compared with others.
    pub(super) fn is_compared(&self, variable: &Variable) -> bool {
        let mut groups = self.groups.iter();
        groups.any(|it| it.variables.len() > 1 && it.variables.contains(variable))
    }

    /// Whether a condition asks more than its values can be enumerated for.
    pub(super) fn is_bounded(&self) -> bool {
        !self.bounds.is_empty()
    }

    /// The constants that a variable is compared with, itself or by way of others.
    pub(super) fn constants(&self, variable: &Variable) -> impl Iterator<Item = &Value> {
        let mut groups = self.groups.iter();
        let group = groups.find(|it| it.variables.contains(variable));
        group.into_iter().flat_map(|it| &it.constants)
    }

    /// Adds a constant to what a variable is compared with.
    pub(super) fn constant(&mut self, variable: Variable, value: Value) {
        self.group([variable]).constants.push(value);
    }

    /// Whether anything reads the variable.
    pub(super) fn has(&self, variable: &Variable) -> bool {
        self.groups.iter().any(|it| it.variables.contains(variable))
    }

    /// Whether anything reads the subject itself or an attribute of it.
    pub(super) fn has_subject(&self) -> bool {
        let mut all = self.groups.iter().flat_map(|it| &it.variables);
        all.any(|it| matches!(it, Variable::Subject | Variable::OfSubject(_)))
    }

    /// The variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.groups.iter().flat_map(|it| &it.variables)
    }

    /// The variables that are compared with one another, group by group.
    pub(super) fn groups(&self) -> Vec<Vec<Variable>> {
        let groups = self.groups.iter();
        groups
            .map(|it| it.variables.iter().cloned().collect())
            .collect()
    }

    /// The values to try. `kind` says what a variable's values are, if that is declared.
    pub(super) fn pools(
        self,
        kind: &dyn Fn(&Variable) -> Option<AttributeKind>,
        subject_types: &[String],
        now: Timestamp,
    ) -> Pools {
        let mut pools = Pools {
            bounds: self.bounds,
            ..Pools::default()
        };
        for group in self.groups {
            group.fill(kind, subject_types, now, &mut pools);
        }
        pools.bounds.dedup();
        pools
    }
}

/// Whether there are but a few of it, whatever it is compared with: who asks, about what, and for
/// which tenant.
fn is_given(variable: &Variable) -> bool {
    matches!(
        variable,
        Variable::Subject | Variable::Resource | Variable::Tenant
    )
}

impl Group {
    /// Its variables without those that are given: what is compared with those alone falls apart.
    fn apart(&self) -> Vec<Vec<Variable>> {
        let others = self.variables.iter().filter(|it| !is_given(it));
        let mut parts: Vec<Vec<Variable>> = others.map(|it| vec![it.clone()]).collect();
        for pair in self.pairs.iter().filter(|it| !it.iter().any(is_given)) {
            let meets = |part: &Vec<Variable>| pair.iter().any(|it| part.contains(it));
            let (met, mut rest): (Vec<_>, Vec<_>) = parts.into_iter().partition(meets);
            rest.push(met.concat());
            parts = rest;
        }
        parts
    }

    /// How many of its variables may have to differ from one another and from what is given.
    fn distinct(&self) -> usize {
        let given = self.variables.iter().filter(|it| is_given(it)).count();
        let apart = self.apart().iter().map(Vec::len).max();
        given + apart.unwrap_or_default()
    }

    fn fill(
        self,
        kind: &dyn Fn(&Variable) -> Option<AttributeKind>,
        subject_types: &[String],
        now: Timestamp,
        pools: &mut Pools,
    ) {
        let count = self.distinct().min(FRESH_MAX);
        if self.distinct() > FRESH_MAX {
            let bound = format!("more than {FRESH_MAX} values are compared with one another");
            pools.bounds.push(bound);
        }
        let mut kinds: Vec<AttributeKind> = self.variables.iter().filter_map(kind).collect();
        kinds.retain(|it| !matches!(it, AttributeKind::Reference(_) | AttributeKind::Tenant));
        kinds.dedup();
        if kinds.len() > 1 {
            let bound = "values of several types are compared with one another";
            pools.bounds.push(bound.to_owned());
        }
        let declared = self.variables.iter().find_map(kind);
        let shared = match declared.or_else(|| self.kind_of_constants()) {
            Some(AttributeKind::Bool) => vec![json!(true), json!(false)],
            Some(AttributeKind::Int) => self.whole_numbers(count),
            Some(AttributeKind::Double) => self.numbers(count),
            Some(AttributeKind::Timestamp) => self.instants(count, now, pools),
            Some(AttributeKind::Reference(_)) => Vec::new(),
            Some(AttributeKind::Tenant) => self.texts(count, true, pools),
            Some(AttributeKind::String) | None => {
                let is_tenant = self.variables.contains(&Variable::Tenant);
                self.texts(count, is_tenant, pools)
            }
        };
        let shared = self.with_untyped(shared, kind, pools);
        for variable in &self.variables {
            let values = match kind(variable) {
                Some(AttributeKind::Reference(type_name)) => {
                    references(&type_name, count, subject_types)
                }
                _ if *variable == Variable::Subject => Vec::new(),
                _ => shared.clone(),
            };
            pools.values.insert(variable.clone(), values);
        }
    }

    /// Claims may be of any type: they are true and false, too, and what constants of other types
    /// say.
    fn with_untyped(
        &self,
        mut values: Vec<Json>,
        kind: &dyn Fn(&Variable) -> Option<AttributeKind>,
        pools: &mut Pools,
    ) -> Vec<Json> {
        let has_claims = self
            .variables
            .iter()
            .any(|it| matches!(it, Variable::Claim(_)));
        if !has_claims || self.variables.iter().any(|it| kind(it).is_some()) {
            return values;
        }
        let constants = self.constants.iter().filter_map(|value| match value {
            Value::Int(value) => Some(json!(value)),
            Value::Double(value) => Some(json!(value)),
            Value::String(text) => Some(json!(**text)),
            _ => None,
        });
        for value in constants.chain([json!(true), json!(false)]) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let kinds = self
            .constants
            .iter()
            .map(Value::kind)
            .collect::<BTreeSet<_>>();
        if kinds.len() > 1 {
            let bound = "a claim is compared with constants of several types";
            pools.bounds.push(bound.to_owned());
        }
        values
    }

    fn kind_of_constants(&self) -> Option<AttributeKind> {
        if !self.daily.is_empty() {
            return Some(AttributeKind::Timestamp);
        }
        self.constants.iter().find_map(|value| match value {
            Value::Bool(_) => Some(AttributeKind::Bool),
            Value::Int(_) | Value::Uint(_) => Some(AttributeKind::Int),
            Value::Double(_) => Some(AttributeKind::Double),
            Value::String(_) => Some(AttributeKind::String),
            Value::Timestamp(_) => Some(AttributeKind::Timestamp),
            _ => None,
        })
    }

    fn texts(&self, count: usize, is_tenant: bool, pools: &mut Pools) -> Vec<Json> {
        let constants = self.constants.iter().filter_map(Value::as_str);
        let mut all: BTreeSet<&str> = constants
            .filter(|it| !is_tenant || !it.is_empty())
            .collect();
        let names = match is_tenant {
            true => ["acme", "globex", "initech", "umbrella", "hooli"],
            false => ["one", "two", "three", "four", "five"],
        };
        let fresh: Vec<&str> = names.into_iter().filter(|it| !all.contains(it)).collect();
        let fresh = fresh.into_iter().take(count);
        let mut values: Vec<String> = match is_tenant {
            true => fresh.clone().map(str::to_owned).collect(),
            false => Vec::new(),
        };
        if self.ordered {
            pools
                .bounds
                .push("texts are compared by their order".to_owned());
            all.insert("");
        }
        values.extend(all.iter().map(|it| (*it).to_owned()));
        if self.ordered {
            values.extend(all.iter().map(|it| format!("{it}~")));
        }
        if !is_tenant {
            values.extend(fresh.map(str::to_owned));
        }
        values.into_iter().map(Json::from).collect()
    }

    fn whole_numbers(&self, count: usize) -> Vec<Json> {
        let points = self.constants.iter().filter_map(whole).collect();
        let count = i64::try_from(count).unwrap_or(1);
        let mut values = BTreeSet::new();
        for point in within_gaps(points, 0) {
            for by in 0..=count {
                values.extend([point.saturating_sub(by), point.saturating_add(by)]);
            }
        }
        values.into_iter().map(Json::from).collect()
    }

    fn numbers(&self, count: usize) -> Vec<Json> {
        let mut points: Vec<f64> = self.constants.iter().filter_map(number).collect();
        points.sort_by(f64::total_cmp);
        points.dedup();
        if points.is_empty() {
            points.push(0.0);
        }
        let mut values = points.clone();
        let edges = [
            points.first().map(|it| it - 8.0),
            points.last().map(|it| it + 8.0),
        ];
        points.extend(edges.into_iter().flatten());
        points.sort_by(f64::total_cmp);
        for pair in points.windows(2) {
            let [low, high] = pair else { continue };
            for part in 1..=count {
                let share = part as f64 / (count + 1) as f64;
                values.push(low + (high - low) * share);
            }
        }
        values.sort_by(f64::total_cmp);
        values.into_iter().map(|it| json!(it)).collect()
    }

    fn instants(&self, count: usize, now: Timestamp, pools: &mut Pools) -> Vec<Json> {
        let mut points: BTreeSet<Timestamp> = BTreeSet::new();
        points.extend(self.constants.iter().filter_map(|value| match value {
            Value::Timestamp(at) => Some(*at),
            _ => None,
        }));
        let zones: BTreeSet<&String> = self.daily.iter().map(|[_, _, zone]| zone).collect();
        if zones.len() > 1 || (!self.daily.is_empty() && !points.is_empty()) {
            let bound = "times of day are tried on one day only";
            pools.bounds.push(bound.to_owned());
        }
        for [from, to, zone] in &self.daily {
            for clock in [from, to] {
                points.extend(border(now, clock, zone));
            }
        }
        if points.is_empty() {
            points.insert(now);
        }
        spread(&points, count)
            .into_iter()
            .map(|it| json!(it.to_string()))
            .collect()
    }
}

/// The points, or `otherwise` if there are none.
fn within_gaps(points: BTreeSet<i64>, otherwise: i64) -> BTreeSet<i64> {
    match points.is_empty() {
        true => BTreeSet::from([otherwise]),
        false => points,
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Uint(value) => i64::try_from(*value).ok(),
        Value::Double(value) if value.abs() < 1e15 => Some(value.floor() as i64),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Uint(value) => Some(*value as f64),
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

/// The instant at which the clock in a zone shows this time on the day of `now`.
fn border(now: Timestamp, clock: &str, zone: &str) -> Option<Timestamp> {
    let (seconds, zone) = clock_in_zone(clock, zone)?;
    let midnight = now.to_zoned(zone).start_of_day().ok()?;
    let at = midnight
        .datetime()
        .checked_add(SignedDuration::from_secs(seconds.into()))
        .ok()?;
    Some(at.to_zoned(midnight.time_zone().clone()).ok()?.timestamp())
}

/// Each point, and `count` instants in each place between, before and behind them.
fn spread(points: &BTreeSet<Timestamp>, count: usize) -> Vec<Timestamp> {
    let hour = SignedDuration::from_hours(1);
    let mut all: BTreeSet<Timestamp> = points.clone();
    let step = |at: Timestamp, by: SignedDuration| at.checked_add(by).ok();
    let sorted: Vec<Timestamp> = points.iter().copied().collect();
    let (mut before, mut behind) = (sorted.first().copied(), sorted.last().copied());
    for _ in 0..count {
        before = before.and_then(|at| step(at, -hour));
        behind = behind.and_then(|at| step(at, hour));
        all.extend(before.into_iter().chain(behind));
    }
    let parts = i32::try_from(count + 1).unwrap_or(2);
    for pair in sorted.windows(2) {
        let [low, high] = pair else { continue };
        let gap = high.duration_since(*low).checked_div(parts);
        let mut at = Some(*low);
        for _ in 0..count {
            at = at.zip(gap).and_then(|(at, gap)| step(at, gap));
            all.extend(at);
        }
    }
    all.into_iter().collect()
}

/// References to objects of a type; to whoever asks first, if that is one.
fn references(type_name: &str, count: usize, subject_types: &[String]) -> Vec<Json> {
    let is_subject = subject_types.iter().any(|it| it == type_name);
    let someone = is_subject.then_some(SOMEONE).into_iter();
    let ids = someone.chain(["other", "third", "fourth"]);
    let ids = ids.take(count + usize::from(is_subject));
    ids.map(|id| json!(format!("{type_name}:{id}"))).collect()
}
