//! What the commands of `toxiproxy-cli` do, and what they say: plain lines for programs, headings and colours on a terminal.

use super::{
    super::flags::Given,
    grammar::{ATTRIBUTE, LISTEN, TO_CLIENT, TO_SERVER, TOXIC, TOXICITY, TYPE, UPSTREAM},
    objects::{self, Proxy, Toxic, attributes_json, printed, toxicity_json, whole},
    remote::{Remote, path, toxic_path},
};
use serde_json::{Number, Value};
use std::{collections::BTreeMap, fmt::Write};

/// A command that has been called.
pub struct Call {
    pub given: Given,
    pub remote: Remote,
    pub json: bool,
    /// People read what it says.
    pub terminal: bool,
    /// Its own help, for those who have left something out.
    pub help: String,
}

/// What goes to stdout, if it can be done.
pub type Done = Result<String, Refused>;

/// Why it is not done. Each text goes where Toxiproxy's own puts it.
pub struct Refused {
    pub out: String,
    pub err: String,
    pub code: u8,
}

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const BLUE: &str = "\x1b[34m";
const PURPLE: &str = "\x1b[35m";
const NONE: &str = "\x1b[0m";

pub fn list(call: &Call) -> Done {
    let failed = |why: String| Refused::because(format!("Failed to retrieve proxies: {why}"));
    let body = call.remote.get("/proxies").map_err(failed)?;
    if call.json {
        return as_it_came(&body).map_err(failed);
    }
    let proxies = whole(&body).and_then(|said| objects::proxies(&said)).map_err(failed)?;
    let mut out = String::new();
    if call.terminal {
        out += &format!("{GREEN}Name\t\t\t{BLUE}Listen\t\t{YELLOW}Upstream\t\t{PURPLE}Enabled\t\t{RED}Toxics\n{NONE}");
        out += &format!("{NONE}======================================================================================\n");
        if proxies.is_empty() {
            return Ok(out + &format!("{RED}no proxies\n{NONE}") + &call.hint("create a proxy with `toxiproxy-cli create`"));
        }
    }
    for proxy in proxies.values() {
        let toxics = match proxy.toxics().len() {
            0 if call.terminal => "None".to_owned(),
            n => n.to_string(),
        };
        out += &call.cell(of_enabled(proxy.enabled), &proxy.name, 3);
        out += &call.cell(BLUE, &proxy.listen, 2);
        out += &call.cell(YELLOW, &proxy.upstream, 3);
        out += &call.cell(PURPLE, enabled(proxy.enabled), 2);
        out += &format!("{}{toxics}{}\n", call.color(RED), call.color(NONE));
    }
    Ok(out + &call.hint("inspect toxics with `toxiproxy-cli inspect <proxyName>`"))
}

pub fn inspect(call: &Call) -> Done {
    let name = call.proxy_name()?;
    if call.json {
        let body = call.remote.get(&path(name, ""));
        return body.and_then(|body| as_it_came(&body)).map_err(|why| not_retrieved(name, &why));
    }
    let proxy = call.proxy(name).map_err(|why| not_retrieved(name, &why))?;
    if !call.terminal {
        return Ok(proxy.toxics().iter().map(|toxic| call.line(toxic)).collect());
    }
    let mut out = format!(
        "{PURPLE}Name: {NONE}{}\t{BLUE}Listen: {NONE}{}\t{YELLOW}Upstream: {NONE}{}\n{NONE}{}\n",
        proxy.name,
        proxy.listen,
        proxy.upstream,
        "=".repeat(70)
    );
    if proxy.toxics().is_empty() {
        out += &format!("{RED}Proxy has no toxics enabled.\n{NONE}");
    } else {
        let (up, down): (Vec<&Toxic>, Vec<&Toxic>) = proxy.toxics().iter().partition(|toxic| toxic.is_upstream());
        out += &format!("{}\n{}", call.chain(&up, "Upstream"), call.chain(&down, "Downstream"));
    }
    Ok(out + &call.hint("add a toxic with `toxiproxy-cli toxic add`"))
}

pub fn create(call: &Call) -> Done {
    let name = call.proxy_name()?;
    let listen = call.required(LISTEN.names)?.to_owned();
    let upstream = call.required(UPSTREAM.names)?.to_owned();
    let mut proxy = Proxy { name: name.to_owned(), listen, upstream, enabled: true, toxics: None };
    let body = call.remote.post("/proxies", proxy.json()).map_err(|why| format!("Create: {why}"));
    let made = body.and_then(|body| proxy.take(&whole(&body)?));
    made.map_err(|why| Refused::because(format!("Failed to create proxy: {why}\n")))?;
    Ok(format!("Created new proxy {name}\n"))
}

