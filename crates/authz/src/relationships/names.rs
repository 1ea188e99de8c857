//! The names of objects by their numbers: in pages, the texts of a page one behind the other.

use std::sync::Arc;

use super::snapshot::{ObjectId, Symbol};
use super::vector::Vector;

/// The names of a page.
const NAMES: usize = 32;

#[derive(Debug, Clone)]
pub(super) struct Names {
    pages: Vector<Option<Arc<Page>>>,
    len: usize,
}

#[derive(Debug, Clone, Default)]
struct Page {
    types: [Symbol; NAMES],
    /// Where the text of each name ends.
    ends: [u32; NAMES],
    text: String,
}

impl Names {
    pub(super) fn new() -> Self {
        Self {
            pages: Vector::new(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The type and the id of an object.
    #[inline]
    pub(super) fn get(&self, object: ObjectId) -> Option<(Symbol, &str)> {
        let number = usize::try_from(object).ok()?;
        if number >= self.len {
            return None;
        }
        let page = self.pages.get(number / NAMES)?.as_deref()?;
        let slot = number % NAMES;
        let end = |slot: usize| page.ends.get(slot).and_then(|it| usize::try_from(*it).ok());
        let start = slot.checked_sub(1).map_or(Some(0), end)?;
        Some((*page.types.get(slot)?, page.text.get(start..end(slot)?)?))
    }

    /// Adds a name. Its number, or none if there are more than numbers.
    pub(super) fn push(&mut self, type_name: Symbol, id: &str) -> Option<ObjectId> {
        let number = u32::try_from(self.len).ok().filter(|it| *it < u32::MAX)?;
        let slot = self.len % NAMES;
        if slot == 0 {
            self.pages.push(Some(Arc::default()));
        }
        let page = self.pages.get_mut(self.len / NAMES)?.as_mut()?;
        let page = Arc::make_mut(page);
        page.text.reserve_exact(id.len());
        page.text.push_str(id);
        *page.ends.get_mut(slot)? = u32::try_from(page.text.len()).ok()?;
        *page.types.get_mut(slot)? = type_name;
        self.len += 1;
        Some(number)
    }
}
