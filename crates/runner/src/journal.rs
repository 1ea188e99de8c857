//! What a run makes is written down, and on the disk, before it is made; so that it can be put
//! back after a crash.
//!
//! One line of JSON a step: that something is about to be made (synced before the request is
//! sent), what came of it, that it is gone again. The last two are not synced: a lost `made` is
//! found again by its unique text, and what was removed twice is gone all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::scope::Values;

/// Something that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Intent {
    /// A resource.
    Resource {
        /// Its type.
        resource: String,
        /// The name of its owner in the suite.
        owner: String,
        /// The unique text in what is made.
        unique: String,
    },
    /// What a step of a flow makes.
    Step {
        /// The flow and the step: `publish/write`.
        step: String,
        /// The name of the actor who goes through the flow.
        actor: String,
        /// The unique text in what is made.
        unique: String,
    },
    /// A copy of a database.
    Clone {
        /// The name of the database in the suite.
        database: String,
        /// The name of the copy, which is in it once.
        clone: String,
    },
    /// The user of an actor.
    User {
        /// The name of the actor in the suite.
        user: String,
        /// The unique text in what is made.
        unique: String,
    },
}

/// The addresses of targets, by name.
pub type Addresses = BTreeMap<String, String>;

/// A line of a journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Step {
    /// The targets of the run, by name: what is put back elsewhere is not put back.
    Targets(Addresses),
    Intent(Intent),
    /// It was made; the values with which it can be removed.
    Made(Values),
    /// It is gone, or was never made.
    Done,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    number: u64,
    step: Step,
}

/// The journal of a run, open for writing.
///
/// One thread writes; whoever waits for the disk at the same moment shares one sync.
#[derive(Debug, Clone)]
pub struct Journal {
    lines: mpsc::Sender<Message>,
    next: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Line {
        line: Line,
        /// Told when the line is on the disk; `None` where nobody waits.
        synced: Option<oneshot::Sender<Result<(), String>>>,
    },
    /// No more comes; told when everything is written.
    Close(mpsc::Sender<()>),
}

/// An entry of a journal that is being written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry(u64);

impl Journal {
    /// Begins a journal in a file that must not exist yet, and that only its owner may read. The
    /// file is locked while the journal is open; it is removed when everything in it is done.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub fn create(path: &Path, targets: Addresses) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.lock()?;
        let head = Line {
            number: 0,
            step: Step::Targets(targets),
        };
        writeln!(file, "{}", serde_json::to_string(&head)?)?;
        let (sender, receiver) = mpsc::channel();
        let path = path.to_owned();
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(file, &path, &receiver))?;
        Ok(Self {
            lines: sender,
            next: Arc::new(AtomicU64::new(1)),
        })
    }

    /// Writes down that something is about to be made; returns when that is on the disk.
    pub(crate) async fn intend(&self, intent: Intent) -> Result<Entry, String> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let step = Step::Intent(intent);
        self.sync(Line { number, step }).await?;
        Ok(Entry(number))
    }

    /// Writes down what was made; returns when that is on the disk.
    pub(crate) async fn made_for_certain(
        &self,
        Entry(number): Entry,
        values: Values,
    ) -> Result<(), String> {
        let step = Step::Made(values);
        self.sync(Line { number, step }).await
    }

    async fn sync(&self, line: Line) -> Result<(), String> {
        let (synced, waiting) = oneshot::channel();
        let _ = self.lines.send(Message::Line {
            line,
            synced: Some(synced),
        });
        // A journal that is closed drops what it is sent, and so whoever waits for it.
        let result = waiting
            .await
            .unwrap_or_else(|_| Err("the journal is closed".to_owned()));
        result.map_err(|why| format!("it cannot be written to the journal: {why}"))
    }

    pub(crate) fn made(&self, entry: Entry, values: Values) {
        self.tell(entry, Step::Made(values));
    }

    pub(crate) fn done(&self, entry: Entry) {
        self.tell(entry, Step::Done);
    }

    fn tell(&self, Entry(number): Entry, step: Step) {
        let line = Line { number, step };
        let _ = self.lines.send(Message::Line { line, synced: None });
    }

    /// Ends the journal, once everything in it is written. Its file is gone if everything in it
    /// is done.
    pub fn close(self) {
        let (closed, waiting) = mpsc::channel();
        if self.lines.send(Message::Close(closed)).is_ok() {
            let _ = waiting.recv();
        }
    }
}

