//! Servers that behave as a test says. Each connection has a thread; nothing is left when the upstream goes.

use crate::pattern::Pattern;
use socket2::SockRef;
use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// A server that is there until it is dropped.
pub struct Upstream {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    accepted: AtomicU64,
    received: AtomicU64,
    open: Mutex<HashMap<u64, TcpStream>>,
}

/// One connection, as a script sees it.
pub struct Conn {
    pub stream: TcpStream,
    /// From 0, in the order of arrival.
    pub n: u64,
    shared: Arc<Shared>,
}

impl Upstream {
    /// Runs this script for every connection.
    pub fn script(serve: impl Fn(Conn) + Send + Sync + 'static) -> Upstream {
        Upstream::script_at((Ipv4Addr::LOCALHOST, 0).into(), serve)
    }

    pub fn script_at(address: SocketAddr, serve: impl Fn(Conn) + Send + Sync + 'static) -> Upstream {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let (own, serve) = (shared.clone(), Arc::new(serve));
        let accepting = thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if own.stop.load(SeqCst) {
                    return;
                }
                stream.set_nodelay(true).ok();
                stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
                let n = own.accepted.fetch_add(1, SeqCst);
                if let Ok(copy) = stream.try_clone() {
                    own.open.lock().unwrap().insert(n, copy);
                }
                let (conn, serve) = (Conn { stream, n, shared: own.clone() }, serve.clone());
                thread::Builder::new().stack_size(256 << 10).spawn(move || serve(conn)).unwrap();
            }
        });
        Upstream { address, shared, accepting: Some(accepting) }
    }

    /// Sends back what it gets, and ends when the client does.
    pub fn echo() -> Upstream {
        Upstream::script(echo)
    }

    /// Sends this many bytes of a pattern, then ends.
    pub fn source(seed: u64, length: u64) -> Upstream {
        Upstream::script(move |mut conn| {
            if Pattern::new(seed).send(&mut conn.stream, length, 16 << 10).is_ok() {
                conn.stream.shutdown(Shutdown::Write).ok();
                conn.read_all();
            }
            conn.close();
        })
    }

    /// Reads everything and says nothing until the client has ended; then it sends the count of bytes, eight bytes of it.
    pub fn sink() -> Upstream {
        Upstream::script(|mut conn| {
            let count = conn.read_all();
            conn.stream.write_all(&count.to_be_bytes()).ok();
            conn.close();
        })
    }

    /// Waits for the first bytes, then resets.
    pub fn resetting() -> Upstream {
        Upstream::script(|mut conn| {
            let mut buffer = [0; 1024];
            conn.read(&mut buffer).ok();
            conn.reset();
        })
    }

    /// Accepts, and never reads a byte.
    pub fn never_reads() -> Upstream {
        Upstream::script(|conn| {
            while !conn.shared.stop.load(SeqCst) {
                thread::park_timeout(Duration::from_millis(20));
            }
        })
    }

    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(SeqCst)
    }

    /// Bytes that scripts have read.
    pub fn received(&self) -> u64 {
        self.shared.received.load(SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        for (_, stream) in self.shared.open.lock().unwrap().drain() {
            stream.shutdown(Shutdown::Both).ok();
        }
        // Accepting ends with the next connection.
        if TcpStream::connect(self.address).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            accepting.join().ok();
        }
    }
}

impl Conn {
    /// Reads to the end, whichever it is; how many bytes there were.
    pub fn read_all(&mut self) -> u64 {
        let mut buffer = vec![0; 64 << 10];
        let mut count = 0;
        loop {
            match self.read(&mut buffer) {
                Ok(0) | Err(_) => return count,
                Ok(n) => count += n as u64,
            }
        }
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.stream.read(buffer)?;
        self.shared.received.fetch_add(n as u64, SeqCst);
        Ok(n)
    }

    /// Ends both ways.
    pub fn close(self) {
        self.forget();
        self.stream.shutdown(Shutdown::Both).ok();
    }

    /// Ends with RST.
    pub fn reset(self) {
        reset(&self.stream);
        self.forget();
    }

    /// The copy kept for the end would keep the socket open.
    fn forget(&self) {
        self.shared.open.lock().unwrap().remove(&self.n);
    }
}

/// From here on, closing this socket sends RST.
pub fn reset(stream: &TcpStream) {
    SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
}

pub fn echo(mut conn: Conn) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match conn.read(&mut buffer) {
            Ok(0) => break,
            Err(_) => return conn.close(),
            Ok(n) => {
                if conn.stream.write_all(&buffer[..n]).is_err() {
                    return conn.close();
                }
            }
        }
    }
    conn.stream.shutdown(Shutdown::Write).ok();
    conn.close();
}

/// A port that takes no connection: its queue is full, so attempts get no answer.
pub struct Silent {
    pub address: SocketAddr,
    _listener: socket2::Socket,
    _queue: Vec<socket2::Socket>,
}

impl Silent {
    pub fn new() -> Silent {
        let new = || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let listener = new();
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        listener.listen(1).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let queue = (0..4)
            .map(|_| {
                let waiting = new();
                waiting.set_nonblocking(true).unwrap();
                waiting.connect(&address.into()).ok();
                waiting
            })
            .collect();
        Silent { address, _listener: listener, _queue: queue }
    }
}
