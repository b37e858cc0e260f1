//! One client connection and its upstream connection: what comes on both is cut into frames and messages.

use crate::{
    blocks::Blocks,
    cut::{Cut, Data, Head, Part, Way},
    flow::{FIRST_WINDOW, Flow},
    frame::{FrameHead, HEAD, code_of, flag, kind, number},
    hpack::{Bounds, Decoder},
    ids::Ids,
    preface::{PREFACE, Preface, is_preface},
    reason::{Lost, Place, Reason},
    settings::Announced,
};
use bytes::{Bytes, BytesMut};
use std::collections::HashMap;

/// Frames with a longer payload come in parts of this size.
pub const PART: usize = 64 << 10;

/// What is held at most. Everything else flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the frames of a header block.
    pub block: usize,
    pub hpack: Bounds,
    /// Streams that are open at once.
    pub streams: usize,
}

/// Cuts both directions, and writes them. Give `cut` the bytes that came behind those it has left, in the same buffer, until it has nothing
/// more to say. How what is cut goes on is said in `write.rs`.
#[derive(Debug)]
pub struct Http2 {
    pub(crate) limits: Limits,
    /// By the way that something comes.
    pub(crate) sides: [Side; 2],
    /// By the way that something goes.
    pub(crate) outs: [Out; 2],
    pub(crate) streams: HashMap<u32, Stream>,
    pub(crate) ids: Ids,
    /// The last stream that the client has opened.
    pub(crate) last: u32,
    /// The client has been told to leave: what it opens from then on is nobody's.
    pub(crate) parted: bool,
    /// Something has been written, or withheld, that was not meant so.
    pub(crate) touched: bool,
    /// Streams whose senders are to be given bytes back, by the way that the update goes.
    pub(crate) owing: [Vec<u32>; 2],
}

/// What comes one way.
#[derive(Debug)]
pub(crate) struct Side {
    state: State,
    decoder: Decoder,
    /// What its receiver has announced.
    announced: Announced,
    /// Frames that have been cut.
    frames: u64,
    /// How far the frames of the header block at hand have been looked at.
    walked: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Preface,
    Frames,
    /// In a large DATA frame: content and padding that are still to come.
    Data {
        stream: u32,
        end: bool,
        content: usize,
        padding: usize,
    },
    /// In another large frame.
    Rest {
        left: usize,
    },
    Plain,
}

/// What goes one way.
#[derive(Debug)]
pub(crate) struct Out {
    pub blocks: Blocks,
    /// Of the connection.
    pub flow: Flow,
    /// What its receiver has announced, and has been passed on.
    pub announced: Announced,
    /// SETTINGS have gone, and the receiver's have been acknowledged.
    pub begun: bool,
    /// A part of a frame has gone, and the rest has not.
    pub inside: bool,
    /// What the sender of the other direction is to be given back, on the connection.
    pub credit: u64,
}

/// A stream that is open, on either side.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Whether a head has come that way.
    heads: [bool; 2],
    /// Whether nothing more is to come that way.
    pub ended: [bool; 2],
    /// Its number there, once it is open there.
    pub upstream: Option<u32>,
    /// Whether nothing more is to go that way.
    pub left: [bool; 2],
    pub flow: [Flow; 2],
    /// As in `Out`.
    pub credit: [u64; 2],
    /// What the client has granted while the upstream did not know the stream.
    pub early: u64,
    /// Nothing of it goes to the upstream any more, and nothing that comes from there is the client's.
    pub off: bool,
    /// Content that has been taken and neither written nor discarded.
    pub taken: [Taken; 2],
}

/// Content of a stream, one way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    /// The older of it, for which its sender has been given back the window of the connection.
    pub lent: u64,
    pub owed: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        let hpack = Bounds { fields: 4096, text: 1 << 20, table: 1 << 20 };
        Limits { block: 256 << 10, hpack, streams: 16 << 10 }
    }
}

impl Default for Http2 {
    fn default() -> Http2 {
        Http2::new(Limits::default())
    }
}

impl Http2 {
    pub fn new(limits: Limits) -> Http2 {
        let side = |state| Side { state, decoder: Decoder::default(), announced: Announced::default(), frames: 0, walked: 0 };
        let out = || Out {
            blocks: Blocks::default(),
            flow: Flow::new(FIRST_WINDOW),
            announced: Announced::default(),
            begun: false,
            inside: false,
            credit: 0,
        };
        Http2 {
            limits,
            sides: [side(State::Preface), side(State::Frames)],
            outs: [out(), out()],
            streams: HashMap::new(),
            ids: Ids::default(),
            last: 0,
            parted: false,
            touched: false,
            owing: Default::default(),
        }
    }

