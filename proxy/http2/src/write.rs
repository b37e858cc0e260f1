//! How what has been cut goes on: as it came, changed, or not at all; and what is put in.
//!
//! As long as all goes on as it came, in the order in which it came, what is written is what was read. From the first difference on, what
//! depends on it is written anew: header blocks, numbers of streams, updates of windows.

use crate::{
    cut::{Cut, Data, Head, Part, Way},
    fields::Field,
    frame, hpack,
    talk::{Http2, PART},
};
use bytes::{Bytes, BytesMut};

impl Http2 {
    /// What is to be written for something that goes on as it is. Nothing, if it concerns nobody on that side.
    pub fn pass(&mut self, way: Way, cut: &Cut) -> Option<Bytes> {
        let d = way.index();
        match cut {
            Cut::Lost(_) => None,
            Cut::Preface(raw) | Cut::Ping(raw) | Cut::Plain(raw) => Some(raw.clone()),
            Cut::Head(head) | Cut::Interim(head) | Cut::Trailers(head) | Cut::PushPromise(head) | Cut::Stray(head) => {
                if self.is_off(head.stream) || self.touched && matches!(cut, Cut::Stray(_)) {
                    self.withhold(way);
                    return None;
                }
                self.head(way, head, None, head.end)
            }
            Cut::Data(data) => self.pass_data(way, data),
            Cut::Settings { ack, raw } => {
                self.settings(way, *ack, raw);
                Some(raw.clone())
            }
            Cut::GoAway { last, raw, more, .. } => {
                self.outs[d].inside = *more;
                let mut of_client = self.last_of_client(way, *last);
                if self.parted && way == Way::ToClient {
                    // What has been said of the last stream is not taken back: RFC 9113, 6.8.
                    of_client = of_client.min(self.last);
                }
                Some(if of_client == *last { raw.clone() } else { frame::with_last(raw, of_client) })
            }
            Cut::Rest { raw, more } => {
                self.outs[d].inside = *more;
                Some(raw.clone())
            }
            Cut::Unknown { stream, raw, more } => {
                self.outs[d].inside = *more;
                let number = self.number(way, *stream);
                Some(if self.ids.differ() { frame::on_stream(raw, number.unwrap_or(0)) } else { raw.clone() })
            }
            // It is advice, on streams that may be anybody's by now.
            Cut::Priority { raw, .. } => (!self.ids.differ()).then(|| raw.clone()),
            Cut::Reset { stream, raw, .. } => self.pass_reset(way, *stream, raw),
            Cut::WindowUpdate { stream, by, raw } => self.pass_update(way, *stream, *by, raw),
        }
    }

    /// A header block goes on: with these fields, or with its own.
    pub fn head(&mut self, way: Way, head: &Head, fields: Option<&[Field]>, end: bool) -> Option<Bytes> {
        let d = way.index();
        let opens = way == Way::ToServer && self.streams.get(&head.stream).is_some_and(|stream| stream.upstream.is_none());
        let number = match opens {
            true => self.open(head.stream)?,
            false => self.number(way, head.stream)?,
        };
        let came_as = if way == Way::ToServer { head.stream } else { self.upstream(head.stream)? };
        let blocks = &mut self.outs[d].blocks;
        let mut written = if fields.is_none() && end == head.end && number == came_as && blocks.passes(head.block) {
            head.raw.clone()
        } else {
            blocks.changed();
            self.touched = true;
            let block = match fields {
                Some(fields) => write(fields, blocks.sizes()),
                None => write(&head.fields.list(), blocks.sizes()),
            };
            match head.promised {
                0 => frame::headers(number, &block, end, head.priority),
                promised => frame::push_promise(number, promised, &block),
            }
        };
        if opens && let Some(stream) = self.streams.get_mut(&head.stream).filter(|stream| stream.early > 0) {
            let early = std::mem::take(&mut stream.early);
            written = [&written[..], &updates(number, early)].concat().into();
        }
        self.left(way, head.stream, end);
        Some(written)
    }

    /// A header block does not go on.
    pub fn withhold(&mut self, way: Way) {
        self.touched = true;
        self.outs[way.index()].blocks.changed();
    }

    /// A header block of our own.
    pub fn put_in(&mut self, way: Way, stream: u32, fields: &[Field], end: bool) -> Option<Bytes> {
        let number = self.number(way, stream)?;
        self.touched = true;
        let block = write(fields, self.outs[way.index()].blocks.sizes());
        self.left(way, stream, end);
        Some(frame::headers(number, &block, end, None))
    }

