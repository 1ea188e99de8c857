//! What a suite declares, gathered before anything is checked: a thing whose description is
//! broken still has its name, so that one mistake does not make five.

use authz::source::yaml::{Entry, Node, Value};
use authz::source::{Place, nearest};

use super::call::METHODS;
use super::database::POSTGRES;
use super::template::{TOTP, mentions, mentions_alone};
use crate::model::{
    ActionIndex, ActorIndex, DatabaseIndex, ResourceIndex, SessionIndex, TargetIndex,
};

/// The keys of an actor that are not fields of the user's own.
pub(super) const ACTOR_KEYS: [&str; 12] = [
    "session",
    "only",
    "subject",
    "tenant",
    "roles",
    "attributes",
    "scopes",
    "claims",
    "like",
    "create",
    "then",
    "remove",
];
/// The field of an actor from which its one-time passwords are made.
pub(super) const TOTP_FIELD: &str = "totp_secret";
/// The keys of an action that are not targets.
pub(super) const ACTION_KEYS: [&str; 3] = ["permission", "expect", "control"];

/// The parts of a suite that declare names.
const SECTIONS: [&str; 5] = ["targets", "sessions", "actors", "resources", "actions"];
const REQUIRED: [&str; 3] = ["targets", "actors", "actions"];

/// All names of a suite, each list in the order of the file.
#[derive(Default)]
pub(super) struct Names<'a> {
    /// The targets that are called.
    pub(super) targets: Vec<&'a str>,
    /// The targets that are databases.
    pub(super) databases: Vec<&'a str>,
    pub(super) sessions: Vec<SessionName<'a>>,
    pub(super) actors: Vec<ActorName<'a>>,
    pub(super) resources: Vec<ResourceName<'a>>,
    pub(super) actions: Vec<ActionName<'a>>,
    /// The fields of actors that are used anywhere: `email` of `{{ actor.email }}`.
    pub(super) used_fields: Vec<&'a str>,
    /// Sections, and types of actions, that are there but cannot be read, so that nobody can say
    /// which names they declare.
    unreadable: Vec<&'a str>,
}

pub(super) struct SessionName<'a> {
    pub(super) name: &'a str,
    /// What the login remembers of its answers, with the step that does.
    pub(super) captures: Vec<(usize, &'a str)>,
    /// Whether it says `who`.
    pub(super) who: bool,
    /// Whether it is too broken to be asked.
    broken: bool,
}

pub(super) struct ActorName<'a> {
    pub(super) name: &'a str,
    pub(super) place: &'a Place,
    pub(super) session: Option<&'a str>,
    pub(super) only_setup: bool,
    /// The actor whose session it takes over, as written.
    pub(super) like: Option<&'a str>,
    /// Whether that session is spoilt, or its own is in mid-run.
    pub(super) shut_out: bool,
    /// Whether it is made for the run.
    pub(super) created: bool,
    /// The keys that are given: fields, and `subject` and `tenant` too.
    keys: Vec<&'a str>,
    /// Whether it is too broken to be asked.
    broken: bool,
}

pub(super) struct ResourceName<'a> {
    pub(super) type_name: &'a str,
    /// `id`, and what `create` captures.
    pub(super) fields: Vec<&'a str>,
    pub(super) owners: Vec<&'a str>,
    pub(super) views: Vec<ViewName<'a>>,
    /// Whether it is too broken to be asked.
    pub(super) broken: bool,
}

pub(super) struct ViewName<'a> {
    pub(super) name: &'a str,
    /// Whether it shows one resource, and not a list of them.
    pub(super) of_instance: bool,
    /// Whether it grows with every call.
    pub(super) log: bool,
}

pub(super) struct ActionName<'a> {
    pub(super) type_name: &'a str,
    pub(super) name: &'a str,
    pub(super) place: &'a Place,
    /// Whether a call names a resource of the type; unknown where a call is broken.
    pub(super) on_instance: Option<bool>,
    /// Whether it says `expect: absent`.
    pub(super) absent: bool,
    /// The targets on which it is tried, as written.
    pub(super) layers: Vec<&'a str>,
}

/// How far a run has come when a value of an actor is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Only what the file says is known.
    Declared,
    /// The login is at this step, and knows what earlier ones captured.
    LoggingIn(usize),
    /// The login has answered.
    LoggedIn,
    /// The system has said who it is.
    Identified,
    /// A probe is made: a visitor has an id, a subject and a tenant too, though nobody's.
    Probing,
}

