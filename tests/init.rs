//! `faultwire init` on compose files as people write them: what is proposed, to the byte, and that it can be used as it stands.
//! `init/CASE` holds what is there, `init/CASE/expected` what comes of it. `UPDATE=1` writes the latter anew.

use crate::{
    harness::{Dir, Ended, binary, faultwire, run},
    upstream::Upstream,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("init");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(cases.len() >= 8, "{cases:?}");
    cases
}

/// A copy of a case, without what is expected of it.
fn copy(case: &Path) -> Dir {
    let dir = Dir::new();
    for entry in fs::read_dir(case).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            dir.write(&path.file_name().unwrap().to_string_lossy(), fs::read(&path).unwrap());
        }
    }
    dir
}

fn call(dir: &Dir, words: &[&str]) -> Ended {
    let mut command = faultwire();
    command.args(words).current_dir(&dir.0);
    run(command)
}

/// What stands in the files that `init` may write, and what it said.
fn outcome(dir: &Dir, ended: &Ended) -> Vec<(&'static str, Option<String>)> {
    let text = |name: &'static str| (name, fs::read_to_string(dir.0.join(name)).ok());
    vec![text("faultwire.yaml"), text("compose.faultwire.yaml"), ("said", Some(ended.err.clone()))]
}

#[test]
fn what_is_proposed() {
    let mut wrong = Vec::new();
    for case in cases() {
        let dir = copy(&case);
        let ended = call(&dir, &["init"]).expect(0);
        for (name, text) in outcome(&dir, &ended) {
            let path = case.join("expected").join(name);
            let expected = fs::read_to_string(&path).ok();
            if std::env::var_os("UPDATE").is_some() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                match &text {
                    Some(text) => fs::write(&path, text).unwrap(),
                    None => drop(fs::remove_file(&path)),
                }
            } else if text != expected {
                wrong.push(format!("--- {}\n{}", path.display(), text.unwrap_or_default()));
            }
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

#[test]
fn what_is_proposed_can_be_used_as_it_stands() {
    for case in cases() {
        let dir = copy(&case);
        let said: serde_json::Value = serde_json::from_str(&call(&dir, &["init", "--json"]).expect(0).out).unwrap();
        let checked = call(&dir, &["check", "--strict", "--format", "json"]).expect(0);
        assert_eq!(checked.out.trim(), "[]", "{}", case.display());
        // Every fault has the name that was told, and is off.
        let faults: Vec<&str> = said["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap()).collect();
        let mut command = faultwire();
        // An address of its own, for its ports are not.
        command.env("FAULTWIRE_BIND", "127.84.74.1").current_dir(&dir.0);
        command.args(["run", "faultwire.yaml", "--allow-inconclusive"]);
        command.args(faults.iter().flat_map(|fault| ["--inject", fault])).args(["--", "true"]);
        let ended = run(command).expect(0);
        assert!(!ended.err.contains("(off)"), "{}", ended.err);
        for fault in &faults {
            assert_eq!(ended.err.matches(&format!("{fault}: ")).count(), 2, "{fault}: told when it begins and when it ends\n{}", ended.err);
        }
        let again = call(&dir, &["init"]).expect(73);
        assert!(again.err.contains("nothing was written") && again.err.matches("error").count() == 1, "{}", again.err);
    }
}

#[test]
fn a_program_that_reads_its_address_from_dotenv_meets_the_fault() {
    let upstream = Upstream::echo();
    let dir = Dir::new();
    dir.write(".env", format!("NAME=x\nSTORE_URL=redis://{}/0\n", upstream.address));
    let ended = call(&dir, &["init"]).expect(0);
    // As it says itself, with another command.
    let line = ended.err.lines().last().unwrap().trim();
    let client =
        "hp=${STORE_URL#*://}; hp=${hp%%/*}; exec 3<>/dev/tcp/${hp%:*}/${hp#*:}; echo hi >&3; read -r line <&3; test \"$line\" = hi";
    dir.write("client.sh", client);
    assert!(line.ends_with("-- COMMAND") && line.starts_with("faultwire run"), "{}", ended.err);
    let line = line.replace("-- COMMAND", "-- bash client.sh").replacen("faultwire", &binary().display().to_string(), 1);
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &format!("set -a; . ./.env; set +a; {line}")]).current_dir(&dir.0);
    let ended = run(command).expect(0);
    assert!(ended.err.contains("store-slow") && ended.err.contains("hit 1 of 1 connection"), "{}", ended.err);
}

#[test]
fn nothing_that_is_there_is_touched() {
    let compose = "services:\n  web: { build: ., environment: { DB: 'postgres://db/x' } }\n  db: { image: postgres }\n";
    for there in ["faultwire.yaml", "compose.faultwire.yaml"] {
        for kind in ["file", "folder", "link"] {
            let dir = Dir::new();
            dir.write("compose.yaml", compose);
            let path = dir.0.join(there);
            match kind {
                "file" => fs::write(&path, "mine\n").unwrap(),
                "folder" => fs::create_dir(&path).unwrap(),
                _ => std::os::unix::fs::symlink("nowhere", &path).unwrap(),
            }
            let ended = call(&dir, &["init"]).expect(73);
            assert!(ended.err.contains(&format!("{there} is there already")), "{}", ended.err);
            assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 2, "{there} as a {kind}: nothing else was written");
            if kind == "file" {
                assert_eq!(fs::read_to_string(&path).unwrap(), "mine\n");
            }
        }
    }
}

