//! `sessions:` — how an actor gets in, and what it sends from then on.

use authz::source::yaml::{Entry, Fields, Node};
use authz::source::{Diagnostic, Place};

use super::Reader;
use super::actor::settle;
use super::call::{CallRules, DefaultTarget, METHODS};
use super::names::{Stage, child, entries};
use super::template::{Holders, Scope};
use crate::model::{Caller, CaptureSource, Credential, Session, Step, Who};
use crate::template::{Part, Template, Variable};

/// Keys that only a login has.
const LOGIN_KEYS: [&str; 11] = [
    "on", "json", "form", "body", "headers", "status", "token", "capture", "steps", "csrf",
    "refresh",
];

impl Reader<'_> {
    pub(super) fn session(&mut self, entry: &Entry) -> Option<Session> {
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let mut keys = entries(Some(&entry.value)).map(|it| it.key.as_str());
        let is_login = keys.any(|key| METHODS.contains(&key) || LOGIN_KEYS.contains(&key));
        let target = match is_login && child(&entry.value, "steps").is_some() {
            true => self.default_target(&mut fields),
            false => DefaultTarget::Required,
        };
        let login = is_login.then(|| self.login(&mut fields, entry, target));
        let credential = self.credential(&mut fields, entry, is_login, login.as_ref());
        let csrf = fields.optional("csrf");
        let refresh = fields.optional("refresh");
        let host = fields.optional("host");
        let who = fields.optional("who");
        fields.finish(&mut self.diagnostics);
        let csrf = csrf.map(|it| self.csrf(it, &self.names.captured_by(&entry.key)));
        let refresh =
            refresh.map(|it| self.refresh(it, &entry.key, refresh_target(target, &login)));
        let host = host.map(|it| self.host(it, &entry.key));
        let who = who.map(|it| self.who(it, &entry.key));
        Some(Session {
            name: entry.key.as_str().into(),
            place: entry.place.clone(),
            login: settle(login)?.unwrap_or_default(),
            credential: credential?,
            csrf: settle(csrf)?,
            refresh: settle(refresh)?,
            host: settle(host)?,
            who: settle(who)?,
        })
    }

    /// The target of every step that names none.
    fn default_target(&mut self, fields: &mut Fields<'_>) -> DefaultTarget {
        match fields.optional("on") {
            Some(node) => match self.on(node) {
                Some(target) => DefaultTarget::Is(target),
                None => DefaultTarget::Broken,
            },
            None => DefaultTarget::Required,
        }
    }

    /// The name by which calls of the session name their system.
    fn host(&mut self, node: &Node, session: &str) -> Option<Template> {
        let scope = self.session_scope(session, Stage::Declared, false);
        self.header_value(node, &scope)
    }

    fn who(&mut self, node: &Node, session: &str) -> Option<Who> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let rules = CallRules {
            target: DefaultTarget::Required,
            caller: Caller::Actor,
            may_say_as: false,
            owners: &[],
            scope: self.session_scope(session, Stage::LoggedIn, false),
        };
        let call = self.call(&mut fields, node, &rules);
        let subject = fields.required("subject", &mut self.diagnostics);
        fields.finish(&mut self.diagnostics);
        let subject = subject.and_then(|it| self.path(it));
        Some(Who {
            call: call?,
            subject: subject?,
        })
    }

    /// What the actors of a session can fill in. The credential is sent with `who` too, so it
    /// cannot use what `who` tells.
    pub(super) fn session_scope<'s>(
        &self,
        session: &'s str,
        stage: Stage,
        token: bool,
    ) -> Scope<'s> {
        let actors = self.names.actors.iter().enumerate();
        let actors = actors.filter(|(_, actor)| actor.session == Some(session));
        Scope {
            actor: Some(Holders {
                actors: actors.map(|(index, _)| index).collect(),
                stage,
                session: Some(session),
            }),
            token,
            ..Scope::default()
        }
    }

    fn credential(
        &mut self,
        fields: &mut Fields<'_>,
        entry: &Entry,
        is_login: bool,
        login: Option<&Option<Vec<Step>>>,
    ) -> Option<Option<Credential>> {
        let basic = fields.entry("basic");
        let bearer = fields.entry("bearer");
        let header = fields.entry("header");
        let query = fields.entry("query");
        let given = [basic, bearer, header, query].into_iter().flatten();
        if let Some(second) = given.clone().nth(1) {
            let message = format!("a second credential, `{}`", second.key);
            self.diagnostics.push(
                Diagnostic::new(second.place.clone(), message).label("a session sends exactly one"),
            );
            return None;
        }
        // Where the login is broken, nobody can say whether it has a token.
        let steps = login.and_then(Option::as_ref);
        let sources = steps.map(|steps| token_source(steps));
        let has_token = is_login && !matches!(sources, Some(None));
        let scope = self.session_scope(&entry.key, Stage::LoggedIn, has_token);
        let credential = match given.map(|it| (it.key.as_str(), it)).next() {
            None if is_login => {
                return Some(sources?.map(|source| by_default(source, &entry.place)));
            }
            None => {
                self.no_credential(entry);
                None
            }
            Some(("basic", basic)) => self.basic(basic, is_login, &scope),
            Some(("bearer", bearer)) => {
                self.template(&bearer.value, &scope).map(Credential::Bearer)
            }
            Some(("header", header)) => {
                let (name, value) = self.only_pair(&header.value)?;
                let named = self.header_name(name);
                let value = self.header_value(value, &scope);
                named?;
                Some(Credential::Header {
                    name: name.key.clone(),
                    value: value?,
                })
            }
            Some((_, query)) => {
                let (name, value) = self.only_pair(&query.value)?;
                let value = self.template(value, &scope)?;
                Some(Credential::Query {
                    name: name.key.clone(),
                    value,
                })
            }
        };
        credential.map(Some)
    }

    fn no_credential(&mut self, entry: &Entry) {
        let message = format!("session `{}` sends nothing", entry.key);
        let help = "give it a login (`POST: /login` with `token`), or exactly one of `basic`, \
                    `bearer`, `header` and `query`";
        self.diagnostics
            .push(Diagnostic::new(entry.place.clone(), message).help(help));
    }

    fn basic(&mut self, basic: &Entry, is_login: bool, scope: &Scope<'_>) -> Option<Credential> {
        if is_login {
            let message = "`basic` beside a login";
            self.diagnostics.push(
                Diagnostic::new(basic.place.clone(), message)
                    .label("a user name and password are sent as they are"),
            );
        }
        let mut fields = basic.value.fields(&mut self.diagnostics)?;
        let user = fields.required("user", &mut self.diagnostics);
        let password = fields.required("password", &mut self.diagnostics);
        fields.finish(&mut self.diagnostics);
        let user = user.map(|it| self.template(it, scope));
        let password = password.map(|it| self.template(it, scope));
        Some(Credential::Basic {
            user: user??,
            password: password??,
        })
    }

    /// The one entry of `{ NAME: value }`.
    fn only_pair<'n>(&mut self, node: &'n Node) -> Option<(&'n Entry, &'n Node)> {
        match node.map(&mut self.diagnostics)? {
            [only] => Some((only, &only.value)),
            _ => {
                let message = "expected exactly one name with its value";
                self.diagnostics
                    .push(Diagnostic::new(node.place.clone(), message));
                None
            }
        }
    }
}

/// Where the login finds its token; the last step that has one decides.
fn token_source(steps: &[Step]) -> Option<&CaptureSource> {
    let mut tokens = steps.iter().rev().filter_map(|step| step.token.as_ref());
    tokens.next().map(|token| &token.source)
}

/// How a token is sent where the suite does not say: as it came, if it came as a cookie.
fn by_default(source: &CaptureSource, place: &Place) -> Credential {
    match source {
        CaptureSource::Cookie(name) => Credential::Cookie(name.clone()),
        _ => Credential::Bearer(token(place)),
    }
}

/// A refresh goes where the login went, unless it says otherwise.
fn refresh_target(steps: DefaultTarget, login: &Option<Option<Vec<Step>>>) -> DefaultTarget {
    let Some(Some(login)) = login else {
        return DefaultTarget::Broken;
    };
    match (steps, login.last()) {
        (DefaultTarget::Required, Some(last)) => DefaultTarget::Is(last.call.target),
        (steps, _) => steps,
    }
}

/// What a login answered, as the credential.
fn token(place: &Place) -> Template {
    Template {
        parts: vec![Part::Variable(Variable::Token)],
        place: place.clone(),
    }
}
