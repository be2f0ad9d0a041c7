//! Distributions of a scenario: their figures, and the data files they may come from.
//!
//! A data file has one value a line, each with its unit (`1.2 ms`), or a unit in its first line and plain numbers in
//! the others. Blank lines and lines that start with `#` say nothing.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::draft::{Input, Random};
use super::keys::{Figure, Key};
use super::read::{Reader, random_figure};
use super::shape::{SHAPES, Shape};
use super::tree::{self, Node, Value};
use crate::diagnostic::{Diagnostic, Place, Source, alternatives, nearest, quoted};
use crate::random::Distribution;
use crate::units::parse::{self, Quantity};

/// The largest data file that is read, in bytes.
pub(super) const LARGEST: usize = 64 << 20;
/// How many wrong lines of a data file are shown.
pub(super) const SHOWN: usize = 5;

/// The data files that a scenario names, by name; or why one could not be read.
pub(super) type Files = BTreeMap<String, Result<Arc<Source>, String>>;

/// Loads the files that a tree names and that are not there yet.
pub(super) fn load(node: &Node, files: &mut Files, loader: &dyn Fn(&str) -> io::Result<String>) {
    match &node.value {
        Value::Map(entries) => {
            for (key, value) in entries {
                match &value.value {
                    Value::Scalar { text, .. }
                        if matches!(key.text.as_str(), "empirical" | "trace" | "calibration") =>
                    {
                        if !matches!(files.get(text), Some(Ok(_))) {
                            let loaded = loader(text).map(|data| Source::file(text, data)).map_err(|e| e.to_string());
                            files.insert(text.clone(), loaded);
                        }
                    }
                    _ => load(value, files, loader),
                }
            }
        }
        Value::Seq(items) => {
            for item in items {
                load(item, files, loader);
            }
        }
        Value::Null | Value::Scalar { .. } => {}
    }
}

