//! Proxies, one by one and many at a time: shown, made, changed, started, stopped, removed; and everything as it was.

use super::{
    Refusal, Said,
    address::{self, Listen},
    decode::Json,
    done,
    json::{Fields, kind, quoted},
    known, nothing, read, strict,
    toxic::{self, Toxic},
    toxics,
};
use crate::control::Control;
use axum::{body::Body, http::StatusCode, response::Response};
use faultwire_faults::{plan::Owner, protocol::Protocol};
use faultwire_proxy::{
    dial::Upstream,
    proxies::{FaultView, Heal, Link, ProxyError, ProxyView},
};
use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
};

/// What is said of a proxy.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub name: String,
    pub listen: String,
    pub upstream: String,
    pub enabled: bool,
    pub toxics: Vec<Toxic>,
}

pub async fn list(control: &Control) -> Said {
    let faults = control.proxies.faults().await;
    let proxies = control.proxies.proxies().await;
    let entries: Vec<String> = proxies.iter().map(|proxy| format!("{}:{}", quoted(&proxy.link.name), shown(proxy, &faults))).collect();
    Ok(done(StatusCode::OK, format!("{{{}}}", entries.join(","))))
}

pub async fn one(control: &Control, name: &str) -> Said {
    show(control, StatusCode::OK, name).await
}

pub async fn create(control: &Control, said: &Json) -> Said {
    let mut fields = Fields::of(said, "toxiproxy.", "Proxy").map_err(|why| Refusal::body(&why))?;
    let wanted = Wanted::read(&mut fields)?;
    wanted.check("")?;
    let wanted = Wanted { toxics: toxics_in(&fields, control.manners.strict)?, ..wanted };
    if control.manners.strict {
        strict::proxy(said)?;
    }
    let listen = address::resolve(&wanted.listen).await;
    let _turn = control.turn().await;
    if control.proxies.proxy(&wanted.name).await.is_some() {
        return Err(Refusal::new(409, "proxy already exists"));
    }
    make(control, &wanted, listen).await?;
    show(control, StatusCode::CREATED, &wanted.name).await
}

/// Where it listens, where it leads, whether it is on. Another place or upstream stops it first, and it starts anew.
pub async fn update(control: &Control, name: &str, body: Body) -> Said {
    let there = known(control, name).await?;
    let said = read(control, body).await?;
    let mut fields = Fields::of(&said, "toxiproxy.", "Proxy").map_err(|why| Refusal::body(&why))?;
    let wanted = Wanted::over(&there, &mut fields)?;
    let listen = address::resolve(&wanted.listen).await.map_err(|why| Refusal::new(500, why))?;
    let _turn = control.turn().await;
    let there = known(control, name).await?;
    if control.manners.strict {
        strict::change(&said, &there, &toxics::of_proxy(control, name).await)?;
    }
    if is_same(&there, &listen, &wanted.upstream) {
        match (there.link.enabled, wanted.enabled) {
            (true, false) => stop(control, &there).await,
            (false, true) => start(control, &there.link, &listen).await?,
            // Nothing is lost, so it is shown as it is written now.
            (false, false) if listen.said != there.listen() => lay_down(control, there.link, wanted.listen).await,
            (true, true) | (false, false) => {}
        }
        return show(control, StatusCode::OK, name).await;
    }
    let link = Link { upstream: Upstream::verbatim(&wanted.upstream), ..there.link };
    lay_down(control, Link { listen: listen.address, ..link.clone() }, wanted.listen).await;
    if wanted.enabled {
        start(control, &link, &listen).await?;
    }
    show(control, StatusCode::OK, name).await
}

pub async fn delete(control: &Control, name: &str) -> Said {
    let _turn = control.turn().await;
    known(control, name).await?;
    let own = crate::api::proxies::own_faults(control, name).await;
    control.proxies.remove_proxy(name).await;
    for fault in own {
        control.proxies.heal(&Heal { name: Some(fault.name), ..Heal::default() }).await;
    }
    Ok(nothing())
}

/// Everything that came through an API is healed, and every proxy is on. One that cannot be does not hold up the others.
pub async fn reset(control: &Control) -> Said {
    let _turn = control.turn().await;
    control.heal(&Heal { owner: Some(Owner::Api), ..Heal::default() }).await;
    let mut outcome = Ok(nothing());
    for proxy in control.proxies.proxies().await.into_iter().filter(|proxy| !proxy.link.enabled) {
        let started = match address::resolve(&proxy.listen()).await {
            Ok(listen) => start(control, &proxy.link, &listen).await,
            Err(why) => Err(Refusal::new(500, format!("listen tcp: {why}"))),
        };
        if let (Err(refusal), Ok(_)) = (started, &outcome) {
            outcome = Err(refusal);
        }
    }
    outcome
}

