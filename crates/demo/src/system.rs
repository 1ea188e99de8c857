//! What the handlers of both services share: the data, the keys of the sessions, and the faults that are planted.

use std::io;
use std::sync::Arc;

use crate::database::Database;
use crate::fault::Fault;
use crate::token::Tokens;
use crate::{password, seed};

/// The state of the running system.
pub(crate) struct System {
    pub(crate) database: Database,
    pub(crate) tokens: Tokens,
    /// A hash that no password fits: an unknown mail address is checked against it, and takes as long as a known one.
    pub(crate) decoy_hash: String,
    faults: Vec<Fault>,
}

/// The state as the handlers receive it.
pub(crate) type Shared = Arc<System>;

impl System {
    /// A system on seeded data with fresh secrets, and by variable the passwords of its users and the key that
    /// signs its tokens. Hashes: takes a while.
    pub(crate) fn new(faults: Vec<Fault>) -> io::Result<(System, Vec<(&'static str, String)>)> {
        let database = Database::new().map_err(io::Error::other)?;
        let mut secrets = seed::passwords()?;
        seed::fill(&database, &secrets)?;
        let decoy_hash = password::hash(&secret()?).map_err(io::Error::other)?;
        let signing_key = secret()?;
        let tokens = Tokens::new(signing_key.as_bytes());
        secrets.push(("SIGNING_KEY", signing_key));
        let system = System {
            database,
            tokens,
            decoy_hash,
            faults,
        };
        Ok((system, secrets))
    }

    /// Whether this fault is planted.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

/// 256 bits in hexadecimal digits.
fn secret() -> io::Result<String> {
    let half = || password::random().map_err(io::Error::other);
    Ok(half()? + &half()?)
}
