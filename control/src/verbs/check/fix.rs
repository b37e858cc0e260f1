//! Mends scenario texts by the patches that may be applied without asking, over and over until none is left. It writes no file, and
//! hands back nothing that has an error the text did not have before.

use super::{desk::Texts, spot};
use faultwire_faults::complaint::{Complaint, Edit, Fix, Severity};
use faultwire_scenarios::{render, scenario::Loaded, sources::Sources};
use std::collections::{BTreeMap, BTreeSet};

/// A patch may make room for the next one; nobody needs more than this.
const MOST_ROUNDS: usize = 50;

/// What came of it.
pub struct Mended {
    /// The texts as they are now, read once more.
    pub loaded: Loaded,
    /// Those that have changed.
    pub texts: Texts,
    /// What was done, each with its place.
    pub fixed: Vec<String>,
    /// What was left as it was, each with the reason.
    pub refused: Vec<String>,
}

/// `load` reads the scenario as if these texts stood in their files.
pub fn mend(load: &dyn Fn(&Texts) -> Loaded) -> Mended {
    let mut mended = Mended { loaded: load(&Texts::new()), texts: Texts::new(), fixed: Vec::new(), refused: Vec::new() };
    let mut harmful = BTreeSet::new();
    for _ in 0..MOST_ROUNDS {
        let patches = chosen(&mended.loaded, &harmful);
        if patches.is_empty() {
            break;
        }
        // All at once if that does no harm, or else the first that does none: the others have new places then.
        let mut step = attempt(&patches, &mended, load).ok();
        let mut refused = Vec::new();
        for patch in &patches {
            if step.is_some() {
                break;
            }
            match attempt(std::slice::from_ref(patch), &mended, load) {
                Ok(done) => step = Some(done),
                Err(error) => {
                    harmful.insert(patch.key());
                    refused.push(format!("{}, as this would give {error}", patch.said(&mended.loaded.sources)));
                }
            }
        }
        mended.refused.append(&mut refused);
        if let Some(mut step) = step {
            mended.fixed.append(&mut step.fixed);
            mended.texts = step.texts;
            mended.loaded = step.loaded;
        }
    }
    mended
}

/// What these patches come to, or the first error that they would bring.
fn attempt(patches: &[Patch<'_>], now: &Mended, load: &dyn Fn(&Texts) -> Loaded) -> Result<Mended, String> {
    let texts = patched(patches, &now.loaded.sources, &now.texts);
    let loaded = load(&texts);
    match new_error(&now.loaded, &loaded) {
        Some(error) => Err(error),
        None => {
            let fixed = patches.iter().map(|patch| patch.said(&now.loaded.sources)).collect();
            Ok(Mended { loaded, texts, fixed, refused: Vec::new() })
        }
    }
}

/// A complaint, and the patch of it that is taken.
#[derive(Clone, Copy)]
struct Patch<'a> {
    complaint: &'a Complaint,
    fix: &'a Fix,
}

impl Patch<'_> {
    fn said(&self, sources: &Sources) -> String {
        format!("{}: {}", spot(self.complaint, sources), self.fix.title)
    }

    /// The same patch in the next round, when its place is another one.
    fn key(&self) -> String {
        format!("{} {} {}", self.complaint.code, self.complaint.message, self.fix.title)
    }
}

/// The first safe patch of each complaint, without those that would meet in the text: they come in a later round.
fn chosen<'a>(loaded: &'a Loaded, harmful: &BTreeSet<String>) -> Vec<Patch<'a>> {
    let mut taken: Vec<&Edit> = Vec::new();
    let safe = loaded.complaints.iter().filter_map(|complaint| {
        let fix = complaint.fixes.iter().find(|fix| fix.safe && !fix.edits.is_empty())?;
        Some(Patch { complaint, fix })
    });
    let mut chosen = Vec::new();
    for patch in safe.filter(|patch| !harmful.contains(&patch.key())) {
        let edits = &patch.fix.edits;
        let within = |edit: &Edit| {
            loaded.sources.source(edit.place.source).is_some_and(|source| source.text.get(edit.place.range.clone()).is_some())
        };
        if edits.iter().all(within) && !edits.iter().any(|edit| taken.iter().any(|other| meet(edit, other))) {
            taken.extend(edits);
            chosen.push(patch);
        }
    }
    chosen
}

/// Whether two edits want the same bytes, or to insert at the same place.
fn meet(one: &Edit, other: &Edit) -> bool {
    let (a, b) = (&one.place.range, &other.place.range);
    one.place.source == other.place.source && a.start <= b.end && b.start <= a.end
}

