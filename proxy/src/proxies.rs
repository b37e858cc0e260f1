//! All proxies of the process, and all faults on them, layer by layer. The one place where a change is made:
//! it is whole or not at all, and in force when the call returns.

mod standing;
mod view;

pub use view::{FaultCounts, FaultView, ProxyView};

use standing::{Standing, compiled_name, is_on_only, reach};

use crate::{
    dial::Upstream,
    listener::{Claimed, Listener, Want},
    live::{Held, Slot},
    sys,
    tasks::Scope,
    timer::Timer,
    told::{Fact, Teller},
};
use faultwire_faults::{
    complaint::{Complaint, nearest},
    dice::Seed,
    effect::AnyShared,
    fault::{Draft, Fault, Lease, Targets, is_name},
    fit::{self, Carrier},
    matching::exempt::Exempt,
    node::{Node, Place},
    plan::{Compiled, Owner, Plan, Tally},
    protocol::Protocol,
    units::Span,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, PoisonError, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, Notify},
};

/// One link, as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub name: String,
    /// Port 0 is any free port.
    pub listen: SocketAddr,
    pub upstream: Upstream,
    /// What the upstream hears.
    pub speaks: Protocol,
    /// Service names, for partitions.
    pub from: Option<String>,
    pub to: Option<String>,
    /// `false`: the port refuses.
    pub enabled: bool,
    /// What was said of where to listen, if the port is not to be taken before the proxy is enabled.
    pub asleep: Option<String>,
}

impl Link {
    /// Where it leads, as it is written: with the scheme, unless it carries plain TCP.
    pub fn leads_to(&self) -> String {
        match self.speaks {
            Protocol::Tcp => self.upstream.to_string(),
            speaks => format!("{}://{}", speaks.speech().scheme, self.upstream),
        }
    }
}

/// What of a fault does not fit what this link carries. Toxics fit bytes, and nothing else is asked of them.
fn misfits(fault: &Fault, link: &Link) -> Vec<Complaint> {
    let Ok(draft) = Draft::read(&Node::from_json(&fault.written)) else { return Vec::new() };
    let nowhere = Place::default();
    let on = Carrier { name: &link.name, protocol: link.speaks, serves_tls: false, upstream: &nowhere, listen: &nowhere };
    let misfits = fit::misfits(&draft, &on);
    let among_bytes = misfits.among_bytes.iter().map(|entry| fit::among_bytes(entry, &link.name));
    misfits.told.into_iter().chain(among_bytes).chain(fit::later_there(&draft, link.speaks)).collect()
}

#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Faults that are there already do not fit it.
    #[error("{}", .0.first().map_or("", |complaint| complaint.message.as_str()))]
    Misfit(Vec<Complaint>),
    #[error("cannot listen on {address}: {why}")]
    Listen { address: SocketAddr, why: io::Error },
    #[error("`{name}` would be its own upstream: {address}")]
    Loop { name: String, address: SocketAddr },
}

/// A fault that was asked for and cannot be.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    #[error("{}", .0.first().map_or("", |complaint| complaint.message.as_str()))]
    Wrong(Vec<Complaint>),
    #[error("`{0}` is not a name")]
    Name(String),
}

/// What a call that changes something answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub created: bool,
    pub generation: u64,
}

/// Which faults to heal; what is left out does not restrict.
#[derive(Clone, Debug, Default)]
pub struct Heal {
    pub name: Option<String>,
    pub proxy: Option<String>,
    pub owner: Option<Owner>,
}

#[derive(Debug)]
pub struct Proxies {
    scope: Scope,
    seed: Seed,
    teller: Teller,
    timer: Arc<Timer>,
    held: Arc<Held>,
    state: Mutex<State>,
    /// Rung at every change, for whoever waits for a fact.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    generation: u64,
    proxies: BTreeMap<String, Proxy>,
    /// In the order of their layers, and in the order of writing in each.
    standing: Vec<Standing>,
    /// Which requests no fault touches.
    exempt: Arc<Exempt>,
    /// By the name of the compiled fault. Editing a fault keeps its counters.
    tallies: std::sync::Mutex<HashMap<Arc<str>, Arc<Tally>>>,
}

