//! What a file says, read and checked key by key, but not yet one world.
//!
//! Reading text is slow beside evaluating figures, and an estimate wants hundreds of worlds of the same file: so the
//! reader makes one [`Draft`], and each world ([`World`]) only puts figures in the place of the uncertain ones.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::belief::Belief;
use super::calibration::Calibration;
use super::keys;
use super::shape::Shape;
use crate::diagnostic::Place;
use crate::random::Distribution;

/// A figure of a scenario that is given as an interval.
#[derive(Debug, Clone, PartialEq)]
pub struct UncertainInput {
    /// The key's path, with the names of a distribution's figures: `latency.client.lognormal.mean`.
    pub path: String,
    /// 5th percentile, in base units.
    pub low: f64,
    /// 95th percentile, in base units.
    pub high: f64,
    /// Its distribution.
    pub belief: Belief,
}

impl UncertainInput {
    /// At this path, with this distribution.
    pub(super) fn new(path: &str, belief: Belief) -> Self {
        // Those that a lognormal is given by are its own, to the last bit.
        let (low, high) = match belief {
            Belief::LogNormal { low, high } => (low, high),
            _ => (belief.quantile(0.05), belief.quantile(0.95)),
        };
        Self { path: path.to_owned(), low, high, belief }
    }
}

/// An uncertain figure, and what its key allows.
#[derive(Debug, Clone)]
pub(super) struct Uncertain {
    pub input: UncertainInput,
    /// Where a draw from far out is cut off, as the key allows no more.
    least: f64,
    most: f64,
}

/// A figure: known, or the index of an uncertain one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Input {
    Exact(f64),
    Uncertain(usize),
}

/// A figure that may be random.
#[derive(Debug, Clone)]
pub(super) enum Random {
    /// The same in all worlds.
    Ready(Distribution),
    /// Its figures are uncertain.
    Shaped(Shape, Vec<Input>),
}

/// What a key was read as.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    Word(&'static str),
    Text(String),
    Figure(Input),
    Random(Random),
    /// A list, or a table row by row.
    Figures(Arc<[f64]>),
    Section,
    Names(Vec<String>),
    List(Vec<Item>),
}

/// One section of a list: a draft of its own.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub draft: Draft,
    pub place: Place,
}

/// What a key was read as, and where; a default has no place.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub entry: Entry,
    pub place: Option<Place>,
}

/// Of paths in the table of keys, which nobody else chooses: it need not withstand an attacker, and every world asks for
/// hundreds of them. Eight bytes at a time, each mixed in by a multiplication whose halves are folded.
#[derive(Default)]
struct PathHasher(u64);

impl Hasher for PathHasher {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let word = part.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
            let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
            self.0 = (product >> 64) as u64 ^ product as u64;
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Everything a file says or leaves to defaults.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    slots: HashMap<&'static str, Slot, BuildHasherDefault<PathHasher>>,
    uncertain: Vec<Uncertain>,
    /// Where measured figures come from; they themselves are in the slots.
    pub calibration: Option<Calibration>,
}

impl Draft {
    pub fn insert(&mut self, path: &'static str, entry: Entry, place: Option<Place>) {
        self.slots.insert(path, Slot { entry, place });
    }

    /// Notes an uncertain figure; its draws are kept between `least` and `most`.
    pub fn add_uncertain(&mut self, input: UncertainInput, least: f64, most: f64) -> Input {
        self.uncertain.push(Uncertain { input, least, most });
        Input::Uncertain(self.uncertain.len() - 1)
    }

    /// A figure, or the median of an uncertain one.
    pub fn middle(&self, input: Input) -> f64 {
        match input {
            Input::Exact(value) => value,
            Input::Uncertain(index) => self.uncertain[index].input.belief.quantile(0.5),
        }
    }

    /// The figure of a key or, of an uncertain one, its 95th percentile; 0 where there is none.
    pub fn upper_end(&self, path: &str) -> f64 {
        match self.slots.get(path).map(|slot| &slot.entry) {
            Some(Entry::Figure(Input::Exact(value))) => *value,
            Some(Entry::Figure(Input::Uncertain(index))) => self.uncertain[*index].input.high,
            _ => 0.0,
        }
    }

    pub fn uncertain(&self) -> impl Iterator<Item = &UncertainInput> {
        self.uncertain.iter().map(|uncertain| &uncertain.input)
    }

    /// Where the key was given, if it was.
    pub fn place(&self, path: &str) -> Option<&Place> {
        debug_assert!(keys::find(path).is_some(), "{path} is not in the table of keys");
        self.slots.get(path).and_then(|slot| slot.place.as_ref())
    }

