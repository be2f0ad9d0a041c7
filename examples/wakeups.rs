//! How far the closed form of cores that share a queue and wake up is off what is simulated:
//! `cargo run --release --example wakeups` prints the table of docs/model.md.

use plimsoll::engine::{Cores, Visit};
use plimsoll::random::{Purpose, Stream};
use plimsoll::stats::queueing::{Moments, mgc_wakeups};
use plimsoll::units::{SimTime, Span};

const CUSTOMERS: u64 = 2_000_000;
/// Left out at the start.
const FIRST: u64 = 200_000;
const SERVICE_SECONDS: f64 = 10e-6;

fn main() {
    println!("| service | wake-up | cores | off, on average | at most |");
    println!("|---|---|---|---|---|");
    for (service, wakeup) in [(false, false), (true, false), (false, true), (true, true)] {
        for cores in [2, 4, 8, 16, 64] {
            let mut off = Vec::new();
            for wakeup_seconds in [10e-6, 44e-6, 200e-6] {
                for load in [0.1, 0.3, 0.5, 0.7, 0.9] {
                    off.push(error(cores, load, (service, wakeup), wakeup_seconds));
                }
            }
            let mean = off.iter().map(|error| error.abs()).sum::<f64>() / off.len() as f64;
            let most = off.iter().fold(0.0_f64, |most, error| if error.abs() > most.abs() { *error } else { most });
            let kind = |exponential: bool| if exponential { "exponential" } else { "constant" };
            let (service, wakeup) = (kind(service), kind(wakeup));
            println!("| {service} | {wakeup} | {cores} | {:.1} % | {:+.0} % |", mean * 100.0, most * 100.0);
        }
    }
}

/// The formula's mean time in the station over the simulated one, less 1.
fn error(cores: u32, load: f64, (service, wakeup): (bool, bool), wakeup_seconds: f64) -> f64 {
    let stream = |purpose| Stream::named(42, 0, 0, purpose);
    let (mut arrivals, mut services, mut wakeups) =
        (stream(Purpose::Arrivals), stream(Purpose::Service), stream(Purpose::Wakeups));
    let rate = load * f64::from(cores) / SERVICE_SECONDS;
    let draw = |stream: &mut Stream, random: bool, mean: f64| {
        Span::from_seconds(if random { mean * stream.exp1() } else { mean })
    };
    let mut station = Cores::new(cores, 0);
    let (mut now, mut sum) = (SimTime::ZERO, 0.0);
    for customer in 0..CUSTOMERS {
        now += draw(&mut arrivals, true, 1.0 / rate);
        let wakes = draw(&mut wakeups, wakeup, wakeup_seconds);
        let Visit { departure, .. } = station.serve(now, draw(&mut services, service, SERVICE_SECONDS), wakes);
        if customer >= FIRST {
            sum += departure.since(now).as_seconds();
        }
    }
    let moments = |random: bool, mean: f64| if random { Moments::exponential(mean) } else { Moments::constant(mean) };
    let found = mgc_wakeups(rate, moments(service, SERVICE_SECONDS), moments(wakeup, wakeup_seconds), cores.into());
    let formula = found.map_or(f64::NAN, |found| found.wait + SERVICE_SECONDS + found.paid * wakeup_seconds);
    formula / (sum / (CUSTOMERS - FIRST) as f64) - 1.0
}
