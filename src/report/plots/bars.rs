//! Horizontal bars: one row each, of one or several parts.

use plotters::prelude::DrawingBackend;

use super::pen::{Anchor, Pen, fitted, width};
use super::ticks::{Axis, Scale, Span};
use super::{Colour, PlotError, Spot};

const WIDTH: f64 = 600.0;
const ROW: f64 = 30.0;
const THICK: f64 = 18.0;
const WIDEST_LABEL: f64 = 230.0;

/// A chart of bars.
#[derive(Debug, Clone)]
pub struct Bars {
    /// The axis.
    pub axis: Axis,
    /// The rows, from the top.
    pub rows: Vec<Bar>,
    /// What the colours mean; nothing where there is one only.
    pub legend: Vec<(String, Colour)>,
    /// A figure that is marked, and its name.
    pub mark: Option<(f64, String)>,
}

/// A row.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it is of.
    pub label: String,
    /// Its parts.
    pub parts: Vec<Part>,
    /// The figure written beside it.
    pub figure: String,
}

/// A part of a bar.
#[derive(Debug, Clone)]
pub struct Part {
    /// From this figure; on a logarithmic axis `None` is its beginning.
    pub from: Option<f64>,
    /// To this one.
    pub to: f64,
    /// Its colour.
    pub colour: Colour,
    /// What it says when looked at.
    pub text: String,
}

/// Width and height.
pub fn size(bars: &Bars) -> (u32, u32) {
    (WIDTH as u32, (top(bars) + bars.rows.len() as f64 * ROW + 54.0) as u32)
}

fn top(bars: &Bars) -> f64 {
    let legend = if bars.legend.is_empty() { 0.0 } else { 28.0 };
    let mark = if bars.mark.is_some() { 24.0 } else { 0.0 };
    8.0 + legend + mark
}

/// Draws it.
pub fn draw<DB: DrawingBackend>(bars: &Bars, pen: &Pen<'_, DB>) -> Result<Vec<Spot>, PlotError> {
    let parts = || bars.rows.iter().flat_map(|row| &row.parts);
    let ends = parts().flat_map(|part| part.from.into_iter().chain([part.to]));
    let figures: Vec<f64> = ends.chain(bars.mark.as_ref().map(|mark| mark.0)).collect();
    // The shortest bar of a logarithmic axis is still seen.
    let least = figures.iter().copied().filter(|figure| *figure > 0.0).fold(f64::INFINITY, f64::min);
    let room = (bars.axis.scale == Scale::Log).then_some(least / 2.0);
    let span = Span::over(&bars.axis, figures.iter().copied().chain(room));
    let left = bars.rows.iter().map(|row| width(&row.label)).fold(40.0, f64::max).min(WIDEST_LABEL) + 16.0;
    let right = WIDTH - bars.rows.iter().map(|row| width(&row.figure)).fold(20.0, f64::max).min(190.0) - 18.0;
    let across = |figure: f64| left + span.place(figure) * (right - left);
    let top = top(bars);
    let bottom = top + bars.rows.len() as f64 * ROW + 4.0;
    let mut free = f64::NEG_INFINITY;
    for (figure, text) in span.ticks(5.0) {
        let x = across(figure);
        pen.line(&[(x, top), (x, bottom)], Colour::Grid, 1.0)?;
        let half = width(&text) / 2.0;
        if x - half > free {
            pen.text(&text, (x, bottom + 14.0), Anchor::Middle, Colour::Muted)?;
            free = x + half + 10.0;
        }
    }
    pen.text(&bars.axis.label, (right, bottom + 34.0), Anchor::End, Colour::Muted)?;
    legend(bars, pen, left)?;
    let mut spots = Vec::new();
    for (number, row) in bars.rows.iter().enumerate() {
        let middle = top + (number as f64 + 0.5) * ROW;
        pen.text(&fitted(&row.label, WIDEST_LABEL), (left - 10.0, middle), Anchor::End, Colour::Ink)?;
        let mut end = left;
        for part in &row.parts {
            let from = part.from.map_or(left, across);
            let to = across(part.to).max(from + 1.0);
            pen.block((from, middle - THICK / 2.0), (to, middle + THICK / 2.0), part.colour)?;
            end = end.max(to);
            spots.push(Spot { x: f64::midpoint(from, to), y: middle, text: format!("{}: {}", row.label, part.text) });
        }
        pen.text(&fitted(&row.figure, 200.0), (end + 8.0, middle), Anchor::Start, Colour::Ink)?;
    }
    if let Some((figure, text)) = &bars.mark {
        let x = across(*figure);
        pen.line(&[(x, top - 8.0), (x, bottom)], Colour::Ink, 1.5)?;
        let anchor = if x > f64::midpoint(left, right) { Anchor::End } else { Anchor::Start };
        let shift = if anchor == Anchor::End { 4.0 } else { -4.0 };
        pen.text(text, (x + shift, top - 17.0), anchor, Colour::Ink)?;
    }
    pen.line(&[(left, top), (left, bottom)], Colour::Rule, 1.0)?;
    Ok(spots)
}

fn legend<DB: DrawingBackend>(bars: &Bars, pen: &Pen<'_, DB>, left: f64) -> Result<(), PlotError> {
    let mut at = left;
    let used = |colour: Colour| bars.rows.iter().flat_map(|row| &row.parts).any(|part| part.colour == colour);
    for (name, colour) in bars.legend.iter().filter(|(_, colour)| used(*colour)) {
        pen.block((at, 8.0), (at + 14.0, 22.0), *colour)?;
        pen.text(name, (at + 20.0, 15.0), Anchor::Start, Colour::Ink)?;
        at += 20.0 + width(name) + 20.0;
    }
    Ok(())
}
