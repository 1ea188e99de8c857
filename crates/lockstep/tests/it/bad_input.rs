//! Mistakes in the files: all told at once, each with its place, exit 2, and nothing is sent.

use insta::assert_snapshot;
use testkit::{Answer, Finished, Project, Request, Server};

use crate::support::lockstep;

/// Runs `test` on these files against a server, and checks what every mistake has in common.
fn refused<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Finished {
    let server = Server::start(|_: &Request| Answer::empty(500));
    let project = Project::empty();
    for (name, content) in files {
        project.write(name, content);
    }
    for command in ["test", "plan"] {
        let finished = lockstep(project.path(), &[command])
            .env("API_URL", &server.url())
            .env("A_KEY", "key-of-a")
            .run();
        assert_eq!(finished.code, Some(2), "{command}: {}", finished.told());
        assert_eq!(finished.stdout, "", "{command}");
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
        assert_eq!(server.connections(), 0, "{command} has sent something");
        assert!(
            project.files_under(".lockstep").is_empty(),
            "a run was recorded that never was"
        );
        if command == "plan" {
            return finished;
        }
    }
    panic!("no command was run");
}

const HEAD: &str = r#"version: 1
targets: { api: { http: "${API_URL}" } }
sessions: { key: { bearer: "${A_KEY}" } }
actors: { visitor: {}, a: { session: key, subject: "user:a", roles: [editor] } }
"#;

#[test]
fn many_mistakes_at_once() {
    let suite = r#"version: 1
targets: { api: { htpp: "${API_URL}" } }
sesions: { key: { bearer: "${A_KEY}" } }
actors: { visitor: {}, a: { session: kye } }
resources: { post: { on: api, owners: [b], create: { POST: /posts, json: { title: "{{ unikue }}" }, id: id } } }
actions:
  post:
    read: { api: { GET: posts } }
    list: { apj: { GET: /posts, status: two hundred } }
    drop: { api: { GET: /posts, DELETE: /posts } }
expect: |
  action     visitor  a
  post.list  401
  post.lost  401      alow
"#;
    let finished = refused([("lockstep.yaml", suite.as_bytes())]);
    assert_snapshot!("many_mistakes", finished.stderr);
    for line in [2, 3, 5, 8, 9, 10, 13, 14] {
        let place = format!("lockstep.yaml:{line}:");
        assert!(
            finished.stderr.contains(&place),
            "{place} is not told: {}",
            finished.stderr
        );
    }
}

/// Mistakes of the suite and of its policy are told together.
#[test]
fn mistakes_in_the_policy() {
    let policy = r#"version: 1
types:
  user: {}
  post: { actions: { read: instance, list: collection }, attributes: { owner: user } }
  page: { actions: { list: colection } }
roles:
  viewer: { includes: [editor], can: { post: [read] } }
  editor: { includes: [admin], can: { post: [raed] } }
  admin: { includes: [viewer], can: { psot: [read] } }
rules:
  - name: odd
    permit: { post: [read] }
    when: resource.owner = subject
"#;
    let suite = format!(
        "{HEAD}policy: policy/\nactions: {{ post: {{ list: {{ api: {{ GTE: /posts }} }} }} }}\n"
    );
    let finished = refused([
        ("lockstep.yaml", suite.as_bytes()),
        ("policy/policy.yaml", policy.as_bytes()),
    ]);
    assert_snapshot!("policy_mistakes", finished.stderr);
    for place in [
        "policy.yaml:5:",
        "policy.yaml:8:",
        "policy.yaml:9:",
        "policy.yaml:13:",
        "lockstep.yaml:6:",
    ] {
        assert!(
            finished.stderr.contains(place),
            "{place} is not told: {}",
            finished.stderr
        );
    }
    assert!(
        finished.stderr.contains("roles include each other"),
        "{}",
        finished.stderr
    );
}

#[test]
fn the_table_against_the_policy() {
    let policy = r#"version: 1
types: { user: {}, post: { actions: { list: collection } } }
roles: { anyone: { can: { post: [list] } }, editor: { can: {} } }
"#;
    let suite = format!(
        "{HEAD}policy: policy.yaml\nactions: {{ post: {{ list: {{ api: {{ GET: /posts }} }} }} }}\nexpect: |\n  action     visitor  a\n  post.list  401      allow\n"
    );
    let finished = refused([
        ("lockstep.yaml", suite.as_bytes()),
        ("policy.yaml", policy.as_bytes()),
    ]);
    assert_snapshot!("table_against_policy", finished.stderr);
}

