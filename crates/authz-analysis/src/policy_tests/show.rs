//! A report for people.

use std::fmt::Write as _;

use super::{Assertion, Difference, Report};

/// The failed assertions with their differences, and how many held.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    for assertion in report.failed() {
        out.push_str(&failed(assertion));
    }
    let failed = report.failed().count();
    let held = report.assertions.len() - failed;
    let _ = writeln!(out, "{held} held, {failed} failed");
    out
}

fn failed(assertion: &Assertion) -> String {
    let mut out = format!("FAILED {}  {}\n", assertion.place, assertion.subject);
    if let Some(test) = &assertion.test {
        let _ = writeln!(out, "  test     {test}");
    }
    for difference in &assertion.differences {
        out.push_str(&shown(difference));
    }
    out.push('\n');
    out
}

fn shown(difference: &Difference) -> String {
    let mut out = String::new();
    if let Some(expected) = &difference.expected {
        let _ = writeln!(out, "  - expected {expected}");
    }
    if let Some(found) = &difference.found {
        let _ = writeln!(out, "  + found    {found}");
    }
    out
}
