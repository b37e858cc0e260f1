//! The journal: everything that was ordered, decided and done, in one order, for a file, for the log and for whoever listens.
//! It has a thread of its own, so that a disk that stalls stalls nothing else. Nobody ever waits for it: what it cannot take is lost and counted.

use crate::{
    clock,
    exit::{Exit, Failure},
    log::{self, Log},
    say::{count, plain},
};
use faultwire_faults::{event::What, piece::Direction, record::ORIGINS};
use faultwire_http1::Refused;
use faultwire_proxy::told::{By, Fact, Told};
use serde_json::{Map, Value, json};
use std::{
    collections::VecDeque,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};
use tokio::sync::{broadcast, mpsc};

/// So many orders may wait to be written down.
const ORDERS: usize = 16_384;
/// So far may a listener lag behind before it is told what it has missed.
const LAG: usize = 4096;
/// So many are kept for listeners that come back.
const KEPT: usize = 1024;
/// What has been written reaches the file within this time.
const FLUSH: Duration = Duration::from_millis(100);

/// One line of the journal.
#[derive(Debug)]
pub struct Entry {
    /// Ascending from 1.
    pub id: u64,
    pub at: SystemTime,
    what: Said,
}

#[derive(Debug)]
enum Said {
    /// By the data plane.
    Told(Told),
    /// By the control plane: `event`, `msg` and whatever belongs to them.
    Record(Map<String, Value>),
}

enum Order {
    Record(SystemTime, Map<String, Value>),
    /// From now on, and not of what was told before.
    Speak(Log),
    /// Write down all there is, flush, and end.
    Close,
}

#[derive(Debug)]
pub struct Journal {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    listeners: broadcast::Sender<Arc<Entry>>,
    kept: Mutex<VecDeque<Arc<Entry>>>,
    /// Orders that could not be taken.
    lost: AtomicU64,
    /// Why the file could not be written, if it could not.
    broken: Mutex<Option<String>>,
}

