//! CPU time: what a wake-up, a message, a KB, a delivery, a connection attempt, a heartbeat and a cache miss cost.
//!
//! The formula is the model's own (docs/model.md, "CPU"), so that figures found here mean there what they mean here:
//!
//! cores busy = Σ rateᵢ·priceᵢ + Λ·p·w
//!
//! with the jobs Λ = messages + heartbeats + connection attempts a second, the price w of a wake-up, and the share p of
//! the jobs that find a core idle: Welch's (1 − ρ)/(1 + Λw) for one core (P. D. Welch, Operations Research 12, 1964), that
//! of [`mgc_wakeups`] for several that share a queue. A message's connection is not in the cache with probability
//! max(0, 1 − K/C), of C connections, where the cache holds K.
//!
//! Least squares on the logarithm of busy time, since its errors grow with it; no price below zero.

use super::{Axis, Figure, Fit, Row, Unfit, different};
use crate::stats::Estimate;
use crate::stats::queueing::{Moments, mgc_wakeups, sleep};
use crate::stats::regression::{Parameter, Regression, RegressionError, nonlinear};
use crate::units::parse::Quantity;
use crate::validate::read::{Column, LoadPoint};

pub(super) const TITLE: &str = "CPU with wake-ups";
/// The scenario's key of what every message costs.
pub const PER_MESSAGE: &str = "servers.cpu.overhead";
/// The scenario's key of a wake-up.
pub const PER_WAKEUP: &str = "servers.cpu.per_wakeup";
const CACHED_CONNECTIONS: &str = "servers.cpu.cached_connections";
const PER_SLEEP: &str = "servers.cpu.per_sleep";
const SLEEP_AFTER: &str = "servers.cpu.sleep_after";

/// How long it may take an idle core to fall asleep, in seconds: the one that fits best is taken, but none that is longer
/// than cores were idle on average at the lowest load, for those can't be told apart.
const AWAKE: [f64; 8] = [200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3];
/// How many connections the cache may hold.
const CACHED: [f64; 6] = [100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0];
/// Sleep, or another size of the cache, is believed in where it takes so many times off the squared errors what is left
/// for each degree of freedom: the best of several candidates is better by chance, too.
const BELIEF: f64 = 15.0;

const COLUMNS: &str = "`throughput_per_second` and `cpu_utilisation` (or `cores_busy`)";
/// Where the search begins, and what is typical, in seconds.
const TYPICAL: f64 = 20e-6;

/// What is known of the servers that were measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Cores of a server, where a load point doesn't say.
    pub cores: f64,
    /// Whether its cores share a queue; otherwise each has its own connections.
    pub shared: bool,
    /// Connections whose state the cache holds: the scenario's `servers.connections.comfortable`.
    pub comfortable: f64,
}

impl Machine {
    /// Cores of a server.
    pub(super) fn cores(&self, point: &LoadPoint) -> f64 {
        point.get(Column::Cores).unwrap_or(self.cores)
    }

    /// Cores of a server that were busy.
    pub(super) fn busy(&self, point: &LoadPoint) -> Option<f64> {
        let share = || point.get(Column::CpuUtilisation).map(|share| share * self.cores(point));
        point.per_server(Column::CoresBusy).or_else(share)
    }
}

/// What has a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    Message,
    Kb,
    Delivery,
    Connect,
    Heartbeat,
    CacheMiss,
}

/// Those that are looked for where the measurements tell of them.
const FURTHER: [Term; 5] = [Term::Kb, Term::Delivery, Term::Connect, Term::Heartbeat, Term::CacheMiss];

impl Term {
    const fn key(self) -> &'static str {
        match self {
            Self::Message => PER_MESSAGE,
            Self::Kb => "servers.cpu.per_kb",
            Self::Delivery => "servers.cpu.per_delivery",
            Self::Connect => "servers.cpu.per_connect",
            Self::Heartbeat => "servers.cpu.per_heartbeat",
            Self::CacheMiss => "servers.cpu.per_cache_miss",
        }
    }

    /// How often a second a server paid it.
    fn rate(self, point: &LoadPoint, machine: &Machine) -> Option<f64> {
        let messages = point.per_server(Column::Throughput)?;
        match self {
            Self::Message => Some(messages),
            Self::Kb => Some(messages * point.get(Column::MessageSize)? / 1e3),
            Self::Delivery => point.per_server(Column::Delivered),
            Self::Connect => point.per_server(Column::Connects),
            Self::Heartbeat => point.per_server(Column::Heartbeats),
            Self::CacheMiss => {
                let connections = point.per_server(Column::Connections)?;
                Some(messages * (1.0 - machine.comfortable / connections.max(machine.comfortable)))
            }
        }
    }
}

