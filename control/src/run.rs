//! `faultwire run`: a command with faults between it and its dependencies. It owns the order of things: proxies, faults, command,
//! heal, verdict. What a fault came to is judged in `verdict`, the command is led in `command`.

mod command;
mod verdict;
pub mod wrap;

use crate::{
    config::{Config, Origin, address, environment, link_of},
    engine::{Engine, Settings},
    exit::{Exit, Failure},
    say::Say,
};
pub use command::resets_sent;

use command::Ended;
use faultwire_faults::{dice::Seed, fault::Fault, plan::Owner, protocol::Protocol, units::Span};
use faultwire_proxy::{
    dial::Upstream,
    proxies::{FaultView, Heal, ProxyView},
};
use faultwire_scenarios::{
    library,
    link::{Listen, ProxySpec},
    render,
    scenario::{self, NOWHERE},
    sources::Sources,
    words::Words,
};
use serde_json::json;
use std::{ffi::OsString, path::PathBuf, time::Duration};
use verdict::Finding;
use wrap::{WrapError, Wrapped};

/// How long connections that outlive the command may take to finish.
const GRACE: Duration = Duration::from_millis(500);

/// What is wanted, as the command line says it.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub files: Vec<PathBuf>,
    /// `[NAME=]VAR` or `auto`.
    pub wrap: Vec<String>,
    /// Faults in words, or names of faults in the files.
    pub inject: Vec<String>,
    pub seed: Option<u64>,
    pub timeout: Option<Span>,
    pub allow_inconclusive: bool,
    pub journal: Option<PathBuf>,
    /// The host to listen on where none is written.
    pub bind: String,
    pub command: Vec<OsString>,
}

/// A variable of the command that is led through a proxy.
struct Lead {
    variable: String,
    wrapped: Wrapped,
    proxy: String,
}

pub fn main(wanted: &Wanted, say: &Say) -> Result<Exit, Failure> {
    let mut leads = leads(&wanted.wrap, &environment, &mut std::env::vars())?;
    let mut config = read(wanted, &mut leads, say)?;
    let injected = injected(&wanted.inject, &config.specs, &mut config.faults, say)?;
    if config.links.is_empty() {
        return Err(Failure::usage(
            "error: there is nothing to stand in front of\nhelp: name a scenario file, or a variable that holds an address: --wrap REDIS_URL",
        ));
    }
    let seed = Seed(wanted.seed.or(config.seed).unwrap_or_else(crate::seed::fresh));
    let specs = config.specs.clone();
    let api = Some(address("127.0.0.1", 0).map_err(Failure::usage)?);
    let settings = Settings { api, journal: wanted.journal.clone(), bind: wanted.bind.clone(), ..Settings::new(seed, config) };
    let engine = Engine::start(settings)?;
    let run = Run { wanted, say, seed, leads, specs };
    let outcome = run.play(&engine, injected);
    engine.stop(GRACE);
    let (ended, there, findings) = outcome?;
    Ok(run.conclude(&ended, &there, &findings))
}

struct Run<'a> {
    wanted: &'a Wanted,
    say: &'a Say,
    seed: Seed,
    leads: Vec<Lead>,
    specs: Vec<ProxySpec>,
}

