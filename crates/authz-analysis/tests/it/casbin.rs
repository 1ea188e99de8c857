//! Casbin's meaning, written down from its documentation and sharing nothing with the import, held
//! against what the imported policy decides: for random models of the shapes that map, random
//! lines and all requests.

use std::cell::RefCell;
use std::collections::HashMap;

use authz::source::Source;
use authz::{Outcome, Request, SubjectFacts, no_context, read_facts, read_policy};
use authz_analysis::import::{Import, Origin, import};
use serde_json::{Map, json};

use crate::conformance::now;

/// Numbers that look random and are always the same (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }
}

const USERS: [&str; 4] = ["ann", "bob", "cid", "dan"];
const ROLES: [&str; 4] = ["r0", "r1", "r2", "r3"];
const TENANTS: [&str; 3] = ["acme", "globex", "hooli"];
const ACTIONS: [&str; 3] = ["GET", "POST", "DELETE"];
const OBJECTS: [&str; 5] = ["o0", "o1", "o2", "big", "all"];
const PATHS: [&str; 12] = [
    "/", "/a", "/a/1", "/a/1/x", "/a/22", "/b.c", "/bxc", "/a/", "/a?x=/1", "/a/1?y", "/1/1",
    "/b?c",
];
const PATTERNS: [&str; 11] = [
    "/a/*",
    "/a",
    "/a/:id",
    "/:any/1/x",
    "/b.c",
    "*",
    "/*",
    "/a/{id}",
    "/a/:id/x",
    "/{x}/{y}",
    "/{x}/{x}",
];
/// How old each user is, and of which team.
const KNOWN: [(&str, f64, &str); 5] = [
    ("ann", 15.0, "news"),
    ("bob", 18.0, "legal"),
    ("cid", 18.5, "news"),
    ("dan", 60.0, "sales"),
    ("zoe", 30.0, "legal"),
];
/// What a rule says of somebody of this age and this team.
type Says = fn(f64, &str) -> bool;
/// Rules of lines, with what they say.
const RULES: [(&str, Says); 5] = [
    ("r.sub.Age >= 18", |age, _| age >= 18.0),
    ("18 < r.sub.Age", |age, _| 18.0 < age),
    ("r.sub.Age < 60 && r.sub.Team == 'news'", |age, team| {
        age < 60.0 && team == "news"
    }),
    (
        "r.sub.Age > 18.25 || r.sub.Team in ('legal', 'news')",
        |age, team| age > 18.25 || ["legal", "news"].contains(&team),
    ),
    ("r.sub.Team != 'news'", |_, team| team != "news"),
];

/// How a model asks about attributes of the subject.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Abac {
    Not,
    /// By the first of the rules, in the matcher.
    InMatcher,
    /// By one of the rules in each line.
    InLines,
}

/// A request or a line by its fields.
#[derive(Debug, Clone)]
struct Fields {
    sub: String,
    dom: String,
    obj: String,
    act: String,
    eft: String,
}

/// How a model asks.
#[derive(Debug, Clone, Copy)]
struct Shape {
    roles: bool,
    tenants: bool,
    object_groups: bool,
    /// The function that objects are held against patterns with.
    pattern: Option<&'static str>,
    regex_actions: bool,
    /// Whether `*` stands for all in objects, actions and tenants.
    stars: bool,
    root: bool,
    abac: Abac,
    effect: usize,
}

const EFFECTS: [&str; 4] = [
    "some(where (p.eft == allow))",
    "some(where (p.eft == allow)) && !some(where (p.eft == deny))",
    "!some(where (p.eft == deny))",
    "priority(p.eft) || deny",
];

