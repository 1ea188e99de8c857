//! Many facts at once, from text.

use super::edges::Edge;
use super::pages::Pages;
use super::parse::parts;
use super::snapshot::{NO_DETAIL, ObjectId};
use super::{Relationship, Store};

impl Store {
    /// A store with the facts that the texts say, each `object#relation@subject` with what may
    /// stand behind it. Of two facts with the same ends the later one counts. Sorts once at the
    /// end instead of writing fact by fact.
    ///
    /// # Errors
    /// Every text that is no fact: its place among the texts, and what is wrong with it.
    pub fn from_texts<'t>(
        texts: impl IntoIterator<Item = &'t str>,
    ) -> Result<Self, Vec<(usize, String)>> {
        let mut store = Self::new();
        let mut edges = Vec::new();
        let mut mistakes = Vec::new();
        for (at, text) in texts.into_iter().enumerate() {
            match store.edge(text) {
                Ok(edge) => edges.push(edge),
                Err(message) => mistakes.push((at, message)),
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        store.build(edges);
        Ok(store)
    }

    /// The fact as an edge of its object.
    fn edge(&mut self, text: &str) -> Result<(ObjectId, Edge), String> {
        let parts = parts(text)?;
        let detail = match parts.brackets {
            "" => NO_DETAIL,
            _ => {
                let fact: Relationship = text.parse()?;
                self.detail(&fact)
            }
        };
        let ends = self.intern_ends(parts.ends);
        let (object, other, kind) = ends.ok_or_else(|| "there are too many objects".to_owned())?;
        let edge = Edge {
            kind,
            other,
            detail,
        };
        Ok((object, edge))
    }

    fn build(&mut self, mut edges: Vec<(ObjectId, Edge)>) {
        let objects = self.current.object_count();
        let mut replaced = Vec::new();
        self.current.subjects = Pages::build(objects, &edges, |edge| replaced.push(edge.detail));
        for (object, edge) in &mut edges {
            std::mem::swap(object, &mut edge.other);
        }
        self.current.objects = Pages::build(objects, &edges, drop);
        self.current.revision = u64::try_from(edges.len()).unwrap_or(u64::MAX);
        self.current.count = edges.len() - replaced.len();
        replaced.into_iter().for_each(|detail| self.release(detail));
    }
}
