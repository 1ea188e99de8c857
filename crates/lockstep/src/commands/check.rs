//! `lockstep check`: one question to the policy, answered with the reason or with the whole
//! account.

use std::fmt::Write as _;

use authz::source::{Place, nearest};
use authz::{
    Account, Credential, Detail, Facts, Filter, Inquiry, Outcome, Policy, Reference, Request,
    Resource, Says, Subject, SubjectFacts, no_context,
};
use jiff::Timestamp;
use serde_json::json;

use super::print;
use crate::arguments::Check;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{Ruling, load_policy};

/// The word for a visitor.
const NOBODY: &str = "nobody";

pub(super) fn execute(command: &Check) -> Result<ExitCode, Failure> {
    let Ruling { policy, facts } = load_policy(command.policy.as_deref(), &command.facts)?;
    let subject = subject(command, &policy, &facts)?;
    let now = command.at.unwrap_or_else(Timestamp::now);
    if let Some(type_name) = command.resource.strip_suffix(":?") {
        return which(command, (&policy, &facts), (&subject, type_name, now));
    }
    let resource = resource(command, &policy, &facts)?;
    expect_action(&policy, resource.type_name(), &command.action)?;
    let account = policy.account(&Request {
        subject: &subject,
        action: &command.action,
        resource: &resource,
        now,
        facts: &facts,
        context: command.context.as_ref().unwrap_or(no_context()),
    });
    let text = match (command.json, command.explain) {
        (true, _) => as_json(command, &subject, now, &account)?,
        (false, true) => format!("{}{}", answer(command, &account), steps(&account)),
        (false, false) => answer(command, &account),
    };
    print(&text)?;
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

/// The resources of a type to which it may be done, as a condition over one of them.
fn which(
    command: &Check,
    (policy, facts): (&Policy, &Facts),
    (subject, type_name, now): (&Subject, &str, Timestamp),
) -> Result<ExitCode, Failure> {
    if command.explain || command.attributes.is_some() {
        let message = "`--explain` and `--attributes` are of one resource";
        return Err(Failure::usage(format!("{message}\nhelp: name it")));
    }
    policy
        .resource(type_name, None, no_context())
        .map_err(Failure::usage)?;
    expect_action(policy, type_name, &command.action)?;
    let residual = policy.residual(Inquiry {
        subject,
        action: &command.action,
        type_name,
        now,
        facts,
        context: command.context.as_ref().unwrap_or(no_context()),
    });
    let Some(residual) = residual else {
        return Err(Failure::usage(format!(
            "`{}` of `{type_name}` cannot be asked for",
            command.action
        )));
    };
    let condition = policy.residual_text(&residual);
    let (word, code) = match residual.filter() {
        Filter::Always => ("allowed for all", ExitCode::Held),
        Filter::Never => ("allowed for none", ExitCode::Finding),
        _ => ("allowed where", ExitCode::Inconclusive),
    };
    let text = match (command.json, residual.filter()) {
        (true, _) => {
            let told = json!({
                "subject": command.subject,
                "tenant": subject.tenant(),
                "action": command.action,
                "resource": command.resource,
                "at": now.to_string(),
                "condition": condition,
            });
            format!("{}\n", serde_json::to_string_pretty(&told)?)
        }
        (false, filter) => {
            let mut text = format!(
                "{word}: {} {} {}\n",
                command.subject, command.action, command.resource
            );
            if !matches!(filter, Filter::Always | Filter::Never) {
                line(&mut text, 2, &condition, None);
            }
            text
        }
    };
    print(&text)?;
    Ok(code)
}

fn subject(command: &Check, policy: &Policy, facts: &Facts) -> Result<Subject, Failure> {
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
    policy
        .subject(facts.complete(given))
        .map_err(Failure::usage)
}

/// The tenant in which the subject has roles, if it is one.
fn only_tenant(subject: &str, facts: &Facts) -> Result<Option<String>, Failure> {
    let reference: Reference = subject.parse().map_err(Failure::usage)?;
    let tenants: Vec<&str> = facts.tenants_of(&reference).collect();
    match tenants.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some((*one).to_owned())),
        more => {
            let known = authz::source::one_of(more.iter().copied());
            Err(Failure::usage(format!(
                "`{subject}` has roles in several tenants\nhelp: say with `--tenant` in which it acts: {known}"
            )))
        }
    }
}

/// `document:plan`, or `document` for all of them.
fn resource(command: &Check, policy: &Policy, facts: &Facts) -> Result<Resource, Failure> {
    let given = command.attributes.clone().unwrap_or_default();
    if !command.resource.contains(':') {
        let found = policy.resource(&command.resource, None, &given);
        return found.map_err(Failure::usage);
    }
    let reference: Reference = command.resource.parse().map_err(Failure::usage)?;
    let mut attributes = facts.attributes_of(&reference).cloned().unwrap_or_default();
    attributes.extend(given);
    let (type_name, id) = (reference.type_name(), Some(reference.id()));
    let found = policy.resource(type_name, id, &attributes);
    found.map_err(Failure::usage)
}

/// "allowed: role `editor` may update post  policy/policy.yaml:9"
fn answer(command: &Check, account: &Account) -> String {
    let word = match account.decision.outcome {
        Outcome::Permit => "allowed".to_owned(),
        Outcome::Deny(denial) => format!("denied ({})", suite::plan::denial_word(denial)),
        Outcome::Indeterminate => "cannot be said".to_owned(),
    };
    let Check {
        subject,
        action,
        resource,
        ..
    } = command;
    let reason = &account.decision.reason;
    let mut text = format!("{word}: {subject} {action} {resource}\n");
    line(&mut text, 2, &reason.text, reason.place.as_ref());
    text
}

/// Every part of the policy with what it says.
fn steps(account: &Account) -> String {
    let mut text = "\n".to_owned();
    for step in &account.steps {
        let says = match step.says {
            Says::Open => "passes",
            Says::Closed => "stops",
            Says::Permit => "permits",
            Says::Deny => "denies",
            Says::Nothing => "-",
            Says::Unknown => "unknown",
        };
        let told = format!("{says:8} {}", step.text);
        line(&mut text, 2, &told, step.place.as_ref());
        details(&mut text, &step.details);
    }
    for (index, remedy) in account.remedies.iter().enumerate() {
        let lead = match index {
            0 => "\n  missing, for the relation to hold:\n",
            _ => "  or:\n",
        };
        text.push_str(lead);
        details(&mut text, &remedy.near);
        line(&mut text, 11, &format!("+ {}", remedy.add), None);
    }
    text
}

fn details(text: &mut String, details: &[Detail]) {
    for detail in details {
        line(text, 11, &detail.text, detail.place.as_ref());
    }
}

/// The column at which places stand, where there is room.
const PLACES: usize = 72;

fn line(text: &mut String, indent: usize, told: &str, place: Option<&Place>) {
    let told = format!("{:indent$}{}", "", report::clean(told));
    match place {
        None => drop(writeln!(text, "{told}")),
        Some(place) => drop(writeln!(text, "{told:PLACES$}  {place}")),
    }
}

fn as_json(
    command: &Check,
    subject: &Subject,
    now: Timestamp,
    account: &Account,
) -> Result<String, Failure> {
    let told = json!({
        "subject": command.subject,
        "tenant": subject.tenant(),
        "action": command.action,
        "resource": command.resource,
        "at": now.to_string(),
        "decision": account.decision,
        "steps": account.steps,
        "remedies": account.remedies,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&told)?))
}
