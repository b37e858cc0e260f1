//! Which files are read, and in which order: those that are named, each after what it includes. Reading itself is a closure.

use crate::{
    scenario::NOWHERE,
    sources::Sources,
    variables::{self, Env},
    yaml,
};
use faultwire_faults::{
    complaint::Complaint,
    node::{Node, Place, Value},
};
use std::{
    collections::HashSet,
    io,
    path::{Component, Path, PathBuf},
};

pub type Reader<'a> = &'a dyn Fn(&str) -> io::Result<String>;

const DEEPEST: usize = 16;

/// Reads files and what they include: one tree for each, variables filled in. An included file comes before the one that includes it; none is read twice.
pub fn read(names: &[String], reader: Reader<'_>, env: Env<'_>, sources: &mut Sources, complaints: &mut Vec<Complaint>) -> Vec<Node> {
    let mut reading = Reading { reader, env, sources, complaints, open: Vec::new(), done: HashSet::new(), files: Vec::new() };
    if names.is_empty() {
        reading
            .complaints
            .push(Complaint::new("E0215", "no scenario file is named", &NOWHERE, "").note("`faultwire library` lists ready ones"));
    }
    for name in names {
        reading.file(name, None);
    }
    reading.files
}

struct Reading<'a> {
    reader: Reader<'a>,
    env: Env<'a>,
    sources: &'a mut Sources,
    complaints: &'a mut Vec<Complaint>,
    /// The files that are being read, each included by the one before.
    open: Vec<String>,
    done: HashSet<String>,
    files: Vec<Node>,
}

impl Reading<'_> {
    /// `asked` is the place of the `include` that names it.
    fn file(&mut self, name: &str, asked: Option<&Place>) {
        let path = normal(name);
        if self.open.contains(&path) || self.open.len() >= DEEPEST {
            return self.never_ends(&path, asked);
        }
        if self.done.contains(&path) {
            return;
        }
        self.done.insert(path.clone());
        let text = match (self.reader)(&path) {
            Ok(text) => text,
            Err(error) => return self.unreadable(&path, asked, &error),
        };
        let shown = if path == "-" { "<stdin>" } else { &path };
        let source = self.sources.add(shown, text.clone());
        let mut read = yaml::read(&text, source);
        self.complaints.append(&mut read.complaints);
        let Some(mut root) = read.root else { return self.empty(&text, source) };
        variables::substitute(&mut root, &text, self.env, self.complaints);
        self.open.push(path.clone());
        self.included(&root, &path);
        self.open.pop();
        self.files.push(root);
    }

    fn included(&mut self, root: &Node, path: &str) {
        let Some(entry) = root.entry("include") else { return };
        let items = match &entry.value.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.value),
        };
        for item in items {
            match &item.value {
                Value::Text(name) => self.file(&beside(path, name), Some(&item.place)),
                _ => self.complaints.push(
                    Complaint::new("E0207", format!("{} is not the name of a file", item.kind()), &item.place, "a path, or a list of them")
                        .note("paths are relative to the file that includes them"),
                ),
            }
        }
    }

    fn never_ends(&mut self, path: &str, asked: Option<&Place>) {
        let Some(place) = asked else { return };
        let (message, label) = match self.open.iter().any(|open| open == path) {
            true => ("these files include each other", format!("`{path}` is being read already")),
            false => ("files include each other too deeply", format!("more than {DEEPEST} levels")),
        };
        self.complaints.push(Complaint::new("E0306", message, place, label));
    }

    fn unreadable(&mut self, path: &str, asked: Option<&Place>, error: &io::Error) {
        let (message, label) = match error.kind() {
            io::ErrorKind::NotFound => (format!("there is no file `{path}`"), "not found".to_owned()),
            io::ErrorKind::InvalidData => (format!("`{path}` is not text"), "not UTF-8".to_owned()),
            _ => (format!("`{path}` cannot be read: {error}"), "cannot be read".to_owned()),
        };
        let place = match asked {
            Some(place) => place.clone(),
            None => Place { source: self.sources.add(path, ""), ..Place::default() },
        };
        self.complaints.push(Complaint::new("E0215", message, &place, label));
    }

    fn empty(&mut self, text: &str, source: usize) {
        if self.complaints.iter().any(|complaint| complaint.place.source == source) {
            return;
        }
        let place = Place { source, ..Place::default() };
        let message = if text.trim().is_empty() { "this file is empty" } else { "this file holds only comments" };
        self.complaints.push(Complaint::new("E0215", message, &place, "no scenario here").note("a scenario has `proxies` and `faults`"));
    }
}

/// A path as seen from the file that names it.
pub fn beside(file: &str, name: &str) -> String {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    normal(&folder.join(name).to_string_lossy())
}

/// Without `.` and, where that is certain, without `..`: one file has one name.
fn normal(name: &str) -> String {
    let mut path = PathBuf::new();
    for part in Path::new(name).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(path.components().next_back(), Some(Component::Normal(_))) => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_one_name() {
        assert_eq!(normal("./a/../b.yaml"), "b.yaml");
        assert_eq!(normal("../b.yaml"), "../b.yaml");
        assert_eq!(normal("/a/./b.yaml"), "/a/b.yaml");
        assert_eq!(normal("-"), "-");
        assert_eq!(beside("conf/a.yaml", "b.yaml"), "conf/b.yaml");
        assert_eq!(beside("-", "b.yaml"), "b.yaml");
    }
}
