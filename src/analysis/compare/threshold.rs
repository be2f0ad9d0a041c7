//! How much a figure may grow or shrink before that is a negative answer: `latency_seconds.p99>10%`.

use super::figures::{self, PRICE};
use super::{Comparison, Difference, Kind};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source, nearest, quoted};
use crate::stats::Estimate;
use crate::units::parse;
use crate::units::parse::Quantity;

/// A figure and how far it may move.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// As it was typed.
    pub text: String,
    /// The figure's name.
    pub figure: String,
    /// Whether more than the limit is too much, and not less.
    above: bool,
    /// Whether the limit is a share of the first variant's figure, and not a difference in the figure's own unit.
    relative: bool,
    limit: f64,
}

/// How a threshold fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The whole interval keeps to it.
    Kept,
    /// The whole interval is beyond it.
    Passed,
    /// Its limit lies within the interval.
    Unclear,
}

impl Threshold {
    /// Reads `FIGURE>LIMIT` or `FIGURE<LIMIT`. A limit with % is a share of the first variant's figure.
    ///
    /// # Errors
    /// When it is not of that form, or there is no such figure.
    pub fn parse(text: &str) -> Result<Self, Diagnostics> {
        let source = Source::argument(format!("--fail-on {text}"));
        let start = "--fail-on ".len();
        let place = |from: usize, to: usize| Place::new(&source, start + from, start + to);
        let help = "write it like `latency_seconds.p99>10%`, `required.servers>0` or `latency_seconds.p99>5 ms`";
        let Some(at) = text.find(['>', '<']) else {
            let error = Diagnostic::at(&place(0, text.len()), "`--fail-on` needs a figure, `>` or `<`, and a limit");
            return Err(error.help(help).into());
        };
        let figure = text[..at].trim();
        let known = figures::names();
        let with = |prefix: &str| format!("{prefix}{figure}");
        let candidates = ["", "load.", "required.", "utilisation.", "latency_seconds."].map(with);
        let Some(name) = candidates.into_iter().find(|candidate| known.contains(candidate)) else {
            let error = Diagnostic::at(&place(0, at), format!("there is no figure {}", quoted(figure)));
            let near = nearest(figure, known.iter().map(String::as_str));
            let help = near.map_or_else(
                || "the figures are those of `differences` with `--format json`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(error.help(help).into());
        };
        let limit = text[at + 1..].trim();
        let (negative, size) = limit.strip_prefix('-').map_or((false, limit), |size| (true, size.trim()));
        let relative = size.ends_with('%');
        let quantity = if relative { Quantity::Ratio } else { figures::quantity(&name) };
        match parse::exact(size, quantity) {
            Ok(size) => Ok(Self {
                text: text.to_owned(),
                figure: name,
                above: text[at..].starts_with('>'),
                relative,
                limit: if negative { -size } else { size },
            }),
            Err(error) => Err(Diagnostic::figure(&name, &place(at + 1, text.len()), &error).into()),
        }
    }

    /// Whether it asks for prices.
    pub fn is_of_price(&self) -> bool {
        self.figure == PRICE
    }

    /// How each variant fares, in their order.
    pub fn outcomes(&self, comparison: &Comparison) -> Vec<(usize, Outcome)> {
        (1..comparison.sides.len())
            .map(|variant| {
                let of = |difference: &&Difference| difference.variant == variant && difference.figure == self.figure;
                let outcome = match comparison.differences.iter().find(of) {
                    Some(difference) if difference.difference.is_some() => self.outcome(difference),
                    // Too much even to simulate, where the first was not.
                    Some(found) if found.kind == Kind::Sampling && found.to.is_none() => Outcome::Passed,
                    Some(found) if found.kind == Kind::Sampling => Outcome::Kept,
                    Some(_) => Outcome::Unclear,
                    // Neither has it, so nothing changed; or neither could be simulated.
                    None if comparison.sides[variant].metrics.is_err() => Outcome::Unclear,
                    None => Outcome::Kept,
                };
                (variant, outcome)
            })
            .collect()
    }

    fn outcome(&self, difference: &Difference) -> Outcome {
        let found = if self.relative { difference.relative } else { difference.difference };
        let grows = |by: Estimate| match by.value {
            by if by > 0.0 => f64::INFINITY,
            by if by < 0.0 => f64::NEG_INFINITY,
            _ => 0.0,
        };
        // Any growth from nothing is more than any share of it.
        let Some(found) = found.or_else(|| difference.difference.map(|by| Estimate::exact(grows(by)))) else {
            return Outcome::Unclear;
        };
        let (low, high) = if self.above { (found.low, found.high) } else { (-found.high, -found.low) };
        let limit = if self.above { self.limit } else { -self.limit };
        if low > limit {
            Outcome::Passed
        } else if high <= limit {
            Outcome::Kept
        } else {
            Outcome::Unclear
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(from: f64, low: f64, high: f64) -> Difference {
        let by = Estimate { value: f64::midpoint(low, high), low, high };
        Difference {
            variant: 1,
            figure: "latency_seconds.p99".to_owned(),
            kind: Kind::Sampling,
            from: Some(Estimate::exact(from)),
            to: Some(Estimate::exact(from + by.value)),
            difference: Some(by),
            relative: (from != 0.0).then(|| by.scaled(1.0 / from)),
        }
    }

    #[test]
    fn the_whole_interval_decides() {
        let outcome = |text: &str, difference: &Difference| Threshold::parse(text).unwrap().outcome(difference);
        let slower = difference(0.1, 0.009, 0.011);
        assert_eq!(outcome("latency_seconds.p99>5%", &slower), Outcome::Passed);
        assert_eq!(outcome("p99 > 10 %", &slower), Outcome::Unclear);
        assert_eq!(outcome("latency_seconds.p99>12%", &slower), Outcome::Kept);
        assert_eq!(outcome("latency_seconds.p99>8 ms", &slower), Outcome::Passed);
        assert_eq!(outcome("latency_seconds.p99<20ms", &slower), Outcome::Passed);
        assert_eq!(outcome("latency_seconds.p99<-1ms", &slower), Outcome::Kept);
        assert_eq!(outcome("latency_seconds.p99>50%", &difference(0.0, 0.001, 0.001)), Outcome::Passed);
    }

    #[test]
    fn what_is_wrong_is_told() {
        let told = |text: &str| Threshold::parse(text).unwrap_err().to_string();
        assert!(told("latency_seconds.p98>1%").contains("did you mean `latency_seconds.p9"));
        assert!(told("latency_seconds.p99").contains("needs a figure"));
        assert!(told("latency_seconds.p99>5").contains("unit"));
    }
}