/// CPU time of a message of this load point where it wakes up no core, at the prices found.
pub(super) fn price(fit: &Fit, point: &LoadPoint, machine: &Machine) -> Option<f64> {
    let messages = point.per_server(Column::Throughput).filter(|messages| *messages > 0.0)?;
    let comfortable = fit.figure(CACHED_CONNECTIONS).map_or(machine.comfortable, |figure| figure.estimate.value);
    let machine = Machine { comfortable, ..*machine };
    let of = |term: Term| {
        let price = fit.figure(term.key()).map_or(0.0, |figure| figure.estimate.value);
        if price == 0.0 { Some(0.0) } else { Some(price * term.rate(point, &machine)? / messages) }
    };
    [Term::Message, Term::Kb, Term::Delivery, Term::CacheMiss].into_iter().map(of).sum()
}

/// A load point as the formula sees it.
struct Sample<'a> {
    point: &'a LoadPoint,
    messages: f64,
    /// Jobs a second, each of which can find a core idle.
    jobs: f64,
    cores: f64,
    busy: f64,
}

/// Fits the prices that the measurements tell of. Where they tell of enough different numbers of connections, how many the
/// cache holds is found too: the number that fits best, if it is clearly better than the comfortable one.
///
/// # Errors
/// When there are too few different loads.
pub fn cpu(points: &[LoadPoint], machine: &Machine) -> Result<Fit, Unfit> {
    let plain = fitted(points, machine)?;
    let connections: Vec<f64> = points.iter().filter_map(|point| point.per_server(Column::Connections)).collect();
    let most = connections.iter().copied().fold(0.0, f64::max);
    if different(connections) < 3 {
        return Ok(plain);
    }
    let squares = |fit: &Fit| fit.rows.iter().map(|row| (row.measured / row.fitted).ln().powi(2)).sum::<f64>();
    let others = CACHED.into_iter().filter(|cached| *cached < most).filter_map(|comfortable| {
        let fit = fitted(points, &Machine { comfortable, ..*machine }).ok()?;
        let priced = fit.figure(Term::CacheMiss.key()).is_some_and(|price| price.estimate.value > 0.0);
        priced.then(|| (squares(&fit), comfortable, fit))
    });
    let Some((left, cached, mut fit)) = others.min_by(|a, b| a.0.total_cmp(&b.0)) else { return Ok(plain) };
    let freedom = (fit.rows.len() as f64 - fit.figures.len() as f64).max(1.0);
    if (squares(&plain) - left) * freedom <= BELIEF * left {
        return Ok(plain);
    }
    fit.figures.push(Figure::key(CACHED_CONNECTIONS, Quantity::Count, Estimate::exact(cached)));
    Ok(fit)
}

