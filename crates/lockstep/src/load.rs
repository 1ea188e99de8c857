//! Loads the files of a suite. The crates below this one open nothing.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use authz::language::{beside, named_files};
use authz::source::{Diagnostic, Diagnostics, Place, SOURCE_BYTES_MAX, Source};
use authz::{Facts, Policy, read_facts, read_policy};
use suite::file::{Inputs, read_suite, references};
use suite::model::Suite;
use suite::openapi::DOCUMENT_BYTES_MAX;

use crate::arguments::SuiteFile;
use crate::failure::Failure;
use crate::tree::Tree;

/// A suite with the files that it was read from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The suite.
    pub(crate) suite: Suite,
    /// Its files, for messages.
    pub(crate) sources: Vec<Source>,
}

impl Loaded {
    /// A hash of the files as they were read (FNV-1a, 64 bits), by which two runs of one suite can
    /// be told from runs of two. It guards against no attacker.
    pub(crate) fn digest(&self) -> String {
        let texts = self.sources.iter().map(Source::text);
        let whole = texts.collect::<Vec<_>>().join("\0");
        format!("{:016x}", suite::hash::fnv_1a(&whole))
    }
}

/// The files of a suite, not yet read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    tree: Tree,
    suite: Option<Source>,
    policy: Vec<Source>,
    facts: Vec<Source>,
    schemas: Vec<Source>,
    documents: Vec<Source>,
    mistakes: Vec<Diagnostic>,
    broken: Vec<Source>,
}

/// Loads a suite file and the files that it names.
///
/// # Errors
/// Mistakes in the files, all at once.
pub(crate) fn load(
    file: &SuiteFile,
    environment: &dyn Fn(&str) -> Option<String>,
    unset_is_mistake: bool,
) -> Result<Loaded, Failure> {
    let files = Files::open(&file.suite)?;
    read(files, file.environment(), environment, unset_is_mistake)
}

/// Reads a suite from its files, in one of its environments if `chosen` names one.
///
/// # Errors
/// Mistakes in the files, all at once.
pub(crate) fn read(
    files: Files,
    chosen: Option<&str>,
    environment: &dyn Fn(&str) -> Option<String>,
    unset_is_mistake: bool,
) -> Result<Loaded, Failure> {
    let sources = files.sources();
    let Some(suite) = &files.suite else {
        return Err(Failure::Mistakes {
            mistakes: files.mistakes,
            sources,
        });
    };
    let read = read_suite(&Inputs {
        suite,
        policy: &files.policy,
        facts: &files.facts,
        schemas: &files.schemas,
        documents: &files.documents,
        chosen,
        environment,
        unset_is_mistake,
    });
    match read {
        Ok(suite) if files.mistakes.is_empty() => Ok(Loaded { suite, sources }),
        read => {
            let mistakes = merged(files.mistakes, read.err().unwrap_or_default());
            Err(Failure::Mistakes { mistakes, sources })
        }
    }
}

/// A policy with facts, read without a suite.
#[derive(Debug)]
pub(crate) struct Ruling {
    /// The policy.
    pub(crate) policy: Policy,
    /// What it decides from.
    pub(crate) facts: Facts,
    /// The files of the policy.
    pub(crate) sources: Vec<Source>,
    /// The files of the facts.
    pub(crate) facts_sources: Vec<Source>,
}

/// Where a policy is that may be named.
fn policy_path(named: Option<&Path>) -> &Path {
    let default = match Path::new("policy").is_dir() {
        true => Path::new("policy"),
        false => Path::new("policy.yaml"),
    };
    named.unwrap_or(default)
}

/// The folder of a policy that may be named, where its facts and tests are.
pub(crate) fn policy_folder(named: Option<&Path>) -> PathBuf {
    let path = policy_path(named);
    match path.is_dir() {
        true => path.to_owned(),
        false => path.parent().unwrap_or(Path::new("")).to_owned(),
    }
}

