//! Chance without a generator: every draw is a pure function of what it is for, so the order of arrival does not matter
//! and nothing that is drawn moves anything else. The hash and the inversions below are part of the format: golden vectors guard them.

/// What makes a run repeatable. Always printed and stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

/// What a draw is for. Editing one parameter moves no other outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Fire = 1,
    Latency = 2,
    Jitter = 3,
    Corrupt = 4,
    Retransmit = 5,
    Slice = 6,
    Loss = 7,
    Duplicate = 8,
    Reorder = 9,
}

/// The die of one fault in one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dice {
    key: u64,
}

impl Dice {
    /// `session` is empty for units that belong to none.
    pub fn new(seed: Seed, fault: &str, session: &str) -> Dice {
        Dice { key: mix(mix(mix(seed.0, SALT), text(fault)), text(session)) }
    }

    /// The draw of that purpose for the `n`-th match; `index` tells apart several draws for one unit.
    pub fn draw(self, purpose: Purpose, n: u64, index: u64) -> u64 {
        mix(mix(mix(self.key, purpose as u64), n), index)
    }

    /// The same, evenly in [0, 1).
    pub fn unit(self, purpose: Purpose, n: u64, index: u64) -> f64 {
        (self.draw(purpose, n, index) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Whether a draw falls below a share of so many parts per million: 0 never does, 1,000,000 always.
pub fn falls_below(draw: u64, parts_per_million: u32) -> bool {
    (u128::from(draw) * 1_000_000) >> 64 < u128::from(parts_per_million)
}

const SALT: u64 = 0x6661_756c_7477_6972; // "faultwir"

/// SplitMix64's finalizer (Steele, Lea, Flood 2014) over a state that takes in one word at a time.
fn mix(state: u64, word: u64) -> u64 {
    let mut z = (state.rotate_left(25) ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a, 64 bits.
fn text(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The quantile of the standard normal distribution for a probability in (0, 1).
/// Acklam's rational approximation; relative error below 1.15e-9.
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] =
        [-3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1, 2.506628277459239];
    const B: [f64; 5] = [-5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1];
    const C: [f64; 6] =
        [-7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783];
    const D: [f64; 4] = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416];
    let p = p.clamp(1e-15, 1.0 - 1e-15);
    let tail = |q: f64| {
        (((((C[0] * q + C[1]) * q + C[2]) * q + C[3]) * q + C[4]) * q + C[5]) / ((((D[0] * q + D[1]) * q + D[2]) * q + D[3]) * q + 1.0)
    };
    if p < 0.02425 {
        tail((-2.0 * p.ln()).sqrt())
    } else if p > 1.0 - 0.02425 {
        -tail((-2.0 * (1.0 - p).ln()).sqrt())
    } else {
        let q = p - 0.5;
        let r = q * q;
        (((((A[0] * r + A[1]) * r + A[2]) * r + A[3]) * r + A[4]) * r + A[5]) * q
            / (((((B[0] * r + B[1]) * r + B[2]) * r + B[3]) * r + B[4]) * r + 1.0)
    }
}

/// The distribution function of the standard normal (Abramowitz and Stegun 26.2.17; error below 7.5e-8).
pub fn normal_probability(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.2316419 * z.abs());
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let upper = density * t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    if z >= 0.0 { 1.0 - upper } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_vectors() {
        let dice = Dice::new(Seed(7193), "redis-latency", "");
        let drawn: Vec<u64> = (1..=3).map(|n| dice.draw(Purpose::Fire, n, 0)).collect();
        assert_eq!(drawn, GOLDEN, "the dice are part of the format: a change needs a new edition");
    }

    const GOLDEN: [u64; 3] = [1039348111795241152, 14726415345802410483, 4370074336979708842];

    #[test]
    fn shares_are_exact_at_both_ends_and_near_in_between() {
        let dice = Dice::new(Seed(1), "f", "");
        let share = |ppm| (0..100_000).filter(|n| falls_below(dice.draw(Purpose::Fire, *n, 0), ppm)).count();
        assert_eq!(share(0), 0);
        assert_eq!(share(1_000_000), 100_000);
        assert!((9_700..10_300).contains(&share(100_000)), "{}", share(100_000));
    }

    #[test]
    fn two_faults_two_purposes_two_seeds_do_not_follow_each_other() {
        let a = Dice::new(Seed(1), "a", "");
        for (b, purpose) in [
            (Dice::new(Seed(1), "b", ""), Purpose::Fire),
            (Dice::new(Seed(2), "a", ""), Purpose::Fire),
            (Dice::new(Seed(1), "a", "s"), Purpose::Fire),
            (a, Purpose::Jitter),
        ] {
            let both = (0..10_000).filter(|n| a.unit(Purpose::Fire, *n, 0) < 0.5 && b.unit(purpose, *n, 0) < 0.5).count();
            assert!((2_300..2_700).contains(&both), "{both} of 10000 where 2500 were expected");
        }
    }

    #[test]
    fn the_normal_quantile_inverts_the_distribution() {
        for p in [0.001, 0.01, 0.2, 0.5, 0.75, 0.99, 0.999] {
            assert!((normal_probability(normal_quantile(p)) - p).abs() < 1e-6, "{p}");
        }
        assert!((normal_quantile(0.99) - 2.326_347_87).abs() < 1e-6);
    }
}
