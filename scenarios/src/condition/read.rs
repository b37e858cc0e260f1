//! Conditions from text, each word with its place. What can be said without knowing the scenario is said here: words that are
//! unknown, units that do not fit, states and views that a measure does not have.

mod test;

use super::{Amount, Asked, Condition, Named, Subject, View, Words};
use crate::measure::{self, MARKS, MEASURES, Measure, Takes, Unit};
use faultwire_faults::{
    complaint::{Complaint, FromNode, nearest},
    node::{Node, Place},
    units::{Flow, Size, Span, split_number},
    value::scalar,
};
use std::ops::Range;

/// What came of it. There may be a condition and something wrong with it.
#[derive(Debug, Default)]
pub struct Read {
    pub condition: Option<Condition>,
    pub complaints: Vec<Complaint>,
}

/// A probe, as far as conditions care: its name, and the unit of its number if it has one.
#[derive(Clone, Debug)]
pub struct KnownProbe {
    pub name: String,
    pub unit: Option<Unit>,
}

/// Reads a condition. `place` is that of the text.
pub fn read(text: &str, place: &Place, probes: &[KnownProbe]) -> Read {
    let mut reader = Reader { text, whole: place, at: 0, probes, complaints: Vec::new() };
    let condition = reader.condition().map_err(|complaint| reader.complaints.push(*complaint)).ok();
    Read { condition, complaints: reader.complaints }
}

type Refusal = Box<Complaint>;

struct Reader<'a> {
    text: &'a str,
    whole: &'a Place,
    at: usize,
    probes: &'a [KnownProbe],
    complaints: Vec<Complaint>,
}

const CLAUSES: [&str; 4] = ["for", "within", "during", "by"];

