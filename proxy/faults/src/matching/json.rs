//! JSON (RFC 8259), looked through without building it: what stands at a pointer (RFC 6901), in one pass and without memory of its own.

use std::borrow::Cow;

/// As deep as most readers go.
const DEEPEST: usize = 128;

/// Not JSON, or deeper than is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A text decoded; a number, `true`, `false` and `null` as they were written.
    Text(Cow<'a, [u8]>),
    /// An object or a list.
    Nested,
}

/// The parts of a pointer that begins with `/`.
pub fn steps(pointer: &str) -> Box<[Box<str>]> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~").into()).collect()
}

/// What stands there. Of keys that come twice the last one counts, as most readers have it.
pub fn at<'a>(text: &'a [u8], steps: &[Box<str>]) -> Result<Option<Found<'a>>, NotJson> {
    let mut reader = Reader { text, at: 0 };
    let found = reader.value(Some(steps), 0)?;
    reader.end()?;
    Ok(found)
}

/// Each element of a list, as it was written. `false`: this is no list.
pub fn elements<'a>(text: &'a [u8], each: &mut dyn FnMut(&'a [u8])) -> Result<bool, NotJson> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    if reader.peek() != Some(b'[') {
        return Ok(false);
    }
    reader.list(|reader, _| {
        reader.space();
        let start = reader.at;
        reader.value(None, 1)?;
        each(&text[start..reader.at]);
        Ok(())
    })?;
    reader.end()?;
    Ok(true)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Passes a value, and says what stands in it behind those steps, if any are given.
    fn value(&mut self, steps: Option<&[Box<str>]>, depth: usize) -> Result<Option<Found<'a>>, NotJson> {
        if depth >= DEEPEST {
            return Err(NotJson);
        }
        self.space();
        let start = self.at;
        let mut inner = None;
        let next = steps.and_then(|steps| steps.split_first());
        match self.peek().ok_or(NotJson)? {
            b'{' => self.object(|reader, key| {
                let rest = next.filter(|(step, _)| key.is(step.as_bytes())).map(|(_, rest)| rest);
                let value = reader.value(rest, depth + 1)?;
                if rest.is_some() {
                    inner = value;
                }
                Ok(())
            })?,
            b'[' => {
                let wanted = next.and_then(|(step, rest)| Some((index(step)?, rest)));
                self.list(|reader, n| {
                    let rest = wanted.filter(|(index, _)| *index == n).map(|(_, rest)| rest);
                    let value = reader.value(rest, depth + 1)?;
                    if rest.is_some() {
                        inner = value;
                    }
                    Ok(())
                })?;
            }
            b'"' => {
                let text = self.string()?;
                return Ok(steps.filter(|steps| steps.is_empty()).map(|_| Found::Text(text.decoded())));
            }
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?,
        }
        let text = &self.text[start..self.at];
        Ok(match steps {
            Some([]) if matches!(text.first(), Some(b'{' | b'[')) => Some(Found::Nested),
            Some([]) => Some(Found::Text(Cow::Borrowed(text))),
            Some(_) => inner,
            None => None,
        })
    }

    fn object(&mut self, mut member: impl FnMut(&mut Self, Written<'a>) -> Result<(), NotJson>) -> Result<(), NotJson> {
        self.series(b'{', b'}', |reader, _| {
            reader.space();
            let key = reader.string()?;
            reader.space();
            reader.take(b':')?;
            member(reader, key)
        })
    }

    fn list(&mut self, element: impl FnMut(&mut Self, usize) -> Result<(), NotJson>) -> Result<(), NotJson> {
        self.series(b'[', b']', element)
    }

    fn series(&mut self, open: u8, close: u8, mut one: impl FnMut(&mut Self, usize) -> Result<(), NotJson>) -> Result<(), NotJson> {
        self.take(open)?;
        self.space();
        if self.peek() == Some(close) {
            return self.take(close);
        }
        for n in 0.. {
            one(self, n)?;
            self.space();
            if self.peek() == Some(close) {
                break;
            }
            self.take(b',')?;
        }
        self.take(close)
    }

    fn string(&mut self) -> Result<Written<'a>, NotJson> {
        self.take(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek().ok_or(NotJson)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 1;
                    match self.peek().ok_or(NotJson)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                        b'u' => {
                            let digits = self.text.get(self.at + 1..self.at + 5).ok_or(NotJson)?;
                            if !digits.iter().all(u8::is_ascii_hexdigit) {
                                return Err(NotJson);
                            }
                            self.at += 5;
                        }
                        _ => return Err(NotJson),
                    }
                }
                0..0x20 => return Err(NotJson),
                _ => self.at += 1,
            }
        }
        let text = &self.text[start..self.at];
        self.at += 1;
        Ok(Written { text, escaped })
    }

    fn number(&mut self) -> Result<(), NotJson> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let count = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count > 0 { Ok(()) } else { Err(NotJson) }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), NotJson> {
        word.iter().try_for_each(|&byte| self.take(byte))
    }

    fn take(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.peek() != Some(byte) {
            return Err(NotJson);
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Result<(), NotJson> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(NotJson) }
    }
}