    /// Takes content out of the stream of frames, to be written later with `data`, or discarded.
    pub fn take(&mut self, way: Way, data: &Data) {
        let content = data.bytes.len() as u64;
        let padding = u64::from(data.length) - content;
        match self.streams.get_mut(&data.stream) {
            Some(stream) => {
                stream.taken[way.index()].owed += content;
                self.give_back(way, data.stream, padding, padding);
            }
            None => self.give_back(way, data.stream, 0, u64::from(data.length)),
        }
    }

    /// Gives the senders of all that is taken of a stream their window of the connection back: what waits here for long is not to hold up
    /// other streams.
    pub fn lend(&mut self, way: Way, stream: u32) {
        let Some(taken) = self.streams.get_mut(&stream).map(|stream| &mut stream.taken[way.index()]) else { return };
        let owed = std::mem::take(&mut taken.owed);
        taken.lent += owed;
        self.give_back(way, stream, 0, owed);
    }

    /// All that has been taken of a stream and not been written is not going to be. `renew`: its sender may send more of it.
    pub fn discard(&mut self, way: Way, stream: u32, renew: bool) {
        let Some(taken) = self.streams.get_mut(&stream).map(|stream| std::mem::take(&mut stream.taken[way.index()])) else { return };
        self.give_back(way, stream, if renew { taken.lent + taken.owed } else { 0 }, taken.owed);
    }

    /// So much of a stream's content as its receiver takes now, as a frame: what stands before it, and it. Nothing: it takes none.
    /// What exceeds what has been taken is put in.
    pub fn data(&mut self, way: Way, number: u32, bytes: &mut Bytes, end: bool) -> Option<(Bytes, Bytes)> {
        let d = way.index();
        let to = self.number(way, number)?;
        let out = &mut self.outs[d];
        let stream = self.streams.get_mut(&number)?;
        let taken = &mut stream.taken[d];
        let mut length = bytes.len().min(PART).min(out.announced.frame() as usize);
        // Whether the receiver takes what its sender sends is their affair, as long as both count alike.
        if taken.lent > 0 || bytes.len() as u64 > taken.owed || out.flow.is_uneven() || stream.flow[d].is_uneven() {
            let room = out.flow.room().min(stream.flow[d].room());
            length = length.min(usize::try_from(room).unwrap_or(usize::MAX));
        }
        if length == 0 && !bytes.is_empty() {
            return None;
        }
        let whole = length as u64;
        let lent = whole.min(taken.lent);
        let owed = (whole - lent).min(taken.owed);
        let ours = whole - lent - owed;
        taken.lent -= lent;
        taken.owed -= owed;
        out.flow.sent(owed);
        out.flow.put_in(lent + ours);
        stream.flow[d].sent(lent + owed);
        stream.flow[d].put_in(ours);
        self.touched |= lent + ours > 0;
        let content = bytes.split_to(length);
        let end = end && bytes.is_empty();
        self.left(way, number, end);
        Some((frame::data_head(to, length, end), content))
    }

    /// Ends a stream on both sides, as far as they know it. What is to be written to the upstream, and to the client.
    pub fn reset(&mut self, stream: u32, to_server: u32, to_client: u32) -> [Option<Bytes>; 2] {
        let frames = [self.cut_off(stream, to_server), self.is_open(stream).then(|| frame::reset(stream, to_client))];
        self.left(Way::ToClient, stream, true);
        frames
    }

    /// Ends a stream on the side of the upstream, if it is known there: what comes from there is not the client's any more, and what still
    /// comes from the client goes nowhere. The client is answered here.
    pub fn cut_off(&mut self, number: u32, code: u32) -> Option<Bytes> {
        self.touched = true;
        let stream = self.streams.get_mut(&number)?;
        // Where both have said all, there is nothing to be ended.
        let is_over = stream.off || stream.left[Way::ToServer.index()] && stream.ended[Way::ToClient.index()];
        let reset = stream.upstream.filter(|_| !is_over);
        stream.off = true;
        for way in Way::BOTH {
            self.discard(way, number, true);
        }
        self.left(Way::ToServer, number, true);
        reset.map(|number| frame::reset(number, code))
    }

    /// Tells the client that no stream is taken up any more: those that are open finish, later ones are nobody's. What is to be written
    /// to it.
    pub fn go_away(&mut self, code: u32, about: &[u8]) -> Bytes {
        self.touched = true;
        self.parted = true;
        frame::go_away(self.last, code, about)
    }

    /// No stream is open.
    pub fn is_idle(&self) -> bool {
        self.streams.is_empty()
    }

