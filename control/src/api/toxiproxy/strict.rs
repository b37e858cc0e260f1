//! Strict mode: what Toxiproxy passes over in silence is refused. A field or an attribute that nobody reads, a name that will not be
//! changed, a value without sense, a populate that would leave a proxy as it is though another was asked for. Everything else is as ever.

use super::{Refusal, decode::Json, json::Fields, toxic::Toxic};
use faultwire_proxy::proxies::ProxyView;

/// `Logger` stands in what Toxiproxy itself lists.
const PROXY: &[&str] = &["name", "listen", "upstream", "enabled", "toxics", "Logger"];
const TOXIC: &[&str] = &["name", "type", "stream", "toxicity", "attributes"];

/// What stands behind the first value of a body.
pub fn rest(rest: &[u8]) -> Result<(), Refusal> {
    if rest.iter().all(u8::is_ascii_whitespace) { Ok(()) } else { refuse("there is more behind the JSON value") }
}

/// A proxy that is to be made.
pub fn proxy(said: &Json) -> Result<(), Refusal> {
    known("field", said, PROXY)
}

/// A proxy that is to be changed. Toxics may be sent back as they are, which Go's client does.
pub fn change(said: &Json, there: &ProxyView, toxics: &[Toxic]) -> Result<(), Refusal> {
    proxy(said)?;
    let Ok(mut fields) = Fields::of(said, "", "") else { return Ok(()) };
    same(&mut fields, "name", &there.link.name)?;
    match fields.all("toxics").last() {
        Some((_, said)) if !are(said, toxics) => refuse("toxics are not changed with their proxy: use its toxics"),
        _ => Ok(()),
    }
}

/// A proxy that populate would leave as it is.
pub fn left_alone(said: &Json, there: &ProxyView, toxics: &[Toxic]) -> Result<(), Refusal> {
    let Ok(mut fields) = Fields::of(said, "", "") else { return Ok(()) };
    let name = &there.link.name;
    if fields.flag("enabled").is_some_and(|enabled| enabled != there.link.enabled) {
        return refuse(format!("{name} is there already: populate does not change enabled"));
    }
    match fields.all("toxics").last() {
        Some((_, said)) if !are(said, toxics) => refuse(format!("{name} is there already: populate does not change its toxics")),
        _ => Ok(()),
    }
}

/// A toxic that is to be made.
pub fn toxic(said: &Json, toxic: &Toxic) -> Result<(), Refusal> {
    fields_of(said, toxic)?;
    sense(toxic)
}

/// A toxic that is to be changed, and what it would be then.
pub fn toxic_change(said: &Json, toxic: &Toxic) -> Result<(), Refusal> {
    if let Ok(mut fields) = Fields::of(said, "", "") {
        same(&mut fields, "name", &toxic.name)?;
        same(&mut fields, "type", toxic.type_name())?;
        same(&mut fields, "stream", toxic.stream())?;
    }
    fields_of(said, toxic)?;
    sense(toxic)
}

fn fields_of(said: &Json, toxic: &Toxic) -> Result<(), Refusal> {
    known("field", said, TOXIC)?;
    let names: Vec<&str> = toxic.attributes().map(|(name, _)| name).collect();
    let attributes = Fields::of(said, "", "").map(|fields| fields.all("attributes")).unwrap_or_default();
    attributes.iter().try_for_each(|(_, attributes)| known(&format!("attribute of {}", toxic.type_name()), attributes, &names))
}

fn sense(toxic: &Toxic) -> Result<(), Refusal> {
    let toxicity = toxic.toxicity();
    if !(0.0..=1.0).contains(&toxicity) {
        return refuse(format!("toxicity {toxicity} is not between 0 and 1"));
    }
    for (name, value) in toxic.attributes() {
        let is_share = ["loss_rate", "correlation"].contains(&name);
        if is_share && !(0.0..=1.0).contains(&value) {
            return refuse(format!("{name} {value} is not between 0 and 1"));
        }
        if value < 0.0 {
            return refuse(format!("{name} {value} is negative"));
        }
    }
    let of = |name: &str| toxic.attributes().find(|(other, _)| *other == name).map(|(_, value)| value);
    match (of("average_size"), of("size_variation")) {
        (Some(0.0), _) => refuse("average_size 0 cuts nothing"),
        (Some(average), Some(variation)) if variation > average => {
            refuse(format!("size_variation {variation} is more than average_size {average}"))
        }
        _ => Ok(()),
    }
}

/// Whether these are the toxics that are there.
fn are(said: &Json, there: &[Toxic]) -> bool {
    let Json::List(said) = said else { return true };
    let said: Vec<Option<Toxic>> = said.iter().map(|said| Toxic::read(said, |_| false).ok()).collect();
    said.len() == there.len() && there.iter().all(|toxic| said.contains(&Some(toxic.clone())))
}

fn known(what: &str, said: &Json, names: &[&str]) -> Result<(), Refusal> {
    let Json::Object(entries) = said else { return Ok(()) };
    let unknown = entries.iter().map(|(key, _)| key).find(|key| !names.iter().any(|name| name.eq_ignore_ascii_case(key)));
    unknown.map_or(Ok(()), |key| refuse(format!("unknown {what}: {key}")))
}

fn same(fields: &mut Fields<'_>, field: &str, there: &str) -> Result<(), Refusal> {
    match fields.text(field) {
        Some(said) if said != there => refuse(format!("{field} cannot be changed: it is {there}")),
        _ => Ok(()),
    }
}

fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(400, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn refused(said: Value) -> String {
        let said = Json::from(&said);
        let read = Toxic::read(&said, |_| false).unwrap();
        toxic(&said, &read).map_or_else(|refusal| refusal.message, |()| "taken".to_owned())
    }

    #[test]
    fn senseless_toxics() {
        for (said, why) in [
            (json!({"type": "latency", "toxicity": 1.5}), "toxicity 1.5 is not between 0 and 1"),
            (json!({"type": "latency", "toxicty": 0.5}), "unknown field: toxicty"),
            (json!({"type": "latency", "attributes": {"latancy": 5}}), "unknown attribute of latency: latancy"),
            (json!({"type": "bandwidth", "attributes": {"rate": -1}}), "rate -1 is negative"),
            (json!({"type": "slicer"}), "average_size 0 cuts nothing"),
            (
                json!({"type": "slicer", "attributes": {"average_size": 10, "size_variation": 11}}),
                "size_variation 11 is more than average_size 10",
            ),
            (json!({"type": "packet_loss", "attributes": {"loss_rate": 2}}), "loss_rate 2 is not between 0 and 1"),
            (json!({"TYPE": "latency", "stream": "UPSTREAM", "attributes": {"Latency": 5}}), "taken"),
            (json!({"type": "noop", "attributes": null}), "taken"),
        ] {
            assert_eq!(refused(said), why);
        }
    }

    #[test]
    fn what_cannot_be_changed() {
        let toxic = Toxic::read(&Json::from(&json!({"type": "latency"})), |_| false).unwrap();
        let refused =
            |said: Value| toxic_change(&Json::from(&said), &toxic).map_or_else(|refusal| refusal.message, |()| "taken".to_owned());
        assert_eq!(refused(json!({"name": "other"})), "name cannot be changed: it is latency_downstream");
        assert_eq!(refused(json!({"type": "timeout"})), "type cannot be changed: it is latency");
        assert_eq!(refused(json!({"stream": "upstream"})), "stream cannot be changed: it is downstream");
        assert_eq!(refused(json!({"name": "latency_downstream", "toxicity": 0.5})), "taken");
        assert!(rest(b" \n").is_ok() && rest(b" {}").is_err());
    }
}
