//! What the servers required cost at least, in closed form.

use super::compare::figures::{on_machines, price};
use crate::scenario::{Catalogue, Document};

/// The cheapest way to have the servers required, those to spare too.
#[derive(Debug, Clone, PartialEq)]
pub struct Cheapest {
    /// An hour of all of them.
    pub per_hour: f64,
    /// In this currency.
    pub currency: String,
    /// The catalogue.
    pub catalogue: String,
}

/// The cheapest machines of a catalogue for a scenario; `None` where it can be on none of them.
pub fn cheapest(document: &Document, catalogue: &Catalogue) -> Option<Cheapest> {
    let per_hour = on_machines(document, catalogue)
        .into_iter()
        .filter_map(|(document, each)| Some(price(&document.resolve().ok()?, each)))
        .min_by(f64::total_cmp)?;
    Some(Cheapest { per_hour, currency: catalogue.currency.clone(), catalogue: catalogue.name.clone() })
}
