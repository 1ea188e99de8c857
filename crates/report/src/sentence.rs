//! What a cell showed, as a sentence: `viewer updates editor's post`.
//!
//! A sentence is made only where it comes out right; other actions are called by their names.

use suite::event::CellRecord;
use suite::plan::MALFORMED;
use suite::verdict::Verdict;

/// The sentence of a judged cell; not clean yet.
pub(crate) fn sentence(record: &CellRecord) -> String {
    let actor = &record.actor;
    let action = &record.action;
    if record.expected.what == "absent" {
        return match record.verdict {
            Verdict::Held => format!("{action} is not there for {actor}"),
            Verdict::Inconclusive => format!("unknown whether {action} is there for {actor}"),
            Verdict::NotApplicable => format!("{actor} is nobody who could look for {action}"),
            Verdict::Leak => format!("{actor} learns that {action} is there"),
            _ => format!("{actor} reaches {action}, which should not be there"),
        };
    }
    if record.expected.what == "rows" {
        return of_rows(record);
    }
    let is_allowed = record.expected.what == "allow";
    match Phrase::of(record) {
        Some(phrase) => spoken(actor, &phrase, record.verdict, is_allowed),
        None => named(record, is_allowed),
    }
}

/// The sentence of a cell that is decided row by row.
fn of_rows(record: &CellRecord) -> String {
    let actor = &record.actor;
    let Some(Phrase { verb, .. }) = Phrase::of(record) else {
        let end = match record.verdict {
            Verdict::Held => "reaches only the rows that it may",
            Verdict::Lockout => "does not reach every row that it may",
            Verdict::Inconclusive => "is not known",
            Verdict::NotApplicable => "is not applicable",
            _ => "reaches rows that it must not",
        };
        return format!("{actor}: {} {end}", record.action);
    };
    let type_name = record.action.split('.').next().unwrap_or_default();
    let rows = plural(type_name);
    let does = third_person(verb);
    match record.verdict {
        Verdict::Held => format!("{actor} {does} only the {rows} that it may"),
        Verdict::Lockout => format!("{actor} cannot {verb} every {type_name} that it may"),
        Verdict::Inconclusive => format!("unknown which {rows} {actor} can {verb}"),
        Verdict::NotApplicable => format!("{actor} is nobody who could {verb} {rows}"),
        _ => format!("{actor} {does} {rows} that it must not"),
    }
}

/// A verb with its object.
struct Phrase<'a> {
    verb: &'a str,
    object: String,
    is_on_instance: bool,
}

impl<'a> Phrase<'a> {
    /// The phrase of a cell, if its type and its action are plain words.
    fn of(record: &'a CellRecord) -> Option<Self> {
        let (type_name, verb) = record.action.split_once('.')?;
        (is_word(type_name) && is_word(verb)).then(|| Self {
            verb,
            object: object(record, type_name, verb),
            is_on_instance: record.owner.is_some(),
        })
    }
}

fn object(record: &CellRecord, type_name: &str, verb: &str) -> String {
    let object = match &record.owner {
        Some(owner) if *owner == record.actor => format!("its own {type_name}"),
        Some(owner) => format!("{owner}'s {type_name}"),
        None if matches!(verb, "list" | "search" | "count" | "export") => plural(type_name),
        None => with_article(type_name),
    };
    object + with_situation(record)
}

/// In what the call was particular.
fn with_situation(record: &CellRecord) -> &'static str {
    match record.situation.as_deref() {
        Some(MALFORMED) => " with a malformed body",
        _ => "",
    }
}

fn spoken(actor: &str, phrase: &Phrase<'_>, verdict: Verdict, is_allowed: bool) -> String {
    let Phrase { verb, object, .. } = phrase;
    let does = || format!("{actor} {} {object}", third_person(verb));
    let cannot = || format!("{actor} cannot {verb} {object}");
    match (verdict, is_allowed) {
        (Verdict::Held, true) | (Verdict::Escalation, false) => does(),
        (Verdict::Escalation, true) => does() + ", and changes what it must not",
        (Verdict::Held, false) | (Verdict::Lockout, _) => cannot(),
        (Verdict::Leak, true) => does() + ", and sees too much",
        (Verdict::Leak, false) if phrase.is_on_instance => cannot() + ", but learns of it",
        (Verdict::Leak, false) => cannot() + ", but is told too much",
        (Verdict::SideEffect, _) => cannot() + ", but it happens",
        (Verdict::WrongDenial, _) => cannot() + ", but is refused in the wrong way",
        (Verdict::Inconclusive, _) => format!("unknown whether {actor} can {verb} {object}"),
        (Verdict::NotApplicable, _) => format!("{actor} is nobody who could {verb} {object}"),
    }
}

fn named(record: &CellRecord, is_allowed: bool) -> String {
    let end = match (record.verdict, is_allowed) {
        (Verdict::Escalation, true) => " changes what it must not",
        (Verdict::Held, true) | (Verdict::Escalation, false) => " is allowed",
        (Verdict::Held, false) | (Verdict::Lockout, _) => " is refused",
        (Verdict::Leak, true) => " shows too much",
        (Verdict::Leak, false) => " is refused, but tells of it",
        (Verdict::SideEffect, _) => " is refused, but happens",
        (Verdict::WrongDenial, _) => " is refused in the wrong way",
        (Verdict::Inconclusive, _) => " is not known",
        (Verdict::NotApplicable, _) => " is not applicable",
    };
    let what = row_name(&record.action, record.owner.as_deref());
    let with = with_situation(record);
    let by = record.caller.as_ref();
    let by = by.map_or_else(String::new, |caller| format!(" by {caller}"));
    format!("{}: {what}{by}{with}{end}", record.actor)
}

/// The name of a row of the matrix: `post.update of editor`.
pub(crate) fn row_name(action: &str, owner: Option<&str>) -> String {
    match owner {
        Some(owner) => format!("{action} of {owner}"),
        None => action.to_owned(),
    }
}

fn is_word(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn third_person(verb: &str) -> String {
    let hisses = ["s", "x", "z", "ch", "sh", "o"];
    if hisses.iter().any(|end| verb.ends_with(end)) {
        return format!("{verb}es");
    }
    with_s(verb)
}

fn plural(noun: &str) -> String {
    let hisses = ["ss", "x", "z", "ch", "sh"];
    if hisses.iter().any(|end| noun.ends_with(end)) {
        return format!("{noun}es");
    }
    // `posts` and `news` are plurals already.
    if noun.ends_with('s') {
        return noun.to_owned();
    }
    with_s(noun)
}

fn with_s(word: &str) -> String {
    match word.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{word}s"),
    }
}

fn with_article(noun: &str) -> String {
    if noun.ends_with('s') && !noun.ends_with("ss") {
        return noun.to_owned();
    }
    // `u` is most often that of `user` and `unit`.
    let article = if noun.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {noun}")
}
