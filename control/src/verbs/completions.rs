//! `faultwire completions` and `faultwire man`: what shells and `man` are told of the command line, made from the command line itself.

use crate::{
    exit::{Exit, Failure},
    say::Say,
};
use clap::Command;
use clap_complete::Shell;
use faultwire_faults::complaint::nearest;

pub fn script(shell: Shell, mut command: Command, say: &Say) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "faultwire", &mut script);
    say.data(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Held)
}

/// A page in roff: of the whole, or of one verb.
pub fn page(verb: Option<&str>, mut command: Command, say: &Say) -> Result<Exit, Failure> {
    // What is said everywhere belongs to every page.
    command.build();
    let page = match verb {
        // Its verbs have a section of their own.
        None => clap_mangen::Man::new(command.after_help(None::<&str>).after_long_help(None::<&str>)),
        Some(verb) => {
            let Some(own) = command.find_subcommand(verb).filter(|own| own.get_name() != "help") else {
                return Err(unknown(verb, &command));
            };
            let name = format!("faultwire-{}", own.get_name());
            clap_mangen::Man::new(own.clone().display_name(&name)).title(name).source(format!("faultwire {}", env!("CARGO_PKG_VERSION")))
        }
    };
    let mut text = Vec::new();
    page.render(&mut text).map_err(|error| Failure::new(Exit::Bug, format!("error: the page cannot be written: {error}")))?;
    say.data(String::from_utf8_lossy(&text).trim_end());
    Ok(Exit::Held)
}

fn unknown(verb: &str, command: &Command) -> Failure {
    let help = match nearest(verb, command.get_subcommands().map(Command::get_name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`faultwire` lists all verbs".to_owned(),
    };
    Failure::usage(format!("error: there is no verb `{verb}`\nhelp: {help}"))
}
