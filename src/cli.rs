//! The command line: what can be typed, and nothing of what it does.

use std::num::NonZeroUsize;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Finds the load line of a real-time system: what gives way first, how many servers it takes, MB/s, GB/hour, latency, and
/// how sure that is.
#[derive(Debug, Parser)]
#[command(
    name = "plimsoll",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done; 1 a negative answer (--fail-on); 2 wrong usage or a wrong scenario; 3 failure at run time;\n4 inconclusive (--fail-on, and the run is no steady state); 130 interrupted, with what was finished kept."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented scenario to start from
    New(New),
    /// Compute a scenario in closed form, each step of the arithmetic shown
    Estimate(Estimate),
    /// Compute and simulate a scenario: the main job
    Simulate(Simulate),
    /// Simulate a scenario at many points, one row each
    Sweep(Sweep),
    /// Grade an estimate: which figures are right, and which slip explains one that isn't
    Check(Check),
    /// Put the parts of a sweep together: what one run of it prints
    Merge(Merge),
    /// Run the broker that links servers, alone: for servers on several machines
    Broker(Broker),
    /// Print the JSON Schema of scenario files, for editors
    Schema,
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
    /// The output.
    #[command(flatten)]
    pub output: Output,
}

/// `plimsoll simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// The scenario.
    #[command(flatten)]
    pub input: Input,
    /// The output.
    #[command(flatten)]
    pub output: Output,
    /// The run.
    #[command(flatten)]
    pub run: Run,
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
    pub output: Output,
    /// The run.
    #[command(flatten)]
    pub run: Run,
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
    /// Bytes or bits a second that the servers' networks carry: both directions, on the wire
    #[arg(long, value_name = "FLOW")]
    pub network: Option<String>,
    /// What is logged in a time ("36 GB/hour"), or kept in the end ("6 TB")
    #[arg(long, value_name = "FLOW|BYTES")]
    pub storage: Option<String>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,
}

/// `plimsoll merge`.
#[derive(Debug, Args)]
pub struct Merge {
    /// What `sweep --out` wrote, all parts of it
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,
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