    /// All of it in a fixed order and form, but for what does not change results: the name, how they are judged, and the
    /// seed, which is shown beside the hash of this.
    pub fn canonical(&self) -> String {
        let silent = |path: &str| {
            matches!(path, "name" | "simulation.seed" | "sweep" | "calibration" | "validation")
                || path.starts_with("validation.")
        };
        let mut paths: Vec<_> = self.slots.keys().filter(|path| !silent(path)).collect();
        paths.sort_unstable();
        let mut out = String::new();
        for path in paths {
            let _ = write!(out, "{path}=");
            match &self.slots[path].entry {
                Entry::Word(word) => out.push_str(word),
                Entry::Text(text) => out.push_str(text),
                Entry::Section => out.push('{'),
                Entry::Figures(figures) => {
                    figures.iter().for_each(|figure| {
                        let _ = write!(out, " {figure:e}");
                    });
                }
                Entry::Names(names) => {
                    let _ = write!(out, "{names:?}");
                }
                Entry::List(items) => {
                    for item in items {
                        let _ = write!(out, "[\n{}]", item.draft.canonical());
                    }
                }
                Entry::Figure(input) => self.canonical_inputs(&[*input], &mut out),
                Entry::Random(Random::Ready(distribution)) => {
                    let _ = write!(out, "{distribution:?}");
                }
                Entry::Random(Random::Shaped(shape, inputs)) => {
                    let _ = write!(out, "{shape:?}");
                    self.canonical_inputs(inputs, &mut out);
                }
            }
            out.push('\n');
        }
        out
    }

    fn canonical_inputs(&self, inputs: &[Input], out: &mut String) {
        for input in inputs {
            let _ = match input {
                Input::Exact(value) => write!(out, " {value:e}"),
                Input::Uncertain(index) => {
                    let input = &self.uncertain[*index].input;
                    match input.belief {
                        Belief::LogNormal { low, high } => write!(out, " {low:e}..{high:e}"),
                        other => write!(out, " {other:?}"),
                    }
                }
            };
        }
    }
}

/// One world of a draft: each uncertain figure has a value.
pub(super) struct World<'a> {
    draft: &'a Draft,
    values: Vec<f64>,
}

impl<'a> World<'a> {
    /// The world in which each uncertain figure is at this quantile of its distribution.
    pub fn new(draft: &'a Draft, quantile: &dyn Fn(&str) -> f64) -> Self {
        let value = |uncertain: &Uncertain| {
            let figure = uncertain.input.belief.quantile(quantile(&uncertain.input.path));
            figure.clamp(uncertain.least, uncertain.most)
        };
        Self { draft, values: draft.uncertain.iter().map(value).collect() }
    }

    fn entry(&self, path: &str) -> Option<&'a Entry> {
        debug_assert!(keys::find(path).is_some(), "{path} is not in the table of keys");
        self.draft.slots.get(path).map(|slot| &slot.entry)
    }

    pub fn input(&self, input: Input) -> f64 {
        match input {
            Input::Exact(value) => value,
            Input::Uncertain(index) => self.values[index],
        }
    }

    /// Where its measured figures come from.
    pub fn calibration(&self) -> Option<&'a Calibration> {
        self.draft.calibration.as_ref()
    }

    /// The word a key was given, if it was given one.
    pub fn word(&self, path: &str) -> Option<&'static str> {
        match self.entry(path) {
            Some(Entry::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub fn text(&self, path: &str) -> Option<&'a str> {
        match self.entry(path) {
            Some(Entry::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether the file gives the key, rather than leave it to its default.
    pub fn is_given(&self, path: &str) -> bool {
        self.draft.place(path).is_some()
    }

    /// Whether a key was given a section.
    pub fn is_section(&self, path: &str) -> bool {
        matches!(self.entry(path), Some(Entry::Section))
    }

    /// The figure of a key, if it has one.
    pub fn figure(&self, path: &str) -> Option<f64> {
        match self.entry(path) {
            Some(Entry::Figure(input)) => Some(self.input(*input)),
            _ => None,
        }
    }

    /// The figures of a key's list or table, if it has one.
    pub fn figures(&self, path: &str) -> Option<&'a [f64]> {
        match self.entry(path) {
            Some(Entry::Figures(figures)) => Some(figures),
            _ => None,
        }
    }

    /// The names that a key was given.
    pub fn names(&self, path: &str) -> Option<&'a [String]> {
        match self.entry(path) {
            Some(Entry::Names(names)) => Some(names),
            _ => None,
        }
    }

    /// The sections of a list; none where there is no list.
    pub fn items(&self, path: &str) -> &'a [Item] {
        match self.entry(path) {
            Some(Entry::List(items)) => items,
            _ => &[],
        }
    }

    /// The distribution of a key, if it has one.
    pub fn random(&self, path: &str) -> Option<Distribution> {
        match self.entry(path)? {
            Entry::Random(Random::Ready(distribution)) => Some(distribution.clone()),
            Entry::Random(Random::Shaped(shape, inputs)) => {
                let figures: Vec<f64> = inputs.iter().map(|input| self.input(*input)).collect();
                Some(shape.build_world(&figures))
            }
            _ => None,
        }
    }
}