impl<'a> Names<'a> {
    /// The names in a suite, whatever else is wrong with it.
    pub(super) fn of(root: &'a Node) -> Self {
        let mut used_fields = Vec::new();
        fields_used(root, &mut used_fields);
        let (databases, targets): (Vec<&Entry>, Vec<&Entry>) =
            entries(child(root, "targets")).partition(|entry| is_database(entry));
        let key = |entry: &&'a Entry| entry.key.as_str();
        let databases: Vec<&str> = databases.iter().map(key).collect();
        Self {
            targets: targets.iter().map(key).collect(),
            sessions: entries(child(root, "sessions")).map(session).collect(),
            actors: actors(root),
            resources: entries(child(root, "resources")).map(resource).collect(),
            actions: entries(child(root, "actions"))
                .flat_map(|of_type| {
                    let databases = &databases;
                    entries(Some(&of_type.value))
                        .map(move |entry| action(&of_type.key, entry, databases))
                })
                .collect(),
            databases,
            used_fields,
            unreadable: unreadable(root),
        }
    }

    /// Whether a section, or the actions of a type, can be read, so that a name that is not
    /// found there is a mistake.
    pub(super) fn is_readable(&self, section: &str) -> bool {
        !self.unreadable.contains(&section)
    }

    pub(super) fn target(&self, name: &str) -> Option<TargetIndex> {
        self.targets.iter().position(|it| *it == name)
    }

    pub(super) fn database(&self, name: &str) -> Option<DatabaseIndex> {
        self.databases.iter().position(|it| *it == name)
    }

    /// All targets, whatever they are.
    pub(super) fn all_targets(&self) -> Vec<&'a str> {
        self.targets
            .iter()
            .chain(&self.databases)
            .copied()
            .collect()
    }

    pub(super) fn session(&self, name: &str) -> Option<SessionIndex> {
        self.sessions.iter().position(|it| it.name == name)
    }

    pub(super) fn actor(&self, name: &str) -> Option<ActorIndex> {
        self.actors.iter().position(|it| it.name == name)
    }

    pub(super) fn resource(&self, type_name: &str) -> Option<ResourceIndex> {
        self.resources
            .iter()
            .position(|it| it.type_name == type_name)
    }

    pub(super) fn action(&self, type_name: &str, name: &str) -> Option<ActionIndex> {
        self.actions
            .iter()
            .position(|it| it.type_name == type_name && it.name == name)
    }

    /// What the login of a session captures.
    pub(super) fn captured_by(&self, session: &str) -> Vec<&'a str> {
        let session = self.sessions.iter().filter(|it| it.name == session);
        let captures = session.flat_map(|it| &it.captures);
        captures.map(|(_, name)| *name).collect()
    }

    pub(super) fn actor_names(&self) -> impl Iterator<Item = &'a str> {
        self.actors.iter().map(|it| it.name)
    }

    /// The actors that are tried.
    pub(super) fn probing(&self) -> impl Iterator<Item = (ActorIndex, &ActorName<'a>)> {
        let numbered = self.actors.iter().enumerate();
        numbered.filter(|(_, actor)| !actor.only_setup)
    }

    /// The fields `actor.FIELD` that have a value at a stage, or `None` if a mistake elsewhere
    /// makes that impossible to say.
    pub(super) fn fields_of(&self, actor: ActorIndex, stage: Stage) -> Option<Vec<&'a str>> {
        let actor = self.actors.get(actor).filter(|it| !it.broken)?;
        let mut fields = actor.keys.clone();
        fields.push("name");
        let Some(session) = actor.session else {
            if stage == Stage::Probing {
                fields.extend(["id", "subject", "tenant"]);
            }
            return Some(fields);
        };
        let session = self.sessions.iter().find(|it| it.name == session)?;
        if session.broken {
            return None;
        }
        let known = session.captures.iter();
        let known = known.filter(|(step, _)| stage > Stage::LoggingIn(*step));
        fields.extend(known.map(|(_, name)| name));
        if stage >= Stage::Identified && session.who {
            fields.push("id");
        }
        Some(fields)
    }
}