impl Run<'_> {
    /// Puts the faults in force, runs the command, heals, and looks at what has happened.
    fn play(&self, engine: &Engine, injected: Vec<Fault>) -> Result<(Ended, Vec<ProxyView>, Vec<Finding>), Failure> {
        engine.block_on(async {
            let proxies = engine.proxies();
            let set = proxies.set_layer(Owner::Run, injected).await;
            set.map_err(|error| Failure::usage(format!("error: {error}")))?;
            let there = proxies.proxies().await;
            self.introduce(&there, &proxies.faults().await);
            let resets = command::resets_sent();
            let environment = self.environment(&there, engine);
            let timeout = self.wanted.timeout.map(Span::duration);
            let ended = command::run(&self.wanted.command, environment, timeout).await;
            // What was done is counted before it is healed; healing comes before anything else that could fail.
            let (faults, there) = (proxies.faults().await, proxies.proxies().await);
            proxies.heal(&Heal::default()).await;
            let resets = resets.zip(command::resets_sent()).map(|(before, after)| after.saturating_sub(before));
            let findings = verdict::findings(&faults, &there, resets);
            Ok((ended?, there, findings))
        })
    }

    fn introduce(&self, proxies: &[ProxyView], faults: &[FaultView]) {
        let mut lead = "faultwire";
        for proxy in proxies {
            let variables: Vec<&str> = self.variables_of(&proxy.link.name).collect();
            let variables = if variables.is_empty() { String::new() } else { format!("  ({})", variables.join(", ")) };
            self.say.talk(format!("{lead:<9}  {}  {} -> {}{variables}", proxy.link.name, proxy.address, proxy.link.leads_to()));
            lead = "";
            for fault in faults.iter().filter(|fault| fault.proxies.contains(&proxy.link.name)) {
                let off = if fault.fault.enabled { "" } else { "  (off)" };
                self.say.talk(format!("           {}: {}{off}", fault.name, fault.describe()));
            }
        }
        let mut schemes: Vec<&str> =
            self.leads.iter().filter(|lead| spoken(lead).is_none()).filter_map(|lead| lead.wrapped.scheme.as_deref()).collect();
        schemes.dedup();
        if !schemes.is_empty() {
            self.say.talk(format!("           {} is carried as bytes: faults count connections", schemes.join(", ")));
        }
        for foreign in self.leads.iter().filter(|lead| lead.wrapped.scheme.as_deref().is_some_and(wants_tls)) {
            self.say.talk(format!(
                "           {} speaks TLS: it is carried as bytes, and its certificate is for {}, not for 127.0.0.1",
                foreign.proxy, foreign.wrapped.upstream.0
            ));
        }
    }

    fn variables_of<'b>(&'b self, proxy: &'b str) -> impl Iterator<Item = &'b str> + 'b {
        let own = self.specs.iter().filter(move |spec| spec.name == proxy).flat_map(|spec| spec.env.iter().map(String::as_str));
        self.leads.iter().filter(move |lead| lead.proxy == proxy).map(|lead| lead.variable.as_str()).chain(own)
    }

    /// What the command finds in its environment besides what was there.
    fn environment(&self, proxies: &[ProxyView], engine: &Engine) -> Vec<(String, String)> {
        let mut variables = vec![("FAULTWIRE_SEED".to_owned(), self.seed.0.to_string())];
        if let Some(api) = engine.api {
            variables.push(("FAULTWIRE_URL".to_owned(), format!("http://{api}")));
        }
        for proxy in proxies {
            let name = proxy.link.name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            let (host, port) = (proxy.address.ip().to_string(), proxy.address.port());
            let scheme = self.leads.iter().find(|lead| lead.proxy == proxy.link.name).and_then(|lead| lead.wrapped.scheme.clone());
            variables.push((format!("FAULTWIRE_{name}_ADDR"), proxy.address.to_string()));
            variables.push((format!("FAULTWIRE_{name}_HOST"), host.clone()));
            variables.push((format!("FAULTWIRE_{name}_PORT"), port.to_string()));
            variables.push((format!("FAULTWIRE_{name}_URL"), format!("{}://{}", scheme.as_deref().unwrap_or("tcp"), proxy.address)));
            for lead in self.leads.iter().filter(|lead| lead.proxy == proxy.link.name) {
                variables.push((lead.variable.clone(), lead.wrapped.with(&host, port)));
            }
            for variable in self.specs.iter().filter(|spec| spec.name == proxy.link.name).flat_map(|spec| &spec.env) {
                let value = std::env::var(variable).ok().and_then(|text| Wrapped::find(&text).ok());
                variables.push((variable.clone(), value.map_or_else(|| proxy.address.to_string(), |wrapped| wrapped.with(&host, port))));
            }
        }
        variables
    }

    /// Says what came of it, and which code that is.
    fn conclude(&self, ended: &Ended, there: &[ProxyView], findings: &[Finding]) -> Exit {
        self.say.talk("");
        let width = findings.iter().map(|finding| finding.name.len() + finding.what.len() + 2).max().unwrap_or(0);
        let mut lead = "faultwire";
        for finding in findings {
            let fault = format!("{}: {}", finding.name, finding.what);
            self.say.talk(format!("{lead:<9}  {fault:<width$}   {}", finding.said));
            lead = "";
        }
        let doubts: Vec<&Finding> = findings.iter().filter(|finding| finding.doubt.is_some()).collect();
        for finding in &doubts {
            let doubt = finding.doubt.as_deref().unwrap_or_default();
            self.say.talk(format!("{lead:<9}  inconclusive: {doubt}"));
            lead = "";
            self.say.talk(format!("           `{}` was never hit, so this run says nothing about it.", finding.name));
        }
        if !doubts.is_empty() {
            for lead in &self.leads {
                let address =
                    there.iter().find(|proxy| proxy.link.name == lead.proxy).map_or_else(String::new, |proxy| proxy.address.to_string());
                self.say.talk(format!("           Does the command read {}? It led to {address}.", lead.variable));
            }
            if !self.wanted.allow_inconclusive {
                self.say.talk("           To accept this: --allow-inconclusive");
            }
        }
        self.say.talk(format!("{lead:<9}  again  {}", self.again()));
        match ended.exit() {
            Exit::Held if !doubts.is_empty() && !self.wanted.allow_inconclusive => Exit::Inconclusive,
            exit => exit,
        }
    }

    /// The command line that repeats this run, dice included.
    fn again(&self) -> String {
        let mut words = vec!["faultwire".to_owned(), "run".to_owned(), "--seed".to_owned(), self.seed.0.to_string()];
        words.extend(self.wanted.wrap.iter().flat_map(|wrap| ["--wrap".to_owned(), quoted(wrap)]));
        words.extend(self.wanted.inject.iter().flat_map(|fault| ["--inject".to_owned(), quoted(fault)]));
        words.extend(self.wanted.files.iter().map(|file| quoted(&file.display().to_string())));
        words.push("--".to_owned());
        words.extend(self.wanted.command.iter().map(|word| quoted(&word.to_string_lossy())));
        words.join(" ")
    }
}

