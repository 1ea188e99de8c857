//! What is wrong with the permissions of a database, from its catalogues alone. Pure: what is found
//! says itself how it could be tried, which [`crate::probe`] does.

mod exceptions;
mod functions;
mod grants;
mod policies;
mod reach;
mod recursion;
mod roles;
mod rule;
mod tables;
mod views;

use std::collections::{BTreeMap, BTreeSet};

pub use exceptions::{Exception, Remark, Stale, except};
pub use rule::{Level, Rule};

use crate::catalogue::{Catalogue, Column, Command, Grant, Id, Object, PUBLIC, Policy, Relation};
use reach::Reach;

/// The most roles that a sentence names.
const NAMES_MAX: usize = 5;

/// What a scan is about.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The schemas; none for all of users.
    pub schemas: BTreeSet<Id>,
    /// The roles as which applications begin; none for all that can log in.
    pub roles: BTreeSet<Id>,
    /// Whether grants that were never used are findings.
    pub unused: bool,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub rule: Rule,
    /// What kind of object it is wrong with: `table`, `policy`.
    pub kind: &'static str,
    /// With which object.
    pub object: String,
    /// What that means here.
    pub sentence: String,
    /// Statements that mend it, or part of it.
    pub fix: String,
    /// Whether it was tried.
    pub proof: Proof,
    /// The exception that is made of it.
    pub exception: Option<Exception>,
}

/// Whether a finding was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It was seen to be so.
    Confirmed(String),
    /// It was not tried, and why.
    NotProbed(String),
}

/// What would confirm a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// Nothing that changes nothing.
    None(&'static str),
    /// A question, asked as the first of these roles that can ask it.
    As(Vec<Id>, Question),
}

/// What is asked of the database as a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Is row security not active for it on the table?
    IsUnbound(Id),
    /// Does it see all the rows of the table?
    SeesAll(Id),
    /// Does it see rows through the view that it does not see in these tables?
    SeesThrough(Id, Vec<Id>),
    /// Does it hold all of these?
    Holds(Vec<(Object, String)>),
    /// Does the command on the table end in a recursion?
    Recurses(Id, Command),
    /// Does asking for rows of the table fail for want of a setting?
    WantsSetting(Id),
    /// Can it act as this role?
    ActsAs(Id),
}

impl Question {
    /// Whether to ask it asks for rows, or plans to: what policies, views and defaults call runs then.
    pub(crate) fn wants_rows(&self) -> bool {
        match self {
            Self::SeesAll(_)
            | Self::SeesThrough(..)
            | Self::Recurses(..)
            | Self::WantsSetting(_) => true,
            Self::IsUnbound(_) | Self::Holds(_) | Self::ActsAs(_) => false,
        }
    }
}

/// Something that seems wrong, and how to try it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What is told if nothing speaks against it.
    pub finding: Finding,
    /// What would confirm it.
    pub probe: Probe,
}

/// What a scan found in a catalogue.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// What seems wrong, in the order of rules and names.
    pub candidates: Vec<Candidate>,
    /// Tables with policies, each with roles as which to ask for their rows: what their policies call
    /// may fail in ways that no catalogue shows.
    pub to_ask: Vec<(Id, Id)>,
    /// Remarks with exceptions.
    pub remarks: Vec<Remark>,
    /// What could not be judged: nothing here is green.
    pub doubts: Vec<String>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// How many tables, views and functions were looked at.
    pub looked_at: usize,
}

/// Finds what is wrong.
pub fn scan(catalogue: &Catalogue, scope: &Scope) -> Found {
    let scan = Scan {
        catalogue,
        scope,
        reach: Reach::new(catalogue, &scope.roles),
        grants: by_relation(catalogue),
        reading: reading(catalogue),
    };
    let mut candidates = Vec::new();
    candidates.extend(tables::find(&scan));
    candidates.extend(views::find(&scan));
    candidates.extend(roles::find(&scan));
    candidates.extend(policies::find(&scan));
    candidates.extend(recursion::find(&scan));
    candidates.extend(functions::find(&scan));
    candidates.extend(grants::find(&scan));
    candidates.sort_by(|a, b| {
        let key = |it: &Candidate| (it.finding.rule, it.finding.object.clone());
        key(a)
            .cmp(&key(b))
            .then_with(|| a.finding.sentence.cmp(&b.finding.sentence))
    });
    Found {
        candidates,
        to_ask: policies::to_ask(&scan),
        remarks: exceptions::remarks(&scan),
        doubts: scan.doubts(),
        notes: scan.notes(),
        looked_at: scan.looked_at(),
    }
}

