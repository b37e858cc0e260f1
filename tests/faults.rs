//! What each effect does, on real sockets: endings to the exact byte, delays never early, silence that heals.

use crate::{
    harness::{Running, connect, eventually, world},
    pattern::Pattern,
    upstream::Upstream,
};
use serde_json::{Value, json};
use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

fn with_fault(upstream: &Upstream, fault: Value) -> Running {
    world().proxy("db", upstream).faults(json!([fault])).start()
}

/// One byte there and back.
fn ping(client: &mut TcpStream) -> Result<(), ErrorKind> {
    let mut back = [0];
    client.write_all(b"x").and_then(|()| client.read_exact(&mut back)).map_err(|error| error.kind())
}

/// How a stream ends for a reader: bytes, and the error if it was one.
fn drain(client: &mut TcpStream) -> (u64, Option<ErrorKind>) {
    Pattern::new(1).receive(client)
}

const RESET: Option<ErrorKind> = Some(ErrorKind::ConnectionReset);

/// A connection that its client has left may be open for a moment still, and a fault that comes looks at it as well.
fn all_closed(running: &Running) {
    eventually("every connection is over", || running.connections("db") == 0);
}

/// How a connection ends for somebody who writes and then reads. A reset is told once, to whichever comes first.
fn end_of(client: &mut TcpStream, bytes: &[u8]) -> Result<usize, ErrorKind> {
    let end = client.write_all(bytes).and_then(|()| client.read(&mut [0])).map_err(|error| error.kind());
    if end == Err(ErrorKind::BrokenPipe) { Err(ErrorKind::ConnectionReset) } else { end }
}

/// Whether a connection was allowed to work.
fn works(port: std::net::SocketAddr) -> bool {
    TcpStream::connect(port).is_ok_and(|mut client| {
        crate::harness::patient(&client);
        ping(&mut client).is_ok()
    })
}

#[test]
fn reset_after_a_size_lets_exactly_that_many_bytes_through() {
    let upstream = Upstream::source(1, 1_000_000);
    for (after, bytes) in [("1B", 1), ("1KiB", 1024), ("64KiB", 65_536), ("100001B", 100_001)] {
        let running = with_fault(&upstream, json!({ "proxy": "db", "reset": true, "after": after }));
        for _ in 0..5 {
            assert_eq!(drain(&mut running.connect("db")), (bytes, RESET), "after {after}");
        }
        assert_eq!(running.hits("db-reset"), 5);
    }
}

#[test]
fn close_after_a_size_lets_exactly_that_many_bytes_through() {
    let upstream = Upstream::source(1, 1_000_000);
    for (after, bytes) in [("1B", 1), ("1KiB", 1024), ("100001B", 100_001)] {
        let running = with_fault(&upstream, json!({ "proxy": "db", "close": true, "after": after }));
        let mut client = running.connect("db");
        assert_eq!(drain(&mut client), (bytes, None), "after {after}");
    }
}

#[test]
fn an_ending_in_the_other_direction_counts_what_the_server_gets() {
    let (tell, told) = std::sync::mpsc::channel();
    let upstream = Upstream::script(move |mut conn| tell.send(Pattern::new(1).receive(&mut conn.stream)).unwrap());
    let running = with_fault(&upstream, json!({ "proxy": "db", "reset": true, "after": "5000B", "direction": "to_server" }));
    let mut client = running.connect("db");
    let end = end_of(&mut client, &Pattern::new(1).bytes(0, 1_000_000));
    assert_eq!(told.recv_timeout(Duration::from_secs(30)).unwrap(), (5000, RESET));
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_reset_that_comes_later_stops_no_answer_before_it() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "reset": true, "after": "2s" }));
    let mut client = running.connect("db");
    let begin = Instant::now();
    let mut pings = 0;
    // Nothing is held for the ending that is to come.
    let end = loop {
        match ping(&mut client) {
            Ok(()) => pings += 1,
            Err(end) => break end,
        }
        thread::sleep(Duration::from_millis(10));
    };
    assert!(matches!(end, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{end}");
    assert!(begin.elapsed() >= Duration::from_millis(1900), "too early: {:?}", begin.elapsed());
    assert!(pings > 10, "only {pings} answers in {:?}", begin.elapsed());
}

#[test]
fn a_reset_at_once_reaches_no_upstream() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "reset": true }));
    let mut client = running.connect("db");
    assert_eq!(end_of(&mut client, b"hello"), Err(ErrorKind::ConnectionReset));
    assert_eq!((running.hits("db-reset"), upstream.accepted()), (1, 0));
}

