//! `toxiproxy-cli`: the real one against Faultwire, and ours beside it, byte for byte, against Faultwire and against the real server.

mod sides;

use self::sides::{Client, Recorder, Side};
use crate::{
    harness::Ended,
    upstream::{Conn, Upstream},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// What is called, how it ends, what it says, and what it says of errors.
type Line = (&'static str, i32, &'static str, &'static str);

/// Both command lines, against Faultwire. `TAKEN` is an address that somebody has.
const TRANSCRIPT: &[Line] = &[
    ("list", 0, "", ""),
    ("create -l 127.0.0.1:0 -u localhost:1 p", 0, "Created new proxy p\n", ""),
    ("create -l 127.0.0.1:0 -u localhost:1 p", 1, "", "Failed to create proxy: Create: HTTP 409: proxy already exists\n\n"),
    ("c --listen=127.0.0.1:0 --upstream=localhost:2 q", 0, "Created new proxy q\n", ""),
    ("new -listen 127.0.0.1:0 -upstream x a~b:1", 0, "Created new proxy a b:1\n", ""),
    (
        "create -l TAKEN -u x other",
        1,
        "",
        "Failed to create proxy: Create: HTTP 500: listen tcp 127.0.0.1:PORT: bind: address already in use\n\n",
    ),
    (
        "create -l local373 -u x other",
        1,
        "",
        "Failed to create proxy: Create: HTTP 500: listen tcp: address local373: missing port in address\n\n",
    ),
    (
        "list",
        0,
        "a b:1\t127.0.0.1:PORT\tx\tenabled\t0\np\t127.0.0.1:PORT\tlocalhost:1\tenabled\t0\nq\t127.0.0.1:PORT\tlocalhost:2\tenabled\t0\n",
        "",
    ),
    ("toggle a~b:1", 0, "Proxy a b:1 is now disabled\n", ""),
    ("tog q", 0, "Proxy q is now disabled\n", ""),
    ("tog q", 0, "Proxy q is now enabled\n", ""),
    (
        "ls",
        0,
        "a b:1\t127.0.0.1:PORT\tx\tdisabled\t0\np\t127.0.0.1:PORT\tlocalhost:1\tenabled\t0\nq\t127.0.0.1:PORT\tlocalhost:2\tenabled\t0\n",
        "",
    ),
    ("delete a~b:1", 0, "Deleted proxy a b:1\n", ""),
    ("d q", 0, "Deleted proxy q\n", ""),
    ("inspect p", 0, "", ""),
    // Every type.
    ("toxic add -t noop p", 0, "Added downstream noop toxic 'noop_downstream' on proxy 'p'\n", ""),
    ("toxic add -t latency -a latency=100 -a jitter=50 p", 0, "Added downstream latency toxic 'latency_downstream' on proxy 'p'\n", ""),
    ("t a --type bandwidth -n bw -tox 0.5 -u -a rate=1 p", 0, "Added upstream bandwidth toxic 'bw' on proxy 'p'\n", ""),
    ("t a -t slow_close -d -a delay=7 p", 0, "Added downstream slow_close toxic 'slow_close_downstream' on proxy 'p'\n", ""),
    ("t a -t timeout -upstream -a timeout=1e3 p", 0, "Added upstream timeout toxic 'timeout_upstream' on proxy 'p'\n", ""),
    (
        "t a -t reset_peer --downstream=true -a timeout=0 p",
        0,
        "Added downstream reset_peer toxic 'reset_peer_downstream' on proxy 'p'\n",
        "",
    ),
    (
        "t a -t slicer --attribute average_size=64,size_variation=32 --attribute delay=10 p",
        0,
        "Added downstream slicer toxic 'slicer_downstream' on proxy 'p'\n",
        "",
    ),
    (
        "t a -t limit_data -toxicity=0.125 -a bytes=1000000 p",
        0,
        "Added downstream limit_data toxic 'limit_data_downstream' on proxy 'p'\n",
        "",
    ),
    ("li", 0, "p\t127.0.0.1:PORT\tlocalhost:1\tenabled\t8\n", ""),
    (
        "i p",
        0,
        "bw\ttype=bandwidth\tstream=upstream\ttoxicity=0.50\tattributes=[\trate=1\t]\n\
         timeout_upstream\ttype=timeout\tstream=upstream\ttoxicity=1.00\tattributes=[\ttimeout=1000\t]\n\
         noop_downstream\ttype=noop\tstream=downstream\ttoxicity=1.00\tattributes=[\t]\n\
         latency_downstream\ttype=latency\tstream=downstream\ttoxicity=1.00\tattributes=[\tjitter=50\tlatency=100\t]\n\
         slow_close_downstream\ttype=slow_close\tstream=downstream\ttoxicity=1.00\tattributes=[\tdelay=7\t]\n\
         reset_peer_downstream\ttype=reset_peer\tstream=downstream\ttoxicity=1.00\tattributes=[\ttimeout=0\t]\n\
         slicer_downstream\ttype=slicer\tstream=downstream\ttoxicity=1.00\tattributes=[\taverage_size=64\tdelay=10\tsize_variation=32\t]\n\
         limit_data_downstream\ttype=limit_data\tstream=downstream\ttoxicity=0.12\tattributes=[\tbytes=1e+06\t]\n",
        "",
    ),
    ("toxic update -n bw -tox 0.25 -a rate=2 p", 0, "Updated toxic 'bw' on proxy 'p'\n", ""),
    ("t u -toxicName=limit_data_downstream -tox 1 -a bytes=123456789 p", 0, "Updated toxic 'limit_data_downstream' on proxy 'p'\n", ""),
    ("toxic remove -n slicer_downstream p", 0, "Removed toxic 'slicer_downstream' on proxy 'p'\n", ""),
    ("t r -n noop_downstream p", 0, "Removed toxic 'noop_downstream' on proxy 'p'\n", ""),
    ("t delete -n timeout_upstream p", 0, "Removed toxic 'timeout_upstream' on proxy 'p'\n", ""),
    ("t d -n reset_peer_downstream p", 0, "Removed toxic 'reset_peer_downstream' on proxy 'p'\n", ""),
    (
        "ins p",
        0,
        "bw\ttype=bandwidth\tstream=upstream\ttoxicity=0.25\tattributes=[\trate=2\t]\n\
         latency_downstream\ttype=latency\tstream=downstream\ttoxicity=1.00\tattributes=[\tjitter=50\tlatency=100\t]\n\
         slow_close_downstream\ttype=slow_close\tstream=downstream\ttoxicity=1.00\tattributes=[\tdelay=7\t]\n\
         limit_data_downstream\ttype=limit_data\tstream=downstream\ttoxicity=1.00\tattributes=[\tbytes=1.23456789e+08\t]\n",
        "",
    ),
    // A disabled proxy keeps its toxics.
    ("toggle p", 0, "Proxy p is now disabled\n", ""),
    ("l", 0, "p\t127.0.0.1:PORT\tlocalhost:1\tdisabled\t4\n", ""),
    // What cannot be done.
    ("toxic add -t latency p", 1, "", "Failed to add toxic: failed to add toxic to proxy p: AddToxic: HTTP 409: toxic already exists\n\n"),
    ("toxic add -t lag p", 1, "", "Failed to add toxic: failed to add toxic to proxy p: AddToxic: HTTP 400: invalid toxic type\n\n"),
    (
        "toxic add -t latency -n x -a latency=1.5 p",
        1,
        "",
        "Failed to add toxic: failed to add toxic to proxy p: AddToxic: HTTP 400: bad request body: json: cannot unmarshal number 1.5 into Go struct field LatencyToxic.attributes.latency of type int64\n\n",
    ),
    (
        "toxic add -t latency -n x -a latency=soon p",
        1,
        "",
        "Failed to add toxic: failed to add toxic to proxy p: AddToxic: HTTP 400: bad request body: json: cannot unmarshal string into Go struct field LatencyToxic.attributes.latency of type int64\n\n",
    ),
    (
        "toxic add -t latency -a latency=inf p",
        1,
        "",
        "Failed to add toxic: failed to add toxic to proxy p: json: unsupported value: +Inf\n\n",
    ),
    ("toxic add -t latency nope", 1, "", "Failed to add toxic: failed to retrieve proxy with name `nope`: HTTP 404: proxy not found\n\n"),
    ("toxic update -n zz p", 1, "", "Failed to update toxic: failed to update toxic 'zz' of proxy 'p': HTTP 404: toxic not found\n\n"),
    ("toxic update -n x nope", 1, "", "Failed to update toxic: failed to retrieve proxy with name `nope`: HTTP 404: proxy not found\n\n"),
    ("toxic remove -n zz p", 1, "", "Failed to remove toxic: failed to remove toxic 'zz' from proxy 'p': HTTP 404: toxic not found\n\n"),
    ("toxic remove -n x nope", 1, "", "Failed to remove toxic: failed to retrieve proxy with name `nope`: HTTP 404: proxy not found\n\n"),
    (
        "toxic remove p",
        1,
        "",
        "Failed to remove toxic: failed to remove toxic '' from proxy 'p': json: cannot unmarshal number into Go value of type toxiproxy.ApiError\n\n",
    ),
    ("inspect nope", 1, "", "Failed to retrieve proxy nope: HTTP 404: proxy not found\n\n"),
    ("delete nope", 1, "", "Failed to retrieve proxy nope: HTTP 404: proxy not found\n\n"),
    ("toggle nope", 1, "", "Failed to retrieve proxy nope: HTTP 404: proxy not found\n\n"),
    ("toxic add -t latency -u -d p", 1, "", "Only one should be specified: upstream or downstream.\n\n"),
    ("toxic add -t latency -tox 1.5 p", 1, "", "toxicity should be a float between 0 and 1.\n\n"),
    ("toxic update -n bw -tox much p", 1, "", "toxicity should be a float between 0 and 1.\n\n"),
    (
        "-h 127.0.0.1:1 list",
        1,
        "",
        "Failed to retrieve proxies: fail to request: Get \"http://127.0.0.1:1/proxies\": dial tcp 127.0.0.1:1: connect: connection refused\n",
    ),
    ("bogus", 3, "", "No help topic for 'bogus'\n"),
    ("toxic bogus", 3, "", "No help topic for 'bogus'\n"),
    ("help bogus", 3, "", "No help topic for 'bogus'\n"),
    ("-v", 0, "toxiproxy-cli version 2.12.0\n", ""),
    ("--version", 0, "toxiproxy-cli version 2.12.0\n", ""),
];

#[test]
fn the_transcript() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for client in [Client::Real, Client::Ours] {
        let side = Side::new(client);
        for (line, code, out, err) in TRANSCRIPT {
            let ended = side.call(&line.replace("TAKEN", &taken));
            assert_eq!((ended.out.as_str(), ended.err.as_str(), ended.code), (*out, *err, Some(*code)), "{client:?} {line}");
        }
    }
}

/// With both servers: the same is said, whatever it is.
const TALK: &[&str] = &[
    "create -l 127.0.0.1:0 -u localhost:1 p",
    "create -l 127.0.0.1:0 -u localhost:1 p",
    "create -l local373 -u x q",
    "create -l 127.0.0.1:0 -u x a~b:1/2",
    "create -l 127.0.0.1:0 -u x é<&>",
    "list",
    "inspect a~b:1/2",
    "toggle é<&>",
    "list",
    "delete é<&>",
    "toxic add -t latency -a latency=1e3 -a jitter=,extra=yes -a nothing p",
    "toxic add -t latency -a latency=1e3 -a extra=yes -a nothing p",
    "toxic add -t limit_data -u -n a~b -a bytes=99999999 -a bytes=1e6 p",
    "toxic add -t noop -n tox/ic -tox 0 p",
    "toxic add -t latency -a latency=-0 -n zero -tox 0.375 p",
    "toxic add -t latency -a latency=+5,jitter=1e30 -n far p",
    "toxic add -t Latency p",
    "toxic add -t latency -a latency=nan p",
    "toxic add -t latency -a latency=-Infinity p",
    "toxic add -t latency -a latency=1e999 -n far p",
    "inspect p",
    "toxic update -n a~b -tox 0.6251 -a bytes=5 p",
    "toxic update -n zero -tox 1 p",
    "toxic update -n zero -tox 1e-7 -a jitter=0.5 p",
    "toxic update -n zero -tox nothing p",
    "inspect p",
    "toggle p",
    "toggle p",
    "inspect p",
    "toxic remove -n tox/ic p",
    "toxic remove -n a~b p",
    "list and more",
    "inspect -",
    "-host= list",
    "-host 127.0.0.1:1 create -l x -u y p",
    "-host 127.0.0.1:1 toggle p",
    "-host 127.0.0.1:1 delete p",
    "-host 127.0.0.1:1 toxic add -t latency p",
    "-host [::1]:1 toxic update -n x p",
    "-host 127.0.0.1:99999 toxic remove -n x p",
    "-- list",
    "delete p",
    "list",
];

#[test]
fn side_by_side() {
    for start in [Side::new, Side::at_real_server] {
        let (real, ours) = (start(Client::Real), start(Client::Ours));
        for line in TALK {
            same(line, real.call(line), ours.call(line));
        }
    }
}

#[test]
fn the_help_is_the_same() {
    let (real, ours) = (Side::new(Client::Real), Side::new(Client::Ours));
    let lines = "|help|--help|toxic|toxic --help|toxic help|toxic h|list h|list help|list --help|l -help|inspect --help|inspect h\
        |create --help|toggle --help|delete --help|help create|help list x|--help list|--help=false|toxic help add|toxic -- add\
        |toxic add --help|toxic remove --help|toxic --help add|toxic add help|inspect|create|toggle|delete|toxic add|toxic remove\
        |create p|create -l x p|create -l= -u=x p|toxic add p|list -h|toxic -h|toxic add -h|inspect help x|list help x|toxic help x\
        |toxic add help x|-v list";
    for line in lines.split('|') {
        same(line, real.call(line), without_ours(ours.call(line)));
    }
}

/// Our help has more to tell: an option, and a toxic that the other forgets.
fn without_ours(ended: Ended) -> Ended {
    let out = ended.out.replace("     limit_data: close after so many bytes\n                 bytes=<bytes>\n\n", "");
    let out = out.split_inclusive('\n').filter(|line| !line.trim_start().starts_with("--json ")).collect();
    Ended { out, ..ended }
}

/// Where we differ on purpose, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    // A line that cannot be read has done nothing, and says so by its code. Theirs is 0.
    ("-bogus list", "1 is no success"),
    ("list -v", "1 is no success"),
    ("create -l", "1 is no success"),
    ("toxic add -u=x p", "1 is no success"),
    ("toxic add -n a --toxicName b p", "1 is no success"),
    ("---x", "1 is no success"),
    ("--help=maybe", "1 is no success"),
    ("-h", "1 is no success"),
];

