//! The files on the desk: read as they are or as they would be, and put back when they have been mended. It looks for no mistakes.

use crate::{
    config::text_of,
    exit::{Exit, Failure},
    say::plain,
};
use faultwire_scenarios::scenario::{self, Loaded};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
};

/// What a source is called that came through the standard input.
const STDIN: &str = "<stdin>";

/// Texts by the name of their source.
pub type Texts = BTreeMap<String, String>;

pub struct Desk {
    files: Vec<String>,
    /// What stood in them when they were read first.
    seen: RefCell<Texts>,
    /// It can be read only once.
    stdin: Option<Result<String, io::ErrorKind>>,
}

impl Desk {
    pub fn new(files: Vec<String>) -> Result<Desk, Failure> {
        let stdin = files.iter().any(|name| name == "-").then(|| io::read_to_string(io::stdin()).map_err(|error| error.kind()));
        Ok(Desk { files, seen: RefCell::default(), stdin })
    }

    pub fn has_stdin(&self) -> bool {
        self.stdin.is_some()
    }

    pub fn load(&self) -> Loaded {
        self.load_with(&Texts::new())
    }

    /// Reads them as if these texts stood in their files.
    pub fn load_with(&self, texts: &Texts) -> Loaded {
        let reader = |name: &str| {
            let seen = self.seen.borrow().get(name).cloned();
            if let Some(text) = texts.get(if name == "-" { STDIN } else { name }).cloned().or(seen) {
                return Ok(text);
            }
            let text = match (name, &self.stdin) {
                ("-", Some(read)) => return read.clone().map_err(io::Error::from),
                _ => text_of(name, fs::read(name), &self.files)?,
            };
            self.seen.borrow_mut().insert(name.to_owned(), text.clone());
            Ok(text)
        };
        scenario::load(&self.files, &reader, &|name| std::env::var(name).ok(), "127.0.0.1")
    }

    /// Writes the texts to where they came from; the names of those. What came through the standard input goes to `print`.
    pub fn put_back(&self, texts: &Texts, print: impl Fn(&str) -> bool) -> Result<Vec<String>, Failure> {
        let mut written = Vec::new();
        for (name, text) in texts.iter().filter(|(name, _)| *name != STDIN) {
            let put = self.unchanged(name).and_then(|()| replace(Path::new(name), text));
            put.map_err(|error| {
                let before = if written.is_empty() { String::new() } else { format!("; {} was written before", written.join(", ")) };
                Failure::new(Exit::CannotWrite, format!("error: cannot write {name}: {}{before}", plain(error)))
            })?;
            written.push(name.clone());
        }
        if let Some(Ok(read)) = &self.stdin {
            print(texts.get(STDIN).unwrap_or(read));
        }
        Ok(written)
    }

    /// Nobody's work is overwritten who saved the file in the meantime.
    fn unchanged(&self, name: &str) -> io::Result<()> {
        match self.seen.borrow().get(name).is_some_and(|seen| fs::read(name).is_ok_and(|now| now == seen.as_bytes())) {
            true => Ok(()),
            false => Err(io::Error::other("it has changed meanwhile")),
        }
    }
}

/// Puts a text in the place of a file's, all at once: a reader sees the old one or the new one. The file keeps its mode and its owner.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one: what it leads to is replaced.
    let path = path.canonicalize()?;
    let there = path.metadata()?;
    if there.permissions().readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let (beside, file) = create_beside(&path)?;
    let put = fill(&file, text, &there).and_then(|()| fs::rename(&beside, &path));
    put.inspect_err(|_| drop(fs::remove_file(&beside)))
}

fn fill(mut file: &File, text: &str, like: &fs::Metadata) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    // Only root may give files away; elsewhere the owner is the same anyway.
    chown_like(file, like);
    file.set_permissions(like.permissions())?;
    file.sync_all()
}

fn chown_like(file: &File, like: &fs::Metadata) {
    let same = file.metadata().is_ok_and(|own| (own.uid(), own.gid()) == (like.uid(), like.gid()));
    if !same {
        fchown(file, Some(like.uid()), Some(like.gid())).ok();
    }
}

/// A new file in the same folder, which is where it can be renamed from.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    Ok((beside, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_saved_meanwhile_is_left_alone() {
        let path = std::env::temp_dir().join(format!("faultwire-desk-{}.yaml", std::process::id()));
        let name = path.display().to_string();
        fs::write(&path, "proxies: {}\n").unwrap();
        let desk = Desk::new(vec![name.clone()]).unwrap();
        desk.load();
        fs::write(&path, "proxies: { mine: 1 }\n").unwrap();
        let failure = desk.put_back(&Texts::from([(name.clone(), "ours".to_owned())]), |_| true).unwrap_err();
        assert!(failure.exit == Exit::CannotWrite && failure.text.contains("it has changed meanwhile"), "{failure}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "proxies: { mine: 1 }\n");
        // What it saw is what it goes on to see, until it is put back.
        fs::write(&path, "proxies: {}\n").unwrap();
        assert_eq!(desk.put_back(&Texts::from([(name.clone(), "x-ours: 1\n".to_owned())]), |_| true), Ok(vec![name]));
        assert_eq!(fs::read_to_string(&path).unwrap(), "x-ours: 1\n");
        fs::remove_file(&path).unwrap();
    }
}
