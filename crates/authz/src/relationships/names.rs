//! The names of objects by their numbers: in pages, the texts of a page one behind the other.

use std::sync::Arc;

use super::directory::Directory;
use super::snapshot::{ObjectId, Symbol};

/// The names of a page.
const NAMES: usize = 32;
/// The bytes of a symbol.
const SYMBOL: usize = size_of::<Symbol>();

#[derive(Debug, Clone)]
pub(super) struct Names {
    pages: Directory<Arc<Page>>,
    len: usize,
}

#[derive(Debug, Clone, Default)]
struct Page {
    /// Each name: the symbol of the type, and the id. One look into memory finds both.
    bytes: Vec<u8>,
    /// Where each name ends.
    ends: [u32; NAMES],
}

impl Names {
    pub(super) fn new() -> Self {
        Self {
            pages: Directory::new(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The type and the id of an object.
    pub(super) fn get(&self, object: ObjectId) -> Option<(Symbol, &str)> {
        let (type_name, id) = self.bytes(object)?.split_first_chunk::<SYMBOL>()?;
        let id = std::str::from_utf8(id).ok()?;
        Some((Symbol::from_le_bytes(*type_name), id))
    }

    /// Whether this is the name of the object.
    #[inline]
    pub(super) fn is(&self, object: ObjectId, type_name: Symbol, id: &str) -> bool {
        let found = self.bytes(object).and_then(<[u8]>::split_first_chunk);
        found.is_some_and(|it| *it.0 == type_name.to_le_bytes() && it.1 == id.as_bytes())
    }

    #[inline]
    fn bytes(&self, object: ObjectId) -> Option<&[u8]> {
        let number = usize::try_from(object).ok()?;
        let page = self.pages.get(number / NAMES)?;
        let slot = number % NAMES;
        let end = |slot: usize| page.ends.get(slot).and_then(|it| usize::try_from(*it).ok());
        let start = slot.checked_sub(1).map_or(Some(0), end)?;
        page.bytes.get(start..end(slot)?)
    }

    /// Adds a name. Its number, or none if there are more than numbers.
    pub(super) fn push(&mut self, type_name: Symbol, id: &str) -> Option<ObjectId> {
        let number = u32::try_from(self.len).ok().filter(|it| *it < u32::MAX)?;
        let slot = self.len % NAMES;
        let page = Arc::make_mut(self.pages.reach(self.len / NAMES)?);
        page.bytes.reserve_exact(SYMBOL + id.len());
        page.bytes.extend_from_slice(&type_name.to_le_bytes());
        page.bytes.extend_from_slice(id.as_bytes());
        *page.ends.get_mut(slot)? = u32::try_from(page.bytes.len()).ok()?;
        self.len += 1;
        Some(number)
    }
}
