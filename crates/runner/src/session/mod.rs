//! Sessions of actors: opened once, refreshed or opened again when they die, and asked who they
//! are.

mod expiry;
mod jar;
mod leave;
mod live;
mod mint;
mod opener;
mod secrets;
mod totp;
mod user;
mod vary;

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use suite::model::{ActorIndex, Aging, Capture, Signature, Suite, Variant};
use suite::observation::Answer;
use suite::probe::{Request, Sent};
use suite::secret::Masker;
use suite::template::plain;
use suite::verdict::Opening;

use tokio::sync::{Mutex, OnceCell, RwLock};

use crate::STOPPED;
use crate::caller::World;
use crate::client::Failure;
use crate::scope::Values;
pub(crate) use live::Live;
use opener::Opener;
use secrets::{Secrets, is_secret};
use totp::Codes;
use user::User;
use vary::Spoiling;

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
    /// The target could not be reached.
    pub(crate) is_unreached: bool,
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
    states: Vec<Mutex<Option<Opened>>>,
    /// The users that are made for the run, by actor.
    users: Vec<OnceCell<Result<Arc<User>, String>>>,
    /// Held for reading while a user is made.
    making: RwLock<()>,
    /// The beginning of the unique texts of those users.
    marker: String,
    secrets: Secrets,
    codes: Codes,
    /// Why refreshes that the target did not refuse were worth nothing, by actor.
    in_vain: std::sync::Mutex<BTreeMap<ActorIndex, String>>,
}

