//! The command line: what can be typed, and nothing of what it does.

mod help;

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::live::link::BrokerAddress;

/// Finds the load line of a real-time system: what gives way first, how many servers it takes, MB/s, GB/hour, latency, and
/// how sure that is.
#[derive(Debug, Parser)]
#[command(
    name = "plimsoll",
    version,
    max_term_width = 100,
    after_help = help::PROGRAM
)]
pub struct Cli {
    /// Colour: by default where the output is a terminal and NO_COLOR isn't set
    #[expect(clippy::doc_markdown, reason = "it is shown as help")]
    #[arg(long, value_enum, value_name = "WHEN", global = true, default_value_t = Color::Auto, hide_possible_values = true)]
    pub color: Color,
    /// Say on standard error what is being done, and how long each part took
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented scenario to start from
    #[command(after_help = help::NEW)]
    New(New),
    /// Compute a scenario in closed form, each step of the arithmetic shown
    #[command(after_help = help::ESTIMATE)]
    Estimate(Estimate),
    /// Compute and simulate a scenario: the main job
    #[command(after_help = help::SIMULATE)]
    Simulate(Simulate),
    /// Turn a scenario's knobs in the browser: a local page whose figures follow at once
    #[command(after_help = help::EXPLORE)]
    Explore(Explore),
    /// Simulate a scenario at many points, one row each
    #[command(after_help = help::SWEEP)]
    Sweep(Sweep),
    /// Put the parts of a sweep together: what one run of it prints
    #[command(after_help = help::MERGE)]
    Merge(Merge),
    /// Grade an estimate: which figures are right, and which slip explains one that isn't
    #[command(after_help = help::CHECK)]
    Check(Check),
    /// Find the fewest servers, and the cheapest machines, that keep the SLO, by simulation
    #[command(after_help = help::PLAN)]
    Plan(Plan),
    /// Compare variants of a scenario: every figure's difference, how sure it is, what is gained and at what price
    #[command(after_help = help::COMPARE)]
    Compare(Compare),
    /// Find the load line: the most users that the fleet as given carries within its SLO, by simulation
    #[command(after_help = help::LINE)]
    Line(Line),
    /// Fit the figures of a server to what was measured, with intervals
    #[command(after_help = help::CALIBRATE)]
    Calibrate(Calibrate),
    /// Hold the model against measurements: metric by metric, with an error, a tolerance and a verdict
    #[command(after_help = help::VALIDATE)]
    Validate(Validate),
    /// Serve a scenario's WebSockets for real, until SIGTERM or Ctrl-C
    #[command(after_help = help::SERVE)]
    Serve(Box<Serve>),
    /// Put a scenario's load on a real WebSocket server, and measure
    #[command(after_help = help::DRIVE)]
    Drive(Box<Drive>),
    /// Run the broker that links servers, alone: for servers on several machines
    #[command(after_help = help::BROKER)]
    Broker(Broker),
    /// Print the JSON Schema of scenario files, for editors, or of what a command gives as JSON
    #[command(after_help = help::SCHEMA)]
    Schema(Schema),
    /// Print completions for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(Completions),
    /// Print the manual page, or write one for each command
    #[command(after_help = help::MAN)]
    Man(Man),
}

/// The words of a command line, where `--report` stands before a file: that is no folder, so it is not the option's own.
pub fn words(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = given.collect();
    for at in 1..words.len() {
        if words[at - 1] == "--report" && (words[at] == "-" || Path::new(&words[at]).is_file()) {
            words[at - 1] = format!("--report={REPORTS}").into();
        }
    }
    words
}

/// Where reports are written unless somebody says otherwise.
const REPORTS: &str = "reports";

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// Where the output is a terminal that wants it
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// `plimsoll new`.
#[derive(Debug, Args)]
pub struct New {
    /// Name of the scenario; the file is NAME.yaml
    pub name: String,
    /// Explain every key, not only the common ones
    #[arg(long)]
    pub full: bool,
}

/// Which scenario, and what to change in it.
#[derive(Debug, Args)]
pub struct Input {
    /// The scenario file (YAML); `-` reads standard input
    pub scenario: String,
    /// Users online, instead of the file's (10k and 1M work too)
    #[arg(long, value_name = "COUNT")]
    pub users: Option<String>,
    /// Any key of the scenario, instead of the file's value; may be given more than once
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Seed of every random stream, instead of the file's
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<String>,
}

