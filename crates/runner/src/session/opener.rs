//! Opens one session: the steps of its login, the refresh of its token, and the question who it
//! is.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use suite::model::{
    Actor, ActorIndex, Caller, Capture, CaptureSource, Session, SessionIndex, Step, Suite, Who,
};
use suite::observation::{Answer, captured, denial, place_of};
use suite::probe::{self, Request};
use suite::template::{Encoding, plain};
use suite::verdict::Opening;

use super::live::Live;
use super::secrets::{Secrets, is_secret, told_by};
use super::totp::totp;
use super::{NotOpen, Sending, failed};
use crate::STOPPED;
use crate::caller::World;
use crate::client::Failure;
use crate::scope::{CallScope, Known, Values};

/// Opens the session of one actor.
pub(super) struct Opener<'a> {
    world: &'a World,
    suite: &'a Suite,
    secrets: &'a Secrets,
    pub(super) index: ActorIndex,
    pub(super) actor: &'a Actor,
    pub(super) kind: SessionIndex,
    pub(super) session: &'a Session,
}

impl<'a> Opener<'a> {
    /// `None` for a visitor.
    pub(super) fn of(world: &'a World, index: ActorIndex) -> Option<Self> {
        let suite = &world.suite;
        let actor = suite.actors.get(index)?;
        let kind = actor.session?;
        Some(Self {
            world,
            suite,
            secrets: &world.sessions.secrets,
            index,
            actor,
            kind,
            session: suite.sessions.get(kind)?,
        })
    }

    /// Logs in and asks who it is.
    pub(super) async fn open(
        &self,
        generation: u32,
        known: Values,
        log: &mut Vec<Sending>,
    ) -> Result<Live, NotOpen> {
        let mut live = Live {
            kind: Some(self.kind),
            learnt: known,
            generation,
            ..Live::default()
        };
        live.host = self.host(&live)?;
        let many = self.session.login.len() > 1;
        for (index, step) in self.session.login.iter().enumerate() {
            let purpose = match many {
                true => format!("log in, step {}", index + 1),
                false => "log in".to_owned(),
            };
            self.take(step, &purpose, &mut live, log).await?;
        }
        self.equip(&mut live, log)?;
        if live.is_expired(0) {
            return Err(failed(
                "the login handed out a token that has expired already, if the clocks agree",
            ));
        }
        self.identify(&mut live, log).await?;
        Ok(live)
    }

    /// Gets a new token for one that expires; the session stays that of the same user.
    pub(super) async fn refresh(
        &self,
        step: &Step,
        old: &Live,
        log: &mut Vec<Sending>,
    ) -> Result<Live, NotOpen> {
        let mut live = Live {
            is_refreshed: true,
            ..old.renewed()
        };
        self.take(step, "refresh the token", &mut live, log).await?;
        self.equip(&mut live, log)?;
        if live.is_expired(0) {
            return Err(failed("the refresh gave a token that has expired already"));
        }
        let identity = old.identity.clone();
        self.identify(&mut live, log).await?;
        match live.identity == identity {
            true => Ok(live),
            false => Err(failed("the refreshed session is somebody else's")),
        }
    }

    fn host(&self, live: &Live) -> Result<Option<String>, NotOpen> {
        let Some(host) = &self.session.host else {
            return Ok(None);
        };
        host.fill(&self.scope(live), Encoding::Verbatim)
            .map(Some)
            .map_err(|unresolved| failed(&unresolved.to_string()))
    }

    fn scope<'b>(&'b self, live: &'b Live) -> CallScope<'b> {
        CallScope {
            actor: Some(Known {
                actor: self.actor,
                learnt: &live.learnt,
            }),
            ..CallScope::default()
        }
    }

    /// Makes the call of a step, and remembers what its answer tells.
    async fn take(
        &self,
        step: &Step,
        purpose: &str,
        live: &mut Live,
        log: &mut Vec<Sending>,
    ) -> Result<(), NotOpen> {
        debug_assert_eq!(step.call.caller, Caller::Nobody);
        self.make_totp(step, live).await?;
        let request = probe::request(self.suite, &step.call, &self.scope(live), None)
            .map_err(|unresolved| failed(&unresolved.to_string()))?;
        let answer = self
            .exchange(purpose, request, Some(&step.status), live, log)
            .await?;
        for capture in step.captures.iter().chain(&step.token) {
            let value = self.capture(capture, purpose, &answer)?;
            live.learnt.insert(capture.name.clone(), value);
        }
        Ok(())
    }

