//! The report for a terminal: as wide as the page is, no colour needed.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width, presets};

use super::show::{
    count_small, count_whole, counted, fine, interval, share, short_count, short_users, users, whole_interval,
};
use super::steps::{self, Step};
use super::width::{COLUMNS, table_width, text_width};
use super::{VERSION, View, interview};
use crate::analysis::Assessment;
use crate::analysis::advice::advice;
use crate::analysis::slo::{Verdict, overall};
use crate::metrics::{FaultMetrics, RunMetrics};
use crate::scenario::Scenario;
use crate::stats::Estimate;
use crate::units::display::{byte_rate, byte_rate_hourly, bytes, count, rate, ratio, seconds};
use crate::units::{ByteRate, Bytes, Rate, Ratio, Seconds};

/// A line below the header, and nothing else.
const UNDERLINED: TableStyle = presets::NOTHING.header_separator(LineStyle::none().fill('-').junction('-'));
/// A cell as short as this is taken for a figure, and not broken.
const FIGURE: usize = 10;
/// Bottlenecks told in full.
const ADVICE: usize = 2;

/// `simulate`: the answer, the load, what gives way, what the simulation saw.
pub fn simulation(view: &View<'_>, metrics: &RunMetrics) -> String {
    let mut out = heading(view);
    out += &answer(view, Some(metrics));
    out += &load(view, Some(metrics));
    out += &resources(view);
    out += &latency(view, metrics);
    out += &stations(view, metrics);
    out += &slow_clients(view, Some(metrics));
    out += &rush(view, metrics);
    out += &connections(metrics);
    out += &autoscaler(metrics);
    out += &recovery(metrics);
    out += &objectives(view);
    out += &sensitivity(view);
    out += &solutions(view);
    out += &how_it_ran(view, metrics);
    out
}

/// `estimate`: clarify, arithmetic, bottleneck, solution, trade-offs, what breaks next.
pub fn estimate(view: &View<'_>) -> String {
    let mut out = heading(view);
    out += &interview::clarify(view);
    out += &arithmetic("2. Arithmetic: from users to load", &steps::load_steps(view));
    out += &arithmetic("   Arithmetic: from load to servers", &steps::resource_steps(view));
    out += &interview::bottleneck(view);
    out += &answer(view, None);
    out += &resources(view);
    out += &closed_latency(view);
    out += &slow_clients(view, None);
    out += &sensitivity(view);
    out += &interview::solution(view);
    out += &interview::next(view);
    let _ = writeln!(out, "Intervals hold 90 % of {} worlds drawn from what is uncertain.", view.assessment.worlds);
    out
}

fn heading(view: &View<'_>) -> String {
    let scenario = &view.assessment.scenario;
    let load = &view.assessment.model.load;
    let mut out = heading_line(view, &users(load.users));
    let size = bytes(Bytes::new(load.message_bytes));
    let _ = writeln!(
        out,
        "Each publishes {} of {size} and holds {} connection{}.\n",
        rate(scenario.workload.message_rate),
        scenario.workload.connections_per_user,
        if scenario.workload.connections_per_user == 1 { "" } else { "s" }
    );
    out
}

fn heading_line(view: &View<'_>, what: &str) -> String {
    title_of(&view.assessment.scenario, view.hash, what)
}

/// The first line of a report on a scenario.
pub(super) fn title_of(scenario: &Scenario, hash: &str, what: &str) -> String {
    title(&scenario.name, what, scenario.simulation.seed, hash)
}

/// The first line of a report: of what, and what it takes to make it again.
pub(super) fn title(name: &str, what: &str, seed: u64, hash: &str) -> String {
    let left = format!("{}: {what}", cut(name, 40));
    let right = format!("seed {seed} | scenario {hash} | plimsoll {VERSION}");
    let most = usize::from(text_width());
    if left.chars().count() + right.len() + 2 > most {
        return format!("{left}\n{right}\n");
    }
    format!("{left}{right:>width$}\n", width = most - left.chars().count())
}

/// A text without control characters, cut where it is longer than so many.
pub(super) fn cut(text: &str, most: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.chars().count() <= most { clean } else { clean.chars().take(most - 1).collect::<String>() + "…" }
}

