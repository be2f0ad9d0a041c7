//! Charts: what is to be drawn goes in, SVG or PNG comes out. Both are drawn by the same code, so they show the same.
//!
//! Colours are literal in the files; in a page the style sheet gives each its place in the palette ([`Colour::variable`]), so
//! that charts follow the page into the dark. The letters of a PNG come from a font of our own: see `font/README.md`.

mod bars;
mod lines;
mod pen;
mod ticks;
mod topology;

use std::sync::OnceLock;

use plotters::prelude::{BitMapBackend, DrawingBackend, IntoDrawingArea, SVGBackend};
use plotters::style::{FontStyle, register_font};

pub use bars::{Bar, Bars, Part};
pub use lines::{Lines, Mark, Series};
use pen::Pen;
pub use ticks::{Axis, Scale};
pub use topology::{Link, TierBox, Topology};

/// Latin letters of Noto Sans.
const FONT: &[u8] = include_bytes!("font/NotoSans-subset.ttf");
/// A PNG has so many pixels for each unit of a drawing.
const DENSITY: u32 = 2;

/// A chart.
#[derive(Debug, Clone)]
pub struct Chart {
    /// The name of its files, without their endings.
    pub file: String,
    /// What it shows.
    pub title: String,
    /// How to read it.
    pub note: String,
    /// The drawing.
    pub drawing: Drawing,
}

/// Kinds of charts.
#[derive(Debug, Clone)]
pub enum Drawing {
    /// Lines over two axes.
    Lines(Lines),
    /// Horizontal bars, one a row.
    Bars(Bars),
    /// Boxes and what flows between them.
    Topology(Topology),
}

/// A place in a drawing, and the figures that stand for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// What is there, in words.
    pub text: String,
}

/// A chart can't be drawn.
#[derive(Debug, thiserror::Error)]
#[error("a chart can't be drawn: {0}")]
pub struct PlotError(String);

impl PlotError {
    fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A chart as SVG.
#[derive(Debug)]
pub struct Svg {
    /// The document.
    pub text: String,
    /// The places that have a figure.
    pub spots: Vec<Spot>,
}

/// Draws a chart as SVG.
///
/// # Errors
/// When the drawing library can't.
pub fn svg(chart: &Chart) -> Result<Svg, PlotError> {
    letters()?;
    let mut text = String::new();
    let size = chart.drawing.size();
    let spots = draw(&chart.drawing, SVGBackend::with_string(&mut text, size), 1.0)?;
    Ok(Svg { text, spots })
}

/// Draws a chart as PNG.
///
/// # Errors
/// When the drawing library, or the image format, can't.
pub fn png(chart: &Chart) -> Result<Vec<u8>, PlotError> {
    letters()?;
    let (width, height) = chart.drawing.size();
    let (width, height) = (width * DENSITY, height * DENSITY);
    let mut pixels = vec![0; width as usize * height as usize * 3];
    draw(&chart.drawing, BitMapBackend::with_buffer(&mut pixels, (width, height)), f64::from(DENSITY))?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(PlotError::of)?;
    writer.write_image_data(&pixels).map_err(PlotError::of)?;
    writer.finish().map_err(PlotError::of)?;
    Ok(out)
}

fn draw<DB: DrawingBackend>(drawing: &Drawing, backend: DB, scale: f64) -> Result<Vec<Spot>, PlotError> {
    let area = backend.into_drawing_area();
    let pen = Pen::new(&area, scale);
    pen.fill(Colour::Surface)?;
    let spots = match drawing {
        Drawing::Lines(lines) => lines::draw(lines, &pen)?,
        Drawing::Bars(bars) => bars::draw(bars, &pen)?,
        Drawing::Topology(topology) => topology::draw(topology, &pen)?,
    };
    area.present().map_err(PlotError::of)?;
    Ok(spots)
}

impl Drawing {
    /// Its width and height.
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Lines(_) => lines::SIZE,
            Self::Bars(bars) => bars::size(bars),
            Self::Topology(topology) => topology::size(topology),
        }
    }
}

/// Makes our letters known to the drawing library, once.
fn letters() -> Result<(), PlotError> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    let known = KNOWN.get_or_init(|| register_font(pen::FAMILY, FontStyle::Normal, FONT).is_ok());
    if *known { Ok(()) } else { Err(PlotError("its font can't be read".to_owned())) }
}

/// The colours that charts are drawn in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Text.
    Ink,
    /// Text of less weight.
    Muted,
    /// Axes and frames.
    Rule,
    /// Lines of a grid.
    Grid,
    /// What all stands on.
    Surface,
    /// A part of a bar that is still free.
    Sunk,
    /// The first series; the others follow.
    First,
    /// The second.
    Second,
    /// The third.
    Third,
    /// The fourth.
    Fourth,
    /// The fifth.
    Fifth,
    /// The sixth.
    Sixth,
    /// All is well.
    Good,
    /// Past what is planned for.
    Warn,
    /// Past what is possible.
    Bad,
}

impl Colour {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Ink,
        Self::Muted,
        Self::Rule,
        Self::Grid,
        Self::Surface,
        Self::Sunk,
        Self::First,
        Self::Second,
        Self::Third,
        Self::Fourth,
        Self::Fifth,
        Self::Sixth,
        Self::Good,
        Self::Warn,
        Self::Bad,
    ];

    /// The colour of a series, by its number.
    pub const fn series(number: usize) -> Self {
        [Self::First, Self::Second, Self::Third, Self::Fourth, Self::Fifth, Self::Sixth][number % 6]
    }

    /// Its red, green and blue on paper. Each colour is another, so that a style sheet can tell them apart.
    pub const fn rgb(self) -> (u8, u8, u8) {
        match self {
            Self::Ink => (0x14, 0x20, 0x2e),
            Self::Muted => (0x52, 0x60, 0x6e),
            Self::Rule => (0x7c, 0x88, 0x94),
            Self::Grid => (0xe3, 0xe8, 0xed),
            Self::Surface => (0xff, 0xff, 0xff),
            Self::Sunk => (0xee, 0xf1, 0xf4),
            Self::First => (0x0b, 0x5c, 0xad),
            Self::Second => (0xc2, 0x41, 0x0c),
            Self::Third => (0x18, 0x70, 0x3d),
            Self::Fourth => (0x7b, 0x3f, 0xa0),
            Self::Fifth => (0x85, 0x53, 0x01),
            Self::Sixth => (0x0e, 0x74, 0x90),
            Self::Good => (0x18, 0x70, 0x3c),
            Self::Warn => (0x85, 0x53, 0x00),
            Self::Bad => (0xb3, 0x26, 0x1e),
        }
    }

    /// Its name in the style sheet.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Ink => "--ink",
            Self::Muted => "--muted",
            Self::Rule => "--rule-strong",
            Self::Grid => "--grid",
            Self::Surface => "--surface",
            Self::Sunk => "--sunk",
            Self::First => "--series-1",
            Self::Second => "--series-2",
            Self::Third => "--series-3",
            Self::Fourth => "--series-4",
            Self::Fifth => "--series-5",
            Self::Sixth => "--series-6",
            Self::Good => "--good",
            Self::Warn => "--warn",
            Self::Bad => "--bad",
        }
    }
}
