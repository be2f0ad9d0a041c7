//! `JUnit` XML: a suite for each load, a case for each metric. What can't be told is skipped, with the reason; so a noisy
//! machine is no failure, and no success either.

use std::fmt::Write as _;

use super::{View, error, load, with_interval};
use crate::report::show::share;
use crate::validate::Verdict;
use crate::validate::compare::Comparison;

/// A case: its name, what happened, its verdict.
struct Case {
    name: String,
    says: String,
    verdict: Verdict,
}

/// The whole result.
pub fn report(view: &View<'_>) -> String {
    let mut suites: Vec<(String, Vec<Case>)> = Vec::new();
    for point in &view.validation.points {
        let cases = point.metrics.iter().map(|found| {
            let disturbed =
                if point.excesses.is_empty() { String::new() } else { format!("; {}", point.excesses.join("; ")) };
            let case = case(found);
            Case { says: case.says + &disturbed, ..case }
        });
        suites.push((load(point), cases.collect()));
    }
    suites.extend(view.validation.saturation.iter().map(|found| ("saturation".to_owned(), vec![case(found)])));
    if let Some(drifts) = view.drifts {
        let cases = drifts.drifts.iter().map(|drift| Case {
            name: format!("{} at {:.6} messages/s", drift.metric.label(), drift.load.messages_per_second),
            says: format!(
                "measured {}, predicted {}, error {}; {} is allowed",
                error(drift.measured),
                error(drift.predicted),
                error(drift.error),
                share(drifts.threshold)
            ),
            verdict: drift.verdict,
        });
        suites.push(("drift".to_owned(), cases.collect()));
    }
    let all: Vec<&Case> = suites.iter().flat_map(|(_, cases)| cases).collect();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = escaped(&format!("plimsoll validate {}", view.name));
    let _ = writeln!(out, "<testsuites name=\"{name}\" {}>", counts(all.into_iter()));
    for (name, cases) in &suites {
        let _ = writeln!(out, "  <testsuite name=\"{}\" {}>", escaped(name), counts(cases.iter()));
        for case in cases {
            out += &element(case, name);
        }
        out += "  </testsuite>\n";
    }
    out + "</testsuites>\n"
}

fn case(found: &Comparison) -> Case {
    let reason = found.reason.map_or_else(String::new, |reason| format!("; {}", reason.words()));
    Case {
        name: found.metric.label().to_owned(),
        says: format!(
            "predicted {}, measured {}, off by {}; within {} is asked{reason}",
            with_interval(found.metric, &found.predicted),
            with_interval(found.metric, &found.measured),
            error(found.error),
            share(found.tolerance)
        ),
        verdict: found.verdict,
    }
}

fn counts<'a>(cases: impl Iterator<Item = &'a Case>) -> String {
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    for case in cases {
        tests += 1;
        failures += u32::from(case.verdict == Verdict::Fail);
        skipped += u32::from(matches!(case.verdict, Verdict::Inconclusive | Verdict::NotJudged));
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"")
}

fn element(case: &Case, suite: &str) -> String {
    let open = format!("    <testcase name=\"{}\" classname=\"{}\"", escaped(&case.name), escaped(suite));
    let says = escaped(&case.says);
    match case.verdict {
        Verdict::Pass => format!("{open}>\n      <system-out>{says}</system-out>\n    </testcase>\n"),
        Verdict::Fail => format!("{open}>\n      <failure message=\"{says}\" type=\"tolerance\"/>\n    </testcase>\n"),
        Verdict::Inconclusive | Verdict::NotJudged => {
            let name = case.verdict.name();
            format!("{open}>\n      <skipped message=\"{name}: {says}\"/>\n    </testcase>\n")
        }
    }
}

/// Text for an attribute or an element. What XML 1.0 has no place for becomes a replacement character.
pub(in crate::report) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_reserves_is_escaped() {
        assert_eq!(
            escaped("a<b> & \"c\" 'd'\n\u{1b}[0m"),
            "a&lt;b&gt; &amp; &quot;c&quot; &apos;d&apos;&#10;\u{fffd}[0m"
        );
    }

    #[test]
    fn each_verdict_has_its_element() {
        let of = |verdict| element(&Case { name: "x".to_owned(), says: "y < z".to_owned(), verdict }, "s");
        assert!(of(Verdict::Pass).contains("<system-out>y &lt; z</system-out>"));
        assert!(of(Verdict::Fail).contains("<failure message=\"y &lt; z\""));
        assert!(of(Verdict::Inconclusive).contains("<skipped message=\"inconclusive: y &lt; z\""));
        assert!(of(Verdict::NotJudged).contains("<skipped message=\"not judged: y &lt; z\""));
    }
}