impl ActorName<'_> {
    /// Whether anything is said of the actor: it is no mere visitor.
    pub(super) fn is_somebody(&self) -> bool {
        self.session.is_some() || self.keys.contains(&"subject")
    }
}

impl ResourceName<'_> {
    /// Whether `TYPE.FIELD` is a value of this resource.
    pub(super) fn has(&self, type_name: &str, field: &str) -> bool {
        self.type_name == type_name && (self.broken || self.fields.contains(&field))
    }
}

fn unreadable(root: &Node) -> Vec<&str> {
    let given = || entries(Some(root)).map(|entry| entry.key.as_str());
    let mut found: Vec<&str> = SECTIONS
        .into_iter()
        .filter(|section| match child(root, section) {
            Some(node) => !is_map(node),
            // What is required and missing has been told; what is misspelt, too.
            None => {
                let misspelt = |key: &str| nearest(key, SECTIONS) == Some(section);
                REQUIRED.contains(section) || given().any(misspelt)
            }
        })
        .collect();
    let types = entries(child(root, "actions"));
    let broken = types.filter(|of_type| !is_map(&of_type.value));
    found.extend(broken.map(|of_type| of_type.key.as_str()));
    found
}

fn session(entry: &Entry) -> SessionName<'_> {
    let alone = (0, &entry.value);
    let steps = child(&entry.value, "steps").map(|steps| match &steps.value {
        Value::List(steps) => steps.iter().enumerate().collect(),
        _ => Vec::new(),
    });
    let steps = steps.unwrap_or_else(|| vec![alone]);
    let captures = steps.into_iter().flat_map(|(index, step)| {
        let captures = entries(child(step, "capture"));
        captures.map(move |capture| (index, capture.key.as_str()))
    });
    SessionName {
        name: &entry.key,
        captures: captures.collect(),
        who: child(&entry.value, "who").is_some(),
        broken: !is_map(&entry.value),
    }
}

/// The actors; one that is like another has what that one has.
fn actors(root: &Node) -> Vec<ActorName<'_>> {
    let mut actors: Vec<ActorName<'_>> = entries(child(root, "actors")).map(actor).collect();
    for index in 0..actors.len() {
        let like = actors.get(index).and_then(|actor| actor.like);
        let base = actors.iter().find(|it| Some(it.name) == like);
        let Some((session, keys, broken)) =
            base.map(|base| (base.session, base.keys.clone(), base.broken))
        else {
            continue;
        };
        if let Some(actor) = actors.get_mut(index) {
            actor.session = actor.session.or(session);
            actor.keys.extend(keys);
            actor.broken |= broken;
        }
    }
    actors
}

/// Whether a key of an actor means something of its own, and is no field. A field may be called
/// `token` or `csrf`.
pub(super) fn is_actor_key(field: &Entry) -> bool {
    match field.key.as_str() {
        "token" => is_map(&field.value),
        "csrf" => text(&field.value) == Some("absent"),
        key => ACTOR_KEYS.contains(&key),
    }
}

fn actor(entry: &Entry) -> ActorName<'_> {
    let fields = entries(Some(&entry.value)).filter(|it| !is_actor_key(it));
    let keys = fields.map(|it| it.key.as_str());
    let create = child(&entry.value, "create");
    let captured = entries(create.and_then(|it| child(it, "capture")));
    let captured = captured.map(|it| it.key.as_str());
    let id = create.and_then(|it| child(it, "id")).map(|_| "id");
    let declared = entries(Some(&entry.value)).map(|it| it.key.as_str());
    let declared = declared.filter(|key| ["subject", "tenant"].contains(key));
    let spoilt = entries(Some(&entry.value))
        .any(|it| it.key == "then" || (is_actor_key(it) && ["token", "csrf"].contains(&&*it.key)));
    ActorName {
        name: &entry.key,
        place: &entry.place,
        session: child(&entry.value, "session").and_then(text),
        only_setup: child(&entry.value, "only").is_some(),
        like: child(&entry.value, "like").and_then(text),
        shut_out: spoilt,
        created: create.is_some(),
        keys: keys.chain(declared).chain(captured).chain(id).collect(),
        broken: !is_map(&entry.value) && !entry.value.is_null(),
    }
}

