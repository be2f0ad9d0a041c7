//! Random streams by name, and the distributions that figures of a scenario may have.
//!
//! A stream's seed is a hash of (run seed, replication, entity, purpose): never the order in which streams were made.
//! So adding a server, a station or a thread changes no other stream, and two variants of a scenario that are compared
//! under one seed meet the same users (common random numbers).

use std::sync::Arc;

use rand_distr::{Distribution as _, Exp1, Gamma, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Stream(Xoshiro256PlusPlus);

/// What a stream is for; part of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// When messages come.
    Arrivals = 1,
    /// What a message needs of the CPU.
    Service = 2,
    /// How large a message is.
    Size = 3,
    /// Delays of the network.
    Latency = 4,
    /// When heartbeats come.
    Heartbeats = 5,
    /// When connections come and go, and where to.
    Connections = 6,
    /// How users are spread over servers at the start.
    Placement = 7,
    /// How long a message waits before it is abandoned.
    Patience = 8,
    /// Which messages miss the cache.
    Cache = 9,
    /// Where messages are sent, one by one.
    Routing = 10,
    /// Which figure an uncertain input has in a world.
    Worlds = 11,
    /// What waking up costs.
    Wakeups = 12,
    /// What heartbeats need of the CPU.
    HeartbeatService = 13,
    /// What connection attempts need of the CPU, and on which core.
    ConnectService = 14,
    /// Which room a message goes to, and how large rooms are.
    Rooms = 15,
    /// Whom a message is for.
    Recipients = 16,
    /// What messages between servers need of a server's CPU.
    Backplane = 17,
    /// What messages need of the broker.
    Broker = 18,
    /// Delays between the service's machines.
    Hops = 19,
    /// Delays of the last way to a user, where it is not the sender.
    Downlink = 20,
    /// Delays from the broker's nodes.
    BrokerHops = 21,
    /// Messages of servers that are not simulated.
    Background = 22,
    /// Which connections are slow, and which messages are for them.
    SlowClients = 23,
    /// Which messages a profile leaves out.
    Profile = 30,
    /// When a message is sent again.
    Retries = 31,
    /// Whose a message of a trace is.
    Trace = 32,
    /// Which servers a fault hits.
    Faults = 40,
    /// When a server's CPU breaks down, and for how long.
    Failures = 41,
    /// Which object a read is for, and what a cache holds at the start.
    Objects = 50,
    /// What queries need of the backend.
    Backend = 51,
    /// Delays on the way to the backend and to a shared cache.
    BackendHops = 52,
    /// How many reads a message makes, and what looking them up takes.
    Reads = 53,
}

/// One step of `SplitMix64` (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): a
/// bijection of 64 bits in which every output bit depends on every input bit.
pub fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A hash of bytes that is the same on every machine and in every version (FNV-1a, 64 bits, then mixed).
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for &byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    mix(hash)
}

impl Stream {
    /// The stream of this name.
    pub fn named(seed: u64, replication: u64, entity: u64, purpose: Purpose) -> Self {
        let name = mix(mix(mix(mix(seed) ^ replication) ^ entity) ^ purpose as u64);
        Self(Xoshiro256PlusPlus::seed_from_u64(name))
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in (0, 1), both ends excluded.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Exponential with mean 1 (ziggurat).
    #[inline]
    pub fn exp1(&mut self) -> f64 {
        Exp1.sample(&mut self.0)
    }

    /// Uniform in 0..n (Lemire's multiplication; its bias, at most n/2⁶⁴, is far below any sampling error here).
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// Binomial: successes in `n` trials of probability `p`.
    ///
    /// # Panics
    /// When `p` is not a probability: a bug of ours.
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        rand_distr::Binomial::new(n, p).expect("a probability").sample(&mut self.0)
    }

    /// Poisson with this mean (0 for 0).
    ///
    /// # Panics
    /// When the mean is not finite or too large for the sampler: a bug of ours.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean <= 0.0 {
            return 0;
        }
        let draw: f64 = rand_distr::Poisson::new(mean).expect("a finite mean").sample(&mut self.0);
        draw as u64
    }

    /// Normal with mean 0 and variance 1.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.0)
    }

    /// 1, 2, 3, … with this mean: the number of trials until the first success of probability 1/mean.
    pub fn geometric(&mut self, mean: f64) -> u64 {
        if mean <= 1.0 {
            return 1;
        }
        // Inversion: P(X > k) = (1 − 1/mean)^k.
        1 + (self.unit().ln() / (1.0 - 1.0 / mean).ln()) as u64
    }
}

