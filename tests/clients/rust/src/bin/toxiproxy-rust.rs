//! `toxiproxy_rust`. It looks at no status: a refusal shows only where its body cannot be read as what was asked for.

use clients::{api, end, held, is_refused, rest, trip, upstream};
use std::{collections::HashMap, io::ErrorKind, time::Duration};
use toxiproxy_rust::{
    client::Client,
    proxy::{Proxy, ProxyPack},
    toxic::ToxicPack,
};

const STREAMS: [&str; 2] = ["upstream", "downstream"];

fn main() {
    let client = Client::new(api());
    assert!(client.is_running());
    assert!(client.version().unwrap().starts_with("{\"version\": \"2.12.0\""));
    for test in [proxies, every_toxic, populate, refusals, felt] {
        for proxy in client.all().unwrap().values() {
            proxy.delete().unwrap();
        }
        let mut made = client.populate(vec![pack("p")]).unwrap();
        test(&client, made.remove(0));
    }
}

fn pack(name: &str) -> ProxyPack {
    ProxyPack::new(name.to_owned(), "127.0.0.1:0".to_owned(), upstream())
}

fn listen(proxy: &Proxy) -> &str {
    &proxy.proxy_pack.listen
}

/// Name, type, stream, toxicity, attributes in the order of their names.
type Told = (String, String, String, f32, Vec<(String, u32)>);

