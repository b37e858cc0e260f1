//! Values that carry their unit: lengths of time, sizes, rates, shares.
//! Reading follows the language (`250ms`, `64KiB`, `1MiB/s`, `10%`); what has no unit is refused, never guessed.

use std::{fmt, time::Duration};

/// A length of time in whole nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

/// Bytes in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

/// A share in parts per million, 0 to 1,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(pub u32);

/// So many things in a time, as they were written: `20/s`, `10/h`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    pub count: f64,
    /// The time in which so many come.
    pub per: Span,
}

impl Flow {
    /// `20/s`, `1.5/m`, `10/h`.
    pub fn parse(text: &str) -> Option<Flow> {
        let (count, unit) = split_number(text.trim())?;
        let per = match unit.trim_start().strip_prefix('/')?.trim() {
            "s" => Span::from_secs(1),
            "m" => Span::from_secs(60),
            "h" => Span::from_secs(3600),
            _ => return None,
        };
        count.is_finite().then_some(Flow { count, per })
    }

    pub fn per_second(self) -> f64 {
        self.count / self.per.seconds()
    }

    /// The time in which one of them comes; none if none ever does.
    pub fn time_of_one(self) -> Option<Duration> {
        let nanos = self.per.0 as f64 / self.count;
        (nanos.is_finite() && nanos < u64::MAX as f64).then(|| Duration::from_nanos(nanos.round() as u64))
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per {
            per if per == Span::from_secs(3600) => "h",
            per if per == Span::from_secs(60) => "m",
            _ => "s",
        };
        write!(f, "{}/{unit}", decimal(self.count))
    }
}

impl Span {
    pub const ZERO: Span = Span(0);

    pub const fn from_millis(ms: u64) -> Span {
        Span(ms * 1_000_000)
    }

    pub const fn from_secs(s: u64) -> Span {
        Span(s * 1_000_000_000)
    }

    pub const fn duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// A length given in seconds; negative ones are 0, what is too large is the largest.
    pub fn from_seconds_f64(s: f64) -> Span {
        Span((s.max(0.0) * 1e9).round() as u64)
    }

    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    pub fn scaled(self, by: f64) -> Span {
        Span::from_seconds_f64(self.seconds() * by)
    }

    /// `1m30s`, `250ms`, `1.5s`; units are `us ms s m h`.
    pub fn parse(text: &str) -> Option<Span> {
        let mut rest = text.trim();
        let mut total: f64 = 0.0;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let (number, tail) = split_number(rest)?;
            let unit = tail.find(|c: char| !c.is_ascii_alphabetic() && c != 'µ').map_or(tail, |end| &tail[..end]);
            total += number
                * match unit {
                    "ns" => 1.0,
                    "us" | "µs" => 1e3,
                    "ms" => 1e6,
                    "s" => 1e9,
                    "m" => 60e9,
                    "h" => 3600e9,
                    _ => return None,
                };
            rest = &tail[unit.len()..];
        }
        (total.is_finite() && total < i64::MAX as f64).then_some(Span(total.round() as u64))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0;
        match ns {
            0 => f.write_str("0ms"),
            _ if ns < 1_000_000 => write!(f, "{}us", decimal(ns as f64 / 1e3)),
            _ if ns < 1_000_000_000 => write!(f, "{}ms", decimal(ns as f64 / 1e6)),
            _ if ns < 60_000_000_000 => write!(f, "{}s", decimal(ns as f64 / 1e9)),
            _ => {
                let (h, m, s) = (ns / 3_600_000_000_000, ns / 60_000_000_000 % 60, (ns % 60_000_000_000) as f64 / 1e9);
                if h > 0 {
                    write!(f, "{h}h")?;
                }
                if m > 0 {
                    write!(f, "{m}m")?;
                }
                if s > 0.0 { write!(f, "{}s", decimal(s)) } else { Ok(()) }
            }
        }
    }
}

