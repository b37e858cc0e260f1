//! The index beside looking at all: it leaves out none that fits, and hardly looks at others.

use super::*;
use crate::{
    dice::{Dice, Purpose, Seed},
    matching::{Match, fits::Fit},
    node::Node,
    protocol::Protocol,
    subject::tests::request,
};
use faultwire_http1::Request;
use serde_json::{Value, json};

fn matcher(written: &Value, on: Protocol) -> Matcher {
    let read = Match::read(&Node::from_json(written), &mut |complaint| panic!("{written}: {complaint:?}"));
    read.unwrap().matcher(on).unwrap_or_else(|complaint| panic!("{written}: {complaint:?}"))
}

fn found(matches: &[Option<Matcher>], head: &str) -> Vec<usize> {
    Index::new(matches.iter().map(Option::as_ref)).candidates(&request(head)).collect()
}

#[test]
fn faults_are_found_by_path_host_and_method() {
    let http = |written: Value| Some(matcher(&written, Protocol::Http));
    let all = [
        http(json!("POST /orders")),
        None,
        http(json!("/orders/*")),
        http(json!("GET /orders")),
        http(json!({ "path": "/orders", "host": "shop" })),
        http(json!({ "path": ["/orders", "/ord*", "/orders"], "host": ["Shop", "stock"] })),
        http(json!({ "host": "*.example" })),
        http(json!({ "path": { "regex": "x" } })),
        http(json!({ "not": { "method": "POST" } })),
        http(json!({ "path": "/orders", "host": "shop:81" })),
        http(json!("*/lines")),
        http(json!("/orders*lines")),
        http(json!("PURGE /orders")),
    ];
    for (head, candidates) in [
        ("POST /orders HTTP/1.1\nHost: SHOP:80", vec![0, 1, 4, 5, 6, 7, 9, 10, 11]),
        ("GET /orders HTTP/1.1\nHost: other", vec![1, 3, 6, 7, 8, 10, 11]),
        ("POST /orders/1 HTTP/1.1\nHost: stock", vec![1, 2, 5, 6, 7, 10, 11]),
        ("POST /stock HTTP/1.0", vec![1, 6, 7, 10]),
        ("BREW /orders HTTP/1.1\nHost: a", vec![1, 6, 7, 8, 10, 11, 12]),
    ] {
        assert_eq!(found(&all, head), candidates, "{head}");
    }
    let index = Index::new(all.iter().map(Option::as_ref));
    let request = request("POST /orders HTTP/1.1\nHost: SHOP:80");
    let candidates = index.candidates(&request);
    assert_eq!((candidates.many.capacity(), candidates.more.capacity()), (0, 0), "looking up takes no memory");
    assert_eq!(Index::default().candidates(&request).count(), 0);
}

#[test]
fn prefixes_stand_one_within_another() {
    let paths =
        ["/*", "/a*", "/a/*", "/a/b*", "/a/b/c/d*", "/a/bb*", "/b*", "/a/b/x", "/ab*", "/a/b/c*x", "/a/b*", "/c/*", "/a/b/c/d/e/f/g*"];
    let all: Vec<_> = paths.iter().map(|path| Some(matcher(&json!(path), Protocol::Http))).collect();
    for path in ["/", "/a", "/a/", "/a/b", "/a/b/x", "/a/b/c/d/e", "/a/bb", "/a/bc", "/ac", "/z", "/a/b/c/d/e/f/g/h", "/a/b/c/e"] {
        let fitting: Vec<usize> = (0..paths.len())
            .filter(|&n| paths[n] == path || paths[n].split_once('*').is_some_and(|(start, _)| path.starts_with(start)))
            .collect();
        assert_eq!(found(&all, &format!("GET {path} HTTP/1.1\nHost: a")), fitting, "{path}");
    }
    // More lists than are put in order one by one.
    let deep = "/a".repeat(40);
    let all: Vec<_> = (0..40).rev().map(|n| Some(matcher(&json!(format!("{}*", &deep[..2 * n + 2])), Protocol::Http))).collect();
    assert_eq!(found(&all, &format!("GET {deep} HTTP/1.1\nHost: a")), (0..40).collect::<Vec<_>>());
}

