//! The tree of a file is read into a [`Draft`], following the table of keys.
//!
//! Whatever is wrong is noted and reading goes on, so that a person sees all mistakes at once.

use super::belief::Belief;
use super::data::Files;
use super::draft::{Draft, Entry, Input, Random, UncertainInput};
use super::keys::{self, Default, Figure, Key, Kind};
use super::paths;
use super::shape::Shape;
use super::tree::{self, Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source, alternatives, nearest, quoted};
use crate::units::display;
use crate::units::parse::{self, Quantity};

/// Past so many mistakes this is no scenario, and looking for more only takes time.
const MOST_ERRORS: usize = 1_000;

/// Reads a whole scenario.
pub(super) fn read(root: &Node, files: &Files) -> Result<Draft, Diagnostics> {
    let mut reader = Reader { draft: Draft::default(), errors: Vec::new(), files, excused: false };
    match &root.value {
        Value::Map(entries) => reader.section("", entries, &root.place),
        Value::Null => reader.errors.push(
            Diagnostic::new(format!("there is nothing in {}", root.place.source().name))
                .help("`plimsoll new NAME` writes a scenario to start from"),
        ),
        Value::Scalar { .. } | Value::Seq(_) => reader.errors.push(
            Diagnostic::at(&root.place, "a scenario is a section: keys and their values")
                .help("it begins like `users: 10_000`; `plimsoll new NAME` writes one to start from"),
        ),
    }
    if reader.errors.is_empty() { Ok(reader.draft) } else { Err(Diagnostics::new(reader.errors)) }
}

/// A draft in the making, and what is wrong with it.
pub(super) struct Reader<'a> {
    pub draft: Draft,
    pub errors: Vec<Diagnostic>,
    pub files: &'a Files,
    /// Whether a key was mistyped around here: then the one it was meant to be is not missing as well.
    excused: bool,
}

