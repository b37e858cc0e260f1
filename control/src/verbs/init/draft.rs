//! What is proposed: a proxy for each link that was found, and for each service the variables that lead it there. It reads no file
//! and writes none.

use super::{
    address::{self, Address, Form},
    compose::{Port, Project, Service, Variable},
    dotenv::Dotenv,
    kinds::{self, Kind, Sort, UNKNOWN},
    names,
    ports::free_port,
};
use crate::run::wrap::{Wrapped, name_of};
use faultwire_scenarios::link::is_name;
use std::collections::BTreeSet;

/// What the service is called that stands between.
pub const OURS: &str = "faultwire";
/// Where its API listens.
const API: u16 = 8474;
/// Faults are called after their proxy, and have names of the same length.
const LONGEST_NAME: usize = 48;

#[derive(Debug, Default)]
pub struct Draft {
    pub proxies: Vec<Proxy>,
    pub changes: Vec<Change>,
    /// Networks to be in, if they have names.
    pub networks: Vec<String>,
    /// What was seen and left as it is, each with the reason.
    pub left: Vec<String>,
    /// It is for programs outside of containers; then users are variables, and not services.
    pub on_machine: bool,
}

#[derive(Debug)]
pub struct Proxy {
    pub name: String,
    pub listen: u16,
    pub host: String,
    pub port: u16,
    pub kind: &'static Kind,
    /// What it was recognised by.
    pub image: Option<String>,
    /// Services that are led through it, or variables that hold its address.
    pub users: Vec<String>,
    /// Variables of a wrapped command that hold its address as a whole.
    pub env: Vec<String>,
    /// Whether people reach it from their machine.
    pub published: bool,
    pub note: Option<&'static str>,
    service: Option<usize>,
}

/// The variables of one service.
#[derive(Debug)]
pub struct Change {
    pub service: String,
    pub sets: Vec<Set>,
}

#[derive(Debug, PartialEq)]
pub struct Set {
    pub variable: String,
    /// For a compose file: variables in it are still variables.
    pub value: String,
    /// What it led to before, or why it is there.
    pub about: String,
    /// The values of variables had to be written out, a password among them.
    pub secret: bool,
}

const KAFKA: &str = "its clients are told to come to its advertised.listeners: unless these name Faultwire, they go around it";
const MONGO: &str = "clients of a replica set go to the addresses that its members tell: with directConnection=true they stay here";

/// A project in which services call each other; `None` if it holds nothing but servers for programs outside.
pub fn of_project(project: &Project) -> Option<Draft> {
    let services = &project.services;
    if !services.iter().any(|service| matches!(kind_of(service), None | Some(Kind { sort: Sort::Web, .. }))) {
        return None;
    }
    let mut drafting = Drafting { services, taken: project.taken.clone(), draft: Draft::default() };
    let mut changes = Vec::new();
    for (at, service) in services.iter().enumerate().filter(|(_, service)| calls_others(service)) {
        match &service.network_mode {
            None => changes.push((service, drafting.calls_of(at, service))),
            Some(mode) => {
                let why = format!("{}: it has network_mode {mode}, where services have no names", service.name);
                drafting.draft.left.push(why);
            }
        }
    }
    drafting.servers();
    drafting.keep_those_called(&changes);
    drafting.settle();
    for (service, calls) in changes {
        drafting.lead(service, calls);
    }
    drafting.networks();
    Some(drafting.draft)
}

/// Servers that are reached at ports of this machine, and addresses that variables hold.
pub fn of_machine(project: &Project, variables: &Dotenv) -> Draft {
    let mut drafting =
        Drafting { services: &project.services, taken: project.taken.clone(), draft: Draft { on_machine: true, ..Draft::default() } };
    drafting.published();
    drafting.held_in(variables);
    drafting.settle();
    drafting.draft
}

struct Drafting<'a> {
    services: &'a [Service],
    taken: BTreeSet<u16>,
    draft: Draft,
}

/// One address in a variable, and the proxy that it will lead to: host and port of its upstream.
struct Call<'a> {
    variable: &'a Variable,
    address: Address,
    host: String,
    port: u16,
}

/// What an address leads to, besides its host.
struct Target {
    port: u16,
    kind: &'static Kind,
    service: Option<usize>,
}

