//! Functions that act as their owners.

use std::collections::{BTreeMap, BTreeSet};

use super::{Candidate, Probe, Question, Rule, Scan, finding, joined};
use crate::catalogue::{Function, Grant, Id, Object, PUBLIC};

/// The most tables that a sentence names.
const TABLES_MAX: usize = 3;

pub(super) fn find(scan: &Scan<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut passed = Passed::new();
    for (id, function) in scan.functions().filter(|(_, function)| function.definer) {
        let Some(callers) = callers(scan, id, function) else {
            continue;
        };
        let path = mutable_path(scan, function);
        found.extend(path.map(|why| search_path(function, why)));
        found.extend(wider(scan, id, function, &callers));
        found.extend(bypassing(scan, id, function, &callers, &mut passed));
    }
    found
}

/// The tables past whose policies an owner reads for these askers.
type Passed = BTreeMap<(Id, BTreeSet<Id>), Vec<Id>>;

impl<'a> Scan<'a> {
    /// The functions of the schemas that are looked at.
    pub(super) fn functions(&self) -> impl Iterator<Item = (Id, &'a Function)> {
        let functions = self.catalogue.functions.iter();
        functions
            .filter(|(_, function)| self.has_schema(function.schema))
            .map(|(id, function)| (*id, function))
    }
}

/// Who may call it beside its owner, and may use its schema; `None` for nobody. Whoever changes a row calls a trigger's.
fn callers(scan: &Scan<'_>, id: Id, function: &Function) -> Option<Vec<Id>> {
    let grants = scan.catalogue.grants.iter();
    let grants = grants.filter(|it| it.object == Object::Function(id));
    let may_come = |grantee: &Id| {
        let triers = scan.reach.triers(*grantee);
        let mut others = triers.iter().filter(|role| **role != function.owner);
        others.any(|role| scan.reach.uses_schema(*role, function.schema))
    };
    let grantees = grants
        .map(|it| it.grantee)
        .filter(|it| scan.reach.matters(*it) && may_come(it));
    let grantees: Vec<Id> = grantees.collect();
    (function.trigger || !grantees.is_empty()).then_some(grantees)
}

fn search_path(function: &Function, why: String) -> Candidate {
    let name = &function.name;
    let sentence = format!("it acts as its owner, and {why}");
    // With nothing in the path, whatever the body means must be written with its schema.
    let fix = format!("ALTER ROUTINE {name} SET search_path = '';");
    Candidate {
        finding: finding(Rule::DefinerSearchPath, "function", name, sentence, fix),
        probe: Probe::None("whether another's object is found depends on the function's body"),
    }
}

/// Why somebody else can put an object where a function looks.
fn mutable_path(scan: &Scan<'_>, function: &Function) -> Option<String> {
    if function.bound {
        return None;
    }
    let Some(path) = &function.search_path else {
        return Some("its search_path is the caller's".to_owned());
    };
    let schemas: Vec<&str> = path
        .split(',')
        .map(|it| it.trim().trim_matches('"'))
        .collect();
    if schemas.contains(&"$user") {
        return Some("its search_path depends on the caller's name".to_owned());
    }
    let found = schemas
        .iter()
        .find_map(|schema| creator(scan, schema).map(|who| (schema, who)));
    if let Some((schema, who)) = found {
        return Some(format!(
            "{who} may create objects in `{schema}`, where it looks"
        ));
    }
    let only_system = schemas
        .iter()
        .all(|it| it.is_empty() || *it == "pg_catalog");
    let temporary_first = !only_system && !schemas.contains(&"pg_temp");
    let can_make = || {
        let grants = scan.catalogue.grants.iter();
        grants
            .filter(|it| it.object == Object::Database && it.privilege == "TEMPORARY")
            .any(|it| scan.reach.matters(it.grantee))
    };
    (temporary_first && can_make()).then(|| {
        "it looks among the caller's temporary tables first: `pg_temp` is not last in its search_path".to_owned()
    })
}

/// Who may create objects in a schema, beside its owner.
fn creator(scan: &Scan<'_>, schema: &str) -> Option<String> {
    let mut schemas = scan.catalogue.schemas.iter();
    let (id, _) = schemas.find(|(_, it)| it.bare == schema)?;
    let creates = |it: &&Grant| {
        it.object == Object::Schema(*id)
            && it.privilege == "CREATE"
            && scan.reach.matters(it.grantee)
    };
    let creators: Vec<Id> = scan
        .catalogue
        .grants
        .iter()
        .filter(creates)
        .map(|it| it.grantee)
        .collect();
    (!creators.is_empty()).then(|| scan.names(creators))
}

