//! The command line: loads files, runs suites, writes reports. Everything that touches the
//! environment, the disk or a terminal is here.

mod arguments;
mod baseline;
mod commands;
mod exit_code;
mod failure;
mod history;
mod load;
mod record;
mod replace;
mod run;
mod terminal;
mod tree;

pub use exit_code::ExitCode;

use std::io::{self, IsTerminal as _, Write as _};

use clap::Parser as _;

use arguments::Arguments;

/// Does what the command line says and returns the exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // `--help` and `--version` are errors to clap, with exit code 0.
            let _ = error.print();
            return match error.exit_code() {
                0 => ExitCode::Held,
                _ => ExitCode::Mistake,
            };
        }
    };
    let colour = terminal::colour(arguments.color, io::stderr().is_terminal());
    // A panic is Lockstep's own fault, never a verdict.
    let outcome = std::panic::catch_unwind(|| execute(arguments));
    let failure = match outcome {
        Ok(Ok(code)) => return code,
        Ok(Err(failure)) => failure,
        Err(_) => return ExitCode::Fault,
    };
    let _ = io::stderr().write_all(failure.render(colour).as_bytes());
    failure.exit_code()
}

fn execute(arguments: Arguments) -> Result<ExitCode, failure::Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(commands::execute(arguments))
}
