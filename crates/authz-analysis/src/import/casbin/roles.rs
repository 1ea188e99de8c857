//! Roles by tenant: a name of Casbin becomes one role where it means the same in every tenant, and
//! else one for each.

use std::collections::BTreeSet;

use indexmap::{IndexMap, IndexSet};

use super::super::write::Names;
use super::groups::{Edge, Groups};

/// An object and an action.
pub(super) type Grant = (String, String);

/// Roles with what they grant and include, and who has them.
#[derive(Debug)]
pub(super) struct Roles<'a> {
    groups: &'a Groups,
    /// A single empty text where there are no tenants.
    tenants: Vec<String>,
    /// By role and tenant: what it grants itself. Where lines are about it, there is an entry.
    own: IndexMap<(String, String), IndexSet<Grant>>,
    /// Names that lines are about.
    named: IndexSet<String>,
    split: BTreeSet<String>,
    names: Names,
}

/// A role as it is written.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) includes: Vec<String>,
    pub(super) grants: IndexSet<Grant>,
}

impl<'a> Roles<'a> {
    pub(super) fn new(groups: &'a Groups, tenants: &IndexSet<String>) -> Self {
        let mut tenants: Vec<String> = tenants.iter().cloned().collect();
        if tenants.is_empty() {
            tenants.push(String::new());
        }
        Self {
            groups,
            tenants,
            own: IndexMap::new(),
            named: IndexSet::new(),
            split: BTreeSet::new(),
            names: Names::but([authz::model::ANYONE, authz::model::SIGNED_IN]),
        }
    }

    /// Notes that a line is about a role, in some tenants or all, and grants it something there.
    pub(super) fn grant(&mut self, role: &str, tenants: Option<&[String]>, grants: &[Grant]) {
        self.named.insert(role.to_owned());
        for tenant in tenants.unwrap_or(&self.tenants) {
            let key = (role.to_owned(), tenant.clone());
            let own = self.own.entry(key).or_default();
            own.extend(grants.iter().cloned());
        }
    }

    /// Finds the roles that mean different things in different tenants. To be called when all has
    /// been granted.
    pub(super) fn settle(&mut self) {
        let roles = self.all();
        loop {
            let differs = |role: &&String| {
                let mut tenants = self.tenants_of(role).into_iter();
                let first = tenants.next().map(|tenant| self.says(role, tenant));
                let differs = tenants.any(|tenant| Some(self.says(role, tenant)) != first);
                let includes = first.map(|(_, includes)| includes).unwrap_or_default();
                differs || includes.iter().any(|it| self.split.contains(*it))
            };
            let more: Vec<String> = roles
                .iter()
                .filter(|role| !self.split.contains(*role))
                .filter(differs)
                .cloned()
                .collect();
            if more.is_empty() {
                return;
            }
            self.split.extend(more);
        }
    }

    /// The names that are roles: whatever others have, and whatever lines are about.
    fn all(&self) -> IndexSet<String> {
        let parents = self.groups.edges("g").iter().map(|edge| &edge.parent);
        parents.chain(&self.named).cloned().collect()
    }

    fn edges_in<'s>(&'s self, tenant: &'s str) -> impl Iterator<Item = &'s Edge> {
        let edges = self.groups.edges("g").iter();
        edges.filter(move |edge| edge.tenant.as_deref().is_none_or(|it| it == tenant))
    }

    /// The roles that a name has in a tenant.
    fn parents<'s>(&'s self, child: &'s str, tenant: &'s str) -> impl Iterator<Item = &'s str> {
        let edges = self
            .edges_in(tenant)
            .filter(move |edge| edge.child == child);
        edges.map(|edge| edge.parent.as_str())
    }

    /// The roles that a role includes. Somebody who is no role of others has his roles himself.
    fn includes<'s>(&'s self, role: &'s str, tenant: &'s str) -> BTreeSet<&'s str> {
        match self.groups.is_parent("g", role) {
            true => self.parents(role, tenant).collect(),
            false => BTreeSet::new(),
        }
    }

    fn says<'s>(
        &'s self,
        role: &'s str,
        tenant: &'s str,
    ) -> (BTreeSet<&'s Grant>, BTreeSet<&'s str>) {
        let own = self.own.get(&(role.to_owned(), tenant.to_owned()));
        let own = own.into_iter().flatten().collect();
        (own, self.includes(role, tenant))
    }

    /// The tenants in which a role means something.
    pub(super) fn tenants_of(&self, role: &str) -> Vec<&str> {
        let tenants = self.tenants.iter().map(String::as_str);
        let is_used = |tenant: &&str| {
            let mut edges = self.edges_in(tenant);
            edges.any(|edge| edge.parent == role || edge.child == role)
                || self
                    .own
                    .contains_key(&(role.to_owned(), (*tenant).to_owned()))
        };
        tenants.filter(is_used).collect()
    }

    /// What a role is called in a tenant.
    pub(super) fn name(&mut self, role: &str, tenant: &str) -> String {
        match self.split.contains(role) {
            true => self.names.of(&format!("{role}-{tenant}")),
            false => self.names.of(role),
        }
    }

    /// Whether it is called otherwise in each tenant.
    pub(super) fn is_split(&self, role: &str) -> bool {
        self.split.contains(role)
    }

    /// The roles that mean different things in different tenants.
    pub(super) fn split(&self) -> impl Iterator<Item = &str> {
        self.split.iter().map(String::as_str)
    }

    /// The roles that are called otherwise here.
    pub(super) fn changed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.changed()
    }

    /// All roles as they are written.
    pub(super) fn written(&mut self) -> Vec<Role> {
        let mut written = Vec::new();
        for role in self.all() {
            let mut tenants: Vec<String> = self
                .tenants_of(&role)
                .into_iter()
                .map(str::to_owned)
                .collect();
            if !self.split.contains(&role) {
                tenants.truncate(1);
            }
            if tenants.is_empty() {
                tenants.extend(self.tenants.first().cloned());
            }
            for tenant in tenants {
                let (grants, includes) = self.says(&role, &tenant);
                let grants = grants.into_iter().cloned().collect();
                let includes: Vec<String> = includes.into_iter().map(str::to_owned).collect();
                written.push(Role {
                    name: self.name(&role, &tenant),
                    includes: includes.iter().map(|it| self.name(it, &tenant)).collect(),
                    grants,
                });
            }
        }
        written
    }

    /// Who has which roles, by tenant.
    pub(super) fn subjects(&mut self) -> IndexMap<String, IndexMap<String, Vec<String>>> {
        let children = self.groups.edges("g").iter().map(|edge| &edge.child);
        let users: IndexSet<String> = children.chain(&self.named).cloned().collect();
        let mut subjects = IndexMap::new();
        for user in users {
            if self.groups.is_parent("g", &user) {
                continue;
            }
            let mut by_tenant: IndexMap<String, Vec<String>> = IndexMap::new();
            for tenant in self.tenants.clone() {
                let mut roles: IndexSet<String> =
                    self.parents(&user, &tenant).map(str::to_owned).collect();
                if self.own.contains_key(&(user.clone(), tenant.clone())) {
                    roles.insert(user.clone());
                }
                let names: Vec<String> = roles.iter().map(|it| self.name(it, &tenant)).collect();
                if !names.is_empty() {
                    by_tenant.insert(tenant, names);
                }
            }
            subjects.insert(user, by_tenant);
        }
        subjects
    }
}
