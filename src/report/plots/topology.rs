//! Who talks to whom: boxes in columns, each with how full it is, and what flows between them.

use plotters::prelude::DrawingBackend;

use super::pen::{Anchor, Pen, fitted, fitted_at};
use super::{Colour, PlotError, Spot};

const BOX: (f64, f64) = (172.0, 96.0);
const GAP: (f64, f64) = (112.0, 26.0);
/// The height of a line of text at an arrow.
const SMALL: f64 = 15.0;
const MARGIN: f64 = 14.0;

/// A drawing of tiers.
#[derive(Debug, Clone)]
pub struct Topology {
    /// The columns from left to right, each with its boxes from the top.
    pub columns: Vec<Vec<TierBox>>,
    /// What flows.
    pub links: Vec<Link>,
}

/// A tier.
#[derive(Debug, Clone)]
pub struct TierBox {
    /// What it is.
    pub name: String,
    /// How many, or how large.
    pub size: String,
    /// What of it is used most, in words, how full that is, and in which colour.
    pub used: Option<(String, f64, Colour)>,
    /// Everything that is known of it.
    pub details: String,
}

/// A flow from one box to another: column and row of each.
#[derive(Debug, Clone)]
pub struct Link {
    /// From.
    pub from: (usize, usize),
    /// To.
    pub to: (usize, usize),
    /// What flows, in a line or two.
    pub texts: Vec<String>,
}

/// Width and height.
pub fn size(topology: &Topology) -> (u32, u32) {
    let columns = topology.columns.len() as f64;
    let rows = rows(topology);
    let width = columns * BOX.0 + (columns - 1.0).max(0.0) * GAP.0 + 2.0 * MARGIN;
    let height = rows * BOX.1 + (rows - 1.0).max(0.0) * GAP.1 + 2.0 * MARGIN;
    (width.round() as u32, height.round() as u32)
}

fn rows(topology: &Topology) -> f64 {
    topology.columns.iter().map(Vec::len).max().unwrap_or(1).max(1) as f64
}

/// The upper left corner of a box. A column is centred.
fn corner(topology: &Topology, (column, row): (usize, usize)) -> (f64, f64) {
    let here = topology.columns.get(column).map_or(1, Vec::len) as f64;
    let free = (rows(topology) - here) * (BOX.1 + GAP.1) / 2.0;
    (MARGIN + column as f64 * (BOX.0 + GAP.0), MARGIN + free + row as f64 * (BOX.1 + GAP.1))
}

/// Draws it.
pub fn draw<DB: DrawingBackend>(topology: &Topology, pen: &Pen<'_, DB>) -> Result<Vec<Spot>, PlotError> {
    topology.links.iter().try_for_each(|link| connect(topology, link, pen))?;
    let mut spots = Vec::new();
    for (column, boxes) in topology.columns.iter().enumerate() {
        for (row, one) in boxes.iter().enumerate() {
            let (x, y) = corner(topology, (column, row));
            place(one, (x, y), pen)?;
            spots.push(Spot { x: x + BOX.0 / 2.0, y: y + BOX.1 / 2.0, text: one.details.clone() });
        }
    }
    Ok(spots)
}

fn place<DB: DrawingBackend>(one: &TierBox, (x, y): (f64, f64), pen: &Pen<'_, DB>) -> Result<(), PlotError> {
    let (right, bottom) = (x + BOX.0, y + BOX.1);
    let edge = one.used.as_ref().map_or(Colour::Rule, |used| used.2);
    pen.block((x, y), (right, bottom), Colour::Surface)?;
    pen.frame((x, y), (right, bottom), edge, 1.5)?;
    let inside = BOX.0 - 20.0;
    pen.sized(&fitted(&one.name, inside), (x + 10.0, y + 18.0), Anchor::Start, Colour::Ink, 18.0)?;
    pen.text(&fitted(&one.size, inside), (x + 10.0, y + 40.0), Anchor::Start, Colour::Muted)?;
    if let Some((text, share, colour)) = &one.used {
        pen.text(&fitted(text, inside), (x + 10.0, y + 62.0), Anchor::Start, Colour::Ink)?;
        let full = x + 10.0 + inside * share.clamp(0.0, 1.0);
        pen.block((x + 10.0, y + 77.0), (x + 10.0 + inside, y + 85.0), Colour::Sunk)?;
        pen.block((x + 10.0, y + 77.0), (full.max(x + 12.0), y + 85.0), *colour)?;
    }
    Ok(())
}

fn connect<DB: DrawingBackend>(topology: &Topology, link: &Link, pen: &Pen<'_, DB>) -> Result<(), PlotError> {
    let (from, to) = (corner(topology, link.from), corner(topology, link.to));
    let start = (from.0 + BOX.0, from.1 + BOX.1 / 2.0);
    let end = (to.0, to.1 + BOX.1 / 2.0);
    let bend = start.0 + 14.0;
    if (start.1 - end.1).abs() < 1.0 {
        pen.line(&[start, end], Colour::Rule, 1.5)?;
    } else {
        pen.line(&[start, (bend, start.1), (bend, end.1), end], Colour::Rule, 1.5)?;
    }
    pen.line(&[(end.0 - 7.0, end.1 - 4.0), end, (end.0 - 7.0, end.1 + 4.0)], Colour::Rule, 1.5)?;
    for (row, text) in link.texts.iter().enumerate() {
        let height = if row == 0 { end.1 - 11.0 } else { end.1 + 12.0 };
        let text = fitted_at(text, GAP.0 - 12.0, SMALL);
        pen.sized(&text, (end.0 - 10.0, height), Anchor::End, Colour::Muted, SMALL)?;
    }
    Ok(())
}