    /// What the senders of the other direction are to be given back, as frames that go that way.
    pub fn credits(&mut self, way: Way) -> Option<Bytes> {
        let d = way.index();
        if !self.may_put_in(way) || self.outs[d].credit == 0 && self.owing[d].is_empty() {
            return None;
        }
        let mut out = updates(0, std::mem::take(&mut self.outs[d].credit));
        for number in std::mem::take(&mut self.owing[d]) {
            let to = self.number(way, number);
            if let (Some(to), Some(stream)) = (to, self.streams.get_mut(&number)) {
                let credit = std::mem::take(&mut stream.credit[d]);
                let over = stream.ended[way.other().index()] || stream.off && way == Way::ToServer;
                if !over {
                    out.extend_from_slice(&updates(to, credit));
                }
            }
        }
        (!out.is_empty()).then(|| out.freeze())
    }

    /// Whether a frame of our own may be written that way now: not before its receiver's first SETTINGS are acknowledged, nor in the middle
    /// of another.
    pub fn may_put_in(&self, way: Way) -> bool {
        let out = &self.outs[way.index()];
        out.begun && !out.inside
    }

    /// A large frame has gone in part: nothing but its rest may go now.
    pub fn is_inside(&self, way: Way) -> bool {
        self.outs[way.index()].inside
    }

    /// Whether content of a stream has to be taken, and written as its receiver takes it: sender and receiver count differently.
    pub fn is_uneven(&self, way: Way, stream: u32) -> bool {
        let of_stream = self.streams.get(&stream).is_some_and(|stream| stream.flow[way.index()].is_uneven());
        of_stream || self.outs[way.index()].flow.is_uneven()
    }

    pub fn is_open(&self, stream: u32) -> bool {
        self.streams.contains_key(&stream)
    }

    fn is_off(&self, stream: u32) -> bool {
        self.streams.get(&stream).is_some_and(|stream| stream.off)
    }

    /// Whether the sender of that direction has ended a stream.
    pub fn has_ended(&self, way: Way, stream: u32) -> bool {
        self.streams.get(&stream).is_none_or(|stream| stream.ended[way.index()])
    }

    /// Whether the upstream knows a stream.
    pub fn is_forwarded(&self, stream: u32) -> bool {
        self.upstream(stream).is_some()
    }

    /// Whether all that has been written is what was read, so that it may go on as plain bytes.
    pub fn is_untouched(&self) -> bool {
        !self.touched
    }

    /// Streams that the client believes accepted and the upstream will not serve, once it goes away and `last` was its last.
    pub fn abandoned(&self, last: u32) -> Vec<u32> {
        let up_to = self.last_of_client(Way::ToClient, last);
        let theirs = self.streams.iter().filter(|(number, stream)| **number <= up_to && !stream.off && !number.is_multiple_of(2));
        let mut abandoned: Vec<u32> = theirs.filter(|(_, stream)| stream.upstream.is_none_or(|n| n > last)).map(|(n, _)| *n).collect();
        abandoned.sort_unstable();
        abandoned
    }

    fn pass_data(&mut self, way: Way, data: &Data) -> Option<Bytes> {
        let d = way.index();
        let length = u64::from(data.length);
        let goes_on = matches!(data.part, Part::Middle | Part::Last);
        let unknown = self.is_off(data.stream) || !self.is_open(data.stream) && self.touched;
        if goes_on && !self.outs[d].inside || !goes_on && unknown {
            self.take(way, data);
            self.discard(way, data.stream, true);
            return None;
        }
        let out = &mut self.outs[d];
        out.inside = data.part.goes_on();
        out.flow.sent(length);
        if let Some(stream) = self.streams.get_mut(&data.stream) {
            stream.flow[d].sent(length);
        }
        let number = self.number(way, data.stream);
        self.left(way, data.stream, data.end);
        match number {
            Some(number) if self.ids.differ() && !goes_on => Some(frame::on_stream(&data.raw, number)),
            _ => Some(data.raw.clone()),
        }
    }

    fn pass_reset(&mut self, way: Way, stream: u32, raw: &Bytes) -> Option<Bytes> {
        if !self.is_open(stream) {
            return (!self.touched).then(|| raw.clone());
        }
        let number = match (self.is_off(stream), way) {
            (false, _) => self.number(way, stream),
            // The upstream has nothing to do with it any more.
            (true, Way::ToClient) => return None,
            (true, Way::ToServer) => None,
        };
        for way in Way::BOTH {
            self.discard(way, stream, false);
            self.left(way, stream, true);
        }
        let number = number?;
        Some(if self.ids.differ() { frame::on_stream(raw, number) } else { raw.clone() })
    }