#[derive(Debug)]
struct Proxy {
    link: Link,
    slot: Arc<Slot>,
    listener: Listener,
    listening: bool,
    scope: Scope,
}

impl Proxies {
    /// Starts with none. The data plane runs on `runtime`.
    pub fn start(runtime: Handle, seed: Seed, teller: Teller) -> io::Result<Arc<Proxies>> {
        let scope = Scope::new(runtime);
        let timer = Timer::start(&scope)?;
        let proxies = Arc::new(Proxies {
            seed,
            teller,
            timer,
            held: Arc::new(Held::new(sys::memory_limit())),
            state: Mutex::default(),
            changed: Arc::default(),
            scope: scope.clone(),
        });
        let keeper = Arc::downgrade(&proxies);
        let changed = proxies.changed.clone();
        scope.spawn(async move {
            // Times of faults and ends of leases: woken at the next of them, or when something has changed.
            loop {
                let heard = changed.notified();
                let Some(proxies) = keeper.upgrade() else { return };
                let next = proxies.refresh().await;
                drop(proxies);
                match next {
                    Some(at) => drop(tokio::time::timeout_at(at.into(), heard).await),
                    None => heard.await,
                }
            }
        });
        Ok(proxies)
    }

    pub fn seed(&self) -> Seed {
        self.seed
    }

    pub fn teller(&self) -> &Teller {
        &self.teller
    }

    /// Bytes held back in the whole process.
    pub fn held(&self) -> usize {
        self.held.bytes()
    }

    /// Takes a port without opening it, so that a start can be all or nothing.
    pub fn claim(link: &Link) -> Result<Claimed, ProxyError> {
        Claimed::claim(link.listen).map_err(|why| ProxyError::Listen { address: link.listen, why })
    }

    /// Creates or replaces a proxy. A new upstream is for new connections; a new listen address closes the open ones.
    pub async fn put_proxy(&self, link: Link) -> Result<Done, ProxyError> {
        let mut state = self.state.lock().await;
        let wrong: Vec<Complaint> = state
            .standing
            .iter()
            // The file's own faults change with its proxies.
            .filter(|standing| standing.owner != Owner::File && reach(&standing.fault, &link).is_some())
            .flat_map(|standing| misfits(&standing.fault, &link))
            .collect();
        if !wrong.is_empty() {
            return Err(ProxyError::Misfit(wrong));
        }
        let known = state.proxies.get(&link.name).map(|known| (known.link.listen, known.listener.address, known.link.asleep.is_none()));
        if let Some((listen, address, awake)) = known
            && (link.listen == listen || link.listen == address)
            && awake
            && link.asleep.is_none()
        {
            check_loop(&state, &link, address)?;
            if let Some(proxy) = state.proxies.get_mut(&link.name) {
                proxy.slot.upstream.store(Arc::new(link.upstream.clone()));
                proxy.slot.speak(link.speaks);
                proxy.link = link;
            }
            let generation = self.put_in_force(&mut state).await;
            return Ok(Done { created: false, generation });
        }
        let claimed = if link.asleep.is_some() { None } else { Some(self.claim_before_sleepers(&mut state, &link).await?) };
        if let Some(address) = claimed.as_ref().and_then(|claimed| claimed.address().ok()) {
            check_loop(&state, &link, address)?;
        }
        let replaced = state.proxies.remove(&link.name);
        let created = replaced.is_none();
        if let Some(old) = replaced {
            old.close().await;
        }
        self.place(&mut state, link, claimed)?;
        let generation = self.put_in_force(&mut state).await;
        Ok(Done { created, generation })
    }

