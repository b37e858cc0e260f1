//! Waiting for a fact: `hits(redis-slow) >= 3`. Answered as soon as it is so; and when it is not, with the reason.

use super::{body::answer, faults::only_known, problem::Problem, view};
use crate::{control::Control, say::count};
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use faultwire_faults::{
    complaint::nearest,
    units::{Size, Span},
};
use faultwire_proxy::proxies::{FaultView, ProxyView};
use serde_json::json;
use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

const USUAL: Span = Span::from_secs(5);
const LONGEST: Span = Span::from_secs(3600);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    measure: Measure,
    name: String,
    relation: Relation,
    value: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Hits,
    Seen,
    Matched,
    Connections,
    Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    AtLeast,
    AtMost,
    More,
    Less,
    Equal,
    Not,
}

/// What a measure is about, as it is now.
#[derive(Clone, Debug)]
enum Subject {
    Fault(Box<FaultView>),
    Proxy(Box<ProxyView>),
}

pub async fn wait(State(control): State<Arc<Control>>, Query(query): Query<HashMap<String, String>>) -> Result<Response, Problem> {
    only_known(&query, &["until", "timeout"])?;
    let Some(until) = query.get("until") else {
        return Err(Problem::new(422, "what is to be waited for?").code("E0505").detail("Say it as `?until=hits(NAME) >= 1`."));
    };
    let condition = Condition::parse(until)?;
    let timeout = timeout_of(query.get("timeout"))?;
    let mut last = subject(&control, &condition).await?;
    let begun = Instant::now();
    loop {
        let value = condition.measure.of(&last);
        let waited = begun.elapsed();
        let reached = condition.holds(value);
        if reached || waited >= timeout || control.is_stopping() {
            let mut json = json!({ "reached": reached, "until": condition.to_string(), "value": value, "waited": view::waited(waited) });
            if let Subject::Fault(fault) = &last {
                json["seen"] = fault.counts.seen.into();
                json["matched"] = fault.counts.matched.into();
            }
            if !reached {
                json["why"] = why(&control, &last).await.into();
            }
            return Ok(answer(StatusCode::OK, &json, None));
        }
        // Soon at first, for those who wait for what is about to happen.
        let pause = Duration::from_millis(1).max(waited / 20).min(Duration::from_millis(20)).min(timeout - waited);
        tokio::time::sleep(pause).await;
        // What has healed meanwhile may come back; what it had counted is kept in mind.
        if let Ok(now) = subject(&control, &condition).await {
            last = now;
        }
    }
}

fn timeout_of(text: Option<&String>) -> Result<Duration, Problem> {
    let Some(text) = text else { return Ok(USUAL.duration()) };
    match Span::parse(text) {
        Some(span) if span <= LONGEST => Ok(span.duration()),
        Some(_) => Err(Problem::new(422, format!("`{text}` is too long to wait")).code("E0201").detail("At most 1h; ask again then.")),
        None => Err(Problem::new(422, format!("`{text}` is not a length of time"))
            .code("E0201")
            .detail("Write it with its unit, such as `5s`.")),
    }
}

async fn subject(control: &Control, condition: &Condition) -> Result<Subject, Problem> {
    let name = &condition.name;
    match condition.measure {
        Measure::Connections | Measure::Bytes => super::proxies::known(control, name).await.map(|proxy| Subject::Proxy(Box::new(proxy))),
        Measure::Hits | Measure::Seen | Measure::Matched => match control.proxies.fault(name).await {
            Some(fault) => Ok(Subject::Fault(Box::new(fault))),
            None => {
                let names: Vec<String> = control.proxies.faults().await.into_iter().map(|fault| fault.name).collect();
                Err(Problem::unknown("fault", name, &names))
            }
        },
    }
}

/// Why it is not so yet: for hits, the nearest thing that is missing.
async fn why(control: &Control, subject: &Subject) -> String {
    let fault = match subject {
        Subject::Fault(fault) => fault,
        Subject::Proxy(proxy) => {
            let counts = &proxy.counts;
            let bytes = counts.bytes[0] + counts.bytes[1];
            return format!("{} open, {} so far, {bytes} bytes", count(counts.connections, "connection"), counts.opened);
        }
    };
    let name = &fault.name;
    if control.proxies.fault(name).await.is_none() {
        return format!("{name} has healed; it had {}", count(fault.counts.hits as usize, "hit"));
    }
    if !fault.fault.enabled {
        return format!("{name} is not switched on");
    }
    if fault.proxies.is_empty() {
        return format!("{name} is on no proxy: they are gone");
    }
    if !fault.active {
        return format!("{name} is not in force now: its time is not yet, or over");
    }
    if fault.counts.seen == 0 {
        return format!("no connection has reached {} since the fault began", places(control, fault).await);
    }
    let seen = count(fault.counts.seen as usize, "connection");
    if fault.counts.matched == 0 {
        return format!("{seen} seen, and the fault was for none of them");
    }
    if fault.counts.hits < fault.counts.matched && !fault.counts.suppressed.is_empty() {
        let kept: Vec<String> = fault.counts.suppressed.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
        return format!("{seen} seen, {} matched, hit {}; kept from acting: {}", fault.counts.matched, fault.counts.hits, kept.join(", "));
    }
    format!("{seen} seen, {} matched, hit {} so far", fault.counts.matched, fault.counts.hits)
}

async fn places(control: &Control, fault: &FaultView) -> String {
    let mut places = Vec::new();
    for proxy in control.proxies.proxies().await.iter().filter(|proxy| fault.proxies.contains(&proxy.link.name)) {
        places.push(format!("{} ({})", proxy.link.name, proxy.address));
    }
    places.join(", ")
}