/// Ranks 1 to n, each in proportion to 1/rank^s.
#[derive(Debug, Clone)]
pub struct Zipf(rand_distr::Zipf<f64>);

impl Zipf {
    /// n ranks (at least one) and the exponent s.
    ///
    /// # Panics
    /// When n is less than 1 or s is negative: a bug of ours.
    pub fn new(n: f64, s: f64) -> Self {
        Self(rand_distr::Zipf::new(n, s).expect("ranks and an exponent"))
    }

    /// Draws a rank.
    pub fn sample(&self, stream: &mut Stream) -> u64 {
        self.0.sample(&mut stream.0) as u64
    }
}

/// A non-negative random figure, in the base unit of whatever it is a figure of.
#[derive(Debug, Clone, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Constant(f64),
    /// Exponential.
    Exponential {
        /// Its mean.
        mean: f64,
    },
    /// Lognormal: exp of a normal with these two.
    LogNormal {
        /// Mean of the logarithm.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Gamma (an Erlang, where the shape is whole).
    Gamma {
        /// Shape k = 1/cv².
        shape: f64,
        /// Scale θ = mean/k.
        scale: f64,
    },
    /// Uniform.
    Uniform {
        /// Smallest.
        low: f64,
        /// Largest.
        high: f64,
    },
    /// A mixture of exponentials.
    Hyperexponential {
        /// (probability, mean) of each; the probabilities add up to 1.
        branches: Arc<[(f64, f64)]>,
    },
    /// Any of these, each equally likely.
    Empirical {
        /// The values observed.
        values: Arc<[f64]>,
    },
}

/// Why figures do not make a distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DistributionError {
    /// A mean of zero (or less, or none).
    #[error("its mean must be more than zero")]
    Mean,
    /// A coefficient of variation out of range.
    #[error("its coefficient of variation (cv) must be more than 0 and at most 100")]
    Variation,
    /// An Erlang of no or too many phases.
    #[error("k must be a whole number from 1 to 1,000")]
    Phases,
    /// An interval the wrong way round.
    #[error("low must be less than high")]
    Order,
    /// Probabilities that are none.
    #[error("probabilities must lie between 0 and 1 and add up to 1")]
    Probabilities,
    /// As many means as probabilities, and at least one.
    #[error("there must be as many means as probabilities, and at least one")]
    Branches,
    /// Nothing to draw from.
    #[error("there must be at least one value, and all of them finite and not negative")]
    Values,
}

impl Distribution {
    /// Always zero.
    pub const ZERO: Self = Self::Constant(0.0);

    /// Exponential with this mean.
    ///
    /// # Errors
    /// When the mean is not positive and finite.
    pub fn exponential(mean: f64) -> Result<Self, DistributionError> {
        positive(mean)?;
        Ok(Self::Exponential { mean })
    }

    /// Lognormal with this mean and coefficient of variation: σ² = ln(1 + cv²), μ = ln(mean) − σ²/2.
    ///
    /// # Errors
    /// When the mean or the cv is out of range.
    pub fn lognormal(mean: f64, cv: f64) -> Result<Self, DistributionError> {
        positive(mean)?;
        variation(cv)?;
        let variance = (cv * cv).ln_1p();
        Ok(Self::LogNormal { mu: mean.ln() - variance / 2.0, sigma: variance.sqrt() })
    }

    /// Gamma with this mean and coefficient of variation: k = 1/cv², θ = mean/k.
    ///
    /// # Errors
    /// When the mean or the cv is out of range.
    pub fn gamma(mean: f64, cv: f64) -> Result<Self, DistributionError> {
        positive(mean)?;
        variation(cv)?;
        Ok(Self::Gamma { shape: 1.0 / (cv * cv), scale: mean * cv * cv })
    }

    /// Erlang: the sum of k exponentials, with this mean.
    ///
    /// # Errors
    /// When the mean or k is out of range.
    pub fn erlang(mean: f64, k: u64) -> Result<Self, DistributionError> {
        positive(mean)?;
        if !(1..=1_000).contains(&k) {
            return Err(DistributionError::Phases);
        }
        Ok(Self::Gamma { shape: k as f64, scale: mean / k as f64 })
    }

    /// Uniform from low to high.
    ///
    /// # Errors
    /// When low is not less than high.
    pub fn uniform(low: f64, high: f64) -> Result<Self, DistributionError> {
        if !(low >= 0.0 && low < high && high.is_finite()) {
            return Err(DistributionError::Order);
        }
        Ok(Self::Uniform { low, high })
    }

