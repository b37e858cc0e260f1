//! Changes while traffic flows: after the answer to a change nothing escapes it, and nothing else is harmed by it.

use crate::{
    harness::{connect, eventually, world},
    pattern::{Pattern, Random},
    upstream::Upstream,
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

fn ping(client: &mut TcpStream) -> bool {
    client.write_all(b"x").is_ok() && client.read_exact(&mut [0]).is_ok()
}

#[test]
fn no_connection_escapes_a_change_that_has_been_answered() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let port = running.port("db");
    let in_force = Arc::new(AtomicBool::new(false));
    let opened = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..10)
        .map(|_| {
            let (in_force, opened) = (in_force.clone(), opened.clone());
            thread::spawn(move || {
                let mut escaped = 0;
                for _ in 0..100 {
                    let Ok(mut client) = TcpStream::connect(port) else { continue };
                    crate::harness::patient(&client);
                    // Whatever is written from here on comes after the answer, if the answer has come.
                    let after = in_force.load(SeqCst);
                    let worked = ping(&mut client);
                    escaped += usize::from(after && worked);
                    opened.fetch_add(1, SeqCst);
                }
                escaped
            })
        })
        .collect();
    eventually("a third of them is through", || opened.load(SeqCst) >= 300);
    running.put("cut", json!({ "proxy": "db", "reset": true }));
    in_force.store(true, SeqCst);
    let escaped: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(escaped, 0, "connections that worked after the fault was in force");
    assert!(running.hits("cut") > 0);
}

#[test]
fn no_byte_of_an_open_connection_escapes_a_change_that_has_been_answered() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let mut pool: Vec<TcpStream> = (0..200).map(|_| running.connect("db")).collect();
    assert!(pool.iter_mut().all(ping));
    for round in 0..5 {
        running.put("late", json!({ "proxy": "db", "latency": "300ms" }));
        let begin = Instant::now();
        pool.iter_mut().for_each(|client| client.write_all(b"x").unwrap());
        for client in &mut pool {
            client.read_exact(&mut [0]).unwrap();
            assert!(begin.elapsed() >= Duration::from_millis(300), "round {round}: an answer escaped after {:?}", begin.elapsed());
        }
        running.heal("late");
    }
    assert_eq!(running.connections("db"), 200);
}

#[test]
fn idle_connections_hear_of_a_change() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let mut pool: Vec<TcpStream> = (0..300).map(|_| running.connect("db")).collect();
    assert!(pool.iter_mut().all(ping));
    running.put("cut", json!({ "proxy": "db", "close": true }));
    for client in &mut pool {
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(running.hits("cut"), 300);
    eventually("every seat is free", || running.connections("db") == 0);
}

#[test]
fn healing_releases_what_many_connections_hold() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).faults(json!([{ "proxy": "db", "latency": "30m" }])).start();
    let mut pool: Vec<TcpStream> = (0..100).map(|_| running.connect("db")).collect();
    for (i, client) in pool.iter_mut().enumerate() {
        client.write_all(&Pattern::new(i as u64).bytes(0, 5000)).unwrap();
    }
    eventually("all of them wait", || running.hits("db-latency") == 100);
    running.heal_all();
    for (i, client) in pool.iter_mut().enumerate() {
        let mut back = vec![0; 5000];
        client.read_exact(&mut back).unwrap();
        Pattern::new(i as u64).check(0, &back);
    }
}

/// A fault that may do anything to a stream but lose a byte of it.
fn harmless(random: &mut Random) -> Value {
    let direction = ["to_client", "to_server", "both"][random.below(3) as usize];
    let effect = match random.below(8) {
        0 => json!({ "latency": format!("{}ms", random.below(30)) }),
        1 => json!({ "latency": format!("{}ms", random.below(20)), "jitter": "15ms" }),
        2 => json!({ "bandwidth": format!("{}MiB/s", 20 + random.below(200)) }),
        3 => json!({ "slice": format!("{}KiB", 1 + random.below(64)), "vary": "512B" }),
        4 => json!({ "latency": { "retransmit": "0.01%", "rto": "10ms" } }),
        5 => json!({ "blackhole": true, "resume": true }),
        6 => json!({ "corrupt": "0%" }),
        _ => json!({ "bandwidth": "0B/s" }),
    };
    let Value::Object(mut fault) = effect else { unreachable!() };
    fault.insert("proxy".into(), "*".into());
    fault.insert("direction".into(), direction.into());
    Value::Object(fault)
}

