//! Markdown for a pull request: the verdict first, what failed, then a table a load, folded away where all is well.

use std::fmt::Write as _;

use super::{View, error, failures, load, remarks, signed, why, with_interval};
use crate::report::VERSION;
use crate::report::show::share;
use crate::units::Rate;
use crate::units::display::rate;
use crate::validate::Verdict;
use crate::validate::compare::{Comparison, Point};
use crate::validate::drift::Drifts;

/// The whole result.
pub fn report(view: &View<'_>) -> String {
    let mut out = format!("## {} {}: {}\n\n", mark(view.verdict), escaped(view.name), words(view.verdict));
    let _ = writeln!(
        out,
        "Measured: {}. Scenario `{}`, seed {}, plimsoll {VERSION}.\n",
        escaped(view.source),
        view.hash,
        view.seed
    );
    for failure in failures(view) {
        let _ = writeln!(out, "- {}", escaped(&failure));
    }
    if !failures(view).is_empty() {
        out.push('\n');
    }
    out += &means(view);
    for point in &view.validation.points {
        out += &one(view, point);
    }
    if let Some(found) = &view.validation.saturation {
        out += "### The most that gets through\n\n";
        out += &comparisons(view, std::slice::from_ref(found));
    }
    out += &view.drifts.map_or_else(String::new, drift);
    for note in view.notes {
        let _ = writeln!(out, "> {}.\n", escaped(note));
    }
    if !view.complete() {
        let _ =
            writeln!(out, "> Interrupted: {} of {} loads were finished.", view.validation.points.len(), view.planned);
    }
    out.trim_end().to_owned() + "\n"
}

fn means(view: &View<'_>) -> String {
    let mut out = String::from("| metric | mean absolute error | mean error | loads |\n|---|---:|---:|---:|\n");
    for mean in &view.validation.mean_errors {
        let (absolute, error) = (share(mean.mean_absolute), signed(mean.mean_signed));
        let _ = writeln!(out, "| {} | {absolute} | {error} | {} |", mean.metric.label(), mean.points);
    }
    out + "\n"
}

fn one(view: &View<'_>, point: &Point) -> String {
    let open = if point.verdict == Verdict::Pass { "" } else { " open" };
    let title = format!("{} {}", mark(point.verdict), escaped(&load(point)));
    let mut out = format!("<details{open}><summary>{title}</summary>\n\n");
    for remark in remarks(point) {
        let _ = writeln!(out, "- {}", escaped(&remark));
    }
    if !remarks(point).is_empty() {
        out.push('\n');
    }
    out += &comparisons(view, &point.metrics);
    out + "</details>\n\n"
}

fn comparisons(view: &View<'_>, all: &[Comparison]) -> String {
    let (more, rule) = if view.has_parts() { (" service | workload |", "---:|---:|") } else { ("", "") };
    let mut out = format!("| metric | predicted | measured | error |{more} tolerance | verdict |\n");
    let _ = writeln!(out, "|---|---:|---:|---:|{rule}---:|---|");
    for found in all {
        let parts = if view.has_parts() {
            format!(" {} | {} |", error(found.service_error), error(found.workload_error))
        } else {
            String::new()
        };
        let why = why(found).map_or_else(String::new, |why| format!(": {why}"));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |{parts} {} | {} {}{why} |",
            found.metric.label(),
            with_interval(found.metric, &found.predicted),
            with_interval(found.metric, &found.measured),
            error(found.error),
            share(found.tolerance),
            mark(found.verdict),
            found.verdict.name(),
        );
    }
    out + "\n"
}

fn drift(drifts: &Drifts) -> String {
    let mut out = format!(
        "### {} Against the earlier result, {} allowed\n\n| load | metric | measured | predicted | error | verdict |\n|---:|---|---:|---:|---:|---|\n",
        mark(drifts.verdict),
        share(drifts.threshold)
    );
    for drift in &drifts.drifts {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} {} |",
            rate(Rate::new(drift.load.messages_per_second)),
            drift.metric.label(),
            error(drift.measured),
            error(drift.predicted),
            error(drift.error),
            mark(drift.verdict),
            drift.verdict.name()
        );
    }
    out + "\n"
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Inconclusive => "❔",
        Verdict::NotJudged => "➖",
    }
}

const fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "the model agrees with what was measured",
        Verdict::Fail => "the model does not agree with what was measured",
        Verdict::Inconclusive | Verdict::NotJudged => "what was measured can't tell",
    }
}

/// Text that Markdown and HTML leave alone, on one line.
pub(in crate::report) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_break_out() {
        assert_eq!(escaped("a|b <img src=x>\n# c"), r"a\|b &lt;img src=x&gt; \# c");
    }
}
