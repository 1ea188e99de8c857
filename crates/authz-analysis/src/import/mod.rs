//! Policies of other systems, read into ours: models and policy lines of Casbin, models and tuples
//! of OpenFGA, schemas and relationships of SpiceDB.
//!
//! Nothing is dropped silently: what does not map is told at its place, with what to do instead.
//! Where something would be wider without its missing part, that is left out with it.

mod casbin;
mod openfga;
mod related;
mod spicedb;
mod write;

use authz::source::{Diagnostic, Source};
use authz::{read_facts, read_policy};

use crate::policy_tests::{Broken, Load};

/// Where a policy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Casbin: `model.conf` and `policy.csv`.
    Casbin,
    /// OpenFGA: a model as DSL or JSON, tuples as YAML, JSON or CSV, or a store file.
    OpenFga,
    /// SpiceDB: a schema and relationships, or a validation file.
    SpiceDb,
}

/// What was read, in our form.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// The files: `policy.yaml`, `facts.yaml`, and the relation model if there is one.
    pub files: Vec<File>,
    /// What did not map: where it stands, why, and under `help` what to do instead.
    pub lost: Vec<Diagnostic>,
    /// What maps, but is written otherwise here, or is worth knowing.
    pub notes: Vec<Diagnostic>,
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path from the folder of the policy.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// Imports the files of another system; `load` reads those that they name, by their paths beside
/// the file that does. What comes out has been
/// read back without a mistake.
///
/// # Errors
/// Every mistake of the files.
pub fn import(origin: Origin, sources: &[Source], load: &mut Load<'_>) -> Result<Import, Broken> {
    let mut import = match origin {
        Origin::Casbin => casbin::import(sources)?,
        Origin::OpenFga => openfga::import(sources, load)?,
        Origin::SpiceDb => spicedb::import(sources)?,
    };
    import.lost.sort_by(by_place);
    import.notes.sort_by(by_place);
    read_back(&import.files)?;
    Ok(import)
}

fn by_place(a: &Diagnostic, b: &Diagnostic) -> std::cmp::Ordering {
    let place = |it: &Diagnostic| (it.place.file.clone(), it.place.span.start);
    place(a).cmp(&place(b))
}

/// What is written must be read by us.
fn read_back(files: &[File]) -> Result<(), Broken> {
    let of = |file: &File| Source::new(&file.path, &file.text);
    let (facts, policy): (Vec<&File>, Vec<&File>) =
        files.iter().partition(|file| file.path == write::FACTS);
    let facts: Vec<Source> = facts.into_iter().map(of).collect();
    let mut sources: Vec<Source> = policy.into_iter().map(of).collect();
    let read = read_policy(&sources).and_then(|policy| read_facts(&policy, &facts));
    sources.extend(facts);
    match read {
        Ok(_) => Ok(()),
        Err(mistakes) => Err(Broken { mistakes, sources }),
    }
}
