//! The scenario a process serves, as read from its files: which files those are, what they say, and whether they have changed since.
//! It reads files and resolves names; it changes nothing.

use crate::{
    exit::{Exit, Failure},
    say::plain,
};
use faultwire_faults::{complaint::nearest, fault::Fault};
use faultwire_proxy::{dial::Upstream, proxies::Link};
use faultwire_scenarios::{
    library,
    link::ProxySpec,
    render,
    scenario::{self, Loaded},
    variables::Env,
};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
};

/// The file that is taken when none is named.
pub const USUAL_FILE: &str = "faultwire.yaml";

/// What the files say.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// As people know it: the names of the files.
    pub name: String,
    pub seed: Option<u64>,
    pub specs: Vec<ProxySpec>,
    pub links: Vec<Link>,
    /// Every one has a name.
    pub faults: Vec<Fault>,
    /// What no fault touches; none: the usual health checks and probes.
    pub exempt: Option<Vec<String>>,
    /// Rendered warnings, if there are any.
    pub warnings: String,
    pub state: Fingerprint,
}

/// What has been read, down to the bytes: where each path led and a hash of what stood there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<PathBuf, Option<(PathBuf, u64)>>);

/// What is to be served: files, folders, and ready scenarios by their names. A file of such a name comes first.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub paths: Vec<PathBuf>,
    /// The host to listen on where none is written.
    pub bind: String,
}

impl Origin {
    /// Reads all of it. The failure holds the diagnostics.
    pub fn load(&self, color: bool) -> Result<Config, Failure> {
        self.load_beside(color, &[], &environment)
    }

    /// The same, with these variables, beside proxies that there are anyway, which its faults may name. They are not part of the result.
    pub fn load_beside(&self, color: bool, there: &[ProxySpec], env: Env<'_>) -> Result<Config, Failure> {
        let files = self.files()?;
        if files.is_empty() {
            return Ok(Config { name: self.name(), state: self.fingerprint(&Fingerprint::default()), ..Config::default() });
        }
        let (loaded, state) = self.read(&files, there, env);
        let text = render::render(&loaded.complaints, &loaded.sources, color);
        let Some(scenario) = loaded.scenario else {
            return Err(Failure::new(Exit::Scenario, format!("{text}\n{}", render::count(&loaded.complaints))));
        };
        let links = scenario.proxies.iter().map(link_of).collect::<Result<Vec<Link>, Failure>>()?;
        Ok(Config {
            name: self.name(),
            seed: scenario.seed,
            specs: scenario.proxies.clone(),
            links,
            exempt: scenario.limits.exempt.clone(),
            faults: scenario.in_force(),
            warnings: text,
            state,
        })
    }

    pub fn name(&self) -> String {
        self.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
    }

    /// The files themselves: those of a folder in the order of their names, without hidden ones.
    pub fn files(&self) -> Result<Vec<String>, Failure> {
        let mut files = Vec::new();
        for path in &self.paths {
            if path.as_os_str() == "-" {
                files.push("-".to_owned());
            } else if path.is_dir() {
                files.extend(in_folder(path).map_err(|error| unreadable(path, &error))?);
            } else {
                if let Err(error) = path.metadata()
                    && ready(path).is_none()
                {
                    return Err(unreadable(path, &error));
                }
                files.push(path.display().to_string());
            }
        }
        Ok(files)
    }

    /// The names of the ready scenarios among them.
    pub fn ready(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.paths.iter().filter_map(|path| ready(path))
    }

    /// The same look at the same places, now. Files that were included are looked at as well.
    pub fn fingerprint(&self, before: &Fingerprint) -> Fingerprint {
        let named = self.files().unwrap_or_default().into_iter().map(PathBuf::from);
        let all = named.chain(before.0.keys().cloned()).filter(|path| path.as_os_str() != "-");
        Fingerprint(all.map(|path| (path.clone(), look(&path))).collect())
    }

    fn read(&self, files: &[String], there: &[ProxySpec], env: Env<'_>) -> (Loaded, Fingerprint) {
        let seen = RefCell::new(Fingerprint::default());
        let reader = |name: &str| {
            if name == "-" {
                return io::read_to_string(io::stdin());
            }
            let path = PathBuf::from(name);
            let bytes = std::fs::read(&path);
            let state = bytes.as_ref().ok().map(|bytes| (path.canonicalize().unwrap_or_default(), hash(bytes)));
            seen.borrow_mut().0.insert(path, state);
            text_of(name, bytes, files)
        };
        let loaded = scenario::load_beside(files, &reader, env, &self.bind, there);
        (loaded, seen.into_inner())
    }
}

/// The variables of this process.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The text behind a name: what was read there; or the ready scenario, if that was asked for and no file is called so.
pub fn text_of(name: &str, read: io::Result<Vec<u8>>, asked: &[String]) -> io::Result<String> {
    match read {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && asked.iter().any(|asked| asked == name) => {
            library::find(name).map(|ready| ready.text.to_owned()).ok_or(error)
        }
        Err(error) => Err(error),
    }
}

/// The ready scenario that is meant, where there is no file.
fn ready(path: &Path) -> Option<&'static str> {
    let found = path.to_str().and_then(library::find)?;
    (!path.exists()).then_some(found.name)
}

