//! What is written of Casbin's lines: grants of roles where they can be, else rules.

use std::fmt::Write as _;

use indexmap::{IndexMap, IndexSet};

use super::super::write::{self, Names, quoted};
use super::model::Effect;
use super::roles::{Grant, Role, Roles};
use super::{Meaning, Statement, Told, Way, What, Who};

/// The type of those who ask.
const USER: &str = "user";
/// The type of what is told by a path, and the attribute that holds it.
const PATH: &str = "path";

/// A policy and facts, in the order in which they are written.
#[derive(Default)]
pub(super) struct Plan {
    /// Each type with its actions.
    types: IndexMap<String, IndexSet<String>>,
    /// What conditions read of a subject, with its types.
    attributes: IndexMap<String, &'static str>,
    has_paths: bool,
    is_priority: bool,
    roles: Vec<Role>,
    rules: Vec<Rule>,
    flags: Flags,
    /// Who has which roles in which tenant.
    subjects: IndexMap<String, IndexMap<String, Vec<String>>>,
}

/// Whom rules ask for: whoever has a role, and single subjects. Each has a flag that is on for
/// them, `has-ROLE` or `is-SUBJECT`.
struct Flags {
    roles: IndexSet<String>,
    users: IndexMap<String, String>,
    names: Names,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            roles: IndexSet::new(),
            users: IndexMap::new(),
            names: Names::but([]),
        }
    }
}

impl Flags {
    /// The question whether a subject has the role.
    fn role(&mut self, role: String) -> String {
        let asked = format!("flag('has-{role}')");
        self.roles.insert(role);
        asked
    }

    /// The question whether it is this one.
    fn user(&mut self, user: &str) -> String {
        let flag = self.names.of(&format!("is-{user}"));
        let asked = format!("flag('{flag}')");
        self.users.insert(flag, user.to_owned());
        asked
    }
}

struct Rule {
    name: String,
    effect: &'static str,
    targets: IndexMap<String, Vec<String>>,
    when: Option<String>,
}

/// Names of types and actions.
struct Spelling {
    types: Names,
    actions: Names,
}

impl Spelling {
    /// The type and action of an object, both with names that they can have here.
    fn grants(&mut self, way: &Way) -> Vec<Grant> {
        let types: Vec<String> = match &way.what {
            What::Objects(objects) => objects.iter().map(|it| self.type_name(it)).collect(),
            What::Paths(_) => vec![PATH.to_owned()],
        };
        let actions: Vec<String> = way.actions.iter().map(|it| self.actions.of(it)).collect();
        let each = types.iter().flat_map(|of| {
            let actions = actions.iter();
            actions.map(move |action| (of.clone(), action.clone()))
        });
        each.collect()
    }

    /// An object called `user` shares the type of those who ask.
    fn type_name(&mut self, object: &str) -> String {
        match object {
            USER => USER.to_owned(),
            other => self.types.of(other),
        }
    }
}

/// Whether a statement is a grant of a role, and no rule.
fn is_grant(statement: &Statement<'_>, effect: Effect) -> bool {
    let everywhere = statement.way.who != Who::Everyone || statement.way.tenants.is_none();
    let of_objects = matches!(statement.way.what, What::Objects(_));
    let is_plain = statement.way.when.is_empty();
    !statement.is_denial && effect != Effect::Priority && of_objects && everywhere && is_plain
}

