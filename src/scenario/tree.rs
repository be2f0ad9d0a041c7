//! YAML text becomes a tree in which every key and value knows its place.
//!
//! This is the only file that knows the YAML crate. A scalar is kept as it was typed (`10_000`, `1.50`, `.nan`): what
//! it means is decided by whoever knows what is due there. A hostile file is an error like any other: the input's
//! size, its depth and what aliases expand to are limited, so neither time nor stack run out.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::options::{AliasLimits, NonFiniteFloatPolicy};
use serde_yaml::{Error, Location, Spanned};

use crate::diagnostic::{Diagnostic, Place, Source, quoted, visible};

/// The largest file that is read, in bytes.
pub const LARGEST: usize = 1 << 20;
/// How deep lists and sections may be nested. The format itself needs 7.
const DEEPEST: usize = 32;
/// Most values in a file, those that aliases stand for included.
const MOST_NODES: usize = 50_000;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands: of a list or section, where it begins.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// Said of `[a]: 1`.
const WORD_KEY: &str = "a key must be a word";

/// What YAML has.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, `null` or `~`.
    Null,
    /// A text or number, as typed.
    Scalar {
        /// The text, without its quotes.
        text: String,
        /// Whether it was in quotes, or otherwise not as typed.
        quoted: bool,
    },
    /// A list.
    Seq(Vec<Node>),
    /// A section: keys and their values, in the order given. No key comes twice.
    Map(Vec<(Key, Node)>),
}

/// The key of a section.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its text.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

impl Node {
    /// The value of a key, where this is a section that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(k, _)| k.text == key).map(|(_, node)| node),
            _ => None,
        }
    }
}

/// A text in quotes, as YAML reads it back whatever is in it.
pub fn in_quotes(text: &str) -> String {
    // JSON's strings are YAML's.
    serde_json::Value::from(text).to_string()
}

/// Reads one YAML document.
///
/// # Errors
/// When the bytes are not UTF-8, not YAML, more or less than one document, or beyond a limit.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Node, Diagnostic> {
    if bytes.len() > LARGEST {
        let help = "a scenario is a few kilobytes; is this the right file?";
        return Err(Diagnostic::new(format!("{} is larger than 1 MiB", visible(name))).help(help));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => parse_within(&Source::file(name, text), 0),
        Err(e) => {
            let source = Source::file(name, String::from_utf8_lossy(bytes));
            // What precedes the first wrong byte is the same in both.
            let at = e.valid_up_to();
            Err(Diagnostic::at(&Place::new(&source, at, at + 1), "this is not a text file (it is not UTF-8)")
                .label("the first byte that is no text")
                .help("a scenario is a YAML file; `plimsoll new NAME` writes one"))
        }
    }
}

/// Reads one YAML document: the text of a source from this byte on.
///
/// # Errors
/// When the text is not YAML, more or less than one document, or beyond a limit.
pub fn parse_within(source: &Arc<Source>, from: usize) -> Result<Node, Diagnostic> {
    let text = source.text.get(from..).unwrap_or("");
    if let Some(at) = text.find(|c: char| c == '\0' || (c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}')))
    {
        return Err(Diagnostic::at(&Place::new(source, from + at, from + at + 1), "a control character can't be here")
            .label(format!("character U+{:04X}", text[at..].chars().next().map_or(0, u32::from)))
            .help("a scenario is a plain text file; is this the right one?"));
    }
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_nodes: MOST_NODES,
            max_events: 3 * MOST_NODES,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: MOST_NODES,
            max_merge_keys: 1_000,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: limits(),
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        with_snippet: false,
    };
    let read = Origin { source: Arc::clone(source), from };
    let previous = ORIGIN.with_borrow_mut(|origin| origin.replace(read));
    let result = serde_yaml::from_str_with_options::<Node>(text, options);
    let read = ORIGIN.with_borrow_mut(|origin| std::mem::replace(origin, previous));
    let Some(read) = read else { return Err(Diagnostic::new("the YAML reader lost its source")) };
    result.map_err(|e| explain(&e, &read))
}

