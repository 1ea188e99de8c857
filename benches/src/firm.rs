//! A made-up firm: 40 types with five actions each, 40 roles, 200 rules, 10,000 facts, and tests
//! that say what its policy decides.

use std::fmt::Write as _;

use authz::source::Source;
use authz::{Outcome, Policy, Request, SubjectFacts, no_context, read_facts, read_policy};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::analysis::told;
use crate::measure::Random;

const TYPES: usize = 40;
const ROLES: usize = 40;
const RULES: usize = 200;
const SUBJECTS: usize = 2_000;
const RESOURCES: usize = 3_000;
const RELATIONSHIPS: usize = 5_000;
const TESTS: usize = 400;

const ACTIONS: [&str; 5] = ["list", "read", "edit", "remove", "share"];

/// What conditions ask.
const QUESTIONS: [&str; 7] = [
    "resource.owner == subject",
    "subject.department == resource.department",
    "resource.kind == 'letter'",
    "resource.kind in ['invoice', 'letter']",
    "resource.draft",
    "subject.level > 3",
    "within(now, '08:00', '18:00', 'UTC')",
];

const MODEL: &str = "\
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
type document
  relations
    define parent: [folder]
    define editor: [user]
    define viewer: [user, group#member] or editor or viewer from parent
";

/// All files of the firm.
pub(crate) struct Firm {
    rules: Vec<String>,
    facts: String,
    tests: String,
}

impl Firm {
    /// The same files each time.
    ///
    /// # Errors
    /// They are not read, or a test asks about something unknown.
    pub(crate) fn new(now: Timestamp) -> anyhow::Result<Self> {
        let mut firm = Self {
            rules: rules(),
            facts: facts(),
            tests: String::new(),
        };
        let sources = firm.policy();
        let policy = told(read_policy(&sources), &sources)?;
        firm.tests = tests(&firm, &policy, now)?;
        Ok(firm)
    }

    /// The files of the policy.
    pub(crate) fn policy(&self) -> Vec<Source> {
        sources(&self.rules)
    }

    /// The same after some mistakes: a rule is gone, one has no condition, and one turns.
    pub(crate) fn changed(&self) -> Vec<Source> {
        let mut rules = self.rules.clone();
        rules.remove(150);
        for (at, rule) in rules.iter_mut().enumerate() {
            match at {
                20 => {
                    *rule = rule
                        .split("    when:")
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                }
                90 => *rule = rule.replace("permit:", "deny:"),
                _ => {}
            }
        }
        sources(&rules)
    }

    /// The file of facts.
    pub(crate) fn facts(&self) -> Source {
        Source::new("facts.yaml", &self.facts)
    }

    /// The file of tests.
    pub(crate) fn tests(&self) -> Source {
        Source::new("policy.test.yaml", &self.tests)
    }
}

fn sources(rules: &[String]) -> Vec<Source> {
    let mut text = String::from(
        "version: 1\ntypes:\n  user: { attributes: { department: string, level: int } }\n",
    );
    let attributes = "{ owner: user, department: string, kind: string, draft: bool }";
    let actions =
        "{ list: collection, read: instance, edit: instance, remove: instance, share: instance }";
    for number in 0..TYPES {
        let _ = writeln!(
            text,
            "  type{number}: {{ attributes: {attributes}, actions: {actions} }}"
        );
    }
    text += "  document: { actions: { view: instance, change: instance } }\n";
    text +=
        "relations: model.fga\nrelated: { document: { view: viewer, change: editor } }\nroles:\n";
    for number in 0..ROLES {
        let (one, other) = (number % TYPES, (number * 7 + 3) % TYPES);
        let includes = match number % 4 {
            0 => String::new(),
            _ => format!("includes: [role{}], ", number - 1),
        };
        let _ = writeln!(
            text,
            "  role{number}: {{ {includes}can: {{ type{one}: [list, read], type{other}: [edit] }} }}"
        );
    }
    text += "rules:\n";
    text.extend(rules.iter().map(String::as_str));
    vec![
        Source::new("policy.yaml", &text),
        Source::new("model.fga", MODEL),
    ]
}

/// Each with two to four questions.
fn rules() -> Vec<String> {
    let mut random = Random::new(1);
    let rule = |number: usize| {
        let effect = if number % 5 == 4 { "deny" } else { "permit" };
        let action = ACTIONS
            .get(1 + random.below(4))
            .copied()
            .unwrap_or_default();
        let mut when = String::new();
        for at in 0..2 + random.below(3) {
            let joined = match (at, random.below(4)) {
                (0, _) => "",
                (_, 0) => " || ",
                _ => " && ",
            };
            let question = QUESTIONS.get(random.below(QUESTIONS.len()));
            let question = question.copied().unwrap_or_default();
            let _ = match random.below(4) {
                0 => write!(when, "{joined}!({question})"),
                _ => write!(when, "{joined}({question})"),
            };
        }
        let kind = number % TYPES;
        format!(
            "  - name: rule-{number}\n    {effect}: {{ type{kind}: [{action}] }}\n    when: \"{when}\"\n"
        )
    };
    (0..RULES).map(rule).collect()
}

fn facts() -> String {
    let mut random = Random::new(2);
    let mut text = String::from("subjects:\n");
    for number in 0..SUBJECTS {
        let _ = writeln!(
            text,
            "  user:u{number}: {{ roles: [role{}], attributes: {} }}",
            number % ROLES,
            json!({ "department": department(number), "level": number % 6 })
        );
    }
    text += "resources:\n";
    for number in 0..RESOURCES {
        let kind = number % TYPES;
        let _ = writeln!(
            text,
            "  type{kind}:r{number}: {{ attributes: {} }}",
            Value::Object(attributes(&mut random))
        );
    }
    text += "relationships:\n";
    for number in 0..RELATIONSHIPS {
        let user = random.below(SUBJECTS);
        let _ = match number % 5 {
            0 => writeln!(text, "  - group:g{}#member@user:u{user}", number % 200),
            1 => writeln!(text, "  - document:d{number}#editor@user:u{user}"),
            2 => writeln!(text, "  - folder:f{number}#parent@folder:f{}", number / 2),
            3 => writeln!(text, "  - document:d{number}#parent@folder:f{}", number - 1),
            _ => writeln!(
                text,
                "  - folder:f{}#viewer@group:g{}#member",
                number - 2,
                number % 200
            ),
        };
    }
    text
}

fn department(number: usize) -> &'static str {
    ["sales", "legal", "finance"]
        .get(number % 3)
        .copied()
        .unwrap_or_default()
}

