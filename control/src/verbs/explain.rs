//! `faultwire explain`: an effect, a key or a code in a few lines, from the same tables that read them.

use crate::{
    codes::{self, CODES},
    exit::{Exit, Failure},
    say::Say,
};
use faultwire_faults::{
    complaint::nearest,
    contract::Key,
    effect::{self, ROWS, Row, row},
    fault::KEYS,
};
use serde_json::{Value, json};

pub fn main(word: Option<&str>, say: &Say) -> Result<Exit, Failure> {
    let Some(word) = word else {
        all(say);
        return Ok(Exit::Held);
    };
    if let Some(row) = row(word) {
        effect(row, say);
    } else if let Some(key) = KEYS.iter().find(|key| key.name == word) {
        told(json_of(key), say, || print([key], say));
    } else if let Some(row) = effect::all().find(|row| row.key(word).is_some()) {
        if !say.json {
            say.data(format!("`{word}` belongs to `{}`.\n", row.name));
        }
        effect(row, say);
    } else if let Some((code, about)) = codes::find(word) {
        explained(code, about, say);
    } else {
        return Err(unknown(word));
    }
    Ok(Exit::Held)
}

fn all(say: &Say) {
    let listed = json!({
        "effects": ROWS.iter().map(|row| json_of(&row.keys[0])).collect::<Vec<_>>(),
        "keys": KEYS.iter().filter(|key| key.since.built).map(json_of).collect::<Vec<_>>(),
        "codes": CODES.iter().map(|(code, about)| json!({ "code": code, "about": about })).collect::<Vec<_>>(),
    });
    told(listed, say, || {
        say.data("Effects");
        print(ROWS.iter().map(|row| &row.keys[0]), say);
        say.data("\nKeys of every fault");
        print(KEYS.iter().filter(|key| key.since.built), say);
        say.data("\nCodes of mistakes");
        for (code, about) in CODES {
            say.data(format!("  {code}  {about}"));
        }
        say.talk("\nmore of one of them: faultwire explain latency");
    });
}

fn unknown(word: &str) -> Failure {
    let upper = word.to_ascii_uppercase();
    let names = effect::all().flat_map(|row| row.keys).chain(KEYS).map(|key| key.name);
    let near = nearest(word, names).or_else(|| nearest(&upper, CODES.iter().map(|(code, _)| *code)));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`faultwire explain` lists all words".to_owned(),
    };
    Failure::usage(format!("error: `{word}` is no effect, no key and no code\nhelp: {help}"))
}

/// The rule, and a text that breaks it beside one that keeps it.
fn explained(code: &str, about: &str, say: &Say) {
    let (wrong, right) = codes::example(code).unzip();
    told(json!({ "code": code, "about": about, "wrong": wrong, "right": right }), say, || {
        say.data(format!("{code}: {about}"));
        for (word, text) in [("wrong", wrong), ("right", right)] {
            if let Some(text) = text {
                say.data(format!("\n{word}"));
                text.lines().all(|line| say.data(format!("  {line}")));
            }
        }
    });
}

fn effect(row: &Row, say: &Say) {
    let keys: Vec<Value> = row.keys.iter().map(json_of).collect();
    let json = json!({ "effect": row.name, "ends": row.ends, "keys": keys, "example": row.example });
    told(json, say, || {
        print(row.keys, say);
        let example = row.example.trim().trim_start_matches('{').trim_end_matches('}').trim();
        say.data(format!("\nexample\n  faults:\n    - {{ proxy: redis, {example} }}"));
        if row.ends {
            say.data("\nIt ends the connection: a fault has at most one effect that does.");
        }
    });
}

fn told(json: Value, say: &Say, text: impl FnOnce()) {
    match say.json {
        true => drop(say.data(json.to_string())),
        false => text(),
    }
}

fn json_of(key: &Key) -> Value {
    json!({ "name": key.name, "values": key.values, "default": key.default, "about": key.about })
}

fn print<'a>(keys: impl IntoIterator<Item = &'a Key>, say: &Say) {
    for key in keys {
        if !key.since.built {
            say.data(format!("  `{}` comes with a later version.", key.name));
        }
        let default = if key.default.is_empty() { String::new() } else { format!(" [{}]", key.default) };
        say.data(format!("  {}: {}\n      {}{default}", key.name, key.values, key.about));
    }
}
