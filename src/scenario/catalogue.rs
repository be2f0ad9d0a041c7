//! Catalogues: machines that servers can be, and what they cost. One is in the program; `data/shapes.yaml` is its text.

use std::collections::BTreeSet;

use super::belief::Belief;
use super::document::Document;
use super::draft::UncertainInput;
use super::tree::{self, Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, alternatives, nearest, quoted};
use crate::units::display;
use crate::units::parse::{self, Figure, ParseError, Quantity};
use crate::units::{BitRate, Bytes};

/// The catalogue that comes with the program.
const EXAMPLE: &str = include_str!("../../data/shapes.yaml");

const KEYS: [&str; 5] = ["name", "currency", "source", "date", "shapes"];
const OF_SHAPE: [&str; 8] = ["name", "vcpu", "memory", "network", "price", "comfortable", "source", "date"];
const LIKE: &str = "{name: large, vcpu: 2, memory: 4 GiB, network: 1 Gbit/s, price: 0.08}";
/// More machines than this are taken for a slip.
const MOST: usize = 1_000;

/// Machines and their prices.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// What it is called.
    pub name: String,
    /// The currency of its prices.
    pub currency: String,
    /// The machines, at least one, in its order.
    pub machines: Vec<Machine>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Cores.
    pub cores: u32,
    /// Memory.
    pub memory: Bytes,
    /// What its network card does all the time, each way.
    pub network: BitRate,
    /// What an hour of it costs; of an uncertain price the median.
    pub price_per_hour: f64,
    /// The price, where it is uncertain.
    pub uncertain_price: Option<UncertainInput>,
    /// Connections to plan for on it, as the file has them, where they are not the scenario's.
    pub comfortable: Option<String>,
    /// Where its figures are from.
    pub source: String,
    /// When they were.
    pub date: String,
}

impl Catalogue {
    /// The one that comes with the program.
    ///
    /// # Errors
    /// When its text is wrong: a bug of ours, which a test would find.
    pub fn example() -> Result<Self, Diagnostics> {
        Self::parse("data/shapes.yaml", EXAMPLE.as_bytes())
    }

    /// Reads a catalogue.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Diagnostics> {
        let root = tree::parse(file, bytes)?;
        let mut reader = Reader { errors: Vec::new() };
        reader.known(&root, &KEYS, "a catalogue");
        let text = |reader: &mut Reader, key: &str| {
            root.get(key).and_then(|node| reader.text(node, key)).unwrap_or_else(|| "not given".to_owned())
        };
        let name = root.get("name").and_then(|node| reader.text(node, "name")).unwrap_or_else(|| {
            // Where the file is, is for this machine only, and the name is shown to others.
            file.rsplit('/').next().unwrap_or(file).to_owned()
        });
        let (currency, source, date) =
            (text(&mut reader, "currency"), text(&mut reader, "source"), text(&mut reader, "date"));
        let mut machines = Vec::new();
        match root.get("shapes").map(|node| (&node.place, &node.value)) {
            Some((_, Value::Seq(items))) if !items.is_empty() && items.len() <= MOST => {
                machines.extend(items.iter().filter_map(|item| reader.machine(item, (&source, &date))));
            }
            Some((place, Value::Seq(items))) if items.len() > MOST => {
                reader.errors.push(Diagnostic::at(place, format!("there are more than {MOST} shapes")));
            }
            found => {
                let place = found.map_or(&root.place, |(place, _)| place);
                let help = format!("write it like `shapes: [{LIKE}]`");
                reader.errors.push(Diagnostic::at(place, "a catalogue has a list of `shapes`").help(help));
            }
        }
        let mut names = BTreeSet::new();
        for machine in &machines {
            if !names.insert(machine.name.as_str()) {
                let message = format!("{} is in the catalogue twice", quoted(&machine.name));
                reader.errors.push(Diagnostic::at(&root.place, message).help("each shape has a name of its own"));
            }
        }
        if reader.errors.is_empty() {
            Ok(Self { name, currency, machines })
        } else {
            Err(Diagnostics::new(reader.errors))
        }
    }
}

impl Machine {
    /// The scenario with servers of this kind.
    ///
    /// # Errors
    /// When the comfortable connections are none.
    pub fn applied(&self, document: &Document) -> Result<Document, Diagnostics> {
        let mut document = document.clone();
        let mut set = |path: &str, value: &str| document.set_path("--shapes", path, value);
        set("servers.cores", &self.cores.to_string())?;
        set("servers.memory", &format!("{} B", self.memory.get()))?;
        set("servers.network", &format!("{} bit/s", self.network.get()))?;
        if let Some(comfortable) = &self.comfortable {
            set("servers.connections.comfortable", comfortable)?;
        }
        Ok(document)
    }

