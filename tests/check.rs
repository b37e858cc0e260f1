//! `faultwire check`: what it says to machines, what it mends, whom it asks. The sentences themselves are held in `scenarios/tests/mistakes`.

use crate::{
    harness::{Dir, Ended, faultwire, run},
    upstream::Upstream,
};
use serde_json::Value;
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::Stdio,
};

const TYPO: &str = "proxies:\n  db: 15432 -> db:5432\nfaults:\n  - proxy: db\n    latency: 1s\n    probabilty: 10%\n";
/// Two mistakes with one reading only, and one that has two.
const MENDABLE: &str =
    "proxies:\n  db: 15432 -> db:5432\nfaults:\n  - { proxy: db, latency: 5, direction: upstream }\n  - { proxy: db, down: yes }\n";
const MENDED: &str =
    "proxies:\n  db: 15432 -> db:5432\nfaults:\n  - { proxy: db, latency: 5, direction: to_server }\n  - { proxy: db, down: true }\n";

fn check(dir: &Dir, words: &[&str]) -> Ended {
    check_with(dir, words, &[])
}

fn check_with(dir: &Dir, words: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = faultwire();
    command.arg("check").args(words).envs(variables.iter().copied()).current_dir(&dir.0);
    run(command)
}

/// With this text on its standard input.
fn check_text(text: impl AsRef<[u8]>, words: &[&str]) -> Ended {
    let dir = Dir::new();
    let input = dir.write("input", text);
    let mut command = faultwire();
    command.arg("check").args(words).arg("-").current_dir(&dir.0).stdin(Stdio::from(fs::File::open(input).unwrap()));
    run(command)
}

