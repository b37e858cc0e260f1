//! What stands behind the subject: what it is compared with, the state it is in, and for how long.

use super::{CLAUSES, Reader, Refusal, amount, word_of};
use crate::{
    condition::{Amount, Condition, Group, Offset, Op, Reference, Subject, Test, Window, Words},
    measure::Unit,
};
use faultwire_faults::{
    complaint::{Complaint, FromNode, nearest},
    node::{Node, Place},
    units::Span,
    value::scalar,
};
use std::ops::Range;

impl Reader<'_> {
    pub(super) fn test(&mut self, subject: &Subject) -> Result<Option<Test>, Refusal> {
        self.space();
        if let Some(op) = self.operator()? {
            return self.compared(subject, op).map(Some);
        }
        let start = self.at;
        match self.word() {
            Some(word) if &self.text[word.clone()] == "is" => self.state(subject).map(Some),
            Some(word) if CLAUSES.contains(&&self.text[word.clone()]) && matches!(subject, Subject::Recovered(_)) => {
                self.at = start;
                Ok(None)
            }
            None if matches!(subject, Subject::Recovered(_)) => Ok(None),
            Some(word) if !CLAUSES.contains(&&self.text[word.clone()]) => {
                let near = nearest(&self.text[word.clone()], ["is"]).filter(|_| self.text[word.clone()].len() <= 3);
                let complaint = self.unreadable(word.clone(), "compared with what?");
                Err(match near {
                    Some(_) => complaint.fix("did you mean `is`?", &self.part(word), "is").into(),
                    None => complaint.note("write it as `p95(PROXY) < 400ms`, or `breaker(PROXY) is open`").into(),
                })
            }
            _ => {
                let subject = subject.place();
                Err(Complaint::new("E0505", format!("this says nothing about `{}`", self.said(subject)), subject, "compared with what?")
                    .note("write it as `p95(PROXY) < 400ms`, or `breaker(PROXY) is open`")
                    .into())
            }
        }
    }

    pub(super) fn operator(&mut self) -> Result<Option<(Op, Range<usize>)>, Refusal> {
        let start = self.at;
        let range = self.take(|c| "<>=!≤≥".contains(c));
        if range.is_empty() {
            return Ok(None);
        }
        let word = &self.text[range.clone()];
        if let Some(op) = Op::of(word) {
            return Ok(Some((op, range)));
        }
        self.at = start;
        let complaint = Complaint::new("E0505", format!("`{word}` compares nothing"), &self.part(range.clone()), "not a comparison");
        let meant = match word {
            "=" => "==",
            "=<" | "≤" => "<=",
            "=>" | "≥" => ">=",
            "<>" => "!=",
            _ => return Err(complaint.note("there are `<`, `<=`, `>`, `>=`, `==` and `!=`").into()),
        };
        Err(complaint.fix(format!("here it is `{meant}`"), &self.part(range), meant).into())
    }

    pub(super) fn compared(&mut self, subject: &Subject, (op, op_range): (Op, Range<usize>)) -> Result<Test, Refusal> {
        self.space();
        let range = self.take(|c| !c.is_whitespace());
        if range.is_empty() {
            return Err(self.unreadable(op_range, "compared with what?"));
        }
        let (text, place) = (self.text[range.clone()].to_owned(), self.part(range.clone()));
        let unit = self.unit(subject);
        if let Some(Unit::State(states)) = unit {
            let name = self.said(subject.place()).split(['(', '.']).next().unwrap_or_default().to_owned();
            self.complaints.push(
                Complaint::new("E0510", format!("`{name}` is a state, not a number"), &place, "compared with a number")
                    .note(format!("write it as `is {}`", states.first().copied().unwrap_or("ok"))),
            );
            return Ok(Test::Compare { op, value: Amount::Number(0.0), place });
        }
        if let Some(reference) = Reference::of(&text) {
            let offset = self.offset(subject, unit)?;
            return Ok(Test::Against { op, reference, offset, place });
        }
        if let Some(near) =
            nearest(&text, Reference::WORDS.iter().map(|(word, _)| *word)).filter(|_| text.starts_with(|c: char| c.is_ascii_alphabetic()))
        {
            return Err(Complaint::new("E0505", format!("`{text}` is nothing to compare with"), &place, "unknown here")
                .fix(format!("did you mean `{near}`?"), &place, near)
                .into());
        }
        let Some(value) = amount(&text) else {
            let label = unit.map_or("a number was wanted", |unit| match unit {
                Unit::Percent => "such as `5%`",
                Unit::Duration => "such as `400ms`",
                Unit::Rate => "such as `20/s`",
                Unit::Multiple => "such as `1.5x`",
                Unit::Size => "such as `64KiB`",
                Unit::Count | Unit::State(_) => "such as `3`",
            });
            return Err(Complaint::new("E0505", format!("`{text}` is nothing to compare with"), &place, label).into());
        };
        self.apart(&text, range)?;
        if let Some(unit) = unit {
            self.fits(subject, unit, value, &place);
        }
        Ok(Test::Compare { op, value, place })
    }

    /// A number and its unit stand together.
    pub(super) fn apart(&mut self, number: &str, range: Range<usize>) -> Result<(), Refusal> {
        if number.parse::<f64>().is_err() {
            return Ok(());
        }
        let here = self.at;
        let Some(next) = self.word() else { return Ok(()) };
        let joined = format!("{number}{}", &self.text[next.clone()]);
        if matches!(amount(&joined), None | Some(Amount::Number(_))) {
            self.at = here;
            return Ok(());
        }
        let place = self.part(range.start..next.end);
        Err(Complaint::new("E0505", "a number and its unit stand together", &place, "no space between them")
            .fix("without the space", &place, joined)
            .into())
    }

    /// Whether a value has the unit of what it is compared with.
    pub(super) fn fits(&mut self, subject: &Subject, unit: Unit, value: Amount, place: &Place) {
        let fine = matches!(
            (unit, value),
            (Unit::Percent, Amount::Percent(_))
                | (Unit::Duration, Amount::Duration(_))
                | (Unit::Rate, Amount::Rate(_))
                | (Unit::Multiple, Amount::Multiple(_))
                | (Unit::Size, Amount::Size(_))
        ) || matches!((unit, value), (Unit::Count, Amount::Number(number)) if number.fract() == 0.0);
        if fine {
            return;
        }
        let name = self.said(subject.place()).split(['(', '.']).next().unwrap_or_default().to_owned();
        let with = match value {
            Amount::Percent(_) => "a percentage",
            Amount::Duration(_) => "a length of time",
            Amount::Rate(_) => "a rate",
            Amount::Multiple(_) => "a multiple",
            Amount::Size(_) => "a size",
            Amount::Number(_) if unit == Unit::Count => "a part of one",
            Amount::Number(_) => "a bare number",
        };
        let complaint = Complaint::new("E0502", format!("`{name}` is {}", unit.noun()), place, format!("compared with {with}"));
        self.complaints.push(match (value, unit.suffix()) {
            (Amount::Number(_), Some((suffix, title))) => complaint.fix(title, &place.end(), suffix),
            _ => complaint,
        });
    }

    /// The unit of a subject; `None` where anything goes.
    pub(super) fn unit(&self, subject: &Subject) -> Option<Unit> {
        match subject {
            Subject::Measure(asked) => Some(asked.measure.unit),
            Subject::Probe(named) => self.probes.iter().find(|probe| probe.name == named.name).and_then(|probe| probe.unit),
            Subject::Recovered(_) => Some(Unit::State(&["true"])),
            Subject::Phase(_) => Some(Unit::State(&["NAME"])),
        }
    }

    pub(super) fn offset(&mut self, subject: &Subject, unit: Option<Unit>) -> Result<Option<Offset>, Refusal> {
        let here = self.at;
        self.space();
        let sign = match self.text[self.at..].chars().next() {
            Some('+') => 1.0,
            Some('-') => -1.0,
            _ => {
                self.at = here;
                return Ok(None);
            }
        };
        let sign_range = self.at..self.at + 1;
        self.at += 1;
        self.space();
        let range = self.take(|c| !c.is_whitespace());
        if range.is_empty() {
            return Err(self.unreadable(sign_range, "and how much?"));
        }
        let place = self.part(range.clone());
        match amount(&self.text[range.clone()]) {
            Some(Amount::Percent(share)) => Ok(Some(Offset::Percent(sign * share))),
            Some(Amount::Duration(span)) => {
                if unit.is_some_and(|unit| unit != Unit::Duration) {
                    self.fits(subject, unit.unwrap_or(Unit::Count), Amount::Duration(span), &place);
                }
                Ok(Some(Offset::Duration(sign as i64 * i64::try_from(span.0).unwrap_or(i64::MAX))))
            }
            Some(Amount::Number(points)) => {
                let here = self.at;
                if self.word().is_some_and(|word| matches!(&self.text[word], "points" | "point")) {
                    if unit != Some(Unit::Percent) {
                        self.complaints.push(
                            Complaint::new("E0502", "points are added to percentages", &place, "this is none")
                                .note("`+ 25%` is a quarter more"),
                        );
                    }
                    return Ok(Some(Offset::Points(sign * points)));
                }
                self.at = here;
                let complaint = Complaint::new("E0502", format!("`{}` of what?", &self.text[range]), &place, "added as a bare number");
                Err(complaint.fix("in a hundred of it", &place.end(), "%").fix("or percentage points", &place.end(), " points").into())
            }
            _ => Err(self.unreadable(range, "such as `25%`, or `2 points`")),
        }
    }

    pub(super) fn state(&mut self, subject: &Subject) -> Result<Test, Refusal> {
        let mut first = self.word();
        let not = first.as_ref().is_some_and(|word| &self.text[word.clone()] == "not");
        if not {
            first = self.word();
        }
        let Some(mut range) = first else {
            let end = self.text.trim_end().len();
            return Err(self.unreadable(end.saturating_sub(2)..end, "is what?"));
        };
        // The name of a phase may be of several words.
        if matches!(subject, Subject::Phase(_)) {
            loop {
                let here = self.at;
                match self.word() {
                    Some(word) if !CLAUSES.contains(&&self.text[word.clone()]) => range.end = word.end,
                    _ => {
                        self.at = here;
                        break;
                    }
                }
            }
        }
        let state = self.named(range);
        let states: &[&str] = match subject {
            Subject::Phase(_) => return Ok(Test::Is { not, state }),
            Subject::Probe(_) => &["ok", "failing"],
            Subject::Measure(asked) => match asked.measure.unit {
                Unit::State(states) => states,
                unit => {
                    self.complaints.push(Complaint::new(
                        "E0510",
                        format!("`{}` is {}, not a state", asked.measure.name, unit.noun()),
                        &state.place,
                        "no number is that",
                    ));
                    return Ok(Test::Is { not, state });
                }
            },
            Subject::Recovered(_) => &["true"],
        };
        if !states.contains(&state.name.as_str()) {
            let list = states.iter().map(|state| format!("`{state}`")).collect::<Vec<_>>().join(" or ");
            let name = self.said(subject.place()).split(['(', '.']).next().unwrap_or_default().to_owned();
            let complaint = Complaint::new("E0510", format!("`{name}` is never `{}`", state.name), &state.place, format!("it is {list}"));
            self.complaints.push(match nearest(&state.name, states.iter().copied()) {
                Some(near) => complaint.fix(format!("did you mean `{near}`?"), &state.place, near),
                None => complaint,
            });
        }
        Ok(Test::Is { not, state })
    }

    pub(super) fn clause(&mut self, word: Range<usize>, condition: &mut Condition) -> Result<(), Refusal> {
        let name = self.text[word.clone()].to_owned();
        if !CLAUSES.contains(&name.as_str()) {
            if matches!(name.as_str(), "and" | "or" | "&&" | "||" | "AND" | "OR") {
                return Err(Complaint::new(
                    "E0505",
                    format!("there is no `{name}` in a condition"),
                    &self.part(word),
                    "one line, one condition",
                )
                .note("a list of conditions is all of them")
                .into());
            }
            let complaint = self.unreadable(word.clone(), "what is this about?");
            return Err(match nearest(&name, CLAUSES) {
                Some(near) => complaint.fix(format!("did you mean `{near}`?"), &self.part(word), near).into(),
                None => complaint,
            });
        }
        let Some(value) = self.word() else { return Err(self.unreadable(word, "and what?")) };
        let said_twice = match name.as_str() {
            "for" => condition.lasts.is_some(),
            "within" => condition.within.is_some(),
            "during" => condition.during.is_some(),
            _ => condition.by.is_some(),
        };
        if said_twice {
            return Err(self.unreadable(word, "said twice"));
        }
        let place = self.part(value.clone());
        let text = &self.text[value];
        let node = Node { place: place.clone(), value: scalar(text) };
        match name.as_str() {
            "for" | "within" => {
                let span = Span::from_node(&node)?;
                *(if name == "for" { &mut condition.lasts } else { &mut condition.within }) = Some(span);
            }
            "during" => condition.during = Some(word_of::<Window>(text, &place, "a window")?),
            _ => condition.by = Some(word_of::<Group>(text, &place, "a group")?),
        }
        Ok(())
    }
}