/// How to show the result.
#[derive(Debug, Args)]
pub struct Output {
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,
    /// No progress bar
    #[arg(long, short)]
    pub quiet: bool,
}

/// Forms of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people
    Terminal,
    /// JSON for programs
    Json,
}

/// How to show a result that others read too.
#[derive(Debug, Args)]
pub struct Shown {
    /// Form of the result
    #[arg(long, value_enum, default_value_t = PageFormat::Terminal)]
    pub format: PageFormat,
    #[expect(clippy::doc_markdown, reason = "it is shown as help")]
    /// Write a report too, in place of an older one: DIR/NAME with HTML, Markdown, CSV, JSON, SVG and PNG, JUnit XML where
    /// there is a verdict; DIR is `reports` where none is given, NAME is the scenario's
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = REPORTS)]
    pub report: Option<PathBuf>,
    /// No progress bar
    #[arg(long, short)]
    pub quiet: bool,
}

/// Forms of a result that others read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// Tables for people
    Terminal,
    /// JSON for programs
    Json,
    /// The table that says most, as CSV
    Csv,
    /// Markdown for a pull request
    Markdown,
}

/// How to run.
#[derive(Debug, Args)]
pub struct Run {
    /// Threads to use (the result doesn't depend on it); default: one for each core
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Exit with code 1 on this (4 where the run can't tell)
    #[arg(long, value_enum, value_name = "WHAT")]
    pub fail_on: Option<FailOn>,
}

/// What makes the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// An objective of the scenario's `slo` that is not met
    Slo,
}

/// `plimsoll estimate`.
#[derive(Debug, Args)]
pub struct Estimate {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// Say what it costs, on the cheapest machine of this catalogue; `example` is the one that comes with the program
    #[arg(long, value_name = "FILE")]
    pub shapes: Option<String>,
    /// The output.
    #[command(flatten)]
    pub output: Shown,
}

/// `plimsoll simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// Simulate each uncertain input at both ends of its interval too, and say which of them moves the 99th percentile of latency
    #[arg(long)]
    pub sensitivity: bool,
    /// The output.
    #[command(flatten)]
    pub output: Shown,
    /// The run.
    #[command(flatten)]
    pub run: Run,
}

/// `plimsoll explore`.
#[derive(Debug, Args)]
pub struct Explore {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// Address to listen on, of this machine only; with port 0 a free one is chosen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: String,
}

/// `plimsoll sweep`.
#[derive(Debug, Args)]
pub struct Sweep {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// A key and its values, such as users=100,10k,1M or "users=100..100M log 7" (`lin`: in equal steps); given more than
    /// once: all combinations. Default: the file's `sweep`
    #[arg(long, value_name = "PATH=A,B,C")]
    pub vary: Vec<String>,
    /// The closed form only: no simulation
    #[arg(long)]
    pub estimate: bool,
    /// Write each point to this file as it finishes (JSON, a line each)
    #[arg(long, value_name = "FILE")]
    pub out: Option<String>,
    /// Go on with the file of `--out`: what it holds is not done again
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// Only every N-th point, from the K-th on; `merge` puts the files of all K together
    #[arg(long, value_name = "K/N")]
    pub partition: Option<Partition>,
    /// The output.
    #[command(flatten)]
    pub output: Shown,
    /// The run.
    #[command(flatten)]
    pub run: Run,
}

/// `plimsoll drive`.
#[derive(Debug, Args)]
pub struct Drive {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// The server, such as `ws://127.0.0.1:9001`; given more than once, connections are dealt out in turn
    #[arg(long, value_name = "URL", required = true)]
    pub url: Vec<String>,
    /// How long to measure
    #[arg(long, value_name = "TIME", default_value = "30 s")]
    pub duration: String,
    /// Load before what is measured
    #[arg(long, value_name = "TIME", default_value = "3 s")]
    pub warm_up: String,
    /// How long to wait at most for what is still to come at the end
    #[arg(long, value_name = "TIME", default_value = "5 s")]
    pub drain: String,
    /// Connection attempts, at most, such as 500/s; default: as fast as the server takes them
    #[arg(long, value_name = "RATE")]
    pub ramp: Option<String>,
    /// A closed loop instead of the scenario's rate: each connection keeps so many messages under way
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub in_flight: Option<u32>,
    /// Threads, each with connections and file descriptors of its own; auto: as few as the descriptors allow
    #[arg(long, value_name = "COUNT", default_value = "auto")]
    pub threads: String,
    /// Cores to run on, such as 1 or 2,3: one for each thread in turn
    #[arg(long, value_name = "CORES", value_delimiter = ',')]
    pub cpus: Vec<usize>,
    /// Local addresses (127.1.0.1 and on) to connect from; default: as many as the ports need
    #[arg(long, value_name = "COUNT")]
    pub sources: Option<u32>,
    /// Trust any certificate of a wss:// server (on this machine any is trusted)
    #[arg(long)]
    pub insecure: bool,
    /// Watch this process, such as the server's: CPU time, memory, and the machine's counters over the time measured; may be
    /// given more than once
    #[arg(long, value_name = "PID")]
    pub watch_pid: Vec<u32>,
    /// Write the latency distribution as a percentile file
    #[arg(long, value_name = "FILE")]
    pub hgrm: Option<PathBuf>,
    /// Write the intended times, for `arrivals: {trace: FILE}`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The output.
    #[command(flatten)]
    pub output: Output,
}

