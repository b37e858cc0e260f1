//! An address in a variable of the wrapped command: found, led through a proxy, and put back with everything else as it was.
//! Pure: it knows no sockets and no environment but the text it is given.

use std::ops::Range;

/// A variable's text, and where in it stands the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    text: String,
    host: Range<usize>,
    /// Empty where the text leaves the port out.
    port: Range<usize>,
    pub scheme: Option<String>,
    pub upstream: (String, u16),
}

/// Schemes whose address a client dials by itself, with the port that is meant when none is written.
const SCHEMES: &[(&str, u16)] = &[
    ("amqp", 5672),
    ("amqps", 5671),
    ("grpc", 80),
    ("grpcs", 443),
    ("http", 80),
    ("https", 443),
    ("kafka", 9092),
    ("mariadb", 3306),
    ("memcached", 11211),
    ("mongodb", 27017),
    ("mqtt", 1883),
    ("mssql", 1433),
    ("mysql", 3306),
    ("nats", 4222),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("redis", 6379),
    ("rediss", 6379),
    ("sqlserver", 1433),
    ("tcp", 0),
];

/// Why a variable cannot be wrapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    #[error("no address in it that Faultwire knows; it reads URLs, `host:port`, JDBC URLs and libpq's `host=… port=…`")]
    NoAddress,
    #[error("`{0}` has no port, and its scheme says none")]
    NoPort(String),
    #[error("it names several hosts; wrap one address at a time")]
    SeveralHosts,
    #[error("it is a file name (a Unix socket), which no proxy can stand in front of")]
    UnixSocket,
    #[error("`mongodb+srv` finds its hosts by DNS; name one host with `mongodb://` instead")]
    Srv,
}

impl Wrapped {
    pub fn find(text: &str) -> Result<Wrapped, WrapError> {
        if text.starts_with('/') || text.starts_with("unix:") {
            return Err(WrapError::UnixSocket);
        }
        match text.find("://") {
            Some(at) => Wrapped::in_url(text, at),
            None if text.split_whitespace().any(|word| word.starts_with("host=") || word.starts_with("hostaddr=")) => {
                Wrapped::in_libpq(text)
            }
            None => Wrapped::in_authority(text, 0..text.len(), None),
        }
    }

    /// Whether `--wrap auto` takes it: only what says by its scheme that it is an address.
    pub fn is_obvious(text: &str) -> bool {
        Wrapped::find(text).is_ok_and(|wrapped| wrapped.scheme.is_some())
    }

    /// The same text with another address.
    pub fn with(&self, host: &str, port: u16) -> String {
        let mut text = self.text.clone();
        if self.port.is_empty() && self.port.start != self.host.end {
            // libpq without a port: it goes behind the host as a word of its own.
            text.insert_str(self.port.start, &format!(" port={port}"));
            text.replace_range(self.host.clone(), host);
        } else if self.port.is_empty() {
            text.replace_range(self.host.clone(), &format!("{host}:{port}"));
        } else {
            text.replace_range(self.port.clone(), &port.to_string());
            text.replace_range(self.host.clone(), host);
        }
        text
    }

    fn in_url(text: &str, at: usize) -> Result<Wrapped, WrapError> {
        // `jdbc:postgresql://…`: the scheme is the last word before the colon and the slashes.
        let scheme = text[..at].rsplit(':').next().unwrap_or_default().split('+').next().unwrap_or_default().to_ascii_lowercase();
        if text[..at].ends_with("+srv") {
            return Err(WrapError::Srv);
        }
        let begin = at + "://".len();
        let end = text[begin..].find(['/', '?', '#', ';']).map_or(text.len(), |length| begin + length);
        let begin = text[begin..end].rfind('@').map_or(begin, |length| begin + length + 1);
        Wrapped::in_authority(text, begin..end, Some(scheme))
    }

    /// `host:port`, `[::1]:port`, `host`.
    fn in_authority(text: &str, part: Range<usize>, scheme: Option<String>) -> Result<Wrapped, WrapError> {
        let authority = &text[part.clone()];
        if authority.contains(',') {
            return Err(WrapError::SeveralHosts);
        }
        let colon = match authority.rfind(']') {
            Some(bracket) => authority[bracket..].find(':').map(|at| bracket + at),
            None => authority.rfind(':'),
        };
        let host = part.start..colon.map_or(part.end, |at| part.start + at);
        let port = colon.map_or(part.end..part.end, |at| part.start + at + 1..part.end);
        let name = text[host.clone()].trim_matches(['[', ']']).to_owned();
        let known = scheme.as_deref().and_then(|scheme| SCHEMES.iter().find(|(name, _)| *name == scheme));
        let bare = &text[host.clone()];
        let bracketed = bare.starts_with('[') && bare.ends_with(']') && bare.len() > 2;
        let plausible = (bracketed || !bare.contains(['[', ']', ':']))
            && !name.is_empty()
            && !name.contains(|c: char| c.is_whitespace() || c == '/' || c == '=');
        let number = match (text[port.clone()].parse::<u16>(), known) {
            _ if !plausible || (scheme.is_some() && known.is_none()) => return Err(WrapError::NoAddress),
            (Ok(number), _) if number > 0 => number,
            (Err(_), Some((_, number))) if port.is_empty() && *number > 0 => *number,
            _ if scheme.is_none() => return Err(WrapError::NoAddress),
            _ => return Err(WrapError::NoPort(name)),
        };
        // The port that is not written follows the host directly.
        let port = if port.is_empty() { host.end..host.end } else { port };
        Ok(Wrapped { text: text.to_owned(), host, port, scheme, upstream: (name, number) })
    }

