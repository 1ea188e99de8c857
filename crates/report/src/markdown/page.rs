//! The page: its sections, and how much room each of them may take.

use suite::event::{Drift, Summary};

use super::Page;
use super::escape::{block, cell_code, code, cut, html_code, prose};
use crate::at_end::Ran;
use crate::finding::Finding;
use crate::inconclusive::Group;
use crate::layers::{Parted, disagreements};
use crate::summary::{grants_added, sentences};
use crate::text::{clean, count, grouped};

/// The most characters of the page: GitHub takes 65,536 in a comment, and somebody may want to
/// put something before it.
const CHARS_MAX: usize = 60_000;

/// The most characters of each section. What is left is for the details of findings.
const GRANTS_CHARS_MAX: usize = 8_000;
const OPERATIONS_CHARS_MAX: usize = 8_000;
const LAYERS_CHARS_MAX: usize = 8_000;
const ROWS_CHARS_MAX: usize = 20_000;
const INCONCLUSIVE_CHARS_MAX: usize = 10_000;
const NOTES_CHARS_MAX: usize = 4_000;
/// What headings, the summary and the words about what was cut take at most.
const FRAME_CHARS_MAX: usize = 3_000;

/// The most characters of a text in the table.
const IN_TABLE_CHARS_MAX: usize = 160;