    /// The one-time password is that of the moment at which it is sent, or of the next one that
    /// was not used yet: targets take each once (RFC 6238, section 5.2).
    async fn make_totp(&self, step: &Step, live: &mut Live) -> Result<(), NotOpen> {
        use suite::template::Variable;
        let templates = step.call.templates();
        let mut variables = templates.iter().flat_map(|template| template.variables());
        if !variables.any(|variable| *variable == Variable::Totp) {
            return Ok(());
        }
        let learnt = live.learnt.get("totp_secret").map(plain);
        let declared = || suite::plan::declared_field(self.actor, "totp_secret");
        let secret = learnt.or_else(|| declared().map(str::to_owned));
        let secret = secret.unwrap_or_default();
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let no_secret = || failed("`totp_secret` is not base32");
        totp(&secret, now).ok_or_else(no_secret)?;
        let seconds = self.world.sessions.codes.reserve(&secret, now);
        self.wait_for_code(seconds.saturating_sub(now)).await?;
        let code = totp(&secret, seconds).ok_or_else(no_secret)?;
        self.secrets.hide([code.clone()]);
        live.learnt.insert("totp".to_owned(), code.into());
        Ok(())
    }

    async fn wait_for_code(&self, seconds: u64) -> Result<(), NotOpen> {
        if seconds == 0 {
            return Ok(());
        }
        let name = &self.actor.name;
        self.world.tell(format!(
            "`{name}` waits {seconds} s: its one-time password was used already, and the next \
             comes then"
        ));
        match self.world.stop.sleep(Duration::from_secs(seconds)).await {
            true => Ok(()),
            false => Err(failed(STOPPED)),
        }
    }

    fn capture(&self, capture: &Capture, purpose: &str, answer: &Answer) -> Result<Value, NotOpen> {
        let is_token = capture.name == "token";
        let usable = |it: &Value| !is_token || it.is_string() || it.is_number();
        let Some(value) = captured(&capture.source, answer).filter(usable) else {
            return Err(nothing_captured(capture, purpose, answer));
        };
        if is_token || is_secret(capture) {
            self.secrets.hide([plain(&value)]);
        }
        Ok(value)
    }

    /// What the session sends from now on, and until when it can.
    fn equip(&self, live: &mut Live, log: &[Sending]) -> Result<(), NotOpen> {
        let url = log.last().map(|sending| live.url_named(&sending.request));
        let cookies = live.jar.header(&url.unwrap_or_default());
        let credential = self.session.credential.as_ref();
        if credential.is_none() && cookies.is_empty() {
            return Err(failed("the login gave neither a token nor a cookie"));
        }
        let sent = probe::credential(credential, &cookies, &self.scope(live))
            .map_err(|unresolved| failed(&unresolved.to_string()))?;
        self.secrets.hide(sent.secrets());
        live.sent = Some(sent);
        live.expires = live.expiry();
        Ok(())
    }

    async fn identify(&self, live: &mut Live, log: &mut Vec<Sending>) -> Result<(), NotOpen> {
        let Some(who) = &self.session.who else {
            return Ok(());
        };
        let asked = self.ask_who(who, live, log).await;
        let identity = asked.map_err(|not_open| match self.session.login.is_empty() {
            true => not_open,
            // The login got in; that what it gave is worth nothing is no refusal of the actor.
            false => failed(&format!("the login succeeded, but {}", not_open.why)),
        })?;
        self.check_identity(&identity)?;
        live.note_worked();
        live.learnt.insert("id".to_owned(), identity.clone());
        live.identity = Some(identity);
        Ok(())
    }

    /// Whoever declares an id must be who they say they are.
    fn check_identity(&self, identity: &Value) -> Result<(), NotOpen> {
        match self.actor.fields.get("id") {
            Some(declared) if *declared != plain(identity) => Err(failed(&format!(
                "the system says that this is `{}`, the suite says `{declared}`",
                plain(identity)
            ))),
            _ => Ok(()),
        }
    }

