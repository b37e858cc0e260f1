//! `faultwire heal`: faults end. It fails for no other reason than not reaching the server.

use crate::{
    api::faults::escaped,
    client::{ANSWER, Client},
    exit::{Exit, Failure},
    say::{Say, count},
};
use hyper::Method;
use serde_json::{Value, json};

pub fn main(names: &[String], url: &str, say: &Say) -> Result<Exit, Failure> {
    let client = Client::new(url)?;
    let (healed, missing) = match names {
        [] => (everything(&client)?, Vec::new()),
        names => some(&client, names)?,
    };
    let proxies = client.list("/v1/proxies")?;
    if say.json {
        say.data(json!({ "healed": healed, "missing": missing }).to_string());
    } else {
        say.data(sentence(&healed, &proxies));
    }
    for name in &missing {
        say.talk(format!("there is no fault named `{name}` any more, or there never was: see `faultwire status`"));
    }
    Ok(Exit::Held)
}

fn everything(client: &Client) -> Result<Vec<Value>, Failure> {
    let answer = client.ask(Method::POST, "/v1/heal", None)?;
    answer["healed"].as_array().cloned().ok_or_else(|| client.foreign(200))
}

fn some(client: &Client, names: &[String]) -> Result<(Vec<Value>, Vec<String>), Failure> {
    let (mut healed, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        let answer = client.call(Method::DELETE, &format!("/v1/faults/{}", escaped(name)), None, ANSWER)?;
        match answer.status {
            200 => healed.push(answer.body),
            204 | 404 => missing.push(name.clone()),
            _ => return Err(client.refused(&answer)),
        }
    }
    Ok((healed, missing))
}

fn sentence(healed: &[Value], proxies: &[Value]) -> String {
    let names: Vec<&str> = healed.iter().filter_map(|fault| fault["name"].as_str()).collect();
    let calm = proxies.iter().filter(|proxy| proxy["faults"].as_array().is_none_or(Vec::is_empty)).count();
    let healed = if names.is_empty() { "nothing to heal".to_owned() } else { format!("healed {}", names.join(", ")) };
    match (calm, proxies.len()) {
        (_, 0) => format!("{healed}."),
        (calm, all) if calm == all => {
            let verb = if all == 1 { "passes" } else { "pass" };
            format!("{healed}. {} {verb} everything through.", count(all, "proxy"))
        }
        (calm, all) => format!("{healed}. {calm} of {} pass everything through.", count(all, "proxy")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_healed_is_said() {
        let proxies = [json!({ "faults": [] }), json!({ "faults": [] })];
        assert_eq!(
            sentence(&[json!({ "name": "a" }), json!({ "name": "b" })], &proxies),
            "healed a, b. 2 proxies pass everything through."
        );
        assert_eq!(
            sentence(&[], &[json!({ "faults": ["x"] }), json!({ "faults": [] })]),
            "nothing to heal. 1 of 2 proxies pass everything through."
        );
        assert_eq!(sentence(&[], &[]), "nothing to heal.");
    }
}
