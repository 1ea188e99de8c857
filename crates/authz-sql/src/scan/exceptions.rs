//! Exceptions: a line `lockstep: allow NAME: reason` in the remark on an object (`COMMENT ON`), so
//! that it lies with what it is about, in the migrations that make it.

use super::{Finding, Rule, Scan};

/// How a line with an exception begins.
const MARK: &str = "lockstep: allow ";

/// That something is as it should be, whatever it looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Why.
    pub reason: String,
}

/// A remark on an object, with an exception in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The kinds of object that it may be for a finding.
    kinds: &'static [&'static str],
    object: String,
    text: String,
}

/// An exception that is none: nothing of the kind is found, or it has no reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// The object that it is remarked on.
    pub object: String,
    /// What is wrong with it.
    pub why: String,
}

/// Makes exceptions of the findings on whose objects one is remarked; answers those in vain.
pub fn except(findings: &mut [Finding], remarks: &[Remark]) -> Vec<Stale> {
    let mut stale = Vec::new();
    for remark in remarks {
        let lines = remark.text.lines();
        for allowed in lines.filter_map(|line| line.trim().strip_prefix(MARK)) {
            if let Err(why) = allow(findings, remark, allowed) {
                let object = remark.object.clone();
                stale.push(Stale { object, why });
            }
        }
    }
    stale
}

fn allow(findings: &mut [Finding], remark: &Remark, allowed: &str) -> Result<(), String> {
    let (name, reason) = allowed.split_once(':').unwrap_or((allowed, ""));
    let (name, reason) = (name.trim(), reason.trim());
    let rule = Rule::named(name).ok_or_else(|| format!("there is no finding `{name}`"))?;
    if reason.is_empty() {
        return Err(format!("the exception from `{name}` has no reason"));
    }
    let is_meant = |it: &&mut Finding| {
        it.rule == rule && it.object == remark.object && remark.kinds.contains(&it.kind)
    };
    let mut is_found = false;
    for finding in findings.iter_mut().filter(is_meant) {
        is_found = true;
        let reason = reason.to_owned();
        finding.exception = Some(Exception { reason });
    }
    match is_found {
        true => Ok(()),
        false => Err(format!("`{name}` is not found on it (any more)")),
    }
}

/// The remarks with exceptions on all objects that findings can be about. Columns, and what is still
/// to come, have none.
pub(super) fn remarks(scan: &Scan<'_>) -> Vec<Remark> {
    const RELATIONS: &[&str] = &[
        "table",
        "view",
        "materialised view",
        "sequence",
        "foreign table",
    ];
    let mut remarks = Vec::new();
    let mut note = |kinds: &'static [&'static str], object: String, text: &str| {
        if text.contains(MARK) {
            let text = text.to_owned();
            remarks.push(Remark {
                kinds,
                object,
                text,
            });
        }
    };
    for (_, it) in scan.relations() {
        note(RELATIONS, it.name.clone(), &it.comment);
    }
    for (policy, table) in scan.policies() {
        note(
            &["policy"],
            format!("{} on {}", policy.name, table.name),
            &policy.comment,
        );
    }
    for (_, it) in scan.functions() {
        note(&["function"], it.name.clone(), &it.comment);
    }
    for (id, it) in &scan.catalogue.schemas {
        if scan.has_schema(*id) {
            note(&["schema"], it.name.clone(), &it.comment);
        }
    }
    // Roles belong to the cluster: of those that are none of ours, nothing is found here.
    for id in &scan.reach.doors {
        if let Some(it) = scan.catalogue.roles.get(id) {
            note(
                &["role", "default privileges"],
                it.name.clone(),
                &it.comment,
            );
        }
    }
    remarks
}