impl Shape {
    fn random(dice: &mut Dice) -> Self {
        let mut half = || dice.below(2) == 0;
        let (roles, tenants) = (half() || half(), half());
        let (paths, object_groups) = (half() && half(), half());
        let (regex_actions, stars, root) = (half(), half(), half() && half());
        let abac = match (half() && half(), half()) {
            (false, _) => Abac::Not,
            (true, false) => Abac::InMatcher,
            (true, true) => Abac::InLines,
        };
        Self {
            roles: roles && abac == Abac::Not,
            tenants,
            object_groups: object_groups && !paths,
            pattern: paths.then(|| {
                dice.of(&[
                    "keyMatch",
                    "keyMatch2",
                    "keyMatch3",
                    "keyMatch4",
                    "keyMatch5",
                ])
            }),
            regex_actions,
            stars,
            root: root && abac == Abac::Not,
            abac,
            effect: dice.below(4),
        }
    }

    fn model(&self) -> String {
        let fields = if self.tenants {
            "sub, dom, obj, act"
        } else {
            "sub, obj, act"
        };
        let or_star = |test: &str, field: &str| match self.stars {
            true => format!("({test} || p.{field} == \"*\")"),
            false => test.to_owned(),
        };
        let mut tests = vec![match (self.abac, self.roles, self.tenants) {
            (Abac::InMatcher, ..) => RULES[0].0.to_owned(),
            (Abac::InLines, ..) => "eval(p.sub)".to_owned(),
            (Abac::Not, true, true) => "g(r.sub, p.sub, r.dom)".to_owned(),
            (Abac::Not, true, false) => "g(r.sub, p.sub)".to_owned(),
            (Abac::Not, false, _) => "r.sub == p.sub".to_owned(),
        }];
        if self.tenants {
            tests.push(or_star("r.dom == p.dom", "dom"));
        }
        tests.push(match (self.pattern, self.object_groups) {
            (Some(function), _) => format!("{function}(r.obj, p.obj)"),
            (None, true) => or_star("g2(r.obj, p.obj)", "obj"),
            (None, false) => or_star("r.obj == p.obj", "obj"),
        });
        tests.push(match self.regex_actions {
            true => "regexMatch(r.act, p.act)".to_owned(),
            false => or_star("r.act == p.act", "act"),
        });
        let root = if self.root {
            " || r.sub == \"dan\""
        } else {
            ""
        };
        let g = if self.tenants { "_, _, _" } else { "_, _" };
        format!(
            "[request_definition]\nr = {fields}\n[policy_definition]\np = {fields}, eft\n\
             [role_definition]\ng = {g}\ng2 = _, _\n[policy_effect]\ne = {}\n[matchers]\nm = {}{root}\n",
            EFFECTS[self.effect],
            tests.join(" && "),
        )
    }
}

struct World {
    shape: Shape,
    lines: Vec<Fields>,
    /// Child, parent, tenant.
    g: Vec<(String, String, String)>,
    g2: Vec<(String, String)>,
}

impl World {
    fn random(dice: &mut Dice) -> Self {
        let shape = Shape::random(dice);
        let mut world = Self {
            shape,
            lines: Vec::new(),
            g: Vec::new(),
            g2: Vec::new(),
        };
        for _ in 0..1 + dice.below(7) {
            let is_user = !shape.roles || dice.below(4) == 0;
            let star = |text: &'static str, dice: &mut Dice| match shape.stars && dice.below(4) == 0
            {
                true => "*",
                false => text,
            };
            let object = match shape.pattern {
                Some(_) => dice.of(&PATTERNS),
                None => star(dice.of(&OBJECTS), dice),
            };
            let action = match shape.regex_actions {
                true => dice.of(&[
                    "GET",
                    "(GET)|(POST)",
                    ".*",
                    "^(POST|DELETE)$",
                    "DELETE",
                    "E",
                ]),
                false => star(dice.of(&ACTIONS), dice),
            };
            let tenant = star(dice.of(&TENANTS), dice);
            let who = dice.of(if is_user { &USERS } else { &ROLES });
            world.lines.push(Fields {
                sub: match shape.abac {
                    Abac::InLines => RULES[dice.below(RULES.len())].0.to_owned(),
                    _ => who.to_owned(),
                },
                dom: tenant.to_owned(),
                obj: object.to_owned(),
                act: action.to_owned(),
                eft: dice.of(&["allow", "allow", "allow", "deny"]).to_owned(),
            });
        }
        for _ in 0..dice.below(7) {
            let is_user = dice.below(2) == 0;
            let child = dice.of(if is_user { &USERS } else { &ROLES });
            world.g.push((
                child.to_owned(),
                dice.of(&ROLES).to_owned(),
                dice.of(&TENANTS).to_owned(),
            ));
        }
        for _ in 0..dice.below(3) {
            let child = dice.below(4);
            let parent = child + 1 + dice.below(4 - child);
            world
                .g2
                .push((OBJECTS[child].to_owned(), OBJECTS[parent].to_owned()));
        }
        world
    }