fn answer(view: &View<'_>, metrics: Option<&RunMetrics>) -> String {
    let assessment = view.assessment;
    let mut lines = Vec::new();
    if let Some(first) = assessment.resources.first() {
        lines.push((
            "First to give way",
            format!(
                "{}{}",
                first.kind.name(),
                first.users_at_target.map_or_else(
                    || ", and only by its limit".to_owned(),
                    |users| format!(
                        ", {} on {} server{}",
                        at_users(&users),
                        count(assessment.model.fleet.servers as f64),
                        if assessment.model.fleet.servers == 1 { "" } else { "s" }
                    )
                )
            ),
        ));
    }
    let given = assessment
        .scenario
        .servers
        .count
        .map_or_else(String::new, |n| format!("; the scenario has {}", count(n as f64)));
    lines.push(("Servers required", format!("{}{given}", whole_interval(&assessment.servers_required))));
    lines.extend(cheapest(assessment));
    lines.push(("Spare, on top", spare(view)));
    lines.extend(autoscaled(assessment).map(|figure| ("Autoscaled to", figure)));
    let load = &assessment.model.load;
    lines.push((
        "Traffic",
        format!(
            "{} in, {} out, payload {} in",
            rate(Rate::new(load.messages_in_per_second)),
            rate(Rate::new(load.messages_out_per_second)),
            byte_rate(ByteRate::new(load.ingress_bytes_per_second))
        ),
    ));
    if let Some(spread) = assessment.crossing() {
        let nodes = assessment.scenario.broker.as_ref().and_then(|broker| broker.nodes);
        lines.push((
            "Broker",
            format!(
                "{} published, {} copies; nodes required: {}{}",
                rate(Rate::new(load.messages_in_per_second * spread.publishes)),
                rate(Rate::new(load.messages_in_per_second * spread.copies)),
                whole_interval(&assessment.broker_nodes_required),
                nodes.map_or_else(String::new, |n| format!("; the scenario has {}", count(n as f64)))
            ),
        ));
    }
    lines.extend(backend(assessment, metrics));
    if assessment.scenario.logs.is_some() {
        lines.push((
            "Logs",
            format!(
                "{} on {} log node{}",
                byte_rate_hourly(ByteRate::new(load.log_bytes_per_hour / 3_600.0)),
                whole_interval(&assessment.log_nodes_required),
                if assessment.model.fleet.log_nodes == 1 { "" } else { "s" }
            ),
        ));
        lines.extend(logs_kept(assessment));
    }
    if assessment.scenario.cdn.is_some() {
        lines.push((
            "Static files",
            format!(
                "{}, of which the CDN saves the origin {}",
                byte_rate(ByteRate::new(load.static_bytes_per_second)),
                byte_rate(ByteRate::new(load.static_bytes_per_second - load.origin_bytes_per_second))
            ),
        ));
    }
    if let Some(metrics) = metrics.filter(|metrics| metrics.unserved_share.value > 0.0) {
        lines.push(("NOT SERVED", unserved(view, metrics)));
    }
    if let Some(latency) = metrics.and_then(|metrics| metrics.latency) {
        lines.push((
            "Latency",
            format!(
                "p50 {}, p99 {}, p99.9 {}",
                fine(latency.p50.value),
                fine(latency.p99.value),
                fine(latency.p999.value)
            ),
        ));
    }
    if let Some(metrics) = metrics.filter(|_| !view.objectives.is_empty()) {
        lines.push(("Objectives", promise(view, metrics)));
    }
    let mut out = String::new();
    for (what, figure) in lines {
        let _ = writeln!(out, "{what:<19}{figure}");
    }
    out.push('\n');
    out
}

/// Who is left out.
fn unserved(view: &View<'_>, metrics: &RunMetrics) -> String {
    let left_out = interval(&metrics.unserved_share, share);
    if view.assessment.scenario.workload.session.is_some() {
        return format!("{left_out} of the connection attempts are refused");
    }
    format!(
        "{left_out} of the users: {} of {} connections are open",
        count_whole(metrics.connections.open.value),
        count_whole(view.assessment.model.load.connections)
    )
}

/// Whether all objectives are met, or which aren't.
pub(super) fn promise(view: &View<'_>, metrics: &RunMetrics) -> String {
    let those = |verdict| {
        let names: Vec<&str> =
            view.objectives.iter().filter(|o| o.verdict == verdict).map(|o| o.name.as_str()).collect();
        names.join(", ")
    };
    match overall(view.objectives) {
        Verdict::Met => "met".to_owned(),
        Verdict::NotMet => format!("NOT MET: {}", those(Verdict::NotMet)),
        Verdict::Undecided => {
            let why: Vec<&str> = metrics.unsteady.iter().map(|why| why.name()).collect();
            format!("UNDECIDED: the run is no steady state ({})", why.join(", "))
        }
    }
}

