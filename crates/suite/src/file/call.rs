//! One call: its target, its caller, method, path, headers and body.

use authz::source::yaml::{Entry, Fields, Node};
use authz::source::{Diagnostic, nearest, one_of};

use super::Reader;
use super::inside::Text;
use super::names::{Stage, entries};
use super::template::{Holders, Piece, Scope};
use crate::model::{ActorIndex, Body, Call, Caller, TargetIndex};
use crate::template::{Part, Template};

/// The methods that a call may have, as keys.
pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Every other key that stands beside a method somewhere.
const OTHER_KEYS: [&str; 32] = [
    "on",
    "as",
    "json",
    "form",
    "body",
    "headers",
    "token",
    "capture",
    "basic",
    "bearer",
    "header",
    "query",
    "who",
    "subject",
    "id",
    "ignore",
    "status",
    "answer",
    "shows",
    "effect",
    "items",
    "of",
    "total",
    "steps",
    "csrf",
    "refresh",
    "host",
    "log",
    "on_denial",
    "malformed",
    "expect",
    "remove",
];

/// The target of a call that does not say `on`.
#[derive(Clone, Copy)]
pub(super) enum DefaultTarget {
    /// There is none: `on` is required.
    Required,
    /// There is none: `on` may also stand at the resource, but does not.
    None,
    /// There is one, but its name has been found wrong already.
    Broken,
    /// This one.
    Is(TargetIndex),
    /// This one, and the call cannot choose another: it stands under the target's name.
    Fixed(TargetIndex),
}

/// What a call may say where it stands.
pub(super) struct CallRules<'s> {
    pub(super) target: DefaultTarget,
    /// Who calls, unless `as` says another.
    pub(super) caller: Caller,
    pub(super) may_say_as: bool,
    /// The owners of the resource, for `as: owner`.
    pub(super) owners: &'s [ActorIndex],
    /// The variables that are known; those of the caller follow from `as` where it may be said.
    pub(super) scope: Scope<'s>,
}

