//! A PostgreSQL of one's own: one throw-away cluster for each test process, started when first needed, with a fresh
//! database for each test.
//!
//! Its programs are those of the folder that the variable `LOCKSTEP_POSTGRES` names, or Debian's, or whatever stands in
//! the `PATH`. The cluster ends with the process however that ends: a
//! small shell waits at the other end of a pipe, which the operating system closes even for a process that is killed.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::{NamedTempFile, TempDir};

use crate::python::run;

/// The name of the superuser of the cluster.
pub const SUPERUSER: &str = "postgres";
/// The password of the superuser, and of every role that [`Database::role`] makes. Through TCP it is asked for.
pub const PASSWORD: &str = "correct-horse";

/// How often a cluster is started: another process may take the free port before the cluster has it.
const STARTS_MAX: u32 = 5;

/// Databases of this process, to number them.
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Starts a cluster in `$1` with the programs of `$2` on the port `$3`, with or without TLS as `$4` says, says so, and ends
/// it when standard input does.
const KEEPER: &str = r#"
"$2/initdb" -D "$1/data" -U postgres --auth-local=trust --auth-host=scram-sha-256 --pwfile="$1/password" \
    --no-sync --locale=C.UTF-8 --encoding=UTF8 >"$1/log" 2>&1 &&
"$2/pg_ctl" -D "$1/data" -w -l "$1/log" start >>"$1/log" 2>&1 </dev/null -o "-p $3 -k '$1' \
    -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off -c synchronous_commit=off \
    -c shared_buffers=32MB -c max_connections=200 -c autovacuum=off -c ssl=$4 \
    -c ssl_cert_file='$1/server.crt' -c ssl_key_file='$1/server.key'" &&
echo ready
exec >&-
while read -r line; do :; done
"$2/pg_ctl" -D "$1/data" -m immediate -w stop >/dev/null 2>&1
rm -rf "$1"
"#;

/// A running cluster: several databases that share their roles.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Held for its standard input, at whose end it ends the cluster.
    _keeper: Child,
}

/// The cluster of this process; started by whoever asks first.
///
/// # Panics
/// Where there is no PostgreSQL, with the way to install it: a test that needs one is not skipped.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::new(None))
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone, Copy)]
pub struct Certificate<'a> {
    /// The certificate.
    pub certificate: &'a str,
    /// Its private key.
    pub key: &'a str,
}

