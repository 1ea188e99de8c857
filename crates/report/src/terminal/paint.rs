//! Colour, and only where it is wanted.

use suite::verdict::Verdict;

/// What a text is to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Nothing special.
    Plain,
    /// As it should be.
    Good,
    /// It happened, and should not have.
    Harm,
    /// Wrong in another way.
    Wrong,
    /// Not known.
    Unsure,
    /// Stands out.
    Strong,
    /// Stands back.
    Faint,
}

impl Ink {
    /// The ink of a verdict.
    pub(super) fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Held => Self::Good,
            Verdict::Escalation | Verdict::SideEffect | Verdict::Leak => Self::Harm,
            Verdict::Lockout | Verdict::WrongDenial => Self::Wrong,
            Verdict::Inconclusive | Verdict::NotApplicable => Self::Unsure,
        }
    }

    /// Select Graphic Rendition (ECMA-48, 8.3.117).
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "32",
            Self::Harm => "1;31",
            Self::Wrong => "1;35",
            Self::Unsure => "33",
            Self::Strong => "1",
            Self::Faint => "2",
        }
    }
}

/// Paints, or leaves it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    /// Whether colour is wanted.
    pub(super) colour: bool,
}

impl Paint {
    /// The text in an ink. `text` must be clean already.
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        if self.colour && ink != Ink::Plain && !text.is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", ink.code())
        } else {
            text.to_owned()
        }
    }
}
