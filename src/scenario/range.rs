//! Ranges of values to vary: `100..100M log 7`, `1..4 ms lin 4`.

use super::keys::{self, Kind};
use crate::diagnostic::{Diagnostic, Place};
use crate::units::parse::{self, Quantity};

/// Most values of one range.
const MOST: usize = 10_000;
const HELP: &str =
    "write it like `100..100M log 7` (each so many times the last) or `1..10 ms lin 10` (in equal steps)";

/// The values of a range for a key, the ends included; `None` where the text is no range. `place` is where it stands.
pub(super) fn values(path: &str, text: &str, place: &Place) -> Result<Option<Vec<String>>, Diagnostic> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some(at) = words.iter().position(|word| matches!(*word, "log" | "lin")) else { return Ok(None) };
    let wrong = |message: &str| Diagnostic::at(place, message.to_owned()).help(HELP);
    let ends = words[..at].join(" ");
    let Some((first, last)) = ends.split_once("..").map(|(a, b)| (a.trim(), b.trim())) else {
        return Err(wrong("a range needs two ends"));
    };
    let count = match &words[at + 1..] {
        [count] => count.parse::<usize>().ok().filter(|count| (2..=MOST).contains(count)),
        _ => None,
    };
    let Some(count) = count else {
        return Err(wrong("a range needs to know how many values it has, from 2 to 10,000"));
    };
    let (quantity, whole) =
        taken(path).ok_or_else(|| wrong(&format!("`{path}` takes no figure, so it has no range")))?;
    let unit = unit_of(last);
    // `1..10 ms` has one unit for both; of a count, 100 is 100 and not 100 million.
    let first = if unit_of(first).is_empty() && quantity != Quantity::Count {
        format!("{first}{unit}")
    } else {
        first.to_owned()
    };
    let read =
        |text: &str| parse::exact(text, quantity).map_err(|e| Diagnostic::figure("an end of the range", place, &e));
    let (low, high) = (read(&first)?, read(last)?);
    if (high - low).abs() <= f64::EPSILON * high.abs() {
        return Err(wrong("the ends of a range are two different figures"));
    }
    let log = words[at] == "log";
    if log && (low <= 0.0 || high <= 0.0) {
        return Err(wrong("a range by factors can't begin or end at zero"));
    }
    let scale = if quantity == Quantity::Count { 1.0 } else { read(&format!("1{unit}"))? };
    let between = |step: usize| {
        let way = step as f64 / (count - 1) as f64;
        match step {
            0 => low,
            _ if step == count - 1 => high,
            _ if log => (low.ln() + (high / low).ln() * way).exp(),
            _ => low + (high - low) * way,
        }
    };
    let mut found: Vec<String> = Vec::new();
    for step in 0..count {
        let mut figure = significant(between(step) / scale);
        if whole {
            figure = figure.round();
        }
        let text = if quantity == Quantity::Count { short(figure) } else { format!("{figure}{unit}") };
        if found.last() == Some(&text) {
            return Err(wrong("there are not so many different whole numbers in this range"));
        }
        found.push(text);
    }
    Ok(Some(found))
}

/// What figures a key takes, and whether whole ones only.
fn taken(path: &str) -> Option<(Quantity, bool)> {
    if let Some(key) = keys::find(path) {
        return match key.kind {
            Kind::Figure(figure) => Some((figure.quantity, figure.whole)),
            Kind::Random(quantity) => Some((quantity, false)),
            _ => None,
        };
    }
    // A figure of a distribution: most are of what the key is of.
    let (above, name) = path.rsplit_once('.')?;
    let (quantity, _) = taken(above)?;
    Some(if matches!(name, "cv" | "k") { (Quantity::Count, name == "k") } else { (quantity, false) })
}

/// What follows the number.
fn unit_of(text: &str) -> &str {
    let digits =
        |text: &str| text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '_' | '.'))).unwrap_or(text.len());
    let rest = &text[digits(text)..];
    let exponent = rest.strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    match exponent {
        Some(exponent) if exponent.starts_with(|c: char| c.is_ascii_digit()) => &exponent[digits(exponent)..],
        _ => rest,
    }
}

/// To twelve digits, so that a thousand is a thousand.
fn significant(figure: f64) -> f64 {
    format!("{figure:.11e}").parse().unwrap_or(figure)
}

/// A count as people write it: `10k`, `1M`.
fn short(figure: f64) -> String {
    for (size, unit) in [(1e6, "M"), (1e3, "k")] {
        if figure >= size && figure % size == 0.0 {
            return format!("{}{unit}", figure / size);
        }
    }
    figure.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    fn range(path: &str, text: &str) -> Result<Option<Vec<String>>, Diagnostic> {
        let source = Source::argument(text);
        values(path, text, &Place::new(&source, 0, text.len()))
    }

    #[test]
    fn ranges_have_their_ends_and_what_lies_between() {
        for (path, text, expected) in [
            ("users", "100..100M log 7", "100 1k 10k 100k 1M 10M 100M"),
            ("users", "1..1k log 4", "1 10 100 1k"),
            ("users", "1_000..2_000 lin 3", "1k 1500 2k"),
            ("users", "100..200 log 3", "100 141 200"),
            ("users", "30..10 lin 3", "30 20 10"),
            ("latency.client", "1..10 ms log 3", "1 ms,3.16227766017 ms,10 ms"),
            ("latency.client", "500 us..2 ms lin 4", "0.5 ms,1 ms,1.5 ms,2 ms"),
            ("latency.client.lognormal.cv", "0.1..0.3 lin 3", "0.1 0.2 0.3"),
            ("servers.target_utilisation", "50..90 % lin 3", "50 %,70 %,90 %"),
            ("workload.message.rate", "0.01..1/s log 3", "0.01/s 0.1/s 1/s"),
        ] {
            let separator = if expected.contains(',') { ',' } else { ' ' };
            let expected: Vec<&str> = expected.split(separator).collect();
            assert_eq!(range(path, text).unwrap().unwrap(), expected, "{text}");
        }
        for text in ["3_000..5_000", "{exponential: 1 ms}", "10k"] {
            assert_eq!(range("servers.connections.comfortable", text).unwrap(), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for (path, text, says) in [
            ("users", "100 log 3", "two ends"),
            ("users", "1..100 log", "how many"),
            ("users", "1..100 log 1", "how many"),
            ("users", "1..100 log x", "how many"),
            ("users", "1..100 log 3 4", "how many"),
            ("users", "1..3 lin 9", "whole numbers"),
            ("users", "5..5 lin 2", "different"),
            ("users", "0..5 log 2", "zero"),
            ("users", "a..5 log 2", "not a number"),
            ("latency.client", "1..5 log 2", "unit"),
            ("balancer.policy", "1..5 log 2", "no figure"),
        ] {
            let error = range(path, text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