    /// What an hour of it costs in a world, by the quantile that each uncertain input has there.
    pub fn price_in(&self, quantile: &dyn Fn(&str) -> f64) -> f64 {
        let price = |input: &UncertainInput| input.belief.quantile(quantile(&input.path));
        self.uncertain_price.as_ref().map_or(self.price_per_hour, price)
    }

    /// What it is, in short.
    pub fn describe(&self) -> String {
        format!(
            "{} cores, {} GiB, {}",
            self.cores,
            display::count(self.memory.get() / f64::from(1 << 30)),
            display::bit_rate(self.network)
        )
    }
}

/// Reads a figure or an interval: its ends.
type Parser<'a> = dyn Fn(&str) -> Result<(f64, f64), ParseError> + 'a;

/// Reads nodes, and notes what is wrong with them.
struct Reader {
    errors: Vec<Diagnostic>,
}

impl Reader {
    fn known(&mut self, node: &Node, names: &[&str], of: &str) {
        let Value::Map(entries) = &node.value else {
            let help = if names == KEYS { format!("it is a section with `shapes: [{LIKE}]`") } else { LIKE.to_owned() };
            self.errors.push(Diagnostic::at(&node.place, format!("this is not {of}")).help(help));
            return;
        };
        for (key, _) in entries.iter().filter(|(key, _)| !names.contains(&key.text.as_str())) {
            let help = nearest(&key.text, names.iter().copied()).map_or_else(
                || format!("it has {}", alternatives(names.iter().copied())),
                |near| format!("did you mean `{near}`?"),
            );
            self.errors.push(Diagnostic::at(&key.place, format!("{of} has no {}", quoted(&key.text))).help(help));
        }
    }

    fn text(&mut self, node: &Node, name: &str) -> Option<String> {
        match &node.value {
            Value::Scalar { text, .. } if !text.trim().is_empty() => Some(text.clone()),
            _ => {
                self.errors.push(Diagnostic::at(&node.place, format!("`{name}` needs a text")));
                None
            }
        }
    }

    /// A figure of a shape; more than nothing, and at most so much.
    fn figure(&mut self, shape: &Node, name: &str, quantity: Quantity, most: f64) -> Option<f64> {
        self.read(shape, name, most, quantity, &|text| parse::exact(text, quantity).map(|figure| (figure, figure)))
            .map(|(figure, _)| figure)
    }

    /// A price: one, or the ends of an interval.
    fn price(&mut self, shape: &Node) -> Option<(f64, f64)> {
        let ends = |figure| match figure {
            Figure::Exact(price) => (price, price),
            Figure::Interval { low, high } => (low, high),
        };
        let read = |text: &str| parse::figure(text, Quantity::Count).map(ends);
        self.read(shape, "price", 1e9, Quantity::Count, &read)
    }

    /// A figure or an interval, read by a parser.
    fn read(
        &mut self,
        shape: &Node,
        name: &str,
        most: f64,
        quantity: Quantity,
        parser: &Parser<'_>,
    ) -> Option<(f64, f64)> {
        let Some(node) = shape.get(name) else {
            self.errors.push(missing(&shape.place, name));
            return None;
        };
        let text = self.text(node, name)?;
        match parser(&text) {
            Ok((low, high)) if low > 0.0 && high <= most => Some((low, high)),
            Ok(_) => {
                let most = display::figure(most, quantity);
                let message = format!("`{name}` must be more than 0 and at most {most}");
                self.errors.push(Diagnostic::at(&node.place, message));
                None
            }
            Err(error) => {
                self.errors.push(Diagnostic::figure(name, &node.place, &error));
                None
            }
        }
    }

