//! What makes Toxiproxy fall or hang, and what Faultwire makes of it: four attributes and a change that end the whole process, and
//! four states in which its API does not answer. Both are led there; Toxiproxy has to do what is said of it, so that this stays true.

use super::server::{BOTH, Server, Who};
use crate::{
    harness::{connect, eventually},
    upstream::{Silent, Upstream},
};
use rustix::process::Signal;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// What is asked meanwhile: method, path, body.
type Call = (&'static str, &'static str, &'static str);

/// How often the API is asked.
const CALLS: usize = 20;
/// How often a machine may be too busy to say.
const TRIES: usize = 10;

/// Faultwire answers within 10 ms. This is said of the median, since a machine that does something else for a moment makes single calls
/// late; and one that has much else to do is asked several times, as whatever waits for a peer is late each time. For the worst call of
/// all the limit is a second.
#[track_caller]
fn assert_answers(server: &Server, calls: &[Call]) {
    let mut medians = Vec::new();
    while medians.len() < TRIES {
        let mut times: Vec<Duration> = (0..CALLS.next_multiple_of(calls.len())).map(|at| time(server, calls[at % calls.len()])).collect();
        times.sort();
        let worst = times[times.len() - 1];
        assert!(worst < Duration::from_secs(1), "{calls:?}: {worst:?}");
        medians.push(times[times.len() / 2]);
        if medians.last().is_some_and(|median| *median < Duration::from_millis(10)) {
            return;
        }
    }
    panic!("{calls:?}: medians of {medians:?}");
}

#[track_caller]
fn time(server: &Server, (method, path, body): Call) -> Duration {
    let begin = Instant::now();
    server.call(method, path, body);
    begin.elapsed()
}

#[track_caller]
fn assert_hangs(server: &Server, call: Call) {
    assert!(hangs(server, call), "{call:?} was answered");
}

/// No answer to this comes within two seconds.
fn hangs(server: &Server, (method, path, body): Call) -> bool {
    let mut stream = TcpStream::connect(server.api).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    stream.read(&mut [0; 1024]).is_err()
}

/// Echoes, so it shows that connections are served.
struct Bystander {
    port: SocketAddr,
    open: TcpStream,
    _upstream: Upstream,
}

impl Bystander {
    fn new(server: &Server) -> Bystander {
        let upstream = Upstream::echo();
        let port = server.proxy("bystander", upstream.address);
        Bystander { port, open: connect(port), _upstream: upstream }
    }

    fn assert_served(&mut self) {
        let mut new = connect(self.port);
        for stream in [&mut self.open, &mut new] {
            stream.write_all(b"x").unwrap();
            stream.read_exact(&mut [0]).unwrap();
        }
    }
}

/// These attributes, and then some bytes.
#[track_caller]
fn falls(kind: &str, attributes: &str) {
    let upstream = Upstream::echo();
    for who in BOTH {
        let mut server = Server::start(who);
        let mut bystander = Bystander::new(&server);
        let port = server.proxy("p", upstream.address);
        server.call("POST", "/proxies/p/toxics", &format!(r#"{{"type":"{kind}","name":"t","attributes":{attributes}}}"#));
        let mut client = connect(port);
        client.write_all(&[7; 3000]).unwrap();
        if who == Who::Real {
            assert!(!server.process.wait().success());
            assert!(server.process.log().contains("panic"), "{}", server.process.log());
            continue;
        }
        // The bytes have been there and back as far as the toxic.
        eventually("the upstream has them", || upstream.received() >= 3000);
        assert_answers(&server, &[("GET", "/proxies", ""), ("PATCH", "/proxies/p/toxics/t", "{}"), ("GET", "/proxies/p", "")]);
        bystander.assert_served();
        server.call("DELETE", "/proxies/p/toxics/t", "");
        let mut client = connect(port);
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
    }
}

#[test]
fn slices_of_nothing() {
    falls("slicer", "{}");
}

#[test]
fn slices_that_vary_by_more_than_there_is() {
    falls("slicer", r#"{"average_size":10,"size_variation":20}"#);
}

#[test]
fn bandwidth_below_nothing() {
    falls("bandwidth", r#"{"rate":-1}"#);
}

#[test]
fn jitter_beyond_all_numbers() {
    falls("latency", r#"{"jitter":5000000000000000000}"#);
}

/// There the rate may change between a look at it and its use, and what is held is cut behind its end.
#[test]
fn a_rate_raised_while_it_holds() {
    for who in BOTH {
        let upstream = Upstream::echo();
        let mut server = Server::start(who);
        let port = server.proxy("p", upstream.address);
        server.call("POST", "/proxies/p/toxics", r#"{"type":"bandwidth","name":"t"}"#);
        let mut clients: Vec<TcpStream> = (0..300).map(|_| connect(port)).collect();
        let mut rounds = 0;
        let mut raise = || {
            for client in &mut clients {
                // What is held is looked at each 100 ms: at any moment, if they come one after the other.
                thread::sleep(Duration::from_micros(300));
                client.write_all(b"held!").unwrap_or_default();
            }
            rounds += 1;
            eventually("the upstream has them", || upstream.received() >= rounds * 1500);
            let raised = server.try_call("PATCH", "/proxies/p/toxics/t", r#"{"attributes":{"rate":1000}}"#);
            let lowered = server.try_call("PATCH", "/proxies/p/toxics/t", r#"{"attributes":{"rate":0}}"#);
            raised.is_ok() && lowered.is_ok()
        };
        if who == Who::Real {
            eventually("it falls", || !raise());
            assert!(!server.process.wait().success());
            assert!(server.process.log().contains("BandwidthToxic"), "{}", server.process.log());
            continue;
        }
        for _ in 0..5 {
            assert!(raise());
        }
        server.call("DELETE", "/proxies/p/toxics/t", "");
        for client in &mut clients {
            let mut all = [0; 25];
            client.read_exact(&mut all).unwrap();
            assert_eq!(&all, b"held!held!held!held!held!");
        }
    }
}

/// Sends until nothing is taken any more, and then says so.
fn flood(full: Arc<AtomicBool>) -> Upstream {
    Upstream::script(move |mut conn| {
        conn.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        while conn.stream.write_all(&[7; 64 << 10]).is_ok() {}
        full.store(true, Relaxed);
        conn.read_all();
    })
}

#[test]
fn a_change_while_a_client_takes_nothing() {
    for who in BOTH {
        let full = Arc::<AtomicBool>::default();
        let upstream = flood(full.clone());
        let server = Server::start(who);
        let mut bystander = Bystander::new(&server);
        let port = server.proxy("p", upstream.address);
        let _stalled = connect(port);
        eventually("nothing is taken any more", || full.load(Relaxed));
        let add: Call = ("POST", "/proxies/p/toxics", r#"{"type":"latency","name":"t"}"#);
        match who {
            Who::Real => [add, ("GET", "/proxies/p", ""), ("GET", "/proxies", "")].into_iter().for_each(|call| assert_hangs(&server, call)),
            Who::Ours => {
                let change: Call = ("PATCH", "/proxies/p/toxics/t", r#"{"attributes":{"latency":5}}"#);
                assert_answers(&server, &[add, change, ("GET", "/proxies", ""), ("DELETE", "/proxies/p/toxics/t", "")]);
                bystander.assert_served();
            }
        }
    }
}

/// There the proxy does not come back, not even when that client has gone.
#[test]
fn a_latency_removed_while_a_client_takes_nothing() {
    for who in BOTH {
        let full = Arc::<AtomicBool>::default();
        let upstream = flood(full.clone());
        let server = Server::start(who);
        let mut bystander = Bystander::new(&server);
        let port = server.proxy("p", upstream.address);
        server.call("POST", "/proxies/p/toxics", r#"{"type":"latency","name":"t","attributes":{"latency":10}}"#);
        let stalled = connect(port);
        eventually("nothing is taken any more", || full.load(Relaxed));
        let remove: Call = ("DELETE", "/proxies/p/toxics/t", "");
        match who {
            Who::Real => {
                assert_hangs(&server, remove);
                drop(stalled);
                assert_hangs(&server, ("GET", "/proxies", ""));
            }
            Who::Ours => {
                assert_answers(
                    &server,
                    &[remove, ("GET", "/proxies", ""), ("POST", "/proxies/p/toxics", r#"{"type":"latency","name":"t"}"#)],
                );
                drop(stalled);
                assert_answers(&server, &[("GET", "/proxies/p", "")]);
                bystander.assert_served();
            }
        }
    }
}

#[test]
fn an_upstream_that_does_not_answer() {
    let (silent, good) = (Silent::new(), Upstream::echo());
    for who in BOTH {
        let server = Server::start(who);
        let mut bystander = Bystander::new(&server);
        let port = server.proxy("p", silent.address);
        let _waiting: Vec<TcpStream> = (0..3).map(|_| connect(port)).collect();
        let off: Call = ("PATCH", "/proxies/p", r#"{"enabled":false}"#);
        match who {
            Who::Real => assert_hangs(&server, off),
            Who::Ours => {
                assert_answers(&server, &[off, ("GET", "/proxies", ""), ("PATCH", "/proxies/p", r#"{"enabled":true}"#)]);
                let _waiting: Vec<TcpStream> = (0..3).map(|_| connect(port)).collect();
                server.call("PATCH", "/proxies/p", &format!(r#"{{"enabled":true,"upstream":"{}"}}"#, good.address));
                let mut client = connect(port);
                client.write_all(b"x").unwrap();
                client.read_exact(&mut [0]).unwrap();
                assert_answers(&server, &[("DELETE", "/proxies/p", ""), ("POST", "/proxies", P_AGAIN)]);
                bystander.assert_served();
            }
        }
    }
}

const P_AGAIN: &str = r#"{"name":"p","listen":"127.0.0.1:0","upstream":"x:1"}"#;

#[test]
fn a_reset_that_waits() {
    let upstream = Upstream::echo();
    for who in BOTH {
        let server = Server::start(who);
        let mut bystander = Bystander::new(&server);
        let port = server.proxy("p", upstream.address);
        server.call("POST", "/proxies/p/toxics", r#"{"type":"reset_peer","name":"t","stream":"upstream","attributes":{"timeout":60000}}"#);
        let mut client = connect(port);
        client.write_all(b"x").unwrap();
        let change: Call = ("PATCH", "/proxies/p/toxics/t", r#"{"attributes":{"timeout":50000}}"#);
        match who {
            // The byte may still be on its way, and the first changes in time.
            Who::Real => eventually("a change hangs", || hangs(&server, change)),
            Who::Ours => {
                let add: Call = ("POST", "/proxies/p/toxics", r#"{"type":"noop","name":"n"}"#);
                assert_answers(&server, &[change, ("GET", "/proxies", ""), add, ("DELETE", "/proxies/p/toxics/n", "")]);
                bystander.assert_served();
            }
        }
    }
}

#[test]
fn a_port_of_the_api_that_somebody_has() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    for who in BOTH {
        let mut server = Server::launch(who, taken.local_addr().unwrap().port());
        match who {
            Who::Real => {
                eventually("it says so", || server.process.log().contains("address already in use"));
                // Whatever it waits for, it does not end.
                thread::sleep(Duration::from_secs(1));
                assert_eq!(server.process.exited(), None);
                server.process.signal(Signal::TERM);
                assert_eq!(server.process.wait().code(), Some(0));
            }
            Who::Ours => assert_eq!(server.process.wait().code(), Some(69), "{}", server.process.log()),
        }
    }
}
