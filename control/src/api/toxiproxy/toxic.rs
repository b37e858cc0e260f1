//! A toxic: what is said of one, what it is as a fault, and how it is shown. It is kept inside its fault, as it was said.

use super::{
    Refusal,
    decode::Json,
    json::{Fields, number32, number64, quoted},
};
use faultwire_faults::{
    contract::Way,
    effect::{
        AnyEffect,
        bandwidth::Bandwidth,
        blackhole::Blackhole,
        close::Close,
        delay::{Delay, Shape},
        latency::Latency,
        reset::Reset,
        slice::Slice,
        slow_close::SlowClose,
    },
    fault::{After, Clock, Connections, Draw, Fault, Lease, Often, Target, Targets, When},
    node::Place,
    plan::Owner,
    units::{Percent, Rate, Size, Span},
    value::Ramped,
};
use faultwire_proxy::proxies::FaultView;
use serde_json::{Map, Value, json};

/// A retransmission takes so long, as the kernel's shortest does.
const RETRANSMISSION: Span = Span::from_millis(200);

#[derive(Clone, Debug, PartialEq)]
pub struct Toxic {
    pub name: String,
    kind: &'static Kind,
    /// As it was written, in whichever case.
    stream: String,
    toxicity: f32,
    /// In the order of the kind's attributes.
    attributes: Vec<Attribute>,
}

/// What Toxiproxy calls a type.
#[derive(Debug, PartialEq)]
struct Kind {
    name: &'static str,
    /// Names, and what Go calls their types.
    attributes: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Attribute {
    Whole(i64),
    Real(f64),
}

const KINDS: &[Kind] = &[
    Kind { name: "noop", attributes: &[] },
    Kind { name: "latency", attributes: &[("latency", "int64"), ("jitter", "int64")] },
    Kind { name: "bandwidth", attributes: &[("rate", "int64")] },
    Kind { name: "slow_close", attributes: &[("delay", "int64")] },
    Kind { name: "timeout", attributes: &[("timeout", "int64")] },
    Kind { name: "slicer", attributes: &[("average_size", "int"), ("size_variation", "int"), ("delay", "int")] },
    Kind { name: "reset_peer", attributes: &[("timeout", "int64")] },
    Kind { name: "limit_data", attributes: &[("bytes", "int64")] },
    Kind { name: "packet_loss", attributes: &[("loss_rate", "float64"), ("correlation", "float64")] },
];

impl Kind {
    /// `slow_close` is a `SlowCloseToxic` there.
    fn go_type(&self) -> String {
        if self.name == "reset_peer" {
            return "ResetToxic".to_owned();
        }
        let words = self.name.split('_').map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        });
        words.chain(["Toxic".to_owned()]).collect()
    }
}

