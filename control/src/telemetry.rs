//! Measures for Prometheus: the only file that names one. They are read where they are counted, at the moment they are asked for,
//! so they are live while connections are open, and what is gone leaves no series behind.

use crate::control::Control;
use faultwire_faults::record::{CLASSES, ORIGINS};
use faultwire_proxy::proxies::{FaultView, ProxyView};
use metrics::{Label, counter, describe_counter, describe_gauge, gauge, with_local_recorder};
use metrics_exporter_prometheus::PrometheusBuilder;

/// All that is shown, as it was at one moment.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub proxies: Vec<ProxyView>,
    pub faults: Vec<FaultView>,
    pub generation: u64,
    pub lost: u64,
    pub config_ok: bool,
    /// With Toxiproxy's two counters.
    pub counters: bool,
}

impl Reading {
    pub async fn take(control: &Control) -> Reading {
        Reading {
            proxies: control.proxies.proxies().await,
            faults: control.proxies.faults().await,
            generation: control.proxies.generation().await,
            lost: control.lost(),
            config_ok: control.file().refused.is_none(),
            counters: control.manners.counters,
        }
    }
}

/// The text of `/metrics`.
pub fn render(reading: &Reading) -> String {
    // A recorder for each scrape: the values live elsewhere, and two engines in one process do not meet.
    let recorder = PrometheusBuilder::new().build_recorder();
    with_local_recorder(&recorder, || {
        describe();
        reading.proxies.iter().for_each(proxy);
        if reading.counters {
            reading.proxies.iter().for_each(toxiproxy);
        }
        reading.faults.iter().for_each(fault);
        gauge!("faultwire_generation").set(reading.generation as f64);
        gauge!("faultwire_config_ok").set(if reading.config_ok { 1.0 } else { 0.0 });
        counter!("faultwire_events_lost_total").absolute(reading.lost);
        gauge!("faultwire_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        // Descriptors, memory and time of this process, under the names that everybody gives them.
        let process = metrics_process::Collector::default();
        process.describe();
        process.collect();
    });
    recorder.handle().render()
}

fn describe() {
    describe_gauge!("faultwire_connections", "Connections that are open");
    describe_counter!("faultwire_connections_total", "Connections accepted");
    describe_counter!("faultwire_bytes_total", "Bytes passed on");
    describe_counter!("faultwire_requests_total", "Units that have ended (on plain TCP: connections), by how");
    describe_counter!("faultwire_seen_total", "Units that a fault considered");
    describe_counter!("faultwire_matched_total", "Units that a fault was for");
    describe_counter!("faultwire_hits_total", "Units that a fault acted on");
    describe_counter!("faultwire_suppressed_total", "Units that a fault was for and did not act on, by why");
    describe_gauge!("faultwire_active", "Faults in force");
    describe_gauge!("faultwire_config_ok", "1 if the scenario file as it is now is in force");
    describe_counter!("faultwire_events_lost_total", "Events that nobody could write down in time");
    describe_gauge!("faultwire_generation", "The number of the last change");
    describe_gauge!("faultwire_build_info", "1");
}

fn proxy(view: &ProxyView) {
    let proxy = || Label::new("proxy", view.link.name.clone());
    let counts = &view.counts;
    gauge!("faultwire_connections", vec![proxy()]).set(counts.connections as f64);
    counter!("faultwire_connections_total", vec![proxy()]).absolute(counts.opened);
    gauge!("faultwire_active", vec![proxy()]).set(view.faults.len() as f64);
    for (direction, bytes) in ["to_server", "to_client"].into_iter().zip(counts.bytes) {
        counter!("faultwire_bytes_total", vec![proxy(), Label::new("direction", direction)]).absolute(bytes);
    }
    for (origin, counts) in ORIGINS.into_iter().zip(counts.ends.0).filter(|_| !view.link.speaks.is_bytes()) {
        for (class, ended) in CLASSES.into_iter().zip(counts).filter(|(_, ended)| *ended > 0) {
            counter!("faultwire_requests_total", vec![proxy(), Label::new("origin", origin), Label::new("class", class)]).absolute(ended);
        }
    }
    for (class, ended) in counts.closed.iter().filter(|_| view.link.speaks.is_bytes()) {
        let origin = if *class == "fault" { "injected" } else { "upstream" };
        counter!("faultwire_requests_total", vec![proxy(), Label::new("origin", origin), Label::new("class", *class)]).absolute(*ended);
    }
}

/// Toxiproxy's own counters, under its names and labels, without help as there. Unlike there they count while a connection is open.
fn toxiproxy(view: &ProxyView) {
    for (d, direction) in ["upstream", "downstream"].into_iter().enumerate() {
        let labels = || {
            vec![
                Label::new("direction", direction),
                Label::new("listener", view.listen()),
                Label::new("proxy", view.link.name.clone()),
                Label::new("upstream", view.link.upstream.to_string()),
            ]
        };
        counter!("toxiproxy_proxy_received_bytes_total", labels()).absolute(view.counts.received[d]);
        counter!("toxiproxy_proxy_sent_bytes_total", labels()).absolute(view.counts.bytes[d]);
    }
}

fn fault(view: &FaultView) {
    for (proxy, counts) in &view.by_proxy {
        let labels = || vec![Label::new("proxy", proxy.clone()), Label::new("fault", view.name.clone())];
        counter!("faultwire_seen_total", labels()).absolute(counts.seen);
        counter!("faultwire_matched_total", labels()).absolute(counts.matched);
        counter!("faultwire_hits_total", labels()).absolute(counts.hits);
        for (reason, count) in &counts.suppressed {
            let mut labels = labels();
            labels.push(Label::new("reason", *reason));
            counter!("faultwire_suppressed_total", labels).absolute(*count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultwire_faults::protocol::Protocol;
    use faultwire_proxy::{dial::Upstream, live::Counts, proxies::Link};

    #[test]
    fn what_is_read_is_shown() {
        let link = Link {
            name: "db \"1\"".into(),
            listen: ([127, 0, 0, 1], 1).into(),
            upstream: Upstream { host: "db".into(), port: 2 },
            from: None,
            to: None,
            enabled: true,
            speaks: Protocol::Tcp,
            asleep: None,
        };
        let counts =
            Counts { connections: 2, opened: 5, received: [9, 8], bytes: [7, 8], closed: [("fault", 3)].into(), ..Counts::default() };
        let view =
            ProxyView { address: link.listen, link, listening: true, generation: 4, settled: true, counts, faults: vec!["slow".into()] };
        let text = render(&Reading { proxies: vec![view], generation: 4, lost: 1, config_ok: true, counters: true, ..Reading::default() });
        for line in [
            "faultwire_connections{proxy=\"db \\\"1\\\"\"} 2",
            "faultwire_bytes_total{proxy=\"db \\\"1\\\"\",direction=\"to_client\"} 8",
            "faultwire_requests_total{proxy=\"db \\\"1\\\"\",origin=\"injected\",class=\"fault\"} 3",
            "faultwire_config_ok 1",
            "faultwire_events_lost_total 1",
            "faultwire_generation 4",
            "toxiproxy_proxy_received_bytes_total{direction=\"upstream\",listener=\"127.0.0.1:1\",proxy=\"db \\\"1\\\"\",upstream=\"db:2\"} 9",
            "toxiproxy_proxy_sent_bytes_total{direction=\"upstream\",listener=\"127.0.0.1:1\",proxy=\"db \\\"1\\\"\",upstream=\"db:2\"} 7",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        let nothing = render(&Reading::default());
        assert!(!nothing.contains("db") && !nothing.contains("toxiproxy") && nothing.contains("process_open_fds "), "{nothing}");
    }
}
