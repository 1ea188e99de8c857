//! Coverage for people: the share, kind by kind, and a line for each part that no test exercised.

use std::fmt::Write as _;

use super::{Coverage, Tally, kind_name};

/// The summary, and what no test exercised, in the order of the files.
pub fn render(coverage: &Coverage) -> String {
    let total = coverage.total();
    let mut out = format!("coverage {}\n", shown(total));
    for (kind, tally) in coverage.by_kind() {
        let Tally { parts, exercised } = tally;
        let _ = writeln!(out, "  {:10} {exercised} of {parts}", kind_name(kind));
    }
    if total.exercised < total.parts {
        out.push_str("\nno test exercises:\n");
    }
    for (part, _) in coverage.parts().filter(|(_, exercised)| !exercised) {
        let (kind, place) = (kind_name(part.kind), part.place.to_string());
        let text = part.text.replace('\n', " ");
        let _ = writeln!(out, "  {place:28}  {kind:10} {text}");
    }
    out
}

/// "83 %: 25 of 30 parts"
fn shown(tally: Tally) -> String {
    let Tally { parts, exercised } = tally;
    match tally.percent() {
        Some(percent) => format!("{percent} %: {exercised} of {parts} parts"),
        None => "cannot be said: there is nothing to exercise".to_owned(),
    }
}
