//! What the machine says of processes and of itself: CPU time, memory, bytes on loopback, steal. Read from Linux's
//! `/proc` (proc(5)); what it doesn't say is `None`.

use std::collections::BTreeMap;
use std::fs;

/// What a process has used.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Time its threads ran, in seconds, by the scheduler's own count (ns).
    pub cpu_seconds: f64,
    /// Memory that is resident and its own (not shared with files), in bytes.
    pub memory_bytes: u64,
}

impl Usage {
    /// What this process has used until now; `None` when there is none, or nothing may be known of it.
    pub fn of(pid: u32) -> Option<Self> {
        let nanoseconds: u64 = Threads::of_all(&[pid])?.0.values().map(|thread| thread[0]).sum();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Some(Self { cpu_seconds: nanoseconds as f64 / 1e9, memory_bytes: 1_024 * field(&status, "RssAnon:")? })
    }

    /// What these processes have used together.
    pub fn of_all(pids: &[u32]) -> Option<Self> {
        pids.iter().try_fold(Self::default(), |sum, pid| {
            let one = Self::of(*pid)?;
            Some(Self {
                cpu_seconds: sum.cpu_seconds + one.cpu_seconds,
                memory_bytes: sum.memory_bytes + one.memory_bytes,
            })
        })
    }
}

/// The threads of processes, each with the time it ran (ns) and how often it was put on a core. To be subtracted thread by
/// thread, since one that ends takes its figures with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Threads(BTreeMap<(u32, String), [u64; 3]>);

/// What threads did over some time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Did {
    /// Seconds that they ran.
    pub ran: f64,
    /// Seconds that they could have run, and waited for a core that others had.
    pub waited: f64,
    /// How often they were put on a core.
    pub switches: u64,
}

impl Threads {
    /// Those of these processes; `None` when one is not there, or nothing may be known of it.
    pub fn of_all(pids: &[u32]) -> Option<Self> {
        let mut threads = BTreeMap::new();
        for pid in pids {
            for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
                let thread = thread.ok()?;
                // A thread may end while we look.
                let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
                // Time on a core, time waiting for one, times put on one.
                let figures: Vec<u64> = text.split_whitespace().map_while(|figure| figure.parse().ok()).collect();
                let name = thread.file_name().to_string_lossy().into_owned();
                threads.insert((*pid, name), *figures.first_chunk()?);
            }
        }
        Some(Self(threads))
    }

    /// What they did since `before`. Without the threads that have ended meanwhile.
    pub fn since(&self, before: &Self) -> Did {
        let mut sum = [0; 3];
        for (thread, now) in &self.0 {
            let then = before.0.get(thread).copied().unwrap_or_default();
            for ((sum, now), then) in sum.iter_mut().zip(now).zip(then) {
                *sum += now.saturating_sub(then);
            }
        }
        let [ran, waited, switches] = sum;
        Did { ran: ran as f64 / 1e9, waited: waited as f64 / 1e9, switches }
    }
}

/// What has gone over the loopback interface since the machine started. Each byte counts once, though it is both sent
/// and received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Loopback {
    /// Bytes, headers of TCP and IP included.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
}

impl Loopback {
    /// The counters now.
    pub fn now() -> Option<Self> {
        let text = fs::read_to_string("/proc/net/dev").ok()?;
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix("lo:"))?;
        let mut figures = line.split_whitespace().map(str::parse::<u64>);
        Some(Self { bytes: figures.next()?.ok()?, packets: figures.next()?.ok()? })
    }
}

/// Time that all cores together have spent, in clock ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticks {
    /// In all.
    pub all: u64,
    /// Taken by the machine's host.
    pub steal: u64,
}

