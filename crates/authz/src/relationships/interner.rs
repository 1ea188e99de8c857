//! From names to small numbers: a hash table in buckets, whose number grows by one at a time
//! (Litwin, "Linear hashing: a new tool for file and table addressing", 1980), so that no write
//! pays for all names. It holds the numbers only; the names stand where the numbers point.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use super::directory::Directory;

/// There is a bucket for so many numbers.
const LOAD: usize = 64;
/// The slots of a bucket at first: a power of two. There are always more than numbers.
const SLOTS_MIN: usize = 16;
/// No number.
const FREE: u32 = u32::MAX;

#[derive(Debug, Clone)]
pub(super) struct Interner {
    buckets: Directory<Bucket>,
    len: usize,
}

/// Slots with open addressing. Ids that agree in 32 bits of their hash are searched one after the
/// other; to find 10,000 of them takes some 10^13 attempts.
type Bucket = Arc<[Entry]>;

/// A number, with the hash of its name.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    number: u32,
}

/// The hash of a name: the same in every process, so that nothing depends on the run.
pub(super) fn hash(type_name: u32, id: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u32(type_name);
    hasher.write(id.as_bytes());
    let folded = hasher.finish() & u64::from(u32::MAX);
    u32::try_from(folded).unwrap_or_default()
}

impl Interner {
    pub(super) fn new() -> Self {
        Self {
            buckets: Directory::new(),
            len: 0,
        }
    }

    /// The number with this hash for which `is` holds.
    #[inline]
    pub(super) fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        let bucket = self.buckets.get(place(hash, self.buckets.len()))?;
        let mut slot = first_slot(hash, bucket);
        loop {
            let entry = bucket.get(slot)?;
            if entry.number == FREE {
                return None;
            }
            if entry.hash == hash && is(entry.number) {
                return Some(entry.number);
            }
            slot = (slot + 1) & (bucket.len() - 1);
        }
    }

    /// Adds a number that is not in it yet.
    pub(super) fn insert(&mut self, hash: u32, number: u32) {
        if self.len >= self.buckets.len() * LOAD {
            self.split();
        }
        self.len += 1;
        let place = place(hash, self.buckets.len());
        if let Some(bucket) = self.buckets.reach(place) {
            add(bucket, Entry { hash, number });
        }
    }

    /// Makes one bucket more, out of the one that has the new one's numbers so far.
    fn split(&mut self) {
        let new = self.buckets.len();
        let old = new - (new + 1).next_power_of_two() / 2;
        let (kept, moved) = match self.buckets.get(old) {
            Some(bucket) => entries(bucket).partition(|it| place(it.hash, new + 1) == old),
            None => (Vec::new(), Vec::new()),
        };
        for (place, entries) in [(new, moved), (old, kept)] {
            if let Some(bucket) = self.buckets.reach(place) {
                *bucket = filled(entries.len() * 2, entries.into_iter());
            }
        }
    }
}

/// The bucket of a hash, among so many.
#[inline]
fn place(hash: u32, buckets: usize) -> usize {
    let hash = usize::try_from(hash).unwrap_or(usize::MAX);
    let all = buckets.next_power_of_two();
    let place = hash & (all - 1);
    // That bucket may not exist yet: then it is still part of another.
    if place < buckets {
        place
    } else {
        place - all / 2
    }
}

/// Where the search in a bucket begins, by other bits than those that its place comes from.
#[inline]
fn first_slot(hash: u32, bucket: &[Entry]) -> usize {
    let hash = usize::try_from(hash.rotate_left(8)).unwrap_or_default();
    hash & bucket.len().wrapping_sub(1)
}

fn entries(bucket: &[Entry]) -> impl Iterator<Item = Entry> {
    let entries = bucket.iter().copied();
    entries.filter(|entry| entry.number != FREE)
}

/// Adds an entry; a bucket that gets too full grows.
fn add(bucket: &mut Bucket, entry: Entry) {
    let count = entries(bucket).count();
    if (count + 1) * 4 > bucket.len() * 3 {
        *bucket = filled((count + 1) * 2, entries(bucket).chain([entry]));
    } else {
        put(Arc::make_mut(bucket), entry);
    }
}

/// A bucket of at least so many slots.
fn filled(slots: usize, entries: impl Iterator<Item = Entry>) -> Bucket {
    let free = Entry {
        hash: 0,
        number: FREE,
    };
    let mut bucket = vec![free; slots.next_power_of_two().max(SLOTS_MIN)];
    entries.for_each(|entry| put(&mut bucket, entry));
    bucket.into()
}

fn put(bucket: &mut [Entry], entry: Entry) {
    let mut slot = first_slot(entry.hash, bucket);
    while let Some(found) = bucket.get_mut(slot) {
        if found.number == FREE {
            *found = entry;
            return;
        }
        slot = (slot + 1) & (bucket.len() - 1);
    }
}
