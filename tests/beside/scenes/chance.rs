//! Toxicity: which connections a toxic acts on.

use crate::{
    beside::server::{BOTH, Server, Who},
    harness::{connect, patient},
    upstream::Upstream,
};
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

#[test]
fn a_share_of_connections() {
    let upstream = Upstream::echo();
    for server in BOTH.map(Server::start) {
        let port = server.proxy("p", upstream.address);
        server.call("POST", "/proxies/p/toxics", r#"{"type":"limit_data","toxicity":0.5}"#);
        let is_cut = |_: &usize| {
            let mut client = connect(port);
            client.write_all(b"x").unwrap();
            client.read(&mut [0]).unwrap() == 0
        };
        let cut = (0..120).filter(is_cut).count();
        assert!((30..=90).contains(&cut), "{}: {cut} of 120", server.who);
    }
}

/// Time enough for every byte that is not lost.
const WHILE: Duration = Duration::from_millis(1500);

/// A toxic that loses bytes shows on which connections it acts: the bytes of both rounds come, or none.
#[test]
fn a_neighbour_does_not_throw_the_coin_again() {
    let upstream = Upstream::echo();
    for server in BOTH.map(Server::start) {
        let port = server.proxy("p", upstream.address);
        server.call("POST", "/proxies/p/toxics", r#"{"type":"timeout","toxicity":0.5}"#);
        let mut clients: Vec<TcpStream> = (0..40).map(|_| connect(port)).collect();
        let mut came = vec![String::new(); clients.len()];
        for round in ["1", "2"] {
            if round == "2" {
                server.call("POST", "/proxies/p/toxics", r#"{"type":"noop"}"#);
            }
            clients.iter_mut().for_each(|client| client.write_all(round.as_bytes()).unwrap());
            let begin = Instant::now();
            while begin.elapsed() < WHILE {
                clients.iter_mut().zip(&mut came).for_each(|(client, came)| collect(client, came));
                thread::sleep(Duration::from_millis(5));
            }
        }
        // What was only late comes now.
        for (client, came) in clients.iter_mut().zip(&mut came).filter(|(_, came)| *came == "1") {
            patient(client);
            if server.who == Who::Ours {
                client.read_exact(&mut [0]).unwrap();
                came.push('2');
            }
        }
        let changed = came.iter().filter(|came| ["1", "2"].contains(&came.as_str())).count();
        let stayed = came.iter().filter(|came| came.as_str() == "12").count();
        match server.who {
            // The coin is thrown again for everyone: better than even chances, twenty times over, that it shows.
            Who::Real => assert!(changed > 0, "{came:?}"),
            Who::Ours => assert!(changed == 0 && (1..40).contains(&stayed), "{came:?}"),
        }
    }
}

/// What there is by now.
fn collect(client: &mut TcpStream, came: &mut String) {
    client.set_nonblocking(true).unwrap();
    let mut buffer = [0; 8];
    match client.read(&mut buffer) {
        Ok(n) => came.push_str(str::from_utf8(&buffer[..n]).unwrap()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    }
    client.set_nonblocking(false).unwrap();
}