/// The fit where the cache holds as many connections as the machine says.
fn fitted(points: &[LoadPoint], machine: &Machine) -> Result<Fit, Unfit> {
    let samples: Vec<Sample<'_>> = points.iter().filter_map(|point| sample(point, machine)).collect();
    if samples.is_empty() {
        return Err(Unfit::Missing(COLUMNS));
    }
    let given = different(samples.iter().map(|sample| sample.jobs));
    if given < 3 {
        return Err(Unfit::TooFew { columns: COLUMNS, needed: 3, given });
    }
    let mut notes = Vec::new();
    let terms = terms(&samples, machine, &mut notes);
    let (terms, mut found) = solve(terms, &samples, machine, &mut notes)?;
    let slept = asleep(&terms, &samples, machine, &found);
    let after = slept.as_ref().map(|(after, _)| *after);
    if let Some((_, better)) = slept {
        found = better;
    }
    let prices: Vec<f64> = found.coefficients.iter().map(|price| price.value).collect();
    let row = |sample: &Sample<'_>| Row {
        load: sample.messages,
        measured: sample.busy,
        fitted: busy(sample, &terms, after, &prices, machine),
    };
    let mut figures = vec![Figure::key(PER_WAKEUP, Quantity::Time, found.coefficients[0])];
    figures.extend(
        terms.iter().zip(&found.coefficients[1..]).map(|(term, price)| Figure::key(term.key(), Quantity::Time, *price)),
    );
    if let Some((after, extra)) = after.zip(found.coefficients.get(1 + terms.len())) {
        figures.push(Figure::key(PER_SLEEP, Quantity::Time, *extra));
        figures.push(Figure::key(SLEEP_AFTER, Quantity::Time, Estimate::exact(after)));
    }
    // The overhead is all that a message takes; what a scenario gives as `per_message` comes on top.
    figures.push(Figure::key("servers.cpu.per_message", Quantity::Time, Estimate::exact(0.0)));
    figures.extend(included(&terms, &samples, machine, &mut notes));
    if found.coefficients[0].low <= 0.0 {
        notes.push("these loads don't show that a wake-up costs anything: measure at lower ones, too".to_owned());
    }
    let left_out = points.len() - samples.len();
    if left_out > 0 {
        notes.push(format!("{left_out} of {} points have no load or no CPU, and are left out", points.len()));
    }
    let fit = Fit {
        name: "cpu",
        title: TITLE,
        formula: "cores busy = Σ rate × price + jobs/s × share that finds a core idle × wake-up",
        figures,
        load: Axis { name: "messages/s", quantity: Quantity::Rate },
        result: Axis { name: "cores busy", quantity: Quantity::Count },
        rows: samples.iter().map(row).collect(),
        explained: None,
        typical_error: 0.0,
        notes,
    };
    Ok(fit.judged(found.freedom))
}

fn sample<'a>(point: &'a LoadPoint, machine: &Machine) -> Option<Sample<'a>> {
    let messages = point.per_server(Column::Throughput)?;
    let busy = machine.busy(point).filter(|busy| *busy > 0.0)?;
    let others = [Column::Heartbeats, Column::Connects].map(|column| point.per_server(column).unwrap_or(0.0));
    let jobs = messages + others.iter().sum::<f64>();
    (jobs > 0.0).then(|| Sample { point, messages, jobs, cores: machine.cores(point), busy })
}

