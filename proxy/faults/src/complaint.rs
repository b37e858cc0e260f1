//! What is wrong with something that was written: one cause, one complaint, with its place and a patch.
//! Codes and sentences are the same in `check`, the API and `explain`.

use crate::node::{Node, Place};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Complaint {
    /// Stable: `E0201`, `W0303`.
    pub code: &'static str,
    /// A lower-case sentence that says what is wrong in the user's words.
    pub message: String,
    pub place: Place,
    /// What stands beside the marked place.
    pub label: String,
    /// Other places that have a part in it.
    pub also: Vec<(Place, String)>,
    pub notes: Vec<String>,
    pub fixes: Vec<Fix>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    pub title: String,
    /// May be applied without asking.
    pub safe: bool,
    pub edits: Vec<Edit>,
}

/// Puts `text` in the place of what stands at `place`.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    pub place: Place,
    pub text: String,
}

impl Complaint {
    pub fn new(code: &'static str, message: impl Into<String>, place: &Place, label: impl Into<String>) -> Complaint {
        Complaint {
            code,
            message: message.into(),
            place: place.clone(),
            label: label.into(),
            also: Vec::new(),
            notes: Vec::new(),
            fixes: Vec::new(),
        }
    }

    pub fn severity(&self) -> Severity {
        if self.code.starts_with('W') { Severity::Warning } else { Severity::Error }
    }

    pub fn also(mut self, place: &Place, label: impl Into<String>) -> Complaint {
        self.also.push((place.clone(), label.into()));
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Complaint {
        self.notes.push(note.into());
        self
    }

    /// A patch that replaces what stands at `place`.
    pub fn fix(mut self, title: impl Into<String>, place: &Place, text: impl Into<String>) -> Complaint {
        self.fixes.push(Fix { title: title.into(), safe: false, edits: vec![Edit { place: place.clone(), text: text.into() }] });
        self
    }
}

/// Something that can be read from what was written.
pub trait FromNode: Sized {
    fn from_node(node: &Node) -> Result<Self, Complaint>;
}

/// How often which letter occurs: words that differ a lot in this are not near, which is far quicker to see than how near they are.
struct Letters([u16; 32]);

impl Letters {
    fn of(word: &str) -> Letters {
        let mut counts = [0_u16; 32];
        word.bytes().for_each(|byte| counts[usize::from(byte & 31)] = counts[usize::from(byte & 31)].saturating_add(1));
        Letters(counts)
    }

    fn apart(&self, other: &Letters) -> usize {
        self.0.iter().zip(&other.0).map(|(a, b)| usize::from(a.abs_diff(*b))).sum()
    }
}

/// The nearest of `names` to a misspelt one, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let reach = (length / 3).max(1);
    let letters = Letters::of(word);
    names
        .into_iter()
        .filter(|name| name.len().abs_diff(word.len()) <= 4 * reach && name.chars().count().abs_diff(length) <= reach)
        .filter(|name| letters.apart(&Letters::of(name)) <= 2 * reach)
        .map(|name| (strsim::osa_distance(word, name), name))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