fn limits() -> AliasLimits {
    serde_yaml::alias_limits! {
        max_total_replayed_events: MOST_NODES,
        max_replay_stack_depth: 16,
    }
}

thread_local! {
    /// What is being read on this thread. Serde has no other way to hand a context to `deserialize`, which is called
    /// by the YAML crate's `Spanned`; seeds would lose the places.
    static ORIGIN: RefCell<Option<Origin>> = const { RefCell::new(None) };
}

/// The text that is being read.
struct Origin {
    source: Arc<Source>,
    /// Where in the source the YAML begins.
    from: usize,
}

impl Origin {
    fn place(&self, location: Location) -> Place {
        let span = location.span();
        let (start, length) = match (span.byte_offset(), span.byte_len()) {
            (Some(start), length) => (start as usize, length.unwrap_or(0) as usize),
            _ => (self.offset(location.line(), location.column()), 1),
        };
        let end = self.source.text.len();
        let start = (self.from + start).min(end);
        Place::new(&self.source, start, (start + length).min(end))
    }

    /// The byte of a line and column (in characters), both from 1.
    fn offset(&self, line: u64, column: u64) -> usize {
        let text = self.source.text.get(self.from..).unwrap_or("");
        let line_start: usize = text.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
        let within = text[line_start..].char_indices().nth(column.saturating_sub(1) as usize);
        line_start + within.map_or(0, |(at, _)| at)
    }
}

/// A value as the YAML crate hands it over, not yet with a place.
enum Raw {
    Null,
    /// The text, if the crate had it as a text; else (a number, a truth value) it is taken from the source.
    Scalar(Option<String>),
    Seq(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Raw>::deserialize(deserializer)?;
        ORIGIN.with_borrow(|origin| {
            let origin = origin.as_ref().ok_or_else(|| serde::de::Error::custom("no source"))?;
            let mut place = origin.place(spanned.referenced);
            let typed = origin.place(spanned.defined);
            let value = match spanned.value {
                Raw::Null => Value::Null,
                Raw::Scalar(text) => {
                    let typed = trim(&typed);
                    if spanned.referenced == spanned.defined {
                        place = typed.clone();
                    }
                    scalar(text, typed.text())
                }
                Raw::Seq(items) => Value::Seq(items),
                Raw::Map(entries) => Value::Map(entries),
            };
            if matches!(value, Value::Seq(_) | Value::Map(_)) {
                place = opening(&place);
            }
            Ok(Self { place, value })
        })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        match node.value {
            Value::Scalar { text, .. } => Ok(Self { text, place: node.place }),
            Value::Null => Ok(Self { text: "null".to_owned(), place: node.place }),
            Value::Seq(_) | Value::Map(_) => Err(serde::de::Error::custom(WORD_KEY)),
        }
    }
}

/// The scalar as typed. A plain one on one line is taken from the source; quotes, folding and tags are the crate's.
fn scalar(text: Option<String>, typed: &str) -> Value {
    let plain = !typed.is_empty() && !typed.contains('\n') && !typed.starts_with(['"', '\'', '|', '>', '!', '&', '*']);
    match text {
        Some(text) if !plain => Value::Scalar { text, quoted: true },
        _ => Value::Scalar { text: typed.to_owned(), quoted: false },
    }
}

/// The place without blanks at its end.
fn trim(place: &Place) -> Place {
    place.part(0, place.text().trim_end().len())
}

/// Where a list or section begins: its bracket, or its first word.
fn opening(place: &Place) -> Place {
    let rest = &place.source().text[place.start()..];
    let length = if rest.starts_with(['{', '[']) { 1 } else { rest.find([':', '\n', ' ']).unwrap_or(1).max(1) };
    Place::new(place.source(), place.start(), place.start() + length)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor(PhantomData))
    }
}