/// `0`, `1`, `17`; what has a zero before it is none.
fn index(step: &str) -> Option<usize> {
    let plain = step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
    if plain { step.parse().ok() } else { None }
}

/// A text between its quotes, as it was written.
#[derive(Clone, Copy)]
struct Written<'a> {
    text: &'a [u8],
    escaped: bool,
}

impl<'a> Written<'a> {
    fn is(self, plain: &[u8]) -> bool {
        if self.escaped { *self.decoded() == *plain } else { self.text == plain }
    }

    fn decoded(self) -> Cow<'a, [u8]> {
        if !self.escaped {
            return Cow::Borrowed(self.text);
        }
        let mut plain = Vec::with_capacity(self.text.len());
        let mut rest = self.text;
        while let Some((&byte, behind)) = rest.split_first() {
            rest = behind;
            if byte != b'\\' {
                plain.push(byte);
                continue;
            }
            let Some((&sign, behind)) = rest.split_first() else { break };
            rest = behind;
            match sign {
                b'b' => plain.push(8),
                b'f' => plain.push(12),
                b'n' => plain.push(b'\n'),
                b'r' => plain.push(b'\r'),
                b't' => plain.push(b'\t'),
                b'u' => {
                    let (unit, behind) = unit(rest);
                    rest = behind;
                    // Two of them are one character beyond 65,535; one alone is none.
                    let low = rest.strip_prefix(b"\\u").map(self::unit).filter(|(low, _)| (0xdc00..0xe000).contains(low));
                    let c = match (unit, low) {
                        (0xd800..0xdc00, Some((low, behind))) => {
                            rest = behind;
                            char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
                        }
                        _ => char::from_u32(unit),
                    };
                    plain.extend_from_slice(c.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]).as_bytes());
                }
                other => plain.push(other),
            }
        }
        Cow::Owned(plain)
    }
}

