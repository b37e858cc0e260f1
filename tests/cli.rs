//! The command line as people meet it, mistakes included: one clear error, the right code, no panic, no hang.

use crate::{
    harness::{Dir, Ended, Running, faultwire, run, world},
    upstream::Upstream,
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpListener,
};

fn call(words: &[&str]) -> Ended {
    let dir = Dir::new();
    let mut command = faultwire();
    command.args(words).current_dir(&dir.0);
    run(command)
}

/// A verb that acts on this process.
fn ask(running: &Running, words: &[&str]) -> Ended {
    let mut command = faultwire();
    command.args(words).args(["--url", &format!("http://{}", running.api)]).current_dir(&running.dir.0);
    run(command)
}

/// Each of these is refused with this code, and says why without saying how it is made.
#[track_caller]
fn refused(code: i32, calls: &[&[&str]]) {
    for words in calls {
        let shown = format!("{:.200}", words.join(" "));
        let ended = call(words);
        assert_eq!(ended.code, Some(code), "{shown}\nstdout: {}\nstderr: {}", ended.out, ended.err);
        clear(&shown, &ended);
    }
}

#[track_caller]
fn clear(shown: &str, ended: &Ended) {
    assert!(!ended.err.trim().is_empty(), "{shown}: no word about it");
    for word in ["panicked", "RUST_BACKTRACE", "unwrap", "Os {", "Error(", "::"] {
        assert!(!ended.err.replace("[::1]", "").replace("::1", "").contains(word), "{shown} says `{word}`:\n{}", ended.err);
    }
}

#[test]
fn without_a_verb_there_is_help() {
    let help = call(&[]).expect(0);
    for verb in ["run", "serve", "check", "inject", "heal", "status", "await", "tap", "ready", "demo"] {
        assert!(help.out.lines().any(|line| line.trim_start().starts_with(verb)), "{verb} is not in\n{}", help.out);
        let own = call(&[verb, "--help"]).expect(0);
        assert!(own.out.contains("Usage:"), "{}", own.out);
    }
    assert!(call(&["--version"]).expect(0).out.starts_with("faultwire "));
}

#[test]
fn wrong_usage() {
    refused(
        64,
        &[
            &["frobnicate"],
            &["--nonsense"],
            &["serve", "--nonsense"],
            &["serve", "--api", "nonsense"],
            &["serve", "--api", "127.0.0.1:99999"],
            &["serve", "--grace", "5"],
            &["serve", "--seed", "x"],
            &["serve", "--log", "loud"],
            &["serve", "no-such-file.yaml"],
            &["run"],
            &["run", "--"],
            &["run", "--wrap", "NOT_SET", "--", "true"],
            &["run", "--timeout", "5", "--", "true"],
            &["run", "--", "true"],
            &["run", "no-such-file.yaml", "--", "true"],
            &["check", "no-such-file.yaml"],
            &["check", "--format", "nonsense"],
            &["inject"],
            &["await"],
            &["explain", "nonsense"],
            &["library", "nonsense"],
            &["ready", "--wait", "soon"],
        ],
    );
}

#[test]
fn nobody_there() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    refused(
        69,
        &[
            &["status", "--url", &url],
            &["heal", "--url", &url],
            &["heal", "x", "--url", &url],
            &["inject", "db", "latency=1s", "--url", &url],
            &["await", "hits(x) >= 1", "--url", &url],
            &["tap", "--url", &url],
            &["ready", "--url", &url],
        ],
    );
}

#[test]
fn an_address_that_is_none() {
    for url in ["", "nonsense", "ftp://x:1", "http://", "http://[::1", "http://a b", "http://x:99999"] {
        let ended = call(&["status", "--url", url]);
        assert!(matches!(ended.code, Some(64 | 69)), "{url}: {ended:?}");
        clear(url, &ended);
    }
}

#[test]
fn somebody_else_is_there() {
    let upstream = Upstream::script(|mut conn| {
        conn.read(&mut [0; 1024]).ok();
        conn.stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").ok();
        conn.close();
    });
    let url = format!("http://{}", upstream.address);
    for words in [&["status"][..], &["heal"], &["inject", "db", "latency=1s"], &["await", "hits(x) >= 1"]] {
        let ended = call(&[words, &["--url", &url]].concat());
        assert_ne!(ended.code, Some(0), "{words:?}: {ended:?}");
        clear(words[0], &ended);
    }
}

