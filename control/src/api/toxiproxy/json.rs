//! JSON as Go reads and writes it: the first value of a body, keys in any case, `null` for absent, and its words for what is wrong.

use serde_json::{Map, Value};
use std::fmt::Write;

/// The first value, and where it ends. What stands behind it does not matter.
pub fn first(bytes: &[u8]) -> Result<(Value, usize), String> {
    let text = String::from_utf8_lossy(bytes);
    let mut values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    match values.next() {
        None => Err("EOF".to_owned()),
        // Where the bytes are no text, the end is one of the text made of them.
        Some(Ok(value)) => Ok((value, values.byte_offset().min(bytes.len()))),
        Some(Err(error)) if error.is_eof() => Err("unexpected EOF".to_owned()),
        Some(Err(error)) => {
            let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
            let wrong = line.get(error.column().saturating_sub(1)..).and_then(|rest| rest.chars().next());
            Err(wrong.map_or_else(|| error.to_string(), |wrong| format!("invalid character {wrong:?} looking for beginning of value")))
        }
    }
}

/// An object whose keys are looked up in any case; `null` is one without any.
pub struct Fields<'a> {
    map: Option<&'a Map<String, Value>>,
    owner: &'static str,
}

impl<'a> Fields<'a> {
    /// `owner`: what Go calls the type, with the part before the dot for the value as a whole.
    pub fn of(value: &'a Value, package: &str, owner: &'static str) -> Result<Fields<'a>, String> {
        match value {
            Value::Object(map) => Ok(Fields { map: Some(map), owner }),
            Value::Null => Ok(Fields { map: None, owner }),
            other => Err(format!("json: cannot unmarshal {} into Go value of type {package}{owner}", kind(other))),
        }
    }

    /// The last one of that name that is there and not null.
    pub fn find(&self, name: &str) -> Option<&'a Value> {
        let mut entries = self.map.into_iter().flatten();
        entries.rfind(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null()).map(|(_, value)| value)
    }

    pub fn text(&self, name: &str) -> Result<Option<String>, String> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(name, &kind(other), "string")),
        }
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong(name, &kind(other), "bool")),
        }
    }

    pub fn whole(&self, name: &str, go_type: &str) -> Result<Option<i64>, String> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::Number(number)) => match number.as_i64() {
                Some(whole) => Ok(Some(whole)),
                None => Err(self.wrong(name, &format!("number {number}"), go_type)),
            },
            Some(other) => Err(self.wrong(name, &kind(other), go_type)),
        }
    }

    pub fn real(&self, name: &str, go_type: &str) -> Result<Option<f64>, String> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::Number(number)) => match number.as_f64() {
                Some(real) if go_type != "float32" || (real as f32).is_finite() => Ok(Some(real)),
                _ => Err(self.wrong(name, &format!("number {number}"), go_type)),
            },
            Some(other) => Err(self.wrong(name, &kind(other), go_type)),
        }
    }

    fn wrong(&self, name: &str, said: &str, go_type: &str) -> String {
        format!("json: cannot unmarshal {said} into Go struct field {}.{name} of type {go_type}", self.owner)
    }
}

/// What Go calls a value of the wrong type.
pub fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
    .to_owned()
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

/// A number as Go writes it: the shortest digits, with an exponent only where it is very small or very large.
pub fn number(plain: String, exponent: String, size: f64) -> String {
    if size != 0.0 && !(1e-6..1e21).contains(&size.abs()) {
        let signed = |(digits, power): (&str, &str)| {
            let sign = if power.starts_with('-') { "" } else { "+" };
            format!("{digits}e{sign}{power}")
        };
        return exponent.split_once('e').map_or(plain, signed);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_value_counts() {
        assert_eq!(first(br#"{"a":1} trailing"#), Ok((json!({"a": 1}), 7)));
        assert_eq!(first(b""), Err("EOF".into()));
        assert_eq!(first(b"  \n"), Err("EOF".into()));
        assert_eq!(first(b"{"), Err("unexpected EOF".into()));
        assert_eq!(first(b"x"), Err("invalid character 'x' looking for beginning of value".into()));
    }

    #[test]
    fn keys_in_any_case_and_null_is_nothing() {
        let value = json!({"Name": "a", "NAME": null, "enabled": null, "rate": 1.5, "flag": "x"});
        let fields = Fields::of(&value, "toxiproxy.", "Proxy").ok().unwrap();
        assert_eq!(fields.text("name"), Ok(Some("a".into())));
        assert_eq!(fields.flag("enabled"), Ok(None));
        assert_eq!(
            fields.whole("rate", "int64"),
            Err("json: cannot unmarshal number 1.5 into Go struct field Proxy.rate of type int64".into())
        );
        assert_eq!(fields.flag("flag"), Err("json: cannot unmarshal string into Go struct field Proxy.flag of type bool".into()));
        assert!(
            Fields::of(&json!([]), "toxiproxy.", "Proxy").is_err_and(|why| why.ends_with("array into Go value of type toxiproxy.Proxy"))
        );
    }

    #[test]
    fn as_go_writes() {
        assert_eq!(quoted("a\"<b>&\u{1}ö"), r#""a\"\u003cb\u003e\u0026\u0001ö""#);
        let f = |value: f32| number(value.to_string(), format!("{value:e}"), f64::from(value));
        for (value, text) in
            [(1.0, "1"), (0.2, "0.2"), (0.123_456_79, "0.12345679"), (1e-7, "1e-7"), (1e21, "1e+21"), (-1.0, "-1"), (0.0, "0")]
        {
            assert_eq!(f(value), text);
        }
    }
}
