//! Views and materialised views that read past policies.

use super::{Candidate, Probe, Question, ROWS, Rule, Scan, finding, joined};
use crate::catalogue::{Id, Relation, RelationKind};

pub(super) fn find(scan: &Scan<'_>) -> Vec<Candidate> {
    let views = scan.relations();
    views
        .filter_map(|(id, relation)| match relation.kind {
            RelationKind::View if !relation.security_invoker => view(scan, id, relation),
            RelationKind::MaterialisedView => materialised(scan, id, relation),
            _ => None,
        })
        .collect()
}

/// The tables under a view that have row security.
fn protected<'a>(scan: &Scan<'a>, view: Id) -> Vec<(Id, &'a Relation)> {
    let tables = scan.catalogue.tables_under(view).into_iter();
    tables
        .filter_map(|id| Some((id, scan.catalogue.relations.get(&id)?)))
        .filter(|(_, table)| table.row_security)
        .collect()
}

fn view(scan: &Scan<'_>, id: Id, view: &Relation) -> Option<Candidate> {
    let mut tables = protected(scan, id);
    tables.retain(|(_, table)| scan.is_unbound(view.owner, table));
    let users = scan.users(id, view, &ROWS);
    if tables.is_empty() || !users.any() {
        return None;
    }
    let under = joined(tables.iter().map(|(_, table)| &table.name));
    let sentence = format!(
        "{} reads {under} through it as its owner `{}`, whom the policies there do not bind",
        scan.names(users.grantees),
        scan.name(view.owner)
    );
    let name = &view.name;
    let fix = format!("ALTER VIEW {name} SET (security_invoker = true);");
    let tables = tables.iter().map(|(id, _)| *id).collect();
    Some(Candidate {
        finding: finding(
            Rule::ViewWithoutSecurityInvoker,
            "view",
            name,
            sentence,
            fix,
        ),
        probe: Probe::As(
            users.triers.into_iter().collect(),
            Question::SeesThrough(id, tables),
        ),
    })
}

fn materialised(scan: &Scan<'_>, id: Id, view: &Relation) -> Option<Candidate> {
    let tables = protected(scan, id);
    let users = scan.users(id, view, &ROWS);
    if tables.is_empty() || !users.any() {
        return None;
    }
    let under = joined(tables.iter().map(|(_, table)| &table.name));
    let who = scan.names(users.grantees.iter().copied());
    let sentence = format!("{who} reads rows of {under} in it, where their policies do not count");
    let name = &view.name;
    let from = users.grantees.iter().map(|role| scan.name(*role));
    let from: Vec<&str> = from.collect();
    let fix = format!("REVOKE ALL ON {name} FROM {};", from.join(", "));
    let tables = tables.iter().map(|(id, _)| *id).collect();
    Some(Candidate {
        finding: finding(
            Rule::MaterialisedViewBypassesPolicies,
            "materialised view",
            name,
            sentence,
            fix,
        ),
        probe: Probe::As(
            users.triers.into_iter().collect(),
            Question::SeesThrough(id, tables),
        ),
    })
}