    fn csv(&self) -> String {
        let tenant = |tenant: &str| match self.shape.tenants {
            true => format!(", {tenant}"),
            false => String::new(),
        };
        let mut text = String::new();
        for line in &self.lines {
            let Fields {
                sub,
                dom,
                obj,
                act,
                eft,
            } = line;
            let sub = match sub.contains(',') {
                true => format!("\"{sub}\""),
                false => sub.clone(),
            };
            text += &format!("p, {sub}{}, {obj}, {act}, {eft}\n", tenant(dom));
        }
        for (child, parent, dom) in &self.g {
            text += &format!("g, {child}, {parent}{}\n", tenant(dom));
        }
        for (child, parent) in &self.g2 {
            text += &format!("g2, {child}, {parent}\n");
        }
        text
    }

    /// `g(child, parent, dom)`: there is a way of at most ten lines.
    fn has_role(&self, child: &str, parent: &str, dom: &str, levels: usize) -> bool {
        let there = |line: &&(String, String, String)| {
            line.0 == child && (!self.shape.tenants || line.2 == dom)
        };
        child == parent
            || (levels > 0
                && self
                    .g
                    .iter()
                    .filter(there)
                    .any(|it| self.has_role(&it.1, parent, dom, levels - 1)))
    }

    fn is_in(&self, child: &str, parent: &str) -> bool {
        let up = |line: &(String, String)| line.0 == child && self.is_in(&line.1, parent);
        child == parent || self.g2.iter().any(up)
    }

    fn matches(&self, asked: &Fields, line: &Fields) -> bool {
        let shape = self.shape;
        let star = |text: &str| shape.stars && text == "*";
        let (_, age, team) = *KNOWN.iter().find(|it| it.0 == asked.sub).unwrap();
        let sub = match shape.roles {
            _ if shape.abac == Abac::InMatcher => RULES[0].1(age, team),
            _ if shape.abac == Abac::InLines => {
                let rule = RULES.iter().find(|it| it.0 == line.sub);
                rule.unwrap().1(age, team)
            }
            true => self.has_role(&asked.sub, &line.sub, &asked.dom, 10),
            false => asked.sub == line.sub,
        };
        let dom = !shape.tenants || asked.dom == line.dom || star(&line.dom);
        let obj = match shape.pattern {
            Some(function) => key_match(function, &asked.obj, &line.obj),
            None if shape.object_groups => self.is_in(&asked.obj, &line.obj) || star(&line.obj),
            None => asked.obj == line.obj || star(&line.obj),
        };
        let act = match shape.regex_actions {
            true => is_match(&line.act, &asked.act),
            false => asked.act == line.act || star(&line.act),
        };
        (sub && dom && obj && act) || (shape.root && asked.sub == "dan")
    }