impl Toxic {
    /// Reads a new one. `taken`: whether a name is another's already.
    pub fn read(said: &Json, taken: impl Fn(&str) -> bool) -> Result<Toxic, Refusal> {
        let body = |why: String| Refusal::body(&why);
        let mut fields = Fields::of(said, "toxics.", "ToxicWrapper").map_err(body)?;
        let name = fields.text("name");
        let type_name = fields.text("type").unwrap_or_default();
        let stream = fields.text("stream").unwrap_or_else(|| "downstream".to_owned());
        let toxicity = fields.real("toxicity", "float32").map_or(1.0, |toxicity| toxicity as f32);
        let attributes = fields.objects("attributes", "toxics.NoopToxic");
        fields.check().map_err(body)?;
        if !["upstream", "downstream"].contains(&stream.to_ascii_lowercase().as_str()) {
            return Err(Refusal::new(400, "stream was invalid, can be either upstream or downstream"));
        }
        let Some(kind) = KINDS.iter().find(|kind| kind.name == type_name) else { return Err(Refusal::new(400, "invalid toxic type")) };
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("{type_name}_{stream}"));
        if taken(&name) {
            return Err(Refusal::new(409, "toxic already exists"));
        }
        let zero = |(_, go_type): &(&str, &str)| if *go_type == "float64" { Attribute::Real(0.0) } else { Attribute::Whole(0) };
        let mut toxic = Toxic { name, kind, stream, toxicity, attributes: kind.attributes.iter().map(zero).collect() };
        for (_, attributes) in attributes {
            toxic.set(attributes).map_err(body)?;
        }
        Ok(toxic)
    }

    /// With those attributes, and that toxicity, that are given anew.
    pub fn updated(&self, said: &Json) -> Result<Toxic, Refusal> {
        let body = |why: String| Refusal::body(&why);
        let mut fields = Fields::of(
            said,
            "struct { Attributes interface {} \"json:\\\"attributes\\\"\"; Toxicity float32 \"json:\\\"toxicity\\\"\" }",
            "",
        )
        .map_err(body)?;
        let mut toxic = self.clone();
        for (at, attributes) in fields.objects("attributes", &format!("toxics.{}", self.kind.go_type())) {
            if let Err(why) = toxic.set(attributes) {
                fields.blame(at, why);
            }
        }
        if let Some(toxicity) = fields.real("toxicity", "float32") {
            toxic.toxicity = toxicity as f32;
        }
        fields.check().map_err(body)?;
        Ok(toxic)
    }

    fn set(&mut self, said: &Json) -> Result<(), String> {
        let mut fields = Fields::of(said, "", &format!("{}.attributes", self.kind.go_type()))?;
        for ((name, go_type), value) in self.kind.attributes.iter().zip(&mut self.attributes) {
            match value {
                Attribute::Whole(whole) => *whole = fields.whole(name, go_type).unwrap_or(*whole),
                Attribute::Real(real) => *real = fields.real(name, go_type).unwrap_or(*real),
            }
        }
        fields.check()
    }

    /// The toxic that a fault is, if it is one.
    pub fn of(fault: &Fault) -> Option<Toxic> {
        Toxic::read(&Json::from(fault.written.get("toxic")?), |_| false).ok()
    }

    pub fn is_upstream(&self) -> bool {
        self.stream.eq_ignore_ascii_case("upstream")
    }

    /// It can do nothing but pass what comes, though it was meant to do more.
    pub fn is_idle(&self) -> bool {
        self.kind.name == "slicer" && self.whole(0) <= 0
    }

    pub fn type_name(&self) -> &'static str {
        self.kind.name
    }

    pub fn stream(&self) -> &str {
        &self.stream
    }

    pub fn toxicity(&self) -> f32 {
        self.toxicity
    }

    pub fn attributes(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let number = |value: &Attribute| match value {
            Attribute::Whole(whole) => *whole as f64,
            Attribute::Real(real) => *real,
        };
        self.kind.attributes.iter().zip(&self.attributes).map(move |((name, _), value)| (*name, number(value)))
    }

    pub fn json(&self) -> String {
        let attributes: Vec<String> =
            self.kind.attributes.iter().zip(&self.attributes).map(|((name, _), value)| format!("\"{name}\":{}", value.json())).collect();
        let toxicity = number32(self.toxicity);
        format!(
            "{{\"attributes\":{{{}}},\"name\":{},\"type\":\"{}\",\"stream\":{},\"toxicity\":{toxicity}}}",
            attributes.join(","),
            quoted(&self.name),
            self.kind.name,
            quoted(&self.stream),
        )
    }

    /// What it is called among all faults. No fault of another kind can have this name.
    pub fn fault_name(&self, proxy: &str) -> String {
        format!("{}/{}", escaped(proxy), escaped(&self.name))
    }

    /// The fault that it is: of one proxy, one direction, decided once for each connection, without a lease.
    pub fn fault(&self, proxy: &str) -> Fault {
        let way = if self.is_upstream() { Way::ToServer } else { Way::ToClient };
        let (effects, words) = self.effects();
        let moment = if self.is_upstream() { When::BeforeUpstream } else { When::AfterUpstream };
        let share = Percent((f64::from(self.toxicity).clamp(0.0, 1.0) * 1e6).round() as u32);
        let target = Target { pattern: proxy.to_owned(), exact: true, place: Place::default() };
        let mut fault = Fault {
            name: Some(self.fault_name(proxy)),
            name_place: Place::default(),
            place: Place::default(),
            targets: Targets::Proxies(vec![target]),
            connections: Connections::All,
            direction: Some(way),
            when: (self.kind.name == "reset_peer").then_some(moment),
            after: (self.kind.name == "limit_data").then_some(After::Bytes(size(self.whole(0)))),
            chooses: None,
            per: None,
            over: None,
            draw: Draw::Ordinal,
            often: Often { probability: Ramped::Steady(share), ..Often::default() },
            clock: Clock { at: Span::ZERO, lasts: None, repeat: None, lease: Lease::Never },
            enabled: true,
            optional: effects.is_empty(),
            disguise: false,
            staged: true,
            effects,
            written: Value::Null,
        };
        fault.written = self.written(proxy, &fault, words);
        fault
    }

    /// The same fault in the words of a scenario, without its name and its proxy; none if there is nothing to be done.
    pub fn words(&self, proxy: &str) -> Vec<(String, Value)> {
        let fault = self.fault(proxy);
        let Value::Object(written) = fault.written else { return Vec::new() };
        if fault.effects.is_empty() {
            return Vec::new();
        }
        let always = fault.often.probability == Ramped::Steady(share(1.0));
        let left_out = |key: &str, value: &Value| match key {
            "proxy" | "toxic" => true,
            "probability" | "per" => always,
            "jitter" => *value == "0ms",
            "vary" => *value == "0B",
            "gap" => *value == "0ms",
            "correlation" => *value == "0%",
            _ => false,
        };
        written.into_iter().filter(|(key, value)| !left_out(key, value)).collect()
    }

    /// In the words of the language, and in its own.
    fn written(&self, proxy: &str, fault: &Fault, words: Map<String, Value>) -> Value {
        let mut written = Map::new();
        written.insert("proxy".into(), proxy.into());
        written.extend(words);
        written.insert("direction".into(), fault.direction.map_or("", Way::name).into());
        if fault.when.is_some() {
            written.insert("when".into(), if self.is_upstream() { "before_upstream" } else { "after_upstream" }.into());
        }
        if let Some(After::Bytes(bytes)) = fault.after {
            written.insert("after".into(), bytes.to_string().into());
        }
        written.insert("probability".into(), fault.often.probability.to_string().into());
        written.insert("per".into(), "connection".into());
        written.insert("toxic".into(), serde_json::from_str(&self.json()).unwrap_or_default());
        Value::Object(written)
    }

    fn effects(&self) -> (Vec<AnyEffect>, Map<String, Value>) {
        let (first, second) = (self.whole(0), self.whole(1));
        let (effects, words) = match self.kind.name {
            "latency" => {
                let (delay, jitter) = (millis(first), millis(second));
                (
                    vec![latency(Shape::Plain(Ramped::Steady(delay)), jitter, 0.0)],
                    json!({ "latency": delay.to_string(), "jitter": jitter.to_string() }),
                )
            }
            "bandwidth" => {
                let rate = Rate(u64::try_from(first).unwrap_or(0).saturating_mul(1000));
                let effect = Bandwidth { bandwidth: Ramped::Steady(rate), burst: None, shared: false };
                (vec![AnyEffect::Bandwidth(effect)], json!({ "bandwidth": rate.to_string() }))
            }
            "slow_close" => {
                let slow_close = Ramped::Steady(millis(first));
                (vec![AnyEffect::SlowClose(SlowClose { slow_close })], json!({ "slow_close": slow_close.to_string() }))
            }
            "timeout" => {
                let lasts = Some(millis(first)).filter(|span| *span > Span::ZERO);
                let word = lasts.map_or(Value::Bool(true), |span| span.to_string().into());
                (vec![AnyEffect::Blackhole(Blackhole { lasts, resume: false })], json!({ "blackhole": word }))
            }
            "slicer" => {
                let slice = size(first);
                let (vary, gap) =
                    (Size(size(second).0.min(slice.0)), Span(u64::try_from(self.whole(2)).unwrap_or(0).saturating_mul(1000).min(LONGEST)));
                let words = json!({ "slice": slice.to_string(), "vary": vary.to_string(), "gap": gap.to_string() });
                (vec![AnyEffect::Slice(Slice { slice, vary, gap, halves: true })], words)
            }
            "reset_peer" if first > 0 => {
                let later = millis(first);
                let effects = vec![latency(Shape::Plain(Ramped::Steady(later)), Span::ZERO, 0.0), AnyEffect::Reset(Reset::default())];
                (effects, json!({ "latency": later.to_string(), "reset": true }))
            }
            "reset_peer" => (vec![AnyEffect::Reset(Reset::default())], json!({ "reset": true })),
            "limit_data" => (vec![AnyEffect::Close(Close::default())], json!({ "close": true })),
            "packet_loss" => {
                let (loss, correlation) = (self.real(0), self.real(1));
                let words = json!({ "latency": { "retransmit": share(loss).to_string(), "rto": RETRANSMISSION.to_string() }, "correlation": share(correlation).to_string() });
                // Nothing lost, nothing tied to it.
                let correlation = if share(loss) == Percent::NEVER { 0.0 } else { correlation };
                (vec![latency(Shape::Retransmit { share: share(loss), rto: RETRANSMISSION }, Span::ZERO, correlation)], words)
            }
            _ => (Vec::new(), json!({})),
        };
        match words {
            Value::Object(words) => (effects, words),
            _ => (effects, Map::new()),
        }
    }

    fn whole(&self, at: usize) -> i64 {
        match self.attributes.get(at) {
            Some(Attribute::Whole(whole)) => *whole,
            _ => 0,
        }
    }

    fn real(&self, at: usize) -> f64 {
        match self.attributes.get(at) {
            Some(Attribute::Real(real)) => *real,
            _ => 0.0,
        }
    }
}

