//! A vector whose clones share what they have in common: a tree of wide nodes. A change to a
//! vector that nobody shares is made in place; else only the nodes on its way are copied.

use std::sync::Arc;

const BITS: u32 = 5;
const WIDTH: usize = 1 << BITS;

#[derive(Debug, Clone)]
enum Node<T> {
    Branch(Vec<Arc<Node<T>>>),
    Leaf(Vec<T>),
}

#[derive(Debug, Clone)]
pub(super) struct Vector<T> {
    root: Arc<Node<T>>,
    len: usize,
    /// How many levels stand above the leaves.
    height: u32,
}

impl<T: Clone> Vector<T> {
    pub(super) fn new() -> Self {
        Self {
            root: Arc::new(Node::Leaf(Vec::new())),
            len: 0,
            height: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        let mut node = &*self.root;
        let mut level = self.height;
        if index >= self.len {
            return None;
        }
        loop {
            match node {
                Node::Branch(children) => {
                    node = children.get(slot(index, level))?;
                    level = level.saturating_sub(1);
                }
                Node::Leaf(items) => return items.get(slot(index, 0)),
            }
        }
    }

    /// The item to change, copied if it is shared.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let mut node = Arc::make_mut(&mut self.root);
        let mut level = self.height;
        loop {
            match node {
                Node::Branch(children) => {
                    node = Arc::make_mut(children.get_mut(slot(index, level))?);
                    level = level.saturating_sub(1);
                }
                Node::Leaf(items) => return items.get_mut(slot(index, 0)),
            }
        }
    }

    pub(super) fn push(&mut self, item: T) {
        if self.len >= WIDTH << (BITS * self.height) {
            let old = std::mem::replace(&mut self.root, Arc::new(Node::Leaf(Vec::new())));
            self.root = Arc::new(Node::Branch(vec![old]));
            self.height += 1;
        }
        let mut node = Arc::make_mut(&mut self.root);
        let mut level = self.height;
        loop {
            match node {
                Node::Leaf(items) => {
                    items.push(item);
                    break;
                }
                Node::Branch(children) => {
                    let slot = slot(self.len, level);
                    level = level.saturating_sub(1);
                    if slot == children.len() {
                        let child = match level {
                            0 => Node::Leaf(Vec::new()),
                            _ => Node::Branch(Vec::new()),
                        };
                        children.push(Arc::new(child));
                    }
                    let Some(child) = children.get_mut(slot) else {
                        return;
                    };
                    node = Arc::make_mut(child);
                }
            }
        }
        self.len += 1;
    }
}

/// Where an item lies in a node of this level; leaves have level 0.
fn slot(index: usize, level: u32) -> usize {
    (index >> (BITS * level)) & (WIDTH - 1)
}
