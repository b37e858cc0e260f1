//! With no fault, the proxy is not there: every byte, half-close and reset passes as it came.

use crate::{
    harness::{Running, World, connect, eventually, patient, world},
    pattern::{Pattern, Random},
    upstream::{Upstream, reset},
};
use serde_json::json;
use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv6Addr, Shutdown, TcpListener, TcpStream, ToSocketAddrs},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// The same world as it is, and with a fault that lets everything through its hands and changes nothing: its path is another one.
fn both_paths(proxies: impl Fn(World) -> World) -> [Running; 2] {
    let harmless = json!([{ "proxy": "*", "corrupt": "0%", "direction": "both" }]);
    [proxies(world()).start(), proxies(world()).faults(harmless).start()]
}

#[test]
fn every_byte_arrives_as_it_was_sent_in_both_directions_at_once() {
    let upstream = Upstream::script(|mut conn| {
        let mut back = conn.stream.try_clone().unwrap();
        let sending = thread::spawn(move || {
            Pattern::new(2).send(&mut back, 5_000_000, 30_011).unwrap();
            back.shutdown(Shutdown::Write).unwrap();
        });
        assert_eq!(Pattern::new(1).receive(&mut conn.stream), (7_000_000, None));
        sending.join().unwrap();
        conn.close();
    });
    for running in both_paths(|world| world.proxy("db", &upstream)) {
        let mut client = running.connect("db");
        let mut copy = client.try_clone().unwrap();
        let sending = thread::spawn(move || {
            Pattern::new(1).send(&mut copy, 7_000_000, 12_345).unwrap();
            copy.shutdown(Shutdown::Write).unwrap();
        });
        assert_eq!(Pattern::new(2).receive(&mut client), (5_000_000, None));
        sending.join().unwrap();
    }
}

#[test]
fn messages_of_all_sizes_come_back() {
    let upstream = Upstream::echo();
    for running in both_paths(|world| world.proxy("db", &upstream)) {
        let mut client = running.connect("db");
        let mut offset = 0;
        for size in [1, 2, 3, 100, 1447, 1448, 1449, 4096, 65_535, 65_536, 65_537, 200_000, 1] {
            let bytes = Pattern::new(3).bytes(offset, size);
            let mut copy = client.try_clone().unwrap();
            let sending = thread::spawn(move || copy.write_all(&bytes).unwrap());
            let mut back = vec![0; size];
            client.read_exact(&mut back).unwrap();
            Pattern::new(3).check(offset, &back);
            sending.join().unwrap();
            offset += size as u64;
        }
    }
}

#[test]
fn one_byte_at_a_time_is_not_collected() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let mut client = running.connect("db");
    for i in 0..1000u32 {
        client.write_all(&[i as u8]).unwrap();
        let mut back = [0];
        client.read_exact(&mut back).unwrap();
        assert_eq!(back[0], i as u8);
    }
}

/// What a client sees that ends its own direction first, and then gets an answer.
fn half_close_by_client(mut client: TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    Pattern::new(4).send(&mut client, 100_000, 1000).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    let end = client.read_to_end(&mut answer).err().map(|error| error.kind());
    (answer, end)
}

#[test]
fn a_client_that_ends_first_still_gets_its_answer() {
    let upstream = Upstream::sink();
    let direct = half_close_by_client(connect(upstream.address));
    assert_eq!(direct, (100_000u64.to_be_bytes().to_vec(), None));
    for running in both_paths(|world| world.proxy("db", &upstream)) {
        assert_eq!(half_close_by_client(running.connect("db")), direct);
    }
}

#[test]
fn a_server_that_ends_first_still_gets_the_rest() {
    let upstream = Upstream::script(|mut conn| {
        conn.stream.write_all(b"bye").unwrap();
        conn.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(Pattern::new(5).receive(&mut conn.stream), (300_000, None));
        conn.close();
    });
    let talk = |mut client: TcpStream| {
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "bye");
        Pattern::new(5).send(&mut client, 300_000, 10_000)
    };
    talk(connect(upstream.address)).unwrap();
    for running in both_paths(|world| world.proxy("db", &upstream)) {
        talk(running.connect("db")).unwrap();
        eventually("all has arrived", || running.connections("db") == 0);
    }
}

