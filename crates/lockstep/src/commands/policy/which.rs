//! Which files of tests `lockstep policy test` and `mutate` run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::load::Files;

/// What the names of files of tests end with.
const ENDS: [&str; 2] = [".test.yaml", ".fga.yaml"];
/// How many folders lie in one another at most.
const DEPTH_MAX: usize = 32;

/// The files that were named, and all in folders that were; or those that are found.
///
/// # Errors
/// A folder has none, or cannot be read.
pub(super) fn files(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in named {
        let found = match path.is_dir() {
            true => below(path)?,
            false => vec![path.clone()],
        };
        if found.is_empty() {
            let path = path.display();
            return Err(Failure::usage(format!(
                "there is no `*.test.yaml` or `*.fga.yaml` in `{path}` or its folders\nhelp: name the files of tests"
            )));
        }
        let new: Vec<PathBuf> = found.into_iter().filter(|it| !files.contains(it)).collect();
        files.extend(new);
    }
    if named.is_empty() {
        files = by_default()?;
    }
    Ok(files)
}

/// Those here, under `policy/` and in the folder of the policy that `lockstep.yaml` names.
fn by_default() -> Result<Vec<PathBuf>, Failure> {
    let mut files: BTreeSet<PathBuf> = found(&[PathBuf::new()])?.into_iter().collect();
    let mut folders = BTreeSet::from([PathBuf::from("policy")]);
    let suite = Path::new("lockstep.yaml");
    // What is wrong with the suite is not told here: the tests are of the policy.
    if let Some(suite) = Files::open(suite).ok().filter(|_| suite.is_file()) {
        let policy = suite.policy().iter();
        let beside = policy.filter_map(|it| Path::new(it.name()).parent());
        folders.extend(
            beside
                .filter(|it| !it.as_os_str().is_empty())
                .map(Path::to_owned),
        );
    }
    for folder in folders.iter().filter(|it| it.is_dir()) {
        files.extend(below(folder)?);
    }
    if files.is_empty() {
        return Err(Failure::usage(
            "there is no `*.test.yaml` or `*.fga.yaml` here, under `policy/` or beside the suite's policy\nhelp: name the files of tests, or their folder",
        ));
    }
    Ok(files.into_iter().collect())
}

/// The files of tests in these folders, in the order of their names.
///
/// # Errors
/// A folder that is there cannot be read.
pub(super) fn found(folders: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for folder in folders {
        for path in entries(folder)? {
            if is_tests(&path) && path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The files of tests in a folder and in those in it, but for hidden ones and links.
fn below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        for path in entries(&folder)? {
            let is_hidden = path
                .file_name()
                .is_some_and(|it| it.to_string_lossy().starts_with('.'));
            if path.is_dir() && !path.is_symlink() && !is_hidden && depth < DEPTH_MAX {
                open.push((path, depth + 1));
            } else if is_tests(&path) && path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_tests(path: &Path) -> bool {
    let text = path.to_string_lossy();
    ENDS.iter().any(|end| text.ends_with(end))
}

/// What is in a folder, if it is there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let shown = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(shown).into_iter().flatten() {
        entries.push(folder.join(entry?.file_name()));
    }
    Ok(entries)
}
