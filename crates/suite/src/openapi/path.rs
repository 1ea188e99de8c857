//! Paths of a document, and whether a call asks for one of them.

use crate::template::{Part, Template};

/// What stands for a value that is not known yet; no path can hold it.
const VALUE: char = '\u{0}';

/// A path with places for parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Vec<Piece>>,
}

/// A part of a segment: `{name}.json` has two.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Parameter(String),
}

/// How much of a segment is written out; more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exactness {
    /// Nothing: a parameter.
    Parameter,
    /// A part, beside a parameter.
    Mixed,
    /// All of it.
    Word,
}

/// The path of a call, without its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPath(String);

impl CallPath {
    /// The path of a call of the suite.
    pub fn of(template: &Template) -> Self {
        let mut text = String::new();
        for part in &template.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Variable(_) => text.push(VALUE),
            }
        }
        let path = text.split(['?', '#']).next().unwrap_or_default();
        Self(path.to_owned())
    }

    /// What follows the prefix, if the path begins with it.
    pub(super) fn behind(&self, prefix: &str) -> Option<Self> {
        let rest = self.0.strip_prefix(prefix)?;
        rest.starts_with('/').then(|| Self(rest.to_owned()))
    }
}

impl Pattern {
    /// The path as a document writes it: `/posts/{postId}`.
    pub fn of(path: &str) -> Self {
        let segments = path.split('/').map(pieces).collect();
        Self { segments }
    }

    /// The names of the parameters, in order.
    pub fn parameters(&self) -> Vec<&str> {
        let pieces = self.segments.iter().flatten();
        let names = pieces.filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Parameter(name) => Some(name.as_str()),
        });
        names.collect()
    }

    /// The segments, each as its text, or none for one that holds a parameter. Without the empty
    /// one before the first slash.
    pub fn segments(&self) -> Vec<Option<&str>> {
        let segments = self.segments.iter().skip(1);
        let text = segments.map(|segment| match segment.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text.as_str()),
            _ => None,
        });
        text.collect()
    }

    /// How exact it is, for comparing: how many segments are written out, then which, and which
    /// in part, from the left.
    pub(super) fn exactness(&self) -> (usize, Vec<Exactness>) {
        let segments = self.segments.iter().map(|it| exactness(it));
        let segments: Vec<Exactness> = segments.collect();
        let words = segments.iter().filter(|it| **it == Exactness::Word);
        (words.count(), segments)
    }

    /// Whether a call asks for it: a parameter is one segment, or a part of one, that is not empty.
    pub(super) fn fits(&self, path: &CallPath) -> bool {
        let mut given = path.0.split('/');
        let fits = |segment: &Vec<Piece>| given.next().is_some_and(|it| segment_fits(segment, it));
        self.segments.iter().all(fits) && given.next().is_none()
    }

    /// The path with every parameter replaced.
    pub fn fill(&self, mut value: impl FnMut(&str) -> String) -> String {
        let segments = self.segments.iter().map(|segment| {
            let piece = |piece: &Piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Parameter(name) => value(name),
            };
            segment.iter().map(piece).collect::<String>()
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

fn exactness(segment: &[Piece]) -> Exactness {
    match segment {
        [] | [Piece::Text(_)] => Exactness::Word,
        [Piece::Parameter(_)] => Exactness::Parameter,
        _ => Exactness::Mixed,
    }
}

fn pieces(segment: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut rest = segment;
    while let Some((text, tail)) = rest.split_once('{') {
        let Some((name, tail)) = tail.split_once('}') else {
            break;
        };
        if !text.is_empty() {
            found.push(Piece::Text(text.to_owned()));
        }
        found.push(Piece::Parameter(name.to_owned()));
        rest = tail;
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest.to_owned()));
    }
    found
}

/// Each text is looked for where it comes first behind the one before, the last one at the end.
/// O(pieces × length).
fn segment_fits(pieces: &[Piece], given: &str) -> bool {
    let mut rest = given;
    let mut open = false;
    let mut left = pieces;
    while let Some((piece, others)) = left.split_first() {
        left = others;
        match piece {
            Piece::Parameter(_) => {
                let mut chars = rest.chars();
                if chars.next().is_none() {
                    return false;
                }
                rest = chars.as_str();
                open = true;
            }
            Piece::Text(text) if !open => match rest.strip_prefix(text.as_str()) {
                Some(tail) => rest = tail,
                None => return false,
            },
            Piece::Text(text) if others.is_empty() => return rest.ends_with(text.as_str()),
            Piece::Text(text) => match rest.split_once(text.as_str()) {
                Some((_, tail)) => {
                    rest = tail;
                    open = false;
                }
                None => return false,
            },
        }
    }
    open || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{CallPath, Pattern};

    #[test]
    fn a_parameter_is_one_segment_or_a_part_of_one() {
        let cases = [
            ("/posts", "/posts", true),
            ("/posts", "/posts/", false),
            ("/posts/{id}", "/posts/\u{0}", true),
            ("/posts/{id}", "/posts/42", true),
            ("/posts/{id}", "/posts/", false),
            ("/posts/{id}", "/posts/1/2", false),
            ("/posts/special", "/posts/\u{0}", false),
            ("/f/{name}.json", "/f/\u{0}.json", true),
            ("/f/{name}.json", "/f/a.json.json", true),
            ("/f/{name}.json", "/f/.json", false),
            ("/f/{a}-{b}", "/f/\u{0}-\u{0}", true),
            ("/f/{a}-{b}", "/f/x-", false),
            ("/f/{a}:copy", "/f/\u{0}:copy", true),
            ("/f/{a}:copy", "/f/\u{0}", false),
            ("/", "/", true),
        ];
        for (pattern, path, expected) in cases {
            let fits = Pattern::of(pattern).fits(&CallPath(path.to_owned()));
            assert_eq!(fits, expected, "{pattern} {path}");
        }
    }
}
