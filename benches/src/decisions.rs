//! Whole decisions, beside those of other engines on the same rules and grants.

use std::fmt::Write as _;
use std::hint::black_box;
use std::str::FromStr as _;

use anyhow::{Context as _, ensure};
use authz::facts::{Facts, no_context};
use authz::source::{Source, render};
use authz::{Outcome, Policy, Request, Resource, Subject, SubjectFacts, read_policy};
use cedar_policy::{Authorizer, Decision, Entities, EntityUid, PolicySet};
use serde_json::json;

use crate::grants;
use crate::measure::{Random, Report, sides};

/// Decisions in a round.
const DECISIONS: usize = 500;
const USERS: usize = 25;
const DOCUMENTS: usize = 25;
const DEPARTMENTS: [&str; 5] = ["sales", "legal", "finance", "support", "research"];

/// Measures and prints.
///
/// # Errors
/// A policy is not read, or the two sides do not agree.
pub(crate) fn run() -> anyhow::Result<usize> {
    let mut report = Report::default();
    rules(&mut report)?;
    grants::run(&mut report)?;
    Ok(report.missed())
}

fn rules(report: &mut Report) -> anyhow::Result<()> {
    let ours = Ours::new()?;
    let cedar = Cedar::new()?;
    let mut permitted = 0;
    for user in 0..USERS {
        for document in 0..DOCUMENTS {
            let decided = ours.permits(user, document)?;
            ensure!(
                decided == cedar.permits(user, document)?,
                "{user} {document}"
            );
            permitted += usize::from(decided);
        }
    }
    let all = USERS * DOCUMENTS;
    Report::note(
        "pairs, both sides agree",
        &format!("{permitted} of {all} permitted"),
    );
    let pairs = |round| {
        let mut random = Random::new(round);
        let pair = |_| (random.below(USERS), random.below(DOCUMENTS));
        (0..DECISIONS).map(pair).collect::<Vec<_>>()
    };
    let (cedars, time) = sides(
        DECISIONS,
        pairs,
        |pairs| {
            for (user, document) in pairs {
                let _ = black_box(cedar.permits(*user, *document));
            }
        },
        |pairs| {
            for (user, document) in pairs {
                let _ = black_box(ours.permits(*user, *document));
            }
        },
    );
    report.at_least(
        "10 rules, 50 entities: times faster than cedar-policy",
        cedars / time,
        10.0,
    );
    Report::note("  nanoseconds", &format!("{time:.0} to {cedars:.0}"));
    Ok(())
}

struct Ours {
    policy: Policy,
    users: Vec<Subject>,
    documents: Vec<Resource>,
}

impl Ours {
    fn new() -> anyhow::Result<Self> {
        let mut text = "version: 1
types:
  user: { attributes: { department: string, level: int, suspended: bool } }
  document:
    actions: { read: instance }
    attributes: { owner: user, department: string, level: int, secret: bool }
combine: deny-overrides
rules:
  - { name: owners, permit: { document: [read] }, when: resource.owner == subject }
  - { name: suspended, deny: { document: [read] }, when: subject.suspended }
  - { name: secret, deny: { document: [read] }, when: resource.secret && subject.level < 8 }
  - { name: levels, permit: { document: [read] }, when: subject.level > resource.level + 5 }
  - { name: open, permit: { document: [read] }, when: resource.level == 0 }
"
        .to_owned();
        for department in DEPARTMENTS {
            let _ = writeln!(
                text,
                "  - {{ name: {department}, permit: {{ document: [read] }}, when: 'resource.department == \"{department}\" && subject.department == \"{department}\" && subject.level >= resource.level' }}"
            );
        }
        let policy = read(&text)?;
        let user = |user| {
            let (department, level, suspended) = attributes_of_user(user);
            let attributes =
                json!({ "department": department, "level": level, "suspended": suspended });
            policy.subject(SubjectFacts {
                reference: Some(format!("user:u{user}")),
                signed_in: true,
                attributes: attributes.as_object().cloned().unwrap_or_default(),
                ..SubjectFacts::default()
            })
        };
        let document = |document| {
            let (department, level, secret) = attributes_of_document(document);
            let attributes = json!({
                "owner": format!("user:u{}", document % USERS),
                "department": department, "level": level, "secret": secret,
            });
            let attributes = attributes.as_object().cloned().unwrap_or_default();
            policy.resource("document", Some(&format!("d{document}")), &attributes)
        };
        let users = (0..USERS).map(user).collect::<Result<_, _>>();
        let documents = (0..DOCUMENTS).map(document).collect::<Result<_, _>>();
        Ok(Self {
            users: users.map_err(anyhow::Error::msg)?,
            documents: documents.map_err(anyhow::Error::msg)?,
            policy,
        })
    }

