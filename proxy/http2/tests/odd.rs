//! A table of what may come: what it is cut into, and what makes a direction plain bytes.

use crate::harness::{GET, OK, block, converse_in_every_split, frame, hello, settings};
use faultwire_http2::Way::{ToClient, ToServer};

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

fn headers(stream: u32, end: bool, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(1, END_HEADERS | u8::from(end), stream, &block(fields))
}

/// The lines of what the client sends behind its preface and SETTINGS.
fn client(name: &str, frames: &[Vec<u8>]) -> Vec<String> {
    let said = [hello(&[]), frames.concat()].concat();
    let [stream, _] = converse_in_every_split(name, &[(ToServer, &said)], 12);
    assert_eq!(stream.seen[..2], ["preface", "settings"]);
    stream.seen[2..].to_vec()
}

const GET_LINE: &str = ":method=GET :scheme=http :path=/a :authority=x";

#[test]
fn frames_are_what_they_are() {
    let padded = [&[3][..], &block(GET), &[0; 3]].concat();
    let with_priority = [&[0x80, 0, 0, 7, 15][..], &block(GET)].concat();
    let both = [&[2, 0, 0, 0, 0, 1][..], &block(GET), &[0; 2]].concat();
    let whole = block(GET);
    let (a, rest) = whole.split_at(3);
    let (b, c) = rest.split_at(4);
    let in_three = [frame(1, END_STREAM, 1, a), frame(9, 0, 1, b), frame(9, 0, 1, &[]), frame(9, END_HEADERS, 1, c)].concat();
    for (name, frames, lines) in [
        ("a request", vec![headers(1, true, GET)], vec![format!("head 1 #0 {GET_LINE} end")]),
        ("padding", vec![frame(1, END_HEADERS | PADDED, 1, &padded)], vec![format!("head 1 #0 {GET_LINE}")]),
        ("priority", vec![frame(1, END_HEADERS | PRIORITY, 1, &with_priority)], vec![format!("head 1 #0 {GET_LINE} priority")]),
        ("both", vec![frame(1, END_HEADERS | PRIORITY | PADDED, 1, &both)], vec![format!("head 1 #0 {GET_LINE} priority")]),
        ("continuations", vec![in_three], vec![format!("head 1 #0 {GET_LINE} end")]),
        (
            "a body and trailers",
            vec![
                headers(1, false, GET),
                frame(0, 0, 1, b"hello"),
                frame(0, 0, 1, b""),
                frame(0, PADDED, 1, b"\x02abc\0\0"),
                headers(1, true, &[("t", "1")]),
            ],
            vec![
                format!("head 1 #0 {GET_LINE}"),
                "data 1 5+0".into(),
                "data 1 0+0".into(),
                "data 1 3+3".into(),
                "trailers 1 #1 t=1 end".into(),
            ],
        ),
        (
            "streams that are gone, and not there yet",
            vec![
                headers(3, true, GET),
                headers(3, true, GET),
                headers(1, true, GET),
                headers(4, true, GET),
                frame(0, 0, 9, b"x"),
                frame(3, 0, 11, &[0, 0, 0, 8]),
                frame(8, 0, 13, &[0, 0, 0, 1]),
            ],
            vec![
                format!("head 3 #0 {GET_LINE} end"),
                format!("stray 3 #1 {GET_LINE} end"),
                format!("stray 1 #2 {GET_LINE} end"),
                format!("stray 4 #3 {GET_LINE} end"),
                "data 9 1+0".into(),
                "reset 11 8".into(),
                "window 13 1".into(),
            ],
        ),
        (
            "a reset stream",
            vec![headers(1, false, GET), frame(3, 0, 1, &[0, 0, 0, 8]), frame(0, 0, 1, b"x"), headers(1, true, &[("t", "1")])],
            vec![format!("head 1 #0 {GET_LINE}"), "reset 1 8".into(), "data 1 1+0".into(), "stray 1 #1 t=1 end".into()],
        ),
        (
            "what else there is",
            vec![
                frame(6, 0, 0, &[1; 8]),
                frame(2, 0, 3, &[0; 5]),
                frame(2, 0, 3, &[0; 4]),
                frame(7, 0, 0, &[0, 0, 0, 5, 0, 0, 0, 2, b'x']),
                frame(0xbe, 0xff, 77, b"what"),
                frame(8, 0, 0, &[0x80, 0, 0, 9]),
                frame(8, 0, 0, &[0, 0, 0, 0]),
            ],
            ["ping", "priority 3", "unknown 2 on 3", "goaway 5 2", "unknown 190 on 77", "window 0 9", "window 0 0"]
                .map(String::from)
                .to_vec(),
        ),
        (
            "large frames",
            vec![
                headers(1, false, GET),
                frame(0, PADDED | END_STREAM, 1, &[200; 200_000]),
                frame(0xbe, 0, 0, &[0; 150_000]),
                frame(7, 0, 0, &[0; 70_000]),
            ],
            vec![
                format!("head 1 #0 {GET_LINE}"),
                "data 1 65535+1 first ... 199799 in all end".into(),
                "unknown 190 on 0.. whole".into(),
                "goaway 0 0. whole".into(),
            ],
        ),
    ] {
        assert_eq!(client(name, &frames), lines, "{name}");
    }
}