#[test]
fn a_reset_by_the_server_arrives_as_a_reset() {
    let upstream = Upstream::resetting();
    for running in both_paths(|world| world.proxy("db", &upstream)) {
        let mut client = running.connect("db");
        client.write_all(b"hello").unwrap();
        assert_eq!(client.read(&mut [0; 16]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        eventually("the seat is free", || running.connections("db") == 0);
    }
}

#[test]
fn a_reset_by_the_client_arrives_as_a_reset() {
    let (tell, told) = std::sync::mpsc::channel();
    let upstream = Upstream::script(move |mut conn| {
        let mut buffer = [0; 16];
        let first = conn.read(&mut buffer).unwrap();
        let then = conn.read(&mut buffer).map_err(|error| error.kind());
        tell.send((first, then)).unwrap();
    });
    for running in both_paths(|world| world.proxy("db", &upstream)) {
        let mut client = running.connect("db");
        client.write_all(b"hello").unwrap();
        eventually("the server has read", || upstream.received() > 0);
        reset(&client);
        drop(client);
        assert_eq!(told.recv_timeout(Duration::from_secs(30)).unwrap(), (5, Err(ErrorKind::ConnectionReset)));
    }
}

#[test]
fn an_answer_before_a_reset_is_read_before_it() {
    let upstream = Upstream::script(|mut conn| {
        conn.stream.write_all(b"last words").unwrap();
        let mut buffer = [0; 16];
        conn.read(&mut buffer).unwrap();
        conn.reset();
    });
    let running = world().proxy("db", &upstream).start();
    let mut client = running.connect("db");
    let mut words = [0; 10];
    client.read_exact(&mut words).unwrap();
    assert_eq!(&words, b"last words");
    client.write_all(b"go").unwrap();
    assert_eq!(client.read(&mut words).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_client_whose_upstream_refuses_is_not_reset_inside_its_connect() {
    let running = world().link("dead", json!("127.0.0.1:0 -> 127.0.0.1:1")).start();
    let to = running.port("dead");
    let meets = || {
        let begin = Instant::now();
        let mut client = TcpStream::connect(to).unwrap();
        assert_eq!(client.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        // It has said nothing, so it may still be connecting for so long.
        assert!(begin.elapsed() >= Duration::from_millis(50), "{:?}", begin.elapsed());
    };
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| (0..10).for_each(|_| meets()));
        }
    });
}

#[test]
fn an_upstream_that_refuses_ends_the_client() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = world().link("db", json!(format!("127.0.0.1:0 -> {free}"))).start();
    let mut client = running.connect("db");
    client.write_all(b"hello").ok();
    let end = client.read(&mut [0; 16]);
    assert!(matches!(&end, Ok(0)) || end.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset), "{end:?}");
    eventually("the seat is free", || running.connections("db") == 0);
}

#[test]
fn an_upstream_that_does_not_answer_holds_up_nobody_else() {
    let (silent, upstream) = (crate::upstream::Silent::new(), Upstream::echo());
    let running = world().link("dead", json!(format!("127.0.0.1:0 -> {}", silent.address))).proxy("db", &upstream).start();
    let waiting: Vec<TcpStream> = (0..50).map(|_| running.connect("dead")).collect();
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    running.get("/v1/proxies");
    drop(waiting);
}

