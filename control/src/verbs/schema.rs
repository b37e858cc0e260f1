//! `faultwire schema`: the JSON Schema of scenarios, for editors and for programs that write them.

use crate::{
    exit::{Exit, Failure},
    say::Say,
};
use faultwire_scenarios::schema;

pub fn main(say: &Say) -> Result<Exit, Failure> {
    say.data(schema::printed().trim_end());
    Ok(Exit::Held)
}
