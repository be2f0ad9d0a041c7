//! The JSON Schema of the file format, for editors and checks outside this program. It follows the table of keys.
//!
//! A schema knows single values; what several can't be together only the program knows.

use serde_json::{Map, Value, json};

use super::belief::BELIEFS;
use super::keys::{self, Default, Figure, Key, Kind};
use super::shape::SHAPES;
use super::tree;
use crate::diagnostic::Source;
use crate::units::parse::Quantity;

/// A number as the parser reads it.
const NUMBER: &str = r"\d+(_\d+)*(\.\d+(_\d+)*)?([eE][+-]?\d+)?";

/// The schema, draft 2020-12.
pub fn schema() -> Value {
    let mut schema = section("");
    let mut top = Map::new();
    top.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    top.insert("title".into(), json!("Plimsoll scenario"));
    top.insert("description".into(), json!("A real-time system and the load on it."));
    top.append(&mut schema);
    top.insert("$defs".into(), definitions());
    Value::Object(top)
}

/// The keys below a path.
fn section(path: &str) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut spared = None;
    for key in keys::children(path) {
        properties.insert(key.name().into(), property(key));
        match key.unless {
            Some((sibling, has)) => spared = Some((key.name(), sibling, has)),
            None if is_required(key) => required.push(key.name()),
            None => {}
        }
    }
    let mut section = Map::new();
    section.insert("type".into(), json!("object"));
    section.insert("properties".into(), Value::Object(properties));
    if !required.is_empty() {
        section.insert("required".into(), json!(required));
    }
    if let Some((name, sibling, has)) = spared {
        let one_of_them: Vec<Value> = has.iter().map(|one| json!({"required": [one]})).collect();
        let sibling_has = json!({"type": "object", "anyOf": one_of_them});
        let says_as_much = json!({"required": [sibling], "properties": {sibling: sibling_has}});
        section.insert("anyOf".into(), json!([{"required": [name]}, says_as_much]));
    }
    section.insert("additionalProperties".into(), json!(false));
    section
}

/// Whether a file without the key is refused: it is required, or a section left to its default that has such a key.
fn is_required(key: &Key) -> bool {
    match key.default {
        Default::Required(_) => true,
        Default::Yaml("{}") => keys::children(key.path).iter().any(|key| is_required(key)),
        _ => false,
    }
}

