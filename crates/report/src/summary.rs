//! What was measured, in sentences, and nothing else.

use std::time::Duration;

use suite::event::{Counts, DriftCounts, Summary};
use suite::verdict::Verdict;

use crate::text::{count, grouped};

/// The sentences about a run that was to judge `planned` cells.
pub(crate) fn sentences(summary: &Summary, planned: usize) -> Vec<String> {
    let counts = summary.counts;
    let judged = if summary.interrupted {
        let planned = count(planned, "cell", "cells");
        format!("interrupted after {} of {planned}", grouped(counts.total()))
    } else {
        count(counts.total(), "cell", "cells")
    };
    let mut sentences = vec![format!("{judged}: {}.", outcome(&counts))];
    if summary.effects_unseen > 0 {
        sentences.push(effects_unseen(summary.effects_unseen));
    }
    if let Some(counts) = &summary.surface {
        sentences.push(crate::surface::sentence(counts));
    }
    sentences.extend(summary.layers.as_ref().map(crate::layers::sentence));
    sentences.extend(summary.drift.as_ref().and_then(drift));
    let requests = usize::try_from(summary.requests).unwrap_or(usize::MAX);
    sentences.push(format!(
        "{} in {}.",
        count(requests, "request", "requests"),
        duration(summary.duration_ms)
    ));
    sentences
}

/// `80 held, 7 findings (5 escalations, 1 leak, 1 lockout), 0 inconclusive`
fn outcome(counts: &Counts) -> String {
    let kinds = [
        (Verdict::Escalation, counts.escalation),
        (Verdict::SideEffect, counts.side_effect),
        (Verdict::Leak, counts.leak),
        (Verdict::Lockout, counts.lockout),
        (Verdict::WrongDenial, counts.wrong_denial),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(_, number)| *number > 0)
        .map(|(verdict, number)| count(*number, verdict.word(), &format!("{}s", verdict.word())))
        .collect();
    let kinds = if kinds.is_empty() {
        String::new()
    } else {
        format!(" ({})", kinds.join(", "))
    };
    let apart = match counts.not_applicable {
        0 => String::new(),
        number => format!(", {} not applicable", grouped(number)),
    };
    format!(
        "{}{kinds}, {} inconclusive{apart}",
        short_outcome(counts),
        grouped(counts.inconclusive)
    )
}

/// `80 held, 7 findings`
pub(crate) fn short_outcome(counts: &Counts) -> String {
    let findings = count(counts.findings(), "finding", "findings");
    format!("{} held, {findings}", grouped(counts.held))
}

/// `2 grants are not in the baseline, 1 of it is gone.`
fn drift(counts: &DriftCounts) -> Option<String> {
    let is = |number: usize| if number == 1 { "is" } else { "are" };
    let gone = counts.denied + counts.vanished;
    let added = grants_added(counts.added);
    match (counts.added, gone) {
        (0, 0) => None,
        (_, 0) => Some(format!("{added}.")),
        (0, _) => {
            let gone_grants = count(gone, "grant", "grants");
            Some(format!("{gone_grants} of the baseline {} gone.", is(gone)))
        }
        _ => Some(format!(
            "{added}, {} of it {} gone.",
            grouped(gone),
            is(gone)
        )),
    }
}

/// `2 grants are not in the baseline`
pub(crate) fn grants_added(number: usize) -> String {
    let is = if number == 1 { "is" } else { "are" };
    format!(
        "{} {is} not in the baseline",
        count(number, "grant", "grants")
    )
}

fn effects_unseen(number: usize) -> String {
    let rest = if number == 1 { "rests" } else { "rest" };
    let denials = count(number, "denial", "denials");
    format!("{denials} {rest} on the answer alone: no view could show an effect.")
}

/// `340 ms`, `1.4 s`, `2 min 5 s`
pub(crate) fn duration(milliseconds: u64) -> String {
    let duration = Duration::from_millis(milliseconds);
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..59_950 => format!("{:.1} s", duration.as_secs_f64()),
        _ => {
            let seconds = (milliseconds + 500) / 1_000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}