    fn allows(&self, asked: &Fields) -> bool {
        let mut matching = self.lines.iter().filter(|line| self.matches(asked, line));
        let efts: Vec<&str> = matching.by_ref().map(|line| line.eft.as_str()).collect();
        match self.shape.effect {
            0 => efts.contains(&"allow"),
            1 => efts.contains(&"allow") && !efts.contains(&"deny"),
            2 => !efts.contains(&"deny"),
            _ => efts.first() == Some(&"allow"),
        }
    }

    /// Whether lines name the object, the action and the tenant: a policy of ours knows no others.
    fn names(&self, asked: &Fields) -> bool {
        let g2 = self.g2.iter().filter(|_| self.shape.object_groups);
        let of_groups = g2.flat_map(|line| [&line.0, &line.1]);
        let mut objects = self.lines.iter().map(|line| &line.obj).chain(of_groups);
        let is_named = self.shape.pattern.is_some() || objects.any(|it| *it == asked.obj);
        let doms = self.lines.iter().map(|line| &line.dom);
        let of_roles = self.g.iter().filter(|_| self.shape.roles);
        let mut doms = doms.chain(of_roles.map(|line| &line.2));
        let is_named = is_named && (!self.shape.tenants || doms.any(|it| *it == asked.dom));
        is_named && self.lines.iter().any(|line| line.act.contains(&asked.act))
    }

    /// Every request of a subject that is no role; what no line names is asked for too.
    fn requests(&self) -> Vec<Fields> {
        let objects: &[&str] = if self.shape.pattern.is_some() {
            &PATHS
        } else {
            &OBJECTS
        };
        let tenants = if self.shape.tenants {
            &TENANTS[..]
        } else {
            &TENANTS[..1]
        };
        let mut requests = Vec::new();
        for sub in USERS.into_iter().chain(["zoe"]) {
            for dom in tenants {
                for obj in objects {
                    for act in ACTIONS {
                        let [sub, dom, obj, act] = [sub, dom, obj, act].map(str::to_owned);
                        let eft = String::new();
                        requests.push(Fields {
                            sub,
                            dom,
                            obj,
                            act,
                            eft,
                        });
                    }
                }
            }
        }
        requests
    }
}

/// casbin.org/docs/function: `*` at the end, `:name`, `{name}`.
fn key_match(function: &str, path: &str, pattern: &str) -> bool {
    if function == "keyMatch" {
        return match pattern.split_once('*') {
            None => path == pattern,
            Some((prefix, _)) => path.starts_with(prefix),
        };
    }
    let pattern = pattern.replace("/*", "/.*");
    let path = match path.split_once('?') {
        Some((before, _)) if function == "keyMatch5" => before,
        _ => path,
    };
    let (start, end) = match function {
        "keyMatch2" => (':', None),
        _ => ('{', Some('}')),
    };
    let mut expression = "^".to_owned();
    let mut rest = pattern.as_str();
    while let Some((before, after)) = rest.split_once(start) {
        let to = match end {
            Some(end) => after.find(end).map(|at| at + 1),
            None => after.find('/').or(Some(after.len())),
        };
        expression += &format!("{before}[^/]+");
        rest = after.split_at(to.unwrap()).1;
    }
    // `*` alone is no regular expression: Casbin fails, and nothing is permitted.
    let expression = format!("{expression}{rest}$");
    // With `keyMatch4`, the same name stands for the same text.
    let is_same = pattern != "/{x}/{x}" || {
        let mut segments = path.split('/').skip(1);
        segments.next() == segments.next()
    };
    is_match(&expression, path) && (function != "keyMatch4" || is_same)
}

thread_local! {
    static COMPILED: RefCell<HashMap<String, Option<regex::Regex>>> = RefCell::default();
}

/// Whether a regular expression fits somewhere; one that is none fits nowhere.
fn is_match(expression: &str, text: &str) -> bool {
    COMPILED.with_borrow_mut(|compiled| {
        let expression = compiled
            .entry(expression.to_owned())
            .or_insert_with_key(|it| regex::Regex::new(it).ok());
        expression.as_ref().is_some_and(|it| it.is_match(text))
    })
}

