//! Proxies and toxics as Toxiproxy's client holds them: read with Go's leniency, written and printed as Go writes and prints.

use crate::api::toxiproxy::{
    decode::{self, Json},
    json::{Fields, kind, number32, number64, quoted},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proxy {
    pub name: String,
    pub listen: String,
    pub upstream: String,
    pub enabled: bool,
    /// A proxy that has not been made has none to send.
    pub toxics: Option<Vec<Toxic>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Toxic {
    pub name: String,
    pub kind: String,
    pub stream: String,
    pub toxicity: f32,
    /// By their names. Numbers are what Go makes of them.
    pub attributes: BTreeMap<String, Value>,
}

/// The value that a body is.
pub fn whole(body: &[u8]) -> Result<Json, String> {
    decode::first(body)
        .map(|(value, _)| value)
        .map_err(|why| if why.ends_with("EOF") { "unexpected end of JSON input".to_owned() } else { why })
}

/// All proxies of a list, by name.
pub fn proxies(said: &Json) -> Result<BTreeMap<String, Proxy>, String> {
    match said {
        Json::Null => Ok(BTreeMap::new()),
        Json::Object(map) => map.iter().map(|(name, proxy)| Ok((name.clone(), Proxy::read(proxy)?))).collect(),
        other => Err(format!("json: cannot unmarshal {} into Go value of type map[string]*toxiproxy.Proxy", kind(other))),
    }
}

impl Proxy {
    pub fn read(said: &Json) -> Result<Proxy, String> {
        let mut proxy = Proxy::default();
        proxy.take(said)?;
        Ok(proxy)
    }

    /// What an answer says replaces what is here.
    pub fn take(&mut self, said: &Json) -> Result<(), String> {
        let mut fields = Fields::of(said, "toxiproxy.", "Proxy")?;
        let mut text = |name: &str, old: &str| fields.text(name).unwrap_or_else(|| old.to_owned());
        self.name = text("name", &self.name);
        self.listen = text("listen", &self.listen);
        self.upstream = text("upstream", &self.upstream);
        self.enabled = fields.flag("enabled").unwrap_or(self.enabled);
        fields.check()?;
        match fields.all("toxics").last() {
            None => {}
            Some((_, Json::List(toxics))) => self.toxics = Some(toxics.iter().map(Toxic::read).collect::<Result<_, _>>()?),
            Some((_, other)) => return Err(misplaced(other, "Proxy.toxics", "toxiproxy.Toxics")),
        }
        Ok(())
    }

    pub fn toxics(&self) -> &[Toxic] {
        self.toxics.as_deref().unwrap_or_default()
    }

    pub fn json(&self) -> String {
        let toxics = self.toxics.as_ref().map(|toxics| format!("[{}]", toxics.iter().map(Toxic::json).collect::<Vec<_>>().join(",")));
        format!(
            "{{\"name\":{},\"listen\":{},\"upstream\":{},\"enabled\":{},\"toxics\":{}}}",
            quoted(&self.name),
            quoted(&self.listen),
            quoted(&self.upstream),
            self.enabled,
            toxics.as_deref().unwrap_or("null"),
        )
    }
}

impl Toxic {
    pub fn read(said: &Json) -> Result<Toxic, String> {
        let mut fields = Fields::of(said, "toxiproxy.", "Toxic")?;
        let attributes = match fields.all("attributes").last() {
            None => BTreeMap::new(),
            Some((_, Json::Object(entries))) => entries.iter().map(|(key, value)| (key.clone(), Value::from(value))).collect(),
            Some((_, other)) => return Err(misplaced(other, "Toxic.attributes", "toxiproxy.Attributes")),
        };
        let toxicity = fields.real("toxicity", "float32").unwrap_or_default() as f32;
        let mut text = |name: &str| fields.text(name).unwrap_or_default();
        let (name, kind, stream) = (text("name"), text("type"), text("stream"));
        fields.check()?;
        Ok(Toxic { name, kind, stream, toxicity, attributes })
    }

    /// It goes to the client unless it says that it goes to the server.
    pub fn is_upstream(&self) -> bool {
        self.stream == "upstream"
    }

    pub fn json(&self) -> String {
        let stream = if self.stream.is_empty() { String::new() } else { format!("\"stream\":{},", quoted(&self.stream)) };
        format!(
            "{{\"name\":{},\"type\":{},{stream}\"toxicity\":{},\"attributes\":{}}}",
            quoted(&self.name),
            quoted(&self.kind),
            toxicity_json(self.toxicity),
            attributes_json(&self.attributes),
        )
    }
}

fn misplaced(said: &Json, field: &str, go_type: &str) -> String {
    format!("json: cannot unmarshal {} into Go struct field {field} of type {go_type}", kind(said))
}

pub fn toxicity_json(toxicity: f32) -> String {
    number32(toxicity)
}

pub fn attributes_json(attributes: &BTreeMap<String, Value>) -> String {
    let entries: Vec<String> = attributes.iter().map(|(key, value)| format!("{}:{}", quoted(key), written(value))).collect();
    format!("{{{}}}", entries.join(","))
}

/// JSON as Go writes it: every number is a float there, and keys are sorted.
fn written(value: &Value) -> String {
    match value {
        Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), number64),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(",")),
        Value::Object(map) => attributes_json(&sorted(map)),
        other => other.to_string(),
    }
}

