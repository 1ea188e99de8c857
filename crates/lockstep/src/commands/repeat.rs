//! `lockstep repeat`: one cell again, with every request and answer.

use std::io::{self, Write as _};
use std::sync::Arc;

use report::Reporter;
use report::terminal::{Style, exchanges};
use runner::Head;
use suite::event::Event;

use super::environment;
use crate::arguments::Repeat;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{load, name};
use crate::run;
use crate::terminal::{Colour, stdout_style};

/// Shows the exchanges of one cell; its control and its session run beside it, unseen.
struct Exchanges {
    cell: String,
    style: Style,
}

impl Reporter for Exchanges {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::CellJudged(record) if record.cell == self.cell => {
                io::stdout().write_all(exchanges(record, self.style).as_bytes())
            }
            Event::Note(note) => writeln!(io::stderr(), "note: {}", note.text),
            _ => Ok(()),
        }
    }
}

pub(super) async fn execute(command: Repeat, colour: Colour) -> Result<ExitCode, Failure> {
    let path = &command.suite.suite;
    if command.cell.contains('*') {
        return Err(Failure::usage("`repeat` takes the whole name of one cell"));
    }
    let loaded = load(&command.suite, &environment, true)?;
    let plan = run::plan(&loaded, std::slice::from_ref(&command.cell), None)?;
    let head =
        Head::new(&name(path), loaded.digest()).of_part(std::slice::from_ref(&command.cell), None);
    let shown = Exchanges {
        cell: command.cell,
        style: stdout_style(colour, true),
    };
    let options = run::options(&command.sending, true);
    let suite = Arc::new(loaded.suite);
    let reports: run::Reports = vec![Box::new(shown)];
    run::run_and_clean_up(suite, plan, head, options, None, reports, None).await
}