pub async fn populate(control: &Control, said: &Json) -> Said {
    let mut names = Vec::new();
    let outcome = populate_from(control, said, &mut names).await;
    let faults = control.proxies.faults().await;
    let mut proxies = Vec::new();
    for name in &names {
        proxies.extend(control.proxies.proxy(name).await.map(|proxy| shown(&proxy, &faults)));
    }
    let list = if proxies.is_empty() { "null".to_owned() } else { format!("[{}]", proxies.join(",")) };
    match outcome {
        Ok(()) => Ok(done(StatusCode::CREATED, format!("{{\"proxies\":{list}}}"))),
        Err(refusal) => Ok(refused(&refusal, &list)),
    }
}

/// A refusal with what has been done before it.
pub fn refused(refusal: &Refusal, proxies: &str) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    done(status, format!("{{{},\"proxies\":{proxies}}}", refusal.inside()))
}

/// Makes those that are not there as they are said, in their order, up to the first that cannot be made. `names`: of those that are there.
pub async fn populate_from(control: &Control, said: &Json, names: &mut Vec<String>) -> Result<(), Refusal> {
    for (wanted, said) in wanted_of(said, control.manners.strict)? {
        let listen = address::resolve(&wanted.listen).await;
        let _turn = control.turn().await;
        if let Some(there) = control.proxies.proxy(&wanted.name).await {
            let place = listen.clone().map_err(|why| Refusal::new(500, why))?;
            if is_same(&there, &place, &wanted.upstream) {
                if control.manners.strict {
                    strict::left_alone(said, &there, &toxics::of_proxy(control, &wanted.name).await)?;
                }
                names.push(wanted.name);
                continue;
            }
            let text = there.listen();
            lay_down(control, Link { listen: there.address, ..there.link }, text).await;
        }
        let made = make(control, &wanted, listen).await;
        made?;
        names.push(wanted.name);
    }
    Ok(())
}

/// The entries of a list, or of a listing by name, every one of which makes sense and has a name of its own.
pub fn entries(said: Json) -> Result<Vec<Wanted>, Refusal> {
    let said = match said {
        Json::Object(listing) => Json::List(listing.into_iter().map(|(_, entry)| entry).collect()),
        other => other,
    };
    let wanted: Vec<Wanted> = wanted_of(&said, true)?.into_iter().map(|(wanted, _)| wanted).collect();
    let twice = wanted.iter().enumerate().find(|(at, entry)| wanted[..*at].iter().any(|other| other.name == entry.name));
    match twice {
        Some((_, entry)) => Err(Refusal::new(400, format!("{} is there twice", entry.name))),
        None => Ok(wanted),
    }
}

/// All entries and what was said of each, or what is wrong with the first that cannot be taken.
fn wanted_of(said: &Json, is_strict: bool) -> Result<Vec<(Wanted, &Json)>, Refusal> {
    let entries = match said {
        Json::Null => return Ok(Vec::new()),
        Json::List(entries) => entries,
        other => {
            let go_type = r#"[]struct { toxiproxy.Proxy; Enabled *bool "json:\"enabled\"" }"#;
            return Err(Refusal::body(&format!("json: cannot unmarshal {} into Go value of type {go_type}", kind(other))));
        }
    };
    let package = r#"struct { toxiproxy.Proxy; Enabled *bool "json:\"enabled\"" }"#;
    let mut fields: Vec<Fields<'_>> =
        entries.iter().map(|entry| Fields::of(entry, package, "")).collect::<Result<_, String>>().map_err(|why| Refusal::body(&why))?;
    let mut wanted = fields.iter_mut().map(Wanted::read).collect::<Result<Vec<Wanted>, Refusal>>()?;
    for (at, entry) in wanted.iter().enumerate() {
        entry.check(&format!(" at proxy {}", at + 1))?;
    }
    for (entry, fields) in wanted.iter_mut().zip(&fields) {
        entry.toxics = toxics_in(fields, is_strict)?;
    }
    if is_strict {
        entries.iter().try_for_each(strict::proxy)?;
    }
    Ok(wanted.into_iter().zip(entries).collect())
}

impl Wanted {
    fn read(fields: &mut Fields<'_>) -> Result<Wanted, Refusal> {
        let wanted = Wanted {
            name: fields.text("name").unwrap_or_default(),
            listen: fields.text("listen").unwrap_or_default(),
            upstream: fields.text("upstream").unwrap_or_default(),
            enabled: fields.flag("enabled").unwrap_or(true),
            toxics: Vec::new(),
        };
        fields.check().map_err(|why| Refusal::body(&why))?;
        Ok(wanted)
    }

    /// What is not said is as it is. A name is not changed, and toxics are left alone.
    fn over(there: &ProxyView, fields: &mut Fields<'_>) -> Result<Wanted, Refusal> {
        fields.text("name");
        let wanted = Wanted {
            name: there.link.name.clone(),
            listen: fields.text("listen").unwrap_or_else(|| there.listen()),
            upstream: fields.text("upstream").unwrap_or_else(|| there.link.upstream.to_string()),
            enabled: fields.flag("enabled").unwrap_or(there.link.enabled),
            toxics: Vec::new(),
        };
        fields.check().map_err(|why| Refusal::body(&why))?;
        Ok(wanted)
    }

