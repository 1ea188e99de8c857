//! Sessions of actors: opened once, opened again when they die, and asked who they are.

use std::sync::{Arc, Mutex, PoisonError};

use authz::Denial;
use serde_json::Value;
use suite::model::{ActorIndex, Caller, Login, Suite, Who};
use suite::observation::{Answer, denial};
use suite::probe::{self, Request, Sent};
use suite::secret::Masker;
use suite::verdict::Opening;

use crate::client::{Client, Failure};
use crate::scope::{CallScope, Known, Values};

/// An open session.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// What is sent with each call; nothing for a visitor.
    pub(crate) sent: Option<Sent>,
    /// What was learnt: `token`, `id` and captures.
    pub(crate) learnt: Values,
    /// Who the system says this is.
    pub(crate) identity: Option<Value>,
    /// Counts the openings, so that two calls that find a session dead open it again once.
    generation: u32,
}

/// Why a session is not open.
#[derive(Debug, Clone)]
pub(crate) struct NotOpen {
    /// Refused by the target, or failed otherwise.
    pub(crate) opening: Opening,
    /// In words.
    pub(crate) why: String,
    /// The target says that there is no session: one that was open has died, and every call
    /// made with it was told so.
    pub(crate) is_unauthenticated: bool,
}

/// A request with its answer, for the record.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) purpose: String,
    pub(crate) actor: Option<ActorIndex>,
    pub(crate) request: Request,
    pub(crate) sent: Option<Sent>,
    pub(crate) result: Result<Arc<Answer>, Failure>,
}

type Opened = Result<Arc<Live>, NotOpen>;

/// The sessions of all actors.
#[derive(Debug)]
pub(crate) struct Sessions {
    states: Vec<tokio::sync::Mutex<Option<Opened>>>,
    secrets: Mutex<Secrets>,
}

/// The secrets that are known so far, and what masks them: made anew when it is first needed
/// after another one was learnt.
#[derive(Debug)]
struct Secrets {
    texts: Vec<String>,
    masker: Option<Arc<Masker>>,
}

impl Sessions {
    pub(crate) fn new(suite: &Suite) -> Self {
        Self {
            states: suite
                .actors
                .iter()
                .map(|_| tokio::sync::Mutex::new(None))
                .collect(),
            secrets: Mutex::new(Secrets {
                texts: suite.secrets.clone(),
                masker: None,
            }),
        }
    }

    /// What masks every secret that is known so far.
    pub(crate) fn masker(&self) -> Arc<Masker> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let Secrets { texts, masker } = &mut *secrets;
        let made = || Arc::new(Masker::new(texts.iter().map(String::as_str)));
        Arc::clone(masker.get_or_insert_with(made))
    }

    /// The session of an actor, opened if it never was. A refusal is remembered: a target that
    /// locks an account after some tries must not be helped to it.
    pub(crate) async fn open(
        &self,
        suite: &Suite,
        client: &Client,
        actor: ActorIndex,
        log: &mut Vec<Sending>,
    ) -> Opened {
        let Some(state) = self.states.get(actor) else {
            return Err(failed("there is no such actor"));
        };
        let mut state = state.lock().await;
        if let Some(opened) = &*state {
            return opened.clone();
        }
        let opened = self.open_now(suite, client, actor, 0, log).await;
        *state = Some(opened.clone());
        opened
    }

    /// Opens a session again that was found dead, unless somebody else has done so since.
    pub(crate) async fn reopen(
        &self,
        suite: &Suite,
        client: &Client,
        actor: ActorIndex,
        dead: &Live,
        log: &mut Vec<Sending>,
    ) -> Opened {
        let Some(state) = self.states.get(actor) else {
            return Err(failed("there is no such actor"));
        };
        let mut state = state.lock().await;
        match &*state {
            Some(Ok(live)) if live.generation > dead.generation => return Ok(Arc::clone(live)),
            Some(Err(not_open)) => return Err(not_open.clone()),
            _ => {}
        }
        let generation = dead.generation + 1;
        let opened = self.open_now(suite, client, actor, generation, log).await;
        *state = Some(opened.clone());
        opened
    }

    async fn open_now(
        &self,
        suite: &Suite,
        client: &Client,
        index: ActorIndex,
        generation: u32,
        log: &mut Vec<Sending>,
    ) -> Opened {
        let Some(actor) = suite.actors.get(index) else {
            return Err(failed("there is no such actor"));
        };
        let Some(session) = actor
            .session
            .and_then(|session| suite.sessions.get(session))
        else {
            return Ok(Arc::new(Live::default()));
        };
        let opener = Opener {
            suite,
            client,
            index,
        };
        let mut learnt = Values::new();
        if let Some(login) = &session.login {
            opener.log_in(login, &mut learnt, log).await?;
        }
        let scope = opener.scope(&learnt);
        let sent = probe::credential(&session.credential, &scope)
            .map_err(|unresolved| failed(&unresolved.to_string()))?;
        self.hide(&sent);
        let identity = match &session.who {
            Some(who) => Some(opener.ask_who(who, &learnt, &sent, log).await?),
            None => None,
        };
        if let Some(identity) = &identity {
            learnt.insert("id".to_owned(), identity.clone());
        }
        Ok(Arc::new(Live {
            sent: Some(sent),
            learnt,
            identity,
            generation,
        }))
    }

    /// Asks again who a session is; `None` where its kind says nothing about that.
    pub(crate) async fn identity_now(
        &self,
        suite: &Suite,
        client: &Client,
        actor: ActorIndex,
        live: &Live,
        log: &mut Vec<Sending>,
    ) -> Option<Result<Value, NotOpen>> {
        let session = suite.sessions.get(suite.actors.get(actor)?.session?)?;
        let who = session.who.as_ref()?;
        let opener = Opener {
            suite,
            client,
            index: actor,
        };
        let sent = live.sent.as_ref()?;
        Some(opener.ask_who(who, &live.learnt, sent, log).await)
    }

    fn hide(&self, sent: &Sent) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.texts.extend(sent.secrets());
        secrets.masker = None;
    }
}

