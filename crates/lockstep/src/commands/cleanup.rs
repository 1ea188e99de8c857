//! `lockstep cleanup`: puts back what interrupted runs have left behind.

use std::io::{self, Write as _};
use std::sync::Arc;

use anyhow::Context as _;

use super::{environment, print};
use crate::arguments::Cleanup;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::load;
use crate::{record, run};

pub(super) async fn execute(command: Cleanup) -> Result<ExitCode, Failure> {
    let loaded = load(&command.suite, &environment, true)?;
    let suite = Arc::new(loaded.suite);
    let options = run::options(&command.sending, false);
    let journals = record::journals().context("the journals under `.lockstep/` cannot be read")?;
    let (mut put_back, mut left, mut failures) = (0, 0, Vec::new());
    for path in &journals {
        let cleaned = run::clean_up(Arc::clone(&suite), path, &options).await?;
        put_back += cleaned.put_back;
        left += cleaned.left;
        failures.extend(cleaned.failures);
    }
    for why in &failures {
        let _ = writeln!(io::stderr(), "{why}");
    }
    print(&format!("{put_back} put back, {left} left behind\n"))?;
    Ok(if left == 0 && failures.is_empty() {
        ExitCode::Held
    } else {
        ExitCode::Inconclusive
    })
}