#[test]
fn what_cannot_be_followed_is_plain_from_there_on() {
    let get = || headers(1, false, GET);
    let half = || frame(1, 0, 1, &block(GET));
    for (name, frames, lost) in [
        ("ping of seven bytes", vec![frame(6, 0, 0, &[0; 7])], "frame-size at 2"),
        ("ping on a stream", vec![frame(6, 0, 1, &[0; 8])], "stream-zero at 2"),
        ("settings of seven bytes", vec![frame(4, 0, 0, &[0; 7])], "frame-size at 2"),
        ("settings on a stream", vec![frame(4, 0, 1, &[])], "stream-zero at 2"),
        ("an acknowledgement with something in it", vec![frame(4, 1, 0, &[0; 6])], "frame-size at 2"),
        ("an acknowledgement of nothing", vec![frame(4, 1, 0, &[])], "unasked-ack at 2"),
        ("reset of five bytes", vec![frame(3, 0, 1, &[0; 5])], "frame-size at 2"),
        ("reset of the connection", vec![frame(3, 0, 0, &[0; 4])], "stream-zero at 2"),
        ("window update of three bytes", vec![frame(8, 0, 0, &[0; 3])], "frame-size at 2"),
        ("goaway of seven bytes", vec![frame(7, 0, 0, &[0; 7])], "frame-size at 2"),
        ("data on the connection", vec![frame(0, 0, 0, b"x")], "stream-zero at 2"),
        ("data that is all padding", vec![get(), frame(0, PADDED, 1, &[3, 0, 0])], "padding at 3"),
        ("data without its padding's length", vec![get(), frame(0, PADDED, 1, &[])], "padding at 3"),
        ("head that is all padding", vec![frame(1, PADDED | END_HEADERS, 1, &[9, 0x82])], "padding at 2"),
        ("head without its priority", vec![frame(1, PRIORITY | END_HEADERS, 1, &[0; 4])], "padding at 2"),
        ("headers on the connection", vec![frame(1, END_HEADERS, 0, &block(GET))], "stream-zero at 2"),
        ("continuation of nothing", vec![frame(9, END_HEADERS, 1, &block(GET))], "continuation at 2"),
        ("ping in a header block", vec![half(), frame(6, 0, 0, &[0; 8])], "continuation at 2"),
        ("continuation on another stream", vec![half(), frame(9, END_HEADERS, 3, &[])], "continuation at 2"),
        ("head in a header block", vec![half(), get()], "continuation at 2"),
        ("a promise of the client", vec![frame(5, END_HEADERS, 1, &[0, 0, 0, 2, 0x82])], "push-from-client at 2"),
        ("a block without end", vec![half(), (0..30).flat_map(|_| frame(9, 0, 1, &[0; 10_000])).collect()], "block-too-large at 2"),
        ("an entry that is not there", vec![frame(1, END_HEADERS, 1, &[0xc5])], "index at 2"),
        ("a string that goes on", vec![get(), frame(1, END_HEADERS, 3, &[0x40, 0x05, b'a'])], "truncated at 3"),
        ("a table that is too large", vec![frame(1, END_HEADERS, 1, &[0x3f, 0xe2, 0x1f])], "table-size at 2"),
        ("ten thousand fields", vec![frame(1, END_HEADERS, 1, &[0x82; 10_000])], "too-many-fields at 2"),
        ("a thousand settings", (0..1024).map(|_| settings(&[])).collect(), "too-many-settings at 1025"),
        ("twenty thousand streams", (0..20_000).map(|i| frame(1, END_HEADERS, 2 * i + 1, &[0x82])).collect(), "too-many-streams at 16386"),
    ] {
        let mut lines = client(name, &frames);
        assert_eq!(lines.pop().unwrap(), "plain", "{name}");
        assert_eq!(lines.pop().unwrap(), format!("lost {lost}"), "{name}");
    }
}