/// Four digits that are known to be there.
fn unit(text: &[u8]) -> (u32, &[u8]) {
    let (digits, rest) = text.split_at(text.len().min(4));
    (digits.iter().fold(0, |unit, &digit| unit << 4 | char::from(digit).to_digit(16).unwrap_or_default()), rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::{Dice, Purpose, Seed};

    fn found(text: &str, pointer: &str) -> String {
        match at(text.as_bytes(), &steps(pointer)) {
            Ok(Some(Found::Text(text))) => String::from_utf8_lossy(&text).into_owned(),
            Ok(Some(Found::Nested)) => "nested".to_owned(),
            Ok(None) => "none".to_owned(),
            Err(NotJson) => "no JSON".to_owned(),
        }
    }

    #[test]
    fn pointers_lead_to_values() {
        let document = r#" {"foo":["bar","baz"],"":0,"a/b":1,"m~n":8,"k\"l":6," ":7,"e":1.50e+3,"t":true,"n":null,"o":{"p":{"q":"x"}},
            "d":1,"d":{"e":2},"u":"\u00e9\ud83d\ude00\ud800\n","\u0065sc":"k"} "#;
        for (pointer, value) in [
            ("/foo", "nested"),
            ("/foo/0", "bar"),
            ("/foo/1", "baz"),
            ("/foo/2", "none"),
            ("/foo/01", "none"),
            ("/foo/-", "none"),
            ("/foo/+1", "none"),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/m~0n", "8"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/e", "1.50e+3"),
            ("/t", "true"),
            ("/n", "null"),
            ("/o/p/q", "x"),
            ("/o/p/q/r", "none"),
            ("/d", "nested"),
            ("/d/e", "2"),
            ("/u", "é😀\u{fffd}\n"),
            ("/esc", "k"),
            ("/none", "none"),
            ("", "nested"),
        ] {
            assert_eq!(found(document, pointer), value, "{pointer}");
        }
        assert_eq!(found(r#"{"a":{"b":1},"a":{}}"#, "/a/b"), "none");
        assert_eq!(found("[[1,[2,3]]]", "/0/1/1"), "3");
    }

    #[test]
    fn elements_of_a_list() {
        let list = |text: &str| {
            let mut all = Vec::new();
            let is = elements(text.as_bytes(), &mut |element| all.push(String::from_utf8_lossy(element).into_owned()));
            is.map(|is| (is, all.join("|")))
        };
        assert_eq!(list(r#" [ {"a":[1]} , 2,"x" ] "#), Ok((true, r#"{"a":[1]}|2|"x""#.to_owned())));
        assert_eq!(list("[]"), Ok((true, String::new())));
        assert_eq!(list("{}"), Ok((false, String::new())));
        assert_eq!(list("[1,]"), Err(NotJson));
        assert_eq!(list("[1] 2"), Err(NotJson));
    }

    #[test]
    fn what_is_deep_is_not_read() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(found(&deep(DEEPEST), "/x"), "none");
        assert_eq!(found(&deep(DEEPEST + 1), "/x"), "no JSON");
        assert_eq!(found(&"[".repeat(1 << 20), "/x"), "no JSON");
    }

    /// Documents that are made, some of them damaged: this reader and the one of `serde_json` say the same about each.
    #[test]
    fn another_reader_agrees() {
        let dice = Dice::new(Seed(1), "json", "");
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"b\"",
            "\"\\n\"",
            "\"\\u0041\"",
            "0",
            "-1",
            "2.5",
            "1e3",
            "01",
            "-",
            "true",
            "null",
            " ",
            "\"",
            "\\",
            "false",
            "{\"a\":1}",
            "[1,2]",
            "{\"a\":{\"b\":\"x\"}}",
            "tru",
            "\t",
            "\"a\":",
            ",\"b\":",
        ];
        let (mut good, mut bad) = (0, 0);
        for n in 0..60_000 {
            let count = 1 + dice.draw(Purpose::Fire, n, 0) % 9;
            let piece = |i| pieces[(dice.draw(Purpose::Fire, n, i) % pieces.len() as u64) as usize];
            let inner: String = (1..=count).map(piece).collect();
            let text = match dice.draw(Purpose::Jitter, n, 0) % 4 {
                0 => inner,
                1 => format!("{{\"a\":{inner}}}"),
                2 => format!("[{inner}]"),
                _ => format!("{{\"a\":1,\"b\":[{inner}]}}"),
            };
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            for pointer in ["/a", "/a/b", "/b/0", "/0", "/0/a", "/b/1/a"] {
                let told = match &theirs {
                    Err(_) => "no JSON".to_owned(),
                    Ok(value) => match value.pointer(pointer) {
                        None => "none".to_owned(),
                        Some(serde_json::Value::String(text)) => text.clone(),
                        Some(value) if value.is_array() || value.is_object() => "nested".to_owned(),
                        Some(serde_json::Value::Number(_)) => "a number".to_owned(),
                        Some(value) => value.to_string(),
                    },
                };
                let ours = found(&text, pointer);
                let number = told == "a number" && ours.parse::<f64>().is_ok();
                assert!(number || ours == told, "{text} {pointer}: {ours}, and not {told}");
            }
            *(if theirs.is_ok() { &mut good } else { &mut bad }) += 1;
        }
        assert!(good > 2_000 && bad > 2_000, "{good} good, {bad} bad");
    }
}
