//! `loss`: some messages never arrive: each for itself, tied to the one before, or in bursts.

use super::latency::correlated;
use crate::{
    complaint::{Complaint, FromNode},
    contract::{Cx, Effect, Key, Letter, On, Outcome, Share},
    dice::Purpose,
    foreseen::LOSS,
    form::Form,
    node::{Node, Value},
    plan::Reason,
    protocol::kind,
    units::Percent,
    value::{Count, Ramped},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    pub loss: How,
    /// Ties each loss to the one before it; the share stays as given.
    pub correlation: Percent,
}

#[derive(Clone, Debug, PartialEq)]
pub enum How {
    Share(Ramped<Percent>),
    /// Gilbert and Elliott: two states, and a step between them before each message.
    Bursts {
        chain: Chain,
        /// As it was written.
        text: String,
    },
}

/// Shares of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chain {
    /// To enter the bad state.
    pub p: f64,
    /// To leave it.
    pub r: f64,
    /// Lost in the bad state.
    pub bad: f64,
    /// Lost in the good state.
    pub good: f64,
}

#[derive(Debug, Default)]
pub struct Memory {
    /// The normal score of the last draw, for `correlation`.
    score: Option<f64>,
    /// The state of the chain, once there has been a message.
    is_bad: Option<bool>,
}

impl Effect for Loss {
    const KEYS: &'static [Key] = &[
        Key {
            name: "loss",
            form: LOSS,
            values: "PERCENT | A to B over T | {average, burst} | {p, r, bad, good}",
            about: "That share of messages vanishes; in a map, in bursts.",
            ..Key::BLANK
        },
        Key {
            name: "correlation",
            form: Form::Percent,
            values: "PERCENT",
            default: "0%",
            about: "Ties each loss to the one before; with a plain share only.",
            ..Key::BLANK
        },
    ];
    const ON: On = On::units(kind::UDP | kind::DNS | kind::AMQP | kind::NATS).and_messages(kind::HTTP | kind::GRPC | kind::KAFKA);
    const EXAMPLE: &'static str = "{ loss: 5%, per: message }";
    type Memory = Memory;
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Loss, Complaint> {
        let node = &share.head.value;
        let bursts = matches!(node.value, Value::Map(_)) && ["average", "p"].iter().any(|key| node.entry(key).is_some());
        let loss = if bursts { How::Bursts { chain: chain(node)?, text: said(node) } } else { How::Share(share.own()?) };
        let correlation = share.optional("correlation")?;
        if let (true, Some(_), Some(correlation)) = (bursts, correlation, share.node("correlation")) {
            return Err(Complaint::new(
                "E0106",
                "`correlation` goes with a plain share only",
                &correlation.place,
                "how often it is lost in a row",
            )
            .also(&node.place, "says so already"));
        }
        Ok(Loss { loss, correlation: correlation.unwrap_or(Percent::NEVER) })
    }

    fn describe(&self) -> String {
        let correlation = if self.correlation == Percent::NEVER { String::new() } else { format!(", correlation {}", self.correlation) };
        match &self.loss {
            How::Share(share) => format!("loss {share}{correlation}"),
            How::Bursts { text, .. } => format!("loss {text}"),
        }
    }

    fn message(&self, memory: &mut Memory, letters: &mut Vec<Letter>, cx: &mut Cx<'_>) -> Outcome {
        let share = match &self.loss {
            How::Share(share) => share.at(cx.elapsed()).share(),
            How::Bursts { chain, .. } => {
                let is_bad = match memory.is_bad {
                    // As often as not at all, over a long time.
                    None => cx.unit(Purpose::Loss, 1) < chain.p / (chain.p + chain.r),
                    Some(false) => cx.unit(Purpose::Loss, 1) < chain.p,
                    Some(true) => cx.unit(Purpose::Loss, 1) >= chain.r,
                };
                memory.is_bad = Some(is_bad);
                if is_bad { chain.bad } else { chain.good }
            }
        };
        let mut index = 0;
        let before = letters.len();
        letters.retain(|_| {
            // Each copy is lost for itself; the second draw is the chain's.
            let mut u = cx.unit(Purpose::Loss, if index == 0 { 0 } else { index + 1 });
            if index == 0 && self.correlation != Percent::NEVER {
                u = correlated(u, self.correlation.share(), &mut memory.score);
            }
            index += 1;
            u >= share
        });
        if letters.len() < before { Outcome::Cut } else { Outcome::Kept(Reason::Probability) }
    }
}

fn chain(node: &Node) -> Result<Chain, Complaint> {
    let share = |key: &str| node.entry(key).map(|entry| Percent::from_node(&entry.value)).transpose();
    if let Some(average) = share("average")? {
        let burst = node.entry("burst").map(|entry| Count::from_node(&entry.value)).transpose()?.map_or(1, |count| count.0);
        let (average, r) = (average.share(), 1.0 / burst as f64);
        let p = if average < 1.0 { r * average / (1.0 - average) } else { 1.0 };
        if p > 1.0 {
            return Err(Complaint::new("E0207", "so much is not lost in bursts that are so short", &node.place, "a longer `burst`"));
        }
        return Ok(Chain { p, r: if average < 1.0 { r } else { 0.0 }, bad: 1.0, good: 0.0 });
    }
    let given = |key: &str, otherwise: Percent| share(key).map(|share| share.unwrap_or(otherwise).share());
    let chain = Chain {
        p: given("p", Percent::NEVER)?,
        r: given("r", Percent::NEVER)?,
        bad: given("bad", Percent::ALWAYS)?,
        good: given("good", Percent::NEVER)?,
    };
    match chain.p + chain.r > 0.0 {
        true => Ok(chain),
        false => Err(Complaint::new("E0207", "this chain never moves", &node.place, "a `p` or an `r` of more than 0%")),
    }
}

/// As it was written: `{average: 5%, burst: 3}`.
fn said(node: &Node) -> String {
    let entries = node.entries().unwrap_or_default().iter();
    let parts: Vec<String> = entries.map(|entry| format!("{}: {}", entry.key, entry.value.text().unwrap_or_default())).collect();
    format!("{{{}}}", parts.join(", "))
}
