//! What was granted: to everybody, on what is still to come, past policies, to grant on, in vain.

use std::collections::{BTreeMap, BTreeSet};

use super::{Candidate, Probe, Question, ROWS, Rule, Scan, finding, functions, joined};
use crate::catalogue::{
    Command, DefaultPrivilege, Grant, Id, Object, PUBLIC, Policy, Relation, RelationKind,
};

/// What no policy binds.
const UNBOUND: [&str; 3] = ["TRUNCATE", "REFERENCES", "TRIGGER"];

pub(super) fn find(scan: &Scan<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    for ((object, grantee), grants) in grouped(scan) {
        let Some(about) = About::new(scan, object, grantee) else {
            continue;
        };
        if grantee == PUBLIC {
            found.extend(about.public(&grants));
        } else {
            found.extend(about.bypassing(&grants));
            found.extend(about.option(&grants));
            found.extend(about.in_vain(&grants));
            found.extend(about.unused(&grants));
        }
    }
    let defaults = scan.catalogue.default_privileges.iter();
    found.extend(defaults.filter_map(|default| to_come(scan, default)));
    found
}

type Grants<'a> = Vec<&'a Grant>;

/// The grants that matter, of each object to each role.
fn grouped<'a>(scan: &Scan<'a>) -> BTreeMap<(Object, Id), Grants<'a>> {
    let mut grouped: BTreeMap<(Object, Id), Grants<'a>> = BTreeMap::new();
    for grant in &scan.catalogue.grants {
        if scan.reach.matters(grant.grantee) {
            let grants = grouped.entry((grant.object, grant.grantee)).or_default();
            grants.push(grant);
        }
    }
    grouped
}

/// What of an object was granted to a role.
struct About<'a> {
    scan: &'a Scan<'a>,
    object: Object,
    grantee: Id,
    kind: &'static str,
    name: String,
    relation: Option<(Id, &'a Relation)>,
}

impl<'a> About<'a> {
    fn new(scan: &'a Scan<'a>, object: Object, grantee: Id) -> Option<Self> {
        let catalogue = scan.catalogue;
        let relation = match object {
            Object::Relation(id) | Object::Column(id, _) => Some((id, scan.relation(id)?)),
            _ => None,
        };
        let (kind, name) = match object {
            Object::Relation(id) => {
                let relation = scan.relation(id)?;
                (kind(relation), relation.name.clone())
            }
            Object::Column(id, number) => {
                let relation = scan.relation(id)?;
                let column = relation.columns.get(&number)?;
                ("column", format!("{}.{column}", relation.name))
            }
            Object::Schema(id) => {
                let schema = catalogue.schemas.get(&id).filter(|_| scan.has_schema(id))?;
                ("schema", schema.name.clone())
            }
            Object::Function(id) => {
                let function = catalogue.functions.get(&id);
                let function = function.filter(|it| scan.has_schema(it.schema))?;
                ("function", function.name.clone())
            }
            Object::Database => ("database", catalogue.database.clone()),
        };
        Some(Self {
            scan,
            object,
            grantee,
            kind,
            name,
            relation,
        })
    }

    fn candidate(&self, rule: Rule, sentence: String, fix: String, probe: Probe) -> Candidate {
        Candidate {
            finding: finding(rule, self.kind, &self.name, sentence, fix),
            probe,
        }
    }

    /// The question whether somebody holds these.
    fn holds(&self, privileges: &BTreeSet<String>) -> Probe {
        let held = privileges.iter().map(|it| (self.object, it.clone()));
        Probe::As(vec![self.grantee], Question::Holds(held.collect()))
    }

    fn revoke(&self, privileges: &BTreeSet<String>) -> String {
        let to = self.scan.name(self.grantee);
        let (what, on) = match (self.object, self.relation) {
            (Object::Column(_, number), Some((_, table))) => {
                let column = table.columns.get(&number).map_or("", String::as_str);
                let of = |it: &String| format!("{it} ({column})");
                (
                    joined(&privileges.iter().map(of).collect::<Vec<_>>()),
                    table.name.clone(),
                )
            }
            (Object::Schema(_), _) => (joined(privileges), format!("SCHEMA {}", self.name)),
            (Object::Database, _) => (joined(privileges), format!("DATABASE {}", self.name)),
            (Object::Function(_), _) => (joined(privileges), format!("ROUTINE {}", self.name)),
            _ if self.kind == "sequence" => (joined(privileges), format!("SEQUENCE {}", self.name)),
            _ => (joined(privileges), self.name.clone()),
        };
        format!("REVOKE {what} ON {on} FROM {to};")
    }

