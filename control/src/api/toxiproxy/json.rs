//! The fields of an object as Go reads them into a struct, its words for what is of the wrong type, and how it writes.

use super::decode::Json;
use std::fmt::Write;

/// An object whose keys are looked up in any case. Of several the last counts, `null` is for absent, and what is wrong first is told.
pub struct Fields<'a> {
    entries: &'a [(String, Json)],
    owner: String,
    wrong: Option<(usize, String)>,
}

impl<'a> Fields<'a> {
    /// `owner`: what Go calls the type, with the package before the dot for the value as a whole.
    pub fn of(value: &'a Json, package: &str, owner: &str) -> Result<Fields<'a>, String> {
        let entries = match value {
            Json::Object(entries) => &entries[..],
            Json::Null => &[],
            other => return Err(format!("json: cannot unmarshal {} into Go value of type {package}{owner}", kind(other))),
        };
        Ok(Fields { entries, owner: owner.to_owned(), wrong: None })
    }

    /// All of that name that are not null, and where they stand.
    pub fn all(&self, name: &str) -> Vec<(usize, &'a Json)> {
        let entries = self.entries.iter().enumerate();
        entries.filter(|(_, (key, value))| *value != Json::Null && folded(key) == name).map(|(at, (_, value))| (at, value)).collect()
    }

    pub fn text(&mut self, name: &str) -> Option<String> {
        self.last(name, "string", |value| match value {
            Json::Text(text) => Ok(text.clone()),
            other => Err(kind(other).to_owned()),
        })
    }

    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.last(name, "bool", |value| match value {
            Json::Flag(flag) => Ok(*flag),
            other => Err(kind(other).to_owned()),
        })
    }

    pub fn whole(&mut self, name: &str, go_type: &str) -> Option<i64> {
        self.last(name, go_type, |value| match value {
            Json::Number(digits) => digits.parse().map_err(|_| format!("number {digits}")),
            other => Err(kind(other).to_owned()),
        })
    }

    pub fn real(&mut self, name: &str, go_type: &str) -> Option<f64> {
        self.last(name, go_type, |value| match value {
            Json::Number(digits) => {
                let real = if go_type == "float32" { digits.parse().map(f32::into) } else { digits.parse() };
                real.ok().filter(|real: &f64| real.is_finite()).ok_or_else(|| format!("number {digits}"))
            }
            other => Err(kind(other).to_owned()),
        })
    }

    /// An object, or several, one laid over the other.
    pub fn objects(&mut self, name: &str, go_type: &str) -> Vec<(usize, &'a Json)> {
        let (objects, others): (Vec<_>, Vec<_>) = self.all(name).into_iter().partition(|(_, value)| matches!(value, Json::Object(_)));
        for (at, value) in others {
            self.blame(at, self.mismatch(name, kind(value), go_type));
        }
        objects
    }

    /// What stands there is wrong.
    pub fn blame(&mut self, at: usize, why: String) {
        if self.wrong.as_ref().is_none_or(|(first, _)| at < *first) {
            self.wrong = Some((at, why));
        }
    }

    /// Whether all that has been looked at was right.
    pub fn check(&mut self) -> Result<(), String> {
        self.wrong.take().map_or(Ok(()), |(_, why)| Err(why))
    }

    fn last<T>(&mut self, name: &str, go_type: &str, read: impl Fn(&Json) -> Result<T, String>) -> Option<T> {
        let mut found = None;
        for (at, value) in self.all(name) {
            match read(value) {
                Ok(value) => found = Some(value),
                Err(said) => self.blame(at, self.mismatch(name, &said, go_type)),
            }
        }
        found
    }

    fn mismatch(&self, name: &str, said: &str, go_type: &str) -> String {
        format!("json: cannot unmarshal {said} into Go struct field {}.{name} of type {go_type}", self.owner)
    }
}

