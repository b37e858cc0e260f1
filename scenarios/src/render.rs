//! Complaints as people read them, with the place marked and the patch shown, and as machines read them.
//! It says nothing of its own: all words come from the complaint.

use crate::sources::{Source, Sources};
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Patch, Renderer, Snippet};
use faultwire_faults::{
    complaint::{Complaint, Edit, Fix, Severity},
    node::Place,
};
use serde_json::{Value, json};

/// Whoever has more than this to mend begins with the first ones.
const MOST_SHOWN: usize = 50;

/// So many places of one complaint are marked.
const MOST_MARKED: usize = 20;

/// All complaints, each with its places and patches, a blank line between them; the last ends with a newline.
pub fn render(complaints: &[Complaint], sources: &Sources, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let shown = complaints.iter().take(MOST_SHOWN).map(|complaint| tidy(&renderer.render(&groups(complaint, sources))));
    let more = complaints.len().checked_sub(MOST_SHOWN + 1).map(|more| format!("and {} more\n", more + 1));
    shown.chain(more).collect::<Vec<_>>().join("\n")
}

/// How many of each, as `check` counts them: `2 errors, 1 warning`; empty when there are none.
pub fn count(complaints: &[Complaint]) -> String {
    let errors = complaints.iter().filter(|complaint| complaint.severity() == Severity::Error).count();
    let named = [(errors, "error"), (complaints.len() - errors, "warning")];
    let said = named.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}{}", if *n == 1 { "" } else { "s" }));
    said.collect::<Vec<_>>().join(", ")
}

/// One complaint for machines.
pub fn json(complaint: &Complaint, sources: &Sources) -> Value {
    let severity = match complaint.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut json = json!({ "code": complaint.code, "severity": severity, "message": complaint.message, "label": complaint.label });
    located(&mut json, &complaint.place, sources);
    json["notes"] = json!(complaint.notes);
    json["related"] = complaint.also.iter().map(|(place, label)| placed(json!({ "message": label }), place, sources)).collect();
    json["fixes"] = complaint
        .fixes
        .iter()
        .map(|fix| {
            let edits: Vec<Value> = fix.edits.iter().map(|edit| placed(json!({ "text": edit.text }), &edit.place, sources)).collect();
            json!({ "title": fix.title, "safe": fix.safe, "edits": edits })
        })
        .collect();
    json
}

/// The text of a source after these fixes; edits that overlap an earlier one are left out.
pub fn apply(fixes: &[&Fix], source: usize, text: &str) -> String {
    let mut edits: Vec<&Edit> = fixes.iter().flat_map(|fix| &fix.edits).filter(|edit| edit.place.source == source).collect();
    edits.sort_by_key(|edit| (edit.place.range.start, edit.place.range.end));
    let mut fixed = String::with_capacity(text.len());
    let mut done = 0;
    for edit in edits {
        let range = edit.place.range.clone();
        let Some(before) = text.get(done..range.start).filter(|_| text.get(range.clone()).is_some()) else { continue };
        fixed.push_str(before);
        fixed.push_str(&edit.text);
        done = range.end;
    }
    fixed.push_str(text.get(done..).unwrap_or_default());
    fixed
}

fn placed(mut json: Value, place: &Place, sources: &Sources) -> Value {
    located(&mut json, place, sources);
    json
}

fn located(json: &mut Value, place: &Place, sources: &Sources) {
    json["file"] = sources.name(place).into();
    if !place.pointer.is_empty() {
        json["pointer"] = place.pointer.clone().into();
    }
    if let Some((start, end)) = sources.spots(place) {
        json["range"] = json!({ "start": { "line": start.line, "col": start.col }, "end": { "line": end.line, "col": end.col } });
    }
}

fn groups<'a>(complaint: &'a Complaint, sources: &'a Sources) -> Vec<Group<'a>> {
    let level = match complaint.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let notes = complaint.notes.iter().map(|note| Level::NOTE.message(note));
    let main = level.primary_title(&complaint.message).id(complaint.code).elements(marked(complaint, sources)).elements(notes);
    std::iter::once(main).chain(complaint.fixes.iter().filter_map(|fix| patched(fix, sources))).collect()
}

/// The marked texts: that of the complaint first, then those of other files that have a part in it.
fn marked<'a>(complaint: &'a Complaint, sources: &'a Sources) -> Vec<Element<'a>> {
    let own = complaint.place.source;
    let mut files = vec![own];
    for (place, _) in complaint.also.iter().take(MOST_MARKED) {
        if !files.contains(&place.source) {
            files.push(place.source);
        }
    }
    files
        .into_iter()
        .filter_map(|file| {
            let source = sources.source(file)?;
            if source.text.is_empty() {
                return (file == own).then(|| Element::from(Origin::path(pathless(&complaint.place, source))));
            }
            let also = complaint.also.iter().take(MOST_MARKED).filter(|(place, _)| place.source == file);
            let mut snippet = Snippet::source(&source.text).path(&source.name).fold(true);
            if file == own {
                let range = visible(&source.text, &complaint.place);
                snippet = snippet.annotation(AnnotationKind::Primary.span(range).label(&complaint.label));
            }
            let also = also.map(|(place, label)| AnnotationKind::Context.span(visible(&source.text, place)).label(label));
            Some(Element::from(snippet.annotations(also)))
        })
        .collect()
}

/// The name of a text that cannot be shown, and the pointer into it.
fn pathless(place: &Place, source: &Source) -> String {
    let name = &source.name;
    match place.pointer.as_str() {
        "" => name.clone(),
        pointer => format!("{name}#{pointer}"),
    }
}

fn patched<'a>(fix: &'a Fix, sources: &'a Sources) -> Option<Group<'a>> {
    let first = fix.edits.first()?;
    let source = sources.source(first.place.source).filter(|source| !source.text.is_empty())?;
    let patches = fix.edits.iter().take(MOST_MARKED).filter(|edit| edit.place.source == first.place.source);
    let patches = patches.map(|edit| Patch::new(visible(&source.text, &edit.place), &edit.text));
    Some(Level::HELP.secondary_title(&fix.title).element(Snippet::source(&source.text).fold(true).patches(patches)))
}

/// A range that lies in the text, on the boundaries of its characters.
fn visible(text: &str, place: &Place) -> std::ops::Range<usize> {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(place.range.start);
    start..boundary(place.range.end).max(start)
}

/// No spaces at the ends of lines, and one newline at the end.
fn tidy(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