impl Journal {
    /// Begins to write down what the data plane tells. The file is appended to.
    pub fn start(told: mpsc::Receiver<Told>, file: Option<&Path>, log: Log) -> Result<Journal, Failure> {
        let file = file.map(open).transpose()?;
        let shared = Arc::new(Shared {
            listeners: broadcast::Sender::new(LAG),
            kept: Mutex::default(),
            lost: AtomicU64::new(0),
            broken: Mutex::default(),
        });
        let (orders, inbox) = mpsc::channel(ORDERS);
        let clerk = Clerk { file, log, shared: shared.clone(), next: 1, dirty: false, told_lost: 0 };
        let failed = |error: std::io::Error| Failure::new(Exit::Unavailable, format!("error: cannot start the journal: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(failed)?;
        let run = move || runtime.block_on(clerk.run(told, inbox));
        let thread = std::thread::Builder::new().name("faultwire-journal".into()).spawn(run).map_err(failed)?;
        Ok(Journal { orders, shared, thread: Mutex::new(Some(thread)) })
    }

    /// Writes down something the control plane did. `fields` is an object.
    pub fn record(&self, event: &str, msg: impl Into<String>, fields: Value) {
        let order = Order::Record(SystemTime::now(), log::record(event, msg, fields));
        if self.orders.try_send(order).is_err() {
            self.shared.lost.fetch_add(1, Relaxed);
        }
    }

    /// Logs from now on, and nothing of what has been told before.
    pub fn speak(&self, log: Log) {
        if self.orders.try_send(Order::Speak(log)).is_err() {
            self.shared.lost.fetch_add(1, Relaxed);
        }
    }

    /// Everything from now on. Whoever reads too slowly is told how much it has missed.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Entry>> {
        self.shared.listeners.subscribe()
    }

    /// What came after that entry, as far as it is kept, with the number of those that are not; and everything from now on.
    pub fn listen_after(&self, id: u64) -> (u64, Vec<Arc<Entry>>, broadcast::Receiver<Arc<Entry>>) {
        let kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let again: Vec<Arc<Entry>> = kept.iter().filter(|entry| entry.id > id).cloned().collect();
        let missed = again.first().map_or(0, |first| first.id.saturating_sub(id + 1));
        (missed, again, self.shared.listeners.subscribe())
    }

    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Relaxed)
    }

    /// Why the file could not be written, if it could not.
    pub fn broken(&self) -> Option<String> {
        self.shared.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes down all there is and ends; waits for it, but not for ever.
    pub fn close(&self) {
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if self.orders.try_send(Order::Close).is_err() {
            return;
        }
        let end = Instant::now() + Duration::from_secs(2);
        while !thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn open(path: &Path) -> Result<(PathBuf, BufWriter<File>), Failure> {
    match File::options().create(true).append(true).open(path) {
        Ok(file) => Ok((path.to_owned(), BufWriter::with_capacity(64 << 10, file))),
        Err(error) => Err(Failure::new(Exit::CannotWrite, format!("error: cannot write the journal {}: {}", path.display(), plain(error)))),
    }
}

/// Whoever holds the pen.
struct Clerk {
    file: Option<(PathBuf, BufWriter<File>)>,
    log: Log,
    shared: Arc<Shared>,
    next: u64,
    dirty: bool,
    told_lost: u64,
}

impl Clerk {
    async fn run(mut self, mut told: mpsc::Receiver<Told>, mut orders: mpsc::Receiver<Order>) {
        let mut flush = tokio::time::Instant::now() + FLUSH;
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(flush), if self.dirty => self.flush(),
                order = orders.recv() => match order {
                    Some(Order::Record(at, record)) => {
                        // What was told before it stands before it.
                        self.catch_up(&mut told);
                        self.take(at, Said::Record(record));
                    }
                    Some(Order::Speak(log)) => {
                        self.catch_up(&mut told);
                        self.log = log;
                    }
                    Some(Order::Close) | None => break,
                },
                Some(fact) = told.recv() => self.take(fact.at, Said::Told(fact)),
            }
            if !self.dirty {
                flush = tokio::time::Instant::now() + FLUSH;
            }
        }
        self.catch_up(&mut told);
        self.flush();
    }

    fn catch_up(&mut self, told: &mut mpsc::Receiver<Told>) {
        for _ in 0..told.len() {
            let Ok(fact) = told.try_recv() else { return };
            self.take(fact.at, Said::Told(fact));
        }
    }

    fn take(&mut self, at: SystemTime, what: Said) {
        let entry = Arc::new(Entry { id: self.next, at, what });
        self.next += 1;
        self.log.write(&entry);
        let closed = entry.event() == "connection.closed";
        if !closed {
            self.write(&entry);
        }
        // Under one lock: whoever asks for what it missed gets each entry once.
        let mut kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !closed {
            kept.push_back(entry.clone());
            if kept.len() > KEPT {
                kept.pop_front();
            }
        }
        self.shared.listeners.send(entry).ok();
        drop(kept);
        self.say_losses();
    }

    fn write(&mut self, entry: &Entry) {
        let Some((_, file)) = &mut self.file else { return };
        let line = Value::Object(entry.json());
        match writeln!(file, "{line}") {
            Ok(()) => self.dirty = true,
            Err(error) => self.give_up(&error),
        }
    }

    fn flush(&mut self) {
        self.dirty = false;
        let Some((_, file)) = &mut self.file else { return };
        if let Err(error) = file.flush() {
            self.give_up(&error);
        }
    }

    /// A journal that cannot be written is said once, and kept in mind for the verdict.
    fn give_up(&mut self, error: &std::io::Error) {
        let Some((path, writer)) = self.file.take() else { return };
        // What is buffered can never be written; the writer must not try again when it is dropped.
        let _ = writer.into_parts();
        let msg = format!("the journal {} cannot be written any more: {}", path.display(), plain(error));
        *self.shared.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(msg.clone());
        self.log.write(&Entry { id: 0, at: SystemTime::now(), what: Said::Record(log::record("journal.lost", msg, json!({}))) });
    }

    fn say_losses(&mut self) {
        let lost = self.shared.lost.load(Relaxed);
        if lost > self.told_lost {
            self.told_lost = lost;
            let msg = format!("{lost} orders were not written down: the journal could not keep up");
            self.log.write(&Entry {
                id: 0,
                at: SystemTime::now(),
                what: Said::Record(log::record("journal.lost", msg, json!({ "lost": lost }))),
            });
        }
    }
}