/// What messages read, and where.
fn backend(assessment: &Assessment, metrics: Option<&RunMetrics>) -> Vec<(&'static str, String)> {
    let (Some(reads), Some(backend)) = (assessment.reads(), &assessment.scenario.backend) else { return Vec::new() };
    let given = backend.nodes.map_or_else(String::new, |n| format!("; the scenario has {}", count(n as f64)));
    let mut lines = vec![(
        "Backend",
        format!(
            "{} of {} reads; nodes required: {}{given}",
            rate(Rate::new(reads.queries_per_second)),
            rate(Rate::new(reads.reads_per_second)),
            whole_interval(&assessment.backend_nodes_required)
        ),
    )];
    if let (Some(served), Some(cache)) = (reads.served, &assessment.scenario.cache) {
        let percent = |figure: f64| ratio(Ratio::new(figure.max(0.0)));
        let found = metrics.and_then(|metrics| metrics.cache);
        let seen = |figure: Option<Estimate>, show: &dyn Fn(f64) -> String| {
            figure.map_or_else(String::new, |e| format!(" (simulated {})", interval(&e, show)))
        };
        let mut line = format!("{} hits{}", percent(served.hit_ratio), seen(found.map(|c| c.hit_ratio), &percent));
        let whose = if cache.shared { "shared" } else { "on each server" };
        let _ = write!(line, ", {} {whose}", bytes(cache.bytes()));
        lines.push(("Cache", line));
        if served.mean_age.is_some() || cache.writes.get() > 0.0 {
            let age = served.mean_age.map_or_else(String::new, |age| {
                format!("{} old on average{}", fine(age), seen(found.and_then(|c| c.mean_age_seconds), &fine))
            });
            let stale = (cache.writes.get() > 0.0).then(|| {
                format!(
                    "{} of reads stale{}",
                    percent(served.stale_share),
                    seen(found.map(|c| c.stale_share), &percent)
                )
            });
            let parts: Vec<String> = [(!age.is_empty()).then_some(age), stale].into_iter().flatten().collect();
            lines.push(("  what it serves", parts.join(", ")));
        }
    }
    lines
}

/// The users at which something happens. Where one user is too many already there is no such number.
pub(super) fn at_users(figure: &Estimate) -> String {
    if figure.value < 1.0 {
        return "before the first user is in,".to_owned();
    }
    format!("at {}", counted(&interval(figure, count_whole), "user"))
}

/// What the log store holds when all its tiers are full, and each of them where there are several.
fn logs_kept(assessment: &Assessment) -> Vec<(&'static str, String)> {
    let amount = |figure: f64| bytes(Bytes::new(figure));
    let after = seconds(assessment.scenario.logs.map_or(Seconds::ZERO, |logs| logs.retention));
    let mut lines = vec![("Logs kept", format!("{} after {after}", interval(&assessment.log_bytes_kept, amount)))];
    if assessment.logs_kept.len() > 1 {
        lines.extend(assessment.logs_kept.iter().map(|tier| {
            let nodes = tier.nodes.map_or_else(
                || " of object storage".to_owned(),
                |nodes| format!(" on {}", counted(&whole_interval(&nodes), "node")),
            );
            let name = match tier.tier {
                "hot" => "  in the hot tier",
                "warm" => "  in the warm tier",
                _ => "  in the archive",
            };
            (name, format!("{}{nodes}", interval(&tier.bytes, amount)))
        }));
    }
    lines
}

/// What the servers cost, where machines have prices.
fn cheapest(assessment: &Assessment) -> Option<(&'static str, String)> {
    let price = assessment.price.as_ref()?;
    let cost = interval(&price.per_hour, super::plan::money);
    Some(("Cheapest", format!("{cost} {}/hour on {}, spare ones included", price.currency, price.machine)))
}

/// The servers that an autoscaler asks for in the end, if the peak lasts.
fn autoscaled(assessment: &Assessment) -> Option<String> {
    let rule = assessment.scenario.autoscaler?;
    let (least, most) = (count(rule.least as f64), count(rule.most as f64));
    Some(match assessment.servers_scaled_to {
        Some(servers) => format!("{} at the peak, of {least} to {most}", count(servers as f64)),
        None => format!("all {most} that it may have, and the peak takes more"),
    })
}

/// The servers on top of those required, and what they are for.
pub(super) fn spare(view: &View<'_>) -> String {
    let assessment = view.assessment;
    let all = whole_interval(&assessment.spare);
    let Some(zones) = assessment.scenario.zones.as_ref().filter(|zones| zones.tolerate > 0) else { return all };
    format!(
        "{all}, of them {} so that {} of {} zones can be lost",
        whole_interval(&assessment.zone_spare),
        zones.tolerate,
        zones.names.len()
    )
}

/// Which uncertain input moves what.
fn sensitivity(view: &View<'_>) -> String {
    let currency = view.assessment.price.as_ref().map_or("", |price| &price.currency);
    super::sensitivity::table(&view.assessment.sensitivity, currency)
}

pub(super) fn plain(figure: f64) -> String {
    if figure >= 100.0 { count(figure) } else { format!("{figure}") }
}

