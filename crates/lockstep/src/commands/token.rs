//! `lockstep token`: a live credential of an actor.

use std::sync::Arc;

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
    let options = run::options(&command.sending, false);
    let token = runner::token(Arc::new(loaded.suite), actor, &options).await;
    let token = token.map_err(Failure::Inconclusive)?;
    print(&format!("{token}\n"))
}