#[test]
fn a_close_at_once_is_an_empty_answer_even_for_who_has_written() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "close": true }));
    let mut client = running.connect("db");
    client.write_all(&vec![1; 100_000]).ok();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(upstream.accepted(), 0);
}

#[test]
fn half_a_close_leaves_the_other_half() {
    let upstream = Upstream::script(|mut conn| {
        conn.stream.write_all(b"ignored?").ok();
        conn.read_all();
    });
    let running = with_fault(&upstream, json!({ "proxy": "db", "close": "half", "after": "3B" }));
    let mut client = running.connect("db");
    let mut all = Vec::new();
    client.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"ign");
    client.write_all(&vec![1; 50_000]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    eventually("the server has it all", || upstream.received() == 50_000);
}

#[test]
fn a_fault_strikes_connections_that_are_open_already() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let mut pool: Vec<TcpStream> = (0..20).map(|_| running.connect("db")).collect();
    pool.iter_mut().for_each(|client| ping(client).unwrap());
    let put = running.put("cut", json!({ "proxy": "db", "reset": true }));
    assert_eq!(put["name"], "cut");
    for client in &mut pool {
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(running.hits("cut"), 20);
    running.heal("cut");
    ping(&mut running.connect("db")).unwrap();
}

#[test]
fn existing_and_new_connections_are_told_apart() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let mut old = running.connect("db");
    ping(&mut old).unwrap();
    running.put("new", json!({ "proxy": "db", "reset": true, "connections": "new" }));
    ping(&mut old).unwrap();
    assert!(ping(&mut running.connect("db")).is_err());
    running.heal("new");
    running.put("existing", json!({ "proxy": "db", "reset": true, "connections": "existing" }));
    assert_eq!(old.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    ping(&mut running.connect("db")).unwrap();
    assert_eq!(running.hits("existing"), 1);
}

#[test]
fn a_pooled_connection_can_be_struck_when_it_is_idle() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "reset": true, "when": "idle" }));
    let mut client = running.connect("db");
    let busy = Instant::now();
    while busy.elapsed() < Duration::from_millis(300) {
        if ping(&mut client).is_err() {
            // A pause of 100 ms on a busy machine is idle, too.
            return;
        }
    }
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(running.hits("db-reset"), 1);
}

#[test]
fn a_pooled_connection_can_be_struck_when_it_is_used() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let mut client = running.connect("db");
    ping(&mut client).unwrap();
    running.put("on-use", json!({ "proxy": "db", "reset": true, "when": "before_upstream", "connections": "existing" }));
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(matches!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "struck before it was used");
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let before = upstream.received();
    assert_eq!(end_of(&mut client, b"secret"), Err(ErrorKind::ConnectionReset));
    assert_eq!(upstream.received(), before, "the server saw what should not have left");
}

#[test]
fn the_lost_answer_the_server_has_done_the_work() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "reset": true, "when": "after_upstream" }));
    let mut client = running.connect("db");
    assert_eq!(end_of(&mut client, b"commit"), Err(ErrorKind::ConnectionReset));
    assert_eq!(upstream.received(), 6);
}

#[test]
fn nothing_said_about_how_often_means_always() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "reset": true }));
    let port = running.port("db");
    assert_eq!((0..200).filter(|_| works(port)).count(), 0);
    assert_eq!(running.hits("db-reset"), 200);
    running.put("db-reset", json!({ "proxy": "db", "reset": true, "probability": "0%" }));
    assert_eq!((0..200).filter(|_| works(port)).count(), 200);
    assert_eq!(running.hits("db-reset"), 200);
    all_closed(&running);
    running.put("db-reset", json!({ "proxy": "db", "reset": true, "probability": "100%" }));
    assert_eq!((0..50).filter(|_| works(port)).count(), 0);
    assert_eq!(running.hits("db-reset"), 250);
}

/// `true` for each of `count` connections that the fault let work.
fn outcomes(fault: Value, count: usize) -> (Vec<bool>, Value) {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, fault);
    let port = running.port("db");
    let outcomes = (0..count).map(|_| works(port)).collect();
    (outcomes, running.fault("db-reset"))
}

