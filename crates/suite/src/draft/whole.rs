//! A whole suite and policy for the documents of a system, for people to complete.
//!
//! Nothing is expected yet: a first run tells what the system allows now. What could not be made
//! up is excepted for a month, and listed.

use indexmap::IndexMap;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::names::{Kind, Named, kinds, named};
use super::yaml::{flow, text};
use crate::model::is_safe;
use crate::openapi::{Document, Operation, OperationIndex, SchemeKind};
use crate::surface::TO_BE_FILLED;

/// A document, and how the suite will speak of it.
#[derive(Debug)]
pub struct Given<'d> {
    /// The name of the target.
    pub target: String,
    /// The path of the document, as the suite writes it.
    pub path: String,
    /// The address of the system; none where a variable says it.
    pub address: Option<String>,
    /// The document.
    pub document: &'d Document,
}

/// The files of a suite.
#[derive(Debug)]
pub struct Draft {
    /// The suite file.
    pub suite: String,
    /// The policy file.
    pub policy: String,
    /// The environment variables that the suite needs.
    pub variables: Vec<String>,
    /// How many operations have an action, or open the session.
    pub filled: usize,
    /// The operations that could not be filled, each with the reason.
    pub unfilled: Vec<(String, String)>,
}

const USER_FIELDS: [&str; 7] = [
    "email", "username", "user", "login", "mail", "name", "account",
];
const TOKENS: [&str; 7] = [
    "access_token",
    "accessToken",
    "token",
    "jwt",
    "id_token",
    "idToken",
    "auth_token",
];
const LOGINS: [&str; 6] = ["login", "signin", "sign-in", "token", "session", "auth"];
const SELVES: [&str; 5] = ["me", "whoami", "self", "account", "profile"];
const IDS: [&str; 5] = ["id", "_id", "uuid", "key", "name"];
/// Types that usually only an administrator makes.
const OF_ADMINS: [&str; 6] = [
    "user",
    "account",
    "member",
    "tenant",
    "organization",
    "team",
];

/// How callers get in.
struct Session {
    text: String,
    /// The fields of an actor, and the ends of their variables.
    fields: Vec<(String, String)>,
    login: Option<(usize, OperationIndex)>,
}

/// The actions of one type: how each is called on each target, and whether on an instance.
type Actions = IndexMap<String, (bool, Vec<(String, String)>)>;