impl Attribute {
    fn json(self) -> String {
        match self {
            Attribute::Whole(whole) => whole.to_string(),
            Attribute::Real(real) => number64(real),
        }
    }
}

/// The toxics of a proxy in the order they are shown: those to the server first, each chain in its own order.
pub fn of_proxy(faults: &[FaultView], proxy: &str) -> Vec<Toxic> {
    let mut toxics: Vec<Toxic> = faults.iter().filter(|fault| is_on(fault, proxy)).filter_map(|fault| Toxic::of(&fault.fault)).collect();
    toxics.sort_by_key(|toxic| !toxic.is_upstream());
    toxics
}

pub fn is_on(fault: &FaultView, proxy: &str) -> bool {
    let here = |targets: &Targets| matches!(targets, Targets::Proxies(targets) if matches!(&targets[..], [only] if only.pattern == proxy));
    fault.owner == Owner::Api && fault.fault.staged && here(&fault.fault.targets)
}

fn latency(shape: Shape, jitter: Span, correlation: f64) -> AnyEffect {
    let (delay, jitter) = (Delay { shape }, Ramped::Steady(jitter));
    AnyEffect::Latency(Latency {
        delay,
        jitter,
        correlation: share(correlation),
        scale: 1.0,
        per_connection: false,
        total: false,
        by_chunk: true,
    })
}

