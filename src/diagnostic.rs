//! An error that a person can act on: what is wrong, where it is, what to write instead.
//!
//! Everything that reads what a person typed (scenario files, `--set`, data files) reports with these types. Several
//! mistakes are collected in [`Diagnostics`] and shown at once, in the order of their places. The text is plain: no
//! colour, at most 100 columns, and nothing in a file can send control characters to the terminal.

use std::fmt::{self, Display, Write as _};
use std::sync::Arc;

use crate::units::parse::{self, ParseError, Quantity};

/// Columns that a line of source may take, the gutter included.
const COLUMNS: usize = 100;
/// Most errors that are shown.
const SHOWN: usize = 20;
/// Most characters of a user's text inside a message.
const QUOTED: usize = 40;

/// A text that a person wrote: a file, or an argument of the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// How it is called: the path of a file, or what sort of argument it is.
    pub name: String,
    /// All of it.
    pub text: String,
    /// Whether lines and columns mean something to a person. They don't in an argument.
    pub is_file: bool,
}

impl Source {
    /// A file.
    pub fn file(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into(), is_file: true })
    }

    /// An argument of the command line, such as `--set users=5`.
    pub fn argument(text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: "the command line".to_owned(), text: text.into(), is_file: false })
    }
}

/// A stretch of a [`Source`], in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    source: Arc<Source>,
    start: usize,
    end: usize,
}

impl Place {
    /// The bytes `start..end`, moved to the nearest boundaries of characters inside the text.
    pub fn new(source: &Arc<Source>, start: usize, end: usize) -> Self {
        let start = boundary(&source.text, start);
        let end = boundary(&source.text, end.max(start));
        Self { source: Arc::clone(source), start, end }
    }

    /// A part of this place, in bytes from its start.
    #[must_use]
    pub fn part(&self, start: usize, end: usize) -> Self {
        Self::new(&self.source, (self.start + start).min(self.end), (self.start + end).min(self.end))
    }

    /// The text this is a stretch of.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// What stands here.
    pub fn text(&self) -> &str {
        &self.source.text[self.start..self.end]
    }

    /// The first byte.
    pub fn start(&self) -> usize {
        self.start
    }

    /// The byte after the last.
    pub fn end(&self) -> usize {
        self.end
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        1 + self.source.text[..self.start].matches('\n').count()
    }

    /// The column, in characters from 1.
    pub fn column(&self) -> usize {
        1 + self.source.text[self.line_start()..self.start].chars().count()
    }

    fn line_start(&self) -> usize {
        self.source.text[..self.start].rfind('\n').map_or(0, |newline| newline + 1)
    }
}

/// The nearest boundary of a character at or before this byte.
fn boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The figure that an option of the command line was given, in base units: `--bandwidth "10 MB/s"`.
///
/// # Errors
/// When the text is not such a figure.
pub fn option_figure(option: &str, text: &str, quantity: Quantity) -> Result<f64, Diagnostic> {
    parse::exact(text, quantity).map_err(|error| {
        let source = Source::argument(format!("{option} {text}"));
        let place = Place::new(&source, option.len() + 1, source.text.len());
        Diagnostic::figure(&format!("`{option}`"), &place, &error)
    })
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    message: String,
    place: Option<Place>,
    label: String,
    help: Option<String>,
}

impl Diagnostic {
    /// A mistake that is nowhere in particular.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, label: String::new(), help: None }
    }

    /// A mistake at a place.
    pub fn at(place: &Place, message: impl Into<String>) -> Self {
        Self { place: Some(place.clone()), ..Self::new(message) }
    }

    /// A figure that is none. `name` is what it was to be the figure of, `place` where its text stands.
    pub fn figure(name: &str, place: &Place, error: &ParseError) -> Self {
        let place = place.part(error.at.start, error.at.end);
        Self::at(&place, format!("{name} {error}")).label(error.label.as_str()).maybe_help(error.help.clone())
    }

    /// A few words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, with help where there is some.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it is.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }
}

