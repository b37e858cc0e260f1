//! The date of what is answered in an upstream's place: this machine's clock.

use faultwire_faults::reply::Dates;
use std::time::SystemTime;

#[derive(Debug)]
pub struct Now;

impl Dates for Now {
    fn date(&self) -> String {
        httpdate::fmt_http_date(SystemTime::now())
    }
}
