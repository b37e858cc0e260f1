//! Patterns made ready: globs cut at their stars, regular expressions compiled. They look at bytes and know no fact.

use super::Want;
use regex_lite::{Regex, RegexBuilder};

/// Whether capitals are told from small letters. Only those of ASCII ever are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Matters,
    Ignored,
}

#[derive(Clone, Debug)]
pub struct Pattern {
    case: Case,
    /// One of these must fit.
    any: Box<[One]>,
}

#[derive(Clone, Debug)]
enum One {
    Anything,
    Literal(Box<[u8]>),
    /// It begins and ends so, and these stand in between, in order.
    Glob {
        first: Box<[u8]>,
        middle: Box<[Box<[u8]>]>,
        last: Box<[u8]>,
    },
    Regex(Regex),
}

/// What a value that fits has to begin with, or to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    Literal(&'a [u8]),
    Prefix(&'a [u8]),
}

impl Pattern {
    /// `Err`: the regular expression that is none. Reading has refused it before.
    pub fn new(want: &Want, case: Case) -> Result<Pattern, String> {
        let mut any = Vec::new();
        gather(want, case, &mut any)?;
        Ok(Pattern { case, any: any.into() })
    }

    pub fn glob(text: &str, case: Case) -> Pattern {
        Pattern { case, any: [One::glob(text, case)].into() }
    }

    pub fn fits(&self, value: &[u8]) -> bool {
        self.any.iter().any(|one| one.fits(value, self.case))
    }

    /// What the values that fit begin with; small letters, if case is ignored.
    pub fn starts(&self) -> impl Iterator<Item = Start<'_>> {
        self.any.iter().map(|one| match one {
            One::Literal(text) => Start::Literal(text),
            One::Glob { first, .. } => Start::Prefix(first),
            One::Anything | One::Regex(_) => Start::Prefix(b""),
        })
    }

    /// Whether it is that very text, and not a wildcard that fits it.
    pub fn is_literally(&self, value: &[u8]) -> bool {
        self.starts().any(|start| matches!(start, Start::Literal(text) if equal(text, value, self.case)))
    }

    /// Whether it fits whatever is there.
    pub fn is_anything(&self) -> bool {
        self.any.iter().any(|one| matches!(one, One::Anything))
    }
}

fn gather(want: &Want, case: Case, any: &mut Vec<One>) -> Result<(), String> {
    match want {
        Want::Glob(text) => any.push(One::glob(text, case)),
        Want::Is(switch) => any.push(One::glob(if *switch { "true" } else { "false" }, case)),
        Want::Regex(text) => {
            let regex = RegexBuilder::new(text).case_insensitive(case == Case::Ignored).build();
            any.push(One::Regex(regex.map_err(|_| text.clone())?));
        }
        Want::OneOf(wants) => wants.iter().try_for_each(|want| gather(want, case, any))?,
    }
    Ok(())
}

impl One {
    fn glob(text: &str, case: Case) -> One {
        let text = if case == Case::Ignored { text.to_ascii_lowercase() } else { text.to_owned() };
        let part = |text: &str| text.as_bytes().into();
        let Some((first, rest)) = text.split_once('*') else { return One::Literal(part(&text)) };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        let middle: Box<[Box<[u8]>]> = middle.split('*').filter(|text| !text.is_empty()).map(part).collect();
        match first.is_empty() && middle.is_empty() && last.is_empty() {
            true => One::Anything,
            false => One::Glob { first: part(first), middle, last: part(last) },
        }
    }

    fn fits(&self, value: &[u8], case: Case) -> bool {
        match self {
            One::Anything => true,
            One::Literal(text) => equal(text, value, case),
            One::Glob { first, middle, last } => {
                let long = first.len() + last.len();
                if value.len() < long || !equal(first, &value[..first.len()], case) {
                    return false;
                }
                let (between, end) = value[first.len()..].split_at(value.len() - long);
                equal(last, end, case) && in_order(middle, between, case)
            }
            One::Regex(regex) => match std::str::from_utf8(value) {
                Ok(text) => regex.is_match(text),
                Err(_) => regex.is_match(&String::from_utf8_lossy(value)),
            },
        }
    }
}

/// The leftmost place for each is the best one: it leaves most room for the next.
fn in_order(parts: &[Box<[u8]>], mut value: &[u8], case: Case) -> bool {
    parts.iter().all(|part| match value.windows(part.len()).position(|window| equal(part, window, case)) {
        Some(at) => {
            value = &value[at + part.len()..];
            true
        }
        None => false,
    })
}

