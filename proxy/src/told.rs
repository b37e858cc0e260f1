//! What the data plane tells the outside: plain data through a bounded buffer that traffic never waits for. A loss is counted.

use faultwire_faults::{event::What, plan::Compiled, record::Record, requests::Lost};
use faultwire_http1::Refused;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::SystemTime,
};
use tokio::sync::mpsc;

/// So many may wait for whoever writes them down.
const BUFFER: usize = 65_536;

#[derive(Clone, Debug)]
pub struct Told {
    pub at: SystemTime,
    pub proxy: Arc<str>,
    pub generation: u64,
    pub fact: Fact,
}

#[derive(Clone, Debug)]
pub enum Fact {
    /// What a fault decided for a connection.
    Decision {
        fault: Arc<Compiled>,
        n: u64,
        /// Which request it was, if it was one.
        request: Option<Box<str>>,
        trace: Option<Box<str>>,
        what: What,
        connection: u64,
        peer: SocketAddr,
    },
    Closed {
        connection: u64,
        peer: SocketAddr,
        by: By,
        bytes: [u64; 2],
    },
    /// A request has been answered, or has ended without an answer.
    Answered {
        connection: u64,
        peer: SocketAddr,
        record: Box<Record>,
    },
    /// A direction holds all it may: latency now limits throughput.
    LineFull {
        connection: u64,
    },
    /// A request could be read in two ways, or not at all, and was refused.
    Refused {
        connection: u64,
        refused: Refused,
    },
    /// Answers could not be read: the rest of the connection is plain bytes.
    ProtocolLost {
        connection: u64,
        lost: Lost,
    },
    FaultOn {
        fault: Arc<Compiled>,
    },
    FaultOff {
        fault: Arc<Compiled>,
        hits: u64,
    },
    Up {
        address: SocketAddr,
    },
    Down {
        address: SocketAddr,
    },
    /// Accepting fails, for want of descriptors as a rule.
    AcceptFailed {
        why: String,
    },
}

/// Who ended a connection, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Both sides ended it in their own time.
    Both,
    ClientReset,
    UpstreamReset,
    /// The upstream could not be reached.
    Dial(String),
    Fault(Arc<str>),
    /// The proxy was removed, or the process ended.
    Proxy,
}

impl By {
    /// For the label `class`.
    pub fn class(&self) -> &'static str {
        match self {
            By::Both => "closed",
            By::ClientReset | By::UpstreamReset => "reset",
            By::Dial(_) => "refused",
            By::Fault(_) => "fault",
            By::Proxy => "cut",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Teller {
    buffer: mpsc::Sender<Told>,
    lost: Arc<AtomicU64>,
    /// So many want to know of every request.
    watchers: Arc<AtomicUsize>,
}

/// As long as it is there, every request is told.
#[derive(Debug)]
pub struct Watching(Arc<AtomicUsize>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Teller {
    pub fn new() -> (Teller, mpsc::Receiver<Told>) {
        let (buffer, receiver) = mpsc::channel(BUFFER);
        (Teller { buffer, lost: Arc::default(), watchers: Arc::default() }, receiver)
    }

    pub fn tell(&self, proxy: &Arc<str>, generation: u64, fact: Fact) {
        let told = Told { at: SystemTime::now(), proxy: proxy.clone(), generation, fact };
        if self.buffer.try_send(told).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// Has every request told, as long as somebody watches: there may be very many.
    pub fn watch_requests(&self) -> Watching {
        self.watchers.fetch_add(1, Relaxed);
        Watching(self.watchers.clone())
    }

    pub fn is_watched(&self) -> bool {
        self.watchers.load(Relaxed) > 0
    }

    /// How many were lost because nobody wrote them down in time.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}
