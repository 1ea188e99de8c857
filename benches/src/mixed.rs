//! Cells as a real suite has them: half of them denials with control and views, a quarter of them
//! changing something, each of these on a resource of its own.

use std::fmt::Write as _;
use std::time::Duration;

use crate::measure::{Report, median};
use crate::{CONCURRENCY, ROUNDS, peers, subject, timed};

/// As many may write as may not: half of the cells are denials.
const WRITERS: usize = 25;
const READS: usize = 30;
const UPDATES: usize = 10;
const CELLS: usize = 2 * WRITERS * (READS + UPDATES);

/// Measures the suite against the bare loop making as many exchanges; how many goals were missed.
///
/// # Errors
/// A side fails, or a cell does not hold.
pub(crate) fn run() -> anyhow::Result<usize> {
    let base = subject::serve()?;
    let text = suite_text(&base);
    let runtime = tokio::runtime::Runtime::new()?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    let mut exchanges = 0;
    for _ in 0..ROUNDS {
        ours.push(seconds(timed(|| {
            let summary = runtime.block_on(peers::run(peers::read(&text, None)?, CELLS))?;
            exchanges = usize::try_from(summary.requests)?;
            Ok(())
        })?));
        floor.push(seconds(timed(|| {
            runtime.block_on(peers::bare_loop(&base, exchanges))
        })?));
    }
    let (ours, floor) = (median(ours), median(floor));
    let mut report = Report::default();
    Report::note(
        "mixed",
        &format!(
            "{CELLS} cells, {exchanges} exchanges, {CONCURRENCY} at once, median of {ROUNDS} \
             rounds: {:.0} ms, bare loop {:.0} ms",
            ours * 1e3,
            floor * 1e3
        ),
    );
    report.at_least("mixed cells, to the bare loop", floor / ours, 0.5);
    Ok(report.missed())
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn suite_text(base: &str) -> String {
    let names = |kind: &str| {
        (0..WRITERS)
            .map(|n| format!("{kind}{n}"))
            .collect::<Vec<_>>()
    };
    let (writers, readers) = (names("writer"), names("reader"));
    let mut text = format!(
        "version: 1\n\
         targets: {{ api: {{ http: \"{base}\" }} }}\n\
         sessions: {{ key: {{ bearer: \"{{{{ actor.key }}}}\" }} }}\n\
         actors:\n"
    );
    for actor in writers.iter().chain(&readers) {
        let _ = writeln!(text, "  {actor}: {{ session: key, key: {actor} }}");
    }
    text.push_str(
        "resources:
  note:
    on: api
    owners: [writer0]
    create: { as: owner, POST: /notes, json: { title: \"canary {{ unique }}\" }, id: $.id }
    remove: { as: owner, DELETE: \"/notes/{{ note.id }}\" }
    views: { body: { as: owner, GET: \"/notes/{{ note.id }}\" } }
actions:
  note:
",
    );
    for read in 0..READS {
        let _ = writeln!(
            text,
            "    read{read}: {{ api: {{ GET: \"/notes/{{{{ note.id }}}}?n={read}\", shows: body }} }}"
        );
    }
    for update in 0..UPDATES {
        let _ = writeln!(
            text,
            "    update{update}: {{ api: {{ PUT: \"/notes/{{{{ note.id }}}}?n={update}\", \
             json: {{ title: \"changed {{{{ unique }}}}\" }}, \
             effect: {{ body: {{ $.title: \"changed {{{{ unique }}}}\" }} }} }} }}"
        );
    }
    let columns: Vec<&str> = writers.iter().chain(&readers).map(String::as_str).collect();
    let _ = writeln!(text, "expect: |\n  action  {}", columns.join("  "));
    let places = [vec!["allow"; WRITERS], vec!["403"; WRITERS]]
        .concat()
        .join("  ");
    let actions = (0..READS).map(|n| format!("read{n}"));
    for action in actions.chain((0..UPDATES).map(|n| format!("update{n}"))) {
        let _ = writeln!(text, "  note.{action} of writer0  {places}");
    }
    text
}
