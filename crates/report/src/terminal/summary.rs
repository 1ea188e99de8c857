//! The last lines: what was measured, and nothing else.

use std::time::Duration;

use suite::event::{Counts, Summary};
use suite::verdict::Verdict;

use super::paint::{Ink, Paint};
use super::text::{count, grouped, width, wrap};

/// The summary of a run that was to judge `planned` cells.
pub(super) fn summary(summary: &Summary, planned: usize, columns: usize, paint: Paint) -> String {
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
    let requests = usize::try_from(summary.requests).unwrap_or(usize::MAX);
    sentences.push(format!(
        "{} in {}.",
        count(requests, "request", "requests"),
        duration(summary.duration_ms)
    ));
    let ink = ink(summary);
    let lines = fill(&sentences, columns);
    lines
        .iter()
        .map(|line| paint.ink(ink, line) + "\n")
        .collect()
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
    format!(
        "{}{kinds}, {} inconclusive",
        short_outcome(counts),
        grouped(counts.inconclusive)
    )
}

/// `80 held, 7 findings`
pub(super) fn short_outcome(counts: &Counts) -> String {
    let findings = count(counts.findings(), "finding", "findings");
    format!("{} held, {findings}", grouped(counts.held))
}

fn effects_unseen(number: usize) -> String {
    let rest = if number == 1 { "rests" } else { "rest" };
    let denials = count(number, "denial", "denials");
    format!("{denials} {rest} on the answer alone: no view could show an effect.")
}

/// `340 ms`, `1.4 s`, `2 min 5 s`
pub(super) fn duration(milliseconds: u64) -> String {
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

/// Sentences side by side, two spaces between them, where they fit.
fn fill(sentences: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for sentence in sentences {
        match lines.last_mut() {
            Some(line) if width(line) + 2 + width(sentence) <= columns => {
                line.push_str("  ");
                line.push_str(sentence);
            }
            _ => lines.extend(wrap(sentence, columns)),
        }
    }
    lines
}

fn ink(summary: &Summary) -> Ink {
    if summary.counts.findings() > 0 {
        Ink::Harm
    } else if summary.counts.inconclusive > 0 || summary.interrupted {
        Ink::Unsure
    } else {
        Ink::Good
    }
}
