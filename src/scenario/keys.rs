//! The one table of the file format: every key, what it takes, its default and where that comes from.
//!
//! The reader, the check for unknown keys, the published schema and the template of a new scenario all follow this
//! table, so a key that is not in it does not exist. A section is a key that others have as the start of their path.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::lists::Column;
use crate::units::parse::Quantity;

/// A key of the format.
#[derive(Debug)]
pub struct Key {
    /// All of it, from the top: `servers.cpu.per_kb`.
    pub path: &'static str,
    /// Words it takes.
    pub words: &'static [&'static str],
    /// Words that mean the section with all its defaults: `deflate` is `{deflate: {}}`.
    pub opens: &'static [&'static str],
    /// The key below that a plain value is for: `broker: redis` is `{kind: redis}`.
    pub short_for: Option<&'static str>,
    /// What else it takes.
    pub kind: Kind,
    /// What it is where nothing is given.
    pub default: Default,
    /// What it means, in a line.
    pub doc: &'static str,
    /// Where the default comes from.
    pub source: &'static str,
    /// It need not be given where this sibling is a section with one of these.
    pub unless: Option<(&'static str, &'static [&'static str])>,
}

/// What a key takes besides words and, where it is a section, keys of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Nothing.
    Words,
    /// Any text.
    Text,
    /// A figure.
    Figure(Figure),
    /// A figure or a distribution.
    Random(Quantity),
    /// Paths of other keys, each with a list of values.
    Sweep,
    /// A list of figures; an example.
    Figures(Figure, &'static str),
    /// A list of sections with these keys, in order of the first; an example.
    Rows(&'static [Column], &'static str),
    /// The name of a file with these columns, in order of the first.
    Table(&'static [Column]),
    /// Names: a list of them, or how many.
    Names,
    /// A list of sections with the keys below.
    List,
}

impl Kind {
    /// Whether it is a figure, random or not.
    pub const fn takes_figures(&self) -> bool {
        matches!(self, Self::Figure(_) | Self::Random(_))
    }

    /// Whether it is a list or a table.
    pub const fn is_listed(&self) -> bool {
        matches!(self, Self::Figures(..) | Self::Rows(..) | Self::Table(_))
    }
}

/// What a figure may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// What it is a figure of.
    pub quantity: Quantity,
    /// The least, in the base unit.
    pub least: f64,
    /// Whether it must be more than the least.
    pub above: bool,
    /// The most.
    pub most: f64,
    /// Whether it must be whole.
    pub whole: bool,
    /// Why it can't be uncertain, if it can't.
    pub certain: Option<&'static str>,
}

/// What a key is where nothing is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// It must be given; this is how it may look, from the top.
    Required(&'static str),
    /// As this text would have it.
    Yaml(&'static str),
    /// There is none, and none is needed.
    Absent,
}

/// Hundred years, in seconds: longer than any time here.
const LONG: f64 = 100.0 * 365.0 * 86_400.0;
/// A distribution's figures are kept below this, in any base unit.
pub const MOST: f64 = 1e15;

const CHOSEN: &str = "it is yours to choose";
const SET: &str = "it is how the simulation is run";
const PROMISE: &str = "a promise has one figure";

const fn figure(quantity: Quantity, least: f64, most: f64) -> Figure {
    Figure { quantity, least, above: false, most, whole: false, certain: None }
}

const fn above_zero(quantity: Quantity, most: f64) -> Kind {
    Kind::Figure(Figure { above: true, ..figure(quantity, 0.0, most) })
}

/// A whole number that somebody chose.
const fn whole(least: f64, most: f64) -> Kind {
    Kind::Figure(Figure { whole: true, certain: Some(CHOSEN), ..figure(Quantity::Count, least, most) })
}

const fn certain(kind: Kind, reason: &'static str) -> Kind {
    match kind {
        Kind::Figure(figure) => Kind::Figure(Figure { certain: Some(reason), ..figure }),
        other => other,
    }
}

const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str, source: &'static str) -> Key {
    Key {
        path,
        words: &[],
        opens: &[],
        short_for: None,
        kind,
        default: Default::Yaml(default),
        doc,
        source,
        unless: None,
    }
}

impl Key {
    const fn or(mut self, words: &'static [&'static str]) -> Self {
        self.words = words;
        self
    }

    const fn opening(mut self, words: &'static [&'static str]) -> Self {
        self.opens = words;
        self
    }

    const fn short_for(mut self, name: &'static str) -> Self {
        self.short_for = Some(name);
        self
    }

    const fn required(mut self, example: &'static str) -> Self {
        self.default = Default::Required(example);
        self
    }

    const fn unless(mut self, sibling: &'static str, has: &'static [&'static str]) -> Self {
        self.unless = Some((sibling, has));
        self
    }

    const fn absent(mut self) -> Self {
        self.default = Default::Absent;
        self
    }

    /// The last part of its path.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// Whether other keys are below it.
    pub fn is_section(&self) -> bool {
        !children(self.path).is_empty()
    }
}

/// A section, present unless left out.
const fn section(path: &'static str, doc: &'static str) -> Key {
    key(path, Kind::Words, "{}", doc, "")
}