impl Condition {
    /// `MEASURE(NAME) RELATION VALUE`.
    pub fn parse(text: &str) -> Result<Condition, Problem> {
        let unreadable = |why: String| {
            Problem::new(422, format!("`{text}` cannot be read as a condition"))
                .code("E0505")
                .detail(format!("{why} Write it as `hits(NAME) >= 1`."))
        };
        let (word, rest) = text.split_once('(').ok_or_else(|| unreadable("There is no `(`.".into()))?;
        let (name, rest) = rest.rsplit_once(')').ok_or_else(|| unreadable("There is no `)`.".into()))?;
        let measure = Measure::parse(word.trim())?;
        let (relation, value) = Relation::split(rest.trim()).ok_or_else(|| unreadable("There is no `>=`, `==` or the like.".into()))?;
        let name = name.trim();
        if name.is_empty() {
            return Err(unreadable("There is no name.".into()));
        }
        Ok(Condition { measure, name: name.to_owned(), relation, value: measure.value(value.trim())? })
    }

    fn holds(&self, value: u64) -> bool {
        match self.relation {
            Relation::AtLeast => value >= self.value,
            Relation::AtMost => value <= self.value,
            Relation::More => value > self.value,
            Relation::Less => value < self.value,
            Relation::Equal => value == self.value,
            Relation::Not => value != self.value,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = match self.measure {
            Measure::Bytes => Size(self.value).to_string(),
            _ => self.value.to_string(),
        };
        write!(f, "{}({}) {} {value}", self.measure.word(), self.name, self.relation.sign())
    }
}

impl Measure {
    const ALL: [Measure; 5] = [Measure::Hits, Measure::Seen, Measure::Matched, Measure::Connections, Measure::Bytes];

    fn word(self) -> &'static str {
        match self {
            Measure::Hits => "hits",
            Measure::Seen => "seen",
            Measure::Matched => "matched",
            Measure::Connections => "connections",
            Measure::Bytes => "bytes",
        }
    }

    fn parse(word: &str) -> Result<Measure, Problem> {
        if let Some(measure) = Measure::ALL.into_iter().find(|measure| measure.word() == word) {
            return Ok(measure);
        }
        let problem = Problem::new(422, format!("`{word}` is not a measure")).code("E0501");
        let all = Measure::ALL.map(Measure::word);
        Err(match nearest(word, all) {
            Some(near) => problem.detail(format!("Did you mean `{near}`?")),
            None => problem.detail(format!("There are {}.", all.join(", "))),
        })
    }

    fn value(self, text: &str) -> Result<u64, Problem> {
        let problem = |what: &str, detail: String| Problem::new(422, format!("`{}` is {what}", self.word())).code("E0502").detail(detail);
        match self {
            Measure::Bytes => match (Size::parse(text), text.parse::<u64>()) {
                (Some(size), _) => Ok(size.0),
                (None, Ok(0)) => Ok(0),
                (None, Ok(bare)) => Err(problem("a size", format!("Write it with its unit: `{bare}B`."))),
                _ => Err(problem("a size", format!("`{text}` is none; write it as `64KiB`."))),
            },
            _ => text.parse().map_err(|_| problem("a count", format!("`{text}` is none; write it as a whole number."))),
        }
    }

    fn of(self, subject: &Subject) -> u64 {
        match (self, subject) {
            (Measure::Hits, Subject::Fault(fault)) => fault.counts.hits,
            (Measure::Seen, Subject::Fault(fault)) => fault.counts.seen,
            (Measure::Matched, Subject::Fault(fault)) => fault.counts.matched,
            (Measure::Connections, Subject::Proxy(proxy)) => proxy.counts.connections as u64,
            (Measure::Bytes, Subject::Proxy(proxy)) => proxy.counts.bytes[0] + proxy.counts.bytes[1],
            _ => 0,
        }
    }
}

impl Relation {
    const ALL: [Relation; 6] = [Relation::AtLeast, Relation::AtMost, Relation::Equal, Relation::Not, Relation::More, Relation::Less];

    fn sign(self) -> &'static str {
        match self {
            Relation::AtLeast => ">=",
            Relation::AtMost => "<=",
            Relation::Equal => "==",
            Relation::Not => "!=",
            Relation::More => ">",
            Relation::Less => "<",
        }
    }

    /// Longer signs come before those they begin with.
    fn split(text: &str) -> Option<(Relation, &str)> {
        Relation::ALL.into_iter().find_map(|relation| Some((relation, text.strip_prefix(relation.sign())?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_said_again() {
        for text in
            ["hits(redis-slow) >= 3", "connections(db) == 0", "bytes(db) > 64KiB", "seen(a (b)) != 1", "matched(x) < 2", "hits(x) <= 0"]
        {
            assert_eq!(Condition::parse(text).map(|condition| condition.to_string()).ok().as_deref(), Some(text));
        }
        assert_eq!(Condition::parse("hits(x)>=3"), Condition::parse(" hits( x )  >=  3 ").map_err(|_| unreachable!()));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (text, code) in [
            ("", "E0505"),
            ("hits", "E0505"),
            ("hits(x", "E0505"),
            ("hits() > 1", "E0505"),
            ("hits(x) 1", "E0505"),
            ("hits(x) = 1", "E0505"),
            ("hit(x) > 1", "E0501"),
            ("p95(x) > 1", "E0501"),
            ("hits(x) > many", "E0502"),
            ("hits(x) > -1", "E0502"),
            ("hits(x) > 1s", "E0502"),
            ("bytes(x) > 10", "E0502"),
        ] {
            let problem = Condition::parse(text).unwrap_err();
            assert!(format!("{problem:?}").contains(code), "{text}: {problem:?}");
        }
    }

    impl PartialEq for Problem {
        fn eq(&self, other: &Problem) -> bool {
            format!("{self:?}") == format!("{other:?}")
        }
    }
}
