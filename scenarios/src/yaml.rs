//! YAML text to a tree of nodes with exact places. Anchors, aliases and merge keys are resolved here; keys that appear twice,
//! tabs and bombs are refused. It knows nothing of scenarios, and no other module names `serde_yaml`.

use faultwire_faults::{
    complaint::Complaint,
    node::{Entry, Node, Place, Value},
};
use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StructureStyle};
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

/// Scenario files are written by people; this is far beyond them, and still read in a moment.
pub const LARGEST_FILE: usize = 4 << 20;
const DEEPEST: usize = 64;
/// Nodes, those that aliases repeat included: a file that grows beyond this is a bomb.
const MOST_NODES: usize = 300_000;

/// What could be read of a text. The tree is there whenever the text is YAML, even if a key appears twice.
#[derive(Debug, Default)]
pub struct Read {
    pub root: Option<Node>,
    pub complaints: Vec<Complaint>,
}

/// Reads one document. A text without any content has no root and no complaint.
pub fn read(text: &str, source: usize) -> Read {
    read_part(text, source, 0..text.len())
}

/// Reads a part of a text, such as one value among words; places are those of the whole text.
pub fn read_part(text: &str, source: usize, part: Range<usize>) -> Read {
    let mut reader = Reader { text, source, base: part.start, ..Reader::default() };
    if part.len() > LARGEST_FILE {
        let place = reader.place(0..0);
        return refuse(Complaint::new("E0001", "this file is too large for a scenario", &place, "more than 4 MiB"));
    }
    let body = &text[part];
    let options = granit_parser::options! { emit_comments: false };
    for event in Parser::new_from_str_with_options(body, options) {
        let read = match event {
            Ok((event, span)) => reader.take(event, span),
            Err(error) => Err(reader.not_yaml(body, &error)),
        };
        if let Err(complaint) = read {
            return refuse(*complaint);
        }
    }
    Read { root: reader.root, complaints: reader.complaints }
}

/// What a scalar without quotes is.
pub fn plain(text: &str) -> Value {
    // Everything that is not text begins with one of these, and is short.
    let other = match text.as_bytes().first() {
        None => return Value::Null,
        Some(first) => b"0123456789+-.~nNtTfF".contains(first) && text.len() <= 40,
    };
    if !other {
        return Value::Text(text.to_owned());
    }
    match serde_yaml::from_str(text) {
        Ok(serde_yaml::Value::Null) => Value::Null,
        Ok(serde_yaml::Value::Bool(switch)) => Value::Bool(switch),
        Ok(serde_yaml::Value::Number(_)) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

fn refuse(complaint: Complaint) -> Read {
    Read { root: None, complaints: vec![complaint] }
}

/// So many keys that appear twice in one map are told together.
const MOST_TWICE: usize = 20;

/// Boxed, for it travels through every event.
type Refusal = Box<Complaint>;

#[derive(Default)]
struct Reader<'a> {
    text: &'a str,
    source: usize,
    /// Where the part begins that is read.
    base: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchor>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
    complaints: Vec<Complaint>,
}

/// A list or map that has not ended yet.
struct Open {
    anchor: usize,
    flow: bool,
    pointer: String,
    start: usize,
    /// How deep its contents are.
    depth: usize,
    size: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, keys: HashMap<String, Place>, merges: Vec<Node>, key: Option<(String, Place, bool)> },
}

