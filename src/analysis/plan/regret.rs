//! The plan that is regretted least when one of many worlds turns out to be the true one.
//!
//! In a world that needs n servers of a machine, having bought m of it costs, compared with the cheapest plan that would
//! have done there: what m cost more, and where m < n besides [`SHORTAGE`] times the price of those missing. The plan with
//! the smallest mean over all worlds is chosen. For one machine this is the newsvendor's problem (Arrow, Harris and
//! Marschak 1951): the best m is the quantile at `SHORTAGE`/(`SHORTAGE` + 1) of what the worlds need, here 95 %.
//!
//! What a world needs of a machine is the closed form's number, raised by what simulation added in the world of the medians.

use super::PlanError;
use super::machines::Offer;
use super::search::{Efforts, Search};
use crate::analysis::assessment::{Hypercube, worlds};
use crate::analysis::sensitivity::raised;
use crate::scenario::Document;
use crate::simulation::Unwatched;

/// What a server that is missing costs, in servers too many.
pub const SHORTAGE: f64 = 19.0;
/// Worlds; the closed form takes microseconds for each.
const WORLDS: usize = 200;

/// The plan that is regretted least.
#[derive(Debug, Clone, PartialEq)]
pub struct LeastRegret {
    /// Its machine.
    pub machine: String,
    /// Servers, without spare ones.
    pub servers: u64,
    /// Servers on top.
    pub spare: u64,
    /// What they cost an hour.
    pub price_per_hour: f64,
    /// Mean regret over the worlds, an hour.
    pub regret_per_hour: f64,
    /// Share of the worlds that they suffice for.
    pub share_met: f64,
    /// How many worlds.
    pub worlds: usize,
}

/// The least regretted of all numbers of the machines on offer.
pub fn least(open: &Document, offers: &[Offer]) -> Result<Option<LeastRegret>, PlanError> {
    let seed = open.resolve()?.simulation.seed;
    let uncertain = offers.iter().filter_map(|offer| offer.machine.uncertain_price.as_ref());
    let drawn = Hypercube::new(seed, WORLDS, uncertain.map(|input| input.path.as_str()));
    let mut needs: Vec<Vec<u64>> = Vec::new();
    let mut prices: Vec<Vec<f64>> = Vec::new();
    for offer in offers {
        let document = offer.machine.applied(open)?;
        let more = offer.sizing.fleet.servers as f64 / offer.closed_form.max(1) as f64;
        let mut of_machine: Vec<u64> = worlds(&document, seed, WORLDS)?
            .into_iter()
            .map(|scenario| {
                let efforts = Efforts::of(&scenario);
                raised(Search::new(scenario, efforts, &Unwatched).least(), more) as u64
            })
            .collect();
        if of_machine.is_empty() {
            // Only prices are uncertain.
            of_machine = vec![offer.sizing.fleet.servers; WORLDS];
        }
        needs.push(of_machine);
        prices.push((0..WORLDS).map(|world| offer.machine.price_in(&|path| drawn.quantile(path, world))).collect());
    }
    let Some((which, servers, regret_per_hour)) = best(&needs, &prices) else { return Ok(None) };
    let offer = &offers[which];
    let spare = offer.sizing.spare;
    Ok(Some(LeastRegret {
        machine: offer.machine.name.clone(),
        servers,
        spare,
        price_per_hour: (servers + spare) as f64 * offer.machine.price_per_hour,
        regret_per_hour,
        share_met: needs[which].iter().filter(|need| **need <= servers).count() as f64 / WORLDS as f64,
        worlds: WORLDS,
    }))
}

/// The machine and its number with the smallest mean regret, from the needs and the price of each machine in each world.
fn best(needs: &[Vec<u64>], prices: &[Vec<f64>]) -> Option<(usize, u64, f64)> {
    let worlds = needs.first()?.len();
    let cheapest: Vec<f64> = (0..worlds)
        .map(|world| {
            needs.iter().zip(prices).map(|(n, price)| n[world] as f64 * price[world]).fold(f64::INFINITY, f64::min)
        })
        .collect();
    let mut options: Vec<(usize, u64, f64)> = Vec::new();
    for (which, (of_machine, prices)) in needs.iter().zip(prices).enumerate() {
        let mut counts = of_machine.clone();
        counts.sort_unstable();
        counts.dedup();
        for count in counts {
            let regrets = of_machine.iter().zip(prices).zip(&cheapest).map(|((need, price), cheapest)| {
                let missing = need.saturating_sub(count) as f64;
                (count as f64 + missing) * price - cheapest + SHORTAGE * missing * price
            });
            options.push((which, count, regrets.sum::<f64>() / worlds as f64));
        }
    }
    options.into_iter().min_by(|a, b| a.2.total_cmp(&b.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_machine_it_is_the_newsvendors_quantile() {
        let needs: Vec<u64> = (1..=100).collect();
        let (which, servers, regret) = best(&[needs], &[vec![2.0; 100]]).unwrap();
        assert_eq!((which, servers), (0, 95));
        // Σ over 95 worlds of (95 − n), and 20 − 1 times those missing in five, at 2 each.
        let by_hand = (94.0 * 95.0 / 2.0 + 19.0 * 15.0) * 2.0 / 100.0;
        assert!((regret - by_hand).abs() < 1e-9, "{regret} {by_hand}");
    }

    #[test]
    fn a_machine_that_fits_all_worlds_beats_a_cheaper_one_that_does_not() {
        // The first is cheaper in nine worlds of ten, and far too small in the tenth.
        let small = vec![1, 1, 1, 1, 1, 1, 1, 1, 1, 9];
        let large = vec![1; 10];
        let at = |small: f64, large: f64| [vec![small; 10], vec![large; 10]];
        assert_eq!(best(&[small.clone(), large.clone()], &at(1.0, 1.5)).unwrap().0, 1);
        assert_eq!(best(&[small, large], &at(1.0, 99.0)).unwrap().0, 0);
        assert_eq!(best(&[], &[]), None);
        // The same number of either: the one whose price is lower on average, though not in most worlds.
        let (steady, jumpy) = (vec![1.1; 10], [vec![1.0; 8], vec![2.0; 2]].concat());
        assert_eq!(best(&[vec![3; 10], vec![3; 10]], &[steady, jumpy]).unwrap().0, 0);
    }
}
