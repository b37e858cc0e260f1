//! Faults that know the request, on real sockets: which requests they are about, when they are in force, what is counted and told.

use crate::{
    harness::{Running, World, eventually, world},
    http::{Reply, read_answer, read_head, request},
    upstream::Upstream,
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex},
    thread,
};

/// An upstream that answers each request with its first line, and remembers heads and bodies.
struct Shop {
    upstream: Upstream,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    fn open() -> Shop {
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let own = heard.clone();
        let upstream = Upstream::script(move |conn| {
            let mut writer = conn.stream.try_clone().unwrap();
            let mut reader = BufReader::new(conn.stream.try_clone().unwrap());
            loop {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    if reader.read_line(&mut head).unwrap_or(0) == 0 {
                        return;
                    }
                }
                let length =
                    head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let line = head.lines().next().unwrap().to_owned();
                own.lock().unwrap().push(head + &String::from_utf8_lossy(&body));
                let path = line.split(' ').nth(1).unwrap();
                let status = if path.starts_with("/missing") { "404 Not Found" } else { "200 OK" };
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nX-Shop: yes\r\n\r\n{path}", path.len());
                if writer.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        });
        Shop { upstream, heard }
    }

    fn world(&self) -> World {
        world().link("shop", json!(format!("127.0.0.1:0 -> http://{}", self.upstream.address)))
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// One request on a connection of its own.
#[track_caller]
fn ask(running: &Running, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    request(running.port("shop"), method, path, headers, body.as_bytes()).unwrap()
}

#[track_caller]
fn get(running: &Running, path: &str) -> u16 {
    ask(running, "GET", path, &[], "").status
}

/// A connection that stays open.
struct Kept {
    reader: BufReader<TcpStream>,
}

impl Kept {
    fn open(running: &Running) -> Kept {
        Kept { reader: BufReader::new(running.connect("shop")) }
    }

    #[track_caller]
    fn get(&mut self, path: &str) -> Reply {
        self.reader.get_mut().write_all(format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n").as_bytes()).unwrap();
        read_answer(&mut self.reader, "GET").unwrap()
    }
}

#[test]
fn a_change_is_in_force_for_the_next_request_on_an_open_connection() {
    let shop = Shop::open();
    let running = shop.world().start();
    let mut kept = Kept::open(&running);
    for round in 0..20 {
        assert_eq!(kept.get("/a").status, 200, "{round}");
        running.put("no", json!({ "proxy": "shop", "status": 503 }));
        let refused = kept.get("/a");
        assert_eq!((refused.status, refused.header("x-faultwire-fault"), refused.header("x-shop")), (503, Some("no"), None), "{round}");
        running.heal("no");
    }
    assert_eq!(shop.upstream.accepted(), 1, "one connection for one");
    assert_eq!(shop.heard().len(), 20, "what is answered here is heard by nobody else");
}

/// A fault, then method, path, headers and body of a request, and the status that it gets.
type Case<'a> = (Value, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16);

#[test]
fn requests_are_chosen_by_everything_they_say() {
    let shop = Shop::open();
    let running = shop.world().start();
    let status = |fault: Value, method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        let mut fault = fault;
        (fault["proxy"], fault["status"]) = ("shop".into(), 418.into());
        running.put("it", fault);
        ask(&running, method, path, headers, body).status
    };
    let order = r#"{"amount": 120, "items": [{"sku": "a-1"}]}"#;
    let graph = r#"{"operationName": "PlaceOrder", "query": "mutation PlaceOrder { place }"}"#;
    let many: Vec<Case<'_>> = vec![
        (json!({"match": "POST /orders/*"}), "POST", "/orders/7", &[], "", 418),
        (json!({"match": "POST /orders/*"}), "GET", "/orders/7", &[], "", 200),
        (json!({"match": "/orders"}), "GET", "/orders?x=1", &[], "", 418),
        (json!({"match": {"path": {"regex": "^/o.ders/[0-9]+$"}}}), "GET", "/orders/7", &[], "", 418),
        (json!({"match": {"path": {"regex": "^/o.ders/[0-9]+$"}}}), "GET", "/orders/x", &[], "", 200),
        (json!({"match": {"path": "/orders/*", "not": {"headers": {"x-canary": "*"}}}}), "GET", "/orders/7", &[], "", 418),
        (json!({"match": {"path": "/orders/*", "not": {"headers": {"x-canary": "*"}}}}), "GET", "/orders/7", &[("X-Canary", "1")], "", 200),
        (json!({"match": {"headers": {"x-tenant": ["acme", "initech"]}}}), "GET", "/", &[("X-Tenant", "initech")], "", 418),
        (json!({"match": {"query": {"page": "2"}}}), "GET", "/list?size=9&page=2", &[], "", 418),
        (json!({"match": {"host": "shop.example"}}), "GET", "/", &[("Host", "SHOP.example:8080")], "", 418),
        (json!({"match": {"baggage": {"test": "checkout-7"}}}), "GET", "/", &[("baggage", "a=b, test=checkout-7;x=y")], "", 418),
        (json!({"match": {"baggage": {"test": "checkout-7"}}}), "GET", "/", &[("baggage", "test=checkout-8")], "", 200),
        (json!({"match": {"body": {"/amount": "1*", "/items/0/sku": "a-*"}}}), "POST", "/orders", &[], order, 418),
        (json!({"match": {"body": {"/amount": "2*"}}}), "POST", "/orders", &[], order, 200),
        (json!({"match": {"operation": "PlaceOrder"}}), "POST", "/graphql", &[], graph, 418),
        (json!({"match": {"operation": "Other"}}), "POST", "/graphql", &[], graph, 200),
        (json!({"match": {"response": "404"}, "when": "after_upstream"}), "GET", "/missing", &[], "", 418),
        (json!({"match": {"response": "404"}, "when": "after_upstream"}), "GET", "/there", &[], "", 200),
        (json!({"match": {"client": "10.0.0.0/8"}}), "GET", "/", &[], "", 200),
        (json!({"match": {"client": "127.0.0.0/8"}}), "GET", "/", &[], "", 418),
    ];
    for (fault, method, path, headers, body, wanted) in many {
        assert_eq!(status(fault.clone(), method, path, headers, body), wanted, "{fault}: {method} {path} {headers:?} {body}");
    }
    let heard = shop.heard();
    assert!(heard.iter().any(|head| head.ends_with(order)), "a body that was waited for goes on whole: {heard:?}");
}

#[test]
fn health_checks_are_spared_unless_they_are_named() {
    let shop = Shop::open();
    let running = shop.world().start();
    running.put("all", json!({ "proxy": "shop", "status": 503, "times": 1 }));
    assert_eq!(get(&running, "/healthz"), 200);
    assert_eq!(ask(&running, "GET", "/any", &[("user-agent", "kube-probe/1.30")], "").status, 200);
    assert_eq!(get(&running, "/orders"), 503, "the probes took no number");
    let fault = running.fault("all");
    assert_eq!((&fault["seen"], &fault["matched"], &fault["hits"]), (&json!(3), &json!(1), &json!(1)), "{fault}");
    assert_eq!(fault["suppressed"]["exempt"], 2, "{fault}");
    running.put("all", json!({ "proxy": "shop", "status": 503, "match": "GET /health*" }));
    assert_eq!(get(&running, "/healthz"), 200, "a wildcard does not name it");
    running.put("all", json!({ "proxy": "shop", "status": 503, "match": "/healthz" }));
    assert_eq!(get(&running, "/healthz"), 503);

    let dir = crate::harness::Dir::new();
    let text = json!({ "limits": { "exempt": ["/status", "user-agent: pingdom*"] }, "proxies": { "shop": format!("127.0.0.1:0 -> http://{}", shop.upstream.address) },
        "faults": [{ "proxy": "shop", "status": 503 }] });
    let file = dir.write("faultwire.yaml", text.to_string());
    let running = Running::serve(dir, &file, &[]);
    assert_eq!((get(&running, "/status"), get(&running, "/healthz")), (200, 503), "a list of one's own takes the place of the usual one");
    assert_eq!(ask(&running, "GET", "/any", &[("user-agent", "pingdom-bot")], "").status, 200);
}

#[test]
fn every_request_is_counted_once_however_many_come_at_once() {
    let shop = Shop::open();
    let running = shop.world().start();
    running.put("some", json!({ "proxy": "shop", "match": "GET /some/*", "probability": "30%", "status": 503 }));
    let port = running.port("shop");
    let workers: Vec<_> = (0..8)
        .map(|worker| {
            thread::spawn(move || {
                let mut kept = BufReader::new(TcpStream::connect(port).unwrap());
                let mut refused = 0;
                for n in 0..100 {
                    let path = if n % 2 == 0 { "some" } else { "other" };
                    kept.get_mut().write_all(format!("GET /{path}/{worker} HTTP/1.1\r\nHost: shop\r\n\r\n").as_bytes()).unwrap();
                    refused += u64::from(read_answer(&mut kept, "GET").unwrap().status == 503);
                }
                refused
            })
        })
        .collect();
    let refused: u64 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    let fault = running.fault("some");
    assert_eq!((&fault["seen"], &fault["matched"], &fault["hits"]), (&json!(800), &json!(400), &json!(refused)), "{fault}");
    assert!((60..=180).contains(&refused), "{refused} of 400");
    let shop = running.get("/v1/proxies/shop");
    let answered = json!({ "upstream": { "2xx": 800 - refused }, "injected": { "5xx": refused } });
    assert_eq!((&fault["unit"], &shop["requests_total"], &shop["answered"]), (&json!("request"), &json!(800), &answered), "{shop}");
    let metrics = String::from_utf8(running.call("GET", "/metrics", None).body).unwrap();
    let counted = |origin: &str, class: &str| {
        let line = format!(r#"faultwire_requests_total{{proxy="shop",origin="{origin}",class="{class}"}} "#);
        metrics.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
    };
    assert_eq!((counted("injected", "5xx"), counted("upstream", "2xx")), (refused, 800 - refused), "{metrics}");
}

#[test]
fn ten_thousand_faults_find_their_requests() {
    let shop = Shop::open();
    let faults: Vec<Value> = (0..10_000)
        .map(|n| json!({ "name": format!("f{n}"), "proxy": "shop", "match": format!("GET /p/{n}"), "status": 200 + n % 300 }))
        .collect();
    let running = shop.world().faults(json!(faults)).start();
    for n in [1, 77, 4_242, 9_999] {
        let reply = ask(&running, "GET", &format!("/p/{n}"), &[], "");
        assert_eq!((u64::from(reply.status), reply.header("x-faultwire-fault")), (200 + n % 300, Some(&*format!("f{n}"))));
    }
    assert_eq!(get(&running, "/p/none"), 200);
    assert_eq!((&running.fault("f77")["seen"], &running.fault("f78")["matched"]), (&json!(5), &json!(0)));
}

#[test]
fn what_is_asked_of_a_server_that_is_not_there_can_be_answered() {
    let gone = Upstream::echo();
    let address = gone.address;
    drop(gone);
    let running = world().link("shop", json!(format!("127.0.0.1:0 -> http://{address}"))).start();
    assert!(request(running.port("shop"), "GET", "/", &[], b"").is_err(), "nobody is there");
    running.put("stub", json!({ "proxy": "shop", "match": "GET /prices", "status": 200, "body": { "price": 7 } }));
    let reply = ask(&running, "GET", "/prices", &[], "");
    assert_eq!((reply.status, reply.json(), reply.header("content-type")), (200, json!({ "price": 7 }), Some("application/json")));
    assert!(request(running.port("shop"), "GET", "/", &[], b"").is_err(), "and for others still nobody");
}

#[test]
fn every_request_is_told_while_somebody_listens() {
    let shop = Shop::open();
    let running = shop.world().start();
    let mut events = BufReader::new(TcpStream::connect(running.api).unwrap());
    let asked = format!(
        "GET /v1/events?types=request.answered,fault.hit HTTP/1.1\r\nHost: {}\r\nAccept: application/x-ndjson\r\n\r\n",
        running.api
    );
    events.get_mut().write_all(asked.as_bytes()).unwrap();
    assert_eq!(read_head(&mut events).unwrap().status, 200);
    running.put("no", json!({ "proxy": "shop", "match": "POST /orders", "status": 503 }));
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    get(&running, "/a?secret=1");
    ask(&running, "POST", "/orders", &[("traceparent", trace)], "{}");
    let mut told = Vec::new();
    eventually("both have been told", || {
        let mut line = String::new();
        events.read_line(&mut line).unwrap();
        told.extend(line.find('{').and_then(|at| serde_json::from_str::<Value>(&line[at..]).ok()));
        told.len() >= 3
    });
    let of = |event: &str, request: &str| {
        told.iter().find(|told| told["event"] == event && told["request"] == request).unwrap_or_else(|| panic!("{told:?}")).clone()
    };
    let passed = of("request.answered", "GET /a");
    assert_eq!((&passed["status"], &passed["origin"], &passed["fault"]), (&json!(200), &json!("upstream"), &Value::Null));
    let refused = of("request.answered", "POST /orders");
    assert_eq!((&refused["status"], &refused["origin"], &refused["fault"]), (&json!(503), &json!("injected"), &json!("no")));
    assert_eq!(of("fault.hit", "POST /orders")["trace"], "0af7651916cd43dd8448eb211c80319c");
}

#[test]
fn marks_of_a_trace_pass_as_they_came() {
    let shop = Shop::open();
    let running = shop.world().start();
    running.put("slow", json!({ "proxy": "shop", "match": { "baggage": { "test": "a" } }, "latency": "1ms" }));
    let marks = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("baggage", "test=a , user=%20x;p=1,,odd")];
    ask(&running, "GET", "/", &marks, "");
    let heard = shop.heard();
    for (name, value) in marks {
        assert!(heard[0].contains(&format!("{name}: {value}\r\n")), "{}", heard[0]);
    }
    assert_eq!(running.hits("slow"), 1);
}

#[test]
fn a_rate_is_kept_and_says_when_to_come_back() {
    let shop = Shop::open();
    let running = shop.world().start();
    running.put(
        "rate",
        json!({ "proxy": "shop", "over": "2/m", "burst": 2, "rate_per": "header x-api-key", "status": 429, "retry_after": "auto" }),
    );
    let with = |key: &str| ask(&running, "GET", "/", &[("x-api-key", key)], "");
    let statuses: Vec<u16> = (0..3).map(|_| with("a").status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(with("b").status, 200, "another key has another bucket");
    let wait: u64 = with("a").header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait} s until the next token");
    assert_eq!(running.fault("rate")["suppressed"]["within"], 3);
}
