//! Which edges an object has, for all objects: pages of compressed sparse rows, each with the
//! edges of [`OBJECTS`] objects side by side.
//!
//! A reader finds the edges of an object nearly as in one large array of rows. A write copies the
//! page of the object and enters the copy in a small tree of pages that have changed, whose clones
//! share what they have in common. When an eighth of the pages have changed, the list of all pages
//! is written anew, but no page is: for a million facts that takes a fraction of a millisecond, and
//! for each write as much as for ten thousand.

use std::sync::Arc;

use super::edges::{self, Chunk, Edge, Edges};
use super::snapshot::ObjectId;
use super::vector::Vector;

/// The objects of a page.
const OBJECTS: usize = 16;
/// The most edges that an object has in the page itself. It bounds what a write copies: 16 objects
/// with 128 edges of 12 bytes are 24 KiB.
const FEW_MAX: usize = 128;
/// Fewer changed pages than this are not worth a new list.
const CHANGED_MIN: usize = 64;

type Entry = Option<Arc<Page>>;

/// The edges of all objects in one direction.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    /// All pages when they were last listed.
    listed: Arc<Vec<Entry>>,
    /// The pages that have changed since.
    changed: Vector<Entry>,
    /// How many those are.
    changes: usize,
}

/// What a reader needs first stands first, so that one look into memory finds it.
#[derive(Debug, Clone, Default)]
struct Page {
    edges: Vec<Edge>,
    /// Where the edges of each object begin; those of the last end where the page ends.
    starts: [u16; OBJECTS],
    /// The objects with many edges, which have none in `edges`.
    many: Vec<(usize, Arc<Vec<Chunk>>)>,
}

impl Pages {
    pub(super) fn new() -> Self {
        Self {
            listed: Arc::default(),
            changed: Vector::new(),
            changes: 0,
        }
    }

    /// The edges of an object.
    #[inline]
    pub(super) fn get(&self, object: ObjectId) -> Edges<'_> {
        let (page, slot) = place(object);
        if self.changes > 0
            && let Some(Some(page)) = self.changed.get(page)
        {
            return page.get(slot);
        }
        match self.listed.get(page) {
            Some(Some(page)) => page.get(slot),
            _ => Edges::NONE,
        }
    }

    /// Adds an edge; the one that had its key before is returned.
    pub(super) fn insert(&mut self, object: ObjectId, edge: Edge) -> Option<Edge> {
        let (page, slot) = place(object);
        self.page(page)?.insert(slot, edge)
    }

    /// Takes the edge with this key away.
    pub(super) fn remove(&mut self, object: ObjectId, key: u64) -> Option<Edge> {
        let (page, slot) = place(object);
        self.page(page)?.remove(slot, key)
    }

    /// A page to be changed, copied if it is shared.
    fn page(&mut self, page: usize) -> Option<&mut Page> {
        if self.changes > CHANGED_MIN + self.listed.len() / 8 {
            self.list();
        }
        let entry = self.changed.reach(page)?;
        if entry.is_none() {
            self.changes += 1;
        }
        let listed = || self.listed.get(page).cloned().flatten().unwrap_or_default();
        Some(Arc::make_mut(entry.get_or_insert_with(listed)))
    }

    /// Lists all pages anew.
    fn list(&mut self) {
        let pages = 0..self.listed.len().max(self.changed.len());
        let newest = pages.map(|page| match self.changed.get(page) {
            Some(Some(changed)) => Some(Arc::clone(changed)),
            _ => self.listed.get(page).cloned().flatten(),
        });
        self.listed = Arc::new(newest.collect());
        self.changed = Vector::new();
        self.changes = 0;
    }

    /// Pages of these edges, each with the object that it belongs to, in any order. Of two with
    /// one key the later counts; the earlier is handed to `replaced`.
    pub(super) fn build(
        objects: usize,
        edges: &[(ObjectId, Edge)],
        mut replaced: impl FnMut(Edge),
    ) -> Self {
        let mut rows = Rows::new(objects, edges);
        let pages = (0..objects).step_by(OBJECTS);
        let pages = pages.map(|first| rows.page(first, &mut replaced));
        Self {
            listed: Arc::new(pages.collect()),
            ..Self::new()
        }
    }
}

#[inline]
fn place(object: ObjectId) -> (usize, usize) {
    let number = usize::try_from(object).unwrap_or(usize::MAX);
    (number / OBJECTS, number % OBJECTS)
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

    /// The page that begins with this object; none if it would be empty.
    fn page(&mut self, first: usize, replaced: &mut impl FnMut(Edge)) -> Entry {
        let start = |object: usize| self.starts.get(object).or(self.starts.last()).copied();
        let count = start(first + OBJECTS)?.checked_sub(start(first)?)?;
        if count == 0 {
            return None;
        }
        let mut page = Page {
            edges: Vec::with_capacity(count.min(OBJECTS * FEW_MAX)),
            ..Page::default()
        };
        for slot in 0..OBJECTS {
            page.begin(slot, page.edges.len());
            let row = self.row(first + slot, replaced);
            if row.len() > FEW_MAX {
                page.many.push((slot, Arc::new(edges::chunks(row))));
            } else {
                page.edges.extend_from_slice(row);
            }
        }
        page.edges.shrink_to_fit();
        Some(Arc::new(page))
    }

    /// The edges of an object, sorted, each key once.
    fn row(&mut self, object: usize, replaced: &mut impl FnMut(Edge)) -> &[Edge] {
        let bounds = (self.starts.get(object), self.starts.get(object + 1));
        let (Some(start), Some(end)) = bounds else {
            return &[];
        };
        let row = self.edges.get_mut(*start..*end).unwrap_or_default();
        // Keeps the order in which they came, so that the last one with a key is the latest.
        row.sort_by_key(Edge::key);
        let mut kept = 0;
        for at in 0..row.len() {
            let Some(edge) = row.get(at).copied() else {
                break;
            };
            let last = row.get_mut(..kept).and_then(<[Edge]>::last_mut);
            match last {
                Some(last) if last.key() == edge.key() => {
                    replaced(std::mem::replace(last, edge));
                }
                _ => {
                    row.swap(kept, at);
                    kept += 1;
                }
            }
        }
        row.get(..kept).unwrap_or_default()
    }
}
