//! The points of a sweep: all combinations of what is varied, numbered, the last key varying fastest; and parts of them.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::cli::Partition;
use crate::scenario::Axis;

/// All combinations of what is varied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid(Vec<(String, Vec<String>)>);

/// Which points: every so many-th, from one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    part: NonZeroUsize,
    parts: NonZeroUsize,
}

impl Grid {
    /// Of these keys.
    pub fn new(axes: Vec<Axis>) -> Self {
        Self(axes.into_iter().map(|Axis { path, values }| (path, values)).collect())
    }

    /// How many points there are, if that many can be counted.
    pub fn len(&self) -> Option<usize> {
        self.0.iter().map(|(_, values)| values.len()).try_fold(1_usize, usize::checked_mul)
    }

    /// What is varied at a point: keys and values.
    pub fn at(&self, point: usize) -> Vec<(String, String)> {
        let mut rest = point;
        let mut vary: Vec<(String, String)> = self
            .0
            .iter()
            .rev()
            .map(|(path, values)| {
                let value = values[rest % values.len()].clone();
                rest /= values.len();
                (path.clone(), value)
            })
            .collect();
        vary.reverse();
        vary
    }

    /// A point as it is called in a message.
    pub fn named(&self, point: usize) -> String {
        let vary: Vec<String> = self.at(point).into_iter().map(|(path, value)| format!("{path}={value}")).collect();
        format!("{} ({})", point + 1, vary.join(", "))
    }
}

impl Display for Grid {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.0.iter().map(|(path, values)| format!("{path}={}", values.join(","))).collect();
        f.write_str(&axes.join(" "))
    }
}

impl Part {
    /// All points.
    const ALL: Self = Self { part: NonZeroUsize::MIN, parts: NonZeroUsize::MIN };

    /// What the command line asks for.
    pub fn of(asked: Option<Partition>) -> Self {
        asked.map_or(Self::ALL, |Partition { part, parts }| Self { part, parts })
    }

    /// Whether a point belongs to it.
    pub fn has(self, point: usize) -> bool {
        point % self.parts == self.part.get() - 1
    }

    /// Which part, of how many; nothing where it is all.
    pub fn shown(self) -> Option<(usize, usize)> {
        (self != Self::ALL).then(|| (self.part.get(), self.parts.get()))
    }
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "part {} of {}", self.part, self.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_each_point_once() {
        let part = |part: usize| Part { part: NonZeroUsize::new(part).unwrap(), parts: NonZeroUsize::new(3).unwrap() };
        for point in 0..10 {
            assert_eq!((1..=3).filter(|number| part(*number).has(point)).count(), 1, "{point}");
            assert!(Part::of(None).has(point));
        }
        assert!(part(1).has(0) && part(1).has(3) && part(3).has(2));
    }

    #[test]
    fn the_last_key_varies_fastest() {
        let axis = |path: &str, values: &[&str]| Axis {
            path: path.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let grid = Grid::new(vec![axis("a", &["1", "2"]), axis("b", &["x", "y", "z"])]);
        assert_eq!(grid.len(), Some(6));
        assert_eq!(grid.named(0), "1 (a=1, b=x)");
        assert_eq!(grid.named(4), "5 (a=2, b=y)");
    }
}