fn failed(why: &str) -> NotOpen {
    NotOpen {
        opening: Opening::Failed,
        why: why.to_owned(),
        is_unauthenticated: false,
    }
}

/// Opens one session.
struct Opener<'a> {
    suite: &'a Suite,
    client: &'a Client,
    index: ActorIndex,
}

impl Opener<'_> {
    fn scope<'b>(&'b self, learnt: &'b Values) -> CallScope<'b> {
        CallScope {
            actor: self
                .suite
                .actors
                .get(self.index)
                .map(|actor| Known { actor, learnt }),
            ..CallScope::default()
        }
    }

    async fn log_in(
        &self,
        login: &Login,
        learnt: &mut Values,
        log: &mut Vec<Sending>,
    ) -> Result<(), NotOpen> {
        debug_assert_eq!(login.call.caller, Caller::Nobody);
        let request = probe::request(self.suite, &login.call, &self.scope(learnt), None)
            .map_err(|unresolved| failed(&unresolved.to_string()))?;
        let answer = self.exchange("log in", request, None, log).await?;
        let json = answer.json().ok_or_else(|| not_json(&answer))?;
        let token = login.token.query(json).first().cloned();
        let token = token.filter(|token| token.is_string() || token.is_number());
        let Some(token) = token else {
            let why = format!(
                "the login answered {}, without a token at `{}`",
                answer.status, login.token
            );
            return Err(failed(&why));
        };
        learnt.insert("token".to_owned(), token);
        for capture in &login.captures {
            let Some(value) = capture.path.query(json).first() else {
                let why = format!("the login's answer has nothing at `{}`", capture.path);
                return Err(failed(&why));
            };
            learnt.insert(capture.name.clone(), value.clone());
        }
        Ok(())
    }

    async fn ask_who(
        &self,
        who: &Who,
        learnt: &Values,
        sent: &Sent,
        log: &mut Vec<Sending>,
    ) -> Result<Value, NotOpen> {
        let request = probe::request(self.suite, &who.call, &self.scope(learnt), Some(sent))
            .map_err(|unresolved| failed(&unresolved.to_string()))?;
        let answer = self
            .exchange("ask who it is", request, Some(sent), log)
            .await?;
        let json = answer.json().ok_or_else(|| not_json(&answer))?;
        who.subject.query(json).first().cloned().ok_or_else(|| {
            failed(&format!(
                "asked who it is, the target says nothing at `{}`",
                who.subject
            ))
        })
    }

    async fn exchange(
        &self,
        purpose: &str,
        request: Request,
        sent: Option<&Sent>,
        log: &mut Vec<Sending>,
    ) -> Result<Arc<Answer>, NotOpen> {
        let result = self.client.send_repeatable(&request).await.map(Arc::new);
        let target = request.target;
        log.push(Sending {
            purpose: purpose.to_owned(),
            actor: sent.map(|_| self.index),
            request,
            sent: sent.cloned(),
            result: result.clone(),
        });
        let answer = result.map_err(|failure| failed(&failure.to_string()))?;
        self.accept(purpose, target, answer)
    }

    /// A 2xx that is not a declared form of no.
    fn accept(
        &self,
        purpose: &str,
        target: usize,
        answer: Arc<Answer>,
    ) -> Result<Arc<Answer>, NotOpen> {
        let target = self.suite.targets.get(target);
        let denied =
            target.and_then(|target| denial(&answer, &target.denies, &CallScope::default()));
        let status = answer.status;
        if (200..300).contains(&status) && denied.is_none() {
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
            why: format!("to {purpose} was answered {status}"),
            is_unauthenticated: denied == Some(Denial::Unauthenticated),
        })
    }
}

fn not_json(answer: &Answer) -> NotOpen {
    let content = answer.header("content-type").unwrap_or("no content type");
    failed(&format!(
        "answered {} with something that is not JSON ({content})",
        answer.status
    ))
}
