//! Holds the floor plan: a module imports only from those above it in `src/lib.rs`, and what touches the outside world
//! (files, streams, the clock) stays in its place.
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// What only one place may use: the words, where they may stand, and whether tests may use them anywhere.
struct Reserved {
    words: &'static [&'static str],
    places: &'static [&'static str],
    tests_may: bool,
}

const RESERVED: [Reserved; 5] = [
    Reserved { words: &["anyhow"], places: &["app/"], tests_may: false },
    Reserved { words: &["serde_yaml"], places: &["scenario/tree.rs"], tests_may: false },
    Reserved {
        words: &["stdin", "stdout", "stderr", "print!", "println!", "eprint!", "eprintln!", "dbg!"],
        places: &["app/"],
        tests_may: true,
    },
    // A server writes its log, and the probe reads what the machine says.
    Reserved { words: &["fs", "File", "OpenOptions"], places: &["app/", "live/"], tests_may: true },
    Reserved { words: &["Instant", "SystemTime"], places: &["app/", "live/"], tests_may: true },
];

/// Neither of these may know the other, whichever stands first.
const STRANGERS: (&str, &str) = ("simulation", "live");

#[test]
fn the_floor_plan_holds() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let modules = modules(&read(&src.join("lib.rs")));
    assert!(modules.len() > 10, "{modules:?}");
    let mut wrong = Vec::new();
    let files = rust_files(&src);
    assert!(files.len() > modules.len(), "{files:?}");
    for file in files {
        let name = file.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
        wrong.extend(violations(&modules, &name, &read(&file)));
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The checker itself: made-up files, right and wrong.
#[test]
fn a_breach_is_found() {
    let modules: Vec<String> = ["units", "stats", "simulation", "live", "report", "app"].map(str::to_owned).into();
    let found = |file: &str, text: &str| violations(&modules, file, text);
    for (file, text) in [
        ("stats/mod.rs", "use crate::report::View;"),
        ("stats.rs", "fn f() { crate::app::main() }"),
        ("stats/deep/er.rs", "pub(crate) use crate::{\n    units::{Bytes, Rate},\n    report::{self, View},\n};"),
        ("stats/mod.rs", "use super::report::View;"),
        ("stats/deep/er.rs", "use super::super::super::report::View;"),
        ("stats/mod.rs", "use crate as everything;"),
        ("stats/mod.rs", "use crate::{self as everything};"),
        ("stats/mod.rs", "use crate::*;"),
        ("live/mod.rs", "use crate::simulation::run;"),
        ("simulation/mod.rs", "use crate::live::run;"),
        ("report/mod.rs", "fn f() -> anyhow::Result<()> { Ok(()) }"),
        ("report/mod.rs", "use serde_yaml as yaml;"),
        ("report/mod.rs", "use std::{fs, io};"),
        ("report/mod.rs", "fn f() { println!(\"{}\", '\"'); }"),
        ("report/mod.rs", "// \"\nfn f() { std::fs::read(\"x\"); }"),
        ("units.rs", "fn f(x: &'static str) { std::time::Instant::now(); }"),
        ("report/mod.rs", "#[cfg(test)]\nmod tests {}\nfn f() { println!(); }"),
        ("report/mod.rs", "#[cfg(not(test))]\nmod real { fn f() { println!(); } }"),
        ("report/mod.rs", "#[cfg(test)]\nmod tests;\nfn f() { println!(); }"),
        ("unlisted.rs", ""),
    ] {
        assert_eq!(found(file, text).len(), 1, "{file}: {text}\n{:?}", found(file, text));
    }
    for (file, text) in [
        (
            "report/mod.rs",
            "use crate::{units::Bytes, stats::Estimate};\nuse crate::report::json;\nuse super::units::Rate;",
        ),
        ("report/json.rs", "use super::super::units::Rate;\nuse super::app;"),
        ("stats/mod.rs", "//! See [`View`](crate::report::View).\n/* use crate::app; /* nested */ println!() */"),
        ("stats/mod.rs", "const A: &str = \"use crate::app; println!()\";\nconst B: &str = r#\"\"crate::app\"#;"),
        ("stats/mod.rs", "#[cfg(test)]\nmod tests { fn f() { println!(\"}\"); } }"),
        ("stats/tests.rs", "use crate::report::View;\nfn f() { println!(); }"),
        ("stats/mod.rs", "#[cfg(test)]\nmod tests { use crate::report::View; }"),
        ("app/mod.rs", "use anyhow::Context;\nfn f() { println!(); std::fs::read(\"x\"); Instant::now(); }"),
        ("live/mod.rs", "fn f() { Instant::now(); }"),
        ("main.rs", "fn main() { plimsoll::app::main() }"),
        ("lib.rs", "pub mod units;"),
    ] {
        assert_eq!(found(file, text), Vec::<String>::new(), "{file}: {text}");
    }
    assert_eq!(modules[..2], self::modules("//! pub mod not;\npub mod units;\npub mod stats;\nuse x;\n"));
}

/// The modules of `src/lib.rs`, top to bottom.
fn modules(lib: &str) -> Vec<String> {
    lib.lines()
        .filter_map(|line| line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod ")))
        .filter_map(|rest| rest.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// What a file of `src/` (named from there) does that it may not.
fn violations(modules: &[String], file: &str, text: &str) -> Vec<String> {
    if file == "main.rs" || file == "lib.rs" {
        return Vec::new();
    }
    let own = file.split('/').next().map(|first| first.trim_end_matches(".rs")).unwrap_or_default();
    let Some(rank) = modules.iter().position(|module| module == own) else {
        return vec![format!("src/{file}: `{own}` is not in src/lib.rs")];
    };
    let all = words(&without_text(text));
    let is_test = file.ends_with("/tests.rs") || file.contains("/tests/");
    // Tests draw random numbers to hold the formulas against, so they are not bound to the order.
    let shipped = if is_test { Vec::new() } else { without_tests(&all) };
    let mut wrong = Vec::new();
    for import in imports(&shipped, modules, depth(file)) {
        let strangers = (own == STRANGERS.0 && import == STRANGERS.1) || (own == STRANGERS.1 && import == STRANGERS.0);
        match modules.iter().position(|module| *module == import) {
            Some(above) if above <= rank && !strangers => {}
            _ => wrong.push(format!("src/{file}: `{own}` may not import `{import}`")),
        }
    }
    for reserved in &RESERVED {
        if reserved.places.iter().any(|place| file.starts_with(place)) {
            continue;
        }
        let used = if reserved.tests_may { &shipped } else { &all };
        for word in reserved.words {
            let name = word.trim_end_matches('!');
            let is_macro = word.ends_with('!');
            let found = used
                .iter()
                .enumerate()
                .any(|(at, found)| found == name && (!is_macro || used.get(at + 1).is_some_and(|next| next == "!")));
            if found {
                wrong.push(format!("src/{file}: `{word}` is for {} only", reserved.places.join(" and ")));
            }
        }
    }
    wrong
}

/// How far below the crate's root a file's module is.
fn depth(file: &str) -> usize {
    file.split('/').filter(|part| *part != "mod.rs").count()
}

/// The top-level modules that are named, from `crate::` or by as many `super::` as lead there. What takes in all of
/// the crate comes as `crate`.
fn imports(words: &[String], modules: &[String], depth: usize) -> Vec<String> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let mut found = Vec::new();
    for at in 0..words.len() {
        let mut next = at + 1;
        if word(at) == "super" && word(next) == "::" && word(at.wrapping_sub(1)) != "::" {
            let mut up = 1;
            while word(next) == "::" && word(next + 1) == "super" {
                next += 2;
                up += 1;
            }
            let names = if up == depth { listed(words, next + 1) } else { Vec::new() };
            found.extend(names.into_iter().filter(|name| modules.contains(name)));
        } else if word(at) == "crate" {
            match word(next) {
                "::" => found.extend(listed(words, next + 1)),
                // `pub(crate)`
                ")" => {}
                _ => found.push("crate".to_owned()),
            }
        }
    }
    found
}

/// The name here, or the first name of each item where a `{…}` list of them is here.
fn listed(words: &[String], at: usize) -> Vec<String> {
    let name = |word: &String| if word == "self" || word == "*" { "crate".to_owned() } else { word.clone() };
    if words.get(at).is_none_or(|word| word != "{") {
        return words.get(at).map(name).into_iter().collect();
    }
    let mut names = Vec::new();
    let mut open = 1;
    let mut first = true;
    for word in &words[at + 1..] {
        match word.as_str() {
            "{" => open += 1,
            "}" => open -= 1,
            "," if open == 1 => first = true,
            _ if first && open == 1 => {
                names.push(name(word));
                first = false;
            }
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    names
}

/// Without what stands in `#[cfg(test)] mod … { … }`.
fn without_tests(words: &[String]) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words[at..].len() >= MARK.len() && words[at..].iter().zip(MARK).all(|(word, mark)| word == mark) {
            let mut open = 0_usize;
            at += MARK.len();
            while at < words.len() {
                match words[at].as_str() {
                    "{" => open += 1,
                    "}" => open -= 1,
                    _ => {}
                }
                at += 1;
                if open == 0 && matches!(words[at - 1].as_str(), "}" | ";") {
                    break;
                }
            }
        } else {
            kept.push(words[at].clone());
            at += 1;
        }
    }
    kept
}

/// Names, `::`, and every other sign by itself.
fn words(code: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let length = if is_name(first) {
            rest.find(|c| !is_name(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        words.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    words
}

/// Code without comments and without what stands in quotes.
fn without_text(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let after_name = out.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let raw = rest.strip_prefix('r').filter(|_| !after_name || out.ends_with('b'));
        let hashes = raw.map_or(0, |raw| raw.len() - raw.trim_start_matches('#').len());
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if raw.is_some_and(|raw| raw[hashes..].starts_with('"')) {
            let open = 2 + hashes;
            let close = format!("\"{}", "#".repeat(hashes));
            rest[open..].find(&close).map_or(rest.len(), |end| open + end + close.len())
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            0
        };
        if skip == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.push(' ');
            rest = &rest[skip..];
        }
    }
    out
}

/// Whether the quote begins a character, not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut after = rest.chars().skip(1);
    after.next() == Some('\\') || after.next() == Some('\'')
}

/// The length of a quoted text, quotes included.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

/// The length of a comment, with those inside it.
fn block_comment(rest: &str) -> usize {
    let (mut at, mut open) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            open += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            open -= 1;
            at += 2;
            if open == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
