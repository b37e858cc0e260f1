//! A piece of a scenario for every word, which can be used as it stands beside proxies of those names. Tests hold them complete and true.

use super::words::Meaning;
use faultwire_scenarios::measure::{Measure, Takes, Unit};

/// The piece that shows it; empty where there is none.
pub fn example(meaning: &Meaning) -> String {
    match meaning {
        Meaning::Effect(row) => format!("faults:\n  - {}\n", row.example.replacen("{ ", &format!("{{ proxy: {}, ", proxy_of(row.name)), 1)),
        Meaning::Key(of, key) => of_key(of, key.name),
        Meaning::Measure(measure) => format!("expect:\n  - {}\n", condition(measure)),
        Meaning::Fact(fact) => fact_example(fact.name),
        Meaning::Profile(profile) => format!("faults:\n  - {{ proxy: orders, profile: {profile} }}\n"),
    }
}

/// A proxy on which that effect is at home.
fn proxy_of(effect: &str) -> &'static str {
    match effect {
        "error" => "inventory",
        "answer" => "names",
        "failover" => "db",
        "certificate" | "tls_alert" | "handshake" | "tls_max" | "alpn" | "no_close_notify" => "secure",
        "headers" | "body" | "trailers" | "rewrite" | "duplicate" | "loss" | "reorder" | "dribble" | "profile" | "mute" | "max_streams"
        | "window" | "status" | "truncate" | "malformed" | "stale" | "auth" | "goaway" => "orders",
        _ => "redis",
    }
}

fn of_key(of: &str, key: &str) -> String {
    let Some((_, _, text)) = KEYS.iter().find(|(table, known, _)| *table == of && *known == key) else { return String::new() };
    match of {
        "a scenario" => format!("{text}\n"),
        "a proxy" => format!("proxies:\n  stock: {text}\n"),
        "a phase" => format!("phases:\n  - {text}\n"),
        "a probe" => format!("probes:\n  stock: {text}\n"),
        "an expectation" => format!("expect:\n  - {text}\n"),
        "`tls`" => format!("proxies:\n  stock:\n    listen: https://:8444\n    upstream: https://stock.example\n    tls: {text}\n"),
        "`limits`" => format!("limits: {text}\n"),
        "`roles`" => format!("roles: {text}\n"),
        "an announcement" => format!("announce:\n  - {text}\n"),
        _ => format!("faults:\n  - {text}\n"),
    }
}

/// Such as `p95(orders) < 400ms`.
pub fn condition(measure: &Measure) -> String {
    let of = match measure.takes {
        Takes::Nothing => "",
        Takes::Proxy | Takes::MaybeProxy => "(orders)",
        Takes::Class => "(orders, 5xx)",
        Takes::Bound => "(orders, 300ms)",
        Takes::Fault => "(redis-slow)",
        Takes::Alert => "(OrdersLatency)",
        Takes::Mark => "(detected)",
    };
    let test = match measure.unit {
        Unit::Percent => ">= 99%".to_owned(),
        Unit::Duration => "< 400ms".to_owned(),
        Unit::Count => "<= 3".to_owned(),
        Unit::Rate => "<= 50/s".to_owned(),
        Unit::Multiple => "<= 1.5x".to_owned(),
        Unit::Size => "<= 1MiB".to_owned(),
        Unit::State(words) => format!("is {}", words.first().copied().unwrap_or_default()),
    };
    format!("{}{of} {test}", measure.name)
}

fn fact_example(fact: &str) -> String {
    let Some((_, proxy, value)) = FACTS.iter().find(|(known, ..)| *known == fact) else { return String::new() };
    let when = match fact {
        "response" | "response_headers" => ", when: after_upstream, reset: true",
        "opcode" => ", per: message, latency: 250ms",
        _ => ", latency: 250ms",
    };
    format!("faults:\n  - {{ proxy: {proxy}, match: {{ {fact}: {value} }}{when} }}\n")
}

