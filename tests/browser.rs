//! Do the pages work in a real browser: without complaints, at any width, and with the command line's figures?
//!
//! These need Chromium (`apt-get install chromium`). Pictures of the pages, for people to look at, are written to
//! `PLIMSOLL_PICTURES`, or to `pictures` in the build's folder for temporary files.
#![allow(clippy::unwrap_used, reason = "what is no success fails the test")]

#[path = "browser/chromium.rs"]
mod chromium;
mod common;
#[path = "explore/site.rs"]
mod site;

use std::fs;
use std::time::Duration;

use chromium::{Browser, DESKTOP, PHONE};
use common::{folder, now, run, run_in, scenario};
use serde_json::{Value, json};
use site::Site;

const CHAT: &str = "scenarios/chat-10k.yaml";
/// So short that a busy machine has it soon.
const SHORT: [&str; 4] = ["--set", "simulation.duration=2 s", "--set", "simulation.replications=2"];
/// Nothing more is to come, and the simulation of each variant is there.
const SIMULATED: &str = "document.getElementById('answers').getAttribute('aria-busy') === 'false' && \
    [...document.querySelectorAll('[data-run]')].map((run) => run.dataset.run).join().match(/^done(,done)?$/)";

fn open(browser: &mut Browser, site: &Site, state: &str) {
    browser.open(&format!("http://{}/{state}", site.address));
    browser.wait(SIMULATED);
}

/// A figure as the page shows it: closed form and simulated.
fn figure(browser: &mut Browser, key: &str, variant: &str) -> (String, String) {
    let cell = format!("[data-figure='{key}'][data-variant='{variant}']");
    let part = |browser: &mut Browser, part: &str| {
        let found = browser.eval(&format!("document.querySelector(\"{cell} .{part}\")?.textContent ?? ''"));
        found.as_str().unwrap().to_owned()
    };
    (part(browser, "closed"), part(browser, "simulated"))
}

/// What the terminal says of the latency: closed form and simulated.
fn printed(line: &str, stdout: &str) -> String {
    stdout.lines().find(|one| one.starts_with(line)).unwrap_or_else(|| panic!("{line}\n{stdout}")).to_owned()
}

/// The page's figures are in the terminal's report of the same scenario.
#[track_caller]
fn same(browser: &mut Browser, variant: &str, sets: &[&str]) {
    let mut arguments = vec!["simulate", CHAT];
    arguments.extend(SHORT);
    for set in sets {
        arguments.extend(["--set", set]);
    }
    let stdout = run(arguments).well().stdout;
    let (servers, _) = figure(browser, "servers", variant);
    assert!(printed("Servers required", &stdout).ends_with(&servers), "{servers}\n{stdout}");
    for (key, line) in
        [("messages_in", "messages in"), ("wire_out", "on the wire, out"), ("mean", "mean"), ("p99", "p99 ")]
    {
        let (closed, simulated) = figure(browser, key, variant);
        assert!(!(closed.is_empty() && simulated.is_empty()), "{key}");
        let line = printed(line, &stdout);
        assert!(line.contains(&closed) && line.contains(&simulated), "{key}: {closed}, {simulated}\n{stdout}");
    }
}

#[test]
fn the_page_fits_any_window_and_has_nothing_to_complain_of() {
    let site = Site::start(CHAT, &SHORT);
    let mut browser = Browser::start();
    let two = "#a=users%3D20k&two=1&b=users%3D200k&b=servers.count%3D4&b=protocol.compression%3Ddeflate";
    for (name, window, dark, state) in [
        ("explore-desktop", DESKTOP, false, ""),
        ("explore-phone", PHONE, false, ""),
        ("explore-two-desktop", DESKTOP, true, two),
        ("explore-two-phone", PHONE, true, two),
    ] {
        browser.size(window, dark);
        open(&mut browser, &site, state);
        // Nothing sticks out at the side.
        let wide = browser.eval("Math.max(document.documentElement.scrollWidth, innerWidth)").as_u64().unwrap();
        assert!(wide <= u64::from(window.0), "{name}: {wide}");
        assert!(browser.text("#name") == "chat-10k" && !browser.text("#verdicts").is_empty());
        browser.picture(name);
        browser.no_complaints();
    }
    // Every field has a name for those who can't see it.
    let nameless = "[...document.querySelectorAll('input, select, button, progress')].filter((field) => \
        !field.labels?.length && !field.getAttribute('aria-label') && !field.textContent.trim()).map((field) => field.outerHTML)";
    assert_eq!(browser.eval(nameless), json!([]));
}