/// In small letters. Two characters beyond ASCII count as letters of it.
fn folded(key: &str) -> String {
    let letter = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(letter).collect()
}

/// What Go calls a value of the wrong type.
pub fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Flag(_) => "bool",
        Json::Number(_) => "number",
        Json::Text(_) => "string",
        Json::List(_) => "array",
        Json::Object(_) => "object",
    }
}

/// A string as Go writes it: safe inside HTML.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..'\u{20}' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A number of 32 bits as Go writes it: the shortest digits, with an exponent only where it is very small or very large.
pub fn number32(number: f32) -> String {
    let is_plain = number == 0.0 || (1e-6..1e21).contains(&number.abs());
    if is_plain { number.to_string() } else { with_exponent(&format!("{number:e}")) }
}

/// The same of 64 bits.
pub fn number64(number: f64) -> String {
    let is_plain = number == 0.0 || (1e-6..1e21).contains(&number.abs());
    if is_plain { number.to_string() } else { with_exponent(&format!("{number:e}")) }
}

/// Go says the sign of every exponent.
fn with_exponent(text: &str) -> String {
    text.split_once('e')
        .map_or_else(|| text.to_owned(), |(digits, power)| format!("{digits}e{}{power}", if power.starts_with('-') { "" } else { "+" }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::toxiproxy::decode::first;

    #[test]
    fn keys_in_any_case_and_null_is_nothing() {
        let (value, _) = first(r#"{"Name":"a","NAME":null,"enabled":null,"\u212aEY":1,"rate":1.5,"flag":"x"}"#.as_bytes()).unwrap();
        let mut fields = Fields::of(&value, "toxiproxy.", "Proxy").ok().unwrap();
        assert_eq!((fields.text("name"), fields.flag("enabled"), fields.whole("key", "int64")), (Some("a".into()), None, Some(1)));
        assert_eq!(fields.check(), Ok(()));
        // Whatever is looked at first, what stands first is told.
        assert_eq!((fields.flag("flag"), fields.whole("rate", "int64")), (None, None));
        assert_eq!(fields.check(), Err("json: cannot unmarshal number 1.5 into Go struct field Proxy.rate of type int64".into()));
        let (list, _) = first(b"[]").unwrap();
        assert!(Fields::of(&list, "toxiproxy.", "Proxy").is_err_and(|why| why.ends_with("array into Go value of type toxiproxy.Proxy")));
    }

    #[test]
    fn numbers_are_read_by_their_digits() {
        let (value, _) = first(br#"{"a":-0,"b":1e3,"c":9223372036854775808,"d":1e39,"e":0.30000001192092896}"#).unwrap();
        let mut fields = Fields::of(&value, "", "T").ok().unwrap();
        assert_eq!((fields.whole("a", "int64"), fields.real("e", "float32")), (Some(0), Some(f64::from(0.3_f32))));
        assert_eq!((fields.real("d", "float64"), fields.check()), (Some(1e39), Ok(())));
        for (name, digits) in [("b", "1e3"), ("c", "9223372036854775808")] {
            assert_eq!(fields.whole(name, "int"), None);
            assert_eq!(fields.check(), Err(format!("json: cannot unmarshal number {digits} into Go struct field T.{name} of type int")));
        }
        assert_eq!(fields.real("d", "float32"), None);
        assert!(fields.check().is_err());
    }

    #[test]
    fn as_go_writes() {
        assert_eq!(quoted("a\"<b>&\u{1}ö"), r#""a\"\u003cb\u003e\u0026\u0001ö""#);
        for (value, text) in [
            (1.0, "1"),
            (0.2, "0.2"),
            (0.123_456_79, "0.12345679"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1e21, "1e+21"),
            (-1.0, "-1"),
            (0.0, "0"),
        ] {
            assert_eq!(number32(value), text);
        }
        assert_eq!((number64(0.1), number64(1e-7)), ("0.1".to_owned(), "1e-7".to_owned()));
    }
}
