//! Clients of Toxiproxy that other people wrote, out of their registries, against the API here; and the tests that some of them ship. Each is
//! led by a program in its own language in a folder of `tests/clients`. `tests/run` brings and builds them: nothing is skipped.

use crate::{
    harness::{Dir, Ended, Process, binary, eventually, run, world},
    upstream::Upstream,
};
use serde_json::Value;
use std::{
    fs::File,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// What `tests/run` has brought into the target directory, no older than what it was brought by.
#[track_caller]
fn brought(path: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let (language, _) = path.split_once('/').unwrap();
    let done = format!("{language}.done");
    let Some(folder) = own.ancestors().skip(1).map(|folder| folder.join("clients")).find(|folder| folder.join(&done).exists()) else {
        panic!("no clients of Toxiproxy in the target directory ({language}): run tests/run, which brings them");
    };
    let changed = |path: &Path| path.metadata().unwrap().modified().unwrap();
    let newest = newest(&source(language), &changed);
    assert!(newest <= changed(&folder.join(done)), "tests/clients/{language} has changed: run tests/run, which builds it");
    folder.join(path)
}

fn newest<T: Ord>(folder: &Path, of: &impl Fn(&Path) -> T) -> T {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { newest(&path, of) } else { of(&path) }).max().unwrap()
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(path)
}

/// The program under Toxiproxy's name, as an image of it would hold it.
struct Server {
    process: Process,
    _dir: Dir,
}

impl Server {
    /// `within`: the command that starts it in some network.
    fn start(within: impl FnOnce(&Path) -> Command, flags: &[&str]) -> Server {
        let dir = Dir::new();
        let name = dir.0.join("toxiproxy-server");
        symlink(binary(), &name).unwrap();
        let mut command = within(&name);
        command.args(flags).env_remove("LOG_LEVEL");
        let mut process = Process::spawn(command);
        eventually("it says where it is", || {
            assert!(process.exited().is_none(), "it ended:\n{}", process.log());
            api_of(&process).is_some()
        });
        Server { process, _dir: dir }
    }

    fn api(&self) -> SocketAddr {
        api_of(&self.process).unwrap()
    }
}

fn api_of(process: &Process) -> Option<SocketAddr> {
    let out = process.out();
    let mut lines = out.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.find_map(|line: Value| line.get("api")?.as_str()?.strip_prefix("http://")?.parse().ok())
}

/// Runs a client against both names of the program, with a server behind it that sends back what it gets.
#[track_caller]
fn passes(client: impl Fn() -> Command) -> [Ended; 2] {
    let against = |api: SocketAddr| {
        let upstream = Upstream::echo();
        let mut client = client();
        client.env("TOXIPROXY_URL", format!("http://{api}")).env("UPSTREAM", upstream.address.to_string());
        // Some would go by a proxy of the surroundings.
        for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            client.env_remove(name);
        }
        run(client)
    };
    let serving = world().start();
    let first = against(serving.api).expect(0);
    // What it has left is to be gone with the program.
    serving.proxies();
    let server = Server::start(|name| Command::new(name), &["-host", "127.0.0.1", "-port", "0"]);
    let second = against(server.api()).expect(0);
    assert!(!server.process.log().contains("panicked"), "{}", server.process.log());
    [first, second]
}

#[track_caller]
fn python(tests: &str) {
    let ended = passes(|| {
        let mut python = Command::new(brought("python/bin/python"));
        python.arg(source("python").join(tests)).env("PYTHONDONTWRITEBYTECODE", "1");
        python
    });
    for ended in ended {
        assert!(ended.err.contains("\nOK\n") && !ended.err.contains("Ran 0 tests"), "{}", ended.err);
    }
}

#[test]
fn toxiproxy_python() {
    python("test_toxiproxy_python.py");
}

#[test]
fn chaostoolkit_toxiproxy() {
    python("test_chaostoolkit_toxiproxy.py");
}

#[test]
fn toxiproxy_node_client() {
    let ended = passes(|| {
        let mut node = Command::new("node");
        node.arg(source("node/client.test.js")).env("NODE_PATH", brought("node/node_modules"));
        node
    });
    for ended in ended {
        assert!(ended.out.contains("fail 0") && !ended.out.contains("pass 0"), "{}", ended.out);
    }
}

