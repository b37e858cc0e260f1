//! What may be said to `toxiproxy-cli`: its commands with their other names, and their flags. Reading and help both follow from here.

use super::super::flags::Takes;
use super::verbs::{self, Call, Done};

/// A command, or a group of them.
pub struct Command {
    /// Its name, then its other names.
    pub names: &'static [&'static str],
    /// In the list of commands and at the head of its help. Lines break where the help breaks them.
    pub about: &'static str,
    pub description: &'static str,
    /// What stands behind it, where the help says so.
    pub argument: &'static str,
    pub flags: &'static [Flag],
    pub does: Does,
}

#[derive(Clone, Copy)]
pub enum Does {
    Act(fn(&Call) -> Done),
    Lead(&'static [Command]),
}

pub struct Flag {
    pub names: &'static [&'static str],
    pub takes: Takes,
    /// It may be said more than once, and each counts.
    pub many: bool,
    pub about: &'static str,
}

const fn text(names: &'static [&'static str], about: &'static str) -> Flag {
    Flag { names, takes: Takes::Text, many: false, about }
}

const fn switch(names: &'static [&'static str], about: &'static str) -> Flag {
    Flag { names, takes: Takes::Nothing, many: false, about }
}

pub const NAME: &str = "toxiproxy-cli";
pub const USUAL_HOST: &str = "http://localhost:8474";

pub const HELP: Flag = switch(&["help"], "show help (default: false)");
pub const VERSION: Flag = switch(&["version", "v"], "print the version");
pub const HOST: Flag = text(&["host", "h"], "toxiproxy host to connect to (default: \"http://localhost:8474\") [$TOXIPROXY_URL]");
pub const LISTEN: Flag = text(&["listen", "l"], "proxy will listen on this address");
pub const UPSTREAM: Flag = text(&["upstream", "u"], "proxy will forward to this address");
pub const TOXIC: Flag = text(&["toxicName", "n"], "name of the toxic");
pub const TYPE: Flag = text(&["type", "t"], "type of toxic");
pub const TOXICITY: Flag = text(&["toxicity", "tox"], "toxicity of toxic should be a float between 0 and 1 (default: 1.0)");
pub const KEPT_TOXICITY: Flag = text(&["toxicity", "tox"], "toxicity of toxic should be a float between 0 and 1 (default: as it is)");
pub const ATTRIBUTE: Flag =
    Flag { names: &["attribute", "a"], takes: Takes::Text, many: true, about: "toxic attribute in key=value format" };
pub const TO_SERVER: Flag = switch(&["upstream", "u"], "add toxic to upstream (default: false)");
pub const TO_CLIENT: Flag = switch(&["downstream", "d"], "add toxic to downstream (default: true)");
/// Not one of its own: what programs read is JSON.
pub const JSON: Flag = switch(&["json"], "print JSON (default: false)");

/// Before a command.
pub const GLOBAL: &[Flag] = &[HOST, HELP, VERSION, JSON];

pub const COMMANDS: &[Command] = &[
    Command {
        names: &["list", "l", "li", "ls"],
        about: "list all proxies\n  usage: 'toxiproxy-cli list'\n",
        description: "",
        argument: "",
        flags: &[JSON],
        does: Does::Act(verbs::list),
    },
    Command {
        names: &["inspect", "i", "ins"],
        about: "inspect a single proxy\n  usage: 'toxiproxy-cli inspect <proxyName>'\n",
        description: "",
        argument: "",
        flags: &[JSON],
        does: Does::Act(verbs::inspect),
    },
    Command {
        names: &["create", "c", "new"],
        about: "create a new proxy\n  usage: 'toxiproxy-cli create --listen <addr> --upstream <addr> <proxyName>'\n",
        description: "",
        argument: "",
        flags: &[LISTEN, UPSTREAM],
        does: Does::Act(verbs::create),
    },
    Command {
        names: &["toggle", "tog"],
        about: "  toggle enabled status on a proxy\n    usage: 'toxiproxy-cli toggle <proxyName>'\n",
        description: "",
        argument: "",
        flags: &[],
        does: Does::Act(verbs::toggle),
    },
    Command {
        names: &["delete", "d"],
        about: "  delete a proxy\n    usage: 'toxiproxy-cli delete <proxyName>'\n",
        description: "",
        argument: "",
        flags: &[],
        does: Does::Act(verbs::delete),
    },
    Command {
        names: &["toxic", "t"],
        about: "  add, remove or update a toxic\n    usage: see 'toxiproxy-cli toxic'\n",
        description: TOXICS,
        argument: "",
        flags: &[],
        does: Does::Lead(TOXIC_COMMANDS),
    },
];

