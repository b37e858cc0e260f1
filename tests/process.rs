//! The life of the process: every way to its end heals, frees the ports, and ends with the code that was promised.

use crate::{
    harness::{Dir, Ended, Process, eventually, faultwire, run, world},
    upstream::Upstream,
};
use rustix::process::Signal;
use serde_json::json;
use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::process::ExitStatusExt,
    process::Command,
    time::{Duration, Instant},
};

#[test]
fn a_signal_heals_and_lets_connections_finish() {
    for signal in [Signal::TERM, Signal::INT] {
        let upstream = Upstream::echo();
        let mut running = world().proxy("db", &upstream).faults(json!([{ "proxy": "db", "latency": "30m" }])).start();
        let mut client = running.connect("db");
        client.write_all(b"held").unwrap();
        eventually("it is held", || running.hits("db-latency") == 1);
        let port = running.port("db");
        running.signal(signal);
        let mut back = [0; 4];
        client.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"held", "{signal:?}");
        eventually("nobody new is let in", || TcpStream::connect(port).is_err());
        assert_eq!(running.exited(), None, "it did not wait for the connection");
        client.write_all(b"more").unwrap();
        client.read_exact(&mut back).unwrap();
        drop(client);
        let status = running.wait();
        let code = 128 + signal.as_raw();
        assert!(status.code() == Some(0) || status.code() == Some(code), "{status}");
        running.assert_nothing_listens();
    }
}

#[test]
fn connections_that_do_not_finish_are_cut() {
    let upstream = Upstream::echo();
    let mut running = world().proxy("db", &upstream).start();
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    let begin = Instant::now();
    running.signal(Signal::TERM);
    running.wait();
    assert!(begin.elapsed() >= Duration::from_secs(4), "it gave connections only {:?}", begin.elapsed());
    assert!(!matches!(client.read(&mut [0]), Ok(1..)));
}

#[test]
fn a_second_signal_ends_at_once() {
    let upstream = Upstream::echo();
    let mut running = world().proxy("db", &upstream).start();
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    let port = running.port("db");
    running.signal(Signal::TERM);
    eventually("the first has been heard", || TcpStream::connect(port).is_err());
    let begin = Instant::now();
    running.signal(Signal::TERM);
    running.wait();
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    running.assert_nothing_listens();
}

#[test]
fn nothing_survives_a_kill() {
    let upstream = Upstream::echo();
    let mut running = world().proxy("db", &upstream).faults(json!([{ "proxy": "db", "blackhole": true }])).start();
    let mut client = running.connect("db");
    running.signal(Signal::KILL);
    assert_eq!(running.wait().signal(), Some(9));
    assert!(!matches!(client.read(&mut [0]), Ok(1..)));
    running.assert_nothing_listens();
}

#[test]
fn a_signal_heals_even_if_nobody_can_reach_the_api() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).faults(json!([{ "proxy": "db", "latency": "30m" }])).start();
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    eventually("it is held", || running.hits("db-latency") == 1);
    running.signal(Signal::USR1);
    client.read_exact(&mut [0]).unwrap();
    assert_eq!(running.fault("db-latency")["active"], false);
}

#[test]
fn a_signal_writes_the_state_to_the_log() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).faults(json!([{ "name": "told", "proxy": "db", "latency": "1ms" }])).start();
    running.signal(Signal::USR2);
    eventually("the state is told", || !running.events("state.proxy").is_empty() && running.log().contains("told is on"));
}

#[test]
fn ready_says_whether_it_is() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let ready = |api: SocketAddr| {
        let mut command = faultwire();
        command.args(["ready", "--url", &format!("http://{api}")]);
        run(command).code
    };
    assert_eq!(ready(running.api), Some(0));
    let api = running.api;
    drop(running);
    assert_ne!(ready(api), Some(0));
}

#[test]
fn start_after_start_leaves_nothing_and_never_fails() {
    let upstream = Upstream::echo();
    for _ in 0..20 {
        let running = world().proxy("db", &upstream).start();
        let mut client = running.connect("db");
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
    }
}

/// A run around a shell that asks `$DB` for something: it fails if nothing comes.
fn wrapped(upstream: SocketAddr, options: &[&str], shell: &str) -> Command {
    let mut command = faultwire();
    command.env("DB", upstream.to_string()).arg("run").args(["--wrap", "DB"]).args(options).args(["--", "bash", "-c", shell]);
    command.current_dir(std::env::temp_dir());
    command
}

