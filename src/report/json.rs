//! JSON: the names that other programs rely on. Figures are `{value, low, high}` in SI base units; null where a figure does
//! not exist.

use serde_json::{Map, Value, json};

use super::{SCHEMA_VERSION, VERSION, View, sensitivity};
use crate::analysis::advice::advice;
use crate::analysis::assessment::LEVEL;
use crate::analysis::slo::{Objective, Verdict, overall};
use crate::analysis::{Assessment, ResourceAssessment};
use crate::metrics::summary::STATION_NAMES;
use crate::metrics::{FaultMetrics, LatencyMetrics, RunMetrics, ScalingMetrics, SeriesPoint, SlowMetrics};
use crate::model::ResourceKind;
use crate::model::backend::caches;
use crate::model::latency::StationForm;
use crate::scenario::Scenario;
use crate::stats::Estimate;

/// The whole result of one scenario.
pub fn result(view: &View<'_>) -> Value {
    let mut out = head(view);
    out.extend(body(view));
    Value::Object(out)
}

fn head(view: &View<'_>) -> Map<String, Value> {
    head_of(&view.assessment.scenario, view.hash)
}

/// What every result begins with.
pub(super) fn head_of(scenario: &Scenario, hash: &str) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("schema_version".into(), json!(SCHEMA_VERSION));
    out.insert("program".into(), json!({ "name": "plimsoll", "version": VERSION }));
    out.insert("scenario".into(), json!({ "name": scenario.name, "hash": hash }));
    out.insert("seed".into(), json!(scenario.simulation.seed));
    out
}

fn body(view: &View<'_>) -> Map<String, Value> {
    let assessment = view.assessment;
    let parameter = json!({ "level": LEVEL, "kind": "parameter" });
    let mut load = Map::new();
    load.insert("intervals".into(), parameter.clone());
    load.extend(assessment.load.iter().map(|(name, figure)| ((*name).to_owned(), json!(figure))));
    let mut out = Map::new();
    out.insert("load".into(), Value::Object(load));
    out.insert("required".into(), required(assessment, &parameter));
    out.insert(
        "bottlenecks".into(),
        assessment.resources.iter().map(|resource| bottleneck(assessment, resource)).collect(),
    );
    out.insert(
        "saturation".into(),
        assessment
            .resources
            .iter()
            .map(|resource| {
                json!({
                    "resource": resource.kind.name(),
                    "users_at_target": resource.users_at_target,
                    "users_at_limit": resource.users_at_limit,
                })
            })
            .collect(),
    );
    if !assessment.logs_kept.is_empty() {
        out.insert("log_storage".into(), log_storage(assessment, &parameter));
    }
    out.insert("closed_form".into(), closed_form(assessment));
    out.extend(reads(assessment).map(|reads| ("reads".into(), reads)));
    out.insert(
        "uncertain".into(),
        assessment
            .uncertain
            .iter()
            .map(|i| json!({ "path": i.path, "low": i.low, "high": i.high, "distribution": i.belief.name() }))
            .collect(),
    );
    out.insert("sensitivity".into(), sensitivity::json(&assessment.sensitivity));
    if let Some(price) = &assessment.price {
        out.insert(
            "price".into(),
            json!({
                "intervals": parameter,
                "per_hour": price.per_hour,
                "currency": price.currency,
                "shape": price.machine,
            }),
        );
    }
    out.insert(
        "assumptions".into(),
        assessment.assumed.iter().map(|a| json!({ "path": a.path, "value": a.value, "source": a.source })).collect(),
    );
    out.insert("growth".into(), growth(assessment));
    if !view.objectives.is_empty() {
        out.insert("slo".into(), slo(view.objectives));
    }
    if let Some(metrics) = view.metrics {
        let mut simulated = simulation(metrics);
        add_backend(&mut simulated, metrics);
        out.insert("simulation".into(), simulated);
    }
    out
}

/// What breaks next, at many times the users.
fn growth(assessment: &Assessment) -> Value {
    assessment
        .growth
        .iter()
        .map(|grown| {
            let breaks: Vec<Value> = grown
                .breaks
                .iter()
                .map(|(kind, used)| json!({ "resource": kind.name(), "utilisation": Estimate::exact(*used) }))
                .collect();
            let units = |units: u64| Estimate::exact(units as f64);
            json!({
                "factor": grown.factor,
                "users": Estimate::exact(grown.users),
                "breaks": breaks,
                "required": {
                    "servers": units(grown.required.servers),
                    "balancers": units(grown.required.balancers),
                    "broker_nodes": units(grown.required.broker_nodes),
                    "backend_nodes": units(grown.required.backend_nodes),
                    "log_nodes": units(grown.required.log_nodes),
                },
                "next": grown.next.map(ResourceKind::name),
            })
        })
        .collect()
}

