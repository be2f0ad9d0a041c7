//! What all drawings are made of: lines, boxes, dots and words, in units that don't depend on the density.

use plotters::coord::Shift;
use plotters::prelude::{
    Circle, Color as _, DrawingArea, DrawingBackend, FontDesc, PathElement, RGBColor, Rectangle, ShapeStyle, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Colour, PlotError};

/// The name of our letters.
pub const FAMILY: &str = "sans-serif";
/// The height of a line of text.
pub const TEXT: f64 = 17.0;
/// A letter is about so wide, for a line of height 1.
const LETTER: f64 = 0.455;

/// Where a text stands beside its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Begins there.
    Start,
    /// In the middle.
    Middle,
    /// Ends there.
    End,
}

/// Draws on an area.
pub struct Pen<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    scale: f64,
}

impl<'a, DB: DrawingBackend> Pen<'a, DB> {
    /// A pen for an area that has so many pixels for each unit.
    pub const fn new(area: &'a DrawingArea<DB, Shift>, scale: f64) -> Self {
        Self { area, scale }
    }

    fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    /// The whole area.
    pub fn fill(&self, colour: Colour) -> Result<(), PlotError> {
        self.area.fill(&rgb(colour)).map_err(PlotError::of)
    }

    /// A line through these points.
    pub fn line(&self, points: &[(f64, f64)], colour: Colour, width: f64) -> Result<(), PlotError> {
        let style = ShapeStyle { color: rgb(colour).to_rgba(), filled: false, stroke_width: self.width(width) };
        let points: Vec<(i32, i32)> = points.iter().map(|point| self.at(*point)).collect();
        self.area.draw(&PathElement::new(points, style)).map_err(PlotError::of)
    }

    /// A filled box from one corner to the other.
    pub fn block(&self, from: (f64, f64), to: (f64, f64), colour: Colour) -> Result<(), PlotError> {
        self.area.draw(&Rectangle::new([self.at(from), self.at(to)], rgb(colour).filled())).map_err(PlotError::of)
    }

    /// The frame of a box.
    pub fn frame(&self, from: (f64, f64), to: (f64, f64), colour: Colour, width: f64) -> Result<(), PlotError> {
        let (a, b) = (from, to);
        self.line(&[a, (b.0, a.1), b, (a.0, b.1), a], colour, width)
    }

    /// A dot.
    pub fn dot(&self, at: (f64, f64), radius: f64, colour: Colour) -> Result<(), PlotError> {
        let circle = Circle::new(self.at(at), (radius * self.scale).round() as i32, rgb(colour).filled());
        self.area.draw(&circle).map_err(PlotError::of)
    }

    /// A text whose middle is at this height.
    pub fn text(&self, text: &str, at: (f64, f64), anchor: Anchor, colour: Colour) -> Result<(), PlotError> {
        self.sized(text, at, anchor, colour, TEXT)
    }

    /// The same, with letters of another size.
    pub fn sized(
        &self,
        text: &str,
        at: (f64, f64),
        anchor: Anchor,
        colour: Colour,
        size: f64,
    ) -> Result<(), PlotError> {
        let side = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let style = FontDesc::from((FAMILY, size * self.scale)).color(&rgb(colour)).pos(Pos::new(side, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), self.at(at), style)).map_err(PlotError::of)
    }

    fn width(&self, width: f64) -> u32 {
        (width * self.scale).round().max(1.0) as u32
    }
}

fn rgb(colour: Colour) -> RGBColor {
    let (red, green, blue) = colour.rgb();
    RGBColor(red, green, blue)
}

/// About how wide a text is.
pub fn width(text: &str) -> f64 {
    text.chars().count() as f64 * TEXT * LETTER
}

/// A text cut to about so wide.
pub fn fitted(text: &str, most: f64) -> String {
    fitted_at(text, most, TEXT)
}

/// The same, with letters of another size.
pub fn fitted_at(text: &str, most: f64, size: f64) -> String {
    let letters = (most / (size * LETTER)).floor().max(1.0) as usize;
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters.saturating_sub(1)).collect::<String>() + "…"
}