    /// The next part of what comes that way. Nothing: more bytes are needed.
    pub fn cut(&mut self, way: Way, bytes: &mut BytesMut) -> Option<Cut> {
        match self.step(way, bytes) {
            Ok(cut) => cut,
            Err(reason) => {
                let side = &mut self.sides[way.index()];
                side.state = State::Plain;
                Some(Cut::Lost(Lost { reason, place: Place { frame: side.frames + 1 } }))
            }
        }
    }

    /// Whether that way has been lost, and comes as plain bytes.
    pub fn is_plain(&self, way: Way) -> bool {
        matches!(self.sides[way.index()].state, State::Plain)
    }

    fn step(&mut self, way: Way, bytes: &mut BytesMut) -> Result<Option<Cut>, Reason> {
        let side = &mut self.sides[way.index()];
        if bytes.is_empty() {
            return Ok(None);
        }
        match side.state {
            State::Plain => Ok(Some(Cut::Plain(bytes.split().freeze()))),
            State::Preface => match is_preface(bytes) {
                Preface::NeedMore => Ok(None),
                Preface::No => Err(Reason::Preface),
                Preface::Yes => {
                    side.state = State::Frames;
                    Ok(Some(Cut::Preface(bytes.split_to(PREFACE.len()).freeze())))
                }
            },
            State::Data { stream, end, content, padding } => Ok(self.more_data(way, bytes, (stream, end), content, padding)),
            State::Rest { left } => {
                let Some(raw) = part(bytes, left) else { return Ok(None) };
                let left = left - raw.len();
                side.state = if left > 0 { State::Rest { left } } else { State::Frames };
                side.frames += u64::from(left == 0);
                Ok(Some(Cut::Rest { raw, more: left > 0 }))
            }
            State::Frames => {
                let Some(head) = FrameHead::read(bytes) else { return Ok(None) };
                if side.frames == 0 && (head.kind != kind::SETTINGS || head.has(flag::ACK)) {
                    return Err(Reason::FirstFrame);
                }
                let cut = match head.kind {
                    kind::DATA => return self.data_frame(way, head, bytes),
                    kind::HEADERS | kind::PUSH_PROMISE => self.block(way, head, bytes)?,
                    kind::CONTINUATION => return Err(Reason::Continuation),
                    _ => self.other(way, head, bytes)?,
                };
                let whole = cut.is_some() && matches!(self.sides[way.index()].state, State::Frames);
                self.sides[way.index()].frames += u64::from(whole);
                Ok(cut)
            }
        }
    }

    /// How the client numbers the stream that a frame names.
    fn named(&self, way: Way, stream: u32) -> u32 {
        match way {
            Way::ToServer => stream,
            Way::ToClient => self.ids.of_client(stream),
        }
    }

    fn data_frame(&mut self, way: Way, head: FrameHead, bytes: &mut BytesMut) -> Result<Option<Cut>, Reason> {
        if head.stream == 0 {
            return Err(Reason::StreamZero);
        }
        if bytes.len() < HEAD + head.length.min(PART) {
            return Ok(None);
        }
        let (before, padding) = padding(head, bytes)?;
        let stream = self.named(way, head.stream);
        let content = head.length - before - padding;
        let raw = bytes.split_to(HEAD + head.length.min(PART)).freeze();
        let inside = raw.slice(HEAD + before..(HEAD + before + content).min(raw.len()));
        let (left, length) = (content - inside.len(), (raw.len() - HEAD) as u32);
        let side = &mut self.sides[way.index()];
        if head.length > PART {
            let padding = head.length - length as usize - left;
            side.state = State::Data { stream, end: head.has(flag::END_STREAM), content: left, padding };
            return Ok(Some(Cut::Data(Data { stream, bytes: inside, length, end: false, part: Part::First, raw })));
        }
        side.frames += 1;
        let end = head.has(flag::END_STREAM);
        self.ended(way, stream, end);
        Ok(Some(Cut::Data(Data { stream, bytes: inside, length, end, part: Part::Whole, raw })))
    }

