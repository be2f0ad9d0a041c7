//! The calibration file: figures that were measured, for scenarios to use.
//!
//! A scenario names it (`calibration: FILE`) and takes `figures`, a part of a scenario, in place of defaults; `range`
//! says for which loads they may be trusted; `made`, `intervals` and `goodness` are for people. The scenario's reader
//! (`scenario/calibration.rs`) holds what is written here.

use std::fmt::Write as _;

use super::fit::{Fit, Fits, Range};
use crate::stats::Estimate;
use crate::units::parse::Quantity;

/// The form of the file.
pub const VERSION: u32 = 1;
/// What such a file begins with.
pub const MARK: &str = "plimsoll_calibration:";

/// A calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// How it came about.
    pub made: Made,
    /// Keys of a scenario and what was measured for them, in base units.
    pub figures: Vec<(String, Quantity, Estimate)>,
    /// For which loads.
    pub range: Vec<Range>,
    /// How well each formula fits.
    pub goodness: Vec<Goodness>,
}

/// How a calibration came about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Made {
    /// When, as RFC 3339 writes it.
    pub date: String,
    /// By which version of the program.
    pub version: String,
    /// The command.
    pub command: String,
    /// On which machine, where it is known.
    pub machine: Option<Machine>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Model of its CPU.
    pub cpu: String,
    /// Cores.
    pub cores: usize,
    /// Memory in bytes.
    pub memory: f64,
    /// The kernel's version.
    pub kernel: String,
}

/// How well a formula fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Goodness {
    /// The fit's name.
    pub name: String,
    /// Points.
    pub points: usize,
    /// R², where there is one.
    pub explained: Option<f64>,
    /// Typical error, as a share.
    pub typical_error: f64,
}

impl From<&Fit> for Goodness {
    fn from(fit: &Fit) -> Self {
        let (explained, typical_error) = (fit.explained, fit.typical_error);
        Self { name: fit.name.to_owned(), points: fit.rows.len(), explained, typical_error }
    }
}

impl Calibration {
    /// From fits; `None` where they have no figure for a scenario.
    pub fn of(made: Made, fits: &Fits) -> Option<Self> {
        let figures: Vec<_> =
            fits.figures().map(|figure| (figure.name.to_owned(), figure.quantity, figure.estimate)).collect();
        let has_keys = |fit: &&Fit| fit.figures.iter().any(|figure| figure.is_key);
        let goodness = fits.fits.iter().filter(has_keys).map(Goodness::from).collect();
        (!figures.is_empty()).then(|| Self { made, figures, range: fits.range.clone(), goodness })
    }

    /// The file.
    pub fn yaml(&self) -> String {
        let mut out = format!("{MARK} {VERSION}\nmade:\n");
        let mut made = vec![("date", &self.made.date), ("version", &self.made.version)];
        made.push(("command", &self.made.command));
        for (name, text) in made.into_iter().filter(|(_, text)| !text.is_empty()) {
            let _ = writeln!(out, "  {name}: {}", quoted(text));
        }
        if let Some(machine) = &self.made.machine {
            let (cpu, kernel) = (quoted(&machine.cpu), quoted(&machine.kernel));
            let memory = canonical(machine.memory, Quantity::Bytes, Rounding::Nearest);
            let cores = machine.cores;
            let _ = writeln!(out, "  machine: {{cpu: {cpu}, cores: {cores}, memory: {memory}, kernel: {kernel}}}");
        }
        out += "# A part of a scenario: in place of defaults, where the scenario names this file.\nfigures:\n";
        let tree: Vec<(Vec<&str>, String)> = self
            .figures
            .iter()
            .map(|(path, quantity, figure)| {
                (path.split('.').collect(), canonical(figure.value, *quantity, Rounding::Nearest))
            })
            .collect();
        branch(&tree, 0, 1, &mut out);
        let known: Vec<_> = self.figures.iter().filter(|(_, _, figure)| is_interval(figure)).collect();
        if !known.is_empty() {
            out += "# 95 %\nintervals:\n";
        }
        for (path, quantity, figure) in known {
            let _ = writeln!(out, "  {path}: {}", pair(figure.low, figure.high, *quantity));
        }
        if !self.range.is_empty() {
            out += "# Where it was measured.\nrange:\n";
        }
        for range in &self.range {
            let _ = writeln!(out, "  {}: {}", range.name, pair(range.low, range.high, range.quantity));
        }
        if !self.goodness.is_empty() {
            out += "goodness:\n";
        }
        for fit in &self.goodness {
            let explained = fit.explained.map_or_else(String::new, |share| format!(", r_squared: {share:.4}"));
            let typical = canonical(fit.typical_error, Quantity::Ratio, Rounding::Nearest);
            let _ = writeln!(out, "  {}: {{points: {}{explained}, typical_error: {typical}}}", fit.name, fit.points);
        }
        out
    }
}

