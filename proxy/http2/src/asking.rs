//! One request of our own, on a connection of its own, whose answer nobody reads: the least that a client of HTTP/2 has to say, and to count.

use crate::{
    fields::Field,
    flow::FIRST_WINDOW,
    frame::{self, FrameHead, HEAD, LAST_STREAM, SMALLEST_MAX, code_of, flag, kind},
    hpack,
    preface::PREFACE,
    settings::Announced,
    talk::PART,
};
use bytes::{Bytes, BytesMut};

const STREAM: u32 = 1;
/// Of the table of headers, before anything is said.
const FIRST_TABLE: u32 = 4096;

#[derive(Debug)]
pub struct Asking {
    out: BytesMut,
    body: Bytes,
    /// None once they have been written, or the end of the body.
    trailers: Option<Vec<Field>>,
    /// What the server takes: of the connection, and of the stream.
    windows: [i64; 2],
    announced: Announced,
    /// The frame at hand is passed over, up to so many bytes more.
    skips: usize,
    is_over: bool,
}

impl Asking {
    pub fn new(head: &[Field], body: Bytes, trailers: Vec<Field>) -> Asking {
        let mut out = BytesMut::from(PREFACE);
        // Nothing is to be pushed, and the answer is to come without waiting: ENABLE_PUSH and INITIAL_WINDOW_SIZE, RFC 9113, 6.5.2.
        FrameHead { length: 12, kind: kind::SETTINGS, flags: 0, stream: 0 }.write(&mut out);
        out.extend_from_slice(&[0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff]);
        out.extend_from_slice(&frame::window_update(0, LAST_STREAM - FIRST_WINDOW));
        let is_all = body.is_empty() && trailers.is_empty();
        out.extend_from_slice(&frame::headers(STREAM, &hpack::write(fields(head), None), is_all, None));
        let windows = [i64::from(FIRST_WINDOW); 2];
        let trailers = (!is_all).then_some(trailers);
        Asking { out, body, trailers, windows, announced: Announced::default(), skips: 0, is_over: false }
    }

    /// What has come from the server. What is left of it is to come again, with more behind it.
    pub fn receive(&mut self, bytes: &mut BytesMut) {
        while !self.is_over {
            let skipped = self.skips.min(bytes.len());
            self.skips -= skipped;
            let _passed_over = bytes.split_to(skipped);
            let Some(head) = FrameHead::read(bytes).filter(|_| self.skips == 0) else { return };
            match head.kind {
                // Nobody reads what is in them.
                kind::DATA | kind::HEADERS | kind::CONTINUATION => {
                    self.is_over |= head.stream == STREAM && head.kind != kind::CONTINUATION && head.has(flag::END_STREAM);
                    self.skips = HEAD + head.length;
                    continue;
                }
                _ => {}
            }
            if head.length > SMALLEST_MAX {
                self.is_over = true;
                return;
            }
            if bytes.len() < HEAD + head.length {
                return;
            }
            let whole = bytes.split_to(HEAD + head.length);
            self.frame(head, &whole[HEAD..]);
        }
    }

    fn frame(&mut self, head: FrameHead, payload: &[u8]) {
        match head.kind {
            kind::SETTINGS if !head.has(flag::ACK) => {
                let before = self.announced.window();
                // It holds at once, since it is acknowledged at once.
                let followed = self.announced.announce(payload).and_then(|()| self.announced.acknowledge());
                self.is_over |= followed.is_err();
                self.windows[1] += i64::from(self.announced.window()) - i64::from(before);
                FrameHead { length: 0, kind: kind::SETTINGS, flags: flag::ACK, stream: 0 }.write(&mut self.out);
            }
            kind::PING if !head.has(flag::ACK) && payload.len() == 8 => {
                FrameHead { flags: flag::ACK, ..head }.write(&mut self.out);
                self.out.extend_from_slice(payload);
            }
            kind::WINDOW_UPDATE if head.stream <= STREAM => {
                self.windows[head.stream as usize] += i64::from(frame::number(payload));
            }
            kind::RST_STREAM if head.stream == STREAM => self.is_over = true,
            kind::GOAWAY => self.is_over |= frame::number(payload) < STREAM || code_of(payload.get(4..).unwrap_or_default()) != 0,
            _ => {}
        }
    }

    /// What is to be written now.
    pub fn write(&mut self) -> Bytes {
        while self.trailers.is_some() && self.out.len() < PART {
            let room = self.windows[0].min(self.windows[1]);
            let most = usize::try_from(room).unwrap_or(0).min(self.announced.frame() as usize).min(self.body.len());
            if most == 0 && !self.body.is_empty() {
                break;
            }
            let content = self.body.split_to(most);
            self.windows = self.windows.map(|window| window - most as i64);
            let ends = self.body.is_empty();
            let trailers = if ends { self.trailers.take() } else { None }.filter(|trailers| !trailers.is_empty());
            if !content.is_empty() || trailers.is_none() {
                self.out.extend_from_slice(&frame::data_head(STREAM, content.len(), ends && trailers.is_none()));
                self.out.extend_from_slice(&content);
            }
            if let Some(trailers) = trailers {
                // The server may have made its table smaller, and wants to hear of that: RFC 7541, 4.2.
                let table = self.announced.table_in_force();
                let sizes = (table < FIRST_TABLE).then_some(hpack::Sizes { smallest: table, last: table });
                self.out.extend_from_slice(&frame::headers(STREAM, &hpack::write(fields(&trailers), sizes), true, None));
            }
        }
        self.out.split().freeze()
    }