/// Facts of `match`, each with a proxy that has them.
const FACTS: &[(&str, &str, &str)] = &[
    ("method", "orders", "POST"),
    ("path", "orders", "/orders/*"),
    ("host", "orders", "\"*.shop.example\""),
    ("query", "orders", "{ page: \"1*\" }"),
    ("headers", "orders", "{ x-tenant: acme }"),
    ("baggage", "orders", "{ test: checkout-17 }"),
    ("body", "orders", "{ /amount: \"1*\" }"),
    ("operation", "orders", "AddToCart"),
    ("response", "orders", "2xx"),
    ("response_headers", "orders", "{ x-cache: MISS }"),
    ("service", "inventory", "shop.v1.Inventory"),
    ("opcode", "orders", "text"),
    ("statement", "db", "UPDATE accounts*"),
    ("table", "db", "accounts"),
    ("access", "db", "write"),
    ("in_transaction", "db", "true"),
    ("user", "db", "reports"),
    ("database", "db", "shop"),
    ("command", "cache", "GET"),
    ("key", "cache", "\"cart:*\""),
    ("type", "names", "AAAA"),
    ("name", "names", "\"*.internal\""),
    ("api", "events", "Produce"),
    ("topic", "events", "payments"),
    ("client_id", "events", "billing-*"),
    ("client", "redis", "10.1.0.0/16"),
    ("sni", "redis", "api.example"),
];

