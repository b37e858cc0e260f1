//! Compose files, as far as `init` needs them: services with their images, ports, variables and networks, variables of the file filled in,
//! `include` and `extends` followed, override files laid over. What it does not need it leaves to compose, mistakes as well.

use super::{
    dotenv::{self, Dotenv},
    fill::{Filled, fill},
};
use faultwire_faults::{
    complaint::Complaint,
    node::{Entry, Node, Place, Value},
};
use faultwire_scenarios::{sources::Sources, yaml};
use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

/// Files that include or extend each other; more is a circle.
const DEEPEST: usize = 8;

pub type Reader<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

#[derive(Clone, Debug, Default)]
pub struct Service {
    pub name: String,
    pub image: Option<String>,
    pub built: bool,
    /// What it is called in the network besides its name.
    pub aliases: Vec<String>,
    pub ports: Vec<Port>,
    pub variables: Vec<Variable>,
    /// Those it names; a service that names none is in `default`.
    pub networks: Vec<String>,
    /// `host`, `none`, `service:x`: no network of its own.
    pub network_mode: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    pub inside: u16,
    /// On the machine itself, if it is published there under a number that is known.
    pub published: Option<u16>,
}

#[derive(Clone, Debug)]
pub struct Variable {
    pub name: String,
    pub value: Filled,
}

/// All services, and what was wrong on the way.
#[derive(Default)]
pub struct Project {
    pub services: Vec<Service>,
    pub sources: Sources,
    pub complaints: Vec<Complaint>,
    /// Ports of the machine that are taken as soon as this runs.
    pub taken: BTreeSet<u16>,
}

/// Reads compose files in order; later ones are laid over earlier ones. `dotenv` fills in their variables.
pub fn read(files: &[PathBuf], reader: Reader<'_>, dotenv: &Dotenv) -> Project {
    let mut reading = Reading { reader, dotenv, project: Project::default(), included: BTreeSet::new() };
    for file in files {
        reading.file(file, None, 0);
    }
    reading.project
}

struct Reading<'a> {
    reader: Reader<'a>,
    dotenv: &'a Dotenv,
    project: Project,
    included: BTreeSet<PathBuf>,
}