#[test]
fn files_with_mistakes() {
    let dir = Dir::new();
    let deep = "[".repeat(10_000);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
                x-all: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    let long = format!("proxies:\n  {}: 1 -> a:1\n", "n".repeat(100_000));
    let texts: Vec<&[u8]> = vec![
        b"",
        b"\xff\xfe\x00",
        b"proxies: [",
        b"proxies: {}\nproxies: {}\n",
        b"faults:\n  - latency: 1s\n",
        b"proxies:\n  db: 0 -> nowhere\n",
        b"proxies:\n  db: 70000 -> a:1\n",
        b"proxies:\n  db: 0 -> a:1\nfaults:\n  - { proxy: dbb, latency: 1s }\n",
        b"proxies:\n  db: 0 -> a:1\nfaults:\n  - { proxy: db, latency: 99999999999999999999s }\n",
        b"include: f.yaml\n",
        b"\0\0\0\0",
        b"!!python/object:os.system x",
        deep.as_bytes(),
        bomb.as_bytes(),
        long.as_bytes(),
    ];
    for text in texts {
        let shown = String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
        dir.write("f.yaml", text);
        for words in [&["check", "f.yaml"][..], &["serve", "f.yaml", "--api", "127.0.0.1:0"], &["run", "f.yaml", "--", "true"]] {
            let mut command = faultwire();
            command.args(words).current_dir(&dir.0);
            let ended = run(command);
            assert_eq!(ended.code, Some(65), "{words:?} {shown}\n{}\n{:.2000}", ended.out, ended.err);
            assert!(!(ended.err.clone() + &ended.out).contains("panicked"), "{words:?} {shown}\n{}", ended.err);
        }
    }
}

#[test]
fn check_says_the_same_for_machines() {
    let dir = Dir::new();
    dir.write("f.yaml", "proxies:\n  db: 0 -> a:1\nfaults:\n  - { proxy: db, latency: 1 }\n");
    let mut command = faultwire();
    command.args(["check", "f.yaml", "--format", "json"]).current_dir(&dir.0);
    let ended = run(command).expect(65);
    assert!(ended.out.contains("E0201"), "{}", ended.out);
    for line in ended.out.lines().filter(|line| !line.trim().is_empty()) {
        assert!(serde_json::from_str::<Value>(line).is_ok() || serde_json::from_str::<Value>(&ended.out).is_ok(), "{line}");
    }
    dir.write("f.yaml", "proxies:\n  db: 0 -> a:1\nfaults:\n  - { proxy: db, latency: 1ms }\n");
    let mut command = faultwire();
    command.args(["check", "f.yaml"]).current_dir(&dir.0);
    run(command).expect(0);
}

#[test]
fn run_refuses_what_it_cannot_wrap_or_inject() {
    let upstream = Upstream::echo();
    let wrapped = |value: &str, options: &[&str]| {
        let mut command = faultwire();
        command.env("DB", value).args(["run", "--wrap", "DB"]).args(options).args(["--", "true"]);
        run(command)
    };
    for value in ["", "no-port", "redis://", "redis://x:99999", "\u{1}", "http://[::1", "a:b:c:d"] {
        let ended = wrapped(value, &[]).expect(64);
        clear(value, &ended);
        assert!(ended.err.contains("DB"), "{}", ended.err);
    }
    let secret = wrapped("redis://user:hunter2@", &[]);
    assert!(!secret.err.contains("hunter2"), "a password is shown: {}", secret.err);
    let address = upstream.address.to_string();
    for fault in [
        "",
        "db",
        "dbb latency=1s",
        "db latency",
        "db latency=1",
        "db latency=",
        "db bogus=1",
        "db status=503",
        "=",
        "db latency={",
        "latency=1s",
    ] {
        let ended = wrapped(&address, &["--inject", fault]).expect(64);
        clear(fault, &ended);
    }
}

#[test]
fn the_verbs_act_on_what_runs() {
    let upstream = Upstream::echo();
    let running =
        world().proxy("db", &upstream).faults(json!([{ "name": "ready-made", "proxy": "db", "reset": true, "enabled": false }])).start();
    let status = ask(&running, &["status"]).expect(0);
    assert!(status.out.contains("db") && status.out.contains(&running.port("db").to_string()), "{}", status.out);

    let inject = ask(&running, &["inject", "db", "latency=50ms", "probability=100%"]).expect(0);
    assert!((inject.out + &inject.err).contains("db-latency"));
    assert_eq!(running.fault("db-latency")["latency"], "50ms");
    assert_eq!(running.fault("db-latency")["lease"], "15m");
    let mut client = running.connect("db");
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    let status = ask(&running, &["status"]).expect(0);
    assert!(status.out.contains("db-latency") && status.out.contains("1 hit"), "{}", status.out);
    ask(&running, &["await", "hits(db-latency) >= 1"]).expect(0);
    let waited = ask(&running, &["await", "hits(db-latency) >= 100", "--timeout", "200ms"]).expect(124);
    assert!((waited.out + &waited.err).contains("hits(db-latency) is 1"));

    ask(&running, &["inject", "ready-made"]).expect(0);
    assert_eq!(running.fault("ready-made")["active"], true);
    ask(&running, &["inject", "db", "close=true", "--for", "ever"]).expect(0);
    assert_eq!(running.fault("db-close")["lease"], "none");
    let healed = ask(&running, &["heal", "db-close"]).expect(0);
    assert!((healed.out + &healed.err).contains("db-close"));
    let healed = ask(&running, &["heal"]).expect(0);
    assert!((healed.out + &healed.err).contains("db-latency"));
    assert!(running.faults().iter().all(|fault| fault["active"] == false));
    ask(&running, &["heal"]).expect(0);
    let nothing = ask(&running, &["heal", "no-such-fault"]).expect(0);
    assert!((nothing.out + &nothing.err).contains("nothing to heal"), "healing has no preconditions, and says what it did");
    let json: Value = serde_json::from_str(&ask(&running, &["status", "--json"]).expect(0).out).unwrap();
    assert!(json.to_string().contains("\"db\""), "{json}");
}