pub(super) fn plan(
    meaning: &Meaning<'_>,
    effect: Effect,
    statements: &[Statement<'_>],
    told: &mut Told,
) -> Plan {
    let built_in = [
        "string",
        "int",
        "double",
        "bool",
        "timestamp",
        "tenant",
        USER,
    ];
    let mut spelling = Spelling {
        types: Names::but(built_in),
        actions: Names::but([]),
    };
    let mut plan = Plan {
        has_paths: meaning.has_paths,
        is_priority: effect == Effect::Priority,
        ..Plan::default()
    };
    plan.types.insert(USER.to_owned(), IndexSet::new());
    let mut roles = Roles::new(meaning.groups, &meaning.tenants);
    let mut everyone: IndexSet<Grant> = IndexSet::new();
    if effect == Effect::DenyOverride {
        let everything = everything(meaning);
        let grants = spelling.grants(&everything);
        plan.declare(&grants);
        match tenants_of(&everything) {
            None => {}
            Some(None) if !meaning.has_paths => everyone.extend(grants),
            Some(when) => plan.rule("whatever is not denied", "permit", &grants, when),
        }
    }
    let counts = |it: &&Statement<'_>| effect != Effect::DenyOverride || it.is_denial;
    for statement in statements.iter().filter(counts) {
        let grants = spelling.grants(&statement.way);
        plan.declare(&grants);
        let reads = statement.way.when.iter().flat_map(|it| &it.reads);
        plan.attributes.extend(reads.cloned());
        let granted: &[Grant] = match is_grant(statement, effect) {
            true => &grants,
            false => &[],
        };
        match &statement.way.who {
            Who::Everyone => everyone.extend(granted.iter().cloned()),
            Who::Named(user) if granted.is_empty() && !meaning.groups.is_parent("g", user) => {}
            Who::Named(role) => roles.grant(role, statement.way.tenants.as_deref(), granted),
        }
    }
    roles.settle();
    let rules = statements.iter().filter(counts);
    for statement in rules.filter(|it| !is_grant(it, effect)) {
        let Some(when) = condition(meaning, &statement.way, &mut roles, &mut plan.flags) else {
            continue;
        };
        let name = statement.line.values.join(" ");
        let effect = if statement.is_denial {
            "deny"
        } else {
            "permit"
        };
        let grants = spelling.grants(&statement.way);
        plan.rule(
            &name,
            effect,
            &grants,
            Some(when).filter(|it| !it.is_empty()),
        );
    }
    if !everyone.is_empty() {
        plan.roles.push(Role {
            name: authz::model::SIGNED_IN.to_owned(),
            includes: Vec::new(),
            grants: everyone,
        });
    }
    plan.roles.extend(roles.written());
    plan.subjects = roles.subjects();
    notes(meaning, &plan, (&spelling, &roles), told);
    plan
}

/// All actions on all objects.
fn everything(meaning: &Meaning<'_>) -> Way {
    let has_tenants = meaning.fields.tenant.is_some();
    Way {
        who: Who::Everyone,
        tenants: has_tenants.then(|| meaning.tenants.iter().cloned().collect()),
        what: match meaning.has_paths {
            true => What::Paths(None),
            false => What::Objects(meaning.objects.iter().cloned().collect()),
        },
        actions: meaning.actions.iter().cloned().collect(),
        when: Vec::new(),
    }
}

/// When a rule applies, empty for always; none if for nobody.
fn condition(
    meaning: &Meaning<'_>,
    way: &Way,
    roles: &mut Roles<'_>,
    flags: &mut Flags,
) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    match &way.who {
        Who::Named(role) if roles.is_split(role) && meaning.groups.is_parent("g", role) => {
            parts.push(of_split_role(role, way, roles, flags)?);
        }
        Who::Named(name) => {
            parts.extend(tenants_of(way)?);
            parts.push(match meaning.groups.is_parent("g", name) {
                true => flags.role(roles.name(name, "")),
                false => flags.user(name),
            });
        }
        Who::Everyone => parts.extend(tenants_of(way)?),
    }
    if let What::Paths(Some(path)) = &way.what {
        parts.push(path.clone());
    }
    parts.extend(way.when.iter().map(|it| it.text.clone()));
    Some(parts.join(" && "))
}

/// The condition that a subject has a role that is another one in each tenant.
fn of_split_role(
    role: &str,
    way: &Way,
    roles: &mut Roles<'_>,
    flags: &mut Flags,
) -> Option<String> {
    let there = roles.tenants_of(role).into_iter().map(str::to_owned);
    let is_meant = |tenant: &String| {
        let tenants = way.tenants.as_ref();
        tenants.is_none_or(|tenants| tenants.contains(tenant))
    };
    let tenants: Vec<String> = there.filter(is_meant).collect();
    let each = tenants.iter().map(|tenant| {
        let asked = flags.role(roles.name(role, tenant));
        format!("tenant == {} && {asked}", quoted(tenant))
    });
    any(each.collect())
}