    fn check(&self, place: &str) -> Result<(), Refusal> {
        let missing = |what: &str| Err(Refusal::new(400, format!("missing required field: {what}{place}")));
        match (self.name.is_empty(), self.upstream.is_empty()) {
            (true, _) => missing("name"),
            (false, true) => missing("upstream"),
            (false, false) => Ok(()),
        }
    }
}

/// The toxics that a new proxy is to have from its first byte.
fn toxics_in(fields: &Fields<'_>, is_strict: bool) -> Result<Vec<Toxic>, Refusal> {
    let said = match fields.all("toxics").last() {
        None => return Ok(Vec::new()),
        Some((_, Json::List(said))) => said,
        Some((_, other)) => {
            let why = format!("json: cannot unmarshal {} into Go struct field Proxy.toxics of type []toxics.ToxicWrapper", kind(other));
            return Err(Refusal::body(&why));
        }
    };
    let mut toxics: Vec<Toxic> = Vec::new();
    for said in said {
        let toxic = Toxic::read(said, |name| toxics.iter().any(|other| other.name == name))?;
        if is_strict {
            strict::toxic(said, &toxic)?;
        }
        toxics.push(toxic);
    }
    Ok(toxics)
}

/// Makes a proxy in the place of whatever had its name.
async fn make(control: &Control, wanted: &Wanted, listen: Result<Listen, String>) -> Result<(), Refusal> {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let (listen, said) = match listen {
        Ok(listen) => (listen.address, listen.said),
        Err(why) if wanted.enabled => return Err(Refusal::new(500, format!("listen tcp: {why}"))),
        // Whether it is an address shows when it is started.
        Err(_) => (nowhere, String::new()),
    };
    let link = Link {
        name: wanted.name.clone(),
        listen,
        upstream: Upstream::verbatim(&wanted.upstream),
        speaks: Protocol::Tcp,
        from: None,
        to: None,
        enabled: wanted.enabled,
        asleep: (!wanted.enabled).then(|| wanted.listen.clone()),
    };
    let faults = wanted.toxics.iter().map(|toxic| (toxic.fault_name(&wanted.name), toxic.fault(&wanted.name))).collect();
    control.proxies.make_proxy(link, faults).await.map_err(|error| refusal_of(&error, &said))?;
    wanted.toxics.iter().for_each(|toxic| toxics::mention(control, &wanted.name, toxic));
    Ok(())
}

async fn start(control: &Control, link: &Link, listen: &Listen) -> Result<(), Refusal> {
    let link = Link { listen: listen.address, enabled: true, asleep: None, ..link.clone() };
    control.proxies.put_proxy(link).await.map(drop).map_err(|error| refusal_of(&error, &listen.said))
}

/// Refuses from now on, and ends the connections that there are. The port is kept.
async fn stop(control: &Control, there: &ProxyView) {
    // Nothing is bound, so nothing can fail.
    control.proxies.put_proxy(Link { enabled: false, ..there.link.clone() }).await.ok();
    control.proxies.cut(&there.link.name).await;
}

/// Stops it, and gives up its port.
async fn lay_down(control: &Control, link: Link, listen: String) {
    // Nothing is bound, so nothing can fail.
    control.proxies.put_proxy(Link { enabled: false, asleep: Some(listen), ..link }).await.ok();
}

fn is_same(there: &ProxyView, listen: &Listen, upstream: &str) -> bool {
    there.address == listen.address && there.link.upstream.to_string() == upstream
}

async fn show(control: &Control, status: StatusCode, name: &str) -> Said {
    let proxy = known(control, name).await?;
    Ok(done(status, shown(&proxy, &control.proxies.faults().await)))
}

fn shown(proxy: &ProxyView, faults: &[FaultView]) -> String {
    format!(
        "{{\"name\":{},\"listen\":{},\"upstream\":{},\"enabled\":{},\"toxics\":{}}}",
        quoted(&proxy.link.name),
        quoted(&proxy.listen()),
        quoted(&proxy.link.upstream.to_string()),
        proxy.link.enabled,
        toxics::listed(&toxic::of_proxy(faults, &proxy.link.name)),
    )
}

/// In Go's words.
fn refusal_of(error: &ProxyError, said: &str) -> Refusal {
    match error {
        ProxyError::Listen { why, .. } => {
            let why = match why.kind() {
                ErrorKind::AddrInUse => "bind: address already in use".to_owned(),
                ErrorKind::AddrNotAvailable => "bind: cannot assign requested address".to_owned(),
                ErrorKind::PermissionDenied => "bind: permission denied".to_owned(),
                _ => crate::say::plain(why),
            };
            Refusal::new(500, format!("listen tcp {said}: {why}"))
        }
        ProxyError::Loop { .. } | ProxyError::Misfit(_) => Refusal::new(400, error.to_string()),
    }
}
