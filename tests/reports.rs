//! Are reports whole, the same every time, harmless whatever a scenario is called, and readable by what they are for?
#![allow(clippy::case_sensitive_file_extension_comparisons, reason = "the names are the program's own")]
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::{Ended, folder, run, run_in, scenario, shipped};

const SMALL: &str = "
name: small
users: 2_000
workload:
  message: {rate: 1/s, size: 1 KB}
  reconnect: {backoff: {exponential: 1 s}, jitter: full}
servers:
  connections: {comfortable: 3_000..5_000, limit: 20_000}
slo: {latency: {p99: 200 ms}, dropped: 0.1 %}
simulation: {duration: 4 s, replications: 2, seed: 7}
";
const SHORT: [&str; 3] = ["--set=simulation.duration=2 s", "--set=simulation.replications=2", "--quiet"];
/// Nothing that a page could load begins like this.
const LOADING: [&str; 9] =
    ["src=", "url(", "@import", "<link", "<iframe", "<object", "<embed", "fetch(", "XMLHttpRequest"];

fn report(file: &Path, into: &Path, arguments: &[&str]) -> Ended {
    let file = file.to_str().unwrap();
    let report = format!("--report={}", into.display());
    let (command, rest) = arguments.split_first().unwrap();
    run([&[*command, file, "--quiet", &report], rest].concat())
}

/// All files of a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn text(files: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    let bytes = files.get(name).unwrap_or_else(|| panic!("no {name} among {:?}", files.keys()));
    String::from_utf8(bytes.clone()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_report_has_all_its_files() {
    let into = folder();
    let file = scenario(SMALL);
    let ended = report(&file, &into, &["simulate"]).well();
    assert!(ended.stdout.contains("First to give way"), "the result is printed too: {}", ended.stdout);
    let found = files(&into.join("small"));
    for name in ["report.html", "report.md", "report.json", "junit.xml", "scenario.yaml", "figures.csv", "latency.csv"]
    {
        assert!(found.contains_key(name), "no {name} among {:?}", found.keys());
    }
    for chart in
        ["topology", "saturation", "load-latency", "percentiles", "stations", "time-latency", "sensitivity-users"]
    {
        assert!(text(&found, &format!("{chart}.svg")).starts_with("<svg "), "{chart}");
        assert!(found[&format!("{chart}.png")].starts_with(b"\x89PNG\r\n"), "{chart}");
        assert!(text(&found, "report.md").contains(&format!("({chart}.svg)")), "{chart}");
    }
    let printed = run(["simulate", file.to_str().unwrap(), "--format", "json", "--quiet"]).well().stdout;
    assert_eq!(text(&found, "report.json"), printed, "report.json is what --format json prints");
    assert_eq!(text(&found, "scenario.yaml"), SMALL, "the scenario is there as it was");
    let html = text(&found, "report.html");
    assert!(html.contains("plimsoll simulate scenario.yaml"), "how to make it again");
    assert!(
        !html.contains(into.to_str().unwrap()) && !html.contains(file.to_str().unwrap()),
        "no path of this machine"
    );
}

#[test]
fn every_command_writes_one() {
    let file = scenario(SMALL);
    let other = scenario(&SMALL.replace("1 KB", "2 KB"));
    let measured = folder().join("m.csv");
    fs::write(&measured, "throughput_per_second,cpu_utilisation\n1000,0.3\n2000,0.5\n").unwrap();
    let measured = format!("--measured={}", measured.display());
    let commands: [&[&str]; 8] = [
        &["estimate"],
        &["simulate"],
        &["sweep", "--vary", "users=100,1k,10k"],
        &["compare", other.to_str().unwrap(), "--with", "protocol.compression=deflate"],
        &["plan", "--set", "simulation.duration=2 s"],
        &["line", "--set", "simulation.duration=2 s"],
        &["check", "--servers", "1", "--storage", "1 GB/hour"],
        &["validate", &measured],
    ];
    for command in commands {
        let into = folder();
        let ended = report(&file, &into, command);
        assert!(matches!(ended.code, Some(0 | 1 | 4)), "{command:?}: {}{}", ended.stdout, ended.stderr);
        let found = files(&into.join("small"));
        let html = text(&found, "report.html");
        assert!(html.contains("<h1>small</h1>") && html.contains("class=\"verdict"), "{command:?}");
        assert!(html.contains(&format!("plimsoll {} scenario.yaml", command[0])), "{command:?}");
        assert!(text(&found, "report.md").contains("small"), "{command:?}");
        serde_json::from_slice::<serde_json::Value>(&found["report.json"]).unwrap();
        assert!(found.keys().any(|name| name.ends_with(".csv")), "{command:?}: {:?}", found.keys());
        for (name, bytes) in &found {
            if name.ends_with(".csv") {
                let mut reader = csv::Reader::from_reader(bytes.as_slice());
                let rows = reader.records().inspect(|row| assert!(row.is_ok(), "{name}: {row:?}")).count();
                assert!(rows > 0, "{command:?}: {name} has no row");
            }
        }
    }
}

#[test]
fn formats_print_what_they_say() {
    let file = scenario(SMALL);
    let file = file.to_str().unwrap();
    let csv = run(["simulate", file, "--quiet", "--format", "csv"]).well().stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap(), vec!["figure", "value", "low", "high"]);
    let json = run(["simulate", file, "--quiet", "--format", "json"]).well().json();
    let mut seen = 0;
    for row in reader.records().map(Result::unwrap) {
        let pointer = format!("/{}/value", row[0].replace('.', "/"));
        if let Some(figure) = json.pointer(&pointer).and_then(serde_json::Value::as_f64) {
            assert_eq!(row[1].parse::<f64>().unwrap().to_bits(), figure.to_bits(), "{}", &row[0]);
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} figures are the same as in JSON");
    let markdown = run(["simulate", file, "--quiet", "--format", "markdown"]).well().stdout;
    assert!(markdown.starts_with("# small: simulated\n"), "{markdown}");
    assert!(!markdown.contains("!["), "there are no files that a picture could be in");
    let sweep = run(["sweep", file, "--vary", "users=100,1k", "--estimate", "--format", "csv"]).well().stdout;
    let mut reader = csv::Reader::from_reader(sweep.as_bytes());
    assert_eq!(&reader.headers().unwrap()[0], "users");
    assert_eq!(reader.records().map(|row| row.unwrap()[0].to_owned()).collect::<Vec<_>>(), ["100", "1000"]);
}

#[test]
fn threads_and_time_make_no_difference() {
    let file = scenario(SMALL);
    let made = |threads: &str| {
        let into = folder();
        report(&file, &into, &["simulate", "--threads", threads]).well();
        files(&into.join("small"))
    };
    let (one, two) = (made("1"), made("2"));
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(*bytes == two[name], "{name} differs");
    }
}

