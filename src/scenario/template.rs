//! A scenario to start from: what `plimsoll new` writes.
//!
//! It is made from the table of keys, so that it explains every key and never says anything outdated.

use std::fmt::Write as _;

use super::keys::{self, Default, Key};
use super::tree;

/// How much a new scenario explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// The keys that most people change.
    Short,
    /// Every key, with its default.
    Full,
}

/// What a short one has; sections come with their keys.
const SHORT: [&str; 21] = [
    "name",
    "users",
    "workload",
    "workload.message",
    "workload.message.rate",
    "workload.message.size",
    "workload.fan_out",
    "workload.heartbeat",
    "latency",
    "latency.client",
    "servers",
    "servers.count",
    "servers.cores",
    "servers.memory",
    "servers.network",
    "servers.connections",
    "servers.connections.comfortable",
    "servers.connections.limit",
    "simulation",
    "simulation.duration",
    "simulation.seed",
];
/// Column of the comments.
const COMMENT: usize = 44;

/// The text of a new scenario.
pub fn template(kind: Template, name: &str) -> String {
    let mut out = String::from(
        "# A Plimsoll scenario. `plimsoll estimate` and `plimsoll simulate` tell what it takes to carry this load.\n\
         # Every figure has a unit or is a plain number. One you are not sure of is an interval: 3_000..5_000 holds\n\
         # the truth with 90 % probability. A figure that varies is a distribution: {exponential: 20 ms}.\n\n",
    );
    section("", kind, name, 0, &mut out);
    if kind == Template::Short {
        out.push_str("\n# There is more: `plimsoll new NAME --full` shows it, and `plimsoll schema` has every key.\n");
    }
    out
}

fn section(path: &str, kind: Template, name: &str, depth: usize, out: &mut String) {
    for key in keys::children(path) {
        if kind == Template::Short && !SHORT.contains(&key.path) {
            continue;
        }
        let mut line = format!("{:indent$}{}:", "", key.name(), indent = 2 * depth);
        let value = value(key, name);
        let opens = value == "{}" && key.is_section();
        if !opens {
            let _ = write!(line, " {value}");
        }
        // What a file need not say is shown, but not said.
        let silent =
            matches!(key.default, Default::Absent) && key.path != "name" || key.path == "balancer.virtual_nodes";
        if silent {
            line = format!("{:indent$}# {}", "", line.trim_start(), indent = 2 * depth);
        }
        let _ = writeln!(out, "{line:COMMENT$}  # {}", comment(key));
        if opens {
            section(key.path, kind, name, depth + 1, out);
        }
    }
}

fn value(key: &Key, name: &str) -> String {
    match (key.path, key.default) {
        ("name", _) => quoted(name),
        // A plain figure where a section would say the same.
        ("workload.heartbeat", _) => "{every: 30 s}".to_owned(),
        ("calibration", _) => "calibration.yaml".to_owned(),
        ("slo.dropped", _) => "0.1 %".to_owned(),
        ("servers.queue.patience", _) => "{exponential: 1 s}".to_owned(),
        ("sweep", _) => "{users: [100, 10k, 1M, 100M]}".to_owned(),
        ("workload.message.rate", _) => "1/s".to_owned(),
        ("users", _) => "10_000".to_owned(),
        (_, Default::Yaml(text)) => text.to_owned(),
        (_, Default::Absent | Default::Required(_)) => "200 ms".to_owned(),
    }
}

/// A name that YAML would read as something else, or not at all, gets quotes.
fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_alphanumeric())
        && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
    if plain && !name.eq_ignore_ascii_case("null") { name.to_owned() } else { tree::in_quotes(name) }
}

fn comment(key: &Key) -> String {
    let mut comment = key.doc.to_owned();
    // The words that the line does not mention yet.
    let others: Vec<_> = key
        .words
        .iter()
        .filter(|word| Default::Yaml(word) != key.default && !key.doc.contains(**word))
        .copied()
        .collect();
    if !others.is_empty() {
        let _ = write!(comment, " Or {}.", others.join(", "));
    }
    if key.source.starts_with("measured") {
        comment.push_str(" Measured; calibrate for yours.");
    } else if key.source.starts_with("assumption") {
        comment.push_str(" Assumed.");
    }
    comment
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Document;

    #[test]
    fn they_resolve() {
        let none = |_: &str| Err(std::io::Error::other("no files"));
        for kind in [Template::Short, Template::Full] {
            for name in ["chat", "a: b \"c\"", "日本", "NULL", "1.50", "true", "two\nlines", "# x"] {
                let text = template(kind, name);
                let scenario =
                    Document::parse("x.yaml", text.as_bytes(), &none).and_then(|document| document.resolve());
                let scenario = scenario.unwrap_or_else(|e| panic!("{e}\n{text}"));
                assert_eq!(scenario.name, name);
            }
        }
    }

    #[test]
    fn the_full_one_has_every_key() {
        let text = template(Template::Full, "chat");
        for key in keys::KEYS {
            // Keys of variants that are not the default (a ramp, a batch) are in the schema only.
            let mut sections = key.path.match_indices('.').filter_map(|(at, _)| keys::find(&key.path[..at]));
            if sections.all(|section| section.default == Default::Yaml("{}")) {
                assert!(text.contains(&format!("{}:", key.name())), "{}", key.path);
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_short_one() {
        insta::assert_snapshot!(template(Template::Short, "chat"));
    }
}
