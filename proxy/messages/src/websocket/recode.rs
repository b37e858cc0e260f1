//! One direction of a WebSocket whose messages refer to those before (permessage-deflate with context takeover). A message that is lost,
//! doubled, moved or changed would make nonsense of all that follow. So what comes is inflated with the sender's context; and from the first
//! difference on, what goes is deflated with a context of our own, which refers to nothing but what it has said itself. Until then every
//! byte passes as it came.

use super::{
    deflate::{self, Deflate, History, Inflate},
    frame::{self, Key},
};
use crate::{
    cut::{Kind, Message, ROOM},
    websocket::{Content, Framed},
};
use bytes::{Bytes, BytesMut};

/// A byte inflates to no more than so many.
const RATIO: usize = 1032;

#[derive(Debug)]
pub(crate) struct Recoder {
    bits: u8,
    arrival: Arrival,
    leaving: Leaving,
}

/// What the sender has said.
#[derive(Debug)]
struct Arrival {
    /// Made with the first compressed message. None behind what cannot be inflated: nobody can read what follows.
    inflate: Option<Box<Inflate>>,
    broken: bool,
    /// Compressed messages begun.
    count: u64,
}

/// What the recipient has heard.
#[derive(Debug)]
enum Leaving {
    /// The same as the sender has said, and next comes its compressed message of that number.
    Same {
        next: u64,
    },
    Other {
        deflate: Deflate,
        parts: Option<Box<Parts>>,
    },
}

/// A message too large to be held, inflated and deflated again while it passes.
#[derive(Debug)]
struct Parts {
    /// None: it is broken, and goes on as it is.
    inflate: Option<Inflate>,
    /// A frame of it has left.
    begun: bool,
}

impl Recoder {
    /// `bits`: the window that the recipient has promised.
    pub fn new(bits: u8) -> Recoder {
        Recoder { bits, arrival: Arrival { inflate: None, broken: false, count: 0 }, leaving: Leaving::Same { next: 1 } }
    }

    /// Reads a compressed message, or a part of one, in the order of arrival.
    pub(crate) fn came(&mut self, begins: bool, ends: bool, whole: bool, raw: &Bytes, framed: &mut Framed) {
        let arrival = &mut self.arrival;
        arrival.count += u64::from(begins);
        framed.order = arrival.count;
        if arrival.broken {
            framed.content = Content::Bound;
            return;
        }
        let inflate = arrival.inflate.get_or_insert_with(|| Box::new(Inflate::new(History::default())));
        let may_be_large = !whole || raw.len() > ROOM / RATIO;
        let before = (begins && may_be_large).then(|| Bytes::copy_from_slice(inflate.history().window()));
        let mut content = BytesMut::new();
        let mut length = 0;
        let mut sink = |bytes: &[u8]| {
            length += bytes.len();
            if whole {
                deflate::take(&mut content, bytes, ROOM);
            }
        };
        let mut result = Ok(());
        frame::payload(raw, framed.rest, |bytes| result = result.and_then(|()| inflate.push(bytes, &mut sink)));
        if ends {
            result = result.and_then(|()| inflate.finish(&mut sink));
        }
        framed.content = match result {
            Err(deflate::Broken) => {
                arrival.broken = true;
                arrival.inflate = None;
                Content::Bound
            }
            Ok(()) if whole && length <= ROOM => Content::Read(content.freeze()),
            Ok(()) => Content::Large { before },
        };
    }

    /// Writes a compressed message, or a part of one, in the order of leaving.
    pub(crate) fn leave(&mut self, message: &Message, framed: &Framed) -> Bytes {
        if let Leaving::Same { next } = &mut self.leaving {
            if framed.order == *next && !matches!(framed.content, Content::New(_)) {
                *next += u64::from(message.ends);
                return message.raw.clone();
            }
            self.leaving = Leaving::Other { deflate: Deflate::new(self.bits), parts: None };
        }
        let Leaving::Other { deflate, parts } = &mut self.leaving else { return message.raw.clone() };
        match &framed.content {
            Content::Read(content) | Content::New(content) => {
                let mut out = BytesMut::new();
                deflate.more(content, &mut out);
                deflate.finish(&mut out);
                whole_frame(message.kind, framed.key, true, &out)
            }
            _ if message.begins && message.ends && matches!(framed.content, Content::Bound) => message.raw.clone(),
            Content::Large { .. } | Content::Bound | Content::Alone => {
                if message.begins {
                    let before = match &framed.content {
                        Content::Large { before: Some(before) } => Some(Inflate::new(History::from(before))),
                        _ => None,
                    };
                    *parts = Some(Box::new(Parts { inflate: before, begun: false }));
                }
                let Some(under) = parts else { return message.raw.clone() };
                let out = under.recode(message, framed, deflate);
                if message.ends {
                    *parts = None;
                }
                out
            }
        }
    }
}

impl Parts {
    /// The same part as a frame of its own; nothing, if there is nothing to say yet.
    fn recode(&mut self, message: &Message, framed: &Framed, deflate: &mut Deflate) -> Bytes {
        let mut out = BytesMut::new();
        frame::payload(&message.raw, framed.rest, |bytes| {
            let Some(inflate) = &mut self.inflate else { return out.extend_from_slice(bytes) };
            if inflate.push(bytes, |bytes| deflate.more(bytes, &mut out)).is_err() {
                self.inflate = None;
            }
        });
        if let (true, Some(inflate)) = (message.ends, &mut self.inflate)
            && inflate.finish(|bytes| deflate.more(bytes, &mut out)).is_ok()
        {
            deflate.finish(&mut out);
        }
        if out.is_empty() && !message.ends {
            return Bytes::new();
        }
        let opcode = if std::mem::replace(&mut self.begun, true) { frame::CONTINUATION } else { opcode(message.kind) };
        let mut written = BytesMut::new();
        frame::write(&mut written, message.ends, opcode != frame::CONTINUATION, opcode, framed.key, &out);
        written.freeze()
    }
}

pub(crate) fn opcode(kind: Kind) -> u8 {
    if kind == Kind::Text { frame::TEXT } else { frame::BINARY }
}

/// A message in one frame.
pub(crate) fn whole_frame(kind: Kind, key: Option<Key>, compressed: bool, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    frame::write(&mut out, true, compressed, opcode(kind), key, payload);
    out.freeze()
}