/// Opens `$DB`, says a word and reads it back.
const ASK: &str = "exec 3<>/dev/tcp/${DB%:*}/${DB#*:}; echo hello >&3; read -r -t 20 word <&3; test \"$word\" = hello";

#[test]
fn run_passes_output_and_exit_code_on() {
    let upstream = Upstream::echo();
    let ended = run(wrapped(upstream.address, &[], "printf 'a\\0b\\n'; echo c >&2; exit 7")).expect(7);
    assert_eq!(ended.out, "a\0b\n");
    assert!(ended.err.lines().any(|line| line == "c"), "{}", ended.err);
    let ended = run(wrapped(upstream.address, &["--inject", "db latency=50ms"], ASK)).expect(0);
    assert!(ended.err.contains("hit 1 of 1"), "{}", ended.err);
    assert!(ended.err.contains("--seed "), "how to do it again is said: {}", ended.err);
    assert_eq!(ended.out, "");
}

#[test]
fn a_run_whose_fault_was_never_hit_proves_nothing() {
    let upstream = Upstream::echo();
    let ended = run(wrapped(upstream.address, &["--inject", "db latency=50ms"], "true")).expect(98);
    assert!(ended.err.contains("inconclusive") && ended.err.contains("nothing ever reached db"), "{}", ended.err);
    assert!(ended.err.contains("DB") && ended.err.contains("--allow-inconclusive"), "{}", ended.err);
    run(wrapped(upstream.address, &["--inject", "db latency=50ms", "--allow-inconclusive"], "true")).expect(0);
    run(wrapped(upstream.address, &["--inject", "db latency=50ms optional=true"], "true")).expect(0);
    let ended = run(wrapped(upstream.address, &["--inject", "db reset=true skip=5"], ASK)).expect(98);
    assert!(ended.err.contains("skip"), "the reason is said: {}", ended.err);
    let ended = run(wrapped(upstream.address, &["--inject", "db latency=50ms"], "exit 3")).expect(3);
    assert!(ended.err.contains("inconclusive"), "{}", ended.err);
}

#[test]
fn a_run_without_faults_is_not_in_the_way() {
    let upstream = Upstream::echo();
    run(wrapped(upstream.address, &[], ASK)).expect(0);
}

#[test]
fn a_fault_that_breaks_the_command_gives_the_commands_own_code() {
    let upstream = Upstream::echo();
    let ended = run(wrapped(upstream.address, &["--inject", "db reset=true"], &format!("{ASK} || exit 9"))).expect(9);
    assert!(ended.err.contains("hit 1 of 1"), "{}", ended.err);
    let ended =
        run(wrapped(upstream.address, &["--inject", "db down=true"], &format!("{{ {ASK}; }} 2>/dev/null && exit 1; exit 0"))).expect(0);
    assert!(ended.err.contains("refused at most"), "{}", ended.err);
}

#[test]
fn commands_that_cannot_be_run() {
    let upstream = Upstream::echo();
    let bare = |words: &[&str]| -> Ended {
        let mut command = faultwire();
        command.env("DB", upstream.address.to_string()).args(["run", "--wrap", "DB", "--"]).args(words);
        run(command)
    };
    let missing = bare(&["/nowhere/no-such-command"]).expect(127);
    assert!(missing.err.contains("no-such-command"), "{}", missing.err);
    let dir = Dir::new();
    let file = dir.write("not-executable", "#!/bin/sh\n");
    bare(&[file.to_str().unwrap()]).expect(126);
}

#[test]
fn a_command_that_takes_too_long_is_ended() {
    let upstream = Upstream::echo();
    let begin = Instant::now();
    run(wrapped(upstream.address, &["--timeout", "300ms"], "sleep 600")).expect(124);
    assert!(begin.elapsed() < Duration::from_secs(30));
}

/// Starts a run whose command writes where its proxy is, and then waits for ever.
fn waiting(upstream: &Upstream, options: &[&str]) -> (Process, SocketAddr, u32) {
    let options: Vec<&str> = options.to_vec();
    let shell = "echo $DB $$; exec sleep 600";
    let process = Process::spawn(wrapped(upstream.address, &options, shell));
    eventually("the command runs", || process.out().ends_with('\n'));
    let out = process.out();
    let (address, pid) = out.trim().split_once(' ').unwrap();
    (process, address.parse().unwrap(), pid.parse().unwrap())
}

fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_killed_command_is_told_by_its_code_and_leaves_nothing() {
    let upstream = Upstream::echo();
    let (mut process, address, pid) = waiting(&upstream, &["--inject", "db latency=1ms"]);
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
    assert_eq!(process.wait().code(), Some(137));
    TcpListener::bind(address).unwrap();
}

