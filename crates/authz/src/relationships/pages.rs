//! Which edges an object has, for all objects.
//!
//! What was loaded is the base: compressed sparse rows in two arrays, which nothing ever changes. A
//! reader finds the edges of an object as a bare walk does. What was written since stands in pages
//! of the rows that have changed, each of [`OBJECTS`] objects. A write copies the page of its
//! object and marks the object in the base; nothing that a reader holds is touched.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::directory::Directory;
use super::edges::{self, Chunk, Edge, Edges, Row, words};
use super::snapshot::ObjectId;

/// The objects of a page.
const OBJECTS: usize = 64;
/// The words at the beginning of a page, which say where the row of each object begins and ends:
/// two objects a word, 16 bits for either end, none if the page has no row of the object.
const BOUNDS: usize = OBJECTS / 2;
/// The most words that the row of an object has in the page itself. It bounds what a write copies:
/// 64 objects with 64 words are 32 KiB.
const FEW_MAX: usize = 64;
/// The most words of a row in the base. It bounds what the first write to an object reads.
const BASE_ROW_MAX: usize = 4_096;
/// In the base, beside the beginning of the row of an object: some snapshot may have another row.
const MARK: u32 = 1 << 31;

/// The edges of all objects in one direction.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    base: Arc<Base>,
    changed: Directory<Page>,
}

/// The rows of all objects, side by side.
#[derive(Debug, Default)]
struct Base {
    /// Where the row of each object begins, and at last where the last one ends. A [`MARK`] is
    /// only ever set, and before the snapshot with the other row is handed on; for older ones it
    /// is a few looks into memory more, and no other row.
    starts: Vec<AtomicU32>,
    words: Vec<u64>,
}

#[derive(Debug, Clone, Default)]
struct Page {
    /// [`BOUNDS`], and then the rows in the order of their objects. Nothing if there is no row.
    words: Arc<[u64]>,
    /// The objects with many edges, which have no row in `words`.
    many: Option<Arc<Vec<Many>>>,
}

/// An object of a page by its place there, with its edges.
type Many = (usize, Arc<Vec<Chunk>>);

impl Pages {
    pub(super) fn new() -> Self {
        Self {
            base: Arc::default(),
            changed: Directory::new(),
        }
    }

    /// The edges of an object.
    #[inline]
    pub(super) fn get(&self, object: ObjectId) -> Edges<'_> {
        match self.loaded(object) {
            Some(row) => Edges::Few(row),
            None => self.newest(object),
        }
    }

    /// The edges of an object as they were loaded, if it has had no others since.
    #[inline]
    pub(super) fn loaded(&self, object: ObjectId) -> Option<Row<'_>> {
        self.base.unmarked(object)
    }

    /// The edges of an object of which there may be a newer row than in the base.
    #[inline(never)]
    fn newest(&self, object: ObjectId) -> Edges<'_> {
        let (page, slot) = place(object);
        let page = self.changed.get(page);
        let found = page.and_then(|page| page.get(slot));
        found.unwrap_or_else(|| Edges::Few(self.base.row(object)))
    }

    /// Adds an edge; the one that had its key before is returned.
    pub(super) fn insert(&mut self, object: ObjectId, edge: Edge) -> Option<Edge> {
        let (page, slot) = self.changing(object)?;
        page.insert(slot, edge)
    }

    /// Takes the edge with this key away.
    pub(super) fn remove(&mut self, object: ObjectId, key: u64) -> Option<Edge> {
        let (page, slot) = self.changing(object)?;
        page.remove(slot, key)
    }

    /// The page of an object, with its row, and the place of the object there.
    fn changing(&mut self, object: ObjectId) -> Option<(&mut Page, usize)> {
        let (number, slot) = place(object);
        let page = self.changed.reach(number)?;
        if page.get(slot).is_none() {
            let row: Vec<Edge> = self.base.row(object).edges().collect();
            page.set(slot, &row);
            self.base.mark(object);
        }
        Some((page, slot))
    }

    /// These edges, each with the object that it belongs to, in any order. Of two with one key the
    /// later counts; the earlier is handed to `replaced`.
    pub(super) fn build(
        objects: usize,
        edges: &[(ObjectId, Edge)],
        mut replaced: impl FnMut(Edge),
    ) -> Self {
        let mut rows = Rows::new(objects, edges);
        let mut changed = Directory::<Page>::new();
        let mut starts = Vec::with_capacity(objects + 1);
        let mut base = Vec::with_capacity(edges.len());
        for object in 0..objects {
            let row = rows.row(object, &mut replaced);
            let start = base.len();
            base.extend(words(row));
            let fits = base.len() - start <= BASE_ROW_MAX && base.len() < index(MARK);
            starts.push(AtomicU32::new(low(start) | if fits { 0 } else { MARK }));
            if !fits && let Some(page) = changed.reach(object / OBJECTS) {
                base.truncate(start);
                page.set(object % OBJECTS, row);
            }
        }
        starts.push(AtomicU32::new(low(base.len())));
        base.shrink_to_fit();
        let base = Arc::new(Base {
            starts,
            words: base,
        });
        Self { base, changed }
    }
}

#[inline]
fn place(object: ObjectId) -> (usize, usize) {
    let number = index(object);
    (number / OBJECTS, number % OBJECTS)
}

/// The length of a base, which is below [`MARK`].
fn low(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(MARK - 1)
}

