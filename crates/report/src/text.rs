//! Text of other people, made harmless; and numbers as people read them.
//!
//! Names, reasons and bodies may come from a hostile system. Nothing of them may steer a terminal
//! or break a document: whatever a report for people prints has gone through [`clean`],
//! [`clean_short`] or [`clean_lines`], and then through whatever the form of the report asks for.

/// The most characters of an observation or a reason that a finding shows.
const CHARS_MAX: usize = 600;

/// The text as one line in which everything that steers a terminal is spelled out.
pub fn clean(text: &str) -> String {
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
pub(crate) fn clean_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| clean(&line.replace('\t', "    ")))
}

/// The text, clean, and cut where nobody reads on.
pub(crate) fn clean_short(text: &str) -> String {
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => clean(text.get(..end).unwrap_or(text)) + " ...",
        None => clean(text),
    }
}

/// A number with its noun: `1 cell`, `5,000 cells`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", grouped(number))
}

/// A number with its thousands set apart.
pub(crate) fn grouped(number: usize) -> String {
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
                // Not to be exchanged, and not allowed in XML.
                | '\u{fffe}'..='\u{ffff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}
