//! Servers and clients that other people wrote. What is missing is named: nothing is skipped.

use crate::{
    harness::{Dir, Ended, Process, eventually, faultwire, run, world},
    upstream::Upstream,
};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// Where a program is; if it is nowhere, what to install.
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let found = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is missing: run tests/run, or install it with `apt-get install {package}`"))
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

struct Redis {
    address: SocketAddr,
    _process: Process,
    _dir: Dir,
}

impl Redis {
    fn start() -> Redis {
        let (server, dir) = (program("redis-server", "redis-server"), Dir::new());
        for _ in 0..5 {
            let address = free_port();
            let mut command = Command::new(&server);
            command
                .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
                .arg("--dir")
                .arg(&dir.0);
            let mut process = Process::spawn(command);
            let mut up = false;
            eventually("redis is up", || {
                up = TcpStream::connect(address).is_ok_and(|mut client| {
                    crate::harness::patient(&client);
                    let mut pong = [0; 7];
                    client.write_all(b"PING\r\n").is_ok() && client.read_exact(&mut pong).is_ok() && &pong == b"+PONG\r\n"
                });
                up || process.exited().is_some()
            });
            if up && process.exited().is_none() {
                return Redis { address, _process: process, _dir: dir };
            }
        }
        panic!("redis-server does not start")
    }

    /// A command of `faultwire run` with this server behind `REDIS_URL`.
    fn wrapped(&self, options: &[&str], shell: &str) -> Ended {
        program("redis-cli", "redis-tools");
        let mut command = faultwire();
        command.env("REDIS_URL", format!("redis://{}/0", self.address)).args(["run", "--wrap", "REDIS_URL"]).args(options);
        command.args(["--", "bash", "-c", shell]).current_dir(std::env::temp_dir());
        run(command)
    }
}

#[test]
fn redis_answers_late_and_every_hit_is_counted() {
    let redis = Redis::start();
    // Five connections, three commands each; `--latency`-like measuring by the shell's own clock.
    let shell = r#"
        for i in 1 2 3 4 5; do
            begin=$(date +%s%N)
            test "$(redis-cli -u "$REDIS_URL" set key-$i $i)" = OK || exit 1
            end=$(date +%s%N)
            echo $(( (end - begin) / 1000000 ))
        done
        test "$(redis-cli -u "$REDIS_URL" get key-3)" = 3
    "#;
    let ended = redis.wrapped(&["--inject", "redis latency=200ms"], shell).expect(0);
    let times: Vec<u64> = ended.out.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(times.len(), 5);
    assert!(times.iter().all(|time| *time >= 200), "an answer was early: {times:?}");
    assert!(ended.err.contains("hit 6 of 6"), "{}", ended.err);
    assert!(ended.err.contains("latency 200ms"), "{}", ended.err);
}

#[test]
fn redis_on_one_connection_every_reply_is_late() {
    let redis = Redis::start();
    let upstream = redis.address;
    let running = world()
        .link("redis", json!(format!("127.0.0.1:0 -> {upstream}")))
        .faults(json!([{ "proxy": "redis", "latency": "200ms" }]))
        .start();
    let mut client = running.connect("redis");
    for _ in 0..5 {
        let begin = std::time::Instant::now();
        client.write_all(b"PING\r\n").unwrap();
        let mut pong = [0; 7];
        client.read_exact(&mut pong).unwrap();
        assert_eq!(&pong, b"+PONG\r\n");
        assert!(begin.elapsed() >= Duration::from_millis(200), "{:?}", begin.elapsed());
    }
    assert_eq!(running.hits("redis-latency"), 1);
}

#[test]
fn redis_that_is_gone_is_noticed() {
    let redis = Redis::start();
    let ended = redis.wrapped(&["--inject", "redis down=true"], "redis-cli -u \"$REDIS_URL\" ping && exit 1; exit 0").expect(0);
    assert!(ended.err.contains("refused at most"), "{}", ended.err);
    let ended = redis
        .wrapped(&["--inject", "redis reset=true after=3B"], "redis-cli -u \"$REDIS_URL\" ping | grep -q PONG && exit 1; exit 0")
        .expect(0);
    assert!(ended.err.contains("hit "), "{}", ended.err);
}

#[test]
fn redis_benchmark_pipelines_through_the_proxy() {
    let redis = Redis::start();
    let benchmark = program("redis-benchmark", "redis-tools");
    for faults in [json!([]), json!([{ "proxy": "redis", "latency": "2ms", "slice": "100B", "direction": "both" }])] {
        let running = world().link("redis", json!(format!("127.0.0.1:0 -> {}", redis.address))).faults(faults).start();
        let port = running.port("redis").port().to_string();
        let mut command = Command::new(&benchmark);
        command.args(["-h", "127.0.0.1", "-p", &port, "-P", "16", "-c", "20", "-n", "20000", "-t", "set,get,incr", "-q", "--csv"]);
        let ended = run(command).expect(0);
        for test in ["\"SET\"", "\"GET\"", "\"INCR\""] {
            assert!(ended.out.contains(test), "{}\n{}", ended.out, ended.err);
        }
        assert!(!ended.err.to_lowercase().contains("error") && !ended.out.to_lowercase().contains("error"), "{}\n{}", ended.out, ended.err);
        let mut client = running.connect("redis");
        client.write_all(b"GET counter:__rand_int__\r\n").unwrap();
        let mut kind = [0];
        client.read_exact(&mut kind).unwrap();
        assert_eq!(&kind, b"$", "not the answer to this question");
    }
}

