//! Answers that no client should have to expect, and that one has to survive.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::message::Answer;
use crate::server::Reply;

/// As much as an endless answer writes at most, so that a broken client ends too.
const ENDLESS_BYTES_MAX: usize = 4 << 30;

/// A body without length that goes on until nobody reads any more.
pub fn endless_body() -> Reply {
    raw(|mut connection| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
        let _ = connection.write_all(head.as_bytes());
        let chunk = vec![b' '; 1 << 16];
        for _ in 0..ENDLESS_BYTES_MAX / chunk.len() {
            if connection.write_all(&chunk).is_err() {
                return;
            }
        }
    })
}

/// Half a gigabyte of zeros, in half a megabyte of gzip that nobody asked for.
pub fn gzip_bomb() -> Reply {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    let body = BOMB.get_or_init(|| {
        let zeros = vec![0; 1 << 20];
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..8 {
            packed.write_all(&zeros).expect("memory can be written");
        }
        let member = packed.finish().expect("memory can be written");
        // Members of gzip may stand one behind another (RFC 1952, section 2.2).
        member.repeat(64)
    });
    Answer::new(200, "application/json", body.clone())
        .header("content-encoding", "gzip")
        .into()
}

/// A head that comes byte by byte and never ends.
pub fn slow_head() -> Reply {
    raw(|mut connection| {
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nx-slow: ");
        while connection.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    })
}

/// A connection that is reset in the middle of a body.
pub fn reset_in_body() -> Reply {
    raw(|mut connection| {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
        let _ = connection.write_all(head.as_bytes());
        reset(connection);
    })
}

/// A whole JSON body of which the head says that it is longer; then the connection ends.
pub fn body_cut_short(body: &str) -> Reply {
    let length = body.len() + 1;
    let text = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    raw(move |mut connection| {
        let _ = connection.write_all(text.as_bytes());
    })
}

/// A header of eight megabytes.
pub fn huge_header() -> Reply {
    raw(|mut connection| {
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nx-huge: ");
        let chunk = vec![b'h'; 1 << 16];
        for _ in 0..128 {
            if connection.write_all(&chunk).is_err() {
                return;
            }
        }
        let _ = connection.write_all(b"\r\ncontent-length: 2\r\n\r\n{}");
    })
}

/// An answer that is not HTTP.
pub fn not_http() -> Reply {
    raw(|mut connection| {
        let _ = connection.write_all(b"220 mail.example ESMTP\r\n");
    })
}

/// JSON that is nested 100,000 deep.
pub fn nested_json() -> Answer {
    let depth = 100_000;
    let body = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    Answer::new(200, "application/json", body)
}

/// JSON with a text that is not UTF-8.
pub fn invalid_utf8() -> Answer {
    Answer::new(
        200,
        "application/json",
        b"{\"token\":\"\xff\xfe\xc3\",\"name\":\"\xc3\"}".to_vec(),
    )
}

/// The page of a login, as a form that expects people answers.
pub fn html() -> Answer {
    let body = "<!doctype html><title>Sign in</title><form method=post>...</form>";
    Answer::new(200, "text/html; charset=utf-8", body)
}

fn raw(write: impl FnOnce(&TcpStream) + Send + 'static) -> Reply {
    Reply::Raw(Box::new(write))
}

/// Ends a connection with RST: lingering for no time drops what is not sent, and says so.
fn reset(connection: &TcpStream) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime starts");
    let _entered = runtime.enter();
    let connection = connection.try_clone().expect("a socket can be shared");
    connection
        .set_nonblocking(true)
        .expect("a socket takes options");
    let connection = tokio::net::TcpStream::from_std(connection).expect("a socket is a socket");
    connection
        .set_zero_linger()
        .expect("a socket takes options");
}
