//! Does the documentation still say what the program does?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;
#[path = "docs/picture.rs"]
mod picture;
#[path = "docs/reference.rs"]
mod reference;
#[path = "docs/table.rs"]
mod table;

use std::fs;
use std::path::Path;

use plimsoll::scenario::keys::{Default, KEYS};

fn read(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// If this fails: `cargo run --example defaults`, and put the table at the end of docs/model.md.
#[test]
fn every_key_stands_in_the_model_with_its_default() {
    assert!(read("docs/model.md").ends_with(&table::table()), "the table of keys in docs/model.md is out of date");
}

/// If this fails: `DOCS=write cargo test --release --test docs`, and look at what changed.
#[test]
fn what_the_program_makes_is_up_to_date() {
    for (path, made) in [("docs/scenario.md", reference::reference()), ("docs/terminal.svg", picture::picture())] {
        if std::env::var_os("DOCS").is_some() {
            fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(path), &made).unwrap();
        }
        assert!(read(path) == made, "{path} is out of date");
    }
}

/// The same from the table of keys itself, so that nothing that has a default can be left out above.
#[test]
fn no_default_is_left_out() {
    let text = read("docs/model.md");
    for key in KEYS {
        if let Default::Yaml(default) = key.default
            && default != "{}"
        {
            let row = format!("\n| `{}` | `{default}` |", key.path);
            assert!(text.contains(&row), "docs/model.md lacks {row}");
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in common::documents() {
        let text = read(&document);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(&document);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        // Formulas have brackets before parentheses too, but blanks between these.
        let local = |target: &&str| !target.starts_with("http") && !target.starts_with('#') && !target.contains(' ');
        for target in targets.filter(local) {
            let file = target.split('#').next().unwrap_or(target);
            let found = folder.parent().is_some_and(|folder| folder.join(file).exists());
            assert!(found, "{document} links to {target}, which is not there");
        }
    }
}
