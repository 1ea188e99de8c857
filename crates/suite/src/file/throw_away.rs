//! `create:`, `then:` and `remove:` of an actor — a user that is made for the run.

use authz::source::Diagnostic;
use authz::source::yaml::{Entry, Fields, Node, Value};

use super::Reader;
use super::actor::settle;
use super::call::{CallRules, DefaultTarget};
use super::names::{Stage, child, text};
use super::template::{Holders, Scope, mentions_alone};
use crate::model::{Call, Caller, Capture, CaptureSource, ThrowAway};
use crate::template::Template;

/// Names under which an actor is known already.
const CAPTURES_RESERVED: [&str; 4] = ["name", "subject", "tenant", "id"];

/// The parts of an actor that make it a throw-away one.
#[derive(Clone, Copy)]
pub(super) struct Nodes<'n> {
    pub(super) create: Option<&'n Node>,
    then: Option<&'n Node>,
    remove: Option<&'n Node>,
}

/// Whether a field holds `unique`, so that it is known only when the user is made.
pub(super) fn is_made(field: &Entry) -> bool {
    text(&field.value).is_some_and(|text| mentions_alone(text).any(|name| name == "unique"))
}

impl Reader<'_> {
    pub(super) fn throw_away_nodes<'n>(&mut self, fields: &mut Fields<'n>) -> Nodes<'n> {
        Nodes {
            create: fields.optional("create"),
            then: fields.optional("then"),
            remove: fields.optional("remove"),
        }
    }

    /// A field of a user that is made.
    pub(super) fn made_field(&mut self, field: &Entry) -> Option<(String, Template)> {
        let scope = Scope {
            unique: true,
            ..Scope::default()
        };
        let value = self.template(&field.value, &scope)?;
        Some((field.key.clone(), value))
    }

    /// `None` where the actor is not made, `Some(None)` where that is broken.
    pub(super) fn throw_away(
        &mut self,
        entry: &Entry,
        nodes: Nodes<'_>,
        fields: Vec<Option<(String, Template)>>,
    ) -> Option<Option<ThrowAway>> {
        let Some(create) = nodes.create else {
            self.check_nothing_happens(nodes);
            return None;
        };
        self.check_made(entry);
        let nobody = Caller::Nobody;
        let created = self.user_call(create, entry, DefaultTarget::Required, nobody, Self::ids);
        let target = match &created {
            Some((call, _)) => DefaultTarget::Is(call.target),
            None => DefaultTarget::Broken,
        };
        let then = nodes.then.map(|it| self.then(it, entry, target));
        let remove = nodes.remove.map(|it| self.user_act(it, entry, target));
        Some(made(
            created,
            super::complete(fields),
            settle(then),
            settle(remove),
        ))
    }

    fn check_made(&mut self, entry: &Entry) {
        if child(&entry.value, "session").is_none() {
            let message = format!("actor `{}` is made and has no session", entry.key);
            self.diagnostics
                .push(Diagnostic::new(entry.place.clone(), message));
        }
        if let Some(like) = child(&entry.value, "like") {
            let message = "`like` beside `create`";
            self.diagnostics.push(
                Diagnostic::new(like.place.clone(), message)
                    .label("a user that is made is like no other"),
            );
        }
    }

    fn check_nothing_happens(&mut self, nodes: Nodes<'_>) {
        for (key, node) in [("then", nodes.then), ("remove", nodes.remove)] {
            if let Some(node) = node {
                let message = format!("`{key}` of a user that is not made");
                let help = "give `create`, the call that makes it";
                self.diagnostics
                    .push(Diagnostic::new(node.place.clone(), message).help(help));
            }
        }
    }

    /// One call, or several in order.
    fn then(&mut self, node: &Node, entry: &Entry, target: DefaultTarget) -> Option<Vec<Call>> {
        let Value::List(items) = &node.value else {
            return Some(vec![self.user_act(node, entry, target)?]);
        };
        if items.is_empty() {
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), "nothing happens"));
        }
        let calls = items.iter().map(|item| self.user_act(item, entry, target));
        super::complete(calls.collect())
    }

    /// A call about the user, made by itself unless `as` says another.
    fn user_act(&mut self, node: &Node, entry: &Entry, target: DefaultTarget) -> Option<Call> {
        let actor = Caller::Actor;
        let (call, ()) = self.user_call(node, entry, target, actor, |_, _| Some(()))?;
        Some(call)
    }

    /// A call about the user, and what else stands beside it.
    fn user_call<T>(
        &mut self,
        node: &Node,
        entry: &Entry,
        target: DefaultTarget,
        caller: Caller,
        others: impl Fn(&mut Self, &mut Fields<'_>) -> Option<T>,
    ) -> Option<(Call, T)> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let caller = match fields.optional("as") {
            Some(node) => self.user_caller(node, entry),
            None => Some(caller),
        };
        let user = self.names.actor(&entry.key);
        let rules = CallRules {
            target,
            caller: caller.unwrap_or(Caller::Nobody),
            may_say_as: false,
            owners: &[],
            scope: Scope {
                actor: Some(Holders {
                    actors: user.into_iter().collect(),
                    stage: Stage::Identified,
                    session: None,
                }),
                unique: true,
                ..Scope::default()
            },
        };
        let call = self.call(&mut fields, node, &rules);
        let others = others(self, &mut fields);
        fields.finish(&mut self.diagnostics);
        caller?;
        Some((call?, others?))
    }

    /// Somebody else with a session, who is there before the user is.
    fn user_caller(&mut self, node: &Node, entry: &Entry) -> Option<Caller> {
        let caller = self.caller(node)?;
        let named = match caller {
            Caller::Named(actor) => self.names.actors.get(actor),
            _ => None,
        };
        let why = match named {
            Some(actor) if actor.name == entry.key => "the user itself is meant without `as`",
            Some(actor) if actor.created => "it is made for the run itself",
            _ if caller == Caller::Owner => "there is no resource here",
            _ => return Some(caller),
        };
        let message = "this caller cannot act on the user";
        self.diagnostics
            .push(Diagnostic::new(node.place.clone(), message).label(why));
        None
    }

    /// Where the answer to `create` says the id, and what else it tells.
    fn ids(&mut self, fields: &mut Fields<'_>) -> Option<Vec<Capture>> {
        let id = fields.entry("id");
        let captures = fields.optional("capture");
        let id = id.map(|it| {
            let source = CaptureSource::Json(self.path(&it.value)?);
            Some(Capture {
                name: "id".to_owned(),
                source,
                place: it.place.clone(),
            })
        });
        let meaning = "every actor has it already";
        let captures = captures.map(|it| self.captures(it, &CAPTURES_RESERVED, meaning));
        let mut captures = settle(captures)?.unwrap_or_default();
        captures.extend(settle(id)?);
        Some(captures)
    }
}

fn made(
    created: Option<(Call, Vec<Capture>)>,
    fields: Option<Vec<(String, Template)>>,
    then: Option<Option<Vec<Call>>>,
    remove: Option<Option<Call>>,
) -> Option<ThrowAway> {
    let (create, captures) = created?;
    Some(ThrowAway {
        create,
        captures,
        fields: fields?,
        then: then?.unwrap_or_default(),
        remove: remove?,
    })
}