/// `plimsoll serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// Address to listen on; with port 0 a free one is chosen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: String,
    /// Servers to run, each with its own port (the next ones, unless any free one will do) and its own connection limit
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub servers: u32,
    /// Processes of each server, which share its port and its connection limit: a number, or `auto` for as many as its
    /// connections need descriptors
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = workers)]
    pub workers: Workers,
    /// What carries rooms' messages, direct messages and broadcasts between servers and processes: `embedded` (a broker
    /// of our own for those started here; what several have anyway), redis://HOST:PORT, nats://HOST:PORT, or
    /// plimsoll://HOST:PORT (see `plimsoll broker`)
    #[arg(long, value_name = "BROKER")]
    pub broker: Option<BrokerAddress>,
    /// Encrypt connections: wss. Without --cert, the certificate is made for the occasion, and clients can't verify it
    #[arg(long)]
    pub tls: bool,
    /// Certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "key", requires = "tls")]
    pub cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Cores to run on, such as 0 or 0,2-3; default: any
    #[arg(long, value_name = "LIST")]
    pub cpus: Option<String>,
    /// Folder for the log that the scenario's `logs` asks for; without it nothing is written
    #[arg(long, value_name = "FOLDER")]
    pub log_dir: Option<PathBuf>,
    /// Size at which the next log file begins
    #[arg(long, value_name = "SIZE", default_value = "64 MB", requires = "log_dir")]
    pub log_rotate: String,
    /// Log files that each process keeps
    #[arg(long, value_name = "COUNT", default_value_t = 8, requires = "log_dir", value_parser = clap::value_parser!(u16).range(1..))]
    pub log_keep: u16,
    /// Form of what is printed: one line when it listens, and the totals at the end
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,
    /// Which of several processes this is; for those that the program itself starts
    #[arg(long, hide = true)]
    pub part: Option<Part>,
    /// Where the embedded broker is that its parent runs
    #[arg(long, hide = true, requires = "part")]
    pub link: Option<BrokerAddress>,
}

/// How many processes a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workers {
    /// As many as its connections need.
    Auto,
    /// So many.
    Count(u32),
}

fn workers(text: &str) -> Result<Workers, String> {
    match text.parse() {
        _ if text == "auto" => Ok(Workers::Auto),
        Ok(count @ 1..=1_000) => Ok(Workers::Count(count)),
        _ => Err("write a number from 1 to 1000, or auto".to_owned()),
    }
}

/// One of several processes that serve: `SERVER,WORKER,WORKERS,LIMITED,ADDRESS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which server, from 0.
    pub server: u32,
    /// Which of its processes, from 0.
    pub worker: u32,
    /// How many it has.
    pub workers: u32,
    /// Whether standard input is the semaphore that holds the connection limit.
    pub limited: bool,
    /// Where it listens.
    pub address: SocketAddr,
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, worker, workers, limited, address } = self;
        write!(out, "{server},{worker},{workers},{limited},{address}")
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.splitn(5, ',').collect();
        let [server, worker, workers, limited, address] = fields.as_slice() else {
            return Err("this is for processes that the program itself starts".to_owned());
        };
        let number = |text: &str| text.parse::<u32>().map_err(|error| error.to_string());
        Ok(Self {
            server: number(server)?,
            worker: number(worker)?,
            workers: number(workers)?,
            limited: *limited == "true",
            address: address.parse().map_err(|_| "no address".to_owned())?,
        })
    }
}