/// The whole page.
pub(super) fn text(page: &Page, ran: &Ran) -> String {
    let findings: Vec<&Finding> = page.findings.values().collect();
    let mut left = CHARS_MAX - FRAME_CHARS_MAX;
    let grants = grants(ran, page, &mut left);
    let operations = operations(ran, page, &mut left);
    let layers = layers(ran, page, &mut left);
    let rows = fit(
        findings.iter().map(|finding| row(finding, page)),
        ROWS_CHARS_MAX,
        &mut left,
    );
    let groups = page.inconclusive.groups();
    let inconclusive = fit(
        groups.iter().map(|(reason, cells)| group(reason, cells)),
        INCONCLUSIVE_CHARS_MAX,
        &mut left,
    );
    let notes = fit(
        ran.notes.iter().map(|note| format!("- {}\n", prose(note))),
        NOTES_CHARS_MAX,
        &mut left,
    );
    let details = fit(
        findings.iter().map(|finding| detail(finding, page)),
        left,
        &mut left,
    );
    let cut = cuts(&[
        (ran.counts.findings(), rows.count, "findings in the table"),
        (ran.counts.findings(), details.count, "findings in detail"),
        (groups.len(), inconclusive.count, "inconclusive reasons"),
        (ran.notes.len(), notes.count, "notes"),
    ]);
    let sections = [
        format!("## Lockstep: {}\n", headline(ran)),
        grants,
        operations,
        table(&rows.text),
        layers,
        details.text,
        inconclusive.text,
        notes.text,
        cut,
        summary(ran),
    ];
    let shown = sections.iter().filter(|section| !section.is_empty());
    shown.map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// The parts that had room, and how many they are.
struct Fitted {
    text: String,
    count: usize,
}

/// Takes parts as long as there is room: `chars_max` characters, and not more than `left`.
fn fit(parts: impl Iterator<Item = String>, chars_max: usize, left: &mut usize) -> Fitted {
    let mut room = chars_max.min(*left);
    let mut fitted = Fitted {
        text: String::new(),
        count: 0,
    };
    for part in parts {
        let Some(rest) = room.checked_sub(part.chars().count()) else {
            break;
        };
        *left -= room - rest;
        room = rest;
        fitted.text += &part;
        fitted.count += 1;
    }
    fitted
}

fn headline(ran: &Ran) -> String {
    let counts = &ran.counts;
    let findings = count(counts.findings(), "finding", "findings");
    let inconclusive = count(counts.inconclusive, "cell", "cells");
    let added = ran.grants_added();
    let surface = ran.summary.as_ref().and_then(|summary| summary.surface);
    let surface = surface.unwrap_or_default();
    let untried = count(surface.findings, "operation", "operations");
    let unfilled = count(surface.unfilled, "operation", "operations");
    let outcome: Vec<String> = [
        (counts.findings(), findings),
        (ran.disagreements(), disagreements(ran.disagreements())),
        (added, grants_added(added)),
        (
            surface.findings,
            format!("{untried} not tried as they should be"),
        ),
        (counts.inconclusive, format!("{inconclusive} inconclusive")),
        (surface.unfilled, format!("{unfilled} to be filled")),
    ]
    .into_iter()
    .filter_map(|(number, words)| (number > 0).then_some(words))
    .collect();
    let outcome = (!outcome.is_empty()).then(|| outcome.join(", "));
    let judged = grouped(counts.total());
    match (outcome, ran.is_whole()) {
        (None, true) if counts.total() == 0 => "no cell was judged".to_owned(),
        (None, true) if counts.not_applicable > 0 => {
            let held = match counts.held {
                0 => "no cell was tried".to_owned(),
                held => format!("{} held", count(held, "cell", "cells")),
            };
            format!("{held}, {} not applicable", grouped(counts.not_applicable))
        }
        (None, true) if counts.total() == 1 => "the cell held".to_owned(),
        (None, true) => format!("all {judged} cells held"),
        (Some(outcome), true) => outcome,
        (outcome, false) => {
            let planned = count(ran.run.cells, "cell", "cells");
            let outcome = outcome.map(|outcome| format!("{outcome}, "));
            let outcome = outcome.unwrap_or_default();
            format!("{outcome}interrupted after {judged} of {planned}")
        }
    }
}

/// The grants in which the run differs from the baseline: as a diff of it, and below why.
fn grants(ran: &Ran, page: &Page, left: &mut usize) -> String {
    let shown = |drift: &Drift| format!("{}\n", cut(&clean(&drift.line()), IN_TABLE_CHARS_MAX));
    let lines = fit(ran.drifts.iter().map(shown), GRANTS_CHARS_MAX, left);
    if ran.drifts.is_empty() {
        return String::new();
    }
    let reasons = ran.drifts.iter().take(lines.count);
    let reasons = reasons.map(|drift| reason(drift, page));
    let reasons = fit(reasons, GRANTS_CHARS_MAX, left);
    let all = ran.summary.as_ref().and_then(|summary| summary.drift);
    let all = all.map_or(ran.drifts.len(), |all| all.total());
    let more = match all.saturating_sub(lines.count) {
        0 => String::new(),
        more => format!("\nand {} more\n", grouped(more)),
    };
    let diff = block("diff", lines.text.lines());
    format!("### Grants\n\n{diff}\n{}{more}", reasons.text)
}

/// Why a grant is new, or gone.
fn reason(drift: &Drift, page: &Page) -> String {
    let why = cut(&clean(&drift.reason), IN_TABLE_CHARS_MAX);
    let at = clean(&drift.place.to_string());
    format!(
        "- {}: {} ({})\n",
        code(&clean(&drift.cell)),
        code(&why),
        place(&at, page, code)
    )
}

/// The operations that are not tried as they should be, and what tries them.
fn operations(ran: &Ran, page: &Page, left: &mut usize) -> String {
    if ran.surface.is_empty() {
        return String::new();
    }
    let parts = ran.surface.iter().map(|untried| {
        let reason = prose(&cut(&untried.reason, IN_TABLE_CHARS_MAX));
        let place = place(&untried.place, page, code);
        let name = code(&untried.name);
        let mut text = format!("- {}: {name}: {reason} ({place})\n", untried.gap.word());
        if !untried.paste.is_empty() {
            let lines = untried.paste.iter().map(String::as_str);
            text += &format!("\n{}\n", block("yaml", lines));
        }
        text
    });
    let fitted = fit(parts, OPERATIONS_CHARS_MAX, left);
    let more = match ran.surface.len() - fitted.count {
        0 => String::new(),
        more => format!("\nand {} more\n", grouped(more)),
    };
    format!("### Operations\n\n{}{more}", fitted.text)
}

/// Where layers disagree, with both sides.
fn layers(ran: &Ran, page: &Page, left: &mut usize) -> String {
    if ran.parted.is_empty() {
        return String::new();
    }
    let parts = ran.parted.iter().map(|parted| layer(parted, page));
    let fitted = fit(parts, LAYERS_CHARS_MAX, left);
    let more = match ran.disagreements().saturating_sub(fitted.count) {
        0 => String::new(),
        more => format!("\nand {} more\n", grouped(more)),
    };
    format!("### Layers\n\n{}{more}", fitted.text)
}

fn layer(parted: &Parted, page: &Page) -> String {
    let expected = &parted.expected;
    let mut text = format!(
        "- {} ({})\n  - expected {}: {}",
        prose(&parted.sentence),
        place(&parted.place, page, code),
        code(&expected.what),
        code(&cut(&expected.reason, IN_TABLE_CHARS_MAX))
    );
    if !expected.place.is_empty() {
        text += &format!(" ({})", place(&expected.place, page, code));
    }
    for (word, sides) in [("allowed", &parted.allows), ("denied", &parted.denies)] {
        for side in sides {
            text += &format!("\n  - {word} by {}", prose(&cut(side, IN_TABLE_CHARS_MAX)));
        }
    }
    text + &format!("\n  - {}\n", prose(&parted.meaning))
}

fn table(rows: &str) -> String {
    if rows.is_empty() {
        return String::new();
    }
    format!("| verdict | cell | expected | observed | place |\n|---|---|---|---|---|\n{rows}")
}

fn row(finding: &Finding, page: &Page) -> String {
    let short = |text: &str| cell_code(&cut(text, IN_TABLE_CHARS_MAX));
    format!(
        "| {} | {} | {} | {} | {} |\n",
        finding.verdict.word(),
        short(&finding.cell),
        short(&finding.expected.what),
        short(&finding.observed),
        place(&finding.place, page, cell_code),
    )
}

fn detail(finding: &Finding, page: &Page) -> String {
    let expected = &finding.expected;
    let mut text = format!(
        "<details>\n<summary>{}: {}</summary>\n\n{}\n\n",
        finding.verdict.word(),
        html_code(&finding.cell),
        prose(&finding.sentence),
    );
    text += &format!(
        "- expected {}: {}",
        code(&expected.what),
        code(&expected.reason)
    );
    if !expected.place.is_empty() {
        text += &format!(" ({})", place(&expected.place, page, code));
    }
    text += &format!("\n- observed {}\n", code(&finding.observed));
    if let Some(because) = &finding.because {
        text += &format!("- because {}\n", code(because));
    }
    if let Some(control) = &finding.control {
        text += &format!("- control {}\n", code(control));
    }
    let commands = finding.repeat_short().iter().map(String::as_str);
    text + &format!("\n{}\n</details>\n", block("sh", commands))
}

fn group(reason: &str, group: &Group) -> String {
    let cells = count(group.count, "cell", "cells");
    let mut text = format!(
        "<details>\n<summary>inconclusive: {cells}: {}</summary>\n\n",
        html_code(reason)
    );
    for (name, observed) in &group.first {
        text += &format!("- {}", code(name));
        if !observed.is_empty() {
            text += &format!(": {}", code(observed));
        }
        text.push('\n');
    }
    if group.unnamed() > 0 {
        text += &format!("- and {} more\n", grouped(group.unnamed()));
    }
    text + "\n</details>\n"
}

/// `file:line`, as a link where it is known what to. Only plain paths below the root become one.
fn place(place: &str, page: &Page, code: fn(&str) -> String) -> String {
    let shown = code(place);
    let Some((base, (file, line))) = page.sources.as_ref().zip(place.rsplit_once(':')) else {
        return shown;
    };
    let file = file.strip_prefix("./").unwrap_or(file);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    let is_below = !file.starts_with('/') && !file.split('/').any(|segment| segment == "..");
    if is_below && file.chars().all(is_plain) && line.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("[{shown}]({base}/{file}#L{line})")
    } else {
        shown
    }
}

