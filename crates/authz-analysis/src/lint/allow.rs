//! Comments that allow what a lint finds: `# lockstep: allow NAME reason`, on the line itself or on
//! lines above it. In SpiceDB's language comments begin with `//`.

use authz::source::{Diagnostic, Diagnostics, Place, Source};

use super::{Finding, Lint, Report};

/// What makes a comment one of ours.
const WORD: &str = "lockstep: allow";

/// A comment that allows something.
#[derive(Debug)]
pub(super) struct Allow {
    lint: Lint,
    reason: String,
    /// Where the comment stands.
    place: Place,
    /// The line that it is about.
    line: usize,
}

/// The comments of all sources.
///
/// # Errors
/// Those without a reason, or that name no lint.
pub(super) fn read<'a>(
    sources: impl Iterator<Item = &'a Source>,
) -> Result<Vec<Allow>, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::default();
    let mut allows = Vec::new();
    for source in sources {
        // Most files have none.
        if source.text().contains(WORD) {
            of_source(source, &mut allows, &mut diagnostics);
        }
    }
    diagnostics.into_result(Some(allows))
}

fn of_source(source: &Source, allows: &mut Vec<Allow>, diagnostics: &mut Diagnostics) {
    let lines: Vec<&str> = source.text().lines().collect();
    let mut start = 0;
    for (number, piece) in (1..).zip(source.text().split_inclusive('\n')) {
        if let Some((at, text)) = comment(piece) {
            let place = source.place(start + at..start + piece.trim_end().len());
            let own_line = piece.trim_start().starts_with(['#', '/']);
            let line = if own_line {
                next(&lines, number)
            } else {
                number
            };
            allows.extend(allow(text, place, line, diagnostics));
        }
        start += piece.len();
    }
}

/// Where in a line a comment of ours begins, and what it says behind the words that make it one.
fn comment(line: &str) -> Option<(usize, &str)> {
    let word = line.find(WORD)?;
    let before = line.get(..word)?.trim_end();
    let sign = ["#", "//"]
        .into_iter()
        .find(|sign| before.ends_with(sign))?;
    let at = before.len() - sign.len();
    let is_comment = at == 0 || line.get(..at)?.ends_with(char::is_whitespace);
    let text = line.get(word + WORD.len()..)?.trim();
    is_comment.then_some((at, text))
}

/// The number of the next line that is not empty and no comment, after the one of this number.
fn next(lines: &[&str], number: usize) -> usize {
    let mut behind = (number + 1..).zip(lines.iter().skip(number));
    let is_text = |line: &str| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with('#') && !line.starts_with("//")
    };
    let found = behind.find(|(_, line)| is_text(line));
    found.map_or(number + 1, |(number, _)| number)
}

fn allow(text: &str, place: Place, line: usize, diagnostics: &mut Diagnostics) -> Option<Allow> {
    let (name, reason) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let Some(lint) = Lint::of(name) else {
        let names = Lint::ALL.map(Lint::name);
        let mistake = Diagnostic::new(place, format!("`{name}` is no lint"));
        let mistake = mistake.label("expected `lockstep: allow NAME reason`");
        diagnostics.push(mistake.nearest(name, names));
        return None;
    };
    let reason = reason.trim();
    if reason.is_empty() {
        let message = format!("`{name}` is allowed without a reason");
        let mistake = Diagnostic::new(place, message);
        diagnostics.push(mistake.label("expected why, behind the name"));
        return None;
    }
    Some(Allow {
        lint,
        reason: reason.to_owned(),
        place,
        line,
    })
}

/// The findings, those that are allowed apart, and the comments that allow nothing as findings.
pub(super) fn apply(allows: Vec<Allow>, findings: Vec<Finding>) -> Report {
    let mut report = Report::default();
    let mut used = vec![false; allows.len()];
    for finding in findings {
        let fits = |allow: &Allow| {
            let place = &allow.place;
            allow.lint == finding.lint
                && place.file == finding.place.file
                && allow.line == finding.place.line
        };
        let mut numbered = allows.iter().zip(&mut used);
        match numbered.find(|(allow, _)| fits(allow)) {
            Some((allow, used)) => {
                *used = true;
                report.allowed.push((finding, allow.reason.clone()));
            }
            None => report.findings.push(finding),
        }
    }
    let unused = allows.into_iter().zip(used).filter(|(_, used)| !used);
    report.findings.extend(unused.map(|(allow, _)| Finding {
        lint: Lint::UnusedAllow,
        message: format!("`{}` is allowed, and is not found here", allow.lint.name()),
        place: allow.place,
    }));
    report
}