    /// What everybody may do. That everybody may use a schema, call a function, connect and make
    /// temporary tables is how PostgreSQL begins.
    fn public(&self, grants: &[&Grant]) -> Option<Candidate> {
        let counts = |grant: &&&Grant| match grant.object {
            Object::Relation(_) | Object::Column(..) => true,
            Object::Schema(_) | Object::Database => grant.privilege == "CREATE",
            Object::Function(_) => functions::is_open_definer(self.scan, grant),
        };
        let privileges = privileges(grants.iter().filter(counts).copied());
        if privileges.is_empty() {
            return None;
        }
        let what = match self.kind {
            "function" => "may call it, and it acts as its owner".to_owned(),
            _ => format!("has {} on it", joined(&privileges)),
        };
        let mut held: Vec<(Object, String)> = privileges
            .iter()
            .map(|it| (self.object, it.clone()))
            .collect();
        let (who, triers) = match self.place() {
            None => ("everybody who can connect".to_owned(), vec![PUBLIC]),
            Some((schema, owner)) => {
                held.push((Object::Schema(schema), "USAGE".to_owned()));
                self.who_enters(schema, owner)?
            }
        };
        let probe = Probe::As(triers, Question::Holds(held));
        let sentence = format!("{who} {what}");
        Some(self.candidate(Rule::PublicGrant, sentence, self.revoke(&privileges), probe))
    }

    /// The schema in which it is, and its owner.
    fn place(&self) -> Option<(Id, Id)> {
        match self.object {
            Object::Function(id) => {
                let function = self.scan.catalogue.functions.get(&id);
                function.map(|it| (it.schema, it.owner))
            }
            _ => self.relation.map(|(_, it)| (it.schema, it.owner)),
        }
    }

    /// Whom a grant to everybody reaches in a schema, and as whom it is tried; `None` for nobody but
    /// the owner.
    fn who_enters(&self, schema: Id, owner: Id) -> Option<(String, Vec<Id>)> {
        let reach = &self.scan.reach;
        if reach.is_open(schema) {
            return Some(("everybody who can connect".to_owned(), vec![PUBLIC]));
        }
        let mut roles = reach.triers(PUBLIC);
        roles.retain(|role| *role != owner && reach.uses_schema(*role, schema));
        let names = self.scan.names(roles.iter().copied());
        (!roles.is_empty()).then(|| (format!("whoever may use its schema ({names})"), roles))
    }

    fn bypassing(&self, grants: &[&Grant]) -> Option<Candidate> {
        self.table()?;
        let unbound = grants
            .iter()
            .filter(|it| UNBOUND.contains(&it.privilege.as_str()));
        let privileges = privileges(unbound.copied());
        if privileges.is_empty() {
            return None;
        }
        let does = |it: &str| match it {
            "TRUNCATE" => "empty it whatever its policies say",
            "REFERENCES" => "find out by foreign keys which rows there are",
            _ => "put triggers on it, which act as whoever changes a row",
        };
        let does: Vec<&str> = privileges.iter().map(|it| does(it)).collect();
        let sentence = format!(
            "`{}` has {} on it: it may {}",
            self.scan.name(self.grantee),
            joined(&privileges),
            does.join(", and ")
        );
        let probe = self.holds(&privileges);
        Some(self.candidate(
            Rule::BypassingGrant,
            sentence,
            self.revoke(&privileges),
            probe,
        ))
    }

    fn option(&self, grants: &[&Grant]) -> Option<Candidate> {
        let privileges = privileges(grants.iter().filter(|it| it.grantable).copied());
        if privileges.is_empty() {
            return None;
        }
        let who = self.scan.name(self.grantee);
        let sentence = format!("`{who}` may grant {} on it to anybody", joined(&privileges));
        let fix = self.revoke(&privileges);
        let fix = fix.replacen("REVOKE ", "REVOKE GRANT OPTION FOR ", 1);
        let with_option = privileges
            .iter()
            .map(|it| format!("{it} WITH GRANT OPTION"));
        let probe = self.holds(&with_option.collect());
        Some(self.candidate(Rule::GrantOption, sentence, fix, probe))
    }

    /// Commands that were granted and for which no policy lets a row pass.
    fn in_vain(&self, grants: &[&Grant]) -> Option<Candidate> {
        let (id, table) = self.table()?;
        if !table.row_security {
            return None;
        }
        let granted = rows(grants);
        let in_vain = granted
            .into_iter()
            .filter(|privilege| !self.is_let_pass(id, table, privilege));
        let in_vain: BTreeSet<String> = in_vain.collect();
        if in_vain.is_empty() {
            return None;
        }
        let who = self.scan.name(self.grantee);
        let sentence = format!(
            "`{who}` has {} on it, and no policy lets a row pass",
            joined(&in_vain)
        );
        let probe = Probe::None("it follows from the catalogue");
        Some(self.candidate(
            Rule::GrantWithoutPolicy,
            sentence,
            self.revoke(&in_vain),
            probe,
        ))
    }

