//! What faults do to frames of HTTP/2, before a client and a server that others have written, on real sockets.

use crate::{
    harness::{Running, connect, eventually, world},
    upstream::Upstream,
};
use bytes::Bytes;
use h2::{Reason, RecvStream, client::SendRequest};
use http::{HeaderMap, Request, Response};
use rustix::process::Signal;
use serde_json::json;
use std::{
    future::Future,
    io::{Read, Write},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::Semaphore,
    task::JoinHandle,
};

const LIMIT: Duration = Duration::from_secs(20);

/// A server that writes down what it is asked, and goes on when it may.
struct Web {
    runtime: Runtime,
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    /// So many answers to `/slow` may be finished.
    may_finish: Arc<Semaphore>,
}

/// What a client has heard of one request.
#[derive(Debug)]
struct Heard {
    head: Response<()>,
    body: Result<Vec<u8>, h2::Error>,
    trailers: Option<HeaderMap>,
}

/// A connection of a client; and how it ends.
struct Client {
    asks: SendRequest<Bytes>,
    ends: JoinHandle<Result<(), h2::Error>>,
}

impl Web {
    fn start() -> Web {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, may_finish) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(Semaphore::new(0)));
        let (own, finish, handle) = (asked.clone(), may_finish.clone(), runtime.handle().clone());
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (asked, finish, inner) = (own.clone(), finish.clone(), handle.clone());
                handle.spawn(async move {
                    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        inner.spawn(answer(request, respond, asked.clone(), finish.clone()));
                    }
                });
            }
        });
        Web { runtime, address, asked, may_finish }
    }

    /// Before a proxy that carries this.
    fn behind(&self, scheme: &str) -> Running {
        world().link("web", json!(format!("127.0.0.1:0 -> {scheme}{}", self.address))).start()
    }

    /// Nothing that a test waits for takes longer.
    fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(LIMIT, what).await.expect("it hangs") })
    }

    fn client(&self, to: SocketAddr) -> Client {
        let (asks, connection) = self.wait(async { h2::client::handshake(TcpStream::connect(to).await.unwrap()).await.unwrap() });
        Client { asks, ends: self.runtime.spawn(connection) }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    asked: Arc<Mutex<Vec<String>>>,
    finish: Arc<Semaphore>,
) {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let (body, _) = read(body).await;
    let Ok(body) = body else { return };
    asked.lock().unwrap().push(format!("{} {path} {}", parts.method, String::from_utf8_lossy(&body)).trim_end().to_owned());
    let kind = parts.headers.get("content-type").cloned().unwrap_or_else(|| "text/plain".parse().unwrap());
    let is_call = kind.as_bytes().starts_with(b"application/grpc");
    let Ok(mut send) = respond.send_response(Response::builder().header("content-type", kind).body(()).unwrap(), false) else { return };
    if is_call {
        // One message, and how it went. Whoever has been cut off does not hear it.
        send.send_data(Bytes::from_static(b"\0\0\0\0\x02ok"), false).ok();
        send.send_trailers(HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())])).ok();
        return;
    }
    if path.starts_with("/slow") {
        send.send_data(Bytes::from_static(b"slow "), false).ok();
        finish.acquire().await.unwrap().forget();
    }
    send.send_data(Bytes::from_static(b"ok"), true).ok();
}

async fn read(mut from: RecvStream) -> (Result<Vec<u8>, h2::Error>, Option<HeaderMap>) {
    let mut body = Vec::new();
    while let Some(data) = from.data().await {
        match data {
            Ok(data) => {
                from.flow_control().release_capacity(data.len()).unwrap();
                body.extend_from_slice(&data);
            }
            Err(error) => return (Err(error), None),
        }
    }
    match from.trailers().await {
        Ok(trailers) => (Ok(body), trailers),
        Err(error) => (Err(error), None),
    }
}

