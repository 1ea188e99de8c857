//! Roles as which somebody can act, and what these can come to have.

use std::collections::{BTreeMap, BTreeSet};

use super::{Candidate, Probe, Question, Rule, Scan, finding};
use crate::catalogue::{Id, Membership, RelationKind};

/// Roles of the server whose members come by everything, or by every row that is granted.
const POWERS: [(&str, &str); 4] = [
    (
        "pg_execute_server_program",
        "may run programs on the server",
    ),
    ("pg_write_server_files", "may write files on the server"),
    ("pg_read_server_files", "may read files on the server"),
    ("pg_write_all_data", "may write all tables"),
];

/// Since this version CREATEROLE gives no power over roles that others made.
const TAMED_CREATEROLE: u32 = 160_000;

pub(super) fn find(scan: &Scan<'_>) -> Vec<Candidate> {
    let mut found = owners(scan);
    for door in &scan.reach.doors {
        found.extend(bypasses(scan, *door));
    }
    found.extend(more(scan));
    found
}

/// Owners of tables as which somebody can act.
fn owners(scan: &Scan<'_>) -> Vec<Candidate> {
    let mut owned: BTreeMap<Id, usize> = BTreeMap::new();
    for (_, relation) in scan
        .relations()
        .filter(|(_, it)| it.kind == RelationKind::Table)
    {
        *owned.entry(relation.owner).or_default() += 1;
    }
    let of = |(owner, tables): (Id, usize)| {
        let role = scan
            .catalogue
            .roles
            .get(&owner)
            .filter(|it| !it.superuser)?;
        let doors = scan.reach.doors_to(owner);
        let others: Vec<Id> = doors
            .iter()
            .copied()
            .filter(|door| *door != owner)
            .collect();
        let how = match (doors.contains(&owner), others.is_empty()) {
            (false, true) => return None,
            (true, true) => "logs in".to_owned(),
            (true, false) => format!("logs in, and {} can act as it", scan.names(others)),
            (false, false) => format!("{} can act as it", scan.names(others)),
        };
        let noun = if tables == 1 { "table" } else { "tables" };
        let sentence = format!(
            "it owns {tables} {noun} and {how}: it may change their policies and grants, and drop them"
        );
        let acting = doors.iter().flat_map(|door| scan.reach.acts_as(*door));
        let mut fixes = revocations(scan, &acting.collect(), owner);
        if doors.contains(&owner) {
            fixes.push(format!("ALTER ROLE {} NOLOGIN;", role.name));
        }
        let fix = fixes.join(" ");
        Some(Candidate {
            finding: finding(Rule::OwnerLogsIn, "role", &role.name, sentence, fix),
            probe: Probe::As(doors, Question::ActsAs(owner)),
        })
    };
    owned.into_iter().filter_map(of).collect()
}

/// What takes a role from all of these that are its members: who has it through another one keeps
/// that one.
fn revocations(scan: &Scan<'_>, from: &BTreeSet<Id>, role: Id) -> Vec<String> {
    let ways = scan.reach.ways(from, role);
    ways.map(|it| format!("REVOKE {} FROM {};", scan.name(role), scan.name(it.member)))
        .collect()
}

/// A door behind which somebody is bound by no policy.
fn bypasses(scan: &Scan<'_>, door: Id) -> Option<Candidate> {
    let is_unbound = |role: &Id| {
        let role = scan.catalogue.roles.get(role);
        role.is_some_and(|role| role.superuser || role.bypasses)
    };
    let becomes = scan.reach.becomes(door);
    let mut unbound: Vec<Id> = becomes.iter().copied().filter(is_unbound).collect();
    // Itself before those that it must change to.
    unbound.sort_by_key(|role| *role != door);
    let first = *unbound.first()?;
    let role = scan.catalogue.roles.get(&first)?;
    let (what, without) = match role.superuser {
        true => ("is a superuser", "NOSUPERUSER NOBYPASSRLS"),
        false => ("has BYPASSRLS", "NOBYPASSRLS"),
    };
    let name = scan.name(door);
    let mut fixes = Vec::new();
    let sentence = match first == door {
        true => {
            fixes.push(format!("ALTER ROLE {name} {without};"));
            format!("it {what}: no policy binds it")
        }
        false => format!(
            "it may SET ROLE to `{}`, which {what}: no policy binds it then",
            role.name
        ),
    };
    for role in unbound.iter().filter(|role| **role != door) {
        fixes.extend(revocations(scan, &becomes, *role));
    }
    let fix = fixes.join(" ");
    let protected = scan.relations().find(|(_, table)| table.row_security);
    Some(Candidate {
        finding: finding(Rule::RoleBypassesPolicies, "role", name, sentence, fix),
        probe: match protected {
            Some((table, _)) => Probe::As(vec![first], Question::IsUnbound(table)),
            None => Probe::None("no table has row security"),
        },
    })
}

/// Roles that can grant themselves or others more.
fn more(scan: &Scan<'_>) -> Vec<Candidate> {
    let doors = scan.reach.doors.iter();
    let acting: BTreeSet<Id> = doors.flat_map(|door| scan.reach.acts_as(*door)).collect();
    let mut found = Vec::new();
    for id in &acting {
        found.extend(creator(scan, *id));
    }
    for membership in &scan.catalogue.memberships {
        let member = scan.catalogue.roles.get(&membership.member);
        let counts = member.is_some_and(|it| !it.superuser && !it.built_in);
        if counts && acting.contains(&membership.member) {
            found.extend(administrator(scan, membership));
            found.extend(power(scan, membership));
        }
    }
    found
}

fn creator(scan: &Scan<'_>, id: Id) -> Option<Candidate> {
    let role = scan.catalogue.roles.get(&id)?;
    if !role.creates_roles || role.superuser || scan.catalogue.version >= TAMED_CREATEROLE {
        return None;
    }
    let name = &role.name;
    let sentence =
        "it has CREATEROLE: it may make itself a member of every role that is no superuser"
            .to_owned();
    let fix = format!("ALTER ROLE {name} NOCREATEROLE;");
    Some(Candidate {
        finding: finding(Rule::RoleGrantsItselfMore, "role", name, sentence, fix),
        probe: Probe::None("a probe would change memberships"),
    })
}

fn administrator(scan: &Scan<'_>, membership: &Membership) -> Option<Candidate> {
    let (member, role) = (scan.name(membership.member), scan.name(membership.role));
    if !membership.admin {
        return None;
    }
    let sentence = format!(
        "it has `{role}` WITH ADMIN OPTION: it may make anybody a member, and take members out"
    );
    let fix = format!("REVOKE ADMIN OPTION FOR {role} FROM {member};");
    Some(Candidate {
        finding: finding(Rule::RoleGrantsItselfMore, "role", member, sentence, fix),
        probe: Probe::None("a probe would change memberships"),
    })
}

fn power(scan: &Scan<'_>, membership: &Membership) -> Option<Candidate> {
    let (member, role) = (scan.name(membership.member), scan.name(membership.role));
    let (_, power) = POWERS.iter().find(|(name, _)| *name == role)?;
    let sentence = format!("it is a member of `{role}`: it {power}");
    let fix = format!("REVOKE {role} FROM {member};");
    Some(Candidate {
        finding: finding(Rule::RoleGrantsItselfMore, "role", member, sentence, fix),
        probe: Probe::As(vec![membership.member], Question::ActsAs(membership.role)),
    })
}
