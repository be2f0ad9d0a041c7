//! Axes: from figures to places, and which figures are written beside them.

/// A `Near` axis shows this share of its figures at least.
const NEAREST: f64 = 0.05;

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps.
    Linear,
    /// Equal factors.
    Log,
    /// Equal steps, beginning near the smallest figure: what `Log` becomes where figures are less than a factor of two apart.
    Near,
    /// Of a share below: equal steps are another nine (0 %, 90 %, 99 %, …), as percentiles are looked at.
    Nines,
}

/// An axis.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What it measures.
    pub label: String,
    /// How it is divided.
    pub scale: Scale,
    /// How its figures are written.
    pub show: fn(f64) -> String,
}

/// An axis over the figures that it has to hold.
#[derive(Debug)]
pub struct Span<'a> {
    axis: &'a Axis,
    scale: Scale,
    low: f64,
    high: f64,
}

impl<'a> Span<'a> {
    /// An axis that holds all of these figures. A linear one begins at 0.
    pub fn over(axis: &'a Axis, figures: impl Iterator<Item = f64>) -> Self {
        let figures: Vec<f64> =
            figures.filter(|figure| figure.is_finite() && (axis.scale != Scale::Log || *figure > 0.0)).collect();
        let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
        let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let scale = if axis.scale == Scale::Log && most < 2.0 * least { Scale::Near } else { axis.scale };
        let (low, high) = match scale {
            _ if figures.is_empty() => (0.0, 1.0),
            Scale::Linear => (least.min(0.0) * 1.04, if most > 0.0 { most * 1.04 } else { 1.0 }),
            Scale::Near => {
                // So that nothing looks large that is not.
                let room = ((most - least) * 0.1).max(most * NEAREST / 2.0);
                (least - room, most + room)
            }
            Scale::Log => {
                let (low, high) = (least.log10(), most.log10());
                (low - 0.04 * (high - low), high + 0.04 * (high - low))
            }
            Scale::Nines => (0.0, inner(scale, most).max(1.0)),
        };
        Self { axis, scale, low, high }
    }

    /// The share of the axis below a figure, from 0 to 1.
    pub fn place(&self, figure: f64) -> f64 {
        if self.scale == Scale::Log && figure <= 0.0 {
            return 0.0;
        }
        ((inner(self.scale, figure) - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Whether a figure is on the axis.
    pub fn holds(&self, figure: f64) -> bool {
        let figure = inner(self.scale, figure);
        figure.is_finite() && (self.low..=self.high).contains(&figure)
    }

    /// Figures to write beside it, some `wanted` of them.
    pub fn ticks(&self, wanted: f64) -> Vec<(f64, String)> {
        let figures = match self.scale {
            Scale::Linear | Scale::Near => linear(self.low, self.high, wanted),
            Scale::Log => log(self.low, self.high, wanted),
            Scale::Nines => (0..=self.high.floor() as i32).map(|nines| 1.0 - 10_f64.powi(-nines)).collect(),
        };
        figures.into_iter().map(|figure| (figure, (self.axis.show)(figure))).collect()
    }
}

fn inner(scale: Scale, figure: f64) -> f64 {
    match scale {
        Scale::Linear | Scale::Near => figure,
        Scale::Log => figure.log10(),
        Scale::Nines => -(1.0 - figure).log10(),
    }
}

fn linear(low: f64, high: f64, wanted: f64) -> Vec<f64> {
    let rough = (high - low) / wanted;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|nice| nice * power).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(power * 10.0);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    // Whole steps, so that 0.3 is not 0.30000000000000004.
    (first..=last).map(|n| round(n as f64 * step)).collect()
}

fn log(low: f64, high: f64, wanted: f64) -> Vec<f64> {
    let decades = high - low;
    let factors: &[f64] = if decades < 0.8 {
        &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]
    } else if decades < 1.6 {
        &[1.0, 2.0, 5.0]
    } else if decades < 3.2 {
        &[1.0, 3.0]
    } else {
        &[1.0]
    };
    let every = ((decades / wanted - 0.25).ceil() as i32).max(1);
    (low.floor() as i32..=high.ceil() as i32)
        .filter(|decade| decade.rem_euclid(every) == 0)
        .flat_map(|decade| factors.iter().map(move |factor| factor * 10_f64.powi(decade)))
        .filter(|figure| (low..=high).contains(&figure.log10()))
        .map(round)
        .collect()
}

/// To twelve digits.
fn round(figure: f64) -> f64 {
    format!("{figure:.11e}").parse().unwrap_or(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(scale: Scale, figures: &[f64]) -> Vec<f64> {
        let axis = Axis { label: String::new(), scale, show: |figure| figure.to_string() };
        Span::over(&axis, figures.iter().copied()).ticks(6.0).into_iter().map(|(figure, _)| figure).collect()
    }

    #[test]
    fn ticks_are_round_figures() {
        assert_eq!(span(Scale::Linear, &[3.0, 59.0]), [0.0, 20.0, 40.0, 60.0]);
        assert_eq!(span(Scale::Linear, &[0.0, 0.9]), [0.0, 0.2, 0.4, 0.6, 0.8]);
        assert_eq!(span(Scale::Log, &[100.0, 1e8]), [100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8]);
        assert_eq!(span(Scale::Log, &[0.040_07, 0.040_08]), [0.0395, 0.04, 0.0405, 0.041]);
        assert_eq!(span(Scale::Log, &[0.02, 0.09]), [0.02, 0.03, 0.04, 0.05, 0.06, 0.08]);
        assert_eq!(span(Scale::Nines, &[0.0, 0.9995]), [0.0, 0.9, 0.99, 0.999]);
        assert_eq!(span(Scale::Linear, &[]), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(span(Scale::Log, &[0.0, f64::NAN]).len(), span(Scale::Log, &[]).len());
    }

    #[test]
    fn places_keep_to_the_axis() {
        let axis = Axis { label: String::new(), scale: Scale::Log, show: |figure| figure.to_string() };
        let span = Span::over(&axis, [1.0, 100.0].into_iter());
        assert!((span.place(10.0) - 0.5).abs() < 1e-12);
        assert!(span.place(0.0).abs() < 1e-12);
        assert!((span.place(1e9) - 1.0).abs() < 1e-12);
        assert!(!span.holds(1e9));
    }
}
