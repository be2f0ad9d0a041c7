//! What can be turned on the page: a table of levers, each a key of the scenario with the stops of its slider or the
//! choices of its list. Any other key can be set by its path.

mod scale;
mod table;

use serde_json::{Value, json};

use crate::scenario::Given;
use crate::scenario::keys::{self, Default, KEYS};
use crate::units::parse::{self, Figure, Quantity};
use scale::{decades, short};
use table::GROUPS;

/// A key that can be turned.
#[derive(Debug)]
pub struct Lever {
    /// The key.
    pub path: &'static str,
    label: &'static str,
    /// How it is turned.
    turn: Turn,
    /// It shows only where this other lever has one of these choices.
    needs: Option<(&'static str, &'static [&'static str])>,
}

#[derive(Debug)]
enum Turn {
    /// A slider with these stops, in steps of a tenth of a decade, perhaps with words before or after them.
    Range { quantity: Quantity, low: f64, high: f64, before: &'static [&'static str], after: &'static [&'static str] },
    /// A slider with just these stops.
    Stops(Quantity, &'static [&'static str]),
    /// A list: each word, and the value that it stands for where that is another.
    Choice(&'static [(&'static str, &'static str)]),
}

/// The word for a section that stands there, whatever is in it.
const ON: &str = "on";

/// Every lever.
pub fn all() -> impl Iterator<Item = &'static Lever> {
    GROUPS.iter().flat_map(|(_, levers)| levers.iter())
}

/// The table of levers, and every key there is.
pub fn table() -> Value {
    let groups: Vec<Value> = GROUPS
        .iter()
        .map(|(title, levers)| json!({ "title": title, "levers": levers.iter().map(described).collect::<Vec<_>>() }))
        .collect();
    let keys: Vec<Value> = KEYS.iter().map(|key| json!({ "path": key.path, "doc": key.doc })).collect();
    json!({ "groups": groups, "keys": keys })
}

fn described(lever: &Lever) -> Value {
    let doc = keys::find(lever.path).map_or("", |key| key.doc);
    let mut out = json!({ "path": lever.path, "label": lever.label, "doc": doc });
    match &lever.turn {
        Turn::Choice(words) => {
            out["options"] = words.iter().map(|(word, value)| json!({ "word": word, "value": value })).collect();
        }
        Turn::Range { .. } | Turn::Stops(..) => out["stops"] = json!(stops_of(&lever.turn)),
    }
    if let Some((path, words)) = lever.needs {
        out["needs"] = json!({ "path": path, "words": words });
    }
    out
}

/// Where a lever stands; `given` is what the scenario has for its key.
pub fn state(lever: &Lever, given: Option<&Given>) -> Value {
    let default = keys::find(lever.path).map_or("", |key| match key.default {
        Default::Yaml(text) => text,
        Default::Required(_) | Default::Absent => "",
    });
    let text = given.map_or(default, |given| given.text.as_str());
    let mut out = json!({ "path": lever.path, "text": text, "section": given.is_some_and(|given| given.is_section) });
    match &lever.turn {
        Turn::Choice(options) => out["word"] = json!(chosen(options, given, default)),
        Turn::Range { quantity, .. } | Turn::Stops(quantity, _) => {
            out["at"] = json!(nearest(&stops_of(&lever.turn), *quantity, text));
        }
    }
    out
}

/// The choice that a value is. A section is the choice that it names, or `on`.
fn chosen(options: &[(&'static str, &'static str)], given: Option<&Given>, default: &str) -> Option<&'static str> {
    let named = |word: &str| options.iter().find(|option| option.0 == word).map(|option| option.0);
    let is_there = |is_section: bool| {
        if is_section {
            named(ON).or_else(|| named("own")).or_else(|| named("binary")).or_else(|| named("true"))
        } else {
            named(ON)
        }
    };
    match given {
        Some(given) => given.words.iter().find_map(|word| named(word)).or_else(|| is_there(given.is_section)),
        None => named(default).or_else(|| is_there(default == "{}")),
    }
}

/// The stop nearest to a value, by their ratio; nothing is near zero but zero.
fn nearest(stops: &[String], quantity: Quantity, text: &str) -> Option<usize> {
    if let Some(at) = stops.iter().position(|stop| stop == text.trim()) {
        return Some(at);
    }
    let middle = |text: &str| match parse::figure(text, quantity) {
        Ok(Figure::Exact(value)) => Some(value),
        Ok(Figure::Interval { low, high }) => Some((low * high).sqrt()),
        Err(_) => None,
    };
    let value = middle(text)?;
    let distance =
        |stop: f64| if stop > 0.0 && value > 0.0 { (stop / value).ln().abs() } else { (stop - value).abs() * 1e9 };
    stops
        .iter()
        .enumerate()
        .filter_map(|(at, stop)| middle(stop).map(|stop| (at, distance(stop))))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(at, _)| at)
}

