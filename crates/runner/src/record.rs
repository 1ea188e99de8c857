//! From what was tried to what reports see. Everything is masked here, once.

use std::sync::Arc;

use serde_json::Value;
use suite::event::{AnswerRecord, BODY_CHARS_MAX, CellRecord, ControlRecord, Exchange, RowRecord};
use suite::model::Suite;
use suite::plan::{
    Cell, CellIndex, DiffersIn, Plan, SESSION_OPEN, Trial, actor_name, caller, expected,
    flow_step_name, is_allowed, name, place, situation,
};
use suite::probe::{self, Request};
use suite::secret::{MASK, Masker};
use suite::verdict::{Access, EffectSeen, Judgement, Verdict, access};

use crate::database::{RowTried, StatementTried};
use crate::session::Sending;
use crate::trial::Tried;

/// Makes records of cells.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) plan: &'a Plan,
    /// Whether the exchanges of cells that held are kept too.
    pub(crate) every_exchange: bool,
}

impl Recorder<'_> {
    /// The record of an action's cell.
    pub(crate) fn cell(
        &self,
        index: CellIndex,
        tried: &Tried,
        judgement: Judgement,
        control: Option<(CellIndex, bool)>,
        masker: &Arc<Masker>,
    ) -> Option<CellRecord> {
        let cell = self.plan.cells.get(index)?;
        let held = judgement.verdict == Verdict::Held;
        let because = match (&tried.unsure, held) {
            (Some(unsure), _) => Some(unsure.clone()),
            (None, true) => None,
            (None, false) => Some(judgement.because.to_owned()),
        };
        let mut record = self.outline(cell, judgement.verdict)?;
        record.access = match tried.unsure {
            Some(_) => Access::Unknown,
            None => access(
                cell.expectation.expected,
                &tried.observation,
                judgement.verdict,
            ),
        };
        record.observed = observed(tried, masker);
        record.because = because.map(|because| masker.mask(&because));
        record.control = control
            .filter(|_| !is_allowed(cell))
            .and_then(|(control, succeeded)| self.control(cell, control, succeeded));
        record.effect_seen = effect_seen(self.suite, cell, tried);
        record.duration_ms = millis(tried.duration);
        if !held || self.every_exchange {
            let caller = caller(self.suite, cell).unwrap_or(cell.actor);
            let caller = actor_name(self.suite, caller);
            record.curl = tried.probe.as_ref().map(|(request, sent)| {
                masker.mask(&probe::curl(
                    self.suite,
                    &showable(request),
                    caller,
                    sent.as_ref(),
                ))
            });
            record.exchanges = self.exchanges(&tried.log, masker);
        }
        Some(record)
    }

    /// The record of a statement's cell.
    pub(crate) fn statement(
        &self,
        index: CellIndex,
        tried: &StatementTried,
        masker: &Masker,
    ) -> Option<CellRecord> {
        let cell = self.plan.cells.get(index)?;
        let judgement = &tried.judgement;
        let held = judgement.verdict == Verdict::Held;
        let mut record = self.outline(cell, judgement.verdict)?;
        record.access = judgement.access;
        record.observed = cut(&masker.mask(&judgement.observed), DETAIL_CHARS_MAX);
        record.because = (!held).then(|| masker.mask(&judgement.because));
        record.rows = tried.rows.iter().map(|row| self.row(row, masker)).collect();
        record.duration_ms = millis(tried.duration);
        if let Some(told) = tried.told.as_ref().filter(|_| !held || self.every_exchange) {
            record.exchanges.push(Exchange {
                purpose: "probe".to_owned(),
                actor: Some(record.actor.clone()),
                method: "SQL".to_owned(),
                url: record.target.clone(),
                headers: Vec::new(),
                body: Some(cut(&masker.mask(&told.sql), BODY_CHARS_MAX)),
                answer: AnswerRecord::Returned(cut(&masker.mask(&told.answer), BODY_CHARS_MAX)),
            });
        }
        Some(record)
    }

    /// The record of a session's opening.
    pub(crate) fn opening(
        &self,
        index: CellIndex,
        observed: &str,
        verdict: Verdict,
        because: Option<String>,
        log: &[Sending],
        masker: &Arc<Masker>,
    ) -> Option<CellRecord> {
        let mut record = self.outline(self.plan.cells.get(index)?, verdict)?;
        record.access = match verdict {
            Verdict::Held => Access::Allowed,
            Verdict::Lockout => Access::Denied,
            _ => Access::Unknown,
        };
        record.observed = masker.mask(observed);
        record.because = because.map(|because| masker.mask(&because));
        if verdict != Verdict::Held || self.every_exchange {
            let probe = log.last();
            record.curl = probe.map(|sending| {
                masker.mask(&probe::curl(
                    self.suite,
                    &showable(&sending.request),
                    &record.actor,
                    sending.sent.as_ref(),
                ))
            });
            record.exchanges = self.exchanges(log, masker);
        }
        Some(record)
    }

    /// The record of a cell that is not tried; `None` for one that is.
    pub(crate) fn untried(&self, index: CellIndex) -> Option<CellRecord> {
        let cell = self.plan.cells.get(index)?;
        let why = cell.untried.as_deref()?;
        let mut record = self.outline(cell, Verdict::NotApplicable)?;
        record.observed = format!("not tried, because nothing may be changed: {why}");
        Some(record)
    }

    fn outline(&self, cell: &Cell, verdict: Verdict) -> Option<CellRecord> {
        let (action, owner, target) = match cell.trial {
            Trial::Opening => (SESSION_OPEN.to_owned(), None, self.login_target(cell)),
            Trial::Step { .. } => {
                let target = cell.trial.call(self.suite).map(|call| call.target);
                (flow_step_name(self.suite, cell.trial), None, target)
            }
            Trial::Statement { .. } => {
                let action = cell.trial.action(self.suite)?;
                (action.full_name(), None, None)
            }
            Trial::Action { action, owner, .. } => {
                let action = self.suite.actions.get(action)?;
                let target = cell.trial.layer(self.suite).map(|layer| layer.call.target);
                (action.full_name(), owner, target)
            }
        };
        let target = target.and_then(|target| self.suite.targets.get(target));
        Some(CellRecord {
            cell: name(self.suite, cell.actor, cell.trial),
            actor: actor_name(self.suite, cell.actor).to_owned(),
            caller: self.other_caller(cell),
            action,
            owner: owner.map(|owner| actor_name(self.suite, owner).to_owned()),
            situation: situation(cell.trial),
            target: self
                .database(cell)
                .or(target.map(|target| &*target.name))
                .unwrap_or_default()
                .to_owned(),
            verdict,
            access: Access::Unknown,
            expected: expected(self.suite, cell),
            observed: String::new(),
            because: None,
            place: place(self.suite, cell)?.clone(),
            control: None,
            effect_seen: None,
            curl: None,
            rows: Vec::new(),
            exchanges: Vec::new(),
            duration_ms: 0,
        })
    }

    fn row(&self, row: &RowTried, masker: &Masker) -> RowRecord {
        let owner = row.owner.map(|owner| actor_name(self.suite, owner));
        RowRecord {
            owner: owner.map(str::to_owned),
            key: cut(&masker.mask(&row.key), DETAIL_CHARS_MAX),
            permitted: row.permitted,
            access: row.access,
        }
    }

    /// Who makes the call of a cell in place of its actor.
    fn other_caller(&self, cell: &Cell) -> Option<String> {
        match caller(self.suite, cell) {
            Some(caller) if caller == cell.actor => None,
            Some(caller) => Some(actor_name(self.suite, caller).to_owned()),
            None => Some("nobody".to_owned()),
        }
    }

    /// The name of the database of a statement's cell.
    fn database(&self, cell: &Cell) -> Option<&str> {
        let statement = cell.trial.statement(self.suite)?;
        let database = self.suite.databases.get(statement.database)?;
        Some(&database.name)
    }

    fn login_target(&self, cell: &Cell) -> Option<usize> {
        let session = self.suite.actors.get(cell.actor)?.session?;
        let session = self.suite.sessions.get(session)?;
        let login = session.login.last().map(|step| step.call.target);
        login.or_else(|| session.who.as_ref().map(|who| who.call.target))
    }

    fn control(&self, cell: &Cell, control: CellIndex, succeeded: bool) -> Option<ControlRecord> {
        let differs_in = DiffersIn::of(cell, self.plan.cells.get(control)?);
        Some(ControlRecord {
            cell: self.plan.name(self.suite, control),
            succeeded,
            differs_in: differs_in.word().to_owned(),
        })
    }

    fn exchanges(&self, log: &[Sending], masker: &Masker) -> Vec<Exchange> {
        log.iter()
            .map(|sending| self.exchange(sending, masker))
            .collect()
    }

    fn exchange(&self, sending: &Sending, masker: &Masker) -> Exchange {
        let mask = |headers: &[(String, String)]| {
            let mask = |(name, value): &(String, String)| match name.as_str() {
                // A credential is hidden even where nobody has learnt that it is one.
                name if CREDENTIAL_HEADERS.contains(&name) => (name.to_owned(), MASK.to_owned()),
                name => (name.to_owned(), masker.mask(value)),
            };
            headers.iter().map(mask).collect()
        };
        let answer = match &sending.result {
            Ok(answer) => AnswerRecord::Answered {
                status: answer.status,
                headers: mask(&answer.headers),
                body: cut(
                    &masker.mask(&without_credentials(&answer.text())),
                    BODY_CHARS_MAX,
                ),
            },
            Err(failure) => AnswerRecord::Failed(masker.mask(&failure.to_string())),
        };
        Exchange {
            purpose: sending.purpose.clone(),
            actor: sending
                .actor
                .map(|actor| actor_name(self.suite, actor).to_owned()),
            method: sending.request.method.clone(),
            url: masker.mask(&sending.request.url),
            headers: mask(&sending.request.headers),
            body: sending
                .request
                .body
                .as_deref()
                .map(|body| cut(&masker.mask(&without_credentials(body)), BODY_CHARS_MAX)),
            answer,
        }
    }
}

