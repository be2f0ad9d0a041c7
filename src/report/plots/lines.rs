//! Lines over two axes, with marks.

use plotters::prelude::DrawingBackend;

use super::pen::{Anchor, Pen, fitted, width};
use super::ticks::{Axis, Span};
use super::{Colour, PlotError, Spot};

/// Width and height.
pub const SIZE: (u32, u32) = (600, 350);
const RIGHT: f64 = 584.0;
const BOTTOM: f64 = 294.0;
/// Above are the y axis' label and, with several lines, the legend.
const TOP: (f64, f64) = (40.0, 64.0);
/// Marks say their names in so many rows.
const ROWS: usize = 3;

/// A chart of lines.
#[derive(Debug, Clone)]
pub struct Lines {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines.
    pub series: Vec<Series>,
    /// What is marked.
    pub marks: Vec<Mark>,
}

/// A line.
#[derive(Debug, Clone)]
pub struct Series {
    /// What it shows.
    pub name: String,
    /// Its points from left to right; it is broken where there is no figure.
    pub points: Vec<(f64, Option<f64>)>,
    /// Its colour.
    pub colour: Colour,
    /// Whether each point is a dot.
    pub dots: bool,
}

impl Series {
    /// Adds a point to the series of this name, which is a new one where there is none yet.
    pub fn add(all: &mut Vec<Self>, name: &str, point: (f64, Option<f64>)) {
        if let Some(known) = all.iter_mut().find(|one| one.name == name) {
            known.points.push(point);
        } else {
            let colour = Colour::series(all.len());
            all.push(Self { name: name.to_owned(), points: vec![point], colour, dots: true });
        }
    }
}

/// A place that is marked.
#[derive(Debug, Clone)]
pub enum Mark {
    /// At a figure of the horizontal axis.
    X(f64, String, Colour),
    /// At a figure of the vertical axis.
    Y(f64, String),
    /// A point.
    At(f64, f64, String),
}

/// Draws it.
pub fn draw<DB: DrawingBackend>(lines: &Lines, pen: &Pen<'_, DB>) -> Result<Vec<Spot>, PlotError> {
    let points = || lines.series.iter().flat_map(|series| &series.points);
    let marked = |of: fn(&Mark) -> Option<f64>| lines.marks.iter().filter_map(of);
    let xs = points().map(|point| point.0).chain(marked(|mark| match mark {
        Mark::X(x, ..) | Mark::At(x, _, _) => Some(*x),
        Mark::Y(..) => None,
    }));
    let ys = points().filter_map(|point| point.1).chain(marked(|mark| match mark {
        Mark::Y(y, _) | Mark::At(_, y, _) => Some(*y),
        Mark::X(..) => None,
    }));
    let frame = Frame::of(Span::over(&lines.x, xs), Span::over(&lines.y, ys), lines);
    frame.axes(lines, pen)?;
    frame.marks(lines, pen)?;
    for series in &lines.series {
        for run in series.points.split(|point| point.1.is_none()) {
            let places: Vec<(f64, f64)> = run.iter().filter_map(|(x, y)| Some(frame.at(*x, (*y)?))).collect();
            if places.len() > 1 {
                pen.line(&places, series.colour, 2.0)?;
            }
            if series.dots || places.len() == 1 {
                places.iter().try_for_each(|place| pen.dot(*place, 3.5, series.colour))?;
            }
        }
    }
    for mark in &lines.marks {
        if let Mark::At(x, y, _) = mark {
            let place = frame.at(*x, *y);
            pen.dot(place, 7.0, Colour::Surface)?;
            pen.dot(place, 5.0, Colour::Second)?;
        }
    }
    Ok(spots(lines, &frame))
}

struct Frame<'a> {
    x: Span<'a>,
    y: Span<'a>,
    left: f64,
    top: f64,
}