fn equal(pattern: &[u8], value: &[u8], case: Case) -> bool {
    match case {
        Case::Matters => pattern == value,
        Case::Ignored => pattern.eq_ignore_ascii_case(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::{Dice, Purpose, Seed};

    fn glob(text: &str) -> Pattern {
        Pattern::glob(text, Case::Matters)
    }

    #[test]
    fn a_star_is_anything_and_a_dot_is_a_dot() {
        for (pattern, fits, not) in [
            ("/orders", vec!["/orders"], vec!["/orders/", "/order", "/ORDERS", ""]),
            ("/orders/*", vec!["/orders/", "/orders/1", "/orders/1/lines"], vec!["/orders"]),
            ("*", vec!["", "x", "*"], vec![]),
            ("**", vec!["", "x"], vec![]),
            ("*.json", vec![".json", "/a.json"], vec!["/ajson", "/a.json/"]),
            ("/v1.2/*", vec!["/v1.2/x"], vec!["/v1x2/x"]),
            ("a*a", vec!["aa", "aba", "aaa"], vec!["a", "ab"]),
            ("/a/*/c/*/e", vec!["/a//c//e", "/a/b/c/d/e", "/a/c/c/c/e"], vec!["/a/c/e", "/a/b/c/e"]),
            ("*ab*ab*", vec!["abab", "xabyabz"], vec!["aab", "abb", "aba"]),
            ("", vec![""], vec!["x"]),
        ] {
            fits.iter().for_each(|value| assert!(glob(pattern).fits(value.as_bytes()), "{pattern} {value}"));
            not.iter().for_each(|value| assert!(!glob(pattern).fits(value.as_bytes()), "{pattern} {value}"));
        }
        let host = Pattern::glob("*.Shop.Example", Case::Ignored);
        assert!(host.fits(b"API.shop.EXAMPLE") && !host.fits(b"shop.example"));
    }

    /// Against the plainest way to say what a glob means.
    #[test]
    fn globs_fit_as_they_are_defined() {
        fn defined(pattern: &[u8], value: &[u8]) -> bool {
            match (pattern, value) {
                ([], value) => value.is_empty(),
                ([b'*', rest @ ..], value) => (0..=value.len()).any(|at| defined(rest, &value[at..])),
                ([a, pattern @ ..], [b, value @ ..]) => a == b && defined(pattern, value),
                _ => false,
            }
        }
        let dice = Dice::new(Seed(1), "globs", "");
        let text = |n: u64, length: u64, letters: &[u8]| -> Vec<u8> {
            let length = dice.draw(Purpose::Fire, n, 0) % length;
            (1..=length).map(|i| letters[(dice.draw(Purpose::Fire, n, i) % letters.len() as u64) as usize]).collect()
        };
        let mut fitted = 0;
        for n in 0..40_000 {
            let (pattern, value) = (text(2 * n, 8, b"ab*"), text(2 * n + 1, 10, b"ab"));
            let fits = glob(&String::from_utf8_lossy(&pattern)).fits(&value);
            let show = || format!("{} {}", String::from_utf8_lossy(&pattern), String::from_utf8_lossy(&value));
            assert_eq!(fits, defined(&pattern, &value), "{}", show());
            fitted += usize::from(fits);
        }
        assert!((4_000..30_000).contains(&fitted), "{fitted} of 40000 fitted");
    }

    #[test]
    fn lists_and_regular_expressions() {
        let of = |want: Want, case| Pattern::new(&want, case).unwrap();
        let both = of(Want::OneOf(vec![Want::Glob("/a".into()), Want::Regex("^/b[0-9]+$".into())]), Case::Matters);
        assert!(both.fits(b"/a") && both.fits(b"/b17") && !both.fits(b"/b") && !both.fits(b"/B1"));
        assert!(both.is_literally(b"/a") && !both.is_literally(b"/b17"));
        let part = of(Want::Regex("ord".into()), Case::Ignored);
        assert!(part.fits(b"/ORDERS") && part.fits(b"/ord\xff") && !part.fits(b"/or"));
        assert_eq!(Pattern::new(&Want::Regex("(".into()), Case::Matters).unwrap_err(), "(");
        assert_eq!(glob("/a/*b").starts().collect::<Vec<_>>(), [Start::Prefix(b"/a/")]);
        assert!(glob("*").is_anything() && !glob("*a").is_anything());
    }
}
