//! The result of a Prometheus range query (`/api/v1/query_range`): series over time.
//!
//! A series is of the column that its `__name__` names (as a recording rule would), or of the one that the command line
//! says (`cpu_utilisation=FILE`), since functions such as `rate()` take the name away. The series of several servers at
//! one time are put [together](super::Together), and files are joined where their times are the same.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Column, Format, LoadPoint, Table, Together, number};
use crate::diagnostic::{Diagnostic, Diagnostics, alternatives, quoted};

pub(super) fn is_one(value: &Value) -> bool {
    value.get("status").is_some_and(Value::is_string)
        && (value.pointer("/data/resultType").is_some() || value.get("error").is_some())
}

pub(super) fn table(name: &str, value: &Value, column: Option<Column>) -> Result<Table, Diagnostics> {
    if value["status"] != "success" {
        let told = value["error"].as_str().unwrap_or("it doesn't say why");
        return Err(Diagnostic::new(format!("the query whose result is `{name}` failed: {told}")).into());
    }
    if value["data"]["resultType"] != "matrix" {
        let kind = quoted(value["data"]["resultType"].as_str().unwrap_or_default());
        let help = "ask `/api/v1/query_range` with `start`, `end` and `step`";
        return Err(Diagnostic::new(format!("`{name}` has no series over time, but a {kind}")).help(help).into());
    }
    let mut samples: BTreeMap<(i64, Column), Vec<f64>> = BTreeMap::new();
    let mut others: Vec<String> = Vec::new();
    for series in value["data"]["result"].as_array().into_iter().flatten() {
        let called = series["metric"]["__name__"].as_str().unwrap_or("without a name");
        let Some(column) = column.or_else(|| Column::named(called)) else {
            others.push(quoted(called));
            continue;
        };
        for sample in series["values"].as_array().into_iter().flatten() {
            let wrong = || Diagnostics::from(Diagnostic::new(format!("`{name}` has a sample that is none: {sample}")));
            let at = sample.get(0).and_then(number).ok_or_else(wrong)?;
            let text = sample.get(1).and_then(Value::as_str).ok_or_else(wrong)?;
            let figure: f64 = text.parse().map_err(|_| wrong())?;
            // 0/0 of a rate without traffic: not measured.
            if figure.is_finite() && figure >= 0.0 {
                samples.entry(((at * 1e3).round() as i64, column)).or_default().push(figure);
            }
        }
    }
    if samples.is_empty() && !others.is_empty() {
        return Err(nameless(name, &others));
    }
    others.sort();
    others.dedup();
    let notes = if others.is_empty() { vec![] } else { vec![format!("series left out: {}", others.join(", "))] };
    Ok(Table { format: Format::Prometheus, points: points(samples), notes })
}

fn points(samples: BTreeMap<(i64, Column), Vec<f64>>) -> Vec<LoadPoint> {
    let mut points: BTreeMap<i64, LoadPoint> = BTreeMap::new();
    for ((at, column), values) in samples {
        let sum: f64 = values.iter().sum();
        let figure = match column.together() {
            Together::Sum => sum,
            Together::Mean => sum / values.len() as f64,
            Together::Most => values.iter().copied().fold(0.0, f64::max),
        };
        points.entry(at).or_default().set(column, figure);
    }
    points.into_iter().map(|(at, point)| point.with(Column::Time, at as f64 / 1e3)).collect()
}

/// Puts the rows of several tables together that are of the same time.
pub(super) fn joined(tables: &[&Table]) -> Vec<LoadPoint> {
    let mut rows: BTreeMap<i64, LoadPoint> = BTreeMap::new();
    for point in tables.iter().flat_map(|table| &table.points) {
        let at = point.get(Column::Time).map_or(0, |at| (at * 1e3).round() as i64);
        let row = rows.entry(at).or_default();
        for column in Column::ALL {
            if let Some(value) = point.get(column) {
                row.set(column, value);
            }
        }
    }
    rows.into_values().collect()
}

fn nameless(name: &str, others: &[String]) -> Diagnostics {
    let columns = alternatives(Column::ALL.into_iter().skip(2).map(Column::name));
    let help = format!("say what they are: `--from cpu_utilisation={name}`, with one of {columns}");
    Diagnostic::new(format!("the series of `{name}` don't say what they are: {}", others[0])).help(help).into()
}