/// What there was no room for.
fn cuts(sections: &[(usize, usize, &str)]) -> String {
    let cut: Vec<String> = sections
        .iter()
        .filter(|(all, shown, _)| shown < all)
        .map(|(all, shown, what)| format!("{} of {} {what}", grouped(*shown), grouped(*all)))
        .collect();
    if cut.is_empty() {
        return String::new();
    }
    format!(
        "**Cut to fit: shown are {}.** The JSON report has everything.\n",
        cut.join(", ")
    )
}

fn summary(ran: &Ran) -> String {
    let suite = code(&cut(&clean(&ran.run.suite), IN_TABLE_CHARS_MAX));
    let run = code(&cut(&clean(&ran.run.run), IN_TABLE_CHARS_MAX));
    let said = match &ran.summary {
        Some(summary) => sentences(summary, ran.run.cells).join(" "),
        // Without its end, only what was counted here is known: the first sentence.
        None => {
            let counted = Summary {
                counts: ran.counts,
                interrupted: true,
                ..Summary::default()
            };
            let sentences = sentences(&counted, ran.run.cells);
            sentences.into_iter().next().unwrap_or_default()
        }
    };
    let environment = ran.run.environment.as_deref().map(clean);
    let environment = environment.map(|name| format!(", environment {}", code(&cut(&name, 80))));
    let environment = environment.unwrap_or_default();
    format!("{suite}{environment}, run {run}: {said}\n")
}
