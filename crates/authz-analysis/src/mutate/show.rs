//! What became of mutants, as text.

use std::fmt::Write as _;

use serde::Serialize;

use super::judge::{Judged, Verdict};

/// How many mutants there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Noticed.
    pub killed: usize,
    /// Of those, noticed by tests of the policy.
    pub by_tests: usize,
    /// Of those, noticed by the plan of the suite.
    pub by_plan: usize,
    /// Not noticed.
    pub survived: usize,
    /// Not noticed, and not known to decide anything otherwise.
    pub unknown: usize,
    /// Not noticed by tests, and only a run can tell whether the suite notices it, by rows.
    pub rows: usize,
    /// Nothing to notice.
    pub equivalent: usize,
}

impl Score {
    /// How many of those that may be noticed are, in percent, rounded down; 100 if there are none.
    /// What only a run can tell is not counted.
    pub fn percent(&self) -> usize {
        let all = self.killed + self.survived + self.unknown;
        (self.killed * 100).checked_div(all).unwrap_or(100)
    }
}

/// Counts what became of mutants.
pub fn score(judged: &[Judged]) -> Score {
    let count = |verdict| judged.iter().filter(|it| it.verdict == verdict).count();
    Score {
        killed: count(Verdict::Killed),
        by_tests: judged.iter().filter(|it| !it.tests.is_empty()).count(),
        by_plan: judged.iter().filter(|it| !it.cells.is_empty()).count(),
        survived: count(Verdict::Survived),
        unknown: count(Verdict::Unknown),
        rows: count(Verdict::Rows),
        equivalent: count(Verdict::Equivalent),
    }
}

/// What became of mutants: those that survived with what would notice them, those of which nothing
/// is known, and how many there are.
pub fn render(judged: &[Judged]) -> String {
    let mut text = String::new();
    for verdict in [Verdict::Survived, Verdict::Rows, Verdict::Unknown] {
        for it in judged.iter().filter(|it| it.verdict == verdict) {
            one(&mut text, it);
        }
    }
    let score = score(judged);
    let rows = match score.rows {
        0 => String::new(),
        some => format!("{some} for a run to tell, "),
    };
    let _ = writeln!(
        text,
        "{} mutants: {} killed ({} by tests, {} by the plan), {} survived, {rows}{} unknown, {} equivalent.  {} % killed",
        judged.len(),
        score.killed,
        score.by_tests,
        score.by_plan,
        score.survived,
        score.unknown,
        score.equivalent,
        score.percent()
    );
    text
}

fn one(text: &mut String, it: &Judged) {
    let title = match it.verdict {
        Verdict::Unknown => "UNKNOWN",
        Verdict::Rows => "BY ROWS",
        _ => "SURVIVED",
    };
    let _ = writeln!(text, "{title}  {}   {}", it.what, it.place);
    for (sign, lines) in [('-', &it.before), ('+', &it.after)] {
        for line in lines {
            let _ = writeln!(text, "  {sign} {line}");
        }
    }
    if let Some(line) = &it.example {
        let (old, new) = (&line.old.answer, &line.new.answer);
        let _ = writeln!(text, "  {}: {old}, and with it {new}", line.example);
    }
    for why in &it.bounds {
        let _ = writeln!(text, "  {why}");
    }
    if let Some(suggestion) = &it.suggestion {
        let _ = write!(text, "  what would notice it:\n{suggestion}");
    }
    text.push('\n');
}