impl Entry {
    pub fn event(&self) -> &str {
        match &self.what {
            Said::Record(record) => record.get("event").and_then(Value::as_str).unwrap_or_default(),
            Said::Told(told) => match &told.fact {
                Fact::Decision { what: What::Hit { .. }, .. } => "fault.hit",
                Fact::Decision { what: What::Suppressed(_), .. } => "fault.suppressed",
                Fact::Decision { what: What::Holed, .. } => "fault.holed",
                Fact::Closed { .. } => "connection.closed",
                Fact::Answered { .. } => "request.answered",
                Fact::LineFull { .. } => "line.full",
                Fact::Refused { .. } => "request.refused",
                Fact::ProtocolLost { .. } => "protocol.lost",
                Fact::FaultOn { .. } => "fault.on",
                Fact::FaultOff { .. } => "fault.off",
                Fact::Up { .. } => "proxy.up",
                Fact::Down { .. } => "proxy.down",
                Fact::AcceptFailed { .. } => "proxy.exhausted",
            },
        }
    }

    /// Which proxy it is about, if it is about one.
    pub fn proxy(&self) -> Option<&str> {
        match &self.what {
            Said::Told(told) => Some(&told.proxy),
            Said::Record(record) => record.get("proxy").and_then(Value::as_str),
        }
    }

    pub fn json(&self) -> Map<String, Value> {
        let mut json = Map::new();
        json.insert("ts".into(), clock::rfc3339(self.at).into());
        match &self.what {
            Said::Record(record) => json.extend(record.clone()),
            Said::Told(told) => {
                json.insert("event".into(), self.event().into());
                json.insert("proxy".into(), (*told.proxy).into());
                if let Value::Object(fields) = fields(&told.fact) {
                    json.extend(fields);
                }
                json.insert("generation".into(), told.generation.into());
            }
        }
        json
    }

    /// What needs more than a line: the diagnostics of a file that was refused.
    pub fn long(&self) -> Option<&str> {
        match &self.what {
            Said::Record(record) => record.get("why").and_then(Value::as_str).filter(|text| text.contains('\n')),
            Said::Told(_) => None,
        }
    }

    /// The same for people, in one line.
    pub fn sentence(&self) -> String {
        match &self.what {
            Said::Record(record) => record.get("msg").and_then(Value::as_str).unwrap_or(self.event()).to_owned(),
            Said::Told(told) => sentence(told),
        }
    }
}

fn fields(fact: &Fact) -> Value {
    match fact {
        Fact::Decision { fault, n, request, trace, what, connection, peer } => {
            let mut json = json!({ "fault": *fault.name });
            match what {
                What::Hit { effect, direction } => {
                    json["effect"] = (*effect).into();
                    json["direction"] = direction.map(way).into();
                }
                What::Suppressed(reason) => json["reason"] = reason.name().into(),
                What::Holed => json["effect"] = fault.fault.leading().into(),
            }
            json["n"] = (*n).into();
            if let Some(request) = request {
                json["request"] = (**request).into();
            }
            if let Some(trace) = trace {
                json["trace"] = (**trace).into();
            }
            json["connection"] = (*connection).into();
            json["peer"] = peer.to_string().into();
            if !matches!(what, What::Suppressed(_)) {
                json["origin"] = "injected".into();
            }
            json
        }
        Fact::Closed { connection, peer, by, bytes } => {
            let mut json = json!({ "connection": connection, "peer": peer.to_string(), "class": by.class(),
                "bytes": { "to_server": bytes[0], "to_client": bytes[1] } });
            match by {
                By::Fault(name) => {
                    json["fault"] = (**name).into();
                    json["origin"] = "injected".into();
                }
                By::Dial(why) => json["why"] = why.as_str().into(),
                _ => {}
            }
            json
        }
        Fact::Answered { connection, peer, record } => {
            let mut json = json!({ "connection": connection, "peer": peer.to_string(), "n": record.number, "request": *record.request,
                "status": record.status, "origin": ORIGINS[usize::from(record.by.is_some())], "took_ms": record.took.as_secs_f64() * 1e3,
                "bytes": { "to_server": record.bytes(Direction::ToServer), "to_client": record.bytes(Direction::ToClient) } });
            if let Some(fault) = &record.by {
                json["fault"] = (**fault).into();
            }
            json
        }
        Fact::LineFull { connection } => json!({ "connection": connection }),
        Fact::Refused { connection, refused: Refused { reason, place } } => {
            json!({ "connection": connection, "reason": reason.row().word, "message": place.message, "byte": place.byte })
        }
        Fact::ProtocolLost { connection, lost } => json!({ "connection": connection, "reason": lost.reason, "message": lost.message }),
        Fact::FaultOn { fault } => {
            json!({ "fault": *fault.name, "does": fault.fault.describe(fault.on), "owner": fault.owner.to_string(), "written": fault.fault.written })
        }
        Fact::FaultOff { fault, hits } => json!({ "fault": *fault.name, "owner": fault.owner.to_string(), "hits": hits }),
        Fact::Up { address } | Fact::Down { address } => json!({ "address": address.to_string() }),
        Fact::AcceptFailed { why } => json!({ "why": why }),
    }
}