    /// Puts a proxy in the place of whatever had its name, with faults of the API: no connection gets in before them.
    pub async fn make_proxy(&self, link: Link, faults: Vec<(String, Fault)>) -> Result<u64, ProxyError> {
        let mut state = self.state.lock().await;
        let claimed = if link.asleep.is_some() { None } else { Some(self.claim_before_sleepers(&mut state, &link).await?) };
        if let Some(address) = claimed.as_ref().and_then(|claimed| claimed.address().ok()) {
            check_loop(&state, &link, address)?;
        }
        if let Some(old) = state.proxies.remove(&link.name) {
            old.close().await;
        }
        state.standing.retain(|standing| standing.owner != Owner::Api || !is_on_only(&standing.fault, &link.name));
        for (name, fault) in faults {
            state.insert(Standing::new(name, Owner::Api, fault, None));
        }
        let placed = self.place(&mut state, link, claimed);
        let generation = self.put_in_force(&mut state).await;
        placed.map(|()| generation)
    }

    /// Ends all connections of a proxy, and leaves it as it is.
    pub async fn cut(&self, name: &str) {
        if let Some(proxy) = self.state.lock().await.proxies.get(name) {
            proxy.slot.cut_all();
        }
    }

    /// Takes a port. Proxies that are disabled keep theirs from others, but not from one of ours.
    async fn claim_before_sleepers(&self, state: &mut State, link: &Link) -> Result<Claimed, ProxyError> {
        let refused = match Proxies::claim(link) {
            Err(ProxyError::Listen { address, why }) if why.kind() == io::ErrorKind::AddrInUse => ProxyError::Listen { address, why },
            claimed => return claimed,
        };
        let sleeps = |proxy: &Proxy| !proxy.link.enabled && proxy.link.asleep.is_none();
        let holds =
            |proxy: &&mut Proxy| proxy.link.name != link.name && sleeps(proxy) && proxy.listener.address.port() == link.listen.port();
        let Some(holder) = state.proxies.values_mut().find(holds) else { return Err(refused) };
        holder.listener.ask(Want::Gone).await.ok();
        let address = holder.listener.address;
        holder.listener = Listener::asleep(address, holder.slot.clone(), &holder.scope);
        (holder.link.listen, holder.link.asleep) = (address, Some(address.to_string()));
        Proxies::claim(link)
    }

    /// Opens proxies whose ports have been claimed, with the faults of that layer: no connection gets in before them.
    pub async fn open_claimed(&self, claimed: Vec<(Link, Claimed)>, owner: Owner, faults: Vec<Fault>) -> Result<u64, ProxyError> {
        let mut state = self.state.lock().await;
        state.replace_layer(&owner, faults);
        for (link, claimed) in claimed {
            self.place(&mut state, link, Some(claimed))?;
        }
        Ok(self.put_in_force(&mut state).await)
    }

    /// Opens a proxy whose port has been claimed, or lays it down to sleep.
    fn place(&self, state: &mut State, link: Link, claimed: Option<Claimed>) -> Result<(), ProxyError> {
        let failed = |why| ProxyError::Listen { address: link.listen, why };
        if let Some(claimed) = &claimed {
            check_loop(state, &link, claimed.address().map_err(failed)?)?;
        }
        let name: Arc<str> = link.name.as_str().into();
        // The plan it begins with is the whole one: no connection gets in before its faults.
        let faults = self.compile(state, &link, Instant::now(), &[]);
        let plan = Plan::of(state.generation, faults, state.exempt.clone(), Arc::default());
        let plan = if state.follows(&link) { plan.following() } else { plan };
        plan.watch();
        let slot =
            Slot::new(name.clone(), link.upstream.clone(), link.speaks, plan, self.teller.clone(), self.timer.clone(), self.held.clone());
        let slot = Arc::new(slot);
        let scope = Scope::new(self.scope.runtime().clone());
        let listening = claimed.is_some();
        let listener = match claimed {
            Some(claimed) => Listener::start(claimed, slot.clone(), &scope).map_err(failed)?,
            None => Listener::asleep(link.listen, slot.clone(), &scope),
        };
        if listening {
            self.teller.tell(&name, state.generation, Fact::Up { address: listener.address });
        }
        state.proxies.insert(link.name.clone(), Proxy { link, slot, listener, listening, scope });
        Ok(())
    }

