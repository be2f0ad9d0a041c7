//! A chart in a page: the drawing, places to point at, and its figures as a table.

use std::fmt::Write as _;

use super::{escaped, table};
use crate::report::document::Table;
use crate::report::plots::{Chart, Drawing, PlotError, Spot, svg};

/// The figure.
pub fn of(chart: &Chart, figures: &Table) -> Result<String, PlotError> {
    let drawn = svg(chart)?;
    let (width, height) = chart.drawing.size();
    let wide = if matches!(chart.drawing, Drawing::Topology(_)) { " wide" } else { "" };
    let title = escaped(&chart.title);
    let mut out = format!("<figure class=\"chart{wide}\">\n<figcaption><h3>{title}</h3>");
    if !chart.note.is_empty() {
        let _ = write!(out, "<p class=\"muted\">{}</p>", escaped(&chart.note));
    }
    let body = drawn.text.split_once('>').map_or("", |(_, body)| body);
    let body = body.rsplit_once("</svg>").map_or(body, |(body, _)| body);
    let spots: String = drawn.spots.iter().map(spot).collect();
    let _ = write!(
        out,
        "</figcaption>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">{body}{spots}</svg></div>\n"
    );
    if !figures.rows.is_empty() {
        let _ = write!(out, "<details class=\"no-print\"><summary>Figures</summary>\n{}</details>\n", table(figures));
    }
    Ok(out + "</figure>\n")
}

fn spot(spot: &Spot) -> String {
    format!(
        "<circle class=\"spot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"9\"><title>{}</title></circle>\n",
        spot.x,
        spot.y,
        escaped(&spot.text)
    )
}
