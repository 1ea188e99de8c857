//! `like:` — an actor that takes over another one's session — and what is wrong with it then.

use authz::source::Diagnostic;
use authz::source::yaml::{Entry, Fields, Node};

use super::Reader;
use super::names::{child, entries, is_actor_key};
use crate::model::{Actor, ActorIndex, Aging, Signature, Variant};

/// What `token` can say; `claims`, `signature` and `algorithm` go together.
const KINDS: [&str; 5] = ["expired", "not_yet_valid", "forged", "garbage", "empty"];
/// The longest wait for the end of a token, and how long after it targets may still take it,
/// where the suite does not say, in seconds.
const WAIT_SECONDS_MAX: u64 = 90;
const LEEWAY_SECONDS: u64 = 60;

impl Reader<'_> {
    /// The key that spoils the session, if there is one.
    pub(super) fn variant_entry<'n>(
        &mut self,
        fields: &mut Fields<'n>,
        actor: &'n Node,
    ) -> Option<&'n Entry> {
        let is_given =
            |key| entries(Some(actor)).any(|entry| entry.key == key && is_actor_key(entry));
        let token = is_given("token").then(|| fields.entry("token")).flatten();
        let csrf = is_given("csrf").then(|| fields.entry("csrf")).flatten();
        if let (Some(_), Some(csrf)) = (token, csrf) {
            let message = "`csrf` beside `token`";
            self.diagnostics.push(
                Diagnostic::new(csrf.place.clone(), message)
                    .label("a session is spoilt in one point"),
            );
        }
        token.or(csrf)
    }

    /// A spoilt session has everything but the spoilt point from the one that it is like.
    pub(super) fn check_nothing_own(&mut self, actor: &Node) {
        let is_own = |it: &&Entry| it.key != "like" && !(is_actor_key(it) && is_spoiler(it));
        for own in entries(Some(actor)).filter(is_own) {
            let message = format!("`{}` of a session that is spoilt", own.key);
            self.diagnostics.push(
                Diagnostic::new(own.place.clone(), message)
                    .label("it has everything from the actor that it is like"),
            );
        }
    }

    /// The actor whose session is taken over.
    pub(super) fn like(&mut self, node: &Node, entry: &Entry) -> Option<ActorIndex> {
        let names = self.names;
        let known: Vec<&str> = names.actor_names().filter(|it| *it != entry.key).collect();
        let find = |word: &str| names.actor(word).filter(|_| word != entry.key);
        let index = self.name(node, "actor", "actors", find, &known)?;
        let base = names.actors.get(index)?;
        let why = if base.like.is_some() {
            "is like another one itself"
        } else if base.created {
            "is made for the run, with a user of its own"
        } else if base.session.is_none() && child(&entry.value, "token").is_some() {
            "has no session"
        } else {
            return Some(index);
        };
        let message = format!("actor `{}` {why}", base.name);
        self.diagnostics
            .push(Diagnostic::new(node.place.clone(), message));
        None
    }

    /// Gives every actor that is like another what that one has and it has not.
    pub(super) fn take_over(&mut self, actors: &mut [Option<Actor>]) {
        for index in 0..actors.len() {
            let like = actors.get(index).and_then(|it| it.as_ref()?.like);
            let base = like.and_then(|like| actors.get(like)?.as_ref());
            let Some(base) = base else {
                continue;
            };
            let (session, subject, tenant) =
                (base.session, base.subject.clone(), base.tenant.clone());
            let signed_in = base.signed_in;
            let (roles, attributes) = (base.roles.clone(), base.attributes.clone());
            let (scopes, claims) = (base.scopes.clone(), base.claims.clone());
            let fields = base.fields.clone();
            let Some(Some(actor)) = actors.get_mut(index) else {
                continue;
            };
            actor.session = actor.session.or(session);
            actor.signed_in |= signed_in;
            actor.subject = actor.subject.take().or(subject);
            actor.tenant = actor.tenant.take().or(tenant);
            if actor.roles.is_empty() {
                actor.roles = roles;
            }
            if actor.attributes.is_empty() {
                actor.attributes = attributes;
            }
            actor.scopes = actor.scopes.take().or(scopes);
            if actor.claims.is_empty() {
                actor.claims = claims;
            }
            for (name, value) in fields {
                actor.fields.entry(name).or_insert(value);
            }
        }
    }

    /// What is wrong with the session.
    pub(super) fn variant(
        &mut self,
        entry: &Entry,
        actor: &Entry,
        has_like: bool,
    ) -> Option<Variant> {
        if !has_like {
            let message = format!("`{}` without `like`", entry.key);
            let help = "name with `like` the actor whose session is spoilt";
            self.diagnostics
                .push(Diagnostic::new(entry.place.clone(), message).help(help));
        }
        if entry.key == "csrf" {
            return Some(Variant::CsrfAbsent);
        }
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let expired = fields.optional("expired");
        let not_yet_valid = fields.optional("not_yet_valid");
        let garbage = fields.optional("garbage");
        let empty = fields.optional("empty");
        let claims = fields.optional("claims");
        let signature = fields.optional("signature");
        let algorithm = fields.optional("algorithm");
        fields.finish(&mut self.diagnostics);
        let forged = claims.or(signature).or(algorithm);
        let given = [expired, not_yet_valid, forged, garbage, empty];
        let mut kinds = KINDS
            .into_iter()
            .zip(given)
            .filter_map(|(kind, node)| Some((kind, node?)));
        let (Some((kind, node)), None) = (kinds.next(), kinds.next()) else {
            self.not_one_kind(&entry.value);
            return None;
        };
        match kind {
            "expired" => self.aging(node).map(Variant::Expired),
            "not_yet_valid" => {
                let mut fields = node.fields(&mut self.diagnostics)?;
                let key = fields.required("mint", &mut self.diagnostics);
                fields.finish(&mut self.diagnostics);
                let key = self.settled(key?)?;
                Some(Variant::NotYetValid { key })
            }
            "garbage" => self.only_true(node).map(|()| Variant::Garbage),
            "empty" => self.only_true(node).map(|()| Variant::Empty),
            _ => self.forged(&entry.value, actor, claims, signature, algorithm),
        }
    }

    fn not_one_kind(&mut self, node: &Node) {
        let message = "expected one thing that is wrong with the token";
        self.diagnostics
            .push(Diagnostic::new(node.place.clone(), message).label(
                "`expired`, `not_yet_valid`, `garbage`, `empty`, or `claims`, `signature` and \
                 `algorithm`",
            ));
    }

    fn aging(&mut self, node: &Node) -> Option<Aging> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        if child(node, "wait").is_none() {
            let key = fields.required("mint", &mut self.diagnostics);
            fields.finish(&mut self.diagnostics);
            return self.settled(key?).map(Aging::Minted);
        }
        let wait = fields.optional("wait");
        let at_most = fields.optional("at_most");
        let leeway = fields.optional("leeway");
        fields.finish(&mut self.diagnostics);
        let wait = wait.and_then(|it| self.only_true(it));
        let at_most = at_most.map_or(Some(WAIT_SECONDS_MAX), |it| self.seconds(it));
        let leeway = leeway.map_or(Some(LEEWAY_SECONDS), |it| self.seconds(it));
        wait?;
        Some(Aging::WaitedOut {
            seconds_max: at_most?,
            leeway_seconds: leeway?,
        })
    }

    /// `90s` or `2m`.
    fn seconds(&mut self, node: &Node) -> Option<u64> {
        let text = node.text(&mut self.diagnostics)?;
        let units = [("s", 1), ("m", 60)];
        let found = units.into_iter().find_map(|(unit, seconds)| {
            let number = text.strip_suffix(unit)?;
            let is_number = number.len() <= 4 && number.chars().all(|c| c.is_ascii_digit());
            let number: u64 = is_number.then(|| number.parse().ok())??;
            Some(number * seconds)
        });
        if found.is_none() {
            let message = format!("`{text}` is no time");
            self.diagnostics.push(
                Diagnostic::new(node.place.clone(), message)
                    .label("expected seconds or minutes, as in `90s` or `2m`"),
            );
        }
        found
    }

    /// Words that are only there to be said.
    pub(super) fn only_true(&mut self, node: &Node) -> Option<()> {
        if node.boolean(&mut self.diagnostics)? {
            return Some(());
        }
        let message = "expected `true`";
        self.diagnostics
            .push(Diagnostic::new(node.place.clone(), message).label("or leave it out"));
        None
    }

    fn forged(
        &mut self,
        node: &Node,
        actor: &Entry,
        claims: Option<&Node>,
        signature: Option<&Node>,
        algorithm: Option<&Node>,
    ) -> Option<Variant> {
        let replaced = claims.map_or(Some(serde_json::Map::new()), |it| self.claims(it));
        if let Some(algorithm) = algorithm {
            let word = algorithm.text(&mut self.diagnostics)?;
            if word != "none" {
                let mistake = super::unknown(&algorithm.place, "algorithm", word, &["none"]);
                self.diagnostics.push(mistake);
            }
            if let Some(signature) = signature {
                let message = "`signature` beside `algorithm: none`";
                self.diagnostics
                    .push(Diagnostic::new(signature.place.clone(), message));
            }
            return Some(Variant::Unsigned { claims: replaced? });
        }
        let Some(signature) = signature else {
            let help = "say `signature: kept`, or `algorithm: none`";
            let message = "nothing says how the claims are signed";
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message).help(help));
            return None;
        };
        let kept = self.signature(signature, actor)?;
        if kept == Signature::Kept && claims.is_none() {
            let message = "the signature is kept and no claim is changed";
            self.diagnostics.push(
                Diagnostic::new(signature.place.clone(), message)
                    .label("the token would be as good as before"),
            );
        }
        Some(Variant::Forged {
            claims: replaced?,
            signature: kept,
        })
    }

    fn claims(&mut self, node: &Node) -> Option<serde_json::Map<String, serde_json::Value>> {
        let claims = self.attributes(node)?;
        if claims.is_empty() {
            let message = "no claim is given";
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
        }
        Some(claims)
    }

    /// `kept`, or `of ACTOR`.
    fn signature(&mut self, node: &Node, actor: &Entry) -> Option<Signature> {
        let text = node.text(&mut self.diagnostics)?;
        if text == "kept" {
            return Some(Signature::Kept);
        }
        let Some(name) = text.strip_prefix("of ").map(str::trim) else {
            let message = format!("unknown signature `{text}`");
            self.diagnostics.push(
                Diagnostic::new(node.place.clone(), message).label("expected `kept` or `of ACTOR`"),
            );
            return None;
        };
        let names = self.names;
        let named = names.actors.iter().position(|it| it.name == name);
        let base = child(&actor.value, "like").and_then(super::names::text);
        let usable = |index: &ActorIndex| {
            let actor = names.actors.get(*index);
            actor.is_some_and(|it| it.session.is_some() && !it.shut_out && Some(it.name) != base)
        };
        if let Some(index) = named.filter(usable) {
            return Some(Signature::Of(index));
        }
        let message = match named {
            Some(_) => format!("actor `{name}` has no live token of its own"),
            None => format!("unknown actor `{name}`"),
        };
        self.diagnostics
            .push(Diagnostic::new(node.place.clone(), message));
        None
    }
}

/// Whether a key says what is wrong with a session.
fn is_spoiler(entry: &Entry) -> bool {
    ["token", "csrf"].contains(&entry.key.as_str())
}