    /// Closes a proxy and its connections; whether there was one.
    pub async fn remove_proxy(&self, name: &str) -> bool {
        let mut state = self.state.lock().await;
        let Some(proxy) = state.proxies.remove(name) else { return false };
        proxy.close().await;
        self.put_in_force(&mut state).await;
        true
    }

    /// Which requests no fault touches unless its match names them; none: the usual health checks and probes. It is in force with the
    /// next change.
    pub async fn spare(&self, words: Option<&[String]>) {
        let exempt = words.map_or_else(Exempt::default, Exempt::of);
        let mut state = self.state.lock().await;
        if exempt.words != state.exempt.words {
            state.exempt = Arc::new(exempt);
        }
    }

    /// Replaces a whole layer: all of it, or nothing if something in it is wrong. Faults that stay keep what they remember.
    pub async fn set_layer(&self, owner: Owner, faults: Vec<Fault>) -> Result<u64, FaultError> {
        let mut state = self.state.lock().await;
        let wrong: Vec<Complaint> = faults.iter().flat_map(|fault| self.wrong_here(&state, fault)).collect();
        if !wrong.is_empty() {
            return Err(FaultError::Wrong(wrong));
        }
        state.replace_layer(&owner, faults);
        Ok(self.put_in_force(&mut state).await)
    }

    /// Creates or replaces one fault. A fault of another layer that has this name is replaced where it is.
    /// `lease`: for a fault that does not say its own.
    pub async fn put_fault(
        &self,
        owner: Owner,
        name: Option<String>,
        fault: Fault,
        lease: Option<Span>,
    ) -> Result<(String, Done), FaultError> {
        let mut state = self.state.lock().await;
        let wrong = self.wrong_here(&state, &fault);
        if !wrong.is_empty() {
            return Err(FaultError::Wrong(wrong));
        }
        let name = match name.or_else(|| fault.name.clone()) {
            Some(name) if !is_name(&name) && !is_toxic_name(&name) => return Err(FaultError::Name(name)),
            Some(name) => name,
            None => state.free_name(&fault.default_name()),
        };
        let known = state.standing.iter_mut().find(|standing| standing.name == name);
        let created = known.is_none();
        match known {
            Some(known) => {
                let turned_on = fault.enabled && !known.fault.enabled;
                let fresh =
                    Standing::new(name.clone(), known.owner.clone(), fault, lease.filter(|_| known.owner != Owner::File || turned_on));
                let from = if turned_on { fresh.from } else { known.from };
                *known = Standing { from, ..fresh };
            }
            None => state.insert(Standing::new(name.clone(), owner, fault, lease)),
        }
        let generation = self.put_in_force(&mut state).await;
        Ok((name, Done { created, generation }))
    }

    /// Begins the lease of a fault anew, with another length if one is given; whether there is such a fault.
    pub async fn renew(&self, name: &str, lease: Option<Lease>) -> bool {
        let mut state = self.state.lock().await;
        let Some(standing) = state.standing.iter_mut().find(|standing| standing.name == name) else { return false };
        standing.lease = match lease {
            None | Some(Lease::Unsaid) => standing.lease,
            Some(Lease::Never) => None,
            Some(Lease::After(span)) => Some(span),
        };
        standing.expires = standing.lease.map(|span| Instant::now() + span.duration());
        self.changed.notify_waiters();
        true
    }

