//! A JSON object written member by member, with one list whose items come one at a time.
//!
//! Each member and each item stands on a line of its own, so that `grep` and `diff` are of use.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter};

/// Writes one object.
#[derive(Debug)]
pub(super) struct Members<W> {
    out: W,
    /// Whether nothing stands yet in the innermost object or list.
    is_empty: bool,
}

impl<W: Write> Members<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            is_empty: true,
        }
    }

    pub(super) fn open(&mut self) -> io::Result<()> {
        self.is_empty = true;
        self.out.write_all(b"{")
    }

    pub(super) fn member(
        &mut self,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> io::Result<()> {
        self.name(name)?;
        self.value(value)
    }

    pub(super) fn open_list(&mut self, name: &str) -> io::Result<()> {
        self.name(name)?;
        self.is_empty = true;
        self.out.write_all(b"[")
    }

    pub(super) fn item(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.separate()?;
        self.value(value)
    }

    pub(super) fn close_list(&mut self) -> io::Result<()> {
        self.is_empty = false;
        self.out.write_all(b"\n]")
    }

    /// Closes the object, and flushes: the document is whole.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n}\n")?;
        self.out.flush()
    }

    fn name(&mut self, name: &str) -> io::Result<()> {
        self.separate()?;
        self.value(name)?;
        self.out.write_all(b": ")
    }

    fn separate(&mut self) -> io::Result<()> {
        let separator: &[u8] = if self.is_empty { b"\n" } else { b",\n" };
        self.is_empty = false;
        self.out.write_all(separator)
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
        let mut serializer = Serializer::with_formatter(&mut self.out, Harmless);
        value.serialize(&mut serializer).map_err(io::Error::from)
    }
}

/// Compact JSON that is harmless on a terminal: JSON escapes the first 32 controls only (RFC 8259,
/// section 7), but U+009B begins a control sequence as well.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        let mut rest = fragment;
        while let Some((at, control)) = rest.char_indices().find(|(_, c)| c.is_control()) {
            let (before, behind) = rest.split_at(at);
            CompactFormatter.write_string_fragment(writer, before)?;
            write!(writer, "\\u{:04x}", u32::from(control))?;
            rest = behind.strip_prefix(control).unwrap_or("");
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}