/// An interval that is known, and more than a point.
fn is_interval(figure: &Estimate) -> bool {
    figure.low.is_finite() && figure.high.is_finite() && figure.low < figure.high
}

/// Sections and the keys in them, in the order in which they first come.
fn branch(entries: &[(Vec<&str>, String)], depth: usize, indent: usize, out: &mut String) {
    let mut done: Vec<&str> = Vec::new();
    for (path, value) in entries {
        let name = path[depth];
        if done.contains(&name) {
            continue;
        }
        done.push(name);
        if path.len() == depth + 1 {
            let _ = writeln!(out, "{:1$}{name}: {value}", "", indent * 2);
        } else {
            let _ = writeln!(out, "{:1$}{name}:", "", indent * 2);
            let below: Vec<_> =
                entries.iter().filter(|(path, _)| path.len() > depth + 1 && path[depth] == name).cloned().collect();
            branch(&below, depth + 1, indent + 1, out);
        }
    }
}

/// Two ends, rounded apart, so that what lies between them still does.
fn pair(low: f64, high: f64, quantity: Quantity) -> String {
    format!("[{}, {}]", canonical(low, quantity, Rounding::Down), canonical(high, quantity, Rounding::Up))
}

/// A text in double quotes, which YAML reads as JSON does.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[derive(Debug, Clone, Copy)]
enum Rounding {
    Nearest,
    Down,
    Up,
}

/// Units from large to small; of a figure, the largest that it has at least one of.
const fn units(quantity: Quantity) -> &'static [(f64, &'static str)] {
    const TIMES: [(f64, &str); 4] = [(1.0, " s"), (1e-3, " ms"), (1e-6, " us"), (1e-9, " ns")];
    const BYTES: [(f64, &str); 5] = [(1e12, " TB"), (1e9, " GB"), (1e6, " MB"), (1e3, " KB"), (1.0, " B")];
    const RATES: [(f64, &str); 5] = [(1e12, " TB/s"), (1e9, " GB/s"), (1e6, " MB/s"), (1e3, " KB/s"), (1.0, " B/s")];
    const BITS: [(f64, &str); 4] = [(1e9, " Gbit/s"), (1e6, " Mbit/s"), (1e3, " kbit/s"), (1.0, " bit/s")];
    match quantity {
        Quantity::Count => &[(1.0, "")],
        Quantity::Time => &TIMES,
        Quantity::Bytes => &BYTES,
        Quantity::ByteRate => &RATES,
        Quantity::BitRate => &BITS,
        Quantity::Rate => &[(1.0, "/s")],
        Quantity::Ratio => &[(0.01, " %")],
    }
}

/// A figure in its canonical unit, to four digits, as the scenario's reader takes it.
fn canonical(value: f64, quantity: Quantity, rounding: Rounding) -> String {
    /// Of the smallest unit.
    const LEAST: f64 = 1e-12;
    let all = units(quantity);
    let unit = all.iter().find(|(size, _)| value >= *size).or(all.last());
    let &(size, name) = unit.unwrap_or(&(1.0, ""));
    let shown = value / size;
    // So little of the smallest unit is nothing, except for an end that is rounded up.
    if shown < LEAST && !(value > 0.0 && matches!(rounding, Rounding::Up)) {
        return format!("0{}", all.first().map_or("", |(_, name)| name)).replace(" T", " ");
    }
    let shown = shown.max(LEAST);
    let decimals = 3 - shown.log10().floor() as i32;
    let scale = 10_f64.powi(decimals);
    // A little slack, or 60,000 rounded up is 60,010 for a bit in its last place.
    let rounded = match rounding {
        Rounding::Nearest => (shown * scale).round(),
        Rounding::Down => (shown * scale * (1.0 + 1e-12)).floor(),
        Rounding::Up => (shown * scale * (1.0 - 1e-12)).ceil(),
    } / scale;
    let text = format!("{rounded:.*}", decimals.max(0) as usize);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}{name}", grouped(whole))
}

