//! Reaching the upstream: names are resolved for every connection, every address is tried, and all of it has a time limit.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

/// How long a dial may take, resolution included.
pub const DIAL_LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub host: String,
    pub port: u16,
}

#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("cannot resolve {0}: {1}")]
    Resolve(String, io::Error),
    #[error("{0} refuses: {1}")]
    Refused(Upstream, io::Error),
    #[error("{0} did not answer within {1:?}")]
    TimedOut(Upstream, Duration),
}

pub async fn dial(upstream: &Upstream) -> Result<TcpStream, DialError> {
    let end = Instant::now() + DIAL_LIMIT;
    let too_late = || DialError::TimedOut(upstream.clone(), DIAL_LIMIT);
    let addresses = timeout_at(end, resolve(upstream)).await.map_err(|_| too_late())??;
    let mut last = None;
    for (i, address) in addresses.iter().enumerate() {
        // An address that is silent must leave time for those behind it.
        let share = (end.saturating_duration_since(Instant::now())) / (addresses.len() - i) as u32;
        match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Whoever disables Nagle on his side expects it of the whole path.
                stream.set_nodelay(true).ok();
                return Ok(stream);
            }
            Ok(Err(error)) => last = Some(error),
            Err(_) => {}
        }
    }
    Err(last.map_or_else(too_late, |error| DialError::Refused(upstream.clone(), error)))
}

async fn resolve(upstream: &Upstream) -> Result<Vec<SocketAddr>, DialError> {
    if let Ok(address) = upstream.host.parse::<IpAddr>() {
        return Ok(vec![(address, upstream.port).into()]);
    }
    let failed = |error| DialError::Resolve(upstream.host.clone(), error);
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((upstream.host.as_str(), upstream.port)).await.map_err(failed)?.collect();
    if addresses.is_empty() { Err(failed(io::Error::other("it has no address"))) } else { Ok(addresses) }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') { write!(f, "[{}]:{}", self.host, self.port) } else { write!(f, "{}:{}", self.host, self.port) }
    }
}
