//! A proxy before a system: passes requests on, and does to the answers what a test says. Keeps what it did.

use std::cell::RefCell;
use std::io::{self, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use crate::message::{Answer, Request, read_answer};
use crate::server::{Reply, Server};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Treatment {
    /// It gets the answer of the system.
    Pass(Answer),
    /// It gets another answer than the system's.
    Change(Answer),
    /// It gets none: the connection is closed.
    Cut,
}

/// What happened to one request.
#[derive(Debug, Clone)]
pub struct Passage {
    /// The request.
    pub request: Request,
    /// What the system answered, if it was asked.
    pub answer: Option<Answer>,
    /// Whether its caller got something else than that.
    pub is_changed: bool,
}

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    server: Server,
    passages: Arc<Mutex<Vec<Passage>>>,
}

impl Proxy {
    /// Starts a proxy before the system at `upstream`, an origin. `treat` decides on each request; it is given what
    /// asks the system.
    pub fn start(
        upstream: &str,
        treat: impl Fn(&Request, &dyn Fn() -> Answer) -> Treatment + Send + Sync + 'static,
    ) -> Self {
        let authority = upstream.trim_start_matches("http://").to_owned();
        let passages = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&passages);
        let server = Server::start(move |request| {
            let answered = RefCell::new(None);
            let treatment = treat(request, &|| {
                let answer = forward(&authority, request).expect("the system answers");
                *answered.borrow_mut() = Some(answer.clone());
                answer
            });
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(Passage {
                request: request.clone(),
                answer: answered.into_inner(),
                is_changed: !matches!(treatment, Treatment::Pass(_)),
            });
            match treatment {
                Treatment::Pass(answer) | Treatment::Change(answer) => Reply::Answer(answer),
                Treatment::Cut => Reply::Close,
            }
        });
        Self { server, passages }
    }

    /// Its origin.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Everything that passed so far, in order.
    pub fn passages(&self) -> Vec<Passage> {
        let passages = self.passages.lock().unwrap_or_else(PoisonError::into_inner);
        passages.clone()
    }
}

/// Makes a request of one's own, as a plain HTTP client would.
///
/// # Errors
/// The system cannot be reached, or does not answer with HTTP.
pub fn call(
    origin: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> io::Result<Answer> {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    forward(origin.trim_start_matches("http://"), &request)
}

fn forward(authority: &str, request: &Request) -> io::Result<Answer> {
    let mut connection = TcpStream::connect(authority)?;
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    let names = ["host", "connection", "content-length"];
    for (name, value) in &request.headers {
        if !names.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let length = request.body.len();
    head.push_str(&format!(
        "host: {authority}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    ));
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&request.body);
    connection.write_all(&bytes)?;
    read_answer(&mut BufReader::new(connection))
}
