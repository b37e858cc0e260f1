//! `reset`: a real RST, both ways, once what was due has been taken.

use crate::{
    complaint::Complaint,
    contract::{Effect, Key, Share, Strike},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Reset;

impl Effect for Reset {
    const KEYS: &'static [Key] = &[Key {
        name: "reset",
        values: "true",
        default: "",
        about: "The connection ends with RST, on both sides, after what was due. Open connections as well.",
    }];
    const EXAMPLE: &'static str = "{ reset: true, after: 1KiB }";
    const ENDS: bool = true;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Reset, Complaint> {
        super::switched_on(share).map(|()| Reset)
    }

    fn describe(&self) -> String {
        "reset".to_owned()
    }

    fn strike(&self) -> Option<Strike> {
        Some(Strike::Reset)
    }
}
