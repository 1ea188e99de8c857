//! A difference as Markdown, for a pull request.

use std::fmt::Write as _;

use super::show::{example, reach, summary, whose};
use super::{Change, Diff, Line};

/// A difference as Markdown: a table for each way, and one example for each line.
pub fn markdown(diff: &Diff) -> String {
    let mut text = "## Who may do what, in effect\n\n".to_owned();
    let _ = writeln!(text, "{}", summary(diff));
    for why in &diff.bounds {
        let _ = writeln!(text, "- {}", escaped(why));
    }
    for (change, title) in [
        (Change::Widening, "Allowed now"),
        (Change::Narrowing, "No longer allowed"),
        (Change::Other, "Denied otherwise"),
    ] {
        let lines: Vec<&Line> = diff.of(change).collect();
        if lines.is_empty() {
            continue;
        }
        let _ = write!(
            text,
            "\n### {title}\n\n| may | who | before | after | reach | for example |\n|---|---|---|---|---|---|\n"
        );
        for line in lines {
            row(&mut text, line);
        }
    }
    text
}

fn row(text: &mut String, line: &Line) {
    let cells = [
        format!(
            "{} {}{}",
            line.actions.join(", "),
            line.type_name,
            whose(line)
        ),
        line.whom(),
        format!("{}: {}", line.old.answer, line.old.reason),
        format!("{}: {}", line.new.answer, line.new.reason),
        reach(line).unwrap_or_else(|| "-".to_owned()),
        example(line),
    ];
    let cells = cells.map(|cell| escaped(&cell));
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

/// Text that means nothing to Markdown.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '|' | '\\' | '*' | '_' | '[' | ']' | '#' => safe.extend(['\\', c]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
