//! `actors:` — who calls.

use authz::SubjectFacts;
use authz::source::yaml::{Entry, Node};
use authz::source::{Diagnostic, nearest};
use indexmap::IndexMap;

use super::Reader;
use super::names::{ACTOR_KEYS, Stage, child, entries, is_actor_key};
use super::throw_away::is_made;
use crate::model::{Actor, ActorIndex};
use crate::template::Variable;

/// Names that mean somebody else where a caller is named.
const RESERVED: [&str; 2] = ["owner", "nobody"];

/// Roles that everybody has, so that nobody is given them.
const ROLES_RESERVED: [&str; 2] = ["anyone", "signed-in"];

impl Reader<'_> {
    pub(super) fn actors(&mut self, node: &Node) -> Option<Vec<Option<Actor>>> {
        let mut actors = self.all(node, Self::actor)?;
        self.take_over(&mut actors);
        if self.names.probing().next().is_none() {
            let message = match actors.is_empty() {
                true => "no actor is given: nobody would be tried",
                false => "every actor is `only: setup`: nobody would be tried",
            };
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
        }
        Some(actors)
    }

    fn actor(&mut self, entry: &Entry) -> Option<Actor> {
        self.check_not_reserved(entry, &RESERVED, "it is a word for a caller");
        if entry.value.is_null() {
            return Some(visitor(entry));
        }
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let session = fields.optional("session");
        let only = fields.optional("only");
        let subject = fields.optional("subject");
        let tenant = fields.optional("tenant");
        let roles = fields.entry("roles");
        let attributes = fields.optional("attributes");
        let scopes = fields.optional("scopes");
        let claims = fields.optional("claims");
        let like = fields.optional("like");
        let variant = self.variant_entry(&mut fields, &entry.value);
        let made = self.throw_away_nodes(&mut fields);
        let names = self.names;
        let known: Vec<&str> = names.sessions.iter().map(|it| it.name).collect();
        let session_index = session.map(|it| {
            self.name(
                it,
                "session",
                "sessions",
                |word| names.session(word),
                &known,
            )
        });
        let only_setup = only.map(|it| self.only(it));
        let subject = subject.map(|it| self.settled(it));
        let tenant = tenant.map(|it| self.settled(it));
        let in_database = subject.is_some() && !names.databases.is_empty();
        let signed_in = session.is_some() || in_database;
        if let (false, Some(roles), None, None) = (signed_in, roles, only, like) {
            self.roles_without_session(entry, roles);
        }
        let roles = roles.map(|it| self.roles(&it.value));
        let attributes = attributes.map(|it| self.attributes(it));
        let scopes = scopes.map(|it| self.scopes(it));
        let claims = claims.map(|it| self.attributes(it));
        let like = like.map(|it| self.like(it, entry));
        let variant = variant.map(|it| self.variant(it, entry, like.is_some()));
        if variant.is_some() {
            self.check_nothing_own(&entry.value);
            return Some(Actor {
                like: settle(like)?,
                variant: settle(variant)?,
                ..visitor(entry)
            });
        }
        let mut made_fields = Vec::new();
        let mut others = Vec::new();
        for field in fields.rest() {
            match made.create {
                Some(_) if is_made(field) => made_fields.push(self.made_field(field)),
                _ => others.push(self.field_of(field)),
            }
        }
        let throw_away = self.throw_away(entry, made, made_fields);
        if subject != Some(None) && like.is_none() {
            let facts = SubjectFacts {
                reference: subject.clone().flatten(),
                signed_in,
                tenant: tenant.clone().flatten(),
                roles: roles.clone().flatten().unwrap_or_default(),
                attributes: attributes.clone().flatten().unwrap_or_default(),
                ..SubjectFacts::default()
            };
            self.check_subject(&facts, &entry.value);
        }
        Some(Actor {
            session: settle(session_index)?,
            signed_in,
            only_setup: settle(only_setup)?.is_some(),
            subject: settle(subject)?,
            tenant: settle(tenant)?,
            roles: settle(roles)?.unwrap_or_default(),
            attributes: settle(attributes)?.unwrap_or_default(),
            scopes: settle(scopes)?,
            claims: settle(claims)?.unwrap_or_default(),
            fields: others.into_iter().collect::<Option<_>>()?,
            like: settle(like)?,
            throw_away: settle(throw_away)?.map(Box::new),
            ..visitor(entry)
        })
    }

    fn only(&mut self, node: &Node) -> Option<()> {
        let word = node.text(&mut self.diagnostics)?;
        if word == "setup" {
            return Some(());
        }
        let mistake = super::unknown(&node.place, "word", word, &["setup"]);
        self.diagnostics.push(mistake);
        None
    }

    fn roles_without_session(&mut self, entry: &Entry, roles: &Entry) {
        let message = format!("actor `{}` has roles but no session", entry.key);
        self.diagnostics.push(
            Diagnostic::new(roles.place.clone(), message)
                .label("without a session it is a visitor")
                .help("give it a `session`, or leave out `roles`"),
        );
    }

    fn roles(&mut self, node: &Node) -> Option<Vec<String>> {
        let policy = self.policy;
        let mut roles = Vec::new();
        for item in node.list(&mut self.diagnostics)? {
            let Some(role) = self.settled_text(item) else {
                roles.push(None);
                continue;
            };
            let known = policy.is_none_or(|policy| policy.has_role(&role));
            if !known {
                let names = policy.into_iter().flat_map(|policy| policy.role_names());
                let names: Vec<&str> = names.filter(|it| !ROLES_RESERVED.contains(it)).collect();
                let mistake = super::unknown(&item.place, "role", &role, &names);
                self.diagnostics.push(mistake);
            }
            roles.push(known.then_some(role));
        }
        roles.into_iter().collect()
    }

    /// The scopes of the credential. A policy may know only some of them: others cover nothing.
    fn scopes(&mut self, node: &Node) -> Option<Vec<String>> {
        let items = node.list(&mut self.diagnostics)?;
        let scopes: Vec<_> = items.iter().map(|item| self.settled_text(item)).collect();
        scopes.into_iter().collect()
    }

    fn settled_text(&mut self, node: &Node) -> Option<String> {
        node.text(&mut self.diagnostics)?;
        self.settled(node)
    }

    pub(super) fn attributes(
        &mut self,
        node: &Node,
    ) -> Option<serde_json::Map<String, serde_json::Value>> {
        node.map(&mut self.diagnostics)?;
        match self
            .json(node, &super::template::Scope::default())?
            .fill(&Nothing)
        {
            Ok(serde_json::Value::Object(attributes)) => Some(attributes),
            _ => None,
        }
    }

    fn field_of(&mut self, field: &Entry) -> Option<(String, String)> {
        if field.key == "name" {
            let message = "`name` is given by the suite: `actor.name` is the name of the actor";
            self.diagnostics.push(
                Diagnostic::new(field.place.clone(), message)
                    .help("call the field something else, such as `full_name`"),
            );
            return None;
        }
        if !self.is_used(&field.key) {
            // Told by the check of unused fields; its value is of no interest then.
            return None;
        }
        let value = self.settled(&field.value)?;
        Some((field.key.clone(), value))
    }

    /// Whether the policy can make something of the actor: who it is, then the attributes, then
    /// the roles, each mistake at its own place.
    fn check_subject(&mut self, known: &SubjectFacts, node: &Node) {
        let Some(policy) = self.policy else {
            return;
        };
        let mut facts = SubjectFacts {
            roles: Vec::new(),
            attributes: serde_json::Map::new(),
            ..known.clone()
        };
        for key in ["subject", "attributes", "roles"] {
            match key {
                "attributes" => facts.attributes.clone_from(&known.attributes),
                "roles" => facts.roles.clone_from(&known.roles),
                _ => {}
            }
            if let Err(message) = policy.subject(facts.clone()) {
                let place = &child(node, key).unwrap_or(node).place;
                self.diagnostics
                    .push(Diagnostic::new(place.clone(), message));
                return;
            }
        }
    }

    /// Fields that nothing uses are misspelt keys: that is what makes free keys safe.
    pub(super) fn check_fields_used(&mut self, root: &Node) {
        let actors = entries(child(root, "actors")).enumerate();
        let fields = actors
            .flat_map(|(index, it)| entries(Some(&it.value)).map(move |field| (index, field)));
        for (actor, field) in fields {
            let key = field.key.as_str();
            if is_actor_key(field) || key == "name" || self.is_used(key) {
                continue;
            }
            // Where a session is broken, nobody can say what it uses.
            let known = self.names.fields_of(actor, Stage::LoggedIn).is_some();
            let misspelt_key = nearest(key, ACTOR_KEYS).is_some();
            if self.meant_fields.contains(key) || !(known || misspelt_key) {
                continue;
            }
            let candidates = ACTOR_KEYS.iter().chain(&self.names.used_fields).copied();
            self.diagnostics.push(
                Diagnostic::new(field.place.clone(), format!("nothing uses `{key}`"))
                    .label(format!("no call says `{{{{ actor.{key} }}}}`"))
                    .nearest(key, candidates),
            );
        }
    }

    fn is_used(&self, field: &str) -> bool {
        self.names.used_fields.contains(&field)
    }

    /// Whether a field of the actor that nothing uses is probably this one, misspelt. Then that
    /// is what is told.
    pub(super) fn misspells(&self, actor: ActorIndex, field: &str) -> bool {
        let declared = self.names.fields_of(actor, Stage::Declared);
        let candidates = || ACTOR_KEYS.iter().chain(&self.names.used_fields).copied();
        let declared = declared.unwrap_or_default().into_iter();
        declared
            .filter(|key| !self.is_used(key) && !ACTOR_KEYS.contains(key) && *key != "name")
            .any(|key| nearest(key, candidates()) == Some(field))
    }
}

/// An actor of whom nothing is said.
fn visitor(entry: &Entry) -> Actor {
    Actor {
        name: entry.key.as_str().into(),
        place: entry.place.clone(),
        session: None,
        signed_in: false,
        only_setup: false,
        subject: None,
        tenant: None,
        roles: Vec::new(),
        attributes: serde_json::Map::new(),
        scopes: None,
        claims: serde_json::Map::new(),
        fields: IndexMap::new(),
        like: None,
        variant: None,
        throw_away: None,
    }
}

/// What was read, if it was there; `None` if it was there and broken.
pub(super) fn settle<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        Some(None) => None,
        Some(read) => Some(read),
        None => Some(None),
    }
}

/// A scope without any variable.
struct Nothing;

impl crate::template::Scope for Nothing {
    fn value(&self, _: &Variable) -> Option<serde_json::Value> {
        None
    }
}
