//! A stage: one proxy of one server, a client and an upstream, all in the hands of a scene. What is expected of a step is coarse: which
//! bytes come, how it ends, what never comes earlier than it may. So both servers can be held to the same words on a busy machine.

use super::server::{BOTH, Server, Who};
use crate::{harness::connect, upstream::reset};
use Step::*;
use std::{
    fmt,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// What happens, and what is seen of it on both servers.
pub struct Scene {
    pub name: &'static str,
    pub streams: &'static [Stream],
    pub steps: &'static [Step],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Upstream,
    Downstream,
}

/// A scene is played in each of them: the source is where the stream begins, the sink where it ends.
pub const EITHER: &[Stream] = &[Stream::Upstream, Stream::Downstream];
pub const DOWN: &[Stream] = &[Stream::Downstream];

#[derive(Debug)]
pub enum Step {
    /// Adds a toxic of this type to the stream, by the name of its type, with these attributes.
    Add(&'static str, &'static str),
    /// Adds this toxic.
    Post(&'static str),
    /// Changes a toxic's attributes.
    Change(&'static str, &'static str),
    /// Asks the API, and it goes well. Path and body may name `{proxy}`, `{listen}`, `{port}`, `{upstream}`, and `{dead}`, where nobody is.
    Ask(&'static str, &'static str, &'static str),
    Remove(&'static str),

    /// A client connects, and the proxy to the upstream. The following is about this connection.
    Open,
    /// A client connects, and nobody is there.
    OpenAlone,
    /// Nobody takes connections.
    Refused,
    /// From here on it is about the first connection.
    First,

    /// The source sends so many bytes.
    Send(usize),
    Fin,
    Rst,
    /// The sink sends so many bytes, the other way.
    Reply(usize),
    ReplyFin,

    /// So many bytes come next at the sink, not earlier than so many milliseconds after what was done last.
    Get(usize, u64),
    /// So many bytes come, not as late as so many milliseconds: for what would otherwise be later by far.
    GetBefore(usize, u64),
    /// So many bytes come in so many pieces or more, none of which is smaller than that.
    Pieces(usize, usize, usize, u64),
    /// Some of them have come, and not all so many.
    Begin(usize),
    /// All that was not there yet comes, up to so many bytes of the stream.
    Until(usize),
    /// So many bytes that were sent will not come.
    Lost(usize),
    /// Nothing comes for a while, and no end.
    Silence,
    /// So many milliseconds pass, in which nothing comes.
    Pass(u64),
    /// The end comes, not as late as so many milliseconds: for what would otherwise be later by far.
    EndBefore(u64),
    /// The end comes next, not earlier than so many milliseconds after what was done last.
    End(u64),
    /// A reset comes next, as early.
    Reset(u64),

    /// The same at the source, of what the sink has sent.
    ReplyGet(usize),
    ReplySilence,
    ReplyEnd,
    ReplyReset,
    /// An end comes, or a reset: which of the two depends on what had not been read.
    ReplyGone,

    /// Where Faultwire is better on purpose: what Toxiproxy does, what Faultwire does, and why.
    Differs(&'static [Step], &'static [Step], &'static str),
}

/// What comes late comes within this time, also on a busy machine. Whatever is to be noticed when it comes too late is later by far.
const PATIENCE: Duration = Duration::from_secs(20);
/// Nothing has come within this time, so nothing will.
const SILENCE: Duration = Duration::from_millis(250);

/// So many scenes at the same time: they wait more than they work, but the bytes of each are to get through.
const PLAYERS: usize = 24;

/// Plays all scenes on one pair of servers, at the same time.
pub fn play(scenes: &'static [Scene]) {
    let plays = scenes.iter().flat_map(|scene| scene.streams.iter().map(move |stream| (scene, *stream)));
    play_together(&plays.collect::<Vec<_>>());
}

/// Each on servers of its own: for what is asked of all proxies at once.
pub fn play_alone(scenes: &'static [Scene]) {
    for scene in scenes {
        for stream in scene.streams {
            play_together(&[(scene, *stream)]);
        }
    }
}

fn play_together(scenes: &[(&'static Scene, Stream)]) {
    let mut servers = BOTH.map(Server::start);
    let plays: Vec<_> = servers.iter().flat_map(|server| scenes.iter().map(move |(scene, stream)| (server, *scene, *stream))).collect();
    let next = AtomicUsize::new(0);
    let work = || std::iter::from_fn(|| plays.get(next.fetch_add(1, Relaxed)));
    let player = || work().filter_map(|play| perform(*play).err()).collect::<Vec<_>>();
    let wrong: Vec<String> = thread::scope(|scope| {
        let players: Vec<_> = (0..PLAYERS).map(|_| scope.spawn(player)).collect();
        players.into_iter().flat_map(|player| player.join().unwrap_or_else(|_| vec!["it panicked".to_owned()])).collect()
    });
    let mut last_words = String::new();
    for server in servers.iter_mut().filter(|_| !wrong.is_empty()) {
        if server.process.exited().is_some() {
            server.process.wait();
            last_words += &format!("{} has fallen:\n{}", server.who, server.process.log());
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}\n{last_words}", wrong.len(), scenes.len() * 2, wrong.join("\n"));
}

fn perform((server, scene, stream): (&Server, &Scene, Stream)) -> Result<(), String> {
    let mut stage = Stage::new(server, stream);
    for (at, step) in scene.steps.iter().enumerate() {
        stage.act(step).map_err(|why| format!("{}, {stream:?}, {}, step {at} {step:?}: {why}", scene.name, server.who))?;
    }
    Ok(())
}

struct Stage<'a> {
    server: &'a Server,
    stream: Stream,
    proxy: String,
    listen: SocketAddr,
    upstream: TcpListener,
    lines: Vec<Line>,
    now: usize,
    /// When the last thing was done.
    done: Instant,
}

/// One connection: its two ends.
struct Line {
    source: End,
    sink: End,
}

/// One socket, with how much was sent and read of its streams. The n-th byte of each is known.
struct End {
    socket: TcpStream,
    sent: usize,
    read: usize,
}

impl Stage<'_> {
    fn new(server: &Server, stream: Stream) -> Stage<'_> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let proxy = format!("scene-{}", COUNT.fetch_add(1, Relaxed));
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = server.proxy(&proxy, upstream.local_addr().unwrap());
        Stage { server, stream, proxy, listen, upstream, lines: Vec::new(), now: 0, done: Instant::now() }
    }

    fn act(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Differs(real, ours, because) => {
                assert!(!because.is_empty(), "a difference has a reason");
                let steps = if self.server.who == Who::Real { real } else { ours };
                return steps.iter().try_for_each(|step| self.act(step).map_err(|why| format!("{step:?}: {why}")));
            }
            Silence | Pass(_) | EndBefore(_) | ReplySilence | Get(..) | GetBefore(..) | Pieces(..) | Begin(_) | Until(_) | Lost(_)
            | End(_) | Reset(_) => {}
            ReplyGet(_) | ReplyEnd | ReplyReset | ReplyGone => {}
            _ => self.done = Instant::now(),
        }
        match *step {
            Add(kind, attributes) => {
                self.post(&format!(r#"{{"type":"{kind}","name":"{kind}","stream":"{}","attributes":{attributes}}}"#, self.stream))
            }
            Post(toxic) => self.post(toxic),
            Change(name, attributes) => {
                self.ask("PATCH", &format!("/proxies/{{proxy}}/toxics/{name}"), &format!(r#"{{"attributes":{attributes}}}"#))
            }
            Remove(name) => self.ask("DELETE", &format!("/proxies/{{proxy}}/toxics/{name}"), ""),
            Ask(method, path, body) => self.ask(method, path, body),
            Open => self.open(),
            OpenAlone => {
                let here = TcpStream::connect(self.listen).map_err(|error| error.to_string())?;
                // There is no other end: this one stands for it.
                let there = here.try_clone().unwrap();
                self.join(here, there);
                Ok(())
            }
            Refused => match TcpStream::connect(self.listen) {
                Ok(_) => Err("it was not refused".to_owned()),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
                Err(error) => Err(error.to_string()),
            },
            First => {
                self.now = 0;
                Ok(())
            }
            Send(count) => self.line().source.send(count),
            Fin => self.line().source.socket.shutdown(Shutdown::Write).map_err(|error| error.to_string()),
            Rst => {
                let line = self.line();
                reset(&line.source.socket);
                // It is closed when something else takes its place.
                line.source.socket = line.sink.socket.try_clone().unwrap();
                Ok(())
            }
            Reply(count) => self.line().sink.send(count),
            ReplyFin => self.line().sink.socket.shutdown(Shutdown::Write).map_err(|error| error.to_string()),
            Get(count, after) => {
                let line = self.line();
                line.sink.get(count)?;
                self.not_before(after)
            }
            GetBefore(count, before) => {
                let took = self.line().sink.get(count).map(|_| self.done.elapsed())?;
                if took < Duration::from_millis(before) { Ok(()) } else { Err(format!("late: after {took:?}")) }
            }
            Pieces(count, at_least, smallest, after) => {
                let pieces = self.line().sink.get(count)?;
                let enough = pieces.len() >= at_least && pieces.iter().all(|piece| *piece >= smallest);
                if enough { self.not_before(after) } else { Err(format!("pieces of {pieces:?}")) }
            }
            Begin(all) => {
                let sink = &mut self.line().sink;
                let (before, some) = (sink.read, sink.some(usize::MAX)?);
                if before + some < all { Ok(()) } else { Err(format!("{some} bytes came at once")) }
            }
            Until(position) => {
                let sink = &mut self.line().sink;
                sink.get(position - sink.read).map(drop)
            }
            Lost(count) => {
                self.line().sink.read += count;
                Ok(())
            }
            Silence => self.line().sink.silence(SILENCE),
            Pass(millis) => self.line().sink.silence(Duration::from_millis(millis)),
            EndBefore(before) => {
                let end = self.line().sink.end()?;
                let took = self.done.elapsed();
                let is_early = took < Duration::from_millis(before);
                if end == Ended::Fin && is_early { Ok(()) } else { Err(format!("{end:?} came after {took:?}")) }
            }
            End(after) => {
                let end = self.line().sink.end()?;
                if end == Ended::Fin { self.not_before(after) } else { Err("a reset came".to_owned()) }
            }
            Reset(after) => {
                let end = self.line().sink.end()?;
                if end == Ended::Rst { self.not_before(after) } else { Err("an end came".to_owned()) }
            }
            ReplyGet(count) => self.line().source.get(count).map(drop),
            ReplySilence => self.line().source.silence(SILENCE),
            ReplyEnd | ReplyReset | ReplyGone => {
                let wanted = match step {
                    ReplyEnd => Some(Ended::Fin),
                    ReplyReset => Some(Ended::Rst),
                    _ => None,
                };
                let end = self.line().source.end()?;
                if wanted.is_none_or(|wanted| wanted == end) { Ok(()) } else { Err(format!("{end:?} came")) }
            }
            Differs(..) => unreachable!("it has been taken apart"),
        }
    }

    fn line(&mut self) -> &mut Line {
        self.lines.get_mut(self.now).expect("a connection is opened first")
    }

    fn post(&self, toxic: &str) -> Result<(), String> {
        self.ask("POST", "/proxies/{proxy}/toxics", toxic)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<(), String> {
        let upstream = self.upstream.local_addr().unwrap();
        let fill = |text: &str| {
            let text = text.replace("{proxy}", &self.proxy).replace("{listen}", &self.listen.to_string());
            let text = text.replace("{port}", &self.listen.port().to_string()).replace("{stream}", &self.stream.to_string());
            text.replace("{upstream}", &upstream.to_string())
                .replace("{upstream_port}", &upstream.port().to_string())
                .replace("{dead}", "127.0.0.1:1")
        };
        let reply = self.server.try_call(method, &fill(path), &fill(body)).map_err(|error| error.to_string())?;
        if (200..300).contains(&reply.status) { Ok(()) } else { Err(reply.to_string()) }
    }

    fn open(&mut self) -> Result<(), String> {
        let client = connect(self.listen);
        self.upstream.set_nonblocking(true).unwrap();
        let begin = Instant::now();
        let server = loop {
            match self.upstream.accept() {
                Ok((server, _)) => break server,
                Err(_) if begin.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(1)),
                Err(error) => return Err(format!("nobody came to the upstream: {error}")),
            }
        };
        server.set_nonblocking(false).unwrap();
        server.set_nodelay(true).unwrap();
        match self.stream {
            Stream::Upstream => self.join(client, server),
            Stream::Downstream => self.join(server, client),
        }
        Ok(())
    }

    fn join(&mut self, source: TcpStream, sink: TcpStream) {
        let [source, sink] = [source, sink].map(|socket| End { socket, sent: 0, read: 0 });
        self.lines.push(Line { source, sink });
        self.now = self.lines.len() - 1;
    }

    fn not_before(&self, millis: u64) -> Result<(), String> {
        let took = self.done.elapsed();
        if took >= Duration::from_millis(millis) { Ok(()) } else { Err(format!("early: after {took:?}")) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Fin,
    Rst,
}

/// The byte at this place of a stream.
fn byte(at: usize) -> u8 {
    (at % 251) as u8
}

impl End {
    fn send(&mut self, count: usize) -> Result<(), String> {
        let bytes: Vec<u8> = (self.sent..self.sent + count).map(byte).collect();
        self.sent += count;
        self.socket.set_write_timeout(Some(PATIENCE)).unwrap();
        self.socket.write_all(&bytes).map_err(|error| format!("cannot send: {error}"))
    }

    /// What comes next, of at most so many bytes; how many they are.
    fn some(&mut self, most: usize) -> Result<usize, String> {
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut buffer = vec![0; most.min(64 << 10)];
        match self.socket.read(&mut buffer) {
            Ok(0) => Err("the end came".to_owned()),
            Ok(n) => {
                let wrong = (0..n).find(|at| buffer[*at] != byte(self.read + at));
                self.read += n;
                wrong.map_or(Ok(n), |at| Err(format!("byte {at} of {n} is not the one that was sent")))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(format!("nothing came within {PATIENCE:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// So many bytes, and the pieces in which they came.
    fn get(&mut self, count: usize) -> Result<Vec<usize>, String> {
        let mut pieces = Vec::new();
        while pieces.iter().sum::<usize>() < count {
            let got: usize = pieces.iter().sum();
            pieces.push(self.some(count - got).map_err(|why| format!("after {got} bytes {why}"))?);
        }
        Ok(pieces)
    }

    fn silence(&mut self, time: Duration) -> Result<(), String> {
        self.socket.set_read_timeout(Some(time)).unwrap();
        match self.socket.read(&mut [0; 1024]) {
            Ok(0) => Err("the end came".to_owned()),
            Ok(n) => Err(format!("{n} bytes came")),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn end(&mut self) -> Result<Ended, String> {
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        match self.socket.read(&mut [0; 1024]) {
            Ok(0) => Ok(Ended::Fin),
            Ok(n) => Err(format!("{n} bytes came")),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(Ended::Rst),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(format!("it did not end within {PATIENCE:?}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stream::Upstream => "upstream",
            Stream::Downstream => "downstream",
        })
    }
}
