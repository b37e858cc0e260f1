//! Where a proxy is to listen, as Go reads it: `host:port`, `:port`, or nothing. Names are looked up here, and nothing is bound.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs},
    sync::OnceLock,
};

/// Ports that Go knows by name.
const SERVICES: &[(&str, u16)] =
    &[("http", 80), ("https", 443), ("ssh", 22), ("smtp", 25), ("domain", 53), ("pop3", 110), ("imap2", 143), ("ftp", 21), ("telnet", 23)];

/// An address, and how Go speaks of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    pub address: SocketAddr,
    pub said: String,
}

/// Looked up on a thread that may wait. The error is Go's sentence.
pub async fn resolve(text: &str) -> Result<Listen, String> {
    let (host, port) = if text.is_empty() { (String::new(), 0) } else { split(text)? };
    if host.is_empty() {
        return Ok(Listen { address: (all(), port).into(), said: format!(":{port}") });
    }
    let literal = host.parse::<IpAddr>().ok();
    let ip = match literal {
        Some(ip) => ip.to_canonical(),
        // What can be no name is not asked for.
        None if !is_name(&host) => return Err(format!("lookup {host}: no such host")),
        None => {
            let name = host.clone();
            let looked_up = tokio::task::spawn_blocking(move || look_up(&name)).await.ok().flatten();
            looked_up.ok_or_else(|| no_such_host(&host))?
        }
    };
    let said = SocketAddr::from((ip, port)).to_string();
    // All addresses are those of both families.
    let ip = if ip.is_unspecified() { all() } else { ip };
    Ok(Listen { address: (ip, port).into(), said })
}

/// What Go says of a name that nobody knows.
pub fn no_such_host(host: &str) -> String {
    format!("lookup {host}{}: no such host", resolver())
}

/// Whom Go would have asked.
fn resolver() -> String {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let server = text.lines().find_map(|line| line.trim().strip_prefix("nameserver")?.split_whitespace().next()?.parse::<IpAddr>().ok());
    server.map_or_else(String::new, |server| format!(" on {}", SocketAddr::from((server, 53))))
}

fn look_up(host: &str) -> Option<IpAddr> {
    let mut addresses: Vec<SocketAddr> = (host, 0).to_socket_addrs().ok()?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.first().map(SocketAddr::ip)
}

/// The address that stands for all, of both families where the machine has both.
fn all() -> IpAddr {
    static BOTH: OnceLock<bool> = OnceLock::new();
    let both = *BOTH.get_or_init(|| TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok());
    if both { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

/// Go's `net.SplitHostPort` and its reading of ports.
fn split(text: &str) -> Result<(String, u16), String> {
    let wrong = |why: &str| Err(format!("address {text}: {why}"));
    let Some(colon) = text.rfind(':') else { return wrong("missing port in address") };
    let (host, rest) = if let Some(inside) = text.strip_prefix('[') {
        let Some((host, rest)) = inside.split_once(']') else { return wrong("missing ']' in address") };
        if rest.len() != text.len() - colon {
            return wrong(if rest.starts_with(':') { "too many colons in address" } else { "missing port in address" });
        }
        (host, rest)
    } else {
        let host = &text[..colon];
        if host.contains(':') {
            return wrong("too many colons in address");
        }
        (host, text)
    };
    for (bracket, here) in [('[', host), ('[', rest), (']', rest)] {
        if here.contains(bracket) {
            return wrong(&format!("unexpected '{bracket}' in address"));
        }
    }
    Ok((host.to_owned(), port(&text[colon + 1..])?))
}

/// Go's `isDomainName`: labels of up to 63 letters, digits, `_` and `-`, and not digits alone.
fn is_name(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        let known = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        known && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    labels.len() < 254 && labels.split('.').all(is_label) && labels.bytes().any(|byte| !byte.is_ascii_digit() && byte != b'.')
}

fn port(text: &str) -> Result<u16, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if text.is_empty() {
        return Ok(0);
    }
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let known = SERVICES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
        return known.map(|(_, port)| *port).ok_or_else(|| format!("lookup tcp/{text}: unknown port"));
    }
    text.parse().map_err(|_| format!("address {text}: invalid port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split_as_go_does() {
        let is = |text: &str| split(text).map(|(host, port)| format!("{host} {port}")).unwrap_or_else(|why| why);
        for (text, want) in [
            ("localhost:80", "localhost 80"),
            (":80", " 80"),
            ("localhost:", "localhost 0"),
            ("[::1]:80", "::1 80"),
            ("local373", "address local373: missing port in address"),
            ("a:b:1", "address a:b:1: too many colons in address"),
            ("[::1]", "address [::1]: missing port in address"),
            ("[::1:80", "address [::1:80: missing ']' in address"),
            ("a:99999", "address 99999: invalid port"),
            ("a:-1", "address -1: invalid port"),
            ("a:nope", "lookup tcp/nope: unknown port"),
            ("a]:1", "address a]:1: unexpected ']' in address"),
            ("[[::1]]:1", "address [[::1]]:1: missing port in address"),
            ("[a[b]:1", "address [a[b]:1: unexpected '[' in address"),
        ] {
            assert_eq!(is(text), want, "{text}");
        }
    }

    #[test]
    fn names_are_told_from_what_is_none() {
        for host in ["localhost", "a.b-c.d_e.", "1.2.3.x", "a1"] {
            assert!(is_name(host), "{host}");
        }
        for host in ["", "256.1.1.1", "1.2.3", "-a", "a-", "a..b", "ö.invalid", "a b", &"a".repeat(64)] {
            assert!(!is_name(host), "{host}");
        }
    }

    #[tokio::test]
    async fn all_addresses_are_one() {
        let all = resolve("").await.unwrap().address;
        assert!(all.ip().is_unspecified());
        for text in ["0.0.0.0:0", "[::]:0", ":0", ":"] {
            assert_eq!(resolve(text).await.unwrap().address, all, "{text}");
        }
        assert_eq!(resolve("localhost:7").await.unwrap().address.to_string(), "127.0.0.1:7");
        assert_eq!(resolve("0.0.0.0:7").await.unwrap().said, "0.0.0.0:7");
        assert_eq!(resolve("[::ffff:127.0.0.1]:7").await.unwrap().address.to_string(), "127.0.0.1:7");
        let why = resolve("nosuch.invalid:7").await.unwrap_err();
        assert!(why.starts_with("lookup nosuch.invalid") && why.ends_with(": no such host"), "{why}");
    }
}
