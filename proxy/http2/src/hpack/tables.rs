//! The static table of RFC 7541, Appendix A, and the one that a direction fills as it goes.

use crate::reason::Reason;
use std::collections::VecDeque;

pub static STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// What each entry costs beside its bytes.
const OVERHEAD: usize = 32;

#[derive(Debug)]
pub struct Dynamic {
    /// The newest first.
    entries: VecDeque<Entry>,
    size: usize,
    pub(super) max: usize,
}

/// A name and a value, in one piece that belongs to nothing else.
#[derive(Debug)]
struct Entry {
    text: Box<[u8]>,
    name: usize,
}

impl Default for Dynamic {
    fn default() -> Dynamic {
        Dynamic { entries: VecDeque::new(), size: 0, max: 4096 }
    }
}

impl Dynamic {
    /// Entries are counted behind those of the static table.
    pub fn get(&self, index: u32) -> Result<(&[u8], &[u8]), Reason> {
        let at = (index as usize).checked_sub(STATIC.len() + 1).ok_or(Reason::Index)?;
        let entry = self.entries.get(at).ok_or(Reason::Index)?;
        Ok(entry.text.split_at(entry.name))
    }

    pub fn insert(&mut self, name: &[u8], value: &[u8]) {
        let cost = name.len() + value.len() + OVERHEAD;
        self.shrink(self.max.saturating_sub(cost));
        // One that is too large empties the table, and that is all.
        if cost <= self.max {
            self.entries.push_front(Entry { text: [name, value].concat().into(), name: name.len() });
            self.size += cost;
        }
    }

    pub fn resize(&mut self, max: usize) {
        self.max = max;
        self.shrink(max);
    }

    pub fn size(&self) -> usize {
        self.size
    }

    fn shrink(&mut self, to: usize) {
        while self.size > to
            && let Some(entry) = self.entries.pop_back()
        {
            self.size -= entry.text.len() + OVERHEAD;
        }
    }
}
