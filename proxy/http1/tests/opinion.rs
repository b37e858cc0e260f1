//! A second opinion: what passes here as so many messages is so many messages to hyper, with the same methods and bodies, if it takes them
//! at all; and httparse finds the same fields in each head.

use crate::{
    harness::Peer,
    smuggling::{CASES, Verdict},
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Methods and bodies as hyper's server hands them out.
async fn hyper_sees(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (mut client, server) = tokio::io::duplex(1 << 20);
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let seen = seen.clone();
        async move {
            let method = request.method().to_string();
            // A body that breaks is no message.
            if let Ok(body) = request.into_body().collect().await {
                seen.lock().unwrap().push((method, body.to_bytes().to_vec()));
            }
            Ok::<_, Infallible>(Response::builder().status(404).body(Full::new(Bytes::new())).expect("a legal answer"))
        }
    });
    let serve = hyper::server::conn::http1::Builder::new().half_close(true).serve_connection(TokioIo::new(server), service);
    // It ends in an error where hyper refuses.
    let mut answers = Vec::new();
    let _ = tokio::join!(serve, client.read_to_end(&mut answers));
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[tokio::test]
async fn hyper_cuts_what_passes_in_the_same_way() {
    let mut same = 0;
    for (name, bytes, verdict) in CASES {
        let Verdict::Passes(count) = verdict else { continue };
        let mut peer = Peer::new();
        peer.client_sends(bytes.as_bytes());
        assert_eq!(peer.conversation.to_server.count("head"), *count, "{name}");
        // Both are answered alike, so that nothing stays undecided.
        while peer.http.outstanding() > 0 {
            peer.server_sends(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
        let ours = peer.end();
        let bodies = ours.to_server.bodies();
        let complete = ours.to_server.count("end");
        let hyper = hyper_sees(bytes.as_bytes()).await;
        assert!(hyper.len() <= complete, "{name}: hyper sees more: {hyper:?}");
        for (ours, (_, theirs)) in bodies.iter().zip(&hyper) {
            assert_eq!(ours, theirs, "{name}");
        }
        same += usize::from(hyper.len() == complete);
    }
    let passing = CASES.iter().filter(|(.., verdict)| matches!(verdict, Verdict::Passes(_))).count();
    println!("{same} of {passing} alike; in the others hyper refused");
    assert!(same * 4 > passing * 3, "{same} of {passing}");
}

#[test]
fn httparse_finds_the_same_fields() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut heads = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".http") || name.ends_with(".answers.http") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let mut buffer = bytes::BytesMut::from(&bytes[..]);
        let mut http = faultwire_http1::Http1::default();
        while let Ok(Some(cut)) = http.request(&mut buffer) {
            let faultwire_http1::Cut::Head(head) = cut else { continue };
            let mut room = [httparse::EMPTY_HEADER; 1024];
            let mut parsed = httparse::Request::new(&mut room);
            // It wants targets in UTF-8; that is all it may object to.
            if std::str::from_utf8(head.target()).is_err() {
                continue;
            }
            assert_eq!(parsed.parse(&head.fields.raw), Ok(httparse::Status::Complete(head.fields.raw.len())), "{name}");
            assert_eq!((parsed.method.unwrap(), parsed.path.unwrap().as_bytes()), (head.method(), head.target()), "{name}");
            let ours: Vec<(&[u8], &[u8])> = head.fields.iter().map(|header| (header.name, header.value)).collect();
            let theirs: Vec<(&[u8], &[u8])> = parsed.headers.iter().map(|header| (header.name.as_bytes(), header.value)).collect();
            assert_eq!(ours, theirs, "{name}");
            heads += 1;
        }
    }
    assert!(heads > 30, "{heads} heads");
}
