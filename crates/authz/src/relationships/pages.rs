//! Which edges an object has, for all objects: pages of compressed sparse rows, each with the
//! edges of [`OBJECTS`] objects side by side.
//!
//! A reader finds the edges of an object as it would in one large array of rows. A write copies
//! the page of the object and the nodes above it, and nothing else: what that costs depends on the
//! size of a page and not on how many there are. Nothing is ever merged or rebuilt.

use std::sync::Arc;

use super::edges::{self, Chunk, Edge, Edges};
use super::snapshot::ObjectId;
use super::vector::Vector;

/// The objects of a page.
const OBJECTS: usize = 32;
/// The most edges that an object has in the page itself. It bounds what a write copies: 32 objects
/// with 127 edges of 12 bytes are 48 KiB.
const FEW_MAX: usize = 127;

/// The edges of all objects in one direction.
#[derive(Debug, Clone)]
pub(super) struct Pages(Vector<Option<Arc<Page>>>);

#[derive(Debug, Clone)]
struct Page {
    /// Where the edges of each object begin; those of the last end where the page ends.
    starts: [u16; OBJECTS],
    edges: Vec<Edge>,
    /// The objects with many edges, which have none in `edges`.
    many: Vec<(usize, Arc<Vec<Chunk>>)>,
}

impl Pages {
    pub(super) fn new() -> Self {
        Self(Vector::new())
    }

    /// The edges of an object.
    #[inline]
    pub(super) fn get(&self, object: ObjectId) -> Edges<'_> {
        let (page, slot) = place(object);
        match self.0.get(page) {
            Some(Some(page)) => page.get(slot),
            _ => Edges::NONE,
        }
    }

    /// Adds an edge; the one that had its key before is returned.
    pub(super) fn insert(&mut self, object: ObjectId, edge: Edge) -> Option<Edge> {
        let (page, slot) = place(object);
        while self.0.len() <= page {
            self.0.push(None);
        }
        let page = self.0.get_mut(page)?.get_or_insert_with(Arc::default);
        Arc::make_mut(page).insert(slot, edge)
    }

    /// Takes the edge with this key away.
    pub(super) fn remove(&mut self, object: ObjectId, key: u64) -> Option<Edge> {
        let (page, slot) = place(object);
        let page = self.0.get_mut(page)?.as_mut()?;
        Arc::make_mut(page).remove(slot, key)
    }

    /// Pages of these edges, each with the object that it belongs to, in any order. Of two with
    /// one key the later counts; the earlier is handed to `replaced`.
    pub(super) fn build(
        objects: usize,
        edges: &[(ObjectId, Edge)],
        mut replaced: impl FnMut(Edge),
    ) -> Self {
        let rows = Rows::new(objects, edges);
        let mut pages = Self::new();
        for first in (0..objects).step_by(OBJECTS) {
            let mut page = Page::default();
            let mut room = Vec::with_capacity(rows.len(first, OBJECTS).min(OBJECTS * FEW_MAX));
            for slot in 0..OBJECTS {
                page.begin(slot, room.len());
                let row = rows.get(first + slot, &mut replaced);
                if row.len() > FEW_MAX {
                    page.many.push((slot, Arc::new(edges::chunks(&row))));
                } else {
                    room.extend_from_slice(&row);
                }
            }
            page.edges = room;
            let is_empty = page.edges.is_empty() && page.many.is_empty();
            pages.0.push((!is_empty).then(|| Arc::new(page)));
        }
        pages
    }
}

fn place(object: ObjectId) -> (usize, usize) {
    let number = usize::try_from(object).unwrap_or(usize::MAX);
    (number / OBJECTS, number % OBJECTS)
}

impl Default for Page {
    fn default() -> Self {
        Self {
            starts: [0; OBJECTS],
            edges: Vec::new(),
            many: Vec::new(),
        }
    }
}

