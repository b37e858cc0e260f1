//! The whole machine, started and stopped as one: the data plane on threads of its own, the control plane on the caller's, the journal on a third.
//! `serve`, `run` and `demo` start the same one. A start is all or nothing; a stop heals first.

use crate::{
    api::{self, server::Door},
    config::Config,
    control::{Control, Manners, leads_here},
    exit::{Exit, Failure},
    journal::Journal,
    log::Log,
    say::plain,
};
use faultwire_faults::{dice::Seed, plan::Owner};
use faultwire_proxy::{
    proxies::{Link, Proxies, ProxyError},
    tasks::Scope,
    told::Teller,
};
use std::{future::Future, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::runtime::{Builder, Runtime};

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Settings {
    pub seed: Seed,
    /// Proxies and faults; the faults become the layer of the file.
    pub config: Config,
    /// Where the API listens; port 0 is any free port.
    pub api: Option<SocketAddr>,
    /// Names, besides those that are always good, by which the API may be called.
    pub hosts: Vec<String>,
    /// The host for proxies that say none.
    pub bind: String,
    pub manners: Manners,
    /// Appended to.
    pub journal: Option<PathBuf>,
    pub log: Log,
}

#[derive(Debug)]
pub struct Engine {
    pub control: Arc<Control>,
    /// Where the API listens, if it does.
    pub api: Option<SocketAddr>,
    /// Runs on the thread of whoever calls `block_on`, and only then.
    own: Runtime,
    data: Runtime,
    door: Option<Door>,
}

impl Settings {
    pub fn new(seed: Seed, config: Config) -> Settings {
        let (bind, manners) = ("127.0.0.1".into(), Manners::default());
        Settings { seed, config, api: None, hosts: Vec::new(), bind, manners, journal: None, log: Log::silent() }
    }
}

impl Engine {
    /// Claims every port, opens all, puts the faults in force, opens the API. If any of it fails nothing is left behind.
    pub fn start(settings: Settings) -> Result<Engine, Failure> {
        let own = Builder::new_current_thread().enable_all().build().map_err(no_runtime)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let data =
            Builder::new_multi_thread().worker_threads(threads).thread_name("faultwire-data").enable_all().build().map_err(no_runtime)?;
        let (teller, told) = Teller::new();
        let journal = Journal::start(told, settings.journal.as_deref(), settings.log)?;
        let started = own.block_on(open(&settings, data.handle().clone(), teller, journal));
        match started {
            Ok((control, door)) => Ok(Engine { control, api: door.as_ref().map(|door| door.address), own, data, door }),
            Err(failure) => {
                data.shutdown_background();
                Err(failure)
            }
        }
    }

    /// Opens the API later than everything else, on a port that has been claimed.
    pub fn open_api(&mut self, listener: std::net::TcpListener, hosts: &[String]) -> Result<SocketAddr, Failure> {
        let control = self.control.clone();
        let door = self.own.block_on(async { api::server::open(listener, control, hosts) }).map_err(no_runtime)?;
        let address = door.address;
        (self.api, self.door) = (Some(address), Some(door));
        Ok(address)
    }

    pub fn proxies(&self) -> &Arc<Proxies> {
        &self.control.proxies
    }

    /// Runs the control plane until this future has ended. The API answers only meanwhile.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.own.block_on(future)
    }

    /// A scope for tasks of the control plane.
    pub fn scope(&self) -> Scope {
        Scope::new(self.own.handle().clone())
    }

    /// Heals everything, stops accepting, lets connections finish for as long as `grace`, flushes the journal.
    pub fn stop(self, grace: Duration) {
        self.stop_unless(grace, std::future::pending::<()>());
    }

    /// The same; when `hurry` comes first, what is left is cut at once. Says what came.
    pub fn stop_unless<T>(self, grace: Duration, hurry: impl Future<Output = T>) -> Option<T> {
        let control = self.control.clone();
        control.stop();
        let hurried = self.own.block_on(async {
            tokio::select! {
                biased;
                () = control.proxies.drain(grace) => None,
                cut = hurry => {
                    control.proxies.drain(Duration::ZERO).await;
                    Some(cut)
                }
            }
        });
        control.end_streams();
        if let Some(door) = self.door {
            self.own.block_on(door.shut(Duration::from_millis(500)));
        }
        self.data.shutdown_timeout(Duration::from_millis(500));
        control.journal.close();
        self.own.shutdown_background();
        hurried
    }
}

