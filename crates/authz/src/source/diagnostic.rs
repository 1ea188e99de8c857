//! One mistake in a source, and how it is shown.

use std::collections::HashSet;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Place, Source};

/// A mistake in a file that a user wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Where it is.
    pub place: Place,
    /// What is wrong: a lowercase fragment, the user's own text in backticks.
    pub message: String,
    /// What stands under the caret, usually what was expected.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake without label and help.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
            label: None,
            help: None,
        }
    }

    /// The same mistake with `label` under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same mistake with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same mistake with "did you mean", where a candidate is near to `word`.
    #[must_use]
    pub fn nearest<'a>(self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match super::nearest(word, candidates) {
            Some(candidate) => self.help(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Adds a mistake.
    pub fn push(&mut self, mistake: Diagnostic) {
        self.0.push(mistake);
    }

    /// How many mistakes have been told so far.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether a mistake has been told at this place. O(mistakes).
    pub fn is_told(&self, place: &Place) -> bool {
        self.0.iter().any(|mistake| mistake.place == *place)
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mistakes in the order of the text: by file, then by place; equal ones once.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        let mut seen = HashSet::new();
        self.0.retain(|mistake| seen.insert(mistake.clone()));
        self.0.sort_by(|a, b| {
            (&a.place.file, a.place.span.start).cmp(&(&b.place.file, b.place.span.start))
        });
        self.0
    }

    /// `value` if nothing is wrong.
    ///
    /// # Errors
    /// The mistakes, sorted, if there are any.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<Diagnostic>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.into_sorted()),
        }
    }
}

/// The mistakes as a person reads them: file, line, the text with a caret, help.
///
/// `sources` must hold the sources in which the mistakes were found; a mistake in another one is
/// shown without its text.
pub fn render(mistakes: &[Diagnostic], sources: &[Source], colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut out = String::new();
    for mistake in mistakes {
        out.push_str(&render_one(mistake, sources, &renderer));
        out.push_str("\n\n");
    }
    let count = mistakes.len();
    let noun = if count == 1 { "mistake" } else { "mistakes" };
    out.push_str(&format!("{count} {noun} found\n"));
    out
}

fn render_one(mistake: &Diagnostic, sources: &[Source], renderer: &Renderer) -> String {
    let place = &mistake.place;
    let source = sources.iter().find(|source| source.name() == &*place.file);
    let Some(source) = source else {
        return format!("error: {place}: {}", mistake.message);
    };
    let window = Window::around(place, source.text());
    let mut annotation = AnnotationKind::Primary.span(window.span.clone());
    if let Some(label) = &mistake.label {
        annotation = annotation.label(label.as_str());
    }
    // Only what is shown is handed on: a large file would be gone through for each mistake.
    let snippet = Snippet::source(window.text)
        .line_start(place.line)
        .path(source.name())
        .annotation(annotation);
    let mut group = Level::ERROR
        .primary_title(mistake.message.as_str())
        .element(snippet);
    if let Some(help) = &mistake.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// What is shown of a source around a place.
struct Window<'a> {
    text: &'a str,
    /// The place, in the text.
    span: std::ops::Range<usize>,
}

/// A line longer than this, in bytes, is shown from the place on.
const LINE_BYTES_MAX: usize = 1_000;

impl<'a> Window<'a> {
    /// The line of a place, with its first line marked: a caret under half a file helps nobody.
    fn around(place: &Place, text: &'a str) -> Self {
        let start = place.span.start.min(text.len());
        let end = place.span.end.clamp(start, text.len());
        let before = text.get(..start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(start..).unwrap_or("");
        let line_end = start + rest.find('\n').unwrap_or(rest.len());
        let from = if line_end - line_start > LINE_BYTES_MAX {
            start
        } else {
            line_start
        };
        let to = floor_char(text, line_end.min(from + LINE_BYTES_MAX));
        let marked = text.get(start..end.min(to)).unwrap_or("");
        let marked = marked.lines().next().unwrap_or("").trim_end().len();
        Self {
            text: text.get(from..to).unwrap_or(""),
            span: start - from..start - from + marked,
        }
    }
}

/// The last boundary between characters that is not behind `at`.
fn floor_char(text: &str, at: usize) -> usize {
    (0..=at)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}
