//! The names of objects by their numbers: in pages, the texts of a page one behind the other.

use std::sync::Arc;

use super::directory::Directory;
use super::snapshot::{ObjectId, Symbol};

/// The names of a page.
const NAMES: usize = 32;
/// The bytes at the beginning of a page: where each name begins, and where the last one ends.
const STARTS: usize = (NAMES + 1) * START;
/// The bytes of one of them.
const START: usize = size_of::<u32>();
/// The bytes of a symbol.
const SYMBOL: usize = size_of::<Symbol>();

#[derive(Debug, Clone)]
pub(super) struct Names {
    /// [`STARTS`], and then each name: the symbol of the type, and the id. All of it stands
    /// together, so that what is looked at for one name is near.
    pages: Directory<Arc<[u8]>>,
    len: usize,
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
        let number = usize::try_from(object).ok().filter(|it| *it < self.len)?;
        let page = self.pages.get(number / NAMES)?;
        let (starts, _) = page.split_at_checked(STARTS)?;
        let (starts, _) = starts.as_chunks::<START>();
        let start = |slot: usize| {
            let start = u32::from_le_bytes(*starts.get(slot)?);
            usize::try_from(start).ok()
        };
        let slot = number % NAMES;
        page.get(start(slot)?..start(slot + 1)?)
    }

    /// Adds a name. Its number, or none if there are more than numbers.
    pub(super) fn push(&mut self, type_name: Symbol, id: &str) -> Option<ObjectId> {
        let number = u32::try_from(self.len).ok().filter(|it| *it < u32::MAX)?;
        let page = self.pages.reach(self.len / NAMES)?;
        let mut bytes = Vec::with_capacity(page.len().max(STARTS) + SYMBOL + id.len());
        bytes.extend_from_slice(page);
        bytes.resize(bytes.len().max(STARTS), 0);
        let start = u32::try_from(bytes.len()).ok()?;
        bytes.extend_from_slice(&type_name.to_le_bytes());
        bytes.extend_from_slice(id.as_bytes());
        let end = u32::try_from(bytes.len()).ok()?;
        let (starts, _) = bytes.as_chunks_mut::<START>();
        let slot = self.len % NAMES;
        *starts.get_mut(slot)? = start.to_le_bytes();
        *starts.get_mut(slot + 1)? = end.to_le_bytes();
        *page = bytes.into();
        self.len += 1;
        Some(number)
    }
}