/// The map in which a key stands, or its line in a file.
const KEYS: &[(&str, &str, &str)] = &[
    ("a fault", "name", "{ name: slow, proxy: redis, latency: 250ms }"),
    ("a fault", "proxy", "{ proxy: [redis, order*], latency: 250ms }"),
    ("a fault", "partition", "{ partition: checkout <-> db }"),
    ("a fault", "match", "{ proxy: orders, match: POST /orders/*, latency: 250ms }"),
    ("a fault", "connections", "{ proxy: redis, connections: existing, blackhole: true }"),
    ("a fault", "direction", "{ proxy: redis, direction: to_server, latency: 250ms }"),
    ("a fault", "when", "{ proxy: redis, when: idle, reset: true }"),
    ("a fault", "after", "{ proxy: redis, after: 64KiB, reset: true }"),
    ("a fault", "probability", "{ proxy: redis, probability: 20%, reset: true }"),
    ("a fault", "per", "{ proxy: orders, per: connection, probability: 20%, reset: true }"),
    ("a fault", "skip", "{ proxy: redis, skip: 10, reset: true }"),
    ("a fault", "every", "{ proxy: redis, every: 4, blackhole: true }"),
    ("a fault", "sequence", "{ proxy: redis, sequence: fail fail pass, reset: true }"),
    ("a fault", "times", "{ proxy: redis, times: 2, reset: true }"),
    ("a fault", "over", "{ proxy: orders, over: 20/s, reset: true }"),
    ("a fault", "draw", "{ proxy: orders, draw: identity, probability: 3%, reset: true }"),
    ("a fault", "group", "{ proxy: redis, group: ends, probability: 5%, reset: true }"),
    ("a fault", "episodes", "{ proxy: redis, episodes: { bad: 10s, good: 2m }, reset: true }"),
    ("a fault", "max_active", "{ proxy: orders, max_active: 10, latency: 30s }"),
    ("a fault", "at", "{ proxy: redis, at: 30s, down: true }"),
    ("a fault", "for", "{ proxy: redis, at: 30s, for: 5s, down: true }"),
    ("a fault", "repeat", "{ proxy: redis, at: 30s, for: 5s, repeat: 1m, down: true }"),
    ("a fault", "lease", "{ proxy: redis, lease: 5m, latency: 250ms }"),
    ("a fault", "enabled", "{ proxy: redis, enabled: false, down: true }"),
    ("a fault", "optional", "{ proxy: redis, optional: true, probability: 1%, reset: true }"),
    ("a fault", "disguise", "{ proxy: redis, disguise: true, reset: true }"),
    ("a fault with `over`", "burst", "{ proxy: orders, over: 20/s, burst: 40, reset: true }"),
    ("a fault with `over`", "rate_per", "{ proxy: orders, over: 20/s, rate_per: client, reset: true }"),
    ("`episodes`", "bad", "{ proxy: redis, episodes: { bad: 10s, good: 2m }, reset: true }"),
    ("`episodes`", "good", "{ proxy: redis, episodes: { bad: 10s, good: 2m }, reset: true }"),
    ("a `loss`", "average", "{ proxy: orders, per: message, loss: { average: 1%, burst: 4 } }"),
    ("a `loss`", "burst", "{ proxy: orders, per: message, loss: { average: 1%, burst: 4 } }"),
    ("a `loss`", "p", "{ proxy: orders, per: message, loss: { p: 1%, r: 25% } }"),
    ("a `loss`", "r", "{ proxy: orders, per: message, loss: { p: 1%, r: 25% } }"),
    ("a `loss`", "bad", "{ proxy: orders, per: message, loss: { p: 1%, r: 25%, bad: 80% } }"),
    ("a `loss`", "good", "{ proxy: orders, per: message, loss: { p: 1%, r: 25%, good: 0.1% } }"),
    ("a `rewrite`", "method", "{ proxy: orders, rewrite: { method: GET } }"),
    ("a `rewrite`", "path", "{ proxy: orders, rewrite: { path: /v1/products } }"),
    ("a `rewrite`", "query", "{ proxy: orders, rewrite: { query: { page: null } } }"),
    ("a scenario", "name", "name: Checkout game day"),
    ("a scenario", "description", "description: With Redis slow, checkout answers from its own memory."),
    ("a scenario", "owners", "owners: [team-checkout, sre]"),
    ("a scenario", "links", "links: { incident: https://wiki.example/INC-1423 }"),
    ("a scenario", "include", "include: base.yaml"),
    ("a scenario", "seed", "seed: 7193"),
    ("a scenario", "proxies", "proxies:\n  redis: 26379 -> redis:6379"),
    ("a scenario", "door", "door: checkout"),
    ("a scenario", "defaults", "defaults: { proxy: redis, optional: true }\nfaults:\n  - { latency: 250ms }"),
    ("a scenario", "faults", "faults:\n  - { proxy: redis, latency: 250ms }"),
    ("a scenario", "phases", "phases:\n  - { name: slow, duration: 2m, faults: [{ proxy: redis, latency: 250ms }] }"),
    ("a scenario", "probes", "probes:\n  health: { http: http://checkout:8080/healthz, every: 5s }"),
    ("a scenario", "steady_state", "steady_state:\n  - error_rate(checkout) < 1%"),
    ("a scenario", "recover_within", "recover_within: 2m\nsteady_state:\n  - error_rate(checkout) < 1%"),
    ("a scenario", "abort", "abort:\n  - error_rate(checkout) > 25% for 15s"),
    ("a scenario", "expect", "expect:\n  - p95(checkout) < 400ms"),
    ("a scenario", "baseline", "baseline: 30s"),
    ("a scenario", "confidence", "confidence: 99%"),
    ("a scenario", "limits", "limits: { exempt: [/healthz, /metrics] }"),
    ("a scenario", "roles", "roles: { lead: ana, operator: bo, responders: [team-pay] }"),
    ("a scenario", "announce", "announce:\n  - { slack: https://hooks.example/x, events: [run.phase, run.aborted] }"),
    ("a scenario", "blind", "blind: true\nroles: { lead: ana }"),
    ("a scenario", "alert_rules", "alert_rules: alerts.yaml"),
    ("a scenario", "edition", "edition: 1"),
    ("a proxy", "listen", "{ listen: 8083, upstream: stock:8080 }"),
    ("a proxy", "upstream", "{ listen: 8083, upstream: stock:8080 }"),
    ("a proxy", "from", "{ listen: 8083, upstream: stock:8080, from: checkout }"),
    ("a proxy", "to", "{ listen: 8083, upstream: 10.0.0.7:8080, from: checkout, to: stock }"),
    ("a proxy", "enabled", "{ listen: 8083, upstream: stock:8080, enabled: false }"),
    ("a proxy", "tls", "{ listen: https://:8083, upstream: https://stock.example, tls: { verify: false } }"),
    ("a proxy", "env", "{ listen: 8083, upstream: stock:8080, env: STOCK_URL }"),
    ("a proxy", "ready", "{ listen: 8083, upstream: http://stock:8080, ready: GET /healthz }"),
    ("a proxy", "bad", "{ listen: 8083, upstream: http://stock:8080, bad: [5xx, \"429\"] }"),
    ("a proxy", "advertise", "{ listen: 8083, upstream: kafka://stock:9092, advertise: pass }"),
    ("`tls`", "cert", "{ cert: server.pem, key: server.key }"),
    ("`tls`", "key", "{ cert: server.pem, key: server.key }"),
    ("`tls`", "ca", "{ ca: ca.pem }"),
    ("`tls`", "verify", "{ verify: false }"),
    ("`tls`", "names", "{ names: [stock.example, \"*.stock.example\"] }"),
    ("a phase", "name", "{ name: slow, duration: 2m }"),
    ("a phase", "duration", "{ name: slow, duration: 2m }"),
    ("a phase", "until", "{ name: recovery, until: p95(checkout) < 400ms for 1m, timeout: 5m }"),
    ("a phase", "timeout", "{ name: recovery, until: recovered, timeout: 5m }"),
    ("a phase", "gate", "{ name: slow, gate: approval by lead, duration: 2m }"),
    ("a phase", "faults", "{ name: slow, duration: 2m, faults: [{ proxy: redis, latency: 250ms }] }"),
    ("a phase", "expect", "{ name: slow, duration: 2m, expect: [p95(checkout) < 400ms] }"),
    ("a probe", "http", "{ http: http://stock:8080/healthz }"),
    ("a probe", "tcp", "{ tcp: stock:8080 }"),
    ("a probe", "prometheus", "{ prometheus: http://prometheus:9090, query: \"sum(rate(errors_total[1m]))\", unit: number }"),
    ("a probe", "command", "{ command: ./is-it-well.sh }"),
    ("a probe", "query", "{ prometheus: http://prometheus:9090, query: \"sum(rate(errors_total[1m]))\" }"),
    ("a probe", "status", "{ http: http://stock:8080/healthz, status: [200, 204] }"),
    ("a probe", "json", "{ http: http://stock:8080/stats, json: /queue/length, unit: number }"),
    ("a probe", "every", "{ tcp: stock:8080, every: 5s }"),
    ("a probe", "timeout", "{ tcp: stock:8080, timeout: 2s }"),
    ("a probe", "unit", "{ prometheus: http://prometheus:9090, query: error_ratio, unit: ratio }"),
    ("an expectation", "that", "{ that: p95(checkout) < 400ms }"),
    ("an expectation", "severity", "{ that: p95(checkout) < 400ms, severity: warn }"),
    ("an expectation", "min_samples", "{ that: p95(checkout) < 400ms, min_samples: 100 }"),
    ("an expectation", "confidence", "{ that: error_rate(checkout) < 1%, confidence: none }"),
    ("an expectation", "no_data", "{ that: p95(checkout) < 400ms, no_data: failed }"),
    ("an expectation", "xfail", "{ that: p95(checkout) < 400ms, xfail: PAY-77, until: 2027-06-30 }"),
    ("an expectation", "until", "{ that: p95(checkout) < 400ms, xfail: PAY-77, until: 2027-06-30 }"),
    ("`limits`", "max_duration", "{ max_duration: 45m }"),
    ("`limits`", "environments", "{ environments: [staging] }"),
    ("`limits`", "protect", "{ protect: [\"*.live.example\"] }"),
    ("`limits`", "exempt", "{ exempt: [/healthz, /metrics] }"),
    ("`limits`", "max_connections", "{ max_connections: 1000 }"),
    ("`limits`", "max_affected", "{ max_affected: 25% }"),
    ("`limits`", "max_rate", "{ max_rate: 200/s }"),
    ("`limits`", "clients", "{ clients: [10.1.0.0/16] }"),
    ("`limits`", "lease", "{ lease: 60s }"),
    ("`roles`", "lead", "{ lead: ana }"),
    ("`roles`", "operator", "{ operator: bo }"),
    ("`roles`", "responders", "{ responders: [team-pay] }"),
    ("`roles`", "observers", "{ observers: [qa] }"),
    ("an announcement", "slack", "{ slack: https://hooks.example/x }"),
    ("an announcement", "webhook", "{ webhook: https://hooks.example/y }"),
    ("an announcement", "grafana", "{ grafana: http://grafana:3000, token: \"${GRAFANA_TOKEN}\" }"),
    ("an announcement", "token", "{ grafana: http://grafana:3000, token: \"${GRAFANA_TOKEN}\" }"),
    ("an announcement", "events", "{ slack: https://hooks.example/x, events: [run.phase, run.aborted] }"),
];

