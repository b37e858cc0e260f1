//! Variables in compose files, as compose fills them in: `$VAR`, `${VAR:-default}` and their kin. It remembers which part of the result
//! stands where in what was written, so that a part can be changed and the variables stay. The environment is a closure.

use faultwire_scenarios::variables::closed;
use std::ops::Range;

/// Nobody nests them deeper.
const DEEPEST: usize = 8;

pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A text with its variables filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filled {
    pub text: String,
    /// As it was written; empty for what no compose file says.
    written: String,
    parts: Vec<Part>,
    /// Variables without a value.
    pub unset: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Part {
    text: Range<usize>,
    written: Range<usize>,
    /// The same in both; otherwise it is a variable, which is changed as a whole or not at all.
    same: bool,
}

impl Filled {
    /// What an env file says: nothing is left to be filled in.
    pub fn literal(text: &str) -> Filled {
        Filled { text: text.to_owned(), ..Filled::default() }
    }

    /// A variable that is handed on and has no value.
    pub fn unset(name: &str) -> Filled {
        Filled { unset: vec![name.to_owned()], ..Filled::default() }
    }

    /// The text for a compose file with other words in these places, and whether values of variables had to be written out.
    pub fn with(&self, edits: &[(Range<usize>, String)]) -> (String, bool) {
        let placed: Option<Vec<(Range<usize>, String)>> =
            edits.iter().map(|(range, word)| Some((self.place(range.clone())?, word.clone()))).collect();
        match placed.filter(|_| !self.written.is_empty()) {
            Some(placed) => (edited(&self.written, &placed), false),
            None => (edited(&self.text, edits).replace('$', "$$"), true),
        }
    }

    /// Where a part of the text stands in what was written.
    fn place(&self, range: Range<usize>) -> Option<Range<usize>> {
        let first = self.parts.iter().find(|part| part.text.contains(&range.start))?;
        let last = self.parts.iter().find(|part| part.text.start < range.end && range.end <= part.text.end)?;
        let start = match first.same {
            true => first.written.start + (range.start - first.text.start),
            false => (range.start == first.text.start).then_some(first.written.start)?,
        };
        let end = match last.same {
            true => last.written.start + (range.end - last.text.start),
            false => (range.end == last.text.end).then_some(last.written.end)?,
        };
        Some(start..end)
    }
}

fn edited(text: &str, edits: &[(Range<usize>, String)]) -> String {
    let mut edits: Vec<&(Range<usize>, String)> = edits.iter().collect();
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut text = text.to_owned();
    for (range, word) in edits {
        text.replace_range(range.clone(), word);
    }
    text
}

pub fn fill(written: &str, env: Env<'_>) -> Filled {
    fill_within(written, env, 0)
}

fn fill_within(written: &str, env: Env<'_>, depth: usize) -> Filled {
    let mut filled = Filled { written: written.to_owned(), ..Filled::default() };
    let mut at = 0;
    while let Some(next) = written[at..].find('$') {
        let start = at + next;
        filled.put(&written[at..start], at..start, true);
        let rest = &written[start + 1..];
        let (value, length) = if rest.starts_with('$') {
            ("$".to_owned(), 1)
        } else if let Some(inside) = rest.strip_prefix('{').filter(|_| depth < DEEPEST).and_then(closed) {
            (braced(inside, env, depth, &mut filled.unset), "{}".len() + inside.len())
        } else {
            let name = &rest[..name_length(rest)];
            match name.is_empty() {
                true => ("$".to_owned(), 0),
                false => (value_of(name, env, &mut filled.unset), name.len()),
            }
        };
        at = start + 1 + length;
        filled.put(&value, start..at, false);
    }
    filled.put(&written[at..], at..written.len(), true);
    filled
}

impl Filled {
    fn put(&mut self, text: &str, written: Range<usize>, same: bool) {
        let start = self.text.len();
        self.text.push_str(text);
        if !text.is_empty() {
            self.parts.push(Part { text: start..self.text.len(), written, same });
        }
    }
}

fn name_length(text: &str) -> usize {
    let fits = |(at, c): (usize, char)| c == '_' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit());
    text.char_indices().position(|at| !fits(at)).unwrap_or(text.len())
}

