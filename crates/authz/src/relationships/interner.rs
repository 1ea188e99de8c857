//! From names to small numbers: a hash trie whose clones share what they have in common. It holds
//! the numbers only; the names stand where the numbers point.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

const BITS: u32 = 5;
/// Levels that a hash of 64 bits suffices for; numbers with one and the same hash lie below.
const LEVELS: u32 = 64 / BITS;

#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    root: Arc<Node>,
}

/// The children that exist, in the order of the bits that are set.
#[derive(Debug, Clone, Default)]
struct Node {
    bits: u32,
    slots: Vec<Slot>,
}

#[derive(Debug, Clone)]
enum Slot {
    One(u64, u32),
    Same(Arc<Vec<u32>>),
    Deeper(Arc<Node>),
}

/// The hash of a name: the same in every process, so that nothing depends on the run.
pub(super) fn hash(type_name: u32, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (type_name, id).hash(&mut hasher);
    hasher.finish()
}

impl Interner {
    /// The number with this hash for which `is` holds.
    pub(super) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mut node = &self.root;
        let mut level = 0;
        loop {
            let bit = bit(hash, level);
            if node.bits & bit == 0 {
                return None;
            }
            match node.slots.get(position(node.bits, bit))? {
                Slot::One(other, number) => {
                    return (*other == hash && is(*number)).then_some(*number);
                }
                Slot::Same(numbers) => return numbers.iter().copied().find(|it| is(*it)),
                Slot::Deeper(deeper) => node = deeper,
            }
            level += 1;
        }
    }

    /// Adds a number that is not in it yet.
    pub(super) fn insert(&mut self, hash: u64, number: u32) {
        let mut node = Arc::make_mut(&mut self.root);
        let mut level = 0;
        loop {
            let bit = bit(hash, level);
            let at = position(node.bits, bit);
            if node.bits & bit == 0 {
                let slot = if level >= LEVELS {
                    Slot::Same(Arc::new(vec![number]))
                } else {
                    Slot::One(hash, number)
                };
                node.bits |= bit;
                node.slots.insert(at, slot);
                return;
            }
            let Some(slot) = node.slots.get_mut(at) else {
                return;
            };
            if let Slot::One(other_hash, other) = *slot {
                *slot = Slot::Deeper(Arc::new(only(other_hash, other, level + 1)));
            }
            match slot {
                Slot::Deeper(deeper) => node = Arc::make_mut(deeper),
                Slot::Same(numbers) => return Arc::make_mut(numbers).push(number),
                Slot::One(..) => return,
            }
            level += 1;
        }
    }
}

/// A node of this level with one number.
fn only(hash: u64, number: u32, level: u32) -> Node {
    let slot = if level >= LEVELS {
        Slot::Same(Arc::new(vec![number]))
    } else {
        Slot::One(hash, number)
    };
    Node {
        bits: bit(hash, level),
        slots: vec![slot],
    }
}

/// The bit of the hash's part for this level; the last level holds all that is left.
fn bit(hash: u64, level: u32) -> u32 {
    let part = hash.checked_shr(BITS * level).unwrap_or(0) & ((1 << BITS) - 1);
    1 << part
}

fn position(bits: u32, bit: u32) -> usize {
    (bits & (bit - 1)).count_ones() as usize
}
