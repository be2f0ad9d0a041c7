//! `plimsoll simulate`.

use anyhow::Context as _;

use super::progress::Progress;
use super::reports::Repeat;
use super::{Failure, input, interrupt, reports, verbose};
use crate::analysis::sensitivity::simulated::{TailError, tails};
use crate::analysis::slo::{Objective, Verdict, judge, overall};
use crate::analysis::{Assessment, assess};
use crate::cli::{FailOn, Run, Simulate};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::metrics::RunMetrics;
use crate::report::View;
use crate::scenario::{Document, Scenario};
use crate::simulation::{SimulationError, Watch, simulate};

/// One scenario, computed and simulated.
pub struct Outcome {
    /// The closed form.
    pub assessment: Assessment,
    /// The simulation.
    pub metrics: RunMetrics,
    /// What was promised.
    pub objectives: Vec<Objective>,
    /// The scenario's hash.
    pub hash: String,
}

impl Outcome {
    /// Simulates a scenario whose closed form is there.
    pub fn of(document: &Document, assessment: Assessment, watch: &dyn Watch) -> Result<Self, SimulationError> {
        let metrics = simulate(&assessment.scenario, &assessment.model, watch)?;
        let objectives = judge(&assessment.scenario.slo, &metrics);
        Ok(Self { assessment, metrics, objectives, hash: document.hash() })
    }

    /// The whole of it, to show.
    pub fn view(&self) -> View<'_> {
        View {
            assessment: &self.assessment,
            metrics: Some(&self.metrics),
            objectives: &self.objectives,
            hash: &self.hash,
        }
    }
}

/// Computes, simulates and shows a scenario.
pub fn run(options: &Simulate) -> Result<(), Failure> {
    let document = input::document(&options.input)?;
    let assessment = assess(&document)?;
    verbose::done(|| format!("computed the closed form, in {} worlds", assessment.worlds));
    promised(&options.run, &assessment.scenario)?;
    if options.sensitivity && assessment.sensitivity.is_empty() {
        let error = Diagnostic::new("`--sensitivity` is of uncertain inputs, and nothing in the scenario is uncertain")
            .help("give a figure as an interval, such as `--set workload.message.rate=0.5..2/s`");
        return Err(Diagnostics::from(error).into());
    }
    threads(options.run.threads)?;
    interrupt::listen();
    let progress = Progress::new(options.output.quiet);
    let outcome = Outcome::of(&document, assessment, &progress).map_err(Failure::from).and_then(|mut outcome| {
        if options.sensitivity {
            add_tails(&mut outcome.assessment, &document, &progress)?;
        }
        Ok(outcome)
    });
    progress.finish();
    let outcome = outcome?;
    let mut repeat = Repeat::new("simulate", &options.input);
    if options.sensitivity {
        repeat = repeat.word("--sensitivity".to_owned());
    }
    reports::show_view(&options.output, &outcome.view(), &document, &repeat)?;
    verdict(&options.run, &outcome)
}

/// Adds what each uncertain input does to the tail of latency.
fn add_tails(assessment: &mut Assessment, document: &Document, watch: &dyn Watch) -> Result<(), Failure> {
    let found = &mut assessment.sensitivity;
    let paths: Vec<&str> = found.iter().map(|one| one.path.as_str()).collect();
    let tails = tails(document, &paths, assessment.model.fleet, watch).map_err(|error| match error {
        TailError::Wrong(errors) => Failure::from(errors),
        TailError::Simulation(error) => error.into(),
    })?;
    for (one, tail) in found.iter_mut().zip(tails) {
        one.tail = Some(tail);
    }
    Ok(())
}

/// `--fail-on slo` needs something to fail on.
pub fn promised(run: &Run, scenario: &Scenario) -> Result<(), Failure> {
    let slo = &scenario.slo;
    if run.fail_on == Some(FailOn::Slo) && slo.latency.is_empty() && slo.dropped.is_none() {
        let error = Diagnostic::new("`--fail-on slo` needs an `slo` in the scenario")
            .help("add one, such as `slo: {latency: {p99: 200 ms}, dropped: 0.1 %}`");
        return Err(Diagnostics::from(error).into());
    }
    Ok(())
}

/// Whether the result is a negative answer, or none.
fn verdict(run: &Run, outcome: &Outcome) -> Result<(), Failure> {
    match overall(&outcome.objectives) {
        _ if run.fail_on != Some(FailOn::Slo) => Ok(()),
        Verdict::Met => Ok(()),
        Verdict::NotMet => Err(Failure::Negative),
        Verdict::Undecided => Err(Failure::Inconclusive),
    }
}

/// Sets the number of threads.
pub fn threads(threads: Option<u16>) -> Result<(), Failure> {
    if let Some(threads) = threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(usize::from(threads))
            .build_global()
            .context("the threads can't be started")?;
    }
    Ok(())
}