impl Reading<'_> {
    fn file(&mut self, path: &Path, asked: Option<&Place>, depth: usize) {
        if depth > DEEPEST || !self.included.insert(path.to_owned()) {
            return;
        }
        let Some(root) = self.root(path, asked) else { return };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        for item in root.entry("include").map(|entry| items(&entry.value)).unwrap_or_default() {
            for path in included_paths(item) {
                let name = self.filled(path).text;
                self.file(&folder.join(name), Some(&path.place), depth + 1);
            }
        }
        let Some(services) = root.entry("services") else {
            if root.entry("include").is_none() {
                let message = "this is no compose file: it has no `services`";
                self.project.complaints.push(Complaint::new("E0207", message, &top(&root), "`services` is missing"));
            }
            return;
        };
        for entry in self.map(services, "a map of names to services").to_vec() {
            if !is_name(&entry.key) {
                let message = format!("`{}` cannot name a service", entry.key);
                let complaint = Complaint::new("E0207", message, &entry.key_place, "not a name");
                self.project.complaints.push(complaint.note("names are letters, digits, `.`, `_` and `-`"));
            }
            let service = self.service(&entry, &root, &folder, 0);
            self.lay_over(service);
        }
    }

    /// The tree of a file. Tags that only merging needs are left out, and places stay.
    fn root(&mut self, path: &Path, asked: Option<&Place>) -> Option<Node> {
        let name = path.display().to_string();
        let text = match (self.reader)(path) {
            Ok(text) => text,
            Err(error) => {
                let why = match error.kind() {
                    io::ErrorKind::NotFound => format!("there is no file `{name}`"),
                    io::ErrorKind::InvalidData => format!("`{name}` is not text"),
                    _ => format!("`{name}` cannot be read: {}", crate::say::plain(error)),
                };
                let place = asked.cloned().unwrap_or_else(|| Place { source: self.project.sources.add(&name, ""), ..Place::default() });
                self.project.complaints.push(Complaint::new("E0215", why, &place, "not read"));
                return None;
            }
        };
        let source = self.project.sources.add(name, text.clone());
        let plain = text.replace(" !reset", "       ").replace(" !override", "          ");
        let mut read = yaml::read(&plain, source);
        self.project.complaints.append(&mut read.complaints);
        if read.root.is_none() && !self.project.complaints.iter().any(|complaint| complaint.place.source == source) {
            let place = Place { source, ..Place::default() };
            self.project.complaints.push(Complaint::new("E0215", "this file is empty", &place, "no services here"));
        }
        read.root
    }

    /// `extends` comes first, and the service's own words after it.
    fn service(&mut self, entry: &Entry, root: &Node, folder: &Path, depth: usize) -> Service {
        let mut service = self.extended(&entry.value, root, folder, depth).unwrap_or_default();
        service.name = entry.key.clone();
        let own = self.own(entry, folder);
        service.lay_over(own);
        service
    }

    fn extended(&mut self, node: &Node, root: &Node, folder: &Path, depth: usize) -> Option<Service> {
        let extends = &node.entry("extends")?.value;
        let name = extends.text().or_else(|| extends.entry("service")?.value.text())?.to_owned();
        if depth >= DEEPEST {
            return None;
        }
        match extends.entry("file").map(|entry| (self.filled(&entry.value).text, entry.value.place.clone())) {
            Some((file, place)) => {
                let path = folder.join(file);
                let other = self.root(&path, Some(&place))?;
                let entry = other.entry("services")?.value.entry(&name)?.clone();
                Some(self.service(&entry, &other, path.parent().unwrap_or(folder), depth + 1))
            }
            None => {
                let entry = root.entry("services")?.value.entry(&name)?.clone();
                Some(self.service(&entry, root, folder, depth + 1))
            }
        }
    }

    fn own(&mut self, entry: &Entry, folder: &Path) -> Service {
        let node = &entry.value;
        if node.entries().is_none() {
            if !matches!(node.value, Value::Null) {
                let message = format!("the service `{}` is {}, not a map", entry.key, node.kind());
                self.project.complaints.push(Complaint::new("E0207", message, &node.place, "a map is wanted here"));
            }
            return Service { name: entry.key.clone(), ..Service::default() };
        }
        let text = |reading: &Self, key: &str| {
            node.entry(key).filter(|entry| entry.value.text().is_some()).map(|entry| reading.filled(&entry.value).text)
        };
        let mut service = Service { name: entry.key.clone(), ..Service::default() };
        service.image = text(self, "image").filter(|image| !image.is_empty());
        service.network_mode = text(self, "network_mode").filter(|mode| !mode.is_empty());
        service.built = node.entry("build").is_some();
        service.aliases.extend(text(self, "container_name"));
        for item in node.entry("ports").map(|entry| items(&entry.value)).unwrap_or_default() {
            let ports = self.ports(item);
            self.project.taken.extend(ports.iter().filter_map(|port| port.published));
            service.ports.extend(ports);
        }
        for item in node.entry("expose").map(|entry| items(&entry.value)).unwrap_or_default() {
            let port = self.filled(item).text;
            service.ports.extend(port.split('/').next().and_then(|port| port.parse().ok()).map(|inside| Port { inside, published: None }));
        }
        self.networks(node, &mut service);
        self.env_files(node, folder, &mut service);
        self.environment(node, &mut service);
        service
    }

    fn networks(&self, node: &Node, service: &mut Service) {
        let Some(entry) = node.entry("networks") else { return };
        service.networks.extend(items(&entry.value).iter().filter_map(|item| item.text()).map(str::to_owned));
        for network in entry.value.entries().unwrap_or_default() {
            service.networks.push(network.key.clone());
            let aliases = network.value.entry("aliases").map(|aliases| items(&aliases.value)).unwrap_or_default();
            service.aliases.extend(aliases.iter().map(|alias| self.filled(alias).text));
        }
    }

    /// Compose complains of files that are missing; here they only say nothing.
    fn env_files(&self, node: &Node, folder: &Path, service: &mut Service) {
        for item in node.entry("env_file").map(|entry| items(&entry.value)).unwrap_or_default() {
            let Some(name) = item.entry("path").map_or(Some(item), |path| Some(&path.value)).filter(|name| name.text().is_some()) else {
                continue;
            };
            let name = self.filled(name).text;
            let Ok(text) = (self.reader)(&folder.join(name)) else { continue };
            for (name, value) in dotenv::read(&text, &|name| self.dotenv.get(name).map(str::to_owned)).variables {
                service.set(Variable { name, value: Filled::literal(&value) });
            }
        }
    }

    /// A list of `NAME=value` or a map; a name alone is handed on from compose's own environment.
    fn environment(&self, node: &Node, service: &mut Service) {
        let Some(environment) = node.entry("environment") else { return };
        for item in items(&environment.value).iter().filter(|item| item.text().is_some()) {
            let written = item.text().unwrap_or_default();
            match written.split_once('=') {
                Some((name, value)) => {
                    let value = self.fill(value);
                    service.set(Variable { name: name.to_owned(), value });
                }
                None => service.set(self.handed_on(written)),
            }
        }
        for entry in environment.value.entries().unwrap_or_default() {
            match &entry.value.value {
                Value::Null => service.set(self.handed_on(&entry.key)),
                _ => {
                    let value = self.filled(&entry.value);
                    service.set(Variable { name: entry.key.clone(), value });
                }
            }
        }
    }

    fn handed_on(&self, name: &str) -> Variable {
        let value = self.dotenv.get(name).map_or_else(|| Filled::unset(name), Filled::literal);
        Variable { name: name.to_owned(), value }
    }

    /// `8080`, `8080:80`, `127.0.0.1:8080:80/tcp`, `3000-3005:3000-3005`, and the long form.
    fn ports(&self, node: &Node) -> Vec<Port> {
        let word = |reading: &Self, key: &str| node.entry(key).map(|entry| reading.filled(&entry.value).text).unwrap_or_default();
        let (inside, published, protocol) = if node.entries().is_some() {
            (word(self, "target"), word(self, "published"), word(self, "protocol"))
        } else {
            let text = self.filled(node).text;
            let (text, protocol) = text.split_once('/').unwrap_or((&text, ""));
            let (outside, inside) = text.rsplit_once(':').unwrap_or(("", text));
            let published = outside.rsplit(':').next().unwrap_or_default();
            (inside.to_owned(), published.to_owned(), protocol.to_owned())
        };
        if protocol.eq_ignore_ascii_case("udp") {
            return Vec::new();
        }
        let (inside, mut published) = (range(&inside), range(&published));
        inside.map(|inside| Port { inside, published: published.next() }).collect()
    }

    fn filled(&self, node: &Node) -> Filled {
        self.fill(node.text().unwrap_or_default())
    }

    fn fill(&self, text: &str) -> Filled {
        fill(text, &|name| self.dotenv.get(name).map(str::to_owned))
    }

    fn map<'n>(&mut self, entry: &'n Entry, wanted: &str) -> &'n [Entry] {
        match &entry.value.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                let message = format!("`{}` is {wanted}, and this is {}", entry.key, entry.value.kind());
                self.project.complaints.push(Complaint::new("E0207", message, &entry.value.place, "a map is wanted here"));
                &[]
            }
        }
    }

    fn lay_over(&mut self, service: Service) {
        match self.project.services.iter_mut().find(|known| known.name == service.name) {
            Some(known) => known.lay_over(service),
            None => self.project.services.push(service),
        }
    }
}