    /// Removes faults. It has no preconditions and cannot fail; says what was healed, with the final counts.
    pub async fn heal(&self, which: &Heal) -> (Vec<FaultView>, u64) {
        let mut state = self.state.lock().await;
        let chosen = |state: &State, standing: &Standing| {
            which.name.as_ref().is_none_or(|name| *name == standing.name)
                && which.owner.as_ref().is_none_or(|owner| *owner == standing.owner)
                && which
                    .proxy
                    .as_ref()
                    .is_none_or(|proxy| state.proxies.get(proxy).is_some_and(|proxy| reach(&standing.fault, &proxy.link).is_some()))
        };
        let healed: Vec<FaultView> =
            state.standing.iter().filter(|standing| chosen(&state, standing)).map(|standing| state.view(standing)).collect();
        state.standing.retain(|standing| !healed.iter().any(|fault| fault.name == standing.name));
        let generation = self.put_in_force(&mut state).await;
        (healed, generation)
    }

    pub async fn proxies(&self) -> Vec<ProxyView> {
        self.state.lock().await.proxies.values().map(Proxy::view).collect()
    }

    pub async fn proxy(&self, name: &str) -> Option<ProxyView> {
        self.state.lock().await.proxies.get(name).map(Proxy::view)
    }

    pub async fn faults(&self) -> Vec<FaultView> {
        let state = self.state.lock().await;
        state.standing.iter().map(|standing| state.view(standing)).collect()
    }

    pub async fn fault(&self, name: &str) -> Option<FaultView> {
        let state = self.state.lock().await;
        state.standing.iter().find(|standing| standing.name == name).map(|standing| state.view(standing))
    }

    pub async fn generation(&self) -> u64 {
        self.state.lock().await.generation
    }

    /// Heals everything, stops accepting, lets connections finish for `grace`, then cuts what is left.
    pub async fn drain(&self, grace: Duration) {
        let scopes = {
            let mut state = self.state.lock().await;
            state.standing.clear();
            self.put_in_force(&mut state).await;
            let mut scopes = Vec::new();
            for proxy in state.proxies.values() {
                proxy.listener.ask(Want::Gone).await.ok();
                scopes.push((proxy.slot.clone(), proxy.scope.clone()));
            }
            scopes
        };
        let all = async {
            for (_, scope) in &scopes {
                scope.ended().await;
            }
        };
        if tokio::time::timeout(grace, all).await.is_err() {
            scopes.iter().for_each(|(slot, _)| slot.cut_all());
            for (_, scope) in &scopes {
                tokio::time::timeout(Duration::from_secs(2), scope.ended()).await.ok();
            }
        }
        self.state.lock().await.proxies.clear();
    }

    /// Ends leases and begins and ends faults whose time has come; says when the next one does.
    async fn refresh(&self) -> Option<Instant> {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        let ended = state.end_leases(now);
        let moved = ended || state.proxies.values().any(|proxy| !self.is_current(&state, proxy, now));
        if moved {
            self.put_in_force(&mut state).await;
        }
        state.standing.iter().flat_map(|standing| standing.expires.into_iter().chain(standing.spell(now).1)).min()
    }

    fn is_current(&self, state: &State, proxy: &Proxy, now: Instant) -> bool {
        let plan = proxy.slot.plan();
        let faults = self.compile(state, &proxy.link, now, &plan.faults);
        faults.len() == plan.faults.len() && faults.iter().zip(&plan.faults).all(|(a, b)| Arc::ptr_eq(a, b))
    }

