//! The door of the API: accepting, HTTP/1, and limits of number and time, so that no client can hold up another. It knows no endpoint.

use super::{
    guard::{Guard, Peer},
    router,
};
use crate::control::Control;
use axum::extract::Request;
use faultwire_proxy::tasks::Scope;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{Instant, Sleep},
};

/// So many clients at a time; who comes later is told so.
const CLIENTS: usize = 512;
/// Within this time a request is to begin and its head to be complete, also on a connection that has been used before.
const HEAD: Duration = Duration::from_secs(30);
/// A client that takes nothing of its answer for so long is gone.
const TAKES: Duration = Duration::from_secs(30);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 30\r\nconnection: close\r\n\r\ntoo many clients of this API.\n";

/// An open door.
#[derive(Debug)]
pub struct Door {
    pub address: SocketAddr,
    shut: watch::Sender<bool>,
    scope: Scope,
}

/// Takes the port. Connections wait until the door is opened.
pub fn claim(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    // The standard library sets SO_REUSEADDR: a port in TIME_WAIT is free.
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Begins to answer, on the runtime this is called from.
pub fn open(listener: std::net::TcpListener, control: Arc<Control>, hosts: &[String]) -> io::Result<Door> {
    let address = listener.local_addr()?;
    let listener = TcpListener::from_std(listener)?;
    let (shut, is_shut) = watch::channel(false);
    let scope = Scope::new(tokio::runtime::Handle::current());
    let guard = Arc::new(Guard { hosts: hosts.to_vec() });
    let app = router(control, guard);
    scope.spawn(accept(listener, app, is_shut, scope.clone()));
    Ok(Door { address, shut, scope })
}

impl Door {
    /// Answers what is being asked, and nothing more.
    pub async fn shut(self, grace: Duration) {
        self.shut.send(true).ok();
        tokio::time::timeout(grace, self.scope.ended()).await.ok();
    }
}

async fn accept(listener: TcpListener, app: axum::Router, mut is_shut: watch::Receiver<bool>, scope: Scope) {
    let room = Arc::new(Semaphore::new(CLIENTS));
    loop {
        let accepted = tokio::select! {
            _ = is_shut.wait_for(|shut| *shut) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match room.clone().try_acquire_owned() {
                Ok(place) => {
                    stream.set_nodelay(true).ok();
                    let (app, is_shut) = (app.clone(), is_shut.clone());
                    scope.spawn(async move {
                        answer(stream, peer, app, is_shut).await;
                        drop(place);
                    });
                }
                Err(_) => turn_away(stream),
            },
            // Out of descriptors, as a rule: it passes.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

fn turn_away(stream: TcpStream) {
    stream.try_write(FULL).ok();
}

async fn answer(stream: TcpStream, peer: SocketAddr, app: axum::Router, mut is_shut: watch::Receiver<bool>) {
    let service = tower_service(app, peer);
    let io = TokioIo::new(Patient::new(stream));
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(HEAD).serve_connection(io, TowerToHyperService::new(service));
    tokio::pin!(connection);
    let shutting = async {
        is_shut.wait_for(|shut| *shut).await.ok();
    };
    tokio::pin!(shutting);
    let mut open = true;
    loop {
        tokio::select! {
            // However it ends, nobody is there any more who could be told.
            _ = connection.as_mut() => return,
            () = &mut shutting, if open => {
                open = false;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The router, told who is calling.
fn tower_service(
    app: axum::Router,
    peer: SocketAddr,
) -> impl tower::Service<
    hyper::Request<hyper::body::Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> + Clone {
    tower::util::MapRequest::new(app, move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Peer(peer));
        request
    })
}

/// A stream whose writing gives up when the other side takes nothing for too long.
struct Patient {
    stream: TcpStream,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn new(stream: TcpStream) -> Patient {
        Patient { stream, stuck: None }
    }

    fn write(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = write(Pin::new(&mut self.stream), cx) {
            self.stuck = None;
            return Poll::Ready(written);
        }
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + TAKES)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