#[test]
fn skip_times_every_and_sequence_choose_as_written() {
    let struck = |fault: Value| -> Vec<usize> {
        let (outcomes, counts) = outcomes(fault, 12);
        let struck: Vec<usize> = (1..=12).filter(|n| !outcomes[n - 1]).collect();
        assert_eq!(counts["hits"], struck.len(), "{counts}");
        assert_eq!(counts["matched"], 12, "{counts}");
        struck
    };
    assert_eq!(struck(json!({ "proxy": "db", "reset": true, "times": 2 })), [1, 2]);
    assert_eq!(struck(json!({ "proxy": "db", "reset": true, "skip": 3, "times": 2 })), [4, 5]);
    assert_eq!(struck(json!({ "proxy": "db", "reset": true, "every": 4 })), [4, 8, 12]);
    assert_eq!(struck(json!({ "proxy": "db", "reset": true, "skip": 1, "every": 5 })), [6, 11]);
    assert_eq!(struck(json!({ "proxy": "db", "reset": true, "sequence": "fail fail pass" })), [1, 2, 4, 5, 7, 8, 10, 11]);
}

#[test]
fn a_share_is_what_was_asked_for() {
    let (outcomes, counts) = outcomes(json!({ "proxy": "db", "reset": true, "probability": "30%" }), 400);
    let struck = outcomes.iter().filter(|worked| !**worked).count();
    // Six standard deviations; the seed makes it the same every time.
    assert!((65..175).contains(&struck), "{struck} of 400 where 120 were expected");
    assert_eq!(counts["hits"], struck);
    assert_eq!(counts["suppressed"]["probability"], 400 - struck);
}

#[test]
fn editing_a_fault_keeps_its_counts_and_its_times() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "reset": true, "times": 2 }));
    let port = running.port("db");
    assert!(!works(port));
    running.put("db-reset", json!({ "proxy": "db", "close": true, "times": 2 }));
    assert_eq!(running.hits("db-reset"), 1);
    assert!(!works(port));
    assert!(works(port), "`times: 2` began again");
    running.call("PATCH", "/v1/faults/db-reset", Some(json!({ "enabled": false }))).expect(200);
    assert!(works(port));
    all_closed(&running);
    running.call("PATCH", "/v1/faults/db-reset", Some(json!({ "enabled": true, "times": 3 }))).expect(200);
    assert!(!works(port));
    assert!(works(port));
    assert_eq!(running.hits("db-reset"), 3);
}

#[test]
fn the_first_fault_that_ends_a_connection_wins_and_shifts_no_other() {
    let upstream = Upstream::echo();
    let second = json!({ "name": "second", "proxy": "db", "close": true, "probability": "50%" });
    let run = |faults: Value| {
        let running = world().proxy("db", &upstream).faults(faults).start();
        let port = running.port("db");
        let outcomes: Vec<bool> = (0..60).map(|_| works(port)).collect();
        (outcomes, running.hits("second"))
    };
    let (alone, hits) = run(json!([second]));
    assert_eq!(alone.iter().filter(|worked| !**worked).count() as u64, hits);
    let (both, _) = run(json!([{ "name": "first", "proxy": "db", "reset": true, "every": 3 }, second]));
    for n in 0..60 {
        if n % 3 == 2 {
            assert!(!both[n]);
        } else {
            assert_eq!(alone[n], both[n], "the outcome of connection {n} was moved by the fault above");
        }
    }
}

#[test]
fn down_refuses_and_keeps_the_port() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let port = running.port("db");
    let mut open = running.connect("db");
    ping(&mut open).unwrap();
    for round in 1..=3 {
        running.put("down", json!({ "proxy": "db", "down": true }));
        for _ in 0..20 {
            assert_eq!(TcpStream::connect(port).unwrap_err().kind(), ErrorKind::ConnectionRefused);
            assert!(TcpListener::bind(port).is_err(), "somebody else could take the port while it was down");
        }
        if round == 1 {
            assert_eq!(open.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
            assert_eq!(running.hits("down"), 1, "a connection that was cut is a hit");
        }
        running.heal("down");
        assert_eq!(running.port("db"), port);
        assert!(works(port));
        assert!(TcpListener::bind(port).is_err(), "somebody else could take the port while it listens");
    }
}