    /// Compiles all proxies, then stores all: a change over several proxies is one. Returns when it is in force.
    async fn put_in_force(&self, state: &mut State) -> u64 {
        let now = Instant::now();
        let names: Vec<String> = state.proxies.keys().cloned().collect();
        let mut changes = Vec::new();
        for name in names {
            let (link, old) = match state.proxies.get(&name) {
                Some(proxy) => (proxy.link.clone(), proxy.slot.plan()),
                None => continue,
            };
            let faults = self.compile(state, &link, now, &old.faults);
            let same = faults.len() == old.faults.len() && faults.iter().zip(&old.faults).all(|(a, b)| Arc::ptr_eq(a, b));
            if !same || !old.spares_as(&state.exempt) {
                changes.push((name, old, faults));
            }
        }
        state.generation += 1;
        let generation = state.generation;
        for (name, old, faults) in changes {
            let Some(proxy) = state.proxies.get(&name) else { continue };
            self.tell_changes(&proxy.slot.name, generation, &old.faults, &faults);
            let exempt = state.exempt.clone();
            old.leave(&faults);
            let plan = Plan::of(generation, faults, exempt, old.carried.clone());
            let plan = if state.follows(&proxy.link) { plan.following() } else { plan };
            plan.watch();
            proxy.slot.store(plan);
            let slot = proxy.slot.clone();
            // Bytes that arrive from now on are under the new plan already; idle connections hear of it in the background.
            proxy.scope.spawn(async move { slot.wake_all() });
        }
        for proxy in state.proxies.values_mut() {
            let listens = proxy.link.enabled && proxy.link.asleep.is_none() && proxy.slot.plan().listens();
            if listens != proxy.listening {
                let want = if listens { Want::Open } else { Want::Shut };
                match proxy.listener.ask(want).await {
                    Ok(()) => proxy.listening = listens,
                    Err(error) => self.teller.tell(&proxy.slot.name, generation, Fact::AcceptFailed { why: error.to_string() }),
                }
            }
        }
        self.changed.notify_waiters();
        generation
    }

    fn tell_changes(&self, proxy: &Arc<str>, generation: u64, old: &[Arc<Compiled>], new: &[Arc<Compiled>]) {
        let names: HashSet<&str> = new.iter().map(|fault| &*fault.name).collect();
        for fault in old.iter().filter(|fault| !names.contains(&*fault.name)) {
            self.teller.tell(proxy, generation, Fact::FaultOff { fault: fault.clone(), hits: fault.tally.hits.load(Relaxed) });
        }
        let known: HashSet<*const Compiled> = old.iter().map(Arc::as_ptr).collect();
        for fault in new.iter().filter(|fault| !known.contains(&Arc::as_ptr(fault))) {
            self.teller.tell(proxy, generation, Fact::FaultOn { fault: fault.clone() });
        }
    }

    /// The faults of a proxy that are on at this moment; those that have not changed are the same ones as before.
    fn compile(&self, state: &State, link: &Link, now: Instant, old: &[Arc<Compiled>]) -> Vec<Arc<Compiled>> {
        let mut compiled = Vec::new();
        let old: HashMap<&str, &Arc<Compiled>> = old.iter().map(|known| (&*known.name, known)).collect();
        for standing in &state.standing {
            let Some(way) = reach(&standing.fault, link) else { continue };
            let (Some(began), _) = standing.spell(now) else { continue };
            let name = compiled_name(standing, link);
            let known = old.get(&*name).copied();
            if let Some(known) = known
                && Arc::ptr_eq(&known.fault, &standing.fault)
                && known.since >= began
                && known.on == link.speaks
            {
                compiled.push(known.clone());
                continue;
            }
            if !misfits(&standing.fault, link).is_empty() {
                continue;
            }
            let since = known.map(|known| known.since).filter(|since| *since >= began).unwrap_or(now);
            let tally = state.tally(&name);
            let shared: Arc<[AnyShared]> = match known {
                Some(known) if known.fault.effects == standing.fault.effects => known.shared.clone(),
                _ => Compiled::shared_of(&standing.fault),
            };
            let fault = standing.fault.clone();
            compiled.push(Arc::new(Compiled::new(
                name,
                fault,
                standing.owner.clone(),
                since,
                (tally, shared),
                self.seed,
                (link.speaks, way),
            )));
        }
        compiled
    }