/// A few centuries: beyond it moments cannot be reckoned with.
const LONGEST: u64 = i64::MAX as u64;

fn millis(ms: i64) -> Span {
    Span(u64::try_from(ms).unwrap_or(0).saturating_mul(1_000_000).min(LONGEST))
}

fn size(bytes: i64) -> Size {
    Size(u64::try_from(bytes).unwrap_or(0))
}

fn share(part: f64) -> Percent {
    Percent((part.clamp(0.0, 1.0) * 1e6).round() as u32)
}

/// Without what separates names, and without what does not belong into one.
fn escaped(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '/' | '%' => out.push_str(&format!("%{:02X}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("%{:02X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultwire_faults::protocol::Protocol;

    fn read(said: Value) -> Toxic {
        Toxic::read(&Json::from(&said), |_| false).unwrap()
    }

    fn refused(said: Value) -> String {
        let refusal = Toxic::read(&Json::from(&said), |name| name == "taken").unwrap_err();
        format!("{} {}", refusal.status, refusal.message)
    }

    #[test]
    fn what_is_said_is_shown() {
        assert_eq!(
            read(json!({"type": "latency", "attributes": {"LATENCY": 7, "other": 1}})).json(),
            r#"{"attributes":{"latency":7,"jitter":0},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}"#
        );
        assert_eq!(
            read(json!({"type": "bandwidth", "stream": "UPSTREAM", "toxicity": -1, "attributes": {"rate": -5}})).json(),
            r#"{"attributes":{"rate":-5},"name":"bandwidth_UPSTREAM","type":"bandwidth","stream":"UPSTREAM","toxicity":-1}"#
        );
        assert_eq!(
            read(json!({"type": "noop", "name": "", "attributes": null, "toxicity": 0.2})).json(),
            r#"{"attributes":{},"name":"noop_downstream","type":"noop","stream":"downstream","toxicity":0.2}"#
        );
        assert_eq!(
            read(json!({"type": "packet_loss", "attributes": {"loss_rate": 0.25}})).json(),
            r#"{"attributes":{"loss_rate":0.25,"correlation":0},"name":"packet_loss_downstream","type":"packet_loss","stream":"downstream","toxicity":1}"#
        );
    }

    #[test]
    fn a_toxic_is_kept_in_its_fault() {
        for kind in KINDS {
            let toxic = read(json!({"type": kind.name, "name": "a b/c", "stream": "Upstream", "toxicity": 0.12345679}));
            let fault = toxic.fault("p/q");
            assert_eq!(Toxic::of(&fault), Some(toxic));
            assert_eq!(fault.name.as_deref(), Some("p%2Fq/a b%2Fc"));
            fault.describe(Protocol::Tcp);
        }
    }

    #[test]
    fn nothing_that_is_said_is_too_much() {
        for value in [i64::MAX, i64::MIN, -1, 0, 1] {
            for kind in KINDS {
                let attributes: Map<String, Value> = kind.attributes.iter().map(|(name, _)| ((*name).to_owned(), value.into())).collect();
                read(json!({"type": kind.name, "toxicity": value, "attributes": attributes})).fault("p").describe(Protocol::Tcp);
            }
        }
    }

    #[test]
    fn refusals_in_their_order() {
        let wrong = "400 bad request body: json: cannot unmarshal";
        assert_eq!(refused(json!([])), format!("{wrong} array into Go value of type toxics.ToxicWrapper"));
        assert_eq!(
            refused(json!({"attributes": []})),
            format!("{wrong} array into Go struct field ToxicWrapper.attributes of type toxics.NoopToxic")
        );
        assert_eq!(refused(json!({"stream": ""})), "400 stream was invalid, can be either upstream or downstream");
        assert_eq!(refused(json!({"type": "Latency"})), "400 invalid toxic type");
        assert_eq!(refused(json!({})), "400 invalid toxic type");
        assert_eq!(refused(json!({"type": "noop", "name": "taken"})), "409 toxic already exists");
        assert_eq!(
            refused(json!({"type": "latency", "attributes": {"latency": "100"}})),
            format!("{wrong} string into Go struct field LatencyToxic.attributes.latency of type int64")
        );
        assert_eq!(
            refused(json!({"type": "noop", "toxicity": "1"})),
            format!("{wrong} string into Go struct field ToxicWrapper.toxicity of type float32")
        );
    }

    #[test]
    fn an_update_keeps_what_it_does_not_say() {
        let toxic = read(json!({"type": "latency", "toxicity": 0.5, "attributes": {"latency": 7, "jitter": 3}}));
        let updated = toxic.updated(&Json::from(&json!({"attributes": {"latency": 9}, "name": "x", "stream": "upstream"}))).unwrap();
        assert!(updated.json().starts_with(r#"{"attributes":{"latency":9,"jitter":3},"name":"latency_downstream""#));
        assert!(updated.json().ends_with(r#""toxicity":0.5}"#));
        assert!(toxic.updated(&Json::from(&json!({"attributes": {"latency": 1, "jitter": 1.5}}))).is_err());
        assert!(toxic.updated(&Json::from(&json!({"toxicity": 0}))).unwrap().json().ends_with(r#""toxicity":0}"#));
    }
}
