//! What the answer to a probe is, and what it shows.

use std::sync::Arc;

use authz::Denial;
use suite::model::Expected;
use suite::observation::{
    Answer, absent_id, check_answer, differs_from_absent, received, shows, unknown_sibling,
};
use suite::probe::Request;
use suite::template::plain;
use suite::verdict::Received;

use super::{ActionTrial, Seen};
use crate::fixture::{Fixture, look};
use crate::session::{Live, Sending};

impl ActionTrial<'_> {
    /// Reads what the answer is and what it shows.
    pub(super) async fn read(
        &mut self,
        answer: &Arc<Answer>,
        live: &Live,
        fixture: Option<&Fixture>,
        listed: &[(String, bool)],
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
        seen.observation.received = received;
        if received == Received::Success {
            let (shown, failures) = check_answer(&layer.answer, answer, &scope);
            seen.observation.shown = shown;
            seen.tell(&failures);
            self.check_listing(answer, listed, seen);
            self.check_view(answer, fixture, seen).await;
        }
        seen.observation.shown.canary =
            fixture.is_some_and(|fixture| holds_canary(answer, fixture));
    }

    /// A listing must show what its reader may read, and nothing else.
    fn check_listing(&self, answer: &Answer, listed: &[(String, bool)], seen: &mut Seen) {
        let Some(items) = &self.layer.items else {
            return;
        };
        let ids: Vec<String> = answer
            .json()
            .map(|json| items.ids.query(json).all().into_iter().map(plain).collect())
            .unwrap_or_default();
        for (id, visible) in listed {
            match (ids.contains(id), visible) {
                (true, false) => {
                    seen.observation.shown.secret = true;
                    seen.details.push(format!(
                        "the list shows `{id}`, which the actor may not see"
                    ));
                }
                (false, true) => {
                    seen.observation.shown.body = false;
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

    /// How the target answers for what does not exist, where the verdict hangs on it.
    pub(super) async fn compare_with_absent(
        &mut self,
        answer: &Answer,
        request: &Request,
        live: &Live,
        fixture: Option<&Fixture>,
        seen: &mut Seen,
    ) {
        let expected = self.cell.expectation.expected;
        let (absent, ids) = match (expected, fixture) {
            (Expected::Absent, _) => {
                let url = unknown_sibling(&request.url);
                let ids = [&request.url, &url].map(|url| last_segment(url).to_owned());
                (
                    Request {
                        url,
                        ..request.clone()
                    },
                    ids.to_vec(),
                )
            }
            (Expected::Deny(Denial::Concealed), Some(fixture))
                if seen.observation.received == Received::Denied(Denial::Concealed) =>
            {
                let nowhere = absent_fixture(fixture);
                let values = fixture.values.values().chain(nowhere.values.values());
                let ids = values.map(plain).collect();
                match self.request(live, self.about(Some(&nowhere))).await {
                    Ok(request) => (request, ids),
                    Err(_) => return,
                }
            }
            _ => return,
        };
        let result = self.world.send(&absent, live).await;
        match &result {
            // A target that fails, or asks for patience, says nothing of what does not exist.
            Ok(absent_answer) if matches!(absent_answer.status, 429 | 500..600) => {
                let status = absent_answer.status;
                let why = format!("asked for what does not exist, it answered {status}");
                seen.details.push(why);
            }
            Ok(absent_answer) => {
                let difference = differs_from_absent(answer, absent_answer, &ids);
                seen.observation.shown.like_absent = Some(difference.is_none());
                seen.details.extend(difference);
                seen.is_session_in_doubt = live.sent.is_some()
                    && self.says_no_session(absent_answer)
                    && !self.says_no_session(answer);
            }
            Err(_) => {}
        }
        self.log.push(Sending {
            purpose: "the same for what does not exist".to_owned(),
            actor: Some(self.cell.actor),
            request: absent,
            sent: live.sent.clone(),
            result,
        });
    }

    fn says_no_session(&self, answer: &Answer) -> bool {
        self.world.is_unauthenticated(&self.layer.call, answer)
    }
}

/// The resource's own text, but for where the answer repeats the id that was asked for.
fn holds_canary(answer: &Answer, fixture: &Fixture) -> bool {
    let canary = &fixture.canary;
    if !answer.holds(canary) {
        return false;
    }
    let ids = fixture.values.values().map(plain);
    let mut text = answer.text().into_owned();
    for id in ids.filter(|id| id.contains(canary.as_str())) {
        text = text.replace(&id, "");
    }
    let in_headers = answer
        .headers
        .iter()
        .any(|(_, value)| value.contains(canary.as_str()));
    text.contains(canary.as_str()) || in_headers
}

/// The same resource under values that nothing has.
fn absent_fixture(fixture: &Fixture) -> Fixture {
    Fixture {
        values: fixture
            .values
            .iter()
            .map(|(name, value)| (name.clone(), absent_id(value)))
            .collect(),
        ..fixture.clone()
    }
}

fn last_segment(url: &str) -> &str {
    let path = url.split_once('?').map_or(url, |(path, _)| path);
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}
