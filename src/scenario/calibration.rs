//! A calibration file: figures that were measured, in place of a scenario's defaults.
//!
//! Its `figures` are a part of a scenario. They go into the tree of the scenario that names the file, where that doesn't
//! say something itself; so they are read, and are wrong, like any other line. `range` says for which loads they may be
//! trusted. The rest (`made`, `intervals`, `goodness`) is for people.

use super::data::Files;
use super::tree::{self, Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, alternatives, nearest, quoted};
use crate::units::display::count;
use crate::units::parse::{self, Quantity};

/// The form of the file that is understood.
const VERSION: &str = "1";
const PARTS: [&str; 6] = ["plimsoll_calibration", "made", "figures", "intervals", "range", "goodness"];
/// Sections that every scenario has; of others, such as `logs`, a scenario that has them takes the figures.
const ALWAYS: [&str; 2] = ["servers", "latency"];
const MEASURABLE: [&str; 4] = ["servers", "latency", "logs", "broker"];
const RANGES: [(&str, Quantity); 3] = [
    ("messages_per_second_per_server", Quantity::Count),
    ("connections_per_server", Quantity::Count),
    ("message_size", Quantity::Bytes),
];

/// Where a scenario's measured figures come from, and for which loads they were measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The file.
    pub file: String,
    /// Messages a second of one server, from and to.
    pub messages_per_second: Option<(f64, f64)>,
    /// Connections of one server, from and to.
    pub connections: Option<(f64, f64)>,
    /// Payload of a message in bytes, from and to.
    pub message_size: Option<(f64, f64)>,
}

impl Calibration {
    /// In which ways a server's load is not one that it was made for: messages a second, connections, bytes of a message.
    pub fn beyond(&self, messages_per_second: f64, connections: f64, message_bytes: f64) -> Vec<String> {
        let figures = [
            (messages_per_second, self.messages_per_second, "messages/s a server", 1.0),
            (connections, self.connections, "connections a server", 1.0),
            (message_bytes, self.message_size, "KB a message", 1e3),
        ];
        let outside = figures.into_iter().filter_map(|(figure, range, what, unit)| {
            let (from, to) = range.filter(|(from, to)| !(from * 0.999..=to * 1.001).contains(&figure))?;
            let show = |figure: f64| count(figure / unit);
            Some(format!(
                "{} {what} are beyond what {} was calibrated for: {} to {}",
                show(figure),
                self.file,
                show(from),
                show(to)
            ))
        });
        outside.collect()
    }
}

/// The tree with the figures of the calibration that it names, if it names one.
pub(super) fn applied(root: &Node, files: &Files) -> Result<Option<(Node, Calibration)>, Diagnostics> {
    let Some(named) = root.get("calibration") else { return Ok(None) };
    let Value::Scalar { text, .. } = &named.value else { return Ok(None) };
    let unreadable = |problem: &str| {
        Diagnostic::at(&named.place, format!("{} can't be read: {problem}", quoted(text)))
            .help("a file is looked for beside the scenario; `plimsoll calibrate` writes one")
    };
    let source = match files.get(text) {
        Some(Ok(source)) => source,
        Some(Err(reason)) => return Err(unreadable(reason).into()),
        None => return Err(unreadable("it was not there when the scenario was read").into()),
    };
    if source.text.len() > tree::LARGEST {
        return Err(unreadable("it is larger than 1 MiB").into());
    }
    let file = tree::parse_within(source, 0)?;
    let mut errors = Vec::new();
    check(&file, &mut errors);
    let range = |(name, quantity): (&str, Quantity), errors: &mut Vec<Diagnostic>| {
        let node = file.get("range").and_then(|range| range.get(name))?;
        pair(node, quantity).map_err(|error| errors.push(error)).ok()
    };
    let [messages_per_second, connections, message_size] = RANGES.map(|wanted| range(wanted, &mut errors));
    if !errors.is_empty() {
        return Err(Diagnostics::new(errors));
    }
    let mut merged = root.clone();
    if let Some(figures) = file.get("figures") {
        merge(&mut merged, figures, true);
    }
    Ok(Some((merged, Calibration { file: text.clone(), messages_per_second, connections, message_size })))
}

/// Whether this is a calibration, and has what one has.
fn check(file: &Node, errors: &mut Vec<Diagnostic>) {
    let version = file.get("plimsoll_calibration").map(|node| &node.value);
    if !matches!(version, Some(Value::Scalar { text, .. }) if text == VERSION) {
        let message = "this is no calibration that can be read here";
        let help = format!("one has the line `plimsoll_calibration: {VERSION}`; `plimsoll calibrate` writes it");
        errors.push(Diagnostic::at(&file.place, message).help(help));
        return;
    }
    let mut known = |node: &Node, names: &[&str], of: &str| {
        if let Value::Map(entries) = &node.value {
            for (key, _) in entries.iter().filter(|(key, _)| !names.contains(&key.text.as_str())) {
                let help = nearest(&key.text, names.iter().copied()).map_or_else(
                    || format!("it has {}", alternatives(names.iter().copied())),
                    |near| format!("did you mean `{near}`?"),
                );
                errors.push(Diagnostic::at(&key.place, format!("{of} has no {}", quoted(&key.text))).help(help));
            }
        }
    };
    known(file, &PARTS, "a calibration");
    if let Some(figures) = file.get("figures") {
        known(figures, &MEASURABLE, "`figures`");
    }
    if let Some(range) = file.get("range") {
        known(range, &RANGES.map(|(name, _)| name), "`range`");
    }
}

/// `[from, to]`.
fn pair(node: &Node, quantity: Quantity) -> Result<(f64, f64), Diagnostic> {
    let ends: Vec<f64> = match &node.value {
        Value::Seq(items) => items
            .iter()
            .map(|item| match &item.value {
                Value::Scalar { text, .. } => {
                    parse::exact(text, quantity).map_err(|e| Diagnostic::figure("an end", &item.place, &e))
                }
                _ => Err(Diagnostic::at(&item.place, "an end is a figure")),
            })
            .collect::<Result<_, _>>()?,
        _ => Vec::new(),
    };
    match ends[..] {
        [from, to] if from <= to => Ok((from, to)),
        _ => Err(Diagnostic::at(&node.place, "a range is two figures, the smaller first")
            .help("write it like `[500, 60_000]`")),
    }
}

/// Puts into a section what it doesn't say itself.
fn merge(own: &mut Node, measured: &Node, top: bool) {
    let (Value::Map(own), Value::Map(measured)) = (&mut own.value, &measured.value) else { return };
    for (key, node) in measured {
        match own.iter_mut().find(|(name, _)| name.text == key.text) {
            Some((_, section)) => merge(section, node, false),
            None if !top || ALWAYS.contains(&key.text.as_str()) => own.push((key.clone(), node.clone())),
            None => {}
        }
    }
}
