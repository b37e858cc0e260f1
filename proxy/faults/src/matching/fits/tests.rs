//! Matches and requests, as tables.

use super::*;
use crate::matching::body::BODY_ROOM;
use crate::{
    node::Node,
    subject::{Asked, Peer, tests::request},
};
use bytes::Bytes;
use serde_json::{Value, json};

fn matcher(written: &Value, on: Protocol) -> Matcher {
    let read = Match::read(&Node::from_json(written), &mut |complaint| panic!("{written}: {complaint:?}"));
    read.unwrap().matcher(on).unwrap_or_else(|complaint| panic!("{written}: {complaint:?}"))
}

const WAITS: Fit = Fit::Needs { body: true, response: false };

fn said(fit: Fit) -> &'static str {
    match fit {
        Fit::Yes => "yes",
        Fit::No => "no",
        Fit::Needs { body: true, response: false } => "body",
        Fit::Needs { body: false, response: true } => "response",
        Fit::Needs { .. } => "both",
        Fit::Unreadable(Unreadable::TooLarge) => "too large",
        Fit::Unreadable(Unreadable::Compressed) => "compressed",
        Fit::Unreadable(Unreadable::NotJson) => "not JSON",
    }
}

#[test]
fn heads_fit_or_do_not() {
    let plain = "POST /orders/17?page=1&dry=true&q=a+b%2Fc HTTP/1.1\n\
        Host: API.Shop.Example:8080\n\
        X-Tenant: acme\n\
        x-tenant: Other, third\n\
        Baggage: test=checkout-17;ttl=1, user=j%20n\n\
        X-Empty:";
    for (written, fit) in [
        (json!("POST /orders/*"), true),
        (json!("/orders/17"), true),
        (json!("*"), true),
        (json!("* /orders/*"), true),
        (json!("P* /orders/*"), true),
        (json!("GET /orders/*"), false),
        (json!("/orders"), false),
        (json!("/Orders/*"), false),
        (json!({ "method": ["GET", "POST"] }), true),
        (json!({ "method": "post" }), false),
        (json!({ "path": { "regex": "^/orders/[0-9]+$" } }), true),
        (json!({ "path": { "regex": "orders" } }), true),
        (json!({ "path": { "regex": "^/orders/[a-z]+$" } }), false),
        (json!({ "path": ["/a", { "regex": "17$" }] }), true),
        (json!({ "host": "api.shop.example" }), true),
        (json!({ "host": "*.SHOP.example" }), true),
        (json!({ "host": "api.shop.example." }), true),
        (json!({ "host": "api.shop.example:8080" }), true),
        (json!({ "host": "*:8080" }), true),
        (json!({ "host": "api.shop.example:*" }), true),
        (json!({ "host": { "regex": "^api\\.shop\\.example$" } }), true),
        (json!({ "host": "api.shop.example:80" }), false),
        (json!({ "host": "shop.example" }), false),
        (json!({ "host": ["shop", "*.example"] }), true),
        (json!({ "query": { "page": "1*" } }), true),
        (json!({ "query": { "page": 1 } }), true),
        (json!({ "query": { "page": 1, "dry": true } }), true),
        (json!({ "query": { "q": "a b/c" } }), true),
        (json!({ "query": { "q": "*" } }), true),
        (json!({ "query": { "Page": "*" } }), false),
        (json!({ "query": { "page": 1, "none": "*" } }), false),
        (json!({ "headers": { "X-TENANT": "acme" } }), true),
        (json!({ "headers": { "x-tenant": "Other*" } }), true),
        (json!({ "headers": { "x-tenant": "ACME" } }), false),
        (json!({ "headers": { "x-tenant": "third" } }), false),
        (json!({ "headers": { "x-empty": "*" } }), true),
        (json!({ "headers": { "x-none": "*" } }), false),
        (json!({ "headers": { "x-tenant": { "regex": "^O.*d$" } } }), true),
        (json!({ "baggage": { "test": "checkout-*" } }), true),
        (json!({ "baggage": { "user": "j n" } }), true),
        (json!({ "baggage": { "ttl": "*" } }), false),
        (json!({ "not": { "method": "GET" } }), true),
        (json!({ "not": { "headers": { "x-none": "*" } } }), true),
        (json!({ "path": "/orders/*", "not": { "headers": { "x-tenant": "acme" } } }), false),
        // Nothing of `not` may be so.
        (json!({ "not": { "method": "GET", "path": "/orders/*" } }), false),
        (json!({ "not": { "method": "GET", "path": "/stock" } }), true),
        (json!({ "client": "10.1.0.0/16" }), true),
        (json!({ "client": "10.1.2.3" }), true),
        (json!({ "client": "10.0.0.0/8", "sni": "*.SHOP" }), true),
        (json!({ "client": "10.1.2.2/31" }), true),
        (json!({ "client": "10.1.2.4/31" }), false),
        (json!({ "client": "0.0.0.0/0" }), true),
        (json!({ "client": "::/0" }), false),
        (json!({ "sni": "other" }), false),
    ] {
        let peer = Peer { client: "::ffff:10.1.2.3".parse().ok(), sni: Some("Api.Shop".to_owned()) };
        let request = request(plain);
        let asked = Asked { request: &request, peer: &peer };
        let matcher = matcher(&written, Protocol::Http);
        assert_eq!(matcher.head(&asked), if fit { Fit::Yes } else { Fit::No }, "{written}");
        assert_eq!(matcher.miss(&asked).is_none(), fit, "{written}");
    }
}

