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
        let mut page = Writing::new(self.words.len() + 2);
        let row = |slot| {
            let (start, end) = self.bounds(slot);
            self.words.get(start..end).unwrap_or_default()
        };
        for other in 0..OBJECTS {
            match other == slot {
                true => page.add(slot, edges),
                false => page.begin(other, |words| words.extend_from_slice(row(other))),
            }
        }
        let many = self.many.iter().flat_map(|it| it.iter().cloned());
        page.many.extend(many);
        *self = page.done();
    }
}

/// Sixteen bits.
#[inline]
fn short(bits: u64) -> usize {
    usize::try_from(bits & u64::from(u16::MAX)).unwrap_or_default()
}

/// A page that is being written, object by object.
struct Writing {
    words: Vec<u64>,
    many: Vec<Many>,
}

impl Writing {
    fn new(capacity: usize) -> Self {
        let mut words = Vec::with_capacity(capacity.max(BOUNDS));
        words.resize(BOUNDS, 0);
        Self {
            words,
            many: Vec::new(),
        }
    }

    /// The edges of the next object, sorted.
    fn add(&mut self, slot: usize, edges: &[Edge]) {
        if words(edges).count() > FEW_MAX {
            let chunks = edges::chunks(edges);
            self.many.push((slot, Arc::new(chunks)));
        } else {
            self.begin(slot, |to| to.extend(words(edges)));
        }
    }

    /// The words of the next object.
    fn begin(&mut self, slot: usize, write: impl FnOnce(&mut Vec<u64>)) {
        let start = self.words.len();
        write(&mut self.words);
        let end = self.words.len();
        if start == end {
            return;
        }
        let bounds = u64::try_from(end << 16 | start).unwrap_or_default();
        if let Some(pair) = self.words.get_mut(slot / 2) {
            *pair |= bounds << (32 * (slot % 2));
        }
    }

    fn done(self) -> Page {
        let is_empty = self.words.len() == BOUNDS;
        Page {
            words: match is_empty {
                true => Arc::default(),
                false => self.words.into(),
            },
            many: (!self.many.is_empty()).then(|| Arc::new(self.many)),
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

    /// The page that begins with this object.
    fn page(&mut self, first: usize, replaced: &mut impl FnMut(Edge)) -> Page {
        let start = |object: usize| self.starts.get(object).or(self.starts.last()).copied();
        let count = start(first + OBJECTS).unwrap_or(0) - start(first).unwrap_or(0);
        let mut page = Writing::new(BOUNDS + count.min(OBJECTS * FEW_MAX));
        for slot in 0..OBJECTS {
            page.add(slot, self.row(first + slot, replaced));
        }
        page.done()
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
