//! The one strict parser of figures that a person types, in YAML and on the command line.
//!
//! A figure is a number, perhaps a space, and a unit: `1.5 KB`, `30/min`, `70 %`, `10k`. Or it is uncertain:
//! `3_000..5_000`, `1..2 ms`. Case matters, a unit must be of the right kind, and what could be meant in two ways is
//! refused with a hint. An error knows which bytes of the text are wrong; it is worded to follow the name of what was
//! to be read ("`rate` needs a unit").

use std::ops::Range;

use super::unit::unit;

/// What a figure is a figure of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// A plain number.
    Count,
    /// A length of time; base unit second.
    Time,
    /// An amount of data; base unit byte.
    Bytes,
    /// The capacity of a line; base unit bit a second.
    BitRate,
    /// A flow of data; base unit byte a second.
    ByteRate,
    /// Events a second.
    Rate,
    /// A share; 1 is all of it.
    Ratio,
}

/// A figure as typed, in base units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Figure {
    /// Known.
    Exact(f64),
    /// Uncertain: it lies between the two with a probability of 90 %.
    Interval {
        /// 5th percentile; more than zero.
        low: f64,
        /// 95th percentile; more than `low`.
        high: f64,
    },
}

/// What is wrong with a figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is nothing.
    #[error("needs a figure")]
    Missing,
    /// There is no number where one is due.
    #[error("is not a number")]
    NotANumber,
    /// NaN or infinity.
    #[error("must be a finite number")]
    NotFinite,
    /// Below zero.
    #[error("can't be negative")]
    Negative,
    /// More than a float holds.
    #[error("is too large a number")]
    TooLarge,
    /// Digits grouped in another way than by `_` between digits.
    #[error("groups its digits in a way that is not read")]
    Grouping,
    /// A number alone, where a unit is due.
    #[error("needs a unit")]
    NoUnit,
    /// No unit of ours.
    #[error("has an unknown unit")]
    UnknownUnit,
    /// A unit that people write for two different things.
    #[error("has an ambiguous unit")]
    AmbiguousUnit,
    /// A unit of something else.
    #[error("needs {needed}, not {given}")]
    WrongKind {
        /// What is due.
        needed: &'static str,
        /// What was given.
        given: &'static str,
    },
    /// An interval that is none.
    #[error("is not an interval")]
    Interval,
}

/// Why a text is not a figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseError {
    /// What is wrong.
    pub problem: Problem,
    /// Which bytes of the text.
    pub at: Range<usize>,
    /// A few words about what stands there.
    pub label: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Quantity {
    /// What it is called in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "a plain number",
            Self::Time => "a time",
            Self::Bytes => "an amount of data",
            Self::BitRate => "a line speed",
            Self::ByteRate => "a flow of data",
            Self::Rate => "a rate",
            Self::Ratio => "a share",
        }
    }

    /// How it is written.
    pub const fn examples(self) -> &'static str {
        match self {
            Self::Count => "write a number, such as `10`, `10_000`, `10k` or `1M`",
            Self::Time => "write a time, such as `250 us`, `20 ms`, `30 s`, `20 min` or `7 days`",
            Self::Bytes => "write an amount of data, such as `200 B`, `1 KB`, `8 GiB` or `4 TB`",
            Self::BitRate => "write a line speed, such as `100 Mbit/s` or `1 Gbit/s`",
            Self::ByteRate => "write a flow of data, such as `200 MB/s` or `36 GB/hour`",
            Self::Rate => "write a rate, such as `1/s`, `30/min` or `0.03/s`",
            Self::Ratio => "write a share, such as `70 %` or `0.7`",
        }
    }

    /// Whether a plain number is one.
    pub(super) const fn plain(self) -> bool {
        matches!(self, Self::Count | Self::Ratio)
    }

    /// A regular expression that its unit matches, for the published schema.
    pub const fn unit_pattern(self) -> &'static str {
        match self {
            Self::Count => " ?[kM]?",
            Self::Time => " ?(ns|us|µs|μs|ms|s|min|h|hours?|days?|weeks?)",
            Self::Bytes => " ?([KMGTP]?B|[KMGT]iB)",
            Self::BitRate => " ?[kMGT]?bit/s",
            Self::ByteRate => " ?([KMGTP]?B|[KMGT]iB)/(s|min|h|hour|day)",
            Self::Rate => "[kM]? ?/(s|min|h|hour|day)",
            Self::Ratio => " ?%?",
        }
    }
}