fn sentence(told: &Told) -> String {
    let proxy = &told.proxy;
    match &told.fact {
        Fact::Decision { fault, what, peer, .. } => match what {
            What::Hit { effect, .. } => format!("{proxy}  {effect}  {}  connection from {peer}", fault.name),
            What::Suppressed(reason) => format!("{proxy}  {} did not act on the connection from {peer}: {}", fault.name, reason.name()),
            What::Holed => format!("{proxy}  reset: {} had thrown away bytes of the connection from {peer}", fault.name),
        },
        Fact::Closed { peer, by, bytes, .. } => {
            let by = match by {
                By::Both => "both sides".to_owned(),
                By::ClientReset => "a reset of the client".to_owned(),
                By::UpstreamReset => "a reset of the upstream".to_owned(),
                By::Dial(why) => format!("the upstream: {why}"),
                By::Fault(name) => name.to_string(),
                By::Proxy => "the proxy".to_owned(),
            };
            format!("{proxy}  connection from {peer} ended by {by}; {} bytes to the server, {} to the client", bytes[0], bytes[1])
        }
        Fact::Answered { record, .. } => {
            let status = record.status.map_or("no answer".to_owned(), |status| status.to_string());
            let by = record.by.as_ref().map(|fault| format!(" by {fault}")).unwrap_or_default();
            format!("{proxy}  {}  {status}{by}  {:.1} ms", record.request, record.took.as_secs_f64() * 1e3)
        }
        Fact::Refused { refused, .. } => format!("{proxy}  a request was refused: {}", refused.reason.row().about),
        Fact::ProtocolLost { lost, .. } => format!("{proxy}  a connection goes on as plain bytes: {}", lost.about),
        Fact::LineFull { .. } => format!("{proxy}  a connection holds all it may: its latency now limits its throughput"),
        Fact::FaultOn { fault } => format!("{proxy}  {} is on: {}", fault.name, fault.fault.describe(fault.on)),
        Fact::FaultOff { fault, hits } => format!("{proxy}  {} is off after {}", fault.name, count(*hits as usize, "hit")),
        Fact::Up { address } => format!("{proxy}  listens on {address}"),
        Fact::Down { address } => format!("{proxy}  refuses on {address}"),
        Fact::AcceptFailed { why } => format!("{proxy}  cannot accept connections: {why}"),
    }
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::ToServer => "to_server",
        Direction::ToClient => "to_client",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_in_the_file_and_heard_once() {
        let path = std::env::temp_dir().join(format!("faultwire-journal-{}.jsonl", std::process::id()));
        let (tell, told) = mpsc::channel(8);
        let journal = Journal::start(told, Some(&path), Log::silent()).unwrap();
        let mut listener = journal.listen();
        journal.record("config.loaded", "loaded", json!({ "file": "a.yaml" }));
        tell.blocking_send(Told { at: SystemTime::now(), proxy: "redis".into(), generation: 3, fact: Fact::LineFull { connection: 7 } })
            .unwrap();
        while journal.shared.kept.lock().unwrap().len() < 2 {
            std::thread::yield_now();
        }
        let (missed, again, _) = journal.listen_after(1);
        assert_eq!((missed, again.len()), (0, 1));
        journal.close();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).ok();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().any(|line| line["event"] == "config.loaded" && line["file"] == "a.yaml"));
        assert!(lines.iter().any(|line| line["event"] == "line.full" && line["proxy"] == "redis" && line["generation"] == 3));
        assert_eq!(listener.blocking_recv().unwrap().id, 1);
    }

    #[test]
    fn a_journal_that_cannot_be_opened_is_said() {
        let (_, told) = mpsc::channel(1);
        let failure = Journal::start(told, Some(Path::new("/nowhere/at/all.jsonl")), Log::silent()).unwrap_err();
        assert_eq!(failure.exit, Exit::CannotWrite);
    }
}