fn property(key: &Key) -> Value {
    let mut options = Vec::new();
    if key.words == ["true", "false"] {
        options.push(json!({"type": "boolean"}));
    } else if !key.words.is_empty() {
        options.push(json!({"enum": key.words}));
    }
    match key.kind {
        Kind::Words => {}
        Kind::Names => {
            options.push(json!({"type": "integer", "minimum": 1, "maximum": 26}));
            options.push(json!({"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1}));
        }
        Kind::List => options.push(json!({"type": "array", "items": section(key.path)})),
        Kind::Text => options.push(json!({"type": ["string", "number"]})),
        Kind::Figure(figure) => options.push(json!({"$ref": reference(figure_name(&figure))})),
        Kind::Random(quantity) => {
            options.push(json!({"$ref": reference(quantity_name(quantity))}));
            options.push(json!({"$ref": reference(&format!("{}_distribution", quantity_name(quantity)))}));
        }
        Kind::Figures(figure, _) => options.push(json!({
            "type": "array",
            "items": {"$ref": reference(figure_name(&figure))},
            "minItems": 1,
        })),
        Kind::Rows(columns, _) => options.push(json!({
            "type": "array",
            "items": {
                "type": "object",
                "properties": columns
                    .iter()
                    .map(|(name, figure)| ((*name).to_owned(), json!({"$ref": reference(figure_name(figure))})))
                    .collect::<Map<_, _>>(),
                "required": columns.iter().map(|column| column.0).collect::<Vec<_>>(),
                "additionalProperties": false,
            },
            "minItems": 1,
        })),
        Kind::Table(_) => options.push(json!({"type": "string"})),
        Kind::Sweep => options.push(json!({
            "type": "object",
            "additionalProperties": {"anyOf": [
                {"type": "array", "minItems": 1},
                {"type": "string", "pattern": "\\.\\..* (log|lin) [0-9]+$"},
            ]},
        })),
    }
    if key.is_section() && key.kind != Kind::List {
        options.push(Value::Object(section(key.path)));
        // An empty `slo:` is a section with nothing in it.
        if key.words.is_empty() && key.kind == Kind::Words {
            options.push(json!({"type": "null"}));
        }
    }
    let mut property = Map::new();
    property.insert("description".into(), json!(description(key)));
    match key.default {
        Default::Yaml("{}") | Default::Absent => {}
        Default::Yaml(text) => {
            property.insert("default".into(), default(text));
        }
        Default::Required(example) => {
            let example = tree::parse_within(&Source::argument(example), 0).ok();
            let example = example.as_ref().and_then(|node| find(node, key.name()));
            if let Some(example) = example {
                property.insert("examples".into(), json!([json(example)]));
            }
        }
    }
    if options.len() == 1 {
        if let Some(Value::Object(only)) = options.pop() {
            property.extend(only);
        }
    } else {
        property.insert("anyOf".into(), Value::Array(options));
    }
    Value::Object(property)
}

fn description(key: &Key) -> String {
    if key.source.is_empty() { key.doc.to_owned() } else { format!("{} Default from: {}.", key.doc, key.source) }
}

/// A default as JSON has it.
fn default(text: &str) -> Value {
    match text {
        "true" => json!(true),
        "false" => json!(false),
        list if list.starts_with('[') => {
            tree::parse_within(&Source::argument(list), 0).map_or(Value::Null, |node| json(&node))
        }
        _ => text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)),
    }
}

/// The value of a key, however deep it is.
fn find<'a>(node: &'a tree::Node, name: &str) -> Option<&'a tree::Node> {
    node.get(name).or_else(|| match &node.value {
        tree::Value::Map(entries) => entries.iter().find_map(|(_, node)| find(node, name)),
        _ => None,
    })
}

fn json(node: &tree::Node) -> Value {
    match &node.value {
        tree::Value::Null => Value::Null,
        tree::Value::Scalar { text, .. } => default(text),
        tree::Value::Seq(items) => items.iter().map(json).collect(),
        tree::Value::Map(entries) => entries.iter().map(|(key, node)| (key.text.clone(), json(node))).collect(),
    }
}

fn reference(name: &str) -> String {
    format!("#/$defs/{name}")
}

const fn quantity_name(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Count => "number",
        Quantity::Time => "time",
        Quantity::Bytes => "bytes",
        Quantity::BitRate => "bit_rate",
        Quantity::ByteRate => "byte_rate",
        Quantity::Rate => "rate",
        Quantity::Ratio => "share",
    }
}

fn figure_name(figure: &Figure) -> &'static str {
    match (figure.certain.is_some(), figure.quantity) {
        (true, Quantity::Count) => "certain_number",
        (true, Quantity::Time) => "certain_time",
        (true, Quantity::Ratio) => "certain_share",
        (_, quantity) => quantity_name(quantity),
    }
}

