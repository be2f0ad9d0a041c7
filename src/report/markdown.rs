//! Markdown: a page for a pull request or a step summary. Charts are named files where there are files, and left out where
//! there are none.

use std::fmt::Write as _;

use super::VERSION;
use super::document::{Block, Page, Section, Table, Tone};
use super::validation::markdown::escaped;

/// A table is cut after so many rows; all of them are in its CSV file.
const MOST_ROWS: usize = 60;

/// Where a page's charts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charts {
    /// In files beside it.
    Beside,
    /// Nowhere.
    LeftOut,
}

/// The whole page.
pub fn report(page: &Page, charts: Charts) -> String {
    let mut out = format!("# {}: {}\n\n", escaped(&page.name), page.what);
    for said in &page.verdict {
        let mark = match said.tone {
            Tone::Plain => "",
            Tone::Good => "✅ ",
            Tone::Warn => "⚠️ ",
            Tone::Bad => "❌ ",
        };
        let _ = writeln!(out, "{mark}**{}**", escaped(&said.text));
        if !said.note.is_empty() {
            let _ = writeln!(out, "{}", escaped(&said.note));
        }
        out.push('\n');
    }
    if !page.figures.is_empty() {
        out += "| | | |\n|---|---|---|\n";
        for figure in &page.figures {
            let _ = writeln!(out, "| {} | **{}** | {} |", figure.what, escaped(&figure.figure), escaped(&figure.note));
        }
        out.push('\n');
    }
    page.sections.iter().for_each(|part| out += &section(part, charts));
    out += &origin(page);
    out.trim_end().to_owned() + "\n"
}

fn section(section: &Section, charts: Charts) -> String {
    let body: String = section.blocks.iter().map(|part| block(part, charts)).collect();
    if body.is_empty() { body } else { format!("## {}\n\n{body}", section.title) }
}

fn block(part: &Block, charts: Charts) -> String {
    match part {
        Block::Text(text) => format!("{}\n\n", escaped(text)),
        Block::List(items) => {
            items.iter().fold(String::new(), |out, item| {
                out + "- "
                    + &escaped(item)
                    + "
"
            }) + "
"
        }
        Block::Table(table) => rows(table),
        Block::Chart(chart, _) if charts == Charts::Beside => {
            format!("![{}]({}.svg)\n\n", escaped(&chart.title), chart.file)
        }
        Block::Chart(..) => String::new(),
        Block::Folded(title, inner) => {
            let body: String = inner.iter().map(|part| block(part, charts)).collect();
            if body.is_empty() {
                return body;
            }
            format!("<details><summary>{}</summary>\n\n{body}</details>\n\n", escaped(title))
        }
    }
}

fn rows(table: &Table) -> String {
    let mut out = String::from("|");
    let mut rule = String::from("|");
    for column in &table.columns {
        let _ = write!(out, " {} |", escaped(&column.title));
        rule += if column.is_number { "---:|" } else { "---|" };
    }
    let _ = writeln!(out, "\n{rule}");
    for row in table.rows.iter().take(MOST_ROWS) {
        out += &row.iter().fold("|".to_owned(), |out, cell| out + " " + &escaped(&cell.shown) + " |");
        out.push('\n');
    }
    let more = table.rows.len().saturating_sub(MOST_ROWS);
    if more > 0 {
        let _ = writeln!(out, "\nAnd {more} more rows.");
    }
    out + "\n"
}

fn origin(page: &Page) -> String {
    let mut out = String::from("## Make it again\n\n");
    if let Some(origin) = &page.origin {
        out += &code("sh", &origin.command);
        for (name, text) in &origin.scenarios {
            let _ = writeln!(out, "<details><summary>{}</summary>\n", escaped(name));
            out += &code("yaml", text);
            out += "</details>\n\n";
        }
    }
    let _ = writeln!(out, "Scenario `{}`, seed {}, plimsoll {VERSION}.", page.hash, page.seed);
    out
}

/// A text as it is, fenced by more backticks than are anywhere in it.
fn code(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}\n\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_stays_in_its_fence() {
        assert_eq!(code("sh", "a\n"), "```sh\na\n```\n\n");
        assert_eq!(code("yaml", "# ```` <b>"), "`````yaml\n# ```` <b>\n`````\n\n");
    }
}
