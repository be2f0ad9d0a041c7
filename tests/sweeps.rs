//! Sweeps that are cut short, cut into parts, or can't write: is the result still that of one plain run?
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{Ended, folder, home, now, program, run_in};
use serde_json::Value;

/// Quick to simulate, with figures of every kind.
const QUICK: &str = "
users: 500
workload: {message: {rate: 1/s, size: {exponential: 1 KB}}, session: {length: {exponential: 5 s}}}
servers: {connections: {comfortable: 300..500}}
slo: {latency: {p99: 100 ms}}
simulation: {duration: 2 s, replications: 2, seed: 3}
";

const VARY: [&str; 4] = ["--vary", "users=100..1_000 lin 4", "--vary", "latency.client=1 ms,{exponential: 5 ms},20 ms"];
/// So many points are that.
const POINTS: usize = 12;

fn place() -> PathBuf {
    let folder = folder();
    fs::write(folder.join("x.yaml"), QUICK).unwrap();
    folder
}

fn sweep(folder: &Path, more: &[&str]) -> Ended {
    run_in(folder, [&["sweep", "x.yaml", "--quiet"], &VARY[..], more].concat())
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[track_caller]
fn says(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for word in words {
        assert!(ended.stderr.contains(word), "no {word:?} in {}", ended.stderr);
    }
}

#[test]
fn parts_merged_are_the_plain_sweep() {
    let folder = place();
    let plain = sweep(&folder, &["--format", "json"]).well().stdout;
    let table = sweep(&folder, &[]).well().stdout;
    for part in 1..=5 {
        let file = format!("part-{part}.jsonl");
        let partition = format!("{part}/5");
        let ended = sweep(&folder, &["--partition", &partition, "--out", &file, "--format", "json"]).well().json();
        assert_eq!(ended["points"].as_array().unwrap().len(), if part <= 2 { 3 } else { 2 });
        assert_eq!(ended["partition"], serde_json::json!({ "part": part, "parts": 5 }));
    }
    // In any order.
    let files = ["part-4.jsonl", "part-1.jsonl", "part-2.jsonl", "part-5.jsonl", "part-3.jsonl"];
    let merged = |more: &[&str]| run_in(&folder, [&["merge"], &files[..], more].concat());
    assert!(merged(&["--format", "json"]).well().stdout == plain, "the same bytes");
    assert_eq!(merged(&[]).well().stdout, table);

    let missing = run_in(&folder, [&["merge"], &files[..4]].concat());
    says(&missing, 2, &["2 of 12 points missing: point 3 (users=100, latency.client=20 ms), 8 (users=700, "]);
    let twice = merged(&["part-2.jsonl"]);
    says(&twice, 2, &["there twice: point 2 (users=100, latency.client={exponential: 5 ms}) in `part-2.jsonl`"]);
}

#[test]
fn a_merged_sweep_has_the_verdict_of_all_its_parts() {
    let folder = place();
    let slow = ["--set", "slo.latency.p99=30 ms", "--fail-on", "slo"];
    let exit = |more: &[&str]| sweep(&folder, &[&slow[..], more].concat()).code;
    assert_eq!(exit(&["--out", "all.jsonl"]), Some(1));
    assert_eq!(exit(&["--out", "all.jsonl", "--resume"]), Some(1), "what was kept counts");
    assert_eq!(run_in(&folder, ["merge", "all.jsonl", "--fail-on", "slo"]).code, Some(1));
    assert_eq!(run_in(&folder, ["merge", "all.jsonl"]).code, Some(0));
}

/// Really killed, so that nothing can be tidied up.
#[test]
fn a_killed_sweep_goes_on_where_it_was() {
    let folder = place();
    // Half a second each, so that it is killed among them.
    let long = ["--set", "users=20k", "--set", "workload.message.rate=20/s", "--threads", "2", "--format", "json"];
    let vary = ["--vary", "latency.client=1..10 ms lin 10"];
    let all = [&["sweep", "x.yaml", "--quiet"], &vary[..], &long].concat();
    let plain = run_in(&folder, all.clone()).well().stdout;
    let file = folder.join("out.jsonl");
    let kept = [&all[..], &["--out", "out.jsonl"]].concat();
    let mut child =
        program().current_dir(&folder).args(&kept).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = now();
    while lines(&file).len() < 4 {
        assert!(start.elapsed() < Duration::from_secs(120), "{:?}", child.try_wait());
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = lines(&file);
    assert!(before.len() < 11, "it was killed before its end: {} lines", before.len());

    // Without being asked it does not go on, and does not begin anew.
    says(&run_in(&folder, kept.clone()), 2, &["already a file `out.jsonl`", "--resume"]);
    assert_eq!(lines(&file), before);

    // The last line may be half written; here it surely is.
    let mut text = fs::read(&file).unwrap();
    text.truncate(text.len() - 100);
    fs::write(&file, &text).unwrap();
    let resumed = run_in(&folder, [&kept[..], &["--resume"]].concat()).well();
    assert!(resumed.stdout == plain, "the same bytes");
    let after = lines(&file);
    let whole = before.len() - 1;
    assert_eq!(after[..whole], before[..whole], "what was finished is not done again");
    assert_eq!(after.len(), 11);
    assert!(run_in(&folder, ["merge", "out.jsonl", "--format", "json"]).well().stdout == plain);
}

#[test]
fn only_the_same_sweep_goes_on() {
    let folder = place();
    sweep(&folder, &["--estimate", "--out", "out.jsonl"]).well();
    let text = fs::read_to_string(folder.join("out.jsonl")).unwrap();
    let again = |more: &[&str]| sweep(&folder, &[&["--out", "out.jsonl", "--resume"], more].concat());
    let from_here: [(&[&str], &str); 5] = [
        (&["--estimate", "--seed", "4"], "seed 3 there, 4 here"),
        (&["--estimate", "--set", "servers.cores=8"], "scenario hash "),
        (&[], "points are estimates there, simulations here"),
        (&["--estimate", "--vary", "servers.cores=1,2"], "varied users="),
        (&["--estimate", "--partition", "1/2"], "part 1 of 1 there, part 1 of 2 here"),
    ];
    for (more, difference) in from_here {
        says(&again(more), 2, &["`out.jsonl` is of another sweep: ", difference]);
    }
    assert_eq!(fs::read_to_string(folder.join("out.jsonl")).unwrap(), text, "it is left alone");
    let version = format!("\"plimsoll_sweep\":\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&version), "{}", &text[..200]);
    fs::write(folder.join("out.jsonl"), text.replacen(&version, "\"plimsoll_sweep\":\"0.0.1\"", 1)).unwrap();
    says(&again(&["--estimate"]), 2, &["program version 0.0.1 there"]);

    // Another sweep's file among the parts.
    fs::write(folder.join("out.jsonl"), &text).unwrap();
    sweep(&folder, &["--estimate", "--seed", "4", "--out", "other.jsonl"]).well();
    let merged = run_in(&folder, ["merge", "out.jsonl", "other.jsonl"]);
    says(&merged, 2, &["different sweeps: seed 4 in `other.jsonl`, 3 in `out.jsonl`"]);

    // What is no such file, and what something else wrote to.
    let lines: Vec<&str> = text.lines().collect();
    for (wrong, line) in [
        ("users: 100\n".to_owned(), 1),
        ("{}\n".to_owned(), 1),
        (format!("{}\n{}\n{}\n", lines[0], lines[1], lines[1]), 3),
        (format!("{}\n{}\n", lines[0], lines[1].replacen("\"point\":", "\"point\":99", 1)), 2),
        (format!("{}\n{}\n{}\n", lines[0], &lines[1][..50], lines[2]), 2),
    ] {
        fs::write(folder.join("out.jsonl"), &wrong).unwrap();
        says(&again(&["--estimate"]), 2, &[&format!("line {line} of `out.jsonl`")]);
        says(&run_in(&folder, ["merge", "out.jsonl"]), 2, &[&format!("line {line} of `out.jsonl`")]);
        assert_eq!(fs::read_to_string(folder.join("out.jsonl")).unwrap(), wrong, "it is left alone");
    }
    // What was killed before its first line was finished is begun anew.
    fs::write(folder.join("out.jsonl"), &lines[0][..60]).unwrap();
    again(&["--estimate"]).well();
    assert_eq!(fs::read_to_string(folder.join("out.jsonl")).unwrap().lines().count(), POINTS + 1);
}

#[test]
fn two_runs_do_not_write_to_one_file() {
    let folder = place();
    let long = ["sweep", "x.yaml", "--vary", "users=5M,6M", "--set", "simulation.mode=every-message"];
    let mut child = program()
        .current_dir(&folder)
        .args([&long[..], &["--out", "out.jsonl"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while lines(&folder.join("out.jsonl")).is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    let other = run_in(&folder, [&long[..], &["--out", "out.jsonl", "--resume"]].concat());
    child.kill().unwrap();
    child.wait().unwrap();
    says(&other, 2, &["another run is writing to `out.jsonl`"]);
}

/// The disk is full in the middle of a line: what was finished before is there, and goes on when there is room.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing_that_was_finished() {
    let folder = place();
    let plain = sweep(&folder, &["--format", "json", "--out", "all.jsonl"]).well().stdout;
    // Half of what it takes, in blocks of 512 bytes.
    let room = fs::metadata(folder.join("all.jsonl")).unwrap().len() / 1024;
    let command = format!("ulimit -f {room}; trap '' XFSZ; exec \"$@\"");
    let limited = Command::new("sh")
        .current_dir(&folder)
        .args(["-c", &command, "sh", env!("CARGO_BIN_EXE_plimsoll"), "sweep", "x.yaml", "--quiet", "--format", "json"])
        .args(VARY)
        .args(["--threads", "1", "--out", "out.jsonl"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(limited.stderr).unwrap();
    assert_eq!(limited.status.code(), Some(3), "{stderr}");
    assert!(stderr.starts_with("error: `out.jsonl` can't be written: "), "{stderr}");
    let shown: Value = serde_json::from_slice(&limited.stdout).unwrap();
    assert_eq!(shown["complete"], false, "what was finished is shown");
    let text = fs::read_to_string(folder.join("out.jsonl")).unwrap();
    assert!(!text.ends_with('\n') && text.lines().count() > 2, "it ends in half a line");
    let resumed = sweep(&folder, &["--format", "json", "--out", "out.jsonl", "--resume"]).well();
    assert!(resumed.stdout == plain, "the same bytes");
}

#[cfg(target_os = "linux")]
#[test]
fn where_nothing_can_be_written_it_is_said_at_once() {
    let folder = place();
    for (path, reason) in [
        ("/dev/full", "No space left on device"),
        ("/sys/out.jsonl", "Permission denied"),
        ("no/such/folder.jsonl", "No such file or directory"),
    ] {
        let ended = sweep(&folder, &["--out", path]);
        says(&ended, 3, &[&format!("error: `{path}` can't be written: {reason}")]);
        assert_eq!(ended.stdout, "");
    }
    says(&sweep(&folder, &["--out", "."]), 2, &["`.` is a folder"]);
    says(&sweep(&folder, &["--resume"]), 2, &["--out"]);

    // The result can't be shown, but it is in the file.
    let full = fs::File::create("/dev/full").unwrap();
    let all = [&["sweep", "x.yaml", "--estimate", "--out", "out.jsonl"], &VARY[..]].concat();
    let status = program().current_dir(&folder).args(all).stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(3));
    assert_eq!(lines(&folder.join("out.jsonl")).len(), POINTS + 1);
}

#[test]
fn ctrl_c_leaves_what_is_finished_in_the_file() {
    let folder = place();
    let all = ["sweep", "x.yaml", "--threads", "2", "--out", "out.jsonl", "--set", "simulation.mode=every-message"];
    let child = program()
        .current_dir(&folder)
        .args([&all[..], &["--set", "simulation.replications=20", "--vary", "users=100,200,50M,60M"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = now();
    while lines(&folder.join("out.jsonl")).len() < 3 {
        assert!(start.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let merged = run_in(&folder, ["merge", "out.jsonl"]);
    says(&merged, 2, &["2 of 4 points missing: point 3 (users=50M), 4 (users=60M)", "--resume"]);
}

#[test]
fn an_estimated_point_is_what_estimate_says_there() {
    let folder = place();
    let json = sweep(&folder, &["--estimate", "--format", "json"]).well().json();
    let set = ["--set", "latency.client=20 ms", "--users", "400", "--format", "json"];
    let alone = run_in(&folder, [&["estimate", "x.yaml"], &set[..]].concat()).well().json();
    assert_eq!(json["points"][5]["vary"], serde_json::json!({ "users": 400, "latency.client": "20 ms" }));
    assert_eq!(json["points"][5]["result"], alone);
    assert!(json["points"][0]["result"].get("simulation").is_none());
    says(&sweep(&folder, &["--estimate", "--fail-on", "slo"]), 2, &["`--fail-on slo` needs a simulation"]);
    for partition in ["0/3", "4/3", "3", "a/b", "1/0"] {
        says(&sweep(&folder, &["--partition", partition]), 2, &["such as `2/4`"]);
    }
}

#[test]
fn a_file_may_have_ranges_too() {
    let folder = place();
    let vary = |text: &str| {
        fs::write(folder.join("y.yaml"), format!("{QUICK}sweep: {{{text}}}\n")).unwrap();
        run_in(&folder, ["sweep", "y.yaml", "--estimate", "--format", "json"])
    };
    let json = vary("users: 100..100M log 7").well().json();
    let users: Vec<u64> =
        json["points"].as_array().unwrap().iter().map(|point| point["vary"]["users"].as_u64().unwrap()).collect();
    assert_eq!(users, [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]);
    says(&vary("users: 100..100M"), 2, &["how many values", "log 5"]);
    says(&vary("users: 100..100M log 0"), 2, &["how many values"]);
}

/// The block of docs/sweeps.md that starts so.
fn block(start: &str) -> String {
    let text = fs::read_to_string(home().join("docs/sweeps.md")).unwrap();
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("docs/sweeps.md has no block {start:?}"));
    rest.split_once("```").unwrap().0.to_owned()
}

/// A folder with the scenario of docs/sweeps.md, and what its sweep prints.
fn documented() -> (PathBuf, String) {
    let folder = folder();
    let scenario = format!("users: 10_000\n{}", block("```yaml\nusers: 10_000\n"));
    fs::write(folder.join("grid.yaml"), scenario).unwrap();
    let plain = run_in(&folder, ["sweep", "grid.yaml", "--quiet"]).well().stdout;
    (folder, plain)
}

/// A shell that finds the program.
fn shell(folder: &Path, script: &str) -> Command {
    let here = Path::new(env!("CARGO_BIN_EXE_plimsoll")).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([here].into_iter().chain(std::env::split_paths(&others))).unwrap();
    let mut shell = Command::new("sh");
    shell.current_dir(folder).env("PATH", path).args(["-euc", script]).stdin(Stdio::null());
    shell
}

#[track_caller]
fn merges_to(folder: &Path, plain: &str) {
    let parts = ["part-1.jsonl", "part-2.jsonl", "part-3.jsonl", "part-4.jsonl"];
    assert_eq!(run_in(folder, [&["merge"], &parts[..]].concat()).well().stdout, plain);
}

/// Only where GNU parallel is: `.ci/run` sees to it.
#[test]
fn gnu_parallel_shares_a_sweep_as_the_manual_says() {
    if !Command::new("parallel").arg("--version").output().is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "no GNU parallel, which `.ci/run` installs");
        return;
    }
    let (folder, plain) = documented();
    let output = shell(&folder, &block("```sh parallel\n")).env("HOME", &folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), plain);
    merges_to(&folder, &plain);
}

#[test]
fn the_job_script_of_the_manual_does_its_part() {
    let (folder, plain) = documented();
    for task in 1..=4 {
        let output =
            shell(&folder, &block("```sh slurm\n")).env("SLURM_ARRAY_TASK_ID", task.to_string()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    merges_to(&folder, &plain);
}

#[test]
fn the_manifest_of_the_manual_does_its_part() {
    let (folder, plain) = documented();
    let job: Value = serde_yaml::from_str(&block("```yaml kubernetes\n")).unwrap();
    assert_eq!((&job["kind"], &job["spec"]["completionMode"]), (&"Job".into(), &"Indexed".into()));
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["command"], serde_json::json!(["sh", "-c"]));
    let script = container["args"][0].as_str().unwrap().replace("/scenario/", "");
    let pods = job["spec"]["completions"].as_u64().unwrap();
    for index in 0..pods {
        let output = shell(&folder, &script).env("JOB_COMPLETION_INDEX", index.to_string()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    merges_to(&folder, &plain);
}