#[cfg(test)]
mod tests {
    use super::super::words::{self, tables};
    use super::*;
    use faultwire_scenarios::{
        render,
        scenario::{self, Loaded},
    };
    use std::{io, ops::Range};

    /// What stands beside the pieces, unless they say it themselves.
    const AROUND: &[(&str, &str)] = &[
        (
            "proxies",
            "\n  redis: 26379 -> redis:6379\n  orders: 8081 -> http://orders:8080\n  checkout: 8080 -> http://checkout:8080\n  \
             inventory: 15051 -> grpc://inventory:50051\n  cache: 26380 -> redis://cache\n  names: 1053 -> dns://names\n  \
             events: 19092 -> kafka://events:9092\n  secure: https://:8443 -> https://api.example\n  \
             db: { listen: 15432, upstream: postgres://db, from: checkout }",
        ),
        ("faults", "\n  - { name: redis-slow, proxy: redis, latency: 1ms }"),
        ("door", " checkout"),
        ("baseline", " 30s"),
        ("steady_state", "\n  - error_rate(checkout) < 1%"),
        ("abort", "\n  - error_rate(checkout) > 25% for 15s"),
        ("roles", " { lead: ana }"),
    ];

    /// What comes of a piece, and where it stands.
    fn load(piece: &str) -> (Loaded, Range<usize>) {
        let is_there = |key: &str| piece.lines().any(|line| line.starts_with(&format!("{key}:")));
        // Proxies of its own are beside the others, and not in their place.
        let (own, rest) = match piece.strip_prefix("proxies:") {
            Some(own) => (own.trim_end(), ""),
            None => ("", piece),
        };
        let mut text = rest.to_owned();
        for (key, around) in AROUND {
            if *key == "proxies" {
                let others: String = around
                    .lines()
                    .filter(|line| !own.contains(line.trim()) || line.trim().is_empty())
                    .map(|line| format!("{line}\n"))
                    .collect();
                text += &format!("proxies:{}{own}\n", others.trim_end());
            } else if !is_there(key) {
                text += &format!("{key}:{around}\n");
            }
        }
        let reader = |name: &str| match name {
            "f.yaml" => Ok(text.clone()),
            "base.yaml" => Ok("x-base: 1\n".to_owned()),
            "alerts.yaml" | "server.pem" | "server.key" | "ca.pem" => Ok("groups: []\n".to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        let at = if own.is_empty() { 0 } else { text.find(own).unwrap() };
        let range = at..at + own.len().max(rest.len());
        (scenario::load(&["f.yaml".to_owned()], &reader, &|name| Some(format!("value of {name}")), "127.0.0.1"), range)
    }

    #[test]
    fn every_word_has_an_example_that_says_it_and_can_be_used() {
        let mut told = Vec::new();
        for word in words::all() {
            let meanings = words::meanings(word);
            assert!(!meanings.is_empty(), "{word} is not known");
            for meaning in &meanings {
                let piece = example(meaning);
                // A companion of an effect is told with it.
                let own = !matches!(meaning, Meaning::Effect(row) if row.name != word);
                if own && !piece.contains(word) {
                    told.push(format!("{word} ({meaning:?}) has no example: {piece:?}"));
                }
                let (loaded, range) = load(&piece);
                let wrong: Vec<_> = loaded.complaints.iter().filter(|complaint| complaint.code != "E0109").cloned().collect();
                if !wrong.is_empty() {
                    told.push(format!("{word}\n{piece}\n{}", render::render(&wrong, &loaded.sources, false)));
                }
                let mut later =
                    loaded.complaints.iter().filter(|complaint| complaint.code == "E0109" && range.contains(&complaint.place.range.start));
                if let (Meaning::Key(_, key), Some(later)) = (meaning, later.next())
                    && key.since.built
                {
                    told.push(format!("{word} is shown with what comes later\n{piece}\n{later:?}"));
                }
            }
        }
        assert!(told.is_empty(), "{}", told.join("\n\n"));
    }

    #[test]
    fn no_example_is_of_a_word_that_is_gone() {
        for (of, key, _) in KEYS {
            assert!(tables().iter().any(|table| table.of == *of && table.keys.iter().any(|known| known.name == *key)), "{of}: {key}");
        }
        for (fact, ..) in FACTS {
            assert!(words::meanings(fact).iter().any(|meaning| matches!(meaning, Meaning::Fact(_))), "{fact}");
        }
    }
}