/// The suite and policy of a system that says this of itself. O(operations × types).
pub fn draft(given: &[Given<'_>], today: Date) -> Draft {
    let session = session(given);
    let mut whole = Whole {
        resources: String::new(),
        types: IndexMap::new(),
        exceptions: String::new(),
        filled: usize::from(session.login.is_some()),
        unfilled: Vec::new(),
        until: today
            .checked_add(jiff::Span::new().days(30))
            .unwrap_or(today),
        taken: Vec::new(),
    };
    for (index, it) in given.iter().enumerate() {
        let login = session
            .login
            .filter(|(at, _)| *at == index)
            .map(|(_, it)| it);
        whole.document(it, login);
    }
    Draft {
        suite: whole.suite(given, &session),
        policy: whole.policy(),
        variables: variables(given, &session),
        filled: whole.filled,
        unfilled: whole.unfilled,
    }
}

struct Whole {
    resources: String,
    types: IndexMap<String, Actions>,
    exceptions: String,
    filled: usize,
    unfilled: Vec<(String, String)>,
    until: Date,
    /// Types that are resources.
    taken: Vec<String>,
}

/// What of a document's types of resource can be made.
struct Made {
    kinds: Vec<Kind>,
    /// The name of each in the suite, if it can be made.
    names: Vec<Option<String>>,
}

impl Whole {
    fn document(&mut self, given: &Given<'_>, login: Option<OperationIndex>) {
        let kinds = kinds(given.document);
        let names = kinds
            .iter()
            .map(|kind| self.resource(given, kind))
            .collect();
        let made = Made { kinds, names };
        for (index, operation) in given.document.operations.iter().enumerate() {
            if login == Some(index) {
                continue;
            }
            let named = named(operation, &made.kinds);
            match self.call(given, index, operation, &named, &made) {
                Ok(call) => self.add(given, named, &made, call),
                Err(why) => self.except(given, operation, &why),
            }
        }
    }

    /// A type of resource that can be made and seen or taken away again: its name.
    fn resource(&mut self, given: &Given<'_>, kind: &Kind) -> Option<String> {
        let document = given.document;
        let create = document.operations.get(kind.create?)?;
        let takes_json = create.body.as_ref().is_none_or(|it| it.schema.is_some());
        if kind.is_nested() || !takes_json || (kind.read.is_none() && kind.remove.is_none()) {
            return None;
        }
        let mut name = kind.type_name.clone();
        if self.taken.contains(&name) {
            name = format!("{}-{name}", given.target);
        }
        self.taken.push(name.clone());
        let maker = if OF_ADMINS.contains(&kind.type_name.as_str()) {
            "admin"
        } else {
            "owner"
        };
        let id = document
            .answer_path(create, &IDS)
            .unwrap_or_else(|| "$.id".to_owned());
        let body = body(document, create);
        let at = |index: Option<OperationIndex>| {
            let operation = document.operations.get(index?)?;
            let path = operation.pattern.fill(|_| format!("{{{{ {name}.id }}}}"));
            Some(text(&format!("{}{path}", prefix(given))))
        };
        let post = text(&format!("{}{}", prefix(given), create.path));
        let mut out = format!(
            "  {name}:\n    on: {}\n    owners: [user, other]\n",
            given.target
        );
        out += &format!(
            "    create: {{ as: {maker}, POST: {post}{body}, id: {} }}\n",
            text(&id)
        );
        if let Some(path) = at(kind.remove) {
            out += &format!("    remove: {{ as: {maker}, DELETE: {path} }}\n");
        }
        if let Some(path) = at(kind.read) {
            out += &format!("    views: {{ body: {{ as: {maker}, GET: {path} }} }}\n");
        }
        out += "    attributes: { owner: \"{{ owner.subject }}\" }\n";
        self.resources += &out;
        Some(name)
    }

    /// The call of an operation, or why nobody could make one up.
    fn call(
        &self,
        given: &Given<'_>,
        index: OperationIndex,
        operation: &Operation,
        named: &Named,
        made: &Made,
    ) -> Result<String, String> {
        let document = given.document;
        if operation.method == "TRACE" {
            return Err("calls cannot have the method TRACE".to_owned());
        }
        let body = operation.body.as_ref();
        if let Some(body) = body.filter(|it| it.required && it.schema.is_none()) {
            return Err(format!(
                "it takes {}, which nobody has made up",
                body.media.join(" or ")
            ));
        }
        let parameters = operation.pattern.parameters();
        let fixture = named
            .kind
            .and_then(|it| made.names.get(it))
            .and_then(Option::as_ref);
        let creates = made.kinds.iter().zip(&made.names);
        let creates = creates.filter(|(_, name)| name.is_some());
        let creates = creates
            .map(|(kind, _)| kind.create)
            .any(|it| it == Some(index));
        match (parameters.as_slice(), fixture) {
            ([], _) if is_safe(&operation.method) || creates => {}
            ([], _) => {
                return Err("it changes something that is no fixture; look at it first".to_owned());
            }
            ([_], Some(_)) => {}
            (names, _) => {
                let names: Vec<String> = names.iter().map(|it| format!("{{{it}}}")).collect();
                return Err(format!(
                    "nothing makes what {} of its path names",
                    names.join(" and ")
                ));
            }
        }
        let fill = fixture.map_or("", String::as_str);
        let mut call = method_or_name(given, operation, fill);
        call += &self::body(document, operation);
        if creates {
            call += ", effect: created";
        }
        Ok(format!("{{ {call} }}"))
    }

    fn add(&mut self, given: &Given<'_>, named: Named, made: &Made, call: String) {
        self.filled += 1;
        let resource = made.kinds.iter().zip(&made.names);
        let mut resource = resource.filter(|(kind, _)| kind.type_name == named.type_name);
        let name = resource.next().and_then(|(_, name)| name.clone());
        let mut type_name = name.unwrap_or_else(|| named.type_name.clone());
        let is_instance = named.kind.is_some();
        if !made.names.contains(&Some(type_name.clone())) && self.taken.contains(&type_name) {
            type_name = format!("{}-{type_name}", given.target);
        }
        let actions = self.types.entry(type_name).or_default();
        let numbered = (2..).map(|number| format!("{}-{number}", named.action));
        let fits = |name: &String| match actions.get(name) {
            None => true,
            Some((of_instance, layers)) => {
                let is_new = layers.iter().all(|it| it.0 != given.target);
                !is_instance && !of_instance && is_new
            }
        };
        let mut names = std::iter::once(named.action.clone()).chain(numbered);
        let name = names.find(fits).unwrap_or_default();
        let action = actions.entry(name).or_insert((is_instance, Vec::new()));
        action.1.push((given.target.clone(), call));
    }

    fn except(&mut self, given: &Given<'_>, operation: &Operation, why: &str) {
        let name = operation.name();
        let reason = text(&format!("{TO_BE_FILLED} {why}"));
        let until = self.until;
        self.exceptions += &format!(
            "    - {{ operation: {}, target: {}, reason: {reason}, until: {until} }}\n",
            text(&name),
            given.target
        );
        self.unfilled
            .push((format!("{}: {name}", given.target), why.to_owned()));
    }

    fn suite(&self, given: &[Given<'_>], session: &Session) -> String {
        let mut out = String::from(HEAD);
        out += "\ntargets:\n";
        for it in given {
            let address = it.address.clone();
            let address = address.unwrap_or_else(|| format!("${{{}}}", url_variable(&it.target)));
            let address = Value::String(address).to_string();
            out += &format!(
                "  {}: {{ http: {address}, openapi: {} }}\n",
                it.target,
                text(&it.path)
            );
        }
        out += &format!("\n# How an actor gets in.\nsessions:\n{}", session.text);
        out += "\n# Who calls. The roles are what the policy goes by; make them yours.\nactors:\n  anonymous: {}\n";
        for (actor, role) in [("user", "user"), ("other", "user"), ("admin", "admin")] {
            let fields = session.fields.iter().map(|(field, end)| {
                format!(", {field}: \"${{{}_{end}}}\"", actor.to_ascii_uppercase())
            });
            let fields: String = fields.collect();
            out += &format!(
                "  {actor}: {{ subject: \"user:{actor}\", tenant: main, roles: [{role}], session: login{fields} }}\n"
            );
        }
        if !self.resources.is_empty() {
            out += "\n# On what actions are tried: one of each for every owner, made for the run and taken away again.\nresources:\n";
            out += &self.resources;
        }
        out += "\n# What is tried.\nactions:\n";
        for (type_name, actions) in &self.types {
            out += &format!("  {type_name}:\n");
            for (name, (_, layers)) in actions {
                let layers = layers
                    .iter()
                    .map(|(target, call)| format!("{target}: {call}"));
                let layers: Vec<String> = layers.collect();
                out += &format!("    {name}: {{ {} }}\n", layers.join(", "));
            }
        }
        if !self.exceptions.is_empty() {
            out += "\n# What nobody could make up. Give each an action, or a reason of your own: until then no run is green.\nsurface:\n  except:\n";
            out += &self.exceptions;
        }
        out + "\n# What is expected. `?` only observes: put `allow` or a status (401, 403, 404) in its place.\nexpect: |\n"
            + &self.table()
    }

    fn table(&self) -> String {
        let mut rows = Vec::new();
        for (type_name, actions) in &self.types {
            for (name, (is_instance, _)) in actions {
                let owners: &[&str] = if *is_instance {
                    &[" of user", " of other"]
                } else {
                    &[""]
                };
                rows.extend(owners.iter().map(|of| format!("{type_name}.{name}{of}")));
            }
        }
        let width = rows
            .iter()
            .map(String::len)
            .max()
            .unwrap_or(0)
            .max("action".len());
        let columns = ["anonymous", "user", "other", "admin"];
        let mut out = format!("  {:width$}  {}\n", "action", columns.join("  "));
        for row in rows {
            let cells = columns
                .iter()
                .map(|it| format!("  {:w$}", "?", w = it.len()));
            let line = format!("  {row:width$}{}", cells.collect::<String>());
            out += &format!("{}\n", line.trim_end());
        }
        out
    }

    fn policy(&self) -> String {
        let mut out = String::from(POLICY_HEAD);
        if !self.types.contains_key("user") {
            out += "  user: { actions: {} }\n";
        }
        for (type_name, actions) in &self.types {
            let attributes = if self.taken.contains(type_name) {
                "attributes: { owner: user }, "
            } else {
                ""
            };
            let actions = actions.iter().map(|(name, (is_instance, _))| {
                let kind = if *is_instance {
                    "instance"
                } else {
                    "collection"
                };
                format!("{name}: {kind}")
            });
            let actions: Vec<String> = actions.collect();
            out += &format!(
                "  {type_name}: {{ {attributes}actions: {{ {} }} }}\n",
                actions.join(", ")
            );
        }
        out + POLICY_ROLES
    }
}

const HEAD: &str = "# How the system is tried. `lockstep test` tells what it allows now; `lockstep plan` shows the cells and sends nothing.
# Every operation of the documents stands here once: under `actions`, or under `surface`.
version: 1
# When policy/policy.yaml says what you mean, let it decide: take the `#` away and the table `expect` at the end.
# policy: policy/
";

const POLICY_HEAD: &str = "# Who may do what. Nothing permits, nothing happens: complete the roles, then name this folder in lockstep.yaml.
version: 1

types:
";

const POLICY_ROLES: &str = "
roles:
  anyone: { can: {} }                     # with or without a session
  user: { can: {} }                       # such as { post: [list, read] }
  admin: { includes: [user], can: {} }

# What depends on the resource:
# rules:
#   - name: owners
#     permit: { post: [\"*\"] }
#     when: resource.owner == subject
";

/// What stands before the document's paths.
fn prefix<'d>(given: &Given<'d>) -> &'d str {
    let base = given.address.as_deref().unwrap_or("${URL}");
    let prefixes = given.document.prefixes(base);
    prefixes.last().copied().unwrap_or_default()
}

