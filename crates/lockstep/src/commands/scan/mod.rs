//! `lockstep scan`: what is wrong with the permissions of a database.

mod form;

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use authz::source::nearest;
use authz_sql::catalogue::{self, Catalogue, Id};
use authz_sql::connection::{self, Address, Client};
use authz_sql::probe::{Rows, Tried, probe, untried};
use authz_sql::scan::{self, Found, Scope};
use suite::secret::Masker;

use super::print;
use crate::arguments::{Scan, ScanFormat};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use form::Report;

/// The JSON Schema (draft 2020-12) of what a scan finds.
pub(super) const SCAN_SCHEMA: &str = include_str!("../../../schema/scan.schema.json");

pub(super) async fn execute(command: &Scan) -> Result<ExitCode, Failure> {
    let address = Address::parse(&command.url).map_err(Failure::usage)?;
    let client = address.connect().await;
    let client = client.map_err(|error| Failure::Inconclusive(error.to_string()))?;
    let (catalogue, found, tried) = survey(client, command).await?;
    let report = Report {
        database: address.to_string(),
        catalogue: &catalogue,
        found: &found,
        tried: &tried,
    };
    let text = match command.format {
        ScanFormat::Text => form::text(&report),
        ScanFormat::Json => form::json(&report)?,
        ScanFormat::Sarif => form::sarif(&report)?,
    };
    let password = address.password().map(String::from_utf8_lossy);
    let masker = Masker::new(password.as_deref());
    print(&masker.mask(&text))?;
    tell_notes(&report, command.format)?;
    Ok(if report.counted().next().is_some() {
        ExitCode::Finding
    } else if !found.doubts.is_empty() {
        ExitCode::Inconclusive
    } else {
        ExitCode::Held
    })
}

/// Reads the catalogue, finds and tries, all in one transaction that changes nothing.
async fn survey(mut client: Client, command: &Scan) -> Result<(Catalogue, Found, Tried), Failure> {
    let mut transaction = connection::read_only(&mut client).await.map_err(broken)?;
    let catalogue = catalogue::read(&mut transaction).await.map_err(broken)?;
    let scope = scope(&catalogue, command)?;
    let found = scan::scan(&catalogue, &scope);
    let tried = match command.no_probe {
        true => untried(&found),
        false => {
            let rows = match command.probe_rows {
                true => Rows::AsAll,
                false => Rows::AsReader,
            };
            let tried = probe(&mut transaction, &catalogue, &found, rows).await;
            tried.map_err(broken)?
        }
    };
    transaction.rollback().await.map_err(broken)?;
    Ok((catalogue, found, tried))
}

fn broken(error: connection::Error) -> Failure {
    let told = connection::told(&error);
    Failure::Inconclusive(format!("the database could not be read: {told}"))
}

/// The schemas and roles that are named.
fn scope(catalogue: &Catalogue, command: &Scan) -> Result<Scope, Failure> {
    let schemas = catalogue.schemas.iter();
    let schemas: Vec<(Id, &str)> = schemas.map(|(id, it)| (*id, it.bare.as_str())).collect();
    let roles = catalogue.roles.iter();
    let roles: Vec<(Id, &str)> = roles.map(|(id, it)| (*id, it.bare.as_str())).collect();
    Ok(Scope {
        schemas: named("schema", &command.schemas, &schemas)?,
        roles: named("role", &command.roles, &roles)?,
        unused: command.unused,
    })
}

fn named(noun: &str, wanted: &[String], known: &[(Id, &str)]) -> Result<BTreeSet<Id>, Failure> {
    let find = |name: &String| {
        let found = known.iter().find(|(_, known)| known == name);
        found.map(|(id, _)| *id).ok_or_else(|| {
            let meant = nearest(name, known.iter().map(|(_, known)| *known));
            let help = meant.map(|meant| format!("\nhelp: did you mean `{meant}`?"));
            let help = help.unwrap_or_default();
            Failure::usage(format!("the database has no {noun} `{name}`{help}"))
        })
    };
    wanted.iter().map(find).collect()
}

/// What is no part of a report: standard error has it where standard output is for programs.
fn tell_notes(report: &Report<'_>, format: ScanFormat) -> io::Result<()> {
    if format == ScanFormat::Text {
        return Ok(());
    }
    for line in form::asides(report) {
        writeln!(io::stderr(), "{}", report::clean(&line))?;
    }
    Ok(())
}
