//! A finding as people read it: a sentence, what was expected and seen, and how to try it again.

use suite::event::{CellRecord, ControlRecord, ExpectedRecord};
use suite::verdict::Verdict;

use super::block::Block;
use super::paint::Ink;
use super::sentence::sentence;
use super::text::{clean, clean_lines, clean_short, pad, width};

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

/// What is shown of a judged cell. Every text in it is clean.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) cell: String,
    pub(super) place: String,
    sentence: String,
    expected: Said,
    observed: String,
    because: Option<String>,
    control: Option<String>,
    repeat: Vec<String>,
}

/// What was expected, and who says so.
#[derive(Debug, Clone)]
pub(super) struct Said {
    what: String,
    reason: String,
    place: String,
}

impl Finding {
    /// What is shown of `record`.
    pub(super) fn of(record: &CellRecord) -> Self {
        let mut repeat = vec![format!("lockstep repeat {}", quoted(&clean(&record.cell)))];
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
            expected: Said::of(&record.expected, record.verdict),
            because: because
                .filter(|because| *because != observed && !ADDS_NOTHING.contains(&&**because)),
            observed,
            control: record.control.as_ref().map(control),
            repeat,
        }
    }

    /// Worst first, then by name: the order does not depend on which answer came first.
    pub(super) fn rank(&self) -> (u8, &str) {
        (severity(self.verdict), &self.cell)
    }

    /// The widths of the left texts and of the two on the right: place and name.
    pub(super) fn widths(&self) -> (usize, usize, usize) {
        let left = width(&self.sentence).max(self.expected.width());
        let place = width(&self.place).max(width(&self.expected.place));
        (left, place, width(&self.cell))
    }

    /// Writes the finding into a block.
    pub(super) fn write(&self, block: &mut Block) {
        self.write_judgement(block);
        for (index, line) in self.repeat.iter().enumerate() {
            let label = if index == 0 { "repeat" } else { "" };
            block.verbatim(label, line);
        }
    }

    /// Writes all but how to try it again.
    pub(super) fn write_judgement(&self, block: &mut Block) {
        let verdict = self.verdict.word().to_uppercase();
        block.head(
            &verdict,
            Ink::of(self.verdict),
            &self.sentence,
            &self.place,
            &self.cell,
        );
        self.expected.write(block);
        block.row("observed", "", &self.observed, "");
        if let Some(because) = &self.because {
            block.row("because", "", because, "");
        }
        if let Some(control) = &self.control {
            block.row("control", "", control, "");
        }
    }
}

impl Said {
    /// What was expected; the kind of a denial is told where it matters.
    pub(super) fn of(expected: &ExpectedRecord, verdict: Verdict) -> Self {
        let kind = expected
            .denial
            .as_deref()
            .filter(|kind| *kind != "forbidden" || verdict == Verdict::WrongDenial);
        let what = match kind {
            Some(kind) => format!("{} as {kind}", expected.what),
            None => expected.what.clone(),
        };
        Self {
            what: pad(&clean(&what), "allow".len()),
            reason: format!("({})", clean_short(&expected.reason)),
            place: expected
                .place
                .as_ref()
                .map(|place| clean(&place.to_string()))
                .unwrap_or_default(),
        }
    }

    /// Writes the line `expected`.
    pub(super) fn write(&self, block: &mut Block) {
        let lead = format!("{}  ", self.what);
        block.row("expected", &lead, &self.reason, &self.place);
    }

    fn width(&self) -> usize {
        width(&self.what) + 2 + width(&self.reason)
    }
}

/// How grave a verdict is; 0 is the gravest.
pub(super) fn severity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Escalation => 0,
        Verdict::SideEffect => 1,
        Verdict::Leak => 2,
        Verdict::Lockout => 3,
        Verdict::WrongDenial => 4,
        Verdict::Inconclusive => 5,
        Verdict::Held => 6,
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
