//! Which edges an object has, for all objects: pages of compressed sparse rows, each with the
//! edges of [`OBJECTS`] objects side by side.
//!
//! A reader finds the edges of an object as in one large array of rows. A write copies the page of
//! the object; nothing that a reader holds is touched.

use std::sync::Arc;

use super::directory::Directory;
use super::edges::{self, Chunk, Edge, Edges, Row, words};
use super::snapshot::ObjectId;

/// The objects of a page.
const OBJECTS: usize = 64;
/// The words at the beginning of a page, which say where the row of each object begins and ends:
/// two objects a word, 16 bits for either end.
const BOUNDS: usize = OBJECTS / 2;
/// The most words that the row of an object has in the page itself. It bounds what a write copies:
/// 64 objects with 64 words are 32 KiB.
const FEW_MAX: usize = 64;

/// The edges of all objects in one direction.
#[derive(Debug, Clone)]
pub(super) struct Pages(Directory<Page>);

#[derive(Debug, Clone, Default)]
struct Page {
    /// [`BOUNDS`], and then the rows in the order of their objects. Nothing if all are empty.
    words: Arc<[u64]>,
    /// The objects with many edges, whose rows here are empty.
    many: Option<Arc<Vec<Many>>>,
}

/// An object of a page by its place there, with its edges.
type Many = (usize, Arc<Vec<Chunk>>);

impl Pages {
    pub(super) fn new() -> Self {
        Self(Directory::new())
    }

    /// The edges of an object.
    #[inline]
    pub(super) fn get(&self, object: ObjectId) -> Edges<'_> {
        let (page, slot) = place(object);
        self.0.get(page).map_or(Edges::NONE, |page| page.get(slot))
    }

    /// Adds an edge; the one that had its key before is returned.
    pub(super) fn insert(&mut self, object: ObjectId, edge: Edge) -> Option<Edge> {
        let (page, slot) = place(object);
        self.0.reach(page)?.insert(slot, edge)
    }

    /// Takes the edge with this key away.
    pub(super) fn remove(&mut self, object: ObjectId, key: u64) -> Option<Edge> {
        let (page, slot) = place(object);
        self.0.reach(page)?.remove(slot, key)
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
        Self(pages.collect())
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
        if start == end
            && let Some(many) = &self.many
        {
            let found = many.iter().find(|it| it.0 == slot);
            return found.map_or(Edges::NONE, |it| Edges::Many(&it.1));
        }
        Edges::Few(Row::new(self.words.get(start..end).unwrap_or_default()))
    }

    /// Where the row of an object begins and ends.
    #[inline]
    fn bounds(&self, slot: usize) -> (usize, usize) {
        let pair = self.words.get(slot / 2).copied().unwrap_or_default();
        let bounds = pair >> (32 * (slot % 2));
        (short(bounds), short(bounds >> 16))
    }

    fn insert(&mut self, slot: usize, edge: Edge) -> Option<Edge> {
        if let Some(chunks) = self.many(slot) {
            return edges::insert(chunks, edge);
        }
        let mut row: Vec<Edge> = self.get(slot).all().collect();
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
            }
            return Some(old);
        }
        let mut row: Vec<Edge> = self.get(slot).all().collect();
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

    /// Puts these edges, sorted, in the place of the few that an object has.
    fn set(&mut self, slot: usize, edges: &[Edge]) {
        let is_few = words(edges).count() <= FEW_MAX;
        if !is_few {
            let many = Arc::make_mut(self.many.get_or_insert_default());
            many.push((slot, Arc::new(edges::chunks(edges))));
        }
        let (start, end) = match self.bounds(slot) {
            (0, 0) => self.end_before(slot),
            found => found,
        };
        let mut page = Vec::with_capacity(self.words.len() + BOUNDS + FEW_MAX);
        page.extend_from_slice(self.words.get(..start).unwrap_or(&[0; BOUNDS]));
        if is_few {
            page.extend(words(edges));
        }
        let new_end = page.len();
        page.extend_from_slice(self.words.get(end..).unwrap_or_default());
        set_bounds(&mut page, slot, (start, new_end));
        for other in slot + 1..OBJECTS {
            let (from, to) = self.bounds(other);
            let moved = |at: usize| at + new_end - end;
            if from < to {
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
#[inline]
fn short(bits: u64) -> usize {
    usize::try_from(bits & u64::from(u16::MAX)).unwrap_or_default()
}

/// Says where the row of an object begins and ends.
fn set_bounds(page: &mut [u64], slot: usize, (start, end): (usize, usize)) {
    let bounds = match start == end {
        true => 0,
        false => u64::try_from(end << 16 | start).unwrap_or_default(),
    };
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

    /// The page that begins with this object.
    fn page(&mut self, first: usize, replaced: &mut impl FnMut(Edge)) -> Page {
        let start = |object: usize| self.starts.get(object).or(self.starts.last()).copied();
        let count = start(first + OBJECTS).unwrap_or(0) - start(first).unwrap_or(0);
        let mut page = Vec::with_capacity(BOUNDS + count.min(OBJECTS * FEW_MAX));
        page.resize(BOUNDS, 0);
        let mut many = Vec::new();
        for slot in 0..OBJECTS {
            let row = self.row(first + slot, replaced);
            let start = page.len();
            match words(row).count() {
                0..=FEW_MAX => page.extend(words(row)),
                _ => many.push((slot, Arc::new(edges::chunks(row)))),
            }
            let end = page.len();
            set_bounds(&mut page, slot, (start, end));
        }
        if page.len() == BOUNDS {
            page.clear();
        }
        Page {
            words: page.into(),
            many: (!many.is_empty()).then(|| Arc::new(many)),
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
