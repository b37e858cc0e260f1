//! What the names of variables tell: that they hold a host, where its port stands, or that they hold no address of a dependency at all.

/// Programs that read `host:port` from a variable that is called after a host.
const TAKE_PORT: [&str; 4] = ["WORDPRESS_DB_HOST", "GF_DATABASE_HOST", "GITEA__database__HOST", "MINIO_SERVER"];

/// The last words of variables that hold a host, where a port may stand in another variable.
const HOSTS: [&str; 5] = ["hostname", "host", "server", "address", "addr"];

/// The last words of variables that hold addresses.
const ADDRESSES: [&str; 16] = [
    "url",
    "uri",
    "dsn",
    "endpoint",
    "endpoints",
    "hosts",
    "servers",
    "nodes",
    "node",
    "broker",
    "brokers",
    "service",
    "peers",
    "points",
    "upstream",
    "backend",
];

/// Words of variables that say how somebody reaches this program, not what it calls.
const OWN: [&str; 24] = [
    "public",
    "base",
    "app",
    "site",
    "frontend",
    "callback",
    "redirect",
    "origin",
    "origins",
    "cors",
    "allowed",
    "trusted",
    "issuer",
    "external",
    "canonical",
    "root",
    "domain",
    "homepage",
    "website",
    "nextauth",
    "cookie",
    "vite",
    "react",
    "advertised",
];

/// Words of variables that hold no address, whatever they look like.
const NONE: [&str; 8] = ["image", "tag", "version", "registry", "proxy", "password", "secret", "token"];

/// The words of a name, in small letters: `ORDERS_API_URL`, `ConnectionStrings__Db`, `database.host`.
pub fn words(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// Whether a bare name in it is meant as a host.
pub fn holds_host(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    HOSTS.iter().chain(&ADDRESSES).any(|word| lower.ends_with(word))
}

/// Where the port of a bare host stands: `DB_PORT` for `DB_HOST`, in the same letters.
pub fn port_beside(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let suffix = HOSTS.iter().find(|word| lower.ends_with(**word))?;
    let (stem, suffix) = name.split_at(name.len() - suffix.len());
    let port = match suffix.as_bytes() {
        [first, second, ..] if first.is_ascii_uppercase() && second.is_ascii_lowercase() => "Port",
        [first, ..] if first.is_ascii_uppercase() => "PORT",
        _ => "port",
    };
    Some(format!("{stem}{port}"))
}

/// Whether its program takes a port there, although it is called after a host.
pub fn takes_port(name: &str) -> bool {
    TAKE_PORT.contains(&name) || !HOSTS.iter().any(|word| name.to_ascii_lowercase().ends_with(word))
}

pub fn is_own(name: &str) -> bool {
    words(name).iter().any(|word| OWN.contains(&word.as_str()))
}

pub fn is_no_address(name: &str) -> bool {
    words(name).last().is_some_and(|word| NONE.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_they_hold() {
        for (name, port) in [
            ("DB_HOST", Some("DB_PORT")),
            ("PGHOST", Some("PGPORT")),
            ("REDIS_HOSTNAME", Some("REDIS_PORT")),
            ("database__connection__host", Some("database__connection__port")),
            ("RabbitMq__Host", Some("RabbitMq__Port")),
            ("REDIS_URL", None),
            ("", None),
        ] {
            assert_eq!(port_beside(name).as_deref(), port, "{name}");
        }
        assert!(holds_host("KAFKA_BROKERS") && holds_host("db_url") && !holds_host("POSTGRES_DB"));
        assert!(takes_port("WORDPRESS_DB_HOST") && takes_port("KAFKA_BROKERS") && !takes_port("DB_HOST"));
        assert!(is_own("NEXT_PUBLIC_API_URL") && is_own("APP_URL") && !is_own("ORDERS_URL"));
        assert!(is_no_address("DB_IMAGE") && is_no_address("HTTP_PROXY") && !is_no_address("IMAGE_HOST"));
    }
}