/// Reads a figure that is known exactly.
///
/// # Errors
/// When the text is not such a figure, or is an interval.
pub fn exact(text: &str, quantity: Quantity) -> Result<f64, ParseError> {
    match figure(text, quantity)? {
        Figure::Exact(value) => Ok(value),
        Figure::Interval { .. } => {
            Err(error(Problem::Interval, 0..text.len(), "an interval").with_help("write one figure here"))
        }
    }
}

/// Reads a figure, known or uncertain.
///
/// # Errors
/// When the text is neither.
pub fn figure(text: &str, quantity: Quantity) -> Result<Figure, ParseError> {
    let trimmed = text.trim();
    let offset = text.len() - text.trim_start().len();
    let whole = offset..offset + trimmed.len();
    if trimmed.is_empty() {
        return Err(error(Problem::Missing, 0..text.len(), "nothing").with_help(quantity.examples()));
    }
    let Some(dots) = trimmed.find("..") else {
        return single(trimmed, quantity).map(Figure::Exact).map_err(|e| e.moved(offset));
    };
    let (first, last) = (trimmed[..dots].trim_end(), &trimmed[dots + 2..]);
    let last_offset = offset + dots + 2;
    let high =
        single(last.trim(), quantity).map_err(|e| e.moved(last_offset + last.len() - last.trim_start().len()))?;
    // The unit may stand at the end only: `1..2 ms`.
    let low = match number(first) {
        Ok((value, rest)) if rest == first.len() => {
            let (_, unit_start) = number(last.trim()).map_err(|e| e.moved(last_offset))?;
            Ok(unit(last.trim(), unit_start, quantity).map_err(|e| e.moved(last_offset))?.of(value))
        }
        _ => single(first, quantity),
    };
    let low = low.map_err(|e| e.moved(offset))?;
    if low <= 0.0 || low >= high {
        let label = if low <= 0.0 { "the low end must be more than zero" } else { "the low end must come first" };
        let help = "an interval goes from its 5th to its 95th percentile, such as `3_000..5_000` or `1..2 ms`";
        return Err(error(Problem::Interval, whole, label).with_help(help));
    }
    Ok(Figure::Interval { low, high })
}

/// A number and its unit.
fn single(text: &str, quantity: Quantity) -> Result<f64, ParseError> {
    if text.is_empty() {
        return Err(error(Problem::Interval, 0..0, "an end is missing").with_help("write both ends, such as `1..2 ms`"));
    }
    let (value, rest) = number(text).map_err(|e| e.or_help(quantity.examples()))?;
    let result = unit(text, rest, quantity)?.of(value);
    if result.is_finite() { Ok(result) } else { Err(error(Problem::TooLarge, 0..text.len(), "")) }
}