/// Headers whose whole value is a credential.
const CREDENTIAL_HEADERS: [&str; 5] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
];

/// Parts of names of JSON members that hold credentials.
const CREDENTIAL_WORDS: [&str; 8] = [
    "token",
    "secret",
    "passw",
    "session",
    "api_key",
    "apikey",
    "csrf",
    "credential",
];

/// A body, in which every text under a name that speaks of credentials is hidden, be it ever so
/// short.
fn without_credentials(body: &str) -> String {
    let mut json: Value = match serde_json::from_str(body) {
        Ok(json) => json,
        Err(_) => return body.to_owned(),
    };
    if hide_credentials(&mut json) {
        json.to_string()
    } else {
        body.to_owned()
    }
}

/// A request to be shown, without credentials in its body.
fn showable(request: &Request) -> Request {
    Request {
        body: request.body.as_deref().map(without_credentials),
        ..request.clone()
    }
}

/// Whether anything was hidden.
fn hide_credentials(json: &mut Value) -> bool {
    match json {
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |any, item| hide_credentials(item) | any),
        Value::Object(members) => members.iter_mut().fold(false, |any, (name, member)| {
            let name = name.to_lowercase();
            let speaks = CREDENTIAL_WORDS.iter().any(|word| name.contains(word));
            if speaks && let Value::String(text) = member {
                // A kind such as `token_type: Bearer` is none.
                let is_kind = name.ends_with("type");
                if !is_kind {
                    MASK.clone_into(text);
                }
                return any | !is_kind;
            }
            hide_credentials(member) | any
        }),
        _ => false,
    }
}

