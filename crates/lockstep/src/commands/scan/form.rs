//! The forms in which a scan is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use authz_sql::catalogue::Catalogue;
use authz_sql::probe::Tried;
use authz_sql::scan::{Finding, Found, Level, Proof, Rule};
use serde_json::{Value, json};
use suite::hash::fnv_1a;

/// The version of the JSON form. It changes when a reader of the old one would be misled.
const VERSION: u32 = 1;

/// What is told.
pub(super) struct Report<'a> {
    pub(super) database: String,
    pub(super) catalogue: &'a Catalogue,
    pub(super) found: &'a Found,
    pub(super) tried: &'a Tried,
}

impl Report<'_> {
    /// The findings of which no exception is made.
    pub(super) fn counted(&self) -> impl Iterator<Item = &Finding> {
        self.tried
            .findings
            .iter()
            .filter(|it| it.exception.is_none())
    }

    fn excepted(&self) -> impl Iterator<Item = (&Finding, &str)> {
        let findings = self.tried.findings.iter();
        findings.filter_map(|it| Some((it, it.exception.as_ref()?.reason.as_str())))
    }

    fn of_level(&self, level: Level) -> usize {
        self.counted().filter(|it| it.rule.level() == level).count()
    }
}

/// For people.
pub(super) fn text(report: &Report<'_>) -> String {
    let mut lines = Vec::new();
    for finding in report.counted() {
        let level = finding.rule.level().name().to_uppercase();
        let (rule, kind) = (finding.rule.name(), finding.kind);
        lines.push(format!("{level:8} {rule}  {kind} {}", finding.object));
        lines.push(format!("  {}", finding.sentence));
        lines.push(format!("  {}", proof(&finding.proof)));
        if !finding.fix.is_empty() {
            lines.push(format!("  fix: {}", finding.fix));
        }
        lines.push(String::new());
    }
    for (finding, reason) in report.excepted() {
        let (rule, kind) = (finding.rule.name(), finding.kind);
        lines.push(format!(
            "allowed  {rule}  {kind} {}: {reason}",
            finding.object
        ));
    }
    lines.extend(asides(report));
    lines.push(summary(report));
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{}", report::clean(&line));
    }
    text
}

fn proof(proof: &Proof) -> String {
    match proof {
        Proof::Confirmed(seen) => format!("confirmed: {seen}"),
        Proof::NotProbed(why) => format!("not probed: {why}"),
    }
}

/// What a reader should know beside the findings.
pub(super) fn asides(report: &Report<'_>) -> Vec<String> {
    let stale = report.tried.stale.iter();
    let stale = stale.map(|it| format!("note: on {}: {}", it.object, it.why));
    let doubts = report.found.doubts.iter();
    let doubts = doubts.map(|why| format!("inconclusive: {why}"));
    let notes = report
        .found
        .notes
        .iter()
        .map(|note| format!("note: {note}"));
    stale.chain(notes).chain(doubts).collect()
}

fn summary(report: &Report<'_>) -> String {
    let count = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    let confirmed = report
        .counted()
        .filter(|it| matches!(it.proof, Proof::Confirmed(_)));
    let levels = [Level::Error, Level::Warning, Level::Note];
    let levels = levels.map(|level| count(report.of_level(level), level.name()));
    format!(
        "{}: {} ({}), {} confirmed; {} allowed; {} looked at",
        report.database,
        count(report.counted().count(), "finding"),
        levels.join(", "),
        confirmed.count(),
        report.excepted().count(),
        count(report.found.looked_at, "object"),
    )
}

/// One JSON document.
pub(super) fn json(report: &Report<'_>) -> Result<String, serde_json::Error> {
    let findings: Vec<Value> = report.tried.findings.iter().map(finding).collect();
    let stale = report.tried.stale.iter();
    let stale: Vec<Value> = stale
        .map(|it| json!({ "object": it.object, "why": it.why }))
        .collect();
    let document = json!({
        "format": "lockstep-scan",
        "version": VERSION,
        "database": report.database,
        "server": report.catalogue.version,
        "findings": findings,
        "stale_exceptions": stale,
        "inconclusive": report.found.doubts,
        "notes": report.found.notes,
        "objects": report.found.looked_at,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn finding(finding: &Finding) -> Value {
    let (confirmed, how) = match &finding.proof {
        Proof::Confirmed(seen) => (true, seen),
        Proof::NotProbed(why) => (false, why),
    };
    json!({
        "rule": finding.rule.name(),
        "level": finding.rule.level().name(),
        "kind": finding.kind,
        "object": finding.object,
        "sentence": finding.sentence,
        "fix": finding.fix,
        "confirmed": confirmed,
        "proof": how,
        "allowed": finding.exception.as_ref().map(|it| &it.reason),
    })
}

/// SARIF 2.1.0 (OASIS). What is found lies in a database, so that results have logical locations
/// (3.33) and none in a file. Exceptions are suppressions (3.35).
pub(super) fn sarif(report: &Report<'_>) -> Result<String, serde_json::Error> {
    let rules: Vec<Value> = Rule::ALL.into_iter().map(rule).collect();
    let places = BTreeMap::from_iter(Rule::ALL.into_iter().zip(0_usize..));
    let results = report.tried.findings.iter().map(|finding| {
        let fingerprint = format!(
            "{}\n{}\n{}",
            finding.rule.name(),
            finding.kind,
            finding.object
        );
        let fingerprint = format!("{:016x}", fnv_1a(&fingerprint));
        let message = format!(
            "{}: {} ({})",
            finding.object,
            finding.sentence,
            proof(&finding.proof)
        );
        let mut result = json!({
            "ruleId": finding.rule.name(),
            "ruleIndex": places.get(&finding.rule),
            "level": finding.rule.level().name(),
            "message": { "text": report::clean(&message) },
            "locations": [{
                "logicalLocations": [{
                    "fullyQualifiedName": report::clean(&finding.object),
                    "kind": finding.kind,
                }],
            }],
            "partialFingerprints": { "ruleAndObject/v1": fingerprint },
            "properties": { "fix": finding.fix },
        });
        if let (Some(exception), Some(result)) = (&finding.exception, result.as_object_mut()) {
            let suppression = json!([{ "kind": "inSource", "justification": exception.reason }]);
            result.insert("suppressions".to_owned(), suppression);
        }
        result
    });
    let results: Vec<Value> = results.collect();
    let notifications: Vec<Value> = asides(report)
        .into_iter()
        .map(|text| json!({ "level": "note", "message": { "text": report::clean(&text) } }))
        .collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Lockstep",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "invocations": [{
                "executionSuccessful": report.found.doubts.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    });
    Ok(serde_json::to_string_pretty(&log)? + "\n")
}

fn rule(rule: Rule) -> Value {
    json!({
        "id": rule.name(),
        "shortDescription": { "text": rule.summary() },
        "defaultConfiguration": { "level": rule.level().name() },
    })
}