/// What can be told apart: what was measured at every point, and not always in the same proportion to messages.
fn terms(samples: &[Sample<'_>], machine: &Machine, notes: &mut Vec<String>) -> Vec<Term> {
    let mut terms = vec![Term::Message];
    for term in FURTHER {
        let rates: Option<Vec<f64>> = samples.iter().map(|sample| term.rate(sample.point, machine)).collect();
        let Some(rates) = rates else { continue };
        if rates.iter().all(|rate| *rate == 0.0) {
            continue;
        }
        let proportion = rates.iter().zip(samples).map(|(rate, sample)| rate / sample.messages.max(1e-9));
        if different(proportion) < 2 {
            continue;
        }
        // A wake-up's price, and one measurement more than there are prices.
        if samples.len() < terms.len() + 3 {
            notes.push(format!("`{}` needs more points than {}", term.key(), samples.len()));
            continue;
        }
        terms.push(term);
    }
    terms
}

/// The prices of a wake-up and of each term. A term that can't be told from others is given up.
fn solve(
    mut terms: Vec<Term>,
    samples: &[Sample<'_>],
    machine: &Machine,
    notes: &mut Vec<String>,
) -> Result<(Vec<Term>, Regression), Unfit> {
    loop {
        let parameters = vec![Parameter { start: TYPICAL, size: TYPICAL, least: 0.0 }; 1 + terms.len()];
        let residuals = |prices: &[f64]| {
            let left =
                |sample: &Sample<'_>| sample.busy.ln() - busy(sample, &terms, None, prices, machine).max(1e-300).ln();
            samples.iter().map(left).collect::<Vec<f64>>()
        };
        match nonlinear(&parameters, residuals) {
            Ok(found) => return Ok((terms, found)),
            Err(RegressionError::Collinear(index)) if index > 1 => {
                let term = terms.remove(index - 1);
                notes.push(format!("`{}` can't be told from the other prices by these points", term.key()));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The same terms with a price of sleep, and how long a core takes to fall asleep; none where that explains no more.
fn asleep(terms: &[Term], samples: &[Sample<'_>], machine: &Machine, plain: &Regression) -> Option<(f64, Regression)> {
    // One measurement more than there are prices, and one for how long it takes to fall asleep.
    if samples.len() < terms.len() + 4 {
        return None;
    }
    let start = |price: f64| Parameter { start: price, size: TYPICAL, least: 0.0 };
    let mut parameters: Vec<Parameter> = plain.coefficients.iter().map(|price| start(price.value)).collect();
    parameters.push(start(TYPICAL));
    let errors = |after: Option<f64>, prices: &[f64]| -> Vec<f64> {
        let left =
            |sample: &Sample<'_>| sample.busy.ln() - busy(sample, terms, after, prices, machine).max(1e-300).ln();
        samples.iter().map(left).collect()
    };
    let squares = |after: Option<f64>, found: &Regression| {
        let prices: Vec<f64> = found.coefficients.iter().map(|price| price.value).collect();
        errors(after, &prices).iter().map(|error| error * error).sum::<f64>()
    };
    let longest = samples.iter().map(|sample| queues(sample, machine) / sample.jobs).fold(0.0, f64::max);
    let fits = AWAKE.iter().filter(|after| **after <= longest).filter_map(|after| {
        let found = nonlinear(&parameters, |prices| errors(Some(*after), prices)).ok()?;
        let left = squares(Some(*after), &found);
        Some((left, *after, found))
    });
    let (left, after, found) = fits.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let gain = squares(None, plain) - left;
    (gain * (found.freedom - 1.0).max(1.0) > BELIEF * left).then_some((after, found))
}

/// Queues that the jobs of a server are shared out to.
fn queues(sample: &Sample<'_>, machine: &Machine) -> f64 {
    if machine.shared { 1.0 } else { sample.cores }
}

/// Cores that are busy at these prices: the wake-up's first, sleep's last where cores fall asleep.
fn busy(sample: &Sample<'_>, terms: &[Term], after: Option<f64>, prices: &[f64], machine: &Machine) -> f64 {
    let (mut wakeup, prices) = (prices[0], &prices[1..]);
    if let Some((after, extra)) = after.zip(prices.get(terms.len())) {
        let cores = if machine.shared { sample.cores as u64 } else { 1 };
        wakeup += sleep(sample.jobs / queues(sample, machine), cores, after, *extra).mean;
    }
    let rate = |term: &Term| term.rate(sample.point, machine).unwrap_or(0.0);
    let load: f64 = terms.iter().zip(prices).map(|(term, price)| rate(term) * price).sum();
    if machine.shared && sample.cores > 1.0 {
        return shared(sample.jobs, load, wakeup, sample.cores);
    }
    // Each core for itself: (ρ + Λw)/(1 + Λw) of it is busy, which is Welch's formula, rearranged.
    let woken = sample.jobs / sample.cores * wakeup;
    (load + sample.cores * woken) / (1.0 + woken)
}

/// The same where cores share a queue; past saturation the load itself, so that the search finds its way back.
fn shared(jobs: f64, load: f64, wakeup: f64, cores: f64) -> f64 {
    if load >= cores || load <= 0.0 {
        return load.max(1e-12);
    }
    let woken = mgc_wakeups(jobs, Moments::constant(load / jobs), Moments::constant(wakeup.max(0.0)), cores as u64);
    woken.map_or(load, |woken| woken.busy * cores)
}

/// What the price of a message includes, since it can't be told apart: its own price is nothing, or the model would
/// count it twice.
fn included(terms: &[Term], samples: &[Sample<'_>], machine: &Machine, notes: &mut Vec<String>) -> Vec<Figure> {
    let mut figures = Vec::new();
    for term in [Term::Kb, Term::Delivery, Term::CacheMiss] {
        let rates: Vec<f64> = samples.iter().filter_map(|sample| term.rate(sample.point, machine)).collect();
        // Connections that all fit the cache say nothing of a miss; without copies there is no price of one.
        let none = rates.len() == samples.len() && rates.iter().all(|rate| *rate == 0.0);
        let unknown_copies = term == Term::Delivery && rates.is_empty();
        if terms.contains(&term) || none || unknown_copies {
            continue;
        }
        figures.push(Figure::key(term.key(), Quantity::Time, Estimate::exact(0.0)));
        notes.push(format!("the price of a message includes `{}`, which these points don't tell apart", term.key()));
    }
    figures
}