#[test]
fn files_that_are_named_are_taken_and_written_beside() {
    let dir = Dir::new();
    dir.write("deploy/prod.yml", "services:\n  web: { build: ., environment: [DB=$DB_URL] }\n  db: { image: postgres }\n");
    dir.write("deploy/my.env", "DB_URL=postgres://db/x\n");
    dir.write("compose.yaml", "services: [not this one]\n");
    let ended = call(&dir, &["init", "deploy/prod.yml", "deploy/my.env"]).expect(0);
    assert!(ended.err.contains("docker compose -f deploy/prod.yml -f deploy/compose.faultwire.yaml up -d"), "{}", ended.err);
    let over = fs::read_to_string(dir.0.join("deploy/compose.faultwire.yaml")).unwrap();
    assert!(over.contains("DB: postgres://faultwire:15432/x"), "{over}");
    assert!(dir.0.join("deploy/faultwire.yaml").is_file() && !dir.0.join("faultwire.yaml").exists());

    let dir = Dir::new();
    dir.write("sub/compose.yaml", "services:\n  db: { image: postgres, ports: ['5432:5432'] }\n");
    let ended = call(&dir, &["init", "sub"]).expect(0);
    assert!(ended.err.contains("faultwire serve sub/faultwire.yaml"), "{}", ended.err);

    let dir = Dir::new();
    dir.write("a.yaml", "services:\n  web: { build: . }\n");
    dir.write("b.yaml", "services:\n  web: { environment: { CACHE: 'redis:6379' } }\n  redis: { image: redis }\n");
    dir.write(".env", "COMPOSE_FILE=a.yaml:b.yaml\n");
    let ended = call(&dir, &["init"]).expect(0);
    assert!(ended.err.contains("-f a.yaml -f b.yaml -f compose.faultwire.yaml"), "{}", ended.err);
}

/// Each of these has one clear error with its place, and nothing is written.
#[test]
fn compose_files_with_mistakes() {
    let deep = "[".repeat(10_000);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nservices: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let large = format!("services:\n  a: {{ image: {} }}\n", "x".repeat(5 << 20));
    let texts: Vec<(&[u8], &str)> = vec![
        (b"services: [", "compose.yaml:1:"),
        (b"services:\n\tweb: {}\n", "compose.yaml:2:1"),
        (b"services:\n  web: {}\n  web: {}\n", "compose.yaml:3:3"),
        (b"services: [web]\n", "compose.yaml:1:11"),
        (b"services:\n  web: just text\n", "compose.yaml:2:8"),
        (b"web:\n  image: nginx\n", "it has no `services`"),
        (b"services:\n  w e b: {}\n", "compose.yaml:2:3"),
        (b"", "empty"),
        (b"\xff\xfe\x00", "not text"),
        (b"\0\0\0\0", "compose.yaml"),
        (b"!!python/object:os.system x", "compose.yaml"),
        (b"include: nowhere.yaml\n", "there is no file `nowhere.yaml`"),
        (b"services:\n  web: { extends: { file: gone.yaml, service: web } }\n", "there is no file `gone.yaml`"),
        (deep.as_bytes(), "compose.yaml"),
        (bomb.as_bytes(), "compose.yaml"),
        (large.as_bytes(), "larger than 4 MiB"),
    ];
    for (text, said) in texts {
        let dir = Dir::new();
        dir.write("compose.yaml", text);
        let shown = String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
        let ended = call(&dir, &["init"]).expect(65);
        assert!(ended.err.contains(said) && ended.err.contains("compose.yaml"), "{shown}\n{:.2000}", ended.err);
        assert_eq!(ended.err.matches("error").count(), 1, "{shown}\n{:.2000}", ended.err);
        assert!(!ended.err.contains("panicked") && ended.out.is_empty(), "{shown}\n{:.2000}", ended.err);
        assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 1, "{shown}: nothing is written");
    }
}