/// What was observed, in words, masked: the status, and what else was seen.
fn observed(tried: &Tried, masker: &Masker) -> String {
    let mut words: Vec<String> = tried
        .status
        .map(|status| status.to_string())
        .into_iter()
        .collect();
    match tried.observation.effect {
        EffectSeen::Declared => words.push("its effect was seen".to_owned()),
        EffectSeen::Unchanged if tried.unsure.is_none() => {
            words.push("nothing has changed".to_owned());
        }
        _ => {}
    }
    if tried.observation.shown.canary && tried.status.is_some() {
        words.push("the answer holds the resource's own text".to_owned());
    }
    // Masked before it is cut: half a secret is not found any more.
    let details = tried.details.iter();
    words.extend(details.map(|detail| cut(&masker.mask(detail), DETAIL_CHARS_MAX)));
    if words.is_empty() {
        "nothing was sent".to_owned()
    } else {
        words.join(", ")
    }
}

/// Whether a denial's effect could be looked for: only said where one was to be feared.
fn effect_seen(suite: &Suite, cell: &Cell, tried: &Tried) -> Option<bool> {
    let changes = match cell.trial.step(suite) {
        Some(step) => !step.call.is_safe(),
        None => cell.phase == suite::plan::Phase::Changing,
    };
    changes.then_some(tried.observation.effect != EffectSeen::NotLooked)
}

/// The longest detail of what was observed, in characters.
const DETAIL_CHARS_MAX: usize = 200;

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}... (cut)", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