impl Ticks {
    /// The counters now.
    pub fn now() -> Option<Self> {
        let text = fs::read_to_string("/proc/stat").ok()?;
        let figures: Vec<u64> =
            text.lines().next()?.split_whitespace().skip(1).map_while(|figure| figure.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal; guest time is in user's already.
        Some(Self { all: figures.iter().take(8).sum(), steal: *figures.get(7)? })
    }

    /// Share of the time since `before` that the host took.
    pub fn steal_share_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all);
        if all == 0 { 0.0 } else { self.steal.saturating_sub(before.steal) as f64 / all as f64 }
    }
}

/// TCP sockets of the whole machine, and the memory that the kernel holds in their buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sockets {
    /// Open.
    pub in_use: u64,
    /// Bytes in buffers.
    pub buffer_bytes: u64,
}

impl Sockets {
    /// The counters now.
    pub fn now() -> Option<Self> {
        let text = fs::read_to_string("/proc/net/sockstat").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let after =
            |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)?.parse().ok());
        // Counted in pages; those of x86-64 and most others have 4 KiB.
        Some(Self { in_use: after("inuse")?, buffer_bytes: 4_096 * after("mem")? })
    }
}

/// Memory that the kernel holds for its own objects (slabs), among them sockets, files and what is waited for: of the whole
/// machine, in bytes.
pub fn kernel_bytes() -> Option<u64> {
    Some(1_024 * field(&fs::read_to_string("/proc/meminfo").ok()?, "Slab:")?)
}

/// The machine, as far as its speed depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// What its processor calls itself.
    pub processor: String,
    /// Cores.
    pub cores: usize,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Name and release of its kernel.
    pub kernel: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let processor = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned()));
        Self {
            processor: processor.unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: field(&read("/proc/meminfo"), "MemTotal:").unwrap_or(0) * 1_024,
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        }
    }
}

/// The figure after a name, in a file of lines `Name: figure`.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_and_takes_memory_shows_it() {
        let me = std::process::id();
        // Other tests run in this process too, and give back memory and end threads meanwhile: so it may take another try.
        let shows = || {
            let before = Usage::of(me).unwrap();
            let mut held = vec![0_u8; 64 << 20];
            let mut sum = 0_u64;
            for (at, byte) in held.iter_mut().enumerate() {
                *byte = (at as u8).wrapping_mul(31) | 1;
                sum = sum.wrapping_mul(31).wrapping_add(u64::from(*byte));
            }
            // It is held until it was looked at, whatever the optimiser thinks of that.
            let held = std::hint::black_box(held);
            let after = Usage::of_all(&[me]).unwrap();
            drop(std::hint::black_box(held));
            sum != 0 && after.cpu_seconds > before.cpu_seconds && after.memory_bytes > before.memory_bytes + (32 << 20)
        };
        assert!((0..20).any(|_| shows()));
        assert_eq!(Usage::of(u32::MAX), None);
    }

    #[test]
    fn threads_that_begin_and_end_are_told_apart() {
        let of = |figures: &[(&str, u64, u64)]| {
            Threads(figures.iter().map(|(name, ns, times)| ((1, (*name).to_owned()), [*ns, 0, *times])).collect())
        };
        let before = of(&[("1", 4_000_000_000, 10), ("2", 9_000_000_000, 90)]);
        let after = of(&[("1", 5_000_000_000, 13), ("3", 500_000_000, 2)]);
        assert_eq!(after.since(&before), Did { ran: 1.5, waited: 0.0, switches: 5 });
        assert!(Threads::of_all(&[std::process::id()]).unwrap().since(&Threads::default()).switches > 0);
        assert_eq!(Threads::of_all(&[u32::MAX]), None);
    }

    #[test]
    fn the_machine_has_counters() {
        let (before, machine) = (Ticks::now().unwrap(), Machine::here());
        assert!(Loopback::now().is_some() && Sockets::now().is_some());
        assert!((0.0..=1.0).contains(&Ticks::now().unwrap().steal_share_since(before)));
        assert!(machine.cores > 0 && machine.memory_bytes > 1 << 20 && machine.kernel.len() > 6, "{machine:?}");
    }
}