fn arithmetic(title: &str, steps: &[Step]) -> String {
    let mut out = format!("{title}\n");
    let rows = steps.iter().map(|s| vec![format!("  {}", s.what), s.how.clone(), format!("= {}", s.result)]);
    out += &bare(rows);
    out.push('\n');
    out
}

fn load(view: &View<'_>, metrics: Option<&RunMetrics>) -> String {
    let load = &view.assessment.model.load;
    let flow = |figure: f64| byte_rate(ByteRate::new(figure.max(0.0)));
    let events = |figure: f64| rate(Rate::new(figure.max(0.0)));
    let flows = metrics.map(|metrics| &metrics.flows);
    let simulated = |pick: &dyn Fn(&crate::metrics::Flows) -> Estimate, show: &dyn Fn(f64) -> String| {
        flows.map_or_else(String::new, |flows| interval(&pick(flows), show))
    };
    let hourly = |figure: f64| byte_rate_hourly(ByteRate::new(figure.max(0.0) / 3_600.0));
    let mut rows = vec![
        vec![
            "connections".into(),
            count(load.connections),
            metrics.map_or_else(String::new, |m| interval(&m.connections.open, count_whole)),
        ],
        vec!["messages in".into(), events(load.messages_in_per_second), simulated(&|f| f.messages_in, &events)],
        vec!["messages out".into(), events(load.messages_out_per_second), simulated(&|f| f.messages_out, &events)],
    ];
    let workload = &view.assessment.scenario.workload;
    if workload.timeout.is_some() || workload.retry.is_some() {
        // A part of the messages out, so it stands right below.
        rows.push(vec!["goodput".into(), String::new(), simulated(&|f| f.goodput, &events)]);
    }
    rows.extend([
        vec!["payload in".into(), flow(load.ingress_bytes_per_second), simulated(&|f| f.ingress_bytes, &flow)],
        vec!["payload out".into(), flow(load.egress_bytes_per_second), simulated(&|f| f.egress_bytes, &flow)],
        vec!["on the wire, in".into(), flow(load.ingress_wire_bytes_per_second), String::new()],
        vec!["on the wire, out".into(), flow(load.egress_wire_bytes_per_second), String::new()],
    ]);
    if view.assessment.crossing().is_some() {
        let planned = |name: &str| view.assessment.load_figure(name).map_or(0.0, |figure| figure.value);
        let (published, copies) = (planned("published_per_second"), planned("copies_per_second"));
        rows.push(vec!["to the broker".into(), events(published), simulated(&|f| f.published, &events)]);
        rows.push(vec!["copies from it".into(), events(copies), simulated(&|f| f.copies, &events)]);
        rows.push(vec!["backplane".into(), flow(planned("backplane_bytes_per_second")), String::new()]);
    }
    if view.assessment.scenario.workload.profile.is_some() {
        rows.push(vec!["peak over mean".into(), format!("{:.2}", load.peak_to_mean), String::new()]);
    }
    if load.heartbeats_per_second > 0.0 {
        rows.push(vec!["heartbeats".into(), events(load.heartbeats_per_second), simulated(&|f| f.heartbeats, &events)]);
    }
    if view.assessment.scenario.logs.is_some() {
        rows.push(vec!["logs".into(), hourly(load.log_bytes_per_hour), simulated(&|f| f.log_bytes_per_hour, &hourly)]);
    }
    if view.assessment.scenario.cdn.is_some() {
        rows.push(vec!["static files".into(), flow(load.static_bytes_per_second), String::new()]);
        rows.push(vec!["of them, from the origin".into(), flow(load.origin_bytes_per_second), String::new()]);
    }
    table(&["load", "closed form", "simulated (95 %)"].map(str::to_owned), rows.into_iter(), |_| false)
}

fn resources(view: &View<'_>) -> String {
    let header = ["gives way", "used", "users at target", "users at limit", "units"].map(str::to_owned);
    let rows = view.assessment.resources.iter().map(|resource| {
        let users = |found: Option<Estimate>| found.map_or_else(|| "never".to_owned(), |u| interval(&u, short_users));
        vec![
            resource.kind.name().to_owned(),
            interval(&resource.utilisation, share),
            users(resource.users_at_target),
            users(resource.users_at_limit),
            whole_interval(&resource.units_required),
        ]
    });
    spaced_table(&header, rows, |_| false, 0)
}

