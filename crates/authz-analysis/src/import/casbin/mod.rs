//! Casbin: models with policy lines.
//!
//! A name that others have (`g, alice, admin`) is a role, and so is one that lines are about; who
//! is no role of others is a subject. An object is a type, and its actions are on the type as a
//! whole; where objects are held against patterns, there is one type `path`, and lines are rules. What is
//! asked about a subject (`r.sub.Age > 18`) is a condition over its attributes.
//! A denial is a rule too, asked of whoever has the role by a flag that is on for it.

mod attributes;
mod groups;
mod matcher;
mod meaning;
mod model;
mod patterns;
mod print;
mod roles;

use authz::source::{Diagnostic, Diagnostics, Place, Source};

use groups::{Groups, LEVELS_MAX};
use meaning::{Meaning, Way, What, Who};
use model::{Effect, Line, Model};
use print::Plan;

use super::write::{self, FACTS, POLICY};
use super::{File, Import};
use crate::policy_tests::Broken;

/// A line that counts, in one of the ways in which it applies.
struct Statement<'a> {
    line: &'a Line,
    is_denial: bool,
    way: Way,
}

/// What is told beside what is written.
#[derive(Default)]
struct Told {
    lost: Vec<Diagnostic>,
    notes: Vec<Diagnostic>,
}

impl Told {
    fn lose(&mut self, place: &Place, message: impl Into<String>, instead: &str) {
        let lost = Diagnostic::new(place.clone(), message);
        self.lost.push(lost.help(instead));
    }

    fn note(&mut self, place: &Place, message: impl Into<String>) {
        self.notes.push(Diagnostic::new(place.clone(), message));
    }
}

/// What to do about a line.
const BY_HAND: &str = "write what it means into the policy by hand";

pub(super) fn import(sources: &[Source]) -> Result<Import, Broken> {
    let mut mistakes = Diagnostics::default();
    let is_model = |source: &&Source| source.text().contains("[request_definition]");
    let (models, tables): (Vec<&Source>, Vec<&Source>) = sources.iter().partition(is_model);
    let model = match models.as_slice() {
        [one] => model::read(one, &mut mistakes),
        [] => {
            if let Some(source) = sources.first() {
                let message = "there is no model among these files";
                let mistake = Diagnostic::new(source.place(0..0), message);
                mistakes.push(mistake.help("name the model too: it has a `[request_definition]`"));
            }
            None
        }
        [_, second, ..] => {
            let mistake = Diagnostic::new(second.place(0..0), "a second model");
            mistakes.push(mistake.help("import one after the other"));
            None
        }
    };
    let lines: Vec<Line> = tables
        .iter()
        .flat_map(|table| model::lines(table))
        .collect();
    let model = mistakes.into_result(model).map_err(|mistakes| Broken {
        mistakes,
        sources: sources.to_vec(),
    })?;
    Ok(imported(&model, &lines))
}

fn imported(model: &Model, lines: &[Line]) -> Import {
    let mut told = Told::default();
    for other in &model.others {
        let message = format!("`{}` is a further definition", other.key);
        told.lose(&other.place, message, "import it as a model of its own");
    }
    let alternatives = matcher::alternatives(&model.matcher.value);
    let alternatives = alternatives.unwrap_or_else(|why| {
        told.lose(
            &model.matcher.place,
            format!("the matcher does not map: {why}"),
            BY_HAND,
        );
        Vec::new()
    });
    let groups = groups_of(model, lines, &alternatives, &mut told);
    let lose = |why: String, instead: &str| told.lose(&model.matcher.place, why, instead);
    let policy: Vec<Line> = policy_lines(model, lines);
    let meaning = Meaning::new(model, &groups, alternatives, &policy, lose);
    let mut plan = match meaning {
        Ok(meaning) => planned(&meaning, &policy, &mut told),
        Err(why) => {
            let instead = "name them `sub`, `dom`, `obj` and `act`";
            told.lose(&model.matcher.place, why, instead);
            Plan::default()
        }
    };
    plan.sort();
    let file = |path: &str, text: String| File {
        path: path.to_owned(),
        text,
    };
    Import {
        files: vec![
            file(POLICY, print::policy(&plan)),
            file(FACTS, print::facts(&plan)),
        ],
        lost: told.lost,
        notes: told.notes,
    }
}

/// The lines of `p`, in the order in which they count.
fn policy_lines(model: &Model, lines: &[Line]) -> Vec<Line> {
    let policy = lines.iter().filter(|line| line.kind == "p");
    let mut policy: Vec<Line> = policy.cloned().collect();
    if let Some(at) = model.policy.iter().position(|field| field == "priority") {
        let number = |line: &Line| line.values.get(at).and_then(|it| it.parse::<i64>().ok());
        policy.sort_by_key(|line| number(line).unwrap_or(i64::MAX));
    }
    policy
}

