//! Events as they happen: server-sent, or as lines. A reader that is too slow is told how much it has missed, and delays nobody.

use super::{faults::only_known, problem::Problem};
use crate::{control::Control, journal::Entry};
use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use faultwire_faults::fault::fits;
use faultwire_proxy::told::Watching;
use futures_util::stream;
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};

/// A sign of life for whoever sits in between.
const STILL_HERE: Duration = Duration::from_secs(15);

pub async fn stream(
    State(control): State<Arc<Control>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    only_known(&query, &["types", "proxy", "fault"])?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let lines = text("accept").contains("application/x-ndjson");
    let wanted = Wanted::of(&query);
    let (missed, again, live) = match text("last-event-id").parse::<u64>() {
        Ok(id) => control.journal.listen_after(id),
        Err(_) => (0, Vec::new(), control.journal.listen()),
    };
    let watching = wanted.asks_for("request.answered").then(|| control.proxies.teller().watch_requests());
    let mut reader = Reader { _watching: watching, over: control.streams_end(), control, live, wanted, lines, ready: VecDeque::new() };
    // The head goes out at once: whoever has it knows that nothing from now on is missed.
    reader.ready.push_back(if lines { Bytes::new() } else { Bytes::from_static(b": here\n\n") });
    if missed > 0 {
        reader.say_dropped(missed).await;
    }
    reader.ready.extend(again.iter().filter_map(|entry| reader.shown(entry)).collect::<Vec<_>>());
    let body = stream::unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Some((Ok::<Bytes, Infallible>(bytes), reader))
    });
    let kind = if lines { "application/x-ndjson" } else { "text/event-stream" };
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Which events a reader has asked for.
struct Wanted {
    types: Option<Vec<String>>,
    proxy: Option<String>,
    fault: Option<String>,
}

struct Reader {
    /// Requests are told one by one only while somebody asks for them.
    _watching: Option<Watching>,
    over: watch::Receiver<bool>,
    control: Arc<Control>,
    live: Receiver<Arc<Entry>>,
    wanted: Wanted,
    lines: bool,
    ready: VecDeque<Bytes>,
}

impl Wanted {
    fn of(query: &HashMap<String, String>) -> Wanted {
        let types = query.get("types").map(|types| types.split(',').map(|kind| kind.trim().to_owned()).collect());
        Wanted { types, proxy: query.get("proxy").cloned(), fault: query.get("fault").cloned() }
    }

    /// Whether it was asked for by name, or by a pattern that it fits.
    fn asks_for(&self, event: &str) -> bool {
        self.types.as_ref().is_some_and(|types| types.iter().any(|pattern| fits(pattern, event)))
    }

    fn wants(&self, entry: &Entry) -> bool {
        let event = entry.event();
        let kind = match &self.types {
            Some(types) => types.iter().any(|pattern| fits(pattern, event)),
            // There are too many of these to send them to those who have not asked.
            None => !event.starts_with("connection.") && !event.starts_with("request.answered"),
        };
        let fault = || entry.json().get("fault").and_then(|fault| Some(fault.as_str()?.to_owned()));
        kind && self.proxy.as_ref().is_none_or(|pattern| entry.proxy().is_some_and(|proxy| fits(pattern, proxy)))
            && self
                .fault
                .as_ref()
                .is_none_or(|pattern| fault().is_some_and(|fault| fits(pattern, &fault) || fits(&format!("{pattern}@*"), &fault)))
    }
}

impl Reader {
    /// `None` when the process ends.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.ready.pop_front() {
                Some(bytes) if !bytes.is_empty() => return Some(bytes),
                Some(_) => continue,
                None => {}
            }
            let heard = tokio::select! {
                biased;
                heard = tokio::time::timeout(STILL_HERE, self.live.recv()) => heard,
                _ = self.over.wait_for(|over| *over) => return None,
            };
            match heard {
                Ok(Ok(entry)) => self.ready.extend(self.shown(&entry)),
                Ok(Err(RecvError::Lagged(n))) => self.say_dropped(n).await,
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) if self.lines => self.ready.push_back(Bytes::from_static(b"\n")),
                Err(_) => self.ready.push_back(Bytes::from_static(b": still here\n\n")),
            }
        }
    }

    fn shown(&self, entry: &Entry) -> Option<Bytes> {
        self.wanted.wants(entry).then(|| {
            let mut fields = entry.json();
            if self.lines {
                fields.insert("id".into(), entry.id.into());
                return format!("{}\n", Value::Object(fields)).into();
            }
            fields.shift_remove("event");
            format!("id: {}\nevent: {}\ndata: {}\n\n", entry.id, entry.event(), Value::Object(fields)).into()
        })
    }

    /// Never a silent gap: how many are missing, and how things stand now.
    async fn say_dropped(&mut self, n: u64) {
        let counts = |fault: faultwire_proxy::proxies::FaultView| json!({ "name": fault.name, "active": fault.active, "seen": fault.counts.seen, "matched": fault.counts.matched, "hits": fault.counts.hits });
        let faults: Vec<Value> = self.control.proxies.faults().await.into_iter().map(counts).collect();
        let text = match self.lines {
            true => format!("{}\n", json!({ "event": "dropped", "dropped": n, "faults": faults })),
            false => format!(": dropped {n}\n\nevent: dropped\ndata: {}\n\n", json!({ "dropped": n, "faults": faults })),
        };
        self.ready.push_back(text.into());
    }
}