#[test]
fn what_cannot_be_read_is_an_error() {
    let (real, ours) = (Side::new(Client::Real), Side::new(Client::Ours));
    for (line, why) in DIFFERENCES {
        let (theirs, ours) = (real.call(line), without_ours(ours.call(line)));
        assert_eq!((theirs.code, ours.code), (Some(0), Some(1)), "{line}: {why}");
        assert!(ours.out.starts_with("Incorrect Usage: "), "{line}: {}", ours.out);
        same(line, theirs, Ended { code: Some(0), ..ours });
    }
    // Help for what is not there: theirs is empty, or of what stands before it.
    for line in ["--help bogus", "help toxic bogus"] {
        assert_eq!(real.call(line).code, Some(0));
        assert_eq!(ours.call(line).expect(3).err, "No help topic for 'bogus'\n");
    }
    // Theirs ends in the middle, for want of a list of commands.
    let (theirs, ours) = (real.call("help toxic").expect(0), without_ours(ours.call("help toxic").expect(0)));
    assert!(!theirs.out.contains("COMMANDS:") && ours.out.contains("COMMANDS:\n   add, a "), "{}", ours.out);
    assert!(ours.out.starts_with(theirs.out.trim_end()));
}

#[test]
fn the_same_on_a_terminal() {
    let (real, ours) = (Side::new(Client::Real), Side::new(Client::Ours));
    let lines = "list|create -l 127.0.0.1:0 -u localhost:1 p|list|inspect p|create -l 127.0.0.1:0 -u an.upstream.with.a.long.name:80 a-longer-name-of-a-proxy\
        |toggle a-longer-name-of-a-proxy|list|toxic add -t latency -a latency=5 p|inspect p|toxic add -t noop -u p|inspect p\
        |toxic remove -n latency_downstream p|inspect p|list|toggle nope|inspect|list --help|toggle a-longer-name-of-a-proxy|delete p|bogus";
    for line in lines.split('|') {
        let ended = ours.call_on_terminal(line);
        if line == "list" {
            assert!(ended.out.starts_with("\x1b[32mName\t"), "no colours: {}", ended.out);
            assert!(ended.out.contains("Hint: "), "no hint: {}", ended.out);
        }
        same(line, real.call_on_terminal(line), without_ours(ended));
    }
}