/// A key that only has words yet.
const fn choice(path: &'static str, words: &'static [&'static str], default: &'static str, doc: &'static str) -> Key {
    key(path, Kind::Words, default, doc, "the usual choice").or(words)
}

const PROFILE_SHARE: Kind = certain(Kind::Figure(figure(Ratio, 0.0, 1.0)), CHOSEN);
const PROFILE_TIME: Kind = certain(Kind::Figure(figure(Time, 0.0, LONG)), CHOSEN);
const PROFILE_PERIOD: Kind = certain(Kind::Figure(figure(Time, 1e-3, LONG)), CHOSEN);
const PROFILE_STEPS: &[Column] = &[
    ("at", Figure { certain: Some(CHOSEN), ..figure(Time, 0.0, LONG) }),
    ("share", Figure { certain: Some(CHOSEN), ..figure(Ratio, 0.0, 1.0) }),
];
const PROFILE_TRACE: &[Column] = &[("time", figure(Time, 0.0, LONG)), ("share", figure(Ratio, 0.0, 1.0))];

const TRACE: &[Column] = &[("time", figure(Time, 0.0, LONG))];

const MEASURED: &str = "measured: tuned tokio-tungstenite echo, 1 KB, 2-core cloud VM";
const ASSUMED: &str = "assumption: check it against your system";
const FIELD: &str = "field experience: 3,000 to 5,000 connections are comfortable for a WebSocket server";
const CUSTOMARY: &str = "customary: leaves room for bursts and failures";
const COUNTED: &str = "what is counted should come out nearly the same";
const CAPACITY: &str = "a capacity is planned with more room than that";
const WAITS: &str = "waits grow much faster than what causes them";
const RUN: &str = "a compromise between time and precision";

const TIERS: &str = "tiers: {hot: {for: 1 day}, archive: {for: 365 days}}";

const NONE: &[&str] = &["none"];
const UNLIMITED: &[&str] = &["unlimited"];

use Kind::{Random, Sweep, Text, Words};
use Quantity::{BitRate, ByteRate, Bytes, Count, Rate, Ratio, Time};

/// Every key, section by section; a section comes before what is in it.
pub static KEYS: &[Key] = &[
    key("name", Text, "", "What the scenario is called.", "the file's name").absent(),
    key(
        "users",
        Kind::Figure(Figure { whole: true, ..figure(Count, 1.0, 1e10) }),
        "",
        "Users online at the same time, at the peak.",
        "",
    )
    .required("users: 10_000"),
    key(
        "calibration",
        Text,
        "",
        "A file of figures that were measured, in place of defaults.",
        "the defaults were measured elsewhere",
    )
    .absent(),
    section("workload", "What the users do."),
    key(
        "workload.connections_per_user",
        whole(1.0, 1_000.0),
        "1",
        "Connections each user holds.",
        "one app, one connection",
    ),
    section("workload.message", "The messages that users send."),
    key(
        "workload.message.rate",
        above_zero(Rate, 1e6),
        "",
        "Messages a user sends; mmpp and trace have their own.",
        "",
    )
    .required("workload: {message: {rate: 1/s}}")
    .unless("arrivals", &["mmpp", "trace"]),
    key("workload.message.size", Random(Bytes), "1 KB", "Payload of a message.", "assumption: a short JSON text"),
    key(
        "workload.message.arrivals",
        Words,
        "poisson",
        "How a user's messages come: poisson, periodic, {batch: {size: 4}}, mmpp, trace.",
        "users act independently of each other",
    )
    .or(&["poisson", "periodic"]),
    key("workload.message.arrivals.batch", Words, "", "Messages come in batches; the rate still counts messages.", "")
        .absent(),
    key("workload.message.arrivals.batch.size", whole(1.0, 1e6), "", "Messages in a batch.", "")
        .required("arrivals: {batch: {size: 4}}"),
    key(
        "workload.message.arrivals.batch.size.geometric",
        Kind::Figure(figure(Count, 1.0, 1e6)),
        "",
        "The mean, where the size is random (geometric).",
        "",
    )
    .required("arrivals: {batch: {size: {geometric: 2}}}"),
    key("workload.message.arrivals.mmpp", Words, "", "Each user is in one of some states, with a rate each.", "")
        .absent(),
    key(
        "workload.message.arrivals.mmpp.rates",
        Kind::Figures(Figure { certain: Some(CHOSEN), ..figure(Rate, 0.0, 1e6) }, "[0.2/s, 1.4/s]"),
        "",
        "Messages a user sends in each state.",
        "",
    )
    .required("arrivals: {mmpp: {rates: [0.2/s, 1.4/s], switch: [0.05/s, 0.05/s]}}"),
    key(
        "workload.message.arrivals.mmpp.switch",
        Kind::Figures(Figure { above: true, certain: Some(CHOSEN), ..figure(Rate, 0.0, 1e6) }, "[0.05/s, 0.05/s]"),
        "",
        "How often a user goes from each state to the next; from the last, to the first.",
        "",
    )
    .required("arrivals: {mmpp: {rates: [0.2/s, 1.4/s], switch: [0.05/s, 0.05/s]}}"),
    key(
        "workload.message.arrivals.trace",
        Kind::Table(TRACE),
        "",
        "A file with the times at which all users together send; it starts over at its end.",
        "",
    )
    .absent(),
    choice(
        "workload.fan_out",
        &["echo", "none", "direct", "broadcast"],
        "echo",
        "Who gets a message: its sender, nobody, one other, all, or {room: 50}.",
    ),
    key("workload.fan_out.room", Random(Count), "", "Members of a room; all of them get what is sent there.", "")
        .required("fan_out: {room: 50}"),
    choice("workload.fan_out.popularity", &["uniform"], "uniform", "Which room a message goes to."),
    key(
        "workload.fan_out.popularity.zipf",
        Kind::Figure(figure(Count, 0.0, 10.0)),
        "",
        "The k-th most popular room gets messages in proportion to 1/k^s, with this s.",
        "",
    )
    .required("popularity: {zipf: 1.1}"),
    key(
        "workload.heartbeat",
        Words,
        "none",
        "Pings that keep a connection open: {every: 30 s}, or none.",
        "no load that the scenario does not state",
    )
    .or(NONE),
    key(
        "workload.heartbeat.every",
        above_zero(Time, LONG),
        "30 s",
        "Time between two heartbeats of a connection.",
        "below the idle timeout (60 s) of common balancers",
    ),
    key(
        "workload.session",
        Words,
        "none",
        "How long connections last: {length: 20 min}; with none, the whole run.",
        "no load that the scenario does not state",
    )
    .or(NONE),
    key("workload.session.length", Random(Time), "", "How long a connection lasts.", "")
        .required("session: {length: 20 min}"),
    key(
        "workload.reconnect",
        Words,
        "{}",
        "What a user does whose connection was refused or dropped.",
        "client libraries do reconnect",
    )
    .or(NONE),
    key(
        "workload.reconnect.backoff",
        above_zero(Time, LONG),
        "{}",
        "Wait before trying again: none, a time, or growing as here.",
        "the usual advice",
    )
    .or(NONE),
    key(
        "workload.reconnect.backoff.exponential",
        above_zero(Time, LONG),
        "1 s",
        "The first wait; each further one is twice as long.",
        "the usual advice",
    ),
    key("workload.reconnect.backoff.cap", above_zero(Time, LONG), "30 s", "The longest wait.", "the usual advice"),
    choice(
        "workload.reconnect.jitter",
        &["none", "full"],
        "full",
        "Whether the wait is drawn from zero to the back-off.",
    ),
    key(
        "workload.slow_clients",
        Words,
        "none",
        "Users whose downlink is slow: none, or {share: 5 %, downlink: 256 kbit/s}.",
        "no load that the scenario does not state",
    )
    .or(NONE),
    key(
        "workload.slow_clients.share",
        Kind::Figure(figure(Ratio, 0.0, 1.0)),
        "5 %",
        "Share of the connections that are slow.",
        ASSUMED,
    ),
    key(
        "workload.slow_clients.downlink",
        above_zero(BitRate, MOST),
        "256 kbit/s",
        "What a slow connection takes in, headers included.",
        "assumption: a poor mobile connection (EDGE has up to 384 kbit/s)",
    ),
    key(
        "workload.connect_timeout",
        above_zero(Time, LONG),
        "10 s",
        "How long a user waits for a connection before it tries again; none is for ever.",
        "assumption: common client libraries wait 5 to 30 s (undici 10 s, socket.io 20 s)",
    )
    .or(NONE),
    key(
        "workload.timeout",
        above_zero(Time, 30.0 * 86_400.0),
        "none",
        "How long a user waits for an answer, from sending; none: for ever.",
        "no load that the scenario does not state",
    )
    .or(NONE),
    key(
        "workload.retry",
        Words,
        "none",
        "Whether a message that failed is sent again: none, or {limit: 3, delay: 1 s}.",
        "no load that the scenario does not state",
    )
    .or(NONE),
    key("workload.retry.limit", whole(1.0, 1e6), "3", "How often at most.", "client libraries' usual three")
        .or(UNLIMITED),
    key(
        "workload.retry.delay",
        Random(Time),
        "1 s",
        "From the failure to the next sending.",
        "assumption: as the first wait of `reconnect`",
    ),
    key(
        "workload.retry.backoff",
        Kind::Figure(figure(Count, 1.0, 1_000.0)),
        "1",
        "How many times longer each further delay is; 1 is no back-off.",
        "the plain case; the usual advice is 2",
    ),
    key(
        "workload.retry.cap",
        above_zero(Time, LONG),
        "30 s",
        "The longest delay that back-off makes.",
        "the usual advice",
    ),
    key(
        "workload.profile",
        Words,
        "steady",
        "How the load moves: steady, or {diurnal: {low: 30 %}}, steps, flash, trace.",
        "no course that the scenario does not state",
    )
    .or(&["steady"]),
    choice(
        "workload.profile.of",
        &["auto", "users", "messages"],
        "auto",
        "What moves; auto: users where they have a session, else their messages.",
    ),
    key("workload.profile.diurnal", Words, "", "A wave, from the peak down to low and back in a period.", "").absent(),
    key(
        "workload.profile.diurnal.low",
        PROFILE_SHARE,
        "30 %",
        "The least share of the peak.",
        "assumption: nights of one continent's users",
    ),
    key("workload.profile.diurnal.period", PROFILE_PERIOD, "24 h", "From peak to peak.", "a day"),
    key("workload.profile.diurnal.peak_at", PROFILE_TIME, "12 h", "When the peak is.", "a run begins at midnight"),
    key(
        "workload.profile.steps",
        Kind::Rows(PROFILE_STEPS, "[{at: 60 s, share: 10 %}, {at: 120 s, share: 100 %}]"),
        "",
        "From each time on its share of the peak; before the first, all of it.",
        "",
    )
    .absent(),
    key("workload.profile.flash", Words, "", "A flash crowd: up to the peak, and back.", "").absent(),
    key("workload.profile.flash.at", PROFILE_TIME, "30 s", "When it begins.", "assumption: a run of a minute or more"),
    key(
        "workload.profile.flash.from",
        PROFILE_SHARE,
        "10 %",
        "The share of the peak before and after.",
        "assumption: ten times the usual load",
    ),
    key("workload.profile.flash.rise", PROFILE_TIME, "10 s", "How long it rises.", "assumption: a link that is shared"),
    key(
        "workload.profile.flash.hold",
        PROFILE_TIME,
        "60 s",
        "How long it stays.",
        "assumption: check it against yours",
    ),
    key("workload.profile.flash.fall", PROFILE_TIME, "30 s", "How long it falls.", "assumption: slower than it rose"),
    key(
        "workload.profile.trace",
        Kind::Table(PROFILE_TRACE),
        "",
        "A file with a time and a share of the peak in each line; linear in between.",
        "",
    )
    .absent(),
    section("protocol", "How messages are framed."),
    choice("protocol.encoding", &["json", "binary"], "json", "How a message is written; its size is given as JSON.")
        .opening(&["binary"]),
    key(
        "protocol.encoding.size",
        Kind::Figure(Figure { above: true, ..figure(Ratio, 0.0, 1.0) }),
        "60 %",
        "What a binary encoding leaves of the JSON payload.",
        "assumption: names and numbers shrink (to 37 %, nilsmagnus.github.io/post/proto-json-sizes), texts don't",
    ),
    choice("protocol.compression", &["none", "deflate"], "none", "How frames are compressed (RFC 7692), both ways.")
        .opening(&["deflate"]),
    section("protocol.compression.deflate", "What compression gives and takes."),
    key(
        "protocol.compression.deflate.ratio",
        Kind::Figure(figure(Count, 1.0, 1_000.0)),
        "auto",
        "How many times smaller payloads get; auto: by their size, as for chat in JSON.",
        "measured: zlib on chat text in JSON, 256 B to 16 KB",
    )
    .or(&["auto"]),
    key(
        "protocol.compression.deflate.cpu_per_kb",
        Kind::Figure(figure(Time, 0.0, LONG)),
        "85 us",
        "Inflating and deflating a KB of payload, together.",
        "measured: a compressed 1 KB echo costs 8 to 12 times a plain one of 9 us, 2-core cloud VM",
    ),
    key(
        "protocol.compression.deflate.memory_per_connection",
        Kind::Figure(figure(Bytes, 0.0, 1e12)),
        "295 KiB",
        "Memory of a connection's two contexts, where they are kept between messages.",
        "zlib's zconf.h: deflate 256 KiB, inflate 32 + 7 KiB, windowBits 15, memLevel 8",
    ),
    choice(
        "protocol.compression.deflate.context_takeover",
        &["true", "false"],
        "true",
        "Whether a message is compressed with what the ones before it said.",
    ),
    choice("protocol.tls", &["true", "false"], "true", "Whether connections are encrypted (TLS 1.3).")
        .opening(&["true"]),
    key(
        "protocol.tls.handshake_cpu",
        Kind::Figure(figure(Time, 0.0, LONG)),
        "300 us",
        "CPU of a full handshake, on top of `per_connect`.",
        "assumption: 500 us with ECDSA P-256 were measured on a core of 2010 (rustls); newer ones are faster",
    ),
    key(
        "protocol.tls.resumption",
        Kind::Figure(figure(Ratio, 0.0, 1.0)),
        "0 %",
        "Share of the handshakes that resume a session, for a fifth of the CPU.",
        "none unless asked for",
    ),
    section("link", "What a frame costs on the wire."),
    choice("link.kind", &["ethernet", "loopback"], "ethernet", "What is below IP."),
    key(
        "link.mtu",
        Kind::Figure(figure(Bytes, 576.0, 65_536.0)),
        "1500 B",
        "Largest IP packet.",
        "Ethernet without jumbo frames",
    ),
    section("latency", "One-way delays of the network."),
    key(
        "latency.client",
        Random(Time),
        "20 ms",
        "Between a user and the service.",
        "assumption: users within a continent",
    ),
    key(
        "latency.server",
        Random(Time),
        "250 us",
        "Between two machines of one region.",
        "assumption: machines in one data centre",
    ),
    key(
        "latency.region",
        Random(Time),
        "40 ms",
        "Between two machines of different regions.",
        "assumption: regions of neighbouring continents",
    ),
    section("servers", "The server tier."),
    key("servers.count", whole(1.0, 1e7), "auto", "How many there are; auto: as many as are needed.", "").or(&["auto"]),
    key("servers.cores", whole(1.0, 1_024.0), "4", "CPU cores of one server.", ASSUMED),
    choice(
        "servers.dispatch",
        &["shared", "per-core"],
        "shared",
        "One queue for all cores, or each core its own (per-core).",
    ),
    choice("servers.discipline", &["fifo", "ps"], "fifo", "First come, first served; or all at once, sharing (ps)."),
    key("servers.memory", above_zero(Bytes, MOST), "8 GiB", "Memory of one server.", ASSUMED),
    key("servers.network", above_zero(BitRate, MOST), "1 Gbit/s", "Network speed of one server, each way.", ASSUMED)
        .or(UNLIMITED),
    key(
        "servers.packets",
        above_zero(Rate, MOST),
        "1_000_000/s",
        "Packets a second of one server, in and out together.",
        "assumption: 2.2 M/s were measured on the largest EC2 m5 (Stressgrid 2019), less on smaller ones",
    )
    .or(UNLIMITED),
    key(
        "servers.descriptors",
        whole(128.0, 1e9),
        "1_048_576",
        "File descriptors of one server; it keeps 64 for itself.",
        "Linux's fs.nr_open, the most a limit can be; systemd's own is half of it",
    )
    .or(UNLIMITED),
    section("servers.connections", "Connections of one server."),
    key(
        "servers.connections.comfortable",
        Kind::Figure(figure(Count, 1.0, 1e9)),
        "3_000..5_000",
        "What to plan for.",
        FIELD,
    ),
    key("servers.connections.limit", whole(1.0, 1e9), "20_000", "What the server refuses past.", ASSUMED).or(UNLIMITED),
    key(
        "servers.accept",
        Words,
        "unlimited",
        "How fast a server accepts connections: unlimited (as its CPU does), or {rate: 500/s}.",
        "no limit but the CPU's unless one is known",
    )
    .or(UNLIMITED),
    key("servers.accept.rate", above_zero(Rate, 1e6), "", "Handshakes that a server completes a second.", "")
        .required("servers: {accept: {rate: 500/s}}"),
    key(
        "servers.accept.backlog",
        whole(1.0, 1e7),
        "4096",
        "Attempts that may wait for their handshake; more are refused.",
        "net.core.somaxconn of Linux since 5.4",
    ),
    section("servers.cpu", "What things cost the CPU, in time of one core."),
    key("servers.cpu.per_wakeup", Random(Time), "44 us", "On top, for a message that finds its core idle.", MEASURED),
    key(
        "servers.cpu.per_sleep",
        Kind::Figure(figure(Time, 0.0, LONG)),
        "0 s",
        "At most on top of `per_wakeup`, for a core that was idle for long.",
        "`per_wakeup` has it on average unless a calibration tells them apart",
    ),
    key(
        "servers.cpu.sleep_after",
        Kind::Figure(figure(Time, 0.0, LONG)),
        "10 ms",
        "An idle time of this length makes 63 % of `per_sleep` due.",
        "measured: the median answer grows by 50 us from 2 ms to 20 ms of idling, 2-core cloud VM",
    ),
    key("servers.cpu.per_message", Random(Time), "9 us", "For each message.", MEASURED),
    key(
        "servers.cpu.overhead",
        Kind::Figure(figure(Time, 0.0, LONG)),
        "0 s",
        "What the server program takes for a message besides `per_message`; a calibration has it.",
        "`per_message` has it already unless a calibration tells them apart",
    ),
    key(
        "servers.cpu.per_cold",
        Kind::Figure(figure(Time, 0.0, LONG)),
        "0 s",
        "At most on top of that, after other messages' work: caches are cold by then.",
        "`overhead` and `per_message` have it on average unless a calibration tells them apart",
    ),
    key(
        "servers.cpu.cold_after",
        above_zero(Time, LONG),
        "500 us",
        "`per_message` of this length makes 63 % of `per_cold` due.",
        "measured: 14 us instead of 8 us a message after 500 us, 18 us after 2 ms, 2-core cloud VM",
    ),
    key("servers.cpu.per_kb", Random(Time), "1 us", "For each KB of its payload.", MEASURED),
    key(
        "servers.cpu.per_delivery",
        Random(Time),
        "12 us",
        "For each copy handed to another user (an echo is none).",
        "measured: 11 to 15 us a member of a room, 1 KB, 2-core cloud VM",
    ),
    key(
        "servers.cpu.per_connect",
        Random(Time),
        "50 us",
        "For each connection attempt.",
        "measured: 43 us a WebSocket handshake without TLS, 2-core cloud VM; rounded up",
    ),
    key(
        "servers.cpu.per_publish",
        Random(Time),
        "5 us",
        "For each message handed to the broker.",
        "assumption: about half a message",
    ),
    key(
        "servers.cpu.per_receive",
        Random(Time),
        "5 us",
        "For each message taken from the broker, before it is delivered.",
        "assumption: about half a message",
    ),
    key("servers.cpu.per_heartbeat", Random(Time), "5 us", "For each heartbeat.", "assumption: about half a message"),
    key(
        "servers.cpu.per_cache_miss",
        Random(Time),
        "15 us",
        "On top, for a message whose connection is not in the CPU's cache.",
        "fitted: 10,000 connections instead of 100 doubled the cost of a message, 2-core cloud VM",
    ),
    key(
        "servers.cpu.cached_connections",
        Kind::Figure(figure(Count, 1.0, 1e9)),
        "",
        "Connections whose state the CPU's cache holds; without it, the comfortable ones.",
        "",
    )
    .absent(),
    key(
        "servers.queue",
        Words,
        "unlimited",
        "The queue for the CPU; with {limit: 10}, more messages are dropped.",
        "nothing is dropped that needn't be",
    )
    .or(UNLIMITED),
    key(
        "servers.queue.limit",
        whole(1.0, 1e9),
        "unlimited",
        "Most messages waiting and in service, of each core if per-core; more are dropped.",
        "nothing is dropped that needn't be",
    )
    .or(UNLIMITED),
    key("servers.queue.patience", Random(Time), "", "The same as `servers.patience`.", "").or(NONE).absent(),
    key(
        "servers.patience",
        Random(Time),
        "none",
        "How long a message waits for the CPU before it is given up.",
        "nothing is dropped that needn't be",
    )
    .or(NONE),
    key(
        "servers.failures",
        Words,
        "none",
        "Breakdowns of a server's CPU: none, or {every: 1 h, for: {exponential: 5 min}}.",
        "nothing breaks unless asked for",
    )
    .or(NONE),
    key("servers.failures.every", Random(Time), "", "How long it works between two of them.", "")
        .required("servers: {failures: {every: {exponential: 1 h}, for: {exponential: 5 min}}}"),
    key("servers.failures.for", Random(Time), "", "How long it stands still; then it goes on with its work.", "")
        .required("servers: {failures: {every: {exponential: 1 h}, for: {exponential: 5 min}}}"),
    key(
        "servers.memory_per_connection",
        Kind::Figure(figure(Bytes, 0.0, 1e12)),
        "20 KiB",
        "Memory that an open connection holds.",
        ASSUMED,
    ),
    key(
        "servers.send_buffer",
        above_zero(Bytes, 1e12),
        "1 MB",
        "What a server keeps for one slow connection before it acts.",
        "assumption: the kernel's (Linux grows it up to 4 MiB, tcp_wmem) and the program's own",
    ),
    key(
        "servers.slow_consumer",
        Words,
        "drop",
        "What it does past that: drop the message for that user, or disconnect the user.",
        "assumption: live updates, where the next message makes up for a lost one",
    )
    .or(&["drop", "disconnect"]),
    key(
        "servers.target_utilisation",
        Kind::Figure(Figure { above: true, ..figure(Ratio, 0.0, 1.0) }),
        "70 %",
        "Share of CPU, network, memory and log disks to plan for.",
        CUSTOMARY,
    ),
    key(
        "servers.spare",
        whole(0.0, 1e6),
        "0",
        "Servers on top of those needed (the k of N+k).",
        "none unless asked for",
    ),
    section("balancer", "How load is spread over the servers."),
    choice(
        "balancer.policy",
        &["random", "round-robin", "least-connections", "consistent-hash"],
        "least-connections",
        "Which server is next.",
    ),
    choice(
        "balancer.unit",
        &["connection", "message"],
        "connection",
        "What is spread: each connection, or each message.",
    ),
    key(
        "balancer.virtual_nodes",
        whole(1.0, 100_000.0),
        "100",
        "Points of a server on the hash ring, for consistent-hash only.",
        "a usual setting",
    ),
    key(
        "balancer.count",
        whole(1.0, 1e6),
        "auto",
        "Nodes of the balancer; auto: as many as needed. This or a figure below plans them.",
        "",
    )
    .or(&["auto"]),
    key(
        "balancer.connections",
        whole(1.0, 1e12),
        "1M",
        "Connections that pass through one node.",
        "assumption: a node with some 32 GiB and small buffers",
    ),
    key(
        "balancer.network",
        above_zero(BitRate, MOST),
        "10 Gbit/s",
        "Network speed of one node, each way; messages pass it in and out.",
        "assumption: a common cloud machine",
    )
    .or(UNLIMITED),
    key(
        "balancer.handshakes",
        above_zero(Rate, 1e9),
        "unlimited",
        "Connection attempts that one node takes in a second: unlimited, or such as 10_000/s.",
        "no limit unless one is known",
    )
    .or(UNLIMITED),
    key(
        "balancer.ports",
        whole(1.0, 1e9),
        "64_000",
        "Connections between one node and one server: ports of an address.",
        "16 bits (RFC 9293) less those below 1,024, rounded down",
    ),
    key(
        "balancer.conntrack",
        whole(1.0, 1e12),
        "unlimited",
        "Entries of one node's connection table: unlimited, or how many.",
        "no limit unless one is known (Linux: net.netfilter.nf_conntrack_max)",
    )
    .or(UNLIMITED),
    key(
        "balancer.idle_timeout",
        above_zero(Time, LONG),
        "none",
        "Silence after which the balancer cuts a connection: none, or such as 60 s.",
        "nothing is cut unless asked for",
    )
    .or(NONE),
    choice(
        "sharding",
        NONE,
        "none",
        "How users and servers are divided into groups that mostly talk among themselves.",
    ),
    choice(
        "sharding.by",
        &["user", "region"],
        "user",
        "By user id, or by region: then shards are far from each other.",
    ),
    key("sharding.shards", whole(1.0, 100_000.0), "", "How many shards.", "").required("sharding: {shards: 8}"),
    key(
        "sharding.locality",
        Kind::Figure(figure(Ratio, 0.0, 1.0)),
        "auto",
        "Share of the messages whose recipients are in the sender's shard.",
        "by user as chance has it, 1/shards; by region 80 %, an assumption",
    )
    .or(&["auto"]),
    key(
        "sharding.skew",
        Kind::Figure(Figure { most: 0.99, ..figure(Ratio, 0.0, 1.0) }),
        "0 %",
        "How much more than the mean the largest shard has, and the smallest less.",
        "even unless you say otherwise",
    ),
    key("regions", whole(1.0, 1_000.0), "none", "Regions that users and servers are divided among.", "one place")
        .or(NONE)
        .short_for("count"),
    key("regions.count", whole(1.0, 1_000.0), "", "How many.", "").required("regions: {count: 4}"),
    key(
        "regions.locality",
        Kind::Figure(figure(Ratio, 0.0, 1.0)),
        "80 %",
        "Share of the messages whose recipients are in the sender's region.",
        "assumption: people mostly talk to people nearby",
    ),
    key(
        "regions.skew",
        Kind::Figure(Figure { most: 0.99, ..figure(Ratio, 0.0, 1.0) }),
        "0 %",
        "How much more than the mean the largest region has, and the smallest less.",
        "even unless you say otherwise",
    ),
    choice(
        "broker",
        &["none", "redis", "kafka", "nats"],
        "none",
        "What carries messages between servers: one of these, or your own figures.",
    )
    .short_for("kind"),
    choice(
        "broker.kind",
        &["own", "redis", "kafka", "nats"],
        "own",
        "Whose figures hold where none are given; own: nothing costs anything.",
    ),
    key("broker.nodes", whole(1.0, 100_000.0), "auto", "How many nodes; auto: as many as are needed.", "")
        .or(&["auto"]),
    key("broker.cores", whole(1.0, 1_024.0), "", "CPU cores of a node that serve messages.", "").absent(),
    key("broker.network", above_zero(BitRate, MOST), "", "Network speed of a node, each way.", "")
        .or(UNLIMITED)
        .absent(),
    key("broker.per_wakeup", Random(Time), "", "CPU on top, for what finds its core idle.", "").absent(),
    key("broker.per_batch", Random(Time), "", "CPU for each request, of one message or a batch.", "").absent(),
    key("broker.per_publish", Random(Time), "", "CPU for each message taken in.", "").absent(),
    key("broker.per_delivery", Random(Time), "", "CPU for each copy handed to a server.", "").absent(),
    key("broker.linger", Kind::Figure(figure(Time, 0.0, LONG)), "", "How long a server gathers a batch.", "").absent(),
    key("broker.batch", above_zero(Bytes, 1e12), "", "Bytes at which a batch is sent at once.", "").absent(),
    key("broker.replication", whole(1.0, 100.0), "", "Nodes that keep each message, the first one too.", "").absent(),
    key("broker.disk_write", above_zero(ByteRate, MOST), "", "What a node's disk takes in; none: no disk.", "")
        .or(NONE)
        .absent(),
    key("broker.partitions", whole(1.0, 1e7), "", "Partitions; auto: one for each server that receives.", "")
        .or(&["auto"])
        .absent(),
    key("broker.partitions_per_node", whole(1.0, 1e9), "", "Partitions (replicas too) a node can have.", "")
        .or(UNLIMITED)
        .absent(),
    key("broker.output_buffer", above_zero(Bytes, 1e15), "", "Bytes waiting for a slow server at which it is cut.", "")
        .or(UNLIMITED)
        .absent(),
    key("broker.max_wait", above_zero(Time, LONG), "", "How long a message may wait for a node before it is lost.", "")
        .or(UNLIMITED)
        .absent(),
    key(
        "broker.resubscribe",
        above_zero(Time, LONG),
        "1 s",
        "How long a server that was cut off is without messages.",
        "assumption: a reconnect and a resubscription",
    ),
    key(
        "broker.failover",
        Kind::Figure(figure(Time, 0.0, LONG)),
        "9 s",
        "How long until another node leads in place of a lost one, where there are replicas.",
        "Kafka 4.0: broker.session.timeout.ms",
    ),
    choice(
        "broker.subscribers",
        &["addressed", "all"],
        "addressed",
        "Who gets a copy: servers with a recipient, or all servers.",
    ),
    choice("backend", NONE, "none", "The data store that messages read from: none, or {per_query: 1 ms}."),
    key(
        "backend.queries_per_message",
        Kind::Figure(Figure { above: true, ..figure(Count, 0.0, 1_000.0) }),
        "1",
        "Reads of a message before its answer, one by one; 0.1: every tenth message has one.",
        ASSUMED,
    ),
    key(
        "backend.per_query",
        Random(Time),
        "1 ms",
        "Time of one of its cores for a query.",
        "assumption: an indexed read in a relational database, its disk included",
    ),
    key("backend.cores", whole(1.0, 1_024.0), "8", "Cores of a node: queries served at once.", ASSUMED),
    key("backend.nodes", whole(1.0, 100_000.0), "auto", "How many nodes; auto: as many as are needed.", "")
        .or(&["auto"]),
    key("backend.latency", Random(Time), "", "One way between a server and it; as `latency.server`, if not given.", "")
        .absent(),
    choice("cache", NONE, "none", "Where reads look first: none, or {objects: 1M, size: 100k}."),
    choice(
        "cache.where",
        &["server", "shared"],
        "server",
        "One in the memory of each server, or one for all, a round trip away (shared).",
    ),
    key("cache.objects", whole(1.0, 1e12), "", "How many different objects are read.", "")
        .required("cache: {objects: 1M, size: 100k}"),
    key("cache.size", whole(1.0, 1e12), "", "Objects that fit into one cache.", "").absent(),
    key("cache.memory", above_zero(Bytes, 1e15), "", "The same as memory: it holds memory / object_size.", "").absent(),
    key("cache.object_size", above_zero(Bytes, 1e12), "1 KB", "What an object takes in the cache.", ASSUMED),
    choice("cache.popularity", &["uniform"], "{}", "Which object is read."),
    key(
        "cache.popularity.zipf",
        Kind::Figure(figure(Count, 0.0, 10.0)),
        "0.99",
        "The k-th most popular object is read in proportion to 1/k^s, with this s.",
        "the YCSB benchmark's (Cooper et al. 2010); web traces have 0.64 to 0.83 (Breslau et al. 1999)",
    ),
    key(
        "cache.ttl",
        above_zero(Time, LONG),
        "none",
        "How old a copy may get before it is read anew.",
        "nothing expires unless you say so",
    )
    .or(NONE),
    key(
        "cache.writes",
        Kind::Figure(figure(Rate, 0.0, MOST)),
        "0/s",
        "How often each object is written in the backend, which makes copies of it stale.",
        "no load that the scenario does not state",
    ),
    choice(
        "cache.start",
        &["warm", "cold"],
        "warm",
        "What it holds as the run begins: what was read last, or nothing.",
    ),
    key(
        "cache.lookup_cpu",
        Random(Time),
        "",
        "CPU of a server for a look; if not given 1 us, or 10 us for a shared one.",
        "",
    )
    .absent(),
    choice("cdn", NONE, "none", "What serves static files as a session begins: none, or {hit_ratio: 95 %}."),
    key(
        "cdn.bytes_per_session",
        Kind::Figure(figure(Bytes, 0.0, 1e12)),
        "2 MB",
        "Static files that a session loads as it begins.",
        "assumption: about what a median web page weighs (HTTP Archive)",
    ),
    key(
        "cdn.hit_ratio",
        Kind::Figure(figure(Ratio, 0.0, 1.0)),
        "95 %",
        "Share of their bytes that the CDN has already.",
        ASSUMED,
    ),
    key(
        "cdn.origin_network",
        above_zero(BitRate, MOST),
        "10 Gbit/s",
        "Network speed of one origin, which serves what the CDN has not.",
        ASSUMED,
    ),
    key(
        "zones",
        Kind::Names,
        "none",
        "Which servers fail together: none, 3, [zone-a, zone-b], or {names: 3, tolerate: 1}.",
        "one site unless asked for",
    )
    .or(NONE)
    .short_for("names"),
    key("zones.names", Kind::Names, "", "The zones, by name or how many; servers are dealt out to them in turn.", "")
        .required("zones: {names: 3}"),
    key(
        "zones.tolerate",
        whole(0.0, 1_000.0),
        "0",
        "Zones that may be lost while the servers of the others carry all.",
        "none unless asked for",
    ),
    key("logs", Words, "{}", "The log store, where messages are logged.", "messages are logged unless you say none")
        .or(NONE),
    key(
        "logs.bytes_per_message",
        Kind::Figure(figure(Bytes, 0.0, 1e12)),
        "1 KB",
        "Bytes appended for each message.",
        "as much as a message's payload by default",
    ),
    key("logs.replication", whole(1.0, 100.0), "1", "Copies kept.", "one unless asked for"),
    key(
        "logs.compression",
        Kind::Figure(figure(Count, 1.0, 10_000.0)),
        "none",
        "How many times smaller logs get: none, or a number such as 4.",
        "none unless asked for",
    )
    .or(NONE),
    key("logs.retention", above_zero(Time, LONG), "7 days", "How long logs are kept.", ASSUMED),
    choice("logs.tiers", NONE, "none", "Where older logs go: {hot: {for: 1 day}, warm: {for: …}, archive: {for: …}}."),
    key("logs.tiers.hot", Words, "", "The log nodes, where logs are written.", "").required(TIERS),
    tier_for("logs.tiers.hot.for").required(TIERS),
    tier_replication("logs.tiers.hot.replication"),
    tier_compression("logs.tiers.hot.compression"),
    tier_disk("logs.tiers.hot.disk"),
    key("logs.tiers.warm", Words, "", "Nodes with room rather than speed.", "").absent(),
    tier_for("logs.tiers.warm.for").required("warm: {for: 30 days}"),
    tier_replication("logs.tiers.warm.replication"),
    tier_compression("logs.tiers.warm.compression"),
    tier_disk("logs.tiers.warm.disk"),
    key("logs.tiers.archive", Words, "", "Object storage, which has no nodes.", "").absent(),
    tier_for("logs.tiers.archive.for").required("archive: {for: 365 days}"),
    tier_replication("logs.tiers.archive.replication"),
    tier_compression("logs.tiers.archive.compression"),
    key(
        "logs.disk_write",
        above_zero(ByteRate, MOST),
        "200 MB/s",
        "What one disk takes in.",
        "assumption: a SATA-class SSD or cloud volume",
    ),
    key("logs.disk", above_zero(Bytes, 1e18), "4 TB", "What one disk holds.", ASSUMED),
    section("slo", "What is promised to users; nothing, where it is empty."),
    section("slo.latency", "Most time from sending a message to receiving it."),
    promise("slo.latency.mean", "On average."),
    promise("slo.latency.p50", "For 50 % of messages."),
    promise("slo.latency.p90", "For 90 % of messages."),
    promise("slo.latency.p95", "For 95 % of messages."),
    promise("slo.latency.p99", "For 99 % of messages."),
    promise("slo.latency.p999", "For 99.9 % of messages."),
    key(
        "slo.dropped",
        certain(Kind::Figure(figure(Ratio, 0.0, 1.0)), PROMISE),
        "",
        "The largest share of messages that may be lost, or unsent for want of a connection.",
        "",
    )
    .absent(),
    key(
        "faults",
        Kind::List,
        "none",
        "What breaks, and when: a list such as [{at: 30 s, crash: {servers: 1}, for: 1 min}].",
        "nothing breaks unless asked for",
    )
    .or(NONE),
    key(
        "faults.at",
        certain(Kind::Figure(figure(Time, 0.0, 30.0 * 86_400.0)), SET),
        "",
        "When it happens, from the start of the run.",
        "",
    )
    .required("faults: [{at: 30 s, crash: {servers: 1}}]"),
    key(
        "faults.for",
        certain(above_zero(Time, 30.0 * 86_400.0), SET),
        "",
        "How long it lasts; without it, until the end of the run.",
        "",
    )
    .absent(),
    key("faults.crash", Words, "", "Some servers stop at once, with all that is in them.", "").absent(),
    key("faults.crash.servers", whole(1.0, 1e7), "", "How many, taken at random.", "")
        .required("faults: [{at: 30 s, crash: {servers: 1}}]"),
    key("faults.slow", Words, "", "The CPU of some servers gets slower.", "").absent(),
    key("faults.slow.servers", whole(1.0, 1e7), "", "How many, taken at random.", "")
        .required("faults: [{at: 30 s, slow: {servers: 1, factor: 3}}]"),
    key(
        "faults.slow.factor",
        certain(Kind::Figure(figure(Count, 1.0, 1e6)), SET),
        "",
        "How many times as long everything takes the CPU.",
        "",
    )
    .required("faults: [{at: 30 s, slow: {servers: 1, factor: 3}}]"),
    key("faults.deploy", Words, "", "All servers are restarted, one batch after the other.", "").absent(),
    key(
        "faults.deploy.every",
        certain(above_zero(Time, 30.0 * 86_400.0), SET),
        "30 s",
        "Time from the start of one batch to that of the next.",
        "assumption: check it against your system",
    ),
    key("faults.deploy.batch", whole(1.0, 1e7), "1", "Servers of a batch.", "the most careful"),
    key(
        "faults.deploy.drain",
        certain(above_zero(Time, 30.0 * 86_400.0), SET),
        "30 s",
        "Time over which a server closes its connections evenly; it takes no new ones.",
        "Kubernetes: terminationGracePeriodSeconds",
    ),
    key(
        "faults.deploy.restart",
        certain(above_zero(Time, 30.0 * 86_400.0), SET),
        "5 s",
        "Time from then until it is up again, empty.",
        "assumption: check it against your system",
    ),
    key(
        "faults.deploy.jitter",
        certain(Kind::Figure(figure(Time, 0.0, 30.0 * 86_400.0)), SET),
        "1 s",
        "Longest wait, evenly from zero, before a user whose connection was closed comes back.",
        "assumption: asked to go elsewhere, clients do so at once",
    ),
    key("faults.lose", Text, "", "The name of a zone: all its servers stop at once.", "").absent(),
    key("faults.lose_broker", Words, "", "Some nodes of the broker stop at once, with all that is in them.", "")
        .absent(),
    key("faults.lose_broker.nodes", whole(1.0, 100_000.0), "", "How many, taken at random.", "")
        .required("faults: [{at: 30 s, lose_broker: {nodes: 1}}]"),
    key("faults.network", Words, "", "The network gets slower.", "").absent(),
    key("faults.network.latency", certain(above_zero(Time, 3_600.0), SET), "", "How much longer each way takes.", "")
        .required("faults: [{at: 30 s, network: {latency: 50 ms}}]"),
    choice(
        "faults.network.of",
        &["client", "server"],
        "client",
        "Which way: between users and servers, or between servers and the broker.",
    ),
    choice("autoscaler", NONE, "none", "What adds and removes servers in a run: none, or such as {most: 10}."),
    key(
        "autoscaler.target",
        certain(above_zero(Ratio, 10.0), CHOSEN),
        "80 %",
        "Utilisation that it steers for: it asks for as many servers as would have that.",
        "Kubernetes: CPU target of an HPA without metrics of its own",
    ),
    choice(
        "autoscaler.of",
        &["cpu", "connections"],
        "cpu",
        "Of what: cores at work since the last look, or comfortable connections.",
    ),
    key(
        "autoscaler.every",
        certain(Kind::Figure(figure(Time, 0.01, 30.0 * 86_400.0)), CHOSEN),
        "15 s",
        "Time between two looks.",
        "Kubernetes: --horizontal-pod-autoscaler-sync-period",
    ),
    key(
        "autoscaler.tolerance",
        certain(Kind::Figure(figure(Ratio, 0.0, 10.0)), CHOSEN),
        "10 %",
        "How far off the target, as a share of it, is near enough.",
        "Kubernetes: --horizontal-pod-autoscaler-tolerance",
    ),
    key(
        "autoscaler.delay",
        certain(Kind::Figure(figure(Time, 0.0, 30.0 * 86_400.0)), CHOSEN),
        "60 s",
        "From asking for a server until it takes connections, empty.",
        "assumption: a machine to boot, an image to load, checks to pass",
    ),
    key(
        "autoscaler.step",
        whole(1.0, 1e6),
        "{}",
        "The most servers that one look adds or removes: a number, or a share.",
        "Kubernetes: 100 % within 15 s",
    ),
    key(
        "autoscaler.step.share",
        certain(above_zero(Ratio, 1e6), CHOSEN),
        "100 %",
        "The same as a share of the servers there are, rounded up.",
        "Kubernetes: 100 % within 15 s (it allows four more where that is more)",
    ),
    key(
        "autoscaler.cool_down",
        certain(Kind::Figure(figure(Time, 0.0, 30.0 * 86_400.0)), CHOSEN),
        "5 min",
        "Servers are removed only down to the most asked for within this time.",
        "Kubernetes: --horizontal-pod-autoscaler-downscale-stabilization",
    ),
    key(
        "autoscaler.drain",
        certain(above_zero(Time, 30.0 * 86_400.0), CHOSEN),
        "30 s",
        "Time over which a removed server closes its connections evenly.",
        "Kubernetes: terminationGracePeriodSeconds",
    ),
    key("autoscaler.least", whole(1.0, 1e7), "1", "The fewest servers.", "Kubernetes: minReplicas"),
    key("autoscaler.most", whole(1.0, 1e7), "", "The most servers, those that start or drain too.", "")
        .required("autoscaler: {most: 10}"),
    key("sweep", Sweep, "", "What `sweep` varies: paths of keys, each with a list or a range (`100..100M log 7`).", "")
        .absent(),
    section("simulation", "How the simulation is run."),
    key(
        "simulation.duration",
        certain(above_zero(Time, 30.0 * 86_400.0), SET),
        "60 s",
        "Simulated time of one replication, warm-up included.",
        RUN,
    ),
    key(
        "simulation.warm_up",
        certain(Kind::Figure(figure(Time, 0.0, 30.0 * 86_400.0)), SET),
        "auto",
        "What is left out at the start; auto: until the queues have settled.",
        "four relaxation times of the slowest station, and longer where the run shows it",
    )
    .or(&["auto"]),
    key("simulation.replications", whole(1.0, 2_000.0), "5", "Independent repetitions.", RUN),
    key(
        "simulation.precision",
        certain(Kind::Figure(Figure { above: true, ..figure(Ratio, 0.0, 1.0) }), SET),
        "none",
        "Repeat until the mean is known this well: none, or 2 %.",
        RUN,
    )
    .or(NONE),
    // 2⁵³: up to there a float has every whole number.
    key("simulation.seed", whole(0.0, 9_007_199_254_740_992.0), "42", "The seed of all random numbers.", "any will do"),
    choice(
        "simulation.mode",
        &["auto", "every-message", "sampled"],
        "auto",
        "Every message of every server, or some servers in full.",
    ),
    choice(
        "simulation.start",
        &["steady", "empty"],
        "steady",
        "All users connected (steady), nobody (empty), or {ramp: 30 s}.",
    ),
    key(
        "simulation.start.ramp",
        certain(above_zero(Time, 30.0 * 86_400.0), SET),
        "",
        "Users come one by one, evenly over this time.",
        "",
    )
    .required("start: {ramp: 30 s}"),
    section("validation", "How the model is held against measurements."),
    key(
        "validation.loads",
        Kind::Figures(Figure { above: true, certain: Some(CHOSEN), ..figure(Ratio, 0.0, 10.0) }, "[30 %, 50 %, 70 %]"),
        "[30 %, 50 %, 70 %]",
        "CPU utilisations at which the system is measured; past 100 % it is saturated.",
        "where systems are run",
    ),
    key(
        "validation.duration",
        certain(above_zero(Time, 86_400.0), CHOSEN),
        "10 s",
        "How long each measurement takes, without its warm-up.",
        RUN,
    ),
    key("validation.repeats", whole(1.0, 1_000.0), "3", "How often each measurement is made.", "two can't show noise"),
    section("validation.tolerance", "How far off the model may be, as a share of what was measured."),
    tolerance("validation.tolerance.throughput", "2 %", "Messages a second that get through.", COUNTED),
    tolerance("validation.tolerance.wire_bytes", "2 %", "Bytes on the wire.", COUNTED),
    tolerance("validation.tolerance.log_bytes", "1 %", "Bytes logged.", COUNTED),
    tolerance("validation.tolerance.memory", "10 %", "Memory of a connection.", CAPACITY),
    tolerance("validation.tolerance.cpu", "10 %", "CPU time; one point of a core is always allowed.", CAPACITY),
    tolerance("validation.tolerance.saturation", "10 %", "The most messages a second.", CAPACITY),
    tolerance("validation.tolerance.refused", "2 %", "Connections refused.", COUNTED),
    tolerance("validation.tolerance.p50", "20 %", "The median of latency.", WAITS),
    tolerance("validation.tolerance.p90", "25 %", "The 90th percentile of latency.", WAITS),
    tolerance("validation.tolerance.p99", "35 %", "The 99th percentile of latency.", WAITS),
];

const fn tolerance(path: &'static str, default: &'static str, doc: &'static str, source: &'static str) -> Key {
    key(path, certain(above_zero(Ratio, 10.0), PROMISE), default, doc, source)
}

const fn tier_for(path: &'static str) -> Key {
    key(path, above_zero(Time, LONG), "", "How long logs stay in this tier.", "")
}

const fn tier_replication(path: &'static str) -> Key {
    key(path, whole(1.0, 100.0), "", "Copies kept in this tier; as `logs.replication`, if not given.", "").absent()
}

const fn tier_compression(path: &'static str) -> Key {
    let figure = Kind::Figure(figure(Count, 1.0, 10_000.0));
    key(path, figure, "", "How many times smaller logs are here; as `logs.compression`, if not given.", "")
        .or(NONE)
        .absent()
}

const fn tier_disk(path: &'static str) -> Key {
    key(path, above_zero(Bytes, 1e18), "", "What one disk of this tier holds; as `logs.disk`, if not given.", "")
        .absent()
}

const fn promise(path: &'static str, doc: &'static str) -> Key {
    key(path, certain(above_zero(Time, LONG), PROMISE), "", doc, "").absent()
}

/// The table by path, and the keys below each path.
struct Index {
    by_path: HashMap<&'static str, &'static Key>,
    below: HashMap<&'static str, Vec<&'static Key>>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let by_path = KEYS.iter().map(|key| (key.path, key)).collect();
    let mut below: HashMap<_, Vec<_>> = HashMap::new();
    for key in KEYS {
        let parent = key.path.rsplit_once('.').map_or("", |(parent, _)| parent);
        below.entry(parent).or_default().push(key);
    }
    Index { by_path, below }
});

/// The key of this path.
pub fn find(path: &str) -> Option<&'static Key> {
    INDEX.by_path.get(path).copied()
}

/// The keys right below this path ("" is the top), in the order of the table.
pub fn children(path: &str) -> &'static [&'static Key] {
    INDEX.below.get(path).map_or(&[], Vec::as_slice)
}

/// A path and a name below it.
pub fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        for (index, key) in KEYS.iter().enumerate() {
            assert!(KEYS[..index].iter().all(|other| other.path != key.path), "{} twice", key.path);
            if let Some((parent, _)) = key.path.rsplit_once('.') {
                assert!(KEYS[..index].iter().any(|other| other.path == parent), "{} before its section", key.path);
            }
            assert!(key.doc.ends_with('.') && key.doc.len() < 90, "{}: {}", key.path, key.doc);
            if let Default::Yaml(text) = key.default
                && text != "{}"
                && !matches!(text, "none" | "unlimited" | "auto")
            {
                assert!(!key.source.is_empty(), "{}: a default needs a source", key.path);
            }
        }
    }
}
