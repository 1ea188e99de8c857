//! The real binary as a user runs it: arguments, environment, folder; what it wrote and how it ended.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a command may take unless a test says otherwise: far more than it needs, far less than for ever.
const LIMIT: Duration = Duration::from_secs(60);

/// How often a running command is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The binary under test.
#[derive(Debug, Clone)]
pub struct Binary {
    path: PathBuf,
}

/// A command line that is being put together. Its environment is empty but for what is given here.
#[derive(Debug)]
pub struct Invocation {
    command: Command,
    limit: Duration,
}

/// A command that has not ended yet. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
    started: Instant,
    limit: Duration,
    peak_kib: Option<u64>,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; none if a signal ended it, or the limit.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
    /// The most memory that it had at once, as of the last look at it, a few milliseconds before its end. Only Linux
    /// tells.
    pub peak_kib: Option<u64>,
}

impl Binary {
    /// The binary at this path: in a test, `env!("CARGO_BIN_EXE_name")`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// A command with these arguments, run in this folder.
    pub fn command<'a>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Invocation {
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(folder).env_clear();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Invocation {
            command,
            limit: LIMIT,
        }
    }
}

impl Invocation {
    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets variables of the environment.
    #[must_use]
    pub fn envs<N: AsRef<str>, V: AsRef<str>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        for (name, value) in variables {
            self.command.env(name.as_ref(), value.as_ref());
        }
        self
    }

    /// How long it may take before it is killed.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Finished {
        self.start().finish()
    }

    /// Starts it.
    pub fn start(mut self) -> Running {
        let mut child = self.command.spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        Running {
            stdout: Stream::new(stdout),
            stderr: Stream::new(stderr),
            child,
            started: Instant::now(),
            limit: self.limit,
            peak_kib: None,
        }
    }
}

impl Running {
    /// Waits until standard error holds this text; whether it does before the command ends or its limit is over.
    pub fn says(&mut self, text: &str) -> bool {
        loop {
            if self.stderr.so_far().contains(text) {
                return true;
            }
            if self.has_ended() || self.started.elapsed() > self.limit {
                return self.stderr.so_far().contains(text);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// What stands on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        let kill = format!("kill -INT {}", self.child.id());
        let done = Command::new("/bin/sh").args(["-c", &kill]).status();
        assert!(
            done.expect("a shell runs").success(),
            "the signal was not sent"
        );
    }

    /// Waits for the end. A command that goes on beyond its limit is killed, and has no exit code.
    pub fn finish(mut self) -> Finished {
        let mut status = None;
        while status.is_none() && self.started.elapsed() <= self.limit {
            self.peak_kib = peak_kib(self.child.id()).or(self.peak_kib);
            std::thread::sleep(LOOK_EVERY);
            status = self.ended();
        }
        if status.is_none() {
            self.kill();
        }
        Finished {
            code: status.and_then(|status| status.code()),
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
            took: self.started.elapsed(),
            peak_kib: self.peak_kib,
        }
    }

    fn has_ended(&mut self) -> bool {
        self.ended().is_some()
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the command can be asked")
    }

    fn kill(&mut self) {
        // It may have ended by itself meanwhile.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Finished {
    /// Everything that it wrote, for messages of tests.
    pub fn told(&self) -> String {
        let Self {
            code,
            stdout,
            stderr,
            ..
        } = self;
        format!("exit {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// The high-water mark of a process that has not ended.
fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What comes out of a pipe, gathered by a thread so that the command never waits for a reader.
#[derive(Debug)]
struct Stream {
    text: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn new(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let gathered = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while matches!(pipe.read_until(b'\n', &mut line), Ok(1..)) {
                let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
                gathered.append(&mut line);
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    fn so_far(&self) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).into_owned()
    }

    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the pipe can be read");
        }
        self.so_far()
    }
}