#[test]
fn down_refuses_whatever_is_open_or_was() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let port = running.port("db");
    // Connections that the proxy ended leave their traces in the kernel; so do those that are open, silent or not.
    running.put("end", json!({ "proxy": "db", "close": true }));
    for _ in 0..10 {
        assert_eq!(running.connect("db").read(&mut [0]).unwrap(), 0);
    }
    running.heal("end");
    for round in 1..=5 {
        let mut open: Vec<TcpStream> = (0..100).map(|_| running.connect("db")).collect();
        open.iter_mut().take(50).for_each(|client| ping(client).unwrap());
        running.put("down", json!({ "proxy": "db", "down": true }));
        for _ in 0..20 {
            assert_eq!(TcpStream::connect(port).map_err(|error| error.kind()).err(), Some(ErrorKind::ConnectionRefused), "round {round}");
        }
        assert!(TcpListener::bind(port).is_err(), "somebody else could take the port while it was down");
        for client in &mut open {
            assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
        running.heal("down");
        assert!(works(port));
    }
}

#[test]
fn a_racing_bind_never_gets_the_port() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let port = running.port("db");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let racing = {
        let stop = stop.clone();
        thread::spawn(move || {
            let mut tries = 0u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(TcpListener::bind(port).is_err(), "a racing bind got the port");
                tries += 1;
            }
            tries
        })
    };
    for _ in 0..50 {
        running.put("down", json!({ "proxy": "db", "down": true }));
        assert_eq!(TcpStream::connect(port).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        running.heal("down");
        TcpStream::connect(port).unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(racing.join().unwrap() > 50);
}

#[test]
fn a_proxy_that_is_switched_off_refuses_and_comes_back_on_the_same_port() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let port = running.port("db");
    running.call("PATCH", "/v1/proxies/db", Some(json!({ "enabled": false }))).expect(200);
    assert_eq!(TcpStream::connect(port).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    running.call("PATCH", "/v1/proxies/db", Some(json!({ "enabled": true }))).expect(200);
    assert!(works(port));
}

#[test]
fn a_blackhole_accepts_and_says_nothing() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "blackhole": true }));
    let mut client = running.connect("db");
    // Bytes are read and thrown away, so a writer never blocks.
    client.write_all(&vec![1; 20 << 20]).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(matches!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert_eq!(upstream.accepted(), 0);
    assert_eq!(running.hits("db-blackhole"), 1);
}

#[test]
fn healing_a_blackhole_resets_who_lost_bytes_and_nobody_else() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let [mut lost, mut kept] = [running.connect("db"), running.connect("db")];
    ping(&mut lost).unwrap();
    ping(&mut kept).unwrap();
    running.put("hole", json!({ "proxy": "db", "blackhole": true }));
    lost.write_all(b"gone").unwrap();
    let mut fresh = running.connect("db");
    let mut waiting = running.connect("db");
    fresh.write_all(b"gone, too").unwrap();
    for client in [&lost, &fresh] {
        eventually("the bytes are swallowed", || waiting_at_peer(client) == 0);
    }
    running.heal("hole");
    assert_eq!(lost.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(fresh.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    ping(&mut kept).unwrap();
    ping(&mut waiting).unwrap();
}

/// Bytes that the other end of this connection has not read yet, as the kernel says.
fn waiting_at_peer(client: &TcpStream) -> u64 {
    let hex = |address: std::net::SocketAddr| match address.ip() {
        std::net::IpAddr::V4(ip) => format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port()),
        std::net::IpAddr::V6(_) => unreachable!("the tests ask for IPv4 only"),
    };
    let (near, far) = (hex(client.peer_addr().unwrap()), hex(client.local_addr().unwrap()));
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let row = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|row| row[1] == near && row[2] == far);
    let queues = row.unwrap_or_else(|| panic!("no socket {near} {far}"))[4];
    u64::from_str_radix(queues.split(':').next_back().unwrap(), 16).unwrap()
}

#[test]
fn a_blackhole_with_resume_loses_nothing() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let mut client = running.connect("db");
    ping(&mut client).unwrap();
    running.put("hole", json!({ "proxy": "db", "blackhole": true, "resume": true }));
    let mut copy = client.try_clone().unwrap();
    let writing = thread::spawn(move || {
        Pattern::new(1).send(&mut copy, 8_000_000, 10_000).unwrap();
        copy.shutdown(Shutdown::Write).unwrap();
    });
    client.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(matches!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    assert!(!writing.is_finished(), "8 MB are more than any buffer: a writer has to block");
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    running.heal("hole");
    assert_eq!(drain(&mut client), (8_000_000, None));
    writing.join().unwrap();
}

