//! `.env` files, as compose reads them: `NAME=value`, quotes, comments, values on several lines. A line that says nothing is told, and
//! left out.

use super::fill::{Env, fill};

#[derive(Debug, Default, PartialEq)]
pub struct Dotenv {
    /// In the order of the file; a later one of the same name has replaced an earlier one.
    pub variables: Vec<(String, String)>,
    /// Lines that are no `NAME=value`.
    pub unread: Vec<usize>,
}

impl Dotenv {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn set(&mut self, name: &str, value: String) {
        match self.variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }
}

/// `env` is what is known besides; what the file says itself comes first.
pub fn read(text: &str, env: Env<'_>) -> Dotenv {
    let mut read = Dotenv::default();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 0;
    while !rest.is_empty() {
        line += 1;
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let said = first.trim();
        if said.is_empty() || said.starts_with('#') {
            rest = after;
            continue;
        }
        let said = said.strip_prefix("export ").unwrap_or(said).trim_start();
        let name_end = said.find(|c: char| !(c.is_ascii_alphanumeric() || "_.-".contains(c))).unwrap_or(said.len());
        let (name, behind) = said.split_at(name_end);
        let Some(value) = behind.trim_start().strip_prefix(['=', ':']).map(str::trim_start).filter(|_| !name.is_empty()) else {
            // `NAME` alone is taken from the environment, and says nothing here.
            if !behind.is_empty() || name.is_empty() {
                read.unread.push(line);
            }
            rest = after;
            continue;
        };
        let known = |name: &str| read.get(name).map(str::to_owned).or_else(|| env(name));
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, used) = match quote {
            // The value may go on in the next lines.
            Some(quote) => match quoted(&rest[offset(rest, value)..], quote) {
                Some((inside, length)) if quote == '"' => (fill(&unescaped(inside), &known).text, offset(rest, value) + length),
                Some((inside, length)) => (inside.to_owned(), offset(rest, value) + length),
                None => {
                    read.unread.push(line);
                    rest = after;
                    continue;
                }
            },
            None => (fill(uncommented(value), &known).text, first.len()),
        };
        line += rest[..used].matches('\n').count();
        let name = name.to_owned();
        read.set(&name, value);
        rest = rest[used..].split_once('\n').map_or("", |(_, after)| after);
    }
    read
}

/// Where a part of a text begins in it.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

/// What stands between the quote a text begins with and the next one that is not escaped, and the length with both.
fn quoted(text: &str, quote: char) -> Option<(&str, usize)> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return Some((&text[1..at], at + 1));
        }
        escaped = c == '\\' && !escaped && quote == '"';
    }
    None
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                // A dollar stays one: `$$` is filled in as `$`.
                Some('$') => out.push_str("$$"),
                Some(other @ ('"' | '\\')) => out.push(other),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            _ => out.push(c),
        }
    }
    out
}

/// A comment begins behind a space.
fn uncommented(value: &str) -> &str {
    let end =
        value.match_indices('#').find(|(at, _)| *at == 0 || value[..*at].ends_with(char::is_whitespace)).map_or(value.len(), |(at, _)| at);
    value[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        read(text, &|name| (name == "OUTER").then(|| "o".to_owned())).variables
    }

    #[test]
    fn variables_are_read_as_compose_reads_them() {
        for (text, value) in [
            ("A=1", "1"),
            ("A = 1 ", "1"),
            ("export A=1", "1"),
            ("A: 1", "1"),
            ("A=", ""),
            ("A=x # note", "x"),
            ("A=x#y", "x#y"),
            ("A=# note", ""),
            ("A='x # y $OUTER'", "x # y $OUTER"),
            ("A=\"x # y $OUTER\" # note", "x # y o"),
            ("A=\"a\\nb\\\"c\\$d\"", "a\nb\"c$d"),
            ("A=\"one\ntwo\"", "one\ntwo"),
            ("B=2\nA=${B}-${NONE:-x}", "2-x"),
            ("A=1\r", "1"),
            ("\u{feff}A=1", "1"),
            ("A=0\nA=1", "1"),
            ("A=postgres://u:p@db:5432/x?y=z", "postgres://u:p@db:5432/x?y=z"),
        ] {
            assert_eq!(pairs(text).iter().find(|(name, _)| name == "A").map(|(_, value)| value.as_str()), Some(value), "{text}");
        }
    }

    #[test]
    fn lines_that_say_nothing_are_told() {
        let read = read("# note\n\nA=1\nnonsense here\nB\n=x\nC=\"open\nD=4\n", &|_| None);
        assert_eq!(read.unread, [4, 6, 7]);
        assert_eq!(read.variables, [("A".to_owned(), "1".to_owned()), ("D".to_owned(), "4".to_owned())]);
        assert_eq!(self::read("A=\"x\ny\"\nbad line\n", &|_| None).unread, [3]);
    }
}