/// What a wrapped address says that it speaks, if this version looks into that.
fn spoken(lead: &Lead) -> Option<Protocol> {
    let speech = Protocol::of_scheme(lead.wrapped.scheme.as_deref()?)?;
    (speech.since.built && !speech.tls).then_some(speech.protocol)
}

fn wants_tls(scheme: &str) -> bool {
    matches!(scheme, "https" | "rediss" | "amqps" | "grpcs")
}

/// As a shell would read it back.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// The variables to lead through proxies.
fn leads(
    wrap: &[String],
    variable: &dyn Fn(&str) -> Option<String>,
    all: &mut dyn Iterator<Item = (String, String)>,
) -> Result<Vec<Lead>, Failure> {
    let mut leads: Vec<Lead> = Vec::new();
    for word in wrap.iter().filter(|word| *word != "auto") {
        let (name, variable_name) = word.split_once('=').map_or((None, word.as_str()), |(name, rest)| (Some(name), rest));
        let Some(text) = variable(variable_name) else {
            return Err(Failure::usage(format!(
                "error: {variable_name} is not set, so there is no address to wrap\nhelp: set it as the command would find it: {variable_name}=redis://localhost:6379 faultwire run …"
            )));
        };
        let wrapped = Wrapped::find(&text).map_err(|error| unwrappable(variable_name, &text, &error))?;
        let proxy = name.map_or_else(|| wrap::name_of(variable_name), str::to_owned);
        if !faultwire_scenarios::link::is_name(&proxy) {
            return Err(Failure::usage(format!("error: `{proxy}` cannot name a proxy: letters, digits, `.`, `_` and `-`")));
        }
        add(&mut leads, Lead { variable: variable_name.to_owned(), wrapped, proxy })?;
    }
    if wrap.iter().any(|word| word == "auto") {
        let mut found: Vec<(String, String)> =
            all.filter(|(name, text)| !name.starts_with("FAULTWIRE_") && Wrapped::is_obvious(text)).collect();
        found.sort();
        for (variable, text) in found {
            if leads.iter().any(|lead| lead.variable == variable) {
                continue;
            }
            let wrapped = Wrapped::find(&text).map_err(|error| unwrappable(&variable, &text, &error))?;
            let proxy = wrap::name_of(&variable);
            // Two variables that hold one address share its proxy.
            if faultwire_scenarios::link::is_name(&proxy)
                && leads.iter().all(|lead| lead.proxy != proxy || lead.wrapped.upstream == wrapped.upstream)
            {
                leads.push(Lead { variable, wrapped, proxy });
            }
        }
        if leads.is_empty() {
            return Err(Failure::usage("error: no variable holds an address\nhelp: name the one to wrap: --wrap REDIS_URL"));
        }
    }
    Ok(leads)
}