/// The changed texts, with these patches besides.
fn patched(patches: &[Patch<'_>], sources: &Sources, before: &Texts) -> Texts {
    let fixes: Vec<&Fix> = patches.iter().map(|patch| patch.fix).collect();
    let mut texts = before.clone();
    for (at, source) in sources.iter().enumerate() {
        if fixes.iter().any(|fix| fix.edits.iter().any(|edit| edit.place.source == at)) {
            texts.insert(source.name.clone(), render::apply(&fixes, at, &source.text));
        }
    }
    texts
}

/// An error that was not there before. A file that could not be read at all had no others yet: what shows in it now was there unseen.
fn new_error(before: &Loaded, after: &Loaded) -> Option<String> {
    let (dark, still_dark) = (unread(before), unread(after));
    let known = errors(before);
    let is_new = |(error, count): &(&Error, &usize)| {
        let came_to_light = dark.contains(&error.0) && !still_dark.contains(&error.0);
        **count > known.get(*error).copied().unwrap_or(0) && !came_to_light
    };
    errors(after).iter().find(is_new).map(|((_, code, message), _)| format!("{code}: {message}"))
}

/// File, code and message: a place says nothing once the text has moved.
type Error = (String, &'static str, String);

fn errors(loaded: &Loaded) -> BTreeMap<Error, usize> {
    let mut errors = BTreeMap::new();
    for complaint in loaded.complaints.iter().filter(|complaint| complaint.severity() == Severity::Error) {
        *errors.entry((loaded.sources.name(&complaint.place).to_owned(), complaint.code, complaint.message.clone())).or_default() += 1;
    }
    errors
}

/// Files that are no YAML.
fn unread(loaded: &Loaded) -> BTreeSet<String> {
    let unread = loaded.complaints.iter().filter(|complaint| matches!(complaint.code, "E0001" | "E0002"));
    unread.map(|complaint| loaded.sources.name(&complaint.place).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultwire_faults::node::Place;
    use faultwire_scenarios::scenario;
    use std::io;

    /// A language in which every `!` is wrong, and `.` in its place is right; what follows a `?` is an error, which a `,` hides.
    fn load(text: &str, texts: &Texts) -> Loaded {
        let mut sources = Sources::default();
        let text = texts.get("a").map_or(text, String::as_str);
        let source = sources.add("a", text);
        let at = |range: std::ops::Range<usize>| Place { source, range, pointer: String::new() };
        let mut complaints = Vec::new();
        for (i, c) in text.char_indices() {
            let safe = |mut complaint: Complaint| {
                complaint.fixes.iter_mut().for_each(|fix| fix.safe = true);
                complaint
            };
            match c {
                '!' => complaints.push(safe(Complaint::new("E0213", "a cry", &at(i..i + 1), "").fix("say it calmly", &at(i..i + 1), "."))),
                ',' => complaints.push(safe(Complaint::new("E0213", "a pause", &at(i..i + 1), "").fix("go on", &at(i..i + 1), ""))),
                '~' => complaints.push(safe(Complaint::new("E0213", "a wave", &at(i..i + 1), "").fix("more", &at(i..i), "~"))),
                '-' => complaints.push(Complaint::new("E0213", "a doubt", &at(i..i + 1), "").fix("so", &at(i..i + 1), ".")),
                '?' if text[i..].len() > 1 && !text.contains(',') => {
                    complaints.push(Complaint::new("E0304", "a question", &at(i..i + 1), ""))
                }
                _ => {}
            }
        }
        let mut loaded = scenario::load(&[], &|_| Err(io::ErrorKind::NotFound.into()), &|_| None, "");
        (loaded.sources, loaded.complaints) = (sources, complaints);
        loaded
    }

    fn mended(text: &str) -> (String, Vec<String>, Vec<String>) {
        let mended = mend(&|texts| load(text, texts));
        (mended.texts.get("a").cloned().unwrap_or_default(), mended.fixed, mended.refused)
    }

    #[test]
    fn safe_patches_are_applied_and_no_others() {
        assert_eq!(mended("a! b- c!"), ("a. b- c.".into(), vec!["a:1:2: say it calmly".into(), "a:1:8: say it calmly".into()], vec![]));
        assert_eq!(mended("a- b"), (String::new(), vec![], vec![]));
        assert_eq!(mended(""), (String::new(), vec![], vec![]));
        // Patches that touch each other come one after the other.
        assert_eq!(mended("!!!").0, "...");
        assert_eq!(mended("!!!").1.len(), 3);
    }

    #[test]
    fn a_patch_that_brings_an_error_is_left_out_and_the_others_are_not() {
        let (text, fixed, refused) = mended("a!, b? c!");
        assert_eq!(text, "a., b? c.");
        assert_eq!(fixed.len(), 2);
        assert_eq!(refused, ["a:1:3: go on, as this would give E0304: a question"]);
    }

    #[test]
    fn a_patch_that_never_helps_comes_to_an_end() {
        let (text, fixed, _) = mended("~");
        // Every wave asks for two more, and that would be a new error.
        assert_eq!((text.as_str(), fixed.len()), ("", 0));
    }
}