/// The writing thread: takes whatever is waiting, writes it, syncs once if somebody waits.
fn write(mut file: File, path: &Path, messages: &mpsc::Receiver<Message>) {
    let mut open = BTreeSet::new();
    let mut closed = None;
    while closed.is_none()
        && let Ok(first) = messages.recv()
    {
        let mut text = Vec::new();
        let mut waiting = Vec::new();
        for message in std::iter::once(first).chain(messages.try_iter()) {
            match message {
                Message::Line { line, synced } => {
                    keep_track(&mut open, &line);
                    // A line of our own types always serialises.
                    let _ = serde_json::to_writer(&mut text, &line);
                    text.push(b'\n');
                    waiting.extend(synced);
                }
                Message::Close(sender) => closed = Some(sender),
            }
        }
        let mut result = file.write_all(&text);
        if result.is_ok() && !waiting.is_empty() {
            result = file.sync_data();
        }
        let result = result.map_err(|error| error.to_string());
        for synced in waiting {
            let _ = synced.send(result.clone());
        }
    }
    if open.is_empty() {
        let _ = fs::remove_file(path);
    }
    // Dropping it tells whoever waits, but only now that the file is as it stays.
    drop(file);
    drop(closed);
}

fn keep_track(open: &mut BTreeSet<u64>, line: &Line) {
    match line.step {
        Step::Intent(_) => open.insert(line.number),
        Step::Done => open.remove(&line.number),
        Step::Made(_) | Step::Targets(_) => false,
    };
}

/// Something that a run has left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its number in the journal.
    pub number: u64,
    /// What was about to be made.
    pub intent: Intent,
    /// What was made, if that is known.
    pub made: Option<BTreeMap<String, serde_json::Value>>,
}

/// The journal of a run that is over, for cleaning up behind it.
#[derive(Debug)]
pub struct LeftBehind {
    path: PathBuf,
    file: File,
    /// What is not yet put back, the newest first.
    pub pending: Vec<Pending>,
    /// Where it was made.
    pub targets: Addresses,
    /// When the journal was last written to.
    pub written: SystemTime,
}

impl LeftBehind {
    /// Opens the journal of a run that is over. `None` if the run still goes on, or if the
    /// journal has gone in the meantime.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match OpenOptions::new().read(true).append(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let written = file.metadata()?.modified()?;
        let (targets, pending) = read(&file)?;
        Ok(Some(Self {
            path: path.to_owned(),
            file,
            pending,
            targets,
            written,
        }))
    }

    /// Writes down that something is put back. Safe to lose: it would be put back once more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn done(&mut self, number: u64) -> io::Result<()> {
        let line = Line {
            number,
            step: Step::Done,
        };
        // The last line may have been cut off by a crash: begin on a new one.
        let text = format!("\n{}\n", serde_json::to_string(&line)?);
        self.file.write_all(text.as_bytes())?;
        self.pending.retain(|pending| pending.number != number);
        Ok(())
    }

    /// Ends the clean-up: a journal in which everything is done is removed.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn close(self) -> io::Result<()> {
        if self.pending.is_empty() {
            fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

/// What is pending in a journal, and where it was made. A line that was cut off by a crash was
/// never acted on: an intent is acted on only when it is whole on the disk.
///
/// # Errors
/// The journal cannot be read.
pub fn read(journal: impl io::Read) -> io::Result<(Addresses, Vec<Pending>)> {
    let mut targets = Addresses::new();
    let mut pending: BTreeMap<u64, Pending> = BTreeMap::new();
    for line in BufReader::new(journal).split(b'\n') {
        let Ok(Line { number, step }) = serde_json::from_slice(&line?) else {
            continue;
        };
        match step {
            Step::Targets(addresses) => targets = addresses,
            Step::Intent(intent) => {
                let made = None;
                pending.insert(
                    number,
                    Pending {
                        number,
                        intent,
                        made,
                    },
                );
            }
            Step::Made(values) => {
                if let Some(pending) = pending.get_mut(&number) {
                    pending.made = Some(values);
                }
            }
            Step::Done => {
                pending.remove(&number);
            }
        }
    }
    Ok((targets, pending.into_values().rev().collect()))
}
