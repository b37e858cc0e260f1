//! Odd but legal conversations, as they stand on the wire: `NAME.http` is what the client sends, `NAME.answers.http` what the server does,
//! `NAME.cuts` what becomes of them. In every split the cuts are the same and no byte is another. `UPDATE=1` writes the cuts anew.

use crate::harness::converse_in_every_split;
use std::{fs, path::PathBuf};

#[test]
fn every_conversation_passes_as_it_is() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str().unwrap().strip_suffix(".http").map(str::to_owned))
        .filter(|name| !name.ends_with(".answers"))
        .collect();
    names.sort();
    assert!(names.len() >= 25, "{} conversations", names.len());
    let mut wrong = Vec::new();
    for name in &names {
        let requests = fs::read(folder.join(format!("{name}.http"))).unwrap();
        let answers = fs::read(folder.join(format!("{name}.answers.http"))).unwrap_or_default();
        let conversation = converse_in_every_split(name, &requests, &answers, 60);
        assert_eq!(conversation.to_server.refused, None, "{name}");
        let cuts = conversation.to_string();
        let expected = folder.join(format!("{name}.cuts"));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &cuts).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != cuts {
            wrong.push(format!("{name}:\n{cuts}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