impl Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error: {}", visible(&self.message))?;
        let mut margin = 2;
        if let Some(place) = &self.place {
            let number = place.line().to_string();
            margin = number.len() + 1;
            write!(out, "\n{:margin$}--> {}", "", visible(&place.source.name))?;
            if place.source.is_file {
                write!(out, ":{number}:{}", place.column())?;
            }
            let gutter = if place.source.is_file { number.as_str() } else { "" };
            let width = margin - 1;
            let snippet = Snippet::cut(place, COLUMNS.saturating_sub(margin + 4));
            write!(out, "\n{:margin$} |\n {gutter:>width$} | {}", "", snippet.line)?;
            write!(out, "\n{:margin$} | {:indent$}{}", "", "", "^".repeat(snippet.carets), indent = snippet.indent)?;
            if !self.label.is_empty()
                && margin + 4 + snippet.indent + snippet.carets + self.label.chars().count() <= COLUMNS
            {
                write!(out, " {}", visible(&self.label))?;
            }
        }
        if let Some(help) = &self.help {
            // Further lines of a help line up under the first.
            let indent = margin + "  = help: ".len() - 1;
            let wrapped = wrap(help, COLUMNS - indent).replace('\n', &format!("\n{:indent$}", ""));
            write!(out, "\n{:margin$} = help: {wrapped}", "")?;
        }
        Ok(())
    }
}

/// A line of source as it is shown, with the place marked under it.
struct Snippet {
    line: String,
    indent: usize,
    carets: usize,
}

impl Snippet {
    /// The line of the place, cut around the place to fit the room (in columns).
    fn cut(place: &Place, room: usize) -> Self {
        let text = &place.source.text;
        let line_start = place.line_start();
        let line_end = text[place.start..].find('\n').map_or(text.len(), |newline| place.start + newline);
        let line = text[line_start..line_end].trim_end_matches('\r');
        // Each character as it is shown, and whether the place covers it.
        let mut cells: Vec<(char, usize, bool)> = Vec::new();
        let mut caret = None;
        for (offset, c) in line.char_indices() {
            let marked = (place.start..place.end).contains(&(line_start + offset));
            if line_start + offset >= place.start && caret.is_none() {
                caret = Some(cells.len());
            }
            let c = shown(c);
            cells.push((c, width(c), marked));
        }
        let caret = caret.unwrap_or(cells.len());
        let total: usize = cells.iter().map(|cell| cell.1).sum();
        let (mut from, mut to) = (0, cells.len());
        if total > room {
            // A third of the room before the place, the rest from it on; "…" stands for what is left out.
            let mut left = 0;
            from = caret;
            while from > 0 && left + cells[from - 1].1 <= room / 3 {
                from -= 1;
                left += cells[from].1;
            }
            to = from;
            let mut used = 2;
            while to < cells.len() && used + cells[to].1 <= room {
                used += cells[to].1;
                to += 1;
            }
        }
        let mut shown_line = String::new();
        let mut indent = 0;
        if from > 0 {
            shown_line.push('…');
            indent += 1;
        }
        indent += cells[from..caret.max(from)].iter().map(|cell| cell.1).sum::<usize>();
        shown_line.extend(cells[from..to].iter().map(|cell| cell.0));
        if to < cells.len() {
            shown_line.push('…');
        }
        let carets = cells[from..to].iter().filter(|cell| cell.2).map(|cell| cell.1).sum::<usize>().max(1);
        Self { line: shown_line.trim_end().to_owned(), indent, carets }
    }
}

/// Breaks lines that are longer than this between words. What stands in back-quotes may be broken too.
fn wrap(text: &str, columns: usize) -> String {
    let mut out = String::new();
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut used = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            if used > 0 && used + 1 + length > columns {
                out.push('\n');
                used = 0;
            } else if used > 0 {
                out.push(' ');
                used += 1;
            }
            out.extend(word.chars().map(shown));
            used += length;
        }
    }
    out
}

/// What stands for a character on a terminal: control characters and those that turn the direction of text are
/// replaced by a picture of them.
fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{FFFD}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{2069}'
        | '\u{FEFF}' => '\u{FFFD}',
        c => c,
    }
}

/// Columns a character takes on a terminal, near enough to put a caret under it.
fn width(c: char) -> usize {
    match c as u32 {
        0x0300..=0x036F | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// A text with its control characters made visible.
pub fn visible(text: &str) -> String {
    text.chars().map(shown).collect()
}

/// A user's text inside a message: in back-quotes, harmless, and not too long.
pub fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTED).map(shown).collect();
    if text.chars().nth(QUOTED).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

/// "did you mean": the candidate that is nearest to a word, if one is near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody mistypes a short word into a text of this length; comparing costs time that grows with it.
    if word.len() > 100 {
        return None;
    }
    let lower = word.to_lowercase().replace('-', "_");
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&lower, &candidate.to_lowercase().replace('-', "_")), candidate))
        .filter(|&(distance, candidate)| distance <= 1 + candidate.chars().count() / 4)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// All the mistakes found, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Sorts them by place: those without one first.
    pub fn new(mut list: Vec<Diagnostic>) -> Self {
        list.sort_by(|a, b| key(a).cmp(&key(b)));
        list.dedup();
        Self(list)
    }

    /// Each of them, in the order shown.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

