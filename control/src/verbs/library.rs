//! `faultwire library`: ready scenarios, to run by name, to look at and to copy from.

use crate::{
    exit::{Exit, Failure},
    say::{Say, columns},
};
use faultwire_scenarios::library::{LIBRARY, find, near};
use serde_json::json;

pub fn main(name: Option<&str>, say: &Say) -> Result<Exit, Failure> {
    let Some(name) = name else {
        if say.json {
            let list: Vec<_> = LIBRARY.iter().map(|ready| json!({ "name": ready.name, "about": ready.about })).collect();
            say.data(json!(list).to_string());
            return Ok(Exit::Held);
        }
        let rows: Vec<Vec<String>> = LIBRARY.iter().map(|ready| vec![ready.name.to_owned(), ready.about.to_owned()]).collect();
        columns(&rows).iter().all(|line| say.data(line));
        say.talk("\nbefore what a command uses:  faultwire run slow-database --wrap DATABASE_URL -- pytest");
        say.talk("for as long as it runs:      LISTEN=15432 UPSTREAM=db:5432 faultwire serve slow-database");
        say.talk("to look at, and to change:   faultwire library slow-database > faultwire.yaml");
        return Ok(Exit::Held);
    };
    match find(name) {
        Some(ready) => {
            say.data(ready.text.trim_end());
            Ok(Exit::Held)
        }
        None => {
            let help = match near(name) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", LIBRARY.iter().map(|ready| ready.name).collect::<Vec<_>>().join(", ")),
            };
            Err(Failure::usage(format!("error: there is no ready scenario `{name}`\nhelp: {help}")))
        }
    }
}