/// A cluster of its own that speaks TLS with a certificate; it stays until the process ends.
///
/// # Panics
/// As [`cluster`] does.
pub fn cluster_with_tls(certificate: Certificate<'_>) -> &'static Cluster {
    Box::leak(Box::new(Cluster::new(Some(certificate))))
}

impl Cluster {
    fn new(tls: Option<Certificate<'_>>) -> Self {
        let programs = programs().expect("a PostgreSQL is installed");
        let mut started = Self::start(&programs, tls);
        for _ in 1..STARTS_MAX {
            started = started.or_else(|_| Self::start(&programs, tls));
        }
        started.expect("a cluster of PostgreSQL starts")
    }

    fn start(programs: &Path, tls: Option<Certificate<'_>>) -> Result<Self, String> {
        let (uid, gid) = account();
        let folder = TempDir::with_prefix("pg-").expect("a temporary folder can be made");
        let port = free_port();
        fs::write(folder.path().join("password"), PASSWORD).expect("a file can be written");
        if let Some(tls) = tls {
            write_private(
                &folder.path().join("server.crt"),
                tls.certificate,
                (uid, gid),
            );
            write_private(&folder.path().join("server.key"), tls.key, (uid, gid));
        }
        let mut command = Command::new("sh");
        command
            .args(["-c", KEEPER, "keeper"])
            .args([folder.path(), programs])
            .arg(port.to_string())
            .arg(if tls.is_some() { "on" } else { "off" })
            .current_dir("/")
            // What a terminal sends to the tests must not end the keeper before it has tidied up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        // PostgreSQL refuses to run as root.
        if fs::metadata(folder.path()).expect("it was made").uid() == 0 {
            chown(folder.path(), Some(uid), Some(gid)).expect("root may give a folder away");
            command.uid(uid).gid(gid);
        }
        let mut keeper = command.spawn().expect("there is a shell");
        let stdout = keeper.stdout.take().expect("it is a pipe");
        let mut line = String::new();
        let told = BufReader::new(stdout).read_line(&mut line);
        if told.is_err() || line != "ready\n" {
            let log = fs::read_to_string(folder.path().join("log"));
            // It closes the keeper's standard input first.
            keeper.wait().expect("the keeper ends");
            return Err(log.unwrap_or_else(|error| error.to_string()));
        }
        Ok(Self {
            programs: programs.to_owned(),
            // From here on the keeper removes it.
            folder: folder.keep(),
            port,
            _keeper: keeper,
        })
    }

    /// A new empty database.
    pub fn database(&'static self) -> Database {
        self.database_from("template0")
    }

    /// A new database, a copy of the one of that name, to which nobody may be connected.
    pub fn database_from(&'static self, template: &str) -> Database {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy");
        self.psql("postgres", &sql).expect("a database can be made");
        Database {
            cluster: self,
            name,
            number,
        }
    }

    fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let input = NamedTempFile::new().expect("a temporary file can be made");
        fs::write(input.path(), sql).expect("a file can be written");
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-U", SUPERUSER, "-d", database, "-p"])
            .arg(self.port.to_string())
            .arg("-h")
            .arg(&self.folder)
            .arg("-f")
            .arg(input.path())
            .env("PGOPTIONS", "-c client_min_messages=warning")
            .stdin(Stdio::null());
        let output = run(&mut psql)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A database for one test; it is dropped with this value.
#[derive(Debug)]
pub struct Database {
    cluster: &'static Cluster,
    name: String,
    number: u32,
}

impl Database {
    /// A new empty database in the cluster of this process.
    pub fn new() -> Self {
        cluster().database()
    }

    /// The same with these statements carried out.
    pub fn with(sql: &str) -> Self {
        let database = Self::new();
        database.execute(sql);
        database
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port of the cluster on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.cluster.port
    }

    /// A name for a role that no other test of the process uses: roles belong to the whole cluster.
    pub fn role_name(&self, name: &str) -> String {
        format!("{name}_{}", self.number)
    }

    /// Makes a role that may log in by [`PASSWORD`], under a name that no other test uses, which it answers. What else the
    /// role is, is said as in `CREATE ROLE`: `NOINHERIT BYPASSRLS`.
    pub fn role(&self, name: &str, options: &str) -> String {
        let name = self.role_name(name);
        self.execute(&format!(
            "CREATE ROLE \"{name}\" LOGIN PASSWORD '{PASSWORD}' {options}"
        ));
        name
    }

    /// The address, as a superuser.
    pub fn url(&self) -> String {
        self.url_as(SUPERUSER)
    }

    /// The address, as a role that [`Self::role`] made.
    pub fn url_as(&self, role: &str) -> String {
        let (port, name) = (self.cluster.port, &self.name);
        format!("postgres://{role}:{PASSWORD}@127.0.0.1:{port}/{name}")
    }

    /// Carries out statements as a superuser, each by itself, and answers what they show: a line a row, columns
    /// separated by `|`. The text is for `psql`, so that it may use `COPY ... FROM stdin`.
    ///
    /// # Panics
    /// With what PostgreSQL said, where a statement fails.
    pub fn execute(&self, sql: &str) -> String {
        let done = self.cluster.psql(&self.name, sql);
        done.expect("the statements of a test can be carried out")
    }

    /// A copy as it is now. Nobody may be connected.
    pub fn copy(&self) -> Self {
        self.cluster.database_from(&self.name)
    }
}

impl Default for Database {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // What a failing test leaves behind goes with the cluster.
        let _ = self.cluster.psql("postgres", &sql);
    }
}

/// Writes a file that nobody but the cluster reads.
fn write_private(path: &Path, text: &str, (uid, gid): (u32, u32)) {
    fs::write(path, text).expect("a file can be written");
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(path, private).expect("its owner may say who reads it");
    if fs::metadata(path).expect("it was written").uid() == 0 {
        chown(path, Some(uid), Some(gid)).expect("root may give a file away");
    }
}

/// The folder of the programs that were asked for, or else of the newest PostgreSQL's.
fn programs() -> Result<PathBuf, String> {
    if let Some(asked) = env::var_os("LOCKSTEP_POSTGRES") {
        return Ok(PathBuf::from(asked));
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let version = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        name.parse::<u32>().ok()
    };
    let mut folders: Vec<PathBuf> = versions.flatten().map(|entry| entry.path()).collect();
    folders.sort_by_key(|path| std::cmp::Reverse(version(path)));
    let debian = folders.into_iter().map(|folder| folder.join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let found = debian
        .chain(env::split_paths(&path))
        .find(|folder| folder.join("initdb").is_file() && folder.join("psql").is_file());
    let missing = "there is no PostgreSQL under /usr/lib/postgresql and none in the PATH; \
                   Debian has it in `postgresql` (`./test` installs it)";
    found.ok_or_else(|| missing.to_owned())
}

/// User and group as whom root starts the cluster: `postgres`, or where there is none, `nobody`.
fn account() -> (u32, u32) {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of = |name: &str| {
        let mut lines = accounts.lines().map(|line| line.split(':'));
        let mut fields = lines.find_map(|mut line| (line.next() == Some(name)).then_some(line))?;
        let uid = fields.nth(1)?.parse().ok()?;
        Some((uid, fields.next()?.parse().ok()?))
    };
    of("postgres")
        .or_else(|| of("nobody"))
        .unwrap_or((65534, 65534))
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    address.port()
}