    fn more_data(&mut self, way: Way, bytes: &mut BytesMut, (stream, end): (u32, bool), content: usize, padding: usize) -> Option<Cut> {
        let raw = part(bytes, content + padding)?;
        let inside = raw.slice(..content.min(raw.len()));
        let (content, padding) = (content - inside.len(), padding - (raw.len() - inside.len()));
        let last = content + padding == 0;
        let side = &mut self.sides[way.index()];
        side.state = if last { State::Frames } else { State::Data { stream, end, content, padding } };
        side.frames += u64::from(last);
        self.ended(way, stream, end && last);
        let part = if last { Part::Last } else { Part::Middle };
        Some(Cut::Data(Data { stream, bytes: inside, length: raw.len() as u32, end: end && last, part, raw }))
    }

    fn ended(&mut self, way: Way, stream: u32, end: bool) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.ended[way.index()] |= end;
        }
    }

    /// A header block, once all its frames have come.
    fn block(&mut self, way: Way, head: FrameHead, bytes: &mut BytesMut) -> Result<Option<Cut>, Reason> {
        if head.stream == 0 {
            return Err(Reason::StreamZero);
        }
        let pushes = head.kind == kind::PUSH_PROMISE;
        if pushes && way == Way::ToServer {
            return Err(Reason::PushFromClient);
        }
        let Some(end) = self.sides[way.index()].walk(head.stream, bytes, self.limits.block)? else { return Ok(None) };
        let (mut before, padding) = padding(head, bytes)?;
        let priority = head.has(flag::PRIORITY) && !pushes;
        let at = HEAD + before;
        before += if pushes { 4 } else { 5 * usize::from(priority) };
        if before + padding > head.length {
            return Err(if pushes { Reason::FrameSize } else { Reason::Padding });
        }
        let promised = if pushes { number(&bytes[at..]) } else { 0 };
        let priority = bytes[at..].first_chunk::<5>().copied().filter(|_| priority);
        let opens = pushes || way == Way::ToServer && head.stream > self.last;
        if opens && self.streams.len() >= self.limits.streams {
            return Err(Reason::TooManyStreams);
        }
        let first = &bytes[HEAD + before..HEAD + head.length - padding];
        let joined = joined(first, &bytes[HEAD + head.length..end]);
        let block = joined.as_deref().unwrap_or(first);
        let side = &mut self.sides[way.index()];
        let read = side.decoder.decode(block, side.announced.table(), self.limits.hpack)?;
        let stream = self.named(way, head.stream);
        let head = Head {
            stream,
            block: self.outs[way.index()].blocks.came(read.sizes),
            fields: read.fields,
            end: head.has(flag::END_STREAM) && !pushes,
            priority,
            sizes: read.sizes,
            promised,
            raw: bytes.split_to(end).freeze(),
        };
        Ok(Some(self.of_message(way, head)))
    }

    /// What a header block is to its stream.
    fn of_message(&mut self, way: Way, head: Head) -> Cut {
        let d = way.index();
        if head.promised != 0 {
            if head.promised.is_multiple_of(2) && !self.streams.contains_key(&head.promised) {
                let stream = Stream { heads: [true, false], ended: [true, false], ..self.stream(Some(head.promised)) };
                self.streams.insert(head.promised, Stream { left: [true, false], ..stream });
            }
            return Cut::PushPromise(head);
        }
        if way == Way::ToServer && !head.stream.is_multiple_of(2) && head.stream > self.last && !self.parted {
            self.last = head.stream;
            let stream = self.stream(None);
            self.streams.insert(head.stream, stream);
        }
        let Some(stream) = self.streams.get_mut(&head.stream).filter(|stream| !stream.ended[d]) else { return Cut::Stray(head) };
        stream.ended[d] |= head.end;
        let interim = way == Way::ToClient && !head.end && matches!(head.fields.status(), Some(100..=199));
        if stream.heads[d] {
            return Cut::Trailers(head);
        }
        stream.heads[d] = !interim;
        if interim { Cut::Interim(head) } else { Cut::Head(head) }
    }

    fn stream(&self, upstream: Option<u32>) -> Stream {
        Stream {
            heads: [false; 2],
            ended: [false; 2],
            upstream,
            left: [false; 2],
            flow: [0, 1].map(|d| Flow::new(self.outs[d].announced.window())),
            credit: [0; 2],
            early: 0,
            off: false,
            taken: Default::default(),
        }
    }

    /// Any other frame.
    fn other(&mut self, way: Way, head: FrameHead, bytes: &mut BytesMut) -> Result<Option<Cut>, Reason> {
        let ack = head.has(flag::ACK);
        let fits = match head.kind {
            kind::RST_STREAM | kind::WINDOW_UPDATE => head.length == 4,
            kind::SETTINGS => head.length.is_multiple_of(6) && head.length <= PART && (!ack || head.length == 0),
            kind::PING => head.length == 8,
            kind::GOAWAY => head.length >= 8,
            _ => true,
        };
        if !fits {
            return Err(Reason::FrameSize);
        }
        match head.kind {
            kind::RST_STREAM | kind::PRIORITY if head.stream == 0 => return Err(Reason::StreamZero),
            kind::SETTINGS | kind::PING | kind::GOAWAY if head.stream != 0 => return Err(Reason::StreamZero),
            _ => {}
        }
        let more = head.length > PART;
        let length = HEAD + head.length.min(PART);
        if bytes.len() < length {
            return Ok(None);
        }
        let payload = &bytes[HEAD..length];
        if head.kind == kind::SETTINGS {
            match ack {
                true => self.sides[way.index()].announced.acknowledge()?,
                false => self.sides[way.other().index()].announced.announce(payload)?,
            }
        }
        let (first, second) = (number(payload), code_of(payload.get(4..).unwrap_or_default()));
        let (stream, code) = (self.named(way, head.stream), code_of(payload));
        let raw = bytes.split_to(length).freeze();
        if more {
            self.sides[way.index()].state = State::Rest { left: head.length - PART };
        }
        Ok(Some(match head.kind {
            kind::RST_STREAM => {
                if let Some(stream) = self.streams.get_mut(&stream) {
                    stream.ended = [way == Way::ToServer || !stream.off, true];
                }
                Cut::Reset { stream, code, raw }
            }
            kind::WINDOW_UPDATE => Cut::WindowUpdate { stream, by: first, raw },
            kind::SETTINGS => Cut::Settings { ack, raw },
            kind::PING => Cut::Ping(raw),
            kind::GOAWAY => Cut::GoAway { last: first, code: second, raw, more },
            kind::PRIORITY if head.length == 5 => Cut::Priority { stream, raw },
            _ => Cut::Unknown { stream, raw, more },
        }))
    }
}