#[test]
fn a_slider_changes_the_figures_to_what_the_command_line_prints() {
    let site = Site::start(CHAT, &SHORT);
    let mut browser = Browser::start();
    browser.size(DESKTOP, false);
    open(&mut browser, &site, "");
    same(&mut browser, "A", &[]);
    let before = browser.eval("location.hash");
    // By keyboard: one step to the right.
    browser.eval("document.querySelector(\"[data-path='users'] input[type='range']\").focus()");
    browser.press("ArrowRight", 39);
    browser.wait("location.hash.includes('users%3D12k') && document.querySelector('[data-figure=users]').textContent.includes('12,000')");
    browser.wait(SIMULATED);
    same(&mut browser, "A", &["users=12k"]);
    // By mouse: somewhere to the left.
    browser.click_at("[data-path='workload.message.rate'] input[type='range']", 0.4);
    browser.wait("new URLSearchParams(location.hash.slice(1)).getAll('a').some((set) => set.startsWith('workload.message.rate='))");
    browser.wait(SIMULATED);
    let sets = browser.eval("new URLSearchParams(location.hash.slice(1)).getAll('a')");
    let sets: Vec<String> = serde_json::from_value(sets).unwrap();
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    assert_eq!((sets.len(), sets[0]), (2, "users=12k"));
    same(&mut browser, "A", &sets);
    // By list, and by the field for any key.
    browser.eval(
        "(() => { const list = document.getElementById('lever-protocol-encoding'); list.value = 'binary'; \
         list.dispatchEvent(new Event('change', { bubbles: true })); })()",
    );
    browser.eval("document.getElementById('assignment').focus()");
    browser.write("servers.cpu.per_kb=20 us");
    browser.press("Enter", 13);
    browser.wait("location.hash.includes('per_kb')");
    browser.wait(SIMULATED);
    let sets: Vec<&str> = [&sets[..], &["protocol.encoding=binary", "servers.cpu.per_kb=20 us"]].concat();
    same(&mut browser, "A", &sets);
    // And all the way back.
    for _ in 0..4 {
        let here = browser.eval("location.hash");
        browser.eval("history.back()");
        browser.wait(&format!("location.hash !== {here}"));
    }
    browser.wait(&format!("location.hash === {before}"));
    browser.wait("document.querySelector('[data-figure=users]').textContent.includes('10,000')");
    browser.wait(SIMULATED);
    same(&mut browser, "A", &[]);
    browser.no_complaints();
}

#[test]
fn two_variants_stand_side_by_side_and_a_link_has_both() {
    let site = Site::start(CHAT, &SHORT);
    let mut browser = Browser::start();
    browser.size(DESKTOP, false);
    open(&mut browser, &site, "#a=users%3D20k");
    browser.click("#compare");
    browser.wait("document.querySelectorAll('#verdicts > section').length === 2");
    browser.eval("document.querySelector(\"[data-path='users'] input[type='text']\").select()");
    browser.write("40k");
    browser.press("Enter", 13);
    browser.wait("document.querySelector('[data-difference=users]')?.textContent === '× 2.0'");
    browser.wait(SIMULATED);
    same(&mut browser, "A", &["users=20k"]);
    same(&mut browser, "B", &["users=40k"]);
    let link = browser.eval("location.href").as_str().unwrap().to_owned();
    let shown = browser.text("#figures");
    browser.no_complaints();
    // Somebody else opens it.
    let mut other = Browser::start();
    other.open(&link);
    other.wait(SIMULATED);
    assert_eq!(other.text("#figures"), shown);
    assert_eq!(other.eval("location.href"), link.as_str());
    other.no_complaints();
}