#[test]
fn who_does_not_begin_rightly_speaks_something_else() {
    for (name, bytes, lost) in [
        ("HTTP/1", b"GET / HTTP/1.1\r\n\r\n".to_vec(), "lost preface at 1"),
        ("half a preface", b"PRI * HTTP/2.0\r\n\r\nSX".to_vec(), "lost preface at 1"),
        ("ping first", [faultwire_http2::preface::PREFACE, &frame(6, 0, 0, &[0; 8])].concat(), "lost first-frame at 1"),
        ("acknowledgement first", [faultwire_http2::preface::PREFACE, &frame(4, 1, 0, &[])].concat(), "lost first-frame at 1"),
    ] {
        let [stream, _] = converse_in_every_split(name, &[(ToServer, &bytes)], 4);
        assert!(stream.seen.iter().any(|line| line == lost), "{name}: {:?}", stream.seen);
    }
    let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    let [_, stream] = converse_in_every_split("a server of HTTP/1", &[(ToServer, &hello(&[])), (ToClient, answer)], 4);
    assert_eq!(stream.seen, ["lost first-frame at 1", "plain"]);
}

#[test]
fn answers_and_promises_belong_to_their_streams() {
    let requests = [hello(&[]), headers(1, true, GET), headers(3, true, GET)].concat();
    let promise = [&[0, 0, 0, 2][..], &block(GET)].concat();
    let answers = [
        settings(&[]),
        frame(4, 1, 0, &[]),
        headers(1, false, &[(":status", "103"), ("link", "x")]),
        frame(5, END_HEADERS, 1, &promise),
        headers(1, false, OK),
        frame(0, 0, 1, b"ok"),
        headers(3, true, &[(":status", "204")]),
        headers(2, false, OK),
        frame(0, END_STREAM, 2, b"pushed"),
        headers(1, true, &[("t", "1")]),
        headers(5, true, OK),
        headers(1, true, OK),
    ]
    .concat();
    let [_, stream] = converse_in_every_split("answers", &[(ToServer, &requests), (ToClient, &answers)], 20);
    assert_eq!(
        stream.seen,
        [
            "settings",
            "ack",
            "interim 1 #0 :status=103 link=x",
            &format!("promise 1 #1 {GET_LINE} promised 2"),
            "head 1 #2 :status=200 server=s",
            "data 1 2+0",
            "head 3 #3 :status=204 end",
            "head 2 #4 :status=200 server=s",
            "data 2 6+0 end",
            "trailers 1 #5 t=1 end",
            "stray 5 #6 :status=200 server=s end",
            "stray 1 #7 :status=200 server=s end",
        ]
    );
}

#[test]
fn the_table_may_be_as_large_as_its_receiver_says() {
    // The server takes 8192 bytes: the client may use them once it has heard of it.
    let resize = [&[0x3f, 0xe1, 0x3f][..], &block(GET)].concat();
    let said = [
        (ToServer, hello(&[])),
        (ToClient, settings(&[(1, 8192)])),
        (ToServer, [frame(1, END_HEADERS, 1, &resize), frame(4, 1, 0, &[])].concat()),
        (ToClient, settings(&[(1, 0)])),
        (ToServer, frame(1, END_HEADERS, 3, &resize)),
        (ToServer, [frame(4, 1, 0, &[]), frame(1, END_HEADERS, 5, &resize)].concat()),
    ];
    let said: Vec<_> = said.iter().map(|(way, bytes)| (*way, &bytes[..])).collect();
    let [stream, _] = converse_in_every_split("table", &said, 8);
    assert_eq!(stream.seen.last().unwrap(), "plain");
    assert_eq!(stream.lost.unwrap().reason.word(), "table-size");
    assert_eq!(stream.seen.iter().filter(|line| line.contains("sizes")).count(), 2, "{:?}", stream.seen);
}
