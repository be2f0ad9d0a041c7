//! The machines of a catalogue: which of them do the job for the least money, and why the others don't.

use super::search::{Efforts, Found, Search};
use super::{PlanError, Worlds, sizing};
use super::{Sizing, unmet};
use crate::scenario::{Catalogue, Document, Machine};
use crate::simulation::Watch;
use crate::stats::Estimate;

/// Plans that are worked out in full, the cheapest.
const KEPT: usize = 3;

/// A machine that does the job.
#[derive(Debug)]
pub struct Offer {
    /// Which.
    pub machine: Machine,
    /// How many of it.
    pub sizing: Sizing,
    /// What the closed form asked for.
    pub closed_form: u64,
    /// What all of them cost an hour, spare ones too; of an uncertain price at its median.
    pub price_per_hour: f64,
    /// The same with the interval of the price.
    pub price: Estimate,
}

/// Why a machine is not chosen.
#[derive(Debug)]
pub enum Why {
    /// So many at least would be needed, by the closed form, and they cost more than the dearest plan kept.
    Dearer {
        /// Servers, spare ones included.
        servers: u64,
        /// What they cost an hour.
        price_per_hour: f64,
        /// What asks for so many.
        bottleneck: &'static str,
    },
    /// No number of them keeps the SLO.
    NoNumber {
        /// The most that were tried.
        tried: u64,
        /// What stands in the way.
        limited_by: &'static str,
    },
    /// The scenario can't be on it.
    Impossible(String),
}

/// What the catalogue has to offer.
#[derive(Debug, Default)]
pub struct Market {
    pub offers: Vec<Offer>,
    pub rejected: Vec<(Machine, Why)>,
}

/// A machine before it is simulated: what the closed form asks for is the least it can cost.
struct Candidate<'a> {
    machine: &'a Machine,
    search: Search<'a>,
    least: u64,
    /// Servers at least, spare ones included.
    servers: u64,
    price: f64,
    bottleneck: &'static str,
}

/// Tries machines in the order of the least they can cost, until no other can be among the cheapest.
pub fn market(open: &Document, catalogue: &Catalogue, watch: &dyn Watch) -> Result<Market, PlanError> {
    let mut market = Market::default();
    let mut candidates: Vec<Candidate<'_>> = Vec::new();
    for machine in &catalogue.machines {
        // What is wrong with the scenario itself was said before.
        let scenario = match machine.applied(open).and_then(|document| document.resolve()) {
            Ok(scenario) => scenario,
            Err(errors) => {
                let first = errors.iter().next().map_or_else(String::new, |error| error.message().to_owned());
                market.rejected.push((machine.clone(), Why::Impossible(first)));
                continue;
            }
        };
        let efforts = Efforts::of(&scenario);
        let search = Search::new(scenario, efforts, watch);
        let least = search.least();
        let sized = sizing(&search, least, &Worlds::Replications);
        let servers = least + sized.spare;
        let price = servers as f64 * machine.price_per_hour;
        candidates.push(Candidate { machine, search, least, servers, price, bottleneck: asks(&sized) });
    }
    candidates.sort_by(|a, b| a.price.total_cmp(&b.price));
    for mut candidate in candidates {
        let machine = candidate.machine;
        let dearest = market.offers.get(KEPT - 1).map_or(f64::INFINITY, |offer| offer.price_per_hour);
        if candidate.price >= dearest {
            let Candidate { servers, price: price_per_hour, bottleneck, .. } = candidate;
            market.rejected.push((machine.clone(), Why::Dearer { servers, price_per_hour, bottleneck }));
            continue;
        }
        match candidate.search.fewest(true)? {
            Found::NoNumber(tried) => {
                let limited_by = unmet(&candidate.search, tried).trial.limited_by;
                market.rejected.push((machine.clone(), Why::NoNumber { tried, limited_by }));
            }
            Found::Servers(edge) => {
                let sizing = sizing(&candidate.search, edge, &Worlds::Replications);
                let all = (edge + sizing.spare) as f64;
                let price_per_hour = all * machine.price_per_hour;
                let price = machine.uncertain_price.as_ref().map_or(Estimate::exact(price_per_hour), |price| {
                    Estimate { value: price_per_hour, low: all * price.low, high: all * price.high }
                });
                market.offers.push(Offer {
                    machine: machine.clone(),
                    sizing,
                    closed_form: candidate.least,
                    price_per_hour,
                    price,
                });
                market.offers.sort_by(|a, b| a.price_per_hour.total_cmp(&b.price_per_hour));
            }
        }
    }
    for offer in market.offers.split_off(KEPT.min(market.offers.len())) {
        let why = Why::Dearer {
            servers: offer.sizing.fleet.servers + offer.sizing.spare,
            price_per_hour: offer.price_per_hour,
            bottleneck: offer.sizing.bottleneck,
        };
        market.rejected.push((offer.machine, why));
    }
    Ok(market)
}

/// What asks for so many servers.
fn asks(sizing: &Sizing) -> &'static str {
    sizing.edge.iter().find_map(|edge| edge.limited_by).unwrap_or(sizing.bottleneck)
}