fn latency(view: &View<'_>, metrics: &RunMetrics) -> String {
    let Some(latency) = metrics.latency else { return "No message was delivered.\n\n".to_owned() };
    let time = fine;
    let form = view.assessment.latency.mean_seconds.map_or_else(|| "without end".to_owned(), time);
    let network = view.assessment.latency.network_seconds;
    let row = |name: &str, form: String, figure: &Estimate| vec![name.to_owned(), form, interval(figure, time)];
    let rows = vec![
        row("mean", form, &latency.mean),
        row("p50", String::new(), &latency.p50),
        row("p90", String::new(), &latency.p90),
        row("p95", String::new(), &latency.p95),
        row("p99", String::new(), &latency.p99),
        row("p99.9", String::new(), &latency.p999),
        row("max", String::new(), &latency.max),
        vec!["of it, network".to_owned(), time(network), String::new()],
    ];
    table(&["latency", "closed form", "simulated (95 %)"].map(str::to_owned), rows.into_iter(), |_| false)
}

fn closed_latency(view: &View<'_>) -> String {
    let form = &view.assessment.latency;
    let time =
        |figure: Option<f64>| figure.map_or_else(|| "without end".to_owned(), |f| seconds(Seconds::new(f.max(0.0))));
    let rows = form
        .stations
        .iter()
        .map(|s| {
            vec![
                s.name.to_owned(),
                ratio(Ratio::new(s.busy)),
                time(s.wait_seconds),
                time(s.residence_seconds),
                s.method.to_owned(),
            ]
        })
        .chain([
            vec!["network".into(), String::new(), String::new(), time(Some(form.network_seconds)), String::new()],
            vec!["mean latency".into(), String::new(), String::new(), time(form.mean_seconds), String::new()],
        ]);
    table(&["latency", "busy", "wait", "time", "formula"].map(str::to_owned), rows, |column| column == 4)
}

fn stations(view: &View<'_>, metrics: &RunMetrics) -> String {
    let header =
        ["station", "load", "busy", "wait: closed form", "wait: simulated (95 %)", "time", "queue"].map(str::to_owned);
    let rows = metrics.stations.iter().map(|station| {
        let form = view.assessment.latency.stations.iter().find(|form| form.name == station.name);
        let time = |figure: f64| seconds(Seconds::new(figure.max(0.0)));
        let share = |figure: f64| ratio(Ratio::new(figure.max(0.0)));
        vec![
            station.name.to_owned(),
            share(station.utilisation.value),
            share(station.busy.value),
            form.map_or_else(String::new, |form| form.wait_seconds.map_or_else(|| "without end".to_owned(), time)),
            station.wait_seconds.map_or_else(|| "-".to_owned(), |wait| interval(&wait, time)),
            station.residence_seconds.map_or_else(|| "-".to_owned(), |all| time(all.value)),
            count_small(station.queue_length.value),
        ]
    });
    table(&header, rows, |_| false)
}

/// Users with a slow downlink, where there are any.
fn slow_clients(view: &View<'_>, metrics: Option<&RunMetrics>) -> String {
    let assessment = view.assessment;
    let Some(form) = assessment.latency.slow else { return String::new() };
    let found = metrics.and_then(|metrics| metrics.slow_clients.as_ref());
    let amount = |figure: f64| bytes(Bytes::new(figure.max(0.0)));
    let part = |figure: f64| ratio(Ratio::new(figure.max(0.0)));
    let row =
        |name: &str, form: String, figure: Option<String>| vec![name.to_owned(), form, figure.unwrap_or_default()];
    let on_a_server = assessment.model.admitted.connections / assessment.model.fleet.servers as f64;
    let mut rows = vec![
        row("downlink used", part(form.utilisation), found.map(|s| interval(&s.utilisation, part))),
        row("waiting for each", amount(form.waiting_bytes), found.map(|s| interval(&s.waiting_bytes, amount))),
        row(
            "on a server",
            amount(on_a_server * form.memory_per_connection()),
            found.map(|s| interval(&s.memory_bytes, amount)),
        ),
        row("lost", part(form.dropped_share), found.map(|s| interval(&s.dropped_share, part))),
        row(
            "mean latency",
            assessment.latency.slow_mean_seconds().map_or_else(|| "without end".to_owned(), fine),
            found.and_then(|s| s.latency).map(|latency| interval(&latency.mean, fine)),
        ),
    ];
    if let Some(latency) = found.and_then(|s| s.latency) {
        rows.push(row("p99", String::new(), Some(interval(&latency.p99, fine))));
    }
    let cuts = assessment.model.admitted.connections * form.share * form.cuts_per_second;
    let seen = metrics.map_or(1.0, |m| m.setup.duration_seconds - m.setup.warm_up_seconds);
    let cuts_found = found.map(|s| s.cut.scaled(1.0 / seen));
    if cuts > 0.0 || cuts_found.is_some_and(|found| found.value > 0.0) {
        let events = |figure: f64| rate(Rate::new(figure.max(0.0)));
        rows.push(row("connections cut", events(cuts), cuts_found.map(|found| interval(&found, events))));
    }
    let title = format!("slow clients ({})", part(form.share));
    let mut header = vec![title, "closed form".to_owned()];
    if metrics.is_some() {
        header.push("simulated (95 %)".to_owned());
    } else {
        for row in &mut rows {
            row.truncate(2);
        }
    }
    table(&header, rows.into_iter(), |_| false)
}