fn with(name: &str, text: impl AsRef<[u8]>) -> Dir {
    let dir = Dir::new();
    dir.write(name, text);
    dir
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The names of what is in a folder.
fn inside(dir: &Dir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(&dir.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn github_is_spoken_to_by_itself() {
    let dir = with("sub/faultwire.yaml", TYPO);
    let line = "::error file=faultwire.yaml,line=6,col=5,endColumn=15,title=E0101::unknown key `probabilty` in a fault. Did you mean `probability`?\n";
    let sub = Dir(dir.0.join("sub"));
    let ended = check_with(&sub, &[], &[("GITHUB_ACTIONS", "true")]).expect(65);
    assert_eq!((ended.out.as_str(), ended.err.as_str()), (line, "1 error\n"));
    // Files have the names that the repository knows.
    let root = dir.0.canonicalize().unwrap();
    let ended = check_with(&sub, &[], &[("GITHUB_ACTIONS", "true"), ("GITHUB_WORKSPACE", &root.to_string_lossy())]).expect(65);
    assert_eq!(ended.out, line.replace("file=", "file=sub/"));
    assert_eq!(check(&sub, &["--format", "github"]).expect(65).out, line);
    // Whoever asks for something else gets it.
    for words in [&["--format", "json"][..], &["--json"]] {
        let ended = check_with(&sub, words, &[("GITHUB_ACTIONS", "true")]).expect(65);
        assert_eq!(json(&ended.out)[0]["code"], "E0101");
    }
    let ended = check_with(&sub, &["--format", "human"], &[("GITHUB_ACTIONS", "true")]).expect(65);
    assert!(ended.out.starts_with("error[E0101]"), "{}", ended.out);
    assert!(check_with(&sub, &[], &[("GITHUB_ACTIONS", "false")]).out.starts_with("error[E0101]"));
    sub.write("faultwire.yaml", "proxies: { db: 15432 -> db:5432 }\n");
    assert_eq!(check_with(&sub, &[], &[("GITHUB_ACTIONS", "true")]).expect(0).out, "");
}

#[test]
fn github_is_shown_ten_and_the_count() {
    let faults: String = (0..1000).map(|n| format!("  - {{ name: f{n}, proxy: db, latency: {n} }}\n")).collect();
    let dir = with("f.yaml", format!("proxies:\n  db: 35432 -> db:5432\nfaults:\n{faults}  - {{ proxy: dbb, reset: true }}\n"));
    let ended = check(&dir, &["f.yaml", "--format", "github"]).expect(65);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines.len(), 11, "{}", ended.out);
    assert!(lines[..10].iter().all(|line| line.starts_with("::error ")) && lines[1].contains("E0301"), "{}", ended.out);
    assert_eq!(lines[10], "1001 errors, 1 warning in all, 10 of them shown");
    assert_eq!(ended.err, "1001 errors, 1 warning\n");
}

#[test]
fn json_has_all_there_is_to_know() {
    let dir = with("f.yaml", MENDABLE);
    let list = json(&check(&dir, &["f.yaml", "--format", "json"]).expect(65).out);
    let one = |code: &str| list.as_array().unwrap().iter().find(|complaint| complaint["code"] == code).unwrap();
    for complaint in list.as_array().unwrap() {
        for key in ["code", "severity", "message", "file", "range", "related", "fixes"] {
            assert!(!complaint[key].is_null(), "{key}: {complaint}");
        }
    }
    let time = one("E0201");
    assert_eq!(time["range"], json(r#"{"start":{"line":4,"col":27},"end":{"line":4,"col":28}}"#));
    assert_eq!(time["fixes"].as_array().unwrap().iter().map(|fix| &fix["safe"]).collect::<Vec<_>>(), [false, false]);
    let switch = &one("E0213")["fixes"][0];
    assert_eq!((&switch["safe"], &switch["edits"][0]["text"]), (&Value::from(true), &Value::from("true")));
    assert_eq!(check_text("proxies: { db: 1024 -> db:1 }\n", &["--format", "json"]).expect(0).out, "[]\n");
}

/// What the standard asks for (SARIF 2.1.0, 3.13 to 3.57), in whatever is wrong.
#[test]
fn sarif_is_sound() {
    let mistakes = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scenarios/tests/mistakes");
    let dir = Dir::new();
    for entry in fs::read_dir(&mistakes).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            dir.write(&path.file_name().unwrap().to_string_lossy(), fs::read(&path).unwrap());
        }
    }
    let mut results = 0;
    let mut fixes = 0;
    for name in inside(&dir) {
        let log = json(&check(&dir, &[&name, "--format", "sarif"]).out);
        assert_eq!((log["version"].as_str(), log["runs"].as_array().unwrap().len()), (Some("2.1.0"), 1));
        let run = &log["runs"][0];
        let driver = &run["tool"]["driver"];
        assert_eq!(driver["name"], "faultwire");
        let rules = driver["rules"].as_array().unwrap();
        for rule in rules {
            assert!(rule["shortDescription"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
            assert!(rule["help"]["text"].is_string() && rule["help"]["markdown"].is_string(), "{rule}");
            assert!(["error", "warning"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
        }
        for result in run["results"].as_array().unwrap() {
            results += 1;
            assert_eq!(rules[result["ruleIndex"].as_u64().unwrap() as usize]["id"], result["ruleId"]);
            assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
            assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
            let related = result["relatedLocations"].as_array().into_iter().flatten();
            for location in result["locations"].as_array().unwrap().iter().chain(related) {
                let physical = &location["physicalLocation"];
                assert_eq!(physical["artifactLocation"]["uri"], name);
                physical.get("region").inspect(|region| is_region(region));
            }
            for change in result["fixes"].as_array().into_iter().flatten().flat_map(|fix| fix["artifactChanges"].as_array().unwrap()) {
                fixes += 1;
                assert_eq!(change["artifactLocation"]["uri"], name);
                for replacement in change["replacements"].as_array().unwrap() {
                    is_region(&replacement["deletedRegion"]);
                    assert!(replacement["insertedContent"]["text"].is_string());
                }
            }
        }
    }
    assert!(results > 40 && fixes > 15, "{results} results, {fixes} fixes");
}

#[track_caller]
fn is_region(region: &Value) {
    let number = |key: &str| region[key].as_u64().filter(|number| *number > 0).unwrap_or_else(|| panic!("{key}: {region}"));
    assert!((number("startLine"), number("startColumn")) <= (number("endLine"), number("endColumn")), "{region}");
}

#[test]
fn junit_fails_a_test_for_each_error() {
    let dir = with("f.yaml", MENDABLE);
    let ended = check(&dir, &["f.yaml", "--format", "junit"]).expect(65);
    assert!(ended.out.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "), "{}", ended.out);
    assert!(ended.out.contains("tests=\"3\" failures=\"3\"") && ended.out.matches("<failure ").count() == 3, "{}", ended.out);
    let fine = check_text("proxies: { db: 1024 -> db:1 }\n", &["--format", "junit"]).expect(0);
    assert!(fine.out.contains("tests=\"1\" failures=\"0\"") && fine.out.contains("&lt;stdin&gt; has no errors"), "{}", fine.out);
}

#[test]
fn strict_makes_errors_of_warnings() {
    let dir = with("f.yaml", "proxies:\n  db: 35432 -> db:5432\n");
    assert_eq!(check(&dir, &["f.yaml"]).expect(0).err, "1 warning\n");
    check(&dir, &["f.yaml", "--strict"]).expect(65);
}

#[test]
fn fix_mends_what_leaves_no_doubt() {
    let dir = with("f.yaml", MENDABLE);
    let path = dir.0.join("f.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let ended = check(&dir, &["f.yaml", "--fix"]).expect(65);
    assert_eq!(fs::read_to_string(&path).unwrap(), MENDED);
    assert_eq!(
        ended.err,
        "fixed f.yaml:4:41: here it is called `to_server`\nfixed f.yaml:5:24: write `true`\n2 fixes in f.yaml\n\
         1 mistake has a patch that is yours to choose\n1 error\n"
    );
    assert!(ended.out.starts_with("error[E0201]") && ended.out.matches("error[").count() == 1, "{}", ended.out);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    assert_eq!(inside(&dir), ["f.yaml"], "nothing else is left");
    // What is mended stays as it is, to the inode.
    let before = fs::metadata(&path).unwrap().ino();
    check(&dir, &["f.yaml", "--fix"]).expect(65);
    assert_eq!(fs::metadata(&path).unwrap().ino(), before);
}

#[test]
fn fix_goes_on_as_long_as_a_patch_makes_room_for_the_next() {
    let tabs = "proxies:\n\tdb: 15432 -> db:5432\n\tshop: 18080 -> shop:80\nfaults:\n\t- proxy: db\n\t\tdown: yes\n";
    let dir = with("f.yaml", tabs.replace("\t\t", "    ").replace("\t-", "  -"));
    let ended = check(&dir, &["f.yaml", "--fix"]);
    let text = fs::read_to_string(dir.0.join("f.yaml")).unwrap();
    assert!(!text.contains('\t') && text.contains("down: true"), "{text}\n{}", ended.err);
    assert!(ended.err.contains("3 fixes in f.yaml"), "{}", ended.err);
}

#[test]
fn fix_never_makes_a_file_worse() {
    // The patch is right by itself, and the fault would do nothing.
    let text = "proxies:\n  db: 15432 -> db:5432\nfaults:\n  - { proxy: db, down: no }\n";
    let dir = with("f.yaml", text);
    let ended = check(&dir, &["f.yaml", "--fix"]).expect(65);
    assert!(ended.err.contains("not fixed: f.yaml:4:24: write `false`, as this would give E0104"), "{}", ended.err);
    assert_eq!(fs::read_to_string(dir.0.join("f.yaml")).unwrap(), text);
}

#[test]
fn fix_follows_includes_and_links_and_keeps_the_ends_of_lines() {
    let dir = with("main.yaml", "include: parts/db.yaml\nfaults:\r\n  - { proxy: db, down: on }\r\n");
    dir.write("parts/db.yaml", "proxies:\n  db: { listen: 15432, upstream: 'db:5432', enabled: no }\n");
    symlink("main.yaml", dir.0.join("link.yaml")).unwrap();
    let ended = check(&dir, &["link.yaml", "--fix"]).expect(0);
    assert!(ended.err.contains("2 fixes in link.yaml, parts/db.yaml"), "{}", ended.err);
    assert_eq!(
        fs::read_to_string(dir.0.join("main.yaml")).unwrap(),
        "include: parts/db.yaml\nfaults:\r\n  - { proxy: db, down: true }\r\n"
    );
    assert!(fs::read_to_string(dir.0.join("parts/db.yaml")).unwrap().contains("enabled: false"));
    assert!(fs::symlink_metadata(dir.0.join("link.yaml")).unwrap().is_symlink());
    assert_eq!(inside(&dir), ["link.yaml", "main.yaml", "parts"]);
}

#[test]
fn fix_prints_what_came_through_the_standard_input() {
    let ended = check_text(MENDABLE, &["--fix"]).expect(65);
    assert_eq!(ended.out, MENDED);
    assert!(ended.err.contains("error[E0201]") && ended.err.contains("fixed <stdin>:5:24: write `true`"), "{}", ended.err);
    // Also what is not changed is printed, and nothing else.
    let fine = "# note\nproxies: { db: 1024 -> db:1 }\n";
    assert_eq!(check_text(fine, &["--fix", "--format", "json"]).expect(0).out, fine);
    let doubtful = "proxies: { db: 1024 -> db:1 }\nfaults: [{ proxy: db, latency: 5 }]\n";
    assert_eq!(check_text(doubtful, &["--fix"]).expect(65).out, doubtful);
}

#[test]
fn fix_leaves_alone_what_is_read_only() {
    let dir = with("f.yaml", MENDABLE);
    let path = dir.0.join("f.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let ended = check(&dir, &["f.yaml", "--fix"]).expect(73);
    assert!(ended.err.contains("cannot write f.yaml: it is read-only"), "{}", ended.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), MENDABLE);
    assert_eq!(inside(&dir), ["f.yaml"]);
}

#[test]
fn connect_asks_the_upstreams() {
    let there = Upstream::echo();
    // Bound, so that nobody else takes it, and not listening.
    let gone = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    gone.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let gone = (gone.local_addr().unwrap().as_socket().unwrap(), gone);
    let text = format!(
        "proxies:\n  a: 11001 -> {}\n  b: 11002 -> {}\n  c: 11003 -> {}\n  chained: 11004 -> localhost:11001\n",
        there.address, gone.0, gone.0
    );
    let dir = with("f.yaml", &text);
    let ended = check(&dir, &["f.yaml", "--connect", "--format", "json"]).expect(65);
    let list = json(&ended.out);
    assert_eq!(list.as_array().unwrap().len(), 1, "one upstream, one complaint: {}", ended.out);
    assert_eq!((&list[0]["code"], &list[0]["label"]), (&Value::from("E0601"), &Value::from("connection refused")));
    assert_eq!((&list[0]["range"]["start"]["line"], &list[0]["related"][0]["range"]["start"]["line"]), (&Value::from(3), &Value::from(4)));
    assert_eq!(ended.err, "asked 2 upstreams\n1 error\n");
    // Without it nobody is asked, and a scenario with errors asks nobody.
    check(&dir, &["f.yaml"]).expect(0);
    dir.write("f.yaml", text + "faults:\n  - { proxy: a }\n");
    let ended = check(&dir, &["f.yaml", "--connect"]).expect(65);
    assert!(ended.err.contains("no upstream was asked") && !ended.out.contains("E0601"), "{}", ended.err);
    dir.write("f.yaml", format!("proxies:\n  a: 11001 -> {}\n", there.address));
    assert_eq!(check(&dir, &["f.yaml", "--connect"]).expect(0).err, "asked 1 upstream\nno mistakes found\n");
    drop(gone);
}

#[test]
fn connect_says_that_a_name_is_unknown() {
    let ended = check_text("proxies: { a: '11001 -> no-such-host.invalid:1' }\n", &["--connect"]).expect(65);
    assert!(ended.out.contains("`no-such-host.invalid:1` does not answer") && ended.out.contains("name"), "{}", ended.out);
}

/// Whatever is checked, in every format: the right code, no panic, and machines can read it.
#[test]
fn the_worst_inputs() {
    let deep = "[".repeat(10_000);
    let wide = format!("proxies:\n{}", "  a: 1 -> b:1\n".repeat(2000));
    let long = format!("proxies:\n  db: 0 -> {}\n", "ü".repeat(50_000));
    let texts: Vec<&[u8]> = vec![
        b"",
        b"\n\n",
        b"\xff\xfe\x00",
        b"\0\0\0",
        b"\xef\xbb\xbfproxies: [",
        b"proxies:\r\n\tdb: x\r\n",
        b"include: [nowhere.yaml, ../../..]\n",
        b"faults: [{ name: \"\x1b[31m::error::\\n\\u0001<&>\", proxy: x, down: yes }]",
        "proxies: { \"ö<&>%\": '1 -> ö' }".as_bytes(),
        deep.as_bytes(),
        wide.as_bytes(),
        long.as_bytes(),
    ];
    for text in texts {
        let shown = String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
        // A name that means something in every format.
        let dir = with("a b,c:%\n<&>.yaml", text);
        for format in ["human", "json", "github", "sarif", "junit"] {
            for fix in [&[][..], &["--fix"], &["--connect"]] {
                let ended = check(&dir, &[&["a b,c:%\n<&>.yaml", "--format", format], fix].concat()).expect(65);
                assert!(!(ended.err.clone() + &ended.out).contains("panicked"), "{format} {shown}\n{}", ended.err);
                match format {
                    "json" | "sarif" => drop(json(&ended.out)),
                    "github" => assert!(ended.out.lines().all(|line| line.starts_with("::") || line.ends_with("shown")), "{}", ended.out),
                    "junit" => assert!(!ended.out.contains(['\x1b', '\u{1}']) && ended.out.trim_end().ends_with("</testsuites>")),
                    _ => {}
                }
            }
        }
    }
    let folder = Dir::new();
    for words in [&["."][..], &[".", "--fix"], &["nowhere.yaml", "--fix"], &["--fix"], &["--connect", "--format", "sarif"]] {
        assert!(!check(&folder, words).expect(64).err.is_empty());
    }
    // One that listens and never says a word is there all the same.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = format!("proxies: {{ a: '11001 -> {}' }}\n", silent.local_addr().unwrap());
    check_text(text, &["--connect", "--strict"]).expect(0);
}
