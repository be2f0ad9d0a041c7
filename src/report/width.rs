//! How wide a page is: what a report for people is laid out for.
//!
//! It is `COLUMNS` wide unless the program says, once and before any report, how wide the terminal is. What is
//! piped or written to a file is always laid out for `COLUMNS`, so that it is the same bytes everywhere.

use std::sync::atomic::{AtomicU16, Ordering};

/// As wide as a page is where nobody says so; text is never set wider, since longer lines are hard to read.
pub(super) const COLUMNS: u16 = 100;
/// Narrower than this nothing is laid out.
const LEAST: u16 = 40;
/// Wider than this no table is.
const MOST: u16 = 200;

static WIDTH: AtomicU16 = AtomicU16::new(COLUMNS);

/// Sets the width of the page.
pub fn set_width(columns: u16) {
    WIDTH.store(columns.clamp(LEAST, MOST), Ordering::Relaxed);
}

/// How wide a table may be.
pub(super) fn table_width() -> u16 {
    WIDTH.load(Ordering::Relaxed)
}

/// How wide text may be.
pub(super) fn text_width() -> u16 {
    table_width().min(COLUMNS)
}

/// Folds the lines that are too long for a narrow page at their blanks. What follows is set below the second column of
/// a line that has columns, or indented a little more than the line.
pub fn fit(text: &str, columns: u16) -> String {
    let most = usize::from(columns.max(LEAST));
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if bare.chars().count() <= most {
            out += line;
        } else if bare.bytes().all(|byte| byte == b'-') {
            out += &"-".repeat(most);
            out.push('\n');
        } else {
            fold(&mut out, bare, most);
            out.push('\n');
        }
    }
    out
}

fn fold(out: &mut String, line: &str, most: usize) {
    let indent = line.chars().take_while(|c| *c == ' ').count();
    let hanging = second_column(line).filter(|column| *column <= most / 2).unwrap_or(indent + 2);
    let mut width = 0;
    // Each word with the blanks before it, so that columns stay where they were.
    let mut rest = line;
    while !rest.is_empty() {
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        let word = rest[blanks..].split(' ').next().unwrap_or_default();
        let length = word.chars().count();
        if width + blanks + length > most && width > hanging {
            out.push('\n');
            *out += &" ".repeat(hanging);
            width = hanging;
        } else {
            *out += &rest[..blanks];
            width += blanks;
        }
        *out += word;
        width += length;
        rest = &rest[blanks + word.len()..];
    }
}

/// Where the second column of a line begins: after its first gap of two blanks or more.
fn second_column(line: &str) -> Option<usize> {
    let start = line.len() - line.trim_start_matches(' ').len();
    let gap = start + line[start..].find("  ")?;
    let after = gap + line[gap..].find(|c| c != ' ')?;
    Some(line[..after].chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_below_their_second_column() {
        let text = "short\nWhat           one two three four five six seven\n";
        let want = "short\nWhat           one two three four five\n               six seven\n";
        assert_eq!(fit(text, 40), want);
    }

    #[test]
    fn text_is_indented_and_a_word_that_is_too_long_stays_whole() {
        let long = "x".repeat(50);
        assert_eq!(fit(&format!("  a b c {long} d\n"), 40), format!("  a b c\n    {long}\n    d\n"));
        assert_eq!(fit(&format!("{long}\n"), 40), format!("{long}\n"));
    }

    #[test]
    fn what_fits_is_left_alone() {
        let text = "a  b\n\n  - c\n";
        assert_eq!(fit(text, 40), text);
    }
}
