//! Answers and explanations in words.

use std::fmt::Write as _;

use authz::source::Place;
use authz::{Account, Detail, Facts, Grant, GrantedBy, Outcome, Remedy, Says};
use authz_analysis::witness::{
    Fact, Hop, Obstacle, Path, Question, Via, WITNESS_FACTS_MAX, WITNESSES_MAX, Why, Witness,
};

use crate::arguments::Check;

/// How many witnesses and grants are told where not all are asked for.
const FEW: usize = 3;

/// "allowed: role `editor` may update post  policy/policy.yaml:9"
pub(super) fn answer(command: &Check, account: &Account) -> String {
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
    let asked = report::clean(&format!("{subject} {action} {resource}"));
    let mut text = format!("{word}: {asked}\n");
    line(&mut text, 2, &reason.text, reason.place.as_ref());
    text
}

/// Every part of the policy with what it says.
pub(super) fn steps(account: &Account) -> String {
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

/// What would turn a denial, or by which paths something is permitted.
pub(super) fn why(why: &Why, question: &Question<'_>, account: &Account, all: bool) -> String {
    let facts = question.facts;
    let mut text = String::new();
    if account.decision.outcome == Outcome::Permit {
        paths(&mut text, why, facts);
        return text;
    }
    let most = if all { WITNESSES_MAX } else { FEW };
    for (index, it) in why.witnesses.iter().take(most).enumerate() {
        let lead = match (index, it.facts.len()) {
            (0, 1) => "\n  missing, and enough:\n",
            (0, _) => "\n  missing, and enough together:\n",
            _ => "  or:\n",
        };
        text.push_str(lead);
        witness(&mut text, it, facts);
    }
    more(&mut text, why.witnesses.len().saturating_sub(most));
    words(&mut text, &account.remedies);
    if why.witnesses.is_empty() {
        nothing_found(&mut text, why.is_complete, question);
    }
    let is_new = |it: &&Obstacle| account.steps.iter().all(|step| step.text != it.text);
    let obstacles: Vec<&Obstacle> = why.obstacles.iter().filter(is_new).collect();
    in_the_way(&mut text, &obstacles);
    let most = match (all, why.witnesses.is_empty()) {
        (true, _) => usize::MAX,
        (false, true) => FEW,
        (false, false) => 1,
    };
    granted_to(&mut text, why, most);
    text
}

fn more(text: &mut String, count: usize) {
    if count > 0 {
        let _ = writeln!(text, "  and {count} more: `--all` tells them");
    }
}

/// Words of the model that would do as well.
fn words(text: &mut String, remedies: &[Remedy]) {
    for remedy in remedies.iter().filter(|it| !it.is_relationship) {
        text.push_str("  or, in the model:\n");
        details(text, &remedy.near);
        line(text, 11, &format!("+ {}", remedy.add), None);
    }
}

/// The missing facts, between those that are there already.
fn witness(text: &mut String, witness: &Witness, facts: &Facts) {
    way(text, &witness.way, facts);
    for fact in &witness.facts {
        if !matches!(fact, Fact::Relationship(_)) {
            line(text, 11, &format!("+ {fact}"), None);
        }
    }
}

/// The relationships of a way, each once.
fn way(text: &mut String, way: &[Hop], facts: &Facts) {
    for (index, hop) in way.iter().enumerate() {
        if way.iter().take(index).any(|before| before.via == hop.via) {
            continue;
        }
        match &hop.via {
            Via::Fact(fact) => line(text, 11, &fact.to_string(), facts.place_of(fact)),
            Via::Missing(fact) => line(text, 11, &format!("+ {fact}"), None),
            Via::Follows => {}
        }
    }
}

fn paths(text: &mut String, why: &Why, facts: &Facts) {
    let count = why.paths.len();
    for (index, path) in why.paths.iter().enumerate() {
        if index == 0 {
            let ways = if count == 1 {
                "path"
            } else {
                "independent paths"
            };
            let least = if why.is_complete { "" } else { "at least " };
            let _ = writeln!(text, "\n  {least}{count} {ways}:");
        }
        let Path {
            text: told, place, ..
        } = path;
        line(text, 4, &format!("{}  {told}", index + 1), place.as_ref());
        way(text, &path.way, facts);
        let others = path
            .facts
            .iter()
            .filter(|it| !matches!(it, Fact::Relationship(_)));
        others.for_each(|fact| line(text, 11, &fact.to_string(), None));
    }
}

fn nothing_found(text: &mut String, is_complete: bool, question: &Question<'_>) {
    let _ = match is_complete {
        true => writeln!(
            text,
            "\n  no {WITNESS_FACTS_MAX} facts or fewer that could be added would permit it"
        ),
        false => writeln!(
            text,
            "\n  nothing was found that would permit it; the search ended at its bounds"
        ),
    };
    let subject = &question.subject;
    let has_gate = question.policy.has_tenant_gate(question.type_name);
    if has_gate && subject.signed_in && subject.tenant.is_none() {
        text.push_str("  while the subject acts in no tenant: `--tenant` says in which it does\n");
    }
}

/// What stops it and is not told in the steps.
fn in_the_way(text: &mut String, obstacles: &[&Obstacle]) {
    for (index, obstacle) in obstacles.iter().enumerate() {
        if index == 0 {
            text.push_str("  in the way:\n");
        }
        line(text, 11, &obstacle.text, obstacle.place.as_ref());
    }
}

/// Who is granted it at all, the nearest first.
fn granted_to(text: &mut String, why: &Why, most: usize) {
    if why.grants.is_empty() {
        text.push_str("  granted to nobody\n");
    }
    for (index, grant) in why.grants.iter().take(most).enumerate() {
        match index {
            0 => text.push_str("  nearest grant:\n"),
            1 => text.push_str("  other grants:\n"),
            _ => {}
        }
        line(text, 11, &granted(grant), grant.place.as_ref());
    }
    more(text, why.grants.len().saturating_sub(most));
}

/// "role `editor`"
fn granted(grant: &Grant) -> String {
    match &grant.by {
        GrantedBy::Role {
            role,
            across_tenants: false,
        } => format!("role `{role}`"),
        GrantedBy::Role { role, .. } => format!("role `{role}`, across tenants"),
        GrantedBy::Relation { relation } => format!("whoever is `{relation}` of it"),
        GrantedBy::Rule { name, when: None } => format!("everybody, by rule `{name}`"),
        GrantedBy::Rule {
            name,
            when: Some(when),
        } => format!("whoever rule `{name}` is for, when {when}"),
    }
}