#[test]
fn the_same_is_asked() {
    let (real, ours) = (Side::new(Client::Real), Side::new(Client::Ours));
    let (real_heard, ours_heard) = (Recorder::new(real.api), Recorder::new(ours.api));
    let agent = format!("toxiproxy-cli/2.12.0 (linux/{})", if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" });
    for line in TALK.iter().filter(|line| !line.contains("-host")) {
        real.call_through(&real_heard, line);
        ours.call_through(&ours_heard, line);
        let asked = ours_heard.take();
        assert_eq!(asked, real_heard.take(), "ours, theirs: {line}");
        assert!(asked.iter().all(|asked| asked.contains(&format!("| {agent} | application/json |"))), "{asked:?}");
    }
    // But for this: they send a toxicity of 1 that nobody has asked for.
    for (side, heard, body) in
        [(&real, &real_heard, r#"{"attributes":{"jitter":1},"toxicity":1}"#), (&ours, &ours_heard, r#"{"attributes":{"jitter":1}}"#)]
    {
        side.call_through(heard, "create -l 127.0.0.1:0 -u x p").expect(0);
        side.call_through(heard, "toxic add -t latency -n t -tox 0.5 p").expect(0);
        heard.take();
        side.call_through(heard, "toxic update -n t -a jitter=1 p").expect(0);
        let asked = heard.take();
        assert!(asked.len() == 2 && asked[1].ends_with(body), "{asked:?}");
    }
    assert_eq!(real.get("/proxies/p/toxics/t")["toxicity"], 1);
    assert_eq!(ours.get("/proxies/p/toxics/t")["toxicity"], 0.5);
}

#[test]
fn servers_that_are_none() {
    let (real, ours) = (Side::new(Client::Real), Side::new(Client::Ours));
    for said in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"a\":",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<html>hello</html>",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"a\":{\"name\":1}}",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"a\":{\"name\":\"x\",\"toxics\":null,\"more\":[]}}",
        "HTTP/1.1 503 Wait\r\nconnection: close\r\n\r\n<html><head><title>Timeout</title></head></html>",
        "HTTP/1.1 403 No\r\nconnection: close\r\n\r\n{\"error\":\"not you\",\"status\":403}",
        "HTTP/1.1 500 Oh\r\nconnection: close\r\n\r\n{}",
    ] {
        let upstream = Upstream::script(move |mut conn| {
            let _asking = hear(&conn);
            conn.stream.write_all(said.as_bytes()).ok();
            conn.stream.shutdown(Shutdown::Both).ok();
        });
        for line in ["list", "inspect p", "toxic remove -n t p"] {
            let line = format!("-h {} {line}", upstream.address);
            same(&format!("{line} after {said:?}"), real.call(&line), ours.call(&line));
        }
    }
}

/// Reads the head of a request.
fn hear(conn: &Conn) -> BufReader<TcpStream> {
    let mut from = BufReader::new(conn.stream.try_clone().unwrap());
    let mut line = String::new();
    while from.read_line(&mut line).is_ok_and(|n| n > 2) {
        line.clear();
    }
    from
}

#[test]
fn nobody_waits_for_ever() {
    let (real, ours) = (Side::new(Client::Real), Side::new(Client::Ours));
    // It takes connections and says nothing; or says a head, and no body.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow = Upstream::script(|mut conn| {
        let mut asking = hear(&conn);
        conn.stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").ok();
        asking.read_to_end(&mut Vec::new()).ok();
    });
    let lines = [format!("-h {} list", silent.local_addr().unwrap()), format!("-h {} list", slow.address)];
    let begin = Instant::now();
    thread::scope(|scope| {
        let calls = lines.each_ref().map(|line| (line, scope.spawn(|| real.call(line)), scope.spawn(|| ours.call(line))));
        for (line, real, ours) in calls {
            same(line, real.join().unwrap(), ours.join().unwrap());
            assert!(begin.elapsed() >= Duration::from_secs(30), "{line}");
        }
    });
}