/// Each quantity, certain and not, and the distributions of it.
fn definitions() -> Value {
    let mut definitions = Map::new();
    for quantity in [
        Quantity::Count,
        Quantity::Time,
        Quantity::Bytes,
        Quantity::BitRate,
        Quantity::ByteRate,
        Quantity::Rate,
        Quantity::Ratio,
    ] {
        let unit = quantity.unit_pattern();
        let exact = format!("{NUMBER}{unit}");
        let uncertain = format!(r"{NUMBER}({unit})? ?\.\. ?{NUMBER}{unit}");
        let name = quantity_name(quantity);
        let plain = matches!(quantity, Quantity::Count | Quantity::Ratio);
        let mut any = figure(quantity, &format!("^({exact}|{uncertain})$"), plain);
        let exactly = figure(quantity, &format!("^{exact}$"), plain);
        any = json!({"description": quantity.examples(), "anyOf": [any, {"$ref": reference(&format!("uncertain_{name}"))}]});
        definitions.insert(name.into(), any);
        definitions.insert(format!("uncertain_{name}"), believed(&exactly));
        if matches!(quantity, Quantity::Count | Quantity::Time | Quantity::Ratio) {
            definitions.insert(format!("certain_{name}"), figure(quantity, &format!("^{exact}$"), plain));
        }
        if matches!(quantity, Quantity::Time | Quantity::Bytes | Quantity::Count) {
            definitions.insert(format!("{name}_distribution"), distribution(name));
        }
    }
    Value::Object(definitions)
}

fn figure(quantity: Quantity, pattern: &str, plain: bool) -> Value {
    let text = json!({"type": "string", "pattern": pattern});
    let description = quantity.examples();
    if plain {
        json!({"description": description, "anyOf": [{"type": "number", "minimum": 0}, text]})
    } else {
        json!({"description": description, "type": "string", "pattern": pattern})
    }
}

/// `{uncertain: …}` of figures of this kind.
fn believed(figure: &Value) -> Value {
    let shapes: Map<String, Value> = BELIEFS
        .iter()
        .map(|(name, syntax)| {
            let ends: &[&str] = if *name == "triangular" { &["low", "mode", "high"] } else { &["low", "high"] };
            let properties: Map<String, Value> = ends.iter().map(|end| ((*end).to_owned(), figure.clone())).collect();
            let shape = json!({
                "description": format!("Written like `{syntax}`."),
                "type": "object",
                "properties": properties,
                "required": ends,
                "additionalProperties": false,
            });
            ((*name).to_owned(), shape)
        })
        .collect();
    let one = json!({
        "type": "object",
        "properties": shapes,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
    });
    json!({"type": "object", "properties": {"uncertain": one}, "required": ["uncertain"], "additionalProperties": false})
}

