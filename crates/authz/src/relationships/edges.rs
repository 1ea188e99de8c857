//! The facts of one object in one direction, sorted.
//!
//! A row is a slice of words. First the edges, each one word: the kind, the other end, and whether
//! the fact has a detail. Behind them, for each edge that has one, a word with its place and the
//! detail. All words ascend, so that one binary search finds either.
//!
//! Few edges stand side by side with those of other objects, see [`super::pages`]. Many stand in
//! chunks that clones share, so that a change to a group of 100,000 copies a chunk and not the
//! group.

use std::sync::Arc;

use super::kinds::KindId;
use super::snapshot::{NO_DETAIL, ObjectId};

/// A chunk with more edges is split into two.
const CHUNK_MAX: usize = 512;
/// A row with so many words is looked through whole for one edge: a search would be about as long, and
/// less predictable for the processor.
const SHORT_MAX: usize = 4;
/// Kinds are below this, so that an edge never looks like a detail.
pub(super) const KINDS_MAX: KindId = 1 << 30;
/// What tells the word of a detail from that of an edge.
const DETAIL: u64 = 1 << 63;
/// In the word of an edge: it has a detail.
const HAS_DETAIL: u64 = 1;

/// What one fact is for one of its two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// The word of an edge without a detail.
#[inline]
pub(super) fn key(kind: KindId, other: ObjectId) -> u64 {
    u64::from(kind) << 33 | u64::from(other) << 1
}

/// Where the edge of this word leads to.
#[inline]
pub(crate) fn other(word: u64) -> ObjectId {
    low(word >> 1)
}

/// Whether the fact of this word has a detail.
#[inline]
pub(crate) fn with_detail(word: u64) -> bool {
    word & HAS_DETAIL != 0
}

/// Whether a word is that of the edge with this key.
#[inline]
fn is_edge(word: u64, key: u64) -> bool {
    word | HAS_DETAIL == key | HAS_DETAIL
}

/// The lower half of a word.
#[inline]
fn low(word: u64) -> u32 {
    u32::try_from(word & u64::from(u32::MAX)).unwrap_or_default()
}

/// The edges of one kind are before this word.
#[inline]
fn end(kind: KindId) -> u64 {
    (u64::from(kind) + 1) << 33
}

/// A few edges of one object, as words.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Row<'a>(&'a [u64]);

impl<'a> Row<'a> {
    #[inline]
    pub(super) fn new(words: &'a [u64]) -> Self {
        Self(words)
    }

    /// The place of the first word that is not before this one.
    #[inline]
    fn place(self, word: u64) -> usize {
        match self.0 {
            [first, ..] if *first < word => self.0.partition_point(|it| *it < word),
            _ => 0,
        }
    }

    /// Whether there is an edge of this kind or of one before it.
    #[inline]
    pub(crate) fn begins_by(self, kind: KindId) -> bool {
        self.0.first().is_some_and(|word| *word < end(kind))
    }

    /// The words of the edges of a kind: [`other`] says where each leads to.
    #[inline]
    pub(crate) fn of_kind(self, kind: KindId) -> impl Iterator<Item = u64> + use<'a> {
        let first = key(kind, 0);
        let words = match self.0.len() {
            ..=SHORT_MAX => self.0,
            _ => self.0.get(self.place(first)..).unwrap_or_default(),
        };
        let words = words.iter().copied().filter(move |word| *word >= first);
        words.take_while(move |word| *word < end(kind))
    }

    /// Whether there is an edge of this kind to this other end, and then whether it is one
    /// [`with_detail`].
    #[inline]
    pub(crate) fn has(self, kind: KindId, other: ObjectId) -> Option<bool> {
        let key = key(kind, other);
        let found = match self.0.len() {
            // Without a way out in between, so that only the length decides on the way taken.
            ..=SHORT_MAX => self.0.iter().fold(DETAIL, |found, word| match *word {
                word if is_edge(word, key) => word,
                _ => found,
            }),
            _ => *self.0.get(self.place(key))?,
        };
        is_edge(found, key).then_some(with_detail(found))
    }

    #[inline]
    fn find(self, key: u64) -> Option<Edge> {
        let place = self.place(key);
        let found = *self.0.get(place)?;
        is_edge(found, key).then(|| self.edge(place, found))
    }

    /// The edge at this place, whose word is known.
    #[inline]
    fn edge(self, place: usize, word: u64) -> Edge {
        Edge {
            kind: low(word >> 33),
            other: other(word),
            detail: match word & HAS_DETAIL {
                0 => NO_DETAIL,
                _ => self.detail(place),
            },
        }
    }

    #[cold]
    fn detail(self, place: usize) -> u32 {
        let found = self.0.get(self.place(detail_word(place, 0)));
        found.map_or(NO_DETAIL, |word| low(*word))
    }

    /// All edges.
    pub(super) fn edges(self) -> impl Iterator<Item = Edge> + use<'a> {
        let words = self.0.iter().copied().enumerate();
        let words = words.take_while(|it| it.1 < DETAIL);
        words.map(move |(place, word)| self.edge(place, word))
    }
}

fn detail_word(place: usize, detail: u32) -> u64 {
    let place = u64::try_from(place).unwrap_or(u64::MAX);
    DETAIL | place << 32 | u64::from(detail)
}

