//! `faultwire ready`: for health checks, so it is short and says little.

use crate::{
    client::Client,
    exit::{Exit, Failure},
    say::Say,
};
use faultwire_faults::units::Span;
use hyper::Method;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(2);

pub fn main(wait: Option<&str>, url: &str, say: &Say) -> Result<Exit, Failure> {
    let wait = match wait.map(Span::parse) {
        None => Duration::ZERO,
        Some(Some(span)) => span.duration(),
        Some(None) => return Err(Failure::usage("error: `--wait` is a length of time, such as `10s`")),
    };
    let client = Client::new(url)?;
    let begun = Instant::now();
    loop {
        let asked = ask(&client, say);
        if asked.is_ok() || begun.elapsed() >= wait {
            return asked;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn ask(client: &Client, say: &Say) -> Result<Exit, Failure> {
    let answer = client.call(Method::GET, "/readyz", None, LIMIT)?;
    match answer.status {
        200 => {
            if say.json {
                say.data(answer.body.to_string());
            }
            Ok(Exit::Held)
        }
        503 => Err(Failure::new(Exit::Unavailable, "faultwire is not ready: it is shutting down")),
        _ => Err(Failure::new(Exit::Unavailable, client.refused(&answer).text)),
    }
}
