//! What servers cost: in every world the number required of each machine of a catalogue, times its price there, and of these
//! the least.

use super::assessment::{Hypercube, WORLDS, spread};
use super::sensitivity::raised;
use crate::diagnostic::Diagnostics;
use crate::model::Model;
use crate::scenario::{Catalogue, Document, Machine, UncertainInput};
use crate::stats::Estimate;

/// What the servers required cost on the cheapest machine of a catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// An hour of them, spare ones included.
    pub per_hour: Estimate,
    /// The machine that is cheapest in the median world.
    pub machine: String,
    /// The currency.
    pub currency: String,
    /// The catalogue.
    pub catalogue: String,
}

impl Price {
    /// Of a scenario on the machines of this catalogue, over all worlds; `None` where it can be on none of them.
    ///
    /// # Errors
    /// Where a figure far out contradicts another.
    pub fn of(pricing: &Pricing, catalogue: &Catalogue, seed: u64) -> Result<Option<Self>, Diagnostics> {
        let found = pricing.over_worlds(seed, WORLDS)?;
        Ok(found.map(|found| Self::on(found.machine, spread(found.median, found.each), catalogue)))
    }

    /// The same in the median world alone, for whom all worlds take too long.
    ///
    /// # Errors
    /// Where a figure contradicts another.
    pub fn in_median(pricing: &Pricing, catalogue: &Catalogue) -> Result<Option<Self>, Diagnostics> {
        let found = pricing.cheapest(&|_| 0.5)?;
        Ok(found.map(|(price, machine)| Self::on(machine, Estimate::exact(price), catalogue)))
    }

    fn on(machine: &Machine, per_hour: Estimate, catalogue: &Catalogue) -> Self {
        let (currency, name) = (catalogue.currency.clone(), catalogue.name.clone());
        Self { per_hour, machine: machine.name.clone(), currency, catalogue: name }
    }
}

/// A scenario on several machines.
#[derive(Debug, Default)]
pub struct Pricing {
    on: Vec<Priced>,
}

/// A scenario on one machine.
#[derive(Debug)]
struct Priced {
    machine: Machine,
    document: Document,
    /// How many times the servers of the closed form it takes.
    raise: f64,
}

/// The least price over worlds.
#[derive(Debug)]
pub struct Prices<'a> {
    /// In the median world, an hour.
    pub median: f64,
    /// The machine that it is of there.
    pub machine: &'a Machine,
    /// In each world.
    pub each: Vec<f64>,
}

impl Pricing {
    /// On all machines of a catalogue; those that the scenario can't be on are left out.
    pub fn of(document: &Document, catalogue: &Catalogue) -> Self {
        let mut pricing = Self::default();
        for machine in &catalogue.machines {
            // A machine that the scenario can't be on has no price for it.
            if let Ok(on) = machine.applied(document).and_then(|on| on.resolve().map(|_| on)) {
                pricing.on.push(Priced { machine: machine.clone(), document: on, raise: 1.0 });
            }
        }
        pricing
    }

    /// One machine more, which takes so many times the servers of the closed form.
    ///
    /// # Errors
    /// When the scenario can't be on it.
    pub fn add(&mut self, document: &Document, machine: &Machine, raise: f64) -> Result<(), Diagnostics> {
        self.on.push(Priced { machine: machine.clone(), document: machine.applied(document)?, raise });
        Ok(())
    }

    /// What is uncertain on the machines: their prices, and connections where they have their own.
    pub fn uncertain(&self) -> Vec<UncertainInput> {
        let mut all: Vec<UncertainInput> = Vec::new();
        for priced in &self.on {
            for input in priced.document.uncertain().into_iter().chain(priced.machine.uncertain_price.clone()) {
                if all.iter().all(|known| known.path != input.path) {
                    all.push(input);
                }
            }
        }
        all
    }

    /// The least that the servers required cost an hour in a world, spare ones included, and on which machine; nothing where
    /// there is no machine.
    ///
    /// # Errors
    /// Where a figure far out contradicts another.
    pub fn cheapest(&self, quantile: &dyn Fn(&str) -> f64) -> Result<Option<(f64, &Machine)>, Diagnostics> {
        let mut least: Option<(f64, &Machine)> = None;
        for priced in &self.on {
            let required = Model::of(&priced.document.resolve_world(quantile)?).required;
            let servers = raised(required.fleet.servers, priced.raise) + required.spare as f64;
            let price = servers * priced.machine.price_in(quantile);
            if least.is_none_or(|(known, _)| price < known) {
                least = Some((price, &priced.machine));
            }
        }
        Ok(least)
    }

    /// The least price in so many worlds; in none where nothing is uncertain.
    ///
    /// # Errors
    /// Where a figure far out contradicts another.
    pub fn over_worlds(&self, seed: u64, worlds: usize) -> Result<Option<Prices<'_>>, Diagnostics> {
        let Some((median, machine)) = self.cheapest(&|_| 0.5)? else { return Ok(None) };
        let inputs = self.uncertain();
        let drawn = Hypercube::new(seed, worlds, inputs.iter().map(|input| input.path.as_str()));
        let mut each = Vec::new();
        for world in 0..if inputs.is_empty() { 0 } else { worlds } {
            each.extend(self.cheapest(&|path| drawn.quantile(path, world))?.map(|(price, _)| price));
        }
        Ok(Some(Prices { median, machine, each }))
    }
}
