//! What is written once something has been withheld, changed or put in: read again by another cutter, it means what was meant.

use crate::harness::{GET, OK, block, fields, frame, hello, line, settings};
use bytes::{Bytes, BytesMut};
use faultwire_http2::{
    Cut, Http2, Limits,
    Way::{self, ToClient, ToServer},
};

/// Both ends of a connection, and what each is told.
struct World {
    http: Http2,
    buffers: [BytesMut; 2],
    /// Reads what is written, as the receivers do.
    ends: Http2,
    halves: [BytesMut; 2],
    heard: [Vec<String>; 2],
}

impl World {
    fn new() -> World {
        let mut world = World::bare();
        world.pass(ToServer, &hello(&[]));
        world.pass(ToClient, &[settings(&[]), frame(4, 1, 0, &[])].concat());
        world.pass(ToServer, &frame(4, 1, 0, &[]));
        for way in Way::BOTH {
            world.hears(way);
        }
        world
    }

    fn bare() -> World {
        World {
            http: Http2::new(Limits::default()),
            buffers: Default::default(),
            ends: Http2::new(Limits::default()),
            halves: Default::default(),
            heard: Default::default(),
        }
    }

    /// What is said is cut.
    fn cut(&mut self, way: Way, bytes: &[u8]) -> Vec<Cut> {
        let buffer = &mut self.buffers[way.index()];
        buffer.extend_from_slice(bytes);
        std::iter::from_fn(|| self.http.cut(way, buffer)).collect()
    }

    /// What is said goes on.
    fn pass(&mut self, way: Way, bytes: &[u8]) {
        for cut in self.cut(way, bytes) {
            let written = self.http.pass(way, &cut);
            self.write(way, written);
        }
    }

    fn write(&mut self, way: Way, bytes: Option<Bytes>) {
        let half = &mut self.halves[way.index()];
        half.extend_from_slice(&bytes.unwrap_or_default());
        let lines = std::iter::from_fn(|| self.ends.cut(way, half)).map(|cut| line(&cut));
        self.heard[way.index()].extend(lines);
    }

    fn data(&mut self, way: Way, stream: u32, bytes: &mut Bytes, end: bool) -> bool {
        let Some((head, content)) = self.http.data(way, stream, bytes, end) else { return false };
        self.write(way, Some(head));
        self.write(way, Some(content));
        true
    }

    fn credits(&mut self, way: Way) {
        let written = self.http.credits(way);
        self.write(way, written);
    }

    /// What has been written that way since it was last asked, as its receiver reads it.
    fn hears(&mut self, way: Way) -> Vec<String> {
        let half = &self.halves[way.index()];
        assert!(half.is_empty(), "half a frame: {half:?}");
        std::mem::take(&mut self.heard[way.index()])
    }
}

fn headers(stream: u32, end: bool, block: &[u8]) -> Vec<u8> {
    frame(1, 4 | u8::from(end), stream, block)
}

fn get(stream: u32, end: bool) -> Vec<u8> {
    headers(stream, end, &block(GET))
}

fn head(cuts: &[Cut]) -> faultwire_http2::Head {
    match cuts {
        [Cut::Head(head) | Cut::Trailers(head), ..] => head.clone(),
        other => panic!("{other:?} is no head"),
    }
}

const GET_LINE: &str = ":method=GET :scheme=http :path=/a :authority=x";

#[test]
fn after_a_withheld_block_no_table_is_needed() {
    let mut world = World::new();
    // The first puts a field into the table, the others use it: one of them never to be put into any.
    let first = world.cut(ToServer, &headers(1, true, b"\x82\x40\x01a\x01b"));
    world.http.withhold(ToServer);
    let reset = world.http.reset(1, 8, 2);
    assert_eq!(reset.map(|frame| frame.map(|frame| frame.to_vec())), [None, Some(frame(3, 0, 1, &[0, 0, 0, 2]))]);
    assert_eq!(line(&first[0]), "head 1 #0 :method=GET a=b end");
    world.pass(ToServer, &headers(3, false, b"\x3f\x45\xbe\x82\x1f\x2f\x01y\x00\x03abc\x01z"));
    world.pass(ToServer, &frame(0, 1, 3, b"body"));
    world.pass(ToServer, &headers(5, true, b"\xbe"));
    assert_eq!(world.hears(ToServer), ["head 3 #0 a=b :method=GET a!=y abc=z sizes", "data 3 4+0 end", "head 5 #1 a=b end"]);
    assert!(!world.http.is_untouched());
}