#[test]
fn a_new_connection_in_a_blackhole_with_resume_reaches_its_server_after_it() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "blackhole": true, "resume": true }));
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    eventually("it was hit", || running.hits("db-blackhole") == 1);
    assert_eq!(upstream.accepted(), 0);
    running.heal_all();
    client.read_exact(&mut [0]).unwrap();
    assert_eq!(upstream.accepted(), 1);
}

#[test]
fn a_blackhole_of_some_length_ends_with_the_connection() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "blackhole": "400ms" }));
    let begin = Instant::now();
    let mut client = running.connect("db");
    client.write_all(b"hello").unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert!(begin.elapsed() >= Duration::from_millis(400), "{:?}", begin.elapsed());
}

#[test]
fn a_partition_cuts_off_what_lies_between_two_services() {
    let upstream = Upstream::echo();
    let link = |from: &str, to: &str| json!({ "listen": "127.0.0.1:0", "upstream": upstream.address.to_string(), "from": from, "to": to });
    let running =
        world().link("there", link("orders", "stock")).link("back", link("stock", "orders")).link("other", link("orders", "mail")).start();
    running.put("split", json!({ "partition": "orders <-> stock" }));
    let silent = |name: &str| {
        let mut client = running.connect(name);
        client.write_all(b"x").unwrap();
        client.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
        client.read(&mut [0]).is_err()
    };
    assert_eq!([silent("there"), silent("back"), silent("other")], [true, true, false]);
    running.heal("split");
    assert_eq!([silent("there"), silent("back")], [false, false]);
}

#[test]
fn latency_is_never_early_in_any_direction() {
    let upstream = Upstream::echo();
    for (fault, least) in [
        (json!({ "proxy": "db", "latency": "150ms" }), 150),
        (json!({ "proxy": "db", "latency": "150ms", "direction": "to_server" }), 150),
        (json!({ "proxy": "db", "latency": "100ms", "direction": "both" }), 200),
        (json!({ "proxy": "db", "latency": "100ms..200ms" }), 100),
        (json!({ "proxy": "db", "latency": "150ms", "jitter": "50ms" }), 100),
        (json!({ "proxy": "db", "latency": { "p50": "100ms", "p99": "200ms", "min": "90ms" } }), 90),
    ] {
        let running = with_fault(&upstream, fault.clone());
        let mut client = running.connect("db");
        for _ in 0..5 {
            let begin = Instant::now();
            ping(&mut client).unwrap();
            assert!(begin.elapsed() >= Duration::from_millis(least), "{fault}: {:?}", begin.elapsed());
        }
    }
}

#[test]
fn latency_delays_and_does_not_throttle() {
    let upstream = Upstream::source(1, 20_000_000);
    let running = with_fault(&upstream, json!({ "proxy": "db", "latency": "100ms" }));
    let begin = Instant::now();
    assert_eq!(drain(&mut running.connect("db")), (20_000_000, None));
    assert!(begin.elapsed() >= Duration::from_millis(100));
    // A sleep for each of its 64-KiB reads would be thirty seconds.
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn jitter_larger_than_the_latency_is_neither_negative_nor_huge() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "latency": "5ms", "jitter": "40ms" }));
    let mut client = running.connect("db");
    let begin = Instant::now();
    for _ in 0..50 {
        ping(&mut client).unwrap();
    }
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
}

#[test]
fn latency_on_connect_delays_the_dial_and_nothing_after() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "latency": "2s", "when": "connect" }));
    let begin = Instant::now();
    let mut client = running.connect("db");
    ping(&mut client).unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(2), "{:?}", begin.elapsed());
    let begin = Instant::now();
    ping(&mut client).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[test]
fn bandwidth_moves_what_it_should() {
    let upstream = Upstream::source(1, 600_000);
    let running = with_fault(&upstream, json!({ "proxy": "db", "bandwidth": "200kB/s" }));
    let begin = Instant::now();
    assert_eq!(drain(&mut running.connect("db")), (600_000, None));
    let seconds = begin.elapsed().as_secs_f64();
    assert!((2.5..12.0).contains(&seconds), "3 seconds' worth took {seconds}");
}

#[test]
fn no_bandwidth_holds_everything_and_healing_lets_it_go() {
    let upstream = Upstream::source(1, 3_000_000);
    let running = with_fault(&upstream, json!({ "proxy": "db", "bandwidth": "0B/s" }));
    let mut client = running.connect("db");
    client.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
    assert!(client.read(&mut [0]).is_err());
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    running.heal_all();
    assert_eq!(drain(&mut client), (3_000_000, None));
}