    /// A mixture of exponentials.
    ///
    /// # Errors
    /// When probabilities and means are not of equal number, or one of them is out of range.
    pub fn hyperexponential(probabilities: &[f64], means: &[f64]) -> Result<Self, DistributionError> {
        if probabilities.is_empty() || probabilities.len() != means.len() {
            return Err(DistributionError::Branches);
        }
        let total: f64 = probabilities.iter().sum();
        if probabilities.iter().any(|p| !(0.0..=1.0).contains(p)) || (total - 1.0).abs() > 1e-9 {
            return Err(DistributionError::Probabilities);
        }
        for &mean in means {
            positive(mean)?;
        }
        Ok(Self::Hyperexponential { branches: probabilities.iter().copied().zip(means.iter().copied()).collect() })
    }

    /// Values as observed, each equally likely.
    ///
    /// # Errors
    /// When there are none, or one is negative or not finite.
    pub fn empirical(values: Vec<f64>) -> Result<Self, DistributionError> {
        if values.is_empty() || values.iter().any(|v| !v.is_finite() || *v < 0.0) {
            return Err(DistributionError::Values);
        }
        Ok(Self::Empirical { values: values.into() })
    }

    /// The figure itself, where it is always the same.
    pub fn constant(&self) -> Option<f64> {
        match self {
            Self::Constant(value) => Some(*value),
            _ => None,
        }
    }

    /// The largest value there is; `None` where there is none.
    pub fn upper_end(&self) -> Option<f64> {
        match self {
            Self::Constant(value) => Some(*value),
            Self::Uniform { high, .. } => Some(*high),
            Self::Empirical { values } => values.iter().copied().reduce(f64::max),
            Self::Exponential { .. } | Self::LogNormal { .. } | Self::Gamma { .. } | Self::Hyperexponential { .. } => {
                None
            }
        }
    }