fn attributes(random: &mut Random) -> Map<String, Value> {
    let kinds = ["letter", "invoice", "note"];
    let owner = format!("user:u{}", random.below(SUBJECTS));
    Map::from_iter([
        ("owner".to_owned(), json!(owner)),
        ("department".to_owned(), json!(department(random.below(3)))),
        ("kind".to_owned(), json!(kinds.get(random.below(3)))),
        ("draft".to_owned(), json!(random.below(2) == 0)),
    ])
}

/// Each asks for all actions of a resource, and expects what the policy decides.
fn tests(firm: &Firm, policy: &Policy, now: Timestamp) -> anyhow::Result<String> {
    let sources = [firm.facts()];
    let facts = told(read_facts(policy, &sources), &sources)?;
    let mut random = Random::new(3);
    let mut text = String::from("facts: facts.yaml\ntests:\n");
    for number in 0..TESTS {
        let type_name = format!("type{}", number % TYPES);
        let mut known = attributes(&mut random);
        let asker = random.below(SUBJECTS);
        if random.below(2) == 0 {
            known.insert("owner".to_owned(), json!(format!("user:u{asker}")));
        }
        let subject = facts.complete(SubjectFacts {
            reference: Some(format!("user:u{asker}")),
            signed_in: true,
            ..SubjectFacts::default()
        });
        let subject = policy.subject(subject).map_err(anyhow::Error::msg)?;
        let resource = policy.resource(&type_name, Some("r"), &known);
        let resource = resource.map_err(anyhow::Error::msg)?;
        let is_allowed = |action: &&&str| {
            let decision = policy.decide(&Request {
                subject: &subject,
                action,
                resource: &resource,
                now,
                facts: &facts,
                context: no_context(),
            });
            decision.outcome == Outcome::Permit
        };
        let (allow, deny): (Vec<&str>, Vec<&str>) = ACTIONS.iter().partition(|it| is_allowed(it));
        let given =
            json!({ "subject": format!("user:u{asker}"), "resource": { type_name: known } });
        let _ = writeln!(
            text,
            "  - name: test {number}\n    given: {given}\n    allow: {}\n    deny: {}",
            json!(allow),
            json!(deny)
        );
    }
    Ok(text)
}