/// Each ends with an error at the first thing that is not as it should be.
#[test]
fn toxiproxy_rust() {
    passes(|| rust("toxiproxy-rust"));
}

#[test]
fn noxious_client() {
    passes(|| rust("noxious-client"));
}

fn rust(name: &str) -> Command {
    let mut client = Command::new(brought(&format!("rust/debug/{name}")));
    // One reads all certificates of the machine anew for every request, and needs none.
    client.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/dev/null");
    client
}

#[test]
fn toxiproxy_go() {
    let ended = passes(|| {
        let mut tests = Command::new(brought("go/client-tests"));
        tests.arg("-test.v");
        tests
    });
    for ended in ended {
        assert!(ended.out.ends_with("PASS\n") && ended.out.contains("--- PASS: Test"), "{}", ended.out);
    }
}

#[test]
fn toxiproxy_java() {
    let ended = passes(|| {
        let mut java = Command::new("java");
        let classes = brought("java/*");
        java.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]).arg(classes).arg(source("java/ToxiproxyJava.java"));
        java
    });
    for ended in ended {
        assert_eq!(ended.out.lines().filter(|line| line.starts_with("ok ")).count(), 10, "{}", ended.out);
    }
}

/// They go through its client, and are run as they are: the server that they bring finds its port taken by ours. What they clear between
/// them is their own, so each has a program to itself.
#[test]
fn the_tests_that_toxiproxy_has_of_its_api() {
    let network = Network::new();
    let names = std::fs::read_to_string(brought("go/api-tests.names")).unwrap();
    assert!(names.lines().count() > 30, "{names}");
    for name in names.lines() {
        let server = network.server(&["-host", "127.0.0.1", "-port", "8475"]);
        let mut tests = network.command(&brought("go/api-tests"));
        tests.args(["-test.v", "-test.run", &format!("^{name}$")]);
        let ended = run(tests);
        // What is built from a module calls itself `git`. This shows also who answers.
        if name == "TestVersionEndpointReturnsVersion" {
            assert!(ended.out.contains("got: {\"version\": \"2.12.0\", \"faultwire\":"), "{}", ended.out);
        } else {
            assert!(ended.out.contains(&format!("--- PASS: {name} ")), "{}", ended.out);
            ended.expect(0);
        }
        assert!(!server.process.log().contains("panicked"), "{}", server.process.log());
    }
}

/// Against the flags that nobody gives: port 8474 on localhost.
#[test]
fn the_tests_that_toxiproxy_rust_ships() {
    let network = Network::new();
    let _server = network.server(&[]);
    let mut tests = network.command(&brought("rust/toxiproxy_rust-tests"));
    // They share one proxy.
    tests.arg("--test-threads=1");
    let ended = run(tests).expect(0);
    assert!(ended.out.contains("test result: ok. 11 passed"), "{}", ended.out);
}

/// A network for those who want ports by their numbers. Where this machine makes none, whoever else wants these ports waits.
struct Network {
    holder: Option<Process>,
    _turn: Option<File>,
}

impl Network {
    fn new() -> Network {
        static CAN: OnceLock<bool> = OnceLock::new();
        let command = |program: &[&str]| {
            let mut command = Command::new("unshare");
            command.args(["--map-root-user", "--net"]).args(program);
            command
        };
        let can = *CAN.get_or_init(|| run(command(&["ip", "link", "set", "lo", "up"])).code == Some(0));
        if !can {
            let turn = File::create(std::env::temp_dir().join("faultwire-tests-ports.lock")).unwrap();
            turn.lock().unwrap();
            return Network { holder: None, _turn: Some(turn) };
        }
        let holder = Process::spawn(command(&["sh", "-c", "ip link set lo up && echo up && exec sleep infinity"]));
        eventually("the network is up", || holder.out() == "up\n");
        Network { holder: Some(holder), _turn: None }
    }

    /// A program in this network.
    fn command(&self, program: &Path) -> Command {
        let Some(holder) = &self.holder else { return Command::new(program) };
        let mut command = Command::new("nsenter");
        command.args(["--preserve-credentials", "--user", "--net", "--target", &holder.child.id().to_string(), "--"]).arg(program);
        command
    }

    fn server(&self, flags: &[&str]) -> Server {
        Server::start(|name| self.command(name), flags)
    }
}
