//! Addresses in the values of variables: URLs, lists of `host:port`, connection strings, bare hosts. It finds them and says how each is
//! changed; whose they are it does not know.

use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub host: String,
    /// As it is written; `None` where it is left out.
    pub port: Option<u16>,
    /// In small letters, without what stands behind a `+`.
    pub scheme: Option<String>,
    pub form: Form,
    host_at: Range<usize>,
    port_at: Option<Range<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `host:port`, in a URL or by itself.
    Authority,
    /// `Host=db;Port=5432`, `host=db port=5432`; the sign stands between them.
    Pairs(char),
    /// `Server=db,1433`.
    Comma,
    /// Nothing but a host: its port stands elsewhere.
    Bare,
}

impl Address {
    /// What has to stand in which place instead.
    pub fn led_to(&self, host: &str, port: u16) -> Vec<(Range<usize>, String)> {
        let whole = self.host_at.start..self.port_at.as_ref().map_or(self.host_at.end, |at| at.end);
        match (self.form, &self.port_at) {
            (Form::Authority, _) => vec![(whole, format!("{host}:{port}"))],
            (Form::Comma, _) => vec![(whole, format!("{host},{port}"))],
            (Form::Pairs(_), Some(at)) => vec![(self.host_at.clone(), host.to_owned()), (at.clone(), port.to_string())],
            (Form::Pairs(sign), None) => {
                let key = if sign == ';' { "Port" } else { "port" };
                vec![(self.host_at.clone(), format!("{host}{sign}{key}={port}"))]
            }
            (Form::Bare, _) => vec![(self.host_at.clone(), host.to_owned())],
        }
    }
}

/// All addresses that stand in a text, whoever they belong to.
pub fn find(text: &str) -> Vec<Address> {
    if text.contains("://") {
        return text.match_indices("://").flat_map(|(at, _)| in_url(text, at)).collect();
    }
    let pairs = in_pairs(text);
    if !pairs.is_empty() {
        return pairs;
    }
    let listed: Vec<Address> = words(text).filter_map(|word| in_word(text, word)).collect();
    if !listed.is_empty() {
        return listed;
    }
    let whole = trimmed(text, 0..text.len());
    let bare = is_host(&text[whole.clone()]).then(|| Address {
        host: text[whole.clone()].to_owned(),
        port: None,
        scheme: None,
        form: Form::Bare,
        host_at: whole,
        port_at: None,
    });
    bare.into_iter().collect()
}

/// The hosts of `scheme://user:password@host:port,host:port/path`.
fn in_url(text: &str, at: usize) -> Vec<Address> {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-_".contains(c);
    let begin = text[..at].rfind(|c| !is_scheme(c)).map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
    let scheme = text[begin..at].to_ascii_lowercase();
    let scheme = if scheme.ends_with("+srv") { scheme } else { scheme.split('+').next().unwrap_or_default().to_owned() };
    let begin = at + "://".len();
    let ends = |c: char| "/?#;\"'`)]}<>\\".contains(c) || c.is_whitespace();
    let end = match text[begin..].starts_with('[') {
        true => text[begin..].find(['/', '?', '#', '"', '\'', ' ']).map_or(text.len(), |length| begin + length),
        false => text[begin..].find(ends).map_or(text.len(), |length| begin + length),
    };
    let begin = text[begin..end].rfind('@').map_or(begin, |length| begin + length + 1);
    let hosts = split(begin..end, text, |c| c == ',');
    hosts.filter_map(|part| authority(text, part)).map(|address| Address { scheme: Some(scheme.clone()), ..address }).collect()
}

/// `Host=db;Port=5432`, as .NET has it, and `host=db port=5432`, as libpq has it.
fn in_pairs(text: &str) -> Vec<Address> {
    const HOSTS: [&str; 7] = ["host", "hostaddr", "server", "data source", "datasource", "addr", "address"];
    let sign = if text.contains(';') { ';' } else { ' ' };
    let mut hosts = Vec::new();
    let mut port_at = None;
    for part in split(0..text.len(), text, |c| c == sign) {
        let Some(equals) = text[part.clone()].find('=') else { continue };
        let key = text[part.start..part.start + equals].trim().to_ascii_lowercase();
        let value = trimmed(text, part.start + equals + 1..part.end);
        match key.as_str() {
            "port" if text[value.clone()].parse::<u16>().is_ok_and(|port| port > 0) => port_at = Some(value),
            key if HOSTS.contains(&key) => hosts.push(value),
            _ => {}
        }
    }
    let address = |value: Range<usize>| {
        // `tcp:db,1433`
        let value = text[value.clone()].strip_prefix("tcp:").map_or(value.clone(), |rest| value.end - rest.len()..value.end);
        if text[value.clone()].contains(':') {
            return authority(text, value);
        }
        let (host_at, own) = match text[value.clone()].find(',') {
            Some(comma) => (value.start..value.start + comma, Some(trimmed(text, value.start + comma + 1..value.end))),
            None => (value, None),
        };
        let form = if own.is_some() { Form::Comma } else { Form::Pairs(sign) };
        let port_at = own.or(port_at.clone());
        let port = port_at.as_ref().map(|at| text[at.clone()].parse()).transpose().ok()?;
        let host = text[host_at.clone()].to_owned();
        is_host(&host).then_some(Address { host, port, scheme: None, form, host_at, port_at })
    };
    hosts.into_iter().filter_map(address).collect()
}

fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    split(0..text.len(), text, |c| c.is_whitespace() || matches!(c, ',' | ';' | '|'))
}