#[derive(Clone)]
struct Anchor {
    node: Node,
    depth: usize,
    size: usize,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Refusal> {
        let range = self.range(&span);
        match event {
            Event::DocumentStart(..) => self.another_document(range),
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain || tag.as_ref().is_some_and(|tag| tag.core_suffix() == Some("str"));
                let range = unquoted(range, style);
                if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
                    return Err(self.complain(
                        range,
                        format!("`{}` is a tag, and scenarios have none", tag.original()),
                        "leave the tag out",
                    ));
                }
                if self.wants_key() {
                    let merge = style == ScalarStyle::Plain && text == "<<";
                    return self.key(text.into_owned(), range, merge);
                }
                let value = if is_text { Value::Text(text.into_owned()) } else { plain(&text) };
                let node = Node { place: self.place(range), value };
                self.hand_over(Anchor { node, depth: 0, size: 1 }, anchor)
            }
            Event::SequenceStart(style, anchor, _) => self.begin(range, style, anchor, Inside::List(Vec::new())),
            Event::MappingStart(style, anchor, _) => {
                let inside = Inside::Map { entries: Vec::new(), keys: HashMap::new(), merges: Vec::new(), key: None };
                self.begin(range, style, anchor, inside)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(range),
            Event::Alias(id) => self.alias(range, id),
            _ => Ok(()),
        }
    }

    fn another_document(&mut self, range: Range<usize>) -> Result<(), Refusal> {
        self.documents += 1;
        match self.documents {
            1 => Ok(()),
            _ => Err(self.complain(range, "a second document begins here", "one file, one document: make it a file of its own")),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { inside: Inside::Map { key: None, .. }, .. }))
    }

    fn key(&mut self, text: String, range: Range<usize>, merge: bool) -> Result<(), Refusal> {
        let mut place = self.place(range);
        place.pointer = format!("{}/{}", place.pointer, escaped(&text));
        if let Some(Open { inside: Inside::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some((text, place, merge));
        }
        Ok(())
    }

    fn begin(&mut self, range: Range<usize>, style: StructureStyle, anchor: usize, inside: Inside) -> Result<(), Refusal> {
        if self.wants_key() {
            return Err(self.complain(range, "a key must be a word", "not a list or a map"));
        }
        if self.open.len() >= DEEPEST {
            return Err(self.complain(range, "this is nested too deeply", format!("more than {DEEPEST} levels")));
        }
        let flow = style == StructureStyle::Flow;
        self.open.push(Open { anchor, flow, pointer: self.pointer(), start: range.start, depth: 0, size: 1, inside });
        Ok(())
    }

    fn end(&mut self, range: Range<usize>) -> Result<(), Refusal> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let (depth, size, anchor, flow, start) = (open.depth + 1, open.size, open.anchor, open.flow, open.start);
        let pointer = open.pointer;
        let (value, head) = match open.inside {
            Inside::List(items) => {
                let head = items.first().map_or(start..start + 1, |item| start..item.place.range.end.max(start));
                (Value::List(items), head)
            }
            Inside::Map { entries, merges, .. } => {
                let entries = self.merged(entries, merges)?;
                let head = entries.first().map_or(start..start, first_entry);
                (Value::Map(entries), head)
            }
        };
        // What stands on many lines is marked at its head; what stands between brackets as a whole, if that is one line.
        let whole = start..range.end.max(start);
        let one_line = !self.text.get(whole.clone()).is_some_and(|text| text.contains('\n'));
        let range = if flow && one_line { whole } else { self.on_one_line(head) };
        let node = Node { place: Place { source: self.source, range, pointer }, value };
        self.hand_over(Anchor { node, depth, size }, anchor)
    }

    fn alias(&mut self, range: Range<usize>, id: usize) -> Result<(), Refusal> {
        if self.wants_key() {
            return Err(self.complain(range, "a key must be a word", "not an alias"));
        }
        let Some(anchor) = self.anchors.get(&id).cloned() else {
            return Err(self.complain(range, "this alias contains itself", "it would never end"));
        };
        if self.nodes + anchor.size > MOST_NODES || self.open.len() + anchor.depth > DEEPEST {
            return Err(self.complain(range, "the aliases of this file multiply without bounds", "one too many"));
        }
        // The node itself is counted where it is handed over.
        self.nodes += anchor.size - 1;
        self.hand_over(anchor, 0)
    }

    /// Gives a finished node to what is open around it.
    fn hand_over(&mut self, mut made: Anchor, anchor: usize) -> Result<(), Refusal> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(self.complain(made.node.place.range, "this file is too large for a scenario", "one value too many"));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, made.clone());
        }
        made.node.place.pointer = self.pointer();
        let Some(open) = self.open.last_mut() else {
            self.root = Some(made.node);
            return Ok(());
        };
        open.depth = open.depth.max(made.depth);
        open.size += made.size;
        let Inside::Map { entries, keys, merges, key } = &mut open.inside else {
            if let Inside::List(items) = &mut open.inside {
                items.push(made.node);
            }
            return Ok(());
        };
        let Some((key, key_place, merge)) = key.take() else { return Ok(()) };
        if merge {
            merges.push(made.node);
            return Ok(());
        }
        if let Some(first) = keys.get(&key) {
            let map = |place: &Place| place.pointer.len() - place.pointer.rsplit('/').next().map_or(0, str::len);
            let same = |told: &&mut Complaint| {
                told.code == "E0003" && told.place.pointer[..map(&told.place)] == key_place.pointer[..map(&key_place)]
            };
            match self.complaints.last_mut().filter(same) {
                // Several keys of one map: two maps have become one.
                Some(told) if told.also.len() < MOST_TWICE => {
                    told.also.push((key_place, format!("`{key}` as well")));
                    if told.notes.len() == 1 {
                        told.notes.push("perhaps the `-` that begins an item of a list is missing".to_owned());
                    }
                }
                _ => self.complaints.push(twice(&key, &key_place, first)),
            }
            return Ok(());
        }
        keys.insert(key.clone(), key_place.clone());
        entries.push(Entry { key, key_place, value: made.node });
        Ok(())
    }

    /// The entries of a map with those that `<<` brings in; what the map says itself wins, then what is named first.
    fn merged(&self, mut entries: Vec<Entry>, merges: Vec<Node>) -> Result<Vec<Entry>, Refusal> {
        let mut keys: HashSet<String> = if merges.is_empty() { HashSet::new() } else { entries.iter().map(|e| e.key.clone()).collect() };
        for merge in merges {
            let maps = match merge.value {
                Value::List(items) => items,
                _ => vec![merge],
            };
            for map in maps {
                let Value::Map(more) = map.value else {
                    return Err(self.complain(map.place.range, "`<<` takes a map, or a list of maps", "this is neither"));
                };
                entries.extend(more.into_iter().filter(|entry| keys.insert(entry.key.clone())));
            }
        }
        Ok(entries)
    }

    /// The pointer of what comes next.
    fn pointer(&self) -> String {
        match self.open.last() {
            None => String::new(),
            Some(Open { inside: Inside::List(items), pointer, .. }) => format!("{pointer}/{}", items.len()),
            Some(Open { inside: Inside::Map { key: Some((_, place, _)), .. }, .. }) => place.pointer.clone(),
            Some(open) => open.pointer.clone(),
        }
    }

    fn place(&self, range: Range<usize>) -> Place {
        Place { source: self.source, range, pointer: self.pointer() }
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let range = span.byte_range().unwrap_or(0..0);
        self.base + range.start..self.base + range.end.max(range.start)
    }

    fn on_one_line(&self, range: Range<usize>) -> Range<usize> {
        let end = self.text.get(range.clone()).and_then(|text| text.find(['\r', '\n'])).map_or(range.end, |end| range.start + end);
        range.start..end
    }

    fn complain(&self, range: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Refusal {
        Box::new(Complaint::new("E0001", message, &self.place(self.on_one_line(range)), label))
    }

    fn not_yaml(&self, body: &str, error: &ScanError) -> Refusal {
        let mut at = error.marker().byte_offset().unwrap_or(body.len()).min(body.len());
        while !body.is_char_boundary(at) {
            at -= 1;
        }
        if let Some(tab) = indenting_tab(body, at) {
            return Box::new(self.tab(tab));
        }
        // At the end of a text there is nothing to mark: then it is the last thing that was written.
        let at = if body[at..].trim().is_empty() { body.trim_end().char_indices().last().map_or(0, |(last, _)| last) } else { at };
        let wide = body[at..].chars().next().filter(|c| !matches!(c, '\r' | '\n')).map_or(0, char::len_utf8);
        let range = self.base + at..self.base + at + wide;
        let said = error.kind().to_string();
        // What was opened and never closed is only noticed further down.
        let note = match () {
            () if said.contains("multiline quoted") => Some("perhaps a quote above is not closed"),
            () if said.contains("flow") => Some("perhaps a bracket or brace above is not closed"),
            () => None,
        };
        let label = if said.len() > 100 { "it cannot be read from here on".to_owned() } else { said };
        let complaint = Complaint::new("E0001", "this is not YAML", &self.place(range), label);
        Box::new(match note {
            Some(note) => complaint.note(note),
            None => complaint,
        })
    }

    fn tab(&self, tab: Range<usize>) -> Complaint {
        let place = self.place(self.base + tab.start..self.base + tab.end);
        let spaces = "    ".repeat(tab.len());
        Complaint::new("E0002", "a tab is used for indentation", &place, "YAML allows only spaces here").fix(
            "spaces, under the key above",
            &place,
            spaces,
        )
    }
}

