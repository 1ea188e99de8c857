//! Text with `{{ variables }}` and `${ENVIRONMENT}`: cut into pieces, each variable held against
//! what is known where it stands.

use std::ops::Range;

use authz::source::yaml::{Node, Value};
use authz::source::{Diagnostic, Place, nearest};

use super::Reader;
use super::inside::Text;
use super::names::{ResourceName, Stage, TOTP_FIELD};
use crate::model::ActorIndex;
use crate::template::{JsonTemplate, Part, Template, Variable};

/// A piece of a text, as it was written.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'t> {
    /// Text as it is.
    Plain(String),
    /// The name in `${NAME}`.
    Environment(&'t str),
    /// What stands in `{{ ... }}`, trimmed.
    Variable(&'t str),
}

/// A piece and the bytes that it takes.
pub(super) type Placed<'t> = (Piece<'t>, Range<usize>);

/// Which variables a text may use.
#[derive(Clone, Default)]
pub(super) struct Scope<'s> {
    /// Who calls, for `actor.FIELD`.
    pub(super) actor: Option<Holders<'s>>,
    /// To whom the resource belongs, for `owner.FIELD`.
    pub(super) owner: Option<Holders<'s>>,
    /// The resource, for `TYPE.FIELD`.
    pub(super) resource: Option<&'s ResourceName<'s>>,
    /// Whether the fields of named actors have a value, for `actors.NAME.FIELD`.
    pub(super) others: bool,
    /// A type whose resource is not declared, which is told elsewhere.
    pub(super) undeclared: Option<&'s str>,
    /// Whether `unique` has a value.
    pub(super) unique: bool,
    /// Whether `token` has a value.
    pub(super) token: bool,
    /// Whether `totp` has a value.
    pub(super) totp: bool,
}

/// The actors whose fields a text may use; all of them must have the field.
#[derive(Clone)]
pub(super) struct Holders<'s> {
    pub(super) actors: Vec<ActorIndex>,
    pub(super) stage: Stage,
    /// The session that needs the field; then a mistake stands at the actor.
    pub(super) session: Option<&'s str>,
}

/// The variables with a dot that a text mentions, told apart at the first dot. Lenient.
pub(super) fn mentions(text: &str) -> impl Iterator<Item = (&str, &str)> {
    mentions_alone(text).filter_map(|name| name.split_once('.'))
}

/// The variables that a text mentions, as they are written. Lenient.
pub(super) fn mentions_alone(text: &str) -> impl Iterator<Item = &str> {
    let bodies = text.split("{{").skip(1);
    bodies.filter_map(|rest| Some(rest.split_once("}}")?.0.trim()))
}

/// The variable of one-time passwords.
pub(super) const TOTP: &str = "totp";

/// Cuts a text into pieces.
///
/// # Errors
/// The bytes at fault, and what is wrong with them.
pub(super) fn pieces(text: &str) -> Result<Vec<Placed<'_>>, (Range<usize>, String)> {
    let mut found: Vec<Placed<'_>> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let start = text.len() - rest.len();
        let (piece, tail) = if let Some(tail) = rest.strip_prefix("$${") {
            (Piece::Plain("${".to_owned()), tail)
        } else if let Some(tail) = rest.strip_prefix("${") {
            environment(tail).map_err(|message| (start..start + 2, message))?
        } else if let Some(tail) = rest.strip_prefix("{{") {
            let cut = tail.split_once("}}");
            let (name, tail) = cut.ok_or((start..start + 2, "`{{` without `}}`".to_owned()))?;
            (Piece::Variable(name.trim()), tail)
        } else {
            (
                Piece::Plain(first.to_string()),
                rest.strip_prefix(first).unwrap_or(""),
            )
        };
        push(&mut found, piece, start..text.len() - tail.len());
        rest = tail;
    }
    Ok(found)
}