impl Reader<'_> {
    pub fn error(&mut self, diagnostic: Diagnostic) {
        self.errors.push(diagnostic);
    }

    /// The keys of a section. What is missing is shown at `here`.
    pub fn section(&mut self, path: &str, entries: &[(tree::Key, Node)], here: &Place) {
        let known = keys::children(path);
        let excused = self.excused;
        for (name, node) in entries {
            if self.errors.len() >= MOST_ERRORS {
                break;
            }
            if let Some(key) = known.iter().find(|key| key.name() == name.text) {
                self.value(key, node, &name.place, true);
            } else {
                self.excused = true;
                self.error(unknown_key(path, &name.text, &name.place));
            }
        }
        for key in known {
            if !entries.iter().any(|(name, _)| name.text == key.name()) && !spared(key, entries) {
                self.default(key, here);
            }
        }
        self.excused = excused;
    }

    /// A key that is not given.
    fn default(&mut self, key: &'static Key, here: &Place) {
        match key.default {
            Default::Absent => {}
            Default::Required(_) if self.excused => {}
            Default::Required(example) => self.error(
                Diagnostic::at(here, format!("`{}` is missing", key.path))
                    .help(format!("add it, for example `{example}`")),
            ),
            Default::Yaml(text) => match tree::parse_within(&Source::argument(text), 0) {
                Ok(node) => self.value(key, &node, here, false),
                Err(e) => self.error(e),
            },
        }
    }

    /// A key that is given (or has a default): its value is read as whatever the table allows.
    fn value(&mut self, key: &'static Key, node: &Node, key_place: &Place, given: bool) {
        let place = given.then(|| node.place.clone());
        let entry = match &node.value {
            Value::Scalar { .. } | Value::Map(_) | Value::Seq(_) if key.kind.is_listed() => self.listed(key, node),
            Value::Scalar { text, .. } => {
                if let Some(word) = key.words.iter().find(|word| **word == text) {
                    if key.opens.contains(word) {
                        self.section(key.path, &[], key_place);
                    }
                    Some(Entry::Word(word))
                } else {
                    self.scalar(key, node, text)
                }
            }
            Value::Map(_) if node.get("uncertain").is_some() && key.kind.takes_figures() => self.scalar(key, node, ""),
            Value::Map(entries) if key.is_section() && key.kind != Kind::List => {
                self.section(key.path, entries, key_place);
                Some(Entry::Section)
            }
            Value::Null if key.is_section() && key.words.is_empty() && key.kind == Kind::Words => {
                self.section(key.path, &[], key_place);
                Some(Entry::Section)
            }
            Value::Null => {
                self.error(
                    Diagnostic::at(key_place, format!("`{}` needs a value", key.name()))
                        .label("nothing follows")
                        .help(takes(key)),
                );
                None
            }
            Value::Map(entries) if matches!(key.kind, Kind::Random(_)) => {
                let Kind::Random(quantity) = key.kind else { return };
                self.distribution(key, quantity, entries, node).map(Entry::Random)
            }
            Value::Seq(items) if key.kind == Kind::Names => self.names(key, items, node),
            Value::Seq(items) if key.kind == Kind::List => self.sections(key, items),
            Value::Map(_) if key.kind == Kind::Sweep => {
                self.errors.extend(paths::axes(node).err().into_iter().flatten());
                None
            }
            Value::Map(_) | Value::Seq(_) => {
                self.error(wrong_kind(key.name(), node, &takes(key)));
                None
            }
        };
        if let Some(entry) = entry {
            self.draft.insert(key.path, entry, place);
        }
    }

    /// A list, or the name of a file with a table.
    fn listed(&mut self, key: &'static Key, node: &Node) -> Option<Entry> {
        match key.kind {
            Kind::Figures(figure, example) => self.figures(key, node, &figure, example),
            Kind::Rows(columns, example) => self.rows(key, node, columns, example),
            Kind::Table(columns) => self.table(key, node, columns),
            _ => None,
        }
    }

    /// A text or number that is none of the key's words.
    fn scalar(&mut self, key: &'static Key, node: &Node, text: &str) -> Option<Entry> {
        // A word where a figure is due was meant to be one of the key's words.
        let is_word = text.starts_with(|c: char| c.is_alphabetic()) && !key.words.is_empty();
        match key.kind {
            Kind::Text if text.trim().is_empty() => {
                self.error(Diagnostic::at(&node.place, format!("`{}` can't be empty", key.name())));
                None
            }
            Kind::Text => Some(Entry::Text(text.to_owned())),
            Kind::Figure(figure) if !is_word => self.figure(key.name(), key.path, node, &figure).map(Entry::Figure),
            Kind::Random(quantity) if !is_word => {
                let input = self.figure(key.name(), key.path, node, &random_figure(quantity))?;
                Some(Entry::Random(match input {
                    Input::Exact(value) => Random::Ready(crate::random::Distribution::Constant(value)),
                    uncertain @ Input::Uncertain(_) => Random::Shaped(Shape::Constant, vec![uncertain]),
                }))
            }
            Kind::Names if !is_word => self.how_many(key, node),
            Kind::Words if key.words.is_empty() && key.is_section() => {
                self.error(
                    Diagnostic::at(&node.place, format!("`{}` is a section", key.name()))
                        .label("a single value")
                        .help(takes(key)),
                );
                None
            }
            _ => {
                let near = nearest(text, key.words.iter().copied());
                let help = near.map_or_else(|| takes(key), |word| format!("did you mean `{word}`?"));
                self.error(
                    Diagnostic::at(&node.place, format!("`{}` can't be {}", key.name(), quoted(text))).help(help),
                );
                None
            }
        }
    }

    /// A figure; `name` is what errors call it, `path` what it is called as an uncertain input.
    pub fn figure(&mut self, name: &str, path: &str, node: &Node, figure: &Figure) -> Option<Input> {
        if node.get("uncertain").is_some() {
            return self.believed(name, path, node, figure);
        }
        let Value::Scalar { text, quoted } = &node.value else {
            if node.value == Value::Null {
                self.error(Diagnostic::at(&node.place, format!("`{name}` needs a value")).help(examples(figure)));
            } else {
                self.error(wrong_kind(name, node, examples(figure)));
            }
            return None;
        };
        let shift = usize::from(*quoted);
        let parsed = match parse::figure(text, figure.quantity) {
            Ok(parsed) => parsed,
            Err(e) => {
                let typed = node.place.part(shift, node.place.text().len());
                self.error(Diagnostic::figure(&format!("`{name}`"), &typed, &e));
                return None;
            }
        };
        match parsed {
            parse::Figure::Exact(value) => self.in_range(name, node, figure, value).then_some(Input::Exact(value)),
            parse::Figure::Interval { low, high } => {
                if let Some(reason) = figure.certain {
                    self.error(
                        Diagnostic::at(&node.place, format!("`{name}` can't be uncertain: {reason}"))
                            .label("an interval")
                            .help("write one figure"),
                    );
                    return None;
                }
                if !self.in_range(name, node, &Figure { whole: false, ..*figure }, low)
                    || !self.in_range(name, node, &Figure { whole: false, ..*figure }, high)
                {
                    return None;
                }
                let input = UncertainInput::new(path, Belief::LogNormal { low, high });
                Some(self.draft.add_uncertain(input, figure.least, figure.most))
            }
        }
    }

    /// Checks a figure against what its key allows.
    fn in_range(&mut self, name: &str, node: &Node, figure: &Figure, value: f64) -> bool {
        let shown = |value: f64| {
            if figure.quantity == Quantity::Count {
                display::whole(value)
            } else {
                display::figure(value, figure.quantity)
            }
        };
        let message = if value < figure.least || (figure.above && value <= figure.least) {
            if figure.least == 0.0 {
                format!("`{name}` must be more than zero")
            } else {
                format!("`{name}` must be at least {}", shown(figure.least))
            }
        } else if value > figure.most {
            format!("`{name}` can be at most {}", shown(figure.most))
        } else if figure.whole && value.fract() != 0.0 {
            format!("`{name}` must be a whole number")
        } else {
            return true;
        };
        let mut diagnostic = Diagnostic::at(&node.place, message);
        let typed = node.place.text();
        if figure.quantity == Quantity::Ratio && !typed.contains('%') && value <= 100.0 {
            diagnostic = diagnostic
                .label(format!("this is {}", shown(value)))
                .help(format!("did you mean `{typed} %`? A plain number is a share: 1 is all of it"));
        }
        self.error(diagnostic);
        false
    }
}