#[test]
fn a_signal_to_a_run_heals_and_ends_the_command_as_well() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let upstream = Upstream::echo();
        let (mut process, address, pid) = waiting(&upstream, &["--inject", "db blackhole=true"]);
        let mut client = TcpStream::connect(address).unwrap();
        crate::harness::patient(&client);
        client.write_all(b"x").unwrap();
        process.signal(signal);
        assert_eq!(process.wait().code(), Some(code));
        assert!(!is_alive(pid), "the command outlived its run");
        // What the silence had not swallowed yet was healed; the connection has ended in any case.
        client.read_to_end(&mut Vec::new()).ok();
        TcpListener::bind(address).unwrap();
    }
}

#[test]
fn a_run_that_is_killed_leaves_no_port() {
    let upstream = Upstream::echo();
    let (mut process, address, pid) = waiting(&upstream, &["--inject", "db blackhole=true"]);
    process.signal(Signal::KILL);
    eventually("the port is free", || TcpListener::bind(address).is_ok());
    // Whether the command goes on without its proxy is its own business; it still holds our pipes.
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid as i32).unwrap(), Signal::KILL).ok();
    assert_eq!(process.wait().signal(), Some(9));
}

#[test]
fn what_is_typed_reaches_the_command() {
    let upstream = Upstream::echo();
    let mut command = Command::new("bash");
    command
        .args(["-c", "printf 'a\\0b' | \"$0\" run --wrap DB -- cat"])
        .arg(crate::harness::binary())
        .env("DB", upstream.address.to_string());
    assert_eq!(run(command).expect(0).out, "a\0b");
}

#[test]
fn a_run_heals_before_it_ends() {
    let upstream = Upstream::echo();
    // The command leaves somebody behind who still waits for an answer that a fault holds.
    let shell = format!("({ASK} && echo healed) & sleep 0.5; exit 0");
    let mut process = Process::spawn(wrapped(upstream.address, &["--inject", "db latency=30m"], &shell));
    assert_eq!(process.wait().code(), Some(0), "{}", process.log());
    assert!(process.out().contains("healed"), "{}", process.log());
}

#[test]
fn the_journal_of_a_run_holds_what_was_decided() {
    let upstream = Upstream::echo();
    let dir = Dir::new();
    let journal = dir.0.join("journal.jsonl");
    let options = ["--inject", "db reset=true times=1", "--journal", journal.to_str().unwrap()];
    run(wrapped(upstream.address, &options, &format!("( {ASK} ); {ASK}"))).expect(0);
    let text = std::fs::read_to_string(&journal).unwrap();
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let decided: Vec<_> = events.iter().filter(|event| event["fault"] == "db-reset" && event["n"].is_u64()).collect();
    assert_eq!(decided.len(), 2, "{text}");
    assert_eq!((&decided[0]["event"], &decided[0]["n"]), (&json!("fault.hit"), &json!(1)));
    assert_eq!((&decided[1]["event"], &decided[1]["reason"]), (&json!("fault.suppressed"), &json!("times")));
}

#[test]
fn a_journal_that_cannot_be_written_is_an_error() {
    let upstream = Upstream::echo();
    run(wrapped(upstream.address, &["--journal", "/nowhere/at/all.jsonl"], "true")).expect(73);
}

#[test]
fn the_demo_shows_real_numbers_and_ends_well() {
    let mut command = faultwire();
    command.arg("demo");
    let ended = run(command).expect(0);
    assert!(ended.out.contains("hit"), "{}", ended.out);
    assert!(!ended.out.contains("panicked"), "{}", ended.out);
}

#[test]
fn a_reader_that_has_gone_ends_a_verb_quietly() {
    let mut command = Command::new("bash");
    command.args(["-c", "\"$0\" --help | head -1; exit ${PIPESTATUS[0]}"]).arg(crate::harness::binary());
    let ended = run(command);
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
}

#[test]
fn a_client_that_leaves_while_it_is_held_is_forgotten() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).faults(json!([{ "proxy": "db", "latency": "30m" }])).start();
    for _ in 0..50 {
        let mut client = running.connect("db");
        client.write_all(b"x").unwrap();
        crate::upstream::reset(&client);
    }
    eventually("they are gone or healed", || {
        if running.connections("db") == 0 {
            return true;
        }
        running.heal_all();
        false
    });
    assert_ne!(TcpStream::connect(running.port("db")).map_err(|error| error.kind()).err(), Some(ErrorKind::ConnectionRefused));
}
