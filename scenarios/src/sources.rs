//! The texts that were read: their names and what stands in them, so that a place can be shown. It reads nothing itself.

use faultwire_faults::node::Place;

/// All texts of one reading; `Place.source` is the index.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
}

#[derive(Clone, Debug)]
pub struct Source {
    /// As people know it: a path, `<stdin>`, `--inject`.
    pub name: String,
    /// Empty for what has no text of its own, such as the body of a request.
    pub text: String,
    /// Where its lines begin.
    lines: Vec<usize>,
}

/// A line and a column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub line: usize,
    pub col: usize,
}

impl Sources {
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> usize {
        let text = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.list.push(Source { name: name.into(), text, lines });
        self.list.len() - 1
    }

    pub fn source(&self, index: usize) -> Option<&Source> {
        self.list.get(index)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.list.iter()
    }

    /// What is written at a place.
    pub fn text(&self, place: &Place) -> &str {
        self.source(place.source).and_then(|source| source.text.get(place.range.clone())).unwrap_or_default()
    }

    pub fn name(&self, place: &Place) -> &str {
        self.source(place.source).map_or("", |source| &source.name)
    }

    /// Where a place begins and ends; `None` for texts without places.
    pub fn spots(&self, place: &Place) -> Option<(Spot, Spot)> {
        let source = self.source(place.source).filter(|source| !source.text.is_empty())?;
        Some((source.spot(place.range.start)?, source.spot(place.range.end)?))
    }
}

impl Source {
    fn spot(&self, at: usize) -> Option<Spot> {
        let line = self.lines.partition_point(|start| *start <= at);
        let before = self.text.get(*self.lines.get(line.checked_sub(1)?)?..at)?;
        Some(Spot { line, col: before.chars().count() + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", "one\nä: öl\n");
        let place = Place { source, range: 8..11, pointer: String::new() };
        assert_eq!(sources.text(&place), "öl");
        assert_eq!(sources.spots(&place), Some((Spot { line: 2, col: 4 }, Spot { line: 2, col: 6 })));
        assert_eq!(sources.spots(&Place { source: 9, ..place }), None);
    }
}
