//! The help of `toxiproxy-cli`, in the shape that its users know.

use super::super::flags::Takes;
use super::grammar::{COMMANDS, Command, Does, Flag, GLOBAL, HELP, NAME};
use crate::api::toxiproxy::SPOKEN;

const ABOUT_HELP: &str = "Shows a list of commands or help for one command";

/// Of everything.
pub fn all() -> String {
    format!(
        "NAME:\n   {NAME} - Simulate network and system conditions\n\nUSAGE:\n   {NAME} [global options] command [command options]\n\n\
         VERSION:\n   {SPOKEN}\n\nCOMMANDS:\n{}\nGLOBAL OPTIONS:\n{}",
        commands(COMMANDS),
        flags(GLOBAL.iter()),
    )
}

/// Of one command, by its whole name. `with_commands`: what may follow it, if it is only that one may ask for help.
pub fn of(path: &str, command: &Command, with_commands: bool) -> String {
    let head = format!("   {path} - ");
    let argument = if command.argument.is_empty() { String::new() } else { format!(" {}", command.argument) };
    let mut out = format!("NAME:\n{head}{}\n\nUSAGE:\n   {path} [command options]{argument}\n", hanging(command.about, head.len()));
    if !command.description.is_empty() {
        out += &format!("\nDESCRIPTION:\n   {}\n", hanging(command.description, 3));
    }
    match command.does {
        Does::Lead(below) => out += &format!("\nCOMMANDS:\n{}", commands(below)),
        Does::Act(_) if with_commands => out += &format!("\nCOMMANDS:\n{}", commands(&[])),
        Does::Act(_) => {}
    }
    out + &format!("\nOPTIONS:\n{}", flags(command.flags.iter().chain([&HELP])))
}

/// These, and the one that is everywhere.
fn commands(commands: &[Command]) -> String {
    let rows = commands.iter().map(|command| (command.names.join(", "), command.about));
    let rows: Vec<(String, &str)> = rows.chain([("help, h".to_owned(), ABOUT_HELP)]).collect();
    let width = rows.iter().map(|(names, _)| names.len()).max().unwrap_or(0) + 2;
    rows.iter().map(|(names, about)| format!("   {names:width$}{}\n", hanging(about, width + 3))).collect()
}

fn flags<'a>(flags: impl Iterator<Item = &'a Flag>) -> String {
    let rows: Vec<(String, &str)> = flags.map(|flag| (called(flag), flag.about)).collect();
    let width = rows.iter().map(|(names, _)| names.len()).max().unwrap_or(0) + 2;
    rows.iter().map(|(names, about)| format!("   {names:width$}{about}\n")).collect()
}

/// `--attribute value, -a value`
fn called(flag: &Flag) -> String {
    let value = if flag.takes == Takes::Text { " value" } else { "" };
    let names = flag.names.iter().map(|name| format!("{}{name}{value}", if name.len() == 1 { "-" } else { "--" }));
    let names = names.collect::<Vec<_>>().join(", ");
    if flag.many { format!("{names} [ {names} ]") } else { names }
}

/// Every line but the first begins so far to the right; empty ones stay empty.
fn hanging(text: &str, indent: usize) -> String {
    let mut lines = text.split('\n');
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        out.push('\n');
        if !line.is_empty() {
            out += &format!("{:indent$}{line}", "");
        }
    }
    out
}