pub fn toggle(call: &Call) -> Done {
    let name = call.proxy_name()?;
    let mut proxy = call.proxy(name).map_err(|why| not_retrieved(name, &why))?;
    proxy.enabled = !proxy.enabled;
    let body = call.remote.post(&path(&proxy.name, ""), proxy.json());
    let done = body.and_then(|body| proxy.take(&whole(&body)?));
    done.map_err(|why| Refused::because(format!("Failed to toggle proxy {name}: {why}\n")))?;
    let (color, none) = (call.color(of_enabled(proxy.enabled)), call.color(NONE));
    Ok(format!("Proxy {color}{name}{none} is now {color}{}{none}\n", enabled(proxy.enabled)))
}

pub fn delete(call: &Call) -> Done {
    let name = call.proxy_name()?;
    let proxy = call.proxy(name).map_err(|why| not_retrieved(name, &why))?;
    let deleted = call.remote.delete(&path(&proxy.name, ""));
    deleted.map_err(|why| Refused::because(format!("Failed to delete proxy: Delete: {why}\n")))?;
    Ok(format!("Deleted proxy {name}\n"))
}

pub fn add_toxic(call: &Call) -> Done {
    let name = call.toxic_proxy()?;
    let kind = call.required(TYPE.names)?.to_owned();
    let upstream = call.given.is_on(TO_SERVER.names);
    if upstream && call.given.is_on(TO_CLIENT.names) {
        return Err(Refused::because("Only one should be specified: upstream or downstream.\n"));
    }
    let stream = if upstream { "upstream" } else { "downstream" }.to_owned();
    let toxicity = call.toxicity()?.unwrap_or(1.0);
    let toxic = Toxic { name: call.toxic_name(), kind, stream, toxicity, attributes: BTreeMap::new() };
    let proxy = call.proxy(name).map_err(|why| Refused::because(format!("Failed to add toxic: {}\n", unknown(name, &why))))?;
    let added = call.attributes().and_then(|attributes| {
        let toxic = Toxic { attributes, ..toxic };
        let body = call.remote.post(&path(&proxy.name, "/toxics"), toxic.json()).map_err(|why| format!("AddToxic: {why}"))?;
        Toxic::read(&whole(&body)?)
    });
    let added = added.map_err(|why| Refused::because(format!("Failed to add toxic: failed to add toxic to proxy {name}: {why}\n")))?;
    Ok(format!("Added {} {} toxic '{}' on proxy '{name}'\n", added.stream, added.kind, added.name))
}

/// What is not given is not sent: it stays as it is.
pub fn update_toxic(call: &Call) -> Done {
    let (name, toxic) = (call.toxic_proxy()?, call.toxic_name());
    let toxicity = call.toxicity()?.map(|toxicity| format!(",\"toxicity\":{}", toxicity_json(toxicity))).unwrap_or_default();
    let proxy = call.proxy(name).map_err(|why| Refused::because(format!("Failed to update toxic: {}\n", unknown(name, &why))))?;
    let updated = call.attributes().and_then(|attributes| {
        let body = format!("{{\"attributes\":{}{toxicity}}}", attributes_json(&attributes));
        Toxic::read(&whole(&call.remote.patch(&toxic_path(&proxy.name, &toxic), body)?)?)
    });
    let failed = |why| Refused::because(format!("Failed to update toxic: failed to update toxic '{toxic}' of proxy '{name}': {why}\n"));
    Ok(format!("Updated toxic '{}' on proxy '{name}'\n", updated.map_err(failed)?.name))
}

pub fn remove_toxic(call: &Call) -> Done {
    let (name, toxic) = (call.toxic_proxy()?, call.toxic_name());
    let proxy = call.proxy(name).map_err(|why| Refused::because(format!("Failed to remove toxic: {}\n", unknown(name, &why))))?;
    let failed = |why| Refused::because(format!("Failed to remove toxic: failed to remove toxic '{toxic}' from proxy '{name}': {why}\n"));
    call.remote.delete(&toxic_path(&proxy.name, &toxic)).map_err(failed)?;
    Ok(format!("Removed toxic '{toxic}' on proxy '{name}'\n"))
}

impl Refused {
    /// Beyond the line that is ended here, texts end their own: so there is an empty one after most of them.
    pub fn because(why: impl Into<String>) -> Refused {
        Refused { out: String::new(), err: why.into() + "\n", code: 1 }
    }

    fn after(help: &str, why: &str) -> Refused {
        Refused { out: help.to_owned(), ..Refused::because(why) }
    }
}

fn not_retrieved(name: &str, why: &str) -> Refused {
    Refused::because(format!("Failed to retrieve proxy {name}: {why}\n"))
}

fn unknown(name: &str, why: &str) -> String {
    format!("failed to retrieve proxy with name `{name}`: {why}")
}

/// What the server has said, once it is known to be JSON.
fn as_it_came(body: &[u8]) -> Result<String, String> {
    whole(body)?;
    Ok(format!("{}\n", String::from_utf8_lossy(body).trim_end()))
}

fn enabled(enabled: bool) -> &'static str {
    if enabled { "enabled" } else { "disabled" }
}

fn of_enabled(enabled: bool) -> &'static str {
    if enabled { GREEN } else { RED }
}

