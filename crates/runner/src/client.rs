//! Sends requests to HTTP targets exactly as written, within bounds, and reads the answers.
//!
//! It knows nothing of suites' meaning: an answer is an answer, whatever its status. What is
//! not a whole answer in time is a [`Failure`], never an answer.

use std::fmt;
use std::io::Read as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use suite::model::is_safe;
use suite::observation::Answer;
use suite::probe::Request;

use crate::{STOPPED, Stop};

/// What a client may take.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The longest time for one exchange, from the first byte sent to the last received.
    pub timeout: Duration,
    /// The largest body that is read, in bytes, after decompression.
    pub body_bytes_max: usize,
}

/// How often a request is sent again that has not reached the target, or that it asks to have
/// again later.
const TRIES_MAX: u32 = 3;
/// The longest that a target can make us wait with `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// The longest that a connection is kept without use: less than the five seconds after which
/// common servers close it, because a request into a closing connection has no answer.
const IDLE_MAX: Duration = Duration::from_secs(3);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The request never reached the target.
    Unreached(String),
    /// It was not sent, because the run was stopped.
    Stopped,
    /// It may have been received, but there was no whole answer.
    Broken(String),
    /// It was not sent, because nothing may be changed and this method may.
    Withheld(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(why) => write!(f, "the target could not be reached: {why}"),
            Self::Stopped => f.write_str(STOPPED),
            Self::Broken(why) => write!(f, "no whole answer: {why}"),
            Self::Withheld(method) => write!(f, "not sent: {NOTHING_CHANGES}, and `{method}` may"),
        }
    }
}

/// What is said of a call that is not made where nothing may be changed.
pub(crate) const NOTHING_CHANGES: &str =
    "the run is read-only: no call that changes something is sent";

/// Sends requests over pooled connections. A clone shares the connections and the limits.
#[derive(Clone)]
pub struct Client {
    http: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    bounds: Bounds,
    limits: Arc<[Option<DefaultDirectRateLimiter>]>,
    sent: Arc<AtomicU64>,
    stop: Stop,
    read_only: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client for targets of which each bears so many requests a second (`None`: any number).
    pub fn new(bounds: Bounds, rates: impl IntoIterator<Item = Option<u32>>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(bounds.timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .build(connector);
        Self {
            http,
            bounds,
            limits: rates
                .into_iter()
                .map(|rate| rate.and_then(limiter))
                .collect(),
            sent: Arc::default(),
            stop: Stop::default(),
            read_only: false,
        }
    }

    /// The same, waiting for nothing any more once this is set: neither for its turn, nor to send
    /// again.
    #[must_use]
    pub fn stopped_by(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// The same, but what is not a safe method (RFC 9110, section 9.2.1) is sent only to open a
    /// session. Whoever plans a run asks for nothing else; this is what holds it.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Whether no call may be sent that changes something.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// The longest time for one exchange.
    pub fn timeout(&self) -> Duration {
        self.bounds.timeout
    }

    /// How many requests were sent so far.
    pub fn requests_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends a probe. It is sent again only if it certainly had no effect: when the target was
    /// not reached, or answered 429.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        self.check(request)?;
        self.send_until(request, |result| match result {
            Ok(answer) => answer.status == 429,
            Err(failure) => matches!(failure, Failure::Unreached(_)),
        })
        .await
    }

    /// Sends a request that may be repeated without harm, such as a view; so it is sent again
    /// whenever there was no whole answer.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn send_repeatable(&self, request: &Request) -> Result<Answer, Failure> {
        self.check(request)?;
        self.send_opening(request).await
    }

    /// Sends a request that opens a session or keeps one open, whatever its method; it may be
    /// repeated without harm.
    ///
    /// # Errors
    /// See [`Failure`].
    pub(crate) async fn send_opening(&self, request: &Request) -> Result<Answer, Failure> {
        self.send_until(request, |result| match result {
            Ok(answer) => answer.status == 429,
            Err(_) => true,
        })
        .await
    }

    /// Whether a request may be sent here.
    fn check(&self, request: &Request) -> Result<(), Failure> {
        match self.read_only && !is_safe(&request.method) {
            true => Err(Failure::Withheld(request.method.clone())),
            false => Ok(()),
        }
    }

    async fn send_until(
        &self,
        request: &Request,
        again: impl Fn(&Result<Answer, Failure>) -> bool,
    ) -> Result<Answer, Failure> {
        let mut tries = 1;
        loop {
            let result = self.send_once(request).await;
            if tries >= TRIES_MAX || !again(&result) {
                return result;
            }
            if !self.stop.sleep(pause(&result, tries)).await {
                return result;
            }
            tries += 1;
        }
    }