/// Most rows that the time of a run is shown in.
const RUSH_ROWS: usize = 12;

/// Over time: how a cache that started cold fills, and what the backend goes through meanwhile.
fn rush(view: &View<'_>, metrics: &RunMetrics) -> String {
    if !view.assessment.scenario.cache.as_ref().is_some_and(|cache| cache.cold) {
        return String::new();
    }
    // Closer together at the start, where things happen.
    let n = metrics.series.len();
    let mut places: Vec<usize> =
        (1..=RUSH_ROWS).map(|row| ((row * row * n) as f64 / (RUSH_ROWS * RUSH_ROWS) as f64).ceil() as usize).collect();
    places.dedup();
    let percent = |figure: f64| ratio(Ratio::new(figure.max(0.0)));
    let rows = places.into_iter().filter_map(|place| metrics.series.get(place.max(1) - 1)).filter_map(|point| {
        let backend = point.backend?;
        Some(vec![
            seconds(Seconds::new(point.until_seconds)),
            backend.hit_ratio.map_or_else(|| "-".to_owned(), percent),
            rate(Rate::new(backend.queries)),
            percent(backend.utilisation),
            count_small(backend.inside),
            point.latency.map_or_else(|| "-".to_owned(), fine),
        ])
    });
    let header = ["until", "hit ratio", "queries", "backend busy", "queries inside", "mean latency"];
    table(&header.map(str::to_owned), rows, |_| false)
}

fn connections(metrics: &RunMetrics) -> String {
    let c = &metrics.connections;
    let retried = &metrics.retried_messages;
    let busy = [&c.accepted, &c.refused, &c.timed_out, &c.dropped, &c.ended, &metrics.dropped_messages, retried];
    if busy.iter().all(|figure| figure.value == 0.0) {
        return String::new();
    }
    let rows = [
        ("connections accepted", &c.accepted),
        ("connections refused", &c.refused),
        ("connections timed out", &c.timed_out),
        ("connections ended", &c.ended),
        (if c.cut.value > 0.0 { "connections dropped" } else { "connections dropped (memory)" }, &c.dropped),
        ("messages timed out", &metrics.timed_out_messages),
        ("messages sent again", &metrics.retried_messages),
        ("messages lost", &metrics.dropped_messages),
    ]
    .into_iter()
    .filter(|(_, figure)| figure.value > 0.0)
    .map(|(name, figure)| vec![name.to_owned(), interval(figure, count_whole)])
    .chain([vec!["memory in use".to_owned(), interval(&c.memory_utilisation, |f| ratio(Ratio::new(f.max(0.0))))]]);
    let measured = seconds(Seconds::new(metrics.setup.duration_seconds - metrics.setup.warm_up_seconds));
    table(&[format!("in {measured}"), "simulated (95 %)".to_owned()], rows, |_| false)
}

/// What an autoscaler did, beside a fixed fleet.
fn autoscaler(metrics: &RunMetrics) -> String {
    let Some(scaling) = &metrics.scaling else { return String::new() };
    let fixed = scaling.fixed_server_seconds;
    let rows = [
        ("more servers asked for", interval(&scaling.scale_outs, count_small)),
        ("servers removed", interval(&scaling.scale_ins, count_small)),
        ("most servers up", interval(&scaling.most, count_small)),
        ("server-seconds paid for", interval(&scaling.server_seconds, count_whole)),
        (
            "of a fixed fleet",
            format!("{} ({})", count_whole(fixed), counted(&count(scaling.fixed_servers as f64), "server")),
        ),
        ("of that, paid for", interval(&scaling.server_seconds.scaled(1.0 / fixed), share)),
    ]
    .map(|(name, figure)| vec![name.to_owned(), figure]);
    let all = seconds(Seconds::new(metrics.setup.duration_seconds));
    table(&[format!("autoscaler, in {all}"), "simulated (95 %)".to_owned()], rows.into_iter(), |_| false)
}

/// What each fault did until the next one.
fn recovery(metrics: &RunMetrics) -> String {
    if metrics.recovery.is_empty() {
        return String::new();
    }
    let header: Vec<String> = std::iter::once("fault").chain(RECOVERY).map(str::to_owned).collect();
    let rows = metrics.recovery.iter().map(|fault| [vec![fault_named(fault)], recovery_row(fault)].concat());
    spaced_table(&header, rows, |_| false, 1)
}

pub(super) const RECOVERY: [&str; 7] =
    ["dropped", "99 % back", "peak accepts", "peak attempts", "refused", "gave up", "lost msgs"];