impl Service {
    fn lay_over(&mut self, other: Service) {
        self.image = other.image.or(self.image.take());
        self.built |= other.built;
        self.network_mode = other.network_mode.or(self.network_mode.take());
        self.aliases.extend(other.aliases);
        self.ports.extend(other.ports);
        self.ports.sort_by_key(|port| (port.inside, port.published.is_none()));
        self.ports.dedup_by_key(|port| port.inside);
        self.networks.extend(other.networks.into_iter().filter(|name| !self.networks.contains(name)).collect::<Vec<_>>());
        for variable in other.variables {
            self.set(variable);
        }
    }

    fn set(&mut self, variable: Variable) {
        match self.variables.iter_mut().find(|known| known.name == variable.name) {
            Some(known) => *known = variable,
            None => self.variables.push(variable),
        }
    }

    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }
}

/// A list's items; a single value is a list of one.
fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        Value::Null | Value::Map(_) => &[],
        _ => std::slice::from_ref(node),
    }
}

/// `include: a.yaml`, and `include: { path: [a.yaml, b.yaml] }` as an item of a list.
fn included_paths(item: &Node) -> &[Node] {
    match item.entry("path") {
        Some(entry) => items(&entry.value),
        None => items(item),
    }
}

fn range(text: &str) -> impl Iterator<Item = u16> + use<> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let ends = first.trim().parse::<u16>().ok().zip(last.trim().parse::<u16>().ok()).filter(|(first, _)| *first > 0);
    ends.into_iter().flat_map(|(first, last)| first..=last.min(first.saturating_add(100)))
}

