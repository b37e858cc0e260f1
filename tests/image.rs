//! The images of the Dockerfile, as far as they can be had without Docker: its steps are carried out in a directory, with the binary that
//! the tests have built, and what it says is to be run is run there.

use crate::{
    harness::{Dir, Ended, Process, binary, eventually, run},
    http,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::{
    fs,
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

/// What follows a FROM.
#[derive(Debug, Default)]
struct Stage {
    name: String,
    base: String,
    /// Instructions and what they say.
    steps: Vec<(String, String)>,
}

/// The stages of the Dockerfile, in their order.
fn stages() -> Vec<Stage> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("Dockerfile")).unwrap();
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let mut stages: Vec<Stage> = Vec::new();
    for line in text.join("\n").replace("\\\n", " ").lines().filter(|line| !line.is_empty()) {
        let (verb, said) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        if verb == "FROM" {
            let (base, name) = said.split_once(" AS ").unwrap_or((said, ""));
            stages.push(Stage { name: name.to_owned(), base: base.to_owned(), steps: Vec::new() });
        } else {
            stages.last_mut().expect("nothing stands in front of FROM").steps.push((verb.to_owned(), said.trim().to_owned()));
        }
    }
    stages
}

fn stage(name: &str) -> Stage {
    stages().into_iter().find(|stage| stage.name == name).unwrap_or_else(|| panic!("the Dockerfile has no stage `{name}`"))
}

impl Stage {
    fn all(&self, verb: &str) -> Vec<&str> {
        self.steps.iter().filter(|(known, _)| known == verb).map(|(_, said)| said.as_str()).collect()
    }

    fn only(&self, verb: &str) -> &str {
        let all = self.all(verb);
        assert_eq!(all.len(), 1, "{verb} in {}", self.name);
        all[0]
    }

    /// The words of `["a", "b"]`.
    fn list(&self, verb: &str) -> Vec<String> {
        serde_json::from_str(self.only(verb)).unwrap()
    }

