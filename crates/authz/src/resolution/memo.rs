//! What one question has found out so far, so that nothing is asked twice.
//!
//! A result that was found while a relation further up was still open may be another once that one
//! is known. Such a result is kept only as long as that relation is open (the low links of Tarjan's
//! algorithm for strongly connected components), and only if every relation that was closed since
//! turned out to be the cycle that it was taken for.

use std::hash::Hasher;

use super::check::Value;
use super::plan::RelationId;

/// A relation of an object.
pub(super) type NodeKey = (u32, RelationId);

/// A relation of an object, and whether every way to it was looked at.
type Key = (u32, RelationId, bool);

/// No open relation.
pub(super) const NONE: usize = usize::MAX;

/// Slots at the beginning: a power of two.
const SLOTS_MIN: usize = 64;
/// More slots are given back after the question that needed them.
const SLOTS_KEPT: usize = 1 << 14;

/// A hash table with open addressing that is emptied by counting questions. A question that is
/// asked after another of its size allocates nothing.
#[derive(Debug, Default)]
pub(super) struct Memo {
    slots: Vec<Slot>,
    /// The question that slots have to be of; those of earlier ones are free.
    question: u64,
    len: usize,
    /// What is known only while a relation further up is open, with the position of that one.
    tentative: Vec<(Key, usize)>,
}

#[derive(Debug, Clone)]
struct Slot {
    question: u64,
    key: Key,
    known: Known,
}

#[derive(Debug, Clone)]
pub(super) enum Known {
    /// Nothing any more.
    Forgotten,
    /// The relation is being looked at, at this position from the outermost.
    Open(usize),
    /// Its value, at how many hops it was found, and on which open position it depends.
    Value {
        value: Value,
        hops: u32,
        depends_on: usize,
    },
}

impl Memo {
    pub(super) fn clear(&mut self) {
        if self.slots.len() > SLOTS_KEPT {
            *self = Self::default();
        }
        self.question += 1;
        self.len = 0;
        self.tentative.clear();
    }

    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<&Known> {
        let slot = self.slots.get(self.place(key))?;
        (slot.question == self.question).then_some(&slot.known)
    }

    pub(super) fn open(&mut self, key: Key, position: usize) -> usize {
        if (self.len + 1) * 2 > self.slots.len() {
            self.grow();
        }
        self.set(key, Known::Open(position));
        self.tentative.len()
    }

    /// Closes the relation that was opened at `position`, when there were `mark` tentative values.
    pub(super) fn close(
        &mut self,
        key: Key,
        (position, mark): (usize, usize),
        (value, hops, depends_on): (Value, u32, usize),
    ) {
        // What was found while the relation was open took it for a cycle.
        let assumed_right = matches!(value, Value::Cycle);
        let mut kept = mark;
        for at in mark..self.tentative.len() {
            let Some(&(key, depends_on)) = self.tentative.get(at) else {
                break;
            };
            if depends_on >= position || !assumed_right {
                self.set(key, Known::Forgotten);
            } else {
                self.tentative.swap(kept, at);
                kept += 1;
            }
        }
        self.tentative.truncate(kept);
        if depends_on != NONE {
            self.tentative.push((key, depends_on));
        }
        let known = Known::Value {
            value,
            hops,
            depends_on,
        };
        self.set(key, known);
    }

    /// The slot of the key, or the free one where it would be.
    #[inline]
    fn place(&self, key: Key) -> usize {
        let mask = self.slots.len().wrapping_sub(1);
        let mut hasher = KeyHasher::default();
        hasher.write_u32(key.0);
        hasher.write_u32(key.1 << 1 | u32::from(key.2));
        let mut place = usize::try_from(hasher.finish()).unwrap_or_default() & mask;
        while let Some(slot) = self.slots.get(place)
            && slot.question == self.question
            && slot.key != key
        {
            place = (place + 1) & mask;
        }
        place
    }

    #[inline]
    fn set(&mut self, key: Key, known: Known) {
        let place = self.place(key);
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        if slot.question != self.question {
            slot.question = self.question;
            slot.key = key;
            self.len += 1;
        }
        slot.known = known;
    }

    fn grow(&mut self) {
        let empty = Slot {
            question: 0,
            key: (0, 0, false),
            known: Known::Forgotten,
        };
        let slots = vec![empty; SLOTS_MIN.max(self.slots.len() * 2)];
        let old = std::mem::replace(&mut self.slots, slots);
        self.len = 0;
        for slot in old {
            if slot.question == self.question {
                self.set(slot.key, slot.known);
            }
        }
    }
}

/// Mixes two small numbers. They are counted up by ourselves, so that nobody can choose them.
#[derive(Debug, Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u32(u32::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        let mixed =
            (self.0.rotate_left(26) ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}
