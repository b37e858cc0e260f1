//! `faultwire explain`: any word of the language, or a code, in a few lines, from the same tables that read them.

mod examples;
mod profiles;
mod words;

use crate::{
    codes::{self, CODES},
    exit::{Exit, Failure},
    say::Say,
};
use examples::example;
use faultwire_faults::{
    complaint::nearest,
    contract::{Key, NOW, Since},
    effect::{ROWS, Row},
    fault::KEYS,
    foreseen::ROWS as FORESEEN,
};
use faultwire_scenarios::{keys, reference};
use serde_json::{Value, json};
use words::{Meaning, meanings};

pub fn main(word: Option<&str>, say: &Say) -> Result<Exit, Failure> {
    let Some(word) = word else {
        all(say);
        return Ok(Exit::Held);
    };
    let found = meanings(word);
    if let Some((first, others)) = found.split_first() {
        let mut json = json_of(first);
        if !others.is_empty() {
            json["also"] = others.iter().map(json_of).collect();
        }
        told(json, say, || {
            found.iter().enumerate().for_each(|(at, meaning)| {
                if at > 0 {
                    say.data("");
                }
                tell(word, meaning, say);
            });
        });
    } else if let Some((code, about)) = codes::find(word) {
        explained(code, about, say);
    } else {
        return Err(unknown(word));
    }
    Ok(Exit::Held)
}

fn all(say: &Say) {
    let later: Vec<&str> = words::all().into_iter().filter(|word| meanings(word).iter().all(is_later)).collect();
    let built = |keys: &'static [Key]| keys.iter().filter(|key| key.since.built);
    let tables = [("Keys of every fault", KEYS), ("Keys of a scenario", keys::FILE), ("Keys of a proxy", keys::PROXY)];
    let listed = json!({
        "effects": ROWS.iter().map(|row| json_of_key("a fault", &row.keys[0])).collect::<Vec<_>>(),
        "keys": built(KEYS).map(|key| json_of_key("a fault", key)).collect::<Vec<_>>(),
        "scenario": built(keys::FILE).map(|key| json_of_key("a scenario", key)).collect::<Vec<_>>(),
        "proxy": built(keys::PROXY).map(|key| json_of_key("a proxy", key)).collect::<Vec<_>>(),
        "later": later,
        "codes": CODES.iter().map(|(code, about)| json!({ "code": code, "about": about })).collect::<Vec<_>>(),
    });
    told(listed, say, || {
        say.data("Effects");
        ROWS.iter().for_each(|row| print(&row.keys[0], say));
        for (title, keys) in tables {
            say.data(format!("\n{title}"));
            built(keys).for_each(|key| print(key, say));
        }
        say.data("\nCome with a later version, and are explained as well");
        for line in later.chunks(8) {
            say.data(format!("  {}", line.join(", ")));
        }
        say.data("\nCodes of mistakes");
        for (code, about) in CODES {
            say.data(format!("  {code}  {about}"));
        }
        say.talk("\nmore of one of them: faultwire explain latency");
    });
}

fn unknown(word: &str) -> Failure {
    let upper = word.to_ascii_uppercase();
    let near = nearest(word, words::all()).or_else(|| nearest(&upper, CODES.iter().map(|(code, _)| *code)));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`faultwire explain` lists all words".to_owned(),
    };
    Failure::usage(format!("error: `{word}` is no effect, no key, no measure and no code\nhelp: {help}"))
}

/// One meaning, for people.
fn tell(word: &str, meaning: &Meaning, say: &Say) {
    match meaning {
        Meaning::Effect(row) => return effect(word, row, say),
        Meaning::Key(of, key) => {
            say.data(format!("A key of {of}"));
            print(key, say);
        }
        Meaning::Measure(measure) => {
            say.data("A measure, for conditions");
            later(word, measure.since, say);
            say.data(format!("  {}: {}\n      {}", reference::call(measure), reference::unit(measure.unit), measure.about));
        }
        Meaning::Fact(fact) => {
            say.data("What a `match` may ask for, in its map");
            later(word, since_of("match"), say);
            say.data(format!("  {}: {}", fact.name, fact.about));
        }
        Meaning::Profile(profile) => {
            say.data("A link, for `profile`");
            later(word, since_of("profile"), say);
            if let Some(link) = profiles::find(profile) {
                say.data(format!("  {profile}: {}", profiles::in_words(link)));
            }
        }
    }
    shown(&example(meaning), say);
}

fn effect(word: &str, row: &'static Row, say: &Say) {
    if word != row.name {
        say.data(format!("`{word}` belongs to `{}`.\n", row.name));
    }
    row.keys.iter().for_each(|key| print(key, say));
    shown(&example(&Meaning::Effect(row)), say);
    if row.ends {
        say.data("\nIt ends the connection: a fault has at most one effect that does.");
    }
}

fn shown(example: &str, say: &Say) {
    say.data("\nexample");
    example.lines().all(|line| say.data(format!("  {line}")));
}

fn later(word: &str, since: Since, say: &Say) {
    if !since.built {
        say.data(format!("  `{word}` comes with a later version."));
    }
}

/// What a fact or a link is worth is decided by the key that it stands behind.
fn since_of(key: &str) -> Since {
    let keys = KEYS.iter().chain(FORESEEN.iter().chain(ROWS).flat_map(|row| row.keys));
    keys.into_iter().find(|known| known.name == key).map_or(NOW, |key| key.since)
}

fn is_later(meaning: &Meaning) -> bool {
    !match meaning {
        Meaning::Effect(row) => row.since(),
        Meaning::Key(_, key) => key.since,
        Meaning::Measure(measure) => measure.since,
        Meaning::Fact(_) => since_of("match"),
        Meaning::Profile(_) => since_of("profile"),
    }
    .built
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

fn told(json: Value, say: &Say, text: impl FnOnce()) {
    match say.json {
        true => drop(say.data(json.to_string())),
        false => text(),
    }
}

fn json_of(meaning: &Meaning) -> Value {
    let mut json = match meaning {
        Meaning::Effect(row) => {
            let keys: Vec<Value> = row.keys.iter().map(|key| json_of_key("a fault", key)).collect();
            json!({ "effect": row.name, "ends": row.ends, "keys": keys })
        }
        Meaning::Key(of, key) => json_of_key(of, key),
        Meaning::Measure(measure) => {
            json!({ "measure": measure.name, "values": reference::call(measure), "unit": reference::unit(measure.unit), "about": measure.about })
        }
        Meaning::Fact(fact) => json!({ "fact": fact.name, "about": fact.about }),
        Meaning::Profile(profile) => json!({ "profile": profile, "about": profiles::find(profile).map(profiles::in_words) }),
    };
    json["later"] = is_later(meaning).into();
    json["example"] = example(meaning).into();
    json
}

fn json_of_key(of: &str, key: &Key) -> Value {
    json!({
        "name": key.name,
        "of": of,
        "values": key.values,
        "default": key.default,
        "about": key.about,
        "later": !key.since.built,
    })
}

fn print(key: &Key, say: &Say) {
    later(key.name, key.since, say);
    let default = if key.default.is_empty() { String::new() } else { format!(" [{}]", key.default) };
    say.data(format!("  {}: {}\n      {}{default}", key.name, key.values, key.about));
}
