//! What shells and `man` are told of the command line: their own programs read it.

use crate::harness::{Dir, Ended, faultwire, run};
use std::process::Command;

fn call(words: &[&str]) -> Ended {
    let mut command = faultwire();
    command.args(words);
    run(command)
}

/// Whether a program is here; it is asked for its version.
fn is_here(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn bash_completes_verbs_flags_and_values() {
    let dir = Dir::new();
    let script = dir.write("faultwire.bash", call(&["completions", "bash"]).expect(0).out);
    let mut syntax = Command::new("bash");
    syntax.arg("-n").arg(&script);
    assert_eq!(run(syntax).expect(0).err, "");
    for (words, wanted) in [
        ("faultwire ch", "check"),
        ("faultwire check --fo", "--format"),
        ("faultwire check --format s", "sarif"),
        ("faultwire completions z", "zsh"),
        ("faultwire run --wr", "--wrap"),
    ] {
        let last = words.split(' ').count() - 1;
        let ask = format!(
            "source '{}'; COMP_WORDS=({words}); COMP_CWORD={last}; _faultwire faultwire \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last}-1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &ask]);
        let ended = run(bash).expect(0);
        assert!(ended.out.lines().any(|line| line.trim() == wanted), "{words}: {}\n{}", ended.out, ended.err);
    }
}

#[test]
fn every_shell_has_a_script_that_names_every_verb() {
    for (shell, checker) in
        [("zsh", Some(("zsh", "-n"))), ("fish", Some(("fish", "-n"))), ("powershell", None), ("elvish", None), ("bash", None)]
    {
        let script = call(&["completions", shell]).expect(0).out;
        for verb in ["init", "check", "inject", "completions", "man"] {
            assert!(script.contains(verb), "{shell} has no {verb}");
        }
        if let Some((program, flag)) = checker.filter(|(program, _)| is_here(program)) {
            let dir = Dir::new();
            let path = dir.write("script", &script);
            let mut command = Command::new(program);
            command.arg(flag).arg(path);
            assert_eq!(run(command).expect(0).err, "", "{shell}");
        }
    }
    for words in [&["completions"][..], &["completions", "tcsh"], &["man", "nonsense"], &["man", "help"]] {
        assert!(!call(words).expect(64).err.is_empty(), "{words:?}");
    }
}

#[test]
fn man_has_a_page_for_the_whole_and_for_each_verb() {
    let whole = call(&["man"]).expect(0).out;
    assert!(whole.contains(".TH faultwire 1") && whole.contains("Find mistakes in scenario files"), "{whole}");
    let verbs: Vec<&str> =
        ["run", "serve", "demo", "init", "check", "plan", "import", "library", "status", "inject", "heal", "await", "tap"]
            .into_iter()
            .chain(["explain", "ready", "schema", "completions", "man", "version"])
            .collect();
    let groff = is_here("groff");
    for verb in verbs {
        let page = call(&["man", verb]).expect(0).out;
        assert!(page.contains(&format!(".TH faultwire-{verb} 1")) && page.contains(".SH SYNOPSIS"), "{verb}\n{page}");
        assert!(
            page.contains(&format!("faultwire {verb}").replace('-', "\\-")) || page.contains(&format!("faultwire\\ {verb}")),
            "{verb}\n{page}"
        );
        if groff {
            let dir = Dir::new();
            let path = dir.write("page.1", &page);
            let mut command = Command::new("groff");
            command.args(["-man", "-ww", "-z", "-Tutf8"]).arg(path);
            assert_eq!(run(command).expect(0).err, "", "{verb}");
        }
    }
}
