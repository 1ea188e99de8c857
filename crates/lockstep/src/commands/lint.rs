//! `lockstep lint`: what is likely to go wrong with a policy, told in the form that is asked for.

use authz_analysis::lint::{self, Finding, Inputs, Report};
use report::sarif::{LintFinding, LintRule, lints};

use super::{print, write};
use crate::arguments::Lint;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{Ruling, load_policy};

pub(super) fn execute(command: &Lint) -> Result<ExitCode, Failure> {
    if command.list {
        return print(&lint::list());
    }
    let report = look(&load_policy(command.policy.as_deref(), &command.facts)?)?;
    if let Some(path) = &command.sarif {
        write(path, &sarif(&report)?)?;
    }
    let text = match command.json {
        true => format!(
            "{}\n",
            serde_json::to_string_pretty(&lint::as_json(&report))?
        ),
        false => lint::render(&cleaned(report.clone())),
    };
    print(&text)?;
    Ok(match report.findings.is_empty() {
        true => ExitCode::Held,
        false => ExitCode::Finding,
    })
}

/// What steers a terminal may stand in the names of a policy.
fn cleaned(mut report: Report) -> Report {
    for finding in &mut report.findings {
        finding.message = report::clean(&finding.message);
    }
    report
}

fn look(ruling: &Ruling) -> Result<Report, Failure> {
    let report = lint::lint(&Inputs {
        policy: &ruling.policy,
        sources: &ruling.sources,
        facts: &ruling.facts,
        facts_sources: &ruling.facts_sources,
    });
    report.map_err(|mistakes| Failure::Mistakes {
        mistakes,
        sources: [ruling.sources.as_slice(), &ruling.facts_sources].concat(),
    })
}

fn sarif(report: &Report) -> serde_json::Result<String> {
    let rules = lint::Lint::ALL.map(|it| LintRule {
        name: it.name(),
        summary: it.summary(),
        instead: it.instead(),
    });
    let findings = report.findings.iter().map(|it| as_result(it, None));
    let allowed = report.allowed.iter();
    let allowed = allowed.map(|(it, reason)| as_result(it, Some(reason)));
    let results: Vec<LintFinding<'_>> = findings.chain(allowed).collect();
    lints(&rules, &results)
}

fn as_result<'a>(finding: &'a Finding, allowed: Option<&'a str>) -> LintFinding<'a> {
    let all = lint::Lint::ALL.iter();
    LintFinding {
        rule: all.take_while(|it| **it != finding.lint).count(),
        place: &finding.place,
        message: &finding.message,
        allowed,
    }
}
