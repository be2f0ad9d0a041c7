//! docs/scenario.md: every key of a scenario, from the table of keys.

use std::fmt::Write as _;

use plimsoll::scenario::keys::{Default, Figure, KEYS, Key, Kind, find};
use plimsoll::units::parse::Quantity;

const INTRODUCTION: &str = "\
# The keys of a scenario

Made by `DOCS=write cargo test --release --test docs` from the table that the program itself reads scenarios by; the same
test, without `DOCS`, holds it to that. `plimsoll new NAME --full` writes the same into a file to edit, and `plimsoll
schema` gives it to editors. How the figures are used: [model.md](model.md).

What a key takes:

| here | in a scenario |
|---|---|
| a time | `10 ms`, `2 min`, `7 days`: ns, us, ms, s, min, h, days |
| a rate | `5/s`, `100/min`, `1_000/h` |
| bytes | `1 KB` (1,000 B), `20 KiB` (1,024 B), up to PB and PiB |
| bits a second | `1 Gbit/s`, `500 Mbit/s` |
| bytes a second | `200 MB/s` |
| a share | `70 %` or `0.7` |
| a number | `10_000`, `10k`, `1M` |
| … or uncertain | also `LOW..HIGH`, which holds the truth with 90 % probability, and `{uncertain: {uniform: {low: LOW, high: HIGH}}}`, `loguniform`, `triangular` |
| … or random | also `{exponential: MEAN}`, `{lognormal: {mean: MEAN, cv: 0.5}}`, `gamma`, `erlang`, `uniform`, `hyperexponential`, `{empirical: FILE}` |

\"Must be given\" is what no scenario can do without; \"no default\" must be given where the section above it is. A default
that is an assumption is just that: check it against your system.
";

/// The whole document.
pub fn reference() -> String {
    let mut out = String::from(INTRODUCTION);
    let mut section = "";
    for key in KEYS {
        let top = key.path.split('.').next().unwrap_or(key.path);
        if top != section {
            section = top;
            let _ = writeln!(out, "\n## {top}\n");
            if let Some(own) = KEYS.iter().find(|key| key.path == top) {
                let _ = writeln!(out, "{}.\n", sentence(own.doc));
            }
            out += "| key | takes | default | meaning | where the default comes from |\n|---|---|---|---|---|\n";
        }
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} |",
            key.path,
            cell(&takes(key)),
            cell(&default(key)),
            cell(key.doc),
            cell(key.source)
        );
    }
    out
}

fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Everything that a key takes.
fn takes(key: &Key) -> String {
    let mut all: Vec<String> = key.words.iter().map(|word| format!("`{word}`")).collect();
    match key.kind {
        Kind::Words => {}
        Kind::Text => all.push("text".to_owned()),
        Kind::Figure(figure) => all.push(self::figure(&figure)),
        Kind::Random(quantity) => all.push(format!("{}, or random", name(quantity))),
        Kind::Sweep => all.push("keys, each with a list or a range of values".to_owned()),
        Kind::Figures(figure, example) => all.push(format!("a list, each {}: `{example}`", self::figure(&figure))),
        Kind::Rows(_, example) => all.push(format!("a list: `{example}`")),
        Kind::Table(columns) => {
            let names: Vec<&str> = columns.iter().map(|column| column.0).collect();
            all.push(format!("a CSV file with {}", names.join(", ")));
        }
        Kind::Names => all.push("names, or how many".to_owned()),
        Kind::List => all.push("a list with the keys below".to_owned()),
    }
    if key.is_section() && key.kind != Kind::List {
        all.push("the keys below".to_owned());
    }
    all.join(", ")
}

fn figure(figure: &Figure) -> String {
    let mut text = if figure.whole { "a whole number".to_owned() } else { name(figure.quantity).to_owned() };
    if figure.above && figure.least == 0.0 {
        text += " above 0";
    } else if figure.least != 0.0 && matches!(figure.quantity, Quantity::Count | Quantity::Ratio) {
        let _ = write!(text, " from {}", figure.least);
    }
    if figure.certain.is_none() {
        text += ", or uncertain";
    }
    text
}

const fn name(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Count => "a number",
        Quantity::Ratio => "a share",
        Quantity::Time => "a time",
        Quantity::Bytes => "bytes",
        Quantity::BitRate => "bits a second",
        Quantity::ByteRate => "bytes a second",
        Quantity::Rate => "a rate",
    }
}

/// A key's default, in Markdown.
fn default(key: &Key) -> String {
    match key.default {
        Default::Required(_) if everywhere(key) => "must be given".to_owned(),
        Default::Required(_) => "no default".to_owned(),
        Default::Yaml("{}") => "as the keys below".to_owned(),
        Default::Yaml(text) => format!("`{text}`"),
        Default::Absent => "none".to_owned(),
    }
}

/// Whether all sections it is in are there without being asked for.
fn everywhere(key: &Key) -> bool {
    let mut path = key.path;
    while let Some((parent, _)) = path.rsplit_once('.') {
        if find(parent).is_none_or(|section| section.default != Default::Yaml("{}")) {
            return false;
        }
        path = parent;
    }
    true
}