#[test]
fn slices_and_lost_packets_lose_no_byte() {
    let upstream = Upstream::source(1, 60_000);
    for fault in [
        json!({ "proxy": "db", "slice": "100B", "vary": "50B" }),
        json!({ "proxy": "db", "slice": "4KiB", "gap": "5ms" }),
        json!({ "proxy": "db", "latency": { "retransmit": "5%", "rto": "20ms" } }),
        json!({ "proxy": "db", "slow_close": "200ms" }),
    ] {
        let running = with_fault(&upstream, fault.clone());
        assert_eq!(drain(&mut running.connect("db")), (60_000, None), "{fault}");
    }
}

#[test]
fn a_slow_close_ends_late_and_says_everything_before() {
    let upstream = Upstream::source(1, 1000);
    let running = with_fault(&upstream, json!({ "proxy": "db", "slow_close": "700ms" }));
    let begin = Instant::now();
    assert_eq!(drain(&mut running.connect("db")), (1000, None));
    assert!(begin.elapsed() >= Duration::from_millis(700), "{:?}", begin.elapsed());
}

/// What a client reads through a corrupting proxy with this seed.
fn corrupted(seed: u64) -> Vec<u8> {
    let upstream = Upstream::source(1, 200_000);
    let running = world().seed(seed).proxy("db", &upstream).faults(json!([{ "proxy": "db", "corrupt": "1%" }])).start();
    let mut bytes = Vec::new();
    running.connect("db").read_to_end(&mut bytes).unwrap();
    assert_eq!(running.hits("db-corrupt"), 1);
    bytes
}

#[test]
fn corruption_changes_the_share_of_bytes_that_was_asked_for_and_repeats_with_its_seed() {
    let first = corrupted(5);
    let real = Pattern::new(1).bytes(0, 200_000);
    assert_eq!(first.len(), real.len(), "corruption neither adds nor removes");
    let changed = first.iter().zip(&real).filter(|(a, b)| a != b).count();
    assert!((1500..2500).contains(&changed), "{changed} of 200000 where 2000 were expected");
    assert!(first == corrupted(5), "the same seed, other bytes");
    assert!(first != corrupted(6), "another seed, the same bytes");
}

#[test]
fn faults_begin_and_end_by_themselves() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let port = running.port("db");
    running.put("spell", json!({ "proxy": "db", "reset": true, "at": "300ms", "for": "1s" }));
    assert!(works(port) || running.hits("spell") > 0);
    eventually("it begins", || !works(port));
    eventually("it ends", || works(port));
    running.put("leased", json!({ "proxy": "db", "reset": true, "lease": "700ms" }));
    assert!(!works(port));
    eventually("its lease ends", || works(port));
    eventually("it is gone", || running.call("GET", "/v1/faults/leased", None).status == 404);
}

#[test]
fn what_a_fault_holds_goes_on_when_it_is_healed() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "latency": "30m" }));
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    eventually("it is held", || running.hits("db-latency") == 1);
    let begin = Instant::now();
    running.heal_all();
    client.read_exact(&mut [0]).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn a_reset_with_latency_is_silence_and_then_the_reset() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "latency": "400ms", "reset": true }));
    let begin = Instant::now();
    let mut client = running.connect("db");
    assert_eq!(end_of(&mut client, b"x"), Err(ErrorKind::ConnectionReset));
    assert!(begin.elapsed() >= Duration::from_millis(400), "{:?}", begin.elapsed());
    assert_eq!(upstream.accepted(), 0);
}

#[test]
fn a_reset_waits_for_the_bytes_before_it_even_if_the_client_reads_late() {
    let upstream = Upstream::source(1, 1_000_000);
    let running = with_fault(&upstream, json!({ "proxy": "db", "reset": true, "after": "100kB" }));
    let port = running.port("db");
    let clients: Vec<_> = (0..20)
        .map(|i| {
            thread::spawn(move || {
                let mut client = connect(port);
                thread::sleep(Duration::from_millis(i * 20));
                drain(&mut client)
            })
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().unwrap(), (100_000, RESET));
    }
}