struct RawVisitor(PhantomData<Raw>);

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Some(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Scalar(Some(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key()? {
            entries.push((key, access.next_value()?));
        }
        Ok(Raw::Map(entries))
    }
}

/// The YAML crate's error in our words.
fn explain(error: &Error, origin: &Origin) -> Diagnostic {
    use serde_yaml::budget::BudgetBreach;
    let error = match error.without_snippet() {
        Error::AliasError { error, .. } => error.without_snippet(),
        error => error,
    };
    let place = error.location().map(|location| trim(&origin.place(location)));
    let at = |message: String| match &place {
        Some(place) => Diagnostic::at(place, message),
        None => Diagnostic::new(message),
    };
    match error {
        Error::Eof { .. } => Diagnostic::new("there is nothing in it"),
        Error::MultipleDocuments { .. } => {
            at("there is more than one document".to_owned()).help("keep one scenario to a file, without a `---` line")
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.clone().or_else(|| place.as_ref().map(|place| place.text().to_owned())).unwrap_or_default();
            at(format!("{} is given twice", quoted(&key))).label("the second one").help("keep one of the two")
        }
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => too_deep(at("it is nested too deeply".to_owned())),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => at("there is too much in it".to_owned())
            .help("a scenario may hold 50,000 values, with those that aliases (`*name`) stand for"),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            at("an alias can't stand for something that holds the alias itself".to_owned())
        }
        Error::Message { msg, .. } if msg.contains(WORD_KEY) => at(WORD_KEY.to_owned()),
        Error::UnknownAnchor { .. } => at("no anchor (`&name`) of this name comes before it".to_owned()),
        other => {
            let text = visible(&other.to_string());
            if text.contains("nest") || text.contains("depth") || text.contains("recursion") {
                return too_deep(at("it is nested too deeply".to_owned()));
            }
            let reason = without_place(&text);
            let error = at(format!("this is not YAML: {reason}"));
            if reason.contains("tab") {
                error.help("indent with spaces")
            } else if reason.contains("mapping values") {
                error.help("look for a `:` too much here, or one missing in the line before; put quotes around a text with `: `")
            } else if ["indicator", "flow", "bracket", "brace"].iter().any(|word| reason.contains(word)) {
                error.help("look for a bracket that is not closed")
            } else {
                error
            }
        }
    }
}

fn too_deep(diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.help(format!("a scenario nests at most {DEEPEST} lists and sections"))
}

