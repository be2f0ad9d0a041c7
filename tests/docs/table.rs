//! The table of keys and defaults in docs/model.md.

use std::fmt::Write as _;

use plimsoll::scenario::keys::{Default, KEYS, Key, Kind, find};

/// Every key that takes something, as a table in Markdown.
pub fn table() -> String {
    let mut out = String::from("| key | default | meaning | where the default comes from |\n|---|---|---|---|\n");
    for key in KEYS.iter().filter(|key| takes_something(key)) {
        let cell = |text: &str| text.replace('|', "\\|");
        let _ =
            writeln!(out, "| `{}` | {} | {} | {} |", key.path, cell(&default(key)), cell(key.doc), cell(key.source));
    }
    out
}

/// Whether a key has a value of its own, besides keys below it.
fn takes_something(key: &Key) -> bool {
    !key.is_section() || !key.words.is_empty() || key.kind != Kind::Words
}

/// A key's default, in Markdown.
pub fn default(key: &Key) -> String {
    match key.default {
        Default::Required(_) if everywhere(key) => "must be given".to_owned(),
        Default::Required(_) => "no default".to_owned(),
        Default::Yaml("{}") => "as the keys below".to_owned(),
        Default::Yaml(text) => format!("`{text}`"),
        Default::Absent => "none".to_owned(),
    }
}

/// Whether all sections it is in are there without being asked for.
fn everywhere(key: &Key) -> bool {
    let mut path = key.path;
    while let Some((parent, _)) = path.rsplit_once('.') {
        if find(parent).is_none_or(|section| section.default != Default::Yaml("{}")) {
            return false;
        }
        path = parent;
    }
    true
}