/// The condition that the tenant is one of those in which a line applies.
fn tenants_of(way: &Way) -> Option<Option<String>> {
    let Some(tenants) = &way.tenants else {
        return Some(None);
    };
    match tenants.as_slice() {
        [] => None,
        [one] => Some(Some(format!("tenant == {}", quoted(one)))),
        more => {
            let more: Vec<String> = more.iter().map(|it| quoted(it)).collect();
            Some(Some(format!("tenant in [{}]", more.join(", "))))
        }
    }
}

fn any(parts: Vec<String>) -> Option<String> {
    match parts.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("({})", parts.join(" || "))),
    }
}

fn notes(
    meaning: &Meaning<'_>,
    plan: &Plan,
    (spelling, roles): (&Spelling, &Roles<'_>),
    told: &mut Told,
) {
    let place = meaning.model.policy_place.clone();
    let changed = spelling.types.changed().map(|it| ("object", it));
    let changed = changed.chain(spelling.actions.changed().map(|it| ("action", it)));
    let changed = changed.chain(roles.changed().map(|it| ("role", it)));
    let renamed: Vec<String> = changed
        .map(|(what, (text, name))| format!("the {what} `{text}` is called `{name}` here"))
        .collect();
    renamed
        .into_iter()
        .for_each(|message| told.note(&place, message));
    let split: Vec<&str> = roles.split().collect();
    for role in split {
        let message =
            format!("`{role}` means different things in different tenants: it is a role for each");
        told.note(&place, message);
    }
    if !meaning.groups.edges("g").is_empty() {
        let message = "a subject that is called like a role has that role in Casbin; here whoever the facts say";
        told.note(&place, message);
    }
    if meaning.is_open() {
        let message = "`*` and patterns stand for the objects, actions and domains that lines name: declare further ones where you need them";
        told.note(&place, message);
    }
    if plan.has_paths {
        let message = "what is asked for by its path is a `path` here: its attribute `path` is the text that patterns are held against";
        told.note(&place, message);
    }
    if !plan.attributes.is_empty() {
        let message = "what is asked about a subject are its `attributes` here: the facts say them";
        told.note(&place, message);
    }
    if plan
        .roles
        .iter()
        .any(|role| role.name == authz::model::SIGNED_IN)
    {
        let message = "what everybody may do is granted to whoever has a session (`signed-in`)";
        told.note(&place, message);
    }
}

impl Plan {
    /// Types and actions in an order that does not depend on that of the lines.
    pub(super) fn sort(&mut self) {
        self.types.sort_keys();
        self.attributes.sort_keys();
        self.types.values_mut().for_each(IndexSet::sort);
        self.flags.roles.sort();
        self.subjects.sort_keys();
    }

    fn declare(&mut self, grants: &[Grant]) {
        for (type_name, action) in grants {
            let actions = self.types.entry(type_name.clone()).or_default();
            actions.insert(action.clone());
        }
    }

    fn rule(&mut self, name: &str, effect: &'static str, grants: &[Grant], when: Option<String>) {
        let is_taken = |name: &str| self.rules.iter().any(|rule| rule.name == name);
        let numbered = (2_usize..).map(|number| format!("{name} ({number})"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let name = names.find(|name| !is_taken(name)).unwrap_or_default();
        self.rules.push(Rule {
            name,
            effect,
            targets: by_type(grants),
            when,
        });
    }
}

fn by_type<'g>(grants: impl IntoIterator<Item = &'g Grant>) -> IndexMap<String, Vec<String>> {
    let mut types: IndexMap<String, Vec<String>> = IndexMap::new();
    for (type_name, action) in grants {
        types
            .entry(type_name.clone())
            .or_default()
            .push(action.clone());
    }
    types
}

/// `{ post: [read, update] }`.
fn targets(targets: &IndexMap<String, Vec<String>>) -> String {
    let entries = targets.iter();
    write::map(entries.map(|(type_name, actions)| {
        let actions = write::list(actions.iter().map(String::as_str));
        (type_name.as_str(), actions)
    }))
}

/// The text of `policy.yaml`.
pub(super) fn policy(plan: &Plan) -> String {
    let mut text = "# Imported from Casbin.\nversion: 1\ntypes:\n".to_owned();
    for (name, actions) in &plan.types {
        let of_path = plan.has_paths && name == PATH;
        let kind = if of_path { "instance" } else { "collection" };
        let actions = write::map(actions.iter().map(|it| (it.as_str(), kind.to_owned())));
        let mut parts = Vec::new();
        if of_path {
            parts.push(("attributes", format!("{{ {PATH}: string }}")));
        } else if name == USER && !plan.attributes.is_empty() {
            let attributes = plan.attributes.iter();
            let attributes = attributes.map(|(name, kind)| (name.as_str(), (*kind).to_owned()));
            parts.push(("attributes", write::map(attributes)));
        }
        if actions != "{}" {
            parts.push(("actions", actions));
        }
        let _ = writeln!(text, "  {}: {}", write::word(name), write::map(parts));
    }
    if plan.types.is_empty() {
        let _ = writeln!(text, "  {USER}: {{}}");
    }
    if !plan.roles.is_empty() {
        text.push_str("roles:\n");
    }
    for role in &plan.roles {
        let mut parts = Vec::new();
        if !role.includes.is_empty() {
            let includes = write::list(role.includes.iter().map(String::as_str));
            parts.push(("includes", includes));
        }
        if !role.grants.is_empty() {
            let mut grants: Vec<&Grant> = role.grants.iter().collect();
            grants.sort();
            parts.push(("can", targets(&by_type(grants))));
        }
        let _ = writeln!(text, "  {}: {}", write::word(&role.name), write::map(parts));
    }
    if plan.is_priority {
        text.push_str("combine: first-applicable\n");
    }
    if !plan.rules.is_empty() {
        text.push_str("rules:\n");
    }
    for rule in &plan.rules {
        let _ = writeln!(text, "  - name: {}", quoted(&rule.name));
        let _ = writeln!(text, "    {}: {}", rule.effect, targets(&rule.targets));
        if let Some(when) = &rule.when {
            let _ = writeln!(text, "    when: {}", quoted(when));
        }
    }
    if !plan.flags.roles.is_empty() || !plan.flags.users.is_empty() {
        text.push_str("flags: # by which rules ask who somebody is\n");
    }
    for role in &plan.flags.roles {
        let roles = write::list([role.as_str()]);
        let _ = writeln!(text, "  has-{role}: {{ roles: {roles} }}");
    }
    for (flag, user) in &plan.flags.users {
        let subject = quoted(&format!("{USER}:{user}"));
        let _ = writeln!(text, "  {flag}: {{ users: [{subject}] }}");
    }
    text
}

/// The text of `facts.yaml`.
pub(super) fn facts(plan: &Plan) -> String {
    let mut text = "# Imported from Casbin.\nversion: 1\nsubjects:".to_owned();
    if plan.subjects.is_empty() {
        text.push_str(" {}");
    }
    for (user, tenants) in &plan.subjects {
        let list = |roles: &Vec<String>| write::list(roles.iter().map(String::as_str));
        // A list holds in every tenant.
        let roles = match (tenants.get(""), tenants.is_empty()) {
            (Some(roles), _) => list(roles),
            (None, true) => "[]".to_owned(),
            (None, false) => {
                write::map(tenants.iter().map(|(it, roles)| (it.as_str(), list(roles))))
            }
        };
        let subject = quoted(&format!("{USER}:{user}"));
        let _ = write!(text, "\n  {subject}: {{ roles: {roles} }}");
    }
    text.push('\n');
    text
}