#[test]
fn a_block_that_is_overtaken_is_written_anew_with_a_higher_number() {
    let mut world = World::new();
    let late = world.cut(ToServer, &get(1, false));
    world.pass(ToServer, &get(3, true));
    let written = world.http.head(ToServer, &head(&late), None, false);
    world.write(ToServer, written);
    world.pass(ToServer, &get(5, true));
    world.pass(ToServer, &frame(0, 0, 1, b"abc"));
    world.pass(ToServer, &frame(8, 0, 1, &[0, 0, 0, 9]));
    world.pass(ToServer, &frame(2, 0, 1, &[0; 5]));
    assert_eq!(
        world.hears(ToServer),
        [
            format!("head 3 #0 {GET_LINE} end"),
            format!("head 5 #1 {GET_LINE}"),
            format!("head 7 #2 {GET_LINE} end"),
            "data 5 3+0".into(),
            "window 5 9".into()
        ]
    );
    // The server answers by its numbers, and the client hears its own.
    world.pass(ToClient, &headers(5, false, &block(OK)));
    world.pass(ToClient, &frame(0, 1, 5, b"x"));
    world.pass(ToClient, &headers(7, true, &block(OK)));
    world.pass(ToClient, &frame(8, 0, 5, &[0, 0, 0, 3]));
    world.pass(ToClient, &frame(3, 0, 3, &[0, 0, 0, 7]));
    world.pass(ToClient, &frame(3, 0, 99, &[0, 0, 0, 7]));
    let mut heard = world.hears(ToClient);
    heard.iter_mut().for_each(|line| *line = line.replace("stray", "head"));
    assert_eq!(
        heard,
        ["head 1 #0 :status=200 server=s", "data 1 1+0 end", "head 5 #1 :status=200 server=s end", "window 1 3", "reset 3 7"]
    );
}

#[test]
fn what_the_server_does_not_take_up_is_known() {
    let mut world = World::new();
    let late = world.cut(ToServer, &get(1, false));
    world.pass(ToServer, &[get(3, true), get(5, true)].concat());
    let held = world.cut(ToServer, &get(7, true));
    // 3 has been taken up, 5 has not, 1 and 7 are not there yet.
    assert_eq!(world.http.abandoned(3), [1]);
    assert_eq!(world.http.abandoned(5), [1]);
    let written = world.http.head(ToServer, &head(&late), None, false);
    world.write(ToServer, written);
    assert_eq!(world.http.abandoned(7), [] as [u32; 0]);
    assert_eq!(world.http.abandoned(5), [1]);
    world.pass(ToClient, &frame(7, 0, 0, &[0, 0, 0, 5, 0, 0, 0, 0]));
    world.pass(ToClient, &frame(7, 0, 0, &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
    assert_eq!(world.hears(ToClient), ["goaway 5 0", "goaway 2147483647 0"]);
    drop(held);
}

#[test]
fn who_has_been_told_to_leave_opens_nothing_more() {
    let mut world = World::new();
    world.pass(ToServer, &[get(1, false), get(3, true)].concat());
    let bye = world.http.go_away(11, b"too many");
    world.write(ToClient, Some(bye));
    assert_eq!(world.hears(ToClient), ["goaway 3 11"]);
    world.hears(ToServer);
    // What the client sends before it hears of it is read, for the tables and the windows, and goes nowhere.
    world.pass(
        ToServer,
        &[get(5, false), frame(0, 0, 5, b"abcde"), frame(8, 0, 5, &[0, 0, 0, 9]), frame(1, 5, 5, &block(&[("t", "1")]))].concat(),
    );
    world.pass(ToServer, &[frame(3, 0, 5, &[0, 0, 0, 8]), frame(0, 1, 1, b"end")].concat());
    assert_eq!(world.hears(ToServer), ["data 1 3+0 end"]);
    let back = world.http.credits(ToClient);
    world.write(ToClient, back);
    assert_eq!(world.hears(ToClient), ["window 0 5"]);
    // The upstream's own goodbye says no more than ours has said.
    world.pass(ToClient, &[frame(7, 0, 0, &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]), frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])].concat());
    assert_eq!(world.hears(ToClient), ["goaway 3 0", "goaway 1 0"]);
    world.pass(ToClient, &[frame(1, 5, 1, &block(OK)), frame(1, 5, 3, &block(OK))].concat());
    assert!(world.http.is_idle());
    // A goodbye is no longer than everybody takes.
    let long = world.http.go_away(0, &[b'x'; 70_000]);
    assert_eq!(long.len(), 9 + 16_384);
}

