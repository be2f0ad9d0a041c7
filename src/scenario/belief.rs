//! What is believed of a figure that nobody knows: `3_000..5_000`, `{uncertain: {uniform: {low: 1 ms, high: 3 ms}}}`.
//!
//! One figure is drawn for a whole world, by its quantile.

use statrs::distribution::{ContinuousCDF, Normal};

use super::draft::{Input, UncertainInput};
use super::keys::Figure;
use super::read::Reader;
use super::tree::{Key, Node, Value};
use crate::diagnostic::{Diagnostic, alternatives, nearest, quoted};

/// The distribution of an uncertain figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Belief {
    /// Its 5th and 95th percentile.
    LogNormal {
        /// 5th percentile.
        low: f64,
        /// 95th percentile.
        high: f64,
    },
    /// Anywhere between two ends.
    Uniform {
        /// The least it can be.
        low: f64,
        /// The most it can be.
        high: f64,
    },
    /// Its logarithm is anywhere between two ends: each factor as likely as any other.
    LogUniform {
        /// The least it can be.
        low: f64,
        /// The most it can be.
        high: f64,
    },
    /// Between two ends, and most likely in between.
    Triangular {
        /// The least it can be.
        low: f64,
        /// What is most likely.
        mode: f64,
        /// The most it can be.
        high: f64,
    },
}

/// The 95th percentile of the standard normal.
const Z95: f64 = 1.644_853_626_951_472_7;

/// The names of beliefs, and how each is written.
pub(super) const BELIEFS: [(&str, &str); 4] = [
    ("lognormal", "{uncertain: {lognormal: {low: P5, high: P95}}}"),
    ("uniform", "{uncertain: {uniform: {low: LEAST, high: MOST}}}"),
    ("loguniform", "{uncertain: {loguniform: {low: LEAST, high: MOST}}}"),
    ("triangular", "{uncertain: {triangular: {low: LEAST, mode: LIKELIEST, high: MOST}}}"),
];

impl Belief {
    /// The figure that a share q of the belief lies below.
    ///
    /// Lognormal: √(low·high)·exp(σz), σ = ln(high/low)/(2·1.645), z the standard normal's quantile. Uniform: low + q(high −
    /// low). Log-uniform: low·(high/low)^q. Triangular, with F = (mode − low)/(high − low): low + √(q(high − low)(mode − low))
    /// up to q = F, from there high − √((1 − q)(high − low)(high − mode)).
    pub fn quantile(&self, q: f64) -> f64 {
        debug_assert!(q > 0.0 && q < 1.0, "a quantile lies between 0 and 1");
        match *self {
            Self::LogNormal { low, high } => {
                // At the very middle there is no need of a rounding error.
                let z = if (q - 0.5).abs() < f64::EPSILON {
                    0.0
                } else {
                    Normal::standard().inverse_cdf(q.clamp(1e-12, 1.0 - 1e-12))
                };
                (low * high).sqrt() * ((high / low).ln() / (2.0 * Z95) * z).exp()
            }
            Self::Uniform { low, high } => low + q * (high - low),
            Self::LogUniform { low, high } => low * (high / low).powf(q),
            Self::Triangular { low, mode, high } => {
                let width = high - low;
                if q * width <= mode - low {
                    low + (q * width * (mode - low)).sqrt()
                } else {
                    high - ((1.0 - q) * width * (high - mode)).sqrt()
                }
            }
        }
    }

    /// What it is called.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LogNormal { .. } => "lognormal",
            Self::Uniform { .. } => "uniform",
            Self::LogUniform { .. } => "loguniform",
            Self::Triangular { .. } => "triangular",
        }
    }
}

