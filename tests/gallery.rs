//! Is the gallery in `reports/` what the program writes today? `GALLERY=write cargo test --release --test gallery` makes it
//! again.
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use common::{folder, home, run};

/// A report of the gallery: its folder, what it shows, the command, and the pictures in the index.
struct Shown {
    name: &'static str,
    about: &'static str,
    command: &'static [&'static str],
    pictures: [&'static str; 2],
}

const GALLERY: [Shown; 5] = [
    Shown {
        name: "chat-10k",
        about: "Ten thousand users of a chat: connection slots give way first, long before the traffic does.",
        command: &["simulate", "scenarios/chat-10k.yaml"],
        pictures: ["topology", "saturation"],
    },
    Shown {
        name: "reconnect-storm",
        about: "A server crashes, its users come back all at once, and the others have to take them.",
        command: &["simulate", "scenarios/reconnect-storm.yaml"],
        pictures: ["time-connections", "time-attempts"],
    },
    Shown {
        name: "rooms-1m",
        about: "A million users in rooms, with servers linked by a broker: each message in is many out.",
        command: &["estimate", "scenarios/rooms-1m.yaml"],
        pictures: ["topology", "load-latency"],
    },
    Shown {
        name: "ladder",
        about: "From a hundred users to a hundred million.",
        command: &["sweep", "scenarios/ladder.yaml", "--estimate"],
        pictures: ["sweep-servers-required", "sweep-egress-bytes-per-second"],
    },
    Shown {
        name: "lean-wire",
        about: "What compression gives, and what it takes.",
        command: &[
            "compare",
            "scenarios/lean-wire.yaml",
            "--with",
            "protocol.compression=none",
            "--set",
            "simulation.duration=5 s",
        ],
        pictures: ["changes-1", "changes-1"],
    },
];

#[test]
fn the_gallery_is_fresh() {
    let made = folder();
    for shown in &GALLERY {
        let report = format!("--report={}", made.display());
        let ended = run([shown.command, &["--quiet", &report]].concat());
        assert_eq!(ended.code, Some(0), "{}: {}{}", shown.name, ended.stdout, ended.stderr);
        keep_small(&made.join(shown.name));
    }
    fs::write(made.join("README.md"), index()).unwrap();
    let place = home().join("reports");
    if std::env::var("GALLERY").is_ok_and(|wish| wish == "write") {
        for shown in &GALLERY {
            let _ = fs::remove_dir_all(place.join(shown.name));
            copy(&made.join(shown.name), &place.join(shown.name));
        }
        fs::copy(made.join("README.md"), place.join("README.md")).unwrap();
    }
    let mut size = 0;
    for name in GALLERY.iter().map(|shown| shown.name).chain(["README.md"]) {
        size += same(&made.join(name), &place.join(name));
    }
    assert!(size < 2_000_000, "{size} bytes are too many for a repository");
}

/// A page, its Markdown and the pictures in that: the rest is for those who make a report themselves.
fn keep_small(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kept = path.extension().is_some_and(|ending| ["html", "md", "svg"].iter().any(|kept| ending == *kept));
        if !kept {
            fs::remove_file(path).unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Fails where two files or folders differ; their size.
fn same(made: &Path, kept: &Path) -> usize {
    const HELP: &str = "run `GALLERY=write cargo test --release --test gallery`";
    if made.is_dir() {
        let names = |folder: &Path| {
            let entries = fs::read_dir(folder).unwrap_or_else(|_| panic!("no {}: {HELP}", folder.display()));
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let all = names(made);
        assert_eq!(all, names(kept), "{}: {HELP}", kept.display());
        return all.iter().map(|name| same(&made.join(name), &kept.join(name))).sum();
    }
    let bytes = fs::read(made).unwrap();
    assert!(fs::read(kept).is_ok_and(|kept| kept == bytes), "{} is out of date: {HELP}", kept.display());
    bytes.len()
}

fn index() -> String {
    let mut out = "# Reports\n\nWhat `--report` writes here is a folder for each scenario; [docs/reports.md](../docs/reports.md) says what is in it.\nThese, of shipped scenarios, are checked in (pages, Markdown and its pictures). Download a page to open it; the Markdown shows here.\n\n".to_owned();
    for shown in &GALLERY {
        let Shown { name, about, command, pictures } = shown;
        let _ = write!(
            out,
            "## {name}\n\n{about} [Markdown]({name}/report.md), [page]({name}/report.html)\n\n    plimsoll {} --report\n\n",
            command.join(" ")
        );
        let mut all = pictures.to_vec();
        all.dedup();
        for picture in all {
            let _ = writeln!(out, "![{}]({name}/{picture}.svg)", picture.replace('-', " "));
        }
        out.push('\n');
    }
    out + "Made by\n\n    GALLERY=write cargo test --release --test gallery\n\n`validation/` has measurements of real servers beside what the model predicted: see [docs/validation.md](../docs/validation.md).\n"
}
