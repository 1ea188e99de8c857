//! A JSON object written member by member, with one list whose items come one at a time.
//!
//! Each member and each item stands on a line of its own, so that `grep` and `diff` are of use.

use std::io::{self, Write};

use serde::Serialize;

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
        serde_json::to_writer(&mut self.out, value).map_err(io::Error::from)
    }
}