    /// Something may be written at once.
    pub fn has_more(&self) -> bool {
        let takes = self.body.is_empty() || self.windows.iter().all(|window| *window > 0);
        !self.out.is_empty() || self.trailers.is_some() && takes
    }

    /// The answer has come, or never will.
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

fn fields(fields: &[Field]) -> impl Iterator<Item = (&[u8], &[u8], bool)> {
    fields.iter().map(|field| (&field.name[..], &field.value[..], field.sensitive))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        FrameHead { length: payload.len(), kind, flags, stream }.write(&mut out);
        out.extend_from_slice(payload);
        out.to_vec()
    }

    /// The frames that are there: type, flags, length.
    fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, usize)> {
        bytes = bytes.strip_prefix(PREFACE).unwrap_or(bytes);
        let mut frames = Vec::new();
        while let Some(head) = FrameHead::read(bytes) {
            frames.push((head.kind, head.flags, head.length));
            bytes = &bytes[HEAD + head.length..];
        }
        frames
    }

    fn asking(body: usize, trailers: &[(&str, &str)]) -> Asking {
        let list = |list: &[(&str, &str)]| list.iter().map(|(name, value)| Field::new(name, value.to_string())).collect::<Vec<_>>();
        Asking::new(&list(&[(":method", "POST"), (":path", "/")]), vec![b'x'; body].into(), list(trailers))
    }

    #[test]
    fn what_has_no_body_is_a_head() {
        let mut asking = asking(0, &[]);
        let head = asking.write();
        assert_eq!(frames(&head).iter().map(|(kind, flags, _)| (*kind, *flags)).collect::<Vec<_>>(), [(4, 0), (8, 0), (1, 5)]);
        assert!(asking.write().is_empty());
        // Whatever the answer is, and however it comes.
        let answer = [raw(4, 0, 0, &[]), raw(6, 0, 0, &[7; 8]), raw(1, 4, 1, &[0x88]), raw(0, 1, 1, &[0; 20_000])].concat();
        let mut came = BytesMut::new();
        for byte in answer {
            assert!(!asking.is_over());
            came.extend_from_slice(&[byte]);
            asking.receive(&mut came);
            if asking.is_over() {
                break;
            }
        }
        assert!(asking.is_over());
        assert_eq!(frames(&asking.write()), [(4, 1, 0), (6, 1, 8)]);
    }

    #[test]
    fn no_more_goes_than_is_taken() {
        let mut asking = asking(100_000, &[("t", "1")]);
        let sent = |frames: &[(u8, u8, usize)]| frames.iter().filter(|frame| frame.0 == 0).map(|frame| frame.2).sum::<usize>();
        let mut gone = 0;
        loop {
            let out = frames(&asking.write());
            if out.is_empty() {
                break;
            }
            assert!(out.iter().all(|(kind, _, length)| *kind != 0 || *length <= 16_384));
            gone += sent(&out);
        }
        assert_eq!(gone, 65_535);
        let receive = |asking: &mut Asking, bytes: &[u8]| asking.receive(&mut BytesMut::from(bytes));
        // The stream's first window is made smaller, and the table with it: both debts are there first.
        receive(&mut asking, &raw(4, 0, 0, &[0, 4, 0, 0, 0xff, 0, 0, 1, 0, 0, 0, 0]));
        receive(&mut asking, &raw(8, 0, 0, &[0, 1, 0, 0]));
        assert_eq!(frames(&asking.write()), [(4, 1, 0)]);
        receive(&mut asking, &raw(8, 0, 1, &[0, 0, 1, 9]));
        assert_eq!(frames(&asking.write()), [(0, 0, 10)]);
        receive(&mut asking, &raw(8, 0, 1, &[0, 1, 0, 0]));
        let rest = asking.write();
        let ends = frames(&rest);
        assert_eq!((sent(&ends), ends.last().map(|last| (last.0, last.1))), (100_000 - 65_545, Some((1, 5))));
        // The table is said to be empty, before the field.
        assert!(
            rest.ends_with(&[0x20, 0x10, 1, b't', 1, b'1']) || rest.ends_with(&[0x20, 0, 1, b't', 1, b'1']),
            "{:?}",
            &rest[rest.len() - 8..]
        );
        assert!(asking.write().is_empty());
    }

    #[test]
    fn whoever_refuses_is_not_waited_for() {
        for (bytes, is_over) in [
            (raw(3, 0, 1, &[0; 4]), true),
            (raw(3, 0, 3, &[0; 4]), false),
            (raw(7, 0, 0, &[0; 8]), true),
            (raw(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]), false),
            (raw(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 11]), true),
            (raw(9, 4, 1, b"whatever"), false),
            (raw(1, 5, 1, &[0x88]), true),
            (raw(99, 0xff, 9, &[0; 20_000]), true),
        ] {
            let mut asking = asking(0, &[]);
            asking.receive(&mut BytesMut::from(&bytes[..]));
            assert_eq!(asking.is_over(), is_over, "{:?}", &bytes[..9]);
        }
    }
}