    fn machine(&mut self, node: &Node, (source, date): (&str, &str)) -> Option<Machine> {
        self.known(node, &OF_SHAPE, "a shape");
        let Value::Map(_) = &node.value else { return None };
        let name = if let Some(name) = node.get("name") {
            self.text(name, "name")
        } else {
            self.errors.push(missing(&node.place, "name"));
            None
        };
        let cores = self.figure(node, "vcpu", Quantity::Count, 1_024.0);
        if let (Some(cores), Some(at)) = (cores, node.get("vcpu"))
            && cores.fract() > 0.0
        {
            self.errors.push(Diagnostic::at(&at.place, "`vcpu` must be a whole number"));
        }
        let memory = self.figure(node, "memory", Quantity::Bytes, 1e15);
        let network = self.figure(node, "network", Quantity::BitRate, 1e15);
        let price = self.price(node);
        let mut own = |key: &str| node.get(key).and_then(|at| self.text(at, key));
        let (comfortable, own_source, own_date) = (own("comfortable"), own("source"), own("date"));
        let (name, (low, high)) = (name?, price?);
        let uncertain_price =
            (low < high).then(|| UncertainInput::new(&format!("shapes.{name}.price"), Belief::LogNormal { low, high }));
        Some(Machine {
            name,
            cores: cores? as u32,
            memory: Bytes::new(memory?),
            network: BitRate::new(network?),
            price_per_hour: uncertain_price.as_ref().map_or(low, |price| price.belief.quantile(0.5)),
            uncertain_price,
            comfortable,
            source: own_source.unwrap_or_else(|| source.to_owned()),
            date: own_date.unwrap_or_else(|| date.to_owned()),
        })
    }
}

fn missing(place: &Place, name: &str) -> Diagnostic {
    Diagnostic::at(place, format!("`{name}` is missing from this shape")).help(format!("write it like `{LIKE}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_right() {
        let catalogue = Catalogue::example().unwrap();
        assert_eq!(catalogue.currency, "USD");
        let xlarge = catalogue.machines.iter().find(|machine| machine.name == "c7g.xlarge").unwrap();
        assert_eq!((xlarge.cores, xlarge.memory.get(), xlarge.price_per_hour), (4, 8.0 * 1024.0_f64.powi(3), 0.145));
        assert_eq!(xlarge.describe(), "4 cores, 8 GiB, 1.88 Gbit/s");
        assert!(xlarge.source.contains("EC2") && xlarge.date == "2026-06-17");
    }

    #[test]
    fn a_shape_may_have_its_own_source() {
        let text =
            "shapes: [{name: a, vcpu: 1, memory: 1 GiB, network: 1 Gbit/s, price: 1, source: mine, comfortable: 9k}]";
        let catalogue = Catalogue::parse("x.yaml", text.as_bytes()).unwrap();
        let a = &catalogue.machines[0];
        assert_eq!((a.source.as_str(), a.date.as_str(), a.comfortable.as_deref()), ("mine", "not given", Some("9k")));
        assert_eq!((catalogue.name.as_str(), catalogue.currency.as_str()), ("x.yaml", "not given"));
    }

    #[test]
    fn a_price_may_be_uncertain() {
        let text = "shapes: [{name: a, vcpu: 1, memory: 1 GiB, network: 1 Gbit/s, price: 0.1..0.4}]";
        let a = &Catalogue::parse("x.yaml", text.as_bytes()).unwrap().machines[0];
        assert!((a.price_per_hour - 0.2).abs() < 1e-12);
        for (q, price) in [(0.05, 0.1), (0.5, 0.2), (0.95, 0.4)] {
            let found = a.price_in(&|path| if path == "shapes.a.price" { q } else { f64::NAN });
            assert!((found - price).abs() < 1e-9, "{found}");
        }
    }

    #[test]
    fn mistakes_are_told_at_their_place() {
        let told = |text: &str| Catalogue::parse("x.yaml", text.as_bytes()).unwrap_err().to_string();
        let all = told("shapes:\n- {name: a, vcpus: 2, memory: 4, network: 1 GB/s}\n- 7\n");
        for part in ["did you mean `vcpu`?", "memory needs a unit", "x.yaml:2", "`price` is missing", "x.yaml:3"] {
            assert!(all.contains(part), "{part}: {all}");
        }
        assert!(told("a: 1").contains("has a list of `shapes`"));
        let shape = "{name: a, vcpu: 1, memory: 1 GiB, network: 1 Gbit/s, price: 1}";
        assert!(told(&format!("shapes: [{shape}, {shape}]")).contains("twice"));
        assert!(told(&format!("shapes: [{}]", shape.replace("price: 1", "price: 0"))).contains("more than 0"));
        assert!(told(&format!("shapes: [{}]", shape.replace("vcpu: 1", "vcpu: 1.5"))).contains("whole"));
    }
}