impl Client {
    /// Sends a request; the answer to it is still to be waited for.
    fn sends(&mut self, request: Request<()>, body: &'static [u8]) -> h2::client::ResponseFuture {
        let (answer, mut send) = self.asks.send_request(request, body.is_empty()).expect("the connection lives");
        if !body.is_empty() {
            send.send_data(Bytes::from_static(body), true).unwrap();
        }
        answer
    }

    fn get(&mut self, path: &str) -> h2::client::ResponseFuture {
        self.sends(Request::get(format!("http://web{path}")).body(()).unwrap(), b"")
    }

    /// A call of gRPC, with one message.
    fn call(&mut self) -> h2::client::ResponseFuture {
        let request = Request::post("http://web/shop.Inventory/Get").header("content-type", "application/grpc").header("te", "trailers");
        self.sends(request.body(()).unwrap(), b"\0\0\0\0\x03ask")
    }
}

async fn heard(answer: h2::client::ResponseFuture) -> Result<Heard, h2::Error> {
    let (parts, body) = answer.await?.into_parts();
    let (body, trailers) = read(body).await;
    Ok(Heard { head: Response::from_parts(parts, ()), body, trailers })
}

impl Heard {
    fn text(&self) -> String {
        String::from_utf8_lossy(self.body.as_ref().unwrap()).into_owned()
    }
}

#[test]
fn a_stream_is_reset_with_the_code_that_is_named() {
    let web = Web::start();
    let faultwire = web.behind("http://");
    faultwire.put("refused", json!({"proxy": "web", "match": "GET /a", "reset": "REFUSED_STREAM"}));
    let mut client = web.client(faultwire.port("web"));
    let slow = client.get("/slow");
    for _ in 0..3 {
        let error = web.wait(heard(client.get("/a"))).unwrap_err();
        assert!(error.is_remote() && error.is_reset(), "{error:?}");
        assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM));
        assert_eq!(web.wait(heard(client.get("/b"))).unwrap().text(), "ok", "others live");
    }
    web.may_finish.add_permits(1);
    assert_eq!(web.wait(heard(slow)).unwrap().text(), "slow ok");
    assert_eq!((web.asked(), faultwire.hits("refused")), (["GET /slow", "GET /b", "GET /b", "GET /b"].map(str::to_owned).to_vec(), 3));

    // HTTP/1 has no codes, and neither has a connection.
    let mut one = connect(faultwire.port("web"));
    one.write_all(b"GET /a HTTP/1.1\r\nhost: web\r\n\r\n").unwrap();
    assert_eq!(one.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    faultwire.heal_all();
    faultwire.put("cut", json!({"proxy": "web", "reset": "REFUSED_STREAM", "per": "connection"}));
    let error = web.wait(client.ends).unwrap().unwrap_err();
    assert_eq!(error.get_io().unwrap().kind(), std::io::ErrorKind::ConnectionReset, "{error:?}");
    eventually("it is told", || faultwire.hits("cut") == 1);
}

#[test]
fn a_call_ends_without_saying_how() {
    let web = Web::start();
    let faultwire = web.behind("grpc://");
    faultwire.put("no-status", json!({"proxy": "web", "match": "shop.Inventory/Get", "trailers": {"grpc-status": null}, "times": 1}));
    let mut client = web.client(faultwire.port("web"));
    for (hit, status) in [(true, None), (false, Some("0"))] {
        let heard = web.wait(heard(client.call())).unwrap();
        assert_eq!((heard.head.status().as_u16(), heard.text().as_str()), (200, "\0\0\0\0\u{2}ok"));
        let trailers = heard.trailers.unwrap();
        assert_eq!(trailers.get("grpc-status").map(|status| status.to_str().unwrap()), status);
        assert_eq!(trailers.contains_key("x-faultwire-fault"), hit);
    }
    assert_eq!(faultwire.hits("no-status"), 1);
}

