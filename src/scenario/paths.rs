//! Paths of keys on the command line and in `sweep:`: `workload.message.rate=2/s`.

use std::sync::Arc;

use super::keys::{self, Kind};
use super::range;
use super::read::unknown_key;
use super::tree::{self, Key, Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Source, quoted};

/// A key to vary, and its values as YAML text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// The key's path.
    pub path: String,
    /// Its values, in the order given; at least one.
    pub values: Vec<String>,
}

/// Most values of one axis.
const MOST_VALUES: usize = 10_000;

/// Reads `users=100,10k,1M,100M` or `users=100..100M log 7`. Commas inside brackets or quotes don't separate values.
///
/// # Errors
/// When there is no such key, or no value.
pub fn parse_vary(text: &str) -> Result<Axis, Diagnostics> {
    let source = Source::argument(format!("--vary {text}"));
    let start = source.text.len() - text.len();
    let place = |from: usize, to: usize| Place::new(&source, start + from, start + to);
    let Some((path, list)) = text.split_once('=') else {
        return Err(Diagnostic::at(&place(0, text.len()), "`--vary` needs a key and its values")
            .help("write it like `--vary users=100,10k,1M`")
            .into());
    };
    check(path, &place(0, path.len()), true)?;
    let mut values = Vec::new();
    for (from, value) in split(list, ',') {
        let from = path.len() + 1 + from;
        if value.trim().is_empty() {
            let error = Diagnostic::at(&place(from, from + value.len()), "a value is missing");
            return Err(error.help("write it like `--vary users=100,10k,1M`").into());
        }
        match range::values(path, value.trim(), &place(from, from + value.len()))? {
            Some(range) => values.extend(range),
            None => values.push(value.trim().to_owned()),
        }
    }
    Ok(Axis { path: path.to_owned(), values })
}

/// Reads `broker=kafka; compression=deflate`: one or more keys and their values. A key may be cut down to its last names;
/// where that leaves several, the one nearest to the top counts, and of those the first in the table of keys.
///
/// # Errors
/// When this is no assignment. Whether there is such a key is for whoever assigns it.
pub fn parse_with(text: &str) -> Result<Vec<(String, String)>, Diagnostics> {
    let source = Source::argument(format!("--with {text}"));
    let start = source.text.len() - text.len();
    let mut assignments = Vec::new();
    for (from, assignment) in split(text, ';') {
        let Some((path, value)) = assignment.split_once('=') else {
            let place = Place::new(&source, start + from, start + from + assignment.len());
            let error = Diagnostic::at(&place, "`--with` needs a key and a value");
            return Err(error.help("write it like `--with \"broker=kafka; protocol.compression=deflate\"`").into());
        };
        assignments.push((whole_path(path.trim()), value.trim().to_owned()));
    }
    Ok(assignments)
}

/// The path of the key whose last names these are; as it is where there is none.
fn whole_path(path: &str) -> String {
    let root = path.split('.').next().unwrap_or_default();
    if keys::find(root).is_some() {
        return path.to_owned();
    }
    let end = format!(".{path}");
    let found = keys::KEYS.iter().filter(|key| key.path.ends_with(&end));
    found.min_by_key(|key| key.path.matches('.').count()).map_or_else(|| path.to_owned(), |key| key.path.to_owned())
}

