//! Text fitted into columns.

use unicode_width::UnicodeWidthChar as _;

/// A text beside something needs this many columns.
const ROOM_MIN: usize = 20;

/// The columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// The text with spaces behind it, up to `columns`.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// The text in lines of at most `columns`, broken at spaces where there are any.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    wrap_behind(0, text, columns)
}

/// The same, where `used` columns of the first line are taken already.
pub(super) fn wrap_behind(used: usize, text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut at = used;
    for word in text.split_inclusive(' ') {
        let fits = at + width(word.trim_end()) <= columns;
        if !fits && at > 0 {
            lines.push(take_line(&mut line));
            at = 0;
        }
        if at == 0 && word == " " && !lines.is_empty() {
            continue;
        }
        for character in word.chars() {
            let more = char_width(character);
            if at + more > columns && character != ' ' && at > 0 {
                lines.push(take_line(&mut line));
                at = 0;
            }
            line.push(character);
            at += more;
        }
    }
    lines.push(take_line(&mut line));
    lines
}

/// `start`, which takes `at` columns, and behind it a text in lines that hang below their first.
/// Where there is no room beside `start`, the text goes below it.
pub(super) fn hang(start: &str, at: usize, text: &str, columns: usize) -> String {
    let (at, mut before) = if at + ROOM_MIN > columns && width(text) > ROOM_MIN {
        (4, format!("{}\n    ", start.trim_end()))
    } else {
        (at, start.to_owned())
    };
    let mut lines = String::new();
    for line in wrap(text, columns.saturating_sub(at).max(1)) {
        lines += format!("{before}{line}").trim_end();
        lines.push('\n');
        before = " ".repeat(at);
    }
    lines
}

fn take_line(line: &mut String) -> String {
    std::mem::take(line).trim_end().to_owned()
}

fn char_width(character: char) -> usize {
    character.width().unwrap_or(0)
}