impl<'a> Frame<'a> {
    fn of(x: Span<'a>, y: Span<'a>, lines: &Lines) -> Self {
        let top = if lines.series.len() > 1 { TOP.1 } else { TOP.0 };
        let named = lines.marks.iter().any(|mark| matches!(mark, Mark::X(..)));
        let top = if named { top + 18.0 } else { top };
        let widest = y.ticks(5.0).iter().map(|(_, text)| width(text)).fold(24.0, f64::max);
        Self { x, y, left: widest + 18.0, top }
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.across(x), BOTTOM - self.y.place(y) * (BOTTOM - self.top))
    }

    fn across(&self, x: f64) -> f64 {
        self.left + self.x.place(x) * (RIGHT - self.left)
    }

    fn axes<DB: DrawingBackend>(&self, lines: &Lines, pen: &Pen<'_, DB>) -> Result<(), PlotError> {
        for (figure, text) in self.y.ticks(5.0) {
            let height = BOTTOM - self.y.place(figure) * (BOTTOM - self.top);
            pen.line(&[(self.left, height), (RIGHT, height)], Colour::Grid, 1.0)?;
            pen.text(&text, (self.left - 8.0, height), Anchor::End, Colour::Muted)?;
        }
        let mut free = f64::NEG_INFINITY;
        for (figure, text) in self.x.ticks(7.0) {
            let across = self.across(figure);
            pen.line(&[(across, BOTTOM), (across, BOTTOM + 5.0)], Colour::Rule, 1.0)?;
            let half = width(&text) / 2.0;
            // Words that would run into each other, or over the edge, are left out.
            if across - half > free && across + half < f64::from(SIZE.0) {
                pen.text(&text, (across, BOTTOM + 17.0), Anchor::Middle, Colour::Muted)?;
                free = across + half + 10.0;
            }
        }
        pen.line(&[(self.left, BOTTOM), (RIGHT, BOTTOM)], Colour::Rule, 1.0)?;
        pen.text(&lines.x.label, (RIGHT, BOTTOM + 41.0), Anchor::End, Colour::Muted)?;
        pen.text(&lines.y.label, (8.0, 14.0), Anchor::Start, Colour::Muted)?;
        self.legend(lines, pen)
    }

    fn legend<DB: DrawingBackend>(&self, lines: &Lines, pen: &Pen<'_, DB>) -> Result<(), PlotError> {
        if lines.series.len() < 2 {
            return Ok(());
        }
        let mut at = self.left;
        for series in &lines.series {
            let name = fitted(&series.name, 210.0);
            pen.line(&[(at, 38.0), (at + 18.0, 38.0)], series.colour, 3.0)?;
            pen.text(&name, (at + 24.0, 38.0), Anchor::Start, Colour::Ink)?;
            at += 24.0 + width(&name) + 20.0;
        }
        Ok(())
    }

    fn marks<DB: DrawingBackend>(&self, lines: &Lines, pen: &Pen<'_, DB>) -> Result<(), PlotError> {
        let mut row = 0;
        for mark in &lines.marks {
            match mark {
                Mark::X(x, text, colour) if self.x.holds(*x) => {
                    let across = self.across(*x);
                    pen.line(&[(across, self.top - 4.0), (across, BOTTOM)], *colour, 1.5)?;
                    let height = self.top - 12.0 + 18.0 * (row % ROWS) as f64;
                    row += 1;
                    let right = across > f64::midpoint(self.left, RIGHT);
                    let (shift, anchor) = if right { (-6.0, Anchor::End) } else { (6.0, Anchor::Start) };
                    pen.text(&fitted(text, 280.0), (across + shift, height), anchor, *colour)?;
                }
                Mark::Y(y, text) => {
                    let (_, height) = self.at(0.0, *y);
                    pen.line(&[(self.left, height), (RIGHT, height)], Colour::Bad, 1.5)?;
                    pen.text(&fitted(text, 280.0), (self.left + 8.0, height - 10.0), Anchor::Start, Colour::Bad)?;
                }
                Mark::At(x, y, text) => {
                    let (across, height) = self.at(*x, *y);
                    pen.line(&[(across, height), (across, BOTTOM)], Colour::Second, 1.0)?;
                    let right = across > f64::midpoint(self.left, RIGHT);
                    let (shift, anchor) = if right { (-10.0, Anchor::End) } else { (10.0, Anchor::Start) };
                    let height = (height - 18.0).max(self.top + 4.0);
                    pen.text(&fitted(text, 300.0), (across + shift, height), anchor, Colour::Ink)?;
                }
                Mark::X(..) => {}
            }
        }
        Ok(())
    }
}

/// A spot for each place on the horizontal axis, with the figures of all lines there.
fn spots(lines: &Lines, frame: &Frame<'_>) -> Vec<Spot> {
    let mut spots: Vec<(f64, Spot)> = Vec::new();
    for series in &lines.series {
        for (x, y) in &series.points {
            let Some(y) = y else { continue };
            let (across, height) = frame.at(*x, *y);
            let figure = (lines.y.show)(*y);
            let says = if lines.series.len() > 1 { format!("{}: {figure}", series.name) } else { figure };
            if let Some((_, spot)) = spots.iter_mut().find(|(at, _)| at.total_cmp(x).is_eq()) {
                spot.y = spot.y.min(height);
                spot.text = format!("{}\n{says}", spot.text);
            } else {
                let text = format!("{}: {}\n{says}", lines.x.label, (lines.x.show)(*x));
                spots.push((*x, Spot { x: across, y: height, text }));
            }
        }
    }
    spots.into_iter().map(|(_, spot)| spot).collect()
}
