//! Conversations byte by byte: what each side says stands here as it is on the wire, and the other side gets exactly that, before the next word is
//! said. All of it is legal, or what servers that are long in use do; what a client may not say stands in `smuggling`.

use super::proxy;
use crate::harness::{PATIENCE, connect, eventually, patient};
use conversations::{CONVERSATIONS, Step};
use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

mod conversations;

/// Both ends of one conversation. A proxy may call the server only when there is something to say.
struct Ends<'a> {
    listener: &'a TcpListener,
    client: TcpStream,
    server: Option<TcpStream>,
}

impl Ends<'_> {
    fn server(&mut self) -> &TcpStream {
        self.server.get_or_insert_with(|| {
            let mut server = None;
            eventually("the server is called", || {
                server = self.listener.accept().ok();
                server.is_some()
            });
            let (server, _) = server.unwrap();
            server.set_nonblocking(false).unwrap();
            patient(&server);
            server
        })
    }

    /// Writes pieces of this size on one side, and reads as much on the other.
    fn say(&mut self, to_server: bool, bytes: &[u8], size: usize) -> Result<(), String> {
        let client = self.client.try_clone().unwrap();
        let (mut from, to) = if to_server { (client, None) } else { (self.server().try_clone().unwrap(), Some(client)) };
        thread::scope(|scope| {
            scope.spawn(move || bytes.chunks(size).all(|piece| from.write_all(piece).is_ok()));
            let mut to = to.unwrap_or_else(|| self.server().try_clone().unwrap());
            let mut got = vec![0; bytes.len()];
            let mut at = 0;
            while at < got.len() {
                match to.read(&mut got[at..]) {
                    Ok(0) => break,
                    Err(error) => return Err(format!("after {} of {} B: {error}", at, bytes.len())),
                    Ok(n) => at += n,
                }
            }
            if got[..at] == *bytes { Ok(()) } else { Err(format!("{} came for {}", shown(&got[..at]), shown(bytes))) }
        })
    }

    fn step(&mut self, step: &Step, size: usize) -> Result<(), String> {
        match step {
            Step::Client(bytes) => self.say(true, bytes, size),
            Step::Server(bytes) => self.say(false, bytes, size),
            Step::ClientEnds => {
                self.client.shutdown(Shutdown::Write).unwrap();
                ended(self.server())
            }
            Step::ServerEnds => {
                self.server().shutdown(Shutdown::Write).unwrap();
                ended(&self.client)
            }
            Step::ServerResets => {
                crate::upstream::reset(self.server());
                self.server = None;
                match self.client.read(&mut [0; 9]) {
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
                    other => Err(format!("{other:?} instead of a reset")),
                }
            }
        }
    }
}

fn ended(mut side: &TcpStream) -> Result<(), String> {
    match side.read(&mut [0; 9]) {
        Ok(0) => Ok(()),
        other => Err(format!("{other:?} instead of an end")),
    }
}

fn shown(bytes: &[u8]) -> String {
    let short = &bytes[..bytes.len().min(300)];
    format!("{} B \"{}\"", bytes.len(), short.escape_ascii())
}

/// What goes wrong, and in which step of it.
fn play(to: SocketAddr, listener: &TcpListener, steps: &[Step], size: usize) -> Result<(), String> {
    let mut ends = Ends { listener, client: connect(to), server: None };
    steps.iter().enumerate().try_for_each(|(n, step)| ends.step(step, size).map_err(|why| format!("step {n}: {why}")))
}

#[test]
fn every_conversation_passes_as_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let straight = listener.local_addr().unwrap();
    let running = proxy(straight);
    let through = running.port("web");
    let mut wrong = Vec::new();
    for (name, steps) in CONVERSATIONS {
        for size in [usize::MAX, 1, 7] {
            play(straight, &listener, steps, size).unwrap_or_else(|why| panic!("{name} straight: {why}"));
            if let Err(why) = play(through, &listener, steps, size) {
                wrong.push(format!("{name} in pieces of {size}: {why}"));
            }
            // A call that nobody took is not that of the next one.
            while listener.accept().is_ok() {}
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), CONVERSATIONS.len(), wrong.join("\n"));
}

/// Whole conversations of the engine's own corpus: the server answers as soon as it has heard anything, and both say all that they have to say.
#[test]
fn the_corpus_of_the_engine_passes_as_it_is() {
    let folder = crate::conformance::source("../proxy/http1/tests/corpus");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        assert_eq!(crate::conformance::SCHEME, "tcp://", "there is no {}", folder.display());
        eprintln!("the corpus of the engine is NOT played: nothing reads HTTP here yet");
        return;
    };
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.unwrap().file_name().to_str().unwrap().strip_suffix(".http").map(str::to_owned)).collect();
    names.retain(|name| !name.ends_with(".answers"));
    names.sort();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let running = proxy(listener.local_addr().unwrap());
    let mut wrong = Vec::new();
    for name in &names {
        let [requests, answers] =
            ["http", "answers.http"].map(|kind| std::fs::read(folder.join(format!("{name}.{kind}"))).unwrap_or_default());
        if let Err(why) = play_whole(running.port("web"), &listener, &requests, &answers) {
            wrong.push(format!("{name}: {why}"));
        }
        while listener.accept().is_ok() {}
    }
    assert!(names.len() >= 25, "{names:?}");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), names.len(), wrong.join("\n"));
}

fn play_whole(to: SocketAddr, listener: &TcpListener, requests: &[u8], answers: &[u8]) -> Result<(), String> {
    let mut ends = Ends { listener, client: connect(to), server: None };
    let mut client = ends.client.try_clone().unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            client.write_all(requests).ok();
            client.shutdown(Shutdown::Write).ok();
        });
        let mut server = ends.server().try_clone().unwrap();
        let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
        let first = if requests.is_empty() { 0 } else { server.read(&mut buffer).map_err(|error| error.to_string())? };
        heard.extend_from_slice(&buffer[..first]);
        let mut answering = server.try_clone().unwrap();
        scope.spawn(move || {
            answering.write_all(answers).ok();
            answering.shutdown(Shutdown::Write).ok();
        });
        let hearing = scope.spawn(move || {
            server.read_to_end(&mut heard).ok();
            heard
        });
        let mut told = Vec::new();
        ends.client.read_to_end(&mut told).ok();
        let heard = hearing.join().unwrap();
        if heard != requests {
            return Err(format!("the server got {} for {}", shown(&heard), shown(requests)));
        }
        if told != answers {
            return Err(format!("the client got {} for {}", shown(&told), shown(answers)));
        }
        Ok(())
    })
}