pub(super) fn fault_named(fault: &FaultMetrics) -> String {
    format!("{} at {}", cut(&fault.what, 30), seconds(Seconds::new(fault.at_seconds)))
}

pub(super) fn recovery_row(fault: &FaultMetrics) -> Vec<String> {
    let events = |figure: &Estimate| format!("{}/s", short_count(figure.value.max(0.0)));
    vec![
        short_count(fault.dropped.value),
        fault.back_seconds.map_or_else(|| "not in time".to_owned(), |back| seconds(Seconds::new(back.value))),
        events(&fault.peak_accept_rate),
        events(&fault.peak_attempt_rate),
        short_count(fault.refused.value),
        short_count(fault.timed_out.value),
        short_count(fault.messages_lost.value),
    ]
}

fn objectives(view: &View<'_>) -> String {
    if view.objectives.is_empty() {
        return String::new();
    }
    let rows = view.objectives.iter().map(|objective| {
        let show = |figure: f64| {
            if objective.name == "dropped" {
                ratio(Ratio::new(figure.max(0.0)))
            } else {
                seconds(Seconds::new(figure.max(0.0)))
            }
        };
        let verdict = match (objective.verdict, objective.sure) {
            (Verdict::Met, true) => "met",
            (Verdict::Met, false) => "met, not surely",
            (Verdict::NotMet, true) => "NOT MET",
            (Verdict::NotMet, false) => "NOT MET, not surely",
            (Verdict::Undecided, _) => "UNDECIDED",
        };
        vec![
            objective.name.clone(),
            show(objective.limit),
            objective.found.map_or_else(|| "nothing delivered".to_owned(), |found| interval(&found, show)),
            verdict.to_owned(),
        ]
    });
    let mut out = table(&["objective", "at most", "simulated (95 %)", "verdict"].map(str::to_owned), rows, |c| c == 3);
    if view.objectives.iter().any(|objective| objective.verdict == Verdict::Undecided) {
        out.truncate(out.trim_end().len());
        out += "\n";
        out +=
            &wrapped("UNDECIDED: within the limit in this run, but the run is no steady state; see the notes below.");
        out += "\n";
    }
    out
}

fn solutions(view: &View<'_>) -> String {
    let mut out = "Bottleneck -> solution -> trade-offs\n".to_owned();
    for (i, resource) in view.assessment.resources.iter().take(ADVICE).enumerate() {
        let advice = advice(resource.kind);
        out += &wrapped(&format!("{}. {} -> {}", i + 1, resource.kind.name(), advice.solution));
        for trade_off in advice.trade_offs {
            out += &indented(&format!("- {trade_off}"), 5);
        }
    }
    out.push('\n');
    out
}

fn how_it_ran(view: &View<'_>, metrics: &RunMetrics) -> String {
    let setup = &metrics.setup;
    let mut out = wrapped(&format!(
        "Simulated {} of {} server{}, {} ({}): {} messages in {} replication{} of {}, the first {} of each left out.",
        count(setup.servers_simulated as f64),
        count(setup.servers as f64),
        if setup.servers == 1 { "" } else { "s" },
        setup.mode,
        setup.reason,
        count(metrics.messages as f64),
        setup.replications,
        if setup.replications == 1 { "" } else { "s" },
        seconds(Seconds::new(setup.duration_seconds)),
        seconds(Seconds::new(setup.warm_up_seconds)),
    ));
    out += &wrapped(&format!(
        "Closed-form intervals hold 90 % of {} worlds drawn from what is uncertain; simulated ones are 95 % intervals of sampling{}.",
        view.assessment.worlds,
        if setup.mode == "sampled" { ", the choice of servers included" } else { "" }
    ));
    if setup.servers_simulated > 1 {
        out += &wrapped(&format!(
            "The busiest server, number {}, ran its CPU at {}.",
            metrics.servers.worst,
            ratio(Ratio::new(metrics.servers.worst_cpu_utilisation))
        ));
    }
    for warning in &metrics.warnings {
        out += &wrapped(&format!("Note: {warning}."));
    }
    out
}

/// A table whose first column, and those that `left` names, are aligned left, and the others right.
pub(super) fn table(
    header: &[String],
    rows: impl Iterator<Item = Vec<String>>,
    left: impl Fn(usize) -> bool,
) -> String {
    spaced_table(header, rows, left, 2)
}

/// The same, with so many more blanks between columns than one.
pub(super) fn spaced_table(
    header: &[String],
    rows: impl Iterator<Item = Vec<String>>,
    left: impl Fn(usize) -> bool,
    gap: u16,
) -> String {
    let rows: Vec<Vec<String>> = rows.collect();
    let mut out = String::new();
    for columns in parts(&least_widths(header, &rows, gap), usize::from(table_width())) {
        let of = |cells: &[String]| columns.iter().filter_map(|at| cells.get(*at).cloned()).collect::<Vec<_>>();
        out += &one_table(&of(header), rows.iter().map(|row| of(row)), |at| left(columns[at]), gap);
    }
    out
}