impl Call {
    fn proxy(&self, name: &str) -> Result<Proxy, String> {
        Proxy::read(&whole(&self.remote.get(&path(name, ""))?)?)
    }

    fn word(&self) -> Option<&str> {
        self.given.words.first().map(String::as_str).filter(|word| !word.is_empty())
    }

    fn proxy_name(&self) -> Result<&str, Refused> {
        self.word().ok_or_else(|| Refused::after(&self.help, "Proxy name is required as the first argument.\n"))
    }

    fn toxic_proxy(&self) -> Result<&str, Refused> {
        self.word().ok_or_else(|| Refused::after(&self.help, "Proxy name is missing.\n"))
    }

    fn toxic_name(&self) -> String {
        self.given.text(TOXIC.names).unwrap_or_default().to_owned()
    }

    fn required(&self, names: &[&str]) -> Result<&str, Refused> {
        let name = names.first().copied().unwrap_or_default();
        let said = self.given.text(names).filter(|said| !said.is_empty());
        said.ok_or_else(|| Refused::after(&self.help, &format!("Required argument '{name}' was empty.\n")))
    }

    fn toxicity(&self) -> Result<Option<f32>, Refused> {
        let Some(said) = self.given.text(TOXICITY.names).filter(|said| !said.is_empty()) else { return Ok(None) };
        let share = said.parse::<f32>().ok().filter(|share| (0.0..=1.0).contains(share));
        share.map(Some).ok_or_else(|| Refused::because("toxicity should be a float between 0 and 1.\n"))
    }

    /// From `key=value`, several of which may stand in one word. What reads as a number is one.
    fn attributes(&self) -> Result<BTreeMap<String, Value>, String> {
        let mut attributes = BTreeMap::new();
        let words = self.given.all(ATTRIBUTE.names).flat_map(|word| word.split(',')).map(str::trim);
        for (key, said) in words.filter_map(|word| word.split_once('=')) {
            attributes.insert(key.to_owned(), attribute(said)?);
        }
        Ok(attributes)
    }

    fn color(&self, color: &'static str) -> &'static str {
        if self.terminal { color } else { "" }
    }

    fn hint(&self, text: &str) -> String {
        if self.terminal { format!("\n{NONE}Hint: {text}\n") } else { String::new() }
    }

    /// A cell as wide as so many tabs, if it fits; for programs, one tab ends it.
    fn cell(&self, color: &'static str, text: &str, tabs: usize) -> String {
        let more = if self.terminal { tabs.saturating_sub(text.len() / 8 + 1) } else { 0 };
        format!("{}{text}{}\t{}", self.color(color), self.color(NONE), "\t".repeat(more))
    }

    /// The toxics of one direction under their heading.
    fn chain(&self, toxics: &[&Toxic], stream: &str) -> String {
        let head = format!("{GREEN}{stream} toxics:\n{NONE}");
        if toxics.is_empty() {
            return head + &format!("{RED}Proxy has no {stream} toxics enabled.\n{NONE}");
        }
        toxics.iter().fold(head, |out, toxic| out + &self.line(toxic))
    }

    fn line(&self, toxic: &Toxic) -> String {
        let mut out = if self.terminal { format!("{BLUE}{}:{NONE}\t", toxic.name) } else { format!("{}\t", toxic.name) };
        write!(out, "type={}\tstream={}\ttoxicity={:.2}\tattributes=[", toxic.kind, toxic.stream, toxic.toxicity).ok();
        for (key, value) in &toxic.attributes {
            write!(out, "\t{key}={}", printed(value)).ok();
        }
        out + "\t]\n"
    }
}

fn attribute(said: &str) -> Result<Value, String> {
    let Ok(real) = said.parse::<f64>() else { return Ok(said.into()) };
    if real.is_infinite() && said.bytes().any(|byte| byte.is_ascii_digit()) {
        // Go does not take for a number what is too large for one.
        return Ok(said.into());
    }
    let sign = if real.is_sign_negative() { '-' } else { '+' };
    let name = if real.is_nan() { "NaN".to_owned() } else { format!("{sign}Inf") };
    Number::from_f64(real).map(Value::Number).ok_or_else(|| format!("json: unsupported value: {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_numbers_where_they_can_be() {
        let json = |said: &str| attribute(said).map(|value| attributes_json(&BTreeMap::from([(String::new(), value)])));
        for (said, want) in [
            ("100", "100"),
            ("1.5", "1.5"),
            ("1e3", "1000"),
            ("+7", "7"),
            ("-5", "-5"),
            ("1e21", "1e+21"),
            ("x", "\"x\""),
            ("1e999", "\"1e999\""),
        ] {
            assert_eq!(json(said), Ok(format!("{{\"\":{want}}}")), "{said}");
        }
        assert_eq!(json("inf"), Err("json: unsupported value: +Inf".into()));
        assert_eq!(json("-Infinity"), Err("json: unsupported value: -Inf".into()));
        assert_eq!(json("nan"), Err("json: unsupported value: NaN".into()));
    }
}
