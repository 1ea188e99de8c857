//! `lockstep policy import`: a policy of another system, read into ours.

use std::fmt::Write as _;
use std::path::Path;

use authz::source::{Diagnostic, Source};
use authz_analysis::import::{self, Import, Origin};

use super::policy::read;
use super::print;
use crate::arguments::{From, PolicyImport};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::name;
use crate::replace::write_all;

pub(super) fn execute(command: &PolicyImport) -> Result<ExitCode, Failure> {
    let origin = match command.from {
        From::Casbin => Origin::Casbin,
        From::Openfga => Origin::OpenFga,
        From::Spicedb => Origin::SpiceDb,
    };
    let sources = command.files.iter().map(|path| {
        let told = |why| Failure::usage(format!("`{}` cannot be read: {why}", path.display()));
        read(path).map_err(told)
    });
    let sources: Vec<Source> = sources.collect::<Result<_, _>>()?;
    let import = import::import(origin, &sources, &mut |path| read(Path::new(path)));
    let import = import.map_err(|broken| Failure::Mistakes {
        mistakes: broken.mistakes,
        sources: broken.sources,
    })?;
    let mut text = String::new();
    if command.dry_run {
        for file in &import.files {
            let _ = writeln!(text, "# {}\n{}", file.path, file.text.trim_end());
        }
    } else {
        let files = import.files.iter();
        let files: Vec<(String, String)> = files
            .map(|file| (file.path.clone(), file.text.clone()))
            .collect();
        write_all(&command.to, &files, command.force)?;
        for (path, _) in &files {
            let _ = writeln!(text, "{}", name(&command.to.join(path)));
        }
    }
    text.push_str(&told(&import));
    print(&text)?;
    Ok(match import.lost.is_empty() {
        true => ExitCode::Held,
        false => ExitCode::Inconclusive,
    })
}

/// What did not map, and what is worth knowing.
fn told(import: &Import) -> String {
    let mut text = String::new();
    let parts = [
        ("Not imported", "instead: ", &import.lost),
        ("To know", "", &import.notes),
    ];
    for (title, lead, of) in parts.into_iter().filter(|part| !part.2.is_empty()) {
        let _ = writeln!(text, "\n{title} ({}):", of.len());
        for Diagnostic {
            place,
            message,
            help,
            ..
        } in of
        {
            let place = report::clean(&place.to_string());
            let _ = writeln!(text, "  {place}  {}", report::clean(message));
            if let Some(help) = help {
                let _ = writeln!(text, "    {lead}{}", report::clean(help));
            }
        }
    }
    text
}
