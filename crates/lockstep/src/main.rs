//! `lockstep`, the program.

fn main() -> std::process::ExitCode {
    lockstep::main().into()
}
