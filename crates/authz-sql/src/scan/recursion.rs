//! Policies that come back to their own table. PostgreSQL refuses every query in whose policies a
//! table is met again whose policies have queries of their own (`fireRIRrules` in
//! `src/backend/rewrite/rewriteHandler.c`).

use std::collections::{BTreeMap, BTreeSet};

use super::{Candidate, Probe, Question, Rule, Scan, finding, grants};
use crate::catalogue::{Command, Id, Policy, Relation, RelationKind};

/// Which tables the policies of each table read.
type Reads = BTreeMap<Id, BTreeSet<Id>>;

/// The commands whose policies are not asked by a query.
const WRITES: [Command; 3] = [Command::Insert, Command::Update, Command::Delete];

pub(super) fn find(scan: &Scan<'_>) -> Vec<Candidate> {
    let by_query = reads(scan, |command| command <= Command::Select);
    let by_write = WRITES.map(|command| (command, reads(scan, |it| it == command)));
    let mut found = Vec::new();
    for (id, table) in scan.relations().filter(|(_, it)| it.row_security) {
        let circle = circle(&by_query, id);
        if !circle.is_empty() {
            found.push(queries(scan, id, table, &circle));
            continue;
        }
        let failing = by_write
            .iter()
            .filter(|(_, by_write)| comes_back(scan, &by_query, by_write, id));
        found.extend(failing.map(|(command, _)| writes(scan, id, table, *command)));
    }
    found
}

/// The tables below one in whose policies it is met again.
fn circle(reads: &Reads, table: Id) -> Vec<Id> {
    let below = reached(reads, table).into_iter();
    below
        .filter(|other| reached(reads, *other).contains(&table))
        .collect()
}

/// Policies for reading that read each other's tables.
fn queries(scan: &Scan<'_>, id: Id, table: &Relation, circle: &[Id]) -> Candidate {
    let others: Vec<&str> = circle
        .iter()
        .filter(|other| **other != id)
        .filter_map(|other| Some(scan.catalogue.relations.get(other)?.name.as_str()))
        .collect();
    let sentence = match others.as_slice() {
        [] => "its policies read the table itself: every query fails".to_owned(),
        others => format!(
            "its policies and those of {} read each other's tables: every query fails",
            others.join(", ")
        ),
    };
    candidate(scan, id, table, Command::Select, sentence)
}

/// Whether policies for writing lead to their own table, whose policies for reading read others:
/// only to write fails then.
fn comes_back(scan: &Scan<'_>, by_query: &Reads, by_write: &Reads, id: Id) -> bool {
    let mut own = scan.catalogue.policies_of(id);
    let has_queries = own.any(|it| it.command <= Command::Select && asks_tables(it));
    let mut first = by_write.get(&id).into_iter().flatten();
    has_queries && first.any(|it| *it == id || reached(by_query, *it).contains(&id))
}

fn writes(scan: &Scan<'_>, id: Id, table: &Relation, command: Command) -> Candidate {
    let word = grants::word(command);
    let sentence = format!(
        "its policies for {word} lead back to the table, whose policies for reading read others: every {word} fails"
    );
    candidate(scan, id, table, command, sentence)
}

fn candidate(
    scan: &Scan<'_>,
    id: Id,
    table: &Relation,
    command: Command,
    sentence: String,
) -> Candidate {
    let fix = "-- let the policies ask a SECURITY DEFINER function whose owner they do not bind"
        .to_owned();
    let users = scan.users(id, table, &[grants::word(command)]);
    let mut triers: Vec<Id> = users.triers.into_iter().collect();
    triers.retain(|role| !scan.is_unbound(*role, table));
    Candidate {
        finding: finding(Rule::PolicyRecursion, "table", &table.name, sentence, fix),
        probe: Probe::As(triers, Question::Recurses(id, command)),
    }
}

fn asks_tables(policy: &Policy) -> bool {
    let mut parts = policy.using.iter().chain(&policy.check);
    parts.any(|it| !it.relations.is_empty())
}

/// Which tables the policies of each table with row security read that are for these commands, also
/// through views that read as whoever asks.
fn reads(scan: &Scan<'_>, is_meant: impl Fn(Command) -> bool) -> Reads {
    let mut reads = Reads::new();
    let in_force = |policy: &&Policy| {
        let table = scan.catalogue.relations.get(&policy.relation);
        is_meant(policy.command) && table.is_some_and(|table| table.row_security)
    };
    for policy in scan.catalogue.policies.iter().filter(in_force) {
        let relations = policy.using.iter().chain(&policy.check);
        let relations = relations.flat_map(|it| it.relations.iter().copied());
        let tables: Vec<Id> = relations
            .flat_map(|id| tables_as_caller(scan, id))
            .collect();
        reads.entry(policy.relation).or_default().extend(tables);
    }
    reads
}

fn tables_as_caller(scan: &Scan<'_>, id: Id) -> BTreeSet<Id> {
    match scan.catalogue.relations.get(&id) {
        Some(view) if view.kind == RelationKind::View && view.security_invoker => {
            scan.catalogue.tables_under(id)
        }
        Some(table) if table.kind == RelationKind::Table => BTreeSet::from([id]),
        _ => BTreeSet::new(),
    }
}

fn reached(reads: &Reads, from: Id) -> BTreeSet<Id> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        let below = reads.get(&next).into_iter().flatten();
        open.extend(below.filter(|it| seen.insert(**it)));
    }
    seen
}