/// The tabs that a line begins with: the line of an error, the one before or the one after.
fn indenting_tab(body: &str, at: usize) -> Option<Range<usize>> {
    let nearby = body[..at].matches('\n').count().saturating_sub(1);
    let mut start = body.split_inclusive('\n').take(nearby).map(str::len).sum::<usize>();
    for line in body[start..].split_inclusive('\n').take(3) {
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        if let Some(tab) = indent.find('\t').filter(|_| !line.trim().is_empty()) {
            let tabs = indent[tab..].bytes().take_while(|byte| *byte == b'\t').count();
            return Some(start + tab..start + tab + tabs);
        }
        start += line.len();
    }
    None
}

fn twice(key: &str, place: &Place, first: &Place) -> Complaint {
    Complaint::new("E0003", format!("the key `{key}` appears twice"), place, "and again here")
        .also(first, "first here")
        .note("YAML keeps only one of them; Faultwire refuses to guess which")
}

fn unquoted(range: Range<usize>, style: ScalarStyle) -> Range<usize> {
    match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if range.len() >= 2 => range.start + 1..range.end - 1,
        _ => range,
    }
}

/// From a key to the end of its value, or the key alone before a map or list.
fn first_entry(entry: &Entry) -> Range<usize> {
    let start = entry.key_place.range.start;
    match entry.value.value {
        Value::Map(_) | Value::List(_) | Value::Null => entry.key_place.range.clone(),
        _ => start..entry.value.place.range.end.max(entry.key_place.range.end),
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        let read = read(text, 0);
        assert_eq!(read.complaints, [], "{text}");
        read.root.unwrap()
    }

    fn codes(text: &str) -> Vec<&'static str> {
        read(text, 0).complaints.iter().map(|c| c.code).collect()
    }

    fn at<'a>(text: &'a str, node: &Node) -> &'a str {
        &text[node.place.range.clone()]
    }

    #[test]
    fn scalars_are_what_yaml_1_2_says_and_keep_what_was_written() {
        let text = "a: yes\nb: true\nc: 0.10\nd: '5'\ne: ~\nf:\ng: 1e3\nh: 10%\ni: 0x1F\nj: off\nk: \"x\\ty\"\nl: 010";
        let tree = tree(text);
        let value = |key: &str| tree.entry(key).unwrap().value.value.clone();
        assert_eq!(value("a"), Value::Text("yes".into()));
        assert_eq!(value("b"), Value::Bool(true));
        assert_eq!(value("c"), Value::Number("0.10".into()));
        assert_eq!(value("d"), Value::Text("5".into()));
        assert_eq!(value("e"), Value::Null);
        assert_eq!(value("f"), Value::Null);
        assert_eq!(value("g"), Value::Number("1e3".into()));
        assert_eq!(value("h"), Value::Text("10%".into()));
        assert_eq!(value("i"), Value::Number("0x1F".into()));
        assert_eq!(value("j"), Value::Text("off".into()));
        assert_eq!(value("k"), Value::Text("x\ty".into()));
        assert_eq!(at(text, &tree.entry("d").unwrap().value), "5");
    }

    #[test]
    fn places_are_bytes_also_behind_what_is_not_ascii() {
        let text = "ä: \"ß → 日本\"   # ü\nliste: [ö, { k: v }]\r\nend: x\r\n";
        let tree = tree(text);
        let entries = tree.entries().unwrap();
        assert_eq!(&text[entries[0].key_place.range.clone()], "ä");
        assert_eq!(at(text, &entries[0].value), "ß → 日本");
        assert_eq!(at(text, &entries[1].value), "[ö, { k: v }]");
        let Value::List(items) = &entries[1].value.value else { panic!("a list") };
        assert_eq!(at(text, &items[1].entry("k").unwrap().value), "v");
        assert_eq!(items[1].entry("k").unwrap().value.place.pointer, "/liste/1/k");
        assert_eq!(at(text, &entries[2].value), "x");
    }

    #[test]
    fn a_map_on_many_lines_is_marked_at_its_first_entry() {
        let text = "faults:\n  - name: slow\n    latency: 1s\n  - latency:\n      p50: 1ms\n";
        let tree = tree(text);
        let Value::List(items) = &tree.entry("faults").unwrap().value.value else { panic!("a list") };
        assert_eq!(at(text, &items[0]), "name: slow");
        assert_eq!(at(text, &items[1]), "latency");
    }

    #[test]
    fn anchors_aliases_and_merge_keys_work() {
        let text = "x-a: &a { latency: 1s, jitter: 1ms }\nx-b: &b { jitter: 2ms, mode: add }\nf: { <<: [*a, *b], latency: 2s }\ng: *a\n";
        let json = tree(text).to_json();
        assert_eq!(json["f"], serde_json::json!({ "latency": "2s", "jitter": "1ms", "mode": "add" }));
        assert_eq!(json["g"], serde_json::json!({ "latency": "1s", "jitter": "1ms" }));
        assert_eq!(codes("a: { <<: 5 }"), ["E0001"]);
    }

    #[test]
    fn agrees_with_serde_yaml() {
        let text =
            "a: &x\n  - 1\n  - two\n  - {b: null, c: 1.5, d: true}\ne: *x\nf: |\n  lines\n  more\ng: >-\n  folded\n  text\nh: 'it''s'\n";
        let theirs: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(tree(text).to_json(), serde_json::to_value(theirs).unwrap());
    }

    #[test]
    fn what_is_not_plain_yaml_is_refused_with_its_reason() {
        for (text, code) in [
            ("a: 1\na: 2", "E0003"),
            ("a:\n\tb: 1", "E0002"),
            ("a:\n  - b: 1\n\tc: 2", "E0002"),
            ("a: [1, 2", "E0001"),
            ("a: b: c", "E0001"),
            ("a: *nobody", "E0001"),
            ("a: &a [*a]", "E0001"),
            ("---\na: 1\n---\nb: 2", "E0001"),
            ("[a]: 1", "E0001"),
            ("a: !secret b", "E0001"),
            ("a: \"open", "E0001"),
            ("%", "E0001"),
            ("a: \u{0}", "E0001"),
        ] {
            assert_eq!(codes(text), [code], "{text:?}");
        }
        assert!(read("", 0).root.is_none());
        assert!(read("# only a comment\n", 0).root.is_none());
    }

    #[test]
    fn bombs_are_refused_at_once() {
        let laughs: String = (1..30).map(|i| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", "))).collect();
        assert_eq!(codes(&format!("a0: &a0 ha\n{laughs}")), ["E0001"]);
        assert_eq!(codes(&"[".repeat(100_000)), ["E0001"]);
        assert_eq!(codes(&"{a: ".repeat(100_000)), ["E0001"]);
        assert_eq!(codes(&"- ".repeat(100_000)), ["E0001"]);
        assert_eq!(codes(&" ".repeat(LARGEST_FILE + 1)), ["E0001"]);
        assert_eq!(codes(&"- a\n".repeat(1_000_000)), ["E0001"]);
        assert_eq!(read(&(0..1000).map(|i| format!("k{i}: 1\n")).collect::<String>().repeat(2), 0).complaints.len(), 50, "told together");
        let chain: String = (1..60).map(|i| format!("a{i}: &a{i} {}*a{}{}\n", "[".repeat(40), i - 1, "]".repeat(40))).collect();
        assert_eq!(codes(&format!("a0: &a0 ha\n{chain}")), ["E0001"]);
    }

    #[test]
    fn a_part_is_read_in_its_place() {
        let text = "redis latency={p50: 1ms, p99: 9ms}";
        let read = read_part(text, 3, 14..text.len());
        let node = read.root.unwrap();
        assert_eq!(at(text, &node), "{p50: 1ms, p99: 9ms}");
        assert_eq!(at(text, &node.entry("p99").unwrap().value), "9ms");
        assert_eq!(node.place.source, 3);
    }
}
