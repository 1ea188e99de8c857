//! `resources:` — on what actions are tried: fixtures, and the views of them.

use authz::source::Diagnostic;
use authz::source::yaml::{Entry, Fields, Node};

use super::Reader;
use super::actor::settle;
use super::call::{CallRules, DefaultTarget};
use super::flow::FLOW;
use super::names::{ResourceName, Stage};
use super::template::{Holders, Scope};
use crate::model::{ActorIndex, Call, Caller, Create, Origin, Resource, View};
use crate::template::{JsonTemplate, Template};

/// Types whose name would be taken for something else.
pub(super) const TYPES_RESERVED: [&str; 4] = ["actor", "actors", "owner", "session"];
/// Why.
pub(super) const TYPES_RESERVED_MEANING: &str = "it is a word for who calls";

/// Why a type cannot be called `flow`.
pub(super) const FLOW_MEANING: &str = "it is what the steps of a flow have learnt";

/// What the calls of one resource share.
struct Shared<'s> {
    target: DefaultTarget,
    owners: Vec<ActorIndex>,
    /// The resource's own name and fields.
    name: &'s ResourceName<'s>,
}

impl Reader<'_> {
    pub(super) fn resource(&mut self, entry: &Entry) -> Option<Resource> {
        self.check_not_reserved(entry, &TYPES_RESERVED, TYPES_RESERVED_MEANING);
        self.check_not_reserved(entry, &[FLOW], FLOW_MEANING);
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let on = fields.optional("on");
        let owners_node = fields.required("owners", &mut self.diagnostics);
        let create = fields.entry("create");
        let id = fields.entry("id");
        let remove = fields.entry("remove");
        let views = fields.optional("views");
        let attributes = fields.optional("attributes");
        let relationships = fields.optional("relationships");
        finish(fields, self);
        let index = self.names.resource(&entry.key)?;
        let owners = owners_node.map(|it| self.owners(it));
        let shared = Shared {
            target: match on.map(|it| self.on(it)) {
                None => DefaultTarget::None,
                Some(None) => DefaultTarget::Broken,
                Some(Some(target)) => DefaultTarget::Is(target),
            },
            owners: owners.clone().flatten().unwrap_or_default(),
            name: self.names.resources.get(index)?,
        };
        let origin = self.origin(entry, create, id, &shared);
        let remove = remove.map(|it| self.remove(it, id.is_some(), &shared));
        let views = views.map(|it| self.views(it, &shared));
        let attributes = attributes.map(|it| self.resource_attributes(it, &shared));
        let relationships = relationships.map(|it| self.relationships(it, &shared));
        let resource = Resource {
            type_name: entry.key.as_str().into(),
            place: entry.place.clone(),
            owners: owners??,
            origin: origin?,
            remove: settle(remove)?,
            views: settle(views)?.unwrap_or_default(),
            attributes: settle(attributes)?.unwrap_or_default(),
            relationships: settle(relationships)?.unwrap_or_default(),
        };
        self.check_owners_sessions(&resource, owners_node?);
        Some(resource)
    }

    fn owners(&mut self, node: &Node) -> Option<Vec<ActorIndex>> {
        let names = self.names;
        let known: Vec<&str> = names.actor_names().collect();
        let items = node.list(&mut self.diagnostics)?;
        let mut owners: Vec<Option<ActorIndex>> = Vec::new();
        for item in items {
            let owner = self.name(item, "actor", "actors", |word| names.actor(word), &known);
            let named = owner.and_then(|owner| names.actors.get(owner));
            if let Some(actor) = named.filter(|actor| actor.shut_out) {
                let message = format!("owner `{}` cannot be relied on", actor.name);
                self.diagnostics.push(
                    Diagnostic::new(item.place.clone(), message).label("its session must not work"),
                );
            }
            if owner.is_some() && owners.contains(&owner) {
                let message = "the same owner twice";
                self.diagnostics
                    .push(Diagnostic::new(item.place.clone(), message));
            }
            owners.push(owner);
        }
        if items.is_empty() {
            let message = "no owner is given: there would be no fixture";
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
        }
        super::complete(owners)
    }

    fn origin(
        &mut self,
        entry: &Entry,
        create: Option<&Entry>,
        id: Option<&Entry>,
        shared: &Shared<'_>,
    ) -> Option<Origin> {
        match (create, id) {
            (Some(create), None) => {
                let create = self.create(&create.value, shared)?;
                Some(Origin::Created(Box::new(create)))
            }
            (None, Some(id)) => {
                let scope = Scope {
                    owner: Some(holders(shared, Stage::Identified)),
                    ..Scope::default()
                };
                let id = self.template(&id.value, &scope)?;
                Some(Origin::Existing { id })
            }
            (Some(_), Some(id)) => {
                let message = "both `create` and `id`";
                self.diagnostics.push(
                    Diagnostic::new(id.place.clone(), message)
                        .label("a resource is made, or it exists already"),
                );
                None
            }
            (None, None) => {
                let message = format!("resource `{}` comes from nowhere", entry.key);
                let help = "give `create`, the call that makes one, or `id` of one that exists";
                self.diagnostics
                    .push(Diagnostic::new(entry.place.clone(), message).help(help));
                None
            }
        }
    }

    fn create(&mut self, node: &Node, shared: &Shared<'_>) -> Option<Create> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let scope = Scope {
            owner: Some(holders(shared, Stage::Identified)),
            others: true,
            unique: true,
            ..Scope::default()
        };
        let call = self.call(&mut fields, node, &rules(shared, scope));
        let id = fields.required("id", &mut self.diagnostics);
        let captures = fields.optional("capture");
        finish(fields, self);
        let id = id.map(|it| self.path(it));
        let captures = captures.map(|it| self.captures(it, &["id"], "`id` has a key of its own"));
        Some(Create {
            call: call?,
            id: id??,
            captures: settle(captures)?.unwrap_or_default(),
        })
    }

    fn remove(&mut self, entry: &Entry, exists: bool, shared: &Shared<'_>) -> Option<Call> {
        if exists {
            let message = "`remove` of a resource that exists already";
            self.diagnostics.push(
                Diagnostic::new(entry.place.clone(), message)
                    .label("only what `create` has made is taken away again"),
            );
        }
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let rules = rules(shared, fixture_scope(shared));
        let call = self.call(&mut fields, &entry.value, &rules);
        finish(fields, self);
        call
    }

    fn views(&mut self, node: &Node, shared: &Shared<'_>) -> Option<Vec<View>> {
        let views = self.all(node, |reader, entry| reader.view(entry, shared))?;
        super::complete(views)
    }

    fn view(&mut self, entry: &Entry, shared: &Shared<'_>) -> Option<View> {
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let rules = rules(shared, fixture_scope(shared));
        let call = self.call(&mut fields, &entry.value, &rules);
        let ignore = fields.optional("ignore");
        let log = fields.optional("log");
        finish(fields, self);
        let ignore = ignore.map(|it| {
            let items = it.list(&mut self.diagnostics)?;
            let paths: Vec<_> = items.iter().map(|item| self.path(item)).collect();
            super::complete(paths)
        });
        let log = log.map(|it| self.only_true(it));
        let named = shared.name.views.iter().find(|it| it.name == entry.key);
        Some(View {
            name: entry.key.as_str().into(),
            place: entry.place.clone(),
            call: call?,
            ignore: settle(ignore)?.unwrap_or_default(),
            of_instance: named?.of_instance,
            log: settle(log)?.is_some(),
        })
    }

    /// The policy is asked before anything is sent, so only what the file says is known.
    fn resource_attributes(
        &mut self,
        node: &Node,
        shared: &Shared<'_>,
    ) -> Option<Vec<(String, JsonTemplate)>> {
        let scope = Scope {
            owner: Some(holders(shared, Stage::Declared)),
            ..Scope::default()
        };
        let entries = node.map(&mut self.diagnostics)?;
        let attributes: Vec<_> = entries
            .iter()
            .map(|entry| Some((entry.key.clone(), self.json(&entry.value, &scope)?)))
            .collect();
        super::complete(attributes)
    }

    /// `document:{{ document.id }}#owner@{{ owner.subject }}`: facts that a fixture adds.
    fn relationships(&mut self, node: &Node, shared: &Shared<'_>) -> Option<Vec<Template>> {
        let scope = Scope {
            owner: Some(holders(shared, Stage::Declared)),
            resource: Some(shared.name),
            others: true,
            ..Scope::default()
        };
        let items = node.list(&mut self.diagnostics)?;
        let templates: Vec<_> = items
            .iter()
            .map(|item| {
                item.text(&mut self.diagnostics)?;
                self.template(item, &scope)
            })
            .collect();
        super::complete(templates)
    }

    fn check_owners_sessions(&mut self, resource: &Resource, owners: &Node) {
        let made = match &resource.origin {
            Origin::Created(create) => Some(&create.call),
            Origin::Existing { .. } => None,
        };
        let views = resource.views.iter().map(|view| &view.call);
        let mut calls = made.into_iter().chain(&resource.remove).chain(views);
        let Some(call) = calls.find(|call| call.caller == Caller::Owner) else {
            return;
        };
        let names = self.names;
        let Some(items) = owners.list(&mut self.diagnostics) else {
            return;
        };
        for (item, &owner) in items.iter().zip(&resource.owners) {
            if self.misspells(owner, "session") {
                continue;
            }
            if let Some(actor) = names.actors.get(owner).filter(|it| it.session.is_none()) {
                let message = format!("owner `{}` has no session", actor.name);
                let label = format!("it makes the {} in line {}", call.method, call.place.line);
                self.diagnostics.push(
                    Diagnostic::new(item.place.clone(), message)
                        .label(label)
                        .help("say with `as:` who makes the call"),
                );
            }
        }
    }
}

fn finish(fields: Fields<'_>, reader: &mut Reader<'_>) {
    fields.finish(&mut reader.diagnostics);
}

fn holders<'s>(shared: &Shared<'_>, stage: Stage) -> Holders<'s> {
    Holders {
        actors: shared.owners.clone(),
        stage,
        session: None,
    }
}

fn fixture_scope<'s>(shared: &'s Shared<'_>) -> Scope<'s> {
    Scope {
        owner: Some(holders(shared, Stage::Identified)),
        resource: Some(shared.name),
        others: true,
        ..Scope::default()
    }
}

fn rules<'s>(shared: &'s Shared<'_>, scope: Scope<'s>) -> CallRules<'s> {
    CallRules {
        target: shared.target,
        caller: Caller::Owner,
        may_say_as: true,
        owners: &shared.owners,
        scope,
    }
}