impl Reader<'_> {
    /// The call whose keys stand in `fields`, perhaps among others.
    pub(super) fn call(
        &mut self,
        fields: &mut Fields<'_>,
        node: &Node,
        rules: &CallRules<'_>,
    ) -> Option<Call> {
        let target = self.call_target(fields, rules.target);
        let caller = match fields_as(fields, rules) {
            Some(node) => self.caller(node),
            None => Some(rules.caller),
        };
        let scope = match caller {
            Some(caller) if rules.may_say_as => self.caller_scope(caller, rules),
            _ => rules.scope.clone(),
        };
        let method = self.method(fields, node);
        let path = method.map(|it| self.url_path(&it.value, &scope));
        let body = self.body(fields, &scope);
        let headers = fields.optional("headers");
        let headers = headers.map_or(Some(Vec::new()), |it| {
            self.headers(it, &scope, caller.unwrap_or(Caller::Nobody))
        });
        Some(Call {
            target: target?,
            caller: caller?,
            method: method?.key.clone(),
            path: path??,
            headers: headers?,
            body: body?,
            place: method?.place.clone(),
        })
    }

    /// The target that `on` names.
    pub(super) fn on(&mut self, node: &Node) -> Option<TargetIndex> {
        let names = self.names;
        if let Some(word) = super::names::text(node)
            && names.database(word).is_some()
        {
            let message = format!("target `{word}` is a database: no call goes there");
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
            return None;
        }
        self.name(
            node,
            "target",
            "targets",
            |word| names.target(word),
            &names.targets,
        )
    }

    fn call_target(
        &mut self,
        fields: &mut Fields<'_>,
        default: DefaultTarget,
    ) -> Option<TargetIndex> {
        if let DefaultTarget::Fixed(target) = default {
            return Some(target);
        }
        if let DefaultTarget::Required = default {
            let node = fields.required("on", &mut self.diagnostics)?;
            return self.on(node);
        }
        if let Some(node) = fields.optional("on") {
            return self.on(node);
        }
        match default {
            DefaultTarget::Is(target) | DefaultTarget::Fixed(target) => Some(target),
            DefaultTarget::Broken => None,
            DefaultTarget::Required | DefaultTarget::None => {
                self.diagnostics.push(
                    Diagnostic::new(fields.place.clone(), "the call has no target")
                        .help("say `on` for the call, or for all calls of the resource"),
                );
                None
            }
        }
    }

    /// `owner`, `nobody` or the name of an actor with a session.
    pub(super) fn caller(&mut self, node: &Node) -> Option<Caller> {
        self.caller_or(node, ("owner", Caller::Owner))
    }

    /// A word of the place where the call stands, `nobody` or the name of an actor with a
    /// session.
    pub(super) fn caller_or(&mut self, node: &Node, own: (&str, Caller)) -> Option<Caller> {
        let names = self.names;
        let mut known = vec![own.0, "nobody"];
        known.extend(names.actor_names());
        let find = |word: &str| match word {
            word if word == own.0 => Some(own.1),
            "nobody" => Some(Caller::Nobody),
            _ => names.actor(word).map(Caller::Named),
        };
        let caller = self.name(node, "caller", "actors", find, &known)?;
        let named = match caller {
            Caller::Named(actor) => names.actors.get(actor),
            _ => None,
        };
        if let Some(actor) = named.filter(|actor| actor.shut_out) {
            let message = format!("actor `{}` cannot be relied on", actor.name);
            self.diagnostics.push(
                Diagnostic::new(node.place.clone(), message).label("its session must not work"),
            );
            return None;
        }
        if let Some(actor) = named
            && actor.session.is_none()
        {
            let message = format!("actor `{}` has no session", actor.name);
            self.diagnostics.push(
                Diagnostic::new(node.place.clone(), message)
                    .help("to call without a credential, say `as: nobody`"),
            );
            return None;
        }
        Some(caller)
    }

    fn caller_scope<'s>(&self, caller: Caller, rules: &CallRules<'s>) -> Scope<'s> {
        let actors = match caller {
            Caller::Owner => rules.owners.to_vec(),
            Caller::Named(actor) => vec![actor],
            Caller::Actor | Caller::Nobody => Vec::new(),
        };
        let holders = Holders {
            actors,
            stage: Stage::Identified,
            session: None,
        };
        Scope {
            actor: (caller != Caller::Nobody).then_some(holders),
            ..rules.scope.clone()
        }
    }

    fn method<'n>(&mut self, fields: &mut Fields<'n>, node: &Node) -> Option<&'n Entry> {
        let given: Vec<&Entry> = METHODS
            .into_iter()
            .filter_map(|method| fields.entry(method))
            .collect();
        match given.as_slice() {
            [only] => return Some(only),
            [_, second, ..] => self.diagnostics.push(
                Diagnostic::new(
                    second.place.clone(),
                    format!("a second method, `{}`", second.key),
                )
                .label("a call has exactly one"),
            ),
            // A misspelt method is an unknown key, and told as one.
            // What is wrong with an operation is told where it becomes a method.
            [] if entries(Some(node))
                .any(|it| it.key == "operation" || is_misspelt_method(&it.key)) => {}
            [] => self.diagnostics.push(
                Diagnostic::new(node.place.clone(), "the call has no method")
                    .label(format!("expected {}", one_of(METHODS))),
            ),
        }
        None
    }

    /// Path and query, as they are sent.
    fn url_path(&mut self, node: &Node, scope: &Scope<'_>) -> Option<Template> {
        node.text(&mut self.diagnostics)?;
        let text = Text::of_scalar(node)?;
        let path = self.template_of(text, scope)?;
        let starts_well = match path.parts.first() {
            Some(Part::Text(start)) => start.starts_with('/'),
            _ => false,
        };
        if !starts_well {
            let message = format!("`{}` does not begin with `/`", text.text);
            self.diagnostics.push(
                Diagnostic::new(node.place.clone(), message)
                    .label("a path is added to the address of its target"),
            );
            return None;
        }
        let carried = |c: char| c.is_ascii_graphic() && c != '#';
        let help = "write it percent-encoded, as in `%20`";
        self.check_text(text, &path, carried, "a path", help)
    }

    /// Refuses characters that cannot be sent; where one came from the environment, only the
    /// place is told, for the value is a secret.
    fn check_text(
        &mut self,
        text: Text<'_>,
        template: &Template,
        carried: impl Fn(char) -> bool,
        what: &str,
        help: &str,
    ) -> Option<Template> {
        let mut mistakes = Vec::new();
        for (piece, range) in self.pieces(text)? {
            match piece {
                Piece::Plain(plain) => {
                    let Some((at, c)) = plain.char_indices().find(|&(_, c)| !carried(c)) else {
                        continue;
                    };
                    let at = range.start + at;
                    let message = format!("{what} cannot hold {}", describe(c));
                    mistakes.push((at..at + c.len_utf8(), message));
                }
                Piece::Environment(name) => {
                    let value = (self.inputs.environment)(name).unwrap_or_default();
                    if let Some(c) = value.chars().find(|&c| !carried(c)) {
                        let message =
                            format!("`{name}` holds {}, which {what} cannot hold", describe(c));
                        mistakes.push((range, message));
                    }
                }
                Piece::Variable(_) => {}
            }
        }
        let fine = mistakes.is_empty();
        for (range, message) in mistakes {
            let place = text.place_of(self.inputs.suite, range);
            self.diagnostics
                .push(Diagnostic::new(place, message).help(help));
        }
        fine.then(|| template.clone())
    }

    fn headers(
        &mut self,
        node: &Node,
        scope: &Scope<'_>,
        caller: Caller,
    ) -> Option<Vec<(String, Template)>> {
        let mut headers = Vec::new();
        for entry in node.map(&mut self.diagnostics)? {
            let named = self.header_name(entry);
            if named.is_some()
                && caller != Caller::Nobody
                && entry.key.eq_ignore_ascii_case("authorization")
            {
                self.diagnostics.push(
                    Diagnostic::new(entry.place.clone(), "`Authorization` on a call of an actor")
                        .label("the actor's session sends it"),
                );
            }
            let value = self.header_value(&entry.value, scope);
            headers.push(named.and(value).map(|value| (entry.key.clone(), value)));
        }
        super::complete(headers)
    }

    /// A header name is a token (RFC 9110, section 5.6.2).
    pub(super) fn header_name(&mut self, entry: &Entry) -> Option<()> {
        if is_token(&entry.key) {
            return Some(());
        }
        let message = format!("`{}` is not the name of a header", entry.key);
        self.diagnostics
            .push(Diagnostic::new(entry.place.clone(), message));
        None
    }

    /// A header value: visible ASCII, spaces and tabs (RFC 9110, section 5.5).
    pub(super) fn header_value(&mut self, node: &Node, scope: &Scope<'_>) -> Option<Template> {
        let text = self.scalar(node)?;
        let value = self.template_of(text, scope)?;
        let carried = |c: char| c.is_ascii_graphic() || c == ' ' || c == '\t';
        let help = "a header is one line of ASCII";
        self.check_text(text, &value, carried, "a header", help)
    }

    pub(super) fn body(&mut self, fields: &mut Fields<'_>, scope: &Scope<'_>) -> Option<Body> {
        let json = fields.entry("json");
        let form = fields.entry("form");
        let body = fields.entry("body");
        let mut given = [json, form, body].into_iter().flatten();
        let first = given.next();
        if let Some(second) = given.next() {
            let message = format!("a second body, `{}`", second.key);
            self.diagnostics.push(
                Diagnostic::new(second.place.clone(), message)
                    .label("expected at most one of `json`, `form` and `body`"),
            );
            return None;
        }
        match first.map(|entry| (entry.key.as_str(), &entry.value)) {
            None => Some(Body::Empty),
            Some(("json", node)) => self.json(node, scope).map(Body::Json),
            Some(("form", node)) => {
                let fields = node.map(&mut self.diagnostics)?;
                let fields: Vec<_> = fields
                    .iter()
                    .map(|field| Some((field.key.clone(), self.template(&field.value, scope)?)))
                    .collect();
                super::complete(fields).map(Body::Form)
            }
            Some((_, node)) => {
                node.text(&mut self.diagnostics)?;
                self.template(node, scope).map(Body::Text)
            }
        }
    }
}

fn fields_as<'n>(fields: &mut Fields<'n>, rules: &CallRules<'_>) -> Option<&'n Node> {
    rules.may_say_as.then(|| fields.optional("as")).flatten()
}

fn is_misspelt_method(key: &str) -> bool {
    let known = METHODS.into_iter().chain(OTHER_KEYS);
    nearest(key, known).is_some_and(|near| METHODS.contains(&near) && near != key)
}

/// Whether a text is a token (RFC 9110, section 5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    let carried = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(carried)
}

/// A character that cannot be sent, in words.
pub(super) fn describe(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        '\n' | '\r' => "a line break".to_owned(),
        c if c.is_control() => format!("the control character U+{:04X}", u32::from(c)),
        c => format!("`{c}`"),
    }
}