/// Compose takes no other names.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// The beginning of a file's content, for what is wrong with the whole of it.
fn top(root: &Node) -> Place {
    match root.entries().and_then(<[Entry]>::first) {
        Some(first) => first.key_place.clone(),
        None => root.place.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)], env: &str) -> Project {
        let reader = |path: &Path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path);
            file.map(|(_, text)| (*text).to_owned()).ok_or(io::ErrorKind::NotFound.into())
        };
        read(&[PathBuf::from(files[0].0)], &reader, &dotenv::read(env, &|_| None))
    }

    fn one(text: &str) -> Service {
        let project = project(
            &[("c.yaml", &format!("services:\n  a:\n    {}\n", text.replace('\n', "\n    ")))],
            "P=1\nIMAGE=redis:7\nU=redis://r:1",
        );
        assert!(project.complaints.is_empty(), "{text}: {:?}", project.complaints);
        project.services.into_iter().next().unwrap()
    }

    #[test]
    fn ports_are_written_in_many_ways() {
        let port = |inside, published| Port { inside, published };
        for (text, ports) in [
            ("ports: [80]", vec![port(80, None)]),
            ("ports: [\"8080:80\"]", vec![port(80, Some(8080))]),
            ("ports: [\"127.0.0.1:8080:80/tcp\", \"[::1]:9090:90\"]", vec![port(80, Some(8080)), port(90, Some(9090))]),
            ("ports: [\"53:53/udp\"]", vec![]),
            ("ports: [\"3000-3002:4000-4002\"]", vec![port(4000, Some(3000)), port(4001, Some(3001)), port(4002, Some(3002))]),
            ("ports:\n  - { target: 80, published: \"8080\", protocol: tcp }", vec![port(80, Some(8080))]),
            ("ports: [\"${P}0${P:-x}:80\"]", vec![port(80, Some(101))]),
            ("expose: [\"80\", 81]", vec![port(80, None), port(81, None)]),
            ("ports: [\"nonsense\", \":\", \"99999:1\", \"0:5\", \"${NONE}:7\"]", vec![port(1, None), port(5, None), port(7, None)]),
            ("ports: 8080", vec![port(8080, None)]),
            ("ports: {}", vec![]),
        ] {
            assert_eq!(one(text).ports, ports, "{text}");
        }
    }

    #[test]
    fn variables_come_as_lists_maps_and_files() {
        let service = one("environment:\n  - A=1\n  - U\n  - B=x=y\n  - NONE");
        let values: Vec<(&str, &str)> = service.variables.iter().map(|v| (v.name.as_str(), v.value.text.as_str())).collect();
        assert_eq!(values, [("A", "1"), ("U", "redis://r:1"), ("B", "x=y"), ("NONE", "")]);
        let service = one("environment: { A: 1, B: true, C: \"${IMAGE}\", D: , E: x }\nimage: ${IMAGE}");
        assert_eq!(service.variable("C").unwrap().value.text, "redis:7");
        assert_eq!(service.variable("B").unwrap().value.text, "true");
        assert_eq!(service.image.as_deref(), Some("redis:7"));
        let files = [
            ("d/c.yaml", "services:\n  a:\n    env_file: [a.env, {path: b.env, required: false}, none.env]\n    environment: { B: own }\n"),
            ("d/a.env", "A=1\nB=2\n"),
            ("d/b.env", "C=3\n"),
        ];
        let project = project(&files, "");
        let values: Vec<String> = project.services[0].variables.iter().map(|v| format!("{}={}", v.name, v.value.text)).collect();
        assert_eq!(values, ["A=1", "B=own", "C=3"]);
    }

    #[test]
    fn anchors_extends_and_includes_are_followed() {
        let files = [
            (
                "c.yaml",
                "include:\n  - db.yaml\n  - path: [more/q.yaml]\nx-base: &base\n  environment: { A: 1 }\nservices:\n  \
                 a: { <<: *base, image: x }\n  b: { extends: a, image: y }\n  c: { extends: { file: more/base.yaml, service: base } }\n  \
                 e: { extends: e }\n",
            ),
            ("db.yaml", "include: [c.yaml]\nservices:\n  db: { image: postgres }\n"),
            ("more/q.yaml", "services:\n  q: { image: nats, ports: !reset [], networks: [n] }\n"),
            ("more/base.yaml", "services:\n  base: { image: z, env_file: base.env }\n"),
            ("more/base.env", "B=2\n"),
        ];
        let project = project(&files, "");
        assert!(project.complaints.is_empty(), "{:?}", project.complaints);
        let said: Vec<String> = project
            .services
            .iter()
            .map(|s| {
                format!(
                    "{} {} {}",
                    s.name,
                    s.image.as_deref().unwrap_or("-"),
                    s.variables.iter().map(|v| v.name.as_str()).collect::<String>()
                )
            })
            .collect();
        assert_eq!(said, ["db postgres ", "q nats ", "a x A", "b y A", "c z B", "e - "]);
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, code, marked) in [
            ("services: [", "E0001", None),
            ("services:\n\ta: {}\n", "E0002", None),
            ("services:\n  a: {}\n  a: {}\n", "E0003", Some("a")),
            ("services: [a]\n", "E0207", Some("[a]")),
            ("services:\n  a: text\n", "E0207", Some("text")),
            ("web:\n  image: x\n", "E0207", Some("web")),
            ("[]", "E0207", None),
            ("", "E0215", None),
            ("include: nowhere.yaml\nservices: {}\n", "E0215", Some("nowhere.yaml")),
        ] {
            let project = project(&[("c.yaml", text)], "");
            assert_eq!(project.complaints.len(), 1, "{text}: {:?}", project.complaints);
            let complaint = &project.complaints[0];
            assert_eq!(complaint.code, code, "{text}");
            if let Some(marked) = marked {
                assert_eq!(project.sources.text(&complaint.place), marked, "{text}");
            }
        }
    }
}
