//! What README.md and docs/ show: does every command of theirs work as it stands there, and is every output real?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;
#[path = "common/shell.rs"]
mod shell;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::Parser as _;
use common::{documents, folder, home, run_in};
use plimsoll::cli::Cli;
use shell::{blocks, calls, commands};

/// Commands that are only held to what can be typed, each with its reason: the document, how the command begins, why.
/// One that no longer stands in its document is an error.
const NOT_RUN: &[(&str, &str, &str)] = &[
    ("docs/explore.md", "explore", "runs until it is stopped; tests/explore.rs runs it"),
    ("docs/live.md", "serve", "runs until it is stopped; tests/serve.rs runs it"),
    ("docs/live.md", "drive", "needs a server; tests/drive.rs runs it"),
    ("docs/live.md", "calibrate --out", "measures for minutes; tests/calibrate.rs runs it"),
    ("docs/live.md", "validate", "measures for minutes; tests/live.rs runs it"),
];

/// Commands that end with this code where they stand, since that is what they show.
const NEGATIVE: &[(&str, &str, i32)] = &[("docs/tutorial.md", "check", 1)];

#[test]
fn their_commands_run_and_what_they_show_is_real() {
    let mut listed: BTreeSet<&(&str, &str, &str)> = BTreeSet::new();
    for document in documents() {
        let text = fs::read_to_string(home().join(&document)).unwrap();
        // Some write files, so they run beside a copy of the scenarios; one after the other, as a reader would.
        let folder = folder();
        copy(&home().join("scenarios"), &folder.join("scenarios"));
        copy(&home().join("data"), &folder.join("data"));
        let mut printed: Vec<String> = Vec::new();
        for block in blocks(&text) {
            match block.kind.as_str() {
                "sh" => {
                    let commands: Vec<Vec<String>> =
                        block.lines.iter().flat_map(|line| calls(line.trim().trim_start_matches("$ "))).collect();
                    if !commands.is_empty() {
                        printed.clear();
                    }
                    for command in commands {
                        let typed = command.join(" ");
                        let arguments = ["plimsoll".to_owned()].into_iter().chain(command.iter().cloned());
                        Cli::try_parse_from(arguments).unwrap_or_else(|error| panic!("{document}: {typed}\n{error}"));
                        let of =
                            |(place, start, _): &&(&str, &str, &str)| *place == document && typed.starts_with(start);
                        if let Some(reason) = NOT_RUN.iter().find(of) {
                            listed.insert(reason);
                            continue;
                        }
                        let ended = run_in(&folder, &command);
                        let code =
                            NEGATIVE.iter().find(|(place, start, _)| *place == document && typed.starts_with(start));
                        let want = code.map_or(0, |(.., code)| *code);
                        assert_eq!(
                            ended.code,
                            Some(want),
                            "{document}: plimsoll {typed}\n{}{}",
                            ended.stdout,
                            ended.stderr
                        );
                        printed.extend(ended.stdout.lines().map(|line| line.trim_end().to_owned()));
                    }
                }
                // Where nothing was run before it, it is no output.
                "text" if !printed.is_empty() => shown(&document, &block.lines, &printed),
                // A file whose name is its first line.
                "yaml" => {
                    let name = block.lines.first().and_then(|line| line.strip_prefix("# "));
                    if let Some(name) = name.filter(|name| Path::new(name).extension().is_some_and(|end| end == "yaml"))
                    {
                        fs::write(folder.join(name), block.lines.join("\n") + "\n").unwrap();
                    }
                }
                _ => {}
            }
        }
    }
    let stale: Vec<_> = NOT_RUN.iter().filter(|entry| !listed.contains(entry)).collect();
    assert!(stale.is_empty(), "these stand in no document: {stale:?}");
}

/// What is shown was printed, in this order; lines of it may be left out.
#[track_caller]
fn shown(document: &str, lines: &[String], printed: &[String]) {
    let mut rest = printed.iter();
    for line in lines.iter().filter(|line| !line.is_empty() && line.trim() != "…") {
        let found = rest.by_ref().any(|printed| printed == line);
        let printed = printed.join("\n");
        assert!(
            found,
            "{document} shows what the commands before it don't print, or not there:\n{line}\n\nThey print\n{printed}"
        );
    }
}

#[test]
fn a_line_that_is_not_printed_is_found() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let wrong = |show: &str| std::panic::catch_unwind(|| shown("x", &lines(show), &lines("a\nb\nc\n"))).is_err();
    assert!(!wrong("a\n\nc\n") && !wrong("b\n…\n"));
    assert!(wrong("d\n") && wrong("b\na\n") && wrong("a\na\n"));
}

#[test]
fn commands_are_found() {
    let text = "```sh\n$ plimsoll estimate x.yaml   # why\ncargo run --release -- sweep x.yaml \\\n    --vary 'users=1, 2' | head\n\
        cargo test --release\nX=1 plimsoll schema > \"a b.json\"\nplimsoll simulate x && plimsoll schema\n```\n```yaml\nplimsoll no\n```\n    plimsoll no\n\
        ```sh\nplimsoll new \"a b#\" --set=\"x={y: 'z'}\"\n```\n";
    let found: Vec<Vec<String>> = commands(text);
    assert_eq!(
        found,
        [
            vec!["estimate", "x.yaml"],
            vec!["sweep", "x.yaml", "--vary", "users=1, 2"],
            vec!["schema"],
            vec!["simulate", "x"],
            vec!["schema"],
            vec!["new", "a b#", "--set=x={y: 'z'}"],
        ]
    );
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