/// A catalogue, what of it is looked at, and who can act as whom.
struct Scan<'a> {
    catalogue: &'a Catalogue,
    scope: &'a Scope,
    reach: Reach<'a>,
    /// What was granted on each relation and its columns.
    grants: BTreeMap<Id, Vec<&'a Grant>>,
    /// The policies of each table that let rows be seen.
    reading: BTreeMap<Id, Vec<&'a Policy>>,
}

fn reading(catalogue: &Catalogue) -> BTreeMap<Id, Vec<&Policy>> {
    let mut reading: BTreeMap<Id, Vec<&Policy>> = BTreeMap::new();
    let policies = catalogue.policies.iter();
    for policy in policies.filter(|it| it.command <= Command::Select) {
        reading.entry(policy.relation).or_default().push(policy);
    }
    reading
}

fn by_relation(catalogue: &Catalogue) -> BTreeMap<Id, Vec<&Grant>> {
    let mut grants: BTreeMap<Id, Vec<&Grant>> = BTreeMap::new();
    for grant in &catalogue.grants {
        if let Object::Relation(id) | Object::Column(id, _) = grant.object {
            grants.entry(id).or_default().push(grant);
        }
    }
    grants
}

impl<'a> Scan<'a> {
    fn has_schema(&self, schema: Id) -> bool {
        self.catalogue.schemas.contains_key(&schema)
            && (self.scope.schemas.is_empty() || self.scope.schemas.contains(&schema))
    }

    /// The relations of the schemas that are looked at.
    fn relations(&self) -> impl Iterator<Item = (Id, &'a Relation)> {
        let relations = self.catalogue.relations.iter();
        relations
            .filter(|(_, relation)| self.has_schema(relation.schema))
            .map(|(id, relation)| (*id, relation))
    }