impl<'a> Drafting<'a> {
    /// The addresses in a service's variables that can be led through a proxy, for each of which there is one.
    fn calls_of(&mut self, own: usize, service: &'a Service) -> Vec<Call<'a>> {
        let mut calls = Vec::new();
        for variable in service.variables.iter().filter(|variable| !names::is_no_address(&variable.name)) {
            let addresses = address::find(&variable.value.text);
            if let Some(unset) = variable.value.unset.first().filter(|_| addresses.is_empty() && names::holds_host(&variable.name)) {
                self.draft.left.push(format!("{}: {} has no value, as {unset} is not set here", service.name, variable.name));
            }
            for address in addresses {
                let found = match self.service_of(&address.host) {
                    Some((at, target)) if at == own || is_tool(target) => continue,
                    Some((at, target)) => to_service(at, target, variable, &address, service),
                    None => to_outside(variable, &address),
                };
                match found {
                    Ok(Target { port, kind, service }) => {
                        let note = note(kind, &variable.value.text);
                        let host = address.host.clone();
                        self.add(&host, port, kind, service, note, || name_of(&variable.name));
                        calls.push(Call { variable, address, host, port });
                    }
                    Err(Some(why)) => self.draft.left.push(format!("{}: {} {why}", service.name, variable.name)),
                    Err(None) => {}
                }
            }
        }
        calls
    }

    fn service_of(&self, host: &str) -> Option<(usize, &'a Service)> {
        let by_name = self.services.iter().position(|service| service.name == host);
        let at = by_name.or_else(|| self.services.iter().position(|service| service.aliases.iter().any(|alias| alias == host)))?;
        Some((at, &self.services[at]))
    }

    /// Servers that are there whether or not a variable names them: databases and their like, and whatever has pages or an API.
    fn servers(&mut self) {
        for (at, service) in self.services.iter().enumerate().filter(|(_, service)| service.name != OURS) {
            let inside = || service.ports.iter().map(|port| port.inside);
            match kind_of(service) {
                Some(kind) if kind.sort == Sort::Tool => {}
                Some(kind) => {
                    let own = Some(kind.port).filter(|own| inside().all(|port| !kinds::is_web(port)) || inside().any(|port| port == *own));
                    let port = own.or_else(|| inside().find(|port| kinds::is_web(*port))).unwrap_or(kind.port);
                    self.add(&service.name, port, kind, Some(at), note(kind, ""), || service.name.clone());
                }
                None => {
                    if let Some((port, kind)) = inside().find(|port| kinds::is_web(*port)).zip(kinds::of_word("nginx")) {
                        self.add(&service.name, port, kind, Some(at), None, || service.name.clone());
                    }
                }
            }
        }
    }

    /// A server that nobody calls is left out, unless somebody was found whose calls are not known.
    fn keep_those_called(&mut self, calls: &[(&Service, Vec<Call<'_>>)]) {
        if calls.iter().any(|(_, calls)| calls.is_empty()) {
            return;
        }
        let called: BTreeSet<Option<usize>> =
            calls.iter().flat_map(|(_, calls)| calls).map(|call| self.index(&call.host, call.port)).collect();
        let mut at = 0..;
        self.draft.proxies.retain(|proxy| called.contains(&at.next()) || proxy.published);
    }

    /// Servers of compose files that a program on this machine reaches.
    fn published(&mut self) {
        for (at, service) in self.services.iter().enumerate() {
            let Some(kind) = kind_of(service).filter(|kind| kind.sort != Sort::Tool) else { continue };
            let port = service.ports.iter().filter(|port| port.published.is_some()).min_by_key(|port| port.inside != kind.port);
            match port {
                Some(Port { published: Some(published), .. }) => {
                    self.add("localhost", *published, kind, Some(at), note(kind, ""), || service.name.clone());
                }
                _ => self.draft.left.push(format!("{} publishes no port, so nothing on this machine calls it", service.name)),
            }
        }
    }

    /// Addresses that a program on this machine finds in its variables.
    fn held_in(&mut self, variables: &Dotenv) {
        for (name, value) in variables.variables.iter().filter(|(name, _)| !names::is_no_address(name) && !names::is_own(name)) {
            for address in address::find(value) {
                let beside = names::port_beside(name).and_then(|name| variables.get(&name)?.trim().parse::<u16>().ok());
                if address.form == Form::Bare && !(names::holds_host(name) && beside.is_some()) {
                    continue;
                }
                let by_scheme = address.scheme.as_deref().and_then(kinds::of_scheme);
                if by_scheme == Some(Err(())) {
                    self.draft.left.push(format!("{name} {}", encrypted_for(&address.host)));
                    continue;
                }
                let known =
                    by_scheme.and_then(Result::ok).or_else(|| names::words(name).into_iter().find_map(|word| kinds::of_word(&word)));
                let Some(port) = address.port.or(beside).or_else(|| known.map(|kind| kind.port)).filter(|port| *port > 0) else { continue };
                if known.is_none() && address.scheme.is_some() && address.scheme.as_deref() != Some("tcp") {
                    continue;
                }
                let kind = known.filter(|kind| kind.sort != Sort::Tool).or_else(|| kinds::of_port(port)).unwrap_or(&UNKNOWN);
                let host = self.on_this_machine(&address.host, port);
                self.add(&host.0, host.1, kind, None, note(kind, value), || name_of(name));
                let wraps = Wrapped::find(value).is_ok_and(|wrapped| wrapped.upstream == (address.host.clone(), port));
                self.used_by(&host.0, host.1, name, wraps);
            }
        }
    }

    /// A name that only containers know, as this machine reaches it.
    fn on_this_machine(&self, host: &str, port: u16) -> (String, u16) {
        let published = self.service_of(host).and_then(|(_, service)| service.ports.iter().find(|known| known.inside == port)?.published);
        match (host, published) {
            (_, Some(published)) => ("localhost".to_owned(), published),
            ("127.0.0.1" | "::1" | "0.0.0.0", None) => ("localhost".to_owned(), port),
            (host, None) => (host.to_owned(), port),
        }
    }

    fn used_by(&mut self, host: &str, port: u16, variable: &str, wraps: bool) {
        if let Some(proxy) = self.draft.proxies.iter_mut().find(|proxy| proxy.host == host && proxy.port == port) {
            proxy.users.push(variable.to_owned());
            proxy.env.extend(wraps.then(|| variable.to_owned()));
        }
    }

    /// One proxy for each upstream, whoever names it.
    fn add(
        &mut self,
        host: &str,
        port: u16,
        kind: &'static Kind,
        service: Option<usize>,
        note: Option<&'static str>,
        name: impl FnOnce() -> String,
    ) {
        let same = |proxy: &&mut Proxy| proxy.port == port && (proxy.host == host || (service.is_some() && proxy.service == service));
        if let Some(proxy) = self.draft.proxies.iter_mut().find(same) {
            proxy.note = proxy.note.or(note);
            return;
        }
        let target = service.map(|at| &self.services[at]);
        let published = target.is_some_and(|target| target.ports.iter().any(|known| known.inside == port && known.published.is_some()));
        let image = target.and_then(|target| target.image.clone());
        // A service goes by its own name, also where it is called by another one.
        let (name, host) = match target.filter(|_| host != "localhost") {
            Some(target) => (target.name.clone(), target.name.clone()),
            None => (name(), host.to_owned()),
        };
        self.draft.proxies.push(Proxy {
            name,
            listen: 0,
            host,
            port,
            kind,
            image,
            users: Vec::new(),
            env: Vec::new(),
            published,
            note,
            service,
        });
    }

    /// Puts the proxies in order, and gives each a name and a port of its own.
    fn settle(&mut self) {
        let usual = |proxy: &Proxy| proxy.port == proxy.kind.port;
        // Those outside stay in the order in which they were found.
        self.draft.proxies.sort_by_key(|proxy| proxy.service.map_or((usize::MAX, false, 0), |at| (at, !usual(proxy), proxy.port)));
        self.taken.insert(API);
        self.taken.extend(self.draft.proxies.iter().map(|proxy| proxy.port));
        let mut names: BTreeSet<String> = BTreeSet::new();
        for proxy in &mut self.draft.proxies {
            let plain: String = proxy.name.chars().map(|c| if is_name(&c.to_string()) { c } else { '-' }).take(LONGEST_NAME).collect();
            let plain = if is_name(&plain) { plain } else { "service".to_owned() };
            let with_port = format!("{plain}-{}", proxy.port);
            let numbered = (2..).map(|n| format!("{plain}-{n}"));
            let free = [plain.clone(), with_port].into_iter().chain(numbered).find(|name| !names.contains(name));
            proxy.name = free.unwrap_or(plain);
            names.insert(proxy.name.clone());
            proxy.listen = free_port(proxy.port, proxy.kind.lead, &self.taken);
            self.taken.insert(proxy.listen);
        }
    }

    /// Turns the calls of a service into what its variables have to say.
    fn lead(&mut self, service: &Service, calls: Vec<Call<'_>>) {
        let mut sets: Vec<Set> = Vec::new();
        for of_one in calls.chunk_by(|one, other| one.variable.name == other.variable.name) {
            let variable = of_one[0].variable;
            let mut edits = Vec::new();
            let mut before = Vec::new();
            let mut beside = None;
            for call in of_one {
                let Some(listen) = self.proxy(&call.host, call.port).map(|proxy| proxy.listen) else { continue };
                let bare = call.address.form == Form::Bare;
                before.push(if bare { call.address.host.clone() } else { format!("{}:{}", call.address.host, call.port) });
                match names::port_beside(&variable.name).filter(|_| bare) {
                    Some(port) if !names::takes_port(&variable.name) || service.variable(&port).is_some() => {
                        edits.extend(call.address.led_to(OURS, listen));
                        beside = Some(port_set(port, listen, service));
                    }
                    _ if bare => edits.extend(call.address.led_to(&format!("{OURS}:{listen}"), listen)),
                    _ => edits.extend(call.address.led_to(OURS, listen)),
                }
                self.call(&call.host, call.port, &service.name);
            }
            // Two hosts that share one variable for their port can only share it.
            if let Some(other) = beside.as_ref().and_then(|port| sets.iter().find(|set| set.variable == port.variable)) {
                if beside.as_ref().is_some_and(|port| port.value != other.value) {
                    self.draft.left.push(format!("{}: {} shares {} with another host", service.name, variable.name, other.variable));
                    continue;
                }
                beside = None;
            }
            let (value, written_out) = variable.value.with(&edits);
            let secret = written_out && variable.value.text.contains('@');
            sets.push(Set { variable: variable.name.clone(), value, about: format!("was {}", before.join(", ")), secret });
            sets.extend(beside);
        }
        match sets.is_empty() {
            true => self.draft.left.push(format!("{}: no variable of it holds the address of another service", service.name)),
            false => self.draft.changes.push(Change { service: service.name.clone(), sets }),
        }
    }

    fn call(&mut self, host: &str, port: u16, user: &str) {
        let at = self.index(host, port);
        if let Some(proxy) = at.map(|at| &mut self.draft.proxies[at])
            && !proxy.users.iter().any(|known| known == user)
        {
            proxy.users.push(user.to_owned());
        }
    }

    fn proxy(&self, host: &str, port: u16) -> Option<&Proxy> {
        Some(&self.draft.proxies[self.index(host, port)?])
    }

    fn index(&self, host: &str, port: u16) -> Option<usize> {
        let service = self.service_of(host).map(|(at, _)| at);
        let same = |proxy: &Proxy| proxy.port == port && (proxy.host == host || (service.is_some() && proxy.service == service));
        self.draft.proxies.iter().position(same)
    }

    /// Where services have chosen their networks, Faultwire has to be in all of them.
    fn networks(&mut self) {
        let changed = |service: &&Service| self.draft.changes.iter().any(|change| change.service == service.name);
        let upstream = |at: usize| self.draft.proxies.iter().any(|proxy| proxy.service == Some(at));
        let in_it = self.services.iter().enumerate().filter(|(at, service)| upstream(*at) || changed(service)).map(|(_, service)| service);
        let in_it: Vec<&Service> = in_it.collect();
        if in_it.iter().all(|service| service.networks.is_empty()) {
            return;
        }
        let mut networks = BTreeSet::new();
        for service in in_it {
            match service.networks.is_empty() {
                true => drop(networks.insert("default".to_owned())),
                false => networks.extend(service.networks.iter().cloned()),
            }
        }
        self.draft.networks = networks.into_iter().collect();
    }
}

/// The port that stands in a variable of its own.
fn port_set(name: String, listen: u16, service: &Service) -> Set {
    let about = match service.variable(&name) {
        Some(port) => format!("was {}", port.value.text),
        None => format!("was not set: does {} read it?", service.name),
    };
    Set { variable: name, value: listen.to_string(), about, secret: false }
}

/// By its image; a service that is built here is known if it is called like one.
fn kind_of(service: &Service) -> Option<&'static Kind> {
    match &service.image {
        Some(image) => kinds::of_image(image),
        None => kinds::of_word(&service.name).filter(|kind| kind.sort != Sort::Tool),
    }
}

fn is_tool(service: &Service) -> bool {
    kind_of(service).is_some_and(|kind| kind.sort == Sort::Tool)
}

/// Whether a service is a program that calls others.
fn calls_others(service: &Service) -> bool {
    matches!(kind_of(service), None | Some(Kind { sort: Sort::Web, .. })) && service.name != OURS
}

/// What an address of another service leads to. `Err` is why it is left as it is, if that is worth a word.
fn to_service(at: usize, target: &Service, variable: &Variable, address: &Address, caller: &Service) -> Result<Target, Option<String>> {
    if address.form == Form::Bare && !names::holds_host(&variable.name) {
        return Err(None);
    }
    let spoken = spoken(address, variable)?;
    if address.scheme.is_some() && spoken.is_none() && address.port.is_none() {
        // `s3://orders/…` names a bucket, and no host.
        return Err(None);
    }
    let own = kind_of(target);
    let beside = names::port_beside(&variable.name).and_then(|name| caller.variable(&name)?.value.text.trim().parse().ok());
    let only = || Some(target.ports.first()?.inside).filter(|_| target.ports.len() == 1);
    let port = address
        .port
        .or(beside.filter(|_| address.form == Form::Bare))
        .or(spoken.map(|kind| kind.port))
        .or(own.map(|kind| kind.port).filter(|port| *port > 0))
        .or_else(only)
        .filter(|port| *port > 0);
    let Some(port) = port else {
        return Err(Some(format!("names {} without a port, and nothing says which is meant", target.name)));
    };
    let known = own.filter(|kind| kind.port == port || kind.sort != Sort::Web).or(spoken).or_else(|| kinds::of_port(port));
    let web = || kinds::of_word("nginx").filter(|_| kinds::is_web(port));
    Ok(Target { port, kind: known.or_else(web).unwrap_or(&UNKNOWN), service: Some(at) })
}

/// Addresses elsewhere are taken for dependencies only if their scheme says so.
fn to_outside(variable: &Variable, address: &Address) -> Result<Target, Option<String>> {
    let host = address.host.as_str();
    let local = matches!(host, "localhost" | "0.0.0.0" | "::1" | "host.docker.internal") || host.starts_with("127.");
    if local || address.form != Form::Authority || names::is_own(&variable.name) {
        return Err(None);
    }
    let addressed = names::holds_host(&variable.name);
    match spoken(address, variable).map_err(|why| why.filter(|_| addressed))? {
        Some(kind) if kind.sort != Sort::Web || addressed => Ok(Target { port: address.port.unwrap_or(kind.port), kind, service: None }),
        _ => Err(None),
    }
}

/// What is spoken there by the scheme, if that is known. What is encrypted for the name of its host cannot be led elsewhere.
fn spoken(address: &Address, variable: &Variable) -> Result<Option<&'static Kind>, Option<String>> {
    let encrypted = variable.value.text.contains("sslmode=verify-full");
    match address.scheme.as_deref().and_then(kinds::of_scheme) {
        Some(Ok(kind)) if !encrypted => Ok(Some(kind)),
        Some(_) => Err(Some(encrypted_for(&address.host))),
        None => Ok(None),
    }
}

fn encrypted_for(host: &str) -> String {
    format!("is TLS for {host}, whose certificate is for no other name")
}

fn note(kind: &Kind, value: &str) -> Option<&'static str> {
    match kind.scheme {
        "kafka" => Some(KAFKA),
        "mongodb" if value.contains("replicaSet=") => Some(MONGO),
        _ => None,
    }
}
