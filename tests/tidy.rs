//! Guards of the structure that no compiler keeps: who may name what, and where.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file of the repository whose name ends so, with its path from the root and its text.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root(), &mut |path| {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if endings.iter().any(|ending| name.ends_with(ending))
            && let Ok(text) = std::fs::read_to_string(path)
        {
            found.push((name, text));
        }
    });
    assert!(!found.is_empty());
    found.sort();
    found
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && name != ".git" {
            walk(&path, visit);
        } else if path.is_file() {
            visit(&path);
        }
    }
}

/// Sources, without files of tests.
fn sources(of: &str) -> Vec<(String, String)> {
    files(&[".rs"]).into_iter().filter(|(name, _)| name.starts_with(of) && !name.ends_with("tests.rs")).collect()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Code without what stands behind `//`.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Code without its tests, which stand last in a file.
fn without_tests(text: &str) -> String {
    code(text.split("#[cfg(test)]").next().unwrap_or_default())
}

#[test]
fn no_lock_between_read_and_write() {
    let pump = code(&read("proxy/src/pump.rs"));
    for word in ["Mutex", "RwLock", "mpsc", "unbounded"] {
        assert!(!pump.contains(word), "proxy/src/pump.rs names {word}");
    }
}

#[test]
fn every_task_has_an_owner() {
    for (name, text) in files(&[".rs"]) {
        if name != "tests/tidy.rs" && name != "proxy/src/tasks.rs" {
            for call in ["tokio::spawn", "tokio::task::spawn(", "spawn_local"] {
                assert!(!code(&text).contains(call), "{name} calls {call}");
            }
        }
    }
}

#[test]
fn the_layers_look_down_only() {
    let names = |manifest: &str, wanted: &[&str]| {
        let text = read(manifest);
        for word in wanted {
            assert!(!text.lines().any(|line| line.starts_with(word)), "{manifest} depends on {word}");
        }
    };
    let impure = ["tokio", "hyper", "rand", "getrandom", "faultwire-proxy", "faultwire-scenarios", "faultwire-control"];
    names("proxy/faults/Cargo.toml", &impure);
    for manifest in ["proxy/http1/Cargo.toml", "proxy/http2/Cargo.toml"] {
        names(manifest, &["rand", "getrandom", "faultwire-faults", "faultwire-proxy", "faultwire-scenarios", "faultwire-control"]);
    }
    names("proxy/messages/Cargo.toml", &impure);
    names("scenarios/Cargo.toml", &["tokio", "hyper", "rand", "getrandom", "faultwire-proxy", "faultwire-control"]);
    names("proxy/Cargo.toml", &["faultwire-scenarios", "faultwire-control", "serde_yaml", "axum"]);
    for (name, text) in sources("proxy/").into_iter().chain(sources("scenarios/")) {
        assert!(!code(&text).contains("faultwire_control"), "{name} imports control");
    }
}

#[test]
fn the_pure_crates_do_no_io() {
    let pure = ["proxy/faults/src/", "proxy/http1/src/", "proxy/http2/src/", "proxy/messages/src/", "scenarios/src/"];
    for (name, text) in pure.into_iter().flat_map(sources) {
        if name == "proxy/faults/src/testing.rs" || name.contains("/tests/") {
            continue;
        }
        let text = without_tests(&text);
        for word in ["Instant::now", "SystemTime::now", "thread::sleep", "std::fs", "std::net", "std::env::", "TcpStream"] {
            let addresses_only = word == "std::net" && !text.contains("std::net::Tcp") && !text.contains("std::net::{Tcp");
            assert!(!text.contains(word) || addresses_only, "{name} names {word}");
        }
    }
}

#[test]
fn every_effect_file_is_in_the_table() {
    let table = read("proxy/faults/src/effect.rs");
    // What effects share, and is none.
    let shared = ["coding", "delay", "edits", "gathered", "merge"];
    let mut count = 0;
    for (name, text) in sources("proxy/faults/src/effect/") {
        let module = Path::new(&name).file_stem().unwrap().to_string_lossy().into_owned();
        if shared.contains(&&*module) {
            assert!(!text.contains("impl Effect for"), "{name} is an effect");
            continue;
        }
        assert!(table.contains(&format!(" in {module},")), "{name} is not in the table");
        assert!(text.contains("const EXAMPLE"), "{name} has no example");
        count += 1;
    }
    assert_eq!(count, table.lines().filter(|line| is_row(line)).count(), "the table names what is not there");
}

/// `Latency in latency,`
fn is_row(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    matches!(words[..], [name, "in", module] if module.ends_with(',') && name.chars().all(char::is_alphanumeric))
}

#[test]
fn unsafe_code_has_one_place() {
    for (name, text) in files(&[".rs"]) {
        if name != "proxy/src/sys.rs" && name != "tests/tidy.rs" {
            let text = code(&text);
            assert!(!text.contains("unsafe {") && !text.contains("unsafe fn") && !text.contains("unsafe impl"), "{name} has unsafe code");
            assert!(!text.contains("allow(unsafe_code"), "{name} allows unsafe code");
        }
    }
}

#[test]
fn one_file_knows_yaml_and_one_the_metrics() {
    for (name, text) in files(&[".rs"]) {
        let text = code(&text);
        let is_tests = name == "tests/tidy.rs";
        assert!(is_tests || name == "scenarios/src/yaml.rs" || !text.contains("serde_yaml"), "{name} names serde_yaml");
        assert!(
            is_tests || name == "control/src/telemetry.rs" || !text.contains("metrics_exporter_prometheus"),
            "{name} names the exporter"
        );
    }
}

#[test]
fn the_language_loses_no_place() {
    for (name, text) in sources("proxy/").into_iter().chain(sources("scenarios/")) {
        let text = code(&text);
        for word in ["serde(flatten", "serde(untagged", "serde(tag"] {
            assert!(!text.contains(word), "{name} uses {word}");
        }
    }
}

#[test]
fn every_module_says_what_it_owns() {
    for (name, text) in files(&[".rs"]) {
        assert!(text.starts_with("//!"), "{name} does not begin with //!");
    }
}

#[test]
fn nothing_is_left_for_later_without_a_name() {
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat()];
    for (name, text) in files(&[".rs", ".md", ".toml", ".yaml", ".yml", "Dockerfile", "/run", "/install", ".py", ".js", ".go", ".java"]) {
        for mark in &marks {
            let word = |c: char| !c.is_alphanumeric() && c != '_';
            assert!(!text.split(word).any(|found| found == mark), "{name} has a {mark}");
        }
    }
}