/// `host:port`, also in `user:password@tcp(host:port)/name` and behind a `=`.
fn in_word(text: &str, word: Range<usize>) -> Option<Address> {
    let inside = match (text[word.clone()].find("tcp("), text[word.clone()].rfind(')')) {
        (Some(open), Some(close)) if open + 4 <= close => word.start + open + 4..word.start + close,
        _ => {
            let end = text[word.clone()].find('/').map_or(word.end, |at| word.start + at);
            let begin = text[word.start..end].rfind(['@', '=', '"', '\'']).map_or(word.start, |at| word.start + at + 1);
            begin..end
        }
    };
    authority(text, inside).filter(|address| address.port.is_some())
}

/// `host`, `host:port`, `[::1]:port`.
fn authority(text: &str, part: Range<usize>) -> Option<Address> {
    let part = trimmed(text, part);
    let whole = &text[part.clone()];
    let colon = match whole.rfind(']') {
        Some(bracket) => whole[bracket..].find(':').map(|at| bracket + at),
        None => whole.find(':'),
    };
    let host_at = part.start..colon.map_or(part.end, |at| part.start + at);
    let port_at = colon.map(|at| part.start + at + 1..part.end);
    let port = port_at.as_ref().map(|at| digits(&text[at.clone()])).map_or(Some(None), |port| port.map(Some))?;
    let bare = &text[host_at.clone()];
    let ipv6 = bare.strip_prefix('[').and_then(|bare| bare.strip_suffix(']')).filter(|bare| bare.parse::<std::net::Ipv6Addr>().is_ok());
    let host = ipv6.or_else(|| is_host(bare).then_some(bare))?.to_owned();
    Some(Address { host, port, scheme: None, form: Form::Authority, host_at, port_at })
}

fn digits(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A name or an IPv4 address, and no number.
fn is_host(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.len() <= 253
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(fits)
        && !text.chars().all(|c| c.is_ascii_digit() || c == '_')
}

fn split(part: Range<usize>, text: &str, at: impl Fn(char) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut parts = Vec::new();
    let mut begin = part.start;
    for (offset, sign) in text[part.clone()].char_indices().filter(|(_, c)| at(*c)) {
        parts.push(begin..part.start + offset);
        begin = part.start + offset + sign.len_utf8();
    }
    parts.push(begin..part.end);
    parts.into_iter().filter(|part| !part.is_empty())
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbs::init::fill::Filled;

    /// The hosts with their ports, and the text led to `f:1`.
    fn led(text: &str) -> (Vec<String>, String) {
        let found = find(text);
        let hosts = found.iter().map(|address| match address.port {
            Some(port) => format!("{}:{port}", address.host),
            None => address.host.clone(),
        });
        let edits: Vec<_> = found.iter().flat_map(|address| address.led_to("f", 1)).collect();
        (hosts.collect(), Filled::literal(text).with(&edits).0)
    }

    #[test]
    fn addresses_are_found_and_only_they_are_changed() {
        for (text, hosts, changed) in [
            ("redis://redis:6379/0", &["redis:6379"][..], "redis://f:1/0"),
            ("postgres://db:pw@db/db?sslmode=off", &["db"], "postgres://db:pw@f:1/db?sslmode=off"),
            ("postgresql+asyncpg://u:p%40@db:5432/x", &["db:5432"], "postgresql+asyncpg://u:p%40@f:1/x"),
            ("jdbc:mysql://db:3306/x?a=b", &["db:3306"], "jdbc:mysql://f:1/x?a=b"),
            ("jdbc:sqlserver://db:1433;databaseName=x", &["db:1433"], "jdbc:sqlserver://f:1;databaseName=x"),
            ("mongodb://a:1,b:2/x", &["a:1", "b:2"], "mongodb://f:1,f:1/x"),
            ("PLAINTEXT://kafka:9092,HOST://localhost:29092", &["kafka:9092", "localhost:29092"], "PLAINTEXT://f:1,HOST://f:1"),
            ("http://[::1]:80/x", &["::1:80"], "http://f:1/x"),
            ("-Durl=jdbc:postgresql://db:5432/x -Da=b", &["db:5432"], "-Durl=jdbc:postgresql://f:1/x -Da=b"),
            ("{\"url\":\"http://shop:80\"}", &["shop:80"], "{\"url\":\"http://f:1\"}"),
            ("kafka:9092", &["kafka:9092"], "f:1"),
            ("k1:9092, k2:9092", &["k1:9092", "k2:9092"], "f:1, f:1"),
            ("redis:6379,password=x,ssl=false", &["redis:6379"], "f:1,password=x,ssl=false"),
            ("user:pw@tcp(db:3306)/x?parseTime=true", &["db:3306"], "user:pw@tcp(f:1)/x?parseTime=true"),
            ("Host=db;Port=5432;Username=u", &["db:5432"], "Host=f;Port=1;Username=u"),
            ("Host=db;Username=u", &["db"], "Host=f;Port=1;Username=u"),
            ("Server=db,1433;Database=x", &["db:1433"], "Server=f,1;Database=x"),
            ("host=db port=5432 dbname=x", &["db:5432"], "host=f port=1 dbname=x"),
            ("host=db dbname=x", &["db"], "host=f port=1 dbname=x"),
            ("db", &["db"], "f"),
            (" db ", &["db"], " f "),
        ] {
            let expected: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            assert_eq!(led(text), (expected, changed.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_stays_as_it_is() {
        let deep = "://".repeat(1000);
        for text in
            ["", " ", "://", "12345", "a b c", "http://", "redis://:6379", "x:y", "a:99999", "file:///x/y", "ä://ö:1", "=", ";;", &deep]
        {
            let (hosts, changed) = led(text);
            assert!(hosts.is_empty() && changed == text, "{text}: {hosts:?} {changed}");
        }
    }
}