    /// Whether somebody who holds the grant is let pass by a policy, or bound by none.
    fn is_let_pass(&self, id: Id, table: &Relation, privilege: &str) -> bool {
        let reach = &self.scan.reach;
        let mut holders = reach.triers(self.grantee).into_iter();
        holders.any(|role| {
            let mut is = reach.inherits(role);
            is.insert(PUBLIC);
            let lets = |policy: &Policy| {
                policy.permissive
                    && (policy.command == Command::All || word(policy.command) == privilege)
                    && !policy.roles.is_disjoint(&is)
            };
            self.scan.is_unbound(role, table) || self.scan.catalogue.policies_of(id).any(lets)
        })
    }

    /// Commands that were granted and have never changed a row.
    fn unused(&self, grants: &[&Grant]) -> Option<Candidate> {
        let (_, table) = self.table()?;
        if !self.scan.scope.unused {
            return None;
        }
        let counts = &table.use_counts;
        let is_unused = |privilege: &String| match privilege.as_str() {
            "SELECT" => counts.read == 0,
            "INSERT" => counts.inserted == 0,
            "UPDATE" => counts.updated == 0,
            _ => counts.deleted == 0,
        };
        let unused: BTreeSet<String> = rows(grants).into_iter().filter(is_unused).collect();
        if unused.is_empty() {
            return None;
        }
        let since = match &self.scan.catalogue.counted_since {
            Some(since) => format!("since {since}"),
            None => "since statistics are kept".to_owned(),
        };
        let who = self.scan.name(self.grantee);
        let sentence = format!(
            "`{who}` has {} on it, and nobody has done that {since}",
            joined(&unused)
        );
        let probe =
            Probe::None("it follows from the statistics, which count for all roles together");
        Some(self.candidate(Rule::UnusedGrant, sentence, self.revoke(&unused), probe))
    }

    /// The table that all of it was granted on.
    fn table(&self) -> Option<(Id, &'a Relation)> {
        let is_table = matches!(self.object, Object::Relation(_));
        self.relation
            .filter(|(_, it)| is_table && it.kind == RelationKind::Table)
    }
}

/// What is granted on what is still to come.
fn to_come(scan: &Scan<'_>, default: &DefaultPrivilege) -> Option<Candidate> {
    let matters = match default.grantee {
        // That everybody may call functions is how PostgreSQL begins.
        PUBLIC => default.kind != "FUNCTIONS",
        grantee => default.kind == "TABLES" && scan.reach.matters(grantee),
    };
    if !matters
        || default
            .schema
            .is_some_and(|schema| !scan.has_schema(schema))
    {
        return None;
    }
    let owner = scan.name(default.owner);
    let schema = default
        .schema
        .and_then(|id| scan.catalogue.schemas.get(&id));
    let place = schema.map_or(String::new(), |schema| format!(" in {}", schema.name));
    let clause = schema.map_or(String::new(), |schema| {
        format!(" IN SCHEMA {}", schema.name)
    });
    let (kind, who) = (default.kind, scan.name(default.grantee));
    let privileges = joined(&default.privileges);
    let sentence = format!(
        "`{who}` has {privileges} on {} that `{owner}` makes{place}, from the start",
        kind.to_lowercase()
    );
    let fix = format!(
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner}{clause} REVOKE {privileges} ON {kind} FROM {who};"
    );
    let object = format!("{owner}{place}");
    Some(Candidate {
        finding: finding(
            Rule::DefaultPrivileges,
            "default privileges",
            &object,
            sentence,
            fix,
        ),
        probe: Probe::None("a probe would make an object"),
    })
}

fn kind(relation: &Relation) -> &'static str {
    match relation.kind {
        RelationKind::Table => "table",
        RelationKind::View => "view",
        RelationKind::MaterialisedView => "materialised view",
        RelationKind::Sequence => "sequence",
        RelationKind::ForeignTable => "foreign table",
    }
}

fn privileges<'a>(grants: impl Iterator<Item = &'a Grant>) -> BTreeSet<String> {
    grants.map(|grant| grant.privilege.clone()).collect()
}

/// Of what was granted, that of which policies say something.
fn rows(grants: &[&Grant]) -> BTreeSet<String> {
    let of_rows = grants
        .iter()
        .filter(|it| ROWS.contains(&it.privilege.as_str()));
    privileges(of_rows.copied())
}

/// The command, as grants name it.
pub(super) fn word(command: Command) -> &'static str {
    match command {
        Command::All => "ALL",
        Command::Select => "SELECT",
        Command::Insert => "INSERT",
        Command::Update => "UPDATE",
        Command::Delete => "DELETE",
    }
}
