//! A server on a free loopback port that keeps every request and answers as a function of the test says.

use std::fmt;
use std::io::{BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::message::{Answer, Request, read_request};

/// How a request is answered.
pub enum Reply {
    /// With an answer; the connection stays open.
    Answer(Answer),
    /// Not at all: the connection is closed.
    Close,
    /// By whatever this writes; then the connection is closed.
    Raw(Box<dyn FnOnce(&TcpStream) + Send>),
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// A server that runs until it is dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    under_way: AtomicUsize,
    most_at_once: AtomicUsize,
    open: Mutex<Vec<Weak<TcpStream>>>,
    is_over: AtomicBool,
}

impl Server {
    /// Starts a server; `handler` answers each request, on a thread for each connection.
    pub fn start<R: Into<Reply>>(handler: impl Fn(&Request) -> R + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            handler: Box::new(move |request| handler(request).into()),
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            open: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// Its origin: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// How many requests came so far.
    pub fn requests_count(&self) -> usize {
        lock(&self.shared.requests).len()
    }

    /// How many connections were taken so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The most requests that were being answered at one moment.
    pub fn most_at_once(&self) -> usize {
        self.shared.most_at_once.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        let open = lock(&self.shared.open);
        for connection in open.iter().filter_map(Weak::upgrade) {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

/// An address on which nothing listens.
pub fn nobody_there() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    format!("http://{address}")
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming() {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(connection) = connection else {
            continue;
        };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let connection = Arc::new(connection);
        lock(&shared.open).push(Arc::downgrade(&connection));
        let shared = Arc::clone(shared);
        std::thread::spawn(move || serve(&connection, &shared));
    }
}

/// Answers the requests of one connection until it ends or is not HTTP any more. The connection is closed when its
/// last handle goes: a raw reply may have asked for a reset, which an orderly shutdown would forestall.
fn serve(connection: &TcpStream, shared: &Shared) {
    let _ = connection.set_nodelay(true);
    let mut reading = BufReader::new(connection);
    while let Ok(Some(request)) = read_request(&mut reading) {
        lock(&shared.requests).push(request.clone());
        let now = shared.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_at_once.fetch_max(now, Ordering::SeqCst);
        let reply = (shared.handler)(&request);
        // Before the answer goes out: whoever has it may send the next request at once.
        shared.under_way.fetch_sub(1, Ordering::SeqCst);
        match reply {
            Reply::Answer(answer) => {
                let bytes = answer.bytes(request.method != "HEAD");
                let mut writing = connection;
                if writing.write_all(&bytes).is_err() {
                    return;
                }
            }
            Reply::Close => return,
            Reply::Raw(write) => return write(connection),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