impl Sessions {
    pub(crate) fn new(suite: &Suite) -> Self {
        let actors = || suite.actors.iter();
        // The keys of a `RandomState` come from the operating system.
        let random = RandomState::new().hash_one(actors().count()) & 0xffff_ffff;
        Self {
            states: actors().map(|_| Mutex::new(None)).collect(),
            users: actors().map(|_| OnceCell::new()).collect(),
            making: RwLock::default(),
            marker: format!("lk{random:08x}"),
            secrets: Secrets::new(suite.secrets.clone()),
            codes: Codes::default(),
            in_vain: std::sync::Mutex::default(),
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

    /// Remembers what was captured, if that is probably a secret.
    pub(crate) fn hide_captured(&self, capture: &Capture, value: &Value) {
        if is_secret(capture) {
            self.secrets.hide([plain(value)]);
        }
    }

    /// The session of an actor, opened if it never was, and refreshed if its token is about to
    /// expire. A refusal is remembered: a target that locks an account after some tries must not
    /// be helped to it.
    pub(crate) async fn open(
        &self,
        world: &World,
        index: ActorIndex,
        log: &mut Vec<Sending>,
    ) -> Opened {
        let (Some(state), Some(actor)) = (self.states.get(index), world.suite.actors.get(index))
        else {
            return Err(failed("there is no such actor"));
        };
        let mut state = state.lock().await;
        let opened = match &*state {
            Some(Ok(live)) if !actor.is_fixed() && live.wants_refresh(&world.suite) => {
                let live = Arc::clone(live);
                self.renew(world, index, &live, log).await
            }
            Some(opened) => return opened.clone(),
            None => self.open_now(world, index, 0, log).await,
        };
        *state = Some(opened.clone());
        opened
    }

    /// Opens a session again that was found dead, unless somebody else has done so since.
    pub(crate) async fn reopen(
        &self,
        world: &World,
        index: ActorIndex,
        dead: &Live,
        log: &mut Vec<Sending>,
    ) -> Opened {
        let Some(state) = self.states.get(index) else {
            return Err(failed("there is no such actor"));
        };
        let mut state = state.lock().await;
        match &*state {
            Some(Ok(live)) if live.generation > dead.generation => return Ok(Arc::clone(live)),
            Some(Err(not_open)) => return Err(not_open.clone()),
            _ => {}
        }
        let opened = self.renew(world, index, dead, log).await;
        *state = Some(opened.clone());
        opened
    }

    /// A session in place of one that is at its end: refreshed, or else opened anew.
    async fn renew(
        &self,
        world: &World,
        index: ActorIndex,
        dead: &Live,
        log: &mut Vec<Sending>,
    ) -> Opened {
        let opener = Opener::of(world, index);
        if let Some(opener) = &opener
            && let Some(step) = &opener.session.refresh
        {
            let refreshed = match dead.is_refreshed_in_vain() {
                true => Err(failed("the token that it gave never worked")),
                false => opener.refresh(step, dead, log).await,
            };
            match refreshed {
                Ok(live) => return Ok(Arc::new(live)),
                // It may have come too late.
                Err(not_open) if not_open.opening == Opening::Refused => {}
                Err(not_open) if not_open.is_unreached => {}
                Err(not_open) => self.refreshed_in_vain(index, not_open.why),
            }
        }
        let generation = dead.generation + 1;
        self.open_now(world, index, generation, log).await
    }

    fn refreshed_in_vain(&self, index: ActorIndex, why: String) {
        self.in_vain().entry(index).or_insert(why);
    }

    /// Why a refresh of an actor's session that the target did not refuse was worth nothing.
    pub(crate) fn why_refreshed_in_vain(&self, index: ActorIndex) -> Option<String> {
        self.in_vain().get(&index).cloned()
    }

    fn in_vain(&self) -> MutexGuard<'_, BTreeMap<ActorIndex, String>> {
        self.in_vain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open_now(
        &self,
        world: &World,
        index: ActorIndex,
        generation: u32,
        log: &mut Vec<Sending>,
    ) -> Opened {
        let Some(opener) = Opener::of(world, index) else {
            return Ok(Arc::new(Live::default()));
        };
        if let Some(variant) = &opener.actor.variant {
            let spoilt = self.spoil(world, &opener, variant, false, log).await;
            return spoilt.map(Arc::new);
        }
        let known = match &opener.actor.throw_away {
            None => Values::new(),
            Some(made) => {
                let user = self.user(world, index, made, log).await;
                let user = user.map_err(|why| failed(&format!("its user is not made: {why}")))?;
                user.values.clone()
            }
        };
        opener.open(generation, known, log).await.map(Arc::new)
    }

    /// A session of another actor, spoilt; before it has turned, as its own control.
    async fn spoil(
        &self,
        world: &World,
        opener: &Opener<'_>,
        variant: &Variant,
        has_turned: bool,
        log: &mut Vec<Sending>,
    ) -> Result<Live, NotOpen> {
        let like = opener.actor.like.unwrap_or(opener.index);
        let base = match variant {
            // It is waited for the end of a token of its own.
            Variant::Expired(Aging::WaitedOut { .. }) => {
                let base = Opener::of(world, like);
                let base = base.ok_or_else(|| failed("there is no such actor"))?;
                Arc::new(
                    base.open(0, Values::new(), log)
                        .await
                        .map_err(NotOpen::of_base)?,
                )
            }
            _ => self.base(world, like, log).await?,
        };
        let other = match variant {
            Variant::Forged {
                signature: Signature::Of(other),
                ..
            } => Some(self.base(world, *other, log).await?),
            _ => None,
        };
        let spoiling = Spoiling {
            actor: opener.actor,
            session: opener.session,
            variant,
            base: &base,
            other: other.as_deref(),
            has_turned,
        };
        let live = spoiling.live()?;
        let token = live.token().filter(|token| vary::is_token(token));
        self.secrets.hide(token);
        Ok(live)
    }

    async fn base(&self, world: &World, index: ActorIndex, log: &mut Vec<Sending>) -> Opened {
        let opened = Box::pin(self.open(world, index, log)).await;
        opened.map_err(NotOpen::of_base)
    }

    /// Makes a session what it must not be: waits for the end of its token, mints one that is not
    /// good, or lets happen to its user what the suite says.
    pub(crate) async fn turn(
        &self,
        world: &World,
        index: ActorIndex,
        log: &mut Vec<Sending>,
    ) -> Result<(), String> {
        let opened = self.open(world, index, log).await;
        let live = opened.map_err(|not_open| not_open.why)?;
        let opener = Opener::of(world, index);
        let Some((opener, state)) = opener.zip(self.states.get(index)) else {
            return Err("there is no such session".to_owned());
        };
        match &opener.actor.variant {
            None => self.happen(world, index, &live, log).await,
            Some(Variant::Expired(Aging::WaitedOut {
                seconds_max,
                leeway_seconds,
            })) => {
                let seconds = live.seconds_to_wait(*seconds_max, *leeway_seconds)?;
                let name = &opener.actor.name;
                world.tell(format!(
                    "`{name}` waits {seconds} s for the end of its token"
                ));
                match world.stop.sleep(Duration::from_secs(seconds)).await {
                    true => Ok(()),
                    false => Err(STOPPED.to_owned()),
                }
            }
            Some(variant) => {
                let spoilt = self.spoil(world, &opener, variant, true, log).await;
                let spoilt = spoilt.map_err(|not_open| not_open.why)?;
                *state.lock().await = Some(Ok(Arc::new(spoilt)));
                Ok(())
            }
        }
    }

    /// Asks again who a session is; `None` where its kind says nothing about that, or where it is
    /// spoilt.
    pub(crate) async fn identity_now(
        &self,
        world: &World,
        index: ActorIndex,
        live: &Live,
        log: &mut Vec<Sending>,
    ) -> Option<Result<Value, NotOpen>> {
        let opener = Opener::of(world, index)?;
        let who = opener.session.who.as_ref()?;
        live.sent.as_ref().filter(|_| !opener.actor.is_fixed())?;
        Some(opener.ask_who(who, live, log).await)
    }

    /// Whether the system takes a session for one now, be it one that is to be spoilt: it says who
    /// it is. Where it cannot be asked, nobody has seen that.
    pub(crate) async fn is_taken(
        &self,
        world: &World,
        index: ActorIndex,
        log: &mut Vec<Sending>,
    ) -> bool {
        let Ok(live) = self.open(world, index, log).await else {
            return false;
        };
        let Some(opener) = Opener::of(world, index) else {
            return false;
        };
        let Some(who) = &opener.session.who else {
            return false;
        };
        let said = opener.ask_who(who, &live, log).await;
        said.is_ok_and(|identity| !identity.is_null())
    }
}

impl NotOpen {
    /// Seen from a session that is made of this one.
    fn of_base(self) -> Self {
        if self.is_unreached {
            return self;
        }
        failed(&format!(
            "the session that it is made of is not open: {}",
            self.why
        ))
    }
}

fn failed(why: &str) -> NotOpen {
    NotOpen {
        opening: Opening::Failed,
        why: why.to_owned(),
        is_unauthenticated: false,
        is_unreached: false,
    }
}