    /// What is wrong with a fault among the proxies that there are.
    fn wrong_here(&self, state: &State, fault: &Fault) -> Vec<Complaint> {
        let unknown = self.unknown_targets(state, fault);
        if !unknown.is_empty() {
            return unknown;
        }
        let mut wrong = Vec::new();
        let mut asked = Vec::new();
        for link in state.proxies.values().map(|proxy| &proxy.link).filter(|link| reach(fault, link).is_some()) {
            // One of each kind is enough to be told.
            if !asked.contains(&link.speaks) {
                asked.push(link.speaks);
                wrong.extend(misfits(fault, link));
            }
        }
        wrong
    }

    fn unknown_targets(&self, state: &State, fault: &Fault) -> Vec<Complaint> {
        let names = || state.proxies.keys().map(String::as_str);
        match &fault.targets {
            Targets::Proxies(targets) => targets
                .iter()
                .filter(|target| !state.proxies.values().any(|proxy| target.fits(&proxy.link.name)))
                .map(|target| {
                    let there = names().collect::<Vec<_>>().join(", ");
                    let label = if there.is_empty() { "there are no proxies".to_owned() } else { format!("there are {there}") };
                    let complaint = Complaint::new("E0301", format!("there is no proxy named `{}`", target.pattern), &target.place, label);
                    match nearest(&target.pattern, names()) {
                        Some(name) => complaint.fix(format!("did you mean `{name}`?"), &target.place, name),
                        None => complaint,
                    }
                })
                .collect(),
            Targets::Between { from, to, place, .. } if !state.proxies.values().any(|proxy| reach(fault, &proxy.link).is_some()) => {
                vec![
                    Complaint::new("E0301", format!("no proxy stands between `{from}` and `{to}`"), place, "nothing to part")
                        .note("a proxy says whom it joins by `from:` and `to:`; without `to:` it is the upstream's host"),
                ]
            }
            Targets::Between { .. } => Vec::new(),
        }
    }
}

impl State {
    /// Heals faults whose lease has ended; whether there were any. A fault of a file stays, switched off: it can be switched on again by name.
    fn end_leases(&mut self, now: Instant) -> bool {
        let ended = |standing: &Standing| standing.expires.is_some_and(|at| at <= now);
        let any = self.standing.iter().any(ended);
        self.standing.retain(|standing| standing.owner == Owner::File || !ended(standing));
        for standing in self.standing.iter_mut().filter(|standing| ended(standing)) {
            let off = Fault { enabled: false, ..(*standing.fault).clone() };
            (standing.fault, standing.expires) = (Arc::new(off), None);
        }
        any
    }

    /// Faults that stay keep what they remember; those that are edited keep their time as well.
    fn replace_layer(&mut self, owner: &Owner, faults: Vec<Fault>) {
        let mut old: Vec<Standing> = self.standing.iter().filter(|standing| standing.owner == *owner).cloned().collect();
        self.standing.retain(|standing| standing.owner != *owner);
        for fault in faults {
            let name = fault.name.clone().unwrap_or_else(|| self.free_name(&fault.default_name()));
            let known = old.iter().position(|standing| standing.name == name).map(|i| old.swap_remove(i));
            let standing = match known {
                Some(same) if same.fault.written == fault.written => same,
                // What was off until now begins now.
                Some(edited) if !edited.fault.enabled => Standing::new(name, owner.clone(), fault, None),
                Some(edited) => Standing { fault: Arc::new(fault), ..edited },
                None => Standing::new(name, owner.clone(), fault, None),
            };
            self.insert(standing);
        }
    }

    /// Behind the last fault of its layer and the layers before it.
    fn insert(&mut self, standing: Standing) {
        let at = self.standing.partition_point(|other| other.owner <= standing.owner);
        self.standing.insert(at, standing);
    }

