//! Does the documentation still say what the program does?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;
#[path = "docs/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{home, run_in};
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

/// Each line of output in the README is one that the program prints today.
#[test]
fn the_readme_shows_real_output() {
    let commands = [["simulate", "scenarios/chat-10k.yaml"], ["sweep", "scenarios/ladder.yaml"]];
    let printed: Vec<String> = commands.map(|command| run_in(home(), command).well().stdout).into();
    let printed: BTreeSet<&str> = printed.iter().flat_map(|text| text.lines()).map(str::trim_end).collect();
    let readme = read("README.md");
    let blocks: Vec<&str> = readme.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), commands.len(), "a block of output for each of {commands:?}");
    for line in blocks.iter().flat_map(|block| block.lines()).map(str::trim_end) {
        assert!(line.is_empty() || printed.contains(line), "README.md shows what is not printed:\n{line}");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in [
        "README.md",
        "docs/model.md",
        "docs/calibration.md",
        "docs/conformance.md",
        "docs/contributing.md",
        "docs/coverage.md",
        "docs/live.md",
        "docs/speed.md",
        "docs/sweeps.md",
        "docs/check.md",
        "docs/validation.md",
        "docs/plan.md",
        "docs/reports.md",
        "reports/README.md",
    ] {
        let text = read(document);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
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