/// Digits in groups of three, as figures of a scenario are typed: `60_000`.
fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Document;
    use crate::units::parse::exact;

    fn calibration() -> Calibration {
        let figure =
            |path: &str, quantity, value, low, high| (path.to_owned(), quantity, Estimate { value, low, high });
        Calibration {
            made: Made {
                date: "2026-01-01T00:00:00Z".to_owned(),
                version: "0.1.0".to_owned(),
                command: "plimsoll calibrate --from \"a b\".csv".to_owned(),
                machine: Some(Machine {
                    cpu: "CPU: of \"some\" kind".to_owned(),
                    cores: 2,
                    memory: 8_345_678_000.0,
                    kernel: "6.1".to_owned(),
                }),
            },
            figures: vec![
                figure("servers.cpu.per_wakeup", Quantity::Time, 41.234_56e-6, 39e-6, 43e-6),
                figure("servers.cpu.overhead", Quantity::Time, 8.71e-6, 8.5e-6, 8.9e-6),
                figure("servers.cpu.per_message", Quantity::Time, 0.0, 0.0, 0.0),
                figure("servers.memory_per_connection", Quantity::Bytes, 3_214.2, 3_100.0, 3_300.0),
                figure("latency.client", Quantity::Time, 18e-6, 17e-6, f64::INFINITY),
                figure("servers.cpu.per_kb", Quantity::Time, 0.94e-6, 0.0, 1.2e-6),
            ],
            range: vec![
                Range {
                    name: "messages_per_second_per_server",
                    quantity: Quantity::Count,
                    low: 500.04,
                    high: 60_000.0,
                },
                Range { name: "connections_per_server", quantity: Quantity::Count, low: 10.0, high: 12_345.6 },
                Range { name: "message_size", quantity: Quantity::Bytes, low: 64.0, high: 16_000.0 },
            ],
            goodness: vec![Goodness {
                name: "cpu".to_owned(),
                points: 9,
                explained: Some(0.998_71),
                typical_error: 0.0123,
            }],
        }
    }

    #[test]
    fn it_looks_like_this() {
        insta::assert_snapshot!(calibration().yaml(), @r#"
        plimsoll_calibration: 1
        made:
          date: "2026-01-01T00:00:00Z"
          version: "0.1.0"
          command: "plimsoll calibrate --from \"a b\".csv"
          machine: {cpu: "CPU: of \"some\" kind", cores: 2, memory: 8.346 GB, kernel: "6.1"}
        # A part of a scenario: in place of defaults, where the scenario names this file.
        figures:
          servers:
            cpu:
              per_wakeup: 41.23 us
              overhead: 8.71 us
              per_message: 0 s
              per_kb: 940 ns
            memory_per_connection: 3.214 KB
          latency:
            client: 18 us
        # 95 %
        intervals:
          servers.cpu.per_wakeup: [39 us, 43 us]
          servers.cpu.overhead: [8.5 us, 8.9 us]
          servers.memory_per_connection: [3.1 KB, 3.3 KB]
          servers.cpu.per_kb: [0 s, 1.2 us]
        # Where it was measured.
        range:
          messages_per_second_per_server: [500, 60_000]
          connections_per_server: [10, 12_350]
          message_size: [64 B, 16 KB]
        goodness:
          cpu: {points: 9, r_squared: 0.9987, typical_error: 1.23 %}
        "#);
    }

    #[test]
    fn a_scenario_reads_it() {
        let text = calibration().yaml();
        let load = |_: &str| Ok(text.clone());
        let scenario = "users: 10\nworkload: {message: {rate: 1/s}}\ncalibration: here.yaml\n";
        let scenario = Document::parse("x.yaml", scenario.as_bytes(), &load).unwrap().resolve().unwrap();
        let cpu = &scenario.servers.cpu;
        for (read, written) in [
            (cpu.per_wakeup.mean(), 41.23e-6),
            (cpu.overhead.get(), 8.71e-6),
            (cpu.per_message.mean(), 0.0),
            (cpu.per_kb.mean(), 0.94e-6),
            (scenario.servers.memory_per_connection.get(), 3_214.0),
        ] {
            assert!((read - written).abs() <= 1e-12 * written, "{read}, not {written}");
        }
        let read = scenario.calibration.unwrap();
        assert_eq!(read.messages_per_second, Some((500.0, 60_000.0)));
        assert_eq!(read.connections, Some((10.0, 12_350.0)));
        assert_eq!(read.message_size, Some((64.0, 16_000.0)));
    }

    /// Every figure comes back to four digits, and the ends of a pair lie on their side of it.
    #[test]
    fn figures_come_back() {
        let mut state = 5_u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let unit = (state >> 11) as f64 / 9_007_199_254_740_992.0;
            for quantity in [Quantity::Count, Quantity::Time, Quantity::Bytes, Quantity::ByteRate, Quantity::Ratio] {
                let value = 1e-8 * f64::powf(1e20, unit);
                let read = |rounding| {
                    let text = canonical(value, quantity, rounding);
                    exact(&text, quantity).unwrap_or_else(|error| panic!("{value} as {text}: {error:?}"))
                };
                let (low, near, high) = (read(Rounding::Down), read(Rounding::Nearest), read(Rounding::Up));
                assert!(low <= value * (1.0 + 1e-9) && high >= value * (1.0 - 1e-9), "{low} {value} {high}");
                let nothing = near == 0.0 && value < 1e-7;
                assert!(nothing || (near / value - 1.0).abs() <= 0.000_6, "{near} for {value}");
            }
        }
        for (quantity, none) in [(Quantity::Time, "0 s"), (Quantity::Bytes, "0 B"), (Quantity::Count, "0")] {
            assert_eq!(canonical(0.0, quantity, Rounding::Nearest), none);
        }
    }
}