/// Loads a policy (by default `policy/`, or else `policy.yaml`) and facts (by default the
/// `facts.yaml` beside it).
///
/// # Errors
/// Mistakes in the files, all at once.
pub(crate) fn load_policy(policy: Option<&Path>, facts: &[PathBuf]) -> Result<Ruling, Failure> {
    load_policy_of(Tree::Disk, policy, facts)
}

/// As [`load_policy`], from a tree of files; given facts are always on the disk.
///
/// # Errors
/// Mistakes in the files, all at once.
pub(crate) fn load_policy_of(
    tree: Tree,
    policy: Option<&Path>,
    facts: &[PathBuf],
) -> Result<Ruling, Failure> {
    let mut files = Files {
        tree,
        ..Files::default()
    };
    let path = policy_path(policy);
    let paths = tree.policy_files(path).map_err(|why| {
        let path = path.display();
        let help = "name another one with `--policy PATH`";
        Failure::usage(format!(
            "the policy `{path}` cannot be read: {why}\nhelp: {help}"
        ))
    })?;
    files.policy = files.policy_sources(&paths);
    let beside = Some(tree.beside(path, "facts.yaml")).filter(|path| tree.is_file(path));
    let named = match facts {
        [] => beside.as_slice(),
        facts => {
            files.tree = Tree::Disk;
            facts
        }
    };
    files.facts = files.sources_of(named);
    let mut mistakes = Diagnostics::default();
    let mut told = |more: Vec<Diagnostic>| more.into_iter().for_each(|it| mistakes.push(it));
    told(std::mem::take(&mut files.mistakes));
    let policy = read_policy(&files.policy).map_err(&mut told).ok();
    let facts = policy.as_ref();
    let facts = facts.and_then(|policy| read_facts(policy, &files.facts).map_err(&mut told).ok());
    match (policy, facts) {
        (Some(policy), Some(facts)) if mistakes.is_empty() => Ok(Ruling {
            policy,
            facts,
            sources: files.policy,
            facts_sources: files.facts,
        }),
        _ => Err(Failure::Mistakes {
            mistakes: mistakes.into_sorted(),
            sources: files.sources(),
        }),
    }
}

/// The mistakes of loading and of reading. What could not be loaded cannot be found by the
/// reader either: that is one mistake.
fn merged(loading: Vec<Diagnostic>, reading: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut all = Diagnostics::default();
    let reading = reading
        .into_iter()
        .filter(|mistake| !loading.iter().any(|told| told.place == mistake.place))
        .collect::<Vec<_>>();
    loading
        .into_iter()
        .chain(reading)
        .for_each(|mistake| all.push(mistake));
    all.into_sorted()
}

impl Files {
    /// Files that are part of the program.
    pub(crate) fn embedded(suite: Source, policy: Source, documents: Vec<Source>) -> Self {
        Self {
            suite: Some(suite),
            policy: vec![policy],
            documents,
            ..Self::default()
        }
    }

    /// The files of a suite.
    ///
    /// # Errors
    /// The suite file cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let mut files = Self::default();
        let bytes = bytes(path).map_err(|error| {
            let path = path.display();
            Failure::usage(format!(
                "the suite `{path}` cannot be read: {error}\nhelp: name another one with `--suite FILE`, or see one at work with `lockstep demo`"
            ))
        })?;
        let Some(suite) = files.source(path, &bytes) else {
            return Ok(files);
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let named = references(&suite);
        if let Some((policy, place)) = named.policy {
            match Tree::Disk.policy_files(&folder.join(&policy)) {
                Ok(paths) => files.policy = files.policy_sources(&paths),
                Err(why) => files.mistakes.push(Diagnostic::new(
                    place,
                    format!("the policy `{policy}` cannot be read: {why}"),
                )),
            }
        }
        for (path, place) in named.facts {
            match self::bytes(&folder.join(&path)) {
                Ok(bytes) => {
                    let source = files.source(&folder.join(&path), &bytes);
                    files.facts.extend(source);
                }
                Err(why) => files.mistakes.push(Diagnostic::new(
                    place,
                    format!("the facts `{path}` cannot be read: {why}"),
                )),
            }
        }
        for (schema, place) in named.schemas {
            match self::bytes(&folder.join(&schema)) {
                Ok(bytes) => {
                    let source = files.source(&folder.join(&schema), &bytes);
                    files.schemas.extend(source);
                }
                Err(why) => files.mistakes.push(Diagnostic::new(
                    place,
                    format!("the schema `{schema}` cannot be read: {why}"),
                )),
            }
        }
        for (document, place) in named.documents {
            files.document(&folder.join(&document), &document, place);
        }
        files.suite = Some(suite);
        Ok(files)
    }

