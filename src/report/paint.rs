//! Colour for a terminal: what a person looks for first stands out.
//!
//! A report is made without colour; this puts colour on the finished text and changes nothing else in it, so text that
//! is piped or written to a file is the same bytes. What stands out: the title, headings, the header of a table,
//! verdicts, notes, bars; in messages, the word `error`, the place, and the help.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const UNSURE: Style = AnsiColor::Yellow.on_default();
const PLACE: Style = AnsiColor::Cyan.on_default();

/// Verdicts, as they stand at the end of a row or after the name of what they are on. Longer ones first.
const VERDICTS: [(&str, Style); 15] = [
    ("NOT MET", BAD),
    ("not met", BAD),
    ("NOT SERVED", BAD),
    ("WRONG", BAD),
    ("FAIL", BAD),
    ("worse", BAD),
    ("UNDECIDED", UNSURE),
    ("undecided", UNSURE),
    ("INCONCLUSIVE", UNSURE),
    ("inconclusive", UNSURE),
    ("met", GOOD),
    ("right", GOOD),
    ("PASS", GOOD),
    ("pass", GOOD),
    ("better", GOOD),
];

/// Lines that begin so are remarks.
const REMARKS: [&str; 2] = ["Note", "Interrupted:"];

/// A report with colour.
pub fn report(text: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut out = String::with_capacity(text.len() * 2);
    for (at, line) in lines.iter().enumerate() {
        let (line, end) = line.strip_suffix('\n').map_or((*line, ""), |line| (line, "\n"));
        if at == 0 {
            title(&mut out, line);
        } else if at == 1 && line.starts_with("seed ") || is_rule(line) {
            styled(&mut out, DIM, line);
        } else if is_header(&lines, at) || is_heading(&lines, at) {
            styled(&mut out, BOLD, line);
        } else if REMARKS.iter().any(|remark| line.starts_with(remark)) {
            styled(&mut out, UNSURE, line);
        } else {
            row(&mut out, line);
        }
        out += end;
    }
    out
}

/// A message with colour.
pub fn message(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let bare = line.trim_start();
        let indent = &line[..line.len() - bare.len()];
        out += indent;
        if let Some(what) = bare.strip_prefix("error: ") {
            styled(&mut out, BAD, "error:");
            out.push(' ');
            styled(&mut out, BOLD, what);
        } else if let Some(help) = bare.strip_prefix("= help: ") {
            styled(&mut out, GOOD, "= help:");
            out.push(' ');
            out += help;
        } else if bare.starts_with("--> ") {
            styled(&mut out, PLACE, bare);
        } else if let Some((before, marked)) = bare.split_once('^').filter(|(before, _)| before.trim() == "|") {
            styled(&mut out, PLACE, before);
            styled(&mut out, BAD, &format!("^{marked}"));
        } else {
            out += bare;
        }
        out += end;
    }
    out
}

fn styled(out: &mut String, style: Style, text: &str) {
    // Writing to a string does not fail.
    let _ = write!(out, "{style}{text}{style:#}");
}

/// What it is on the left, what it takes to make it again on the right.
fn title(out: &mut String, line: &str) {
    match line.find("  ") {
        Some(gap) if line[gap..].trim_start().starts_with("seed ") => {
            styled(out, BOLD, &line[..gap]);
            styled(out, DIM, &line[gap..]);
        }
        _ => styled(out, BOLD, line),
    }
}

fn is_rule(line: &str) -> bool {
    line.len() > 3 && line.bytes().all(|byte| byte == b'-')
}

/// Whether a line is of the header of a table: a rule follows, perhaps after what didn't fit in the first line of it.
fn is_header(lines: &[&str], at: usize) -> bool {
    let next = lines.get(at + 1).map_or("", |line| line.trim_end());
    !lines[at].trim().is_empty() && (is_rule(next) || next.starts_with("  ") && is_header(lines, at + 1))
}

