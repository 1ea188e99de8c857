//! Nothing is tied to the sample system: another server, with other words, gets the right verdicts too.

use std::collections::BTreeMap;
use std::fs;

use testkit::Project;

use crate::library::{Library, READERS};
use crate::support::{Names, Report, lockstep, names, root};

/// The words of the sample system, and those of the library.
const WORDS: [(&str, &str); 33] = [
    ("accounts", "members"),
    ("posts", "books"),
    ("post", "book"),
    ("drafts", "notes"),
    ("draft", "note"),
    ("profile", "card"),
    ("users", "readers"),
    ("user", "reader"),
    ("health", "pulse"),
    ("debug", "cellar"),
    ("config", "keys"),
    ("login", "enter"),
    ("me", "whoami"),
    ("publish", "lend"),
    ("published", "lent"),
    ("title", "label"),
    ("bio", "motto"),
    ("email", "handle"),
    ("password", "passphrase"),
    ("access_token", "key"),
    ("body", "whole"),
    ("root", "founder"),
    ("admin", "head"),
    ("editor", "librarian"),
    ("deputy", "page"),
    ("viewer", "patron"),
    ("outsider", "stranger"),
    ("acme", "north"),
    ("globex", "south"),
    ("delete", "discard"),
    ("give-away", "hand-over"),
    ("update", "relabel"),
    ("read", "consult"),
];

/// Places in answers, which are written as the suite's own words are and mean something else.
const PLACES: [(&str, &str); 6] = [
    ("$.id", "$.number"),
    ("$.items[*].id", "$.found[*].number"),
    ("$.items[0]", "$.found[0]"),
    ("$.status", "$.state"),
    ("$.owner", "$.keeper"),
    ("owner: \"{{ actor.id }}\"", "keeper: \"{{ actor.id }}\""),
];

/// A text of the sample system in the words of the library.
fn renamed(text: &str) -> String {
    let mut text = text.to_owned();
    for (old, new) in PLACES {
        text = text.replace(old, new);
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if is_part(c) {
            word.push(c);
            continue;
        }
        let new = WORDS.iter().find(|(old, _)| *old == word);
        out.push_str(new.map_or(&word, |(_, new)| new));
        word.clear();
        out.push(c);
    }
    out
}

/// The suite without the documents of the sample system: the library has none.
fn without_documents(suite: &str) -> String {
    let call = "POST: \"/posts/{{ post.id }}/publish\"";
    let suite = suite
        .replace(", openapi: openapi/accounts.json", "")
        .replace("    openapi: openapi/posts.json\n", "")
        .replace("operation: publishPost", call);
    let (before, rest) = suite.split_once("surface:\n").unwrap();
    let (_, behind) = rest.split_once("\n\n").unwrap();
    format!("{before}{behind}")
}

/// The sample system's own suite and policy, with names changed.
fn demo_project() -> Project {
    let read = |name: &str| fs::read_to_string(root().join("suites/demo").join(name)).unwrap();
    let suite = without_documents(&read("lockstep.yaml"));
    let suite = renamed(&without_what_the_library_has_not(&suite));
    let policy = renamed(&read("policy/policy.yaml"));
    Project::new([
        ("lockstep.yaml", suite.as_str()),
        ("policy/policy.yaml", &policy),
    ])
}

/// The suite without sessions of browsers, without spoilt ones, and without the audit log.
fn without_what_the_library_has_not(suite: &str) -> String {
    let mut suite = suite.replace("session: browser, ", "session: password,");
    for (from, to) in [
        ("  # What a browser has", "\nactors:"),
        ("  # The editor's own session", "\nresources:"),
        ("  audit:\n", "  debug:\n"),
    ] {
        let (head, rest) = suite.split_once(from).unwrap();
        let (_, tail) = rest.split_once(to).unwrap();
        suite = format!("{head}{to}{tail}");
    }
    let is_of_the_log = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("audit:") || line.starts_with("on_denial:")
    };
    let lines: Vec<&str> = suite.lines().filter(|it| !is_of_the_log(it)).collect();
    lines.join("\n") + "\n"
}