fn add(leads: &mut Vec<Lead>, lead: Lead) -> Result<(), Failure> {
    if let Some(other) = leads.iter().find(|other| other.proxy == lead.proxy && other.wrapped.upstream != lead.wrapped.upstream) {
        return Err(Failure::usage(format!(
            "error: {} and {} would both be called `{}`\nhelp: name one of them: --wrap other={}",
            other.variable, lead.variable, lead.proxy, lead.variable
        )));
    }
    leads.push(lead);
    Ok(())
}

fn unwrappable(variable: &str, text: &str, error: &WrapError) -> Failure {
    // The value may hold a password: only its shape is told.
    let shape = if text.is_empty() { "it is empty".to_owned() } else { error.to_string() };
    Failure::usage(format!("error: {variable} cannot be wrapped: {shape}"))
}

/// The files, and a proxy for each wrapped variable that no proxy of the files stands for. The proxy of a ready scenario stands for
/// the wrapped address, on any free port.
fn read(wanted: &Wanted, leads: &mut [Lead], say: &Say) -> Result<Config, Failure> {
    let origin = Origin { paths: wanted.files.clone(), bind: wanted.bind.clone() };
    let ready = match origin.ready().next() {
        Some(name) if !leads.is_empty() => Some(stand_for(name, leads)?),
        _ => None,
    };
    let env = |name: &str| match (&ready, name) {
        (Some(upstream), library::UPSTREAM) => Some(upstream.clone()),
        (Some(_), library::LISTEN) => environment(name).or_else(|| Some("0".to_owned())),
        _ => environment(name),
    };
    let mut specs: Vec<ProxySpec> = Vec::new();
    for lead in leads.iter().filter(|lead| ready.is_none() || lead.proxy != library::PROXY) {
        if !specs.iter().any(|spec| spec.name == lead.proxy) {
            specs.push(spec_of(lead));
        }
    }
    let mut config = origin.load_beside(say.colored(), &specs, &env)?;
    if !config.warnings.is_empty() {
        say.talk(&config.warnings);
    }
    for spec in specs {
        config.links.push(link_of(&spec)?);
        config.specs.push(spec);
    }
    Ok(config)
}

/// Leads the wrapped variable through the proxy of a ready scenario; the address that it stands for. Of several addresses, one is
/// named after that proxy.
fn stand_for(name: &str, leads: &mut [Lead]) -> Result<String, Failure> {
    let only = leads.iter().all(|lead| lead.wrapped.upstream == leads[0].wrapped.upstream);
    if only {
        leads.iter_mut().for_each(|lead| library::PROXY.clone_into(&mut lead.proxy));
    }
    match leads.iter().find(|lead| lead.proxy == library::PROXY) {
        Some(lead) => {
            let (host, port) = lead.wrapped.upstream.clone();
            Ok(Upstream { host, port }.to_string())
        }
        None => Err(Failure::usage(format!(
            "error: {name} stands in front of one address, and there are {} to wrap\nhelp: say which: --wrap {}={}",
            leads.len(),
            library::PROXY,
            leads[0].variable
        ))),
    }
}

fn spec_of(lead: &Lead) -> ProxySpec {
    let (host, port) = lead.wrapped.upstream.clone();
    let node = faultwire_faults::node::Node::from_json(&json!(format!("0 -> {}", Upstream { host: host.clone(), port })));
    let plain = faultwire_scenarios::link::read(&lead.proxy, &NOWHERE, &node, "127.0.0.1").unwrap_or_else(|_| {
        let listen = Listen { host: "127.0.0.1".to_owned(), port: 0 };
        ProxySpec::plain(&lead.proxy, listen, faultwire_scenarios::link::Upstream { host, port })
    });
    ProxySpec { speaks: spoken(lead).unwrap_or_default(), ..plain }
}