#[test]
fn many_at_once() {
    let upstream = Upstream::echo();
    for running in both_paths(|world| world.proxy("db", &upstream)) {
        let port = running.port("db");
        let clients: Vec<_> = (0..40)
            .map(|worker| {
                thread::spawn(move || {
                    let mut random = Random(worker);
                    for round in 0..5 {
                        let mut client = connect(port);
                        let pattern = Pattern::new(worker * 100 + round);
                        let length = random.below(200_000);
                        let chunk = 1 + random.below(20_000) as usize;
                        let mut copy = client.try_clone().unwrap();
                        let sending = thread::spawn(move || {
                            pattern.send(&mut copy, length, chunk).unwrap();
                            copy.shutdown(Shutdown::Write).unwrap();
                        });
                        assert_eq!(pattern.receive(&mut client), (length, None));
                        sending.join().unwrap();
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        eventually("all seats are free", || running.connections("db") == 0);
    }
}

#[test]
fn ipv6_and_names_are_dialled() {
    let six = Upstream::script_at((Ipv6Addr::LOCALHOST, 0).into(), crate::upstream::echo);
    let four = Upstream::echo();
    let running = world()
        .link("six", json!(format!("[::1]:0 -> [::1]:{}", six.address.port())))
        .link("named", json!(format!("127.0.0.1:0 -> localhost:{}", four.address.port())))
        .link("named-six", json!(format!("127.0.0.1:0 -> localhost:{}", six.address.port())))
        .start();
    assert!(running.port("six").is_ipv6());
    // Not every machine's `localhost` has an IPv6 address; where it has, all addresses of a name are tried.
    let has_six = ("localhost", 1).to_socket_addrs().unwrap().any(|address| address.is_ipv6());
    for name in ["six", "named"].into_iter().chain(has_six.then_some("named-six")) {
        let mut client = running.connect(name);
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
    }
}

#[test]
fn an_upstream_that_comes_later_and_moves_is_found_by_each_new_connection() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = world().link("db", json!(format!("127.0.0.1:0 -> localhost:{}", place.port()))).start();
    let works = || {
        let mut client = running.connect("db");
        client.write_all(b"x").is_ok() && client.read_exact(&mut [0]).is_ok()
    };
    assert!(!works());
    let here = Upstream::script_at(place, crate::upstream::echo);
    assert!(works());
    let mut stays = running.connect("db");
    stays.write_all(b"x").unwrap();
    stays.read_exact(&mut [0]).unwrap();
    let there = Upstream::echo();
    let patch = json!({ "upstream": there.address.to_string() });
    running.call("PATCH", "/v1/proxies/db", Some(patch)).expect(200);
    let before = here.accepted();
    assert!(works());
    assert_eq!((here.accepted(), there.accepted()), (before, 1));
    stays.write_all(b"y").unwrap();
    stays.read_exact(&mut [0]).unwrap();
}

#[test]
fn a_reader_that_stops_stops_the_writer() {
    let upstream = Upstream::script(|mut conn| {
        // As much as it can be made to take.
        conn.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let chunk = vec![7; 64 << 10];
        while let Ok(n) = conn.stream.write(&chunk) {
            if n == 0 {
                break;
            }
        }
    });
    for running in both_paths(|world| world.proxy("db", &upstream)) {
        let before = running.resident();
        let clients: Vec<TcpStream> = (0..8).map(|_| running.connect("db")).collect();
        let mut last = 0;
        let mut still = Instant::now();
        eventually("the writers are stopped", || {
            let bytes = running.get("/v1/proxies/db").to_string();
            let now = running.resident() + bytes.len() as u64;
            if now.abs_diff(last) > 256 << 10 {
                (last, still) = (now, Instant::now());
            }
            still.elapsed() > Duration::from_secs(1)
        });
        let grown = running.resident().saturating_sub(before);
        assert!(grown < 64 << 20, "it holds {grown} bytes for readers that do not read");
        drop(clients);
    }
}

#[test]
fn a_writer_goes_on_where_a_slow_reader_lets_it() {
    let upstream = Upstream::source(9, 20_000_000);
    for running in both_paths(|world| world.proxy("db", &upstream)) {
        let mut client = running.connect("db");
        let pattern = Pattern::new(9);
        let mut offset = 0;
        let mut buffer = vec![0; 300_000];
        for _ in 0..20 {
            let n = client.read(&mut buffer).unwrap();
            pattern.check(offset, &buffer[..n]);
            offset += n as u64;
            thread::sleep(Duration::from_millis(5));
        }
        loop {
            let n = client.read(&mut buffer).unwrap();
            if n == 0 {
                break;
            }
            pattern.check(offset, &buffer[..n]);
            offset += n as u64;
        }
        assert_eq!(offset, 20_000_000);
    }
}

#[test]
fn counts_of_bytes_and_connections_are_exact() {
    let upstream = Upstream::script(|mut conn| {
        conn.read_all();
        Pattern::new(1).send(&mut conn.stream, 12_345, 1000).unwrap();
        conn.close();
    });
    let running = world().proxy("db", &upstream).start();
    let port = running.port("db");
    let upstream = Arc::new(upstream);
    for _ in 0..3 {
        let mut client = connect(port);
        client.write_all(&[1; 777]).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(Pattern::new(1).receive(&mut client), (12_345, None));
    }
    eventually("all is counted", || running.connections("db") == 0);
    let text = running.get("/v1/proxies/db").to_string();
    assert!(text.contains(&(3 * 777).to_string()), "{text}");
    assert!(text.contains(&(3 * 12_345).to_string()), "{text}");
    assert_eq!(upstream.accepted(), 3);
    let metrics = running.call("GET", "/metrics", None).expect(200).text();
    assert!(metrics.lines().any(|line| line.starts_with("faultwire_bytes_total") && line.ends_with(" 37035")), "{metrics}");
}

#[test]
fn a_connection_that_does_nothing_is_left_alone() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let mut client = running.connect("db");
    patient(&client);
    thread::sleep(Duration::from_secs(2));
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
}
