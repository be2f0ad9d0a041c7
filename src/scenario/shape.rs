//! The distributions that a figure may have, as they are written: `{lognormal: {mean: 20 ms, cv: 0.5}}`.

use crate::random::{Distribution, DistributionError};

/// A kind of distribution, without its figures; those come in the order of [`Shape::figures`].
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Constant,
    Exponential,
    LogNormal,
    Gamma,
    Erlang(u64),
    Uniform,
    Hyperexponential(Vec<f64>),
}

/// The names of the distributions, and how each is written.
pub(super) const SHAPES: [(&str, &str); 7] = [
    ("exponential", "{exponential: MEAN}"),
    ("lognormal", "{lognormal: {mean: MEAN, cv: 0.5}}"),
    ("gamma", "{gamma: {mean: MEAN, cv: 0.5}}"),
    ("erlang", "{erlang: {mean: MEAN, k: 2}}"),
    ("uniform", "{uniform: {low: LOW, high: HIGH}}"),
    ("hyperexponential", "{hyperexponential: {probabilities: [0.9, 0.1], means: [MEAN, MEAN]}}"),
    ("empirical", "{empirical: file.csv}"),
];

impl Shape {
    /// The distribution with these figures.
    pub fn build(&self, figures: &[f64]) -> Result<Distribution, DistributionError> {
        match (self, figures) {
            (Self::Constant, [value]) => Ok(Distribution::Constant(*value)),
            (Self::Exponential, [mean]) => Distribution::exponential(*mean),
            (Self::LogNormal, [mean, cv]) => Distribution::lognormal(*mean, *cv),
            (Self::Gamma, [mean, cv]) => Distribution::gamma(*mean, *cv),
            (Self::Erlang(k), [mean]) => Distribution::erlang(*mean, *k),
            (Self::Uniform, [low, high]) => Distribution::uniform(*low, *high),
            (Self::Hyperexponential(probabilities), means) => Distribution::hyperexponential(probabilities, means),
            _ => Err(DistributionError::Branches),
        }
    }

    /// The same for figures drawn one by one, which was possible with their medians. Only the ends of a uniform can
    /// meet so that it no longer is; they then change places.
    pub fn build_world(&self, figures: &[f64]) -> Distribution {
        let built = match (self, figures) {
            (Self::Uniform, [low, high]) => Distribution::uniform(low.min(*high), low.max(*high)),
            _ => self.build(figures),
        };
        built.unwrap_or_else(|_| Distribution::Constant(figures.first().copied().unwrap_or(0.0)))
    }
}
