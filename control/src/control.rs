//! What the whole control plane shares: the proxies it drives, the journal it writes, what the file said. Changes go through here,
//! one at a time. It knows neither HTTP nor the command line.

use crate::{
    config::Config,
    exit::{Exit, Failure},
    journal::Journal,
    say::{count, plain},
};
use faultwire_faults::{fault::Fault, plan::Owner, units::Span};
use faultwire_proxy::proxies::{FaultError, FaultView, Heal, Link, Proxies};
use serde_json::{Value, json};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Notify, watch};

/// For faults that come through the API or the command line and do not say their own.
pub const USUAL_LEASE: Span = Span::from_secs(15 * 60);

/// How Toxiproxy's API is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// What Toxiproxy would pass over in silence is refused.
    pub strict: bool,
    /// Its two counters of bytes stand among the measures.
    pub counters: bool,
}

#[derive(Debug)]
pub struct Control {
    pub proxies: Arc<Proxies>,
    pub journal: Journal,
    /// The host to listen on where none is said.
    pub bind: String,
    pub manners: Manners,
    /// Where the API listens, once it does.
    api: OnceLock<SocketAddr>,
    file: Mutex<FileState>,
    turn: tokio::sync::Mutex<()>,
    stopping: AtomicBool,
    /// Whether streams of events are to end.
    over: watch::Sender<bool>,
    /// Rung when something has been ordered, for whoever watches leases.
    ordered: Notify,
}

/// What is known of the scenario file.
#[derive(Clone, Debug, Default)]
pub struct FileState {
    /// In force.
    pub config: Config,
    /// Why the file as it is now was refused, if it was.
    pub refused: Option<String>,
}

/// What a reload did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
    pub faults: usize,
    pub generation: u64,
}

impl Control {
    pub fn new(proxies: Arc<Proxies>, journal: Journal, bind: String, manners: Manners, config: Config) -> Control {
        let file = Mutex::new(FileState { config, refused: None });
        Control {
            proxies,
            journal,
            bind,
            manners,
            file,
            api: OnceLock::new(),
            turn: tokio::sync::Mutex::default(),
            stopping: AtomicBool::new(false),
            over: watch::Sender::new(false),
            ordered: Notify::new(),
        }
    }

    /// Held over a change that looks before it acts, so that nothing else changes in between. Never held while waiting for a peer.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Says where the API listens.
    pub fn opened(&self, api: SocketAddr) {
        self.api.set(api).ok();
    }

    /// Whether a proxy would lead to our own API: what goes wrong must not reach what heals it.
    pub fn leads_here(&self, link: &Link) -> bool {
        let Some(api) = self.api.get().filter(|api| api.port() == link.upstream.port) else { return false };
        match link.upstream.host.parse::<IpAddr>() {
            Ok(ip) => ip == api.ip() || ip.is_unspecified() || (ip.is_loopback() && api.ip().is_unspecified()),
            Err(_) => link.upstream.host == "localhost" && (api.ip().is_loopback() || api.ip().is_unspecified()),
        }
    }

    pub fn file(&self) -> FileState {
        self.locked().clone()
    }

    /// Ends all streams of events: there will be no more.
    pub fn end_streams(&self) {
        self.over.send_replace(true);
    }

    /// Waits for that.
    pub fn streams_end(&self) -> watch::Receiver<bool> {
        self.over.subscribe()
    }

