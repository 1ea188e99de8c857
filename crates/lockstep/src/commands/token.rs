//! `lockstep token`: a live credential of an actor.

use std::io::{self, Write as _};
use std::sync::Arc;

use runner::Head;

use super::{environment, print};
use crate::arguments::Token;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::load;
use crate::run;

pub(super) async fn execute(command: Token) -> Result<ExitCode, Failure> {
    let loaded = load(&command.suite, &environment, true)?;
    let names = || loaded.suite.actors.iter().map(|actor| &*actor.name);
    let Some(actor) = names().position(|name| name == command.actor) else {
        let help = match authz::source::nearest(&command.actor, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected {}", authz::source::one_of(names())),
        };
        let message = format!("there is no actor `{}`\nhelp: {help}", command.actor);
        return Err(Failure::Usage(message));
    };
    let mut options = run::options(&command.sending, false);
    let made = loaded
        .suite
        .actors
        .get(actor)
        .map(|it| it.throw_away.is_some());
    let journal = match made {
        Some(true) => run::journal(&Head::new("", loaded.digest()), &loaded.suite)?,
        _ => None,
    };
    options.journal = journal.as_ref().map(|(journal, _)| journal.clone());
    let token = runner::token(Arc::new(loaded.suite), actor, &options).await;
    if let Some((journal, path)) = journal {
        journal.close();
        // Its user has to be there for as long as the credential is to work.
        if path.exists() {
            let name = &command.actor;
            let _ = writeln!(
                io::stderr(),
                "help: a user was made for `{name}`; `lockstep cleanup` takes it away again"
            );
        }
    }
    let token = token.map_err(Failure::Inconclusive)?;
    print(&format!("{token}\n"))
}