/// `operation: getPost`, or the method and path where the path needs more than the document's.
fn method_or_name(given: &Given<'_>, operation: &Operation, resource: &str) -> String {
    let document = given.document;
    let of = |location: &str| {
        let all = operation.required_parameters.iter();
        let wanted = all.filter(|it| it.location == location).map(|it| {
            (
                it.name.clone(),
                Value::from(document.sample_parameter(&it.schema)),
            )
        });
        wanted.collect::<Map<String, Value>>()
    };
    let headers = of("header");
    let headers = match headers.is_empty() {
        true => String::new(),
        false => format!(", headers: {}", flow(&Value::Object(headers))),
    };
    let query: Vec<String> = of("query")
        .iter()
        .map(|(name, value)| {
            let value = crate::template::url_component(value.as_str().unwrap_or_default());
            format!("{}={value}", crate::template::url_component(name))
        })
        .collect();
    if query.is_empty() {
        return format!("operation: {}{headers}", text(&operation.name()));
    }
    let path = operation
        .pattern
        .fill(|_| format!("{{{{ {resource}.id }}}}"));
    let path = format!("{}{path}?{}", prefix(given), query.join("&"));
    format!("{}: {}{headers}", operation.method, text(&path))
}

/// `, json: { ... }`, if the operation takes any.
fn body(document: &Document, operation: &Operation) -> String {
    let sample = document.sample_body(operation);
    sample.map_or(String::new(), |it| format!(", json: {}", flow(&it.json)))
}

