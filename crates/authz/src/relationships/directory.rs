//! Pages by their numbers: a flat list that snapshots share, and beside it the pages that have
//! changed since the list was made.
//!
//! A reader looks into the list, and farther only if the page there is marked. A write enters its
//! page in a small tree, whose clones share what they have in common, and marks the old one. When
//! an eighth of the pages have changed, the list is written anew, but no page is: for a million
//! facts that takes a fraction of a millisecond, and for each write as much as for ten thousand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::vector::Vector;

/// Fewer changed pages than this are not worth a new list.
const CHANGED_MIN: usize = 64;

/// Pages by their numbers; a page is a handle that is cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Directory<T> {
    listed: Arc<Vec<Listed<T>>>,
    /// The pages that have changed since.
    changed: Vector<Option<T>>,
    /// How many those are.
    changes: usize,
}

#[derive(Debug)]
struct Listed<T> {
    page: T,
    /// Whether some snapshot that shares the list may have another page here. Only ever set, and
    /// before the snapshot with the other page is handed on; for the older ones it is one look
    /// into memory more, and no other page.
    is_marked: AtomicBool,
}

impl<T: Clone + Default> Directory<T> {
    pub(super) fn new() -> Self {
        Self {
            listed: Arc::default(),
            changed: Vector::new(),
            changes: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.listed.len().max(self.changed.len())
    }

    #[inline]
    pub(super) fn get(&self, page: usize) -> Option<&T> {
        match self.listed.get(page) {
            Some(listed) if !listed.is_marked.load(Ordering::Relaxed) => Some(&listed.page),
            listed => self.newest(page, listed),
        }
    }

    #[inline(never)]
    fn newest<'a>(&'a self, page: usize, listed: Option<&'a Listed<T>>) -> Option<&'a T> {
        match self.changed.get(page) {
            Some(Some(changed)) => Some(changed),
            _ => listed.map(|it| &it.page),
        }
    }

    /// The page to change; the directory is made so long that there is one.
    pub(super) fn reach(&mut self, page: usize) -> Option<&mut T> {
        if self.changes > CHANGED_MIN + self.listed.len() / 8 {
            self.list();
        }
        if self.changes > 0 || Arc::get_mut(&mut self.listed).is_none() {
            return self.reach_changed(page);
        }
        let listed = Arc::get_mut(&mut self.listed)?;
        if page >= listed.len() {
            listed.resize_with(page + 1, Listed::default);
        }
        listed.get_mut(page).map(|it| &mut it.page)
    }

    /// The page to change in a directory that others share.
    fn reach_changed(&mut self, page: usize) -> Option<&mut T> {
        let entry = self.changed.reach(page)?;
        if entry.is_none() {
            self.changes += 1;
        }
        let listed = self.listed.get(page);
        Some(entry.get_or_insert_with(|| {
            listed.map_or_else(T::default, |listed| {
                listed.is_marked.store(true, Ordering::Relaxed);
                listed.page.clone()
            })
        }))
    }

    /// Lists all pages anew.
    fn list(&mut self) {
        let pages = (0..self.len()).map(|page| self.get(page).cloned().unwrap_or_default());
        self.listed = Arc::new(pages.map(Listed::from).collect());
        self.changed = Vector::new();
        self.changes = 0;
    }
}

impl<T> From<T> for Listed<T> {
    fn from(page: T) -> Self {
        Self {
            page,
            is_marked: AtomicBool::new(false),
        }
    }
}

impl<T: Default> Default for Listed<T> {
    fn default() -> Self {
        Self::from(T::default())
    }
}
