//! `faultwire import`: a scenario made of Toxiproxy's JSON, which is its configuration file or what `GET /proxies` answers. It reads and
//! writes files; how a toxic is said in our language is known where toxics are.

use crate::{
    api::toxiproxy::{self, Wanted},
    exit::{Exit, Failure},
    say::{Say, count, plain},
};
use faultwire_faults::complaint::Severity;
use faultwire_scenarios::{link, render, scenario};
use serde_json::Value;
use std::{
    collections::HashSet,
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, ErrorKind, Read, Write as _},
    path::Path,
};

/// Room for the text of any file that a person keeps.
const LARGEST: u64 = 16 << 20;

pub fn main(file: &Path, output: Option<&Path>, say: &Say) -> Result<Exit, Failure> {
    let name = if file.as_os_str() == "-" { "the standard input".to_owned() } else { file.display().to_string() };
    let entries =
        toxiproxy::entries(&read(file)?).map_err(|why| wrong(format!("error: {name} is no configuration of Toxiproxy: {why}")))?;
    if entries.is_empty() {
        return Err(wrong(format!("error: there is no proxy in {name}")));
    }
    let text = written(&entries, &name).map_err(|why| wrong(format!("error: {name}: {why}")))?;
    match output {
        None => drop(say.data(text.trim_end())),
        Some(path) => {
            create(path, &text)?;
            let toxics = entries.iter().map(|entry| entry.toxics.len()).sum();
            say.talk(format!("{}: {}, {}", path.display(), count(entries.len(), "proxy"), count(toxics, "fault")));
        }
    }
    check(&text, output, say)
}

/// What was written is looked at as every scenario is: ports taken twice, faults that are never reached.
fn check(text: &str, output: Option<&Path>, say: &Say) -> Result<Exit, Failure> {
    let name = output.map_or_else(|| "the scenario".to_owned(), |path| path.display().to_string());
    let loaded = scenario::load(std::slice::from_ref(&name), &|_| Ok(text.to_owned()), &|_| None, "127.0.0.1");
    if loaded.complaints.is_empty() {
        return Ok(Exit::Held);
    }
    say.talk(render::render(&loaded.complaints, &loaded.sources, say.colored()).trim_end());
    let wrong = loaded.complaints.iter().any(|complaint| complaint.severity() == Severity::Error);
    Ok(if wrong { Exit::Scenario } else { Exit::Held })
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: io::Error| Failure::usage(format!("error: cannot read {}: {}", file.display(), plain(error)));
    let mut bytes = Vec::new();
    let taken = match file.as_os_str() == "-" {
        true => io::stdin().take(LARGEST + 1).read_to_end(&mut bytes),
        false => std::fs::File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)),
    };
    match taken.map_err(unreadable)? as u64 > LARGEST {
        true => Err(wrong(format!("error: {} is larger than {} MiB", file.display(), LARGEST >> 20))),
        false => Ok(bytes),
    }
}

/// A new file; one that is there is somebody's work.
fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let cannot = |error: io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::usage(format!("error: {} is there already, and is left alone", path.display())),
        _ => Failure::new(Exit::CannotWrite, format!("error: cannot write {}: {}", path.display(), plain(error))),
    };
    OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(cannot)
}