#[test]
fn flags_stand_where_they_like() {
    let side = Side::new(Client::Ours);
    let elsewhere = Side::new(Client::Ours);
    side.call("create p -l 127.0.0.1:0 --upstream=x").expect(0);
    side.call("toxic add p -t latency -a latency=5 -n late -u").expect(0);
    let toxic = side.get("/proxies/p/toxics/late");
    assert_eq!((toxic["stream"].as_str(), toxic["attributes"]["latency"].as_i64()), (Some("upstream"), Some(5)));
    side.call("toxic update p -a jitter=1 --toxicName late").expect(0);
    assert_eq!(side.get("/proxies/p/toxics/late")["attributes"], json!({ "latency": 5, "jitter": 1 }));
    // The last place named is the one that is meant; theirs would have deleted the proxy at the usual place.
    side.call(&format!("delete p --host {}", elsewhere.api)).expect(1);
    side.call(&format!("-h {} delete --host={} p", elsewhere.api, side.api)).expect(0);
    // What stands behind `--` is no flag, and what is unknown is no argument.
    side.call("create -l 127.0.0.1:0 -u x -- -p").expect(0);
    side.call("delete -- -p").expect(0);
    let ended = side.call("create -l 127.0.0.1:0 -u x p --tox 1").expect(1);
    assert!(ended.out.starts_with("Incorrect Usage: flag provided but not defined: -tox\n\nNAME:\n"), "{}", ended.out);
    assert_eq!(side.get("/proxies"), json!({}));
}

