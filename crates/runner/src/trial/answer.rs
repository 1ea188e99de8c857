//! What the answer to a probe is, and what it shows.

use std::sync::Arc;

use authz::Denial;
use serde_json::Value;
use serde_json_path::JsonPath;
use suite::model::{Call, Expected};
use suite::observation::{
    Answer, Closeness, absent_id, check_answer, denials, differs_from_absent, received,
    received_of_malformed, shows, total, unknown_sibling,
};
use suite::probe::Request;
use suite::template::{Variable, plain, url_component};
use suite::verdict::Received;

use super::{ActionTrial, Listed, Seen};
use crate::fixture::{Fixture, look};
use crate::scope::CallScope;
use crate::session::{Live, Sending};

impl ActionTrial<'_> {
    /// Reads what the answer is and what it shows.
    pub(super) async fn read(
        &mut self,
        answer: &Arc<Answer>,
        request: &Request,
        live: &Live,
        fixture: Option<&Fixture>,
        listed: &[Listed],
        seen: &mut Seen,
    ) {
        let scope = self.scope(live, fixture);
        let layer = self.layer;
        let Some(target) = self.world.suite.targets.get(layer.call.target) else {
            return;
        };
        let expected = match self.cell.expectation.expected {
            Expected::Deny(denial) => Some(denial),
            _ => None,
        };
        let received = received(answer, &layer.answer, &target.denies, expected, &scope);
        let reject = self.cell.expectation.expected == Expected::Reject;
        let received = match self.is_malformed() {
            true => received_of_malformed(received, answer.status, reject),
            false => received,
        };
        seen.observation.received = received;
        if received == Received::Success && !reject {
            let (shown, failures) = check_answer(&layer.answer, answer, &scope);
            seen.observation.shown = shown;
            seen.tell(&failures);
            self.check_listing(answer, request, listed, seen);
            self.check_view(answer, fixture, seen).await;
        }
        let hidden = listed.iter().filter(|item| !item.visible);
        let mut secrets = fixture.into_iter().chain(hidden.map(|item| &*item.fixture));
        seen.observation.shown.canary =
            secrets.any(|fixture| holds_canary(answer, fixture, request));
    }

    /// A listing must show what its reader may read, and nothing else.
    fn check_listing(
        &self,
        answer: &Answer,
        request: &Request,
        listed: &[Listed],
        seen: &mut Seen,
    ) {
        let Some(items) = &self.layer.items else {
            return;
        };
        let shown = &mut seen.observation.shown;
        let Some(json) = answer.json().filter(|json| has_list(&items.ids, json)) else {
            shown.body = false;
            seen.details
                .push(format!("there is no list at `{}`", items.ids));
            return;
        };
        let ids: Vec<String> = items.ids.query(json).all().into_iter().map(plain).collect();
        let total = items.total.as_ref().and_then(|it| total(it, answer));
        let is_page = total.is_some_and(|total| total > ids.len() as u64);
        for item in listed {
            let id = &item.id;
            match (ids.contains(id), item.visible) {
                (true, false) => {
                    shown.secret = true;
                    seen.details.push(format!(
                        "the list shows `{id}`, which the actor may not see"
                    ));
                }
                (false, false) if holds_canary(answer, &item.fixture, request) => {
                    shown.secret = true;
                    seen.details.push(format!(
                        "the answer tells of `{id}` beside its items, which the actor may not see"
                    ));
                }
                (false, true) if is_page => {
                    seen.doubt = Some(format!(
                        "the list is a page of {} of {} items, and `{id}`, which the actor may \
                         see, is not on it",
                        ids.len(),
                        total.unwrap_or_default()
                    ));
                }
                (false, true) => {
                    shown.body = false;
                    seen.details.push(format!(
                        "the list does not show `{id}`, which the actor may see"
                    ));
                }
                _ => {}
            }
        }
    }

    /// `shows: VIEW`: the answer shows what the view shows.
    async fn check_view(&mut self, answer: &Answer, fixture: Option<&Fixture>, seen: &mut Seen) {
        let (Some(index), Some(fixture), Some(resource)) =
            (self.layer.answer.shows, fixture, self.resource())
        else {
            return;
        };
        let Some(view) = resource.views.get(index) else {
            return;
        };
        let about = fixture.about(resource, self.unique);
        let sight = look(self.world, view, about, "to compare", &mut self.log).await;
        if let Err(why) = shows(answer, view, &sight) {
            seen.observation.shown.body = false;
            seen.details.push(why);
        }
    }

    /// How the target answers for what does not exist, where the verdict hangs on it. Where it
    /// differs, another thing that does not exist tells whether that says anything.
    pub(super) async fn compare_with_absent(
        &mut self,
        answer: &Answer,
        request: &Request,
        live: &Live,
        fixture: Option<&Fixture>,
        seen: &mut Seen,
    ) {
        let Some((first, ids)) = self.for_absent(request, live, fixture, seen, 0).await else {
            return;
        };
        let Some(absent) = self.ask_for_absent(first, answer, live, seen).await else {
            return;
        };
        let mut difference = differs_from_absent(answer, &absent, &ids, Closeness::Strict);
        if difference.is_some()
            && let Some((second, more)) = self.for_absent(request, live, fixture, seen, 1).await
            && let Some(other) = self.ask_for_absent(second, answer, live, seen).await
        {
            let ids = [ids, more].concat();
            if differs_from_absent(&other, &absent, &ids, Closeness::Strict).is_some() {
                difference = differs_from_absent(answer, &absent, &ids, Closeness::Loose);
            }
        }
        seen.observation.shown.like_absent = Some(difference.is_none());
        seen.details.extend(difference);
    }

    /// The same request for something that does not exist, with the texts in which the two
    /// differ; `None` where the verdict does not hang on it, or nothing of the kind can be made.
    async fn for_absent(
        &mut self,
        request: &Request,
        live: &Live,
        fixture: Option<&Fixture>,
        seen: &Seen,
        salt: u8,
    ) -> Option<(Request, Vec<String>)> {
        match (self.cell.expectation.expected, fixture) {
            (Expected::Absent, _) => {
                let url = unknown_sibling(&request.url, salt);
                let ids = [&request.url, &url].map(|url| last_segment(url).to_owned());
                let sibling = Request {
                    url,
                    ..request.clone()
                };
                Some((sibling, ids.to_vec()))
            }
            (Expected::Deny(Denial::Concealed), Some(fixture))
                if matches!(
                    seen.observation.received,
                    Received::Denied(Denial::Concealed) | Received::BadInput
                ) =>
            {
                let nowhere = absent_fixture(fixture, &self.layer.call, salt)?;
                let values = fixture.values.values().chain(nowhere.values.values());
                let ids = values.map(plain).collect();
                let about = self.about(Some(&nowhere));
                let request = self.request(live, about).await.ok()?;
                Some((request, ids))
            }
            _ => None,
        }
    }

    /// Asks for something that does not exist; `None` if the answer says nothing.
    async fn ask_for_absent(
        &mut self,
        request: Request,
        answer: &Answer,
        live: &Live,
        seen: &mut Seen,
    ) -> Option<Arc<Answer>> {
        let result = self.world.send(&request, live).await;
        self.log.push(Sending {
            purpose: "the same for what does not exist".to_owned(),
            actor: Some(self.cell.actor),
            request,
            sent: live.sent.clone(),
            result: result.clone(),
        });
        let absent = result.ok()?;
        seen.is_session_in_doubt |=
            live.sent.is_some() && self.says_no_session(&absent) && !self.says_no_session(answer);
        // A target that fails, asks for patience, or does not take the id for one, says nothing
        // of what does not exist.
        let says_nothing = match self.cell.expectation.expected {
            // A malformed body may be all that is looked at.
            _ if self.is_malformed() => matches!(absent.status, 429 | 500..600),
            Expected::Absent => matches!(absent.status, 429 | 500..600),
            _ => !self.is_concealed(&absent),
        };
        if says_nothing {
            let status = absent.status;
            seen.details.push(format!(
                "asked for what does not exist, it answered {status}"
            ));
            return None;
        }
        Some(absent)
    }

    fn is_concealed(&self, answer: &Answer) -> bool {
        let target = self.world.suite.targets.get(self.layer.call.target);
        target.is_some_and(|target| {
            denials(answer, &target.denies, &CallScope::default()).contains(&Denial::Concealed)
        })
    }

    fn says_no_session(&self, answer: &Answer) -> bool {
        self.world.is_unauthenticated(&self.layer.call, answer)
    }
}