#[test]
fn what_is_not_known_fits_nothing() {
    let bare = request("GET / HTTP/1.0");
    for written in [
        json!({ "host": "*" }),
        json!({ "query": { "a": "*" } }),
        json!({ "client": "0.0.0.0/0" }),
        json!({ "sni": "*" }),
        json!({ "baggage": { "a": "*" } }),
        json!({ "operation": "*" }),
    ] {
        assert_eq!(matcher(&written, Protocol::Http).head(&bare), Fit::No, "{written}");
        assert_eq!(matcher(&json!({ "not": written }), Protocol::Http).head(&bare), Fit::Yes, "not {written}");
    }
    let two = request("GET / HTTP/1.1\nHost: a\nHost: b");
    assert_eq!(matcher(&json!({ "host": "a" }), Protocol::Http).head(&two), Fit::No);
}

#[test]
fn addresses_of_both_kinds() {
    for (range, client, holds) in [
        ("2001:db8::/32", "2001:db8:1::7", true),
        ("2001:db8::/32", "2001:db9::", false),
        ("::1", "::1", true),
        ("::1/128", "::2", false),
        ("::/0", "2001:db8::1", true),
        ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true),
        ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ("10.0.0.0/8", "::1", false),
        ("0.0.0.0/0", "::1", false),
    ] {
        let peer = Peer { client: client.parse().ok(), sni: None };
        let fits = matcher(&json!({ "client": range }), Protocol::Tcp).head(&peer) == Fit::Yes;
        assert_eq!(fits, holds, "{client} in {range}");
    }
    let six = request("GET / HTTP/1.1\nHost: [2001:db8::1]:8080");
    for host in ["2001:db8::1", "[2001:DB8::1]", "[2001:db8::1]:8080", "[2001:db8:*"] {
        assert_eq!(matcher(&json!({ "host": host }), Protocol::Http).head(&six), Fit::Yes, "{host}");
    }
}

#[test]
fn calls_of_grpc() {
    let call = request("POST /shop.v1.Inventory/Reserve HTTP/1.1\nHost: a\nx-tenant: acme");
    for (written, fit) in [
        (json!("shop.v1.Inventory/Reserve"), true),
        (json!("shop.v1.Inventory/*"), true),
        (json!("shop.*/Re*"), true),
        (json!("*"), true),
        (json!("*/Reserve"), true),
        (json!({ "service": "shop.v1.Inventory" }), true),
        (json!({ "method": ["Release", "Reserve"], "headers": { "x-tenant": "acme" } }), true),
        (json!("shop.v1.Inventory/reserve"), false),
        (json!("shop.v1/Inventory"), false),
        (json!({ "method": "POST" }), false),
        (json!({ "not": { "service": "shop.*" } }), false),
    ] {
        assert_eq!(matcher(&written, Protocol::Grpc).head(&call), if fit { Fit::Yes } else { Fit::No }, "{written}");
    }
    assert_eq!(matcher(&json!("*"), Protocol::Grpc).head(&request("GET /healthz HTTP/1.1\nHost: a")), Fit::Yes);
}