impl Page {
    #[inline]
    fn get(&self, slot: usize) -> Edges<'_> {
        let (start, end) = self.bounds(slot);
        if start == end && !self.many.is_empty() {
            let found = self.many.iter().find(|it| it.0 == slot);
            return found.map_or(Edges::NONE, |it| Edges::Many(&it.1));
        }
        Edges::Few(self.edges.get(start..end).unwrap_or_default())
    }

    #[inline]
    fn bounds(&self, slot: usize) -> (usize, usize) {
        let of = |slot: usize| self.starts.get(slot).map(|start| usize::from(*start));
        let end = of(slot + 1).unwrap_or(self.edges.len());
        (of(slot).unwrap_or(end), end)
    }

    fn begin(&mut self, slot: usize, at: usize) {
        if let Some(start) = self.starts.get_mut(slot) {
            *start = u16::try_from(at).unwrap_or(u16::MAX);
        }
    }

    fn insert(&mut self, slot: usize, edge: Edge) -> Option<Edge> {
        if let Some((_, many)) = self.many.iter_mut().find(|it| it.0 == slot) {
            return edges::insert(Arc::make_mut(many), edge);
        }
        let (start, end) = self.bounds(slot);
        let row = self.edges.get(start..end).unwrap_or_default();
        match row.binary_search_by_key(&edge.key(), Edge::key) {
            Ok(at) => {
                let old = self.edges.get_mut(start + at)?;
                return Some(std::mem::replace(old, edge));
            }
            Err(at) => {
                if self.edges.len() == self.edges.capacity() {
                    self.edges.reserve_exact(1 + self.edges.len() / 8);
                }
                self.edges.insert(start + at, edge);
            }
        }
        self.shift(slot, 1);
        if end + 1 - start > FEW_MAX {
            let row: Vec<Edge> = self.edges.drain(start..=end).collect();
            self.shift(slot, -i32::try_from(row.len()).unwrap_or_default());
            self.many.push((slot, Arc::new(edges::chunks(&row))));
        }
        None
    }

    fn remove(&mut self, slot: usize, key: u64) -> Option<Edge> {
        if let Some(at) = self.many.iter().position(|it| it.0 == slot) {
            let (_, many) = self.many.get_mut(at)?;
            let many = Arc::make_mut(many);
            let old = edges::remove(many, key)?;
            if edges::count(many) == 0 {
                self.many.swap_remove(at);
            }
            return Some(old);
        }
        let (start, end) = self.bounds(slot);
        let row = self.edges.get(start..end)?;
        let at = row.binary_search_by_key(&key, Edge::key).ok()?;
        let old = self.edges.remove(start + at);
        self.shift(slot, -1);
        Some(old)
    }

    /// Moves the beginnings of the objects behind `slot`.
    fn shift(&mut self, slot: usize, by: i32) {
        for start in self.starts.iter_mut().skip(slot + 1) {
            let moved = i32::from(*start) + by;
            *start = u16::try_from(moved).unwrap_or_default();
        }
    }
}

/// Edges put in the order of their objects, by counting them.
struct Rows {
    starts: Vec<usize>,
    edges: Vec<Edge>,
}

impl Rows {
    fn new(objects: usize, edges: &[(ObjectId, Edge)]) -> Self {
        let place = |object: ObjectId| usize::try_from(object).unwrap_or(usize::MAX);
        let mut starts = vec![0_usize; objects + 1];
        for (object, _) in edges {
            if let Some(count) = starts.get_mut(place(*object) + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let nothing = Edge {
            kind: 0,
            other: 0,
            detail: 0,
        };
        let mut sorted = vec![nothing; edges.len()];
        for (object, edge) in edges {
            let Some(next) = next.get_mut(place(*object)) else {
                continue;
            };
            if let Some(slot) = sorted.get_mut(*next) {
                *slot = *edge;
                *next += 1;
            }
        }
        Self {
            starts,
            edges: sorted,
        }
    }

    /// How many edges so many objects have.
    fn len(&self, first: usize, objects: usize) -> usize {
        let last = (first + objects).min(self.starts.len() - 1);
        let of = |at: usize| self.starts.get(at).copied().unwrap_or_default();
        of(last).saturating_sub(of(first))
    }

    /// The edges of an object, sorted, each key once.
    fn get(&self, object: usize, replaced: &mut impl FnMut(Edge)) -> Vec<Edge> {
        let bounds = (self.starts.get(object), self.starts.get(object + 1));
        let (Some(start), Some(end)) = bounds else {
            return Vec::new();
        };
        let mut row = self.edges.get(*start..*end).unwrap_or_default().to_vec();
        // Keeps the order in which they came, so that the last one with a key is the latest.
        row.sort_by_key(Edge::key);
        let mut sorted: Vec<Edge> = Vec::with_capacity(row.len());
        for edge in row {
            match sorted.last_mut() {
                Some(last) if last.key() == edge.key() => {
                    replaced(std::mem::replace(last, edge));
                }
                _ => sorted.push(edge),
            }
        }
        sorted
    }
}
