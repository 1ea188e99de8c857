//! Packages of PyPI, for systems that are tested and that nobody here wrote: installed when first needed, and kept.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A virtual environment of Python.
#[derive(Debug, Clone)]
pub struct Python {
    folder: PathBuf,
}

impl Python {
    /// The environment under `folder` with all that a file of requirements names; made if it is not there yet. Tests
    /// that want the same one at the same time wait for each other, in other processes too.
    ///
    /// # Errors
    /// Why it could not be made, with what Python or pip said.
    pub fn with(requirements: &Path, folder: &Path) -> Result<Self, String> {
        let wanted = fs::read_to_string(requirements)
            .map_err(|error| format!("{}: {error}", requirements.display()))?;
        let mut hasher = DefaultHasher::new();
        (&wanted, version()?).hash(&mut hasher);
        let folder = folder.join(format!("python-{:016x}", hasher.finish()));
        fs::create_dir_all(&folder).expect("folders can be made");
        let lock = File::create(folder.join("lock")).expect("a file can be made");
        lock.lock().expect("a file can be locked");
        let python = Self { folder };
        let complete = python.folder.join("complete");
        if !complete.exists() {
            python.install(requirements)?;
            File::create(complete).expect("a file can be made");
        }
        Ok(python)
    }

    /// A program of the environment.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join("environment/bin").join(name)
    }

    fn install(&self, requirements: &Path) -> Result<(), String> {
        let environment = self.folder.join("environment");
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "--clear"]).arg(environment);
        let made = run(&mut venv);
        made.map_err(|why| {
            format!(
                "no virtual environment of Python can be made (Debian has it in `python3-venv`): {why}"
            )
        })?;
        let mut pip = Command::new(self.program("python"));
        pip.args(["-m", "pip", "install", "--require-hashes", "--quiet"])
            .args(["--no-input", "--disable-pip-version-check"])
            .args(["--retries", "2", "--timeout", "20", "--requirement"])
            .arg(requirements);
        let installed = run(&mut pip).map(drop);
        installed.map_err(|why| {
            let requirements = requirements.display();
            format!("what `{requirements}` names cannot be installed from PyPI: {why}")
        })
    }
}

fn version() -> Result<Vec<u8>, String> {
    let mut python = Command::new("python3");
    let told = run(python.arg("--version"))?;
    Ok(told.stdout)
}

/// Runs a command to its end.
///
/// # Errors
/// That it failed, with what it said.
pub fn run(command: &mut Command) -> Result<Output, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("`{name}` does not run: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    Err(format!("`{name}` failed: {}{}", said[0], said[1]))
}
