//! `lockstep init`: a first suite and policy, from the OpenAPI documents of a system or without.

use std::path::Path;
use std::time::Duration;

use authz::source::{SOURCE_BYTES_MAX, Source};
use runner::{Bounds, Client};
use suite::draft::{Draft, Given, draft, slug};
use suite::openapi::{DOCUMENT_BYTES_MAX, Document, read_document};
use suite::probe::Request;

use super::print;
use crate::arguments::Init;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{bytes_within, name};
use crate::replace::write_all;

/// The longest name of a target that comes from a title.
const NAME_CHARS_MAX: usize = 20;
/// How long a document may take to come.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A suite to begin with where there is no document.
const SUITE: &str = include_str!("init/lockstep.yaml");
const POLICY: &str = include_str!("init/policy.yaml");

/// A document, as it was given.
struct Loaded {
    source: Source,
    document: Document,
    /// The address of the system, where the document was fetched from it.
    address: Option<String>,
    target: String,
}

pub(super) async fn execute(command: &Init) -> Result<ExitCode, Failure> {
    let mut loaded: Vec<Loaded> = Vec::new();
    for from in &command.openapi {
        let found = load(from, &loaded).await?;
        loaded.push(found);
    }
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let mut files: Vec<(String, String)> = Vec::new();
    let drafted = if loaded.is_empty() {
        files.push(("lockstep.yaml".to_owned(), SUITE.to_owned()));
        files.push(("policy/policy.yaml".to_owned(), POLICY.to_owned()));
        None
    } else {
        let given: Vec<Given<'_>> = loaded.iter().map(given).collect();
        let drafted = draft(&given, today);
        if drafted.suite.len() > SOURCE_BYTES_MAX {
            let message = "the suite would be larger than what is read; init with fewer documents";
            return Err(Failure::usage(message));
        }
        files.push(("lockstep.yaml".to_owned(), drafted.suite.clone()));
        files.push(("policy/policy.yaml".to_owned(), drafted.policy.clone()));
        for (it, given) in loaded.iter().zip(&given) {
            files.push((given.path.clone(), it.source.text().to_owned()));
        }
        Some(drafted)
    };
    write_all(&command.folder, &files, command.force)?;
    print(&told(drafted.as_ref(), &command.folder))
}

fn given(loaded: &Loaded) -> Given<'_> {
    let is_json = loaded.source.text().trim_start().starts_with('{');
    let ending = if is_json { "json" } else { "yaml" };
    Given {
        target: loaded.target.clone(),
        path: format!("openapi/{}.{ending}", loaded.target),
        address: loaded.address.clone(),
        document: &loaded.document,
    }
}

async fn load(from: &str, others: &[Loaded]) -> Result<Loaded, Failure> {
    let is_url = from.starts_with("http://") || from.starts_with("https://");
    let shown = shown(from);
    let bytes = if is_url {
        fetch(from, &shown).await?
    } else {
        bytes_within(Path::new(from), DOCUMENT_BYTES_MAX)
            .map_err(|why| Failure::usage(format!("`{shown}` cannot be read: {why}")))?
    };
    let name = if is_url {
        shown.clone()
    } else {
        name(Path::new(from))
    };
    let source = Source::from_bytes_within(&name, &bytes, DOCUMENT_BYTES_MAX);
    let source = source.map_err(|broken| {
        let (source, mistake) = *broken;
        Failure::Mistakes {
            mistakes: vec![mistake],
            sources: vec![source],
        }
    })?;
    let document = read_document(&source).map_err(|mistakes| Failure::Mistakes {
        mistakes,
        sources: vec![source.clone()],
    })?;
    if document.operations.is_empty() {
        return Err(Failure::usage(format!("`{shown}` names no operation")));
    }
    let address = is_url.then(|| address(from, &document));
    let target = target(&document, &shown, others);
    Ok(Loaded {
        source,
        document,
        address,
        target,
    })
}

/// The origin of the address, with the path of the document's server.
fn address(url: &str, document: &Document) -> String {
    let (origin, _) = origin_and_rest(url);
    let path = document.server_paths.first().map_or("", String::as_str);
    format!("{origin}{path}")
}

/// An address without what may be a secret in it: user information and query. Other texts are
/// left as they are.
fn shown(from: &str) -> String {
    if !from.contains("://") {
        return from.to_owned();
    }
    let (origin, rest) = origin_and_rest(from);
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    format!("{origin}{path}")
}

/// Scheme, host and port of an address, without user information, and what follows them.
fn origin_and_rest(url: &str) -> (String, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or_default();
    (format!("{scheme}://{host}"), rest)
}

async fn fetch(url: &str, shown: &str) -> Result<Vec<u8>, Failure> {
    let bounds = Bounds {
        timeout: TIMEOUT,
        body_bytes_max: DOCUMENT_BYTES_MAX,
    };
    let client = Client::new(bounds, [None]);
    let request = Request {
        target: 0,
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: vec![(
            "accept".to_owned(),
            "application/json, application/yaml;q=0.9, */*;q=0.5".to_owned(),
        )],
        body: None,
    };
    let answer = client.send_repeatable(&request).await;
    let answer =
        answer.map_err(|why| Failure::usage(format!("`{shown}` cannot be fetched: {why}")))?;
    if !(200..300).contains(&answer.status) {
        let message = format!("`{shown}` cannot be fetched: status {}", answer.status);
        return Err(Failure::Usage(message));
    }
    Ok(answer.body.clone())
}

/// A name for the system: its title if that is short, else the name of the file, else `api`.
fn target(document: &Document, from: &str, others: &[Loaded]) -> String {
    let stem = Path::new(from).file_stem();
    let stem = stem
        .map(|it| slug(&it.to_string_lossy()))
        .unwrap_or_default();
    let is_name = |name: &String| {
        let says_nothing = ["", "openapi", "swagger", "permission", "expect", "control"];
        name.len() <= NAME_CHARS_MAX && !says_nothing.contains(&name.as_str())
    };
    let mut names = [slug(&document.title), stem].into_iter().filter(is_name);
    let name = names.next().unwrap_or_else(|| "api".to_owned());
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    let is_free = |name: &String| others.iter().all(|it| it.target != *name);
    names.find(is_free).unwrap_or(name)
}

/// What was written, and what comes next.
fn told(drafted: Option<&Draft>, folder: &Path) -> String {
    let at = |name: &str| {
        let path = folder.join(name);
        let path = path.strip_prefix(".").unwrap_or(&path);
        path.display().to_string()
    };
    let mut out = format!("{}\n{}\n", at("lockstep.yaml"), at("policy/policy.yaml"));
    let Some(drafted) = drafted else {
        return out + "\nNext: make targets, sessions and actors yours, then `lockstep plan`.\n";
    };
    let all = drafted.filled + drafted.unfilled.len();
    out += &format!("\n{} of {all} operations are tried.", drafted.filled);
    if !drafted.unfilled.is_empty() {
        out += " To be filled, under `surface`:\n";
        for (operation, why) in &drafted.unfilled {
            let line = format!("  {operation}: {why}");
            // What a document says must not steer the terminal.
            out += &line.replace(|c: char| c.is_control(), "?");
            out.push('\n');
        }
    } else {
        out.push('\n');
    }
    out += "\nNext, three accounts: two of ordinary users, one of an administrator.\n";
    for variable in &drafted.variables {
        out += &format!("  export {variable}=...\n");
    }
    out += "Then `lockstep test`: it tells what the system allows now. It makes what it tries, and takes it away again; not on a\nsystem in production.\n";
    out
}
