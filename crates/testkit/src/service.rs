//! A server that somebody else wrote, as a child process on a free loopback port; gone when it is dropped, or when the
//! test dies.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it answers.
const LIMIT: Duration = Duration::from_secs(20);

/// How often a server that starts is asked whether it answers.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// How often a start is tried: somebody else may have taken the port meanwhile.
const STARTS: usize = 3;

/// Runs a command, and kills it with all its children when it ends or when standard input does. Whoever holds the
/// other end of standard input cannot die without that.
const GUARD: &str = r#"("$@" </dev/null; kill -KILL 0) & read -r _; kill -KILL 0"#;

/// A running server.
#[derive(Debug)]
pub struct Service {
    guard: Child,
    port: u16,
    log: PathBuf,
}

impl Service {
    /// Starts a server and waits until it answers a GET of `path`. `command` says how to start it on a port; what it
    /// writes goes to the file `log`, which is kept when the test fails.
    ///
    /// # Errors
    /// That it does not answer, with what it wrote.
    pub fn start(
        log: &Path,
        path: &str,
        command: impl Fn(u16) -> Vec<String>,
    ) -> Result<Self, String> {
        let mut last = String::new();
        for _ in 0..STARTS {
            let port = free_port();
            let mut service = Self::spawn(log, port, &command(port));
            match service.wait_until_it_answers(path) {
                Ok(()) => return Ok(service),
                Err(why) => last = format!("{why}\n{}", service.log()),
            }
        }
        Err(format!("the server does not start: {last}"))
    }

    fn spawn(log: &Path, port: u16, words: &[String]) -> Self {
        let parent = log.parent().expect("a file stands in a folder");
        fs::create_dir_all(parent).expect("folders can be made");
        let output = File::create(log).expect("a file can be made");
        let errors = output.try_clone().expect("a file can be opened twice");
        let mut guard = Command::new("/bin/sh");
        guard
            .args(["-c", GUARD, "guard"])
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        Self {
            guard: guard.spawn().expect("a shell runs"),
            port,
            log: log.to_owned(),
        }
    }

    /// Its origin: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", address(self.port))
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn wait_until_it_answers(&mut self, path: &str) -> Result<(), String> {
        let started = Instant::now();
        while !answers(self.port, path) {
            let ended = self.guard.try_wait().expect("a child can be asked");
            if ended.is_some() {
                return Err("it ended".to_owned());
            }
            if started.elapsed() > LIMIT {
                return Err(format!("it does not answer within {LIMIT:?}"));
            }
            std::thread::sleep(ASK_EVERY);
        }
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // It kills itself.
        let _ = self.guard.wait();
        if !std::thread::panicking() {
            let _ = fs::remove_file(&self.log);
        }
    }
}

/// Whether something on the port answers a request with a 2xx.
pub fn answers(port: u16, path: &str) -> bool {
    ask(port, path)
        .is_ok_and(|status| status.starts_with("HTTP/1.1 2") || status.starts_with("HTTP/1.0 2"))
}

fn ask(port: u16, path: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address(port))?;
    connection.set_read_timeout(Some(LIMIT))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut status = [0; 12];
    connection.read_exact(&mut status)?;
    Ok(String::from_utf8_lossy(&status).into_owned())
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    address.port()
}
