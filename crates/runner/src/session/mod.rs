//! Sessions of actors: opened once, refreshed or opened again when they die, and asked who they
//! are.

mod expiry;
mod jar;
mod live;
mod opener;
mod secrets;
mod totp;

use std::sync::Arc;

use serde_json::Value;
use suite::model::{ActorIndex, Suite};
use suite::observation::Answer;
use suite::probe::{Request, Sent};
use suite::secret::Masker;
use suite::verdict::Opening;

use crate::client::{Client, Failure};
pub(crate) use live::Live;
use opener::Opener;
use secrets::Secrets;

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

/// How long before its end a token is refreshed, in seconds: a call must be answered before it
/// expires, and clocks differ a little.
const REFRESH_EARLY_SECONDS: i64 = 2;

/// The sessions of all actors.
#[derive(Debug)]
pub(crate) struct Sessions {
    states: Vec<tokio::sync::Mutex<Option<Opened>>>,
    secrets: Secrets,
}

impl Sessions {
    pub(crate) fn new(suite: &Suite) -> Self {
        let actors = suite.actors.iter();
        Self {
            states: actors.map(|_| tokio::sync::Mutex::new(None)).collect(),
            secrets: Secrets::new(suite.secrets.clone()),
        }
    }

    /// What masks every secret that is known so far.
    pub(crate) fn masker(&self) -> Arc<Masker> {
        self.secrets.masker()
    }

    /// Remembers secrets that an answer told.
    pub(crate) fn hide(&self, secrets: Vec<String>) {
        self.secrets.hide(secrets);
    }

    /// The session of an actor, opened if it never was, and refreshed if its token is about to
    /// expire. A refusal is remembered: a target that locks an account after some tries must not
    /// be helped to it.
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
        let opened = match &*state {
            Some(Ok(live)) if live.is_expired(REFRESH_EARLY_SECONDS) && live.can_refresh(suite) => {
                self.renew(suite, client, actor, &Arc::clone(live), log)
                    .await
            }
            Some(opened) => return opened.clone(),
            None => self.open_now(suite, client, actor, 0, log).await,
        };
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
        let opened = self.renew(suite, client, actor, dead, log).await;
        *state = Some(opened.clone());
        opened
    }

    /// A session in place of one that is at its end: refreshed, or else opened anew.
    async fn renew(
        &self,
        suite: &Suite,
        client: &Client,
        index: ActorIndex,
        dead: &Live,
        log: &mut Vec<Sending>,
    ) -> Opened {
        let opener = Opener::of(suite, client, &self.secrets, index);
        if let Some(opener) = &opener
            && let Some(step) = &opener.session.refresh
            && let Ok(live) = opener.refresh(step, dead, log).await
        {
            return Ok(Arc::new(live));
        }
        let generation = dead.generation + 1;
        self.open_now(suite, client, index, generation, log).await
    }

    async fn open_now(
        &self,
        suite: &Suite,
        client: &Client,
        index: ActorIndex,
        generation: u32,
        log: &mut Vec<Sending>,
    ) -> Opened {
        match Opener::of(suite, client, &self.secrets, index) {
            Some(opener) => opener.open(generation, log).await.map(Arc::new),
            None => Ok(Arc::new(Live::default())),
        }
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
        let opener = Opener::of(suite, client, &self.secrets, actor)?;
        let who = opener.session.who.as_ref()?;
        live.sent.as_ref()?;
        Some(opener.ask_who(who, live, log).await)
    }
}

fn failed(why: &str) -> NotOpen {
    NotOpen {
        opening: Opening::Failed,
        why: why.to_owned(),
        is_unauthenticated: false,
    }
}
