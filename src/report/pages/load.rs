//! Tables of a result: the load, latency, resources, objectives, faults, what is uncertain or assumed.

use super::{clean, flow, number, per_second, time};
use crate::analysis::Assessment;
use crate::analysis::slo::{Objective, Verdict};
use crate::metrics::{Flows, RunMetrics};
use crate::report::View;
use crate::report::document::{Case, Cell, Column, Outcome, Table};
use crate::report::plan::found;
use crate::report::show::{count_whole, fine, interval, share, short_users, whole_interval};
use crate::stats::Estimate;
use crate::units::ByteRate;
use crate::units::display::byte_rate_hourly;

fn estimate(figure: Option<Estimate>, show: impl Fn(f64) -> String, none: &str) -> Cell {
    figure.map_or_else(|| Cell::maybe(None, |_| String::new(), none), |f| Cell::number(interval(&f, show), f.value))
}

/// What comes and goes, closed form beside simulation.
pub fn load(view: &View<'_>) -> Table {
    type Pick = fn(&Flows) -> Estimate;
    type Show = fn(f64) -> String;
    let load = &view.assessment.model.load;
    let figure = |name: &str| view.assessment.load_figure(name).map_or(0.0, |figure| figure.value);
    let hourly: Show = |figure| byte_rate_hourly(ByteRate::new(figure.max(0.0) / 3_600.0));
    let rows: [(&str, &str, f64, Show, Option<Pick>); 13] = [
        ("messages in", "messages/s", load.messages_in_per_second, per_second, Some(|f| f.messages_in)),
        ("messages out", "messages/s", load.messages_out_per_second, per_second, Some(|f| f.messages_out)),
        ("payload in", "bytes/s", load.ingress_bytes_per_second, flow, Some(|f| f.ingress_bytes)),
        ("payload out", "bytes/s", load.egress_bytes_per_second, flow, Some(|f| f.egress_bytes)),
        ("on the wire, in", "bytes/s", load.ingress_wire_bytes_per_second, flow, None),
        ("on the wire, out", "bytes/s", load.egress_wire_bytes_per_second, flow, None),
        ("heartbeats", "heartbeats/s", load.heartbeats_per_second, per_second, Some(|f| f.heartbeats)),
        ("to the broker", "messages/s", figure("published_per_second"), per_second, Some(|f| f.published)),
        ("copies from it", "messages/s", figure("copies_per_second"), per_second, Some(|f| f.copies)),
        ("backplane", "bytes/s", figure("backplane_bytes_per_second"), flow, None),
        ("logs", "bytes/hour", load.log_bytes_per_hour, hourly, Some(|f| f.log_bytes_per_hour)),
        ("static files", "bytes/s", load.static_bytes_per_second, flow, None),
        ("of them, from the origin", "bytes/s", load.origin_bytes_per_second, flow, None),
    ];
    let mut columns =
        vec![Column::text("load", "load"), Column::text("in", "unit"), Column::number("closed form", "closed_form")];
    if view.metrics.is_some() {
        columns.push(Column::number("simulated (95 %)", "simulated"));
    }
    let mut table = Table::new("load", columns);
    let open = view.metrics.map(|metrics| metrics.connections.open);
    let mut row = |name: &str, unit: &str, form: f64, show: Show, simulated: Option<Estimate>| {
        let mut cells = vec![Cell::text(name), Cell::text(unit), Cell::number(show(form), form)];
        cells.extend(view.metrics.map(|_| estimate(simulated, show, "")));
        table.rows.push(cells);
    };
    row("connections", "connections", load.connections, number, open);
    for (name, unit, form, show, pick) in rows {
        if form > 0.0 {
            row(name, unit, form, show, view.metrics.zip(pick).map(|(metrics, pick)| pick(&metrics.flows)));
        }
    }
    table
}

/// Latency: mean and percentiles.
pub fn latency(assessment: &Assessment, metrics: &RunMetrics) -> Option<Table> {
    let latency = metrics.latency?;
    let columns = vec![
        Column::text("latency", "figure"),
        Column::number("closed form", "closed_form_seconds"),
        Column::number("simulated (95 %)", "simulated_seconds"),
    ];
    let mut table = Table::new("latency", columns);
    let rows = [
        ("mean", assessment.latency.mean_seconds, latency.mean),
        ("p50", None, latency.p50),
        ("p90", None, latency.p90),
        ("p95", None, latency.p95),
        ("p99", None, latency.p99),
        ("p99.9", None, latency.p999),
        ("max", None, latency.max),
    ];
    table.rows = rows
        .into_iter()
        .map(|(name, form, found)| {
            vec![Cell::text(name), Cell::maybe(form, fine, ""), Cell::number(interval(&found, fine), found.value)]
        })
        .collect();
    Some(table)
}