/// The items of a list with commas or the like, and where each starts.
fn split(list: &str, separator: char) -> Vec<(usize, &str)> {
    let mut items = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_usize, None);
    for (at, c) in list.char_indices() {
        if let Some(open) = quote {
            if c == open {
                quote = None;
            }
            continue;
        }
        match c {
            '"' | '\'' => quote = Some(c),
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            c if c == separator && depth == 0 => {
                items.push((start, &list[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push((start, &list[start..]));
    items
}

/// The axes of a `sweep:` section.
pub(super) fn axes(node: &Node) -> Result<Vec<Axis>, Vec<Diagnostic>> {
    let Value::Map(entries) = &node.value else {
        let help = "write it like `sweep: {users: [100, 10k, 1M]}`";
        return Err(vec![Diagnostic::at(&node.place, "`sweep` must be a section").help(help)]);
    };
    let mut errors = Vec::new();
    let mut axes = Vec::new();
    for (key, values) in entries {
        if let Err(e) = check(&key.text, &key.place, true) {
            errors.push(e);
        }
        match &values.value {
            Value::Seq(items) if !items.is_empty() && items.len() <= MOST_VALUES => {
                axes.push(Axis { path: key.text.clone(), values: items.iter().map(render).collect() });
            }
            Value::Scalar { text, .. } if text.contains("..") => match range::values(&key.text, text, &values.place) {
                Ok(Some(values)) => axes.push(Axis { path: key.text.clone(), values }),
                Ok(None) => errors.push(
                    Diagnostic::at(&values.place, "a range needs to know how many values it has")
                        .help(format!("write it like {}", quoted(&format!("{}: 100..1M log 5", key.text)))),
                ),
                Err(error) => errors.push(error),
            },
            _ => errors.push(
                Diagnostic::at(&values.place, format!("{} needs a list of values here", quoted(&key.text)))
                    .help(format!("write it like {}", quoted(&format!("{}: [100, 10k, 1M]", key.text)))),
            ),
        }
    }
    if errors.is_empty() { Ok(axes) } else { Err(errors) }
}

/// Whether there is a key of this path. `place` is where the path stands.
pub(super) fn check(path: &str, place: &Place, to_vary: bool) -> Result<(), Diagnostic> {
    let (mut known, mut start) = (String::new(), 0);
    for name in path.split('.') {
        let here = place.part(start, start + name.len());
        start += name.len() + 1;
        if name.is_empty() {
            let error = Diagnostic::at(&here, "a name is missing in this path");
            return Err(error.help("a path is like `workload.message.rate`"));
        }
        let below = keys::join(&known, name);
        match (keys::find(&below), keys::find(&known)) {
            (Some(key), _) if to_vary && (key.kind == Kind::Sweep || key.path == "name") => {
                return Err(Diagnostic::at(&here, format!("`{}` can't be varied", key.path)));
            }
            (Some(_), _) => known = below,
            // The figures of a distribution; the reader knows their names.
            (None, Some(key)) if matches!(key.kind, Kind::Random(_) | Kind::Sweep) => return Ok(()),
            (None, _) => return Err(unknown_key(&known, name, &here)),
        }
    }
    Ok(())
}

/// Puts a value at a path, which is made where it is not there yet.
pub(super) fn assign(root: &mut Node, path: &str, place: &Place, value: Node) {
    let mut node = root;
    let (mut known, mut start) = (String::new(), 0);
    for name in path.split('.') {
        // A distribution has one name only: another one takes its place.
        let replaced =
            keys::find(&known).is_some_and(|key| matches!(key.kind, Kind::Random(_))) && node.get(name).is_none();
        if replaced || !matches!(node.value, Value::Map(_)) {
            *node = Node { place: place.clone(), value: Value::Map(written_out(&known, node)) };
        }
        known = keys::join(&known, name);
        let here = place.part(start, start + name.len());
        start += name.len() + 1;
        let Value::Map(entries) = &mut node.value else { return };
        let index = entries.iter().position(|(key, _)| key.text == name).unwrap_or_else(|| {
            let key = Key { text: name.to_owned(), place: here.clone() };
            entries.push((key, Node { place: here.clone(), value: Value::Null }));
            entries.len() - 1
        });
        // An error about the key is about the one given last.
        entries[index].0.place = here;
        node = &mut entries[index].1;
    }
    *node = value;
}

/// What a section has of the plain value whose place it takes: `broker: redis` is `{kind: redis}` written out. A word that
/// says there is none (`broker: none`) leaves nothing.
fn written_out(path: &str, short: &Node) -> Vec<(Key, Node)> {
    let Some((key, name)) = keys::find(path).and_then(|key| Some((key, key.short_for?))) else { return Vec::new() };
    let means_it = |word: &str| keys::find(&keys::join(path, name)).is_some_and(|below| below.words.contains(&word));
    let stays = match &short.value {
        Value::Scalar { text, .. } => !key.words.contains(&text.as_str()) || means_it(text),
        Value::Seq(_) => true,
        Value::Null | Value::Map(_) => false,
    };
    if stays { vec![(Key { text: name.to_owned(), place: short.place.clone() }, short.clone())] } else { Vec::new() }
}

/// An assignment as it stands on the command line: the whole argument, its path, its value as a tree.
pub(super) fn argument(origin: &str, path: &str, value: &str) -> Result<(Place, Node), Diagnostic> {
    // An option such as `--seed` stands for its key, which nobody typed.
    let shorthand = !matches!(origin, "--set" | "--vary" | "--with");
    let text = if shorthand { format!("{origin} {value}") } else { format!("{origin} {path}={value}") };
    let source = Source::argument(text);
    let from = source.text.len() - value.len();
    let place = if shorthand {
        Place::new(&source, 0, origin.len())
    } else {
        Place::new(&source, from - 1 - path.len(), from - 1)
    };
    if value.len() > tree::LARGEST {
        return Err(Diagnostic::new(format!("the value of `{path}` is larger than 1 MiB")));
    }
    if value.trim().is_empty() && keys::find(path).is_some_and(keys::Key::is_section) {
        // More likely an empty variable of a shell than a wish to have all of a section's defaults.
        let error = Diagnostic::at(&place, format!("`{path}` needs a value"));
        return Err(error.help(format!("for all of its defaults write `{path}=null`")));
    }
    let mut node = tree::parse_within(&source, from)?;
    if node.value == Value::Null {
        // Without a value there is nothing to point at but the end of the argument.
        node.place = Place::new(&source, from, source.text.len());
    }
    Ok((place, node))
}

/// A tree on one line, as YAML.
pub(super) fn render(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Scalar { text, quoted: false } => text.clone(),
        Value::Scalar { text, quoted: true } => tree::in_quotes(text),
        Value::Seq(items) => format!("[{}]", items.iter().map(render).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let mut pairs: Vec<_> =
                entries.iter().map(|(key, node)| format!("{}: {}", key.text, render(node))).collect();
            pairs.sort_unstable();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// The place of all of a source.
pub(super) fn whole(source: &Arc<Source>) -> Place {
    Place::new(source, 0, source.text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_may_change_several_keys_and_shorten_them() {
        let read = |text: &str| parse_with(text).unwrap();
        let pair = |path: &str, value: &str| (path.to_owned(), value.to_owned());
        assert_eq!(
            read("broker=kafka; compression={deflate: {ratio: 3; }}"),
            [pair("broker", "kafka"), pair("protocol.compression", "{deflate: {ratio: 3; }}")]
        );
        assert_eq!(read("cpu.per_message=9 us"), [pair("servers.cpu.per_message", "9 us")]);
        assert_eq!(read("nothing.such=1"), [pair("nothing.such", "1")]);
        assert!(parse_with("broker=kafka; deflate").unwrap_err().to_string().contains("needs a key and a value"));
    }
}