/// The whole scenario.
fn written(entries: &[Wanted], origin: &str) -> Result<String, String> {
    let mut proxies = String::new();
    let mut faults = String::new();
    let mut taken = HashSet::new();
    for entry in entries {
        let name = free(&entry.name, link::is_name, &mut taken);
        if name != entry.name {
            writeln!(proxies, "  # in Toxiproxy: {:?}", entry.name).ok();
        }
        let (listen, upstream) = (listen(entry)?, upstream(entry)?);
        match entry.enabled {
            true => writeln!(proxies, "  {name}: {}", scalar(&format!("{listen} -> {upstream}"))).ok(),
            false => writeln!(proxies, "  {name}: {{ listen: {}, upstream: {}, enabled: false }}", scalar(&listen), scalar(&upstream)).ok(),
        };
        for toxic in &entry.toxics {
            let name_of_fault = free(&format!("{name}-{}", toxic.name), link::is_name, &mut taken);
            let words = toxic.words(&name);
            match words.is_empty() {
                true => writeln!(faults, "  # {:?} of {name} changes nothing: {}", toxic.name, toxic.type_name()).ok(),
                false => writeln!(faults, "  - {{ name: {name_of_fault}, proxy: {name}, {} }}", flow(&words)).ok(),
            };
        }
    }
    let mut text = format!("# Made of {origin} by `faultwire import`.\nproxies:\n{proxies}");
    if faults.contains("- {") {
        write!(text, "\nfaults:\n{faults}").ok();
    } else {
        text.push_str(&faults);
    }
    Ok(text)
}

/// Where it listens, with the wildcards of Go written out. What it has not said is any free port.
fn listen(entry: &Wanted) -> Result<String, String> {
    if entry.listen.is_empty() {
        return Ok("0.0.0.0:0".to_owned());
    }
    let Some((host, port)) = entry.listen.rsplit_once(':') else {
        return Err(format!("proxy {:?} listens on {:?}, which names no port", entry.name, entry.listen));
    };
    Ok(format!("{}:{port}", if host.is_empty() { "0.0.0.0" } else { host }))
}

fn upstream(entry: &Wanted) -> Result<String, String> {
    match entry.upstream.rsplit_once(':') {
        Some(("", port)) => Ok(format!("localhost:{port}")),
        Some(_) => Ok(entry.upstream.clone()),
        None => Err(format!("proxy {:?} leads to {:?}, which names no port", entry.name, entry.upstream)),
    }
}

/// A name as our language has them, that nobody else has.
fn free(name: &str, is_name: impl Fn(&str) -> bool, taken: &mut HashSet<String>) -> String {
    let plain: String = name.chars().map(|c| if is_name(&c.to_string()) { c } else { '-' }).take(60).collect();
    let plain = if plain.is_empty() { "proxy".to_owned() } else { plain };
    let numbered = (2..).map(|n| format!("{plain}-{n}"));
    let free = std::iter::once(plain.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(plain);
    taken.insert(free.clone());
    free
}

/// `key: value, key: value`, as it stands between the braces of a flow map.
fn flow(words: &[(String, Value)]) -> String {
    let pair = |(key, value): &(String, Value)| match value {
        Value::Object(inside) => {
            let inside: Vec<(String, Value)> = inside.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            format!("{key}: {{ {} }}", flow(&inside))
        }
        Value::String(text) => format!("{key}: {}", scalar(text)),
        other => format!("{key}: {other}"),
    };
    words.iter().map(pair).collect::<Vec<_>>().join(", ")
}

/// Text that YAML takes for text, also inside a flow map.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '%' | ':' | '>' | ' ' | '$' | '+');
    let safe = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain) && !text.contains(": ");
    if safe { text.to_owned() } else { Value::from(text).to_string() }
}