/// Whether a line is a heading: a numbered part, or a line alone that says what the lines below are.
fn is_heading(lines: &[&str], at: usize) -> bool {
    let line = lines[at].trim_end();
    let numbered = line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
    let after_blank = lines[at - 1].trim().is_empty();
    let names = !line.is_empty() && !line.starts_with(' ') && !line.contains("  ") && !line.ends_with('.');
    let more_follows = lines.get(at + 1).is_some_and(|next| {
        let numbered = next.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        next.starts_with("  ") || numbered
    });
    numbered || after_blank && names && more_follows
}

/// A row: verdicts and bars in it stand out.
fn row(out: &mut String, line: &str) {
    let mut rest = line;
    while !rest.is_empty() {
        // A cell: up to a gap of two blanks.
        let end = rest.find("  ").unwrap_or(rest.len());
        let (cell, after) = rest.split_at(end);
        self::cell(out, cell);
        let gap = after.len() - after.trim_start_matches(' ').len();
        *out += &after[..gap];
        rest = &after[gap..];
    }
}

fn cell(out: &mut String, cell: &str) {
    let (before, verdict) = match cell.rsplit_once(": ") {
        // "servers: right for …" is text, "Verdict: PASS" is a verdict.
        Some((before, after)) if verdict(after).is_some_and(|(word, _)| word == after) => {
            (&cell[..before.len() + 2], after)
        }
        _ => ("", cell),
    };
    *out += before;
    if let Some((word, style)) = self::verdict(verdict) {
        styled(out, style, word);
        *out += &verdict[word.len()..];
    } else if !verdict.is_empty() && verdict.chars().all(|c| "█▉▊▋▌▍▎▏".contains(c)) {
        styled(out, PLACE, verdict);
    } else {
        *out += verdict;
    }
}

/// The verdict that a cell is, or begins with where a colon follows.
fn verdict(cell: &str) -> Option<(&'static str, Style)> {
    let of = |(word, _): &&(&'static str, Style)| {
        cell.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    VERDICTS.iter().find(of).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with colours as `[b …]`, so that a test can be read.
    fn shown(painted: &str) -> String {
        [(BAD, "bad"), (BOLD, "b"), (DIM, "d"), (GOOD, "good"), (UNSURE, "unsure"), (PLACE, "place")]
            .into_iter()
            .fold(painted.to_owned(), |text, (style, name)| text.replace(&style.to_string(), &format!("[{name} ")))
            .replace(&BOLD.render_reset().to_string(), "]")
    }

    const REPORT: &str = "x: 10 users          seed 42 | scenario 1 | plimsoll 0\nEach publishes.\n\nObjectives         NOT MET: p99\n\n\
        objective   verdict\n-------------------\np99         met\nloss        NOT MET\n\n1. Part\nNote: that.\nbar   ███\n";

    #[test]
    fn what_is_looked_for_stands_out() {
        let want = "[b x: 10 users][d           seed 42 | scenario 1 | plimsoll 0]\nEach publishes.\n\nObjectives         \
            [bad NOT MET]: p99\n\n[b objective   verdict]\n[d -------------------]\np99         [good met]\nloss        \
            [bad NOT MET]\n\n[b 1. Part]\n[unsure Note: that.]\nbar   [place ███]\n";
        assert_eq!(shown(&report(REPORT)), want);
    }

    #[test]
    fn nothing_but_colour_is_added() {
        assert_eq!(anstream::adapter::strip_str(&report(REPORT)).to_string(), REPORT);
        let text = "error: no\n  --> x.yaml:1:2\n   |\n 1 | users: x\n   |        ^ here\n   = help: do";
        assert_eq!(anstream::adapter::strip_str(&message(text)).to_string(), text);
        assert!(message(text).contains(&format!("{BAD}^ here{BAD:#}")), "{}", message(text));
    }

    #[test]
    fn words_in_a_sentence_are_no_verdicts() {
        for text in ["\n\nservers: right for what carries the load\n", "\n\nwe met\n", "\n\nmethod   metre\n"] {
            assert_eq!(report(text).matches('\u{1b}').count(), report("\n\n\n").matches('\u{1b}').count(), "{text}");
        }
    }
}
