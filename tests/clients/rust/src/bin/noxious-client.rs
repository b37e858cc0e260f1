//! `noxious-client`. What it cannot do with Toxiproxy it cannot do here: it says `direction` where Toxiproxy reads `stream`, so everything
//! lands downstream; it takes the answer of `/populate` for a bare list; and it cannot read the attributes of a noop, which has none.
//! Its own tests talk to a mock of theirs, and so are not run.

use clients::{api, end, is_refused, rest, trip, upstream};
use noxious_client::{
    Client, Proxy, ProxyConfig, StreamDirection, Toxic, ToxicKind,
    error::{ApiErrorResponse, ClientError},
};
use std::time::Duration;

const KINDS: [(&str, ToxicKind); 6] = [
    ("latency", ToxicKind::Latency { latency: 120, jitter: 7 }),
    ("bandwidth", ToxicKind::Bandwidth { rate: 64 }),
    ("slow_close", ToxicKind::SlowClose { delay: 40 }),
    ("timeout", ToxicKind::Timeout { timeout: 300 }),
    ("slicer", ToxicKind::Slicer { average_size: 100, size_variation: 10, delay: 50 }),
    ("limit_data", ToxicKind::LimitData { bytes: 4096 }),
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = Client::new(&api());
    proxies(&client, made(&client).await).await;
    every_toxic(&client, made(&client).await).await;
    updates(made(&client).await).await;
    reset(&client, made(&client).await).await;
    refusals(&client, made(&client).await).await;
    what_it_cannot_do(&client, made(&client).await).await;
    felt(made(&client).await).await;
}

/// A new proxy `p` and no other, as the server knows it: what this client makes still says port 0.
async fn made(client: &Client) -> Proxy {
    for old in client.proxies().await.unwrap().into_values() {
        old.delete().await.unwrap();
    }
    let made = client.create_proxy("p", "127.0.0.1:0", &upstream()).await.unwrap();
    assert_eq!(made.config.listen, "127.0.0.1:0");
    client.proxy("p").await.unwrap()
}

fn toxic(name: &str, kind: ToxicKind) -> Toxic {
    Toxic { kind, name: name.to_owned(), toxicity: 0.25, direction: StreamDirection::Upstream }
}

/// Two toxics are equal to it if their names are.
#[track_caller]
fn assert_same(found: &Toxic, name: &str, kind: ToxicKind, toxicity: f32) {
    assert_eq!((&*found.name, found.kind, found.toxicity), (name, kind, toxicity));
    assert_eq!(found.direction, StreamDirection::Downstream, "see above");
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, ClientError>, status_code: u16, message: &str) {
    let want = ClientError::ApiError(ApiErrorResponse { message: message.to_owned(), status_code });
    assert_eq!(result.unwrap_err(), want);
}

async fn proxies(client: &Client, mut proxy: Proxy) {
    let listen = proxy.config.listen.clone();
    assert!(listen.starts_with("127.0.0.1:") && !listen.ends_with(":0"), "{listen}");
    assert_eq!((&proxy.config.upstream, proxy.is_enabled()), (&upstream(), true));
    client.create_proxy("127.0.0.1:80", "127.0.0.1:0", "x:1").await.unwrap();
    assert_eq!(client.proxies().await.unwrap().len(), 2);
    let other = client.proxy("127.0.0.1:80").await.unwrap();
    assert_eq!(other.config.upstream, "x:1");
    other.delete().await.unwrap();

    trip(&listen, "hello");
    proxy.disable().await.unwrap();
    assert!(!client.proxy("p").await.unwrap().is_enabled());
    assert!(is_refused(&listen));
    proxy.enable().await.unwrap();
    assert_eq!(client.proxy("p").await.unwrap().config.listen, listen);
    trip(&listen, "hello");
    proxy.config.upstream = "x:1".to_owned();
    proxy.save().await.unwrap();
    assert_eq!(client.proxy("p").await.unwrap().config.upstream, "x:1");
    // Toxiproxy renames nothing, and does not say so.
    proxy.change_name("q").await.unwrap();
    assert_refused(client.proxy("q").await, 404, "proxy not found");
    client.proxy("p").await.unwrap().delete().await.unwrap();
    assert!(client.proxies().await.unwrap().is_empty());
}

async fn every_toxic(client: &Client, proxy: Proxy) {
    for (name, kind) in KINDS {
        assert_same(&proxy.add_toxic(&toxic(name, kind)).await.unwrap(), name, kind, 0.25);
    }
    let listed = proxy.toxics().await.unwrap();
    assert_eq!(listed.len(), KINDS.len());
    for (found, (name, kind)) in listed.iter().zip(KINDS) {
        assert_same(found, name, kind, 0.25);
    }
    // It reads them in the lists of proxies too, where one that it does not know would hide them all.
    assert_eq!(client.proxies().await.unwrap().len(), 1);
    for (name, _) in KINDS {
        proxy.remove_toxic(name).await.unwrap();
    }
    assert!(proxy.toxics().await.unwrap().is_empty());
}