fn required(assessment: &Assessment, intervals: &Value) -> Value {
    let by_resource: Vec<Value> = assessment
        .resources
        .iter()
        .map(|resource| json!({ "resource": resource.kind.name(), "units": resource.units_required }))
        .collect();
    json!({
        "intervals": intervals,
        "servers": assessment.servers_required,
        "servers_scaled_to": assessment.servers_scaled_to,
        "spare": assessment.spare,
        "zone_spare": assessment.zone_spare,
        "balancers": assessment.balancers_required,
        "broker_nodes": assessment.broker_nodes_required,
        "backend_nodes": assessment.backend_nodes_required,
        "log_nodes": assessment.log_nodes_required,
        "by_resource": by_resource,
    })
}

/// What the log store holds when it is full, tier by tier.
fn log_storage(assessment: &Assessment, intervals: &Value) -> Value {
    let tiers: Vec<Value> = assessment
        .logs_kept
        .iter()
        .map(|tier| {
            json!({
                "tier": tier.tier,
                "for_seconds": tier.kept.keep.get(),
                "replication": tier.kept.replication,
                "compression": tier.kept.compression,
                "bytes": tier.bytes,
                "nodes": tier.nodes,
            })
        })
        .collect();
    json!({ "intervals": intervals, "bytes": assessment.log_bytes_kept, "tiers": tiers })
}

fn bottleneck(assessment: &Assessment, resource: &ResourceAssessment) -> Value {
    let advice = advice(resource.kind);
    let mut out = json!({
        "resource": resource.kind.name(),
        "utilisation": resource.utilisation,
    });
    if resource.kind == ResourceKind::Cpu
        && let Some(form) = assessment.latency.stations.iter().find(|station| station.name == resource.kind.name())
    {
        out["busy"] = json!(Estimate::exact(form.busy));
    }
    out["solution"] = json!(advice.solution);
    out["trade_offs"] = json!(advice.trade_offs);
    out
}

fn closed_form(assessment: &Assessment) -> Value {
    let form = &assessment.latency;
    let stations: Vec<Value> = form.stations.iter().map(station_form).collect();
    let mut out = json!({
        "servers": assessment.model.fleet.servers,
        "broker_nodes": assessment.model.fleet.broker_nodes,
        "backend_nodes": assessment.model.fleet.backend_nodes,
        "latency_seconds": { "mean": form.mean_seconds },
        "network_seconds": form.network_seconds,
        "stations": stations,
    });
    if let Some(slow) = slow_form(assessment) {
        out["slow_clients"] = slow;
    }
    out
}

/// Users with a slow downlink, in closed form.
fn slow_form(assessment: &Assessment) -> Option<Value> {
    let slow = assessment.latency.slow?;
    let admitted = assessment.model.admitted.connections / assessment.model.fleet.servers as f64;
    Some(json!({
        "share": slow.share,
        "method": slow.method,
        "exact": slow.exact,
        "utilisation": slow.utilisation,
        "waiting_bytes": slow.waiting_bytes,
        "memory_bytes": admitted * slow.memory_per_connection(),
        "dropped_share": slow.dropped_share,
        "cuts_per_second": admitted * assessment.model.fleet.servers as f64 * slow.share * slow.cuts_per_second,
        "wait_seconds": slow.wait_seconds,
        "latency_seconds": { "mean": assessment.latency.slow_mean_seconds() },
    }))
}

/// The same, simulated.
fn slow_clients(slow: &SlowMetrics) -> Value {
    json!({
        "share": slow.share,
        "utilisation": slow.utilisation,
        "waiting_bytes": slow.waiting_bytes,
        "memory_bytes": slow.memory_bytes,
        "dropped_share": slow.dropped_share,
        "dropped_deliveries": slow.dropped_deliveries,
        "cut_connections": slow.cut,
        "latency_seconds": slow.latency.map(latency),
    })
}

