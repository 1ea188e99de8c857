//! What the terminal can do, and what the user wants of it.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use report::terminal::Style;

/// The width where there is no terminal.
const WIDTH_ELSEWHERE: usize = 120;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether a stream gets colour. `NO_COLOR` counts when it is not empty (no-color.org).
pub(crate) fn colour(wanted: Colour, is_terminal: bool) -> bool {
    match wanted {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            is_terminal && !no_color && !dumb
        }
    }
}

/// How standard output is written.
pub(crate) fn stdout_style(wanted: Colour, verbose: bool) -> Style {
    style(wanted, std::io::stdout().is_terminal(), verbose)
}

/// How standard error is written.
pub(crate) fn stderr_style(wanted: Colour, verbose: bool) -> Style {
    style(wanted, std::io::stderr().is_terminal(), verbose)
}

fn style(wanted: Colour, is_terminal: bool, verbose: bool) -> Style {
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    Style {
        colour: colour(wanted, is_terminal),
        // The live matrix is drawn on standard error.
        progress: is_terminal && std::io::stderr().is_terminal() && !verbose,
        width: width.filter(|_| is_terminal).unwrap_or(WIDTH_ELSEWHERE),
        verbose,
    }
}
