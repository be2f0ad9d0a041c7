//! All figures of a result as one table: the names that JSON has for them, joined by dots.

use serde_json::Value;

use crate::report::document::{Cell, Column, Table};

/// What an item of a list is called by, where it has one of these.
const NAMES: [&str; 6] = ["resource", "name", "path", "objective", "tier", "factor"];
/// Lists that are tables of their own.
const LEFT_OUT: [&str; 2] = ["series", "schema_version"];

/// The table.
pub fn table(result: &Value) -> Table {
    let columns = vec![
        Column::text("figure", "figure"),
        Column::number("value", "value"),
        Column::number("low", "low"),
        Column::number("high", "high"),
    ];
    let mut table = Table::new("figures", columns);
    add(result, "", &mut table.rows);
    table
}

fn add(value: &Value, path: &str, rows: &mut Vec<Vec<Cell>>) {
    let under = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) if fields.contains_key("value") && fields.contains_key("low") => {
            let figure = |name: &str| Cell::maybe(fields[name].as_f64(), |figure| figure.to_string(), "");
            let high = fields.get("high").and_then(Value::as_f64);
            let high = Cell::maybe(high, |figure| figure.to_string(), "");
            rows.push(vec![Cell::text(path), figure("value"), figure("low"), high]);
        }
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str())) {
                add(value, &under(name), rows);
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                let name = NAMES.iter().find_map(|name| item.get(name)).map(|name| match name {
                    Value::String(name) => name.clone(),
                    other => other.to_string(),
                });
                add(item, &under(&name.unwrap_or_else(|| (number + 1).to_string())), rows);
            }
        }
        Value::Number(figure) => {
            let none = || Cell::maybe(None, |_| String::new(), "");
            rows.push(vec![Cell::text(path), Cell::maybe(figure.as_f64(), |f| f.to_string(), ""), none(), none()]);
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_found_wherever_they_are() {
        let result = json!({
            "schema_version": 1,
            "load": {"users": {"value": 3.0, "low": 2.0, "high": null}},
            "bottlenecks": [{"resource": "server.cpu", "busy": 0.5, "solution": "more"}],
        });
        let rows: Vec<Vec<String>> =
            table(&result).rows.iter().map(|row| row.iter().map(|cell| cell.shown.clone()).collect()).collect();
        assert_eq!(rows, [["load.users", "3", "2", ""], ["bottlenecks.server.cpu.busy", "0.5", "", ""]]);
    }
}
