//! What every report for people says of a judged cell.

use suite::event::{CellRecord, ControlRecord, ExpectedRecord};
use suite::verdict::Verdict;

use crate::sentence::sentence;
use crate::text::{clean, clean_lines, clean_short};

/// Reasons of the judge that only repeat what the verdict means.
const ADDS_NOTHING: [&str; 8] = [
    "allowed",
    "denied",
    "concealed",
    "absent",
    "allowed, and should not be",
    "refused, and should not be",
    "refused, but it happened",
    "refused, but in the wrong way",
];

/// The most characters of commands in a report that is kept until the run is over.
const REPEAT_CHARS_MAX: usize = 4_000;

/// What is said of a judged cell. Every text in it is clean, and is one line.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    pub(crate) cell: String,
    /// Where the action is declared: `file:line`.
    pub(crate) place: String,
    pub(crate) sentence: String,
    pub(crate) expected: Expected,
    pub(crate) observed: String,
    /// Why, where `observed` does not say it all.
    pub(crate) because: Option<String>,
    /// The control, how it came out and in what it differs.
    pub(crate) control: Option<String>,
    /// The lines of the commands that try it again.
    pub(crate) repeat: Vec<String>,
}

/// What was expected, and who says so.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    /// `allow`, `deny as concealed`, ...
    pub(crate) what: String,
    pub(crate) reason: String,
    /// `file:line`; empty where no file says so.
    pub(crate) place: String,
}

impl Finding {
    /// What is said of `record`, a cell of a run in this environment.
    pub(crate) fn of(record: &CellRecord, environment: Option<&str>) -> Self {
        let environment = environment
            .map(|name| format!("--env {} ", quoted(&clean(name))))
            .unwrap_or_default();
        let cell = quoted(&clean(&record.cell));
        let mut repeat = vec![format!("lockstep repeat {environment}{cell}")];
        if let Some(curl) = &record.curl {
            repeat.extend(clean_lines(curl));
        }
        let because = record.because.as_deref().map(clean_short);
        let observed = clean_short(&record.observed);
        Self {
            verdict: record.verdict,
            cell: clean(&record.cell),
            place: clean(&record.place.to_string()),
            sentence: clean(&sentence(record)),
            expected: Expected::of(&record.expected, record.verdict),
            because: because
                .filter(|because| *because != observed && !ADDS_NOTHING.contains(&&**because)),
            observed,
            control: record.control.as_ref().map(control),
            repeat,
        }
    }

    /// The commands, without those that only few could read.
    pub(crate) fn repeat_short(&self) -> &[String] {
        let chars: usize = self.repeat.iter().map(|line| line.chars().count()).sum();
        match chars > REPEAT_CHARS_MAX {
            true => self.repeat.get(..1).unwrap_or_default(),
            false => &self.repeat,
        }
    }

    /// Worst first, then by name: the order does not depend on which answer came first.
    pub(crate) fn rank(&self) -> (u8, &str) {
        (severity(self.verdict), &self.cell)
    }
}

impl Expected {
    /// What was expected; the kind of a denial is told where it matters.
    pub(crate) fn of(expected: &ExpectedRecord, verdict: Verdict) -> Self {
        let kind = expected
            .denial
            .as_deref()
            .filter(|kind| *kind != "forbidden" || verdict == Verdict::WrongDenial);
        let what = match kind {
            Some(kind) => format!("{} as {kind}", expected.what),
            None => expected.what.clone(),
        };
        let place = expected.place.as_ref().map(ToString::to_string);
        Self {
            what: clean(&what),
            reason: clean_short(&expected.reason),
            place: clean(&place.unwrap_or_default()),
        }
    }
}

/// How grave a verdict is; 0 is the gravest.
pub(crate) fn severity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Escalation => 0,
        Verdict::SideEffect => 1,
        Verdict::Leak => 2,
        Verdict::Lockout => 3,
        Verdict::WrongDenial => 4,
        Verdict::Inconclusive => 5,
        Verdict::NotApplicable => 6,
        Verdict::Held => 7,
    }
}

fn control(control: &ControlRecord) -> String {
    let cell = clean(&control.cell);
    let outcome = if control.succeeded {
        "succeeded"
    } else {
        "failed"
    };
    format!(
        "{cell} {outcome}; differs in {}",
        clean(&control.differs_in)
    )
}

/// A word as a POSIX shell takes it for one (XCU 2.2).
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:=@%,".contains(&byte);
    if word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