fn test(project: &Project, library: &Library) -> Report {
    let finished = lockstep(project.path(), &["test", "--report", "json=-"])
        .envs(library.variables())
        .run();
    Report::of(&finished)
}

fn findings<'a>(
    verdict: &str,
    cells: impl IntoIterator<Item = &'a str>,
) -> BTreeMap<String, String> {
    let cells = cells.into_iter();
    cells
        .map(|cell| (cell.to_owned(), verdict.to_owned()))
        .collect()
}

#[test]
fn the_demos_suite_with_names_changed_holds_on_a_correct_server() {
    let library = Library::start(&[], [401, 403, 404]);
    let report = test(&demo_project(), &library);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.cells.len(), 191);
    assert_eq!(library.count(), READERS, "everything that was made is gone");
}

/// Mistakes of the library with the findings that they are, and how many cells they leave inconclusive.
fn mistakes() -> [(&'static str, BTreeMap<String, String>, Names); 6] {
    [
        (
            "anyone removes",
            findings(
                "escalation",
                [
                    "page/book.discard/librarian",
                    "patron/book.discard/librarian",
                ],
            ),
            Names::new(),
        ),
        (
            "keepers cannot write",
            findings(
                "lockout",
                [
                    "librarian/book.relabel/librarian",
                    "stranger/book.relabel/stranger",
                ],
            ),
            // Nobody else may write what is the stranger's, and these can now write nothing at all, nor be told that
            // a body is malformed.
            names([
                "anonymous/book.relabel/stranger",
                "anonymous/book.relabel/stranger/body=malformed",
                "head/book.relabel/stranger",
                "head/book.relabel/stranger/body=malformed",
                "librarian/book.relabel/librarian/body=malformed",
                "librarian/book.relabel/stranger",
                "librarian/book.relabel/stranger/body=malformed",
                "page/book.relabel/stranger",
                "page/book.relabel/stranger/body=malformed",
                "patron/book.relabel/stranger",
                "patron/book.relabel/stranger/body=malformed",
                "stranger/book.relabel/stranger/body=malformed",
            ]),
        ),
        (
            "the refusal tells",
            findings(
                "leak",
                [
                    "head/note.consult/librarian",
                    "page/note.consult/librarian",
                    "patron/note.consult/librarian",
                ],
            ),
            Names::new(),
        ),
        (
            "removed though refused",
            findings(
                "side-effect",
                [
                    "head/note.discard/librarian",
                    "page/note.discard/librarian",
                    "patron/note.discard/librarian",
                ],
            ),
            Names::new(),
        ),
        (
            "it is hidden",
            findings(
                "wrong-denial",
                [
                    "head/note.consult/librarian",
                    "page/note.consult/librarian",
                    "patron/note.consult/librarian",
                ],
            ),
            Names::new(),
        ),
        (
            "it fails",
            BTreeMap::new(),
            names([
                "librarian/reader.create",
                "librarian/reader.list",
                "page/reader.create",
                "page/reader.list",
                "patron/reader.create",
                "patron/reader.list",
                "stranger/reader.create",
                "stranger/reader.list",
            ]),
        ),
    ]
}

#[test]
fn the_demos_suite_with_names_changed_finds_each_mistake() {
    let project = demo_project();
    for (mistake, expected, unsure) in mistakes() {
        let library = Library::start(&[mistake], [401, 403, 404]);
        let report = test(&project, &library);
        assert_eq!(report.findings(), expected, "{mistake}: {}", report.told);
        assert_eq!(
            report.with("inconclusive"),
            unsure,
            "{mistake}: {}",
            report.told
        );
        assert_eq!(library.count(), READERS, "{mistake}");
    }
}

/// As it stands in the guide, but for its names.
const SMALLEST: &str = r#"
version: 1
targets:  { api: { http: "${API_URL}" } }
sessions: { password: { on: api, POST: /login, json: { email: "{{ actor.email }}", password: "{{ actor.password }}" }, token: $.access_token } }
actors:
  anonymous: {}
  editor: { session: password, email: vera@acme.test, password: "${EDITOR_PASSWORD}" }
resources: { post: { on: api, owners: [editor], create: { POST: /posts, json: { title: "{{ unique }}" }, id: $.id } } }
actions:  { post: { read: { api: { GET: "/posts/{{ post.id }}" } } } }
expect: |
  action               anonymous  editor
  post.read of editor  401        allow
"#;

#[test]
fn the_smallest_suite_gives_the_right_verdicts() {
    let project = Project::new([("lockstep.yaml", renamed(SMALLEST).as_str())]);
    let correct = test(&project, &Library::start(&[], [401, 403, 404]));
    assert_eq!(correct.code, Some(0), "{}", correct.told);
    let cells = names([
        "anonymous/book.consult/librarian",
        "librarian/book.consult/librarian",
        "librarian/session.open",
    ]);
    assert_eq!(correct.with("held"), cells);
    let faulty = test(&project, &Library::start(&["open to all"], [401, 403, 404]));
    let expected = findings("escalation", ["anonymous/book.consult/librarian"]);
    assert_eq!(faulty.findings(), expected, "{}", faulty.told);
}

/// Keys, basic and bearer, other statuses of no, no policy; a control that is named; effects without a view of one.
const COUNTER: &str = r#"
version: 1
targets:
  library:
    http: "${API_URL}"
    denies:
      unauthenticated: [ { status: 419 } ]
      forbidden: [ { status: 406 }, { status: 200, json: { $.state: fail } } ]
      concealed: [ { status: 410 } ]
sessions:
  card: { header: { X-Library-Key: "{{ actor.key }}" }, who: { on: library, GET: /whoami, subject: $.number } }
  link: { query: { key: "{{ actor.key }}" }, who: { on: library, GET: /whoami, subject: $.number } }
  desk: { basic: { user: "{{ actor.handle }}", password: "{{ actor.key }}" }, who: { on: library, GET: /whoami, subject: $.number } }
  pass: { bearer: "token-{{ actor.key }}", who: { on: library, GET: /whoami, subject: $.number } }
actors:
  visitor: {}
  founder: { session: pass, only: setup, key: "${ROOT_PASSWORD}" }
  head: { session: link, key: "${ADMIN_PASSWORD}" }
  librarian: { session: card, key: "${EDITOR_PASSWORD}" }
  patron: { session: desk, handle: vic@north.test, key: "${VIEWER_PASSWORD}" }
  stranger: { session: pass, key: "${OUTSIDER_PASSWORD}" }
resources:
  book:
    on: library
    owners: [librarian, stranger]
    create: { POST: /books, json: { label: "canary {{ unique }}" }, id: $.number }
    remove: { as: founder, DELETE: "/books/{{ book.id }}" }
    views: { shelf: { GET: "/books/{{ book.id }}" } }
  note:
    on: library
    owners: [librarian]
    create: { POST: /notes, json: { label: "canary {{ unique }}" }, id: $.number }
    remove: { as: founder, DELETE: "/notes/{{ note.id }}" }
    views: { sheet: { GET: "/notes/{{ note.id }}" } }
actions:
  book:
    find: { library: { GET: /books, items: "$.found[*].number", of: read } }
    add: { library: { POST: /books, json: { label: "new {{ unique }}" }, effect: created } }
    read: { library: { GET: "/books/{{ book.id }}", status: 200, answer: { json: { $.number: "{{ book.id }}" }, schema: { type: object, required: [label, keeper] } } } }
    label: { library: { PUT: "/books/{{ book.id }}", json: { label: "changed {{ unique }}" }, effect: { shelf: { $.label: "changed {{ unique }}", $.keeper: unchanged } } } }
    lend: { library: { POST: "/books/{{ book.id }}/lend", effect: { shelf: { $.lent: true } } } }
    remove: { library: { DELETE: "/books/{{ book.id }}", status: [200, 204], effect: { shelf: gone } } }
  note:
    read: { library: { GET: "/notes/{{ note.id }}", shows: sheet } }
    remove: { library: { DELETE: "/notes/{{ note.id }}", effect: { sheet: gone } } }
  cellar: { open: { expect: absent, library: { GET: /cellar/keys } } }
expect: |
  action                    visitor  head   librarian  patron  stranger
  book.find                 419      allow  allow      allow   allow
  book.add                  419      allow  allow      406     allow
  book.read of librarian    419      allow  allow      allow   410
  book.read of stranger     419      410    410        410     allow
  book.label of librarian   419      allow  allow      406     410
  book.lend of librarian    419      allow  allow      406     410
  book.remove of librarian  419      allow  allow      406     410
  note.read of librarian    419      406    allow      406     410
  note.remove of librarian  419      406    allow      406     410
"#;

const COUNTER_NOS: [u16; 3] = [419, 406, 410];

#[test]
fn keys_basic_and_bearer_and_other_statuses_of_no_hold_on_a_correct_server() {
    let project = Project::new([("lockstep.yaml", COUNTER)]);
    let library = Library::start(&[], COUNTER_NOS);
    let report = test(&project, &library);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.with("held").len(), 9 * 5 + 5 + 4);
    assert_eq!(library.count(), READERS);
    let sent = library.server.requests();
    let by = |has: &dyn Fn(&testkit::Request) -> bool| sent.iter().any(has);
    assert!(by(&|request| request.header("x-library-key").is_some()));
    assert!(by(&|request| request.query("key").is_some()));
    assert!(by(&|request| request.authorization("basic").is_some()));
    assert!(by(&|request| request.authorization("bearer").is_some()));
}

