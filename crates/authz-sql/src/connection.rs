//! Connections to databases, from addresses whose passwords are never shown.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use authz::source::DatabaseAddress;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
pub use tokio_postgres::{Client, Error, Transaction};
use tokio_postgres::{Config, IsolationLevel};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::tls::Tls;

/// The longest time that a connection may take to open, unless the address says otherwise.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Where a database is, and as whom it is entered.
///
/// It is shown without its password.
#[derive(Clone)]
pub struct Address {
    config: Config,
    tls: Tls,
}

/// Why a text is not the address of a PostgreSQL database. The text is not repeated: it may hold a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected the address of a PostgreSQL database, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, \
     with `@` and `?` in names and passwords written percent-encoded, as `%40` and `%3F`"
)]
pub struct NoAddress;

/// Why a database was not entered.
#[derive(Debug, thiserror::Error)]
#[error("`{address}` was not entered: {why}")]
pub struct NoEntry {
    address: String,
    why: String,
    /// Whether the user lacks the privilege to connect (SQLSTATE 42501), and nothing else.
    pub is_denied: bool,
}

impl Address {
    /// Reads an address, as libpq writes them. `sslmode` and `sslrootcert` mean what they mean
    /// there, but for `verify-ca` and `verify-full` without `sslrootcert`, which trust whom browsers
    /// trust.
    ///
    /// # Errors
    /// That the text is no such address.
    pub fn parse(text: &str) -> Result<Self, NoAddress> {
        let address = DatabaseAddress::of(text).ok_or(NoAddress)?;
        let (mut mode, mut roots, mut others) = (None, None, String::new());
        for option in address.options.split('&') {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            let place = match key {
                "sslmode" => &mut mode,
                "sslrootcert" => &mut roots,
                _ => {
                    others.push_str(&format!("&{option}"));
                    continue;
                }
            };
            let value = percent_encoding::percent_decode_str(value).decode_utf8();
            *place = Some(value.map_err(|_| NoAddress)?.into_owned());
        }
        let mode = mode.as_deref().unwrap_or("prefer");
        let (tls, mode) = Tls::of(mode, roots.as_deref()).ok_or(NoAddress)?;
        let bare = text.split('?').next().unwrap_or(text);
        let text = format!("{bare}?sslmode={mode}{others}");
        let mut config: Config = text.parse().map_err(|_| NoAddress)?;
        if config.get_hosts().is_empty() {
            return Err(NoAddress);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIME_MAX);
        }
        if config.get_application_name().is_none() {
            config.application_name("lockstep");
        }
        Ok(Self { config, tls })
    }

    /// The password in the address, if there is one.
    pub fn password(&self) -> Option<&[u8]> {
        self.config.get_password()
    }

    /// How to connect, for what this module does not do.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The same place, entered as somebody else.
    #[must_use]
    pub fn as_user(&self, user: &str, password: Option<&str>) -> Self {
        let mut config = self.config.clone();
        config.user(user);
        // Without a password, that of the address is sent: it is somebody else's, and so is none.
        config.password(password.unwrap_or_default());
        let tls = self.tls.clone();
        Self { config, tls }
    }

    /// Another database at the same place, entered as the same user.
    #[must_use]
    pub fn in_database(&self, name: &str) -> Self {
        let mut config = self.config.clone();
        config.dbname(name);
        let tls = self.tls.clone();
        Self { config, tls }
    }

    /// Enters the database. The connection ends when the client is dropped.
    ///
    /// # Errors
    /// Why it was not entered.
    pub async fn connect(&self) -> Result<Client, NoEntry> {
        let no_entry = |why, is_denied| NoEntry {
            address: self.to_string(),
            why,
            is_denied,
        };
        let tls = self.tls.connector().map_err(|why| no_entry(why, false))?;
        let opened = match open(&self.config, tls.clone()).await {
            // `prefer` promises nothing; a certificate that nobody vouches for is none.
            Err(error) if self.config.get_ssl_mode() == SslMode::Prefer && is_of_tls(&error) => {
                let mut config = self.config.clone();
                config.ssl_mode(SslMode::Disable);
                open(&config, tls).await
            }
            opened => opened,
        };
        opened.map_err(|error| {
            let is_denied = error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE);
            no_entry(told(&error), is_denied)
        })
    }
}

/// As `postgres://user@host:5432/database`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}")?,
                Host::Unix(path) => write!(f, "{comma}{}", path.display())?,
            }
            let ports = self.config.get_ports();
            if let Some(port) = ports.get(index).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        match self.config.get_dbname() {
            Some(name) => write!(f, "/{name}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// The first statement of a transaction that reads what others made. Names and operators are looked
/// up among those of the system alone, so that nobody's own are called by mistake; and nothing
/// waits for long.
const GUARDED: &str = "SET LOCAL search_path = pg_catalog, pg_temp; \
                       SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'";

/// A transaction that may only read, and in which all that is read belongs together. Its
/// `search_path` is the system's. A statement waits 5 seconds for a lock and takes 60 at most.
///
/// # Errors
/// What the server said.
pub async fn read_only(client: &mut Client) -> Result<Transaction<'_>, Error> {
    let transaction = client.build_transaction().read_only(true);
    let transaction = transaction
        .isolation_level(IsolationLevel::RepeatableRead)
        .start()
        .await?;
    transaction.batch_execute(GUARDED).await?;
    Ok(transaction)
}

async fn open(config: &Config, tls: MakeRustlsConnect) -> Result<Client, Error> {
    let (client, connection) = config.connect(tls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Whether a connection failed because TLS did.
fn is_of_tls(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>();
        let inner = inner.and_then(std::io::Error::get_ref);
        if error.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What a server or the way to it said, in one line.
pub fn told(error: &Error) -> String {
    if let Some(told) = error.as_db_error() {
        return format!("{} ({})", told.message(), told.code().code());
    }
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let cases = [
            (
                "postgres://ada:s3cret@db.test:5433/shop",
                "postgres://ada@db.test:5433/shop",
            ),
            (
                "postgresql://ada:s3cret@db.test/shop?sslmode=verify-full",
                "postgres://ada@db.test:5432/shop",
            ),
            (
                "postgres://db.test?user=ada&password=s3cret",
                "postgres://ada@db.test:5432",
            ),
            (
                "postgres:///shop?host=/run/pg&user=ada&password=s3cret",
                "postgres://ada@/run/pg/shop",
            ),
        ];
        for (text, shown) in cases {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), format!("Address({shown})"));
            assert_eq!(address.password(), Some(&b"s3cret"[..]), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_not_repeated() {
        for text in [
            "",
            "mysql://ada:s3cret@db.test/shop",
            "host=db.test password=s3cret",
            "postgres://ada:s3cret@db.test/shop?sslmode=s3cret",
            "postgres://ada:s3cret@db.test:s3cret/shop",
            "postgres:///shop",
            "postgres://ada:s3cret?x@db.test/shop",
            "postgres://ada:x@s3cret@db.test/shop",
        ] {
            let told = Address::parse(text).unwrap_err().to_string();
            assert!(!told.contains("s3cret"), "{told}");
        }
    }
}