    fn pass_update(&mut self, way: Way, number: u32, by: u32, raw: &Bytes) -> Option<Bytes> {
        let d = way.other().index();
        if number == 0 {
            let passes = self.outs[d].flow.update(u64::from(by));
            return if passes == u64::from(by) { Some(raw.clone()) } else { some(updates(0, passes)) };
        }
        let to = self.number(way, number);
        let Some(stream) = self.streams.get_mut(&number) else { return (!self.touched).then(|| raw.clone()) };
        let passes = stream.flow[d].update(u64::from(by));
        match to {
            _ if stream.off => None,
            None => {
                stream.early += passes;
                None
            }
            Some(_) if passes == u64::from(by) && !self.ids.differ() => Some(raw.clone()),
            Some(to) if by == 0 => Some(frame::on_stream(raw, to)),
            Some(to) => some(updates(to, passes)),
        }
    }

    /// SETTINGS say what their sender takes, so they concern what goes the other way.
    fn settings(&mut self, way: Way, ack: bool, raw: &Bytes) {
        // Who takes less than the usual windows counts so from the acknowledgement on; what comes earlier may never be granted again.
        self.outs[way.index()].begun |= ack;
        let d = if ack { way.index() } else { way.other().index() };
        let out = &mut self.outs[d];
        let before = out.announced.window();
        // What cannot be followed has made that way plain when it was cut.
        match ack {
            true => {
                let _ = out.announced.acknowledge();
                out.blocks.bound(out.announced.table_in_force());
            }
            false => {
                let _ = out.announced.announce(&raw[frame::HEAD..]);
            }
        }
        let by = i64::from(out.announced.window()) - i64::from(before);
        if by != 0 {
            self.streams.values_mut().for_each(|stream| stream.flow[d].shift(by));
        }
    }

    /// The sender of that direction is to be given so much back: of the stream's window, and of the connection's.
    fn give_back(&mut self, way: Way, number: u32, of_stream: u64, of_connection: u64) {
        let (d, back) = (way.index(), way.other().index());
        if of_connection > 0 {
            self.touched = true;
            self.outs[back].credit += self.outs[d].flow.give_back(of_connection);
        }
        if of_stream > 0
            && let Some(stream) = self.streams.get_mut(&number)
        {
            let credit = stream.flow[d].give_back(of_stream);
            if credit > 0 && stream.credit[back] == 0 {
                self.owing[back].push(number);
            }
            stream.credit[back] += credit;
        }
    }

    fn open(&mut self, number: u32) -> Option<u32> {
        let open = self.streams.iter().filter_map(|(number, stream)| Some((stream.upstream?, *number)));
        let upstream = self.ids.open(number, open)?;
        self.touched |= upstream != number;
        self.streams.get_mut(&number)?.upstream = Some(upstream);
        Some(upstream)
    }

    /// How the receiver of that direction numbers a stream.
    fn number(&self, way: Way, stream: u32) -> Option<u32> {
        match way {
            Way::ToServer => self.upstream(stream),
            Way::ToClient => Some(stream),
        }
    }

    fn upstream(&self, number: u32) -> Option<u32> {
        match self.streams.get(&number) {
            Some(stream) => stream.upstream,
            None => (!self.ids.differ()).then_some(number),
        }
    }

    /// The last of the client's streams that the sender of GOAWAY has taken up.
    fn last_of_client(&self, way: Way, last: u32) -> u32 {
        if way == Way::ToServer || !self.ids.differ() || last == frame::LAST_STREAM {
            return last;
        }
        let taken_up = self.streams.iter().filter(|(_, stream)| stream.off || stream.upstream.is_some_and(|number| number <= last));
        taken_up.map(|(number, _)| *number).max().unwrap_or(0)
    }

    /// Nothing more goes that way, if it is the end of it; a stream of which that is so both ways is over.
    fn left(&mut self, way: Way, number: u32, end: bool) {
        let Some(stream) = self.streams.get_mut(&number).filter(|_| end) else { return };
        stream.left[way.index()] = true;
        if stream.left == [true; 2] {
            for way in Way::BOTH {
                self.discard(way, number, false);
            }
            if let Some(upstream) = self.streams.remove(&number).and_then(|stream| stream.upstream) {
                self.ids.close(upstream);
            }
        }
    }
}

fn write(fields: &[Field], sizes: Option<hpack::Sizes>) -> BytesMut {
    hpack::write(fields.iter().map(|field| (&field.name[..], &field.value[..], field.sensitive)), sizes)
}

/// WINDOW_UPDATEs of so many bytes.
fn updates(stream: u32, mut by: u64) -> BytesMut {
    let mut out = BytesMut::new();
    while by > 0 {
        let step = by.min(u64::from(frame::LAST_STREAM));
        out.extend_from_slice(&frame::window_update(stream, step as u32));
        by -= step;
    }
    out
}

fn some(bytes: BytesMut) -> Option<Bytes> {
    (!bytes.is_empty()).then(|| bytes.freeze())
}
