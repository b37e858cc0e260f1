//! `faultwire library`: ready scenarios, to look at and to copy from.

use crate::{
    exit::{Exit, Failure},
    say::{Say, columns},
};
use faultwire_faults::complaint::nearest;
use faultwire_scenarios::library::{LIBRARY, find};
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
        say.talk("\none of them to begin with: faultwire library slow > faultwire.yaml");
        return Ok(Exit::Held);
    };
    match find(name) {
        Some(ready) => {
            say.data(ready.text.trim_end());
            Ok(Exit::Held)
        }
        None => {
            let names = LIBRARY.iter().map(|ready| ready.name);
            let help = match nearest(name, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
            };
            Err(Failure::usage(format!("error: there is no ready scenario `{name}`\nhelp: {help}")))
        }
    }
}
