//! A difference as text for people.

use std::fmt::Write as _;

use super::request::Told;
use super::{Change, Diff, Line};

/// The column at which places stand, where there is room.
const PLACES: usize = 72;

/// A difference as text, what is allowed now first.
pub fn text(diff: &Diff) -> String {
    let mut text = String::new();
    for (change, title) in [
        (Change::Widening, "DENY -> ALLOW"),
        (Change::Narrowing, "ALLOW -> DENY"),
        (Change::Other, "OTHERWISE"),
    ] {
        let lines: Vec<&Line> = diff.of(change).collect();
        if lines.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{title}");
        for line in lines {
            one(&mut text, line);
        }
        text.push('\n');
    }
    text.push_str(&summary(diff));
    text.push('\n');
    for why in &diff.bounds {
        let _ = writeln!(text, "  {why}");
    }
    text
}

/// "2 widened, 1 narrowed, 0 otherwise changed", or that there is nothing.
pub(super) fn summary(diff: &Diff) -> String {
    let count = |change| diff.of(change).count();
    let found = format!(
        "{} widened, {} narrowed, {} denied otherwise",
        count(Change::Widening),
        count(Change::Narrowing),
        count(Change::Other)
    );
    match (diff.lines.is_empty(), diff.bounds.is_empty()) {
        (true, true) => "no effective difference".to_owned(),
        (true, false) => "no difference was found, but not everything was searched:".to_owned(),
        (false, true) => found,
        (false, false) => format!("{found}; not everything was searched:"),
    }
}

fn one(text: &mut String, line: &Line) {
    let _ = writeln!(
        text,
        "  {} {}: {}{}",
        line.actions.join(", "),
        line.type_name,
        line.whom(),
        whose(line)
    );
    let _ = writeln!(text, "    example  {}", example(line));
    told(text, "before", &line.old);
    told(text, "after", &line.new);
    if let Some(reach) = reach(line) {
        let _ = writeln!(text, "    reach    {reach}");
    }
}

/// The example with its time, where times matter.
pub(super) fn example(line: &Line) -> String {
    match line.depends_on_time {
        true => format!("{}, at {}", line.example, line.example.at),
        false => line.example.to_string(),
    }
}

pub(super) fn whose(line: &Line) -> String {
    match line.of.is_empty() {
        true => String::new(),
        false => format!("   of {}", line.of.join(", of ")),
    }
}

/// "2 subjects, 3 resources of the facts"
pub(super) fn reach(line: &Line) -> Option<String> {
    let reach = line.reach?;
    let at_least = if reach.at_least { "at least " } else { "" };
    let subjects = counted(reach.subjects, "subject");
    let resources = counted(reach.resources, "resource");
    Some(format!("{at_least}{subjects}, {resources} of the facts"))
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

fn told(text: &mut String, when: &str, told: &Told) {
    let said = format!("    {when:7}  {}: {}", told.answer, told.reason);
    match &told.place {
        Some(place) => drop(writeln!(text, "{said:PLACES$}  {}", place)),
        None => drop(writeln!(text, "{said}")),
    }
}
