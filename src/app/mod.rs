//! The program: one file a subcommand. Only here are files, stdout, progress bars, threads and the clock.

mod broker;
mod drive;
mod calibrate;
mod compare;
mod check;
mod completions;
mod estimate;
mod explore;
mod input;
mod interrupt;
mod line;
mod man;
mod new;
mod output;
mod plan;
mod progress;
mod reports;
mod rig;
mod schema;
mod serve;
mod simulate;
mod sweep;
mod validate;
mod verbose;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::{self, Cli, Command};
use crate::diagnostic::Diagnostics;
use crate::simulation::SimulationError;

/// How a command ended, if not simply well.
#[derive(Debug)]
enum Failure {
    /// A negative answer: the result was shown, and something asked for doesn't hold.
    Negative,
    /// The result was shown, but it doesn't settle what was asked.
    Inconclusive,
    /// The scenario or the usage is wrong.
    Wrong(Diagnostics),
    /// What is asked for can't be simulated.
    Impossible(SimulationError),
    /// Stopped by the user; what was finished was shown.
    Interrupted,
    /// Nobody reads on: the other end of a pipe was closed.
    ClosedPipe,
    /// Something failed at run time.
    Runtime(anyhow::Error),
}

impl From<Diagnostics> for Failure {
    fn from(errors: Diagnostics) -> Self {
        Self::Wrong(errors)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Runtime(error)
    }
}

impl From<SimulationError> for Failure {
    fn from(error: SimulationError) -> Self {
        match error {
            SimulationError::Interrupted => Self::Interrupted,
            SimulationError::Plan(_) => Self::Impossible(error),
            SimulationError::Conservation(_) => Self::Runtime(error.into()),
        }
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let color = output::color_of(std::env::args_os());
    let words = cli::words(std::env::args_os());
    let matches = Cli::command().color(output::clap_choice(color)).get_matches_from(words);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    output::set_up(cli.color);
    verbose::set_up(cli.verbose);
    let done = match cli.command {
        Command::New(options) => new::run(&options),
        Command::Estimate(options) => estimate::run(&options),
        Command::Simulate(options) => simulate::run(&options),
        Command::Explore(options) => explore::run(&options),
        Command::Sweep(options) => sweep::run(&options),
        Command::Drive(options) => drive::run(&options),
        Command::Serve(options) => serve::run(&options),
        Command::Validate(options) => validate::run(&options),
        Command::Calibrate(options) => calibrate::run(&options),
        Command::Plan(options) => plan::run(&options),
        Command::Compare(options) => compare::run(&options),
        Command::Line(options) => line::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Merge(options) => sweep::merge::run(&options),
        Command::Broker(options) => broker::run(&options),
        Command::Schema(options) => schema::run(&options),
        Command::Completions(options) => completions::run(&options),
        Command::Man(options) => man::run(&options),
    };
    verbose::end();
    match done {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Negative) => ExitCode::from(1),
        Err(Failure::Wrong(errors)) => {
            output::complain(&errors.to_string());
            ExitCode::from(2)
        }
        Err(Failure::Impossible(error)) => {
            output::complain(&format!("error: {error}"));
            ExitCode::from(2)
        }
        Err(Failure::Runtime(error)) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::from(3)
        }
        Err(Failure::Inconclusive) => ExitCode::from(4),
        Err(Failure::Interrupted) => {
            output::complain("interrupted");
            ExitCode::from(130)
        }
    }
}
