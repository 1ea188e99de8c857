//! Reads `facts.yaml`: subjects, resources, relationships and shares, held against a policy.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::condition;
use crate::facts::{Facts, KnownSubject, Reference, Share, SubjectFacts};
use crate::model::Policy;
use crate::relationships::Relationship;
use crate::source::yaml::{self, Entry, Node, Value};
use crate::source::{Diagnostic, Diagnostics, Place, Source};

/// Reads the facts that stand in one or more files.
///
/// # Errors
/// Every mistake, sorted by file and place: what the policy does not know is one.
pub fn read_facts(policy: &Policy, sources: &[Source]) -> Result<Facts, Vec<Diagnostic>> {
    let mut reader = Reader {
        policy,
        facts: Facts {
            policy: Some(Arc::clone(&policy.identity)),
            ..Facts::default()
        },
        relationships: Vec::new(),
        diagnostics: Diagnostics::default(),
    };
    for source in sources {
        if let Some(root) = yaml::read(source, &mut reader.diagnostics) {
            reader.document(&root);
        }
    }
    let Reader {
        mut facts,
        relationships,
        mut diagnostics,
        ..
    } = reader;
    let tell = &mut |mistake| diagnostics.push(mistake);
    facts.add_relationships(policy, &relationships, tell);
    diagnostics.into_result(Some(facts))
}

struct Reader<'a> {
    policy: &'a Policy,
    facts: Facts,
    relationships: Vec<(Relationship, Place)>,
    diagnostics: Diagnostics,
}