fn environment(tail: &str) -> Result<(Piece<'_>, &str), String> {
    let (name, tail) = tail
        .split_once('}')
        .ok_or("`${` without `}`; `$${` is the text `${`")?;
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!(
            "`{name}` is not the name of an environment variable"
        ));
    }
    Ok((Piece::Environment(name), tail))
}

/// Adjacent plain text is one piece.
fn push<'t>(found: &mut Vec<Placed<'t>>, piece: Piece<'t>, range: Range<usize>) {
    if let Piece::Plain(more) = &piece
        && let Some((Piece::Plain(text), last)) = found.last_mut()
    {
        text.push_str(more);
        last.end = range.end;
        return;
    }
    found.push((piece, range));
}

impl Reader<'_> {
    /// A scalar as a template; a number or boolean is taken as it is written.
    pub(super) fn template(&mut self, node: &Node, scope: &Scope<'_>) -> Option<Template> {
        let text = self.scalar(node)?;
        self.template_of(text, scope)
    }

    /// A text as a template.
    pub(super) fn template_of(&mut self, text: Text<'_>, scope: &Scope<'_>) -> Option<Template> {
        let pieces = self.pieces(text)?;
        let mut parts = Vec::new();
        let mut complete = true;
        for (piece, range) in pieces {
            match piece {
                Piece::Plain(plain) => push_text(&mut parts, &plain),
                Piece::Environment(name) => match self.environment(name, text, range) {
                    Some(value) => {
                        if (self.inputs.environment)(name).is_some() {
                            self.keep_secret(&value);
                        }
                        push_text(&mut parts, &value);
                    }
                    None => complete = false,
                },
                Piece::Variable(name) => match self.variable(name, text, range, scope) {
                    Some(variable) => parts.push(Part::Variable(variable)),
                    None => complete = false,
                },
            }
        }
        complete.then(|| Template {
            parts,
            place: text.place.clone(),
        })
    }

    /// A scalar in which only the environment is filled in.
    pub(super) fn settled(&mut self, node: &Node) -> Option<String> {
        let template = self.template(node, &Scope::default())?;
        Some(as_text(&template))
    }

    /// JSON whose texts are templates.
    pub(super) fn json(&mut self, node: &Node, scope: &Scope<'_>) -> Option<JsonTemplate> {
        match &node.value {
            Value::Scalar(scalar) => match scalar.to_json() {
                serde_json::Value::String(_) => self.template(node, scope).map(JsonTemplate::Text),
                constant => Some(JsonTemplate::Constant(constant)),
            },
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.json(item, scope)).collect();
                items
                    .into_iter()
                    .collect::<Option<_>>()
                    .map(JsonTemplate::List)
            }
            Value::Map(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|entry| Some((entry.key.clone(), self.json(&entry.value, scope)?)))
                    .collect();
                entries
                    .into_iter()
                    .collect::<Option<_>>()
                    .map(JsonTemplate::Map)
            }
        }
    }

    /// A text cut into pieces.
    pub(super) fn pieces<'t>(&mut self, text: Text<'t>) -> Option<Vec<Placed<'t>>> {
        match pieces(text.text) {
            Ok(pieces) => Some(pieces),
            Err((range, message)) => {
                let place = text.place_of(self.inputs.suite, range);
                self.diagnostics.push(Diagnostic::new(place, message));
                None
            }
        }
    }

    /// The value of an environment variable. That it is not set is told once; for a plan its
    /// name stands for it.
    pub(super) fn environment(
        &mut self,
        name: &str,
        text: Text<'_>,
        range: Range<usize>,
    ) -> Option<String> {
        if let Some(value) = (self.inputs.environment)(name) {
            return Some(value);
        }
        if !self.inputs.unset_is_mistake {
            return Some(format!("${{{name}}}"));
        }
        if self.unset.insert(name.to_owned()) {
            let place = text.place_of(self.inputs.suite, range);
            let message = format!("environment variable `{name}` is not set");
            self.diagnostics.push(Diagnostic::new(place, message));
        }
        None
    }

    fn variable(
        &mut self,
        name: &str,
        text: Text<'_>,
        range: Range<usize>,
        scope: &Scope<'_>,
    ) -> Option<Variable> {
        let place = text.place_of(self.inputs.suite, range);
        match name.split_once('.') {
            None if name == "unique" && scope.unique => Some(Variable::Unique),
            None if name == "token" && scope.token => Some(Variable::Token),
            None if name == TOTP && scope.totp => {
                let holders = scope.actor.as_ref()?;
                let needed = format!("actor.{TOTP_FIELD}");
                self.field(&needed, TOTP_FIELD, place, holders, scope)?;
                Some(Variable::Totp)
            }
            Some(("actor", field)) if scope.actor.is_some() => {
                let holders = scope.actor.as_ref()?;
                self.field(name, field, place, holders, scope)?;
                Some(Variable::Actor(field.to_owned()))
            }
            Some(("owner", field)) if scope.owner.is_some() => {
                let holders = scope.owner.as_ref()?;
                self.field(name, field, place, holders, scope)?;
                Some(Variable::Owner(field.to_owned()))
            }
            Some(("actors", named)) if scope.others => self.named(named, place),
            Some((type_name, _)) if scope.undeclared == Some(type_name) => None,
            Some((type_name, field))
                if scope.resource.is_some_and(|it| it.has(type_name, field)) =>
            {
                Some(Variable::Resource {
                    type_name: type_name.to_owned(),
                    field: field.to_owned(),
                })
            }
            _ => {
                self.unknown_variable(name, place, scope);
                None
            }
        }
    }

    /// The variable `actors.NAME.FIELD`, but for its first word.
    fn named(&mut self, named: &str, place: Place) -> Option<Variable> {
        let names = self.names;
        let Some((name, field)) = named.split_once('.') else {
            let message = format!("`actors.{named}` names no field of the actor");
            let help = format!("write `actors.{named}.FIELD`, such as `actors.{named}.id`");
            self.diagnostics
                .push(Diagnostic::new(place, message).help(help));
            return None;
        };
        let Some(actor) = names.actor(name) else {
            if names.is_readable("actors") {
                let known: Vec<&str> = names.actor_names().collect();
                self.diagnostics
                    .push(super::unknown(&place, "actor", name, &known));
            }
            return None;
        };
        let fields = names.fields_of(actor, Stage::Identified)?;
        if !fields.contains(&field) && !self.misspells(actor, field) {
            let message = format!("actor `{name}` has no `{field}`");
            let label = format!("known here: {}", all_of(fields.iter().copied()));
            let mistake = Diagnostic::new(place, message).label(label);
            let mistake = mistake.nearest(field, fields.iter().copied());
            self.diagnostics.push(match field {
                "id" => mistake.help(ID_HELP),
                _ => mistake,
            });
            return None;
        }
        Some(Variable::Named {
            actor,
            name: name.into(),
            field: field.to_owned(),
        })
    }

    /// Checks that every actor concerned has the field.
    fn field(
        &mut self,
        name: &str,
        field: &str,
        place: Place,
        holders: &Holders<'_>,
        scope: &Scope<'_>,
    ) -> Option<()> {
        let names = self.names;
        let mut lacking = holders.actors.clone();
        lacking.retain(|&actor| {
            let fields = names.fields_of(actor, holders.stage);
            fields.is_some_and(|fields| !fields.contains(&field))
        });
        if lacking.len() > 1 && lacking.len() == holders.actors.len() {
            self.unknown_variable(name, place, scope);
            return None;
        }
        lacking.retain(|&actor| !self.misspells(actor, field));
        match holders.session {
            _ if lacking.is_empty() => return Some(()),
            Some(session) => lacking
                .into_iter()
                .for_each(|actor| self.lacks(actor, field, session)),
            None if lacking.len() == holders.actors.len() => {
                self.unknown_variable(name, place, scope);
            }
            None => {
                let without = lacking.iter().filter_map(|&actor| names.actors.get(actor));
                let without = all_of(without.map(|actor| actor.name));
                let message = format!("`{name}` has no value for {without}");
                let label = "each actor that calls here needs it";
                self.diagnostics
                    .push(Diagnostic::new(place, message).label(label));
            }
        }
        None
    }

    fn lacks(&mut self, actor: ActorIndex, field: &str, session: &str) {
        let Some(actor) = self.names.actors.get(actor) else {
            return;
        };
        let message = format!(
            "actor `{}` has no `{field}`, which session `{session}` needs",
            actor.name
        );
        self.diagnostics
            .push(Diagnostic::new(actor.place.clone(), message));
    }

    fn unknown_variable(&mut self, name: &str, place: Place, scope: &Scope<'_>) {
        let known = self.known(scope);
        let known = || known.iter().map(String::as_str);
        let meant = meant(name, known());
        if let Some((_, field)) = meant.and_then(|it| it.split_once('.')) {
            self.meant_fields.insert(field.to_owned());
        }
        let label = match known().next() {
            Some(_) => format!("known here: {}", all_of(known())),
            None => "no variable is known here".to_owned(),
        };
        let mistake = Diagnostic::new(place, format!("unknown variable `{name}`")).label(label);
        self.diagnostics.push(match meant {
            Some(meant) => mistake.help(format!("did you mean `{meant}`?")),
            None if name == "actor.id" && scope.actor.is_some() => mistake.help(ID_HELP),
            None => mistake,
        });
    }

    /// The variables of a scope as users write them.
    fn known(&self, scope: &Scope<'_>) -> Vec<String> {
        let mut known = Vec::new();
        for (base, holders) in [("actor", &scope.actor), ("owner", &scope.owner)] {
            let Some(holders) = holders else {
                continue;
            };
            let fields = holders.actors.iter();
            let fields = fields.filter_map(|&actor| self.names.fields_of(actor, holders.stage));
            for field in fields.flatten() {
                let name = format!("{base}.{field}");
                if !known.contains(&name) {
                    known.push(name);
                }
            }
        }
        if let Some(resource) = scope.resource {
            let fields = resource.fields.iter();
            known.extend(fields.map(|field| format!("{}.{field}", resource.type_name)));
        }
        known.extend(scope.others.then(|| "actors.NAME.FIELD".to_owned()));
        known.extend(scope.unique.then(|| "unique".to_owned()));
        known.extend(scope.token.then(|| "token".to_owned()));
        known.extend(scope.totp.then(|| TOTP.to_owned()));
        known
    }
}

const ID_HELP: &str = "`who` of the session tells the id, or a `capture` named `id`, or the actor has a \
                       field `id`";

/// The variable that was probably meant: one with the same base and a similar field, or else
/// one that is similar as a whole.
fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let Some((base, field)) = name.split_once('.') else {
        return nearest(name, known);
    };
    let same_base = known
        .clone()
        .filter_map(|it| it.split_once('.'))
        .filter(|it| it.0 == base);
    if same_base.clone().next().is_none() {
        return nearest(name, known);
    }
    let field = nearest(field, same_base.map(|it| it.1))?;
    known
        .into_iter()
        .find(|it| it.split_once('.') == Some((base, field)))
}

/// Names as a user reads them: "`a`, `b` and `c`".
fn all_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// The text of a template that holds no variables.
pub(super) fn as_text(template: &Template) -> String {
    let texts = template.parts.iter().map(|part| match part {
        Part::Text(text) => text.as_str(),
        Part::Variable(_) => "",
    });
    texts.collect()
}

fn push_text(parts: &mut Vec<Part>, more: &str) {
    match parts.last_mut() {
        Some(Part::Text(text)) => text.push_str(more),
        _ => parts.push(Part::Text(more.to_owned())),
    }
}
