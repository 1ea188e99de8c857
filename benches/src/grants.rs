//! Decisions over 1,000 role grants, beside those of the `casbin` crate.

use std::fmt::Write as _;
use std::hint::black_box;

use anyhow::{Context as _, ensure};
use authz::facts::{Facts, no_context};
use authz::{Outcome, Policy, Request, Resource, Subject, SubjectFacts};
use casbin::{CoreApi as _, DefaultModel, Enforcer, MemoryAdapter, MgmtApi as _, RbacApi as _};

use crate::decisions::read;
use crate::measure::{Random, Report, sides};

/// 100 roles that may do ten things each, and a user for each role.
const ROLES: usize = 100;
const ACTIONS: usize = 10;

/// Decisions in a round.
const DECISIONS: usize = 50;

/// The same in casbin's words: a user has a role, and a role may do something to a kind of thing.
const MODEL: &str = "
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.obj == p.obj && r.act == p.act
";

/// May the user of a role do something to a kind of thing?
struct Question {
    role: usize,
    kind: usize,
    action: usize,
}

/// Measures and prints.
///
/// # Errors
/// A policy is not read, or the two sides do not agree.
pub(crate) fn run(report: &mut Report) -> anyhow::Result<()> {
    let ours = Ours::new()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let casbin = runtime.block_on(Casbin::new())?;
    let mut permitted = 0;
    for question in questions(1_000) {
        let decided = ours.permits(&question)?;
        ensure!(decided == casbin.permits(&question)?);
        permitted += usize::from(decided);
    }
    Report::note(
        "questions, both sides agree",
        &format!("{permitted} of {DECISIONS} permitted"),
    );
    let (casbins, time) = sides(
        DECISIONS,
        questions,
        |questions| {
            for question in questions {
                let _ = black_box(casbin.permits(question));
            }
        },
        |questions| {
            for question in questions {
                let _ = black_box(ours.permits(question));
            }
        },
    );
    report.at_least(
        "1,000 role grants: times faster than casbin",
        casbins / time,
        100.0,
    );
    Report::note("  nanoseconds", &format!("{time:.0} to {casbins:.0}"));
    Ok(())
}

/// Half of them about the kind of thing that the role is for.
fn questions(round: u64) -> Vec<Question> {
    let mut random = Random::new(round);
    let question = |_| {
        let role = random.below(ROLES);
        let kind = match random.below(2) {
            0 => role,
            _ => random.below(ROLES),
        };
        let action = random.below(ACTIONS);
        Question { role, kind, action }
    };
    (0..DECISIONS).map(question).collect()
}

struct Ours {
    policy: Policy,
    subjects: Vec<Subject>,
    resources: Vec<Resource>,
    actions: Vec<String>,
}

impl Ours {
    fn new() -> anyhow::Result<Self> {
        let actions: Vec<String> = (0..ACTIONS).map(|action| format!("a{action}")).collect();
        let declared: Vec<String> = actions.iter().map(|it| format!("{it}: instance")).collect();
        let mut text = "version: 1\ntypes:\n  user: {}\n".to_owned();
        for kind in 0..ROLES {
            let declared = declared.join(", ");
            let _ = writeln!(text, "  thing{kind}: {{ actions: {{ {declared} }} }}");
        }
        text.push_str("roles:\n");
        for role in 0..ROLES {
            let actions = actions.join(", ");
            let _ = writeln!(
                text,
                "  role{role}: {{ can: {{ thing{role}: [{actions}] }} }}"
            );
        }
        let policy = read(&text)?;
        let subject = |role| {
            policy.subject(SubjectFacts {
                reference: Some(format!("user:u{role}")),
                signed_in: true,
                roles: vec![format!("role{role}")],
                ..SubjectFacts::default()
            })
        };
        let resource =
            |kind| policy.resource(&format!("thing{kind}"), Some("1"), &serde_json::Map::new());
        let subjects = (0..ROLES).map(subject).collect::<Result<_, _>>();
        let resources = (0..ROLES).map(resource).collect::<Result<_, _>>();
        Ok(Self {
            subjects: subjects.map_err(anyhow::Error::msg)?,
            resources: resources.map_err(anyhow::Error::msg)?,
            actions,
            policy,
        })
    }

    fn permits(&self, question: &Question) -> anyhow::Result<bool> {
        let decision = self.policy.decide(&Request {
            subject: self.subjects.get(question.role).context("no subject")?,
            action: self.actions.get(question.action).context("no action")?,
            resource: self.resources.get(question.kind).context("no resource")?,
            now: jiff::Timestamp::UNIX_EPOCH,
            facts: Facts::none(),
            context: no_context(),
        });
        Ok(decision.outcome == Outcome::Permit)
    }
}

struct Casbin {
    enforcer: Enforcer,
    users: Vec<String>,
    kinds: Vec<String>,
    actions: Vec<String>,
}

impl Casbin {
    async fn new() -> anyhow::Result<Self> {
        let model = DefaultModel::from_str(MODEL).await?;
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await?;
        for role in 0..ROLES {
            let grant = |action| {
                vec![
                    format!("role{role}"),
                    format!("thing{role}"),
                    format!("a{action}"),
                ]
            };
            let grants = (0..ACTIONS).map(grant).collect();
            enforcer.add_policies(grants).await?;
            let (user, role) = (format!("u{role}"), format!("role{role}"));
            enforcer.add_role_for_user(&user, &role, None).await?;
        }
        Ok(Self {
            enforcer,
            users: (0..ROLES).map(|user| format!("u{user}")).collect(),
            kinds: (0..ROLES).map(|kind| format!("thing{kind}")).collect(),
            actions: (0..ACTIONS).map(|action| format!("a{action}")).collect(),
        })
    }

    fn permits(&self, question: &Question) -> anyhow::Result<bool> {
        let user = self.users.get(question.role).context("no user")?;
        let kind = self.kinds.get(question.kind).context("no kind")?;
        let action = self.actions.get(question.action).context("no action")?;
        let allowed = self
            .enforcer
            .enforce((user.as_str(), kind.as_str(), action.as_str()))?;
        Ok(allowed)
    }
}