#[test]
fn a_mistake_is_shown_at_its_lever_and_what_was_right_stays() {
    let site = Site::start(CHAT, &SHORT);
    let mut browser = Browser::start();
    open(&mut browser, &site, "");
    let servers = figure(&mut browser, "servers", "A").0;
    browser.eval("document.querySelector(\"[data-path='users'] input[type='text']\").select()");
    browser.write("many");
    browser.press("Enter", 13);
    browser.wait("!document.getElementById('problems').hidden");
    assert_eq!(browser.text("[data-path='users'] .error"), "`users` is not a number");
    assert_eq!(browser.eval("document.getElementById('lever-users').getAttribute('aria-invalid')"), "true");
    let refused = run(["estimate", CHAT, "--set", "users=many"]);
    assert_eq!(refused.stderr.trim(), browser.text("#problems").trim());
    assert_eq!(figure(&mut browser, "servers", "A").0, servers);
    assert_eq!(browser.eval("document.querySelectorAll('.stale').length > 0"), true);
    browser.click("[data-path='users'] .undo");
    browser.wait("document.getElementById('problems').hidden && document.querySelectorAll('.stale').length === 0");
    browser.no_complaints();
}

#[test]
fn names_that_are_markup_are_text() {
    const NAME: &str = "<img src=x onerror=hacked=1><script>hacked=1</script>\\\"'&amp;";
    let file = scenario(&format!(
        "name: \"{NAME}\"\nusers: 1k\nworkload: {{message: {{rate: 1/s}}}}\nzones: [\"<img src=z onerror=hacked=1>\", b]\n\
         faults: [{{at: 1 s, lose: \"<img src=z onerror=hacked=1>\", for: 1 s}}]\nsimulation: {{duration: 2 s, replications: 2}}\n"
    ));
    let site = Site::start(file.to_str().unwrap(), &[]);
    let mut browser = Browser::start();
    open(&mut browser, &site, "");
    assert_eq!(browser.text("#name"), NAME.replace("\\\"", "\""));
    // As a value that a link brings along, too.
    let value = "%3Cimg%20src%3Dx%20onerror%3Dhacked%3D1%3E";
    browser.open(&format!("http://{}/#a=users%3D{value}&a={value}&a=name%3D{value}", site.address));
    browser.wait("!document.getElementById('problems').hidden");
    assert!(browser.text("#problems").contains("<img src=x onerror=hacked=1>"));
    let found = browser.eval("[typeof hacked, document.querySelectorAll('img, #levers script, main script').length]");
    assert_eq!(found, json!(["undefined", 0]));
    browser.no_complaints();
}

#[test]
fn a_scenario_is_saved_that_gives_the_same() {
    let site = Site::start(CHAT, &SHORT);
    let mut browser = Browser::start();
    open(&mut browser, &site, "#a=users%3D20k&a=simulation.seed%3D9");
    let p99 = figure(&mut browser, "p99", "A").1;
    browser.click("#save");
    let file = browser.downloads().join("chat-10k.yaml");
    let until = now() + Duration::from_secs(120);
    while !file.exists() {
        assert!(now() < until, "nothing was saved");
        std::thread::sleep(Duration::from_millis(20));
    }
    let folder = folder();
    fs::copy(&file, folder.join("saved.yaml")).unwrap();
    let saved: Value = run_in(&folder, ["simulate", "saved.yaml", "--format", "json"]).well().json();
    let mut arguments = vec!["simulate", CHAT, "--format", "json", "--set", "users=20k", "--seed", "9"];
    arguments.extend(SHORT);
    assert_eq!(saved, run(arguments).well().json());
    let terminal = run_in(&folder, ["simulate", "saved.yaml"]).well().stdout;
    assert!(printed("p99 ", &terminal).contains(&p99), "{p99}\n{terminal}");
    browser.no_complaints();
}

