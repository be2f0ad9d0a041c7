//! A document as a YAML file again: what the file said and what was changed in it, one key a line.
//!
//! Values stand as they were typed; comments are gone, and an alias is what it stood for. Reading the text back gives
//! the same tree.

use std::fmt::Write as _;

use super::document::Document;
use super::paths::render;
use super::tree::{self, Node, Value, in_quotes};

/// What a key has been given: in the file, or by a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its value on one line, as YAML.
    pub text: String,
    /// The word or figure that it is; of a section, the names in it and the word after `kind`.
    pub words: Vec<String>,
    /// Whether it is a section or list.
    pub is_section: bool,
}

impl Document {
    /// What this key has been given, if anything. It may be wrong: nothing is checked.
    pub fn given(&self, path: &str) -> Option<Given> {
        let node = path.split('.').try_fold(self.root(), |node, name| node.get(name))?;
        let (words, is_section) = match &node.value {
            Value::Scalar { text, .. } => (vec![text.clone()], false),
            Value::Null => (Vec::new(), false),
            Value::Seq(_) => (Vec::new(), true),
            Value::Map(entries) => {
                let kind = node.get("kind").and_then(|kind| match &kind.value {
                    Value::Scalar { text, .. } => Some(text.clone()),
                    _ => None,
                });
                (kind.into_iter().chain(entries.iter().map(|(key, _)| key.text.clone())).collect(), true)
            }
        };
        Some(Given { text: render(node), words, is_section })
    }

    /// A scenario file that says the same. `None` if it didn't read back as what is here, which would be a bug of ours.
    pub fn to_yaml(&self) -> Option<String> {
        let mut out = String::new();
        match &self.root().value {
            Value::Map(entries) if !entries.is_empty() => section(entries, 0, &mut out),
            // No scenario, but what it was.
            _ => out = render(self.root()),
        }
        let again = tree::parse("what was written", out.as_bytes()).ok()?;
        (render(&again) == render(self.root())).then_some(out)
    }
}

fn section(entries: &[(tree::Key, Node)], indent: usize, out: &mut String) {
    for (key, node) in entries {
        let _ = write!(out, "{:indent$}{}:", "", key_text(&key.text));
        value(node, indent, out);
    }
}

/// What follows a key's colon or an item's dash.
fn value(node: &Node, indent: usize, out: &mut String) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            out.push('\n');
            section(entries, indent + 2, out);
        }
        Value::Seq(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                let _ = write!(out, "{:width$}-", "", width = indent + 2);
                value(item, indent + 2, out);
            }
        }
        Value::Map(_) => out.push_str(" {}\n"),
        Value::Seq(_) => out.push_str(" []\n"),
        // Nothing is written as nothing: an empty section.
        Value::Null => out.push('\n'),
        Value::Scalar { text, quoted } => {
            let text = if *quoted || text.is_empty() { in_quotes(text) } else { text.clone() };
            let _ = writeln!(out, " {text}");
        }
    }
}

/// A key, in quotes unless it is a plain name.
fn key_text(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if plain { text.to_owned() } else { in_quotes(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Template, template};

    fn read(text: &str) -> Document {
        let none = |_: &str| Err(std::io::Error::other("no files"));
        Document::parse("x", text.as_bytes(), &none).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
    }

    #[test]
    fn what_is_written_reads_back() {
        for text in [
            "users: 10_000\nname: 'a: b # c'\nworkload: {message: {rate: 1/s, size: {lognormal: {mean: 1 KB, cv: 2}}}}\n",
            "users: &u 1..2\nfaults: [{at: 30 s, crash: {servers: 1}}, {at: 1 min, lose: \"zone\\ta\", for: 2 min}]\nslo:\n\"a b\": *u\nnull: ~\nx: [[1, 2], [], {}]\n",
            "name: |\n  two\n  lines\nusers: 5\n",
            "name: \"<img src=x onerror=alert(1)>\"\nusers: 5\n",
            &template(Template::Full, "x"),
        ] {
            let document = read(text);
            let written = document.to_yaml().unwrap_or_else(|| panic!("{text}"));
            let back = read(&written);
            assert_eq!(back.to_yaml().unwrap(), written);
            assert_eq!(back.hash(), document.hash());
        }
    }

    #[test]
    fn what_was_set_is_written_in() {
        let mut document = read("users: 10\nworkload: {message: {rate: 1/s}, fan_out: echo}\n");
        for set in ["users=20k", "workload.fan_out={room: 50}", "servers.count=3"] {
            document.set(set).unwrap();
        }
        assert_eq!(
            document.to_yaml().unwrap(),
            "users: 20k\nworkload:\n  message:\n    rate: 1/s\n  fan_out:\n    room: 50\nservers:\n  count: 3\n"
        );
        let given = document.given("workload.fan_out").unwrap();
        assert_eq!(given, Given { text: "{room: 50}".into(), words: vec!["room".into()], is_section: true });
        assert_eq!(document.given("servers.cores"), None);
    }
}
