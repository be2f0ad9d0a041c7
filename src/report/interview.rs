//! The frame of an estimate as one gives it in conversation: clarify, arithmetic, bottleneck, solution, trade-offs, what
//! breaks next.

use std::fmt::Write as _;

use super::View;
use super::show::{count_whole, counted, interval, share};
use super::steps::short;
use super::terminal::{bare, indented, plain, wrapped};
use crate::analysis::advice::advice;
use crate::analysis::growth::Growth;
use crate::model::Fleet;
use crate::units::display::count;

/// Bottlenecks told in full.
const ADVICE: usize = 2;
/// Resources named that are past their target at a size.
const NAMED: usize = 4;

/// What the estimate stands on: what is uncertain, and what was not said.
pub fn clarify(view: &View<'_>) -> String {
    let assessment = view.assessment;
    let mut out = "1. Clarify\n".to_owned();
    if !assessment.uncertain.is_empty() {
        out += "   Uncertain (90 % intervals)\n";
        for input in &assessment.uncertain {
            let _ = writeln!(out, "     {} from {} to {}", input.path, plain(input.low), plain(input.high));
        }
    }
    if !assessment.assumed.is_empty() {
        out += "   Assumed, as the scenario doesn't say\n";
        let rows = assessment
            .assumed
            .iter()
            .map(|assumed| vec![format!("     {}", assumed.path), assumed.value.to_owned(), assumed.source.to_owned()]);
        out += &bare(rows);
    }
    if assessment.uncertain.is_empty() && assessment.assumed.is_empty() {
        out += "   The scenario says all that matters.\n";
    }
    out.push('\n');
    out
}

/// What gives way first.
pub fn bottleneck(view: &View<'_>) -> String {
    let Some(first) = view.assessment.resources.first() else { return "3. Bottleneck: none\n".to_owned() };
    let when = first.users_at_target.map_or_else(
        || "with no target of its own".to_owned(),
        |users| format!("at {} users", interval(&users, count_whole)),
    );
    wrapped(&format!("3. Bottleneck: {}, {when}; {} used", first.kind.name(), interval(&first.utilisation, share)))
}

/// What to do about it, and what that costs.
pub fn solution(view: &View<'_>) -> String {
    let mut out = String::new();
    for (heading, of_all) in [("4. Solution", false), ("5. Trade-offs", true)] {
        let _ = writeln!(out, "{heading}");
        for resource in view.assessment.resources.iter().take(ADVICE) {
            let advice = advice(resource.kind);
            if of_all {
                let _ = writeln!(out, "   {}", resource.kind.name());
                for trade_off in advice.trade_offs {
                    out += &indented(&format!("- {trade_off}"), 5);
                }
            } else {
                out += &indented(&format!("{} -> {}", resource.kind.name(), advice.solution), 3);
            }
        }
    }
    out.push('\n');
    out
}

/// What breaks with more users.
pub fn next(view: &View<'_>) -> String {
    let mut out = "6. What breaks next\n".to_owned();
    for grown in &view.assessment.growth {
        out += &indented(&at(grown, &view.assessment.model.fleet), 3);
    }
    out.push('\n');
    out
}

pub(super) fn at(grown: &Growth, today: &Fleet) -> String {
    let mut out = format!("x{}, {} users: ", grown.factor, count(grown.users));
    let servers = counted(&count(today.servers as f64), "server");
    if grown.breaks.is_empty() {
        let _ = write!(out, "nothing on {servers}");
    } else {
        let named: Vec<String> = grown
            .breaks
            .iter()
            .take(NAMED)
            .map(|(kind, used)| format!("{} at {}", short(*kind), share(*used)))
            .collect();
        let _ = write!(out, "on {servers} {}", named.join(", "));
        if grown.breaks.len() > NAMED {
            let _ = write!(out, " and {} more", grown.breaks.len() - NAMED);
        }
    }
    let _ = write!(out, ". It takes {}", counted(&count(grown.required.servers as f64), "server"));
    for (units, what) in [
        (grown.required.broker_nodes, "broker node"),
        (grown.required.backend_nodes, "backend node"),
        (grown.required.log_nodes, "log node"),
    ] {
        if units > 0 {
            let _ = write!(out, ", {}", counted(&count(units as f64), what));
        }
    }
    if let Some(next) = grown.next {
        let _ = write!(out, "; first to give way there: {}", short(next));
    }
    out.push('.');
    out
}