    pub(super) async fn ask_who(
        &self,
        who: &Who,
        live: &Live,
        log: &mut Vec<Sending>,
    ) -> Result<Value, NotOpen> {
        let sent = live.sent.as_ref();
        let request = probe::request(self.suite, &who.call, &self.scope(live), sent)
            .map_err(|unresolved| failed(&unresolved.to_string()))?;
        let answer = self
            .exchange("ask who it is", request, None, live, log)
            .await?;
        let json = answer.json().ok_or_else(|| not_json(&answer))?;
        who.subject.query(json).first().cloned().ok_or_else(|| {
            failed(&format!(
                "asked who it is, the target says nothing at `{}`",
                who.subject
            ))
        })
    }

    /// Sends a request; `login` are the statuses of success of one that opens the session.
    async fn exchange(
        &self,
        purpose: &str,
        mut request: Request,
        login: Option<&[u16]>,
        live: &Live,
        log: &mut Vec<Sending>,
    ) -> Result<Arc<Answer>, NotOpen> {
        live.dress(self.suite, &mut request);
        let result = match login {
            Some(_) => self.world.client.send_opening(&request).await,
            None => self.world.client.send_repeatable(&request).await,
        };
        let result = result.map(Arc::new);
        if let Ok(answer) = &result {
            self.secrets.hide(live.absorb(&request, answer));
            // Before there is a credential, the answer is that to a login.
            if live.sent.is_none() {
                self.secrets.hide(told_by(answer));
            }
        }
        let target = request.target;
        let place = format!("{} {}", request.method, request.url);
        log.push(Sending {
            purpose: purpose.to_owned(),
            actor: live.sent.as_ref().map(|_| self.index),
            request,
            sent: live.sent.clone(),
            result: result.clone(),
        });
        let answer = result.map_err(|failure| NotOpen {
            is_unreached: matches!(failure, Failure::Unreached(_)),
            ..failed(&self.world.why_failed(target, &failure))
        })?;
        self.accept(purpose, &place, target, login.unwrap_or_default(), answer)
    }

    /// A success that is not a declared form of no.
    fn accept(
        &self,
        purpose: &str,
        place: &str,
        target: usize,
        statuses: &[u16],
        answer: Arc<Answer>,
    ) -> Result<Arc<Answer>, NotOpen> {
        let target = self.suite.targets.get(target);
        let denied =
            target.and_then(|target| denial(&answer, &target.denies, &CallScope::default()));
        let status = answer.status;
        let success = match statuses {
            [] => (200..300).contains(&status),
            given => given.contains(&status),
        };
        if success && denied.is_none() {
            return Ok(answer);
        }
        // A wrong address (404, 405) or an overloaded target (408, 429) is no refusal.
        let refused = matches!(status, 400..500) && !matches!(status, 404 | 405 | 408 | 429);
        Err(NotOpen {
            opening: if refused || (denied.is_some() && status != 404) {
                Opening::Refused
            } else {
                Opening::Failed
            },
            why: format!("to {purpose} ({place}) was answered {status}"),
            is_unauthenticated: denied == Some(authz::Denial::Unauthenticated),
            is_unreached: false,
        })
    }
}

fn nothing_captured(capture: &Capture, purpose: &str, answer: &Answer) -> NotOpen {
    let is_json = matches!(capture.source, CaptureSource::Json(_));
    if is_json && answer.json().is_none() {
        return not_json(answer);
    }
    let (status, place) = (answer.status, place_of(&capture.source));
    let what = match (&capture.source, capture.name.as_str()) {
        (CaptureSource::Json(path), "token") => format!("without a token at `{path}`"),
        _ => format!("with {place}"),
    };
    failed(&format!("to {purpose} was answered {status}, {what}"))
}

fn not_json(answer: &Answer) -> NotOpen {
    let content = answer.header("content-type").unwrap_or("no content type");
    failed(&format!(
        "answered {} with something that is not JSON ({content})",
        answer.status
    ))
}
