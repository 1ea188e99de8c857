//! What one question has found out so far, so that nothing is asked twice.
//!
//! A result that was found while a relation further up was still open may be another once that one
//! is known. Such a result is kept only as long as that relation is open (the low links of Tarjan's
//! algorithm for strongly connected components), and only if every relation that was closed since
//! turned out to be the cycle that it was taken for.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::check::Value;
use super::plan::RelationId;

/// A relation of an object.
pub(super) type NodeKey = (u32, RelationId);

/// A relation of an object, and whether every way to it was looked at.
type Key = (u32, RelationId, bool);

/// No open relation.
pub(super) const NONE: usize = usize::MAX;

#[derive(Debug, Default)]
pub(super) struct Memo {
    known: HashMap<Key, Known, BuildHasherDefault<KeyHasher>>,
    /// What is known only while a relation further up is open, with the position of that one.
    tentative: Vec<(Key, usize)>,
}

#[derive(Debug, Clone)]
pub(super) enum Known {
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
        self.known.clear();
        self.tentative.clear();
    }

    pub(super) fn get(&self, key: Key) -> Option<&Known> {
        self.known.get(&key)
    }

    pub(super) fn open(&mut self, key: Key, position: usize) -> usize {
        self.known.insert(key, Known::Open(position));
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
                self.known.remove(&key);
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
        self.known.insert(key, known);
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