fn wider(scan: &Scan<'_>, id: Id, function: &Function, callers: &[Id]) -> Option<Candidate> {
    let owner = scan.catalogue.roles.get(&function.owner)?;
    let what = match (owner.superuser, owner.bypasses) {
        (true, _) => "a superuser",
        (false, true) => "which has BYPASSRLS",
        (false, false) => return None,
    };
    let name = &function.name;
    let sentence = format!(
        "{} may call it, and it acts as its owner `{}`, {what}",
        who_calls(scan, callers),
        owner.name
    );
    let fix = format!("ALTER ROUTINE {name} OWNER TO a_role_with_less;");
    let question = Question::Holds(vec![(Object::Function(id), "EXECUTE".to_owned())]);
    Some(Candidate {
        finding: finding(
            Rule::DefinerWithWiderRights,
            "function",
            name,
            sentence,
            fix,
        ),
        probe: match callers {
            [] => Probe::None("a trigger is called by a change"),
            _ => Probe::As(callers.to_vec(), question),
        },
    })
}

/// A function whose owner reads past the policies of tables that it can come to.
fn bypassing(
    scan: &Scan<'_>,
    id: Id,
    function: &Function,
    callers: &[Id],
    passed: &mut Passed,
) -> Option<Candidate> {
    let owner = scan.catalogue.roles.get(&function.owner)?;
    if owner.superuser || owner.bypasses {
        return None;
    }
    let askers = callers.iter().flat_map(|role| scan.reach.triers(*role));
    let comes = |it: &Id| *it != function.owner && scan.reach.uses_schema(*it, function.schema);
    let askers: BTreeSet<Id> = askers.filter(comes).collect();
    let relations = &scan.catalogue.relations;
    let passed = passed
        .entry((function.owner, askers.clone()))
        .or_insert_with(|| {
            let relations = relations.iter();
            let passed =
                relations.filter(|(id, it)| scan.reads_past(function.owner, &askers, **id, it));
            passed.map(|(id, _)| *id).collect()
        });
    let known = scan.catalogue.function_reads.get(&id);
    let known = known.map(|reads| tables_under(scan, reads));
    let passed: BTreeSet<&String> = passed
        .iter()
        .filter(|id| known.as_ref().is_none_or(|known| known.contains(id)))
        .filter_map(|id| Some(&relations.get(id)?.name))
        .collect();
    if passed.is_empty() {
        return None;
    }
    let name = &function.name;
    let shown = joined(passed.iter().copied().take(TABLES_MAX));
    let more = match passed.len().saturating_sub(TABLES_MAX) {
        0 => String::new(),
        more => format!(" and {more} more tables"),
    };
    let reads = if known.is_some() { "reads" } else { "can read" };
    let sentence = format!(
        "{} may call it, and it acts as its owner `{}`, who {reads} past the policies of {shown}{more}",
        who_calls(scan, callers),
        owner.name
    );
    let rule = Rule::DefinerBypassesPolicies;
    let fix = format!("ALTER ROUTINE {name} SECURITY INVOKER;");
    Some(Candidate {
        finding: finding(rule, "function", name, sentence, fix),
        probe: Probe::None("what it does with the rows, its body says"),
    })
}

fn tables_under(scan: &Scan<'_>, relations: &BTreeSet<Id>) -> BTreeSet<Id> {
    let relations = relations.iter();
    relations
        .flat_map(|id| scan.catalogue.tables_under(*id))
        .collect()
}

fn who_calls(scan: &Scan<'_>, callers: &[Id]) -> String {
    match callers {
        [] => "whoever changes a row".to_owned(),
        callers => scan.names(callers.iter().copied()),
    }
}

/// Whether everybody may call a function that acts as its owner.
pub(super) fn is_open_definer(scan: &Scan<'_>, grant: &Grant) -> bool {
    let Object::Function(id) = grant.object else {
        return false;
    };
    let function = scan.catalogue.functions.get(&id);
    grant.grantee == PUBLIC && function.is_some_and(|it| it.definer && !it.trigger)
}