/// The number at the start of a text, and where it ends.
fn number(text: &str) -> Result<(f64, usize), ParseError> {
    let bytes = text.as_bytes();
    if let Some(signless) = text.strip_prefix(['-', '+']) {
        let (_, length) = number(signless).map_err(|e| e.moved(1))?;
        return Err(if bytes[0] == b'-' {
            error(Problem::Negative, 0..=length, "less than zero")
        } else {
            error(Problem::NotANumber, 0..1, "no sign is needed").with_help("leave out the `+`")
        });
    }
    if is_no_number(text) {
        return Err(error(Problem::NotFinite, 0..text.len(), ""));
    }
    let digits = |mut at: usize| {
        while at < bytes.len() && (bytes[at].is_ascii_digit() || bytes[at] == b'_') {
            at += 1;
        }
        at
    };
    let mut end = digits(0);
    if end == 0 || bytes[0] == b'_' {
        let word = text.find(char::is_whitespace).unwrap_or(text.len());
        return Err(error(Problem::NotANumber, 0..word, "not a number"));
    }
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    let typed = &text[..end];
    if bytes.get(end) == Some(&b',') {
        let help = "write `10_000`, or `10k`: a comma separates the items of a list";
        return Err(error(Problem::Grouping, end..=end, "a comma").with_help(help));
    }
    if matches!(bytes.get(end), Some(b'x' | b'o')) && typed == "0" {
        let help = "write it in decimal digits";
        return Err(error(Problem::NotANumber, 0..text.len(), "").with_help(help));
    }
    // Between two digits, and nowhere else.
    let stray = typed.bytes().enumerate().find(|&(at, byte)| {
        byte == b'_' && !(bytes[at - 1].is_ascii_digit() && bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
    });
    if let Some((at, _)) = stray {
        let help = "`_` stands between two digits, as in `10_000`";
        return Err(error(Problem::Grouping, at..=at, "a stray `_`").with_help(help));
    }
    match typed.replace('_', "").parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((value, end)),
        Ok(_) => Err(error(Problem::TooLarge, 0..end, "")),
        Err(_) => Err(error(Problem::NotANumber, 0..end, "not a number")),
    }
}

/// The spellings of NaN and infinity, in YAML and elsewhere.
fn is_no_number(text: &str) -> bool {
    let word = text.trim_start_matches('.').to_ascii_lowercase();
    matches!(word.as_str(), "nan" | "inf" | "infinity")
}

/// An error; the range is of bytes of the text at hand.
pub(super) fn error(problem: Problem, at: impl Into<Bounds>, label: impl Into<String>) -> ParseError {
    ParseError { problem, at: at.into().0, label: label.into(), help: None }
}

/// Lets [`error`] take `a..b` and `a..=b`.
pub(super) struct Bounds(Range<usize>);

impl From<Range<usize>> for Bounds {
    fn from(range: Range<usize>) -> Self {
        Self(range)
    }
}

impl From<std::ops::RangeInclusive<usize>> for Bounds {
    fn from(range: std::ops::RangeInclusive<usize>) -> Self {
        Self(*range.start()..*range.end() + 1)
    }
}

impl ParseError {
    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn or_help(mut self, help: &str) -> Self {
        self.help.get_or_insert_with(|| help.to_owned());
        self
    }

