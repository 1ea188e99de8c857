//! `actions:` — what is tried, and what it does to those who may.

use authz::ActionKind;
use authz::source::yaml::{Entry, Fields, Node, Value};
use authz::source::{Diagnostic, Place, one_of};

use super::Reader;
use super::actor::settle;
use super::call::{CallRules, DefaultTarget};
use super::flow::FLOW;
use super::names::{ActionName, ResourceName, Stage, child, entries};
use super::resource::{FLOW_MEANING, TYPES_RESERVED, TYPES_RESERVED_MEANING};
use super::template::{Holders, Scope};
use crate::model::{
    Action, AnswerAssertions, Caller, Database, Effect, EffectKind, Items, Layer, ViewEffect,
};

const ITEMS_HELP: &str = "say with `items` where the ids stand, as in `$.items[*].id`";

/// What the layers of one action share.
pub(super) struct Shared<'s> {
    name: &'s ActionName<'s>,
    /// The declared resource of the type.
    pub(super) resource: Option<&'s ResourceName<'s>>,
    absent: bool,
    pub(super) scope: Scope<'s>,
}

impl Reader<'_> {
    pub(super) fn actions(
        &mut self,
        node: &Node,
        databases: &[Option<Database>],
    ) -> Option<Vec<Option<Action>>> {
        let mut actions = Vec::new();
        for of_type in node.map(&mut self.diagnostics)? {
            self.check_name(of_type);
            self.check_not_reserved(of_type, &TYPES_RESERVED, TYPES_RESERVED_MEANING);
            self.check_not_reserved(of_type, &[FLOW], FLOW_MEANING);
            self.check_type(of_type);
            let found = self.all(&of_type.value, |reader, entry| {
                reader.action(&of_type.key, entry, databases)
            });
            if found.as_ref().is_some_and(Vec::is_empty) {
                self.nothing_tried(&of_type.value);
            }
            actions.extend(found.unwrap_or_else(|| vec![None]));
        }
        if actions.is_empty() {
            self.nothing_tried(node);
        }
        Some(actions)
    }

    fn nothing_tried(&mut self, node: &Node) {
        let message = "no action is given: nothing would be tried";
        self.diagnostics
            .push(Diagnostic::new(node.place.clone(), message));
    }

    /// Whether the policy knows the type; for all its actions at once.
    fn check_type(&mut self, of_type: &Entry) {
        let expected = |action: &Entry| child(&action.value, "expect").is_none();
        let Some(policy) = self.policy.filter(|it| !it.has_type(&of_type.key)) else {
            return;
        };
        if entries(Some(&of_type.value)).any(expected) {
            let message = format!("the policy has no type `{}`", of_type.key);
            self.diagnostics.push(
                Diagnostic::new(of_type.place.clone(), message)
                    .help("if nobody should find such a thing, say `expect: absent`")
                    .nearest(&of_type.key, policy.type_names()),
            );
        }
    }

    fn action(
        &mut self,
        type_name: &str,
        entry: &Entry,
        databases: &[Option<Database>],
    ) -> Option<Action> {
        let names = self.names;
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let permission = fields.optional("permission");
        let expect = fields.optional("expect");
        let control = fields.optional("control");
        let index = names.action(type_name, &entry.key)?;
        let resource_index = names.resource(type_name);
        let name = names.actions.get(index)?;
        let resource = resource_index.and_then(|index| names.resources.get(index));
        let absent = expect.map(|it| self.expect_absent(it));
        let shared = Shared {
            name,
            resource,
            absent: absent.is_some(),
            scope: self.action_scope(name, resource),
        };
        let (statements, layers): (Vec<_>, Vec<_>) = fields
            .rest()
            .partition(|it| names.database(&it.key).is_some());
        let layers: Vec<_> = layers.iter().map(|it| self.layer(it, &shared)).collect();
        let statements: Vec<_> = statements
            .iter()
            .map(|it| self.statement(it, name, databases))
            .collect();
        if layers.is_empty() && statements.is_empty() {
            let message = format!("action `{type_name}.{}` is tried on no target", entry.key);
            let label = format!(
                "expected {}",
                super::target::expected_layers(&names.all_targets())
            );
            self.diagnostics
                .push(Diagnostic::new(entry.place.clone(), message).label(label));
        }
        let permission_place = permission.map_or(&entry.place, |it| &it.place);
        let permission_name = match permission {
            Some(node) => node.text(&mut self.diagnostics),
            None => Some(entry.key.as_str()),
        };
        if let Some(word) = permission_name
            && !(shared.absent && permission.is_none())
        {
            self.check_permission(name, word, permission_place);
        }
        let control = control.map(|it| {
            let cell = it.text(&mut self.diagnostics)?;
            Some((cell.to_owned(), it.place.clone()))
        });
        let missing = self.resource_missing(name, resource_index.is_some());
        let instance_of = resource_index.filter(|_| name.on_instance == Some(true));
        if missing {
            return None;
        }
        Some(Action {
            type_name: type_name.into(),
            name: entry.key.as_str().into(),
            place: entry.place.clone(),
            permission: permission_name?.into(),
            instance_of,
            resource: resource_index,
            absent: settle(absent)?.is_some(),
            control: settle(control)?,
            layers: super::complete(layers)?,
            statements: super::complete(statements)?,
        })
    }

    fn resource_missing(&mut self, name: &ActionName<'_>, declared: bool) -> bool {
        let missing = name.on_instance == Some(true) && !declared;
        if missing && self.names.is_readable("resources") {
            let type_name = name.type_name;
            let message = format!("resource `{type_name}` is not declared");
            let label = format!("a call of this action names `{type_name}`");
            let known = self.names.resources.iter().map(|it| it.type_name);
            self.diagnostics.push(
                Diagnostic::new(name.place.clone(), message)
                    .label(label)
                    .nearest(type_name, known),
            );
        }
        missing
    }

    fn expect_absent(&mut self, node: &Node) -> Option<()> {
        let word = node.text(&mut self.diagnostics)?;
        if word == "absent" {
            return Some(());
        }
        let mistake = super::unknown(&node.place, "word", word, &["absent"]).help(
            "what is expected of single actors stands in the policy or in the table `expect`",
        );
        self.diagnostics.push(mistake);
        None
    }

    /// The variables of an action. A probe is made by whoever has a session; if nobody has one,
    /// by visitors.
    fn action_scope<'s>(
        &self,
        name: &ActionName<'s>,
        resource: Option<&'s ResourceName<'s>>,
    ) -> Scope<'s> {
        let probing = || self.names.probing();
        let mut actors: Vec<_> = probing()
            .filter(|(_, actor)| actor.session.is_some())
            .map(|(index, _)| index)
            .collect();
        if actors.is_empty() {
            actors = probing().map(|(index, _)| index).collect();
        }
        let on_instance = name.on_instance != Some(false);
        let owners = resource.filter(|_| on_instance).map(|resource| Holders {
            actors: resource
                .owners
                .iter()
                .filter_map(|it| self.names.actor(it))
                .collect(),
            stage: Stage::Identified,
            session: None,
        });
        Scope {
            actor: Some(Holders {
                actors,
                stage: Stage::Probing,
                session: None,
            }),
            owner: owners,
            resource: resource.filter(|_| on_instance),
            undeclared: resource.is_none().then_some(name.type_name),
            unique: true,
            ..Scope::default()
        }
    }

    /// Whether the policy knows what it will be asked.
    fn check_permission(&mut self, action: &ActionName<'_>, word: &str, place: &Place) {
        let type_name = action.type_name;
        let Some(policy) = self.policy.filter(|it| it.has_type(type_name)) else {
            return;
        };
        let mistake = match (policy.action_kind(type_name, word), action.on_instance) {
            (None, _) => {
                let message = format!("the policy has no action `{word}` of `{type_name}`");
                let known: Vec<&str> = policy.action_names(type_name).collect();
                let label = format!("expected {}", one_of(known.iter().copied()));
                Diagnostic::new(place.clone(), message)
                    .label(label)
                    .nearest(word, known)
            }
            (Some(ActionKind::Instance), Some(false)) => {
                let message = format!("to the policy, `{word}` is an action on one `{type_name}`");
                let label = format!("no call names `{{{{ {type_name}.id }}}}`");
                Diagnostic::new(place.clone(), message).label(label)
            }
            (Some(ActionKind::Collection), Some(true)) => {
                let message = format!("to the policy, `{word}` is an action on the collection");
                let label = format!("a call names one `{type_name}`");
                Diagnostic::new(place.clone(), message).label(label)
            }
            _ => return,
        };
        self.diagnostics.push(mistake);
    }

    fn layer(&mut self, entry: &Entry, shared: &Shared<'_>) -> Option<Layer> {
        let names = self.names;
        let target = names.target(&entry.key);
        if target.is_none() {
            self.unknown_layer(entry);
            return None;
        }
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let rules = CallRules {
            target: DefaultTarget::Fixed(target?),
            caller: Caller::Actor,
            may_say_as: false,
            owners: &[],
            scope: Scope {
                others: true,
                ..shared.scope.clone()
            },
        };
        self.operation_keys(&mut fields, &entry.value);
        let call = self.call(&mut fields, &entry.value, &rules);
        let answer = self.answer(&mut fields, shared);
        let effect = fields.entry("effect");
        self.not_absent(effect, shared);
        let effect = effect.filter(|_| !shared.absent);
        let effect = effect.map(|it| self.effect(it, shared));
        let on_denial = fields.entry("on_denial");
        self.not_absent(on_denial, shared);
        let on_denial = on_denial.filter(|_| !shared.absent);
        let on_denial = on_denial.map(|it| self.on_denial(&it.value, shared));
        let items = self.items(&mut fields, shared);
        let malformed = fields.entry("malformed");
        self.not_absent(malformed, shared);
        let malformed = malformed.filter(|_| !shared.absent);
        let malformed = self.malformed(malformed, call.as_ref(), shared.absent, &rules.scope);
        fields.finish(&mut self.diagnostics);
        let body_schema = call.as_ref().map(|call| self.body_schema(entry, call));
        Some(Layer {
            call: call?,
            answer: answer?,
            effect: settle(effect)?,
            on_denial: settle(on_denial)?.unwrap_or_default(),
            items: items?,
            body_schema: body_schema??,
            malformed: malformed?,
        })
    }

    fn unknown_layer(&mut self, entry: &Entry) {
        let names = self.names;
        if !names.is_readable("targets") {
            return;
        }
        let message = format!("`{}` is neither a target nor a key of an action", entry.key);
        let label = format!(
            "expected {}",
            super::target::expected_layers(&names.all_targets())
        );
        let targets = names.all_targets();
        let candidates = targets.iter().chain(&super::names::ACTION_KEYS);
        self.diagnostics.push(
            Diagnostic::new(entry.place.clone(), message)
                .label(label)
                .nearest(&entry.key, candidates.copied()),
        );
    }

    /// What is not there answers nothing and does nothing.
    fn not_absent(&mut self, entry: Option<&Entry>, shared: &Shared<'_>) {
        if let Some(entry) = entry
            && shared.absent
        {
            let message = format!("`{}` of an action that is `expect: absent`", entry.key);
            self.diagnostics.push(
                Diagnostic::new(entry.place.clone(), message)
                    .label("what is not there answers nothing and does nothing"),
            );
        }
    }

    fn answer(&mut self, fields: &mut Fields<'_>, shared: &Shared<'_>) -> Option<AnswerAssertions> {
        let status = fields.optional("status");
        let answer = fields.entry("answer");
        let shows = fields.entry("shows");
        self.not_absent(answer, shared);
        self.not_absent(shows, shared);
        let status = status.map(|it| self.statuses(it));
        let answer = answer.map(|it| self.answer_body(&it.value, &shared.scope));
        let shows = shows.filter(|_| !shared.absent).map(|it| {
            let word = it.value.text(&mut self.diagnostics)?;
            self.view_of(word, &it.value.place, shared)
        });
        let shows = settle(shows);
        let status = settle(status);
        Some(AnswerAssertions {
            status: status?.unwrap_or_default(),
            shows: shows?,
            ..settle(answer)?.unwrap_or_default()
        })
    }

    pub(super) fn statuses(&mut self, node: &Node) -> Option<Vec<u16>> {
        let Value::List(items) = &node.value else {
            return Some(vec![self.status(node)?]);
        };
        let statuses: Vec<_> = items.iter().map(|item| self.status(item)).collect();
        if statuses.is_empty() {
            let message = "no status is given";
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message).label("expected at least one"));
        }
        super::complete(statuses)
    }

    pub(super) fn answer_body(
        &mut self,
        node: &Node,
        scope: &Scope<'_>,
    ) -> Option<AnswerAssertions> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let json = fields.optional("json");
        let schema = fields.optional("schema");
        fields.finish(&mut self.diagnostics);
        let json = json.map(|it| self.assertions(it, scope, false));
        let schema = schema.map(|it| self.schema(it));
        Some(AnswerAssertions {
            json: settle(json)?.unwrap_or_default(),
            schema: settle(schema)?,
            ..AnswerAssertions::default()
        })
    }

    /// The index of a view that shows the fixture of the action.
    pub(super) fn view_of(
        &mut self,
        word: &str,
        place: &Place,
        shared: &Shared<'_>,
    ) -> Option<usize> {
        let type_name = shared.name.type_name;
        let Some(resource) = shared.resource else {
            if shared.name.on_instance != Some(true) && self.names.is_readable("resources") {
                let message = format!("resource `{type_name}` is not declared");
                self.diagnostics.push(
                    Diagnostic::new(place.clone(), message).label("a view is one of a resource"),
                );
            }
            return None;
        };
        if resource.broken {
            return None;
        }
        let known: Vec<&str> = resource.views.iter().map(|view| view.name).collect();
        let Some(index) = known.iter().position(|name| *name == word) else {
            let mistake = super::unknown(place, "view", word, &known);
            self.diagnostics.push(mistake);
            return None;
        };
        let mistake = if shared.name.on_instance == Some(false) {
            Some(format!(
                "no call of this action names `{{{{ {type_name}.id }}}}`, so there is nothing to view"
            ))
        } else if resource
            .views
            .get(index)
            .is_some_and(|view| !view.of_instance)
        {
            Some(format!(
                "view `{word}` does not name `{{{{ {type_name}.id }}}}`: it shows a list, not one `{type_name}`"
            ))
        } else {
            None
        };
        match mistake {
            None => Some(index),
            Some(message) => {
                self.diagnostics
                    .push(Diagnostic::new(place.clone(), message));
                None
            }
        }
    }

    fn effect(&mut self, entry: &Entry, shared: &Shared<'_>) -> Option<Effect> {
        let kind = match &entry.value.value {
            Value::Map(entries) if !entries.is_empty() => {
                let views: Vec<_> = entries
                    .iter()
                    .map(|view| {
                        let index = self.view_of(&view.key, &view.place, shared);
                        let effect = self.view_effect(&view.value, &shared.scope);
                        Some((index?, effect?))
                    })
                    .collect();
                super::complete(views).map(EffectKind::Views)
            }
            _ if super::names::text(&entry.value) == Some("created") => Some(EffectKind::Created),
            _ => {
                let expected = "`created`, or views and what they show afterwards";
                let mistake = match super::names::text(&entry.value) {
                    Some(word) => super::unknown(&entry.value.place, "effect", word, &["created"])
                        .label(format!("expected {expected}")),
                    None => entry.value.mismatch(expected),
                };
                self.diagnostics.push(mistake);
                None
            }
        };
        Some(Effect {
            place: entry.place.clone(),
            kind: kind?,
        })
    }

    fn view_effect(&mut self, node: &Node, scope: &Scope<'_>) -> Option<ViewEffect> {
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => {
                self.assertions(node, scope, true).map(ViewEffect::Json)
            }
            _ if super::names::text(node) == Some("gone") => Some(ViewEffect::Gone),
            _ => {
                let expected = "`gone`, or `{ $.path: value }`";
                let mistake = match super::names::text(node) {
                    Some(word) => super::unknown(&node.place, "effect on a view", word, &["gone"])
                        .label(format!("expected {expected}")),
                    None => node.mismatch(expected),
                };
                self.diagnostics.push(mistake);
                None
            }
        }
    }

    fn items(&mut self, fields: &mut Fields<'_>, shared: &Shared<'_>) -> Option<Option<Items>> {
        let items = fields.entry("items");
        let of = fields.entry("of");
        let total = fields.entry("total");
        self.not_absent(items, shared);
        self.not_absent(total, shared);
        if let (None, Some(total)) = (items, total) {
            let message = "`total` alone: it is the number of `items`";
            self.diagnostics
                .push(Diagnostic::new(total.place.clone(), message).help(ITEMS_HELP));
        }
        match (items, of) {
            _ if shared.absent => Some(None),
            (None, None) => Some(None),
            (Some(items), Some(of)) => {
                let ids = self.path(&items.value);
                let of = self.items_of(&of.value, shared);
                let total = total.map(|it| self.capture_source(&it.value));
                Some(Some(Items {
                    ids: ids?,
                    of: of?,
                    total: settle(total)?,
                }))
            }
            (Some(only), None) => {
                let help = "say with `of` which action decides who sees an item";
                self.alone(only, help);
                None
            }
            (None, Some(only)) => {
                self.alone(only, ITEMS_HELP);
                None
            }
        }
    }

    fn alone(&mut self, entry: &Entry, help: &str) {
        let message = format!("`{}` alone: `items` and `of` go together", entry.key);
        self.diagnostics
            .push(Diagnostic::new(entry.place.clone(), message).help(help));
    }

    fn items_of(&mut self, node: &Node, shared: &Shared<'_>) -> Option<usize> {
        let names = self.names;
        let type_name = shared.name.type_name;
        let of_type = names.actions.iter().filter(|it| it.type_name == type_name);
        let known: Vec<&str> = of_type.map(|it| it.name).collect();
        let find = |word: &str| names.action(type_name, word);
        let index = self.name(node, "action", type_name, find, &known)?;
        if names.actions.get(index)?.on_instance == Some(false) {
            let message = "an item is decided on by an action on a single one";
            let label = format!("no call of this action names `{{{{ {type_name}.id }}}}`");
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message).label(label));
            return None;
        }
        Some(index)
    }
}
