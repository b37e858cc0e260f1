//! JSON as Go's decoder takes it: the first value of a body, what stands behind it left alone, and its words for what is not JSON.

use serde_json::Value;

/// A value as it was written: numbers in their digits, objects in their order and with every key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    Null,
    Flag(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// No deeper than this.
const DEEPEST: usize = 100;

/// The first value, and where it ends.
pub fn first(bytes: &[u8]) -> Result<(Json, usize), String> {
    let mut reader = Reader { bytes, at: 0 };
    match reader.skip() {
        None => Err("EOF".to_owned()),
        Some(_) => Ok((reader.value(0)?, reader.at)),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// What comes after blanks.
    fn skip(&mut self) -> Option<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.peek()
    }

    /// The byte that is next cannot be there.
    fn wrong<T>(&self, place: &str) -> Result<T, String> {
        Err(self.peek().map_or_else(|| "unexpected EOF".to_owned(), |byte| format!("invalid character {} {place}", named(byte))))
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        if depth > DEEPEST {
            return Err("exceeded max depth".to_owned());
        }
        match self.skip() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Json::Text(self.text()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Flag(true)),
            Some(b'f') => self.word("false", Json::Flag(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => self.wrong("looking for beginning of value"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        let mut entries = Vec::new();
        self.at += 1;
        if self.skip() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(entries));
        }
        loop {
            if self.skip() != Some(b'"') {
                return self.wrong("looking for beginning of object key string");
            }
            let key = self.text()?;
            if self.skip() != Some(b':') {
                return self.wrong("after object key");
            }
            self.at += 1;
            entries.push((key, self.value(depth + 1)?));
            match self.skip() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(entries));
                }
                _ => return self.wrong("after object key:value pair"),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, String> {
        let mut items = Vec::new();
        self.at += 1;
        if self.skip() == Some(b']') {
            self.at += 1;
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            match self.skip() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::List(items));
                }
                _ => return self.wrong("after array element"),
            }
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, String> {
        for expected in word.bytes() {
            if self.peek() != Some(expected) {
                return self.wrong(&format!("in literal {word} (expecting '{}')", char::from(expected)));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Json, String> {
        let begin = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits("")?,
            _ => return self.wrong("in numeric literal"),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(Json::Number(String::from_utf8_lossy(&self.bytes[begin..self.at]).into_owned()))
    }

    /// At least one.
    fn digits(&mut self, place: &str) -> Result<(), String> {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == begin { self.wrong(place) } else { Ok(()) }
    }

    /// From its quote to its quote.
    fn text(&mut self) -> Result<String, String> {
        let mut out = String::new();
        self.at += 1;
        let mut begin = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    plain(&self.bytes[begin..self.at], &mut out);
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    plain(&self.bytes[begin..self.at], &mut out);
                    self.at += 1;
                    out.push(self.escape()?);
                    begin = self.at;
                }
                Some(b' '..) => self.at += 1,
                _ => return self.wrong("in string literal"),
            }
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, String> {
        let c = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code();
            }
            _ => return self.wrong("in string escape code"),
        };
        self.at += 1;
        Ok(c)
    }

    /// Four digits, or twice that for what takes two. One of two alone is none.
    fn code(&mut self) -> Result<char, String> {
        let first = self.four()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let behind = self.at;
        if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.four()?;
            if (0xdc00..0xe000).contains(&second) {
                return Ok(char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            // It stands for itself.
            self.at = behind;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn four(&mut self) -> Result<u32, String> {
        let mut code = 0;
        for _ in 0..4 {
            match self.peek().and_then(|byte| char::from(byte).to_digit(16)) {
                Some(digit) => code = code * 16 + digit,
                None => return self.wrong("in \\u hexadecimal character escape"),
            }
            self.at += 1;
        }
        Ok(code)
    }
}

/// Each byte that belongs to no character becomes one that says so.
fn plain(bytes: &[u8], out: &mut String) {
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
}

/// A byte in quotes, read as a character of its own.
fn named(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'\\' => r"'\\'".to_owned(),
        7 => r"'\a'".to_owned(),
        8 => r"'\b'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        11 => r"'\v'".to_owned(),
        12 => r"'\f'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        ..b' ' | 0x7f => format!("'\\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!("'\\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

impl From<&Json> for Value {
    fn from(json: &Json) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Flag(flag) => Value::Bool(*flag),
            // What no number of ours holds is kept in its digits.
            Json::Number(digits) => serde_json::from_str(digits).unwrap_or_else(|_| Value::String(digits.clone())),
            Json::Text(text) => Value::String(text.clone()),
            Json::List(items) => Value::Array(items.iter().map(Value::from).collect()),
            Json::Object(entries) => Value::Object(entries.iter().map(|(key, value)| (key.clone(), Value::from(value))).collect()),
        }
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Json {
        match value {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Flag(*flag),
            Value::Number(number) => Json::Number(number.to_string()),
            Value::String(text) => Json::Text(text.clone()),
            Value::Array(items) => Json::List(items.iter().map(Json::from).collect()),
            Value::Object(map) => Json::Object(map.iter().map(|(key, value)| (key.clone(), Json::from(value))).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_value_counts() {
        assert_eq!(
            first(br#" {"a":[1,true,null,"x"],"b":{}} trailing"#),
            Ok((Json::from(&json!({"a": [1, true, null, "x"], "b": {}})), 31))
        );
        assert_eq!(first(b"1.50e+3x"), Ok((Json::Number("1.50e+3".into()), 7)));
        assert_eq!(
            first(br#"{"a":1,"a":2}"#),
            Ok((Json::Object(vec![("a".into(), Json::Number("1".into())), ("a".into(), Json::Number("2".into()))]), 13))
        );
    }

    #[test]
    fn texts() {
        let is = |said: &[u8]| match first(said) {
            Ok((Json::Text(text), _)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(is(br#""a\"\\\/\b\f\n\r\t\u00f6""#), "a\"\\/\u{8}\u{c}\n\r\t\u{f6}");
        assert_eq!(is(br#""\ud83d\ude00 \ud83d \ude00 \ud83d\u0041""#), "\u{1f600} \u{fffd} \u{fffd} \u{fffd}A");
        assert_eq!(is(b"\"a\xff\xf0\x9fb\""), "a\u{fffd}\u{fffd}\u{fffd}b");
    }

    #[test]
    fn what_is_wrong() {
        let beginning = "looking for beginning of value";
        for (said, why) in [
            ("", "EOF".to_owned()),
            (" \n", "EOF".to_owned()),
            ("{", "unexpected EOF".to_owned()),
            ("[1,", "unexpected EOF".to_owned()),
            ("-", "unexpected EOF".to_owned()),
            ("\"a", "unexpected EOF".to_owned()),
            ("x", format!("invalid character 'x' {beginning}")),
            ("\u{feff}", format!("invalid character 'ï' {beginning}")),
            ("[1 2]", "invalid character '2' after array element".to_owned()),
            ("[1.x]", "invalid character 'x' after decimal point in numeric literal".to_owned()),
            ("[1e]", "invalid character ']' in exponent of numeric literal".to_owned()),
            ("-x", "invalid character 'x' in numeric literal".to_owned()),
            ("nil", "invalid character 'i' in literal null (expecting 'u')".to_owned()),
            ("\"\t\"", r"invalid character '\t' in string literal".to_owned()),
            ("\"\\u12\"", r#"invalid character '"' in \u hexadecimal character escape"#.to_owned()),
        ] {
            assert_eq!(first(said.as_bytes()), Err(why), "{said}");
        }
    }

    #[test]
    fn nothing_is_too_deep() {
        assert_eq!(first("[".repeat(1_000_000).as_bytes()), Err("exceeded max depth".into()));
        assert!(first(("[".repeat(DEEPEST) + &"]".repeat(DEEPEST)).as_bytes()).is_ok());
    }
}