impl Reader<'_> {
    /// `{exponential: …}` and the like.
    pub fn distribution(
        &mut self,
        key: &Key,
        quantity: Quantity,
        entries: &[(tree::Key, Node)],
        node: &Node,
    ) -> Option<Random> {
        let [(name, value)] = entries else {
            let what = if entries.is_empty() { "needs a distribution" } else { "can have one distribution only" };
            let help = format!("write one of {}", alternatives(SHAPES.iter().map(|shape| shape.1)));
            self.error(Diagnostic::at(&node.place, format!("`{}` {what}", key.name())).help(help));
            return None;
        };
        let path = format!("{}.{}", key.path, name.text);
        let figure = random_figure(quantity);
        let positive = Figure { above: true, ..figure };
        let cv = Figure { most: 100.0, above: true, ..random_figure(Quantity::Count) };
        let (shape, inputs) = match name.text.as_str() {
            "exponential" => (Shape::Exponential, vec![self.figure("exponential", &path, value, &positive)?]),
            "lognormal" => (Shape::LogNormal, self.fields(name, &path, value, &[("mean", &positive), ("cv", &cv)])?),
            "gamma" => (Shape::Gamma, self.fields(name, &path, value, &[("mean", &positive), ("cv", &cv)])?),
            "erlang" => {
                let k = Figure {
                    least: 1.0,
                    most: 1_000.0,
                    whole: true,
                    certain: Some("it counts phases"),
                    ..random_figure(Quantity::Count)
                };
                let inputs = self.fields(name, &path, value, &[("mean", &positive), ("k", &k)])?;
                let Input::Exact(phases) = inputs[1] else { return None };
                (Shape::Erlang(phases as u64), vec![inputs[0]])
            }
            "uniform" => (Shape::Uniform, self.fields(name, &path, value, &[("low", &figure), ("high", &figure)])?),
            "hyperexponential" => self.hyperexponential(name, &path, value, &positive)?,
            "empirical" => return self.empirical(value, quantity).map(Random::Ready),
            other => {
                let near = nearest(other, SHAPES.iter().map(|shape| shape.0));
                let help = near.map_or_else(
                    || format!("it takes {}", alternatives(SHAPES.iter().map(|shape| shape.0))),
                    |near| format!("did you mean `{near}`?"),
                );
                self.error(
                    Diagnostic::at(&name.place, format!("there is no distribution {}", quoted(other))).help(help),
                );
                return None;
            }
        };
        // What the figures can't be together shows at the middle of the uncertain ones.
        let figures: Vec<f64> = inputs.iter().map(|input| self.draft.middle(*input)).collect();
        match shape.build(&figures) {
            Ok(ready) if inputs.iter().all(|input| matches!(input, Input::Exact(_))) => Some(Random::Ready(ready)),
            Ok(_) => Some(Random::Shaped(shape, inputs)),
            Err(e) => {
                let message = format!("`{}` is no distribution: {e}", name.text);
                self.error(
                    Diagnostic::at(&name.place, message).help(format!("write it like `{}`", syntax(&name.text))),
                );
                None
            }
        }
    }

    /// The figures of `{mean: …, cv: …}`, in the order asked for.
    fn fields(&mut self, shape: &tree::Key, path: &str, node: &Node, wanted: &[(&str, &Figure)]) -> Option<Vec<Input>> {
        let nodes = self.nodes(shape, node, &wanted.iter().map(|(name, _)| *name).collect::<Vec<_>>())?;
        let inputs: Vec<Option<Input>> = wanted
            .iter()
            .zip(nodes)
            .map(|((name, figure), node)| self.figure(name, &format!("{path}.{name}"), &node, figure))
            .collect();
        inputs.into_iter().collect()
    }

    /// The values of exactly these keys.
    fn nodes(&mut self, shape: &tree::Key, node: &Node, names: &[&str]) -> Option<Vec<Node>> {
        let help = format!("write it like `{}`", syntax(&shape.text));
        let Value::Map(entries) = &node.value else {
            self.error(
                Diagnostic::at(&node.place, format!("`{}` needs {}", shape.text, names.join(" and "))).help(help),
            );
            return None;
        };
        let mut complete = true;
        for (key, _) in entries {
            if !names.contains(&key.text.as_str()) {
                complete = false;
                let message = format!("`{}` has no {}", shape.text, quoted(&key.text));
                self.error(Diagnostic::at(&key.place, message).help(help.clone()));
            }
        }
        for name in names {
            if node.get(name).is_none() && complete {
                complete = false;
                self.error(Diagnostic::at(&shape.place, format!("`{}` needs `{name}`", shape.text)).help(help.clone()));
            }
        }
        if complete { names.iter().map(|name| node.get(name).cloned()).collect() } else { None }
    }

    fn hyperexponential(
        &mut self,
        shape: &tree::Key,
        path: &str,
        node: &Node,
        mean: &Figure,
    ) -> Option<(Shape, Vec<Input>)> {
        let nodes = self.nodes(shape, node, &["probabilities", "means"])?;
        let share = Figure { most: 1.0, certain: Some("they must add up to 1"), ..random_figure(Quantity::Ratio) };
        let probabilities = self.list("probabilities", path, &nodes[0], &share);
        let means = self.list("means", path, &nodes[1], mean);
        let probabilities = probabilities?.into_iter().map(|input| self.draft.middle(input)).collect();
        Some((Shape::Hyperexponential(probabilities), means?))
    }

    fn list(&mut self, name: &str, path: &str, node: &Node, figure: &Figure) -> Option<Vec<Input>> {
        let Value::Seq(items) = &node.value else {
            let help = format!("write it like `{}`", syntax("hyperexponential"));
            self.error(Diagnostic::at(&node.place, format!("`{name}` must be a list")).help(help));
            return None;
        };
        let inputs: Vec<Option<Input>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.figure(name, &format!("{path}.{name}.{index}"), item, figure))
            .collect();
        inputs.into_iter().collect()
    }

    /// The values of a data file.
    fn empirical(&mut self, node: &Node, quantity: Quantity) -> Option<Distribution> {
        let Value::Scalar { text, .. } = &node.value else {
            self.error(
                Diagnostic::at(&node.place, "`empirical` needs the name of a file")
                    .help(format!("write it like `{}`: one value a line, such as `1.2 ms`", syntax("empirical"))),
            );
            return None;
        };
        let values = self.read(text, &node.place, |source| values(source, quantity))?;
        Distribution::empirical(values).ok()
    }

    /// What is in a file that is named at this place.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        place: &Place,
        parse: impl FnOnce(&Arc<Source>) -> Result<T, Vec<Diagnostic>>,
    ) -> Option<T> {
        let problem = match self.files.get(name) {
            Some(Ok(source)) => {
                return parse(source).map_err(|errors| self.errors.extend(errors)).ok();
            }
            Some(Err(reason)) => reason.as_str(),
            None => "it was not there when the scenario was read",
        };
        let message = format!("{} can't be read: {problem}", quoted(name));
        self.error(Diagnostic::at(place, message).help("a file is looked for beside the scenario"));
        None
    }
}

/// How a distribution is written.
fn syntax(shape: &str) -> &'static str {
    SHAPES.iter().find(|(name, _)| *name == shape).map_or("", |(_, syntax)| syntax)
}

/// The values in a data file.
fn values(source: &Arc<Source>, quantity: Quantity) -> Result<Vec<f64>, Vec<Diagnostic>> {
    if source.text.len() > LARGEST {
        return Err(vec![Diagnostic::new(format!("{} is larger than 64 MiB", source.name))]);
    }
    let mut values = Vec::new();
    let mut errors = Vec::new();
    let mut unit = None;
    let mut offset = 0;
    for raw in source.text.split_inclusive('\n') {
        let line = raw.trim();
        let start = offset + raw.len() - raw.trim_start().len();
        offset += raw.len();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if values.is_empty()
            && errors.is_empty()
            && unit.is_none()
            && parse::exact(&format!("1 {line}"), quantity).is_ok()
        {
            unit = Some(line);
            continue;
        }
        let result = match unit {
            Some(unit) => parse::exact(&format!("{line} {unit}"), quantity),
            None => parse::exact(line, quantity),
        };
        let most = random_figure(quantity).most;
        match result {
            Ok(value) if value <= most => values.push(value),
            Ok(_) => {
                errors.push(Diagnostic::at(&Place::new(source, start, start + line.len()), "the value is too large"));
            }
            Err(e) => {
                errors.push(Diagnostic::figure("the value", &Place::new(source, start, start + line.len()), &e));
            }
        }
        if errors.len() == SHOWN {
            break;
        }
    }
    if values.is_empty() && errors.is_empty() {
        errors.push(
            Diagnostic::new(format!("{} has no values", source.name)).help("write one value a line, such as `1.2 ms`"),
        );
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}
