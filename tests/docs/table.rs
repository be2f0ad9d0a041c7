//! The table of keys and defaults in docs/model.md.

use std::fmt::Write as _;

use plimsoll::scenario::keys::{Default, KEYS};

/// Every key that does something, as a table in Markdown.
pub fn table() -> String {
    let mut out = String::from("| key | default | meaning | where the default comes from |\n|---|---|---|---|\n");
    for key in KEYS.iter().filter(|key| !key.is_section() && !key.later.contains(&"*")) {
        let default = match key.default {
            Default::Required(_) => "must be given".to_owned(),
            Default::Yaml(text) => format!("`{text}`"),
            Default::Absent => "none".to_owned(),
        };
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(out, "| `{}` | {} | {} | {} |", key.path, cell(&default), cell(key.doc), cell(key.source));
    }
    out
}
