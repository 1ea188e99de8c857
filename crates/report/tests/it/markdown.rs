//! The Markdown report, and what a reader of Markdown makes of it.

use pulldown_cmark::{Event as Part, Options, Parser, Tag, TagEnd};
use report::markdown::MarkdownReporter;
use suite::event::{CellRecord, Change, Event};
use suite::verdict::Verdict;

use crate::given;
use crate::hostile::{EVIL, spoilt_cell};

const CHARS_MAX: usize = 60_000;

/// Ends whatever it stands in, and begins whatever a reader may make something of.
const MARKS: &str = "|\\|\\\\|`` ` ```\n\n</code></summary></details><script>alert(1)</script><!-- @team #1 \
                     [x](http://evil.test) ![i](http://evil.test) http://evil.test www.evil.test $x$ ~~~ **b** &lt; ]]>";

fn text(events: &[Event]) -> String {
    let mut out = Vec::new();
    given::told(events, &mut out, MarkdownReporter::new);
    String::from_utf8(out).unwrap()
}

fn whole_run() -> Vec<Event> {
    let mut events = given::run_with_drift(given::each_verdict(), given::drifts());
    events.insert(1, given::note("the server closes connections"));
    events
}

#[test]
fn a_run_with_each_verdict() {
    let mut out = Vec::new();
    given::told(&whole_run(), &mut out, |out| {
        MarkdownReporter::new(out).sources("https://forge.test/a/b/blob/0123abc/")
    });
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn everything_held() {
    let cells = given::each_verdict().into_iter().take(1);
    let two = cells.flat_map(|cell| {
        let mut other = cell.clone();
        other.cell.push_str("-too");
        [cell, other]
    });
    insta::assert_snapshot!(text(&given::run(two)));
}

#[test]
fn headlines() {
    let held = given::each_verdict().remove(0);
    let unsure = given::each_verdict().remove(7);
    let found = given::escalation();
    let headline = |events: &[Event]| text(events).lines().next().unwrap().to_owned();
    let untried = CellRecord {
        verdict: Verdict::NotApplicable,
        ..given::escalation()
    };
    let cases: [(&[&CellRecord], &str); 8] = [
        (
            &[&held, &held, &untried],
            "## Lockstep: 2 cells held, 1 not applicable",
        ),
        (
            &[&held, &untried, &untried],
            "## Lockstep: 1 cell held, 2 not applicable",
        ),
        (
            &[&untried],
            "## Lockstep: no cell was tried, 1 not applicable",
        ),
        (&[], "## Lockstep: no cell was judged"),
        (&[&held], "## Lockstep: the cell held"),
        (&[&held, &unsure], "## Lockstep: 1 cell inconclusive"),
        (&[&held, &found], "## Lockstep: 1 finding"),
        (
            &[&found, &unsure],
            "## Lockstep: 1 finding, 1 cell inconclusive",
        ),
    ];
    for (cells, expected) in cases {
        let events = given::run(cells.iter().copied().cloned());
        assert_eq!(headline(&events), expected);
    }
    let begun = [given::started(87), given::judged(held)];
    assert_eq!(
        headline(&begun),
        "## Lockstep: interrupted after 1 of 87 cells"
    );
    let begun = [given::started(87), given::judged(found)];
    assert_eq!(
        headline(&begun),
        "## Lockstep: 1 finding, interrupted after 1 of 87 cells"
    );
    // A run that ends without having judged everything has not held.
    let mut short = given::run([given::each_verdict().remove(0)]);
    short[0] = given::started(2);
    assert_eq!(
        headline(&short),
        "## Lockstep: interrupted after 1 of 2 cells"
    );
}

#[test]
fn an_end_that_was_never_told_has_no_numbers() {
    let told = text(&whole_run()[..4]);
    let last = told.lines().last().unwrap();
    assert!(last.contains("interrupted after 2 of 9 cells"), "{last}");
    assert!(!last.contains("request"), "{last}");
}

#[test]
fn the_order_of_the_verdicts_does_not_matter() {
    let mut reversed = given::each_verdict();
    reversed.reverse();
    assert_eq!(
        text(&given::run(reversed)),
        text(&given::run(given::each_verdict()))
    );
}

#[test]
fn places_are_links_only_where_that_is_safe() {
    let linked = |file: &str, base: &str| {
        let cell = CellRecord {
            place: given::place(file, 41),
            ..given::escalation()
        };
        let mut out = Vec::new();
        given::told(&given::run([cell]), &mut out, |out| {
            MarkdownReporter::new(out).sources(base)
        });
        let told = String::from_utf8(out).unwrap();
        told.contains("](https://forge.test/blob/") && told.contains(&format!("{file}#L41)"))
    };
    assert!(linked("suites/a.yaml", "https://forge.test/blob/main"));
    for file in [
        "/etc/a.yaml",
        "../a.yaml",
        "a b.yaml",
        "a).yaml",
        "a|b.yaml",
    ] {
        assert!(!linked(file, "https://forge.test/blob/main"), "{file}");
    }
    for base in [
        "javascript:alert(1)//https://forge.test/blob/",
        "https://forge.test/blob/)",
        "",
    ] {
        assert!(!linked("a.yaml", base), "{base}");
    }
}

#[test]
fn it_is_short_enough_and_says_what_was_cut() {
    let long = "漢字 ".repeat(400);
    let cells = (0..5_000).map(|index| {
        let verdict = if index % 2 == 0 {
            Verdict::Leak
        } else {
            Verdict::Inconclusive
        };
        CellRecord {
            cell: format!("viewer/post.update/{index}"),
            observed: format!("{index} {long}"),
            because: Some(format!("{} {long}", index % 100)),
            ..CellRecord {
                verdict,
                ..given::escalation()
            }
        }
    });
    let grants = (0..1_500).map(|index| {
        let cell = format!("{index}/{long}");
        given::drift(Change::Added, &cell, &long, given::place("p.yaml", 1))
    });
    let mut events = given::run_with_drift(cells, grants);
    events.splice(
        1..1,
        (0..500).map(|index| given::note(&format!("{index} {long}"))),
    );
    let told = text(&events);
    let chars = told.chars().count();
    assert!((CHARS_MAX / 2..=CHARS_MAX).contains(&chars), "{chars}");
    let cut = told.lines().find(|line| line.starts_with("**Cut")).unwrap();
    for what in [
        "of 2,500 findings in the table",
        "of 2,500 findings in detail",
        "inconclusive reasons",
        "notes",
    ] {
        assert!(cut.contains(what), "{cut}");
    }
    assert!(
        told.contains("\nand 1,4"),
        "the grants that are left out are counted"
    );
    assert_only_ours(&told);
}

#[test]
fn nothing_of_others_is_read_as_markdown_or_html() {
    let spoil = format!("{MARKS}{EVIL}");
    let cells = Verdict::ALL.map(|verdict| spoilt_cell(verdict, &spoil));
    let rows = cells
        .iter()
        .filter(|cell| cell.verdict.is_finding())
        .count();
    let drift = |change| given::drift(change, &spoil, &spoil, given::place(&spoil, 1));
    let drifts = [Change::Added, Change::Denied, Change::Vanished].map(drift);
    let mut events = given::run_with_drift(cells, drifts);
    events.insert(1, given::note(&spoil));
    let Event::RunStarted(run) = &mut events[0] else {
        panic!()
    };
    run.suite.push_str(&spoil);
    let mut out = Vec::new();
    given::told(&events, &mut out, |out| {
        MarkdownReporter::new(out).sources("https://forge.test")
    });
    let told = String::from_utf8(out).unwrap();
    assert_eq!(assert_only_ours(&told), 5 * rows);
    let steering = told.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(steering, None, "{told}");
}

/// Nothing in it is what a hostile text would make: every tag is one of ours, there are no links
/// or pictures, and what others said stands in code. Gives back the cells in the body of tables.
fn assert_only_ours(markdown: &str) -> usize {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let (mut cells, mut in_block, mut html) = (0, false, String::new());
    for part in Parser::new_ext(markdown, options) {
        match part {
            Part::Html(text) | Part::InlineHtml(text) => html += &text,
            Part::Start(Tag::CodeBlock(_)) => in_block = true,
            Part::End(TagEnd::CodeBlock) => in_block = false,
            Part::Text(text) if !in_block => assert_harmless(&text),
            Part::Start(Tag::TableCell) => cells += 1,
            Part::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Strikethrough) => {
                panic!("{part:?}")
            }
            _ => {}
        }
    }
    for tag in html.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap();
        let tag = tag.trim_start_matches('/');
        assert!(["details", "summary", "code"].contains(&tag), "{tag}");
        assert!(!text.contains("-->"), "{text}");
    }
    assert_eq!(
        html.matches("<code>").count(),
        html.matches("</code>").count()
    );
    assert_eq!(
        html.matches("<details>").count(),
        html.matches("</details>").count()
    );
    // The head of the table has five.
    cells - 5
}

fn assert_harmless(text: &str) {
    for mark in ["@", "<", "http", "www.", "$", "evil", "|", "`", "&lt"] {
        assert!(!text.contains(mark), "`{mark}` in {text}");
    }
}