/// What the imported policy decides; none where it has no such type or action.
fn decided(import: &Import, requests: &[Fields], shape: Shape) -> Vec<Option<bool>> {
    let file = |name: &str| {
        let found = import.files.iter().find(|file| file.path == name).unwrap();
        Source::new(name, &found.text)
    };
    let policy = read_policy(&[file("policy.yaml")]).unwrap();
    let facts = read_facts(&policy, &[file("facts.yaml")]).unwrap();
    let decide = |asked: &Fields| {
        let (_, age, team) = KNOWN.iter().find(|it| it.0 == asked.sub).unwrap();
        let all = json!({ "Age": age, "Team": team });
        let known = all.as_object().unwrap().iter();
        let known = known.filter(|it| policy.attribute_kind("user", it.0).is_some());
        let subject = facts.complete(SubjectFacts {
            attributes: known
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            reference: Some(format!("user:{}", asked.sub)),
            signed_in: true,
            tenant: shape.tenants.then(|| asked.dom.clone()),
            ..SubjectFacts::default()
        });
        let subject = policy.subject(subject).unwrap();
        let (type_name, id, attributes) = match shape.pattern {
            Some(_) => ("path", Some("1"), json!({ "path": asked.obj })),
            None => (asked.obj.as_str(), None, json!({})),
        };
        policy.action_kind(type_name, &asked.act)?;
        let attributes: &Map<_, _> = attributes.as_object().unwrap();
        let resource = policy.resource(type_name, id, attributes).unwrap();
        let decision = policy.decide(&Request {
            subject: &subject,
            action: &asked.act,
            resource: &resource,
            now: now(),
            facts: &facts,
            context: no_context(),
        });
        assert_ne!(decision.outcome, Outcome::Indeterminate, "{asked:?}");
        Some(decision.outcome == Outcome::Permit)
    };
    requests.iter().map(decide).collect()
}

#[test]
fn an_imported_policy_decides_as_casbin_does() {
    let mut dice = Dice(0x00c0_ffee);
    let (mut permits, mut denies, mut whole, mut lossy) = (0, 0, 0, 0);
    for _ in 0..600 {
        let world = World::random(&mut dice);
        let (model, csv) = (world.shape.model(), world.csv());
        let sources = [
            Source::new("model.conf", &model),
            Source::new("policy.csv", &csv),
        ];
        let imported = import(Origin::Casbin, &sources, &mut |_| Err(String::new()));
        let imported = imported.unwrap_or_else(|broken| panic!("{broken:?}\n{model}\n{csv}"));
        let requests = world.requests();
        // Casbin permits what no line names, where it permits whatever is not denied.
        let intrinsic = |it: &authz::source::Diagnostic| it.message.contains("what no line names");
        let is_whole = imported.lost.iter().all(intrinsic);
        for (asked, found) in requests
            .iter()
            .zip(decided(&imported, &requests, world.shape))
        {
            let expected = world.allows(asked);
            let told = || {
                let files: String = imported.files.iter().map(|it| it.text.as_str()).collect();
                format!("{asked:?}\n{model}\n{csv}\n{files}\n{:?}", imported.lost)
            };
            match found {
                Some(found) if is_whole && world.names(asked) => {
                    assert_eq!(found, expected, "{}", told())
                }
                Some(found) => assert!(!found || expected, "wider: {}", told()),
                None => assert!(!expected || !world.names(asked) || !is_whole, "{}", told()),
            }
            permits += usize::from(is_whole && found == Some(true));
            denies += usize::from(is_whole && found == Some(false));
        }
        whole += usize::from(is_whole);
        lossy += usize::from(!is_whole);
    }
    println!("casbin: {whole} whole, {lossy} with losses; {permits} permitted, {denies} denied");
    assert!(whole > 300 && lossy > 60 && permits * 5 > denies);
}