/// The resource's own text, but for where the answer repeats what was sent: an id made from it.
fn holds_canary(answer: &Answer, fixture: &Fixture, request: &Request) -> bool {
    let canary = &fixture.canary;
    if !answer.holds(canary) {
        return false;
    }
    let body = request.body.as_deref().unwrap_or("");
    let is_sent = |text: &String| {
        text.contains(canary.as_str())
            && (request.url.contains(&url_component(text)) || body.contains(text.as_str()))
    };
    let sent: Vec<String> = fixture.values.values().map(plain).filter(is_sent).collect();
    let strip = |text: &str| {
        let text = text.to_owned();
        sent.iter()
            .fold(text, |text, id| text.replace(id.as_str(), ""))
    };
    let headers = answer.headers.iter().map(|(_, value)| value.as_str());
    std::iter::once(&*answer.text())
        .chain(headers)
        .any(|text| strip(text).contains(canary.as_str()))
}

/// The same resource under an id that nothing has. Where the call does not use the id, the
/// values that it does use are others. `None` if no other can be made.
fn absent_fixture(fixture: &Fixture, call: &Call, salt: u8) -> Option<Fixture> {
    let uses = |field: &str| {
        call.templates()
            .into_iter()
            .flat_map(|template| template.variables())
            .any(|variable| matches!(variable, Variable::Resource { field: used, .. } if used == field))
    };
    let by_id = uses("id");
    let mut absent = fixture.clone();
    for (name, value) in &mut absent.values {
        if (by_id && name == "id") || (!by_id && uses(name)) {
            *value = absent_id(value, salt)?;
        }
    }
    Some(absent)
}

/// Whether there is a list whose items the path names: what stands before its last `[*]`. A
/// path without one must name something.
fn has_list(path: &JsonPath, json: &Value) -> bool {
    let text = path.to_string();
    match text
        .rsplit_once("[*]")
        .map(|(list, _)| JsonPath::parse(list))
    {
        Some(Ok(list)) => list.query(json).all().iter().any(|node| node.is_array()),
        _ => !path.query(json).is_empty(),
    }
}

fn last_segment(url: &str) -> &str {
    let path = url.split_once('?').map_or(url, |(path, _)| path);
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}
