//! Intervals against processes whose truth is known.

use super::*;
use crate::random::{Purpose, Stream};

/// A source of output whose long-run mean is known.
#[derive(Debug, Clone, Copy)]
enum Process {
    /// First-order autoregression with mean 5 and exponential innovations (skewed, so harder than normal ones).
    Autoregressive { phi: f64 },
    /// Waits of an M/M/1 of mean service 1, by Lindley's recursion, started in equilibrium.
    Waits { rho: f64 },
}

impl Process {
    fn truth(self) -> f64 {
        match self {
            Self::Autoregressive { .. } => 5.0,
            Self::Waits { rho } => rho / (1.0 - rho),
        }
    }

    /// lim n·Var(mean of n). For M/M/1 waits ρ(2 + 5ρ − 4ρ² + ρ³)/(1 − ρ)⁴ at μ = 1 (Daley 1968).
    fn asymptotic_variance(self) -> f64 {
        match self {
            Self::Autoregressive { phi } => 1.0 / (1.0 - phi).powi(2),
            Self::Waits { rho } => rho * (2.0 + 5.0 * rho - 4.0 * rho * rho + rho.powi(3)) / (1.0 - rho).powi(4),
        }
    }

    fn start(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Autoregressive { .. } => 5.0,
            Self::Waits { rho } if stream.unit() < rho => stream.exp1() / (1.0 - rho),
            Self::Waits { .. } => 0.0,
        }
    }

    fn next(self, last: f64, stream: &mut Stream) -> f64 {
        match self {
            Self::Autoregressive { phi } => 5.0 + phi * (last - 5.0) + stream.exp1() - 1.0,
            Self::Waits { rho } => (last + stream.exp1() - stream.exp1() / rho).max(0.0),
        }
    }

    fn run(self, seed: u64, replications: u64, batches: usize, length: usize) -> Vec<Vec<Batch>> {
        (0..replications)
            .map(|replication| {
                let mut stream = Stream::named(seed, replication, 0, Purpose::Service);
                let mut state = self.start(&mut stream);
                let mut batch = || {
                    let mut sum = 0.0;
                    for _ in 0..length {
                        sum += state;
                        state = self.next(state, &mut stream);
                    }
                    Batch { sum, weight: length as f64 }
                };
                (0..batches).map(|_| batch()).collect()
            })
            .collect()
    }
}

struct Measured {
    coverage: f64,
    /// Mean half-width over the asymptotic 1.96·√(σ²/n).
    width: f64,
    below: f64,
    above: f64,
}

fn measure(process: Process, seeds: u64, replications: u64, batches: usize, length: usize) -> Measured {
    let customers = replications as f64 * (batches * length) as f64;
    let asymptotic = 1.96 * (process.asymptotic_variance() / customers).sqrt();
    let (mut below, mut above, mut width) = (0.0, 0.0, 0.0);
    for seed in 0..seeds {
        let found = ratio_interval(&process.run(seed, replications, batches, length)).unwrap();
        below += f64::from(u8::from(found.high < process.truth()));
        above += f64::from(u8::from(found.low > process.truth()));
        width += found.half_width() / asymptotic;
    }
    let n = seeds as f64;
    Measured { coverage: 1.0 - (below + above) / n, width: width / n, below: below / n, above: above / n }
}

#[test]
#[ignore = "the full measurement, for an optimised build"]
fn coverage_in_full() {
    let processes = [
        Process::Autoregressive { phi: 0.0 },
        Process::Autoregressive { phi: 0.9 },
        Process::Autoregressive { phi: 0.998 },
        Process::Waits { rho: 0.5 },
        Process::Waits { rho: 0.8 },
        Process::Waits { rho: 0.9 },
        Process::Waits { rho: 0.95 },
    ];
    for process in processes {
        for (replications, batches, length) in
            [(5, 64, 937), (5, 64, 4_000), (1, 64, 4_687), (10, 32, 937), (40, 8, 937), (2, 16, 9_375)]
        {
            let found = measure(process, 400, replications, batches, length);
            println!(
                "{process:?} {replications}x{batches}x{length}: coverage {:.3}, width {:.3}, too low {:.3}, too high {:.3}",
                found.coverage, found.width, found.below, found.above
            );
        }
    }
}