#[test]
fn an_answer_put_in_is_paid_for_by_updates() {
    let mut world = World::new();
    world.cut(ToServer, &get(1, true));
    assert_eq!(world.http.cut_off(1, 8), None);
    let answer = world.http.put_in(ToClient, 1, &fields(&[(":status", "503"), ("x", "y")]), false);
    world.write(ToClient, answer);
    let mut body = Bytes::from(vec![b'x'; 40_000]);
    while world.data(ToClient, 1, &mut body, true) && !body.is_empty() {}
    let big = ["data 1 16384+0", "data 1 16384+0", "data 1 7232+0 end"];
    assert_eq!(world.hears(ToClient), [&["stray 1 #0 :status=503 x=y"][..], &big].concat());
    assert!(!world.http.is_open(1));
    // The server believes that it may send 65535 bytes; the client takes 25535.
    world.pass(ToServer, &get(3, true));
    world.pass(ToClient, &headers(3, false, &block(OK)));
    world.hears(ToClient);
    assert!(world.http.is_uneven(ToClient, 3));
    for cut in world.cut(ToClient, &frame(0, 1, 3, &vec![b'y'; 50_000])) {
        let Cut::Data(data) = cut else { panic!("no data") };
        world.http.take(ToClient, &data);
        let mut bytes = data.bytes;
        while world.data(ToClient, 3, &mut bytes, true) {}
        assert_eq!(world.hears(ToClient), ["data 3 16384+0", "data 3 9151+0"]);
        // Of the client's next updates the server is told what exceeds the debt.
        world.pass(ToServer, &frame(8, 0, 0, &30_000_u32.to_be_bytes()));
        world.pass(ToServer, &frame(8, 0, 0, &30_000_u32.to_be_bytes()));
        assert_eq!(world.hears(ToServer), [&format!("head 3 #0 {GET_LINE} end"), "window 0 20000"]);
        while world.data(ToClient, 3, &mut bytes, true) && !bytes.is_empty() {}
        assert_eq!(world.hears(ToClient), ["data 3 16384+0", "data 3 8081+0 end"]);
    }
    assert!(!world.http.is_open(3) && !world.http.is_uneven(ToClient, 3));
    // Not the end of a stream that is over, and of no other either.
    world.pass(ToServer, &frame(8, 0, 1, &[0, 0, 0, 5]));
    assert_eq!(world.hears(ToServer), [] as [&str; 0]);
}

#[test]
fn a_stream_has_a_window_of_its_own() {
    let mut world = World::bare();
    world.pass(ToServer, &hello(&[(4, 100)]));
    world.pass(ToClient, &[settings(&[]), frame(4, 1, 0, &[])].concat());
    world.pass(ToServer, &get(1, true));
    world.http.cut_off(1, 8);
    let answer = world.http.put_in(ToClient, 1, &fields(OK), false);
    world.write(ToClient, answer);
    let mut body = Bytes::from(vec![b'x'; 250]);
    assert!(world.data(ToClient, 1, &mut body, true) && !world.data(ToClient, 1, &mut body, true));
    world.pass(ToServer, &frame(8, 0, 1, &[0, 0, 0, 60]));
    assert!(world.data(ToClient, 1, &mut body, true) && !world.data(ToClient, 1, &mut body, true));
    // A larger first window holds once the server has acknowledged it.
    world.pass(ToServer, &settings(&[(4, 1000)]));
    assert!(!world.data(ToClient, 1, &mut body, true));
    world.pass(ToClient, &frame(4, 1, 0, &[]));
    assert!(world.data(ToClient, 1, &mut body, true));
    assert_eq!(
        world.hears(ToClient),
        ["settings", "ack", "head 1 #0 :status=200 server=s", "data 1 100+0", "data 1 60+0", "ack", "data 1 90+0 end"]
    );
}

#[test]
fn what_is_discarded_is_given_back_to_its_sender() {
    let mut world = World::new();
    world.pass(ToServer, &get(1, false));
    for cut in world.cut(ToServer, &[frame(0, 8, 1, b"\x03abcde\0\0\0"), frame(0, 0, 1, b"fg")].concat()) {
        let Cut::Data(data) = cut else { panic!("no data") };
        world.http.take(ToServer, &data);
    }
    // The padding goes nowhere in any case.
    world.credits(ToClient);
    assert_eq!(world.hears(ToClient), ["window 0 4", "window 1 4"]);
    let mut three = Bytes::from_static(b"abc");
    assert!(world.data(ToServer, 1, &mut three, false));
    // What waits for long is not to hold up others.
    world.http.lend(ToServer, 1);
    world.credits(ToClient);
    assert_eq!(world.hears(ToClient), ["window 0 4"]);
    let mut one = Bytes::from_static(b"d");
    assert!(world.data(ToServer, 1, &mut one, false));
    world.http.discard(ToServer, 1, true);
    world.credits(ToClient);
    assert_eq!(world.hears(ToClient), ["window 1 3"]);
    // What was lent and has been written is paid out of the server's updates.
    world.pass(ToClient, &frame(8, 0, 0, &[0, 0, 0, 4]));
    assert_eq!(world.hears(ToClient), ["window 0 3"]);
    assert_eq!(world.hears(ToServer), [format!("head 1 #0 {GET_LINE}"), "data 1 3+0".into(), "data 1 1+0".into()]);
    // Without renewal its sender stands still, and the others do not.
    world.pass(ToServer, &frame(0, 0, 1, b""));
    for cut in world.cut(ToServer, &frame(0, 0, 1, b"silence")) {
        let Cut::Data(data) = cut else { panic!("no data") };
        world.http.take(ToServer, &data);
    }
    world.http.discard(ToServer, 1, false);
    world.credits(ToClient);
    assert_eq!(world.hears(ToClient), ["window 0 7"]);
}

