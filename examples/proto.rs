use plimsoll::metrics::tally::*;
use plimsoll::random::Distribution as D;
use plimsoll::scenario::*;
use plimsoll::simulation::{cell::*, demand::*, recorder::*};
use plimsoll::units::*;
use std::sync::Arc;
fn scenario(echo: bool) -> Scenario {
    let us = |x: f64| D::Constant(x * 1e-6);
    Scenario {
        name: "x".into(),
        users: 100_000_000,
        workload: Workload {
            connections_per_user: 1,
            message_rate: Rate::new(1.0),
            message_size: D::Constant(1000.0),
            arrivals: Arrivals::Poisson,
            fan_out: if echo { FanOut::Echo } else { FanOut::None },
            heartbeat: echo.then(|| Seconds::new(30.0)),
            session: None,
            reconnect: None,
        },
        protocol: Protocol { tls: true },
        link: Link { kind: LinkKind::Ethernet, mtu: Bytes::new(1500.0) },
        latency: Latency { client: D::Constant(0.02), server: D::Constant(0.0) },
        servers: Servers {
            count: None,
            cores: 4,
            dispatch: Dispatch::Shared,
            discipline: Discipline::Fifo,
            memory: Bytes::new(8e9),
            network: echo.then(|| BitRate::new(1e9)),
            comfortable_connections: 3873.0,
            connection_limit: Some(20000),
            cpu: Cpu {
                per_wakeup: if echo { us(44.) } else { us(0.) },
                per_message: if echo { us(9.) } else { D::exponential(1.0).unwrap() },
                per_kb: if echo { us(1.) } else { us(0.) },
                per_delivery: us(12.),
                per_connect: us(50.),
                per_heartbeat: us(5.),
                per_cache_miss: us(15.),
            },
            queue_limit: None,
            patience: None,
            memory_per_connection: Bytes::new(20480.0),
            target_utilisation: Ratio::new(0.7),
            spare: 0,
        },
        balancer: Balancer { policy: Policy::LeastConnections, unit: BalancedUnit::Connection },
        logs: echo.then(|| Logs {
            bytes_per_message: Bytes::new(1000.0),
            replication: 1,
            compression: 1.0,
            retention: Seconds::new(1.0),
            disk_write: ByteRate::new(200e6),
            disk: Bytes::new(4e12),
        }),
        slo: Slo::default(),
        simulation: Simulation {
            duration: Seconds::new(10.0),
            warm_up: None,
            replications: 1,
            precision: None,
            seed: 42,
            mode: Mode::Auto,
            start: Start::Steady,
        },
    }
}
fn run(echo: bool, s: Scenario, cells: u64, per: u64, end: f64) {
    let slices = Slices::new(SimTime::from_seconds(end), 64);
    let demands = Demands::of(&s, 25820, 720);
    let setting = Arc::new(Setting { scenario: s, demands, slices, seed: 1, replication: 0 });
    let t = std::time::Instant::now();
    let mut r = Recorder::new(slices, echo);
    let mut n = 0;
    for c in 0..cells {
        let mut cell = Cell::of_server(&setting, c, per);
        for i in 0..slices.count() {
            r.open(i);
            cell.advance(slices.end_of(i), &[], &mut r);
            r.close();
        }
        n += cell.finish(&mut r)[0].messages;
    }
    let dt = t.elapsed().as_secs_f64();
    let t = r.finish();
    let c: u64 = t.latency.iter().map(|l| l.count).sum();
    let s: u128 = t.latency.iter().map(|l| l.sum).sum();
    println!(
        "{n} messages {:.1} M/s  {:.2} ns each; mean latency {}",
        n as f64 / dt / 1e6,
        dt / n as f64 * 1e9,
        s as f64 / c as f64 / 1e12
    );
    for st in &t.stations {
        let sl = st.slices(slices);
        let v: u64 = sl.iter().map(|x| x.visits).sum();
        let res: u128 = sl.iter().map(|x| x.residence - x.service).sum();
        println!("  visits {v} wait {}", res as f64 / v as f64 / 1e12);
    }
}
fn main() {
    for _ in 0..2 {
        run(true, scenario(true), 2000, 3873, 10.0);
        let mut s = scenario(false);
        s.workload.message_rate = Rate::new(3.2);
        run(false, s, 1, 1, 20_000_000.0 / 3.2);
    }
}
