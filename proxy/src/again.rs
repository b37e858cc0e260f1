//! Requests that are sent again. Each has a connection of its own to the upstream, where its answer is read and dropped: whoever asked hears
//! of the first one alone.

use crate::{dial, live::Slot, tasks::Scope};
use bytes::{Bytes, BytesMut};
use faultwire_faults::again::{Again, Sent};
use faultwire_http1::{Cut, Http1};
use faultwire_http2::asking::Asking;
use std::{future::pending, io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

/// No answer is waited for longer.
const LIMIT: Duration = Duration::from_secs(60);
/// What is read at once.
const READ: usize = 16 << 10;

/// Sends a request so many times more as it says. How many there are at once its fault has seen to.
pub fn send(slot: &Arc<Slot>, scope: &Scope, again: Again) {
    let Again { fault, request, gap, copies } = again;
    let mut after = Duration::ZERO;
    for copied in copies {
        after = after.saturating_add(gap);
        let (slot, name, request, mut cuts) = (slot.clone(), fault.name.clone(), request.clone(), slot.cuts());
        scope.spawn(async move {
            let sent = async {
                sleep(after).await;
                // What is healed by then is not done any more.
                if slot.plan().faults.iter().any(|fault| fault.name == name) {
                    timeout(LIMIT, once(&slot, request)).await.ok();
                }
            };
            tokio::select! {
                () = sent => {}
                _ = cuts.changed() => {}
            }
            drop(copied);
        });
    }
}

async fn once(slot: &Slot, request: Sent) {
    let upstream = slot.upstream.load_full();
    let Ok(stream) = dial::dial(&upstream).await else { return };
    // What becomes of it is nobody's business, as long as it ends.
    match request {
        Sent::One(bytes) => one(stream, bytes).await,
        Sent::Two { head, body, trailers } => two(stream, Asking::new(&head, body, trailers)).await.unwrap_or_default(),
    }
}

/// HTTP/1: to the end of the answer, or of the connection.
async fn one(mut stream: TcpStream, bytes: Bytes) {
    let (mut from, mut to) = stream.split();
    let mut http = Http1::default();
    let mut asked = BytesMut::from(&bytes[..]);
    while let Ok(Some(_)) = http.request(&mut asked) {}
    let writes = async {
        // Who takes no more of it may answer all the same.
        to.write_all(&bytes).await.ok();
        pending::<()>().await;
    };
    let reads = async {
        let mut buffer = BytesMut::new();
        while from.read_buf(&mut buffer).await.is_ok_and(|n| n > 0) {
            while let Some(cut) = http.response(&mut buffer) {
                if matches!(cut, Cut::End | Cut::Lost(_) | Cut::Tunnel(_)) {
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = writes => {}
        () = reads => {}
    }
}

/// HTTP/2: to the end of the stream.
async fn two(mut stream: TcpStream, mut asking: Asking) -> io::Result<()> {
    let (mut from, mut to) = stream.split();
    let mut buffer = BytesMut::with_capacity(READ);
    while !asking.is_over() {
        let mut out = asking.write();
        // The server is read while it takes nothing: it may wait for that.
        while !out.is_empty() && !asking.is_over() {
            tokio::select! {
                written = to.write_buf(&mut out) => {
                    written?;
                }
                read = from.read_buf(&mut buffer) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    asking.receive(&mut buffer);
                }
            }
        }
        if asking.is_over() {
            return Ok(());
        }
        if asking.has_more() {
            continue;
        }
        if from.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        asking.receive(&mut buffer);
    }
    Ok(())
}
