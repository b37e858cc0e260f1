//! `faultwire explain`: an effect, a key or a code in a few lines, from the same tables that read them.

use crate::{
    codes,
    exit::{Exit, Failure},
    say::Say,
};
use faultwire_faults::{
    complaint::nearest,
    contract::Key,
    effect::{ROWS, Row, all, row},
    fault::KEYS,
};

pub fn main(word: Option<&str>, say: &Say) -> Result<Exit, Failure> {
    let Some(word) = word else {
        say.data("Effects");
        print(ROWS.iter().map(|row| &row.keys[0]), say);
        say.data("\nKeys of every fault");
        print(KEYS.iter().filter(|key| key.since.built), say);
        say.talk("\nmore of one of them: faultwire explain latency");
        return Ok(Exit::Held);
    };
    if let Some(row) = row(word) {
        effect(row, say);
    } else if let Some(key) = KEYS.iter().find(|key| key.name == word) {
        print([key], say);
    } else if let Some(row) = all().find(|row| row.key(word).is_some()) {
        say.data(format!("`{word}` belongs to `{}`.\n", row.name));
        effect(row, say);
    } else if let Some((code, about)) = codes::find(word) {
        say.data(format!("{code}: {about}"));
    } else {
        let all = all().flat_map(|row| row.keys).chain(KEYS).map(|key| key.name);
        let help = match nearest(word, all) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`faultwire explain` lists all words".to_owned(),
        };
        return Err(Failure::usage(format!("error: `{word}` is no effect, no key and no code\nhelp: {help}")));
    }
    Ok(Exit::Held)
}

fn effect(row: &Row, say: &Say) {
    print(row.keys, say);
    let example = row.example.trim().trim_start_matches('{').trim_end_matches('}').trim();
    say.data(format!("\nexample\n  faults:\n    - {{ proxy: redis, {example} }}"));
    if row.ends {
        say.data("\nIt ends the connection: a fault has at most one effect that does.");
    }
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
