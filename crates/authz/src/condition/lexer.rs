//! Text into tokens: the lexical rules of the CEL language definition, section "Syntax".

use std::ops::Range;

use super::mistake::Mistake;
use super::text;

/// A word or sign of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Int(u64),
    Uint(u64),
    Double(f64),
    String(String),
    /// An operator, a bracket, a comma or a dot.
    Sign(&'static str),
}

/// A token and the bytes that it stands in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spanned {
    pub(super) token: Token,
    pub(super) span: Range<usize>,
}

/// The longer signs first: `<=` is not `<` and `=`.
const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}",
];

/// The tokens of a condition, white space and comments left out.
///
/// # Errors
/// The first character or literal that is not part of the language.
pub(super) fn tokens(text: &str) -> Result<Vec<Spanned>, Mistake> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<Spanned>, Mistake> {
        self.skip();
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok(None);
        };
        let token = if let Some(length) = text::opening(self.rest()) {
            self.string(length)?
        } else if first.is_ascii_digit() || self.starts_fraction() {
            self.number()?
        } else if is_name(first) {
            Token::Name(self.take_while(is_name).to_owned())
        } else {
            self.sign(first)?
        };
        let span = start..self.at;
        Ok(Some(Spanned { token, span }))
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Steps over white space and `//` comments.
    fn skip(&mut self) {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}'));
            if !self.rest().starts_with("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &str {
        let start = self.at;
        let rest = self.rest();
        let length = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += length;
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn sign(&mut self, first: char) -> Result<Token, Mistake> {
        let found = SIGNS.iter().find(|sign| self.rest().starts_with(**sign));
        if let Some(sign) = found {
            self.at += sign.len();
            return Ok(Token::Sign(sign));
        }
        let span = self.at..self.at + first.len_utf8();
        let mistake = Mistake::new(span, format!("unexpected character `{first}`"));
        Err(match first {
            '=' => mistake.help("equality is `==`"),
            '&' => mistake.help("\"and\" is `&&`"),
            '|' => mistake.help("\"or\" is `||`"),
            '#' => mistake.help("a comment in a condition is `// ...`"),
            _ => mistake,
        })
    }

    fn string(&mut self, opening: text::Opening) -> Result<Token, Mistake> {
        let (content, length) = text::read(self.rest(), opening, self.at)?;
        self.at += length;
        Ok(Token::String(content))
    }

    fn starts_fraction(&self) -> bool {
        let mut chars = self.rest().chars();
        chars.next() == Some('.') && chars.next().is_some_and(|c| c.is_ascii_digit())
    }

    fn number(&mut self) -> Result<Token, Mistake> {
        let start = self.at;
        let is_hexadecimal = self.rest().starts_with("0x") || self.rest().starts_with("0X");
        let token = if is_hexadecimal {
            self.at += 2;
            self.hexadecimal(start)
        } else {
            self.decimal(start)
        }?;
        if self.rest().starts_with(is_name) {
            self.take_while(is_name);
            let text = self.text.get(start..self.at).unwrap_or_default();
            let message = format!("`{text}` is neither a number nor a name");
            return Err(Mistake::new(start..self.at, message));
        }
        Ok(token)
    }

    fn hexadecimal(&mut self, start: usize) -> Result<Token, Mistake> {
        let digits = self.take_while(|c| c.is_ascii_hexdigit());
        let value = u64::from_str_radix(digits, 16);
        self.whole(start, value.ok())
    }

    fn decimal(&mut self, start: usize) -> Result<Token, Mistake> {
        self.take_while(|c| c.is_ascii_digit());
        let fraction = self.starts_fraction();
        if fraction {
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
        }
        let exponent = self.exponent();
        let text = self.text.get(start..self.at).unwrap_or_default();
        if !fraction && !exponent {
            let value = text.parse();
            return self.whole(start, value.ok());
        }
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
        let token = value.map(Token::Double);
        token.ok_or_else(|| self.too_large(start, "a double"))
    }

    /// Steps over an exponent, if one stands here.
    fn exponent(&mut self) -> bool {
        let Some(rest) = self.rest().strip_prefix(['e', 'E']) else {
            return false;
        };
        let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
        self.at += 1 + rest.len() - digits.len();
        self.take_while(|c| c.is_ascii_digit());
        true
    }

    /// A whole number, unsigned where a `u` follows.
    fn whole(&mut self, start: usize, value: Option<u64>) -> Result<Token, Mistake> {
        let unsigned = self.rest().starts_with(['u', 'U']);
        if unsigned {
            self.at += 1;
        }
        let Some(value) = value else {
            let kind = if unsigned { "a uint" } else { "an int" };
            return Err(self.too_large(start, kind));
        };
        Ok(if unsigned {
            Token::Uint(value)
        } else {
            Token::Int(value)
        })
    }

    fn too_large(&self, start: usize, kind: &str) -> Mistake {
        let text = self.text.get(start..self.at).unwrap_or_default();
        Mistake::new(start..self.at, format!("`{text}` is not {kind}"))
            .label("a number has at most 64 bits")
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
