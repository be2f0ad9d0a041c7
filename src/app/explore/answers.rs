//! From what the page changed to what it shows: the scenario with these assignments, and its closed form.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use crate::analysis::assess;
use crate::analysis::price::{Price, Pricing};
use crate::app::input;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::report::View;
use crate::report::explore::{self as page, levers};
use crate::scenario::{Catalogue, Document};

/// Assignments of one variant.
const MOST_SETS: usize = 500;
/// Variants side by side.
pub const VARIANTS: usize = 2;
/// Answers that are remembered.
const REMEMBERED: usize = 8;

/// The scenario as the command line has it, which variants start from.
#[derive(Debug)]
pub struct Base {
    /// Where the file is, or `-`.
    path: String,
    document: Document,
    /// What machines cost.
    catalogue: Option<Catalogue>,
    /// What was asked last, the newest first.
    recent: Mutex<VecDeque<Arc<Answer>>>,
}

/// What is shown of a variant, and its figures.
#[derive(Debug)]
struct Answer {
    sets: Vec<String>,
    shown: Value,
    values: Values,
}

/// What is asked of the server is not what it knows.
#[derive(Debug)]
pub struct Malformed(pub &'static str);

impl Base {
    /// Variants of this document, which was read from this path.
    pub fn new(path: &str, document: Document) -> Self {
        Self { path: path.to_owned(), document, catalogue: Catalogue::example().ok(), recent: Mutex::default() }
    }

    /// A variant; with it, what can be said against its assignments one by one.
    fn variant(&self, sets: &[String]) -> (Document, Vec<Diagnostics>) {
        let mut document = self.document.clone();
        let errors = sets.iter().filter_map(|set| document.set(set).err()).collect();
        document.load_files(&|name| input::data_below(&self.path, name));
        (document, errors)
    }

    /// A variant without mistakes.
    ///
    /// # Errors
    /// All mistakes there are.
    pub fn document(&self, sets: &[String]) -> Result<Document, Diagnostics> {
        let (document, mut errors) = self.variant(sets);
        if errors.is_empty() {
            document.resolve()?;
            return Ok(document);
        }
        // What else is wrong is said in the same breath.
        errors.extend(document.resolve().err());
        Err(Diagnostics::from_iter(errors))
    }

    /// The closed form of each variant, and how they differ; `wanted` says whether anybody still waits for it.
    pub fn answer(&self, variants: &[Vec<String>], wanted: &dyn Fn() -> bool) -> Option<Value> {
        let mut answers = Vec::new();
        for sets in variants {
            if !wanted() {
                return None;
            }
            answers.push(self.closed_form(sets));
        }
        let differences = match &answers[..] {
            [a, b] => differences(&a.values, &b.values),
            _ => Map::new(),
        };
        let shown: Vec<&Value> = answers.iter().map(|answer| &answer.shown).collect();
        Some(json!({ "variants": shown, "differences": differences }))
    }

    /// What is shown of a variant. While one is turned, the other stays, and is remembered.
    fn closed_form(&self, sets: &[String]) -> Arc<Answer> {
        let known = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = known().iter().find(|answer| answer.sets == sets) {
            return Arc::clone(answer);
        }
        let (document, _) = self.variant(sets);
        let states: Vec<Value> =
            levers::all().map(|lever| levers::state(lever, document.given(lever.path).as_ref())).collect();
        let (mut shown, values) =
            match self.document(sets).and_then(|document| computed(&document, self.catalogue.as_ref())) {
                Ok(found) => found,
                Err(errors) => (json!({ "errors": page::errors(&errors) }), Values::new()),
            };
        shown["levers"] = Value::Array(states);
        let answer = Arc::new(Answer { sets: sets.to_vec(), shown, values });
        let mut recent = known();
        recent.push_front(Arc::clone(&answer));
        recent.truncate(REMEMBERED);
        answer
    }

    /// A scenario file that is a variant.
    ///
    /// # Errors
    /// What is wrong with the variant.
    pub fn yaml(&self, sets: &[String]) -> Result<(String, String), Diagnostics> {
        let mut document = self.document(sets)?;
        let scenario = document.resolve()?;
        if document.given("name").is_none() {
            document.set_path("--set", "name", &json!(scenario.name).to_string())?;
        }
        let text = document.to_yaml().ok_or_else(|| {
            Diagnostic::new("the scenario can't be written down so that it reads the same; please report this")
        })?;
        Ok((file_name(&scenario.name), text))
    }
}

type Values = Vec<(&'static str, f64)>;

fn computed(document: &Document, catalogue: Option<&Catalogue>) -> Result<(Value, Values), Diagnostics> {
    let assessment = assess(document)?;
    let hash = document.hash();
    let view = View { assessment: &assessment, metrics: None, objectives: &[], hash: &hash };
    let in_median = |catalogue| Price::in_median(&Pricing::of(document, catalogue), catalogue).ok()?;
    let price = catalogue.and_then(in_median);
    let values = page::closed(&view, price.as_ref()).values().collect();
    Ok((page::answer(&view, price.as_ref()), values))
}

/// The second over the first, in words, where both have a figure.
fn differences(a: &Values, b: &Values) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, first) in a {
        let Some((_, second)) = b.iter().find(|other| other.0 == *key) else { continue };
        // Nothing, twice, is no difference; out of nothing, no ratio.
        let times = if *first + *second > 0.0 { second / first } else { 1.0 };
        out.insert((*key).to_owned(), json!(page::difference(times)));
    }
    out
}

/// A name that any system takes.
fn file_name(name: &str) -> String {
    let clean: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' })
        .take(60)
        .collect();
    let clean = clean.trim_matches('-');
    format!("{}.yaml", if clean.is_empty() { "scenario" } else { clean })
}

/// The assignments of a variant in a request.
pub fn sets(value: &Value) -> Result<Vec<String>, Malformed> {
    let Some(list) = value["set"].as_array() else { return Err(Malformed("`set` must be a list of assignments")) };
    if list.len() > MOST_SETS {
        return Err(Malformed("there are too many assignments"));
    }
    let text = |one: &Value| one.as_str().map(str::to_owned).ok_or(Malformed("an assignment must be a text"));
    list.iter().map(text).collect()
}