#[test]
fn answers_that_are_none_are_told_apart_by_a_client() {
    let web = Web::start();
    for (scheme, word, ends, reason) in [
        // These are errors of the stream, and this client makes more of them.
        ("http://", "status_line", true, Some(Reason::PROTOCOL_ERROR)),
        ("http://", "header", true, Some(Reason::PROTOCOL_ERROR)),
        ("http://", "chunk", true, Some(Reason::PROTOCOL_ERROR)),
        ("http://", "frame", true, Some(Reason::PROTOCOL_ERROR)),
        ("http://", "garbage", true, Some(Reason::FRAME_SIZE_ERROR)),
        ("grpc://", "garbage", true, Some(Reason::FRAME_SIZE_ERROR)),
        ("grpc://", "frame", false, None),
    ] {
        let faultwire = web.behind(scheme);
        faultwire.put("broken", json!({"proxy": "web", "malformed": word, "times": 1}));
        let mut client = web.client(faultwire.port("web"));
        let heard_first = if scheme == "grpc://" { web.wait(heard(client.call())) } else { web.wait(heard(client.get("/a"))) };
        match (heard_first, reason) {
            // What frames HTTP/2 is well; the message is shorter than it says.
            (Ok(call), None) => {
                assert_eq!(call.text(), "\0\0\0\0\u{40}oops");
                assert_eq!(call.trailers.unwrap()["grpc-status"], "0");
            }
            (Ok(heard), Some(reason)) => {
                let error = heard.body.expect_err("an answer");
                assert_eq!((error.reason(), error.is_remote()), (Some(reason), false), "{word}: {error:?}");
            }
            (Err(error), reason) => assert_eq!((error.reason(), error.is_remote()), (reason, false), "{word}: {error:?}"),
        }
        if ends {
            let end = web.wait(&mut client.ends).unwrap();
            assert_eq!(end.as_ref().err().and_then(h2::Error::reason), reason, "{word}: {end:?}");
            client = web.client(faultwire.port("web"));
        }
        assert_eq!(web.wait(heard(client.get("/b"))).unwrap().text(), "ok", "{word}: others are served");
        assert_eq!(faultwire.hits("broken"), 1, "{word}");
    }
    assert_eq!(web.asked(), ["GET /b"; 7]);
}

#[test]
fn who_is_asked_to_leave_finishes_and_comes_back() {
    let web = Web::start();
    let faultwire = web.behind("http://");
    faultwire
        .put("bye", json!({"proxy": "web", "match": "GET /last", "goaway": "ENHANCE_YOUR_CALM", "message": "too many pings", "times": 1}));
    let mut client = web.client(faultwire.port("web"));
    let slow = client.get("/slow");
    assert_eq!(web.wait(heard(client.get("/last"))).unwrap().text(), "ok", "the request that did it is served");
    // The client has heard of it: it opens nothing more, and waits for what is under way.
    let error = web.wait(async { std::future::poll_fn(|cx| client.asks.poll_ready(cx)).await }).unwrap_err();
    assert_eq!((error.is_go_away(), error.is_remote(), error.reason()), (true, true, Some(Reason::ENHANCE_YOUR_CALM)), "{error:?}");
    assert!(error.to_string().contains("too many pings"), "{error}");
    assert_eq!(faultwire.connections("web"), 1);
    web.may_finish.add_permits(1);
    assert_eq!(web.wait(heard(slow)).unwrap().text(), "slow ok");
    web.wait(client.ends).unwrap().unwrap_err();
    eventually("the connection is gone", || faultwire.connections("web") == 0);
    let mut client = web.client(faultwire.port("web"));
    assert_eq!(web.wait(heard(client.get("/last"))).unwrap().text(), "ok");
    assert_eq!(faultwire.hits("bye"), 1);

    // Every connection, in its hundredth idle millisecond.
    faultwire.put("idle", json!({"proxy": "web", "goaway": "NO_ERROR", "when": "idle"}));
    web.wait(client.ends).unwrap().unwrap();
    eventually("the connection is gone", || faultwire.connections("web") == 0);
    assert_eq!(faultwire.hits("idle"), 1);
}

