//! The facts of one object in one direction, sorted. Many of them stand in chunks that clones
//! share, so that a change to a group of 100,000 copies a chunk and not the group.

use std::sync::Arc;

use super::snapshot::{ObjectId, Symbol};

/// Beyond this a list is split into chunks, and a chunk into two.
const CHUNK_MAX: usize = 512;

/// What one fact is for one of its two ends. The order is that of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    /// Of the object's edges: its relation. Of the subject's: the relation of the subject.
    pub(crate) first: Symbol,
    /// Of the object's edges: the relation of the subject. Of the subject's: the object's relation.
    pub(crate) second: Symbol,
    /// The other end.
    pub(crate) other: ObjectId,
    /// Where its condition and its limits of time stand, see [`super::NO_DETAIL`].
    pub(crate) detail: u32,
}

#[derive(Debug, Clone)]
pub(super) enum Edges {
    Few(Vec<Edge>),
    Many(Vec<Arc<Vec<Edge>>>),
}

impl Default for Edges {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

type Key = (Symbol, Symbol, ObjectId);

fn key(edge: &Edge) -> Key {
    (edge.first, edge.second, edge.other)
}

impl Edges {
    /// The edge with this key.
    pub(super) fn find(&self, wanted: Key) -> Option<&Edge> {
        let chunk: &[Edge] = match self {
            Self::Few(edges) => edges,
            Self::Many(chunks) => chunks.get(chunk_of(chunks, wanted))?,
        };
        let at = chunk.binary_search_by_key(&wanted, key).ok()?;
        chunk.get(at)
    }

    /// The edges from `from` on, in their order.
    pub(super) fn from(&self, from: Key) -> impl Iterator<Item = &Edge> {
        let (first, rest): (&[Edge], &[Arc<Vec<Edge>>]) = match self {
            Self::Few(edges) => (edges, &[]),
            Self::Many(chunks) => {
                let at = chunk_of(chunks, from);
                let first = chunks.get(at).map_or(&[][..], |chunk| chunk.as_slice());
                (first, chunks.get(at + 1..).unwrap_or_default())
            }
        };
        let start = first.partition_point(|edge| key(edge) < from);
        let first = first.get(start..).unwrap_or_default();
        first
            .iter()
            .chain(rest.iter().flat_map(|chunk| chunk.iter()))
    }

    /// Adds an edge; the one that had its key before is returned.
    pub(super) fn insert(&mut self, edge: Edge) -> Option<Edge> {
        let old = match self {
            Self::Few(edges) => put(edges, edge),
            Self::Many(chunks) => {
                let at = chunk_of(chunks, key(&edge));
                let chunk = Arc::make_mut(chunks.get_mut(at)?);
                let old = put(chunk, edge);
                if chunk.len() > CHUNK_MAX {
                    let right = chunk.split_off(CHUNK_MAX / 2);
                    chunks.insert(at + 1, Arc::new(right));
                }
                old
            }
        };
        if let Self::Few(edges) = self
            && edges.len() > CHUNK_MAX
        {
            let right = edges.split_off(CHUNK_MAX / 2);
            *self = Self::Many(vec![Arc::new(std::mem::take(edges)), Arc::new(right)]);
        }
        old
    }

    /// Takes an edge away.
    pub(super) fn remove(&mut self, wanted: Key) -> Option<Edge> {
        let (chunk, at) = match self {
            Self::Few(edges) => (edges, None),
            Self::Many(chunks) => {
                let at = chunk_of(chunks, wanted);
                (Arc::make_mut(chunks.get_mut(at)?), Some(at))
            }
        };
        let index = chunk.binary_search_by_key(&wanted, key).ok()?;
        let edge = chunk.remove(index);
        if let (true, Some(at), Self::Many(chunks)) = (chunk.is_empty(), at, &mut *self)
            && chunks.len() > 1
        {
            chunks.remove(at);
        }
        Some(edge)
    }
}

fn put(edges: &mut Vec<Edge>, edge: Edge) -> Option<Edge> {
    match edges.binary_search_by_key(&key(&edge), key) {
        Ok(at) => edges.get_mut(at).map(|old| std::mem::replace(old, edge)),
        Err(at) => {
            if edges.len() == edges.capacity() {
                // Most lists are short: room is made for a few, and not for four at once.
                edges.reserve_exact(1 + edges.len() / 4);
            }
            edges.insert(at, edge);
            None
        }
    }
}

/// The last chunk that does not begin behind `wanted`.
fn chunk_of(chunks: &[Arc<Vec<Edge>>], wanted: Key) -> usize {
    let begins_before = |chunk: &Arc<Vec<Edge>>| chunk.first().is_none_or(|it| key(it) <= wanted);
    chunks.partition_point(begins_before).saturating_sub(1)
}
