//! Requests that recipients cut differently, by name, and what becomes of each: passed on as so many messages, or refused with a reason.
//! The ideas are those of RFC 9112 (11.1, 11.2), of the published smuggling research and of the tests of common parsers.

use crate::harness::converse_in_every_split;
use faultwire_http1::{
    Reason::{self, *},
    reason::REASONS,
};
use std::collections::HashSet;

pub enum Verdict {
    Passes(usize),
    Refused(Reason),
}
use Verdict::{Passes, Refused};

/// A head with a host field already.
macro_rules! post {
    ($($part:expr),+) => { concat!("POST /a HTTP/1.1\r\nHost: a\r\n", $($part),+) };
}
macro_rules! chunked {
    ($($part:expr),+) => { post!("Transfer-Encoding: chunked\r\n\r\n", $($part),+) };
}
const NEXT: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

pub const CASES: &[(&str, &str, Verdict)] = &[
    // Content-length against transfer-encoding.
    ("CL.TE", post!("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"), Refused(LengthAndCoding)),
    ("TE.CL", post!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST"), Refused(LengthAndCoding)),
    ("CL.0 in words", post!("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), Refused(LengthAndCoding)),
    ("CL.TE in other letters", post!("content-length: 6\r\ntransfer-ENCODING: cHuNkEd\r\n\r\n0\r\n\r\nG"), Refused(LengthAndCoding)),
    (
        "CL.TE with far fields between",
        post!("Content-Length: 6\r\nA: 1\r\nB: 2\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Refused(LengthAndCoding),
    ),
    ("CL and unreadable TE", post!("Content-Length: 6\r\nTransfer-Encoding: xchunked\r\n\r\nabcdef"), Refused(Coding)),
    // Obfuscated transfer-encoding.
    ("TE xchunked", post!("Transfer-Encoding: xchunked\r\n\r\n"), Refused(Coding)),
    ("TE chunkedx", post!("Transfer-Encoding: chunkedx\r\n\r\n"), Refused(Coding)),
    ("TE with parameter", post!("Transfer-Encoding: chunked;\r\n\r\n"), Refused(Coding)),
    ("TE with q", post!("Transfer-Encoding: chunked;q=1\r\n\r\n"), Refused(Coding)),
    ("TE quoted", post!("Transfer-Encoding: \"chunked\"\r\n\r\n"), Refused(Coding)),
    ("TE in single quotes", post!("Transfer-Encoding: 'chunked'\r\n\r\n"), Refused(Coding)),
    ("TE empty", post!("Transfer-Encoding:\r\n\r\n"), Refused(Coding)),
    ("TE identity", post!("Transfer-Encoding: identity\r\n\r\n"), Refused(Coding)),
    ("TE gzip alone", post!("Transfer-Encoding: gzip\r\n\r\n"), Refused(Coding)),
    ("TE chunked, then another", post!("Transfer-Encoding: chunked, identity\r\n\r\n"), Refused(Coding)),
    ("TE chunked, gzip", post!("Transfer-Encoding: chunked, gzip\r\n\r\n"), Refused(Coding)),
    ("TE gzip, chunked", post!("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), Refused(CodingList)),
    ("TE identity, chunked", post!("Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"), Refused(CodingList)),
    ("TE chunked twice in a list", post!("Transfer-Encoding: chunked, chunked\r\n\r\n"), Refused(Coding)),
    ("TE twice", post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), Refused(Coding)),
    ("TE twice, the second unknown", post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"), Refused(Coding)),
    ("TE twice, the first unknown", post!("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n"), Refused(Coding)),
    ("TE with an empty member", post!("Transfer-Encoding: ,chunked\r\n\r\n"), Refused(Coding)),
    ("TE with a comma behind", post!("Transfer-Encoding: chunked,\r\n\r\n"), Refused(Coding)),
    ("TE in two words", post!("Transfer-Encoding: chu nked\r\n\r\n"), Refused(Coding)),
    ("TE behind a tab", post!("Transfer-Encoding:\tchunked\r\n\r\n"), Refused(Coding)),
    ("TE before a tab", post!("Transfer-Encoding: chunked\t\r\n\r\n"), Refused(Coding)),
    ("TE behind a vertical tab", post!("Transfer-Encoding: \x0bchunked\r\n\r\n"), Refused(Control)),
    ("TE before a form feed", post!("Transfer-Encoding: chunked\x0c\r\n\r\n"), Refused(Control)),
    ("TE before NUL", post!("Transfer-Encoding: chunked\0\r\n\r\n"), Refused(Nul)),
    ("TE behind an obs-text space", post!("Transfer-Encoding: \u{a0}chunked\r\n\r\n"), Refused(Coding)),
    ("TE with a sharp letter", post!("Transfer-Encoding: chun\u{212a}ed\r\n\r\n"), Refused(Coding)),
    ("TE with space before the colon", post!("Transfer-Encoding : chunked\r\n\r\n"), Refused(SpaceBeforeColon)),
    ("TE with tab before the colon", post!("Transfer-Encoding\t: chunked\r\n\r\n"), Refused(SpaceBeforeColon)),
    ("TE with space in the name", post!("Transfer Encoding: chunked\r\n\r\n"), Refused(Name)),
    ("TE with NUL in the name", post!("Transfer-Encoding\0: chunked\r\n\r\n"), Refused(Nul)),
    ("TE with control in the name", post!("Transfer\x08-Encoding: chunked\r\n\r\n"), Refused(Name)),
    ("TE behind a bare CR", post!("Foo: bar\rTransfer-Encoding: chunked\r\n\r\n"), Refused(BareCr)),
    ("TE behind a bare LF", post!("Foo: bar\nTransfer-Encoding: chunked\r\n\r\n"), Refused(BareLf)),
    ("TE behind CR CR LF", post!("Foo: bar\r\r\nTransfer-Encoding: chunked\r\n\r\n"), Refused(BareCr)),
    ("TE folded", post!("Transfer-Encoding:\r\n chunked\r\n\r\n"), Refused(Coding)),
    ("TE folded behind", post!("Transfer-Encoding: chunked\r\n , identity\r\n\r\n"), Refused(Fold)),
    ("TE in the fold of another", post!("Foo: bar\r\n Transfer-Encoding: chunked\r\n\r\n"), Refused(Fold)),
    ("TE in HTTP/1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(CodingInHttp10)),
    ("TE with underscore is another field", post!("Transfer_Encoding: chunked\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"), Passes(2)),
    ("TE in other letters", post!("tRANSFER-eNCODING:   cHUNKED  \r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), Passes(2)),
    // Content-length.
    ("CL differ", post!("Content-Length: 8\r\nContent-Length: 7\r\n\r\n12345678"), Refused(LengthsDiffer)),
    ("CL alike, another written", post!("Content-Length: 7\r\nContent-Length: 07\r\n\r\n1234567"), Refused(LengthsDiffer)),
    ("CL alike", post!("Content-Length: 7\r\nContent-Length: 7\r\n\r\n1234567", "GET / HTTP/1.1\r\n\r\n"), Passes(2)),
    ("CL list", post!("Content-Length: 7, 7\r\n\r\n1234567"), Refused(LengthSyntax)),
    ("CL list of two", post!("Content-Length: 7, 8\r\n\r\n1234567"), Refused(LengthSyntax)),
    ("CL plus", post!("Content-Length: +7\r\n\r\n1234567"), Refused(LengthSyntax)),
    ("CL minus", post!("Content-Length: -7\r\n\r\n1234567"), Refused(LengthSyntax)),
    ("CL minus nothing", post!("Content-Length: -0\r\n\r\n"), Refused(LengthSyntax)),
    ("CL hex", post!("Content-Length: 0x7\r\n\r\n1234567"), Refused(LengthSyntax)),
    ("CL with letters behind", post!("Content-Length: 7a\r\n\r\n1234567"), Refused(LengthSyntax)),
    ("CL with a point", post!("Content-Length: 7.0\r\n\r\n1234567"), Refused(LengthSyntax)),
    ("CL with an exponent", post!("Content-Length: 1e1\r\n\r\n1234567890"), Refused(LengthSyntax)),
    ("CL with underscore", post!("Content-Length: 1_0\r\n\r\n1234567890"), Refused(LengthSyntax)),
    ("CL in two words", post!("Content-Length: 1 0\r\n\r\n1234567890"), Refused(LengthSyntax)),
    ("CL empty", post!("Content-Length:\r\n\r\n"), Refused(LengthSyntax)),
    ("CL behind a tab", post!("Content-Length:\t7\r\n\r\n1234567"), Refused(LengthSyntax)),
    ("CL of other digits", post!("Content-Length: \u{0667}\r\n\r\n1234567"), Refused(LengthSyntax)),
    ("CL of 2^63", post!("Content-Length: 9223372036854775808\r\n\r\n"), Refused(LengthOverflow)),
    ("CL of 2^64 + 5", post!("Content-Length: 18446744073709551621\r\n\r\nhello"), Refused(LengthOverflow)),
    ("CL with zeros before", post!("Content-Length: 0000000000000000000000007\r\n\r\n1234567", "GET / HTTP/1.1\r\n\r\n"), Passes(2)),
    ("CL with space before the colon", post!("Content-Length : 7\r\n\r\n1234567"), Refused(SpaceBeforeColon)),
    ("CL folded", post!("Content-Length: 7\r\n 0\r\n\r\n1234567"), Refused(Fold)),
    ("CL with space before the name", "POST /a HTTP/1.1\r\n Content-Length: 7\r\nHost: a\r\n\r\n1234567", Refused(SpaceFirst)),
    ("CL with tab before the name", "POST /a HTTP/1.1\r\n\tContent-Length: 7\r\nHost: a\r\n\r\n1234567", Refused(SpaceFirst)),
    ("CL on GET is a body", "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", Passes(1)),
    ("no CL is no body", "POST /a HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n", Passes(2)),
    ("CL named as hop by hop", post!("Connection: Content-Length\r\nContent-Length: 7\r\n\r\n1234567GET / HTTP/1.1\r\n\r\n"), Passes(2)),
    // Chunks.
    ("chunk without size", chunked!("\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk of letters", chunked!("zz\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk 0x", chunked!("0x3\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk plus", chunked!("+3\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk minus", chunked!("-3\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk behind a space", chunked!(" 3\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk before a space", chunked!("3 \r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk before a tab", chunked!("3\t\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk in two words", chunked!("3 3\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk with underscore", chunked!("0_3\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk with a comma", chunked!("3,3\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk of 2^63", chunked!("8000000000000000\r\n"), Refused(ChunkOverflow)),
    ("chunk of 2^64 + 3", chunked!("10000000000000003\r\nabc\r\n0\r\n\r\n"), Refused(ChunkOverflow)),
    ("chunk of 2^32 + 3 is long", chunked!("100000003\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), Passes(1)),
    ("chunk with LF behind its size", chunked!("3\nabc\r\n0\r\n\r\n"), Refused(BareLf)),
    ("chunk with CR behind its size", chunked!("3\rabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("chunk with CR CR LF behind its size", chunked!("3\r\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("TERM.EXT: LF in an extension", chunked!("3;\nxx\r\nabc\r\n0\r\n\r\n"), Refused(BareLf)),
    ("EXT.TERM: CR in an extension", chunked!("3;a\rb\r\nabc\r\n0\r\n\r\n"), Refused(BareCr)),
    ("NUL in an extension", chunked!("3;a\0\r\nabc\r\n0\r\n\r\n"), Refused(ChunkSize)),
    ("extension without name", chunked!("3;\r\nabc\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"), Passes(2)),
    ("extension in quotes", chunked!("3;a=\"0\\r\\n\"\r\nabc\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"), Passes(2)),
    ("chunk ends early", chunked!("5\r\nabc\r\n0\r\n\r\n"), Refused(ChunkEnd)),
    ("chunk ends late", chunked!("2\r\nabc\r\n0\r\n\r\n"), Refused(ChunkEnd)),
    ("chunk ends in LF", chunked!("3\r\nabc\n0\r\n\r\n"), Refused(ChunkEnd)),
    ("chunk ends in CR", chunked!("3\r\nabc\r0\r\n\r\n"), Refused(ChunkEnd)),
    ("chunk ends in two other bytes", chunked!("3\r\nabcXX0\r\n\r\n"), Refused(ChunkEnd)),
    ("last chunk with LF", chunked!("0\n\n"), Refused(BareLf)),
    ("last chunk with LF behind", chunked!("0\r\n\n"), Refused(BareLf)),
    ("last chunk with CR X behind", chunked!("0\r\n\rX\r\n\r\n"), Refused(BareCr)),
    ("last chunk of many zeros", chunked!("0000000000000000000000\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"), Passes(2)),
    ("last chunk with two bytes that are no line", chunked!("0\r\nXX", "GET / HTTP/1.1\r\n\r\n"), Refused(NoColon)),
    // Trailers.
    ("CL in the trailers", chunked!("0\r\nContent-Length: 7\r\n\r\n"), Refused(FramingTrailer)),
    ("TE in the trailers", chunked!("0\r\nTransfer-Encoding: chunked\r\n\r\n"), Refused(FramingTrailer)),
    ("request in the trailers", chunked!("0\r\n", "GET /smuggled HTTP/1.1\r\n\r\n"), Refused(NoColon)),
    ("request with port in the trailers", chunked!("0\r\nGET http://a:1/ HTTP/1.1\r\n\r\n"), Refused(Name)),
    ("LF in the trailers", chunked!("0\r\nA: b\n\r\n\r\n"), Refused(BareLf)),
    ("CR in the trailers", chunked!("0\r\nA: b\rGET / HTTP/1.1\r\n\r\n"), Refused(BareCr)),
    ("fold in the trailers", chunked!("0\r\nA: b\r\n c\r\n\r\n"), Refused(Fold)),
    ("host in the trailers", chunked!("0\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"), Passes(2)),
    // Lines.
    ("LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", Refused(BareLf)),
    ("LF everywhere", "GET / HTTP/1.1\nHost: a\n\n", Refused(BareLf)),
    ("LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", Refused(BareLf)),
    ("LF before the request", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Refused(BareLf)),
    ("CR before the request", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", Refused(BareCr)),
    ("CR in the request line", "GET /\rX HTTP/1.1\r\nHost: a\r\n\r\n", Refused(BareCr)),
    ("CR in the method", "GE\rT / HTTP/1.1\r\nHost: a\r\n\r\n", Refused(BareCr)),
    ("CR as an empty line", "GET / HTTP/1.1\r\nHost: a\r\r\nX: \r\n\r\n", Refused(BareCr)),
    ("CR at the beginning of a line", "GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n", Refused(BareCr)),
    ("CR LF before the request", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Passes(1)),
    ("NUL in a value", "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", Refused(Nul)),
    ("NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", Refused(Nul)),
    ("DEL in a value", "GET / HTTP/1.1\r\nHost: a\x7fb\r\n\r\n", Refused(Control)),
    ("escape in the target", "GET /\x1b HTTP/1.1\r\nHost: a\r\n\r\n", Refused(Target)),
    ("line without colon", "GET / HTTP/1.1\r\nHost a\r\n\r\n", Refused(NoColon)),
    ("name alone", "GET / HTTP/1.1\r\nHost\r\n\r\n", Refused(NoColon)),
    ("name of nothing", "GET / HTTP/1.1\r\n: a\r\n\r\n", Refused(Name)),
    ("name in brackets", "GET / HTTP/1.1\r\n[Host]: a\r\n\r\n", Refused(Name)),
    ("name of obs-text", "GET / HTTP/1.1\r\nH\u{f6}st: a\r\n\r\n", Refused(Name)),
    ("space alone in a line", "GET / HTTP/1.1\r\nHost: a\r\n \r\nGET / HTTP/1.1\r\n\r\n", Refused(Fold)),
    // Request lines.
    ("HTTP/0.9", "GET /\r\n\r\n", Refused(RequestLine)),
    ("three spaces", "GET  / HTTP/1.1\r\n\r\n", Refused(RequestLine)),
    ("two spaces before the version", "GET /  HTTP/1.1\r\n\r\n", Refused(RequestLine)),
    ("space in the target", "GET /a b HTTP/1.1\r\n\r\n", Refused(RequestLine)),
    ("request line in the target", "GET / HTTP/1.1 HTTP/1.1\r\n\r\n", Refused(RequestLine)),
    ("tab instead of space", "GET\t/\tHTTP/1.1\r\n\r\n", Refused(RequestLine)),
    ("space before the method", " GET / HTTP/1.1\r\n\r\n", Refused(RequestLine)),
    ("space behind the version", "GET / HTTP/1.1 \r\n\r\n", Refused(RequestLine)),
    ("no target", "GET  HTTP/1.1\r\n\r\n", Refused(RequestLine)),
    ("version in small letters", "GET / http/1.1\r\n\r\n", Refused(RequestLine)),
    ("version with more digits", "GET / HTTP/1.10\r\n\r\n", Refused(RequestLine)),
    ("version without point", "GET / HTTP/11\r\n\r\n", Refused(RequestLine)),
    ("version 1.2", "GET / HTTP/1.2\r\n\r\n", Refused(Version)),
    ("version 2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused(Version)),
    ("version 0.9", "GET / HTTP/0.9\r\n\r\n", Refused(Version)),
    ("head in small letters", "head / HTTP/1.1\r\nHost: a\r\n\r\n", Refused(MethodCase)),
    ("Connect in mixed letters", "Connect a:1 HTTP/1.1\r\nHost: a\r\n\r\n", Refused(MethodCase)),
    ("get in small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", Passes(1)),
    ("CONNECT with a body", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\n\r\nabc", Refused(ConnectBody)),
    ("CONNECT with chunks", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(ConnectBody)),
    ("request behind an undecided CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nGET / HTTP/1.1\r\n\r\n", Passes(1)),
    (
        "request behind an undecided upgrade",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        Passes(1),
    ),
    ("upgrade that was not meant", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\nGET / HTTP/1.1\r\n\r\n", Passes(2)),
    ("request behind the last", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n", Passes(1)),
    ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Passes(1)),
    ("no host", "GET / HTTP/1.1\r\n\r\n", Passes(1)),
    ("authority against host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", Passes(1)),
    ("TLS", "\x16\x03\x01\x02\0\x01", Refused(NotHttp)),
    ("binary behind letters", "AMQP\0\0\x09\x01", Refused(NotHttp)),
    ("a method without end", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ", Refused(RequestLine)),
];

#[test]
fn every_case_has_its_verdict_in_every_split() {
    let mut wrong = Vec::new();
    for (name, bytes, verdict) in CASES {
        let conversation = converse_in_every_split(name, bytes.as_bytes(), b"", 25);
        let seen = (conversation.to_server.count("head"), conversation.to_server.refused.map(|(reason, _)| reason));
        let right = match verdict {
            Passes(count) => seen == (*count, None),
            // One flaw is found before anything is forwarded of a head; a body may have begun.
            Refused(reason) => seen.1 == Some(*reason),
        };
        if !right {
            wrong.push(format!("{name}: {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}

#[test]
fn a_refused_head_never_leaves() {
    for (name, bytes, verdict) in CASES {
        let Refused(reason) = verdict else { continue };
        let of_body = matches!(reason, ChunkSize | ChunkOverflow | ChunkEnd | FramingTrailer) || bytes.starts_with(chunked!(""));
        let conversation = converse_in_every_split(name, bytes.as_bytes(), b"", 3);
        assert_eq!(conversation.to_server.count("head"), usize::from(of_body), "{name}");
    }
}

/// What follows a refusal is never taken for a request.
#[test]
fn nothing_is_cut_behind_a_refusal() {
    for (name, bytes, verdict) in CASES {
        let Refused(_) = verdict else { continue };
        let more = format!("{bytes}{NEXT}");
        let conversation = converse_in_every_split(name, more.as_bytes(), b"", 3);
        assert!(conversation.to_server.refused.is_some(), "{name}");
        assert!(conversation.to_server.count("head") < 2 && conversation.to_server.left.ends_with(NEXT.as_bytes()), "{name}");
    }
}

#[test]
fn every_reason_for_a_refusal_has_a_case() {
    let bounds = [TargetTooLong, HeadTooLarge, TooManyFields, TrailersTooLarge, ChunkLine];
    let of_responses = [StatusLine, Unsolicited, UnaskedSwitch];
    let proven: HashSet<Reason> = CASES.iter().filter_map(|(.., v)| if let Refused(reason) = v { Some(*reason) } else { None }).collect();
    for row in REASONS {
        let elsewhere = bounds.contains(&row.reason) || of_responses.contains(&row.reason);
        assert!(proven.contains(&row.reason) != elsewhere, "{}", row.word);
    }
    let names: HashSet<&str> = CASES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names.len(), CASES.len());
}

/// `REFUSALS.md` is written from the table and the cases: `UPDATE=1` writes it anew.
#[test]
fn the_reasons_are_written_down() {
    let mut text = String::from(
        "# What is not forwarded, and why\n\n\
         Written by the tests from the table in `src/reason.rs`; do not edit it. A request with one of these flaws is answered here with the\n\
         status, and the connection is closed: recipients would cut it differently, or cannot read it at all. In a response nothing is refused: a flaw\n\
         makes the conversation plain bytes, which pass as they are.\n\n\
         | reason | status | why | standard | examples in the tests |\n| --- | --- | --- | --- | --- |\n",
    );
    for row in REASONS {
        let examples: Vec<&str> = CASES
            .iter()
            .filter(|(.., verdict)| matches!(verdict, Refused(reason) if *reason == row.reason))
            .map(|(name, ..)| *name)
            .take(4)
            .collect();
        let status =
            if matches!(row.reason, StatusLine | Unsolicited | UnaskedSwitch) { "responses only" } else { &row.status.to_string() };
        text.push_str(&format!("| `{}` | {status} | {} | {} | {} |\n", row.word, row.about, row.rfc, examples.join("; ")));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/REFUSALS.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), text, "UPDATE=1 writes it anew");
}