    fn relation(&self, id: Id) -> Option<&'a Relation> {
        let relation = self.catalogue.relations.get(&id)?;
        self.has_schema(relation.schema).then_some(relation)
    }

    /// The policies of the tables that are looked at, with these.
    fn policies(&self) -> impl Iterator<Item = (&'a Policy, &'a Relation)> {
        let policies = self.catalogue.policies.iter();
        policies.filter_map(|policy| Some((policy, self.relation(policy.relation)?)))
    }

    fn name(&self, role: Id) -> &'a str {
        self.catalogue.role_name(role)
    }

    /// "`a`, `b` and 3 more".
    fn names(&self, roles: impl IntoIterator<Item = Id>) -> String {
        let roles: BTreeSet<&str> = roles.into_iter().map(|role| self.name(role)).collect();
        let shown: Vec<String> = roles
            .iter()
            .take(NAMES_MAX)
            .map(|it| format!("`{it}`"))
            .collect();
        match roles.len().saturating_sub(NAMES_MAX) {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }

    /// Who may use a relation, and how: grants on itself or its columns, to roles that may also use
    /// its schema, and members of the roles of the server that may use all tables.
    fn users(&self, id: Id, relation: &Relation, privileges: &[&str]) -> Users {
        let mut users = Users::default();
        for grant in self.grants.get(&id).into_iter().flatten() {
            if !privileges.contains(&grant.privilege.as_str()) || !self.reach.matters(grant.grantee)
            {
                continue;
            }
            let mut triers = self.reach.triers(grant.grantee);
            triers.retain(|role| {
                *role != relation.owner && self.reach.uses_schema(*role, relation.schema)
            });
            if !triers.is_empty() {
                users.grantees.insert(grant.grantee);
                users.privileges.insert(grant.privilege.clone());
                users.triers.extend(triers);
            }
        }
        for (holder, held) in self.reach.all_data() {
            let held = held.iter().filter(|it| privileges.contains(it));
            let held: Vec<String> = held.map(|it| (*it).to_owned()).collect();
            if !held.is_empty() && holder != relation.owner {
                users.grantees.insert(holder);
                users.privileges.extend(held);
                users.triers.insert(holder);
            }
        }
        users
    }

    /// Whether no policy binds a role on a table.
    fn is_unbound(&self, role: Id, table: &Relation) -> bool {
        let inherits = self.reach.inherits(role);
        let bypasses = self.catalogue.roles.get(&role);
        bypasses.is_some_and(|it| it.superuser || it.bypasses)
            || (!table.forced && inherits.contains(&table.owner))
    }

    /// Whether policies let a role see rows of a table that they hide from another one.
    fn sees_more(&self, role: Id, than: Id, table: Id) -> bool {
        let of = |role: Id, permissive: bool| {
            let mut is = self.reach.inherits(role);
            is.insert(PUBLIC);
            let policies = self.reading.get(&table).into_iter().flatten();
            let counting =
                policies.filter(|it| it.permissive == permissive && !it.roles.is_disjoint(&is));
            let names = counting.map(|it| it.name.as_str());
            names.collect::<BTreeSet<&str>>()
        };
        let opening = of(role, true);
        !opening.is_empty()
            && (!opening.is_subset(&of(than, true)) || !of(than, false).is_subset(&of(role, false)))
    }

    /// Whether what reads a table as its owner reads rows that are kept from whoever asks, by
    /// policies that do not bind the owner or bind it otherwise.
    fn reads_past(&self, owner: Id, askers: &BTreeSet<Id>, id: Id, table: &Relation) -> bool {
        let is_kept = |asker: &&Id| !self.is_unbound(**asker, table);
        table.row_security
            && (self.is_unbound(owner, table)
                || askers
                    .iter()
                    .filter(is_kept)
                    .any(|asker| self.sees_more(owner, *asker, id)))
    }

    fn doubts(&self) -> Vec<String> {
        let unread = self.policies().filter(|(policy, _)| !policy.is_read);
        let unread = unread.map(|(policy, table)| {
            format!(
                "the policy {} on {} could not be read",
                policy.name, table.name
            )
        });
        let mut doubts: Vec<String> = unread.collect();
        if self.looked_at() == 0 {
            doubts.push("there is no table, view or function to look at".to_owned());
        }
        if self.reach.doors.is_empty() {
            let why = "only superusers can log in, whom no policy binds: name with `--role` as which role applications do";
            doubts.push(why.to_owned());
        }
        doubts
    }

    fn notes(&self) -> Vec<String> {
        let superusers = self.catalogue.roles.iter();
        let superusers =
            superusers.filter(|(_, role)| role.superuser && role.login && role.connects);
        let superusers: Vec<Id> = superusers.map(|(id, _)| *id).collect();
        if superusers.is_empty() || !self.scope.roles.is_empty() {
            return Vec::new();
        }
        vec![format!(
            "superusers that can log in were passed over: {}; name one with `--role` if an application logs in as it",
            self.names(superusers)
        )]
    }

    fn looked_at(&self) -> usize {
        self.relations().count() + self.functions().count()
    }
}

/// Who may use something, and how.
#[derive(Debug, Default)]
struct Users {
    grantees: BTreeSet<Id>,
    privileges: BTreeSet<String>,
    /// As whom that can be tried.
    triers: BTreeSet<Id>,
}

impl Users {
    fn any(&self) -> bool {
        !self.grantees.is_empty()
    }

    fn verbs(&self) -> String {
        joined(&self.privileges)
    }
}

/// "SELECT, UPDATE"
fn joined<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    let words: Vec<&str> = words.into_iter().map(String::as_str).collect();
    words.join(", ")
}

/// The commands that policies are about.
const ROWS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// A finding that is not tried yet.
fn finding(rule: Rule, kind: &'static str, object: &str, sentence: String, fix: String) -> Finding {
    Finding {
        rule,
        kind,
        object: object.to_owned(),
        sentence,
        fix,
        proof: Proof::NotProbed(String::new()),
        exception: None,
    }
}

/// "owner, tenant"
fn column_names<'a>(table: &Relation, columns: impl IntoIterator<Item = &'a Column>) -> String {
    let names = columns
        .into_iter()
        .filter_map(|column| table.columns.get(column));
    joined(names)
}