#[test]
fn an_older_report_is_replaced_as_a_whole() {
    let into = folder();
    let file = scenario(SMALL);
    report(&file, &into, &["simulate"]).well();
    let place = into.join("small");
    fs::write(place.join("left-over.svg"), "old").unwrap();
    report(&file, &into, &["estimate"]).well();
    let found = files(&place);
    assert!(!found.contains_key("left-over.svg") && !found.contains_key("time-latency.svg"), "{:?}", found.keys());
    assert!(text(&found, "report.html").contains("estimated by plimsoll"));
    assert_eq!(names(&into), ["small"], "nothing else is left");
}

#[test]
fn what_is_no_report_is_left_alone() {
    let into = folder();
    let place = into.join("small");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("thesis.txt"), "years of work").unwrap();
    let file = scenario(SMALL);
    let ended = report(&file, &into, &["estimate"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("is no report, and is left alone"), "{}", ended.stderr);
    assert!(ended.stdout.contains("1. Clarify"), "the result is printed all the same");
    assert_eq!(fs::read_to_string(place.join("thesis.txt")).unwrap(), "years of work");
    fs::remove_dir_all(&place).unwrap();
    fs::write(&place, "a file").unwrap();
    let ended = report(&file, &into, &["estimate"]);
    assert_eq!((ended.code, fs::read_to_string(&place).unwrap().as_str()), (Some(3), "a file"), "{}", ended.stderr);
    assert_eq!(names(&into), ["small"]);
}

