//! The checks of the house, rules that neither the compiler nor clippy can hold; and fuzzing.
//!
//! `cargo xtask check` reads the manifests, the dependency tree and the tracked files, and
//! tells every breach at once, each with its place. It changes nothing, and needs only cargo and,
//! where there is one, git. `cargo xtask fuzz [TARGET ...] [--seconds N] [--seed N]` fuzzes.

mod breach;
mod bugs;
mod checks;
mod fuzz;
mod house;

use std::process::ExitCode;

use breach::Breach;

const USAGE: &str = "usage: cargo xtask check\n       cargo xtask fuzz [TARGET ...] [--seconds N] [--seed N]\n       cargo xtask bugs [WORD ...]";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((command, [])) if command == "check" => check(),
        Some((command, rest)) if command == "fuzz" => {
            let done = fuzz::Order::parse(rest).and_then(|order| fuzz::fuzz(&order));
            done.unwrap_or_else(|error| {
                eprintln!("nothing is fuzzed: {error:#}");
                ExitCode::from(2)
            })
        }
        Some((command, words)) if command == "bugs" => bugs::bugs(words).unwrap_or_else(|error| {
            eprintln!("no bug is planted: {error:#}");
            ExitCode::from(2)
        }),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn check() -> ExitCode {
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
