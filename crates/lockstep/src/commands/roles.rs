//! `lockstep roles`: the roles that an application keeps in tables, beside the policy.

use std::fmt::Write as _;
use std::path::Path;

use authz::source::Source;
use authz_sql::connection::{Address, read_only};
use authz_sql::roles::{self, Drift, NotRead, RoleTables};
use serde_json::{Value, json};
use suite::secret::Masker;

use super::print;
use crate::arguments::RolesDiff;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{Ruling, bytes, load_policy, name};

/// The version of the JSON form. It changes when a reader of the old one would be misled.
const VERSION: u32 = 1;

/// The JSON Schema (draft 2020-12) of where tables of roles differ from the policy.
pub(super) const ROLES_SCHEMA: &str = include_str!("../../schema/roles.schema.json");

/// Shows where the tables differ from the policy.
pub(super) async fn diff(command: &RolesDiff) -> Result<ExitCode, Failure> {
    let address = Address::parse(&command.url).map_err(Failure::usage)?;
    let Ruling { policy, facts, .. } = load_policy(command.policy.as_deref(), &command.facts)?;
    let (tables, sources) = tables(command.tables.as_deref())?;
    let roles = read(&address, &tables).await;
    let roles = roles.map_err(|why| failure(why, sources))?;
    let drifts = roles::drifts(&policy, &facts, &roles);
    let text = match command.json {
        true => as_json(&address, &drifts)?,
        false => as_text(&address, &drifts),
    };
    let password = address.password().map(String::from_utf8_lossy);
    print(&Masker::new(password.as_deref()).mask(&text))?;
    Ok(match drifts.is_empty() {
        true => ExitCode::Held,
        false => ExitCode::Finding,
    })
}

/// How the tables are called, and the file that says so.
fn tables(path: Option<&Path>) -> Result<(RoleTables, Vec<Source>), Failure> {
    let Some(path) = path else {
        return Ok((RoleTables::default(), Vec::new()));
    };
    let bytes = bytes(path).map_err(|error| {
        let path = path.display();
        Failure::usage(format!(
            "the names of tables `{path}` cannot be read: {error}"
        ))
    })?;
    let source = Source::from_bytes(&name(path), &bytes);
    let source = source.map_err(|broken| Failure::Mistakes {
        mistakes: vec![broken.1],
        sources: vec![broken.0],
    })?;
    match RoleTables::from_source(&source) {
        Ok(tables) => Ok((tables, vec![source])),
        Err(mistakes) => Err(Failure::Mistakes {
            mistakes,
            sources: vec![source],
        }),
    }
}

async fn read(address: &Address, tables: &RoleTables) -> Result<roles::Roles, NotRead> {
    let client = address.connect().await;
    let mut client = client.map_err(|error| NotRead::Inconclusive(error.to_string()))?;
    let transaction = read_only(&mut client).await?;
    let roles = roles::read(&transaction, tables).await?;
    transaction.rollback().await?;
    Ok(roles)
}

fn failure(why: NotRead, sources: Vec<Source>) -> Failure {
    match why {
        NotRead::Mistakes(mistakes) => Failure::Mistakes { mistakes, sources },
        NotRead::Missing(missing) => Failure::usage(format!(
            "{}\nhelp: say in a file how they are called, and name that with `--tables FILE`",
            missing.join("\nerror: ")
        )),
        NotRead::Inconclusive(why) => {
            Failure::Inconclusive(format!("the tables of roles could not be read: {why}"))
        }
    }
}

fn as_text(address: &Address, drifts: &[Drift]) -> String {
    let mut text = String::new();
    let mut line = |told: &str| {
        let _ = writeln!(text, "{}", report::clean(told));
    };
    for drift in drifts {
        line(&format!("{:18}  {}", drift.kind.name(), drift.sentence));
        if let Some(row) = &drift.row {
            line(&format!("  row     {row}{}", granted(drift)));
        }
        if let Some(place) = &drift.place {
            line(&format!("  policy  {place}"));
        }
    }
    let differences = match drifts.len() {
        0 => "the tables of roles are as the policy".to_owned(),
        1 => "1 difference between the tables of roles and the policy".to_owned(),
        count => format!("{count} differences between the tables of roles and the policy"),
    };
    line(&format!("{address}: {differences}"));
    text
}

/// ", granted by 1 at 2026-01-31 12:00:00+00"
fn granted(drift: &Drift) -> String {
    let by = drift.granted_by.as_ref();
    let by = by.map_or(String::new(), |by| format!(" by {by}"));
    let at = drift.granted_at.as_ref();
    let at = at.map_or(String::new(), |at| format!(" at {at}"));
    match (by.is_empty(), at.is_empty()) {
        (true, true) => String::new(),
        _ => format!(", granted{by}{at}"),
    }
}

fn as_json(address: &Address, drifts: &[Drift]) -> Result<String, Failure> {
    let drifts: Vec<Value> = drifts
        .iter()
        .map(|it| {
            json!({
                "kind": it.kind.name(),
                "sentence": it.sentence,
                "row": it.row,
                "policy": it.place,
                "granted_by": it.granted_by,
                "granted_at": it.granted_at,
            })
        })
        .collect();
    let document = json!({
        "format": "lockstep-role-drift",
        "version": VERSION,
        "database": address.to_string(),
        "drift": drifts,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}