#[test]
fn requests_of_http2_are_sent_again_and_the_first_answer_wins() {
    let web = Web::start();
    let faultwire = web.behind("http://");
    let fault = json!({"proxy": "web", "match": "POST /orders", "duplicate": "100%", "copies": 2, "gap": "20ms", "times": 1});
    faultwire.put("twice", fault);
    let mut client = web.client(faultwire.port("web"));
    // More than the windows of a connection take at first.
    let large: &'static [u8] = "order ".repeat(50_000).leak().as_bytes();
    let post = |path: &str| Request::post(format!("http://web{path}")).body(()).unwrap();
    for path in ["/orders", "/other", "/orders"] {
        let answer = web.wait(async { heard(client.sends(post(path), large)).await });
        let answer = answer.unwrap();
        assert_eq!((answer.text().as_str(), answer.head.headers().contains_key("x-faultwire-fault")), ("ok", false));
    }
    eventually("all have come", || web.asked().len() >= 5);
    let asked = web.asked();
    let whole = |path: &str| asked.iter().filter(|asked| **asked == format!("POST {path} {}", "order ".repeat(50_000).trim_end())).count();
    assert_eq!((asked.len(), whole("/orders"), whole("/other")), (5, 4, 1));
    assert_eq!(faultwire.hits("twice"), 1);

    // A call of gRPC as well, with its headers.
    faultwire.put("call", json!({"proxy": "web", "match": "POST /shop.Inventory/*", "duplicate": "100%"}));
    assert_eq!(web.wait(heard(client.call())).unwrap().trailers.unwrap()["grpc-status"], "0");
    eventually("the second call has come", || web.asked().iter().filter(|asked| asked.contains("/shop.Inventory/Get")).count() == 2);
}

#[test]
fn requests_of_http1_are_sent_again_and_the_first_answer_wins() {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let own = asked.clone();
    let upstream = Upstream::script(move |mut conn| {
        let mut came = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = conn.stream.read(&mut buffer) {
            came.extend_from_slice(&buffer[..n]);
            if came.ends_with(b"0\r\n\r\n") || came.starts_with(b"GET") && came.ends_with(b"\r\n\r\n") {
                let text = String::from_utf8(std::mem::take(&mut came)).unwrap();
                let hangs = text.starts_with("GET /hangs") && conn.n > 0;
                own.lock().unwrap().push(text);
                if !hangs && conn.stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{}", conn.n).as_bytes()).is_err() {
                    return;
                }
            }
        }
    });
    let mut faultwire = world().link("web", json!(format!("127.0.0.1:0 -> http://{}", upstream.address))).start();
    faultwire.put("twice", json!({"proxy": "web", "duplicate": "100%", "gap": "10ms"}));
    let mut client = connect(faultwire.port("web"));
    let order = "POST /orders HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\norder\r\n0\r\n\r\n";
    let mut answer = [0; 39];
    for n in [2, 4] {
        client.write_all(order.as_bytes()).unwrap();
        client.read_exact(&mut answer).unwrap();
        assert!(answer.ends_with(b"\r\n\r\n0"), "the answer of the connection it was asked on");
        eventually("it came twice", || asked.lock().unwrap().len() == n);
    }
    assert!(asked.lock().unwrap().iter().all(|asked| asked == order));
    assert_eq!(faultwire.hits("twice"), 2);
    // A copy that is never answered keeps nobody.
    client.write_all(b"GET /hangs HTTP/1.1\r\nhost: shop\r\n\r\n").unwrap();
    client.read_exact(&mut answer).unwrap();
    eventually("it came twice", || asked.lock().unwrap().len() == 6);
    let begin = std::time::Instant::now();
    drop(client);
    faultwire.signal(Signal::TERM);
    faultwire.wait();
    assert!(begin.elapsed() < LIMIT, "it has waited for the answer");
}
