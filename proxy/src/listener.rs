//! A port of a proxy. Accepting waits for nothing: each connection goes its own way at once. `down` really closes the port, and keeps it.

use crate::{live::Slot, pump, sys, tasks::Scope, told::Fact};
use socket2::{SockRef, Socket};
use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

/// How long accepting rests when the process is out of descriptors.
const BREATH: Duration = Duration::from_millis(20);

/// What the accepting task is asked for; answered when it is so.
struct Ask {
    listen: Want,
    done: oneshot::Sender<io::Result<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    Open,
    /// Refuses, and keeps the port.
    Shut,
    /// Gives the port up.
    Gone,
}

#[derive(Debug)]
pub struct Listener {
    pub address: SocketAddr,
    asks: mpsc::Sender<Ask>,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.listen)
    }
}

/// A port that has been taken, and on which nothing is accepted yet.
#[derive(Debug)]
pub struct Claimed(Socket);

impl Claimed {
    pub fn claim(address: SocketAddr) -> io::Result<Claimed> {
        sys::listen(address).map(Claimed)
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }
}

impl Listener {
    pub fn start(claimed: Claimed, slot: Arc<Slot>, scope: &Scope) -> io::Result<Listener> {
        let address = claimed.address()?;
        let (asks, inbox) = mpsc::channel(8);
        let _inside = scope.runtime().enter();
        let port = Port::Open(TcpListener::from_std(claimed.0.into())?);
        let own = scope.clone();
        scope.spawn(async move { Accepting { slot, scope: own, address, complained: None }.run(port, inbox).await });
        Ok(Listener { address, asks })
    }

    /// A port that has not been taken.
    pub fn asleep(address: SocketAddr, slot: Arc<Slot>, scope: &Scope) -> Listener {
        let (asks, inbox) = mpsc::channel(8);
        let own = scope.clone();
        scope.spawn(async move { Accepting { slot, scope: own, address, complained: None }.run(Port::Shut(None), inbox).await });
        Listener { address, asks }
    }

    /// Opens, shuts or gives up the port; returns when it is so.
    pub async fn ask(&self, listen: Want) -> io::Result<()> {
        let (done, answer) = oneshot::channel();
        let gone = || io::Error::other("the listener has ended");
        self.asks.send(Ask { listen, done }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

enum Port {
    Open(TcpListener),
    /// Closed; kept by a socket, unless there was none to be had.
    Shut(Option<Socket>),
}

struct Accepting {
    slot: Arc<Slot>,
    scope: Scope,
    address: SocketAddr,
    complained: Option<Instant>,
}

impl Accepting {
    async fn run(&mut self, mut port: Port, mut inbox: mpsc::Receiver<Ask>) {
        loop {
            let accepted = match &port {
                Port::Shut(_) => None,
                Port::Open(listener) => tokio::select! {
                    biased;
                    ask = inbox.recv() => {
                        let Some(ask) = ask else { return };
                        if self.turn(&mut port, ask) { continue } else { return }
                    }
                    accepted = listener.accept() => Some(accepted),
                },
            };
            match accepted {
                Some(Ok((client, peer))) => {
                    // Faultwire's own delays are the only ones there are to be.
                    client.set_nodelay(true).ok();
                    self.scope.spawn(pump::begin(self.slot.clone(), self.scope.clone(), client, peer));
                }
                Some(Err(error)) => self.rest(&error).await,
                None => {
                    let Some(ask) = inbox.recv().await else { return };
                    if !self.turn(&mut port, ask) {
                        return;
                    }
                }
            }
        }
    }

    /// Does what is asked; `false` when the port is gone.
    fn turn(&self, port: &mut Port, ask: Ask) -> bool {
        if ask.listen == Want::Gone {
            // The port is free before anybody is told so.
            *port = Port::Shut(None);
            ask.done.send(Ok(())).ok();
            return false;
        }
        let turned = match (&*port, ask.listen) {
            (Port::Open(listener), Want::Shut) => Ok(Some(Port::Shut(sys::hold(&SockRef::from(listener)).ok()))),
            (Port::Shut(holder), Want::Open) => open(holder.as_ref(), self.address).map(Some),
            _ => Ok(None),
        };
        let generation = self.slot.plan().generation;
        let answer = turned.map(|turned| {
            if let Some(turned) = turned {
                let address = self.address;
                let fact = if matches!(turned, Port::Open(_)) { Fact::Up { address } } else { Fact::Down { address } };
                *port = turned;
                self.slot.teller.tell(&self.slot.name, generation, fact);
            }
        });
        ask.done.send(answer).ok();
        true
    }

    /// Out of descriptors, as a rule: lets others finish, and says so once a second.
    async fn rest(&mut self, error: &io::Error) {
        let passing =
            matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted);
        if passing {
            return;
        }
        if self.complained.is_none_or(|at| at.elapsed() > Duration::from_secs(1)) {
            self.complained = Some(Instant::now());
            self.slot.teller.tell(&self.slot.name, self.slot.plan().generation, Fact::AcceptFailed { why: error.to_string() });
        }
        tokio::time::sleep(BREATH).await;
    }
}

fn open(holder: Option<&Socket>, address: SocketAddr) -> io::Result<Port> {
    let socket = match holder {
        Some(holder) => sys::listen_again(holder)?,
        None => sys::listen(address)?,
    };
    TcpListener::from_std(socket.into()).map(Port::Open)
}