    /// The files of the policy.
    pub(crate) fn policy(&self) -> &[Source] {
        &self.policy
    }

    /// The same with other files of the policy.
    pub(crate) fn with_policy(&self, policy: &[Source]) -> Self {
        Self {
            policy: policy.to_vec(),
            ..self.clone()
        }
    }

    /// The files of a policy, with the relation models that they name.
    fn policy_sources(&mut self, paths: &[PathBuf]) -> Vec<Source> {
        let mut sources = self.sources_of(paths);
        // A manifest names modules in turn.
        let mut read = 0;
        while let Some(source) = sources.get(read).cloned() {
            for path in named_files(&source) {
                let name = beside(source.name(), &path);
                // What cannot be read, or is not there, the reader tells of at its place.
                let bytes = self.tree.bytes(Path::new(&name)).unwrap_or_default();
                if !bytes.is_empty() && !sources.iter().any(|it| it.name() == name) {
                    sources.extend(self.source(Path::new(&name), &bytes));
                }
            }
            read += 1;
        }
        sources
    }

    fn sources_of(&mut self, paths: &[PathBuf]) -> Vec<Source> {
        let mut sources = Vec::new();
        for path in paths {
            match self.tree.bytes(path) {
                Ok(bytes) => sources.extend(self.source(path, &bytes)),
                Err(error) => {
                    let empty = Source::new(&name(path), "");
                    let message = format!("the file cannot be read: {error}");
                    self.mistakes
                        .push(Diagnostic::new(empty.place(0..0), message));
                    self.broken.push(empty);
                }
            }
        }
        sources
    }

    /// An OpenAPI document, which may be larger than what people write.
    fn document(&mut self, path: &Path, written: &str, place: Place) {
        let read = bytes_within(path, DOCUMENT_BYTES_MAX);
        let source =
            read.map(|bytes| Source::from_bytes_within(&name(path), &bytes, DOCUMENT_BYTES_MAX));
        match source {
            Ok(Ok(source)) => self.documents.push(source),
            Ok(Err(broken)) => {
                let (source, mistake) = *broken;
                self.mistakes.push(mistake);
                self.broken.push(source);
            }
            Err(why) => self.mistakes.push(Diagnostic::new(
                place,
                format!("the document `{written}` cannot be read: {why}"),
            )),
        }
    }

    fn source(&mut self, path: &Path, bytes: &[u8]) -> Option<Source> {
        match Source::from_bytes(&name(path), bytes) {
            Ok(source) => Some(source),
            Err(broken) => {
                let (source, mistake) = *broken;
                self.mistakes.push(mistake);
                self.broken.push(source);
                None
            }
        }
    }

    fn sources(&self) -> Vec<Source> {
        self.suite
            .iter()
            .chain(&self.policy)
            .chain(&self.facts)
            .chain(&self.schemas)
            .chain(&self.documents)
            .chain(&self.broken)
            .cloned()
            .collect()
    }
}

/// The name of a file in messages: its path as it was given, with slashes everywhere.
pub(crate) fn name(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// The bytes of a file, one more than may be read if there are too many.
pub(crate) fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    bytes_within(path, SOURCE_BYTES_MAX)
}

/// The bytes of a file, one more than `bytes_max` if there are too many.
pub(crate) fn bytes_within(path: &Path, bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path)?;
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