/// One of the distributions, of this quantity.
fn distribution(quantity: &str) -> Value {
    let figure = json!({"$ref": reference(quantity)});
    let number = json!({"$ref": reference("number")});
    let object = |fields: &[(&str, &Value)]| {
        let properties: Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
        let required: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    };
    let shapes: Map<String, Value> = SHAPES
        .iter()
        .map(|(name, syntax)| {
            let mut shape = match *name {
                "lognormal" | "gamma" => object(&[("mean", &figure), ("cv", &number)]),
                "erlang" => object(&[("mean", &figure), ("k", &json!({"type": "integer", "minimum": 1}))]),
                "uniform" => object(&[("low", &figure), ("high", &figure)]),
                "hyperexponential" => object(&[
                    ("probabilities", &json!({"type": "array", "items": {"$ref": reference("certain_share")}})),
                    ("means", &json!({"type": "array", "items": figure})),
                ]),
                "empirical" => json!({"type": "string"}),
                _ => figure.clone(),
            };
            shape["description"] = json!(format!("Written like `{syntax}`."));
            ((*name).to_owned(), shape)
        })
        .collect();
    json!({
        "type": "object",
        "properties": shapes,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Document, Template, template};

    fn instance(yaml: &str) -> Value {
        json(&tree::parse("x", yaml.as_bytes()).unwrap_or_else(|e| panic!("{e}")))
    }

    /// Whether schema and program agree on a file, and what they say.
    fn agreed(validator: &jsonschema::Validator, yaml: &str) -> bool {
        let none = |_: &str| Err(std::io::Error::other("no files"));
        let program = Document::parse("x", yaml.as_bytes(), &none).and_then(|document| document.resolve());
        let instance = instance(yaml);
        let schema = validator.validate(&instance);
        assert_eq!(program.is_ok(), schema.is_ok(), "{yaml}\nprogram: {program:?}\nschema: {schema:?}");
        schema.is_ok()
    }

    #[test]
    fn it_agrees_with_the_program() {
        let schema = schema();
        assert!(jsonschema::meta::is_valid(&schema));
        let validator = jsonschema::validator_for(&schema).unwrap();
        for kind in [Template::Short, Template::Full] {
            assert!(agreed(&validator, &template(kind, "x")));
        }
        let base = "users: 10k\nworkload: {message: {rate: 1/s}}\n";
        for right in [
            "latency: {client: {lognormal: {mean: 1..2 ms, cv: 0.5}}, server: 0 s}",
            "latency: {client: {hyperexponential: {probabilities: [0.5, 50 %], means: [1 ms, 2 s]}}}",
            "servers: {connections: {comfortable: 3_000..5_000, limit: unlimited}, count: 3}",
            "servers: {queue: {limit: 10, patience: {exponential: 1 s}}}",
            "latency: {client: {uncertain: {uniform: {low: 0 s, high: 3 ms}}}, server: {exponential: {uncertain: {triangular: {low: 1 ms, mode: 1 ms, high: 2 ms}}}}}",
            "servers: {target_utilisation: {uncertain: {loguniform: {low: 50 %, high: 0.9}}}}",
            "protocol: {tls: false}\nlogs: none\nslo:\nsimulation: {start: {ramp: 30 s}, precision: 2 %}",
            "broker: {kind: kafka, linger: 0 s, per_publish: {exponential: 2 us}}\nsharding: {shards: 4, by: region}",
            "slo: {latency: {p99: 200 ms}, dropped: 0.1 %}\nsweep: {users: [100, 10k]}",
            "workload: {message: {rate: 0.5..2/s, arrivals: {batch: {size: {geometric: 2}}}}}\nusers: 5".trim(),
            "workload: {message: {arrivals: {mmpp: {rates: [1/s, 2/s], switch: [1/s, 1/s]}}}}\nusers: 5",
            "workload: {message: {rate: 1/s}, profile: {steps: [{at: 1 s, share: 5 %}]}}\nusers: 5",
        ] {
            let yaml = if right.starts_with("workload") { right.to_owned() } else { format!("{base}{right}\n") };
            assert!(agreed(&validator, &yaml), "{yaml}");
        }
        for wrong in ["arrivals: {batch: {size: 2}}", "rate: 1/s}, profile: {steps: [{at: 1 s}]"] {
            assert!(!agreed(&validator, &format!("users: 5\nworkload: {{message: {{{wrong}}}}}\n")), "{wrong}");
        }
        for wrong in [
            "user: 5",
            "servers: {cores: 2..4}",
            "servers: {memory: 8 Gb}",
            "servers: {network: 100 MB/s}",
            "latency: {client: 20}",
            "latency: {client: {exponential: 1 ms, empirical: x}}",
            "latency: {client: {gamma: {mean: 1 ms}}}",
            "servers: {cores: {uncertain: {uniform: {low: 2, high: 4}}}}",
            "latency: {client: {uncertain: {normal: {low: 1 ms, high: 2 ms}}}}",
            "latency: {client: {uncertain: {uniform: {low: 1 ms}}}}",
            "latency: {client: {uncertain: {uniform: {low: 1..2 ms, high: 3 ms}}}}",
            "broker: rabbit",
            "sharding: {by: region}",
            "workload2: {}",
            "simulation: {seed: -1}",
            "balancer: {policy: fastest}",
            "sweep: {users: 5}",
        ] {
            assert!(!agreed(&validator, &format!("{base}{wrong}\n")), "{wrong}");
        }
        assert!(!agreed(&validator, "users: 5\n") && !agreed(&validator, "workload: {message: {rate: 1/s}}\n"));
    }
}