impl Size {
    /// `64KiB`, `1MB`, `100B`; decimal units are decimal, binary ones binary.
    pub fn parse(text: &str) -> Option<Size> {
        let (number, unit) = split_number(text.trim())?;
        let bytes = number
            * match unit.trim_start() {
                "B" => 1.0,
                "kB" => 1e3,
                "MB" => 1e6,
                "GB" => 1e9,
                "KiB" => 1024.0,
                "MiB" => 1024.0 * 1024.0,
                "GiB" => 1024.0 * 1024.0 * 1024.0,
                _ => return None,
            };
        (bytes.is_finite() && bytes < i64::MAX as f64).then_some(Size(bytes.round() as u64))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("kB", 1000)];
        match units.into_iter().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size)) {
            Some((unit, size)) => write!(f, "{}{unit}", self.0 / size),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl Rate {
    /// `1MiB/s`, `256kbit/s`, `0B/s`.
    pub fn parse(text: &str) -> Option<Rate> {
        let amount = text.trim().strip_suffix("/s")?.trim_end();
        if let Some(size) = Size::parse(amount) {
            return Some(Rate(size.0));
        }
        let (number, unit) = split_number(amount)?;
        let bits = number
            * match unit.trim_start() {
                "kbit" => 1e3,
                "Mbit" => 1e6,
                "Gbit" => 1e9,
                _ => return None,
            };
        (bits.is_finite() && bits < i64::MAX as f64).then_some(Rate((bits / 8.0).round() as u64))
    }

    /// How long so many bytes take; `None` at a rate of zero, which moves nothing.
    pub fn time_of(self, bytes: u64) -> Option<Duration> {
        (self.0 > 0).then(|| Duration::from_nanos((bytes as u128 * 1_000_000_000 / self.0 as u128) as u64))
    }

    /// How many bytes pass in that time.
    pub fn bytes_in(self, time: Duration) -> u64 {
        (self.0 as u128 * time.as_nanos() / 1_000_000_000) as u64
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", Size(self.0))
    }
}

impl Percent {
    pub const ALWAYS: Percent = Percent(1_000_000);
    pub const NEVER: Percent = Percent(0);

    /// `10%`, `0.5%`; nothing below 0 or above 100.
    pub fn parse(text: &str) -> Option<Percent> {
        let (number, unit) = split_number(text.trim())?;
        (unit.trim_start() == "%" && (0.0..=100.0).contains(&number)).then_some(Percent((number * 10_000.0).round() as u32))
    }

    pub fn share(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// That share of a whole, rounded down.
    pub fn of(self, whole: u64) -> u64 {
        (u128::from(whole) * u128::from(self.0) / 1_000_000) as u64
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", decimal(f64::from(self.0) / 1e4))
    }
}

/// Splits a leading decimal number from what follows it.
pub fn split_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..end].parse().ok()?;
    Some((number, &text[end..]))
}

/// At most three decimals, and none that say nothing.
fn decimal(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_said_again() {
        for text in ["250ms", "1.5s", "1m30s", "2h", "500us", "1h1m1s", "0ms"] {
            assert_eq!(Span::parse(text).map(|s| s.to_string()).as_deref(), Some(text));
        }
        for text in ["64KiB", "1kB", "3MiB", "100B", "1GB"] {
            assert_eq!(Size::parse(text).map(|s| s.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Rate::parse("256kbit/s"), Some(Rate(32_000)));
        assert_eq!(Rate::parse("1MiB/s").map(|r| r.to_string()).as_deref(), Some("1MiB/s"));
        assert_eq!(Percent::parse("0.5%").map(|p| p.to_string()).as_deref(), Some("0.5%"));
    }

    #[test]
    fn what_has_no_unit_or_two_readings_is_refused() {
        for text in ["250", "", "ms", "1 s", "-1s", "1x", "1e3s", "9999999999999h"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
        for text in ["64", "64KB", "64kb", "kB"] {
            assert_eq!(Size::parse(text), None, "{text}");
        }
        for text in ["64kbps", "64", "1MiB", "1Mb/s"] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
        for text in ["0.1", "101%", "-1%", "%"] {
            assert_eq!(Percent::parse(text), None, "{text}");
        }
    }
}
