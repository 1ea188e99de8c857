//! SPDX licence expressions (SPDX specification 2.3, annex D), as far as package manifests use them.
//!
//! `AND` binds tighter than `OR`; an exception after `WITH` belongs to its licence and has to be
//! allowed together with it. The old `MIT/Apache-2.0` of crates.io means `OR`.

/// Whether an expression is met by the licences that are accepted; none if it cannot be read.
pub(crate) fn is_met(written: &str, accepts: impl Fn(&str) -> bool) -> Option<bool> {
    let spaced = written
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut reader = Reader {
        words: spaced.split_whitespace().peekable(),
        accepts,
    };
    let met = reader.alternatives()?;
    reader.words.next().is_none().then_some(met)
}

struct Reader<'a, F> {
    words: std::iter::Peekable<std::str::SplitWhitespace<'a>>,
    accepts: F,
}

impl<F: Fn(&str) -> bool> Reader<'_, F> {
    fn alternatives(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.words.next_if_eq(&"OR").is_some() {
            met |= self.all()?;
        }
        Some(met)
    }

    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.words.next_if_eq(&"AND").is_some() {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        match self.words.next()? {
            "(" => {
                let met = self.alternatives()?;
                (self.words.next()? == ")").then_some(met)
            }
            ")" | "AND" | "OR" | "WITH" => None,
            id => self.licence(id),
        }
    }

    fn licence(&mut self, id: &str) -> Option<bool> {
        if self.words.next_if_eq(&"WITH").is_none() {
            return Some((self.accepts)(id));
        }
        let exception = self.words.next()?;
        Some((self.accepts)(&format!("{id} WITH {exception}")))
    }
}
