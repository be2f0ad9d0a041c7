//! Which uncertain input moves what: each input alone goes through its distribution while the others stay at their median,
//! and the variances that gives an output are compared.
//!
//! Servers, users, mean latency and price are the closed form's ([`closed`]); the tail of latency takes simulation
//! ([`simulated`]).
//!
//! An input's share is its variance over the sum of all inputs' (first-order, one at a time: A. Saltelli et al., Global
//! Sensitivity Analysis, 2008, chapter 1). What two inputs do only together is in no share.

pub mod simulated;

use super::price::Pricing;
use crate::diagnostic::Diagnostics;
use crate::model::latency::latency;
use crate::model::{Fleet, Model};
use crate::scenario::{Document, UncertainInput};
pub use simulated::Tail;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Servers required.
    Servers,
    /// Users at which the first resource reaches what is planned for, on the servers of the median world.
    Users,
    /// Mean latency of the closed form, on those servers.
    Latency,
    /// What the servers required cost on the cheapest machine.
    Price,
}

/// The outputs of one world; `None` where there is none (a queue without end, nothing that gives way).
#[derive(Debug, Clone, Copy)]
pub struct Outputs {
    /// Servers required.
    pub servers: f64,
    /// Users at which the first resource reaches what is planned for.
    pub users: Option<f64>,
    /// Mean latency.
    pub latency: Option<f64>,
    /// What the servers required cost an hour.
    pub price: Option<f64>,
}

/// What one input does to one output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// The share of the output's variation; `None` where it does not vary, or does not exist in some world.
    pub share: Option<f64>,
    /// The output with the input at its 5th percentile.
    pub at_low: Option<f64>,
    /// The output with the input at its 95th percentile.
    pub at_high: Option<f64>,
}

/// What one input does.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity {
    /// The input's path.
    pub path: String,
    /// To the servers required.
    pub servers: Effect,
    /// To the users that are carried.
    pub users: Effect,
    /// To mean latency.
    pub latency: Effect,
    /// To the price; nothing where there are no prices.
    pub price: Option<Effect>,
    /// To the 99th percentile of latency, where that was simulated.
    pub tail: Option<Tail>,
}

impl Outputs {
    /// One of them.
    pub const fn get(&self, output: Output) -> Option<f64> {
        match output {
            Output::Servers => Some(self.servers),
            Output::Users => self.users,
            Output::Latency => self.latency,
            Output::Price => self.price,
        }
    }
}

/// The quantiles that an input goes through: the middles of ten equal parts, of which the first and the last are the 5th
/// and the 95th percentile.
pub const QUANTILES: [f64; 10] = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95];

impl Sensitivity {
    /// Of inputs by path, each with the outputs at [`QUANTILES`] of it alone; the weightiest first.
    pub fn of(inputs: &[(String, [Outputs; 10])]) -> Vec<Self> {
        let effects = |output: Output| -> Vec<Effect> {
            let variances: Vec<Option<f64>> = inputs.iter().map(|(_, at)| variance(at, output)).collect();
            let sum: Option<f64> = variances.iter().copied().sum();
            let share = |variance: Option<f64>| Some(variance? / sum.filter(|sum| *sum > 0.0)?);
            let effect = |(at, variance): (&[Outputs; 10], Option<f64>)| Effect {
                share: share(variance),
                at_low: at[0].get(output),
                at_high: at[9].get(output),
            };
            inputs.iter().map(|(_, at)| at).zip(variances).map(effect).collect()
        };
        let [servers, users, latency, price] =
            [Output::Servers, Output::Users, Output::Latency, Output::Price].map(effects);
        let mut all: Vec<Self> = inputs
            .iter()
            .enumerate()
            .map(|(i, (path, _))| Self {
                path: path.clone(),
                servers: servers[i],
                users: users[i],
                latency: latency[i],
                price: Some(price[i]).filter(|effect| effect.at_low.is_some()),
                tail: None,
            })
            .collect();
        // What is the same to a percent is told apart by the next output.
        let weight = |one: &Self| {
            let share = |effect: Effect| (effect.share.unwrap_or(0.0) * 100.0).round() as i64;
            (share(one.servers), one.price.map_or(0, share), share(one.users), share(one.latency))
        };
        all.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.path.cmp(&b.path)));
        all
    }
}

/// What the closed form says that each uncertain input moves, on this fleet; `raise` is how many times the closed form's
/// servers simulation took.
///
/// # Errors
/// Where a figure far out contradicts another.
pub fn closed(
    document: &Document,
    fleet: Fleet,
    raise: f64,
    pricing: Option<&Pricing>,
) -> Result<Vec<Sensitivity>, Diagnostics> {
    let mut inputs: Vec<UncertainInput> = document.uncertain();
    for input in pricing.map(Pricing::uncertain).unwrap_or_default() {
        if inputs.iter().all(|known| known.path != input.path) {
            inputs.push(input);
        }
    }
    let outputs = |quantile: &dyn Fn(&str) -> f64| -> Result<Outputs, Diagnostics> {
        let scenario = document.resolve_world(quantile)?;
        let model = Model::on(&scenario, fleet);
        Ok(Outputs {
            servers: raised(model.required.fleet.servers, raise),
            users: model.resources.iter().filter_map(|resource| resource.users_at_target).reduce(f64::min),
            latency: latency(&scenario, &model).mean_seconds,
            price: pricing.map(|pricing| pricing.cheapest(quantile)).transpose()?.flatten().map(|(price, _)| price),
        })
    };
    let median = outputs(&|_| 0.5)?;
    let mut all = Vec::new();
    for input in inputs {
        let mut at = [median; 10];
        for (at, q) in at.iter_mut().zip(QUANTILES) {
            *at = outputs(&|path| if path == input.path { q } else { 0.5 })?;
        }
        all.push((input.path, at));
    }
    Ok(Sensitivity::of(&all))
}

/// The closed form's number of servers, times what simulation added.
pub(super) fn raised(servers: u64, raise: f64) -> f64 {
    (servers as f64 * raise - 1e-9).ceil()
}

/// The variance of an output; `None` where it does not exist at some quantile.
fn variance(at: &[Outputs; 10], output: Output) -> Option<f64> {
    let figures: Vec<f64> = at.iter().map(|outputs| outputs.get(output)).collect::<Option<_>>()?;
    let mean = figures.iter().sum::<f64>() / figures.len() as f64;
    Some(figures.iter().map(|figure| (figure - mean).powi(2)).sum::<f64>() / figures.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs that rise by so much with each quantile have variances in the ratio of the squares.
    #[test]
    fn shares_are_those_of_variance() {
        let rising = |servers: f64, latency: Option<f64>| {
            let at =
                |q: f64| Outputs { servers: servers * q, users: None, latency: latency.map(|by| by * q), price: None };
            QUANTILES.map(at)
        };
        let inputs = [("a".to_owned(), rising(1.0, Some(5.0))), ("b".to_owned(), rising(3.0, Some(0.0)))];
        let found = Sensitivity::of(&inputs);
        assert_eq!(found[0].path, "b");
        let share = |i: usize| (found[i].servers.share.unwrap_or(-1.0), found[i].latency.share.unwrap_or(-1.0));
        assert!((share(0).0 - 0.9).abs() < 1e-12 && (share(1).0 - 0.1).abs() < 1e-12);
        assert_eq!((share(0).1, share(1).1), (0.0, 1.0));
        assert_eq!((found[0].users.share, found[1].servers.at_high), (None, Some(0.95)));
    }
}
