//! Views and materialised views that read past policies.

use std::collections::BTreeSet;

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
        .chain(
            scan.relations()
                .filter_map(|(id, it)| barrier(scan, id, it)),
        )
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
    let askers = scan.users(id, view, &ROWS).triers;
    tables.retain(|(id, table)| scan.reads_past(view.owner, &askers, *id, table));
    let (who, under) = readers(scan, id, view, &tables)?;
    let is_unbound = |(_, table): &(Id, &Relation)| scan.is_unbound(view.owner, table);
    let how = match tables.iter().any(is_unbound) {
        true => "whom the policies there do not bind",
        false => "for whom other policies count there",
    };
    let sentence = format!(
        "{who} reads {under} through it as its owner `{}`, {how}",
        scan.name(view.owner)
    );
    let name = &view.name;
    let fix = format!("ALTER VIEW {name} SET (security_invoker = true);");
    Some(Candidate {
        finding: finding(
            Rule::ViewWithoutSecurityInvoker,
            "view",
            name,
            sentence,
            fix,
        ),
        probe: sees_through(scan, id, view, &tables),
    })
}

/// A view whose WHERE keeps rows from those who may not read what it reads.
fn barrier(scan: &Scan<'_>, id: Id, view: &Relation) -> Option<Candidate> {
    let is_filter = view.kind == RelationKind::View && view.filters;
    if !is_filter || view.security_barrier || view.security_invoker {
        return None;
    }
    let mut readers = scan.users(id, view, &["SELECT"]).triers;
    let under = scan.catalogue.view_reads.get(&id)?.iter();
    let under: Vec<(Id, &Relation)> = under
        .filter_map(|id| Some((*id, scan.catalogue.relations.get(id)?)))
        .collect();
    let open: Vec<(Id, BTreeSet<Id>)> = under
        .iter()
        .map(|(id, it)| (it.owner, scan.users(*id, it, &["SELECT"]).triers))
        .collect();
    readers.retain(|role| {
        let is = scan.reach.inherits(*role);
        let may_read =
            |(owner, open): &(Id, BTreeSet<Id>)| is.contains(owner) || open.contains(role);
        !open.iter().all(may_read)
    });
    if readers.is_empty() {
        return None;
    }
    let name = &view.name;
    let sentence = format!(
        "{} may not read {} but through it, and it is no security barrier: a function in a query is shown the rows that its WHERE leaves out",
        scan.names(readers),
        joined(under.iter().map(|(_, table)| &table.name))
    );
    let fix = format!("ALTER VIEW {name} SET (security_barrier = true);");
    let rule = Rule::ViewWithoutSecurityBarrier;
    Some(Candidate {
        finding: finding(rule, "view", name, sentence, fix),
        probe: Probe::None("a probe would need a function that tells what it is shown"),
    })
}

fn materialised(scan: &Scan<'_>, id: Id, view: &Relation) -> Option<Candidate> {
    let tables = protected(scan, id);
    let (who, under) = readers(scan, id, view, &tables)?;
    let sentence = format!("{who} reads rows of {under} in it, where their policies do not count");
    let name = &view.name;
    let users = scan.users(id, view, &ROWS);
    let from: Vec<&str> = users.grantees.iter().map(|role| scan.name(*role)).collect();
    let fix = format!("REVOKE ALL ON {name} FROM {};", from.join(", "));
    let rule = Rule::MaterialisedViewBypassesPolicies;
    Some(Candidate {
        finding: finding(rule, "materialised view", name, sentence, fix),
        probe: sees_through(scan, id, view, &tables),
    })
}

/// Who may read it, and the names of the tables; `None` where there are none of either.
fn readers(
    scan: &Scan<'_>,
    id: Id,
    view: &Relation,
    tables: &[(Id, &Relation)],
) -> Option<(String, String)> {
    let users = scan.users(id, view, &ROWS);
    if tables.is_empty() || !users.any() {
        return None;
    }
    let under = joined(tables.iter().map(|(_, table)| &table.name));
    Some((scan.names(users.grantees), under))
}

fn sees_through(scan: &Scan<'_>, id: Id, view: &Relation, tables: &[(Id, &Relation)]) -> Probe {
    let triers = scan.users(id, view, &ROWS).triers.into_iter().collect();
    let tables = tables.iter().map(|(id, _)| *id).collect();
    Probe::As(triers, Question::SeesThrough(id, tables))
}