#[test]
fn files_that_are_missing() {
    let suite = format!(
        "{HEAD}policy: nowhere/\nactions: {{ post: {{ list: {{ api: {{ GET: /posts, answer: {{ schema: post.json }} }} }} }} }}\n"
    );
    let finished = refused([("lockstep.yaml", suite.as_bytes())]);
    assert_snapshot!("files_missing", finished.stderr);
    let empty = format!(
        "{HEAD}policy: empty/\nactions: {{ post: {{ list: {{ api: {{ GET: /posts }} }} }} }}\n"
    );
    let finished = refused([
        ("lockstep.yaml", empty.as_bytes()),
        ("empty/readme.txt", b"nothing"),
    ]);
    assert_snapshot!("policy_folder_empty", finished.stderr);
}

#[test]
fn text_that_is_not_utf_8() {
    let mut suite = HEAD.as_bytes().to_vec();
    suite.extend_from_slice(b"actions: { p: { l: { api: { GET: /\xff\xfe } } } }\n");
    let finished = refused([("lockstep.yaml", suite.as_slice())]);
    assert!(
        finished.stderr.contains("lockstep.yaml:5:"),
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("UTF-8"), "{}", finished.stderr);
    let good = format!(
        "{HEAD}policy: policy.yaml\nactions: {{ post: {{ list: {{ api: {{ GET: /posts }} }} }} }}\n"
    );
    let finished = refused([
        ("lockstep.yaml", good.as_bytes()),
        ("policy.yaml", b"version: 1\n# \xc3\x28\n"),
    ]);
    assert!(
        finished.stderr.contains("policy.yaml:2:"),
        "{}",
        finished.stderr
    );
}

/// Nine levels of nine: four hundred million texts, if anybody wrote them out.
#[test]
fn a_bomb_of_aliases() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb += &format!("a{level}: &a{level} [{inner}]\n");
    }
    let finished = refused([("lockstep.yaml", bomb.as_bytes())]);
    assert!(finished.stderr.len() < 20_000, "{}", finished.stderr.len());
    assert!(
        finished.stderr.contains("lockstep.yaml:"),
        "{}",
        finished.stderr
    );
}

#[test]
fn files_that_are_too_much() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let long = format!("# {}\n{HEAD}", "x".repeat(64 << 20));
    let many = format!(
        "actors: {{ {} }}\n",
        (0..3_000).map(|n| format!("a{n}: 1, ")).collect::<String>()
    );
    for suite in [
        deep.as_str(),
        &long,
        &many,
        "",
        "\u{feff}",
        "---\n---\n",
        "\t",
        "&a *a",
        "[",
        "? ? ?",
    ] {
        let finished = refused([("lockstep.yaml", suite.as_bytes())]);
        assert!(
            finished.stderr.starts_with("error: "),
            "{}",
            finished.stderr
        );
        assert!(
            finished.stderr.len() < 100_000,
            "{} bytes of mistakes",
            finished.stderr.len()
        );
    }
}

/// Where something is sent every variable must be set; all that are not are told at once.
#[test]
fn variables_that_are_not_set() {
    let server = Server::start(|_: &Request| Answer::empty(500));
    let suite = format!(
        "{HEAD}actions: {{ post: {{ list: {{ api: {{ GET: \"/posts/${{POST}}\" }} }} }} }}\nexpect: |\n  action     visitor  a\n  post.list  401      allow\n"
    );
    let project = Project::new([("lockstep.yaml", suite.as_str())]);
    let commands: [&[&str]; 3] = [&["test"], &["repeat", "a/post.list"], &["token", "a"]];
    for arguments in commands {
        let finished = lockstep(project.path(), arguments)
            .env("API_URL", &server.url())
            .run();
        assert_eq!(finished.code, Some(2), "{arguments:?}: {}", finished.told());
        assert_snapshot!("variables_not_set", finished.stderr);
        assert_eq!(server.connections(), 0);
    }
    let plan = lockstep(project.path(), &["plan"]).run();
    assert_eq!(plan.code, Some(0), "{}", plan.told());
}

/// What only the values of variables show.
#[test]
fn variables_that_make_no_sense() {
    let suite = format!(
        "{HEAD}actions: {{ post: {{ list: {{ api: {{ GET: /posts }} }} }} }}\nexpect: |\n  action     visitor  a\n  post.list  401      allow\n"
    );
    let project = Project::new([("lockstep.yaml", suite.as_str())]);
    let values = [
        ("", "key"),
        ("localhost:8080", "key"),
        ("ftp://localhost", "key"),
        ("http://user:word@localhost", "key"),
        ("http://localhost/?q", "key"),
        ("http://local host", "key"),
    ];
    for (url, key) in values {
        let finished = lockstep(project.path(), &["test"])
            .env("API_URL", url)
            .env("A_KEY", key)
            .run();
        assert_eq!(
            finished.code,
            Some(2),
            "`{url}` and `{key}`: {}",
            finished.told()
        );
        assert!(
            finished.stderr.contains("lockstep.yaml:"),
            "{}",
            finished.stderr
        );
    }
}
