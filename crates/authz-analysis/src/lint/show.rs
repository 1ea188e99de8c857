//! Findings for people and for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::{Finding, Lint, Report};

/// A line for each finding; below the first of each lint, what to use instead.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let mut told = BTreeSet::new();
    for Finding {
        lint,
        place,
        message,
    } in &report.findings
    {
        let _ = writeln!(out, "{place}  {}: {message}", lint.name());
        if told.insert(lint) {
            let _ = writeln!(out, "  instead: {}", lint.instead());
        }
    }
    let (found, allowed) = (report.findings.len(), report.allowed.len());
    let noun = if found == 1 { "finding" } else { "findings" };
    let _ = writeln!(out, "{found} {noun}, {allowed} allowed");
    out
}

/// All findings, those that are allowed apart.
pub fn as_json(report: &Report) -> Json {
    let finding = |it: &Finding| {
        json!({
            "lint": it.lint.name(),
            "place": it.place,
            "message": it.message,
            "instead": it.lint.instead(),
        })
    };
    let allowed = report.allowed.iter().map(|(it, reason)| {
        let mut told = finding(it);
        if let Json::Object(told) = &mut told {
            told.insert("reason".to_owned(), json!(reason));
        }
        told
    });
    json!({
        "version": 1,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "allowed": allowed.collect::<Vec<_>>(),
    })
}

/// Every lint with what it finds, a line for each.
pub fn list() -> String {
    let lines = Lint::ALL.map(|lint| format!("{:20} {}\n", lint.name(), lint.summary()));
    lines.concat()
}