    fn permits(&self, user: usize, document: usize) -> anyhow::Result<bool> {
        let decision = self.policy.decide(&Request {
            subject: self.users.get(user).context("no user")?,
            action: "read",
            resource: self.documents.get(document).context("no document")?,
            now: jiff::Timestamp::UNIX_EPOCH,
            facts: Facts::none(),
            context: no_context(),
        });
        Ok(decision.outcome == Outcome::Permit)
    }
}

fn attributes_of_user(user: usize) -> (&'static str, usize, bool) {
    let department = DEPARTMENTS.get(user % 5).copied().unwrap_or_default();
    (department, user % 10, user % 12 == 11)
}

fn attributes_of_document(document: usize) -> (&'static str, usize, bool) {
    let department = DEPARTMENTS.get(document % 5).copied().unwrap_or_default();
    (department, document * 3 % 10, document % 7 == 3)
}

/// The policy that this text says.
///
/// # Errors
/// It is mistaken.
pub(crate) fn read(text: &str) -> anyhow::Result<Policy> {
    let sources = [Source::new("policy.yaml", text)];
    let policy = read_policy(&sources);
    policy.map_err(|mistakes| anyhow::anyhow!("{}", render(&mistakes, &sources, false)))
}

struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    /// By user and document.
    requests: Vec<cedar_policy::Request>,
}

impl Cedar {
    fn new() -> anyhow::Result<Self> {
        let mut text = "permit(principal, action == Action::\"read\", resource) when { resource.owner == principal };
forbid(principal, action == Action::\"read\", resource) when { principal.suspended };
forbid(principal, action == Action::\"read\", resource) when { resource.secret && principal.level < 8 };
permit(principal, action == Action::\"read\", resource) when { principal.level > resource.level + 5 };
permit(principal, action == Action::\"read\", resource) when { resource.level == 0 };
"
        .to_owned();
        for department in DEPARTMENTS {
            let _ = writeln!(
                text,
                "permit(principal, action == Action::\"read\", resource) when {{ resource.department == \"{department}\" && principal.department == \"{department}\" && principal.level >= resource.level }};"
            );
        }
        let users = (0..USERS).map(|user| {
            let (department, level, suspended) = attributes_of_user(user);
            json!({
                "uid": { "type": "User", "id": format!("u{user}") },
                "attrs": { "department": department, "level": level, "suspended": suspended },
                "parents": [],
            })
        });
        let documents = (0..DOCUMENTS).map(|document| {
            let (department, level, secret) = attributes_of_document(document);
            let owner = json!({ "type": "User", "id": format!("u{}", document % USERS) });
            json!({
                "uid": { "type": "Document", "id": format!("d{document}") },
                "attrs": {
                    "owner": { "__entity": owner },
                    "department": department, "level": level, "secret": secret,
                },
                "parents": [],
            })
        });
        let entities: Vec<_> = users.chain(documents).collect();
        let entities = serde_json::to_string(&entities)?;
        let action = EntityUid::from_str("Action::\"read\"")?;
        let mut requests = Vec::new();
        for user in 0..USERS {
            let user = EntityUid::from_str(&format!("User::\"u{user}\""))?;
            for document in 0..DOCUMENTS {
                let document = EntityUid::from_str(&format!("Document::\"d{document}\""))?;
                requests.push(cedar_policy::Request::new(
                    user.clone(),
                    action.clone(),
                    document,
                    cedar_policy::Context::empty(),
                    None,
                )?);
            }
        }
        Ok(Self {
            authorizer: Authorizer::new(),
            policies: PolicySet::from_str(&text)?,
            entities: Entities::from_json_str(&entities, None)?,
            requests,
        })
    }

    fn permits(&self, user: usize, document: usize) -> anyhow::Result<bool> {
        let request = self.requests.get(user * DOCUMENTS + document);
        let request = request.context("no such request")?;
        let response = self
            .authorizer
            .is_authorized(request, &self.policies, &self.entities);
        Ok(response.decision() == Decision::Allow)
    }
}
