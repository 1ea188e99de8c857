//! `lockstep check SUBJECT ACTION TYPE:?`: with the resource unknown, the answer is a condition over
//! it, and those that the facts know.

use authz::{Facts, Filter, Inquiry, Page, Policy, Reference, Subject, no_context};
use jiff::Timestamp;
use serde_json::json;

use super::expect_action;
use crate::arguments::Check;
use crate::commands::print;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// The most resources that are listed.
const LISTED_MAX: usize = 1_000;

pub(super) fn execute(
    command: &Check,
    (policy, facts): (&Policy, &Facts),
    (subject, type_name, now): (&Subject, &str, Timestamp),
) -> Result<ExitCode, Failure> {
    let of_one = command.explain || command.all || command.draw.is_some();
    if of_one || command.attributes.is_some() {
        let message = "`--explain`, `--all`, `--draw` and `--attributes` are of one resource";
        return Err(Failure::usage(format!("{message}\nhelp: name it")));
    }
    let is_declared = policy.resource(type_name, None, no_context());
    is_declared.map_err(Failure::usage)?;
    expect_action(policy, type_name, &command.action)?;
    let inquiry = Inquiry {
        subject,
        action: &command.action,
        type_name,
        now,
        facts,
        context: command.context.as_ref().unwrap_or(no_context()),
    };
    let known = policy
        .list_resources(&inquiry, None, LISTED_MAX)
        .map_err(Failure::usage)?;
    let residual = policy.residual(inquiry);
    // Type and action are known, so there is one.
    let Some(residual) = residual else {
        return Ok(ExitCode::Fault);
    };
    let condition = policy.residual_text(&residual);
    let (word, code) = match residual.filter() {
        Filter::Always => ("allowed for all", ExitCode::Held),
        Filter::Never => ("allowed for none", ExitCode::Finding),
        _ => ("allowed where", ExitCode::Inconclusive),
    };
    let Check {
        subject: asks,
        action,
        resource,
        ..
    } = command;
    let text = match (command.json, code) {
        (true, _) => {
            let told = json!({
                "subject": asks,
                "tenant": subject.tenant(),
                "action": action,
                "resource": resource,
                "at": now.to_string(),
                "condition": condition,
                "known": {
                    "allowed": known.items,
                    "undecided": known.undecided.iter().map(|it| &it.0).collect::<Vec<_>>(),
                    "is_cut": known.next.is_some(),
                },
            });
            format!("{}\n", serde_json::to_string_pretty(&told)?)
        }
        (false, ExitCode::Inconclusive) => {
            let condition = report::clean(&condition);
            let known = listed(&known);
            format!("{word}: {asks} {action} {resource}\n  {condition}\n{known}")
        }
        (false, ExitCode::Held) => {
            let known = listed(&known);
            format!("{word}: {asks} {action} {resource}\n{known}")
        }
        (false, _) => format!("{word}: {asks} {action} {resource}\n"),
    };
    print(&text)?;
    Ok(code)
}

/// Which of those that the facts know.
fn listed(known: &Page) -> String {
    let line = |what: &str, all: &mut dyn Iterator<Item = &Reference>| {
        let names: Vec<String> = all.map(Reference::to_string).collect();
        match names.as_slice() {
            [] => String::new(),
            names => format!("  {what}: {}\n", report::clean(&names.join(", "))),
        }
    };
    let mut text = line("known ones", &mut known.items.iter());
    let mut undecided = known.undecided.iter().map(|it| &it.0);
    text += &line("cannot be said of", &mut undecided);
    if known.next.is_some() {
        text += &format!("  and more: the first {LISTED_MAX} are listed\n");
    }
    text
}