    fn environment(&self) -> Vec<(String, String)> {
        let words = self.all("ENV").into_iter().flat_map(str::split_whitespace);
        words.map(|word| word.split_once('=').unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// An image in a directory, and what it runs.
struct Image {
    stage: Stage,
    dir: Dir,
}

impl Image {
    fn new(name: &str) -> Image {
        let (build, stage) = (stage("build"), stage(name));
        let dir = Dir::new();
        let (built, root) = (dir.0.join("build"), dir.0.join("root"));
        fs::create_dir_all(&root).unwrap();
        // What the build does once the binary is there.
        let run = build.all("RUN").into_iter().find(|run| run.contains("cargo build")).unwrap();
        let mut commands = run.split("&&").map(str::trim);
        let cargo = commands.next().unwrap();
        assert!(cargo.ends_with("cargo build --locked --profile dist --package faultwire-control --bin faultwire"), "{cargo}");
        for command in commands {
            let here = command.replace("/image", &format!("{}/image", built.display()));
            shell(&here.replace("target/dist/faultwire", &binary().display().to_string()));
        }
        assert_eq!(stage.base, "scratch");
        for copy in stage.all("COPY") {
            let words: Vec<&str> = copy.split(' ').filter(|word| !word.starts_with("--chown=")).collect();
            let ["--from=build", from, to] = words[..] else { panic!("COPY {copy}") };
            // What a directory holds is copied, and not the directory.
            let from = if built.join(&from[1..]).is_dir() { format!("{from}/.") } else { from.to_owned() };
            let to = root.join(to.trim_start_matches('/'));
            fs::create_dir_all(if from.ends_with("/.") { &to } else { to.parent().unwrap() }).unwrap();
            shell(&format!("cp -a {}{from} {}", built.display(), to.display()));
        }
        Image { stage, dir }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.0.join("root").join(path.trim_start_matches('/'))
    }

    /// A program of the image under the name that it has there, with nothing around it but what the image says.
    fn program(&self, path: &str) -> Command {
        let mut command = Command::new(self.path(path));
        command.arg0(path).env_clear().envs(self.stage.environment());
        command
    }

    fn start(&self, command: &[String], more: &[&str]) -> (Process, SocketAddr) {
        let entry = self.stage.list("ENTRYPOINT");
        let mut program = self.program(&entry[0]);
        program.args(&entry[1..]).args(command).args(more);
        served(program)
    }
}

/// Starts it; where its API is for this machine.
fn served(program: Command) -> (Process, SocketAddr) {
    let mut process = Process::spawn(program);
    let mut port = None;
    eventually("it says where it is", || {
        assert!(process.exited().is_none(), "it has ended:\n{}", process.log());
        let lines = process.log();
        let mut lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        port = lines.find_map(|line| line["api"].as_str()?.rsplit_once(':')?.1.parse().ok());
        port.is_some()
    });
    (process, SocketAddr::from(([127, 0, 0, 1], port.unwrap())))
}

#[track_caller]
fn shell(command: &str) {
    let mut sh = Command::new("sh");
    sh.args(["-ec", command]);
    run(sh).expect(0);
}

fn end(mut process: Process) {
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code(), Some(0), "{}", process.log());
}

#[test]
fn what_is_built_is_faultwire_unless_something_else_is_named() {
    let stages = stages();
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["build", "toxiproxy", "faultwire"]);
}

/// What the Dockerfile of Toxiproxy 2.12.0 says, which is what people override.
#[test]
fn toxiproxys_image_says_what_that_one_says() {
    let stage = stage("toxiproxy");
    assert_eq!(stage.list("ENTRYPOINT"), ["/toxiproxy"]);
    assert_eq!(stage.list("CMD"), ["-host=0.0.0.0"]);
    assert_eq!(stage.environment(), [("LOG_LEVEL".to_owned(), "info".to_owned())]);
    assert_eq!(stage.only("EXPOSE"), "8474");
    for verb in ["USER", "WORKDIR", "HEALTHCHECK", "VOLUME"] {
        assert_eq!(stage.all(verb), [""; 0], "that one has no {verb}");
    }
}

#[test]
fn toxiproxys_image_serves() {
    let image = Image::new("toxiproxy");
    let linked = fs::symlink_metadata(image.path("/toxiproxy-cli")).unwrap();
    assert!(linked.is_symlink(), "the binary is there twice");
    let files: Vec<_> = fs::read_dir(image.path("/")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    let (process, api) = image.start(&image.stage.list("CMD"), &["-port=0"]);
    // What test containers wait for.
    assert_eq!(http::request(api, "GET", "/version", &[], b"").unwrap().expect(200).json()["version"], "2.12.0");
    let cli = |words: &[&str]| -> Ended {
        let mut command = image.program("/toxiproxy-cli");
        command.env("TOXIPROXY_URL", api.to_string()).args(words);
        run(command)
    };
    assert_eq!(cli(&["-v"]).expect(0).out, "toxiproxy-cli version 2.12.0\n");
    cli(&["create", "-l", "0.0.0.0:0", "-u", "localhost:1", "localhost:1"]).expect(0);
    let listed = cli(&["list"]).expect(0).out;
    assert!(listed.starts_with("localhost:1\t[::]:") && listed.ends_with("\tlocalhost:1\tenabled\t0\n"), "{listed}");
    for line in process.out().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_ne!(line["level"], "debug", "LOG_LEVEL is info there");
    }
    assert_eq!(process.err(), "");
    end(process);
}

/// As testcontainers-go runs it: with a file that it has put there, and its own command in the place of the image's.
#[test]
fn toxiproxys_image_takes_the_command_of_test_containers() {
    let image = Image::new("toxiproxy");
    let proxies = json!([{ "name": "redis", "listen": "0.0.0.0:0", "upstream": "redis:6379", "enabled": true }]);
    fs::create_dir(image.path("/tmp")).unwrap();
    fs::write(image.path("/tmp/tc-toxiproxy.json"), proxies.to_string()).unwrap();
    let file = format!("-config={}", image.path("/tmp/tc-toxiproxy.json").display());
    let (process, api) = image.start(&["-host=0.0.0.0".to_owned(), file], &["-port=0"]);
    let listed = http::request(api, "GET", "/proxies", &[], b"").unwrap().expect(200).json();
    assert_eq!((listed["redis"]["upstream"].as_str(), listed["redis"]["enabled"].as_bool()), (Some("redis:6379"), Some(true)));
    assert_eq!(http::request(api, "GET", "/readyz", &[], b"").unwrap().status, 200);
    end(process);
}

#[test]
fn every_level_of_its_log_is_taken() {
    let image = Image::new("toxiproxy");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("-port={}", taken.local_addr().unwrap().port());
    for level in ["panic", "fatal", "error", "warn", "info", "debug", "trace", "INFO", "disabled", "-1", "5"] {
        // It ends at once, since somebody has its port.
        let mut command = image.program("/toxiproxy");
        command.args(["-host=127.0.0.1", &port]).env("LOG_LEVEL", level);
        let ended = run(command).expect(69);
        assert!(!ended.err.contains("LOG_LEVEL"), "{level}: {}", ended.err);
    }
    let mut command = image.program("/toxiproxy");
    command.args(["-host=127.0.0.1", &port]).env("LOG_LEVEL", "loud");
    assert!(run(command).expect(69).err.starts_with("error: LOG_LEVEL=loud is not a level: everything is logged\n"));
}

#[test]
fn our_own_image_serves() {
    let image = Image::new("faultwire");
    let mut program = image.program("/faultwire");
    program.args(image.stage.list("CMD")).current_dir(image.path(image.stage.only("WORKDIR")));
    assert_eq!(image.stage.list("ENTRYPOINT"), ["/faultwire"]);
    // The root of the image is not ours, and another may have its port.
    program.env("FAULTWIRE_CONFIG", image.path("/etc/faultwire")).env("FAULTWIRE_API", "0.0.0.0:0").env("FAULTWIRE_LOG", "json");
    let (process, api) = served(program);
    let check = image.stage.only("HEALTHCHECK").split_once("CMD ").unwrap().1;
    let check: Vec<String> = serde_json::from_str(check).unwrap();
    let mut health = image.program(&check[0]);
    health.args(&check[1..]).env("FAULTWIRE_API", format!("0.0.0.0:{}", api.port()));
    run(health).expect(0);
    end(process);
}
