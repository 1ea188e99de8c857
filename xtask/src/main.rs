//! The checks of the house: rules that neither the compiler nor clippy can hold.
//!
//! `cargo run -p xtask -- check` reads the manifests, the dependency tree and the tracked files, and
//! tells every breach at once, each with its place. It changes nothing, and needs only cargo and,
//! where there is one, git.

mod breach;
mod checks;
mod house;

use std::process::ExitCode;

use breach::Breach;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words != ["check"] {
        eprintln!("usage: cargo run -p xtask -- check");
        return ExitCode::from(2);
    }
    match house::read() {
        Ok(house) => tell(&checks::all(&house)),
        Err(error) => {
            eprintln!("the house cannot be read: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn tell(breaches: &[Breach]) -> ExitCode {
    for breach in breaches {
        eprintln!("{breach}");
    }
    let errors = breaches.iter().filter(|breach| !breach.warning).count();
    let warnings = breaches.len() - errors;
    println!("house: {errors} errors, {warnings} warnings");
    match errors {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
