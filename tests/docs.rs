//! Does the documentation still say what the program does?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;
#[path = "docs/picture.rs"]
mod picture;
#[path = "docs/reference.rs"]
mod reference;

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
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
