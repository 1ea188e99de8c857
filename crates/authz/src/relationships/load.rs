//! Many facts at once, from text.

use super::edges::Edge;
use super::kinds::{Kind, KindId};
use super::pages::Pages;
use super::parse::parts;
use super::snapshot::{NO_DETAIL, ObjectId};
use super::store::Ends;
use super::{Relationship, Store, WILDCARD};

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
        let mut loading = Loading::default();
        let mut mistakes = Vec::new();
        for (at, text) in texts.into_iter().enumerate() {
            if let Err(message) = loading.add(&mut store, text) {
                mistakes.push((at, message));
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        store.build(loading.edges);
        Ok(store)
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

/// Kinds that are remembered by their names: more than most models have.
const KINDS_MAX: usize = 32;

/// What has been read so far, and what is likely to come again.
#[derive(Default)]
struct Loading<'t> {
    edges: Vec<(ObjectId, Edge)>,
    kinds: Vec<(Ends<'t>, Kind, KindId)>,
    /// The object of the last fact, and its number.
    last: Option<((&'t str, &'t str), ObjectId)>,
}

impl<'t> Loading<'t> {
    fn add(&mut self, store: &mut Store, text: &'t str) -> Result<(), String> {
        let parts = parts(text)?;
        let detail = match parts.brackets {
            "" => NO_DETAIL,
            _ => {
                let fact: Relationship = text.parse()?;
                store.detail(&fact)
            }
        };
        let numbers = self.numbers(store, parts.ends);
        let (object, other, kind) =
            numbers.ok_or_else(|| "there are too many objects".to_owned())?;
        let edge = Edge {
            kind,
            other,
            detail,
        };
        self.edges.push((object, edge));
        Ok(())
    }

    fn numbers(
        &mut self,
        store: &mut Store,
        ends: Ends<'t>,
    ) -> Option<(ObjectId, ObjectId, KindId)> {
        let mut kinds = self.kinds.iter();
        let (kind, number) = match kinds.find(|it| is_same_kind(&it.0, &ends)) {
            Some((_, kind, number)) => (*kind, *number),
            None => {
                let (kind, number) = store.intern_kind(ends)?;
                if self.kinds.len() < KINDS_MAX {
                    self.kinds.push((ends, kind, number));
                }
                (kind, number)
            }
        };
        let object = match self.last {
            Some((last, object)) if last == ends.object => object,
            _ => store.intern(kind.object_type, ends.object.1)?,
        };
        self.last = Some((ends.object, object));
        let subject = store.intern(kind.subject_type, ends.subject.1)?;
        Some((object, subject, number))
    }
}

fn is_same_kind(a: &Ends<'_>, b: &Ends<'_>) -> bool {
    a.relation == b.relation
        && a.object.0 == b.object.0
        && a.subject.0 == b.subject.0
        && a.subject_relation == b.subject_relation
        && (a.subject.1 == WILDCARD) == (b.subject.1 == WILDCARD)
}
