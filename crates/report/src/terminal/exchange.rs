//! Every request and answer of one cell, for `lockstep repeat`.
//!
//! Shown as they were: a line is a line, however long, so that it can be copied. Only what would
//! steer the terminal is spelled out.

use suite::event::{AnswerRecord, BODY_CHARS_MAX, CellRecord, Exchange};

use super::Style;
use super::block::{Block, Columns};
use super::finding;
use super::paint::{Ink, Paint};
use crate::finding::Finding;
use crate::text::{clean, clean_lines, grouped};

/// Every request of a judged cell with its answer, in order, and then the verdict.
pub fn exchanges(record: &CellRecord, style: Style) -> String {
    let paint = style.paint();
    let mut text = String::new();
    for (index, exchange) in record.exchanges.iter().enumerate() {
        text += &title(index + 1, exchange, paint);
        text += &request(exchange, paint);
        text += &answer(&exchange.answer, paint);
        text.push('\n');
    }
    text + &verdict(record, style)
}

fn title(number: usize, exchange: &Exchange, paint: Paint) -> String {
    let purpose = clean(&exchange.purpose);
    let actor = match &exchange.actor {
        Some(actor) => format!(", as {}", clean(actor)),
        None => ", without credential".to_owned(),
    };
    paint.ink(Ink::Strong, &format!("{number}. {purpose}{actor}")) + "\n"
}

fn request(exchange: &Exchange, paint: Paint) -> String {
    let line = format!("{} {}", clean(&exchange.method), clean(&exchange.url));
    let mut text = sent(&paint.ink(Ink::Strong, &line), paint);
    text += &message(&exchange.headers, exchange.body.as_deref(), |line| {
        sent(line, paint)
    });
    text
}

fn answer(answer: &AnswerRecord, paint: Paint) -> String {
    match answer {
        AnswerRecord::Answered {
            status,
            headers,
            body,
        } => {
            let status = paint.ink(status_ink(*status), &status.to_string());
            received(&status, paint)
                + &message(headers, Some(body), |line| received(line, paint))
                + &cut(body, paint)
        }
        AnswerRecord::Returned(words) => received(&clean(words), paint),
        AnswerRecord::Failed(why) => {
            let why = format!("no answer: {}", clean(why));
            received(&paint.ink(Ink::Unsure, &why), paint)
        }
    }
}

/// Headers, an empty line, the body; each line as `line` writes it.
fn message(
    headers: &[(String, String)],
    body: Option<&str>,
    line: impl Fn(&str) -> String,
) -> String {
    let mut text = String::new();
    for (name, value) in headers {
        text += &line(&format!("{}: {}", clean(name), clean(value)));
    }
    if let Some(body) = body.filter(|body| !body.is_empty()) {
        text += &line("");
        text.extend(clean_lines(body).map(|body_line| line(&body_line)));
    }
    text
}

/// Says that the recorded body is only the beginning of the one that came.
fn cut(body: &str, paint: Paint) -> String {
    if body.chars().nth(BODY_CHARS_MAX - 1).is_none() {
        return String::new();
    }
    let most = grouped(BODY_CHARS_MAX);
    let note = format!("(recorded up to {most} characters)");
    received(&paint.ink(Ink::Faint, &note), paint)
}

fn verdict(record: &CellRecord, style: Style) -> String {
    let found = Finding::of(record, None);
    let columns = Columns::fit(style.columns(), std::iter::once(finding::widths(&found)));
    let mut block = Block::new(columns, style.paint());
    finding::write_judgement(&found, &mut block);
    block.into_text()
}

fn sent(line: &str, paint: Paint) -> String {
    marked(">", line, paint)
}

fn received(line: &str, paint: Paint) -> String {
    marked("<", line, paint)
}

fn marked(mark: &str, line: &str, paint: Paint) -> String {
    let mark = paint.ink(Ink::Faint, mark);
    format!("   {}\n", format!("{mark} {line}").trim_end())
}

fn status_ink(status: u16) -> Ink {
    match status {
        200..300 => Ink::Good,
        500.. => Ink::Harm,
        _ => Ink::Wrong,
    }
}
