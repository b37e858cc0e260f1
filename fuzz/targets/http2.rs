//! Any bytes as both sides of an HTTP/2 connection: no panic, no byte changed or lost, what passes as it came is what came, and the same
//! cuts however they arrive; and no panic in what is written of them once every other stream is reset, answered or held back here.
//! An input is a size of reads, two bytes that say how long the client's side is, the client's side without its preface, the server's side.

#![no_main]

use bytes::BytesMut;
use faultwire_http2::{Cut, Http2, Way, preface::PREFACE};
use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../proxy/http2/tests/harness.rs"]
mod harness;

fuzz_target!(|bytes: &[u8]| {
    let [size, low, high, both @ ..] = bytes else { return };
    let length = usize::from(u16::from_le_bytes([*low, *high])).min(both.len());
    let (client, server) = both.split_at(length);
    let client = [PREFACE, client].concat();
    let said: [(Way, &[u8]); 2] = [(Way::ToServer, &client), (Way::ToClient, server)];
    let whole = harness::converse(&said, || usize::MAX);
    let mut chance = harness::Chance(u64::from(*size));
    let split = harness::converse(&said, || 1 + chance.below(1 + usize::from(*size)));
    assert_eq!(whole, split);
    meddle(&said);
});

/// Does to every stream what its number says.
fn meddle(said: &[(Way, &[u8])]) {
    let mut http = Http2::default();
    for (way, bytes) in said {
        let mut buffer = BytesMut::from(*bytes);
        let mut held = Vec::new();
        while let Some(cut) = http.cut(*way, &mut buffer) {
            match &cut {
                Cut::Head(head) | Cut::Trailers(head) if head.stream % 16 == 3 => {
                    http.withhold(*way);
                    http.reset(head.stream, 8, 2);
                }
                Cut::Head(head) if head.stream % 16 == 5 => {
                    http.cut_off(head.stream, 8);
                    http.withhold(*way);
                    http.put_in(Way::ToClient, head.stream, &head.fields.list(), false);
                    let mut body = bytes::Bytes::from_static(&[0; 100]);
                    http.data(Way::ToClient, head.stream, &mut body, true);
                }
                Cut::Head(head) if head.stream % 16 == 7 => held.push(head.clone()),
                Cut::Head(head) if head.stream % 16 == 9 => {
                    http.head(*way, head, Some(&head.fields.list()), head.end);
                }
                Cut::Data(data) if data.stream % 16 == 9 && !http.is_inside(*way) => {
                    http.take(*way, data);
                    let mut content = data.bytes.clone();
                    http.data(*way, data.stream, &mut content, data.end);
                    http.lend(*way, data.stream);
                    http.data(*way, data.stream, &mut content, data.end);
                }
                _ => {
                    http.pass(*way, &cut);
                }
            }
            http.credits(way.other());
            if let Cut::GoAway { last, .. } = cut {
                http.abandoned(last);
            }
        }
        for head in held {
            http.head(*way, &head, None, head.end);
        }
    }
}
