//! Is the help true: do its examples run, and do completions and manual pages know every command?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;
#[path = "common/shell.rs"]
mod shell;

use std::fs;

use clap::{CommandFactory as _, Parser as _};
use common::{folder, run, run_in};
use plimsoll::cli::Cli;

/// Commands whose examples need a server, minutes, or a file of one's own: they are only held to what can be typed.
const ONLY_PARSED: [(&str, &str); 8] = [
    ("explore", "runs until it is stopped; tests/explore.rs runs it"),
    ("serve", "runs until it is stopped; tests/serve.rs runs it"),
    ("broker", "runs until it is stopped; tests/linked.rs runs it"),
    ("drive", "needs a server; tests/drive.rs runs it"),
    ("calibrate", "measures for minutes; tests/calibrate.rs runs it"),
    ("validate", "measures for minutes; tests/validate.rs and tests/live.rs run it"),
    ("line", "thirty simulations of the template; tests/line.rs runs it"),
    ("plan", "a hundred simulations of the template; tests/plan.rs runs it"),
];

/// The commands that a person sees.
fn commands() -> Vec<String> {
    let command = Cli::command();
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    assert!(names.len() > 12, "{names:?}");
    names
}

/// The lines of the examples that help ends with, without what explains them.
fn examples(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| !line.starts_with("Example")).skip(1);
    lines.take_while(|line| line.starts_with("  plimsoll ")).map(|line| line.trim().to_owned()).collect()
}

/// An example's arguments, without the words in the last column.
fn arguments(example: &str) -> Vec<String> {
    let command = example.split("    ").next().unwrap();
    let calls = shell::calls(command);
    calls.into_iter().next().unwrap_or_else(|| panic!("no call in: {example}"))
}

#[test]
fn every_command_has_examples_that_run() {
    let folder = folder();
    let mut all = vec![("plimsoll".to_owned(), run(["--help"]).well().stdout)];
    all.extend(commands().into_iter().map(|name| {
        let help = run([&name, "--help"]).well().stdout;
        (name, help)
    }));
    for (name, help) in all {
        let examples = examples(&help);
        assert!(!examples.is_empty(), "`plimsoll {name} --help` has no examples:\n{help}");
        for example in examples {
            let arguments = arguments(&example);
            let command = ["plimsoll".to_owned()].into_iter().chain(arguments.iter().cloned());
            Cli::try_parse_from(command).unwrap_or_else(|error| panic!("{example}\n{error}"));
            if ONLY_PARSED.iter().any(|(only, _)| arguments[0] == *only) {
                continue;
            }
            if arguments[0] == "new" && folder.join(format!("{}.yaml", arguments[1])).exists() {
                continue;
            }
            // The runs of examples are as long as they are typed; the scenario they are of is short.
            let ended = run_in(&folder, &arguments);
            let may_be_wrong = ["check", "compare", "simulate"].contains(&arguments[0].as_str());
            let well = ended.code == Some(0) || may_be_wrong && matches!(ended.code, Some(1 | 4));
            assert!(well, "{example}\n{}{}", ended.stdout, ended.stderr);
            if arguments[0] == "new" {
                shorten(&folder.join(format!("{}.yaml", arguments[1])));
            }
        }
    }
}

/// Makes a scenario's simulation short.
fn shorten(file: &std::path::Path) {
    let text = fs::read_to_string(file).unwrap();
    if !text.contains("\nsimulation:") {
        fs::write(file, text + "\nsimulation: {duration: 2 s, replications: 2}\n").unwrap();
    }
}

#[test]
fn shells_and_manual_pages_know_every_command() {
    let folder = folder();
    run_in(&folder, ["man", "--out", "man1"]).well();
    let page = run(["man"]).well().stdout;
    assert!(page.starts_with(".ie") && page.contains("plimsoll"), "{page}");
    let bash = run(["completions", "bash"]).well().stdout;
    let shells = ["zsh", "fish", "elvish", "powershell"].map(|shell| run(["completions", shell]).well().stdout);
    for command in commands() {
        let page = fs::read_to_string(folder.join(format!("man1/plimsoll-{command}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && page.contains("Example"), "{command}: {page}");
        assert!(
            bash.contains(&format!("plimsoll__subcmd__{command}")) || bash.contains(&format!("plimsoll,{command}")),
            "{command}"
        );
        assert!(shells.iter().all(|text| text.contains(&command)), "{command}");
    }
}

/// A shell reads its completions without a complaint, and offers what there is.
#[test]
fn bash_completes() {
    let folder = folder();
    fs::write(folder.join("completions"), run(["completions", "bash"]).well().stdout).unwrap();
    let script = "source completions; COMP_WORDS=(plimsoll est); COMP_CWORD=1; _plimsoll plimsoll est plimsoll; \
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = std::process::Command::new("bash").args(["-c", script]).current_dir(&folder).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "estimate",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_folder_that_is_none_is_said_and_ends_with_3() {
    let folder = folder();
    fs::write(folder.join("file"), "").unwrap();
    let ended = run_in(&folder, ["man", "--out", "file/man1"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("file/man1"), "{}", ended.stderr);
}