/// Headers of the request, its body, the match, what is said with the head, and what with the body.
#[test]
fn bodies_fit_when_they_have_come() {
    let order = r#"{"amount": 17.50, "customer": {"name": "J\u00f6rg", "vip": true}, "lines": [{"sku": "a-1"}], "note": null}"#;
    let form = "Content-Type: application/x-www-form-urlencoded";
    let typed = "Content-Type: application/json; charset=utf-8";
    let big = format!("{{\"a\":\"{}\"}}", "x".repeat(BODY_ROOM));
    let full = format!("{{\"a\":\"{}\"}}", "x".repeat(BODY_ROOM - 8));
    assert_eq!(full.len(), BODY_ROOM);
    for (fields, body, written, head, then) in [
        (typed, order, json!({ "body": { "/amount": "1*" } }), "body", "yes"),
        (typed, order, json!({ "body": { "/amount": "17.50" } }), "body", "yes"),
        (typed, order, json!({ "body": { "/amount": 17.5 } }), "body", "no"),
        (typed, order, json!({ "body": { "/customer/name": "Jörg", "/customer/vip": true } }), "body", "yes"),
        (typed, order, json!({ "body": { "/customer/name": { "regex": "^J.rg$" } } }), "body", "yes"),
        (typed, order, json!({ "body": { "/lines/0/sku": ["b-1", "a-1"] } }), "body", "yes"),
        (typed, order, json!({ "body": { "/lines/1/sku": "*" } }), "body", "no"),
        (typed, order, json!({ "body": { "/customer": "*" } }), "body", "yes"),
        (typed, order, json!({ "body": { "/customer": "{*" } }), "body", "no"),
        (typed, order, json!({ "body": { "/note": "null" } }), "body", "yes"),
        (typed, order, json!({ "body": { "/amount": "1*", "/none": "*" } }), "body", "no"),
        (typed, order, json!({ "not": { "body": { "/none": "*" } } }), "body", "yes"),
        (typed, order, json!({ "not": { "body": { "/amount": "*" } } }), "body", "no"),
        (typed, order, json!({ "method": "GET", "body": { "/amount": "*" } }), "no", ""),
        (typed, order, json!({ "body": { "/amount": "1*" }, "response": "2xx" }), "both", "response"),
        (typed, "", json!({ "body": { "/a": "*" } }), "body", "no"),
        (typed, "{", json!({ "body": { "/a": "*" } }), "body", "not JSON"),
        (typed, "{", json!({ "not": { "body": { "/a": "*" } } }), "body", "not JSON"),
        (typed, &full, json!({ "body": { "/a": "x*" } }), "body", "yes"),
        (typed, &big, json!({ "body": { "/a": "x*" } }), "body", "too large"),
        (form, order, json!({ "body": { "/amount": "1*" } }), "body", "yes"),
        (form, "a=1", json!({ "body": { "/a": "*" } }), "body", "no"),
        (form, "a=1", json!({ "not": { "body": { "/a": "*" } } }), "body", "yes"),
        ("X-None: 1", order, json!({ "body": { "/amount": "1*" } }), "body", "yes"),
        ("Content-Type: application/merge-patch+json", order, json!({ "body": { "/amount": "1*" } }), "body", "yes"),
        ("Content-Type: multipart/form-data; boundary=x", order, json!({ "body": { "/amount": "1*" } }), "no", ""),
        ("Content-Type: image/png", order, json!({ "not": { "body": { "/amount": "1*" } } }), "yes", ""),
        ("Content-Encoding: gzip", order, json!({ "body": { "/amount": "1*" } }), "compressed", ""),
        ("Content-Encoding: gzip", order, json!({ "not": { "body": { "/amount": "1*" } } }), "compressed", ""),
        ("Content-Encoding: gzip", order, json!({ "path": "/other", "body": { "/amount": "1*" } }), "no", ""),
        ("Content-Encoding: identity", order, json!({ "body": { "/amount": "1*" } }), "body", "yes"),
        ("Content-Length: 1048577", order, json!({ "body": { "/amount": "1*" } }), "too large", ""),
        ("Content-Length: 1048576", order, json!({ "body": { "/amount": "1*" } }), "body", "yes"),
    ] {
        let request = request(&format!("POST /orders HTTP/1.1\nHost: a\n{fields}"));
        let matcher = matcher(&written, Protocol::Http);
        assert_eq!(said(matcher.head(&request)), head, "{fields} {written}");
        if !then.is_empty() {
            let mut come = Body::new(&request, Bytes::copy_from_slice(body.as_bytes()));
            assert_eq!(said(matcher.body(&request, &mut come)), then, "{fields} {written}");
            assert_eq!(said(matcher.body(&request, &mut come)), then, "asked again: {fields} {written}");
            assert_eq!(matcher.miss_in_body(&request, &mut come).is_none(), matches!(then, "yes" | "response"), "{fields} {written}");
        }
    }
    let request = request("POST /orders HTTP/1.1\nHost: a\nTransfer-Encoding: chunked");
    let fit = matcher(&json!({ "body": { "/a": "*" } }), Protocol::Http).body(&request, &mut Body::too_large(&request));
    assert_eq!(fit, Fit::Unreadable(Unreadable::TooLarge));
}

