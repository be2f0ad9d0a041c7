//! `JUnit` XML of a page's verdicts: a case for each. What the run can't tell is skipped, with what it found.

use std::fmt::Write as _;

use super::document::{Case, Outcome, Page};
use super::validation::junit::escaped;

/// The whole file, or nothing where nothing was judged.
pub fn report(page: &Page) -> Option<String> {
    if page.cases.is_empty() {
        return None;
    }
    let suite = escaped(&format!("{}: {}", page.name, page.what));
    let of = |outcome| page.cases.iter().filter(|case| case.outcome == outcome).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"",
        page.cases.len(),
        of(Outcome::Failed),
        of(Outcome::Unclear)
    );
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites name=\"plimsoll\" {counts}>");
    let _ = writeln!(out, "  <testsuite name=\"{suite}\" {counts}>");
    for case in &page.cases {
        out += &element(case, &suite);
    }
    Some(out + "  </testsuite>\n</testsuites>\n")
}

fn element(case: &Case, suite: &str) -> String {
    let says = escaped(&case.says);
    let inner = match case.outcome {
        Outcome::Passed => format!("<system-out>{says}</system-out>"),
        Outcome::Failed => format!("<failure message=\"{says}\" type=\"verdict\"/>"),
        Outcome::Unclear => format!("<skipped message=\"undecided: {says}\"/>"),
    };
    format!("    <testcase name=\"{}\" classname=\"{suite}\">\n      {inner}\n    </testcase>\n", escaped(&case.name))
}