impl Reader<'_> {
    fn condition(&mut self) -> Result<Condition, Refusal> {
        let subject = self.subject()?;
        let test = self.test(&subject)?;
        let mut condition = Condition { subject, test, lasts: None, within: None, during: None, by: None, place: self.whole.clone() };
        while let Some(word) = self.word() {
            self.clause(word, &mut condition)?;
        }
        Ok(condition)
    }

    fn subject(&mut self) -> Result<Subject, Refusal> {
        self.space();
        let start = self.at;
        let name = self.take(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if name.is_empty() {
            let rest = self.rest();
            return Err(self.unreadable(rest, "a measure or a probe comes first"));
        }
        let word = self.text[name.clone()].to_owned();
        let view = match self.text[self.at..].starts_with('.') {
            true => {
                self.at += 1;
                Some(self.take(|c| c.is_ascii_alphanumeric() || c == '_'))
            }
            false => None,
        };
        let inside = self.parentheses(start)?;
        let whole = start..self.at;
        let probe = self.probes.iter().any(|probe| probe.name == word);
        if inside.is_none() && view.is_none() && probe {
            return Ok(Subject::Probe(self.named(name)));
        }
        if inside.is_none() && view.is_none() {
            match word.as_str() {
                "recovered" => return Ok(Subject::Recovered(self.part(name))),
                "phase" => return Ok(Subject::Phase(self.part(name))),
                _ => {}
            }
        }
        let Some(measure) = measure::find(&word) else { return Err(self.unknown(name, inside.is_some())) };
        let view = self.view(measure, view)?;
        let (of, argument) = self.arguments(measure, inside, &whole)?;
        Ok(Subject::Measure(Asked { measure, view, of, argument, name_place: self.part(name), place: self.part(whole) }))
    }

    /// What stands between the parentheses, if there are any.
    fn parentheses(&mut self, start: usize) -> Result<Option<Range<usize>>, Refusal> {
        if !self.text[self.at..].starts_with('(') {
            return Ok(None);
        }
        let inside = self.at + 1;
        let Some(length) = self.text[inside..].find(')') else {
            return Err(self.unreadable(start..self.text.trim_end().len(), "`)` is missing"));
        };
        self.at = inside + length + 1;
        Ok(Some(inside..inside + length))
    }

    fn unknown(&mut self, name: Range<usize>, called: bool) -> Refusal {
        let (word, place) = (&self.text[name.clone()], self.part(name));
        let probes = self.probes.iter().map(|probe| probe.name.as_str());
        let names: Vec<&str> = MEASURES.iter().map(|measure| measure.name).chain(["recovered", "phase"]).collect();
        let near = if called { nearest(word, names.iter().copied()) } else { nearest(word, probes.chain(names.iter().copied())) };
        let what = if called { "measure" } else { "measure and no probe" };
        let complaint = Complaint::new("E0501", format!("there is no {what} named `{word}`"), &place, "not found");
        Box::new(match near {
            Some(near) => complaint.fix(format!("did you mean `{near}`?"), &place, near),
            None => complaint.note("such as `p95(PROXY)`, `error_rate(PROXY)`, `hits(FAULT)`; `faultwire explain` lists all"),
        })
    }

    fn view(&mut self, measure: &Measure, view: Option<Range<usize>>) -> Result<View, Refusal> {
        let Some(range) = view else { return Ok(View::Organic) };
        let (word, place) = (&self.text[range.clone()], self.part(range));
        let views = View::WORDS.iter().map(|(word, _)| *word);
        let Some(view) = View::of(word) else {
            let complaint =
                Complaint::new("E0511", format!("`{word}` is not a view"), &place, "`all`, `injected`, `upstream` or `operations`");
            return Err(Box::new(match nearest(word, views) {
                Some(near) => complaint.fix(format!("did you mean `{near}`?"), &place, near),
                None => complaint,
            }));
        };
        if !measure.traffic || (view == View::Upstream && measure.unit != Unit::Duration) {
            let label = if measure.traffic { "only latencies have that" } else { "always counted in full" };
            self.complaints.push(Complaint::new("E0511", format!("`{}` has no view `{word}`", measure.name), &place, label));
        }
        Ok(view)
    }

    fn arguments(
        &mut self,
        measure: &'static Measure,
        inside: Option<Range<usize>>,
        whole: &Range<usize>,
    ) -> Result<(Option<Named>, Option<Named>), Refusal> {
        let name = measure.name;
        let none = inside.as_ref().is_none_or(|inside| self.text[inside.clone()].trim().is_empty());
        let here = self.part(whole.clone());
        let missing = |what: &str, label: &str| Box::new(Complaint::new("E0505", format!("`{name}` does not say {what}"), &here, label));
        if none {
            return match measure.takes {
                Takes::Nothing | Takes::MaybeProxy => Ok((None, None)),
                Takes::Fault => Err(missing("of which fault", &format!("write it as `{name}(FAULT)`"))),
                Takes::Alert => Err(missing("which alert", &format!("write it as `{name}(NAME)`"))),
                Takes::Mark => Err(missing("which mark", &format!("write it as `{name}(detected)`"))),
                _ => Err(missing("of which proxy", &format!("write it as `{name}(PROXY)`"))),
            };
        }
        let inside = inside.unwrap_or_default();
        if measure.takes == Takes::Nothing {
            return Err(Box::new(Complaint::new(
                "E0505",
                format!("`{name}` is about everything"),
                &self.part(inside),
                "nothing stands here",
            )));
        }
        // Labels have commas of their own.
        let comma = if measure.takes == Takes::Alert { None } else { self.text[inside.clone()].find(',').map(|at| inside.start + at) };
        let of = self.named(self.trimmed(inside.start..comma.unwrap_or(inside.end)));
        let argument = comma.map(|comma| self.trimmed(comma + 1..inside.end));
        if measure.takes == Takes::Mark && !MARKS.contains(&of.name.as_str()) {
            let complaint = Complaint::new("E0512", format!("nobody marks `{}`", of.name), &of.place, "unknown here");
            self.complaints.push(match nearest(&of.name, MARKS.iter().copied()) {
                Some(near) => complaint.fix(format!("did you mean `{near}`?"), &of.place, near),
                None => {
                    complaint.note(format!("there are {}", MARKS.iter().map(|mark| format!("`{mark}`")).collect::<Vec<_>>().join(", ")))
                }
            });
        }
        match (measure.takes, argument) {
            (Takes::Proxy | Takes::MaybeProxy, argument) => {
                Ok((Some(of), argument.filter(|range| !range.is_empty()).map(|range| self.named(range))))
            }
            (Takes::Class | Takes::Bound, Some(range)) if !range.is_empty() => {
                let argument = self.named(range);
                if measure.takes == Takes::Bound {
                    let node = Node { place: argument.place.clone(), value: scalar(&argument.name) };
                    self.complaints.extend(Span::from_node(&node).err());
                }
                Ok((Some(of), Some(argument)))
            }
            (Takes::Class, _) => Err(missing("of which outcome", &format!("write it as `{name}(PROXY, 5xx)`"))),
            (Takes::Bound, _) => Err(missing("than what", &format!("write it as `{name}(PROXY, 300ms)`"))),
            (_, Some(range)) => Err(self.unreadable(range, "one name is enough")),
            (_, None) => Ok((Some(of), None)),
        }
    }

    fn unreadable(&self, range: Range<usize>, label: &str) -> Refusal {
        let text = self.text.get(range.clone()).unwrap_or_default();
        let message =
            if text.trim().is_empty() { "this is not a condition".to_owned() } else { format!("`{}` cannot be read here", short(text)) };
        Box::new(Complaint::new("E0505", message, &self.part(range), label))
    }

    fn said(&self, place: &Place) -> String {
        let start = place.range.start.saturating_sub(self.whole.range.start);
        self.text.get(start..start + place.range.len()).unwrap_or(self.text).to_owned()
    }

    fn named(&self, range: Range<usize>) -> Named {
        Named { name: self.text[range.clone()].to_owned(), place: self.part(range) }
    }

    fn part(&self, range: Range<usize>) -> Place {
        self.whole.part(range, self.text.len())
    }

    fn rest(&self) -> Range<usize> {
        self.trimmed(self.at..self.text.len())
    }

    fn trimmed(&self, range: Range<usize>) -> Range<usize> {
        let part = &self.text[range.clone()];
        let start = range.start + (part.len() - part.trim_start().len());
        start..start + part.trim().len()
    }

    fn space(&mut self) {
        self.take(char::is_whitespace);
    }

    /// The next word, up to a space.
    fn word(&mut self) -> Option<Range<usize>> {
        self.space();
        Some(self.take(|c| !c.is_whitespace())).filter(|range| !range.is_empty())
    }

    fn take(&mut self, fits: impl Fn(char) -> bool) -> Range<usize> {
        let start = self.at;
        let rest = &self.text[start..];
        self.at = start + rest.find(|c| !fits(c)).unwrap_or(rest.len());
        start..self.at
    }
}

fn word_of<T: Words>(text: &str, place: &Place, what: &str) -> Result<T, Refusal> {
    if let Some(value) = T::of(text) {
        return Ok(value);
    }
    let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
    let list = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let complaint = Complaint::new("E0505", format!("`{text}` is not {what}"), place, list);
    Err(Box::new(match nearest(text, words) {
        Some(near) => complaint.fix(format!("did you mean `{near}`?"), place, near),
        None => complaint,
    }))
}

/// A value by the unit it carries.
fn amount(text: &str) -> Option<Amount> {
    if let Some(span) = Span::parse(text) {
        return Some(Amount::Duration(span));
    }
    if let Some(size) = Size::parse(text) {
        return Some(Amount::Size(size));
    }
    if let Some(flow) = Flow::parse(text) {
        return Some(Amount::Rate(flow));
    }
    match split_number(text)? {
        (number, "%") => Some(Amount::Percent(number)),
        (number, "x") => Some(Amount::Multiple(number)),
        (number, "") => Some(Amount::Number(number)),
        _ => None,
    }
}

fn short(text: &str) -> String {
    match text.chars().count() > 40 {
        true => format!("{}…", text.chars().take(40).collect::<String>()),
        false => text.to_owned(),
    }
}
