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
    /// 0: the host is all that was said, and whether that is an address shows when it is dialled.
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
    let text = if upstream.port == 0 { upstream.host.clone() } else { upstream.to_string() };
    // Without a host it is this machine.
    let text = if text.starts_with(':') { format!("localhost{text}") } else { text };
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(text).await.map_err(failed)?.collect();
    if addresses.is_empty() { Err(failed(io::Error::other("it has no address"))) } else { Ok(addresses) }
}

impl Upstream {
    /// Keeps the text, whatever it is: shown as it was said.
    pub fn verbatim(text: &str) -> Upstream {
        let split = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok().filter(|port| *port > 0)?)));
        let upstream = split.map(|(host, port)| {
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            Upstream { host: host.to_owned(), port }
        });
        upstream.filter(|upstream| upstream.to_string() == text).unwrap_or(Upstream { host: text.to_owned(), port: 0 })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.port == 0 {
            return f.write_str(&self.host);
        }
        if self.host.contains(':') { write!(f, "[{}]:{}", self.host, self.port) } else { write!(f, "{}:{}", self.host, self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_shown() {
        for text in ["redis:6379", "[::1]:80", ":6379", "redis", "", "redis:http", "redis:06379", "a:b:1", "redis:0", "10.0.0.1:1"] {
            assert_eq!(Upstream::verbatim(text).to_string(), text);
        }
        assert_eq!(Upstream::verbatim("[::1]:80"), Upstream { host: "::1".into(), port: 80 });
        assert_eq!(Upstream::verbatim("redis").port, 0);
    }
}