/// What messages read, and what caches do for them, in the closed form.
fn reads(assessment: &Assessment) -> Option<Value> {
    let reads = assessment.reads()?;
    let mut out = json!({
        "reads_per_second": reads.reads_per_second,
        "queries_per_second": reads.queries_per_second,
    });
    if let (Some(served), Some(cache)) = (reads.served, &assessment.scenario.cache) {
        out["cache"] = json!({
            "caches": caches(&assessment.scenario, assessment.model.fleet.servers),
            "objects_held": cache.size.min(cache.objects),
            "bytes_each": cache.bytes().get(),
            "hit_ratio": served.hit_ratio,
            "mean_age_seconds": served.mean_age,
            "stale_share": served.stale_share,
        });
    }
    Some(out)
}

/// Adds what caches and backend did in a simulation, where there are any.
fn add_backend(simulated: &mut Value, metrics: &RunMetrics) {
    if let Some(cache) = metrics.cache {
        simulated["cache"] = json!({
            "hit_ratio": cache.hit_ratio,
            "mean_age_seconds": cache.mean_age_seconds,
            "stale_share": cache.stale_share,
        });
    }
    let Some(series) = simulated["series"].as_array_mut() else { return };
    for (shown, point) in series.iter_mut().zip(&metrics.series) {
        let Some(backend) = point.backend else { continue };
        shown["backend_utilisation"] = json!(backend.utilisation);
        shown["backend_queries_per_second"] = json!(backend.queries);
        shown["backend_queries_inside"] = json!(backend.inside);
        if metrics.cache.is_some() {
            shown["hit_ratio"] = json!(backend.hit_ratio);
        }
    }
}

fn station_form(form: &StationForm) -> Value {
    json!({
        "name": form.name,
        "method": form.method,
        "exact": form.exact,
        "wait_seconds": form.wait_seconds,
        "residence_seconds": form.residence_seconds,
        "busy": form.busy,
        "loss": form.loss,
    })
}

pub(super) fn slo(objectives: &[Objective]) -> Value {
    let each: Vec<Value> = objectives
        .iter()
        .map(|o| {
            json!({
                "objective": o.name,
                "limit": o.limit,
                "found": o.found,
                "met": o.met(),
                "verdict": verdict(o.verdict),
                "sure": o.sure,
            })
        })
        .collect();
    let all = overall(objectives);
    json!({ "met": all == Verdict::Met, "verdict": verdict(all), "objectives": each })
}

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::NotMet => "not met",
        Verdict::Undecided => "undecided",
    }
}

fn simulation(metrics: &RunMetrics) -> Value {
    let setup = &metrics.setup;
    let flows = &metrics.flows;
    let connections = &metrics.connections;
    let stations: Vec<Value> = metrics
        .stations
        .iter()
        .map(|station| {
            json!({
                "name": station.name,
                "utilisation": station.utilisation,
                "busy": station.busy,
                "wait_seconds": station.wait_seconds,
                "residence_seconds": station.residence_seconds,
                "queue_length": station.queue_length,
                "number": station.number,
                "throughput_per_second": station.throughput_per_second,
            })
        })
        .collect();
    let series: Vec<Value> = metrics
        .series
        .iter()
        .map(|point| {
            json!({
                "until_seconds": point.until_seconds,
                "connections": point.connections,
                "messages_in_per_second": point.messages_in,
                "cpu_busy": point.cpu_busy,
                "latency_mean_seconds": point.latency,
                "latency_p99_seconds": point.latency_p99,
                "utilisation": utilisation(point),
                "messages_inside": point.inside,
                "accepted_per_second": point.accepted,
                "attempts_per_second": point.attempts,
                "refused_per_second": point.refused,
                "goodput_per_second": point.goodput,
                "retried_messages_per_second": point.retried,
                "servers": point.servers,
                "down_servers": point.down_servers,
                "dropped_messages_per_second": point.dropped,
                "memory_utilisation": point.memory,
            })
        })
        .collect();
    let mut out = json!({
        "intervals": { "level": 0.95, "kind": "sampling" },
        "mode": setup.mode,
        "mode_reason": setup.reason,
        "servers": setup.servers,
        "servers_simulated": setup.servers_simulated,
        "replications": setup.replications,
        "duration_seconds": setup.duration_seconds,
        "warm_up_seconds": setup.warm_up_seconds,
        "messages": Estimate::exact(metrics.messages as f64),
        "events": Estimate::exact(metrics.events as f64),
        "messages_in_per_second": flows.messages_in,
        "messages_out_per_second": flows.messages_out,
        "goodput_per_second": flows.goodput,
        "ingress_bytes_per_second": flows.ingress_bytes,
        "egress_bytes_per_second": flows.egress_bytes,
        "published_per_second": flows.published,
        "copies_per_second": flows.copies,
        "heartbeats_per_second": flows.heartbeats,
        "log_bytes_per_hour": flows.log_bytes_per_hour,
        "latency_seconds": metrics.latency.map(latency),
        "stations": stations,
        "connections": connections.open,
        "accepted_connections": connections.accepted,
        "refused_connections": connections.refused,
        "timed_out_connections": connections.timed_out,
        "dropped_connections": connections.dropped,
        "ended_connections": connections.ended,
        "memory_utilisation": connections.memory_utilisation,
        "dropped_messages": metrics.dropped_messages,
        "dropped_share": metrics.dropped_share,
        "unserved_share": metrics.unserved_share,
        "unsteady": metrics.unsteady.iter().map(|why| why.name()).collect::<Vec<_>>(),
        "timed_out_messages": metrics.timed_out_messages,
        "retried_messages": metrics.retried_messages,
        "servers_compared": {
            "messages_mean": metrics.servers.messages_mean,
            "messages_variance_over_mean": metrics.servers.messages_variance_over_mean,
            "worst_server": metrics.servers.worst,
            "worst_cpu_utilisation": metrics.servers.worst_cpu_utilisation,
        },
        "checks": checks(metrics),
        "warnings": metrics.warnings,
        "autoscaler": metrics.scaling.as_ref().map(scaling),
        "recovery": metrics.recovery.iter().map(recovery).collect::<Vec<Value>>(),
        "series": series,
    });
    if let Some(slow) = &metrics.slow_clients {
        out["slow_clients"] = slow_clients(slow);
    }
    out
}

