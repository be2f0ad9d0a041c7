//! What can be turned on the page: a table of levers, each a key of the scenario with the stops of its slider or the
//! choices of its list. Any other key can be set by its path.

use serde_json::{Value, json};

use crate::scenario::Given;
use crate::scenario::keys::{self, Default, KEYS};
use crate::units::parse::{self, Figure, Quantity};

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

/// Levers that belong together.
type Group = (&'static str, &'static [Lever]);

/// The word for a section that stands there, whatever is in it.
const ON: &str = "on";

const fn range(path: &'static str, label: &'static str, quantity: Quantity, low: f64, high: f64) -> Lever {
    Lever { path, label, turn: Turn::Range { quantity, low, high, before: &[], after: &[] }, needs: None }
}

const fn stops(path: &'static str, label: &'static str, quantity: Quantity, stops: &'static [&'static str]) -> Lever {
    Lever { path, label, turn: Turn::Stops(quantity, stops), needs: None }
}

const fn choice(path: &'static str, label: &'static str, words: &'static [(&'static str, &'static str)]) -> Lever {
    Lever { path, label, turn: Turn::Choice(words), needs: None }
}

impl Lever {
    const fn or(mut self, first: &'static [&'static str], last: &'static [&'static str]) -> Self {
        if let Turn::Range { before, after, .. } = &mut self.turn {
            *before = first;
            *after = last;
        }
        self
    }

    const fn needs(mut self, lever: &'static str, words: &'static [&'static str]) -> Self {
        self.needs = Some((lever, words));
        self
    }
}

const AUTO: &[&str] = &["auto"];
const UNLIMITED: &[&str] = &["unlimited"];
const NONE: &[&str] = &["none"];
const PERCENT: &[&str] = &[
    "0 %", "5 %", "10 %", "15 %", "20 %", "25 %", "30 %", "35 %", "40 %", "45 %", "50 %", "55 %", "60 %", "65 %",
    "70 %", "75 %", "80 %", "85 %", "90 %", "95 %", "98 %", "99 %", "100 %",
];

use Quantity::{Bytes, Count, Rate, Ratio, Time};

