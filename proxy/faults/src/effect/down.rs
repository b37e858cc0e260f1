//! `down`: the port refuses, and open connections are cut. The port stays ours.

use crate::{
    complaint::Complaint,
    contract::{Effect, Key, On, Share, Strike, Way},
    form::Form,
    protocol::kind,
};

#[derive(Clone, Debug, PartialEq)]
pub struct Down;

impl Effect for Down {
    const KEYS: &'static [Key] = &[Key {
        name: "down",
        form: Form::On,
        values: "true",
        default: "",
        about: "The port refuses; open connections are reset. After healing it is the same port.",
        ..Key::BLANK
    }];
    const ON: On = On::units(kind::ALL);
    const EXAMPLE: &'static str = "{ down: true }";
    const ENDS: bool = true;
    const WAY: Way = Way::Both;
    type Memory = ();
    type Shared = ();

    fn read(share: &Share<'_>) -> Result<Down, Complaint> {
        super::switched_on(share).map(|()| Down)
    }

    fn describe(&self) -> String {
        "down".to_owned()
    }

    fn strike(&self) -> Option<Strike> {
        Some(Strike::Down)
    }
}