async fn open(
    settings: &Settings,
    data: tokio::runtime::Handle,
    teller: Teller,
    journal: Journal,
) -> Result<(Arc<Control>, Option<Door>), Failure> {
    let proxies = Proxies::start(data, settings.seed, teller).map_err(no_runtime)?;
    let mut claimed = Vec::new();
    for link in &settings.config.links {
        claimed.push((link.clone(), Proxies::claim(link).map_err(|error| no_port(&settings.config.links, link, &error))?));
    }
    let door = match settings.api {
        Some(address) => Some(api::server::claim(address).map_err(|error| no_door(&settings.config.links, address, &error))?),
        None => None,
    };
    let control = Arc::new(Control::new(proxies.clone(), journal, settings.bind.clone(), settings.manners, settings.config.clone()));
    if let Some(address) = door.as_ref().and_then(|door| door.local_addr().ok()) {
        control.opened(address);
    }
    if let Some(link) = settings.config.links.iter().find(|link| control.leads_here(link)) {
        return Err(Failure::new(Exit::Scenario, format!("error[E0306]: {}", leads_here(link))));
    }
    proxies.spare(settings.config.exempt.as_deref()).await;
    let opened = proxies.open_claimed(claimed, Owner::File, settings.config.faults.clone()).await;
    opened.map_err(|error| Failure::new(proxy_exit(&error), format!("error: {error}")))?;
    let scope = Scope::new(tokio::runtime::Handle::current());
    scope.spawn(control.clone().watch_leases());
    let door = match door {
        Some(listener) => Some(api::server::open(listener, control.clone(), &settings.hosts).map_err(no_runtime)?),
        None => None,
    };
    Ok((control, door))
}

fn no_runtime(error: std::io::Error) -> Failure {
    Failure::new(Exit::Unavailable, format!("error: cannot start: {error}"))
}

fn proxy_exit(error: &ProxyError) -> Exit {
    match error {
        ProxyError::Listen { .. } => Exit::Unavailable,
        ProxyError::Loop { .. } | ProxyError::Misfit(_) => Exit::Scenario,
    }
}

fn no_port(links: &[Link], link: &Link, error: &ProxyError) -> Failure {
    let taken = matches!(error, ProxyError::Listen { why, .. } if why.kind() == std::io::ErrorKind::AddrInUse);
    let ours = links.iter().find(|other| other.name != link.name && other.listen.port() == link.listen.port());
    let help = match ours {
        Some(other) if taken => format!("`{}` listens there as well", other.name),
        _ if taken => format!(
            "another program has the port; find it with `ss -ltnp 'sport = :{}'`, or give `{}` another one",
            link.listen.port(),
            link.name
        ),
        _ => format!("give `{}` another address", link.name),
    };
    Failure::new(proxy_exit(error), format!("error: `{}`: {}\nhelp: {help}", link.name, plain(error)))
}

fn no_door(links: &[Link], address: SocketAddr, error: &std::io::Error) -> Failure {
    let taken = error.kind() == std::io::ErrorKind::AddrInUse;
    let help = match links.iter().find(|link| link.listen.port() == address.port()) {
        Some(link) if taken => format!("`{}` listens there; give one of them another port", link.name),
        _ if taken => "another program has the port, perhaps another Faultwire; choose one with --api HOST:PORT".to_owned(),
        _ => "choose another address with --api HOST:PORT".to_owned(),
    };
    Failure::new(Exit::Unavailable, format!("error: the API cannot listen on {address}: {}\nhelp: {help}", plain(error)))
}
