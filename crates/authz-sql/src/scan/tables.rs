//! Tables whose row security is missing, off, or steps aside.

use super::{Candidate, Probe, Question, ROWS, Rule, Scan, finding};
use crate::catalogue::{Id, Relation, RelationKind};

pub(super) fn find(scan: &Scan<'_>) -> Vec<Candidate> {
    let tables = scan
        .relations()
        .filter(|(_, it)| it.kind == RelationKind::Table);
    tables
        .flat_map(|(id, table)| {
            if table.row_security {
                owner_bypasses(scan, id, table)
            } else {
                unprotected(scan, id, table)
            }
        })
        .collect()
}

/// A table without row security, of one of three kinds.
fn unprotected(scan: &Scan<'_>, id: Id, table: &Relation) -> Option<Candidate> {
    let name = &table.name;
    let fix = format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;");
    let users = scan.users(id, table, &ROWS);
    let has_policies = scan.catalogue.policies_of(id).next().is_some();
    let (rule, sentence, fix) = if has_policies {
        let sentence =
            "it has policies, but row security is not enabled: none of them counts".to_owned();
        (Rule::PoliciesNotInForce, sentence, fix)
    } else if !users.any() {
        return None;
    } else if let Some(parent) = protected_ancestor(scan, id) {
        let who = scan.names(users.grantees.iter().copied());
        let sentence = format!(
            "the policies of {} do not count where it is used by itself, as {who} may ({})",
            parent.name,
            users.verbs()
        );
        (Rule::PartitionBypassesPolicies, sentence, fix)
    } else {
        let who = scan.names(users.grantees.iter().copied());
        let sentence = format!("no row security: {who} has {} on every row", users.verbs());
        (Rule::RowSecurityMissing, sentence, fix)
    };
    let mut triers: Vec<Id> = users.triers.into_iter().collect();
    if triers.is_empty() {
        triers.extend(scan.reach.doors.iter().filter(|door| **door != table.owner));
    }
    Some(Candidate {
        finding: finding(rule, "table", name, sentence, fix),
        probe: Probe::As(triers, Question::IsUnbound(id)),
    })
}

/// The nearest table above it that has row security.
fn protected_ancestor<'a>(scan: &Scan<'a>, id: Id) -> Option<&'a Relation> {
    let relations = &scan.catalogue.relations;
    let mut open = relations.get(&id)?.parents.clone();
    let mut seen = open.clone();
    while let Some(parent) = open.pop() {
        let Some(relation) = relations.get(&parent) else {
            continue;
        };
        if relation.row_security {
            return Some(relation);
        }
        let above = relation.parents.iter().filter(|it| !seen.contains(it));
        let above: Vec<Id> = above.copied().collect();
        seen.extend(&above);
        open.extend(above);
    }
    None
}

/// Row security is on, but not for its owner, as whom somebody can act.
fn owner_bypasses(scan: &Scan<'_>, id: Id, table: &Relation) -> Option<Candidate> {
    let owner = scan.catalogue.roles.get(&table.owner)?;
    let doors = scan.reach.doors_to(table.owner);
    if table.forced || owner.superuser || doors.is_empty() {
        return None;
    }
    let name = &table.name;
    let who = match doors.as_slice() {
        [door] if *door == table.owner => "which logs in".to_owned(),
        doors => format!("as which {} can act", scan.names(doors.iter().copied())),
    };
    let sentence = format!(
        "policies do not bind its owner `{}`, {who}: row security is not forced",
        owner.name
    );
    let fix = format!("ALTER TABLE {name} FORCE ROW LEVEL SECURITY;");
    Some(Candidate {
        finding: finding(Rule::OwnerBypassesPolicies, "table", name, sentence, fix),
        probe: Probe::As(vec![table.owner], Question::IsUnbound(id)),
    })
}
