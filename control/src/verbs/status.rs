//! `faultwire status`: proxies, faults, and what they have done, as a table.

use crate::{
    client::Client,
    exit::{Exit, Failure},
    say::{Say, columns, count},
};
use hyper::Method;
use serde_json::{Value, json};

pub fn main(url: &str, say: &Say) -> Result<Exit, Failure> {
    let client = Client::new(url)?;
    let proxies = client.list("/v1/proxies")?;
    let faults = client.list("/v1/faults")?;
    if say.json {
        say.data(json!({ "proxies": proxies, "faults": faults }).to_string());
        return Ok(Exit::Held);
    }
    let ready = client.ask(Method::GET, "/readyz", None)?;
    if let Some(why) = ready["config"]["refused"].as_str() {
        say.talk(format!(
            "{} was refused, the last good one is in force:\n{}\n",
            ready["config"]["file"].as_str().unwrap_or("the file"),
            why.trim_end()
        ));
    }
    if proxies.is_empty() {
        say.talk("no proxies: name a file when it is started, or PUT /v1/proxies/NAME");
    } else {
        table(&proxies, &faults).iter().all(|line| say.data(line));
    }
    for fault in faults.iter().filter(|fault| list(&fault["proxies"]).is_empty()) {
        say.data(format!("{} is on no proxy: they are gone", text(fault, "name")));
    }
    Ok(Exit::Held)
}

fn table(proxies: &[Value], faults: &[Value]) -> Vec<String> {
    let mut rows = vec![["PROXY", "LISTEN", "UPSTREAM", "CONNS", "FAULTS"].map(str::to_owned).to_vec()];
    let own = |proxy: &Value| -> Vec<&Value> { faults.iter().filter(|fault| list(&fault["proxies"]).contains(&proxy["name"])).collect() };
    let width = faults.iter().map(|fault| text(fault, "name").chars().count()).max().unwrap_or(0);
    for proxy in proxies {
        let conns = format!("{:>5}", proxy["connections"].to_string());
        let mut row = vec![text(proxy, "name").to_owned(), text(proxy, "listen").to_owned(), text(proxy, "upstream").to_owned(), conns];
        let mut faults = own(proxy).into_iter().map(|fault| fault_cell(fault, proxy, width)).collect::<Vec<_>>().into_iter();
        row.push(faults.next().unwrap_or_else(|| idle_cell(proxy)));
        rows.push(row);
        rows.extend(faults.map(|cell| vec![String::new(), String::new(), String::new(), String::new(), cell]));
    }
    columns(&rows)
}

fn idle_cell(proxy: &Value) -> String {
    match (proxy["enabled"].as_bool(), proxy["connections_total"].as_u64()) {
        (Some(false), _) => "refuses: switched off".to_owned(),
        (_, Some(0)) => "-  not reached yet".to_owned(),
        _ => "-".to_owned(),
    }
}

fn fault_cell(fault: &Value, proxy: &Value, width: usize) -> String {
    let (name, number) = (text(fault, "name"), |key: &str| fault[key].as_u64().unwrap_or(0));
    let hits = count(number("hits") as usize, "hit");
    let why = if fault["enabled"] == json!(false) {
        "off".to_owned()
    } else if fault["active"] == json!(false) {
        "not now".to_owned()
    } else if proxy["connections_total"] == json!(0) {
        "no traffic yet".to_owned()
    } else if number("hits") == 0 {
        format!("seen {}, matched {}", number("seen"), number("matched"))
    } else {
        share(fault)
    };
    format!("{name:width$}  {hits:>9}   {why}").trim_end().to_owned()
}

/// `9.8% of 10%`: what came of a probability.
fn share(fault: &Value) -> String {
    let matched = fault["matched"].as_u64().filter(|matched| *matched > 0);
    match (fault["probability"].as_str(), matched) {
        (Some(wanted), Some(matched)) => format!("{:.1}% of {wanted}", fault["hits"].as_u64().unwrap_or(0) as f64 / matched as f64 * 100.0),
        _ => String::new(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let proxies = [
            json!({ "name": "redis", "listen": "127.0.0.1:26379", "upstream": "redis:6379", "connections": 4, "connections_total": 9, "enabled": true }),
            json!({ "name": "db", "listen": "127.0.0.1:15432", "upstream": "db:5432", "connections": 0, "connections_total": 0, "enabled": true }),
        ];
        let faults = [
            json!({ "name": "redis-slow", "proxies": ["redis"], "enabled": true, "active": true, "hits": 98, "matched": 1000, "seen": 1000, "probability": "10%" }),
            json!({ "name": "cut", "proxies": ["redis", "db"], "enabled": true, "active": true, "hits": 0, "matched": 0, "seen": 0 }),
        ];
        assert_eq!(
            table(&proxies, &faults),
            [
                "PROXY  LISTEN           UPSTREAM    CONNS  FAULTS",
                "redis  127.0.0.1:26379  redis:6379      4  redis-slow    98 hits   9.8% of 10%",
                "                                           cut            0 hits   seen 0, matched 0",
                "db     127.0.0.1:15432  db:5432         0  cut            0 hits   no traffic yet",
            ]
        );
    }
}