impl Side {
    /// Looks at the frames of a header block that have come; where it ends, once it does.
    fn walk(&mut self, stream: u32, bytes: &[u8], most: usize) -> Result<Option<usize>, Reason> {
        loop {
            let at = self.walked;
            let Some(head) = FrameHead::read(&bytes[at..]) else { return Ok(None) };
            if at > 0 && (head.kind != kind::CONTINUATION || head.stream != stream) {
                return Err(Reason::Continuation);
            }
            let end = at + HEAD + head.length;
            if end > most {
                return Err(Reason::BlockTooLarge);
            }
            if bytes.len() < end {
                return Ok(None);
            }
            self.walked = end;
            if head.has(flag::END_HEADERS) {
                self.walked = 0;
                return Ok(Some(end));
            }
        }
    }
}

/// What a block is altogether, if CONTINUATIONs follow its first part.
fn joined(first: &[u8], mut rest: &[u8]) -> Option<Vec<u8>> {
    if rest.is_empty() {
        return None;
    }
    let mut joined = first.to_vec();
    while let Some(head) = FrameHead::read(rest) {
        let (frame, after) = rest.split_at_checked(HEAD + head.length)?;
        joined.extend_from_slice(&frame[HEAD..]);
        rest = after;
    }
    Some(joined)
}

/// How many bytes say how much padding there is, and how much there is.
fn padding(head: FrameHead, bytes: &[u8]) -> Result<(usize, usize), Reason> {
    if !head.has(flag::PADDED) {
        return Ok((0, 0));
    }
    let padding = usize::from(*bytes.get(HEAD).filter(|_| head.length > 0).ok_or(Reason::Padding)?);
    if padding < head.length { Ok((1, padding)) } else { Err(Reason::Padding) }
}

/// The next part of so many bytes.
fn part(bytes: &mut BytesMut, left: usize) -> Option<Bytes> {
    let length = left.min(PART);
    (bytes.len() >= length).then(|| bytes.split_to(length).freeze())
}