/// A path of one word is a service without a method.
#[test]
fn calls_are_found_by_service_and_method() {
    let grpc = |written: Value| Some(matcher(&written, Protocol::Grpc));
    let all = [
        grpc(json!({ "service": "a", "method": "" })),
        grpc(json!({ "service": "a", "method": ["", "Get"] })),
        grpc(json!({ "service": "a" })),
        grpc(json!("a/Get")),
        grpc(json!("a/*")),
        grpc(json!("a*/Get")),
        grpc(json!("*/Get")),
    ];
    for (path, fitting) in [("/a", vec![0, 1, 2, 4]), ("/a/", vec![0, 1, 2, 4]), ("/a/Get", vec![1, 2, 3, 4, 5, 6]), ("/b", vec![])] {
        let asked = request(&format!("POST {path} HTTP/1.1\nHost: a"));
        let index = Index::new(all.iter().map(Option::as_ref));
        let fits = |n: &usize| all[*n].as_ref().is_none_or(|matcher| matcher.head(&asked) == Fit::Yes);
        assert_eq!(index.candidates(&asked).filter(fits).collect::<Vec<_>>(), fitting, "{path}");
    }
}

#[test]
fn what_a_request_repeats_is_found_once() {
    let all: Vec<_> = (0..500).map(|n| Some(matcher(&json!({ "headers": { "x-a": format!("{}", n % 25) } }), Protocol::Http))).collect();
    let repeated = "\nX-A: 7".repeat(300);
    assert_eq!(found(&all, &format!("GET / HTTP/1.1{repeated}")), (0..500).filter(|n| n % 25 == 7).collect::<Vec<_>>());
    let all_values: String = (0..900).map(|n| format!("\nX-A: {}", n % 20)).collect();
    assert_eq!(found(&all, &format!("GET / HTTP/1.1{all_values}")), (0..500).filter(|n| n % 25 < 20).collect::<Vec<_>>());
}

/// Matches and requests are made at random of few words, so that they often meet.
#[test]
fn it_finds_what_looking_at_all_finds() {
    let dice = Dice::new(Seed(7), "index", "");
    let mut n = 0;
    let mut pick = |words: &[&'static str]| {
        n += 1;
        words[(dice.draw(Purpose::Fire, n, 0) % words.len() as u64) as usize]
    };
    let parts = ["", "/", "/", "a", "b", "ab", "*", "a/b", "/a/"];
    let (mut fitting, mut candidates, mut looked) = (0, 0, 0);
    for on in [Protocol::Http, Protocol::Grpc] {
        for _ in 0..60 {
            let mut path = || format!("{}{}{}{}", pick(&["/", "/", "/", "*"]), pick(&parts), pick(&parts), pick(&parts));
            let paths: Vec<String> = (0..120).map(|_| path()).collect();
            let matches: Vec<Option<Matcher>> = paths
                .chunks(3)
                .map(|paths| {
                    let mut map = serde_json::Map::new();
                    let word = |path: &String| path.trim_start_matches('/').to_owned();
                    let chosen = match (on, pick(&["one", "list", "regex", "none"])) {
                        (_, "none") => None,
                        (Protocol::Http, "list") => Some(("path", json!(paths))),
                        (Protocol::Http, "regex") => Some(("path", json!({ "regex": "^/a" }))),
                        (Protocol::Http, _) => Some(("path", json!(paths[0]))),
                        (_, "list") => Some(("service", json!(paths.iter().map(word).collect::<Vec<_>>()))),
                        _ => Some(("service", json!(word(&paths[0])))),
                    };
                    map.extend(chosen.map(|(key, value)| (key.to_owned(), value)));
                    let method = match on {
                        Protocol::Http => pick(&["GET", "POST", "PURGE", "P*", "*", "", ""]),
                        _ => pick(&["a", "b", "a*", "*b", "*", "", ""]),
                    };
                    let host = pick(&["shop", "SHOP", "*.shop", "shop:80", "a.shop", "", "", ""]);
                    let not = pick(&["GET", "PURGE", "", "", ""]);
                    let header = pick(&["one", "two", "t*", "", "", "", ""]);
                    let member = pick(&["one", "two", "*", "", "", "", ""]);
                    let is_http = on == Protocol::Http;
                    map.extend((!method.is_empty()).then(|| ("method".to_owned(), json!(method))));
                    map.extend((is_http && !host.is_empty()).then(|| ("host".to_owned(), json!(host))));
                    map.extend((is_http && !not.is_empty()).then(|| ("not".to_owned(), json!({ "method": not }))));
                    for (fact, value) in [("headers", header), ("baggage", member)] {
                        if !value.is_empty() {
                            map.insert(fact.to_owned(), json!({ pick(&["x-a", "x-b"]): [value, pick(&["one", "three"])] }));
                        }
                    }
                    (!map.is_empty()).then(|| matcher(&Value::Object(map), on))
                })
                .collect();
            let index = Index::new(matches.iter().map(Option::as_ref));
            for _ in 0..100 {
                let path = format!("/{}{}{}", pick(&parts), pick(&parts), pick(&parts));
                let host = pick(&["Host: shop", "Host: A.Shop:80", "Host: shop:80", "Host: other", "X: no-host"]);
                let marks = pick(&["X-A: one", "x-b: two\nX-a: three\nx-a: one", "Baggage: x-a=one,x-b=%74wo\nbaggage: x-a=three", "Y: 1"]);
                let asked = request(&format!("{} {path} HTTP/1.1\n{host}\n{marks}", pick(&["GET", "POST", "PURGE", "BREW"])));
                let fits = |n: &usize| matches[*n].as_ref().is_none_or(|matcher| matcher.head(&asked) == Fit::Yes);
                let right: Vec<usize> = (0..matches.len()).filter(fits).collect();
                let told: Vec<usize> = index.candidates(&asked).collect();
                assert!(told.is_sorted_by(|a, b| a < b), "{told:?}");
                assert_eq!(told.iter().copied().filter(|n| fits(n)).collect::<Vec<_>>(), right, "{on:?} {path} {host}");
                fitting += right.len();
                candidates += told.len();
                looked += matches.len();
            }
        }
    }
    assert!(fitting * 50 > looked && candidates * 10 < looked * 7, "{fitting} fit, {candidates} of {looked} were looked at");
}