/// As Go's `fmt.Print` shows a value.
pub fn printed(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), printed_float),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(printed).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let entries: Vec<String> = sorted(map).iter().map(|(key, value)| format!("{key}:{}", printed(value))).collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

/// The shortest digits; below a ten-thousandth and from a million on with an exponent, of two digits at least.
fn printed_float(real: f64) -> String {
    let text = format!("{real:e}");
    let Some((digits, power)) = text.split_once('e') else { return text };
    let exponent: i32 = power.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return real.to_string();
    }
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

fn sorted(map: &Map<String, Value>) -> BTreeMap<String, Value> {
    map.clone().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_read_is_written() {
        let text = r#"{"name":"a\u003cb","listen":"l","upstream":"u","enabled":true,"toxics":[{"name":"t","type":"latency","stream":"downstream","toxicity":0.2,"attributes":{"jitter":0,"latency":1000000}}]}"#;
        let proxy = Proxy::read(&whole(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(proxy.json(), text);
        assert_eq!(Proxy::default().json(), r#"{"name":"","listen":"","upstream":"","enabled":false,"toxics":null}"#);
        // Another server says more, in another case, and less.
        let other = Proxy::read(&Json::from(
            &json!({"NAME": "a", "Logger": {}, "toxics": [{"stream": null, "attributes": {"x": [1, 2.5, "y", null]}}]}),
        ));
        assert_eq!(
            other.unwrap().json(),
            r#"{"name":"a","listen":"","upstream":"","enabled":false,"toxics":[{"name":"","type":"","toxicity":0,"attributes":{"x":[1,2.5,"y",null]}}]}"#
        );
    }

    #[test]
    fn what_is_none_of_it_is_told() {
        let wrong = |text: &str| whole(text.as_bytes()).and_then(|said| proxies(&said)).unwrap_err();
        assert_eq!(wrong("[]"), "json: cannot unmarshal array into Go value of type map[string]*toxiproxy.Proxy");
        assert_eq!(wrong(""), "unexpected end of JSON input");
        assert_eq!(wrong("{"), "unexpected end of JSON input");
        assert_eq!(wrong(r#"{"a":{"name":1}}"#), "json: cannot unmarshal number into Go struct field Proxy.name of type string");
        assert_eq!(
            wrong(r#"{"a":{"toxics":{}}}"#),
            "json: cannot unmarshal object into Go struct field Proxy.toxics of type toxiproxy.Toxics"
        );
    }

    #[test]
    fn values_as_go_prints_them() {
        for (value, text) in [
            (json!(100_000), "100000"),
            (json!(1_000_000), "1e+06"),
            (json!(123_456_789), "1.23456789e+08"),
            (json!(0.25), "0.25"),
            (json!(0.00001), "1e-05"),
            (json!(0), "0"),
            (json!(-5), "-5"),
            (json!(null), "<nil>"),
            (json!([1, true, "x"]), "[1 true x]"),
            (json!({"b": 1, "a": "x"}), "map[a:x b:1]"),
        ] {
            assert_eq!(printed(&value), text);
        }
    }
}
