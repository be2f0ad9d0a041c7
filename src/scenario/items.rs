//! Lists: of names, and of sections.

use super::draft::{Entry, Input, Item};
use super::keys::{Figure, Key};
use super::read::{Reader, takes, wrong_kind};
use super::tree::{Node, Value};
use crate::diagnostic::{Diagnostic, quoted};
use crate::units::parse::Quantity;

/// Most items of a list.
const MOST_ITEMS: usize = 1_000;
/// Names that are made up have one letter each.
const MOST_LETTERS: f64 = 26.0;

impl Reader<'_> {
    /// `[zone-a, zone-b]`.
    pub fn names(&mut self, key: &'static Key, items: &[Node], list: &Node) -> Option<Entry> {
        let before = self.errors.len();
        if items.is_empty() {
            self.error(
                Diagnostic::at(&list.place, format!("`{}` needs at least one name", key.name())).help(takes(key)),
            );
        }
        self.not_too_many(key, items);
        let mut names: Vec<String> = Vec::new();
        for item in items.iter().take(MOST_ITEMS) {
            match &item.value {
                Value::Scalar { text, .. } if names.contains(text) => {
                    self.error(Diagnostic::at(&item.place, format!("the name {} is given twice", quoted(text))));
                }
                Value::Scalar { text, .. } if !text.trim().is_empty() => names.push(text.clone()),
                _ => self.error(
                    Diagnostic::at(&item.place, format!("`{}` takes names only", key.name()))
                        .help("a name is a word, such as `zone-a`"),
                ),
            }
        }
        (self.errors.len() == before).then_some(Entry::Names(names))
    }

    /// `3`: that many names are made up.
    pub fn how_many(&mut self, key: &'static Key, node: &Node) -> Option<Entry> {
        let figure = Figure {
            quantity: Quantity::Count,
            least: 1.0,
            above: false,
            most: MOST_LETTERS,
            whole: true,
            certain: Some("it is yours to choose"),
        };
        let Input::Exact(count) = self.figure(key.name(), key.path, node, &figure)? else { return None };
        let names = ('a'..='z').take(count as usize).map(|letter| format!("zone-{letter}")).collect();
        Some(Entry::Names(names))
    }

    /// `[{at: 30 s, …}, …]`: each item is read as a section of its own.
    pub fn sections(&mut self, key: &'static Key, items: &[Node]) -> Option<Entry> {
        let before = self.errors.len();
        self.not_too_many(key, items);
        let mut read = Vec::new();
        for item in items.iter().take(MOST_ITEMS) {
            let Value::Map(entries) = &item.value else {
                self.error(wrong_item(key, item));
                continue;
            };
            let outer = std::mem::take(&mut self.draft);
            self.section(key.path, entries, &item.place);
            let draft = std::mem::replace(&mut self.draft, outer);
            // An uncertain figure belongs to the whole scenario, so a list can't have one of its own.
            assert!(draft.uncertain().next().is_none(), "the figures of lists are certain");
            read.push(Item { draft, place: item.place.clone() });
        }
        (self.errors.len() == before).then_some(Entry::List(read))
    }

    fn not_too_many(&mut self, key: &Key, items: &[Node]) {
        if let Some(first) = items.get(MOST_ITEMS) {
            let message = format!("`{}` has more than {MOST_ITEMS} items", key.name());
            self.error(Diagnostic::at(&first.place, message).label("one too many"));
        }
    }
}

fn wrong_item(key: &Key, item: &Node) -> Diagnostic {
    match &item.value {
        Value::Seq(_) => wrong_kind(key.name(), item, &takes(key)).label("a list within the list"),
        _ => Diagnostic::at(&item.place, format!("`{}` is a list of sections", key.name()))
            .label("no section")
            .help(takes(key)),
    }
}
