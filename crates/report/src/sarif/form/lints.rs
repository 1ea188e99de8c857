//! What lints found in a policy, as a log of its own: a result for each finding, those that are
//! allowed in the file as suppressed ones (3.35).

use std::collections::BTreeMap;

use authz::source::Place;

use super::super::rules::plain_rule;
use super::{
    Invocation, Location, Log, Message, PhysicalLocation, ResultObject, Spot, Suppression,
    with_rules,
};
use crate::text::clean;

/// A lint.
#[derive(Debug, Clone, Copy)]
pub struct LintRule {
    /// Its name, which stays the same over versions.
    pub name: &'static str,
    /// What it finds, in a line.
    pub summary: &'static str,
    /// What to do.
    pub instead: &'static str,
}

/// Something that a lint found.
#[derive(Debug, Clone, Copy)]
pub struct LintFinding<'a> {
    /// The number of the lint among the rules.
    pub rule: usize,
    /// Where.
    pub place: &'a Place,
    /// What.
    pub message: &'a str,
    /// Why the file allows it, if it does.
    pub allowed: Option<&'a str>,
}

/// The whole file, as SARIF 2.1.0.
///
/// # Errors
/// None but those of the writer of JSON.
pub fn lints(rules: &[LintRule], findings: &[LintFinding<'_>]) -> serde_json::Result<String> {
    let kept: Vec<Kept> = findings.iter().filter_map(|it| kept(it, rules)).collect();
    let invocation = Invocation {
        execution_successful: true,
        tool_execution_notifications: Vec::new(),
    };
    let results = kept.iter().map(result).collect();
    let rules = rules.iter();
    let rules = rules.map(|it| plain_rule(it.name, (it.name, it.summary, it.summary, it.instead)));
    let log: Log<'_> = with_rules(rules.collect(), invocation, results);
    Ok(format!("{}\n", serde_json::to_string_pretty(&log)?))
}

/// What is written of a finding, its texts clean.
struct Kept {
    name: &'static str,
    index: usize,
    message: String,
    spot: Spot,
    allowed: Option<String>,
}

fn kept(finding: &LintFinding<'_>, rules: &[LintRule]) -> Option<Kept> {
    let rule = rules.get(finding.rule)?;
    let message = clean(&format!("{}. Instead: {}.", finding.message, rule.instead));
    Some(Kept {
        name: rule.name,
        index: finding.rule,
        message: super::super::unlinked(&message),
        spot: Spot::of(finding.place),
        allowed: finding.allowed.map(clean),
    })
}

fn result(kept: &Kept) -> ResultObject<'_> {
    let suppression = |reason| Suppression {
        kind: "inSource",
        justification: reason,
    };
    let what = format!("{}\n{}\n{}", kept.spot.file, kept.name, kept.message);
    let hash = format!("{:016x}", suite::hash::fnv_1a(&what));
    ResultObject {
        rule_id: kept.name,
        rule_index: kept.index,
        level: "warning",
        message: Message {
            text: &kept.message,
        },
        locations: [Location {
            id: None,
            physical_location: PhysicalLocation::from(&kept.spot),
            message: None,
        }],
        related_locations: Vec::new(),
        partial_fingerprints: BTreeMap::from([("primaryLocationLineHash", hash)]),
        suppressions: kept
            .allowed
            .as_deref()
            .map(suppression)
            .into_iter()
            .collect(),
        properties: None,
    }
}