#[inline]
fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Base {
    /// The row of an object, unless a newer one may be elsewhere.
    #[inline]
    fn unmarked(&self, object: ObjectId) -> Option<Row<'_>> {
        let start = self.starts.get(index(object))?.load(Ordering::Relaxed);
        (start & MARK == 0).then(|| self.from(start, object))
    }

    /// The row of an object as it was loaded.
    fn row(&self, object: ObjectId) -> Row<'_> {
        let start = self.starts.get(index(object));
        let start = start.map(|it| it.load(Ordering::Relaxed) & !MARK);
        start.map_or_else(Row::default, |start| self.from(start, object))
    }

    #[inline]
    fn from(&self, start: u32, object: ObjectId) -> Row<'_> {
        let end = self.starts.get(index(object) + 1);
        let end = end.map_or(0, |it| it.load(Ordering::Relaxed) & !MARK);
        let words = self.words.get(index(start)..index(end));
        Row::new(words.unwrap_or_default())
    }

    fn mark(&self, object: ObjectId) {
        if let Some(start) = self.starts.get(index(object)) {
            start.fetch_or(MARK, Ordering::Relaxed);
        }
    }
}

impl Page {
    /// The edges of an object, if the page has its row.
    fn get(&self, slot: usize) -> Option<Edges<'_>> {
        let (start, end) = self.bounds(slot);
        if start == 0 {
            let mut many = self.many.iter().flat_map(|many| many.iter());
            return many.find(|it| it.0 == slot).map(|it| Edges::Many(&it.1));
        }
        self.words
            .get(start..end)
            .map(|it| Edges::Few(Row::new(it)))
    }

    /// Where the row of an object begins and ends; at 0 if there is none.
    fn bounds(&self, slot: usize) -> (usize, usize) {
        let pair = self.words.get(slot / 2).copied().unwrap_or_default();
        let bounds = pair >> (32 * (slot % 2));
        (short(bounds), short(bounds >> 16))
    }

    fn row(&self, slot: usize) -> Vec<Edge> {
        self.get(slot).unwrap_or(Edges::NONE).all().collect()
    }

    fn insert(&mut self, slot: usize, edge: Edge) -> Option<Edge> {
        if let Some(chunks) = self.many(slot) {
            return edges::insert(chunks, edge);
        }
        let mut row = self.row(slot);
        let old = edges::put(&mut row, edge);
        self.set(slot, &row);
        old
    }

    fn remove(&mut self, slot: usize, key: u64) -> Option<Edge> {
        if let Some(chunks) = self.many(slot) {
            let old = edges::remove(chunks, key)?;
            if chunks.is_empty() {
                let many = self.many.as_mut().map(Arc::make_mut);
                many.into_iter().for_each(|it| it.retain(|it| it.0 != slot));
                self.set(slot, &[]);
            }
            return Some(old);
        }
        let mut row = self.row(slot);
        let old = edges::take(&mut row, key)?;
        self.set(slot, &row);
        Some(old)
    }

    /// The edges of an object that has many, to be changed.
    fn many(&mut self, slot: usize) -> Option<&mut Vec<Chunk>> {
        let at = self.many.as_ref()?.iter().position(|it| it.0 == slot)?;
        let (_, chunks) = Arc::make_mut(self.many.as_mut()?).get_mut(at)?;
        Some(Arc::make_mut(chunks))
    }

    /// Puts these edges, sorted, in the place of the few that an object has, or of none.
    fn set(&mut self, slot: usize, edges: &[Edge]) {
        let is_few = words(edges).count() <= FEW_MAX;
        if !is_few {
            let many = Arc::make_mut(self.many.get_or_insert_default());
            many.push((slot, Arc::new(edges::chunks(edges))));
        }
        let (start, end) = match self.bounds(slot) {
            (0, _) => self.end_before(slot),
            found => found,
        };
        let mut page = Vec::with_capacity(self.words.len() + BOUNDS + FEW_MAX);
        page.extend_from_slice(self.words.get(..start).unwrap_or(&[0; BOUNDS]));
        if is_few {
            page.extend(words(edges));
        }
        let new_end = page.len();
        page.extend_from_slice(self.words.get(end..).unwrap_or_default());
        let bounds = if is_few { (start, new_end) } else { (0, 0) };
        set_bounds(&mut page, slot, bounds);
        for other in slot + 1..OBJECTS {
            let (from, to) = self.bounds(other);
            let moved = |at: usize| at + new_end - end;
            if from > 0 {
                set_bounds(&mut page, other, (moved(from), moved(to)));
            }
        }
        self.words = page.into();
    }

    /// Where a row in front of this object would end and another begin.
    fn end_before(&self, slot: usize) -> (usize, usize) {
        let ends = (0..slot).map(|other| self.bounds(other).1);
        let end = ends.fold(BOUNDS, usize::max);
        (end, end)
    }
}

/// Sixteen bits.
fn short(bits: u64) -> usize {
    usize::try_from(bits & u64::from(u16::MAX)).unwrap_or_default()
}

/// Says where the row of an object begins and ends.
fn set_bounds(page: &mut [u64], slot: usize, (start, end): (usize, usize)) {
    let bounds = u64::try_from(end << 16 | start).unwrap_or_default();
    let shift = 32 * (slot % 2);
    if let Some(pair) = page.get_mut(slot / 2) {
        *pair = *pair & !(u64::from(u32::MAX) << shift) | bounds << shift;
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
