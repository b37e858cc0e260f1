//! Asks the upstreams of a scenario, from this machine: does anything answer there? Many at once, each for a limited time. It sends nothing.

use crate::say::plain;
use faultwire_faults::complaint::Complaint;
use faultwire_scenarios::link::{ProxySpec, Upstream};
use std::{
    collections::VecDeque,
    io,
    net::{TcpStream, ToSocketAddrs},
    sync::mpsc::{self, Sender},
    thread,
    time::{Duration, Instant},
};

/// How long an upstream may take, its name included.
const LIMIT: Duration = Duration::from_secs(3);
const AT_ONCE: usize = 16;

/// Asks each address once, however many proxies lead there. How many were asked, and what did not answer.
pub fn ask(proxies: &[ProxySpec]) -> (usize, Vec<Complaint>) {
    let mut upstreams: Vec<&Upstream> = Vec::new();
    for proxy in proxies.iter().filter(|proxy| !is_ours(&proxy.upstream, proxies)) {
        if !upstreams.contains(&&proxy.upstream) {
            upstreams.push(&proxy.upstream);
        }
    }
    let answers = ask_all(&upstreams, LIMIT);
    let silent = upstreams.iter().zip(answers).filter_map(|(upstream, answer)| Some((*upstream, answer.err()?)));
    let complaints = silent.map(|(upstream, why)| complaint(upstream, &why, proxies)).collect();
    (upstreams.len(), complaints)
}

/// What another proxy of this scenario listens on answers as soon as it is served.
fn is_ours(upstream: &Upstream, proxies: &[ProxySpec]) -> bool {
    let here = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "::1" | "0.0.0.0" | "::");
    proxies.iter().any(|proxy| {
        proxy.listen.port == upstream.port && (proxy.listen.host == upstream.host || here(&proxy.listen.host) && here(&upstream.host))
    })
}

fn complaint(upstream: &Upstream, why: &str, proxies: &[ProxySpec]) -> Complaint {
    let mut there = proxies.iter().filter(|proxy| proxy.upstream == *upstream);
    let place = there.next().map(|proxy| proxy.upstream_place.clone()).unwrap_or_default();
    let complaint = Complaint::new("E0601", format!("`{upstream}` does not answer"), &place, why);
    let complaint = there.fold(complaint, |complaint, proxy| complaint.also(&proxy.upstream_place, "nor for this one"));
    complaint.note("it was asked from this machine, which may know other names than the one Faultwire will run on")
}

/// An answer for each, in their order: nothing, or why there was none.
fn ask_all(upstreams: &[&Upstream], limit: Duration) -> Vec<Result<(), String>> {
    let late = || Err(format!("no answer within {} s", limit.as_secs_f32()));
    let mut answers: Vec<Option<Result<(), String>>> = vec![None; upstreams.len()];
    let mut waiting: VecDeque<usize> = (0..upstreams.len()).collect();
    let mut open: Vec<(usize, Instant)> = Vec::new();
    let (tell, told) = mpsc::channel();
    loop {
        while open.len() < AT_ONCE
            && let Some(next) = waiting.pop_front()
        {
            // A name may take longer than its connection: whoever hangs is given up a little later than he gives up himself.
            open.push((next, Instant::now() + limit + limit / 4));
            start(next, upstreams[next].clone(), limit, tell.clone());
        }
        let Some(soonest) = open.iter().map(|(_, end)| *end).min() else { break };
        if let Ok((at, answer)) = told.recv_timeout(soonest.saturating_duration_since(Instant::now())) {
            // Whoever was given up already is not heard any more.
            if open.iter().any(|(asked, _)| *asked == at) {
                answers[at] = Some(answer);
            }
        }
        let now = Instant::now();
        open.retain(|(at, end)| answers[*at].is_none() && *end > now);
    }
    answers.into_iter().map(|answer| answer.unwrap_or_else(late)).collect()
}

/// A name is resolved by the system, which cannot be interrupted: hence a thread, which may outlive its question.
fn start(at: usize, upstream: Upstream, limit: Duration, tell: Sender<(usize, Result<(), String>)>) {
    let failed = tell.clone();
    let spawned = thread::Builder::new().spawn(move || {
        // Nobody may be listening any more.
        tell.send((at, connect(&upstream, limit))).ok();
    });
    if let Err(error) = spawned {
        failed.send((at, Err(plain(error)))).ok();
    }
}

fn connect(upstream: &Upstream, limit: Duration) -> Result<(), String> {
    let end = Instant::now() + limit;
    let addresses = (upstream.host.as_str(), upstream.port).to_socket_addrs().map_err(|error| unresolved(&error))?;
    let mut why = "its name leads to no address".to_owned();
    for address in addresses {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(format!("no answer within {} s", limit.as_secs_f32()));
        }
        match TcpStream::connect_timeout(&address, left) {
            // Nobody is there: the kernel had connected the port with itself.
            Ok(stream) if stream.local_addr().ok() == stream.peer_addr().ok() => why = "connection refused".to_owned(),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => why = format!("no answer within {} s", limit.as_secs_f32()),
            Err(error) => why = lowered(&plain(error)),
        }
    }
    Err(why)
}

fn unresolved(error: &io::Error) -> String {
    let text = plain(error);
    match text.strip_prefix("failed to lookup address information: ") {
        Some("Name or service not known" | "No address associated with hostname") => "there is no host of this name".to_owned(),
        Some(why) => format!("its name cannot be resolved: {}", lowered(why)),
        None => lowered(&text),
    }
}

fn lowered(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn asked(upstreams: &[(&str, u16)]) -> Vec<Result<(), String>> {
        let upstreams: Vec<Upstream> = upstreams.iter().map(|(host, port)| Upstream { host: (*host).to_owned(), port: *port }).collect();
        ask_all(&upstreams.iter().collect::<Vec<_>>(), Duration::from_secs(20))
    }

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let there = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = there.local_addr().unwrap().port();
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        let free = gone.local_addr().unwrap().port();
        drop(gone);
        let refused = || Err("connection refused".to_owned());
        assert_eq!(asked(&[("127.0.0.1", free), ("localhost", port), ("127.0.0.1", free)]), [refused(), Ok(()), refused()]);
        assert_eq!(asked(&[]), []);
        // More than are asked at once.
        let many = vec![("127.0.0.1", port); 3 * AT_ONCE];
        assert!(asked(&many).iter().all(Result::is_ok));
    }

    #[test]
    fn a_name_that_nobody_has() {
        let said = asked(&[("no-such-host.invalid", 1)])[0].clone().unwrap_err();
        assert!(said.contains("name"), "{said}");
    }

    #[test]
    fn whoever_never_answers_is_given_up() {
        // A listener whose queue is full drops what knocks: nothing answers, and nothing refuses.
        let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        full.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        full.listen(0).unwrap();
        let address = full.local_addr().unwrap().as_socket().unwrap();
        let mut queue = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            queue.push(stream);
            assert!(queue.len() < 1000, "the queue has no end");
        }
        let upstream = Upstream { host: "127.0.0.1".to_owned(), port: address.port() };
        let limit = Duration::from_millis(300);
        let begun = Instant::now();
        assert_eq!(ask_all(&[&upstream], limit), [Err("no answer within 0.3 s".to_owned())]);
        assert!(begun.elapsed() >= limit);
    }
}