    /// libpq's `host=db port=5432 dbname=app` (PostgreSQL documentation 34.1.1.1).
    fn in_libpq(text: &str) -> Result<Wrapped, WrapError> {
        let value = |key: &str| {
            let at = text.match_indices(key).find(|(at, _)| *at == 0 || text[..*at].ends_with(char::is_whitespace))?.0 + key.len();
            let end = text[at..].find(char::is_whitespace).map_or(text.len(), |length| at + length);
            Some(at..end)
        };
        let host = value("hostaddr=").or_else(|| value("host=")).ok_or(WrapError::NoAddress)?;
        let name = text[host.clone()].to_owned();
        match name.as_str() {
            "" => return Err(WrapError::NoAddress),
            name if name.starts_with('/') => return Err(WrapError::UnixSocket),
            name if name.contains(',') => return Err(WrapError::SeveralHosts),
            _ => {}
        }
        let end = text.len();
        let (port, number) = match value("port=") {
            Some(port) => (port.clone(), text[port].parse().map_err(|_| WrapError::NoPort(name.clone()))?),
            None if end == host.end => return Wrapped::in_libpq(&format!("{text} port=5432")),
            None => (end..end, 5432),
        };
        Ok(Wrapped { text: text.to_owned(), host, port, scheme: Some("postgresql".to_owned()), upstream: (name, number) })
    }
}

/// What a proxy in front of a variable is called: `REDIS_URL` is `redis`.
pub fn name_of(variable: &str) -> String {
    const ENDINGS: [&str; 14] = [
        "_CONNECTION_STRING",
        "_CONNECTION_URL",
        "_BOOTSTRAP_SERVERS",
        "_ENDPOINT",
        "_SERVERS",
        "_ADDRESS",
        "_SERVER",
        "_ADDR",
        "_HOST",
        "_URL",
        "_URI",
        "_DSN",
        "_BROKERS",
        "_BROKER",
    ];
    let upper = variable.to_ascii_uppercase();
    let stem = ENDINGS.iter().find_map(|ending| upper.strip_suffix(ending)).filter(|stem| !stem.is_empty()).unwrap_or(&upper);
    stem.to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_and_only_they_are_replaced() {
        for (text, upstream, with) in [
            ("redis://localhost:6379/0", ("localhost", 6379), "redis://127.0.0.1:21000/0"),
            ("redis://localhost", ("localhost", 6379), "redis://127.0.0.1:21000"),
            ("redis://localhost/0?x=1", ("localhost", 6379), "redis://127.0.0.1:21000/0?x=1"),
            ("redis://:p%40ss:w@h.example:6380", ("h.example", 6380), "redis://:p%40ss:w@127.0.0.1:21000"),
            ("postgres://u:p@[::1]:5433/db", ("::1", 5433), "postgres://u:p@127.0.0.1:21000/db"),
            ("jdbc:postgresql://db:5432/app?ssl=false", ("db", 5432), "jdbc:postgresql://127.0.0.1:21000/app?ssl=false"),
            ("jdbc:sqlserver://db:1433;database=x", ("db", 1433), "jdbc:sqlserver://127.0.0.1:21000;database=x"),
            ("postgresql+asyncpg://db/app", ("db", 5432), "postgresql+asyncpg://127.0.0.1:21000/app"),
            ("localhost:6379", ("localhost", 6379), "127.0.0.1:21000"),
            ("host=db port=5433 dbname=app", ("db", 5433), "host=127.0.0.1 port=21000 dbname=app"),
            ("host=db dbname=app", ("db", 5432), "host=127.0.0.1 dbname=app port=21000"),
            ("host=db", ("db", 5432), "host=127.0.0.1 port=21000"),
            ("HTTPS://api.example/v1", ("api.example", 443), "HTTPS://127.0.0.1:21000/v1"),
        ] {
            let wrapped = Wrapped::find(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((wrapped.upstream.0.as_str(), wrapped.upstream.1), upstream, "{text}");
            assert_eq!(wrapped.with("127.0.0.1", 21000), with, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_told_apart() {
        for (text, error) in [
            ("", WrapError::NoAddress),
            ("hello", WrapError::NoAddress),
            ("/var/run/redis.sock", WrapError::UnixSocket),
            ("host=/var/run dbname=x", WrapError::UnixSocket),
            ("kafka://a:1,b:2", WrapError::SeveralHosts),
            ("a:1,b:2", WrapError::SeveralHosts),
            ("mongodb+srv://cluster.example/x", WrapError::Srv),
            ("file:///etc/passwd", WrapError::NoAddress),
            ("tcp://host", WrapError::NoPort("host".to_owned())),
            ("redis://host:0", WrapError::NoPort("host".to_owned())),
            ("redis://host:99999", WrapError::NoPort("host".to_owned())),
            ("://", WrapError::NoAddress),
            ("http://[::1", WrapError::NoAddress),
            ("http://::1", WrapError::NoAddress),
            ("http://[]:80", WrapError::NoAddress),
        ] {
            assert_eq!(Wrapped::find(text), Err(error), "{text}");
        }
        assert!(Wrapped::is_obvious("redis://h"));
        assert!(!Wrapped::is_obvious("localhost:1"), "`auto` takes nothing that only looks like an address");
    }

    #[test]
    fn proxies_are_called_after_their_variable() {
        for (variable, name) in
            [("REDIS_URL", "redis"), ("DATABASE_URL", "database"), ("ORDERS_API_ADDR", "orders-api"), ("URL", "url"), ("pg_dsn", "pg")]
        {
            assert_eq!(name_of(variable), name);
        }
    }
}
