//! What a decision depends on of all that its rules say.

use crate::condition::Truth;

/// All that the outcome of a decision depends on of what its rules say, whatever the combining
/// algorithm and the gate: combining keeps the first member, and of each value whether there is one;
/// behind a closed gate, rules that permit are not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sayings {
    first: Option<Saying>,
    first_denial: Option<Saying>,
    permits: bool,
    denies: bool,
    could_permit: bool,
    could_deny: bool,
}

/// Whether it permits, and whether it could only not be said.
type Saying = (bool, bool);

impl Sayings {
    /// Adds what the condition of the next rule comes to.
    #[must_use]
    pub fn with(mut self, permits: bool, condition: Truth) -> Self {
        let is_open = match condition {
            Truth::True => false,
            Truth::Error => true,
            Truth::False | Truth::Absent => return self,
        };
        self.first.get_or_insert((permits, is_open));
        if !permits {
            self.first_denial.get_or_insert((permits, is_open));
        }
        let kept = match (permits, is_open) {
            (true, false) => &mut self.permits,
            (false, false) => &mut self.denies,
            (true, true) => &mut self.could_permit,
            (false, true) => &mut self.could_deny,
        };
        *kept = true;
        self
    }
}
