//! Join the shortest queue, two servers: no closed form of use, so the Markov chain is solved.

use super::{Queue, QueueError, positive, rate, stable};

/// The utilisation up to which the chain is solved: the state space grows with 1/(1 − ρ).
pub const HIGHEST_UTILISATION: f64 = 0.995;
/// The difference of the queues is cut off here: its tail falls at least threefold a step, to 10⁻¹⁵ of all.
const MOST_APART: usize = 32;
/// What is cut off of the shorter queue's tail.
const TAIL: f64 = 1e-13;
/// Sweeps after which the chain counts as not solvable; some dozens are usual.
const MOST_SWEEPS: usize = 10_000;

/// Two exponential servers of mean service s each, Poisson arrivals of λ in all, each joining the shorter of the two
/// queues (the one in service counts) and either at random where they are equal.
///
/// The states are (shorter queue, difference). The balance equations are solved by Gauss–Seidel sweeps, and after each
/// one the levels of equal total number are scaled so that the flow up and down between neighbouring levels balances:
/// the slow part of the convergence, which the sweeps alone would need thousands of rounds for (Takahashi 1975, on
/// aggregation and disaggregation). The queue itself: Kingman, "Two similar queues in parallel", Annals of Mathematical
/// Statistics 32, 1961.
///
/// The figures pool both servers: `number` is that in both together.
///
/// # Errors
/// [`QueueError::Unstable`] at λs ≥ 2; [`QueueError::Figure`] when a figure is out of range or the utilisation is above
/// [`HIGHEST_UTILISATION`].
pub fn shortest_of_two(arrival_rate: f64, service: f64) -> Result<Queue, QueueError> {
    let (lambda, service) = (rate(arrival_rate)?, positive(service)?);
    let load = lambda * service;
    let utilisation = stable(load / 2.0)?;
    if utilisation > HIGHEST_UTILISATION {
        return Err(QueueError::Figure);
    }
    if load == 0.0 {
        return Queue::from_wait(0.0, 0.0, service, 2.0);
    }
    let mut chain = Chain::new(load);
    let mut last = f64::INFINITY;
    for _ in 0..MOST_SWEEPS {
        chain.sweep();
        chain.balance_levels();
        let waiting = chain.waiting();
        if (waiting - last).abs() <= 1e-12 * waiting {
            return Queue::from_wait(lambda, waiting / lambda, service, 2.0);
        }
        last = waiting;
    }
    Err(QueueError::Figure)
}

/// The truncated chain, in units of one service.
struct Chain {
    /// Arrivals per service.
    load: f64,
    /// Largest shorter queue.
    deepest: usize,
    /// By shorter queue, then difference.
    probability: Vec<f64>,
    /// How much the levels are to be scaled; kept for its space.
    scale: Vec<f64>,
}

const WIDTH: usize = MOST_APART + 1;

impl Chain {
    fn new(load: f64) -> Self {
        // Both queues together are about geometric with ratio ρ, so the shorter one with ρ².
        let ratio = load / 2.0;
        let deepest = (TAIL.ln() / (2.0 * ratio.ln())).ceil() as usize + 4;
        let mut probability = vec![0.0; (deepest + 1) * WIDTH];
        for (shorter, row) in probability.chunks_exact_mut(WIDTH).enumerate() {
            for (apart, cell) in row.iter_mut().enumerate() {
                *cell = ratio.powf((2 * shorter + apart) as f64) / 3_f64.powf(apart as f64);
            }
        }
        Self { load, deepest, probability, scale: vec![0.0; 2 * deepest + WIDTH] }
    }

    /// Zero outside of the cut-off.
    fn at(&self, shorter: usize, apart: usize) -> f64 {
        if shorter <= self.deepest && apart < WIDTH { self.probability[shorter * WIDTH + apart] } else { 0.0 }
    }

    /// Rate of arrivals in a state: those that would lead outside are dropped.
    fn up(&self, shorter: usize, apart: usize) -> f64 {
        if apart == 0 || shorter < self.deepest { self.load } else { 0.0 }
    }

    /// Rate of departures in a state, likewise.
    fn down(shorter: usize, apart: usize) -> f64 {
        let from_shorter = if shorter > 0 && apart + 1 < WIDTH { 1.0 } else { 0.0 };
        let from_longer = if apart > 0 || shorter > 0 { 1.0 } else { 0.0 };
        from_shorter + from_longer
    }

    /// One round of Gauss–Seidel, there and back again.
    fn sweep(&mut self) {
        for shorter in 0..=self.deepest {
            for apart in 0..WIDTH {
                self.relax(shorter, apart);
            }
        }
        for shorter in (0..=self.deepest).rev() {
            for apart in (0..WIDTH).rev() {
                self.relax(shorter, apart);
            }
        }
    }

    /// Sets a state's probability to what flows in over the rate at which it is left.
    fn relax(&mut self, shorter: usize, apart: usize) {
        // An arrival joins the shorter queue; of equal ones it makes one longer.
        let mut inflow = if shorter > 0 { self.load * self.at(shorter - 1, apart + 1) } else { 0.0 };
        if apart == 1 {
            inflow += self.load * self.at(shorter, 0);
        }
        // A departure from the longer queue, then one from the shorter; of equal ones either does the latter.
        inflow += self.at(shorter, apart + 1);
        if apart > 0 {
            let of_equals = if apart == 1 { 2.0 } else { 1.0 };
            inflow += of_equals * self.at(shorter + 1, apart - 1);
        }
        let outflow = self.up(shorter, apart) + Self::down(shorter, apart);
        self.probability[shorter * WIDTH + apart] = inflow / outflow;
    }

    /// Scales the levels (of equal number in both queues) so that what goes up from each comes down to it, and all of
    /// it to add up to 1.
    fn balance_levels(&mut self) {
        let levels = self.scale.len();
        let (mut up, mut down, mut mass) = (vec![0.0; levels], vec![0.0; levels], vec![0.0; levels]);
        for shorter in 0..=self.deepest {
            for apart in 0..WIDTH {
                let (level, p) = (2 * shorter + apart, self.at(shorter, apart));
                mass[level] += p;
                up[level] += p * self.up(shorter, apart);
                down[level] += p * Self::down(shorter, apart);
            }
        }
        let (mut factor, mut total) = (1.0, 0.0);
        for level in 0..levels {
            if level > 0 {
                // Beyond what floats can tell from zero there is nothing to scale.
                factor = if down[level] > 0.0 { factor * up[level - 1] / down[level] } else { 0.0 };
            }
            self.scale[level] = factor;
            total += factor * mass[level];
        }
        for shorter in 0..=self.deepest {
            for apart in 0..WIDTH {
                self.probability[shorter * WIDTH + apart] *= self.scale[2 * shorter + apart] / total;
            }
        }
    }

    /// Mean number waiting at both servers.
    fn waiting(&self) -> f64 {
        let behind_first = |queue: usize| queue.saturating_sub(1);
        let cells = self.probability.iter().enumerate();
        cells
            .map(|(index, p)| {
                let (shorter, apart) = (index / WIDTH, index % WIDTH);
                p * (behind_first(shorter) + behind_first(shorter + apart)) as f64
            })
            .sum()
    }
}
