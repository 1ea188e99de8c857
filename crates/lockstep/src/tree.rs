//! Where the files of a policy are: on the disk, or in a revision that git knows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use authz::source::SOURCE_BYTES_MAX;

use crate::load::bytes;

/// A tree of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tree {
    /// The disk.
    #[default]
    Disk,
    /// Revisions of git: a path is `main:policy/policy.yaml`, as git itself has it.
    Revision,
}

impl Tree {
    /// Where a path leads: what is there on the disk is meant first.
    pub(crate) fn of(path: &Path) -> Self {
        let text = path.to_string_lossy();
        match !path.exists() && text.contains(':') && !text.starts_with('-') {
            true => Self::Revision,
            false => Self::Disk,
        }
    }

    /// The bytes of a file, or more than may be read if there are too many.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn bytes(self, path: &Path) -> io::Result<Vec<u8>> {
        match self {
            Self::Disk => bytes(path),
            Self::Revision => {
                let size = git(&["cat-file", "-s"], path)?;
                let size: usize = size.trim().parse().unwrap_or(usize::MAX);
                if size > SOURCE_BYTES_MAX {
                    let why = format!("it has {size} bytes; at most {SOURCE_BYTES_MAX} are read");
                    return Err(io::Error::other(why));
                }
                git(&["cat-file", "blob"], path).map(String::into_bytes)
            }
        }
    }

    /// Whether there is such a file.
    pub(crate) fn is_file(self, path: &Path) -> bool {
        match self {
            Self::Disk => path.is_file(),
            Self::Revision => kind(path).is_ok_and(|kind| kind == "blob"),
        }
    }

    fn is_dir(self, path: &Path) -> bool {
        match self {
            Self::Disk => path.is_dir(),
            Self::Revision => kind(path).is_ok_and(|kind| kind == "tree"),
        }
    }

    /// The file of this name in a folder, or beside a file.
    pub(crate) fn beside(self, path: &Path, name: &str) -> PathBuf {
        if self.is_dir(path) {
            return self.join(path, name);
        }
        match self {
            Self::Disk => path.parent().unwrap_or(Path::new("")).join(name),
            Self::Revision => {
                let text = path.to_string_lossy();
                let end = text.rfind(['/', ':']).map_or(0, |at| at + 1);
                format!("{}{name}", text.get(..end).unwrap_or_default()).into()
            }
        }
    }

    fn join(self, folder: &Path, name: &str) -> PathBuf {
        let text = folder.to_string_lossy();
        match self {
            Self::Disk => folder.join(name),
            Self::Revision if text.ends_with([':', '/']) => format!("{text}{name}").into(),
            Self::Revision => format!("{text}/{name}").into(),
        }
    }

    /// A file, or the policy files of a folder in the order of their names.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn policy_files(self, path: &Path) -> Result<Vec<PathBuf>, String> {
        if self.is_file(path) {
            return Ok(vec![path.to_owned()]);
        }
        let names = self.names(path).map_err(|error| error.to_string())?;
        let policies = names.iter().filter(|name| is_policy_file(name));
        let paths = policies.map(|name| self.join(path, name));
        let mut files: Vec<PathBuf> = paths.filter(|path| self.is_file(path)).collect();
        if files.is_empty() {
            return Err("no `*.yaml` file in it is a policy".to_owned());
        }
        files.sort();
        Ok(files)
    }

    /// The names of what is in a folder.
    fn names(self, folder: &Path) -> io::Result<Vec<String>> {
        match self {
            Self::Disk => {
                let entries = fs::read_dir(folder)?;
                let names = entries.map(|it| Ok(it?.file_name().to_string_lossy().into_owned()));
                names.collect()
            }
            Self::Revision => {
                let listed = git(&["ls-tree", "--full-tree", "--name-only", "-z"], folder)?;
                Ok(listed.split_terminator('\0').map(str::to_owned).collect())
            }
        }
    }
}

/// `blob`, `tree` or what else git calls it.
fn kind(path: &Path) -> io::Result<String> {
    git(&["cat-file", "-t"], path).map(|kind| kind.trim().to_owned())
}

/// What git says of an object.
fn git(arguments: &[&str], path: &Path) -> io::Result<String> {
    let text = path.to_string_lossy();
    let object = text.strip_suffix('/').unwrap_or(&text);
    if object.starts_with('-') {
        return Err(io::Error::other("this is no revision"));
    }
    let output = Command::new("git").args(arguments).arg(object).output();
    let output = output.map_err(|error| io::Error::other(format!("git: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().next().unwrap_or("it failed").to_owned();
        return Err(io::Error::other(format!("git says: {first}")));
    }
    String::from_utf8(output.stdout).map_err(|_| io::Error::other("it is not valid UTF-8"))
}

/// Facts and tests of a policy stand in the same folder.
fn is_policy_file(name: &str) -> bool {
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    let stem = name.trim_end_matches(".yaml").trim_end_matches(".yml");
    let tests = stem.ends_with(".test") || stem.ends_with(".fga");
    yaml && stem != "facts" && !tests
}
