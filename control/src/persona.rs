//! Under another name the program has another's manners: those of Toxiproxy's server or of its command line, as it is called. What it does
//! then is what it always does.

mod cli;
mod flags;
mod server;

use crate::exit::Exit;
use std::path::Path;

/// Acts as another program if it was started under the name of one.
pub fn main() -> Option<Exit> {
    let mut words = std::env::args_os();
    let own = words.next()?;
    let act = persona(Path::new(&own).file_name()?.to_str()?)?;
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    Some(act(&words))
}

fn persona(name: &str) -> Option<fn(&[String]) -> Exit> {
    match name {
        // The second is its name in Toxiproxy's image.
        "toxiproxy-server" | "toxiproxy" => Some(server::main),
        "toxiproxy-cli" => Some(cli::main),
        _ => None,
    }
}