#[test]
fn half_a_partition_silences_one_direction() {
    let upstream = Upstream::script(|mut conn| {
        conn.stream.write_all(b"welcome").unwrap();
        conn.read_all();
    });
    let link = json!({ "listen": "127.0.0.1:0", "upstream": upstream.address.to_string(), "from": "orders", "to": "stock" });
    let running = world().link("db", link).start();
    running.put("split", json!({ "partition": "orders -> stock" }));
    let mut client = running.connect("db");
    client.write_all(b"lost").unwrap();
    let mut welcome = [0; 7];
    client.read_exact(&mut welcome).unwrap();
    assert_eq!((&welcome, upstream.received()), (b"welcome", 0));
    running.heal("split");
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    running.put("split", json!({ "partition": "stock -> orders" }));
    let mut client = running.connect("db");
    client.write_all(b"heard").unwrap();
    eventually("the server hears", || upstream.received() == 5);
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(client.read(&mut [0]).is_err());
}

#[test]
fn half_a_close_towards_the_server_lets_its_answer_through() {
    let upstream = Upstream::sink();
    let running = with_fault(&upstream, json!({ "proxy": "db", "close": "half", "direction": "to_server", "after": "1000B" }));
    let mut client = running.connect("db");
    client.write_all(&vec![1; 5000]).unwrap();
    let mut count = [0; 8];
    client.read_exact(&mut count).unwrap();
    assert_eq!(u64::from_be_bytes(count), 1000);
}

#[test]
fn a_place_spares_what_comes_before_it() {
    let upstream = Upstream::source(1, 1000);
    let running = with_fault(&upstream, json!({ "proxy": "db", "latency": "3s", "after": "600B" }));
    let begin = Instant::now();
    let mut client = running.connect("db");
    let mut first = [0; 600];
    client.read_exact(&mut first).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(3), "{:?}", begin.elapsed());
    assert_eq!(rest, Pattern::new(1).bytes(600, 400));
}

#[test]
fn connections_share_a_rate_that_is_the_proxys() {
    let upstream = Upstream::source(1, 200_000);
    let running = with_fault(&upstream, json!({ "proxy": "db", "bandwidth": "200kB/s", "rate_per": "proxy" }));
    let begin = Instant::now();
    let mut clients: Vec<TcpStream> = (0..3).map(|_| running.connect("db")).collect();
    thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(|| assert_eq!(drain(client), (200_000, None)));
        }
    });
    let seconds = begin.elapsed().as_secs_f64();
    assert!((2.5..12.0).contains(&seconds), "3 seconds' worth took {seconds}");
}

#[test]
fn latencies_of_two_faults_add_up_and_the_smallest_bandwidth_wins() {
    let upstream = Upstream::echo();
    let faults = json!([
        { "name": "one", "proxy": "db", "latency": "100ms" },
        { "name": "two", "proxy": "d*", "latency": "150ms" },
        { "name": "wide", "proxy": "db", "bandwidth": "100MiB/s" },
    ]);
    let running = world().proxy("db", &upstream).faults(faults).start();
    let mut client = running.connect("db");
    let begin = Instant::now();
    ping(&mut client).unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(250), "{:?}", begin.elapsed());
    assert_eq!(["one", "two", "wide"].map(|name| running.hits(name)), [1, 1, 1]);
}

#[test]
fn a_ramp_rises_while_connections_stay_open() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "latency": "0ms to 500ms over 2s" }));
    let mut client = running.connect("db");
    eventually("its end is reached", || {
        let begin = Instant::now();
        ping(&mut client).unwrap();
        begin.elapsed() >= Duration::from_millis(500)
    });
    let begin = Instant::now();
    ping(&mut client).unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(500), "{:?}", begin.elapsed());
}

#[test]
fn a_spell_that_repeats_strikes_again() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let port = running.port("db");
    running.put("spells", json!({ "proxy": "db", "reset": true, "for": "300ms", "repeat": "900ms" }));
    for _ in 0..2 {
        eventually("it is on", || !works(port));
        eventually("it is off", || works(port));
    }
}

#[test]
fn a_client_that_leaves_a_blackhole_is_forgotten() {
    let upstream = Upstream::echo();
    let running = with_fault(&upstream, json!({ "proxy": "db", "blackhole": true }));
    let mut clients: Vec<TcpStream> = (0..20).map(|_| running.connect("db")).collect();
    clients.iter_mut().for_each(|client| client.write_all(b"x").unwrap());
    eventually("all are in it", || running.hits("db-blackhole") == 20);
    drop(clients);
    all_closed(&running);
}
