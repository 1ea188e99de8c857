//! The facts of one object in one direction, sorted.
//!
//! Few of them stand side by side with those of other objects, see [`super::pages`]. Many stand in
//! chunks that clones share, so that a change to a group of 100,000 copies a chunk and not the
//! group.

use std::sync::Arc;

use super::kinds::KindId;
use super::snapshot::ObjectId;

/// A chunk beyond this is split into two.
const CHUNK_MAX: usize = 512;

/// What one fact is for one of its two ends. The order is that of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    /// Types, relation, and what of the subject's type is meant.
    pub(crate) kind: KindId,
    /// The other end.
    pub(crate) other: ObjectId,
    /// Where its condition and its limits of time stand, see [`super::snapshot::NO_DETAIL`].
    pub(crate) detail: u32,
}

impl Edge {
    /// What is unique among the edges of one object in one direction.
    #[inline]
    pub(super) fn key(&self) -> u64 {
        key(self.kind, self.other)
    }
}

#[inline]
pub(super) fn key(kind: KindId, other: ObjectId) -> u64 {
    u64::from(kind) << 32 | u64::from(other)
}

/// Some of the edges of an object, with the first of their keys.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    first: u64,
    edges: Arc<Vec<Edge>>,
}

/// The edges of one object in one direction.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Edges<'a> {
    Few(&'a [Edge]),
    Many(&'a [Chunk]),
}

impl<'a> Edges<'a> {
    /// No edges.
    pub(crate) const NONE: Self = Self::Few(&[]);

    /// The edge of this kind to this other end.
    #[inline]
    pub(crate) fn find(self, kind: KindId, other: ObjectId) -> Option<&'a Edge> {
        let wanted = key(kind, other);
        let chunk = match self {
            Self::Few(edges) => edges,
            Self::Many(chunks) => &chunks.get(chunk_of(chunks, wanted))?.edges,
        };
        let at = chunk.binary_search_by_key(&wanted, Edge::key).ok()?;
        chunk.get(at)
    }

    /// The edges of one kind.
    #[inline]
    pub(crate) fn of_kind(self, kind: KindId) -> Run<'a> {
        self.from(key(kind, 0), kind)
    }

    /// All edges.
    pub(crate) fn all(self) -> impl Iterator<Item = &'a Edge> {
        let (few, many): (&[Edge], &[Chunk]) = match self {
            Self::Few(edges) => (edges, &[]),
            Self::Many(chunks) => (&[], chunks),
        };
        let many = many.iter().flat_map(|chunk| chunk.edges.iter());
        few.iter().chain(many)
    }

    #[inline]
    fn from(self, from: u64, kind: KindId) -> Run<'a> {
        let (first, rest): (&[Edge], &[Chunk]) = match self {
            Self::Few(edges) => (edges, &[]),
            Self::Many(chunks) => {
                let at = chunk_of(chunks, from);
                let first = chunks.get(at).map_or(&[][..], |chunk| &chunk.edges);
                (first, chunks.get(at + 1..).unwrap_or_default())
            }
        };
        let start = first.partition_point(|edge| edge.key() < from);
        let now = first.get(start..).unwrap_or_default();
        Run { now, rest, kind }
    }
}

/// The edges of one kind, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Run<'a> {
    now: &'a [Edge],
    rest: &'a [Chunk],
    kind: KindId,
}

impl<'a> Iterator for Run<'a> {
    type Item = &'a Edge;

    #[inline]
    fn next(&mut self) -> Option<&'a Edge> {
        loop {
            if let [first, now @ ..] = self.now {
                self.now = now;
                return (first.kind == self.kind).then_some(first);
            }
            let (next, rest) = self.rest.split_first()?;
            (self.now, self.rest) = (&next.edges, rest);
        }
    }
}

/// Sorted edges in chunks.
pub(super) fn chunks(edges: &[Edge]) -> Vec<Chunk> {
    let chunks = edges.chunks(CHUNK_MAX);
    chunks.map(|chunk| Chunk::new(chunk.to_vec())).collect()
}

impl Chunk {
    fn new(edges: Vec<Edge>) -> Self {
        Self {
            first: edges.first().map_or(0, Edge::key),
            edges: Arc::new(edges),
        }
    }
}

/// Adds an edge; the one that had its key before is returned.
pub(super) fn insert(chunks: &mut Vec<Chunk>, edge: Edge) -> Option<Edge> {
    let at = chunk_of(chunks, edge.key());
    let chunk = chunks.get_mut(at)?;
    let edges = Arc::make_mut(&mut chunk.edges);
    let old = put(edges, edge);
    chunk.first = chunk.first.min(edge.key());
    if edges.len() > CHUNK_MAX {
        let right = edges.split_off(CHUNK_MAX / 2);
        chunks.insert(at + 1, Chunk::new(right));
    }
    old
}

/// Takes the edge with this key away. What is left of a chunk keeps its beginning.
pub(super) fn remove(chunks: &mut Vec<Chunk>, wanted: u64) -> Option<Edge> {
    let at = chunk_of(chunks, wanted);
    let edges = Arc::make_mut(&mut chunks.get_mut(at)?.edges);
    let index = edges.binary_search_by_key(&wanted, Edge::key).ok()?;
    let edge = edges.remove(index);
    if edges.is_empty() && chunks.len() > 1 {
        chunks.remove(at);
    }
    Some(edge)
}

/// How many edges the chunks hold.
pub(super) fn count(chunks: &[Chunk]) -> usize {
    chunks.iter().map(|chunk| chunk.edges.len()).sum()
}

fn put(edges: &mut Vec<Edge>, edge: Edge) -> Option<Edge> {
    match edges.binary_search_by_key(&edge.key(), Edge::key) {
        Ok(at) => edges.get_mut(at).map(|old| std::mem::replace(old, edge)),
        Err(at) => {
            edges.insert(at, edge);
            None
        }
    }
}

/// The last chunk that does not begin behind `wanted`.
fn chunk_of(chunks: &[Chunk], wanted: u64) -> usize {
    let before = chunks.partition_point(|chunk| chunk.first <= wanted);
    before.saturating_sub(1)
}
