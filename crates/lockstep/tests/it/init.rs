//! `lockstep init`: a first suite from documents, completed with three logins only.

use testkit::{Project, Server};

use crate::support::{Report, Sample, lockstep};

/// The sample system's users as the first suite calls them.
const LOGINS: [(&str, &str, &str); 3] = [
    ("USER", "vera@acme.test", "EDITOR_PASSWORD"),
    ("OTHER", "dan@acme.test", "DEPUTY_PASSWORD"),
    ("ADMIN", "ada@acme.test", "ADMIN_PASSWORD"),
];

fn logins(sample: &Sample) -> Vec<(String, String)> {
    let password = |name: &str| {
        let variables = sample.variables();
        let mut found = variables.into_iter().filter(|(key, _)| *key == name);
        found.next().unwrap().1.to_string()
    };
    let of = |(actor, email, variable): (&str, &str, &str)| {
        [
            (format!("{actor}_EMAIL"), email.to_owned()),
            (format!("{actor}_PASSWORD"), password(variable)),
        ]
    };
    LOGINS.into_iter().flat_map(of).collect()
}

fn url(sample: &Sample, name: &str) -> String {
    let variables = sample.variables();
    let mut found = variables.into_iter().filter(|(key, _)| *key == name);
    format!("{}/openapi.json", found.next().unwrap().1)
}

#[test]
fn the_documents_of_the_demo_and_three_logins_are_enough() {
    let sample = Sample::start(&[]);
    let project = Project::empty();
    let (accounts, posts) = (url(&sample, "ACCOUNTS_URL"), url(&sample, "POSTS_URL"));
    let arguments = ["init", "--openapi", &accounts, "--openapi", &posts];
    let written = lockstep(project.path(), &arguments).run();
    assert_eq!(written.code, Some(0), "{}", written.told());
    insta::assert_snapshot!("init_of_the_demo", written.stdout);
    let addresses = regex::Regex::new(r"127\.0\.0\.1:\d+|20\d\d-\d\d-\d\d").unwrap();
    let suite = project.read("lockstep.yaml");
    insta::assert_snapshot!("init_suite", addresses.replace_all(&suite, "[now]"));
    insta::assert_snapshot!("init_policy", project.read("policy/policy.yaml"));

    let logins = logins(&sample);
    let logins = logins.iter().map(|(name, value)| (name.as_str(), value));
    let run = lockstep(project.path(), &["test", "--report", "json=-"])
        .envs(logins)
        .run();
    assert_eq!(run.code, Some(3), "{}", run.told());
    let report = Report::of(&run);
    let surface = &report.json["summary"]["surface"];
    assert_eq!(surface["findings"], 0, "{surface}");
    let operations = surface["operations"].as_u64().unwrap();
    let tried = surface["with_cell"].as_u64().unwrap();
    assert_eq!(operations, tried + surface["unfilled"].as_u64().unwrap());
    let mut lines = Vec::new();
    for cell in report.json["cells"].as_array().unwrap() {
        let name = cell["cell"].as_str().unwrap();
        lines.push(format!("{name}  {}  {}", cell["verdict"], cell["access"]));
    }
    lines.sort();
    insta::assert_snapshot!("init_run", lines.join("\n"));

    let again = lockstep(project.path(), &arguments).run();
    assert_eq!(again.code, Some(2), "{}", again.told());
    assert_eq!(project.read("lockstep.yaml"), suite);
    let forced = lockstep(project.path(), &[&arguments[..], &["--force"]].concat()).run();
    assert_eq!(forced.code, Some(0), "{}", forced.told());

    // The policy is good as it is: uncommented, it decides.
    let (before, _) = suite.split_once("\n# What is expected.").unwrap();
    let with_policy = before.replace("# policy: policy/", "policy: policy/");
    project.write("lockstep.yaml", with_policy.as_bytes());
    let plan = lockstep(project.path(), &["plan"]).run();
    assert_eq!((plan.code, plan.stderr.as_str()), (Some(0), ""));
}

#[test]
fn without_a_document_a_small_suite_is_written() {
    let project = Project::empty();
    let written = lockstep(project.path(), &["init", "mine"]).run();
    assert_eq!(written.code, Some(0), "{}", written.told());
    let mine = project.path().join("mine");
    let plan = lockstep(&mine, &["plan"]).run();
    assert_eq!(
        (plan.code, plan.stderr.as_str()),
        (Some(0), ""),
        "{}",
        plan.told()
    );
}

