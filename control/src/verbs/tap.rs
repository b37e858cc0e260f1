//! `faultwire tap`: events as they happen, until there are no more.

use crate::{
    api::faults::escaped,
    client::Client,
    clock,
    exit::{Exit, Failure},
    say::Say,
};
use serde_json::Value;

pub fn main(proxy: Option<&str>, types: Option<&str>, url: &str, say: &Say) -> Result<Exit, Failure> {
    let client = Client::new(url)?;
    if let Some(proxy) = proxy.filter(|proxy| !proxy.contains('*')) {
        client.ask(hyper::Method::GET, &format!("/v1/proxies/{}", escaped(proxy)), None)?;
    }
    let mut query: Vec<String> = Vec::new();
    query.extend(proxy.map(|proxy| format!("proxy={}", escaped(proxy))));
    query.extend(types.map(|types| format!("types={}", escaped(types))));
    let path = format!("/v1/events?{}", query.join("&"));
    let mut gone = false;
    client.lines(&path, |event| {
        gone = !say.data(if say.json { event.to_string() } else { line(&event) });
        !gone
    })?;
    match gone {
        true => Ok(Exit::Held),
        false => Err(Failure::new(Exit::Unavailable, "faultwire has ended, and with it the events")),
    }
}

fn line(event: &Value) -> String {
    let said = |key: &str| event[key].as_str().unwrap_or_default();
    let kind = said("event");
    let what = match kind {
        "fault.hit" => match said("request") {
            "" => format!("{}   {}   connection from {}", said("effect"), said("fault"), said("peer")),
            request => format!("{}   {}   {request}", said("effect"), said("fault")),
        },
        "request.answered" => {
            let by = if said("fault").is_empty() { String::new() } else { format!(" by {}", said("fault")) };
            let status = event["status"].as_u64().map_or("no answer".to_owned(), |status| status.to_string());
            format!("{}   {status}{by}   {:.1} ms", said("request"), event["took_ms"].as_f64().unwrap_or_default())
        }
        "fault.suppressed" => format!("passed   {}   {}", said("fault"), said("reason")),
        "fault.on" => format!("on   {}   {}", said("fault"), said("does")),
        "fault.off" => format!("off   {}   after {} hits", said("fault"), event["hits"]),
        "connection.closed" => format!("closed   {}   connection from {}", said("class"), said("peer")),
        "proxy.up" | "proxy.down" => format!("{}   {}", kind.trim_start_matches("proxy."), said("address")),
        "dropped" => return format!("({} events dropped: this reader is too slow)", event["dropped"]),
        _ => match said("msg") {
            "" => kind.to_owned(),
            msg => msg.to_owned(),
        },
    };
    let proxy = said("proxy");
    let proxy = if proxy.is_empty() { String::new() } else { format!("{proxy:<8}  ") };
    format!("{}  {proxy}{what}", clock::time_of_day(said("ts")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_lines() {
        let hit = json!({ "ts": "2027-03-14T12:04:11.310Z", "event": "fault.hit", "proxy": "redis", "fault": "slow", "effect": "latency", "peer": "127.0.0.1:5" });
        assert_eq!(line(&hit), "12:04:11.310  redis     latency   slow   connection from 127.0.0.1:5");
        assert_eq!(line(&json!({ "event": "dropped", "dropped": 3 })), "(3 events dropped: this reader is too slow)");
        assert_eq!(line(&json!({ "ts": "2027-03-14T12:04:11.310Z", "event": "order", "msg": "x" })), "12:04:11.310  x");
    }
}