#[test]
fn many_questions_to_one_body() {
    let request = request("POST / HTTP/1.1\nHost: a");
    let text = format!("{{{}}}", (0..200).map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>().join(","));
    let mut body = Body::new(&request, Bytes::from(text));
    for round in 0..2 {
        for i in 0..200 {
            let right = matcher(&json!({ "body": { format!("/k{i}"): i } }), Protocol::Http);
            let wrong = matcher(&json!({ "body": { format!("/k{i}"): i + 1 } }), Protocol::Http);
            assert_eq!((right.body(&request, &mut body), wrong.body(&request, &mut body)), (Fit::Yes, Fit::No), "{round} {i}");
        }
    }
}

#[test]
fn graphql_operations() {
    let post = "POST /graphql HTTP/1.1\nHost: a\nContent-Type: application/json";
    let plain = "POST /graphql HTTP/1.1\nHost: a\nContent-Type: application/graphql";
    for (head, body, name, fit) in [
        (post, r#"{"operationName":"AddToCart","query":"..."}"#, "AddToCart", Fit::Yes),
        (post, r#"{"operationName":"AddToCart","query":"..."}"#, "Add*", Fit::Yes),
        (post, r#"{"operationName":"AddToCart","query":"..."}"#, "Cart", Fit::No),
        (post, r#"{"query":"mutation AddToCart { add { id } }"}"#, "AddToCart", Fit::Yes),
        (post, r#"{"query":"{ cart { id } }"}"#, "*", Fit::No),
        (post, r#"[{"operationName":"A"},{"operationName":"B"}]"#, "B", Fit::Yes),
        (post, "operationName=A", "A", Fit::Unreadable(Unreadable::NotJson)),
        (plain, "query A { a }", "A", Fit::Yes),
        (plain, "query A { a }", "B", Fit::No),
    ] {
        let request = request(head);
        let matcher = matcher(&json!({ "operation": name }), Protocol::Http);
        assert_eq!(matcher.head(&request), WAITS, "{body}");
        let mut body_ = Body::new(&request, Bytes::copy_from_slice(body.as_bytes()));
        assert_eq!(matcher.body(&request, &mut body_), fit, "{body} {name}");
    }
    for (target, name, fit) in [
        ("/graphql?operationName=Cart&query=x", "Cart", Fit::Yes),
        ("/graphql?query=query+Cart+%7B+cart+%7D", "Cart", Fit::Yes),
        ("/graphql?query=query+Cart+%7B+cart+%7D&operationName=", "Cart", Fit::Yes),
        ("/graphql?query=query+Cart+%7B+cart+%7D&operationName=Other", "Cart", Fit::No),
        ("/graphql?query=%7B+cart+%7D", "*", Fit::No),
        ("/graphql", "*", Fit::No),
    ] {
        let request = request(&format!("GET {target} HTTP/1.1\nHost: a"));
        assert_eq!(matcher(&json!({ "operation": name }), Protocol::Http).head(&request), fit, "{target} {name}");
    }
    // What the query said counts as well when another fact waits for the body.
    let request = request("GET /graphql?operationName=Cart HTTP/1.1\nHost: a");
    let both = matcher(&json!({ "operation": "Cart", "body": { "/a": 1 } }), Protocol::Http);
    assert_eq!(both.head(&request), WAITS);
    assert_eq!(both.body(&request, &mut Body::new(&request, Bytes::from_static(b"{\"a\":1}"))), Fit::Yes);
}

#[test]
fn answers_fit() {
    let asked = request("GET / HTTP/1.1\nHost: a");
    let answer = request("GET / HTTP/1.1\nX-Cache: MISS\nx-cache: STALE");
    for (written, status, fit) in [
        (json!({ "response": "2xx" }), 204, true),
        (json!({ "response": "2xx" }), 304, false),
        (json!({ "response": 503 }), 503, true),
        (json!({ "response": ["4xx", 503] }), 404, true),
        (json!({ "response": ["4xx", 503] }), 502, false),
        (json!({ "response": { "regex": "^50[23]$" } }), 502, true),
        (json!({ "not": { "response": "2xx" } }), 500, true),
        (json!({ "response_headers": { "X-Cache": "STALE" } }), 200, true),
        (json!({ "response_headers": { "x-cache": "HIT" } }), 200, false),
        (json!({ "response": "2xx", "response_headers": { "x-cache": "*" } }), 200, true),
        (json!({ "response": "2xx", "response_headers": { "x-cache": "*" } }), 404, false),
        (json!({ "response": "2xx", "not": { "response_headers": { "x-none": "*" } } }), 200, true),
    ] {
        let matcher = matcher(&written, Protocol::Http);
        assert_eq!(matcher.head(&asked), Fit::Needs { body: false, response: true }, "{written}");
        assert_eq!(matcher.asks_for(), Fit::Needs { body: false, response: true });
        assert_eq!(matcher.response(status, &answer), fit, "{written} {status}");
        assert_eq!(matcher.miss_in_response(status, &answer).is_none(), fit, "{written} {status}");
    }
}

#[test]
fn the_nearest_miss_is_named() {
    let request = request("POST /orders/17?page=2 HTTP/1.1\nHost: a\nX-Tenant: acme");
    let missed = |written: Value| {
        let matcher = matcher(&written, Protocol::Http);
        matcher.miss(&request).map(|fact| [fact.name, fact.part.as_deref().unwrap_or_default()].join(" ").trim().to_owned())
    };
    for (written, fact) in [
        (json!({ "headers": { "x-tenant": "other" }, "path": "/stock" }), Some("path")),
        (json!({ "headers": { "x-none": "*" }, "path": "/orders/*" }), Some("headers x-none")),
        (json!({ "query": { "page": 1 }, "path": "/orders/*" }), Some("query page")),
        (json!({ "path": "/orders/*", "not": { "headers": { "x-tenant": "acme" } } }), Some("headers x-tenant")),
        (json!({ "path": "/orders/*", "body": { "/a": 1 } }), None),
        (json!("POST /orders/*"), None),
    ] {
        assert_eq!(missed(written.clone()).as_deref(), fact, "{written}");
    }
}

#[test]
fn what_this_version_cannot_ask_is_said() {
    for (written, on) in [(json!("UPDATE x"), Protocol::Postgres), (json!("GET x"), Protocol::Redis)] {
        let read = Match::read(&Node::from_json(&written), &mut |complaint| panic!("{complaint:?}")).unwrap();
        assert_eq!(read.matcher(on).unwrap_err().code, "E0109", "{written}");
    }
}

#[test]
fn messages_are_told_apart_by_what_they_are() {
    for (written, text, binary, event) in [
        (json!({ "path": "/a", "opcode": "text" }), true, false, false),
        (json!({ "not": { "opcode": "text" } }), false, true, true),
        (json!("GET /a"), true, true, true),
    ] {
        let read = Match::read(&Node::from_json(&written), &mut |complaint| panic!("{complaint:?}")).unwrap();
        let matcher = read.matcher(Protocol::Http).unwrap();
        assert_eq!(matcher.head(&request("GET /a HTTP/1.1\nhost: a")), Fit::Yes, "{written}");
        assert_eq!(["text", "binary", ""].map(|opcode| matcher.message(opcode)), [text, binary, event], "{written}");
    }
}