#[test]
fn what_still_comes_of_a_stream_that_was_reset_here_goes_nowhere_and_is_given_back() {
    let mut world = World::new();
    world.pass(ToServer, &get(1, false));
    let frames = world.http.reset(1, 8, 2);
    for (way, bytes) in Way::BOTH.into_iter().zip(frames) {
        world.write(way, bytes);
    }
    world.pass(
        ToServer,
        &[frame(0, 0, 1, b"abc"), headers(1, true, b"\x40\x01t\x01u"), frame(8, 0, 1, &[0, 0, 0, 1]), frame(3, 0, 1, &[0; 4])].concat(),
    );
    world.pass(ToClient, &[headers(1, false, &block(OK)), frame(0, 0, 1, b"12345"), frame(8, 0, 1, &[0, 0, 0, 1])].concat());
    world.credits(ToServer);
    world.credits(ToClient);
    // The table has followed what was withheld.
    world.pass(ToServer, &headers(3, true, b"\x82\xbe"));
    assert_eq!(world.hears(ToServer), [&format!("head 1 #0 {GET_LINE}"), "reset 1 8", "window 0 5", "head 3 #1 :method=GET t=u end"]);
    assert_eq!(world.hears(ToClient), ["reset 1 2", "window 0 3"]);
}

#[test]
fn the_rest_of_a_large_frame_follows_its_beginning() {
    let mut world = World::new();
    world.pass(ToServer, &get(1, false));
    world.hears(ToServer);
    let large = frame(0, 1, 1, &vec![1; 150_000]);
    world.pass(ToServer, &large[..100_000]);
    assert!(world.http.is_inside(ToServer) && !world.http.may_put_in(ToServer));
    let [to_server, _] = world.http.reset(1, 8, 2);
    assert_eq!(world.http.credits(ToServer), None);
    world.pass(ToServer, &large[100_000..]);
    world.write(ToServer, to_server);
    assert!(world.http.may_put_in(ToServer));
    let heard = world.hears(ToServer);
    assert_eq!(heard.iter().filter(|line| line.starts_with("data")).count(), 3);
    assert_eq!(heard.last().unwrap(), "reset 1 8");
}

#[test]
fn nothing_is_put_in_before_both_have_settled() {
    let mut world = World::bare();
    let may = |world: &World| Way::BOTH.map(|way| world.http.may_put_in(way));
    world.pass(ToServer, &hello(&[]));
    world.pass(ToClient, &settings(&[]));
    assert_eq!(may(&world), [false, false]);
    world.pass(ToClient, &frame(4, 1, 0, &[]));
    assert_eq!(may(&world), [false, true]);
    world.pass(ToServer, &frame(4, 1, 0, &[]));
    assert_eq!(may(&world), [true, true]);
}

#[test]
fn the_window_of_a_stream_that_is_held_is_granted_with_its_head() {
    let mut world = World::new();
    let held = world.cut(ToServer, &get(1, false));
    world.pass(ToServer, &[frame(8, 0, 1, &[0, 0, 0, 7]), frame(8, 0, 1, &[0, 0, 0, 8])].concat());
    assert_eq!(world.hears(ToServer), [] as [&str; 0]);
    let written = world.http.head(ToServer, &head(&held), None, false);
    world.write(ToServer, written);
    assert_eq!(world.hears(ToServer), [&format!("head 1 #0 {GET_LINE}"), "window 1 15"]);
}

#[test]
fn a_smaller_table_is_confirmed_by_an_answer_of_our_own() {
    let mut world = World::bare();
    world.pass(ToServer, &hello(&[(1, 0)]));
    world.pass(ToClient, &[settings(&[]), frame(4, 1, 0, &[])].concat());
    world.cut(ToServer, &get(1, true));
    let answer = world.http.put_in(ToClient, 1, &fields(OK), true);
    world.write(ToClient, answer);
    assert_eq!(world.hears(ToClient)[2], "stray 1 #0 :status=200 server=s sizes end");
}