/// A cluster of its own, run by whoever may run one: PostgreSQL refuses to run as root.
pub struct Postgres {
    pub address: SocketAddr,
    dir: Dir,
    control: PathBuf,
}

impl Postgres {
    pub fn start() -> Postgres {
        let (init, control) = (program("initdb", "postgresql"), program("pg_ctl", "postgresql"));
        let dir = Dir::new();
        // The server's user must be able to enter and to write here.
        std::fs::set_permissions(&dir.0, PermissionsExt::from_mode(0o777)).unwrap();
        let data = dir.0.join("data");
        let mut command = as_server(&init);
        command.args(["--username=tests", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"]).arg(&data);
        run(command).expect(0);
        for _ in 0..5 {
            let address = free_port();
            let options = format!("-p {} -k '' -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60", address.port());
            let mut command = as_server(&control);
            command.args(["start", "-w", "-t", "60", "-D"]).arg(&data).arg("-l").arg(dir.0.join("log")).args(["-o", &options]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
            if command.status().unwrap().success() {
                return Postgres { address, dir, control };
            }
        }
        panic!("PostgreSQL does not start:\n{}", std::fs::read_to_string(dir.0.join("log")).unwrap_or_default())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut command = as_server(&self.control);
        command.args(["stop", "-m", "immediate", "-D"]).arg(self.dir.0.join("data")).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().ok();
    }
}

fn as_server(program: &Path) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

#[test]
fn pgbench_runs_through_the_proxy_without_an_error() {
    let (pgbench, psql) = (program("pgbench", "postgresql-contrib"), program("psql", "postgresql-client"));
    let postgres = Postgres::start();
    let running = world()
        .link("db", json!(format!("127.0.0.1:0 -> {}", postgres.address)))
        .faults(json!([{ "name": "late", "proxy": "db", "latency": "1ms", "jitter": "1ms", "direction": "both", "enabled": false }]))
        .start();
    let port = running.port("db").port().to_string();
    let bench = |args: &[&str]| {
        let mut command = Command::new(&pgbench);
        command.env("PGSSLMODE", "disable").args(["-h", "127.0.0.1", "-p", &port, "-U", "tests"]).args(args).arg("postgres");
        run(command).expect(0)
    };
    bench(&["-i", "-q", "-s", "1"]);
    for protocol in ["simple", "prepared"] {
        let ended = bench(&["-c", "16", "-j", "2", "-T", "3", "-M", protocol, "-n"]);
        assert!(ended.out.contains("number of failed transactions: 0"), "{}", ended.out);
        running.call("PATCH", "/v1/faults/late", Some(json!({ "enabled": true }))).expect(200);
    }
    assert!(running.hits("late") > 0);
    let mut command = Command::new(&psql);
    let sums = "select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history), \
                (select sum(bbalance) from pgbench_branches) = (select sum(delta) from pgbench_history)";
    command.env("PGSSLMODE", "disable").args(["-h", "127.0.0.1", "-p", &port, "-U", "tests", "-tAc", sums, "postgres"]);
    assert_eq!(run(command).expect(0).out.trim(), "t|t");
}

#[test]
fn psql_sees_a_reset_and_a_new_connection_after_healing() {
    let psql = program("psql", "postgresql-client");
    let postgres = Postgres::start();
    let running = world().link("db", json!(format!("127.0.0.1:0 -> {}", postgres.address))).start();
    let port = running.port("db").port().to_string();
    let ask = || {
        let mut command = Command::new(&psql);
        command.env("PGSSLMODE", "disable").args(["-h", "127.0.0.1", "-p", &port, "-U", "tests", "-tAc", "select 41 + 1", "postgres"]);
        run(command)
    };
    assert_eq!(ask().expect(0).out.trim(), "42");
    running.put("cut", json!({ "proxy": "db", "reset": true, "when": "after_upstream" }));
    assert_eq!(ask().code, Some(2));
    running.heal("cut");
    assert_eq!(ask().expect(0).out.trim(), "42");
}

#[test]
fn netcat_ends_its_half_and_reads_the_rest_as_it_does_directly() {
    let nc = program("nc", "netcat-openbsd");
    let upstream = Upstream::sink();
    let running = world().proxy("db", &upstream).start();
    let talk = |to: SocketAddr| {
        let mut command = Command::new("bash");
        command.args(["-c", "head -c 3000000 /dev/zero | \"$0\" -N \"$1\" \"$2\" | od -An -tx1 | tr -d ' \\n'"]);
        command.arg(&nc).args([to.ip().to_string(), to.port().to_string()]);
        run(command).expect(0).out
    };
    let direct = talk(upstream.address);
    assert_eq!(direct, format!("{:016x}", 3_000_000));
    assert_eq!(talk(running.port("db")), direct);
}