fn value_of(name: &str, env: Env<'_>, unset: &mut Vec<String>) -> String {
    env(name).unwrap_or_else(|| {
        unset.push(name.to_owned());
        String::new()
    })
}

/// `NAME`, and with `:-` `-` a default, with `:+` `+` a replacement, with `:?` `?` a complaint.
fn braced(inside: &str, env: Env<'_>, depth: usize, unset: &mut Vec<String>) -> String {
    let (name, rest) = inside.split_at(name_length(inside));
    let set = env(name);
    let (empty_counts, operator) = match rest.strip_prefix(':') {
        Some(operator) => (true, operator),
        None => (false, rest),
    };
    let there = set.clone().filter(|value| !(empty_counts && value.is_empty()));
    let word = |unset: &mut Vec<String>| {
        let mut filled = fill_within(&operator[1..], env, depth + 1);
        unset.append(&mut filled.unset);
        filled.text
    };
    match (operator.as_bytes().first(), there) {
        (Some(b'-'), Some(value)) => value,
        (Some(b'-'), None) => word(unset),
        (Some(b'+'), Some(_)) => word(unset),
        (Some(b'+'), None) => String::new(),
        (_, Some(value)) => value,
        (_, None) => {
            unset.push(name.to_owned());
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        let known = [("HOST", "redis"), ("EMPTY", ""), ("URL", "redis://redis:6379/0"), ("PASSWORD", "a$b")];
        known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn variables_are_filled_in_as_compose_does() {
        for (written, text) in [
            ("", ""),
            ("plain", "plain"),
            ("$HOST:1", "redis:1"),
            ("${HOST}:1", "redis:1"),
            ("${NONE:-x}", "x"),
            ("${EMPTY:-x}${EMPTY-y}", "x"),
            ("${NONE-${HOST}}", "redis"),
            ("${HOST:+set}${NONE:+set}${EMPTY+there}", "setthere"),
            ("${HOST:?missing}${NONE:?missing}", "redis"),
            ("$$HOST $ $1", "$HOST $ $1"),
            ("${HOST", "${HOST"),
            ("ä$HOST", "äredis"),
        ] {
            assert_eq!(fill(written, &env).text, text, "{written}");
        }
        assert_eq!(fill("$A ${B:?x} ${C:-${D}}", &env).unset, ["A", "B", "D"]);
        assert!(fill(&format!("{}x{}", "${A:-".repeat(50), "}".repeat(50)), &env).text.contains('x'));
    }

    #[track_caller]
    fn changed(written: &str, part: &str, word: &str) -> (String, bool) {
        let filled = fill(written, &env);
        let at = filled.text.find(part).unwrap();
        filled.with(&[(at..at + part.len(), word.to_owned())])
    }

    #[test]
    fn what_is_changed_leaves_variables_alone() {
        let kept = |text: &str| (text.to_owned(), false);
        assert_eq!(changed("redis://:${PASSWORD}@redis:6379/0", "redis:6379", "f:1"), kept("redis://:${PASSWORD}@f:1/0"));
        assert_eq!(changed("redis://${HOST}:6379/0", "redis:6379", "f:1"), kept("redis://f:1/0"));
        assert_eq!(changed("${HOST:-other}:6379", "redis", "f"), kept("f:6379"));
        assert_eq!(changed("$$x redis:1", "redis:1", "f:1"), kept("$$x f:1"));
        // A variable that holds more than what is changed is written out.
        assert_eq!(changed("${URL}", "redis:6379", "f:1"), ("redis://f:1/0".to_owned(), true));
        assert_eq!(changed("${URL}?p=${PASSWORD}", "redis:6379", "f:1"), ("redis://f:1/0?p=a$$b".to_owned(), true));
        assert_eq!(Filled::literal("a$b redis").with(&[(4..9, "f".into())]), ("a$$b f".to_owned(), true));
    }
}