    /// Says that something has been ordered.
    pub fn ring(&self) {
        self.ordered.notify_one();
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    pub fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// How many events were lost because nobody could write them down in time.
    pub fn lost(&self) -> u64 {
        self.proxies.teller().lost() + self.journal.lost()
    }

    /// Heals: removes faults, and switches off those of the file, which stay there to be switched on again. It cannot fail.
    /// Says what was on and is not any more.
    pub async fn heal(&self, which: &Heal) -> (Vec<FaultView>, u64) {
        let mut healed = Vec::new();
        for view in self.proxies.faults().await.into_iter().filter(|view| is_meant(which, view)) {
            if view.owner == Owner::File && !view.fault.enabled {
                continue;
            }
            let off = self.declared(&view.name).filter(|_| view.owner == Owner::File).map(|fault| switched(&fault, false));
            let kept = match off {
                Some(off) => self.proxies.put_fault(Owner::File, Some(view.name.clone()), off, None).await.is_ok(),
                None => false,
            };
            if !kept {
                let one = Heal { name: Some(view.name.clone()), ..Heal::default() };
                self.proxies.heal(&one).await;
            }
            healed.push(view);
        }
        (healed, self.proxies.generation().await)
    }

    /// The fault of that name as the file has it.
    pub fn declared(&self, name: &str) -> Option<Fault> {
        self.locked().config.faults.iter().find(|fault| fault.name.as_deref() == Some(name)).cloned()
    }

    /// Puts another scenario in force: proxies that are new, gone or changed, and the layer of the file. Nothing is changed if a port cannot be had.
    pub async fn apply(&self, config: Config) -> Result<Applied, Failure> {
        let _turn = self.turn().await;
        if let Some(link) = config.links.iter().find(|link| self.leads_here(link)) {
            return Err(Failure::new(Exit::Scenario, format!("error[E0306]: {}", leads_here(link))));
        }
        let old = self.file().config;
        let there = self.proxies.proxies().await;
        let is_there = |name: &str| there.iter().any(|view| view.link.name == name);
        let removed: Vec<&Link> = old.links.iter().filter(|link| !config.links.iter().any(|new| new.name == link.name)).collect();
        let wanted: Vec<&Link> = config.links.iter().filter(|link| !old.links.contains(link) || !is_there(&link.name)).collect();

        // A port that one of ours gives up in this very change cannot be tried beforehand.
        let given_up = |link: &Link| {
            let leaves = |view: &&faultwire_proxy::proxies::ProxyView| {
                removed.iter().any(|gone| gone.name == view.link.name) || wanted.iter().any(|new| new.name == view.link.name)
            };
            there.iter().filter(leaves).any(|view| view.address.port() == link.listen.port())
        };
        for link in wanted.iter().filter(|link| link.listen.port() != 0 && !given_up(link)) {
            Proxies::claim(link).map(drop).map_err(|error| Failure::new(Exit::Unavailable, plain(format!("`{}`: {error}", link.name))))?;
        }
        let mut applied = Applied { removed: removed.len(), ..Applied::default() };
        for link in &removed {
            self.proxies.remove_proxy(&link.name).await;
        }
        // Ports that change hands are free only when all of them have been given up.
        let moves = |link: &&&Link| {
            there.iter().any(|view| view.link.name == link.name && view.link.listen != link.listen && view.address != link.listen)
        };
        for link in wanted.iter().filter(moves) {
            self.proxies.remove_proxy(&link.name).await;
        }
        for link in &wanted {
            let put = self.proxies.put_proxy((*link).clone()).await;
            put.map_err(|error| Failure::new(Exit::Unavailable, plain(format!("`{}`: {error}", link.name))))?;
            match is_there(&link.name) {
                true => applied.changed += 1,
                false => applied.added += 1,
            }
        }
        applied.faults = config.faults.len();
        self.proxies.spare(config.exempt.as_deref()).await;
        let set = self.proxies.set_layer(Owner::File, config.faults.clone()).await;
        applied.generation = set.map_err(|error| Failure::new(Exit::Scenario, said(&error)))?;
        *self.locked() = FileState { config, refused: None };
        Ok(applied)
    }

    /// The file that it was to begin with could not be taken: there is no good one.
    pub fn miss(&self, file: &str, why: &str) {
        self.locked().refused = Some(why.to_owned());
        self.journal.record("config.refused", why, json!({ "file": file, "why": why }));
    }

    /// The file as it is now cannot be taken: what is in force stays.
    pub fn refuse(&self, why: &str) {
        let name = {
            let mut file = self.locked();
            file.refused = Some(why.to_owned());
            file.config.name.clone()
        };
        let first = why.lines().next().unwrap_or_default();
        let msg = format!("{name} was refused, the last good one stays in force: {first}");
        self.journal.record("config.refused", msg, json!({ "file": name, "why": why }));
    }

    /// Tells of leases that end, and keeps the file's faults there when theirs do. Runs for as long as the process does.
    pub async fn watch_leases(self: Arc<Self>) {
        let mut known: Vec<(FaultView, Instant)> = Vec::new();
        loop {
            let faults = self.proxies.faults().await;
            let now = Instant::now();
            let on = |name: &str| faults.iter().any(|fault| fault.name == name && fault.fault.enabled);
            known.iter().filter(|(old, ends)| *ends <= now && !on(&old.name)).for_each(|(fault, _)| self.tell_expired(fault));
            let with_end = |fault: FaultView| fault.expires_in.map(|left| (fault, now + left));
            known = faults.into_iter().filter_map(with_end).collect();
            let next = known.iter().map(|(_, ends)| ends.saturating_duration_since(now)).min();
            // Not everything is ordered through here: looked at once a second as well.
            let pause = next.map_or(Duration::from_secs(1), |next| (next + Duration::from_millis(5)).min(Duration::from_secs(1)));
            tokio::time::timeout(pause, self.ordered.notified()).await.ok();
        }
    }

    fn tell_expired(&self, fault: &FaultView) {
        let lease = fault.lease.map(|lease| lease.to_string()).unwrap_or_default();
        let msg = format!("{} has healed: its lease of {lease} was not renewed", fault.name);
        self.journal.record("lease.expired", msg, json!({ "fault": fault.name, "lease": lease, "hits": fault.counts.hits }));
    }

    /// The state in a few lines, for the log.
    pub async fn tell_state(&self) {
        for proxy in self.proxies.proxies().await {
            let faults = if proxy.faults.is_empty() { "no fault".to_owned() } else { proxy.faults.join(", ") };
            let state = if proxy.listening { "listens" } else { "refuses" };
            let connections = count(proxy.counts.connections, "connection");
            let msg = format!("{}  {state} on {} -> {}, {connections}, {faults}", proxy.link.name, proxy.address, proxy.link.leads_to());
            self.journal.record(
                "state.proxy",
                msg,
                json!({ "proxy": proxy.link.name, "connections": proxy.counts.connections, "faults": proxy.faults }),
            );
        }
        for fault in self.proxies.faults().await {
            let on = if fault.active { "on" } else { "off" };
            let msg = format!(
                "{} is {on}: {}, seen {}, matched {}, hits {}",
                fault.name,
                fault.describe(),
                fault.counts.seen,
                fault.counts.matched,
                fault.counts.hits
            );
            self.journal.record("state.fault", msg, json!({ "fault": fault.name, "active": fault.active, "hits": fault.counts.hits }));
        }
    }

    fn locked(&self) -> MutexGuard<'_, FileState> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn leads_here(link: &Link) -> String {
    format!("`{}` would lead to Faultwire's own API at {}", link.name, link.leads_to())
}

/// The same fault, on or off.
pub fn switched(fault: &Fault, enabled: bool) -> Fault {
    let mut fault = Fault { enabled, ..fault.clone() };
    if let Value::Object(written) = &mut fault.written {
        written.insert("enabled".into(), enabled.into());
    }
    fault
}

/// All that is wrong with a fault, in one line each.
pub fn said(error: &FaultError) -> String {
    match error {
        FaultError::Wrong(complaints) => complaints.iter().map(|complaint| complaint.message.clone()).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

fn is_meant(which: &Heal, view: &FaultView) -> bool {
    which.name.as_ref().is_none_or(|name| *name == view.name)
        && which.owner.as_ref().is_none_or(|owner| *owner == view.owner)
        && which.proxy.as_ref().is_none_or(|proxy| view.proxies.contains(proxy))
}
