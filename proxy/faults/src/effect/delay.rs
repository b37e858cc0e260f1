//! The values of `latency`: what can be drawn, each by inverting its distribution, so that one draw gives one value.

use crate::{
    complaint::{Complaint, FromNode},
    dice::{normal_probability, normal_quantile},
    node::{Node, Value},
    units::{Percent, Span},
    value::{Ramped, one_of, only_keys, required},
};
use std::{fmt, time::Duration};

#[derive(Clone, Debug, PartialEq)]
pub struct Delay {
    pub shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Plain(Ramped<Span>),
    /// Uniform, both ends included.
    Range(Span, Span),
    /// Typed from a dashboard: (probability, value), rising in both; the first is `min`, the last `max`.
    Percentiles(Vec<(f64, Span)>),
    /// Truncated at 0: no heap of zeros.
    Normal {
        mean: Span,
        stddev: Span,
    },
    Lognormal {
        median: Span,
        p99: Span,
        max: Option<Span>,
    },
    Pareto {
        min: Span,
        p99: Span,
        max: Option<Span>,
    },
    Exponential {
        mean: Span,
    },
    /// Packet loss as a stream shows it: stalls.
    Retransmit {
        share: Percent,
        rto: Span,
    },
}

/// The quantile of the standard normal distribution at 99%.
const Z99: f64 = 2.326_347_874_040_841;

impl Delay {
    /// The value below which the share `u` of all values lies, so long after the fault began.
    pub fn quantile(&self, u: f64, elapsed: Duration) -> Span {
        match &self.shape {
            Shape::Plain(value) => value.at(elapsed),
            Shape::Range(from, to) => Span(from.0 + (u * (to.0 - from.0 + 1) as f64) as u64),
            Shape::Percentiles(points) => percentile(points, u),
            Shape::Normal { mean, stddev } if stddev.0 == 0 => *mean,
            Shape::Normal { mean, stddev } => {
                let below_zero = normal_probability(-mean.seconds() / stddev.seconds());
                Span::from_seconds_f64(mean.seconds() + stddev.seconds() * normal_quantile(below_zero + u * (1.0 - below_zero)))
            }
            Shape::Lognormal { median, p99, max } => {
                let sigma = (p99.seconds() / median.seconds()).ln() / Z99;
                let cut =
                    max.filter(|_| sigma > 0.0).map_or(1.0, |max| normal_probability((max.seconds() / median.seconds()).ln() / sigma));
                let value = Span::from_seconds_f64(median.seconds() * (sigma * normal_quantile(u * cut)).exp());
                max.map_or(value, |max| value.min(max))
            }
            Shape::Pareto { min, p99, max } => {
                let alpha = 100f64.ln() / (p99.seconds() / min.seconds()).ln();
                let cut = max.map_or(1.0, |max| 1.0 - (min.seconds() / max.seconds()).powf(alpha));
                Span::from_seconds_f64(min.seconds() * (1.0 - u * cut).powf(-1.0 / alpha))
            }
            Shape::Exponential { mean } => Span::from_seconds_f64(-mean.seconds() * (1.0 - u).ln()),
            Shape::Retransmit { .. } => Span::ZERO,
        }
    }
}

/// Straight in log time over the normal quantile between two percentiles; log-linear over probability in the two ends.
fn percentile(points: &[(f64, Span)], u: f64) -> Span {
    let above = points.partition_point(|(p, _)| *p <= u).clamp(1, points.len() - 1);
    let ((p0, v0), (p1, v1)) = (points[above - 1], points[above]);
    let at = |p: f64| if p0 == 0.0 || p1 == 1.0 { p } else { normal_quantile(p) };
    let share = ((at(u) - at(p0)) / (at(p1) - at(p0))).clamp(0.0, 1.0);
    let ln = |v: Span| (v.0.max(1) as f64).ln();
    Span((ln(v0) + share * (ln(v1) - ln(v0))).exp().round() as u64)
}

impl FromNode for Delay {
    fn from_node(node: &Node) -> Result<Delay, Complaint> {
        let shape = match &node.value {
            Value::Text(text) if text.contains("..") => range(node, text)?,
            Value::Map(_) => map(node)?,
            _ => Shape::Plain(Ramped::from_node(node)?),
        };
        Ok(Delay { shape })
    }
}

fn range(node: &Node, text: &str) -> Result<Shape, Complaint> {
    let (from, to) = text.split_once("..").unwrap_or((text, ""));
    let whole = text.len();
    let part = |text: &str, start: usize| Node {
        place: node.place.part(start..start + text.len(), whole),
        value: crate::value::scalar(text.trim()),
    };
    let (from, to) = (Span::from_node(&part(from, 0))?, Span::from_node(&part(to, from.len() + 2))?);
    if from > to {
        return Err(Complaint::new("E0207", "this range ends before it begins", &node.place, "the smaller one first").fix(
            "turn it round",
            &node.place,
            format!("{to}..{from}"),
        ));
    }
    Ok(Shape::Range(from, to))
}

