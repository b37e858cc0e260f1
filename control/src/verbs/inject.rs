//! `faultwire inject`: a fault in words, or one that is there already by its name. It heals by itself unless told otherwise.

use crate::{
    api::faults::escaped,
    client::{ANSWER, Client},
    exit::{Exit, Failure},
    say::Say,
};
use faultwire_faults::{
    complaint::Complaint,
    fault::{Draft, Fault, Targets},
    fit::{self, Carrier},
    node::{Node, Place},
    protocol::Protocol,
    units::Span,
};
use faultwire_scenarios::{
    render,
    sources::Sources,
    words::{self, Words},
};
use hyper::Method;
use serde_json::{Value, json};

pub fn main(said: &[String], lasts: Option<&str>, url: &str, say: &Say) -> Result<Exit, Failure> {
    let lease = lease(lasts)?;
    let text = said.join(" ");
    let mut sources = Sources::default();
    let wrong =
        |complaints: Vec<Complaint>, sources: &Sources| Failure::usage(render::render(&complaints, sources, say.colored()).trim_end());
    let source = sources.add("inject", text.as_str());
    let read = words::read(&text, source).map_err(|complaints| wrong(complaints, &sources))?;
    if let Words::Fault(node) = &read {
        // Here the words can be shown with what is wrong in them marked; names of proxies are known only over there.
        Fault::read(node).map_err(|complaints| wrong(complaints, &sources))?;
    }
    let client = Client::new(url)?;
    if let Words::Fault(node) = &read {
        misfits(&client, node).map_or(Ok(()), |complaints| Err(wrong(complaints, &sources)))?;
    }
    let fault = match read {
        Words::Name(node) => switch_on(&client, node.text().unwrap_or_default(), lease.as_deref())?,
        Words::Fault(node) => start(&client, &node, lease.as_deref())?,
    };
    if !fault["name"].is_string() {
        return Err(client.foreign(200));
    }
    if say.json {
        say.data(fault.to_string());
        return Ok(Exit::Held);
    }
    let said = |key: &str| fault[key].as_str().unwrap_or_default();
    let lasts = match said("lease") {
        "none" => "until it is healed".to_owned(),
        lease => format!("for {lease}"),
    };
    let off = if fault["active"] == json!(false) { ", but not in force yet: it has a time of its own" } else { "" };
    say.data(format!("{} is on {lasts}: {}{off}", said("name"), said("does")));
    say.talk(format!("  stop it with   faultwire heal {}", quoted(said("name"))));
    Ok(Exit::Held)
}

/// What does not fit the proxies over there, shown where it stands in the words. Whether they are there at all is for the server to say.
fn misfits(client: &Client, node: &Node) -> Option<Vec<Complaint>> {
    let proxies = client.ask(Method::GET, "/v1/proxies", None).ok()?;
    let draft = Draft::read(node).ok()?;
    let Targets::Proxies(targets) = &draft.fault.targets else { return None };
    let nowhere = Place::default();
    for proxy in proxies.as_array()? {
        let (name, upstream) = (proxy["name"].as_str()?, proxy["upstream"].as_str()?);
        if !targets.iter().any(|target| target.fits(name)) {
            continue;
        }
        let protocol =
            upstream.split_once("://").and_then(|(scheme, _)| Protocol::of_scheme(scheme)).map_or(Protocol::Tcp, |speech| speech.protocol);
        let on = Carrier { name, protocol, serves_tls: false, upstream: &nowhere, listen: &nowhere };
        let misfits = fit::misfits(&draft, &on);
        let wrong: Vec<Complaint> =
            misfits.told.into_iter().chain(misfits.among_bytes.iter().map(|entry| fit::among_bytes(entry, name))).collect();
        if !wrong.is_empty() {
            return Some(wrong);
        }
    }
    None
}

fn start(client: &Client, node: &Node, lease: Option<&str>) -> Result<Value, Failure> {
    let mut body = node.to_json();
    if let Some(lease) = lease {
        if body.get("lease").is_some_and(|said| said != lease) {
            return Err(Failure::usage("error: `--for` and `lease=` say two things\nhelp: leave one of them out"));
        }
        body["lease"] = lease.into();
    }
    let answer = client.call(Method::POST, "/v1/faults", Some(&body), ANSWER)?;
    match answer.status {
        200..300 => Ok(answer.body),
        _ => Err(client.refused(&answer)),
    }
}

/// A fault of the file waits there, switched off, for somebody to name it.
fn switch_on(client: &Client, name: &str, lease: Option<&str>) -> Result<Value, Failure> {
    let path = format!("/v1/faults/{}", escaped(name));
    let mut patch = json!({ "enabled": true });
    if let Some(lease) = lease {
        patch["lease"] = lease.into();
    }
    let answer = client.call(Method::PATCH, &path, Some(&patch), ANSWER)?;
    match answer.status {
        200..300 => Ok(answer.body),
        404 => Err(not_there(client, name, &client.refused(&answer))),
        _ => Err(client.refused(&answer)),
    }
}

/// One word may have been meant as a proxy.
fn not_there(client: &Client, name: &str, failure: &Failure) -> Failure {
    let proxies = client.ask(Method::GET, "/v1/proxies", None).unwrap_or_default();
    let is_proxy = proxies.as_array().is_some_and(|proxies| proxies.iter().any(|proxy| proxy["name"] == name));
    match is_proxy {
        true => Failure::usage(format!("error: what is to go wrong on `{name}`?\nhelp: say it as `faultwire inject {name} latency=2s`")),
        false => Failure::usage(failure.text.clone()),
    }
}

fn lease(lasts: Option<&str>) -> Result<Option<String>, Failure> {
    match lasts {
        None => Ok(None),
        Some("ever") => Ok(Some("none".to_owned())),
        Some(text) if Span::parse(text).is_some_and(|span| span > Span::ZERO) => Ok(Some(text.to_owned())),
        Some(text) => Err(Failure::usage(format!("error: `{text}` is not a length of time\nhelp: write `--for 30s`, or `--for ever`"))),
    }
}

fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "-_.@:".contains(c));
    if plain { name.to_owned() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long() {
        assert_eq!(lease(None), Ok(None));
        assert_eq!(lease(Some("ever")), Ok(Some("none".into())));
        assert_eq!(lease(Some("30s")), Ok(Some("30s".into())));
        for text in ["30", "", "0s", "-1s", "forever"] {
            assert!(lease(Some(text)).is_err(), "{text}");
        }
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