#[test]
fn the_product_speaks_of_itself_alone() {
    let elsewhere = [["/wo", "rk/"].concat(), ["/ro", "ot/"].concat(), ["../sha", "red"].concat(), ["/ho", "me/"].concat()];
    let endings = [".rs", ".md", ".toml", ".yaml", ".yml", ".expected", ".lock", "Dockerfile", ".dockerignore", "/run", "/install"];
    // The clients of Toxiproxy speak other languages.
    let foreign = [".py", ".txt", ".js", ".json", ".go", ".mod", ".sum", ".java", ".xml"];
    for (name, text) in files(&[&endings[..], &foreign].concat()) {
        for place in &elsewhere {
            assert!(!text.contains(place.as_str()), "{name} names {place}");
        }
    }
}

/// What is locked comes from wherever a machine fetches it: a mirror that wrote a lock file is nobody else's.
#[test]
fn lock_files_name_no_registry_but_the_public_ones() {
    let public = ["github.com/rust-lang/crates.io-index", "registry.npmjs.org/", "maven.apache.org/POM/"];
    for (name, text) in files(&["Cargo.lock", "package.json", "package-lock.json", "requirements.txt", "go.mod", "go.sum", "pom.xml"]) {
        for place in text.split("://").skip(1) {
            let place = place.split(['"', '\n']).next().unwrap_or_default();
            assert!(public.iter().any(|public| place.starts_with(public)), "{name} names {place}");
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for (name, text) in files(&[".md"]) {
        let folder = root().join(&name).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") {
                assert!(folder.join(file).exists(), "{name} links to {file}, which is not there");
            }
        }
    }
}

#[test]
fn documents_name_files_that_are_there() {
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        for word in read(name).split('`').skip(1).step_by(2) {
            let is_path =
                word.contains('/') && !word.contains([' ', '*', '<', '{', ':', '=']) && !word.starts_with('/') && !word.contains("NAME");
            if is_path && !word.contains("target/") {
                assert!(root().join(word).exists(), "{name} names {word}, which is not there");
            }
        }
    }
}