/// `plimsoll validate`.
#[derive(Debug, Args)]
pub struct Validate {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// A load history of your system to hold the model against, instead of a server on this machine: CSV with named columns,
    /// or a Prometheus range query's JSON (COLUMN=FILE says what its series are). May be given more than once: series of
    /// the same time belong together
    #[arg(long, value_name = "[COLUMN=]FILE")]
    pub measured: Vec<String>,
    /// What `plimsoll calibrate` found for this machine, instead of the scenario's `calibration`; without either, a quick
    /// calibration is made first
    #[arg(long, value_name = "FILE", conflicts_with = "measured")]
    pub calibration: Option<PathBuf>,
    /// Of a ladder (`sweep: {users: …}`), hold rungs of up to a million connections too: minutes, and 12 GB of memory
    #[arg(long, conflicts_with = "measured")]
    pub million: bool,
    /// An earlier `--format json` of this command: how far has each metric drifted since?
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<String>,
    /// How far a metric may drift from the earlier result
    #[arg(long, value_name = "SHARE", default_value = "5 %")]
    pub drift: String,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = ReportFormat::Terminal)]
    pub format: ReportFormat,
    /// Write the result as JSON to a file too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write it as Markdown, for a pull request
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    #[expect(clippy::doc_markdown, reason = "it is shown as help")]
    /// Write it as JUnit XML, for a CI server
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    #[expect(clippy::doc_markdown, reason = "it is shown as help")]
    /// Write a report too, in place of an older one: DIR/NAME with HTML, Markdown, CSV, JSON, JUnit XML, SVG and PNG; DIR is
    /// `reports` where none is given, NAME is the scenario's
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = REPORTS)]
    pub report: Option<PathBuf>,
    /// No progress bar
    #[arg(long, short)]
    pub quiet: bool,
    /// Threads to use (the result doesn't depend on it); default: one for each core
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// Forms of a report that others read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Tables for people
    Terminal,
    /// JSON for programs
    Json,
    /// Every metric at every load as CSV
    Csv,
    /// Markdown for a pull request
    Markdown,
    #[expect(clippy::doc_markdown, reason = "it is shown as help")]
    /// JUnit XML for a CI server
    Junit,
}

/// `plimsoll calibrate`.
#[derive(Debug, Args)]
pub struct Calibrate {
    /// A scenario whose kind of server is to be measured; without one, one core and JSON messages
    #[arg(conflicts_with = "from")]
    pub scenario: Option<String>,
    /// Fit to a file of measurements instead: CSV, k6 (summary, summary export, CSV), Artillery 2 JSON, Prometheus range
    /// query; may be given more than once. COLUMN=FILE says what the series of a Prometheus result are
    #[arg(long, value_name = "FILE")]
    pub from: Vec<String>,
    /// Measure for some twenty seconds only: fewer loads, each shorter
    #[arg(long, conflicts_with = "from")]
    pub quick: bool,
    /// Write the figures down, for the key `calibration` of scenarios
    #[arg(long, value_name = "FILE")]
    pub out: Option<String>,
    /// Write what was measured as CSV, which --from reads
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    pub csv: Option<String>,
    /// Cores of one of the servers measured, where the file has no column `cores`
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "from", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub cores: u16,
    /// How work is spread over these cores
    #[arg(long, value_enum, default_value_t = Spread::Shared, requires = "from")]
    pub dispatch: Spread,
    /// Connections of a server past which messages miss the CPU's cache; default: 3,873, as scenarios have it
    #[arg(long, value_name = "COUNT", requires = "from")]
    pub comfortable: Option<String>,
    /// The output.
    #[command(flatten)]
    pub output: Output,
}

/// How work is spread over cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Spread {
    /// One queue for all cores
    Shared,
    /// Each core has its own connections
    PerCore,
}

/// `plimsoll plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// A catalogue of machines and their prices, instead of the example that comes with the program; `none` for none
    #[arg(long, value_name = "FILE")]
    pub shapes: Option<String>,
    /// Threads to use (the result doesn't depend on it); default: one for each core
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// The output.
    #[command(flatten)]
    pub output: Shown,
}

