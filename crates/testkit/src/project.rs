//! A folder with files, as a user's project; gone when it is dropped.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A temporary folder with files.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// An empty folder.
    pub fn empty() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        Self { folder }
    }

    /// A folder with these files: path in the folder, and content.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let project = Self::empty();
        for (name, text) in files {
            project.write(name, text.as_bytes());
        }
        project
    }

    /// Writes a file, with the folders that it stands in.
    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.path().join(name);
        let parent = path.parent().expect("a file stands in a folder");
        fs::create_dir_all(parent).expect("folders can be made");
        fs::write(path, content).expect("a file can be written");
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The content of a file.
    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.path().join(name)).expect("the file is there");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Every file under a folder of the project, hidden ones too, sorted by path; empty if there is no such folder.
    pub fn files_under(&self, name: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.path().join(name)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("a folder can be listed").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files.sort();
        files
    }
}
