//! `flows:` — chains of calls, in which later ones use what earlier ones have learnt.

use authz::source::Diagnostic;
use authz::source::yaml::{Entry, Fields, Node, Value};

use super::Reader;
use super::actor::settle;
use super::call::{CallRules, DefaultTarget};
use super::expect::kinds_of;
use super::inside::Text;
use super::names::{ResourceName, Stage};
use super::template::{Holders, Scope};
use crate::model::{
    ActorIndex, AnswerAssertions, Call, Caller, ExpectCell, Expected, Flow, FlowStep, Target,
};

/// The type to which the values belong that the steps of a flow have learnt: `{{ flow.id }}`.
pub(crate) const FLOW: &str = "flow";

/// What the steps of one flow share.
struct Shared<'s> {
    target: Option<DefaultTarget>,
    by: Vec<ActorIndex>,
    targets: Option<&'s [Option<Target>]>,
}

impl Reader<'_> {
    pub(super) fn flow(
        &mut self,
        entry: &Entry,
        targets: Option<&[Option<Target>]>,
    ) -> Option<Flow> {
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let on = fields.optional("on");
        let by = fields.required("by", &mut self.diagnostics);
        let steps = fields.required("steps", &mut self.diagnostics);
        fields.finish(&mut self.diagnostics);
        let by = by.map(|it| self.by(it));
        let shared = Shared {
            target: on.map(|it| match self.on(it) {
                Some(target) => DefaultTarget::Is(target),
                None => DefaultTarget::Broken,
            }),
            by: by.clone().flatten().unwrap_or_default(),
            targets,
        };
        let steps = steps.map(|it| self.steps_of_flow(it, &shared));
        Some(Flow {
            name: entry.key.as_str().into(),
            place: entry.place.clone(),
            by: by??,
            steps: steps??,
        })
    }

    /// The actors of whom each goes through the whole flow.
    fn by(&mut self, node: &Node) -> Option<Vec<ActorIndex>> {
        let names = self.names;
        let known: Vec<&str> = names.probing().map(|(_, actor)| actor.name).collect();
        let mut by: Vec<Option<ActorIndex>> = Vec::new();
        let items = node.list(&mut self.diagnostics)?;
        for item in items {
            let actor = self.name(item, "actor", "actors", |word| names.actor(word), &known);
            let named = actor.and_then(|actor| names.actors.get(actor));
            let mistake = match named {
                Some(actor) if actor.only_setup => Some("it is never tried (`only: setup`)"),
                Some(actor) if actor.shut_out => Some("its session must not work"),
                _ if actor.is_some() && by.contains(&actor) => Some("it is named twice"),
                _ => None,
            };
            if let (Some(label), Some(actor)) = (mistake, named) {
                let message = format!("actor `{}` cannot go through a flow", actor.name);
                self.diagnostics
                    .push(Diagnostic::new(item.place.clone(), message).label(label));
            }
            by.push(actor.filter(|_| mistake.is_none()));
        }
        if items.is_empty() {
            let message = "nobody goes through the flow";
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
        }
        super::complete(by)
    }

    fn steps_of_flow(&mut self, node: &Node, shared: &Shared<'_>) -> Option<Vec<FlowStep>> {
        let mut learnt = ResourceName {
            type_name: FLOW,
            fields: Vec::new(),
            owners: Vec::new(),
            views: Vec::new(),
            broken: false,
        };
        let mut steps = Vec::new();
        for entry in node.map(&mut self.diagnostics)? {
            self.check_name(entry);
            steps.push(self.step_of_flow(entry, &mut learnt, shared));
        }
        if steps.is_empty() {
            let message = "the flow has no step";
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
            return None;
        }
        super::complete(steps)
    }

    /// A step; what it captures is known to its own `remove` and to the steps after it.
    fn step_of_flow<'n>(
        &mut self,
        entry: &'n Entry,
        learnt: &mut ResourceName<'n>,
        shared: &Shared<'_>,
    ) -> Option<FlowStep> {
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let target = shared.target.unwrap_or(DefaultTarget::Required);
        let (call, scope) = self.call_of_flow(&mut fields, &entry.value, target, learnt, shared);
        let answer = self.answer_of_step(&mut fields, &scope);
        let captures = fields.entry("capture");
        let expect = fields.optional("expect");
        let remove = fields.entry("remove");
        fields.finish(&mut self.diagnostics);
        let names = captures.map(|it| super::names::entries(Some(&it.value)));
        for name in names.into_iter().flatten() {
            if !learnt.fields.contains(&name.key.as_str()) {
                learnt.fields.push(&name.key);
            }
        }
        let captures = captures.map(|it| self.captures(&it.value, &[], ""));
        let own_target = call
            .as_ref()
            .map_or(DefaultTarget::Broken, |call| DefaultTarget::Is(call.target));
        let remove = remove.map(|it| {
            let mut fields = it.value.fields(&mut self.diagnostics)?;
            let (call, _) = self.call_of_flow(&mut fields, &it.value, own_target, learnt, shared);
            fields.finish(&mut self.diagnostics);
            call
        });
        let expect = expect.map(|it| self.expect_of_step(it, call.as_ref(), shared));
        let allow = ExpectCell {
            expected: Expected::Allow,
            or: Vec::new(),
            place: entry.place.clone(),
        };
        let (expected, expected_of) = settle(expect)?.unwrap_or((None, Vec::new()));
        Some(FlowStep {
            name: entry.key.as_str().into(),
            place: entry.place.clone(),
            call: call?,
            answer: answer?,
            captures: settle(captures)?.unwrap_or_default(),
            expected: expected.unwrap_or(allow),
            expected_of,
            remove: settle(remove)?,
        })
    }

    /// A call of a flow, made by whoever goes through it unless `as` says another; and what its
    /// texts may use.
    fn call_of_flow<'s>(
        &mut self,
        fields: &mut Fields<'_>,
        node: &Node,
        target: DefaultTarget,
        learnt: &'s ResourceName<'s>,
        shared: &Shared<'_>,
    ) -> (Option<Call>, Scope<'s>) {
        let caller = match fields.optional("as") {
            Some(node) => self.caller_or(node, ("actor", Caller::Actor)),
            None => Some(Caller::Actor),
        };
        let names = self.names;
        let has_session = |actor: &&ActorIndex| {
            let actor = names.actors.get(**actor);
            actor.is_some_and(|actor| actor.session.is_some())
        };
        let holders = match caller {
            Some(Caller::Named(actor)) => vec![actor],
            Some(Caller::Nobody) => Vec::new(),
            _ if shared.by.iter().any(|actor| has_session(&actor)) => {
                shared.by.iter().filter(has_session).copied().collect()
            }
            _ => shared.by.clone(),
        };
        let scope = Scope {
            actor: (caller != Some(Caller::Nobody)).then_some(Holders {
                actors: holders,
                stage: Stage::Probing,
                session: None,
            }),
            resource: Some(learnt),
            others: true,
            unique: true,
            ..Scope::default()
        };
        let rules = CallRules {
            target,
            caller: caller.unwrap_or(Caller::Nobody),
            may_say_as: false,
            owners: &[],
            scope: scope.clone(),
        };
        let call = self.call(fields, node, &rules);
        (caller.and(call), scope)
    }

    fn answer_of_step(
        &mut self,
        fields: &mut Fields<'_>,
        scope: &Scope<'_>,
    ) -> Option<AnswerAssertions> {
        let status = fields.optional("status");
        let answer = fields.optional("answer");
        let status = status.map(|it| self.statuses(it));
        let answer = answer.map(|it| self.answer_body(it, scope));
        let status = settle(status);
        Some(AnswerAssertions {
            status: status?.unwrap_or_default(),
            ..settle(answer)?.unwrap_or_default()
        })
    }

    /// What is expected of everybody, or of some by name; of the rest, that they may.
    #[expect(
        clippy::type_complexity,
        reason = "what all share, and what some have of their own"
    )]
    fn expect_of_step(
        &mut self,
        node: &Node,
        call: Option<&Call>,
        shared: &Shared<'_>,
    ) -> Option<(Option<ExpectCell>, Vec<(ActorIndex, ExpectCell)>)> {
        let Value::Map(entries) = &node.value else {
            let cell = self.expectation(node, call, shared)?;
            return Some((Some(cell), Vec::new()));
        };
        let names = self.names;
        let known = || {
            shared
                .by
                .iter()
                .filter_map(|&actor| names.actors.get(actor))
        };
        let known: Vec<&str> = known().map(|actor| actor.name).collect();
        let mut cells = Vec::new();
        for entry in entries {
            let actor = names.actor(&entry.key).filter(|it| shared.by.contains(it));
            if actor.is_none() && !shared.by.is_empty() {
                let mistake = super::unknown(&entry.place, "actor", &entry.key, &known);
                self.diagnostics.push(mistake);
            }
            let cell = self.expectation(&entry.value, call, shared);
            cells.push(actor.zip(cell));
        }
        Some((None, super::complete(cells)?))
    }

    fn expectation(
        &mut self,
        node: &Node,
        call: Option<&Call>,
        shared: &Shared<'_>,
    ) -> Option<ExpectCell> {
        let word = self.scalar(node)?;
        let place = node.place.clone();
        let cell = |expected: Expected| ExpectCell {
            expected,
            or: Vec::new(),
            place: place.clone(),
        };
        match word.text {
            "allow" => return Some(cell(Expected::Allow)),
            "?" => return Some(cell(Expected::Observe)),
            _ => {}
        }
        let Some(status) = status(word) else {
            let known = ["allow", "?"];
            let mistake = super::unknown(&place, "expectation", word.text, &known)
                .label("expected `allow`, the status of a denial or `?`");
            self.diagnostics.push(mistake);
            return None;
        };
        let target = shared.targets?.get(call?.target)?.as_ref()?;
        let mut kinds = kinds_of(&target.denies, status).into_iter();
        let Some(first) = kinds.next() else {
            self.not_a_denial(status, &place, target);
            return None;
        };
        Some(ExpectCell {
            or: kinds.collect(),
            ..cell(Expected::Deny(first))
        })
    }
}

fn status(word: Text<'_>) -> Option<u16> {
    let status = word.text.parse().ok()?;
    (100..=599).contains(&status).then_some(status)
}