    fn moved(mut self, by: usize) -> Self {
        self.at = self.at.start + by..self.at.end + by;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn value(text: &str, quantity: Quantity) -> f64 {
        exact(text, quantity).unwrap_or_else(|e| panic!("{text}: {e:?}"))
    }

    #[test]
    fn figures_are_read() {
        for (text, quantity, expected) in [
            ("10_000", Quantity::Count, 1e4),
            ("10k", Quantity::Count, 1e4),
            ("4.2 M", Quantity::Count, 4.2e6),
            ("1e3", Quantity::Count, 1e3),
            ("1.5E-1", Quantity::Count, 0.15),
            ("20 ms", Quantity::Time, 0.02),
            ("250us", Quantity::Time, 250e-6),
            ("9 µs", Quantity::Time, 9e-6),
            ("7 days", Quantity::Time, 604_800.0),
            ("1 hour", Quantity::Time, 3_600.0),
            ("1 KB", Quantity::Bytes, 1e3),
            ("8 GiB", Quantity::Bytes, 8_589_934_592.0),
            ("1 Gbit/s", Quantity::BitRate, 1e9),
            ("36 GB/hour", Quantity::ByteRate, 1e7),
            ("30/min", Quantity::Rate, 0.5),
            ("10k/s", Quantity::Rate, 1e4),
            ("1 /s", Quantity::Rate, 1.0),
            ("70 %", Quantity::Ratio, 0.7),
            ("70%", Quantity::Ratio, 0.7),
            ("0.7", Quantity::Ratio, 0.7),
            (" 5 ", Quantity::Count, 5.0),
        ] {
            let read = value(text, quantity);
            assert!((read - expected).abs() == 0.0, "{text}: {read}");
        }
    }

    #[test]
    fn intervals_are_read() {
        for (text, quantity, low, high) in [
            ("3_000..5_000", Quantity::Count, 3e3, 5e3),
            ("1..2 ms", Quantity::Time, 1e-3, 2e-3),
            ("900 us .. 2 ms", Quantity::Time, 9e-4, 2e-3),
            ("0.5..1.5/s", Quantity::Rate, 0.5, 1.5),
            ("60..80 %", Quantity::Ratio, 0.6, 0.8),
            ("10..20k", Quantity::Count, 1e4, 2e4),
        ] {
            let Ok(Figure::Interval { low: l, high: h }) = figure(text, quantity) else {
                panic!("{text}: {:?}", figure(text, quantity))
            };
            assert!((l / low - 1.0).abs() < 1e-12 && (h / high - 1.0).abs() < 1e-12, "{text}: {l}..{h}");
        }
    }

    /// The message, what the caret is under, and the help.
    #[test]
    fn each_mistake_is_told_apart() {
        let mut seen = String::new();
        for (text, quantity) in [
            ("1", Quantity::Rate),
            ("-5", Quantity::Count),
            ("- 5", Quantity::Count),
            ("+5", Quantity::Count),
            (".nan", Quantity::Count),
            ("1e999", Quantity::Count),
            ("10,000", Quantity::Count),
            ("10__0", Quantity::Count),
            ("10_ ms", Quantity::Time),
            ("0x10", Quantity::Count),
            ("many", Quantity::Count),
            ("1 Gb", Quantity::Bytes),
            ("1 Gb/s", Quantity::BitRate),
            ("1 kb", Quantity::Bytes),
            ("1 Mbps", Quantity::BitRate),
            ("1 kB", Quantity::Bytes),
            ("8 Gbit", Quantity::Bytes),
            ("100 Mbit", Quantity::BitRate),
            ("10K", Quantity::Count),
            ("1 per second", Quantity::Rate),
            ("100 MB/s", Quantity::BitRate),
            ("100 Mbit/s", Quantity::ByteRate),
            ("5 ms", Quantity::Bytes),
            ("5 sec", Quantity::Time),
            ("5 m", Quantity::Time),
            ("5 months", Quantity::Time),
            ("1 / s", Quantity::Rate),
            ("5 users", Quantity::Count),
            ("5..3 ms", Quantity::Time),
            ("0..3 ms", Quantity::Time),
            ("1..2", Quantity::Time),
            ("..2 ms", Quantity::Time),
            ("1 s..x ms", Quantity::Time),
        ] {
            let e = figure(text, quantity).expect_err(text);
            assert!(text.get(e.at.clone()).is_some(), "{text}: {:?}", e.at);
            let help = e.help.clone().unwrap_or_default();
            let _ = writeln!(seen, "{text}: {e} [{}] {} | {help}", &text[e.at.clone()], e.label);
        }
        insta::assert_snapshot!(seen);
    }

    #[test]
    fn no_text_makes_it_panic() {
        let alphabet: Vec<char> = "0159.._-+eEkMGBbit/s% ,xµ日nan".chars().collect();
        let mut state = 1_u64;
        for _ in 0..50_000 {
            let mut text = String::new();
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let length = (state >> 60) as usize;
            for _ in 0..length {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push(alphabet[(state >> 33) as usize % alphabet.len()]);
            }
            for quantity in [Quantity::Count, Quantity::Time, Quantity::ByteRate, Quantity::Rate] {
                if let Err(e) = figure(&text, quantity) {
                    assert!(text.get(e.at.clone()).is_some(), "{text:?}: {e:?}");
                }
            }
        }
    }
}