fn resource(entry: &Entry) -> ResourceName<'_> {
    let create = child(&entry.value, "create");
    let captures = entries(create.and_then(|it| child(it, "capture")));
    let owners = match child(&entry.value, "owners").map(|it| &it.value) {
        Some(Value::List(items)) => items.iter().filter_map(text).collect(),
        _ => Vec::new(),
    };
    ResourceName {
        type_name: &entry.key,
        fields: std::iter::once("id")
            .chain(captures.map(|capture| capture.key.as_str()))
            .collect(),
        owners,
        views: entries(child(&entry.value, "views"))
            .map(|view| ViewName {
                name: &view.key,
                of_instance: call_mentions(&view.value, &entry.key) != Some(false),
                log: child(&view.value, "log").is_some(),
            })
            .collect(),
        broken: !is_map(&entry.value)
            || (create.is_none() && child(&entry.value, "id").is_none())
            || create.is_some_and(|it| !is_map(it))
            || child(&entry.value, "views").is_some_and(|it| !is_map(it)),
    }
}

fn action<'a>(type_name: &'a str, entry: &'a Entry, databases: &[&str]) -> ActionName<'a> {
    let layers: Vec<&Entry> = entries(Some(&entry.value))
        .filter(|it| !ACTION_KEYS.contains(&it.key.as_str()))
        .collect();
    let mentioned: Vec<Option<bool>> = layers
        .iter()
        .filter(|layer| !databases.contains(&layer.key.as_str()))
        .map(|layer| call_mentions(&layer.value, type_name))
        .collect();
    let on_instance = if mentioned.contains(&Some(true)) {
        Some(true)
    } else if mentioned.is_empty() || mentioned.contains(&None) {
        None
    } else {
        Some(false)
    };
    ActionName {
        type_name,
        name: &entry.key,
        place: &entry.place,
        on_instance,
        absent: child(&entry.value, "expect").is_some(),
        layers: layers.iter().map(|it| it.key.as_str()).collect(),
    }
}

/// Whether a call names a resource of the type; `None` where there is no call to be seen.
fn call_mentions(call: &Node, type_name: &str) -> Option<bool> {
    let parts = entries(Some(call)).filter(|it| is_part_of_call(&it.key));
    let mut seen = false;
    for part in parts {
        seen |= METHODS.contains(&part.key.as_str());
        if any_text(&part.value, &mut |text| {
            mentions(text).any(|(base, _)| base == type_name)
        }) {
            return Some(true);
        }
    }
    seen.then_some(false)
}

fn is_part_of_call(key: &str) -> bool {
    METHODS.contains(&key) || ["json", "form", "body", "headers"].contains(&key)
}

/// Whether a target is a database, and is not called.
pub(super) fn is_database(target: &Entry) -> bool {
    child(&target.value, POSTGRES).is_some()
}

fn fields_used<'a>(node: &'a Node, found: &mut Vec<&'a str>) {
    any_text(node, &mut |text| {
        for (base, field) in mentions(text) {
            let field = match base {
                "actors" => field.split_once('.').map_or(field, |(_, field)| field),
                _ => field,
            };
            if ["actor", "owner", "actors"].contains(&base) && !found.contains(&field) {
                found.push(field);
            }
        }
        if mentions_alone(text).any(|name| name == TOTP) && !found.contains(&TOTP_FIELD) {
            found.push(TOTP_FIELD);
        }
        false
    });
}

/// Whether any text in the tree is one that is looked for.
fn any_text<'a>(node: &'a Node, look: &mut dyn FnMut(&'a str) -> bool) -> bool {
    match &node.value {
        Value::Scalar(scalar) => look(&scalar.text),
        Value::List(items) => items.iter().any(|item| any_text(item, look)),
        Value::Map(entries) => entries.iter().any(|entry| any_text(&entry.value, look)),
    }
}

/// The value of a key, if the node is a mapping that has it.
pub(crate) fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    entries(Some(node))
        .find(|entry| entry.key == key)
        .map(|entry| &entry.value)
}

/// The entries of a node that may be a mapping.
pub(crate) fn entries(node: Option<&Node>) -> impl Iterator<Item = &Entry> {
    let entries = match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter()
}

/// The text of a node that may be one.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) if scalar.to_json().is_string() => Some(&scalar.text),
        _ => None,
    }
}

fn is_map(node: &Node) -> bool {
    matches!(node.value, Value::Map(_))
}