fn map(node: &Node) -> Result<Shape, Complaint> {
    if node.entry("shape").is_some() {
        return shaped(node);
    }
    if ["from", "to", "over"].iter().any(|key| node.entry(key).is_some()) {
        return Ok(Shape::Plain(Ramped::from_node(node)?));
    }
    if node.entry("retransmit").is_some() {
        only_keys(node, "`latency: {retransmit:}`", &["retransmit", "rto"])?;
        let rto = node.entry("rto").map(|entry| Span::from_node(&entry.value)).transpose()?;
        return Ok(Shape::Retransmit { share: required(node, "retransmit")?, rto: rto.unwrap_or(Span::from_millis(200)) });
    }
    if let Some(replay) = node.entry("replay") {
        only_keys(node, "`latency: {replay:}`", &["replay"])?;
        String::from_node(&replay.value)?;
        return Err(crate::fault::later(&replay.key_place, "latency: {replay:}"));
    }
    percentiles(node)
}

fn shaped(node: &Node) -> Result<Shape, Complaint> {
    let words = ["normal", "lognormal", "pareto", "exponential", "sine", "square", "sawtooth", "triangle"];
    let Some(entry) = node.entry("shape") else {
        return Err(Complaint::new("E0207", "`shape` is missing here", &node.place, "which one?"));
    };
    let shape = one_of(&entry.value, &words)?;
    let max = || node.entry("max").map(|entry| Span::from_node(&entry.value)).transpose();
    let known = |keys: &[&'static str]| only_keys(node, &format!("a {shape} distribution"), keys);
    match shape {
        "normal" => {
            known(&["shape", "mean", "stddev"])?;
            Ok(Shape::Normal { mean: required(node, "mean")?, stddev: required(node, "stddev")? })
        }
        "exponential" => {
            known(&["shape", "mean"])?;
            Ok(Shape::Exponential { mean: required(node, "mean")? })
        }
        "lognormal" => {
            known(&["shape", "median", "p99", "max"])?;
            let (median, p99) = (required(node, "median")?, required(node, "p99")?);
            rising(node, &[("median", median), ("p99", p99)], max()?)?;
            Ok(Shape::Lognormal { median, p99, max: max()? })
        }
        "pareto" => {
            known(&["shape", "min", "p99", "max"])?;
            let (min, p99) = (required(node, "min")?, required(node, "p99")?);
            rising(node, &[("min", min), ("p99", p99)], max()?)?;
            Ok(Shape::Pareto { min, p99, max: max()? })
        }
        _ => {
            known(&["shape", "mean", "amplitude", "period"])?;
            for key in ["mean", "amplitude", "period"] {
                required::<Span>(node, key)?;
            }
            Err(crate::fault::later(&entry.value.place, &format!("shape: {shape}")))
        }
    }
}

const PERCENTILES: [(&str, f64); 11] = [
    ("min", 0.0),
    ("p1", 0.01),
    ("p5", 0.05),
    ("p10", 0.10),
    ("p25", 0.25),
    ("p50", 0.50),
    ("p75", 0.75),
    ("p90", 0.90),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p999", 0.999),
];

fn percentiles(node: &Node) -> Result<Shape, Complaint> {
    let names: Vec<&str> = PERCENTILES
        .iter()
        .map(|(name, _)| *name)
        .chain(["max", "retransmit", "rto", "shape", "replay", "from", "to", "over", "curve", "steps", "mean"])
        .collect();
    only_keys(node, "`latency`", &names)?;
    let mut named = Vec::new();
    let mut points = Vec::new();
    for (name, p) in PERCENTILES {
        if let Some(entry) = node.entry(name) {
            let value = Span::from_node(&entry.value)?;
            named.push((name, value));
            points.push((p, value));
        }
    }
    let max = node.entry("max").map(|entry| Span::from_node(&entry.value)).transpose()?;
    let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else {
        return Err(Complaint::new("E0207", "this says no latency", &node.place, "such as `{p50: 18ms, p99: 950ms}`"));
    };
    if points.len() + usize::from(max.is_some()) < 2 {
        return Err(Complaint::new("E0207", "one percentile is not a distribution", &node.place, "two or more of them"));
    }
    rising(node, &named, max)?;
    if first.0 > 0.0 {
        points.insert(0, (0.0, Span(first.1.0 / 2)));
    }
    points.push((1.0, max.unwrap_or(last.1)));
    Ok(Shape::Percentiles(points))
}

/// Values that must grow from one name to the next, and end at `max`.
fn rising(node: &Node, named: &[(&str, Span)], max: Option<Span>) -> Result<(), Complaint> {
    let all: Vec<(&str, Span)> = named.iter().copied().chain(max.map(|max| ("max", max))).collect();
    for pair in all.windows(2) {
        let ((low, a), (high, b)) = (pair[0], pair[1]);
        let flat_is_wrong = matches!((low, high), ("median", "p99") | ("min", "p99"));
        if a > b || (flat_is_wrong && (a == b || a == Span::ZERO)) {
            let place = node.entry(high).map_or(&node.place, |entry| &entry.value.place);
            return Err(Complaint::new("E0207", format!("`{high}` must be more than `{low}`"), place, format!("{b} is not more than {a}")));
        }
    }
    Ok(())
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shape {
            Shape::Plain(value) => write!(f, "{value}"),
            Shape::Range(from, to) => write!(f, "{from}..{to}"),
            Shape::Percentiles(points) => write!(f, "p50 {}, p99 {}", percentile(points, 0.5), percentile(points, 0.99)),
            Shape::Normal { mean, stddev } => write!(f, "normal, mean {mean}, stddev {stddev}"),
            Shape::Lognormal { median, p99, .. } => write!(f, "lognormal, median {median}, p99 {p99}"),
            Shape::Pareto { min, p99, .. } => write!(f, "pareto, min {min}, p99 {p99}"),
            Shape::Exponential { mean } => write!(f, "exponential, mean {mean}"),
            Shape::Retransmit { share, rto } => write!(f, "of {share} segments sent again after {rto}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn delay(json: serde_json::Value) -> Delay {
        Delay::from_node(&Node::from_json(&json)).unwrap()
    }

    /// The quantiles of what is drawn are those that were typed, within 3%.
    #[test]
    fn every_form_has_the_quantiles_it_was_given() {
        let ms = |n: u64| Span::from_millis(n).seconds();
        let table = [
            (json!({"shape": "lognormal", "median": "80ms", "p99": "900ms"}), vec![(0.5, ms(80)), (0.99, ms(900))]),
            (json!({"shape": "pareto", "min": "20ms", "p99": "2s"}), vec![(0.0, ms(20)), (0.99, ms(2000))]),
            (json!({"shape": "normal", "mean": "200ms", "stddev": "40ms"}), vec![(0.5, ms(200)), (0.841_345, ms(240))]),
            (json!({"shape": "exponential", "mean": "50ms"}), vec![(0.632_12, ms(50))]),
            (json!({"p50": "18ms", "p90": "70ms", "p99": "950ms", "max": "3s"}), vec![(0.5, ms(18)), (0.9, ms(70)), (0.99, ms(950))]),
            (json!("5ms..80ms"), vec![(0.0, ms(5)), (0.5, 0.0425), (0.999_999, ms(80))]),
        ];
        for (form, points) in table {
            for (u, want) in points {
                let got = delay(form.clone()).quantile(u, Duration::ZERO).seconds();
                assert!((got / want - 1.0).abs() < 0.03, "{form} at {u}: {got} and not {want}");
            }
        }
    }

    #[test]
    fn typed_percentiles_of_a_lognormal_give_its_own_in_between() {
        let typed = delay(json!({"p50": "80ms", "p99": "900ms"}));
        let real = delay(json!({"shape": "lognormal", "median": "80ms", "p99": "900ms"}));
        for u in [0.6, 0.75, 0.9, 0.95] {
            let ratio = typed.quantile(u, Duration::ZERO).seconds() / real.quantile(u, Duration::ZERO).seconds();
            assert!((ratio - 1.0).abs() < 0.03, "{u}: {ratio}");
        }
    }

    #[test]
    fn truncation_invents_nothing_and_piles_up_nothing() {
        let normal = delay(json!({"shape": "normal", "mean": "80ms", "stddev": "40ms"}));
        let zeros = (0..10_000).filter(|i| normal.quantile(f64::from(*i) / 1e4, Duration::ZERO).0 < 1_000).count();
        assert!(zeros < 10, "{zeros}");
        let typed = delay(json!({"p50": "18ms", "p99": "950ms"}));
        assert_eq!(typed.quantile(0.999_999, Duration::ZERO), Span::from_millis(950));
        let cut = delay(json!({"shape": "pareto", "min": "20ms", "p99": "2s", "max": "3s"}));
        assert!(cut.quantile(1.0 - 1e-12, Duration::ZERO) <= Span::from_secs(3));
    }

    #[test]
    fn mistakes_are_told() {
        for (form, code) in [
            (json!({"shape": "pareto", "min": "2s", "p99": "20ms"}), "E0207"),
            (json!({"shape": "pareto", "min": "0ms", "p99": "20ms"}), "E0207"),
            (json!({"shape": "sine", "mean": "1s", "amplitude": "1s", "period": "1m"}), "E0109"),
            (json!({"p50": "18ms"}), "E0207"),
            (json!({"p50": "18ms", "p98": "1s"}), "E0101"),
            (json!("80ms..5ms"), "E0207"),
            (json!(250), "E0201"),
            (json!("0ms to 2s"), "E0207"),
        ] {
            assert_eq!(Delay::from_node(&Node::from_json(&form)).map_err(|c| c.code), Err(code), "{form}");
        }
    }
}
