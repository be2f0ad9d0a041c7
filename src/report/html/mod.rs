//! HTML: a page in one file that needs nothing else: no network, no fonts, no frameworks. It works without its script, which
//! sorts tables and shows figures where one points.
//!
//! Everything that is not ours goes through `escaped`. A policy in the page forbids it to load anything, whatever it says.

mod figure;

use std::fmt::Write as _;

use super::VERSION;
use super::document::{Block, Cell, Page, Section, Table, Tone, Value};
use super::plots::{Colour, PlotError};

/// Design tokens and base styles, for every page of the program.
const STYLE: &str = include_str!("style.css");
const REPORT_STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// A script and styles in the page itself, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// The mark on a hull: a circle, and the line across it.
const MARK: &str = "<svg class=\"mark\" viewBox=\"0 0 32 32\" width=\"32\" height=\"32\" aria-hidden=\"true\"><circle cx=\"16\" cy=\"16\" r=\"10\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"3\"/><path d=\"M1 16h30\" stroke=\"currentColor\" stroke-width=\"3\"/></svg>";

/// The whole page.
///
/// # Errors
/// When a chart can't be drawn.
pub fn report(page: &Page) -> Result<String, PlotError> {
    let title = escaped(&format!("{}: {}", page.name, page.what));
    let mut out = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let _ = writeln!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">");
    out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    let _ =
        writeln!(out, "<title>{title}</title>\n<style>\n{STYLE}{REPORT_STYLE}{}</style>\n</head>\n<body>", palette());
    out += "<div class=\"page\">\n";
    out += &head(page);
    out += "<main>\n";
    out += &verdict(page);
    for part in &page.sections {
        out += &section(part)?;
    }
    out += &origin(page);
    out += "</main>\n</div>\n";
    let _ = writeln!(out, "<script>\n{SCRIPT}</script>\n</body>\n</html>");
    Ok(out)
}

/// Text for an element or an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Text that may be broken after the dot of a name, such as `server.connections`, before it is broken anywhere.
fn breakable(text: &str) -> String {
    let parts: Vec<String> = text.split('.').map(escaped).collect();
    let mut out = String::new();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            out.push('.');
            // Not in a number.
            if part.starts_with(|c: char| c.is_alphabetic()) {
                out += "<wbr>";
            }
        }
        out += part;
    }
    out
}

/// The colours of charts follow those of the page.
fn palette() -> String {
    let mut out = String::new();
    for colour in Colour::ALL {
        let (red, green, blue) = colour.rgb();
        let (code, variable) = (format!("#{red:02X}{green:02X}{blue:02X}"), colour.variable());
        let _ = writeln!(
            out,
            ".chart [fill=\"{code}\"]{{fill:var({variable})}}.chart [stroke=\"{code}\"]{{stroke:var({variable})}}"
        );
    }
    out
}

fn head(page: &Page) -> String {
    let mut out = format!("<header>{MARK}<div><h1>{}</h1><p class=\"muted\">", escaped(&page.name));
    let _ =
        write!(out, "{} by plimsoll {VERSION} · seed {} · scenario <code>{}</code>", page.what, page.seed, page.hash);
    out += "</p></div></header>\n";
    let links: Vec<String> = page
        .sections
        .iter()
        .map(|section| format!("<a href=\"#{}\">{}</a>", id(section.title), escaped(section.title)))
        .collect();
    if links.len() > 2 {
        let _ = writeln!(out, "<nav class=\"no-print\" aria-label=\"Sections\">{}</nav>", links.join("\n"));
    }
    out
}

fn verdict(page: &Page) -> String {
    let mut out = String::new();
    for said in &page.verdict {
        let _ = write!(out, "<div class=\"verdict{}\"><p>{}</p>", class(said.tone), escaped(&said.text));
        if !said.note.is_empty() {
            let _ = write!(out, "<p>{}</p>", escaped(&said.note));
        }
        out += "</div>\n";
    }
    if page.figures.is_empty() {
        return out;
    }
    out += "<dl class=\"figures\">\n";
    for figure in &page.figures {
        let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd>", figure.what, breakable(&figure.figure));
        if !figure.note.is_empty() {
            let _ = write!(out, "<dd class=\"note\">{}</dd>", escaped(&figure.note));
        }
        out += "</div>\n";
    }
    out + "</dl>\n"
}

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Good => " good",
        Tone::Warn => " warn",
        Tone::Bad => " bad",
    }
}