/// So few are looked at that it does not matter how many there are.
#[test]
fn ten_thousand_are_no_more_than_ten() {
    let kinds: [fn(usize) -> Value; 6] = [
        |n| json!(format!("POST /api/v1/things-{n}")),
        |n| json!(format!("/api/v1/things-{n}/*")),
        |n| json!({ "path": "/api/*", "host": format!("tenant-{n}.shop.example") }),
        |n| json!(format!("shop.v1.Things{n}/Get")),
        |n| json!({ "path": "/api/*", "headers": { "x-env": "*" }, "baggage": { "test": format!("checkout {n}") } }),
        |n| json!({ "headers": { "x-user": [format!("user-{n}"), "nobody"] } }),
    ];
    for (kind, (on, head)) in kinds.iter().zip([
        (Protocol::Http, "POST /api/v1/things-7 HTTP/1.1\nHost: a"),
        (Protocol::Http, "POST /api/v1/things-7/x HTTP/1.1\nHost: a"),
        (Protocol::Http, "POST /api/v1/x HTTP/1.1\nHost: Tenant-7.shop.example:8080"),
        (Protocol::Grpc, "POST /shop.v1.Things7/Get HTTP/1.1\nHost: a"),
        (Protocol::Http, "POST /api/v1/x HTTP/1.1\nBaggage: a=b, test=checkout%207;x"),
        (Protocol::Http, "POST /api/v1/x HTTP/1.1\nX-User: user-7\nX-User: user-7\nx-user: none"),
    ]) {
        let all: Vec<_> = (0..10_000).map(|n| Some(matcher(&kind(n), on))).collect();
        assert_eq!(found(&all, head), [7], "{head}");
        let index = Index::new(all.iter().map(Option::as_ref));
        assert!(index.size() < 10_000 * 200, "{} bytes", index.size());
    }
}

/// What a request takes that is not of HTTP/1.
#[test]
fn subjects_of_any_kind() {
    let request: Request = request("GET / HTTP/1.1\nHost: a");
    let index = Index::new([None]);
    assert_eq!(index.candidates(&request).collect::<Vec<_>>(), [0]);
    assert_eq!(index.candidates(&crate::subject::Peer::default()).collect::<Vec<_>>(), [0]);
}
