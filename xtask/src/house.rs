//! Reads what the checks look at: cargo's metadata, the tree of the pure crates, the tracked files.
//!
//! All asking of the outside happens here; the checks themselves are functions of what was read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::checks::purity;

/// All that the checks look at.
pub(crate) struct House {
    /// The crates of the workspace.
    pub(crate) crates: Vec<Crate>,
    /// Every package of the whole tree that is not ours, for all platforms.
    pub(crate) packages: Vec<Package>,
    /// The tracked files.
    pub(crate) files: Vec<File>,
}

/// One crate of the workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Its folder from the root, without a slash at the end.
    pub(crate) folder: String,
    /// The text of its Cargo.toml.
    pub(crate) manifest: String,
    /// What it uses of ours.
    pub(crate) ours: Vec<Dependency>,
    /// The names of all packages in its normal tree; read for the crates that purity looks at.
    pub(crate) tree: BTreeSet<String>,
}

/// A dependency on a crate of ours.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// When a dependency is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

/// A package that is not ours.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Its SPDX expression.
    pub(crate) license: Option<String>,
    /// Where it comes from, as cargo writes it; none for a path.
    pub(crate) source: Option<String>,
}

/// A tracked file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// From the root, with forward slashes.
    pub(crate) path: String,
    /// Its text; what is not UTF-8 is replaced.
    pub(crate) text: String,
}

impl House {
    /// The text of one tracked file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        let file = self.files.iter().find(|file| file.path == path)?;
        Some(&file.text)
    }
}

/// Asks cargo and git about the workspace around the current folder.
pub(crate) fn read() -> Result<House> {
    let metadata = metadata()?;
    let root = metadata.workspace_root.clone();
    let (ours, others): (Vec<_>, Vec<_>) = metadata
        .packages
        .into_iter()
        .partition(|package| metadata.workspace_members.contains(&package.id));
    let names: BTreeSet<String> = ours.iter().map(|package| package.name.clone()).collect();
    Ok(House {
        crates: ours
            .into_iter()
            .map(|package| read_crate(package, &names, &root))
            .collect::<Result<_>>()?,
        packages: others.into_iter().map(MetadataPackage::other).collect(),
        files: read_files(&root)?,
    })
}

fn metadata() -> Result<Metadata> {
    let words = ["metadata", "--format-version", "1", "--locked"];
    serde_json::from_str(&output(&cargo(), &words, Path::new("."))?)
        .context("cargo's metadata is not as expected")
}

/// Where the workspace is, and where cargo puts what it builds.
pub(crate) fn folders() -> Result<(PathBuf, PathBuf)> {
    let metadata = metadata()?;
    Ok((metadata.workspace_root, metadata.target_directory))
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    workspace_members: BTreeSet<String>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
    dependencies: Vec<MetadataDependency>,
}

#[derive(Deserialize)]
struct MetadataDependency {
    name: String,
    kind: Option<String>,
    path: Option<PathBuf>,
}

impl MetadataPackage {
    fn other(self) -> Package {
        Package {
            name: self.name,
            version: self.version,
            license: self.license,
            source: self.source,
        }
    }
}

fn read_crate(package: MetadataPackage, names: &BTreeSet<String>, root: &Path) -> Result<Crate> {
    let folder = package.manifest_path.parent().unwrap_or(root);
    let tree = match purity::looks_at(&package.name) {
        true => read_tree(&package.name, root)?,
        false => BTreeSet::new(),
    };
    Ok(Crate {
        folder: slashes(folder.strip_prefix(root).unwrap_or(folder)),
        manifest: std::fs::read_to_string(&package.manifest_path)
            .with_context(|| package.manifest_path.display().to_string())?,
        ours: package
            .dependencies
            .iter()
            .filter(|dependency| dependency.path.is_some() && names.contains(&dependency.name))
            .map(MetadataDependency::ours)
            .collect(),
        tree,
        name: package.name,
    })
}

impl MetadataDependency {
    fn ours(&self) -> Dependency {
        Dependency {
            name: self.name.clone(),
            kind: match self.kind.as_deref() {
                Some("dev") => Kind::Dev,
                Some("build") => Kind::Build,
                _ => Kind::Normal,
            },
        }
    }
}

/// `cargo tree` and not the metadata, in which optional packages stand that no feature switches on.
fn read_tree(name: &str, root: &Path) -> Result<BTreeSet<String>> {
    let words = [
        "tree", "-p", name, "-e", "normal", "--prefix", "none", "--target", "all", "--locked",
    ];
    Ok(output(&cargo(), &words, root)?
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect())
}

/// The tracked files, or all but hidden folders and `target` where git cannot tell.
pub(crate) fn read_files(root: &Path) -> Result<Vec<File>> {
    // Another user's checkout, as in a container, is not trusted by git unless it is told to.
    let words = ["-c", "safe.directory=*", "ls-files", "-z"];
    let paths: Vec<PathBuf> = match output("git", &words, root) {
        Ok(listing) => listing
            .split_terminator('\0')
            .map(|path| root.join(path))
            .collect(),
        Err(_) => walk(root)?,
    };
    // A tracked file that was just removed is no mistake.
    let present = paths.iter().filter(|path| path.is_file());
    present.map(|path| read_file(path, root)).collect()
}

fn read_file(path: &Path, root: &Path) -> Result<File> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(File {
        path: slashes(path.strip_prefix(root).unwrap_or(path)),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        match path.is_dir() {
            true if is_passed_by(&path) => {}
            true => found.extend(walk(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

fn is_passed_by(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name == "target" || (name.starts_with('.') && name != ".ci")
}

/// The cargo that called, else the one in the path.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn output(program: &str, words: &[&str], folder: &Path) -> Result<String> {
    let called = || format!("`{program} {}`", words.join(" "));
    let output = Command::new(program)
        .args(words)
        .current_dir(folder)
        .output()
        .with_context(called)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed: {}", called(), said.trim());
    }
    String::from_utf8(output.stdout).with_context(called)
}

fn slashes(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
