//! The JSON Schema of what commands print with `--format json`.
//!
//! Every key that is printed is a line in a table here, with its unit and its meaning; the schema follows from the table.
//! It is strict: a key that is not in the table, or is missing, is an error, and a test holds every command's output of
//! every shipped scenario to it. So a name can't change, come or go without this table.

mod fleet;
mod live;
mod result;

use serde_json::{Map, Value, json};

/// A key.
#[derive(Debug, Clone, Copy)]
struct Field {
    /// From the top of its table; `[]` stands for the items of a list.
    path: &'static str,
    is: Is,
    /// It may be null.
    null: bool,
    /// It may be missing.
    optional: bool,
    unit: &'static str,
    doc: &'static str,
}

/// What a key holds.
#[derive(Debug, Clone, Copy)]
enum Is {
    /// An object with the keys below its path.
    Object,
    /// A list of objects with the keys below its path, `[]` added.
    List,
    Number,
    Whole,
    Truth,
    Text,
    Texts,
    /// One of these words.
    Words(&'static [&'static str]),
    /// Any of these words.
    AnyOf(&'static [&'static str]),
    /// A list of whole numbers.
    Wholes,
    /// Numbers or texts by name.
    Values,
    /// Numbers by name.
    Numbers,
    /// Pairs of a lower and an upper end, by name.
    Ranges,
    /// What another table says.
    Of(&'static str),
    /// The same, in a list.
    ListOf(&'static str),
    /// The same, by name.
    EachOf(&'static str),
}

/// A part that others name: `Of` and the commands.
struct Table {
    name: &'static str,
    doc: &'static str,
    fields: &'static [Field],
    /// Whether it begins as every result does.
    head: bool,
}

const fn field(path: &'static str, is: Is, unit: &'static str, doc: &'static str) -> Field {
    Field { path, is, null: false, optional: false, unit, doc }
}

/// `{value, low, high}`.
const fn figure(path: &'static str, unit: &'static str, doc: &'static str) -> Field {
    field(path, Is::Of("figure"), unit, doc)
}

const fn number(path: &'static str, unit: &'static str, doc: &'static str) -> Field {
    field(path, Is::Number, unit, doc)
}

const fn whole(path: &'static str, unit: &'static str, doc: &'static str) -> Field {
    field(path, Is::Whole, unit, doc)
}

const fn text(path: &'static str, doc: &'static str) -> Field {
    field(path, Is::Text, "", doc)
}

const fn truth(path: &'static str, doc: &'static str) -> Field {
    field(path, Is::Truth, "", doc)
}

const fn words(path: &'static str, words: &'static [&'static str], doc: &'static str) -> Field {
    field(path, Is::Words(words), "", doc)
}

const fn object(path: &'static str, doc: &'static str) -> Field {
    field(path, Is::Object, "", doc)
}

const fn list(path: &'static str, doc: &'static str) -> Field {
    field(path, Is::List, "", doc)
}

const fn of(path: &'static str, table: &'static str, doc: &'static str) -> Field {
    field(path, Is::Of(table), "", doc)
}

impl Field {
    const fn or_null(mut self) -> Self {
        self.null = true;
        self
    }

    const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The name of the key itself.
    fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }
}

/// What every result begins with.
const HEAD: &[Field] = &[
    whole("schema_version", "", "The version of these names and meanings: it grows when one changes or goes"),
    object("program", "What printed it"),
    text("program.name", "Its name"),
    text("program.version", "Its version"),
    object("scenario", "What it is of"),
    text("scenario.name", "The scenario's name"),
    text("scenario.hash", "A hash of the whole scenario with its defaults: the same hash is the same scenario"),
    whole("seed", "", "The seed of every random stream: with it and the scenario the result can be made again"),
];

const SHARED: &[Table] = &[
    Table {
        name: "figure",
        doc: "A figure with its interval; `intervals` nearby says what the interval is",
        fields: &[
            number("value", "", "The best single figure"),
            number("low", "", "The lower end; null where it is not known").or_null(),
            number("high", "", "The upper end; null where it is not known").or_null(),
        ],
        head: false,
    },
    Table {
        name: "intervals",
        doc: "What the intervals of figures are",
        fields: &[
            number("level", "share", "How often an interval holds its figure"),
            words(
                "kind",
                &["parameter", "sampling"],
                "`parameter`: of what is uncertain in the scenario; `sampling`: of the error of simulating or measuring \
                 only so long",
            ),
        ],
        head: false,
    },
    Table {
        name: "latency",
        doc: "Latency, from the intended publish to the recipient",
        fields: &[
            figure("mean", "s", "Mean"),
            figure("p50", "s", "Half of all messages are faster"),
            figure("p90", "s", "90 % are faster"),
            figure("p95", "s", "95 % are faster"),
            figure("p99", "s", "99 % are faster"),
            figure("p999", "s", "99.9 % are faster"),
            figure("max", "s", "The slowest").optional(),
        ],
        head: false,
    },
];

fn tables() -> impl Iterator<Item = &'static Table> {
    SHARED.iter().chain(result::TABLES).chain(fleet::TABLES).chain(live::TABLES)
}

/// The schema of a command's result, draft 2020-12; null if there is none of this name.
pub fn of_result(name: &str) -> Value {
    let Some(table) = tables().find(|table| table.name == name) else { return Value::Null };
    let mut out = Map::new();
    out.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    out.insert("title".into(), json!(format!("Plimsoll: {name}")));
    out.append(&mut schema(table));
    let mut wanted = Vec::new();
    references(table, &mut wanted);
    let definitions =
        tables().filter(|table| wanted.contains(&table.name)).map(|t| (t.name.to_owned(), Value::Object(schema(t))));
    out.insert("$defs".into(), Value::Object(definitions.collect()));
    Value::Object(out)
}

/// The names of the tables that a table refers to, and those refer to, and so on.
fn references(table: &Table, found: &mut Vec<&'static str>) {
    for field in table.fields {
        let (Is::Of(name) | Is::ListOf(name) | Is::EachOf(name)) = field.is else { continue };
        if !found.contains(&name) {
            found.push(name);
            tables().filter(|table| table.name == name).for_each(|table| references(table, found));
        }
    }
}

fn schema(table: &Table) -> Map<String, Value> {
    let head = if table.head { HEAD } else { &[] };
    let fields: Vec<Field> = head.iter().chain(table.fields).copied().collect();
    let mut out = Map::new();
    out.insert("description".into(), json!(table.doc));
    out.extend(section(&fields, ""));
    out
}

/// The keys right below a path.
fn section(fields: &[Field], below: &str) -> Map<String, Value> {
    let own = |field: &&Field| {
        let rest = if below.is_empty() { Some(field.path) } else { field.path.strip_prefix(below) };
        let rest = if below.is_empty() { rest } else { rest.and_then(|rest| rest.strip_prefix('.')) };
        rest.is_some_and(|rest| !rest.contains('.'))
    };
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields.iter().filter(own) {
        properties.insert(field.name().into(), property(fields, field));
        if !field.optional {
            required.push(field.name());
        }
    }
    let mut out = Map::new();
    out.insert("type".into(), json!("object"));
    out.insert("properties".into(), Value::Object(properties));
    out.insert("required".into(), json!(required));
    out.insert("additionalProperties".into(), json!(false));
    out
}

fn property(fields: &[Field], field: &Field) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let mut holds = match field.is {
        Is::Object => Value::Object(section(fields, field.path)),
        Is::List => {
            let items = section(fields, &format!("{}[]", field.path));
            json!({ "type": "array", "items": items })
        }
        Is::Number => json!({ "type": "number" }),
        Is::Whole => json!({ "type": "integer" }),
        Is::Truth => json!({ "type": "boolean" }),
        Is::Text => json!({ "type": "string" }),
        Is::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Is::Words(words) => json!({ "enum": words }),
        Is::AnyOf(words) => json!({ "type": "array", "items": { "enum": words } }),
        Is::Wholes => json!({ "type": "array", "items": { "type": "integer" } }),
        Is::Values => json!({ "type": "object", "additionalProperties": { "type": ["number", "string"] } }),
        Is::Numbers => json!({ "type": "object", "additionalProperties": { "type": "number" } }),
        Is::Ranges => {
            let pair = json!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 });
            json!({ "type": "object", "additionalProperties": pair })
        }
        Is::Of(name) => reference(name),
        Is::ListOf(name) => json!({ "type": "array", "items": reference(name) }),
        Is::EachOf(name) => json!({ "type": "object", "additionalProperties": reference(name) }),
    };
    if field.null {
        holds = json!({ "anyOf": [holds, { "type": "null" }] });
    }
    let unit = if field.unit.is_empty() { String::new() } else { format!(" (unit: {})", field.unit) };
    holds["description"] = json!(format!("{}{unit}", field.doc));
    holds
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What has no line above it would be left out of the schema without a word.
    #[test]
    fn every_key_stands_below_one_that_has_keys() {
        for table in tables() {
            let fields: Vec<Field> =
                (if table.head { HEAD } else { &[] }).iter().chain(table.fields).copied().collect();
            for (at, field) in fields.iter().enumerate() {
                assert!(!fields[..at].iter().any(|other| other.path == field.path), "twice: {}", field.path);
                assert!(!field.doc.is_empty(), "{}", field.path);
                let Some((parent, _)) = field.path.rsplit_once('.') else { continue };
                let list = parent.strip_suffix("[]");
                let above = fields.iter().find(|other| other.path == list.unwrap_or(parent));
                let fits = above.is_some_and(|above| match above.is {
                    Is::List => list.is_some(),
                    Is::Object => list.is_none(),
                    _ => false,
                });
                assert!(fits, "{}: nothing that has keys is above {}", table.name, field.path);
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_figures_have_units() {
        for table in tables() {
            let mut names = Vec::new();
            references(table, &mut names);
            for name in names {
                assert!(tables().any(|table| table.name == name), "{}: {name}", table.name);
            }
            for field in table.fields.iter().filter(|field| matches!(field.is, Is::Of("figure"))) {
                assert!(!field.unit.is_empty(), "{}: {} has no unit", table.name, field.path);
            }
        }
    }
}
