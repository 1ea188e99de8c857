//! Patterns that texts of a request are held against: `keyMatch` and its like, `regexMatch`.

use regex::Regex;

use super::super::write::quoted;

/// The functions that hold a text of the request against a pattern of the line.
pub(super) const PATTERNS: [&str; 6] = [
    "keyMatch",
    "keyMatch2",
    "keyMatch3",
    "keyMatch4",
    "keyMatch5",
    "regexMatch",
];

/// The condition that a path is this one.
pub(super) fn is_path(path: &str) -> String {
    format!("resource.path == {}", quoted(path))
}

/// The regular expression that a function holds a text against, as Casbin makes it of the
/// pattern (casbin.org/docs/function).
fn pattern(function: &str, value: &str) -> Result<String, String> {
    Ok(match function {
        "keyMatch" => match value.split_once('*') {
            Some((prefix, _)) => format!("^(?s:{}.*)$", regex::escape(prefix)),
            None => format!("^{}$", regex::escape(value)),
        },
        "keyMatch2" => format!("^{}$", with_placeholders(value, ":", "")),
        "keyMatch3" => format!("^{}$", with_placeholders(value, "{", "}")),
        "keyMatch4" => {
            expect_different_placeholders(value)?;
            format!("^{}$", with_placeholders(value, "{", "}"))
        }
        "keyMatch5" => format!("^{}(?s:\\?.*)?$", before_the_query(value)?),
        _ => value.to_owned(),
    })
}

/// `keyMatch4` wants the same text wherever it has the same name, which no regular expression can.
fn expect_different_placeholders(value: &str) -> Result<(), String> {
    let names = value.split('{').skip(1);
    let names: Vec<&str> = names.filter_map(|it| Some(it.split_once('}')?.0)).collect();
    let is_again = |(at, name): (usize, &&str)| names.iter().take(at).any(|it| it == name);
    match names.iter().enumerate().find(|it| is_again(*it)) {
        Some((_, name)) => Err(format!("`{value}` asks for the same `{{{name}}}` twice")),
        None if value.contains('(') => Err(format!("`{value}` has parentheses")),
        None => Ok(()),
    }
}

/// `keyMatch5` looks at what stands before the first `?`.
fn before_the_query(value: &str) -> Result<String, String> {
    let is_plain = |c: char| !"[]()+?|\\^$".contains(c);
    if !value.chars().all(is_plain) {
        return Err(format!("`{value}` is more than names, `*` and `.`"));
    }
    let pattern = with_placeholders(value, "{", "}");
    // Neither a segment nor `.` reaches into the query.
    let segments = pattern.split("[^/]+").map(|it| it.replace('.', "[^?\\n]"));
    Ok(segments.collect::<Vec<_>>().join("[^/?]+"))
}

/// `/*` stands for anything behind a slash; `:name` or `{name}` for one segment.
fn with_placeholders(value: &str, start: &str, end: &str) -> String {
    let value = value.replace("/*", "/.*");
    let segments = value.split('/').map(|segment| {
        let Some((before, rest)) = segment.split_once(start) else {
            return segment.to_owned();
        };
        // The name goes as far as it can.
        match end {
            "" if rest.is_empty() => segment.to_owned(),
            "" => format!("{before}[^/]+"),
            end => match rest.rsplit_once(end) {
                Some((name, after)) if !name.is_empty() => format!("{before}[^/]+{after}"),
                _ => segment.to_owned(),
            },
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The pattern of a line as a regular expression.
///
/// # Errors
/// Why there is none.
pub(super) fn compiled(function: &str, value: &str) -> Result<Regex, String> {
    let told = |_| format!("`{value}` makes no regular expression");
    Regex::new(&pattern(function, value)?).map_err(told)
}

/// The condition that a path meets a pattern; none if every path does.
///
/// # Errors
/// The pattern is none.
pub(super) fn path_condition(function: &str, value: &str) -> Result<Option<String>, String> {
    compiled(function, value)?;
    Ok(match (function, value.split_once('*')) {
        ("keyMatch", Some(("", _))) => None,
        ("keyMatch", Some((prefix, _))) => {
            Some(format!("resource.path.startsWith({})", quoted(prefix)))
        }
        ("keyMatch", None) => Some(is_path(value)),
        _ => {
            let pattern = pattern(function, value)?;
            let inner = pattern
                .strip_prefix('^')
                .and_then(|it| it.strip_suffix('$'));
            let is_plain = inner.is_some_and(|inner| regex::escape(inner) == inner);
            match inner.filter(|_| is_plain) {
                Some(path) => Some(is_path(path)),
                None => Some(format!("resource.path.matches({})", quoted(&pattern))),
            }
        }
    })
}

/// The words of a pattern that is nothing but words: `(GET)|(POST)`.
pub(super) fn words_of(pattern: &str) -> Vec<String> {
    let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
    let words = pattern.split('|').map(|it| it.trim_matches(['(', ')']));
    let is_word = |word: &&str| {
        let of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':');
        !word.is_empty() && word.chars().all(of_word)
    };
    words.filter(is_word).map(str::to_owned).collect()
}
