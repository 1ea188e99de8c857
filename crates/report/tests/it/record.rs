//! The log of events.

use std::io;

use report::Reporter;
use report::record::{EventLog, events};
use suite::event::Event;

use crate::given;

#[test]
fn one_event_a_line() {
    let mut events = given::run([given::escalation()]);
    events.insert(1, given::note("a note\nof two lines"));
    let mut out = Vec::new();
    given::told(&events, &mut out, EventLog::new);
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

/// Fails from the second write on.
#[derive(Default)]
struct Full(usize);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += 1;
        if self.0 > 1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_failing_report_is_told_and_the_others_go_on() {
    let mut log = Vec::new();
    let mut reporters: Vec<Box<dyn Reporter + '_>> = vec![
        Box::new(EventLog::new(Full::default())),
        Box::new(EventLog::new(&mut log)),
    ];
    let results: Vec<Option<io::ErrorKind>> = given::run([given::escalation()])
        .iter()
        .map(|event: &Event| reporters.event(event).err().map(|error| error.kind()))
        .collect();
    let full = Some(io::ErrorKind::StorageFull);
    assert_eq!(results, [None, full, full]);
    drop(reporters);
    assert_eq!(log.iter().filter(|&&byte| byte == b'\n').count(), 3);
}

/// The log of these events.
fn log(told: &[Event]) -> String {
    let mut out = Vec::new();
    given::told(told, &mut out, EventLog::new);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_is_read_back_is_what_was_written() {
    let mut told = given::run_with_drift(given::each_verdict(), given::drifts());
    told.insert(1, given::note("a note\nof two lines"));
    let written = log(&told);
    let read: Vec<Event> = events(written.as_bytes()).map(Result::unwrap).collect();
    assert_eq!(read.len(), told.len());
    assert_eq!(log(&read), written);
}

#[test]
fn a_log_ends_where_it_cannot_be_read() {
    let whole = log(&given::run([given::escalation()]));
    let (first, _) = whole.split_once('\n').unwrap();
    let cases = [
        (format!("{first}\n{{}}\n{first}\n"), 1, "line 2 is no event"),
        (format!("{first}\n{first}"), 1, "line 2 is no event"),
        (
            format!("{first}\n\u{0}\n"),
            1,
            "line 2 is no event: expected value",
        ),
        ("\n".to_owned(), 0, "line 1 is no event"),
    ];
    for (text, good, expected) in cases {
        let read: Vec<io::Result<Event>> = events(text.as_bytes()).collect();
        let (last, before) = read.split_last().unwrap();
        assert!(before.iter().all(Result::is_ok), "{text}");
        assert_eq!(before.len(), good, "{text}");
        let told = last.as_ref().unwrap_err().to_string();
        assert!(told.starts_with(expected), "{told}");
    }
    assert_eq!(events("".as_bytes()).count(), 0);
}