/// The words of a row of these edges, which are sorted by their keys.
pub(super) fn words(edges: &[Edge]) -> impl Iterator<Item = u64> {
    let keys = edges.iter().map(|edge| match edge.detail {
        NO_DETAIL => edge.key(),
        _ => edge.key() | HAS_DETAIL,
    });
    let details = edges.iter().enumerate();
    let details = details.filter(|(_, edge)| edge.detail != NO_DETAIL);
    keys.chain(details.map(|(place, edge)| detail_word(place, edge.detail)))
}

/// Some of the edges of an object, with the first of their keys.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    first: u64,
    words: Arc<[u64]>,
}

/// The edges of one object in one direction.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Edges<'a> {
    Few(Row<'a>),
    Many(&'a [Chunk]),
}

impl<'a> Edges<'a> {
    /// No edges.
    pub(crate) const NONE: Self = Self::Few(Row(&[]));

    /// The edge of this kind to this other end.
    #[inline]
    pub(crate) fn find(self, kind: KindId, other: ObjectId) -> Option<Edge> {
        let key = key(kind, other);
        self.row_of(key).find(key)
    }

    /// Some of the edges, among which the one with this key would be.
    #[inline]
    fn row_of(self, key: u64) -> Row<'a> {
        match self {
            Self::Few(row) => row,
            Self::Many(chunks) => {
                let chunk = chunks.get(chunk_of(chunks, key));
                chunk.map(Chunk::row).unwrap_or_default()
            }
        }
    }

    /// The edges of one kind.
    #[inline]
    pub(crate) fn of_kind(self, kind: KindId) -> Run<'a> {
        let from = key(kind, 0);
        let (row, rest) = match self {
            Self::Few(row) => (row, &[][..]),
            Self::Many(chunks) => {
                let at = chunk_of(chunks, from);
                let first = chunks.get(at).map(Chunk::row).unwrap_or_default();
                (first, chunks.get(at + 1..).unwrap_or_default())
            }
        };
        Run {
            row,
            place: row.place(from),
            rest,
            end: end(kind),
        }
    }

    /// All edges.
    pub(crate) fn all(self) -> impl Iterator<Item = Edge> + use<'a> {
        let (row, chunks) = match self {
            Self::Few(row) => (row, &[][..]),
            Self::Many(chunks) => (Row::default(), chunks),
        };
        let many = chunks.iter().flat_map(|chunk| chunk.row().edges());
        row.edges().chain(many)
    }
}

/// The edges of one kind, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Run<'a> {
    row: Row<'a>,
    place: usize,
    rest: &'a [Chunk],
    end: u64,
}

impl Iterator for Run<'_> {
    type Item = Edge;

    #[inline]
    fn next(&mut self) -> Option<Edge> {
        loop {
            let word = self.row.0.get(self.place);
            if let Some(word) = word.filter(|it| **it < self.end) {
                self.place += 1;
                return Some(self.row.edge(self.place - 1, *word));
            }
            let (next, rest) = self.rest.split_first()?;
            if word.is_some_and(|it| *it < DETAIL) {
                return None;
            }
            (self.row, self.place, self.rest) = (next.row(), 0, rest);
        }
    }
}

/// Sorted edges in chunks.
pub(super) fn chunks(edges: &[Edge]) -> Vec<Chunk> {
    edges.chunks(CHUNK_MAX).map(Chunk::new).collect()
}

impl Chunk {
    fn new(edges: &[Edge]) -> Self {
        Self {
            first: edges.first().map_or(0, Edge::key),
            words: words(edges).collect(),
        }
    }

    #[inline]
    fn row(&self) -> Row<'_> {
        Row(&self.words)
    }
}

/// Adds an edge; the one that had its key before is returned.
pub(super) fn insert(chunks: &mut Vec<Chunk>, edge: Edge) -> Option<Edge> {
    let at = chunk_of(chunks, edge.key());
    let chunk = chunks.get_mut(at)?;
    let mut edges: Vec<Edge> = chunk.row().edges().collect();
    let old = put(&mut edges, edge);
    if edges.len() > CHUNK_MAX {
        let right = edges.split_off(CHUNK_MAX / 2);
        chunks.insert(at + 1, Chunk::new(&right));
    }
    if let Some(chunk) = chunks.get_mut(at) {
        *chunk = Chunk::new(&edges);
    }
    old
}

/// Takes the edge with this key away.
pub(super) fn remove(chunks: &mut Vec<Chunk>, key: u64) -> Option<Edge> {
    let at = chunk_of(chunks, key);
    let chunk = chunks.get_mut(at)?;
    let mut edges: Vec<Edge> = chunk.row().edges().collect();
    let edge = take(&mut edges, key)?;
    *chunk = Chunk::new(&edges);
    if edges.is_empty() {
        chunks.remove(at);
    }
    Some(edge)
}

/// Adds an edge to sorted ones; the one that had its key before is returned.
pub(super) fn put(edges: &mut Vec<Edge>, edge: Edge) -> Option<Edge> {
    match edges.binary_search_by_key(&edge.key(), Edge::key) {
        Ok(at) => edges.get_mut(at).map(|old| std::mem::replace(old, edge)),
        Err(at) => {
            edges.insert(at, edge);
            None
        }
    }
}

/// Takes the edge with this key away from sorted ones.
pub(super) fn take(edges: &mut Vec<Edge>, key: u64) -> Option<Edge> {
    let at = edges.binary_search_by_key(&key, Edge::key).ok()?;
    Some(edges.remove(at))
}

/// The last chunk that does not begin behind `key`.
fn chunk_of(chunks: &[Chunk], key: u64) -> usize {
    let before = chunks.partition_point(|chunk| chunk.first <= key);
    before.saturating_sub(1)
}