fn groups_of(
    model: &Model,
    lines: &[Line],
    alternatives: &[matcher::Alternative],
    told: &mut Told,
) -> Groups {
    for line in lines {
        if line.kind != "p" && !line.kind.starts_with('g') {
            let message = format!("the model has no `{}`", line.kind);
            told.lose(&line.place, message, BY_HAND);
        }
    }
    let is_name = |it: &String| !it.is_empty() && is_short(it);
    let is_nameless = |line: &Line| line.kind != "p" && !line.values.iter().all(is_name);
    for line in lines.iter().filter(|line| is_nameless(line)) {
        told.lose(
            &line.place,
            "one of its names is empty or too long",
            BY_HAND,
        );
    }
    let named = lines.iter().filter(|line| !is_nameless(line));
    let lines: Vec<Line> = named.cloned().collect();
    let mut groups = Groups::new(model, &lines, |line, why| {
        told.lose(&line.place, why, BY_HAND)
    });
    for (name, _) in &model.groups {
        let is_used = alternatives
            .iter()
            .flatten()
            .any(|test| matches!(test, matcher::Test::Call { function, .. } if function == name));
        if !is_used && let Some(edge) = groups.edges(name).first() {
            told.note(
                &edge.place,
                format!("the matcher does not ask for `{name}`: its lines mean nothing"),
            );
            groups.forget(name);
        }
        groups.break_cycles(name, |edge| {
            let message = format!("`{}` and `{}` include each other", edge.child, edge.parent);
            told.lose(&edge.place, message, "make one role of them");
        });
        if let Some(edge) = groups.too_deep(name) {
            let message = format!(
                "more than {LEVELS_MAX} levels follow, which Casbin does not look through by default; here all count"
            );
            told.lose(&edge.place, message, "flatten the hierarchy");
        }
    }
    groups
}

/// What is written of a policy that is understood.
fn planned(meaning: &Meaning<'_>, lines: &[Line], told: &mut Told) -> Plan {
    let model = meaning.model;
    let Some(effect) = model.combination() else {
        let message = format!("the effect `{}` does not map", model.effect.value);
        told.lose(&model.effect.place, message, BY_HAND);
        return print::plan(meaning, Effect::AllowOverride, &[], told);
    };
    let mut statements = statements(meaning, effect, lines, told);
    let denies = effect == Effect::DenyOverride || statements.iter().any(|it| it.is_denial);
    let may_deny = lines
        .iter()
        .any(|line| meaning.value(line, "eft") == Some("deny"));
    if (denies || (may_deny && effect != Effect::AllowOverride)) && !told.lost.is_empty() {
        let message = "nothing is permitted: what does not map may be a part of a denial";
        told.lose(
            &model.effect.place,
            message,
            "see to the others first, and import again",
        );
        statements.retain(|it| it.is_denial);
        return print::plan(meaning, Effect::AllowAndDeny, &statements, told);
    }
    if effect == Effect::DenyOverride {
        let message = "here nobody may do what no line names: Casbin permits it";
        told.lose(
            &model.effect.place,
            message,
            "declare it, and grant it to `signed-in`",
        );
    }
    print::plan(meaning, effect, &statements, told)
}

/// Whether it can be written as a key of YAML, which has at most 1,024 characters (YAML 1.2.2,
/// section 7.4.2).
fn is_short(name: &str) -> bool {
    write::quoted(name).len() <= 1_000
}

fn statements<'l>(
    meaning: &Meaning<'_>,
    effect: Effect,
    lines: &'l [Line],
    told: &mut Told,
) -> Vec<Statement<'l>> {
    let mut statements = Vec::new();
    let mut seen: Vec<&[String]> = Vec::new();
    let mut known: Vec<(String, &str)> = Vec::new();
    for line in lines {
        if seen.contains(&line.values.as_slice()) {
            continue;
        }
        seen.push(&line.values);
        let (found, expected) = (line.values.len(), meaning.model.policy.len());
        if found != expected {
            let message = format!("it has {found} fields; `p` has {expected}");
            told.lose(&line.place, message, BY_HAND);
            continue;
        }
        if !line.values.iter().all(|it| is_short(it)) {
            told.lose(&line.place, "one of its fields is too long", BY_HAND);
            continue;
        }
        let is_denial = match meaning.value(line, "eft") {
            None | Some("allow") => false,
            Some("deny") => true,
            Some(other) => {
                told.note(
                    &line.place,
                    format!("`{other}` is neither `allow` nor `deny`: it means nothing"),
                );
                continue;
            }
        };
        if is_denial && effect == Effect::AllowOverride {
            told.note(
                &line.place,
                "the effect does not look at denials: this one means nothing",
            );
            continue;
        }
        match meaning.ways(line) {
            Ok(ways) if ways.iter().any(|way| way.who.is_nobody()) => {
                told.lose(&line.place, "it names nobody", BY_HAND);
            }
            Ok(ways) => {
                let reads = ways
                    .iter()
                    .flat_map(|way| &way.when)
                    .flat_map(|it| &it.reads);
                let reads: Vec<(String, &str)> = reads.cloned().collect();
                if let Some(name) = of_two_types(&reads, &known) {
                    let message =
                        format!("`{name}` is compared with values of another type elsewhere");
                    told.lose(&line.place, message, BY_HAND);
                    continue;
                }
                known.extend(reads);
                statements.extend(ways.into_iter().map(|way| Statement {
                    line,
                    is_denial,
                    way,
                }));
            }
            Err(why) => told.lose(&line.place, why, BY_HAND),
        }
    }
    statements
}

/// An attribute that has one type among these, and another one there or among them.
fn of_two_types<'r>(reads: &'r [(String, &str)], known: &[(String, &str)]) -> Option<&'r str> {
    let differs = |(name, kind): &&(String, &str)| {
        let mut all = reads.iter().chain(known);
        all.any(|(other, of)| other == name && of != kind)
    };
    reads.iter().find(differs).map(|(name, _)| name.as_str())
}