fn url_variable(target: &str) -> String {
    format!("{}_URL", target.replace('-', "_").to_ascii_uppercase())
}

fn variables(given: &[Given<'_>], session: &Session) -> Vec<String> {
    let addresses = given.iter().filter(|it| it.address.is_none());
    let addresses = addresses.map(|it| url_variable(&it.target));
    let actors = ["USER", "OTHER", "ADMIN"].into_iter();
    let fields = actors.flat_map(|actor| {
        session
            .fields
            .iter()
            .map(move |(_, end)| format!("{actor}_{end}"))
    });
    addresses.chain(fields).collect()
}

/// A login that a document has, or what its schemes say.
fn session(given: &[Given<'_>]) -> Session {
    let numbered = given.iter().enumerate();
    let logins = numbered.flat_map(|(at, it)| {
        let operations = it.document.operations.iter().enumerate();
        operations.map(move |(index, operation)| (at, it, index, operation))
    });
    for (at, it, index, operation) in logins {
        if let Some((text, user)) = login(given, it, operation) {
            let end = user.to_ascii_uppercase();
            return Session {
                text,
                fields: vec![(user, end), ("password".to_owned(), "PASSWORD".to_owned())],
                login: Some((at, index)),
            };
        }
    }
    let key = |text: &str| Session {
        text: format!("  login: {{ {text} }}\n"),
        fields: vec![("key".to_owned(), "KEY".to_owned())],
        login: None,
    };
    let schemes = given.iter().flat_map(|it| &it.document.schemes);
    let known = |kind: &&SchemeKind| !matches!(kind, SchemeKind::Other | SchemeKind::Cookie(_));
    match schemes.map(|it| &it.kind).find(known) {
        Some(SchemeKind::Basic) => Session {
            text: "  login: { basic: { user: \"{{ actor.username }}\", password: \"{{ actor.password }}\" } }\n".to_owned(),
            fields: vec![
                ("username".to_owned(), "USERNAME".to_owned()),
                ("password".to_owned(), "PASSWORD".to_owned()),
            ],
            login: None,
        },
        Some(SchemeKind::Header(name)) => {
            key(&format!("header: {{ {}: \"{{{{ actor.key }}}}\" }}", text(name)))
        }
        Some(SchemeKind::Query(name)) => {
            key(&format!("query: {{ {}: \"{{{{ actor.key }}}}\" }}", text(name)))
        }
        _ => key("bearer: \"{{ actor.key }}\""),
    }
}

/// The session that an operation opens, and the field that says who it is for.
fn login(given: &[Given<'_>], at: &Given<'_>, operation: &Operation) -> Option<(String, String)> {
    let document = at.document;
    let says = format!("{} {}", operation.path, operation.name()).to_ascii_lowercase();
    let is_login = operation.method == "POST" && LOGINS.iter().any(|word| says.contains(word));
    if !is_login || !operation.pattern.parameters().is_empty() {
        return None;
    }
    let properties = document.body_properties(operation);
    let has = |name: &str| properties.iter().any(|it| it == name);
    let user = USER_FIELDS.iter().find(|name| has(name))?;
    let password = ["password", "pass", "passwd"]
        .into_iter()
        .find(|name| has(name))?;
    let mut json = match document.sample_body(operation)?.json {
        Value::Object(json) => json,
        _ => Map::new(),
    };
    json.insert((*user).to_owned(), format!("{{{{ actor.{user} }}}}").into());
    json.insert(password.to_owned(), "{{ actor.password }}".into());
    let path = text(&format!("{}{}", prefix(at), operation.path));
    let mut out = format!("  login:\n    on: {}\n    POST: {path}\n", at.target);
    out += &format!("    json: {}\n", flow(&Value::Object(json)));
    if let Some(token) = document.answer_path(operation, &TOKENS) {
        out += &format!("    token: {}\n", text(&token));
    }
    for it in given {
        if let Some((path, id)) = who(it) {
            let (target, path) = (&it.target, text(&format!("{}{path}", prefix(it))));
            out += &format!(
                "    who: {{ on: {target}, GET: {path}, subject: {} }}\n",
                text(&id)
            );
            break;
        }
    }
    Some((out, (*user).to_owned()))
}

/// The operation that tells callers who they are, and where.
fn who(given: &Given<'_>) -> Option<(String, String)> {
    given.document.operations.iter().find_map(|operation| {
        let last = operation.path.rsplit('/').next().unwrap_or_default();
        let is_it = operation.method == "GET" && SELVES.contains(&last);
        let id = given
            .document
            .answer_path(operation, &IDS)
            .filter(|_| is_it)?;
        Some((operation.path.clone(), id))
    })
}