/// The resources in the order in which they give way.
pub fn resources(assessment: &Assessment) -> Table {
    let columns = vec![
        Column::text("gives way", "resource"),
        Column::number("used", "utilisation"),
        Column::number("users at target", "users_at_target"),
        Column::number("users at limit", "users_at_limit"),
        Column::number("units", "units_required"),
    ];
    let mut table = Table::new("resources", columns);
    table.rows = assessment
        .resources
        .iter()
        .map(|one| {
            vec![
                Cell::text(one.kind.name()),
                estimate(Some(one.utilisation), share, ""),
                estimate(one.users_at_target, short_users, "never"),
                estimate(one.users_at_limit, short_users, "never"),
                Cell::number(whole_interval(&one.units_required), one.units_required.value),
            ]
        })
        .collect();
    table
}

/// What was promised, and what was found.
pub fn objectives(objectives: &[Objective]) -> Table {
    let columns = vec![
        Column::text("objective", "objective"),
        Column::number("at most", "limit"),
        Column::number("found", "found"),
        Column::text("verdict", "verdict"),
    ];
    let mut table = Table::new("objectives", columns);
    table.rows = objectives
        .iter()
        .map(|objective| {
            let show = |figure: f64| if objective.name.starts_with("latency") { fine(figure) } else { share(figure) };
            let verdict = match objective.verdict {
                Verdict::Met if objective.sure => "met",
                Verdict::Met => "met, but the interval holds the limit",
                Verdict::NotMet => "not met",
                Verdict::Undecided => "undecided: no steady state",
            };
            vec![
                Cell::text(objective.name.as_str()),
                Cell::number(show(objective.limit), objective.limit),
                estimate(objective.found, show, "nothing delivered"),
                Cell::text(verdict),
            ]
        })
        .collect();
    table
}

/// The same for a CI server.
pub fn cases(objectives: &[Objective]) -> Vec<Case> {
    objectives
        .iter()
        .map(|objective| Case {
            name: objective.name.clone(),
            says: found(objective),
            outcome: match objective.verdict {
                Verdict::Met => Outcome::Passed,
                Verdict::NotMet => Outcome::Failed,
                Verdict::Undecided => Outcome::Unclear,
            },
        })
        .collect()
}

/// What faults did.
pub fn faults(metrics: &RunMetrics) -> Table {
    let columns = vec![
        Column::number("at", "at_seconds"),
        Column::text("fault", "fault"),
        Column::number("dropped", "dropped_connections"),
        Column::number("most attempts", "peak_attempts_per_second"),
        Column::number("refused", "refused_connections"),
        Column::number("messages lost", "messages_lost"),
        Column::number("99 % back after", "back_seconds"),
    ];
    let mut table = Table::new("faults", columns);
    table.rows = metrics
        .recovery
        .iter()
        .map(|fault| {
            let whole = |figure: Estimate| estimate(Some(figure), count_whole, "");
            vec![
                Cell::number(time(fault.at_seconds), fault.at_seconds),
                Cell::text(clean(&fault.what)),
                whole(fault.dropped),
                estimate(Some(fault.peak_attempt_rate), per_second, ""),
                whole(fault.refused),
                whole(fault.messages_lost),
                estimate(fault.back_seconds, time, "not in this run"),
            ]
        })
        .collect();
    table
}

/// What is uncertain.
pub fn uncertain(assessment: &Assessment) -> Table {
    let columns = vec![
        Column::text("uncertain (90 % interval)", "path"),
        Column::number("from", "low"),
        Column::number("to", "high"),
    ];
    let mut table = Table::new("uncertain", columns);
    let plain = |figure: f64| crate::report::terminal::plain(figure);
    table.rows = assessment
        .uncertain
        .iter()
        .map(|one| {
            vec![
                Cell::text(one.path.as_str()),
                Cell::number(plain(one.low), one.low),
                Cell::number(plain(one.high), one.high),
            ]
        })
        .collect();
    table
}

/// What the scenario doesn't say and the answer depends on.
pub fn assumed(assessment: &Assessment) -> Table {
    let columns = vec![
        Column::text("assumed, as the scenario doesn't say", "path"),
        Column::text("value", "value"),
        Column::text("source", "source"),
    ];
    let mut table = Table::new("assumed", columns);
    table.rows = assessment
        .assumed
        .iter()
        .map(|one| vec![Cell::text(one.path), Cell::text(one.value), Cell::text(one.source)])
        .collect();
    table
}
