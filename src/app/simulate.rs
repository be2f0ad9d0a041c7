//! `plimsoll simulate`.

use anyhow::Context as _;

use super::progress::Progress;
use super::{Failure, input, interrupt, output, verbose};
use crate::analysis::slo::{Objective, Verdict, judge, overall};
use crate::analysis::{Assessment, assess};
use crate::cli::{FailOn, Format, Run, Simulate};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::metrics::RunMetrics;
use crate::report::{View, json, terminal};
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
    threads(options.run.threads)?;
    interrupt::listen();
    let progress = Progress::new(options.output.quiet);
    let outcome = Outcome::of(&document, assessment, &progress);
    progress.finish();
    let outcome = outcome?;
    let view = outcome.view();
    match options.output.format {
        Format::Terminal => output::print(&terminal::simulation(&view, &outcome.metrics))?,
        Format::Json => output::print_json(&json::result(&view))?,
    }
    verdict(&options.run, &outcome)
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
