//! `cargo xtask bugs`: plants the bugs of `crates/authz/tests/bugs.toml`, one at a time, in a copy of the
//! workspace, and tells those that no test notices. By hand: each takes a build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::house;

const LIST: &str = "crates/authz/tests/bugs.toml";

#[derive(Deserialize)]
struct List {
    bug: Vec<Bug>,
}

#[derive(Deserialize)]
struct Bug {
    name: String,
    /// The file that it is planted in, from the root.
    file: String,
    /// What stands there once, and what stands there then.
    from: String,
    to: String,
    /// The names of tests that have to notice it, or what they begin with.
    tests: String,
}

/// What came of a bug.
enum Fate {
    Noticed,
    Unnoticed,
    /// Why the tests of it say nothing.
    Void(String),
}

/// Plants the bugs whose names hold one of the words; all without any.
///
/// # Errors
/// The copy cannot be made, or tests fail without any bug.
pub(crate) fn bugs(words: &[String]) -> Result<ExitCode> {
    let (root, target) = house::folders()?;
    let copy = target.join("bugs");
    copy_into(&root, &copy)?;
    let list: List = toml::from_str(&fs::read_to_string(copy.join(LIST))?)?;
    let is_wanted =
        |bug: &&Bug| words.is_empty() || words.iter().any(|word| bug.name.contains(word.as_str()));
    let wanted: Vec<&Bug> = list.bug.iter().filter(is_wanted).collect();
    ensure!(!wanted.is_empty(), "no bug is called so");
    let workspace = Workspace {
        target: copy.join("target"),
        copy,
    };
    let mut filters: Vec<&str> = wanted.iter().map(|bug| bug.tests.as_str()).collect();
    filters.sort_unstable();
    filters.dedup();
    for tests in filters {
        let run = workspace.test(tests, &[])?;
        ensure!(run.status.success(), "`{tests}` fails without any bug");
        let ran = String::from_utf8_lossy(&run.stdout);
        ensure!(ran.contains("... ok"), "no test is called `{tests}`");
    }
    let mut missed = 0;
    for bug in &wanted {
        let fate = workspace.plant(bug)?;
        let told = match &fate {
            Fate::Noticed => "noticed".to_owned(),
            Fate::Unnoticed => "NOT NOTICED".to_owned(),
            Fate::Void(why) => format!("NOT PLANTED ({why})"),
        };
        missed += usize::from(!matches!(fate, Fate::Noticed));
        println!("{told}: {} ({})", bug.name, bug.file);
    }
    println!(
        "bugs: {} of {} noticed",
        wanted.len() - missed,
        wanted.len()
    );
    Ok(match missed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Copies the tracked files as they are now; what is the same already is left, so that it is not
/// built again.
fn copy_into(root: &Path, copy: &Path) -> Result<()> {
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .output()?;
    ensure!(listed.status.success(), "git does not list the files");
    let listed = String::from_utf8(listed.stdout)?;
    for path in listed.split_terminator('\0') {
        let Ok(text) = fs::read(root.join(path)) else {
            continue;
        };
        let to = copy.join(path);
        if fs::read(&to).is_ok_and(|there| there == text) {
            continue;
        }
        let folder = to.parent().context("a file without a folder")?;
        fs::create_dir_all(folder)?;
        fs::write(&to, text)?;
    }
    Ok(())
}

/// The copy. It is built apart: cargo takes equal crates of two workspaces for one and the same.
struct Workspace {
    copy: PathBuf,
    target: PathBuf,
}

impl Workspace {
    fn plant(&self, bug: &Bug) -> Result<Fate> {
        let path = self.copy.join(&bug.file);
        let text = fs::read_to_string(&path).with_context(|| bug.file.clone())?;
        let count = text.matches(&bug.from).count();
        if count != 1 {
            return Ok(Fate::Void(format!("`from` stands there {count} times")));
        }
        fs::write(&path, text.replace(&bug.from, &bug.to))?;
        let fate = self.fate(bug);
        fs::write(&path, text)?;
        fate
    }

    fn fate(&self, bug: &Bug) -> Result<Fate> {
        let built = self.test(&bug.tests, &["--no-run"])?;
        if !built.status.success() {
            return Ok(Fate::Void("it does not build".to_owned()));
        }
        let run = self.test(&bug.tests, &[])?;
        Ok(match run.status.code() {
            Some(0) => Fate::Unnoticed,
            Some(_) => Fate::Noticed,
            None => bail!("a signal ended the tests of `{}`", bug.name),
        })
    }

    fn test(&self, tests: &str, more: &[&str]) -> Result<Output> {
        let mut command = Command::new(house::cargo());
        command.args(["test", "--locked", "-p", "authz"]);
        // A path of modules is one of the crate's own tests; the others stand beside it.
        match tests.contains("::") {
            true => command.arg("--lib"),
            false => command.args(["--test", "it"]),
        };
        command.args(more).arg(tests).current_dir(&self.copy);
        command
            .env("CARGO_TARGET_DIR", &self.target)
            .env("INSTA_UPDATE", "no");
        command.output().context("cargo cannot be run")
    }
}