fn one_table(
    header: &[String],
    rows: impl Iterator<Item = Vec<String>>,
    left: impl Fn(usize) -> bool,
    gap: u16,
) -> String {
    let mut table = Table::new();
    table.load_style(UNDERLINED).set_width(table_width()).set_header(header);
    let rows: Vec<Vec<String>> = rows.collect();
    let widths = least_widths(header, &rows, gap);
    table.add_rows(rows);
    align(&mut table, header.len(), left, gap);
    // Narrowed only where it must be: arranging evens columns out, and would break cells of a table that fits.
    table.set_content_arrangement(ContentArrangement::Disabled);
    if table.lines().any(|line| line.trim_end().chars().count() > usize::from(table_width())) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        if table_width() < COLUMNS {
            // On a narrow terminal no word is broken, least of all a number.
            for (column, width) in table.column_iter_mut().zip(widths) {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width as u16)));
            }
        }
    }
    trimmed(&table) + "\n"
}

/// The least that each column takes, with the blanks after it: words stay whole, and so do figures with their unit.
fn least_widths(header: &[String], rows: &[Vec<String>], gap: u16) -> Vec<usize> {
    let word = |text: &String| text.split([' ', '\n']).map(|word| word.chars().count()).max().unwrap_or(0);
    let figure = |text: &String| Some(text.chars().count()).filter(|width| *width <= FIGURE);
    let of_column = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|text| figure(text).unwrap_or_else(|| word(text)));
        cells.chain(header.get(at).map(word)).max().unwrap_or(0) + usize::from(gap)
    };
    (0..header.len()).map(of_column).collect()
}

/// The columns of a table that is too wide for a narrow terminal, in parts that are not. Each begins with the first column,
/// which says whose row it is.
fn parts(widths: &[usize], most: usize) -> Vec<Vec<usize>> {
    if most >= usize::from(COLUMNS) || widths.len() < 2 || widths.iter().sum::<usize>() + widths.len() - 1 <= most {
        return vec![(0..widths.len()).collect()];
    }
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut width = most;
    for (at, column) in widths.iter().enumerate().skip(1) {
        width += 1 + column;
        match parts.last_mut() {
            Some(part) if width <= most => part.push(at),
            _ => {
                parts.push(vec![0, at]);
                width = widths[0] + 1 + column;
            }
        }
    }
    parts
}

pub(super) fn bare(rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(table_width());
    for row in rows {
        table.add_row(row);
    }
    align(&mut table, 3, |_| true, 2);
    trimmed(&table)
}

fn align(table: &mut Table, columns: usize, left: impl Fn(usize) -> bool, gap: u16) {
    for column in 0..columns {
        let side = if column == 0 || left(column) { CellAlignment::Left } else { CellAlignment::Right };
        if let Some(column) = table.column_mut(column) {
            column.set_padding((0, gap));
            column.set_cell_alignment(side);
        }
    }
}

fn trimmed(table: &Table) -> String {
    table.to_string().lines().fold(String::new(), |out, line| out + line.trim_end() + "\n")
}

/// A text in lines that fit the page.
pub(super) fn wrapped(text: &str) -> String {
    fold(text, 0, 0)
}

pub(super) fn indented(text: &str, by: usize) -> String {
    fold(text, by, by + 2)
}

/// Breaks a text into lines that fit the page, the first indented by `first`, the others by `rest`.
fn fold(text: &str, first: usize, rest: usize) -> String {
    let mut out = " ".repeat(first);
    let mut width = first;
    let most = usize::from(text_width());
    for (i, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if i > 0 && width + 1 + length > most {
            out.push('\n');
            out += &" ".repeat(rest);
            width = rest;
        } else if i > 0 {
            out.push(' ');
            width += 1;
        }
        out += word;
        width += length;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_too_wide_comes_in_parts_that_say_whose_they_are() {
        let widths = [10, 20, 20, 30, 60];
        assert_eq!(parts(&widths, 100), [[0, 1, 2, 3, 4]], "a page is never cut");
        assert_eq!(parts(&widths[..4], 83), [[0, 1, 2, 3]], "a blank between two");
        assert_eq!(parts(&widths[..4], 82), [vec![0, 1, 2], vec![0, 3]]);
        assert_eq!(parts(&widths, 60), [vec![0, 1, 2], vec![0, 3], vec![0, 4]]);
        assert_eq!(parts(&[80], 60), [[0]]);
    }
}
