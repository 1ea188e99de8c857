//! Text of other people within Markdown (GitHub Flavored Markdown, which GitLab reads as well).
//!
//! All of it stands in code: there neither HTML nor emphasis nor mentions nor references nor
//! addresses mean anything. Texts must be clean, that is, be one line, before they come here.

/// The text as a code span.
pub(super) fn code(text: &str) -> String {
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(backticks(text) + 1);
    // A space on both sides is taken away again (CommonMark 6.1).
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The text as a code span in a table, whose columns end at every `|` without a backslash, in
/// code too. Whether `\\|` ends one is read differently, so a space comes between.
pub(super) fn cell_code(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '|' {
            escaped.push_str(if escaped.ends_with('\\') { " \\" } else { "\\" });
        }
        escaped.push(character);
    }
    code(&escaped)
}

/// The text as it is where it has nothing but words, else as a code span.
pub(super) fn prose(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || " ,'".contains(c);
    if text.chars().all(is_word) && !text.starts_with(' ') {
        text.to_owned()
    } else {
        code(text)
    }
}

/// The text as code within HTML, where Markdown is not read.
pub(super) fn html_code(text: &str) -> String {
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;");
    format!("<code>{escaped}</code>")
}

/// The lines as a block of code in this language.
pub(super) fn block<'a>(language: &str, lines: impl IntoIterator<Item = &'a str>) -> String {
    let lines: Vec<&str> = lines.into_iter().collect();
    let longest = lines.iter().map(|line| backticks(line)).max();
    let fence = "`".repeat((longest.unwrap_or(0) + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// The text of at most so many characters, with `...` where it was cut.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => text.get(..end).unwrap_or(text).to_owned() + " ...",
        None => text.to_owned(),
    }
}

/// How many backticks stand together at most.
fn backticks(text: &str) -> usize {
    let runs = text.split(|character| character != '`');
    runs.map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_holds_whatever_it_is_given() {
        let cases = [
            ("plain", "`plain`", "`plain`"),
            ("a|b", "`a|b`", "`a\\|b`"),
            ("a\\|b||", "`a\\|b||`", "`a\\ \\|b\\|\\|`"),
            ("`x`", "`` `x` ``", "`` `x` ``"),
            ("a``b", "```a``b```", "```a``b```"),
            ("@team <b>", "`@team <b>`", "`@team <b>`"),
            ("", "(empty)", "(empty)"),
            ("  ", "(empty)", "(empty)"),
        ];
        for (text, span, in_table) in cases {
            assert_eq!(code(text), span);
            assert_eq!(cell_code(text), in_table);
        }
    }

    #[test]
    fn only_words_stand_outside_of_code() {
        let cases = [
            (
                "viewer updates editor's post, and more",
                "viewer updates editor's post, and more",
            ),
            ("@team reads a post", "`@team reads a post`"),
            ("a <img>", "`a <img>`"),
            ("www.example.test", "`www.example.test`"),
            ("see #1", "`see #1`"),
            ("*a*", "`*a*`"),
            ("    indented", "`    indented`"),
        ];
        for (text, expected) in cases {
            assert_eq!(prose(text), expected);
        }
    }

    #[test]
    fn html_is_text() {
        assert_eq!(
            html_code("</code><script>&'\""),
            "<code>&lt;/code&gt;&lt;script&gt;&amp;&#39;&quot;</code>"
        );
    }

    #[test]
    fn a_block_ends_where_it_should() {
        assert_eq!(block("sh", ["a", "b"]), "```sh\na\nb\n```\n");
        assert_eq!(block("", ["````"]), "`````\n````\n`````\n");
    }

    #[test]
    fn cut_texts_say_so() {
        assert_eq!(cut("日本語", 3), "日本語");
        assert_eq!(cut("日本語", 2), "日本 ...");
    }
}
