//! Links as people write them, well and badly.

use super::*;
use crate::yaml;

fn proxy(text: &str) -> Result<ProxySpec, Vec<Complaint>> {
    let node = yaml::read(text, 0).root.unwrap();
    let entry = &node.entries().unwrap()[0];
    read(&entry.key, &entry.key_place, &entry.value, "127.0.0.1")
}

fn said(text: &str) -> String {
    proxy(text)
        .unwrap_err()
        .iter()
        .map(|c| format!("{} {} [{}]", c.code, c.message, &text[c.place.range.clone()]))
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn links_are_read() {
    for (text, listen, upstream) in [
        ("r: 26379 -> redis:6379", "127.0.0.1:26379", "redis:6379"),
        ("r: :26379->redis:6379", "127.0.0.1:26379", "redis:6379"),
        ("r: 0.0.0.0:0 -> tcp://10.0.0.1:1", "0.0.0.0:0", "10.0.0.1:1"),
        ("r: tcp://:5 -> tcp://[::1]:6379", "127.0.0.1:5", "[::1]:6379"),
        ("r: '[::]:5 -> redis.internal:6379'", "[::]:5", "redis.internal:6379"),
        ("r: {listen: 5, upstream: 'redis:6379'}", "127.0.0.1:5", "redis:6379"),
        ("r: {listen: 'localhost:5', upstream: 'tcp://redis:6379'}", "localhost:5", "redis:6379"),
    ] {
        let spec = proxy(text).unwrap();
        assert_eq!((spec.listen.to_string().as_str(), spec.upstream.to_string().as_str()), (listen, upstream), "{text}");
    }
}

#[test]
fn the_long_form_says_more() {
    let spec = proxy("r: {listen: 5, upstream: 'redis:6379', from: shop, to: cache, enabled: false, env: [REDIS_URL, CACHE]}").unwrap();
    assert_eq!((spec.from.as_deref(), spec.leads_to(), spec.enabled), (Some("shop"), "cache", false));
    assert_eq!(spec.env, ["REDIS_URL", "CACHE"]);
    assert_eq!(proxy("r: {listen: 5, upstream: 'redis:6379', env: R}").unwrap().env, ["R"]);
}

#[test]
fn mistakes_are_marked_inside_the_arrow() {
    for (text, complaint) in [
        ("r: redis:6379", "E0107 `r` does not say where to listen [redis:6379]"),
        ("r: redis -> redis:6379", "E0107 `r` does not say on which port to listen [redis]"),
        ("r: 5", "E0212 `r` does not say where it leads [5]"),
        ("r: 5 => redis:6379", "E0212 `=>` is not an arrow [=>]"),
        ("r: 5 -> redis", "E0212 `r` does not say to which port it leads [redis]"),
        ("r: 5 -> 6379", "E0212 `r` does not say to which host it leads [6379]"),
        ("r: 5 -> redis:0", "E0212 port 0 cannot be reached [redis:0]"),
        ("r: 5 -> redis:65536", "E0212 `65536` is not a port [65536]"),
        ("r: 5 -> redis:+1", "E0212 `+1` is not a port [+1]"),
        ("r: 70000 -> redis:1", "E0212 `70000` is not a port [70000]"),
        ("r: 5 -> redis:6379/0", "E0212 an address has no path [/0]"),
        ("r: 5 -> me:secret@redis:6379", "E0212 an address has no user [me:secret@]"),
        ("r: 5 -> ::1:6379", "E0212 `::1:6379` is not an address [::1:6379]"),
        ("r: 5 -> '", "E0212 `'` is not an address [']"),
        ("r: 5 ->", "E0212 nothing stands on the right of the arrow [5 ->]"),
        ("r: -> redis:1", "E0212 nothing stands on the left of the arrow [-> redis:1]"),
        ("r: 5 -> https://shop", "E0109 `https://` comes with a later version [https]"),
        ("r: 5 -> wss://shop:1", "E0108 `wss` is not something a proxy can speak [wss]"),
        ("r: 5 -> gopher://shop:1", "E0108 `gopher` is not something a proxy can speak [gopher]"),
        ("r: [5]", "E0107 `r` does not say where to listen [r]"),
        ("r:", "E0107 `r` does not say where to listen [r]"),
        ("r: {upstream: 'a:1'}", "E0107 `r` does not say where to listen [r]"),
        ("r: {listen: 5}", "E0212 `r` does not say where it leads [r]"),
        ("r: {listen: 5, upstream: 'a:1', tls: {}}", "E0109 `tls` comes with a later version [tls]"),
        ("r: {listen: 5, upstreem: 'a:1', upstream: 'a:1'}", "E0101 unknown key `upstreem` in a proxy [upstreem]"),
        ("r: {listen: 5, upstream: 'a:1', enabled: no}", "E0213 `no` is a word, not a switch [no]"),
        ("a b: 5 -> a:1", "E0207 `a b` cannot name a proxy [a b]"),
    ] {
        assert_eq!(said(text), complaint, "{text}");
    }
}

#[test]
fn what_speaks_a_later_protocol_can_be_carried_as_bytes() {
    let complaints = proxy("r: 5 -> postgres://db").unwrap_err();
    assert_eq!(complaints[0].fixes[0].edits[0].text, "db:5432");
    let complaints = proxy("r: 5 -> redis://shop:8080").unwrap_err();
    assert_eq!(complaints[0].fixes[0].edits[0].text, "shop:8080");
}
