//! The log of events.

use std::io;

use report::Reporter;
use report::record::EventLog;
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