fn in_folder(folder: &Path) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if yaml && !hidden && path.is_file() {
            files.push(path.display().to_string());
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    if error.kind() != io::ErrorKind::NotFound {
        return Failure::usage(format!("error: cannot read {shown}: {}", plain(error)));
    }
    // What has no folder and no ending of a file may have been meant as a name.
    let by_name = path.components().count() == 1;
    let neither = if by_name && path.extension().is_none() { ", and no ready scenario is called so" } else { "" };
    let said = format!("error: there is no file {shown}{neither}");
    match meant(path, by_name) {
        Some(near) => Failure::usage(format!("{said}\nhelp: did you mean `{near}`?")),
        None => Failure::usage(format!("{said}\nhelp: {}, and `faultwire library` lists ready ones", there_are(path))),
    }
}

/// The nearest name: of the scenario files in that folder, or of a ready scenario.
fn meant(path: &Path, by_name: bool) -> Option<String> {
    let files = in_folder(folder_of(path)).unwrap_or_default();
    let files: Vec<&str> = files.iter().map(|file| file.strip_prefix("./").unwrap_or(file)).collect();
    let shown = path.display().to_string();
    if let Some(near) = nearest(&shown, files) {
        return Some(near.to_owned());
    }
    path.file_stem().filter(|_| by_name)?.to_str().and_then(library::near).map(str::to_owned)
}

/// Which scenario files there are instead.
fn there_are(path: &Path) -> String {
    const MOST: usize = 5;
    let folder = folder_of(path);
    let names: Vec<String> = in_folder(folder).unwrap_or_default();
    let names: Vec<&str> = names.iter().filter_map(|name| Path::new(name).file_name()?.to_str()).collect();
    let more = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
    let place = if folder == Path::new(".") { "here".to_owned() } else { format!("in {}", folder.display()) };
    match names.len() {
        0 => format!("there are no scenario files {place}"),
        1 => format!("the scenario file {place} is {}", names[0]),
        _ => format!("scenario files {place} are {}{more}", names[..names.len().min(MOST)].join(", ")),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn look(path: &Path) -> Option<(PathBuf, u64)> {
    let bytes = std::fs::read(path).ok()?;
    Some((path.canonicalize().ok()?, hash(&bytes)))
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// A proxy as it is written, as a link of the data plane. A name to listen on is resolved here.
pub fn link_of(spec: &ProxySpec) -> Result<Link, Failure> {
    Ok(Link {
        name: spec.name.clone(),
        listen: address(&spec.listen.host, spec.listen.port)
            .map_err(|why| Failure::new(Exit::Unavailable, format!("error: `{}` cannot listen on {}: {why}", spec.name, spec.listen)))?,
        upstream: Upstream { host: spec.upstream.host.clone(), port: spec.upstream.port },
        from: spec.from.clone(),
        to: spec.to.clone(),
        enabled: spec.enabled,
        speaks: spec.speaks,
        asleep: None,
    })
}

/// An address to listen on: an IP address, or a name of this machine, of which IPv4 comes first.
pub fn address(host: &str, port: u16) -> Result<SocketAddr, String> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok((ip, port).into());
    }
    let mut addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(|error| error.to_string())?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.first().copied().ok_or_else(|| "the name has no address".to_owned())
}

/// `HOST:PORT`, `:PORT` or `PORT` as an address to listen on.
pub fn listen_address(text: &str) -> Result<SocketAddr, Failure> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None => ("", text),
    };
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    let Ok(port) = port.parse::<u16>() else {
        return Err(Failure::usage(format!("error: `{text}` is not an address to listen on: write HOST:PORT, such as 127.0.0.1:8474")));
    };
    address(host, port).map_err(|why| Failure::new(Exit::Unavailable, format!("error: cannot listen on {text}: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_listen_on() {
        assert_eq!(listen_address("127.0.0.1:8474").unwrap().to_string(), "127.0.0.1:8474");
        assert_eq!(listen_address(":0").unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(listen_address("8474").unwrap().to_string(), "127.0.0.1:8474");
        assert_eq!(listen_address("[::1]:8474").unwrap().to_string(), "[::1]:8474");
        assert_eq!(listen_address("localhost:1").unwrap().to_string(), "127.0.0.1:1");
        assert_eq!(listen_address("localhost:x").unwrap_err().exit, Exit::Usage);
        assert_eq!(listen_address("").unwrap_err().exit, Exit::Usage);
        assert_eq!(listen_address("127.0.0.1:99999").unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn a_folder_is_its_yaml_files_and_a_change_is_seen() {
        let folder = std::env::temp_dir().join(format!("faultwire-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("b.yaml", "proxies: { b: \"0 -> localhost:2\" }\n");
        write("a.yml", "proxies: { a: \"0 -> localhost:1\" }\n");
        write(".hidden.yaml", "no: {");
        write("notes.txt", "no: {");
        let origin = Origin { paths: vec![folder.clone()], bind: "127.0.0.1".into() };
        let config = origin.load(false).unwrap();
        assert_eq!(config.links.iter().map(|link| link.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(origin.fingerprint(&config.state), config.state);
        write("b.yaml", "proxies: { b: \"0 -> localhost:3\" }\n");
        assert_ne!(origin.fingerprint(&config.state), config.state);
        write("b.yaml", "proxies: { b: \"0 -> \" }\n");
        assert_eq!(origin.load(false).unwrap_err().exit, Exit::Scenario);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(origin.load(false).unwrap_err().exit, Exit::Usage);
    }
}
