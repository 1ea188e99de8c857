//! Layers that disagree: an action that is tried at several of them is allowed at one and denied at another.

use std::collections::BTreeMap;

use crate::event::{CellRecord, Event, Note};
use crate::verdict::{Access, Verdict};

/// What was seen of each action of each actor, by target.
#[derive(Debug, Default)]
pub struct Layers {
    seen: BTreeMap<(String, String), BTreeMap<String, Layer>>,
}

/// What one layer did.
#[derive(Debug, Default)]
struct Layer {
    escalated: bool,
    locked_out: bool,
    /// It did what is expected, by allowing and by denying.
    allows: bool,
    denies: bool,
    /// Something else was seen, or nothing that can be relied on.
    unclear: bool,
}

impl Layers {
    /// Takes the next event of a run, and gives what is to be told for it: at its end, a note for each
    /// disagreement comes first.
    pub fn follow(&mut self, event: Event) -> Vec<Event> {
        match &event {
            Event::CellJudged(record) => self.judged(record),
            Event::RunFinished(_) => {
                let notes = self.disagreements().into_iter().map(Event::Note);
                return notes.chain([event]).collect();
            }
            _ => {}
        }
        vec![event]
    }

    fn judged(&mut self, record: &CellRecord) {
        let action = (record.actor.clone(), record.action.clone());
        let layers = self.seen.entry(action).or_default();
        let layer = layers.entry(record.target.clone()).or_default();
        match (record.verdict, record.access) {
            (Verdict::Escalation, _) => layer.escalated = true,
            (Verdict::Lockout, _) => layer.locked_out = true,
            (Verdict::Held, Access::Allowed) => layer.allows = true,
            (Verdict::Held, Access::Denied) => layer.denies = true,
            (Verdict::NotApplicable, _) => {}
            _ => layer.unclear = true,
        }
    }

    /// Layers that do what the policy says beside layers that do not. O(cells).
    fn disagreements(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        for ((actor, action), layers) in &self.seen {
            let right = layers.iter().filter(|(_, layer)| layer.is_right());
            for (name, right) in right {
                for (other, wrong) in layers {
                    let text = if wrong.escalated && right.denies {
                        format!(
                            "the layers disagree: `{other}` allows {actor} {action} where `{name}` denies it"
                        )
                    } else if wrong.locked_out && right.allows {
                        format!(
                            "the layers disagree: `{other}` denies {actor} {action} where `{name}` allows it"
                        )
                    } else {
                        continue;
                    };
                    notes.push(Note { text });
                }
            }
        }
        notes
    }
}

impl Layer {
    fn is_right(&self) -> bool {
        !(self.escalated || self.locked_out || self.unclear)
    }
}