/// What was counted, so that anybody can see that nothing was lost or made up.
fn checks(metrics: &RunMetrics) -> Value {
    let conservation = &metrics.conservation;
    json!({
        "conservation": {
            "holds": conservation.holds(),
            "arrived": conservation.arrived,
            "delivered": conservation.delivered,
            "queued": conservation.queued,
            "in_service": conservation.in_service,
            "blocked": conservation.blocked,
            "abandoned": conservation.abandoned,
            "lost": conservation.lost,
            "published": conservation.published,
            "relayed": conservation.relayed,
            "relay_lost": conservation.relay_lost,
            "in_post": conservation.in_post,
            "handed_out": conservation.handed_out,
            "received": conservation.received,
            "copies_lost": conservation.copies_lost,
            "copies_on_the_way": conservation.copies_on_the_way,
            "late": conservation.late,
            "intended": conservation.intended,
            "given_up": conservation.given_up,
            "pending": conservation.pending,
            "connections_opened": conservation.connections_opened,
            "connections_closed": conservation.connections_closed,
            "connections_open": conservation.connections_open,
        },
        "little_error": metrics.little_error,
    })
}

fn utilisation(point: &SeriesPoint) -> Map<String, Value> {
    STATION_NAMES
        .iter()
        .zip(point.utilisation)
        .filter_map(|(name, share)| share.map(|share| ((*name).to_owned(), json!(share))))
        .collect()
}

fn recovery(fault: &FaultMetrics) -> Value {
    json!({
        "fault": fault.what,
        "at_seconds": fault.at_seconds,
        "connections_before": fault.before,
        "dropped_connections": fault.dropped,
        "peak_accepted_per_second": fault.peak_accept_rate,
        "peak_attempts_per_second": fault.peak_attempt_rate,
        "refused_connections": fault.refused,
        "timed_out_connections": fault.timed_out,
        "lost_messages": fault.messages_lost,
        "seconds_until_99_percent_back": fault.back_seconds,
    })
}

fn scaling(scaling: &ScalingMetrics) -> Value {
    json!({
        "scale_outs": scaling.scale_outs,
        "scale_ins": scaling.scale_ins,
        "most_servers": scaling.most,
        "server_seconds": scaling.server_seconds,
        "fixed_servers": scaling.fixed_servers,
        "fixed_server_seconds": scaling.fixed_server_seconds,
    })
}

fn latency(latency: LatencyMetrics) -> Value {
    json!({
        "mean": latency.mean,
        "p50": latency.p50,
        "p90": latency.p90,
        "p95": latency.p95,
        "p99": latency.p99,
        "p999": latency.p999,
        "max": latency.max,
    })
}