/// YAML, 3.1, other ways in, paths that nothing fills, uploads, required queries, and texts that
/// ask for secrets.
#[test]
fn a_document_of_another_kind() {
    let document = r#"openapi: 3.1.0
info: { title: "A library of books, and of many other things" }
servers: [ { url: /api/v2 } ]
components:
  securitySchemes: { key: { type: apiKey, in: header, name: X-Api-Key } }
security: [ { key: [] } ]
paths:
  /books:
    get: { parameters: [ { name: "shelf", in: query, required: true, schema: { type: string, enum: ["a b"] } } ] }
    post:
      requestBody: { content: { application/json: { schema: { type: object, required: [isbn, note], properties: { isbn: { type: string, example: "${HOME} {{ actor.key }}" }, note: { type: string } } } } } }
      responses: { "201": { content: { application/json: { schema: { type: object, properties: { data: { type: object, properties: { uuid: { type: string } } } } } } } } }
  /books/{isbn}:
    get: {}
    delete: {}
  /books/{isbn}/cover:
    put: { requestBody: { required: true, content: { image/png: {} } } }
  /books/{isbn}/pages/{page}: { get: {} }
  /reset: { post: {} }
  /me: { get: {} }
  /actor/{id}: { get: {} }
"#;
    let project = Project::new([("library.yaml", document)]);
    let written = lockstep(project.path(), &["init", "--openapi", "library.yaml"]).run();
    assert_eq!(written.code, Some(0), "{}", written.told());
    let plan = lockstep(project.path(), &["plan"]).run();
    assert_eq!(
        (plan.code, plan.stderr.as_str()),
        (Some(0), ""),
        "{}",
        plan.told()
    );
    let until = regex::Regex::new(r"20\d\d-\d\d-\d\d").unwrap();
    let suite = project.read("lockstep.yaml");
    let suite = until.replace_all(&suite, "[date]");
    insta::assert_snapshot!("init_library", format!("{suite}\n---\n{}", written.stdout));
}

#[test]
fn hostile_documents_are_refused_in_bounds() {
    let paths: String = (0..100_000)
        .map(|at| format!("  /a{at}: {{ get: {{}} }}\n"))
        .collect();
    let many = format!("openapi: 3.1.0\npaths:\n{paths}");
    let deep = format!("openapi: 3.1.0\npaths: {}", "{ /a: ".repeat(10_000));
    let project = Project::new([("many.yaml", many.as_str()), ("deep.yaml", &deep)]);
    for name in ["many.yaml", "deep.yaml", "none.yaml"] {
        let told = lockstep(project.path(), &["init", "--openapi", name]).run();
        assert_eq!(told.code, Some(2), "{}", told.told());
        assert!(!project.path().join("lockstep.yaml").exists());
    }
    let server = Server::start(|_| testkit::Answer::new(500, "text/plain", "no"));
    let url = format!("{}/openapi.json", server.url());
    let told = lockstep(project.path(), &["init", "--openapi", &url]).run();
    assert_eq!(told.code, Some(2), "{}", told.told());
}

/// What is secret in the address of a document stands in no file and in no message.
#[test]
fn the_address_of_a_document_keeps_its_secrets() {
    const DOCUMENT: &str = r#"{ "openapi": "3.1.0", "paths": { "/health": { "get": {} } } }"#;
    const NONE: &str = r#"{ "openapi": "3.1.0", "paths": { "/health": 7 } }"#;
    let server = Server::start(|request| match request.path() {
        "/openapi.json" => testkit::Answer::new(200, "application/json", DOCUMENT),
        "/none.json" => testkit::Answer::new(200, "application/json", NONE),
        "/empty.json" => {
            testkit::Answer::new(200, "application/json", "{ \"openapi\": \"3.1.0\" }")
        }
        _ => testkit::Answer::new(403, "text/plain", "no"),
    });
    let host = server.url().replace("http://", "");
    let nobody = "127.0.0.1:1";
    let cases = [
        (&*host, "openapi.json", 0),
        (&host, "none.json", 2),
        (&host, "empty.json", 2),
        (&host, "forbidden", 2),
        (nobody, "openapi.json", 2),
    ];
    for (host, path, code) in cases {
        let project = Project::empty();
        let url = format!("http://joe:pa55wordX@{host}/{path}?token=t0kenX.y");
        let written = lockstep(project.path(), &["init", "--openapi", &url]).run();
        let mut told = written.told();
        assert_eq!(written.code, Some(code), "{told}");
        if code == 0 {
            told += &project.read("lockstep.yaml");
            assert!(told.contains(&format!("http: \"http://{host}\"")), "{told}");
        } else {
            assert!(told.contains(path), "{told}");
        }
        for file in project.files_under("openapi") {
            told += &file.display().to_string();
        }
        for secret in ["pa55wordX", "t0kenx"] {
            assert!(
                !told.to_lowercase().contains(&secret.to_lowercase()),
                "{told}"
            );
        }
    }
}

/// The path of a server is text, and asks for no variable of whoever reads the suite.
#[test]
fn a_server_path_that_asks_for_a_secret_is_refused() {
    let document = r#"{ "openapi": "3.1.0", "servers": [ { "url": "/${ADMIN_PASSWORD}" } ], "paths": { "/health": { "get": {} } } }"#;
    let project = Project::new([("api.json", document)]);
    let told = lockstep(project.path(), &["init", "--openapi", "api.json"]).run();
    assert_eq!(told.code, Some(2), "{}", told.told());
    assert!(!project.path().join("lockstep.yaml").exists());
}

/// Where one file cannot be written, none is replaced, and nothing is left lying about.
#[test]
fn what_is_replaced_is_replaced_whole() {
    let project = Project::new([("lockstep.yaml", "mine"), ("policy", "not a folder")]);
    let told = lockstep(project.path(), &["init", "--force"]).run();
    assert_ne!(told.code, Some(0), "{}", told.told());
    assert_eq!(project.read("lockstep.yaml"), "mine");
    assert!(!project.path().join("lockstep.yaml.new").exists());
}