    /// The same, each value times this factor, which must be positive.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(value * factor),
            Self::Exponential { mean } => Self::Exponential { mean: mean * factor },
            Self::LogNormal { mu, sigma } => Self::LogNormal { mu: mu + factor.ln(), sigma: *sigma },
            Self::Gamma { shape, scale } => Self::Gamma { shape: *shape, scale: scale * factor },
            Self::Uniform { low, high } => Self::Uniform { low: low * factor, high: high * factor },
            Self::Hyperexponential { branches } => {
                Self::Hyperexponential { branches: branches.iter().map(|(p, mean)| (*p, mean * factor)).collect() }
            }
            Self::Empirical { values } => Self::Empirical { values: values.iter().map(|v| v * factor).collect() },
        }
    }

    /// E\[X\].
    pub fn mean(&self) -> f64 {
        self.moment(1)
    }

    /// E\[Xⁿ\] for n = 1, 2, 3.
    pub fn moment(&self, n: i32) -> f64 {
        let order = f64::from(n);
        match self {
            Self::Constant(value) => value.powi(n),
            Self::Exponential { mean } => factorial(n) * mean.powi(n),
            Self::LogNormal { mu, sigma } => (order * mu + order * order * sigma * sigma / 2.0).exp(),
            Self::Gamma { shape, scale } => (0..n).map(|i| (shape + f64::from(i)) * scale).product(),
            Self::Uniform { low, high } => (high.powi(n + 1) - low.powi(n + 1)) / ((order + 1.0) * (high - low)),
            Self::Hyperexponential { branches } => {
                branches.iter().map(|(p, mean)| p * factorial(n) * mean.powi(n)).sum()
            }
            Self::Empirical { values } => values.iter().map(|v| v.powi(n)).sum::<f64>() / values.len() as f64,
        }
    }

    /// E\[e^(−sX)\], the Laplace transform of its density, for s ≥ 0. That of a lognormal has no closed form: a sum over
    /// the normal behind it (the trapezoidal rule, which for such a function is exact to many digits).
    pub fn laplace(&self, s: f64) -> f64 {
        const STEPS: i32 = 320;
        const STEP: f64 = 0.05;
        match self {
            _ if s == 0.0 => 1.0,
            Self::Constant(value) => (-s * value).exp(),
            Self::Exponential { mean } => 1.0 / (1.0 + s * mean),
            Self::LogNormal { mu, sigma } => {
                let at = |step: i32| {
                    let z = f64::from(step - STEPS / 2) * STEP;
                    (-z * z / 2.0 - s * (mu + sigma * z).exp()).exp()
                };
                (0..=STEPS).map(at).sum::<f64>() * STEP / std::f64::consts::TAU.sqrt()
            }
            Self::Gamma { shape, scale } => (1.0 + s * scale).powf(-shape),
            Self::Uniform { low, high } => (-s * low).exp() * -(-s * (high - low)).exp_m1() / (s * (high - low)),
            Self::Hyperexponential { branches } => branches.iter().map(|(p, mean)| p / (1.0 + s * mean)).sum(),
            Self::Empirical { values } => values.iter().map(|v| (-s * v).exp()).sum::<f64>() / values.len() as f64,
        }
    }

    /// The least it can be.
    pub fn least(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { low, .. } => *low,
            Self::Empirical { values } => values.iter().copied().fold(f64::INFINITY, f64::min),
            _ => 0.0,
        }
    }

    /// E\[X²\] − E\[X\]².
    pub fn variance(&self) -> f64 {
        match self {
            Self::Constant(_) => 0.0,
            _ => (self.moment(2) - self.mean().powi(2)).max(0.0),
        }
    }

    /// Draws one.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Exponential { mean } => mean * stream.exp1(),
            other => other.sample_rarer(stream),
        }
    }

    #[inline(never)]
    fn sample_rarer(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Exponential { mean } => mean * stream.exp1(),
            Self::LogNormal { mu, sigma } => {
                let normal: f64 = StandardNormal.sample(&mut stream.0);
                (mu + sigma * normal).exp()
            }
            Self::Gamma { shape, scale } => Gamma::new(*shape, *scale).map_or(0.0, |gamma| gamma.sample(&mut stream.0)),
            Self::Uniform { low, high } => low + (high - low) * stream.unit(),
            Self::Hyperexponential { branches } => {
                let mean = pick(branches, stream.unit(), |&(p, _)| p).1;
                mean * stream.exp1()
            }
            Self::Empirical { values } => values[stream.below(values.len() as u64) as usize],
        }
    }

    /// Draws what is left of one that is looked at at a random moment: the equilibrium distribution, with density
    /// P(X > x)/E\[X\] (renewal theory: Cox 1962). It is a uniform share of a length-biased draw.
    pub fn sample_residual(&self, stream: &mut Stream) -> f64 {
        stream.unit() * self.sample_length_biased(stream)
    }

    /// Draws how long ago one began that is looked at at a random moment, and what is left of it; alike, and the two of
    /// one draw.
    pub fn sample_age_and_rest(&self, stream: &mut Stream) -> (f64, f64) {
        let length = self.sample_length_biased(stream);
        let age = stream.unit() * length;
        (age, length - age)
    }

    /// Draws with density x·f(x)/E\[X\]: as a random moment meets it.
    fn sample_length_biased(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Constant(value) => *value,
            // x·e^(−x/m) is an Erlang of two phases.
            Self::Exponential { mean } => mean * (stream.exp1() + stream.exp1()),
            Self::LogNormal { mu, sigma } => Self::LogNormal { mu: mu + sigma * sigma, sigma: *sigma }.sample(stream),
            Self::Gamma { shape, scale } => Self::Gamma { shape: shape + 1.0, scale: *scale }.sample(stream),
            Self::Uniform { low, high } => (low * low + stream.unit() * (high * high - low * low)).sqrt(),
            Self::Hyperexponential { branches } => {
                let total = self.mean();
                let mean = pick(branches, stream.unit(), |&(p, mean)| p * mean / total).1;
                mean * (stream.exp1() + stream.exp1())
            }
            Self::Empirical { values } => {
                let total: f64 = values.iter().sum();
                *pick(values, stream.unit(), |value| value / total)
            }
        }
    }
}

/// The item on whose share of (0, 1) the draw falls; the last one, where rounding leaves a gap at the end.
fn pick<T>(items: &[T], draw: f64, share: impl Fn(&T) -> f64) -> &T {
    let mut sum = 0.0;
    for item in items {
        sum += share(item);
        if draw < sum {
            return item;
        }
    }
    &items[items.len() - 1]
}

fn factorial(n: i32) -> f64 {
    (1..=n).map(f64::from).product()
}

fn positive(mean: f64) -> Result<(), DistributionError> {
    if mean > 0.0 && mean.is_finite() { Ok(()) } else { Err(DistributionError::Mean) }
}