const TOXIC_COMMANDS: &[Command] = &[
    Command {
        names: &["add", "a"],
        about: "add a new toxic",
        description: "",
        argument: "<proxyName>",
        flags: &[TOXIC, TYPE, TOXICITY, ATTRIBUTE, TO_SERVER, TO_CLIENT],
        does: Does::Act(verbs::add_toxic),
    },
    Command {
        names: &["update", "u"],
        about: "update an enabled toxic",
        description: "",
        argument: "<proxyName>",
        flags: &[TOXIC, KEPT_TOXICITY, ATTRIBUTE],
        does: Does::Act(verbs::update_toxic),
    },
    Command {
        names: &["remove", "r", "delete", "d"],
        about: "remove an enabled toxic",
        description: "",
        argument: "<proxyName>",
        flags: &[TOXIC],
        does: Does::Act(verbs::remove_toxic),
    },
];

const TOXICS: &str = "
  Default Toxics:
  latency:    delay all data +/- jitter
              latency=<ms>,jitter=<ms>

  bandwidth:  limit to max kb/s
              rate=<KB/s>

  slow_close: delay from closing
              delay=<ms>

  timeout:    stop all data and close after timeout
              timeout=<ms>

  reset_peer: simulate TCP RESET (Connection reset by peer) on the connections by closing
              the stub Input immediately or after a timeout
              timeout=<ms>

  slicer:     slice data into bits with optional delay
              average_size=<bytes>,size_variation=<bytes>,delay=<microseconds>

  limit_data: close after so many bytes
              bytes=<bytes>

  toxic add:
    usage: toxiproxy-cli toxic add --type <toxicType> [--downstream|--upstream] \\
            --toxicName <toxicName> [--toxicity <float>] \\
            --attribute <key=value> [--attribute <key2=value2>] <proxyName>


    example: toxiproxy-cli toxic add -t latency -n myToxic -a latency=100 -a jitter=50 myProxy

  toxic update:
    usage: toxiproxy-cli toxic update --toxicName <toxicName> [--toxicity <float>] \\
            --attribute <key1=value1> [--attribute <key2=value2>] <proxyName>

    example: toxiproxy-cli toxic update -n myToxic -a jitter=25 myProxy

  toxic delete:
    usage: toxiproxy-cli toxic delete --toxicName <toxicName> <proxyName>

    example: toxiproxy-cli toxic delete -n myToxic myProxy
";

impl Command {
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    pub fn find<'a>(commands: &'a [Command], name: &str) -> Option<&'a Command> {
        commands.iter().find(|command| command.names.contains(&name))
    }

    /// What a flag that stands behind this command takes. The address of the server may stand there as well.
    pub fn takes(&self, name: &str) -> Option<Takes> {
        let own = self.flags.iter().chain([&HELP]).find(|flag| flag.names.contains(&name)).map(|flag| flag.takes);
        own.or((name == "host").then_some(Takes::Text))
    }

    pub fn prints_json(&self) -> bool {
        self.flags.iter().any(|flag| flag.names == JSON.names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(commands: &[Command], visit: &mut impl FnMut(&Command)) {
        for command in commands {
            visit(command);
            if let Does::Lead(commands) = command.does {
                each(commands, visit);
            }
        }
    }

    #[test]
    fn no_name_means_two_things() {
        let mut names: Vec<&str> = COMMANDS.iter().flat_map(|command| command.names).copied().chain(["help", "h"]).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        each(COMMANDS, &mut |command| {
            let mut names: Vec<&str> = command.flags.iter().chain([&HELP]).flat_map(|flag| flag.names).copied().collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{}", command.name());
            assert!(!names.contains(&"host"));
        });
    }
}
