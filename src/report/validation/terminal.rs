//! The report for a terminal: at most 100 columns, no colour needed.

use std::fmt::Write as _;

use super::{View, error, failures, figure, load, remarks, signed, why, with_interval};
use crate::report::show::{counted, share};
use crate::report::terminal::{indented, table, title, wrapped};
use crate::units::Rate;
use crate::units::display::{count, rate};
use crate::validate::Verdict;
use crate::validate::compare::{Comparison, Point};
use crate::validate::drift::{Drift, Drifts};

/// Failures told at the end.
const TOLD: usize = 8;

/// Point by point, over all points, against an earlier result, and the verdict.
pub fn report(view: &View<'_>) -> String {
    let mut out = title(view.name, "validate", view.seed, view.hash);
    out += &wrapped(&format!("Measured: {}.", view.source));
    out.push('\n');
    for point in &view.validation.points {
        out += &one(view, point);
    }
    out += &overall(view);
    out += &view.drifts.map_or_else(String::new, drift);
    for note in view.notes {
        out += &wrapped(&format!("Note: {note}."));
    }
    if !view.complete() {
        let _ = writeln!(
            out,
            "Interrupted: {} of {} were finished.",
            view.validation.points.len(),
            counted(&count(view.planned as f64), "load")
        );
    }
    out + &verdict(view)
}

fn one(view: &View<'_>, point: &Point) -> String {
    let samples = counted(&count(point.samples as f64), view.sample);
    let mut out = format!("{} ({samples}): {}\n", load(point), shout(point.verdict));
    for remark in remarks(point) {
        out += &indented(&remark, 2);
    }
    for found in &point.metrics {
        if let Some(why) = why(found) {
            out += &indented(&format!("{}: {why}", found.metric.label()), 2);
        }
    }
    out + &comparisons(view, &point.metrics)
}

fn comparisons(view: &View<'_>, all: &[Comparison]) -> String {
    let parts = view.has_parts();
    let mut header = vec!["metric", "predicted", "measured", "error"];
    if parts {
        header.push("service");
    }
    header.extend(["tolerance", "verdict"]);
    let header: Vec<String> = header.into_iter().map(str::to_owned).collect();
    let rows = all.iter().map(|found| {
        let mut row = vec![
            found.metric.label().to_owned(),
            figure(found.metric, found.predicted.value),
            with_interval(found.metric, &found.measured),
            error(found.error),
        ];
        if parts {
            row.push(error(found.service_error));
        }
        row.extend([share(found.tolerance), shout(found.verdict).to_owned()]);
        row
    });
    let last = header.len() - 1;
    table(&header, rows, move |column| column == 0 || column == last)
}

fn overall(view: &View<'_>) -> String {
    let validation = view.validation;
    let mut out = String::new();
    if let Some(found) = &validation.saturation {
        let _ = writeln!(out, "The most that gets through: {}", shout(found.verdict));
        out += &comparisons(view, std::slice::from_ref(found));
    }
    if validation.points.len() > 1 {
        out += "Over all loads\n";
        let header = ["metric", "mean absolute error", "mean error", "loads"].map(str::to_owned);
        let rows = validation.mean_errors.iter().map(|mean| {
            vec![
                mean.metric.label().to_owned(),
                share((mean.mean_absolute * 1e6).round() / 1e6),
                signed(mean.mean_signed),
                count(mean.points as f64),
            ]
        });
        out += &table(&header, rows, |column| column == 0);
    }
    out
}

fn drift(drifts: &Drifts) -> String {
    let mut out =
        format!("Against the earlier result, {} allowed: {}\n", share(drifts.threshold), shout(drifts.verdict));
    let moved: Vec<&Drift> = drifts.drifts.iter().filter(|drift| drift.verdict != Verdict::Pass).collect();
    if moved.is_empty() {
        let _ = writeln!(out, "All {} within.\n", counted(&count(drifts.drifts.len() as f64), "figure"));
    } else {
        out += &moved_table(&moved);
    }
    if drifts.drifts.iter().any(|drift| !drift.same_load) {
        out += &wrapped("Where the load is not the same, the errors are compared, not the figures.");
    }
    if drifts.unmatched > 0 {
        let loads = counted(&count(drifts.unmatched as f64), "load");
        out += &wrapped(&format!("{loads} of this result have none near in the earlier one."));
    }
    out
}

/// What has drifted, or may have.
fn moved_table(moved: &[&Drift]) -> String {
    let header = ["load", "metric", "measured", "predicted", "error", "verdict"].map(str::to_owned);
    let rows = moved.iter().map(|drift| {
        vec![
            rate(Rate::new(drift.load.messages_per_second)),
            drift.metric.label().to_owned(),
            error(drift.measured),
            error(drift.predicted),
            error(drift.error),
            shout(drift.verdict).to_owned(),
        ]
    });
    table(&header, rows, |column| column == 1 || column == 5)
}

fn verdict(view: &View<'_>) -> String {
    let mut out = format!("Verdict: {}\n", shout(view.verdict));
    let failed = failures(view);
    for failure in failed.iter().take(TOLD) {
        out += &indented(failure, 2);
    }
    if failed.len() > TOLD {
        let _ = writeln!(out, "  and {} more", failed.len() - TOLD);
    }
    if view.verdict == Verdict::Inconclusive {
        out += &indented("What was measured can't tell whether the model holds: see above for what and why.", 2);
    }
    if view.drifts.is_some_and(|drifts| drifts.verdict == Verdict::Fail) {
        for drift in
            view.drifts.iter().flat_map(|drifts| &drifts.drifts).filter(|d| d.verdict == Verdict::Fail).take(TOLD)
        {
            let moved = [("measured", drift.measured), ("predicted", drift.predicted), ("error", drift.error)];
            let moved: Vec<String> =
                moved.iter().filter_map(|(what, by)| by.map(|by| format!("{what} {}", signed(by)))).collect();
            let at = rate(Rate::new(drift.load.messages_per_second));
            out += &indented(&format!("{} at {at} has drifted: {}", drift.metric.label(), moved.join(", ")), 2);
        }
    }
    out
}

/// A verdict that can't be overlooked where it is no pass.
const fn shout(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::Inconclusive => "INCONCLUSIVE",
        Verdict::NotJudged => "not judged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Estimate;
    use crate::validate::Metric;

    #[test]
    fn figures_have_their_units() {
        let shown: Vec<String> =
            Metric::ALL.into_iter().map(|metric| format!("{}: {}", metric.label(), figure(metric, 0.5))).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        throughput: 0.5/s
        deliveries: 0.5/s
        CPU busy: 50 %
        memory a connection: 0.500 B
        wire bytes: 0.500 B/s
        log bytes: 0.500 B/hour
        latency p50: 500.0 ms
        latency p90: 500.0 ms
        latency p99: 500.0 ms
        refused connections: 1
        ");
        let about = Estimate { value: 0.5, low: 0.45, high: 0.55 };
        assert_eq!(with_interval(Metric::P50, &about), "500.0 ms ±10 %");
        assert_eq!(with_interval(Metric::P50, &Estimate::unbounded(0.5)), "500.0 ms");
        assert_eq!((signed(-0.000_1).as_str(), signed(12.5).as_str()), ("+0.0 %", "+1250 %"));
    }
}