#[test]
fn what_cannot_be_read_or_written() {
    let dir = Dir::new();
    for (words, code) in
        [(&["init", "nowhere.yaml"][..], 64), (&["init", "nowhere/"], 64), (&["init", "--nonsense"], 64), (&["init", "/proc/self/mem"], 65)]
    {
        let ended = call(&dir, words).expect(code);
        assert!(!ended.err.is_empty() && !ended.err.contains("panicked"), "{words:?}: {}", ended.err);
    }
    dir.write(".env", b"A=\xff\n");
    call(&dir, &["init"]).expect(65);
    // Nobody can create a file there, not even root.
    let ended = call(&dir, &["init", "/proc"]).expect(73);
    assert!(ended.err.contains("cannot write /proc/faultwire.yaml"), "{}", ended.err);
}

/// Compose files that compose would take or nearly take, in which nothing is as usual: what comes of them has no mistakes.
#[test]
fn compose_files_that_are_strange() {
    let many: String = (0..400).map(|n| format!("  s{n}: {{ image: 'postgres:{n}', ports: ['{}:5432'] }}\n", 10_000 + n)).collect();
    let long = "n".repeat(200);
    let bodies = [
        "  \"true\": { image: redis }\n  \"123\": { image: redis }\n  \"on\": { image: x, environment: { A: 'redis://true', B: 'redis://123' } }\n".to_owned(),
        "  a.b_c-d: { image: postgres }\n  A.B: { build: ., environment: ['X=postgres://a.b_c-d/x'] }\n".to_owned(),
        format!("  {long}: {{ image: redis }}\n  {long}x: {{ image: redis }}\n  web: {{ build: . }}\n"),
        format!("{many}  web: {{ build: . }}\n"),
        "  web: { build: ., environment: { A: [1], B: {c: d}, C: ~, 7: x }, ports: [{}, [], ~, {target: []}], networks: 5, env_file: [~] }\n  r: { image: redis }\n".to_owned(),
        "  web: { build: ., environment: \"A=redis://r:6379\", extends: web }\n  r: { image: [redis] }\n".to_owned(),
        "  web:\n  db:\n".to_owned(),
        "  web: { build: ., environment: { A: \"redis://r\\n#x: y\\n\", B: \"'r:1\\\" # '\", \"C: d\": 'r:6379' } }\n  r: { image: redis }\n".to_owned(),
        "  web: { build: ., environment: { A_HOST: r, A_SERVER: p } }\n  r: { image: redis }\n  p: { image: postgres }\n".to_owned(),
        "  web: { build: ., environment: { A: 'postgres://db:1,db:2,db:1/x', A: 'x' } }\n".replace(", A: 'x'", ""),
        "  web: { build: ., environment: { A: '${A:-${B:-redis://${C:-r}:${D:-6379}}}' } }\n  r: { image: '${I:-redis}' }\n".to_owned(),
        "  web: { build: ., environment: { A: 'http://r:1024', B: 'http://r:32767', C: 'http://r:65535', D: 'http://r:1' } }\n  r: { build: . }\n".to_owned(),
    ];
    for body in bodies {
        let dir = Dir::new();
        dir.write("compose.yaml", format!("services:\n{body}"));
        let shown = &body[..body.char_indices().map(|(at, _)| at).nth(200).unwrap_or(body.len())];
        let ended = call(&dir, &["init"]).expect(0);
        assert!(!ended.err.contains("panicked"), "{shown}\n{}", ended.err);
        let checked = call(&dir, &["check", "--strict", "--format", "json"]);
        assert_eq!((checked.code, checked.out.trim()), (Some(0), "[]"), "{shown}\n{}", checked.err);
        // The override is YAML of the same kind: read as a compose file, it has the services that it names.
        if dir.0.join("compose.faultwire.yaml").exists() {
            let again = call(&dir, &["init", "compose.faultwire.yaml"]).expect(73);
            assert!(again.err.contains("a service `faultwire`"), "{shown}\n{}", again.err);
        }
    }
}