/// `plimsoll compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// More scenario files to compare with the first
    #[arg(value_name = "FILE")]
    pub others: Vec<String>,
    /// A variant: keys and values that differ, such as broker=kafka or "broker=kafka; compression=deflate" (several keys of
    /// one variant); may be given more than once. A key may be cut down to its last names
    #[arg(long, value_name = "PATH=VALUE[; …]")]
    pub with: Vec<String>,
    /// Exit with code 1 where a variant's figure moves further than this from the first's, such as `latency_seconds.p99>10%` or
    /// `required.servers>0` (4 where the interval leaves it open); may be given more than once
    #[arg(long, value_name = "FIGURE>LIMIT")]
    pub fail_on: Vec<String>,
    /// Compare prices too, on the cheapest machine of this catalogue; `example` is the one that comes with the program
    #[arg(long, value_name = "FILE")]
    pub shapes: Option<String>,
    /// Threads to use (the result doesn't depend on it); default: one for each core
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// The output.
    #[command(flatten)]
    pub output: Shown,
}

/// `plimsoll line`.
#[derive(Debug, Args)]
pub struct Line {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// What is made more of until the fleet gives way
    #[arg(long, value_enum, default_value_t = LineOf::Users)]
    pub of: LineOf,
    /// Threads to use (the result doesn't depend on it); default: one for each core
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// The output.
    #[command(flatten)]
    pub output: Shown,
}

/// What is made more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LineOf {
    /// Users, each of whom does what they do
    Users,
    /// Messages a second of the same users
    Messages,
}

/// A part of a sweep: `2/4`.
#[derive(Debug, Clone, Copy)]
pub struct Partition {
    /// Which, from 1 on.
    pub part: NonZeroUsize,
    /// Of how many.
    pub parts: NonZeroUsize,
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = |text: &str| text.parse::<NonZeroUsize>().ok();
        let found = text.split_once('/').and_then(|(part, parts)| Some((read(part)?, read(parts)?)));
        match found {
            Some((part, parts)) if part <= parts => Ok(Self { part, parts }),
            _ => Err("write which part, from 1 on, and of how many, such as `2/4`".to_owned()),
        }
    }
}

/// `plimsoll check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// Servers that carry the load
    #[arg(long, value_name = "COUNT")]
    pub servers: Option<String>,
    /// Connections open at the peak
    #[arg(long, value_name = "COUNT")]
    pub connections: Option<String>,
    /// Messages that users send, such as 10k/s
    #[arg(long, value_name = "RATE")]
    pub messages: Option<String>,
    /// Messages that users get
    #[arg(long, value_name = "RATE")]
    pub deliveries: Option<String>,
    /// Bytes or bits a second: payload in, or out, or both, or what is on the wire ("10 MB/s", "80 Mbit/s")
    #[arg(long, value_name = "FLOW")]
    pub bandwidth: Option<String>,
    /// Bytes or bits a second that go to users
    #[arg(long, value_name = "FLOW")]
    pub egress: Option<String>,
    /// Bytes or bits a second that the servers' networks carry for their clients: both directions, on the wire, without what
    /// goes over a broker
    #[arg(long, value_name = "FLOW")]
    pub network: Option<String>,
    /// What is logged in a time ("36 GB/hour"), or kept in the end ("6 TB")
    #[arg(long, value_name = "FLOW|BYTES")]
    pub storage: Option<String>,
    /// The output.
    #[command(flatten)]
    pub output: Shown,
}

/// `plimsoll merge`.
#[derive(Debug, Args)]
pub struct Merge {
    /// What `sweep --out` wrote, all parts of it
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// The output.
    #[command(flatten)]
    pub output: Shown,
    /// Exit with code 1 on this (4 where the run can't tell)
    #[arg(long, value_enum, value_name = "WHAT")]
    pub fail_on: Option<FailOn>,
}

/// `plimsoll broker`.
#[derive(Debug, Args)]
pub struct Broker {
    /// Where to listen: address and port (0: any that is free)
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
    /// Form of what it says
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,
}

/// `plimsoll schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Of what
    #[arg(value_enum, default_value_t = SchemaOf::Scenario)]
    pub of: SchemaOf,
}

/// What there is a schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Scenario files
    Scenario,
    /// What `estimate` and `simulate` give
    Result,
    /// What `sweep` and `merge` give
    Sweep,
    /// What `compare` gives
    Compare,
    /// What `plan` gives
    Plan,
    /// What `line` gives
    Line,
    /// What `check` gives
    Check,
    /// What `validate` gives
    Validate,
    /// What `calibrate` gives
    Calibrate,
    /// What `drive` gives
    Drive,
}

/// `plimsoll completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `plimsoll man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Write the pages of all commands to this folder
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}
