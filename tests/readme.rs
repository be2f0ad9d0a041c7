//! The commands in README.md, docs/sweeps.md, docs/check.md and docs/reports.md work as they stand there.
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use std::fs;
use std::path::Path;

use common::{folder, home, run_in};

#[test]
fn its_commands_run() {
    for document in ["README.md", "docs/sweeps.md", "docs/check.md", "docs/reports.md"] {
        let text = fs::read_to_string(home().join(document)).unwrap();
        let commands = commands(&text);
        assert!(!commands.is_empty(), "{document} shows no command in a ```sh block");
        // Some write files, so they run beside a copy of the scenarios; one after the other, as a reader would.
        let folder = folder();
        copy(&home().join("scenarios"), &folder.join("scenarios"));
        for command in commands {
            let ended = run_in(&folder, &command);
            assert_eq!(ended.code, Some(0), "plimsoll {}\n{}{}", command.join(" "), ended.stdout, ended.stderr);
        }
    }
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

/// The arguments of each call of the program in the blocks of shell commands. What they are piped into is left out.
fn commands(markdown: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut lines = markdown.lines();
    let mut inside = false;
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("```") {
            inside = !inside && line.trim() == "```sh";
            continue;
        }
        if !inside {
            continue;
        }
        let mut command = line.trim().to_owned();
        while let Some(start) = command.strip_suffix('\\') {
            command = format!("{start} {}", lines.next().unwrap_or_default().trim());
        }
        commands.extend(calls(command.trim_start_matches("$ ")));
    }
    commands
}

fn calls(line: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for words in words(line) {
        let text: Vec<&str> = words.iter().map(String::as_str).collect();
        let start = text.iter().position(|word| !word.contains('=')).unwrap_or(text.len());
        match &text[start..] {
            ["plimsoll" | "./plimsoll" | "target/release/plimsoll" | "./target/release/plimsoll", ..] => {
                calls.push(words[start + 1..].to_vec());
            }
            ["cargo", "run", rest @ ..] => {
                let own = rest.iter().position(|word| *word == "--").unwrap_or_else(|| panic!("no `--`: {line}"));
                calls.push(words[start + 3 + own..].to_vec());
            }
            _ => {}
        }
    }
    calls
}

/// A line's words as a shell has them, command by command, without redirections and comments.
fn words(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut to_file = false;
    let mut rest = line.chars();
    loop {
        let next = rest.next();
        match next {
            Some(quote @ ('\'' | '"')) => {
                let quoted: String = rest.by_ref().take_while(|c| *c != quote).collect();
                word.get_or_insert_default().push_str(&quoted);
            }
            Some('#') if word.is_none() => rest = "".chars(),
            Some(c) if !c.is_whitespace() && !matches!(c, '|' | '&' | ';' | '>') => {
                word.get_or_insert_default().push(c);
            }
            end => {
                if let Some(word) = word.take().filter(|_| !std::mem::take(&mut to_file))
                    && let Some(command) = commands.last_mut()
                {
                    command.push(word);
                }
                match end {
                    Some('|' | '&' | ';') => commands.push(Vec::new()),
                    Some('>') => to_file = true,
                    Some(_) => {}
                    None => return commands,
                }
            }
        }
    }
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