/// The crate's message without the line and column, which are shown beside it.
fn without_place(text: &str) -> &str {
    text.split(" at line ").next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// The tree, one value a line: where it stands, what stands there, what was read.
    fn dump(node: &Node, depth: usize, out: &mut String) {
        let _ = write!(out, "{:depth$}{}:{} [{}] ", "", node.place.line(), node.place.column(), node.place.text());
        match &node.value {
            Value::Null => out.push_str("null\n"),
            Value::Scalar { text, quoted } => {
                let _ = writeln!(out, "{text:?}{}", if *quoted { " quoted" } else { "" });
            }
            Value::Seq(items) => {
                out.push_str("list\n");
                for item in items {
                    dump(item, depth + 2, out);
                }
            }
            Value::Map(entries) => {
                out.push_str("section\n");
                for (key, node) in entries {
                    let _ = writeln!(out, "{:depth$}- {} [{}]", "", key.text, key.place.text());
                    dump(node, depth + 2, out);
                }
            }
        }
    }

    #[test]
    fn scalars_come_as_typed_and_know_their_place() {
        let yaml = "# é comment\nusers: 10_000   # many\nmessage: {rate: 1/s, size: 1.50 KB, x: .nan, y: 1e300}\n\
            list: [1..2 ms, 'q', \"d\\tq\", 0x10, -0, ~, true, 99999999999999999999, .inf, 1e999]\nblock:\n  - a: 日本 b\n  - |\n    text\n\
            many: first\n  second\nanchor: &a {b: 1.0}\nalias: *a\nmerged: {<<: *a, c: 2}\nnone:\nscalar: &s 1_0\nagain: *s\ntagged: !!str 12\n007: 1\n";
        let node = parse("x", yaml.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
        let mut out = String::new();
        dump(&node, 0, &mut out);
        insta::assert_snapshot!(out, @r#"
        2:1 [users] section
        - users [users]
          2:8 [10_000] "10_000"
        - message [message]
          3:10 [{] section
          - rate [rate]
            3:17 [1/s] "1/s"
          - size [size]
            3:28 [1.50 KB] "1.50 KB"
          - x [x]
            3:40 [.nan] ".nan"
          - y [y]
            3:49 [1e300] "1e300"
        - list [list]
          4:7 [[] list
            4:8 [1..2 ms] "1..2 ms"
            4:17 ['q'] "q" quoted
            4:22 ["d\tq"] "d\tq" quoted
            4:30 [0x10] "0x10"
            4:36 [-0] "-0"
            4:40 [~] null
            4:43 [true] "true"
            4:49 [99999999999999999999] "99999999999999999999"
            4:71 [.inf] ".inf"
            4:77 [1e999] "1e999"
        - block [block]
          6:3 [-] list
            6:5 [a] section
            - a [a]
              6:8 [日本 b] "日本 b"
            8:5 [text] "text"
        - many [many]
          9:7 [first
          second] "first second" quoted
        - anchor [anchor]
          11:12 [{] section
          - b [b]
            11:16 [1.0] "1.0"
        - alias [alias]
          12:8 [*a] section
          - b [*a]
            12:8 [*a] "1.0"
        - merged [merged]
          13:9 [{] section
          - c [c]
            13:21 [2] "2"
          - b [*a]
            13:14 [*a] "1.0"
        - none [none]
          14:5 [] null
        - scalar [scalar]
          15:12 [1_0] "1_0"
        - again [again]
          16:8 [*s] "1_0"
        - tagged [tagged]
          17:15 [12] "12"
        - 007 [007]
          18:6 [1] "1"
        "#);
    }

    /// Each of these is one clear error, and none takes long or overflows the stack.
    #[test]
    fn what_is_no_scenario_is_told_so() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let _ = writeln!(bomb, "a{i}: &a{i} [{}]", vec![format!("*a{}", i - 1); 10].join(", "));
        }
        let mut deep = String::new();
        for i in 0..1_000 {
            let _ = writeln!(deep, "{:i$}a:", "");
        }
        let mut out = String::new();
        for (what, bytes) in [
            ("empty", Vec::new()),
            ("comment only", b"# nothing\n".to_vec()),
            ("two documents", b"a: 1\n---\nb: 2\n".to_vec()),
            ("duplicate", b"users: 1\nname: x\nusers: 2\n".to_vec()),
            ("duplicate in flow", b"a: {b: 1, b: 2}\n".to_vec()),
            ("alias bomb", bomb.into_bytes()),
            ("alias of itself", b"a: &a [*a]\n".to_vec()),
            ("no anchor", b"a: *b\n".to_vec()),
            ("deep list", [b'['; 10_000].to_vec()),
            ("deep flow map", "{a: ".repeat(10_000).into_bytes()),
            ("deep block", deep.into_bytes()),
            ("deep compact block", "- ".repeat(10_000).into_bytes()),
            ("deep question", "? ".repeat(10_000).into_bytes()),
            ("binary", vec![0x7f, b'E', b'L', b'F', 2, 1, 0, 0xff]),
            ("not utf-8", b"name: caf\xe9\n".to_vec()),
            ("utf-16", b"\xff\xfea\0:\0".to_vec()),
            ("large", vec![b'#'; LARGEST + 1]),
            ("unclosed", b"a: [1, 2\nb: 3\n".to_vec()),
            ("tab", b"a:\n\tb: 1\n".to_vec()),
            ("no colon", b"users 5\nb: 1\n".to_vec()),
            ("colon in value", b"a: b: c\n".to_vec()),
            ("list key", b"[a]: 1\n".to_vec()),
            ("bad int", b"a: !!int x\n".to_vec()),
            ("long key", ["k".repeat(5_000).as_bytes(), b": 1\n"].concat()),
            ("many quotes", [b"a: \"".as_slice(), "x\n".repeat(100_000).as_bytes()].concat()),
        ] {
            let _ = match parse("x.yaml", &bytes) {
                Ok(node) => writeln!(out, "## {what}\n{:?}\n", node.value),
                Err(e) => writeln!(out, "## {what}\n{e}\n"),
            };
        }
        insta::assert_snapshot!(out);
    }
}
