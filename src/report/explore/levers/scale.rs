//! Round figures for a slider's stops, written as a person types them.

use crate::units::parse::Quantity::{self, Bytes, Count, Time};

/// Round figures from low to high, ten a decade, evenly spread as far as round figures are.
pub fn decades(low: f64, high: f64, whole: bool) -> Vec<f64> {
    const STEPS: [u32; 10] = [10, 12, 15, 20, 25, 30, 40, 50, 60, 80];
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let mut out = Vec::new();
    for decade in first..=last {
        for step in STEPS {
            // Through its decimal text, so that the figure is the one a person would type.
            let figure: f64 = format!("{step}e{}", decade - 1).parse().unwrap_or(f64::NAN);
            let inside = figure >= low * (1.0 - 1e-9) && figure <= high * (1.0 + 1e-9);
            if inside && (!whole || figure.fract() == 0.0) {
                out.push(figure);
            }
        }
    }
    out
}

/// A round figure as a person types it: `50k`, `1.5/s`, `20 ms`.
pub fn short(figure: f64, quantity: Quantity) -> String {
    const COUNTS: &[(f64, &str)] = &[(1e9, "000M"), (1e6, "M"), (1e3, "k"), (1.0, "")];
    const TIMES: &[(f64, &str)] =
        &[(86_400.0, " days"), (3_600.0, " h"), (60.0, " min"), (1.0, " s"), (1e-3, " ms"), (1e-6, " us")];
    const SIZES: &[(f64, &str)] = &[(1e9, " GB"), (1e6, " MB"), (1e3, " KB"), (1.0, " B")];
    const ANY: &[(f64, &str)] = &[(1.0, "")];
    let (units, end) = match quantity {
        Count => (COUNTS, ""),
        Time => (TIMES, ""),
        Bytes => (SIZES, ""),
        _ => (ANY, "/s"),
    };
    // A unit in which the figure has at most one decimal, so minutes only where they come out even.
    let fits = |size: f64| {
        let shown = figure / size;
        figure >= size * (1.0 - 1e-9) && ((shown * 10.0).round() - shown * 10.0).abs() < 1e-6
    };
    let (size, unit) = units.iter().find(|(size, _)| fits(*size)).copied().unwrap_or(units[units.len() - 1]);
    let shown = figure / size;
    let digits = format!("{shown:.6}");
    format!("{}{unit}{end}", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::parse::Quantity::Rate;

    #[test]
    fn figures_are_short_and_round() {
        assert_eq!(short(1e9, Count), "1000M");
        assert_eq!(short(1_500.0, Count), "1.5k");
        assert_eq!(short(0.03, Rate), "0.03/s");
        assert_eq!(short(90.0, Time), "1.5 min");
        assert_eq!(short(80.0, Time), "80 s");
        assert_eq!(short(0.0012, Time), "1.2 ms");
        assert_eq!(short(1_200.0, Bytes), "1.2 KB");
        assert_eq!(decades(1.0, 12.0, true), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0]);
    }
}
