//! Who can act as whom, and so to whom a grant matters.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{Catalogue, Grant, Id, Membership, Object, PUBLIC};

/// Roles of the server that may use all tables and schemas, and how.
const ALL_DATA: [(&str, &[&str]); 2] = [
    ("pg_read_all_data", &["SELECT"]),
    ("pg_write_all_data", &["INSERT", "UPDATE", "DELETE"]),
];

/// Who can act as whom.
#[derive(Debug)]
pub(super) struct Reach<'a> {
    catalogue: &'a Catalogue,
    /// The roles as which applications begin.
    pub(super) doors: BTreeSet<Id>,
    /// The roles whose grants matter; never superusers.
    pub(super) grantees: BTreeSet<Id>,
    /// By role: those of the grantees that have its rights without `SET ROLE`, itself first.
    holders: BTreeMap<Id, Vec<Id>>,
    /// Each role with all whose rights it has without `SET ROLE`.
    inherited: BTreeMap<Id, BTreeSet<Id>>,
    /// Those that may read or write all tables, by being a member of a role of the server.
    all_data: Vec<(Id, &'static [&'static str])>,
    /// Who may use which schema, by a grant.
    schema_users: BTreeSet<(Id, Id)>,
}

impl<'a> Reach<'a> {
    /// From the roles that were named; without any, from all that can log in to this database but
    /// superusers.
    ///
    /// Then the grants of all roles matter: those without LOGIN are there to be acted as, whoever
    /// will. Of roles that the server brought along, only to be a member of them matters.
    pub(super) fn new(catalogue: &'a Catalogue, named: &BTreeSet<Id>) -> Self {
        let roles = || catalogue.roles.iter();
        let logs_in = roles().filter(|(_, role)| role.login && role.connects && !role.superuser);
        let doors: BTreeSet<Id> = match named.is_empty() {
            true => logs_in.map(|(id, _)| *id).collect(),
            false => named.clone(),
        };
        let mut reach = Self {
            catalogue,
            doors,
            grantees: BTreeSet::new(),
            holders: BTreeMap::new(),
            inherited: BTreeMap::new(),
            all_data: Vec::new(),
            schema_users: schema_users(catalogue),
        };
        let inherited = roles().map(|(id, _)| (*id, reach.inherits(*id)));
        reach.inherited = inherited.collect();
        let grantees: BTreeSet<Id> = match named.is_empty() {
            true => catalogue.roles.keys().copied().collect(),
            false => reach
                .doors
                .iter()
                .flat_map(|door| reach.acts_as(*door))
                .collect(),
        };
        let matters = |id: &Id| {
            let role = catalogue.roles.get(id);
            role.is_some_and(|role| !role.superuser && !role.built_in)
        };
        reach.grantees = grantees.into_iter().filter(matters).collect();
        reach.holders = reach.holders();
        reach.all_data = reach.all_data_holders();
        reach
    }

    /// Roles as which somebody can act that have what `pg_read_all_data` or `pg_write_all_data` has.
    fn all_data_holders(&self) -> Vec<(Id, &'static [&'static str])> {
        let doors = self.doors.iter();
        let acting: BTreeSet<Id> = doors.flat_map(|door| self.acts_as(*door)).collect();
        let acting = acting.into_iter().filter(|it| self.grantees.contains(it));
        acting
            .flat_map(|role| {
                let names = self.acts_as(role).into_iter();
                let names = names.map(|role| self.catalogue.role_name(role));
                names
                    .filter_map(|name| ALL_DATA.iter().find(|(known, _)| *known == name))
                    .map(move |(_, held)| (role, *held))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Who may read or write all tables and use all schemas, as a member of a role of the server.
    pub(super) fn all_data(&self) -> impl Iterator<Item = (Id, &'static [&'static str])> {
        self.all_data.iter().copied()
    }

    /// The role itself and all that it can `SET ROLE` to.
    pub(super) fn becomes(&self, role: Id) -> BTreeSet<Id> {
        self.closure(role, |membership| membership.sets)
    }

    /// The role itself and all whose rights it has without `SET ROLE`.
    pub(super) fn inherits(&self, role: Id) -> BTreeSet<Id> {
        let known = self.inherited.get(&role).cloned();
        known.unwrap_or_else(|| self.closure(role, |membership| membership.inherits))
    }

    /// The role itself and all whose rights it can come to have.
    pub(super) fn acts_as(&self, role: Id) -> BTreeSet<Id> {
        let becomes = self.becomes(role);
        becomes.iter().flat_map(|it| self.inherits(*it)).collect()
    }

    /// The doors from which somebody can act as this role.
    pub(super) fn doors_to(&self, role: Id) -> Vec<Id> {
        let doors = self.doors.iter().copied();
        doors
            .filter(|door| self.acts_as(*door).contains(&role))
            .collect()
    }

    /// Whether a grant to this role matters.
    pub(super) fn matters(&self, grantee: Id) -> bool {
        grantee == PUBLIC || self.grantees.contains(&grantee)
    }

    fn holders(&self) -> BTreeMap<Id, Vec<Id>> {
        let itself = self.grantees.iter().map(|role| (*role, vec![*role]));
        let mut holders: BTreeMap<Id, Vec<Id>> = itself.collect();
        for holder in &self.grantees {
            for role in self.inherits(*holder).into_iter().filter(|it| it != holder) {
                holders.entry(role).or_default().push(*holder);
            }
        }
        holders
    }

    /// The roles as which what was granted to this one can be tried: the role itself, and whoever
    /// has its rights; for PUBLIC, everybody.
    pub(super) fn triers(&self, grantee: Id) -> Vec<Id> {
        if grantee == PUBLIC {
            return self.grantees.iter().copied().collect();
        }
        self.holders.get(&grantee).cloned().unwrap_or_default()
    }

    /// Whether a role may use a schema, by itself or as everybody.
    pub(super) fn uses_schema(&self, role: Id, schema: Id) -> bool {
        let mut held = self.inherits(role);
        held.insert(PUBLIC);
        let owner = self.catalogue.schemas.get(&schema).map(|it| it.owner);
        owner.is_some_and(|owner| held.contains(&owner))
            || held
                .iter()
                .any(|role| self.schema_users.contains(&(*role, schema)))
    }

    /// Whether everybody may use a schema.
    pub(super) fn is_open(&self, schema: Id) -> bool {
        self.schema_users.contains(&(PUBLIC, schema))
    }

    /// The memberships through which a role comes to be another one, by what it follows from its own.
    pub(super) fn ways(&self, from: &BTreeSet<Id>, to: Id) -> impl Iterator<Item = &'a Membership> {
        let memberships = self.catalogue.memberships.iter();
        memberships.filter(move |it| it.role == to && from.contains(&it.member))
    }

    fn closure(&self, role: Id, follows: fn(&Membership) -> bool) -> BTreeSet<Id> {
        let mut seen = BTreeSet::from([role]);
        let mut open = vec![role];
        while let Some(member) = open.pop() {
            let of = self.catalogue.memberships.iter();
            let of = of.filter(|it| it.member == member && follows(it));
            open.extend(of.map(|it| it.role).filter(|role| seen.insert(*role)));
        }
        seen
    }
}

fn schema_users(catalogue: &Catalogue) -> BTreeSet<(Id, Id)> {
    let of = |grant: &Grant| match grant.object {
        Object::Schema(schema) if grant.privilege == "USAGE" => Some((grant.grantee, schema)),
        _ => None,
    };
    catalogue.grants.iter().filter_map(of).collect()
}
