//! From names to small numbers: a hash trie whose clones share what they have in common. It holds
//! the numbers only; the names stand where the numbers point.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

const BITS: u32 = 5;
const WIDTH: usize = 1 << BITS;
/// Levels of branches that a hash suffices for. Ids that agree in 30 bits of it are searched one
/// after the other; to find 10,000 of them takes some 10^13 attempts.
const LEVELS: u32 = 32 / BITS;
/// A leaf with more numbers becomes a branch.
const LEAF_MAX: usize = 32;

#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    root: Node,
}

#[derive(Debug, Clone)]
enum Node {
    Leaf(Arc<[Entry]>),
    Branch(Arc<[Node; WIDTH]>),
}

/// A number, with the hash of its name.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    number: u32,
}

impl Default for Node {
    fn default() -> Self {
        Self::Leaf(Arc::default())
    }
}

/// The hash of a name: the same in every process, so that nothing depends on the run.
pub(super) fn hash(type_name: u32, id: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    (type_name, id).hash(&mut hasher);
    let folded = hasher.finish() & u64::from(u32::MAX);
    u32::try_from(folded).unwrap_or_default()
}

impl Interner {
    /// The number with this hash for which `is` holds.
    pub(super) fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mut node = &self.root;
        let mut level = 0;
        loop {
            match node {
                Node::Branch(children) => node = children.get(slot(hash, level))?,
                Node::Leaf(entries) => {
                    let mut entries = entries.iter();
                    let found = entries.find(|it| it.hash == hash && is(it.number))?;
                    return Some(found.number);
                }
            }
            level += 1;
        }
    }

    /// Adds a number that is not in it yet.
    pub(super) fn insert(&mut self, hash: u32, number: u32) {
        let mut node = &mut self.root;
        let mut level = 0;
        loop {
            if let Node::Leaf(entries) = node {
                if entries.len() < LEAF_MAX || level >= LEVELS {
                    let new = Entry { hash, number };
                    *entries = entries.iter().copied().chain([new]).collect();
                    return;
                }
                *node = branch(entries, level);
            }
            let Node::Branch(children) = node else {
                return;
            };
            let children = Arc::make_mut(children);
            let Some(child) = children.get_mut(slot(hash, level)) else {
                return;
            };
            node = child;
            level += 1;
        }
    }
}

/// The numbers of a leaf, one level deeper.
fn branch(entries: &[Entry], level: u32) -> Node {
    let mut parts: [Vec<Entry>; WIDTH] = [const { Vec::new() }; WIDTH];
    for entry in entries {
        if let Some(part) = parts.get_mut(slot(entry.hash, level)) {
            part.push(*entry);
        }
    }
    Node::Branch(Arc::new(parts.map(|part| Node::Leaf(part.into()))))
}

/// The part of the hash for a level of branches.
fn slot(hash: u32, level: u32) -> usize {
    let part = hash >> (BITS * level) & (WIDTH as u32 - 1);
    usize::try_from(part).unwrap_or_default()
}