/// The faults of `--inject`: in words, or the names of faults of the files, which are switched on.
fn injected(words: &[String], specs: &[ProxySpec], declared: &mut [Fault], say: &Say) -> Result<Vec<Fault>, Failure> {
    let mut faults: Vec<Fault> = Vec::new();
    for text in words {
        let mut sources = Sources::default();
        let wrong =
            |complaints: &[_], sources: &Sources| Failure::usage(render::render(complaints, sources, say.colored()).trim_end().to_owned());
        match scenario::inject(text, &mut sources).map_err(|complaints| wrong(&complaints, &sources))? {
            Words::Name(node) => {
                let name = node.text().unwrap_or_default();
                let Some(fault) = declared.iter_mut().find(|fault| fault.name.as_deref() == Some(name)) else {
                    return Err(Failure::usage(format!(
                        "error: no file declares a fault named `{name}`\nhelp: a fault in words is `PROXY KEY=VALUE …`, such as \"redis latency=200ms\""
                    )));
                };
                fault.enabled = true;
            }
            Words::Fault(node) => {
                let taken = |name: &str| {
                    let same = |fault: &Fault| fault.name.as_deref() == Some(name);
                    declared.iter().any(same) || faults.iter().any(same)
                };
                let read =
                    scenario::faults(std::slice::from_ref(&node), specs, &taken).map_err(|complaints| wrong(&complaints, &sources))?;
                faults.extend(read);
            }
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        let known = [("REDIS_URL", "redis://h:1/0"), ("CACHE_URL", "redis://h:2/0"), ("EMPTY", ""), ("SECRET", "pass:word@x")];
        known.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
    }

    fn found(wrap: &[&str]) -> Result<Vec<(String, String)>, String> {
        let wrap: Vec<String> = wrap.iter().map(|word| (*word).to_owned()).collect();
        let all = vec![("CACHE_URL".to_owned(), "redis://h:2/0".to_owned()), ("HOME".to_owned(), "/root".to_owned())];
        leads(&wrap, &environment, &mut all.into_iter())
            .map(|leads| leads.into_iter().map(|lead| (lead.variable, lead.proxy)).collect())
            .map_err(|failure| failure.text)
    }

    #[test]
    fn variables_are_led_through_proxies_of_their_names() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(found(&["REDIS_URL"]), Ok(vec![pair("REDIS_URL", "redis")]));
        assert_eq!(found(&["store=REDIS_URL", "auto"]), Ok(vec![pair("REDIS_URL", "store"), pair("CACHE_URL", "cache")]));
    }

    #[test]
    fn a_ready_scenario_stands_for_the_wrapped_address() {
        let stand = |wrap: &[&str]| {
            let wrap: Vec<String> = wrap.iter().map(|word| (*word).to_owned()).collect();
            let mut leads = leads(&wrap, &environment, &mut std::iter::empty()).unwrap();
            let upstream = stand_for("cable-cut", &mut leads).map_err(|failure| failure.text);
            (upstream, leads.into_iter().map(|lead| lead.proxy).collect::<Vec<_>>())
        };
        assert_eq!(stand(&["REDIS_URL"]), (Ok("h:1".to_owned()), vec!["upstream".to_owned()]));
        assert_eq!(stand(&["REDIS_URL", "upstream=CACHE_URL"]), (Ok("h:2".to_owned()), vec!["redis".to_owned(), "upstream".to_owned()]));
        let unsaid = stand(&["REDIS_URL", "CACHE_URL"]).0.unwrap_err();
        assert!(unsaid.contains("cable-cut stands in front of one address") && unsaid.contains("--wrap upstream=REDIS_URL"), "{unsaid}");
    }

    #[test]
    fn what_cannot_be_wrapped_is_told_without_its_value() {
        assert!(found(&["NOPE"]).unwrap_err().contains("NOPE is not set"));
        assert!(found(&["EMPTY"]).unwrap_err().contains("it is empty"));
        let secret = found(&["SECRET"]).unwrap_err();
        assert!(!secret.contains("word"), "{secret}");
        assert!(found(&["x=REDIS_URL", "x=CACHE_URL"]).unwrap_err().contains("both be called"));
        assert!(found(&["a b=REDIS_URL"]).unwrap_err().contains("cannot name"));
    }

    #[test]
    fn the_line_that_repeats_a_run_is_read_back_by_a_shell() {
        assert_eq!(quoted("redis latency=2s"), "'redis latency=2s'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("a-b/c"), "a-b/c");
    }
}