/// The report of a scenario, as a page on disk.
fn report(file: &str, more: &[&str]) -> String {
    let folder = folder();
    let arguments = ["simulate", file, "--quiet", "--report", folder.to_str().unwrap()];
    run(arguments.iter().chain(&SHORT).chain(more)).well();
    let reports: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(reports.len(), 1, "{reports:?}");
    let page = fs::read_dir(&reports[0]).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = page.filter(|path| path.extension().is_some_and(|kind| kind == "html")).collect();
    assert_eq!(pages.len(), 1, "{pages:?}");
    format!("file://{}", pages[0].display())
}

#[test]
fn a_report_fits_any_window_and_has_nothing_to_complain_of() {
    let mut browser = Browser::start();
    for file in ["chat-10k", "zone-loss", "rooms-1m"] {
        let url = report(&format!("scenarios/{file}.yaml"), &[]);
        for (name, window, dark) in [("desktop", DESKTOP, false), ("phone", PHONE, true)] {
            browser.size(window, dark);
            browser.open(&url);
            assert!(browser.text("h1").contains(file));
            let wide = browser.eval("Math.max(document.documentElement.scrollWidth, innerWidth)").as_u64().unwrap();
            assert!(wide <= u64::from(window.0), "{file} {name}: {wide}");
            // All of it came along: nothing was loaded besides the page itself.
            assert_eq!(browser.eval("performance.getEntriesByType('resource').map((one) => one.name)"), json!([]));
            assert!(browser.eval("document.querySelectorAll('svg').length").as_u64() > Some(0));
            browser.picture(&format!("report-{file}-{name}"));
            browser.no_complaints();
        }
    }
    // The servers required are the terminal's.
    let mut arguments = vec!["simulate", "scenarios/rooms-1m.yaml", "--quiet"];
    arguments.extend(SHORT);
    let stdout = run(arguments).well().stdout;
    let servers = printed("Servers required", &stdout).split_whitespace().nth(2).unwrap().to_owned();
    assert!(browser.eval("document.body.innerText").as_str().unwrap().contains(&servers), "{servers}");
    // A drawing's figures unfold, and the head of their table sorts them.
    browser.click("figure details summary");
    browser.wait(
        "document.querySelector('figure details[open] table.sortable thead th:last-child button').checkVisibility()",
    );
    let used = "[...document.querySelector('figure details[open] table').tBodies[0].rows]\
        .map((row) => Number(row.cells[row.cells.length - 1].dataset.value))";
    for (sorted, falling) in [("ascending", false), ("descending", true)] {
        browser.click("figure details[open] thead th:last-child button");
        browser.wait(&format!("document.querySelector('figure details[open] th[aria-sort={sorted}]')"));
        let found: Vec<f64> = serde_json::from_value(browser.eval(used)).unwrap();
        let mut wanted = found.clone();
        wanted.sort_by(f64::total_cmp);
        if falling {
            wanted.reverse();
        }
        assert!(found == wanted && found.len() > 3 && found.first() != found.last(), "{sorted}: {found:?}");
    }
    browser.no_complaints();
}

#[test]
fn names_in_a_report_are_text() {
    const NAME: &str = "<img src=x onerror=hacked=1><script>hacked=1</script></title></svg>\"'&amp;";
    let file = scenario(&format!(
        "name: {}\nusers: 1k\nworkload: {{message: {{rate: 1/s}}}}\nzones: [\"<img src=z onerror=hacked=1>\", b]\n\
         faults: [{{at: 1 s, lose: \"<img src=z onerror=hacked=1>\", for: 1 s}}]\n",
        json!(NAME)
    ));
    let url = report(file.to_str().unwrap(), &[]);
    let mut browser = Browser::start();
    browser.open(&url);
    assert!(browser.text("h1").contains("<img src=x onerror=hacked=1>"));
    assert_eq!(browser.eval("[typeof hacked, document.querySelectorAll('img').length]"), json!(["undefined", 0]));
    browser.no_complaints();
}
