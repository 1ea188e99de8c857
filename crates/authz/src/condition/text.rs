//! String literals: quotes of one or three, raw or with escapes (CEL language definition,
//! section "String and Bytes Values").

use super::mistake::Mistake;

/// How a string literal begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    raw: bool,
    quote: &'static str,
}

const QUOTES: [&str; 4] = ["\"\"\"", "'''", "\"", "'"];

/// The opening of the string literal that stands here, if one does.
pub(super) fn opening(text: &str) -> Option<Opening> {
    let after_prefix = text.strip_prefix(['r', 'R']);
    let body = after_prefix.unwrap_or(text);
    let quote = QUOTES.into_iter().find(|quote| body.starts_with(quote))?;
    Some(Opening {
        raw: after_prefix.is_some(),
        quote,
    })
}

/// The content of the literal that begins with `opening`, and its length in bytes. `at` is where
/// the literal stands, for mistakes.
///
/// # Errors
/// A literal that does not end, or an escape that does not exist.
pub(super) fn read(text: &str, opening: Opening, at: usize) -> Result<(String, usize), Mistake> {
    let prefix = usize::from(opening.raw) + opening.quote.len();
    let mut position = prefix;
    let mut content = String::new();
    loop {
        let rest = text.get(position..).unwrap_or_default();
        if rest.starts_with(opening.quote) {
            return Ok((content, position + opening.quote.len()));
        }
        let next = rest.chars().next();
        let Some(next) = next.filter(|&c| opening.quote.len() == 3 || c != '\n') else {
            let mistake = Mistake::new(at..at + prefix, "a string without an end");
            return Err(mistake.label(format!("expected a closing {}", opening.quote)));
        };
        if next == '\\' && !opening.raw {
            let (escaped, length) =
                escape(rest).ok_or_else(|| unknown_escape(rest, at + position))?;
            content.push(escaped);
            position += length;
        } else {
            content.push(next);
            position += next.len_utf8();
        }
    }
}

fn unknown_escape(text: &str, at: usize) -> Mistake {
    let escape: String = text.chars().take(2).collect();
    Mistake::new(at..at + escape.len(), format!("unknown escape `{escape}`"))
        .help("a backslash itself is `\\\\`; in a raw string, r\"...\", it needs no escape")
}

/// The character that an escape stands for, and the escape's length.
fn escape(text: &str) -> Option<(char, usize)> {
    let kind = text.chars().nth(1)?;
    let simple = |c| Some((c, 2));
    match kind {
        'a' => simple('\u{7}'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{b}'),
        '\\' | '?' | '"' | '\'' | '`' => simple(kind),
        'x' | 'X' => coded(text, 2, 2, 16),
        'u' => coded(text, 2, 4, 16),
        'U' => coded(text, 2, 8, 16),
        '0'..='3' => coded(text, 1, 3, 8),
        _ => None,
    }
}

fn coded(text: &str, skip: usize, digits: usize, radix: u32) -> Option<(char, usize)> {
    let code = text.get(skip..skip + digits)?;
    let all_digits = code.chars().all(|c| c.is_digit(radix));
    let code = u32::from_str_radix(code, radix)
        .ok()
        .filter(|_| all_digits)?;
    Some((char::from_u32(code)?, skip + digits))
}