/// All levers, by group.
static GROUPS: [Group; 9] = [
    (
        "Load",
        &[
            range("users", "Users", Count, 10.0, 1e9),
            range("workload.message.rate", "Messages of a user", Rate, 1e-3, 1e3),
            range("workload.message.size", "Message size", Bytes, 10.0, 1e6),
            range("workload.connections_per_user", "Connections of a user", Count, 1.0, 20.0),
            choice(
                "workload.message.arrivals",
                "Arrivals",
                &[
                    ("poisson", "poisson"),
                    ("periodic", "periodic"),
                    ("batch", "{batch: {size: 4}}"),
                    ("mmpp", ""),
                    ("trace", ""),
                ],
            ),
            choice(
                "workload.fan_out",
                "Fan-out",
                &[
                    ("echo", "echo"),
                    ("direct", "direct"),
                    ("room", "{room: 50}"),
                    ("broadcast", "broadcast"),
                    ("none", "none"),
                ],
            ),
            range("workload.fan_out.room", "Members of a room", Count, 2.0, 1e5).needs("workload.fan_out", &["room"]),
            choice("workload.heartbeat", "Heartbeat", &[("none", "none"), (ON, "{every: 30 s}")]),
            range("workload.heartbeat.every", "Every", Time, 1.0, 1_000.0).needs("workload.heartbeat", &[ON]),
            choice("workload.session", "Sessions end", &[("none", "none"), (ON, "{length: 20 min}")]),
            range("workload.session.length", "Session length", Time, 10.0, 86_400.0).needs("workload.session", &[ON]),
        ],
    ),
    (
        "Servers",
        &[
            range("servers.count", "Servers", Count, 1.0, 1e5).or(AUTO, &[]),
            stops("servers.cores", "Cores", Count, &["1", "2", "4", "8", "16", "32", "48", "64", "96", "128", "192"]),
            stops(
                "servers.memory",
                "Memory",
                Bytes,
                &[
                    "1 GiB", "2 GiB", "4 GiB", "8 GiB", "16 GiB", "32 GiB", "64 GiB", "128 GiB", "256 GiB", "512 GiB",
                    "1 TiB",
                ],
            ),
            stops(
                "servers.network",
                "Network",
                Quantity::BitRate,
                &[
                    "100 Mbit/s",
                    "1 Gbit/s",
                    "2.5 Gbit/s",
                    "5 Gbit/s",
                    "10 Gbit/s",
                    "25 Gbit/s",
                    "50 Gbit/s",
                    "100 Gbit/s",
                    "unlimited",
                ],
            ),
            range("servers.connections.comfortable", "Comfortable connections", Count, 500.0, 1e6),
            range("servers.connections.limit", "Connection limit", Count, 1e3, 1e7).or(&[], UNLIMITED),
            stops("servers.target_utilisation", "Target utilisation", Ratio, PERCENT.split_at(1).1),
            stops("servers.spare", "Spare (N+k)", Count, &["0", "1", "2", "3", "4", "5", "6", "8", "10", "15", "20"]),
            choice("servers.dispatch", "Dispatch", &[("shared", "shared"), ("per-core", "per-core")]),
            choice("servers.discipline", "Discipline", &[("fifo", "fifo"), ("ps", "ps")]),
            range("servers.cpu.per_message", "CPU of a message", Time, 1e-6, 0.1),
            range("servers.cpu.per_delivery", "CPU of a delivery", Time, 1e-6, 0.1),
            range("servers.memory_per_connection", "Memory of a connection", Bytes, 1e3, 1e7),
        ],
    ),
    (
        "Protocol and network",
        &[
            choice("protocol.encoding", "Encoding", &[("json", "json"), ("binary", "binary")]),
            choice("protocol.compression", "Compression", &[("none", "none"), ("deflate", "deflate")]),
            choice("protocol.tls", "TLS", &[("true", "true"), ("false", "false")]),
            range("latency.client", "Latency to users, one way", Time, 1e-4, 1.0),
            range("latency.server", "Latency between servers", Time, 1e-5, 0.5),
        ],
    ),
    (
        "Balancer and sharding",
        &[
            choice(
                "balancer.policy",
                "Policy",
                &[
                    ("least-connections", "least-connections"),
                    ("round-robin", "round-robin"),
                    ("random", "random"),
                    ("consistent-hash", "consistent-hash"),
                ],
            ),
            choice("balancer.unit", "Spreads", &[("connection", "connection"), ("message", "message")]),
            choice("sharding", "Sharding", &[("none", "none"), (ON, "{shards: 8}")]),
            range("sharding.shards", "Shards", Count, 1.0, 1e4).needs("sharding", &[ON]),
            choice("sharding.by", "By", &[("user", "user"), ("region", "region")]).needs("sharding", &[ON]),
            stops("sharding.locality", "Locality", Ratio, PERCENT).needs("sharding", &[ON]),
            stops("sharding.skew", "Skew", Ratio, PERCENT.split_at(20).0).needs("sharding", &[ON]),
            choice("zones", "Zones", &[("none", "none"), (ON, "{names: 3, tolerate: 1}")]),
            stops("zones.tolerate", "Zones that may be lost", Count, &["0", "1", "2"]).needs("zones", &[ON]),
        ],
    ),
    (
        "Broker",
        &[
            choice(
                "broker",
                "Broker",
                &[
                    ("none", "none"),
                    ("redis", "{kind: redis}"),
                    ("kafka", "{kind: kafka}"),
                    ("nats", "{kind: nats}"),
                    ("own", ""),
                ],
            ),
            range("broker.nodes", "Nodes", Count, 1.0, 1e4).or(AUTO, &[]).needs("broker", BROKERS),
            range("broker.linger", "Linger", Time, 1e-4, 1.0).needs("broker", BROKERS),
            stops("broker.replication", "Replication", Count, &["1", "2", "3", "4", "5"]).needs("broker", BROKERS),
            choice("broker.subscribers", "Copies go to", &[("addressed", "addressed"), ("all", "all")])
                .needs("broker", BROKERS),
        ],
    ),
    (
        "Backend and cache",
        &[
            choice("backend", "Backend", &[("none", "none"), (ON, "{per_query: 1 ms}")]),
            range("backend.per_query", "Time of a query", Time, 1e-5, 1.0).needs("backend", &[ON]),
            range("backend.queries_per_message", "Reads of a message", Count, 0.01, 100.0).needs("backend", &[ON]),
            range("backend.nodes", "Nodes", Count, 1.0, 1e4).or(AUTO, &[]).needs("backend", &[ON]),
            choice("cache", "Cache", &[("none", "none"), (ON, "{objects: 1M, size: 100k}")]).needs("backend", &[ON]),
            choice("cache.where", "Where", &[("server", "server"), ("shared", "shared")]).needs("cache", &[ON]),
            range("cache.objects", "Objects", Count, 10.0, 1e9).needs("cache", &[ON]),
            range("cache.size", "Objects that fit", Count, 10.0, 1e9).needs("cache", &[ON]),
            range("cache.ttl", "Copies expire after", Time, 0.1, 86_400.0).or(&[], NONE).needs("cache", &[ON]),
        ],
    ),
    (
        "CDN and logs",
        &[
            choice("cdn", "CDN", &[("none", "none"), (ON, "{hit_ratio: 95 %}")]),
            stops("cdn.hit_ratio", "Hit ratio", Ratio, PERCENT).needs("cdn", &[ON]),
            range("cdn.bytes_per_session", "Static files of a session", Bytes, 1e3, 1e9).needs("cdn", &[ON]),
            choice("logs", "Logs", &[("none", "none"), (ON, "{}")]),
            range("logs.bytes_per_message", "Bytes of a message", Bytes, 10.0, 1e6).needs("logs", &[ON]),
            stops("logs.replication", "Copies", Count, &["1", "2", "3", "4", "5"]).needs("logs", &[ON]),
            stops("logs.compression", "Times smaller", Count, &["none", "2", "3", "4", "5", "6", "8", "10", "20"])
                .needs("logs", &[ON]),
            stops(
                "logs.retention",
                "Kept for",
                Time,
                &[
                    "1 h", "6 h", "1 day", "2 days", "3 days", "7 days", "14 days", "30 days", "90 days", "180 days",
                    "365 days",
                ],
            )
            .needs("logs", &[ON]),
        ],
    ),
    (
        "Promises and autoscaler",
        &[
            range("slo.latency.p99", "p99 at most", Time, 1e-3, 10.0),
            stops(
                "slo.dropped",
                "Lost at most",
                Ratio,
                &["0 %", "0.001 %", "0.01 %", "0.1 %", "0.5 %", "1 %", "2 %", "5 %"],
            ),
            choice("autoscaler", "Autoscaler", &[("none", "none"), (ON, "{most: 100}")]),
            range("autoscaler.most", "Most servers", Count, 1.0, 1e4).needs("autoscaler", &[ON]),
        ],
    ),
    (
        "Simulation",
        &[
            range("simulation.duration", "Duration", Time, 1.0, 1_000.0),
            stops("simulation.replications", "Replications", Count, &["1", "2", "3", "5", "8", "10", "15", "20", "30"]),
            choice(
                "simulation.mode",
                "Mode",
                &[("auto", "auto"), ("every-message", "every-message"), ("sampled", "sampled")],
            ),
            stops("simulation.seed", "Seed", Count, &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "42"]),
        ],
    ),
];