#[test]
fn programs_are_told_in_json() {
    for side in [Side::new(Client::Ours), Side::at_real_server(Client::Ours)] {
        side.call("create -l 127.0.0.1:0 -u x p").expect(0);
        side.call("toxic add -t bandwidth -a rate=7 p").expect(0);
        let listed = run_json(&side, "list");
        assert_eq!(listed, side.get("/proxies"));
        assert_eq!(run_json(&side, "inspect p"), listed["p"]);
        assert_eq!(listed["p"]["toxics"][0]["attributes"], json!({ "rate": 7 }));
    }
    let side = Side::new(Client::Ours);
    assert_eq!(run_json(&side, "--version")["version"], "2.12.0");
    assert_eq!(side.call("inspect nope --json").expect(1).err, "Failed to retrieve proxy nope: HTTP 404: proxy not found\n\n");
    for line in ["--json create -l x -u y p", "create -l x -u y --json p", "toggle p --json"] {
        assert!(side.call(line).expect(1).out.starts_with("Incorrect Usage: "), "{line}");
    }
}

/// Said before the command and behind it.
fn run_json(side: &Side, line: &str) -> Value {
    let before = side.call_plainly(&format!("--json {line}"));
    assert_eq!(before.lines().count(), 1, "{before}");
    if !line.starts_with('-') {
        assert_eq!(side.call_plainly(&format!("{line} --json")), before);
    }
    serde_json::from_str(&before).unwrap()
}

#[test]
fn every_name_can_be_called() {
    let side = Side::new(Client::Ours);
    // Theirs asks for `a` where there is `a?b` or `a#b`, and for nothing where there is a lone percent sign.
    for name in ["a?b", "a#b", "100%", "a~b", "é", "127.0.0.1:80", "<&>\"", "a\tb"] {
        side.call(&format!("create -l 127.0.0.1:0 -u x {name}")).expect(0);
        side.call(&format!("toxic add -t noop -n {name} {name}")).expect(0);
        side.call(&format!("toxic remove -n {name} {name}")).expect(0);
        side.call(&format!("toggle {name}")).expect(0);
        side.call(&format!("delete {name}")).expect(0);
    }
}

#[track_caller]
fn same(line: &str, real: Ended, ours: Ended) {
    assert_eq!((ours.out, ours.err, ours.code), (real.out, real.err, real.code), "ours, theirs: {line}");
}