    async fn send_once(&self, request: &Request) -> Result<Answer, Failure> {
        if let Some(Some(limit)) = self.limits.get(request.target) {
            tokio::select! {
                biased;
                () = limit.until_ready() => {}
                () = self.stop.wait() => return Err(Failure::Stopped),
            }
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        let outgoing = outgoing(request)?;
        let exchange = async {
            let response = self.http.request(outgoing).await.map_err(failure)?;
            read(response, self.bounds.body_bytes_max).await
        };
        match tokio::time::timeout(self.bounds.timeout, exchange).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Broken(format!(
                "nothing whole after {} ms",
                self.bounds.timeout.as_millis()
            ))),
        }
    }
}

fn limiter(rate: u32) -> Option<DefaultDirectRateLimiter> {
    let quota = Quota::per_second(NonZeroU32::new(rate)?).allow_burst(NonZeroU32::MIN);
    Some(RateLimiter::direct(quota))
}

/// How long to wait before the next try: what the target asks for, or a little, and then more.
fn pause(result: &Result<Answer, Failure>, tries: u32) -> Duration {
    let asked = result
        .as_ref()
        .ok()
        .and_then(|answer| answer.header("retry-after"))
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs);
    match asked {
        Some(asked) => asked.min(RETRY_AFTER_MAX),
        None => Duration::from_millis(50) * 4_u32.pow(tries - 1),
    }
}

/// What is sent unless the suite says otherwise.
const DEFAULT_HEADERS: [(&str, &str); 2] = [
    ("accept", "*/*"),
    (
        "user-agent",
        concat!("lockstep/", env!("CARGO_PKG_VERSION")),
    ),
];

fn outgoing(request: &Request) -> Result<http::Request<Full<Bytes>>, Failure> {
    let body = request.body.clone().unwrap_or_default();
    let mut builder = http::Request::builder()
        .method(request.method.as_str())
        .uri(request.url.as_str());
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    for (name, value) in DEFAULT_HEADERS {
        if !request.headers.iter().any(|(given, _)| given == name) {
            builder = builder.header(name, value);
        }
    }
    builder
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| Failure::Unreached(format!("the request cannot be sent: {error}")))
}

fn failure(error: hyper_util::client::legacy::Error) -> Failure {
    let why = innermost(&error);
    if error.is_connect() {
        Failure::Unreached(why)
    } else {
        Failure::Broken(why)
    }
}

/// The last cause of an error, which is the one that says something; without the number that the
/// operating system has for it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    let why = error.to_string();
    match why.split_once(" (os error ") {
        Some((words, _)) => words.to_lowercase(),
        None => why,
    }
}

async fn read(response: http::Response<Incoming>, bytes_max: usize) -> Result<Answer, Failure> {
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::Broken(innermost(&error)))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > bytes_max {
                return Err(too_large(bytes_max));
            }
            bytes.extend_from_slice(&data);
        }
    }
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let encoding = head.headers.get("content-encoding");
    let encoding = encoding.and_then(|encoding| encoding.to_str().ok());
    let bytes = decode(bytes, encoding, bytes_max)?;
    Ok(Answer::new(head.status.as_u16(), headers, bytes))
}

/// Decodes a body that came compressed, though nobody asked for it: a canary inside would not
/// be seen otherwise.
fn decode(bytes: Vec<u8>, encoding: Option<&str>, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    if bytes.is_empty() {
        return Ok(bytes);
    }
    let mut decoder: Box<dyn std::io::Read> = match encoding.map(str::trim) {
        None | Some("" | "identity") => return Ok(bytes),
        Some("gzip" | "x-gzip") => Box::new(flate2::read::MultiGzDecoder::new(bytes.as_slice())),
        Some("deflate") => Box::new(flate2::read::ZlibDecoder::new(bytes.as_slice())),
        Some(other) => {
            return Err(Failure::Broken(format!(
                "the body has the encoding `{other}`, which was not asked for"
            )));
        }
    };
    let mut out = Vec::new();
    let limit = bytes_max as u64 + 1;
    decoder
        .by_ref()
        .take(limit)
        .read_to_end(&mut out)
        .map_err(|error| Failure::Broken(format!("the body cannot be decompressed: {error}")))?;
    if out.len() > bytes_max {
        return Err(too_large(bytes_max));
    }
    Ok(out)
}

fn too_large(bytes_max: usize) -> Failure {
    Failure::Broken(format!("the body is larger than {bytes_max} bytes"))
}
