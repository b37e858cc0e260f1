//! `faultwire await`: until a condition holds, or time is up.

use crate::{
    api::faults::escaped,
    client::Client,
    exit::{Exit, Failure},
    say::Say,
};
use faultwire_faults::units::Span;
use hyper::Method;
use serde_json::Value;
use std::time::{Duration, Instant};

/// One question lasts no longer than this; then it is asked again.
const TURN: Duration = Duration::from_secs(60);

pub fn main(condition: &str, timeout: &str, url: &str, say: &Say) -> Result<Exit, Failure> {
    let Some(limit) = Span::parse(timeout) else {
        return Err(Failure::usage(format!("error: `{timeout}` is not a length of time\nhelp: write it with its unit, such as `5s`")));
    };
    let client = Client::new(url)?;
    let begun = Instant::now();
    loop {
        let left = limit.duration().saturating_sub(begun.elapsed()).min(TURN);
        // Rounded up: what is asked for is never less than what is left.
        let asked = Span::from_millis(left.as_millis() as u64 + u64::from(left.subsec_nanos() % 1_000_000 > 0));
        let path = format!("/v1/await?until={}&timeout={asked}", escaped(condition));
        let answer = client.call(Method::GET, &path, None, left + crate::client::ANSWER)?;
        if answer.status != 200 {
            return Err(client.refused(&answer));
        }
        let Some(reached) = answer.body["reached"].as_bool() else { return Err(client.foreign(200)) };
        if !reached && begun.elapsed() < limit.duration() {
            continue;
        }
        if say.json {
            say.data(answer.body.to_string());
        } else if reached {
            say.data(format!("{}: it is {}", text(&answer.body, "until"), answer.body["value"]));
        } else {
            let (until, value, why) = (text(&answer.body, "until"), &answer.body["value"], text(&answer.body, "why"));
            say.data(format!("not yet: {} is {value} after {timeout}. {why}", until.rfind(')').map_or(until, |end| &until[..=end])));
        }
        return Ok(if reached { Exit::Held } else { Exit::TimedOut });
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