fn variation(cv: f64) -> Result<(), DistributionError> {
    if cv > 0.0 && cv <= 100.0 { Ok(()) } else { Err(DistributionError::Variation) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Distribution> {
        vec![
            Distribution::Constant(2.0),
            Distribution::exponential(3.0).unwrap(),
            Distribution::lognormal(2.0, 1.5).unwrap(),
            Distribution::gamma(2.0, 2.0).unwrap(),
            Distribution::erlang(5.0, 3).unwrap(),
            Distribution::uniform(1.0, 4.0).unwrap(),
            Distribution::hyperexponential(&[0.3, 0.7], &[5.0, 1.0]).unwrap(),
            Distribution::empirical(vec![1.0, 2.0, 6.0]).unwrap(),
        ]
    }

    /// Sample means of draws and residuals against E[X] and E[X²]/(2E[X]), within five standard errors.
    #[test]
    fn samples_have_the_moments_they_should() {
        let n = 200_000;
        for distribution in all() {
            let mut stream = Stream::named(7, 0, 0, Purpose::Service);
            let check = |draw: &mut dyn FnMut() -> f64, expected: f64| {
                let (mut sum, mut squares) = (0.0, 0.0);
                for _ in 0..n {
                    let x = draw();
                    sum += x;
                    squares += x * x;
                }
                let mean = sum / f64::from(n);
                let error = ((squares / f64::from(n) - mean * mean) / f64::from(n)).max(0.0).sqrt();
                assert!((mean - expected).abs() <= 5.0 * error + 1e-9, "{distribution:?}: {mean}, not {expected}");
            };
            check(&mut || distribution.sample(&mut stream), distribution.mean());
            let residual = distribution.moment(2) / (2.0 * distribution.mean());
            check(&mut || distribution.sample_residual(&mut stream), residual);
        }
    }

    /// Its slope at nothing is the mean, and elsewhere it is what draws say, within five standard errors.
    #[test]
    fn the_laplace_transform_is_that_of_the_draws() {
        let n = 100_000;
        for distribution in all() {
            let slope = (1.0 - distribution.laplace(1e-6)) / 1e-6;
            assert!((slope / distribution.mean() - 1.0).abs() < 1e-4, "{distribution:?}: {slope}");
            for s in [0.1, 1.0, 3.0] {
                let mut stream = Stream::named(11, 0, 0, Purpose::Service);
                let draws: Vec<f64> = (0..n).map(|_| (-s * distribution.sample(&mut stream)).exp()).collect();
                let mean = draws.iter().sum::<f64>() / f64::from(n);
                let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / f64::from(n);
                let (error, found) = ((variance / f64::from(n)).sqrt(), distribution.laplace(s));
                assert!((found - mean).abs() <= 5.0 * error + 1e-9, "{distribution:?} at {s}: {found}, not {mean}");
            }
        }
    }

    #[test]
    fn scaled_values_have_scaled_moments() {
        for distribution in all() {
            let scaled = distribution.scaled(0.6);
            for n in 1..=3 {
                let right = distribution.moment(n) * 0.6_f64.powi(n);
                assert!((scaled.moment(n) - right).abs() <= 1e-12 * right, "{distribution:?}");
            }
            let ends = (distribution.upper_end(), scaled.upper_end());
            assert!(matches!(ends, (None, None)) || ends.1 == ends.0.map(|end| end * 0.6), "{ends:?}");
        }
    }

    #[test]
    fn mean_and_cv_are_those_asked_for() {
        for cv in [0.5, 1.0, 2.0] {
            for d in [Distribution::lognormal(4.0, cv).unwrap(), Distribution::gamma(4.0, cv).unwrap()] {
                assert!((d.mean() - 4.0).abs() < 1e-9 && (d.variance().sqrt() / 4.0 - cv).abs() < 1e-9, "{d:?}");
            }
        }
    }

    #[test]
    fn geometric_has_its_mean() {
        let mut stream = Stream::named(1, 0, 0, Purpose::Arrivals);
        let sum: u64 = (0..200_000).map(|_| stream.geometric(2.5)).sum();
        assert!((sum as f64 / 200_000.0 - 2.5).abs() < 0.03);
    }

    #[test]
    fn names_not_order_make_streams() {
        let first = Stream::named(1, 2, 3, Purpose::Size).bits();
        Stream::named(1, 2, 4, Purpose::Size).bits();
        assert_eq!(first, Stream::named(1, 2, 3, Purpose::Size).bits());
        assert_ne!(first, Stream::named(1, 3, 2, Purpose::Size).bits());
    }
}
