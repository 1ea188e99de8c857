//! Text of other people, made harmless and fitted into columns.
//!
//! Names, reasons and bodies may come from a hostile system. Nothing of them may steer the
//! terminal: whatever is printed has gone through [`clean`] or [`clean_lines`].

use unicode_width::UnicodeWidthChar as _;

/// The most characters of an observation or a reason that a finding shows.
const CHARS_MAX: usize = 600;

/// A text beside something needs this many columns.
const ROOM_MIN: usize = 20;

/// The text as one line in which everything that steers a terminal is spelled out.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            cleaned.extend(character.escape_default());
        } else {
            cleaned.push(character);
        }
    }
    cleaned
}

/// The lines of a text, each clean; a tab is four spaces.
pub(super) fn clean_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| clean(&line.replace('\t', "    ")))
}

/// The text, clean, and cut where nobody reads on.
pub(super) fn clean_short(text: &str) -> String {
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => clean(text.get(..end).unwrap_or(text)) + " ...",
        None => clean(text),
    }
}

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

/// A number with its noun: `1 cell`, `5,000 cells`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", grouped(number))
}

/// A number with its thousands set apart.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn take_line(line: &mut String) -> String {
    std::mem::take(line).trim_end().to_owned()
}

/// Controls, and the invisible characters that reorder or break what stands around them.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

fn char_width(character: char) -> usize {
    character.width().unwrap_or(0)
}