/// Whether a key need not be given, since a sibling says as much.
fn spared(key: &Key, siblings: &[(tree::Key, Node)]) -> bool {
    key.unless.is_some_and(|(sibling, has)| {
        let sibling = siblings.iter().find(|(name, _)| name.text == sibling);
        sibling.is_some_and(|(_, node)| has.iter().any(|name| node.get(name).is_some()))
    })
}

/// What the figures of a distribution may be.
pub(super) fn random_figure(quantity: Quantity) -> Figure {
    let most = if quantity == Quantity::Time { 100.0 * 365.0 * 86_400.0 } else { 1e12 };
    Figure { quantity, least: 0.0, above: false, most, whole: false, certain: None }
}

fn examples(figure: &Figure) -> &'static str {
    if figure.whole { "write a whole number, such as `10` or `10_000`" } else { figure.quantity.examples() }
}

/// What a key takes, as a sentence of help.
pub(super) fn takes(key: &Key) -> String {
    let mut options = Vec::new();
    if !key.words.is_empty() {
        options.push(alternatives(key.words.iter().copied()));
    }
    match key.kind {
        Kind::Text => options.push("a text".to_owned()),
        Kind::Figure(figure) => options.push(examples(&figure).trim_start_matches("write ").to_owned()),
        Kind::Random(quantity) => options.push(format!(
            "{}, or a distribution such as `{{exponential: …}}`",
            quantity.examples().trim_start_matches("write ")
        )),
        Kind::Figures(_, example) | Kind::Rows(_, example) => options.push(format!("a list such as `{example}`")),
        Kind::Table(_) => options.push("the name of a file".to_owned()),
        Kind::Sweep => options.push("a section such as `{users: [100, 10k, 1M]}`".to_owned()),
        Kind::Names => options.push("a list of names, or how many".to_owned()),
        Kind::List => {
            let below = keys::children(key.path);
            options.push(format!("a list of sections, each with {}", alternatives(below.iter().map(|key| key.name()))));
            return format!("it takes {}", options.join(", or "));
        }
        Kind::Words => {}
    }
    let below = keys::children(key.path);
    if !below.is_empty() {
        options.push(format!("a section with {}", alternatives(below.iter().map(|key| key.name()))));
    }
    format!("it takes {}", options.join(", or "))
}

/// A list or section where neither is due (or the other of the two).
pub(super) fn wrong_kind(name: &str, node: &Node, help: &str) -> Diagnostic {
    let what = if matches!(node.value, Value::Seq(_)) { "a list" } else { "a section" };
    Diagnostic::at(&node.place, format!("`{name}` can't be {what}")).label(what).help(help)
}

/// A key that is not in the table, with what may have been meant.
pub(super) fn unknown_key(section: &str, name: &str, place: &Place) -> Diagnostic {
    let siblings = keys::children(section);
    let elsewhere: Vec<&str> = keys::KEYS
        .iter()
        .filter(|key| key.name() == name)
        .map(|key| key.path.rsplit_once('.').map_or("", |(parent, _)| parent))
        .collect();
    let help = match (elsewhere.as_slice(), nearest(name, siblings.iter().map(|key| key.name()))) {
        ([""], _) => format!("`{name}` belongs at the top, outside any section"),
        ([_, ..], _) => {
            format!("`{name}` belongs in {}", alternatives(elsewhere.iter().copied().filter(|path| !path.is_empty())))
        }
        ([], _) if keys::find(name).is_some() => {
            format!("write it in sections: `{}: …{}`", name.replace('.', ": {"), "}".repeat(name.matches('.').count()))
        }
        ([], Some(near)) => format!("did you mean `{near}`?"),
        ([], None) if siblings.is_empty() => "it has no keys of its own".to_owned(),
        ([], None) => {
            format!("there are {}", alternatives(siblings.iter().map(|key| key.name())).replace(" or ", " and "))
        }
    };
    let within = if section.is_empty() { String::new() } else { format!(" in `{section}`") };
    Diagnostic::at(place, format!("there is no key {}{within}", quoted(name))).help(help)
}