#[test]
fn keys_basic_and_bearer_and_other_statuses_of_no_find_each_mistake() {
    let project = Project::new([("lockstep.yaml", COUNTER)]);
    let expected = [
        (
            "anyone removes",
            findings("escalation", ["patron/book.remove/librarian"]),
        ),
        (
            "keepers cannot write",
            findings("lockout", ["librarian/book.label/librarian"]),
        ),
        (
            "the refusal tells",
            findings(
                "leak",
                ["head/note.read/librarian", "patron/note.read/librarian"],
            ),
        ),
        (
            "removed though refused",
            findings(
                "side-effect",
                ["head/note.remove/librarian", "patron/note.remove/librarian"],
            ),
        ),
        (
            "it is hidden",
            findings(
                "wrong-denial",
                ["head/note.read/librarian", "patron/note.read/librarian"],
            ),
        ),
    ];
    for (mistake, expected) in expected {
        let report = test(&project, &Library::start(&[mistake], COUNTER_NOS));
        assert_eq!(report.findings(), expected, "{mistake}: {}", report.told);
        assert_eq!(
            report.with("inconclusive"),
            Names::new(),
            "{mistake}: {}",
            report.told
        );
    }
}

/// The statuses that the suite does not declare are no denials: a suite for another server proves nothing.
#[test]
fn statuses_that_are_not_declared_are_not_denials() {
    let project = Project::new([("lockstep.yaml", COUNTER)]);
    let report = test(&project, &Library::start(&[], [401, 403, 404]));
    assert_eq!(report.findings(), BTreeMap::new(), "{}", report.told);
    let denied = report.matching(|cell| !["allow", "absent"].contains(&cell.expected.as_str()));
    let held = report.with("held");
    // But for the refusal with a 200, which is declared.
    let proven: Names = denied.intersection(&held).cloned().collect();
    assert_eq!(proven, names(["patron/book.lend/librarian"]));
    assert_eq!(report.code, Some(3));
}

/// Whether what is concealed answers as what does not exist cannot be told, so that it is neither held nor a leak.
#[test]
fn a_server_that_fails_for_what_does_not_exist_leaks_nothing() {
    let project = Project::new([("lockstep.yaml", COUNTER)]);
    let library = Library::start(&["it fails for what is not there"], COUNTER_NOS);
    let report = test(&project, &library);
    assert_eq!(report.findings(), BTreeMap::new(), "{}", report.told);
    let concealed = report.matching(|cell| cell.expected == "concealed");
    let of_books: Names = concealed
        .into_iter()
        .filter(|cell| cell.contains("/book."))
        .collect();
    assert!(
        of_books.is_subset(&report.with("inconclusive")),
        "{}",
        report.told
    );
    assert!(of_books.len() > 5);
}