fn wrong(text: String) -> Failure {
    Failure::new(Exit::Scenario, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(json: &str) -> Result<String, String> {
        written(&toxiproxy::entries(json.as_bytes())?, "x.json")
    }

    /// Every toxic there is comes out as a fault that the language takes, and as the one that the facade would make.
    #[test]
    fn every_toxic_is_taken() {
        let toxics: Vec<String> = [
            r#""type":"latency","attributes":{"latency":1000,"jitter":200}"#,
            r#""type":"latency","stream":"upstream","toxicity":0.5"#,
            r#""type":"bandwidth","attributes":{"rate":64}"#,
            r#""type":"bandwidth","name":"cut","attributes":{"rate":0}"#,
            r#""type":"slow_close","attributes":{"delay":2000}"#,
            r#""type":"timeout","attributes":{"timeout":5000}"#,
            r#""type":"timeout","name":"t0","stream":"UPSTREAM","toxicity":0.2"#,
            r#""type":"slicer","attributes":{"average_size":64,"size_variation":32,"delay":10000}"#,
            r#""type":"reset_peer","attributes":{"timeout":0}"#,
            r#""type":"reset_peer","name":"r5","stream":"upstream","attributes":{"timeout":500}"#,
            r#""type":"limit_data","attributes":{"bytes":1024}"#,
            r#""type":"limit_data","name":"l0","attributes":{"bytes":0}"#,
            r#""type":"packet_loss","attributes":{"loss_rate":0.25,"correlation":0.5}"#,
            r#""type":"packet_loss","name":"none""#,
            r#""type":"noop","name":"nothing at all""#,
        ]
        .map(|toxic| format!("{{{toxic}}}"))
        .to_vec();
        for (at, toxic) in toxics.iter().enumerate() {
            let text = made(&format!(r#"[{{"name":"a","listen":"localhost:26379","upstream":"redis:6379","toxics":[{toxic}]}}]"#)).unwrap();
            let loaded = scenario::load(&["x.yaml".to_owned()], &|_| Ok(text.clone()), &|_| None, "127.0.0.1");
            assert!(loaded.complaints.is_empty(), "{at}: {toxic}\n{text}\n{}", render::render(&loaded.complaints, &loaded.sources, false));
            assert_eq!(loaded.scenario.unwrap().faults.len(), usize::from(!toxic.contains("noop")), "{text}");
        }
    }

    #[test]
    fn a_file_is_a_scenario() {
        let text = made(
            r#"[{"name":"redis","listen":"localhost:26379","upstream":"redis:6379"},
                {"name":"db:5432","listen":":15432","upstream":":5432","enabled":false,"toxics":[{"type":"latency","attributes":{"latency":100}}]},
                {"name":"v6","listen":"[::]:1","upstream":"[::1]:2"}]"#,
        );
        assert_eq!(
            text.unwrap(),
            "# Made of x.json by `faultwire import`.
proxies:
  redis: localhost:26379 -> redis:6379
  # in Toxiproxy: \"db:5432\"
  db-5432: { listen: 0.0.0.0:15432, upstream: localhost:5432, enabled: false }
  v6: \"[::]:1 -> [::1]:2\"

faults:
  - { name: db-5432-latency_downstream, proxy: db-5432, latency: 100ms, direction: to_client }
"
        );
    }

    #[test]
    fn what_the_server_lists_is_taken_too() {
        let text = made(r#"{"b":{"name":"b","listen":"127.0.0.1:1","upstream":"x:2","enabled":true,"Logger":{},"toxics":[]}}"#).unwrap();
        assert!(text.ends_with("  b: 127.0.0.1:1 -> x:2\n"), "{text}");
    }

    #[test]
    fn what_cannot_be_said_is_told() {
        for (json, why) in [
            ("", "EOF"),
            ("[1]", "cannot unmarshal number"),
            (r#"[{"name":"a"}]"#, "missing required field: upstream at proxy 1"),
            (r#"[{"name":"a","upstream":"x"}]"#, "names no port"),
            (r#"[{"name":"a","upstream":"x:1","listen":"y"}]"#, "names no port"),
            (r#"[{"name":"a","upstream":"x:1","toxics":[{"type":"slicer"}]}]"#, "average_size 0 cuts nothing"),
            (r#"[{"name":"a","upstream":"x:1","lisen":"y:1"}]"#, "unknown field: lisen"),
            (r#"[{"name":"a","upstream":"x:1"},{"name":"a","upstream":"x:1"}]"#, "a is there twice"),
        ] {
            let said = made(json).unwrap_err();
            assert!(said.contains(why), "{json}: {said}");
        }
    }
}
