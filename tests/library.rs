//! Ready scenarios by their names: found, refused, and felt on the wire before real servers.

use crate::{
    harness::{Dir, Ended, PATIENCE, Running, eventually, faultwire, patient, run},
    real::{Postgres, program},
    upstream::Upstream,
};
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

/// Runs a verb in a folder, with these variables.
fn call(dir: &Dir, variables: &[(&str, &str)], words: &[&str]) -> Ended {
    let mut command = faultwire();
    command.args(words).current_dir(&dir.0).env_remove("LISTEN").env_remove("UPSTREAM").envs(variables.iter().copied());
    run(command)
}

fn listed() -> Vec<String> {
    let list = call(&Dir::new(), &[], &["library", "--json"]).expect(0).out;
    let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    list.iter().map(|ready| ready["name"].as_str().unwrap().to_owned()).collect()
}

/// Sends a word and reads it back.
fn ask(client: &mut TcpStream) -> std::io::Result<()> {
    client.write_all(b"word")?;
    let mut back = [0; 4];
    client.read_exact(&mut back)?;
    assert_eq!(&back, b"word");
    Ok(())
}

#[test]
fn every_name_is_taken_where_a_file_is() {
    let dir = Dir::new();
    let names = listed();
    assert!(names.len() >= 14, "{names:?}");
    for name in &names {
        let ended = call(&dir, &[], &["check", name]).expect(0);
        assert!(ended.err.contains("no mistakes found"), "{name}: {}", ended.err);
        let text = call(&dir, &[], &["library", name]).expect(0).out;
        assert!(text.contains("# A healthy client ") && text.contains(&format!("\nname: {name}\n")), "{text}");
    }
    let wrong = call(&dir, &[("LISTEN", "nowhere")], &["check", "cable-cut"]).expect(65);
    assert!(wrong.out.contains("--> cable-cut:") && wrong.out.contains("does not say on which port"), "{}", wrong.out);
}

#[test]
fn a_file_of_that_name_comes_first() {
    let dir = Dir::new();
    dir.write("cable-cut", "proxies: { mine: nonsense }\n");
    assert!(call(&dir, &[], &["check", "cable-cut"]).expect(65).out.contains("mine"));
    let running = {
        let upstream = Upstream::echo();
        let dir = Dir::new();
        dir.write("cable-cut/own.yaml", format!("proxies: {{ mine: '127.0.0.1:0 -> {}' }}\n", upstream.address));
        Running::serve(dir, Path::new("cable-cut"), &[])
    };
    assert_eq!(running.proxies()[0]["name"], "mine");
}

#[test]
fn what_is_neither_is_refused_with_what_there_is() {
    let dir = Dir::new();
    dir.write("first.yaml", "proxies: {}\n");
    dir.write("second.yml", "proxies: {}\n");
    for (name, help) in [
        ("slow-databse", "did you mean `slow-database`?"),
        ("flaky", "did you mean `flaky-payments`?"),
        ("cable-cut.yaml", "did you mean `cable-cut`?"),
        ("frist.yaml", "did you mean `first.yaml`?"),
        ("nonsense", "scenario files here are first.yaml, second.yml, and `faultwire library` lists ready ones"),
    ] {
        for words in [&["check", name][..], &["serve", name], &["run", name, "--", "true"]] {
            let ended = call(&dir, &[], words).expect(64);
            assert!(ended.err.contains(&format!("there is no file {name}")) && ended.err.contains(help), "{words:?}: {}", ended.err);
        }
    }
    // A folder in front of it makes it a file.
    assert!(!call(&dir, &[], &["check", "./cable-cut"]).expect(64).err.contains("no ready scenario"));
    let two = call(&dir, &[("A", "h:1"), ("B", "h:2")], &["run", "cable-cut", "--wrap", "A", "--wrap", "B", "--", "true"]).expect(64);
    assert!(two.err.contains("stands in front of one address") && two.err.contains("--wrap upstream=A"), "{}", two.err);
}

