//! Words and signs of the two languages of relation models, with their places.
//!
//! Reads one token ahead. White space separates; a line break is remembered, because statements
//! begin on lines of their own and a reader that has lost its way goes on at the next one.

use std::ops::Range;
use std::sync::Arc;

use crate::source::{Place, Source};

/// How the tokens of a language look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lexis {
    /// Whether a character continues a word.
    pub(super) is_word: fn(char) -> bool,
    /// Signs of more than one character.
    pub(super) long_signs: &'static [&'static str],
    /// Whether `#` behind white space begins a comment; else `//` and `/* */` do.
    pub(super) hash_comments: bool,
}

/// A word, or a sign.
#[derive(Debug, Clone)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) is_word: bool,
    pub(super) starts_line: bool,
    pub(super) place: Place,
}

impl Token<'_> {
    /// The name that the word is.
    pub(super) fn name(&self) -> Arc<str> {
        self.text.into()
    }
}

pub(super) struct Scanner<'a> {
    source: &'a Source,
    text: &'a str,
    lexis: Lexis,
    at: usize,
    end: usize,
    line: usize,
    column: usize,
    peeked: Option<Option<Token<'a>>>,
}

impl<'a> Scanner<'a> {
    /// Reads the bytes `window` of the source.
    pub(super) fn new(source: &'a Source, window: Range<usize>, lexis: Lexis) -> Self {
        let start = source.place(window.start..window.start);
        Self {
            source,
            text: source.text(),
            lexis,
            at: window.start,
            end: window.end.min(source.text().len()),
            line: start.line,
            column: start.column,
            peeked: None,
        }
    }

    pub(super) fn peek(&mut self) -> Option<&Token<'a>> {
        if self.peeked.is_none() {
            let token = self.read();
            self.peeked = Some(token);
        }
        self.peeked.as_ref().and_then(Option::as_ref)
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        match self.peeked.take() {
            Some(token) => token,
            None => self.read(),
        }
    }

    /// Whether the next token is this one.
    pub(super) fn is(&mut self, text: &str) -> bool {
        self.peek().is_some_and(|token| token.text == text)
    }

    /// Steps over the next token if it is this one.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.is(text);
        if found {
            self.next();
        }
        found
    }

    /// The place of the next token, or of the end.
    pub(super) fn place(&mut self) -> Place {
        if let Some(token) = self.peek() {
            return token.place.clone();
        }
        Place {
            file: self.source.place(0..0).file,
            span: self.end..self.end,
            line: self.line,
            column: self.column,
        }
    }

    /// The text up to the `}` that closes a block whose `{` has just been read, without the white
    /// space around it, and where it stands. The `}` is read, too; none if there is none.
    pub(super) fn block(&mut self) -> Option<(&'a str, Place)> {
        let first = self.place();
        let start = first.span.start;
        let body = self.text.get(start..self.end)?;
        let length = closing(body)?;
        let content = body.get(..length)?;
        if let Some(Some(peeked)) = self.peeked.take() {
            self.at = peeked.place.span.start;
            (self.line, self.column) = (peeked.place.line, peeked.place.column);
        }
        self.skip_to(start + length + 1);
        let content = content.trim_end();
        let span = start..start + content.len();
        Some((content, Place { span, ..first }))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    /// Goes forward, counting lines and columns.
    fn skip_to(&mut self, at: usize) {
        let passed = self.text.get(self.at..at).unwrap_or_default();
        for c in passed.chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.at = at;
    }

    /// Steps over white space and comments; whether a line break or the beginning was among them.
    fn skip(&mut self) -> bool {
        let mut starts_line = self.at == 0;
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            let passed = rest.get(..blank).unwrap_or_default();
            starts_line |= passed.contains('\n');
            let before = self
                .text
                .get(..self.at)
                .and_then(|text| text.chars().next_back());
            let behind_space = blank > 0 || before.is_none_or(char::is_whitespace);
            self.skip_to(self.at + blank);
            let rest = self.rest();
            let line = rest.find('\n').unwrap_or(rest.len());
            let comment = if self.lexis.hash_comments {
                (rest.starts_with('#') && behind_space).then_some(line)
            } else if rest.starts_with("//") {
                Some(line)
            } else if rest.starts_with("/*") {
                Some(rest.find("*/").map_or(rest.len(), |at| at + 2))
            } else {
                None
            };
            let Some(length) = comment else {
                return starts_line;
            };
            self.skip_to(self.at + length);
        }
    }

    fn read(&mut self) -> Option<Token<'a>> {
        let starts_line = self.skip();
        let rest = self.rest();
        let first = rest.chars().next()?;
        let (length, is_word) = if (self.lexis.is_word)(first) {
            let length = rest.find(|c| !(self.lexis.is_word)(c));
            (length.unwrap_or(rest.len()), true)
        } else {
            let mut signs = self.lexis.long_signs.iter();
            let sign = signs.find(|sign| rest.starts_with(**sign));
            (sign.map_or(first.len_utf8(), |sign| sign.len()), false)
        };
        let place = Place {
            file: self.source.place(0..0).file,
            span: self.at..self.at + length,
            line: self.line,
            column: self.column,
        };
        self.skip_to(self.at + length);
        Some(Token {
            text: rest.get(..length)?,
            is_word,
            starts_line,
            place,
        })
    }
}

/// The position of the `}` that has no `{`, outside of strings and of `//` comments.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                chars.next();
            }
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '/') if text.get(at..).is_some_and(|rest| rest.starts_with("//")) => {
                chars.by_ref().find(|(_, c)| *c == '\n');
            }
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}
