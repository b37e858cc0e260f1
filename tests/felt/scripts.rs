//! The programs of the clients, as they are started.

use crate::conformance::{brought, source};
use std::process::Command;

pub fn python(script: &str) -> Command {
    let mut python = Command::new(brought("python/bin/python"));
    python.arg(source(&format!("felt/python/{script}.py"))).env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

pub fn node(script: &str) -> Command {
    let mut node = Command::new("node");
    node.arg(source(&format!("felt/node/{script}.js"))).env("NODE_PATH", brought("node/node_modules"));
    node
}

pub fn go(program: &str) -> Command {
    Command::new(brought(&format!("go/felt-{program}")))
}

pub fn java(class: &str) -> Command {
    let mut java = Command::new("java");
    java.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]).arg(source(&format!("felt/java/{class}.java")));
    java
}