impl Reader<'_> {
    /// `{uncertain: …}`, or nothing where it is wrong; `name` is what errors call the figure, `path` the uncertain input.
    pub fn believed(&mut self, name: &str, path: &str, node: &Node, figure: &Figure) -> Option<Input> {
        let help = || format!("write one of {}", alternatives(BELIEFS.iter().map(|belief| belief.1)));
        if let Some(reason) = figure.certain {
            let error = Diagnostic::at(&node.place, format!("`{name}` can't be uncertain: {reason}"));
            self.error(error.help("write one figure"));
            return None;
        }
        let (Value::Map(outer), Some(Node { value: Value::Map(inner), .. })) = (&node.value, node.get("uncertain"))
        else {
            self.error(Diagnostic::at(&node.place, "`uncertain` needs a distribution").help(help()));
            return None;
        };
        let ([_], [(shape, figures)]) = (outer.as_slice(), inner.as_slice()) else {
            self.error(Diagnostic::at(&node.place, format!("`{name}` can have one distribution only")).help(help()));
            return None;
        };
        let Some((_, syntax)) = BELIEFS.iter().find(|(known, _)| *known == shape.text) else {
            let near = nearest(&shape.text, BELIEFS.iter().map(|belief| belief.0));
            let help = near.map_or_else(help, |near| format!("did you mean `{near}`?"));
            let message = format!("no figure can be uncertain as {}", quoted(&shape.text));
            self.error(Diagnostic::at(&shape.place, message).help(help));
            return None;
        };
        let names: &[&str] = if shape.text == "triangular" { &["low", "mode", "high"] } else { &["low", "high"] };
        let found = self.ends(
            shape,
            figures,
            names,
            &Figure { whole: false, certain: Some("it says how uncertain another is"), ..*figure },
            syntax,
        )?;
        let belief = match (shape.text.as_str(), found.as_slice()) {
            ("triangular", [low, mode, high]) => Belief::Triangular { low: *low, mode: *mode, high: *high },
            ("uniform", [low, high]) => Belief::Uniform { low: *low, high: *high },
            ("loguniform", [low, high]) => Belief::LogUniform { low: *low, high: *high },
            (_, [low, high]) => Belief::LogNormal { low: *low, high: *high },
            _ => return None,
        };
        let ordered = found.windows(2).all(|pair| pair[0] <= pair[1]) && found.first() < found.last();
        let positive = found[0] > 0.0 || !matches!(shape.text.as_str(), "lognormal" | "loguniform");
        if !ordered || !positive {
            let why = if ordered { "`low` must be more than zero" } else { "its figures must rise" };
            self.error(
                Diagnostic::at(&figures.place, format!("`{}` is no distribution: {why}", shape.text))
                    .help(format!("write it like `{syntax}`")),
            );
            return None;
        }
        let input = UncertainInput::new(path, belief);
        Some(self.draft.add_uncertain(input, figure.least, figure.most))
    }

    /// The figures of these names, all of them and no others.
    fn ends(&mut self, shape: &Key, node: &Node, names: &[&str], figure: &Figure, syntax: &str) -> Option<Vec<f64>> {
        let help = format!("write it like `{syntax}`");
        let Value::Map(entries) = &node.value else {
            let message = format!("`{}` needs {}", shape.text, names.join(" and "));
            self.error(Diagnostic::at(&node.place, message).help(help));
            return None;
        };
        let mut complete = true;
        for (key, _) in entries.iter().filter(|(key, _)| !names.contains(&key.text.as_str())) {
            complete = false;
            let message = format!("`{}` has no {}", shape.text, quoted(&key.text));
            self.error(Diagnostic::at(&key.place, message).help(help.clone()));
        }
        let mut found = Vec::new();
        for name in names {
            let Some(end) = node.get(name) else {
                complete = false;
                let message = format!("`{}` needs `{name}`", shape.text);
                self.error(Diagnostic::at(&shape.place, message).help(help.clone()));
                continue;
            };
            match self.figure(name, name, end, figure) {
                Some(Input::Exact(value)) => found.push(value),
                _ => complete = false,
            }
        }
        complete.then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_asked_for() {
        for (belief, expected) in [
            (Belief::LogNormal { low: 3_000.0, high: 5_000.0 }, [3_000.0, 15e6_f64.sqrt(), 5_000.0]),
            (Belief::Uniform { low: 100.0, high: 200.0 }, [105.0, 150.0, 195.0]),
            (Belief::LogUniform { low: 1.0, high: 100.0 }, [100_f64.powf(0.05), 10.0, 100_f64.powf(0.95)]),
            // Symmetric: half of it below the mode; a twentieth is below √(0.05/2) of the width.
            (
                Belief::Triangular { low: 0.0, mode: 5.0, high: 10.0 },
                [10.0 * 0.025_f64.sqrt(), 5.0, 10.0 - 10.0 * 0.025_f64.sqrt()],
            ),
            (
                Belief::Triangular { low: 0.0, mode: 0.0, high: 1.0 },
                [1.0 - 0.95_f64.sqrt(), 1.0 - 0.5_f64.sqrt(), 1.0 - 0.05_f64.sqrt()],
            ),
        ] {
            for (q, expected) in [0.05, 0.5, 0.95].into_iter().zip(expected) {
                let found = belief.quantile(q);
                assert!((found - expected).abs() < 1e-9 * (1.0 + expected), "{belief:?} {q}: {found}, not {expected}");
            }
        }
    }
}