fn id(title: &str) -> String {
    title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

fn section(section: &Section) -> Result<String, PlotError> {
    let id = id(section.title);
    let mut out = format!("<section class=\"card\" id=\"{id}\" aria-labelledby=\"{id}-title\">\n");
    let _ = writeln!(out, "<h2 id=\"{id}-title\">{}</h2>", escaped(section.title));
    out += &blocks(&section.blocks)?;
    Ok(out + "</section>\n")
}

/// Charts that follow each other stand side by side where there is room.
fn blocks(all: &[Block]) -> Result<String, PlotError> {
    let mut out = String::new();
    let is_chart = |block: &Block| matches!(block, Block::Chart(..));
    for run in all.chunk_by(|a, b| is_chart(a) && is_chart(b)) {
        let together = run.len() > 1;
        if together {
            out += "<div class=\"charts\">\n";
        }
        for part in run {
            out += &block(part)?;
        }
        if together {
            out += "</div>\n";
        }
    }
    Ok(out)
}

fn block(part: &Block) -> Result<String, PlotError> {
    Ok(match part {
        Block::Text(text) => format!("<p>{}</p>\n", escaped(text)),
        Block::List(items) => {
            items.iter().fold("<ul>\n".to_owned(), |out, item| out + "<li>" + &escaped(item) + "</li>\n") + "</ul>\n"
        }
        Block::Table(one) => table(one),
        Block::Chart(chart, figures) => figure::of(chart, figures)?,
        Block::Folded(title, inner) => {
            format!("<details><summary>{}</summary>\n{}</details>\n", escaped(title), blocks(inner)?)
        }
    })
}

/// A table that can be sorted by each column.
fn table(table: &Table) -> String {
    let mut out = String::from(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table class=\"sortable\">\n<thead><tr>",
    );
    for column in &table.columns {
        let class = if column.is_number { " class=\"number\"" } else { "" };
        let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", escaped(&column.title));
    }
    out += "</tr></thead>\n<tbody>\n";
    for row in &table.rows {
        out += "<tr>";
        for (number, (cell, column)) in row.iter().zip(&table.columns).enumerate() {
            let class = if column.is_number { " class=\"number\"" } else { "" };
            let (open, close) = if number == 0 { ("th scope=\"row\"", "th") } else { ("td", "td") };
            let _ = write!(out, "<{open}{class}{}>{}</{close}>", data(cell), escaped(&cell.shown));
        }
        out += "</tr>\n";
    }
    out + "</tbody>\n</table></div>\n"
}

/// What a table is sorted by. Eight digits are enough for that, and are the same however the program was optimised.
fn data(cell: &Cell) -> String {
    let Value::Number(figure) = cell.value else { return String::new() };
    let figure: f64 = format!("{figure:.7e}").parse().unwrap_or(figure);
    format!(" data-value=\"{figure}\"")
}

fn origin(page: &Page) -> String {
    let Some(origin) = &page.origin else { return String::new() };
    let mut out = String::from("<section class=\"card\" id=\"make-it-again\"><h2>Make it again</h2>\n");
    let _ = writeln!(out, "<pre tabindex=\"0\"><code>{}</code></pre>", escaped(&origin.command));
    let _ = writeln!(
        out,
        "<p>plimsoll {VERSION}, seed {}, scenario <code>{}</code>: the same gives the same figures to the last digit.</p>",
        page.seed, page.hash
    );
    for (name, text) in &origin.scenarios {
        let _ = writeln!(
            out,
            "<details><summary>{}</summary>\n<pre tabindex=\"0\"><code>{}</code></pre></details>",
            escaped(name),
            escaped(text)
        );
    }
    out + "</section>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("<script>'\"&\u{0}"), "&lt;script&gt;&#39;&quot;&amp;\u{fffd}");
    }

    #[test]
    fn names_are_broken_after_a_dot_and_numbers_are_not() {
        assert_eq!(breakable("server.nic_in <0.217 p99.9>"), "server.<wbr>nic_in &lt;0.217 p99.9&gt;");
    }

    #[test]
    fn each_colour_of_a_chart_is_one_of_the_page() {
        let screen = STYLE.split("@media print").next().unwrap();
        for colour in Colour::ALL {
            let variable = format!("{}:", colour.variable());
            assert_eq!(screen.matches(&variable).count(), 2, "{variable} in light and dark");
            assert_eq!(Colour::ALL.iter().filter(|other| other.rgb() == colour.rgb()).count(), 1, "{colour:?}");
        }
    }
}