fn key(diagnostic: &Diagnostic) -> Option<(bool, &str, usize)> {
    // Files before arguments, as they are read.
    diagnostic.place.as_ref().map(|place| (!place.source.is_file, place.source.name.as_str(), place.start))
}

impl FromIterator<Diagnostics> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostics>>(lists: I) -> Self {
        Self::new(lists.into_iter().flat_map(|list| list.0).collect())
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

impl Display for Diagnostics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().take(SHOWN).enumerate() {
            if index > 0 {
                out.write_str("\n\n")?;
            }
            diagnostic.fmt(out)?;
        }
        if self.0.len() > SHOWN {
            write!(out, "\n\n… and {} more", self.0.len() - SHOWN)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Words as a person lists them: "`a`, `b` or `c`".
pub fn alternatives<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    let mut list = String::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            list.push_str(if index + 1 == words.len() { " or " } else { ", " });
        }
        // Writing to a string does not fail.
        let _ = write!(list, "`{word}`");
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_like_this() {
        let text = "users: 5\nworkload:\n    message: {rate: 1, size: 1 KB}\n";
        let source = Source::file("scenarios/x.yaml", text);
        let start = text.find("1,").unwrap();
        let place = Place::new(&source, start, start + 1);
        let error = Diagnostic::at(&place, "`rate` needs a unit").label("a plain number").help("write `1/s`\nor so");
        insta::assert_snapshot!(error, @r"
        error: `rate` needs a unit
          --> scenarios/x.yaml:3:21
           |
         3 |     message: {rate: 1, size: 1 KB}
           |                     ^ a plain number
           = help: write `1/s`
                   or so
        ");
    }

    #[test]
    fn an_argument_has_no_line() {
        let source = Source::argument("--set users=-5");
        let error = Diagnostic::at(&Place::new(&source, 12, 14), "`users` can't be negative");
        insta::assert_snapshot!(error, @r"
        error: `users` can't be negative
          --> the command line
           |
           | --set users=-5
           |             ^^
        ");
    }

    #[test]
    fn an_option_has_a_figure() {
        assert_eq!(option_figure("--bandwidth", "10 MB/s", Quantity::ByteRate), Ok(10e6));
        insta::assert_snapshot!(option_figure("--bandwidth", "80 Mbit/s", Quantity::ByteRate).unwrap_err(), @r"
        error: `--bandwidth` needs a flow of data, not a line speed
          --> the command line
           |
           | --bandwidth 80 Mbit/s
           |                ^^^^^^ a line speed
           = help: 8 bits are a byte: this is `10 MB/s`
        ");
    }

    #[test]
    fn long_lines_are_cut_and_nothing_odd_reaches_the_terminal() {
        let text = format!("{}\u{1b}[31m\t日本語 = ✗{}", "a".repeat(300), "b".repeat(300));
        let source = Source::file("x", text.as_str());
        for start in 0..text.len() + 3 {
            for length in [0, 1, 7, 400] {
                let shown = Diagnostic::at(&Place::new(&source, start, start + length), "m").to_string();
                assert!(!shown.contains(['\u{1b}', '\t']));
                for line in shown.lines() {
                    assert!(line.chars().map(width).sum::<usize>() <= COLUMNS, "{line}");
                }
            }
        }
        let at = text.find('✗').unwrap();
        insta::assert_snapshot!(Diagnostic::at(&Place::new(&source, at, at + 3), "m"), @r"
        error: m
          --> x:1:313
           |
         1 | …aaaaaaaaaaaaaaaa␛[31m 日本語 = ✗bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…
           |                                 ^
        ");
    }

    #[test]
    fn many_are_counted_and_sorted() {
        let source = Source::file("x", "a\n".repeat(30));
        let list =
            (0..30).rev().map(|line| Diagnostic::at(&Place::new(&source, 2 * line, 2 * line + 1), "m")).collect();
        let shown = Diagnostics::new(list).to_string();
        assert!(shown.ends_with("… and 10 more") && shown.find("x:1:1") < shown.find("x:2:1"));
    }

    #[test]
    fn near_words_are_found() {
        let words = ["users", "servers", "workload"];
        assert_eq!(nearest("user", words), Some("users"));
        assert_eq!(nearest("wrokload", words), Some("workload"));
        assert_eq!(nearest("balancer", words), None);
        assert_eq!(alternatives(words), "`users`, `servers` or `workload`");
    }
}
