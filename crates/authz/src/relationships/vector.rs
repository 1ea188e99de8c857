//! A vector whose clones share what they have in common: a tree of wide nodes. A change to a
//! vector that nobody shares is made in place; else only the nodes on its way are copied.
//!
//! To copy a node is to count one more user of each thing in it, which stand all over the memory.
//! Leaves, of which there are too many for the caches, are therefore small.

use std::sync::Arc;

const BITS: u32 = 5;
const WIDTH: usize = 1 << BITS;
const LEAF_BITS: u32 = 3;
const LEAF: usize = 1 << LEAF_BITS;

/// Children and items stand in the node itself: a level costs a reader one look into memory.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "a box would cost every reader one more look into memory; there is a leaf for eight pages"
)]
enum Node<T> {
    Branch([Option<Arc<Node<T>>>; WIDTH]),
    Leaf([T; LEAF]),
}

#[derive(Debug, Clone)]
pub(super) struct Vector<T> {
    root: Arc<Node<T>>,
    len: usize,
    /// How many levels stand above the leaves.
    height: u32,
}

impl<T: Clone + Default> Vector<T> {
    pub(super) fn new() -> Self {
        Self {
            root: Arc::new(Node::leaf()),
            len: 0,
            height: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        if index >= self.len {
            return None;
        }
        let mut node = &*self.root;
        let mut level = self.height;
        loop {
            match node {
                Node::Branch(children) => {
                    node = children.get(branch_slot(index, level))?.as_deref()?;
                    level = level.wrapping_sub(1);
                }
                Node::Leaf(items) => return items.get(index % LEAF),
            }
        }
    }

    /// The item to change, copied if it is shared.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        if index >= self.len {
            return None;
        }
        self.place(index)
    }

    pub(super) fn push(&mut self, item: T) {
        if let Some(place) = self.reach(self.len) {
            *place = item;
        }
    }

    /// The item to change, copied if it is shared; the vector is made so long that there is one.
    pub(super) fn reach(&mut self, index: usize) -> Option<&mut T> {
        while index >= LEAF << (BITS * self.height) {
            let mut children = [const { None }; WIDTH];
            if let Some(first) = children.first_mut() {
                *first = Some(Arc::clone(&self.root));
            }
            self.root = Arc::new(Node::Branch(children));
            self.height += 1;
        }
        self.len = self.len.max(index + 1);
        self.place(index)
    }

    /// The place of an index within the capacity of the tree; nodes on the way are made.
    fn place(&mut self, index: usize) -> Option<&mut T> {
        let mut node = Arc::make_mut(&mut self.root);
        let mut level = self.height;
        loop {
            match node {
                Node::Branch(children) => {
                    let child = children.get_mut(branch_slot(index, level))?;
                    level = level.saturating_sub(1);
                    let child = child.get_or_insert_with(|| match level {
                        0 => Arc::new(Node::leaf()),
                        _ => Arc::new(Node::Branch([const { None }; WIDTH])),
                    });
                    node = Arc::make_mut(child);
                }
                Node::Leaf(items) => return items.get_mut(index % LEAF),
            }
        }
    }
}

impl<T: Default> Node<T> {
    fn leaf() -> Self {
        Self::Leaf(std::array::from_fn(|_| T::default()))
    }
}

/// Where an item lies in a branch of this level; leaves have level 0.
#[inline]
fn branch_slot(index: usize, level: u32) -> usize {
    (index >> (LEAF_BITS + BITS * level.wrapping_sub(1))) % WIDTH
}
