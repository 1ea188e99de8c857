//! Coverage as marked source: the files of the policy, each line with what became of the parts that
//! begin in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use authz::source::Source;

use super::{Coverage, Covered, Tally};

/// Every file of every policy: `+` before a line whose parts were all exercised, `-` before one of
/// which none was, `~` before one of which some were, with how many.
pub fn marked(coverage: &Coverage) -> String {
    let mut out = String::new();
    for covered in &coverage.policies {
        for source in &covered.sources {
            file(source, covered, &mut out);
        }
    }
    out
}

fn file(source: &Source, covered: &Covered, out: &mut String) {
    let lines = by_line(source, covered);
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "{}", source.name());
    for (number, line) in (1..).zip(source.text().lines()) {
        let mark = lines.get(&number).map_or_else(String::new, mark);
        let _ = writeln!(out, "{mark:>7} {number:4} | {line}");
    }
    out.push('\n');
}

fn by_line(source: &Source, covered: &Covered) -> BTreeMap<usize, Tally> {
    let mut lines: BTreeMap<usize, Tally> = BTreeMap::new();
    for (number, part) in covered.parts.all().iter().enumerate() {
        if &*part.place.file == source.name() {
            let tally = lines.entry(part.place.line).or_default();
            tally.add(covered.exercised.contains(&number));
        }
    }
    lines
}

fn mark(tally: &Tally) -> String {
    let Tally { parts, exercised } = *tally;
    match exercised {
        0 => "-".to_owned(),
        _ if exercised == parts => "+".to_owned(),
        _ => format!("{exercised}/{parts} ~"),
    }
}
