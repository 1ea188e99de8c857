//! What is likely to go wrong with a policy, though it is a policy: each lint has a name that stays,
//! a place, and what to use instead. A comment silences one where it stands, see `allow`.

mod allow;
mod catalogue;
mod collide;
mod facts;
mod logic;
mod names;
mod portable;
mod relations;
mod roles;
mod rules;
mod self_granting;
mod show;

use authz::language::written::{Written, read_written};
use authz::source::{Diagnostic, Place, Source};
use authz::{Facts, Policy};

pub use catalogue::Lint;
pub use show::{as_json, list, render};

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The files that it was read from, with its relation model.
    pub sources: &'a [Source],
    /// What it decides from, where that is known.
    pub facts: &'a Facts,
    /// The files of the facts.
    pub facts_sources: &'a [Source],
}

/// Something that a lint found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The lint.
    pub lint: Lint,
    /// Where.
    pub place: Place,
    /// What was found: a fragment, the user's own words in backticks.
    pub message: String,
}

/// What came of all lints.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What was found, in the order of the files and of the places in them.
    pub findings: Vec<Finding>,
    /// What was found and is allowed, each with the reason that is given.
    pub allowed: Vec<(Finding, String)>,
}

/// Looks at a policy and its facts.
///
/// # Errors
/// Comments that allow something without a reason, or something that is no lint.
pub fn lint(inputs: &Inputs<'_>) -> Result<Report, Vec<Diagnostic>> {
    let sources = inputs.sources.iter().chain(inputs.facts_sources);
    let allows = allow::read(sources)?;
    let mut findings = Vec::new();
    let written = read_written(inputs.sources);
    let looked = Looked {
        policy: inputs.policy,
        facts: inputs.facts,
        written: &written,
    };
    roles::look(&looked, &mut findings);
    rules::look(&looked, &mut findings);
    collide::look(&looked, &mut findings);
    self_granting::look(&looked, &mut findings);
    relations::look(&looked, &mut findings);
    portable::look(&looked, &mut findings);
    facts::look(&looked, &mut findings);
    let mut report = allow::apply(allows, findings);
    let in_order = |it: &Finding| (it.place.file.clone(), it.place.span.start, it.lint);
    report.findings.sort_by_key(in_order);
    report.allowed.sort_by_key(|it| in_order(&it.0));
    Ok(report)
}

/// What every lint looks at.
struct Looked<'a> {
    policy: &'a Policy,
    facts: &'a Facts,
    written: &'a Written,
}

/// Adds a finding.
fn find(findings: &mut Vec<Finding>, lint: Lint, place: &Place, message: impl Into<String>) {
    findings.push(Finding {
        lint,
        place: place.clone(),
        message: message.into(),
    });
}