#[test]
fn slow_database_before_postgresql() {
    let psql = program("psql", "postgresql-client");
    let postgres = Postgres::start();
    let url = format!("postgres://tests@{}/postgres?sslmode=disable", postgres.address);
    let shell = format!("'{}' \"$DATABASE_URL\" -tAc 'select 41 + 1'", psql.display());
    let begin = Instant::now();
    let words = ["run", "slow-database", "--wrap", "DATABASE_URL", "--", "bash", "-c", &shell];
    let ended = call(&Dir::new(), &[("DATABASE_URL", &url)], &words).expect(0);
    // An answer to the login and one to the question.
    assert!(begin.elapsed() >= Duration::from_millis(2 * 250), "an answer was early: {:?}", begin.elapsed());
    assert_eq!(ended.out.trim(), "42");
    assert!(ended.err.contains(&format!(" -> {}  (DATABASE_URL)", postgres.address)), "{}", ended.err);
    assert!(ended.err.contains("slow-answers: latency 300ms, jitter 50ms   hit 1 of 1 connection"), "{}", ended.err);
    assert!(ended.err.contains("--wrap DATABASE_URL slow-database -- bash"), "how to do it again is said: {}", ended.err);
}

#[test]
fn a_cable_that_is_cut_loses_nothing() {
    let upstream = Upstream::echo();
    let begin = Instant::now();
    // Time enough for a first word before it.
    let running = Running::ready_made("cable-cut", &upstream, &[("AT", "3s"), ("FOR", "2s")]);
    let mut client = running.connect("upstream");
    ask(&mut client).unwrap();
    eventually("the cable is cut", || running.fault("cut")["active"] == true);
    ask(&mut client).unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(5), "it came through a cable that was cut: {:?}", begin.elapsed());
    assert_eq!((running.hits("cut"), upstream.accepted()), (1, 1));
    ask(&mut client).unwrap();
}

#[test]
fn flaky_payments_lose_what_the_dice_say() {
    let upstream = Upstream::echo();
    let running = Running::ready_made("flaky-payments", &upstream, &[("LATENCY", "300ms"), ("LOST", "20%"), ("TWICE", "20%")]);
    let (mut lost, mut slow) = (0, 0);
    for _ in 0..60 {
        let begin = Instant::now();
        match ask(&mut running.connect("upstream")) {
            Ok(()) => slow += u64::from(begin.elapsed() >= Duration::from_millis(300)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                lost += 1;
            }
        }
    }
    let hits = |name| running.hits(name);
    assert_eq!(lost, hits("request-lost") + hits("answer-lost"));
    assert!(hits("request-lost") > 0 && hits("answer-lost") > 0 && hits("slow-answer") > 0);
    assert!(slow >= hits("slow-answer"), "{slow} of {} were slow", hits("slow-answer"));
    // What is lost on its way never arrives; where the answer is lost, the work was done.
    eventually("the upstream has had the others", || upstream.received() == 4 * (60 - hits("request-lost")));
}

#[test]
fn an_upstream_that_starts_refuses_at_first() {
    let upstream = Upstream::echo();
    let begin = Instant::now();
    let running = Running::ready_made("slow-start", &upstream, &[("DOWN", "3s"), ("LATENCY", "1ms")]);
    let address = running.port("upstream");
    let mut refused = 0;
    let mut client = loop {
        match TcpStream::connect(address) {
            Ok(client) => break client,
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
        }
        refused += 1;
        assert!(begin.elapsed() < PATIENCE, "it never listens");
    };
    assert!(begin.elapsed() >= Duration::from_secs(3) && refused > 0, "it listened after {:?}", begin.elapsed());
    patient(&client);
    ask(&mut client).unwrap();
}

#[test]
fn a_storm_takes_all_connections_and_greets_late() {
    let upstream = Upstream::echo();
    let running = Running::ready_made("connection-storm", &upstream, &[("AT", "3s"), ("LATENCY", "500ms")]);
    let mut clients: Vec<TcpStream> = (0..20).map(|_| running.connect("upstream")).collect();
    clients.iter_mut().for_each(|client| ask(client).unwrap());
    for client in &mut clients {
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(running.hits("all-lost"), 20);
    let begin = Instant::now();
    ask(&mut running.connect("upstream")).unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(500), "the greeting was early: {:?}", begin.elapsed());
    assert_eq!(running.hits("busy-greeting"), 1);
}

#[test]
fn files_and_names_go_together() {
    let dir = Dir::new();
    dir.write("faultwire.yaml", "proxies: { mine: '0 -> localhost:1' }\nfaults: [{ proxy: '*', latency: 1ms }]\n");
    let both = call(&dir, &[], &["check", "faultwire.yaml", "outage"]).expect(0);
    assert!(both.err.contains("no mistakes found"), "{}", both.err);
    // Of two names, both would be called the same.
    assert!(call(&dir, &[], &["check", "slow-database", "outage"]).expect(65).out.contains("two proxies named `upstream`"));
}