fn toxics(proxy: &Proxy) -> Vec<Told> {
    let told = |toxic: ToxicPack| {
        let mut attributes: Vec<(String, u32)> = toxic.attributes.into_iter().collect();
        attributes.sort();
        (toxic.name, toxic.r#type, toxic.stream, toxic.toxicity, attributes)
    };
    proxy.toxics().unwrap().into_iter().map(told).collect()
}

fn proxies(client: &Client, proxy: Proxy) {
    assert!(listen(&proxy).starts_with("127.0.0.1:") && !listen(&proxy).ends_with(":0"), "{proxy:?}");
    assert_eq!((proxy.proxy_pack.upstream.clone(), proxy.proxy_pack.enabled), (upstream(), true));
    assert_eq!(client.all().unwrap().into_keys().collect::<Vec<_>>(), ["p"]);
    trip(listen(&proxy), "hello");
    proxy
        .with_down(|| {
            assert!(!client.find_proxy("p").unwrap().proxy_pack.enabled);
            assert!(is_refused(listen(&proxy)));
        })
        .unwrap();
    assert!(client.find_proxy("p").unwrap().proxy_pack.enabled);
    trip(listen(&proxy), "hello");
    proxy.with_timeout("upstream".into(), 0, 1.0);
    proxy.disable().unwrap();
    client.reset().unwrap();
    assert_eq!(toxics(&proxy), []);
    trip(listen(&proxy), "hello");
    proxy.disable().unwrap();
    assert!(is_refused(listen(&proxy)));
    client.find_and_reset_proxy("p").unwrap();
    trip(listen(&proxy), "hello");
    proxy.delete().unwrap();
    assert!(client.find_proxy("p").is_err());
}

fn every_toxic(client: &Client, proxy: Proxy) {
    for stream in STREAMS {
        let on = || stream.to_owned();
        proxy
            .with_latency(on(), 120, 7, 0.25)
            .with_bandwidth(on(), 64, 0.25)
            .with_slow_close(on(), 40, 0.25)
            .with_timeout(on(), 300, 0.25)
            .with_slicer(on(), 100, 10, 50, 0.25)
            .with_limit_data(on(), 4096, 0.25);
    }
    let types: [(&str, &[(&str, u32)]); 6] = [
        ("latency", &[("jitter", 7), ("latency", 120)]),
        ("bandwidth", &[("rate", 64)]),
        ("slow_close", &[("delay", 40)]),
        ("timeout", &[("timeout", 300)]),
        ("slicer", &[("average_size", 100), ("delay", 50), ("size_variation", 10)]),
        ("limit_data", &[("bytes", 4096)]),
    ];
    let mut want = Vec::new();
    for stream in STREAMS {
        for (kind, attributes) in types {
            let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
            want.push((format!("{kind}_{stream}"), kind.to_owned(), stream.to_owned(), 0.25, attributes));
        }
    }
    assert_eq!(toxics(&proxy), want);
    assert_eq!(client.find_proxy("p").unwrap().proxy_pack.toxics.len(), want.len());
    assert_eq!(client.all().unwrap()["p"].proxy_pack.toxics.len(), want.len());
    proxy.delete_all_toxics().unwrap();
    assert_eq!(toxics(&proxy), []);
}

fn populate(client: &Client, proxy: Proxy) {
    // What is as it is said stays untouched.
    proxy.with_latency("downstream".into(), 7, 0, 1.0);
    let same = ProxyPack::new("p".to_owned(), listen(&proxy).to_owned(), upstream());
    // It sends toxics along, as no other client does. Toxiproxy drops them; here the proxy has them from its first byte.
    let mut with_toxics = pack("q");
    with_toxics.toxics = vec![ToxicPack {
        name: "cut".to_owned(),
        r#type: "limit_data".to_owned(),
        stream: "downstream".to_owned(),
        toxicity: 1.0,
        attributes: HashMap::from([("bytes".to_owned(), 3)]),
    }];
    let mut off = pack("r");
    off.enabled = false;
    let made = client.populate(vec![same, with_toxics, off]).unwrap();
    assert_eq!(made.iter().map(|proxy| &*proxy.proxy_pack.name).collect::<Vec<_>>(), ["p", "q", "r"]);
    assert_eq!(made.iter().map(|proxy| proxy.proxy_pack.toxics.len()).collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(listen(&made[0]), listen(&proxy));
    assert_eq!(rest(listen(&made[1]), "hello").unwrap(), "hel");
    assert!(!made[2].proxy_pack.enabled);
}

fn refusals(client: &Client, proxy: Proxy) {
    let why = client.find_proxy("nope").map(drop).unwrap_err();
    assert!(why.contains("json deserialize failed"), "{why}");
    let nowhere = ProxyPack::new("q".to_owned(), "local373".to_owned(), upstream());
    assert!(client.populate(vec![pack("first"), nowhere]).is_err());
    assert!(client.find_proxy("first").is_ok() && client.find_proxy("q").is_err());
    let nameless = ProxyPack::new(String::new(), "127.0.0.1:0".to_owned(), upstream());
    assert!(client.populate(vec![pack("second"), nameless]).is_err());
    assert!(client.find_proxy("second").is_err());
    // It does not hear of these: nothing must have come of them.
    proxy.with_limit_data("downstream".into(), 3, 1.0).with_limit_data("downstream".into(), 9, 1.0);
    proxy.with_limit_data("sideways".into(), 3, 1.0);
    let found = toxics(&proxy);
    assert!(matches!(&found[..], [(.., attributes)] if attributes[..] == [("bytes".to_owned(), 3)]), "{found:?}");
    proxy.delete().unwrap();
    proxy.delete().unwrap();
    assert!(proxy.toxics().is_err());
}

fn felt(_: &Client, proxy: Proxy) {
    let listen = listen(&proxy);
    let down = || "downstream".to_owned();
    proxy
        .with_latency(down(), 120, 0, 1.0)
        .with_latency("upstream".into(), 80, 0, 1.0)
        .apply(|| assert!(trip(listen, "hello") >= Duration::from_millis(200)))
        .unwrap();
    proxy.with_timeout(down(), 100, 1.0).apply(|| assert_eq!(rest(listen, "lost").unwrap(), "")).unwrap();
    proxy.with_limit_data(down(), 3, 1.0).apply(|| assert_eq!(rest(listen, "hello").unwrap(), "hel")).unwrap();
    proxy.with_slow_close(down(), 150, 1.0).apply(|| assert!(end(listen) >= Duration::from_millis(150))).unwrap();
    proxy.with_bandwidth(down(), 0, 1.0);
    held(listen, "held", || proxy.delete_all_toxics().unwrap());
    proxy.with_slicer(down(), 2, 0, 20_000, 1.0).apply(|| assert!(trip(listen, "hello") >= Duration::from_millis(40))).unwrap();
    proxy.disable().unwrap();
    assert!(matches!(rest(listen, "x"), Err(error) if error.kind() == ErrorKind::ConnectionRefused));
}