    fn tally(&self, name: &Arc<str>) -> Arc<Tally> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default().clone()
    }

    fn free_name(&self, base: &str) -> String {
        let taken = |name: &str| self.standing.iter().any(|standing| standing.name == name);
        (1u32..).map(|i| if i == 1 { base.to_owned() } else { format!("{base}-{i}") }).find(|name| !taken(name)).unwrap_or_default()
    }

    /// Whether some fault works on single messages of that proxy, be it on or off.
    fn follows(&self, link: &Link) -> bool {
        self.standing.iter().any(|standing| standing.fault.per == Some("message") && reach(&standing.fault, link).is_some())
    }

    fn view(&self, standing: &Standing) -> FaultView {
        let now = Instant::now();
        let on: Vec<&Proxy> = self.proxies.values().filter(|proxy| reach(&standing.fault, &proxy.link).is_some()).collect();
        let count = |proxy: &&Proxy| (proxy.link.name.clone(), FaultCounts::of(&self.tally(&compiled_name(standing, &proxy.link))));
        let by_proxy: Vec<(String, FaultCounts)> = on.iter().map(count).collect();
        FaultView {
            name: standing.name.clone(),
            owner: standing.owner.clone(),
            fault: standing.fault.clone(),
            on: on.first().map(|proxy| proxy.link.speaks).unwrap_or_default(),
            active: standing.spell(now).0.is_some() && !on.is_empty(),
            proxies: on.iter().map(|proxy| proxy.link.name.clone()).collect(),
            since: standing.put,
            lease: standing.lease,
            expires_in: standing.expires.map(|at| at.saturating_duration_since(now)),
            generation: self.generation,
            counts: by_proxy.iter().fold(FaultCounts::default(), |sum, (_, counts)| sum.and(counts)),
            by_proxy,
        }
    }
}

impl ProxyView {
    /// Where it listens, or what was said of where it would.
    pub fn listen(&self) -> String {
        self.link.asleep.clone().unwrap_or_else(|| self.address.to_string())
    }
}

impl Proxy {
    fn view(&self) -> ProxyView {
        let plan = self.slot.plan();
        let counts = self.slot.counts();
        ProxyView {
            link: self.link.clone(),
            address: self.listener.address,
            listening: self.listening,
            generation: plan.generation,
            settled: counts.seen.is_none_or(|seen| seen >= plan.generation),
            faults: plan.faults.iter().map(|fault| fault.name.to_string()).collect(),
            counts,
        }
    }

    /// Gives the port up and ends its connections, which nobody waits for: a peer cannot hold this up.
    async fn close(self) {
        self.listener.ask(Want::Gone).await.ok();
        self.slot.cut_all();
    }
}

/// `PROXY/TOXIC`, escaped by whoever made it. No fault of a person is called so.
fn is_toxic_name(name: &str) -> bool {
    name.contains('/') && !name.chars().any(char::is_control)
}

/// Refuses a link that leads back to itself, over however many proxies of ours.
fn check_loop(state: &State, link: &Link, address: SocketAddr) -> Result<(), ProxyError> {
    let others = || state.proxies.values().filter(|proxy| proxy.link.name != link.name);
    let mut next = link.upstream.clone();
    for _ in 0..=state.proxies.len() {
        if leads_to(&next, address) {
            return Err(ProxyError::Loop { name: link.name.clone(), address });
        }
        match others().find(|proxy| leads_to(&next, proxy.listener.address)) {
            Some(proxy) => next = proxy.link.upstream.clone(),
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Whether dialling an upstream reaches a listener of this machine. Nothing is resolved for it but `localhost`.
fn leads_to(upstream: &Upstream, address: SocketAddr) -> bool {
    let any = address.ip().is_unspecified();
    let host = match upstream.host.parse::<IpAddr>() {
        // To dial an unspecified address is to dial this machine.
        Ok(ip) if ip.is_unspecified() => any || address.ip().is_loopback(),
        Ok(ip) => ip == address.ip() || (any && ip.is_loopback()),
        Err(_) => upstream.host == "localhost" && (any || address.ip().is_loopback()),
    };
    host && upstream.port == address.port()
}