/// The stops of a slider, as a scenario has them.
fn stops_of(turn: &Turn) -> Vec<String> {
    match turn {
        Turn::Choice(_) => Vec::new(),
        Turn::Stops(_, stops) => stops.iter().map(|stop| (*stop).to_owned()).collect(),
        Turn::Range { quantity, low, high, before, after } => {
            let figures = decades(*low, *high, *quantity == Quantity::Count && *low >= 1.0);
            let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let figures = figures.into_iter().map(|figure| short(figure, *quantity));
            words(before).into_iter().chain(figures).chain(words(after)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Document;

    const BASE: &str = "users: 10k\nworkload: {message: {rate: 1/s}}\n";

    fn document(sets: &[String]) -> Document {
        let none = |_: &str| Err(std::io::Error::other("no files"));
        let mut document = Document::parse("x", BASE.as_bytes(), &none).unwrap();
        for set in sets {
            document.set(set).unwrap_or_else(|errors| panic!("{errors}"));
        }
        document
    }

    /// The assignments that bring a lever's section there, and the choices that it needs.
    fn needed(lever: &Lever) -> Vec<String> {
        let Some((path, words)) = lever.needs else { return Vec::new() };
        let needed_lever = all().find(|other| other.path == path).unwrap();
        let Turn::Choice(options) = needed_lever.turn else { panic!("{path}") };
        let value = options.iter().find(|option| words.contains(&option.0) && !option.1.is_empty()).unwrap().1;
        let mut sets = needed(needed_lever);
        sets.push(format!("{path}={value}"));
        sets
    }

    /// What a choice takes besides itself, where it can't stand alone.
    fn beside(lever: &Lever, value: &str) -> Vec<String> {
        match (lever.path, value) {
            ("workload.fan_out", "direct" | "broadcast" | "{room: 50}")
            | ("workload.fan_out.room" | "sharding.locality", _) => vec!["broker=redis".into()],
            ("cache.objects", _) => vec!["cache.size=10".into()],
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_stop_is_a_value_and_the_lever_then_stands_there() {
        for lever in all() {
            assert!(keys::find(lever.path).is_some(), "{}", lever.path);
            let values: Vec<String> = match &lever.turn {
                Turn::Choice(options) => {
                    options.iter().filter(|option| !option.1.is_empty()).map(|option| option.1.to_owned()).collect()
                }
                turn => stops_of(turn),
            };
            assert!(values.len() > 1, "{}", lever.path);
            for (at, value) in values.iter().enumerate() {
                let mut sets = beside(lever, value);
                sets.extend(needed(lever));
                sets.push(format!("{}={value}", lever.path));
                let document = document(&sets);
                let resolved = document.resolve();
                // What can't be together with the rest is said, but the value itself is one.
                if let Err(errors) = &resolved {
                    let text = errors.to_string();
                    assert!(
                        !text.contains("needs a") && !text.contains("at most") && !text.contains("at least"),
                        "{sets:?}\n{text}"
                    );
                }
                let state = state(lever, document.given(lever.path).as_ref());
                match &lever.turn {
                    Turn::Choice(options) => {
                        let word = options.iter().find(|option| option.1 == value).unwrap().0;
                        assert_eq!(state["word"], word, "{sets:?}");
                    }
                    _ => assert_eq!(state["at"], at, "{sets:?}"),
                }
            }
        }
    }

    #[test]
    fn a_lever_stands_at_its_default() {
        for lever in all() {
            let state = state(lever, document(&[]).given(lever.path).as_ref());
            let known = keys::find(lever.path)
                .is_some_and(|key| matches!(key.default, Default::Yaml(text) if !text.is_empty()));
            let stands = state["at"].is_u64() || state["word"].is_string();
            assert!(stands || !known, "{}: {state}", lever.path);
        }
        let at = |text: &str| nearest(&["1k", "2k", "5k"].map(str::to_owned), Quantity::Count, text);
        assert_eq!((at("3_000..5_000"), at("1_900"), at("{exponential: 1k}")), (Some(2), Some(1), None));
    }
}