async fn updates(proxy: Proxy) {
    proxy.add_toxic(&toxic("slow", ToxicKind::Latency { latency: 100, jitter: 10 })).await.unwrap();
    let kind = ToxicKind::Latency { latency: 5, jitter: 0 };
    let updated = proxy.update_toxic("slow", 0.5, kind, StreamDirection::Upstream).await.unwrap();
    assert_same(&updated, "slow", kind, 0.5);
    assert_same(&proxy.toxics().await.unwrap()[0], "slow", kind, 0.5);
}

async fn reset(client: &Client, mut proxy: Proxy) {
    proxy.add_toxic(&toxic("t", ToxicKind::Timeout { timeout: 0 })).await.unwrap();
    proxy.disable().await.unwrap();
    client.reset_state().await.unwrap();
    assert!(client.proxy("p").await.unwrap().is_enabled());
    assert!(proxy.toxics().await.unwrap().is_empty());
    trip(&proxy.config.listen, "hello");
}

async fn refusals(client: &Client, proxy: Proxy) {
    assert_refused(client.create_proxy("p", "127.0.0.1:0", "x:1").await, 409, "proxy already exists");
    assert_refused(client.create_proxy("", "127.0.0.1:0", "x:1").await, 400, "missing required field: name");
    assert_refused(client.create_proxy("q", "127.0.0.1:0", "").await, 400, "missing required field: upstream");
    let taken = format!("listen tcp {}: bind: address already in use", proxy.config.listen);
    assert_refused(client.create_proxy("q", &proxy.config.listen, "x:1").await, 500, &taken);
    let bandwidth = toxic("t", ToxicKind::Bandwidth { rate: 1 });
    proxy.add_toxic(&bandwidth).await.unwrap();
    assert_refused(proxy.add_toxic(&bandwidth).await, 409, "toxic already exists");
    proxy.remove_toxic("t").await.unwrap();
    assert_refused(proxy.remove_toxic("t").await, 404, "toxic not found");
    assert_refused(proxy.update_toxic("t", 1.0, bandwidth.kind, bandwidth.direction).await, 404, "toxic not found");
    proxy.clone().delete().await.unwrap();
    assert_refused(proxy.toxics().await, 404, "proxy not found");
    assert_refused(proxy.delete().await, 404, "proxy not found");
}

async fn what_it_cannot_do(client: &Client, proxy: Proxy) {
    let config = |name: &str| ProxyConfig {
        name: name.to_owned(),
        listen: "127.0.0.1:0".to_owned(),
        upstream: upstream(),
        enabled: true,
        rand_seed: None,
    };
    // The proxies are made, and it cannot read that they are.
    let populated = client.populate(&[config("q"), config("r")]).await;
    assert!(matches!(populated, Err(ClientError::IoError(_))), "{populated:?}");
    assert_eq!(client.proxies().await.unwrap().len(), 3);
    let nowhere = ProxyConfig { listen: "local373".to_owned(), ..config("s") };
    assert_refused(client.populate(&[nowhere]).await, 500, "listen tcp: address local373: missing port in address");

    let added = proxy.add_toxic(&toxic("nothing", ToxicKind::Noop)).await;
    assert!(matches!(added, Err(ClientError::IoError(_))), "{added:?}");
    assert!(proxy.toxics().await.is_err() && client.proxies().await.is_err());
    proxy.remove_toxic("nothing").await.unwrap();
    assert!(proxy.toxics().await.unwrap().is_empty());
}

async fn felt(mut proxy: Proxy) {
    let listen = proxy.config.listen.clone();
    let set = async |proxy: &Proxy, kind| drop(proxy.add_toxic(&Toxic { toxicity: 1.0, ..toxic("t", kind) }).await.unwrap());
    set(&proxy, ToxicKind::Latency { latency: 150, jitter: 0 }).await;
    assert!(trip(&listen, "hello") >= Duration::from_millis(150));
    proxy.remove_toxic("t").await.unwrap();
    set(&proxy, ToxicKind::Timeout { timeout: 100 }).await;
    assert_eq!(rest(&listen, "lost").unwrap(), "");
    proxy.remove_toxic("t").await.unwrap();
    set(&proxy, ToxicKind::LimitData { bytes: 3 }).await;
    assert_eq!(rest(&listen, "hello").unwrap(), "hel");
    proxy.remove_toxic("t").await.unwrap();
    set(&proxy, ToxicKind::SlowClose { delay: 150 }).await;
    assert!(end(&listen) >= Duration::from_millis(150));
    proxy.remove_toxic("t").await.unwrap();
    proxy.disable().await.unwrap();
    assert!(is_refused(&listen));
    proxy.enable().await.unwrap();
    trip(&listen, "hello");
}
