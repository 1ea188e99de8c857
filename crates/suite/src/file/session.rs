//! `sessions:` — how an actor gets in, and what it sends from then on.

use authz::source::yaml::{Entry, Fields, Node};
use authz::source::{Diagnostic, Place};

use super::Reader;
use super::call::{CallRules, DefaultTarget, METHODS};
use super::names::{Stage, entries};
use super::template::{Holders, Scope};
use crate::model::{Caller, Capture, Credential, Login, Session, Who};
use crate::template::{Part, Template, Variable};

/// Keys that only a login has.
const LOGIN_KEYS: [&str; 7] = ["on", "json", "form", "body", "headers", "token", "capture"];
/// Names under which an actor is known already.
const CAPTURES_RESERVED: [&str; 3] = ["name", "subject", "tenant"];

impl Reader<'_> {
    pub(super) fn session(&mut self, entry: &Entry) -> Option<Session> {
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let mut keys = entries(Some(&entry.value)).map(|it| it.key.as_str());
        let is_login = keys.any(|key| METHODS.contains(&key) || LOGIN_KEYS.contains(&key));
        let login = is_login.then(|| self.login(&mut fields, entry));
        let credential = self.credential(&mut fields, entry, is_login);
        let who = fields.optional("who");
        fields.finish(&mut self.diagnostics);
        let who = who.map(|it| self.who(it, &entry.key));
        Some(Session {
            name: entry.key.as_str().into(),
            place: entry.place.clone(),
            login: match login {
                Some(login) => Some(login?),
                None => None,
            },
            credential: credential?,
            who: match who {
                Some(who) => Some(who?),
                None => None,
            },
        })
    }

    fn login(&mut self, fields: &mut Fields<'_>, entry: &Entry) -> Option<Login> {
        let rules = CallRules {
            target: DefaultTarget::Required,
            caller: Caller::Nobody,
            may_say_as: false,
            owners: &[],
            scope: self.session_scope(&entry.key, Stage::Declared, false),
        };
        let call = self.call(fields, &entry.value, &rules);
        let token = fields.required("token", &mut self.diagnostics);
        let captures = fields.optional("capture");
        let token = token.and_then(|it| self.path(it));
        let captures = captures.map_or(Some(Vec::new()), |it| {
            self.captures(it, &CAPTURES_RESERVED, "every actor has it already")
        });
        Some(Login {
            call: call?,
            token: token?,
            captures: captures?,
        })
    }

    /// What to remember of an answer.
    pub(super) fn captures(
        &mut self,
        node: &Node,
        reserved: &[&str],
        meaning: &str,
    ) -> Option<Vec<Capture>> {
        let captures = self.all(node, |reader, entry| {
            reader.check_not_reserved(entry, reserved, meaning);
            let path = reader.path(&entry.value)?;
            Some(Capture {
                name: entry.key.clone(),
                path,
                place: entry.place.clone(),
            })
        })?;
        super::complete(captures)
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
    fn session_scope<'s>(&self, session: &'s str, stage: Stage, token: bool) -> Scope<'s> {
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
    ) -> Option<Credential> {
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
        let scope = self.session_scope(&entry.key, Stage::LoggedIn, is_login);
        match given.map(|it| (it.key.as_str(), it)).next() {
            None if is_login => Some(Credential::Bearer(token(&entry.place))),
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
        }
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

/// What a login answered, as the credential.
fn token(place: &Place) -> Template {
    Template {
        parts: vec![Part::Variable(Variable::Token)],
        place: place.clone(),
    }
}
