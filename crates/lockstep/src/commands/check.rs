//! `lockstep check`: one question to the policy, answered with the reason or with the whole
//! account.

mod told;
mod which;

use authz::source::nearest;
use authz::{
    Account, Credential, Facts, Outcome, Policy, Reference, Request, SubjectFacts, no_context,
};
use authz_analysis::drawing::Drawing;
use authz_analysis::witness::{self, Question, Why};
use jiff::Timestamp;
use serde_json::json;

use super::print;
use crate::arguments::{Check, Draw, Object};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{Ruling, load_policy};

/// The JSON Schema (draft 2020-12) of what `--json` prints.
pub(super) const CHECK_SCHEMA: &str = include_str!("../../schema/check.schema.json");

/// The word for a visitor.
const NOBODY: &str = "nobody";

pub(super) fn execute(command: &Check) -> Result<ExitCode, Failure> {
    let Ruling { policy, facts, .. } = load_policy(command.policy.as_deref(), &command.facts)?;
    let subject_facts = subject(command, &facts)?;
    let subject = policy.subject(subject_facts.clone());
    let subject = subject.map_err(Failure::usage)?;
    let now = command.at.unwrap_or_else(Timestamp::now);
    if let Some(type_name) = command.resource.strip_suffix(":?") {
        return which::execute(command, (&policy, &facts), (&subject, type_name, now));
    }
    let (type_name, id, attributes) = resource(command, &facts)?;
    let resource = policy.resource(&type_name, id.as_deref(), &attributes);
    let resource = resource.map_err(Failure::usage)?;
    expect_action(&policy, &type_name, &command.action)?;
    let context = command.context.as_ref().unwrap_or(no_context());
    let account = policy.account(&Request {
        subject: &subject,
        action: &command.action,
        resource: &resource,
        now,
        facts: &facts,
        context,
    });
    let question = Question {
        policy: &policy,
        facts: &facts,
        subject: subject_facts,
        action: &command.action,
        type_name: &type_name,
        id: id.as_deref(),
        attributes,
        now,
        context,
    };
    print(&text(command, &question, &account)?)?;
    Ok(match account.decision.outcome {
        Outcome::Permit => ExitCode::Held,
        Outcome::Deny(_) => ExitCode::Finding,
        Outcome::Indeterminate => ExitCode::Inconclusive,
    })
}

/// Refuses an action that the type does not have.
fn expect_action(policy: &Policy, type_name: &str, action: &str) -> Result<(), Failure> {
    if policy.action_kind(type_name, action).is_some() {
        return Ok(());
    }
    let meant = nearest(action, policy.action_names(type_name));
    let help = meant.map(|meant| format!("\nhelp: did you mean `{meant}`?"));
    Err(Failure::usage(format!(
        "`{type_name}` has no action `{action}`{}",
        help.unwrap_or_default()
    )))
}

fn text(command: &Check, question: &Question<'_>, account: &Account) -> Result<String, Failure> {
    let is_explained = command.explain || command.all || command.json || command.draw.is_some();
    if !is_explained {
        return Ok(told::answer(command, account));
    }
    let all = command.all || command.draw.is_some();
    let why = witness::explain(question, all).map_err(Failure::usage)?;
    if let Some(language) = command.draw {
        return Ok(drawing(command, &why, language));
    }
    if command.json {
        return as_json(command, question, account, &why);
    }
    let (answer, steps) = (told::answer(command, account), told::steps(account));
    let why = told::why(&why, question, account, command.all);
    Ok(format!("{answer}{steps}{why}"))
}

fn drawing(command: &Check, why: &Why, language: Draw) -> String {
    let Check {
        subject,
        action,
        resource,
        ..
    } = command;
    let question = format!("{subject} {action} {resource}");
    let drawing = Drawing::of(&question, subject, why, command.all);
    match language {
        Draw::Dot => drawing.to_dot(),
        Draw::Mermaid => drawing.to_mermaid(),
    }
}

/// Refuses what is another question than that about one subject and one resource.
fn expect_one(command: &Check) -> Result<(), Failure> {
    let Check {
        subject, resource, ..
    } = command;
    if subject.ends_with(":?") {
        let message = format!("`{subject}` is not one subject");
        let help = "who may is not asked here; `lockstep matrix` tells which roles may";
        return Err(Failure::usage(format!("{message}\nhelp: {help}")));
    }
    match [subject, resource].into_iter().find(|it| it.contains('#')) {
        Some(set) => {
            let message = format!("`{set}` is a set, and this asks about one of them");
            let help =
                "tests of a store or a validation file ask about sets: `lockstep policy test`";
            Err(Failure::usage(format!("{message}\nhelp: {help}")))
        }
        None => Ok(()),
    }
}

fn subject(command: &Check, facts: &Facts) -> Result<SubjectFacts, Failure> {
    expect_one(command)?;
    let is_somebody = command.subject != NOBODY;
    let tenant = match &command.tenant {
        Some(tenant) => Some(tenant.clone()),
        None if is_somebody => only_tenant(&command.subject, facts)?,
        None => None,
    };
    let scopes = command.scopes.as_ref();
    let scopes = scopes.map(|names| names.iter().map(|name| name.as_str().into()).collect());
    let given = SubjectFacts {
        reference: is_somebody.then(|| command.subject.clone()),
        signed_in: is_somebody,
        tenant,
        credential: Credential {
            scopes,
            claims: command.claims.clone().unwrap_or_default(),
            ..Credential::default()
        },
        ..SubjectFacts::default()
    };
    Ok(facts.complete(given))
}

/// The tenant in which the subject has roles, if it is one.
fn only_tenant(subject: &str, facts: &Facts) -> Result<Option<String>, Failure> {
    let reference: Reference = subject.parse().map_err(Failure::usage)?;
    let found = facts.only_tenant_of(&reference).map_err(|several| {
        let known = authz::source::one_of(several);
        Failure::usage(format!(
            "`{subject}` has roles in several tenants\nhelp: say with `--tenant` in which it acts: {known}"
        ))
    })?;
    Ok(found.map(str::to_owned))
}

/// `document:plan`, or `document` for all of them: the type, which one, and what is known of it.
fn resource(command: &Check, facts: &Facts) -> Result<(String, Option<String>, Object), Failure> {
    let given = command.attributes.clone().unwrap_or_default();
    if !command.resource.contains(':') {
        return Ok((command.resource.clone(), None, given));
    }
    let reference: Reference = command.resource.parse().map_err(Failure::usage)?;
    let mut attributes = facts.attributes_of(&reference).cloned().unwrap_or_default();
    attributes.extend(given);
    let (type_name, id) = (reference.type_name().to_owned(), reference.id().to_owned());
    Ok((type_name, Some(id), attributes))
}

fn as_json(
    command: &Check,
    question: &Question<'_>,
    account: &Account,
    why: &Why,
) -> Result<String, Failure> {
    let told = json!({
        "format": "lockstep-check",
        "version": 1,
        "subject": command.subject,
        "tenant": question.subject.tenant,
        "action": command.action,
        "resource": command.resource,
        "at": question.now.to_string(),
        "decision": account.decision,
        "steps": account.steps,
        "remedies": account.remedies,
        "why": why,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&told)?))
}
