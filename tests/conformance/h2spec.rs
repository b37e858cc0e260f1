//! h2spec: what a server of HTTP/2 is to do with every frame, in order and out of it, and with every flaw in one.

use super::{Server, brought, finished, proxy};
use crate::harness::{Dir, Process};
use std::{collections::BTreeMap, net::SocketAddr, path::Path, process::Command, time::Duration};

/// What became of each case, by its section and title. Titles of one section may be alike: they are numbered.
type Verdicts = BTreeMap<String, String>;

/// All sections: generic, http2, hpack. What is not answered within some seconds is waited for no longer: where a server never does, that is
/// the whole time that this takes.
fn run(to: SocketAddr, report: &Path) -> Process {
    let mut h2spec = Command::new(brought("go/h2spec"));
    h2spec.args(["--host", "127.0.0.1", "--port", &to.port().to_string(), "--timeout", "3", "--junit-report"]).arg(report);
    Process::spawn(h2spec)
}

fn verdicts(h2spec: Process, report: &Path) -> Verdicts {
    let said = finished(h2spec, Duration::from_secs(300));
    let report = std::fs::read_to_string(report).unwrap_or_else(|error| panic!("no report: {error}\n{said}"));
    let mut verdicts = Verdicts::new();
    for case in report.split("<testcase ").skip(1) {
        let (head, rest) = case.split_once('>').unwrap();
        let what = rest.split("</testcase>").next().unwrap().trim();
        let verdict = match what {
            "" => "passed",
            what if what.starts_with("<skipped") => "skipped",
            what => what,
        };
        let name = format!("{} {}", attribute(head, "package"), attribute(head, "classname"));
        let alike = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name} ({n})") });
        let name = alike.into_iter().find(|name| !verdicts.contains_key(name)).unwrap();
        verdicts.insert(name, verdict.to_owned());
    }
    verdicts
}

fn attribute<'a>(head: &'a str, name: &str) -> &'a str {
    let (_, rest) = head.split_once(&format!("{name}=\"")).unwrap();
    rest.split('"').next().unwrap()
}

/// `least`: so many pass straight, or this says nothing.
#[track_caller]
fn compare(server: &Server, least: usize) {
    let dir = Dir::new();
    let running = proxy(server.address);
    let both = [(server.address, "straight.xml"), (running.port("web"), "through.xml")];
    let both = both.map(|(to, report)| (run(to, &dir.0.join(report)), dir.0.join(report)));
    let [straight, through] = both.map(|(process, report)| verdicts(process, &report));
    let passed = |verdicts: &Verdicts| verdicts.values().filter(|verdict| *verdict == "passed").count();
    assert_eq!(straight.len(), 145, "{straight:#?}");
    assert!(passed(&straight) >= least, "{straight:#?}");
    assert!(straight.keys().eq(through.keys()));
    // Whoever stands between may put right what the server does wrong, and no more.
    let worse: Vec<_> = straight.iter().filter(|(case, verdict)| *verdict == "passed" && through[*case] != "passed").collect();
    let worse: Vec<_> = worse.iter().map(|(case, _)| format!("{case}: {}", through[*case])).collect();
    assert!(worse.is_empty(), "{} pass straight and not through the program:\n{}", worse.len(), worse.join("\n"));
    println!("h2spec: {} of {} pass straight, {} through the program", passed(&straight), straight.len(), passed(&through));
}

#[test]
fn before_nghttpd() {
    let server = Server::start(|port| {
        // Debian keeps it where only root looks.
        let place = "/usr/sbin/nghttpd";
        let mut nghttpd = Command::new(if Path::new(place).exists() { place } else { "nghttpd" });
        nghttpd.args(["--no-tls", "--address", "127.0.0.1", &port.to_string()]);
        nghttpd
    });
    compare(&server, 143);
}

#[test]
fn before_a_server_in_go() {
    let server = Server::says(Command::new(brought("go/h2c")));
    compare(&server, 130);
}
