//! `reorder`: some messages do not wait for the `latency` of their fault, and so overtake those that do.

use crate::{
    complaint::Complaint,
    contract::{Cx, Effect, Key, Letter, On, Outcome, Share},
    dice::{Purpose, falls_below},
    foreseen::SHARE,
    plan::Reason,
    protocol::kind,
    units::Percent,
    value::Ramped,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Reorder {
    /// The share of messages.
    pub reorder: Ramped<Percent>,
}

impl Effect for Reorder {
    const KEYS: &'static [Key] = &[Key {
        name: "reorder",
        form: SHARE,
        values: "PERCENT | A to B over T",
        about: "That share overtakes the rest; needs `latency`, for the rest to wait.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::UDP | kind::DNS | kind::AMQP | kind::NATS).and_messages(kind::HTTP | kind::GRPC);
    const EXAMPLE: &'static str = "{ reorder: 3%, latency: 5ms..80ms, per: message }";
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Reorder, Complaint> {
        Ok(Reorder { reorder: share.own()? })
    }

    fn describe(&self) -> String {
        format!("reorder {}", self.reorder)
    }

    fn message(&self, (): &mut (), letters: &mut Vec<Letter>, cx: &mut Cx<'_>) -> Outcome {
        if !falls_below(cx.draw(Purpose::Reorder, 0), self.reorder.at(cx.elapsed()).0) {
            return Outcome::Kept(Reason::Probability);
        }
        letters.iter_mut().for_each(|letter| letter.overtakes = true);
        Outcome::Edited
    }
}