#[test]
fn verbs_refuse_what_is_wrong_with_64() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    for words in [
        &["inject", "dbb", "latency=2s"][..],
        &["inject", "db", "latency=2"],
        &["inject", "db", "latencyy=2s"],
        &["inject", "db"],
        &["inject", "no-such-fault"],
        &["inject", "db", "latency=2s", "--for", "soon"],
        &["inject", "db", "status=503"],
        &["await", "hits(nobody) >= 1"],
        &["await", "nonsense"],
        &["await", "hits(db) >="],
        &["await", "hits(db-x) >= 1", "--timeout", "soon"],
    ] {
        let ended = ask(&running, words);
        assert_eq!(ended.code, Some(64), "{words:?}: {}{}", ended.out, ended.err);
        clear(&words.join(" "), &ended);
    }
    let near = ask(&running, &["inject", "dbb", "latency=2s"]).expect(64);
    assert!(near.err.contains("E0301") && near.err.contains("`db`"), "{}", near.err);
    assert_eq!(running.faults().len(), 0);
}

#[test]
fn explain_knows_every_effect_and_code() {
    for word in
        ["latency", "bandwidth", "slice", "slow_close", "corrupt", "blackhole", "reset", "close", "down", "probability", "E0201", "E0101"]
    {
        let ended = call(&["explain", word]).expect(0);
        assert!(ended.out.contains(word), "{}", ended.out);
    }
}

#[test]
fn the_library_can_be_copied_from() {
    let listed = call(&["library"]).expect(0);
    assert!(listed.out.contains("flaky-payments"), "{}", listed.out);
    assert!(call(&["library", "flaky-payments"]).expect(0).out.contains("faults:"));
}

#[test]
fn import_takes_what_it_can_and_says_what_it_cannot() {
    let dir = Dir::new();
    let json =
        r#"[{"name":"redis","listen":"127.0.0.1:0","upstream":"127.0.0.1:1","toxics":[{"type":"latency","attributes":{"latency":5}}]}]"#;
    let file = dir.write("toxiproxy.json", json).display().to_string();
    let out = dir.0.join("faultwire.yaml").display().to_string();
    assert!(call(&["import", &file]).expect(0).out.contains("latency: 5ms, direction: to_client"));
    call(&["import", &file, "-o", &out]).expect(0);
    call(&["check", &out]).expect(0);
    let bad = |name: &str, text: &str| dir.write(name, text).display().to_string();
    refused(64, &[&["import"], &["import", "/no/such/file"], &["import", &file, "-o", &out], &["import", &dir.0.display().to_string()]]);
    refused(73, &[&["import", &file, "-o", "/no/such/folder/x.yaml"]]);
    refused(
        65,
        &[
            &["import", &bad("empty", "")],
            &["import", &bad("none", "[]")],
            &["import", &bad("text", "proxies:\n  a: 1 -> b:2\n")],
            &["import", &bad("number", "[1]")],
            &["import", &bad("deep", &"[".repeat(100_000))],
            &["import", &bad("field", r#"[{"name":"a","upstream":"b:1","upsteam":"c:1"}]"#)],
            &["import", &bad("sense", r#"[{"name":"a","upstream":"b:1","toxics":[{"type":"bandwidth","attributes":{"rate":-1}}]}]"#)],
            &["import", &bad("port", r#"[{"name":"a","upstream":"b"}]"#)],
            &["import", &bad("range", r#"[{"name":"a","upstream":"b:99999"}]"#)],
            &["import", &bad("twice", r#"[{"name":"a","upstream":"b:1"},{"name":"a","upstream":"b:1"}]"#)],
        ],
    );
}

#[test]
fn tap_prints_what_happens() {
    let upstream = Upstream::echo();
    let running = world().proxy("db", &upstream).start();
    let mut command = faultwire();
    command.args(["tap", "--json", "--url", &format!("http://{}", running.api)]);
    let mut tap = crate::harness::Process::spawn(command);
    // It hears what comes after it has begun to listen, and it says nothing when it does.
    crate::harness::eventually("a hit is told", || {
        running.put("cut", json!({ "proxy": "db", "reset": true }));
        running.connect("db").read_to_end(&mut Vec::new()).ok();
        running.heal("cut");
        tap.out().contains("fault.hit")
    });
    assert!(tap.exited().is_none());
    for line in tap.out().lines().take(3) {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    // It does not handle signals; one that whoever started the tests may have had ignored would be ignored here as well.
    tap.signal(rustix::process::Signal::TERM);
    tap.wait();
    assert!(!tap.err().contains("panicked"), "{}", tap.err());
}
