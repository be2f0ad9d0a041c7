//! What does a person see on a terminal: colour, lines that fit, and nothing of either elsewhere?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use std::fs::File;
use std::io::Read as _;
use std::process::Command;

use common::{program, run};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// What the program prints on a terminal of so many columns.
fn on_terminal(columns: u16, change: impl Fn(&mut Command) -> &mut Command) -> String {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let mut command = program();
    command.env("TERM", "xterm-256color");
    change(&mut command).stdout(terminal.try_clone().unwrap()).stderr(terminal);
    let mut child = command.spawn().unwrap();
    // Its ends of the terminal are open here too, until then.
    drop(command);
    let mut bytes = Vec::new();
    let mut controller = File::from(controller);
    // When nobody holds the other end any more, reading is an error on Linux.
    let mut part = [0; 4096];
    while let Ok(read @ 1..) = controller.read(&mut part) {
        bytes.extend_from_slice(&part[..read]);
    }
    child.wait().unwrap();
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

const ESTIMATE: [&str; 2] = ["estimate", "scenarios/chat-10k.yaml"];

fn estimate(columns: u16) -> String {
    on_terminal(columns, |command| command.current_dir(common::home()).args(ESTIMATE))
}

#[test]
fn a_terminal_has_colour_and_the_same_words() {
    let seen = estimate(100);
    assert!(seen.contains("\u{1b}[1m"), "no colour:\n{seen}");
    assert_eq!(plain(&seen), run(ESTIMATE).well().stdout);
}

#[test]
fn who_wants_no_colour_gets_none() {
    let piped = run(ESTIMATE).well().stdout;
    assert!(!piped.contains('\u{1b}'));
    let home = common::home();
    let without = |set: &dyn Fn(&mut Command) -> &mut Command| {
        on_terminal(100, |command| {
            set(command.current_dir(home).args(ESTIMATE));
            command
        })
    };
    assert_eq!(without(&|command| command.env("NO_COLOR", "1")), piped);
    assert_eq!(without(&|command| command.args(["--color", "never"])), piped);
    assert_eq!(without(&|command| command.env_remove("CI").env("TERM", "dumb")), piped);
    assert!(without(&|command| command.env("NO_COLOR", "")).contains('\u{1b}'), "an empty NO_COLOR is none");
}

#[test]
fn who_wants_colour_in_a_pipe_gets_it() {
    let piped = run(ESTIMATE).well().stdout;
    let always = run([&["--color", "always"][..], &ESTIMATE].concat()).well().stdout;
    assert!(always.contains('\u{1b}'));
    assert_eq!(plain(&always), piped);
    let forced = program().env("CLICOLOR_FORCE", "1").current_dir(common::home()).args(ESTIMATE).output().unwrap();
    assert_eq!(String::from_utf8(forced.stdout).unwrap(), always);
    // What programs read never has any.
    let json = run([&ESTIMATE[..], &["--color", "always", "--format", "json"]].concat()).well();
    assert!(!json.stdout.contains('\u{1b}') && json.json().is_object());
}

#[test]
fn messages_have_colour_on_a_terminal() {
    let seen = on_terminal(80, |command| command.args(["estimate", "none.yaml"]));
    assert!(seen.contains("\u{1b}[1m\u{1b}[31merror:"), "{seen:?}");
    assert_eq!(plain(&seen), run(["estimate", "none.yaml"]).stderr);
    let usage = on_terminal(80, |command| command.args(["estimate", "--none"]));
    assert!(usage.contains('\u{1b}'), "{usage:?}");
    let usage = on_terminal(80, |command| command.args(["estimate", "--none", "--color=never"]));
    assert!(!usage.contains('\u{1b}'), "{usage:?}");
}

/// All of what is shown fits, and no word is lost.
#[test]
fn reports_fit_narrow_terminals() {
    let words = |text: &str| {
        let letters = |c: &char| !c.is_whitespace() && *c != '-' && *c != '\u{b7}';
        let mut all: Vec<char> = text.chars().filter(letters).collect();
        all.sort_unstable();
        all
    };
    let commands: [&[&str]; 4] = [
        &ESTIMATE,
        &["simulate", "scenarios/chat-10k.yaml", "--set", "simulation.duration=1 s", "--quiet"],
        &["check", "scenarios/chat-10k.yaml", "--servers", "2", "--storage", "3.6 GB/hour"],
        &[
            "compare",
            "scenarios/chat-10k.yaml",
            "--with",
            "compression=deflate",
            "--quiet",
            "--set",
            "simulation.duration=1 s",
        ],
    ];
    for command in commands {
        let piped = run(command).stdout;
        for columns in [60, 80, 100, 160] {
            let seen = on_terminal(columns, |program| program.current_dir(common::home()).args(command));
            let seen = plain(&seen);
            let (shown, all) = (words(&seen), words(&piped));
            if columns >= 80 {
                assert_eq!(shown, all, "{columns} columns:\n{seen}");
            }
            // A table may come in parts there, each with the first column.
            let mut rest = shown.iter();
            assert!(all.iter().all(|wanted| rest.any(|found| found == wanted)), "{columns} columns:\n{seen}");
            for line in seen.lines() {
                assert!(line.chars().count() <= usize::from(columns), "{columns} columns:\n{seen}\n{line}");
            }
        }
    }
}

#[test]
fn the_bar_is_on_the_terminal_and_can_be_switched_off() {
    let long = |more: &[&str]| {
        let file = ["simulate", "scenarios/chat-10k.yaml", "--users", "1M", "--set", "simulation.replications=1"];
        let size = ["--set", "simulation.mode=every-message", "--set", "simulation.duration=200 s"];
        let all = [&file[..], &size, more].concat();
        on_terminal(100, |command| command.current_dir(common::home()).args(&all))
    };
    let seen = long(&[]);
    assert!(seen.contains(" messages  ") && seen.contains("s left"), "no bar:\n{seen:?}");
    let quiet = long(&["--quiet"]);
    assert!(!quiet.contains(" messages  ") && !quiet.contains('\r'), "{quiet:?}");
}

#[test]
fn verbose_says_what_was_done_and_changes_no_result() {
    let command = ["simulate", "scenarios/chat-10k.yaml", "--set", "simulation.duration=1 s"];
    let plain = run(command).well();
    let verbose = run([&command[..], &["-v"]].concat()).well();
    assert_eq!((verbose.stdout, plain.stderr.as_str()), (plain.stdout, ""));
    let said: Vec<&str> = verbose.stderr.lines().map(|line| line.split_once(" s  ").unwrap().1).collect();
    assert_eq!(said.len(), 4, "{}", verbose.stderr);
    assert_eq!(said[0], "read scenarios/chat-10k.yaml");
    assert!(said[1].starts_with("computed the closed form") && said[2].starts_with("simulated "), "{said:?}");
    assert_eq!(said[3], "in all");
}