#[test]
fn a_folder_that_can_not_be_written_is_told_after_the_result() {
    let into = folder();
    let file = scenario(SMALL);
    report(&file, &into, &["estimate"]).well();
    let before = files(&into.join("small"));
    // Nobody, root neither, makes a folder in a file; and a device that is always full takes no byte.
    let blocked = into.join("small/report.html/deep");
    let ended = report(&file, &blocked, &["estimate"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("1. Clarify") && ended.stderr.contains("report can't be written"),
        "{}",
        ended.stderr
    );
    assert_eq!(files(&into.join("small")), before);
    // Root writes everywhere; others are told.
    fs::set_permissions(&into, fs::Permissions::from_mode(0o555)).unwrap();
    let probe = fs::write(into.join("probe"), "");
    let ended = report(&file, &into, &["estimate"]);
    fs::set_permissions(&into, fs::Permissions::from_mode(0o755)).unwrap();
    if probe.is_err() {
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert_eq!(files(&into.join("small")), before, "the older report is as it was");
    } else {
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

#[test]
fn a_hostile_name_is_only_a_name() {
    let name = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(2)> ../../up `x` | *y* [z](http://e.vil)";
    let yaml = SMALL
        .replace("name: small", &format!("name: {}", serde_json::Value::from(name)))
        .replace("slo:", "zones: {names: ['<b>zone</b>', 'b', 'c'], tolerate: 1}\nfaults: [{at: 2 s, lose: '<b>zone</b>', for: 1 s}]\n# </code></pre><script>alert(3)</script>\nslo:");
    let file = scenario(&yaml);
    for command in
        [&["simulate"][..], &["estimate"], &["sweep", "--vary", "name=['<i>a</i>'],users=10,20", "--estimate"]]
    {
        let into = folder();
        let ended = report(&file, &into, command);
        if command[0] == "sweep" && ended.code == Some(2) {
            continue;
        }
        assert_eq!(ended.code, Some(0), "{command:?}: {}", ended.stderr);
        let places = names(&into);
        assert_eq!(places.len(), 1, "{places:?}");
        assert!(!places[0].contains(['<', '/', '"', ' ']) && !places[0].starts_with('.'), "{places:?}");
        let found = files(&into.join(&places[0]));
        let html = text(&found, "report.html");
        assert_eq!(html.matches("<script>").count(), 1, "only ours");
        assert_eq!(html.matches("</script>").count(), 1);
        assert!(!html.contains("<img") && !html.contains("<b>") && !html.contains("<i>"));
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        let markdown = text(&found, "report.md");
        // What is fenced is code; a bracket after a backslash is none.
        let outside: String = markdown.split("```").step_by(2).collect();
        let outside = outside.replace("\\]", "");
        assert!(!outside.contains("<script>") && !outside.contains("<img") && !outside.contains("](http"), "{outside}");
        for (name, bytes) in &found {
            if name.ends_with(".svg") || name == "junit.xml" {
                let svg = String::from_utf8_lossy(bytes);
                assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains("<img"), "{name}");
                well_formed(name, &svg);
            }
        }
    }
}

/// Whether every element that is opened is closed, in order, and no bare sign stands in text.
#[track_caller]
fn well_formed(name: &str, xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        let tag = &rest[start + 1..];
        let end = tag.find('>').unwrap_or_else(|| panic!("{name}: `<` without `>`"));
        let inner = &tag[..end];
        let word = inner.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
        if inner.starts_with('/') {
            assert_eq!(open.pop(), Some(word), "{name}");
        } else if !inner.ends_with('/') && !inner.starts_with('?') && !inner.starts_with('!') {
            open.push(word);
        }
        rest = &tag[end + 1..];
    }
    assert!(open.is_empty(), "{name}: {open:?} is not closed");
}

#[test]
fn junit_says_what_was_judged() {
    let into = folder();
    let yaml = SMALL.replace("p99: 200 ms", "p99: 1 us");
    report(&scenario(&yaml), &into, &["simulate"]).well();
    let xml = text(&files(&into.join("small")), "junit.xml");
    well_formed("junit.xml", &xml);
    assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
    assert!(xml.contains("<testcase name=\"latency.p99\"") && xml.contains("<failure message="), "{xml}");
    assert!(xml.contains("<testcase name=\"dropped\"") && xml.contains("<system-out>"), "{xml}");
    // Nothing was promised: nothing is judged.
    let into = folder();
    report(&scenario(&SMALL.replace("slo:", "# slo:")), &into, &["simulate"]).well();
    assert!(!files(&into.join("small")).contains_key("junit.xml"));
}

#[test]
fn a_sweep_that_is_not_whole_leaves_the_report() {
    let into = folder();
    let file = scenario(SMALL);
    report(&file, &into, &["sweep", "--vary", "users=100,1k", "--estimate"]).well();
    let html = text(&files(&into.join("small")), "report.html");
    assert!(html.contains("2 points"), "the verdict counts them");
    assert!(html.contains("sweep scenario.yaml --vary users=100,1k --estimate"), "how to make it again");
}

#[test]
fn each_shipped_scenario_gives_a_page_that_loads_nothing() {
    for file in shipped() {
        let into = folder();
        let report = format!("--report={}", into.display());
        run([&["simulate", &file, &report], &SHORT[..]].concat()).well();
        let place: PathBuf = into.join(&names(&into)[0]);
        let html = text(&files(&place), "report.html");
        assert!(html.len() < 2_000_000, "{file}: {} bytes", html.len());
        let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';";
        assert!(html.contains(policy), "{file}");
        for word in LOADING {
            assert!(!html.contains(word), "{file}: {word}");
        }
        // Addresses are words in a text, never where something comes from.
        for address in html.match_indices("http").map(|(at, _)| &html[at.saturating_sub(12)..at]) {
            assert!(!address.contains("href") && !address.contains("xlink"), "{file}: {address}");
        }
    }
}

#[test]
fn the_default_folder_is_reports() {
    let place = folder();
    fs::write(place.join("x.yaml"), SMALL).unwrap();
    let ended = run_in(&place, ["estimate", "x.yaml", "--report"]).well();
    assert_eq!(ended.stderr, "report written: reports/small/report.html\n");
    assert!(place.join("reports/small/report.html").is_file());
}

/// The price of a page is the one that was asked for, not that of the example catalogue.
#[test]
fn a_page_has_the_price_of_the_catalogue_given() {
    let (into, file) = (folder(), scenario(SMALL));
    let catalogue = folder().join("own.yaml");
    fs::write(
        &catalogue,
        "currency: EUR\nshapes: [{name: box, vcpu: 1, memory: 8 GiB, network: 1 Gbit/s, price: 7}]\n",
    )
    .unwrap();
    let given = ["estimate", "--shapes", catalogue.to_str().unwrap()];
    report(&file, &into, &given).well();
    let found = files(&into.join("small"));
    let price = found_price(&found);
    let page = text(&found, "report.md");
    // Where the catalogue is on this machine is nobody's business; what it is called says which it is.
    for said in [&format!("{price} EUR/hour"), "at least, on box of the catalogue own.yaml", "--shapes own.yaml"] {
        assert!(page.contains(said) && text(&found, "report.html").contains(said), "{said}: {page}");
    }
    assert!(!page.contains("USD"), "{page}");
    // Nobody asked: it is the example.
    report(&file, &into, &["estimate"]).well();
    let page = text(&files(&into.join("small")), "report.md");
    assert!(page.contains("USD/hour") && page.contains("of the catalogue example"), "{page}");
}

/// What `report.json` has for the price, as pages show it.
fn found_price(found: &BTreeMap<String, Vec<u8>>) -> String {
    let json: serde_json::Value = serde_json::from_slice(&found["report.json"]).unwrap();
    format!("{:.2}", json["price"]["per_hour"]["value"].as_f64().unwrap())
}

#[test]
fn the_command_in_a_page_has_the_options_that_made_it() {
    let into = folder();
    let file = scenario(&SMALL.replace("rate: 1/s", "rate: 0.5..2/s"));
    report(&file, &into, &["simulate", "--sensitivity"]).well();
    let page = text(&files(&into.join("small")), "report.md");
    assert!(page.contains("plimsoll simulate scenario.yaml --sensitivity"), "{page}");
}

/// The folder is optional, so the word after the option may be the scenario.
#[test]
fn a_file_after_the_option_is_not_its_folder() {
    let place = folder();
    fs::write(place.join("x.yaml"), SMALL).unwrap();
    run_in(&place, ["estimate", "--report", "x.yaml"]).well();
    assert!(place.join("reports/small/report.html").is_file());
    for (words, to) in
        [(&["--report", "boards"][..], "boards"), (&["--report=b2"], "b2"), (&["--report", "--quiet"], "reports")]
    {
        run_in(&place, ["estimate", "x.yaml"].iter().chain(words)).well();
        assert!(place.join(to).join("small/report.html").is_file(), "{words:?}");
    }
}

/// What `--fail-on` asks is answered before all else, and prices say whose they are.
#[test]
fn a_comparison_begins_with_its_thresholds() {
    let (into, file) = (folder(), scenario(SMALL));
    let threshold = ["--with", "users=20k", "--fail-on", "required.servers>0", "--shapes", "example"];
    let ended = report(&file, &into, &[&["compare"], &threshold[..]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let html = text(&files(&into.join("small")), "report.html");
    let place = |what: &str| html.find(what).unwrap_or_else(|| panic!("no {what:?}"));
    let said = place("<div class=\"verdict bad\"><p>--fail-on required.servers&gt;0: users=20k is beyond it.");
    assert!(said < place("First to give way"));
    assert!(html.contains("Prices are USD of servers alone") && html.contains("of the catalogue example"));
}