const BROKERS: &[&str] = &["redis", "kafka", "nats", "own"];

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

/// Where a lever stands. `given` is what the scenario has for its key, `from_file` whether that is the file's own.
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

/// The stop nearest to a value: on a slider of figures, by their ratio.
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
            let figures = decades(*low, *high, *quantity == Count && *low >= 1.0);
            let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let figures = figures.into_iter().map(|figure| short(figure, *quantity));
            words(before).into_iter().chain(figures).chain(words(after)).collect()
        }
    }
}

/// Round figures from low to high, ten a decade, evenly spread as far as round figures are.
fn decades(low: f64, high: f64, whole: bool) -> Vec<f64> {
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
fn short(figure: f64, quantity: Quantity) -> String {
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
        let at = |text: &str| nearest(&["1k", "2k", "5k"].map(str::to_owned), Count, text);
        assert_eq!((at("3_000..5_000"), at("1_900"), at("{exponential: 1k}")), (Some(2), Some(1), None));
    }

    #[test]
    fn figures_are_short_and_round() {
        let shown = |figure, quantity| short(figure, quantity);
        assert_eq!(shown(1e9, Count), "1000M");
        assert_eq!(shown(1_500.0, Count), "1.5k");
        assert_eq!(shown(0.03, Rate), "0.03/s");
        assert_eq!(shown(90.0, Time), "1.5 min");
        assert_eq!(shown(80.0, Time), "80 s");
        assert_eq!(shown(0.0012, Time), "1.2 ms");
        assert_eq!(shown(1_200.0, Bytes), "1.2 KB");
        assert_eq!(decades(1.0, 12.0, true), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0]);
    }
}