#[test]
fn a_soak_under_changing_faults_loses_changes_and_doubles_no_byte() {
    let total: u64 =
        std::env::var("FAULTWIRE_SOAK_BYTES").map_or(200 << 20, |text| text.parse().expect("FAULTWIRE_SOAK_BYTES is a number"));
    let streams = 4;
    let each = total / streams / 2;
    let upstream = Upstream::script(move |mut conn| {
        let mut seed = [0; 8];
        conn.stream.read_exact(&mut seed).unwrap();
        let seed = u64::from_be_bytes(seed);
        let mut copy = conn.stream.try_clone().unwrap();
        let sending = thread::spawn(move || {
            Pattern::new(seed + 1).send(&mut copy, each, 50_000).unwrap();
            copy.shutdown(Shutdown::Write).unwrap();
        });
        assert_eq!(Pattern::new(seed).receive(&mut conn.stream), (each, None));
        sending.join().unwrap();
        conn.close();
    });
    let running = world().proxy("db", &upstream).start();
    let port = running.port("db");
    let left = Arc::new(AtomicUsize::new(streams as usize));
    let clients: Vec<_> = (0..streams)
        .map(|i| {
            let left = left.clone();
            thread::spawn(move || {
                let seed = i * 10;
                let mut client = connect(port);
                client.write_all(&u64::to_be_bytes(seed)).unwrap();
                let mut copy = client.try_clone().unwrap();
                let sending = thread::spawn(move || {
                    Pattern::new(seed).send(&mut copy, each, 70_000).unwrap();
                    copy.shutdown(Shutdown::Write).unwrap();
                });
                let got = Pattern::new(seed + 1).receive(&mut client);
                sending.join().unwrap();
                left.fetch_sub(1, SeqCst);
                assert_eq!(got, (each, None));
            })
        })
        .collect();
    let mut random = Random(7193);
    let mut swaps = 0;
    let begin = Instant::now();
    while left.load(SeqCst) > 0 && clients.iter().any(|client| !client.is_finished()) {
        assert!(begin.elapsed() < Duration::from_secs(600), "the soak does not end");
        let name = format!("soak-{}", random.below(3));
        if random.below(3) == 0 {
            running.call("DELETE", &format!("/v1/faults/{name}"), None);
        } else {
            running.put(&name, harmless(&mut random));
        }
        swaps += 1;
        if swaps % 10 == 0 {
            running.heal_all();
        }
        thread::sleep(Duration::from_millis(50));
    }
    clients.into_iter().for_each(|client| client.join().unwrap());
    println!("{total} bytes, {swaps} changes, {:?}", begin.elapsed());
}

#[test]
fn one_request_changes_many_proxies_or_none() {
    let upstream = Upstream::echo();
    let running = world().proxy("a", &upstream).proxy("b", &upstream).start();
    let refused = running.call("PUT", "/v1/faults/cut", Some(json!({ "proxy": ["a", "nowhere"], "reset": true })));
    assert_eq!(refused.status, 422, "{refused}");
    let wrong = json!({ "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "faults": [{ "reset": true }, { "latency": 5 }] });
    let refused = running.call("PUT", "/v1/proxies/c", Some(wrong));
    assert_eq!(refused.status, 422, "{refused}");
    assert_eq!((running.faults().len(), running.proxies().len()), (0, 2));
    assert!(ping(&mut running.connect("a")));
    eventually("that connection is over", || running.connections("a") == 0);
    running.put("cut", json!({ "proxy": "*", "reset": true }));
    assert!(!ping(&mut running.connect("a")));
    assert!(!ping(&mut running.connect("b")));
    assert_eq!(running.hits("cut"), 2);
}

#[test]
fn a_proxy_is_there_together_with_its_faults() {
    let upstream = Upstream::echo();
    let running = world().proxy("other", &upstream).start();
    for round in 0..20 {
        let name = format!("p{round}");
        let proxy = json!({ "listen": "127.0.0.1:0", "upstream": upstream.address.to_string(), "faults": [{ "reset": true }] });
        running.call("PUT", &format!("/v1/proxies/{name}"), Some(proxy)).expect(201);
        assert!(!ping(&mut running.connect(&name)));
    }
    assert_eq!(upstream.accepted(), 0);
}