impl Reader<'_> {
    fn tell(&mut self, place: &Place, message: String) {
        self.diagnostics
            .push(Diagnostic::new(place.clone(), message));
    }

    fn document(&mut self, root: &Node) -> Option<()> {
        let mut fields = root.fields(&mut self.diagnostics)?;
        let version = fields.optional("version");
        let subjects = fields.optional("subjects");
        let resources = fields.optional("resources");
        let relationships = fields.optional("relationships");
        let shares = fields.optional("shares");
        fields.finish(&mut self.diagnostics);
        if let Some(node) = version.filter(|node| node.to_json().as_f64() != Some(1.0)) {
            self.diagnostics.push(node.mismatch("the version `1`"));
        }
        for entry in self.entries(subjects) {
            self.subject(entry);
        }
        for entry in self.entries(resources) {
            self.resource(entry);
        }
        for item in self.items(relationships) {
            self.relationship(item);
        }
        for item in self.items(shares) {
            self.share(item);
        }
        Some(())
    }

    fn entries<'n>(&mut self, node: Option<&'n Node>) -> &'n [Entry] {
        let entries = node.and_then(|node| node.map(&mut self.diagnostics));
        entries.unwrap_or_default()
    }

    fn items<'n>(&mut self, node: Option<&'n Node>) -> &'n [Node] {
        let items = node.and_then(|node| node.list(&mut self.diagnostics));
        items.unwrap_or_default()
    }

    fn reference(&mut self, text: &str, place: &Place) -> Option<Reference> {
        let read = text.parse();
        read.map_err(|message| self.tell(place, message)).ok()
    }

    /// `user:vera: { roles: { acme: [editor] }, attributes: {...} }`; a list of roles stands for
    /// every tenant.
    fn subject(&mut self, entry: &Entry) -> Option<()> {
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let roles = fields.optional("roles");
        let attributes = fields.optional("attributes");
        fields.finish(&mut self.diagnostics);
        let reference = self.reference(&entry.key, &entry.place)?;
        let mut known = KnownSubject::default();
        match roles.map(|node| (&node.value, node)) {
            Some((Value::Map(tenants), _)) => {
                for tenant in tenants {
                    let roles = self.roles(&tenant.value);
                    known.roles.insert(tenant.key.clone(), roles);
                }
            }
            Some((Value::List(_), node)) => known.everywhere = self.roles(node),
            Some((_, node)) => {
                let mistake = node.mismatch("roles by tenant, or a list of roles");
                self.diagnostics.push(mistake);
            }
            None => {}
        }
        known.attributes = self.attributes(attributes);
        let given = SubjectFacts {
            reference: Some(entry.key.clone()),
            signed_in: true,
            attributes: known.attributes.clone(),
            ..SubjectFacts::default()
        };
        if let Err(message) = self.policy.subject(given) {
            let place = attributes.map_or(&entry.place, |node| &node.place);
            let place = match self.policy.has_type(reference.type_name()) {
                true => place,
                false => &entry.place,
            };
            self.tell(&place.clone(), message);
            return None;
        }
        if Arc::make_mut(&mut self.facts.subjects)
            .insert(reference, known)
            .is_some()
        {
            self.tell(&entry.place, format!("`{}` is known already", entry.key));
        }
        Some(())
    }

    fn roles(&mut self, node: &Node) -> BTreeSet<String> {
        let mut roles = BTreeSet::new();
        for item in self.items(Some(node)) {
            let Some(role) = item.text(&mut self.diagnostics) else {
                continue;
            };
            match self.policy.assigned_role(role) {
                Ok(_) => drop(roles.insert(role.to_owned())),
                Err(message) => self.tell(&item.place, message),
            }
        }
        roles
    }

    fn attributes(&mut self, node: Option<&Node>) -> Map<String, Json> {
        let Some(node) = node.filter(|node| node.map(&mut self.diagnostics).is_some()) else {
            return Map::new();
        };
        match node.to_json() {
            Json::Object(attributes) => attributes,
            _ => Map::new(),
        }
    }

    /// `"post:7": { attributes: { owner: "user:vera" } }`.
    fn resource(&mut self, entry: &Entry) -> Option<()> {
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let attributes = fields.optional("attributes");
        fields.finish(&mut self.diagnostics);
        let reference = self.reference(&entry.key, &entry.place)?;
        let place = attributes.map_or(&entry.place, |node| &node.place);
        let attributes = self.attributes(attributes);
        let (type_name, id) = (reference.type_name(), Some(reference.id()));
        if let Err(message) = self.policy.resource(type_name, id, &attributes) {
            let known = self.policy.has_type(type_name);
            let place = if known { place } else { &entry.place };
            self.tell(&place.clone(), message);
            return None;
        }
        if Arc::make_mut(&mut self.facts.resources)
            .insert(reference, attributes)
            .is_some()
        {
            self.tell(&entry.place, format!("`{}` is known already", entry.key));
        }
        Some(())
    }

    fn relationship(&mut self, item: &Node) -> Option<()> {
        let text = item.text(&mut self.diagnostics)?;
        match text.parse() {
            Ok(fact) => self.relationships.push((fact, item.place.clone())),
            Err(message) => self.tell(&item.place, message),
        }
        Some(())
    }

    /// `{ resource: "post:7", with: globex, permission: read, until: 2027-01-01T00:00:00Z }`.
    fn share(&mut self, item: &Node) -> Option<()> {
        let mut fields = item.fields(&mut self.diagnostics)?;
        let resource = fields.required("resource", &mut self.diagnostics);
        let with = fields.required("with", &mut self.diagnostics);
        let permission = fields.required("permission", &mut self.diagnostics);
        let until = fields.optional("until");
        fields.finish(&mut self.diagnostics);
        let reference = resource.and_then(|node| {
            let text = node.text(&mut self.diagnostics)?;
            self.reference(text, &node.place)
        });
        let with = with.and_then(|node| node.text(&mut self.diagnostics));
        let until = match until {
            Some(node) => Some(self.instant(node)?),
            None => None,
        };
        let (reference, permission) = (reference?, permission?);
        let action = self.shared_action(&reference, permission, &resource?.place)?;
        let share = Share {
            with: with?.into(),
            action,
            until,
            place: item.place.clone(),
        };
        let shares = Arc::make_mut(&mut self.facts.shares);
        shares.entry(reference).or_default().push(share);
        Some(())
    }

    fn instant(&mut self, node: &Node) -> Option<jiff::Timestamp> {
        let text = node.text(&mut self.diagnostics)?;
        let read = condition::timestamp(text);
        read.map_err(|message| self.tell(&node.place, message)).ok()
    }

    /// The number of the action, if the policy lets shares grant it.
    fn shared_action(
        &mut self,
        resource: &Reference,
        permission: &Node,
        place: &Place,
    ) -> Option<usize> {
        let name = permission.text(&mut self.diagnostics)?;
        let type_name = resource.type_name();
        let (_, found) = match self.policy.find_type(type_name) {
            Ok(found) => found,
            Err(message) => {
                self.tell(place, message);
                return None;
            }
        };
        let Some(action) = found.actions.get(name) else {
            let message = format!("`{type_name}` has no action `{name}`");
            let known = self.policy.action_names(type_name);
            let mistake = Diagnostic::new(permission.place.clone(), message);
            self.diagnostics.push(mistake.nearest(name, known));
            return None;
        };
        if self.policy.may_share.binary_search(&action.number).is_err() {
            let message = format!("no share may grant `{name}` of `{type_name}`");
            let mistake = Diagnostic::new(permission.place.clone(), message);
            let help = "the policy says under `shares: { may_grant: ... }` what a share may grant";
            self.diagnostics.push(mistake.help(help));
            return None;
        }
        Some(action.number)
    }
}
