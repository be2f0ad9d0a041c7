//! Who got which message, where messages go to others than their sender: one sum for each message, to which every
//! delivery adds its receiver's mark, whichever thread receives it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Messages in a block.
const BLOCK: usize = 1 << 16;
/// Blocks of a worker.
const BLOCKS: usize = 1 << 12;

/// The sums of all messages of all workers.
#[derive(Debug)]
pub struct Ledger {
    workers: Vec<Vec<OnceLock<Box<[AtomicU64]>>>>,
    /// Deliveries that are due, and that have come.
    due: AtomicU64,
    come: AtomicU64,
}

impl Ledger {
    /// An empty one for so many workers.
    pub fn new(workers: usize) -> Self {
        let blocks = || (0..BLOCKS).map(|_| OnceLock::new()).collect();
        Self { workers: (0..workers).map(|_| blocks()).collect(), due: AtomicU64::new(0), come: AtomicU64::new(0) }
    }

    /// Makes room for a worker's message of this number, for which so many deliveries are due. `false` where there is none
    /// left.
    pub fn open(&self, worker: usize, number: u32, deliveries: u64) -> bool {
        let Some(block) = self.workers[worker].get(number as usize / BLOCK) else { return false };
        block.get_or_init(|| (0..BLOCK).map(|_| AtomicU64::new(0)).collect());
        self.due.fetch_add(deliveries, Ordering::Relaxed);
        true
    }

    /// Adds a delivery. `false` where there is no such message.
    pub fn add(&self, worker: usize, number: u32, mark: u64) -> bool {
        let sum = self.sum(worker, number);
        if let Some(sum) = sum {
            sum.fetch_add(mark, Ordering::Relaxed);
            self.come.fetch_add(1, Ordering::Relaxed);
        }
        sum.is_some()
    }

    /// The sum of a message's marks.
    pub fn get(&self, worker: usize, number: u32) -> u64 {
        self.sum(worker, number).map_or(0, |sum| sum.load(Ordering::Relaxed))
    }

    /// Whether as many deliveries have come as are due.
    pub fn is_even(&self) -> bool {
        self.come.load(Ordering::Relaxed) >= self.due.load(Ordering::Relaxed)
    }

    fn sum(&self, worker: usize, number: u32) -> Option<&AtomicU64> {
        let block = self.workers.get(worker)?.get(number as usize / BLOCK)?.get()?;
        block.get(number as usize % BLOCK)
    }
}
